# x(t), the norms of x, and the weight decay that drives them, over one time axis.
# Arguments: dir = run folder, output, format, scripts = this folder.
width = 1000; height = 1050
load scripts.'/style.gp'
table = dir.'/trajectory.csv'
coordinates = dir.'/x.csv'

# The evenly spaced part of the times: beyond it the run only settles, in steps of equal ratio.
before = 0; even = 0; horizon = 0
stats table using (gap = $1 - before, before = $1, even = (even == 0 && gap > 0) ? gap : even, \
                   horizon = (gap <= 1.001 * even) ? $1 : horizon, $1) skip 1 nooutput name 'T'
# Where x is still on its way there, all of the run is drawn, over the logarithm of time.
there = 0; last = 0
stats table using (last = column('l1'), there = column('t') <= horizon ? last : there, last) nooutput
far = T_max > 1.01 * horizon && abs(last - there) > 0.1 * abs(last)
if (far) { set logscale x; set xrange [even:T_max] } else { set xrange [0:horizon] }
stats coordinates using 1 skip 1 nooutput name 'X'
columns = X_columns
shown = columns - 1 < 8 ? columns - 1 : 8

set multiplot
set lmargin at screen 0.085
set rmargin at screen 0.90

# Effective parameters
set tmargin at screen 0.945
set bmargin at screen 0.60
set format x ""
set ylabel "effective parameters  x_j(t)" offset 0.5
unset key
set title "Gradient flow with weight decay as a mirror flow: x = g(w)" offset 0,-0.3
set xzeroaxis linecolor rgb "#888888" linewidth 0.6
plot for [i=columns:shown+2:-1] coordinates using 1:i skip 1 with lines linecolor rgb grey linewidth 0.8 notitle, \
     for [i=shown+1:2:-1] coordinates using 1:i skip 1 with lines linecolor rgb colour[(i-2)%8+1] linewidth 1.8 notitle
unset title
unset xzeroaxis

# Norms and loss
set tmargin at screen 0.575
set bmargin at screen 0.345
set ylabel "norms of x"
set y2label "loss  f(x)" offset -0.5
set y2tics
set format y2 "10^{%T}"
set logscale y2
set ytics nomirror
set border 11
set yrange [0:*]
set key inside right center opaque noautotitle
plot table using 't':'l1' with lines linecolor rgb colour[1] linewidth 2 title "‖x‖_1", \
     table using 't':'l2' with lines linecolor rgb colour[3] linewidth 2 title "‖x‖_2", \
     table using 't':(column('loss') > 0 ? column('loss') : NaN) axes x1y2 with lines linecolor rgb colour[7] dashtype 2 linewidth 1.4 title "loss (right)"
unset logscale y2
set format y2 "%g"

# Schedule and effective exponent
set tmargin at screen 0.32
set bmargin at screen 0.075
if (far) { set format x "10^{%T}" } else { set format x "%g" }
set xlabel "time  t" offset 0,0.3
set ylabel "weight decay  α(t)"
set y2label "effective exponent  p_{eff}" offset -0.5
set y2range [0.95:2.05]
set y2tics 1,0.25,2
set key at graph 0.98,0.88 right top
settled = T_max > 1.01 * horizon && !far ? sprintf("the run settles until t = %.3g", T_max) : ""
set label 1 settled at graph 0.985,0.62 right font small textcolor rgb "#666666"
plot table using 't':'alpha' with filledcurves y1=0 fillcolor rgb "#E69F00" fillstyle transparent solid 0.35 noborder title "α(t)", \
     table using 't':'effective_exponent' axes x1y2 with lines linecolor rgb colour[2] linewidth 2.2 title "p_{eff}:  2 is L2, 1 is L1 (right)"
unset multiplot
unset output

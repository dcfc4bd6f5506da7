# Singular values of X(t), its norms and rank, and the weight decay that drives them.
# Arguments: dir = run folder, output, format, scripts = this folder.
width = 1000; height = 1050
load scripts.'/style.gp'
table = dir.'/trajectory.csv'
spectrum = dir.'/spectrum.csv'
given(name) = strlen(stringcolumn(name)) > 0

# The evenly spaced part of the times: beyond it the run only settles, in steps of equal ratio.
before = 0; even = 0; horizon = 0
stats table using (gap = $1 - before, before = $1, even = (even == 0 && gap > 0) ? gap : even, \
                   horizon = (gap <= 1.001 * even) ? $1 : horizon, $1) skip 1 nooutput name 'T'
# Where X is still on its way there, all of the run is drawn, over the logarithm of time.
there = 0; last = 0
stats table using (last = column('nuclear_norm'), there = column('t') <= horizon ? last : there, last) nooutput name 'N'
far = T_max > 1.01 * horizon && abs(last - there) > 0.02 * abs(last)
if (far) { set logscale x; set xrange [even:T_max] } else { set xrange [0:horizon] }
stats spectrum using 3 skip 1 nooutput name 'S'
columns = S_columns
shown = columns - 2 < 8 ? columns - 2 : 8
known = 0
stats table using (known = given('truth_error') ? known + 1 : known, 0) nooutput

set multiplot
set lmargin at screen 0.095
set rmargin at screen 0.90

# Singular values
set tmargin at screen 0.945
set bmargin at screen 0.57
set format x ""
set ylabel "singular values of X(t)" offset 0.5
unset key
set logscale y
set format y "10^{%T}"
set yrange [S_max * 1e-6:S_max * 2]
set title "Singular values: a few are chosen, the others decay" offset 0,-0.3
plot for [i=columns:shown+3:-1] spectrum using 1:(column(i) > 0 ? column(i) : NaN) skip 1 with lines linecolor rgb grey linewidth 0.8 notitle, \
     for [i=shown+2:3:-1] spectrum using 1:(column(i) > 0 ? column(i) : NaN) skip 1 with lines linecolor rgb colour[(i-3)%8+1] linewidth 2 notitle
unset title
unset logscale y
set format y "%g"

# Norms and loss
set tmargin at screen 0.545
set bmargin at screen 0.325
set ylabel "norms of X"
set y2label "loss  f(X)" offset -0.5
set y2tics
set format y2 "10^{%T}"
set logscale y2
set ytics nomirror
set border 11
set yrange [0:*]
set key inside right center opaque noautotitle
plot table using 't':'nuclear_norm' with lines linecolor rgb blue linewidth 2 title "nuclear  ‖X‖_*", \
     table using 't':'l2' with lines linecolor rgb green linewidth 2 title "Frobenius  ‖X‖_F", \
     table using 't':(known ? column('truth_error') : NaN) with lines linecolor rgb purple linewidth 1.6 title (known ? "error  ‖X − X*‖_F" : ""), \
     table using 't':(column('loss') > 0 ? column('loss') : NaN) axes x1y2 with lines linecolor rgb colour[7] dashtype 2 linewidth 1.4 title "loss (right)"
unset logscale y2
set format y2 "%g"

# Schedule and effective rank
set tmargin at screen 0.30
set bmargin at screen 0.075
if (far) { set format x "10^{%T}" } else { set format x "%g" }
set xlabel "time  t" offset 0,0.3
set ylabel "weight decay  α(t)"
set y2label "effective rank" offset -0.5
set y2range [0:*]
set y2tics autofreq
set key inside right top
settled = T_max > 1.01 * horizon && !far ? sprintf("the run settles until t = %.3g", T_max) : ""
set label 1 settled at graph 0.985,0.62 right font ",9" textcolor rgb "#666666"
plot table using 't':'alpha' with filledcurves y1=0 fillcolor rgb orange fillstyle transparent solid 0.35 noborder title "α(t)", \
     table using 't':'rank_effective' axes x1y2 with lines linecolor rgb vermilion linewidth 2.2 title "effective rank, e^{entropy} (right)"
unset multiplot
unset output

# x and the dual variable against the paper's time, flows over their limit; distances from it.
across = 2; down = 2; panel_width = 620; panel_height = 400
load scripts.'/style.gp'
set multiplot layout down,across
paths = dir.'/paths.csv'
distances = dir.'/distances.csv'
set xrange [0:last]
set xlabel "time  τ = t / (½ ln 1/β)" offset 0,0.3
of(n, c) = column('decades') == n ? column(c) : NaN

do for [n in "10 40"] {
  set title sprintf("Flow from β = 10^{−%s}, and the limit (dashed)", n) offset 0,-0.3
  set ylabel "x_j" offset 0.5
  set key outside right top
  plot for [j=1:7] paths using 'tau':(of(int(n), sprintf("x%d", j))) with lines linecolor rgb colour[j] linewidth 2 title sprintf("x_%d", j), \
       for [j=1:7] paths using 'tau':(of(0, sprintf("x%d", j))) with lines linecolor rgb colour[j] linewidth 1.2 dashtype 2 notitle
}

set title "Dual variable from β = 10^{−40}, and the limit (dashed)" offset 0,-0.3
set ylabel "u_j" offset 0.5
set yrange [-1.12:1.12]
set arrow 1 from 0,1 to last,1 nohead linecolor rgb "#666666" linewidth 1 back
set arrow 2 from 0,-1 to last,-1 nohead linecolor rgb "#666666" linewidth 1 back
plot for [j=1:7] paths using 'tau':(of(40, sprintf("u%d", j))) with lines linecolor rgb colour[j] linewidth 2 title sprintf("u_%d", j), \
     for [j=1:7] paths using 'tau':(of(0, sprintf("u%d", j))) with lines linecolor rgb colour[j] linewidth 1.2 dashtype 2 notitle
unset arrow

set title "Distance from the limit" offset 0,-0.3
set logscale xy
set xrange [1e-3:6e-2]
set yrange [*:*]
set format xy "10^{%T}"
set xlabel "1 / ln(1/β)" offset 0,0.3
set ylabel "largest distance" offset 0.5
set key inside left top
plot distances using 'inverse':'dual' with linespoints pointtype 7 linecolor rgb blue linewidth 2 title "u, any time", \
     distances using 'inverse':'jump' with linespoints pointtype 5 linecolor rgb vermilion linewidth 2 title "jump times, in τ", \
     '+' using 1:(3*$1) with lines linecolor rgb "#666666" linewidth 1.2 dashtype 2 title "∝ 1/ln(1/β)"
unset multiplot
unset output

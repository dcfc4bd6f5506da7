# One instance; predicted against found times; ends of zero-balanced starts.
across = 3; down = 1; panel_width = 440; panel_height = 420
load scripts.'/style.gp'
set multiplot layout down,across
jumps = dir.'/jumps.csv'
stats jumps using 't' nooutput name 'J'

set title "One instance: x_j(t), predicted jumps" offset 0,-0.3
set xlabel "time  t" offset 0,0.3
set ylabel "x_j" offset 0.5
set xrange [0:1.35*J_max]
set format x "%.0s%c"
unset key
set yrange [*:*]
do for [k=0:int(J_records)-1] { stats jumps using 't' every ::k::k nooutput name 'T'; set arrow k+1 from first T_min, graph 0 to first T_min, graph 1 nohead dashtype 2 linewidth 1.2 linecolor rgb "#888888" }
plot for [j=1:8] dir.'/path.csv' using 't':sprintf("x%d", j) with lines linewidth 2.2 linecolor rgb colour[j]
unset arrow

set title "All instances: times of the jumps" offset 0,-0.3
set xlabel "predicted" offset 0,0.3
set ylabel "found" offset 0.5
set logscale xy
set xrange [*:*]
set format "10^{%T}"
plot x with lines linecolor rgb grey dashtype 2 linewidth 1.4, \
     dir.'/times.csv' using 'predicted':'found' with points pointtype 7 pointsize 0.7 linecolor rgb blue

set title "a = b, c = 0: end less min L1" offset 0,-0.3
set xlabel "size of the start  a" offset 0,0.3
set ylabel "‖x − x_{min}‖_∞ / ‖x‖_∞" offset 0.5
plot dir.'/balanced.csv' using 'size':'from_l1' with linespoints pointtype 7 linewidth 1.8 linecolor rgb vermilion
unset multiplot
unset output

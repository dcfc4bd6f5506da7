# Matrix completion: error at the end by depth, and along the run.
across = 2; down = 1; panel_width = 620; panel_height = 480
load scripts.'/style.gp'
set multiplot layout down,across
set logscale y
set format y "10^{%T}"
set ylabel "‖X − X*‖_F / ‖X*‖_F" offset 0.5
set xrange [-0.6:5.6]
set xtics ("depth 1" 0, "2" 1, "3" 2, "4" 3, "nuclear" 4, "2, decay" 5)
set title "Error at the end" offset 0,-0.3
unset key
plot dir.'/ends.csv' using 'kind':'error':(column('kind') < 4 ? 0x0072B2 : column('kind') < 5 ? 0x666666 : 0xE69F00) with points pointtype 7 pointsize 1.4 linecolor rgb variable
set xtics autofreq
set logscale x
set format x "10^{%T}"
set xrange [1:1e-12] reverse
set xlabel "loss  f(X) / f(X_0)" offset 0,0.3
set title "Error along the run" offset 0,-0.3
set key inside left bottom
plot for [i=1:4] dir.sprintf('/path_%d.csv', i) using 1:2 skip 1 with lines linewidth 2.2 linecolor rgb colour[i] title sprintf("depth %d", i)
unset multiplot
unset output

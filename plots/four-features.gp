# Loss and features over the epochs; distance from the end that the theory says.
across = 2; down = 1; panel_width = 620; panel_height = 520
load scripts.'/style.gp'
set multiplot layout down,across
paths = dir.'/paths.csv'
set xlabel "epoch" offset 0,0.3
set xrange [0:5000]
set xtics 0,1000
set logscale y
set format y "10^{%T}"

set title "Loss: descent, and the exact flow (dashed)" offset 0,-0.3
set ylabel "½‖Zk − y‖²" offset 0.5
set yrange [1e-9:3]
set arrow 1 from 0,0.1 to 5000,0.1 nohead linecolor rgb grey linewidth 1 back
set arrow 2 from 0,0.01 to 5000,0.01 nohead linecolor rgb grey linewidth 1 back
set arrow 3 from 0,0.5 to 5000,0.5 nohead linecolor rgb grey linewidth 1 back
set label 1 "k = (4/5, 0, 0, 0)" at 1750,0.19 center textcolor rgb "#666666"
set label 2 "(0, 0, 7/5, 0)" at 3550,0.0195 center textcolor rgb "#666666"
unset key
plot paths using 'epoch':(column('exact') == 0 ? column('loss') : NaN) with lines linecolor rgb colour[7] linewidth 2, \
     paths using 'epoch':(column('exact') == 1 ? column('loss') : NaN) with lines linecolor rgb orange linewidth 1.6 dashtype 2
unset arrow
unset label

set title "Features: descent, and the exact flow (dashed)" offset 0,-0.3
set ylabel "|k_j|" offset 0.5
set yrange [1e-125:1e3]
set ytics 1e-120,1e20,1
set key inside right bottom opaque
plot for [j=1:4] paths using 'epoch':(column('exact') == 0 ? column(sprintf("k%d", j)) : NaN) with lines linecolor rgb colour[j] linewidth 2.2 title sprintf("k_%d", j), \
     for [j=1:4] paths using 'epoch':(column('exact') == 1 ? column(sprintf("k%d", j)) : NaN) with lines linecolor rgb colour[j] linewidth 1.2 dashtype 2 notitle
unset multiplot
unset output

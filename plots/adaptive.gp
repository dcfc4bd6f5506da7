# alpha, |x|_1 with the thresholds, and the loss, epoch by epoch.
across = 3; down = 1; panel_width = 480; panel_height = 430
load scripts.'/style.gp'
array K[3] = [0, 8, 12]
runs = dir.'/runs.csv'
of(i, name) = (column('K') == i ? column(name) : NaN)
set multiplot layout down,across
set xlabel "time  t = epochs" offset 0,0.3
set xrange [0:80]
half = 40
set arrow 1 from half, graph 0 to half, graph 1 nohead linecolor rgb grey linewidth 1
set title "Weight decay finds its strength"
set ylabel "α(t)" offset 0.5
set logscale y
set format y "10^{%T}"
set key inside right top
plot for [i=0:2] runs using (of(i,'t')):(of(i,'alpha')) with steps linewidth 2 linecolor rgb colour[i+1] title sprintf("K = %d", K[i+1])
unset logscale y
set format y "%g"
set title "It grows only while x is large"
set ylabel "‖x(t)‖_1" offset 0.5
set yrange [0:*]
unset key
plot for [i=1:2] K[i+1] with lines linewidth 1 dashtype 2 linecolor rgb colour[i+1], \
     for [i=0:2] runs using (of(i,'t')):(of(i,'l1')) with lines linewidth 2 linecolor rgb colour[i+1]
set title "The loss, and when it rises"
set ylabel "loss" offset 0.5
set yrange [*:*]
set logscale y
set format y "10^{%T}"
plot for [i=0:2] runs using (of(i,'t')):(of(i,'loss')) with lines linewidth 2 linecolor rgb colour[i+1]
unset multiplot
unset output

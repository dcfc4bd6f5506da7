# alpha(t), |x|_1, and the distance from the common end.
across = 3; down = 1; panel_width = 480; panel_height = 460
load scripts.'/style.gp'
array way[6] = ["step", "linear", "cosine", "exponential", "quadratic", "geometric"]
runs = dir.'/runs.csv'
of(w, name) = (column('way') == w-1 ? column(name) : NaN)
set multiplot layout down,across
set xlabel "time  t" offset 0,0.3
set xrange [0:60]
set yrange [0:*]
set title "Weight decay, dose 2"
set ylabel "α(t)" offset 0.5
set key inside right top
plot for [w=1:6] runs using (of(w,'t')):(of(w,'alpha')) with lines linewidth 2 linecolor rgb colour[w] title way[w]
set title "Six ways ..."
set ylabel "‖x(t)‖_1" offset 0.5
unset key
plot for [w=1:6] runs using (of(w,'t')):(of(w,'l1')) with lines linewidth 2 linecolor rgb colour[w]
set title "... to one end"
set ylabel "distance from argmin R_a at dose 2" offset 0.5
set logscale xy
set format "10^{%T}"
set xrange [1:1e5]
set yrange [1e-12:2]
plot for [w=1:6] runs using (of(w,'t')):(of(w,'distance')) with lines linewidth 2 linecolor rgb colour[w]
unset multiplot
unset output

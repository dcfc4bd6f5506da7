# Error against strength for three ways to use weight decay.
across = 1; down = 1; panel_width = 800; panel_height = 560
load scripts.'/style.gp'
set logscale xy
set format "%g"
set xlabel "strength  α,   dose of on-then-off  A = 42 α" offset 0,0.3
set ylabel "truth error  ‖x − x*‖_2  at t = 84" offset 0.5
set xrange [0.01:0.64]
set yrange [1e-4:4]
set format y '%g'
set xtics (0.01,0.02,0.05,0.1,0.2,0.5)
set key inside left bottom reverse Left
set title "On, then off: the L1 bias without the shrinkage"
array way[3] = ["never on", "always on", "on until t = 42, then off"]
array shade[3] = ["#888888", "#0072B2", "#D55E00"]
plot for [w=1:3] dir.'/errors.csv' using 'alpha':(column('way') == w-1 ? column('low') : NaN):'high' with filledcurves fillcolor rgb shade[w] fillstyle transparent solid 0.18 noborder notitle, \
     for [w=1:3] dir.'/errors.csv' using 'alpha':(column('way') == w-1 ? column('mean') : NaN) with linespoints pointtype 7 linewidth 2.2 linecolor rgb shade[w] title way[w]
unset output

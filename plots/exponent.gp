# Left: p_eff in closed form. Right: along runs, over time.
across = 2; down = 1; panel_width = 600; panel_height = 480
load scripts.'/style.gp'
set multiplot layout down,across
set yrange [0.97:2.05]
set ytics 1,0.25,2
set ylabel "effective exponent  p_{eff}" offset 0.5
set xlabel "dose  A = ∫α dt" offset 0,0.3
set xrange [0:6]
set title "One coordinate: from L2 to L1"
set key inside right top reverse Left
array size[4] = [0.01, 0.1, 1, 10]
plot 2 with lines linecolor rgb grey dashtype 2 notitle, 1 with lines linecolor rgb grey dashtype 2 notitle, \
     for [i=1:4] dir.'/closed.csv' using 'dose':(abs(column('x') - size[i]) < 1e-9 ? column('exponent') : NaN) with lines linewidth 2.2 linecolor rgb colour[i] title sprintf("|x| = %g", size[i])
set title "Runs: the bias stays when weight decay is off"
set xlabel "time  t" offset 0,0.3
set xrange [0:80]
array run[3] = ["linear", "step", "exponential"]
plot 2 with lines linecolor rgb grey dashtype 2 notitle, 1 with lines linecolor rgb grey dashtype 2 notitle, \
     for [i=1:3] dir.'/runs.csv' using 't':(column('run') == i-1 ? column('exponent') : NaN) with lines linewidth 2.2 linecolor rgb colour[i] title run[i]
unset multiplot
unset output

# Error over time; sparsity against the dose beside FISTA.
across = 2; down = 1; panel_width = 600; panel_height = 460
load scripts.'/style.gp'
array kind[3] = ["k = 1", "k = 2", "k = 3"]
array shade[3] = ["#0072B2", "#009E73", "#D55E00"]
set multiplot layout down,across
path = dir.'/path.csv'; ends = dir.'/ends.csv'
set logscale xy
set xrange [100:*]
set xlabel "time  t" offset 0,0.3
set ylabel "reconstruction error  ‖Y − D X‖ / ‖Y‖" offset 0.5
set format y "%g"
set format x "%g"
set key inside left bottom
set title "Reconstruction along training"
plot for [k=1:3] path using (column('t') > 0 ? column('t') : NaN):(column('kind') == k-1 && column('decay') == 0 ? column('error') : NaN) with lines linewidth 1.2 linecolor rgb shade[k] title kind[k]." without decay", \
     for [k=1:3] path using (column('t') > 0 ? column('t') : NaN):(column('kind') == k-1 && column('decay') == 1 ? column('error') : NaN) with lines linewidth 2.4 linecolor rgb shade[k] title kind[k]." with the largest dose"
unset logscale
set xrange [*:*]
set yrange [0:1]
set xlabel "dose  A" offset 0,0.3
set ylabel "part of the codes that are not 0" offset 0.5
set key inside right top
set title "Codes that are left"
plot for [k=1:3] ends using 'dose':(column('kind') == k-1 ? column('nonzeros') : NaN) with linespoints pointtype 7 linewidth 2.2 linecolor rgb shade[k] title kind[k], \
     for [k=1:3] ends using 'dose':(column('kind') == k-1 ? column('fista_nonzeros') : NaN) with linespoints pointtype 6 dashtype (5,3) linewidth 1.4 linecolor rgb shade[k] title (k == 1 ? "FISTA" : "")
unset multiplot
unset output

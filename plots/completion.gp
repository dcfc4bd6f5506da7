# The 2 x 2 completion: norms and second singular value against the loss, the unseen entry in time.
across = 3; down = 1; panel_width = 480; panel_height = 450
load scripts.'/style.gp'
set multiplot layout down,across
table = dir.'/paths.csv'
pick(k, w, what) = (column('depth') == k && column('decay') == w) ? column(what) : NaN
set logscale xy
set format xy "10^{%T}"
set xrange [3:1e-4] reverse
set xlabel "loss" offset 0,0.3
set title "Norms grow as 1 / √loss" offset 0,-0.3
set ylabel "nuclear norm (line), Frobenius (dashed)" offset 0.5
set key inside left top
plot 1/sqrt(2*x) with lines linewidth 5 linecolor rgb grey title "1 / √(2 loss)", \
     for [k=2:3] table using 'loss':(pick(k, 0, 'nuclear_norm')) with lines linewidth 2.2 linecolor rgb colour[k-1] title sprintf("depth %d", k), \
     for [k=2:3] table using 'loss':(pick(k, 0, 'frobenius')) with lines linewidth 1.6 dashtype 2 linecolor rgb colour[k-1] notitle
set title "The rank falls"
set ylabel "σ_2" offset 0.5
set yrange [1e-13:10]
set key inside left bottom
plot 3*sqrt(2*x) with lines linewidth 2 dashtype 3 linecolor rgb "#666666" title "bound  3√2 √loss", \
     for [k=2:3] table using 'loss':(pick(k, 0, 'sigma_2')) with lines linewidth 2.2 linecolor rgb colour[k-1] title sprintf("depth %d", k)
set title "Weight decay bounds the unseen entry"
set yrange [*:*]
set xrange [0.1:3e3] noreverse
set xlabel "time  t"
set ylabel "W_{11}" offset 0.5
set key inside left top
plot for [k=2:3] table using 't':(pick(k, 0, 'W11')) with lines linewidth 2.2 linecolor rgb colour[k-1] title sprintf("depth %d", k), \
     for [k=2:3] table using 't':(pick(k, 1, 'W11')) with lines linewidth 2 dashtype 2 linecolor rgb colour[k-1] title sprintf("depth %d, decay", k)
unset multiplot
unset output

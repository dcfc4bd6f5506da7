# Distances from the phases along three runs, the nearest against the scale, and nuclear norms.
across = 2; down = 2; panel_width = 620; panel_height = 400
load scripts.'/style.gp'
set multiplot layout down,across
set logscale xy
set format xy "10^{%T}"
set yrange [1e-4:3]
set xlabel "t" offset 0,0.3
set ylabel "‖X − X_r‖_F / ‖X_r‖_F" offset 0.5
set key inside left bottom

set title "Depth 2 from 10^{−8}: distance from the phases" offset 0,-0.3
set xrange [10:3000]
plot for [r=1:3] dir.'/depth_2_small.csv' using 't':(column(sprintf("d%d", r))) with lines linecolor rgb colour[r] linewidth 2 title sprintf("X_%d", r)

set title "Depth 3 from 10^{−3}; depth 2 from 10^{−3} (dashed)" offset 0,-0.3
set xrange [10:10000]
plot for [r=1:3] dir.'/depth_3.csv' using 't':(column(sprintf("d%d", r))) with lines linecolor rgb colour[r] linewidth 2 title sprintf("X_%d", r), \
     for [r=1:3] dir.'/depth_2.csv' using 't':(column(sprintf("d%d", r))) with lines linecolor rgb colour[r] linewidth 1.4 dashtype 2 notitle

set title "Least distance, mean and deviation over problems" offset 0,-0.3
set xrange [5e-9:2e-2]
set yrange [1e-9:1]
set ytics 1e-8,1e2,1
set xlabel "scale of the start  β" offset 0,0.3
of(depth, r, c) = column('depth') == depth && column('rank') == r ? column(c) : NaN
set key inside right bottom
near = dir.'/nearest.csv'
plot for [r=1:2] near using 'scale':(of(2, r, 'mean')):(of(2, r, 'low')):(of(2, r, 'high')) with yerrorlines pointtype 6 dashtype 2 linecolor rgb colour[r] linewidth 2 title sprintf("X_%d, depth 2", r), \
     for [r=1:2] near using 'scale':(of(3, r, 'mean')):(of(3, r, 'low')):(of(3, r, 'high')) with yerrorlines pointtype 7 linecolor rgb colour[r] linewidth 2 title sprintf("X_%d, depth 3", r)

set title "Counter-example: the nuclear norm at the end" offset 0,-0.3
unset logscale y
set format y "%g"
set ytics autofreq
set xrange [1e-66:1]
set xtics 1e-60,1e10,1
set yrange [10:22]
set ylabel "‖X‖_*" offset 0.5
set key inside left center
plot dir.'/counter_example_ends.csv' using 'scale':'nuclear_norm' with linespoints pointtype 7 linecolor rgb vermilion linewidth 2 title "gradient flow, depth 2", \
     greedy with lines linecolor rgb "#666666" linewidth 1.4 dashtype 2 title "greedy low-rank learning", \
     least with lines linecolor rgb blue linewidth 1.6 title "least"
unset multiplot
unset output

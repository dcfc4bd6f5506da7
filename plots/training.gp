# When to switch off; pruning in cycles; signs and exponent; sizes of the weights.
across = 2; down = 2; panel_width = 600; panel_height = 440
load scripts.'/style.gp'
array strength[3] = ["α = 0.001", "α = 0.002", "α = 0.004"]
array tone[3] = ["#56B4E9", "#0072B2", "#D55E00"]
array way[4] = ["IMP", "IMP with PILoT", "LRR", "LRR with PILoT"]
array shade[4] = ["#888888", "#E69F00", "#0072B2", "#D55E00"]
array trace[3] = ["plain x", "spred", "PILoT"]
array paint[3] = ["#888888", "#0072B2", "#D55E00"]
set multiplot layout down,across
set xlabel "weight decay switched off after epoch" offset 0,0.3
set ylabel "test accuracy, 2 % of the weights left" offset 0.5
set format y "%g"
set key inside right bottom
plot for [a=1:3] dir.'/off.csv' using 'off':(column('strength') == a-1 ? column('accuracy_98') : NaN) with linespoints pointtype 7 linewidth 2 linecolor rgb tone[a] title strength[a]
set logscale x 2
set xrange [1.15:0.0065]
set xlabel "weights that are left" offset 0,0.3
set ylabel "test accuracy after training again" offset 0.5
set xtics ("all" 1, "1/2" 0.5, "1/4" 0.25, "1/8" 0.125, "1/16" 0.0625, "1/32" 0.03125, "1/64" 0.015625, "1/128" 0.0078125)
set key inside left bottom reverse Left
plot for [w=1:4] dir.'/cycles.csv' using 'left':(column('way') == w-1 ? column('low') : NaN):'high' with filledcurves fillcolor rgb shade[w] fillstyle transparent solid 0.15 noborder notitle, \
     for [w=1:4] dir.'/cycles.csv' using 'left':(column('way') == w-1 ? column('mean') : NaN) with linespoints pointtype 7 linewidth 2 linecolor rgb shade[w] title way[w]
unset logscale x
set xrange [*:*]
set xtics auto
set xlabel "epoch" offset 0,0.3
set ylabel "weights that changed sign" offset 0.5
set y2label "p_{eff}:  2 is L2, 1 is L1" offset -0.5
set y2range [0.95:2.6]
set y2tics 1,0.25,2
set border 11
set yrange [0:0.3]
set key inside right top Right noreverse
plot for [w=1:3] dir.'/path.csv' using 't':(column('way') == w-1 ? column('flips') : NaN) with lines linewidth 2 linecolor rgb paint[w] title "signs, ".trace[w], \
     dir.'/path.csv' using 't':(column('way') == 2 ? column('first') : NaN) axes x1y2 with lines dashtype (6,3) linewidth 1.6 linecolor rgb paint[3] title "p_{eff} PILoT, first layer (right)", \
     dir.'/path.csv' using 't':(column('way') == 2 ? column('last') : NaN) axes x1y2 with lines dashtype (2,2) linewidth 1.6 linecolor rgb paint[3] title "last layer (right)"
set border 3
unset y2tics
unset y2label
unset y2range
set logscale y
set yrange [1e-4:10]
set format y "10^{%T}"
set ylabel "|x|: quantiles 50, 75, 90, 95, 98, 99.5 %" offset 0.5
set key inside left bottom reverse Left
array part[6] = [0.5, 0.75, 0.9, 0.95, 0.98, 0.995]
plot for [w=1:3] for [q=1:6] dir.'/sizes.csv' using 't':(column('way') == w-1 && abs(column('part') - part[q]) < 1e-9 ? column('size') : NaN) with lines linewidth (q == 1 ? 2 : 1.2) linecolor rgb paint[w] title (q == 1 ? trace[w] : "")
unset multiplot
unset output

# Accuracy against the part of the weights that is left; PILoT less the others, seed by seed.
across = 2; down = 1; panel_width = 640; panel_height = 560
load scripts.'/style.gp'
array way[8] = ["PILoT", "plain x", "spred: m w, β = 0", "L1 on x", "continuous sparsification", "weight decay on x", "m w without decay", "HAM"]
array shade[8] = ["#D55E00", "#888888", "#0072B2", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000"]
array mark[8] = [7, 5, 9, 11, 13, 4, 6, 8]
set multiplot layout down,across
set logscale x
set xrange [1.15:0.0017]
set xtics ("all" 1, "50 %%" 0.5, "20 %%" 0.2, "10 %%" 0.1, "5 %%" 0.05, "2 %%" 0.02, "1 %%" 0.01, "0.5 %%" 0.005, "0.2 %%" 0.002)
set format x "%g"
set xlabel "weights that are left" offset 0,0.3
set ylabel "test accuracy" offset 0.5
set yrange [0.8:1]
set format y "%g"
set key inside right bottom reverse Left spacing 1.1
set title "Pruned to the largest weights after training"
sheet = dir.'/accuracy.csv'; lead = dir.'/lead.csv'
plot for [w=8:1:-1] sheet using 'left':(column('way') == w-1 ? column('accuracy')-column('half') : NaN):(column('accuracy')+column('half')) with filledcurves fillcolor rgb shade[w] fillstyle transparent solid 0.15 noborder notitle, \
     for [w=1:8] sheet using 'left':(column('way') == w-1 ? column('accuracy') : NaN) with linespoints pointtype mark[w] linewidth 2 linecolor rgb shade[w] title way[w]
set title "PILoT less the others, on the same split"
set ylabel "difference in test accuracy" offset 0.5
set yrange [-0.02:0.06]
set xzeroaxis linecolor rgb "#444444" linewidth 1
set key off
set label 1 "PILoT is better" at graph 0.03,0.96 textcolor rgb "#666666"
set label 2 "PILoT is worse" at graph 0.03,0.04 textcolor rgb "#666666"
nudge(w) = 1 + 0.03*(w - 4)
plot for [w=2:8] lead using (column('left')*nudge(w)):(column('way') == w-1 ? column('lead') : NaN):'half' with yerrorbars pointtype mark[w] linewidth 1.2 linecolor rgb shade[w] notitle, \
     for [w=2:8] lead using (column('left')*nudge(w)):(column('way') == w-1 ? column('lead') : NaN) with lines linewidth 1.2 linecolor rgb shade[w] notitle
unset multiplot
unset output

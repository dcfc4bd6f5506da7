# Ratio of norms and accuracy at convergence, against the strength of weight decay.
across = 2; down = 1; panel_width = 640; panel_height = 480
load scripts.'/style.gp'
set multiplot layout down,across
array way[2] = ["W = K Q'", "W itself"]
array shade[2] = ["#D55E00", "#0072B2"]
array light[2] = ["#A0D55E00", "#A00072B2"]
set logscale x
set xrange [0.0004:0.08]
set xtics (0.0005, 0.002, 0.008, 0.032)
set xlabel "weight decay  α, constant" offset 0,0.3
pick(w, what) = column('way') == w ? column(what) : NaN
one(w, s, what) = column('way') == w && column('seed') == s ? column(what) : NaN
do for [what in "ratio score"] {
  if (what eq "ratio") { set title "Nuclear / Frobenius norm at convergence"; set ylabel "‖W‖_* / ‖W‖_F" offset 0.5; set yrange [1:3.2]; set key inside left top at graph 0.04,0.58 } \
  else { set title "Best token found in new samples"; set ylabel "accuracy" offset 0.5; set yrange [0.5:0.9]; set key inside right top }
  plot for [w=0:1] for [s=0:4] dir.'/ends.csv' using 'alpha':(one(w, s, what)) with lines linewidth 0.9 linecolor rgb light[w+1] notitle, \
       for [w=0:1] dir.'/mean.csv' using 'alpha':(pick(w, what)) with linespoints pointtype 7 linewidth 2.4 linecolor rgb shade[w+1] title way[w+1]
}
unset multiplot
unset output

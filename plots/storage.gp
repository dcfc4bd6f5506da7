# Nuclear over Frobenius norm in time, for three ways to use weight decay: of BA, of X itself, of a
# model of text; and how far the factors are from balance.
across = 2; down = 2; panel_width = 640; panel_height = 440
load scripts.'/style.gp'
set multiplot layout down,across
table = dir.'/ratio.csv'
array way[3] = ["never", "until T, then off", "half, always"]
array shade[3] = ["#888888", "#D55E00", "#0072B2"]
array light[3] = ["#A0888888", "#A0D55E00", "#A00072B2"]
set xlabel "time  t" offset 0,0.3
set xrange [0:160]
set xtics 0,40,160
set arrow 1 from 40, graph 0 to 40, graph 1 nohead dashtype 3 linecolor rgb "#666666"
set arrow 2 from 80, graph 0 to 80, graph 1 nohead dashtype 2 linecolor rgb "#666666"
set label 1 "off" at 41, graph 0.96 font small textcolor rgb "#666666"
set label 2 "equal dose" at 81, graph 0.96 font small textcolor rgb "#666666"
set ylabel "nuclear / Frobenius norm" offset 0.5
pick(i, w, s, what) = (column('task') == i && column('way') == w && column('seed') == s) ? column(what) : NaN

do for [panel=1:4] {
  if (panel == 1) { i = 0; what = 'ratio'; set title "BA, factors trained: they keep what weight decay did" }
  if (panel == 2) { i = 1; what = 'ratio'; set title "X itself trained: it forgets" }
  if (panel == 3) { i = 0; what = 'balance'; set title "BA: equal dose, equal balance"; set logscale y; set format y "10^{%T}"; set ylabel "distance from balance  ‖B'B − AA'‖_F" }
  if (panel == 4) { i = 2; what = 'ratio'; set title "BA of a model of text (Psalm 119 after the others)"; unset logscale y; set format y "%g"; set ylabel "nuclear / Frobenius norm" }
  if (panel % 2) { set key inside left bottom } else { set key inside right bottom }
  plot for [w=0:2] for [s=1:4] table using 't':(pick(i, w, s, what)) with lines linewidth 0.9 linecolor rgb light[w+1] notitle, \
       for [w=0:2] table using 't':(pick(i, w, 0, what)) with lines linewidth 2.4 linecolor rgb shade[w+1] title way[w+1]
}
unset multiplot
unset output

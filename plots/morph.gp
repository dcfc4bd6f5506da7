# Six moments of one run; or, as gif, all of it.
across = 3; down = 2; panel_width = 400; panel_height = 420
if (format eq 'gif') { across = 1; down = 1; panel_width = 460; panel_height = 480 }
load scripts.'/style.gp'
set size ratio -1
set xtics 1
set ytics 1
unset key
line(x) = (1 - x)/0.4
ends = dir.'/ends.csv'; balls = dir.'/balls.csv'; path = dir.'/path.csv'
if (format ne 'gif') {
  set multiplot layout down,across
  array moment[6] = [0, 3, 7, 13, 25, 71]
  do for [k=1:6] { if (frames < 72) { moment[k] = int((k-1)*(frames-1)/5.0) } }
} else {
  array moment[frames]
  do for [k=1:frames] { moment[k] = k - 1 }
}
do for [k=1:|moment|] {
  i = moment[k]
  set xrange [*:*]
  set yrange [*:*]
  stats ends using 't':'dose' every ::i::i nooutput name 'N'
  set xrange [-1.75:1.75]
  set yrange [-1.25:2.25]
  set title sprintf("t = %4.1f    dose A = %4.2f", N_min_x, N_min_y)
  plot line(x) with lines linecolor rgb "#000000" linewidth 1.4, \
       balls every :::i::i using 'through1':'through2' with filledcurves closed fillcolor rgb sky fillstyle transparent solid 0.25 noborder, \
       balls every :::i::i using 'through1':'through2' with lines linewidth 1.6 linecolor rgb blue, \
       balls every :::i::i using 'touching1':'touching2' with lines linewidth 1.2 dashtype (6,4) linecolor rgb vermilion, \
       path using (column('t') <= N_min_x + 1e-9 ? column('x1') : NaN):'x2' with lines linewidth 2.4 linecolor rgb blue, \
       ends every ::i::i using 'centre1':'centre2' with points pointtype 2 pointsize 1 linewidth 1.4 linecolor rgb "#666666", \
       ends every ::i::i using 'touch1':'touch2' with points pointtype 6 pointsize 1.4 linewidth 1.8 linecolor rgb vermilion, \
       ends every ::i::i using 'x1':'x2' with points pointtype 7 pointsize 1.3 linecolor rgb blue
}
if (format ne 'gif') { unset multiplot }
unset output

# |x - truth| over time: flows, SGD, and the best of each with spred.
across = 3; down = 3; panel_width = 460; panel_height = 370
load scripts.'/style.gp'
array label[7] = ["constant 0.003", "constant 0.01", "constant 0.03", "constant 0.1", "harmonic", "quadratic", "geometric"]
array hue[7] = ["#9ECAE1", "#56A0D3", "#0072B2", "#08306B", "#E69F00", "#D55E00", "#009E73"]
at(s, name) = (column('schedule') == s ? column(name) : NaN)
band(s) = sprintf("using (at(%d,'t')):(at(%d,'low')):(at(%d,'high'))", s, s, s)
set multiplot layout down,across
set logscale y
set format y "10^{%T}"
set xlabel "time  t" offset 0,0.3
set style fill solid 0.15 noborder
array title[3] = ["Weight decay on m and w", "L1 on the mask m alone", "L1 on x"]
array name[3] = ["mw", "mask", "plain"]
do for [w=1:3] {
  file = dir.'/flow_'.name[w].'.csv'
  set title title[w].": flow"
  set ylabel (w == 1 ? "‖x − x*‖" : "") offset 0.5
  set xrange [0:300]
  set yrange [1e-5:10]
  if (w == 1) { set key inside left bottom } else { unset key }
  plot for [s=0:6] file using (at(s,'t')):(at(s,'low')):(at(s,'high')) with filledcurves linecolor rgb hue[s+1] notitle, \
       for [s=0:6] file using (at(s,'t')):(at(s,'mean')) with lines linewidth 2 linecolor rgb hue[s+1] title label[s+1]
}
unset key
do for [w=1:3] {
  file = dir.'/sgd_'.name[w].'.csv'
  set title title[w].": SGD"
  set ylabel (w == 1 ? "‖x − x*‖" : "") offset 0.5
  set xrange [0:100]
  set yrange [1e-5:10]
  plot for [s=0:6] file using (at(s,'t')):(at(s,'low')):(at(s,'high')) with filledcurves linecolor rgb hue[s+1] notitle, \
       for [s=0:6] file using (at(s,'t')):(at(s,'mean')) with lines linewidth 2 linecolor rgb hue[s+1] notitle
}
set xrange [0:300]
set yrange [1e-3:10]
set ylabel "‖x − x*‖" offset 0.5
set title "m w: spred's start (m = w) and PILoT's"
set key inside left bottom
plot for [s=0:6] dir.'/flow_spred.csv' using (at(s,'t')):(at(s,'mean')) with lines linewidth 1.6 linecolor rgb grey title (s == 0 ? "|m| = |w|, all schedules" : ""), \
     for [s=0:6] dir.'/flow_mw.csv' using (at(s,'t')):(at(s,'mean')) with lines linewidth 2 linecolor rgb hue[s+1] notitle
set yrange [1e-5:10]
set ylabel ""
set title "The best schedule of each"
set key inside left bottom
array best[3] = [best_mw, best_mask, best_plain]
plot for [w=1:3] dir.'/flow_'.name[w].'.csv' using (at(best[w],'t')):(at(best[w],'low')):(at(best[w],'high')) with filledcurves linecolor rgb colour[w] notitle, \
     for [w=1:3] dir.'/flow_'.name[w].'.csv' using (at(best[w],'t')):(at(best[w],'mean')) with lines linewidth 2.2 linecolor rgb colour[w] title title[w].": ".label[best[w]+1]
set title "One dose, spent over a time τ"
set xlabel "τ"
set logscale x
set xrange [0.2:20]
set yrange [1e-9:10]
set key inside left bottom
plot for [w=1:3] dir.'/speed.csv' using 'tau':name[w] with linespoints linewidth 2 pointtype 5+2*(w-1) pointsize 0.9 linecolor rgb colour[w] title title[w]
unset multiplot
unset output

# The loss on its way from the saddle, and the time it takes by depth.
across = 2; down = 1; panel_width = 520; panel_height = 460
load scripts.'/style.gp'
set multiplot layout down,across
array shade[3] = ["#D55E00", "#009E73", "#0072B2"]
array q[3] = [1, 1.5, 2]
array dash[3] = [1, 2, 4]
l = dir.'/losses.csv'; t = dir.'/times.csv'
pick(d, e, what) = column('depth') == d && column('q') == e ? column(what) : NaN
set logscale x
set xrange [0.002:1000]
set format x "10^{%T}"
set yrange [0:1.1]
set xlabel "time  t" offset 0,0.3
set ylabel "loss / loss at the start" offset 0.5
set title "On the way from the saddle"
set key inside left bottom samplen 5
plot for [i=1:3] for [d=2:4] l using 't':(pick(d,q[i],'part')) with lines linewidth 2 dashtype dash[d-1] linecolor rgb shade[i] \
  title (d == 2 ? sprintf("q = %g", q[i]) : "") , \
  for [d=2:4] NaN with lines linewidth 2 dashtype dash[d-1] linecolor rgb "#555555" title sprintf("L = %d", d)
unset logscale x
set logscale y
set xrange [1.7:4.3]
set format x "%g"
set xtics 1
set yrange [*:*]
set format y "10^{%T}"
set xlabel "depth  L"
set ylabel "time to halve the loss" offset 0.5
set title "Time to escape"
set key inside left top samplen 1.6
plot for [i=1:3] t using 'depth':(column('q') == q[i] ? column('mean') : NaN):'low':'high' with yerrorbars pointtype 7 pointsize 1 linewidth 1.5 linecolor rgb shade[i] title sprintf("q = %g", q[i]), \
     for [i=1:3] t using 'depth':(1/(column('q') == q[i])*column('mean')) with lines linewidth 2 linecolor rgb shade[i] notitle
unset multiplot
unset output

# Angles to support vector machines, and normalized margins, over the logarithm of time.
across = 3; down = 1; panel_width = 470; panel_height = 460
load scripts.'/style.gp'
set multiplot layout down,across
array light[3] = ["#A0D55E00", "#A0009E73", "#A00072B2"]
array shade[3] = ["#D55E00", "#009E73", "#0072B2"]
a = dir.'/angles.csv'; m = dir.'/margins.csv'
set logscale x
set xrange [1:1e100]
set format x "10^{%T}"
set xtics 1,1e20
set xlabel "time  t" offset 0,0.3
pick(w, s, what) = column('way') == w && column('seed') == s ? column(what) : NaN
set title "Where diagonal factors and W go"
set ylabel "angle to the machine, degrees" offset 0.5
set logscale y
set yrange [0.15:60]
set ytics (0.2,0.5,1,2,5,10,20,50)
set key inside left bottom
plot for [s=1:4] a using 't':(pick(0,s,'l1')) with lines linewidth 0.9 linecolor rgb light[1] notitle, \
     for [s=1:4] a using 't':(pick(2,s,'l2')) with lines linewidth 0.9 linecolor rgb light[3] notitle, \
     a using 't':(pick(0,0,'l1')) with lines linewidth 2.4 linecolor rgb shade[1] title "diag(k q) to L1", \
     a using 't':(pick(0,0,'l2')) with lines linewidth 1.6 dashtype 2 linecolor rgb shade[1] title "diag(k q) to L2", \
     a using 't':(pick(2,0,'l2')) with lines linewidth 2.4 linecolor rgb shade[3] title "W itself to L2"
unset logscale y
set yrange [0:*]
set ytics auto
do for [what in "nuclear frobenius"] {
  set key inside right bottom
  if (what eq "nuclear") { set title "Margin for the nuclear norm"; set ylabel "min q_t / ‖W‖_*" offset 0.5 } \
  else { set title "Margin for the Frobenius norm"; set ylabel "min q_t / ‖W‖_F" offset 0.5 }
  best = 0
  if (what eq "frobenius") { stats m using (pick(-1,0,what)) nooutput name 'B'; best = B_max }
  plot for [w=1:2] for [s=1:4] m using 't':(pick(w,s,what)) with lines linewidth 0.9 linecolor rgb light[w+1] notitle, \
       m using 't':(pick(1,0,what)) with lines linewidth 2.4 linecolor rgb shade[2] title "W = K Q'", \
       m using 't':(pick(2,0,what)) with lines linewidth 2.4 linecolor rgb shade[3] title "W itself", \
       (best > 0 ? best : NaN) with lines dashtype 2 linewidth 1.4 linecolor rgb shade[3] notitle
}
unset multiplot
unset output

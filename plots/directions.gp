# Angles to the two machines, and normalized margins, over the logarithm of time.
across = 3; down = 1; panel_width = 470; panel_height = 460
load scripts.'/style.gp'
set multiplot layout down,across
array shade[4] = ["#56B4E9", "#0072B2", "#D55E00", "#009E73"]
array dash[4] = [2, 1, 1, 1]
array names[4] = ["w", "m w, β = 10^{6}", "m w, β = 0.1", "the same, α = 10^{−60}"]
s = dir.'/directions.csv'
pick(w, what) = column('way') == w ? column(what) : NaN
set logscale x
set xrange [1:1e100]
set format x "10^{%T}"
set xtics 1,1e20
set xlabel "time  t" offset 0,0.3
set logscale y
set yrange [0.2:90]
set ytics (0.2,0.5,1,2,5,10,20,50)
set ylabel "degrees" offset 0.5
set key inside left bottom
do for [what in "angle_l2 angle_l1"] {
  if (what eq "angle_l2") { set title "Angle to the L2 machine" } else { set title "Angle to the L1 machine" }
  plot for [w=0:3] s using (column('t')):(pick(w,what)) with lines linewidth 2.2 dashtype dash[w+1] linecolor rgb shade[w+1] title names[w+1]
  unset key
}
unset logscale y
set yrange [0:1.05]
set ytics auto
set key inside right bottom
set title "L1 margin, of the largest there is"
set ylabel "min y_i (Zx)_i / ‖x‖_1 / largest" offset 0.5
plot for [w=0:3] s using (column('t')):(pick(w,'margin_l1')/largest_l1) with lines linewidth 2.2 dashtype dash[w+1] linecolor rgb shade[w+1] title names[w+1]
unset multiplot
unset output

# Heat maps of the error over switch-off time and strength; beside them the best of each strength.
across = 2; down = 2; panel_width = 600; panel_height = 470
load scripts.'/style.gp'
set palette @rising_palette
set multiplot layout down,across
array noise[2] = ["without label noise", "with label noise σ = 0.5"]
set logscale cb
array dose[5] = [0.3, 1, 3, 10, 30]
array at_T[5] = [0.6, 0.6, 0.85, 1.15, 1.55]
line(A, T) = log10(A) - T
do for [n=1:2] {
  map = sprintf("%s/map_%d.csv", dir, n-1); best = sprintf("%s/best_%d.csv", dir, n-1)
  unset logscale xy
  set xrange [*:*]
  set yrange [*:*]
  set title noise[n]
  stats map using (log10(column('off'))) nooutput name 'T'
  stats map using (log10(column('alpha'))) nooutput name 'S'
  set xrange [T_min-0.075:T_max+0.075]
  set yrange [S_min-0.075:S_max+0.075]
  set xtics ("5" log10(5), "10" 1, "20" log10(20), "40" log10(40), "never" T_max)
  set ytics ("0.01" -2, "0.02" log10(0.02), "0.05" log10(0.05), "0.1" -1, "0.2" log10(0.2), "0.5" log10(0.5))
  set xlabel "switched off at  T" offset 0,0.3
  set ylabel "strength  α" offset 0.5
  set cblabel "truth error  ‖x − x*‖_2" offset 0.5
  set format cb "%g"
  set cbrange [*:*]
  unset grid
  set key off
  tilt = -45
  do for [k=2:5] { set label k sprintf("A = %g", dose[k]) at at_T[k],(line(dose[k], at_T[k])+0.03) left rotate by tilt offset 0.3,0 front textcolor rgb "#FFFFFF" }
  plot map using (log10(column('off'))):(log10(column('alpha'))):'error' with image, \
       for [k=1:5] line(dose[k], x) with lines linewidth 1.2 dashtype (5,4) linecolor rgb "#FFFFFF"
  do for [k=1:5] { unset label k }
  set grid
  set key inside top center reverse Left
  set title "the best of each strength, ".noise[n]
  set xrange [10**S_min:10**S_max]
  if (n == 1) { set yrange [0.02:3] } else { set yrange [0.2:3] }
  set logscale xy
  set xtics (0.01,0.02,0.05,0.1,0.2,0.5)
  set ytics (0.02,0.05,0.1,0.2,0.5,1,2)
  set format x "%g"
  set format y "%g"
  set xlabel "strength  α" offset 0,0.3
  set ylabel "truth error  ‖x − x*‖_2" offset 0.5
  long = dir.'/best_2.csv'
  set key inside left bottom
  if (n == 2) { set label 9 "thin: trained on to t = 840" at graph 0.03,0.95 left textcolor rgb "#666666" }
  plot best using 'alpha':'never' with lines linewidth 2 linecolor rgb grey title "never on", \
       best using 'alpha':'constant' with linespoints pointtype 7 linewidth 2 linecolor rgb blue title "always on", \
       best using 'alpha':'off' with linespoints pointtype 7 linewidth 2 linecolor rgb vermilion title "on, then off at the best T", \
       for [k=1:n-1] long using 'alpha':'constant' with lines linewidth 1 linecolor rgb blue notitle, \
       for [k=1:n-1] long using 'alpha':'off' with lines linewidth 1 linecolor rgb vermilion notitle
}
unset multiplot
unset output

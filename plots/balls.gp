# Left: unit balls of R_a. Right: balls that touch the line of solutions, and the flows.
across = 2; down = 1; panel_width = 600; panel_height = 620
load scripts.'/style.gp'
set palette @dose_palette
set cbrange [1:5]
unset colorbox
set size ratio -1
set xlabel "x_1" offset 0,0.4
set ylabel "x_2" offset 1
set multiplot layout down,across
set title "Balls of R_a through the unit vectors"
set xrange [-1.3:1.3]
set yrange [-1.3:1.3]
set xtics 0.5
set ytics 0.5
set key inside left top samplen 1 maxrows 1
unset key
array dose[5] = [0, 0.5, 1, 2, 4]
do for [i=1:5] { set label i sprintf("A = %g", dose[i]) at graph 0.03,(1.03 - 0.05*i) textcolor palette cb i }
plot for [i=1:5] dir.'/unit_balls.csv' using 'x1':(abs(column('dose')-dose[i]) < 1e-9 ? column('x2') : NaN):(i) with lines linewidth 2 linecolor palette notitle
do for [i=1:5] { unset label i }
set title "Flows end where the smallest ball touches the solutions"
set xrange [-1.75:2.0]
set yrange [-1.35:2.25]
set xtics 1
set ytics 1
set label 1 "x(0)" at -0.5,0.7 offset -3.2,0.6 textcolor rgb ink
set label 2 "solutions  z·x = 1" at 0.2,2.1 textcolor rgb ink
set label 3 "nearest to x(0)" at near1,near2 offset 1.1,0.2 textcolor rgb "#56B4E9"
set label 4 "minimum L1" at 1,0 offset 0.9,-0.9 textcolor rgb vermilion
set label 5 "centres e^{−4A} x(0)" at -0.6,0.12 right textcolor rgb "#666666"
line(x) = (1 - x)/0.4
plot line(x) with lines linecolor rgb "#000000" linewidth 1.4 notitle, \
     for [i=1:5] dir.'/touching_balls.csv' using 'x1':(abs(column('dose')-dose[i]) < 1e-9 ? column('x2') : NaN):(i) with lines linewidth 0.9 dashtype (6,3) linecolor palette notitle, \
     for [i=1:5] dir.'/paths.csv' using 'x1':(abs(column('dose')-dose[i]) < 1e-9 ? column('x2') : NaN):(i) with lines linewidth 2.2 linecolor palette notitle, \
     dir.'/ends.csv' using 'centre1':'centre2':($0 + 1) with points pointtype 2 pointsize 0.8 linewidth 1.2 linecolor palette notitle, \
     dir.'/ends.csv' using 'x1':'x2':($0 + 1) with points pointtype 7 pointsize 1.1 linecolor palette notitle
unset multiplot
unset output

# The surface R_a(x), and the valley floor on it.
across = 1; down = 1; panel_width = 860; panel_height = 620
load scripts.'/style.gp'
set palette @rising_palette
set view 58,326,1,1.05
set xyplane at 0
unset key
set border 4095 linecolor rgb "#CCCCCC" linewidth 0.5
set grid xtics ytics ztics
set xlabel "x" offset 0,-0.5
set ylabel "dose  A = ∫α dt" offset 1,-0.5
set zlabel "R_a(x)" rotate by 90 offset 0.5
set xrange [-1:3]
set yrange [0:4]
set zrange [0:26]
set ztics 0,5,25
set xtics 1 offset 0,-0.2
set ytics 1
unset colorbox
set pm3d depthorder border linecolor rgb "#FFFFFF" linewidth 0.15
set title "Weight decay turns the potential from a bowl (L2) into a V (L1)" offset 0,-1.5
splot dir.'/surface.csv' using 'x':'dose':'R' with pm3d, \
      dir.'/valley.csv' using 'x':'dose':(0.15) with lines linecolor rgb vermilion linewidth 3
unset output

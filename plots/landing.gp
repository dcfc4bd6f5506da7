# Distances from the two special solutions, against dose and against scale.
across = 2; down = 1; panel_width = 600; panel_height = 500
load scripts.'/style.gp'
set multiplot layout down,across
set logscale y
set format y "10^{%T}"
set yrange [1e-7:3]
set ylabel "distance from x,  relative to max |x|" offset 0.5
set xlabel "dose  A   (β = 100 at the start)" offset 0,0.3
set xrange [0:9]
set key inside center bottom reverse Left
set title "By weight decay, on then off"
plot dir.'/by_scale.csv' using ((log(100)-column('ln_beta'))/4):'from_min_l2' with points pointtype 6 pointsize 1.5 linecolor rgb grey notitle, \
     dir.'/by_scale.csv' using ((log(100)-column('ln_beta'))/4):'from_min_l1' with points pointtype 6 pointsize 1.5 linecolor rgb grey notitle, \
     dir.'/by_dose.csv' using 'dose':'from_min_l2' with linespoints pointtype 7 linewidth 2 linecolor rgb blue title "to the minimum-L2 solution", \
     dir.'/by_dose.csv' using 'dose':'from_min_l1' with linespoints pointtype 7 linewidth 2 linecolor rgb vermilion title "to the minimum-L1 solution"
set title "By the initialization alone"
set logscale x
set format x "10^{%T}"
set xrange [100:100*exp(-36)]
set xtics (1e2,1e-1,1e-4,1e-7,1e-10,1e-13)
set xlabel "scale of the initialization  β" offset 0,0.3
plot dir.'/by_dose.csv' using (100*exp(-4*column('dose'))):'from_min_l2' with points pointtype 6 pointsize 1.5 linecolor rgb grey notitle, \
     dir.'/by_dose.csv' using (100*exp(-4*column('dose'))):'from_min_l1' with points pointtype 6 pointsize 1.5 linecolor rgb grey notitle, \
     dir.'/by_scale.csv' using (exp(column('ln_beta'))):'from_min_l2' with linespoints pointtype 7 linewidth 2 linecolor rgb blue title "to the minimum-L2 solution", \
     dir.'/by_scale.csv' using (exp(column('ln_beta'))):'from_min_l1' with linespoints pointtype 7 linewidth 2 linecolor rgb vermilion title "to the minimum-L1 solution"
unset multiplot
unset output

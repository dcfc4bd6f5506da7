# R_a over x at doses along the run, each relative to its largest value.
width = 900; height = 560
load scripts.'/style.gp'
table = dir.'/potential.csv'
stats table using 'dose' nooutput name 'A'
set title "R_a(x), largest value 1: first and last dose"
set xlabel "x"
set key inside center top
plot table using 'x':(column('dose') == 0 ? column('R_relative') : NaN) with lines linewidth 2 linecolor rgb blue title "dose 0", \
     table using 'x':(column('dose') > 0.999*A_max ? column('R_relative') : NaN) with lines linewidth 2 linecolor rgb vermilion title sprintf("dose %.3g", A_max)
unset output

# Singular values at the end of training against the dose; effective rank.
across = 3; down = 1; panel_width = 480; panel_height = 470
load scripts.'/style.gp'
set multiplot layout down,across
set xlabel "dose  A = ∫α dt" offset 0,0.3
set xrange [0:4]
set logscale y
set format y "10^{%T}"
set yrange [1e-6:3]
set ylabel "singular values of X" offset 0.5
unset key
set title "Gaussian measurements"
plot for [i=10:1:-1] dir.'/gaussian.csv' using 1:(column(i+1)) skip 1 with linespoints pointtype 7 pointsize 0.5 linewidth 1.8 linecolor rgb (i <= 2 ? vermilion : blue)
set title "commuting measurements"
plot for [i=10:1:-1] dir.'/commuting.csv' using 1:(column(i+1)) skip 1 with linespoints pointtype 7 pointsize 0.5 linewidth 1.8 linecolor rgb blue
unset logscale y
set format y "%g"
set yrange [0:*]
set ylabel "effective rank  e^{entropy of σ}" offset 0.5
set key inside right top
set title "Effective rank"
plot dir.'/gaussian.csv' using 'dose':'rank_effective' with linespoints pointtype 7 linewidth 2 linecolor rgb vermilion title "Gaussian", \
     dir.'/commuting.csv' using 'dose':'rank_effective' with linespoints pointtype 5 linewidth 2 linecolor rgb blue title "commuting", \
     2 with lines linecolor rgb "#666666" dashtype 2 title "rank of the truth"
unset multiplot
unset output

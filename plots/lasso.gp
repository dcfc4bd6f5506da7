# The LASSO path with the ends of flows on it, and the bias against alpha.
across = 2; down = 1; panel_width = 600; panel_height = 480
load scripts.'/style.gp'
set multiplot layout down,across
set logscale x
set xrange [1e-3:1]
set xtics (0.001,0.01,0.1,1)
set xlabel "weight decay  α,   λ = 2 α" offset 0,0.3
set ylabel "x_j at the end" offset 0.5
set xzeroaxis linecolor rgb "#888888"
set title "Flows (dots) end on the LASSO path (lines)"
unset key
plot for [i=1:8] dir.'/lasso.csv' using 1:(column(i+1)) skip 1 with lines linewidth 1.8 linecolor rgb colour[i], \
     for [i=1:8] dir.'/flows.csv' using 1:(column(i+1)) skip 1 with points pointtype 7 pointsize 1 linecolor rgb colour[i]
set title "Shrinkage in proportion to α, time as 1/α"
set logscale y
set format y "10^{%T}"
set ylabel "max_j |x_j − x_j(α → 0)|" offset 0.5
set y2label "time to become stationary" offset -0.5
set logscale y2
set y2tics
set format y2 "10^{%T}"
set border 11
set ytics nomirror
set key inside left top
plot dir.'/flows.csv' using 'alpha':'bias' with linespoints pointtype 7 linewidth 2 linecolor rgb blue title "bias", \
     dir.'/flows.csv' using 'alpha':'t_end' axes x1y2 with linespoints pointtype 5 linewidth 2 linecolor rgb orange title "time (right)"
unset multiplot
unset output

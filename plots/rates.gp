# Late rates against the bound.
width = 640; height = 520
load scripts.'/style.gp'
array dose[3] = [0, 0.25, 0.5]
of(a, name) = (abs(column('dose')-dose[a]) < 1e-9 ? column(name) : NaN)
set logscale xy
set format "10^{%T}"
set xlabel "bound  4 β_a s" offset 0,0.3
set ylabel "rate at which the loss falls" offset 0.5
set key inside right bottom
set title "The loss falls at least as fast as the bound"
plot x with lines linewidth 1.2 dashtype 2 linecolor rgb ink title "the bound", \
     for [a=1:3] dir.'/rates.csv' using (of(a,'bound')):(of(a,'rate')) with points pointtype 7 pointsize 0.9 linecolor rgb colour[a] title sprintf("dose %g", dose[a])
unset output

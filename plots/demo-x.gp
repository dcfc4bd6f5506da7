# x(t): the coordinates that end largest, over the part of the run that is evenly spaced.
width = 900; height = 560
load scripts.'/style.gp'
before = 0; even = 0; horizon = 0
stats dir.'/trajectory.csv' using (gap = $1 - before, before = $1, even = (even == 0 && gap > 0) ? gap : even, \
                   horizon = (gap <= 1.001 * even) ? $1 : horizon, $1) skip 1 nooutput
set title "x_j(t), the 8 that end largest"
set xlabel "time t"
set xrange [0:horizon]
unset key
plot for [i=9:2:-1] dir.'/x.csv' using 1:i skip 1 with lines linewidth 2 linecolor rgb colour[(i-2)%8+1]
unset output

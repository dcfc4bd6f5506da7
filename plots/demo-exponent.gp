# The effective exponent along the run, with alpha.
width = 900; height = 560
load scripts.'/style.gp'
table = dir.'/trajectory.csv'
before = 0; even = 0; horizon = 0
stats table using (gap = $1 - before, before = $1, even = (even == 0 && gap > 0) ? gap : even, \
                   horizon = (gap <= 1.001 * even) ? $1 : horizon, $1) skip 1 nooutput
set title "effective exponent: 2 is L2, 1 is L1"
set xlabel "time t"
set xrange [0:horizon]
set yrange [0:2.1]
set key inside right top
plot table using 't':'effective_exponent' with lines linewidth 2 linecolor rgb blue title format eq 'txt' ? "p_eff" : "p_{eff}", \
     table using 't':'alpha' with lines linewidth 2 linecolor rgb orange title "α"
unset output

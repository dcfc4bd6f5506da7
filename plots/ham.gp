# The potential of HAM, its exponent and metric; ends, crossings, step sizes.
across = 3; down = 2; panel_width = 500; panel_height = 420
load scripts.'/style.gp'
set multiplot layout down,across
array c[4] = [0.1, 10, 1e3, 1e6]
array named[4] = ['0.1', '10', '10^3', '10^6']
array tone[4] = ["#56B4E9", "#0072B2", "#CC79A7", "#D55E00"]

of(name, value, what) = (column(name) == value ? column(what) : NaN)
set title "Potential of one coordinate"
set xlabel "x" offset 0,0.3
set ylabel "R_c(x) / R_c(1)" offset 0.5
set xrange [-1:1]
set yrange [0:1]
set key inside center top
plot for [k=1:4] dir.'/potential.csv' using 'x':(of('c', c[k], 'R')) with lines linewidth 2 linecolor rgb tone[k] title 'c = '.named[k], \
     x*x with lines linewidth 1.4 dashtype 2 linecolor rgb ink title 'x^2, |x|', \
     abs(x) with lines linewidth 1.4 dashtype 2 linecolor rgb ink notitle

set title "Effective exponent: from L2 to L1"
set xlabel "growth  c" offset 0,0.3
set ylabel "p_{eff} = x R'(x) / R(x)" offset 0.5
set logscale x
set format x "10^{%T}"
set xrange [1e-3:1e6]
set yrange [1:2.02]
set xtics 1e-3,1e3,1e6
set key inside right top title "|x|" samplen 0.7 spacing 1
array size[4] = [0.01, 0.1, 1, 10]
plot for [k=1:4] dir.'/exponent.csv' using 'c':(of('x', size[k], 'exponent')) with lines linewidth 2 linecolor rgb tone[k] title sprintf('%g', size[k])

unset logscale x
set xtics autofreq
set key notitle samplen 1.6 spacing 1.15
set format x "%g"
set title "Inverse metric, at least 1"
set xlabel "x" offset 0,0.3
set ylabel "dx / dμ" offset 0.5
set xrange [-2:2]
set xtics 1
set yrange [0:8]
set key inside center top
plot dir.'/metric.csv' using 'x':(of('kind', 0, 'metric')) with lines linewidth 2.6 linecolor rgb vermilion title 'HAM, 1 + 2|x|', \
     '' using 'x':(of('kind', 1, 'metric')) with lines linewidth 2 linecolor rgb blue title 'm w, β = 1/2', \
     '' using 'x':(of('kind', 2, 'metric')) with lines linewidth 2 linecolor rgb sky title 'm w, β = e^{−1}/2', \
     '' using 'x':(of('kind', 3, 'metric')) with lines linewidth 2 linecolor rgb ink dashtype 2 title 'm w, β = 0'

set title "Where training ends"
set xlabel "growth  c" offset 0,0.3
set ylabel "distance / largest |x|" offset 0.5
set logscale xy
set format xy "10^{%T}"
set xrange [1e-3:1e6]
set xtics 1e-3,1e3,1e6
set yrange [1e-6:*]
set key inside right bottom
plot dir.'/ends.csv' using 'c':'from_l2' with linespoints pointtype 7 linewidth 1.6 linecolor rgb blue title 'to least L2 norm', \
     '' using 'c':'from_l1' with linespoints pointtype 5 linewidth 1.6 linecolor rgb vermilion title 'to least L1 norm'

unset logscale
set xtics autofreq
set format xy "%g"
set title "A weight of the wrong sign"
set xlabel "time  t" offset 0,0.3
set ylabel "x(t)" offset 0.5
set xrange [0:5]
set yrange [-1.05:1.3]
set key inside right bottom
array way[3] = ['HAM, c = 2', 'm w, β = 0.05', 'm w, β = 0']
array hue[3] = ["#D55E00", "#56B4E9", "#222222"]
plot 0 with lines linewidth 1 linecolor rgb grey notitle, \
     for [k=1:3] dir.'/cross.csv' using 't':(of('way', k-1, 'x')) with lines linewidth 2.2 linecolor rgb hue[k] title way[k]

set title "What a step size costs"
set xlabel "step size  η" offset 0,0.3
set ylabel "error" offset 0.5
set logscale xy
set format xy "10^{%T}"
set xrange [4e-5:3e-3]
set yrange [1e-13:0.1]
set ytics 1e-12,1e3,1
set key inside right bottom
plot dir.'/steps.csv' using 'eta':'flow' with linespoints pointtype 7 linewidth 1.6 linecolor rgb vermilion title 'gd − flow', \
     '' using 'eta':'single' with linespoints pointtype 5 linewidth 1.6 linecolor rgb blue title 'step − that of m w', \
     20*x with lines linewidth 1.2 dashtype 2 linecolor rgb grey title 'slopes 1 and 2', \
     x**2 with lines linewidth 1.2 dashtype 2 linecolor rgb grey notitle
unset multiplot
unset output

# Brackets of pairs (g, h), and the gap between gradient flow and spectral mirror flow.
across = 2; down = 1; panel_width = 700; panel_height = 520
load scripts.'/style.gp'
set multiplot layout down,across
array label[10] = ["m∘w", "u^2 − v^2", "u^4 − v^4, h = Σu^4+v^4", "sensing, commuting", "u^4 − v^4", "a b c", "m∘w, decay on m alone", "m w, one m a neuron", "sensing, Gaussian", "sensing, B A"]
floor = 1e-18
shown(v) = v > floor ? v : floor
tint(k) = k == 1 ? 0x0072B2 : k == 2 ? 0x009E73 : 0xD55E00
set lmargin 27
set logscale x
set format x "10^{%T}"
set xrange [1e-19:1e3]
set yrange [9.6:-0.6]
set xtics 1e-18,1e6,1
set ytics () 
do for [i=1:10] { set ytics add (label[i] i-1) }
set xlabel "size of the brackets" offset 0,0.3
set arrow 1 from 1e-8,-0.6 to 1e-8,9.6 nohead dashtype 2 linecolor rgb "#666666"
set title "Brackets:  blue mirror flow, green time-warped, orange none" offset 0,-0.3
set key at graph 0.99,0.99 right top opaque
plot dir.'/brackets.csv' using (shown($2)):($1-0.12):(tint($4)) skip 1 with points pointtype 7 pointsize 1.5 linecolor rgb variable notitle, \
     dir.'/brackets.csv' using (shown($3)):($1+0.12):(tint($4)) skip 1 with points pointtype 4 pointsize 1.4 linecolor rgb variable notitle, \
     NaN with points pointtype 7 pointsize 1.4 linecolor rgb "#666666" title "of g with g", NaN with points pointtype 4 pointsize 1.4 linecolor rgb "#666666" title "of g with h"
unset arrow 1
set lmargin 10
set ytics autofreq
unset logscale x
set xtics autofreq
set format x "%g"
set xrange [0:*]
set logscale y
set format y "10^{%T}"
set yrange [1e-11:1]
set xlabel "time  t" offset 0,0.3
set ylabel "gap  max |X_{GF} − X_{MF}| / max |X|" offset 0.5
set title "Sensing X = U U^T: gradient flow against mirror flow" offset 0,-0.3
set key at graph 0.98,0.75 right top
plot dir.'/gaps.csv' using 't':'gaussian' with lines linewidth 2.2 linecolor rgb vermilion title "Gaussian measurements", \
     dir.'/gaps.csv' using 't':'commuting' with lines linewidth 2.2 linecolor rgb blue title "commuting, decay switched off", \
     dir.'/gaps.csv' using 't':'constant' with lines linewidth 2.2 linecolor rgb sky title "commuting, constant decay"
unset multiplot
unset output

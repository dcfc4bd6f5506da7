# Starts from which a neuron learns its teacher, for two flows; and a run whose beta fades, or is put back.
across = 3; down = 1; panel_width = 480; panel_height = 500
load scripts.'/style.gp'
set multiplot layout down,across
starts = dir.'/starts.csv'; paths = dir.'/paths.csv'; fading = dir.'/fading.csv'
array title[2] = ["Plain flow of a and w", "Sign-In:  a = m_1w_1,  w = m_2w_2"]
array quadrant[4] = ["(+, +)", "(−, +)", "(+, −)", "(−, −)"]
of(f, what) = column('flow') == f ? column(what) : NaN
on(f, q, what) = column('flow') == f && column('quadrant') == q ? column(what) : NaN
learned(f, q) = q == 0 || (q == 1 && f == 1)
first(f, q, what) = column('t') == 0 ? on(f, q, what) : NaN
set xrange [-1.25:1.25]
set yrange [-1.25:1.25]
set xtics -1,0.5,1
set ytics -1,0.5,1
set bmargin 6.5
set xlabel "outer weight  a" offset 0,0.6
set ylabel "inner weight  w" offset 1
set arrow 1 from -1.25,0 to 1.25,0 nohead back linecolor rgb grey linewidth 1
set arrow 2 from 0,-1.25 to 0,1.25 nohead back linecolor rgb grey linewidth 1
set samples 400
set key outside bottom center horizontal samplen 2 maxrows 2
do for [f=0:1] {
  set title title[f+1] offset 0,-0.3
  plot starts using (column('found') == 1 ? of(f, 'a') : NaN):'w':(half):(half) with boxxyerror fillstyle solid noborder fillcolor rgb "#D6E9F5" title "starts that learn", \
       dir.'/line.csv' using (of(f, 'a')):'w' with lines dashtype (7,4) linewidth 1.6 linecolor rgb ink title "edge, closed form", \
       [0.7:1.25] 1/x with lines linewidth 1.4 linecolor rgb "#888888" title "a w = 1", \
       for [q=0:3] paths using (on(f, q, 'a')):'w' with lines linewidth 2.6 linecolor rgb (learned(f, q) ? blue : vermilion) notitle, \
       for [q=0:3] paths using (first(f, q, 'a')):'w' with points pointtype 7 pointsize 1.4 linecolor rgb (learned(f, q) ? blue : vermilion) notitle, \
       '+' using (1.0):(1.0) every ::0::0 with points pointtype 3 pointsize 1.6 linewidth 1.6 linecolor rgb ink title "teacher"
}
unset arrow 1; unset arrow 2
set xrange [0:*]
set yrange [-0.6:1.3]
set xtics autofreq
set ytics -0.5,0.5,1
set xlabel "time  t" offset 0,0.6
set ylabel "a (solid),  w (dashed)" offset 1
set title "Sign-In from (−, +) when β fades" offset 0,-0.3
set object 1 rectangle from 0,graph 0 to decay_off,graph 1 fillstyle solid noborder fillcolor rgb "#F3F3F3" behind
set label 1 "α > 0" at decay_off/2,-0.53 center textcolor rgb "#666666"
array shade[3] = ["#999999", "#D55E00", "#0072B2"]
array way[3] = ["no weight decay", "weight decay", "and resets of β"]
way_of(k, what) = column('way') == k ? column(what) : NaN
reset(k, what) = k == 2 && column('t') > 0 && column('t') <= decay_off && abs(column('t')/reset_every - int(column('t')/reset_every + 0.5)) < 1e-9 ? way_of(k, what) : NaN
plot for [k=0:2] fading using 't':(way_of(k, 'a')) with lines linewidth 2.4 linecolor rgb shade[k+1] title way[k+1], \
     for [k=0:2] fading using 't':(way_of(k, 'w')) with lines linewidth 1.8 dashtype 2 linecolor rgb shade[k+1] notitle, \
     fading using 't':(reset(2, 'a')) with points pointtype 7 pointsize 1.1 linecolor rgb shade[3] notitle
unset multiplot
unset output

# The mirror potential R_a of one coordinate at doses along the run (from the last reset of beta on): from
# a parabola to a V.
# Arguments: dir = run folder, output, format, scripts = this folder.
width = 900; height = 620
load scripts.'/style.gp'
table = dir.'/potential.csv'

stats table using 'dose' nooutput name 'A'
stats table using 'x' nooutput name 'X'
first = A_min; last = A_max
curves = 9
set xrange [X_min:X_max]
set yrange [0:1.02]
set xlabel "x" offset 0,0.3
set ylabel "R_a(x),  largest value 1"
set title "The potential along the run: weight decay turns L2 into L1" offset 0,-0.3
set palette defined (0 "#56B4E9", 0.5 "#0072B2", 1 "#D55E00")
set cbrange [first:(last > first ? last : first + 1)]
set cblabel "dose  A = ∫α dt"
set border 3
plot for [c=0:curves-1] table using 'x':(abs(column('dose') - first - (last - first)*(c/8.0)**2) < 1e-6*(last - first + 1e-300) || last == first ? column('R_relative') : NaN):'dose' with lines linewidth 2 linecolor palette notitle
unset output

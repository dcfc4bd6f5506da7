# What weight decay does to the implicit bias, against its dose: where the potential draws x to, which
# norm it is like, and how far mu can go.
# Arguments: dir = run folder, output, format, scripts = this folder.
across = 3; down = 1; panel_width = 420; panel_height = 380
load scripts.'/style.gp'
table = dir.'/trajectory.csv'
given(name) = strlen(stringcolumn(name)) > 0

stats table using 'dose' nooutput name 'A'
centred = 0; ranged = 0; shaped = 0; x = 'dose'
stats table using (centred = (given('centre') && column('centre') > 0) ? centred + 1 : centred, \
                   ranged = given('range') ? ranged + 1 : ranged, \
                   shaped = given('effective_exponent') ? shaped + 1 : shaped, 0) nooutput
stats table using 't' nooutput name 'T'
if (A_max == 0) { x = 't' }
set multiplot layout down,across
set xlabel (A_max > 0 ? "dose  A = ∫α dt" : "time  t  (no weight decay)") offset 0,0.3
set xrange [0:(A_max > 0 ? A_max : T_max)]
unset key

set title "Position:  ‖argmin R_a‖_2" offset 0,-0.3
set yrange [0:*]
if (!centred) { set yrange [0:1]; set label 1 "0: the run starts at x = 0" at graph 0.5,0.5 center textcolor rgb "#666666" }
plot table using x:'centre' with lines linecolor rgb blue linewidth 2.4
unset label 1

set title "Type:  p_{eff} of R_a, from L2 to L1" offset 0,-0.3
set yrange [0.95:2.05]
set ytics 1,0.25,2
if (!shaped) { set label 1 "R_a is not that of a norm" at graph 0.5,0.5 center textcolor rgb "#666666" }
plot (shaped ? 2 : NaN) with lines linecolor rgb grey dashtype 2, (shaped ? 1 : NaN) with lines linecolor rgb grey dashtype 2, \
     table using x:'effective_exponent' with lines linecolor rgb vermilion linewidth 2.4
unset label 1
set ytics autofreq

set title "Range:  width of the domain of μ" offset 0,-0.3
set yrange [0:*]
if (!ranged) { set yrange [0:1]; set label 1 "unbounded: any μ" at graph 0.5,0.5 center textcolor rgb "#666666" }
plot table using x:'range' with lines linecolor rgb green linewidth 2.4
unset multiplot
unset output

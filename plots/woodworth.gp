# Ends in the plane of two features; distances to the two interpolators; what finite steps change.
across = 3; down = 1; panel_width = 440; panel_height = 440
load scripts.'/style.gp'
set multiplot layout down,across

set title "Two features: ends, by α" offset 0,-0.3
set xlabel "x_1" offset 0,0.3
set ylabel "x_2" offset 0.5
set xrange [0.84:1.02]
set xtics 0.85,0.05
set yrange [-0.05:0.42]
unset key
set arrow 1 from 0.84,0.4 to 1.02,-0.05 nohead linecolor rgb grey linewidth 1.2 back
set palette @rising_palette
set logscale cb
set cbrange [1e-3:10]
set format cb "10^{%T}"
set colorbox user origin graph 0.1,0.12 size graph 0.05,0.42
set cblabel "α" offset 0.6,0 rotate by 0
set label 1 "min L2" at 25/29.0+0.006,10/29.0+0.012 textcolor rgb ink
set label 2 "min L1" at 0.965,-0.018 textcolor rgb ink center
plot dir.'/toy.csv' using 'x1':'x2':'alpha' with points pointtype 7 pointsize 1.1 linecolor palette
unset arrow; unset label; unset colorbox; unset logscale cb

set title "40 samples, 100 features: distance" offset 0,-0.3
set xlabel "scale  α = u_0 = v_0" offset 0,0.3
set ylabel "‖x − x_{min}‖_2" offset 0.5
set logscale xy
set xtics autofreq
set xrange [1e-5:100]
set yrange [1e-9:30]
set format "10^{%T}"
set key inside left bottom opaque
plot dir.'/sweep.csv' using 'alpha':'from_l1' with lines linecolor rgb vermilion linewidth 1.8 title "to the minimum of L1", \
     dir.'/sweep.csv' using 'alpha':'from_l2' with lines linecolor rgb blue linewidth 1.8 title "to the minimum of L2", \
     (x > 1.5 ? 3*x**-4 : NaN) with lines linecolor rgb grey dashtype 2 linewidth 1.4 title "α^{-4}"

set title "Gradient descent at α = 0.1" offset 0,-0.3
set xlabel "step  c,  η = c / (8 λ_{max} ‖x‖_∞)" offset 0,0.3
set ylabel "‖x_{gd} − x_{flow}‖ / ‖x_{flow}‖" offset 0.5
set xrange [0.04:0.5]
set yrange [*:*]
set xtics (0.05,0.1,0.2,0.4)
set format x "%g"
set format y "10^{%T}"
set key inside left top
stats dir.'/steps.csv' using 'gap' every ::0::0 nooutput name 'G'
plot dir.'/steps.csv' using 'part':'gap' with points pointtype 7 pointsize 1.4 linecolor rgb ink title "descent", \
     G_min*x/0.05 with lines linecolor rgb grey dashtype 2 linewidth 1.4 title "in proportion"
unset multiplot
unset output

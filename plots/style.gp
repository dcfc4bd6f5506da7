# The look of all plots. Arguments (gnuplot -e): format = png|svg|pdf, output = file.
# width, height: size in pixels of a screen (96 to the inch), set before load.
set encoding utf8
if (format eq 'png') set terminal pngcairo size width,height font "DejaVu Sans,11" linewidth 1.3
if (format eq 'svg') set terminal svg size width,height font "DejaVu Sans,14" linewidth 1.3 background rgb "white"
if (format eq 'pdf') set terminal pdfcairo size width/96.0,height/96.0 font "DejaVu Sans,11" linewidth 1.3
set output output

# Okabe and Ito's colours: told apart by colour-blind readers, and in grey.
array colour[8] = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#999999"]
grey = "#BBBBBB"
set border 3 linecolor rgb "#444444" linewidth 0.8
set tics nomirror out scale 0.6 textcolor rgb "#222222"
set grid linecolor rgb "#E6E6E6" linewidth 0.6 linetype 1
set key samplen 1.6 spacing 1.15 textcolor rgb "#222222"
set datafile separator comma
set datafile missing ''

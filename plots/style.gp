# The look of all pictures. Arguments (gnuplot -e): format = png|svg|pdf|gif|txt|sixel, output = file, and for
# figures style = 'screen' or 'paper', columns = 1 or 2 (columns of print that a paper picture spans).
#
# Set before load: either width, height (pixels of a screen, 96 to the inch), or the panels,
#   across = 2; down = 1; panel_width = 640; panel_height = 480
# of which a picture one column wide puts all below each other: the script then says
#   set multiplot layout down,across
# after load. Text keeps the size in print: a page is 6.9 inches wide, a column 3.35.
set encoding utf8
if (!exists("style")) style = 'screen'
if (!exists("columns")) columns = 2
if (!exists("across")) across = 1
if (!exists("down")) down = 1
if (style eq 'paper' && columns == 1) { down = across*down; across = 1 }
if (exists("panel_width")) { width = across*panel_width; height = down*panel_height }
paper = style eq 'paper'
inches = !paper ? width/96.0 : columns == 1 ? 3.35 : across == 1 ? 4.6 : 6.9
pixels = !paper ? width : 300*inches
# Of the text in points: 11 on screens, in print up to 8, less where panels are many. `small` is for
# remarks in a picture.
points = !paper ? 11.0 : 0.85*11*inches/(width/96.0)
if (paper) points = points > 8 ? 8 : points < 5.5 ? 5.5 : points
small = sprintf(',%.1f', 0.85*points)
fine = paper ? 0.8 : 1.3
if (format eq 'png') set terminal pngcairo size pixels,pixels*height/width font sprintf("DejaVu Sans,%.1f", points) fontscale pixels/inches/(paper ? 72.0 : 96.0) linewidth fine*pixels/inches/96.0 pointscale (paper ? 0.6 : 1)*pixels/inches/96.0
if (format eq 'svg') set terminal svg size 96*inches,96*inches*height/width font sprintf("DejaVu Sans,%.1f", points/0.78) linewidth fine background rgb "white"
if (format eq 'pdf') set terminal pdfcairo size inches,inches*height/width font sprintf("DejaVu Sans,%.1f", paper ? points : 0.75*points) fontscale 1 linewidth fine pointscale (paper ? 0.5 : 0.75)
if (format eq 'gif') set terminal gif animate delay 8 loop 0 optimize size width,height font 'DejaVuSans,10' linewidth 1.5 background rgb 'white'
if (format eq 'txt') set terminal dumb size 79,24 ansi256
if (format eq 'sixel') set terminal sixelgd size width,height font 'DejaVuSans,11' linewidth 1.3 background rgb 'white'
set output output

# Okabe and Ito's colours: told apart by colour-blind readers, and in grey.
array colour[8] = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#999999"]
blue = colour[1]; vermilion = colour[2]; green = colour[3]; purple = colour[4]; orange = colour[5]; sky = colour[6]
grey = "#BBBBBB"; ink = "#222222"
# Palettes, `set palette @dose_palette`: even in lightness, and safe, too. From no weight decay to
# much; from little to much of anything; from minus to plus.
dose_palette = 'defined (0 "#56B4E9", 0.4 "#0072B2", 0.7 "#A03A8C", 1 "#D55E00")'
rising_palette = 'defined (0 "#FDE725", 0.25 "#5EC962", 0.5 "#21918C", 0.75 "#3B528B", 1 "#440154")'
signed_palette = 'defined (-1 "#0072B2", 0 "#F7F7F7", 1 "#D55E00")'
set border 3 linecolor rgb "#444444" linewidth 0.8
set tics nomirror out scale 0.6 textcolor rgb ink
set grid linecolor rgb "#E6E6E6" linewidth 0.6 linetype 1
set key samplen 1.6 spacing 1.15 reverse Left textcolor rgb ink
set pointsize 0.7
set datafile separator comma
set datafile missing ''
if (format eq 'txt') { unset grid; set border 31; set tics in scale 1 }

# A sweep: of one number its median over the runs of each group, as a map over two settings or with
# the middle half and four fifths of the runs as bands over one.
# Arguments: dir = folder of the sweep, output, format, scripts = this folder.
width = 900; height = 620
load scripts.'/style.gp'
table = dir.'/plot.csv'
show_name = show
spread = runs > 1 ? sprintf("median of %d runs", runs) : "each run"

set palette @rising_palette
if (kind eq 'map') {
    unset grid
    unset key
    stats table using 1 nooutput name 'X'
    stats table using 3 nooutput name 'Y'
    set xrange [-0.5:X_max + 0.5]
    set yrange [-0.5:Y_max + 0.5]
    if (logz) { set logscale cb; set format cb "10^{%T}" }
    set xlabel xname noenhanced
    set ylabel yname noenhanced
    set cblabel sprintf("%s, %s", show_name, spread) noenhanced
    set border 15
    set tics scale 0.4
    set xtics rotate by (X_max > 7 ? -35 : 0) noenhanced
    set ytics noenhanced
    drawing = 'table using 1:3:5:xtic(2):ytic(4) with image pixels'
} else {
    if (logx) { set format x "10^{%g}" }
    set xlabel xname noenhanced
    set ylabel show_name noenhanced
    if (logz) { set logscale y; set format y "10^{%T}" }
    set key top left opaque noautotitle
    set style fill noborder
    if (!numbers) { set xtics noenhanced; set offsets 0.5, 0.5, 0, 0 }
    labels = numbers ? '' : ':xtic(2)'
    if (runs > 1) {
        bands = 'table using 1:3:7 with filledcurves fillcolor rgb blue fillstyle transparent solid 0.15 title "four fifths of the runs", '. \
            'table using 1:4:6 with filledcurves fillcolor rgb blue fillstyle transparent solid 0.3 title "the middle half", '. \
            'table using 1:5 with lines linecolor rgb blue linewidth 2, '. \
            'table using 1:5 with points pointtype 7 linecolor rgb blue title spread'
        boxes = 'table using 1:4:3:7:6'.labels.' with candlesticks whiskerbars 0.5 linecolor rgb blue fillcolor rgb blue fillstyle transparent solid 0.3 title "the middle half and four fifths of the runs", '. \
            'table using 1:5 with points pointtype 7 linecolor rgb blue title spread'
        set boxwidth 0.4
        drawing = numbers ? bands : boxes
    } else {
        drawing = 'table using 1:5'.labels.' with '.(numbers ? 'linespoints' : 'points').' pointtype 7 linecolor rgb blue linewidth 2'
    }
}
plot @drawing

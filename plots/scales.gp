# Nuclear norm and effective rank at the end against the scale of the start.
across = 3; down = 2; panel_width = 440; panel_height = 370
load scripts.'/style.gp'
set multiplot layout down,across
array sets[3] = ["many", "few", "commuting"]
array titles[3] = ["Gaussian, 3 k r measurements", "Gaussian, k r", "commuting"]
set logscale x
set format x "10^{%T}"
set xrange [1e-10:1e-1]
set xtics 1e-10,100
set xlabel "scale of the start  β" offset 0,0.3
do for [q=1:2] {
  do for [s=1:3] {
    table = dir.'/'.sets[s].'.csv'
    set title titles[s] offset 0,-0.3
    if (q == 1) {
      set ylabel "nuclear norm  ‖X‖_*" offset 0.5
      set key inside left top
      plot table using 'scale':'gf_nuclear' with linespoints pointtype 7 linewidth 2 linecolor rgb vermilion title "gradient flow", \
           table using 'scale':'mf_nuclear' with linespoints pointtype 4 linewidth 2 linecolor rgb blue title "mirror flow", \
           table using 'scale':'least' with lines dashtype 2 linewidth 1.6 linecolor rgb "#444444" title "least"
    } else {
      set ylabel "effective rank" offset 0.5
      plot table using 'scale':'gf_rank' with linespoints pointtype 7 linewidth 2 linecolor rgb vermilion title "gradient flow", \
           table using 'scale':'mf_rank' with linespoints pointtype 4 linewidth 2 linecolor rgb blue title "mirror flow"
    }
  }
}
unset multiplot
unset output

# Latency histograms, one panel per kernel over a common axis.
#
# Variables: name, height, panels, low, high (us), top (of the count axis),
# logx, over (1 for each panel that has an overflow).  <name>.<i>: the outline of panel i, us and count; <name>.base: that of
# the baseline; <name>.labels: title, note and overflow of each panel.  Marks
# as in points.gp.

reset
set terminal svg size 1080,height noenhanced name name font "sans-serif,12"
set output name.".svg"
set datafile separator "\t"
set key off
set border 1 lc rgb "#000003"
set xrange [low:high]
if (logx) { set logscale x 10 }
set logscale y 10
set yrange [0.7:top]
set grid ytics lt 1 lc rgb "#000003" lw 0.6
set ytics nomirror scale 0 tc rgb "#000002" \
	("1" 1, "100" 100, "10k" 1e4, "1M" 1e6, "100M" 1e8)
set lmargin at screen 60.0 / 1080
set rmargin at screen 1050.0 / 1080
panel = 112.0
set multiplot
do for [i = 0 : panels - 1] {
	set tmargin at screen 1 - (i * panel + 26) / height
	set bmargin at screen 1 - (i * panel + panel - 6) / height
	if (i == panels - 1) {
		set xtics nomirror out scale 0.5 tc rgb "#000002" format "%g" autofreq
		if (logx) { set xtics (1, 2, 5, 10, 20, 50, 100, 200, 500, \
			"1,000" 1000, "2,000" 2000, "5,000" 5000, \
			"10,000" 10000, "100,000" 100000, "1,000,000" 1000000) }
		set xlabel "@us" tc rgb "#000002" offset 0, 0.3
	} else {
		set xtics scale 0 format ""
	}
	set label 1 sprintf("@title%d", i) at graph 0, graph 1 \
		offset 0, 0.8 left tc rgb "#000001" front
	set label 2 sprintf("@note%d", i) at \
		graph (word(over, i + 1) eq "1" ? 0.81 : 1), graph 1 \
		offset 0, 0.8 right tc rgb "#000002" front
	set label 3 sprintf("@over%d", i) at graph 1, graph 1 \
		offset 0, 0.8 right tc rgb "#000007" front
	plot sprintf("%s.%d", name, i) using 1:2 with filledcurves y1=0.7 \
			fs solid 0.35 noborder lc rgb "#000006", \
		"" using 1:2 with lines lw 1.3 lc rgb "#000006", \
		name.".base" using 1:(i ? $2 : NaN) with lines lw 1.3 dt (4, 2) \
			lc rgb "#000004"
}
unset multiplot
unset output

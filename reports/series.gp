# One metric over the stages of a series, one panel per config over a common
# axis: mean, 95 % interval, every boot.
#
# Variables: name, width, height, left and right (of the panels), panels, panel
# (pixels of each), head (pixels above it), first and last (stage), stages
# (ticks), turned (are these names, written upwards), colours (list of marks).  Of panel i:
# low<i>, high<i>, base<i>, band<i> (half width of the margin), marks<i> and
# percents<i> (ticks), and lists of stages: changes<i> (each with a label
# @change<i>_<k> in row rows<i>), broken<i>, crossed<i>.  <name>.<i>: stage, mean, low,
# high, an empty line where there is a gap; <name>.p<i>: x y of every boot;
# <name>.s<i>: x y of stages that share the boots of another.  Marks as in
# points.gp, and 11 on: colours of configs.

reset
set terminal svg size width,height noenhanced name name font "sans-serif,12"
set output name.".svg"
set datafile separator "\t"
set key off
set border 1 lc rgb "#000003"
set xrange [first - 0.6:last + 0.6]
set lmargin at screen real(left) / width
set rmargin at screen real(right) / width
set multiplot
do for [i = 0 : panels - 1] {
	low = value(sprintf("low%d", i))
	high = value(sprintf("high%d", i))
	base = value(sprintf("base%d", i))
	band = value(sprintf("band%d", i))
	colour = int(word(colours, i + 1))
	set tmargin at screen 1 - (i * (head + panel) + head) / height
	set bmargin at screen 1 - (i + 1) * (head + panel) / height
	unset arrow
	unset label
	unset object
	set yrange [low:high]
	eval "set ytics nomirror scale 0 tc rgb '#000002' (". \
		value(sprintf("marks%d", i)).")"
	if (base > 0) {
		set y2range [(low / base - 1) * 100:(high / base - 1) * 100]
		eval "set y2tics nomirror scale 0 tc rgb '#000002' (". \
			value(sprintf("percents%d", i)).")"
		set grid noxtics noytics y2tics lt 1 lc rgb "#000003" lw 0.6
		set object 1 rectangle from graph 0, first base - band \
			to graph 1, first base + band fc rgb "#000005" \
			fs solid 1 noborder behind
		set arrow from graph 0, first base to graph 1, first base \
			nohead dt (4, 3) lc rgb "#000004" lw 1.2 back
	} else {
		unset y2tics
		set grid noxtics ytics noy2tics lt 1 lc rgb "#000003" lw 0.6
	}
	if (i == panels - 1) {
		if (turned) {
			eval "set xtics nomirror out scale 0.4 rotate by 40 right ". \
				"tc rgb '#000002' (".stages.")"
		} else {
			eval "set xtics nomirror out scale 0.4 ". \
				"tc rgb '#000002' (".stages.")"
		}
	} else {
		set xtics scale 0 format "" autofreq
	}
	if (head > 10) {
		set label sprintf("@title%d", i) at graph 0, graph 1 \
			offset 0, 0.7 left tc rgb "#000001" front
		set label sprintf("@note%d", i) at graph 1, graph 1 \
			offset 0, 0.7 right tc rgb "#000002" front
	}
	list = value(sprintf("changes%d", i))
	do for [k = 1 : words(list)] {
		x = real(word(list, k)) - 0.5
		row = int(word(value(sprintf("rows%d", i)), k))
		set arrow from x, graph 0 to x, graph 1 nohead dt (2, 2) \
			lc rgb "#000007" lw 1.2
		if (x > first + 0.93 * (last - first)) {
			set label sprintf("@change%d_%d", i, k) at x, graph 1 \
				right offset -0.4, -0.6 - row \
				tc rgb "#000007" front
		} else {
			set label sprintf("@change%d_%d", i, k) at x, graph 1 \
				left offset 0.4, -0.6 - row \
				tc rgb "#000007" front
		}
	}
	list = value(sprintf("broken%d", i))
	do for [k = 1 : words(list)] {
		set label "" at real(word(list, k)), graph 0 \
			point pt 2 ps 0.9 lw 2 lc rgb "#000007" offset 0, 0.55 front
	}
	list = value(sprintf("crossed%d", i))
	do for [k = 1 : words(list)] {
		set label "" at real(word(list, k)), graph 0 \
			point pt 13 ps 0.8 lc rgb "#000007" offset 0, 0.55 front
	}
	plot sprintf("%s.%d", name, i) using 1:3:4 with filledcurves \
			fs transparent solid 0.22 noborder lc rgb colour, \
		sprintf("%s.p%d", name, i) with points pt 7 ps 0.28 \
			lc rgb "#000002", \
		sprintf("%s.%d", name, i) using 1:2 with lines lw 1.8 \
			lc rgb colour, \
		"" using 1:2 with points pt 7 ps 0.42 lc rgb colour, \
		sprintf("%s.s%d", name, i) with points pt 7 ps 0.55 \
			lc rgb "#000009", \
		"" with points pt 6 ps 0.5 lw 1.4 lc rgb "#000002"
}
unset multiplot
unset output

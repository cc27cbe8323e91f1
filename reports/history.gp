# One metric over releases: a line per flavour, in percent of its first.
#
# Variables: name, last (of the releases, from 0), low, high, margin (in the
# same unit), lines (how many), colours and shapes (a list each), xmarks and
# ymarks (the ticks), turned (are the names of releases written upwards).
# <name>.<i>: x y low high; <name>.claims: x y label colour.  Marks as in points.gp,
# and 11 on: colours of lines.

reset
set terminal svg size 420,(turned > 0 ? 232 : 220) noenhanced name name \
	font "sans-serif,12"
set output name.".svg"
set datafile separator "\t"
set key off
set lmargin 8
set rmargin 2
set tmargin 0.8
set bmargin (turned > 0 ? 2.8 : 1.8)
set xrange [-0.4:last + 0.4]
set yrange [low:high]
set border 1 lc rgb "#000003"
if (turned > 0) {
	eval "set xtics nomirror out scale 0.4 rotate by 40 right ". \
		"tc rgb '#000002' (".xmarks.")"
} else {
	eval "set xtics nomirror out scale 0.4 tc rgb '#000002' (".xmarks.")"
}
eval "set ytics nomirror scale 0 tc rgb '#000002' (".ymarks.")"
set grid noxtics ytics lt 1 lc rgb "#000003" lw 0.6
if (margin > 0) {
	set object 1 rectangle from graph 0, first -margin \
		to graph 1, first margin fc rgb "#000005" fs solid 1 noborder \
		behind
	set arrow 1 from graph 0, first 0 to graph 1, first 0 nohead dt (4, 3) \
		lc rgb "#000004" lw 1.2 back
}
plot for [i = 0 : lines - 1] sprintf("%s.%d", name, i) using 1:3:(0):($4 - $3) \
		with vectors nohead lw 1.2 lc rgb int(word(colours, i + 1)), \
	for [i = 0 : lines - 1] sprintf("%s.%d", name, i) using 1:2 \
		with lines lw 1.8 lc rgb int(word(colours, i + 1)), \
	for [i = 0 : lines - 1] sprintf("%s.%d", name, i) using 1:2 \
		with points pt 7 ps 0.7 lc rgb "#000009", \
	for [i = 0 : lines - 1] sprintf("%s.%d", name, i) using 1:2 \
		with points pt int(word(shapes, i + 1)) ps 0.55 lw 1.6 \
		lc rgb int(word(colours, i + 1)), \
	name.".claims" using 1:2:3:4 with labels center offset 0, 0.8 \
		tc rgb variable
unset output

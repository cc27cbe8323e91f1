# Which share of latencies is longer than x, of one kernel and the baseline,
# both axes logarithmic.
#
# Variables: name, low, high (us), bottom (the least share), floors and curves
# (how many), xmarks and ymarks (the ticks); lists of numbers: lines (us) and
# levels (shares) to draw across, endx and endy (where a curve goes on) and sides
# (1: its words stand above, -1: below).
# <name>.f<i>: x y of what is shaded down to the bottom; <name>.c<i>: x y of a
# curve.  Shades, curves and ends have no looks here: the page's style gives
# them.  Marks as in points.gp.

reset
top = 14.0 + 15 * words(lines)
height = 376.0 + top
set terminal svg size 640,height noenhanced name name font "sans-serif,12"
set output name.".svg"
set datafile separator "\t"
set key off
set lmargin at screen 62.0 / 640
set rmargin at screen 1 - 14.0 / 640
set tmargin at screen 1 - top / height
set bmargin at screen 52.0 / height
set border 3 lc rgb "#000003"
set logscale xy 10
set xrange [low:high]
set yrange [bottom:1]
eval "set xtics nomirror out scale 0.5 tc rgb '#000002' (".xmarks.")"
eval "set ytics nomirror scale 0 tc rgb '#000002' (".ymarks.")"
set grid xtics ytics lt 1 lc rgb "#000003" lw 0.6
set xlabel "@us" tc rgb "#000002" offset 0, 0.3
do for [i = 1 : words(lines)] {
	x = real(word(lines, i))
	set arrow from x, graph 0 to x, graph 1 nohead front lw 1.1 \
		dt (2, 3) lc rgb "#000002"
	set label sprintf("@line%d", i) at x, graph 1 center \
		offset 0, 0.5 + 0.95 * (i - 1) tc rgb "#000002"
}
do for [i = 1 : words(levels)] {
	y = real(word(levels, i))
	set arrow from graph 0, first y to graph 1, first y nohead front lw 1.1 \
		dt (2, 3) lc rgb "#000002"
	set label sprintf("@level%d", i) at graph 0, first y left \
		offset 0.5, 0.6 tc rgb "#000002"
}
do for [i = 1 : words(endx)] {
	set label sprintf("@end%d", i) at real(word(endx, i)), \
		real(word(endy, i)) right \
		offset -1, 0.8 * real(word(sides, i)) tc rgb "#000007"
}
plot for [i = 0 : floors - 1] sprintf("%s.f%d", name, i) using \
		1:2:(bottom) with filledcurves, \
	for [i = 0 : curves - 1] sprintf("%s.c%d", name, i) with lines
unset output

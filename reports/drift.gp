# Every boot of one metric less the mean of its kernel, in the order in which
# the boots started.
#
# Variables: name, last (of the order), low and high (%), marks (ticks).
# <name>.points and <name>.base: order and value, of the kernels and of the
# baseline; <name>.fit: what was fitted, if it is a drift.  Marks as in
# points.gp.

reset
set terminal svg size 540,190 noenhanced name name font "sans-serif,12"
set output name.".svg"
set datafile separator "\t"
set key off
set border 1 lc rgb "#000003"
set lmargin at screen 62.0 / 540
set rmargin at screen 528.0 / 540
set tmargin at screen 1 - 8.0 / 190
set bmargin at screen 48.0 / 190
set xrange [-last * 0.02 - 0.5:last * 1.02 + 0.5]
set yrange [low:high]
set xtics nomirror out scale 0.4 tc rgb "#000002" format "%g"
set xlabel "@order" tc rgb "#000002" offset 0, 0.4
eval "set ytics nomirror scale 0 tc rgb '#000002' (".marks.")"
set grid ytics lt 1 lc rgb "#000003" lw 0.6
set arrow from graph 0, first 0 to graph 1, first 0 nohead dt (4, 3) \
	lc rgb "#000004" lw 1.2 back
plot name.".points" with points pt 7 ps 0.34 lc rgb "#000002", \
	name.".base" with points pt 7 ps 0.52 lc rgb "#000006", \
	name.".fit" with lines lw 2 lc rgb "#000007"
unset output

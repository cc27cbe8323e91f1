# Every boot of every kernel under one metric, one line per kernel.
#
# Variables: name, height, margin (characters for kernel names), rows,
# low, high, base (all in the shown unit), band (half width of the margin),
# marks and percents (the ticks).  <name>.points: x y.  <name>.means: label y mean low high change.
# Text is put in afterwards (plots.py): here labels are only marks.  Colours
# are marks too: 1 ink, 2 faint, 3 grid, 4 baseline, 5 band, 6 accent,
# 7 warning, 8 pale accent, 9 sheet.

reset
set terminal svg size 540,height noenhanced name name font "sans-serif,12"
set output name.".svg"
set datafile separator "\t"
set lmargin margin
set rmargin 9
set tmargin 1.7
set bmargin 1.8
set key off
set xrange [low:high]
set yrange [-rows + 0.4:0.6]
set border 1 lc rgb "#000003"
eval "set xtics nomirror out scale 0.5 tc rgb '#000002' (".marks.")"
set ytics scale 0 nomirror tc rgb "#000001"
if (base > 0) {
	set x2range [(low / base - 1) * 100:(high / base - 1) * 100]
	eval "set x2tics nomirror scale 0 tc rgb '#000002' (".percents.")"
	set grid x2tics lt 1 lc rgb "#000003" lw 0.6
	set object 1 rectangle from base - band, graph 0 to base + band, graph 1 \
		fc rgb "#000005" fs solid 1 noborder behind
	set arrow 1 from base, graph 0 to base, graph 1 nohead dt (4, 3) \
		lc rgb "#000004" lw 1.2 back
} else {
	set grid xtics lt 1 lc rgb "#000003" lw 0.6
}
plot name.".means" using 4:2:($5 - $4):(0):ytic(1) with vectors nohead \
		lw 5 lc rgb "#000008", \
	"" using 3:($2 - 0.27):(0):(0.54) with vectors nohead \
		lw 2.6 lc rgb "#000006", \
	"" using (high):2:6 with labels left offset 1, 0 tc rgb "#000001", \
	name.".points" using 1:2 with points pt 7 ps 0.62 lc rgb "#000009", \
	"" using 1:2 with points pt 6 ps 0.62 lw 1.6 lc rgb "#000001"
unset output

"""A tree of fake_tree with a Kconfig that has a mind of its own.

Rules are lines of the file Kconfig: ``X needs Y``, ``X selects Y``, ``X
default`` (y unless somebody says no), ``X hidden`` (nobody can ask for it) and
``choice A B C`` (one of them is y, the first if nobody asks).  Options without
a rule are as they are asked for.  Of each option O of the tree the code knows
CONFIG_O, and its version string says ``-o``; what else it says is an expression
of the preprocessor.
"""

from __future__ import annotations

import fake_tree

SETTLE = r"""
awk '
FNR == 1 { file++ }
file == 1 && $1 == "choice" { for (i = 2; i <= NF; i++) group[$i] = $2 }
file == 1 && $1 == "choice" { next }
file == 1 { known[$1] = 1; if ($2 == "needs") needs[$1] = $3
	if ($2 == "default") auto[$1] = 1; if ($2 == "hidden") hidden[$1] = 1
	if ($2 == "selects") selects[$1] = selects[$1] " " $3; next }
/^CONFIG_/ { split($0, at, "="); add(substr(at[1], 8), at[2]) }
/^# CONFIG_/ { add(substr($2, 8), "n") }
function add(name, value) {
	if (!(name in is)) order[++n] = name
	is[name] = value
	if (value == "y" && name in group) wins[group[name]] = name
}
function seen(x) { return !(x in needs) || now[needs[x]] == "y" }
function value(x) {
	for (z in selects)
		if (now[z] == "y" && index(selects[z] " ", " " x " "))
			return "y"
	if (!seen(x))
		return ""
	if (x in group)
		return x == ((group[x] in wins) ? wins[group[x]] : group[x]) \
			? "y" : "n"
	if (x in hidden)
		return x in auto ? "y" : ""
	return x in is ? is[x] : x in auto ? "y" : "n"
}
END {
	for (x in group) if (!(x in is)) add(x, "n")
	for (x in known) if (!(x in is)) { order[++n] = x }
	for (round = 0; round < 20; round++)
		for (i = 1; i <= n; i++)
			now[order[i]] = value(order[i])
	for (i = 1; i <= n; i++) {
		x = order[i]
		if (now[x] == "n") print "# CONFIG_" x " is not set"
		else if (now[x] != "") print "CONFIG_" x "=" now[x]
	}
}' "$1" "$3" | sort > "$2.new" && mv "$2.new" "$2"
"""


def files(options: list[str], says: dict[str, str], rules: str = "",
          more: dict[str, str] | None = None) -> dict[str, str]:
    """Files of a tree with these options; says gives an expression for each
    further word of the version string, as ``{"-bad": "defined(CONFIG_A)"}``."""
    lines, words = [], []
    for i, (word, when) in enumerate(
            [(f"-{o.lower()}", f"defined(CONFIG_{o})") for o in options]
            + list(says.items())):
        lines.append(f'#if {when}\n#define W{i} "{word}"\n#else\n'
                     f'#define W{i} ""\n#endif\n')
        words.append(f"W{i}")
    makefile = fake_tree.MAKEFILE.replace(
        "SETTLE =", "ARCH_FLAGS += $(foreach v,$(filter CONFIG_%,$(.VARIABLES))"
        ",$(if $(filter y,$($v)),-D$v))\nSETTLE =").replace(
        "$(O)/mm/slub.o: mm/slub.c", "$(O)/mm/slub.o: $(O)/.config mm/slub.c"
        ).replace("$(CURDIR)/$<\n", "$(CURDIR)/mm/slub.c\n", 1)
    return {"Makefile": makefile, "Kconfig": rules + "".join(
        f"{option} option\n" for option in options) or "NOTHING hidden\n",
            "scripts/settle.sh": SETTLE,
            "mm/slub.h": "".join(lines) + "#define OPTION "
            + " ".join(words) + "\n"} | (more or {})

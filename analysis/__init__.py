"""What klab says about its numbers: load a lab, judge it, show it.

The lab is never written to.  Modules, lowest first:

errors        the two ways to fail, and their exit codes
load          SQLite to pandas frames
text          numbers, units and hostile strings made readable
stats         the statistics of one comparison, on plain arrays
sequential    several looks at the boots of an adaptive study
noise         A/A: the baseline against itself
latency       rare events and quantiles, from whole histograms
model         what a judgement is made of: rows, groups, verdicts
cells         the groups of a study with their values, or why there is none
gate          which boots may be compared at all
effects       by how much one kernel differs from another
claims        fresh boots for what is claimed, and what they say
findings      what the kernels said on their consoles
verdicts      one row per (kernel, config, machine, workload, metric)
rounds        what boots a study wants next
steps         each stage against the one before
changepoints  where a long series changes its level
interactions  does a change depend on the config?
attribution   these three, in sentences
releases      the order of kernels that are releases, and its steps
drift         trends over the run, on wall-clock machines
summary       the one sentence that a reader needs
table         the terminal table and the JSON
plots         gnuplot, and its SVG made safe to inline
report        the HTML pages
export        the formats of others: mail, CSV, KTAP, KCIDB
"""

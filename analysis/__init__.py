"""What klab says about its numbers: load a lab, judge it, show it.

The lab is never written to.  Modules, lowest first:

errors     the two ways to fail, and their exit codes
load       SQLite to pandas frames
stats      the statistics, on plain arrays
verdicts   one row per (kernel, config, machine, workload, metric)
text       numbers, units and hostile strings made readable
table      the terminal table and the JSON
plots      gnuplot, and its SVG made safe to inline
report     the HTML page
"""

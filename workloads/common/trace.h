/*
 * How often a tracepoint of the kernel is passed, on all CPUs, by perf's
 * counters (perf_event_open(2)).
 *
 * Call order: trace_open(), what is to be counted, trace_close().
 */
#ifndef TRACE_H
#define TRACE_H

#include <stdint.h>

struct trace;

/*
 * `event` is its path below tracefs's events/, as in "kmem/mm_page_alloc";
 * `filter` as in events/.../filter, or NULL.  NULL, with the reason in `why`,
 * if the kernel has no such tracepoint.
 */
struct trace *trace_open(const char *event, const char *filter,
			 const char **why);

/* The number so far; ends the counting. */
uint64_t trace_close(struct trace *t);

#endif

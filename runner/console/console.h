/*
 * The console watch: reads what a kernel prints and tells what went wrong.
 *
 * A finding is one report of the kernel: a panic, an oops, a lockdep splat.
 * The console is untrusted and may be cut, interleaved or garbage; memory is
 * bounded whatever it holds, and the findings depend on its bytes alone, not on
 * how they were cut into calls of console_feed().
 *
 * Call order: console_new(), console_feed() any number of times, console_end(),
 * console_findings(), console_free().  docs/console.md says how a function is
 * chosen and what goes into a signature.
 */
#ifndef KLAB_CONSOLE_H
#define KLAB_CONSOLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

struct err;

enum finding_kind {
	FINDING_PANIC,
	FINDING_OOPS, /* a fault in kernel code */
	FINDING_GPF,  /* ... that is a general protection fault */
	FINDING_BUG,  /* BUG(), and "BUG:" lines that have no kind below */
	FINDING_WARNING,
	FINDING_LOCKDEP_CIRCULAR,     /* circular or recursive */
	FINDING_LOCKDEP_INCONSISTENT, /* against interrupts */
	FINDING_LOCKDEP_RCU,          /* suspicious RCU usage */
	FINDING_LOCKDEP_OTHER,
	FINDING_SLEEPING_IN_ATOMIC, /* also scheduling while atomic */
	FINDING_KASAN,
	FINDING_KFENCE,
	FINDING_KMSAN,
	FINDING_KCSAN,
	FINDING_UBSAN,
	FINDING_RCU_STALL,
	FINDING_SOFT_LOCKUP,
	FINDING_HARD_LOCKUP,
	FINDING_WORKQUEUE_LOCKUP,
	FINDING_HUNG_TASK,
	FINDING_KMEMLEAK,
	FINDING_SLUB, /* slub found an object overwritten or freed twice */
	FINDING_BAD_PAGE,
	FINDING_ALLOC_FAILURE, /* page allocation failure */
	FINDING_OOM_KILL,
	FINDING_NO_ROOT, /* unable to mount root */
	FINDING_KINDS
};

#define FINDING_SIGNATURE 17 /* 16 hex digits and a NUL */

/* All texts are printable ASCII and never NULL. */
struct finding {
	enum finding_kind kind;
	/* The line that says what it is, without time and caller; at most 240
	 * characters. */
	char *first_line;
	/* What else one wants to know in a list: the locks of a lockdep report,
	 * the victim of an OOM kill; "" if nothing. */
	char *detail;
	char *function;  /* whom it points at, without .isra.0 etc.; or "" */
	unsigned offset; /* in it: of func+0x12, 0x12 */
	int64_t us;      /* printk time in microseconds; -1: unknown */
	char *excerpt;   /* the whole report, lines with their times */
	/* Equal for equal kind and function: over boots, seeds and stages. */
	char signature[FINDING_SIGNATURE];
	size_t count;  /* how often in this boot; the rest tells of the first */
	size_t line;   /* of the console, from 1 */
	bool harmless; /* first_line matches a pattern */
	bool fatal;    /* the kernel did not go on */
	bool consequence; /* of a finding before it: a panic after an oops */
};

struct console_options {
	/* POSIX extended regular expressions, searched in first_line: findings
	 * known to be harmless.  NULL: none.  Copied. */
	const struct strv *harmless;
	size_t max_findings; /* different ones that are kept; 0: 64 */
	size_t excerpt_cap;  /* bytes of one excerpt; 0: 16 KiB */
};

struct console;

/* o may be NULL.  Fails with a user error that quotes the bad pattern; see also
 * console_check_pattern(). */
int console_new(const struct console_options *o, struct console **out,
		struct err *e);
void console_free(struct console *c);

void console_feed(struct console *c, const void *data, size_t n);
/* No more will come: closes what is open.  Calling it again is fine, feeding
 * after it is not. */
void console_end(struct console *c);

/* The findings in order of appearance, equal signatures as one; before
 * console_end() without the reports that are still open.  They belong to c and
 * are valid until the next call with it. */
size_t console_findings(const struct console *c, const struct finding **list);
/* Different findings that were dropped because there were too many. */
size_t console_dropped(const struct console *c);

/* Is this a pattern for `harmless`?  A user error if not. */
int console_check_pattern(const char *pattern, struct err *e);

/* "panic", "oops", "lockdep-circular", ...: for tables and the database. */
const char *finding_kind_name(enum finding_kind kind);
/* -1 if there is none of that name. */
int finding_kind_find(const char *name);
/* The signature that kind and function give; text is first_line and is used
 * only where there is no function. */
void finding_signature(enum finding_kind kind, const char *function,
		       const char *text, char out[FINDING_SIGNATURE]);

#endif

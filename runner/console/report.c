#include "console/report.h"

#include "console/learn.h"

#include <string.h>

#define LINES_MAX 1000
#define PAUSE_US 5000000 /* nobody prints one report so slowly */
#define TENTATIVE_LINES 8
/* Lines in front of the stack: those of a lockdep report may be many. */
#define AHEAD 24
#define AHEAD_LOCKDEP 400

/* ---- the excerpt ---- */

static void keep(struct report *r, struct slice line)
{
	if (r->excerpt.len + line.n + 1 > r->cap) {
		r->left++;
		return;
	}
	str_add(&r->excerpt, line.p, line.n);
	str_add(&r->excerpt, "\n", 1);
}

char *report_excerpt(struct report *r)
{
	if (r->left)
		str_addf(&r->excerpt, "(and %zu more lines)\n", r->left);
	else if (r->good < r->excerpt.len)
		r->excerpt.buf[r->excerpt.len = r->good] = '\0';
	return str_detach(&r->excerpt);
}

/* ---- what belongs to it ---- */

static bool bar(struct slice text)
{
	return slice_starts(text, "====================");
}

/* Lines that are part of a report and of nothing else. */
static bool ours(struct slice text)
{
	static const char *const starts[] = {"<TASK>",
					     "</TASK>",
					     "<IRQ>",
					     "</IRQ>",
					     "<NMI>",
					     "</NMI>",
					     "<#",
					     "</#",
					     "Call Trace:",
					     "Call trace:",
					     "RIP: ",
					     "RSP: ",
					     "RAX: ",
					     "RDX: ",
					     "RBP: ",
					     "R10: ",
					     "R13: ",
					     "FS: ",
					     "CS: ",
					     "CR2: ",
					     "DR0: ",
					     "DR3: ",
					     "PKRU: ",
					     "ORIG_RAX: ",
					     "EIP: ",
					     "EAX: ",
					     "ESI: ",
					     "DS: ",
					     "CR0: ",
					     "pc : ",
					     "lr : ",
					     "sp : ",
					     "pstate: ",
					     "x29: ",
					     "Code: ",
					     "CPU: ",
					     "Hardware name",
					     "Modules linked",
					     "Kernel Offset: ",
					     "---[ end",
					     "NMI backtrace",
					     "Sending NMI",
					     "Tainted: ",
					     "Workqueue: ",
					     "Stopper: ",
					     "stack backtrace:",
					     "irq event stamp",
					     "hardirqs last",
					     "softirqs last",
					     "rcu: ",
					     "task:",
					     "Rebooting in",
					     "The buggy address",
					     "which belongs",
					     "Memory state around",
					     "Allocated by",
					     "Allocated in ",
					     "Freed by",
					     "Freed in ",
					     "page: ",
					     "raw: ",
					     "flags: ",
					     "page dumped because",
					     "Preemption disabled",
					     "-> #",
					     "#",
					     "PGD ",
					     "KASAN: ",
					     "Object ",
					     "Redzone ",
					     "Padding ",
					     "Bytes b4 ",
					     "Slab 0x",
					     "FIX ",
					     "INFO: lockdep is",
					     "Disabling lock",
					     "Showing all locks",
					     "Mem-Info:",
					     "oom-kill:",
					     "Tasks state",
					     "Out of memory",
					     "value changed: ",
					     "Reported by Kernel",
					     "backtrace ",
					     "hex dump",
					     "comm \"",
					     "kmemleak: ",
					     "read to 0x",
					     "write to 0x",
					     "Local variable ",
					     "Uninit was "};
	struct symbol f;

	if (!text.n)
		return false;
	if (text.n > 2 && text.p[0] == '?')
		return symbol_frame(slice_from(text, 2), &f);
	for (size_t i = 0; i < sizeof(starts) / sizeof(*starts); i++)
		if (starts[i][0] == text.p[0] && slice_starts(text, starts[i]))
			return true;
	return slice_has(text, " held by ");
}

/* Does the report end with this line? */
static bool last_line(const struct report *r, struct slice text)
{
	if (r->kind == FINDING_SLUB)
		return slice_starts(text, "FIX ");
	if (slice_starts(text, "---[ end "))
		return true;
	return kind_get(r->kind)->bar && bar(text) && r->lines > 2;
}

static bool lockdep(const struct report *r)
{
	return kind_get(r->kind)->sources & FROM_AT;
}

/* Were there too many lines in a row that are not ours? */
static bool lost(const struct report *r)
{
	if (r->kind == FINDING_KINDS)
		return r->lines > TENTATIVE_LINES;
	if (r->lines > LINES_MAX)
		return true;
	if (!r->stack && lockdep(r))
		return r->idle > AHEAD_LOCKDEP;
	return r->idle > kind_get(r->kind)->patience + (r->stack ? 0 : AHEAD);
}

/* ---- from outside ---- */

static void name_it(struct report *r, const struct opener *o,
		    const struct message *m, const struct blame *b)
{
	r->kind = o->kind;
	r->line = m->line;
	r->us = m->us;
	r->expects = o->flags & EXPECTS;
	slice_copy(r->first_line, sizeof(r->first_line), m->text);
	if (r->kind != FINDING_KINDS &&
	    kind_get(r->kind)->sources & FROM_OPENER)
		learn_opener(r, m->text, b);
	if (r->kind == FINDING_OOM_KILL)
		learn_detail(r, m->text);
}

void report_open(struct report *r, const struct opener *o,
		 const struct message *m, struct slice before,
		 const struct blame *b)
{
	size_t cap = r->cap;

	*r = (struct report){.open = true, .cap = cap, .last_us = m->us};
	r->caller = r->also = m->caller;
	r->fatal = o->flags & DIES;
	if (before.n)
		keep(r, before);
	name_it(r, o, m, b);
	if (r->kind == FINDING_KINDS)
		slice_copy(r->detail, sizeof(r->detail),
			   slice_after(before, "because: "));
	keep(r, m->whole);
	r->good = r->excerpt.len;
}

bool report_joins(const struct report *r, const struct opener *o,
		  const struct message *m)
{
	if (r->kind == FINDING_KINDS)
		return true;
	/* The stack may come by a warning of its own. */
	if (r->kind == FINDING_SLUB && !r->stack)
		return o->flags & CUT_HERE || (o->kind == FINDING_WARNING &&
					       slice_has(m->text, "/slub.c:"));
	if (o->flags & FAULT)
		return r->expects;
	return o->kind == r->kind &&
	       (r->kind == FINDING_NO_ROOT ||
		(r->kind == FINDING_OOM_KILL && o->flags & ENDS));
}

void report_join(struct report *r, const struct opener *o,
		 const struct message *m, const struct blame *b)
{
	if (r->kind == FINDING_KINDS)
		name_it(r, o, m, b);
	else
		r->expects = false;
	if (r->kind == FINDING_OOM_KILL)
		learn_detail(r, m->text);
	if (o->flags & DIES) {
		r->fatal = true;
		slice_copy(r->first_line, sizeof(r->first_line), m->text);
	}
	keep(r, m->whole);
	r->good = r->excerpt.len;
	r->lines++;
	r->idle = 0;
}

bool report_add(struct report *r, const struct message *m,
		const struct blame *b)
{
	bool named = r->kind != FINDING_KINDS, last = false, frame;
	struct symbol f;

	if (m->us >= 0 && r->last_us >= 0 && m->us > r->last_us + PAUSE_US)
		return false;
	keep(r, m->whole);
	r->lines++;
	frame = named && symbol_frame(m->text, &f);
	if (frame) {
		learn_frame(r, &f, b);
	} else {
		learn_detail(r, m->text);
		if (named)
			learn_line(r, m->text, b);
		last = named && last_line(r, m->text);
	}
	if (frame || last || (named && ours(m->text))) {
		r->good = r->excerpt.len;
		r->idle = 0;
		if (m->us >= 0)
			r->last_us = m->us;
	} else if (m->text.n) {
		r->idle++;
	}
	return !last && !lost(r);
}

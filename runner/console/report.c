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

#define P(text)                                                                \
	{                                                                      \
		text, sizeof(text) - 1                                         \
	}

/* Lines that are part of a report and of nothing else start so. */
static const struct {
	const char *p;
	size_t n;
} our_starts[] = {
	P("<TASK>"),
	P("</TASK>"),
	P("<IRQ>"),
	P("</IRQ>"),
	P("<NMI>"),
	P("</NMI>"),
	P("<#"),
	P("</#"),
	P("Call Trace:"),
	P("Call trace:"),
	P("RIP: "),
	P("RSP: "),
	P("RAX: "),
	P("RDX: "),
	P("RBP: "),
	P("R10: "),
	P("R13: "),
	P("FS: "),
	P("CS: "),
	P("CR2: "),
	P("DR0: "),
	P("DR3: "),
	P("PKRU: "),
	P("ORIG_RAX: "),
	P("EIP: "),
	P("EAX: "),
	P("ESI: "),
	P("DS: "),
	P("CR0: "),
	P("pc : "),
	P("lr : "),
	P("sp : "),
	P("pstate: "),
	P("x29: "),
	P("Code: "),
	P("CPU: "),
	P("Hardware name"),
	P("Modules linked"),
	P("Kernel Offset: "),
	P("---[ end"),
	P("NMI backtrace"),
	P("Sending NMI"),
	P("Tainted: "),
	P("Workqueue: "),
	P("Stopper: "),
	P("stack backtrace:"),
	P("irq event stamp"),
	P("hardirqs last"),
	P("softirqs last"),
	P("rcu: "),
	P("task:"),
	P("Rebooting in"),
	P("The buggy address"),
	P("which belongs"),
	P("Memory state around"),
	P("Allocated by"),
	P("Allocated in "),
	P("Freed by"),
	P("Freed in "),
	P("page: "),
	P("raw: "),
	P("flags: "),
	P("page dumped because"),
	P("Preemption disabled"),
	P("-> #"),
	P("#"),
	P("PGD "),
	P("KASAN: "),
	P("Object "),
	P("Redzone "),
	P("Padding "),
	P("Bytes b4 "),
	P("Slab 0x"),
	P("FIX "),
	P("INFO: lockdep is"),
	P("Disabling lock"),
	P("Showing all locks"),
	P("Mem-Info:"),
	P("oom-kill:"),
	P("Tasks state"),
	P("Out of memory"),
	P("value changed: "),
	P("Reported by Kernel"),
	P("backtrace "),
	P("hex dump"),
	P("comm \""),
	P("kmemleak: "),
	P("read to 0x"),
	P("write to 0x"),
	P("Local variable "),
	P("Uninit was "),
};

static bool ours(struct slice text)
{
	struct symbol f;

	if (!text.n)
		return false;
	if (text.n > 2 && text.p[0] == '?')
		return symbol_frame(slice_from(text, 2), &f);
	for (size_t i = 0; i < sizeof(our_starts) / sizeof(*our_starts); i++)
		if (our_starts[i].p[0] == text.p[0] &&
		    text.n >= our_starts[i].n &&
		    !memcmp(our_starts[i].p, text.p, our_starts[i].n))
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

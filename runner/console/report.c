#include "console/report.h"

#include <string.h>

#define LINES_MAX 1000
#define PAUSE_US 5000000 /* nobody prints one report so slowly */
#define TENTATIVE_LINES 8
/* Lines in front of the stack: those of a lockdep report may be many. */
#define AHEAD 24
#define AHEAD_LOCKDEP 400

/* ---- text ---- */

static void copy(char *out, size_t size, struct slice s)
{
	s = slice_trim(s);
	if (s.n >= size)
		s.n = size - 1;
	memcpy(out, s.p, s.n);
	out[s.n] = '\0';
}

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

static struct slice behind(struct slice s, size_t n)
{
	return (struct slice){s.p + n, s.n - n};
}

/* What stands behind mark in s; of length 0 if it is not there. */
static struct slice after(struct slice s, const char *mark)
{
	const char *at = memmem(s.p, s.n, mark, strlen(mark));

	return at ? behind(s, (size_t)(at - s.p) + strlen(mark))
		  : (struct slice){s.p, 0};
}

/* ---- the function ---- */

static void offer(struct report *r, const struct symbol *f,
		  const struct blame *b)
{
	if (r->settled)
		return;
	if (!blame_skips(b, f->name, kind_get(r->kind)->skip)) {
		r->settled = true;
		r->function = *f;
	} else if (!*r->function.name) {
		r->function = *f;
	}
}

static void function_of_opener(struct report *r, struct slice text,
			       const struct blame *b)
{
	struct symbol f;
	bool found = symbol_find(text, &f);

	if (!found && r->kind == FINDING_KCSAN)
		found = symbol_word(after(text, " in "), &f);
	if (!found)
		return;
	offer(r, &f, b);
	r->by_opener = r->settled;
}

static bool is_rip(struct slice text)
{
	return slice_starts(text, "RIP: 0010:") ||
	       slice_starts(text, "RIP: e030:") ||
	       slice_starts(text, "EIP: ") || slice_starts(text, "pc : ");
}

static void function_of_rip(struct report *r, struct slice text,
			    const struct blame *b)
{
	struct symbol f;

	if (r->rip)
		return;
	r->rip = true;
	if (r->by_opener)
		return;
	r->settled = false;
	r->function = (struct symbol){.name = ""};
	if (symbol_find(text, &f))
		offer(r, &f, b);
}

/* Those above the stack's heading are of other stacks. */
static bool counts(const struct report *r)
{
	return !r->not_a_frame && (r->stack || !(kind_get(r->kind)->sources &
						 (FROM_AT | FROM_OWNER)));
}

/* "ffff888003c1f800 (name){+.+.}-{3:3}, at: function+0x12/0x34" */
static void learn_lock(struct report *r, struct slice text,
		       const struct blame *b)
{
	struct slice name = after(text, "(");
	const char *end = name.n ? memmem(name.p, name.n, "){", 2) : NULL;
	struct symbol f;
	size_t n = strlen(r->detail);

	if (!end || slice_starts(text, "#") || slice_starts(text, "->") ||
	    r->locks == 2)
		return;
	name.n = (size_t)(end - name.p);
	if (!r->locks++) {
		copy(r->detail, sizeof(r->detail), name);
		if (symbol_find(after(text, "at: "), &f))
			offer(r, &f, b);
		return;
	}
	snprintf(r->detail + n, sizeof(r->detail) - n, " while holding %.*s",
		 (int)name.n, name.p);
}

static void learn_owner(struct report *r, struct slice text,
			const struct blame *b)
{
	struct symbol f;

	if (slice_starts(text, "Allocated in ") && symbol_find(text, &f))
		offer(r, &f, b);
	else if (slice_starts(text, "INFO: Allocated in ") &&
		 symbol_find(text, &f))
		offer(r, &f, b);
}

/* frame: the line is one of a stack, or NULL. */
static void learn_function(struct report *r, struct slice text,
			   const struct symbol *frame, const struct blame *b)
{
	unsigned from = kind_get(r->kind)->sources;

	if (frame) {
		if (from & FROM_FRAMES && counts(r))
			offer(r, frame, b);
		return;
	}
	if (from & FROM_RIP && is_rip(text))
		function_of_rip(r, text, b);
	if (from & FROM_AT && !r->stack)
		learn_lock(r, text, b);
	if (from & FROM_OWNER)
		learn_owner(r, text, b);
}

/* ---- what else is worth a word ---- */

static void learn_detail(struct report *r, struct slice text)
{
	struct slice name;
	const char *end;

	if (*r->detail)
		return;
	if (r->kind == FINDING_KINDS ||
	    (r->kind == FINDING_UBSAN && !slice_starts(text, "CPU: ")) ||
	    (r->kind == FINDING_LOCKDEP_RCU && slice_has(text, " usage!"))) {
		copy(r->detail, sizeof(r->detail), text);
	} else if (r->kind == FINDING_OOM_KILL) {
		name = after(after(text, " process "), "(");
		end = name.n ? memchr(name.p, ')', name.n) : NULL;
		if (!end)
			return;
		name.n = (size_t)(end - name.p);
		copy(r->detail + strlen("killed "),
		     sizeof(r->detail) - strlen("killed "), name);
		memcpy(r->detail, "killed ", strlen("killed "));
	}
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
		return symbol_frame(behind(text, 2), &f);
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
	copy(r->first_line, sizeof(r->first_line), m->text);
	if (r->kind != FINDING_KINDS &&
	    kind_get(r->kind)->sources & FROM_OPENER)
		function_of_opener(r, m->text, b);
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
		copy(r->detail, sizeof(r->detail), after(before, "because: "));
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
		copy(r->first_line, sizeof(r->first_line), m->text);
	}
	keep(r, m->whole);
	r->good = r->excerpt.len;
	r->lines++;
	r->idle = 0;
}

/* A line that is none of a stack. */
static void learn(struct report *r, struct slice text, const struct blame *b)
{
	if (slice_starts(text, "Call Trace:") ||
	    slice_starts(text, "Call trace:"))
		r->stack = true;
	learn_function(r, text, NULL, b);
	r->not_a_frame = slice_starts(text, "Preemption disabled at:");
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
		learn_function(r, m->text, &f, b);
		r->not_a_frame = false;
	} else {
		learn_detail(r, m->text);
		if (named)
			learn(r, m->text, b);
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

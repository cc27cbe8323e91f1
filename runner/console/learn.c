#include "console/learn.h"

#include <string.h>

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

void learn_opener(struct report *r, struct slice text, const struct blame *b)
{
	struct symbol f;
	bool found = symbol_find(text, &f);

	if (!found && r->kind == FINDING_KCSAN)
		found = symbol_word(slice_after(text, " in "), &f);
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
	return !r->not_a_frame && !r->foreign &&
	       (r->stack ||
		!(kind_get(r->kind)->sources & (FROM_AT | FROM_OWNER)));
}

/* "ffff888003c1f800 (name){+.+.}-{3:3}, at: function+0x12/0x34" */
static void learn_lock(struct report *r, struct slice text,
		       const struct blame *b)
{
	struct slice name = slice_after(text, "(");
	const char *end = name.n ? memmem(name.p, name.n, "){", 2) : NULL;
	struct symbol f;
	size_t n = strlen(r->detail);

	if (!end || slice_starts(text, "#") || slice_starts(text, "->") ||
	    r->locks == 2)
		return;
	name.n = (size_t)(end - name.p);
	if (!r->locks++) {
		slice_copy(r->detail, sizeof(r->detail), name);
		if (symbol_find(slice_after(text, "at: "), &f))
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

void learn_frame(struct report *r, const struct symbol *f,
		 const struct blame *b)
{
	if (kind_get(r->kind)->sources & FROM_FRAMES && counts(r))
		offer(r, f, b);
	r->not_a_frame = false;
}

/* ---- what else is worth a word ---- */

void learn_detail(struct report *r, struct slice text)
{
	struct slice name;
	const char *end;

	if (*r->detail)
		return;
	if (r->kind == FINDING_KINDS ||
	    (r->kind == FINDING_UBSAN && !slice_starts(text, "CPU: ")) ||
	    (r->kind == FINDING_LOCKDEP_RCU && slice_has(text, " usage!"))) {
		slice_copy(r->detail, sizeof(r->detail), text);
	} else if (r->kind == FINDING_OOM_KILL) {
		name = slice_after(slice_after(text, " process "), "(");
		end = name.n ? memchr(name.p, ')', name.n) : NULL;
		if (!end)
			return;
		name.n = (size_t)(end - name.p);
		slice_copy(r->detail + strlen("killed "),
			   sizeof(r->detail) - strlen("killed "), name);
		memcpy(r->detail, "killed ", strlen("killed "));
	}
}

/* ---- a line ---- */

/* A watchdog's report has other stacks than the culprit's: that of the
 * interrupt in which it looked, and that of RCU's own thread, which was not let
 * run. */
static void whose_stack(struct report *r, struct slice text)
{
	if (!(kind_get(r->kind)->sources & FROM_RIP &&
	      kind_get(r->kind)->skip & SKIP_WAIT))
		return;
	if (slice_starts(text, "task:"))
		r->foreign = slice_starts(text, "task:rcu_");
	else if (slice_starts(text, "<IRQ>") || slice_starts(text, "<NMI>"))
		r->foreign = true;
	else if (slice_starts(text, "</IRQ>") || slice_starts(text, "</NMI>") ||
		 slice_starts(text, "NMI backtrace") || is_rip(text))
		r->foreign = false;
}

void learn_line(struct report *r, struct slice text, const struct blame *b)
{
	unsigned from = kind_get(r->kind)->sources;

	if (slice_starts(text, "Call Trace:") ||
	    slice_starts(text, "Call trace:"))
		r->stack = true;
	whose_stack(r, text);
	if (from & FROM_RIP && is_rip(text))
		function_of_rip(r, text, b);
	if (from & FROM_AT && !r->stack)
		learn_lock(r, text, b);
	if (from & FROM_OWNER)
		learn_owner(r, text, b);
	r->not_a_frame = slice_starts(text, "Preemption disabled at:");
}

#include "console/kinds.h"

#include "console/blame.h"

#include <string.h>

#define ALWAYS (SKIP_REPORT | SKIP_LOCK | SKIP_COPY)
#define BLOCKS (ALWAYS | SKIP_WAIT)

static const struct kind kinds[FINDING_KINDS] = {
	[FINDING_PANIC] = {"panic", FROM_OPENER | FROM_FRAMES, SKIP_REPORT, 6,
			   false},
	[FINDING_OOPS] = {"oops", FROM_RIP | FROM_FRAMES, ALWAYS, 6, false},
	[FINDING_GPF] = {"gpf", FROM_RIP | FROM_FRAMES, ALWAYS, 6, false},
	[FINDING_BUG] = {"bug", FROM_RIP | FROM_FRAMES, ALWAYS, 6, false},
	[FINDING_WARNING] = {"warning", FROM_OPENER | FROM_RIP | FROM_FRAMES,
			     ALWAYS, 6, false},
	[FINDING_LOCKDEP_CIRCULAR] = {"lockdep-circular", FROM_AT | FROM_FRAMES,
				      ALWAYS, 6, false},
	[FINDING_LOCKDEP_INCONSISTENT] = {"lockdep-inconsistent",
					  FROM_AT | FROM_FRAMES, ALWAYS, 6,
					  false},
	[FINDING_LOCKDEP_RCU] = {"lockdep-rcu", FROM_FRAMES, ALWAYS, 6, false},
	[FINDING_LOCKDEP_OTHER] = {"lockdep", FROM_AT | FROM_FRAMES, ALWAYS, 6,
				   false},
	[FINDING_SLEEPING_IN_ATOMIC] = {"sleeping-in-atomic", FROM_FRAMES,
					BLOCKS | SKIP_ALLOC, 6, false},
	[FINDING_KASAN] = {"kasan", FROM_OPENER | FROM_FRAMES,
			   ALWAYS | SKIP_FREE, 40, true},
	[FINDING_KFENCE] = {"kfence", FROM_OPENER | FROM_FRAMES,
			    ALWAYS | SKIP_FREE, 40, true},
	[FINDING_KMSAN] = {"kmsan", FROM_OPENER | FROM_FRAMES, ALWAYS, 40,
			   true},
	[FINDING_KCSAN] = {"kcsan", FROM_OPENER | FROM_FRAMES, ALWAYS, 40,
			   true},
	[FINDING_UBSAN] = {"ubsan", FROM_FRAMES, ALWAYS, 6, true},
	[FINDING_RCU_STALL] = {"rcu-stall", FROM_RIP | FROM_FRAMES, BLOCKS, 16,
			       false},
	[FINDING_SOFT_LOCKUP] = {"soft-lockup", FROM_RIP | FROM_FRAMES, BLOCKS,
				 6, false},
	[FINDING_HARD_LOCKUP] = {"hard-lockup", FROM_RIP | FROM_FRAMES, BLOCKS,
				 6, false},
	[FINDING_WORKQUEUE_LOCKUP] = {"workqueue-lockup", FROM_FRAMES, BLOCKS,
				      16, false},
	[FINDING_HUNG_TASK] = {"hung-task", FROM_FRAMES, BLOCKS, 6, false},
	[FINDING_KMEMLEAK] = {"kmemleak", FROM_FRAMES, ALWAYS | SKIP_ALLOC, 6,
			      false},
	[FINDING_SLUB] = {"slub", FROM_OWNER | FROM_FRAMES,
			  ALWAYS | SKIP_FREE | SKIP_ALLOC, 40, false},
	[FINDING_BAD_PAGE] = {"bad-page", FROM_FRAMES, ALWAYS | SKIP_FREE, 6,
			      false},
	[FINDING_ALLOC_FAILURE] = {"alloc-failure", FROM_FRAMES,
				   ALWAYS | SKIP_ALLOC, 40, false},
	/* Whoever allocates last is not to blame, and is another each time. */
	[FINDING_OOM_KILL] = {"oom-kill", 0, 0, 400, false},
	[FINDING_NO_ROOT] = {"no-root", 0, 0, 6, false},
};

#define K(kind) FINDING_##kind
#define P(text) text, sizeof(text) - 1

/* The first that fits counts. */
static const struct opener openers[] = {
	{P("------------[ cut here ]----"), NULL, K(KINDS), CUT_HERE},
	{P("Kernel panic - not syncing"), "nable to mount root", K(NO_ROOT),
	 DIES},
	{P("Kernel panic - not syncing"), NULL, K(PANIC), DIES},
	{P("VFS: Unable to mount root"), NULL, K(NO_ROOT), OPENS},
	{P("VFS: Cannot open root device"), NULL, K(NO_ROOT), OPENS},

	{P("kernel BUG at "), NULL, K(BUG), EXPECTS},
	{P("Oops: general protection fault"), NULL, K(GPF), FAULT},
	{P("Oops: "), "[#", K(OOPS), FAULT},
	{P("general protection fault"), "[#", K(GPF), FAULT},
	{P("invalid opcode: "), "[#", K(OOPS), FAULT},
	{P("divide error: "), "[#", K(OOPS), FAULT},
	{P("stack segment: "), "[#", K(OOPS), FAULT},
	{P("stack guard page: "), "[#", K(OOPS), FAULT},
	{P("double fault: "), "[#", K(OOPS), FAULT},
	{P("int3: "), "[#", K(OOPS), FAULT},
	{P("traps: PANIC: double fault"), NULL, K(OOPS), EXPECTS},
	{P("PANIC: double fault"), NULL, K(OOPS), EXPECTS},
	{P("Internal error: "), "[#", K(OOPS), FAULT},
	{P("Unable to handle kernel "), NULL, K(OOPS), EXPECTS},

	{P("BUG: unable to handle "), NULL, K(OOPS), EXPECTS},
	{P("BUG: kernel NULL pointer dereference"), NULL, K(OOPS), EXPECTS},
	{P("BUG: "), "stack guard page was hit", K(OOPS), EXPECTS},
	{P("BUG: KASAN: "), NULL, K(KASAN), OPENS},
	{P("BUG: KFENCE: "), NULL, K(KFENCE), OPENS},
	{P("BUG: KMSAN: "), NULL, K(KMSAN), OPENS},
	{P("BUG: KCSAN: "), NULL, K(KCSAN), OPENS},
	{P("BUG: sleeping function called from"), NULL, K(SLEEPING_IN_ATOMIC),
	 OPENS},
	{P("BUG: scheduling while atomic"), NULL, K(SLEEPING_IN_ATOMIC), OPENS},
	{P("BUG: scheduling in a non-blocking"), NULL, K(SLEEPING_IN_ATOMIC),
	 OPENS},
	{P("BUG: soft lockup"), NULL, K(SOFT_LOCKUP), OPENS},
	{P("BUG: workqueue lockup"), NULL, K(WORKQUEUE_LOCKUP), OPENS},
	{P("BUG: Bad page "), " in process ", K(BAD_PAGE), OPENS},
	{P("BUG: Bad rss-counter"), NULL, K(BAD_PAGE), OPENS},
	{P("BUG: non-zero pgtables_bytes"), NULL, K(BAD_PAGE), OPENS},
	{P("BUG: MAX_LOCK"), " too low", K(LOCKDEP_OTHER), OPENS},
	{P("BUG: MAX_STACK_TRACE_ENTRIES"), " too low", K(LOCKDEP_OTHER),
	 OPENS},
	{P("BUG: key "), " has not been registered", K(LOCKDEP_OTHER), OPENS},
	{P("BUG: Invalid wait context"), NULL, K(LOCKDEP_OTHER), OPENS},
	{P("[ BUG: "), NULL, K(LOCKDEP_OTHER), OPENS},
	{P("BUG: Bad page "), "messages suppressed", K(KINDS), OPENS},
	{P("BUG: "), NULL, K(BUG), OPENS},
	{P("BUG "), "): ", K(SLUB), OPENS},

	{P("WARNING: CPU: "), " at ", K(WARNING), OPENS},
	{P("WARNING: possible circular locking"), NULL, K(LOCKDEP_CIRCULAR),
	 OPENS},
	{P("WARNING: possible recursive locking"), NULL, K(LOCKDEP_CIRCULAR),
	 OPENS},
	{P("WARNING: inconsistent lock state"), NULL, K(LOCKDEP_INCONSISTENT),
	 OPENS},
	{P("WARNING: possible irq lock inversion"), NULL,
	 K(LOCKDEP_INCONSISTENT), OPENS},
	{P("WARNING: "), "-unsafe lock order detected", K(LOCKDEP_INCONSISTENT),
	 OPENS},
	{P("WARNING: suspicious RCU usage"), NULL, K(LOCKDEP_RCU), OPENS},
	{P("WARNING: bad unlock balance"), NULL, K(LOCKDEP_OTHER), OPENS},
	{P("WARNING: held lock freed"), NULL, K(LOCKDEP_OTHER), OPENS},
	{P("WARNING: lock held when returning to"), NULL, K(LOCKDEP_OTHER),
	 OPENS},
	{P("WARNING: "), " still has locks held", K(LOCKDEP_OTHER), OPENS},
	{P("WARNING: Nested lock was not taken"), NULL, K(LOCKDEP_OTHER),
	 OPENS},
	{P("WARNING: bad contention detected"), NULL, K(LOCKDEP_OTHER), OPENS},
	{P("WARNING: chain_key collision"), NULL, K(LOCKDEP_OTHER), OPENS},
	{P("WARNING: "), ", CPU#", K(WARNING),
	 OPENS}, /* file:line at func+0x */
	{P("INFO: trying to register non-static key"), NULL, K(LOCKDEP_OTHER),
	 OPENS},

	{P("UBSAN: "), " in ", K(UBSAN), OPENS},
	{P("rcu: INFO: "), " stall", K(RCU_STALL), OPENS},
	{P("INFO: rcu_"), " stall", K(RCU_STALL), OPENS},
	{P("INFO: task "), "blocked ", K(HUNG_TASK), OPENS},
	{P("watchdog: BUG: soft lockup"), NULL, K(SOFT_LOCKUP), OPENS},
	{P("NMI watchdog: BUG: soft lockup"), NULL, K(SOFT_LOCKUP), OPENS},
	{P("watchdog: "), "ard LOCKUP", K(HARD_LOCKUP), OPENS},
	{P("NMI watchdog: "), "ard LOCKUP", K(HARD_LOCKUP), OPENS},
	{P("unreferenced object 0x"), NULL, K(KMEMLEAK), OPENS},
	{P("kmemleak: unreferenced object 0x"), NULL, K(KMEMLEAK), OPENS},
	{P("kmemleak: "), " new suspected memory leak", K(KMEMLEAK), ENDS},
	{P("unchecked MSR access error: "), NULL, K(WARNING), OPENS},
	{P("irq "), ": nobody cared", K(WARNING), OPENS},
	{P("Out of memory: Kill"), NULL, K(OOM_KILL), ENDS},
	{P("Memory cgroup out of memory: Kill"), NULL, K(OOM_KILL), ENDS},
};

/* With the name of the process, at most 15 characters, in front. */
static const struct opener named_openers[] = {
	{P(" invoked oom-killer: "), NULL, K(OOM_KILL), OPENS},
	{P(": page allocation failure: order:"), NULL, K(ALLOC_FAILURE), OPENS},
};

const struct kind *kind_get(enum finding_kind kind)
{
	return &kinds[kind];
}

const char *finding_kind_name(enum finding_kind kind)
{
	return kinds[kind].name;
}

int finding_kind_find(const char *name)
{
	for (int i = 0; i < FINDING_KINDS; i++)
		if (!strcmp(kinds[i].name, name))
			return i;
	return -1;
}

static bool fits(const struct opener *o, struct slice text)
{
	return text.n >= o->length && !memcmp(text.p, o->prefix, o->length) &&
	       (!o->has || slice_has(text, o->has));
}

static const struct opener *find_named(struct slice text)
{
	for (size_t i = 1; i < 17 && i + 1 < text.n; i++) {
		struct slice rest = {text.p + i, text.n - i};

		if ((rest.p[0] != ' ' || rest.p[1] != 'i') &&
		    (rest.p[0] != ':' || rest.p[1] != ' '))
			continue;
		for (size_t k = 0; k < 2; k++)
			if (fits(&named_openers[k], rest))
				return &named_openers[k];
	}
	return NULL;
}

/* Most lines start with none of these. */
static bool may_open(char c)
{
	static const bool letters[128] = {
		['-'] = true, ['K'] = true, ['V'] = true, ['k'] = true,
		['O'] = true, ['g'] = true, ['i'] = true, ['d'] = true,
		['s'] = true, ['t'] = true, ['P'] = true, ['I'] = true,
		['U'] = true, ['B'] = true, ['['] = true, ['W'] = true,
		['r'] = true, ['w'] = true, ['N'] = true, ['u'] = true,
		['M'] = true};

	return letters[c & 0x7f];
}

const struct opener *opener_find(struct slice text)
{
	if (text.n < 8)
		return NULL;
	if (!may_open(*text.p))
		return find_named(text);
	for (size_t i = 0; i < sizeof(openers) / sizeof(*openers); i++)
		if (openers[i].prefix[0] == text.p[0] &&
		    fits(&openers[i], text))
			return openers[i].kind == FINDING_KINDS &&
					       !openers[i].flags
				       ? NULL
				       : &openers[i];
	return find_named(text);
}

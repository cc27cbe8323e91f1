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

/* The first that fits counts. */
static const struct opener openers[] = {
	{"------------[ cut here ]----", NULL, K(KINDS), CUT_HERE},
	{"Kernel panic - not syncing", "nable to mount root", K(NO_ROOT), DIES},
	{"Kernel panic - not syncing", NULL, K(PANIC), DIES},
	{"VFS: Unable to mount root", NULL, K(NO_ROOT), OPENS},
	{"VFS: Cannot open root device", NULL, K(NO_ROOT), OPENS},

	{"kernel BUG at ", NULL, K(BUG), EXPECTS},
	{"Oops: general protection fault", NULL, K(GPF), FAULT},
	{"Oops: ", "[#", K(OOPS), FAULT},
	{"general protection fault", "[#", K(GPF), FAULT},
	{"invalid opcode: ", "[#", K(OOPS), FAULT},
	{"divide error: ", "[#", K(OOPS), FAULT},
	{"stack segment: ", "[#", K(OOPS), FAULT},
	{"stack guard page: ", "[#", K(OOPS), FAULT},
	{"double fault: ", "[#", K(OOPS), FAULT},
	{"int3: ", "[#", K(OOPS), FAULT},
	{"traps: PANIC: double fault", NULL, K(OOPS), EXPECTS},
	{"PANIC: double fault", NULL, K(OOPS), EXPECTS},
	{"Internal error: ", "[#", K(OOPS), FAULT},
	{"Unable to handle kernel ", NULL, K(OOPS), EXPECTS},

	{"BUG: unable to handle ", NULL, K(OOPS), EXPECTS},
	{"BUG: kernel NULL pointer dereference", NULL, K(OOPS), EXPECTS},
	{"BUG: ", "stack guard page was hit", K(OOPS), EXPECTS},
	{"BUG: KASAN: ", NULL, K(KASAN), OPENS},
	{"BUG: KFENCE: ", NULL, K(KFENCE), OPENS},
	{"BUG: KMSAN: ", NULL, K(KMSAN), OPENS},
	{"BUG: KCSAN: ", NULL, K(KCSAN), OPENS},
	{"BUG: sleeping function called from", NULL, K(SLEEPING_IN_ATOMIC),
	 OPENS},
	{"BUG: scheduling while atomic", NULL, K(SLEEPING_IN_ATOMIC), OPENS},
	{"BUG: scheduling in a non-blocking", NULL, K(SLEEPING_IN_ATOMIC),
	 OPENS},
	{"BUG: soft lockup", NULL, K(SOFT_LOCKUP), OPENS},
	{"BUG: workqueue lockup", NULL, K(WORKQUEUE_LOCKUP), OPENS},
	{"BUG: Bad page ", " in process ", K(BAD_PAGE), OPENS},
	{"BUG: Bad rss-counter", NULL, K(BAD_PAGE), OPENS},
	{"BUG: non-zero pgtables_bytes", NULL, K(BAD_PAGE), OPENS},
	{"BUG: MAX_LOCK", " too low", K(LOCKDEP_OTHER), OPENS},
	{"BUG: MAX_STACK_TRACE_ENTRIES", " too low", K(LOCKDEP_OTHER), OPENS},
	{"BUG: key ", " has not been registered", K(LOCKDEP_OTHER), OPENS},
	{"BUG: Invalid wait context", NULL, K(LOCKDEP_OTHER), OPENS},
	{"[ BUG: ", NULL, K(LOCKDEP_OTHER), OPENS},
	{"BUG: Bad page ", "messages suppressed", K(KINDS), OPENS},
	{"BUG: ", NULL, K(BUG), OPENS},
	{"BUG ", "): ", K(SLUB), OPENS},

	{"WARNING: CPU: ", " at ", K(WARNING), OPENS},
	{"WARNING: possible circular locking", NULL, K(LOCKDEP_CIRCULAR),
	 OPENS},
	{"WARNING: possible recursive locking", NULL, K(LOCKDEP_CIRCULAR),
	 OPENS},
	{"WARNING: inconsistent lock state", NULL, K(LOCKDEP_INCONSISTENT),
	 OPENS},
	{"WARNING: possible irq lock inversion", NULL, K(LOCKDEP_INCONSISTENT),
	 OPENS},
	{"WARNING: ", "-unsafe lock order detected", K(LOCKDEP_INCONSISTENT),
	 OPENS},
	{"WARNING: suspicious RCU usage", NULL, K(LOCKDEP_RCU), OPENS},
	{"WARNING: bad unlock balance", NULL, K(LOCKDEP_OTHER), OPENS},
	{"WARNING: held lock freed", NULL, K(LOCKDEP_OTHER), OPENS},
	{"WARNING: lock held when returning to", NULL, K(LOCKDEP_OTHER), OPENS},
	{"WARNING: ", " still has locks held", K(LOCKDEP_OTHER), OPENS},
	{"WARNING: Nested lock was not taken", NULL, K(LOCKDEP_OTHER), OPENS},
	{"WARNING: bad contention detected", NULL, K(LOCKDEP_OTHER), OPENS},
	{"WARNING: chain_key collision", NULL, K(LOCKDEP_OTHER), OPENS},
	{"WARNING: ", ", CPU#", K(WARNING), OPENS}, /* file:line at func+0x */
	{"INFO: trying to register non-static key", NULL, K(LOCKDEP_OTHER),
	 OPENS},

	{"UBSAN: ", " in ", K(UBSAN), OPENS},
	{"rcu: INFO: ", " stall", K(RCU_STALL), OPENS},
	{"INFO: rcu_", " stall", K(RCU_STALL), OPENS},
	{"INFO: task ", "blocked ", K(HUNG_TASK), OPENS},
	{"watchdog: BUG: soft lockup", NULL, K(SOFT_LOCKUP), OPENS},
	{"NMI watchdog: BUG: soft lockup", NULL, K(SOFT_LOCKUP), OPENS},
	{"watchdog: ", "ard LOCKUP", K(HARD_LOCKUP), OPENS},
	{"NMI watchdog: ", "ard LOCKUP", K(HARD_LOCKUP), OPENS},
	{"unreferenced object 0x", NULL, K(KMEMLEAK), OPENS},
	{"kmemleak: unreferenced object 0x", NULL, K(KMEMLEAK), OPENS},
	{"kmemleak: ", " new suspected memory leak", K(KMEMLEAK), ENDS},
	{"unchecked MSR access error: ", NULL, K(WARNING), OPENS},
	{"irq ", ": nobody cared", K(WARNING), OPENS},
	{"Out of memory: Kill", NULL, K(OOM_KILL), ENDS},
	{"Memory cgroup out of memory: Kill", NULL, K(OOM_KILL), ENDS},
};

/* With the name of the process, at most 15 characters, in front. */
static const struct opener named_openers[] = {
	{" invoked oom-killer: ", NULL, K(OOM_KILL), OPENS},
	{": page allocation failure: order:", NULL, K(ALLOC_FAILURE), OPENS},
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
	return slice_starts(text, o->prefix) &&
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

/*
 * One boot on a box, there and back.
 *
 * boot.c runs it: trip_arrive() finds the box under its own kernel and takes
 * its lock, trip_leave() brings the kernel under test and starts it,
 * trip_measure() runs the agent under it, and trip_home() undoes all of it,
 * from wherever the trip has come to.
 */
#ifndef KLAB_METAL_TRIP_H
#define KLAB_METAL_TRIP_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "metal/box.h"
#include "metal/buildid.h"
#include "metal/conf.h"

struct err;

/* Files in the boot's folder that machine.h does not name. */
#define BOOT_IMAGE "bzImage"
#define BOOT_MODULES "modules.tar"
#define BOOT_CONFIG "config"

/* On the command line of each kernel that klab starts: what is without it is
 * the box's own. */
#define TRIP_MARK "klab.boot=1"

/* Who answers. */
struct ident {
	char boot_id[64];
	char build_id[BUILDID_HEX]; /* "" if it does not tell */
	char release[100];
	bool ours; /* has TRIP_MARK */
};

/* How the kernel under test ended; the word is "ended" in facts.json. */
enum trip_end {
	END_NONE,
	END_AGENT,  /* the agent ran to its end */
	END_REBOOT, /* the box was back on its own */
	END_HANG,
};

struct trip {
	const struct metal_conf *conf;
	struct box box;
	json_t *facts;
	struct ident home; /* the box's own kernel */
	struct ident now;  /* who answered last */
	char want[BUILDID_HEX];
	char *before; /* the box's settings at first */
	bool locked;  /* the box is ours */
	int claim;    /* what boots of this host wait for, or -1 */
	bool left;    /* has been told to leave its own kernel */
	bool up;      /* the kernel under test has answered */
	enum trip_end end;
	char hang[200];    /* why END_HANG */
	uint64_t from, to; /* of the console, what is the kernel's; to is 0
			      while it goes on */
};

/* How waiting for the box ended. */
enum trip_wait {
	CAME,   /* t->now answers */
	SILENT, /* no ssh, and nothing on the console for hang_s */
	LATE,   /* no ssh for boot_timeout_s */
};

/* Waits until somebody answers; one with old_boot_id counts only if that is
 * NULL.  Returns 0 with *how, -EINTR, -EBUSY if
 * who has old_boot_id stays, or an error that waiting does not help. */
int trip_wait(struct trip *t, const char *old_boot_id, enum trip_wait *how,
	      struct err *e);
/* Asks the box who it is, into t->now. */
int trip_who(struct trip *t, struct err *e);
/* The first value of a key in what the last command said, printable, or NULL;
 * freed by the caller. */
char *trip_answer(const struct trip *t, const char *key);

/* Notes that the kernel hangs, and why that is said. */
void trip_hangs(struct trip *t, const char *why);

int trip_arrive(struct trip *t, struct err *e);
int trip_leave(struct trip *t, struct err *e);
/* Quiesces, runs the agent, restores; t->end says how that ended. */
int trip_measure(struct trip *t, struct err *e);
/* Takes the stacks of a kernel that hangs, from the console. */
void trip_stacks(struct trip *t);
/* Back under its own kernel, with nothing of klab's left there. */
int trip_home(struct trip *t, struct err *e);

/* Adds what `facts` said to t->facts. */
void trip_take_facts(struct trip *t);
/* Adds each "key value" of the last command to a list in t->facts. */
void trip_take_list(struct trip *t, const char *key, const char *name);

#endif

/*
 * A run that is led: nothing is built or booted unless somebody asks.
 *
 * run_new() with a guide in its options, run_resolve(), run_work().  From then
 * on the guide is called from the loop, at the start and whenever something has
 * ended.  It looks at kernels and boots with the functions below and asks for
 * more.  The run ends when nothing is at work and nothing more was asked for.
 * Stages are indices of the study's array; there is one config and one machine.
 */
#ifndef KLAB_GUIDED_H
#define KLAB_GUIDED_H

#include "lab/run.h"

struct tree_stage;

enum guided_state {
	GUIDED_NONE,    /* cannot be had: why says more */
	GUIDED_TODO,    /* to be built */
	GUIDED_READY,   /* a kernel, or a boot that has ended */
	GUIDED_BROKEN,  /* the kernel does not build: why */
	GUIDED_AWAITED, /* a boot that was asked for, and has not ended */
	GUIDED_FAILED,  /* a boot that the lab failed, more than once */
};

struct guided_kernel {
	enum guided_state state;
	char *why;         /* one sentence, or NULL */
	char *request;     /* equal only for equal kernels that are asked for */
	char identity[65]; /* code identity; of a prebuilt kernel its key */
	double build_s;    /* what its build took; 0: not known */
};

/* The study's row in the database. */
long long run_study(const struct run *r);
struct lab *run_lab(const struct run *r);
/* What a kernel came to.  The caller releases out. */
int guided_kernel(struct run *r, size_t stage, struct guided_kernel *out,
		  struct err *e);
void guided_kernel_release(struct guided_kernel *k);
/* The commit of a stage; NULL of prebuilt kernels. */
const struct tree_stage *guided_commit(const struct run *r, size_t stage);

/* The name of their source, see tree_name(); NULL of prebuilt kernels. */
const char *guided_source(const struct run *r);
/* The folder in which kernels are built; NULL of prebuilt ones. */
const char *guided_objects(const struct run *r);

/* Builds these stages (n of them), the first one first; what was asked for
 * before and has not begun is not wanted any more. */
void guided_build(struct run *r, const size_t *stages, size_t n);
/* Asks for boots of a kernel that is READY, with the n seeds from that one on.
 * All that was asked for before must have ended. */
int guided_boot(struct run *r, size_t stage, size_t workload,
		enum cell_role role, int seed, int n, struct err *e);
/* The id of the boot that guided_boot() would ask for, which holds all that the
 * boot depends on; "" if there is no such kernel. */
void guided_boot_id(struct run *r, size_t stage, size_t workload, int seed,
		    char id[BOOT_ID]);
/* What became of it: GUIDED_NONE if the workload does not run there or nobody
 * asked.  id is that of the boot; why (freed by the caller, may be NULL). */
enum guided_state guided_boot_state(struct run *r, size_t stage,
				    size_t workload, int seed, char id[BOOT_ID],
				    char **why);
/* Does this machine boot only while nothing else runs? */
bool guided_alone(const struct run *r);
/* After run_work(): nothing more is to come.  Boots that it had in an earlier
 * run stay with the study. */
int guided_through(struct run *r, struct err *e);
/* The guide cannot go on: run_work() ends with this error. */
void guided_fail(struct run *r, const struct err *e);

#endif

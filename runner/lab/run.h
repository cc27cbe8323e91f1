/*
 * A run of a study: from the plan to boots in the database.
 *
 * Call order: run_new(), run_resolve() (trees, configs, archives, the kernels
 * that are there; this may fetch), run_work() (the event loop: builds and boots
 * side by side, until all is done or stopped; then what the analysis wants to
 * see more of), run_free().  What cannot be had, a package, a patched tree or a
 * machine, is noted as an error of its cells and the others go on.
 */
#ifndef KLAB_RUN_H
#define KLAB_RUN_H

#include "build/build.h"
#include "lab/boot.h"
#include "lab/lab.h"
#include "study/study.h"

struct run;

struct run_progress {
	size_t total;   /* boots wanted so far, shared ones counted once */
	size_t ok, bad; /* done, of these */
	size_t splat;   /* ok, but with findings that are not harmless */
	size_t failed;  /* failed for a reason of ours, to be done again */
	size_t running;
	size_t skipped;        /* boots that have no kernel or no machine */
	size_t not_applicable; /* boots of workloads that cannot run there */
	size_t builds;         /* kernels that this run had to build */
	size_t built, broken, building;
	size_t unbuildable; /* kernels of which that was known before */
	uint64_t eta_ms;    /* until the end; 0 if unknown */
};

/* One boot's place in the matrix, and what became of it. */
struct run_boot {
	const char *stage, *config, *machine, *workload;
	int seed;
	bool splat; /* it has findings that the study does not call harmless */
	int again;  /* the lab failed: the number of the try to come; or 0 */
	const struct boot_result *result;
};

/* What a run tells while it goes on; each may be NULL. */
struct run_watch {
	void (*note)(const char *text, void *arg);
	/* Something of the plan could not be had. */
	void (*trouble)(const struct err *e, void *arg);
	/* A boot has ended. */
	void (*boot)(const struct run_boot *b, void *arg);
	/* A build has ended: of which stage under which config, and how. */
	void (*build)(const char *stage, const char *config,
		      const struct build_result *r, void *arg);
	/* Something changed; comes after each of the above. */
	void (*progress)(const struct run_progress *p, void *arg);
	void *arg;
};

/* Leads a run in place of the plan and of the analysis: see guided.h. */
typedef void (*run_guide_fn)(struct run *r, void *arg);

struct run_options {
	int jobs;           /* builds and boots side by side */
	bool refresh;       /* ask mirrors and URLs for what is newer */
	bool retry;         /* do again what a kernel failed */
	bool no_sandbox;    /* build without bubblewrap */
	run_guide_fn guide; /* NULL: the plan */
	void *guide_arg;
	const char *only; /* guided: label of the one workload; NULL: any */
};

/* study must outlive the run. */
struct run *run_new(struct lab *lab, struct study *study,
		    const struct run_options *o, const struct run_watch *w);
void run_free(struct run *r);

/* Fails only if nothing at all can be done. */
int run_resolve(struct run *r, struct err *e);
/* Returns 0 when each build and boot was tried; -EINTR after a signal; else the
 * lab's own error. */
int run_work(struct run *r, struct err *e);

/* How long so many boots take, jobs of them side by side. */
uint64_t run_estimate(uint64_t boots, uint64_t boot_ms, int jobs);

struct run_progress run_progress(const struct run *r);
/* The analysis refused to compare the boots, and that was noted. */
bool run_incomparable(const struct run *r);
/* The worst of what happened: ERR_NONE, ERR_KERNEL, ERR_USER or ERR_LAB. */
enum err_kind run_worst(const struct run *r);

#endif

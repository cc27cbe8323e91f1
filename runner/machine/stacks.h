/*
 * What every vCPU of a hung guest is at: stacks.txt in the boot's folder.
 *
 * The guest is stopped for it, by QMP, and is of no more use afterwards.  For
 * each vCPU the file has its registers, the function it is in, and the words
 * on its stack that point into the kernel's code.
 */
#ifndef KLAB_STACKS_H
#define KLAB_STACKS_H

#include <stdint.h>

struct qmp;
struct stacks;
struct uv_loop_s;

typedef void (*stacks_fn)(void *arg);

/* done comes once from the loop, at the latest after limit_ms, with as much in
 * the file as there was time for; not after stacks_free().  store is the
 * kernel's folder in the lab. */
struct stacks *stacks_take(struct uv_loop_s *loop, struct qmp *q,
			   const char *dir, const char *store, const char *why,
			   uint64_t limit_ms, stacks_fn done, void *arg);
void stacks_free(struct stacks *s);

#endif

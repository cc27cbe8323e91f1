/*
 * Can a workload run on this kernel and this machine?  Where it cannot, that is
 * neither the kernel's fault nor the lab's: it is not applicable there.
 */
#ifndef KLAB_APPLICABLE_H
#define KLAB_APPLICABLE_H

#include <stdbool.h>

struct kernel;
struct machine;
struct workload;

/* NULL if it can, as far as is known: k is NULL where there is no kernel yet.
 * Else half a sentence that the caller frees.  own: klab has built it. */
char *not_applicable(const struct workload *w, const struct machine *m,
		     const struct kernel *k, bool own);

/* Has the kernel what became of each of the workload's own modules? */
bool kmods_known(const struct workload *w, const struct kernel *k);

#endif

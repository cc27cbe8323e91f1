/*
 * Pins: which kernel of the store a request came to, in
 * lab/apt/<suite or host>/pins/.
 */
#ifndef KLAB_PIN_H
#define KLAB_PIN_H

#include <stdbool.h>

struct debian_request;
struct err;
struct kernel;

/* False if the request is not pinned, or the store has dropped the kernel. */
bool pin_find(const char *lab, const struct debian_request *rq,
	      struct kernel *k);
int pin_write(const char *lab, const struct debian_request *rq,
	      const struct kernel *k, struct err *e);

#endif

/*
 * The key `configs` of a study: named Kconfig variants, and `toolchain`.
 */
#ifndef KLAB_CONFIGS_H
#define KLAB_CONFIGS_H

#include <stddef.h>

#include "build/kconfig.h"
#include "build/toolchain.h"

struct err;
struct yml_node;

/*
 * Reads `configs` of the study file root, which lies in dir; share is klab's
 * own folder.  Without the key there is one, "default": tiny with virt.
 * *configs and *n are set as far as it got, also after an error; the caller
 * releases each and frees the array.
 */
int configs_read(struct yml_node *root, const char *dir, const char *share,
		 struct kconfig **configs, size_t *n, struct err *e);
/* Reads `toolchain`; t is released by the caller. */
int toolchain_read(struct yml_node *root, struct toolchain *t, struct err *e);
/* What a config is, as one line that is equal only for equal ones; freed by the
 * caller. */
char *config_request(const struct kconfig *c);

#endif

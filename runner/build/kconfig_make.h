/*
 * Runs the Kconfig of a tree in the sandbox.
 */
#ifndef KLAB_KCONFIG_MAKE_H
#define KLAB_KCONFIG_MAKE_H

#include "build/kconfig.h"
#include "build/kconfig_why.h"
#include "build/kconfig_wish.h"

struct err;

/* Makes rq's base with the wishes on top, in rq->box->obj; config is what came
 * out, config_text its text. */
int kconfig_make(const struct kconfig_request *rq,
		 const struct kconfig_wishes *wishes, struct str *config_text,
		 struct kconfig_file *config, struct err *e);
/* Asks the tree about these options, after kconfig_make() in the same folder.
 * Where the tree cannot tell, *out is empty. */
void kconfig_ask(const struct kconfig_request *rq, const struct strv *options,
		 struct why *out);

#endif

/*
 * What a study wishes of a kernel config, and whether it came true.
 */
#ifndef KLAB_KCONFIG_WISH_H
#define KLAB_KCONFIG_WISH_H

#include <stdbool.h>
#include <stddef.h>

#include "build/kconfig.h"
#include "build/kconfig_file.h"

struct err;

struct kconfig_wish {
	char *option;  /* without CONFIG_ */
	char *value;   /* as in a .config; "n": is not set */
	char *from;    /* "file:line" */
	bool if_there; /* where the tree has no such option, it is none */
};

/* One for each option, in order of their names. */
struct kconfig_wishes {
	struct kconfig_wish *at;
	size_t n;
	char *base;        /* text of KCONFIG_FILE's file, else NULL */
	struct str digest; /* all of the input, for the key */
};

/* Reads base, fragments and settings of a request; later ones win. */
int kconfig_wishes_read(const struct kconfig_request *rq,
			struct kconfig_wishes *out, struct err *e);
void kconfig_wishes_release(struct kconfig_wishes *w);
/* NULL if nobody wished anything of the option. */
const struct kconfig_wish *kconfig_wishes_find(const struct kconfig_wishes *w,
					       const char *option);
/* As lines of a .config, with what klab itself sets at their end. */
void kconfig_wishes_text(const struct kconfig_wishes *w, struct str *out);
/* Did it come true in this config? */
bool kconfig_wish_holds(const struct kconfig_wish *wish,
			const struct kconfig_file *config);

#endif

/*
 * Kernel configs: from what the study says to a .config that the tree's own
 * Kconfig agrees with.
 *
 * base, then each fragment, then `set:`, later ones winning, are settled by the
 * Kconfig of the tree; then every wish is looked up in what came out.  A kernel
 * has no local version: that is not the study's to choose.
 *
 *	tiny       everything off that nothing asks for (allnoconfig), under
 *	           configs/kernel/tiny.config
 *	defconfig  the architecture's
 *	a file     a .config or a part of one; what is in it are no wishes
 */
#ifndef KLAB_KCONFIG_H
#define KLAB_KCONFIG_H

#include <stdbool.h>
#include <stddef.h>

#include "base/file.h"
#include "base/str.h"
#include "build/sandbox.h"
#include "build/toolchain.h"

struct err;

enum kconfig_base { KCONFIG_TINY, KCONFIG_DEFCONFIG, KCONFIG_FILE };

/* `set: { LOCK_STAT: y }` */
struct kconfig_set {
	char *option; /* without CONFIG_ */
	char *value;  /* y, m, n, a number, or text without its quotes */
	int line;     /* in the study file */
};

struct kconfig {
	char *name;
	int line; /* in the study file */
	enum kconfig_base base;
	char *base_path;       /* absolute, of KCONFIG_FILE */
	struct strv fragments; /* absolute paths */
	struct kconfig_set *set;
	size_t nset;
};

void kconfig_release(struct kconfig *c);

/* A wish that did not come true. */
struct kconfig_unmet {
	char *option; /* without CONFIG_ */
	char *from;   /* "study.yaml:12", or the fragment's path and line */
	char *text;   /* one sentence, without `from` */
	bool unknown; /* the tree has no such option */
};

struct kconfig_request {
	const char *lab;
	const char *share; /* klab's own folder */
	const char *study; /* path of the study file, for messages */
	const struct kconfig *config;
	const char *tree_id; /* struct tree_stage's kconfig */
	const struct toolchain *tools;
	const struct sandbox *box; /* src is the tree, at that stage */
};

struct kconfig_result {
	char *path; /* of the settled .config, below lab/configs */
	char sha256[SHA256_HEX];
	struct kconfig_unmet *unmet;
	size_t nunmet;
};

/* What was settled before is in lab/configs under a key of all that it depends
 * on: 0 if it is there (then neither tree nor sandbox is touched). -ENOENT if
 * not. */
int kconfig_find(const struct kconfig_request *rq, struct kconfig_result *out,
		 struct err *e);
/* Settles it, with make and the tree; blocks for some seconds.  box->obj should
 * be a folder that is there for this alone.  Also finds, as above.  ERR_USER: a
 * fragment or the study is wrong; ERR_KERNEL: the tree's Kconfig fails. */
int kconfig_settle(const struct kconfig_request *rq, struct kconfig_result *out,
		   struct err *e);
void kconfig_result_release(struct kconfig_result *r);

/* What differs between two .config files, as lines "-OLD" and "+NEW" in order
 * of the options' names ("CONFIG_X=y", "# CONFIG_X is not set").  An option
 * that is not in a file is one that is not set. */
int kconfig_diff(const char *a, const char *b, struct strv *lines,
		 struct err *e);
/* The value of an option in a .config: "y", "m", "1000", text without quotes;
 * NULL if it is not set.  Freed by the caller. */
char *kconfig_value(const char *path, const char *option);

#endif

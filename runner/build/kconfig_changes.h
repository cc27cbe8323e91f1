/*
 * What differs between configs, and a config with changes on top.  An option
 * that is not in a file is one that is not set.
 */
#ifndef KLAB_KCONFIG_CHANGES_H
#define KLAB_KCONFIG_CHANGES_H

#include <stddef.h>

#include "base/str.h"

struct err;
struct kconfig_file;

/* As it is written; "n" if it is not there. */
const char *kconfig_value_in(const struct kconfig_file *f, const char *option);

typedef void (*kconfig_change_fn)(const char *option, const char *a,
				  const char *b, void *arg);
/* Each option in which b differs from a, in order of the names. */
void kconfig_each_change(const struct kconfig_file *a,
			 const struct kconfig_file *b, kconfig_change_fn fn,
			 void *arg);
/* One of these: adds b's line to arg, a struct strv. */
void kconfig_add_change(const char *option, const char *a, const char *b,
			void *arg);
/* In which lines the config at `to` differs from that at `from`. */
int kconfig_changes(const char *from, const char *to, struct strv *lines,
		    struct err *e);
/* Adds a line of a config. */
void kconfig_add_text(struct str *text, const char *option, const char *value);

/* What Kconfig makes of a text; *path is freed by the caller. */
typedef int (*kconfig_settle_fn)(const struct str *text, char **path, void *arg,
				 struct err *e);
/* What it makes of the config at that path with these lines in place of its own
 * ones.  *taken is how many of them came true. */
int kconfig_apply(kconfig_settle_fn settle, void *arg, const char *path,
		  const struct strv *lines, char **settled, size_t *taken,
		  struct err *e);

#endif

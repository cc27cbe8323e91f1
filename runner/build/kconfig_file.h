/*
 * Text of .config files and fragments.
 */
#ifndef KLAB_KCONFIG_FILE_H
#define KLAB_KCONFIG_FILE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/str.h"

struct err;

#define KCONFIG_FILE_CAP (8u << 20)
#define KCONFIG_OPTION_CAP 128
#define KCONFIG_VALUE_CAP 2000

struct kconfig_entry {
	char *option; /* without CONFIG_ */
	char *value;  /* as it is written, with quotes; "n": is not set */
	int line;
	bool if_there; /* it may be missing in a tree, see below */
};

/* One entry for each option, in order of their names. */
struct kconfig_file {
	struct kconfig_entry *at;
	size_t n;
};

/* Of an option that is named twice the later one counts.  Any line that is
 * neither an option nor a comment is an error (ERR_USER, path and line) if
 * strict, else skipped.  Below the comment "# klab: if there", up to the next
 * comment or empty line, are options that a tree need not have.  *out is empty
 * after an error. */
int kconfig_file_parse(const char *text, const char *path, bool strict,
		       struct kconfig_file *out, struct err *e);
/* Reads and parses. */
int kconfig_file_load(const char *path, bool strict, struct kconfig_file *out,
		      struct err *e);
void kconfig_file_release(struct kconfig_file *f);
/* NULL if the option is not there. */
const struct kconfig_entry *kconfig_file_find(const struct kconfig_file *f,
					      const char *option);

/* Reads a text. */
int kconfig_read(const char *path, struct str *out, struct err *e);
/* Reads what a sandbox left: never follows a link out of it. */
int kconfig_read_inside(const char *path, struct str *out, struct err *e);
/* May it be an option's name, and the value of one? */
bool kconfig_option_ok(const char *option);
bool kconfig_value_ok(const char *value);
/* A value without its quotes; freed by the caller. */
char *kconfig_unquote(const char *value);
/* Puts quotes around anything but y, m, n, a number and what has them already;
 * freed by the caller. */
char *kconfig_quote(const char *text);
/* Adds "CONFIG_X=v" or "# CONFIG_X is not set", without a newline. */
void kconfig_add_line(struct str *out, const char *option, const char *value);

#endif

/*
 * Strings: a growable buffer and a NULL-terminated list of owned strings.
 *
 * Memory is never short in a way that klab could survive: allocation failure
 * aborts with a message, so none of these returns an error.
 */
#ifndef KLAB_STR_H
#define KLAB_STR_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

void *xcalloc(size_t n, size_t size);
void *xrealloc(void *p, size_t size);
char *xstrdup(const char *s);
char *xstrndup(const char *s, size_t n);
/* A new string, freed by the caller. */
char *xasprintf(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* Growable buffer; buf is always NUL-terminated once anything was added. */
struct str {
	char *buf;
	size_t len, cap;
};

#define STR_INIT                                                               \
	{                                                                      \
		NULL, 0, 0                                                     \
	}

void str_release(struct str *s);
void str_add(struct str *s, const void *data, size_t len);
void str_adds(struct str *s, const char *text);
void str_addf(struct str *s, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
/* Hands the text over to the caller, who frees it; s is empty afterwards. */
char *str_detach(struct str *s);

/* Owned strings; v[n] is NULL once anything was added: usable as argv. */
struct strv {
	char **v;
	size_t n;
};

#define STRV_INIT                                                              \
	{                                                                      \
		NULL, 0                                                        \
	}

void strv_release(struct strv *l);
void strv_add(struct strv *l, const char *s);
void strv_addf(struct strv *l, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
/* Adds s unless it is there. */
void strv_add_new(struct strv *l, const char *s);
/* Adds those of more that are not there. */
void strv_merge(struct strv *l, const struct strv *more);
bool strv_has(const struct strv *l, const char *s);
/* One string with the words joined by sep; freed by the caller. */
char *strv_join(const struct strv *l, const char *sep);
/* As strv_join() with " ", each word quoted for a POSIX shell if it must. */
char *strv_shell(const struct strv *l);

/* Puts a question mark for each byte that is not printable ASCII. */
void str_plain(char *s);
bool str_is_utf8(const char *s);
bool str_starts(const char *s, const char *prefix);
bool str_ends(const char *s, const char *suffix);
/* A word for files, tables and command lines: letters, digits and ._+- only,
 * not starting with a dash or a dot, at most 100 of them? */
bool word_ok(const char *s);
/* The whole of s as a number in range? */
bool str_to_ll(const char *s, long long min, long long max, long long *out);
/* The entry of names (n of them) nearest to word, or NULL if none is near. */
const char *str_nearest(const char *word, const char *const *names, size_t n);

#endif

/*
 * YAML files read into a tree that knows where each value stood.
 *
 * libyaml parses; this adds what a study file's reader needs: typed access,
 * errors of the form `file:line: key 'x': what is wrong, what would be right`,
 * and a check that no key was left unread.  (libcyaml, which sits on libyaml,
 * needs every key known when klab is compiled; configs, parameters and
 * workloads of a study are named by the user.)
 *
 * The prefix is yml_ because libyaml exports yaml_free() and its like.
 *
 * A node belongs to its document and lives as long.
 */
#ifndef KLAB_YML_H
#define KLAB_YML_H

#include <stdbool.h>
#include <stddef.h>

struct err;
struct yml_doc;

enum yml_kind { YML_SCALAR, YML_LIST, YML_MAP };

struct yml_node {
	enum yml_kind kind;
	int line;
	const char *file;
	const char *key;      /* the key that led here, or NULL */
	const char *text;     /* of a scalar */
	size_t n;             /* entries of a list or map */
	struct yml_node **at; /* entries; those of a map carry their key */
	bool used;            /* some reader asked for it */
};

/* Reads a file of at most 1 MiB; the caller frees the document. */
int yml_load(const char *path, struct yml_doc **out, struct err *e);
/* The same from memory; file is the name that errors show. */
int yml_parse(const char *file, const char *text, size_t len,
	      struct yml_doc **out, struct err *e);
void yml_free(struct yml_doc *doc);
struct yml_node *yml_root(struct yml_doc *doc);

/* A user error that starts with file, line and key of the node. */
int yml_err(const struct yml_node *n, struct err *e, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* Errors unless the node is of that kind. */
int yml_expect(const struct yml_node *n, enum yml_kind kind, struct err *e);
/* The entry of a map, or NULL. */
struct yml_node *yml_get(struct yml_node *map, const char *key);
/* As yml_get(), but absence is an error. */
int yml_need(struct yml_node *map, const char *key, struct yml_node **out,
	     struct err *e);
/* Errors on an entry that nobody asked for, and names the nearest of the keys
 * that were asked for. */
int yml_check_unused(const struct yml_node *map, const char *const *known,
		     size_t n, struct err *e);

/* Scalars, of one line.  The optional ones leave *out alone when the key is
 * absent. */
int yml_text(const struct yml_node *n, const char **out, struct err *e);
int yml_int(const struct yml_node *n, long long min, long long max,
	    long long *out, struct err *e);
int yml_bool(const struct yml_node *n, bool *out, struct err *e);
/* "1%" or "0.01" as 0.01. */
int yml_fraction(const struct yml_node *n, double *out, struct err *e);
int yml_opt_text(struct yml_node *map, const char *key, const char **out,
		 struct err *e);
int yml_opt_int(struct yml_node *map, const char *key, long long min,
		long long max, long long *out, struct err *e);
int yml_opt_bool(struct yml_node *map, const char *key, bool *out,
		 struct err *e);

#endif

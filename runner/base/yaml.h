/*
 * YAML files read into a tree that knows where each value stood.
 *
 * libyaml parses; this adds what a study file's reader needs: typed access,
 * errors of the form `file:line: key 'x': what is wrong, what would be right`,
 * and a check that no key was left unread.  (libcyaml, which sits on libyaml,
 * needs every key known when klab is compiled; configs, parameters and
 * workloads of a study are named by the user.)
 *
 * A node belongs to its document and lives as long.
 */
#ifndef KLAB_YAML_H
#define KLAB_YAML_H

#include <stdbool.h>
#include <stddef.h>

struct err;
struct yaml_doc;

enum yaml_kind { YAML_SCALAR, YAML_LIST, YAML_MAP };

struct yaml_node {
	enum yaml_kind kind;
	int line;
	const char *file;
	const char *key;	/* the key that led here, or NULL */
	const char *text;	/* of a scalar */
	size_t n;		/* entries of a list or map */
	struct yaml_node **at;	/* entries; those of a map carry their key */
	bool used;		/* some reader asked for it */
};

/* Reads a file of at most 1 MiB; the caller frees the document. */
int yaml_load(const char *path, struct yaml_doc **out, struct err *e);
/* The same from memory; file is the name that errors show. */
int yaml_parse(const char *file, const char *text, size_t len,
	       struct yaml_doc **out, struct err *e);
void yaml_free(struct yaml_doc *doc);
struct yaml_node *yaml_root(struct yaml_doc *doc);

/* A user error that starts with file, line and key of the node. */
int yaml_err(const struct yaml_node *n, struct err *e, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* Errors unless the node is of that kind. */
int yaml_expect(const struct yaml_node *n, enum yaml_kind kind, struct err *e);
/* The entry of a map, or NULL. */
struct yaml_node *yaml_get(struct yaml_node *map, const char *key);
/* As yaml_get(), but absence is an error. */
int yaml_need(struct yaml_node *map, const char *key, struct yaml_node **out,
	      struct err *e);
/* Errors on an entry that nobody asked for, and names the nearest of the keys
 * that were asked for. */
int yaml_check_unused(const struct yaml_node *map, const char *const *known,
		      size_t n, struct err *e);

/* Scalars.  The optional ones leave *out alone when the key is absent. */
int yaml_text(const struct yaml_node *n, const char **out, struct err *e);
int yaml_int(const struct yaml_node *n, long long min, long long max,
	     long long *out, struct err *e);
int yaml_bool(const struct yaml_node *n, bool *out, struct err *e);
/* "1%" or "0.01" as 0.01. */
int yaml_fraction(const struct yaml_node *n, double *out, struct err *e);
int yaml_opt_text(struct yaml_node *map, const char *key, const char **out,
		  struct err *e);
int yaml_opt_int(struct yaml_node *map, const char *key, long long min,
		 long long max, long long *out, struct err *e);
int yaml_opt_bool(struct yaml_node *map, const char *key, bool *out,
		  struct err *e);

#endif

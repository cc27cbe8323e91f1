#include "base/yml.h"

#include "base/err.h"
#include "base/file.h"
#include "base/str.h"

#include <stdarg.h>
#include <stdint.h>
#include <yaml.h>

#define FILE_CAP (1 << 20)
#define DEPTH_CAP 32
#define NODE_CAP 100000
#define ANCHOR_CAP 1000
/* Bytes of a key, of a value that is one line: an error can show them. */
#define KEY_CAP 100
#define TEXT_CAP 600

struct yml_doc {
	char *file;
	yaml_document_t raw;
	struct yml_node *root;
	size_t nodes;
};

static void node_free(struct yml_node *n)
{
	if (!n)
		return;
	for (size_t i = 0; i < n->n; i++)
		node_free(n->at[i]);
	free(n->at);
	free(n);
}

void yml_free(struct yml_doc *doc)
{
	if (!doc)
		return;
	node_free(doc->root);
	yaml_document_delete(&doc->raw);
	free(doc->file);
	free(doc);
}

struct yml_node *yml_root(struct yml_doc *doc)
{
	return doc->root;
}

int yml_err(const struct yml_node *n, struct err *e, const char *fmt, ...)
{
	char what[800];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	if (n->key)
		return err_user(e, "%s:%d: key '%s': %s", n->file, n->line,
				n->key, what);
	return err_user(e, "%s:%d: %s", n->file, n->line, what);
}

/* ---- before libyaml makes a document of it ---- */

static int not_yaml(const char *file, const yaml_parser_t *p, struct err *e)
{
	return err_user(e, "%s:%d: not YAML: %s", file,
			(int)p->problem_mark.line + 1,
			p->problem ? p->problem : "unreadable");
}

/* What has been seen of a file. */
struct survey {
	int depth, documents, anchors, events;
};

static const char *survey_event(struct survey *s, const yaml_event_t *ev)
{
	switch (ev->type) {
	case YAML_DOCUMENT_START_EVENT:
		if (++s->documents > 1)
			return "a second document begins; one is read";
		break;
	case YAML_SEQUENCE_START_EVENT:
		s->anchors += !!ev->data.sequence_start.anchor;
		s->depth++;
		break;
	case YAML_MAPPING_START_EVENT:
		s->anchors += !!ev->data.mapping_start.anchor;
		s->depth++;
		break;
	case YAML_SEQUENCE_END_EVENT:
	case YAML_MAPPING_END_EVENT:
		s->depth--;
		break;
	case YAML_SCALAR_EVENT:
		s->anchors += !!ev->data.scalar.anchor;
		break;
	default:
		break;
	}
	if (s->depth > DEPTH_CAP || s->anchors > ANCHOR_CAP ||
	    ++s->events > 2 * NODE_CAP)
		return "nested too deep, or too many values";
	return NULL;
}

/* libyaml takes a time that grows with the square of depth and of anchors, so
 * files that have too much of them never get to its loader. */
static int survey(const char *file, const char *text, size_t len, struct err *e)
{
	struct survey s = {0};
	yaml_parser_t parser;
	const char *why = NULL;
	bool end = false;
	int r = 0;

	if (!yaml_parser_initialize(&parser))
		abort();
	yaml_parser_set_input_string(&parser, (const unsigned char *)text, len);
	while (!r && !end) {
		yaml_event_t ev;

		if (!yaml_parser_parse(&parser, &ev)) {
			r = not_yaml(file, &parser, e);
			break;
		}
		why = survey_event(&s, &ev);
		if (why)
			r = err_user(e, "%s:%d: %s", file,
				     (int)ev.start_mark.line + 1, why);
		end = ev.type == YAML_STREAM_END_EVENT;
		yaml_event_delete(&ev);
	}
	yaml_parser_delete(&parser);
	return r;
}

/* ---- from libyaml's document to the tree ---- */

static struct yml_node *convert(struct yml_doc *doc, int id, const char *key,
				int depth, struct err *e);

static bool is_control(char c)
{
	return (c >= 0 && c < 32) || c == 127;
}

static const char *key_text(struct yml_doc *doc, int id)
{
	yaml_node_t *raw = yaml_document_get_node(&doc->raw, id);

	const char *text;

	if (raw->type != YAML_SCALAR_NODE || raw->data.scalar.length > KEY_CAP)
		return NULL;
	text = (const char *)raw->data.scalar.value;
	for (size_t i = 0; i < raw->data.scalar.length; i++)
		if (is_control(text[i]))
			return NULL;
	return text;
}

static int no_key(struct yml_doc *doc, int id, struct err *e)
{
	yaml_node_t *raw = yaml_document_get_node(&doc->raw, id);

	return err_user(e,
			"%s:%d: a key must be a plain word of at most %d "
			"bytes",
			doc->file, (int)raw->start_mark.line + 1, KEY_CAP);
}

static void append(struct yml_node *n, struct yml_node *entry)
{
	n->at = xrealloc(n->at, (n->n + 1) * sizeof(*n->at));
	n->at[n->n++] = entry;
}

static int convert_list(struct yml_doc *doc, yaml_node_t *raw,
			struct yml_node *n, int depth, struct err *e)
{
	n->kind = YML_LIST;
	for (yaml_node_item_t *i = raw->data.sequence.items.start;
	     i < raw->data.sequence.items.top; i++) {
		struct yml_node *entry = convert(doc, *i, n->key, depth, e);

		if (!entry)
			return -1;
		append(n, entry);
	}
	return 0;
}

static int convert_map(struct yml_doc *doc, yaml_node_t *raw,
		       struct yml_node *n, int depth, struct err *e)
{
	n->kind = YML_MAP;
	for (yaml_node_pair_t *p = raw->data.mapping.pairs.start;
	     p < raw->data.mapping.pairs.top; p++) {
		const char *key = key_text(doc, p->key);
		struct yml_node *entry;

		if (!key)
			return no_key(doc, p->key, e);
		entry = convert(doc, p->value, key, depth, e);
		if (!entry)
			return -1;
		if (yml_get(n, key)) {
			yml_err(entry, e, "given twice");
			node_free(entry);
			return -1;
		}
		append(n, entry);
	}
	return 0;
}

static struct yml_node *convert(struct yml_doc *doc, int id, const char *key,
				int depth, struct err *e)
{
	yaml_node_t *raw = yaml_document_get_node(&doc->raw, id);
	struct yml_node *n = xcalloc(1, sizeof(*n));
	int r = 0;

	n->file = doc->file;
	n->line = (int)raw->start_mark.line + 1;
	n->key = key;
	if (depth > DEPTH_CAP || ++doc->nodes > NODE_CAP)
		r = yml_err(n, e, "nested too deep, or too many values");
	else if (raw->type == YAML_SEQUENCE_NODE)
		r = convert_list(doc, raw, n, depth + 1, e);
	else if (raw->type == YAML_MAPPING_NODE)
		r = convert_map(doc, raw, n, depth + 1, e);
	else
		n->text = (const char *)raw->data.scalar.value;
	if (n->text && strlen(n->text) != raw->data.scalar.length)
		r = yml_err(n, e, "holds a NUL character");
	if (r) {
		node_free(n);
		return NULL;
	}
	return n;
}

int yml_parse(const char *file, const char *text, size_t len,
	      struct yml_doc **out, struct err *e)
{
	struct yml_doc *doc;
	yaml_parser_t parser;
	int r = survey(file, text, len, e);

	if (r)
		return r;
	doc = xcalloc(1, sizeof(*doc));
	doc->file = xstrdup(file);
	if (!yaml_parser_initialize(&parser))
		abort();
	yaml_parser_set_input_string(&parser, (const unsigned char *)text, len);
	if (!yaml_parser_load(&parser, &doc->raw))
		r = not_yaml(file, &parser, e);
	else if (!yaml_document_get_root_node(&doc->raw))
		r = err_user(e, "%s:1: the file is empty", file);
	else if (!(doc->root = convert(doc, 1, NULL, 0, e)))
		r = -1;
	yaml_parser_delete(&parser);
	if (r) {
		yml_free(doc);
		return r;
	}
	*out = doc;
	return 0;
}

int yml_load(const char *path, struct yml_doc **out, struct err *e)
{
	struct str text = STR_INIT;
	int r = file_read(path, FILE_CAP, &text, e);

	if (r)
		e->kind = ERR_USER;
	else
		r = yml_parse(path, text.buf, text.len, out, e);
	str_release(&text);
	return r;
}

/* ---- access ---- */

static const char *const kind_names[] = {
	[YML_SCALAR] = "a single value",
	[YML_LIST] = "a list",
	[YML_MAP] = "a map of keys and values",
};

int yml_expect(const struct yml_node *n, enum yml_kind kind, struct err *e)
{
	if (n->kind == kind)
		return 0;
	return yml_err(n, e, "expected %s, found %s", kind_names[kind],
		       kind_names[n->kind]);
}

struct yml_node *yml_get(struct yml_node *map, const char *key)
{
	for (size_t i = 0; i < map->n; i++) {
		if (strcmp(map->at[i]->key, key))
			continue;
		map->at[i]->used = true;
		return map->at[i];
	}
	return NULL;
}

int yml_need(struct yml_node *map, const char *key, struct yml_node **out,
	     struct err *e)
{
	*out = yml_get(map, key);
	if (*out)
		return 0;
	return yml_err(map, e, "key '%s' is missing", key);
}

int yml_check_unused(const struct yml_node *map, const char *const *known,
		     size_t n, struct err *e)
{
	struct str list = STR_INIT;
	const char *near;
	size_t i;

	for (i = 0; i < map->n && map->at[i]->used; i++)
		;
	if (i == map->n)
		return 0;
	near = str_nearest(map->at[i]->key, known, n);
	for (size_t k = 0; k < n; k++)
		str_addf(&list, "%s%s", k ? ", " : "", known[k]);
	if (near)
		yml_err(map->at[i], e, "not known here; did you mean '%s'?",
			near);
	else
		yml_err(map->at[i], e, "not known here; one of: %s",
			list.buf ? list.buf : "(none)");
	str_release(&list);
	return -1;
}

int yml_text(const struct yml_node *n, const char **out, struct err *e)
{
	int r = yml_expect(n, YML_SCALAR, e);

	if (r)
		return r;
	for (size_t i = 0; n->text[i]; i++)
		if (is_control(n->text[i]) || i >= TEXT_CAP)
			return yml_err(n, e,
				       "must be one line of plain text, "
				       "%d bytes at most",
				       TEXT_CAP);
	*out = n->text;
	return 0;
}

int yml_int(const struct yml_node *n, long long min, long long max,
	    long long *out, struct err *e)
{
	const char *text;
	int r = yml_text(n, &text, e);

	if (!r && !str_to_ll(text, min, max, out))
		r = yml_err(n, e,
			    "'%s' is not a whole number from %lld to "
			    "%lld",
			    text, min, max);
	return r;
}

int yml_bool(const struct yml_node *n, bool *out, struct err *e)
{
	const char *text;
	int r = yml_text(n, &text, e);

	if (r)
		return r;
	if (!strcmp(text, "yes") || !strcmp(text, "true"))
		*out = true;
	else if (!strcmp(text, "no") || !strcmp(text, "false"))
		*out = false;
	else
		return yml_err(n, e, "'%s' is neither yes nor no", text);
	return 0;
}

int yml_fraction(const struct yml_node *n, double *out, struct err *e)
{
	const char *text;
	int r = yml_text(n, &text, e);
	char *end;
	double v;

	if (r)
		return r;
	v = strtod(text, &end);
	if (end != text && !strcmp(end, "%"))
		v /= 100;
	else if (end == text || *end)
		v = -1;
	if (!(v >= 0 && v < 1))
		return yml_err(n, e,
			       "'%s' is not a share such as 1%% or "
			       "0.01, from 0 to below 100%%",
			       text);
	*out = v;
	return 0;
}

int yml_opt_text(struct yml_node *map, const char *key, const char **out,
		 struct err *e)
{
	struct yml_node *n = yml_get(map, key);

	return n ? yml_text(n, out, e) : 0;
}

int yml_opt_int(struct yml_node *map, const char *key, long long min,
		long long max, long long *out, struct err *e)
{
	struct yml_node *n = yml_get(map, key);

	return n ? yml_int(n, min, max, out, e) : 0;
}

int yml_opt_bool(struct yml_node *map, const char *key, bool *out,
		 struct err *e)
{
	struct yml_node *n = yml_get(map, key);

	return n ? yml_bool(n, out, e) : 0;
}

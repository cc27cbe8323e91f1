#include "study/metric.h"

#include "base/err.h"
#include "base/yml.h"

#include <math.h>
#include <regex.h>

#define COUNT(a) (sizeof(a) / sizeof(*(a)))
#define KEYS 6

static const char *const rusage[] = {"nvcsw",    "nivcsw",   "minflt",
				     "utime_us", "stime_us", "load_runs"};

/* What each kind takes besides name, unit, step and per; those of `need` it
 * cannot do without. */
static const struct kind {
	const char *from;
	const char *need[KEYS], *may[KEYS];
} kinds[] = {
	{"elapsed", {NULL}, {NULL}},
	{"hello", {NULL}, {NULL}},
	{"rusage", {"field"}, {NULL}},
	{"regex", {"pattern"}, {"file", "stream", "take"}},
	{"json", {"path"}, {"file"}},
	{"ktap", {"field"}, {"file"}},
	{"monitor", {"monitor", "row", "column"}, {"take"}},
	{"monitor-cost", {"monitor"}, {NULL}},
	{"cyclictest-json", {"file", "field", "limit_us"}, {NULL}},
};

static const char *const texts[] = {"field", "pattern", "file", "stream",
				    "take",  "monitor", "row",  "step"};

/* Words that are one of a few. */
static const struct {
	const char *from, *key;
	const char *words[7];
} choices[] = {
	{"regex", "take", {"first", "last", "sum", "max", "min"}},
	{"regex", "stream", {"out", "err"}},
	{"monitor", "take", {"delta", "before", "after"}},
	{"ktap", "field", {"pass", "fail", "skip"}},
	{"rusage",
	 "field",
	 {"nvcsw", "nivcsw", "minflt", "utime_us", "stime_us", "load_runs"}},
	{"cyclictest-json", "field", {"min", "avg", "max", "p99", "p999"}},
};

static const struct kind *kind_of(const char *from)
{
	for (size_t i = 0; i < COUNT(kinds); i++)
		if (!strcmp(kinds[i].from, from))
			return &kinds[i];
	return NULL;
}

static bool has(const char *const *list, const char *word)
{
	for (; *list; list++)
		if (!strcmp(*list, word))
			return true;
	return false;
}

/* ---- one value ---- */

/* NULL with an error, or where the parameters leave nothing of the word. */
static char *expand(const struct params *p, struct yml_node *n,
		    const char *word, struct err *e)
{
	struct strv words = STRV_INIT;
	char *text = NULL;
	int r = params_expand(p, n, word, &words, e);

	if (words.n)
		text = xstrdup(words.v[0]);
	else if (!r)
		yml_err(n, e, "'%s' has no value", word);
	strv_release(&words);
	return text;
}

static int take_text(struct yml_node *n, const char *key,
		     const struct params *p, json_t *spec, struct err *e)
{
	const char *word = NULL;
	char *text;

	if (yml_opt_text(n, key, &word, e))
		return -1;
	if (!word)
		return 0;
	/* A pattern has braces of its own. */
	text = strcmp(key, "pattern") ? expand(p, yml_get(n, key), word, e)
				      : xstrdup(word);
	if (!text)
		return -1;
	json_object_set_new(spec, key, json_string(text));
	free(text);
	return 0;
}

static int take_number(struct yml_node *n, const char *key, long long max,
		       const struct params *p, json_t *spec, struct err *e)
{
	const char *word = NULL;
	long long value;
	char *text;
	int r = 0;

	if (yml_opt_text(n, key, &word, e))
		return -1;
	if (!word)
		return 0;
	text = expand(p, yml_get(n, key), word, e);
	if (!text)
		return -1;
	if (str_to_ll(text, 1, max, &value))
		json_object_set_new(spec, key, json_integer(value));
	else
		r = yml_err(n, e, "'%s: %s' is not a number from 1 to %lld",
			    key, text, max);
	free(text);
	return r;
}

/* "{groups} {fds}": their product. */
static int take_per(struct yml_node *n, const struct params *p, json_t *spec,
		    struct err *e)
{
	const char *word = NULL;
	double product = 1;
	char *text, *save = NULL;
	size_t words = 0;

	if (yml_opt_text(n, "per", &word, e))
		return -1;
	if (!word)
		return 0;
	text = expand(p, yml_get(n, "per"), word, e);
	if (!text)
		return -1;
	for (char *one = strtok_r(text, " ", &save); one;
	     one = strtok_r(NULL, " ", &save)) {
		char *end;
		double value = strtod(one, &end);

		product *= !*end && value > 0 ? value : 0;
		words++;
	}
	free(text);
	if (!words || !isfinite(product) || product <= 0)
		return yml_err(n, e,
			       "'per: %s' are not numbers greater than zero",
			       word);
	json_object_set_new(spec, "per", json_real(product));
	return 0;
}

static int take_path(struct yml_node *n, const struct params *p, json_t *spec,
		     struct err *e)
{
	struct strv words = STRV_INIT;
	int r = params_words(p, n, "path", &words, e);
	json_t *list = json_array();

	for (size_t i = 0; i < words.n; i++)
		json_array_append_new(list, json_string(words.v[i]));
	if (words.n)
		json_object_set(spec, "path", list);
	json_decref(list);
	strv_release(&words);
	return r;
}

static int take_all(struct yml_node *n, const struct params *p, json_t *spec,
		    struct err *e)
{
	int r = 0;

	for (size_t i = 0; !r && i < COUNT(texts); i++)
		r = take_text(n, texts[i], p, spec, e);
	if (!r)
		r = take_number(n, "limit_us", LIMIT_US_MAX, p, spec, e);
	if (!r)
		r = take_number(n, "column", 1000, p, spec, e);
	if (!r)
		r = take_per(n, p, spec, e);
	return r ? r : take_path(n, p, spec, e);
}

/* ---- what belongs together ---- */

static bool pattern_ok(const json_t *spec)
{
	const json_t *pattern = json_object_get(spec, "pattern");
	regex_t re;
	bool ok;

	if (!pattern)
		return true;
	if (regcomp(&re, json_string_value(pattern), REG_EXTENDED))
		return false;
	ok = re.re_nsub >= 1;
	regfree(&re);
	return ok;
}

/* The key whose word is none of its few, or NULL. */
static const char *bad_choice(const json_t *spec, const char *from)
{
	for (size_t i = 0; i < COUNT(choices); i++) {
		const json_t *v = json_object_get(spec, choices[i].key);

		if (v && !strcmp(choices[i].from, from) &&
		    !has(choices[i].words, json_string_value(v)))
			return choices[i].key;
	}
	return NULL;
}

/* The key that this kind has no use for, or NULL. */
static const char *stray_key(const json_t *spec, const struct kind *k)
{
	static const char *const all[] = {"name", "unit",    "from", "step",
					  "per",  "primary", NULL};
	const char *key;
	json_t *v;

	json_object_foreach((json_t *)spec, key,
			    v) if (!has(all, key) && !has(k->need, key) &&
				   !has(k->may, key)) return key;
	return NULL;
}

static int check_kind(struct yml_node *n, const json_t *spec, const char *from,
		      struct err *e)
{
	const struct kind *k = kind_of(from);
	const char *key;

	if (!k)
		return yml_err(n, e,
			       "'from: %s' is not known; one of: elapsed, "
			       "hello, regex, json, ktap, monitor, "
			       "cyclictest-json, nvcsw, nivcsw, minflt, "
			       "utime_us, stime_us, load_runs",
			       from);
	for (size_t i = 0; k->need[i]; i++)
		if (!json_object_get(spec, k->need[i]))
			return yml_err(n, e, "'from: %s' needs '%s'", from,
				       k->need[i]);
	key = stray_key(spec, k);
	if (key)
		return yml_err(n, e, "'from: %s' takes no '%s'", from, key);
	key = bad_choice(spec, from);
	if (key)
		return yml_err(n, e, "'from: %s' knows no '%s: %s'", from, key,
			       json_string_value(json_object_get(spec, key)));
	if (!pattern_ok(spec))
		return yml_err(n, e,
			       "'pattern' has to be a POSIX extended regular "
			       "expression with a (group)");
	return 0;
}

int metric_read(struct yml_node *n, const struct params *p, struct metric *m,
		struct err *e)
{
	static const char *const keys[] = {
		"unit",  "better", "primary",  "from", "latency", "step",
		"field", "file",   "limit_us", "per",  "pattern", "stream",
		"take",  "path",   "monitor",  "row",  "column"};
	const char *unit = NULL, *better = NULL, *from = NULL;

	if (yml_expect(n, YML_MAP, e) || yml_opt_text(n, "unit", &unit, e) ||
	    yml_opt_text(n, "better", &better, e) ||
	    yml_opt_bool(n, "primary", &m->primary, e) ||
	    yml_opt_bool(n, "latency", &m->latency, e) ||
	    yml_opt_text(n, "from", &from, e))
		return -1;
	if (!unit || !from || !better ||
	    (strcmp(better, "lower") && strcmp(better, "higher")))
		return yml_err(n, e,
			       "needs 'unit', 'from' and 'better: "
			       "lower' or 'better: higher'");
	m->name = xstrdup(n->key);
	m->unit = xstrdup(unit);
	m->better = xstrdup(better);
	m->spec = json_pack("{s:s, s:s}", "name", m->name, "unit", m->unit);
	if (m->primary)
		json_object_set_new(m->spec, "primary", json_true());
	if (take_all(n, p, m->spec, e) ||
	    yml_check_unused(n, keys, COUNT(keys), e))
		return -1;
	for (size_t i = 0; i < COUNT(rusage); i++)
		if (!strcmp(from, rusage[i])) {
			json_object_set_new(m->spec, "field",
					    json_string(from));
			from = "rusage";
			break;
		}
	json_object_set_new(m->spec, "from", json_string(from));
	return check_kind(n, m->spec, from, e);
}

void metric_of_cost(struct metric *m, const char *monitor)
{
	m->name = xasprintf("%s-cost", monitor);
	m->unit = xstrdup("ns");
	m->better = xstrdup("lower");
	m->spec =
		json_pack("{s:s, s:s, s:s, s:s}", "name", m->name, "unit",
			  m->unit, "from", "monitor-cost", "monitor", monitor);
}

void metric_release(struct metric *m)
{
	free(m->name);
	free(m->unit);
	free(m->better);
	json_decref(m->spec);
}

/* ---- a spec from a file ---- */

static bool types_ok(const json_t *spec)
{
	const json_t *path = json_object_get(spec, "path"), *v, *word;
	size_t i;

	for (i = 0; i < COUNT(texts); i++) {
		v = json_object_get(spec, texts[i]);
		if (v && !json_is_string(v))
			return false;
	}
	json_array_foreach(path, i,
			   word) if (!json_is_string(word)) return false;
	v = json_object_get(spec, "primary");
	if (v && !json_is_boolean(v))
		return false;
	v = json_object_get(spec, "per");
	if (v && (!json_is_number(v) || json_number_value(v) <= 0))
		return false;
	v = json_object_get(spec, "column");
	if (v && (json_integer_value(v) < 1 || json_integer_value(v) > 1000))
		return false;
	v = json_object_get(spec, "limit_us");
	return (!path || json_array_size(path)) &&
	       (!v || (json_integer_value(v) >= 1 &&
		       json_integer_value(v) <= LIMIT_US_MAX));
}

/* Specs from before there were more kinds had all keys of that time, empty
 * where a metric has no use for them. */
static json_t *without_empty(const json_t *spec)
{
	static const char *const keys[] = {"field", "pattern", "file"};
	json_t *copy = json_copy((json_t *)spec);
	const json_t *limit = json_object_get(spec, "limit_us");

	for (size_t i = 0; i < COUNT(keys); i++) {
		const char *text =
			json_string_value(json_object_get(spec, keys[i]));

		if (text && !*text)
			json_object_del(copy, keys[i]);
	}
	if (json_is_integer(limit) && !json_integer_value(limit))
		json_object_del(copy, "limit_us");
	return copy;
}

static bool keys_ok(const json_t *spec)
{
	const char *name, *unit, *from;
	const struct kind *k;

	if (json_unpack((json_t *)spec, "{s:s, s:s, s:s}", "name", &name,
			"unit", &unit, "from", &from) ||
	    !types_ok(spec))
		return false;
	k = kind_of(from);
	for (size_t i = 0; k && k->need[i]; i++)
		if (!json_object_get(spec, k->need[i]))
			return false;
	return k && !stray_key(spec, k) && !bad_choice(spec, from) &&
	       pattern_ok(spec);
}

bool metric_spec_ok(const json_t *spec)
{
	json_t *given = without_empty(spec);
	bool ok = keys_ok(given);

	json_decref(given);
	return ok;
}

#include "study/metric.h"

#include "base/err.h"
#include "base/yml.h"

#include <regex.h>

#define COUNT(a) (sizeof(a) / sizeof(*(a)))

static int read_from(struct yml_node *n, const char *from, struct metric *m,
		     struct err *e)
{
	static const char *const rusage[] = {"nvcsw",    "nivcsw",
					     "minflt",   "utime_us",
					     "stime_us", "load_runs"};
	static const char *const fields[] = {"min", "avg", "max", "p99",
					     "p999"};
	bool known_field = false;
	regex_t re;

	for (size_t i = 0; i < COUNT(fields) && m->field; i++)
		known_field |= !strcmp(m->field, fields[i]);
	for (size_t i = 0; i < COUNT(rusage); i++) {
		if (strcmp(from, rusage[i]))
			continue;
		m->from = FROM_RUSAGE;
		free(m->field);
		m->field = xstrdup(from);
		return 0;
	}
	if (!strcmp(from, "elapsed")) {
		m->from = FROM_ELAPSED;
	} else if (!strcmp(from, "hello")) {
		m->from = FROM_HELLO;
	} else if (!strcmp(from, "regex")) {
		m->from = FROM_REGEX;
		if (!m->pattern || regcomp(&re, m->pattern, REG_EXTENDED))
			return yml_err(n, e,
				       "needs a 'pattern', a POSIX "
				       "extended regular expression");
		if (re.re_nsub < 1) {
			regfree(&re);
			return yml_err(n, e, "'pattern' needs a (group)");
		}
		regfree(&re);
	} else if (!strcmp(from, "cyclictest-json")) {
		m->from = FROM_CYCLICTEST;
		if (!m->file || !known_field || !m->limit_us)
			return yml_err(n, e,
				       "needs 'file', 'limit_us' and a "
				       "'field': min, avg, max, p99 or p999");
	} else {
		return yml_err(
			n, e,
			"'from: %s' is not known; one of: "
			"elapsed, hello, regex, cyclictest-json, "
			"nvcsw, nivcsw, minflt, utime_us, stime_us, load_runs",
			from);
	}
	return 0;
}

/* A number that may be a {parameter}. */
static int read_limit(struct yml_node *n, const struct params *p,
		      struct metric *m, struct err *e)
{
	struct strv word = STRV_INIT;
	const char *text = NULL;
	int r;

	if (yml_opt_text(n, "limit_us", &text, e))
		return -1;
	if (!text)
		return 0;
	r = params_expand(p, n, text, &word, e);
	if (!r &&
	    (!word.n || !str_to_ll(word.v[0], 1, LIMIT_US_MAX, &m->limit_us)))
		r = yml_err(n, e,
			    "'limit_us: %s' is not a number from 1 to "
			    "%d",
			    text, LIMIT_US_MAX);
	strv_release(&word);
	return r;
}

int metric_read(struct yml_node *n, const struct params *p, struct metric *m,
		struct err *e)
{
	static const char *const keys[] = {"unit",  "better",  "primary",
					   "from",  "pattern", "latency",
					   "field", "file",    "limit_us"};
	const char *unit = NULL, *better = NULL, *from = NULL, *pattern = NULL,
		   *field = NULL, *file = NULL;

	if (yml_expect(n, YML_MAP, e) || yml_opt_text(n, "unit", &unit, e) ||
	    yml_opt_text(n, "better", &better, e) ||
	    yml_opt_bool(n, "primary", &m->primary, e) ||
	    yml_opt_bool(n, "latency", &m->latency, e) ||
	    yml_opt_text(n, "from", &from, e) ||
	    yml_opt_text(n, "pattern", &pattern, e) ||
	    yml_opt_text(n, "field", &field, e) ||
	    yml_opt_text(n, "file", &file, e) || read_limit(n, p, m, e) ||
	    yml_check_unused(n, keys, COUNT(keys), e))
		return -1;
	if (!unit || !from || !better ||
	    (strcmp(better, "lower") && strcmp(better, "higher")))
		return yml_err(n, e,
			       "needs 'unit', 'from' and 'better: "
			       "lower' or 'better: higher'");
	m->name = xstrdup(n->key);
	m->unit = xstrdup(unit);
	m->better = xstrdup(better);
	m->pattern = pattern ? xstrdup(pattern) : NULL;
	m->field = field ? xstrdup(field) : NULL;
	m->file = file ? xstrdup(file) : NULL;
	return read_from(n, from, m, e);
}

void metric_release(struct metric *m)
{
	free(m->name);
	free(m->unit);
	free(m->better);
	free(m->field);
	free(m->pattern);
	free(m->file);
}

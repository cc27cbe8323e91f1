#include "bisect/gitlog.h"

#include "base/err.h"
#include "base/file.h"
#include "base/str.h"
#include "bisect/journal.h"

#include <math.h>

static const char *text(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s ? s : "";
}

static const json_t *kernel(const json_t *setup, long long k)
{
	return json_array_get(json_object_get(setup, "kernels"), (size_t)k);
}

static void add_comment(struct str *out, const char *word, const json_t *at)
{
	char *subject = xstrdup(text(at, "subject"));

	str_plain(subject);
	str_addf(out, "# %s: [%s] %s\n", word, text(at, "commit"), subject);
	free(subject);
}

/* A value is good or bad by the end that it is nearer to. */
static const char *seen(const json_t *event, const json_t *last_step)
{
	const char *what = text(event, "what");
	double good = json_number_value(json_object_get(last_step, "good"));
	double bad = json_number_value(json_object_get(last_step, "bad"));
	double value = json_number_value(json_object_get(event, "value"));

	if (!strcmp(what, "good") || !strcmp(what, "bad"))
		return what;
	return fabs(value - good) < fabs(value - bad) ? "good" : "bad";
}

static long long patch(const json_t *result, const char *key)
{
	return json_integer_value(
		json_object_get(json_object_get(result, key), "patch"));
}

/* One boot may be good or bad by chance: what the search came to counts. */
static const char *word_of(const struct journal *j, const json_t *event,
			   long long k)
{
	const json_t *result = journal_find(j, "result");
	const char *verdict = text(result, "verdict");
	const char *what = text(event, "what");

	if (!strcmp(what, "untestable"))
		return "skip";
	if (strcmp(what, "good") && strcmp(what, "bad") &&
	    strcmp(what, "value"))
		return NULL;
	if (!strcmp(verdict, "found") || !strcmp(verdict, "range")) {
		if (k < patch(result, "first"))
			return "good";
		if (k >= patch(result, "last"))
			return "bad";
	}
	return seen(event, journal_find(j, "step"));
}

static void add_events(const struct journal *j, const json_t *setup,
		       long long n, struct str *out)
{
	bool *said = xcalloc((size_t)n + 1, sizeof(*said));
	const json_t *line;
	size_t i;

	said[0] = said[n] = true; /* by "start" */
	json_array_foreach(j->lines, i, line)
	{
		long long k =
			json_integer_value(json_object_get(line, "kernel"));
		const char *word;

		if (strcmp(text(line, "t"), "event") || k < 0 || k > n ||
		    said[k])
			continue;
		word = word_of(j, line, k);
		if (!word)
			continue;
		said[k] = true;
		add_comment(out, word, kernel(setup, k));
		str_addf(out, "git bisect %s %s\n", word,
			 text(kernel(setup, k), "commit"));
	}
	free(said);
}

bool gitlog_text(const struct journal *j, struct str *out)
{
	const json_t *setup = journal_find(j, "setup");
	const json_t *result = journal_find(j, "result");
	const json_t *list = json_object_get(setup, "kernels");
	long long n = (long long)json_array_size(list) - 1;

	if (!json_is_true(json_object_get(setup, "range")) || n < 1)
		return false;
	add_comment(out, "bad", kernel(setup, n));
	add_comment(out, "good", kernel(setup, 0));
	str_addf(out, "git bisect start '%s' '%s'\n",
		 text(kernel(setup, n), "commit"),
		 text(kernel(setup, 0), "commit"));
	add_events(j, setup, n, out);
	if (!strcmp(text(result, "verdict"), "found"))
		add_comment(out, "first bad commit",
			    json_object_get(result, "first"));
	return true;
}

int gitlog_write(const struct journal *j, struct err *e)
{
	struct str out = STR_INIT;
	int r = 0;

	if (gitlog_text(j, &out)) {
		const char *slash = strrchr(j->path, '/');
		char *path = xasprintf("%.*s/git-bisect.log",
				       (int)(slash - j->path), j->path);

		r = file_write(path, out.buf, out.len, e);
		free(path);
	}
	str_release(&out);
	return r;
}

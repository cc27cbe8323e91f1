#include "lab/extract_int.h"

#include <ctype.h>
#include <regex.h>

/* ---- regex ---- */

/* Some patterns take a time that grows with the square of a line's length. */
#define LINE_CAP 8192

static bool digit_at(const char *at)
{
	return isdigit((unsigned char)*at);
}

/* What stands before it belongs to it: "-5", "1,5", "12". */
static bool goes_back(const char *text, regoff_t begin)
{
	const char *at = text + begin;

	return begin > 0 &&
	       (digit_at(at - 1) || at[-1] == '-' ||
		(begin > 1 && digit_at(at - 2) && strchr(".,eE", at[-1])));
}

/* So does what comes after it: "12", "1,5", "1e5", "1e-5", "0x5"; and nobody
 * knows that of a text that ends there without a line's end. */
static bool goes_on(const char *at)
{
	if (!*at)
		return true;
	if (strchr("eE", *at))
		return digit_at(at + 1) ||
		       (at[1] && strchr("+-", at[1]) && digit_at(at + 2));
	if (strchr("xX", *at))
		return at[-1] == '0' && isxdigit((unsigned char)at[1]);
	return digit_at(at) || (strchr(".,", *at) && digit_at(at + 1));
}

static char *take_match(const char *text, const regmatch_t *m, double *value)
{
	regoff_t begin = m->rm_so, end = m->rm_eo;

	if (extract_number(text + begin, (size_t)(end - begin), value) &&
	    !goes_back(text, begin) && !goes_on(text + end))
		return NULL;
	begin -= begin > 0 && text[begin - 1] == '-';
	end += (regoff_t)strcspn(text + end, " \t\n");
	return xasprintf("its output has '%.*s' where a number should be",
			 end - begin < 40 ? (int)(end - begin) : 40,
			 text + begin);
}

/* The first, unless `take` says otherwise. */
static void combine(const char *take, size_t n, double one, double *value)
{
	if (!n || !strcmp(take, "last") ||
	    (!strcmp(take, "max") && one > *value) ||
	    (!strcmp(take, "min") && one < *value))
		*value = one;
	else if (!strcmp(take, "sum"))
		*value += one;
}

/* Goes on behind each line in which it was found; n counts these. */
static char *match_lines(const regex_t *re, const char *take, const char *text,
			 size_t *n, double *value)
{
	bool first = !*take || !strcmp(take, "first");
	char *why = NULL;

	for (size_t len; *text && !why && !(first && *n);
	     text += len + (text[len] == '\n')) {
		regmatch_t m[2] = {{0}};
		double one;

		len = strcspn(text, "\n");
		if (len > LINE_CAP)
			return xasprintf("its output has a line of more than "
					 "%d bytes",
					 LINE_CAP);
		m[0].rm_eo = (regoff_t)len;
		if (regexec(re, text, 2, m, REG_STARTEND) || m[1].rm_so < 0)
			continue;
		why = take_match(text, &m[1], &one);
		if (!why)
			combine(take, (*n)++, one, value);
	}
	return why;
}

char *extract_regex(const json_t *metric, const char *text, double *value)
{
	const char *pattern = frame_text(metric, "pattern");
	size_t n = 0;
	regex_t re;
	char *why;

	if (regcomp(&re, pattern, REG_EXTENDED | REG_NEWLINE))
		return xasprintf("pattern '%s' is not one", pattern);
	why = match_lines(&re, frame_text(metric, "take"), text, &n, value);
	if (!why && !n)
		why = xasprintf("its output has nothing like '%s'", pattern);
	regfree(&re);
	return why;
}

/* ---- json ---- */

static const json_t *named(const json_t *list, const char *word)
{
	const char *value = strchr(word, '=');
	char *key = xstrndup(word, (size_t)(value - word));
	const json_t *found = NULL;
	size_t i;
	json_t *o;

	json_array_foreach(list, i, o)
	{
		const char *is = json_string_value(json_object_get(o, key));

		if (!found && is && !strcmp(is, value + 1))
			found = o;
	}
	free(key);
	return found;
}

static const json_t *below(const json_t *at, const char *word)
{
	long long index;

	if (json_is_object(at))
		return json_object_get(at, word);
	if (strchr(word, '='))
		return named(at, word);
	return str_to_ll(word, 0, INT32_MAX, &index)
		       ? json_array_get(at, (size_t)index)
		       : NULL;
}

/* Lines that are no JSON, as a tool's greeting, are passed over. */
static json_t *lines_of(const struct str *text)
{
	json_t *list = json_array();

	for (const char *at = text->buf, *end; *at; at = *end ? end + 1 : end) {
		json_error_t ignored;
		json_t *o;

		end = at + strcspn(at, "\n");
		o = json_loadb(at, (size_t)(end - at), 0, &ignored);
		if (o)
			json_array_append_new(list, o);
	}
	return list;
}

static char *to_number(const json_t *at, double *value)
{
	const char *text = json_string_value(at);

	if (json_is_number(at) && json_number_value(at) >= 0) {
		*value = json_number_value(at);
		return NULL;
	}
	if (text && extract_number(text, strlen(text), value))
		return NULL;
	if (text)
		return xasprintf(
			"its JSON has '%.60s' where a number should be", text);
	return xasprintf("its JSON has no number of zero or more there");
}

char *extract_json(const json_t *metric, const struct str *text, double *value)
{
	json_error_t why;
	json_t *root = json_loadb(text->buf, text->len, 0, &why), *word;
	const json_t *at;
	char *ret = NULL;
	size_t i;

	if (!root)
		root = lines_of(text);
	if (json_is_array(root) && !json_array_size(root))
		ret = xasprintf("its output is no JSON: %s", why.text);
	at = root;
	json_array_foreach(json_object_get(metric, "path"), i, word)
	{
		at = ret ? NULL : below(at, json_string_value(word));
		if (!ret && !at)
			ret = xasprintf("its JSON has no '%s'",
					json_string_value(word));
	}
	if (!ret)
		ret = to_number(at, value);
	json_decref(root);
	return ret;
}

/* ---- KTAP ---- */

/* A result: "ok 1 name # SKIP why", with any indentation. */
struct result {
	size_t indent;
	const char *field; /* "pass", "fail", "skip"; NULL: none */
};

static struct result result_of(const char *line, size_t len)
{
	char *rest = xstrndup(line, len), *at = rest + strspn(rest, " ");
	struct result r = {.indent = (size_t)(at - rest)};
	bool failed = str_starts(at, "not ");

	at += failed ? strlen("not ") : 0;
	if (str_starts(at, "ok ") && digit_at(at + strlen("ok ")))
		r.field = failed                     ? "fail"
			  : strcasestr(at, "# SKIP") ? "skip"
						     : "pass";
	free(rest);
	return r;
}

/* The kernel's log puts "[    1.234567] " and a level before each line. */
static const char *after_stamp(const char *line)
{
	const char *end = line;

	if (*line == '<')
		line += strcspn(line, ">\n") + (strchr(line, '>') != NULL);
	if (*line != '[')
		return line;
	end = line + strcspn(line, "]\n");
	return end[0] == ']' && end[1] == ' ' ? end + 2 : line;
}

/* The results of one depth: how many a line "1..3" announced, and came. */
struct level {
	size_t indent, want, got;
};

#define LEVELS 16

struct levels {
	struct level at[LEVELS];
	size_t n;
};

/* Leaves those that are deeper; false if there is less in one than announced.
 */
static bool close_levels(struct levels *l, size_t indent, struct level *bad)
{
	for (; l->n && l->at[l->n - 1].indent >= indent; l->n--) {
		*bad = l->at[l->n - 1];
		if (bad->got < bad->want)
			return false;
	}
	return true;
}

/* "1..3" begins a list. */
static bool take_plan(struct levels *l, const char *line, struct level *bad)
{
	size_t indent = strspn(line, " ");
	struct level new = {.indent = indent};

	if (sscanf(line + indent, "1..%9zu", &new.want) != 1)
		return true;
	if (!close_levels(l, indent, bad))
		return false;
	if (l->n < LEVELS)
		l->at[l->n++] = new;
	return true;
}

static bool take_result(struct levels *l, size_t indent, struct level *bad)
{
	if (!close_levels(l, indent + 1, bad))
		return false;
	if (l->n && l->at[l->n - 1].indent == indent)
		l->at[l->n - 1].got++;
	return true;
}

/* A result that follows deeper ones is their sum and does not count itself. */
struct ktap {
	struct levels levels;
	size_t count, all, deepest;
};

static bool take_line(struct ktap *k, const char *line, size_t len,
		      const char *field, struct level *bad)
{
	const char *at = after_stamp(line);
	struct result r = result_of(at, len - (size_t)(at - line));
	bool sum = r.indent < k->deepest;

	if (!r.field)
		return take_plan(&k->levels, at, bad);
	k->deepest = r.indent;
	k->all += !sum;
	k->count += !sum && !strcmp(r.field, field);
	return take_result(&k->levels, r.indent, bad);
}

char *extract_ktap(const json_t *metric, const char *text, double *value)
{
	struct ktap k = {.all = 0};
	struct level bad;
	bool whole = true;

	if (!strstr(text, "TAP version"))
		return xasprintf("its output has no line 'KTAP version'");
	for (size_t len; *text && whole; text += len + (text[len] == '\n')) {
		len = strcspn(text, "\n");
		whole = take_line(&k, text, len, frame_text(metric, "field"),
				  &bad);
	}
	if (!whole || !close_levels(&k.levels, 0, &bad))
		return xasprintf("its KTAP has %zu of the %zu results that it "
				 "announces",
				 bad.got, bad.want);
	if (!k.all)
		return xasprintf("its KTAP has no results");
	*value = (double)k.count;
	return NULL;
}

#include "lab/extract_int.h"

static const json_t *monitor_of(const json_t *spec, const char *name)
{
	size_t i;
	json_t *m;

	json_array_foreach(
		json_object_get(spec, "monitors"), i,
		m) if (!strcmp(frame_text(m, "name"), name)) return m;
	return NULL;
}

/* ---- a cell of a table ---- */

/* "  &n->list_lock:   0  12 ...": where the words after the row's name begin,
 * or NULL. */
static const char *after_name(const char *line, const char *row)
{
	size_t n = strlen(row);

	line += strspn(line, " \t");
	if (strncmp(line, row, n))
		return NULL;
	line += n;
	line += *line == ':';
	return *line == ' ' || *line == '\t' ? line : NULL;
}

/* "total=123" is 123.  Of a last line without an end nobody knows where it
 * would have ended. */
static bool word_at(const char *line, size_t column, double *value)
{
	size_t len;

	for (;; column--) {
		line += strspn(line, " \t");
		len = strcspn(line, " \t\n");
		if (!len || column == 1)
			break;
		line += len;
	}
	if (!line[len])
		return false;
	for (size_t i = 0; i < len; i++)
		if (line[i] == '=') {
			line += i + 1;
			len -= i + 1;
			break;
		}
	return len && extract_number(line, len, value);
}

/* 1: there; 0: no such row; -1: no such number in it. */
static int cell_of(const char *text, const char *row, size_t column,
		   double *value)
{
	for (const char *line = text; *line;) {
		const char *at = after_name(line, row);

		if (at)
			return word_at(at, column, value) ? 1 : -1;
		line += strcspn(line, "\n");
		line += *line == '\n';
	}
	return 0;
}

/* ---- before and after ---- */

static char *one_cell(const json_t *metric, const struct str *text,
		      const char *path, bool may_lack, double *value)
{
	const char *row = frame_text(metric, "row");
	size_t column = (size_t)frame_num(metric, "column");
	int there;

	*value = 0;
	if (!text->len)
		return xasprintf("'%s' is empty", path);
	there = cell_of(text->buf, row, column, value);
	if (there == 1 || (!there && may_lack))
		return NULL;
	return xasprintf("'%s' has no number in column %zu of '%s'", path,
			 column, row);
}

/* What was not there before has counted from nothing. */
static char *from_table(const json_t *metric, const json_t *monitor,
			const struct frames *f, const char *step, double *value)
{
	const char *take = frame_text(metric, "take");
	const char *path = json_string_value(
		json_array_get(json_object_get(monitor, "read"), 0));
	bool early = !strcmp(take, "before"), delta = !early && *take != 'a';
	struct str before = STR_INIT, after = STR_INIT;
	double first = 0;
	char *why = NULL;

	frames_output(f, step, "before", path, &before);
	frames_output(f, step, "after", path, &after);
	why = one_cell(metric, early ? &before : &after, path, false, value);
	if (!why && delta)
		why = one_cell(metric, &before, path, true, &first);
	if (!why && *value < first)
		why = xasprintf("'%s' of '%s' went down from %.17g to %.17g",
				frame_text(metric, "row"), path, first, *value);
	if (!why)
		*value -= first;
	str_release(&before);
	str_release(&after);
	return why;
}

/* What reading its files took, before and after. */
static char *cost_of(const json_t *monitor, const struct frames *f,
		     const char *step, double *value)
{
	const json_t *paths = json_object_get(monitor, "read");
	size_t i, k, seen = 0;
	json_t *frame, *path;

	*value = 0;
	json_array_foreach(f->list, i, frame)
	{
		if (!frame_is(frame, "read") ||
		    strcmp(frame_text(frame, "step"), step))
			continue;
		json_array_foreach(paths, k, path)
		{
			if (strcmp(frame_text(frame, "path"),
				   json_string_value(path)))
				continue;
			seen += frame_num(frame, "cost_ns") > 0;
			*value += (double)frame_num(frame, "cost_ns");
		}
	}
	return seen == 2 * json_array_size(paths)
		       ? NULL
		       : xasprintf("the agent did not read all of it");
}

char *extract_monitor(const json_t *metric, const json_t *spec,
		      const struct frames *f, const char *step, double *value)
{
	const char *name = frame_text(metric, "monitor");
	const json_t *monitor = monitor_of(spec, name);

	if (!monitor)
		return xasprintf("monitor '%s' is not on", name);
	if (!strcmp(frame_text(metric, "from"), "monitor-cost"))
		return cost_of(monitor, f, step, value);
	return from_table(metric, monitor, f, step, value);
}

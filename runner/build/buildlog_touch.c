#include "build/buildlog.h"

static const char *touched_path(const char *file, const struct strv *touched)
{
	size_t n = strlen(file);

	if (strv_has(touched, file))
		return file;
	for (size_t i = 0; n && !strchr(file, '/') && i < touched->n; i++) {
		const char *path = touched->v[i];

		if (str_ends(path, file) && strlen(path) > n &&
		    path[strlen(path) - n - 1] == '/')
			return path;
	}
	return NULL;
}

void buildlog_touch(struct build_error *errors, size_t n,
		    const struct strv *touched)
{
	for (size_t i = 0; i < n; i++) {
		struct build_error *b = &errors[i];
		const char *path = NULL;
		char *copy;

		if (b->file && touched)
			path = touched_path(b->file, touched);
		b->touched = path;
		if (!path)
			continue;
		copy = xstrdup(path);
		free(b->file);
		b->file = copy;
	}
}

char *buildlog_reason(const struct build_error *errors, size_t n,
		      const struct strv *touched, const char *otherwise)
{
	const struct build_error *b = errors;
	struct str s = STR_INIT;

	if (!n)
		return xstrdup(otherwise);
	for (size_t i = 0; i < n; i++) {
		if (errors[i].touched) {
			b = &errors[i];
			break;
		}
	}
	if (b->file)
		str_adds(&s, b->file);
	if (b->file && b->line)
		str_addf(&s, ":%d", b->line);
	if (b->file)
		str_adds(&s, ": ");
	str_adds(&s, b->text);
	if (b->file && touched && touched->n)
		str_addf(&s, " (in a file that the patch %s)",
			 b->touched ? "touches" : "does not touch");
	return str_detach(&s);
}

#include "series/path.h"

#include "base/str.h"

#include <strings.h>

#define PATH_CAP 4000
#define NAME_CAP 255

static int octal(const char *p, size_t len)
{
	int v = 0;

	if (len < 3 || *p > '3')
		return -1;
	for (int i = 0; i < 3; i++) {
		if (p[i] < '0' || p[i] > '7')
			return -1;
		v = v * 8 + p[i] - '0';
	}
	return v;
}

/* The byte that the escape after a backslash means, or -1. */
static int escaped(const char *p, size_t len, size_t *used)
{
	static const char from[] = "abtnvfr\"\\", to[] = "\a\b\t\n\v\f\r\"\\";
	const char *at;

	*used = 1;
	if (!len || !*p)
		return -1;
	at = strchr(from, *p);
	if (at)
		return (unsigned char)to[at - from];
	*used = 3;
	return octal(p, len);
}

char *path_unquote(const char *text, size_t len, size_t *used)
{
	struct str s = STR_INIT;
	size_t i = 1, n;

	if (!len || *text != '"')
		return NULL;
	while (i < len && text[i] != '"') {
		char c = text[i++];

		if (c == '\\') {
			int v = escaped(text + i, len - i, &n);

			/* A NUL would end the name here and not for git. */
			if (v <= 0)
				break;
			c = (char)v;
			i += n;
		}
		str_add(&s, &c, 1);
	}
	if (i >= len || text[i] != '"') {
		str_release(&s);
		return NULL;
	}
	*used = i + 1;
	return str_detach(&s);
}

const char *path_strip(const char *path, int n)
{
	for (; n > 0; n--) {
		path = strchr(path, '/');
		if (!path)
			return NULL;
		path++;
	}
	return *path ? path : NULL;
}

/* What file systems that fold names would take for .git, too. */
static bool is_git(const char *name, size_t len)
{
	while (len && strchr(". ", name[len - 1]))
		len--;
	return (len == 4 && !strncasecmp(name, ".git", 4)) ||
	       (len == 5 && !strncasecmp(name, "git~1", 5));
}

static const char *name_problem(const char *name, size_t len)
{
	if (!len)
		return "has an empty component";
	if (len == 1 && *name == '.')
		return "has a component '.'";
	if (len == 2 && !memcmp(name, "..", 2))
		return "climbs out of the tree";
	if (is_git(name, len))
		return "is in .git";
	if (len > NAME_CAP)
		return "is too long";
	return NULL;
}

static bool has_controls(const char *s)
{
	for (; *s; s++)
		if ((unsigned char)*s < 32 || *s == 127)
			return true;
	return false;
}

const char *path_problem(const char *path)
{
	const char *problem = NULL;

	if (!*path)
		return "is empty";
	if (*path == '/')
		return "is absolute";
	if (strlen(path) > PATH_CAP)
		return "is too long";
	if (has_controls(path))
		return "has a control character";
	if (!str_is_utf8(path))
		return "is not UTF-8";
	while (!problem) {
		size_t n = strcspn(path, "/");

		problem = name_problem(path, n);
		if (!path[n])
			break;
		path += n + 1;
	}
	return problem;
}

const char *path_link_problem(const char *path, const char *target)
{
	long depth = 0;

	if (!*target || *target == '/')
		return "points to an absolute path";
	if (has_controls(target) || strlen(target) > PATH_CAP)
		return "points nowhere";
	for (; *path; path++)
		depth += *path == '/';
	while (*target) {
		size_t n = strcspn(target, "/");

		if (n == 2 && !memcmp(target, "..", 2))
			depth--;
		else if (n && !(n == 1 && *target == '.'))
			depth++;
		if (depth < 0)
			return "points out of the tree";
		if (is_git(target, n) && n)
			return "points into .git";
		target += n + !!target[n];
	}
	return NULL;
}

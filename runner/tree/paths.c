#include "tree/paths.h"

#include <limits.h>
#include <strings.h>

static bool is_component(const char *s, size_t n, const char *what)
{
	return n == strlen(what) && !strncasecmp(s, what, n);
}

/* git~1 is what .git is called on other systems; git refuses both. */
bool tree_path_ok(const char *path)
{
	if (!*path || strlen(path) >= TREE_PATH_MAX)
		return false;
	for (const char *s = path;; s++) {
		size_t n = strcspn(s, "/");

		if (!n || is_component(s, n, ".") || is_component(s, n, "..") ||
		    is_component(s, n, ".git") || is_component(s, n, "git~1"))
			return false;
		s += n;
		if (!*s)
			return true;
	}
}

int tree_link_depth(const char *path, const char *target)
{
	int depth = 0, lowest;

	if (*target == '/')
		return INT_MIN;
	for (; *path; path++)
		depth += *path == '/';
	lowest = depth;
	while (*target) {
		size_t n = strcspn(target, "/");

		if (is_component(target, n, ".."))
			depth--;
		else if (n && !is_component(target, n, "."))
			depth++;
		if (depth < lowest)
			lowest = depth;
		target += n + (target[n] == '/');
	}
	return lowest;
}

#include "tree/here.h"

#include "base/err.h"
#include "tree/git.h"

#include <errno.h>
#include <string.h>

/* Without a folder of the call's own, git looks above the current one. */
static int find_top(char **top, struct err *e)
{
	static const char *const argv[] = {"rev-parse", "--show-toplevel",
					   NULL};
	const struct git_call c = {.argv = argv};
	struct job_result res;
	int r = git_try(&c, &res, e);

	if (r)
		return r;
	if (res.exit || res.signal || res.out.len < 2) {
		char *reason = git_reason(&res);

		r = err_user(e,
			     "the current folder has no commit to judge: git: "
			     "%s: go to a repository of Linux",
			     reason);
		free(reason);
	} else {
		*top = xstrndup(res.out.buf, res.out.len - 1);
	}
	job_result_release(&res);
	return r;
}

/* The listing needs no blob, which a partial clone may lack. */
static int check_kernel(const char *top, struct err *e)
{
	static const char *const argv[] = {"ls-tree", "--name-only", "HEAD",
					   "Kconfig", NULL};
	const struct git_call c = {.argv = argv, .cwd = top};
	struct job_result res;
	int r = git_try(&c, &res, e);

	if (r)
		return r;
	if (res.exit || res.signal) {
		char *reason = git_reason(&res);

		r = err_user(e, "no commit is checked out in '%s': git: %s",
			     top, reason);
		free(reason);
	} else if (!res.out.len) {
		r = err_user(e,
			     "the commit that is checked out in '%s' has no "
			     "Kconfig, so it is none of a kernel: go to a "
			     "repository of Linux",
			     top);
	}
	job_result_release(&res);
	return r;
}

int here_top(char **top, struct err *e)
{
	int r;

	*top = NULL;
	r = find_top(top, e);
	if (!r)
		r = check_kernel(*top, e);
	if (r) {
		free(*top);
		*top = NULL;
	}
	return r;
}

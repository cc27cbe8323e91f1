#include "tree/range.h"

#include "base/err.h"
#include "tree/git.h"

#include <errno.h>

static int cannot_list(const struct job_result *r, const char *repository,
		       struct err *e)
{
	char *reason = git_reason(r);

	err_user(e, "git cannot list the commits in '%s': %s", repository,
		 reason);
	free(reason);
	return -EINVAL;
}

static int split(const struct job_result *r, const char *range, size_t max,
		 struct strv *titles, struct err *e)
{
	for (const char *at = r->out.buf; at && *at;) {
		size_t len = strcspn(at, "\n");
		char *line = xstrndup(at, len);

		strv_add(titles, line);
		free(line);
		at += len + (at[len] == '\n');
	}
	if (!titles->n)
		return err_user(e, "there is no commit in '%s'", range);
	if (titles->n > max || r->out_cut)
		return err_user(e, "'%s' has more than %zu commits", range,
				max);
	return 0;
}

int range_titles(const char *repository, const char *from, const char *to,
		 size_t max, struct strv *titles, struct err *e)
{
	char *range = xasprintf("%s..%s", from, to);
	const char *argv[] = {"log",
			      "--reverse",
			      "--first-parent",
			      "--no-color",
			      "--no-decorate",
			      "--format=%h %s",
			      range,
			      "--",
			      NULL};
	const struct git_call c = {.argv = argv, .cwd = repository};
	struct job_result r;
	int ret = git_try(&c, &r, e);

	if (!ret) {
		if (r.exit || r.signal)
			ret = cannot_list(&r, repository, e);
		else
			ret = split(&r, range, max, titles, e);
		job_result_release(&r);
	}
	free(range);
	return ret;
}

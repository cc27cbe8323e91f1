#include "tree/range.h"

#include "base/err.h"
#include "base/job.h"

#include <errno.h>

#define DEADLINE_MS 120000
#define OUT_CAP (16u << 20)

/* What git said, as one line. */
static int git_failed(const struct job_result *r, const char *repository,
		      struct err *e)
{
	char *text = xstrdup(r->err.len ? r->err.buf : "it says nothing");

	text[strcspn(text, "\n")] = '\0';
	err_user(e, "git cannot list the commits in '%s': %s", repository,
		 text);
	free(text);
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
	/* The user's configuration must not have influence on what is shown. */
	static const char *const env[] = {"GIT_CONFIG_NOSYSTEM=1",
					  "GIT_CONFIG_GLOBAL=/dev/null",
					  "GIT_OPTIONAL_LOCKS=0",
					  "GIT_CONFIG_COUNT=2",
					  "GIT_CONFIG_KEY_0=safe.directory",
					  "GIT_CONFIG_VALUE_0=*",
					  "GIT_CONFIG_KEY_1=log.showSignature",
					  "GIT_CONFIG_VALUE_1=false",
					  NULL};
	char *range = xasprintf("%s..%s", from, to);
	const char *argv[] = {"git",
			      "-C",
			      repository,
			      "log",
			      "--reverse",
			      "--first-parent",
			      "--no-color",
			      "--no-decorate",
			      "--format=%h %s",
			      range,
			      "--",
			      NULL};
	struct job_spec spec = {.argv = argv,
				.env_add = env,
				.deadline_ms = DEADLINE_MS,
				.out_cap = OUT_CAP};
	struct job_result r;
	int ret = job_run(&spec, &r, e);

	if (!ret) {
		if (r.exit || r.signal)
			ret = git_failed(&r, repository, e);
		else
			ret = split(&r, range, max, titles, e);
		job_result_release(&r);
	}
	free(range);
	return ret;
}

/*
 * Commits A..B of a git repository, as git format-patch tells them.
 *
 * What the repository configures must not show: each option of format-patch
 * that a configuration can change is given.
 */
#include "series/files.h"

#include "base/err.h"
#include "base/job.h"
#include "series/series.h"

#include <errno.h>

#define DEADLINE_MS 300000

static const char *const env[] = {"GIT_CONFIG_NOSYSTEM=1",
				  "GIT_CONFIG_GLOBAL=/dev/null",
				  "GIT_OPTIONAL_LOCKS=0",
				  "GIT_NO_REPLACE_OBJECTS=1",
				  "LC_ALL=C",
				  NULL};

static int run(const char *const *argv, struct str *out, const char *range,
	       struct err *e)
{
	struct job_spec spec = {.argv = argv,
				.env_add = env,
				.deadline_ms = DEADLINE_MS,
				.out_cap = TEXT_CAP};
	struct job_result res;
	char why[64];
	int r = job_run(&spec, &res, e);

	if (r)
		return r;
	if (res.out_cut) {
		r = err_user(e, "range '%s' has more than %u MiB of patches",
			     range, TEXT_CAP >> 20);
	} else if (res.exit || res.signal) {
		char *said = text_one_line(res.err.buf ? res.err.buf : "",
					   res.err.len, NULL);

		r = err_user(e, "git cannot read range '%s' of '%s': %s", range,
			     argv[2],
			     *said ? said
				   : job_describe(&res, why, sizeof(why)));
		free(said);
	} else {
		str_add(out, res.out.buf, res.out.len);
	}
	job_result_release(&res);
	return r;
}

static int count_merges(const char *repo, const char *range, struct series *s,
			struct err *e)
{
	const char *const argv[] = {"git",      "-C",      repo,
				    "rev-list", "--count", "--merges",
				    range,      "--",      NULL};
	struct str out = STR_INIT;
	int r = run(argv, &out, range, e);

	if (!r && out.len && strcmp(out.buf, "0\n"))
		strv_addf(&s->notes,
			  "the range has %.*s merges, which are no patches: "
			  "left out",
			  (int)strcspn(out.buf, "\n"), out.buf);
	str_release(&out);
	return r;
}

static int check_range(const char *range, struct err *e)
{
	const char *dots = strstr(range, "..");

	if (*range == '-' || !dots || dots == range || !dots[2] ||
	    strstr(dots + 1, ".."))
		return err_user(e,
				"'%s' is not a range of commits; like "
				"v6.12..my-branch",
				range);
	return 0;
}

int range_read(const char *repo, const char *range, struct str *out,
	       struct series *s, struct err *e)
{
	const char *const argv[] = {"git",
				    "-C",
				    repo,
				    "--no-pager",
				    "-c",
				    "diff.suppressBlankEmpty=false",
				    "-c",
				    "diff.orderFile=/dev/null",
				    "-c",
				    "log.showSignature=false",
				    "-c",
				    "core.quotePath=true",
				    "format-patch",
				    "--stdout",
				    "--pretty=mboxrd",
				    "--numbered",
				    "--subject-prefix=PATCH",
				    "--no-attach",
				    "--no-thread",
				    "--no-cover-letter",
				    "--no-signature",
				    "--no-base",
				    "--no-notes",
				    "--no-from",
				    "--no-color",
				    "--no-stat",
				    "--no-ext-diff",
				    "--no-textconv",
				    "--no-relative",
				    "--find-renames",
				    "--submodule=short",
				    "--unified=3",
				    "--inter-hunk-context=0",
				    "--src-prefix=a/",
				    "--dst-prefix=b/",
				    "--full-index",
				    "--binary",
				    range,
				    "--",
				    NULL};
	int r = check_range(range, e);

	r = r ? r : count_merges(repo, range, s, e);
	r = r ? r : run(argv, out, range, e);
	if (!r && !out->len)
		r = err_user(e, "range '%s' of '%s' has no commit", range,
			     repo);
	return r;
}

#include "tree/origin.h"

#include "base/err.h"
#include "base/file.h"

#include <errno.h>

#define FETCH_MS (2 * 60 * 60 * 1000)
#define REV_MAX 200

static int check_revision(const char *rev, struct err *e)
{
	if (!*rev || *rev == '-' || strlen(rev) > REV_MAX ||
	    rev[strcspn(rev, "\n\r")])
		return err_user(e, "'%s' is not a revision", rev);
	return 0;
}

static const char *base_of(const struct tree_request *rq)
{
	return rq->base ? rq->base : "HEAD";
}

static int check(const struct tree_request *rq, struct err *e)
{
	int r = check_revision(base_of(rq), e);

	return r || !rq->to ? r : check_revision(rq->to, e);
}

/* 16 hex digits of a text. */
static void short_hash(const char *text, char id[17])
{
	char hex[SHA256_HEX];

	mem_sha256(text, strlen(text), hex);
	snprintf(id, 17, "%.16s", hex);
}

/* What rev-parse printed, line by line; false if it is too little. */
static bool take_lines(char *text, char **lines, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		lines[i] = strsep(&text, "\n");
		if (!lines[i] || !text)
			return false;
	}
	return true;
}

/* The commits that two revisions mean in the repository at cwd or dir. */
static int resolve(const char *cwd, const char *dir,
		   const struct tree_request *rq, char **objects,
		   char base[GIT_ID], char to[GIT_ID], struct err *e)
{
	char *first = xasprintf("%s^{commit}", base_of(rq));
	char *second = rq->to ? xasprintf("%s^{commit}", rq->to) : NULL;
	const char *argv[] = {"rev-parse",
			      "--path-format=absolute",
			      "--show-object-format",
			      "--git-path",
			      "objects",
			      first,
			      second ? second : "--",
			      second ? "--" : NULL,
			      NULL};
	const struct git_call c = {.argv = argv, .cwd = cwd, .dir = dir};
	size_t n = second ? 4 : 3;
	struct job_result res;
	char *lines[4], *reason;
	int r = git_try(&c, &res, e);

	free(first);
	free(second);
	if (r)
		return r;
	if (res.exit || res.signal) {
		reason = git_reason(&res);
		r = err_user(e, "%s", reason);
		free(reason);
	} else if (!take_lines(res.out.buf, lines, n) || !git_is_id(lines[2])) {
		r = err_lab(e, "git rev-parse printed what klab cannot read");
	} else if (strcmp(lines[0], "sha1")) {
		r = err_user(e, "its object ids are %s; klab reads sha1 alone",
			     lines[0]);
	} else {
		*objects = xstrdup(lines[1]);
		snprintf(base, GIT_ID, "%s", lines[2]);
		snprintf(to, GIT_ID, "%s", n == 4 ? lines[3] : "");
	}
	job_result_release(&res);
	return r;
}

/* Stage 1 must be the base with one commit on top. */
static int check_first(const char *line, const struct origin *o,
		       const struct tree_request *rq, struct err *e)
{
	const char *parent = strchr(line, ' ');

	if (parent && !strncmp(parent + 1, o->base, strlen(o->base)))
		return 0;
	return err_user(e,
			"'%s' does not lead back to '%s' by first parents, so "
			"its commits are no stages of it",
			rq->to, base_of(rq));
}

static int read_range(const char *cwd, const char *dir, const char *to,
		      const struct tree_request *rq, struct origin *o,
		      struct err *e)
{
	char *range = xasprintf("%s..%s", o->base, to);
	const char *argv[] = {"rev-list",
			      "--reverse",
			      "--first-parent",
			      "--parents",
			      "--max-count=10001",
			      range,
			      "--",
			      NULL};
	const struct git_call c = {.argv = argv, .cwd = cwd, .dir = dir};
	struct str out = STR_INIT;
	char *rest, *line;
	int r = git_run(&c, &out, e);

	for (rest = out.buf; !r && (line = strsep(&rest, "\n")) && *line;) {
		if (!o->commits.n)
			r = check_first(line, o, rq, e);
		line[strcspn(line, " ")] = '\0';
		strv_add(&o->commits, line);
		if (o->commits.n > ORIGIN_MAX_COMMITS)
			r = err_user(e, "'%s..%s' has more than %d commits",
				     base_of(rq), rq->to, ORIGIN_MAX_COMMITS);
	}
	if (!r && !o->commits.n)
		r = err_user(e, "there is no commit in '%s..%s'", base_of(rq),
			     rq->to);
	str_release(&out);
	free(range);
	return r;
}

static int from_path(const char *lab, const struct tree_request *rq,
		     struct origin *o, struct err *e)
{
	char *path = realpath(rq->where, NULL), *objects = NULL;
	char to[GIT_ID], id[17];
	int r;

	if (!path)
		return err_user(e, "there is no such folder (%s)",
				strerror(errno));
	r = resolve(path, NULL, rq, &objects, o->base, to, e);
	if (!r) {
		short_hash(objects, id);
		r = repo_open(lab, id, &o->repo, e);
	}
	if (!r)
		r = repo_borrow(&o->repo, objects, e);
	if (!r && rq->to)
		r = read_range(path, NULL, to, rq, o, e);
	free(objects);
	free(path);
	return r;
}

/* A server tells refs and, mostly, full ids, not what git computes of them. */
static int check_remote(const char *rev, struct err *e)
{
	if (!rev || !rev[strcspn(rev, "~^:@{*?[\\ +")])
		return 0;
	return err_user(e,
			"from a URL only a branch, a tag or a full commit id "
			"can be fetched, and not '%s'",
			rev);
}

static int check_url(const struct tree_request *rq, struct err *e)
{
	int r = check_remote(rq->base, e);

	if (!r)
		r = check_remote(rq->to, e);
	if (!r && (*rq->where == '-' || strstr(rq->where, "::") ||
		   rq->where[strcspn(rq->where, "\n")]))
		r = err_user(e, "klab does not fetch from such a URL");
	return r;
}

static int fetch_failed(const struct git_call *c, struct job_result *res,
			struct err *e)
{
	static const char *const users[] = {"couldn't find remote ref",
					    "not our ref",
					    "does not appear to be a git"};
	char *reason = git_reason(res);
	int r = git_failed(c, res, e);

	for (size_t i = 0; i < sizeof(users) / sizeof(*users); i++)
		if (strstr(reason, users[i]))
			r = err_user(e, "%s", reason);
	free(reason);
	job_result_release(res);
	return r;
}

static int fetch(const struct repo *repo, const struct tree_request *rq,
		 const char *base, const char *to, struct err *e)
{
	char *first = xasprintf("+%s:%s", base_of(rq), base);
	char *second = rq->to ? xasprintf("+%s:%s", rq->to, to) : NULL;
	const char *argv[] = {"fetch",
			      "--quiet",
			      "--no-tags",
			      "--no-write-fetch-head",
			      "--no-recurse-submodules",
			      rq->to ? "--no-auto-maintenance" : "--depth=1",
			      rq->where,
			      first,
			      second,
			      NULL};
	const struct git_call c = {
		.argv = argv,
		.dir = repo->dir,
		.network = true,
		.deadline_ms = FETCH_MS,
	};
	struct job_result res;
	int r;

	origin_note(rq, "fetching", rq->where);
	r = git_try(&c, &res, e);
	if (!r && (res.exit || res.signal))
		r = fetch_failed(&c, &res, e);
	if (!r)
		job_result_release(&res);
	free(first);
	free(second);
	return r;
}

/* As from_path(), in a repository of the lab's: base and range have one each,
 * since the one is shallow. */
static int from_url(const char *lab, const struct tree_request *rq,
		    struct origin *o, struct err *e)
{
	struct tree_request local = *rq;
	char to[GIT_ID], id[17], *text, *objects = NULL, *first, *second;
	int r = check_url(rq, e);

	if (r)
		return r;
	text = xasprintf("%s %s", rq->to ? "range" : "base", rq->where);
	short_hash(text, id);
	free(text);
	r = repo_open(lab, id, &o->repo, e);
	if (r)
		return r;
	text = xasprintf("%s..%s", base_of(rq), rq->to ? rq->to : "");
	short_hash(text, id);
	free(text);
	local.base = first = xasprintf("refs/klab/at/%s/base", id);
	second = xasprintf("refs/klab/at/%s/to", id);
	local.to = rq->to ? second : NULL;
	r = rq->refresh ? -ENOENT : repo_ref(&o->repo, first, o->base, e);
	if (r == -ENOENT)
		r = fetch(&o->repo, rq, first, second, e);
	if (!r)
		r = resolve(NULL, o->repo.dir, &local, &objects, o->base, to,
			    e);
	if (!r && rq->to)
		r = read_range(NULL, o->repo.dir, to, rq, o, e);
	free(objects);
	free(first);
	free(second);
	return r;
}

int origin_git(const char *lab, const struct tree_request *rq, struct origin *o,
	       struct err *e)
{
	int r = check(rq, e);

	if (!r)
		r = origin_is_url(rq->where) ? from_url(lab, rq, o, e)
					     : from_path(lab, rq, o, e);
	if (r)
		err_prefix(e, "git '%s'", rq->where);
	else
		o->title = xasprintf("%s of %s (%.12s)", base_of(rq), rq->where,
				     o->base);
	return r;
}

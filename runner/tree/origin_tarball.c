#include "tree/origin.h"

#include "base/err.h"
#include "base/file.h"
#include "tree/tarball.h"
#include "tree/unpack.h"

#include <errno.h>
#include <sys/stat.h>
#include <time.h>

#define FETCH_MS (2 * 60 * 60 * 1000)
#define TARBALL_CAP (4ull << 30)
#define REFS "refs/klab/tarballs/"
/* A file that was changed this lately may change again without a new time. */
#define SETTLED_S 2

static bool is_sha256(const char *s)
{
	return strlen(s) == 64 && s[strspn(s, "0123456789abcdef")] == '\0';
}

/* What tells that a file is as it was. */
static char *state_of(const struct stat *st, const char *hex)
{
	return xasprintf("%llu %llu %lld %lld.%09ld %lld.%09ld %s",
			 (unsigned long long)st->st_dev,
			 (unsigned long long)st->st_ino, (long long)st->st_size,
			 (long long)st->st_mtim.tv_sec, st->st_mtim.tv_nsec,
			 (long long)st->st_ctim.tv_sec, st->st_ctim.tv_nsec,
			 hex);
}

/* From the note on that file, if it is as it was then. */
static bool remembered(const struct repo *r, const char *key,
		       const struct stat *st, char hex[SHA256_HEX])
{
	char *note = repo_note(r, "sums", key), *state;
	const char *last = note ? strrchr(note, ' ') : NULL;
	bool same = false;

	if (last && is_sha256(last + 1)) {
		snprintf(hex, SHA256_HEX, "%s", last + 1);
		state = state_of(st, hex);
		same = !strcmp(state, note);
		free(state);
	}
	free(note);
	return same;
}

static int sum(const struct repo *r, const char *path, char hex[SHA256_HEX],
	       struct err *e)
{
	char key[SHA256_HEX], *state;
	struct stat before, after;
	int ret;

	mem_sha256(path, strlen(path), key);
	if (stat(path, &before))
		return err_sys(e, errno, "cannot open '%s'", path);
	if (remembered(r, key, &before, hex))
		return 0;
	ret = file_sha256(path, hex, e);
	if (ret || stat(path, &after) ||
	    time(NULL) - after.st_ctim.tv_sec < SETTLED_S)
		return ret;
	state = state_of(&after, hex);
	ret = repo_note_write(r, "sums", key, state, e);
	free(state);
	return ret;
}

static int wrong_sum(const char *hex, const char *wanted, struct err *e)
{
	return err_user(e, "its sha256 is %s, and not %s as the study says",
			hex, wanted);
}

int tarball_import(const struct repo *r, const struct tree_request *rq,
		   const char *path, char sha256[SHA256_HEX],
		   char commit[GIT_ID], struct err *e)
{
	char *ref, *message;
	int ret = sum(r, path, sha256, e);

	if (ret)
		return ret;
	if (rq->sha256 && strcmp(rq->sha256, sha256))
		return wrong_sum(sha256, rq->sha256, e);
	ref = xasprintf(REFS "%s", sha256);
	message = xasprintf("tarball %s", sha256);
	ret = repo_ref(r, ref, commit, e);
	if (ret == -ENOENT) {
		origin_note(rq, "unpacking", path);
		ret = unpack_tar(r, path, message, ref, commit, e);
	}
	free(message);
	free(ref);
	return ret;
}

int tarball_find(const struct repo *r, const char *sha256, char commit[GIT_ID],
		 struct err *e)
{
	char *ref = xasprintf(REFS "%s", sha256);
	int ret = repo_ref(r, ref, commit, e);

	free(ref);
	return ret;
}

static int curl_failed(const struct job_result *res, struct err *e)
{
	char how[80];
	const char *text = res->err.buf;

	if (res->exit == 127)
		return err_lab(e, "there is no curl to fetch it with: install "
				  "curl, or fetch it and name the file");
	if (!text || res->deadline || res->signal)
		text = job_describe(res, how, sizeof(how));
	return err_lab(e,
		       "curl cannot fetch it: %.*s: see to the network, or "
		       "fetch it and name the file",
		       (int)strcspn(text, "\n"), text);
}

static int download(const struct tree_request *rq, const char *to,
		    struct err *e)
{
	const char *argv[] = {"curl",
			      "-q",
			      "--silent",
			      "--show-error",
			      "--fail",
			      "--location",
			      "--proto",
			      "=https,http,ftp,file",
			      "--proto-redir",
			      "=https,http",
			      "--output",
			      to,
			      "--url",
			      rq->where,
			      NULL};
	const struct job_spec spec = {
		.argv = argv,
		.deadline_ms = FETCH_MS,
		.file_cap = TARBALL_CAP,
	};
	struct job_result res;
	int r;

	origin_note(rq, "fetching", rq->where);
	r = job_run(&spec, &res, e);
	if (r)
		return r;
	if (res.exit || res.signal)
		r = curl_failed(&res, e);
	job_result_release(&res);
	return r;
}

static int from_url(const struct tree_request *rq, struct origin *o,
		    char sha256[SHA256_HEX], struct err *e)
{
	char *path;
	int r;

	if (!rq->sha256)
		return err_user(e, "a URL needs sha256: in the study");
	snprintf(sha256, SHA256_HEX, "%s", rq->sha256);
	r = tarball_find(&o->repo, rq->sha256, o->base, e);
	if (r != -ENOENT)
		return r;
	path = repo_tmp(&o->repo, "download");
	r = download(rq, path, e);
	if (!r)
		r = tarball_import(&o->repo, rq, path, sha256, o->base, e);
	file_remove(path, &(struct err){0});
	free(path);
	return r;
}

static int from_file(const struct tree_request *rq, struct origin *o,
		     char sha256[SHA256_HEX], struct err *e)
{
	char *path = realpath(rq->where, NULL);
	struct stat st;
	int r;

	if (!path || stat(path, &st) || !S_ISREG(st.st_mode))
		r = err_user(e, "there is no such file");
	else
		r = tarball_import(&o->repo, rq, path, sha256, o->base, e);
	free(path);
	return r;
}

int origin_tarball(const char *lab, const struct tree_request *rq,
		   struct origin *o, struct err *e)
{
	char sha256[SHA256_HEX];
	int r = 0;

	if (rq->sha256 && !is_sha256(rq->sha256))
		r = err_user(e,
			     "sha256 '%s' is not 64 hex digits, in lower "
			     "case",
			     rq->sha256);
	if (!r)
		r = repo_open(lab, REPO_TARBALLS, &o->repo, e);
	if (!r)
		r = origin_is_url(rq->where) ? from_url(rq, o, sha256, e)
					     : from_file(rq, o, sha256, e);
	if (r)
		err_prefix(e, "tarball '%s'", rq->where);
	else
		o->title = xasprintf("%s (sha256 %.12s)", rq->where, sha256);
	return r;
}

#include "kernel/apt.h"

#include "base/err.h"
#include "base/file.h"
#include "base/job.h"
#include "base/str.h"
#include "kernel/aptconf.h"
#include "kernel/choice.h"
#include "kernel/packages.h"
#include "kernel/suites.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define QUERY_MS (60 * 1000)
#define UPDATE_MS (10 * 60 * 1000)
#define FETCH_MS (60 * 60 * 1000)
#define OUT_CAP (64u << 20)
#define STALE_S (24 * 60 * 60)

static const char keyring[] = "/usr/share/keyrings/debian-archive-keyring.gpg";

/* Why apt gave up: the first line that it marks as an error names the cause,
 * the later ones only sum up. */
static char *reason_of(const struct job_result *res)
{
	const char *text = res->err.buf, *at = strstr(text, "E: ");
	char how[80];
	size_t n;

	while (at && at > text && at[-1] != '\n')
		at = strstr(at + 1, "E: ");
	if (res->deadline || !at)
		return xstrdup(job_describe(res, how, sizeof(how)));
	at += strlen("E: ");
	n = strcspn(at, "\n");
	return xstrndup(at, n && at[n - 1] == '.' ? n - 1 : n);
}

static int start(const struct apt *a, const char *const *argv, const char *cwd,
		 uint64_t deadline_ms, struct job_result *res, struct err *e)
{
	char *conf = a ? xasprintf("APT_CONFIG=%s/apt.conf", a->dir) : NULL;
	const char *env[] = {"LC_ALL=C.UTF-8", conf, NULL};
	const struct job_spec spec = {
		.argv = argv,
		.cwd = cwd,
		.env_add = env,
		.deadline_ms = deadline_ms,
		.out_cap = OUT_CAP,
	};
	int r = job_run(&spec, res, e);

	free(conf);
	return r;
}

int apt_run(const struct apt *a, const char *const *argv, const char *cwd,
	    struct str *out, struct err *e)
{
	struct job_result res;
	char *reason;
	int r = start(a, argv, cwd, out ? QUERY_MS : FETCH_MS, &res, e);

	if (r)
		return r;
	if (res.exit || res.signal) {
		reason = reason_of(&res);
		r = err_lab(e, "%s %s: %s", argv[0], argv[1], reason);
		free(reason);
	} else if (out) {
		str_add(out, res.out.buf, res.out.len);
	}
	job_result_release(&res);
	return r;
}

/* Can another user get at this folder, by all the folders above? */
static bool is_open_to_all(const char *dir)
{
	char *path = xstrdup(dir);
	bool open = true;
	struct stat st;

	for (char *end; open && *path; *end = '\0') {
		open = !stat(path, &st) && (st.st_mode & S_IXOTH);
		end = strrchr(path, '/');
	}
	free(path);
	return open;
}

static int write_text(const char *dir, const char *name, const char *text,
		      struct err *e)
{
	char *path = xasprintf("%s/%s", dir, name);
	int r = file_write(path, text, strlen(text), e);

	free(path);
	return r;
}

static int configure(struct apt *a, struct err *e)
{
	static const char *const argv[] = {"apt-config", "dump", NULL};
	struct str dump = STR_INIT;
	bool as_root;
	char *text;
	int r = apt_run(NULL, argv, NULL, &dump, e);

	if (r)
		goto out;
	a->user = aptconf_user(dump.buf);
	as_root = geteuid() == 0 && !is_open_to_all(a->dir);
	if (geteuid() != 0 || as_root) {
		free(a->user);
		a->user = NULL;
	}
	text = aptconf_text(a->dir, dump.buf, as_root);
	r = write_text(a->dir, "apt.conf", text, e);
	free(text);
	if (!r)
		r = write_text(a->dir, "status", "", e);
out:
	str_release(&dump);
	return r;
}

static int make_folders(const struct apt *a, struct err *e)
{
	static const char *const below[] = {"lists/partial",
					    "cache/archives/partial"};
	int r = file_mkdirs(a->debs, e);

	for (size_t i = 0; !r && i < sizeof(below) / sizeof(*below); i++) {
		char *path = xasprintf("%s/%s", a->dir, below[i]);

		r = file_mkdirs(path, e);
		free(path);
	}
	return r;
}

static int take_lock(struct apt *a, struct err *e)
{
	char *path = xasprintf("%s/klab.lock", a->dir);
	int r = 0;

	a->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
	if (a->lock < 0 || flock(a->lock, LOCK_EX))
		r = err_sys(e, errno, "cannot lock '%s'", path);
	free(path);
	return r;
}

static int absolute(const char *lab, char **path, struct err *e)
{
	int r = file_mkdirs(lab, e);

	if (r)
		return r;
	*path = realpath(lab, NULL);
	if (!*path)
		return err_sys(e, errno, "cannot resolve '%s'", lab);
	if ((*path)[strcspn(*path, "\"\\\n")]) {
		r = err_user(e,
			     "apt cannot work in '%s': the name has a quote "
			     "in it",
			     *path);
		free(*path);
		*path = NULL;
	}
	return r;
}

int apt_open(struct apt *a, const char *lab, const char *suite, struct err *e)
{
	char *root;
	int r;

	*a = (struct apt){.lock = -1};
	r = absolute(lab, &root, e);
	if (r)
		return r;
	a->suite = suite ? xstrdup(suite) : NULL;
	a->dir = xasprintf("%s/apt/%s", root, suite ? suite : "host");
	a->debs = xasprintf("%s/apt/debs", root);
	free(root);
	r = make_folders(a, e);
	if (!r)
		r = take_lock(a, e);
	if (!r)
		r = configure(a, e);
	if (r)
		apt_close(a);
	return r;
}

void apt_close(struct apt *a)
{
	if (a->lock >= 0)
		close(a->lock);
	free(a->suite);
	free(a->dir);
	free(a->debs);
	free(a->user);
	*a = (struct apt){.lock = -1};
}

static char *stamp_path(const struct apt *a)
{
	return xasprintf("%s/updated", a->dir);
}

bool apt_is_stale(const struct apt *a)
{
	char *path = stamp_path(a);
	struct stat st;
	bool stale = stat(path, &st) || time(NULL) - st.st_mtime > STALE_S ||
		     st.st_mtime > time(NULL);

	free(path);
	return stale;
}

/* The Debian sources of the host.  apt lists an index only once it has been
 * fetched, unless asked not to look. */
static int host_sources(struct archive_sources *s, struct err *e)
{
	const char *argv[] = {"apt-get",     "indextargets",         "--format",
			      SUITES_FORMAT, "Created-By: Packages", NULL,
			      NULL};
	struct str text = STR_INIT;
	int r = apt_run(NULL, argv, NULL, &text, e);

	if (!r)
		sources_parse(s, text.buf, false);
	if (!r && !s->n) {
		argv[5] = "--no-release-info";
		r = apt_run(NULL, argv, NULL, &text, e);
		if (!r)
			sources_parse(s, text.buf, true);
	}
	str_release(&text);
	return r;
}

/* Of "... 'http://mirror/debian trixie-x Release' does not have a Release
 * file.": the suite, freed by the caller; NULL if the reason is another. */
static char *missing_suite(const char *text)
{
	const char *mark = strstr(text, " Release' does not have a Release");
	const char *at = mark;

	if (!mark)
		return NULL;
	while (at > text && at[-1] != ' ' && at[-1] != '\'')
		at--;
	return xstrndup(at, (size_t)(mark - at));
}

static int update_failed(const struct apt *a, const struct job_result *res,
			 const char *missing, struct err *e)
{
	char *reason;

	if (missing)
		return err_user(e, "the mirror has no suite '%s'", missing);
	reason = reason_of(res);
	err_lab(e,
		"cannot fetch the package lists of %s%s%s: %s: see to the "
		"network and the host's apt sources, then run it again",
		a->suite ? "suite '" : "the host's suites",
		a->suite ? a->suite : "", a->suite ? "'" : "", reason);
	free(reason);
	return -EIO;
}

/* One apt-get update; 1 if a suite that may be missing was dropped. */
static int try_update(const struct apt *a, struct archive_sources *s,
		      struct err *e)
{
	static const char *const argv[] = {"apt-get", "-q", "update", NULL};
	struct job_result res;
	char *text, *missing;
	int r;

	text = sources_list(s, file_exists(keyring) ? keyring : NULL);
	r = write_text(a->dir, "sources.list", text, e);
	free(text);
	if (!r)
		r = start(a, argv, NULL, UPDATE_MS, &res, e);
	if (r)
		return r;
	if (res.exit || res.signal) {
		missing = missing_suite(res.err.buf);
		if (missing && sources_drop(s, missing))
			r = 1;
		else
			r = update_failed(a, &res, missing, e);
		free(missing);
	}
	job_result_release(&res);
	return r;
}

int apt_update(struct apt *a, struct err *e)
{
	struct archive_sources host = {0}, s = {0};
	char *stamp = stamp_path(a);
	int r = host_sources(&host, e);

	if (!r)
		r = sources_expand(&host, a->suite, &s, e);
	if (!r)
		do
			r = try_update(a, &s, e);
		while (r > 0);
	if (!r)
		r = write_text(a->dir, "updated", "", e);
	free(stamp);
	sources_release(&s);
	sources_release(&host);
	return r;
}

static int show(const struct apt *a, const char *versions,
		const struct strv *names, struct str *out, struct err *e)
{
	struct strv argv = STRV_INIT;
	int r;

	strv_add(&argv, "apt-cache");
	strv_add(&argv, "show");
	strv_add(&argv, versions);
	for (size_t i = 0; i < names->n; i++)
		strv_add(&argv, names->v[i]);
	r = apt_run(a, (const char *const *)argv.v, NULL, out, e);
	strv_release(&argv);
	return r;
}

static int names_of(const struct apt *a, const char *prefix,
		    bool (*wanted)(const char *), struct strv *names,
		    struct err *e)
{
	const char *argv[] = {"apt-cache", "pkgnames", prefix, NULL};
	struct str out = STR_INIT;
	char *rest, *name;
	int r = apt_run(a, argv, NULL, &out, e);

	for (rest = out.buf; !r && (name = strsep(&rest, "\n"));)
		if (*name && (!wanted || wanted(name)))
			strv_add(names, name);
	str_release(&out);
	return r;
}

static int describe(const struct apt *a, const char *prefix,
		    bool (*wanted)(const char *), struct packages *p,
		    struct err *e)
{
	struct strv names = STRV_INIT;
	struct str all = STR_INIT, candidates = STR_INIT;
	int r = names_of(a, prefix, wanted, &names, e);

	if (!r && names.n) {
		r = show(a, "--all-versions", &names, &all, e);
		if (!r)
			r = show(a, "--no-all-versions", &names, &candidates,
				 e);
		if (!r) {
			packages_parse(p, all.buf);
			packages_mark_candidates(p, candidates.buf);
		}
	}
	str_release(&candidates);
	str_release(&all);
	strv_release(&names);
	return r;
}

int apt_packages(const struct apt *a, struct packages *p, struct err *e)
{
	return describe(a, "linux-", choice_may_use, p, e);
}

int apt_packages_like(const struct apt *a, const char *prefix,
		      struct packages *p, struct err *e)
{
	return describe(a, prefix, NULL, p, e);
}

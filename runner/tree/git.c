#include "tree/git.h"

#include "base/err.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <unistd.h>

#define DEADLINE_MS (10 * 60 * 1000)
#define OUT_CAP (256u << 20)
#define REASON_MAX 300

extern char **environ;

static const char *const fixed[] = {
	"GIT_CONFIG_NOSYSTEM=1",
	"GIT_CONFIG_GLOBAL=/dev/null",
	"GIT_ATTR_NOSYSTEM=1",
	"GIT_NO_REPLACE_OBJECTS=1",
	"GIT_OPTIONAL_LOCKS=0",
	"GIT_TERMINAL_PROMPT=0",
	"GIT_ASKPASS=false",
	"GIT_LITERAL_PATHSPECS=1",
	"GIT_PAGER=cat",
	"GIT_AUTHOR_NAME=klab",
	"GIT_AUTHOR_EMAIL=klab@localhost",
	"GIT_AUTHOR_DATE=946684800 +0000",
	"GIT_COMMITTER_NAME=klab",
	"GIT_COMMITTER_EMAIL=klab@localhost",
	"GIT_COMMITTER_DATE=946684800 +0000",
	"LC_ALL=C",
	"TZ=UTC",
};

/* Of the command line, so that they come before what the repository itself
 * says.  protocol.allow keeps a partial clone of the user's from fetching what
 * it lacks into itself; a pack of fast-import that is not unpacked leaves equal
 * objects of the user's alone, where git would set their time. */
static const char *const config[][2] = {
	{"safe.directory", "*"},
	{"core.hooksPath", "/dev/null"},
	{"core.attributesFile", "/dev/null"},
	{"core.excludesFile", "/dev/null"},
	{"core.autocrlf", "false"},
	{"core.safecrlf", "false"},
	{"core.eol", "lf"},
	{"core.symlinks", "true"},
	{"core.fileMode", "true"},
	{"core.ignoreCase", "false"},
	{"core.sparseCheckout", "false"},
	{"core.fsmonitor", "false"},
	{"core.untrackedCache", "false"},
	{"core.splitIndex", "false"},
	{"core.preloadIndex", "true"},
	{"core.compression", "1"},
	{"core.fsync", "committed,loose-object"},
	{"core.logAllRefUpdates", "false"},
	{"core.quotePath", "true"},
	{"index.version", "4"},
	/* Trees that share files, by hard links, change each other's. */
	{"core.trustctime", "false"},
	{"index.threads", "true"},
	{"checkout.workers", "-1"},
	{"fastimport.unpackLimit", "0"},
	{"gc.auto", "0"},
	{"maintenance.auto", "false"},
	{"advice.detachedHead", "false"},
	{"log.showSignature", "false"},
	{"diff.renames", "false"},
};

enum {
	NFIXED = sizeof(fixed) / sizeof(*fixed),
	NCONFIG = sizeof(config) / sizeof(*config),
};

/* How the user's git reaches a server is his. */
static bool is_transport(const char *var)
{
	return str_starts(var, "GIT_SSH") || str_starts(var, "GIT_SSL_") ||
	       str_starts(var, "GIT_PROXY_");
}

static bool is_set_in(const struct strv *env, const char *var, size_t len)
{
	for (size_t i = 0; i < env->n; i++)
		if (!strncmp(env->v[i], var, len) && env->v[i][len] == '=')
			return true;
	return false;
}

/* job.h adds to the environment; what must go is taken out by env. */
static void drop_foreign(const struct git_call *c, const struct strv *env,
			 struct strv *argv)
{
	size_t before = argv->n;

	strv_add(argv, "env");
	for (char **v = environ; *v; v++) {
		size_t len = strcspn(*v, "=");

		if (!str_starts(*v, "GIT_") || is_set_in(env, *v, len) ||
		    (c->network && is_transport(*v)))
			continue;
		strv_add(argv, "-u");
		strv_addf(argv, "%.*s", (int)len, *v);
	}
	if (argv->n == before + 1) {
		free(argv->v[before]);
		argv->v[before] = NULL;
		argv->n = before;
	}
}

static void add_config(struct strv *env, size_t i, const char *key,
		       const char *value)
{
	strv_addf(env, "GIT_CONFIG_KEY_%zu=%s", i, key);
	strv_addf(env, "GIT_CONFIG_VALUE_%zu=%s", i, value);
}

static void add_protocols(const struct git_call *c, struct strv *env)
{
	static const char *const known[] = {"https", "http", "git", "ssh",
					    "file"};
	size_t n = NCONFIG;

	add_config(env, n++, "protocol.allow", "never");
	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++) {
		char *key = xasprintf("protocol.%s.allow", known[i]);

		add_config(env, n++, key, c->network ? "always" : "never");
		free(key);
	}
	strv_addf(env, "GIT_CONFIG_COUNT=%zu", n);
}

/* A folder in somebody's repository is not taken for that repository. */
static void add_ceiling(const struct git_call *c, struct strv *env)
{
	char *copy;

	if (c->dir || !c->cwd)
		return;
	copy = xstrdup(c->cwd);
	strv_addf(env, "GIT_CEILING_DIRECTORIES=%s", dirname(copy));
	free(copy);
}

void git_prepare(const struct git_call *c, struct strv *argv, struct strv *env)
{
	for (size_t i = 0; i < NFIXED; i++)
		strv_add(env, fixed[i]);
	for (size_t i = 0; i < NCONFIG; i++)
		add_config(env, i, config[i][0], config[i][1]);
	add_protocols(c, env);
	add_ceiling(c, env);
	if (c->dir)
		strv_addf(env, "GIT_DIR=%s", c->dir);
	if (c->index)
		strv_addf(env, "GIT_INDEX_FILE=%s", c->index);
	if (c->work)
		strv_addf(env, "GIT_WORK_TREE=%s", c->work);
	if (c->network && !getenv("GIT_SSH_COMMAND") && !getenv("GIT_SSH"))
		strv_add(env, "GIT_SSH_COMMAND=ssh -oBatchMode=yes");
	drop_foreign(c, env, argv);
	strv_add(argv, "git");
	for (size_t i = 0; c->argv[i]; i++)
		strv_add(argv, c->argv[i]);
}

int git_try(const struct git_call *c, struct job_result *r, struct err *e)
{
	struct strv argv = STRV_INIT, env = STRV_INIT;
	struct job_spec spec = {
		.cwd = c->cwd ? c->cwd : c->dir,
		.deadline_ms = c->deadline_ms ? c->deadline_ms : DEADLINE_MS,
		.out_cap = OUT_CAP,
	};
	int ret;

	if (c->in) {
		spec.in = open(c->in, O_RDONLY | O_CLOEXEC);
		if (spec.in < 0)
			return err_sys(e, errno, "cannot open '%s'", c->in);
	}
	git_prepare(c, &argv, &env);
	spec.argv = (const char *const *)argv.v;
	spec.env_add = (const char *const *)env.v;
	ret = job_run(&spec, r, e);
	if (c->in)
		close(spec.in);
	strv_release(&argv);
	strv_release(&env);
	return ret;
}

char *git_reason(const struct job_result *r)
{
	static const char *const marks[] = {"fatal: ", "error: "};
	const char *text = r->err.len ? r->err.buf : "", *at = NULL;
	char how[80], *line;

	if (r->deadline || r->signal || !*text)
		return xstrdup(job_describe(r, how, sizeof(how)));
	for (int i = 0; !at && i < 2; i++) {
		at = strstr(text, marks[i]);
		while (at && at > text && at[-1] != '\n')
			at = strstr(at + 1, marks[i]);
		if (at)
			at += strlen(marks[i]);
	}
	if (!at)
		at = text;
	line = xstrndup(at, strnlen(at, REASON_MAX));
	line[strcspn(line, "\n")] = '\0';
	str_plain(line);
	return line;
}

int git_failed(const struct git_call *c, const struct job_result *r,
	       struct err *e)
{
	char *reason = git_reason(r);

	err_lab(e, "git %s: %s", c->argv[0], reason);
	free(reason);
	return -EIO;
}

int git_run(const struct git_call *c, struct str *out, struct err *e)
{
	struct job_result r;
	int ret = git_try(c, &r, e);

	if (ret)
		return ret;
	if (r.exit || r.signal)
		ret = git_failed(c, &r, e);
	else if (r.out_cut)
		ret = err_lab(e, "git %s: more than %u bytes of output",
			      c->argv[0], OUT_CAP);
	else if (out)
		str_add(out, r.out.buf, r.out.len);
	if (!ret && out)
		str_add(out, "", 0);
	job_result_release(&r);
	return ret;
}

bool git_is_id(const char *s)
{
	size_t n = strspn(s, "0123456789abcdef");

	return s[n] == '\0' && (n == 40 || n == 64);
}

#include "build/toolchain.h"

#include "base/err.h"
#include "base/file.h"
#include "base/job.h"
#include "build/sandbox.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

#define VERSION_DEADLINE_MS 20000
#define ARG_CAP 500

struct tool {
	const char *name, *package;
};

static const struct tool common_tools[] = {
	{"make", "make"}, {"flex", "flex"},      {"bison", "bison"},
	{"bc", "bc"},     {"perl", "perl-base"}, {"gzip", "gzip"},
};
static const struct tool gnu_tools[] = {
	{"gcc", "gcc"}, {"ld", "binutils"}, {"objcopy", "binutils"}};
static const struct tool llvm_tools[] = {
	{"clang", "clang"},  {"ld.lld", "lld"},        {"llvm-ar", "llvm"},
	{"llvm-nm", "llvm"}, {"llvm-objcopy", "llvm"}, {"llvm-strip", "llvm"}};

/* What tools/objtool and the certificates are compiled with. */
static const struct tool headers[] = {
	{"/usr/include/libelf.h", "libelf-dev"},
	{"/usr/include/openssl/opensslv.h", "libssl-dev"},
};

#define N(array) (sizeof(array) / sizeof(*(array)))

/* ---- looking ---- */

static bool runs(const char *path)
{
	struct stat st;

	return !stat(path, &st) && S_ISREG(st.st_mode) && !access(path, X_OK);
}

/* A program by its path, or in the PATH that a build has. */
static bool there(const char *name)
{
	const char *p = sandbox_path();
	bool found = false;

	if (strchr(name, '/'))
		return runs(name);
	while (!found && *p) {
		size_t n = strcspn(p, ":");
		char *path = xasprintf("%.*s/%s", (int)n, p, name);

		found = n && runs(path);
		free(path);
		p += n + (p[n] == ':');
	}
	return found;
}

static int missing(const char *what, const char *package, struct err *e)
{
	err_lab(e,
		"'%s' is missing, which kernels are built with: install "
		"package %s (make setup)",
		what, package);
	return -ENOENT;
}

static int need(const struct tool *tools, size_t n, struct err *e)
{
	for (size_t i = 0; i < n; i++)
		if (!there(tools[i].name))
			return missing(tools[i].name, tools[i].package, e);
	return 0;
}

static const char *compiler(const struct toolchain *t)
{
	if (t->cc)
		return t->cc;
	return t->llvm ? "clang" : "gcc";
}

/* make hands it to a shell. */
static bool is_plain(const char *cc)
{
	if (!*cc || *cc == '-' || (strchr(cc, '/') && *cc != '/'))
		return false;
	return strlen(cc) < ARG_CAP &&
	       cc[strspn(cc, "abcdefghijklmnopqrstuvwxyz"
			     "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._+-/")] ==
		       '\0';
}

static int need_compiler(const struct toolchain *t, struct err *e)
{
	const char *cc = compiler(t);

	if (!is_plain(cc))
		return err_user(e,
				"'%.100s' is not a compiler: it is a name, as "
				"gcc-12, or a whole path, without options",
				cc);
	if (there(cc))
		return 0;
	if (strchr(cc, '/')) {
		err_lab(e,
			"compiler '%s' is not there: see `toolchain: {cc: "
			"...}` in the study",
			cc);
		return -ENOENT;
	}
	err_lab(e,
		"compiler '%s' is not in %s: install package %s, or give its "
		"whole path in the study",
		cc, sandbox_path(), cc);
	return -ENOENT;
}

/* A header matters where the system's own folder is the one that counts. */
static int need_headers(struct err *e)
{
	if (getenv("KLAB_BUILD_PATH"))
		return 0;
	for (size_t i = 0; i < N(headers); i++)
		if (!file_exists(headers[i].name))
			return missing(headers[i].name, headers[i].package, e);
	return 0;
}

/* ---- versions ---- */

static int first_line(const struct job_result *r, const char *name, char **line,
		      struct err *e)
{
	const char *text = r->out.len ? r->out.buf : "";
	size_t n = strcspn(text, "\n");
	char why[64];

	if (r->exit || r->signal || r->deadline)
		return err_lab(e, "'%s --version' does not work: %s", name,
			       job_describe(r, why, sizeof(why)));
	if (!n || n > 200)
		return err_lab(e, "'%s --version' does not tell a version",
			       name);
	*line = xstrndup(text, n);
	str_plain(*line);
	return 0;
}

static int ask_version(const char *name, char **line, struct err *e)
{
	char *path = xasprintf("PATH=%s", sandbox_path());
	const char *const argv[] = {"env", "-i",        path, "LC_ALL=C",
				    name,  "--version", NULL};
	struct job_spec spec = {.argv = argv,
				.deadline_ms = VERSION_DEADLINE_MS};
	struct job_result r;
	int ret = job_run(&spec, &r, e);

	if (!ret)
		ret = first_line(&r, name, line, e);
	job_result_release(&r);
	free(path);
	return ret;
}

/* Kconfig asks for their versions and puts them into each config, so one that
 * comes, goes or is upgraded makes another config. */
static void add_other_versions(struct str *s)
{
	static const char *const names[] = {"pahole", "rustc", "bindgen"};
	struct err ignored;

	for (size_t i = 0; i < N(names); i++) {
		char *line;

		if (!there(names[i]) || ask_version(names[i], &line, &ignored))
			continue;
		str_addf(s, ", %s %s", names[i], line);
		free(line);
	}
}

static int versions(struct toolchain *t, struct err *e)
{
	struct str all = STR_INIT;
	char *cc = NULL, *ld = NULL;
	int r = ask_version(compiler(t), &cc, e);

	if (!r)
		r = ask_version(t->llvm ? "ld.lld" : "ld", &ld, e);
	if (!r) {
		free(t->version);
		str_addf(&all, "%s, %s", cc, ld);
		add_other_versions(&all);
		t->version = str_detach(&all);
	}
	free(cc);
	free(ld);
	return r;
}

int toolchain_find(struct toolchain *t, struct err *e)
{
	int r = need_compiler(t, e);

	if (!r)
		r = need(common_tools, N(common_tools), e);
	if (!r)
		r = t->llvm ? need(llvm_tools, N(llvm_tools), e)
			    : need(gnu_tools, N(gnu_tools), e);
	if (!r)
		r = need_headers(e);
	if (!r)
		r = versions(t, e);
	if (!r)
		t->ccache = there("ccache");
	return r;
}

void toolchain_release(struct toolchain *t)
{
	free(t->cc);
	free(t->version);
	strv_release(&t->make_args);
	*t = (struct toolchain){0};
}

void toolchain_argv(const struct toolchain *t, struct strv *argv)
{
	const char *cache = t->ccache ? "ccache " : "";

	if (t->llvm)
		strv_add(argv, "LLVM=1");
	strv_addf(argv, "CC=%s%s", cache, compiler(t));
	/* objtool alone is some seconds of a fresh object folder. */
	strv_addf(argv, "HOSTCC=%s%s", cache, t->llvm ? "clang" : "gcc");
	for (size_t i = 0; i < t->make_args.n; i++)
		strv_add(argv, t->make_args.v[i]);
}

/* ---- a compiler of the user's own ---- */

static bool below(const char *path, const char *folder)
{
	size_t n = strlen(folder);

	return !strncmp(path, folder, n) && (path[n] == '/' || !path[n]);
}

/* Cuts the last part off; false if nothing but the root is left. */
static bool cut(char *path)
{
	char *slash = strrchr(path, '/');

	if (!slash || slash == path)
		return false;
	*slash = '\0';
	return true;
}

/* Would this folder show all that the user has? */
static bool holds_home(const char *folder)
{
	const char *home = getenv("HOME");

	return home && *home == '/' && below(home, folder);
}

static void add_folder(struct strv *folders, const char *program, bool prefix)
{
	char *folder = xstrdup(program), *up;

	if (cut(folder) && !sandbox_shows(folder)) {
		up = xstrdup(folder);
		if (prefix && str_ends(folder, "/bin") && cut(up) &&
		    !holds_home(up))
			strv_add_new(folders, up);
		else if (!holds_home(folder))
			strv_add_new(folders, folder);
		free(up);
	}
	free(folder);
}

void toolchain_folders(const struct toolchain *t, struct strv *folders)
{
	const char *cc = compiler(t);
	char *real;

	if (*cc != '/')
		return;
	add_folder(folders, cc, false);
	real = realpath(cc, NULL);
	if (real)
		add_folder(folders, real, true);
	free(real);
}

/* ---- make_args ---- */

/* What the lab decides, or what would make the config or the key a lie. */
static bool is_ours(const char *name)
{
	static const char *const names[] = {"O",
					    "M",
					    "MO",
					    "CC",
					    "LD",
					    "HOSTCC",
					    "HOSTLD",
					    "LLVM",
					    "ARCH",
					    "SRCARCH",
					    "SUBARCH",
					    "CROSS_COMPILE",
					    "SHELL",
					    "MAKE",
					    "MAKEFLAGS",
					    "MFLAGS",
					    "VPATH",
					    "MAKEOVERRIDES",
					    "MAKEFILES",
					    "CURDIR",
					    "PWD",
					    "PATH",
					    "HOME",
					    "LOCALVERSION",
					    "VERSION",
					    "PATCHLEVEL",
					    "SUBLEVEL",
					    "EXTRAVERSION",
					    "NAME",
					    "KERNELRELEASE",
					    "KERNELVERSION",
					    "srctree",
					    "objtree",
					    "abs_srctree",
					    "abs_objtree",
					    "SOURCE_DATE_EPOCH",
					    "GNUMAKEFLAGS"};
	static const char *const starts[] = {"KBUILD_", "KCONFIG_", "CONFIG_",
					     "CCACHE_", "INSTALL_", "MAKE_"};

	for (size_t i = 0; i < N(names); i++)
		if (!strcmp(name, names[i]))
			return true;
	for (size_t i = 0; i < N(starts); i++)
		if (str_starts(name, starts[i]))
			return true;
	return false;
}

/* The text before "=", or NULL if that is no name of a variable. */
static char *name_of(const char *word)
{
	size_t n = 0;

	while (isalnum((unsigned char)word[n]) || word[n] == '_')
		n++;
	if (!n || word[n] != '=' || isdigit((unsigned char)word[0]))
		return NULL;
	return xstrndup(word, n);
}

int toolchain_check_arg(const char *word, struct err *e)
{
	char *name;
	int r = 0;

	if (strlen(word) > ARG_CAP)
		return err_user(e, "'%.40s...' is longer than %d characters",
				word, ARG_CAP);
	for (const char *p = word; *p; p++)
		if (*p < 32 || *p > 126 || *p == '$' || *p == '`')
			return err_user(e,
					"make_args: no '$', '`' or unprintable "
					"character: make would take it for "
					"more than text");
	name = name_of(word);
	if (!name)
		return err_user(e,
				"'%s' is not NAME=value, as WERROR=0: no "
				"options and no targets",
				word);
	if (!strcmp(name, "CC") || !strcmp(name, "LLVM"))
		r = err_user(e,
			     "'%s': the compiler is chosen by `cc:` and "
			     "`llvm:` beside make_args",
			     word);
	else if (str_starts(name, "CONFIG_"))
		r = err_user(e,
			     "'%s': options of the kernel belong into "
			     "`configs:`",
			     word);
	else if (is_ours(name))
		r = err_user(e, "'%s': %s is set by klab itself", word, name);
	free(name);
	return r;
}

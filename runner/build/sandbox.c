#include "build/sandbox.h"

#include "base/err.h"
#include "base/file.h"
#include "base/job.h"

#include <errno.h>
#include <linux/capability.h>
#include <pwd.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define INSIDE_SRC "/klab/src"
#define INSIDE_OBJ "/klab/obj"
#define INSIDE_CCACHE "/klab/ccache"

/* 1 January 2020, as a date and in seconds. */
#define BUILD_DATE "Wed Jan  1 00:00:00 UTC 2020"
#define BUILD_EPOCH "1577836800"

#define CHECK_DEADLINE_MS 20000

/* What a compiler may need of the host; not /var, /root, /home, /srv ... */
static const char *const system_folders[] = {
	"/bin",
	"/sbin",
	"/lib",
	"/lib32",
	"/lib64",
	"/libx32",
	"/libo32",
	"/usr",
	"/opt",
	"/nix",
	"/gnu",
	/* Not all of it: there are secrets. */
	"/etc/alternatives",
	"/etc/ld.so.cache",
	"/etc/ld.so.conf",
	"/etc/ld.so.conf.d",
	"/etc/passwd",
	"/etc/group",
};

#define NSYSTEM (sizeof(system_folders) / sizeof(*system_folders))

const char *sandbox_src(const struct sandbox *s)
{
	return s->off ? s->src : INSIDE_SRC;
}

const char *sandbox_obj(const struct sandbox *s)
{
	return s->off ? s->obj : INSIDE_OBJ;
}

const char *sandbox_module(const struct sandbox *s)
{
	return s->off ? s->module : SANDBOX_MODULE;
}

const char *sandbox_path(void)
{
	const char *own = getenv("KLAB_BUILD_PATH");

	return own && *own ? own
			   : "/usr/local/sbin:/usr/local/bin:/usr/sbin:"
			     "/usr/bin:/sbin:/bin";
}

bool sandbox_shows(const char *path)
{
	for (size_t i = 0; i < NSYSTEM; i++) {
		size_t n = strlen(system_folders[i]);

		if (!strncmp(path, system_folders[i], n) &&
		    (path[n] == '/' || !path[n]))
			return true;
	}
	return false;
}

int sandbox_prepare(const struct sandbox *s, struct err *e)
{
	int r = file_mkdirs(s->obj, e);

	return r || !s->ccache ? r : file_mkdirs(s->ccache, e);
}

static void add_words(struct strv *argv, const char *const *words)
{
	for (; *words; words++)
		strv_add(argv, *words);
}

/* ---- environment ---- */

static void add_ccache(const struct sandbox *s, struct strv *argv)
{
	const char *size = getenv("CCACHE_MAXSIZE");

	/* No CCACHE_BASEDIR: it makes paths relative, so that the kernel's
	 * -fmacro-prefix-map misses them, and __FILE__ would tell whether there
	 * was a ccache.
	 * Nobody edits a tree while it is built, so a header that was switched
	 * to a moment ago is no danger.
	 * No CCACHE_DEPEND: without the preprocessor's output ccache does not
	 * see an .incbin, and gives an object with the file of before. */
	static const char *const words[] = {
		"CCACHE_NOHASHDIR=1", "CCACHE_COMPILERCHECK=mtime",
		/* A build can write a ccache.conf there, which may name a
		 * program to run. */
		"CCACHE_CONFIGPATH=/dev/null",
		"CCACHE_SLOPPINESS=include_file_mtime,include_file_ctime",
		NULL};

	if (!s->ccache) {
		strv_add(argv, "CCACHE_DISABLE=1");
		return;
	}
	strv_addf(argv, "CCACHE_DIR=%s", s->off ? s->ccache : INSIDE_CCACHE);
	add_words(argv, words);
	if (size && *size && !size[strspn(size, "0123456789.kMGTi")])
		strv_addf(argv, "CCACHE_MAXSIZE=%s", size);
}

/* One env command for both ways, so that both have one environment. */
static void add_env(const struct sandbox *s, struct strv *argv)
{
	static const char *const fixed[] = {
		"LC_ALL=C", "LANG=C", "TZ=UTC",
		"KBUILD_BUILD_TIMESTAMP=" BUILD_DATE, "KBUILD_BUILD_USER=klab",
		"KBUILD_BUILD_HOST=klab", "KBUILD_BUILD_VERSION=1",
		"SOURCE_DATE_EPOCH=" BUILD_EPOCH,
		/* Set, though empty: else the version gets a "+". */
		"LOCALVERSION=", NULL};

	add_words(argv, (const char *const[]){"env", "-i", NULL});
	strv_addf(argv, "--chdir=%s", sandbox_obj(s));
	strv_addf(argv, "PATH=%s", sandbox_path());
	strv_addf(argv, "HOME=%s", sandbox_obj(s));
	add_words(argv, fixed);
	add_ccache(s, argv);
}

/* ---- bubblewrap ---- */

/* Root of the whole host, and not of a container that may do nothing: it needs
 * no user namespace, which a chroot would not give it either. */
static bool may_mount(void)
{
	struct __user_cap_header_struct head = {
		.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2] = {0};

	if (geteuid() || syscall(SYS_capget, &head, data))
		return false;
	return data[0].effective & (1u << CAP_SYS_ADMIN);
}

/* The command is process 1 there, so when it has ended nobody is left, not even
 * one that would still swap a file under our eyes. */
static void add_namespaces(struct strv *argv)
{
	static const char *const words[] = {"--unshare-ipc",
					    "--unshare-pid",
					    "--unshare-net",
					    "--unshare-uts",
					    "--unshare-cgroup-try",
					    "--hostname",
					    "klab",
					    "--die-with-parent",
					    "--as-pid-1",
					    "--cap-drop",
					    "ALL",
					    NULL};

	if (!may_mount())
		strv_add(argv, "--unshare-user");
	add_words(argv, words);
}

static void show(struct strv *argv, const char *how, const char *from,
		 const char *to)
{
	strv_add(argv, how);
	strv_add(argv, from);
	strv_add(argv, to);
}

static void add_system_folder(struct strv *argv, const char *path)
{
	char target[256];
	ssize_t n = readlink(path, target, sizeof(target) - 1);

	if (n > 0) {
		target[n] = '\0';
		show(argv, "--symlink", target, path);
	} else if (file_exists(path)) {
		show(argv, "--ro-bind", path, path);
	}
}

/* Of $KLAB_BUILD_PATH, and the compiler's. */
static void add_other_folders(const struct sandbox *s, struct strv *argv)
{
	const char *p = sandbox_path();

	while (*p) {
		size_t n = strcspn(p, ":");
		char *folder = xstrndup(p, n);

		if (*folder == '/' && !sandbox_shows(folder) &&
		    file_exists(folder))
			show(argv, "--ro-bind", folder, folder);
		free(folder);
		p += n + (p[n] == ':');
	}
	for (size_t i = 0; s->extra && i < s->extra->n; i++)
		show(argv, "--ro-bind", s->extra->v[i], s->extra->v[i]);
}

static void add_bwrap(const struct sandbox *s, struct strv *argv)
{
	strv_add(argv, "bwrap");
	add_namespaces(argv);
	for (size_t i = 0; i < NSYSTEM; i++)
		add_system_folder(argv, system_folders[i]);
	/* To root without any capability /proc/sys is still writable. */
	add_words(argv, (const char *const[]){"--proc", "/proc", "--remount-ro",
					      "/proc", "--dev", "/dev",
					      "--tmpfs", "/tmp", NULL});
	add_other_folders(s, argv);
	show(argv, "--ro-bind", s->src, INSIDE_SRC);
	show(argv, s->module ? "--ro-bind" : "--bind", s->obj, INSIDE_OBJ);
	if (s->module)
		show(argv, "--bind", s->module, SANDBOX_MODULE);
	if (s->ccache)
		show(argv, "--bind", s->ccache, INSIDE_CCACHE);
	add_words(argv, (const char *const[]){"--remount-ro", "/", "--", NULL});
}

void sandbox_argv(const struct sandbox *s, struct strv *argv)
{
	if (!s->off)
		add_bwrap(s, argv);
	add_env(s, argv);
}

/* ---- the host ---- */

static int explain(const struct job_result *r, struct err *e)
{
	const char *said = r->err.len ? r->err.buf : "it said nothing";
	int n = (int)strcspn(said, "\n");
	char why[64];

	if (r->exit == 127 && strstr(said, "execute bwrap"))
		return err_lab(e, "bubblewrap, the sandbox that kernels are "
				  "built in, is not there: install package "
				  "bubblewrap (make setup), or build without "
				  "it: --no-sandbox");
	if (strstr(said, "namespace") || strstr(said, "uid map"))
		return err_lab(
			e,
			"no sandbox to build kernels in: this host does not "
			"let "
			"you make user namespaces (%.*s); as root set sysctl "
			"kernel.unprivileged_userns_clone=1 (Debian) or "
			"kernel.apparmor_restrict_unprivileged_userns=0 "
			"(Ubuntu), or build without it: --no-sandbox",
			n, said);
	return err_lab(e,
		       "no sandbox to build kernels in: bubblewrap does not "
		       "work here (%s: %.*s); in a chroot its root must be a "
		       "mount point; --no-sandbox builds without it",
		       job_describe(r, why, sizeof(why)), n, said);
}

static int try_in(const char *folder, struct err *e)
{
	const struct sandbox s = {.src = folder, .obj = folder};
	struct strv argv = STRV_INIT;
	struct job_spec spec = {.deadline_ms = CHECK_DEADLINE_MS};
	struct job_result r;
	int ret;

	sandbox_argv(&s, &argv);
	strv_add(&argv, "true");
	spec.argv = (const char *const *)argv.v;
	ret = job_run(&spec, &r, e);
	if (!ret && (r.exit || r.signal || r.deadline))
		ret = explain(&r, e);
	job_result_release(&r);
	strv_release(&argv);
	return ret;
}

int sandbox_check(struct err *e)
{
	const char *tmp = getenv("TMPDIR");
	char *folder = xasprintf("%s/klab-sandbox-XXXXXX",
				 tmp && *tmp == '/' ? tmp : "/tmp");
	int r;

	if (mkdtemp(folder)) {
		r = try_in(folder, e);
		rmdir(folder);
	} else {
		r = err_sys(e, errno, "cannot make folder '%s'", folder);
	}
	free(folder);
	return r;
}

char *sandbox_ccache(void)
{
	const char *own = getenv("CCACHE_DIR");
	const char *cache = getenv("XDG_CACHE_HOME");
	const char *home = getenv("HOME");
	const struct passwd *pw;

	/* Not that folder itself: a build can write to it, and what the user
	 * compiles outside of a sandbox comes from there. */
	if (own && *own == '/')
		return xasprintf("%s/klab", own);
	if (cache && *cache == '/')
		return xasprintf("%s/klab/ccache", cache);
	if (!home || *home != '/') {
		pw = getpwuid(geteuid());
		home = pw ? pw->pw_dir : "/tmp";
	}
	return xasprintf("%s/.cache/klab/ccache", home);
}

/*
 * Modules of a Debian kernel: debian_modules().
 *
 * Which files a name needs, kmod tells from the kernel's whole module tree;
 * that is unpacked for it once and thrown away.  What was wanted stays in the
 * kernel's folder: the modules, and for each name a list of the files it needs.
 */
#include "kernel/debian.h"

#include "base/err.h"
#include "base/file.h"
#include "base/job.h"
#include "base/str.h"
#include "kernel/apt.h"
#include "kernel/deb.h"
#include "kernel/debs.h"
#include "kernel/packages.h"
#include "kernel/store.h"

#include <errno.h>

#define KMOD_MS (5 * 60 * 1000)
#define LIST_CAP (64u << 10)

static char *list_path(const struct kernel *k, const char *name)
{
	return xasprintf("%s/modules/%s.list", k->dir, name);
}

/* Adds the files that the list of a module names; false if there is no list. */
static bool add_known(const struct kernel *k, const char *name,
		      struct strv *paths)
{
	char *path = list_path(k, name), *rest, *file;
	struct str text = STR_INIT;
	struct err ignored;
	bool known = file_exists(path) &&
		     !file_read(path, LIST_CAP, &text, &ignored);

	for (rest = text.buf; known && (file = strsep(&rest, "\n"));) {
		char *full = xasprintf("%s/modules/%s", k->dir, file);

		if (*file && !strv_has(paths, full))
			strv_add(paths, full);
		free(full);
	}
	str_release(&text);
	free(path);
	return known;
}

/* Unpacks what the package of that part has of the module tree. */
static int unpack(const struct apt *a, const struct kernel *k, const char *part,
		  const char *root, struct err *e)
{
	struct kernel_deb d;
	struct package p;
	char *deb;
	int r = kernel_store_deb(k, part, &d, e);

	if (r)
		return r;
	p = (struct package){.name = d.name,
			     .version = d.version,
			     .arch = d.arch,
			     .sha256 = d.sha256};
	deb = debs_kept(a, &p);
	if (!deb)
		r = debs_fetch(a, &p, &deb, e);
	if (!r) {
		r = deb_unpack_modules(deb, k->release, root, e);
		free(deb);
	}
	kernel_deb_release(&d);
	return r;
}

/* kmod's programs are not in every user's PATH. */
static int run_kmod(const char *const *argv, struct str *out, struct err *e)
{
	static const char *const env[] = {"PATH=/usr/sbin:/usr/bin:/sbin:/bin",
					  NULL};
	const struct job_spec spec = {
		.argv = argv, .env_add = env, .deadline_ms = KMOD_MS};
	struct job_result res;
	char how[80];
	int r = job_run(&spec, &res, e);

	if (r)
		return r;
	if (res.exit || res.signal)
		r = err_lab(e, "%s: %s: %.*s", argv[0],
			    job_describe(&res, how, sizeof(how)),
			    (int)strcspn(res.err.buf, "\n"), res.err.buf);
	else if (out)
		str_add(out, res.out.buf, res.out.len);
	job_result_release(&res);
	return r;
}

/* The module tree of the kernel below root, with kmod's indexes. */
static int make_tree(const struct apt *a, const struct kernel *k,
		     const char *root, struct err *e)
{
	const char *argv[] = {"depmod", "-b", root, k->release, NULL};
	struct err ignored;
	int r = unpack(a, k, "modules", root, e);

	if (r == -ENOENT)
		return err_user(e,
				"kernel '%s' comes without modules: its mirror "
				"has dropped them",
				k->release);
	if (r)
		return r;
	/* Its list of what is built in; without it these are not found. */
	unpack(a, k, "config", root, &ignored);
	return run_kmod(argv, NULL, e);
}

/* "brd.ko.xz" in "/root/lib/modules/6.12/kernel/.../brd.ko.xz": "brd.ko". */
static char *plain_name(const char *path)
{
	const char *base = strrchr(path, '/') + 1;
	const char *end = strstr(base, ".ko");

	return xstrndup(base, end ? (size_t)(end - base) + 3 : strlen(base));
}

/* Copies one module that modprobe would insert, and puts it on the list. */
static int keep_module(const struct kernel *k, const char *path,
		       struct str *list, struct err *e)
{
	char *name = plain_name(path);
	char *to = xasprintf("%s/modules/%s", k->dir, name);
	int r = file_exists(to) ? 0 : deb_copy_module(path, to, e);

	if (!r)
		str_addf(list, "%s\n", name);
	free(to);
	free(name);
	return r;
}

/* Takes the lines `insmod <path> ` and `builtin <name>`. */
static int keep_listed(const struct kernel *k, char *text, struct str *list,
		       struct err *e)
{
	char *line;
	int r = 0;

	while (!r && (line = strsep(&text, "\n"))) {
		if (!str_starts(line, "insmod /"))
			continue;
		line += strlen("insmod ");
		line[strcspn(line, " ")] = '\0';
		r = keep_module(k, line, list, e);
	}
	return r;
}

static int resolve(const struct kernel *k, const char *root, const char *name,
		   struct err *e)
{
	/* -C: the host's modprobe.d is not ours. */
	const char *argv[] = {"modprobe", "-C", "/dev/null", "--show-depends",
			      "-d",       root, "-S",        k->release,
			      name,       NULL};
	struct str out = STR_INIT, list = STR_INIT;
	char *path = list_path(k, name);
	int r = run_kmod(argv, &out, e);

	if (r) {
		r = err_user(e, "kernel '%s' has no module '%s'", k->release,
			     name);
		goto out;
	}
	str_adds(&list, "");
	r = keep_listed(k, out.buf, &list, e);
	if (!r)
		r = file_write(path, list.buf, list.len, e);
out:
	free(path);
	str_release(&list);
	str_release(&out);
	return r;
}

static int resolve_all(const struct apt *a, const struct kernel *k,
		       const struct strv *names, const char *root,
		       struct err *e)
{
	char *dir = xasprintf("%s/modules", k->dir);
	int r = file_mkdirs(dir, e);

	if (!r)
		r = make_tree(a, k, root, e);
	for (size_t i = 0; !r && i < names->n; i++)
		r = resolve(k, root, names->v[i], e);
	free(dir);
	return r;
}

/* ---- the whole tree ---- */

static int pack_tree(const struct apt *a, const struct kernel *k,
		     const char *root, struct err *e)
{
	char *tar = xasprintf("%s/" KERNEL_TREE, root);
	char *in = xasprintf("lib/modules/%s", k->release);
	char *to = xasprintf("%s/" KERNEL_TREE, k->dir);
	const char *argv[] = {"tar", "-C", root, "--owner=0", "--group=0",
			      "-cf", tar,  in,   NULL};
	int r = make_tree(a, k, root, e);

	if (!r)
		r = run_kmod(argv, NULL, e);
	if (!r && rename(tar, to))
		r = err_sys(e, errno, "cannot move '%s' to '%s'", tar, to);
	free(tar);
	free(in);
	free(to);
	return r;
}

int debian_module_tree(const char *lab, const struct kernel *k, struct err *e)
{
	char *path = xasprintf("%s/" KERNEL_TREE, k->dir), *root;
	bool there = file_exists(path) || strcmp(k->source, "debian-image");
	struct apt a;
	int r;

	free(path);
	if (there)
		return 0;
	r = apt_open(&a, lab, k->suite, e);
	if (r)
		return r;
	r = kernel_store_stage(lab, &root, e);
	if (!r) {
		r = pack_tree(&a, k, root, e);
		kernel_store_drop(root);
		free(root);
	}
	apt_close(&a);
	return r;
}

/* ---- the modules of a workload ---- */

static int learn(const char *lab, const struct kernel *k,
		 const struct strv *names, struct err *e)
{
	struct apt a;
	char *root;
	int r = apt_open(&a, lab, k->suite, e);

	if (r)
		return r;
	r = kernel_store_stage(lab, &root, e);
	if (!r) {
		r = resolve_all(&a, k, names, root, e);
		kernel_store_drop(root);
		free(root);
	}
	apt_close(&a);
	return r;
}

static int check_names(const struct kernel *k, const struct strv *names,
		       struct err *e)
{
	static const char chars[] = "abcdefghijklmnopqrstuvwxyz"
				    "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-";

	for (size_t i = 0; i < names->n; i++) {
		const char *s = names->v[i];

		if (!*s || *s == '-' || s[strspn(s, chars)])
			return err_user(e, "'%s' is not the name of a module",
					s);
	}
	if (names->n && strcmp(k->source, "debian-image"))
		return err_user(e,
				"module '%s' is not to be had for kernel "
				"'%s', an image of your own: build it in",
				names->v[0], k->release);
	return 0;
}

int debian_modules(const char *lab, const struct kernel *k,
		   const struct strv *names, struct strv *paths, struct err *e)
{
	struct strv known = STRV_INIT;
	int r = check_names(k, names, e);
	bool all = true;

	for (size_t i = 0; !r && all && i < names->n; i++)
		all = add_known(k, names->v[i], &known);
	if (!r && !all) {
		r = learn(lab, k, names, e);
		strv_release(&known);
		for (size_t i = 0; !r && i < names->n; i++)
			add_known(k, names->v[i], &known);
	}
	for (size_t i = 0; !r && i < known.n; i++)
		strv_add(paths, known.v[i]);
	strv_release(&known);
	return r;
}

#include "build/build_kmods.h"

#include "build/build_int.h"

#include <dirent.h>
#include <errno.h>
#include <libgen.h>
#include <sys/stat.h>

#define SOURCE_CAP (1u << 20)
#define KO_CAP (64u << 20)
#define WHY_CAP 4096

/* ---- sources ---- */

static int by_name(const void *a, const void *b)
{
	const struct build_kmod *x = a, *y = b;

	return strcmp(x->name, y->name);
}

static int read_file(struct build_kmod *k, const char *path, struct err *e)
{
	const char *slash = strrchr(path, '/');
	struct build_kmod_file *f;

	k->files = xrealloc(k->files, (k->nfiles + 1) * sizeof(*k->files));
	f = &k->files[k->nfiles++];
	*f = (struct build_kmod_file){
		.name = xstrdup(slash ? slash + 1 : path)};
	return file_read(path, SOURCE_CAP, &f->text, e);
}

static int is_header(const struct dirent *f)
{
	return str_ends(f->d_name, ".h") && word_ok(f->d_name);
}

static int read_headers(struct build_kmod *k, const char *source, struct err *e)
{
	char *copy = xstrdup(source);
	const char *folder = dirname(copy);
	struct dirent **list;
	int n = scandir(folder, &list, is_header, alphasort), r = 0;

	if (n < 0)
		r = err_sys(e, errno, "cannot read folder '%s'", folder);
	for (int i = 0; i < n; i++) {
		char *path = xasprintf("%s/%s", folder, list[i]->d_name);

		if (!r)
			r = read_file(k, path, e);
		free(path);
		free(list[i]);
	}
	if (n >= 0)
		free(list);
	free(copy);
	return r;
}

char *build_kmod_name(const char *source)
{
	const char *slash = strrchr(source, '/');
	const char *base = slash ? slash + 1 : source;

	return xstrndup(base, strlen(base) - strlen(".c"));
}

static int read_one(const char *path, struct build_kmod *k, struct err *e)
{
	const char *slash = strrchr(path, '/');
	const char *base = slash ? slash + 1 : path;
	struct str all = STR_INIT;

	if (!str_ends(base, ".c") || !word_ok(base))
		return err_user(e,
				"'%s' is not the source of a module: NAME.c, "
				"the name of letters, digits and _",
				path);
	k->name = build_kmod_name(path);
	if (read_file(k, path, e) || read_headers(k, path, e))
		return -1;
	for (size_t i = 0; i < k->nfiles; i++) {
		const struct build_kmod_file *f = &k->files[i];

		str_addf(&all, "%s %zu\n", f->name, f->text.len);
		str_add(&all, f->text.buf, f->text.len);
	}
	mem_sha256(all.buf, all.len, k->sha256);
	str_release(&all);
	return 0;
}

/* Workloads may share a module, and name it by different ways to its file. */
static void add_once(const char *path, struct strv *out)
{
	char *real = realpath(path, NULL);

	strv_add_new(out, real ? real : path);
	free(real);
}

static int check_names(const struct build_kmods *m, struct err *e)
{
	for (size_t i = 1; i < m->n; i++)
		if (!strcmp(m->at[i - 1].name, m->at[i].name))
			return err_user(e,
					"two kernel modules have the name '%s'",
					m->at[i].name);
	return 0;
}

int build_kmods_read(const struct strv *paths, struct build_kmods *m,
		     struct err *e)
{
	struct strv once = STRV_INIT;
	int r = 0;

	*m = (struct build_kmods){0};
	for (size_t i = 0; paths && i < paths->n; i++)
		add_once(paths->v[i], &once);
	if (once.n)
		m->at = xcalloc(once.n, sizeof(*m->at));
	for (size_t i = 0; !r && i < once.n; i++)
		r = read_one(once.v[i], &m->at[m->n++], e);
	strv_release(&once);
	if (!r && m->n) {
		qsort(m->at, m->n, sizeof(*m->at), by_name);
		r = check_names(m, e);
	}
	if (r)
		build_kmods_release(m);
	return r;
}

void build_kmods_release(struct build_kmods *m)
{
	for (size_t i = 0; i < m->n; i++) {
		free(m->at[i].name);
		free(m->at[i].why);
		for (size_t f = 0; f < m->at[i].nfiles; f++) {
			free(m->at[i].files[f].name);
			str_release(&m->at[i].files[f].text);
		}
		free(m->at[i].files);
	}
	free(m->at);
	str_release(&m->log);
	free(m->folder);
	free(m->trouble);
	*m = (struct build_kmods){0};
}

void build_kmods_digest(const struct build_kmods *m, struct str *s)
{
	for (size_t i = 0; i < m->n; i++)
		str_addf(s, "kmod %s %s\n", m->at[i].name, m->at[i].sha256);
}

/* ---- what came out ---- */

static int take_ko(const struct build_kmods *m, const struct build_kmod *k,
		   const char *to, struct err *e)
{
	char *folder = xasprintf("%s/%s", m->folder, k->name);
	char *name = xasprintf("%s.ko", k->name);
	const struct build_obj o = {.path = folder};
	int r = build_obj_copy(&o, name, to, KO_CAP, e);

	free(name);
	free(folder);
	return r;
}

static int take_one(const struct build_kmods *m, const struct build_kmod *k,
		    const char *folder, struct err *e)
{
	char *ko = xasprintf("%s/%s.ko", folder, k->name);
	char *err = xasprintf("%s/%s.err", folder, k->name), *text;
	const char *why = k->why;
	int r = 0;

	if (k->built) {
		r = take_ko(m, k, ko, e);
		if (r && e->kind != ERR_LAB) {
			why = e->text;
			r = 0;
		}
	}
	if (!r && (why || !k->built)) {
		text = xasprintf("%s\n", why ? why : "it was not built");
		r = file_put(err, text, strlen(text), e);
		free(text);
	}
	free(err);
	free(ko);
	return r;
}

int build_kmods_take(const struct build_kmods *m, const char *stage,
		     struct err *e)
{
	char *folder = xasprintf("%s/" BUILD_KMODS, stage);
	int r = m->n ? file_mkdirs(folder, e) : 0;

	for (size_t i = 0; !r && i < m->n; i++)
		r = take_one(m, &m->at[i], folder, e);
	free(folder);
	return r;
}

void build_kmods_clean(const struct build_kmods *m)
{
	struct err ignored; /* the next build tries again */

	if (m->folder)
		file_remove(m->folder, &ignored);
}

/* ---- outside ---- */

int build_kmod_find(const struct kernel *k, const char *name, char **path,
		    char **why, struct err *e)
{
	char *ko = xasprintf("%s/" BUILD_KMODS "/%s.ko", k->dir, name);
	char *err = xasprintf("%s/" BUILD_KMODS "/%s.err", k->dir, name);
	struct str text = STR_INIT;
	int r = 0;

	*path = *why = NULL;
	if (file_exists(ko)) {
		*path = ko;
		ko = NULL;
	} else if (file_exists(err)) {
		r = file_read(err, WHY_CAP, &text, e);
		if (!r && text.len && text.buf[text.len - 1] == '\n')
			text.buf[--text.len] = '\0';
		if (!r)
			*why = str_detach(&text);
	} else {
		r = err_lab(e, "kernel '%s' was built without module '%s'",
			    k->key, name);
	}
	str_release(&text);
	free(err);
	free(ko);
	return r;
}

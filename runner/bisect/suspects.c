/* How likely each patch is to be guilty, before anything is known of it: by the
 * lines that it changes in files that are built in this config. */
#include "bisect/hunt_int.h"

#include "base/file.h"
#include "tree/tree.h"

#include <dirent.h>
#include <errno.h>

/* A line is as likely to be the guilty one as any other; what is not in lines,
 * and patches of many lines that are all alike, ask for bounds. */
#define LINES_MIN 5
#define LINES_MAX 1000
/* Of a patch of files that are not built: what is built is not known to the
 * last file. */
#define WEIGHT_UNBUILT 0.05

struct suspects {
	const struct hunt *h;
	const char *objects; /* NULL: what is built is not known */
	json_t *built;       /* by path, as far as asked */
	char commit[TREE_ID];
	int k;        /* the patch that the commits at hand are of */
	double lines; /* of it, in files that are built */
	bool touches; /* any such file */
};

/* ---- is a file built? ---- */

/* Does this dependency file of kbuild name it? */
static bool names(const char *path, const char *source)
{
	struct str text = STR_INIT;
	struct err ignored;
	bool found = !file_read(path, 16u << 20, &text, &ignored) && text.buf &&
		     strstr(text.buf, source);

	str_release(&text);
	return found;
}

/* A file of C may be compiled as a part of another one beside it. */
static bool named_beside(const char *dir, const char *base)
{
	DIR *d = opendir(dir);
	struct dirent *entry;
	bool found = false;
	char *source = xasprintf("/%s", base);

	while (d && !found && (entry = readdir(d))) {
		char *path = xasprintf("%s/%s", dir, entry->d_name);

		found = str_ends(entry->d_name, ".o.cmd") &&
			names(path, source);
		free(path);
	}
	if (d)
		closedir(d);
	free(source);
	return found;
}

/* Is it never a part of a kernel's build?  Of tools/ some are. */
static bool is_outside(const char *path)
{
	static const char *const used[] = {"tools/objtool/", "tools/include/",
					   "tools/lib/"};
	static const char *const never[] = {"Documentation/", "tools/",
					    "samples/", "MAINTAINERS"};

	for (size_t i = 0; i < sizeof(used) / sizeof(*used); i++)
		if (str_starts(path, used[i]))
			return false;
	for (size_t i = 0; i < sizeof(never) / sizeof(*never); i++)
		if (str_starts(path, never[i]))
			return true;
	return false;
}

static bool is_source(const char *path)
{
	return (str_ends(path, ".c") || str_ends(path, ".S")) &&
	       !str_starts(path, "tools/");
}

static bool is_built(const struct suspects *s, const char *path)
{
	const char *slash = strrchr(path, '/');
	const char *base = slash ? slash + 1 : path;
	char *object, *dir;
	bool built;

	if (is_outside(path))
		return false;
	/* What headers and Makefiles have a part in is not known; nor where
	 * objects of tools/ are.  The very file that does not compile has no
	 * object. */
	if (!is_source(path) || s->h->c->kind == CRITERION_BUILD)
		return true;
	object = xasprintf("%s/%.*so", s->objects, (int)strlen(path) - 1, path);
	dir = xasprintf("%s/%.*s", s->objects, (int)(base - path), path);
	built = file_exists(object) || named_beside(dir, base);
	free(object);
	free(dir);
	return built;
}

static bool asks_built(struct suspects *s, const char *path)
{
	const json_t *known = json_object_get(s->built, path);
	bool built;

	if (!s->objects)
		return true;
	if (known)
		return json_is_true(known);
	built = is_built(s, path);
	json_object_set_new(s->built, path, json_boolean(built));
	return built;
}

/* ---- patches ---- */

static void weigh(struct suspects *s)
{
	double lines = s->lines > LINES_MAX ? LINES_MAX : s->lines;

	s->h->kernels[s->k].weight =
		s->touches ? LINES_MIN + lines : WEIGHT_UNBUILT;
	s->k++;
	s->lines = 0;
	s->touches = false;
}

/* A patch ends with the commit of its stage; there is more than one where the
 * study leaves stages out. */
static void end_commit(struct suspects *s)
{
	const struct tree_stage *at;

	if (!s->commit[0] || s->k > s->h->n)
		return;
	at = guided_commit(s->h->run, (size_t)s->k);
	if (at && !strcmp(at->commit, s->commit))
		weigh(s);
}

static void take_file(const char *commit, const char *path, long lines,
		      void *arg)
{
	struct suspects *s = arg;

	if (!path) {
		end_commit(s);
		snprintf(s->commit, sizeof(s->commit), "%s", commit);
	} else if (asks_built(s, path)) {
		s->lines += (double)lines;
		s->touches = true;
	}
}

static int read_lines(struct suspects *s, struct err *e)
{
	const struct hunt *h = s->h;
	const struct tree_stage *good = guided_commit(h->run, 0);
	const struct tree_stage *bad = guided_commit(h->run, (size_t)h->n);

	if (!good || !bad || !good->commit[0] || !bad->commit[0])
		return -ENOENT;
	return tree_lines(h->rq.lab->dir, guided_source(h->run), good->commit,
			  bad->commit, take_file, s, e);
}

int hunt_suspect(struct hunt *h, struct err *e)
{
	const char *objects = guided_objects(h->run);
	struct suspects s = {.h = h, .built = json_object(), .k = 1};
	int r;

	if (objects && file_exists(objects))
		s.objects = objects;
	r = read_lines(&s, e);
	if (!r)
		end_commit(&s);
	/* Prebuilt kernels; or a history that is not known. */
	for (int k = 1; s.k <= h->n && k <= h->n; k++)
		h->kernels[k].weight =
			h->s->stages[k].idx - h->s->stages[k - 1].idx;
	json_decref(s.built);
	return r == -ENOENT ? 0 : r;
}

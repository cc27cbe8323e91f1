#include "series/diff_int.h"

#include "base/err.h"
#include "series/path.h"

void diff_files_release(struct diff_files *f)
{
	for (size_t i = 0; i < f->n; i++) {
		free(f->at[i].git_old);
		free(f->at[i].git_new);
		free(f->at[i].old);
		free(f->at[i].new);
		free(f->at[i].from);
		free(f->at[i].to);
		free(f->at[i].target);
	}
	free(f->at);
	*f = (struct diff_files){0};
}

/* ---- one line ---- */

static bool same_file(const char *a, const char *b)
{
	const char *x = path_strip(a, 1), *y = path_strip(b, 1);

	return !strcmp(a, b) || (x && y && !strcmp(x, y));
}

static void both_names(char *a, char *b, struct diff_file *f)
{
	f->git_old = a;
	f->git_new = b;
}

static void one_quoted(const char *text, size_t len, struct diff_file *f)
{
	const char *mark = memchr(text, '"', len);
	size_t used, at;
	char *b;

	if (!mark || mark < text + 2 || mark[-1] != ' ')
		return;
	at = (size_t)(mark - text);
	b = path_unquote(mark, len - at, &used);
	if (b && at + used == len)
		both_names(xstrndup(text, at - 1), b, f);
	else
		free(b);
}

static void first_quoted(const char *text, size_t len, struct diff_file *f)
{
	size_t used, used2;
	char *a = path_unquote(text, len, &used), *b = NULL;

	if (!a || used + 2 > len || text[used] != ' ')
		goto bad;
	text += used + 1;
	len -= used + 1;
	if (*text != '"') {
		both_names(a, xstrndup(text, len), f);
		return;
	}
	b = path_unquote(text, len, &used2);
	if (b && used2 == len) {
		both_names(a, b, f);
		return;
	}
bad:
	free(a);
	free(b);
}

/* A name may have spaces, so the line is cut where both halves name one file;
 * the halves of a rename differ, and its own lines name it. */
static void unquoted(const char *text, size_t len, struct diff_file *f)
{
	for (size_t i = 1; i + 1 < len; i++) {
		char *a, *b;

		/* The halves are of about one length: prefixes are short. */
		if (text[i] != ' ' || i > len - i + 64 || len - i > i + 64)
			continue;
		a = xstrndup(text, i);
		b = xstrndup(text + i + 1, len - i - 1);
		if (same_file(a, b)) {
			both_names(a, b, f);
			return;
		}
		free(a);
		free(b);
	}
}

void diff_git_names(const char *text, size_t len, struct diff_file *f)
{
	if (len && *text == '"')
		first_quoted(text, len, f);
	else if (len && text[len - 1] == '"')
		one_quoted(text, len, f);
	else
		unquoted(text, len, f);
}

int diff_plain_name(const struct place *at, size_t line, const char *text,
		    size_t len, bool git, char **out, struct err *e)
{
	const char *tab = memchr(text, '\t', len);
	size_t n = tab ? (size_t)(tab - text) : len, used;
	char *name;

	if (len && *text == '"') {
		name = path_unquote(text, len, &used);
		if (!name || (used < len && text[used] != '\t')) {
			free(name);
			return place_err(at, line, e,
					 "the name of the file is quoted "
					 "wrongly");
		}
	} else if (!n) {
		return place_err(at, line, e, "the name of the file is empty");
	} else if (!git && memchr(text, ' ', n)) {
		return place_err(at, line, e,
				 "the name of the file has a space: a tab "
				 "before its date was lost, or git has not "
				 "made this diff");
	} else {
		name = xstrndup(text, n);
	}
	if (!strcmp(name, "/dev/null")) {
		free(name);
		name = NULL;
	}
	*out = name;
	return 0;
}

/* ---- all of them ---- */

static const char *old_of(const struct diff_file *f)
{
	return f->old ? f->old : f->git_old;
}

static const char *new_of(const struct diff_file *f)
{
	return f->new ? f->new : f->git_new;
}

/* "slub.c.orig" and "slub.c~" are the old slub.c. */
static bool is_backup(const char *old, const char *new)
{
	size_t n = strlen(new);

	return !strncmp(old, new, n) &&
	       (!strcmp(old + n, ".orig") || !strcmp(old + n, "~"));
}

/* -pN as far as this file tells: 0, 1 or -1. */
static int strip_of(const struct diff_file *f)
{
	const char *old = old_of(f), *new = new_of(f);
	const char *bare = f->to ? f->to : old;

	if (f->to && !new)
		return STRIP_AUTO;
	if (!bare || !new)
		return STRIP_AUTO;
	if (!strcmp(bare, new) || (!f->to && is_backup(bare, new)))
		return 0;
	return 1;
}

static int settle_strip(const struct place *at, const struct diff_files *f,
			int *strip, struct err *e)
{
	for (size_t i = 0; i < f->n; i++) {
		int own = strip_of(&f->at[i]);

		if (own == STRIP_AUTO)
			continue;
		if (*strip == STRIP_AUTO)
			*strip = own;
		if (*strip != own)
			return place_err(at, f->at[i].line, e,
					 "some files of this diff are named "
					 "for -p0 and some for -p1");
	}
	if (*strip == STRIP_AUTO)
		*strip = 1;
	return 0;
}

static int refuse(const struct place *at, const struct diff_file *f,
		  const char *name, const char *why, struct err *e)
{
	char *shown = text_one_line(name, strlen(name), NULL);
	int r = place_err(at, f->line, e, "path '%s' %s", shown, why);

	free(shown);
	return r;
}

/* The name in the tree; *out is NULL if there is none. */
static int tree_name(const struct place *at, const struct diff_file *f,
		     const char *name, int strip, const char **out,
		     struct err *e)
{
	const char *problem;

	*out = NULL;
	if (!name)
		return 0;
	if (*name == '/')
		return refuse(at, f, name, "is absolute", e);
	*out = path_strip(name, strip);
	if (!*out)
		return refuse(at, f, name,
			      strip ? "has no folder to strip: is this a -p0 "
				      "patch?"
				    : "names no file",
			      e);
	problem = path_problem(*out);
	return problem ? refuse(at, f, name, problem, e) : 0;
}

static bool equal(const char *a, const char *b)
{
	return !a || !b || !strcmp(a, b);
}

struct tree_names {
	const char *old, *new, *git_old, *git_new, *from, *to;
};

static int disagree(const struct place *at, const struct diff_file *f,
		    struct err *e)
{
	return place_err(at, f->line, e,
			 "the headers of this file name different files");
}

static int check_agreement(const struct place *at, const struct diff_file *f,
			   const struct tree_names *t, struct err *e)
{
	bool one_file = !t->from && t->old && t->new;

	if (!t->old && !t->new && !t->from && !t->git_old)
		return place_err(at, f->line, e,
				 "it cannot be told which file this is");
	if (t->from && (!equal(t->from, t->old) || !equal(t->to, t->new)))
		return disagree(at, f, e);
	/* Where a name has spaces, the cut of the first line is a guess. */
	if (!t->from && t->git_old &&
	    (!equal(t->old, t->git_old) || !equal(t->new, t->git_new) ||
	     !equal(t->git_old, t->git_new)))
		return disagree(at, f, e);
	if (one_file && strcmp(t->old, t->new) && !is_backup(t->old, t->new))
		return disagree(at, f, e);
	return 0;
}

static int check_link(const struct place *at, const struct diff_file *f,
		      const char *path, struct err *e)
{
	const char *problem;

	if (!f->link || f->removed)
		return 0;
	if (!f->target)
		return f->to || f->mode_changes || f->made
			       ? place_err(at, f->line, e,
					   "a symbolic link of unknown target")
			       : 0;
	problem = path_link_problem(path, f->target);
	return problem ? refuse(at, f, path, problem, e) : 0;
}

static int check_file(const struct place *at, const struct diff_file *f,
		      struct diff *out, struct err *e)
{
	int bare = out->strip ? out->strip - 1 : 0, r;
	struct tree_names t;

	r = tree_name(at, f, f->old, out->strip, &t.old, e);
	r = r ? r : tree_name(at, f, f->new, out->strip, &t.new, e);
	r = r ? r : tree_name(at, f, f->git_old, out->strip, &t.git_old, e);
	r = r ? r : tree_name(at, f, f->git_new, out->strip, &t.git_new, e);
	r = r ? r : tree_name(at, f, f->from, bare, &t.from, e);
	r = r ? r : tree_name(at, f, f->to, bare, &t.to, e);
	r = r ? r : check_agreement(at, f, &t, e);
	if (r)
		return r;
	if (t.from) {
		strv_add(&out->paths, t.from);
		strv_add(&out->paths, t.to);
	} else {
		strv_add(&out->paths, t.new       ? t.new
				      : t.old     ? t.old
				      : t.git_new ? t.git_new
						  : t.git_old);
	}
	return check_link(at, f, out->paths.v[out->paths.n - 1], e);
}

static int compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void sort_unique(struct strv *l)
{
	size_t to = 0;

	if (!l->n)
		return;
	qsort(l->v, l->n, sizeof(*l->v), compare);
	for (size_t i = 1; i < l->n; i++) {
		if (strcmp(l->v[to], l->v[i]))
			l->v[++to] = l->v[i];
		else
			free(l->v[i]);
	}
	l->n = to + 1;
	l->v[l->n] = NULL;
}

int diff_check_names(const struct place *at, const struct diff_files *f,
		     int strip, struct diff *out, struct err *e)
{
	int r = 0;

	out->strip = strip;
	if (strip == STRIP_AUTO)
		r = settle_strip(at, f, &out->strip, e);
	for (size_t i = 0; !r && i < f->n; i++)
		r = check_file(at, &f->at[i], out, e);
	sort_unique(&out->paths);
	return r;
}

#include "series/diff_int.h"

#include "base/err.h"
#include "series/path.h"

#include <errno.h>

#define FILES_CAP 20000

void diff_release(struct diff *d)
{
	str_release(&d->text);
	strv_release(&d->paths);
	*d = (struct diff){0};
}

static bool next_is(const struct lines *in, const char *prefix)
{
	struct line l;

	return lines_peek(in, &l) && line_starts(&l, prefix);
}

static bool at_plain(const struct line *l, const struct lines *in)
{
	return line_starts(l, "--- ") && l->len > 4 && next_is(in, "+++ ");
}

bool diff_starts(const struct line *l, const struct lines *in)
{
	return line_starts(l, "diff --git ") || at_plain(l, in) ||
	       (line_starts(l, "diff -") && next_is(in, "--- ")) ||
	       (line_starts(l, "Index: ") && next_is(in, "====="));
}

/* ---- files ---- */

static int add_file(struct reader *r, bool git)
{
	struct diff_files *f = &r->files;

	if (f->n >= FILES_CAP)
		return place_err(r->at, r->in.number, r->e,
				 "the diff touches more than %d files",
				 FILES_CAP);
	if (!(f->n & (f->n - 1)))
		f->at = xrealloc(f->at, (f->n ? f->n * 2 : 1) * sizeof(*f->at));
	f->at[f->n++] = (struct diff_file){.line = r->in.number, .git = git};
	return 0;
}

/* A plain --- and +++ pair. */
static int name_lines(struct reader *r)
{
	struct diff_file *f = reader_file(r);
	int code;

	for (int i = 0; i < 2; i++) {
		if (!reader_at(r, i ? "+++ " : "--- "))
			return place_err(r->at, r->in.number, r->e,
					 "the diff is cut off: a +++ line must "
					 "follow");
		if (reader_check_end(r))
			return -EINVAL;
		code = diff_plain_name(r->at, r->in.number, r->l.text + 4,
				       r->l.len - 4, f->git,
				       i ? &f->new : &f->old, r->e);
		if (code)
			return code;
		reader_pass(r);
	}
	f->made |= !f->old;
	f->removed |= !f->new;
	if (!f->old && !f->new)
		return place_err(r->at, f->line, r->e,
				 "both names of this file are /dev/null");
	return 0;
}

/* Behind a file without content, its names would be taken for that file's. */
static int plain_file(struct reader *r)
{
	bool bare = r->files.n && reader_file(r)->bare;
	int code = add_file(r, false);

	if (!code && bare)
		code = place_err(r->at, r->in.number, r->e,
				 "the diff is mangled: the names of a file "
				 "stand apart from its other headers");

	code = code ? code : name_lines(r);
	return code ? code : diff_hunks(r);
}

static int mode(struct reader *r, size_t skip, bool after)
{
	struct line m = {r->l.text + skip, r->l.len - skip};

	if (after && line_is(&m, "120000"))
		reader_file(r)->link = true;
	if (line_is(&m, "100644") || line_is(&m, "100755") ||
	    line_is(&m, "100664") || line_is(&m, "120000"))
		return 0;
	if (line_is(&m, "160000"))
		return place_err(r->at, r->in.number, r->e,
				 "the diff changes a submodule");
	return place_err(r->at, r->in.number, r->e,
			 "this is not the mode of a file");
}

/* Hex at p, which is all or the start of full? */
static bool is_id(const char *p, size_t n, const char *full)
{
	return n >= 7 && n <= strlen(full) && !memcmp(p, full, n);
}

/* "index af984e4990e8..f5908e6b6fb1 100644" */
static int index_line(struct reader *r)
{
	static const char hex[] = "0123456789abcdef";
	const char *before = r->l.text + 6, *end = r->l.text + r->l.len;
	const char *p = before, *after;

	while (p < end && *p && strchr(hex, *p))
		p++;
	if (p == before || end - p < 3 || memcmp(p, "..", 2))
		goto bad;
	after = p + 2;
	for (p = after; p < end && *p && strchr(hex, *p);)
		p++;
	if (p == after)
		goto bad;
	reader_file(r)->has_index = true;
	reader_file(r)->empty_index =
		is_id(after, (size_t)(p - after),
		      "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391") ||
		is_id(before, (size_t)(after - 2 - before),
		      "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391");
	if (p < end && *p == ' ')
		return mode(r, (size_t)(p + 1 - r->l.text), true);
	if (p == end)
		return 0;
bad:
	return place_err(r->at, r->in.number, r->e,
			 "the index line of the diff is mangled");
}

static int renamed(struct reader *r, size_t skip, char **name)
{
	size_t used, len = r->l.len - skip;
	const char *p = r->l.text + skip;

	free(*name);
	*name = len && *p == '"' ? path_unquote(p, len, &used)
				 : xstrndup(p, len);
	if (*name && **name)
		return 0;
	return place_err(r->at, r->in.number, r->e,
			 "the name of the file is quoted wrongly");
}

/* One extended header; *known is false if the line is none. */
static int extended(struct reader *r, bool *known)
{
	struct diff_file *f = reader_file(r);

	*known = true;
	if (reader_at(r, "index "))
		return index_line(r);
	if (reader_at(r, "old mode "))
		return mode(r, 9, false);
	if (reader_at(r, "new mode ")) {
		f->mode_changes = true;
		return mode(r, 9, true);
	}
	if (reader_at(r, "new file mode ")) {
		f->made = true;
		return mode(r, 14, true);
	}
	if (reader_at(r, "deleted file mode ")) {
		f->removed = true;
		return mode(r, 18, false);
	}
	if (reader_at(r, "rename from ") || reader_at(r, "copy from "))
		return renamed(r, *r->l.text == 'r' ? 12 : 10, &f->from);
	if (reader_at(r, "rename to ") || reader_at(r, "copy to "))
		return renamed(r, *r->l.text == 'r' ? 10 : 8, &f->to);
	*known = reader_at(r, "similarity index ") ||
		 reader_at(r, "dissimilarity index ");
	f->rewritten |= *known && !line_is(&r->l, "similarity index 100%");
	return 0;
}

static int binary_differs(struct reader *r)
{
	return place_err(r->at, r->in.number, r->e,
			 "the diff says that a binary file differs and not "
			 "how: make it with git diff --binary");
}

static int no_content(struct reader *r)
{
	struct diff_file *f = reader_file(r);
	bool whole = f->has_index ? (f->made || f->removed) && f->empty_index
				  : f->to || f->mode_changes;

	f->bare = true;
	if (reader_at(r, "Binary files ") || reader_at(r, "Files "))
		return binary_differs(r);
	if (!whole || f->rewritten)
		return place_err(r->at, f->line, r->e,
				 "the diff is cut off: it does not say what "
				 "changes in this file");
	if (!r->more || line_is_blank(&r->l) || reader_at_signature(r) ||
	    reader_at(r, "diff --git "))
		return 0;
	return place_err(r->at, r->in.number, r->e,
			 "the diff is mangled: this is not a header of git's");
}

static int git_headers(struct reader *r)
{
	struct diff_file *f = reader_file(r);
	bool known = true;
	int code = 0;

	if (reader_check_end(r))
		return -EINVAL;
	diff_git_names(r->l.text + 11, r->l.len - 11, f);
	reader_pass(r);
	while (r->more && known) {
		code = extended(r, &known);
		if (code)
			return code;
		if (known)
			reader_pass(r);
	}
	if (!f->from != !f->to)
		return place_err(r->at, f->line, r->e,
				 "a rename needs both names");
	return 0;
}

static int git_file(struct reader *r)
{
	int code = add_file(r, true);

	code = code ? code : git_headers(r);
	if (code)
		return code;
	if (r->more && line_is(&r->l, "GIT binary patch"))
		return diff_binary(r);
	if (!reader_at(r, "--- "))
		return no_content(r);
	code = name_lines(r);
	return code ? code : diff_hunks(r);
}

/* ---- all ---- */

static int rest_after_signature(struct reader *r)
{
	for (reader_next(r); r->more; reader_next(r))
		if (reader_at(r, "diff --git "))
			return place_err(r->at, r->in.number, r->e,
					 "another diff follows behind the "
					 "signature of the first");
	return 0;
}

static int one(struct reader *r)
{
	if (reader_at(r, "diff --git "))
		return git_file(r);
	if (at_plain(&r->l, &r->in))
		return plain_file(r);
	if (reader_at(r, "@@@ ") || reader_at(r, "diff --cc ") ||
	    reader_at(r, "diff --combined "))
		return place_err(r->at, r->in.number, r->e,
				 "this is the combined diff of a merge");
	if (reader_at(r, "@@ -"))
		return place_err(r->at, r->in.number, r->e,
				 "a hunk without the names of its file");
	if (reader_at(r, "Binary files ") && r->l.len > 7 &&
	    !memcmp(r->l.text + r->l.len - 7, " differ", 7))
		return binary_differs(r);
	if (reader_at_signature(r))
		return rest_after_signature(r);
	reader_next(r);
	return 0;
}

int diff_read(const struct place *at, const char *text, size_t len,
	      size_t first, int strip, struct diff *out, struct err *e)
{
	struct reader r = {.at = at, .out = out, .e = e};
	int code = 0;

	*out = (struct diff){.strip = strip};
	r.in = (struct lines){text, text + len, first - 1};
	reader_next(&r);
	while (!code && r.more)
		code = one(&r);
	if (!code && !r.files.n)
		code = place_err(at, first, e, "there is no diff in it");
	if (!code)
		code = diff_check_names(at, &r.files, strip, out, e);
	diff_files_release(&r.files);
	return code;
}

bool diff_next_index(const char **text, struct diff_index *out)
{
	const char *p = *text;

	/* Lines of content start with another character. */
	for (; *p; p = strchr(p, '\n') + 1) {
		if (str_starts(p, "diff --git "))
			out->name = p + 11;
		if (!str_starts(p, "index "))
			continue;
		out->before = p + 6;
		out->after = strstr(p, "..") + 2;
		*text = strchr(p, '\n') + 1;
		return out->name != NULL;
	}
	return false;
}

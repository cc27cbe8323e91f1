#include "series/diff_int.h"

#include "base/err.h"
#include "series/path.h"

#define FILES_CAP 20000
#define HUNK_CAP 10000000

struct reader {
	const struct place *at;
	struct lines in;
	struct line l; /* the line at hand */
	bool more;     /* there is one */
	struct diff *out;
	struct diff_files files;
	struct err *e;
};

void diff_release(struct diff *d)
{
	str_release(&d->text);
	strv_release(&d->paths);
	*d = (struct diff){0};
}

static void next(struct reader *r)
{
	r->more = lines_next(&r->in, &r->l);
}

static void keep(struct reader *r)
{
	str_add(&r->out->text, r->l.text, r->l.len);
	str_add(&r->out->text, "\n", 1);
}

static void keep_and_next(struct reader *r)
{
	keep(r);
	next(r);
}

static bool at_is(const struct reader *r, const char *prefix)
{
	return r->more && line_starts(&r->l, prefix);
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

static bool at_signature(const struct reader *r)
{
	return r->more && (line_is(&r->l, "-- ") || line_is(&r->l, "--"));
}

bool diff_starts(const struct line *l, const struct lines *in)
{
	return line_starts(l, "diff --git ") || at_plain(l, in) ||
	       (line_starts(l, "diff -") && next_is(in, "--- ")) ||
	       (line_starts(l, "Index: ") && next_is(in, "====="));
}

/* ---- hunks ---- */

struct hunk {
	size_t line;
	long long old, new; /* lines that are still to come */
};

static const char *digits(const char *p, const char *end, long long *out)
{
	const char *start = p;

	for (*out = 0; p < end && *p >= '0' && *p <= '9'; p++)
		if (*out <= HUNK_CAP)
			*out = *out * 10 + *p - '0';
	return p > start ? p : NULL;
}

/* "12,5" or "12" */
static const char *span(const char *p, const char *end, long long *count)
{
	long long first;

	p = digits(p, end, &first);
	*count = 1;
	if (p && p < end && *p == ',')
		p = digits(p + 1, end, count);
	return p;
}

static int hunk_header(struct reader *r, struct hunk *h)
{
	const char *p = r->l.text, *end = p + r->l.len;

	h->line = r->in.number;
	p = end - p > 4 && !memcmp(p, "@@ -", 4) ? span(p + 4, end, &h->old)
						 : NULL;
	if (p && end - p > 2 && !memcmp(p, " +", 2))
		p = span(p + 2, end, &h->new);
	else
		p = NULL;
	if (!p || end - p < 3 || memcmp(p, " @@", 3))
		return place_err(r->at, h->line, r->e,
				 "this is not the header of a hunk");
	if (h->old > HUNK_CAP || h->new > HUNK_CAP)
		return place_err(r->at, h->line, r->e, "no hunk is that long");
	if (end[-1] == '\r')
		return place_err(r->at, h->line, r->e,
				 "the line ends in CR LF and others do not: "
				 "what is content cannot be told");
	return 0;
}

static int cut_off(struct reader *r, const struct hunk *h)
{
	return place_err(r->at, h->line, r->e,
			 "the diff is cut off: this hunk lacks %lld old and "
			 "%lld new lines at its end",
			 h->old, h->new);
}

/* A signature that was taken for a removed line shows that lines lack. */
static bool after_signature(const struct reader *r)
{
	const struct str *kept = &r->out->text;

	return kept->len > 4 && str_ends(kept->buf, "\n-- \n");
}

static int mangled(struct reader *r, const struct hunk *h)
{
	char *text;
	int code;

	if (after_signature(r))
		return cut_off(r, h);
	text = text_one_line(r->l.text, r->l.len < 60 ? r->l.len : 60, NULL);
	code = place_err(r->at, r->in.number, r->e,
			 "the diff is mangled: '%s' is no line of a hunk (that "
			 "of line %zu lacks %lld old and %lld new): wrapped, "
			 "or its first space is lost",
			 text, h->line, h->old, h->new);
	free(text);
	return code;
}

static struct diff_file *this_file(struct reader *r)
{
	return &r->files.at[r->files.n - 1];
}

static void note_target(struct reader *r)
{
	struct diff_file *f = this_file(r);

	free(f->target);
	f->target = xstrndup(r->l.text + 1, r->l.len - 1);
}

/* One line of content.  A context line that is blank may have lost its space:
 * the counts leave no doubt what it was. */
static int hunk_line(struct reader *r, struct hunk *h)
{
	char c = r->l.len ? *r->l.text : ' ';

	if (c == '\\') {
		keep_and_next(r);
		return 0;
	}
	if ((c != ' ' && c != '-' && c != '+') || (c != '+' && !h->old) ||
	    (c != '-' && !h->new))
		return mangled(r, h);
	h->old -= c != '+';
	h->new -= c != '-';
	if (c == '+' && this_file(r)->link)
		note_target(r);
	if (!r->l.len) {
		r->out->blanks++;
		str_add(&r->out->text, " ", 1);
	} else if (r->l.text[r->l.len - 1] == '\r') {
		r->out->crs++;
	}
	keep_and_next(r);
	return 0;
}

static int hunk(struct reader *r)
{
	struct hunk h = {0};
	int code = hunk_header(r, &h);

	if (code)
		return code;
	keep_and_next(r);
	while (!code && (h.old || h.new)) {
		if (!r->more)
			return cut_off(r, &h);
		code = hunk_line(r, &h);
	}
	if (!code && at_is(r, "\\ "))
		keep_and_next(r);
	return code;
}

/* What stands behind the last hunk of a file must not look like more of it: a
 * hunk whose header counts too few lines would lose the rest without a word. */
static int no_rest(struct reader *r)
{
	bool blank = false;

	while (r->more && !r->l.len) {
		blank = true;
		next(r);
	}
	if (!r->more || at_signature(r) || diff_starts(&r->l, &r->in) ||
	    line_is(&r->l, "---") || !strchr("+- \t", *r->l.text))
		return 0;
	if (blank && *r->l.text == ' ' && r->l.len > 1 && r->l.text[1] != '\t')
		return 0;
	return place_err(r->at, r->in.number, r->e,
			 "the diff is mangled: the hunk before this line has "
			 "more lines than its header says");
}

static int hunks(struct reader *r)
{
	int code = 0;

	if (!at_is(r, "@@ -"))
		return place_err(r->at, r->in.number, r->e,
				 "the diff is cut off: a hunk must follow");
	while (!code && at_is(r, "@@ "))
		code = hunk(r);
	return code ? code : no_rest(r);
}

/* ---- git's binary patches ---- */

static bool is_base85(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
	       (c >= 'A' && c <= 'Z') ||
	       (c && strchr("!#$%&()*+-;<=>?@^_`{|}~", c));
}

static bool binary_line(const struct line *l)
{
	size_t n;

	if (l->len < 6)
		return false;
	n = *l->text >= 'A' && *l->text <= 'Z'   ? *l->text - 'A' + 1u
	    : *l->text >= 'a' && *l->text <= 'z' ? *l->text - 'a' + 27u
						 : 0;
	if (!n || l->len != 1 + (n + 3) / 4 * 5)
		return false;
	for (size_t i = 1; i < l->len; i++)
		if (!is_base85(l->text[i]))
			return false;
	return true;
}

static bool binary_header(const struct line *l)
{
	const char *end = l->text + l->len;
	long long n;

	if (line_starts(l, "literal "))
		return digits(l->text + 8, end, &n) == end;
	return line_starts(l, "delta ") && digits(l->text + 6, end, &n) == end;
}

static int binary_block(struct reader *r)
{
	keep_and_next(r);
	while (r->more && r->l.len) {
		if (!binary_line(&r->l))
			return place_err(r->at, r->in.number, r->e,
					 "the binary patch is mangled");
		keep_and_next(r);
	}
	str_add(&r->out->text, "\n", 1);
	next(r);
	return 0;
}

static int binary(struct reader *r)
{
	int code;

	keep_and_next(r);
	if (!r->more || !binary_header(&r->l))
		return place_err(r->at, r->in.number, r->e,
				 "the binary patch is cut off");
	code = binary_block(r);
	if (!code && r->more && binary_header(&r->l))
		code = binary_block(r);
	return code;
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
	struct diff_file *f = this_file(r);
	int code;

	for (int i = 0; i < 2; i++) {
		if (!at_is(r, i ? "+++ " : "--- "))
			return place_err(r->at, r->in.number, r->e,
					 "the diff is cut off: a +++ line must "
					 "follow");
		code = diff_plain_name(r->at, r->in.number, r->l.text + 4,
				       r->l.len - 4, f->git,
				       i ? &f->new : &f->old, r->e);
		if (code)
			return code;
		keep_and_next(r);
	}
	f->made |= !f->old;
	f->removed |= !f->new;
	if (!f->old && !f->new)
		return place_err(r->at, f->line, r->e,
				 "both names of this file are /dev/null");
	return 0;
}

static int plain_file(struct reader *r)
{
	int code = add_file(r, false);

	code = code ? code : name_lines(r);
	return code ? code : hunks(r);
}

static int mode(struct reader *r, size_t skip, bool after)
{
	struct line m = {r->l.text + skip, r->l.len - skip};

	if (after && line_is(&m, "120000"))
		this_file(r)->link = true;
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
	this_file(r)->has_index = true;
	this_file(r)->empty_index =
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
	struct diff_file *f = this_file(r);

	*known = true;
	if (at_is(r, "index "))
		return index_line(r);
	if (at_is(r, "old mode "))
		return mode(r, 9, false);
	if (at_is(r, "new mode ")) {
		f->mode_changes = true;
		return mode(r, 9, true);
	}
	if (at_is(r, "new file mode ")) {
		f->made = true;
		return mode(r, 14, true);
	}
	if (at_is(r, "deleted file mode ")) {
		f->removed = true;
		return mode(r, 18, false);
	}
	if (at_is(r, "rename from ") || at_is(r, "copy from "))
		return renamed(r, *r->l.text == 'r' ? 12 : 10, &f->from);
	if (at_is(r, "rename to ") || at_is(r, "copy to "))
		return renamed(r, *r->l.text == 'r' ? 10 : 8, &f->to);
	*known = at_is(r, "similarity index ") ||
		 at_is(r, "dissimilarity index ");
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
	const struct diff_file *f = this_file(r);
	bool whole = f->has_index ? (f->made || f->removed) && f->empty_index
				  : f->to || f->mode_changes || f->made ||
					    f->removed;

	if (at_is(r, "Binary files ") || at_is(r, "Files "))
		return binary_differs(r);
	if (!whole)
		return place_err(r->at, f->line, r->e,
				 "the diff is cut off: it does not say what "
				 "changes in this file");
	return no_rest(r);
}

static int git_headers(struct reader *r)
{
	struct diff_file *f = this_file(r);
	bool known = true;
	int code = 0;

	if (r->l.text[r->l.len - 1] == '\r')
		return place_err(r->at, r->in.number, r->e,
				 "the line ends in CR LF and others do not: "
				 "what is content cannot be told");
	diff_git_names(r->l.text + 11, r->l.len - 11, f);
	keep_and_next(r);
	while (r->more && known) {
		code = extended(r, &known);
		if (code)
			return code;
		if (known)
			keep_and_next(r);
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
		return binary(r);
	if (!at_is(r, "--- "))
		return no_content(r);
	code = name_lines(r);
	return code ? code : hunks(r);
}

/* ---- all ---- */

static int rest_after_signature(struct reader *r)
{
	for (next(r); r->more; next(r))
		if (at_is(r, "diff --git "))
			return place_err(r->at, r->in.number, r->e,
					 "another diff follows behind the "
					 "signature of the first");
	return 0;
}

static int one(struct reader *r)
{
	if (at_is(r, "diff --git "))
		return git_file(r);
	if (at_plain(&r->l, &r->in))
		return plain_file(r);
	if (at_is(r, "@@@ ") || at_is(r, "diff --cc ") ||
	    at_is(r, "diff --combined "))
		return place_err(r->at, r->in.number, r->e,
				 "this is the combined diff of a merge");
	if (at_is(r, "@@ -"))
		return place_err(r->at, r->in.number, r->e,
				 "a hunk without the names of its file");
	if (at_is(r, "Binary files ") && r->l.len > 7 &&
	    !memcmp(r->l.text + r->l.len - 7, " differ", 7))
		return binary_differs(r);
	if (at_signature(r))
		return rest_after_signature(r);
	next(r);
	return 0;
}

int diff_read(const struct place *at, const char *text, size_t len,
	      size_t first, int strip, struct diff *out, struct err *e)
{
	struct reader r = {.at = at, .out = out, .e = e};
	int code = 0;

	*out = (struct diff){.strip = strip};
	r.in = (struct lines){text, text + len, first - 1};
	next(&r);
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

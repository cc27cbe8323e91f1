/*
 * Hunks: as many lines as their headers say, and no other.
 */
#include "series/diff_int.h"

#include "base/err.h"

#define HUNK_CAP 10000000

/* ---- the line at hand ---- */

void reader_next(struct reader *r)
{
	r->more = lines_next(&r->in, &r->l);
}

void reader_keep(struct reader *r)
{
	str_add(&r->out->text, r->l.text, r->l.len);
	str_add(&r->out->text, "\n", 1);
}

void reader_pass(struct reader *r)
{
	reader_keep(r);
	reader_next(r);
}

bool reader_at(const struct reader *r, const char *prefix)
{
	return r->more && line_starts(&r->l, prefix);
}

bool reader_at_signature(const struct reader *r)
{
	return r->more && (line_is(&r->l, "-- ") || line_is(&r->l, "--"));
}

int reader_check_end(struct reader *r)
{
	if (!r->l.len || r->l.text[r->l.len - 1] != '\r')
		return 0;
	return place_err(r->at, r->in.number, r->e,
			 "the line ends in CR LF and others do not: what is "
			 "content cannot be told");
}

struct diff_file *reader_file(struct reader *r)
{
	return &r->files.at[r->files.n - 1];
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
	return reader_check_end(r);
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
			 text, place_line(r->at, h->line), h->old, h->new);
	free(text);
	return code;
}

static void note_target(struct reader *r)
{
	struct diff_file *f = reader_file(r);

	free(f->target);
	f->target = xstrndup(r->l.text + 1, r->l.len - 1);
}

/* One line of content.  A context line that is blank may have lost its space:
 * the counts leave no doubt what it was. */
static int hunk_line(struct reader *r, struct hunk *h)
{
	char c = r->l.len ? *r->l.text : ' ';

	if (c == '\\') {
		reader_pass(r);
		return 0;
	}
	if ((c != ' ' && c != '-' && c != '+') || (c != '+' && !h->old) ||
	    (c != '-' && !h->new))
		return mangled(r, h);
	h->old -= c != '+';
	h->new -= c != '-';
	if (c == '+' && reader_file(r)->link)
		note_target(r);
	if (!r->l.len) {
		r->out->blanks++;
		str_add(&r->out->text, " ", 1);
	} else if (r->l.text[r->l.len - 1] == '\r') {
		r->out->crs++;
	}
	reader_pass(r);
	return 0;
}

static int hunk(struct reader *r)
{
	struct hunk h = {0};
	int code = hunk_header(r, &h);

	if (code)
		return code;
	reader_pass(r);
	while (!code && (h.old || h.new)) {
		if (!r->more)
			return cut_off(r, &h);
		code = hunk_line(r, &h);
	}
	if (!code && reader_at(r, "\\ "))
		reader_pass(r);
	return code;
}

/* What stands behind the last hunk of a file must not look like more of it: a
 * hunk whose header counts too few lines would lose the rest without a word. */
int diff_no_rest(struct reader *r)
{
	bool blank = false;

	if (r->more && r->l.len && *r->l.text >= '0' && *r->l.text <= '9' &&
	    after_signature(r))
		return place_err(r->at, r->in.number, r->e,
				 "the diff is cut off: the signature stands "
				 "where a line of the last hunk is to be");

	while (r->more && !r->l.len) {
		blank = true;
		reader_next(r);
	}
	if (!r->more || reader_at_signature(r) || diff_starts(&r->l, &r->in) ||
	    line_is(&r->l, "---") || !strchr("+- \t", *r->l.text))
		return 0;
	if (blank && *r->l.text == ' ' && r->l.len > 1 && r->l.text[1] != '\t')
		return 0;
	return place_err(r->at, r->in.number, r->e,
			 "the diff is mangled: the hunk before this line has "
			 "more lines than its header says");
}

int diff_hunks(struct reader *r)
{
	int code = 0;

	if (!reader_at(r, "@@ -"))
		return place_err(r->at, r->in.number, r->e,
				 "the diff is cut off: a hunk must follow");
	while (!code && reader_at(r, "@@ "))
		code = hunk(r);
	return code ? code : diff_no_rest(r);
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
	reader_pass(r);
	while (r->more && r->l.len) {
		if (!binary_line(&r->l))
			return place_err(r->at, r->in.number, r->e,
					 "the binary patch is mangled");
		reader_pass(r);
	}
	str_add(&r->out->text, "\n", 1);
	reader_next(r);
	return 0;
}

int diff_binary(struct reader *r)
{
	int code;

	reader_pass(r);
	if (!r->more || !binary_header(&r->l))
		return place_err(r->at, r->in.number, r->e,
				 "the binary patch is cut off");
	code = binary_block(r);
	if (!code && r->more && binary_header(&r->l))
		code = binary_block(r);
	return code;
}

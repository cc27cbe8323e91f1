/*
 * Patches in replies: "fold this in", below a scissors line.
 */
#include "series/mail.h"

#include "base/err.h"
#include "series/diff.h"
#include "series/series.h"

#include <errno.h>

#define FIXUPS_CAP 100
#define INDEX_CAP 200 /* files of a fixup that are compared */

/* A fixup with what it takes to put it in order. */
struct found {
	struct patch patch;
	long long time;
	size_t order;
};

struct search {
	const struct mails *mails;
	int version, total;
	struct series *series;
	struct found *at;
	size_t n;
	struct strv quotes; /* messages that only quote */
};

/* ---- which patch a reply answers ---- */

static bool names_patch(const struct search *s, const struct subject *h)
{
	if (s->total == 1 && !h->numbered)
		return h->patch && h->version == s->version;
	return h->numbered && h->version == s->version && h->total == s->total;
}

static const struct mail *by_id(const struct mails *m, const char *id)
{
	for (size_t i = 0; i < m->n; i++)
		if (m->at[i].id && !strcmp(m->at[i].id, id))
			return &m->at[i];
	return NULL;
}

/* The number of the patch, 0 for the cover letter, -1 if it cannot be told. */
static int answered(const struct search *s, const struct mail *m)
{
	const struct subject *h = &m->head;

	if (names_patch(s, h))
		return h->numbered ? h->number : 1;
	for (size_t i = m->refs.n; i > 0 && m->refs.n - i < 20; i--) {
		const struct mail *up = by_id(s->mails, m->refs.v[i - 1]);

		if (up && up != m && names_patch(s, &up->head))
			return up->head.numbered ? up->head.number : 1;
	}
	return -1;
}

/* ---- what a reply holds ---- */

static bool is_quote_of_diff(const struct line *l)
{
	size_t n = 0;

	while (n < l->len && strchr("> ", l->text[n]))
		n++;
	return n && *l->text == '>' && l->len - n > 3 &&
	       (!memcmp(l->text + n, "@@ -", 4) ||
		!memcmp(l->text + n, "diff", 4) ||
		!memcmp(l->text + n, "+++ ", 4));
}

static bool quotes_diff(const struct mail *m)
{
	struct lines in = {m->body.buf, m->body.buf + m->body.len, 0};
	struct line l;

	while (lines_next(&in, &l))
		if (is_quote_of_diff(&l))
			return true;
	return false;
}

static void skip(struct patch *p, const char *why)
{
	free(p->skipped);
	p->skipped = xstrdup(why);
}

/* A fixup that is damaged does not spoil the series. */
static void add_found(struct search *s, const struct mail *m, const char *text,
		      size_t len, size_t first)
{
	int number = answered(s, m);
	size_t blanks = 0, crs = 0;
	struct found f = {.time = m->time, .order = s->n};
	struct err e;

	if (s->n >= FIXUPS_CAP) {
		strv_add_new(&s->series->notes,
			     "there are too many fixups: the rest is left out");
		return;
	}
	if (mail_patch(m, text, len, first, &f.patch, &blanks, &crs, &e)) {
		strv_addf(&s->series->notes, "a fixup is left out: %s", e.text);
		patch_release(&f.patch);
		return;
	}
	/* The subject of the reply is that of the patch. */
	if (!strcmp(f.patch.subject, m->head.title)) {
		free(f.patch.subject);
		f.patch.subject = xasprintf("fixup: %s", m->head.title);
	}
	f.patch.number = f.patch.fixes = number > 0 ? number : s->total;
	if (number == 0)
		skip(&f.patch, "it answers the cover letter, so its place is "
			       "not known");
	else if (number < 0)
		skip(&f.patch, "it cannot be told which patch it answers");
	s->at = xrealloc(s->at, (s->n + 1) * sizeof(*s->at));
	s->at[s->n++] = f;
}

/* Each stretch behind scissors that has a diff is a fixup. */
static size_t cut_out(struct search *s, const struct mail *m)
{
	struct lines in = {m->body.buf, m->body.buf + m->body.len, 0};
	const char *start = NULL, *end;
	size_t first = 0, fixups = 0;
	struct line l;
	bool more;

	do {
		more = lines_next(&in, &l);
		if (more && !line_is_scissors(&l))
			continue;
		end = more ? l.text : in.end;
		if (start && text_find_diff(start, (size_t)(end - start))) {
			add_found(s, m, start, (size_t)(end - start), first);
			fixups++;
		}
		start = in.at;
		first = in.number + 1;
	} while (more);
	return fixups;
}

static void look_at(struct search *s, const struct mail *m)
{
	char *where;

	if (!m->head.reply && (m->head.patch || !m->refs.n))
		return;
	if (cut_out(s, m))
		return;
	where = place_text(&m->at);
	if (text_find_diff(m->body.buf, m->body.len))
		strv_addf(&s->series->notes,
			  "%s: a diff in a reply, by %s, without scissors "
			  "before it: left out",
			  where, m->author ? m->author : "somebody");
	else if (quotes_diff(m) && m->at.message)
		strv_addf(&s->quotes, "message %d", m->at.message);
	else if (quotes_diff(m))
		strv_add(&s->quotes, where);
	free(where);
}

static int compare(const void *a, const void *b)
{
	const struct found *x = a, *y = b;

	if (x->patch.fixes != y->patch.fixes)
		return x->patch.fixes < y->patch.fixes ? -1 : 1;
	if (x->time != y->time)
		return x->time < y->time ? -1 : 1;
	return x->order < y->order ? -1 : 1;
}

void fixups_find(const struct mails *m, int version, int total,
		 struct series *out)
{
	struct search s = {m, version, total, out, NULL, 0, STRV_INIT};
	char *list;

	for (size_t i = 0; i < m->n; i++)
		look_at(&s, &m->at[i]);
	if (s.n)
		qsort(s.at, s.n, sizeof(*s.at), compare);
	for (size_t i = 0; i < s.n; i++)
		*patches_add(&out->fixups, &out->nfixups) = s.at[i].patch;
	if (s.quotes.n) {
		list = strv_join(&s.quotes, ", ");
		strv_addf(&out->notes, "these quote a patch and bring none: %s",
			  list);
		free(list);
	}
	free(s.at);
	strv_release(&s.quotes);
	fixups_choose(out);
}

/* ---- which fixup replaces which ---- */

static size_t hex(const char *p)
{
	return strspn(p, "0123456789abcdef");
}

/* Two abbreviations of one id? */
static bool same_id(const char *a, const char *b)
{
	size_t n = hex(a), k = hex(b);

	if (k < n)
		n = k;
	return n >= 7 && !memcmp(a, b, n) && strspn(a, "0") < n;
}

static bool same_name(const char *a, const char *b)
{
	size_t n = strcspn(a, "\n");

	return n == strcspn(b, "\n") && !memcmp(a, b, n);
}

/* Does a change start from what b starts from (or, ends, from what b leaves)?
 * *shared: they have a file in common. */
static bool starts_from(const struct patch *a, const struct patch *b, bool ends,
			bool *shared)
{
	const char *x = a->diff, *y;
	struct diff_index i = {0}, k;
	bool yes = false;

	*shared = false;
	for (int n = 0; n < INDEX_CAP && diff_next_index(&x, &i); n++) {
		y = b->diff;
		k = (struct diff_index){0};
		for (int o = 0; o < INDEX_CAP && diff_next_index(&y, &k); o++) {
			if (!same_name(i.name, k.name))
				continue;
			*shared = true;
			yes |= same_id(i.before, ends ? k.after : k.before);
		}
	}
	return yes;
}

static const struct patch *fixed(const struct series *s, const struct patch *f)
{
	for (size_t i = 0; i < s->n; i++)
		if (s->patches[i].number == f->fixes && !s->patches[i].fixes)
			return &s->patches[i];
	return NULL;
}

/* Does it start from the patch, or from an earlier fixup of it? */
static bool fits(const struct series *s, size_t at)
{
	const struct patch *f = &s->fixups[at], *p = fixed(s, f);
	bool shared;

	if (p && starts_from(f, p, true, &shared))
		return true;
	for (size_t i = 0; i < at; i++)
		if (s->fixups[i].fixes == f->fixes &&
		    starts_from(f, &s->fixups[i], true, &shared))
			return true;
	return false;
}

/* Fixup b, which is later, takes the place of a: it has the same subject, or
 * starts from the same contents of a file; or a was made on another tree, and b
 * was made for the patch. */
static bool replaces(const struct series *s, size_t b, size_t a)
{
	const struct patch *old = &s->fixups[a], *new = &s->fixups[b];
	bool shared;

	if (old->fixes != new->fixes || new->skipped)
		return false;
	if (!strcmp(old->subject, new->subject) ||
	    starts_from(new, old, false, &shared))
		return true;
	return shared && !fits(s, a) && fits(s, b);
}

void fixups_choose(struct series *s)
{
	for (size_t a = 0; a < s->nfixups; a++) {
		for (size_t b = a + 1; b < s->nfixups && !s->fixups[a].skipped;
		     b++) {
			char *why;

			if (!replaces(s, b, a))
				continue;
			why = xasprintf("replaced by the one of %s",
					s->fixups[b].where);
			skip(&s->fixups[a], why);
			free(why);
		}
	}
}

void fixups_insert(struct series *s)
{
	struct patch *all = NULL, *left = NULL;
	size_t n = 0, nleft = 0;

	for (size_t i = 0; i < s->n; i++) {
		*patches_add(&all, &n) = s->patches[i];
		for (size_t k = 0; k < s->nfixups; k++) {
			struct patch *f = &s->fixups[k];

			if (f->skipped || !f->fixes || s->patches[i].fixes ||
			    f->fixes != s->patches[i].number)
				continue;
			*patches_add(&all, &n) = *f;
			*f = (struct patch){0};
		}
	}
	for (size_t k = 0; k < s->nfixups; k++)
		if (s->fixups[k].subject)
			*patches_add(&left, &nleft) = s->fixups[k];
	free(s->patches);
	free(s->fixups);
	s->patches = all;
	s->n = n;
	s->fixups = left;
	s->nfixups = nleft;
}

/*
 * From mails to a series: which of them are its patches, and are they all
 * there.
 */
#include "series/mail.h"

#include "base/err.h"
#include "series/series.h"

#include <errno.h>

#define TOTAL_CAP 2000

/* The mails of one series: those with one version and one total. */
struct group {
	int version, total;
	size_t patches; /* without the cover letter, each number once */
};

struct groups {
	struct group *at;
	size_t n;
};

static bool is_numbered(const struct mail *m)
{
	return !m->head.reply && m->head.numbered &&
	       m->head.number <= m->head.total;
}

static bool in_group(const struct mail *m, const struct group *g)
{
	return is_numbered(m) && m->head.version == g->version &&
	       m->head.total == g->total;
}

/* ---- which series ---- */

static void note_group(struct groups *all, const struct mail *m)
{
	struct group *g = NULL;

	for (size_t i = 0; i < all->n && !g; i++)
		if (in_group(m, &all->at[i]))
			g = &all->at[i];
	if (!g) {
		all->at = xrealloc(all->at, (all->n + 1) * sizeof(*g));
		g = &all->at[all->n++];
		*g = (struct group){m->head.version, m->head.total, 0};
	}
	g->patches += m->head.number > 0;
}

/* The newest, or of the version that was asked for; of two like that the one
 * with more mails: the other is somebody's answer. */
static const struct group *newest(const struct groups *all, int version)
{
	const struct group *best = NULL;

	for (size_t i = 0; i < all->n; i++) {
		const struct group *g = &all->at[i];

		if (version && g->version != version)
			continue;
		if (!best || g->version > best->version ||
		    (g->version == best->version && g->patches > best->patches))
			best = g;
	}
	return best;
}

static void list_versions(const struct groups *all, char *buf, size_t size)
{
	size_t n = 0;

	*buf = '\0';
	for (size_t i = 0; i < all->n && n + 32 < size; i++)
		n += (size_t)snprintf(buf + n, size - n,
				      "%sv%d (%zu of %d patches)",
				      i ? ", " : "", all->at[i].version,
				      all->at[i].patches, all->at[i].total);
}

static void note_others(const struct groups *all, const struct group *g,
			struct series *s)
{
	for (size_t i = 0; i < all->n; i++) {
		const struct group *o = &all->at[i];

		if (o != g)
			strv_addf(&s->notes,
				  "there is version %d, too, with %zu of %d "
				  "patches: left out",
				  o->version, o->patches, o->total);
	}
}

/* ---- one patch for each number ---- */

struct slot {
	const struct mail *mail;
	struct patch patch;
};

struct odd {
	size_t blanks, crs;
};

/* The same number again is fine if it is the same patch. */
static int take_twice(struct slot *slot, const struct mail *m,
		      struct patch *again, struct series *s, struct err *e)
{
	char *first = place_text(&slot->mail->at);
	char *second = place_text(&m->at);
	int r = 0;

	if (!strcmp(slot->patch.diff, again->diff))
		strv_addf(&s->notes,
			  "patch %d is there twice, and equal: %s, %s",
			  m->head.number, first, second);
	else
		r = place_err(&m->at, 0, e,
			      "patch %d/%d is there twice, with different "
			      "diffs: also in %s; leave one out",
			      m->head.number, m->head.total, first);
	free(first);
	free(second);
	return r;
}

static int take_patch(struct slot *slot, const struct mail *m, struct odd *odd,
		      struct series *s, struct err *e)
{
	struct patch p;
	int r = mail_patch(m, m->body.buf, m->body.len, 1, &p, &odd->blanks,
			   &odd->crs, e);

	if (!r && slot->mail) {
		r = take_twice(slot, m, &p, s, e);
	} else if (!r) {
		*slot = (struct slot){m, p};
		return 0;
	}
	patch_release(&p);
	return r;
}

static void take_cover(const struct mail *m, struct series *s)
{
	if (s->title)
		return;
	s->title = xstrdup(m->head.title);
	s->base_commit = text_base_commit(m->body.buf, m->body.len);
}

/* "1-3, 7" */
static char *missing(const struct slot *slots, int total)
{
	struct str s = STR_INIT;

	for (int i = 1; i <= total && s.len < 200; i++) {
		int from = i;

		if (slots[i].mail)
			continue;
		while (i < total && !slots[i + 1].mail)
			i++;
		str_addf(&s, i > from ? "%s%d-%d" : "%s%d", s.len ? ", " : "",
			 from, i);
	}
	return str_detach(&s);
}

static int check_missing(const char *name, const struct slot *slots,
			 const struct groups *all, const struct group *g,
			 struct err *e)
{
	char *gone = missing(slots, g->total), versions[200];

	if (!*gone) {
		free(gone);
		return 0;
	}
	list_versions(all, versions, sizeof(versions));
	err_user(e, "%s: %s %s of %d %s missing%s%s%s", name,
		 strpbrk(gone, ",-") ? "patches" : "patch", gone, g->total,
		 strpbrk(gone, ",-") ? "are" : "is",
		 all->n > 1 ? "; there are " : "", all->n > 1 ? versions : "",
		 all->n > 1 ? ", choose one that is whole by its version" : "");
	free(gone);
	return -EINVAL;
}

static void take_slots(struct slot *slots, int total, struct series *s)
{
	for (int i = 1; i <= total; i++) {
		*patches_add(&s->patches, &s->n) = slots[i].patch;
		if (!s->base_commit)
			s->base_commit =
				text_base_commit(slots[i].mail->body.buf,
						 slots[i].mail->body.len);
		slots[i].patch = (struct patch){0};
	}
}

static int fill(const char *name, const struct mails *m,
		const struct groups *all, const struct group *g,
		struct odd *odd, struct series *s, struct err *e)
{
	struct slot *slots = xcalloc((size_t)g->total + 1, sizeof(*slots));
	int r = 0;

	for (size_t i = 0; !r && i < m->n; i++) {
		const struct mail *one = &m->at[i];

		if (!in_group(one, g))
			continue;
		if (one->head.number)
			r = take_patch(&slots[one->head.number], one, odd, s,
				       e);
		else
			take_cover(one, s);
	}
	if (!r)
		r = check_missing(name, slots, all, g, e);
	if (!r)
		take_slots(slots, g->total, s);
	for (int i = 0; i <= g->total; i++)
		patch_release(&slots[i].patch);
	free(slots);
	return r;
}

/* ---- patches without numbers ---- */

static bool has_diff(const struct mail *m)
{
	return text_find_diff(m->body.buf, m->body.len) > 0;
}

static int fill_unnumbered(const struct mails *m, struct odd *odd,
			   struct series *s, struct err *e)
{
	int r = 0;

	for (size_t i = 0; !r && i < m->n; i++) {
		const struct mail *one = &m->at[i];
		struct patch *p;

		if (one->head.reply || !has_diff(one))
			continue;
		p = patches_add(&s->patches, &s->n);
		r = mail_patch(one, one->body.buf, one->body.len, 1, p,
			       &odd->blanks, &odd->crs, e);
		p->number = (int)s->n;
		if (one->head.version > s->version)
			s->version = one->head.version;
		if (!s->base_commit)
			s->base_commit =
				text_base_commit(one->body.buf, one->body.len);
	}
	return r;
}

static int no_patch(const char *name, const struct mails *m, struct err *e)
{
	size_t replies = 0;

	if (m->n == 1 && m->at[0].bare)
		return err_user(e,
				"%s: there is no patch in it: it is neither "
				"the page of an archive (lines like 'From: "
				"NAME @ DATE UTC (permalink / raw)'), nor "
				"mails, nor a diff",
				name);
	for (size_t i = 0; i < m->n; i++)
		replies += m->at[i].head.reply;
	return err_user(e,
			"%s: there is no patch in it: %zu message%s, of which "
			"%zu repl%s",
			name, m->n, m->n == 1 ? "" : "s", replies,
			replies == 1 ? "y" : "ies");
}

/* ---- all ---- */

static void note_strays(const struct mails *m, const struct group *g,
			struct series *s)
{
	for (size_t i = 0; i < m->n; i++) {
		const struct mail *one = &m->at[i];
		char *where;

		if (one->head.reply || is_numbered(one) || !has_diff(one) ||
		    in_group(one, g))
			continue;
		where = place_text(&one->at);
		strv_addf(&s->notes,
			  "%s: '%s' is a patch outside the series: left out",
			  where, one->subject);
		free(where);
	}
}

static void note_odd(const struct mails *m, const struct odd *odd,
		     struct series *s)
{
	if (m->crlf)
		strv_add(&s->notes, "all lines ended in CR LF, which was taken "
				    "for the transport's and made LF");
	if (odd->blanks)
		strv_addf(&s->notes,
			  "%zu blank context lines had lost their space: "
			  "mended, the hunks' counts leave no doubt",
			  odd->blanks);
	if (odd->crs)
		strv_addf(&s->notes,
			  "%zu lines of diffs end in CR: kept, as content",
			  odd->crs);
}

static int assemble_group(const char *name, const struct mails *m,
			  const struct groups *all, const struct group *g,
			  struct odd *odd, struct series *s, struct err *e)
{
	int r;

	if (g->total > TOTAL_CAP)
		return err_user(e, "%s: a series of %d patches is too long",
				name, g->total);
	s->version = g->version;
	r = fill(name, m, all, g, odd, s, e);
	if (r)
		return r;
	note_others(all, g, s);
	note_strays(m, g, s);
	fixups_find(m, g->version, g->total, s);
	return 0;
}

static int assemble_rest(const char *name, const struct mails *m,
			 struct odd *odd, struct series *s, struct err *e)
{
	int r = fill_unnumbered(m, odd, s, e);

	if (!r && !s->n)
		r = no_patch(name, m, e);
	if (!r && s->n == 1)
		fixups_find(m, s->version, 1, s);
	return r;
}

int thread_assemble(const char *name, const struct mails *m,
		    const struct series_request *rq, struct series *s,
		    struct err *e)
{
	struct groups all = {0};
	const struct group *g;
	struct odd odd = {0};
	char versions[200];
	int r;

	s->version = 1;
	for (size_t i = 0; i < m->n && all.n < 1000; i++)
		if (is_numbered(&m->at[i]))
			note_group(&all, &m->at[i]);
	g = newest(&all, rq->version);
	list_versions(&all, versions, sizeof(versions));
	if (g)
		r = assemble_group(name, m, &all, g, &odd, s, e);
	else if (all.n)
		r = err_user(e, "%s: there is no version %d in it, only %s",
			     name, rq->version, versions);
	else
		r = assemble_rest(name, m, &odd, s, e);
	free(all.at);
	if (!r)
		note_odd(m, &odd, s);
	return r;
}

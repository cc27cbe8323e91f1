/*
 * A thread as the web page of a public archive shows it, saved as text:
 *
 *	* [PATCH 1/2] title
 *	  2021-08-05 15:19 [PATCH 0/2] title of another Some Body
 *	@ 2021-08-05 15:19 ` Some Body
 *	  2021-08-05 15:20 ` [PATCH 2/2] title Some Body
 *	  1 sibling, 1 reply; 3+ messages in thread
 *	From: Some Body @ 2021-08-05 15:19 UTC (permalink / raw)
 *	  To: Any Body
 *
 *	text
 *
 *	^ permalink raw reply	[flat|nested] 3+ messages in thread
 */
#include "series/mail.h"

#include "base/err.h"

#include <errno.h>

#define HEAD_CAP 5000 /* lines from the title to From */
#define SEARCHES 60   /* of the whole page, for addresses */

static const char permalink[] = " UTC (permalink / raw)";

static bool is_from(const struct line *l)
{
	size_t n = sizeof(permalink) - 1;

	return line_starts(l, "From: ") && l->len > n + 6 &&
	       !memcmp(l->text + l->len - n, permalink, n);
}

/* The lines between the title of a message and its From line. */
static bool is_head(const struct line *l)
{
	return line_starts(l, "  ") || line_starts(l, "@ ") ||
	       line_starts(l, "\t") || line_starts(l, "` ");
}

/* At a title, l?  Leaves in behind its From line, which is *from, if so. */
static bool starts_message(const struct line *l, struct lines *in,
			   struct line *from)
{
	struct lines ahead = *in;

	if (!line_starts(l, "* ") || l->len < 3)
		return false;
	for (int i = 0; i < HEAD_CAP && lines_next(&ahead, from); i++) {
		if (is_from(from)) {
			*in = ahead;
			return true;
		}
		if (!is_head(from))
			break;
	}
	return false;
}

bool page_is(const struct str *s)
{
	struct lines in = {s->buf, s->buf + s->len, 0};
	struct line l, from;

	while (lines_next(&in, &l))
		if (starts_message(&l, &in, &from))
			return true;
	return false;
}

/* "2021-08-05 15:19" and "2021-08-06  5:14", in UTC. */
static char *page_date(const char *text, size_t len, long long *time)
{
	static const char *const months[] = {"Jan", "Feb", "Mar", "Apr",
					     "May", "Jun", "Jul", "Aug",
					     "Sep", "Oct", "Nov", "Dec"};
	int year, month, day, hour, minute, end = 0;
	char *line, *rfc, *out = NULL;

	if (len > 20)
		return NULL;
	line = xstrndup(text, len);
	if (sscanf(line, "%4d-%2d-%2d %2d:%2d%n", &year, &month, &day, &hour,
		   &minute, &end) == 5 &&
	    !line[end] && month >= 1 && month <= 12 && year >= 1970 &&
	    day >= 1 && hour >= 0 && minute >= 0) {
		rfc = xasprintf("%d %s %d %02d:%02d:00 +0000", day,
				months[month - 1], year, hour, minute);
		out = mail_date(rfc, time);
		free(rfc);
	}
	free(line);
	return out;
}

/* "From: Some Body @ 2021-08-05 15:19 UTC (permalink / raw)" */
static void read_from(const struct line *l, struct mail *m)
{
	const char *name = l->text + 6;
	size_t len = l->len - 6 - (sizeof(permalink) - 1), at = len;

	while (at > 2 && memcmp(name + at - 3, " @ ", 3))
		at--;
	if (at < 3)
		return;
	m->author = text_one_line(name, at - 3, NULL);
	m->date = page_date(name + at, len - at, &m->time);
}

static bool ends_text(const struct line *l)
{
	return line_starts(l, "^ permalink raw reply") ||
	       line_starts(l, "end of thread, other threads:[");
}

/* The rest of the addresses, and the blank line behind them. */
static void skip_addresses(struct lines *in)
{
	struct line l;

	while (lines_peek(in, &l) && l.len &&
	       (line_starts(&l, "  ") || line_starts(&l, "\t")))
		lines_next(in, &l);
	if (lines_peek(in, &l) && line_is_blank(&l))
		lines_next(in, &l);
}

static void read_text(struct lines *in, struct mail *m)
{
	const char *start = in->at, *end = in->at;
	struct lines ahead;
	struct line l, from;

	m->at.line = in->number + 1;
	while (lines_next(in, &l) && !ends_text(&l)) {
		ahead = *in;
		if (starts_message(&l, &ahead, &from)) {
			in->at = l.text;
			in->number--;
			break;
		}
		end = in->at;
	}
	str_add(&m->body, start, (size_t)(end - start));
}

/* ---- addresses, which the page leaves out ---- */

/* "NAME <address>" as the text has it, of a Signed-off-by for example. */
static char *find_address(const char *name, const char *text, size_t len)
{
	char *want = xasprintf("%s <", name), *out = NULL;
	const char *hit = len ? memmem(text, len, want, strlen(want)) : NULL;
	const char *end, *start;

	if (hit) {
		start = hit + strlen(want);
		end = memchr(start, '>', (size_t)(text + len - start));
		if (end && end - start < 200 && end > start &&
		    memchr(start, '@', (size_t)(end - start)) &&
		    !memchr(start, ' ', (size_t)(end - start)) &&
		    !memchr(start, '\n', (size_t)(end - start)))
			out = text_one_line(hit, (size_t)(end + 1 - hit), NULL);
	}
	free(want);
	return out;
}

static char *known_address(const struct mails *all, size_t n, const char *name)
{
	size_t len = strlen(name);

	for (size_t i = n; i > 0 && n - i < 500; i--) {
		const char *a = all->at[i - 1].author;

		if (a && !strncmp(a, name, len) && !strncmp(a + len, " <", 2))
			return xstrdup(a);
	}
	return NULL;
}

static void find_addresses(const struct str *s, struct mails *all, size_t from)
{
	int searches = SEARCHES;

	for (size_t i = from; i < all->n; i++) {
		struct mail *m = &all->at[i];
		char *full;

		if (!m->author)
			continue;
		for (char *p = m->author; *p; p++)
			if (strchr("<>", *p))
				*p = '?';
		full = find_address(m->author, m->body.buf, m->body.len);
		if (!full)
			full = known_address(all, i, m->author);
		if (!full && searches-- > 0)
			full = find_address(m->author, s->buf, s->len);
		if (full) {
			free(m->author);
			m->author = full;
		}
	}
}

int page_read(const char *name, const struct str *s, struct mails *all,
	      struct err *e)
{
	struct lines in = {s->buf, s->buf + s->len, 0};
	struct line l, from;
	size_t first = all->n;
	int message = 0;

	while (lines_next(&in, &l)) {
		struct mail *m;

		if (!starts_message(&l, &in, &from))
			continue;
		m = mails_add(all, name, e);
		if (!m)
			return -EINVAL;
		m->at.message = ++message;
		m->subject = text_one_line(l.text + 2, l.len - 2, NULL);
		subject_parse(m->subject, &m->head);
		read_from(&from, m);
		skip_addresses(&in);
		read_text(&in, m);
	}
	if (!message)
		return err_user(e,
				"%s: this is not the page of an archive: no "
				"line is like 'From: NAME @ DATE UTC "
				"(permalink / raw)' below a line '* SUBJECT'",
				name);
	find_addresses(s, all, first);
	return 0;
}

#include "console/console.h"

#include "base/err.h"
#include "base/file.h"
#include "console/findings.h"
#include "console/report.h"

#include <string.h>

#define OPEN_MAX 8
#define BEFORE_CAP 256

struct console {
	struct findings *findings;
	struct blame *blame;
	struct report open[OPEN_MAX];
	size_t nopen;
	bool ended;

	/* The line that has not ended yet. */
	char part[LINE_CAP];
	size_t npart;
	bool middle; /* what comes next goes on with a line that was too long */
	size_t line;
	char clean[LINE_CAP];

	/* A line in which one message was cut by another: it waits for the
	 * next, which may go on with the first. */
	char cut[LINE_CAP], joined[2 * LINE_CAP];
	size_t ncut, cut_line;

	uint32_t last_caller;
	/* A line that belongs to a report if one follows. */
	char before[BEFORE_CAP];
	size_t nbefore, before_line;
	uint32_t before_caller;
};

/* ---- open reports ---- */

static void close_report(struct console *c, struct report *r)
{
	if (r->kind == FINDING_KINDS)
		str_release(&r->excerpt);
	else
		findings_add(c->findings, r);
	r->open = false;
	c->nopen--;
}

/* The oldest one that is open. */
static struct report *oldest(struct console *c)
{
	struct report *r = NULL;

	for (size_t i = 0; i < OPEN_MAX; i++)
		if (c->open[i].open && (!r || c->open[i].line < r->line))
			r = &c->open[i];
	return r;
}

static void close_all(struct console *c)
{
	while (c->nopen)
		close_report(c, oldest(c));
}

static struct report *find_report(struct console *c, uint32_t caller)
{
	for (size_t i = 0; i < OPEN_MAX; i++)
		if (c->open[i].open &&
		    (c->open[i].caller == caller || c->open[i].also == caller))
			return &c->open[i];
	return NULL;
}

/* A CPU that another one asked for its stack: its lines have its own caller
 * field and belong to the report of the one that asked. */
static struct report *find_asker(struct console *c, const struct message *m)
{
	if (!m->caller || !slice_starts(m->text, "NMI backtrace for cpu"))
		return NULL;
	for (size_t i = 0; i < OPEN_MAX; i++) {
		struct report *r = &c->open[i];

		if (!r->open || (r->kind != FINDING_RCU_STALL &&
				 r->kind != FINDING_SOFT_LOCKUP &&
				 r->kind != FINDING_HARD_LOCKUP))
			continue;
		r->also = m->caller;
		return r;
	}
	return NULL;
}

static struct report *free_slot(struct console *c)
{
	if (c->nopen == OPEN_MAX)
		close_report(c, oldest(c));
	for (size_t i = 0; i < OPEN_MAX; i++)
		if (!c->open[i].open)
			return &c->open[i];
	BUG(true);
}

static struct slice line_before(const struct console *c,
				const struct message *m)
{
	if (c->nbefore && m->line - c->before_line <= 2 &&
	    m->caller == c->before_caller)
		return (struct slice){c->before, c->nbefore};
	return (struct slice){c->before, 0};
}

static void open_report(struct console *c, const struct opener *o,
			const struct message *m)
{
	struct report *r;

	/* A panic stops whoever else was printing. */
	if (o->kind == FINDING_PANIC)
		close_all(c);
	r = free_slot(c);
	report_open(r, o, m, line_before(c, m), c->blame);
	c->nopen++;
	c->nbefore = 0;
	if (o->flags & ENDS)
		close_report(c, r);
}

static void keep_before(struct console *c, const struct message *m)
{
	if (!slice_starts(m->text, "==========") &&
	    !slice_starts(m->text, "page dumped because: "))
		return;
	c->nbefore = m->whole.n < BEFORE_CAP ? m->whole.n : BEFORE_CAP;
	memcpy(c->before, m->whole.p, c->nbefore);
	c->before_line = m->line;
	c->before_caller = m->caller;
}

/* ---- messages ---- */

static void take_opener(struct console *c, struct report *r,
			const struct opener *o, const struct message *m)
{
	if (r && report_joins(r, o, m)) {
		report_join(r, o, m, c->blame);
		if (o->flags & ENDS)
			close_report(c, r);
		return;
	}
	if (r)
		close_report(c, r);
	open_report(c, o, m);
}

/* A message that printk was stopped in, and which it prints anew. */
static bool is_replayed(struct slice text)
{
	static const char mark[] = "** replaying previous printk message **";
	size_t n = sizeof(mark) - 1;

	return text.n >= n && text.p[text.n - 1] == '*' &&
	       !memcmp(text.p + text.n - n, mark, n);
}

static void take_message(struct console *c, struct message *m)
{
	const struct opener *o = opener_find(m->text);
	struct report *r = NULL;

	if (is_replayed(m->text))
		return;
	if (m->mark)
		c->last_caller = m->caller;
	else
		m->caller = c->last_caller;
	if (c->nopen) {
		r = find_report(c, m->caller);
		if (!r)
			r = find_asker(c, m);
	}
	if (o)
		take_opener(c, r, o, m);
	else if (r && !report_add(r, m, c->blame))
		close_report(c, r);
	if (!o)
		keep_before(c, m);
}

static void take_one(struct console *c, struct slice s, size_t line)
{
	struct message m = {.line = line};

	line_read(s, &m);
	take_message(c, &m);
}

/* One message, or several if others cut into it. */
static void take_messages(struct console *c, struct slice s, size_t line)
{
	while (s.n) {
		size_t n = line_cut(s);

		take_one(c, (struct slice){s.p, n}, line);
		s.p += n;
		s.n -= n;
	}
}

/* ---- lines ---- */

/* The line that waited is complete: next goes on with its first message, or is
 * empty. */
static void take_cut(struct console *c, struct slice next)
{
	struct slice s = {c->cut, c->ncut};
	size_t n = line_cut(s);

	memcpy(c->joined, c->cut, n);
	memcpy(c->joined + n, next.p, next.n);
	if (next.n)
		take_messages(c, (struct slice){s.p + n, s.n - n}, c->cut_line);
	take_messages(c, (struct slice){c->joined, n + next.n}, c->cut_line);
	if (!next.n)
		take_messages(c, (struct slice){s.p + n, s.n - n}, c->cut_line);
	c->ncut = 0;
}

static bool has_mark(struct slice s)
{
	struct message m;

	line_read(s, &m);
	return m.mark;
}

/* A line without its end, clean; middle: it is not the start of one. */
static void take_line(struct console *c, struct slice s, bool middle)
{
	size_t n = line_cut(s);

	if (c->ncut) {
		bool goes_on = n == s.n && !middle && !has_mark(s) &&
			       !opener_find(slice_trim(s));

		take_cut(c, goes_on ? s : (struct slice){s.p, 0});
		if (goes_on)
			return;
	}
	if (middle && !has_mark(s)) {
		s.p += n;
		s.n -= n;
		n = s.n ? line_cut(s) : 0;
	}
	if (n == s.n) {
		if (n)
			take_one(c, s, c->line);
	} else if (!has_mark(s)) {
		take_messages(c, s, c->line);
	} else {
		memcpy(c->cut, s.p, s.n);
		c->ncut = s.n;
		c->cut_line = c->line;
	}
}

/* A piece of a line as it came, with carriage returns, which start anew. */
static void take_piece(struct console *c, struct slice s)
{
	while (s.n) {
		const char *cr = memchr(s.p, '\r', s.n);
		size_t n = cr ? (size_t)(cr - s.p) : s.n;
		struct slice one = {s.p, n};

		if (line_dirty(one)) {
			one.n = line_clean(one, c->clean);
			one.p = c->clean;
		}
		if (one.n)
			take_line(c, one, c->middle);
		c->middle = false;
		s.p += n + (cr != NULL);
		s.n -= n + (cr != NULL);
	}
}

/* How much of a line of more than LINE_CAP bytes to take first: a time stamp
 * must not be cut in two. */
static size_t first_piece(const char *p)
{
	for (size_t i = LINE_CAP - 1; i > LINE_CAP - 40; i--)
		if (p[i] == '[')
			return i;
	return LINE_CAP;
}

/* ---- bytes ---- */

static void end_line(struct console *c, struct slice s)
{
	take_piece(c, s);
	c->middle = false;
	c->line++;
}

static void take_long(struct console *c, const char *p, size_t *taken)
{
	*taken = first_piece(p);
	take_piece(c, (struct slice){p, *taken});
	c->middle = true;
}

/* Fills the line that was begun by an earlier call; returns the bytes used. */
static size_t feed_part(struct console *c, struct slice s)
{
	size_t room = LINE_CAP - c->npart, n = s.n < room ? s.n : room, taken;
	const char *end = memchr(s.p, '\n', n);

	if (end)
		n = (size_t)(end - s.p);
	memcpy(c->part + c->npart, s.p, n);
	c->npart += n;
	if (end) {
		end_line(c, (struct slice){c->part, c->npart});
		c->npart = 0;
		return n + 1;
	}
	if (c->npart == LINE_CAP) {
		take_long(c, c->part, &taken);
		c->npart -= taken;
		memmove(c->part, c->part + taken, c->npart);
	}
	return n;
}

/* Takes a line, or a piece of a long one, from where it lies. */
static size_t feed_whole(struct console *c, struct slice s)
{
	size_t n = s.n < LINE_CAP ? s.n : LINE_CAP;
	const char *end = memchr(s.p, '\n', n);

	if (end) {
		end_line(c, (struct slice){s.p, (size_t)(end - s.p)});
		return (size_t)(end - s.p) + 1;
	}
	if (n < LINE_CAP)
		return feed_part(c, s);
	take_long(c, s.p, &n);
	return n;
}

void console_feed(struct console *c, const void *data, size_t n)
{
	struct slice s = {data, n};

	BUG(c->ended);
	while (s.n) {
		size_t used = c->npart ? feed_part(c, s) : feed_whole(c, s);

		s.p += used;
		s.n -= used;
	}
}

void console_end(struct console *c)
{
	if (c->ended)
		return;
	if (c->npart)
		end_line(c, (struct slice){c->part, c->npart});
	if (c->ncut)
		take_cut(c, (struct slice){c->cut, 0});
	close_all(c);
	c->ended = true;
}

/* ---- the object ---- */

int console_new(const struct console_options *o, struct console **out,
		struct err *e)
{
	static const struct console_options none = {0};
	struct console *c = xcalloc(1, sizeof(*c));
	int r;

	if (!o)
		o = &none;
	r = findings_new(o, &c->findings, e);
	if (r) {
		free(c);
		return r;
	}
	c->blame = blame_new();
	c->line = 1;
	for (size_t i = 0; i < OPEN_MAX; i++)
		c->open[i].cap = o->excerpt_cap ? o->excerpt_cap : 16 << 10;
	*out = c;
	return 0;
}

void console_free(struct console *c)
{
	if (!c)
		return;
	for (size_t i = 0; i < OPEN_MAX; i++)
		if (c->open[i].open)
			str_release(&c->open[i].excerpt);
	findings_free(c->findings);
	blame_free(c->blame);
	free(c);
}

size_t console_findings(const struct console *c, const struct finding **list)
{
	return findings_list(c->findings, list);
}

size_t console_dropped(const struct console *c)
{
	return findings_dropped(c->findings);
}

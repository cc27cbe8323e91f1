/*
 * Feeds arbitrary text to klab as a series: the first byte says whether as the
 * page of an archive, as an mbox, as one to be looked at, or as a bare diff.
 * What is taken must be what the header of series.h promises, and come back
 * equal from the mails that are made of it.
 */
#include "base/err.h"
#include "base/str.h"
#include "series/diff.h"
#include "series/path.h"
#include "series/series.h"

#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void check_line(const char *s)
{
	BUG(!s || !str_is_utf8(s));
	for (; *s; s++)
		BUG((unsigned char)*s < 32 || *s == 127);
}

static void check_patch(const struct patch *p)
{
	check_line(p->author);
	check_line(p->subject);
	check_line(p->file);
	check_line(p->where);
	BUG(strchr(p->file, '/') || !str_ends(p->file, ".patch"));
	BUG(!strchr(p->author, '<') || !str_is_utf8(p->message));
	BUG(!*p->diff || !str_ends(p->diff, "\n") || !p->paths.n);
	for (size_t i = 0; i < p->paths.n; i++)
		BUG(path_problem(p->paths.v[i]));
}

/* A diff that was taken is taken again, as it is. */
static void check_diff(const struct patch *p)
{
	const struct place here = {.name = "again", .line = 1};
	struct diff d;
	struct err e;

	BUG(diff_read(&here, p->diff, strlen(p->diff), 1, p->strip, &d, &e));
	BUG(strcmp(d.text.buf, p->diff) || d.paths.n != p->paths.n);
	diff_release(&d);
}

static void check_mail(const struct patch *p)
{
	struct series_request rq = {.fixups = false};
	char *text = patch_text(p);
	struct series s;
	struct err e;

	if (p->strip <= 1) {
		BUG(series_parse("mail", SERIES_MBOX, text, strlen(text), &rq,
				 &s, &e));
		BUG(s.n != 1 || strcmp(s.patches[0].diff, p->diff));
		BUG(strcmp(s.patches[0].message, p->message));
		series_release(&s);
	}
	free(text);
}

static void check_error(const struct err *e)
{
	BUG(e->kind != ERR_USER || !*e->text);
	for (const char *c = e->text; *c; c++)
		BUG((unsigned char)*c < 32 || *c == 127);
}

static void as_diff(const char *text, size_t len)
{
	const struct place here = {.name = "f", .line = 1};
	struct diff d;
	struct err e = {.kind = ERR_NONE};

	if (diff_read(&here, text, len, 1, STRIP_AUTO, &d, &e))
		check_error(&e);
	diff_release(&d);
}

static void as_series(enum series_form form, bool fixups, const char *text,
		      size_t len)
{
	struct series_request rq = {.fixups = fixups};
	struct series s;
	struct err e = {.kind = ERR_NONE};

	if (series_parse("f", form, text, len, &rq, &s, &e)) {
		check_error(&e);
		BUG(s.n || s.patches);
		return;
	}
	BUG(!s.n || s.version < 1);
	for (size_t i = 0; i < s.n + s.nfixups; i++) {
		const struct patch *p =
			i < s.n ? &s.patches[i] : &s.fixups[i - s.n];

		check_patch(p);
		check_diff(p);
		check_mail(p);
	}
	for (size_t i = 0; i < s.notes.n; i++)
		check_line(s.notes.v[i]);
	series_release(&s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static const enum series_form forms[] = {SERIES_THREAD, SERIES_MBOX,
						 SERIES_AUTO};
	const char *text = (const char *)data + 1;

	if (!len)
		return 0;
	if (data[0] % 4 == 3 && !memchr(text, '\0', len - 1))
		as_diff(text, len - 1);
	else
		as_series(forms[data[0] % 3], data[0] & 16, text, len - 1);
	return 0;
}

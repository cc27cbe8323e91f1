/*
 * Feeds arbitrary bytes to the console watch, whole and in pieces whose sizes
 * they also tell: the findings must be the same, printable and within bounds.
 */
#include "base/err.h"
#include "base/str.h"
#include "console/console.h"

#include <stdint.h>

#define FINDINGS 6
#define EXCERPT 2000

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static struct console *begin(void)
{
	struct console_options o = {.max_findings = FINDINGS,
				    .excerpt_cap = EXCERPT};
	struct strv harmless = STRV_INIT;
	struct console *c;
	struct err e;

	strv_add(&harmless, "^WARNING: .*(a|b)+");
	o.harmless = &harmless;
	BUG(console_new(&o, &c, &e));
	strv_release(&harmless);
	return c;
}

static struct console *whole(const uint8_t *data, size_t len)
{
	struct console *c = begin();

	console_feed(c, data, len);
	console_end(c);
	return c;
}

static struct console *pieces(const uint8_t *data, size_t len)
{
	struct console *c = begin();

	for (size_t at = 0; at < len;) {
		size_t n = data[at] % 67 + (data[at] == 'x') * 3000 + 1;

		if (n > len - at)
			n = len - at;
		console_feed(c, data + at, n);
		at += n;
	}
	console_end(c);
	return c;
}

static void check_text(const char *text, size_t cap, bool lines)
{
	BUG(strlen(text) > cap);
	for (; *text; text++)
		BUG((*text != '\n' || !lines) && (*text < 32 || *text > 126));
}

static void check(const struct finding *f)
{
	char again[FINDING_SIGNATURE];

	BUG(f->kind >= FINDING_KINDS || !f->count || !f->line || f->us < -1);
	BUG(finding_kind_find(finding_kind_name(f->kind)) != (int)f->kind);
	check_text(f->first_line, 240, false);
	check_text(f->detail, 200, false);
	check_text(f->function, 128, false);
	check_text(f->excerpt, EXCERPT + 100, true);
	finding_signature(f->kind, f->function, f->first_line, again);
	BUG(strcmp(again, f->signature));
}

static void check_equal(const struct finding *a, const struct finding *b)
{
	BUG(a->kind != b->kind || strcmp(a->first_line, b->first_line));
	BUG(strcmp(a->detail, b->detail) || strcmp(a->function, b->function));
	BUG(a->offset != b->offset || a->us != b->us || a->count != b->count);
	BUG(strcmp(a->excerpt, b->excerpt) || a->line != b->line);
	BUG(a->harmless != b->harmless || a->fatal != b->fatal);
	BUG(a->consequence != b->consequence);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	const struct finding *a, *b;
	struct console *one = whole(data, len), *two = pieces(data, len);
	size_t n = console_findings(one, &a);

	BUG(n > FINDINGS || n != console_findings(two, &b));
	BUG(console_dropped(one) != console_dropped(two));
	for (size_t i = 0; i < n; i++) {
		BUG(i && a[i].line < a[i - 1].line);
		check(&a[i]);
		check_equal(&a[i], &b[i]);
	}
	console_free(one);
	console_free(two);
	return 0;
}

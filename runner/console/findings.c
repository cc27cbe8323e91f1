#include "console/findings.h"

#include "base/err.h"
#include "base/file.h"

#include <errno.h>
#include <regex.h>
#include <string.h>

#define PATTERN_CAP 1000

struct findings {
	struct finding *list;
	size_t n, max, dropped;
	regex_t *harmless;
	size_t nharmless;
};

/* ---- patterns ---- */

static int compile(const char *pattern, regex_t *re, struct err *e)
{
	char why[200];
	int r;

	if (!*pattern)
		return err_user(e, "an empty pattern fits every finding; "
				   "leave it out");
	if (strlen(pattern) > PATTERN_CAP)
		return err_user(e,
				"pattern '%.40s...' is longer than %d "
				"characters",
				pattern, PATTERN_CAP);
	r = regcomp(re, pattern, REG_EXTENDED | REG_NOSUB);
	if (!r)
		return 0;
	regerror(r, re, why, sizeof(why));
	return err_user(e,
			"pattern '%s' is no POSIX extended regular expression: "
			"%s",
			pattern, why);
}

int console_check_pattern(const char *pattern, struct err *e)
{
	regex_t re;
	int r = compile(pattern, &re, e);

	if (!r)
		regfree(&re);
	return r;
}

static bool harmless(const struct findings *f, const char *line)
{
	for (size_t i = 0; i < f->nharmless; i++)
		if (!regexec(&f->harmless[i], line, 0, NULL, 0))
			return true;
	return false;
}

/* ---- signatures ---- */

/* Text without its numbers, which are addresses, times and process ids. */
static void without_numbers(const char *text, struct str *out)
{
	while (*text) {
		size_t n = strcspn(text, "0123456789");

		str_add(out, text, n);
		text += n;
		n = strspn(text, "0123456789abcdefx");
		if (n)
			str_add(out, "N", 1);
		text += n;
	}
}

void finding_signature(enum finding_kind kind, const char *function,
		       const char *text, char out[FINDING_SIGNATURE])
{
	struct str s = STR_INIT;
	char hex[SHA256_HEX];

	str_addf(&s, "%s\n", finding_kind_name(kind));
	if (*function)
		str_adds(&s, function);
	else if (kind_get(kind)->sources)
		without_numbers(text, &s);
	mem_sha256(s.buf, s.len, hex);
	memcpy(out, hex, FINDING_SIGNATURE - 1);
	out[FINDING_SIGNATURE - 1] = '\0';
	str_release(&s);
}

/* ---- what a panic is a consequence of ---- */

#define ANY (~0ull)
#define BIT(kind) (1ull << FINDING_##kind)
#define FAULTS (BIT(OOPS) | BIT(GPF) | BIT(BUG))

static const struct {
	const char *text;
	uint64_t causes;
} panics[] = {
	{"Fatal exception", FAULTS},
	{"Attempted to kill", FAULTS | BIT(OOM_KILL)},
	{"panic_on_warn", ANY},
	{"panic_on_taint", ANY},
	{"hung_task", BIT(HUNG_TASK)},
	{"softlockup", BIT(SOFT_LOCKUP)},
	{"ard LOCKUP", BIT(HARD_LOCKUP)},
	{"RCU Stall", BIT(RCU_STALL)},
	{"workqueue", BIT(WORKQUEUE_LOCKUP)},
	{"deadlocked on memory", BIT(OOM_KILL)},
	{"panic_on_oom", BIT(OOM_KILL)},
	{"scheduling while atomic", BIT(SLEEPING_IN_ATOMIC)},
	{"kernel stack overflow", FAULTS},
	{"kasan.fault=panic", BIT(KASAN)},
};

static uint64_t causes_of(const char *panic)
{
	for (size_t i = 0; i < sizeof(panics) / sizeof(*panics); i++)
		if (strstr(panic, panics[i].text))
			return panics[i].causes;
	return 0;
}

/* The last finding before line of these kinds, or NULL. */
static struct finding *last_of(struct findings *f, uint64_t kinds, size_t line)
{
	for (size_t i = f->n; i-- > 0;)
		if (f->list[i].line < line && kinds >> f->list[i].kind & 1)
			return &f->list[i];
	return NULL;
}

/* A panic belongs to the report that led to it and has its function; so has a
 * fault that KASAN has just announced. */
static void find_cause(struct findings *f, struct finding *new)
{
	struct finding *cause = NULL;

	if (new->kind == FINDING_PANIC)
		cause = last_of(f, causes_of(new->first_line), new->line);
	else if (FAULTS >> new->kind & 1)
		cause = last_of(f, BIT(KASAN), new->line);
	if (!cause || (new->kind !=
		       FINDING_PANIC &&strcmp(cause->function, new->function)))
		return;
	new->consequence = true;
	if (new->kind != FINDING_PANIC)
		return;
	cause->fatal = true;
	free(new->function);
	new->function = xstrdup(cause->function);
	new->offset = cause->offset;
}

/* ---- the list ---- */

static struct finding *find_equal(struct findings *f, const char *signature)
{
	for (size_t i = 0; i < f->n; i++)
		if (!strcmp(f->list[i].signature, signature))
			return &f->list[i];
	return NULL;
}

static void finding_release(struct finding *f)
{
	free(f->first_line);
	free(f->detail);
	free(f->function);
	free(f->excerpt);
}

/* Reports end in another order than they begin where several are open. */
static void insert(struct findings *f, const struct finding *new)
{
	size_t at = f->n++;

	for (; at && f->list[at - 1].line > new->line; at--)
		f->list[at] = f->list[at - 1];
	f->list[at] = *new;
}

void findings_add(struct findings *f, struct report *r)
{
	struct finding new = {.kind = r->kind,
			      .first_line = xstrdup(r->first_line),
			      .detail = xstrdup(r->detail),
			      .function = xstrdup(r->function.name),
			      .offset = r->function.offset,
			      .us = r->us,
			      .excerpt = report_excerpt(r),
			      .count = 1,
			      .line = r->line,
			      .fatal = r->fatal};
	struct finding *equal;

	find_cause(f, &new);
	finding_signature(new.kind, new.function, new.first_line,
			  new.signature);
	new.harmless = harmless(f, new.first_line);
	equal = find_equal(f, new.signature);
	if (equal) {
		equal->count++;
		equal->fatal |= new.fatal;
		equal->harmless &= new.harmless;
	} else if (f->n < f->max) {
		insert(f, &new);
		return;
	} else {
		f->dropped++;
	}
	finding_release(&new);
}

size_t findings_list(const struct findings *f, const struct finding **list)
{
	*list = f->list;
	return f->n;
}

size_t findings_dropped(const struct findings *f)
{
	return f->dropped;
}

int findings_new(const struct console_options *o, struct findings **out,
		 struct err *e)
{
	struct findings *f = xcalloc(1, sizeof(*f));
	size_t n = o->harmless ? o->harmless->n : 0;

	f->max = o->max_findings ? o->max_findings : 64;
	f->list = xcalloc(f->max, sizeof(*f->list));
	f->harmless = xcalloc(n ? n : 1, sizeof(*f->harmless));
	for (size_t i = 0; i < n; i++) {
		if (compile(o->harmless->v[i], &f->harmless[i], e)) {
			findings_free(f);
			return -EINVAL;
		}
		f->nharmless++;
	}
	*out = f;
	return 0;
}

void findings_free(struct findings *f)
{
	if (!f)
		return;
	for (size_t i = 0; i < f->n; i++)
		finding_release(&f->list[i]);
	for (size_t i = 0; i < f->nharmless; i++)
		regfree(&f->harmless[i]);
	free(f->list);
	free(f->harmless);
	free(f);
}

#include "build/kconfig_wish.h"

#include "base/err.h"

#include <errno.h>
#include <stdint.h>

/* All stages of a config have one version string. */
static const struct {
	const char *option, *value;
} ours[] = {
	{"LOCALVERSION", "\"\""},
	{"LOCALVERSION_AUTO", "n"},
};

#define NOURS (sizeof(ours) / sizeof(*ours))

/* Wishes in the order in which they were made. */
struct pile {
	struct kconfig_wish *at;
	size_t n, room;
};

static void drop_wish(struct kconfig_wish *w)
{
	free(w->option);
	free(w->value);
	free(w->from);
}

/* Takes value and from. */
static void push(struct pile *p, const char *option, char *value, char *from,
		 bool if_there)
{
	if (p->n == p->room) {
		p->room = p->room * 2 + 32;
		p->at = xrealloc(p->at, p->room * sizeof(*p->at));
	}
	p->at[p->n++] =
		(struct kconfig_wish){xstrdup(option), value, from, if_there};
}

/* ---- reading ---- */

static void digest_text(struct str *digest, const char *what, const char *text,
			size_t len)
{
	char hex[SHA256_HEX];

	mem_sha256(text, len, hex);
	str_addf(digest, "%s %s\n", what, hex);
}

static int read_text(const char *path, const char *what, struct str *text,
		     struct err *e)
{
	int r = kconfig_read(path, text, e);

	if (r) {
		err_prefix(e, "%s", what);
		e->kind = ERR_USER; /* it was named by the study */
	}
	return r;
}

static int read_fragment(const char *path, struct pile *p, struct str *digest,
			 struct err *e)
{
	struct str text = STR_INIT;
	struct kconfig_file f = {0};
	int r = read_text(path, "config fragment", &text, e);

	if (!r)
		r = kconfig_file_parse(text.buf, path, true, &f, e);
	if (!r)
		digest_text(digest, "fragment", text.buf, text.len);
	for (size_t i = 0; i < f.n; i++)
		push(p, f.at[i].option, xstrdup(f.at[i].value),
		     xasprintf("%s:%d", path, f.at[i].line), f.at[i].if_there);
	kconfig_file_release(&f);
	str_release(&text);
	return r;
}

static int read_set(const struct kconfig_request *rq,
		    const struct kconfig_set *s, struct pile *p,
		    struct str *digest, struct err *e)
{
	const char *option = s->option;
	char *value;

	if (str_starts(option, "CONFIG_"))
		option += strlen("CONFIG_");
	if (!kconfig_option_ok(option))
		return err_user(e,
				"%s:%d: '%.80s' is not the name of a kernel "
				"option, as LOCK_STAT",
				rq->study, s->line, s->option);
	value = kconfig_quote(s->value);
	if (!kconfig_value_ok(value)) {
		free(value);
		return err_user(e,
				"%s:%d: %s: not a value of a kernel option: it "
				"is longer than %d characters or has control "
				"characters",
				rq->study, s->line, option, KCONFIG_VALUE_CAP);
	}
	str_addf(digest, "set %s %zu %s\n", option, strlen(value), value);
	push(p, option, value, xasprintf("%s:%d", rq->study, s->line), false);
	return 0;
}

static int read_base(const struct kconfig_request *rq, struct kconfig_wishes *w,
		     struct pile *p, struct err *e)
{
	static const char *const names[] = {"tiny", "defconfig", "file"};
	const struct kconfig *c = rq->config;
	struct str text = STR_INIT;
	char *path;
	int r = 0;

	str_addf(&w->digest, "base %s\n", names[c->base]);
	if (c->base == KCONFIG_TINY) {
		path = xasprintf("%s/configs/kernel/tiny.config", rq->share);
		r = read_fragment(path, p, &w->digest, e);
		free(path);
	} else if (c->base == KCONFIG_FILE) {
		r = read_text(c->base_path, "base config", &text, e);
		if (!r) {
			digest_text(&w->digest, "file", text.buf, text.len);
			w->base = str_detach(&text);
		}
		str_release(&text);
	}
	return r;
}

static int read_all(const struct kconfig_request *rq, struct kconfig_wishes *w,
		    struct pile *p, struct err *e)
{
	const struct kconfig *c = rq->config;
	int r = read_base(rq, w, p, e);

	for (size_t i = 0; !r && i < c->fragments.n; i++)
		r = read_fragment(c->fragments.v[i], p, &w->digest, e);
	for (size_t i = 0; !r && i < c->nset; i++)
		r = read_set(rq, &c->set[i], p, &w->digest, e);
	return r;
}

/* ---- merging ---- */

/* An order that stays where options are equal: by place in the pile. */
struct place {
	struct kconfig_wish *wish;
	size_t at;
};

static int by_option_and_place(const void *a, const void *b)
{
	const struct place *x = a, *y = b;
	int r = strcmp(x->wish->option, y->wish->option);

	return r ? r : (x->at > y->at) - (x->at < y->at);
}

/* Moves the last wish of each option to w. */
static void merge(struct pile *p, struct kconfig_wishes *w)
{
	struct place *order = xcalloc(p->n, sizeof(*order));

	for (size_t i = 0; i < p->n; i++)
		order[i] = (struct place){&p->at[i], i};
	qsort(order, p->n, sizeof(*order), by_option_and_place);
	w->at = xcalloc(p->n, sizeof(*w->at));
	for (size_t i = 0; i < p->n; i++) {
		const char *option = order[i].wish->option;

		if (i + 1 < p->n && !strcmp(option, order[i + 1].wish->option))
			drop_wish(order[i].wish);
		else
			w->at[w->n++] = *order[i].wish;
	}
	p->n = 0;
	free(order);
}

static const char *our_value(const char *option)
{
	for (size_t i = 0; i < NOURS; i++)
		if (!strcmp(ours[i].option, option))
			return ours[i].value;
	return NULL;
}

static int check_ours(const struct kconfig_wishes *w, struct err *e)
{
	for (size_t i = 0; i < NOURS; i++) {
		const struct kconfig_wish *x =
			kconfig_wishes_find(w, ours[i].option);

		if (x && strcmp(x->value, ours[i].value))
			return err_user(e,
					"%s: CONFIG_%s is klab's own: the "
					"kernels of a study differ in their "
					"stage, not in their version string; "
					"leave it out",
					x->from, x->option);
	}
	return 0;
}

int kconfig_wishes_read(const struct kconfig_request *rq,
			struct kconfig_wishes *out, struct err *e)
{
	struct pile p = {0};
	int r;

	*out = (struct kconfig_wishes){0};
	r = read_all(rq, out, &p, e);
	if (!r) {
		merge(&p, out);
		r = check_ours(out, e);
	}
	for (size_t i = 0; i < p.n; i++)
		drop_wish(&p.at[i]);
	free(p.at);
	if (r)
		kconfig_wishes_release(out);
	return r;
}

void kconfig_wishes_release(struct kconfig_wishes *w)
{
	for (size_t i = 0; i < w->n; i++)
		drop_wish(&w->at[i]);
	free(w->at);
	free(w->base);
	str_release(&w->digest);
	*w = (struct kconfig_wishes){0};
}

static int by_option(const void *key, const void *wish)
{
	return strcmp(key, ((const struct kconfig_wish *)wish)->option);
}

const struct kconfig_wish *kconfig_wishes_find(const struct kconfig_wishes *w,
					       const char *option)
{
	return w->n ? bsearch(option, w->at, w->n, sizeof(*w->at), by_option)
		    : NULL;
}

void kconfig_wishes_text(const struct kconfig_wishes *w, struct str *out)
{
	for (size_t i = 0; i < w->n; i++) {
		if (our_value(w->at[i].option))
			continue;
		kconfig_add_line(out, w->at[i].option, w->at[i].value);
		str_adds(out, "\n");
	}
	for (size_t i = 0; i < NOURS; i++) {
		kconfig_add_line(out, ours[i].option, ours[i].value);
		str_adds(out, "\n");
	}
}

/* ---- checking ---- */

static bool to_number(const char *s, long long *out)
{
	char *end;

	errno = 0;
	*out = strtoll(s, &end, *s == '0' && s[1] ? 16 : 10);
	return *s && !*end && !errno;
}

static bool equal(const char *a, const char *b)
{
	long long x, y;

	return !strcmp(a, b) ||
	       (to_number(a, &x) && to_number(b, &y) && x == y);
}

bool kconfig_wish_holds(const struct kconfig_wish *wish,
			const struct kconfig_file *config)
{
	const struct kconfig_entry *x = kconfig_file_find(config, wish->option);
	char *wanted, *is;
	bool holds;

	if (our_value(wish->option))
		return true;
	if (!x)
		return !strcmp(wish->value, "n") ||
		       !strcmp(wish->value, "\"\"");
	wanted = kconfig_unquote(wish->value);
	is = kconfig_unquote(x->value);
	holds = equal(wanted, is);
	free(wanted);
	free(is);
	return holds;
}

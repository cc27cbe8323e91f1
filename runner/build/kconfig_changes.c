#include "build/kconfig_changes.h"

#include "base/err.h"
#include "build/kconfig.h"
#include "build/kconfig_file.h"

const char *kconfig_value_in(const struct kconfig_file *f, const char *option)
{
	const struct kconfig_entry *x = kconfig_file_find(f, option);

	return x ? x->value : "n";
}

void kconfig_each_change(const struct kconfig_file *a,
			 const struct kconfig_file *b, kconfig_change_fn fn,
			 void *arg)
{
	size_t i = 0, j = 0;

	while (i < a->n || j < b->n) {
		int r = i == a->n   ? 1
			: j == b->n ? -1
				    : strcmp(a->at[i].option, b->at[j].option);
		const char *x = r <= 0 ? a->at[i].value : "n";
		const char *y = r >= 0 ? b->at[j].value : "n";

		if (strcmp(x, y))
			fn(r <= 0 ? a->at[i].option : b->at[j].option, x, y,
			   arg);
		i += r <= 0;
		j += r >= 0;
	}
}

void kconfig_add_change(const char *option, const char *a, const char *b,
			void *arg)
{
	struct str line = STR_INIT;

	(void)a;
	kconfig_add_line(&line, option, b);
	strv_add(arg, line.buf);
	str_release(&line);
}

static int each_between(const char *from, const char *to, kconfig_change_fn fn,
			void *arg, struct err *e)
{
	struct kconfig_file a, b;
	int r = kconfig_file_load(from, false, &a, e);

	if (r)
		return r;
	r = kconfig_file_load(to, false, &b, e);
	if (!r)
		kconfig_each_change(&a, &b, fn, arg);
	kconfig_file_release(&b);
	kconfig_file_release(&a);
	return r;
}

int kconfig_changes(const char *from, const char *to, struct strv *lines,
		    struct err *e)
{
	return each_between(from, to, kconfig_add_change, lines, e);
}

static void add_side(struct strv *lines, char sign, const char *option,
		     const char *value)
{
	struct str s = STR_INIT;

	str_add(&s, &sign, 1);
	kconfig_add_line(&s, option, value);
	strv_add(lines, s.buf);
	str_release(&s);
}

static void add_sides(const char *option, const char *a, const char *b,
		      void *arg)
{
	add_side(arg, '-', option, a);
	add_side(arg, '+', option, b);
}

int kconfig_diff(const char *a, const char *b, struct strv *lines,
		 struct err *e)
{
	return each_between(a, b, add_sides, lines, e);
}

void kconfig_add_text(struct str *text, const char *option, const char *value)
{
	kconfig_add_line(text, option, value);
	str_adds(text, "\n");
}

/* The lines come last, so that they win. */
static void join(const struct kconfig_file *base,
		 const struct kconfig_file *top, const struct strv *lines,
		 struct str *text)
{
	for (size_t i = 0; i < base->n; i++)
		if (!kconfig_file_find(top, base->at[i].option))
			kconfig_add_text(text, base->at[i].option,
					 base->at[i].value);
	for (size_t i = 0; i < lines->n; i++)
		str_addf(text, "%s\n", lines->v[i]);
}

int kconfig_apply(kconfig_settle_fn settle, void *arg, const char *path,
		  const struct strv *lines, char **settled, size_t *taken,
		  struct err *e)
{
	char *top = strv_join(lines, "\n");
	struct kconfig_file base = {0}, wanted = {0}, is = {0};
	struct str text = STR_INIT;
	int r = kconfig_file_load(path, false, &base, e);

	*settled = NULL;
	*taken = 0;
	if (!r)
		r = kconfig_file_parse(top, "changes", false, &wanted, e);
	if (!r) {
		join(&base, &wanted, lines, &text);
		r = settle(&text, settled, arg, e);
	}
	if (!r)
		r = kconfig_file_load(*settled, false, &is, e);
	for (size_t i = 0; !r && i < wanted.n; i++)
		*taken += !strcmp(kconfig_value_in(&is, wanted.at[i].option),
				  wanted.at[i].value);
	kconfig_file_release(&is);
	kconfig_file_release(&wanted);
	kconfig_file_release(&base);
	str_release(&text);
	free(top);
	return r;
}

#include "build/kconfig_why.h"

#include <stdint.h>

#define LINE_CAP 600
#define TERMS_CAP 64
#define OPTIONS_CAP 2000
#define NAMES_CAP 50000
#define LIST_CAP 4

enum { NO, MOD, YES, VALUE };

/* ---- reading ---- */

static void add_option(struct why *w, const char *name)
{
	if (w->n == OPTIONS_CAP)
		return;
	w->options = xrealloc(w->options, (w->n + 1) * sizeof(*w->options));
	w->options[w->n++] = (struct why_option){.name = xstrdup(name)};
}

static void replace(char **to, const char *text)
{
	free(*to);
	*to = xstrdup(text);
}

static int level(char c)
{
	return c == 'y' ? YES : c == 'm' ? MOD : NO;
}

static bool has_term(const struct why_option *o, const char *text)
{
	for (size_t i = 0; i < o->nterms; i++)
		if (!strcmp(o->terms[i].text, text))
			return true;
	return false;
}

/* "y free EXPERT=y" */
static void add_term(struct why_option *o, const char *rest)
{
	const char *kind = strchr(rest, ' ');
	const char *text = kind ? strchr(kind + 1, ' ') : NULL;

	if (!text || o->nterms == TERMS_CAP || has_term(o, text + 1))
		return;
	o->terms = xrealloc(o->terms, (o->nterms + 1) * sizeof(*o->terms));
	o->terms[o->nterms++] = (struct why_term){
		.value = level(*rest),
		.hidden = str_starts(kind + 1, "hidden "),
		.nothing = str_starts(kind + 1, "nothing "),
		.text = xstrdup(text + 1),
	};
}

/* What follows word in line, or NULL if line does not start with it. */
static const char *after(const char *line, const char *word)
{
	size_t n = strlen(word);

	return !strncmp(line, word, n) && line[n] == ' ' ? line + n + 1 : NULL;
}

static void parse_detail(struct why_option *o, const char *line)
{
	const char *rest;

	if ((rest = after(line, "type")))
		replace(&o->type, rest);
	else if ((rest = after(line, "prompt")))
		o->prompt = strcmp(rest, "none");
	else if ((rest = after(line, "term")))
		add_term(o, rest);
	else if ((rest = after(line, "by")))
		strv_add_new(&o->by, rest);
	else if ((rest = after(line, "could")))
		strv_add_new(&o->could, rest);
	else if ((rest = after(line, "choice")))
		replace(&o->winner, rest);
	else if ((rest = after(line, "range")))
		replace(&o->range, rest);
}

static void parse_line(struct why *w, const char *line)
{
	const char *rest;

	if ((rest = after(line, "option")))
		add_option(w, rest);
	else if ((rest = after(line, "name")) && w->names.n < NAMES_CAP)
		strv_add(&w->names, rest);
	else if (w->n)
		parse_detail(&w->options[w->n - 1], line);
}

void why_parse(const char *text, struct why *out)
{
	*out = (struct why){0};
	while (*text) {
		size_t n = strcspn(text, "\n");
		char *line = xstrndup(text, n < LINE_CAP ? n : LINE_CAP);

		str_plain(line);
		parse_line(out, line);
		free(line);
		text += n + (text[n] == '\n');
	}
}

void why_release(struct why *w)
{
	for (size_t i = 0; i < w->n; i++) {
		struct why_option *o = &w->options[i];

		for (size_t j = 0; j < o->nterms; j++)
			free(o->terms[j].text);
		free(o->terms);
		free(o->name);
		free(o->type);
		free(o->winner);
		free(o->range);
		strv_release(&o->by);
		strv_release(&o->could);
	}
	free(w->options);
	strv_release(&w->names);
	*w = (struct why){0};
}

/* ---- saying ---- */

static int rank(const char *value)
{
	if (!value[0] || value[1] || !strchr("ymn", *value))
		return VALUE;
	return level(*value);
}

/* "A, B and C", the first few. */
static void add_list(struct str *s, const struct strv *l)
{
	size_t n = l->n < LIST_CAP ? l->n : LIST_CAP;

	for (size_t i = 0; i < n; i++) {
		if (i)
			str_adds(s, i + 1 == l->n ? " and " : ", ");
		str_adds(s, l->v[i]);
	}
	if (l->n > n)
		str_adds(s, " and others");
}

static char *term_text(const struct why_term *t, int wanted)
{
	const char *more = "", *shut = strpbrk(t->text, "|<>") ? ")" : "";

	if (t->nothing)
		more = ", which nothing in this tree switches on";
	else if (t->hidden)
		more = ", which has no prompt";
	else if (wanted == YES && t->value == MOD)
		more = ", not m";
	return xasprintf("%s%s%s%s", *shut ? "(" : "", t->text, shut, more);
}

/* The terms that are less than what was wanted. */
static void unmet_terms(const struct why_option *o, int wanted,
			struct strv *out)
{
	int least = wanted == MOD ? MOD : YES;

	for (size_t i = 0; i < o->nterms; i++) {
		char *text;

		if (o->terms[i].value >= (wanted == VALUE ? MOD : least))
			continue;
		text = term_text(&o->terms[i], wanted);
		strv_add(out, text);
		free(text);
	}
}

static bool add_needs(struct str *s, const struct why_option *o, int wanted,
		      const char *before)
{
	struct strv terms = STRV_INIT;
	bool any;

	unmet_terms(o, wanted, &terms);
	any = terms.n;
	if (any) {
		str_adds(s, before);
		add_list(s, &terms);
	}
	strv_release(&terms);
	return any;
}

static bool is_tristate(const struct why_option *o)
{
	return o->type &&
	       (!strcmp(o->type, "bool") || !strcmp(o->type, "tristate"));
}

/* Does the wish not fit the option's type?  Says so. */
static bool add_type(struct str *s, const struct why_option *o,
		     const struct why_question *q, int wanted)
{
	if (!o->type)
		return false;
	if (is_tristate(o) == (wanted == VALUE)) {
		str_addf(s, "; its type is %s, which %s is not", o->type,
			 q->wanted);
		return true;
	}
	if (wanted == MOD && !strcmp(o->type, "bool")) {
		str_adds(s, "; it cannot be a module, its type is bool");
		return true;
	}
	if (wanted == MOD && !q->modules) {
		str_adds(s, "; m needs MODULES=y");
		return true;
	}
	return false;
}

static void add_no_prompt(struct str *s, const struct why_option *o)
{
	str_adds(s, "; it has no prompt, so it cannot be wished for");
	if (!o->could.n)
		return;
	str_adds(s, ": ");
	add_list(s, &o->could);
	str_adds(s, o->could.n > 1 ? " select it" : " selects it");
}

/* It is less than was wanted. */
static void add_below(struct str *s, const struct why_option *o,
		      const struct why_question *q, int wanted)
{
	if (add_needs(s, o, wanted, "; it needs "))
		return;
	if (o->winner && strcmp(o->winner, q->option))
		str_addf(s, "; it is one of a choice that %s won", o->winner);
	else if (!o->prompt)
		add_no_prompt(s, o);
	else if (o->range && wanted == VALUE)
		str_addf(s, "; its range is %s", o->range);
}

/* It is more than was wanted. */
static void add_above(struct str *s, const struct why_option *o,
		      const struct why_question *q)
{
	if (o->by.n) {
		str_adds(s, "; selected by ");
		add_list(s, &o->by);
	} else if (o->winner && !strcmp(o->winner, q->option)) {
		str_adds(s, "; it won its choice: wish for another one of it");
	} else if (!o->prompt) {
		str_adds(s, "; it has no prompt, so it cannot be switched off");
	} else {
		add_needs(s, o, YES, "; it can be switched off only with ");
	}
}

static void add_reason(struct str *s, const struct why_option *o,
		       const struct why_question *q)
{
	int wanted = rank(q->wanted), is = rank(q->is);

	if (add_type(s, o, q, wanted))
		return;
	if (wanted != VALUE && is != VALUE && is > wanted)
		add_above(s, o, q);
	else
		add_below(s, o, q, wanted);
}

static const struct why_option *find(const struct why *w, const char *name)
{
	for (size_t i = 0; i < w->n; i++)
		if (!strcmp(w->options[i].name, name))
			return &w->options[i];
	return NULL;
}

static char *unknown_sentence(const struct why *w, const char *option)
{
	const char *near = str_nearest(option, (const char *const *)w->names.v,
				       w->names.n);

	if (near)
		return xasprintf("the tree has no option CONFIG_%s (nearest: "
				 "CONFIG_%s)",
				 option, near);
	return xasprintf("the tree has no option CONFIG_%s", option);
}

char *why_sentence(const struct why *w, const struct why_question *q,
		   bool *unknown)
{
	const struct why_option *o = find(w, q->option);
	struct str s = STR_INIT;

	*unknown = o && o->type && !strcmp(o->type, "unknown");
	if (*unknown)
		return unknown_sentence(w, q->option);
	str_addf(&s, "CONFIG_%s did not stick: it is %s", q->option,
		 q->present || rank(q->wanted) != VALUE ? q->is : "not there");
	if (o)
		add_reason(&s, o, q);
	return str_detach(&s);
}

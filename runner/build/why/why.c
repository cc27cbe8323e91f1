/*
 * Asks the Kconfig of a kernel tree why an option has the value that it has.
 *
 * No part of klab's program: it is compiled against the tree's scripts/kconfig
 * and linked with its objects, and `make config` runs it, so that it has the
 * environment that conf has.  Uses only what Kconfig has had from 5.14 to 6.12.
 *
 * Reads names of options from .klab-why.in, one a line, and writes to
 * .klab-why.out for each:
 *	option NAME
 *	type bool|tristate|integer|hex|string|unknown
 *	prompt none|n|m|y             up to what it can be set
 *	term n|m|y KIND SOURCE TEXT   what it depends on, joined by "and";
 *SOURCE dep, or show for what only the prompt needs; KIND nothing, hidden or
 *free says who can change that by NAME                       selects it now
 *	could NAME                    would select it
 *	choice NAME                   won the choice that it is of
 *	range MIN to MAX
 * and `name NAME` for each option of the tree, if any was not found.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lkc.h"

#define SELECTORS 6

static FILE *out;

static void print(void *data, struct symbol *sym, const char *text)
{
	(void)data;
	(void)sym;
	for (; *text; text++)
		fputc(*text == '\n' ? ' ' : *text, out);
}

static char letter(tristate t)
{
	return t == yes ? 'y' : t == mod ? 'm' : 'n';
}

static bool has_prompt(const struct symbol *sym)
{
	const struct property *p;

	for (p = sym->prop; p; p = p->next)
		if (p->text)
			return true;
	return false;
}

static bool has_default(const struct symbol *sym)
{
	const struct property *p;

	for (p = sym->prop; p; p = p->next)
		if (p->type == P_DEFAULT)
			return true;
	return false;
}

static const char *kind(const struct symbol *sym)
{
	if (has_prompt(sym))
		return "free";
	return sym->rev_dep.expr || has_default(sym) ? "hidden" : "nothing";
}

/* ---- dependencies ---- */

static bool is_symbol(const struct expr *e)
{
	return e->type == E_SYMBOL;
}

static bool is_choice(const struct expr *e)
{
	return is_symbol(e) && !e->left.sym->name;
}

static void print_term(struct expr *e)
{
	bool not = e->type == E_NOT && is_symbol(e->left.expr);
	struct symbol *sym = NULL;

	if (is_symbol(e))
		sym = e->left.sym;
	else if (not )
		sym = e->left.expr->left.sym;
	fprintf(out, "term %c %s ", letter(expr_calc_value(e)),
		sym && !not ? kind(sym) : "free");
	if (sym)
		fprintf(out, "%s=%s", sym->name ? sym->name : "choice",
			not ? "n" : "y");
	else
		expr_print(e, print, NULL, E_NONE);
	fputc('\n', out);
}

static void print_terms(struct expr *e)
{
	if (!e)
		return;
	if (e->type == E_AND) {
		print_terms(e->left.expr);
		print_terms(e->right.expr);
	} else if (!is_choice(e)) {
		print_term(e);
	}
}

/* With two prompts either will do, which no list of terms can say. */
static void print_prompt(const struct symbol *sym)
{
	struct property *p, *only = NULL;
	int n = 0;

	for (p = sym->prop; p; p = p->next)
		if (p->text && ++n)
			only = p;
	if (!n)
		fputs("prompt none\n", out);
	else
		fprintf(out, "prompt %c\n", letter(sym->visible));
	if (n == 1)
		print_terms(only->visible.expr);
}

/* ---- who else has a say ---- */

static const struct symbol *first_symbol(const struct expr *e)
{
	while (e->type == E_AND)
		e = e->left.expr;
	return is_symbol(e) ? e->left.sym : NULL;
}

static void print_selectors(struct expr *e, int *room)
{
	const struct symbol *sym;
	bool now;

	if (!e || !*room)
		return;
	if (e->type == E_OR) {
		print_selectors(e->left.expr, room);
		print_selectors(e->right.expr, room);
		return;
	}
	sym = first_symbol(e);
	now = expr_calc_value(e) != no;
	if (!sym || !sym->name || !sym->prop)
		return;
	if (!now)
		(*room)--;
	fprintf(out, "%s %s\n", now ? "by" : "could", sym->name);
}

static void print_winner(struct menu *m)
{
	for (; m; m = m->next) {
		if (m->sym && m->sym->name) {
			sym_calc_value(m->sym);
			if (sym_get_tristate_value(m->sym) == yes)
				fprintf(out, "choice %s\n", m->sym->name);
		}
		print_winner(m->list);
	}
}

static void print_choice(const struct symbol *sym)
{
	struct property *p;
	struct menu *m = NULL;

	for (p = sym->prop; p && !m; p = p->next)
		if (p->text)
			m = p->menu;
	while (m && m->sym && m->sym->name)
		m = m->parent;
	if (m && m->sym && !m->sym->name)
		print_winner(m->list);
}

static void print_range(const struct symbol *sym)
{
	struct property *p;

	for (p = sym->prop; p; p = p->next) {
		if (p->type != P_RANGE || p->visible.tri == no)
			continue;
		sym_calc_value(p->expr->left.sym);
		sym_calc_value(p->expr->right.sym);
		fprintf(out, "range %s to %s\n",
			sym_get_string_value(p->expr->left.sym),
			sym_get_string_value(p->expr->right.sym));
		return;
	}
}

/* ---- options ---- */

static void print_option(const char *name)
{
	struct symbol *sym = sym_find(name);
	int room = SELECTORS;

	fprintf(out, "option %s\n", name);
	if (!sym || sym->type == S_UNKNOWN) {
		fputs("type unknown\n", out);
		return;
	}
	sym_calc_value(sym);
	fprintf(out, "type %s\n", sym_type_name(sym->type));
	print_terms(sym->dir_dep.expr);
	print_prompt(sym);
	print_selectors(sym->rev_dep.expr, &room);
	print_choice(sym);
	print_range(sym);
}

static bool is_known(const char *name)
{
	struct symbol *sym = sym_find(name);

	return sym && sym->type != S_UNKNOWN;
}

static void print_names(struct menu *m)
{
	for (; m; m = m->next) {
		if (m->sym && m->sym->name)
			fprintf(out, "name %s\n", m->sym->name);
		print_names(m->list);
	}
}

int main(int argc, char **argv)
{
	char line[256];
	bool unknown = false;
	FILE *in;

	conf_parse(argv[argc - 1]);
	conf_read(NULL);
	in = fopen(".klab-why.in", "r");
	out = fopen(".klab-why.out", "w");
	if (!in || !out)
		return 1;
	while (fgets(line, sizeof(line), in)) {
		line[strcspn(line, "\n")] = '\0';
		print_option(line);
		unknown |= !is_known(line);
	}
	if (unknown)
		print_names(rootmenu.list);
	fclose(in);
	return fclose(out) ? 1 : 0;
}

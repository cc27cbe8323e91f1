/* klab series import: patches from wherever people keep them to a folder. */
#include "cmd/cmd.h"

#include "base/str.h"
#include "series/series.h"

#include <jansson.h>

static const struct {
	const char *name;
	enum series_form form;
} forms[] = {
	{"thread", SERIES_THREAD},
	{"mbox", SERIES_MBOX},
	{"folder", SERIES_FOLDER},
	{"quilt", SERIES_QUILT},
};

#define NFORMS (sizeof(forms) / sizeof(*forms))

/* ---- what was asked ---- */

static int read_form(const char *word, struct series_request *rq, struct err *e)
{
	const char *names[NFORMS], *near;

	for (size_t i = 0; i < NFORMS; i++) {
		names[i] = forms[i].name;
		if (!strcmp(word, forms[i].name)) {
			rq->form = forms[i].form;
			return 0;
		}
	}
	near = str_nearest(word, names, NFORMS);
	return err_user(e,
			"--form '%s' is none of thread, mbox, folder and "
			"quilt%s%s",
			word, near ? "; did you mean " : "", near ? near : "");
}

static int read_request(const struct ctx *c, struct series_request *rq,
			struct err *e)
{
	const char *form = ctx_option(c, "form");
	const char *version = ctx_option(c, "series-version");
	const char *repo = ctx_option(c, "git");
	long long n;

	*rq = (struct series_request){.path = c->argv[1]};
	rq->fixups = ctx_option(c, "with-fixups") != NULL;
	if (strcmp(c->argv[0], "import"))
		return err_user(e, "klab series cannot '%s', only import",
				c->argv[0]);
	if (version) {
		if (!str_to_ll(version, 1, 9999, &n))
			return err_user(e,
					"--series-version '%s' is not a number "
					"from 1 to 9999",
					version);
		rq->version = (int)n;
	}
	if (repo) {
		rq->form = SERIES_RANGE;
		rq->path = repo;
		rq->range = c->argv[1];
	}
	if (form && repo)
		return err_user(e, "--form does not go with --git");
	return form ? read_form(form, rq, e) : 0;
}

/* "slub-reduce-irq-disabled-scope-v4" */
static char *default_folder(const struct series *s)
{
	const char *title = s->title ? s->title : s->patches[0].subject;
	struct str name = STR_INIT;

	for (; *title && name.len < 60; title++) {
		char c = *title;

		if (c >= 'A' && c <= 'Z')
			c += 'a' - 'A';
		if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'))
			str_add(&name, &c, 1);
		else if (name.len && name.buf[name.len - 1] != '-')
			str_add(&name, "-", 1);
	}
	while (name.len && name.buf[name.len - 1] == '-')
		name.buf[--name.len] = '\0';
	if (!name.len)
		str_adds(&name, "series");
	if (s->version > 1)
		str_addf(&name, "-v%d", s->version);
	return str_detach(&name);
}

/* ---- what was found ---- */

/* null also for what is not UTF-8: a path may be anything. */
static json_t *text(const char *s)
{
	json_t *o = s ? json_string(s) : NULL;

	return o ? o : json_null();
}

static json_t *json_of_list(const struct strv *l)
{
	json_t *a = json_array();

	for (size_t i = 0; i < l->n; i++)
		json_array_append_new(a, json_string(l->v[i]));
	return a;
}

static json_t *json_of(const struct patch *p, size_t n)
{
	json_t *a = json_array();

	for (size_t i = 0; i < n; i++)
		json_array_append_new(
			a,
			json_pack("{s:s, s:i, s:o, s:s, s:o, s:s, s:o, s:o, "
				  "s:s}",
				  "file", p[i].file, "number", p[i].number,
				  "answers",
				  p[i].fixes ? json_integer(p[i].fixes)
					     : json_null(),
				  "author", p[i].author, "date",
				  text(p[i].date), "subject", p[i].subject,
				  "paths", json_of_list(&p[i].paths), "skipped",
				  text(p[i].skipped), "from", p[i].where));
	return a;
}

static void print_json(const struct series *s, const char *folder, bool written)
{
	cmd_print_json(json_pack("{s:o, s:b, s:o, s:i, s:o, s:o, s:o, s:o}",
				 "folder", text(folder), "written", written,
				 "title", text(s->title), "version", s->version,
				 "base_commit", text(s->base_commit), "patches",
				 json_of(s->patches, s->n), "fixups",
				 json_of(s->fixups, s->nfixups), "notes",
				 json_of_list(&s->notes)));
}

/* Characters of the first n bytes of a UTF-8 text. */
static int width(const char *s, int n)
{
	int chars = 0;

	while (n-- > 0)
		chars += (*s++ & 0xc0) != 0x80;
	return chars;
}

/* Without the address. */
static int name_length(const char *author)
{
	const char *mark = strstr(author, " <");

	return (int)(mark ? (size_t)(mark - author) : strlen(author));
}

/* To the next column; a longer name pushes it. */
static int left(int pad, const char *name, int n)
{
	int w = width(name, n);

	return w < pad ? pad - w : 0;
}

static void print_patches(const struct series *s)
{
	int pad = 0;

	for (size_t i = 0; i < s->n; i++) {
		const char *a = s->patches[i].author;
		int w = width(a, name_length(a));

		if (w > pad && w <= 30)
			pad = w;
	}
	for (size_t i = 0; i < s->n; i++) {
		const struct patch *p = &s->patches[i];
		int n = name_length(p->author);

		printf("%4zu  %.*s%*s  %s", i + 1, n, p->author,
		       left(pad, p->author, n), "", p->subject);
		if (p->fixes)
			printf("  [fixup of patch %d, %s]", p->fixes, p->where);
		putchar('\n');
	}
}

static void print_fixups(const struct series *s)
{
	if (s->nfixups)
		puts("\nfixups in replies, not put in:");
	for (size_t i = 0; i < s->nfixups; i++) {
		const struct patch *p = &s->fixups[i];

		printf("  answers patch %d: %.*s: %s (%s)\n", p->fixes,
		       name_length(p->author), p->author, p->subject, p->where);
		if (p->skipped)
			printf("    %s\n", p->skipped);
	}
}

static void print_text(const struct series *s, const char *folder, bool written)
{
	printf("%s\nversion %d, %zu patch%s%s%s\n\n",
	       s->title ? s->title : "(no cover letter)", s->version, s->n,
	       s->n == 1 ? "" : "es", s->base_commit ? ", on " : "",
	       s->base_commit ? s->base_commit : "");
	print_patches(s);
	print_fixups(s);
	if (s->notes.n)
		puts("\nnotes:");
	for (size_t i = 0; i < s->notes.n; i++)
		printf("  %s\n", s->notes.v[i]);
	printf("\n%s %s\n", written ? "written to" : "would be written to",
	       folder);
}

static int write_and_print(const struct ctx *c, const struct series *s)
{
	const char *out = ctx_option(c, "out");
	char *folder = out ? xstrdup(out) : default_folder(s);
	int code = EXIT_DONE;
	struct err e;

	if (!c->dry_run && series_write(s, folder, &e))
		code = cmd_fail(&e);
	else if (c->json)
		print_json(s, folder, !c->dry_run);
	else
		print_text(s, folder, !c->dry_run);
	free(folder);
	return code;
}

static int cmd_main(struct ctx *c)
{
	struct series_request rq;
	struct series s;
	struct err e;
	int code;

	if (read_request(c, &rq, &e) || series_import(&rq, &s, &e))
		return cmd_fail(&e);
	code = write_and_print(c, &s);
	series_release(&s);
	return code;
}

const struct cmd cmd_series = {
	.name = "series",
	.args = "import FILE|DIR|A..B",
	.summary = "write a patch series to a folder",
	.min_args = 2,
	.max_args = 2,
	.options = {{"out", "DIR", "the folder (named after the series)"},
		    {"with-fixups", NULL, "put each fixup behind its patch"},
		    {"series-version", "N", "which version (the newest)"},
		    {"form", "FORM", "thread, mbox, folder or quilt"},
		    {"git", "REPO", "commits A..B of this repository"}},
	.run = cmd_main,
};

#include "build/kconfig_make.h"

#include "base/err.h"
#include "base/job.h"

#include <dirent.h>
#include <errno.h>

#define DEADLINE_MS (5 * 60 * 1000)
#define FILE_CAP (256u << 20)

/* Names in the object folder. */
#define WISHES "klab-wishes.config"
#define WHY_SOURCE "klab-why.c"
#define WHY_PROGRAM "scripts/kconfig/klab-why"
#define WHY_IN ".klab-why.in"
#define WHY_OUT ".klab-why.out"

/* ---- the object folder ---- */

/* The build before may have left a link in place of the file. */
static int put(const struct kconfig_request *rq, const char *name,
	       const char *text, size_t len, struct err *e)
{
	char *path = xasprintf("%s/%s", rq->box->obj, name);
	int r = file_remove(path, e);

	if (!r)
		r = file_put(path, text, len, e);
	free(path);
	return r;
}

static int get(const struct kconfig_request *rq, const char *name,
	       struct str *text, struct err *e)
{
	char *path = xasprintf("%s/%s", rq->box->obj, name);
	int r = kconfig_read_inside(path, text, e);

	free(path);
	return r;
}

/* ---- running ---- */

static bool line_says(const char *line, size_t n, const char *words)
{
	return memmem(line, n, words, strlen(words));
}

/* "Kconfig:12: syntax error", "mm/Kconfig:7:warning: ..." */
static bool has_place(const char *line, size_t n)
{
	const char *p = memmem(line, n, "Kconfig", 7);
	const char *colon = p ? memchr(p, ':', n - (size_t)(p - line)) : NULL;

	return colon && colon + 1 < line + n && colon[1] >= '0' &&
	       colon[1] <= '9' && !line_says(line, n, "warning");
}

/* The line of make's complaint that tells most. */
static char *worst_line(const char *text)
{
	const char *best = text;
	size_t best_n = strcspn(text, "\n"), best_rank = 0;
	char *line;

	while (*text) {
		size_t n = strcspn(text, "\n"), rank = 1;

		if (has_place(text, n))
			rank = 4;
		else if (line_says(text, n, "error") ||
			 line_says(text, n, ": not found") ||
			 line_says(text, n, ": No such file"))
			rank = 3;
		else if (line_says(text, n, "***"))
			rank = 2;
		if (n && rank > best_rank) {
			best = text;
			best_n = n;
			best_rank = rank;
		}
		text += n + (text[n] == '\n');
	}
	line = xstrndup(best, best_n < 300 ? best_n : 300);
	str_plain(line);
	return line;
}

static bool is_our_fault(const struct job_result *r, const char *said)
{
	return r->signal || str_starts(said, "bwrap: ") ||
	       str_starts(said, "setpriv: ") || str_starts(said, "env: ") ||
	       strstr(said, "No space left on device") ||
	       strstr(said, "] Error 127\n") || /* no such program */
	       strstr(said, "Cannot allocate memory");
}

static int explain(const char *what, const struct job_result *r, struct err *e)
{
	const char *said = r->err.len ? r->err.buf : "";
	char *line, why[64];
	int ret;

	if (!r->exit && !r->signal && !r->deadline)
		return 0;
	job_describe(r, why, sizeof(why));
	line = worst_line(said);
	if (r->deadline)
		ret = err_kernel(e,
				 "the tree's Kconfig does not come to an end: "
				 "'%s': %s",
				 what, why);
	else if (is_our_fault(r, said))
		ret = err_lab(e, "cannot run '%s': %s%s%s", what, why,
			      *line ? ": " : "", line);
	else
		ret = err_kernel(e, "the tree's Kconfig fails: '%s': %s%s%s",
				 what, why, *line ? ": " : "", line);
	free(line);
	return ret;
}

/* Runs words in the sandbox; what names them in an error. */
static int run(const struct kconfig_request *rq, const struct strv *words,
	       const char *what, struct err *e)
{
	struct strv argv = STRV_INIT;
	struct job_spec spec = {.deadline_ms = DEADLINE_MS,
				.file_cap = FILE_CAP};
	struct job_result result;
	int r;

	sandbox_argv(rq->box, &argv);
	for (size_t i = 0; i < words->n; i++)
		strv_add(&argv, words->v[i]);
	spec.argv = (const char *const *)argv.v;
	r = job_run(&spec, &result, e);
	if (!r)
		r = explain(what, &result, e);
	job_result_release(&result);
	strv_release(&argv);
	return r;
}

/* make with a target and, if not NULL, a setting. */
static int make(const struct kconfig_request *rq, const char *target,
		const char *setting, struct err *e)
{
	struct strv words = STRV_INIT;
	char *what = xasprintf("make %s", target);
	int r;

	strv_add(&words, "make");
	strv_add(&words, "-C");
	strv_add(&words, sandbox_src(rq->box));
	strv_addf(&words, "O=%s", sandbox_obj(rq->box));
	strv_add(&words, "ARCH=x86_64"); /* as the build has it */
	toolchain_argv(rq->tools, &words);
	if (setting)
		strv_add(&words, setting);
	strv_add(&words, target);
	r = run(rq, &words, what, e);
	free(what);
	strv_release(&words);
	return r;
}

/* ---- settling ---- */

static int settle_tiny(const struct kconfig_request *rq,
		       const struct str *wishes, struct err *e)
{
	char *setting = xasprintf("KCONFIG_ALLCONFIG=%s/%s",
				  sandbox_obj(rq->box), WISHES);
	int r = put(rq, WISHES, wishes->buf, wishes->len, e);

	if (!r)
		r = put(rq, ".config", "", 0, e);
	if (!r)
		r = make(rq, "allnoconfig", setting, e);
	free(setting);
	return r;
}

static int settle_upon(const struct kconfig_request *rq, struct str *base,
		       const struct str *wishes, struct err *e)
{
	int r;

	str_adds(base, "\n");
	str_add(base, wishes->buf, wishes->len);
	r = put(rq, ".config", base->buf, base->len, e);
	return r ? r : make(rq, "olddefconfig", NULL, e);
}

static int settle(const struct kconfig_request *rq,
		  const struct kconfig_wishes *w, struct err *e)
{
	struct str wishes = STR_INIT, base = STR_INIT;
	int r = 0;

	kconfig_wishes_text(w, &wishes);
	switch (rq->config->base) {
	case KCONFIG_TINY:
		r = settle_tiny(rq, &wishes, e);
		break;
	case KCONFIG_DEFCONFIG:
		r = put(rq, ".config", "", 0, e);
		if (!r)
			r = make(rq, "x86_64_defconfig", NULL, e);
		if (!r)
			r = get(rq, ".config", &base, e);
		if (!r)
			r = settle_upon(rq, &base, &wishes, e);
		break;
	case KCONFIG_FILE:
		str_adds(&base, w->base);
		r = settle_upon(rq, &base, &wishes, e);
		break;
	}
	str_release(&wishes);
	str_release(&base);
	return r;
}

/* A klab that was killed may have left half an object file, which make takes
 * for whole: once more in an empty folder. */
static int settle_anew(const struct kconfig_request *rq,
		       const struct kconfig_wishes *w, struct err *e)
{
	int r = file_remove(rq->box->obj, e);

	if (!r)
		r = sandbox_prepare(rq->box, e);
	return r ? r : settle(rq, w, e);
}

int kconfig_make(const struct kconfig_request *rq,
		 const struct kconfig_wishes *wishes, struct str *config_text,
		 struct kconfig_file *config, struct err *e)
{
	bool used = file_exists(rq->box->obj);
	int r = sandbox_prepare(rq->box, e);

	*config = (struct kconfig_file){0};
	if (!r)
		r = settle(rq, wishes, e);
	if (r && used && e->kind == ERR_KERNEL)
		r = settle_anew(rq, wishes, e);
	if (r)
		return r;
	r = get(rq, ".config", config_text, e);
	if (!r)
		r = kconfig_file_parse(config_text->buf, ".config", false,
				       config, e);
	if (r) {
		e->kind = ERR_KERNEL; /* its make said that all is well */
		err_prefix(e, "the tree's Kconfig left no usable config");
	}
	return r;
}

/* ---- asking ---- */

/* The objects of the tree's Kconfig without its own main program. */
static void add_objects(const struct kconfig_request *rq, struct strv *words)
{
	char *path = xasprintf("%s/scripts/kconfig", rq->box->obj);
	DIR *folder = opendir(path);
	struct dirent *entry;

	while (folder && (entry = readdir(folder)))
		if (str_ends(entry->d_name, ".o") &&
		    strcmp(entry->d_name, "conf.o"))
			strv_addf(words, "%s/scripts/kconfig/%s",
				  sandbox_obj(rq->box), entry->d_name);
	if (folder)
		closedir(folder);
	free(path);
}

static int compile(const struct kconfig_request *rq, struct err *e)
{
	const char *src = sandbox_src(rq->box), *obj = sandbox_obj(rq->box);
	struct strv words = STRV_INIT;
	int r;

	strv_add(&words, rq->tools->llvm ? "clang" : "gcc");
	strv_addf(&words, "-I%s/scripts/kconfig", src);
	strv_addf(&words, "-I%s/scripts/include", src);
	strv_add(&words, "-o");
	strv_addf(&words, "%s/%s", obj, WHY_PROGRAM);
	strv_addf(&words, "%s/%s", obj, WHY_SOURCE);
	add_objects(rq, &words);
	r = run(rq, &words, "gcc " WHY_SOURCE, e);
	strv_release(&words);
	return r;
}

static int put_source(const struct kconfig_request *rq, struct err *e)
{
	char *path = xasprintf("%s/runner/build/why/why.c", rq->share);
	struct str text = STR_INIT;
	int r = kconfig_read(path, &text, e);

	if (!r)
		r = put(rq, WHY_SOURCE, text.buf, text.len, e);
	str_release(&text);
	free(path);
	return r;
}

static int put_question(const struct kconfig_request *rq,
			const struct strv *options, struct err *e)
{
	char *text = strv_join(options, "\n");
	int r = put(rq, WHY_IN, text, strlen(text), e);

	if (!r)
		r = put(rq, WHY_OUT, "", 0, e);
	free(text);
	return r;
}

void kconfig_ask(const struct kconfig_request *rq, const struct strv *options,
		 struct why *out)
{
	struct str text = STR_INIT;
	struct err ignored; /* the wish is unmet with or without a reason */
	int r = put_source(rq, &ignored);

	*out = (struct why){0};
	if (!r)
		r = compile(rq, &ignored);
	if (!r)
		r = put_question(rq, options, &ignored);
	/* In place of conf, so that it has its environment. */
	if (!r)
		r = make(rq, "config", "config-prog=klab-why", &ignored);
	if (!r)
		r = get(rq, WHY_OUT, &text, &ignored);
	if (!r)
		why_parse(text.buf, out);
	str_release(&text);
}

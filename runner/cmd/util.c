#include "cmd/cmd.h"

#include "base/file.h"
#include "base/job.h"
#include "base/str.h"
#include "lab/analysis.h"
#include "lab/lab.h"
#include "study/study.h"

#include <dirent.h>
#include <errno.h>
#include <jansson.h>
#include <stdarg.h>

static int option_at(const struct ctx *c, const char *name)
{
	for (int i = 0; i < CMD_OPTIONS && c->cmd->options[i].name; i++)
		if (!strcmp(c->cmd->options[i].name, name))
			return i;
	BUG(true);
}

const char *ctx_option(const struct ctx *c, const char *name)
{
	return c->given[option_at(c, name)];
}

const char *ctx_second(const struct ctx *c, const char *name)
{
	return c->second[option_at(c, name)];
}

int cmd_fail(const struct err *e)
{
	fprintf(stderr, "klab: %s\n", e->text);
	return e->kind;
}

void cmd_say(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
}

static int study_name(const struct ctx *c, struct lab *lab, const char *word,
		      char **name, struct err *e)
{
	struct study *s;
	long long known;

	if (db_number(lab->db, e, &known, 0,
		      "SELECT id FROM study WHERE name = ?", "t", word))
		return -EIO;
	if (known) {
		*name = xstrdup(word);
		return 0;
	}
	if (!strchr(word, '/') && !file_exists(word) && word_ok(word))
		return err_user(e,
				"lab '%s' has no study '%s' (and there is no "
				"such file): run it first",
				lab->dir, word);
	if (study_load(word, c->share, &s, e))
		return -EINVAL;
	*name = xstrdup(s->name);
	study_free(s);
	return 0;
}

int cmd_with_study(struct ctx *c,
		   int (*fn)(struct ctx *c, struct lab *lab, const char *study))
{
	char *study = NULL;
	struct lab lab;
	struct err e;
	int code;

	if (lab_open(c->lab_dir, c->share, LAB_READ, &lab, &e))
		return cmd_fail(&e);
	if (c->argc && study_name(c, &lab, c->argv[0], &study, &e))
		code = cmd_fail(&e);
	else
		code = fn(c, &lab, study ? study : "");
	free(study);
	lab_close(&lab);
	return code;
}

int cmd_find_boot(const struct lab *lab, const char *word, char **dir,
		  struct err *e)
{
	char *boots = xasprintf("%s/boots", lab->dir);
	DIR *d = opendir(boots);
	struct dirent *entry;
	struct strv hits = STRV_INIT;
	int r = 0;

	while (d && *word && (entry = readdir(d)))
		if (entry->d_name[0] != '.' && str_starts(entry->d_name, word))
			strv_add(&hits, entry->d_name);
	if (d)
		closedir(d);
	if (hits.n == 1)
		*dir = xasprintf("%s/%s", boots, hits.v[0]);
	else if (hits.n)
		r = err_user(e,
			     "'%s' is the start of %zu boots; give more of "
			     "the id",
			     word, hits.n);
	else
		r = err_user(e, "there is no boot '%s' in '%s'", word, boots);
	strv_release(&hits);
	free(boots);
	return r;
}

const char *cmd_duration(unsigned long long ms, char *buf, size_t size)
{
	unsigned long long s = (ms + 500) / 1000;

	if (s < 60)
		snprintf(buf, size, "%llu s", s);
	else if (s < 3600)
		snprintf(buf, size, "%llu min %llu s", s / 60, s % 60);
	else
		snprintf(buf, size, "%llu h %llu min", s / 3600, s % 3600 / 60);
	return buf;
}

/* ---- the Python side ---- */

static void command(struct strv *argv, const struct lab *lab, const char *verb,
		    const char *study, const char *const *words)
{
	analysis_command(argv, lab, verb, study);
	for (; *words; words++)
		strv_add(argv, *words);
}

static int analyse(const struct job_spec *spec, struct job_result *r,
		   struct err *e)
{
	char why[64];
	int ret = job_run(spec, r, e);

	if (!ret && (r->signal || r->exit > ERR_LAB))
		ret = err_lab(e,
			      "the analysis ended with %s; is everything "
			      "there? 'klab doctor' tells",
			      job_describe(r, why, sizeof(why)));
	return ret;
}

int cmd_analysis(const struct ctx *c, const struct lab *lab, const char *verb,
		 const char *study, const char *const *words, int *code,
		 struct err *e)
{
	struct job_spec spec = {.inherit = true, .cwd = c->share};
	struct strv argv = STRV_INIT;
	struct job_result r;
	int ret;

	command(&argv, lab, verb, study, words);
	spec.argv = (const char *const *)argv.v;
	fflush(stdout);
	ret = analyse(&spec, &r, e);
	*code = r.exit;
	job_result_release(&r);
	strv_release(&argv);
	return ret;
}

int cmd_write_report(const struct ctx *c, const struct lab *lab,
		     const char *study, bool force, char **path, int *code,
		     struct err *e)
{
	char *out =
		xasprintf("%s/reports%s%s", lab->dir, *study ? "/" : "", study);
	const char *words[] = {
		"--lab", lab->dir, "--out", out, force ? "--force" : NULL,
		NULL};
	struct job_spec spec = {.cwd = c->share};
	struct strv argv = STRV_INIT;
	struct job_result r = {0};
	int ret = file_mkdirs(out, e);

	command(&argv, lab, "report", study, words);
	spec.argv = (const char *const *)argv.v;
	if (!ret)
		ret = analyse(&spec, &r, e);
	if (r.err.len)
		fputs(r.err.buf, stderr);
	*code = r.exit;
	*path = xasprintf("%s/index.html", out);
	job_result_release(&r);
	strv_release(&argv);
	free(out);
	return ret;
}

void cmd_print_json(struct json_t *o)
{
	json_dumpf(o, stdout, JSON_INDENT(2));
	putchar('\n');
	json_decref(o);
}

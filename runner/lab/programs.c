#include "lab/programs.h"

#include "base/err.h"
#include "base/file.h"
#include "base/job.h"
#include "base/str.h"
#include "study/workload.h"

#include <libgen.h>
#include <stdlib.h>

#define COMPILE_MS 120000
#define SOURCE_CAP (4u << 20)
#define BPF_END ".bpf.o"

static bool is_bpf(const struct program *p)
{
	return str_ends(p->name, BPF_END);
}

static void add_words(struct strv *argv, const char *const *words)
{
	for (; *words; words++)
		strv_add(argv, *words);
}

/* Paths of this host are no part of what comes out. */
static void add_prefix_maps(const struct program *p, struct strv *argv)
{
	for (size_t i = 0; i < p->sources.n; i++) {
		char *copy = xstrdup(p->sources.v[i]);

		strv_addf(argv, "-ffile-prefix-map=%s=.", dirname(copy));
		free(copy);
	}
}

static void command(const struct program *p, const char *out, struct strv *argv)
{
	static const char *const gcc[] = {"gcc",     "-std=gnu11", "-O2",
					  "-static", "-pthread",   "-Wall",
					  "-Wextra", "-Werror",    NULL};
	static const char *const clang[] = {
		"clang",   "-target", "bpf",
		"-O2",     "-g",      "-Wall",
		"-Werror", "-c",      "-I/usr/include/x86_64-linux-gnu",
		NULL};

	add_words(argv, is_bpf(p) ? clang : gcc);
	add_prefix_maps(p, argv);
	strv_add(argv, "-o");
	strv_add(argv, out);
	for (size_t i = 0; i < p->sources.n; i++)
		strv_add(argv, p->sources.v[i]);
	for (size_t i = 0; i < p->libraries.n; i++)
		strv_addf(argv, "-l%s", p->libraries.v[i]);
}

/* ---- the key ---- */

static int hash_file(const char *path, struct str *all, struct err *e)
{
	char hex[SHA256_HEX];
	int r = file_sha256(path, hex, e);

	if (!r)
		str_addf(all, "%s\n", hex);
	return r;
}

/* The words of a rule for make: "x.o: x.c x.h \\". */
static int hash_words(char *rule, struct str *all, struct err *e)
{
	char *save = NULL;
	int r = 0;

	for (char *word = strtok_r(rule, " \n", &save); word && !r;
	     word = strtok_r(NULL, " \n", &save))
		if (!str_ends(word, ":") && strcmp(word, "\\"))
			r = hash_file(word, all, e);
	return r;
}

/* A source and what it includes of its own, as the compiler tells.  One that it
 * cannot read through is an error when it is compiled. */
static int hash_source(const struct strv *command, const char *source,
		       struct str *all, struct err *e)
{
	struct strv argv = STRV_INIT;
	struct job_spec spec = {.deadline_ms = COMPILE_MS};
	struct job_result result;
	int r;

	for (size_t i = 0; strcmp(command->v[i], "-o"); i++)
		strv_add(&argv, command->v[i]);
	strv_add(&argv, "-MM");
	strv_add(&argv, source);
	spec.argv = (const char *const *)argv.v;
	r = job_run(&spec, &result, e);
	if (!r && (result.exit || !result.out.buf))
		r = hash_file(source, all, e);
	else if (!r)
		r = hash_words(result.out.buf, all, e);
	job_result_release(&result);
	strv_release(&argv);
	return r;
}

static int hash_compiler(const char *name, struct str *all, struct err *e)
{
	const char *const argv[] = {name, "--version", NULL};
	struct job_spec spec = {.argv = argv, .deadline_ms = 20000};
	struct job_result result;
	int r = job_run(&spec, &result, e);

	if (!r && result.exit)
		r = err_lab(e,
			    "there is no %s here, which compiles the "
			    "programs of workloads; `make setup` installs it",
			    name);
	if (!r)
		str_adds(all, result.out.buf ? result.out.buf : "");
	job_result_release(&result);
	return r;
}

static int key_of(const struct program *p, char key[SHA256_HEX], struct err *e)
{
	struct strv argv = STRV_INIT;
	struct str all = STR_INIT;
	int r = 0;

	command(&(struct program){.name = p->name, .libraries = p->libraries},
		p->name, &argv);
	for (size_t i = 0; i < argv.n; i++)
		str_addf(&all, "%s\n", argv.v[i]);
	r = hash_compiler(argv.v[0], &all, e);
	for (size_t i = 0; !r && i < p->sources.n; i++)
		r = hash_source(&argv, p->sources.v[i], &all, e);
	if (!r)
		mem_sha256(all.buf, all.len, key);
	strv_release(&argv);
	str_release(&all);
	return r;
}

/* ---- compiling ---- */

static const char *line_of(const char *text, const char *at)
{
	while (at > text && at[-1] != '\n')
		at--;
	return at;
}

/* The first line with an error in it, or the first line.  The linker says what
 * is wrong in the line before. */
static char *first_error(const struct job_result *r)
{
	const char *text = r->err.buf ? r->err.buf : "";
	const char *at = strstr(text, "error");
	char *line;

	at = line_of(text, at ? at : text);
	if (at > text && str_starts(at, "collect2:"))
		at = line_of(text, at - 1);
	line = xstrndup(at, strcspn(at, "\n"));
	str_plain(line);
	return line;
}

static int compile(const struct program *p, const char *out, struct err *e)
{
	struct strv argv = STRV_INIT;
	struct job_spec spec = {.deadline_ms = COMPILE_MS};
	struct job_result result;
	char *words;
	int r;

	command(p, out, &argv);
	spec.argv = (const char *const *)argv.v;
	spec.env_add =
		(const char *const[]){"LC_ALL=C", "SOURCE_DATE_EPOCH=1", NULL};
	r = job_run(&spec, &result, e);
	if (!r && (result.exit || result.signal || result.deadline)) {
		words = first_error(&result);
		r = err_user(e, "program '%s' does not compile: %s", p->name,
			     words);
		free(words);
	}
	job_result_release(&result);
	strv_release(&argv);
	return r;
}

int program_build(const char *lab, const struct program *p, char **path,
		  struct err *e)
{
	char key[SHA256_HEX], *dir, *made, *tmp;
	int r = key_of(p, key, e);

	*path = NULL;
	if (r)
		return r;
	dir = xasprintf("%s/programs/%.16s", lab, key);
	*path = xasprintf("%s/%s", dir, p->name);
	if (!file_exists(*path)) {
		tmp = xasprintf("%s/programs/.%.16s.tmp", lab, key);
		made = xasprintf("%s/%s", tmp, p->name);
		r = file_remove(tmp, e);
		if (!r)
			r = file_mkdirs(tmp, e);
		if (!r)
			r = compile(p, made, e);
		if (!r)
			r = file_publish(tmp, dir, e);
		if (r)
			file_remove(tmp, &(struct err){0});
		free(made);
		free(tmp);
	}
	free(dir);
	if (r) {
		free(*path);
		*path = NULL;
	}
	return r;
}

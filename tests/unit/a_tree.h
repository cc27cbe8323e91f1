/* Small git repositories, for tests of sources and stages.  Stand in a folder
 * of a_folder.h. */
#ifndef A_TREE_H
#define A_TREE_H

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/err.h"
#include "base/file.h"
#include "base/job.h"
#include "base/str.h"
#include "series/series.h"
#include "tree/tree.h"

#define RUN(...) run((const char *const[]){__VA_ARGS__, NULL})
#define GIT(dir, ...) RUN("git", "-C", dir, __VA_ARGS__)

/* What it printed, without the last newline; freed by the caller. */
static inline char *output_of(const char *const *argv)
{
	static const char *const env[] = {"GIT_AUTHOR_NAME=A",
					  "GIT_AUTHOR_EMAIL=a@example.org",
					  "GIT_AUTHOR_DATE=1600000000 +0200",
					  "GIT_COMMITTER_NAME=C",
					  "GIT_COMMITTER_EMAIL=c@example.org",
					  "GIT_COMMITTER_DATE=1600000000 +0200",
					  "GIT_CONFIG_NOSYSTEM=1",
					  "GIT_CONFIG_GLOBAL=/dev/null",
					  NULL};
	const struct job_spec spec = {
		.argv = argv, .env_add = env, .deadline_ms = 60000};
	struct job_result r;
	struct err e;
	char *text;

	assert_int_equal(job_run(&spec, &r, &e), 0);
	if (r.exit || r.signal)
		print_error("%s %s: %s\n", argv[0], argv[1],
			    r.err.len ? r.err.buf : "");
	assert_int_equal(r.exit + r.signal, 0);
	text = xstrdup(r.out.len ? r.out.buf : "");
	if (*text && text[strlen(text) - 1] == '\n')
		text[strlen(text) - 1] = '\0';
	job_result_release(&r);
	return text;
}

static inline void run(const char *const *argv)
{
	free(output_of(argv));
}

static inline void write_text(const char *path, const char *text)
{
	char *copy = xstrdup(path), *slash = strrchr(copy, '/');
	struct err e;

	if (slash) {
		*slash = '\0';
		assert_int_equal(file_mkdirs(copy, &e), 0);
	}
	assert_int_equal(file_put(path, text, strlen(text), &e), 0);
	free(copy);
}

/* A user's repository with two commits and a tag v1 at the first. */
static inline void a_repository(const char *path)
{
	RUN("rm", "-rf", path);
	RUN("git", "init", "-q", "-b", "main", path);
	RUN("sh", "-c",
	    "cd $0 && mkdir -p mm kernel scripts &&"
	    "seq 1 40 > mm/slub.c && echo one > mm/slab.h &&"
	    "printf 'a\\r\\nb\\n' > kernel/crlf.txt &&"
	    "printf '#!/bin/sh\\n' > scripts/run.sh && chmod +x scripts/run.sh "
	    "&&"
	    "echo 'config A' > Kconfig && ln -s slub.c mm/link &&"
	    "echo '$Format:%H$ $Id$' > mm/subst &&"
	    "echo '*.o' > .gitignore && git add -A &&"
	    "printf '* text=auto ident\\nmm/subst export-subst ident\\n"
	    "*.txt eol=crlf\\n' > .gitattributes && git add .gitattributes",
	    path);
	GIT(path, "commit", "-q", "-m", "first");
	GIT(path, "tag", "-a", "-m", "one", "v1");
	RUN("sh", "-c", "echo read me > $0/README", path);
	GIT(path, "add", "README");
	GIT(path, "commit", "-q", "-m", "second: a readme");
}

static inline struct patch a_patch(const char *subject, const char *diff)
{
	struct patch p = {
		.number = 1,
		.author = xstrdup("Ann Author <ann@example.org>"),
		.date = xstrdup("2021-08-05T17:20:00+02:00"),
		.subject = xstrdup(subject),
		.message = xstrdup("Because.\n"),
		.diff = xstrdup(diff),
		.strip = 1,
		.file = xasprintf("%s.patch", subject),
	};

	return p;
}

static inline void add_patch(struct series *s, const char *subject,
			     const char *diff)
{
	s->patches = xrealloc(s->patches, (s->n + 1) * sizeof(*s->patches));
	s->patches[s->n++] = a_patch(subject, diff);
}

static inline void drop_series(struct series *s)
{
	for (size_t i = 0; i < s->n; i++) {
		free(s->patches[i].author);
		free(s->patches[i].date);
		free(s->patches[i].subject);
		free(s->patches[i].message);
		free(s->patches[i].diff);
		free(s->patches[i].file);
		strv_release(&s->patches[i].paths);
	}
	free(s->patches);
	*s = (struct series){0};
}

/* The request fails, with this in what it says. */
static inline void assert_refused(const struct tree_request *rq,
				  const struct series *s, enum err_kind kind,
				  const char *part)
{
	struct tree_stages out;
	struct err e = {0};

	assert_true(tree_stages("lab", rq, s, &out, &e) < 0);
	assert_int_equal(e.kind, kind);
	if (!strstr(e.text, part))
		fail_msg("'%s' has no '%s'", e.text, part);
}

#endif

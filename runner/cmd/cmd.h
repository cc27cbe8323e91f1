/*
 * Verbs: one file each, which exports a struct cmd.  The table of them in
 * main.c makes help, the synopsis of the manual page and shell completion.
 */
#ifndef KLAB_CMD_H
#define KLAB_CMD_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

struct json_t;
struct lab;
struct study;

/* Exit codes, beside those of enum err_kind. */
#define EXIT_DONE 0
#define EXIT_CHANGED 1 /* a regression or a finding */
#define EXIT_INTERRUPTED 130

#define CMD_OPTIONS 14

/* An option of one verb. */
struct cmd_option {
	const char *name; /* without the dashes */
	const char *arg;  /* name of its value, "[=NAME]" if it may be left out,
			     "A B" if there are two, or NULL */
	const char *help;
};

/* The command line, parsed. */
struct ctx {
	char *share;         /* klab's own folder */
	const char *lab_dir; /* --lab */
	int jobs;            /* -j */
	bool dry_run, verbose, json;
	const struct cmd *cmd;
	const char *given[CMD_OPTIONS]; /* by option: its value, "" if none */
	const char *second[CMD_OPTIONS]; /* of those with two */
	char **argv;                    /* what follows */
	int argc;
};

struct cmd {
	const char *name, *args, *summary;
	int min_args, max_args;
	struct cmd_option options[CMD_OPTIONS];
	bool hidden;  /* for klab itself: in no list */
	bool for_git; /* git bisect run reads its exit code, to which all but
			 0, 1 and 125 has to be an abort */
	int (*run)(struct ctx *c); /* returns the exit code */
};

/* The value of an option of this verb, "" if it takes none, NULL if it was not
 * given. */
const char *ctx_option(const struct ctx *c, const char *name);
/* The second value of one that takes two. */
const char *ctx_second(const struct ctx *c, const char *name);

/* Prints "klab: ..." on stderr and returns the exit code. */
int cmd_fail(const struct err *e);
/* A plain line on stderr. */
void cmd_say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/*
 * For a verb that reads a study: opens the lab, calls fn and closes it.  study
 * is the name that the first word of the command line means, a study of the lab
 * or else that of a study file; "" if there is no word.  Returns the exit code.
 */
int cmd_with_study(struct ctx *c, int (*fn)(struct ctx *c, struct lab *lab,
					    const char *study));
/* The folder of the boot whose id starts with word; freed by the caller. */
int cmd_find_boot(const struct lab *lab, const char *word, char **dir,
		  struct err *e);
/* "1 min 20 s"; buf is returned. */
const char *cmd_duration(unsigned long long ms, char *buf, size_t size);

/* Runs `python3 -m analysis VERB ...`; the words after verb end with NULL.
 * *code is its exit code.  Its stdout and stderr are our own. */
int cmd_analysis(const struct ctx *c, const struct lab *lab, const char *verb,
		 const char *study, const char *const *words, int *code,
		 struct err *e);
/* Writes the report of a study and the page of all studies; if study is "",
 * that page alone.  force: also of boots that ran under other conditions.
 * *path is freed by the caller. */
int cmd_write_report(const struct ctx *c, const struct lab *lab,
		     const char *study, bool force, char **path, int *code,
		     struct err *e);
/* Prints a JSON value on stdout and drops the reference. */
void cmd_print_json(struct json_t *o);

extern const struct cmd cmd_doctor, cmd_plan, cmd_run, cmd_status, cmd_compare,
	cmd_report, cmd_export, cmd_bisect, cmd_judge, cmd_reproduce,
	cmd_decode, cmd_gc, cmd_series, cmd_metal_boot;

#endif

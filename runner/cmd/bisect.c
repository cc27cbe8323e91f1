/* klab bisect: which patch changed a metric, or broke something? */
#include "cmd/cmd.h"

#include "base/str.h"
#include "bisect/configs.h"
#include "bisect/gitlog.h"
#include "bisect/hunt.h"
#include "bisect/journal.h"
#include "lab/lab.h"
#include "study/narrow.h"

#include <dirent.h>
#include <errno.h>
#include <sys/stat.h>

static void on_say(const char *text, void *arg)
{
	(void)arg;
	cmd_say("%s", text);
}

static void on_trouble(const struct err *e, void *arg)
{
	(void)arg;
	cmd_fail(e);
}

/* Between configs a stage is named by the option that came last, or with the
 * word in it. */
static const char *stage_word(const struct ctx *c, const char *stage)
{
	if (!ctx_option(c, "between-configs"))
		return "stage ";
	return str_starts(stage, "config ") ? "" : "up to ";
}

static void on_boot(const struct run_boot *b, void *arg)
{
	const struct ctx *c = arg;
	const struct boot_result *r = b->result;

	if (b->again)
		cmd_say("the lab failed boot %s of %s%s: %s; try %d comes",
			r->id, stage_word(c, b->stage), b->stage,
			r->what.reason, b->again);
	else if (c->verbose)
		cmd_say("boot %s: %s%s, %s, seed %d: %s, %.1f s", r->id,
			stage_word(c, b->stage), b->stage, b->workload, b->seed,
			r->what.outcome, (double)r->wall_ms / 1000);
}

static void on_build(const char *stage, const char *config,
		     const struct build_result *r, void *arg)
{
	const struct ctx *c = arg;

	if (r->state == BUILD_OK)
		cmd_say("build %s: %s%s, config %s: ok, %.1f s", r->kernel.key,
			stage_word(c, stage), stage, config,
			(double)r->wall_ms / 1000);
}

/* ---- searching ---- */

static int print_result(const struct ctx *c, const json_t *result)
{
	int code = hunt_code(result);

	if (c->json)
		cmd_print_json(json_deep_copy(result));
	else
		hunt_print_result(result);
	return code;
}

/* The page is for people: what was found does not hang on it.  Nothing can be
 * said of a record without a line. */
static void write_page(const struct ctx *c, const struct lab *lab,
		       const char *name)
{
	char *record = hunt_path(lab->dir, name), *path = NULL;
	struct stat st;
	struct err e;
	int code;

	fflush(stdout);
	if (!stat(record, &st) && st.st_size) {
		if (cmd_write_report(c, lab, name, false, &path, &code, &e))
			cmd_fail(&e);
		else if (code <= EXIT_CHANGED)
			cmd_say("report: %s", path);
	}
	free(path);
	free(record);
}

static int hunt_patches(const struct hunt_request *rq, json_t **result,
			struct err *e)
{
	struct hunt *h = hunt_new(rq);
	int r = hunt_run(h, e);

	if (!r)
		*result = json_incref((json_t *)hunt_result(h));
	hunt_free(h);
	return r;
}

static int search_in(struct ctx *c, struct lab *lab, struct study *study,
		     struct criterion *what)
{
	struct hunt_request rq = {
		.lab = lab,
		.study = study,
		.criterion = what,
		.run = {.jobs = c->jobs,
			.no_sandbox = ctx_option(c, "no-sandbox") != NULL},
		.again = ctx_option(c, "again") != NULL,
		.say = on_say,
		.watch = {.note = on_say,
			  .trouble = on_trouble,
			  .boot = on_boot,
			  .build = on_build,
			  .arg = c},
	};
	json_t *result = NULL;
	struct err e;
	int code, r = ctx_option(c, "between-configs")
			      ? configs_hunt(&rq, &result, &e)
			      : hunt_patches(&rq, &result, &e);

	if (r == -EINTR) {
		cmd_say("interrupted: run the same command again to go on");
		code = EXIT_INTERRUPTED;
	} else {
		code = r ? cmd_fail(&e) : print_result(c, result);
		/* The study is called like the hunt by now. */
		write_page(c, lab, study->name);
	}
	json_decref(result);
	return code;
}

static int dry_run(const struct ctx *c, const struct study *s,
		   const struct criterion *what)
{
	char *text = criterion_text(what);

	if (ctx_option(c, "between-configs"))
		printf("would search the options between config %s and config "
		       "%s, stage %s, machine %s: %s\n",
		       s->configs[0].name, s->configs[1].name,
		       s->stages[0].name, s->machines[0]->name, text);
	else
		printf("would search %zu patch%s between stage %s and stage "
		       "%s, config %s, machine %s: %s\n",
		       s->nstages - 1, s->nstages > 2 ? "es" : "",
		       s->stages[0].name, s->stages[s->nstages - 1].name,
		       s->configs[0].name, s->machines[0]->name, text);
	free(text);
	return EXIT_DONE;
}

/* Cuts the study down to what is searched. */
static int narrow(const struct ctx *c, struct study *study, struct err *e)
{
	const struct narrow keep = {
		ctx_option(c, "config"), ctx_option(c, "machine"),
		ctx_option(c, "good"), ctx_option(c, "bad")};
	const char *a = ctx_option(c, "between-configs");
	const char *stage = ctx_option(c, "stage");

	if (!a && stage)
		return err_user(e, "--stage goes with --between-configs; "
				   "--good and --bad are the ends of a series");
	if (!a)
		return study_narrow(study, &keep, e);
	if (keep.config || keep.good || keep.bad)
		return err_user(e,
				"--between-configs names both ends, so it "
				"takes no --%s; --stage says of which stage",
				keep.config ? "config"
				: keep.good ? "good"
					    : "bad");
	return study_between(study, stage, keep.machine, a,
			     ctx_second(c, "between-configs"), e);
}

static int search_study(struct ctx *c, struct study *study)
{
	struct criterion what;
	struct lab lab;
	struct err e;
	int code;

	if (criterion_parse(ctx_option(c, "broken"), ctx_option(c, "metric"),
			    ctx_option(c, "min-effect"), study, &what, &e))
		return cmd_fail(&e);
	if (narrow(c, study, &e)) {
		code = cmd_fail(&e);
	} else if (c->dry_run) {
		code = dry_run(c, study, &what);
	} else if (lab_open(c->lab_dir, c->share, LAB_WRITE, &lab, &e)) {
		code = cmd_fail(&e);
	} else {
		code = search_in(c, &lab, study, &what);
		lab_close(&lab);
	}
	criterion_release(&what);
	return code;
}

/* ---- records ---- */

/* Does it fit what was given on the command line? */
static bool fits(const struct ctx *c, const json_t *setup, const char *option)
{
	const char *wanted = ctx_option(c, option);
	const char *is = json_string_value(json_object_get(setup, option));

	return !wanted || (is && !strcmp(wanted, is));
}

struct newest {
	char *path;
	struct timespec when;
};

static void look_at(const struct ctx *c, const char *path, struct newest *n)
{
	struct journal j;
	struct stat st;
	struct err ignored;
	const json_t *setup;

	if (stat(path, &st) || journal_read(path, &j, &ignored))
		return;
	setup = journal_find(&j, "setup");
	if (fits(c, setup, "config") && fits(c, setup, "machine") &&
	    (!n->path || st.st_mtim.tv_sec > n->when.tv_sec ||
	     (st.st_mtim.tv_sec == n->when.tv_sec &&
	      st.st_mtim.tv_nsec > n->when.tv_nsec))) {
		free(n->path);
		n->path = xstrdup(path);
		n->when = st.st_mtim;
	}
	journal_close(&j);
}

/* <study>-bisect-<8 hex digits>: no part of another one, and none of a study
 * whose name only begins so. */
static bool is_record_of(const char *name, const char *study)
{
	char *head = xasprintf("%.80s-bisect-", study);
	bool is = false;

	if (str_starts(name, head)) {
		const char *hex = name + strlen(head);

		is = strlen(hex) == 8 && strspn(hex, "0123456789abcdef") == 8;
	}
	free(head);
	return is;
}

/* The latest of a study. */
static char *find_record(const struct ctx *c, const struct lab *lab,
			 const char *study)
{
	char *dir = xasprintf("%s/bisects", lab->dir);
	struct newest n = {0};
	struct dirent *entry;
	DIR *d = opendir(dir);

	while (d && (entry = readdir(d))) {
		char *path = hunt_path(lab->dir, entry->d_name);

		if (is_record_of(entry->d_name, study))
			look_at(c, path, &n);
		free(path);
	}
	if (d)
		closedir(d);
	free(dir);
	return n.path;
}

static int show(const struct ctx *c, const char *path)
{
	struct journal j;
	struct err e;

	if (journal_read(path, &j, &e))
		return cmd_fail(&e);
	if (c->json)
		cmd_print_json(json_incref(j.lines));
	else
		hunt_print_record(j.lines);
	journal_close(&j);
	return EXIT_DONE;
}

static int show_log(struct ctx *c, struct lab *lab, const char *study)
{
	char *path = find_record(c, lab, study);
	int code;

	if (!path) {
		cmd_say("klab: study '%s' has no such bisect in lab '%s'",
			study, lab->dir);
		return ERR_USER;
	}
	code = show(c, path);
	free(path);
	return code;
}

static void print_step(const char *text, void *arg)
{
	const struct ctx *c = arg;

	if (!c->json)
		puts(text);
}

/* What a record that is as it was came to. */
static int say_end(const struct ctx *c, const struct journal *j)
{
	const json_t *result = journal_find(j, "result");
	const json_t *refused = journal_find(j, "refused");
	const char *says;
	char *word;

	if (result || refused)
		cmd_say("all steps are as they were");
	else
		cmd_say("all steps are as they were; the record has no result: "
			"this search has not come to its end");
	if (result)
		return print_result(c, result);
	if (!refused)
		return EXIT_DONE;
	says = json_string_value(json_object_get(refused, "says"));
	word = xstrdup(says ? says : "there is nothing to search");
	str_plain(word);
	cmd_say("klab: %s", word);
	free(word);
	return hunt_code(refused);
}

static int replay(struct ctx *c, const char *path)
{
	struct journal j;
	struct err e;
	int differs, r, code = EXIT_DONE;

	if (journal_read(path, &j, &e))
		return cmd_fail(&e);
	r = hunt_replay(&j, print_step, c, &differs, &e);
	if (r) {
		code = cmd_fail(&e);
	} else if (differs) {
		cmd_say("klab: %s:%d: the search comes to another step than "
			"this; was the record made by another version of klab?",
			path, differs);
		code = EXIT_CHANGED;
	} else {
		code = say_end(c, &j);
	}
	journal_close(&j);
	return code;
}

/* ---- the verb ---- */

/* The first option that was given and is none of these (a list that ends with
 * NULL). */
static const char *find_stranger(const struct ctx *c, const char *const *known)
{
	for (int i = 0; i < CMD_OPTIONS && c->cmd->options[i].name; i++) {
		const char *const *k = known;

		while (*k && strcmp(*k, c->cmd->options[i].name))
			k++;
		if (c->given[i] && !*k)
			return c->cmd->options[i].name;
	}
	return NULL;
}

/* What only reads a record takes no word of a search. */
static bool is_plain(const struct ctx *c, const char *what,
		     const char *const *known)
{
	const char *stranger = find_stranger(c, known);

	if (stranger)
		cmd_say("klab: --%s only reads a record: --%s does not go with "
			"it",
			what, stranger);
	return !stranger;
}

static int cmd_main(struct ctx *c)
{
	static const char *const for_replay[] = {"replay", NULL};
	static const char *const for_log[] = {"log", "config", "machine", NULL};
	const char *record = ctx_option(c, "replay");
	struct study *study;
	struct err e;
	int code;

	if (record && !c->argc)
		return is_plain(c, "replay", for_replay) ? replay(c, record)
							 : ERR_USER;
	if (record || !c->argc) {
		cmd_say("usage: klab bisect STUDY ... or klab bisect --replay "
			"FILE");
		return ERR_USER;
	}
	if (ctx_option(c, "log"))
		return is_plain(c, "log", for_log) ? cmd_with_study(c, show_log)
						   : ERR_USER;
	if (study_load(c->argv[0], c->share, &study, &e))
		return cmd_fail(&e);
	code = search_study(c, study);
	study_free(study);
	return code;
}

const struct cmd cmd_bisect = {
	.name = "bisect",
	.args = "STUDY",
	.summary = "find the patch that changed a metric or broke something",
	.min_args = 0,
	.max_args = 1,
	.options = {{"config", "C", "the config (the only one)"},
		    {"machine", "M", "the machine (the study's first)"},
		    {"broken", "[=HOW]",
		     "build, boot, panic, hang, workload or a signature"},
		    {"metric", "W/M", "a metric got worse"},
		    {"min-effect", "PERCENT", "... by at least this (1%)"},
		    {"between-configs", "A B",
		     "which option makes B worse than A?"},
		    {"stage", "STAGE", "... at this stage (the last)"},
		    {"good", "STAGE", "the good end (the first stage)"},
		    {"bad", "STAGE", "the bad end (the last stage)"},
		    {"again", NULL, "begin anew, put the record aside"},
		    {"log", NULL, "print the record of the latest bisect"},
		    {"replay", "FILE", "go through a record again"},
		    {"no-sandbox", NULL, "build without bubblewrap"}},
	.run = cmd_main,
};

/* klab judge: is the commit that is checked out good or bad?  For `git bisect
 * run`, which knows 0 good, 1 bad, 125 cannot be tested, 128 and above stop. */
#include "cmd/cmd.h"

#include "base/str.h"
#include "bisect/judge.h"
#include "lab/lab.h"
#include "study/narrow.h"
#include "tree/here.h"

#include <errno.h>
#include <math.h>

#define GIT_BAD 1
#define GIT_SKIP 125
#define BOOTS_OF_METRIC 3

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

static int print(const struct ctx *c, const struct judgement *j)
{
	static const struct {
		enum bisect_what what;
		const char *word;
		int code;
	} codes[] = {{BISECT_GOOD, "good", EXIT_DONE},
		     {BISECT_BAD, "bad", GIT_BAD},
		     {BISECT_UNTESTABLE, "untestable", GIT_SKIP}};
	size_t i = 0;
	char *why = xstrdup(j->why ? j->why : "");

	str_plain(why);
	while (codes[i].what != j->what)
		i++;
	if (c->json)
		cmd_print_json(json_pack("{s:s, s:s, s:i}", "judgement",
					 codes[i].word, "why", why, "code",
					 codes[i].code));
	else
		printf("%s: %s\n", codes[i].word, why);
	free(why);
	return codes[i].code;
}

static int judge_in(struct ctx *c, struct judge_request *rq)
{
	struct judgement j;
	struct err e;
	int r = judge_kernel(rq, &j, &e), code;

	if (r == -EINTR)
		return EXIT_INTERRUPTED;
	if (r)
		return cmd_fail(&e);
	code = print(c, &j);
	free(j.why);
	return code;
}

/* --limit and --boots. */
static int read_numbers(struct ctx *c, struct judge_request *rq, struct err *e)
{
	const char *limit = ctx_option(c, "limit");
	const char *boots = ctx_option(c, "boots");
	bool metric = rq->criterion->kind == CRITERION_METRIC;
	long long n = metric ? BOOTS_OF_METRIC : 1;
	char *end = NULL;

	if (metric != (limit != NULL))
		return err_user(e, "--metric needs --limit VALUE, and nothing "
				   "else does");
	if (limit)
		rq->limit = strtod(limit, &end);
	if (limit &&
	    (end == limit || *end || !(rq->limit > 0) || isinf(rq->limit)))
		return err_user(e, "'--limit %s' is not a number above 0",
				limit);
	if (boots && !str_to_ll(boots, 1, JUDGE_BOOTS_MAX, &n))
		return err_user(e, "'--boots %s' is not a number from 1 to %d",
				boots, JUDGE_BOOTS_MAX);
	rq->boots = (int)n;
	return 0;
}

static int take_commit(struct ctx *c, struct study *study, struct err *e)
{
	const struct narrow keep = {.config = ctx_option(c, "config"),
				    .machine = ctx_option(c, "machine")};
	char *top;
	int r = here_top(&top, e);

	if (!r)
		r = study_of_commit(study, &keep, top, e);
	free(top);
	return r;
}

static int judge_study(struct ctx *c, struct study *study,
		       struct criterion *what)
{
	struct lab lab;
	struct judge_request rq = {
		.lab = &lab,
		.study = study,
		.criterion = what,
		.run = {.jobs = c->jobs,
			.no_sandbox = ctx_option(c, "no-sandbox") != NULL},
		.watch = {.note = on_say, .trouble = on_trouble},
	};
	struct err e;
	int code;

	if (read_numbers(c, &rq, &e) || take_commit(c, study, &e))
		return cmd_fail(&e);
	if (c->dry_run) {
		printf("untestable: would judge HEAD of '%s', config %s, "
		       "machine %s\n",
		       study->source.where, study->configs[0].name,
		       study->machines[0]->name);
		return GIT_SKIP;
	}
	if (lab_open(c->lab_dir, c->share, LAB_WRITE, &lab, &e))
		return cmd_fail(&e);
	code = judge_in(c, &rq);
	lab_close(&lab);
	return code;
}

static int cmd_main(struct ctx *c)
{
	struct criterion what;
	struct study *study;
	struct err e;
	int code;

	if (study_load(c->argv[0], c->share, &study, &e))
		return cmd_fail(&e);
	if (criterion_parse(ctx_option(c, "broken"), ctx_option(c, "metric"),
			    NULL, study, &what, &e)) {
		code = cmd_fail(&e);
	} else {
		code = judge_study(c, study, &what);
		criterion_release(&what);
	}
	study_free(study);
	return code;
}

const struct cmd cmd_judge = {
	.name = "judge",
	.args = "STUDY",
	.summary = "judge the checked out commit, for git bisect run",
	.min_args = 1,
	.max_args = 1,
	.for_git = true,
	.options = {{"config", "C", "the config (the only one)"},
		    {"machine", "M", "the machine (the study's first)"},
		    {"broken", "[=HOW]",
		     "build, boot, panic, hang, workload or a signature"},
		    {"metric", "W/M", "a metric is worse than the limit"},
		    {"limit", "VALUE", "the limit, in the metric's unit"},
		    {"boots", "N", "boots (1, of a metric 3)"},
		    {"no-sandbox", NULL, "build without bubblewrap"}},
	.run = cmd_main,
};

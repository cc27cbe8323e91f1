/*
 * The rounds of a run: when nothing is left to do the analysis is asked what
 * boots the study wants next.  It answers from what is in the database alone,
 * so a run that was interrupted comes to the same boots again, and finds those
 * that it has done.  When it wants nothing new, its verdicts are stored.
 */
#include "lab/run_int.h"

#include "lab/analysis.h"
#include "lab/round.h"

#define DEADLINE_MS (3600 * 1000ull)
#define ANSWER_MAX ((size_t)256 << 20)

/* ---- what went wrong ---- */

/* What it complains of comes last on its stderr. */
static void take_complaint(const struct str *text, char *out, size_t size)
{
	size_t len = text->len, start;

	while (len && strchr("\r\n ", text->buf[len - 1]))
		len--;
	for (start = len; start && text->buf[start - 1] != '\n'; start--)
		;
	if (len - start > 6 && !strncmp(text->buf + start, "klab: ", 6))
		start += 6;
	snprintf(out, size, "%.*s", (int)(len - start),
		 len ? text->buf + start : "");
}

static void fail_to_answer(struct run *r, const struct job_result *res)
{
	char why[64], complaint[600];
	struct err e;

	take_complaint(&res->err, complaint, sizeof(complaint));
	err_lab(&e,
		"the analysis could not say which boots come next (%s)%s%s; "
		"'klab doctor' tells what is missing, then run the same "
		"command again",
		job_describe(res, why, sizeof(why)), *complaint ? ": " : "",
		complaint);
	run_fail(r, &e);
}

/* The boots are what they are: the run ends, and has no verdicts. */
static void give_up(struct run *r, const struct job_result *res)
{
	size_t len = res->err.len;
	struct err e;
	char *text;

	while (len && res->err.buf[len - 1] == '\n')
		len--;
	text = xstrndup(len ? res->err.buf : "", len);
	if (r->w.note)
		r->w.note(text, r->w.arg);
	free(text);
	r->judged = r->incomparable = true;
	run_worsen(r, ERR_USER);
	if (db_no_verdicts(r->lab->db, r->m.study, &e))
		run_fail(r, &e);
}

/* ---- the answer ---- */

static bool is_to_do(const struct run *r, size_t from)
{
	for (size_t i = from; i < r->m.ntasks; i++)
		if (r->m.tasks[i].state == TASK_TODO)
			return true;
	return false;
}

/* Nothing runs, so nobody holds a task. */
static int take_round(struct run *r, const struct round *round, struct err *e)
{
	size_t before = r->m.ntasks, added;

	BUG(r->nagain || r->nlater);
	if (matrix_more(&r->m, round->wishes, round->nwishes, &added, e))
		return -1;
	if (!added) {
		r->judged = true;
		return db_verdicts(r->lab->db, r->m.study, round->verdicts,
				   round->nverdicts, e);
	}
	if (round->why && is_to_do(r, before) && r->w.note)
		r->w.note(round->why, r->w.arg);
	r->p.total += r->m.ntasks - before;
	run_count_tasks(r, before);
	return 0;
}

static void take_answer(struct run *r, const struct job_result *res)
{
	struct round round;
	struct err e;

	if (res->out_cut) {
		err_lab(&e, "the analysis gave an answer of more than %zu MiB",
			ANSWER_MAX >> 20);
		run_fail(r, &e);
		return;
	}
	if (round_parse(res->out.buf, res->out.len, r->study, &round, &e)) {
		run_fail(r, &e);
		return;
	}
	if (take_round(r, &round, &e))
		run_fail(r, &e);
	round_release(&round);
}

static void on_answer(const struct job_result *res, void *arg)
{
	struct run *r = arg;

	r->question = NULL;
	if (!r->stopping) {
		if (res->signal || (res->exit && res->exit != ERR_USER))
			fail_to_answer(r, res);
		else if (res->exit)
			give_up(r, res);
		else
			take_answer(r, res);
	}
	run_fill_slots(r);
	run_tell_progress(r);
	run_maybe_end(r);
}

/* ---- the question ---- */

bool run_ask(struct run *r)
{
	struct job_spec spec = {.cwd = r->lab->share,
				.deadline_ms = DEADLINE_MS,
				.out_cap = ANSWER_MAX,
				.done = on_answer,
				.arg = r};
	struct strv argv = STRV_INIT;
	struct err e;

	if (r->question)
		return true;
	if (r->stopping || r->judged || r->o.guide)
		return false;
	if (!r->p.ok) {
		/* Nothing to judge: what was said of it before is void. */
		r->judged = true;
		if (db_no_verdicts(r->lab->db, r->m.study, &e))
			run_fail(r, &e);
		return false;
	}
	analysis_command(&argv, r->lab, "next", r->study->name);
	spec.argv = (const char *const *)argv.v;
	if (job_start(&r->loop, &spec, &r->question, &e)) {
		r->question = NULL;
		run_fail(r, &e);
	}
	strv_release(&argv);
	return r->question;
}

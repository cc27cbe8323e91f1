/* klab run: does whatever of the plan is not done yet. */
#include "cmd/cmd.h"

#include "base/str.h"
#include "lab/run.h"

#include <errno.h>
#include <unistd.h>

struct screen {
	const struct ctx *c;
	bool live;  /* stderr is a terminal: one line, rewritten */
	bool drawn; /* the progress line is on the screen */
	bool colour;
	struct run_progress last;
};

static void wipe(struct screen *s)
{
	if (s->drawn)
		fputs("\r\033[K", stderr);
	s->drawn = false;
}

static void on_note(const char *text, void *arg)
{
	wipe(arg);
	cmd_say("%s", text);
}

static void on_trouble(const struct err *e, void *arg)
{
	wipe(arg);
	cmd_fail(e);
}

static char *place_of(const struct run_boot *b)
{
	bool shipped = !strcmp(b->config, CONFIG_AS_SHIPPED);

	return xasprintf("%s, %s%s%s, %s, seed %d", b->stage,
			 shipped ? "" : b->config, shipped ? "" : ", ",
			 b->machine, b->workload, b->seed);
}

static void on_boot(const struct run_boot *b, void *arg)
{
	struct screen *s = arg;
	const struct boot_result *r = b->result;
	bool ok = r->what.state == BOOT_OK && !b->splat;
	char *place;

	if (ok && s->live && !s->c->verbose)
		return;
	wipe(s);
	place = place_of(b);
	if (ok)
		cmd_say("boot %s: %s: ok, %.1f s", r->id, place,
			(double)r->wall_ms / 1000);
	else if (b->again)
		cmd_say("the lab failed boot %s: %s: %s; try %d comes", r->id,
			place, r->what.reason, b->again);
	else
		cmd_say("%sboot %s: %s: %s: %s; see %s%s",
			s->colour ? "\033[31m" : "", r->id, place,
			r->what.outcome, r->what.reason, r->dir,
			s->colour ? "\033[0m" : "");
	free(place);
}

/* The linker knows the file alone. */
static void build_error(const struct build_error *b)
{
	char line[16] = "";

	if (b->line)
		snprintf(line, sizeof(line), ":%d", b->line);
	cmd_say("  %s%s%s%s%s", b->file ? b->file : "", b->file ? line : "",
		b->file ? ": " : "", b->text,
		b->touched ? " (the patch touches this file)" : "");
}

static void build_failed(struct screen *s, const char *stage,
			 const char *config, const struct build_result *r)
{
	cmd_say("%sbuild: stage %s, config %s: does not build: %s%s%s%s",
		s->colour ? "\033[31m" : "", stage, config, r->reason,
		r->log ? "; see " : "", r->log ? r->log : "",
		s->colour ? "\033[0m" : "");
	for (size_t i = 0; i < r->nerrors; i++)
		build_error(&r->errors[i]);
}

static void on_build(const char *stage, const char *config,
		     const struct build_result *r, void *arg)
{
	struct screen *s = arg;
	bool ok = r->state == BUILD_OK;

	if (ok && s->live && !s->c->verbose)
		return;
	wipe(s);
	if (ok)
		cmd_say("build %s: stage %s, config %s: ok, %.1f s",
			r->kernel.key, stage, config,
			(double)r->wall_ms / 1000);
	else
		build_failed(s, stage, config, r);
}

static void on_progress(const struct run_progress *p, void *arg)
{
	struct screen *s = arg;
	char left[32] = "";

	s->last = *p;
	if (!s->live)
		return;
	wipe(s);
	if (p->eta_ms)
		cmd_duration(p->eta_ms, left, sizeof(left));
	if (p->builds)
		fprintf(stderr, "%zu of %zu kernels built, ",
			p->built + p->broken, p->builds);
	fprintf(stderr, "%zu of %zu boots done, %zu running", p->ok + p->bad,
		p->total, p->running);
	if (p->broken)
		fprintf(stderr, ", %zu broken", p->broken);
	if (p->bad)
		fprintf(stderr, ", %zu bad", p->bad);
	if (p->splat)
		fprintf(stderr, ", %zu with splats", p->splat);
	if (p->failed)
		fprintf(stderr, ", %zu to repeat", p->failed);
	if (*left)
		fprintf(stderr, ", about %s left", left);
	fflush(stderr);
	s->drawn = true;
}

static int dry_run(struct ctx *c)
{
	struct ctx plan = *c;

	plan.cmd = &cmd_plan;
	memset(plan.given, 0, sizeof(plan.given));
	return cmd_plan.run(&plan);
}

static void summary(const struct run_progress *p)
{
	struct str s = STR_INIT;

	if (p->builds)
		str_addf(&s, "%zu of %zu kernels built", p->built, p->builds);
	if (p->broken)
		str_addf(&s, ", %zu do not build", p->broken);
	if (p->builds)
		str_adds(&s, "; ");
	if (p->unbuildable)
		str_addf(&s, "%zu known not to build (--retry builds again); ",
			 p->unbuildable);
	str_addf(&s, "%zu of %zu boots done", p->ok + p->bad, p->total);
	if (p->bad)
		str_addf(&s, "; in %zu the kernel failed", p->bad);
	if (p->splat)
		str_addf(&s, "; in %zu it ran, but with splats", p->splat);
	if (p->failed)
		str_addf(&s, "; %zu failed in the lab, to be done again",
			 p->failed);
	if (p->skipped)
		str_addf(&s, "; %zu have no kernel, machine or program",
			 p->skipped);
	if (p->not_applicable)
		str_addf(&s, "; %zu are not applicable", p->not_applicable);
	cmd_say("%s", s.buf);
	str_release(&s);
}

/* The exit code that says more: 4, 2, 3, 1, 0. */
static int worse(int a, int b)
{
	static const int rank[] = {0, 1, 3, 2, 4};

	BUG(a < 0 || a > ERR_LAB || b < 0 || b > ERR_LAB);
	return rank[a] > rank[b] ? a : b;
}

/* The verdict table and the report, both for people. */
static int conclude(struct ctx *c, struct lab *lab, const struct study *study,
		    int worst, struct err *e)
{
	static const char *const none[] = {NULL}, *const json[] = {"--json",
								   NULL};
	int compare, report;
	char *path;

	if (cmd_analysis(c, lab, "compare", study->name, c->json ? json : none,
			 &compare, e))
		return cmd_fail(e);
	/* What cannot be compared was told; the report would tell it again. */
	if (compare == ERR_USER)
		return worse(worst, compare);
	if (cmd_write_report(c, lab, study->name, false, &path, &report, e))
		report = cmd_fail(e);
	else if (c->json && report <= EXIT_CHANGED)
		cmd_say("report: %s", path);
	else if (report <= EXIT_CHANGED)
		printf("\nreport: %s\n", path);
	free(path);
	return worse(worst, worse(compare, report));
}

static int work(struct ctx *c, struct lab *lab, struct study *study,
		struct screen *s)
{
	struct run_options o = {
		.jobs = c->jobs,
		.refresh = ctx_option(c, "refresh"),
		.retry = ctx_option(c, "retry"),
		.no_sandbox = ctx_option(c, "no-sandbox"),
	};
	struct run_watch w = {on_note,  on_trouble,  on_boot,
			      on_build, on_progress, s};
	struct run *run = run_new(lab, study, &o, &w);
	struct run_progress p;
	struct err e;
	bool told;
	int r = run_resolve(run, &e), code;

	if (!r)
		r = run_work(run, &e);
	wipe(s);
	p = run_progress(run);
	code = worse((int)run_worst(run), p.splat ? EXIT_CHANGED : EXIT_DONE);
	told = run_incomparable(run);
	run_free(run);
	if (r == -EINTR) {
		cmd_say("interrupted: %zu of %zu boots are done; run the same "
			"command again to go on",
			p.ok + p.bad, p.total);
		return EXIT_INTERRUPTED;
	}
	if (r)
		return cmd_fail(&e);
	summary(&p);
	if (told || (!p.ok && !p.bad && !p.broken && !p.unbuildable))
		return code;
	return conclude(c, lab, study, code, &e);
}

static int cmd_main(struct ctx *c)
{
	const char *no_colour = getenv("NO_COLOR");
	struct screen s = {.c = c, .live = isatty(2)};
	struct study *study;
	struct lab lab;
	struct err e;
	int code;

	if (c->dry_run)
		return dry_run(c);
	s.colour = s.live && !(no_colour && *no_colour);
	if (study_load(c->argv[0], c->share, &study, &e))
		return cmd_fail(&e);
	if (lab_open(c->lab_dir, c->share, LAB_WRITE, &lab, &e)) {
		code = cmd_fail(&e);
	} else {
		code = work(c, &lab, study, &s);
		lab_close(&lab);
	}
	study_free(study);
	return code;
}

const struct cmd cmd_run = {
	.name = "run",
	.args = "STUDY",
	.summary = "do whatever of the plan is not done yet, and report",
	.min_args = 1,
	.max_args = 1,
	.options = {{"refresh", NULL, "ask the mirror for newer packages"},
		    {"retry", NULL, "build and boot again what failed"},
		    {"no-sandbox", NULL, "build without bubblewrap"}},
	.run = cmd_main,
};

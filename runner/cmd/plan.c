/* klab plan: prints the matrix, the boots and an estimate; changes nothing.
 * With --configs it settles two configs, which needs the tree in the lab. */
#include "cmd/cmd.h"
#include "cmd/plan_needs.h"

#include "base/file.h"
#include "base/str.h"
#include "lab/matrix.h"
#include "lab/run.h"
#include "machine/backend.h"
#include "study/study.h"

#include <errno.h>
#include <jansson.h>

/* Used only while the lab has measured no boot, or built no kernel: the first
 * of a config, and those after it. */
#define GUESS_MS 15000
#define GUESS_FIRST_BUILD_MS 240000
#define GUESS_BUILD_MS 8000

struct plan {
	size_t boots, kernels;
	long long done;     /* boots of this study in this lab */
	long long boot_ms;  /* mean of the boots that the lab has; 0: none */
	long long built;    /* kernels of this study that were built */
	long long build_ms; /* mean of its builds; 0: none */
	long long left_ms;
	json_t *not_applicable; /* see plan_needs.h */
};

static void take_not_applicable(const struct study *s, const struct lab *lab,
				struct plan *p)
{
	p->not_applicable = plan_not_applicable(s, lab);
	p->boots -= json_array_size(p->not_applicable) * (size_t)s->boots;
}

static int read_lab(const struct ctx *c, const struct study *s, struct plan *p,
		    struct err *e)
{
	struct lab lab;
	int r = lab_open(c->lab_dir, c->share, LAB_READ, &lab, e);

	if (r == -ENOENT) {
		take_not_applicable(s, NULL, p);
		return 0; /* no lab yet: nothing is done */
	}
	if (r)
		return r;
	take_not_applicable(s, &lab, p);
	r = db_number(lab.db, e, &p->done, 0,
		      "SELECT count(DISTINCT b.id) FROM boot b JOIN cell c "
		      "ON c.boot = b.id JOIN study s ON s.id = c.study "
		      "WHERE s.name = ? AND b.state IN ('ok', 'bad')",
		      "t", s->name);
	if (!r)
		r = db_number(lab.db, e, &p->boot_ms, 0,
			      "SELECT avg(wall_ms) FROM boot "
			      "WHERE state = 'ok'",
			      "");
	if (!r)
		r = db_number(lab.db, e, &p->built, 0,
			      "SELECT count(*) FROM variant v JOIN study s "
			      "ON s.id = v.study WHERE s.name = ? AND v.state "
			      "IN ('ready', 'broken')",
			      "t", s->name);
	if (!r)
		r = db_number(lab.db, e, &p->build_ms, 0,
			      "SELECT avg(wall_ms) FROM variant v JOIN study s "
			      "ON s.id = v.study WHERE s.name = ?",
			      "t", s->name);
	lab_close(&lab);
	return r;
}

static void estimate(const struct ctx *c, const struct study *s, struct plan *p)
{
	long long boots = (long long)p->boots - p->done;
	long long builds = (long long)p->kernels - p->built, first = 0;

	p->left_ms = (long long)run_estimate(
		boots > 0 ? (uint64_t)boots : 0,
		(uint64_t)(p->boot_ms ? p->boot_ms : GUESS_MS), c->jobs);
	if (!source_is_built(&s->source) || builds <= 0)
		return;
	if (!p->built)
		first = (long long)s->nconfigs * GUESS_FIRST_BUILD_MS;
	p->left_ms +=
		first + builds * (p->build_ms ? p->build_ms : GUESS_BUILD_MS);
}

static json_t *stages_json(const struct study *s)
{
	json_t *list = json_array();

	for (size_t i = 0; i < s->nstages; i++) {
		const struct stage *g = &s->stages[i];
		char *request = stage_request(&s->source, g);

		json_array_append_new(
			list, json_pack("{s:i, s:s, s:s?, s:s}", "stage",
					g->idx, "name", g->name, "title",
					g->title, "source", request));
		free(request);
	}
	return list;
}

static json_t *configs_json(const struct study *s)
{
	json_t *list = json_array();

	for (size_t i = 0; i < s->nconfigs; i++)
		json_array_append_new(list, json_string(s->configs[i].name));
	return list;
}

static void print_json(const struct study *s, const struct plan *p)
{
	json_t *machines = json_array(), *workloads = json_array(), *o;
	bool built = source_is_built(&s->source);

	for (size_t i = 0; i < s->nmachines; i++)
		json_array_append_new(machines,
				      json_string(s->machines[i]->name));
	for (size_t i = 0; i < s->nworkloads; i++)
		json_array_append_new(workloads,
				      json_string(s->workloads[i]->label));
	o = json_pack("{s:s, s:o, s:o, s:o, s:o, s:i, s:I, s:I, s:I, s:I, s:I, "
		      "s:b, s:O}",
		      "study", s->name, "stages", stages_json(s), "configs",
		      configs_json(s), "machines", machines, "workloads",
		      workloads, "seeds", s->boots, "boots",
		      (json_int_t)p->boots, "done", (json_int_t)p->done,
		      "builds", (json_int_t)(built ? p->kernels : 0), "built",
		      (json_int_t)(built ? p->built : 0), "estimate_ms",
		      (json_int_t)p->left_ms, "estimate_is_guess",
		      p->boot_ms == 0, "not_applicable", p->not_applicable);
	cmd_print_json(o);
}

static void print_stages(const struct study *s)
{
	bool built = source_is_built(&s->source);
	char *request = stage_request(&s->source, &s->stages[0]);

	if (built)
		printf("source: %s\n", request);
	free(request);
	puts("stages:");
	for (size_t i = 0; i < s->nstages; i++) {
		const struct stage *g = &s->stages[i];

		request = built ? xstrdup(g->title ? g->title : "")
				: stage_request(&s->source, g);
		printf("  %2d  %-*s %s%s\n", g->idx, built ? 4 : 20, g->name,
		       request, g->idx == s->baseline ? "  [baseline]" : "");
		free(request);
	}
}

static void print_configs(const struct study *s)
{
	if (!source_is_built(&s->source)) {
		printf("config: %s\n", CONFIG_AS_SHIPPED);
		return;
	}
	puts("configs:");
	for (size_t i = 0; i < s->nconfigs; i++) {
		char *request = config_request(&s->configs[i]);

		printf("  %-24s %s\n", s->configs[i].name, request);
		free(request);
	}
}

static void print_machines(const struct study *s)
{
	puts("machines:");
	for (size_t i = 0; i < s->nmachines; i++) {
		const struct machine *m = s->machines[i];

		printf("  %-24s %s clock, %d vCPU%s, %d MiB", m->name, m->clock,
		       m->vcpus, m->vcpus > 1 ? "s" : "", m->memory_mib);
		if (m->metronome_us)
			printf(", metronome %d us", m->metronome_us);
		else if (m->vcpus > 1 && m->backend == &backend_icount)
			printf(", no metronome: no latency verdicts");
		putchar('\n');
	}
}

static void print_text(const struct ctx *c, const struct study *s,
		       const struct plan *p)
{
	char time[32];

	printf("study %s (%s)\n\n", s->name, s->path);
	print_stages(s);
	print_configs(s);
	print_machines(s);
	puts("workloads:");
	for (size_t i = 0; i < s->nworkloads; i++)
		printf("  %-24s %s\n", s->workloads[i]->label,
		       s->workloads[i]->summary);
	plan_print_not_applicable(p->not_applicable);
	putchar('\n');
	if (source_is_built(&s->source))
		printf("%zu kernels to build (%zu stages x %zu configs), %lld "
		       "done\n",
		       p->kernels, s->nstages, s->nconfigs, p->built);
	printf("%zu boots (%zu stages x %zu configs x %zu machines x %zu "
	       "workloads x %d seeds%s), %lld done\n",
	       p->boots, s->nstages, s->nconfigs, s->nmachines, s->nworkloads,
	       s->boots,
	       json_array_size(p->not_applicable)
		       ? ", less what is not applicable"
		       : "",
	       p->done);
	printf("estimate: %s with %d side by side (%s)\n",
	       cmd_duration((unsigned long long)p->left_ms, time, sizeof(time)),
	       c->jobs,
	       p->boot_ms ? "from the boots in this lab"
			  : "a guess: this lab has measured none");
}

static void on_note(const char *text, void *arg)
{
	(void)arg;
	cmd_say("%s", text);
}

static void on_trouble(const struct err *e, void *arg)
{
	(void)arg;
	cmd_say("%s", e->text);
}

/* The machines as `klab run` would take them on this host. */
static int fit_machines(const struct ctx *c, struct study *s, struct err *e)
{
	struct matrix_options o = {.note = on_note, .trouble = on_trouble};
	bool *unfit = xcalloc(s->nmachines, sizeof(*unfit));
	struct qemu qemu;
	struct err none;
	int r = 0;

	if (qemu_find(&qemu, &none)) {
		cmd_say("%s", none.text);
	} else {
		r = matrix_machines(c->share, &qemu, s, &o, unfit, e);
		qemu_release(&qemu);
	}
	free(unfit);
	return r;
}

/* ---- --configs ---- */

static int config_index(const struct study *s, const char *name, size_t *out,
			struct err *e)
{
	for (size_t i = 0; i < s->nconfigs; i++) {
		*out = i;
		if (!strcmp(s->configs[i].name, name))
			return 0;
	}
	return err_user(e, "study '%s' has no config '%s'", s->name, name);
}

/* The two that are named, else the study's first two. */
static int choose_configs(const struct ctx *c, const struct study *s, size_t *a,
			  size_t *b, struct err *e)
{
	if (!source_is_built(&s->source))
		return err_user(e,
				"study '%s' has prebuilt kernels: there is no "
				"config to settle",
				s->name);
	if (c->argc == 2)
		return err_user(e, "--configs compares two: name both, or none "
				   "for the study's first two");
	*a = 0;
	*b = 1;
	if (c->argc == 3)
		return config_index(s, c->argv[1], a, e) ||
				       config_index(s, c->argv[2], b, e)
			       ? -EINVAL
			       : 0;
	if (s->nconfigs < 2)
		return err_user(e, "study '%s' has only one config", s->name);
	return 0;
}

static void print_diff(const struct ctx *c, const struct study *s, size_t a,
		       size_t b, const struct strv *lines)
{
	json_t *list;

	if (!c->json) {
		printf("--- %s\n+++ %s\n", s->configs[a].name,
		       s->configs[b].name);
		for (size_t i = 0; i < lines->n; i++)
			puts(lines->v[i]);
		return;
	}
	list = json_array();
	for (size_t i = 0; i < lines->n; i++)
		json_array_append_new(list, json_string(lines->v[i]));
	cmd_print_json(json_pack("{s:s, s:s, s:i, s:o}", "from",
				 s->configs[a].name, "to", s->configs[b].name,
				 "stage", s->stages[0].idx, "lines", list));
}

static int diff_in(struct ctx *c, struct lab *lab, struct study *s, size_t a,
		   size_t b, struct err *e)
{
	struct builds_options o = {.jobs = c->jobs,
				   .no_sandbox = ctx_option(c, "no-sandbox"),
				   .note = on_note,
				   .trouble = on_trouble};
	struct strv lines = STRV_INIT;
	struct builds *builds;
	const struct err *why;
	const char *from, *to;
	int r = builds_new(&builds, lab, s, &o, e);

	if (r)
		return r;
	from = builds_config(builds, 0, a, &why);
	to = from ? builds_config(builds, 0, b, &why) : NULL;
	if (!to) {
		*e = *why;
		r = -EINVAL;
	} else {
		r = kconfig_diff(from, to, &lines, e);
	}
	if (!r)
		print_diff(c, s, a, b, &lines);
	strv_release(&lines);
	builds_free(builds);
	return r;
}

static int diff_configs(struct ctx *c, struct study *s)
{
	struct lab lab;
	struct err e;
	size_t a, b;
	int r;

	if (choose_configs(c, s, &a, &b, &e) ||
	    lab_open(c->lab_dir, c->share, LAB_WRITE, &lab, &e))
		return cmd_fail(&e);
	r = diff_in(c, &lab, s, a, b, &e);
	lab_close(&lab);
	return r ? cmd_fail(&e) : EXIT_DONE;
}

static int print_plan(struct ctx *c, struct study *s)
{
	struct plan p = {.boots = study_boots(s),
			 .kernels = s->nstages * s->nconfigs};
	struct err e;

	if (c->argc > 1) {
		err_user(&e, "'%s': only --configs takes more than a study",
			 c->argv[1]);
		return cmd_fail(&e);
	}
	if (fit_machines(c, s, &e) || read_lab(c, s, &p, &e)) {
		json_decref(p.not_applicable);
		return cmd_fail(&e);
	}
	estimate(c, s, &p);
	if (c->json)
		print_json(s, &p);
	else
		print_text(c, s, &p);
	json_decref(p.not_applicable);
	return EXIT_DONE;
}

static int cmd_main(struct ctx *c)
{
	struct study *s;
	struct err e;
	int code;

	if (study_load(c->argv[0], c->share, &s, &e))
		return cmd_fail(&e);
	code = ctx_option(c, "configs") ? diff_configs(c, s) : print_plan(c, s);
	study_free(s);
	return code;
}

const struct cmd cmd_plan = {
	.name = "plan",
	.args = "STUDY [CONFIG CONFIG]",
	.summary = "print the matrix, the boots and an estimate",
	.min_args = 1,
	.max_args = 3,
	.options = {{"configs", NULL,
		     "settle two configs and print what differs"},
		    {"no-sandbox", NULL, "settle them without bubblewrap"}},
	.run = cmd_main,
};

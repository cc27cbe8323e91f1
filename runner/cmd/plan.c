/* klab plan: prints the matrix, the boots and an estimate; changes nothing. */
#include "cmd/cmd.h"
#include "cmd/plan_configs.h"
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
	size_t boots, boots_max; /* planned; with those that may be added */
	size_t kernels;
	long long done;     /* boots of this study in this lab */
	long long first;    /* of these, boots that are planned */
	long long boot_ms;  /* mean of the boots that the lab has; 0: none */
	long long built;    /* kernels of this study that were built */
	long long build_ms; /* mean of its builds; 0: none */
	long long left_ms;
	json_t *not_applicable; /* see plan_needs.h */
};

/* Boots that such a cell would have, of the first and of all. */
static void take_off(const struct study *s, const char *stage, struct plan *p)
{
	for (size_t i = 0; i < s->nstages; i++) {
		if (strcmp(s->stages[i].name, stage))
			continue;
		p->boots -= study_cell_boots(s, i);
		p->boots_max -= study_cell_boots(s, i) +
				(size_t)(s->rules.max - s->rules.min);
		return;
	}
}

static void take_not_applicable(const struct study *s, const struct lab *lab,
				struct plan *p)
{
	json_t *one;
	size_t i;

	p->not_applicable = plan_not_applicable(s, lab);
	json_array_foreach(p->not_applicable, i, one) take_off(
		s, json_string_value(json_object_get(one, "stage")), p);
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
		r = db_number(lab.db, e, &p->first, 0,
			      "SELECT count(DISTINCT b.id) FROM boot b "
			      "JOIN cell c ON c.boot = b.id JOIN study s "
			      "ON s.id = c.study WHERE s.name = ? AND b.state "
			      "IN ('ok', 'bad') AND (c.role = 'aa' OR c.role "
			      "= 'sample' AND c.seed <= ?)",
			      "ti", s->name, (long long)s->rules.min);
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
	long long boots = (long long)p->boots - p->first;
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
	char *rules = rules_text(&s->rules);
	bool built = source_is_built(&s->source);

	for (size_t i = 0; i < s->nmachines; i++)
		json_array_append_new(machines,
				      json_string(s->machines[i]->name));
	for (size_t i = 0; i < s->nworkloads; i++)
		json_array_append_new(workloads,
				      json_string(s->workloads[i]->label));
	o = json_pack("{s:s, s:o, s:o, s:o, s:o, s:i, s:I, s:I, s:I, s:I, s:I, "
		      "s:I, s:b, s:O, s:o}",
		      "study", s->name, "stages", stages_json(s), "configs",
		      configs_json(s), "machines", machines, "workloads",
		      workloads, "seeds", s->rules.min, "boots",
		      (json_int_t)p->boots, "boots_max",
		      (json_int_t)p->boots_max, "done", (json_int_t)p->done,
		      "builds", (json_int_t)(built ? p->kernels : 0), "built",
		      (json_int_t)(built ? p->built : 0), "estimate_ms",
		      (json_int_t)p->left_ms, "estimate_is_guess",
		      p->boot_ms == 0, "not_applicable", p->not_applicable,
		      "rules", json_loads(rules, 0, NULL));
	free(rules);
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

/* "3, 5, 8, 13, 20" */
static void print_looks(const struct rules *r)
{
	printf("  looked at after");
	for (int n = r->min;; n = rules_next_look(r, n)) {
		printf("%s %d", n > r->min ? "," : "", n);
		if (n == r->max)
			break;
	}
	printf(" boots of a cell, until its verdict is decided");
	if (r->until > 0)
		printf(" or its interval within %g %%", 100 * r->until);
	putchar('\n');
}

static void print_boots(const struct study *s, const struct plan *p)
{
	const struct rules *r = &s->rules;
	bool adaptive = r->max > r->min;

	printf("%zu", p->boots);
	if (adaptive)
		printf(" to %zu", p->boots_max);
	printf(" boots (%zu stages x %zu configs x %zu machines x %zu "
	       "workloads x %d",
	       s->nstages, s->nconfigs, s->nmachines, s->nworkloads, r->min);
	if (adaptive)
		printf(" to %d", r->max);
	printf(" seeds");
	if (r->aa)
		printf(", %d more of the baseline", r->aa);
	if (json_array_size(p->not_applicable))
		printf(", less what is not applicable");
	printf("), %lld done\n", p->done);
	if (adaptive)
		print_looks(r);
	if (r->confirm && s->nstages > 1)
		printf("  and at most %zu to confirm what is claimed\n",
		       r->budget);
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
	print_boots(s, p);
	printf("estimate: %s with %d side by side (%s)\n",
	       cmd_duration((unsigned long long)p->left_ms, time, sizeof(time)),
	       c->jobs,
	       p->boot_ms ? "from the boots in this lab"
			  : "a guess: this lab has measured none");
}

/* The machines as `klab run` would take them on this host. */
static int fit_machines(const struct ctx *c, struct study *s, struct err *e)
{
	struct matrix_options o = {.note = plan_note, .trouble = plan_trouble};
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

static int print_plan(struct ctx *c, struct study *s)
{
	struct plan p = {.boots = study_boots(s),
			 .boots_max = study_boots_max(s) - s->rules.budget,
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
	code = ctx_option(c, "configs") ? plan_diff_configs(c, s)
					: print_plan(c, s);
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

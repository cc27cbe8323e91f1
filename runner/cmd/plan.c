/* klab plan: prints the matrix, the boots and an estimate; changes nothing. */
#include "cmd/cmd.h"

#include "base/file.h"
#include "base/str.h"
#include "lab/matrix.h"
#include "lab/run.h"
#include "study/study.h"

#include <errno.h>
#include <jansson.h>

/* Used only while the lab has measured no boot. */
#define GUESS_MS 15000

struct plan {
	size_t boots;
	long long done;    /* of this study in this lab */
	long long boot_ms; /* mean of the boots that the lab has; 0: none */
	long long left_ms;
};

static int read_lab(const struct ctx *c, const struct study *s, struct plan *p,
		    struct err *e)
{
	struct lab lab;
	int r = lab_open(c->lab_dir, c->share, LAB_READ, &lab, e);

	if (r == -ENOENT)
		return 0; /* no lab yet: nothing is done */
	if (r)
		return r;
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
	lab_close(&lab);
	return r;
}

static void print_json(const struct study *s, const struct plan *p)
{
	json_t *stages = json_array(), *machines = json_array(),
	       *workloads = json_array(), *o;

	for (size_t i = 0; i < s->nstages; i++) {
		char *request = stage_request(&s->stages[i]);

		json_array_append_new(stages,
				      json_pack("{s:i, s:s, s:s}", "stage",
						s->stages[i].idx, "name",
						s->stages[i].name, "source",
						request));
		free(request);
	}
	for (size_t i = 0; i < s->nmachines; i++)
		json_array_append_new(machines,
				      json_string(s->machines[i]->name));
	for (size_t i = 0; i < s->nworkloads; i++)
		json_array_append_new(workloads,
				      json_string(s->workloads[i]->label));
	o = json_pack("{s:s, s:o, s:[s], s:o, s:o, s:i, s:I, s:I, s:I, s:b}",
		      "study", s->name, "stages", stages, "configs",
		      CONFIG_AS_SHIPPED, "machines", machines, "workloads",
		      workloads, "seeds", s->boots, "boots",
		      (json_int_t)p->boots, "done", (json_int_t)p->done,
		      "estimate_ms", (json_int_t)p->left_ms,
		      "estimate_is_guess", p->boot_ms == 0);
	cmd_print_json(o);
}

static void print_text(const struct ctx *c, const struct study *s,
		       const struct plan *p)
{
	char time[32];

	printf("study %s (%s)\n\nstages (config %s):\n", s->name, s->path,
	       CONFIG_AS_SHIPPED);
	for (size_t i = 0; i < s->nstages; i++) {
		char *request = stage_request(&s->stages[i]);

		printf("  %2d  %-20s %s%s\n", s->stages[i].idx,
		       s->stages[i].name, request,
		       s->stages[i].idx == s->baseline ? "  [baseline]" : "");
		free(request);
	}
	puts("machines:");
	for (size_t i = 0; i < s->nmachines; i++) {
		const struct machine *m = s->machines[i];

		printf("  %-24s %s clock, %d vCPU%s, %d MiB", m->name, m->clock,
		       m->vcpus, m->vcpus > 1 ? "s" : "", m->memory_mib);
		if (m->metronome_us)
			printf(", metronome %d us", m->metronome_us);
		else if (m->vcpus > 1)
			printf(", no metronome: no latency verdicts");
		putchar('\n');
	}
	puts("workloads:");
	for (size_t i = 0; i < s->nworkloads; i++)
		printf("  %-24s %s\n", s->workloads[i]->label,
		       s->workloads[i]->summary);
	printf("\n%zu boots (%zu stages x %zu machines x %zu workloads x %d "
	       "seeds), %lld done\n",
	       p->boots, s->nstages, s->nmachines, s->nworkloads, s->boots,
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

static int cmd_main(struct ctx *c)
{
	struct study *s;
	struct plan p = {0};
	struct err e;
	int code = EXIT_DONE;

	if (study_load(c->argv[0], c->share, &s, &e))
		return cmd_fail(&e);
	p.boots = study_boots(s);
	if (fit_machines(c, s, &e) || read_lab(c, s, &p, &e)) {
		code = cmd_fail(&e);
	} else {
		long long left = (long long)p.boots - p.done;

		p.left_ms = (long long)run_estimate(
			left > 0 ? (uint64_t)left : 0,
			(uint64_t)(p.boot_ms ? p.boot_ms : GUESS_MS), c->jobs);
		if (c->json)
			print_json(s, &p);
		else
			print_text(c, s, &p);
	}
	study_free(s);
	return code;
}

const struct cmd cmd_plan = {
	.name = "plan",
	.args = "STUDY",
	.summary = "print the matrix, the boots and an estimate",
	.min_args = 1,
	.max_args = 1,
	.run = cmd_main,
};

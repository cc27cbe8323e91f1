#include "cmd/plan_configs.h"

#include "cmd/cmd.h"

#include "base/str.h"
#include "build/kconfig.h"
#include "lab/builds.h"
#include "lab/lab.h"
#include "study/study.h"

#include <errno.h>
#include <jansson.h>

void plan_note(const char *text, void *arg)
{
	(void)arg;
	cmd_say("%s", text);
}

void plan_trouble(const struct err *e, void *arg)
{
	(void)arg;
	cmd_say("%s", e->text);
}

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
				   .note = plan_note,
				   .trouble = plan_trouble};
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

int plan_diff_configs(struct ctx *c, struct study *s)
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

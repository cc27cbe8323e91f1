/* klab compare: the verdict table in the terminal. */
#include "cmd/cmd.h"

#include "base/str.h"
#include "lab/lab.h"

static int cmd_main(struct ctx *c)
{
	static const char *const passed[] = {"base", "metric"};
	struct strv words = STRV_INIT;
	char *study = NULL;
	struct lab lab;
	struct err e;
	int code;

	if (lab_open(c->lab_dir, c->share, LAB_READ, &lab, &e))
		return cmd_fail(&e);
	for (size_t i = 0; i < sizeof(passed) / sizeof(*passed); i++) {
		const char *value = ctx_option(c, passed[i]);

		if (value)
			strv_addf(&words, "--%s=%s", passed[i], value);
	}
	if (c->json)
		strv_add(&words, "--json");
	if (cmd_study_name(c, &lab, c->argv[0], &study, &e) ||
	    cmd_analysis(c, &lab, "compare", study,
			 words.n ? (const char *const *)words.v
				 : (const char *const[]){NULL},
			 &code, &e))
		code = cmd_fail(&e);
	free(study);
	strv_release(&words);
	lab_close(&lab);
	return code;
}

const struct cmd cmd_compare = {
	.name = "compare",
	.args = "STUDY",
	.summary = "print the verdict table",
	.min_args = 1,
	.max_args = 1,
	.options = {{"base", "STAGE", "compare with this stage"},
		    {"metric", "M", "only this metric"}},
	.run = cmd_main,
};

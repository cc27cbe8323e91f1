/* klab compare: the verdict table in the terminal. */
#include "cmd/cmd.h"

#include "base/str.h"
#include "lab/lab.h"

static int compare(struct ctx *c, struct lab *lab, const char *study)
{
	static const char *const passed[] = {"base", "metric"};
	struct strv words = STRV_INIT;
	struct err e;
	int code;

	for (size_t i = 0; i < sizeof(passed) / sizeof(*passed); i++) {
		const char *value = ctx_option(c, passed[i]);

		if (value)
			strv_addf(&words, "--%s=%s", passed[i], value);
	}
	if (c->json)
		strv_add(&words, "--json");
	if (ctx_option(c, "force"))
		strv_add(&words, "--force");
	if (cmd_analysis(c, lab, "compare", study,
			 words.n ? (const char *const *)words.v
				 : (const char *const[]){NULL},
			 &code, &e))
		code = cmd_fail(&e);
	strv_release(&words);
	return code;
}

static int cmd_main(struct ctx *c)
{
	return cmd_with_study(c, compare);
}

const struct cmd cmd_compare = {
	.name = "compare",
	.args = "STUDY",
	.summary = "print the verdict table",
	.min_args = 1,
	.max_args = 1,
	.options = {{"base", "STAGE", "compare with this stage"},
		    {"metric", "M", "only this metric"},
		    {"force", NULL, "compare also what ran differently"}},
	.run = cmd_main,
};

/* klab report: the HTML report of a study, or the page of all studies. */
#include "cmd/cmd.h"

#include "base/str.h"
#include "lab/lab.h"

#include <jansson.h>

static int write_report(struct ctx *c, struct lab *lab, const char *study)
{
	struct err e;
	char *path;
	int code;

	if (c->dry_run) {
		printf("would write %s/reports%s%s/index.html\n", lab->dir,
		       *study ? "/" : "", study);
		return EXIT_DONE;
	}
	if (cmd_write_report(c, lab, study, ctx_option(c, "force"), &path,
			     &code, &e))
		code = cmd_fail(&e);
	else if (code > EXIT_CHANGED)
		;
	else if (c->json)
		cmd_print_json(json_pack("{s:s}", "report", path));
	else
		puts(path);
	free(path);
	return code;
}

static int cmd_main(struct ctx *c)
{
	if (ctx_option(c, "force") && !c->argc) {
		cmd_say("klab: 'klab report --force' compares the boots of a "
			"study: name one");
		return ERR_USER;
	}
	return cmd_with_study(c, write_report);
}

const struct cmd cmd_report = {
	.name = "report",
	.args = "[STUDY]",
	.summary = "write the HTML report, or the page of all studies",
	.min_args = 0,
	.max_args = 1,
	.options = {{"force", NULL, "compare also what ran differently"}},
	.run = cmd_main,
};

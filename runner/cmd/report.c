/* klab report: the HTML report. */
#include "cmd/cmd.h"

#include "base/str.h"
#include "lab/lab.h"

static int cmd_main(struct ctx *c)
{
	char *study = NULL;
	struct lab lab;
	struct err e;
	int code;

	if (lab_open(c->lab_dir, c->share, LAB_READ, &lab, &e))
		return cmd_fail(&e);
	if (cmd_study_name(c, &lab, c->argv[0], &study, &e) ||
	    cmd_write_report(c, &lab, study, &code, &e))
		code = cmd_fail(&e);
	free(study);
	lab_close(&lab);
	return code;
}

const struct cmd cmd_report = {
	.name = "report",
	.args = "STUDY",
	.summary = "write the HTML report and print its path",
	.min_args = 1,
	.max_args = 1,
	.run = cmd_main,
};

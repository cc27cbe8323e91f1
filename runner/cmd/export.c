/* klab export: what was found, in the formats of others. */
#include "cmd/cmd.h"

#include "base/str.h"
#include "lab/lab.h"

#define COUNT(a) (sizeof(a) / sizeof(*(a)))

static const char *const formats[] = {"lkml", "csv", "ktap", "kcidb"};

/* Options that only one format has. */
static const struct {
	const char *name, *format;
} details[] = {{"all", "lkml"}, {"samples", "csv"}, {"origin", "kcidb"}};

/* The one format that was asked for, or NULL after a message. */
static const char *format_of(const struct ctx *c)
{
	const char *found = c->json ? "json" : NULL;

	for (size_t i = 0; i < COUNT(formats); i++) {
		if (!ctx_option(c, formats[i]))
			continue;
		if (found) {
			cmd_say("klab: --%s and --%s are two formats: give "
				"one of them",
				found, formats[i]);
			return NULL;
		}
		found = formats[i];
	}
	if (!found)
		cmd_say("klab: 'klab export' needs a format: --lkml, --csv, "
			"--json, --ktap or --kcidb");
	return found;
}

static bool details_fit(const struct ctx *c, const char *format)
{
	for (size_t i = 0; i < COUNT(details); i++) {
		if (!ctx_option(c, details[i].name) ||
		    !strcmp(format, details[i].format))
			continue;
		cmd_say("klab: --%s goes with --%s, not with --%s",
			details[i].name, details[i].format, format);
		return false;
	}
	return true;
}

static int export(struct ctx *c, struct lab *lab, const char *study)
{
	static const char *const valued[] = {"base", "metric", "origin"};
	static const char *const plain[] = {"force", "all", "samples"};
	struct strv words = STRV_INIT;
	struct err e;
	int code;

	strv_addf(&words, "--format=%s", format_of(c));
	strv_addf(&words, "--lab=%s", lab->dir);
	for (size_t i = 0; i < COUNT(valued); i++) {
		const char *value = ctx_option(c, valued[i]);

		if (value)
			strv_addf(&words, "--%s=%s", valued[i], value);
	}
	for (size_t i = 0; i < COUNT(plain); i++)
		if (ctx_option(c, plain[i]))
			strv_addf(&words, "--%s", plain[i]);
	if (cmd_analysis(c, lab, "export", study, (const char *const *)words.v,
			 &code, &e))
		code = cmd_fail(&e);
	strv_release(&words);
	return code;
}

static int cmd_main(struct ctx *c)
{
	const char *format = format_of(c);

	if (!format || !details_fit(c, format))
		return ERR_USER;
	return cmd_with_study(c, export);
}

const struct cmd cmd_export = {
	.name = "export",
	.args = "STUDY",
	.summary = "print the results for a list or for programs",
	.min_args = 1,
	.max_args = 1,
	.options = {{"lkml", NULL, "plain text for a mail, 77 columns"},
		    {"csv", NULL, "a row per verdict"},
		    {"ktap", NULL, "test results as the kernel has them"},
		    {"kcidb", NULL, "a submission to KCIDB"},
		    {"all", NULL, "with --lkml: every stage and metric"},
		    {"samples", NULL, "with --csv: a row per boot and metric"},
		    {"origin", "NAME", "with --kcidb: your CI system (klab)"},
		    {"base", "STAGE", "compare with this stage"},
		    {"metric", "M", "only this metric"},
		    {"force", NULL, "compare also what ran differently"}},
	.run = cmd_main,
};

#include "lab/analysis.h"

#include "base/str.h"
#include "lab/lab.h"

static const char *python(void)
{
	const char *p = getenv("KLAB_PYTHON");

	return p && *p ? p : "/usr/bin/python3";
}

void analysis_command(struct strv *argv, const struct lab *lab,
		      const char *verb, const char *study)
{
	strv_add(argv, python());
	strv_add(argv, "-m");
	strv_add(argv, "analysis");
	strv_add(argv, verb);
	strv_add(argv, "--db");
	strv_addf(argv, "%s/lab.db", lab->dir);
	if (!*study)
		return;
	strv_add(argv, "--study");
	strv_add(argv, study);
}

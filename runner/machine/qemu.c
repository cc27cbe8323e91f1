#include "machine/qemu.h"

#include "base/err.h"
#include "base/job.h"
#include "base/str.h"
#include "machine/backend.h"

#include <errno.h>

static int parse_version(const char *text, struct qemu *q)
{
	const char *at = strstr(text, "version ");
	size_t n;

	if (!at || sscanf(at, "version %d.%d", &q->major, &q->minor) != 2)
		return -EINVAL;
	at += strlen("version ");
	n = strspn(at, "0123456789.");
	q->version = xstrndup(at, n);
	q->build = xstrndup(at, strcspn(at, "\n"));
	return 0;
}

int qemu_find(struct qemu *q, struct err *e)
{
	const char *program = getenv("KLAB_QEMU");
	struct job_spec spec = {.deadline_ms = 20000};
	struct job_result r;
	int ret;

	if (!program || !*program)
		program = "qemu-system-x86_64";
	*q = (struct qemu){0};
	/* A path of the user's starts where klab does; a boot, in its folder.
	 */
	if (strchr(program, '/'))
		q->path = realpath(program, NULL);
	if (!q->path)
		q->path = xstrdup(program);
	spec.argv = (const char *const[]){program, "--version", NULL};
	ret = job_run(&spec, &r, e);
	if (!ret && (r.exit || r.signal || parse_version(r.out.buf, q)))
		ret = err_lab(e,
			      "'%s --version' does not answer like QEMU: "
			      "install QEMU (make setup)",
			      program);
	job_result_release(&r);
	if (ret)
		qemu_release(q);
	return ret;
}

void qemu_release(struct qemu *q)
{
	free(q->path);
	free(q->version);
	free(q->build);
	*q = (struct qemu){0};
}

void qemu_boot(const struct flight *f, struct strv *argv)
{
	json_t *word;
	size_t i;

	strv_add(argv, f->qemu->path);
	json_array_foreach(json_object_get(f->spec, "command"), i, word)
		strv_add(argv, json_string_value(word));
	strv_add(argv, "-seed");
	strv_addf(argv, "%lld",
		  json_integer_value(json_object_get(f->spec, "seed")));
}

#include "machine/machine.h"

#include "base/err.h"
#include "base/file.h"
#include "base/job.h"
#include "base/str.h"
#include "base/yml.h"

#include <dirent.h>
#include <errno.h>

static const char *const known[] = {"machine",    "clock",        "vcpus",
				    "memory_mib", "metronome_us", "deadline_s",
				    "fallback"};

static int read_fields(struct yml_node *root, struct machine *m, struct err *e)
{
	long long vcpus = 1, memory = 512, metronome = 20, deadline = 300;
	const char *name = NULL, *clock = "exact", *fallback = NULL;

	if (yml_expect(root, YML_MAP, e) ||
	    yml_opt_text(root, "machine", &name, e) ||
	    yml_opt_text(root, "clock", &clock, e) ||
	    yml_opt_int(root, "vcpus", 1, 64, &vcpus, e) ||
	    yml_opt_int(root, "memory_mib", 64, 65536, &memory, e) ||
	    yml_opt_int(root, "metronome_us", 0, 1000000, &metronome, e) ||
	    yml_opt_int(root, "deadline_s", 1, 86400, &deadline, e) ||
	    yml_opt_text(root, "fallback", &fallback, e) ||
	    yml_check_unused(root, known, sizeof(known) / sizeof(*known), e))
		return -1;
	if (!name)
		return yml_err(root, e, "key 'machine' (its name) is missing");
	if (!word_ok(name))
		return yml_err(yml_get(root, "machine"), e,
			       "'%s' is not a "
			       "machine's name: letters, digits and ._+- only",
			       name);
	if (strcmp(clock, "exact"))
		return yml_err(yml_get(root, "clock"), e,
			       "'%s' is no clock that this klab has; the one "
			       "there is: exact",
			       clock);
	m->name = xstrdup(name);
	m->clock = xstrdup(clock);
	m->fallback = fallback ? xstrdup(fallback) : NULL;
	m->vcpus = (int)vcpus;
	m->memory_mib = (int)memory;
	m->metronome_us = vcpus > 1 ? (int)metronome : 0;
	m->deadline_s = (int)deadline;
	return 0;
}

/* "icount-1cpu, icount-2cpu, ...": the machines that klab ships. */
static char *shipped(const char *share)
{
	char *dir = xasprintf("%s/configs/machines", share);
	struct strv names = STRV_INIT;
	struct dirent **list;
	int n = scandir(dir, &list, NULL, alphasort);
	char *text;

	for (int i = 0; i < n; i++) {
		if (str_ends(list[i]->d_name, ".yaml"))
			strv_addf(&names, "%.*s",
				  (int)strlen(list[i]->d_name) - 5,
				  list[i]->d_name);
		free(list[i]);
	}
	if (n >= 0)
		free(list);
	text = strv_join(&names, ", ");
	strv_release(&names);
	free(dir);
	return text;
}

static char *machine_path(const char *name, const char *share,
			  const char *study_dir)
{
	if (!strchr(name, '/'))
		return xasprintf("%s/configs/machines/%s.yaml", share, name);
	if (name[0] == '/')
		return xstrdup(name);
	return xasprintf("%s/%s", study_dir, name);
}

int machine_load(const char *name, const char *share, const char *study_dir,
		 struct machine **out, struct err *e)
{
	char *path = machine_path(name, share, study_dir);
	struct yml_doc *doc = NULL;
	struct machine *m;
	int r;

	if (!file_exists(path)) {
		char *names = shipped(share);

		r = err_user(e,
			     "there is no machine '%s' (looked for '%s'); "
			     "klab has: %s",
			     name, path, names);
		free(names);
		free(path);
		return r;
	}
	m = xcalloc(1, sizeof(*m));
	r = yml_load(path, &doc, e);
	if (!r)
		r = read_fields(yml_root(doc), m, e);
	yml_free(doc);
	free(path);
	if (r) {
		machine_free(m);
		return r;
	}
	*out = m;
	return 0;
}

void machine_free(struct machine *m)
{
	if (!m)
		return;
	free(m->name);
	free(m->clock);
	free(m->fallback);
	free(m);
}

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

int machine_check(const struct machine *m, const struct qemu *q, struct err *e)
{
	bool smp = q->major > QEMU_SMP_MAJOR ||
		   (q->major == QEMU_SMP_MAJOR && q->minor >= QEMU_SMP_MINOR);

	if (m->vcpus == 1 || smp)
		return 0;
	return err_lab(e,
		       "machine '%s' has %d vCPUs, which need QEMU >= %d.%d "
		       "under the exact clock; this is %s, where a second vCPU "
		       "never starts",
		       m->name, m->vcpus, QEMU_SMP_MAJOR, QEMU_SMP_MINOR,
		       q->version);
}

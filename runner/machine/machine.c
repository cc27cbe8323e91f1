#include "machine/machine.h"

#include "base/err.h"
#include "base/file.h"
#include "base/str.h"
#include "base/yml.h"
#include "machine/backend.h"

static const struct backend *const backends[] = {
	&backend_icount,
	&backend_kvm,
	&backend_tcg,
	&backend_metal,
};

#define NBACKENDS (sizeof(backends) / sizeof(*backends))

const struct backend *backend_find(const char *accel)
{
	for (size_t i = 0; i < NBACKENDS; i++)
		if (!strcmp(backends[i]->accel, accel))
			return backends[i];
	return NULL;
}

char *backend_names(void)
{
	struct strv names = STRV_INIT;
	char *text;

	for (size_t i = 0; i < NBACKENDS; i++)
		strv_add(&names, backends[i]->accel);
	text = strv_join(&names, ", ");
	strv_release(&names);
	return text;
}

const struct backend *backend_of(const json_t *spec)
{
	const json_t *m = json_object_get(spec, "machine");
	const char *accel = json_string_value(json_object_get(m, "accel"));

	/* The exact clock was there before the key. */
	return backend_find(accel ? accel : backend_icount.accel);
}

bool backend_alone(const json_t *spec)
{
	const json_t *m = json_object_get(spec, "machine");
	const json_t *own = json_object_get(m, "own");

	return backend_of(spec)->alone &&
	       !json_is_true(json_object_get(own, "side_by_side"));
}

/* ---- files ---- */

static const char *const known[] = {
	"machine",      "accel",      "clock",  "vcpus",    "memory_mib",
	"metronome_us", "deadline_s", "hang_s", "fallback", "append"};

#define NKNOWN (sizeof(known) / sizeof(*known))

/* Which backend; a clock that is given must be the one it has. */
static int read_backend(struct yml_node *root, struct machine *m, struct err *e)
{
	const char *accel = backend_icount.accel, *clock = NULL;
	char *names;
	int r;

	if (yml_opt_text(root, "accel", &accel, e) ||
	    yml_opt_text(root, "clock", &clock, e))
		return -1;
	/* Until a probe decides it has the keys of the more choosy one. */
	m->automatic = !strcmp(accel, "auto");
	m->backend = m->automatic ? &backend_kvm : backend_find(accel);
	if (!m->backend) {
		names = backend_names();
		r = yml_err(yml_get(root, "accel"), e,
			    "'%s' is no accelerator that this klab has; there "
			    "are: auto, %s",
			    accel, names);
		free(names);
		return r;
	}
	if (clock && strcmp(clock, m->backend->clock))
		return yml_err(yml_get(root, "clock"), e,
			       "'%s' is not the clock of accel '%s', which is: "
			       "%s",
			       clock, accel, m->backend->clock);
	m->clock = xstrdup(m->backend->clock);
	return 0;
}

static int check_unused(struct yml_node *root, const struct backend *b,
			struct err *e)
{
	struct strv keys = STRV_INIT;
	int r;

	for (size_t i = 0; i < NKNOWN; i++)
		strv_add(&keys, known[i]);
	for (const char *const *k = b->keys; k && *k; k++)
		strv_add(&keys, *k);
	r = yml_check_unused(root, (const char *const *)keys.v, keys.n, e);
	strv_release(&keys);
	return r;
}

static int read_fields(struct yml_node *root, struct machine *m, struct err *e)
{
	long long vcpus = 1, memory = 512, metronome = 20, deadline = 300;
	long long hang = MACHINE_HANG_S;
	const char *name = NULL, *fallback = NULL, *append = NULL;

	if (yml_expect(root, YML_MAP, e) || read_backend(root, m, e) ||
	    yml_opt_text(root, "machine", &name, e) ||
	    yml_opt_int(root, "vcpus", 1, 64, &vcpus, e) ||
	    yml_opt_int(root, "memory_mib", 64, 65536, &memory, e) ||
	    yml_opt_int(root, "metronome_us", 0, 1000000, &metronome, e) ||
	    yml_opt_int(root, "deadline_s", 1, 86400, &deadline, e) ||
	    yml_opt_int(root, "hang_s", 1, 86400, &hang, e) ||
	    yml_opt_text(root, "append", &append, e) ||
	    yml_opt_text(root, "fallback", &fallback, e))
		return -1;
	m->vcpus = (int)vcpus;
	m->memory_mib = (int)memory;
	/* Vital on a clock that all vCPUs share, and a nuisance on any other.
	 */
	if (vcpus > 1 && !strcmp(m->clock, backend_icount.clock))
		m->metronome_us = (int)metronome;
	m->deadline_s = (int)deadline;
	m->hang_s = (int)hang;
	m->append = append && *append ? xstrdup(append) : NULL;
	if ((m->backend->read && m->backend->read(root, m, e)) ||
	    check_unused(root, m->backend, e))
		return -1;
	if (!name)
		return yml_err(root, e, "key 'machine' (its name) is missing");
	if (!word_ok(name))
		return yml_err(yml_get(root, "machine"), e,
			       "'%s' is not a "
			       "machine's name: letters, digits and ._+- only",
			       name);
	m->name = xstrdup(name);
	m->fallback = fallback ? xstrdup(fallback) : NULL;
	return 0;
}

/* "icount-1cpu, icount-2cpu, ...": the machines that klab ships. */
static char *shipped(const char *share)
{
	char *dir = xasprintf("%s/configs/machines", share);
	char *text = file_names(dir, ".yaml");

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
	free(m->append);
	free(m->board);
	json_decref(m->own);
	json_decref(m->host);
	free(m);
}

int machine_check(const struct machine *m, const struct qemu *q, struct err *e)
{
	return m->backend->check ? m->backend->check(m, q, e) : 0;
}

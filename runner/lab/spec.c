#include "lab/spec.h"

#include "base/err.h"
#include "base/file.h"
#include "build/build.h"
#include "machine/backend.h"

/* Raised when collect.c or extract.c would judge the same files otherwise. */
#define JUDGE 2
#define OUTPUT_CAP (1 << 20)

static json_t *list_of(const struct strv *words)
{
	json_t *list = json_array();

	for (size_t i = 0; i < words->n; i++)
		json_array_append_new(list, json_string(words->v[i]));
	return list;
}

static void add_all(json_t *list, const struct strv *words)
{
	for (size_t i = 0; i < words->n; i++)
		json_array_append_new(list, json_string(words->v[i]));
}

/* Monitors watch the last step; some are a program that it runs under. */
static json_t *step_of(const struct workload *w, size_t i)
{
	const struct step *s = &w->steps[i];
	json_t *argv = json_array(), *collect = list_of(&s->collect);

	for (size_t k = 0; i + 1 == w->nsteps && k < w->nmonitors; k++) {
		add_all(argv, &w->monitors[k].wrap);
		add_all(collect, &w->monitors[k].collect);
	}
	add_all(argv, &s->argv);
	return json_pack("{s:s, s:o, s:o, s:I, s:i}", "name", s->name, "argv",
			 argv, "collect", collect, "deadline_ms",
			 (json_int_t)s->deadline_s * 1000, "cap", OUTPUT_CAP);
}

static json_t *steps_of(const struct workload *w)
{
	json_t *list = json_array();

	for (size_t i = 0; i < w->nsteps; i++)
		json_array_append_new(list, step_of(w, i));
	return list;
}

static json_t *metrics_of(const struct workload *w)
{
	json_t *list = json_array();

	for (size_t i = 0; i < w->nmetrics; i++)
		json_array_append(list, w->metrics[i].spec);
	return list;
}

static json_t *monitors_of(const struct workload *w)
{
	json_t *list = json_array();

	for (size_t i = 0; i < w->nmonitors; i++) {
		const struct monitor *m = &w->monitors[i];

		json_array_append_new(
			list,
			json_pack("{s:s, s:o, s:o, s:o, s:o}", "name", m->name,
				  "set", list_of(&m->set), "reset",
				  list_of(&m->reset), "read", list_of(&m->read),
				  "collect", list_of(&m->collect)));
	}
	return list;
}

/* What few workloads have, so that the specs of the others are short. */
static void add_extras(json_t *spec, const struct workload *w)
{
	json_t *kmods = json_array();

	for (size_t i = 0; i < w->kmods.n; i++) {
		char *name = build_kmod_name(w->kmods.v[i]);

		json_array_append_new(kmods, json_sprintf("%s.ko", name));
		free(name);
	}
	if (w->kmods.n)
		json_object_set(spec, "kmods", kmods);
	json_decref(kmods);
	if (w->mounts.n)
		json_object_set_new(spec, "mounts", list_of(&w->mounts));
	if (w->nmonitors)
		json_object_set_new(spec, "monitors", monitors_of(w));
}

/* On the exact clock a kernel may have an image of its own. */
static json_t *kernel_of(const struct kernel *k, const struct machine *m)
{
	bool exact = k->exact_path && !strcmp(m->backend->clock, "exact");
	const char *path = exact ? k->exact_path : k->boot_path;
	const char *file = strrchr(path, '/');

	return json_pack("{s:s, s:s, s:s, s:s}", "key", k->key, "sha256",
			 exact ? k->exact_sha256 : k->sha256, "file",
			 file ? file + 1 : path, "release", k->release);
}

static json_t *machine_of(const struct machine *m)
{
	json_t *o =
		json_pack("{s:s, s:s, s:i, s:i, s:i}", "name", m->name, "clock",
			  m->clock, "vcpus", m->vcpus, "memory_mib",
			  m->memory_mib, "metronome_us", m->metronome_us);

	/* Specs of the exact clock are as they were before there was more. */
	if (m->backend != &backend_icount)
		json_object_set_new(o, "accel", json_string(m->backend->accel));
	if (m->own)
		json_object_set(o, "own", m->own);
	return o;
}

static json_t *command_of(const struct machine *m, const struct kernel *k)
{
	struct strv argv = STRV_INIT;
	json_t *list;

	m->backend->command(m, k->hz, &argv);
	list = list_of(&argv);
	strv_release(&argv);
	return list;
}

json_t *spec_new(const struct kernel *k, const struct machine *m,
		 const struct qemu *q, const struct workload *w,
		 const char *initramfs, const struct strv *modules)
{
	json_t *spec = json_pack(
		"{s:i, s:i, s:o, s:o, s:s, s:o, s:s, s:o, s:[s,s], s:o, s:o, "
		"s:o, s:i, s:i}",
		"version", 1, "judge", JUDGE, "kernel", kernel_of(k, m),
		"machine", machine_of(m), "qemu", q->build, "command",
		command_of(m, k), "initramfs", initramfs, "modules",
		list_of(modules), "env", "PATH=/bin", "LC_ALL=C", "load",
		list_of(&w->load), "steps", steps_of(w), "metrics",
		metrics_of(w), "seed", 0, "deadline_s", m->deadline_s);

	BUG(!spec);
	json_object_set_new(spec, "hang_s", json_integer(m->hang_s));
	if (m->host)
		json_object_set(spec, "host", m->host);
	add_extras(spec, w);
	return spec;
}

void spec_set_seed(json_t *spec, int seed)
{
	json_object_set_new(spec, "seed", json_integer(seed));
}

static void hash(const json_t *spec, const char *salt, char hex[SHA256_HEX])
{
	json_t *identity = json_copy((json_t *)spec);
	char *text, *salted;

	json_object_del(identity, "deadline_s");
	json_object_del(identity, "hang_s");
	json_object_del(identity, "host");
	text = json_dumps(identity, JSON_COMPACT | JSON_SORT_KEYS);
	salted = xasprintf("%s%s", salt, text);
	json_decref(identity);
	mem_sha256(salted, strlen(salted), hex);
	free(salted);
	free(text);
}

void spec_id(const json_t *spec, char id[BOOT_ID])
{
	char hex[SHA256_HEX];

	hash(spec, "", hex);
	memcpy(id, hex, BOOT_ID - 1);
	id[BOOT_ID - 1] = '\0';
}

void spec_secret(const json_t *spec, char secret[BOOT_SECRET])
{
	char hex[SHA256_HEX];

	hash(spec, "frames of ", hex);
	memcpy(secret, hex, BOOT_SECRET - 1);
	secret[BOOT_SECRET - 1] = '\0';
}

/* ---- the job file ---- */

static void add_args(struct str *s, const char *key, const json_t *list)
{
	size_t i;
	json_t *word;

	json_array_foreach(list, i, word)
		str_addf(s, "%s %s\n", key, json_string_value(word));
}

static void add_step(struct str *s, const json_t *spec, const json_t *step)
{
	const json_t *load = json_object_get(spec, "load");
	const json_t *env = json_object_get(spec, "env");

	if (json_array_size(load)) {
		str_adds(s, "load\n");
		add_args(s, "env", env);
		add_args(s, "arg", load);
	}
	str_addf(s, "step %s\n",
		 json_string_value(json_object_get(step, "name")));
	str_addf(s, "deadline_ms %lld\ncap %lld\n",
		 json_integer_value(json_object_get(step, "deadline_ms")),
		 json_integer_value(json_object_get(step, "cap")));
	add_args(s, "env", env);
	add_args(s, "arg", json_object_get(step, "argv"));
	add_args(s, "collect", json_object_get(step, "collect"));
}

static void add_monitors(struct str *s, const json_t *spec)
{
	size_t i;
	json_t *m;

	json_array_foreach(json_object_get(spec, "monitors"), i, m)
	{
		add_args(s, "set", json_object_get(m, "set"));
		add_args(s, "reset", json_object_get(m, "reset"));
		add_args(s, "read", json_object_get(m, "read"));
	}
}

char *spec_job(const json_t *spec)
{
	const char *port = backend_of(spec)->port;
	char secret[BOOT_SECRET];
	struct str s = STR_INIT;
	json_t *item;
	size_t i;

	spec_secret(spec, secret);
	str_addf(&s, "klab-job 1\nsecret %s\nport %s\n", secret,
		 port ? port : "/dev/ttyS1");
	str_addf(&s, "metronome_ns %d\n",
		 spec_int(spec, "machine", "metronome_us") * 1000);
	add_args(&s, "mount", json_object_get(spec, "mounts"));
	json_array_foreach(json_object_get(spec, "modules"), i, item) str_addf(
		&s, "module /klab/modules/%s\n", json_string_value(item));
	json_array_foreach(json_object_get(spec, "steps"), i, item)
		add_step(&s, spec, item);
	add_monitors(&s, spec);
	str_adds(&s, "end\n");
	return str_detach(&s);
}

/* ---- reading one ---- */

static bool list_of_text(const json_t *list)
{
	size_t i;
	json_t *word;

	if (!json_is_array(list))
		return false;
	json_array_foreach(list, i, word) if (!json_is_string(word) ||
					      strpbrk(json_string_value(word),
						      "\n\r")) return false;
	return true;
}

/* The name of a file in a folder that klab knows. */
static bool list_of_files(const json_t *list)
{
	size_t i;
	json_t *word;

	if (!json_is_array(list))
		return false;
	json_array_foreach(list, i, word) if (!json_is_string(word) ||
					      !word_ok(json_string_value(
						      word))) return false;
	return true;
}

/* The same, with parameters after a space. */
static bool modules_ok(const json_t *list)
{
	size_t i;
	json_t *word;

	if (!list_of_text(list))
		return false;
	json_array_foreach(list, i, word)
	{
		const char *text = json_string_value(word);
		char *name = xstrndup(text, strcspn(text, " "));
		bool ok = word_ok(name);

		free(name);
		if (!ok)
			return false;
	}
	return true;
}

static bool steps_ok(const json_t *steps)
{
	size_t i;
	json_t *step;

	if (!json_array_size(steps))
		return false;
	json_array_foreach(steps, i, step)
	{
		const char *name =
			json_string_value(json_object_get(step, "name"));

		if (!name || !word_ok(name) ||
		    !list_of_text(json_object_get(step, "argv")) ||
		    !list_of_text(json_object_get(step, "collect")) ||
		    !json_is_integer(json_object_get(step, "deadline_ms")) ||
		    !json_is_integer(json_object_get(step, "cap")))
			return false;
	}
	return true;
}

static bool metrics_ok(const json_t *metrics)
{
	size_t i;
	json_t *m;

	if (!json_is_array(metrics))
		return false;
	json_array_foreach(metrics, i, m) if (!metric_spec_ok(m)) return false;
	return true;
}

static bool absent_or_text(const json_t *list)
{
	return !list || list_of_text(list);
}

static bool extras_ok(const json_t *spec)
{
	const json_t *monitors = json_object_get(spec, "monitors"), *m;
	const json_t *kmods = json_object_get(spec, "kmods");
	size_t i;

	for (i = 0; i < json_array_size(monitors); i++) {
		m = json_array_get(monitors, i);
		if (!json_is_string(json_object_get(m, "name")) ||
		    !list_of_text(json_object_get(m, "set")) ||
		    !list_of_text(json_object_get(m, "reset")) ||
		    !list_of_text(json_object_get(m, "read")) ||
		    !list_of_text(json_object_get(m, "collect")))
			return false;
	}
	return (!monitors || json_is_array(monitors)) &&
	       (!kmods || list_of_files(kmods)) &&
	       absent_or_text(json_object_get(spec, "mounts"));
}

/* Of a backend's settings only that they are some: it reads them itself. */
static bool machine_ok(const json_t *spec)
{
	const json_t *m = json_object_get(spec, "machine");
	const json_t *own = json_object_get(m, "own");
	const json_t *host = json_object_get(spec, "host");
	const json_t *accel = json_object_get(m, "accel");
	const json_t *hang = json_object_get(spec, "hang_s");

	return (!own || json_is_object(own)) &&
	       (!host || json_is_object(host)) &&
	       (!hang || json_integer_value(hang) > 0) &&
	       (!accel || json_is_string(accel)) && backend_of(spec);
}

static bool spec_ok(json_t *spec)
{
	const char *key, *sha, *file, *release, *name, *clock, *qemu,
		*initramfs;
	json_t *command, *modules, *env, *load, *steps, *metrics;
	int version, judge, vcpus, memory, metronome, deadline, seed;

	if (json_unpack(spec,
			"{s:i, s:i, s:{s:s, s:s, s:s, s:s}, s:{s:s, s:s, s:i, "
			"s:i, s:i}, s:s, s:o, s:s, s:o, s:o, s:o, s:o, s:o, "
			"s:i, s:i}",
			"version", &version, "judge", &judge, "kernel", "key",
			&key, "sha256", &sha, "file", &file, "release",
			&release, "machine", "name", &name, "clock", &clock,
			"vcpus", &vcpus, "memory_mib", &memory, "metronome_us",
			&metronome, "qemu", &qemu, "command", &command,
			"initramfs", &initramfs, "modules", &modules, "env",
			&env, "load", &load, "steps", &steps, "metrics",
			&metrics, "seed", &seed, "deadline_s", &deadline))
		return false;
	return version == 1 && deadline > 0 && machine_ok(spec) &&
	       word_ok(key) && word_ok(file) && word_ok(initramfs) &&
	       list_of_text(command) && modules_ok(modules) &&
	       extras_ok(spec) && list_of_text(env) && list_of_text(load) &&
	       steps_ok(steps) && metrics_ok(metrics);
}

int spec_load(const char *path, json_t **out, struct err *e)
{
	json_error_t why;
	json_t *spec = json_load_file(path, JSON_REJECT_DUPLICATES, &why);

	if (!spec)
		return err_lab(e, "cannot read the spec '%s': %s", path,
			       why.text);
	if (!spec_ok(spec)) {
		json_decref(spec);
		return err_lab(e, "'%s' is not a boot spec of version 1", path);
	}
	*out = spec;
	return 0;
}

const char *spec_text(const json_t *spec, const char *object, const char *key)
{
	const json_t *from = object ? json_object_get(spec, object) : spec;
	const char *text = json_string_value(json_object_get(from, key));

	BUG(!text);
	return text;
}

int spec_int(const json_t *spec, const char *object, const char *key)
{
	const json_t *from = object ? json_object_get(spec, object) : spec;

	return (int)json_integer_value(json_object_get(from, key));
}

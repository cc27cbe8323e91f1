#include "lab/fingerprint.h"

#include "base/err.h"
#include "base/file.h"
#include "lab/spec.h"
#include "machine/backend.h"
#include "machine/facts.h"

#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

static json_t *load(const char *path)
{
	json_error_t ignored;
	json_t *o = json_load_file(path, 0, &ignored);

	return json_is_object(o) ? o : json_object();
}

static json_t *kernel_of(const struct lab *lab, const json_t *spec)
{
	char *path = xasprintf("%s/kernels/%s/manifest.json", lab->dir,
			       spec_text(spec, "kernel", "key"));
	json_t *o = load(path);

	free(path);
	return o;
}

static json_t *initramfs_of(const struct lab *lab, const json_t *spec)
{
	const char *sha = spec_text(spec, NULL, "initramfs");
	char *path = xasprintf("%s/initramfs/%s.json", lab->dir, sha);
	json_t *o = load(path);

	json_object_set_new(o, "sha256", json_string(sha));
	free(path);
	return o;
}

static json_t *host(void)
{
	struct utsname u;
	char *model = facts_cpu_model();
	json_t *o;

	BUG(uname(&u));
	o = json_pack("{s:s, s:s, s:s, s:I}", "kernel", u.release, "machine",
		      u.machine, "cpu", model ? model : "unknown", "cpus",
		      (json_int_t)sysconf(_SC_NPROCESSORS_ONLN));
	free(model);
	return o;
}

/* ---- what matters ---- */

static void set(json_t *o, const char *key, char *text)
{
	json_object_set_new(o, key, json_string(text));
	free(text);
}

/* A command line without what the kernel's config or its place says. */
static char *plain_cmdline(const char *text)
{
	static const char *const dropped[] = {"BOOT_IMAGE=", "lpj=", "initrd="};
	char *copy = xstrdup(text), *save = NULL, *line;
	struct strv words = STRV_INIT;

	for (char *w = strtok_r(copy, " ", &save); w;
	     w = strtok_r(NULL, " ", &save)) {
		bool drop = false;

		for (size_t i = 0; i < sizeof(dropped) / sizeof(*dropped); i++)
			drop = drop || str_starts(w, dropped[i]);
		if (!drop)
			strv_add(&words, w);
	}
	line = strv_join(&words, " ");
	strv_release(&words);
	free(copy);
	return line;
}

/* What a kernel calls its memory varies a little with the kernel: two digits.
 */
static char *rough_memory(const char *text)
{
	long long mib = strtoll(text, NULL, 10) / 1024, step = 1;

	if (!strstr(text, "kB") || mib <= 0)
		return xstrdup(text);
	while (mib / step >= 100)
		step *= 10;
	return xasprintf("about %lld MiB", (mib + step / 2) / step * step);
}

static char *text_of(const json_t *value)
{
	return json_is_string(value)
		       ? xstrdup(json_string_value(value))
		       : json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT |
						   JSON_SORT_KEYS);
}

static void add_fact(json_t *o, const json_t *facts, const char *key)
{
	const json_t *value = json_object_get(facts, key);
	char *text = value ? text_of(value) : NULL;

	if (text && !strcmp(key, "cmdline"))
		set(o, key, plain_cmdline(text));
	else if (text && !strcmp(key, "memory"))
		set(o, key, rough_memory(text));
	else if (text && *text)
		json_object_set_new(o, key, json_string(text));
	free(text);
}

/* What the wall clock runs by. */
static void add_wall(json_t *o, const json_t *facts, const char *accel)
{
	static const char *const keys[] = {"cpu_model", "microcode",   "smt",
					   "governor",  "turbo",       "thp",
					   "aslr",      "clocksource", "memory",
					   "product",   "cmdline",     "cpus"};
	bool metal = !strcmp(accel, "metal");

	json_object_set_new(o, "accel", json_string(accel));
	for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++)
		add_fact(o, facts, keys[i]);
	if (metal)
		return;
	add_fact(o, facts, "mitigations");
	add_fact(o, facts, "host_kernel");
	if (!strcmp(accel, "kvm") && facts)
		json_object_set_new(o, "pinned",
				    json_string(json_object_get(facts, "pinned")
							? "yes"
							: "no"));
}

static char *command_of(const json_t *spec)
{
	struct strv words = STRV_INIT;
	json_t *word;
	char *line, *plain;
	size_t i;

	json_array_foreach(json_object_get(spec, "command"), i, word)
		strv_add(&words, json_string_value(word));
	line = strv_join(&words, " ");
	plain = plain_cmdline(line);
	strv_release(&words);
	free(line);
	return plain;
}

json_t *fingerprint_matters(const json_t *spec, const char *qemu,
			    const json_t *facts)
{
	const char *accel = backend_of(spec)->accel;
	json_t *o = json_pack("{s:s, s:O}", "initramfs",
			      spec_text(spec, NULL, "initramfs"), "settings",
			      json_object_get(spec, "machine"));

	set(o, "settings", text_of(json_object_get(o, "settings")));
	set(o, "judge", text_of(json_object_get(spec, "judge")));
	set(o, "command", command_of(spec));
	add_fact(o, facts, "firmware");
	if (strcmp(accel, "metal"))
		json_object_set_new(o, "qemu", json_string(qemu));
	if (strcmp(backend_of(spec)->clock, "exact"))
		add_wall(o, facts, accel);
	return o;
}

/* ---- the file ---- */

/* NULL where there are none. */
static json_t *facts_of(const char *dir)
{
	char *path = xasprintf("%s/" BOOT_FACTS, dir);
	json_t *o = file_exists(path) ? load(path) : NULL;

	free(path);
	return o;
}

static char *fingerprint(const struct lab *lab, const json_t *spec,
			 const char *dir, const struct strv *argv)
{
	json_t *facts = facts_of(dir);
	char *command = strv_shell(argv), *text, id[BOOT_ID];
	json_t *o;

	spec_id(spec, id);
	o = json_pack("{s:s, s:s, s:{s:s, s:s}, s:o, s:o, s:o}", "klab",
		      KLAB_VERSION, "boot", id, "qemu", "version",
		      lab->qemu.build, "command", command, "kernel",
		      kernel_of(lab, spec), "initramfs",
		      initramfs_of(lab, spec), "host", host());
	json_object_set_new(o, "matters",
			    fingerprint_matters(spec, lab->qemu.build, facts));
	if (facts)
		json_object_set_new(o, "facts", facts);
	text = json_dumps(o, JSON_INDENT(1) | JSON_SORT_KEYS);
	json_decref(o);
	free(command);
	return text;
}

static char *script(const struct lab *lab, const json_t *spec)
{
	const struct qemu any = {.path = (char *)"qemu-system-x86_64"};
	const struct flight f = {.qemu = &any, .spec = spec};
	struct strv argv = STRV_INIT;
	char id[BOOT_ID], *command, *text;

	spec_id(spec, id);
	backend_of(spec)->boot(&f, &argv);
	command = strv_shell(&argv);
	text = xasprintf(
		"#!/bin/sh\n"
		"# Repeats boot %s without klab and compares: needs QEMU %s, "
		"the\n"
		"# kernel and the initramfs of the lab two folders up (or "
		"$LAB).\n"
		"set -eu\n"
		"here=$(cd \"$(dirname \"$0\")\" && pwd)\n"
		"lab=$(cd \"${LAB:-$here/../..}\" && pwd)\n"
		"tmp=$(mktemp -d)\n"
		"trap 'rm -rf \"$tmp\"' EXIT\n"
		"cd \"$tmp\"\n"
		"ln -s \"$lab/kernels/%s/%s\" " BOOT_KERNEL "\n"
		"cat \"$lab/initramfs/%s.cpio\" \"$here/job.cpio\" "
		">" BOOT_INITRAMFS "\n"
		"%s\n"
		"sed 's/^klab1 [0-9a-f]* [0-9]* [0-9]* [0-9a-f]* //' " BOOT_PORT
		" >results.jsonl\n"
		"cmp results.jsonl \"$here/results.jsonl\"\n"
		"cmp " BOOT_CONSOLE " \"$here/" BOOT_CONSOLE "\"\n"
		"echo 'equal: every frame and the console'\n",
		id, lab->qemu.build, spec_text(spec, "kernel", "key"),
		spec_text(spec, "kernel", "file"),
		spec_text(spec, NULL, "initramfs"), command);
	free(command);
	strv_release(&argv);
	return text;
}

int fingerprint_write(const struct lab *lab, const json_t *spec,
		      const char *dir, const struct strv *argv, char **text,
		      struct err *e)
{
	char *path = xasprintf("%s/fingerprint.json", dir);
	char *sh_path = xasprintf("%s/reproduce.sh", dir);
	char *sh = script(lab, spec);
	int r;

	*text = fingerprint(lab, spec, dir, argv);
	r = file_put(path, *text, strlen(*text), e);
	if (!r)
		r = file_put(sh_path, sh, strlen(sh), e);
	if (!r)
		chmod(sh_path, 0755);
	if (r) {
		free(*text);
		*text = NULL;
	}
	free(sh);
	free(sh_path);
	free(path);
	return r;
}

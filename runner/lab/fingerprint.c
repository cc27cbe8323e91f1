#include "lab/fingerprint.h"

#include "base/err.h"
#include "base/file.h"
#include "lab/spec.h"
#include "machine/backend.h"

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

/* "model name : ..." of the first CPU. */
static char *cpu_model(void)
{
	char line[256], *model = NULL;
	FILE *f = fopen("/proc/cpuinfo", "re");

	while (f && !model && fgets(line, sizeof(line), f)) {
		char *colon = strstr(line, ": ");

		if (!str_starts(line, "model name") || !colon)
			continue;
		line[strcspn(line, "\n")] = '\0';
		model = xstrdup(colon + 2);
	}
	if (f)
		fclose(f);
	return model ? model : xstrdup("unknown");
}

static json_t *host(void)
{
	struct utsname u;
	char *model = cpu_model();
	json_t *o;

	BUG(uname(&u));
	o = json_pack("{s:s, s:s, s:s, s:I}", "kernel", u.release, "machine",
		      u.machine, "cpu", model, "cpus",
		      (json_int_t)sysconf(_SC_NPROCESSORS_ONLN));
	free(model);
	return o;
}

static char *fingerprint(const struct lab *lab, const json_t *spec,
			 const struct strv *argv)
{
	char *command = strv_shell(argv), *text, id[BOOT_ID];
	json_t *o;

	spec_id(spec, id);
	o = json_pack("{s:s, s:s, s:{s:s, s:s}, s:o, s:o, s:o}", "klab",
		      KLAB_VERSION, "boot", id, "qemu", "version",
		      lab->qemu.build, "command", command, "kernel",
		      kernel_of(lab, spec), "initramfs",
		      initramfs_of(lab, spec), "host", host());
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

	*text = fingerprint(lab, spec, argv);
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

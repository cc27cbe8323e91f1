/*
 * Bare metal: a box that klab reaches by ssh, and its console and its power by
 * commands of the machine file.  The process of a boot is klab itself, which
 * does there what a script would do, see runner/metal/; docs/metal.md has the
 * keys.
 */
#include "machine/backend.h"

#include "base/err.h"
#include "base/file.h"
#include "base/job.h"
#include "base/str.h"
#include "base/yml.h"
#include "metal/conf.h"
#include "metal/trip.h"

#include <errno.h>
#include <unistd.h>

#define DEADLINE_S 7200
#define END_MS (30 * 60 * 1000)

static const char *const keys[] = {"ssh",
				   "ssh_port",
				   "ssh_identity",
				   "ssh_known_hosts",
				   "ssh_options",
				   "ssh_timeout_s",
				   "boot_timeout_s",
				   "console",
				   "console_break",
				   "power_cycle",
				   "check_back",
				   "keep",
				   "start",
				   "initrd",
				   "watchdog",
				   "quiesce",
				   NULL};

/* ---- the machine file ---- */

static void set_text(json_t *o, const char *key, const char *text)
{
	if (text)
		json_object_set_new(o, key, json_string(text));
}

/* A file that ssh opens, from a folder that is not the user's. */
static int read_path(struct yml_node *root, const char *key, json_t *host,
		     struct err *e)
{
	const char *path = NULL;

	if (yml_opt_text(root, key, &path, e))
		return -1;
	if (path && *path != '/' && !str_starts(path, "~/"))
		return yml_err(yml_get(root, key), e,
			       "'%s' is not a path that starts with / or ~/",
			       path);
	set_text(host, key, path);
	return 0;
}

static int read_options(struct yml_node *root, json_t *host, struct err *e)
{
	struct yml_node *list = yml_get(root, "ssh_options");
	const char *text;
	json_t *options;

	if (!list)
		return 0;
	if (yml_expect(list, YML_LIST, e))
		return -1;
	options = json_array();
	json_object_set_new(host, "ssh_options", options);
	for (size_t i = 0; i < list->n; i++) {
		if (yml_text(list->at[i], &text, e))
			return -1;
		json_array_append_new(options, json_string(text));
	}
	return 0;
}

static int read_seconds(struct yml_node *root, const char *key, long long unset,
			json_t *host, struct err *e)
{
	long long n = unset;

	if (yml_opt_int(root, key, 1, 86400, &n, e))
		return -1;
	json_object_set_new(host, key, json_integer(n));
	return 0;
}

static int read_ssh(struct yml_node *root, json_t *host, struct err *e)
{
	const char *ssh = NULL;
	long long port = 0;

	if (yml_opt_text(root, "ssh", &ssh, e) ||
	    yml_opt_int(root, "ssh_port", 1, 65535, &port, e))
		return -1;
	if (!ssh)
		return yml_err(root, e,
			       "accel 'metal' needs the key 'ssh': the box as "
			       "user@host, a user who is root or may use sudo "
			       "without a password");
	if (!*ssh || *ssh == '-' || strpbrk(ssh, " \t"))
		return yml_err(yml_get(root, "ssh"), e, "'%s' is no user@host",
			       ssh);
	set_text(host, "ssh", ssh);
	if (port)
		json_object_set_new(host, "ssh_port", json_integer(port));
	return read_path(root, "ssh_identity", host, e) ||
			       read_path(root, "ssh_known_hosts", host, e) ||
			       read_options(root, host, e)
		       ? -1
		       : 0;
}

static int read_host(struct yml_node *root, json_t *host, struct err *e)
{
	const char *console = NULL, *sends_break = NULL, *power = NULL;
	bool back = true, keep = false;

	if (read_ssh(root, host, e) ||
	    yml_opt_text(root, "console", &console, e) ||
	    yml_opt_text(root, "console_break", &sends_break, e) ||
	    yml_opt_text(root, "power_cycle", &power, e) ||
	    yml_opt_bool(root, "check_back", &back, e) ||
	    yml_opt_bool(root, "keep", &keep, e) ||
	    read_seconds(root, "ssh_timeout_s", 20, host, e) ||
	    read_seconds(root, "boot_timeout_s", 300, host, e))
		return -1;
	if (sends_break && !console)
		return yml_err(yml_get(root, "console_break"), e,
			       "it is typed on the console, and there is no "
			       "key 'console'");
	set_text(host, "console", console);
	set_text(host, "console_break", sends_break);
	set_text(host, "power_cycle", power);
	json_object_set_new(host, "check_back", json_boolean(back));
	json_object_set_new(host, "keep", json_boolean(keep));
	return 0;
}

static int read_quiesce(struct yml_node *root, json_t *own, struct err *e)
{
	static const char *const names[] = {"governor", "turbo", "smt", "thp",
					    "aslr"};
	static const size_t n = sizeof(names) / sizeof(*names);
	struct yml_node *map = yml_get(root, "quiesce");
	const char *text;
	json_t *quiesce;

	if (!map)
		return 0;
	if (yml_expect(map, YML_MAP, e))
		return -1;
	quiesce = json_object();
	json_object_set_new(own, "quiesce", quiesce);
	for (size_t i = 0; i < n; i++) {
		struct yml_node *value = yml_get(map, names[i]);

		if (!value)
			continue;
		if (yml_text(value, &text, e))
			return -1;
		if (!word_ok(text))
			return yml_err(value, e, "'%s' is no setting", text);
		set_text(quiesce, names[i], text);
	}
	return yml_check_unused(map, names, n, e);
}

static int read_own(struct yml_node *root, const struct machine *m, json_t *own,
		    struct err *e)
{
	const char *start = "kexec", *initrd = "none";
	bool watchdog = false;

	if (yml_opt_text(root, "start", &start, e) ||
	    yml_opt_text(root, "initrd", &initrd, e) ||
	    yml_opt_bool(root, "watchdog", &watchdog, e))
		return -1;
	if (metal_start_parse(start) < 0)
		return yml_err(yml_get(root, "start"), e,
			       "'%s' is no way to start a kernel; there are: "
			       "kexec, grub-reboot, systemd-boot",
			       start);
	if (strcmp(initrd, "none") && strcmp(initrd, "auto"))
		return yml_err(yml_get(root, "initrd"), e,
			       "'%s' is neither 'none' nor 'auto' (made on the "
			       "box)",
			       initrd);
	set_text(own, "start", start);
	set_text(own, "append", m->append ? m->append : "");
	set_text(own, "initrd", initrd);
	json_object_set_new(own, "watchdog", json_boolean(watchdog));
	return read_quiesce(root, own, e);
}

static int read_keys(struct yml_node *root, struct machine *m, struct err *e)
{
	m->own = json_object();
	m->host = json_object();
	if (!yml_get(root, "deadline_s"))
		m->deadline_s = DEADLINE_S;
	m->metronome_us = 0;
	return read_own(root, m, m->own, e) || read_host(root, m->host, e) ? -1
									   : 0;
}

static int check(const struct machine *m, const struct qemu *q, struct err *e)
{
	struct job_spec spec = {.deadline_ms = 20000};
	struct job_result res;
	int r;

	(void)q;
	spec.argv = (const char *const[]){"ssh", "-V", NULL};
	r = job_run(&spec, &res, e);
	if (!r && (res.exit || res.signal))
		r = err_lab(e,
			    "machine '%s' is reached by ssh, which is not on "
			    "this host: install openssh-client",
			    m->name);
	job_result_release(&res);
	return r;
}

/* ---- a boot ---- */

/* The spec's words for it say how; there is no command line of QEMU's. */
static void command(const struct machine *m, int hz, struct strv *argv)
{
	(void)m;
	(void)hz;
	strv_add(argv, "metal-boot");
	strv_add(argv, ".");
}

/* -ENOENT, and no error, if the store has no such file. */
static int link_from_store(const struct flight *f, const char *name,
			   struct err *e)
{
	char *from = xasprintf("%s/%s", f->store, name);
	char *store = realpath(from, NULL);
	char *to = xasprintf("%s/%s", f->dir, name);
	int r = 0;

	if (store && symlink(store, to))
		r = err_sys(e, errno, "cannot make link '%s'", to);
	else if (!store)
		r = -ENOENT;
	free(store);
	free(from);
	free(to);
	return r;
}

static int prepare(struct flight *f, struct err *e)
{
	int r = link_from_store(f, BOOT_IMAGE, e);

	if (r == -ENOENT)
		return err_lab(
			e,
			"the kernel in '%s' has no bzImage, which a "
			"box's boot loader and kexec take: build it "
			"without CONFIG_PVH (configs/kernel/metal.config)",
			f->store);
	if (r)
		return r;
	r = link_from_store(f, BOOT_MODULES, e);
	if (!r || r == -ENOENT)
		r = link_from_store(f, BOOT_CONFIG, e);
	return r == -ENOENT ? 0 : r;
}

static void boot(const struct flight *f, struct strv *argv)
{
	char *klab = realpath("/proc/self/exe", NULL);

	(void)f;
	strv_add(argv, klab ? klab : "klab");
	strv_add(argv, "metal-boot");
	strv_add(argv, ".");
	free(klab);
}

static void drop(const struct flight *f, const char *name)
{
	char *path = xasprintf("%s/%s", f->dir, name);

	unlink(path);
	free(path);
}

static void collect(struct flight *f)
{
	char *path = xasprintf("%s/%s", f->dir, BOOT_FACTS);
	json_t *facts = json_load_file(path, JSON_REJECT_DUPLICATES, NULL);

	if (json_is_object(facts))
		json_object_update(f->facts, facts);
	json_decref(facts);
	free(path);
	drop(f, BOOT_IMAGE);
	drop(f, BOOT_MODULES);
	drop(f, BOOT_CONFIG);
}

const struct backend backend_metal = {
	.accel = "metal",
	.clock = "wall",
	.port = "/klab/port",
	.end_ms = END_MS,
	.whole = true,
	.keys = keys,
	.read = read_keys,
	.check = check,
	.command = command,
	.prepare = prepare,
	.boot = boot,
	.collect = collect,
};

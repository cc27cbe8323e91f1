#include "metal/conf.h"

#include "base/err.h"
#include "base/str.h"

/* What the agent may need beside its steps. */
#define JOB_MARGIN_MS 60000

static const struct {
	const char *word, *verb;
} starts[] = {
	[START_KEXEC] = {"kexec", "load"},
	[START_GRUB] = {"grub-reboot", "grub"},
	[START_SYSTEMD_BOOT] = {"systemd-boot", "systemd_boot"},
};

#define NSTARTS ((int)(sizeof(starts) / sizeof(*starts)))

const char *metal_start_verb(enum metal_start s)
{
	return starts[s].verb;
}

int metal_start_parse(const char *word)
{
	for (int i = 0; i < NSTARTS; i++)
		if (!strcmp(starts[i].word, word))
			return i;
	return -1;
}

uint64_t metal_job_ms(const struct metal_conf *c)
{
	const json_t *steps = json_object_get(c->spec, "steps");
	uint64_t ms = JOB_MARGIN_MS;
	json_t *step;
	size_t i;

	json_array_foreach(steps, i, step)
	{
		json_int_t n = json_integer_value(
			json_object_get(step, "deadline_ms"));

		ms += n > 0 ? (uint64_t)n : 0;
	}
	return ms;
}

static bool texts_only(const json_t *o)
{
	const char *key;
	json_t *value;

	json_object_foreach((json_t *)o, key, value)
	{
		if (!json_is_string(value))
			return false;
	}
	return true;
}

/* The part that says how to reach the box. */
static bool read_host(const json_t *host, struct metal_conf *c)
{
	int check = 1, keep = 0;

	if (json_unpack((json_t *)host,
			"{s:s, s?i, s?s, s?s, s?o, s?s, s?s, s?s, s?b, s?b, "
			"s:i, s:i}",
			"ssh", &c->ssh, "ssh_port", &c->ssh_port,
			"ssh_identity", &c->identity, "ssh_known_hosts",
			&c->known_hosts, "ssh_options", &c->options, "console",
			&c->console, "console_break", &c->break_text,
			"power_cycle", &c->power_cycle, "keep", &keep,
			"check_back", &check, "boot_timeout_s",
			&c->boot_timeout_s, "ssh_timeout_s", &c->ssh_timeout_s))
		return false;
	c->check_back = check;
	c->keep = keep;
	return *c->ssh && *c->ssh != '-' && c->boot_timeout_s > 0 &&
	       c->ssh_timeout_s > 0 && c->hang_s > 0;
}

/* The part that the boot depends on. */
static bool read_own(const json_t *own, struct metal_conf *c)
{
	const char *start, *initrd;
	int how, watchdog = 0;

	if (json_unpack((json_t *)own, "{s:s, s:s, s:s, s?b, s?o}", "start",
			&start, "append", &c->append, "initrd", &initrd,
			"watchdog", &watchdog, "quiesce", &c->quiesce))
		return false;
	how = metal_start_parse(start);
	if (how < 0 || !texts_only(c->quiesce))
		return false;
	c->start = (enum metal_start)how;
	c->initrd = !strcmp(initrd, "auto");
	c->watchdog = watchdog;
	return true;
}

int metal_conf_load(const char *dir, struct metal_conf *c, struct err *e)
{
	char *path = xasprintf("%s/spec.json", dir);
	const json_t *machine, *kernel;
	json_error_t why;
	int r = 0;

	*c = (struct metal_conf){.append = ""};
	c->spec = json_load_file(path, JSON_REJECT_DUPLICATES, &why);
	machine = json_object_get(c->spec, "machine");
	c->hang_s = (int)json_integer_value(json_object_get(c->spec, "hang_s"));
	kernel = json_object_get(c->spec, "kernel");
	c->machine = json_string_value(json_object_get(machine, "name"));
	c->release = json_string_value(json_object_get(kernel, "release"));
	if (!c->spec)
		r = err_lab(e, "cannot read '%s': %s", path, why.text);
	else if (!c->machine || !c->release || !word_ok(c->release) ||
		 !read_host(json_object_get(c->spec, "host"), c) ||
		 !read_own(json_object_get(machine, "own"), c))
		r = err_lab(e, "'%s' is not the spec of a boot on metal", path);
	if (r)
		metal_conf_release(c);
	free(path);
	return r;
}

void metal_conf_release(struct metal_conf *c)
{
	json_decref(c->spec);
	*c = (struct metal_conf){0};
}

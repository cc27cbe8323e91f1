/*
 * Under the kernel under test: trip_measure() and trip_stacks().
 */
#include "base/err.h"
#include "base/file.h"
#include "base/str.h"
#include "metal/archive.h"
#include "metal/console.h"
#include "metal/trip.h"

#include <errno.h>
#include <unistd.h>

#include "machine/machine.h"

#define COPY_MS (15 * 60 * 1000)
#define STACKS_MS 4000
#define STACKS_CAP (1 << 20)
/* A console with somebody behind it answers Enter by then. */
#define ECHO_MS 3000

/* ---- facts ---- */

void trip_take_list(struct trip *t, const char *key, const char *name)
{
	const char *line = t->box.result.out.buf;
	json_t *list = json_object_get(t->facts, name);
	size_t n = strlen(key);

	if (!list) {
		list = json_array();
		json_object_set_new(t->facts, name, list);
	}
	for (; line && *line;
	     line += strcspn(line, "\n"), line += *line == '\n') {
		char *value;

		if (strncmp(line, key, n) || line[n] != ' ' ||
		    json_array_size(list) >= 4096)
			continue;
		value = xstrndup(line + n + 1, strcspn(line + n + 1, "\n"));
		str_plain(value);
		json_array_append_new(list, json_string(value));
		free(value);
	}
}

static void take_fact(struct trip *t, const char *key, const char *name)
{
	char *value = trip_answer(t, key);

	if (value && *value)
		json_object_set_new(t->facts, name, json_string(value));
	free(value);
}

void trip_take_facts(struct trip *t)
{
	static const char *const keys[] = {
		"cpu_model", "cpus",        "microcode", "smt",
		"governor",  "turbo",       "cmdline",   "thp",
		"aslr",      "clocksource", "memory",    "firmware",
		"product",   "host_load",   "banner",
	};

	for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++)
		take_fact(t, keys[i], keys[i]);
	trip_take_list(t, "mitigation", "mitigations");
}

/* ---- settings ---- */

static int quiesce(struct trip *t, struct err *e)
{
	struct strv words = STRV_INIT;
	const char *key;
	json_t *value;
	int r = 0;

	json_object_foreach((json_t *)t->conf->quiesce, key, value)
		strv_addf(&words, "%s=%s", key, json_string_value(value));
	if (words.n) {
		r = box_ask(&t->box, "quiesce", (const char *const *)words.v,
			    e);
		trip_take_list(t, "set", "set");
		trip_take_list(t, "absent", "absent");
	}
	strv_release(&words);
	return r;
}

/* ---- the agent ---- */

static int unpack(struct trip *t, struct err *e)
{
	int fd, r = archive_tar(BOOT_INITRAMFS, "job.cpio", &fd, e);

	if (!r) {
		r = box_do(&t->box, "unpack", NULL, fd, COPY_MS, e);
		close(fd);
	}
	return r;
}

/* The agent's frames, as far as they came. */
static int keep_port(struct trip *t, struct err *e)
{
	const struct str *out = &t->box.result.out;

	return file_put(BOOT_PORT, out->buf ? out->buf : "", out->len, e);
}

static bool console_answers(struct trip *t)
{
	uint64_t before = box_console_len(&t->box);
	struct err ignored;

	if (!box_type(&t->box, "\r"))
		return false;
	box_sleep(&t->box, ECHO_MS, &ignored);
	return box_console_len(&t->box) > before;
}

/* The connection broke under the agent: whose fault was it? */
static int lost(struct trip *t, struct err *e)
{
	const char *name = t->conf->machine;
	struct ident then = t->now;
	struct err why = *e;
	enum trip_wait how;
	int r;

	box_say(&t->box, "%s", why.text);
	box_disconnect(&t->box);
	r = trip_wait(t, NULL, &how, e);
	if (r)
		return r;
	if (how == CAME && !strcmp(then.boot_id, t->now.boot_id))
		return err_lab(e, "%s; the kernel went on", why.text);
	if (how == CAME) {
		box_say(&t->box, "the box has restarted on its own");
		t->to = box_console_len(&t->box);
		t->end = END_REBOOT;
		return 0;
	}
	if (console_answers(t))
		return err_lab(e,
			       "box '%s' cannot be reached by ssh any more, "
			       "but its console answers: look at the network "
			       "between",
			       name);
	trip_hangs(t, "ssh broke under the agent, and nobody answers");
	return 0;
}

static int run_agent(struct trip *t, struct err *e)
{
	static const char *const letters[] = {"l", "w", NULL};
	struct err ignored;
	int r;

	box_say(&t->box, "agent");
	r = box_do(&t->box, "agent", NULL, 0, metal_job_ms(t->conf), e);
	if (r == -EINTR)
		return r;
	if (keep_port(t, &ignored)) {
		*e = ignored;
		return -EIO;
	}
	if (r == -ENOLINK)
		return lost(t, e);
	if (r == -ETIMEDOUT) {
		/* ssh lives, the agent does not: its stacks, this way. */
		box_ask(&t->box, "sysrq", letters, &ignored);
		trip_hangs(t, "the agent is past all its deadlines");
		return 0;
	}
	if (!r && !t->box.result.out.len)
		return err_lab(e,
			       "box '%s': the agent could not open its port; "
			       "the console says why",
			       t->conf->machine);
	if (!r)
		t->end = END_AGENT;
	return r;
}

int trip_measure(struct trip *t, struct err *e)
{
	int r = quiesce(t, e);

	if (!r)
		r = box_ask(&t->box, "facts", NULL, e);
	if (!r) {
		trip_take_facts(t);
		r = unpack(t, e);
	}
	if (!r)
		r = run_agent(t, e);
	/* It may die at any of these. */
	if ((r == -ENOLINK || r == -ETIMEDOUT) && t->end == END_NONE)
		r = lost(t, e);
	return r;
}

/* ---- stacks ---- */

void trip_stacks(struct trip *t)
{
	uint64_t from = box_console_len(&t->box), len;
	struct str text = STR_INIT;
	struct err ignored;

	if (!box_type_sysrq(&t->box, 'l') || !box_type_sysrq(&t->box, 'w')) {
		box_say(&t->box, "no stacks: the machine file says not how to "
				 "send sysrq over the console");
		return;
	}
	do {
		len = box_console_len(&t->box);
		box_sleep(&t->box, STACKS_MS, &ignored);
	} while (box_console_len(&t->box) > len &&
		 box_console_len(&t->box) - from < STACKS_CAP);
	if (!console_cut(BOX_SERIAL, from, UINT64_MAX, NULL, NULL, &text,
			 &ignored) &&
	    text.len)
		file_put(BOOT_STACKS, text.buf, text.len, &ignored);
	box_say(&t->box, text.len ? "stacks are in " BOOT_STACKS
				  : "sysrq brings nothing: it is dead");
	str_release(&text);
}

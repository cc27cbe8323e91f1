/* A boot of QEMU's from its start to its end, whatever the accelerator. */
#include "machine/qemu.h"

#include "base/err.h"
#include "base/str.h"
#include "machine/backend.h"
#include "machine/facts.h"
#include "machine/qmp.h"
#include "machine/stacks.h"
#include "machine/watch.h"

#include <unistd.h>

/* A hung guest is to be gone within 2 s, of which QEMU's end needs some. */
#define STACKS_MS 1200

struct qemu_flight {
	struct watch *watch;
	struct stacks *stacks;
	struct facts_load load;
	flight_fn done;
	void *arg;
};

int qemu_prepare(struct flight *f, struct err *e)
{
	struct qemu_flight *q = xcalloc(1, sizeof(*q));

	(void)e;
	f->own = q;
	facts_load_begin(&q->load);
	return 0;
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
	/* Not part of the spec: a monitor that nobody asks changes nothing. */
	strv_add(argv, "-qmp");
	strv_add(argv, "unix:" QMP_SOCKET ",server=on,wait=off");
}

void qemu_watch(struct flight *f)
{
	struct qemu_flight *q = f->own;
	const struct backend *b = backend_of(f->spec);

	q->watch = watch_start(f, !strcmp(b->clock, backend_icount.clock));
}

struct qmp *qemu_qmp(struct flight *f)
{
	struct qemu_flight *q = f->own;

	return watch_qmp(q->watch);
}

static void on_stacks(void *arg)
{
	struct qemu_flight *q = arg;

	q->done(q->arg);
}

void qemu_stop(struct flight *f, flight_fn done, void *arg)
{
	const json_t *why = json_object_get(f->facts, "hang");
	struct qemu_flight *q = f->own;

	watch_end(q->watch);
	q->done = done;
	q->arg = arg;
	q->stacks =
		stacks_take(f->loop, watch_qmp(q->watch), f->dir, f->store,
			    json_string_value(why), STACKS_MS, on_stacks, q);
}

/* ---- the end ---- */

/* What follows -append. */
static const char *cmdline_of(const json_t *spec)
{
	const json_t *command = json_object_get(spec, "command");
	size_t i;
	json_t *word;

	json_array_foreach(command, i, word)
	{
		const char *text = json_string_value(word);

		if (text && !strcmp(text, "-append"))
			return json_string_value(
				json_array_get(command, i + 1));
	}
	return NULL;
}

static void add_text(json_t *o, const char *key, const char *text)
{
	if (text)
		json_object_set_new(o, key, json_string(text));
}

void qemu_collect(struct flight *f)
{
	const json_t *host = json_object_get(f->spec, "host");
	const json_t *why = json_object_get(host, "accel_why");
	struct qemu_flight *q = f->own;
	char *path = xasprintf("%s/%s", f->dir, QMP_SOCKET);

	watch_end(q->watch);
	facts_load_end(&q->load, f->facts);
	facts_host(f->facts);
	add_text(f->facts, "accel", backend_of(f->spec)->accel);
	add_text(f->facts, "accel_why",
		 why ? json_string_value(why) : "the machine file says so");
	add_text(f->facts, "qemu", f->qemu->build);
	add_text(f->facts, "firmware", f->qemu->firmware);
	add_text(f->facts, "cmdline", cmdline_of(f->spec));
	/* QEMU leaves it behind if it was killed. */
	unlink(path);
	free(path);
}

void qemu_land(struct flight *f)
{
	struct qemu_flight *q = f->own;

	if (!q)
		return;
	stacks_free(q->stacks);
	watch_free(q->watch);
	free(q);
	f->own = NULL;
}

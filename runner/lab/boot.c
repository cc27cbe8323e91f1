#include "lab/boot.h"

#include "base/err.h"
#include "base/file.h"
#include "base/job.h"
#include "lab/fingerprint.h"
#include "lab/initramfs.h"
#include "machine/backend.h"

#include <errno.h>
#include <unistd.h>

/* Past its deadline a process has so long to be ended in order. */
#define LAST_RESORT_MS 3000

struct boot {
	struct lab *lab;
	json_t *spec;
	const struct backend *backend;
	struct flight flight;
	char *dir, *store;
	char *kernel, *initramfs, *console, *port, *qemu_log;
	struct strv argv;
	char secret[BOOT_SECRET];
	uv_timer_t *deadline; /* NULL where the process minds it itself */
	bool hang;            /* it is being ended before its time */
	bool interrupted;
	struct boot_result result;
	bool kept;
	boot_done_fn done;
	void *arg;
};

static char *in_dir(const struct boot *b, const char *name)
{
	return xasprintf("%s/%s", b->dir, name);
}

static void on_timer_closed(uv_handle_t *h)
{
	free(h);
}

void boot_free(struct boot *b)
{
	struct err ignored;

	if (!b)
		return;
	if (b->deadline)
		uv_close((uv_handle_t *)b->deadline, on_timer_closed);
	if (b->backend->release)
		b->backend->release(&b->flight);
	if (b->dir && !b->kept)
		file_remove(b->dir, &ignored);
	json_decref(b->flight.facts);
	json_decref(b->spec);
	collected_release(&b->result.what);
	strv_release(&b->argv);
	free(b->result.fingerprint);
	free(b->store);
	free(b->kernel);
	free(b->initramfs);
	free(b->console);
	free(b->port);
	free(b->qemu_log);
	free(b->dir);
	free(b);
}

/* ---- before ---- */

static char *base_archive(const struct boot *b)
{
	return xasprintf("%s/initramfs/%s.cpio", b->lab->dir,
			 spec_text(b->spec, NULL, "initramfs"));
}

static int write_initramfs(struct boot *b, struct err *e)
{
	char *base = base_archive(b), *job = in_dir(b, "job.cpio");
	char *text = spec_job(b->spec);
	struct strv modules = STRV_INIT;
	size_t i;
	json_t *name;
	int r;

	json_array_foreach(json_object_get(b->spec, "modules"), i, name)
		strv_addf(&modules, "%s/kernels/%s/modules/%.*s", b->lab->dir,
			  spec_text(b->spec, "kernel", "key"),
			  (int)strcspn(json_string_value(name), " "),
			  json_string_value(name));
	json_array_foreach(json_object_get(b->spec, "kmods"), i, name)
		strv_addf(&modules, "%s/kernels/%s/kmods/%s", b->lab->dir,
			  spec_text(b->spec, "kernel", "key"),
			  json_string_value(name));
	r = initramfs_job(job, text, &modules, e);
	if (!r)
		r = initramfs_join(base, job, b->initramfs, e);
	strv_release(&modules);
	free(text);
	free(job);
	free(base);
	return r;
}

static int write_spec(struct boot *b, struct err *e)
{
	char *text = json_dumps(b->spec, JSON_INDENT(1) | JSON_SORT_KEYS);
	char *path = in_dir(b, "spec.json");
	int r = file_put(path, text, strlen(text), e);

	free(path);
	free(text);
	return r;
}

/* QEMU finds the kernel under this name, for as long as it runs. */
static int link_kernel(struct boot *b, struct err *e)
{
	char *path = in_dir(b, BOOT_KERNEL);
	int r = 0;

	if (symlink(b->kernel, path))
		r = err_sys(e, errno, "cannot make link '%s'", path);
	free(path);
	return r;
}

static int prepare(struct boot *b, struct err *e)
{
	char *base = base_archive(b);
	int r = file_remove(b->dir, e);

	if (!r)
		r = file_mkdirs(b->dir, e);
	if (!r && !file_exists(b->kernel))
		r = err_lab(e,
			    "the kernel '%s' is not in the store any more; "
			    "'klab run' of its study brings it back",
			    b->kernel);
	if (!r && !file_exists(base))
		r = err_lab(e,
			    "the initramfs '%s' is not in the lab any more, "
			    "and this host's programs may have changed since; "
			    "'klab run' of its study boots with those it has",
			    base);
	free(base);
	if (!r)
		r = write_spec(b, e);
	if (!r)
		r = write_initramfs(b, e);
	if (!r)
		r = link_kernel(b, e);
	if (!r && b->backend->prepare)
		r = b->backend->prepare(&b->flight, e);
	return r;
}

/* ---- after ---- */

static void drop(const struct boot *b, const char *name)
{
	char *path = in_dir(b, name);

	unlink(path);
	free(path);
}

/* A guest's silence may be a full disk's. */
static void suspect_disk(struct boot *b)
{
	struct collected *c = &b->result.what;
	uint64_t room = file_space(b->dir);

	if (c->state != BOOT_BAD || room >= GUEST_FILE_CAP)
		return;
	collected_infra(c, "disk",
			xasprintf("the disk is full (%llu KiB left for '%s')",
				  (unsigned long long)room >> 10, b->lab->dir));
}

/* What QEMU said, if anything, behind our own reason. */
static void add_qemu_words(struct boot *b)
{
	struct collected *c = &b->result.what;
	struct str log = STR_INIT;
	struct err ignored;

	if (file_read(b->qemu_log, 65536, &log, &ignored) || !log.len) {
		unlink(b->qemu_log);
	} else if (c->detail && (!strcmp(c->detail, "qemu") ||
				 !strcmp(c->detail, "metal"))) {
		char *reason = c->reason;

		log.buf[strcspn(log.buf, "\n")] = '\0';
		str_plain(log.buf);
		c->reason = xasprintf("%s: %.300s", reason, log.buf);
		free(reason);
	}
	str_release(&log);
}

static int write_results(struct boot *b, struct err *e)
{
	const struct str *lines = &b->result.what.lines;
	char *path = in_dir(b, "results.jsonl");
	int r = file_put(path, lines->buf ? lines->buf : "", lines->len, e);

	free(path);
	return r;
}

/* What the backend saw; not all of them have something to say. */
static int write_facts(struct boot *b, struct err *e)
{
	char *path, *text;
	int r;

	if (b->backend->collect)
		b->backend->collect(&b->flight);
	if (!json_object_size(b->flight.facts))
		return 0;
	path = in_dir(b, BOOT_FACTS);
	text = json_dumps(b->flight.facts, JSON_INDENT(1) | JSON_SORT_KEYS);
	r = file_put(path, text, strlen(text), e);
	free(path);
	free(text);
	return r;
}

static int judge_and_record(struct boot *b, const struct job_result *j,
			    struct err *e)
{
	const json_t *hang = json_object_get(b->flight.facts, "hang");
	struct ending end = {.exit = j->exit,
			     .signal = j->signal,
			     .deadline = j->deadline,
			     .wall_ms = j->wall_ms,
			     .hang = json_string_value(hang)};
	int r = collect_boot(b->spec, b->port, b->console, &end,
			     &b->result.what, e);

	if (!r) {
		suspect_disk(b);
		add_qemu_words(b);
		r = write_results(b, e);
	}
	if (!r)
		r = fingerprint_write(b->lab, b->spec, b->dir, &b->argv,
				      &b->result.fingerprint, e);
	return r;
}

static int after(struct boot *b, const struct job_result *j, struct err *e)
{
	int r = write_facts(b, e);

	if (!r)
		r = judge_and_record(b, j, e);
	drop(b, BOOT_INITRAMFS);
	drop(b, BOOT_KERNEL);
	/* Frames that were not believed stay there to be looked at. */
	if (!r && b->result.what.state == BOOT_OK)
		drop(b, BOOT_PORT);
	return r;
}

static void on_exit_of_process(const struct job_result *j, void *arg)
{
	struct boot *b = arg;
	struct collected *c = &b->result.what;
	struct err e;

	b->flight.job = NULL;
	if (b->deadline)
		uv_timer_stop(b->deadline);
	/* One that ended by itself meanwhile did not hang. */
	if (b->hang && (!j->stopped || b->interrupted))
		json_object_del(b->flight.facts, "hang");
	b->result.wall_ms = j->wall_ms;
	if (after(b, j, &e)) {
		collected_release(c);
		collected_infra(
			c, file_space(b->dir) < GUEST_FILE_CAP ? "disk" : "lab",
			xstrdup(e.text));
	}
	if (j->stopped && b->interrupted)
		collected_infra(c, "interrupted",
				xstrdup("the run was interrupted"));
	b->done(b, b->arg);
}

/* ---- meanwhile ---- */

static void on_stacks_taken(void *arg)
{
	struct boot *b = arg;

	if (b->flight.job)
		job_stop(b->flight.job);
}

/* Also at the deadline: what it was at is worth knowing then, too. */
static void on_hung(struct flight *f, const char *why)
{
	struct boot *b =
		(struct boot *)((char *)f - offsetof(struct boot, flight));

	if (b->hang || b->interrupted || !f->job)
		return;
	b->hang = true;
	json_object_set_new(f->facts, "hang",
			    json_sprintf("%s and was stopped", why));
	if (b->backend->stop)
		b->backend->stop(f, on_stacks_taken, b);
	else
		job_stop(f->job);
}

static void on_deadline(uv_timer_t *t)
{
	struct boot *b = t->data;
	char *why = xasprintf("the guest was not done after %d s (deadline_s "
			      "of machine '%s')",
			      spec_int(b->spec, NULL, "deadline_s"),
			      spec_text(b->spec, "machine", "name"));

	on_hung(&b->flight, why);
	free(why);
}

/* What a target needs to be left in order is its process's to know. */
static void watch(struct boot *b, uint64_t deadline_ms)
{
	if (!b->backend->end_ms) {
		b->deadline = xcalloc(1, sizeof(*b->deadline));
		uv_timer_init(b->flight.loop, b->deadline);
		b->deadline->data = b;
		uv_timer_start(b->deadline, on_deadline, deadline_ms, 0);
	}
	if (b->backend->watch)
		b->backend->watch(&b->flight);
}

static int start_process(struct boot *b, struct err *e)
{
	uint64_t deadline_ms = (uint64_t)spec_int(b->spec, NULL, "deadline_s") *
			       1000 * b->flight.crowd;
	struct job_spec spec = {
		.log_path = b->qemu_log,
		.cwd = b->dir,
		.file_cap = b->backend->end_ms ? 0 : GUEST_FILE_CAP,
		.term_ms = b->backend->end_ms,
		.deadline_ms =
			deadline_ms + (b->backend->end_ms ? 0 : LAST_RESORT_MS),
		.done = on_exit_of_process,
		.arg = b,
	};

	b->backend->boot(&b->flight, &b->argv);
	spec.argv = (const char *const *)b->argv.v;
	if (job_start(b->flight.loop, &spec, &b->flight.job, e))
		return -EIO;
	watch(b, deadline_ms);
	return 0;
}

int boot_start(uv_loop_t *loop, struct lab *lab, const json_t *spec,
	       boot_done_fn done, void *arg, struct boot **out, struct err *e)
{
	struct boot *b = xcalloc(1, sizeof(*b));
	int r;

	b->lab = lab;
	b->spec = json_deep_copy(spec);
	b->done = done;
	b->arg = arg;
	spec_id(spec, b->result.id);
	b->dir = xasprintf("%s/flight/%s.%u", lab->dir, b->result.id,
			   lab->flights++);
	b->result.dir = b->dir;
	b->store = xasprintf("%s/kernels/%s", lab->dir,
			     spec_text(spec, "kernel", "key"));
	b->kernel =
		xasprintf("%s/%s", b->store, spec_text(spec, "kernel", "file"));
	b->backend = backend_of(b->spec);
	b->flight = (struct flight){.loop = loop,
				    .qemu = &lab->qemu,
				    .dir = b->dir,
				    .store = b->store,
				    .share = lab->share,
				    .spec = b->spec,
				    .secret = b->secret,
				    .crowd = lab->crowd ? lab->crowd : 1,
				    .hung = on_hung,
				    .facts = json_object()};
	spec_secret(b->spec, b->secret);
	b->initramfs = in_dir(b, BOOT_INITRAMFS);
	b->console = in_dir(b, BOOT_CONSOLE);
	b->port = in_dir(b, BOOT_PORT);
	b->qemu_log = in_dir(b, "qemu.log");
	r = prepare(b, e);
	if (!r)
		r = start_process(b, e);
	if (r)
		boot_free(b);
	else
		*out = b;
	return r;
}

void boot_stop(struct boot *b)
{
	b->interrupted = true;
	if (b->flight.job)
		job_stop(b->flight.job);
}

const struct boot_result *boot_result(const struct boot *b)
{
	return &b->result;
}

int boot_keep(struct boot *b, struct err *e)
{
	char *boots = xasprintf("%s/boots", b->lab->dir);
	char *to = xasprintf("%s/%s", boots, b->result.id);
	int r = file_mkdirs(boots, e);

	if (!r)
		r = file_remove(to, e);
	if (!r)
		r = file_publish(b->dir, to, e);
	if (!r) {
		free(b->dir);
		b->dir = to;
		b->result.dir = b->dir;
		b->kept = true;
		to = NULL;
	}
	free(to);
	free(boots);
	return r;
}

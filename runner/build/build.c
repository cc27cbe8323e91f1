#include "build/build.h"

#include "base/job.h"
#include "build/build_int.h"
#include "build/buildlog.h"
#include "kernel/identity.h"
#include "kernel/store.h"

#include <errno.h>
#include <unistd.h>

/* Debug data below this is not worth a process that strips it. */
#define DEBUG_MAX (1u << 20)
#define STRIP_DEADLINE_MS 600000
#define RM_DEADLINE_MS 600000

struct build {
	uv_loop_t *loop;
	const struct build_request *rq;
	build_done_fn done;
	void *arg;
	char key[17];
	struct build_config config;
	struct build_kmods kmods;
	struct build_obj obj;
	struct build_outcome how;
	struct build_result result;
	struct job *job; /* make or objcopy; NULL: none runs */
	struct job *rm;  /* of an old object folder; NULL: none runs */
	bool working;    /* make, objcopy or the worker is not done yet */
	bool stopped, tried_again, again, clean;
	uint64_t start_ns;
	uv_work_t work;
};

static int start_make(struct build *b, struct err *e);

static void finish_if_done(struct build *b)
{
	if (!b->working && !b->rm)
		b->done(b, b->arg);
}

static void finish(struct build *b)
{
	b->working = false;
	finish_if_done(b);
}

static void stop(struct build *b)
{
	free(b->result.reason);
	b->result.state = BUILD_STOPPED;
	b->result.reason = xstrdup("the build was stopped");
	finish(b);
}

static void fail(struct build *b, const char *text)
{
	free(b->result.reason);
	b->result.state = BUILD_LAB;
	b->result.reason = xstrdup(text);
	finish(b);
}

/* ---- object folders that were put away ---- */

static void on_removed(const struct job_result *r, void *arg)
{
	struct build *b = arg;

	(void)r; /* what could not be removed, the next build tries again */
	b->rm = NULL;
	finish_if_done(b);
}

static void remove_old(struct build *b)
{
	struct strv argv = STRV_INIT;
	struct job_spec spec = {
		.deadline_ms = RM_DEADLINE_MS, .done = on_removed, .arg = b};
	struct err ignored;

	if (!b->rm && build_obj_old(&b->obj, &argv)) {
		spec.argv = (const char *const *)argv.v;
		job_start(b->loop, &spec, &b->rm, &ignored);
	}
	strv_release(&argv);
}

/* ---- after make ---- */

static void do_take(uv_work_t *w)
{
	struct build *b = w->data;

	build_take(b->rq, &b->config, b->key, &b->obj, &b->how, &b->result,
		   &b->again, &b->clean);
}

/* The object folder was not whole: once more, in a new one. */
static void start_again(struct build *b)
{
	struct err e;

	b->tried_again = true;
	build_errors_release(b->result.errors, b->result.nerrors);
	free(b->result.reason);
	b->result = (struct build_result){0};
	if (start_make(b, &e))
		fail(b, e.text);
	else
		remove_old(b);
}

static void after_take(uv_work_t *w, int status)
{
	struct build *b = w->data;

	(void)status;
	if (b->clean)
		build_obj_clean(&b->obj);
	if (!b->again || b->tried_again) {
		finish(b);
	} else if (b->stopped) {
		/* What it came to is not known. */
		build_errors_release(b->result.errors, b->result.nerrors);
		b->result.errors = NULL;
		b->result.nerrors = 0;
		stop(b);
	} else {
		start_again(b);
	}
}

static void take(struct build *b)
{
	b->how.kmods = &b->kmods;
	b->result.wall_ms = (uv_hrtime() - b->start_ns) / 1000000;
	b->work.data = b;
	uv_queue_work(b->loop, &b->work, do_take, after_take);
}

/* ---- modules of klab's own ---- */

static void stop_here(struct build *b)
{
	b->result.wall_ms = (uv_hrtime() - b->start_ns) / 1000000;
	stop(b);
}

static void on_kmods(void *arg)
{
	struct build *b = arg;

	if (b->kmods.stopped)
		stop_here(b);
	else
		take(b);
}

/* Then what there is to take. */
static void make_kmods(struct build *b)
{
	struct err e;

	if (!b->kmods.n)
		take(b);
	else if (build_kmods_start(&b->kmods, b->loop, b->rq, &b->config,
				   &b->job, on_kmods, b, &e))
		fail(b, e.text);
}

/* ---- debug data, which nobody boots ---- */

static void on_stripped(const struct job_result *r, void *arg)
{
	struct build *b = arg;

	b->job = NULL;
	b->how.stripped = !r->exit && !r->signal && !r->deadline && !r->stopped;
	if (!r->stopped)
		make_kmods(b);
	else if (b->kmods.n)
		stop_here(b);
	else
		take(b);
}

static bool is_large(struct build *b)
{
	struct err ignored;
	uint64_t bytes;
	int fd;

	if (!b->config.pvh || build_obj_open(&b->obj, "vmlinux", &fd, &ignored))
		return false;
	bytes = identity_debug_bytes(fd);
	close(fd);
	return bytes > DEBUG_MAX;
}

/* In the sandbox as well, for the file is the build's. */
static int start_strip(struct build *b)
{
	const struct build_request *rq = b->rq;
	struct strv argv = STRV_INIT;
	struct job_spec spec = {.deadline_ms = STRIP_DEADLINE_MS,
				.file_cap = BUILD_FILE_CAP,
				.log_path = b->obj.log,
				.done = on_stripped,
				.arg = b};
	struct err ignored;
	int r;

	sandbox_argv(rq->box, &argv);
	strv_add(&argv, rq->tools->llvm ? "llvm-objcopy" : "objcopy");
	strv_add(&argv, "--strip-debug");
	strv_addf(&argv, "%s/vmlinux", sandbox_obj(rq->box));
	strv_addf(&argv, "%s/" STRIPPED, sandbox_obj(rq->box));
	spec.argv = (const char *const *)argv.v;
	r = job_start(b->loop, &spec, &b->job, &ignored);
	strv_release(&argv);
	return r;
}

/* ---- make ---- */

static void on_made(const struct job_result *r, void *arg)
{
	struct build *b = arg;

	b->job = NULL;
	b->how = (struct build_outcome){
		.exit = r->exit, .signal = r->signal, .deadline = r->deadline};
	if (r->stopped)
		stop_here(b);
	else if (r->exit || r->signal || r->deadline)
		take(b);
	else if (!is_large(b) || start_strip(b))
		make_kmods(b);
}

static int start_make(struct build *b, struct err *e)
{
	struct strv argv = STRV_INIT;
	struct job_spec spec = {.deadline_ms = b->rq->deadline_ms,
				.file_cap = BUILD_FILE_CAP,
				.log_path = b->obj.log,
				.done = on_made,
				.arg = b};
	const char *ccache = b->rq->box->ccache;
	int r = build_obj_prepare(&b->obj, &b->config, e);

	if (!r && ccache)
		r = file_mkdirs(ccache, e);
	if (r)
		return r;
	build_make_argv(b->rq, b->obj.fresh, &b->config, &argv);
	spec.argv = (const char *const *)argv.v;
	r = job_start(b->loop, &spec, &b->job, e);
	strv_release(&argv);
	return r;
}

/* ---- outside ---- */

int build_find(const struct build_request *rq, struct build_result *out,
	       struct err *e)
{
	char key[17];
	int r = build_key(rq, key, e);

	*out = (struct build_result){0};
	if (r)
		return r;
	r = kernel_store_find(rq->lab, key, &out->kernel, e);
	if (r == -ENOENT)
		return build_broken_find(rq, key, out, e);
	if (!r)
		out->log = xasprintf("%s/" STAGE_LOG, out->kernel.dir);
	return r;
}

int build_start(uv_loop_t *loop, const struct build_request *rq,
		build_done_fn done, void *arg, struct build **out,
		struct err *e)
{
	struct build *b = xcalloc(1, sizeof(*b));
	int r;

	*b = (struct build){.loop = loop,
			    .rq = rq,
			    .done = done,
			    .arg = arg,
			    .working = true,
			    .start_ns = uv_hrtime()};
	build_obj_init(&b->obj, rq->box->obj);
	r = build_kmods_read(rq->kmods, &b->kmods, e);
	if (!r)
		r = build_config_read(rq->config, &b->config, e);
	if (!r) {
		build_key_of(rq, &b->config, &b->kmods, b->key);
		r = start_make(b, e);
	}
	if (r) {
		build_free(b);
		return r;
	}
	remove_old(b);
	*out = b;
	return 0;
}

void build_stop(struct build *b)
{
	b->stopped = true;
	if (b->job)
		job_stop(b->job);
	if (b->rm)
		job_stop(b->rm);
}

const struct build_result *build_result(const struct build *b)
{
	return &b->result;
}

void build_free(struct build *b)
{
	if (!b)
		return;
	build_result_release(&b->result);
	build_config_release(&b->config);
	build_kmods_release(&b->kmods);
	build_obj_release(&b->obj);
	free(b);
}

void build_result_release(struct build_result *r)
{
	build_errors_release(r->errors, r->nerrors);
	free(r->reason);
	free(r->log);
	kernel_release(&r->kernel);
	*r = (struct build_result){0};
}

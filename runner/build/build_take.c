#include "build/build_int.h"

#include "base/job.h"
#include "build/buildlog.h"
#include "kernel/bzimage.h"
#include "kernel/identity.h"
#include "kernel/store.h"

#include <fcntl.h>
#include <unistd.h>

#define MAP_CAP (64u << 20)

struct take {
	const struct build_request *rq;
	const struct build_config *config;
	const char *key;
	const struct build_obj *obj;
	const struct build_outcome *how;
	struct build_result *out;
	struct str log;
};

static void set(struct take *t, enum build_state state, char *reason)
{
	free(t->out->reason);
	t->out->state = state;
	t->out->reason = reason;
}

static void set_err(struct take *t, const struct err *e)
{
	set(t, e->kind == ERR_LAB ? BUILD_LAB : BUILD_BROKEN, xstrdup(e->text));
}

/* ---- a kernel ---- */

static int copy(const struct take *t, const char *name, const char *stage,
		const char *as, uint64_t cap, struct err *e)
{
	char *to = xasprintf("%s/%s", stage, as);
	int r = build_obj_copy(t->obj, name, to, cap, e);

	free(to);
	return r;
}

/* Make changes a config that this tree's Kconfig does not agree with. */
static int check_config(const struct take *t, const char *stage, struct err *e)
{
	char *path = xasprintf("%s/" STAGE_CONFIG, stage), where[160];
	struct str text = STR_INIT;
	int r = file_read(path, BUILD_CONFIG_CAP, &text, e);

	if (!r && !build_config_same(t->config->text.buf, text.buf, where))
		r = err_lab(e,
			    "make has changed the config, which was not "
			    "settled for this tree: '%s'",
			    where);
	str_release(&text);
	free(path);
	return r;
}

static int identify(const struct take *t, const char *stage,
		    struct identity *id, struct err *e)
{
	char *image = xasprintf("%s/" STAGE_IMAGE, stage);
	int fd, r = 0;

	if (t->config->pvh) {
		fd = open(image, O_RDONLY | O_CLOEXEC);
		if (fd < 0)
			r = err_lab(e, "cannot open '%s'", image);
	} else {
		r = build_obj_open(t->obj, "vmlinux", &fd, e);
	}
	if (!r) {
		r = identity_read(fd, id, e);
		close(fd);
	}
	/* A bzImage has code of its own, which runs before the vmlinux's. */
	if (!r && !t->config->pvh)
		r = file_sha256(image, id->hex, e);
	free(image);
	return r;
}

static int fill(const struct take *t, const char *stage, struct identity *id,
		struct err *e)
{
	const char *vmlinux = t->how->stripped ? STRIPPED : "vmlinux";
	char *log = xasprintf("%s/" STAGE_LOG, stage);
	int r;

	if (t->config->pvh)
		r = copy(t, vmlinux, stage, STAGE_IMAGE, VMLINUX_CAP, e);
	else
		r = copy(t, "arch/x86/boot/bzImage", stage, STAGE_IMAGE,
			 BZIMAGE_CAP, e);
	if (!r)
		r = identify(t, stage, id, e);
	if (!r)
		r = copy(t, "System.map", stage, STAGE_MAP, MAP_CAP, e);
	if (!r)
		r = copy(t, ".config", stage, STAGE_CONFIG, BUILD_CONFIG_CAP,
			 e);
	if (!r)
		r = check_config(t, stage, e);
	if (!r)
		r = build_kmods_take(t->how->kmods, stage, e);
	if (!r)
		r = buildlog_pack(log, &t->log, e);
	free(log);
	return r;
}

static int add(const struct take *t, const char *stage,
	       const struct identity *id, struct err *e)
{
	const struct build_request *rq = t->rq;
	const struct kernel_build how = {
		.key = t->key,
		.identity = id->hex,
		.commit = rq->commit,
		.tree = rq->tree,
		.stage = rq->stage,
		.toolchain = rq->tools->version,
		.make_args = &rq->tools->make_args,
		.llvm = rq->tools->llvm,
		.sandboxed = !rq->box->off,
		.config_sha256 = t->config->sha256,
		.loaded = id->loaded,
		.wall_ms = t->out->wall_ms,
	};
	const struct kernel_origin from = {.source = rq->source, .build = &how};

	return kernel_store_add_built(rq->lab, stage, &from, &t->out->kernel,
				      e);
}

static int take_kernel(struct take *t, struct err *e)
{
	struct identity id;
	char *stage;
	int r = kernel_store_stage(t->rq->lab, &stage, e);

	if (r)
		return r;
	r = fill(t, stage, &id, e);
	if (r)
		kernel_store_drop(stage);
	else
		r = add(t, stage, &id, e);
	free(stage);
	if (r)
		return r;
	t->out->log = xasprintf("%s/" STAGE_LOG, t->out->kernel.dir);
	set(t, BUILD_OK, NULL);
	return 0;
}

/* ---- no kernel ---- */

/* What there is to say of a make that did not end by itself or could not even
 * start; NULL if it ended with an error. */
static char *early_end(const struct build_outcome *how)
{
	const struct job_result r = {.exit = how->exit, .signal = how->signal};
	char why[64];

	/* Of a make in the sandbox a signal is told as 128 and more. */
	if (how->signal || how->exit > 128)
		return xasprintf(
			"make was killed (%s), not by klab: has memory run "
			"out?",
			job_describe(&r, why, sizeof(why)));
	if (how->exit == 126 || how->exit == 127)
		return xasprintf("make could not be started (%s)",
				 job_describe(&r, why, sizeof(why)));
	return NULL;
}

static char *deadline_text(const struct take *t, const struct buildlog *l)
{
	uint64_t s = t->rq->deadline_ms / 1000;

	return xasprintf("make had not ended after %llu %s; its output ends "
			 "with \"%s\"",
			 (unsigned long long)(s >= 7200 ? s / 3600 : s),
			 s >= 7200 ? "hours" : "seconds", l->tail);
}

/* Sets state, reason and errors of a make that did not end well. */
static void judge(struct take *t, struct buildlog *l)
{
	char *text = t->how->deadline ? NULL : early_end(t->how);

	if (t->how->deadline) {
		set(t, BUILD_BROKEN, deadline_text(t, l));
		return;
	}
	if (l->trouble) {
		set(t, BUILD_LAB, xstrdup(l->trouble));
	} else if (text) {
		set(t, BUILD_LAB,
		    xasprintf("%s; its output ends with \"%s\"", text,
			      l->tail));
	} else {
		char *tail = xasprintf("make failed; its output ends with "
				       "\"%s\"",
				       l->tail);

		buildlog_touch(l->errors, l->n, t->rq->touched);
		set(t, BUILD_BROKEN,
		    buildlog_reason(l->errors, l->n, t->rq->touched, tail));
		free(tail);
		t->out->errors = l->errors;
		t->out->nerrors = l->n;
		l->errors = NULL;
		l->n = 0;
	}
	free(text);
}

static void add_broken(struct take *t)
{
	struct err e;

	if (build_broken_add(t->rq, t->key, t->how->deadline, &t->log, t->out,
			     &e))
		set(t, BUILD_LAB, xstrdup(e.text));
}

void build_take(const struct build_request *rq, const struct build_config *c,
		const char *key, const struct build_obj *o,
		const struct build_outcome *how, struct build_result *out,
		bool *again, bool *clean)
{
	struct take t = {.rq = rq,
			 .config = c,
			 .key = key,
			 .obj = o,
			 .how = how,
			 .out = out};
	struct buildlog l = {0};
	bool well = !how->exit && !how->signal && !how->deadline;
	struct err e;

	*again = false;
	if (buildlog_read(o->log, &t.log, &e)) {
		set_err(&t, &e);
	} else if (well && how->kmods->trouble) {
		set(&t, BUILD_LAB, xstrdup(how->kmods->trouble));
	} else if (well) {
		str_add(&t.log, how->kmods->log.buf, how->kmods->log.len);
		if (take_kernel(&t, &e))
			set_err(&t, &e);
	} else {
		buildlog_parse(t.log.buf, t.log.len, sandbox_src(rq->box),
			       sandbox_obj(rq->box), &l);
		judge(&t, &l);
	}
	/* No line of source is to blame: what is, an earlier stage may have
	 * left in the folder. */
	*again = out->state == BUILD_BROKEN && !o->fresh && !how->deadline &&
		 (l.damaged || !out->nerrors);
	if (out->state == BUILD_BROKEN && !*again)
		add_broken(&t);
	/* Where all went well and yet there is no kernel, something is odd. */
	*clean = out->state == BUILD_OK || (out->state == BUILD_BROKEN &&
					    !well && !how->deadline && !*again);
	if (how->stripped)
		build_obj_drop(o, STRIPPED);
	build_kmods_clean(how->kmods);
	buildlog_release(&l);
	str_release(&t.log);
}

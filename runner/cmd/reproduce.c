/* klab reproduce: repeats one boot and compares. */
#include "cmd/cmd.h"

#include "base/file.h"
#include "base/stop.h"
#include "base/str.h"
#include "lab/boot.h"

#include <errno.h>
#include <jansson.h>

struct repeat {
	uv_loop_t loop;
	struct lab *lab;
	json_t *spec;
	char *original; /* folder of the boot */
	int jobs, left, running;
	int equal, different, failed;
	struct stop stop;
	bool interrupted;
	struct boot **boots; /* running, or NULL; jobs of them */
	struct str why;      /* what differed, a line each */
};

/* Where the same file of both folders differs first; adds a line to why. */
static bool same_file(struct repeat *r, const char *dir, const char *name)
{
	char *a = xasprintf("%s/%s", r->original, name);
	char *b = xasprintf("%s/%s", dir, name);
	struct str x = STR_INIT, y = STR_INIT;
	struct err e;
	size_t i = 0, line = 1;
	bool same = false;

	if (file_read(a, GUEST_FILE_CAP, &x, &e) ||
	    file_read(b, GUEST_FILE_CAP, &y, &e)) {
		str_addf(&r->why, "%s\n", e.text);
		goto out;
	}
	for (; i < x.len && i < y.len && x.buf[i] == y.buf[i]; i++)
		line += x.buf[i] == '\n';
	same = i == x.len && i == y.len;
	if (!same)
		str_addf(&r->why, "%s differs from line %zu on\n", name, line);
out:
	str_release(&x);
	str_release(&y);
	free(a);
	free(b);
	return same;
}

static void fill(struct repeat *r);

static void end_if_done(struct repeat *r)
{
	if (r->running || (r->left && !r->interrupted && !r->failed))
		return;
	stop_unwatch(&r->stop);
}

static void judge(struct repeat *r, struct boot *b)
{
	const struct boot_result *res = boot_result(b);
	bool results, console;

	if (res->what.state == BOOT_LAB) {
		r->failed++;
		str_addf(&r->why, "%s\n", res->what.reason);
		return;
	}
	same_file(r, res->dir, "job.cpio");
	results = same_file(r, res->dir, "results.jsonl");
	console = same_file(r, res->dir, "console.log");
	if (results && console)
		r->equal++;
	else
		r->different++;
}

static void on_boot(struct boot *b, void *arg)
{
	struct repeat *r = arg;

	for (int i = 0; i < r->jobs; i++)
		if (r->boots[i] == b)
			r->boots[i] = NULL;
	r->running--;
	if (!r->interrupted)
		judge(r, b);
	boot_free(b);
	fill(r);
	end_if_done(r);
}

static void fill(struct repeat *r)
{
	struct err e;

	for (int i = 0; i < r->jobs; i++) {
		if (r->boots[i] || !r->left || r->interrupted || r->failed)
			continue;
		r->left--;
		if (boot_start(&r->loop, r->lab, r->spec, on_boot, r,
			       &r->boots[i], &e)) {
			r->failed++;
			str_addf(&r->why, "%s\n", e.text);
		} else {
			r->running++;
		}
	}
}

static void on_stop(void *arg)
{
	struct repeat *r = arg;

	r->interrupted = true;
	for (int i = 0; i < r->jobs; i++)
		if (r->boots[i])
			boot_stop(r->boots[i]);
	end_if_done(r);
}

static void repeat_all(struct repeat *r)
{
	BUG(uv_loop_init(&r->loop));
	r->boots = xcalloc((size_t)r->jobs, sizeof(struct boot *));
	stop_watch(&r->stop, &r->loop, on_stop, r);
	fill(r);
	end_if_done(r);
	uv_run(&r->loop, UV_RUN_DEFAULT);
	BUG(uv_loop_close(&r->loop));
	free(r->boots);
}

static int print(struct ctx *c, struct repeat *r, const char *id)
{
	const char *then = spec_text(r->spec, NULL, "qemu");
	const char *now = r->lab->qemu.build;

	if (c->json) {
		json_t *o = json_pack("{s:s, s:i, s:i, s:i, s:s, s:s, s:s}",
				      "boot", id, "equal", r->equal,
				      "different", r->different, "failed",
				      r->failed, "qemu_then", then, "qemu_now",
				      now, "why", r->why.buf ? r->why.buf : "");

		cmd_print_json(o);
	} else if (r->equal && !r->different && !r->failed) {
		printf("boot %s: equal in %d of %d repeats: every sample, "
		       "frame "
		       "and console byte\n",
		       id, r->equal, r->equal);
	} else {
		printf("boot %s: %d equal, %d different, %d failed\n%s", id,
		       r->equal, r->different, r->failed,
		       r->why.buf ? r->why.buf : "");
	}
	if (strcmp(then, now))
		cmd_say("the boot was made with QEMU %s, this is %s", then,
			now);
	if (r->interrupted)
		return EXIT_INTERRUPTED;
	if (r->failed)
		return ERR_LAB;
	return r->different ? EXIT_CHANGED : EXIT_DONE;
}

static int repeat(struct ctx *c, struct lab *lab, int times, struct err *e)
{
	struct repeat r = {.lab = lab, .jobs = c->jobs, .left = times};
	char *path;
	int code;

	if (cmd_find_boot(lab, c->argv[0], &r.original, e))
		return cmd_fail(e);
	path = xasprintf("%s/spec.json", r.original);
	if (spec_load(path, &r.spec, e) || lab_need_qemu(lab, e)) {
		code = cmd_fail(e);
	} else if (c->dry_run) {
		code = EXIT_DONE;
		if (c->json)
			cmd_print_json(json_pack("{s:s, s:i, s:b}", "boot",
						 strrchr(r.original, '/') + 1,
						 "times", times, "dry_run", 1));
		else
			printf("would boot %s %d times\n", r.original, times);
	} else {
		repeat_all(&r);
		code = print(c, &r, strrchr(r.original, '/') + 1);
	}
	json_decref(r.spec);
	str_release(&r.why);
	free(r.original);
	free(path);
	return code;
}

static int cmd_main(struct ctx *c)
{
	const char *text = ctx_option(c, "times");
	long long times = 1;
	struct lab lab;
	struct err e;
	int code;

	if (text && !str_to_ll(text, 1, 100000, &times)) {
		cmd_say("klab: '--times %s' is not a number from 1 to 100000",
			text);
		return ERR_USER;
	}
	if (lab_open(c->lab_dir, c->share, LAB_CHANGE, &lab, &e))
		return cmd_fail(&e);
	code = repeat(c, &lab, (int)times, &e);
	lab_close(&lab);
	return code;
}

const struct cmd cmd_reproduce = {
	.name = "reproduce",
	.args = "BOOT",
	.summary = "repeat one boot and compare every sample and the console",
	.min_args = 1,
	.max_args = 1,
	.options = {{"times", "N", "repeat so many times (1)"}},
	.run = cmd_main,
};

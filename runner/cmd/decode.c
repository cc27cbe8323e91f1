/* klab decode: the findings of one boot, with symbols resolved. */
#include "cmd/cmd.h"

#include "base/file.h"
#include "base/str.h"
#include "console/console.h"
#include "console/decode.h"
#include "kernel/store.h"
#include "lab/collect.h"
#include "lab/lab.h"
#include "lab/spec.h"

#include <errno.h>
#include <jansson.h>

struct decoding {
	char *dir;  /* of the boot */
	char *note; /* why there are no source lines; NULL: there are */
	struct console *console;
	const struct finding *list;
	size_t n;
	struct str stacks;  /* of a boot that hung; or empty */
	struct decoder *by; /* NULL: nothing is known of the kernel */
};

/* ---- the boot ---- */

static int read_console(struct decoding *d, struct err *e)
{
	char *path = xasprintf("%s/console.log", d->dir);
	struct str text = STR_INIT;
	int r = 0;

	if (!file_exists(path))
		r = err_user(e, "boot '%s' has no console.log", d->dir);
	if (!r)
		r = file_read(path, GUEST_FILE_CAP, &text, e);
	if (!r)
		r = console_new(NULL, &d->console, e);
	if (!r) {
		console_feed(d->console, text.buf, text.len);
		console_end(d->console);
		d->n = console_findings(d->console, &d->list);
	}
	str_release(&text);
	free(path);
	return r;
}

static int read_stacks(struct decoding *d, struct err *e)
{
	char *path = xasprintf("%s/stacks.txt", d->dir), *line;
	struct str text = STR_INIT;
	int r = 0;

	if (file_exists(path))
		r = file_read(path, GUEST_FILE_CAP, &text, e);
	for (char *rest = text.buf; !r && (line = strsep(&rest, "\n"));) {
		str_plain(line);
		str_addf(&d->stacks, *line || rest ? "%s\n" : "%s", line);
	}
	str_release(&text);
	free(path);
	return r;
}

/* ---- the kernel ---- */

static int find_kernel(const struct decoding *d, const struct lab *lab,
		       struct kernel *k, struct err *e)
{
	char *path = xasprintf("%s/spec.json", d->dir);
	json_t *spec;
	int r = spec_load(path, &spec, e);

	if (!r) {
		r = kernel_store_find(lab->dir,
				      spec_text(spec, "kernel", "key"), k, e);
		json_decref(spec);
	}
	free(path);
	return r;
}

static void say_no_lines(struct decoding *d, const struct kernel *k)
{
	if (d->by)
		d->note = xasprintf(
			"the kernel in '%s' has no debug data, so there are "
			"addresses but no source lines; '--vmlinux FILE' takes "
			"them from the vmlinux of a build with "
			"CONFIG_DEBUG_INFO",
			k->dir);
	else if (!k->dir)
		d->note = xstrdup("the lab has this boot's kernel no more, so "
				  "functions are shown as the kernel printed "
				  "them");
	else
		d->note = xasprintf(
			"the kernel in '%s' has neither symbols nor a "
			"System.map, so functions are shown as the kernel "
			"printed them",
			k->dir);
}

/* The symbols of the boot's kernel, from the best there is. */
static int open_symbols(struct decoding *d, const struct kernel *k,
			const char *vmlinux, struct err *e)
{
	struct err why;
	int r = 0;

	if (vmlinux)
		r = decoder_new(vmlinux, NULL, &d->by, e);
	else if ((!k->pvh || decoder_new(k->boot_path, NULL, &d->by, &why)) &&
		 k->map_path)
		r = decoder_new(NULL, k->map_path, &d->by, e);
	if (r)
		return r;
	if (d->by && vmlinux && !decoder_has_lines(d->by))
		return err_user(e,
				"'%s' has no debug data: give the vmlinux of a "
				"build with CONFIG_DEBUG_INFO",
				vmlinux);
	if (!d->by || !decoder_has_lines(d->by))
		say_no_lines(d, k);
	return 0;
}

static int resolve(struct decoding *d, struct err *e)
{
	if (!d->by)
		return 0;
	for (size_t i = 0; i < d->n; i++)
		decoder_add(d->by, d->list[i].excerpt);
	if (d->stacks.len)
		decoder_add(d->by, d->stacks.buf);
	return decoder_run(d->by, e);
}

/* ---- what comes out ---- */

static void print_text(const struct decoding *d, const char *text)
{
	struct str out = STR_INIT;

	if (d->by)
		decoder_print(d->by, text, &out);
	else
		str_adds(&out, text);
	fputs(out.buf ? out.buf : "", stdout);
	str_release(&out);
}

static void print_finding(const struct decoding *d, const struct finding *f)
{
	printf("%s", finding_kind_name(f->kind));
	if (*f->function)
		printf(" in %s", f->function);
	printf(", line %zu", f->line);
	if (f->us >= 0)
		printf(", %lld.%06lld s", (long long)f->us / 1000000,
		       (long long)f->us % 1000000);
	if (f->count > 1)
		printf(", %zu times", f->count);
	if (f->consequence)
		printf(", a consequence of what is above");
	else if (f->fatal)
		printf(", the kernel did not go on");
	printf(" (%s)\n\n", f->signature);
	print_text(d, f->excerpt);
	putchar('\n');
}

static void print_all(const struct decoding *d)
{
	for (size_t i = 0; i < d->n; i++)
		print_finding(d, &d->list[i]);
	if (d->stacks.len) {
		puts("the vCPUs when the guest was stopped\n");
		print_text(d, d->stacks.buf);
	}
	if (!d->n && !d->stacks.len)
		cmd_say("boot '%s' has no findings", d->dir);
	else if (d->note)
		cmd_say("klab: %s", d->note);
}

static json_t *frames(const struct decoding *d, const char *text)
{
	return d->by ? decoder_json(d->by, text) : json_array();
}

static json_t *json_finding(const struct decoding *d, const struct finding *f)
{
	return json_pack(
		"{s:s, s:s, s:i, s:s, s:s, s:I, s:I, s:I, s:b, s:b, "
		"s:s, s:s, s:o}",
		"kind", finding_kind_name(f->kind), "function", f->function,
		"offset", (int)f->offset, "first_line", f->first_line, "detail",
		f->detail, "us", (json_int_t)f->us, "line", (json_int_t)f->line,
		"count", (json_int_t)f->count, "fatal", f->fatal, "consequence",
		f->consequence, "signature", f->signature, "excerpt",
		f->excerpt, "frames", frames(d, f->excerpt));
}

static void print_json(const struct decoding *d)
{
	json_t *list = json_array();
	json_t *o = json_pack("{s:s, s:o, s:s?}", "boot", d->dir, "findings",
			      list, "note", d->note);

	for (size_t i = 0; i < d->n; i++)
		json_array_append_new(list, json_finding(d, &d->list[i]));
	if (d->stacks.len) {
		json_object_set_new(o, "stacks", json_string(d->stacks.buf));
		json_object_set_new(o, "stack_frames",
				    frames(d, d->stacks.buf));
	}
	cmd_print_json(o);
}

static int decode(struct ctx *c, const struct lab *lab, struct decoding *d,
		  struct err *e)
{
	struct kernel k = {0};
	int r = cmd_find_boot(lab, c->argv[0], &d->dir, e);

	if (!r)
		r = read_console(d, e);
	if (!r)
		r = read_stacks(d, e);
	if (!r)
		r = find_kernel(d, lab, &k, e);
	if (r == -ENOENT && !ctx_option(c, "vmlinux"))
		r = 0; /* dropped by gc; say_no_lines() tells */
	if (!r)
		r = open_symbols(d, &k, ctx_option(c, "vmlinux"), e);
	if (!r)
		r = resolve(d, e);
	kernel_release(&k);
	return r;
}

static int cmd_main(struct ctx *c)
{
	struct decoding d = {0};
	struct lab lab;
	struct err e;
	int code = EXIT_DONE;

	if (lab_open(c->lab_dir, c->share, LAB_READ, &lab, &e))
		return cmd_fail(&e);
	if (decode(c, &lab, &d, &e))
		code = cmd_fail(&e);
	else if (c->json)
		print_json(&d);
	else
		print_all(&d);
	decoder_free(d.by);
	console_free(d.console);
	str_release(&d.stacks);
	free(d.note);
	free(d.dir);
	lab_close(&lab);
	return code;
}

const struct cmd cmd_decode = {
	.name = "decode",
	.args = "BOOT",
	.summary = "what went wrong in a boot, with source lines",
	.min_args = 1,
	.max_args = 1,
	.options = {{"vmlinux", "FILE",
		     "take symbols and lines from this vmlinux"}},
	.run = cmd_main,
};

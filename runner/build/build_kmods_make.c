/*
 * The makes that build modules, one after the other.
 */
#include "build/build_kmods.h"

#include "base/job.h"
#include "build/build_int.h"
#include "build/buildlog.h"

#include <errno.h>
#include <unistd.h>

#define DEADLINE_MS 600000
#define SYMVERS "vmlinux.symvers"

static void next(struct build_kmods *m);

/* ---- folders ---- */

static int put_one(const struct build_kmods *m, const struct build_kmod *k,
		   struct err *e)
{
	char *folder = xasprintf("%s/%s", m->folder, k->name);
	char *kbuild = xasprintf("%s/Kbuild", folder);
	char *text = xasprintf("obj-m := %s.o\n", k->name);
	int r = file_mkdirs(folder, e);

	if (!r)
		r = file_put(kbuild, text, strlen(text), e);
	for (size_t i = 0; !r && i < k->nfiles; i++) {
		const struct build_kmod_file *f = &k->files[i];
		char *path = xasprintf("%s/%s", folder, f->name);

		r = file_put(path, f->text.buf, f->text.len, e);
		free(path);
	}
	free(text);
	free(kbuild);
	free(folder);
	return r;
}

/* A new folder each time: what a build left in one is not to be trusted. */
static int put_sources(const struct build_kmods *m, struct err *e)
{
	int r = file_remove(m->folder, e);

	for (size_t i = 0; !r && i < m->n; i++)
		r = put_one(m, &m->at[i], e);
	return r;
}

static char *log_path(const struct build_kmods *m)
{
	return m->next ? xasprintf("%s/%s.log", m->folder,
				   m->at[m->next - 1].name)
		       : xasprintf("%s/prepare.log", m->folder);
}

/* ---- results ---- */

/* "ERROR: modpost: "foo" [/klab/kmods/x.ko] undefined!", which trees before 6.7
 * only warn of where there is no Module.symvers. */
static char *missing_symbol(const char *log)
{
	const char *end = strstr(log, ".ko] undefined!"), *from, *to;

	if (!end)
		return NULL;
	for (from = end; from > log && from[-1] != '\n'; from--)
		;
	from = memchr(from, '"', (size_t)(end - from));
	to = from ? memchr(from + 1, '"', (size_t)(end - from - 1)) : NULL;
	if (!to)
		return NULL;
	return xasprintf("it needs '%.*s', which this kernel does not export "
			 "to modules",
			 (int)(to - from - 1), from + 1);
}

/* Says why each module from `next` on, or just that one, is not built. */
static void set_why(struct build_kmods *m, const char *text)
{
	size_t from = m->next ? m->next - 1 : 0;
	size_t to = m->next ? m->next : m->n;

	for (size_t i = from; i < to; i++) {
		free(m->at[i].why);
		m->at[i].why = xstrdup(text);
		str_plain(m->at[i].why);
	}
}

static void judge(struct build_kmods *m, const struct job_result *r,
		  const struct str *log)
{
	const struct sandbox *box = m->rq->box;
	char *folder = xasprintf("%s/%s", m->folder,
				 m->next ? m->at[m->next - 1].name : "");
	struct buildlog l;
	char *why, how[64], *otherwise;

	buildlog_parse(log->buf, log->len,
		       !m->next ? sandbox_src(box)
				: (box->off ? folder : SANDBOX_MODULE),
		       sandbox_obj(box), &l);
	if (l.trouble || r->signal || r->exit > 125 || r->deadline) {
		m->trouble =
			l.trouble
				? xstrdup(l.trouble)
				: xasprintf("make of a module ended (%s); its "
					    "output ends with \"%s\"",
					    job_describe(r, how, sizeof(how)),
					    l.tail);
	} else {
		otherwise = xasprintf("make failed; its output ends with "
				      "\"%s\"",
				      l.tail);
		why = missing_symbol(log->buf);
		if (!why)
			why = buildlog_reason(l.errors, l.n, NULL, otherwise);
		set_why(m, why);
		free(why);
		free(otherwise);
	}
	buildlog_release(&l);
	free(folder);
}

static void look(struct build_kmods *m, const struct job_result *r)
{
	bool well = !r->exit && !r->signal && !r->deadline;
	char *path = log_path(m), *symbol = NULL;
	struct str log = STR_INIT;
	struct err e;

	str_add(&log, "", 0);
	if (buildlog_read(path, &log, &e)) {
		m->trouble = xstrdup(e.text);
	} else if (!well) {
		judge(m, r, &log);
	} else if (m->next) {
		symbol = missing_symbol(log.buf);
		if (symbol)
			set_why(m, symbol);
		m->at[m->next - 1].built = !symbol;
	}
	str_add(&m->log, log.buf, log.len);
	free(symbol);
	str_release(&log);
	free(path);
}

/* ---- make ---- */

static bool has_symvers(const struct build_kmods *m)
{
	const struct build_obj o = {.path = m->rq->box->obj};
	struct err ignored;
	int fd;

	if (build_obj_open(&o, SYMVERS, &fd, &ignored))
		return false;
	close(fd);
	return true;
}

/* Nothing is built as module but ours, so there is no Module.symvers; that of
 * vmlinux says all that it exports. */
static void module_argv(const struct build_kmods *m, const struct sandbox *box,
			struct strv *argv)
{
	strv_addf(argv, "M=%s", sandbox_module(box));
	if (has_symvers(m))
		strv_addf(argv, "KBUILD_EXTRA_SYMBOLS=%s/" SYMVERS,
			  sandbox_obj(box));
	else
		strv_add(argv, "KBUILD_MODPOST_WARN=1");
	strv_add(argv, "modules");
}

static void make_argv(const struct build_kmods *m, struct strv *argv)
{
	const struct build_request *rq = m->rq;
	struct sandbox box = *rq->box;
	char *folder = NULL;

	if (m->next)
		folder = xasprintf("%s/%s", m->folder, m->at[m->next - 1].name);
	box.module = folder;
	sandbox_argv(&box, argv);
	build_make_words(rq, argv);
	if (m->next)
		module_argv(m, &box, argv);
	else
		strv_add(argv, "modules_prepare");
	free(folder);
}

static void on_made(const struct job_result *r, void *arg)
{
	struct build_kmods *m = arg;

	*m->job = NULL;
	m->stopped = r->stopped;
	if (m->stopped) {
		m->done(m->arg);
		return;
	}
	look(m, r);
	m->next = !m->next && m->at[0].why ? m->n + 1 : m->next + 1;
	next(m);
}

static int start_make(struct build_kmods *m, struct err *e)
{
	struct strv argv = STRV_INIT;
	char *log = log_path(m);
	struct job_spec spec = {.deadline_ms = DEADLINE_MS,
				.file_cap = BUILD_FILE_CAP,
				.log_path = log,
				.done = on_made,
				.arg = m};
	int r;

	make_argv(m, &argv);
	spec.argv = (const char *const *)argv.v;
	r = job_start(m->loop, &spec, m->job, e);
	strv_release(&argv);
	free(log);
	return r;
}

/* The next one, or the end. */
static void next(struct build_kmods *m)
{
	struct err e;

	if (m->trouble || m->next > m->n) {
		m->done(m->arg);
	} else if (start_make(m, &e)) {
		m->trouble = xstrdup(e.text);
		m->done(m->arg);
	}
}

int build_kmods_start(struct build_kmods *m, uv_loop_t *loop,
		      const struct build_request *rq,
		      const struct build_config *c, struct job **job,
		      void (*done)(void *arg), void *arg, struct err *e)
{
	m->loop = loop;
	m->rq = rq;
	m->job = job;
	m->done = done;
	m->arg = arg;
	m->next = 0;
	/* It may be the second try, in a new object folder. */
	for (size_t i = 0; i < m->n; i++) {
		free(m->at[i].why);
		m->at[i].why = NULL;
		m->at[i].built = false;
	}
	str_release(&m->log);
	free(m->folder);
	m->folder = xasprintf("%s.kmods", rq->box->obj);
	if (!c->modules) {
		set_why(m, "this kernel takes no modules: its config has no "
			   "MODULES=y");
		done(arg);
		return 0;
	}
	if (put_sources(m, e))
		return -1;
	return start_make(m, e);
}

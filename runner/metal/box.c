#include "metal/box.h"

#include "base/err.h"
#include "base/file.h"
#include "base/str.h"
#include "metal/console.h"

#include <errno.h>
#include <stdarg.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define TICK_MS 200
#define POWER_MS 120000

static const char target_script[] =
#include "target.h"
	;

/* ---- the loop ---- */

static void on_tick(uv_timer_t *t)
{
	(void)t; /* ends uv_run(), and with it a wait that has an end */
}

static void on_stop(void *arg)
{
	struct box *b = arg;

	b->stopped = true;
	if (b->front && !b->insist)
		job_stop(b->front);
}

int box_open(struct box *b, const struct metal_conf *c, struct err *e)
{
	*b = (struct box){.conf = c, .pty = -1};
	b->log = fopen(BOX_LOG, "ae");
	if (!b->log)
		return err_sys(e, errno, "cannot open '%s'", BOX_LOG);
	setvbuf(b->log, NULL, _IOLBF, 0);
	BUG(uv_loop_init(&b->loop));
	BUG(uv_timer_init(&b->loop, &b->tick));
	b->began = uv_now(&b->loop);
	uv_timer_start(&b->tick, on_tick, TICK_MS, TICK_MS);
	stop_watch(&b->stop, &b->loop, on_stop, b);
	return 0;
}

static void end_job(struct box *b, struct job **job)
{
	if (*job)
		job_stop(*job);
	while (*job)
		uv_run(&b->loop, UV_RUN_ONCE);
}

void box_close(struct box *b)
{
	box_disconnect(b);
	end_job(b, &b->console);
	console_hang_up(b);
	stop_unwatch(&b->stop);
	uv_close((uv_handle_t *)&b->tick, NULL);
	uv_run(&b->loop, UV_RUN_DEFAULT);
	BUG(uv_loop_close(&b->loop));
	job_result_release(&b->result);
	b->result = (struct job_result){0};
	fclose(b->log);
}

void box_say(struct box *b, const char *fmt, ...)
{
	struct str line = STR_INIT;
	char text[1200];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	str_plain(text);
	str_addf(&line, "%8.1f %s\n", (double)box_now(b) / 1000, text);
	fputs(line.buf, b->log);
	str_release(&line);
}

void box_insist(struct box *b)
{
	b->insist = true;
}

uint64_t box_now(struct box *b)
{
	uv_update_time(&b->loop);
	return uv_now(&b->loop) - b->began;
}

static int interrupted(struct err *e)
{
	err_lab(e, "klab was asked to stop");
	return -EINTR;
}

int box_sleep(struct box *b, uint64_t ms, struct err *e)
{
	uint64_t end = box_now(b) + ms;

	while (box_now(b) < end) {
		if (b->stopped && !b->insist)
			return interrupted(e);
		uv_run(&b->loop, UV_RUN_ONCE);
	}
	return 0;
}

/* ---- one command ---- */

static void on_front(const struct job_result *r, void *arg)
{
	struct box *b = arg;

	job_result_release(&b->result);
	b->result = *r;
	b->result.out = (struct str)STR_INIT;
	b->result.err = (struct str)STR_INIT;
	str_add(&b->result.out, r->out.buf, r->out.len);
	str_add(&b->result.err, r->err.buf, r->err.len);
	b->front = NULL;
	b->front_done = true;
}

static int run(struct box *b, struct job_spec *spec, struct err *e)
{
	if (b->stopped && !b->insist)
		return interrupted(e);
	spec->done = on_front;
	spec->arg = b;
	b->front_done = false;
	if (job_start(&b->loop, spec, &b->front, e))
		return -EIO;
	while (!b->front_done)
		uv_run(&b->loop, UV_RUN_ONCE);
	return b->result.stopped ? interrupted(e) : 0;
}

/* The last line that a command said on stderr, or how it ended. */
static const char *describe(const struct job_result *r, char *buf, size_t size)
{
	const char *text = r->err.buf ? r->err.buf : "";
	size_t end = r->err.len, at;

	while (end && strchr("\r\n", text[end - 1]))
		end--;
	for (at = end; at && text[at - 1] != '\n';)
		at--;
	if (at == end || r->deadline)
		return job_describe(r, buf, size);
	snprintf(buf, size, "%.*s", (int)(end - at), text + at);
	str_plain(buf);
	return buf;
}

/* ---- ssh ---- */

static void ssh_options(const struct metal_conf *c, struct strv *argv)
{
	int alive = c->hang_s / 4 ? c->hang_s / 4 : 1;
	const json_t *word;
	size_t i;

	strv_add(argv, "ssh");
	strv_add(argv, "-T");
	strv_add(argv, "-oBatchMode=yes");
	strv_add(argv, "-oStrictHostKeyChecking=yes");
	strv_add(argv, "-oLogLevel=ERROR");
	strv_add(argv, "-oForwardAgent=no");
	strv_add(argv, "-oForwardX11=no");
	strv_add(argv, "-oControlPersist=no");
	strv_addf(argv, "-oConnectTimeout=%d", c->ssh_timeout_s);
	strv_addf(argv, "-oServerAliveInterval=%d", alive);
	strv_add(argv, "-oServerAliveCountMax=4");
	strv_add(argv, "-oControlPath=" BOX_SOCKET);
	if (c->ssh_port)
		strv_addf(argv, "-p%d", c->ssh_port);
	if (c->identity) {
		strv_addf(argv, "-i%s", c->identity);
		strv_add(argv, "-oIdentitiesOnly=yes");
	}
	if (c->known_hosts) {
		strv_addf(argv, "-oUserKnownHostsFile=%s", c->known_hosts);
		strv_add(argv, "-oGlobalKnownHostsFile=/dev/null");
	}
	json_array_foreach(c->options, i, word)
		strv_addf(argv, "-o%s", json_string_value(word));
}

static void on_master(const struct job_result *r, void *arg)
{
	struct box *b = arg;

	b->master = NULL;
	unlink(BOX_SOCKET);
	describe(r, b->broke, sizeof(b->broke));
}

bool box_connected(const struct box *b)
{
	return b->master && file_exists(BOX_SOCKET);
}

void box_disconnect(struct box *b)
{
	end_job(b, &b->master);
}

int box_try(struct box *b, struct err *e)
{
	const struct metal_conf *c = b->conf;
	uint64_t end = box_now(b) + (uint64_t)c->ssh_timeout_s * 1000;
	struct strv argv = STRV_INIT;
	struct job_spec spec = {.done = on_master, .arg = b};
	int r;

	box_disconnect(b);
	unlink(BOX_SOCKET);
	ssh_options(c, &argv);
	strv_add(&argv, "-oControlMaster=yes");
	strv_add(&argv, "-N");
	strv_add(&argv, "--");
	strv_add(&argv, c->ssh);
	spec.argv = (const char *const *)argv.v;
	r = job_start(&b->loop, &spec, &b->master, e);
	while (!r && b->master && !file_exists(BOX_SOCKET) && box_now(b) < end)
		r = box_sleep(b, 100, e);
	strv_release(&argv);
	if (r)
		return r;
	if (box_connected(b))
		return 0;
	if (b->master) {
		box_disconnect(b);
		err_lab(e, "no answer in %d s", c->ssh_timeout_s);
	} else {
		err_lab(e, "%s", b->broke);
	}
	return -ENOLINK;
}

int box_connect(struct box *b, uint64_t ms, struct err *e)
{
	uint64_t end = box_now(b) + ms;
	int r;

	while ((r = box_try(b, e)) == -ENOLINK) {
		/* Waiting does not help where the box knows us not. */
		if (strstr(e->text, "erification failed") ||
		    strstr(e->text, "ermission denied") ||
		    strstr(e->text, "ould not resolve") || box_now(b) >= end)
			break;
		if ((r = box_sleep(b, 1000, e)))
			break;
	}
	if (r == -ENOLINK)
		err_prefix(e, "box '%s': ssh to '%s' fails", b->conf->machine,
			   b->conf->ssh);
	return r;
}

/* All that a verb said, for who looks why it failed. */
static void log_words(struct box *b)
{
	const char *text = b->result.err.buf ? b->result.err.buf : "";

	for (size_t n; *text; text += n + (text[n] == '\n')) {
		n = strcspn(text, "\n");
		box_say(b, "| %.*s", n < 500 ? (int)n : 500, text);
	}
}

static int judge(struct box *b, const char *verb, struct err *e)
{
	const struct job_result *res = &b->result;
	char words[300];

	if (res->deadline) {
		err_lab(e, "box '%s': '%s' took longer than %.0f s",
			b->conf->machine, verb, (double)res->wall_ms / 1000);
		return -ETIMEDOUT;
	}
	if (!res->exit && !res->signal)
		return 0;
	log_words(b);
	describe(&b->result, words, sizeof(words));
	/* 255 is ssh's own, and what is killed had lost its connection. */
	if (res->signal || res->exit == 255) {
		err_lab(e, "box '%s': the connection broke during '%s': %s",
			b->conf->machine, verb, words);
		return -ENOLINK;
	}
	return err_lab(e, "box '%s': %s: %s", b->conf->machine, verb, words);
}

int box_do(struct box *b, const char *verb, const char *const *words, int in,
	   uint64_t ms, struct err *e)
{
	struct strv remote = STRV_INIT, argv = STRV_INIT;
	struct job_spec spec = {
		.deadline_ms = ms, .in = in, .out_cap = 16u << 20};
	bool root = str_starts(b->conf->ssh, "root@");
	char *line;
	int r;

	if (!root) {
		strv_add(&remote, "sudo");
		strv_add(&remote, "-n");
	}
	strv_add(&remote, "sh");
	strv_add(&remote, "-c");
	strv_add(&remote, target_script);
	strv_add(&remote, "klab");
	strv_add(&remote, verb);
	for (; words && *words; words++)
		strv_add(&remote, *words);
	line = strv_shell(&remote);
	ssh_options(b->conf, &argv);
	strv_add(&argv, "-oControlMaster=no");
	strv_add(&argv, "--");
	strv_add(&argv, b->conf->ssh);
	strv_add(&argv, line);
	spec.argv = (const char *const *)argv.v;
	r = box_connected(b) ? 0 : box_try(b, e);
	if (!r)
		r = run(b, &spec, e);
	if (!r)
		r = judge(b, verb, e);
	strv_release(&remote);
	strv_release(&argv);
	free(line);
	return r;
}

int box_ask(struct box *b, const char *verb, const char *const *words,
	    struct err *e)
{
	return box_do(b, verb, words, 0,
		      (uint64_t)b->conf->ssh_timeout_s * 1000, e);
}

/* ---- power ---- */

int box_power_cycle(struct box *b, struct err *e)
{
	const char *command = b->conf->power_cycle;
	struct job_spec spec = {.deadline_ms = POWER_MS};
	char words[300];
	int r;

	if (!command)
		return err_lab(e,
			       "box '%s' needs hands: it does not answer, and "
			       "its machine file has no power_cycle command",
			       b->conf->machine);
	box_disconnect(b);
	box_say(b, "power cycle: %s", command);
	spec.argv = (const char *const[]){"sh", "-c", command, NULL};
	r = run(b, &spec, e);
	if (r || (!b->result.exit && !b->result.signal && !b->result.deadline))
		return r;
	return err_lab(e,
		       "box '%s' needs hands: it does not answer, and its "
		       "power_cycle command '%s' failed: %s",
		       b->conf->machine, command,
		       describe(&b->result, words, sizeof(words)));
}

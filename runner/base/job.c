#include "base/job.h"

#include "base/err.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#define OUT_CAP (1 << 20)
#define ERR_CAP 8192
#define TERM_GRACE_MS 2000
#define PIPE_GRACE_MS 500

extern char **environ;

enum { PIPE_OUT, PIPE_ERR, NPIPES };

struct job {
	uv_process_t process;
	uv_timer_t timer;
	uv_pipe_t pipe[NPIPES];
	bool piped, exited, killed;
	int open_handles, open_pipes;
	size_t out_cap;
	uint64_t start_ms, term_ms;
	struct job_result result;
	char chunk[16384];
	job_done_fn done;
	void *arg;
};

static void on_closed(uv_handle_t *h)
{
	struct job *j = h->data;

	if (--j->open_handles)
		return;
	j->done(&j->result, j->arg);
	job_result_release(&j->result);
	free(j);
}

static void close_handle(struct job *j, uv_handle_t *h)
{
	if (uv_is_closing(h))
		return;
	h->data = j;
	uv_close(h, on_closed);
}

static void kill_group(struct job *j, int sig)
{
	kill(-j->process.pid, sig);
}

static void finish(struct job *j)
{
	kill_group(j, SIGKILL);
	j->result.wall_ms = uv_now(j->process.loop) - j->start_ms;
	if (j->piped)
		for (int i = 0; i < NPIPES; i++)
			close_handle(j, (uv_handle_t *)&j->pipe[i]);
	close_handle(j, (uv_handle_t *)&j->timer);
	close_handle(j, (uv_handle_t *)&j->process);
}

static void on_alloc(uv_handle_t *h, size_t hint, uv_buf_t *buf)
{
	struct job *j = h->data;

	(void)hint;
	*buf = uv_buf_init(j->chunk, sizeof(j->chunk));
}

static void keep_head(struct job *j, const char *data, size_t n)
{
	size_t room = j->out_cap - j->result.out.len;

	if (n > room) {
		j->result.out_cut = true;
		n = room;
	}
	str_add(&j->result.out, data, n);
}

static void keep_tail(struct str *s, const char *data, size_t n)
{
	str_add(s, data, n);
	if (s->len > 2 * ERR_CAP) {
		memmove(s->buf, s->buf + s->len - ERR_CAP, ERR_CAP + 1);
		s->len = ERR_CAP;
	}
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
	struct job *j = stream->data;

	if (n > 0 && stream == (uv_stream_t *)&j->pipe[PIPE_OUT])
		keep_head(j, buf->base, (size_t)n);
	else if (n > 0)
		keep_tail(&j->result.err, buf->base, (size_t)n);
	if (n >= 0)
		return;
	uv_read_stop(stream);
	if (--j->open_pipes == 0 && j->exited)
		finish(j);
}

static void on_grace_over(uv_timer_t *t)
{
	finish(t->data);
}

static void on_exit_status(uv_process_t *p, int64_t status, int sig)
{
	struct job *j = p->data;

	j->exited = true;
	j->result.exit = (int)status;
	j->result.signal = sig;
	uv_timer_stop(&j->timer);
	if (j->open_pipes)
		uv_timer_start(&j->timer, on_grace_over, PIPE_GRACE_MS, 0);
	else
		finish(j);
}

static void on_term_ignored(uv_timer_t *t)
{
	kill_group(t->data, SIGKILL);
}

static void terminate(struct job *j)
{
	if (j->killed || j->exited)
		return;
	j->killed = true;
	kill_group(j, SIGTERM);
	uv_timer_start(&j->timer, on_term_ignored, j->term_ms, 0);
}

static void on_deadline(uv_timer_t *t)
{
	struct job *j = t->data;

	j->result.deadline = true;
	terminate(j);
}

void job_stop(struct job *j)
{
	if (j->exited)
		return;
	j->result.stopped = true;
	terminate(j);
}

int job_pid(const struct job *j)
{
	return j->process.pid;
}

/* The child as it is really started: it dies with us, its files have a cap. */
static void wrap(struct strv *argv, const struct job_spec *spec)
{
	strv_add(argv, "setpriv");
	strv_add(argv, "--pdeathsig");
	strv_add(argv, "KILL");
	if (spec->file_cap) {
		strv_add(argv, "prlimit");
		strv_addf(argv, "--fsize=%llu",
			  (unsigned long long)spec->file_cap);
		strv_add(argv, "--core=0");
	}
	for (size_t i = 0; spec->argv[i]; i++)
		strv_add(argv, spec->argv[i]);
}

static bool overridden(const char *entry, const char *const *add)
{
	size_t n = strcspn(entry, "=") + 1;

	for (; add && *add; add++)
		if (!strncmp(entry, *add, n))
			return true;
	return false;
}

static void environment(struct strv *env, const char *const *add)
{
	for (char **v = environ; *v; v++)
		if (!overridden(*v, add))
			strv_add(env, *v);
	for (; add && *add; add++)
		strv_add(env, *add);
}

static void start_reading(struct job *j)
{
	j->open_pipes = NPIPES;
	for (int i = 0; i < NPIPES; i++)
		uv_read_start((uv_stream_t *)&j->pipe[i], on_alloc, on_read);
}

static int spawn(struct job *j, uv_loop_t *loop, const struct job_spec *spec,
		 int log_fd)
{
	uv_stdio_container_t io[3] = {{.flags = UV_IGNORE}};
	struct strv argv = STRV_INIT, env = STRV_INIT;
	uv_process_options_t o = {.exit_cb = on_exit_status};
	int r;

	if (spec->in) {
		io[0].flags = UV_INHERIT_FD;
		io[0].data.fd = spec->in;
	}
	wrap(&argv, spec);
	environment(&env, spec->env_add);
	for (int i = 0; i < NPIPES; i++) {
		if (log_fd >= 0 || spec->inherit) {
			io[i + 1].flags = UV_INHERIT_FD;
			io[i + 1].data.fd = spec->inherit ? i + 1 : log_fd;
			continue;
		}
		uv_pipe_init(loop, &j->pipe[i], 0);
		j->pipe[i].data = j;
		j->open_handles++;
		io[i + 1].flags = UV_CREATE_PIPE | UV_WRITABLE_PIPE;
		io[i + 1].data.stream = (uv_stream_t *)&j->pipe[i];
	}
	j->piped = log_fd < 0 && !spec->inherit;
	o.file = argv.v[0];
	o.args = argv.v;
	o.env = env.v;
	o.cwd = spec->cwd;
	o.flags = UV_PROCESS_DETACHED;
	o.stdio = io;
	o.stdio_count = 3;
	j->process.data = j;
	r = uv_spawn(loop, &j->process, &o);
	j->open_handles++;
	strv_release(&argv);
	strv_release(&env);
	return r;
}

static void ignore_result(const struct job_result *r, void *arg)
{
	(void)r;
	(void)arg;
}

int job_start(uv_loop_t *loop, const struct job_spec *spec, struct job **out,
	      struct err *e)
{
	struct job *j;
	int log_fd = -1, r;

	if (spec->log_path) {
		log_fd = open(spec->log_path,
			      O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
		if (log_fd < 0)
			return err_sys(e, errno, "cannot open log '%s'",
				       spec->log_path);
	}
	j = xcalloc(1, sizeof(*j));
	j->done = spec->done;
	j->arg = spec->arg;
	j->out_cap = spec->out_cap ? spec->out_cap : OUT_CAP;
	j->term_ms = spec->term_ms ? spec->term_ms : TERM_GRACE_MS;
	uv_update_time(loop);
	j->start_ms = uv_now(loop);
	uv_timer_init(loop, &j->timer);
	j->timer.data = j;
	j->open_handles++;
	r = spawn(j, loop, spec, log_fd);
	if (log_fd >= 0)
		close(log_fd);
	if (r) {
		j->done = ignore_result;
		j->process.loop = loop;
		j->process.pid = 0;
		close_handle(j, (uv_handle_t *)&j->timer);
		for (int i = 0; j->piped && i < NPIPES; i++)
			close_handle(j, (uv_handle_t *)&j->pipe[i]);
		close_handle(j, (uv_handle_t *)&j->process);
		return err_sys(e, -r, "cannot start '%s'", spec->argv[0]);
	}
	if (j->piped)
		start_reading(j);
	if (spec->deadline_ms)
		uv_timer_start(&j->timer, on_deadline, spec->deadline_ms, 0);
	if (out)
		*out = j;
	return 0;
}

static void take_result(const struct job_result *r, void *arg)
{
	struct job_result *to = arg;

	*to = *r;
	to->out = (struct str)STR_INIT;
	to->err = (struct str)STR_INIT;
	str_add(&to->out, r->out.buf, r->out.len);
	str_add(&to->err, r->err.buf, r->err.len);
}

int job_run(const struct job_spec *spec, struct job_result *result,
	    struct err *e)
{
	struct job_spec own = *spec;
	uv_loop_t loop;
	int r;

	own.done = take_result;
	own.arg = result;
	*result = (struct job_result){0};
	uv_loop_init(&loop);
	r = job_start(&loop, &own, NULL, e);
	uv_run(&loop, UV_RUN_DEFAULT);
	BUG(uv_loop_close(&loop));
	return r;
}

void job_result_release(struct job_result *r)
{
	str_release(&r->out);
	str_release(&r->err);
}

const char *job_describe(const struct job_result *r, char *buf, size_t size)
{
	if (r->deadline)
		snprintf(buf, size, "deadline passed after %.1f s",
			 (double)r->wall_ms / 1000);
	else if (r->signal)
		snprintf(buf, size, "killed by signal %d (%s)", r->signal,
			 strsignal(r->signal));
	else
		snprintf(buf, size, "exit status %d", r->exit);
	return buf;
}

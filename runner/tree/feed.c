#include "tree/feed.h"

#include "base/err.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#define BUFFER (256u << 10)

static void on_done(const struct job_result *r, void *arg)
{
	struct feed *f = arg;

	f->result = *r;
	f->result.out = (struct str)STR_INIT;
	f->result.err = (struct str)STR_INIT;
	str_add(&f->result.err, r->err.buf, r->err.len);
	f->done = true;
}

static void on_writable(uv_poll_t *poll, int status, int events)
{
	struct feed *f = poll->data;

	(void)status;
	(void)events;
	f->writable = true;
	uv_poll_stop(poll);
}

static int start(struct feed *f, int in, struct err *e)
{
	struct strv argv = STRV_INIT, env = STRV_INIT;
	struct job_spec spec = {
		.cwd = f->call.dir,
		.in = in,
		.deadline_ms = f->call.deadline_ms,
		.done = on_done,
		.arg = f,
	};
	int r;

	git_prepare(&f->call, &argv, &env);
	spec.argv = (const char *const *)argv.v;
	spec.env_add = (const char *const *)env.v;
	r = job_start(&f->loop, &spec, &f->job, e);
	strv_release(&argv);
	strv_release(&env);
	return r;
}

/* A socket, since writing to a pipe that nobody reads raises a signal. */
int feed_open(struct feed *f, const struct git_call *c, struct err *e)
{
	int ends[2], r;

	*f = (struct feed){.call = *c, .fd = -1};
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends))
		return err_sys(e, errno, "cannot make a pair of sockets");
	uv_loop_init(&f->loop);
	r = start(f, ends[1], e);
	close(ends[1]);
	if (r) {
		close(ends[0]);
		uv_run(&f->loop, UV_RUN_DEFAULT);
		uv_loop_close(&f->loop);
		return r;
	}
	f->fd = ends[0];
	uv_poll_init(&f->loop, &f->poll, f->fd);
	f->poll.data = f;
	return 0;
}

static int wait_for_room(struct feed *f, struct err *e)
{
	f->writable = false;
	uv_poll_start(&f->poll, UV_WRITABLE, on_writable);
	while (!f->writable && !f->done)
		uv_run(&f->loop, UV_RUN_ONCE);
	return f->done ? git_failed(&f->call, &f->result, e) : 0;
}

static int flush(struct feed *f, struct err *e)
{
	const char *at = f->buffer.buf;
	size_t left = f->buffer.len;
	int r = 0;

	while (left && !r) {
		ssize_t n = send(f->fd, at, left, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n >= 0) {
			at += n;
			left -= (size_t)n;
		} else if (errno == EAGAIN) {
			r = wait_for_room(f, e);
		} else if (errno != EINTR) {
			/* It has ended, and says why. */
			while (!f->done)
				uv_run(&f->loop, UV_RUN_ONCE);
			r = git_failed(&f->call, &f->result, e);
		}
	}
	f->buffer.len = 0;
	return r;
}

int feed_write(struct feed *f, const void *data, size_t len, struct err *e)
{
	str_add(&f->buffer, data, len);
	return f->buffer.len < BUFFER ? 0 : flush(f, e);
}

int feed_close(struct feed *f, bool ok, struct err *e)
{
	int r = ok ? flush(f, e) : 0;

	uv_close((uv_handle_t *)&f->poll, NULL);
	if (!ok && !f->done)
		job_stop(f->job);
	shutdown(f->fd, SHUT_WR);
	uv_run(&f->loop, UV_RUN_DEFAULT);
	close(f->fd);
	if (ok && !r && (f->result.exit || f->result.signal))
		r = git_failed(&f->call, &f->result, e);
	BUG(uv_loop_close(&f->loop));
	job_result_release(&f->result);
	str_release(&f->buffer);
	return r;
}

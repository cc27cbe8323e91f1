#include "machine/qmp.h"

#include "base/err.h"
#include "base/str.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <uv.h>

#define LINE_CAP (4u << 20)
#define RETRY_MS 20
/* For QEMU to listen, and for each answer of it. */
#define PATIENCE_MS 5000

struct question {
	char *line;
	qmp_fn fn;
	void *arg;
	struct question *next;
};

struct qmp {
	uv_pipe_t pipe;
	uv_timer_t timer;
	char *dir;
	struct question *head, **tail;
	struct str in;
	char chunk[16384];
	uint64_t give_up_ms;
	bool piped; /* the pipe is there */
	bool ready; /* greeted, and may ask */
	bool asked; /* head is on its way */
	bool lost, closed;
	int handles; /* not closed yet */
};

/* ---- the end ---- */

static void free_question(struct question *x)
{
	free(x->line);
	free(x);
}

static void on_closed(uv_handle_t *h)
{
	struct qmp *q = h->data;

	if (--q->handles)
		return;
	while (q->head) {
		struct question *x = q->head;

		q->head = x->next;
		free_question(x);
	}
	str_release(&q->in);
	free(q->dir);
	free(q);
}

void qmp_close(struct qmp *q)
{
	if (!q || q->closed)
		return;
	q->closed = true;
	q->handles = 1 + q->piped;
	uv_close((uv_handle_t *)&q->timer, on_closed);
	if (q->piped)
		uv_close((uv_handle_t *)&q->pipe, on_closed);
}

/* Answers the first question; who asked may ask another, or close. */
static void answer(struct qmp *q, const json_t *value)
{
	struct question *x = q->head;

	q->head = x->next;
	if (!q->head)
		q->tail = &q->head;
	q->asked = false;
	if (x->fn)
		x->fn(value, x->arg);
	free_question(x);
}

/* There is no QEMU that answers, nor will there be one. */
static void lose(struct qmp *q)
{
	q->lost = true;
	uv_timer_stop(&q->timer);
	if (q->piped)
		uv_read_stop((uv_stream_t *)&q->pipe);
	while (q->head && !q->closed)
		answer(q, NULL);
}

static void on_patience_over(uv_timer_t *t)
{
	lose(t->data);
}

/* ---- questions and answers ---- */

static void ask_next(struct qmp *q)
{
	uv_buf_t buf;
	int n;

	if (!q->ready || q->asked || !q->head || q->lost)
		return;
	q->asked = true;
	buf = uv_buf_init(q->head->line, (unsigned)strlen(q->head->line));
	uv_timer_start(&q->timer, on_patience_over, PATIENCE_MS, 0);
	/* A short line for an empty socket: it fits, or nobody reads. */
	n = uv_try_write((uv_stream_t *)&q->pipe, &buf, 1);
	if (n < 0 || (size_t)n != buf.len)
		lose(q);
}

/* A reply ends a question; a greeting and events do not. */
static void take_line(struct qmp *q, const char *line, size_t len)
{
	json_error_t ignored;
	json_t *o = json_loadb(line, len, JSON_ALLOW_NUL, &ignored);
	json_t *value = json_object_get(o, "return");

	if (json_object_get(o, "QMP")) {
		q->ready = true;
	} else if (q->asked && (value || json_object_get(o, "error"))) {
		uv_timer_stop(&q->timer);
		answer(q, value);
	}
	json_decref(o);
	if (!q->closed)
		ask_next(q);
}

static void take_lines(struct qmp *q)
{
	size_t at = 0;

	while (!q->closed) {
		char *from = q->in.buf + at;
		char *stop = memchr(from, '\n', q->in.len - at);

		if (!stop)
			break;
		at += (size_t)(stop - from) + 1;
		take_line(q, from, (size_t)(stop - from));
	}
	memmove(q->in.buf, q->in.buf + at, q->in.len - at + 1);
	q->in.len -= at;
}

static void on_alloc(uv_handle_t *h, size_t hint, uv_buf_t *buf)
{
	struct qmp *q = h->data;

	(void)hint;
	*buf = uv_buf_init(q->chunk, sizeof(q->chunk));
}

static void on_read(uv_stream_t *s, ssize_t n, const uv_buf_t *buf)
{
	struct qmp *q = s->data;

	if (n > 0 && q->in.len + (size_t)n < LINE_CAP) {
		str_add(&q->in, buf->base, (size_t)n);
		take_lines(q);
	} else if (n) {
		lose(q);
	}
}

/* ---- the connection ---- */

/* By way of the folder's descriptor: an address has room for 107 bytes. */
static int dial(const char *dir)
{
	struct sockaddr_un to = {.sun_family = AF_UNIX};
	int at = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int r;

	snprintf(to.sun_path, sizeof(to.sun_path), "/proc/self/fd/%d/%s", at,
		 QMP_SOCKET);
	r = at < 0 || fd < 0 ? -1
			     : connect(fd, (struct sockaddr *)&to, sizeof(to));
	if (at >= 0)
		close(at);
	if (!r)
		return fd;
	if (fd >= 0)
		close(fd);
	return -1;
}

static void on_dial(uv_timer_t *t)
{
	struct qmp *q = t->data;
	int fd = dial(q->dir);

	if (fd < 0 && uv_now(t->loop) < q->give_up_ms) {
		uv_timer_start(t, on_dial, RETRY_MS, 0);
		return;
	}
	if (fd < 0) {
		lose(q);
		return;
	}
	uv_pipe_init(t->loop, &q->pipe, 0);
	q->pipe.data = q;
	q->piped = true;
	uv_timer_start(t, on_patience_over, PATIENCE_MS, 0);
	if (uv_pipe_open(&q->pipe, fd)) {
		close(fd);
		lose(q);
	} else if (uv_read_start((uv_stream_t *)&q->pipe, on_alloc, on_read)) {
		lose(q);
	}
}

struct qmp *qmp_open(struct uv_loop_s *loop, const char *dir)
{
	struct qmp *q = xcalloc(1, sizeof(*q));

	q->dir = xstrdup(dir);
	q->tail = &q->head;
	uv_timer_init(loop, &q->timer);
	q->timer.data = q;
	uv_update_time(loop);
	q->give_up_ms = uv_now(loop) + PATIENCE_MS;
	uv_timer_start(&q->timer, on_dial, 0, 0);
	qmp_ask(q, "qmp_capabilities", NULL, NULL, NULL);
	return q;
}

void qmp_ask(struct qmp *q, const char *command, json_t *args, qmp_fn fn,
	     void *arg)
{
	struct question *x = xcalloc(1, sizeof(*x));
	json_t *o = json_pack("{s:s}", "execute", command);
	char *text;

	if (args)
		json_object_set_new(o, "arguments", args);
	text = json_dumps(o, JSON_COMPACT);
	x->line = xasprintf("%s\n", text);
	free(text);
	json_decref(o);
	x->fn = fn;
	x->arg = arg;
	*q->tail = x;
	q->tail = &x->next;
	if (q->lost && !q->asked)
		uv_timer_start(&q->timer, on_patience_over, 0, 0);
	else
		ask_next(q);
}

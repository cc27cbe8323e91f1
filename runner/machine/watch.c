#include "machine/watch.h"

#include "base/err.h"
#include "base/job.h"
#include "base/str.h"
#include "machine/backend.h"
#include "machine/hang.h"
#include "machine/qmp.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <uv.h>

/* Of the port, at one look; steps that come and go within more are missed. */
#define PORT_CHUNK (256u << 10)

struct watch {
	struct flight *f;
	uv_timer_t timer;
	struct hang hang;
	struct hang_look look; /* the one at hand */
	struct qmp *qmp;
	uint64_t start_ms;  /* of the loop's clock */
	int64_t start_real; /* ms, of the files' clock */
	off_t port_at;      /* read so far */
	bool ended;
};

/* ---- looking ---- */

static int64_t ms_of(const struct timespec *t)
{
	return (int64_t)t->tv_sec * 1000 + t->tv_nsec / 1000000;
}

/* Size and, in ms since the start, time of the last write to a file. */
static off_t look_at_file(const struct watch *w, const char *name,
			  uint64_t *wrote_ms)
{
	char *path = xasprintf("%s/%s", w->f->dir, name);
	struct stat st = {0};
	int64_t ms = 0;

	if (!stat(path, &st))
		ms = ms_of(&st.st_mtim) - w->start_real;
	*wrote_ms = ms > 0 ? (uint64_t)ms : 0;
	free(path);
	return st.st_size;
}

/* State and processor time out of a stat file of /proc. */
static bool read_stat(const char *path, char *state, uint64_t *cpu_ms)
{
	unsigned long long user, sys;
	FILE *f = fopen(path, "re");
	char line[1024], *at;
	bool good = false;

	if (!f)
		return false;
	at = fgets(line, sizeof(line), f) ? strrchr(line, ')') : NULL;
	if (at)
		good = sscanf(at,
			      ") %c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u "
			      "%llu %llu",
			      state, &user, &sys) == 3;
	if (good)
		*cpu_ms = (user + sys) * 1000 / (uint64_t)sysconf(_SC_CLK_TCK);
	fclose(f);
	return good;
}

/* What a thread has waited for a core: "RAN WAITED SLICES", in ns. */
static uint64_t waited_ms(int pid, const char *thread)
{
	unsigned long long ns = 0;
	char path[300];
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/task/%.20s/schedstat", pid,
		 thread);
	f = fopen(path, "re");
	if (f && fscanf(f, "%*u %llu", &ns) != 1)
		ns = 0;
	if (f)
		fclose(f);
	return ns / 1000000;
}

static void look_at_process(struct hang_look *l, int pid)
{
	char path[300], state;
	struct dirent *entry;
	uint64_t ignored, waited = 0;
	DIR *d;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	l->asleep = read_stat(path, &state, &l->cpu_ms);
	snprintf(path, sizeof(path), "/proc/%d/task", pid);
	d = opendir(path);
	while (d && (entry = readdir(d))) {
		if (entry->d_name[0] == '.')
			continue;
		waited += waited_ms(pid, entry->d_name);
		snprintf(path, sizeof(path), "/proc/%d/task/%.20s/stat", pid,
			 entry->d_name);
		l->asleep &= !read_stat(path, &state, &ignored) || state == 'S';
	}
	if (d)
		closedir(d);
	/* At least what it ran. */
	l->could_ms = l->host_ms > waited ? l->host_ms - waited : 0;
	if (l->could_ms < l->cpu_ms)
		l->could_ms = l->cpu_ms;
}

/* ---- steps ---- */

static uint64_t deadline_of(const json_t *spec, const char *name)
{
	const json_t *steps = json_object_get(spec, "steps");
	json_t *step;
	size_t i;

	json_array_foreach(steps, i, step)
	{
		const char *is =
			json_string_value(json_object_get(step, "name"));
		json_int_t ms = json_integer_value(
			json_object_get(step, "deadline_ms"));

		if (is && !strcmp(is, name) && ms > 0)
			return (uint64_t)ms;
	}
	return 0;
}

static void take_frame(struct watch *w, const json_t *frame, uint64_t wrote_ms)
{
	const char *type = json_string_value(json_object_get(frame, "t"));
	const char *name = json_string_value(json_object_get(frame, "step"));
	struct hang_look at = w->look;
	uint64_t limit;

	if (!type || !name)
		return;
	at.host_ms = wrote_ms;
	if (!strcmp(type, "end")) {
		hang_step_ends(&w->hang, &at);
		return;
	}
	limit = deadline_of(w->f->spec, name);
	if (!strcmp(type, "start") && limit)
		hang_step_begins(&w->hang, name, limit, &at);
}

/* "klab1 SECRET SEQ LEN CRC JSON"; whether all of it is true is judged when the
 * boot has ended: here a liar only gets until the deadline. */
static void take_line(struct watch *w, const char *line, size_t len,
		      uint64_t wrote_ms)
{
	char *head = xasprintf("klab1 %s ", w->f->secret);
	size_t n = strlen(head);
	json_error_t ignored;
	const char *json;
	json_t *frame;

	if (len > n && !memcmp(line, head, n)) {
		json = memmem(line, len, "{\"t\":\"", 6);
		frame = json && (json[6] == 's' || json[6] == 'e')
				? json_loadb(json, len - (size_t)(json - line),
					     0, &ignored)
				: NULL;
		take_frame(w, frame, wrote_ms);
		json_decref(frame);
	}
	free(head);
}

static void look_at_port(struct watch *w, off_t size, uint64_t wrote_ms)
{
	char *path = xasprintf("%s/%s", w->f->dir, BOOT_PORT), *buf, *at, *end;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	free(path);
	if (fd < 0)
		return;
	if (size - w->port_at > (off_t)PORT_CHUNK)
		w->port_at = size - (off_t)PORT_CHUNK;
	buf = xcalloc(1, PORT_CHUNK);
	n = pread(fd, buf, PORT_CHUNK, w->port_at);
	close(fd);
	at = buf;
	while (n > 0 &&
	       (end = memchr(at, '\n', (size_t)(buf + n - at))) != NULL) {
		take_line(w, at, (size_t)(end - at), wrote_ms);
		at = end + 1;
	}
	w->port_at += at - buf;
	free(buf);
}

/* ---- the loop ---- */

static void on_timer(uv_timer_t *t);

static void judge(struct watch *w)
{
	char why[256];

	if (w->ended)
		return;
	if (hang_judge(&w->hang, &w->look, why, sizeof(why))) {
		watch_end(w);
		w->f->hung(w->f, why);
		return;
	}
	uv_timer_start(&w->timer, on_timer, hang_wait_ms(&w->hang, &w->look),
		       0);
}

static void look(struct watch *w)
{
	uint64_t console, port;
	off_t port_size;

	w->look = (struct hang_look){0};
	w->look.host_ms = uv_now(w->timer.loop) - w->start_ms;
	w->look.bytes = (uint64_t)look_at_file(w, BOOT_CONSOLE, &console);
	port_size = look_at_file(w, BOOT_PORT, &port);
	w->look.bytes += (uint64_t)port_size;
	w->look.wrote_ms = console > port ? console : port;
	look_at_port(w, port_size, port);
	if (w->f->job)
		look_at_process(&w->look, job_pid(w->f->job));
}

static void on_timer(uv_timer_t *t)
{
	struct watch *w = t->data;

	look(w);
	judge(w);
}

struct watch *watch_start(struct flight *f, bool exact)
{
	struct watch *w = xcalloc(1, sizeof(*w));
	json_int_t s = json_integer_value(json_object_get(f->spec, "hang_s"));
	struct timespec now;

	w->f = f;
	clock_gettime(CLOCK_REALTIME, &now);
	w->start_real = ms_of(&now);
	uv_timer_init(f->loop, &w->timer);
	w->timer.data = w;
	uv_update_time(f->loop);
	w->start_ms = uv_now(f->loop);
	hang_init(&w->hang,
		  (uint64_t)(s > 0 ? s : MACHINE_HANG_S) * 1000 *
			  (exact ? 1 : f->crowd),
		  exact);
	uv_timer_start(&w->timer, on_timer, w->hang.limit_ms, 0);
	return w;
}

struct qmp *watch_qmp(struct watch *w)
{
	if (!w->qmp)
		w->qmp = qmp_open(w->f->loop, w->f->dir);
	return w->qmp;
}

void watch_end(struct watch *w)
{
	w->ended = true;
	uv_timer_stop(&w->timer);
}

static void on_closed(uv_handle_t *h)
{
	free(h->data);
}

void watch_free(struct watch *w)
{
	if (!w)
		return;
	watch_end(w);
	qmp_close(w->qmp);
	w->qmp = NULL;
	uv_close((uv_handle_t *)&w->timer, on_closed);
}

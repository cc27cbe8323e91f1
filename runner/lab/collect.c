#include "lab/collect.h"

#include "base/err.h"
#include "base/file.h"
#include "lab/extract.h"
#include "lab/spec.h"

#include <signal.h>

#define EXCERPT_LINES 30
#define EXCERPT_CAP 8000

const char *boot_state_name(enum boot_state s)
{
	static const char *const names[] = {"ok", "bad", "lab"};

	return names[s];
}

/* ---- the console ---- */

/* One line as text: other than printable ASCII becomes a question mark. */
static void add_plain(struct str *out, const char *line, size_t n)
{
	for (size_t i = 0; i < n && out->len < EXCERPT_CAP; i++) {
		unsigned char c = (unsigned char)line[i];

		if (c == '\r')
			continue;
		if (c == '\t')
			c = ' ';
		str_add(out, c >= 32 && c < 127 ? (char *)&c : "?", 1);
	}
	str_adds(out, "\n");
}

static const char *line_start(const char *text, const char *at)
{
	while (at > text && at[-1] != '\n')
		at--;
	return at;
}

static const char *find(const struct str *console, const char *what)
{
	return console->len
		       ? memmem(console->buf, console->len, what, strlen(what))
		       : NULL;
}

/* The first sign of trouble on the console, or NULL. */
static const char *first_trouble(const struct str *console)
{
	static const char *const signs[] = {
		"] BUG: ", "Oops: ", "general protection fault",
		"Unable to mount root", "Kernel panic - not syncing"};
	const char *first = NULL;

	for (size_t i = 0; i < sizeof(signs) / sizeof(*signs); i++) {
		const char *at = find(console, signs[i]);

		if (at && (!first || at < first))
			first = at;
	}
	return first ? line_start(console->buf, first) : NULL;
}

static const char *tail(const struct str *console)
{
	const char *at = console->buf + console->len;

	for (int lines = 0; at > console->buf && lines <= EXCERPT_LINES; at--)
		lines += at[-1] == '\n';
	return line_start(console->buf, at + (at > console->buf));
}

static char *excerpt(const struct str *console)
{
	struct str out = STR_INIT;
	const char *at = first_trouble(console);
	const char *end = console->buf + console->len;

	if (!console->len)
		return xstrdup("(the console is empty)\n");
	if (!at)
		at = tail(console);
	for (int i = 0; i < EXCERPT_LINES && at < end; i++) {
		const char *stop = memchr(at, '\n', (size_t)(end - at));
		size_t n = (size_t)((stop ? stop : end) - at);

		add_plain(&out, at, n);
		at = stop ? stop + 1 : end;
	}
	return str_detach(&out);
}

/* A line of the console without its end, for a sentence. */
static char *one_line(const char *at, const char *end)
{
	const char *stop = memchr(at, '\n', (size_t)(end - at));
	struct str out = STR_INIT;
	size_t n = (size_t)((stop ? stop : end) - at);

	add_plain(&out, at, n < 160 ? n : 160);
	out.buf[--out.len] = '\0';
	return str_detach(&out);
}

/* ---- the judgement ---- */

__attribute__((format(printf, 4, 5))) static void judge(struct collected *c,
							enum boot_state state,
							const char *outcome,
							const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	c->state = state;
	c->outcome = outcome;
	if (vasprintf(&c->reason, fmt, ap) < 0)
		abort();
	va_end(ap);
	/* Much of it is the guest's, and a terminal will show it. */
	str_plain(c->reason);
}

static bool judge_flood(const struct ending *end, const struct str *port,
			const struct str *console, struct collected *c)
{
	if (end->signal != SIGXFSZ && port->len < GUEST_FILE_CAP &&
	    console->len < GUEST_FILE_CAP)
		return false;
	judge(c, BOOT_BAD, "flood",
	      "the guest wrote more than %u MiB to its %s and was stopped",
	      GUEST_FILE_CAP >> 20,
	      port->len > console->len ? "port" : "console");
	return true;
}

/* Also one that did not end the guest: panic=-1 is only a wish. */
static bool judge_panic(const struct frames *f, const struct str *console,
			struct collected *c)
{
	const char *panic = find(console, "Kernel panic - not syncing");
	char *line;

	if (!panic || frames_last(f, "bye", NULL))
		return false;
	line = one_line(panic, console->buf + console->len);
	judge(c, BOOT_BAD, "panic", "%s", line);
	free(line);
	return true;
}

/* QEMU itself ended in a way that says it all? */
static bool judge_ending(const json_t *spec, const struct ending *end,
			 struct collected *c)
{
	if (end->hang)
		judge(c, BOOT_BAD, "hang", "%s", end->hang);
	else if (end->deadline)
		judge(c, BOOT_BAD, "deadline",
		      "the guest was not done after "
		      "%d s (deadline_s of machine '%s') and was stopped",
		      spec_int(spec, NULL, "deadline_s"),
		      spec_text(spec, "machine", "name"));
	else if (end->signal)
		judge(c, BOOT_LAB, "qemu", "QEMU was killed by signal %d (%s)",
		      end->signal, strsignal(end->signal));
	else if (end->exit)
		judge(c, BOOT_LAB, "qemu", "QEMU ended with exit status %d",
		      end->exit);
	else
		return false;
	return true;
}

static bool judge_frames(const struct frames *f, struct collected *c)
{
	const json_t *bye = frames_last(f, "bye", NULL);
	const json_t *error = frames_last(f, "error", NULL);

	if (f->bad) {
		judge(c, BOOT_BAD, "garbage",
		      "line %zu of the guest's port is "
		      "%s (%zu such lines)",
		      f->bad_line, f->why, f->bad);
	} else if (!json_array_size(f->list)) {
		judge(c, BOOT_BAD, "silent",
		      "the guest ended and its agent "
		      "had never reported");
	} else if (error) {
		judge(c, BOOT_BAD, "agent", "the agent gave up: %.300s",
		      frame_text(error, "what"));
	} else if (!bye) {
		judge(c, BOOT_BAD, "incomplete",
		      "the guest ended before its "
		      "agent was done");
	} else {
		return false;
	}
	return true;
}

static bool judge_metronome(const json_t *spec, const struct frames *f,
			    struct collected *c)
{
	const json_t *m = frames_last(f, "metronome", NULL);

	if (!spec_int(spec, "machine", "metronome_us") ||
	    json_is_true(json_object_get(m, "ok")))
		return false;
	judge(c, BOOT_BAD, "metronome",
	      "the metronome could not be started: "
	      "%.300s",
	      m ? frame_text(m, "error") : "the agent said nothing");
	return true;
}

/* The last line that the step wrote to stderr, or "". */
static char *last_words(const struct frames *f, const char *step)
{
	struct str err = STR_INIT;
	char *line;

	frames_output(f, step, "err", NULL, &err);
	while (err.len && err.buf[err.len - 1] == '\n')
		err.buf[--err.len] = '\0';
	line = err.len ? one_line(line_start(err.buf, err.buf + err.len),
				  err.buf + err.len)
		       : xstrdup("");
	str_release(&err);
	return line;
}

static bool judge_step(const json_t *step, const struct frames *f,
		       struct collected *c)
{
	const char *name = frame_text(step, "name");
	const json_t *end = frames_last(f, "end", name);
	char *words;

	if (end && !frame_num(end, "exit") && !frame_num(end, "signal") &&
	    !json_is_true(json_object_get(end, "deadline")) &&
	    !json_is_true(json_object_get(end, "load_failed")))
		return false;
	words = last_words(f, name);
	if (!end)
		judge(c, BOOT_BAD, "workload", "step '%s' did not run", name);
	else if (json_is_true(json_object_get(end, "deadline")))
		judge(c, BOOT_BAD, "workload",
		      "step '%s' was not done after "
		      "%lld s of guest time",
		      name, frame_num(step, "deadline_ms") / 1000);
	else if (frame_num(end, "signal"))
		judge(c, BOOT_BAD, "workload",
		      "step '%s' was killed by signal "
		      "%lld",
		      name, frame_num(end, "signal"));
	else if (frame_num(end, "exit"))
		judge(c, BOOT_BAD, "workload",
		      "step '%s' ended with exit "
		      "status %lld%s%s",
		      name, frame_num(end, "exit"), *words ? ": " : "", words);
	else
		judge(c, BOOT_BAD, "workload",
		      "the load beside step '%s' "
		      "failed",
		      name);
	free(words);
	return true;
}

static bool judge_steps(const json_t *spec, const struct frames *f,
			struct collected *c)
{
	size_t i;
	json_t *step;

	json_array_foreach(json_object_get(spec, "steps"), i,
			   step) if (judge_step(step, f, c)) return true;
	return false;
}

static void judge_all(const json_t *spec, const struct frames *f,
		      const struct str *port, const struct str *console,
		      const struct ending *end, struct collected *c)
{
	char *why;

	if (judge_flood(end, port, console, c) || judge_panic(f, console, c) ||
	    judge_ending(spec, end, c) || judge_frames(f, c) ||
	    judge_metronome(spec, f, c) || judge_steps(spec, f, c))
		return;
	c->state = BOOT_OK;
	c->outcome = "ok";
	if (!extract_metrics(spec, f, c, &why)) {
		judge(c, BOOT_BAD, "workload", "%s", why);
		free(why);
	}
}

static uint64_t last_time(const struct frames *f)
{
	for (size_t i = json_array_size(f->list); i-- > 0;) {
		long long ns = frame_num(json_array_get(f->list, i), "ns");

		if (ns > 0)
			return (uint64_t)ns;
	}
	return 0;
}

/* A file that QEMU never made is an empty one. */
static int read_guest_file(const char *path, struct str *out, struct err *e)
{
	if (!file_exists(path)) {
		str_add(out, "", 0);
		return 0;
	}
	return file_read(path, GUEST_FILE_CAP, out, e);
}

int collect_boot(const json_t *spec, const char *port_path,
		 const char *console_path, const struct ending *end,
		 struct collected *c, struct err *e)
{
	struct str port = STR_INIT, console = STR_INIT;
	char secret[BOOT_SECRET];
	struct frames f;
	int r;

	*c = (struct collected){0};
	r = read_guest_file(port_path, &port, e);
	if (!r)
		r = read_guest_file(console_path, &console, e);
	if (!r) {
		spec_secret(spec, secret);
		frames_read(&f, port.buf, port.len, secret);
		c->guest_ns = last_time(&f);
		str_add(&c->lines, f.text.buf, f.text.len);
		judge_all(spec, &f, &port, &console, end, c);
		if (c->state != BOOT_OK)
			c->excerpt = excerpt(&console);
		frames_release(&f);
	}
	str_release(&port);
	str_release(&console);
	return r;
}

void collected_release(struct collected *c)
{
	for (size_t i = 0; i < c->nsamples; i++) {
		free(c->samples[i].metric);
		free(c->samples[i].unit);
	}
	for (size_t i = 0; i < c->nhistograms; i++) {
		free(c->histograms[i].metric);
		free(c->histograms[i].counts);
	}
	free(c->samples);
	free(c->histograms);
	free(c->reason);
	free(c->excerpt);
	str_release(&c->lines);
	*c = (struct collected){0};
}

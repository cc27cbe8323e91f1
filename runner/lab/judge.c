#include "lab/judge.h"

#include "base/err.h"
#include "console/console.h"
#include "lab/extract.h"
#include "lab/findings.h"
#include "lab/spec.h"

#include <signal.h>

#define EXCERPT_LINES 30
#define EXCERPT_CAP 8000

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

static const char *tail(const struct str *console)
{
	const char *at = console->buf + console->len;

	for (int lines = 0; at > console->buf && lines <= EXCERPT_LINES; at--)
		lines += at[-1] == '\n';
	return line_start(console->buf, at + (at > console->buf));
}

/* Where nothing was found, the end of the console says the most. */
static char *last_lines(const struct str *console)
{
	struct str out = STR_INIT;
	const char *at = tail(console);
	const char *end = console->buf + console->len;

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

/* The finding that ended the kernel, or NULL: of an oops and its panic the
 * panic. */
static const struct finding *fatal_of(const struct collected *c)
{
	for (size_t i = c->nfindings; i-- > 0;)
		if (c->findings[i].fatal)
			return &c->findings[i];
	return NULL;
}

/* The first finding, and what ended the kernel if that is another one. */
static char *excerpt(const struct collected *c, const struct str *console)
{
	const struct finding *fatal = fatal_of(c);

	if (!console->len)
		return xstrdup("(the console is empty)\n");
	if (!c->nfindings)
		return last_lines(console);
	if (!fatal || fatal == c->findings)
		return xstrdup(c->findings[0].excerpt);
	return xasprintf("%s%s", c->findings[0].excerpt, fatal->excerpt);
}

/* ---- the judgement ---- */

__attribute__((format(printf, 5, 6))) static void
judge(struct collected *c, enum boot_state state, const char *outcome,
      const char *detail, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	c->state = state;
	c->outcome = outcome;
	c->detail = detail;
	if (vasprintf(&c->reason, fmt, ap) < 0)
		abort();
	va_end(ap);
	/* Much of it is the guest's, and a terminal will show it. */
	str_plain(c->reason);
}

/* QEMU is stopped by the kernel at that length; a box's console may go on. */
static bool judge_flood(const struct trial *t)
{
	const char *what = t->flooded;

	if (!what && t->console->len >= GUEST_FILE_CAP)
		what = "console";
	if (!what &&
	    (t->port->len >= GUEST_FILE_CAP || t->end->signal == SIGXFSZ))
		what = t->port->len > t->console->len ? "port" : "console";
	if (!what)
		return false;
	judge(t->c, BOOT_BAD, OUTCOME_WORKLOAD, "flood",
	      "the guest wrote more than %u MiB to its %s and was stopped",
	      GUEST_FILE_CAP >> 20, what);
	return true;
}

/* Also one that did not end the guest: panic=-1 is only a wish. */
static bool judge_panic(const struct trial *t)
{
	const struct finding *fatal = fatal_of(t->c);
	const struct finding *first = t->c->findings;

	if (!fatal || frames_last(t->f, "bye", NULL))
		return false;
	if (first == fatal)
		judge(t->c, BOOT_BAD, OUTCOME_PANIC, "panic", "%.160s",
		      fatal->first_line);
	else
		judge(t->c, BOOT_BAD, OUTCOME_PANIC, "panic",
		      "%.160s; then: %.160s", first->first_line,
		      fatal->first_line);
	return true;
}

/* With a later deadline it might have been done. */
static bool out_of_time(const struct trial *t)
{
	return t->end->wall_ms >=
	       (uint64_t)spec_int(t->spec, NULL, "deadline_s") * 1000;
}

static bool judge_hang(const struct trial *t)
{
	if (t->end->hang)
		judge(t->c, BOOT_BAD, OUTCOME_HANG,
		      out_of_time(t) ? "deadline" : "hang", "%s", t->end->hang);
	else if (t->end->deadline)
		judge(t->c, BOOT_BAD, OUTCOME_HANG, "deadline",
		      "the guest was not done after "
		      "%d s (deadline_s of machine '%s') and was stopped",
		      spec_int(t->spec, NULL, "deadline_s"),
		      spec_text(t->spec, "machine", "name"));
	else
		return false;
	return true;
}

/* The process itself ended in a way that says it all?  On metal that is klab's
 * own, which drives the box. */
static bool judge_ending(const struct trial *t)
{
	const json_t *machine = json_object_get(t->spec, "machine");
	bool metal = !strcmp(frame_text(machine, "accel"), "metal");
	const char *program = metal ? "the box's driver" : "QEMU";
	const char *detail = metal ? "metal" : "qemu";
	const struct ending *end = t->end;

	if (end->signal)
		judge(t->c, BOOT_LAB, OUTCOME_INFRA, detail,
		      "%s was killed by signal %d (%s)", program, end->signal,
		      strsignal(end->signal));
	else if (end->exit)
		judge(t->c, BOOT_LAB, OUTCOME_INFRA, detail,
		      "%s ended with exit status %d", program, end->exit);
	else
		return false;
	return true;
}

static bool judge_frames(const struct trial *t)
{
	const struct frames *f = t->f;
	const json_t *error = frames_last(f, "error", NULL);

	if (f->bad)
		judge(t->c, BOOT_BAD, OUTCOME_WORKLOAD, "garbage",
		      "line %zu of the guest's port is %s (%zu such lines)",
		      f->bad_line, f->why, f->bad);
	else if (!json_array_size(f->list))
		judge(t->c, BOOT_BAD, OUTCOME_NO_BOOT, "silent",
		      "the guest ended and its agent had never reported");
	else if (error)
		judge(t->c, BOOT_BAD, OUTCOME_WORKLOAD, "agent",
		      "the agent gave up: %.300s", frame_text(error, "what"));
	else if (!frames_last(f, "bye", NULL))
		judge(t->c, BOOT_BAD, OUTCOME_PANIC, "incomplete",
		      "the guest ended before its agent was done");
	else
		return false;
	return true;
}

static bool judge_metronome(const struct trial *t)
{
	const json_t *m = frames_last(t->f, "metronome", NULL);

	if (!spec_int(t->spec, "machine", "metronome_us") ||
	    json_is_true(json_object_get(m, "ok")))
		return false;
	judge(t->c, BOOT_BAD, OUTCOME_WORKLOAD, "metronome",
	      "the metronome could not be started: %.300s",
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

/* How a step failed, freed by the caller; NULL if it did not. */
static char *step_trouble(const json_t *step, const struct frames *f)
{
	const char *name = frame_text(step, "name");
	const json_t *end = frames_last(f, "end", name);
	char *words, *why;

	if (!end)
		return xasprintf("step '%s' did not run", name);
	if (json_is_true(json_object_get(end, "deadline")))
		return xasprintf("step '%s' was not done after %lld s of guest "
				 "time",
				 name, frame_num(step, "deadline_ms") / 1000);
	if (frame_num(end, "signal"))
		return xasprintf("step '%s' was killed by signal %lld", name,
				 frame_num(end, "signal"));
	if (frame_num(end, "exit")) {
		words = last_words(f, name);
		why = xasprintf("step '%s' ended with exit status %lld%s%s",
				name, frame_num(end, "exit"),
				*words ? ": " : "", words);
		free(words);
		return why;
	}
	if (json_is_true(json_object_get(end, "load_failed")))
		return xasprintf("the load beside step '%s' failed", name);
	return NULL;
}

static bool judge_steps(const struct trial *t)
{
	size_t i;
	json_t *step;

	json_array_foreach(json_object_get(t->spec, "steps"), i, step)
	{
		char *why = step_trouble(step, t->f);

		if (!why)
			continue;
		judge(t->c, BOOT_BAD, OUTCOME_WORKLOAD, "workload", "%s", why);
		free(why);
		return true;
	}
	return false;
}

/* What the kernel said may explain what became of the workload. */
static void add_finding(struct collected *c)
{
	char *reason = c->reason, *said;

	if (c->state != BOOT_BAD || !c->nfindings ||
	    !strcmp(c->outcome, OUTCOME_PANIC))
		return;
	said = finding_sentence(c->findings);
	c->reason = xasprintf("%s; its console has: %s", reason, said);
	str_plain(c->reason);
	free(said);
	free(reason);
}

static void judge_metrics(const struct trial *t)
{
	struct collected *c = t->c;
	char *why = NULL;

	c->state = BOOT_OK;
	c->outcome = OUTCOME_OK;
	if (!extract_metrics(t->spec, t->f, c, &why)) {
		judge(c, BOOT_BAD, OUTCOME_WORKLOAD, "workload", "%s", why);
	} else if (c->nfindings) {
		why = finding_sentence(c->findings);
		judge(c, BOOT_OK, OUTCOME_SPLAT, "splat", "%s", why);
	}
	free(why);
}

void judge_boot(const struct trial *t)
{
	if (!judge_flood(t) && !judge_panic(t) && !judge_hang(t) &&
	    !judge_ending(t) && !judge_frames(t) && !judge_metronome(t) &&
	    !judge_steps(t))
		judge_metrics(t);
	add_finding(t->c);
	if (strcmp(t->c->outcome, OUTCOME_OK))
		t->c->excerpt = excerpt(t->c, t->console);
}

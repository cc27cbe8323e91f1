#include "lab/collect.h"

#include "base/err.h"
#include "base/file.h"
#include "console/console.h"
#include "lab/findings.h"
#include "lab/judge.h"
#include "lab/spec.h"

#include <errno.h>

const char *boot_state_name(enum boot_state s)
{
	static const char *const names[] = {"ok", "bad", "lab"};

	return names[s];
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

/* A file that QEMU never made is an empty one; of one that is too long the
 * begin is read, and *flooded set to its name. */
static int read_guest_file(const char *path, const char *name, struct str *out,
			   const char **flooded, struct err *e)
{
	int r;

	if (!file_exists(path)) {
		str_add(out, "", 0);
		return 0;
	}
	r = file_read(path, GUEST_FILE_CAP, out, e);
	if (r != -EFBIG)
		return r;
	*flooded = name;
	return 0;
}

static void collect(const struct trial *t)
{
	struct collected *c = t->c;

	c->console = findings_read(t->console->buf, t->console->len);
	c->nfindings = console_findings(c->console, &c->findings);
	c->guest_ns = last_time(t->f);
	str_add(&c->lines, t->f->text.buf, t->f->text.len);
	judge_boot(t);
}

int collect_boot(const json_t *spec, const char *port_path,
		 const char *console_path, const struct ending *end,
		 struct collected *c, struct err *e)
{
	struct str port = STR_INIT, console = STR_INIT;
	const char *flooded = NULL;
	char secret[BOOT_SECRET];
	struct frames f;
	int r;

	*c = (struct collected){0};
	r = read_guest_file(port_path, "port", &port, &flooded, e);
	if (!r)
		r = read_guest_file(console_path, "console", &console, &flooded,
				    e);
	if (!r) {
		spec_secret(spec, secret);
		frames_read(&f, port.buf, port.len, secret);
		collect(&(struct trial){spec, &f, &port, &console, end, flooded,
					c});
		frames_release(&f);
	}
	str_release(&port);
	str_release(&console);
	return r;
}

void collected_infra(struct collected *c, const char *detail, char *reason)
{
	free(c->reason);
	c->state = BOOT_LAB;
	c->outcome = OUTCOME_INFRA;
	c->detail = detail;
	c->reason = reason;
}

void collected_release(struct collected *c)
{
	for (size_t i = 0; i < c->nsamples; i++) {
		free(c->samples[i].metric);
		free(c->samples[i].unit);
	}
	for (size_t i = 0; i < c->nmissing; i++) {
		free(c->missing[i].metric);
		free(c->missing[i].why);
	}
	free(c->missing);
	for (size_t i = 0; i < c->nhistograms; i++) {
		free(c->histograms[i].metric);
		free(c->histograms[i].counts);
	}
	free(c->samples);
	free(c->histograms);
	free(c->reason);
	free(c->excerpt);
	console_free(c->console);
	str_release(&c->lines);
	*c = (struct collected){0};
}

/*
 * Feeds arbitrary bytes to klab as what a guest left: its port and its console.
 *
 * Input is read by line.  One that starts with 'F' is a frame of this boot with
 * the rest as its JSON; with 'C' it goes to the console; any other goes to the
 * port as it is.  So a fuzzer gets past secret and checksum.
 */
#include "base/err.h"
#include "base/str.h"
#include "lab/collect.h"

#include "../unit/a_spec.h"

#include <fcntl.h>
#include <math.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

struct guest {
	char secret[BOOT_SECRET];
	unsigned seq;
	struct str port, console;
};

static void add_line(struct guest *g, const char *line, size_t len)
{
	char *json;

	if (len && line[0] == 'F') {
		json = xstrndup(line + 1, len - 1);
		a_frame(&g->port, g->secret, &g->seq, json);
		free(json);
	} else if (len && line[0] == 'C') {
		str_add(&g->console, line + 1, len - 1);
		str_adds(&g->console, "\n");
	} else {
		str_add(&g->port, line, len);
		str_adds(&g->port, "\n");
	}
}

static void add_lines(struct guest *g, const char *data, size_t len)
{
	const char *end = data + len;

	while (data < end) {
		const char *stop = memchr(data, '\n', (size_t)(end - data));

		add_line(g, data, (size_t)((stop ? stop : end) - data));
		data = stop ? stop + 1 : end;
	}
}

/* A file in memory, by a name that can be opened. */
static int file_of(const struct str *s, char path[32])
{
	int fd = memfd_create("guest", MFD_CLOEXEC);

	BUG(fd < 0 || write(fd, s->buf, s->len) != (ssize_t)s->len);
	snprintf(path, 32, "/proc/self/fd/%d", fd);
	return fd;
}

static void check_text(const char *text)
{
	for (; *text; text++)
		BUG(*text != '\n' && (*text < 32 || *text > 126));
}

static void check(const struct collected *c)
{
	BUG(c->state == BOOT_LAB || !c->outcome);
	BUG(!strcmp(c->outcome, OUTCOME_OK) != !c->reason);
	BUG(!strcmp(c->outcome, OUTCOME_OK) != !c->excerpt);
	BUG((c->state == BOOT_OK) !=
	    (!strcmp(c->outcome, OUTCOME_OK) ||
	     !strcmp(c->outcome, OUTCOME_SPLAT)));
	if (c->reason)
		check_text(c->reason);
	if (c->excerpt)
		check_text(c->excerpt);
	for (size_t i = 0; i < c->nsamples; i++)
		BUG(!isfinite(c->samples[i].value));
	for (size_t i = 0; i < c->nhistograms; i++)
		BUG(!c->histograms[i].counts || c->histograms[i].overflow < 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	json_t *spec = a_spec(1);
	struct guest g = {.seq = 0};
	struct ending end = {.exit = 0};
	struct collected c;
	char port[32], console[32];
	int port_fd, console_fd;
	struct err e;

	spec_secret(spec, g.secret);
	add_lines(&g, (const char *)data, len);
	port_fd = file_of(&g.port, port);
	console_fd = file_of(&g.console, console);
	BUG(collect_boot(spec, port, console, &end, &c, &e));
	check(&c);
	collected_release(&c);
	close(port_fd);
	close(console_fd);
	str_release(&g.port);
	str_release(&g.console);
	json_decref(spec);
	return 0;
}

/*
 * A stand-in for qemu-system-x86_64: takes klab's command line, reads the job
 * out of the initramfs, and writes to console and port what the agent of such a
 * guest would have written, or what a broken or hostile one might.
 *
 *	FAKE_QEMU_VERSION  what --version says (10.0.2)
 *	FAKE_QEMU_KVM      what a probe guest does under kvm: ok, hang, abort
 *	                   or slow (1 s); dead: under no
 *	                   accelerator it does anything
 *	FAKE_QEMU_PLAY     what the guest does: words, of which the first that
 *	                   fits counts.  "3=die" for seed 3, "/rt=die" for
 *	                   kernels with "rt" in their version string, "@run=die"
 *	                   for workloads with a step "run", "/rt=3=die" for both,
 *	                   "die" for all.  A guest without a word does "ok".
 *	FAKE_QEMU_EVENTS   a FIFO that gets "PID SEED" in a line once the guest
 *	                   runs
 *	FAKE_QEMU_GATE     a FIFO: play "gate" goes on when it can read a byte
 *	FAKE_QEMU_MS       real time that each boot takes
 *	FAKE_QEMU_FLAKY    play "flaky" dies until it was started so often
 *	FAKE_QEMU_COUNT    ... and counts in this file
 *
 * Values depend on the seed alone, and are NN % longer on a kernel with
 * "slowNN" in its version string, and 6 % more under the play "lag".
 */
#include "fake.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define NAME "qemu-system-x86_64"

_Noreturn void die(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	fputs(NAME ": ", stderr);
	vfprintf(stderr, fmt, ap);
	fputc('\n', stderr);
	va_end(ap);
	exit(1);
}

static char *read_all(const char *path, size_t *len)
{
	FILE *f = fopen(path, "r");
	struct stat st;
	char *data;

	if (!f || fstat(fileno(f), &st))
		die("%s: %s", path, strerror(errno));
	*len = (size_t)st.st_size;
	data = malloc(*len + 1);
	if (!data || fread(data, 1, *len, f) != *len)
		die("%s: cannot be read", path);
	fclose(f);
	data[*len] = '\0';
	return data;
}

/* ---- the command line ---- */

/* "file,id=console,path=/a,,b" */
static void take_chardev(struct guest *g, const char *value)
{
	const char *at = strstr(value, ",path=");
	char *to = strstr(value, "id=console") ? g->console_path : g->port_path;
	size_t n = 0;

	if (!at || strncmp(value, "file,", 5))
		die("-chardev %s: not understood", value);
	for (at += 6; *at && n < sizeof(g->port_path) - 1; at++) {
		if (*at == ',' && *++at != ',')
			die("-chardev %s: a comma alone", value);
		to[n++] = *at;
	}
	to[n] = '\0';
}

static void take_args(struct guest *g, int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		const char *key = argv[i], *value = argv[i + 1];

		if (!strcmp(key, "-nodefaults") ||
		    !strcmp(key, "-no-user-config") ||
		    !strcmp(key, "-no-reboot"))
			continue;
		if (++i == argc)
			die("%s: an option without a value", key);
		if (!strcmp(key, "-chardev"))
			take_chardev(g, value);
		else if (!strcmp(key, "-seed"))
			g->seed = (int)strtol(value, NULL, 10);
		else if (!strcmp(key, "-smp"))
			g->cpus = (int)strtol(value, NULL, 10);
		else if (!strcmp(key, "-kernel"))
			g->kernel = value;
		else if (!strcmp(key, "-initrd"))
			g->initrd = value;
	}
	if (!g->kernel || !g->initrd || !*g->port_path || !*g->console_path)
		die("no kernel, initrd, console or port given");
}

/* Where the version string is: in a bzImage, where its boot header says; in a
 * vmlinux, anywhere. */
static size_t find_version(const char *kernel, const char *data, size_t len)
{
	const char mark[] = "Linux version ", *found;

	if (len < 0x250)
		die("%s: not a kernel", kernel);
	if (memcmp(data, "\177ELF", 4))
		return 0x200u + (unsigned char)data[0x20e] +
		       256u * (unsigned char)data[0x20f];
	found = memmem(data, len, mark, sizeof(mark) - 1);
	if (!found)
		die("%s: no version in it", kernel);
	return (size_t)(found - data) + sizeof(mark) - 1;
}

static void read_kernel(struct guest *g)
{
	size_t len, at;
	char *data = read_all(g->kernel, &len), *slow;

	at = find_version(g->kernel, data, len);
	if (at < len)
		snprintf(g->version, sizeof(g->version), "%.*s",
			 (int)strnlen(data + at, len - at), data + at);
	free(data);
	slow = strstr(g->version, "slow");
	if (slow)
		g->slow = (int)strtol(slow + 4, NULL, 10);
}

/* ---- the job ---- */

static unsigned long hex8(const char *p)
{
	char digits[9] = "";

	memcpy(digits, p, 8);
	return strtoul(digits, NULL, 16);
}

/* Looks through archives of cpio's "newc" format, one after the other. */
static char *cpio_find(char *data, size_t len, const char *want)
{
	size_t at = 0;

	while (at + 110 <= len) {
		size_t size, name_size, body;

		if (!data[at]) {
			at++;
			continue;
		}
		if (memcmp(data + at, "070701", 6))
			die("the initramfs is damaged at byte %zu", at);
		size = hex8(data + at + 54);
		name_size = hex8(data + at + 94);
		body = (at + 110 + name_size + 3) & ~3ul;
		if (body + size > len)
			die("the initramfs is cut");
		if (!strcmp(data + at + 110, want)) {
			data[body + size - 1] = '\0';
			return data + body;
		}
		at = (body + size + 3) & ~3ul;
	}
	die("there is no %s in the initramfs", want);
}

static void read_job(struct guest *g)
{
	size_t len;
	char *data = read_all(g->initrd, &len), *save = NULL;
	bool loaded = false;
	char *job = cpio_find(data, len, "klab/job");

	for (char *line = strtok_r(job, "\n", &save); line;
	     line = strtok_r(NULL, "\n", &save)) {
		char *value = strchr(line, ' ');

		if (!strcmp(line, "load"))
			loaded = true;
		if (!value)
			continue;
		*value++ = '\0';
		if (!strcmp(line, "secret")) {
			g->secret = value;
		} else if (!strcmp(line, "metronome_ns")) {
			g->metronome_ns = strtoll(value, NULL, 10);
		} else if (!strcmp(line, "step") && g->nsteps < STEPS_MAX) {
			g->steps[g->nsteps].loaded = loaded;
			g->steps[g->nsteps++].name = value;
			loaded = false;
		} else if (!strcmp(line, "collect") && g->nsteps) {
			g->steps[g->nsteps - 1].collect = value;
		}
	}
	if (!g->secret || !g->nsteps)
		die("the job has no secret or no step");
}

/* ---- the run ---- */

static bool has_step(const struct guest *g, const char *name)
{
	for (int i = 0; i < g->nsteps; i++)
		if (!strcmp(g->steps[i].name, name))
			return true;
	return false;
}

static bool fits(const struct guest *g, const char *word, const char **play)
{
	const char *rest = strchr(word, '=');
	char *end, key[64];
	bool fit;

	if (!rest) {
		*play = word;
		return true;
	}
	snprintf(key, sizeof(key), "%.*s", (int)(rest - word), word);
	if (word[0] == '/')
		fit = strstr(g->version, key + 1);
	else if (word[0] == '@')
		fit = has_step(g, key + 1);
	else
		fit = strtol(key, &end, 10) == g->seed;
	return fit && fits(g, rest + 1, play);
}

static void choose_play(struct guest *g)
{
	const char *all = getenv("FAKE_QEMU_PLAY");
	char *words = strdup(all ? all : ""), *save = NULL;

	g->play = "ok";
	for (char *w = strtok_r(words, " ", &save); w;
	     w = strtok_r(NULL, " ", &save)) {
		const char *play;

		if (fits(g, w, &play)) {
			g->play = play;
			return;
		}
	}
}

static void announce(const struct guest *g)
{
	const char *path = getenv("FAKE_QEMU_EVENTS");
	char line[64];
	int fd, n;

	if (!path)
		return;
	fd = open(path, O_WRONLY);
	n = snprintf(line, sizeof(line), "%d %d\n", (int)getpid(), g->seed);
	if (fd < 0 || write(fd, line, (size_t)n) != n)
		die("%s: %s", path, strerror(errno));
	close(fd);
}

static void take_time(void)
{
	const char *ms = getenv("FAKE_QEMU_MS");
	long n = ms ? strtol(ms, NULL, 10) : 0;
	struct timespec t = {n / 1000, n % 1000 * 1000000};

	nanosleep(&t, NULL);
}

static FILE *open_guest_file(const char *path)
{
	FILE *f = fopen(path, "w");

	if (!f)
		die("%s: %s", path, strerror(errno));
	return f;
}

/* The guest by which klab tells whether an accelerator works. */
static bool is_probe(int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		if (!strncmp(argv[i], "isa-debug-exit", 14))
			return true;
	return false;
}

static int probe(int argc, char **argv)
{
	const char *how = getenv("FAKE_QEMU_KVM");
	bool kvm = false;

	for (int i = 1; i < argc; i++)
		kvm |= !strcmp(argv[i], "kvm");
	if (how && !strcmp(how, "dead"))
		die("no accelerator works");
	if (kvm && how && !strcmp(how, "hang"))
		for (;;)
			pause();
	if (kvm && how && !strcmp(how, "abort"))
		abort();
	if (kvm && how && !strcmp(how, "slow"))
		sleep(1);
	return 33;
}

int main(int argc, char **argv)
{
	const char *version = getenv("FAKE_QEMU_VERSION");
	struct guest g = {.cpus = 1};

	if (argc == 2 && !strcmp(argv[1], "--version")) {
		printf("QEMU emulator version %s (Debian 1:%s+ds-1)\n"
		       "Copyright (c) 2003-2025 Fabrice Bellard\n",
		       version ? version : "10.0.2",
		       version ? version : "10.0.2");
		return 0;
	}
	if (is_probe(argc, argv))
		return probe(argc, argv);
	take_args(&g, argc, argv);
	read_kernel(&g);
	read_job(&g);
	choose_play(&g);
	g.console = open_guest_file(g.console_path);
	g.port = open_guest_file(g.port_path);
	announce(&g);
	take_time();
	play(&g);
	/* Not a word of a full disk: a real QEMU keeps that to itself, too. */
	fclose(g.port);
	fclose(g.console);
	return 0;
}

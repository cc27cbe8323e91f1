/* Guests and QEMUs that are broken or hostile. */
#include "fake.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static void play_ok(struct guest *g)
{
	hello(g);
	steps(g);
	bye(g);
}

/* ---- QEMU's own trouble ---- */

static void play_die(struct guest *g)
{
	(void)g;
	die("could not set up host memory");
}

static void play_kill(struct guest *g)
{
	hello(g);
	raise(SIGKILL);
}

static void play_crash(struct guest *g)
{
	(void)g;
	raise(SIGSEGV);
}

static _Noreturn void wait_for_ever(void)
{
	for (;;)
		pause();
}

static void burn(int number)
{
	clock_t end = clock() + CLOCKS_PER_SEC / 250;

	(void)number;
	while (clock() < end)
		;
}

/* A guest that only waits is one that QEMU has work with; this one, too, uses
 * a tenth of a core. */
static void look_alive(void)
{
	struct sigaction sa = {.sa_handler = burn, .sa_flags = SA_RESTART};
	struct itimerval often = {{0, 40000}, {0, 40000}};

	sigaction(SIGALRM, &sa, NULL);
	setitimer(ITIMER_REAL, &often, NULL);
}

/* It is not done, and not hung for that. */
static void play_live(struct guest *g)
{
	look_alive();
	boot_console(g);
	wait_for_ever();
}

static void play_mule(struct guest *g)
{
	signal(SIGTERM, SIG_IGN);
	play_live(g);
}

static void play_hang(struct guest *g)
{
	boot_console(g);
	wait_for_ever();
}

static void play_stubborn(struct guest *g)
{
	signal(SIGTERM, SIG_IGN);
	play_hang(g);
}

/* A helper that outlives it and holds stderr. */
static void play_grandchild(struct guest *g)
{
	if (!fork())
		wait_for_ever();
	play_ok(g);
}

static void play_close(struct guest *g)
{
	for (int fd = 0; fd < 3; fd++)
		close(fd);
	play_ok(g);
}

/* Dies until it has been started FAKE_QEMU_FLAKY times; the file counts. */
static void play_flaky(struct guest *g)
{
	const char *times = getenv("FAKE_QEMU_FLAKY"),
		   *path = getenv("FAKE_QEMU_COUNT");
	FILE *f = path ? fopen(path, "a") : NULL;

	if (!f || !times)
		die("nobody counts the tries");
	fputc('x', f);
	if (ftell(f) < strtol(times, NULL, 10))
		die("could not set up host memory");
	fclose(f);
	play_ok(g);
}

static void play_gate(struct guest *g)
{
	const char *path = getenv("FAKE_QEMU_GATE");
	int fd = path ? open(path, O_RDONLY) : -1;
	char byte;

	look_alive();
	if (fd < 0 || read(fd, &byte, 1) != 1)
		die("the gate is broken");
	signal(SIGALRM, SIG_IGN);
	close(fd);
	play_ok(g);
}

/* ---- broken guests ---- */

static void play_silent(struct guest *g)
{
	boot_console(g);
}

static void play_nothing(struct guest *g)
{
	(void)g;
}

static void play_panic(struct guest *g)
{
	hello(g);
	fputs("[    0.500000] BUG: kernel NULL pointer dereference\n"
	      "[    0.500000] <script>alert(1)</script> \x1b[2J\xff\n"
	      "[    0.500000] Kernel panic - not syncing: <b>Fatal</b> "
	      "exception\n"
	      "[    0.500000] ---[ end Kernel panic ]---\n",
	      g->console);
}

#define SPLAT                                                                  \
	"[    0.600000] ------------[ cut here ]------------\n"                \
	"[    0.600000] WARNING: CPU: 0 PID: 7 at mm/slub.c:99 "               \
	"flush_all+0x12/0x80\n"                                                \
	"[    0.600000] CPU: 0 PID: 7 Comm: <b>hack Not tainted 6.1.0 #1\n"    \
	"[    0.600000] RIP: 0010:flush_all+0x12/0x80\n"                       \
	"[    0.600000] Call Trace:\n"                                         \
	"[    0.600000]  do_exit+0x1/0x2\n"                                    \
	"[    0.600000] ---[ end trace 0000000000000000 ]---\n"

static void play_splat(struct guest *g)
{
	hello(g);
	fputs(SPLAT, g->console);
	steps(g);
	bye(g);
}

/* The same report may be there often. */
static void play_splats(struct guest *g)
{
	hello(g);
	fputs(SPLAT SPLAT SPLAT, g->console);
	steps(g);
	bye(g);
}

static void play_gpf(struct guest *g)
{
	boot_console(g);
	fputs("[    0.200000] general protection fault, probably for "
	      "non-canonical "
	      "address 0xdead000000000122: 0000 [#1] PREEMPT SMP\n"
	      "[    0.200000] CPU: 0 PID: 0 Comm: swapper Not tainted 6.1.0 "
	      "#1\n"
	      "[    0.200000] RIP: 0010:kmem_cache_alloc+0x9a/0x2b0\n"
	      "[    0.200000] Call Trace:\n"
	      "[    0.200000]  start_kernel+0x1/0x2\n"
	      "[    0.200000] ---[ end trace 0000000000000000 ]---\n"
	      "[    0.200000] Kernel panic - not syncing: Attempted to kill "
	      "the idle "
	      "task!\n",
	      g->console);
}

static void play_incomplete(struct guest *g)
{
	hello(g);
	steps(g);
}

static void play_error(struct guest *g)
{
	hello(g);
	frame(g, "{\"t\":\"error\",\"what\":\"cannot \\u001b[31m<b>mount\\u00e9"
		 "\\u4e00\"}");
}

static void play_skip(struct guest *g)
{
	hello(g);
	bye(g);
}

/* The agent is the process that the kernel chose. */
static void play_oom(struct guest *g)
{
	hello(g);
	fputs("[    0.5] init invoked oom-killer: gfp_mask=0x140cca, order=0\n"
	      "[    0.5] Out of memory: Killed process 1 (init) total-vm:1kB\n"
	      "[    0.5] Kernel panic - not syncing: Attempted to kill init! "
	      "exitcode=0x00000009\n",
	      g->console);
}

/* A console that is no text, of a guest that is well. */
static void play_mess(struct guest *g)
{
	hello(g);
	fwrite("\0\0\0\033[2J\033]0;title\007\r\r\n", 1, 19, g->console);
	for (int i = 0; i < 1 << 20; i++)
		fputc('A' + i % 26, g->console);
	fputs("\nklab1 00000000000000000000000000000000 0 2 0 {}\n",
	      g->console);
	steps(g);
	bye(g);
}

/* Says in vain that it lives: nothing of it has the boot's secret. */
static void play_liar(struct guest *g)
{
	const char *json = "{\"t\":\"start\",\"step\":\"run\",\"ns\":1}";

	boot_console(g);
	frame_as(g, "00000000000000000000000000000000", 0, strlen(json),
		 crc32_of(json, strlen(json)), json);
	fflush(g->port);
	wait_for_ever();
}

/* ---- hostile guests ---- */

static _Noreturn void flood(FILE *f, const char *text)
{
	for (;;)
		if (fputs(text, f) == EOF)
			wait_for_ever();
}

static void play_flood_port(struct guest *g)
{
	hello(g);
	flood(g->port, "all work and no play makes jack a dull boy\n");
}

static void play_flood_console(struct guest *g)
{
	hello(g);
	flood(g->console, "[    1.0] all work and no play\n");
}

static void play_flood_frames(struct guest *g)
{
	hello(g);
	for (;;)
		frame(g, "{\"t\":\"out\",\"step\":\"run\",\"stream\":\"out\","
			 "\"data\":\"x\"}");
}

static void play_garbage(struct guest *g)
{
	for (uint32_t x = 1, i = 0; i < 100000; i++) {
		x = x * 1664525 + 1013904223;
		fputc((int)(x >> 24), g->port);
	}
}

static void play_long(struct guest *g)
{
	hello(g);
	for (int i = 0; i < 1 << 20; i++)
		fputc('A', g->port);
	fputc('\n', g->port);
	steps(g);
	bye(g);
}

static void play_nul(struct guest *g)
{
	hello(g);
	fwrite("\0\0\0\n", 1, 4, g->port);
	steps(g);
	bye(g);
}

/* What a workload that found the port might write. */
static void play_forged(struct guest *g)
{
	const char *json = "{\"t\":\"end\",\"step\":\"run\",\"exit\":0}";

	hello(g);
	frame_as(g, "00000000000000000000000000000000", g->seq, strlen(json),
		 crc32_of(json, strlen(json)), json);
	steps(g);
	bye(g);
}

static void play_checksum(struct guest *g)
{
	hello(g);
	steps(g);
	frame_as(g, g->secret, g->seq, 9, 0xdeadbeef, "{\"t\":\"x\"}");
}

static void play_order(struct guest *g)
{
	hello(g);
	g->seq++;
	steps(g);
	bye(g);
}

static void play_twice(struct guest *g)
{
	hello(g);
	g->seq--;
	steps(g);
	bye(g);
}

static void play_length(struct guest *g)
{
	hello(g);
	frame_as(g, g->secret, g->seq, 5, 0, "{\"t\":\"x\"}");
}

static void play_no_object(struct guest *g)
{
	hello(g);
	frame(g, "[\"t\",\"bye\"]");
}

static void play_no_json(struct guest *g)
{
	hello(g);
	frame(g, "{\"t\":\"bye\",\"ns\":1");
}

/* Small on the wire, large in memory. */
static void play_nested(struct guest *g)
{
	char json[4000];
	size_t n = (size_t)snprintf(json, sizeof(json), "{\"t\":\"x\",\"a\":[");

	while (n < sizeof(json) - 8) {
		memcpy(json + n, "[],", 3);
		n += 3;
	}
	memcpy(json + n - 1, "]}", 3);
	hello(g);
	for (int i = 0; i < 100; i++)
		frame(g, json);
	steps(g);
	bye(g);
}

static void play_truncated(struct guest *g)
{
	hello(g);
	steps(g);
	fprintf(g->port, "klab1 %s %u 9 00", g->secret, g->seq);
}

/* ---- */

static const struct {
	const char *name;
	void (*fn)(struct guest *g);
} table[] = {
	{"ok", play_ok},
	{"die", play_die},
	{"kill", play_kill},
	{"crash", play_crash},
	{"live", play_live},
	{"mule", play_mule},
	{"hang", play_hang},
	{"stubborn", play_stubborn},
	{"grandchild", play_grandchild},
	{"close", play_close},
	{"gate", play_gate},
	{"flaky", play_flaky},
	{"silent", play_silent},
	{"nothing", play_nothing},
	{"panic", play_panic},
	{"splat", play_splat},
	{"splats", play_splats},
	{"gpf", play_gpf},
	{"incomplete", play_incomplete},
	{"error", play_error},
	{"oom", play_oom},
	{"mess", play_mess},
	{"liar", play_liar},
	{"skip", play_skip},
	{"flood-port", play_flood_port},
	{"flood-console", play_flood_console},
	{"flood-frames", play_flood_frames},
	{"garbage", play_garbage},
	{"long", play_long},
	{"nul", play_nul},
	{"forged", play_forged},
	{"checksum", play_checksum},
	{"order", play_order},
	{"twice", play_twice},
	{"length", play_length},
	{"no-object", play_no_object},
	{"no-json", play_no_json},
	{"nested", play_nested},
	{"truncated", play_truncated},
	/* These differ in one detail of play_ok(), see plays(). */
	{"exit", play_ok},
	{"signal", play_ok},
	{"late", play_ok},
	{"lag", play_ok},
	{"load-failed", play_ok},
	{"no-metronome", play_ok},
	{"no-number", play_ok},
	{"negative", play_ok},
	{"huge", play_ok},
	{"json-", play_ok},
};

void play(struct guest *g)
{
	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
		size_t n = strlen(table[i].name);

		if (strncmp(g->play, table[i].name, n) ||
		    (g->play[n] && table[i].name[n - 1] != '-'))
			continue;
		table[i].fn(g);
		return;
	}
	die("there is no play '%s'", g->play);
}

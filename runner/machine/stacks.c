#include "machine/stacks.h"

#include "base/err.h"
#include "base/file.h"
#include "base/str.h"
#include "machine/machine.h"
#include "machine/qmp.h"
#include "machine/symbols.h"

#include <inttypes.h>
#include <unistd.h>
#include <uv.h>

#define CPUS_MAX 64
#define PAGE 4096u
/* Kernel stacks are of 16 KiB, with KASAN of 32. */
#define PAGES_MAX 8
#define WORDS_SHOWN 64
/* Where QEMU puts a piece of the guest's memory, in the boot's folder. */
#define MEMORY "stack.bin"

struct vcpu {
	char *registers; /* QEMU's text */
	uint64_t rip, rsp;
	bool user, halted;
	struct str stack; /* from rsp on */
};

struct stacks {
	struct qmp *q;
	char *dir, *why;
	struct symbols *symbols;
	uv_timer_t timer;
	struct vcpu cpus[CPUS_MAX];
	size_t ncpus, at; /* at: whose stack is being read */
	bool finished;
	stacks_fn done;
	void *arg;
};

static void read_on(struct stacks *s);

/* ---- the file ---- */

static void write_stack(const struct stacks *s, const struct vcpu *v,
			struct str *out)
{
	char name[300];
	int shown = 0;

	for (size_t i = 0; i + 8 <= v->stack.len && shown < WORDS_SHOWN;
	     i += 8) {
		uint64_t word;

		memcpy(&word, v->stack.buf + i, 8);
		if (!symbols_called_from(s->symbols, word))
			continue;
		str_addf(out, "  ? %s\n",
			 symbols_name(s->symbols, word, name, sizeof(name)));
		shown++;
	}
	if (!shown)
		str_adds(out, s->symbols ? "  none\n"
					 : "  the kernel's symbols are not in "
					   "the lab\n");
}

static void write_cpu(const struct stacks *s, size_t i, struct str *out)
{
	const struct vcpu *v = &s->cpus[i];
	char name[300];

	str_addf(out, "\nCPU %zu: %s%s, RIP: %s\n", i,
		 v->user ? "in a program" : "in the kernel",
		 v->halted ? ", halted" : "",
		 symbols_name(s->symbols, v->rip, name, sizeof(name)));
	if (!v->user) {
		str_adds(out, " code addresses on its stack, not all of them "
			      "callers:\n");
		write_stack(s, v, out);
	}
	str_addf(out, " registers:\n%s", v->registers);
}

static void write_file(const struct stacks *s)
{
	char *path = xasprintf("%s/%s", s->dir, BOOT_STACKS);
	struct str out = STR_INIT;
	struct err ignored;

	str_addf(&out, "%s\n", s->why);
	if (!s->ncpus)
		str_adds(&out, "QEMU did not tell its CPUs' registers\n");
	for (size_t i = 0; i < s->ncpus; i++)
		write_cpu(s, i, &out);
	/* A disk that is full leaves the boot without this file. */
	if (file_put(path, out.buf, out.len, &ignored))
		unlink(path);
	str_release(&out);
	free(path);
}

static void finish(struct stacks *s)
{
	if (s->finished)
		return;
	s->finished = true;
	uv_timer_stop(&s->timer);
	write_file(s);
	s->done(s->arg);
}

static void on_late(uv_timer_t *t)
{
	finish(t->data);
}

/* ---- what QEMU says ---- */

static void take_memory(struct stacks *s, struct vcpu *v)
{
	char *path = xasprintf("%s/%s", s->dir, MEMORY);
	struct str piece = STR_INIT;
	struct err ignored;

	if (!file_read(path, PAGE, &piece, &ignored))
		str_add(&v->stack, piece.buf, piece.len);
	str_release(&piece);
	unlink(path);
	free(path);
}

static void on_memory(const json_t *value, void *arg)
{
	struct stacks *s = arg;

	if (s->finished)
		return;
	/* Where nothing is mapped the stack has ended. */
	if (value)
		take_memory(s, &s->cpus[s->at]);
	else
		s->at++;
	read_on(s);
}

/* Asks for the next page of a stack. */
static void read_on(struct stacks *s)
{
	const struct vcpu *v = s->cpus;
	uint64_t from;

	for (; s->at < s->ncpus; s->at++) {
		v = &s->cpus[s->at];
		if (!v->user && v->rsp >= 1ull << 63 &&
		    v->stack.len < (size_t)(PAGES_MAX - 1) * PAGE)
			break;
	}
	if (s->at == s->ncpus) {
		finish(s);
		return;
	}
	from = v->rsp + v->stack.len;
	qmp_ask(s->q, "memsave",
		json_pack("{s:I, s:I, s:s, s:i}", "val", (json_int_t)from,
			  "size", (json_int_t)(PAGE - from % PAGE), "filename",
			  MEMORY, "cpu-index", (int)s->at),
		on_memory, s);
}

static uint64_t number(const char *text, const char *key)
{
	const char *at = strstr(text, key);

	return at ? strtoull(at + strlen(key), NULL, 16) : 0;
}

static void take_registers(struct stacks *s, const char *text)
{
	const char *next;

	for (text = strstr(text, "CPU#"); text && s->ncpus < CPUS_MAX;
	     text = next) {
		struct vcpu *v = &s->cpus[s->ncpus++];

		next = strstr(text + 4, "CPU#");
		v->registers = next ? xstrndup(text, (size_t)(next - text))
				    : xstrdup(text);
		/* EIP before a kernel has left the 32 bits it starts in. */
		v->rip = number(v->registers,
				strstr(v->registers, "RIP=") ? "RIP=" : "EIP=");
		v->rsp = number(v->registers, "RSP=");
		v->user = strstr(v->registers, " CPL=3");
		v->halted = strstr(v->registers, " HLT=1");
	}
}

static void on_registers(const json_t *value, void *arg)
{
	struct stacks *s = arg;
	const char *text = json_string_value(value);

	if (s->finished)
		return;
	if (text)
		take_registers(s, text);
	read_on(s);
}

/* ---- */

struct stacks *stacks_take(struct uv_loop_s *loop, struct qmp *q,
			   const char *dir, const char *store, const char *why,
			   uint64_t limit_ms, stacks_fn done, void *arg)
{
	struct stacks *s = xcalloc(1, sizeof(*s));
	struct err ignored;

	s->q = q;
	s->dir = xstrdup(dir);
	s->why = xstrdup(why);
	s->done = done;
	s->arg = arg;
	uv_timer_init(loop, &s->timer);
	s->timer.data = s;
	uv_update_time(loop);
	uv_timer_start(&s->timer, on_late, limit_ms, 0);
	qmp_ask(q, "stop", NULL, NULL, NULL);
	qmp_ask(q, "human-monitor-command",
		json_pack("{s:s}", "command-line", "info registers -a"),
		on_registers, s);
	/* Meanwhile QEMU is at work. */
	if (symbols_of(store, &s->symbols, &ignored))
		s->symbols = NULL;
	return s;
}

static void on_closed(uv_handle_t *h)
{
	struct stacks *s = h->data;

	for (size_t i = 0; i < s->ncpus; i++) {
		free(s->cpus[i].registers);
		str_release(&s->cpus[i].stack);
	}
	symbols_free(s->symbols);
	free(s->dir);
	free(s->why);
	free(s);
}

void stacks_free(struct stacks *s)
{
	if (!s)
		return;
	s->finished = true;
	uv_close((uv_handle_t *)&s->timer, on_closed);
}

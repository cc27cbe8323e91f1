/*
 * The parts of the fake QEMU: fake_qemu.c reads the command line and the job,
 * fake_agent.c is a guest that does what it should, fake_plays.c has those
 * that do not.
 */
#ifndef FAKE_H
#define FAKE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#define STEPS_MAX 16

struct step {
	const char *name, *collect;
	bool loaded;
};

struct guest {
	/* the command line */
	const char *kernel, *initrd;
	char console_path[4096], port_path[4096];
	int seed, cpus;
	/* the job */
	const char *secret;
	long long metronome_ns;
	struct step steps[STEPS_MAX];
	int nsteps;
	/* the kernel */
	char version[256];
	int slow; /* per cent */
	/* the run */
	FILE *console, *port;
	unsigned seq;
	const char *play;
};

_Noreturn void die(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
bool plays(const struct guest *g, const char *name);

/* The frame's number is counted up; frame_as() says all itself. */
void frame(struct guest *g, const char *json);
void frame_as(struct guest *g, const char *secret, unsigned seq, size_t len,
	      uint32_t crc, const char *json);
uint32_t crc32_of(const char *p, size_t len);

/* What a guest does, in order. */
void boot_console(struct guest *g);
void hello(struct guest *g);
void steps(struct guest *g);
void bye(struct guest *g);

/* Does what g->play says. */
void play(struct guest *g);

#endif

/*
 * The box and the ways to it: ssh, its serial console, its power.
 *
 * All calls wait; while they do, the console goes on being recorded, and a
 * signal that asks klab to stop ends the wait with -EINTR (until box_insist()).
 * Every command has a deadline.
 *
 * Order: box_open(), console_start(), box_connect(), box_do() as often as
 * needed, box_close().
 */
#ifndef KLAB_METAL_BOX_H
#define KLAB_METAL_BOX_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <uv.h>

#include "base/job.h"
#include "base/stop.h"
#include "metal/conf.h"

struct err;

#define BOX_SERIAL "serial.log" /* all that the console said, in the folder */
#define BOX_LOG "metal.log"
#define BOX_SOCKET "ssh.sock" /* relative: a socket's path must be short */

struct box {
	const struct metal_conf *conf;
	uv_loop_t loop;
	uv_timer_t tick;
	struct stop stop;
	bool stopped;      /* asked to end */
	bool insist;       /* ... which is not heard any more */
	struct job *front; /* what is waited for */
	bool front_done;
	struct job_result result; /* of the last command */
	struct job *master;       /* ssh's connection, or NULL */
	char broke[300];          /* what it said at its end */
	struct job *console;
	int pty;        /* our end of the console command's terminal, or -1 */
	FILE *log;      /* metal.log */
	uint64_t began; /* uv_now() at the start, ms */
};

/* Starts nothing yet.  cwd is the boot's folder. */
int box_open(struct box *b, const struct metal_conf *c, struct err *e);
/* Ends what still runs. */
void box_close(struct box *b);
/* A line in metal.log, with the time. */
void box_say(struct box *b, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
/* From now on signals do not end a wait. */
void box_insist(struct box *b);

/* ---- ssh ---- */

/* Makes the connection that later commands share; tries until the time is up.
 * ERR_LAB with ssh's own words. */
int box_connect(struct box *b, uint64_t ms, struct err *e);
/* One try, which takes ssh_timeout_s at most. */
int box_try(struct box *b, struct err *e);
void box_disconnect(struct box *b);
bool box_connected(const struct box *b);
/* Runs a verb of target.sh.  words: its arguments, NULL-terminated, or NULL;
 * in: its stdin, 0 for none.  Its output is in b->result until the next call.
 * -ENOLINK if ssh itself failed, -ETIMEDOUT at the deadline, -EINTR, or -EIO if
 * the verb failed. */
int box_do(struct box *b, const char *verb, const char *const *words, int in,
	   uint64_t ms, struct err *e);
/* The same with ssh_timeout_s and no stdin. */
int box_ask(struct box *b, const char *verb, const char *const *words,
	    struct err *e);
/* Waits that long, or less: -EINTR. */
int box_sleep(struct box *b, uint64_t ms, struct err *e);
uint64_t box_now(struct box *b); /* ms */

/* ---- console and power ---- */

/* Bytes that the console has said so far, and how long ago it last did; 0 and
 * UINT64_MAX where there is no console. */
uint64_t box_console_len(const struct box *b);
uint64_t box_console_silent_ms(const struct box *b);
/* Types on the console; false if it cannot. */
bool box_type(struct box *b, const char *text);
/* BREAK and the letter of a sysrq. */
bool box_type_sysrq(struct box *b, char letter);
/* Runs the power_cycle command; ERR_LAB says so plainly if there is none or if
 * it fails. */
int box_power_cycle(struct box *b, struct err *e);

#endif

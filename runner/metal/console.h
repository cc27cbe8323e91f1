/*
 * The console command of a box: a child with a terminal as its stdin, because
 * many such programs want one, and its output in BOX_SERIAL.
 */
#ifndef KLAB_METAL_CONSOLE_H
#define KLAB_METAL_CONSOLE_H

#include <stdbool.h>
#include <stdint.h>

struct box;
struct err;
struct str;

/* ERR_LAB if it ends at once. */
int console_start(struct box *b, struct err *e);
/* Closes the terminal, after the command has ended. */
void console_hang_up(struct box *b);

/*
 * Of what was recorded from byte `from` to `to`, what the kernel under test
 * said: up to where the default kernel's banner shows that it has gone. release
 * and home_release are the two kernels' uname -r.
 */
int console_cut(const char *path, uint64_t from, uint64_t to,
		const char *release, const char *home_release, struct str *out,
		struct err *e);

/* Has a kernel of that release begun to speak since byte `from`? */
bool console_has_banner(const char *path, uint64_t from, const char *release);

#endif

/*
 * QEMU's emulation with a thread for each vCPU, on the host's clock: for runs
 * that must work anywhere and for stress, where vCPUs truly run at once.  What
 * it measures is the emulator as much as the kernel.
 */
#include "machine/backend.h"

static const char *const keys[] = {"board", NULL};

/* An emulated processor's time stamp counter is right, and nothing there would
 * make a clock unstable but the host's load. */
static void command(const struct machine *m, int hz, struct strv *argv)
{
	(void)hz;
	qemu_wall_argv(m, "tcg,thread=multi", "max",
		       "tsc=reliable no_timer_check", argv);
}

const struct backend backend_tcg = {
	.accel = "tcg",
	.clock = "wall",
	.keys = keys,
	.read = qemu_read_board,
	.command = command,
	.prepare = qemu_prepare,
	.boot = qemu_boot,
	.watch = qemu_watch,
	.stop = qemu_stop,
	.collect = qemu_collect,
	.release = qemu_land,
};

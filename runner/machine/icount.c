/*
 * The exact clock: QEMU's TCG with icount, where guest time is the number of
 * instructions executed.  Each element below is there so that the same seed
 * gives the same run, to the nanosecond, on any host; docs/exact-clock.md has
 * the reasons.
 */
#include "machine/backend.h"

#include "base/err.h"
#include "base/str.h"

#define CMDLINE                                                                \
	"console=ttyS0 printk.time=1 panic=-1 nokaslr tsc=reliable "           \
	"hpet=disable "                                                        \
	"iomem=relaxed random.trust_cpu=on no_timer_check cryptomgr.notests"

/* Virtual time passes at one cycle of the TSC an instruction, 10^9 a second. */
#define TSC_HZ 1000000000

static void command(const struct machine *m, int hz, struct strv *argv)
{
	/* clang-format off: an option and its value are one line */
	static const char *const fixed[] = {
		"-nodefaults",
		"-no-user-config",
		"-display",
		"none",
		"-no-reboot",
		"-nic",
		"none",
		"-machine",
		"pc-i440fx-7.2,hpet=on",
		"-accel",
		"tcg,thread=single",
		"-icount",
		"shift=0,sleep=off",
		"-rtc",
		"base=2024-01-01T00:00:00,clock=vm",
		"-cpu",
		"qemu64,+rdrand,+rdseed",
		"-chardev",
		"file,id=console,path=" BOOT_CONSOLE,
		"-serial",
		"chardev:console",
		"-chardev",
		"file,id=port,path=" BOOT_PORT,
		"-serial",
		"chardev:port",
		"-kernel",
		BOOT_KERNEL,
		"-initrd",
		BOOT_INITRAMFS,
	};
	/* clang-format on */
	struct str cmdline = STR_INIT;

	for (size_t i = 0; i < sizeof(fixed) / sizeof(*fixed); i++)
		strv_add(argv, fixed[i]);
	str_adds(&cmdline, CMDLINE);
	if (hz)
		str_addf(&cmdline, " lpj=%d", TSC_HZ / hz);
	if (m->append)
		str_addf(&cmdline, " %s", m->append);
	strv_add(argv, "-append");
	strv_add(argv, cmdline.buf);
	str_release(&cmdline);
	strv_add(argv, "-smp");
	strv_addf(argv, "%d", m->vcpus);
	strv_add(argv, "-m");
	strv_addf(argv, "%dM", m->memory_mib);
}

static int check(const struct machine *m, const struct qemu *q, struct err *e)
{
	bool smp = q->major > QEMU_SMP_MAJOR ||
		   (q->major == QEMU_SMP_MAJOR && q->minor >= QEMU_SMP_MINOR);

	if (m->vcpus == 1 || smp)
		return 0;
	return err_lab(e,
		       "machine '%s' has %d vCPUs, which need QEMU >= %d.%d "
		       "under the exact clock; this is %s, where a second vCPU "
		       "never starts",
		       m->name, m->vcpus, QEMU_SMP_MAJOR, QEMU_SMP_MINOR,
		       q->version);
}

const struct backend backend_icount = {
	.accel = "icount",
	.clock = "exact",
	.check = check,
	.command = command,
	.prepare = qemu_prepare,
	.boot = qemu_boot,
	.watch = qemu_watch,
	.stop = qemu_stop,
	.collect = qemu_collect,
	.release = qemu_land,
};

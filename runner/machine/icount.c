/*
 * The exact clock: QEMU's TCG with icount, where guest time is the number of
 * instructions executed.  Each element below is there so that the same seed
 * gives the same run, to the nanosecond, on any host; docs/exact-clock.md has
 * the reasons.
 */
#include "machine/machine.h"

#include "base/str.h"

char *machine_cmdline(const struct machine *m)
{
	(void)m;
	return xstrdup("console=ttyS0 panic=-1 nokaslr tsc=reliable "
		       "hpet=disable iomem=relaxed");
}

static void add_serial(struct strv *argv, const char *id, const char *path)
{
	struct str option = STR_INIT;

	str_addf(&option, "file,id=%s,path=", id);
	for (; *path; path++)
		str_addf(&option, *path == ',' ? ",," : "%c", *path);
	strv_add(argv, "-chardev");
	strv_add(argv, option.buf);
	str_release(&option);
	strv_add(argv, "-serial");
	strv_addf(argv, "chardev:%s", id);
}

void machine_argv(const struct machine_boot *b, struct strv *argv)
{
	const char *const fixed[] = {
		"-nodefaults", "-no-user-config", "-display",	 "none",
		"-no-reboot",  "-nic",		  "none",	 "-accel",
		"tcg",	       "-icount",	  "shift=0,sleep=off", "-rtc",
		"base=2024-01-01T00:00:00,clock=vm", "-machine",
		"q35,hpet=on", "-cpu", "qemu64,+rdrand,+rdseed",
	};

	strv_add(argv, b->qemu->path);
	for (size_t i = 0; i < sizeof(fixed) / sizeof(*fixed); i++)
		strv_add(argv, fixed[i]);
	strv_add(argv, "-smp");
	strv_addf(argv, "%d", b->machine->vcpus);
	strv_add(argv, "-m");
	strv_addf(argv, "%dM", b->machine->memory_mib);
	strv_add(argv, "-seed");
	strv_addf(argv, "%d", b->seed);
	add_serial(argv, "console", b->console);
	add_serial(argv, "port", b->port);
	strv_add(argv, "-kernel");
	strv_add(argv, b->kernel);
	strv_add(argv, "-initrd");
	strv_add(argv, b->initramfs);
	strv_add(argv, "-append");
	strv_add(argv, b->cmdline);
}

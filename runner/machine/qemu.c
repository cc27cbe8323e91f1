#include "machine/qemu.h"

#include "base/err.h"
#include "base/file.h"
#include "base/job.h"
#include "base/str.h"
#include "base/yml.h"
#include "machine/backend.h"

#include <errno.h>

#define WALL_CMDLINE                                                           \
	"console=ttyS0 printk.time=1 panic=-1 nokaslr random.trust_cpu=on "    \
	"cryptomgr.notests"

static int parse_version(const char *text, struct qemu *q)
{
	const char *at = strstr(text, "version ");
	size_t n;

	if (!at || sscanf(at, "version %d.%d", &q->major, &q->minor) != 2)
		return -EINVAL;
	at += strlen("version ");
	n = strspn(at, "0123456789.");
	q->version = xstrndup(at, n);
	q->build = xstrndup(at, strcspn(at, "\n"));
	return 0;
}

/* The first of QEMU's folders that has the file. */
static void add_firmware(struct str *out, const char *dirs, const char *name)
{
	char *all = xstrdup(dirs), *rest = NULL, hex[SHA256_HEX];
	struct err ignored;

	for (char *dir = strtok_r(all, "\n", &rest); dir;
	     dir = strtok_r(NULL, "\n", &rest)) {
		char *path = xasprintf("%s/%s", dir, name);
		bool found =
			file_exists(path) && !file_sha256(path, hex, &ignored);

		free(path);
		if (!found)
			continue;
		str_addf(out, "%s%s %.12s", out->len ? ", " : "", name, hex);
		break;
	}
	free(all);
}

/* Part of what runs in the guest, and of another package than QEMU. */
static void find_firmware(struct qemu *q)
{
	struct job_spec spec = {.deadline_ms = 20000};
	struct str found = STR_INIT;
	struct job_result r;
	struct err ignored;

	spec.argv = (const char *const[]){q->path, "-L", "help", NULL};
	if (!job_run(&spec, &r, &ignored) && !r.exit && !r.signal &&
	    r.out.len) {
		add_firmware(&found, r.out.buf, "bios-256k.bin");
		add_firmware(&found, r.out.buf, "bios-microvm.bin");
		add_firmware(&found, r.out.buf, "pvh.bin");
		add_firmware(&found, r.out.buf, "linuxboot_dma.bin");
	}
	job_result_release(&r);
	q->firmware = found.len ? str_detach(&found) : xstrdup("unknown");
	str_release(&found);
}

int qemu_find(struct qemu *q, struct err *e)
{
	const char *program = getenv("KLAB_QEMU");
	struct job_spec spec = {.deadline_ms = 20000};
	struct job_result r;
	int ret;

	if (!program || !*program)
		program = "qemu-system-x86_64";
	*q = (struct qemu){0};
	/* A path of the user's starts where klab does; a boot, in its folder.
	 */
	if (strchr(program, '/'))
		q->path = realpath(program, NULL);
	if (!q->path)
		q->path = xstrdup(program);
	spec.argv = (const char *const[]){program, "--version", NULL};
	ret = job_run(&spec, &r, e);
	if (!ret && (r.exit || r.signal || parse_version(r.out.buf, q)))
		ret = err_lab(e,
			      "'%s --version' does not answer like QEMU: "
			      "install QEMU (make setup)",
			      program);
	job_result_release(&r);
	if (ret)
		qemu_release(q);
	else
		find_firmware(q);
	return ret;
}

void qemu_release(struct qemu *q)
{
	free(q->path);
	free(q->version);
	free(q->build);
	free(q->firmware);
	*q = (struct qemu){0};
}

/* ---- machine files and command lines ---- */

static const struct {
	const char *name, *machine, *words;
} boards[] = {
	{"q35", "q35", NULL},
	{"pc", "pc", NULL},
	/* Without ACPI its interrupts are those of a PC, and its CPUs are told
	 * by the MP table; with it a kernel needs a clock that emulation has
	 * not.  It ends by a triple fault. */
	{"microvm", "microvm,acpi=off,rtc=on", "reboot=t"},
};

#define NBOARDS (sizeof(boards) / sizeof(*boards))

int qemu_read_board(struct yml_node *root, struct machine *m, struct err *e)
{
	const char *board = boards[0].name;

	if (yml_opt_text(root, "board", &board, e))
		return -1;
	for (size_t i = 0; i < NBOARDS; i++) {
		if (strcmp(boards[i].name, board))
			continue;
		m->board = xstrdup(board);
		return 0;
	}
	return yml_err(yml_get(root, "board"), e,
		       "'%s' is no board; there are: q35, pc, microvm", board);
}

static void add_words(struct strv *argv, const char *const *words)
{
	for (; *words; words++)
		strv_add(argv, *words);
}

/* clang-format off: an option and its value are one line */
static const char *const files[] = {
	"-chardev", "file,id=console,path=" BOOT_CONSOLE,
	"-serial",  "chardev:console",
	"-chardev", "file,id=port,path=" BOOT_PORT,
	"-kernel",  BOOT_KERNEL,
	"-initrd",  BOOT_INITRAMFS,
	NULL,
};

static const char *const bare[] = {
	"-nodefaults", "-no-user-config",
	"-display",    "none",
	"-no-reboot",  "-nic",
	"none",        NULL,
};
/* clang-format on */

void qemu_wall_argv(const struct machine *m, const char *accel, const char *cpu,
		    const char *words, struct strv *argv)
{
	size_t board = 0;
	struct str line = STR_INIT;

	for (size_t i = 0; m->board && i < NBOARDS; i++)
		if (!strcmp(boards[i].name, m->board))
			board = i;
	add_words(argv, bare);
	strv_add(argv, "-machine");
	strv_add(argv, boards[board].machine);
	strv_add(argv, "-accel");
	strv_add(argv, accel);
	strv_add(argv, "-cpu");
	strv_add(argv, cpu);
	add_words(argv, files);
	/* A microvm has one serial port unless told so. */
	strv_add(argv, boards[board].words ? "-device" : "-serial");
	strv_add(argv, boards[board].words ? "isa-serial,chardev=port"
					   : "chardev:port");
	str_adds(&line, WALL_CMDLINE);
	if (words)
		str_addf(&line, " %s", words);
	if (boards[board].words)
		str_addf(&line, " %s", boards[board].words);
	if (m->append)
		str_addf(&line, " %s", m->append);
	strv_add(argv, "-append");
	strv_add(argv, line.buf);
	strv_add(argv, "-smp");
	strv_addf(argv, "%d", m->vcpus);
	strv_add(argv, "-m");
	strv_addf(argv, "%dM", m->memory_mib);
	str_release(&line);
}

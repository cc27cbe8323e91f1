/*
 * The agent: PID 1 of the guest.
 *
 * It mounts what programs expect, reads its orders (job.h), loads modules,
 * starts the metronome, runs the steps (step.h), sends what it saw as frames
 * (frame.h), and ends the machine: always, whatever goes wrong, because a guest
 * that stays up costs the lab a whole time limit.  It ends it by a restart,
 * which QEMU is told to take as its end (-no-reboot); unlike power-off that
 * needs no ACPI in the kernel.
 *
 * Nothing is sent while a program runs, so the port's interrupts are never part
 * of what is measured.
 */
#include "guest/frame.h"
#include "guest/job.h"
#include "guest/step.h"
#include "guest/tell.h"
#include "guest/watch.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <termios.h>
#include <unistd.h>

#define AGENT_VERSION 1
#define JOB_PATH "/klab/job"
#define LOAD_LOG_CAP 4096

/* linux/module.h */
#define MODULE_INIT_COMPRESSED_FILE 4

/* The HPET, as QEMU has it: a counter of 10 ns and three timers. */
#define HPET_BASE 0xfed00000
#define HPET_SIZE 4096
#define HPET_CAPABILITIES 0x000 /* upper half: femtoseconds per count */
#define HPET_ENABLE 0x010
#define HPET_TIMER1_CONFIG 0x120
#define HPET_TIMER1_COMPARE 0x128
#define HPET_PERIODIC 0x08
#define HPET_SET_VALUE 0x40
#define HPET_FS_PER_COUNT 10000000
#define HPET_NS_PER_COUNT 10

static void on_crash(int sig)
{
	(void)sig;
	console_say("klab agent: crashed\n");
	end_machine();
}

static void catch_crashes(void)
{
	static const int sigs[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT};
	struct sigaction sa = {.sa_handler = on_crash};

	for (size_t i = 0; i < sizeof(sigs) / sizeof(sigs[0]); i++)
		sigaction(sigs[i], &sa, NULL);
}

static void mount_all(void)
{
	static const struct {
		const char *type, *path;
	} mounts[] = {
		{"devtmpfs", "/dev"}, {"proc", "/proc"}, {"sysfs", "/sys"},
		{"tmpfs", "/tmp"},    {"tmpfs", "/run"}, {"tmpfs", "/dev/shm"},
	};
	const struct rlimit files = {65536, 65536};

	for (size_t i = 0; i < sizeof(mounts) / sizeof(mounts[0]); i++) {
		mkdir(mounts[i].path, 0755);
		if (mount(mounts[i].type, mounts[i].path, mounts[i].type,
			  MS_NOSUID, NULL) &&
		    errno != EBUSY)
			fail("cannot mount %s on %s: %s", mounts[i].type,
			     mounts[i].path, strerror(errno));
	}
	setrlimit(RLIMIT_NOFILE, &files);
}

/* A serial port, or a pipe where the machine is not the agent's alone. */
static void open_port(const char *path)
{
	struct termios t;
	struct stat st;
	int fd = open(path, O_WRONLY | O_NOCTTY | O_CLOEXEC);

	if (fd < 0)
		fail("cannot open '%s': %s", path, strerror(errno));
	if (!fstat(fd, &st) && S_ISFIFO(st.st_mode)) {
		port.fd = fd;
		return;
	}
	if (tcgetattr(fd, &t))
		fail("'%s' is not a serial port", path);
	cfmakeraw(&t);
	t.c_cflag |= CLOCAL;
	cfsetspeed(&t, B115200);
	if (tcsetattr(fd, TCSANOW, &t))
		fail("cannot set up '%s': %s", path, strerror(errno));
	port.fd = fd;
}

static void read_job(struct job *job)
{
	static char text[JOB_FILE_MAX];
	char why[256];
	ssize_t len = read_file(JOB_PATH, text, sizeof(text));
	bool good;

	if (len < 0)
		text[0] = '\0';
	good = job_parse(text, len < 0 ? 0 : (size_t)len, job, why,
			 sizeof(why));
	if (len < 0)
		snprintf(why, sizeof(why), "cannot read %s: %s", JOB_PATH,
			 strerror((int)-len));
	port.secret = job->secret;
	open_port(job->port);
	if (!good)
		fail("%s", why);
}

static void say_hello(void)
{
	struct utsname u;
	struct json j;

	uname(&u);
	json_open(&j, "hello");
	json_num(&j, "agent", AGENT_VERSION);
	json_text(&j, "release", u.release);
	json_num(&j, "cpus", (uint64_t)sysconf(_SC_NPROCESSORS_ONLN));
	json_num(&j, "ns", now_ns());
	send_or_end(&j);
}

static bool ends_in(const char *s, const char *end)
{
	size_t len = strlen(s), n = strlen(end);

	return len >= n && !strcmp(s + len - n, end);
}

static void mount_one(const struct setting *m)
{
	mkdir(m->path, 0755);
	if (mount(m->value, m->path, m->value, MS_NOSUID, NULL) &&
	    errno != EBUSY)
		fail("cannot mount %s on %s: %s", m->value, m->path,
		     strerror(errno));
}

static void load_module(const char *path, const char *params)
{
	bool packed = ends_in(path, ".xz") || ends_in(path, ".zst") ||
		      ends_in(path, ".gz");
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0 || (syscall(SYS_finit_module, fd, params,
			       packed ? MODULE_INIT_COMPRESSED_FILE : 0) &&
		       errno != EEXIST))
		fail("cannot load module '%s': %s", path, strerror(errno));
	close(fd);
}

/*
 * Makes timer 1 of the HPET tick with its interrupt off.  The guest never
 * notices; QEMU ends a vCPU's turn at each tick.  NULL, or why not.
 */
static const char *metronome(uint64_t period_ns)
{
	int fd = open("/dev/mem", O_RDWR | O_SYNC | O_CLOEXEC);
	volatile uint64_t *hpet;
	const char *problem = NULL;

	if (fd < 0)
		return "cannot open /dev/mem";
	hpet = mmap(NULL, HPET_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd,
		    HPET_BASE);
	close(fd);
	if (hpet == MAP_FAILED)
		return "cannot map the HPET (iomem=relaxed missing?)";
	if (hpet[HPET_CAPABILITIES / 8] >> 32 != HPET_FS_PER_COUNT) {
		problem = "no HPET in this machine";
	} else if (hpet[HPET_ENABLE / 8] & 1) {
		problem = "the kernel uses the HPET (hpet=disable missing?)";
	} else {
		hpet[HPET_TIMER1_CONFIG / 8] = HPET_PERIODIC | HPET_SET_VALUE;
		hpet[HPET_TIMER1_COMPARE / 8] = period_ns / HPET_NS_PER_COUNT;
		hpet[HPET_ENABLE / 8] = 1;
	}
	munmap((void *)hpet, HPET_SIZE);
	return problem;
}

static void start_metronome(uint64_t period_ns)
{
	const char *problem = metronome(period_ns);
	struct json j;

	json_open(&j, "metronome");
	json_num(&j, "period_ns", period_ns);
	json_bool(&j, "ok", !problem);
	if (problem)
		json_text(&j, "error", problem);
	send_or_end(&j);
	if (problem)
		fail("metronome: %s", problem);
}

static void send_file(const struct step *s, const char *path)
{
	char *buf = malloc(s->cap + 1);
	ssize_t len;

	if (!buf)
		fail("no memory for '%s'", path);
	len = read_file(path, buf, s->cap + 1);
	if (len < 0)
		fail("step %s: cannot collect '%s': %s", s->name, path,
		     len == -EFBIG ? "longer than its cap"
				   : strerror((int)-len));
	send_data(s->name, "file", path, buf, (size_t)len);
	free(buf);
}

/* What a load said before it failed, or the begin of that. */
static void send_load_log(const struct step *s)
{
	char buf[LOAD_LOG_CAP + 1];
	ssize_t len = read_file(LOAD_LOG, buf, sizeof(buf));

	if (len == -EFBIG)
		len = LOAD_LOG_CAP;
	if (len >= 0)
		send_data(s->name, "file", LOAD_LOG, buf, (size_t)len);
}

static void send_start(const struct step *s)
{
	struct json j;

	json_open(&j, "start");
	json_text(&j, "step", s->name);
	json_num(&j, "ns", now_ns());
	send_or_end(&j);
	tcdrain(port.fd);
}

static void send_end(const struct step *s, const struct step_result *r)
{
	const struct rusage *ru = &r->usage;
	struct json j;

	json_open(&j, "end");
	json_text(&j, "step", s->name);
	json_num(&j, "exit", (uint64_t)r->exit);
	json_num(&j, "signal", (uint64_t)r->signal);
	json_bool(&j, "deadline", r->deadline);
	json_num(&j, "elapsed_ns", r->elapsed_ns);
	json_num(&j, "nvcsw", (uint64_t)ru->ru_nvcsw);
	json_num(&j, "nivcsw", (uint64_t)ru->ru_nivcsw);
	json_num(&j, "minflt", (uint64_t)ru->ru_minflt);
	json_num(&j, "utime_us",
		 (uint64_t)ru->ru_utime.tv_sec * 1000000 +
			 (uint64_t)ru->ru_utime.tv_usec);
	json_num(&j, "stime_us",
		 (uint64_t)ru->ru_stime.tv_sec * 1000000 +
			 (uint64_t)ru->ru_stime.tv_usec);
	json_num(&j, "out_bytes", r->out.total);
	json_num(&j, "err_bytes", r->err.total);
	json_num(&j, "load_runs", r->load_runs);
	json_bool(&j, "load_failed", r->load_failed);
	send_or_end(&j);
}

/* ---- steps ---- */

/* The step itself, between what is read before and after it. */
static void run_step(const struct step *s, int sigfd, struct step_result *r)
{
	struct reading before[JOB_READS], after[JOB_READS];
	const char *what;
	int rc;

	watch_read(s, before);
	watch_write(s, s->set, s->n_set);
	rc = step_run(s, sigfd, r, &what);
	if (rc)
		fail("step %s: cannot %s: %s", s->name, what, strerror(-rc));
	watch_write(s, s->reset, s->n_reset);
	watch_read(s, after);
	watch_send(s, "before", before);
	watch_send(s, "after", after);
}

/* Runs and reports one step; false if its program failed. */
static bool do_step(const struct step *s, int sigfd)
{
	struct step_result r;
	bool good;

	send_start(s);
	run_step(s, sigfd, &r);
	good = !r.exit && !r.signal && !r.deadline;
	send_data(s->name, "out", NULL, r.out.buf, r.out.len);
	send_data(s->name, "err", NULL, r.err.buf, r.err.len);
	if (r.load_failed)
		send_load_log(s);
	for (size_t i = 0; good && i < s->n_collect; i++)
		send_file(s, s->collect[i]);
	send_end(s, &r);
	step_release(&r);
	return good;
}

int main(void)
{
	static struct job job;
	struct json j;
	int sigfd;

	if (getpid() != 1) {
		fputs("klab agent: runs as PID 1 of a guest only\n", stderr);
		return 1;
	}
	catch_crashes();
	mount_all();
	read_job(&job);
	say_hello();
	sigfd = step_signals();
	if (sigfd < 0)
		fail("cannot watch children: %s", strerror(-sigfd));
	for (size_t i = 0; i < job.n_mounts; i++)
		mount_one(&job.mounts[i]);
	for (size_t i = 0; i < job.n_modules; i++)
		load_module(job.modules[i].path, job.modules[i].value);
	if (job.metronome_ns && job.n_steps)
		start_metronome(job.metronome_ns);
	/* A step builds on those before it. */
	for (size_t i = 0; i < job.n_steps; i++) {
		if (!do_step(&job.steps[i], sigfd))
			break;
	}
	json_open(&j, "bye");
	json_num(&j, "ns", now_ns());
	send_or_end(&j);
	end_machine();
}

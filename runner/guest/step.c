#include "guest/step.h"

#include "guest/job.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define NS_PER_MS 1000000
#define NS_PER_S 1000000000
/* How long the killed may take to be gone. */
#define REAP_GRACE_NS (10ULL * NS_PER_S)

struct run {
	const struct step *step;
	struct step_result *res;
	int sigfd;
	pid_t pid, load; /* 0: none or gone */
	uint64_t begin, limit;
};

uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC_RAW, &ts);
	return (uint64_t)ts.tv_sec * NS_PER_S + (uint64_t)ts.tv_nsec;
}

int step_signals(void)
{
	sigset_t set;
	int fd;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	if (sigprocmask(SIG_BLOCK, &set, NULL))
		return -errno;
	fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

/* In the child: becomes the program, or says why not and exits with 127. */
static _Noreturn void become(const struct program *prog, int out, int err)
{
	static char *const base[] = {"PATH=/usr/sbin:/usr/bin:/sbin:/bin",
				     "HOME=/", "LC_ALL=C"};
	char *envp[JOB_ENVS + 4] = {NULL};
	const char *why;
	sigset_t none;
	int in = open("/dev/null", O_RDONLY | O_CLOEXEC);

	/* The job's own come first: getenv() takes the first that fits. */
	memcpy(envp, prog->envp, prog->n_envs * sizeof(envp[0]));
	memcpy(envp + prog->n_envs, base, sizeof(base));
	environ = envp;
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	setsid();
	if (in >= 0 && dup2(in, 0) == 0 && dup2(out, 1) == 1 &&
	    dup2(err, 2) == 2)
		execvp(prog->argv[0], prog->argv);
	why = strerror(errno);
	dprintf(err, "cannot run '%s': %s\n", prog->argv[0], why);
	_exit(127);
}

static pid_t spawn(const struct program *prog, int out, int err)
{
	pid_t pid = fork();

	if (pid == 0)
		become(prog, out, err);
	return pid < 0 ? 0 : pid;
}

static void start_load(struct run *r)
{
	int log =
		open(LOAD_LOG, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	if (log >= 0)
		r->load = spawn(&r->step->load, log, log);
	if (r->load)
		r->res->load_runs++;
	else
		r->res->load_failed = true;
	if (log >= 0)
		close(log);
}

static void load_ended(struct run *r, int status)
{
	r->load = 0;
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		start_load(r);
	else
		r->res->load_failed = true;
}

static void program_ended(struct run *r, int status, const struct rusage *ru)
{
	r->res->elapsed_ns = now_ns() - r->begin;
	r->pid = 0;
	r->res->usage = *ru;
	if (WIFSIGNALED(status))
		r->res->signal = WTERMSIG(status);
	else
		r->res->exit = WEXITSTATUS(status);
}

/* Waits for all that have ended; orphans of the programs come here too. */
static void reap(struct run *r)
{
	struct signalfd_siginfo told;
	struct rusage ru;
	int status;
	pid_t pid;

	while ((pid = wait4(-1, &status, WNOHANG, &ru)) > 0) {
		if (pid == r->pid)
			program_ended(r, status, &ru);
		else if (pid == r->load && r->pid)
			load_ended(r, status);
	}
	while (read(r->sigfd, &told, sizeof(told)) > 0)
		;
}

/* Reads once; what is over the cap is counted and dropped.  False if nothing
 * was there. */
static bool capture_read(struct capture *c)
{
	char spill[4096];
	size_t room = c->cap - c->len;
	ssize_t n;

	if (room)
		n = read(c->fd, c->buf + c->len, room);
	else
		n = read(c->fd, spill, sizeof(spill));
	if (n < 0 && errno == EAGAIN)
		return false;
	if (n <= 0) {
		close(c->fd);
		c->fd = -1;
		return false;
	}
	c->total += (uint64_t)n;
	if (room)
		c->len += (size_t)n;
	return true;
}

/* Waits for an event, but not past `limit`. */
static void wait_event(struct run *r, uint64_t limit)
{
	struct pollfd fds[] = {
		{.fd = r->sigfd, .events = POLLIN},
		{.fd = r->res->out.fd, .events = POLLIN},
		{.fd = r->res->err.fd, .events = POLLIN},
	};
	uint64_t now = now_ns(), left = now < limit ? limit - now : 0;
	struct timespec ts = {.tv_sec = (time_t)(left / NS_PER_S),
			      .tv_nsec = (long)(left % NS_PER_S)};

	if (ppoll(fds, 3, &ts, NULL) <= 0)
		return;
	if (fds[0].revents)
		reap(r);
	if (fds[1].revents)
		capture_read(&r->res->out);
	if (fds[2].revents)
		capture_read(&r->res->err);
}

static void watch(struct run *r)
{
	while (r->pid && now_ns() < r->limit)
		wait_event(r, r->limit);
	if (!r->pid)
		return;
	r->res->deadline = true;
	kill(r->pid, SIGKILL);
	kill(-r->pid, SIGKILL);
	r->limit = now_ns() + REAP_GRACE_NS;
	while (r->pid && now_ns() < r->limit)
		wait_event(r, r->limit);
}

/* Kills all that is left and waits until the agent is alone. */
static int clean_up(struct run *r)
{
	uint64_t limit = now_ns() + REAP_GRACE_NS;

	kill(-1, SIGKILL);
	for (;;) {
		reap(r);
		if (waitid(P_ALL, 0, NULL, WEXITED | WNOHANG | WNOWAIT) &&
		    errno == ECHILD)
			return 0;
		if (now_ns() >= limit)
			return -ETIMEDOUT;
		wait_event(r, limit);
	}
}

/* All writers are dead: what the pipes hold is all there will ever be. */
static void drain(struct capture *c)
{
	while (c->fd >= 0 && capture_read(c))
		;
}

static int capture_open(struct capture *c, size_t cap, int *theirs)
{
	int fds[2];

	c->buf = malloc(cap);
	if (!c->buf)
		return -ENOMEM;
	if (pipe2(fds, O_CLOEXEC))
		return -errno;
	c->cap = cap;
	c->fd = fds[0];
	*theirs = fds[1];
	return fcntl(c->fd, F_SETFL, O_NONBLOCK) ? -errno : 0;
}

static int launch(struct run *r)
{
	int out = -1, err = -1, rc;

	rc = capture_open(&r->res->out, r->step->cap, &out);
	if (!rc)
		rc = capture_open(&r->res->err, r->step->cap, &err);
	if (!rc && r->step->load.n_args)
		start_load(r);
	if (!rc) {
		r->begin = now_ns();
		r->limit = r->begin + r->step->deadline_ms * NS_PER_MS;
		r->pid = spawn(&r->step->program, out, err);
		rc = r->pid ? 0 : -EAGAIN;
	}
	if (out >= 0)
		close(out);
	if (err >= 0)
		close(err);
	return rc;
}

int step_run(const struct step *s, int sigfd, struct step_result *res,
	     const char **what)
{
	struct run r = {.step = s, .res = res, .sigfd = sigfd};
	int rc, gone;

	memset(res, 0, sizeof(*res));
	res->out.fd = res->err.fd = -1;
	/* Anywhere else the clean-up would kill a whole host. */
	*what = "be anything but PID 1";
	if (getpid() != 1)
		return -EPERM;
	*what = "start a program";
	rc = launch(&r);
	if (!rc)
		watch(&r);
	gone = clean_up(&r);
	if (!rc && gone) {
		*what = "get rid of a program";
		rc = gone;
	}
	if (rc) {
		step_release(res);
		return rc;
	}
	drain(&res->out);
	drain(&res->err);
	return 0;
}

void step_release(struct step_result *res)
{
	free(res->out.buf);
	free(res->err.buf);
	res->out.buf = res->err.buf = NULL;
	if (res->out.fd >= 0)
		close(res->out.fd);
	if (res->err.fd >= 0)
		close(res->err.fd);
	res->out.fd = res->err.fd = -1;
}

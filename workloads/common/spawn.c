#define _GNU_SOURCE
#include "spawn.h"
#include "crew.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define NOTHING "/bin/nothing"
#define STACK 65536

static void wait_for(pid_t pid, const char *what)
{
	int status;

	if (pid < 0)
		die("%s: %s", what, strerror(errno));
	if (waitpid(pid, &status, 0) != pid || status)
		die("%s: the child did not end well", what);
}

static void do_fork(void)
{
	pid_t pid = fork();

	if (!pid)
		_exit(0);
	wait_for(pid, "fork");
}

/* The child of vfork() runs on this function's stack: it must not return. */
static void do_vfork(void)
{
	pid_t pid = vfork();

	if (!pid)
		_exit(0);
	wait_for(pid, "vfork");
}

static char *const argv[] = {NOTHING, NULL};
static char *const envp[] = {NULL};

static void do_exec(void)
{
	pid_t pid = fork();

	if (!pid) {
		execve(NOTHING, argv, envp);
		_exit(127);
	}
	wait_for(pid, "exec");
}

static void do_spawn(void)
{
	pid_t pid = vfork();

	if (!pid) {
		execve(NOTHING, argv, envp);
		_exit(127);
	}
	wait_for(pid, "spawn");
}

static void *end_at_once(void *arg)
{
	return arg;
}

/* A small stack: one of the default length may lie on a huge page, or not. */
static void do_clone(void)
{
	static pthread_attr_t attr;
	static bool ready;
	pthread_t thread;
	int r;

	if (!ready && (pthread_attr_init(&attr) ||
		       pthread_attr_setstacksize(&attr, STACK)))
		die("clone: no stack of %d bytes", STACK);
	ready = true;
	r = pthread_create(&thread, &attr, end_at_once, NULL);
	if (r)
		die("clone: %s", strerror(r));
	pthread_join(thread, NULL);
}

void (*spawn_operation(const char *name))(void)
{
	static const struct {
		const char *name;
		void (*operation)(void);
	} modes[] = {
		{"fork", do_fork},   {"vfork", do_vfork}, {"exec", do_exec},
		{"spawn", do_spawn}, {"clone", do_clone},
	};

	for (size_t i = 0; i < sizeof(modes) / sizeof(*modes); i++)
		if (!strcmp(name, modes[i].name))
			return modes[i].operation;
	return NULL;
}

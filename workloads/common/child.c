#define _GNU_SOURCE

#include "child.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define LINE_MAX_BYTES 65536

void fail(const char *what, const char *why)
{
	fflush(stdout);
	fprintf(stderr, "%s: %s\n", what, why);
	exit(1);
}

void child_start(struct child *c, char **argv)
{
	int fds[2];

	if (pipe2(fds, O_CLOEXEC))
		fail("pipe", strerror(errno));
	c->pid = fork();
	if (c->pid < 0)
		fail("fork", strerror(errno));
	if (c->pid == 0) {
		dup2(fds[1], 1);
		execvp(argv[0], argv);
		fprintf(stderr, "%s: %s\n", argv[0], strerror(errno));
		_exit(127);
	}
	close(fds[1]);
	c->out = fdopen(fds[0], "r");
	if (!c->out)
		fail("fdopen", strerror(errno));
}

char *child_line(struct child *c)
{
	static char line[LINE_MAX_BYTES];

	if (!fgets(line, sizeof(line), c->out))
		return NULL;
	fputs(line, stdout);
	line[strcspn(line, "\n")] = '\0';
	return line;
}

void child_end(struct child *c)
{
	int status;

	fclose(c->out);
	if (waitpid(c->pid, &status, 0) != c->pid)
		fail("waitpid", strerror(errno));
	if (!WIFEXITED(status))
		fail("program", "was killed");
	if (WEXITSTATUS(status))
		fail("program", "has failed");
}

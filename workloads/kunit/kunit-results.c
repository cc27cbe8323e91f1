/*
 * Prints what the kernel's KUnit suites have found: all of their results, then
 *a line for each case that did not pass, and the sums.
 *
 *	kunit-results [FOLDER]
 *
 * FOLDER is /sys/kernel/debug/kunit, with <suite>/results for each suite.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define RESULTS_CAP (1 << 20)

static bool read_results(const char *folder, const char *suite, char *text)
{
	char path[512];
	size_t len = 0;
	ssize_t n = -1;
	int fd;

	snprintf(path, sizeof(path), "%s/%s/results", folder, suite);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	while (fd >= 0 && len < RESULTS_CAP - 1 &&
	       (n = read(fd, text + len, RESULTS_CAP - 1 - len)) > 0)
		len += (size_t)n;
	if (fd >= 0)
		close(fd);
	text[len] = '\0';
	if (n < 0)
		fprintf(stderr, "kunit-results: %s: %s\n", path,
			strerror(errno));
	return n >= 0;
}

/* "    not ok 3 - name # why": from the number on. */
static void print_failed(const char *suite, const char *line)
{
	const char *p = line + strspn(line, " ");

	if (p > line && !strncmp(p, "not ok ", 7) && !strstr(p, "# SKIP"))
		printf("failed: %s: %s\n", suite, p + 7);
}

static void print_suite(const char *folder, const char *suite, char *text)
{
	if (!read_results(folder, suite, text))
		exit(1);
	fputs(text, stdout);
	for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n"))
		print_failed(suite, line);
}

static int is_suite(const struct dirent *d)
{
	return d->d_name[0] != '.';
}

int main(int argc, char **argv)
{
	const char *folder = argc > 1 ? argv[1] : "/sys/kernel/debug/kunit";
	static char text[RESULTS_CAP];
	struct dirent **list;
	int n = scandir(folder, &list, is_suite, alphasort);

	if (n <= 0) {
		fprintf(stderr, "kunit-results: %s: %s\n", folder,
			n ? strerror(errno) : "no suites in it");
		return 1;
	}
	for (int i = 0; i < n; i++)
		print_suite(folder, list[i]->d_name, text);
	return 0;
}

/*
 * Waits until a line with TEXT in it is in the kernel's log, and prints it.
 *
 *	kmsg-await TEXT SECONDS
 *
 * Status 1: it has not come in time.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define RECORD_CAP 8192

static long long now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC_RAW, &t);
	return t.tv_sec * 1000LL + t.tv_nsec / 1000000;
}

/* One record, "prefix;text\n..." with its text only; NULL if there is none yet.
 */
static char *next_record(int fd, char *record)
{
	ssize_t n;
	char *text;

	do {
		n = read(fd, record, RECORD_CAP - 1);
	} while (n < 0 && (errno == EINTR || errno == EPIPE));
	if (n <= 0)
		return NULL;
	record[n] = '\0';
	text = strchr(record, ';');
	if (!text)
		return NULL;
	text[strcspn(text, "\n")] = '\0';
	return text + 1;
}

int main(int argc, char **argv)
{
	int fd = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	static char record[RECORD_CAP];
	long long end;

	if (argc != 3 || fd < 0) {
		fprintf(stderr, "kmsg-await: %s\n",
			argc != 3 ? "usage: kmsg-await TEXT SECONDS"
				  : strerror(errno));
		return 2;
	}
	end = now_ms() + atoll(argv[2]) * 1000;
	for (;;) {
		struct pollfd p = {.fd = fd, .events = POLLIN};
		long long left = end - now_ms();
		char *text = next_record(fd, record);

		if (text && strstr(text, argv[1])) {
			puts(text);
			return 0;
		}
		if (text)
			continue;
		if (left <= 0) {
			fprintf(stderr, "kmsg-await: no \"%s\" in %s s\n",
				argv[1], argv[2]);
			return 1;
		}
		poll(&p, 1, (int)left);
	}
}

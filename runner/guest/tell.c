#include "guest/tell.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/reboot.h>
#include <termios.h>
#include <unistd.h>

#define CONSOLE "/dev/console"

struct port port = {.fd = -1, .secret = ""};

_Noreturn void end_machine(void)
{
	if (port.fd >= 0)
		tcdrain(port.fd);
	reboot(RB_AUTOBOOT);
	reboot(RB_POWER_OFF);
	for (;;)
		pause();
}

void console_say(const char *text)
{
	int fd = open(CONSOLE, O_WRONLY | O_NOCTTY | O_CLOEXEC);

	if (fd < 0)
		return;
	if (write(fd, text, strlen(text)) > 0)
		tcdrain(fd);
	close(fd);
}

void send_or_end(struct json *j)
{
	if (!port_send(&port, j))
		return;
	console_say("klab agent: cannot write to the port\n");
	end_machine();
}

_Noreturn void fail(const char *fmt, ...)
{
	char what[512];
	struct json j;
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	console_say("klab agent: ");
	console_say(what);
	console_say("\n");
	if (port.fd >= 0) {
		json_open(&j, "error");
		json_text(&j, "what", what);
		send_or_end(&j);
	}
	end_machine();
}

void send_data(const char *step, const char *stream, const char *path,
	       const char *data, size_t len)
{
	size_t done = 0;
	struct json j;

	do {
		json_open(&j, "out");
		json_text(&j, "step", step);
		json_text(&j, "stream", stream);
		if (path)
			json_text(&j, "path", path);
		done += json_data(&j, "data", data + done, len - done);
		send_or_end(&j);
	} while (done < len);
}

ssize_t read_file(const char *path, char *buf, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	size_t len = 0;
	ssize_t n = 1;

	if (fd < 0)
		return -errno;
	while (n > 0 && len < size) {
		n = read(fd, buf + len, size - len);
		if (n > 0)
			len += (size_t)n;
	}
	n = n < 0 ? -errno : 0;
	close(fd);
	if (n)
		return n;
	if (len == size)
		return -EFBIG;
	buf[len] = '\0';
	return (ssize_t)len;
}

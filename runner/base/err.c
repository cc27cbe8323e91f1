#include "base/err.h"

#include <errno.h>
#include <stdarg.h>

static void format(struct err *e, enum err_kind kind, const char *fmt,
		   va_list ap)
{
	e->kind = kind;
	vsnprintf(e->text, sizeof(e->text), fmt, ap);
}

int err_user(struct err *e, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	format(e, ERR_USER, fmt, ap);
	va_end(ap);
	return -EINVAL;
}

int err_kernel(struct err *e, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	format(e, ERR_KERNEL, fmt, ap);
	va_end(ap);
	return -EIO;
}

int err_lab(struct err *e, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	format(e, ERR_LAB, fmt, ap);
	va_end(ap);
	return -EIO;
}

int err_sys(struct err *e, int errnum, const char *fmt, ...)
{
	size_t len;
	va_list ap;

	va_start(ap, fmt);
	format(e, ERR_LAB, fmt, ap);
	va_end(ap);
	len = strlen(e->text);
	snprintf(e->text + len, sizeof(e->text) - len, ": %s",
		 strerror(errnum));
	return -errnum;
}

void err_prefix(struct err *e, const char *fmt, ...)
{
	char head[sizeof(e->text)], tail[sizeof(e->text)];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(head, sizeof(head), fmt, ap);
	va_end(ap);
	memcpy(tail, e->text, sizeof(tail));
	if (snprintf(e->text, sizeof(e->text), "%s: %s", head, tail) >=
	    (int)sizeof(e->text))
		memcpy(e->text + sizeof(e->text) - 4, "...", 4);
}

_Noreturn void err_bug(const char *file, int line, const char *what)
{
	fprintf(stderr, "klab: bug at %s:%d: %s\n", file, line, what);
	abort();
}

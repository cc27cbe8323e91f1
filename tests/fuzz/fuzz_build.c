/*
 * Feeds arbitrary bytes to what reads the products of a build: its log and its
 * vmlinux.
 */
#include "base/err.h"
#include "build/buildlog.h"
#include "kernel/identity.h"

#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void read_as_log(const uint8_t *data, size_t len)
{
	struct strv touched = STRV_INIT;
	struct buildlog l;
	char *reason;

	strv_add(&touched, "mm/slub.c");
	buildlog_parse((const char *)data, len, "/klab/src", "/klab/obj", &l);
	buildlog_touch(l.errors, l.n, &touched);
	reason = buildlog_reason(l.errors, l.n, &touched, l.tail);
	for (const char *p = reason; *p; p++)
		BUG(*p < 32 || *p > 126);
	free(reason);
	buildlog_release(&l);
	strv_release(&touched);
}

static void read_as_vmlinux(const uint8_t *data, size_t len)
{
	int fd = memfd_create("fuzz", MFD_CLOEXEC);
	struct identity id;
	struct err e;

	if (write(fd, data, len) == (ssize_t)len) {
		identity_read(fd, &id, &e);
		identity_debug_bytes(fd);
	}
	close(fd);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	if (len > 4 && !memcmp(data, "\177ELF", 4))
		read_as_vmlinux(data, len);
	else
		read_as_log(data, len);
	return 0;
}

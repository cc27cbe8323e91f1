/* Feeds arbitrary text to klab as the spec of a boot; what is taken must do for
 * all that a spec is used for. */
#include "base/err.h"
#include "base/str.h"
#include "lab/spec.h"
#include "machine/backend.h"

#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void use(const json_t *spec)
{
	const struct qemu qemu = {.path = (char *)"qemu"};
	const struct flight f = {.qemu = &qemu, .spec = spec};
	struct strv argv = STRV_INIT;
	char id[BOOT_ID], secret[BOOT_SECRET], *job;

	spec_id(spec, id);
	spec_secret(spec, secret);
	job = spec_job(spec);
	/* Nothing in it can begin a second secret. */
	BUG(strstr(strstr(job, "\nsecret ") + 1, "\nsecret "));
	free(job);
	backend_of(spec)->boot(&f, &argv);
	strv_release(&argv);
	BUG(strchr(spec_text(spec, "kernel", "file"), '/'));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	int fd = memfd_create("spec", MFD_CLOEXEC);
	char path[32];
	json_t *spec;
	struct err e;

	BUG(fd < 0 || write(fd, data, len) != (ssize_t)len);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (!spec_load(path, &spec, &e)) {
		use(spec);
		json_decref(spec);
	}
	close(fd);
	return 0;
}

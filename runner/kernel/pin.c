#include "kernel/pin.h"

#include "base/err.h"
#include "base/file.h"
#include "base/str.h"
#include "kernel/debian.h"
#include "kernel/store.h"

#include <errno.h>

/* A suite or package name has no '/' and no '=' in it. */
static char *pin_path(const char *dir, const struct debian_request *rq)
{
	return xasprintf("%s/%s%s%s", dir, rq->package, rq->version ? "=" : "",
			 rq->version ? rq->version : "");
}

static char *pin_dir(const char *lab, const struct debian_request *rq)
{
	return xasprintf("%s/apt/%s/pins", lab, rq->suite ? rq->suite : "host");
}

bool pin_find(const char *lab, const struct debian_request *rq,
	      struct kernel *k)
{
	char *dir = pin_dir(lab, rq), *path = pin_path(dir, rq);
	struct str key = STR_INIT;
	struct err ignored;
	bool found = false;

	if (file_exists(path) && !file_read(path, 64, &key, &ignored)) {
		key.buf[strcspn(key.buf, "\n")] = '\0';
		found = !kernel_store_find(lab, key.buf, k, &ignored);
	}
	str_release(&key);
	free(path);
	free(dir);
	return found;
}

int pin_write(const char *lab, const struct debian_request *rq,
	      const struct kernel *k, struct err *e)
{
	char *dir = pin_dir(lab, rq), *path = pin_path(dir, rq);
	char *line = xasprintf("%s\n", k->key);
	int r = file_mkdirs(dir, e);

	if (!r)
		r = file_write(path, line, strlen(line), e);
	free(line);
	free(path);
	free(dir);
	return r;
}

/* A new folder for each test program, which is where it then stands; setup and
 * teardown for cmocka_run_group_tests(). */
#ifndef A_FOLDER_H
#define A_FOLDER_H

#include <stdlib.h>
#include <unistd.h>

#include "base/err.h"
#include "base/file.h"

static char dir[] = "/tmp/klab-unit-XXXXXX";

static inline int enter_folder(void **state)
{
	(void)state;
	return mkdtemp(dir) ? chdir(dir) : -1;
}

static inline int leave_folder(void **state)
{
	struct err e;

	(void)state;
	return chdir("/") || file_remove(dir, &e);
}

#endif

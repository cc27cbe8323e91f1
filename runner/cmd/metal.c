/* klab metal-boot: one boot on a box, for the process of that boot. */
#include "cmd/cmd.h"

#include "metal/boot.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

static int cmd_main(struct ctx *c)
{
	struct err e;

	if (chdir(c->argv[0])) {
		err_sys(&e, errno, "cannot go to '%s'", c->argv[0]);
		return cmd_fail(&e);
	}
	return metal_boot(&e) ? cmd_fail(&e) : EXIT_DONE;
}

const struct cmd cmd_metal_boot = {
	.name = "metal-boot",
	.args = "DIR",
	.summary = "boot what the folder of a boot describes on a box",
	.min_args = 1,
	.max_args = 1,
	.hidden = true,
	.run = cmd_main,
};

/*
 * What a boot was run with, and how to run it again: fingerprint.json and
 * reproduce.sh in its folder.
 *
 *	{"klab": version, "boot": id,
 *	 "qemu": {"version", "command"},
 *	 "kernel": the kernel's manifest,
 *	 "initramfs": {"sha256", "agent": sha256, "programs": {name: sha256},
 *	               "packages": ["rt-tests 2.4-1"]},
 *	 "host": {"kernel", "machine", "cpu", "cpus"}}
 */
#ifndef KLAB_FINGERPRINT_H
#define KLAB_FINGERPRINT_H

#include <jansson.h>

#include "lab/lab.h"

/* Writes both files; *text is the JSON, freed by the caller.  argv is the
 * command that was run. */
int fingerprint_write(const struct lab *lab, const json_t *spec,
		      const char *dir, const struct strv *argv, char **text,
		      struct err *e);

#endif

/*
 * What a boot was run with, and how to run it again: fingerprint.json and
 * reproduce.sh in its folder.
 *
 *	{"klab": version, "boot": id,
 *	 "qemu": {"version", "command"},
 *	 "kernel": the kernel's manifest,
 *	 "initramfs": {"sha256", "agent": sha256, "programs": {name: sha256},
 *	               "packages": ["rt-tests 2.4-1"]},
 *	 "host": {"kernel", "machine", "cpu", "cpus"},
 *	 "facts": what the backend saw (facts.json), or absent,
 *	 "matters": {key: text}}
 *
 * Boots of one config, machine and workload that differ in "matters" are not
 * compared (analysis/gate.py).  On the exact clock these are the QEMU, its
 * firmware and its command line, the initramfs and the rules of judgement: the
 * host is none of it.  On a wall clock the host's or box's hardware and
 *settings join them.  The kernel, its config and its compiler are never part of
 *it, and neither is what follows from them: bogomips, the path of the image,
 *and on metal the mitigations, which are the measured kernel's own.
 */
#ifndef KLAB_FINGERPRINT_H
#define KLAB_FINGERPRINT_H

#include <jansson.h>

#include "lab/lab.h"

/* What matters of a boot; facts may be NULL.  The caller drops the reference.
 */
json_t *fingerprint_matters(const json_t *spec, const char *qemu,
			    const json_t *facts);

/* Writes both files; *text is the JSON, freed by the caller.  argv is the
 * command that was run. */
int fingerprint_write(const struct lab *lab, const json_t *spec,
		      const char *dir, const struct strv *argv, char **text,
		      struct err *e);

#endif

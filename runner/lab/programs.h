/*
 * Programs that klab compiles for the guest from a workload's own sources.
 *
 * A program is static, so that it needs nothing of the guest; one whose name
 * ends in .bpf.o is an object for the kernel's BPF loader.  It is kept in
 * lab/programs/<key>/, by sources, headers beside them and compiler, so equal
 * input gives equal bytes and is compiled once.
 */
#ifndef KLAB_PROGRAMS_H
#define KLAB_PROGRAMS_H

struct err;
struct program;

/* Compiles it unless the lab has it; *path is freed by the caller.  A source
 * that does not compile is a user's error, with the compiler's first words. */
int program_build(const char *lab, const struct program *p, char **path,
		  struct err *e);

#endif

/*
 * What a study says about compiling, and what that is on this host.
 */
#ifndef KLAB_TOOLCHAIN_H
#define KLAB_TOOLCHAIN_H

#include <stdbool.h>

#include "base/str.h"

struct err;

struct toolchain {
	char *cc;   /* "gcc", "gcc-11", "clang", a path; NULL: gcc (clang if llvm) */
	bool llvm;  /* LLVM=1 */
	struct strv make_args; /* NAME=value words, as WERROR=0 */
	/* Filled by toolchain_find(): */
	char *version; /* one line each of compiler, linker and what else is in
			  a config, joined */
	bool ccache;   /* is there one */
};

/* Looks for compiler, linker, make, flex, bison, bc and the rest that a kernel
 * build needs.  ERR_LAB names the missing program and its package. */
int toolchain_find(struct toolchain *t, struct err *e);
void toolchain_release(struct toolchain *t);
/* Adds CC=..., LLVM=1 and make_args to a make command line.  CC is "ccache gcc"
 * where there is one. */
void toolchain_argv(const struct toolchain *t, struct strv *argv);
/* Adds the folders that the compiler needs beside the system's own, for struct
 * sandbox's extra: none unless cc is a path. */
void toolchain_folders(const struct toolchain *t, struct strv *folders);
/* May this word be one of make_args?  ERR_USER if it would undo what klab needs
 * (O=, KBUILD_*, CC=, LOCALVERSION=, a target, an option). */
int toolchain_check_arg(const char *word, struct err *e);

#endif

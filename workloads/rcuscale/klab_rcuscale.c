// SPDX-License-Identifier: GPL-2.0
/*
 * The kernel's own rcuscale, as it is in the tree that this is built against,
 * with the torture helpers that it needs: as one module, so that nothing of it
 * has to be in the kernel itself, where it would run at boot and then power the
 * machine off.
 */

/* Both files have one of each. */
#define verbose torture_verbose
#define shutdown_task torture_shutdown_task
#include <../kernel/torture.c>
#undef verbose
#undef shutdown_task
#undef pr_fmt

#include <../kernel/rcu/rcuscale.c>

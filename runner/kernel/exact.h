/*
 * The copy of a vmlinux that the exact clock boots.
 *
 * A PC's kernel times the local APIC's timer at boot: it spins 100 ms of guest
 * time in PAUSE, which under icount takes most of the time of a small boot, and
 * comes to a rate whose error depends on how the kernel's code is laid out, so
 * that two stages get two clocks.  QEMU's APIC runs at 1 GHz.  The copy has the
 * outcome of that measurement written into the three variables of
 * arch/x86/kernel/apic/apic.c that hold it, so that the kernel takes the exact
 * rate and goes on.  All else in it is what vmlinux loads, byte for byte.
 *
 * Only for the exact clock: elsewhere the rate is another.
 */
#ifndef KLAB_EXACT_H
#define KLAB_EXACT_H

struct err;

/* Writes the copy to `to`, without symbols and debug data; hz is CONFIG_HZ.
 * -ENOTSUP: this kernel does not have these variables as klab knows them, and
 * nothing was written.  The file is untrusted. */
int exact_copy(const char *vmlinux, int hz, const char *to, struct err *e);

#endif

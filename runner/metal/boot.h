/*
 * A boot on metal, from start to end: the process that a boot is there.
 */
#ifndef KLAB_METAL_BOOT_H
#define KLAB_METAL_BOOT_H

struct err;

/*
 * Boots what the folder describes on the box that it names; klab's working
 * directory must be the folder.  It holds spec.json, bzImage, the initramfs,
 * job.cpio, and modules.tar if the kernel has modules; afterwards also
 * console.log, port.log, facts.json, metal.log, serial.log, and stacks.txt if
 * the kernel hung.
 *
 * Returns 0 if the boot is over, whatever the kernel did, or an error (ERR_LAB)
 * if it was not the kernel's fault.  In both cases the box is back under its
 * own kernel with nothing of klab's left on it, or the error says what is
 * needed.
 */
int metal_boot(struct err *e);

#endif

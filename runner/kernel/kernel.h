/*
 * One kernel in the store: what it is and where its files are.
 *
 * Filled by kernel_store_find(), kernel_store_add(), debian_kernel(),
 * image_kernel() or a build; every string is owned by the struct,
 * kernel_release() frees them and may be called on a zeroed struct.
 */
#ifndef KLAB_KERNEL_H
#define KLAB_KERNEL_H

#include <stdbool.h>

struct kernel {
	char key[17];      /* content key: 16 hex digits */
	char *release;     /* what uname -r will say */
	char *banner;      /* version line of the image, printable ASCII */
	char *source;      /* "debian-image", "image", or of those that klab
			      builds "git", "tarball" or "debian-source" */
	char *package;     /* package the image is from, or NULL */
	char *version;     /* version of that package, or NULL */
	char *suite;       /* suite asked for, or NULL: the host's own */
	char *sha256;      /* of the image as delivered */
	char *identity;    /* code identity, 64 hex digits; NULL if prebuilt */
	char *commit;      /* of the tree in lab/git; NULL if prebuilt */
	char *tree;        /* its tree object; NULL if prebuilt */
	char *dir;         /* lab/kernels/<key> */
	char *boot_path;   /* the file QEMU boots: vmlinux if pvh, or bzImage */
	char *config_path; /* NULL if the source had none */
	char *map_path;    /* NULL if the source had no real System.map */
	bool pvh;          /* boot_path is an ELF with a PVH entry */
	char *exact_path;  /* what the exact clock boots, see exact.h, and its
			      sha256; NULL: that is boot_path too */
	char *exact_sha256;
	int hz;            /* CONFIG_HZ; 0 if unknown */
};

void kernel_release(struct kernel *k);

#endif

/*
 * Reading .deb files: an ar archive with a compressed tar archive in it.
 */
#ifndef KLAB_DEB_H
#define KLAB_DEB_H

#include <stdbool.h>
#include <stddef.h>

struct err;

/* A file looked for in a .deb. */
struct deb_file {
	const char *const *patterns; /* fnmatch, NULL-terminated */
	const char *to;              /* name in the folder it is put into */
	bool found;
};

/* Takes files out of a .deb, and stops reading at the last one.  Those that are
 * found already are not looked for; absence is no error. */
int deb_take(const char *deb, struct deb_file *files, size_t n, const char *dir,
	     struct err *e);
/* Unpacks the files below lib/modules/<release>/ (with or without a usr/ in
 * front) into dir/lib/modules/<release>/. */
int deb_unpack_modules(const char *deb, const char *release, const char *dir,
		       struct err *e);
/* Writes a file's content to `to`, uncompressed if its name tells that it is
 * compressed (.xz, .zst, .gz). */
int deb_copy_module(const char *from, const char *to, struct err *e);

#endif

/*
 * Reading the files that a series is kept in.
 */
#ifndef KLAB_SERIES_FILES_H
#define KLAB_SERIES_FILES_H

#include <jansson.h>

#include "series/mail.h"

/* Reads a regular file, unpacked if it is gzipped; sets *crlf as
 * text_prepare(), and leaves it alone if not. */
int series_file_read(const char *path, struct str *out, bool *crlf,
		     struct err *e);
/* As series_file_read(), from memory. */
int series_unpack(const char *name, const char *data, size_t len,
		  struct str *out, bool *crlf, struct err *e);
/* The mails of a folder's *.patch and *.eml files, by name. */
int folder_read(const char *dir, struct mails *m, struct err *e);
/* The patches that a `series` file names, as a series.  file is its path. */
int quilt_read(const char *file, struct series *s, struct err *e);
/* A git range, as an mbox. */
int range_read(const char *repo, const char *range, struct str *out,
	       struct series *s, struct err *e);

#define MANIFEST "manifest.json"
#define FIXUPS "fixups" /* folder of those that are not put in */

/* The manifest of a series, freed by the caller. */
json_t *manifest_make(const struct series *s);
/* Takes over what a manifest knows and patch files do not tell.  file is that
 * of a patch within the folder, and names its entry. */
int manifest_load(const char *dir, json_t **out, struct err *e);
void manifest_series(const json_t *manifest, struct series *s);
void manifest_patch(const json_t *manifest, const char *list, const char *file,
		    struct patch *p);
/* The entries of "fixups": the name of the i-th file, or NULL. */
const char *manifest_fixup(const json_t *manifest, size_t i);

#endif

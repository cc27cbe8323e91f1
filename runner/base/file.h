/*
 * Files and folders, written so that a reader never sees half of one.
 */
#ifndef KLAB_FILE_H
#define KLAB_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct err;
struct str;

/* 64 hex digits and a NUL. */
#define SHA256_HEX 65

/* Reads at most cap bytes; a longer file is an error (-EFBIG). */
int file_read(const char *path, size_t cap, struct str *out, struct err *e);
/* Writes a file in place, without a sync: for folders that are not published
 * yet, see file_publish(). */
int file_put(const char *path, const void *data, size_t len, struct err *e);
/* Writes beside path, syncs and renames over it. */
int file_write(const char *path, const void *data, size_t len, struct err *e);
/* Creates the folder and its parents; one that exists is fine. */
int file_mkdirs(const char *path, struct err *e);
/* Removes a file or a folder with all below it; absence is fine.  Symbolic
 * links are removed, never followed. */
int file_remove(const char *path, struct err *e);
/* Syncs what is below a folder and publishes it by renaming it to `to`, which
 * must not exist or be an empty folder. */
int file_publish(const char *from, const char *to, struct err *e);
bool file_exists(const char *path);
/* "a, b": the names of what is in a folder and ends in suffix, without it and in
 * order; "" if there is none.  Freed by the caller. */
char *file_names(const char *dir, const char *suffix);
/* Bytes free for us on the file system that holds path; UINT64_MAX if that
 * cannot be told. */
uint64_t file_space(const char *path);
/* Bytes that all files below path take on the disk. */
uint64_t file_usage(const char *path);
/* sha256 of a file, of a memory area: hex. */
int file_sha256(const char *path, char hex[SHA256_HEX], struct err *e);
void mem_sha256(const void *data, size_t len, char hex[SHA256_HEX]);

#endif

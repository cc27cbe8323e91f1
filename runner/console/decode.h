/*
 * Addresses and source lines for the functions in a report.
 *
 * Call order: decoder_new(), decoder_add() with each text, decoder_run() once,
 * then decoder_print() and decoder_json() with the same texts.
 */
#ifndef KLAB_CONSOLE_DECODE_H
#define KLAB_CONSOLE_DECODE_H

#include <jansson.h>
#include <stdbool.h>

#include "base/str.h"

struct err;
struct decoder;

/* The kernel's vmlinux, or NULL and its System.map; not both NULL. */
int decoder_new(const char *vmlinux, const char *map, struct decoder **out,
		struct err *e);
void decoder_free(struct decoder *d);
/* Has the vmlinux what it takes to name source lines? */
bool decoder_has_lines(const struct decoder *d);

/* Notes the functions that the text names. */
void decoder_add(struct decoder *d, const char *text);
/* Looks all of them up; runs addr2line if there are lines. */
int decoder_run(struct decoder *d, struct err *e);

/* The text with, below each line that names a function, its source line and
 * those of what was inlined, innermost first; or its address at the end of the
 * line where only that is known. */
void decoder_print(const struct decoder *d, const char *text, struct str *out);
/* The functions of the text in order: [{"symbol", "address", "at": [{
 * "function", "file", "line"}]}]; "address" only if it is known. */
json_t *decoder_json(const struct decoder *d, const char *text);

#endif

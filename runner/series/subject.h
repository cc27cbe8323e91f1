/*
 * What the subject of a mail says of a patch: "Re: [PATCH v4 07/35] title".
 */
#ifndef KLAB_SERIES_SUBJECT_H
#define KLAB_SERIES_SUBJECT_H

#include <stdbool.h>

struct subject {
	bool reply;    /* Re:, or forwarded */
	bool patch;    /* has [PATCH] or [RFC], or numbers */
	bool numbered; /* has NN/MM */
	int version;   /* 1 unless it says */
	int number, total;
	char *title;
};

/* Released by the caller. */
void subject_parse(const char *text, struct subject *out);
void subject_release(struct subject *s);

#endif

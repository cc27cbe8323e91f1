/*
 * The Python side, analysis/: what its verbs are started with.  The child's
 * folder must be klab's own (struct lab: share).
 */
#ifndef KLAB_ANALYSIS_H
#define KLAB_ANALYSIS_H

struct lab;
struct strv;

/* python3 -m analysis VERB --db LAB/lab.db --study STUDY; more may be added.
 * A study of "" is left out. */
void analysis_command(struct strv *argv, const struct lab *lab,
		      const char *verb, const char *study);

#endif

/*
 * klab plan --configs: settles two configs of a study, which needs the tree in
 * the lab, and prints what differs.
 */
#ifndef KLAB_PLAN_CONFIGS_H
#define KLAB_PLAN_CONFIGS_H

struct ctx;
struct err;
struct study;

/* Returns the exit code. */
int plan_diff_configs(struct ctx *c, struct study *s);

/* What is told meanwhile, as plain lines on stderr. */
void plan_note(const char *text, void *arg);
void plan_trouble(const struct err *e, void *arg);

#endif

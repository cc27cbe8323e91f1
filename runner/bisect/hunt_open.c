/* Which record a hunt has, whether it may go on with it, and where one goes
 * that it may not. */
#include "bisect/hunt_int.h"

#include "base/file.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>

char *hunt_path(const char *lab, const char *name)
{
	return xasprintf("%s/bisects/%s/log.jsonl", lab, name);
}

char *hunt_name(const struct hunt *h)
{
	const struct study *s = h->s;
	const struct hunt_configs *c = h->rq.configs;
	char *what = criterion_text(h->c);
	char *text = xasprintf("%s\n%s\n%s\n%s\n%s\n%s%s%s", s->name,
			       s->configs[0].name, s->machines[0]->name,
			       c ? c->stage : s->stages[0].name,
			       c ? c->stage : s->stages[h->n].name, what,
			       c ? "\nto config " : "", c ? c->b : "");
	char hex[SHA256_HEX], *name;

	if (c && c->name) {
		free(text);
		free(what);
		return xstrdup(c->name);
	}
	mem_sha256(text, strlen(text), hex);
	name = xasprintf("%.80s-bisect-%.8s", s->name, hex);
	free(text);
	free(what);
	return name;
}

#define ASIDE_MAX 10000 /* records of one question */

static int put_one_aside(const char *path, struct err *e)
{
	int r = -EEXIST;

	for (int i = 1; r == -EEXIST && i < ASIDE_MAX; i++) {
		char *to = xasprintf("%.*s.%d.jsonl", (int)strlen(path) - 6,
				     path, i);

		if (!file_exists(to))
			r = rename(path, to) ? -errno : 0;
		free(to);
	}
	return r ? err_sys(e, -r, "cannot put '%s' aside", path) : 0;
}

/* Is it the folder of a part of that one: <name>-2 and so on? */
static bool is_part(const char *entry, const char *name)
{
	const char *digits;

	if (!str_starts(entry, name) || entry[strlen(name)] != '-')
		return false;
	digits = entry + strlen(name) + 1;
	return *digits && !digits[strspn(digits, "0123456789")];
}

/* The record of the hunt, after those of its parts: one that is killed in
 * between has them all. */
static int put_aside(const struct hunt *h, struct err *e)
{
	char *dir = xasprintf("%s/bisects", h->rq.lab->dir);
	struct dirent *entry;
	DIR *d = opendir(dir);
	int r = d ? 0 : err_sys(e, errno, "cannot read '%s'", dir);

	while (!r && (entry = readdir(d))) {
		char *path = hunt_path(h->rq.lab->dir, entry->d_name);

		if (is_part(entry->d_name, h->s->name) && file_exists(path))
			r = put_one_aside(path, e);
		free(path);
	}
	if (!r) {
		char *path = hunt_path(h->rq.lab->dir, h->s->name);

		r = put_one_aside(path, e);
		free(path);
	}
	if (d)
		closedir(d);
	free(dir);
	return r;
}

/* Are machine and workload still what they were?  The id of the good end's
 * first boot tells, which a record that is older than that has not, nor a
 * search that boots nothing. */
static bool same_boots(struct hunt *h, const json_t *setup)
{
	const char *was = json_string_value(json_object_get(setup, "boot"));
	const char *label = json_string_value(json_object_get(
		json_object_get(setup, "criterion"), "workload"));
	char now[BOOT_ID];

	for (size_t i = 0; was && label && i < h->s->nworkloads; i++)
		if (!strcmp(h->s->workloads[i]->label, label)) {
			guided_boot_id(h->run, 0, i, 1, now);
			return !*was || !*now || !strcmp(was, now);
		}
	return true;
}

/* Are the kernels still those that the record speaks of? */
static int same_kernels(struct hunt *h, const json_t *setup, bool *same,
			struct err *e)
{
	const json_t *list = json_object_get(setup, "kernels");

	*same = json_array_size(list) == (size_t)h->n + 1;
	for (int k = 0; *same && k <= h->n; k++) {
		const char *was = json_string_value(json_object_get(
			json_array_get(list, (size_t)k), "request"));
		struct guided_kernel now;

		if (guided_kernel(h->run, (size_t)k, &now, e))
			return -EIO;
		*same = was && now.request && !strcmp(was, now.request);
		guided_kernel_release(&now);
	}
	*same = *same && same_boots(h, setup);
	return 0;
}

/* A record that cannot be gone on with need not be in the way. */
static void advise(struct err *e)
{
	const struct err was = *e;

	err_user(e, "%.900s; --again puts the record aside and begins anew",
		 was.text);
}

int hunt_open(struct hunt *h, struct err *e)
{
	char *path = hunt_path(h->rq.lab->dir, h->s->name);
	bool same = true;
	int r = 0;

	if (h->rq.again && file_exists(path))
		r = put_aside(h, e);
	if (!r)
		r = journal_open(path, &h->j, e);
	if (!r && journal_find(&h->j, "setup"))
		r = same_kernels(h, journal_find(&h->j, "setup"), &same, e);
	if (!r && !same) {
		hunt_say(h, "kernels, machine or workload are others than in "
			    "the record, which is put aside");
		journal_close(&h->j);
		r = put_aside(h, e);
		if (!r)
			r = journal_open(path, &h->j, e);
	}
	if (!r && journal_find(&h->j, "setup"))
		r = hunt_resume(h, e);
	if (r && e->kind == ERR_USER)
		advise(e);
	free(path);
	return r;
}

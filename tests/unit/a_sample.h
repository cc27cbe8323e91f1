/* The frames of real boots below tests/data/workloads, and what is made of
 * them.
 */
#ifndef A_SAMPLE_H
#define A_SAMPLE_H

#include "base/err.h"
#include "base/file.h"
#include "base/yml.h"
#include "lab/extract.h"

#include "a_spec.h"

#include <dirent.h>

#define SAMPLES "tests/data/workloads"
#define SAMPLE_CAP (1 << 20)

struct sample_file {
	char *folder, *name;
	char *entry; /* what a study has */
	json_t *spec, *frames;
	struct str missing; /* text of missing.txt */
	struct collected whole;
};

static inline int is_visible(const struct dirent *d)
{
	return d->d_name[0] != '.';
}

static inline struct strv names_in(const char *path)
{
	struct strv names = STRV_INIT;
	struct dirent **list;
	int n = scandir(path, &list, is_visible, alphasort);

	for (int i = 0; i < n; i++) {
		strv_add(&names, list[i]->d_name);
		free(list[i]);
	}
	if (n >= 0)
		free(list);
	return names;
}

static inline json_t *read_frames(const char *path)
{
	struct str text = STR_INIT;
	json_t *list = json_array();
	struct err e;

	if (file_read(path, SAMPLE_CAP, &text, &e))
		fail_msg("%s", e.text);
	for (char *at = text.buf, *end; *at; at = end + 1) {
		json_t *o;

		end = strchr(at, '\n');
		assert_non_null(end);
		o = json_loadb(at, (size_t)(end - at), JSON_ALLOW_NUL, NULL);
		if (!o)
			fail_msg("%s: not a frame: %.*s", path, (int)(end - at),
				 at);
		json_array_append_new(list, o);
	}
	str_release(&text);
	return list;
}

static inline struct workload *workload_of(const char *entry, struct err *e)
{
	struct workload *w = NULL;
	struct yml_doc *doc;

	assert_int_equal(yml_parse("entry", entry, strlen(entry), &doc, e), 0);
	if (workload_load(yml_root(doc), ".", &w, e))
		w = NULL;
	yml_free(doc);
	return w;
}

/* Its spec, in which no metric is the primary one: then each is extracted,
 * whatever becomes of the others.  The end of its name may tell two of one kind
 * apart, as `as` of a study does. */
static inline json_t *spec_of(struct sample_file *s)
{
	struct err e;
	struct workload *w = workload_of(s->entry, &e);
	json_t *spec, *m;
	size_t i;

	while (!w && strlen(s->entry) > strlen(s->folder)) {
		*strrchr(s->entry, '-') = '\0';
		w = workload_of(s->entry, &e);
	}
	if (!w)
		fail_msg("%s/%s: %s", s->folder, s->name, e.text);
	spec = a_spec_of(w, 2);
	workload_free(w);
	json_array_foreach(json_object_get(spec, "metrics"), i, m)
	{
		assert_true(metric_spec_ok(m));
		json_object_del(m, "primary");
	}
	return spec;
}

static inline void extract_frames(const json_t *spec, json_t *list,
				  struct collected *c)
{
	const struct frames f = {.list = list};
	char *why = NULL;

	*c = (struct collected){0};
	assert_true(extract_metrics(spec, &f, c, &why));
}

static inline void sample_open(struct sample_file *s, const char *folder,
			       const char *file)
{
	char *path = xasprintf(SAMPLES "/%s/%s", folder, file);
	char *list = xasprintf(SAMPLES "/%s/missing.txt", folder);
	struct err e;

	*s = (struct sample_file){.folder = xstrdup(folder)};
	s->name = xstrndup(file, strlen(file) - strlen(".jsonl"));
	s->entry = str_starts(s->name, folder)
			   ? xstrdup(s->name)
			   : xasprintf("%s-%s", folder, s->name);
	s->frames = read_frames(path);
	s->spec = spec_of(s);
	str_adds(&s->missing, "");
	if (file_exists(list) && file_read(list, SAMPLE_CAP, &s->missing, &e))
		fail_msg("%s", e.text);
	extract_frames(s->spec, s->frames, &s->whole);
	free(path);
	free(list);
}

static inline void sample_close(struct sample_file *s)
{
	free(s->folder);
	free(s->name);
	free(s->entry);
	json_decref(s->spec);
	json_decref(s->frames);
	str_release(&s->missing);
	collected_release(&s->whole);
}

/* Calls test for each sample; it counts them. */
static inline size_t each_sample(void (*test)(struct sample_file *))
{
	struct strv folders = names_in(SAMPLES);
	size_t n = 0;

	for (size_t i = 0; i < folders.n; i++) {
		char *path = xasprintf(SAMPLES "/%s", folders.v[i]);
		struct strv files = names_in(path);

		for (size_t k = 0; k < files.n; k++) {
			struct sample_file s;

			if (!str_ends(files.v[k], ".jsonl"))
				continue;
			sample_open(&s, folders.v[i], files.v[k]);
			test(&s);
			sample_close(&s);
			n++;
		}
		strv_release(&files);
		free(path);
	}
	strv_release(&folders);
	return n;
}

#endif

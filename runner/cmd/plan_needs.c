#include "cmd/plan_needs.h"

#include "base/err.h"
#include "base/str.h"
#include "kernel/store.h"
#include "lab/applicable.h"
#include "lab/lab.h"
#include "study/study.h"

#include <sqlite3.h>

#define PACKAGE "linux-image-"

/* ---- what is known of a kernel ---- */

static int take_key(sqlite3_stmt *row, void *arg)
{
	const char *key = (const char *)sqlite3_column_text(row, 0);

	snprintf(arg, 17, "%s", key ? key : "");
	return 0;
}

/* The kernel that the lab has for it. */
static bool in_lab(const struct study *s, const struct lab *lab,
		   const struct stage *g, const struct kconfig *c,
		   struct kernel *k)
{
	char key[17] = "";
	struct err ignored;

	return lab &&
	       !db_each(lab->db, &ignored, take_key, key,
			"SELECT v.run_key FROM variant v JOIN study s "
			"ON s.id = v.study WHERE s.name = ? AND v.stage = ? "
			"AND v.config = ?",
			"tit", s->name, (long long)g->idx, c->name) &&
	       *key && !kernel_store_find(lab->dir, key, k, &ignored);
}

/* A kernel of which no more than the version is known, or nothing. */
static bool by_name(const struct stage *g, struct kernel *k)
{
	const char *at = g->package ? strstr(g->package, PACKAGE) : NULL;
	int major, minor;

	if (!at || !needs_release_of(at + strlen(PACKAGE), &major, &minor))
		return false;
	k->release = xstrdup(at + strlen(PACKAGE));
	return true;
}

/* ---- the cells ---- */

/* Of one kernel, which is NULL where nothing is known of it. */
static void add_cells(json_t *list, const struct study *s,
		      const struct stage *g, const struct kconfig *c,
		      const struct kernel *k)
{
	bool own = source_is_built(&s->source);

	for (size_t m = 0; m < s->nmachines; m++)
		for (size_t w = 0; w < s->nworkloads; w++) {
			const struct workload *work = s->workloads[w];
			char *why =
				not_applicable(work, s->machines[m], k, own);

			if (why)
				json_array_append_new(
					list,
					json_pack("{s:s, s:s, s:s, s:s, s:s}",
						  "stage", g->name, "config",
						  c->name, "machine",
						  s->machines[m]->name,
						  "workload", work->label,
						  "why", why));
			free(why);
		}
}

json_t *plan_not_applicable(const struct study *s, const struct lab *lab)
{
	json_t *list = json_array();

	for (size_t g = 0; g < s->nstages; g++)
		for (size_t c = 0; c < s->nconfigs; c++) {
			const struct stage *stage = &s->stages[g];
			const struct kconfig *config = &s->configs[c];
			struct kernel k = {0};
			bool known = in_lab(s, lab, stage, config, &k) ||
				     by_name(stage, &k);

			add_cells(list, s, stage, config, known ? &k : NULL);
			kernel_release(&k);
		}
	return list;
}

/* ---- printing ---- */

static const char *text(const json_t *o, const char *key)
{
	return json_string_value(json_object_get(o, key));
}

static bool same_reason(const json_t *a, const json_t *b)
{
	return !strcmp(text(a, "workload"), text(b, "workload")) &&
	       !strcmp(text(a, "why"), text(b, "why"));
}

static bool told_before(const json_t *list, size_t i)
{
	for (size_t k = 0; k < i; k++)
		if (same_reason(json_array_get(list, k),
				json_array_get(list, i)))
			return true;
	return false;
}

void plan_print_not_applicable(const json_t *list)
{
	size_t i, k;
	json_t *one, *other;

	if (json_array_size(list))
		puts("not applicable:");
	json_array_foreach(list, i, one)
	{
		struct strv stages = STRV_INIT;
		char *names;

		if (told_before(list, i))
			continue;
		json_array_foreach(list, k, other) if (same_reason(one, other))
			strv_add_new(&stages, text(other, "stage"));
		names = strv_join(&stages, ", ");
		printf("  %-24s stage %s: %s\n", text(one, "workload"), names,
		       text(one, "why"));
		free(names);
		strv_release(&stages);
	}
}

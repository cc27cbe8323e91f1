/* klab status: what is done, running, failed, and when it will end. */
#include "cmd/cmd.h"

#include "base/str.h"
#include "lab/run.h"

#include <jansson.h>
#include <sqlite3.h>

struct study_status {
	const char *name, *updated;
	long long boots, ok, bad, lab, running, todo, eta_ms;
	/* Kernels: that cannot be had, to be built, that do not build. */
	long long none, unbuilt, broken;
	long long splat; /* boots: ok, but with findings */
	bool unjudged;   /* klab run has not come to its verdicts yet */
};

struct listing {
	const struct ctx *c;
	bool busy; /* a klab is at work in the lab */
	json_t *json;
	size_t n;
};

/* Counts each boot once, whatever number of cells share it. */
#define COUNTS                                                                 \
	"SELECT s.name, s.updated, count(x.boot), "                            \
	"coalesce(sum(x.state = 'ok'), 0), coalesce(sum(x.state = 'bad'), "    \
	"0), "                                                                 \
	"coalesce(sum(x.state = 'lab'), 0), "                                  \
	"coalesce(sum(x.state = 'running'), 0), "                              \
	"(SELECT count(*) FROM variant v WHERE v.study = s.id "                \
	" AND v.state = 'none'), coalesce(avg(x.wall_ms), 0), "                \
	"(SELECT count(*) FROM variant v WHERE v.study = s.id "                \
	" AND v.state = 'todo'), "                                             \
	"(SELECT count(*) FROM variant v WHERE v.study = s.id "                \
	" AND v.state = 'broken'), "                                           \
	"(SELECT count(DISTINCT f.boot) FROM study_finding f JOIN boot b "     \
	" ON b.id = f.boot AND b.state = 'ok' WHERE f.study_id = s.id), "      \
	"s.judged IS NULL AND s.compare <> '{}' OR "                           \
	"EXISTS (SELECT 1 FROM spare p WHERE p.study = s.id) "                 \
	"FROM study s LEFT JOIN (SELECT DISTINCT c.study, c.boot, b.state, "   \
	"b.wall_ms FROM cell c LEFT JOIN boot b ON b.id = c.boot) x "          \
	"ON x.study = s.id WHERE ?1 = '' OR s.name = ?1 GROUP BY s.id "        \
	"ORDER BY s.updated DESC, s.id DESC"

static void print_text(const struct study_status *s, bool busy)
{
	char left[32];

	printf("%s: %lld of %lld boots done", s->name, s->ok + s->bad,
	       s->boots);
	if (s->bad)
		printf(", %lld bad", s->bad);
	if (s->splat)
		printf(", %lld with splats", s->splat);
	if (s->lab)
		printf(", %lld failed in the lab", s->lab);
	if (s->running)
		printf(", %lld %s", s->running,
		       busy ? "running" : "interrupted");
	if (s->unbuilt)
		printf(", %lld kernels to build", s->unbuilt);
	if (s->broken)
		printf(", %lld kernels do not build", s->broken);
	if (s->none)
		printf(", %lld kernels cannot be had", s->none);
	if (!s->todo && !s->none && !s->unbuilt && !s->unjudged)
		printf("; complete");
	else if (busy && s->eta_ms)
		printf("; ends in about %s",
		       cmd_duration((unsigned long long)s->eta_ms, left,
				    sizeof(left)));
	else if (!busy)
		printf("; 'klab run' goes on with it");
	printf(" (%s)\n", s->updated);
}

static json_t *as_json(const struct study_status *s, bool busy)
{
	return json_pack("{s:s, s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, "
			 "s:I, s:I, s:I, s:I, s:b}",
			 "study", s->name, "updated", s->updated, "boots",
			 (json_int_t)s->boots, "ok", (json_int_t)s->ok, "splat",
			 (json_int_t)s->splat, "bad", (json_int_t)s->bad, "lab",
			 (json_int_t)s->lab, "running",
			 (json_int_t)(busy ? s->running : 0), "interrupted",
			 (json_int_t)(busy ? 0 : s->running), "todo",
			 (json_int_t)s->todo, "kernels_missing",
			 (json_int_t)s->none, "kernels_to_build",
			 (json_int_t)s->unbuilt, "kernels_broken",
			 (json_int_t)s->broken, "eta_ms", (json_int_t)s->eta_ms,
			 "judged", !s->unjudged);
}

static int on_study(struct sqlite3_stmt *row, void *arg)
{
	struct listing *l = arg;
	struct study_status s = {
		.name = (const char *)sqlite3_column_text(row, 0),
		.updated = (const char *)sqlite3_column_text(row, 1),
		.boots = sqlite3_column_int64(row, 2),
		.ok = sqlite3_column_int64(row, 3),
		.bad = sqlite3_column_int64(row, 4),
		.lab = sqlite3_column_int64(row, 5),
		.running = sqlite3_column_int64(row, 6),
		.none = sqlite3_column_int64(row, 7),
		.unbuilt = sqlite3_column_int64(row, 9),
		.broken = sqlite3_column_int64(row, 10),
		.splat = sqlite3_column_int64(row, 11),
	};

	s.unjudged = s.ok && sqlite3_column_int(row, 12);
	s.todo = s.boots - s.ok - s.bad;
	s.eta_ms = (long long)run_estimate(
		(uint64_t)s.todo, (uint64_t)sqlite3_column_int64(row, 8),
		s.running && l->busy ? (int)s.running : l->c->jobs);
	l->n++;
	if (l->json)
		json_array_append_new(l->json, as_json(&s, l->busy));
	else
		print_text(&s, l->busy);
	return 0;
}

static int list(struct ctx *c, struct lab *lab, const char *study)
{
	struct err e;
	struct listing l = {.c = c, .busy = lab_busy(lab)};

	if (c->json)
		l.json = json_array();
	if (db_each(lab->db, &e, on_study, &l, COUNTS, "t", study)) {
		json_decref(l.json);
		return cmd_fail(&e);
	}
	if (l.json) {
		cmd_print_json(l.json);
	} else if (!l.n) {
		cmd_say("lab '%s' has no study yet", lab->dir);
	}
	return EXIT_DONE;
}

static int cmd_main(struct ctx *c)
{
	return cmd_with_study(c, list);
}

const struct cmd cmd_status = {
	.name = "status",
	.args = "[STUDY]",
	.summary = "what is done, running, failed, and when it will end",
	.min_args = 0,
	.max_args = 1,
	.run = cmd_main,
};

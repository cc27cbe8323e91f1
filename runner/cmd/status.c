/* klab status: what is done, running, failed, and when it will end. */
#include "cmd/cmd.h"

#include "base/str.h"
#include "bisect/hunt.h"
#include "bisect/journal.h"
#include "lab/lab.h"
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
	const struct lab *lab;
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
	"EXISTS (SELECT 1 FROM spare p WHERE p.study = s.id), "                \
	"CASE WHEN instr(s.text, s.name) THEN 0 "                              \
	"WHEN s.name GLOB '*-judge' THEN 1 "                                   \
	"WHEN s.name GLOB '*-undo' OR s.name GLOB '*-[0-9]' OR s.name GLOB "   \
	"'*-[0-9][0-9]' THEN 3 ELSE 2 END "                                    \
	"FROM study s LEFT JOIN (SELECT DISTINCT c.study, c.boot, b.state, "   \
	"b.wall_ms FROM cell c LEFT JOIN boot b ON b.id = c.boot) x "          \
	"ON x.study = s.id WHERE ?1 = '' OR s.name = ?1 OR "                   \
	"s.name GLOB substr(?1, 1, 80) || '-bisect-[0-9a-f]*' GROUP BY s.id "  \
	"ORDER BY s.updated DESC, s.id DESC"

/* What a row of the table of studies is.  What klab made of a study of the
 * user's bears a name that is not in the text of it. */
enum row_kind {
	ROW_STUDY,
	ROW_JUDGE,  /* what `klab judge` booted last */
	ROW_BISECT, /* the boots of a bisect; its record says more */
	ROW_PART,   /* of a bisect */
};

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

/* ---- bisects ---- */

static json_t *bisect_json(const struct study_status *s, const char *line,
			   bool open, const json_t *result)
{
	json_t *o =
		json_pack("{s:s, s:s, s:s, s:b}", "bisect", s->name, "updated",
			  s->updated, "says", line, "complete", !open);

	json_object_set_new(o, "result",
			    result ? json_deep_copy(result) : json_null());
	return o;
}

static void list_bisect(struct listing *l, const struct study_status *s)
{
	char *path = hunt_path(l->lab->dir, s->name), *line;
	bool open = true, running = s->running && l->busy;
	struct journal j;
	struct err ignored;

	if (journal_read(path, &j, &ignored)) {
		j = (struct journal){.fd = -1};
		line = xstrdup("nothing is recorded yet");
	} else {
		line = hunt_line(j.lines, &open);
	}
	if (l->json)
		json_array_append_new(
			l->json,
			bisect_json(s, line, open, journal_find(&j, "result")));
	else
		printf("bisect %s: %s%s (%s)\n", s->name, line,
		       running ? "; at work"
		       : open  ? "; the same 'klab bisect' goes on with it"
			       : "",
		       s->updated);
	journal_close(&j);
	free(line);
	free(path);
}

static void list_judge(struct listing *l, const struct study_status *s)
{
	if (!l->json)
		printf("%s: %lld boots by 'klab judge' (%s)\n", s->name,
		       s->boots, s->updated);
}

/* ---- studies ---- */

static void list_study(struct listing *l, const struct study_status *s)
{
	if (l->json)
		json_array_append_new(l->json, as_json(s, l->busy));
	else
		print_text(s, l->busy);
}

static int on_study(struct sqlite3_stmt *row, void *arg)
{
	static void (*const lists[])(struct listing *,
				     const struct study_status *) = {
		[ROW_STUDY] = list_study,
		[ROW_JUDGE] = list_judge,
		[ROW_BISECT] = list_bisect,
	};
	int kind = sqlite3_column_int(row, 13);
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
	if (kind != ROW_PART) {
		l->n++;
		lists[kind](l, &s);
	}
	return 0;
}

static int list(struct ctx *c, struct lab *lab, const char *study)
{
	struct err e;
	struct listing l = {.c = c, .lab = lab, .busy = lab_busy(lab)};

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

/* The plan of a study in the database: see db.h. */
#include "lab/db.h"

#include "base/err.h"
#include "base/str.h"
#include "lab/findings.h"
#include "machine/backend.h"

#include <errno.h>
#include <sqlite3.h>

static int add_machines(struct db *db, const struct study *s, long long id,
			struct err *e)
{
	for (size_t i = 0; i < s->nmachines; i++) {
		const struct machine *m = s->machines[i];

		if (db_run(db, e,
			   "INSERT INTO machine VALUES "
			   "(?, ?, ?, ?, ?, ?, ?)",
			   "ittiiit", id, m->name, m->clock,
			   (long long)m->vcpus, (long long)m->memory_mib,
			   (long long)m->metronome_us, m->backend->accel))
			return -EIO;
	}
	return 0;
}

static int add_metrics(struct db *db, const struct workload *w, long long id,
		       struct err *e)
{
	for (size_t i = 0; i < w->nmetrics; i++) {
		const struct metric *m = &w->metrics[i];

		if (db_run(db, e,
			   "INSERT INTO metric VALUES "
			   "(?, ?, ?, ?, ?, ?, ?)",
			   "ittttii", id, w->label, m->name, m->unit, m->better,
			   (long long)m->primary, (long long)m->latency))
			return -EIO;
	}
	return 0;
}

/* Empties what db_stage() and the rest of db_study() write again. */
static int clear_study(struct db *db, long long id, struct err *e)
{
	static const char *const sql[] = {("DELETE FROM not_applicable "
					   "WHERE study = ?"),
					  "DELETE FROM machine WHERE study = ?",
					  "DELETE FROM metric WHERE study = ?",
					  "DELETE FROM config WHERE study = ?",
					  "DELETE FROM folder WHERE study = ?",
					  "DELETE FROM stage WHERE study = ?"};

	for (size_t i = 0; i < sizeof(sql) / sizeof(*sql); i++)
		if (db_run(db, e, sql[i], "i", id))
			return -EIO;
	return 0;
}

static int add_configs(struct db *db, const struct study *s, long long id,
		       struct err *e)
{
	int r = 0;

	for (size_t i = 0; !r && i < s->nconfigs; i++) {
		char *request = source_is_built(&s->source)
					? config_request(&s->configs[i])
					: xstrdup("as shipped");

		r = db_run(db, e, "INSERT INTO config VALUES (?, ?, ?)", "itt",
			   id, s->configs[i].name, request);
		free(request);
	}
	return r;
}

static int put_study(struct db *db, const struct study *s, struct err *e)
{
	char *rules = rules_text(&s->rules);
	int r = db_run(
		db, e,
		"INSERT INTO study (name, path, text, baseline, min_effect, "
		"compare, updated) VALUES (?, ?, ?, ?, ?, ?, " DB_NOW ") "
		"ON CONFLICT (name) DO UPDATE SET path = excluded.path, "
		"text = excluded.text, baseline = excluded.baseline, "
		"min_effect = excluded.min_effect, "
		"judged = CASE WHEN study.text = excluded.text "
		"THEN study.judged END, "
		"compare = excluded.compare, updated = excluded.updated",
		"tttidt", s->name, s->path, s->text, (long long)s->baseline,
		s->min_effect, rules);

	free(rules);
	return r;
}

int db_study(struct db *db, const struct study *s, long long *id, struct err *e)
{
	if (put_study(db, s, e) ||
	    db_number(db, e, id, 0, "SELECT id FROM study WHERE name = ?", "t",
		      s->name) ||
	    clear_study(db, *id, e) || add_machines(db, s, *id, e) ||
	    add_configs(db, s, *id, e) ||
	    findings_harmless(db, *id, &s->harmless, e))
		return -EIO;
	for (size_t i = 0; i < s->nworkloads; i++)
		if (add_metrics(db, s->workloads[i], *id, e))
			return -EIO;
	return 0;
}

int db_stage(struct db *db, long long study, const struct source *src,
	     const struct stage *g, struct err *e)
{
	char *request = stage_request(src, g);
	int r = db_run(db, e, "INSERT INTO stage VALUES (?, ?, ?, ?, ?)",
		       "iittt", study, (long long)g->idx, g->name, g->title,
		       request);

	free(request);
	return r;
}

int db_variant(struct db *db, long long study, const struct db_variant *v,
	       struct err *e)
{
#define KEEP                                                                   \
	"request = excluded.request AND excluded.kernel_key IS NULL AND "      \
	"kernel_key IS NOT NULL AND excluded.state = 'none'"
#define UPDATE(column)                                                         \
#column " = CASE WHEN " KEEP " THEN " #column                          \
		" ELSE excluded." #column " END, "
/* Of the build of what is asked for now, and of no other. */
#define KEPT(column)                                                           \
#column " = coalesce(excluded." #column                                \
		", CASE WHEN request = excluded.request THEN " #column         \
		" END), "
	char *wall = v->wall_ms ? xasprintf("%lld", v->wall_ms) : NULL;
	int r = db_run(db, e,
		       "INSERT INTO variant VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, "
		       "?, ?) ON CONFLICT (study, stage, config) DO UPDATE "
		       "SET " UPDATE(state) UPDATE(error) UPDATE(errors) UPDATE(
			       run_key) UPDATE(kernel_key) KEPT(log)
			       KEPT(wall_ms) "request = excluded.request",
		       "iittttttttt", study, (long long)v->stage, v->config,
		       v->request, v->state, v->kernel, v->run, v->error,
		       v->errors, v->log, wall);

	free(wall);
	return r;
#undef KEPT
#undef UPDATE
#undef KEEP
}

int db_no_variant(struct db *db, long long study, int stage, const char *config,
		  struct err *e)
{
	return db_run(db, e,
		      "DELETE FROM variant WHERE study = ? AND stage = ? AND "
		      "config = ?",
		      "iit", study, (long long)stage, config);
}

int db_folder(struct db *db, long long study, const char *path, struct err *e)
{
	return db_run(db, e, "INSERT OR IGNORE INTO folder VALUES (?, ?)", "it",
		      study, path);
}

/* A boot that the study's file does not ask for any more. */
#define UNASKED                                                                \
	"(role = 'sample' AND seed > ?2 OR role = 'aa' AND "                   \
	"(seed > ?3 OR stage <> ?4) OR role = 'confirm' AND NOT ?5)"

int db_prune(struct db *db, long long study, const struct study *s,
	     struct err *e)
{
	if (db_run(db, e,
		   "DELETE FROM variant WHERE study = ?1 AND (stage NOT IN "
		   "(SELECT idx FROM stage WHERE study = ?1) OR config NOT IN "
		   "(SELECT name FROM config WHERE study = ?1))",
		   "i", study))
		return -EIO;
	return db_run(db, e,
		      "DELETE FROM cell WHERE study = ?1 AND (" UNASKED " OR "
		      "NOT EXISTS (SELECT 1 FROM variant v WHERE v.study = ?1 "
		      "AND v.stage = cell.stage AND v.config = cell.config "
		      "AND v.kernel_key IS NOT NULL) OR "
		      "EXISTS (SELECT 1 FROM variant v JOIN boot b "
		      "ON b.id = cell.boot WHERE v.study = ?1 "
		      "AND v.stage = cell.stage AND v.config = cell.config "
		      "AND b.kernel_key IS NOT v.run_key) OR "
		      "machine NOT IN (SELECT name FROM machine "
		      "WHERE study = ?1) OR "
		      "workload NOT IN (SELECT workload FROM metric "
		      "WHERE study = ?1))",
		      "iiiii", study, (long long)s->rules.max,
		      (long long)SEED_AA + s->rules.aa, (long long)s->baseline,
		      (long long)s->rules.confirm);
}

int db_prune_rounds(struct db *db, long long study, int stage,
		    const char *config, const char *machine,
		    const char *workload, int min, struct err *e)
{
#define ADDED                                                                  \
	"study = ? AND stage = ? AND config = ? AND machine = ? AND "          \
	"workload = ? AND (role = 'confirm' OR role = 'sample' AND seed > ?)"
	if (db_run(db, e,
		   "INSERT OR IGNORE INTO spare "
		   "SELECT study, boot FROM cell WHERE " ADDED,
		   "iittti", study, (long long)stage, config, machine, workload,
		   (long long)min))
		return -EIO;
	return db_run(db, e, "DELETE FROM cell WHERE " ADDED, "iittti", study,
		      (long long)stage, config, machine, workload,
		      (long long)min);
#undef ADDED
}

int db_kernel(struct db *db, const struct kernel *k, struct err *e)
{
	return db_run(db, e,
		      "INSERT OR IGNORE INTO kernel "
		      "VALUES (?, ?, ?, ?, ?, ?, ?, " DB_NOW ", ?)",
		      "tttttttt", k->key, k->release, k->banner, k->source,
		      k->package, k->version, k->sha256, k->identity);
}

static int take_key(sqlite3_stmt *row, void *arg)
{
	snprintf(arg, 17, "%s", (const char *)sqlite3_column_text(row, 0));
	return 0;
}

int db_first_same(struct db *db, const struct kernel *k, char key[17],
		  struct err *e)
{
	memcpy(key, k->key, 17);
	if (!k->identity)
		return 0;
	return db_each(db, e, take_key, key,
		       "SELECT key FROM kernel WHERE identity = ? "
		       "ORDER BY rowid LIMIT 1",
		       "t", k->identity);
}

int db_not_applicable(struct db *db, long long study, int stage,
		      const char *config, const char *machine,
		      const char *workload, const char *why, struct err *e)
{
	return db_run(db, e,
		      "INSERT OR REPLACE INTO not_applicable VALUES (?, ?, ?, "
		      "?, ?, ?)",
		      "iitttt", study, (long long)stage, config, machine,
		      workload, why);
}

const char *cell_role_name(enum cell_role role)
{
	static const char *const names[] = {[ROLE_SAMPLE] = "sample",
					    [ROLE_AA] = "aa",
					    [ROLE_CONFIRM] = "confirm"};

	return names[role];
}

int db_cell(struct db *db, long long study, int stage, const char *config,
	    const char *machine, const char *workload, enum cell_role role,
	    int seed, const char *boot, struct err *e)
{
	return db_run(db, e,
		      "INSERT OR REPLACE INTO cell (study, stage, config, "
		      "machine, workload, role, seed, boot) "
		      "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
		      "iittttit", study, (long long)stage, config, machine,
		      workload, cell_role_name(role), (long long)seed, boot);
}

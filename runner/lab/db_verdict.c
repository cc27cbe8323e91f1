/* The verdicts of a study in the database: see db.h. */
#include "lab/db.h"

#include "base/err.h"

#include <errno.h>

static int clear(struct db *db, long long study, struct err *e)
{
	return db_run(db, e, "DELETE FROM verdict WHERE study = ?", "i", study);
}

/* What the study has not asked for again by now it will not. */
static int finish(struct db *db, long long study, struct err *e)
{
	if (db_run(db, e, "DELETE FROM spare WHERE study = ?", "i", study))
		return -EIO;
	return db_run(db, e,
		      "UPDATE study SET judged = " DB_NOW " WHERE id = ?", "i",
		      study);
}

/* SQLite stores NAN as NULL, and a whole number as one where the column is of
 * whole numbers. */
static int add(struct db *db, long long study, const struct db_verdict *v,
	       struct err *e)
{
	return db_run(db, e,
		      "INSERT INTO verdict (study, stage, config, machine, "
		      "workload, metric, base, verdict, reason, value, unit, "
		      "change, low, high, p, q, boots, more_boots, method) "
		      "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, "
		      "?, ?, ?)",
		      "iittttdttdtdddddddt", study, (long long)v->stage,
		      v->config, v->machine, v->workload, v->metric, v->base,
		      v->verdict, v->reason, v->value, v->unit, v->change,
		      v->low, v->high, v->p, v->q, v->boots, v->more_boots,
		      v->method);
}

int db_verdicts(struct db *db, long long study, const struct db_verdict *v,
		size_t n, struct err *e)
{
	int r = db_begin(db, e);

	if (r)
		return r;
	r = clear(db, study, e);
	for (size_t i = 0; !r && i < n; i++)
		r = add(db, study, &v[i], e);
	if (!r)
		r = finish(db, study, e);
	if (!r)
		r = db_commit(db, e);
	if (r)
		db_rollback(db);
	return r;
}

int db_no_verdicts(struct db *db, long long study, struct err *e)
{
	int r = db_begin(db, e);

	if (r)
		return r;
	r = clear(db, study, e);
	if (!r)
		r = db_run(db, e, "UPDATE study SET judged = NULL WHERE id = ?",
			   "i", study);
	if (!r)
		r = db_commit(db, e);
	if (r)
		db_rollback(db);
	return r;
}

#include "lab/db.h"

#include "base/err.h"
#include "base/file.h"
#include "lab/findings.h"

#include <errno.h>
#include <sqlite3.h>
#include <stdarg.h>

/* Migration i takes a database from version i to i + 1. */
static const char *const migrations[] = {
#include "schema.h"
};

#define VERSION ((int)(sizeof(migrations) / sizeof(*migrations)))
#define ROOM_NEEDED (1 << 20) /* for its journal */

struct db {
	sqlite3 *sql;
	char *path;
};

static int fail(const struct db *db, struct err *e)
{
	int code = sqlite3_errcode(db->sql);

	/* Where its shared memory finds no room, SQLite speaks of an I/O
	 * error. */
	if (code == SQLITE_FULL ||
	    (code == SQLITE_IOERR && file_space(db->path) < ROOM_NEEDED))
		return err_lab(e,
			       "'%s': the disk is full; make room, then run "
			       "the same command again",
			       db->path);
	return err_lab(e, "'%s': %s", db->path, sqlite3_errmsg(db->sql));
}

static void bind(sqlite3_stmt *st, const char *types, va_list ap)
{
	for (int i = 1; *types; types++, i++) {
		const char *text;

		switch (*types) {
		case 't':
			text = va_arg(ap, const char *);
			sqlite3_bind_text(st, i, text, -1, SQLITE_TRANSIENT);
			break;
		case 'i':
			sqlite3_bind_int64(st, i, va_arg(ap, long long));
			break;
		case 'd':
			sqlite3_bind_double(st, i, va_arg(ap, double));
			break;
		default:
			BUG(true);
		}
	}
}

static int each(struct db *db, struct err *e, db_row_fn row, void *arg,
		const char *sql, const char *types, va_list ap)
{
	sqlite3_stmt *st;
	int r, ret = 0;

	if (sqlite3_prepare_v2(db->sql, sql, -1, &st, NULL))
		return fail(db, e);
	bind(st, types, ap);
	while ((r = sqlite3_step(st)) == SQLITE_ROW)
		if (row && (ret = row(st, arg)))
			break;
	if (r != SQLITE_ROW && r != SQLITE_DONE)
		ret = fail(db, e);
	sqlite3_finalize(st);
	return ret;
}

int db_each(struct db *db, struct err *e, db_row_fn row, void *arg,
	    const char *sql, const char *types, ...)
{
	va_list ap;
	int r;

	va_start(ap, types);
	r = each(db, e, row, arg, sql, types, ap);
	va_end(ap);
	return r;
}

int db_run(struct db *db, struct err *e, const char *sql, const char *types,
	   ...)
{
	va_list ap;
	int r;

	va_start(ap, types);
	r = each(db, e, NULL, NULL, sql, types, ap);
	va_end(ap);
	return r;
}

static int take_number(sqlite3_stmt *row, void *arg)
{
	*(long long *)arg = sqlite3_column_int64(row, 0);
	return 0;
}

int db_number(struct db *db, struct err *e, long long *out, long long fallback,
	      const char *sql, const char *types, ...)
{
	va_list ap;
	int r;

	*out = fallback;
	va_start(ap, types);
	r = each(db, e, take_number, out, sql, types, ap);
	va_end(ap);
	return r;
}

int db_begin(struct db *db, struct err *e)
{
	return db_run(db, e, "BEGIN IMMEDIATE", "");
}

int db_commit(struct db *db, struct err *e)
{
	return db_run(db, e, "COMMIT", "");
}

void db_rollback(struct db *db)
{
	if (!sqlite3_get_autocommit(db->sql))
		sqlite3_exec(db->sql, "ROLLBACK", NULL, NULL, NULL);
}

/* ---- opening ---- */

static int no_lab(const char *lab, struct err *e)
{
	err_user(e, "'%s' is no lab yet: 'klab run STUDY' makes one", lab);
	return -ENOENT;
}

static int read_version(struct db *db, long long *have, struct err *e)
{
	if (db_number(db, e, have, 0, "PRAGMA user_version", ""))
		return -EIO;
	if (*have > VERSION)
		return err_lab(e,
			       "'%s' was written by a newer klab (schema "
			       "%lld, this klab knows %d)",
			       db->path, *have, VERSION);
	return 0;
}

/* What is older waits for a klab that may write. */
static int check_version(struct db *db, const char *lab, struct err *e)
{
	long long have;

	if (read_version(db, &have, e))
		return -EIO;
	if (!have)
		return no_lab(lab, e);
	if (have < VERSION)
		return err_lab(e,
			       "'%s' was written by an older klab; 'klab "
			       "run' of any study brings it up to date",
			       db->path);
	return 0;
}

static int migrate(struct db *db, struct err *e)
{
	long long have;
	char pragma[64];

	if (read_version(db, &have, e))
		return -EIO;
	for (; have < VERSION; have++) {
		snprintf(pragma, sizeof(pragma),
			 "PRAGMA user_version = %lld; COMMIT", have + 1);
		if (sqlite3_exec(db->sql, "BEGIN IMMEDIATE", NULL, NULL,
				 NULL) ||
		    sqlite3_exec(db->sql, migrations[have], NULL, NULL, NULL) ||
		    sqlite3_exec(db->sql, pragma, NULL, NULL, NULL)) {
			fail(db, e);
			db_rollback(db);
			return -EIO;
		}
	}
	return 0;
}

static int configure(struct db *db, const char *lab, bool reader, struct err *e)
{
	sqlite3_busy_timeout(db->sql, 10000);
	if (reader)
		return check_version(db, lab, e);
	if (sqlite3_exec(db->sql,
			 "PRAGMA journal_mode = WAL;"
			 "PRAGMA synchronous = NORMAL;"
			 "PRAGMA foreign_keys = ON",
			 NULL, NULL, NULL))
		return fail(db, e);
	return migrate(db, e);
}

int db_open(const char *lab, bool reader, struct db **out, struct err *e)
{
	struct db *db = xcalloc(1, sizeof(*db));
	int flags = reader ? SQLITE_OPEN_READWRITE
			   : SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
	int r;

	db->path = xasprintf("%s/lab.db", lab);
	if (reader && !file_exists(db->path)) {
		db_close(db);
		return no_lab(lab, e);
	}
	if (sqlite3_open_v2(db->path, &db->sql, flags, NULL))
		r = fail(db, e);
	else
		r = configure(db, lab, reader, e);
	if (r)
		db_close(db);
	else
		*out = db;
	return r;
}

void db_close(struct db *db)
{
	if (!db)
		return;
	sqlite3_close(db->sql);
	free(db->path);
	free(db);
}

/* ---- boots ---- */

int db_boot_state(struct db *db, const char *id, int deadline_s, int *state,
		  struct err *e)
{
	long long v;
	int r = db_number(db, e, &v, -1,
			  "SELECT CASE WHEN state = 'ok' THEN 0 "
			  "WHEN state = 'bad' AND NOT (detail = 'deadline' "
			  "AND wall_ms < ? * 1000) THEN 1 "
			  "ELSE 2 END FROM boot WHERE id = ?",
			  "it", (long long)deadline_s, id);

	*state = (int)v;
	return r;
}

int db_boot_start(struct db *db, const char *id, const char *kernel, int seed,
		  struct err *e)
{
	return db_run(
		db, e,
		"INSERT OR REPLACE INTO boot (id, kernel_key, seed, "
		"state, outcome, detail, reason, started) VALUES (?, ?, ?, "
		"'running', '" OUTCOME_INFRA "', 'interrupted', "
		"'the run was interrupted', " DB_NOW ")",
		"tti", id, kernel, (long long)seed);
}

static int add_results(struct db *db, const char *id, const struct collected *c,
		       struct err *e)
{
	for (size_t i = 0; i < c->nsamples; i++)
		if (db_run(db, e, "INSERT INTO sample VALUES (?, ?, ?, ?)",
			   "tttd", id, c->samples[i].metric, c->samples[i].unit,
			   c->samples[i].value))
			return -EIO;
	for (size_t i = 0; i < c->nmissing; i++)
		if (db_run(db, e, "INSERT INTO missing VALUES (?, ?, ?)", "ttt",
			   id, c->missing[i].metric, c->missing[i].why))
			return -EIO;
	for (size_t i = 0; i < c->nhistograms; i++) {
		const struct histogram *h = &c->histograms[i];

		if (db_run(db, e,
			   "INSERT INTO histogram VALUES "
			   "(?, ?, ?, ?, ?, ?)",
			   "ttiiti", id, h->metric, (long long)h->cpu,
			   h->limit_us, h->counts, h->overflow))
			return -EIO;
	}
	return 0;
}

int db_boot_done(struct db *db, const char *id, const struct collected *c,
		 uint64_t wall_ms, const char *fingerprint, struct err *e)
{
	if (db_begin(db, e))
		return -EIO;
	if (db_run(db, e,
		   "UPDATE boot SET state = ?, outcome = ?, detail = ?, "
		   "reason = ?, excerpt = ?, wall_ms = ?, guest_ns = ?, "
		   "fingerprint = ? WHERE id = ?",
		   "tttttiitt", boot_state_name(c->state), c->outcome,
		   c->detail, c->reason, c->excerpt, (long long)wall_ms,
		   (long long)c->guest_ns, fingerprint, id) ||
	    (c->state == BOOT_OK && add_results(db, id, c, e)) ||
	    (c->state != BOOT_LAB &&
	     findings_store(db, id, c->findings, c->nfindings, e)) ||
	    db_commit(db, e)) {
		db_rollback(db);
		return -EIO;
	}
	return 0;
}

int db_boots_interrupted(struct db *db, struct err *e)
{
	return db_run(db, e,
		      "UPDATE boot SET state = 'lab' "
		      "WHERE state = 'running'",
		      "");
}

int db_event(struct db *db, const char *study, const char *what,
	     const char *detail, struct err *e)
{
	return db_run(db, e,
		      "INSERT INTO event (at, study, what, detail) "
		      "VALUES (" DB_NOW ", ?, ?, ?)",
		      "ttt", study, what, detail);
}

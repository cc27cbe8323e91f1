/*
 * The lab database: lab/lab.db, see schema.sql.
 *
 * One writer (lab_lock() sees to that) and any number of readers.  Each change
 * below is one transaction.
 */
#ifndef KLAB_DB_H
#define KLAB_DB_H

#include <stdbool.h>
#include <stdint.h>

#include "kernel/kernel.h"
#include "lab/collect.h"
#include "lab/spec.h"
#include "study/study.h"

/* The time as the tables have it, in SQL. */
#define DB_NOW "strftime('%Y-%m-%dT%H:%M:%SZ', 'now')"

struct err;
struct db;
struct sqlite3_stmt;

/* Opens the database, creating or migrating it; a reader instead gets -ENOENT
 * if there is none yet. */
int db_open(const char *lab, bool reader, struct db **out, struct err *e);
void db_close(struct db *db);

/*
 * Runs one statement.  Each letter of types stands for one value after it:
 * t text (may be NULL), i long long, d double.  db_each() calls row for each
 * row, with the statement to read columns from; what row returns ends it if
 * not 0.
 */
int db_run(struct db *db, struct err *e, const char *sql, const char *types,
	   ...);
typedef int (*db_row_fn)(struct sqlite3_stmt *row, void *arg);
int db_each(struct db *db, struct err *e, db_row_fn row, void *arg,
	    const char *sql, const char *types, ...);
/* The first column of the first row, or fallback if there is no row. */
int db_number(struct db *db, struct err *e, long long *out, long long fallback,
	      const char *sql, const char *types, ...);

int db_begin(struct db *db, struct err *e);
int db_commit(struct db *db, struct err *e);
void db_rollback(struct db *db);

/*
 * The plan, between db_begin() and db_commit(): db_study() stores study,
 * machines, metrics and configs, db_stage() each stage, db_variant() each
 * kernel; db_prune() drops what is not in the plan any more, db_cell() stores
 * each boot that can be done.  What could not be resolved this time (kernel is
 * NULL) keeps the kernel and the cells that the same request came to before.
 */
int db_study(struct db *db, const struct study *s, long long *id,
	     struct err *e);
int db_stage(struct db *db, long long study, const struct source *src,
	     const struct stage *g, struct err *e);
int db_prune(struct db *db, long long study, const struct study *s,
	     struct err *e);
/* Drops the boots of one cell that rounds have added: they are asked for again;
 * until the run is through, klab gc keeps them. */
int db_prune_rounds(struct db *db, long long study, int stage,
		    const char *config, const char *machine,
		    const char *workload, int min, struct err *e);
int db_kernel(struct db *db, const struct kernel *k, struct err *e);
/* The key of the first kernel in the lab with the code identity of k, which is
 * k's own if it has none; k was given to db_kernel() before. */
int db_first_same(struct db *db, const struct kernel *k, char key[17],
		  struct err *e);

/* A row of the table variant; strings may be NULL but for the first three. */
struct db_variant {
	int stage;
	const char *config, *request, *state;
	const char *kernel, *run; /* keys */
	const char *error, *errors, *log;
	long long wall_ms; /* 0: nothing was built */
};

int db_variant(struct db *db, long long study, const struct db_variant *v,
	       struct err *e);
int db_no_variant(struct db *db, long long study, int stage, const char *config,
		  struct err *e);
/* A folder that the study builds in; path is below the lab. */
int db_folder(struct db *db, long long study, const char *path, struct err *e);
/* The workload cannot run there. */
int db_not_applicable(struct db *db, long long study, int stage,
		      const char *config, const char *machine,
		      const char *workload, const char *why, struct err *e);

/* What a boot is for: see rules.h. */
enum cell_role { ROLE_SAMPLE, ROLE_AA, ROLE_CONFIRM };

const char *cell_role_name(enum cell_role role);
int db_cell(struct db *db, long long study, int stage, const char *config,
	    const char *machine, const char *workload, enum cell_role role,
	    int seed, const char *boot, struct err *e);

/* A row of the table verdict; what is NAN or NULL is not known, but for the
 * place, metric and verdict. */
struct db_verdict {
	int stage;
	const char *config, *machine, *workload, *metric, *verdict;
	const char *reason, *unit, *method;
	double base, value, change, low, high, p, q, boots, more_boots;
};

/* A run is through: these take the place of all verdicts that the study had, in
 * a transaction of its own, all or none. */
int db_verdicts(struct db *db, long long study, const struct db_verdict *v,
		size_t n, struct err *e);
/* The study has no verdicts: its boots cannot be compared. */
int db_no_verdicts(struct db *db, long long study, struct err *e);

/* -1 if the boot was never started, else its enum boot_state; one that was
 * interrupted, or had a shorter deadline than this one, counts as BOOT_LAB. */
int db_boot_state(struct db *db, const char *id, int deadline_s, int *state,
		  struct err *e);
int db_boot_start(struct db *db, const char *id, const char *kernel, int seed,
		  struct err *e);
int db_boot_done(struct db *db, const char *id, const struct collected *c,
		 uint64_t wall_ms, const char *fingerprint, struct err *e);

/* Boots that a killed klab left as running are so no more. */
int db_boots_interrupted(struct db *db, struct err *e);

int db_event(struct db *db, const char *study, const char *what,
	     const char *detail, struct err *e);

#endif

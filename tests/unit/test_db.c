/* The database: migrations, the plan, boots, and what a transaction is for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "a_folder.h"

#include "base/err.h"
#include "base/file.h"
#include "base/str.h"
#include "console/console.h"
#include "lab/db.h"
#include "lab/findings.h"
#include "machine/backend.h"

#include <errno.h>
#include <math.h>
#include <sqlite3.h>
#include <unistd.h>

/* Each test has a database of its own. */
static struct db *fresh(void)
{
	struct db *db;
	struct err e;

	file_remove("lab", &e);
	assert_int_equal(file_mkdirs("lab", &e), 0);
	if (db_open("lab", false, &db, &e))
		fail_msg("%s", e.text);
	return db;
}

static long long number(struct db *db, const char *sql)
{
	struct err e;
	long long n;

	if (db_number(db, &e, &n, -99, sql, ""))
		fail_msg("%s", e.text);
	return n;
}

static void run(struct db *db, const char *sql)
{
	struct err e;

	if (db_run(db, &e, sql, ""))
		fail_msg("%s", e.text);
}

static void test_open(void **state)
{
	struct db *db, *reader;
	struct err e;

	(void)state;
	file_remove("lab", &e);
	assert_int_equal(file_mkdirs("lab", &e), 0);
	assert_int_equal(db_open("lab", true, &db, &e), -ENOENT);
	assert_int_equal(e.kind, ERR_USER);
	assert_false(file_exists("lab/lab.db"));
	db = fresh();
	assert_true(number(db, "PRAGMA user_version") >= 1);
	assert_int_equal(number(db, "PRAGMA foreign_keys"), 1);
	assert_int_equal(number(db, "SELECT count(*) FROM boot"), 0);
	assert_int_equal(db_open("lab", true, &reader, &e), 0);
	assert_int_equal(number(reader, "SELECT count(*) FROM study"), 0);
	db_close(reader);
	db_close(db);
	db_close(NULL);
	/* Opened again it is what it was. */
	assert_int_equal(db_open("lab", false, &db, &e), 0);
	db_close(db);
	assert_true(db_open("nowhere", false, &db, &e) < 0);
	assert_int_equal(e.kind, ERR_LAB);
}

static void test_other_versions(void **state)
{
	struct db *db = fresh();
	struct err e;
	bool reader;

	(void)state;
	run(db, "PRAGMA user_version = 1000");
	db_close(db);
	for (int i = 0; i < 2; i++) {
		reader = i;
		assert_true(db_open("lab", reader, &db, &e) < 0);
		assert_non_null(strstr(e.text, "a newer klab (schema 1000"));
	}
}

static int stop_at_two(struct sqlite3_stmt *row, void *arg)
{
	long long v = sqlite3_column_int64(row, 0);

	*(long long *)arg = v;
	return v == 2 ? -7 : 0;
}

static void test_statements(void **state)
{
	struct db *db = fresh();
	long long v = 0;
	struct err e;

	(void)state;
	assert_int_equal(db_each(db, &e, stop_at_two, &v,
				 "VALUES (1), (2), (3)", ""), -7);
	assert_int_equal(v, 2);
	assert_int_equal(db_number(db, &e, &v, 5, "SELECT 1 WHERE 0", ""), 0);
	assert_int_equal(v, 5);
	assert_int_equal(db_number(db, &e, &v, 5,
				   "SELECT (? = 'a''b') + (? = 7) + (? = 0.5) "
				   "+ (? IS NULL)", "tidt", "a'b", 7ll, 0.5,
				   NULL), 0);
	assert_int_equal(v, 4);
	assert_true(db_run(db, &e, "SELECT nonsense", "") < 0);
	assert_int_equal(e.kind, ERR_LAB);
	assert_non_null(strstr(e.text, "lab/lab.db"));
	db_close(db);
}

static void test_transaction(void **state)
{
	struct db *db = fresh();
	struct err e;

	(void)state;
	db_rollback(db);
	assert_int_equal(db_begin(db, &e), 0);
	assert_int_equal(db_event(db, "s", "a", "b", &e), 0);
	db_rollback(db);
	assert_int_equal(number(db, "SELECT count(*) FROM event"), 0);
	assert_int_equal(db_begin(db, &e), 0);
	assert_int_equal(db_event(db, NULL, "a", "b", &e), 0);
	assert_int_equal(db_commit(db, &e), 0);
	assert_int_equal(number(db, "SELECT count(*) FROM event"), 1);
	db_close(db);
}

/* ---- the plan ---- */

static struct metric metric = {
	.name = (char *)"time", .unit = (char *)"ns", .better = (char *)"lower",
	.primary = true};
static struct workload workload = {.label = (char *)"w", .metrics = &metric,
				   .nmetrics = 1};
static struct machine machine = {.name = (char *)"m", .clock = (char *)"exact",
				 .backend = &backend_icount, .vcpus = 2,
				 .memory_mib = 512, .metronome_us = 20};

struct plan {
	struct study study;
	struct stage stages[3];
	struct kconfig configs[2];
	struct machine *machines[1];
	struct workload *workloads[1];
};

static void plan(struct plan *p, int stages)
{
	static char *const names[] = {(char *)"a", (char *)"b", (char *)"c"};

	*p = (struct plan){.configs = {{.name = (char *)"as-shipped"},
				       {.name = (char *)"rt"}},
			   .machines = {&machine},
			   .workloads = {&workload}};
	for (int i = 0; i < stages; i++)
		p->stages[i] = (struct stage){.idx = i, .name = names[i],
					      .kind = SOURCE_IMAGE,
					      .path = names[i]};
	p->study = (struct study){
		.name = (char *)"s", .path = (char *)"/s.yaml",
		.text = (char *)"study: s", .stages = p->stages,
		.nstages = (size_t)stages, .configs = p->configs, .nconfigs = 1,
		.source = {.kind = SOURCE_IMAGE}, .machines = p->machines,
		.nmachines = 1, .workloads = p->workloads, .nworkloads = 1,
		.rules = {.min = 2, .max = 2}, .min_effect = 0.01};
}

static const struct kernel kernel = {
	.key = "0123456789abcdef", .release = (char *)"6.1",
	.banner = (char *)"6.1 #1", .source = (char *)"image",
	.sha256 = (char *)"00"};

static int write_variant(struct db *db, struct plan *p, long long id, size_t i,
			 const char *config, bool with_kernel, struct err *e)
{
	char *request = stage_request(&p->study.source, &p->stages[i]);
	struct db_variant v = {
		.stage = (int)i, .config = config, .request = request,
		.state = with_kernel ? "ready" : "none",
		.kernel = with_kernel ? kernel.key : NULL,
		.run = with_kernel ? kernel.key : NULL,
		.error = with_kernel ? NULL : "no network"};
	int r = db_variant(db, id, &v, e);

	free(request);
	return r;
}

/* As matrix.c does it; with_kernel tells of each stage if there is one. */
static void write_plan(struct db *db, struct plan *p, const bool *with_kernel)
{
	long long id;
	struct err e;
	int r = db_begin(db, &e) || db_study(db, &p->study, &id, &e) ||
		db_kernel(db, &kernel, &e);

	for (size_t i = 0; !r && i < p->study.nstages; i++) {
		r = db_stage(db, id, &p->study.source, &p->stages[i], &e);
		for (size_t c = 0; !r && c < p->study.nconfigs; c++)
			r = write_variant(db, p, id, i, p->configs[c].name,
					  with_kernel[i], &e);
	}
	if (!r)
		r = db_prune(db, id, &p->study, &e);
	for (int seed = 1; !r && seed <= p->study.rules.min; seed++)
		for (size_t i = 0; !r && i < p->study.nstages; i++) {
			char *boot = xasprintf("boot-%zu-%d", i, seed);

			for (size_t c = 0; !r && c < p->study.nconfigs; c++)
				if (with_kernel[i])
					r = db_cell(db, id, (int)i,
						    p->configs[c].name, "m",
						    "w", ROLE_SAMPLE, seed,
						    boot, &e);
			free(boot);
		}
	if (r || db_commit(db, &e))
		fail_msg("%s", e.text);
}

static const bool all[] = {true, true, true};

static void test_plan(void **state)
{
	struct db *db = fresh();
	struct plan p;

	(void)state;
	plan(&p, 2);
	write_plan(db, &p, all);
	write_plan(db, &p, all);
	assert_int_equal(number(db, "SELECT count(*) FROM study"), 1);
	assert_int_equal(number(db, "SELECT count(*) FROM stage"), 2);
	assert_int_equal(number(db, "SELECT count(*) FROM cell"), 4);
	assert_int_equal(number(db, "SELECT count(*) FROM machine"), 1);
	assert_int_equal(number(db, "SELECT count(*) FROM metric "
				    "WHERE is_primary AND NOT is_latency"), 1);
	assert_int_equal(number(db, "SELECT count(*) FROM kernel"), 1);
	db_close(db);
}

static void test_plan_shrinks_and_grows(void **state)
{
	struct db *db = fresh();
	struct plan p;

	(void)state;
	plan(&p, 3);
	write_plan(db, &p, all);
	plan(&p, 1);
	p.study.rules.min = p.study.rules.max = 1;
	write_plan(db, &p, all);
	assert_int_equal(number(db, "SELECT count(*) FROM stage"), 1);
	assert_int_equal(number(db, "SELECT count(*) FROM cell"), 1);
	plan(&p, 3);
	write_plan(db, &p, all);
	assert_int_equal(number(db, "SELECT count(*) FROM cell"), 6);
	db_close(db);
}

/* Without a network a stage keeps the kernel that it had, and its cells. */
static void test_stage_that_is_not_resolved_again(void **state)
{
	static const bool one[] = {true, false};
	struct db *db = fresh();
	struct plan p;

	(void)state;
	plan(&p, 2);
	write_plan(db, &p, all);
	write_plan(db, &p, one);
	assert_int_equal(number(db, "SELECT count(*) FROM variant "
				    "WHERE kernel_key IS NOT NULL AND error "
				    "IS NULL AND state = 'ready'"), 2);
	assert_int_equal(number(db, "SELECT count(*) FROM cell"), 4);
	/* Another request is another matter. */
	p.stages[1].path = (char *)"other";
	write_plan(db, &p, one);
	assert_int_equal(number(db, "SELECT count(*) FROM variant "
				    "WHERE kernel_key IS NULL AND state = "
				    "'none' AND error = 'no network'"), 1);
	assert_int_equal(number(db, "SELECT count(*) FROM cell"), 2);
	db_close(db);
}

static void test_configs_come_and_go(void **state)
{
	struct db *db = fresh();
	struct plan p;

	(void)state;
	plan(&p, 2);
	p.study.nconfigs = 2;
	write_plan(db, &p, all);
	assert_int_equal(number(db, "SELECT count(*) FROM config"), 2);
	assert_int_equal(number(db, "SELECT count(*) FROM variant"), 4);
	assert_int_equal(number(db, "SELECT count(*) FROM cell"), 8);
	p.study.nconfigs = 1;
	write_plan(db, &p, all);
	assert_int_equal(number(db, "SELECT count(*) FROM config"), 1);
	assert_int_equal(number(db, "SELECT count(*) FROM variant"), 2);
	assert_int_equal(number(db, "SELECT count(*) FROM cell"), 4);
	db_close(db);
}

static void say_not_applicable(struct db *db, long long id, int stage,
			       const char *why)
{
	struct err e;

	if (db_not_applicable(db, id, stage, "as-shipped", "m", "w", why, &e))
		fail_msg("%s", e.text);
}

/* Each time anew: what a workload needs, and what there is, may change. */
static void test_not_applicable(void **state)
{
	struct db *db = fresh();
	struct plan p;
	long long id;

	(void)state;
	plan(&p, 2);
	write_plan(db, &p, all);
	id = number(db, "SELECT id FROM study");
	say_not_applicable(db, id, 0, "it needs 2 vCPUs");
	say_not_applicable(db, id, 1, "it needs 2 vCPUs");
	say_not_applicable(db, id, 1, "it needs 4 vCPUs");
	assert_int_equal(number(db, "SELECT count(*) FROM not_applicable"), 2);
	assert_int_equal(number(db, "SELECT count(*) FROM not_applicable WHERE "
				    "stage = 1 AND machine = 'm' AND workload "
				    "= 'w' AND why = 'it needs 4 vCPUs'"), 1);
	write_plan(db, &p, all);
	assert_int_equal(number(db, "SELECT count(*) FROM not_applicable"), 0);
	db_close(db);
}

/* Of kernels with one code identity the boots run the first. */
static void test_first_of_the_same_code(void **state)
{
	struct db *db = fresh();
	struct kernel k[3] = {kernel, kernel, kernel};
	char key[17];
	struct err e;

	(void)state;
	memcpy(k[1].key, "1111111111111111", 17);
	memcpy(k[2].key, "0000000000000000", 17);
	k[1].identity = k[2].identity = (char *)"ab";
	for (int i = 0; i < 3; i++)
		assert_int_equal(db_kernel(db, &k[i], &e), 0);
	assert_int_equal(db_first_same(db, &k[0], key, &e), 0);
	assert_string_equal(key, k[0].key);
	assert_int_equal(db_first_same(db, &k[2], key, &e), 0);
	assert_string_equal(key, k[1].key);
	db_close(db);
}

/* What a build came to; a kernel to be built anew takes the old one's cells. */
static void test_variants_of_builds(void **state)
{
	struct db *db = fresh();
	struct plan p;
	long long id;
	struct err e;
	struct db_variant v = {.stage = 1, .config = "as-shipped",
			       .request = "key-2", .state = "todo"};

	(void)state;
	plan(&p, 2);
	write_plan(db, &p, all);
	assert_int_equal(db_study(db, &p.study, &id, &e), 0);
	for (int i = 0; i < 2; i++)
		assert_int_equal(db_stage(db, id, &p.study.source, &p.stages[i],
					  &e), 0);
	assert_int_equal(db_variant(db, id, &v, &e), 0);
	assert_int_equal(db_prune(db, id, &p.study, &e), 0);
	assert_int_equal(number(db, "SELECT count(*) FROM cell "
				    "WHERE stage = 1"), 0);
	v.state = "broken";
	v.error = "mm/slub.c:1: no";
	v.errors = "[]";
	v.log = "broken/key-2/build.log.zst";
	v.wall_ms = 1234;
	assert_int_equal(db_variant(db, id, &v, &e), 0);
	assert_int_equal(number(db, "SELECT wall_ms FROM variant "
				    "WHERE state = 'broken'"), 1234);
	/* Found again in the store, it keeps what its build took. */
	v.wall_ms = 0;
	assert_int_equal(db_variant(db, id, &v, &e), 0);
	assert_int_equal(number(db, "SELECT wall_ms FROM variant "
				    "WHERE state = 'broken'"), 1234);
	/* Another kernel has nothing of it. */
	v = (struct db_variant){.stage = 1, .config = "as-shipped",
				.request = "key-3", .state = "todo"};
	assert_int_equal(db_variant(db, id, &v, &e), 0);
	assert_int_equal(number(db, "SELECT count(*) FROM variant WHERE "
				    "stage = 1 AND log IS NULL AND wall_ms IS "
				    "NULL AND error IS NULL"), 1);
	db_close(db);
}

/* A cell that the plan does not write again must not show the boot of another
 * kernel than the stage has now. */
static void test_boots_of_another_kernel(void **state)
{
	struct db *db = fresh();
	struct kernel other = kernel;
	struct plan p;
	long long id;
	struct err e;
	struct db_variant v = {.stage = 1, .config = "as-shipped",
			       .request = "other", .state = "ready",
			       .kernel = other.key, .run = other.key};

	(void)state;
	plan(&p, 2);
	write_plan(db, &p, all);
	for (int i = 0; i < 2; i++)
		assert_int_equal(db_boot_start(db, i ? "boot-1-1" : "boot-0-1",
					       kernel.key, 1, &e), 0);
	memcpy(other.key, "1111111111111111", 17);
	assert_int_equal(db_kernel(db, &other, &e), 0);
	id = number(db, "SELECT id FROM study");
	assert_int_equal(db_variant(db, id, &v, &e), 0);
	assert_int_equal(db_prune(db, id, &p.study, &e), 0);
	assert_int_equal(number(db, "SELECT count(*) FROM cell "
				    "WHERE boot = 'boot-1-1'"), 0);
	assert_int_equal(number(db, "SELECT count(*) FROM cell "
				    "WHERE boot = 'boot-0-1'"), 1);
	db_close(db);
}

static void add_cell(struct db *db, int stage, enum cell_role role, int seed)
{
	char *boot = xasprintf("boot-%d-%d", stage, seed);
	struct err e;

	assert_int_equal(db_cell(db, number(db, "SELECT id FROM study"), stage,
				 "as-shipped", "m", "w", role, seed, boot, &e),
			 0);
	free(boot);
}

/* A cell of every role on both stages, beside two samples each. */
static void add_cells_of_rounds(struct db *db)
{
	for (int stage = 0; stage < 2; stage++) {
		add_cell(db, stage, ROLE_SAMPLE, 3);
		add_cell(db, stage, ROLE_CONFIRM, SEED_CONFIRM + 1);
	}
	add_cell(db, 0, ROLE_AA, SEED_AA + 1);
	add_cell(db, 0, ROLE_AA, SEED_AA + 2);
}

/* What the study's file has no word of goes with the plan. */
static void test_roles_that_are_not_asked_for(void **state)
{
	struct db *db = fresh();
	struct plan p;

	(void)state;
	plan(&p, 2);
	p.study.rules = (struct rules){
		.min = 2, .max = 3, .confirm = true, .aa = 2};
	write_plan(db, &p, all);
	add_cells_of_rounds(db);
	write_plan(db, &p, all);
	assert_int_equal(number(db, "SELECT count(*) FROM cell"), 10);
	p.study.rules.aa = 1;
	write_plan(db, &p, all);
	assert_int_equal(number(db, "SELECT count(*) FROM cell"), 9);
	p.study.rules.max = 2;
	write_plan(db, &p, all);
	assert_int_equal(number(db, "SELECT count(*) FROM cell"), 7);
	p.study.rules.confirm = false;
	write_plan(db, &p, all);
	assert_int_equal(number(db, "SELECT count(*) FROM cell"), 5);
	p.study.baseline = 1;
	write_plan(db, &p, all);
	assert_int_equal(number(db, "SELECT count(*) FROM cell"), 4);
	assert_int_equal(number(db, "SELECT json_extract(compare, '$.max') "
				    "FROM study"), 2);
	db_close(db);
}

/* What rounds added is asked for again, and kept until the run is through. */
static void test_boots_of_rounds(void **state)
{
	struct db *db = fresh();
	struct plan p;
	long long id;
	struct err e;

	(void)state;
	plan(&p, 2);
	p.study.rules = (struct rules){
		.min = 2, .max = 3, .confirm = true, .aa = 2};
	write_plan(db, &p, all);
	add_cells_of_rounds(db);
	id = number(db, "SELECT id FROM study");
	assert_int_equal(db_prune_rounds(db, id, 1, "as-shipped", "m", "w", 2,
					 &e), 0);
	assert_int_equal(db_prune_rounds(db, id, 1, "as-shipped", "m", "w", 2,
					 &e), 0);
	assert_int_equal(number(db, "SELECT count(*) FROM cell "
				    "WHERE stage = 1"), 2);
	assert_int_equal(number(db, "SELECT count(*) FROM cell "
				    "WHERE stage = 0"), 6);
	assert_int_equal(number(db, "SELECT count(*) FROM spare"), 2);
	assert_int_equal(db_verdicts(db, id, NULL, 0, &e), 0);
	assert_int_equal(number(db, "SELECT count(*) FROM spare"), 0);
	db_close(db);
}

static void test_verdicts(void **state)
{
	struct db *db = fresh();
	struct plan p;
	long long id;
	struct err e;
	struct db_verdict v[2] = {
		{.stage = 0, .config = "c", .machine = "m", .workload = "w",
		 .metric = "t", .verdict = "baseline", .base = NAN,
		 .value = 1.5, .change = NAN, .low = NAN, .high = NAN,
		 .p = NAN, .q = NAN, .boots = 3, .more_boots = NAN},
		{.stage = 1, .config = "c", .machine = "m", .workload = "w",
		 .metric = "t", .verdict = "regressed", .reason = "so",
		 .unit = "ns", .method = "z", .base = 0, .value = 2,
		 .change = 0.25, .low = 0.125, .high = 0.5, .p = 0.0625,
		 .q = 0.75, .boots = 5, .more_boots = 7}};

	(void)state;
	plan(&p, 2);
	write_plan(db, &p, all);
	id = number(db, "SELECT id FROM study");
	assert_int_equal(number(db, "SELECT judged IS NULL FROM study"), 1);
	assert_int_equal(db_verdicts(db, id, v, 2, &e), 0);
	assert_int_equal(number(db, "SELECT judged IS NULL FROM study"), 0);
	assert_int_equal(
		number(db, "SELECT count(*) FROM verdict WHERE stage = 0 AND "
			   "base IS NULL AND value = 1.5 AND change IS NULL "
			   "AND reason IS NULL AND typeof(boots) = 'integer' "
			   "AND more_boots IS NULL"), 1);
	assert_int_equal(
		number(db, "SELECT count(*) FROM verdict WHERE base = 0 AND "
			   "reason = 'so' AND unit = 'ns' AND change = 0.25 "
			   "AND low = 0.125 AND high = 0.5 AND p = 0.0625 "
			   "AND q = 0.75 AND boots = 5 AND more_boots = 7 AND "
			   "method = 'z' AND metric = 't'"), 1);
	/* All or none. */
	v[1].stage = 0;
	v[0].verdict = "equivalent";
	assert_true(db_verdicts(db, id, v, 2, &e) < 0);
	assert_int_equal(number(db, "SELECT count(*) FROM verdict WHERE "
				    "verdict IN ('baseline', 'regressed')"), 2);
	/* Another plan keeps them, until there are others, or none. */
	write_plan(db, &p, all);
	assert_int_equal(number(db, "SELECT count(*) FROM verdict"), 2);
	assert_int_equal(db_verdicts(db, id, v, 1, &e), 0);
	assert_int_equal(number(db, "SELECT count(*) FROM verdict"), 1);
	assert_int_equal(db_no_verdicts(db, id, &e), 0);
	assert_int_equal(number(db, "SELECT count(*) FROM verdict"), 0);
	assert_int_equal(number(db, "SELECT judged IS NULL FROM study"), 1);
	db_close(db);
}

/* A lab of the first version, with a study in it. */
static void test_migration(void **state)
{
	static const char *const rows[] = {
		"INSERT INTO study VALUES (1, 's', '/s', '', 0, 0.01, '')",
		"INSERT INTO kernel VALUES ('k', '6.1', '', 'image', NULL, "
		"NULL, '00', '')",
		"INSERT INTO stage VALUES (1, 0, 'a', 'image a', 'k', NULL)",
		"INSERT INTO stage VALUES (1, 1, 'b', 'image b', NULL, 'no')",
		"INSERT INTO cell VALUES (1, 0, 'as-shipped', 'm', 'w', 1, "
		"'boot')",
		"PRAGMA user_version = 1"};
	static const char *const versions[] = {
#include "schema.h"
	};
	struct db *db;
	sqlite3 *sql;
	struct err e;

	(void)state;
	file_remove("lab", &e);
	assert_int_equal(file_mkdirs("lab", &e), 0);
	assert_int_equal(sqlite3_open("lab/lab.db", &sql), SQLITE_OK);
	assert_int_equal(sqlite3_exec(sql, versions[0], NULL, NULL, NULL),
			 SQLITE_OK);
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		assert_int_equal(sqlite3_exec(sql, rows[i], NULL, NULL, NULL),
				 SQLITE_OK);
	sqlite3_close(sql);
	assert_int_equal(db_open("lab", true, &db, &e), -EIO);
	assert_non_null(strstr(e.text, "written by an older klab"));
	if (db_open("lab", false, &db, &e))
		fail_msg("%s", e.text);
	assert_int_equal(number(db, "SELECT count(*) FROM stage"), 2);
	assert_int_equal(number(db, "SELECT count(*) FROM config"), 1);
	assert_int_equal(number(db, "SELECT count(*) FROM variant WHERE state "
				    "= 'ready' AND run_key = 'k'"), 1);
	assert_int_equal(number(db, "SELECT count(*) FROM variant WHERE state "
				    "= 'none' AND error = 'no'"), 1);
	assert_int_equal(number(db, "SELECT count(*) FROM cell"), 1);
	assert_int_equal(number(db, "SELECT count(*) FROM finding"), 0);
	assert_int_equal(number(db, "SELECT count(*) FROM missing"), 0);
	assert_int_equal(number(db, "SELECT count(*) FROM not_applicable"), 0);
	assert_int_equal(number(db, "SELECT count(*) FROM cell WHERE role = "
				    "'sample'"), 1);
	assert_int_equal(number(db, "SELECT count(*) FROM study WHERE compare "
				    "= '{}' AND judged IS NULL"), 1);
	assert_int_equal(number(db, "SELECT count(*) FROM verdict"), 0);
	db_close(db);
}

/* A lab of the second version: its words for what became of a boot. */
static void test_migration_of_outcomes(void **state)
{
	static const struct {
		const char *state, *was, *outcome, *detail;
	} words[] = {
		{"ok", "ok", "ok", NULL},
		{"bad", "panic", "panic", "panic"},
		{"bad", "incomplete", "panic", "incomplete"},
		{"bad", "silent", "no-boot", "silent"},
		{"bad", "deadline", "hang", "deadline"},
		{"bad", "workload", "workload-failed", "workload"},
		{"bad", "metronome", "workload-failed", "metronome"},
		{"bad", "garbage", "workload-failed", "garbage"},
		{"bad", "flood", "workload-failed", "flood"},
		{"bad", "agent", "workload-failed", "agent"},
		{"lab", "qemu", "infra", "qemu"},
		{"lab", "disk", "infra", "disk"},
		{"lab", "lab", "infra", "lab"},
		{"running", "interrupted", "infra", "interrupted"},
	};
	static const char *const versions[] = {
#include "schema.h"
	};
	struct db *db;
	sqlite3 *sql;
	struct err e;

	(void)state;
	file_remove("lab", &e);
	assert_int_equal(file_mkdirs("lab", &e), 0);
	assert_int_equal(sqlite3_open("lab/lab.db", &sql), SQLITE_OK);
	for (int i = 0; i < 2; i++)
		assert_int_equal(sqlite3_exec(sql, versions[i], NULL, NULL,
					      NULL), SQLITE_OK);
	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++) {
		char *row = xasprintf("INSERT INTO boot (id, kernel_key, seed, "
				      "state, outcome, started) VALUES "
				      "('b%zu', 'k', 1, '%s', '%s', '')", i,
				      words[i].state, words[i].was);

		assert_int_equal(sqlite3_exec(sql, row, NULL, NULL, NULL),
				 SQLITE_OK);
		free(row);
	}
	assert_int_equal(sqlite3_exec(sql, "PRAGMA user_version = 2", NULL,
				      NULL, NULL), SQLITE_OK);
	sqlite3_close(sql);
	if (db_open("lab", false, &db, &e))
		fail_msg("%s", e.text);
	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++) {
		long long n;

		assert_int_equal(db_number(db, &e, &n, 0,
					   "SELECT outcome = ? AND detail IS ? "
					   "AND watched = 0 FROM boot "
					   "WHERE id = 'b' || ?", "tti",
					   words[i].outcome, words[i].detail,
					   (long long)i), 0);
		if (n != 1)
			fail_msg("%s did not become %s", words[i].was,
				 words[i].outcome);
	}
	db_close(db);
}

static void test_forgotten_study(void **state)
{
	struct db *db = fresh();
	struct plan p;

	(void)state;
	plan(&p, 2);
	write_plan(db, &p, all);
	run(db, "DELETE FROM study");
	assert_int_equal(number(db, "SELECT count(*) FROM stage"), 0);
	assert_int_equal(number(db, "SELECT count(*) FROM cell"), 0);
	assert_int_equal(number(db, "SELECT count(*) FROM machine"), 0);
	assert_int_equal(number(db, "SELECT count(*) FROM metric"), 0);
	assert_int_equal(number(db, "SELECT count(*) FROM config"), 0);
	assert_int_equal(number(db, "SELECT count(*) FROM variant"), 0);
	assert_int_equal(number(db, "SELECT count(*) FROM harmless"), 0);
	assert_int_equal(number(db, "SELECT count(*) FROM harmless_pattern"),
			 0);
	db_close(db);
}

/* ---- boots ---- */

static struct sample samples[] = {
	{(char *)"time", (char *)"ns", 5},
	{(char *)"other", (char *)"ns", 6},
};
static struct histogram histograms[] = {
	{(char *)"latency", 0, 100, (char *)"{}", 0},
	{(char *)"latency", 1, 100, (char *)"{}", 0},
};

static struct collected result(enum boot_state state, const char *outcome)
{
	return (struct collected){
		.state = state, .outcome = outcome,
		.detail = state == BOOT_OK ? NULL : outcome, .guest_ns = 7,
		.reason = state == BOOT_OK ? NULL : (char *)"because",
		.excerpt = state == BOOT_OK ? NULL : (char *)"lines",
		.samples = samples, .nsamples = 2, .histograms = histograms,
		.nhistograms = 2};
}

static int state_of(struct db *db, const char *id, int deadline_s)
{
	struct err e;
	int state;

	assert_int_equal(db_boot_state(db, id, deadline_s, &state, &e), 0);
	return state;
}

static void start(struct db *db, const char *id)
{
	struct err e;

	assert_int_equal(db_boot_start(db, id, "k", 1, &e), 0);
}

static void done(struct db *db, const char *id, struct collected c)
{
	struct err e;

	if (db_boot_done(db, id, &c, 5000, "{}", &e))
		fail_msg("%s", e.text);
}

static void test_boots(void **state)
{
	struct db *db = fresh();

	(void)state;
	assert_int_equal(state_of(db, "a", 60), -1);
	start(db, "a");
	/* Until it is done it counts as failed for a reason of ours. */
	assert_int_equal(state_of(db, "a", 60), BOOT_LAB);
	done(db, "a", result(BOOT_OK, "ok"));
	assert_int_equal(state_of(db, "a", 60), BOOT_OK);
	assert_int_equal(number(db, "SELECT count(*) FROM sample"), 2);
	assert_int_equal(number(db, "SELECT count(*) FROM histogram"), 2);
	start(db, "b");
	done(db, "b", result(BOOT_BAD, "panic"));
	assert_int_equal(state_of(db, "b", 60), BOOT_BAD);
	start(db, "c");
	done(db, "c", result(BOOT_LAB, "qemu"));
	assert_int_equal(state_of(db, "c", 60), BOOT_LAB);
	/* Samples of what failed are none. */
	assert_int_equal(number(db, "SELECT count(DISTINCT boot) FROM sample"),
			 1);
	/* Done again, it has one set of them. */
	start(db, "a");
	assert_int_equal(number(db, "SELECT count(*) FROM sample"), 0);
	done(db, "a", result(BOOT_OK, "ok"));
	assert_int_equal(number(db, "SELECT count(*) FROM sample"), 2);
	db_close(db);
}

/* What has no value is kept with its reason, for as long as the boot. */
static void test_missing(void **state)
{
	static struct missing missing[] = {
		{(char *)"scaling", (char *)"it printed nothing"},
		{(char *)"cycles", (char *)"its JSON has '<not counted>'"}};
	struct db *db = fresh();
	struct collected c = result(BOOT_OK, "ok");

	(void)state;
	c.missing = missing;
	c.nmissing = 2;
	start(db, "a");
	done(db, "a", c);
	assert_int_equal(number(db, "SELECT count(*) FROM missing"), 2);
	assert_int_equal(number(db, "SELECT count(*) FROM missing WHERE boot = "
				    "'a' AND metric = 'scaling' AND why = 'it "
				    "printed nothing'"), 1);
	/* Done again, it has one set of them, or none. */
	start(db, "a");
	assert_int_equal(number(db, "SELECT count(*) FROM missing"), 0);
	done(db, "a", c);
	assert_int_equal(number(db, "SELECT count(*) FROM missing"), 2);
	start(db, "a");
	done(db, "a", result(BOOT_OK, "ok"));
	assert_int_equal(number(db, "SELECT count(*) FROM missing"), 0);
	/* A boot that failed has no values at all, which is no news. */
	c = result(BOOT_BAD, "panic");
	c.missing = missing;
	c.nmissing = 2;
	start(db, "b");
	done(db, "b", c);
	assert_int_equal(number(db, "SELECT count(*) FROM missing"), 0);
	db_close(db);
}

static void test_longer_deadline(void **state)
{
	struct db *db = fresh();

	(void)state;
	start(db, "a");
	done(db, "a", result(BOOT_BAD, "deadline")); /* after 5 s */
	assert_int_equal(state_of(db, "a", 5), BOOT_BAD);
	assert_int_equal(state_of(db, "a", 1), BOOT_BAD);
	assert_int_equal(state_of(db, "a", 6), BOOT_LAB);
	start(db, "b");
	done(db, "b", result(BOOT_BAD, "panic"));
	assert_int_equal(state_of(db, "b", 6), BOOT_BAD);
	db_close(db);
}

/* All of a boot's results or none of them. */
static void test_results_that_cannot_be_stored(void **state)
{
	struct db *db = fresh();
	struct collected c = result(BOOT_OK, "ok");
	struct sample twice[] = {samples[0], samples[0]};
	struct err e;

	(void)state;
	start(db, "a");
	c.samples = twice;
	assert_true(db_boot_done(db, "a", &c, 1, "{}", &e) < 0);
	assert_int_equal(e.kind, ERR_LAB);
	assert_int_equal(number(db, "SELECT count(*) FROM sample"), 0);
	assert_int_equal(state_of(db, "a", 60), BOOT_LAB);
	/* And the next one is not in the transaction of this one. */
	start(db, "b");
	done(db, "b", result(BOOT_OK, "ok"));
	db_close(db);
}

static void test_killed_klab(void **state)
{
	struct db *db = fresh();
	struct err e;

	(void)state;
	start(db, "a");
	start(db, "b");
	done(db, "b", result(BOOT_OK, "ok"));
	assert_int_equal(db_boots_interrupted(db, &e), 0);
	assert_int_equal(number(db, "SELECT count(*) FROM boot "
				    "WHERE state = 'running'"), 0);
	assert_int_equal(state_of(db, "a", 60), BOOT_LAB);
	assert_int_equal(state_of(db, "b", 60), BOOT_OK);
	db_close(db);
}

/* A reader sees what was committed, while a writer is in the middle. */
static void test_reader_beside_writer(void **state)
{
	struct db *db = fresh(), *reader;
	struct err e;

	(void)state;
	assert_int_equal(db_open("lab", true, &reader, &e), 0);
	assert_int_equal(db_begin(db, &e), 0);
	start(db, "a");
	assert_int_equal(number(reader, "SELECT count(*) FROM boot"), 0);
	assert_int_equal(db_commit(db, &e), 0);
	assert_int_equal(number(reader, "SELECT count(*) FROM boot"), 1);
	db_close(reader);
	db_close(db);
}

/* Text of any kind is text. */
static void test_texts(void **state)
{
	struct db *db = fresh();
	struct collected c = result(BOOT_BAD, "panic");
	struct err e;

	(void)state;
	start(db, "'; DROP TABLE boot; --");
	c.reason = (char *)"'\"\n<b>\xc3\xa4";
	done(db, "'; DROP TABLE boot; --", c);
	assert_int_equal(number(db, "SELECT count(*) FROM boot"), 1);
	assert_int_equal(db_event(db, "s", "a'b", "c\"d", &e), 0);
	db_close(db);
}

/* What the analysis reads: samples of good boots, under their metric. */
static void test_view(void **state)
{
	struct db *db = fresh();
	struct plan p;

	(void)state;
	plan(&p, 2);
	write_plan(db, &p, all);
	start(db, "boot-0-1");
	done(db, "boot-0-1", result(BOOT_OK, "ok"));
	start(db, "boot-1-1");
	done(db, "boot-1-1", result(BOOT_BAD, "panic"));
	/* Of the two samples one is of no metric of the study. */
	assert_int_equal(number(db, "SELECT count(*) FROM study_sample"), 1);
	assert_int_equal(number(db, "SELECT value FROM study_sample "
				    "WHERE study = 's' AND stage_name = 'a' "
				    "AND metronome_us = 20 AND is_primary"), 5);
	db_close(db);
}

/* ---- findings ---- */

#define A_WARNING "WARNING: CPU: 0 PID: 7 at mm/slub.c:1 a+0x1/0x2"
#define A_PANIC "Kernel panic - not syncing: b"

static struct finding found[] = {
	{.kind = FINDING_WARNING, .first_line = (char *)A_WARNING,
	 .detail = (char *)"", .function = (char *)"a", .offset = 1, .us = 5,
	 .excerpt = (char *)A_WARNING "\n", .signature = "1111111111111111",
	 .count = 3},
	{.kind = FINDING_PANIC, .first_line = (char *)A_PANIC,
	 .detail = (char *)"why", .function = (char *)"", .us = -1,
	 .excerpt = (char *)A_PANIC "\n", .signature = "2222222222222222",
	 .count = 1, .fatal = true, .consequence = true},
};

static struct collected splat(size_t n)
{
	struct collected c = result(BOOT_OK, n ? "splat" : "ok");

	c.findings = found;
	c.nfindings = n;
	return c;
}

static long long alarming(struct db *db, const char *boot)
{
	long long id = number(db, "SELECT id FROM study"), n;
	struct err e;

	assert_int_equal(findings_alarming(db, id, boot, &n, &e), 0);
	return n;
}

static void test_findings(void **state)
{
	struct db *db = fresh();
	struct plan p;

	(void)state;
	plan(&p, 2);
	write_plan(db, &p, all);
	start(db, "boot-0-1");
	done(db, "boot-0-1", splat(2));
	assert_int_equal(number(db, "SELECT count(*) FROM finding"), 2);
	assert_int_equal(number(db, "SELECT count(*) FROM finding WHERE idx = "
				    "0 AND kind = 'warning' AND function = 'a' "
				    "AND offset = 1 AND us = 5 AND count = 3 "
				    "AND NOT is_fatal AND detail IS NULL"), 1);
	assert_int_equal(number(db, "SELECT count(*) FROM finding WHERE idx = "
				    "1 AND function IS NULL AND offset IS NULL "
				    "AND us IS NULL AND is_fatal AND "
				    "is_consequence AND detail = 'why'"), 1);
	assert_int_equal(number(db, "SELECT watched FROM boot"),
			 FINDINGS_VERSION);
	assert_int_equal(alarming(db, "boot-0-1"), 2);
	assert_int_equal(alarming(db, NULL), 1);
	/* Done again, it has one set of them. */
	start(db, "boot-0-1");
	assert_int_equal(number(db, "SELECT count(*) FROM finding"), 0);
	done(db, "boot-0-1", splat(1));
	assert_int_equal(number(db, "SELECT count(*) FROM finding"), 1);
	/* Where the lab failed, nothing is held against the kernel. */
	start(db, "boot-1-1");
	{
		struct collected c = splat(2);

		collected_infra(&c, "qemu", NULL);
		done(db, "boot-1-1", c);
	}
	assert_int_equal(number(db, "SELECT count(*) FROM finding"), 1);
	db_close(db);
}

/* Harmless to one study, news to another that shares the boot; whichever came
 * first, the pattern or the finding. */
static void test_harmless(void **state)
{
	struct db *db = fresh();
	struct plan p;
	long long n;
	struct err e;

	(void)state;
	plan(&p, 1);
	p.study.name = (char *)"other";
	write_plan(db, &p, all);
	p.study.name = (char *)"s";
	strv_add(&p.study.harmless, "at mm/sl.b\\.c:[[:digit:]]+ a");
	write_plan(db, &p, all);
	start(db, "boot-0-1");
	done(db, "boot-0-1", splat(2));
	assert_int_equal(number(db, "SELECT count(*) FROM study_finding WHERE "
				    "study = 's'"), 1);
	assert_int_equal(number(db, "SELECT count(*) FROM study_finding WHERE "
				    "study = 'other'"), 2);
	/* A pattern that comes later. */
	strv_add(&p.study.harmless, "^Kernel panic");
	write_plan(db, &p, all);
	assert_int_equal(number(db, "SELECT count(*) FROM study_finding WHERE "
				    "study = 's'"), 0);
	assert_int_equal(findings_alarming(db, number(db, "SELECT id FROM study "
						"WHERE name = 's'"),
					   NULL, &n, &e), 0);
	assert_int_equal(n, 0);
	/* And one that goes. */
	strv_release(&p.study.harmless);
	write_plan(db, &p, all);
	assert_int_equal(number(db, "SELECT count(*) FROM study_finding WHERE "
				    "study = 's'"), 2);
	assert_int_equal(number(db, "SELECT count(*) FROM harmless"), 0);
	db_close(db);
}

/* Boots that a klab without a console watch judged. */
static void test_catch_up(void **state)
{
	static const char console[] =
		"[    0.100000] ------------[ cut here ]------------\n"
		"[    0.100000] WARNING: CPU: 0 PID: 7 at mm/slub.c:1 a+0x1/0x2\n"
		"[    0.100000] ---[ end trace 0000000000000000 ]---\n";
	static const char *const boots[] = {"was-ok", "was-bad", "gone",
					    "quiet", "infra"};
	struct db *db = fresh();
	struct err e;

	(void)state;
	for (size_t i = 0; i < 5; i++) {
		char *folder = xasprintf("lab/boots/%s", boots[i]);
		char *path = xasprintf("%s/console.log", folder);
		enum boot_state s = i == 1   ? BOOT_BAD
				    : i == 4 ? BOOT_LAB
					     : BOOT_OK;

		start(db, boots[i]);
		done(db, boots[i], result(s, i == 1 ? "hang" : "ok"));
		file_mkdirs(folder, &e);
		if (i != 2)
			assert_int_equal(file_put(path, console,
						  i == 3 ? 10
							 : strlen(console),
						  &e), 0);
		free(path);
		free(folder);
	}
	run(db, "UPDATE boot SET watched = 0");
	if (findings_catch_up(db, "lab", &e))
		fail_msg("%s", e.text);
	assert_int_equal(number(db, "SELECT count(*) FROM finding"), 2);
	assert_int_equal(number(db, "SELECT count(*) FROM finding WHERE boot "
				    "IN ('was-ok', 'was-bad')"), 2);
	assert_int_equal(number(db, "SELECT count(*) FROM boot WHERE outcome = "
				    "'splat' AND detail = 'splat' AND id = "
				    "'was-ok' AND excerpt LIKE '%WARNING%'"),
			 1);
	assert_int_equal(number(db, "SELECT count(*) FROM boot WHERE outcome = "
				    "'hang' AND id = 'was-bad'"), 1);
	assert_int_equal(number(db, "SELECT count(*) FROM boot WHERE outcome = "
				    "'ok' AND id IN ('gone', 'quiet')"), 2);
	assert_int_equal(number(db, "SELECT watched FROM boot WHERE id = "
				    "'infra'"), 0);
	/* Once is enough. */
	run(db, "DELETE FROM finding");
	assert_int_equal(findings_catch_up(db, "lab", &e), 0);
	assert_int_equal(number(db, "SELECT count(*) FROM finding"), 0);
	db_close(db);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_open),
		cmocka_unit_test(test_other_versions),
		cmocka_unit_test(test_statements),
		cmocka_unit_test(test_transaction),
		cmocka_unit_test(test_plan),
		cmocka_unit_test(test_plan_shrinks_and_grows),
		cmocka_unit_test(test_stage_that_is_not_resolved_again),
		cmocka_unit_test(test_configs_come_and_go),
		cmocka_unit_test(test_not_applicable),
		cmocka_unit_test(test_first_of_the_same_code),
		cmocka_unit_test(test_variants_of_builds),
		cmocka_unit_test(test_boots_of_another_kernel),
		cmocka_unit_test(test_roles_that_are_not_asked_for),
		cmocka_unit_test(test_boots_of_rounds),
		cmocka_unit_test(test_verdicts),
		cmocka_unit_test(test_migration),
		cmocka_unit_test(test_migration_of_outcomes),
		cmocka_unit_test(test_forgotten_study),
		cmocka_unit_test(test_boots),
		cmocka_unit_test(test_missing),
		cmocka_unit_test(test_longer_deadline),
		cmocka_unit_test(test_results_that_cannot_be_stored),
		cmocka_unit_test(test_killed_klab),
		cmocka_unit_test(test_reader_beside_writer),
		cmocka_unit_test(test_texts),
		cmocka_unit_test(test_view),
		cmocka_unit_test(test_findings),
		cmocka_unit_test(test_harmless),
		cmocka_unit_test(test_catch_up),
	};

	return cmocka_run_group_tests(tests, enter_folder, leave_folder);
}

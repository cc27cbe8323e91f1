/* What is known before the search: what builds and boots cost, how values
 * spread, and from suspects.c how likely each patch is to be guilty. */
#include "bisect/hunt_int.h"

#include "lab/db.h"

#include <errno.h>
#include <math.h>
#include <sqlite3.h>

/* Where nothing is known yet, in seconds. */
#define BUILD_S 20.0
#define RUN_S 10.0
/* A spread from fewer degrees of freedom is none. */
#define SPREAD_DF 4

/* ---- what it costs ---- */

static int take_number(sqlite3_stmt *row, void *arg)
{
	double *to = arg;

	if (sqlite3_column_type(row, 0) != SQLITE_NULL)
		*to = sqlite3_column_double(row, 0);
	return 0;
}

/* The middle of what the latest took, which a first build is far above. */
static int read_costs(struct hunt *h, double *build_s, double *run_s,
		      struct err *e)
{
	struct db *db = h->rq.lab->db;
	const char *workload = h->c->workload ? h->c->workload : "";

	*build_s = BUILD_S;
	*run_s = RUN_S;
	if (db_each(db, e, take_number, build_s,
		    "SELECT wall_ms / 1000.0 FROM (SELECT wall_ms FROM variant "
		    "WHERE config = ?1 AND wall_ms > 0) ORDER BY wall_ms LIMIT "
		    "1 OFFSET (SELECT count(*) / 2 FROM variant WHERE config = "
		    "?1 AND wall_ms > 0)",
		    "t", h->s->configs[0].name) ||
	    db_each(db, e, take_number, run_s,
		    "SELECT avg(b.wall_ms) / 1000.0 FROM cell c JOIN boot b "
		    "ON b.id = c.boot WHERE c.machine = ? AND c.workload = ? "
		    "AND b.state = 'ok'",
		    "tt", h->s->machines[0]->name, workload))
		return -EIO;
	return 0;
}

/* ---- how values spread ---- */

struct spread {
	int stage, n, df;
	double mean, squares; /* of this stage; Welford's */
	double sum;           /* of squares within the stages before */
};

static void end_stage(struct spread *s)
{
	if (s->n > 1) {
		s->sum += s->squares;
		s->df += s->n - 1;
	}
	s->n = 0;
	s->mean = s->squares = 0;
}

static int take_value(sqlite3_stmt *row, void *arg)
{
	struct spread *s = arg;
	int stage = sqlite3_column_int(row, 0);
	double value = sqlite3_column_double(row, 1), off;

	if (value <= 0)
		return 0;
	value = log(value);
	if (stage != s->stage)
		end_stage(s);
	s->stage = stage;
	off = value - s->mean;
	s->mean += off / ++s->n;
	s->squares += off * (value - s->mean);
	return 0;
}

/* From boots that the lab has, of whatever study, which a kernel may share. */
static int read_spread(struct hunt *h, struct err *e)
{
	struct spread s = {.stage = -1};

	if (db_each(h->rq.lab->db, e, take_value, &s,
		    "SELECT c.study * 100000 + c.stage, x.value FROM cell c "
		    "JOIN boot b ON b.id = c.boot AND b.state = 'ok' "
		    "JOIN sample x ON x.boot = c.boot AND x.metric = ? "
		    "WHERE c.config = ? AND c.machine = ? AND c.workload = ? "
		    "ORDER BY 1",
		    "tttt", h->c->metric, h->s->configs[0].name,
		    h->s->machines[0]->name, h->c->workload))
		return -EIO;
	end_stage(&s);
	if (s.df < SPREAD_DF || !(s.sum > 0))
		return 0;
	h->set.spread = sqrt(s.sum / s.df);
	h->set.spread_df = s.df;
	return 0;
}

/* ---- the setup ---- */

static int weigh_kernel(struct hunt *h, int k, double build_s, double run_s,
			struct err *e)
{
	struct bisect_kernel *to = &h->kernels[k];
	struct guided_kernel now;

	if (guided_kernel(h->run, (size_t)k, &now, e))
		return -EIO;
	*to = (struct bisect_kernel){.build_s = build_s, .run_s = run_s};
	if (now.state == GUIDED_READY) {
		char head[17];

		snprintf(head, sizeof(head), "%.16s", now.identity);
		to->identity = strtoull(head, NULL, 16);
		to->built = true;
	}
	guided_kernel_release(&now);
	return 0;
}

int hunt_weigh(struct hunt *h, struct err *e)
{
	bool metric = h->c->kind == CRITERION_METRIC;
	bool exact = !strcmp(h->s->machines[0]->clock, "exact");
	double build_s, run_s;

	h->kernels = xcalloc((size_t)h->n + 1, sizeof(*h->kernels));
	h->set = (struct bisect_setup){
		.n = h->n,
		.kernels = h->kernels,
		.kind = metric ? BISECT_METRIC : BISECT_BREAK,
		.min_effect = metric ? log1p(h->c->min_effect) : 0,
		.direction = h->c->direction,
	};
	if (read_costs(h, &build_s, &run_s, e) || (metric && read_spread(h, e)))
		return -EIO;
	if (h->c->kind == CRITERION_BUILD)
		run_s = 0;
	/* Where time is real, one boot of a kernel says too little. */
	if (metric && !exact)
		h->set.mode = BISECT_NOISY;
	for (int k = 0; k <= h->n; k++)
		if (weigh_kernel(h, k, build_s, run_s, e))
			return -EIO;
	return hunt_suspect(h, e);
}

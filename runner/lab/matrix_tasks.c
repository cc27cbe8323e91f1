/* The boots of a matrix: which there are, and in which turn. */
#include "lab/matrix_int.h"

#include <errno.h>

/* ---- room ---- */

/* Open addressing; 0 is free, as no sha256 that anybody has seen starts with 16
 * zeros.  Returns the place of that hash, or where it would be. */
static uint64_t *place_of(struct matrix *m, uint64_t hash)
{
	size_t i = hash % m->nseen;

	while (m->seen[i] && m->seen[i] != hash)
		i = (i + 1) % m->nseen;
	return &m->seen[i];
}

static void grow_seen(struct matrix *m)
{
	uint64_t *old = m->seen;
	size_t n = m->nseen;

	m->nseen = 2 * m->room + 1;
	m->seen = xcalloc(m->nseen, sizeof(*m->seen));
	for (size_t i = 0; i < n; i++)
		if (old[i])
			*place_of(m, old[i]) = old[i];
	free(old);
}

void matrix_reserve(struct matrix *m, size_t tasks, size_t turns)
{
	m->room = m->ntasks + tasks;
	m->tasks = xrealloc(m->tasks, (m->room + 1) * sizeof(*m->tasks));
	grow_seen(m);
	m->turns =
		xrealloc(m->turns, (m->nturns + turns + 1) * sizeof(*m->turns));
	for (size_t i = 0; i < turns; i++)
		m->turns[m->nturns++] = (struct turn){0};
}

/* ---- adding ---- */

static int task_state(struct matrix *m, struct task *t, struct err *e)
{
	static const unsigned char states[] = {[BOOT_OK] = TASK_OK,
					       [BOOT_BAD] = TASK_BAD,
					       [BOOT_LAB] = TASK_TODO};
	int machine = m->cells[t->cell].machine, state;

	if (db_boot_state(m->lab->db, t->id,
			  m->s->machines[machine]->deadline_s, &state, e))
		return -EIO;
	t->state = state < 0 ? TASK_TODO : states[state];
	if (t->state == TASK_BAD && m->o.retry)
		t->state = TASK_TODO;
	return 0;
}

static void add_turn(struct matrix *m, unsigned task)
{
	struct turn *t = &m->turns[m->tasks[task].turn];

	if ((t->n & (t->n - 1)) == 0)
		t->tasks = xrealloc(t->tasks,
				    (t->n ? 2 * t->n : 1) * sizeof(*t->tasks));
	t->tasks[t->n++] = task;
	t->unsorted = true;
}

static int store_cell(struct matrix *m, const struct task *t,
		      enum cell_role role, struct err *e)
{
	const struct cell *c = &m->cells[t->cell];
	const struct study *s = m->s;

	return db_cell(
		m->lab->db, m->study, s->stages[c->stage].idx,
		s->configs[c->config].name, s->machines[c->machine]->name,
		s->workloads[c->workload]->label, role, t->seed, t->id, e);
}

/* Two cells may ask for one boot, under two labels or on two stages with one
 * kernel: the first keeps it. */
int matrix_add(struct matrix *m, unsigned cell, enum cell_role role, int seed,
	       size_t turn, struct err *e)
{
	struct cell *c = &m->cells[cell];
	struct task *t = &m->tasks[m->ntasks];
	uint64_t hash, *place;

	BUG(m->ntasks == m->room || turn >= m->nturns);
	*t = (struct task){.cell = cell, .seed = seed, .turn = (unsigned)turn};
	spec_set_seed(c->spec, seed);
	spec_id(c->spec, t->id);
	if (task_state(m, t, e) || store_cell(m, t, role, e))
		return -EIO;
	hash = strtoull(t->id, NULL, 16);
	place = place_of(m, hash);
	if (*place)
		return 0;
	*place = hash;
	m->confirmations += role == ROLE_CONFIRM;
	add_turn(m, (unsigned)m->ntasks++);
	return 0;
}

/* ---- what was not planned ---- */

static int is_there(struct matrix *m, unsigned cell, int seed, bool *there,
		    struct err *e)
{
	const struct cell *c = &m->cells[cell];
	const struct study *s = m->s;
	long long n;
	int r = db_number(
		m->lab->db, e, &n, 0,
		"SELECT count(*) FROM cell WHERE study = ? AND "
		"stage = ? AND config = ? AND machine = ? AND "
		"workload = ? AND seed = ?",
		"iittti", m->study, (long long)s->stages[c->stage].idx,
		s->configs[c->config].name, s->machines[c->machine]->name,
		s->workloads[c->workload]->label, (long long)seed);

	*there = n > 0;
	return r;
}

/* One that would be a boot more than the study's budget has. */
static bool too_dear(struct matrix *m, const struct wish *w, int seed)
{
	struct cell *c = &m->cells[w->cell];
	char id[BOOT_ID];

	if (w->role != ROLE_CONFIRM || m->confirmations < m->s->rules.budget)
		return false;
	spec_set_seed(c->spec, seed);
	spec_id(c->spec, id);
	return !*place_of(m, strtoull(id, NULL, 16));
}

static int grant(struct matrix *m, const struct wish *w, int seed, size_t turn,
		 size_t *added, struct err *e)
{
	bool there = false;

	if (!m->cells[w->cell].spec || seed > w->last || too_dear(m, w, seed))
		return 0;
	if (is_there(m, w->cell, seed, &there, e))
		return -EIO;
	if (there)
		return 0;
	++*added;
	return matrix_add(m, w->cell, w->role, seed, turn, e);
}

/* The n-th boots of all wishes are a turn, whatever their seeds. */
static int grant_all(struct matrix *m, const struct wish *w, size_t n,
		     size_t *added, struct err *e)
{
	size_t boots = 0, turns = 0, first = m->nturns;

	for (size_t i = 0; i < n; i++) {
		size_t want = (size_t)(w[i].last - w[i].first) + 1;

		boots += want;
		turns = want > turns ? want : turns;
	}
	matrix_reserve(m, boots, turns);
	for (size_t k = 0; k < turns; k++)
		for (size_t i = 0; i < n; i++)
			if (grant(m, &w[i], w[i].first + (int)k, first + k,
				  added, e))
				return -EIO;
	return 0;
}

int matrix_more(struct matrix *m, const struct wish *w, size_t n, size_t *added,
		struct err *e)
{
	int r = db_begin(m->lab->db, e);

	*added = 0;
	if (r)
		return r;
	r = grant_all(m, w, n, added, e);
	if (!r)
		r = db_commit(m->lab->db, e);
	if (r)
		db_rollback(m->lab->db);
	return r;
}

/* ---- order ---- */

bool matrix_before(const struct task *a, const struct task *b)
{
	if (a->turn != b->turn)
		return a->turn < b->turn;
	return strcmp(a->id, b->id) < 0;
}

static bool is_exact(const struct matrix *m, unsigned task)
{
	const struct cell *c = &m->cells[m->tasks[task].cell];

	return !strcmp(m->s->machines[c->machine]->clock, "exact");
}

static int by_place(const void *x, const void *y, void *arg)
{
	unsigned a = *(const unsigned *)x, b = *(const unsigned *)y;
	const struct matrix *m = arg;
	bool exact = is_exact(m, a);

	if (exact != is_exact(m, b))
		return exact ? -1 : 1;
	if (exact)
		return a < b ? -1 : 1;
	return strcmp(m->tasks[a].id, m->tasks[b].id);
}

struct task *matrix_next(struct matrix *m)
{
	for (size_t i = 0; i < m->nturns; i++) {
		struct turn *turn = &m->turns[i];

		if (turn->unsorted)
			qsort_r(turn->tasks + turn->next, turn->n - turn->next,
				sizeof(*turn->tasks), by_place, m);
		turn->unsorted = false;
		while (turn->next < turn->n) {
			struct task *t = &m->tasks[turn->tasks[turn->next++]];

			if (t->state == TASK_TODO)
				return t;
		}
	}
	return NULL;
}

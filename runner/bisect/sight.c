/* What a boot showed, by the criterion: see criterion.h. */
#include "bisect/criterion.h"

#include "base/str.h"
#include "lab/collect.h"
#include "lab/db.h"

#include <errno.h>
#include <sqlite3.h>

/* A boot as it is in the database. */
struct seen {
	char *state, *outcome, *reason;
	double wall_s, value;
	bool has_value;
	char *missing;          /* why there is no value */
	char *others;           /* metrics that have one, or NULL */
	struct strv signatures; /* of what is not harmless */
};

static char *text_of(sqlite3_stmt *row, int column)
{
	const char *text = (const char *)sqlite3_column_text(row, column);

	return text ? xstrdup(text) : NULL;
}

static int take_boot(sqlite3_stmt *row, void *arg)
{
	struct seen *s = arg;

	s->state = text_of(row, 0);
	s->outcome = text_of(row, 1);
	s->reason = text_of(row, 2);
	s->wall_s = sqlite3_column_double(row, 3) / 1000;
	return 0;
}

static int take_value(sqlite3_stmt *row, void *arg)
{
	struct seen *s = arg;

	s->value = sqlite3_column_double(row, 0);
	s->has_value = true;
	return 0;
}

static int take_missing(sqlite3_stmt *row, void *arg)
{
	struct seen *s = arg;

	s->missing = text_of(row, 0);
	return 0;
}

static int take_others(sqlite3_stmt *row, void *arg)
{
	struct seen *s = arg;

	s->others = text_of(row, 0);
	return 0;
}

static int take_signature(sqlite3_stmt *row, void *arg)
{
	struct seen *s = arg;

	strv_add_new(&s->signatures, (const char *)sqlite3_column_text(row, 0));
	return 0;
}

static void seen_release(struct seen *s)
{
	free(s->state);
	free(s->outcome);
	free(s->reason);
	free(s->missing);
	free(s->others);
	strv_release(&s->signatures);
}

static int read_boot(const struct criterion *c, struct db *db, long long study,
		     const char *boot, struct seen *s, struct err *e)
{
	const char *metric = c->metric ? c->metric : "";

	if (db_each(db, e, take_boot, s,
		    "SELECT state, outcome, reason, wall_ms FROM boot "
		    "WHERE id = ?",
		    "t", boot) ||
	    db_each(db, e, take_value, s,
		    "SELECT value FROM sample WHERE boot = ? AND metric = ?",
		    "tt", boot, metric) ||
	    db_each(db, e, take_missing, s,
		    "SELECT why FROM missing WHERE boot = ? AND metric = ?",
		    "tt", boot, metric) ||
	    db_each(db, e, take_others, s,
		    "SELECT group_concat(metric, ', ') FROM (SELECT metric "
		    "FROM sample WHERE boot = ? ORDER BY metric)",
		    "t", boot) ||
	    db_each(db, e, take_signature, s,
		    "SELECT signature FROM finding f WHERE boot = ?1 AND "
		    "NOT EXISTS (SELECT 1 FROM harmless h WHERE h.study = ?2 "
		    "AND h.line = f.line) ORDER BY idx",
		    "ti", boot, study))
		return -EIO;
	if (!s->state || !s->outcome)
		return err_lab(e, "boot '%s' is not in the lab's database",
			       boot);
	return 0;
}

/* ---- judgement ---- */

static void look_at_value(const struct criterion *c, struct seen *s,
			  struct sight *out)
{
	if (strcmp(s->state, boot_state_name(BOOT_OK))) {
		out->what = BISECT_UNTESTABLE;
		out->says = xasprintf("%s: %s", s->outcome,
				      s->reason ? s->reason : "no reason");
	} else if (!s->has_value) {
		out->what = BISECT_UNTESTABLE;
		out->says = xasprintf("it has no value of %s%s%s (it has %s)",
				      c->metric, s->missing ? ": " : "",
				      s->missing ? s->missing : "",
				      s->others ? s->others : "none at all");
	} else if (s->value <= 0) {
		out->what = BISECT_UNTESTABLE;
		out->says = xasprintf("its %s is %g, of which there is no "
				      "ratio",
				      c->metric, s->value);
	} else {
		out->what = BISECT_VALUE;
		out->value = s->value;
	}
}

/* How a boot was broken, ANY if it was not. */
static enum criterion_kind kind_of(const struct seen *s)
{
	static const struct {
		const char *outcome;
		enum criterion_kind kind;
	} outcomes[] = {{OUTCOME_PANIC, CRITERION_PANIC},
			{OUTCOME_HANG, CRITERION_HANG},
			{OUTCOME_NO_BOOT, CRITERION_BOOT},
			{OUTCOME_WORKLOAD, CRITERION_WORKLOAD}};

	for (size_t i = 0; i < sizeof(outcomes) / sizeof(*outcomes); i++)
		if (!strcmp(s->outcome, outcomes[i].outcome))
			return outcomes[i].kind;
	return s->signatures.n ? CRITERION_SIGNATURE : CRITERION_ANY;
}

static bool is_broken(const struct criterion *c, const struct seen *s,
		      enum criterion_kind kind)
{
	switch (c->kind) {
	case CRITERION_ANY:
		return kind != CRITERION_ANY;
	case CRITERION_BOOT:
		return kind == CRITERION_BOOT || kind == CRITERION_PANIC ||
		       kind == CRITERION_HANG;
	case CRITERION_SIGNATURE:
		return strv_has(&s->signatures, c->signature);
	default:
		return kind == c->kind;
	}
}

/* Broken in another way, which may hide the one that is looked for. */
static bool is_hidden(const struct criterion *c, enum criterion_kind kind)
{
	if (kind == CRITERION_ANY || kind == CRITERION_SIGNATURE)
		return false;
	return c->kind != CRITERION_BOOT;
}

static void look_at_break(const struct criterion *c, const struct seen *s,
			  struct sight *out)
{
	enum criterion_kind kind = kind_of(s);

	out->what = BISECT_GOOD;
	if (is_broken(c, s, kind))
		out->what = BISECT_BAD;
	else if (is_hidden(c, kind))
		out->what = BISECT_UNTESTABLE;
	out->kind = kind;
	if (c->kind == CRITERION_SIGNATURE && out->what == BISECT_BAD)
		out->says = xstrdup(c->signature);
	else if (s->reason)
		out->says = xasprintf("%s: %s", s->outcome, s->reason);
	else if (s->signatures.n)
		out->says = xstrdup(s->signatures.v[0]);
	if (s->signatures.n)
		out->signature = xstrdup(s->signatures.v[0]);
}

int criterion_look(const struct criterion *c, struct db *db, long long study,
		   const char *boot, struct sight *out, struct err *e)
{
	struct seen s = {0};
	int r = read_boot(c, db, study, boot, &s, e);

	*out = (struct sight){.wall_s = s.wall_s};
	if (!r)
		out->ran = !strcmp(s.state, boot_state_name(BOOT_OK));
	if (!r && c->kind == CRITERION_METRIC)
		look_at_value(c, &s, out);
	else if (!r)
		look_at_break(c, &s, out);
	seen_release(&s);
	return r;
}

void sight_release(struct sight *s)
{
	free(s->says);
	free(s->signature);
	*s = (struct sight){0};
}

void criterion_learn(struct criterion *c, const struct sight *s)
{
	if (c->kind != CRITERION_ANY)
		return;
	c->kind = s->kind;
	/* One bug may show as any of these. */
	if (s->kind == CRITERION_PANIC || s->kind == CRITERION_HANG)
		c->kind = CRITERION_BOOT;
	if (c->kind == CRITERION_SIGNATURE)
		c->signature = xstrdup(s->signature);
}

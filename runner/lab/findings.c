#include "lab/findings.h"

#include "base/err.h"
#include "base/file.h"
#include "console/console.h"
#include "lab/collect.h"
#include "lab/db.h"

#include <errno.h>
#include <regex.h>
#include <sqlite3.h>

#define PATTERN_FLAGS (REG_EXTENDED | REG_NOSUB)

struct console *findings_read(const char *text, size_t len)
{
	struct console *c;
	struct err none;

	BUG(console_new(NULL, &c, &none));
	if (len)
		console_feed(c, text, len);
	console_end(c);
	return c;
}

char *finding_sentence(const struct finding *f)
{
	if (!*f->detail)
		return xasprintf("%.160s", f->first_line);
	return xasprintf("%.160s (%.120s)", f->first_line, f->detail);
}

/* ---- what is harmless ---- */

static int take_line(sqlite3_stmt *row, void *arg)
{
	strv_add(arg, (const char *)sqlite3_column_text(row, 0));
	return 0;
}

/* Those of the lines that the pattern fits become harmless to the study. */
static int match_lines(struct db *db, long long study, const char *pattern,
		       const struct strv *lines, struct err *e)
{
	regex_t re;
	int r = 0;

	if (regcomp(&re, pattern, PATTERN_FLAGS))
		return err_lab(e, "'%s' is no pattern any more", pattern);
	for (size_t i = 0; !r && i < lines->n; i++)
		if (!regexec(&re, lines->v[i], 0, NULL, 0))
			r = db_run(db, e,
				   "INSERT OR IGNORE INTO harmless "
				   "VALUES (?, ?)",
				   "it", study, lines->v[i]);
	regfree(&re);
	return r;
}

int findings_harmless(struct db *db, long long study,
		      const struct strv *patterns, struct err *e)
{
	struct strv lines = STRV_INIT;
	int r = db_run(db, e, "DELETE FROM harmless_pattern WHERE study = ?",
		       "i", study);

	if (!r)
		r = db_run(db, e, "DELETE FROM harmless WHERE study = ?", "i",
			   study);
	if (!r && patterns->n)
		r = db_each(db, e, take_line, &lines,
			    "SELECT DISTINCT line FROM finding", "");
	for (size_t i = 0; !r && i < patterns->n; i++) {
		r = db_run(db, e,
			   "INSERT OR IGNORE INTO harmless_pattern "
			   "VALUES (?, ?)",
			   "it", study, patterns->v[i]);
		if (!r)
			r = match_lines(db, study, patterns->v[i], &lines, e);
	}
	strv_release(&lines);
	return r;
}

struct pattern {
	long long study;
	char *text;
};

struct patterns {
	struct pattern *at;
	size_t n;
};

static int take_pattern(sqlite3_stmt *row, void *arg)
{
	struct patterns *p = arg;

	p->at = xrealloc(p->at, (p->n + 1) * sizeof(*p->at));
	p->at[p->n++] = (struct pattern){
		sqlite3_column_int64(row, 0),
		xstrdup((const char *)sqlite3_column_text(row, 1))};
	return 0;
}

/* New lines, against the patterns of every study of the lab: any of them may
 * have this boot, now or later. */
static int match_all(struct db *db, const struct strv *lines, struct err *e)
{
	struct patterns p = {0};
	int r = db_each(db, e, take_pattern, &p,
			"SELECT study, pattern FROM harmless_pattern", "");

	for (size_t i = 0; i < p.n; i++) {
		if (!r)
			r = match_lines(db, p.at[i].study, p.at[i].text, lines,
					e);
		free(p.at[i].text);
	}
	free(p.at);
	return r;
}

/* ---- to the database ---- */

/* NULL where there is nothing to tell. */
static const char *or_null(const char *text)
{
	return *text ? text : NULL;
}

static int store_one(struct db *db, const char *boot, size_t idx,
		     const struct finding *f, struct err *e)
{
	char *offset = *f->function ? xasprintf("%u", f->offset) : NULL;
	char *us = f->us >= 0 ? xasprintf("%lld", (long long)f->us) : NULL;
	int r = db_run(db, e,
		       "INSERT INTO finding VALUES "
		       "(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
		       "titttttttiiit", boot, (long long)idx,
		       finding_kind_name(f->kind), f->signature,
		       or_null(f->function), offset, f->first_line,
		       or_null(f->detail), us, (long long)f->count,
		       (long long)f->fatal, (long long)f->consequence,
		       f->excerpt);

	free(us);
	free(offset);
	return r;
}

int findings_store(struct db *db, const char *boot, const struct finding *list,
		   size_t n, struct err *e)
{
	struct strv lines = STRV_INIT;
	int r = db_run(db, e, "DELETE FROM finding WHERE boot = ?", "t", boot);

	for (size_t i = 0; !r && i < n; i++) {
		r = store_one(db, boot, i, &list[i], e);
		strv_add_new(&lines, list[i].first_line);
	}
	if (!r && n)
		r = match_all(db, &lines, e);
	if (!r)
		r = db_run(db, e, "UPDATE boot SET watched = ? WHERE id = ?",
			   "it", (long long)FINDINGS_VERSION, boot);
	strv_release(&lines);
	return r;
}

/* ---- boots of an older klab ---- */

/* What the new watch makes of a boot that was judged without it. */
static int judge_again(struct db *db, const char *boot,
		       const struct finding *list, size_t n, struct err *e)
{
	char *reason;
	int r;

	if (n) {
		reason = finding_sentence(list);
		r = db_run(db, e,
			   "UPDATE boot SET outcome = '" OUTCOME_SPLAT
			   "', detail = 'splat', reason = ?, excerpt = ? "
			   "WHERE id = ? AND state = 'ok'",
			   "ttt", reason, list[0].excerpt, boot);
		free(reason);
		return r;
	}
	return db_run(db, e,
		      "UPDATE boot SET outcome = '" OUTCOME_OK
		      "', detail = NULL, reason = NULL, excerpt = NULL "
		      "WHERE id = ? AND state = 'ok'",
		      "t", boot);
}

static int catch_up(struct db *db, const char *lab, const char *boot,
		    struct err *e)
{
	char *path = xasprintf("%s/boots/%s/console.log", lab, boot);
	struct str text = STR_INIT;
	const struct finding *list;
	struct console *c;
	struct err none;
	size_t n;
	int r;

	/* A console that is gone says nothing any more; of one that is too long
	 * the begin has been read. */
	file_read(path, GUEST_FILE_CAP, &text, &none);
	c = findings_read(text.buf, text.len);
	n = console_findings(c, &list);
	r = findings_store(db, boot, list, n, e);
	if (!r)
		r = judge_again(db, boot, list, n, e);
	console_free(c);
	str_release(&text);
	free(path);
	return r;
}

int findings_catch_up(struct db *db, const char *lab, struct err *e)
{
	struct strv boots = STRV_INIT;
	int r = db_each(db, e, take_line, &boots,
			"SELECT id FROM boot WHERE watched < ? AND state IN "
			"('ok', 'bad')",
			"i", (long long)FINDINGS_VERSION);

	if (!r && boots.n)
		r = db_begin(db, e);
	for (size_t i = 0; !r && i < boots.n; i++)
		r = catch_up(db, lab, boots.v[i], e);
	if (!r && boots.n)
		r = db_commit(db, e);
	db_rollback(db);
	strv_release(&boots);
	return r;
}

int findings_alarming(struct db *db, long long study, const char *boot,
		      long long *n, struct err *e)
{
	if (boot)
		return db_number(db, e, n, 0,
				 "SELECT count(DISTINCT idx) FROM "
				 "study_finding WHERE study_id = ? AND boot = "
				 "?",
				 "it", study, boot);
	return db_number(db, e, n, 0,
			 "SELECT count(DISTINCT f.boot) FROM study_finding f "
			 "JOIN boot b ON b.id = f.boot AND b.state = 'ok' "
			 "WHERE f.study_id = ?",
			 "i", study);
}

/* klab gc: drops what no study refers to. */
#include "cmd/cmd.h"

#include "base/file.h"
#include "base/str.h"
#include "lab/lab.h"

#include <dirent.h>
#include <errno.h>
#include <fts.h>
#include <sys/stat.h>

/* The folders that hold one thing a name, and who refers to it. */
static const struct {
	const char *folder, *query;
} kinds[] = {
	{"boots", "SELECT count(*) FROM cell WHERE boot = ?"},
	{"kernels", "SELECT count(*) FROM stage WHERE kernel_key = ?"},
	{"reports", "SELECT count(*) FROM study WHERE name = ?"},
};

struct sweep {
	struct lab *lab;
	bool dry_run;
	size_t removed;
	unsigned long long bytes;
};

static unsigned long long size_of(const char *path)
{
	char *const roots[] = {(char *)path, NULL};
	FTS *fts = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
	unsigned long long sum = 0;
	FTSENT *f;

	while (fts && (f = fts_read(fts)))
		if (f->fts_info == FTS_F)
			sum += (unsigned long long)f->fts_statp->st_blocks * 512;
	if (fts)
		fts_close(fts);
	return sum;
}

static int drop(struct sweep *s, const char *path, struct err *e)
{
	s->removed++;
	s->bytes += size_of(path);
	printf("%s %s\n", s->dry_run ? "would remove" : "removed", path);
	return s->dry_run ? 0 : file_remove(path, e);
}

static int sweep_folder(struct sweep *s, const char *folder, const char *query,
			struct err *e)
{
	char *dir = xasprintf("%s/%s", s->lab->dir, folder);
	struct dirent **list;
	int n = scandir(dir, &list, NULL, alphasort), r = 0;

	for (int i = 0; i < n; i++) {
		const char *name = list[i]->d_name;
		char *path = xasprintf("%s/%s", dir, name);
		long long uses = 0;

		if (!r && strcmp(name, ".") && strcmp(name, "..")) {
			r = db_number(s->lab->db, e, &uses, 0, query, "t", name);
			if (!r && !uses)
				r = drop(s, path, e);
		}
		free(path);
		free(list[i]);
	}
	if (n >= 0)
		free(list);
	free(dir);
	return r;
}

/* An archive is made again in seconds; which boots need it is in their
 * fingerprints. */
static int sweep_archives(struct sweep *s, struct err *e)
{
	char *dir = xasprintf("%s/initramfs", s->lab->dir);
	struct dirent **list;
	int n = scandir(dir, &list, NULL, alphasort), r = 0;

	for (int i = 0; i < n; i++) {
		const char *name = list[i]->d_name;
		char *path = xasprintf("%s/%s", dir, name), *key;
		long long uses = 0;

		key = xstrndup(name, strcspn(name, "."));
		if (!r && *key) {
			r = db_number(s->lab->db, e, &uses, 0,
				      "SELECT count(*) FROM boot b JOIN cell c "
				      "ON c.boot = b.id WHERE json_extract("
				      "b.fingerprint, '$.initramfs.sha256') = ?",
				      "t", key);
			if (!r && !uses)
				r = drop(s, path, e);
		}
		free(key);
		free(path);
		free(list[i]);
	}
	if (n >= 0)
		free(list);
	free(dir);
	return r;
}

static int forget(struct sweep *s, const char *study, struct err *e)
{
	long long id;

	if (db_number(s->lab->db, e, &id, 0,
		      "SELECT id FROM study WHERE name = ?", "t", study))
		return -EIO;
	if (!id)
		return err_user(e, "lab '%s' has no study '%s'", s->lab->dir,
				study);
	printf("%s study %s\n", s->dry_run ? "would forget" : "forgot", study);
	return db_run(s->lab->db, e, "DELETE FROM study WHERE id = ?", "i", id);
}

static int drop_rows(struct db *db, struct err *e)
{
	if (db_run(db, e, "DELETE FROM boot WHERE id NOT IN "
			  "(SELECT boot FROM cell)", ""))
		return -EIO;
	return db_run(db, e,
		      "DELETE FROM kernel WHERE key NOT IN (SELECT kernel_key "
		      "FROM stage WHERE kernel_key IS NOT NULL)", "");
}

/* The rows go first: a klab that is killed between leaves files that the next
 * one finds, and never a row without its files.  A dry run looks at the same
 * rows and takes them back. */
static int collect(struct sweep *s, const char *study, struct err *e)
{
	struct db *db = s->lab->db;
	int r = db_begin(db, e);

	if (!r && study)
		r = forget(s, study, e);
	if (!r)
		r = drop_rows(db, e);
	if (!r && !s->dry_run)
		r = db_commit(db, e);
	for (size_t i = 0; !r && i < sizeof(kinds) / sizeof(*kinds); i++)
		r = sweep_folder(s, kinds[i].folder, kinds[i].query, e);
	if (!r)
		r = sweep_archives(s, e);
	db_rollback(db);
	return r;
}

static int cmd_main(struct ctx *c)
{
	struct sweep s = {.dry_run = c->dry_run};
	struct lab lab;
	struct err e;
	int code = EXIT_DONE;

	if (lab_open(c->lab_dir, c->share, LAB_CHANGE, &lab, &e))
		return cmd_fail(&e);
	s.lab = &lab;
	if (collect(&s, ctx_option(c, "forget"), &e))
		code = cmd_fail(&e);
	else
		cmd_say("%zu things, %.1f MiB%s", s.removed,
			(double)s.bytes / 1048576,
			c->dry_run ? " (nothing was removed)" : "");
	lab_close(&lab);
	return code;
}

const struct cmd cmd_gc = {
	.name = "gc",
	.args = "",
	.summary = "drop what no study refers to",
	.min_args = 0,
	.max_args = 0,
	.options = {{"forget", "STUDY", "drop this study too"}},
	.run = cmd_main,
};

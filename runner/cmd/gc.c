/* klab gc: drops what no study refers to. */
#include "cmd/cmd.h"

#include "base/file.h"
#include "base/str.h"
#include "lab/lab.h"

#include <dirent.h>
#include <errno.h>
#include <jansson.h>
#include <sqlite3.h>
#include <sys/stat.h>

#define GONE ".gone-"

struct sweep {
	struct lab *lab;
	bool dry_run;
	json_t *removed; /* paths */
	unsigned long long bytes;
	struct strv debs; /* file names of packages that kernels are from */
};

/* The folders of a lab, and how often what bears a name is referred to.  A name
 * goes up to its first dot where `stem` is set. */
static const struct folder {
	const char *path;
	bool stem;
	const char *query; /* NULL: packages, see keep_deb() */
} folders[] = {
	{"boots", false, "SELECT count(*) FROM cell WHERE boot = ?"},
	{"kernels", false, "SELECT count(*) FROM kernel WHERE key = ?"},
	{"broken", false,
	 "SELECT count(*) FROM variant WHERE request = ? AND state = "
	 "'broken'"},
	{"git", false, "SELECT count(*) FROM folder WHERE path = 'git/' || ?"},
	{"trees", false,
	 "SELECT count(*) FROM folder WHERE path = 'trees/' || ?"},
	/* Of a run that was killed. */
	{"walks", false, "SELECT 0 WHERE ? IS NULL"},
	{"obj", true, "SELECT count(*) FROM folder WHERE path = 'obj/' || ?"},
	{"configs", false,
	 "SELECT count(*) FROM folder WHERE path = 'configs/' || ?"},
	{"reports", false, "SELECT count(*) FROM study WHERE name = ?"},
	{"initramfs", true,
	 "SELECT count(*) FROM boot b WHERE "
	 "json_extract(b.fingerprint, '$.initramfs.sha256') = ?"},
	{"apt/debs", false, NULL},
};

/* By another name first, that nobody looks for: a klab that is killed here must
 * not leave half a kernel, or half a repository, in the place of a whole one.
 */
static int remove_whole(const char *path, struct err *e)
{
	const char *name = strrchr(path, '/') + 1;
	char *gone =
		xasprintf("%.*s" GONE "%s", (int)(name - path), path, name);
	bool moved = !str_starts(name, GONE) && !rename(path, gone);
	int r = file_remove(moved ? gone : path, e);

	free(gone);
	return r;
}

static int drop(struct sweep *s, const char *path, struct err *e)
{
	json_array_append_new(s->removed, json_string(path));
	s->bytes += file_usage(path);
	return s->dry_run ? 0 : remove_whole(path, e);
}

/* ---- packages ---- */

static int add_debs(struct sqlite3_stmt *row, void *arg)
{
	struct sweep *s = arg;
	char *path = xasprintf("%s/kernels/%s/manifest.json", s->lab->dir,
			       (const char *)sqlite3_column_text(row, 0));
	json_t *manifest = json_load_file(path, 0, NULL), *deb;
	const char *name, *version, *arch;
	size_t i;

	json_array_foreach(json_object_get(manifest, "debs"), i,
			   deb) if (!json_unpack(deb, "{s:s, s:s, s:s}", "name",
						 &name, "version", &version,
						 "arch", &arch))
		strv_addf(&s->debs, "%s_%s_%s.deb", name, version, arch);
	json_decref(manifest);
	free(path);
	return 0;
}

/* ---- folders ---- */

static int is_used(struct sweep *s, const struct folder *f, const char *name,
		   bool *used, struct err *e)
{
	long long uses = 0;
	char *key;
	int r;

	if (!f->query) {
		*used = strv_has(&s->debs, name);
		return 0;
	}
	key = xstrndup(name, f->stem ? strcspn(name, ".") : strlen(name));
	r = db_number(s->lab->db, e, &uses, 0, f->query, "t", key);
	*used = uses > 0;
	free(key);
	return r;
}

static int sweep_entry(struct sweep *s, const struct folder *f,
		       const char *name, struct err *e)
{
	char *path;
	bool used;
	int r;

	if (!strcmp(name, ".") || !strcmp(name, ".."))
		return 0;
	r = is_used(s, f, name, &used, e);
	if (r || used)
		return r;
	path = xasprintf("%s/%s/%s", s->lab->dir, f->path, name);
	r = drop(s, path, e);
	free(path);
	return r;
}

static int sweep_folder(struct sweep *s, const struct folder *f, struct err *e)
{
	char *dir = xasprintf("%s/%s", s->lab->dir, f->path);
	struct dirent **list;
	int n = scandir(dir, &list, NULL, alphasort), r = 0;

	for (int i = 0; i < n; i++) {
		if (!r)
			r = sweep_entry(s, f, list[i]->d_name, e);
		free(list[i]);
	}
	if (n >= 0)
		free(list);
	free(dir);
	return r;
}

/* ---- rows ---- */

static int forget(struct sweep *s, const char *study, struct err *e)
{
	long long id;

	if (db_number(s->lab->db, e, &id, 0,
		      "SELECT id FROM study WHERE name = ?", "t", study))
		return -EIO;
	if (!id)
		return err_user(e, "lab '%s' has no study '%s'", s->lab->dir,
				study);
	if (db_event(s->lab->db, study, "forget", "by klab gc", e))
		return -EIO;
	return db_run(s->lab->db, e, "DELETE FROM study WHERE id = ?", "i", id);
}

static int drop_rows(struct db *db, struct err *e)
{
	if (db_run(db, e,
		   "DELETE FROM boot WHERE id NOT IN "
		   "(SELECT boot FROM cell)",
		   "") ||
	    db_run(db, e,
		   "DELETE FROM harmless WHERE line NOT IN "
		   "(SELECT line FROM finding)",
		   ""))
		return -EIO;
	return db_run(db, e,
		      "DELETE FROM kernel WHERE key NOT IN (SELECT kernel_key "
		      "FROM variant WHERE kernel_key IS NOT NULL UNION "
		      "SELECT run_key FROM variant WHERE run_key IS NOT NULL)",
		      "");
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
	if (!r)
		r = db_each(db, e, add_debs, s, "SELECT key FROM kernel", "");
	for (size_t i = 0; !r && i < sizeof(folders) / sizeof(*folders); i++)
		r = sweep_folder(s, &folders[i], e);
	db_rollback(db);
	return r;
}

static void print(const struct ctx *c, const struct sweep *s)
{
	json_t *path;
	size_t i;

	if (c->json) {
		cmd_print_json(json_pack("{s:b, s:O, s:I}", "dry_run",
					 s->dry_run, "removed", s->removed,
					 "bytes", (json_int_t)s->bytes));
		return;
	}
	json_array_foreach(s->removed, i, path)
		printf("%s %s\n", s->dry_run ? "would remove" : "removed",
		       json_string_value(path));
	cmd_say("%zu things, %.1f MiB%s", json_array_size(s->removed),
		(double)s->bytes / 1048576,
		s->dry_run ? " (nothing was removed)" : "");
}

static int cmd_main(struct ctx *c)
{
	struct sweep s = {.dry_run = c->dry_run};
	struct lab lab;
	struct err e;
	int r;

	if (lab_open(c->lab_dir, c->share, LAB_CHANGE, &lab, &e))
		return cmd_fail(&e);
	s.lab = &lab;
	s.removed = json_array();
	r = collect(&s, ctx_option(c, "forget"), &e);
	if (!r || json_array_size(s.removed))
		print(c, &s);
	json_decref(s.removed);
	strv_release(&s.debs);
	lab_close(&lab);
	return r ? cmd_fail(&e) : EXIT_DONE;
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

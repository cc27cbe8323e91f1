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
	struct strv debs;     /* file names of packages that kernels are from */
	struct strv programs; /* sha256 of those in initramfs that stay */
};

/* ---- what no row has ---- */

static bool keeps_deb(const struct sweep *s, const char *name)
{
	return strv_has(&s->debs, name);
}

/* Of a folder of lab/programs, which has one: is it in an archive that stays?
 */
static bool keeps_program(const struct sweep *s, const char *name)
{
	char *dir = xasprintf("%s/programs/%s", s->lab->dir, name);
	char hex[SHA256_HEX];
	struct dirent *entry;
	struct err unreadable;
	bool keeps = false;
	DIR *d = name[0] == '.' ? NULL : opendir(dir);

	while (d && !keeps && (entry = readdir(d))) {
		char *path = xasprintf("%s/%s", dir, entry->d_name);

		keeps = entry->d_name[0] != '.' &&
			!file_sha256(path, hex, &unreadable) &&
			strv_has(&s->programs, hex);
		free(path);
	}
	if (d)
		closedir(d);
	free(dir);
	return keeps;
}

/* ---- folders ---- */

/* The folders of a lab, and how often what bears a name is referred to.  A name
 * goes up to its first dot where `stem` is set. */
#define IN_USE                                                                 \
	"SELECT count(*) FROM boot b WHERE "                                   \
	"json_extract(b.fingerprint, '$.initramfs.sha256') = ?"
static const struct folder {
	const char *path;
	bool stem;
	const char *query; /* NULL: it has a function of its own */
	bool (*keeps)(const struct sweep *s, const char *name);
} folders[] = {
	{"boots", false,
	 "SELECT (SELECT count(*) FROM cell WHERE boot = ?1) + "
	 "(SELECT count(*) FROM spare WHERE boot = ?1)",
	 NULL},
	{"kernels", false, "SELECT count(*) FROM kernel WHERE key = ?", NULL},
	{"broken", false,
	 "SELECT count(*) FROM variant WHERE request = ? AND state = "
	 "'broken'",
	 NULL},
	{"git", false, "SELECT count(*) FROM folder WHERE path = 'git/' || ?",
	 NULL},
	{"trees", false,
	 "SELECT count(*) FROM folder WHERE path = 'trees/' || ?", NULL},
	/* Of a run that was killed. */
	{"walks", false, "SELECT 0 WHERE ? IS NULL", NULL},
	{"obj", true, "SELECT count(*) FROM folder WHERE path = 'obj/' || ?",
	 NULL},
	{"configs", false,
	 "SELECT count(*) FROM folder WHERE path = 'configs/' || ?", NULL},
	/* The page of all studies is nobody's. */
	{"reports", false,
	 "SELECT count(*) FROM study WHERE name = ?1 OR ?1 = 'index.html'",
	 NULL},
	{"bisects", false, "SELECT count(*) FROM study WHERE name = ?", NULL},
	{"initramfs", true, IN_USE, NULL},
	{"programs", false, NULL, keeps_program},
	{"apt/debs", false, NULL, keeps_deb},
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

/* ---- programs ---- */

/* What the archive with this description has in it. */
static void add_programs(struct sweep *s, const char *name)
{
	char *path = xasprintf("%s/initramfs/%s", s->lab->dir, name);
	json_t *about = json_load_file(path, 0, NULL), *hex;
	const char *key;

	json_object_foreach(json_object_get(about, "programs"), key,
			    hex) if (json_is_string(hex))
		strv_add_new(&s->programs, json_string_value(hex));
	json_decref(about);
	free(path);
}

static int find_programs(struct sweep *s, struct err *e)
{
	char *dir = xasprintf("%s/initramfs", s->lab->dir);
	DIR *d = opendir(dir);
	struct dirent *entry;
	int r = 0;

	while (d && !r && (entry = readdir(d))) {
		char *sha =
			xstrndup(entry->d_name, strcspn(entry->d_name, "."));
		long long uses;

		if (!str_ends(entry->d_name, ".json")) {
			free(sha);
			continue;
		}
		r = db_number(s->lab->db, e, &uses, 0, IN_USE, "t", sha);
		if (!r && uses)
			add_programs(s, entry->d_name);
		free(sha);
	}
	if (d)
		closedir(d);
	free(dir);
	return r;
}

/* ---- sweeping ---- */

static int is_used(struct sweep *s, const struct folder *f, const char *name,
		   bool *used, struct err *e)
{
	long long uses = 0;
	char *key;
	int r;

	if (f->keeps) {
		*used = f->keeps(s, name);
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

/* It names a study that is gone; the next report writes it anew. */
static int drop_index(struct sweep *s, struct err *e)
{
	char *path = xasprintf("%s/reports/index.html", s->lab->dir);
	int r = file_exists(path) ? drop(s, path, e) : 0;

	free(path);
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
	/* With a bisect goes what it booted without the patch, and its parts; a
	 * study of the user's that bears such a name has it in its text. */
	return db_run(s->lab->db, e,
		      "DELETE FROM study WHERE id = ?1 OR "
		      "((name = ?2 || '-undo' OR name GLOB ?2 || '-[0-9]' OR "
		      "name GLOB ?2 || '-[0-9][0-9]') AND "
		      "NOT instr(text, name))",
		      "it", id, study);
}

static int drop_rows(struct db *db, struct err *e)
{
	if (db_run(db, e,
		   "DELETE FROM boot WHERE id NOT IN "
		   "(SELECT boot FROM cell UNION SELECT boot FROM spare)",
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
	if (!r)
		r = find_programs(s, e);
	for (size_t i = 0; !r && i < sizeof(folders) / sizeof(*folders); i++)
		r = sweep_folder(s, &folders[i], e);
	if (!r && study)
		r = drop_index(s, e);
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
	strv_release(&s.programs);
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

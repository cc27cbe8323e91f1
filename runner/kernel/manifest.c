#include "kernel/manifest.h"

#include "base/err.h"
#include "base/file.h"
#include "base/str.h"

#include <errno.h>
#include <jansson.h>
#include <sys/stat.h>

#define MANIFEST_CAP (1u << 20)

static json_t *debs_to_json(const struct kernel_origin *from)
{
	json_t *list = json_array();

	for (size_t i = 0; i < from->ndebs; i++) {
		const struct kernel_deb *d = &from->debs[i];

		json_array_append_new(
			list,
			json_pack("{s:s, s:s, s:s, s:s, s:s}", "part", d->part,
				  "name", d->name, "version", d->version,
				  "arch", d->arch, "sha256", d->sha256));
	}
	return list;
}

/* Text for JSON, which takes UTF-8 alone; NULL stays out. */
static json_t *plain(const char *s)
{
	json_t *j = json_string(s);
	char *ascii;

	if (j || !s)
		return j;
	ascii = xstrdup(s);
	str_plain(ascii);
	j = json_string(ascii);
	free(ascii);
	return j;
}

static json_t *words_to_json(const struct strv *words)
{
	json_t *list = json_array();

	for (size_t i = 0; words && i < words->n; i++)
		json_array_append_new(list, plain(words->v[i]));
	return list;
}

static json_int_t size_of(const char *dir, const char *name)
{
	char *path = xasprintf("%s/%s", dir, name);
	struct stat st;
	json_int_t size = stat(path, &st) ? 0 : (json_int_t)st.st_size;

	free(path);
	return size;
}

static void add_build(json_t *j, const char *dir, const struct kernel *k,
		      const struct kernel_build *b)
{
	json_t *how = json_pack(
		"{s:o*, s:o*, s:b, s:o, s:b, s:s*, s:I, s:{s:I, s:I}}", "stage",
		plain(b->stage), "toolchain", plain(b->toolchain), "llvm",
		b->llvm, "make_args", words_to_json(b->make_args), "sandboxed",
		b->sandboxed, "config_sha256", b->config_sha256, "wall_ms",
		(json_int_t)b->wall_ms, "bytes", "file",
		size_of(dir, k->pvh ? "vmlinux" : "bzImage"), "loaded",
		(json_int_t)b->loaded);

	BUG(!how);
	json_object_set_new(j, "identity", json_string(b->identity));
	json_object_set_new(j, "commit", json_string(b->commit));
	json_object_set_new(j, "tree", json_string(b->tree));
	json_object_set_new(j, "build", how);
}

int manifest_write(const char *dir, const struct kernel *k,
		   const struct kernel_origin *from, struct err *e)
{
	json_t *j = json_pack(
		"{s:i, s:s, s:s, s:s, s:s, s:s, s:b, s:s, s:s, s:s*, s:s*,"
		" s:s*, s:s*, s:o}",
		"manifest", 1, "key", k->key, "source", k->source, "release",
		k->release, "banner", k->banner, "sha256", k->sha256, "pvh",
		k->pvh, "config",
		k->config_path ? "config" : "none: the source does not have it",
		"symbols",
		k->map_path ? "System.map" : "none: the source has no real one",
		"requested", from->requested, "package", from->package,
		"version", from->version, "suite", from->suite, "debs",
		debs_to_json(from));
	char *path = xasprintf("%s/manifest.json", dir), *text;
	int r;

	BUG(!j);
	if (k->hz)
		json_object_set_new(j, "hz", json_integer(k->hz));
	if (k->exact_sha256)
		json_object_set_new(j, "exact_sha256",
				    json_string(k->exact_sha256));
	if (from->build)
		add_build(j, dir, k, from->build);
	text = json_dumps(j, JSON_INDENT(2));
	r = file_write(path, text, strlen(text), e);
	free(text);
	free(path);
	json_decref(j);
	return r;
}

static json_t *load(const char *dir, struct err *e)
{
	char *path = xasprintf("%s/manifest.json", dir);
	struct str text = STR_INIT;
	json_error_t je;
	json_t *j = NULL;

	if (!file_read(path, MANIFEST_CAP, &text, e)) {
		j = json_loadb(text.buf, text.len, 0, &je);
		if (!j)
			err_lab(e, "'%s' line %d: %s", path, je.line, je.text);
	}
	str_release(&text);
	free(path);
	return j;
}

static char *copy(const char *s)
{
	return s ? xstrdup(s) : NULL;
}

int manifest_read(struct kernel *k, struct err *e)
{
	const char *source, *release, *banner, *sha256,
		*package = NULL, *version = NULL, *suite = NULL,
		*identity = NULL, *commit = NULL, *tree = NULL, *exact = NULL;
	json_t *j = load(k->dir, e);
	json_error_t je;
	int pvh, hz = 0, r = 0;

	if (!j)
		return -EIO;
	if (json_unpack_ex(j, &je, 0,
			   "{s:s, s:s, s:s, s:s, s:b, s?s, s?s, s?s, s?s, s?s, "
			   "s?s, s?s, s?i}",
			   "source", &source, "release", &release, "banner",
			   &banner, "sha256", &sha256, "pvh", &pvh, "package",
			   &package, "version", &version, "suite", &suite,
			   "identity", &identity, "commit", &commit, "tree",
			   &tree, "exact_sha256", &exact, "hz", &hz)) {
		r = err_lab(e, "'%s/manifest.json': %s", k->dir, je.text);
	} else {
		k->source = copy(source);
		k->release = copy(release);
		k->banner = copy(banner);
		k->sha256 = copy(sha256);
		k->package = copy(package);
		k->version = copy(version);
		k->suite = copy(suite);
		k->identity = copy(identity);
		k->commit = copy(commit);
		k->tree = copy(tree);
		k->exact_sha256 = copy(exact);
		k->pvh = pvh;
		k->hz = hz;
	}
	json_decref(j);
	return r;
}

static int unpack_deb(json_t *j, struct kernel_deb *deb, struct err *e)
{
	const char *part, *name, *version, *arch, *sha256;
	json_error_t je;

	if (json_unpack_ex(j, &je, 0, "{s:s, s:s, s:s, s:s, s:s}", "part",
			   &part, "name", &name, "version", &version, "arch",
			   &arch, "sha256", &sha256))
		return err_lab(e, "%s", je.text);
	*deb = (struct kernel_deb){copy(part), copy(name), copy(version),
				   copy(arch), copy(sha256)};
	return 0;
}

int manifest_read_deb(const char *dir, const char *part, struct kernel_deb *deb,
		      struct err *e)
{
	json_t *j = load(dir, e), *entry;
	size_t i;
	int r = -ENOENT;

	if (!j)
		return -EIO;
	err_lab(e, "no package with its %s is known", part);
	json_array_foreach(json_object_get(j, "debs"), i, entry)
	{
		const char *s =
			json_string_value(json_object_get(entry, "part"));

		if (s && !strcmp(s, part)) {
			r = unpack_deb(entry, deb, e);
			break;
		}
	}
	if (r)
		err_prefix(e, "'%s/manifest.json'", dir);
	json_decref(j);
	return r;
}

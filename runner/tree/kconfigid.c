#include "base/err.h"
#include "base/file.h"
#include "tree/details.h"
#include "tree/objects.h"
#include "tree/repo.h"

#include <errno.h>

/* Kconfig runs scripts of the tree and compilers, and fragments are merged by
 * make; better one file too many here. */
bool kconfig_reads(const char *path)
{
	const char *slash = strrchr(path, '/');
	const char *name = slash ? slash + 1 : path;

	return str_starts(name, "Kconfig") || str_starts(path, "scripts/") ||
	       str_ends(name, ".sh") || str_ends(name, ".config") ||
	       strstr(path, "/configs/") || !strcmp(path, "Makefile") ||
	       str_starts(path, "arch/x86/Makefile");
}

static int compute(const struct repo *r, const char *tree, char id[TREE_ID],
		   struct err *e)
{
	const char *argv[] = {"ls-tree", "-r", "-z", "--full-tree", tree, NULL};
	struct str out = STR_INIT, text = STR_INIT;
	struct entries files = {0};
	int ret = repo_git(r, argv, NULL, &out, e);

	if (!ret)
		ret = entries_parse(&files, out.buf, out.len, e);
	str_adds(&text, "klab kconfig 1\n");
	for (size_t i = 0; i < files.n; i++)
		if (kconfig_reads(files.v[i].path))
			str_addf(&text, "%s %s %s\n", files.v[i].id,
				 files.v[i].mode, files.v[i].path);
	mem_sha256(text.buf, text.len, id);
	entries_release(&files);
	str_release(&text);
	str_release(&out);
	return ret;
}

static int look_up(const struct repo *r, const char *tree, char id[TREE_ID],
		   struct err *e)
{
	char *known = repo_note(r, "kconfig", tree);
	int ret = 0;

	if (known && git_is_id(known)) {
		snprintf(id, TREE_ID, "%s", known);
	} else {
		ret = compute(r, tree, id, e);
		if (!ret)
			ret = repo_note_write(r, "kconfig", tree, id, e);
	}
	free(known);
	return ret;
}

static bool touches(const struct tree_stage *s)
{
	for (size_t i = 0; i < s->paths.n; i++)
		if (kconfig_reads(s->paths.v[i]))
			return true;
	return false;
}

int kconfig_ids(const struct repo *r, struct tree_stage *at, size_t n,
		struct err *e)
{
	int ret = 0;

	for (size_t i = 0; !ret && i < n && *at[i].commit; i++) {
		if (i && !touches(&at[i]))
			memcpy(at[i].kconfig, at[i - 1].kconfig, TREE_ID);
		else
			ret = look_up(r, at[i].tree, at[i].kconfig, e);
	}
	return ret;
}

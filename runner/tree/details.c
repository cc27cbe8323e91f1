#include "tree/details.h"

#include "base/err.h"
#include "base/file.h"
#include "tree/repo.h"

#include <errno.h>

static void set_id(char to[TREE_ID], const char *from, size_t len)
{
	snprintf(to, TREE_ID, "%.*s", (int)len, from);
}

int details_of_base(const struct repo *r, const char *base, const char *title,
		    struct tree_stage *at, struct err *e)
{
	char *rev = xasprintf("%s^{tree}", base);
	const char *argv[] = {"rev-parse", "--verify", rev, NULL};
	struct str out = STR_INIT;
	int ret = repo_git(r, argv, NULL, &out, e);

	free(rev);
	if (!ret) {
		set_id(at->commit, base, strlen(base));
		set_id(at->tree, out.buf, strcspn(out.buf, "\n"));
		at->subject = xstrdup(title);
	}
	str_release(&out);
	return ret;
}

/* "<commit> <tree> <abbreviated> <subject>" of the commit that is expected. */
static bool take_header(const char *text, const char *commit,
			struct tree_stage *at)
{
	size_t id = strlen(commit), n;
	const char *tree = text + id + 1, *brief, *subject;

	if (strncmp(text, commit, id) || text[id] != ' ')
		return false;
	n = strcspn(tree, " ");
	if (n != id)
		return false;
	brief = tree + n + 1;
	n = strcspn(brief, " ");
	subject = brief + n + (brief[n] == ' ');
	set_id(at->commit, commit, id);
	set_id(at->tree, tree, id);
	free(at->patch);
	free(at->subject);
	at->patch = xstrndup(brief, n);
	at->subject = xstrdup(subject);
	return true;
}

static int take_log(const struct str *out, const struct strv *commits,
		    struct tree_stage *at, struct err *e)
{
	const char *end = out->buf + out->len;
	size_t n = 0;

	for (const char *s = out->buf; s < end; s += strlen(s) + 1) {
		if (n < commits->n && *s == '\1' &&
		    take_header(s + 1, commits->v[n], &at[n])) {
			n++;
			continue;
		}
		if (*s == '\n')
			s++;
		if (*s && n)
			strv_add(&at[n - 1].paths, s);
	}
	if (n != commits->n)
		return err_lab(e, "git log printed what klab cannot read");
	return 0;
}

int details_of(const struct repo *r, const struct strv *commits,
	       struct tree_stage *at, struct err *e)
{
	static const char *const argv[] = {"log",
					   "--no-walk=unsorted",
					   "--stdin",
					   "--abbrev=12",
					   "--diff-merges=first-parent",
					   "--root",
					   "--no-renames",
					   "--name-only",
					   "-z",
					   "--format=%x01%H %T %h %s",
					   NULL};
	char *list, *text, *path;
	struct str out = STR_INIT;
	int ret;

	if (!commits->n)
		return 0;
	list = strv_join(commits, "\n");
	text = xasprintf("%s\n", list);
	path = repo_tmp(r, "commits");
	ret = file_put(path, text, strlen(text), e);
	if (!ret)
		ret = repo_git(r, argv, path, &out, e);
	if (!ret)
		ret = take_log(&out, commits, at, e);
	str_release(&out);
	free(path);
	free(text);
	free(list);
	return ret;
}

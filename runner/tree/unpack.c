#include "tree/unpack.h"

#include "base/err.h"
#include "tree/feed.h"
#include "tree/import.h"
#include "tree/paths.h"
#include "tree/repo.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <limits.h>

#define BLOCK (1u << 20)
#define UNPACK_MS (60 * 60 * 1000)
#define MEMBER_CAP (512LL << 20)
#define TOTAL_CAP (16LL << 30)
#define MEMBERS_CAP 1000000
#define INCOMING "refs/klab/incoming"

struct unpack {
	struct archive *archive;
	struct feed feed;
	char *top;     /* first component of the first member */
	bool several;  /* there is something beside it */
	int lowest;    /* that a link leads to, */
	char *outward; /* and which */
	long long total;
	size_t members;
};

static int refuse(const char *path, const char *what, struct err *e)
{
	char *shown = xstrndup(path, 200);

	str_plain(shown);
	err_user(e, "member '%s': %s", shown, what);
	free(shown);
	return -EINVAL;
}

static int write_text(struct unpack *u, struct str *s, struct err *e)
{
	int r = feed_write(&u->feed, s->buf, s->len, e);

	str_release(s);
	return r;
}

static int write_head(struct unpack *u, const char *mode, const char *path,
		      long long size, struct err *e)
{
	struct str s = STR_INIT;

	str_addf(&s, "M %s inline ", mode);
	import_path(&s, path);
	str_addf(&s, "\ndata %lld\n", size);
	return write_text(u, &s, e);
}

static int copy_data(struct unpack *u, const char *path, long long size,
		     struct err *e)
{
	char block[65536];
	long long left = size;
	int r = 0;

	while (!r && left) {
		la_ssize_t n = archive_read_data(u->archive, block,
						 left < (long long)sizeof(block)
							 ? (size_t)left
							 : sizeof(block));

		if (n <= 0)
			return refuse(path,
				      n ? archive_error_string(u->archive)
					: "it is cut off",
				      e);
		r = feed_write(&u->feed, block, (size_t)n, e);
		left -= n;
	}
	return r ? r : feed_write(&u->feed, "\n", 1, e);
}

static int add_file(struct unpack *u, struct archive_entry *entry,
		    const char *path, struct err *e)
{
	long long size = archive_entry_size(entry);
	bool exec = archive_entry_perm(entry) & 0111;
	int r;

	if (size < 0 || size > MEMBER_CAP)
		return refuse(path, "it is too large for a source file", e);
	u->total += size;
	if (u->total > TOTAL_CAP)
		return refuse(path, "the archive is too large for a kernel", e);
	r = write_head(u, exec ? "100755" : "100644", path, size, e);
	return r ? r : copy_data(u, path, size, e);
}

static int add_link(struct unpack *u, struct archive_entry *entry,
		    const char *path, struct err *e)
{
	const char *target = archive_entry_symlink(entry);
	int depth, r;

	if (!target || !*target || strlen(target) >= TREE_PATH_MAX)
		return refuse(path, "it is a link to nowhere", e);
	depth = tree_link_depth(path, target);
	if (!u->outward || depth < u->lowest) {
		free(u->outward);
		u->outward = xstrdup(path);
		u->lowest = depth;
	}
	r = write_head(u, "120000", path, (long long)strlen(target), e);
	if (!r)
		r = feed_write(&u->feed, target, strlen(target), e);
	return r ? r : feed_write(&u->feed, "\n", 1, e);
}

static void note_top(struct unpack *u, const char *path, bool is_folder)
{
	size_t n = strcspn(path, "/");

	if (!u->top)
		u->top = xstrndup(path, n);
	if (strlen(u->top) != n || strncmp(u->top, path, n) ||
	    (!path[n] && !is_folder))
		u->several = true;
}

static int add_member(struct unpack *u, struct archive_entry *entry,
		      const char *path, struct err *e)
{
	bool is_folder = archive_entry_filetype(entry) == AE_IFDIR;

	if (!tree_path_ok(path))
		return refuse(path, "its name is not one of a file in a tree",
			      e);
	if (archive_entry_hardlink(entry))
		return refuse(path, "it is a hard link, which git has not", e);
	note_top(u, path, is_folder);
	if (is_folder)
		return 0;
	switch (archive_entry_filetype(entry)) {
	case AE_IFREG:
		return add_file(u, entry, path, e);
	case AE_IFLNK:
		return add_link(u, entry, path, e);
	default:
		return refuse(path, "it is neither file, folder nor link", e);
	}
}

/* "./a//b/" as "a//b"; freed by the caller. */
static char *plain_name(const char *path)
{
	size_t n;
	char *name;

	while (str_starts(path, "./"))
		path += 2 + strspn(path + 2, "/");
	name = xstrdup(strcmp(path, ".") ? path : "");
	n = strlen(name);
	if (n && name[n - 1] == '/')
		name[n - 1] = '\0';
	return name;
}

static int add_members(struct unpack *u, struct err *e)
{
	struct archive_entry *entry;
	int status, r = 0;

	while (!r && (status = archive_read_next_header(u->archive, &entry)) ==
			     ARCHIVE_OK) {
		const char *path = archive_entry_pathname(entry);
		char *name;

		if (!path)
			return err_user(e, "a member has no name");
		if (++u->members > MEMBERS_CAP)
			return err_user(e, "more than %d members", MEMBERS_CAP);
		name = plain_name(path);
		if (*name)
			r = add_member(u, entry, name, e);
		free(name);
	}
	if (!r && status != ARCHIVE_EOF)
		r = err_user(e, "%s", archive_error_string(u->archive));
	return r;
}

/* A link at the lowest of the tree may stand at the top, not above. */
static int check_whole(const struct unpack *u, struct err *e)
{
	int floor = u->several ? 0 : 1;

	if (!u->top)
		return err_user(e, "it has no member");
	if (u->outward && u->lowest < floor)
		return refuse(u->outward, "it is a link out of the tree", e);
	return 0;
}

static int open_archive(struct unpack *u, const char *path, struct err *e)
{
	u->archive = archive_read_new();
	archive_read_support_filter_all(u->archive);
	archive_read_support_format_tar(u->archive);
	/* Names as they are, in whatever encoding. */
	archive_read_set_format_option(u->archive, "tar", "hdrcharset",
				       "BINARY");
	if (archive_read_open_filename(u->archive, path, BLOCK) != ARCHIVE_OK)
		return err_user(e, "%s", archive_error_string(u->archive));
	return 0;
}

static int import(struct unpack *u, const struct repo *r, struct err *e)
{
	static const char *const argv[] = {"fast-import", "--quiet",   "--done",
					   "--force",     "--depth=0", NULL};
	const struct git_call c = {
		.argv = argv,
		.dir = r->dir,
		.deadline_ms = UNPACK_MS,
	};
	struct str s = STR_INIT;
	int ret = feed_open(&u->feed, &c, e), closed;
	struct err other;

	if (ret)
		return ret;
	import_commit(&s, INCOMING, "", NULL);
	ret = write_text(u, &s, e);
	if (!ret)
		ret = add_members(u, e);
	if (!ret)
		ret = check_whole(u, e);
	if (!ret)
		ret = feed_write(&u->feed, "done\n", 5, e);
	closed = feed_close(&u->feed, !ret, ret ? &other : e);
	return ret ? ret : closed;
}

static int one_line(const struct repo *r, const char *const *argv,
		    char line[GIT_ID], struct err *e)
{
	struct str out = STR_INIT;
	int ret = repo_git(r, argv, NULL, &out, e);

	if (!ret)
		snprintf(line, GIT_ID, "%.*s", (int)strcspn(out.buf, "\n"),
			 out.buf);
	str_release(&out);
	return ret;
}

/* What was imported, without the top folder, becomes the commit. */
static int publish(const struct unpack *u, const struct repo *r,
		   const char *message, const char *ref, char commit[GIT_ID],
		   struct err *e)
{
	char *tree = xasprintf("%s:%s", INCOMING, u->several ? "" : u->top);
	char id[GIT_ID];
	const char *find[] = {"rev-parse", "--verify", "--end-of-options", tree,
			      NULL};
	const char *make[] = {"commit-tree", "-m", message, id, NULL};
	const char *keep[] = {"update-ref", ref, commit, NULL};
	static const char *const drop[] = {"update-ref", "-d", INCOMING, NULL};
	int ret = one_line(r, find, id, e);

	if (!ret)
		ret = one_line(r, make, commit, e);
	if (!ret)
		ret = repo_git(r, keep, NULL, NULL, e);
	if (!ret)
		ret = repo_git(r, drop, NULL, NULL, e);
	free(tree);
	return ret;
}

int unpack_tar(const struct repo *r, const char *path, const char *message,
	       const char *ref, char commit[GIT_ID], struct err *e)
{
	struct unpack u = {0};
	int ret = open_archive(&u, path, e);

	if (!ret)
		ret = import(&u, r, e);
	if (!ret)
		ret = publish(&u, r, message, ref, commit, e);
	archive_read_free(u.archive);
	free(u.top);
	free(u.outward);
	return ret;
}

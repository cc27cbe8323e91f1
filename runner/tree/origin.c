#include "tree/origin.h"

#include "base/file.h"

bool origin_is_url(const char *where)
{
	size_t n = strcspn(where, ":/");

	/* host:path is ssh's, unless there is such a file. */
	return strstr(where, "://") || (where[n] == ':' && !file_exists(where));
}

void origin_note(const struct tree_request *rq, const char *what,
		 const char *name)
{
	char *text;

	if (!rq->note)
		return;
	text = xasprintf("%s %s", what, name);
	rq->note(text, rq->arg);
	free(text);
}

void origin_release(struct origin *o)
{
	repo_release(&o->repo);
	free(o->title);
	strv_release(&o->commits);
	*o = (struct origin){0};
}

#include "build/build_int.h"

#include "build/buildlog.h"
#include "kernel/store.h"

#include <errno.h>
#include <jansson.h>
#include <sys/stat.h>

#define RESULT_CAP (1u << 20)

/* Text for JSON, which takes UTF-8 alone. */
static json_t *text(const char *s)
{
	json_t *j = json_string(s);
	char *plain;

	if (j || !s)
		return j ? j : json_null();
	plain = xstrdup(s);
	str_plain(plain);
	j = json_string(plain);
	free(plain);
	return j;
}

static json_t *errors_to_json(const struct build_result *r)
{
	json_t *list = json_array();

	for (size_t i = 0; i < r->nerrors; i++) {
		const struct build_error *b = &r->errors[i];

		json_array_append_new(list,
				      json_pack("{s:o, s:i, s:o}", "file",
						text(b->file), "line", b->line,
						"text", text(b->text)));
	}
	return list;
}

static json_t *to_json(const struct build_request *rq, const char *key,
		       bool deadline, const struct build_result *r)
{
	const struct toolchain *t = rq->tools;
	json_t *args = json_array(), *j;

	for (size_t i = 0; i < t->make_args.n; i++)
		json_array_append_new(args, text(t->make_args.v[i]));
	j = json_pack("{s:i, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:b, s:o,"
		      " s:b, s:I, s:o}",
		      "broken", 1, "key", key, "source", text(rq->source),
		      "commit", text(rq->commit), "tree", text(rq->tree),
		      "stage", text(rq->stage), "reason", text(r->reason),
		      "errors", errors_to_json(r), "toolchain",
		      text(t->version), "llvm", t->llvm, "make_args", args,
		      "sandboxed", !rq->box->off, "wall_ms",
		      (json_int_t)r->wall_ms, "deadline_ms",
		      deadline ? json_integer((json_int_t)rq->deadline_ms)
			       : json_null());
	BUG(!j);
	return j;
}

static int fill(const char *dir, json_t *j, const struct str *log,
		struct err *e)
{
	char *path = xasprintf("%s/result.json", dir);
	char *logpath = xasprintf("%s/" STAGE_LOG, dir);
	char *dump = json_dumps(j, JSON_INDENT(2));
	int r = file_put(path, dump, strlen(dump), e);

	if (!r)
		r = buildlog_pack(logpath, log, e);
	free(dump);
	free(logpath);
	free(path);
	return r;
}

int build_broken_add(const struct build_request *rq, const char *key,
		     bool deadline, const struct str *log,
		     struct build_result *result, struct err *e)
{
	json_t *j = to_json(rq, key, deadline, result);
	char *broken = xasprintf("%s/broken", rq->lab);
	char *to = xasprintf("%s/%s", broken, key);
	char *stage = xasprintf("%s/.new.XXXXXX", broken);
	struct err ignored;
	int r = file_mkdirs(broken, e);

	if (!r && (!mkdtemp(stage) || chmod(stage, 0755)))
		r = err_sys(e, errno, "cannot make a folder in '%s'", broken);
	if (!r) {
		r = fill(stage, j, log, e);
		/* One that is there was not good enough to be found. */
		if (!r)
			r = file_remove(to, e);
		if (!r)
			r = file_publish(stage, to, e);
		if (r)
			file_remove(stage, &ignored);
	}
	if (!r)
		result->log = xasprintf("%s/" STAGE_LOG, to);
	free(stage);
	free(to);
	free(broken);
	json_decref(j);
	return r;
}

/* ---- reading ---- */

static bool read_errors(const json_t *list, struct build_result *r)
{
	const json_t *entry;
	size_t i;

	json_array_foreach(list, i, entry)
	{
		const char *words =
			json_string_value(json_object_get(entry, "text"));
		const char *file =
			json_string_value(json_object_get(entry, "file"));
		json_t *line = json_object_get(entry, "line");

		if (!words || i >= BUILDLOG_ERRORS)
			return false;
		r->errors = xrealloc(r->errors,
				     (r->nerrors + 1) * sizeof(*r->errors));
		r->errors[r->nerrors++] = (struct build_error){
			.file = file ? xstrdup(file) : NULL,
			.line = (int)json_integer_value(line),
			.text = xstrdup(words)};
	}
	return true;
}

/* A build that hung is not tried again with as much or less time. */
static bool applies(const json_t *j, const struct build_request *rq)
{
	const json_t *limit = json_object_get(j, "deadline_ms");

	if (!json_is_integer(limit))
		return true;
	return rq->deadline_ms &&
	       (json_int_t)rq->deadline_ms <= json_integer_value(limit);
}

static bool from_json(const json_t *j, const struct build_request *rq,
		      struct build_result *r)
{
	const char *reason = json_string_value(json_object_get(j, "reason"));

	if (!reason || !applies(j, rq) ||
	    !read_errors(json_object_get(j, "errors"), r))
		return false;
	r->state = BUILD_BROKEN;
	r->wall_ms =
		(uint64_t)json_integer_value(json_object_get(j, "wall_ms"));
	/* The same tree may have come about by another patch. */
	buildlog_touch(r->errors, r->nerrors, rq->touched);
	r->reason = buildlog_reason(r->errors, r->nerrors, rq->touched, reason);
	return true;
}

int build_broken_find(const struct build_request *rq, const char *key,
		      struct build_result *out, struct err *e)
{
	char *dir = xasprintf("%s/broken/%s", rq->lab, key);
	char *path = xasprintf("%s/result.json", dir);
	struct str dump = STR_INIT;
	struct err ignored;
	json_t *j = NULL;
	int r = -ENOENT;

	*out = (struct build_result){0};
	err_lab(e, "'%s' was not built yet", key);
	if (!file_read(path, RESULT_CAP, &dump, &ignored))
		j = json_loadb(dump.buf, dump.len, 0, NULL);
	if (j && from_json(j, rq, out)) {
		out->log = xasprintf("%s/" STAGE_LOG, dir);
		r = 0;
	} else {
		build_result_release(out);
	}
	json_decref(j);
	str_release(&dump);
	free(path);
	free(dir);
	return r;
}

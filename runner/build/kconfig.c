#include "build/kconfig.h"

#include "base/err.h"
#include "build/kconfig_make.h"
#include "build/kconfig_why.h"
#include "build/kconfig_wish.h"

#include <errno.h>
#include <jansson.h>
#include <stdint.h>
#include <sys/stat.h>
#include <unistd.h>

/* Goes up with every change that may lead to another config or sentence. */
#define RULES 2

#define KEY_LEN 17

void kconfig_release(struct kconfig *c)
{
	free(c->name);
	free(c->base_path);
	strv_release(&c->fragments);
	for (size_t i = 0; i < c->nset; i++) {
		free(c->set[i].option);
		free(c->set[i].value);
	}
	free(c->set);
	*c = (struct kconfig){0};
}

void kconfig_result_release(struct kconfig_result *r)
{
	for (size_t i = 0; i < r->nunmet; i++) {
		free(r->unmet[i].option);
		free(r->unmet[i].from);
		free(r->unmet[i].text);
	}
	free(r->unmet);
	free(r->path);
	*r = (struct kconfig_result){0};
}

/* Takes text. */
static void add_unmet(struct kconfig_result *r, const struct kconfig_wish *wish,
		      char *text, bool unknown)
{
	r->unmet = xrealloc(r->unmet, (r->nunmet + 1) * sizeof(*r->unmet));
	r->unmet[r->nunmet++] = (struct kconfig_unmet){
		xstrdup(wish->option), xstrdup(wish->from), text, unknown};
}

/* ---- key ---- */

static void make_key(const struct kconfig_request *rq,
		     const struct kconfig_wishes *w, char key[KEY_LEN])
{
	const struct toolchain *t = rq->tools;
	struct str s = STR_INIT;
	char hex[SHA256_HEX];

	str_addf(&s, "rules %d\narch x86_64\ntree %s\ncc %s %d %s\n", RULES,
		 rq->tree_id, t->cc ? t->cc : "", t->llvm, t->version);
	for (size_t i = 0; i < t->make_args.n; i++)
		str_addf(&s, "make %s\n", t->make_args.v[i]);
	str_add(&s, w->digest.buf, w->digest.len);
	mem_sha256(s.buf, s.len, hex);
	memcpy(key, hex, KEY_LEN - 1);
	key[KEY_LEN - 1] = '\0';
	str_release(&s);
}

/* ---- what was settled before ---- */

static bool read_unmet(json_t *item, const struct kconfig_wishes *w,
		       struct kconfig_result *out)
{
	const char *option, *text;
	const struct kconfig_wish *wish;
	int unknown;

	if (json_unpack(item, "{s:s, s:s, s:b}", "option", &option, "text",
			&text, "unknown", &unknown))
		return false;
	wish = kconfig_wishes_find(w, option);
	if (wish)
		add_unmet(out, wish, xstrdup(text), unknown);
	return wish;
}

static bool read_memo(const char *folder, const struct kconfig_wishes *w,
		      struct kconfig_result *out)
{
	char *path = xasprintf("%s/unmet.json", folder);
	json_t *root = json_load_file(path, 0, NULL), *list = NULL, *item;
	const char *sha256 = NULL;
	size_t i;
	bool ok;

	out->path = xasprintf("%s/config", folder);
	ok = file_exists(out->path) && root &&
	     !json_unpack(root, "{s:s, s:o}", "sha256", &sha256, "unmet",
			  &list) &&
	     strlen(sha256) == SHA256_HEX - 1 && json_is_array(list);
	if (ok)
		memcpy(out->sha256, sha256, SHA256_HEX);
	for (i = 0; ok && (item = json_array_get(list, i)); i++)
		ok = read_unmet(item, w, out);
	json_decref(root);
	free(path);
	return ok;
}

static char *folder_of(const struct kconfig_request *rq,
		       const struct kconfig_wishes *w)
{
	char key[KEY_LEN];

	make_key(rq, w, key);
	return xasprintf("%s/configs/%s", rq->lab, key);
}

static int find(const struct kconfig_request *rq,
		const struct kconfig_wishes *w, struct kconfig_result *out,
		struct err *e)
{
	char *folder = folder_of(rq, w);
	int r = 0;

	*out = (struct kconfig_result){0};
	if (!read_memo(folder, w, out)) {
		kconfig_result_release(out);
		err_lab(e, "config '%s' was not settled yet", rq->config->name);
		r = -ENOENT;
	}
	free(folder);
	return r;
}

/* ---- settling ---- */

static void explain_one(const struct kconfig_wish *wish, const struct why *why,
			const struct kconfig_file *config,
			struct kconfig_result *out)
{
	const struct kconfig_entry *is =
		kconfig_file_find(config, wish->option);
	const struct kconfig_entry *modules =
		kconfig_file_find(config, "MODULES");
	const struct why_question q = {
		.option = wish->option,
		.wanted = wish->value,
		.is = is ? is->value : "n",
		.present = is,
		.modules = modules && !strcmp(modules->value, "y"),
	};
	bool unknown;
	char *text = why_sentence(why, &q, &unknown);

	if (unknown && wish->if_there)
		free(text);
	else
		add_unmet(out, wish, text, unknown);
}

static void check_wishes(const struct kconfig_request *rq,
			 const struct kconfig_wishes *w,
			 const struct kconfig_file *config,
			 struct kconfig_result *out)
{
	struct strv options = STRV_INIT;
	struct why why = {0};

	for (size_t i = 0; i < w->n; i++)
		if (!kconfig_wish_holds(&w->at[i], config))
			strv_add(&options, w->at[i].option);
	if (options.n)
		kconfig_ask(rq, &options, &why);
	for (size_t i = 0; i < options.n; i++)
		explain_one(kconfig_wishes_find(w, options.v[i]), &why, config,
			    out);
	why_release(&why);
	strv_release(&options);
}

static int write_memo(const char *folder, const struct str *config,
		      const struct kconfig_result *result, struct err *e)
{
	char *path = xasprintf("%s/config", folder);
	char *memo = xasprintf("%s/unmet.json", folder), *text;
	json_t *list = json_array(), *root;
	int r = file_put(path, config->buf, config->len, e);

	for (size_t i = 0; i < result->nunmet; i++)
		json_array_append_new(
			list, json_pack("{s:s, s:s, s:b}", "option",
					result->unmet[i].option, "text",
					result->unmet[i].text, "unknown",
					result->unmet[i].unknown));
	root = json_pack("{s:s, s:o}", "sha256", result->sha256, "unmet", list);
	text = json_dumps(root, JSON_INDENT(1));
	if (!r)
		r = file_put(memo, text, strlen(text), e);
	free(text);
	json_decref(root);
	free(memo);
	free(path);
	return r;
}

/* If another klab was first, its folder is as good. */
static int publish(const struct kconfig_request *rq, const char *folder,
		   const struct str *config, const struct kconfig_result *x,
		   struct err *e)
{
	char *configs = xasprintf("%s/configs", rq->lab);
	char *stage = xasprintf("%s/.new.XXXXXX", configs);
	struct err ignored;
	int r = file_mkdirs(configs, e);

	if (!r && (!mkdtemp(stage) || chmod(stage, 0755)))
		r = err_sys(e, errno, "cannot make a folder in '%s'", configs);
	if (!r) {
		r = write_memo(stage, config, x, e);
		if (!r)
			r = file_remove(folder, e); /* what find() rejected */
		if (!r)
			r = file_publish(stage, folder, e);
		if (r)
			file_remove(stage, &ignored);
	}
	free(stage);
	free(configs);
	return r;
}

static int settle(const struct kconfig_request *rq,
		  const struct kconfig_wishes *w, struct kconfig_result *out,
		  struct err *e)
{
	char *folder = folder_of(rq, w);
	struct kconfig_result fresh = {0};
	struct kconfig_file config;
	struct str text = STR_INIT;
	int r = kconfig_make(rq, w, &text, &config, e);

	if (!r) {
		mem_sha256(text.buf, text.len, fresh.sha256);
		check_wishes(rq, w, &config, &fresh);
		r = publish(rq, folder, &text, &fresh, e);
	}
	if (!r) {
		fresh.path = xasprintf("%s/config", folder);
		*out = fresh;
	} else {
		err_prefix(e, "config '%s'", rq->config->name);
		kconfig_result_release(&fresh);
	}
	kconfig_file_release(&config);
	str_release(&text);
	free(folder);
	return r;
}

static int look(const struct kconfig_request *rq, bool may_settle,
		struct kconfig_result *out, struct err *e)
{
	struct kconfig_wishes w;
	int r = kconfig_wishes_read(rq, &w, e);

	*out = (struct kconfig_result){0};
	if (r)
		return r;
	r = find(rq, &w, out, e);
	if (r == -ENOENT && may_settle)
		r = settle(rq, &w, out, e);
	kconfig_wishes_release(&w);
	return r;
}

int kconfig_find(const struct kconfig_request *rq, struct kconfig_result *out,
		 struct err *e)
{
	return look(rq, false, out, e);
}

int kconfig_settle(const struct kconfig_request *rq, struct kconfig_result *out,
		   struct err *e)
{
	return look(rq, true, out, e);
}

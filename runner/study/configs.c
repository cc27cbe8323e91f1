#include "study/configs.h"

#include "base/err.h"
#include "base/file.h"
#include "base/yml.h"
#include "study/source.h"

#include <ctype.h>

#define COUNT(a) (sizeof(a) / sizeof(*(a)))
#define CONFIGS_MAX 100

/* While they are read. */
struct reader {
	const char *dir, *share;
	struct yml_node *map;
	struct kconfig *configs;
	size_t n;
};

static struct kconfig *find(struct reader *r, const char *name)
{
	for (size_t i = 0; i < r->n; i++)
		if (!strcmp(r->configs[i].name, name))
			return &r->configs[i];
	return NULL;
}

/* ---- extends ---- */

static void inherit(struct kconfig *c, const struct kconfig *from)
{
	c->base = from->base;
	c->base_path = from->base_path ? xstrdup(from->base_path) : NULL;
	for (size_t i = 0; i < from->fragments.n; i++)
		strv_add(&c->fragments, from->fragments.v[i]);
	c->set = xcalloc(from->nset ? from->nset : 1, sizeof(*c->set));
	for (size_t i = 0; i < from->nset; i++)
		c->set[c->nset++] = (struct kconfig_set){
			xstrdup(from->set[i].option),
			xstrdup(from->set[i].value), from->set[i].line};
}

static int read_extends(struct reader *r, struct yml_node *node,
			struct kconfig *c, struct err *e)
{
	struct yml_node *n = yml_get(node, "extends");
	const struct kconfig *from;
	const char *name;

	if (!n)
		return 0;
	if (yml_text(n, &name, e))
		return -1;
	from = find(r, name);
	if (!from || from == c)
		return yml_err(n, e, "there is no config '%s' above this one",
			       name);
	inherit(c, from);
	return 0;
}

/* ---- base, fragments, set ---- */

static int read_base(struct reader *r, struct yml_node *node, struct kconfig *c,
		     struct err *e)
{
	struct yml_node *n = yml_get(node, "base");
	const char *word;

	if (!n)
		return 0;
	if (yml_text(n, &word, e))
		return -1;
	free(c->base_path);
	c->base_path = NULL;
	if (!strcmp(word, "tiny")) {
		c->base = KCONFIG_TINY;
	} else if (!strcmp(word, "defconfig")) {
		c->base = KCONFIG_DEFCONFIG;
	} else {
		c->base = KCONFIG_FILE;
		c->base_path = source_path(r->dir, word);
		if (!file_exists(c->base_path))
			return yml_err(n, e,
				       "'%s' is neither tiny nor defconfig, "
				       "and there is no such file",
				       word);
	}
	return 0;
}

static char *fragment_path(const struct reader *r, const char *word)
{
	if (strchr(word, '/'))
		return source_path(r->dir, word);
	return xasprintf("%s/configs/kernel/%s.config", r->share, word);
}

static int read_fragments(struct reader *r, struct yml_node *node,
			  struct kconfig *c, struct err *e)
{
	struct yml_node *n = yml_get(node, "fragments");

	if (!n)
		return 0;
	if (yml_expect(n, YML_LIST, e))
		return -1;
	for (size_t i = 0; i < n->n; i++) {
		const char *word;
		char *path;
		bool there;

		if (yml_text(n->at[i], &word, e))
			return -1;
		path = fragment_path(r, word);
		there = file_exists(path);
		if (there)
			strv_add(&c->fragments, path);
		free(path);
		if (!there)
			return yml_err(n->at[i], e,
				       "there is no fragment '%s' in "
				       "configs/kernel; one of your own is "
				       "named with a slash",
				       word);
	}
	return 0;
}

static bool option_ok(const char *s)
{
	if (!*s || strlen(s) > 100)
		return false;
	for (; *s; s++)
		if (!isalnum((unsigned char)*s) && *s != '_')
			return false;
	return true;
}

/* YAML's own words for what Kconfig calls y and n. */
static const char *plain_value(const char *value)
{
	if (!strcmp(value, "yes") || !strcmp(value, "true"))
		return "y";
	if (!strcmp(value, "no") || !strcmp(value, "false"))
		return "n";
	return value;
}

static int read_option(const struct yml_node *n, struct kconfig *c,
		       struct err *e)
{
	const char *option = n->key, *value;

	if (str_starts(option, "CONFIG_"))
		option += strlen("CONFIG_");
	if (!option_ok(option))
		return yml_err(n, e, "'%s' is not the name of an option",
			       n->key);
	if (yml_text(n, &value, e))
		return -1;
	if (strpbrk(value, "\"\\"))
		return yml_err(n, e,
			       "a value has neither quotes nor backslashes");
	c->set = xrealloc(c->set, (c->nset + 1) * sizeof(*c->set));
	c->set[c->nset++] = (struct kconfig_set){
		xstrdup(option), xstrdup(plain_value(value)), n->line};
	return 0;
}

static int read_set(struct yml_node *node, struct kconfig *c, struct err *e)
{
	struct yml_node *n = yml_get(node, "set");

	if (!n)
		return 0;
	if (yml_expect(n, YML_MAP, e))
		return -1;
	for (size_t i = 0; i < n->n; i++)
		if (read_option(n->at[i], c, e))
			return -1;
	return 0;
}

static int read_config(struct reader *r, struct yml_node *node, struct err *e)
{
	static const char *const keys[] = {"extends", "base", "fragments",
					   "set"};
	struct kconfig *c = &r->configs[r->n];

	if (!word_ok(node->key))
		return yml_err(node, e,
			       "'%s' is not a config's name: letters, digits "
			       "and ._+- only",
			       node->key);
	if (find(r, node->key))
		return yml_err(node, e, "config '%s' is there twice",
			       node->key);
	r->n++;
	c->name = xstrdup(node->key);
	c->line = node->line;
	c->base = KCONFIG_TINY;
	if (yml_expect(node, YML_MAP, e) || read_extends(r, node, c, e) ||
	    read_base(r, node, c, e) || read_fragments(r, node, c, e) ||
	    read_set(node, c, e))
		return -1;
	if (!yml_get(node, "base") && !yml_get(node, "extends"))
		return yml_err(node, e,
			       "needs a base (tiny, defconfig or a file) or "
			       "extends another config");
	return yml_check_unused(node, keys, COUNT(keys), e);
}

static void add_default(struct reader *r, int line)
{
	struct kconfig *c = &r->configs[r->n++];

	c->name = xstrdup("default");
	c->line = line;
	c->base = KCONFIG_TINY;
	strv_addf(&c->fragments, "%s/configs/kernel/virt.config", r->share);
}

int configs_read(struct yml_node *root, const char *dir, const char *share,
		 struct kconfig **configs, size_t *n, struct err *e)
{
	struct yml_node *map = yml_get(root, "configs");
	struct reader r = {.dir = dir, .share = share, .map = map};
	int ret = map ? yml_expect(map, YML_MAP, e) : 0;

	if (ret)
		return ret;
	if (map && (!map->n || map->n > CONFIGS_MAX))
		return yml_err(map, e, "needs 1 to %d configs", CONFIGS_MAX);
	r.configs = xcalloc(map ? map->n : 1, sizeof(*r.configs));
	if (!map)
		add_default(&r, root->line);
	for (size_t i = 0; map && !ret && i < map->n; i++)
		ret = read_config(&r, map->at[i], e);
	*configs = r.configs;
	*n = r.n;
	return ret;
}

char *config_request(const struct kconfig *c)
{
	static const char *const bases[] = {"tiny", "defconfig", "file"};
	struct str s = STR_INIT;

	str_addf(&s, "base %s", bases[c->base]);
	if (c->base_path)
		str_addf(&s, " %s", c->base_path);
	for (size_t i = 0; i < c->fragments.n; i++) {
		const char *name = strrchr(c->fragments.v[i], '/');

		str_addf(&s, ", fragment %s",
			 name ? name + 1 : c->fragments.v[i]);
	}
	for (size_t i = 0; i < c->nset; i++)
		str_addf(&s, ", %s=%s", c->set[i].option, c->set[i].value);
	return str_detach(&s);
}

/* ---- toolchain ---- */

static int read_make_args(struct yml_node *n, struct toolchain *t,
			  struct err *e)
{
	size_t count = n->kind == YML_LIST ? n->n : 1;

	for (size_t i = 0; i < count; i++) {
		struct yml_node *item = n->kind == YML_LIST ? n->at[i] : n;
		const char *word;

		if (yml_text(item, &word, e))
			return -1;
		if (toolchain_check_arg(word, e)) {
			err_prefix(e, "%s:%d: key 'make_args'", item->file,
				   item->line);
			return -1;
		}
		strv_add(&t->make_args, word);
	}
	return 0;
}

int toolchain_read(struct yml_node *root, struct toolchain *t, struct err *e)
{
	static const char *const keys[] = {"cc", "llvm", "make_args"};
	struct yml_node *map = yml_get(root, "toolchain"), *args;
	const char *cc = NULL;

	if (!map)
		return 0;
	if (yml_expect(map, YML_MAP, e) || yml_opt_text(map, "cc", &cc, e) ||
	    yml_opt_bool(map, "llvm", &t->llvm, e))
		return -1;
	if (cc && (!*cc || *cc == '-' || strpbrk(cc, " \t'\"$`;&|<>\\")))
		return yml_err(yml_get(map, "cc"), e,
			       "'%s' is not a compiler: a name or a path", cc);
	if (cc)
		t->cc = xstrdup(cc);
	args = yml_get(map, "make_args");
	if (args && read_make_args(args, t, e))
		return -1;
	return yml_check_unused(map, keys, COUNT(keys), e);
}

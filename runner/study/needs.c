#include "study/needs.h"

#include "base/err.h"
#include "base/yml.h"
#include "machine/machine.h"
#include "study/params.h"

#include <ctype.h>

#define COUNT(a) (sizeof(a) / sizeof(*(a)))

/* The end of a number of one to four digits, or NULL. */
static const char *number_at(const char *at, int *number)
{
	const char *begin = at;

	*number = 0;
	for (; isdigit((unsigned char)*at); at++)
		if (at - begin < 4)
			*number = *number * 10 + (*at - '0');
	return at > begin && at - begin <= 4 ? at : NULL;
}

/* The end of "6.18", or NULL. */
static const char *version_at(const char *at, int *major, int *minor)
{
	at = number_at(at, major);
	return at && *at == '.' ? number_at(at + 1, minor) : NULL;
}

bool needs_release_of(const char *text, int *major, int *minor)
{
	return version_at(text, major, minor);
}

/* ">= 6.18": the operator's length, 0 if it is none. */
static size_t operator_of(const char *text)
{
	if (text[0] != '<' && text[0] != '>')
		return 0;
	return text[1] == '=' ? 2 : 1;
}

static bool condition_ok(const char *text)
{
	size_t n = operator_of(text);
	const char *end;
	int major, minor;

	end = n ? version_at(text + n + strspn(text + n, " "), &major, &minor)
		: NULL;
	return end && !end[strspn(end, " ")];
}

static bool holds(const char *condition, int major, int minor)
{
	size_t n = operator_of(condition);
	int a = 0, b = 0, order;

	needs_release_of(condition + n + strspn(condition + n, " "), &a, &b);
	order = major != a ? major - a : minor - b;
	if (condition[0] == '<')
		return order < 0 || (n == 2 && !order);
	return order > 0 || (n == 2 && !order);
}

static int read_kernel(struct yml_node *map, struct needs *n, struct err *e)
{
	const char *text = NULL;
	char *copy, *save = NULL;
	int r = yml_opt_text(map, "kernel", &text, e);

	if (r || !text)
		return r;
	copy = xstrdup(text);
	for (char *word = strtok_r(copy, ",", &save); word && !r;
	     word = strtok_r(NULL, ",", &save)) {
		word += strspn(word, " ");
		r = condition_ok(word) ? 0 : -1;
		if (!r)
			strv_add(&n->kernel, word);
	}
	free(copy);
	if (!r && n->kernel.n)
		return 0;
	return yml_err(yml_get(map, "kernel"), e,
		       "'%s' is not like '>= 6.18' or '>= 6.1, < 7.0'", text);
}

static bool option_ok(const char *text)
{
	size_t n = strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_");

	return n && !str_starts(text, "CONFIG_") &&
	       (!text[n] || (text[n] == '=' && text[n + 1] && !text[n + 2] &&
			     strchr("ymn", text[n + 1])));
}

int needs_read(struct yml_node *map, struct needs *n, struct err *e)
{
	static const char *const keys[] = {"kernel", "options", "vcpus",
					   "memory_mib", "own_kernel"};
	struct yml_node *node = yml_get(map, "needs");

	if (!node)
		return 0;
	if (yml_expect(node, YML_MAP, e) || read_kernel(node, n, e) ||
	    params_words(NULL, node, "options", &n->options, e) ||
	    yml_opt_int(node, "vcpus", 1, 1024, &n->vcpus, e) ||
	    yml_opt_int(node, "memory_mib", 1, 1 << 24, &n->memory_mib, e) ||
	    yml_opt_bool(node, "own_kernel", &n->own_kernel, e))
		return -1;
	for (size_t i = 0; i < n->options.n; i++)
		if (!option_ok(n->options.v[i]))
			return yml_err(yml_get(node, "options"), e,
				       "'%s' is not like LOCK_STAT, BRD=m or "
				       "SLUB_TINY=n (no CONFIG_ before it)",
				       n->options.v[i]);
	return yml_check_unused(node, keys, COUNT(keys), e);
}

void needs_join(struct needs *n, const struct needs *other)
{
	strv_merge(&n->kernel, &other->kernel);
	strv_merge(&n->options, &other->options);
	if (n->vcpus < other->vcpus)
		n->vcpus = other->vcpus;
	if (n->memory_mib < other->memory_mib)
		n->memory_mib = other->memory_mib;
	n->own_kernel |= other->own_kernel;
}

void needs_release(struct needs *n)
{
	strv_release(&n->kernel);
	strv_release(&n->options);
	*n = (struct needs){0};
}

/* ---- checking ---- */

char *needs_unmet_machine(const struct needs *n, const struct machine *m)
{
	if (m->vcpus < n->vcpus)
		return xasprintf("it needs %lld vCPUs, and machine '%s' has %d",
				 n->vcpus, m->name, m->vcpus);
	if (m->memory_mib < n->memory_mib)
		return xasprintf("it needs %lld MiB of memory, and machine "
				 "'%s' has %d",
				 n->memory_mib, m->name, m->memory_mib);
	return NULL;
}

/* 'y', 'm' or 'n'; an option that the config does not know is off. */
static char setting_of(const char *config, const char *option, size_t len)
{
	const char *at = config;

	while ((at = strstr(at, "CONFIG_"))) {
		bool begins = at == config || at[-1] == '\n';

		at += strlen("CONFIG_");
		if (begins && !strncmp(at, option, len) && at[len] == '=')
			return at[len + 1] == 'm' ? 'm' : 'y';
	}
	return 'n';
}

static bool option_met(const char *config, const char *need)
{
	size_t len = strcspn(need, "=");
	char is = setting_of(config, need, len);

	return need[len] ? is == need[len + 1] : is != 'n';
}

char *needs_unmet_kernel(const struct needs *n, const char *release,
			 const char *config, bool own)
{
	int major, minor;

	if (n->own_kernel && !own)
		return xstrdup("it needs a kernel that klab builds, for its "
			       "own kernel module");
	for (size_t i = 0; i < n->kernel.n; i++)
		if (needs_release_of(release, &major, &minor) &&
		    !holds(n->kernel.v[i], major, minor))
			return xasprintf("it needs a kernel %s, and this is %s",
					 n->kernel.v[i], release);
	for (size_t i = 0; config && i < n->options.n; i++)
		if (!option_met(config, n->options.v[i]))
			return xasprintf("it needs CONFIG_%s, which this "
					 "kernel's config has not",
					 n->options.v[i]);
	return NULL;
}

#include "study/params.h"

#include "base/err.h"
#include "base/yml.h"

void params_release(struct params *p)
{
	strv_release(&p->names);
	strv_release(&p->values);
}

void params_set(struct params *p, const char *name, const char *value)
{
	strv_add(&p->names, name);
	strv_add(&p->values, value);
}

const char *params_get(const struct params *p, const char *name, size_t len)
{
	for (size_t i = p->names.n; i-- > 0;)
		if (strlen(p->names.v[i]) == len &&
		    !strncmp(p->names.v[i], name, len))
			return p->values.v[i];
	return NULL;
}

int params_expand(const struct params *p, const struct yml_node *n,
		  const char *word, struct strv *out, struct err *e)
{
	struct str s = STR_INIT;
	int r = 0;

	while (*word) {
		size_t plain = strcspn(word, "{"), len;
		const char *value;

		str_add(&s, word, plain);
		word += plain;
		if (!*word)
			break;
		len = strcspn(word + 1, "}");
		value = params_get(p, word + 1, len);
		if (!word[len + 1] || !value) {
			r = yml_err(n, e, "'%s' names no parameter", word);
			break;
		}
		str_adds(&s, value);
		word += len + 2;
	}
	if (!r && s.len)
		strv_add(out, s.buf);
	str_release(&s);
	return r;
}

int params_words(const struct params *p, struct yml_node *map, const char *key,
		 struct strv *out, struct err *e)
{
	struct yml_node *list = yml_get(map, key);
	const char *text;

	if (!list)
		return 0;
	if (yml_expect(list, YML_LIST, e))
		return -1;
	for (size_t i = 0; i < list->n; i++) {
		if (yml_text(list->at[i], &text, e))
			return -1;
		if (!p)
			strv_add(out, text);
		else if (params_expand(p, list->at[i], text, out, e))
			return -1;
	}
	return 0;
}

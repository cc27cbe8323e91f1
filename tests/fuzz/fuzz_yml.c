/* Feeds arbitrary text to the YAML reader, and asks its tree in every way. */
#include "base/err.h"
#include "base/yml.h"

#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void ask(struct yml_node *n)
{
	static const char *const known[] = {"study", "boots"};
	struct yml_node *need;
	const char *text;
	struct err e;
	long long v;
	double share;
	bool b;

	yml_text(n, &text, &e);
	yml_int(n, -5, 5, &v, &e);
	yml_bool(n, &b, &e);
	yml_fraction(n, &share, &e);
	if (n->kind == YML_MAP) {
		yml_need(n, "study", &need, &e);
		yml_check_unused(n, known, 2, &e);
	}
	for (size_t i = 0; i < n->n; i++)
		ask(n->at[i]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct yml_doc *doc;
	struct err e;

	if (yml_parse("f.yaml", (const char *)data, len, &doc, &e))
		return 0;
	ask(yml_root(doc));
	yml_free(doc);
	return 0;
}

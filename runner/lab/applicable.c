#include "lab/applicable.h"

#include "base/err.h"
#include "base/file.h"
#include "base/str.h"
#include "build/build.h"
#include "study/workload.h"

#define CONFIG_CAP (8u << 20)

/* Why a module of its own is not there; *known is false where the kernel was
 * built without asking for it. */
static char *kmods_unmet(const struct workload *w, const struct kernel *k,
			 bool *known)
{
	char *why = NULL;

	*known = true;
	for (size_t i = 0; !why && *known && i < w->kmods.n; i++) {
		char *name = build_kmod_name(w->kmods.v[i]), *path = NULL;
		struct err ignored;

		*known = !build_kmod_find(k, name, &path, &why, &ignored);
		free(path);
		free(name);
	}
	return why;
}

bool kmods_known(const struct workload *w, const struct kernel *k)
{
	bool known;

	free(kmods_unmet(w, k, &known));
	return known;
}

static char *kernel_unmet(const struct workload *w, const struct kernel *k,
			  bool own)
{
	struct str config = STR_INIT;
	struct err ignored;
	bool known;
	char *why;

	if (k->config_path &&
	    file_read(k->config_path, CONFIG_CAP, &config, &ignored))
		str_release(&config);
	why = needs_unmet_kernel(&w->needs, k->release, config.buf, own);
	if (!why && own)
		why = kmods_unmet(w, k, &known);
	str_release(&config);
	return why;
}

char *not_applicable(const struct workload *w, const struct machine *m,
		     const struct kernel *k, bool own)
{
	char *why = needs_unmet_machine(&w->needs, m);

	return why || !k ? why : kernel_unmet(w, k, own);
}

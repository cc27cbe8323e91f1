/* Feeds arbitrary text to klab as the answer of the analysis; what is taken
 * speaks of the study alone. */
#include "base/err.h"
#include "lab/round.h"

#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static struct stage stages[] = {{.idx = 0, .name = (char *)"a"},
				{.idx = 3, .name = (char *)"b"}};
static struct kconfig configs[] = {{.name = (char *)"c"}};
static struct machine machine = {.name = (char *)"m"};
static struct workload workload = {.label = (char *)"w"};
static struct machine *machines[] = {&machine};
static struct workload *workloads[] = {&workload};
static const struct study study = {
	.stages = stages,
	.nstages = 2,
	.configs = configs,
	.nconfigs = 1,
	.machines = machines,
	.nmachines = 1,
	.workloads = workloads,
	.nworkloads = 1,
	.rules = {.min = 3, .max = 20, .confirm = true, .budget = 9}};

static void use(const struct round *r)
{
	for (size_t i = 0; i < r->nwishes; i++) {
		const struct wish *w = &r->wishes[i];
		bool sample = w->role == ROLE_SAMPLE;

		BUG(w->cell > 1 || w->first > w->last);
		BUG(sample ? w->first < 1 || w->last > 20
			   : w->first <= SEED_CONFIRM ||
				     w->last > SEED_CONFIRM + BOOTS_MAX);
	}
	for (size_t i = 0; i < r->nverdicts; i++)
		BUG((r->verdicts[i].stage != 0 && r->verdicts[i].stage != 3) ||
		    !r->verdicts[i].metric || !r->verdicts[i].verdict);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct round r;
	struct err e;

	if (round_parse((const char *)data, len, &study, &r, &e)) {
		BUG(e.kind != ERR_LAB);
		return 0;
	}
	use(&r);
	round_release(&r);
	return 0;
}

/*
 * Feeds arbitrary text to klab as a study, as a machine, as a monitor or as a
 * workload, the last in a plain way and as a variant with parameters, a monitor
 * and itself as the load.  The first byte says which; the other files are as
 * they should be.
 */
#include "base/err.h"
#include "base/file.h"
#include "base/str.h"
#include "study/study.h"

#include <stdint.h>
#include <unistd.h>

#define STUDY(workload)                                                        \
	"study: s\nsource: {image: /dev/null}\nmachines: [m]\n"               \
	"workloads: [" workload "]\n"
#define WORKLOAD                                                               \
	"workload: w\nsummary: s\nparameters: {n: {default: 1}}\n"             \
	"variants: {a: {n: 2}}\nload: [x]\nscale: [n]\n"                                   \
	"steps: [{name: run, argv: [x, '{n}']}]\n"                             \
	"metrics: {t: {unit: ns, better: lower, primary: yes, from: elapsed}}\n"
#define MACHINE "machine: m\nvcpus: 2\n"
#define MONITOR "monitor: v\nread: [/proc/v]\n"

enum { A_STUDY, A_WORKLOAD, A_MACHINE, A_MONITOR, NFILES };

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static const struct {
	const char *path, *text;
} files[NFILES] = {
	[A_STUDY] = {"s.yaml", STUDY("w-a")},
	[A_WORKLOAD] = {"workloads/w/workload.yaml", WORKLOAD},
	[A_MACHINE] = {"configs/machines/m.yaml", MACHINE},
	[A_MONITOR] = {"configs/monitors/v.yaml", MONITOR},
};

/* klab's own folder, in small and in memory. */
static char share[] = "/dev/shm/klab-fuzz-XXXXXX";

static char *path_of(const char *name)
{
	return xasprintf("%s/%s", share, name);
}

static void put(int file, const void *data, size_t len)
{
	char *path = path_of(files[file].path);
	struct err e;

	BUG(file_put(path, data, len, &e));
	free(path);
}

static void clean_up(void)
{
	struct err ignored;

	file_remove(share, &ignored);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	static const char *const folders[] = {
		"workloads/w", "configs/machines", "configs/monitors"};
	struct err e;

	(void)argc;
	(void)argv;
	BUG(!mkdtemp(share) || atexit(clean_up));
	for (int i = 0; i < 3; i++) {
		char *path = path_of(folders[i]);

		BUG(file_mkdirs(path, &e));
		free(path);
	}
	for (int i = 0; i < NFILES; i++)
		put(i, files[i].text, strlen(files[i].text));
	return 0;
}

static void use(const struct study *s)
{
	size_t boots = s->nstages * s->nmachines * s->nworkloads;

	BUG(!s->rules.min || study_boots(s) < boots || !word_ok(s->name));
	free(rules_text(&s->rules));
	for (size_t i = 0; i < s->nstages; i++)
		free(stage_request(&s->source, &s->stages[i]));
	for (size_t i = 0; i < s->nworkloads; i++)
		BUG(!s->workloads[i]->nsteps || !s->workloads[i]->nmetrics);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct study *s;
	struct err e = {.kind = ERR_NONE};
	char *path;
	int file = len ? data[0] % 16 % (NFILES + 1) : 0;

	if (!len)
		return 0;
	if (file == NFILES) {
		const char *other = STUDY("w-a: {n: 5, scale: 3, "
					  "monitors: [v], load: w}");

		file = A_WORKLOAD;
		put(A_STUDY, other, strlen(other));
	} else if (file == A_WORKLOAD) {
		put(A_STUDY, STUDY("w"), strlen(STUDY("w")));
	} else if (file == A_MONITOR) {
		const char *other = STUDY("w-a: {monitors: [v]}");

		put(A_STUDY, other, strlen(other));
	}
	put(file, data + 1, len - 1);
	path = path_of("s.yaml");
	if (!study_load(path, share, &s, &e)) {
		use(s);
		study_free(s);
	} else {
		BUG(e.kind != ERR_USER || !*e.text);
	}
	free(path);
	put(file, files[file].text, strlen(files[file].text));
	if (file == A_WORKLOAD || file == A_MONITOR)
		put(A_STUDY, files[A_STUDY].text, strlen(files[A_STUDY].text));
	return 0;
}

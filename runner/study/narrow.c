#include "study/narrow.h"

#include "base/err.h"
#include "base/str.h"
#include "study/study.h"

#include <errno.h>

static int unknown(const char *what, const char *name, struct strv *known,
		   struct err *e)
{
	char *list = strv_join(known, ", ");

	if (name)
		err_user(e, "the study has no %s '%s'; it has %s", what, name,
			 list);
	else
		err_user(e,
			 "the study has more than one %s: choose with "
			 "--%s: %s",
			 what, what, list);
	free(list);
	strv_release(known);
	return -EINVAL;
}

/* Of that name, or the only one if it is NULL. */
static int find_config(const struct study *s, const char *name, size_t *at,
		       struct err *e)
{
	struct strv known = STRV_INIT;

	for (*at = 0; *at < s->nconfigs; ++*at)
		if (name ? !strcmp(s->configs[*at].name, name)
			 : s->nconfigs == 1)
			return 0;
	for (size_t i = 0; i < s->nconfigs; i++)
		strv_add(&known, s->configs[i].name);
	return unknown("config", name, &known, e);
}

static void swap_configs(struct study *s, size_t i, size_t j)
{
	struct kconfig kept = s->configs[i];

	s->configs[i] = s->configs[j];
	s->configs[j] = kept;
}

/* Those from n on are left out. */
static void cut_configs(struct study *s, size_t n)
{
	while (s->nconfigs > n)
		kconfig_release(&s->configs[--s->nconfigs]);
}

static int keep_config(struct study *s, const char *name, struct err *e)
{
	size_t at;

	if (find_config(s, name, &at, e))
		return -EINVAL;
	swap_configs(s, 0, at);
	cut_configs(s, 1);
	return 0;
}

static int keep_machine(struct study *s, const char *name, struct err *e)
{
	struct strv known = STRV_INIT;
	size_t at = name ? s->nmachines : 0;
	struct machine *kept;

	for (size_t i = 0; i < s->nmachines; i++) {
		strv_add(&known, s->machines[i]->name);
		if (name && !strcmp(s->machines[i]->name, name))
			at = i;
	}
	if (at == s->nmachines)
		return unknown("machine", name, &known, e);
	strv_release(&known);
	kept = s->machines[at];
	s->machines[at] = s->machines[0];
	s->machines[0] = kept;
	while (s->nmachines > 1)
		machine_free(s->machines[--s->nmachines]);
	return 0;
}

/* A stage of a range has its abbreviated commit in front of its title. */
static bool is_commit(const struct study *s, const struct stage *g,
		      const char *name)
{
	const size_t least = 7, n = strlen(name);
	size_t has;

	if (!s->source.to || !g->title || n < least ||
	    name[strspn(name, "0123456789abcdef")])
		return false;
	has = strcspn(g->title, " ");
	return !strncmp(name, g->title, n < has ? n : has);
}

static int find_stage(const struct study *s, const char *name, size_t *at,
		      struct err *e)
{
	for (*at = 0; *at < s->nstages; ++*at) {
		char number[16];

		snprintf(number, sizeof(number), "%d", s->stages[*at].idx);
		if (!strcmp(name, s->stages[*at].name) ||
		    !strcmp(name, number) ||
		    is_commit(s, &s->stages[*at], name))
			return 0;
	}
	return err_user(e,
			"the study has no stage '%s'; its first is '%s' and "
			"its last '%s'%s",
			name, s->stages[0].name, s->stages[s->nstages - 1].name,
			s->source.to ? ", or give the id of one of its commits"
				     : "");
}

static int keep_stages(struct study *s, const char *good, const char *bad,
		       struct err *e)
{
	size_t first = 0, last = s->nstages - 1, n;
	struct stage *kept;

	if ((good && find_stage(s, good, &first, e)) ||
	    (bad && find_stage(s, bad, &last, e)))
		return -EINVAL;
	if (s->nstages == 1)
		return err_user(
			e,
			"the study has one stage, '%s', and no patch to "
			"search: give it a series, a range, or more "
			"'stages'",
			s->stages[0].name);
	if (first == last)
		return err_user(e,
				"the good and the bad end are one stage, '%s', "
				"and no patch lies between them: give two with "
				"--good and --bad",
				s->stages[first].name);
	if (first > last)
		return err_user(e,
				"the ends are swapped: '%s', the good one, "
				"comes after '%s', the bad one, and klab looks "
				"for what made it worse: swap --good and --bad",
				s->stages[first].name, s->stages[last].name);
	n = last - first + 1;
	kept = xcalloc(n, sizeof(*kept));
	for (size_t i = 0; i < s->nstages; i++) {
		if (i >= first && i <= last)
			kept[i - first] = s->stages[i];
		else
			stage_release(&s->stages[i]);
	}
	free(s->stages);
	s->stages = kept;
	s->nstages = n;
	s->baseline = kept[0].idx;
	return 0;
}

/* Whoever leads says how many boots there are. */
static void free_rules(struct study *s)
{
	s->rules.min = 1;
	s->rules.max = BOOTS_MAX;
	s->rules.until = 0;
	s->rules.aa = 0;
	s->rules.confirm = true;
	s->rules.budget = (size_t)BOOTS_MAX;
}

int study_narrow(struct study *s, const struct narrow *n, struct err *e)
{
	if (keep_config(s, n->config, e) || keep_machine(s, n->machine, e) ||
	    keep_stages(s, n->good, n->bad, e))
		return -EINVAL;
	free_rules(s);
	return 0;
}

/* ---- configs ---- */

static int keep_configs(struct study *s, const char *a, const char *b,
			struct err *e)
{
	size_t i, j;

	if (!source_is_built(&s->source))
		return err_user(e,
				"%s:%d: key 'source': its kernels are not "
				"built, so there is no config to change",
				s->path, s->source.line);
	if (find_config(s, a, &i, e))
		return -EINVAL;
	swap_configs(s, 0, i);
	if (find_config(s, b, &j, e))
		return -EINVAL;
	if (!j)
		return err_user(e,
				"the good and the bad end are one config, "
				"'%s': there is nothing between them",
				a);
	swap_configs(s, 1, j);
	cut_configs(s, 2);
	return 0;
}

static void keep_stage(struct study *s, size_t at)
{
	struct stage kept = s->stages[at];

	s->stages[at] = s->stages[0];
	s->stages[0] = kept;
	while (s->nstages > 1)
		stage_release(&s->stages[--s->nstages]);
	s->baseline = kept.idx;
}

int study_between(struct study *s, const char *stage, const char *machine,
		  const char *a, const char *b, struct err *e)
{
	size_t at = s->nstages - 1;

	if (keep_configs(s, a, b, e) || keep_machine(s, machine, e) ||
	    (stage && find_stage(s, stage, &at, e)))
		return -EINVAL;
	keep_stage(s, at);
	free_rules(s);
	return 0;
}

void study_candidates(struct study *s, const struct candidate *at, size_t n)
{
	const struct stage first = s->stages[0];

	s->stages = xrealloc(s->stages, n * sizeof(*s->stages));
	for (size_t i = 0; i < n; i++)
		s->stages[i] = (struct stage){
			.idx = (int)i,
			.name = xstrdup(at[i].name),
			.title = at[i].title ? xstrdup(at[i].title) : NULL,
			.line = first.line,
			.kind = first.kind,
			.config = xstrdup(at[i].config),
			.from = first.idx};
	s->nstages = n;
	s->baseline = 0;
	cut_configs(s, 1);
	free(first.name);
	free(first.title);
}

/* ---- without a patch ---- */

static void add_reverse(struct series *s, const struct patch *guilty,
			const char *diff)
{
	struct patch p = {.number = (int)s->n + 1,
			  .author = xstrdup(guilty->author),
			  .date = guilty->date ? xstrdup(guilty->date) : NULL,
			  .subject =
				  xasprintf("Revert \"%s\"", guilty->subject),
			  .message = xstrdup(""),
			  .diff = xstrdup(diff),
			  .strip = 1,
			  .where = xstrdup("the reverse")};

	strv_merge(&p.paths, &guilty->paths);
	s->patches = xrealloc(s->patches, (s->n + 1) * sizeof(*s->patches));
	s->patches[s->n++] = p;
}

/* Patches after the tip have no part in it. */
static void cut_series(struct series *s, size_t n)
{
	struct series rest = {.patches = s->patches + n, .n = s->n - n};
	struct series copy = {0};

	copy.patches = xcalloc(rest.n + 1, sizeof(*copy.patches));
	memcpy(copy.patches, rest.patches, rest.n * sizeof(*copy.patches));
	copy.n = rest.n;
	series_release(&copy);
	s->n = n;
}

int study_without(struct study *s, const struct narrow *n, int guilty, int tip,
		  const char *diff, struct err *e)
{
	struct series *series = &s->source.series;
	char number[16];
	struct narrow keep = *n;

	if (guilty < 1 || tip < guilty || (size_t)tip > series->n || !diff)
		return err_user(e, "the series has changed meanwhile");
	snprintf(number, sizeof(number), "%d", tip);
	keep.bad = number;
	if (study_narrow(s, &keep, e))
		return -EINVAL;
	cut_series(series, (size_t)tip);
	add_reverse(series, &series->patches[guilty - 1], diff);
	while (s->nstages > 2) {
		stage_release(&s->stages[s->nstages - 2]);
		s->stages[s->nstages - 2] = s->stages[s->nstages - 1];
		s->nstages--;
	}
	free(s->stages[0].name);
	free(s->stages[0].title);
	s->stages[0].idx = tip + 1;
	s->stages[0].name = xasprintf("%d-without-%d", tip, guilty);
	s->stages[0].title = xstrdup(series->patches[tip].subject);
	s->baseline = tip + 1;
	return 0;
}

/* ---- one commit ---- */

static void replace(char **field, char *text)
{
	free(*field);
	*field = text;
}

/* The revision is HEAD whatever it is at the time, so that all commits are
 * built in one folder. */
static void take_commit(struct study *s, char *repository)
{
	struct source *src = &s->source;
	struct series none = {0};

	src->kind = SOURCE_GIT;
	replace(&src->where, repository);
	replace(&src->base, NULL);
	replace(&src->to, NULL);
	series_release(&src->series);
	src->series = none;
	while (s->nstages > 1)
		stage_release(&s->stages[--s->nstages]);
	replace(&s->stages[0].name, xstrdup("HEAD"));
	replace(&s->stages[0].title, NULL);
	s->stages[0].idx = 0;
	s->stages[0].kind = SOURCE_GIT;
	s->baseline = 0;
}

int study_of_commit(struct study *s, const struct narrow *n,
		    const char *repository, struct err *e)
{
	char *path;

	if (!source_is_built(&s->source))
		return err_user(e,
				"%s:%d: key 'source': its kernels are not "
				"built, so there is no config for a commit",
				s->path, s->source.line);
	if (keep_config(s, n->config, e) || keep_machine(s, n->machine, e))
		return -EINVAL;
	path = realpath(repository, NULL);
	if (!path)
		return err_sys(e, errno, "cannot find folder '%s'", repository);
	take_commit(s, path);
	free_rules(s);
	return 0;
}

/*
 * What make itself says.
 */
#include "build/buildlog_int.h"

/* "tools/objtool/check.o" was not made, so "check.c" is in that folder. */
static void apply_target(struct log_parser *p, const char *target)
{
	char *source = log_source_of(p, target);
	const char *base = source ? strrchr(source, '/') : NULL;

	for (size_t i = 0; base && i < p->out->n; i++) {
		struct build_error *b = &p->out->errors[i];
		struct log_place at = {xstrdup(source), 0};

		if (b->file && !strcmp(b->file, base + 1)) {
			at.line = b->line;
			log_set_place(p, b, &at);
		} else if (!b->file && p->guess[i] == LOG_FROM_TARGET) {
			log_set_place(p, b, &at);
		}
		free(at.file);
	}
	free(source);
}

/* A rule that is not there was asked for by the Makefile beside it. */
static void on_no_rule(struct log_parser *p, const char *text)
{
	const char *path = strchr(text, '\''), *end;
	struct str file = STR_INIT;
	char *name;

	end = path ? strchr(path + 1, '\'') : NULL;
	if (!end) {
		log_add(p, LOG_SURE, NULL, 0, text);
		return;
	}
	name = log_tree_path(p, path + 1, (size_t)(end - path - 1));
	if (strrchr(name, '/'))
		str_add(&file, name, (size_t)(strrchr(name, '/') - name) + 1);
	str_adds(&file, "Makefile");
	free(name);
	log_add(p, LOG_SURE, str_detach(&file), 0, text);
}

bool log_on_make(struct log_parser *p, const char *line)
{
	const char *text = strstr(line, " *** "), *end, *target;
	char *name;

	if (!str_starts(line, "make") || !text)
		return false;
	text += strlen(" *** ");
	if (str_starts(text, "No rule to make target")) {
		on_no_rule(p, text);
	} else if (*text == '[' && (end = strrchr(text, ']'))) {
		/* "[Makefile:12: mm/slub.o]", before make 4.0 "[mm/slub.o]" */
		name = xstrndup(text + 1, (size_t)(end - text) - 1);
		target = strrchr(name, ' ');
		apply_target(p, target ? target + 1 : name);
		free(name);
	} else if (!strstr(text, "recipe for target") &&
		   !str_starts(text, "Waiting for")) {
		log_add(p, LOG_SURE, NULL, 0, text);
	}
	return true;
}

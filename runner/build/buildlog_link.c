/*
 * What linkers say.
 */
#include "build/buildlog_int.h"

#include <ctype.h>

#define N(array) (sizeof(array) / sizeof(*(array)))

/* The file that the words before the linker's complaint tell of, as in
 * "mm/slub.o:slub.c:(.text+0x1): ". */
struct log_place log_linker_place(const struct log_parser *p, const char *words,
				  size_t len)
{
	char *text = xstrndup(words, len), *save = NULL, *object = NULL;
	struct log_place at = {0};

	for (char *w = strtok_r(text, ": ", &save); w;
	     w = strtok_r(NULL, ": ", &save)) {
		if (str_ends(w, ".o") && !object)
			object = log_source_of(p, w);
		else if (str_ends(w, ".c") || str_ends(w, ".S"))
			at.file = at.file ? at.file
					  : log_tree_path(p, w, strlen(w));
		else if (at.file && isdigit((unsigned char)*w) && !at.line)
			at.line = (int)strtol(w, NULL, 10);
	}
	if (!object && p->object)
		object = log_source_of(p, p->object);
	/* The object has the folder, the source its real ending. */
	if (object && (!at.file || !strchr(at.file, '/'))) {
		free(at.file);
		at.file = object;
		object = NULL;
	}
	if (at.line < 0)
		at.line = 0;
	free(object);
	free(text);
	return at;
}

/* "mm/slub.o: in function 'foo':" goes before what is wrong there. */
static void note_function(struct log_parser *p, const char *text)
{
	static const char mark[] = ": in function '";
	const char *at = strstr(text, mark), *name, *end;

	if (!at)
		return;
	name = at + strlen(mark);
	end = strchr(name, '\'');
	if (!end)
		return;
	free(p->object);
	free(p->function);
	p->object = xstrndup(text, (size_t)(at - text));
	p->function = xstrndup(name, (size_t)(end - name));
}

/* "slub.c:(.text+0x12): undefined reference to 'bar'" */
static bool on_symbol(struct log_parser *p, const char *line)
{
	const char *undefined = strstr(line, "undefined reference to '");
	const char *twice = strstr(line, "multiple definition of '");
	const char *what = undefined ? undefined : twice;
	struct log_place at;
	char *text;
	int n;

	if (!what || strstr(line, " | "))
		return false;
	at = log_linker_place(p, line, (size_t)(what - line));
	n = (int)strcspn(what, ";");
	text = undefined && p->function
		       ? xasprintf("%.*s in '%s'", n, what, p->function)
		       : xstrndup(what, (size_t)n);
	log_add(p, LOG_SURE, at.file, at.line, text);
	free(text);
	return true;
}

bool log_on_linker(struct log_parser *p, const char *line)
{
	const char *ld = log_program(line, "ld"),
		   *lld = log_program(line, "ld.lld");
	const char *text = ld ? ld : line;

	note_function(p, text);
	if (on_symbol(p, text))
		return true;
	if (ld && !strstr(ld, ": in function '") && !strstr(ld, "warning: ") &&
	    !str_starts(ld, "NOTE:"))
		log_add(p, LOG_SURE, NULL, 0, ld);
	else if (lld && log_error_text(lld))
		log_add(p, LOG_SURE, NULL, 0, log_error_text(lld));
	return ld || lld;
}

/* lld says below its error who it was: ">>> referenced by slub.c:12 (mm/...)",
 * ">>>   mm/slub.o:(foo) in archive vmlinux.a". */
void log_on_lld_place(struct log_parser *p, const char *line)
{
	struct log_place at;

	if (!p->last || (p->last->file && strchr(p->last->file, '/')))
		return;
	line += strspn(line, "> ");
	if (str_starts(line, "referenced by "))
		line += strlen("referenced by ");
	at = log_linker_place(p, line, strcspn(line, "()"));
	if (at.file)
		log_set_place(p, p->last, &at);
}

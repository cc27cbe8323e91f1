#include "build/buildlog_int.h"

#include <ctype.h>

#define LINE_CAP 2000
#define N(array) (sizeof(array) / sizeof(*(array)))

/* Where assertions are made of; nobody's error is there. */
static bool is_assertion(const char *file)
{
	static const char *const headers[] = {
		"include/linux/compiler", "include/linux/build_bug.h",
		"include/linux/bug.h", "include/linux/stddef.h"};

	for (size_t i = 0; i < N(headers); i++)
		if (str_starts(file, headers[i]))
			return true;
	return false;
}

static bool is_kconfig(const char *file)
{
	const char *base = strrchr(file, '/');

	return str_starts(base ? base + 1 : file, "Kconfig");
}

static void on_place(struct log_parser *p, struct log_place *at,
		     const char *rest)
{
	const char *text = log_error_text(rest);

	if (text) {
		bool assertion = is_assertion(at->file);

		if (assertion && p->inlined.file) {
			log_add(p, LOG_SURE, p->inlined.file, p->inlined.line,
				text);
			p->inlined = (struct log_place){0};
		} else if (at->file[0] == '{' ||
			   str_starts(at->file, "/tmp/")) {
			log_add(p, LOG_FROM_TARGET,
				p->assembled ? xstrdup(p->assembled) : NULL, 0,
				text);
		} else {
			log_add(p, assertion ? LOG_IN_HEADER : LOG_SURE,
				at->file, at->line, text);
			at->file = NULL;
		}
	} else if (str_starts(rest, "note: in expansion of macro") && p->last &&
		   p->guess[p->last - p->out->errors] == LOG_IN_HEADER &&
		   !is_assertion(at->file)) {
		log_set_place(p, p->last, at);
	} else if (str_starts(rest, "*** ")) {
		if (str_ends(at->file, ".cmd") || str_ends(at->file, ".d"))
			p->out->damaged = true;
		log_add(p, LOG_SURE, at->file, at->line, rest + 4);
		at->file = NULL;
	} else if (is_kconfig(at->file) && !str_starts(rest, "warning")) {
		log_add(p, LOG_SURE, at->file, at->line, rest);
		at->file = NULL;
	}
}

static void on_inlined(struct log_parser *p, const char *line)
{
	const char *at = strstr(line, " at ");
	char *text;

	if (!at)
		return;
	/* The line ends in a comma, a colon or not at all. */
	text = xasprintf("%s: ", at + 4);
	free(p->inlined.file);
	log_split_place(p, text, &p->inlined);
	free(text);
}

static void on_assembler(struct log_parser *p, const char *line,
			 const char *mark)
{
	free(p->assembled);
	p->assembled = NULL;
	if (*line != '{' && !str_starts(line, "/tmp/"))
		p->assembled = log_tree_path(p, line, (size_t)(mark - line));
}

/* Complaints without a place. */
static void on_program(struct log_parser *p, const char *line)
{
	static const char *const names[] = {
		"cc1",   "gcc",     "clang",  "as",  "objcopy",
		"ERROR", "modpost", "FAILED", "BTF", "sorttable"};
	const char *objtool = strstr(line, "error: objtool: "), *rest;

	if (objtool) {
		struct log_place at =
			log_linker_place(p, line, (size_t)(objtool - line));

		log_add(p, LOG_SURE, at.file, 0, objtool + strlen("error: "));
		return;
	}
	if (str_starts(line, "error: ") || str_starts(line, "Error: ")) {
		log_add(p, LOG_SURE, NULL, 0, line + strlen("error: "));
		return;
	}
	for (size_t i = 0; i < N(names); i++) {
		rest = log_program(line, names[i]);
		if (!rest)
			continue;
		if (isupper((unsigned char)*names[i]))
			log_add(p, LOG_SURE, NULL, 0, rest);
		else if (log_error_text(rest))
			log_add(p, LOG_FROM_TARGET, NULL, 0,
				log_error_text(rest));
		return;
	}
}

static bool is_damage(const char *line)
{
	static const char *const signs[] = {
		"file truncated", "file format not recognized",
		"file not recognized", "malformed archive",
		"is not an object file"};

	for (size_t i = 0; i < N(signs); i++)
		if (strstr(line, signs[i]) && !strstr(line, " | "))
			return true;
	return false;
}

/* Lines of make's that tell nothing. */
static bool is_chatter(const char *line)
{
	static const char *const words[] = {
		"ing directory '", "*** wait: No child processes",
		"*** Waiting for unfinished jobs", "] Terminated"};

	for (size_t i = 0; i < N(words); i++)
		if (str_starts(line, "make") && strstr(line, words[i]))
			return true;
	return false;
}

static void keep_tail(struct log_parser *p, const char *line)
{
	const char *text = line + strspn(line, " \t");

	if (!*text || is_chatter(line))
		return;
	free(p->tail[0]);
	memmove(p->tail, p->tail + 1, sizeof(p->tail) - sizeof(*p->tail));
	p->tail[LOG_TAIL_LINES - 1] = xstrndup(text, LOG_TEXT_CAP);
}

/* Lines that only tell where another line's error is. */
static bool on_context(struct log_parser *p, const char *line)
{
	const char *mark = strstr(line, ": Assembler messages:");

	if (str_starts(line, ">>> "))
		log_on_lld_place(p, line);
	else if (strstr(line, "    inlined from '"))
		on_inlined(p, line);
	else if (mark)
		on_assembler(p, line, mark);
	else
		return false;
	return true;
}

/* Is it the lab's trouble, and no error of the kernel's? */
static bool on_trouble(struct log_parser *p, const char *line)
{
	bool sure;
	char *text = buildlog_trouble(line, &sure);
	char **to = sure ? &p->out->trouble : &p->perhaps;

	if (!text)
		return false;
	if (*to)
		free(text);
	else
		*to = text;
	return true;
}

static void on_line(struct log_parser *p, const char *line)
{
	struct log_place at;
	const char *rest;

	keep_tail(p, line);
	if (is_damage(line))
		p->out->damaged = true;
	if (on_trouble(p, line) || on_context(p, line) ||
	    log_on_make(p, line) || log_on_linker(p, line))
		return;
	rest = log_split_place(p, line, &at);
	if (rest)
		on_place(p, &at, rest);
	else
		on_program(p, line);
	free(at.file);
}

/* One line, with quotes of any kind as ', and nothing unprintable. */
static char *clean_line(const char *text, size_t len)
{
	char *line = xcalloc(1, len + 1);
	size_t n = 0;

	for (size_t i = 0; i < len; i++) {
		if (len - i >= 3 && (!memcmp(text + i, "\xe2\x80\x98", 3) ||
				     !memcmp(text + i, "\xe2\x80\x99", 3))) {
			line[n++] = '\'';
			i += 2;
		} else if (text[i] == '`') {
			line[n++] = '\'';
		} else if (text[i] == '\t') {
			line[n++] = ' ';
		} else if (text[i] != '\r') {
			line[n++] = text[i] ? text[i] : '?';
		}
	}
	str_plain(line);
	return line;
}

static char *join_tail(struct log_parser *p)
{
	struct str s = STR_INIT;

	for (size_t i = 0; i < LOG_TAIL_LINES; i++) {
		if (p->tail[i] && s.len)
			str_adds(&s, " / ");
		if (p->tail[i])
			str_adds(&s, p->tail[i]);
		free(p->tail[i]);
	}
	return str_detach(&s);
}

void buildlog_parse(const char *text, size_t len, const char *src,
		    const char *obj, struct buildlog *out)
{
	struct log_parser p = {.src = src, .obj = obj, .out = out};

	*out = (struct buildlog){0};
	for (size_t at = 0; at < len;) {
		const char *end = memchr(text + at, '\n', len - at);
		size_t n = end ? (size_t)(end - text) - at : len - at;
		char *line = clean_line(text + at, n < LINE_CAP ? n : LINE_CAP);

		on_line(&p, line);
		free(line);
		at += n + 1;
	}
	out->tail = join_tail(&p);
	if (!out->trouble && !out->n) {
		out->trouble = p.perhaps;
		p.perhaps = NULL;
	}
	free(p.perhaps);
	free(p.inlined.file);
	free(p.object);
	free(p.function);
	free(p.assembled);
}

void build_errors_release(struct build_error *errors, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		free(errors[i].file);
		free(errors[i].text);
	}
	free(errors);
}

void buildlog_release(struct buildlog *l)
{
	build_errors_release(l->errors, l->n);
	free(l->trouble);
	free(l->tail);
	*l = (struct buildlog){0};
}

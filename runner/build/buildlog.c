#include "build/buildlog.h"

#include <ctype.h>

#define LINE_CAP 2000
#define TEXT_CAP 300
#define FILE_CAP 200
#define TAIL_LINES 3
#define N(array) (sizeof(array) / sizeof(*(array)))

/* An error, with how sure its place is. */
enum guess {
	SURE,
	FROM_TARGET, /* only make will say, with the target that failed */
	IN_HEADER,   /* an assertion's: a note names the place that is meant */
};

struct place {
	char *file;
	int line;
};

struct parser {
	const char *src, *obj;
	struct buildlog *out;
	enum guess guess[BUILDLOG_ERRORS];
	struct build_error *last; /* that the next lines may belong to */
	struct place inlined;     /* of "inlined from ... at" */
	char *object, *function;  /* of the linker's "in function" */
	char *assembled;          /* of "Assembler messages" */
	char *tail[TAIL_LINES];
};

/* ---- paths ---- */

static const char *without(const char *path, const char *folder)
{
	size_t n = strlen(folder);

	if (n && !strncmp(path, folder, n) && path[n] == '/')
		return path + n + 1;
	return path;
}

/* A path as the patch names it. */
static char *tree_path(const struct parser *p, const char *path, size_t len)
{
	const char *base = strrchr(p->src, '/');
	char *copy = xstrndup(path, len < FILE_CAP ? len : FILE_CAP), *file;
	const char *at = without(without(copy, p->src), p->obj);
	bool up = false;

	for (;; at += at[1] == '/' ? 2 : 3) {
		if (str_starts(at, "../"))
			up = true;
		else if (!str_starts(at, "./"))
			break;
	}
	if (up && base)
		at = without(at, base + 1);
	file = xstrdup(at);
	free(copy);
	return file;
}

/* "mm/slub.o" comes from "mm/slub.c"; what is linked from many is of no use. */
static char *source_of(const struct parser *p, const char *object)
{
	char *path = tree_path(p, object, strlen(object)), *file = NULL;
	const char *base = strrchr(path, '/');

	base = base ? base + 1 : path;
	if (str_ends(path, ".o") && !str_starts(base, "vmlinux") &&
	    !str_starts(base, ".tmp_") && !str_starts(base, "built-in"))
		file = xasprintf("%.*s.c", (int)strlen(path) - 2, path);
	free(path);
	return file;
}

/* Splits "PATH:LINE:COLUMN: text"; rest is the text, NULL if it is no such
 * line. */
static const char *split_place(const struct parser *p, const char *line,
			       struct place *at)
{
	const char *skip = without(line, p->src), *end, *rest;
	char *after;
	long n;

	*at = (struct place){0};
	end = skip + strcspn(skip, ": \t\"'`");
	if (end == line || *end != ':' || !isdigit((unsigned char)end[1]))
		return NULL;
	n = strtol(end + 1, &after, 10);
	rest = after;
	if (*rest != ':' || n < 0 || n > 10000000)
		return NULL;
	rest++;
	if (isdigit((unsigned char)*rest)) {
		const char *colon = rest + strspn(rest, "0123456789");

		if (*colon == ':')
			rest = colon + 1;
	}
	at->file = tree_path(p, line, (size_t)(end - line));
	at->line = (int)n;
	return rest + strspn(rest, " \t");
}

/* ---- errors ---- */

static bool seen(const struct buildlog *l, const char *file, int line,
		 const char *text)
{
	for (size_t i = 0; i < l->n; i++) {
		const struct build_error *b = &l->errors[i];

		if (b->line == line && !strcmp(b->text, text) &&
		    !strcmp(b->file ? b->file : "", file ? file : ""))
			return true;
	}
	return false;
}

static char *tidy(const char *text)
{
	static const char *const noise[] = {
		" (first use in this function)",
		" (first use in this function); did you mean",
		"  Stop.",
	};
	char *copy = xstrndup(text, TEXT_CAP), *at;

	for (size_t i = 0; i < N(noise); i++) {
		at = strstr(copy, noise[i]);
		if (at && at > copy && !at[strlen(noise[i])])
			*at = '\0';
	}
	while (*copy && isspace((unsigned char)copy[strlen(copy) - 1]))
		copy[strlen(copy) - 1] = '\0';
	return copy;
}

/* Takes file over. */
static void add_error(struct parser *p, enum guess guess, char *file, int line,
		      const char *text)
{
	struct buildlog *l = p->out;
	char *copy = tidy(text);

	p->last = NULL;
	if (l->n == BUILDLOG_ERRORS || seen(l, file, line, copy)) {
		free(copy);
		free(file);
		return;
	}
	l->errors = xrealloc(l->errors, (l->n + 1) * sizeof(*l->errors));
	p->guess[l->n] = guess;
	p->last = &l->errors[l->n++];
	*p->last =
		(struct build_error){.file = file, .line = line, .text = copy};
}

static void set_place(struct parser *p, struct build_error *b, struct place *at)
{
	free(b->file);
	b->file = at->file;
	b->line = at->line;
	p->guess[b - p->out->errors] = SURE;
	*at = (struct place){0};
}

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

static const char *error_text(const char *rest)
{
	static const char *const kinds[] = {
		"error:", "fatal error:", "Error:", "Fatal error:"};

	for (size_t i = 0; i < N(kinds); i++)
		if (str_starts(rest, kinds[i])) {
			rest += strlen(kinds[i]);
			return rest + strspn(rest, " ");
		}
	return str_starts(rest, "internal compiler error:") ? rest : NULL;
}

static bool is_kconfig(const char *file)
{
	const char *base = strrchr(file, '/');

	return str_starts(base ? base + 1 : file, "Kconfig");
}

/* ---- the linker ---- */

static const char *program(const char *line, const char *name)
{
	size_t n = strcspn(line, " :");
	size_t k = strlen(name);

	if (n < k || line[n] != ':' || strncmp(line + n - k, name, k) ||
	    (n > k && line[n - k - 1] != '/' && line[n - k - 1] != '-'))
		return NULL;
	return line + n + 1 + strspn(line + n + 1, " ");
}

/* The file that the words before the linker's complaint tell of, as in
 * "mm/slub.o:slub.c:(.text+0x1): ". */
static struct place linker_place(const struct parser *p, const char *words,
				 size_t len)
{
	char *text = xstrndup(words, len), *save = NULL, *object = NULL;
	struct place at = {0};

	for (char *w = strtok_r(text, ": ", &save); w;
	     w = strtok_r(NULL, ": ", &save)) {
		if (str_ends(w, ".o") && !object)
			object = source_of(p, w);
		else if (str_ends(w, ".c") || str_ends(w, ".S"))
			at.file =
				at.file ? at.file : tree_path(p, w, strlen(w));
		else if (at.file && isdigit((unsigned char)*w) && !at.line)
			at.line = (int)strtol(w, NULL, 10);
	}
	if (!object && p->object)
		object = source_of(p, p->object);
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

static bool on_linker(struct parser *p, const char *line)
{
	static const char *const marks[] = {"undefined reference to ",
					    "multiple definition of "};
	static const char in[] = ": in function '";
	const char *ld = program(line, "ld"), *lld = program(line, "ld.lld");
	const char *at = strstr(ld ? ld : line, in), *end;
	struct place place;
	char *text;

	if (at && (end = strchr(at + strlen(in), '\''))) {
		free(p->object);
		free(p->function);
		p->object = xstrndup(ld ? ld : line,
				     (size_t)(at - (ld ? ld : line)));
		p->function = xstrndup(at + strlen(in),
				       (size_t)(end - at) - strlen(in));
	}
	for (size_t i = 0; i < N(marks); i++) {
		const char *what = strstr(line, marks[i]);
		int n;

		if (!what || strstr(line, " | "))
			continue;
		place = linker_place(p, ld ? ld : line,
				     (size_t)(what - (ld ? ld : line)));
		n = (int)strcspn(what, ";");
		text = i == 0 && p->function
			       ? xasprintf("%.*s in '%s'", n, what, p->function)
			       : xstrndup(what, (size_t)n);
		add_error(p, SURE, place.file, place.line, text);
		free(text);
		return true;
	}
	if (ld && !at && !str_starts(ld, "warning:") &&
	    !strstr(ld, "warning: ") && !str_starts(ld, "NOTE:"))
		add_error(p, SURE, NULL, 0, ld);
	else if (lld && error_text(lld))
		add_error(p, SURE, NULL, 0, error_text(lld));
	return ld || lld;
}

/* lld says below its error who it was: ">>> referenced by slub.c:12 (mm/...)",
 * ">>>   mm/slub.o:(foo) in archive vmlinux.a". */
static void on_lld_place(struct parser *p, const char *line)
{
	struct place at;

	if (!p->last || (p->last->file && strchr(p->last->file, '/')))
		return;
	line += strspn(line, "> ");
	if (str_starts(line, "referenced by "))
		line += strlen("referenced by ");
	at = linker_place(p, line, strcspn(line, "()"));
	if (at.file)
		set_place(p, p->last, &at);
}

/* ---- make ---- */

/* "tools/objtool/check.o" was not made, so "check.c" is in that folder. */
static void apply_target(struct parser *p, const char *target)
{
	char *source = source_of(p, target);
	const char *base = source ? strrchr(source, '/') : NULL;

	for (size_t i = 0; base && i < p->out->n; i++) {
		struct build_error *b = &p->out->errors[i];
		struct place at = {xstrdup(source), 0};

		if (b->file && !strcmp(b->file, base + 1)) {
			at.line = b->line;
			set_place(p, b, &at);
		} else if (!b->file && p->guess[i] == FROM_TARGET) {
			set_place(p, b, &at);
		}
		free(at.file);
	}
	free(source);
}

/* A rule that is not there was asked for by the Makefile beside it. */
static void on_no_rule(struct parser *p, const char *text)
{
	const char *path = strchr(text, '\''), *end;
	struct str file = STR_INIT;
	char *name;

	end = path ? strchr(path + 1, '\'') : NULL;
	if (!end)
		return add_error(p, SURE, NULL, 0, text);
	name = tree_path(p, path + 1, (size_t)(end - path - 1));
	if (strrchr(name, '/'))
		str_add(&file, name, (size_t)(strrchr(name, '/') - name) + 1);
	str_adds(&file, "Makefile");
	free(name);
	add_error(p, SURE, str_detach(&file), 0, text);
}

static bool on_make(struct parser *p, const char *line)
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
		add_error(p, SURE, NULL, 0, text);
	}
	return true;
}

/* ---- all the rest ---- */

static void on_place(struct parser *p, struct place *at, const char *rest)
{
	const char *text = error_text(rest);

	if (text) {
		bool assertion = is_assertion(at->file);

		if (assertion && p->inlined.file) {
			add_error(p, SURE, p->inlined.file, p->inlined.line,
				  text);
			p->inlined = (struct place){0};
		} else if (at->file[0] == '{' ||
			   str_starts(at->file, "/tmp/")) {
			add_error(p, FROM_TARGET,
				  p->assembled ? xstrdup(p->assembled) : NULL,
				  0, text);
		} else {
			add_error(p, assertion ? IN_HEADER : SURE, at->file,
				  at->line, text);
			at->file = NULL;
		}
	} else if (str_starts(rest, "note: in expansion of macro") && p->last &&
		   p->guess[p->last - p->out->errors] == IN_HEADER &&
		   !is_assertion(at->file)) {
		set_place(p, p->last, at);
	} else if (str_starts(rest, "*** ")) {
		if (str_ends(at->file, ".cmd") || str_ends(at->file, ".d"))
			p->out->damaged = true;
		add_error(p, SURE, at->file, at->line, rest + 4);
		at->file = NULL;
	} else if (is_kconfig(at->file) && !str_starts(rest, "warning")) {
		add_error(p, SURE, at->file, at->line, rest);
		at->file = NULL;
	}
}

static void on_inlined(struct parser *p, const char *line)
{
	const char *at = strstr(line, " at ");
	char *text;

	if (!at)
		return;
	/* The line ends in a comma, a colon or not at all. */
	text = xasprintf("%s: ", at + 4);
	free(p->inlined.file);
	split_place(p, text, &p->inlined);
	free(text);
}

static void on_assembler(struct parser *p, const char *line, const char *mark)
{
	free(p->assembled);
	p->assembled = NULL;
	if (*line != '{' && !str_starts(line, "/tmp/"))
		p->assembled = tree_path(p, line, (size_t)(mark - line));
}

/* Complaints without a place. */
static void on_program(struct parser *p, const char *line)
{
	static const char *const names[] = {
		"cc1",   "gcc",     "clang",  "as",  "objcopy",
		"ERROR", "modpost", "FAILED", "BTF", "sorttable"};
	const char *objtool = strstr(line, "error: objtool: "), *rest;

	if (objtool) {
		struct place at =
			linker_place(p, line, (size_t)(objtool - line));

		add_error(p, SURE, at.file, 0, objtool + strlen("error: "));
		return;
	}
	if (str_starts(line, "error: ") || str_starts(line, "Error: ")) {
		add_error(p, SURE, NULL, 0, line + strlen("error: "));
		return;
	}
	for (size_t i = 0; i < N(names); i++) {
		rest = program(line, names[i]);
		if (!rest)
			continue;
		if (isupper((unsigned char)*names[i]))
			add_error(p, SURE, NULL, 0, rest);
		else if (error_text(rest))
			add_error(p, FROM_TARGET, NULL, 0, error_text(rest));
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

static void keep_tail(struct parser *p, const char *line)
{
	const char *text = line + strspn(line, " \t");

	if (!*text || is_chatter(line))
		return;
	free(p->tail[0]);
	memmove(p->tail, p->tail + 1, sizeof(p->tail) - sizeof(*p->tail));
	p->tail[TAIL_LINES - 1] = xstrndup(text, TEXT_CAP);
}

static void on_line(struct parser *p, const char *line)
{
	const char *mark, *rest;
	struct place at;

	keep_tail(p, line);
	if (!p->out->trouble)
		p->out->trouble = buildlog_trouble(line);
	if (is_damage(line))
		p->out->damaged = true;
	if (str_starts(line, ">>> "))
		return on_lld_place(p, line);
	if (strstr(line, "    inlined from '"))
		return on_inlined(p, line);
	mark = strstr(line, ": Assembler messages:");
	if (mark)
		return on_assembler(p, line, mark);
	if (on_make(p, line) || on_linker(p, line))
		return;
	rest = split_place(p, line, &at);
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

static char *join_tail(struct parser *p)
{
	struct str s = STR_INIT;

	for (size_t i = 0; i < TAIL_LINES; i++) {
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
	struct parser p = {.src = src, .obj = obj, .out = out};

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

/* ---- what the patch touches ---- */

static const char *touched_path(const char *file, const struct strv *touched)
{
	size_t n = strlen(file);

	if (strv_has(touched, file))
		return file;
	for (size_t i = 0; n && !strchr(file, '/') && i < touched->n; i++) {
		const char *path = touched->v[i];

		if (str_ends(path, file) && strlen(path) > n &&
		    path[strlen(path) - n - 1] == '/')
			return path;
	}
	return NULL;
}

void buildlog_touch(struct build_error *errors, size_t n,
		    const struct strv *touched)
{
	for (size_t i = 0; i < n; i++) {
		struct build_error *b = &errors[i];
		const char *path = NULL;
		char *copy;

		if (b->file && touched)
			path = touched_path(b->file, touched);
		b->touched = path;
		if (!path)
			continue;
		copy = xstrdup(path);
		free(b->file);
		b->file = copy;
	}
}

char *buildlog_reason(const struct build_error *errors, size_t n,
		      const struct strv *touched, const char *otherwise)
{
	const struct build_error *b = errors;
	struct str s = STR_INIT;

	if (!n)
		return xstrdup(otherwise);
	for (size_t i = 0; i < n; i++) {
		if (errors[i].touched) {
			b = &errors[i];
			break;
		}
	}
	if (b->file)
		str_adds(&s, b->file);
	if (b->file && b->line)
		str_addf(&s, ":%d", b->line);
	if (b->file)
		str_adds(&s, ": ");
	str_adds(&s, b->text);
	if (b->file && touched && touched->n)
		str_addf(&s, " (in a file that the patch %s)",
			 b->touched ? "touches" : "does not touch");
	return str_detach(&s);
}

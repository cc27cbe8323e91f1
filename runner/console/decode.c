#include "console/decode.h"

#include "base/err.h"
#include "base/job.h"
#include "console/ksyms.h"

#include <errno.h>
#include <inttypes.h>

#define PLACES_MAX 4000
#define NAME_CAP 200
#define ADDR2LINE_MS (5 * 60 * 1000)
#define ANCHOR_NAME "start_kernel"
#define ANCHOR_FILE "init/main.c"

/* A name+0x12/0x34 in some text. */
struct token {
	const char *from, *to;
	char name[NAME_CAP];
	uint64_t offset, size;
	bool exact; /* not the address behind a call */
};

struct place {
	uint64_t address; /* that is looked up */
	char *at; /* "function\nfile:line\n" for each function; or NULL */
};

struct decoder {
	char *vmlinux;
	struct ksyms *symbols;
	struct place *places; /* as they were added */
	size_t n;
	char *prefix; /* the folder in front of the file names; or NULL */
};

/* ---- functions in a text ---- */

static bool in_name(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (c >= '0' && c <= '9') || c == '_' || c == '.';
}

static bool hex(const char **p, uint64_t *out)
{
	const char *start = *p + 2;
	char *end;

	if ((*p)[0] != '0' || (*p)[1] != 'x')
		return false;
	if (strspn(start, "0123456789abcdef") - 1 > 15)
		return false;
	*out = strtoull(start, &end, 16);
	*p = end;
	return true;
}

/* Where the processor was, as opposed to where a call returns to. */
static bool is_exact(const char *line)
{
	const char *end = strchr(line, '\n');
	size_t n = end ? (size_t)(end - line) : strlen(line);

	return memmem(line, n, "RIP: ", 5) || memmem(line, n, "WARNING: ", 9) ||
	       memmem(line, n, "pc : ", 5);
}

/* The next token in the line at *p, which goes on behind it. */
static bool next_token(const char *line, const char **p, struct token *t)
{
	const char *end = line + strcspn(line, "\n"), *plus, *from;

	while ((plus = memmem(*p, (size_t)(end - *p), "+0x", 3))) {
		for (from = plus; from > line && in_name(from[-1]);)
			from--;
		*p = plus + 1;
		if (from == plus || plus - from >= NAME_CAP ||
		    !hex(p, &t->offset))
			continue;
		t->size = 0;
		if (**p == '/') {
			++*p;
			if (!hex(p, &t->size))
				continue;
		}
		memcpy(t->name, from, (size_t)(plus - from));
		t->name[plus - from] = '\0';
		t->from = from;
		t->to = *p;
		t->exact = is_exact(line);
		/* Of a module, which is elsewhere. */
		if (!strncmp(*p, " [", 2))
			continue;
		return true;
	}
	return false;
}

static bool address_of(const struct decoder *d, const struct token *t,
		       uint64_t *address)
{
	return ksyms_find(d->symbols, t->name, t->offset, t->size, address);
}

/* What is looked up for it: the call, not the instruction behind it. */
static uint64_t site(const struct token *t, uint64_t address)
{
	return t->exact || !t->offset ? address : address - 1;
}

static const char *next_line(const char *line)
{
	line += strcspn(line, "\n");
	return *line ? line + 1 : line;
}

/* ---- places ---- */

static const struct place *find_place(const struct decoder *d, uint64_t address)
{
	for (size_t i = 0; i < d->n; i++)
		if (d->places[i].address == address)
			return &d->places[i];
	return NULL;
}

static void add_place(struct decoder *d, uint64_t address)
{
	if (d->n == PLACES_MAX || find_place(d, address))
		return;
	d->places = xrealloc(d->places, (d->n + 1) * sizeof(*d->places));
	d->places[d->n++] = (struct place){address, NULL};
}

void decoder_add(struct decoder *d, const char *text)
{
	for (; *text; text = next_line(text)) {
		const char *p = text;
		struct token t;
		uint64_t address;

		while (next_token(text, &p, &t))
			if (address_of(d, &t, &address))
				add_place(d, site(&t, address));
	}
}

/* ---- addr2line ---- */

static void take_place(struct decoder *d, uint64_t address, struct str *at)
{
	for (size_t i = 0; i < d->n; i++)
		if (d->places[i].address == address && !d->places[i].at &&
		    at->len)
			d->places[i].at = str_detach(at);
	str_release(at);
}

/* addr2line prints the address and then, for each function that was inlined
 * there and for the one it is in, the name and the place. */
static void read_output(struct decoder *d, char *out)
{
	struct str at = STR_INIT;
	uint64_t address = 0;
	char *line;

	while ((line = strsep(&out, "\n"))) {
		if (!*line)
			continue;
		if (!str_starts(line, "0x")) {
			str_plain(line);
			str_addf(&at, "%s\n", line);
			continue;
		}
		take_place(d, address, &at);
		address = strtoull(line, NULL, 16);
	}
	take_place(d, address, &at);
}

/* The folder that the kernel was built in, from a file that every kernel has in
 * the same place. */
static void find_prefix(struct decoder *d, uint64_t anchor)
{
	const struct place *p = find_place(d, anchor);
	const char *file = p && p->at ? strstr(p->at, ANCHOR_FILE ":") : NULL;
	const char *line = file;

	while (line && line > p->at && line[-1] != '\n')
		line--;
	if (file)
		d->prefix = xstrndup(line, (size_t)(file - line));
}

static int run(struct decoder *d, struct err *e)
{
	struct strv argv = STRV_INIT;
	struct job_spec spec = {.deadline_ms = ADDR2LINE_MS,
				.out_cap = 8 << 20};
	struct job_result r = {0};
	char why[64];
	int ret;

	strv_add(&argv, "addr2line");
	strv_add(&argv, "-afie");
	strv_add(&argv, d->vmlinux);
	for (size_t i = 0; i < d->n; i++)
		strv_addf(&argv, "%#" PRIx64, d->places[i].address);
	spec.argv = (const char *const *)argv.v;
	ret = job_run(&spec, &r, e);
	if (!ret && (r.exit || r.signal || r.deadline))
		ret = err_lab(e, "addr2line on '%s' ended with %s", d->vmlinux,
			      job_describe(&r, why, sizeof(why)));
	if (!ret && r.out.len)
		read_output(d, r.out.buf);
	job_result_release(&r);
	strv_release(&argv);
	return ret;
}

int decoder_run(struct decoder *d, struct err *e)
{
	uint64_t anchor = 0;
	int r;

	if (!d->n || !decoder_has_lines(d))
		return 0;
	if (ksyms_find(d->symbols, ANCHOR_NAME, 0, 0, &anchor))
		add_place(d, anchor);
	r = run(d, e);
	if (!r)
		find_prefix(d, anchor);
	return r;
}

/* ---- what comes out ---- */

/* One function of a place: its name and its file, with the line. */
struct spot {
	const char *function, *file;
	int function_len, file_len;
	bool known;
};

static bool next_spot(const struct decoder *d, const char **p, struct spot *s)
{
	size_t prefix = d->prefix ? strlen(d->prefix) : 0;
	const char *file;

	if (!*p || !**p)
		return false;
	s->function = *p;
	s->function_len = (int)strcspn(*p, "\n");
	file = next_line(*p);
	s->file_len = (int)strcspn(file, " \n"); /* " (discriminator 2)" */
	s->file = file;
	*p = next_line(file);
	if (prefix && str_starts(file, d->prefix)) {
		s->file += prefix;
		s->file_len -= (int)prefix;
	}
	s->known = s->file_len && *s->file != '?';
	return true;
}

static void print_spots(const struct decoder *d, const struct place *p,
			struct str *out)
{
	const char *at = p->at;
	struct spot s;

	while (next_spot(d, &at, &s))
		if (s.known)
			str_addf(out, "\t%.*s %.*s%s\n", s.file_len, s.file,
				 s.function_len, s.function,
				 *at ? " (inlined)" : "");
}

static void print_line(const struct decoder *d, const char *line,
		       struct str *out)
{
	struct str below = STR_INIT;
	const char *p = line;
	struct token t;
	uint64_t address;

	str_add(out, line, strcspn(line, "\n"));
	while (next_token(line, &p, &t)) {
		const struct place *place;

		if (!address_of(d, &t, &address))
			continue;
		place = find_place(d, site(&t, address));
		if (place && place->at)
			print_spots(d, place, &below);
		else
			str_addf(out, "  <%016" PRIx64 ">", address);
	}
	str_adds(out, "\n");
	str_add(out, below.buf ? below.buf : "", below.len);
	str_release(&below);
}

void decoder_print(const struct decoder *d, const char *text, struct str *out)
{
	for (; *text; text = next_line(text))
		print_line(d, text, out);
}

static json_t *json_spots(const struct decoder *d, const struct place *p)
{
	json_t *list = json_array();
	const char *at = p ? p->at : NULL;
	struct spot s;

	while (next_spot(d, &at, &s)) {
		const char *colon = memchr(s.file, ':', (size_t)s.file_len);

		if (!s.known || !colon)
			continue;
		json_array_append_new(
			list,
			json_pack("{s:s%, s:s%, s:i}", "function", s.function,
				  (size_t)s.function_len, "file", s.file,
				  (size_t)(colon - s.file), "line",
				  (int)strtol(colon + 1, NULL, 10)));
	}
	return list;
}

json_t *decoder_json(const struct decoder *d, const char *text)
{
	json_t *list = json_array();

	for (; *text; text = next_line(text)) {
		const char *p = text;
		struct token t;
		uint64_t address;

		while (next_token(text, &p, &t)) {
			json_t *o = json_object();
			char *hexed;

			json_object_set_new(
				o, "symbol",
				json_stringn(t.from, (size_t)(t.to - t.from)));
			json_array_append_new(list, o);
			if (!address_of(d, &t, &address))
				continue;
			hexed = xasprintf("%#" PRIx64, address);
			json_object_set_new(o, "address", json_string(hexed));
			json_object_set_new(
				o, "at",
				json_spots(d,
					   find_place(d, site(&t, address))));
			free(hexed);
		}
	}
	return list;
}

/* ---- the object ---- */

int decoder_new(const char *vmlinux, const char *map, struct decoder **out,
		struct err *e)
{
	struct ksyms *s;
	int r = vmlinux ? ksyms_from_elf(vmlinux, &s, e)
			: ksyms_from_map(map, &s, e);

	if (r)
		return r;
	*out = xcalloc(1, sizeof(**out));
	(*out)->symbols = s;
	(*out)->vmlinux = xstrdup(vmlinux ? vmlinux : "");
	return 0;
}

void decoder_free(struct decoder *d)
{
	if (!d)
		return;
	for (size_t i = 0; i < d->n; i++)
		free(d->places[i].at);
	free(d->places);
	free(d->prefix);
	free(d->vmlinux);
	ksyms_free(d->symbols);
	free(d);
}

bool decoder_has_lines(const struct decoder *d)
{
	return ksyms_have_lines(d->symbols);
}

#include "build/kconfig_file.h"

#include "base/err.h"
#include "build/kconfig.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#define NAME_CHARS                                                             \
	"abcdefghijklmnopqrstuvwxyz"                                           \
	"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_"

static const char prefix[] = "CONFIG_";
static const char not_set[] = " is not set";
static const char if_there[] = "# klab: if there";

/* ---- words ---- */

bool kconfig_option_ok(const char *option)
{
	size_t n = strlen(option);

	return n && n <= KCONFIG_OPTION_CAP && strspn(option, NAME_CHARS) == n;
}

static bool is_number(const char *s)
{
	if (s[0] == '0' && (s[1] == 'x' || s[1] == 'X'))
		return s[2] && !s[2 + strspn(s + 2, "0123456789abcdefABCDEF")];
	s += *s == '-';
	return *s && !s[strspn(s, "0123456789")];
}

static bool is_quoted(const char *s)
{
	if (*s++ != '"')
		return false;
	for (; *s && *s != '"'; s++) {
		if (*s == '\\' && !*++s)
			return false;
		if (iscntrl((unsigned char)*s))
			return false;
	}
	return *s == '"' && !s[1];
}

static bool is_tristate(const char *s)
{
	return (*s == 'y' || *s == 'm' || *s == 'n') && !s[1];
}

bool kconfig_value_ok(const char *value)
{
	if (strlen(value) > KCONFIG_VALUE_CAP)
		return false;
	return is_tristate(value) || is_number(value) || is_quoted(value);
}

char *kconfig_unquote(const char *value)
{
	struct str s = STR_INIT;

	if (!is_quoted(value))
		return xstrdup(value);
	for (value++; value[1]; value++) {
		if (*value == '\\')
			value++;
		str_add(&s, value, 1);
	}
	return str_detach(&s);
}

char *kconfig_quote(const char *text)
{
	struct str s = STR_INIT;

	if (is_tristate(text) || is_number(text) || is_quoted(text))
		return xstrdup(text);
	str_adds(&s, "\"");
	for (; *text; text++) {
		if (*text == '"' || *text == '\\')
			str_adds(&s, "\\");
		str_add(&s, text, 1);
	}
	str_adds(&s, "\"");
	return str_detach(&s);
}

void kconfig_add_line(struct str *out, const char *option, const char *value)
{
	if (!strcmp(value, "n"))
		str_addf(out, "# %s%s%s", prefix, option, not_set);
	else
		str_addf(out, "%s%s=%s", prefix, option, value);
}

/* ---- lines ---- */

/* Splits "CONFIG_X=v" and "# CONFIG_X is not set" in place. */
static bool split(char *line, const char **option, const char **value)
{
	bool off = str_starts(line, "# CONFIG_") && str_ends(line, not_set);
	char *equals;

	if (off) {
		line[strlen(line) - strlen(not_set)] = '\0';
		*option = line + 2 + strlen(prefix);
		*value = "n";
		return kconfig_option_ok(*option);
	}
	equals = strchr(line, '=');
	if (!str_starts(line, prefix) || !equals)
		return false;
	*equals = '\0';
	*option = line + strlen(prefix);
	*value = equals + 1;
	return kconfig_option_ok(*option) && kconfig_value_ok(*value);
}

/* A text on its way into a file. */
struct reading {
	const char *path;
	struct kconfig_file *out;
	size_t room;
	int line;
	bool strict, if_there;
};

static void append(struct reading *r, const char *option, const char *value)
{
	struct kconfig_file *f = r->out;

	if (f->n == r->room) {
		r->room = r->room * 2 + 64;
		f->at = xrealloc(f->at, r->room * sizeof(*f->at));
	}
	f->at[f->n++] = (struct kconfig_entry){xstrdup(option), xstrdup(value),
					       r->line, r->if_there};
}

static int by_option_and_line(const void *a, const void *b)
{
	const struct kconfig_entry *x = a, *y = b;
	int r = strcmp(x->option, y->option);

	return r ? r : (x->line > y->line) - (x->line < y->line);
}

static void drop_entry(struct kconfig_entry *x)
{
	free(x->option);
	free(x->value);
}

static void sort(struct kconfig_file *f)
{
	size_t n = 0;

	if (!f->n)
		return;
	qsort(f->at, f->n, sizeof(*f->at), by_option_and_line);
	for (size_t i = 1; i < f->n; i++) {
		if (strcmp(f->at[n].option, f->at[i].option))
			n++;
		else
			drop_entry(&f->at[n]);
		f->at[n] = f->at[i];
	}
	f->n = n + 1;
}

static int complain(const char *path, int line, const char *text, size_t len,
		    struct err *e)
{
	char *copy = xstrndup(text, len < 80 ? len : 80);
	int r;

	str_plain(copy);
	r = err_user(e,
		     "%s:%d: '%s' is not a line of a kernel config: "
		     "CONFIG_X=y (or m, n, a number, \"text\"), '# CONFIG_X is "
		     "not set', or a comment",
		     path, line, copy);
	free(copy);
	return r;
}

static size_t trimmed(const char *text, size_t len)
{
	while (len && isspace((unsigned char)text[len - 1]))
		len--;
	return len;
}

static int parse_line(struct reading *in, const char *text, size_t len,
		      struct err *e)
{
	const char *option, *value;
	char *copy;
	int r = 0;

	len = trimmed(text, len);
	copy = xstrndup(text, len);
	if (!*copy || (*copy == '#' && !str_ends(copy, not_set)))
		in->if_there = !strcmp(copy, if_there);
	else if (split(copy, &option, &value))
		append(in, option, value);
	else if (in->strict && *copy != '#')
		r = complain(in->path, in->line, text, len, e);
	free(copy);
	return r;
}

int kconfig_file_parse(const char *text, const char *path, bool strict,
		       struct kconfig_file *out, struct err *e)
{
	struct reading in = {.path = path, .out = out, .strict = strict};
	int r = 0;

	*out = (struct kconfig_file){0};
	while (*text && !r) {
		size_t n = strcspn(text, "\n");

		in.line++;
		r = parse_line(&in, text, n, e);
		text += n + (text[n] == '\n');
	}
	if (r)
		kconfig_file_release(out);
	else
		sort(out);
	return r;
}

/* ---- files ---- */

static int read_fd(int fd, const char *path, struct str *out, struct err *e)
{
	char chunk[65536];
	struct stat st;
	ssize_t n;

	if (fstat(fd, &st))
		return err_sys(e, errno, "cannot read '%s'", path);
	if (!S_ISREG(st.st_mode))
		return err_user(e, "'%s' is not a file", path);
	while ((n = read(fd, chunk, sizeof(chunk))) > 0) {
		if (out->len + (size_t)n > KCONFIG_FILE_CAP)
			return err_user(e, "'%s' is longer than %u bytes", path,
					KCONFIG_FILE_CAP);
		str_add(out, chunk, (size_t)n);
	}
	if (n < 0)
		return err_sys(e, errno, "cannot read '%s'", path);
	str_add(out, "", 0);
	if (memchr(out->buf, '\0', out->len))
		return err_user(e, "'%s' is not text", path);
	return 0;
}

static int read_flags(const char *path, int flags, struct str *out,
		      struct err *e)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | flags), r;

	if (fd < 0)
		return err_sys(e, errno, "cannot open '%s'", path);
	r = read_fd(fd, path, out, e);
	close(fd);
	return r;
}

int kconfig_read(const char *path, struct str *out, struct err *e)
{
	return read_flags(path, 0, out, e);
}

int kconfig_read_inside(const char *path, struct str *out, struct err *e)
{
	return read_flags(path, O_NOFOLLOW, out, e);
}

int kconfig_file_load(const char *path, bool strict, struct kconfig_file *out,
		      struct err *e)
{
	struct str text = STR_INIT;
	int r = kconfig_read(path, &text, e);

	*out = (struct kconfig_file){0};
	if (!r)
		r = kconfig_file_parse(text.buf, path, strict, out, e);
	str_release(&text);
	return r;
}

void kconfig_file_release(struct kconfig_file *f)
{
	for (size_t i = 0; i < f->n; i++)
		drop_entry(&f->at[i]);
	free(f->at);
	*f = (struct kconfig_file){0};
}

static int by_option(const void *key, const void *entry)
{
	return strcmp(key, ((const struct kconfig_entry *)entry)->option);
}

const struct kconfig_entry *kconfig_file_find(const struct kconfig_file *f,
					      const char *option)
{
	return f->n ? bsearch(option, f->at, f->n, sizeof(*f->at), by_option)
		    : NULL;
}

char *kconfig_value(const char *path, const char *option)
{
	const struct kconfig_entry *x;
	struct kconfig_file f;
	struct err ignored;
	char *value = NULL;

	if (kconfig_file_load(path, false, &f, &ignored))
		return NULL;
	x = kconfig_file_find(&f, option);
	if (x && strcmp(x->value, "n"))
		value = kconfig_unquote(x->value);
	kconfig_file_release(&f);
	return value;
}

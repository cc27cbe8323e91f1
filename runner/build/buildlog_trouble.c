/*
 * Lines of a build log that speak of this host and not of the kernel.
 */
#include "build/buildlog.h"

#include <ctype.h>

#define N(array) (sizeof(array) / sizeof(*(array)))

struct sign {
	const char *mark, *meaning;
};

static const struct sign signs[] = {
	{"Killed signal terminated program",
	 "the compiler was killed, most likely because memory ran out (fewer "
	 "jobs, -j, need less)"},
	{"virtual memory exhausted",
	 "memory ran out (fewer jobs, -j, need less)"},
	{"out of memory allocating",
	 "memory ran out (fewer jobs, -j, need less)"},
	{"memory exhausted", "memory ran out (fewer jobs, -j, need less)"},
	{"Cannot allocate memory",
	 "memory ran out (fewer jobs, -j, need less)"},
	{"std::bad_alloc", "memory ran out (fewer jobs, -j, need less)"},
	{"No space left on device", "the disk is full"},
	{"Disk quota exceeded", "the disk quota is used up"},
	{"Input/output error", "the disk does not work"},
	{"Too many open files", "too many files are open"},
	{"File size limit exceeded", "a file grew beyond any reason"},
	{"File too large", "a file grew beyond any reason"},
	{"ccache: error:", "ccache does not work"},
	{"Console input/output is redirected",
	 "the config was not settled for this tree"},
	{"*** The source tree is not clean", "the tree was built in before"},
};

/* What compiles programs that run on the host needs of it. */
static const char *const host_headers[] = {
	"libelf.h", "gelf.h",   "elf.h",  "openssl/", "gmp.h",
	"mpc.h",    "mpfr.h",   "zlib.h", "ncurses",  "gcc-plugin.h",
	"stdio.h",  "stdlib.h", "lzma.h", "zstd.h",   "elfutils/",
};

/* A diagnostic speaks about source, and may quote anything of it. */
static bool quotes_source(const char *line)
{
	static const char *const kinds[] = {
		": error: ", ": warning: ", ": note: ", ": fatal error: "};
	const char *p = line + strspn(line, " 0123456789");

	if (p > line && *p == '|')
		return true;
	if (strstr(line, "rror writing to") || strstr(line, "an't write") ||
	    strstr(line, "Killed signal"))
		return false;
	for (size_t i = 0; i < N(kinds); i++)
		if (strstr(line, kinds[i]) && !str_starts(line, "ccache: "))
			return true;
	return false;
}

static char *missing_header(const char *line)
{
	static const char mark[] = "fatal error: ";
	const char *p = strstr(line, mark), *end;

	if (!p || !(end = strstr(p, ": No such file or directory")))
		return NULL;
	p += strlen(mark);
	for (size_t i = 0; i < N(host_headers); i++)
		if (str_starts(p, host_headers[i]))
			return xasprintf("the header '%.*s' is missing on this "
					 "host (make setup installs what "
					 "kernels need)",
					 (int)(end - p), p);
	return NULL;
}

/* The last word before `suffix` at the end of the line: a program's name. */
static char *word_before(const char *line, const char *suffix)
{
	size_t n, from;
	char *word;

	if (!str_ends(line, suffix))
		return NULL;
	n = strlen(line) - strlen(suffix);
	if (n && line[n - 1] == '\'')
		n--;
	from = n;
	while (from && !isspace((unsigned char)line[from - 1]) &&
	       line[from - 1] != ':' && line[from - 1] != '\'')
		from--;
	word = xstrndup(line + from, n - from);
	if (word_ok(word))
		return word;
	free(word);
	return NULL;
}

static char *missing_tool(const char *line)
{
	bool make = str_starts(line, "make: ") || str_starts(line, "make[") ||
		    str_starts(line, "env: ");
	char *name = word_before(line, ": command not found"), *text;

	if (!name && strstr(line, "sh: "))
		name = word_before(line, ": not found");
	if (!name && make && !strstr(line, "***"))
		name = word_before(line, ": No such file or directory");
	if (!name)
		return NULL;
	text = xasprintf("'%s', which this build runs, is missing on this host",
			 name);
	free(name);
	return text;
}

static char *quoted(const char *meaning, const char *line)
{
	return xasprintf("%s: \"%.200s\"", meaning, line);
}

static bool was_killed(const char *line)
{
	return str_starts(line, "make") && strstr(line, " *** [") &&
	       (str_ends(line, "] Killed") || str_ends(line, "] Error 137"));
}

char *buildlog_trouble(const char *line, bool *sure)
{
	char *text = missing_header(line);

	*sure = true;
	if (text || quotes_source(line))
		return text;
	for (size_t i = 0; i < N(signs); i++)
		if (strstr(line, signs[i].mark))
			return quoted(signs[i].meaning, line);
	if (was_killed(line))
		return quoted(signs[0].meaning, line);
	if (str_starts(line, "bwrap: ") || str_starts(line, "setpriv: ") ||
	    str_starts(line, "prlimit: "))
		return quoted("the sandbox does not work", line);
	*sure = false;
	if (strstr(line, "lease install "))
		return quoted("something is missing on this host", line);
	return missing_tool(line);
}

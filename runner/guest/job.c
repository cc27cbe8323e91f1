#include "guest/job.h"

#include "guest/frame.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define SECRET_NONE "00000000000000000000000000000000"
#define PORT_DEFAULT "/dev/ttyS1"
#define DEADLINE_DEFAULT_MS 60000
#define DEADLINE_MAX_MS 86400000
#define CAP_DEFAULT (1 << 20)
/* 1 us to 1 s: below, the machine does nothing but tick. */
#define METRONOME_MIN_NS 1000
#define METRONOME_MAX_NS 1000000000

struct parser {
	struct job *job;
	struct step *step;       /* what deadline_ms, cap, collect belong to */
	struct program *program; /* what arg and env belong to */
	bool loading;            /* a load waits for its step */
	bool has_secret, has_port, ended;
	char *why;
	size_t why_size;
	unsigned line;
};

__attribute__((format(printf, 2, 3))) static bool refuse(struct parser *p,
							 const char *fmt, ...)
{
	va_list ap;
	int n = snprintf(p->why, p->why_size, "job line %u: ", p->line);

	if (n < 0 || (size_t)n >= p->why_size)
		return false;
	va_start(ap, fmt);
	vsnprintf(p->why + n, p->why_size - (size_t)n, fmt, ap);
	va_end(ap);
	return false;
}

static bool to_number(const char *s, uint64_t max, uint64_t *out)
{
	uint64_t n = 0;

	if (!*s)
		return false;
	for (; *s; s++) {
		if (*s < '0' || *s > '9')
			return false;
		n = n * 10 + (uint64_t)(*s - '0');
		if (n > max)
			return false;
	}
	*out = n;
	return true;
}

static bool take_number(struct parser *p, const char *value, uint64_t min,
			uint64_t max, uint64_t *out)
{
	uint64_t n = 0;

	if (!to_number(value, max, &n) || n < min)
		return refuse(p, "not a number from %llu to %llu: '%s'",
			      (unsigned long long)min, (unsigned long long)max,
			      value);
	*out = n;
	return true;
}

static bool is_path(struct parser *p, const char *value)
{
	size_t len = strlen(value);

	if (value[0] != '/' || len < 2 || len > JOB_PATH_MAX)
		return refuse(p, "not an absolute path: '%s'", value);
	return true;
}

static bool add(struct parser *p, const char **list, size_t *n, size_t max,
		const char *value)
{
	if (*n == max)
		return refuse(p, "more than %zu of these", max);
	list[(*n)++] = value;
	return true;
}

static bool take_secret(struct parser *p, char *value)
{
	if (strlen(value) != SECRET_LEN ||
	    strspn(value, "0123456789abcdef") != SECRET_LEN)
		return refuse(p, "a secret is 32 hex digits");
	p->job->secret = value;
	p->has_secret = true;
	return true;
}

static bool take_port(struct parser *p, char *value)
{
	if ((strncmp(value, "/dev/", 5) && strncmp(value, "/klab/", 6)) ||
	    !is_path(p, value))
		return refuse(p, "a port not in /dev or /klab: '%s'", value);
	p->job->port = value;
	p->has_port = true;
	return true;
}

static bool take_metronome(struct parser *p, char *value)
{
	uint64_t n = 0;

	if (!take_number(p, value, 0, METRONOME_MAX_NS, &n))
		return false;
	if (n && n < METRONOME_MIN_NS)
		return refuse(p, "a metronome of %s ns is faster than 1 us",
			      value);
	p->job->metronome_ns = n;
	return true;
}

static bool add_setting(struct parser *p, struct setting *list, size_t *n,
			size_t max, const char *path, const char *value)
{
	if (*n == max)
		return refuse(p, "more than %zu of these", max);
	if (!is_path(p, path))
		return false;
	list[(*n)++] = (struct setting){path, value};
	return true;
}

/* Cuts "first rest" in two; rest is "" if there is none. */
static char *cut(char *value)
{
	char *space = strchr(value, ' ');

	if (!space)
		return value + strlen(value);
	*space = '\0';
	return space + 1;
}

static bool take_module(struct parser *p, char *value)
{
	struct job *j = p->job;
	char *params = cut(value);

	return add_setting(p, j->modules, &j->n_modules, JOB_MODULES, value,
			   params);
}

static bool take_mount(struct parser *p, char *value)
{
	struct job *j = p->job;
	char *path = cut(value);

	if (!*value)
		return refuse(p, "a mount has a type and a path");
	return add_setting(p, j->mounts, &j->n_mounts, JOB_MOUNTS, path, value);
}

static bool take_set(struct parser *p, char *value)
{
	struct step *s = p->step;
	char *what = cut(value);

	if (!s)
		return refuse(p, "set outside a step");
	return add_setting(p, s->set, &s->n_set, JOB_WRITES, value, what);
}

static bool take_reset(struct parser *p, char *value)
{
	struct step *s = p->step;
	char *what = cut(value);

	if (!s)
		return refuse(p, "reset outside a step");
	return add_setting(p, s->reset, &s->n_reset, JOB_WRITES, value, what);
}

static bool take_read(struct parser *p, char *value)
{
	struct step *s = p->step;

	if (!s)
		return refuse(p, "read outside a step");
	return is_path(p, value) &&
	       add(p, s->read, &s->n_read, JOB_READS, value);
}

static bool take_load(struct parser *p, char *value)
{
	struct job *j = p->job;

	if (*value)
		return refuse(p, "load takes no value");
	if (p->loading)
		return refuse(p, "two loads for one step");
	if (j->n_steps == JOB_STEPS)
		return refuse(p, "more than %d steps", JOB_STEPS);
	p->loading = true;
	p->step = NULL;
	p->program = &j->steps[j->n_steps].load;
	return true;
}

static bool take_step(struct parser *p, char *value)
{
	struct job *j = p->job;
	size_t len = strlen(value);

	if (len < 1 || len > 63)
		return refuse(p, "a step's name has 1 to 63 letters");
	if (j->n_steps == JOB_STEPS)
		return refuse(p, "more than %d steps", JOB_STEPS);
	if (p->loading && !p->program->n_args)
		return refuse(p, "the load above has no arg");
	if (p->step && !p->step->program.n_args)
		return refuse(p, "the step above has no arg");
	p->step = &j->steps[j->n_steps++];
	p->step->name = value;
	p->step->deadline_ms = DEADLINE_DEFAULT_MS;
	p->step->cap = CAP_DEFAULT;
	p->program = &p->step->program;
	p->loading = false;
	return true;
}

static bool take_arg(struct parser *p, char *value)
{
	struct program *prog = p->program;

	if (!prog)
		return refuse(p, "arg outside a step or load");
	if (!prog->n_args && !*value)
		return refuse(p, "a program needs a name");
	return add(p, (const char **)prog->argv, &prog->n_args, JOB_ARGS,
		   value);
}

static bool take_env(struct parser *p, char *value)
{
	struct program *prog = p->program;

	if (!prog)
		return refuse(p, "env outside a step or load");
	if (!strchr(value, '=') || value[0] == '=')
		return refuse(p, "not NAME=value: '%s'", value);
	return add(p, (const char **)prog->envp, &prog->n_envs, JOB_ENVS,
		   value);
}

static bool take_deadline(struct parser *p, char *value)
{
	if (!p->step)
		return refuse(p, "deadline_ms outside a step");
	return take_number(p, value, 1, DEADLINE_MAX_MS, &p->step->deadline_ms);
}

static bool take_cap(struct parser *p, char *value)
{
	if (!p->step)
		return refuse(p, "cap outside a step");
	return take_number(p, value, 1, JOB_CAP_MAX, &p->step->cap);
}

static bool take_collect(struct parser *p, char *value)
{
	struct step *s = p->step;

	if (!s)
		return refuse(p, "collect outside a step");
	return is_path(p, value) &&
	       add(p, s->collect, &s->n_collect, JOB_COLLECTS, value);
}

static bool take_end(struct parser *p, char *value)
{
	if (*value)
		return refuse(p, "end takes no value");
	if (p->loading)
		return refuse(p, "the load above has no step");
	if (p->step && !p->step->program.n_args)
		return refuse(p, "the step above has no arg");
	p->ended = true;
	return true;
}

static bool take_line(struct parser *p, char *line)
{
	static const struct {
		const char *key;
		bool (*take)(struct parser *, char *);
	} keys[] = {
		{"secret", take_secret},
		{"port", take_port},
		{"mount", take_mount},
		{"module", take_module},
		{"metronome_ns", take_metronome},
		{"load", take_load},
		{"step", take_step},
		{"arg", take_arg},
		{"env", take_env},
		{"deadline_ms", take_deadline},
		{"cap", take_cap},
		{"collect", take_collect},
		{"set", take_set},
		{"reset", take_reset},
		{"read", take_read},
		{"end", take_end},
	};
	char *value = strchr(line, ' ');

	if (p->ended)
		return refuse(p, "text after end");
	if (value)
		*value++ = '\0';
	else
		value = line + strlen(line);
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		if (!strcmp(line, keys[i].key))
			return keys[i].take(p, value);
	}
	return refuse(p, "unknown key '%s'", line);
}

static bool take_all(struct parser *p, char *text, size_t len)
{
	char *line = text, *nl;

	if (strlen(text) != len)
		return refuse(p, "a NUL byte in the text");
	for (; *line; line = nl + 1) {
		p->line++;
		nl = strchr(line, '\n');
		if (!nl)
			return refuse(p, "no newline at its end");
		*nl = '\0';
		if (p->line == 1 && strcmp(line, "klab-job 1"))
			return refuse(p, "'klab-job 1' expected");
		if (p->line > 1 && !take_line(p, line))
			return false;
	}
	if (!p->ended)
		return refuse(p, "no end: the text was cut");
	if (!p->has_secret || !p->has_port)
		return refuse(p, "no %s", p->has_port ? "secret" : "port");
	return true;
}

bool job_parse(char *text, size_t len, struct job *job, char *why,
	       size_t why_size)
{
	struct parser p = {.job = job, .why = why, .why_size = why_size};

	memset(job, 0, sizeof(*job));
	job->secret = SECRET_NONE;
	job->port = PORT_DEFAULT;
	return take_all(&p, text, len);
}

/*
 * klab: the command table.
 */
#include "cmd/cmd.h"

#include "base/err.h"
#include "base/str.h"
#include "lab/lab.h"

#include <fcntl.h>
#include <getopt.h>
#include <locale.h>
#include <sched.h>
#include <signal.h>

#define COUNT(a) (sizeof(a) / sizeof(*(a)))
#define JOBS_MAX 1024
#define GIT_ABORT 128

static const struct cmd cmd_completion;

static const struct cmd *const commands[] = {
	&cmd_doctor, &cmd_plan,   &cmd_run,    &cmd_status,     &cmd_compare,
	&cmd_report, &cmd_export, &cmd_bisect, &cmd_judge,      &cmd_reproduce,
	&cmd_decode, &cmd_gc,     &cmd_series, &cmd_completion, &cmd_metal_boot,
};

/* Options that every verb takes; val is what getopt_long() returns. */
static const struct {
	const char *name, *arg, *help;
	int val;
} globals[] = {
	{"lab", "DIR", "the lab folder (./lab)", 'L'},
	{"jobs", "N", "boots side by side (all cores)", 'j'},
	{"dry-run", NULL, "say what would be done, change nothing", 'n'},
	{"verbose", NULL, "say more", 'v'},
	{"json", NULL, "results as JSON", 'J'},
	{"help", NULL, "this text", 'h'},
	{"version", NULL, "the version", 'V'},
};

static void print_option(const char *shorter, const char *name, const char *arg,
			 const char *help)
{
	char left[40];

	snprintf(left, sizeof(left), "%s--%s%s%s", shorter, name,
		 arg && *arg != '[' ? " " : "", arg ? arg : "");
	printf("  %-22s %s\n", left, help);
}

static void print_globals(void)
{
	for (size_t i = 0; i < COUNT(globals); i++) {
		char shorter[8] = "    ";

		if (strchr("jnvh", globals[i].val))
			snprintf(shorter, sizeof(shorter), "-%c, ",
				 globals[i].val);
		print_option(shorter, globals[i].name, globals[i].arg,
			     globals[i].help);
	}
}

static int help(void)
{
	puts("usage: klab [options] VERB [arguments]\n");
	puts("A performance lab for Linux kernels with an exact clock.\n");
	for (size_t i = 0; i < COUNT(commands); i++) {
		char left[40];

		if (commands[i]->hidden)
			continue;
		snprintf(left, sizeof(left), "%s %s", commands[i]->name,
			 commands[i]->args);
		printf("  %-28s %s\n", left, commands[i]->summary);
	}
	puts("\nOptions of every verb:");
	print_globals();
	puts("\nExit codes: 0 done; 1 a regression or a finding; 2 usage or "
	     "study error;\n3 a kernel did not build or boot; 4 the lab itself "
	     "failed.");
	return EXIT_DONE;
}

static int help_verb(const struct cmd *cmd)
{
	printf("usage: klab %s %s\n\n%s\n", cmd->name, cmd->args, cmd->summary);
	if (cmd->options[0].name)
		puts("\nOptions:");
	for (int i = 0; i < CMD_OPTIONS && cmd->options[i].name; i++)
		print_option("    ", cmd->options[i].name, cmd->options[i].arg,
			     cmd->options[i].help);
	puts("\nOptions of every verb:");
	print_globals();
	return EXIT_DONE;
}

/* For bash, as one list of words: asking klab at each key would start it at
 * each key. */
static int print_completion(struct ctx *c)
{
	if (strcmp(c->argv[0], "bash")) {
		cmd_say("klab: there is no completion for '%s', only for bash",
			c->argv[0]);
		return ERR_USER;
	}
	printf("complete -o default -W '");
	for (size_t i = 0; i < COUNT(commands); i++) {
		const struct cmd_option *o = commands[i]->options;

		if (commands[i]->hidden)
			continue;
		printf("%s ", commands[i]->name);
		for (int k = 0; k < CMD_OPTIONS && o[k].name; k++)
			printf("--%s ", o[k].name);
	}
	for (size_t i = 0; i < COUNT(globals); i++)
		printf("--%s ", globals[i].name);
	puts("' klab");
	return EXIT_DONE;
}

static const struct cmd cmd_completion = {
	.name = "completion",
	.args = "bash",
	.summary = "print shell completion: eval \"$(klab completion bash)\"",
	.min_args = 1,
	.max_args = 1,
	.run = print_completion,
};

static const struct cmd *find(const char *name)
{
	const char *names[COUNT(commands)], *near;

	for (size_t i = 0; i < COUNT(commands); i++) {
		names[i] = commands[i]->name;
		if (!strcmp(name, commands[i]->name))
			return commands[i];
	}
	near = str_nearest(name, names, COUNT(commands));
	if (near)
		cmd_say("klab: there is no verb '%s'; did you mean '%s'?", name,
			near);
	else
		cmd_say("klab: there is no verb '%s'; 'klab --help' lists them",
			name);
	return NULL;
}

static int own_cores(void)
{
	cpu_set_t set;

	return sched_getaffinity(0, sizeof(set), &set) ? 1 : CPU_COUNT(&set);
}

static int argument_of(const char *arg)
{
	if (!arg)
		return no_argument;
	return *arg == '[' ? optional_argument : required_argument;
}

/* getopt's table: the global options and those of the verb, whose numbers start
 * at 256. */
static void option_table(const struct cmd *cmd, struct option *table)
{
	for (size_t i = 0; i < COUNT(globals); i++)
		*table++ = (struct option){globals[i].name,
					   globals[i].arg ? required_argument
							  : no_argument,
					   NULL, globals[i].val};
	for (int i = 0; cmd && i < CMD_OPTIONS && cmd->options[i].name; i++)
		*table++ = (struct option){cmd->options[i].name,
					   argument_of(cmd->options[i].arg),
					   NULL, 256 + i};
	*table = (struct option){0};
}

static bool set_jobs(struct ctx *c, const char *text)
{
	long long n;

	if (!str_to_ll(text, 1, JOBS_MAX, &n)) {
		cmd_say("klab: '-j %s' is not a number from 1 to %d", text,
			JOBS_MAX);
		return false;
	}
	c->jobs = (int)n;
	return true;
}

/* getopt() knows options of one value: the next word is the second one. */
static int take_second(struct ctx *c, int at, int argc, char **argv)
{
	const struct cmd_option *o = &c->cmd->options[at];

	if (!o->arg || *o->arg == '[' || !strchr(o->arg, ' '))
		return -1;
	if (optind >= argc || argv[optind][0] == '-') {
		cmd_say("klab: option '--%s' needs two values: %s", o->name,
			o->arg);
		return ERR_USER;
	}
	c->second[at] = argv[optind++];
	return -1;
}

/* One option.  Returns -1 to go on, else an exit code. */
static int take(struct ctx *c, int val, int argc, char **argv)
{
	switch (val) {
	case 'L':
		c->lab_dir = optarg;
		return -1;
	case 'j':
		return set_jobs(c, optarg) ? -1 : ERR_USER;
	case 'n':
		c->dry_run = true;
		return -1;
	case 'v':
		c->verbose = true;
		return -1;
	case 'J':
		c->json = true;
		return -1;
	case 'h':
		return c->cmd ? help_verb(c->cmd) : help();
	case 'V':
		puts("klab " KLAB_VERSION);
		return EXIT_DONE;
	case '?':
		cmd_say("klab: 'klab %s%s--help' lists the options",
			c->cmd ? c->cmd->name : "", c->cmd ? " " : "");
		return ERR_USER;
	}
	c->given[val - 256] = optarg ? optarg : "";
	return take_second(c, val - 256, argc, argv);
}

/* Reads options up to the first word (the verb) if there is no verb yet, else
 * all of them. */
static int parse(struct ctx *c, int argc, char **argv)
{
	struct option table[COUNT(globals) + CMD_OPTIONS + 1];
	int val, code;

	option_table(c->cmd, table);
	optind = 0;
	while ((val = getopt_long(argc, argv, c->cmd ? "j:nvh" : "+j:nvh",
				  table, NULL)) != -1)
		if ((code = take(c, val, argc, argv)) >= 0)
			return code;
	c->argc = argc - optind;
	c->argv = argv + optind;
	return -1;
}

static int dispatch(struct ctx *c)
{
	struct err e;

	if (c->argc < c->cmd->min_args || c->argc > c->cmd->max_args) {
		cmd_say("usage: klab %s %s", c->cmd->name, c->cmd->args);
		return ERR_USER;
	}
	if (lab_find_share(&c->share, &e))
		return cmd_fail(&e);
	return c->cmd->run(c);
}

/* A file that is opened later must not become stdout or stderr, and a reader
 * that goes away must not end a run. */
static void keep_streams(void)
{
	static const char *const instead[] = {"/dev/null", "/dev/full",
					      "/dev/null"};

	for (int fd = 0; fd < 3; fd++)
		if (fcntl(fd, F_GETFD) < 0 && open(instead[fd], O_RDWR) != fd)
			abort();
	signal(SIGPIPE, SIG_IGN);
}

static int code_for_git(int code)
{
	return code >= ERR_USER && code <= ERR_LAB ? GIT_ABORT + code : code;
}

/* What was printed must have arrived. */
static int end(const struct cmd *cmd, int code)
{
	if (fflush(stdout) || ferror(stdout)) {
		cmd_say("klab: cannot write the results to stdout");
		code = ERR_LAB;
	}
	return cmd && cmd->for_git ? code_for_git(code) : code;
}

int main(int argc, char **argv)
{
	struct ctx c = {.lab_dir = "lab", .jobs = own_cores()};
	int code;

	keep_streams();
	setlocale(LC_CTYPE, "");
	code = parse(&c, argc, argv);
	if (code >= 0)
		return end(NULL, code);
	if (!c.argc) {
		cmd_say("usage: klab [options] VERB [arguments]; 'klab --help' "
			"lists the verbs");
		return ERR_USER;
	}
	c.cmd = find(c.argv[0]);
	if (!c.cmd)
		return ERR_USER;
	code = parse(&c, c.argc, c.argv);
	if (code < 0)
		code = dispatch(&c);
	free(c.share);
	return end(c.cmd, code);
}

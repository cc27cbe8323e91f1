#include "build/build_int.h"

#define KBUILD_INCLUDE_CAP (1u << 20)
/* From so many on, looking for their users takes longer than it saves. */
#define CHANGED_MAX 8

/* Kbuild's macro for a rule's command, and what is given to make in its place:
 * older trees start a shell also where the command is empty, which it is for
 * each .c file of a build that has nothing to do.  Later trees ask first, as
 * this does; a third of a stage's processes are saved. */
static const struct {
	const char *line, *quick;
} macros[] = {
	{"\ncmd = @set -e; $(echo-cmd) $($(quiet)redirect) $(cmd_$(1))\n",
	 "cmd=@$(if $(cmd_$(1)),set -e; $(echo-cmd) $($(quiet)redirect) "
	 "$(cmd_$(1)),:)"},
	{"\ncmd = @set -e; $(echo-cmd) $($(quiet)redirect) "
	 "$(delete-on-interrupt) $(cmd_$(1))\n",
	 "cmd=@$(if $(cmd_$(1)),set -e; $(echo-cmd) $($(quiet)redirect) "
	 "$(delete-on-interrupt) $(cmd_$(1)),:)"},
};

/* A file of the tree; "" if it has none of that name. */
static void read_source(const struct build_request *rq, const char *name,
			struct str *text)
{
	char *path = xasprintf("%s/%s", rq->box->src, name);
	struct err ignored;

	if (!file_exists(path) ||
	    file_read(path, KBUILD_INCLUDE_CAP, text, &ignored))
		str_release(text);
	str_adds(text, "");
	free(path);
}

static void add_quick_command(const struct build_request *rq, struct strv *argv)
{
	struct str text = STR_INIT;

	read_source(rq, "scripts/Kbuild.include", &text);
	for (size_t i = 0; i < sizeof(macros) / sizeof(*macros); i++)
		if (strstr(text.buf, macros[i].line))
			strv_add(argv, macros[i].quick);
	str_release(&text);
}

/*
 * Older trees descend into each folder by a make of its own, which takes most
 * of the time of a later stage's build.  Where it is known which files have
 * changed, only the top folders with something that was made of them have to be
 * descended into.  Kbuild tells what was made of what in its .cmd files, and
 * make compares times there as ever.  A file that is in none of them is new, or
 * not of this config: then, and where a user of it is built in another way, all
 * is done.
 */
static const char few_folders[] =
	"set -f; src=$1 n=$2 all= dirs=; shift 2\n"
	"while [ \"$n\" -gt 0 ]; do\n"
	"	users=$(grep -rlFw --include='.*.cmd' -e \"$src/$1\" .) || "
	"all=1\n"
	"	for user in $users; do\n"
	"		user=${user#./}\n"
	"		dir=${user%%/*}\n"
	"		case $dir in\n"
	"		"
	"init|kernel|mm|fs|ipc|security|crypto|block|drivers|sound|net|"
	"lib|virt|io_uring)\n"
	"			case \" $dirs \" in\n"
	"			*\" $dir \"*) ;;\n"
	"			*) dirs=\"$dirs $dir\" ;;\n"
	"			esac ;;\n"
	"		*) all=1 ;;\n"
	"		esac\n"
	"	done\n"
	"	shift; n=$((n - 1))\n"
	"done\n"
	"[ \"$all\" ] || set -- \"$@\" \"build-dirs=${dirs# }\"\n"
	"exec \"$@\"\n";

/* Only of these Kbuild tells where they are used.  To trim symbols it builds
 * again what it has built. */
static bool few_folders_do(const struct build_request *rq,
			   const struct build_config *c)
{
	const struct strv *paths = rq->changed;
	struct str makefile = STR_INIT;
	bool fit;

	if (!paths || !paths->n || paths->n > CHANGED_MAX ||
	    strstr(c->text.buf, "\nCONFIG_TRIM_UNUSED_KSYMS=y\n"))
		return false;
	for (size_t i = 0; i < paths->n; i++)
		if (!str_ends(paths->v[i], ".c") &&
		    !str_ends(paths->v[i], ".h"))
			return false;
	read_source(rq, "Makefile", &makefile);
	fit = strstr(makefile.buf, "\nbuild-dirs\t:= $(vmlinux-dirs)\n");
	str_release(&makefile);
	return fit;
}

static void add_few_folders(const struct build_request *rq, struct strv *argv)
{
	strv_add(argv, "sh");
	strv_add(argv, "-c");
	strv_add(argv, few_folders);
	strv_add(argv, "klab");
	strv_add(argv, sandbox_src(rq->box));
	strv_addf(argv, "%zu", rq->changed->n);
	for (size_t i = 0; i < rq->changed->n; i++)
		strv_add(argv, rq->changed->v[i]);
}

void build_make_words(const struct build_request *rq, struct strv *argv)
{
	strv_add(argv, "make");
	strv_add(argv, "--no-print-directory");
	strv_add(argv, "-C");
	strv_add(argv, sandbox_src(rq->box));
	strv_addf(argv, "O=%s", sandbox_obj(rq->box));
	strv_add(argv, "ARCH=x86_64");
	add_quick_command(rq, argv);
	toolchain_argv(rq->tools, argv);
	strv_addf(argv, "-j%d", rq->jobs > 0 ? rq->jobs : 1);
}

/* On top of what was built before, changed .c files are compiled and no more:
 * ccache would look in vain, and then store what nobody asks for again. */
static bool compiles_little(const struct build_request *rq)
{
	const struct strv *paths = rq->changed;

	for (size_t i = 0; paths && i < paths->n; i++)
		if (!str_ends(paths->v[i], ".c"))
			return false;
	return paths && paths->n;
}

void build_make_argv(const struct build_request *rq, bool fresh,
		     const struct build_config *c, struct strv *argv)
{
	struct sandbox box = *rq->box;

	if (!fresh && compiles_little(rq))
		box.ccache = NULL;
	sandbox_argv(&box, argv);
	if (!fresh && few_folders_do(rq, c))
		add_few_folders(rq, argv);
	build_make_words(rq, argv);
	strv_add(argv, c->pvh ? "vmlinux" : "bzImage");
}

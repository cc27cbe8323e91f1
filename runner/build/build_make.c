#include "build/build_int.h"

#define KBUILD_INCLUDE_CAP (1u << 20)

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

static void add_quick_command(const struct build_request *rq, struct strv *argv)
{
	char *path = xasprintf("%s/scripts/Kbuild.include", rq->box->src);
	struct str text = STR_INIT;
	struct err ignored;

	if (file_exists(path) &&
	    !file_read(path, KBUILD_INCLUDE_CAP, &text, &ignored) && text.len)
		for (size_t i = 0; i < sizeof(macros) / sizeof(*macros); i++)
			if (strstr(text.buf, macros[i].line))
				strv_add(argv, macros[i].quick);
	str_release(&text);
	free(path);
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

/* On top of what was built before, a patch of .c files compiles these and no
 * more: ccache would look in vain, and then store what nobody asks for again.
 */
static bool compiles_little(const struct build_request *rq)
{
	const struct strv *paths = rq->touched;

	for (size_t i = 0; paths && i < paths->n; i++)
		if (!str_ends(paths->v[i], ".c"))
			return false;
	return paths && paths->n;
}

void build_make_argv(const struct build_request *rq, bool fresh, bool pvh,
		     struct strv *argv)
{
	struct sandbox box = *rq->box;

	if (!fresh && compiles_little(rq))
		box.ccache = NULL;
	sandbox_argv(&box, argv);
	build_make_words(rq, argv);
	strv_add(argv, pvh ? "vmlinux" : "bzImage");
}

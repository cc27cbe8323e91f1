/* klab doctor: checks the host by doing. */
#include "cmd/cmd.h"

#include "base/file.h"
#include "base/job.h"
#include "base/str.h"
#include "build/sandbox.h"
#include "build/toolchain.h"
#include "lab/lab.h"
#include "machine/backend.h"
#include "machine/probe.h"

#include <jansson.h>
#include <unistd.h>

enum fitness { FINE, MISSING, UNUSED };

struct exam {
	const struct ctx *c;
	struct qemu qemu;
	json_t *json;
	bool bad; /* something that klab needs is missing */
};

__attribute__((format(printf, 4, 5))) static void
tell(struct exam *x, enum fitness f, const char *what, const char *fmt, ...)
{
	static const char *const words[] = {"ok", "MISSING", "not usable"};
	char text[600];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	x->bad |= f == MISSING;
	if (x->json)
		json_array_append_new(
			x->json, json_pack("{s:s, s:s, s:s}", "check", what,
					   "result", words[f], "detail", text));
	else
		printf("%-11s %-22s %s\n", words[f], what, text);
}

/* The first line that a command prints, or NULL if it fails. */
static char *ask(const char *const *argv)
{
	struct job_spec spec = {.argv = argv, .deadline_ms = 20000};
	struct job_result r;
	struct err ignored;
	char *line = NULL;

	if (!job_run(&spec, &r, &ignored) && !r.exit && !r.signal) {
		const char *text = r.out.len ? r.out.buf : r.err.buf;

		line = text ? xstrndup(text, strcspn(text, "\n")) : xstrdup("");
	}
	job_result_release(&r);
	return line;
}

static void check_command(struct exam *x, const char *what,
			  const char *const *argv, const char *package)
{
	char *line = ask(argv);

	if (line)
		tell(x, FINE, what, "%s", line);
	else
		tell(x, MISSING, what,
		     "'%s' does not work: install %s (make "
		     "setup)",
		     argv[0], package);
	free(line);
}

static void check_qemu(struct exam *x)
{
	struct machine two = {.name = (char *)"of two vCPUs",
			      .backend = &backend_icount,
			      .vcpus = 2};
	struct err e;

	if (qemu_find(&x->qemu, &e)) {
		tell(x, MISSING, "QEMU", "%s", e.text);
		return;
	}
	tell(x, FINE, "QEMU", "%s (%s)", x->qemu.version, x->qemu.path);
	if (machine_check(&two, &x->qemu, &e))
		tell(x, UNUSED, "exact clock, SMP",
		     "%s; 1 vCPU works (make "
		     "setup tries the backports suite)",
		     e.text);
	else
		tell(x, FINE, "exact clock, SMP", "QEMU >= %d.%d",
		     QEMU_SMP_MAJOR, QEMU_SMP_MINOR);
}

static void check_accelerators(struct exam *x)
{
	struct probes probes = {0};
	const struct probe *exact, *tcg, *kvm;

	if (!x->qemu.path)
		return;
	exact = probe_exact(&probes, &x->qemu, x->c->share);
	tcg = probe_tcg(&probes, &x->qemu, x->c->share);
	kvm = probe_kvm(&probes, &x->qemu, x->c->share);
	tell(x, exact->usable ? FINE : MISSING, "exact clock", "%s",
	     exact->text);
	tell(x, tcg->usable ? FINE : UNUSED, "tcg", "%s", tcg->text);
	tell(x, kvm->usable ? FINE : UNUSED, "kvm", "%s", kvm->text);
	if (kvm->usable || tcg->usable)
		tell(x, FINE, "accel: auto", "would take %s",
		     kvm->usable ? "kvm" : "tcg");
}

static void check_tools(struct exam *x)
{
	const char *python = getenv("KLAB_PYTHON");

	if (!python || !*python)
		python = "/usr/bin/python3";
	check_command(x, "apt",
		      (const char *const[]){"apt-get", "--version", NULL},
		      "apt");
	check_command(x, "kmod",
		      (const char *const[]){"kmod", "--version", NULL}, "kmod");
	check_command(x, "rt-tests",
		      (const char *const[]){"dpkg-query", "-W", "-f",
					    "${Package} ${Version}", "rt-tests",
					    NULL},
		      "rt-tests");
	check_command(x, "gnuplot",
		      (const char *const[]){"gnuplot", "--version", NULL},
		      "gnuplot-nox");
	check_command(x, "python",
		      (const char *const[]){
			      python, "-c",
			      "import pandas, scipy, statsmodels, jinja2; "
			      "print('pandas', pandas.__version__, 'scipy', "
			      "scipy.__version__, 'statsmodels', "
			      "statsmodels.__version__, 'jinja2', "
			      "jinja2.__version__)",
			      NULL},
		      "python3-pandas, python3-scipy, "
		      "python3-statsmodels and python3-jinja2");
}

/* Prebuilt kernels need none of it. */
static void check_builds(struct exam *x)
{
	struct toolchain tools = {0};
	struct err e;

	if (toolchain_find(&tools, &e))
		tell(x, UNUSED, "toolchain", "%s", e.text);
	else
		tell(x, FINE, "toolchain", "%s%s", tools.version,
		     tools.ccache ? "" : "; no ccache: builds take longer");
	toolchain_release(&tools);
	if (sandbox_check(&e))
		tell(x, UNUSED, "build sandbox", "%s", e.text);
	else
		tell(x, FINE, "build sandbox", "bubblewrap ran a command");
}

static void check_guest(struct exam *x)
{
	char *agent = xasprintf("%s/build/agent", x->c->share);

	if (file_exists(agent))
		tell(x, FINE, "guest agent", "%s", agent);
	else
		tell(x, MISSING, "guest agent", "'%s' is not built: run make",
		     agent);
	free(agent);
}

static void check_host(struct exam *x)
{
	long pages = sysconf(_SC_PHYS_PAGES), size = sysconf(_SC_PAGESIZE);
	uint64_t room =
		file_space(file_exists(x->c->lab_dir) ? x->c->lab_dir : ".");

	tell(x, FINE, "host",
	     "%ld cores, %.1f GiB of memory, %.1f GiB of disk "
	     "free",
	     sysconf(_SC_NPROCESSORS_ONLN),
	     (double)pages * (double)size / (1 << 30),
	     (double)room / (1 << 30));
}

static int cmd_main(struct ctx *c)
{
	struct exam x = {.c = c};

	if (c->json)
		x.json = json_array();
	check_host(&x);
	check_qemu(&x);
	check_accelerators(&x);
	check_guest(&x);
	check_tools(&x);
	check_builds(&x);
	if (x.json)
		cmd_print_json(x.json);
	qemu_release(&x.qemu);
	return x.bad ? ERR_LAB : EXIT_DONE;
}

const struct cmd cmd_doctor = {
	.name = "doctor",
	.args = "",
	.summary = "check the host by doing: tools, QEMU, accelerators",
	.min_args = 0,
	.max_args = 0,
	.run = cmd_main,
};

#include "machine/probe.h"

#include "base/err.h"
#include "base/file.h"
#include "base/job.h"
#include "base/str.h"
#include "machine/backend.h"

#include <unistd.h>

/* What the probe guest makes QEMU return, see guest/probe.S. */
#define PROBE_EXIT 33
#define DEADLINE_MS 10000
#define SLACK_MS 200
/* What KVM may take when emulation took ms. */
#define KVM_DEADLINE_MS(ms) (2000 + 4 * (ms))

/* clang-format off: an option and its value are one line */
static const char *const guest[] = {
	"-nodefaults",
	"-no-user-config",
	"-display",
	"none",
	"-no-reboot",
	"-m",
	"64M",
	"-serial",
	"stdio",
	"-device",
	"isa-debug-exit,iobase=0x501,iosize=2",
	"-kernel",
	NULL,
};
/* clang-format on */

static void tell(struct probe *p, const struct job_result *r)
{
	const char *words = r->err.len ? r->err.buf : "it said nothing";
	char why[64];

	p->ms = r->wall_ms;
	p->usable = r->exit == PROBE_EXIT && !r->signal && !r->deadline;
	if (p->usable)
		snprintf(p->text, sizeof(p->text),
			 "a probe guest ran in %llu ms",
			 (unsigned long long)p->ms);
	else
		snprintf(p->text, sizeof(p->text),
			 "the probe guest did not run: %s: %.*s",
			 job_describe(r, why, sizeof(why)),
			 (int)strcspn(words, "\n"), words);
	str_plain(p->text);
}

/* Boots a guest that only writes one line and ends QEMU: an accelerator that
 * opens but does not run it is not usable. */
static void boot(struct probe *p, const struct qemu *q, const char *share,
		 uint64_t deadline_ms, const char *const *accel)
{
	char *image = xasprintf("%s/build/probe", share);
	struct strv argv = STRV_INIT;
	struct job_spec spec = {.deadline_ms = deadline_ms, .term_ms = 500};
	struct job_result r;
	struct err e;

	p->done = true;
	strv_add(&argv, q->path);
	for (; *accel; accel++)
		strv_add(&argv, *accel);
	for (const char *const *word = guest; *word; word++)
		strv_add(&argv, *word);
	strv_add(&argv, image);
	spec.argv = (const char *const *)argv.v;
	if (job_run(&spec, &r, &e))
		snprintf(p->text, sizeof(p->text), "%.250s", e.text);
	else
		tell(p, &r);
	job_result_release(&r);
	strv_release(&argv);
	free(image);
}

const struct probe *probe_exact(struct probes *p, const struct qemu *q,
				const char *share)
{
	if (!p->exact.done)
		boot(&p->exact, q, share, DEADLINE_MS,
		     (const char *const[]){"-accel", "tcg", "-icount",
					   "shift=0,sleep=off", NULL});
	return &p->exact;
}

const struct probe *probe_tcg(struct probes *p, const struct qemu *q,
			      const char *share)
{
	if (!p->tcg.done)
		boot(&p->tcg, q, share, DEADLINE_MS,
		     (const char *const[]){"-accel", "tcg", NULL});
	return &p->tcg;
}

/* The same processor that a machine of kvm has. */
const struct probe *probe_kvm(struct probes *p, const struct qemu *q,
			      const char *share)
{
	const struct probe *tcg = probe_tcg(p, q, share);

	if (p->kvm.done)
		return &p->kvm;
	p->kvm.done = true;
	if (access("/dev/kvm", F_OK)) {
		snprintf(p->kvm.text, sizeof(p->kvm.text),
			 "there is no /dev/kvm");
		return &p->kvm;
	}
	boot(&p->kvm, q, share, KVM_DEADLINE_MS(tcg->ms),
	     (const char *const[]){"-accel", "kvm", "-cpu", "host", NULL});
	/* What the processor does itself cannot take longer than emulation,
	 * unless the host was busier meanwhile. */
	if (p->kvm.usable && tcg->usable &&
	    p->kvm.ms > 2 * tcg->ms + SLACK_MS) {
		p->kvm.usable = false;
		snprintf(p->kvm.text, sizeof(p->kvm.text),
			 "a probe guest took %llu ms, emulation %llu ms: KVM "
			 "is not run by the processor here",
			 (unsigned long long)p->kvm.ms,
			 (unsigned long long)tcg->ms);
	}
	return &p->kvm;
}

/* ---- accel: auto ---- */

static void take(struct machine *m, const struct backend *b, const char *fmt,
		 const char *why)
{
	m->backend = b;
	m->automatic = false;
	if (!m->host)
		m->host = json_object();
	json_object_set_new(m->host, "accel_why", json_sprintf(fmt, why));
}

int probe_decide(struct probes *p, struct machine *m, const struct qemu *q,
		 const char *share, struct err *e)
{
	const struct probe *kvm, *tcg;
	struct err why;

	if (!m->automatic)
		return 0;
	if (backend_kvm.check(m, q, &why)) {
		json_decref(m->own);
		m->own = NULL;
		take(m, &backend_tcg, "tcg, not kvm: %s", why.text);
		return 0;
	}
	kvm = probe_kvm(p, q, share);
	if (kvm->usable) {
		take(m, &backend_kvm, "kvm: %s", kvm->text);
		return 0;
	}
	tcg = probe_tcg(p, q, share);
	if (!tcg->usable)
		return err_lab(e,
			       "machine '%s': neither accelerator runs a "
			       "guest; kvm: %s; tcg: %s",
			       m->name, kvm->text, tcg->text);
	/* Which host CPUs to take, and whether alone, are kvm's to know. */
	json_decref(m->own);
	m->own = NULL;
	take(m, &backend_tcg, "tcg, not kvm: %s", kvm->text);
	return 0;
}

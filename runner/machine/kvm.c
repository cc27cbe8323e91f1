/*
 * The host's processor runs the guest: real time, as seen in a virtual machine.
 *
 * Each vCPU's thread gets a host CPU of its own, on a core of its own as long
 * as there are any, and all else of QEMU the CPUs that are left.
 */
#include "machine/backend.h"

#include "base/err.h"
#include "base/job.h"
#include "base/str.h"
#include "base/yml.h"
#include "machine/pin.h"
#include "machine/qmp.h"

static const char *const keys[] = {"board", "cpus", "side_by_side", NULL};

static int read_cpus(struct yml_node *node, struct machine *m, struct err *e)
{
	json_t *list = json_array();
	int r = yml_expect(node, YML_LIST, e);

	for (size_t i = 0; !r && i < node->n; i++) {
		long long cpu;

		r = yml_int(node->at[i], 0, PIN_CPUS_MAX - 1, &cpu, e);
		for (size_t k = 0; !r && k < json_array_size(list); k++)
			if (json_integer_value(json_array_get(list, k)) == cpu)
				r = yml_err(node->at[i], e,
					    "CPU %lld is there twice", cpu);
		if (!r)
			json_array_append_new(list, json_integer(cpu));
	}
	if (!r && node->n != (size_t)m->vcpus)
		r = yml_err(node, e,
			    "%zu host CPUs for %d vCPUs; each needs one",
			    node->n, m->vcpus);
	json_object_set_new(m->own, "cpus", list);
	return r;
}

static int read_keys(struct yml_node *root, struct machine *m, struct err *e)
{
	struct yml_node *cpus = yml_get(root, "cpus");
	bool side_by_side = false;

	m->own = json_object();
	if (qemu_read_board(root, m, e) ||
	    yml_opt_bool(root, "side_by_side", &side_by_side, e) ||
	    (cpus && read_cpus(cpus, m, e)))
		return -1;
	if (side_by_side)
		json_object_set_new(m->own, "side_by_side", json_true());
	return 0;
}

static int check(const struct machine *m, const struct qemu *q, struct err *e)
{
	struct pin pin;

	(void)q;
	if (pin_choose(&pin, m->vcpus, json_object_get(m->own, "cpus"), e)) {
		err_prefix(e, "machine '%s'", m->name);
		return -1;
	}
	return 0;
}

static void command(const struct machine *m, int hz, struct strv *argv)
{
	(void)hz;
	qemu_wall_argv(m, "kvm", "host", NULL, argv);
}

/* ---- a flight ---- */

static json_t *list_of(const int *cpus, int n)
{
	json_t *list = json_array();

	for (int i = 0; i < n; i++)
		json_array_append_new(list, json_integer(cpus[i]));
	return list;
}

/* {"cpu-index": 0, "thread-id": 123, ...} each. */
static void on_vcpus(const json_t *value, void *arg)
{
	struct flight *f = arg;
	const json_t *m = json_object_get(f->spec, "machine");
	const json_t *own = json_object_get(m, "own");
	int threads[PIN_CPUS_MAX] = {0}, n = 0;
	struct pin pin;
	struct err e;
	json_t *cpu;
	size_t i;

	json_array_foreach(value, i, cpu) if (n < PIN_CPUS_MAX) threads[n++] =
		(int)json_integer_value(json_object_get(cpu, "thread-id"));
	if (!f->job || !n)
		err_lab(&e, "QEMU did not name its vCPUs' threads");
	else if (!pin_choose(&pin, n, json_object_get(own, "cpus"), &e) &&
		 !pin_threads(&pin, job_pid(f->job), threads, &e)) {
		json_object_set_new(f->facts, "pinned",
				    list_of(pin.vcpu, pin.n));
		json_object_set_new(f->facts, "housekeeping",
				    list_of(pin.other, pin.nother));
		return;
	}
	json_object_set_new(f->facts, "not_pinned", json_string(e.text));
}

static void watch(struct flight *f)
{
	qemu_watch(f);
	qmp_ask(qemu_qmp(f), "query-cpus-fast", NULL, on_vcpus, f);
}

static void collect(struct flight *f)
{
	if (!json_object_get(f->facts, "pinned") &&
	    !json_object_get(f->facts, "not_pinned"))
		json_object_set_new(f->facts, "not_pinned",
				    json_string("it was over before QEMU named "
						"its vCPUs' threads"));
	qemu_collect(f);
}

const struct backend backend_kvm = {
	.accel = "kvm",
	.clock = "wall",
	.alone = true,
	.keys = keys,
	.read = read_keys,
	.check = check,
	.command = command,
	.prepare = qemu_prepare,
	.boot = qemu_boot,
	.watch = watch,
	.stop = qemu_stop,
	.collect = collect,
	.release = qemu_land,
};

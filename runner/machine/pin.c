#include "machine/pin.h"

#include "base/err.h"
#include "base/str.h"

#include <dirent.h>
#include <errno.h>
#include <sched.h>
#include <stdint.h>

/* The first CPU of the core that has this one, or the CPU itself. */
static int core_of(int cpu)
{
	char path[128];
	int first = cpu;
	FILE *f;

	snprintf(path, sizeof(path),
		 "/sys/devices/system/cpu/cpu%d/topology/thread_siblings_list",
		 cpu);
	f = fopen(path, "re");
	if (f && fscanf(f, "%d", &first) != 1)
		first = cpu;
	if (f)
		fclose(f);
	return first;
}

static bool taken(const struct pin *p, int cpu)
{
	for (int i = 0; i < p->n; i++)
		if (p->vcpu[i] == cpu)
			return true;
	return false;
}

static bool core_taken(const struct pin *p, int cpu)
{
	for (int i = 0; i < p->n; i++)
		if (core_of(p->vcpu[i]) == core_of(cpu))
			return true;
	return false;
}

/* Whole cores first, then what is left. */
static void pick(struct pin *p, int n, const cpu_set_t *may)
{
	for (int share = 0; share < 2; share++)
		for (int cpu = PIN_CPUS_MAX - 1; cpu >= 0 && p->n < n; cpu--)
			if (CPU_ISSET(cpu, may) &&
			    (share ? !taken(p, cpu) : !core_taken(p, cpu)))
				p->vcpu[p->n++] = cpu;
}

static int take(struct pin *p, int n, const cpu_set_t *may,
		const json_t *wanted, struct err *e)
{
	size_t i;
	json_t *value;

	json_array_foreach(wanted, i, value)
	{
		json_int_t cpu = json_integer_value(value);

		if (p->n == n)
			break;
		if (cpu < 0 || cpu >= PIN_CPUS_MAX || !CPU_ISSET(cpu, may))
			return err_lab(e,
				       "klab may not run on host CPU %lld "
				       "(key 'cpus')",
				       (long long)cpu);
		p->vcpu[p->n++] = (int)cpu;
	}
	return 0;
}

int pin_choose(struct pin *p, int n, const json_t *wanted, struct err *e)
{
	cpu_set_t may;

	*p = (struct pin){0};
	CPU_ZERO(&may);
	if (sched_getaffinity(0, sizeof(may), &may))
		return err_sys(e, errno, "cannot tell the host's CPUs");
	if (wanted && take(p, n, &may, wanted, e))
		return -EINVAL;
	if (!wanted)
		pick(p, n, &may);
	if (p->n < n)
		return err_lab(e,
			       "%d vCPUs need a host CPU each, and klab may "
			       "run on %d",
			       n, CPU_COUNT(&may));
	for (int cpu = 0; cpu < PIN_CPUS_MAX; cpu++)
		if (CPU_ISSET(cpu, &may) && !taken(p, cpu))
			p->other[p->nother++] = cpu;
	if (!p->nother) {
		memcpy(p->other, p->vcpu, sizeof(p->other));
		p->nother = n;
	}
	return 0;
}

static int put(int thread, const int *cpus, int n, struct err *e)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	for (int i = 0; i < n; i++)
		CPU_SET(cpus[i], &set);
	if (!sched_setaffinity(thread, sizeof(set), &set) || errno == ESRCH)
		return 0;
	return err_sys(e, errno, "cannot pin thread %d", thread);
}

static bool is_vcpu(const struct pin *p, const int *threads, int thread)
{
	for (int i = 0; i < p->n; i++)
		if (threads[i] == thread)
			return true;
	return false;
}

int pin_threads(const struct pin *p, int pid, const int *threads, struct err *e)
{
	struct dirent *entry;
	char path[64];
	int r = 0;
	DIR *d;

	for (int i = 0; !r && i < p->n; i++)
		r = put(threads[i], &p->vcpu[i], 1, e);
	snprintf(path, sizeof(path), "/proc/%d/task", pid);
	d = opendir(path);
	while (d && !r && (entry = readdir(d))) {
		long long thread;

		if (str_to_ll(entry->d_name, 1, INT32_MAX, &thread) &&
		    !is_vcpu(p, threads, (int)thread))
			r = put((int)thread, p->other, p->nother, e);
	}
	if (d)
		closedir(d);
	return r;
}

#include "machine/facts.h"

#include "base/err.h"
#include "base/str.h"

#include <dirent.h>
#include <sys/utsname.h>
#include <unistd.h>

#define CPU "/sys/devices/system/cpu/"

/* The first line of a small file, or NULL. */
static char *line_of(const char *path)
{
	FILE *f = fopen(path, "re");
	char line[512], *text = NULL;

	if (f && fgets(line, sizeof(line), f)) {
		line[strcspn(line, "\n")] = '\0';
		str_plain(line);
		text = xstrdup(line);
	}
	if (f)
		fclose(f);
	return text;
}

/* Takes the text over, which may be NULL. */
static void take(json_t *facts, const char *key, char *text)
{
	if (text)
		json_object_set_new(facts, key, json_string(text));
	free(text);
}

static void add(json_t *facts, const char *key, const char *path)
{
	take(facts, key, line_of(path));
}

/* "key	: value" of the first CPU, or NULL. */
static char *cpuinfo(const char *key)
{
	FILE *f = fopen("/proc/cpuinfo", "re");
	char line[512], *value = NULL;

	while (f && !value && fgets(line, sizeof(line), f) && line[0] != '\n') {
		char *colon = strstr(line, ": ");

		if (!colon || strncmp(line, key, strlen(key)) ||
		    line[strlen(key)] != '\t')
			continue;
		line[strcspn(line, "\n")] = '\0';
		str_plain(colon);
		value = xstrdup(colon + 2);
	}
	if (f)
		fclose(f);
	return value;
}

char *facts_cpu_model(void)
{
	return cpuinfo("model name");
}

/* "retbleed=Not affected; spectre_v1=Mitigation: ..." in order. */
static void add_mitigations(json_t *facts)
{
	struct str all = STR_INIT;
	struct dirent **list;
	int n = scandir(CPU "vulnerabilities", &list, NULL, alphasort);

	for (int i = 0; i < n; i++) {
		char *path =
			xasprintf(CPU "vulnerabilities/%s", list[i]->d_name);
		char *line = list[i]->d_name[0] == '.' ? NULL : line_of(path);

		if (line)
			str_addf(&all, "%s%s=%s", all.len ? "; " : "",
				 list[i]->d_name, line);
		free(line);
		free(path);
		free(list[i]);
	}
	if (n >= 0)
		free(list);
	if (all.len)
		json_object_set_new(facts, "mitigations", json_string(all.buf));
	str_release(&all);
}

static void add_turbo(json_t *facts)
{
	char *no = line_of(CPU "intel_pstate/no_turbo");
	char *boost = line_of(CPU "cpufreq/boost");

	if (no)
		json_object_set_new(facts, "turbo",
				    json_string(*no == '0' ? "on" : "off"));
	else if (boost)
		json_object_set_new(facts, "turbo",
				    json_string(*boost == '0' ? "off" : "on"));
	free(no);
	free(boost);
}

/* "always [madvise] never" */
static void add_thp(json_t *facts)
{
	char *line = line_of("/sys/kernel/mm/transparent_hugepage/enabled");
	char *at = line ? strchr(line, '[') : NULL;

	if (at) {
		at[strcspn(at, "]")] = '\0';
		json_object_set_new(facts, "thp", json_string(at + 1));
	}
	free(line);
}

void facts_host(json_t *facts)
{
	long long pages = sysconf(_SC_PHYS_PAGES);
	struct utsname u;

	take(facts, "cpu_model", facts_cpu_model());
	take(facts, "microcode", cpuinfo("microcode"));
	add_mitigations(facts);
	add(facts, "smt", CPU "smt/control");
	add(facts, "governor", CPU "cpu0/cpufreq/scaling_governor");
	add_turbo(facts);
	add_thp(facts);
	add(facts, "clocksource",
	    "/sys/devices/system/clocksource/clocksource0/"
	    "current_clocksource");
	json_object_set_new(
		facts, "memory",
		json_integer(pages * sysconf(_SC_PAGESIZE) / (1 << 20)));
	if (!uname(&u))
		json_object_set_new(facts, "host_kernel",
				    json_string(u.release));
}

/* ---- how busy ---- */

static double load_average(void)
{
	char *line = line_of("/proc/loadavg");
	double load = line ? strtod(line, NULL) : 0;

	free(line);
	return load;
}

/* "cpu user nice system idle iowait irq softirq steal ...", in ticks. */
static uint64_t stolen_ms(void)
{
	char *line = line_of("/proc/stat");
	unsigned long long ticks = 0;

	if (line &&
	    sscanf(line, "cpu %*u %*u %*u %*u %*u %*u %*u %llu", &ticks) != 1)
		ticks = 0;
	free(line);
	return ticks * 1000 / (unsigned long long)sysconf(_SC_CLK_TCK);
}

void facts_load_begin(struct facts_load *l)
{
	l->load = load_average();
	l->steal_ms = stolen_ms();
}

void facts_load_end(const struct facts_load *l, json_t *facts)
{
	uint64_t now = stolen_ms();

	json_object_set_new(facts, "host_load",
			    json_pack("[f, f]", l->load, load_average()));
	json_object_set_new(
		facts, "steal",
		json_integer(now > l->steal_ms ? (json_int_t)(now - l->steal_ms)
					       : 0));
}

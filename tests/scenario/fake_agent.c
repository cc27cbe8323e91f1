/* A guest as it should be, but for the details that a play asks for. */
#include "fake.h"

#include <stdarg.h>
#include <string.h>

/* ---- frames ---- */

uint32_t crc32_of(const char *p, size_t len)
{
	uint32_t crc = ~0u;

	while (len--) {
		crc ^= (unsigned char)*p++;
		for (int bit = 0; bit < 8; bit++)
			crc = (crc >> 1) ^ (0xedb88320u & (0u - (crc & 1)));
	}
	return ~crc;
}

bool plays(const struct guest *g, const char *name)
{
	return !strcmp(g->play, name);
}

void frame_as(struct guest *g, const char *secret, unsigned seq, size_t len,
	      uint32_t crc, const char *json)
{
	fprintf(g->port, "klab1 %s %u %zu %08x %s\n", secret, seq, len, crc,
		json);
}

void frame(struct guest *g, const char *json)
{
	size_t len = strlen(json);

	frame_as(g, g->secret, g->seq++, len, crc32_of(json, len), json);
}

__attribute__((format(printf, 2, 3))) static void
framef(struct guest *g, const char *fmt, ...)
{
	char json[8192];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(json, sizeof(json), fmt, ap);
	va_end(ap);
	frame(g, json);
}

/* In chunks of what fits, as the agent does; one frame if there is nothing. */
static void send_data(struct guest *g, const char *step, const char *stream,
		      const char *path, const char *data)
{
	char text[3000];

	do {
		size_t n = 0;

		for (; *data && n < sizeof(text) - 8; data++) {
			unsigned char c = (unsigned char)*data;
			bool plain = c >= 32 && c < 127 && c != '"' &&
				     c != '\\';

			n += (size_t)snprintf(text + n, sizeof(text) - n,
					      plain ? "%c" : "\\u%04x", c);
		}
		text[n] = '\0';
		framef(g,
		       "{\"t\":\"out\",\"step\":\"%s\",\"stream\":\"%s\"%s%s%s,"
		       "\"data\":\"%s\"}",
		       step, stream, path ? ",\"path\":\"" : "",
		       path ? path : "", path ? "\"" : "", text);
	} while (*data);
}

/* ---- a guest that does what it should ---- */

static long long value_of(const struct guest *g, int salt)
{
	uint64_t x = (uint64_t)g->seed * 6364136223846793005u + (unsigned)salt;

	x ^= x >> 29;
	x *= 1442695040888963407u;
	x ^= x >> 32;
	return (long long)(100000000 + x % 1000000) *
	       (100 + g->slow + (plays(g, "lag") ? 6 : 0)) / 100;
}

void boot_console(struct guest *g)
{
	fprintf(g->console, "[    0.000000] Linux version %s\n", g->version);
	fprintf(g->console, "[    0.100000] seed %d, %d CPUs\n", g->seed,
		g->cpus);
	fflush(g->console);
}

void hello(struct guest *g)
{
	boot_console(g);
	framef(g, "{\"t\":\"hello\",\"agent\":1,\"release\":\"%.*s\","
		  "\"cpus\":%d,\"ns\":%lld}",
	       (int)strcspn(g->version, " "), g->version, g->cpus,
	       500000000ll + g->seed);
	if (!g->metronome_ns)
		return;
	if (plays(g, "no-metronome"))
		framef(g, "{\"t\":\"metronome\",\"period_ns\":%lld,"
			  "\"ok\":false,\"error\":\"no HPET\"}",
		       g->metronome_ns);
	else
		framef(g, "{\"t\":\"metronome\",\"period_ns\":%lld,"
			  "\"ok\":true}", g->metronome_ns);
}

/* Bad files that cyclictest might have left, by play. */
static const struct {
	const char *play, *json;
} latencies[] = {
	{"json-cut", "{\"thread\": {\"0\": {\"histogram\": {\"3\": 9"},
	{"json-text", "# no JSON: \x1b[31m\xff\n"},
	{"json-list", "[1, 2, 3]"},
	{"json-empty", ""},
	{"json-no-thread", "{\"thread\": {}}"},
	{"json-types", "{\"thread\": {\"0\": {\"histogram\": [], \"cycles\": "
		       "\"1\", \"min\": {}, \"max\": 1, \"avg\": 1.0, "
		       "\"cpu\": 0}}}"},
	{"json-negative", "{\"thread\": {\"0\": {\"histogram\": {\"3\": -9}, "
			  "\"cycles\": 9, \"min\": 3, \"max\": 3, \"avg\": 3.0,"
			  " \"cpu\": 0}}}"},
	{"json-more", "{\"thread\": {\"0\": {\"histogram\": {\"3\": 10}, "
		      "\"cycles\": 9, \"min\": 3, \"max\": 3, \"avg\": 3.0, "
		      "\"cpu\": 0}}}"},
	{"json-huge", "{\"thread\": {\"0\": {\"histogram\": {\"3\": 10}, "
		      "\"cycles\": 9223372036854775807, \"min\": 3, \"max\": 3,"
		      " \"avg\": 3.0, \"cpu\": 0}, \"1\": {\"histogram\": "
		      "{\"3\": 10}, \"cycles\": 9223372036854775807, \"min\": "
		      "3, \"max\": 3, \"avg\": 3.0, \"cpu\": 1}}}"},
	{"json-average", "{\"thread\": {\"0\": {\"histogram\": {\"3\": 10}, "
			 "\"cycles\": 10, \"min\": 3, \"max\": 3, \"avg\": "
			 "1e308, \"cpu\": 0}}}"},
	{"json-one-cpu", "{\"thread\": {\"0\": {\"histogram\": {\"3\": 10}, "
			 "\"cycles\": 10, \"min\": 3, \"max\": 3, \"avg\": 3.0,"
			 " \"cpu\": 0}, \"1\": {\"histogram\": {\"3\": 10}, "
			 "\"cycles\": 10, \"min\": 3, \"max\": 3, \"avg\": 3.0,"
			 " \"cpu\": 0}}}"},
	{"json-name", "{\"thread\": {\"\\u001b[31m<b>\": {}}}"},
};

/* Thread by thread: most wake-ups late by 4 us, some by up to 9. */
static void latency_json(const struct guest *g, char *to, size_t size)
{
	size_t n = (size_t)snprintf(to, size, "{\"return_code\": 0, "
				    "\"thread\": {");

	for (int cpu = 0; cpu < g->cpus && n < size; cpu++) {
		int five = (int)(value_of(g, cpu) % 50);

		n += (size_t)snprintf(
			to + n, size - n,
			"%s\"%d\": {\"histogram\": {\"4\": %d, \"5\": %d, "
			"\"9\": 1}, \"cycles\": 1000, \"min\": 4, \"max\": 9, "
			"\"avg\": 4.25, \"cpu\": %d, \"node\": 0}",
			cpu ? ", " : "", cpu, 999 - five, five, cpu);
	}
	if (n < size)
		snprintf(to + n, size - n, "}}");
}

static void send_latency(struct guest *g, const struct step *s)
{
	char json[8192];

	if (plays(g, "json-missing"))
		return;
	latency_json(g, json, sizeof(json));
	for (size_t i = 0; i < sizeof(latencies) / sizeof(*latencies); i++)
		if (plays(g, latencies[i].play))
			snprintf(json, sizeof(json), "%s", latencies[i].json);
	if (plays(g, "json-deep")) {
		memset(json, '[', sizeof(json) - 1);
		json[sizeof(json) - 1] = '\0';
	}
	send_data(g, s->name, "file", s->collect, json);
}

static void send_end(struct guest *g, const struct step *s, int salt)
{
	int code = plays(g, "exit") ? 1 : 0, sig = plays(g, "signal") ? 11 : 0;
	char elapsed[80];

	snprintf(elapsed, sizeof(elapsed), "\"elapsed_ns\":%lld",
		 value_of(g, salt));
	if (plays(g, "no-number"))
		snprintf(elapsed, sizeof(elapsed), "\"elapsed_ns\":\"1e999\"");
	if (plays(g, "negative"))
		snprintf(elapsed, sizeof(elapsed), "\"elapsed_ns\":-5");
	if (plays(g, "huge"))
		snprintf(elapsed, sizeof(elapsed),
			 "\"elapsed_ns\":99999999999999999999999999");
	framef(g,
	       "{\"t\":\"end\",\"step\":\"%s\",\"exit\":%d,\"signal\":%d,"
	       "\"deadline\":%s,%s,\"nvcsw\":%lld,\"nivcsw\":3,\"minflt\":99,"
	       "\"utime_us\":100,\"stime_us\":200,\"out_bytes\":10,"
	       "\"err_bytes\":0,\"load_runs\":%d,\"load_failed\":%s}",
	       s->name, code, sig, plays(g, "late") ? "true" : "false",
	       elapsed, value_of(g, salt + 1) % 10000, s->loaded,
	       plays(g, "load-failed") ? "true" : "false");
}

void steps(struct guest *g)
{
	for (int i = 0; i < g->nsteps; i++) {
		const struct step *s = &g->steps[i];

		framef(g, "{\"t\":\"start\",\"step\":\"%s\",\"ns\":%lld}",
		       s->name, 600000000ll + i);
		send_data(g, s->name, "out", NULL, "Time: 0.125\n");
		send_data(g, s->name, "err", NULL,
			  plays(g, "exit") ? "first\nfork(): \x1b[31mno\xe9\n"
					   : "");
		if (s->collect)
			send_latency(g, s);
		send_end(g, s, 2 * i);
	}
}

void bye(struct guest *g)
{
	framef(g, "{\"t\":\"bye\",\"ns\":%lld}", 700000000ll + g->seed);
	fprintf(g->console, "[    0.900000] reboot: machine restart\n");
}

#include "machine/hang.h"

#include <stdio.h>

#define LOOK_MS 1000
/* When the limit is near. */
#define LAST_LOOK_MS 250

void hang_init(struct hang *h, uint64_t limit_ms, bool exact)
{
	*h = (struct hang){.limit_ms = limit_ms, .exact = exact};
}

static uint64_t time_of(const struct hang *h, const struct hang_look *at)
{
	return h->exact ? at->could_ms : at->host_ms;
}

void hang_step_begins(struct hang *h, const char *name, uint64_t limit_ms,
		      const struct hang_look *at)
{
	snprintf(h->step, sizeof(h->step), "%s", name);
	h->step_limit_ms = limit_ms;
	h->step_ms = time_of(h, at);
}

void hang_step_ends(struct hang *h, const struct hang_look *at)
{
	h->step_limit_ms = 0;
	h->mark_ms = time_of(h, at);
}

/* The clock's time at which the guest counts as hung if nothing happens. */
static uint64_t limit(const struct hang *h)
{
	if (!h->step_limit_ms)
		return h->mark_ms + h->limit_ms;
	/* A step has to end, however much its kernel says meanwhile. */
	return h->exact ? UINT64_MAX
			: h->step_ms + h->step_limit_ms + h->limit_ms;
}

/*
 * Nothing comes into an exact guest from outside, and idle time is skipped.  So
 * if QEMU waits, then no timer is pending that could end it.
 */
static bool stands_still(struct hang *h, const struct hang_look *at)
{
	bool same =
		at->asleep && at->cpu_ms - h->still_cpu_ms <= HANG_STILL_CPU_MS;

	h->still = same ? h->still + 1 : 0;
	h->still_cpu_ms = at->cpu_ms;
	return h->still >= HANG_STILL_LOOKS;
}

/* How long it has been silent, at least: all its waits since the last look may
 * have come after its last sign. */
static uint64_t silence(struct hang *h, const struct hang_look *at)
{
	uint64_t ms =
		at->host_ms > at->wrote_ms ? at->host_ms - at->wrote_ms : 0;
	uint64_t waited =
		at->host_ms > at->could_ms ? at->host_ms - at->could_ms : 0;
	uint64_t lost = waited > h->waited_ms ? waited - h->waited_ms : 0;

	if (!h->exact)
		return ms;
	h->waited_ms = waited;
	return ms > lost ? ms - lost : 0;
}

static void note_progress(struct hang *h, const struct hang_look *at)
{
	uint64_t now = time_of(h, at), ms = silence(h, at);

	if (at->bytes == h->bytes)
		return;
	h->bytes = at->bytes;
	h->mark_ms = now > ms ? now - ms : 0;
	h->still = 0;
}

static unsigned long long seconds(uint64_t ms)
{
	return ms / 1000;
}

const char *hang_judge(struct hang *h, const struct hang_look *at, char *buf,
		       size_t size)
{
	uint64_t now = time_of(h, at);

	note_progress(h, at);
	if (h->exact && stands_still(h, at))
		snprintf(buf, size,
			 "the guest has all its CPUs halted, with nothing left "
			 "that could wake them,");
	else if (now < limit(h))
		return NULL;
	else if (h->step_limit_ms)
		snprintf(buf, size,
			 "the guest's step '%s' may take %llu s, was not over "
			 "after %llu s of host time",
			 h->step, seconds(h->step_limit_ms),
			 seconds(now - h->step_ms));
	else
		snprintf(buf, size,
			 "the guest gave no sign of life for %llu s %s",
			 seconds(now - h->mark_ms),
			 h->exact ? "in which QEMU could run" : "of host time");
	return buf;
}

uint64_t hang_wait_ms(const struct hang *h, const struct hang_look *at)
{
	uint64_t now = time_of(h, at), end = limit(h);
	uint64_t left = end > now ? end - now : 0;

	if (!h->exact)
		return left > LOOK_MS ? left : LOOK_MS;
	if (h->still)
		return LOOK_MS;
	if (left > h->limit_ms)
		left = h->limit_ms;
	return left > LAST_LOOK_MS ? left : LAST_LOOK_MS;
}

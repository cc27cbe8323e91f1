#include "machine/hang.h"

#include <stdio.h>

/* An exact guest's time runs as it likes, so it is looked at that often. */
#define LOOK_MS 1000

void hang_init(struct hang *h, uint64_t limit_ms, bool exact)
{
	*h = (struct hang){
		.limit_ms = limit_ms, .exact = exact, .still_guest_ms = -1};
}

static bool time_known(const struct hang *h, const struct hang_look *at)
{
	return !h->exact || at->guest_ms >= 0;
}

static uint64_t time_of(const struct hang *h, const struct hang_look *at)
{
	return h->exact ? (uint64_t)at->guest_ms : at->host_ms;
}

void hang_step_begins(struct hang *h, const char *name, uint64_t limit_ms,
		      const struct hang_look *at)
{
	snprintf(h->step, sizeof(h->step), "%s", name);
	h->step_limit_ms = limit_ms;
	h->step_ms = time_known(h, at) ? time_of(h, at) : h->mark_ms;
}

void hang_step_ends(struct hang *h, const struct hang_look *at)
{
	h->step_limit_ms = 0;
	h->mark_cpu_ms = at->cpu_ms;
	if (time_known(h, at))
		h->mark_ms = time_of(h, at);
}

/* The clock's time at which the guest counts as hung if nothing happens. */
static uint64_t limit(const struct hang *h)
{
	uint64_t silent = h->mark_ms + h->limit_ms;
	uint64_t late = h->step_ms + h->step_limit_ms + h->limit_ms;

	/* A step has to end, however much its kernel says meanwhile. */
	return h->step_limit_ms ? late : silent;
}

/*
 * Nothing comes into an exact guest from outside.  So if QEMU waits, and the
 * guest's time waits as well, then no timer is pending that could end it.
 */
static bool stands_still(struct hang *h, const struct hang_look *at)
{
	bool same = h->still_guest_ms == at->guest_ms && at->asleep &&
		    at->cpu_ms - h->still_cpu_ms <= HANG_STILL_CPU_MS;

	h->still = same ? h->still + 1 : 0;
	h->still_guest_ms = at->guest_ms;
	h->still_cpu_ms = at->cpu_ms;
	return h->still >= HANG_STILL_LOOKS;
}

static void note_progress(struct hang *h, const struct hang_look *at)
{
	uint64_t now = time_of(h, at);

	/* A guest may set its clock back. */
	if (at->bytes == h->bytes && now >= h->mark_ms)
		return;
	h->bytes = at->bytes;
	h->mark_ms = h->exact || at->wrote_ms > now ? now : at->wrote_ms;
	h->mark_cpu_ms = at->cpu_ms;
	h->still = 0;
}

static bool too_much_work(const struct hang *h, const struct hang_look *at)
{
	return h->exact && !h->step_limit_ms &&
	       at->cpu_ms >= h->mark_cpu_ms + h->limit_ms;
}

static unsigned long long seconds(uint64_t ms)
{
	return ms / 1000;
}

const char *hang_judge(struct hang *h, const struct hang_look *at, char *buf,
		       size_t size)
{
	const char *clock = h->exact ? "guest" : "host";
	uint64_t now;

	if (!time_known(h, at))
		return NULL;
	now = time_of(h, at);
	note_progress(h, at);
	if (h->exact && stands_still(h, at))
		snprintf(buf, size,
			 "the guest has all its CPUs halted, with nothing left "
			 "that could wake them,");
	else if (too_much_work(h, at))
		snprintf(buf, size,
			 "the guest gave no sign of life for %llu s of "
			 "processor time",
			 seconds(at->cpu_ms - h->mark_cpu_ms));
	else if (now < limit(h))
		return NULL;
	else if (h->step_limit_ms)
		snprintf(buf, size,
			 "the guest's step '%s' may take %llu s, was not over "
			 "after %llu s of %s time",
			 h->step, seconds(h->step_limit_ms),
			 seconds(now - h->step_ms), clock);
	else
		snprintf(buf, size,
			 "the guest gave no sign of life for %llu s of %s time",
			 seconds(now - h->mark_ms), clock);
	return buf;
}

uint64_t hang_wait_ms(const struct hang *h, const struct hang_look *at)
{
	uint64_t end = limit(h);

	if (h->exact || end < at->host_ms + LOOK_MS)
		return LOOK_MS;
	return end - at->host_ms;
}

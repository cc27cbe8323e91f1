/*
 * The signals that ask klab to stop: SIGINT, SIGTERM and SIGHUP, the last
 * unless klab was started with it ignored (nohup).
 */
#ifndef KLAB_STOP_H
#define KLAB_STOP_H

#include <uv.h>

#define STOP_SIGNALS 3

struct stop {
	uv_signal_t signal[STOP_SIGNALS];
	void (*fn)(void *arg);
	void *arg;
};

/* Calls fn from the loop at each such signal; keeps the loop alive until
 * stop_unwatch(), which may be called more than once.  s must outlive the loop.
 */
void stop_watch(struct stop *s, uv_loop_t *loop, void (*fn)(void *arg),
		void *arg);
void stop_unwatch(struct stop *s);

#endif

#include "base/stop.h"

#include <signal.h>
#include <stdbool.h>

static const int numbers[STOP_SIGNALS] = {SIGINT, SIGTERM, SIGHUP};

static bool ignored(int number)
{
	struct sigaction now;

	return number == SIGHUP && !sigaction(number, NULL, &now) &&
	       now.sa_handler == SIG_IGN;
}

static void on_signal(uv_signal_t *signal, int number)
{
	struct stop *s = signal->data;

	(void)number;
	s->fn(s->arg);
}

void stop_watch(struct stop *s, uv_loop_t *loop, void (*fn)(void *arg),
		void *arg)
{
	s->fn = fn;
	s->arg = arg;
	for (int i = 0; i < STOP_SIGNALS; i++) {
		uv_signal_init(loop, &s->signal[i]);
		s->signal[i].data = s;
		if (!ignored(numbers[i]))
			uv_signal_start(&s->signal[i], on_signal, numbers[i]);
	}
}

void stop_unwatch(struct stop *s)
{
	for (int i = 0; i < STOP_SIGNALS; i++)
		if (!uv_is_closing((uv_handle_t *)&s->signal[i]))
			uv_close((uv_handle_t *)&s->signal[i], NULL);
}

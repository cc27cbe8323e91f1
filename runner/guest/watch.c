#include "guest/watch.h"

#include "guest/step.h"
#include "guest/tell.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void watch_write(const struct step *s, const struct setting *list, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		int fd = open(list[i].path, O_WRONLY | O_CLOEXEC);
		size_t len = strlen(list[i].value);

		if (fd < 0 || write(fd, list[i].value, len) != (ssize_t)len)
			fail("step %s: cannot write '%s' to '%s': %s", s->name,
			     list[i].value, list[i].path, strerror(errno));
		close(fd);
	}
}

/* They are kept until the step is over: nothing is sent while it runs. */
void watch_read(const struct step *s, struct reading *list)
{
	for (size_t i = 0; i < s->n_read; i++) {
		uint64_t begin;

		list[i].text = malloc(s->cap + 1);
		if (!list[i].text)
			fail("no memory for '%s'", s->read[i]);
		/* Its pages are there before the clock runs. */
		memset(list[i].text, 0, s->cap + 1);
		begin = now_ns();
		list[i].len = read_file(s->read[i], list[i].text, s->cap + 1);
		list[i].cost_ns = now_ns() - begin;
		if (list[i].len < 0)
			fail("step %s: cannot read '%s': %s", s->name,
			     s->read[i],
			     list[i].len == -EFBIG
				     ? "longer than its cap"
				     : strerror((int)-list[i].len));
	}
}

void watch_send(const struct step *s, const char *when, struct reading *list)
{
	struct json j;

	for (size_t i = 0; i < s->n_read; i++) {
		json_open(&j, "read");
		json_text(&j, "step", s->name);
		json_text(&j, "when", when);
		json_text(&j, "path", s->read[i]);
		json_num(&j, "cost_ns", list[i].cost_ns);
		send_or_end(&j);
		send_data(s->name, when, s->read[i], list[i].text,
			  (size_t)list[i].len);
		free(list[i].text);
	}
}

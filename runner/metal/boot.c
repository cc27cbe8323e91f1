#include "metal/boot.h"

#include "base/err.h"
#include "base/file.h"
#include "base/str.h"
#include "console/console.h"
#include "metal/console.h"
#include "metal/trip.h"

#include "machine/machine.h"

#include <errno.h>
#include <unistd.h>

static const char *const end_words[] = {
	[END_NONE] = "none",
	[END_AGENT] = "agent",
	[END_REBOOT] = "reboot",
	[END_HANG] = "hang",
};

/* What is not over is not judged: a hang is told only if the box came back. */
static int write_facts(struct trip *t, bool over, struct err *e)
{
	char *text;
	int r;

	json_object_set_new(t->facts, "accel", json_string("metal"));
	json_object_set_new(t->facts, "ended", json_string(end_words[t->end]));
	if (t->end == END_HANG && over)
		json_object_set_new(t->facts, "hang", json_string(t->hang));
	json_object_set_new(t->facts, "build_id", json_string(t->want));
	json_object_set_new(t->facts, "home", json_string(t->home.release));
	text = json_dumps(t->facts, JSON_INDENT(1) | JSON_SORT_KEYS);
	r = file_put(BOOT_FACTS, text, strlen(text), e);
	free(text);
	return r;
}

static int write_console(struct trip *t, struct str *text, struct err *e)
{
	uint64_t to = t->to ? t->to : box_console_len(&t->box);
	int r = 0;

	if (t->left && t->conf->console)
		r = console_cut(BOX_SERIAL, t->from, to, t->conf->release,
				t->home.release, text, e);
	if (!r)
		r = file_put(BOOT_CONSOLE, text->buf ? text->buf : "",
			     text->len, e);
	return r;
}

/* A kernel that dies in the middle says why, or it was somebody else. */
static bool says_why(const struct str *text)
{
	const struct finding *list;
	struct console *c;
	struct err ignored;
	size_t n;

	if (!text->len || console_new(NULL, &c, &ignored))
		return false;
	console_feed(c, text->buf, text->len);
	console_end(c);
	n = console_findings(c, &list);
	console_free(c);
	return n;
}

static int go(struct trip *t, struct err *e)
{
	int r = trip_arrive(t, e);

	if (!r)
		r = trip_leave(t, e);
	if (!r && t->end == END_NONE)
		r = trip_measure(t, e);
	if (t->end == END_HANG && !r)
		trip_stacks(t);
	return r;
}

static int leave_files(struct trip *t, bool over, struct err *e)
{
	struct str console = STR_INIT;
	int r = write_console(t, &console, e);

	if (!r)
		r = write_facts(t, over, e);
	if (!r && t->end == END_REBOOT && t->up && !says_why(&console))
		r = err_lab(e,
			    "box '%s' restarted on its own in the middle, and "
			    "its console does not say why",
			    t->conf->machine);
	str_release(&console);
	return r;
}

int metal_boot(struct err *e)
{
	struct metal_conf conf;
	struct trip t = {.conf = &conf, .claim = -1};
	struct err home, left;
	int r, back, files;

	r = metal_conf_load(".", &conf, e);
	if (r)
		return r;
	r = box_open(&t.box, &conf, e);
	if (r) {
		metal_conf_release(&conf);
		return r;
	}
	t.facts = json_object();
	r = go(&t, e);
	if (r)
		box_say(&t.box, "%s", e->text);
	back = trip_home(&t, &home);
	files = leave_files(&t, !r && !back, &left);
	/* That the box needs hands is worse than why. */
	if (back)
		*e = home;
	else if (!r && files)
		*e = left;
	r = back ? back : r ? r : files;
	if (r)
		box_say(&t.box, "%s", e->text);
	box_close(&t.box);
	if (t.claim >= 0)
		close(t.claim);
	json_decref(t.facts);
	free(t.before);
	metal_conf_release(&conf);
	return r;
}

/*
 * The way back: trip_home().
 */
#include "metal/trip.h"

#include "base/err.h"
#include "base/str.h"

#include <errno.h>

/* By power, when nothing else helps. */
static int cycle(struct trip *t, struct err *e)
{
	enum trip_wait how;
	int r;

	if (!t->to)
		t->to = box_console_len(&t->box);
	/* The last way without a power command. */
	if (!t->conf->power_cycle && box_type_sysrq(&t->box, 's') &&
	    box_type_sysrq(&t->box, 'b'))
		box_say(&t->box, "restart by sysrq over the console");
	else if ((r = box_power_cycle(&t->box, e)))
		return r;
	box_disconnect(&t->box);
	r = trip_wait(t, t->now.boot_id, &how, e);
	if (!r && how != CAME)
		r = err_lab(e,
			    "box '%s' needs hands: it was restarted by its "
			    "power and does not answer by ssh",
			    t->conf->machine);
	return r;
}

/* By ssh, as long as that works; and it may go on its own meanwhile. */
static int restart(struct trip *t, struct err *e)
{
	/* One that hangs in part must not be trusted to end in order. */
	const char *const way[] = {t->end == END_HANG ? "force" : "reboot",
				   t->now.boot_id, NULL};
	enum trip_wait how;
	int r = box_ask(&t->box, "restore", NULL, e);

	trip_take_list(t, "restored", "restored");
	if (r)
		box_say(&t->box, "%s", e->text);
	if (!t->to)
		t->to = box_console_len(&t->box);
	box_say(&t->box, "restart");
	r = box_ask(&t->box, "go", way, e);
	box_disconnect(&t->box);
	if (r)
		box_say(&t->box, "%s", e->text);
	r = trip_wait(t, r ? NULL : t->now.boot_id, &how, e);
	if (!r && (how != CAME || t->now.ours))
		r = err_lab(e, "box '%s' did not come back from its restart",
			    t->conf->machine);
	return r;
}

/* Who is there now?  Not an error if nobody is. */
static bool answers(struct trip *t)
{
	struct err ignored;

	if (!box_connected(&t->box) &&
	    (t->end == END_HANG || box_try(&t->box, &ignored)))
		return false;
	return !trip_who(t, &ignored);
}

/* It was told to leave and may be about to: either way is well. */
static int see_it_leave(struct trip *t, struct err *e)
{
	enum trip_wait how;
	int r = trip_wait(t, t->home.boot_id, &how, e);

	if (r == -EBUSY)
		return 0;
	if (!r && how == CAME)
		return t->now.ours ? restart(t, e) : 0;
	return r ? r : cycle(t, e);
}

/* Under its own kernel again, by whatever way works. */
static int come_back(struct trip *t, struct err *e)
{
	enum trip_wait how = LATE;
	int r;

	if (answers(t)) {
		if (t->now.ours)
			r = restart(t, e);
		else if (!strcmp(t->now.boot_id, t->home.boot_id))
			r = see_it_leave(t, e);
		else
			r = 0;
		if (r)
			box_say(&t->box, "%s", e->text);
	} else {
		/* It may be on its way up; power is surer, if there is some. */
		r = 0;
		if (t->end != END_HANG && !t->conf->power_cycle)
			r = trip_wait(t, NULL, &how, e);
		if (!r && how == CAME)
			r = t->now.ours ? restart(t, e) : 0;
		else
			r = -EIO;
	}
	if (r)
		r = cycle(t, e);
	if (!r && t->now.ours)
		r = err_lab(e,
			    "box '%s' needs hands: it comes up under %s again, "
			    "which klab has started, not under its own kernel",
			    t->conf->machine, t->now.release);
	return r;
}

/* Are its settings what they were at first? */
static int same_settings(struct trip *t, struct err *e)
{
	const char *now;
	int r = box_ask(&t->box, "settings", NULL, e);

	now = t->box.result.out.buf ? t->box.result.out.buf : "";
	if (r || !t->before || !strcmp(t->before, now))
		return r;
	return err_lab(e,
		       "box '%s': its settings are not what they were before: "
		       "see " BOX_LOG,
		       t->conf->machine);
}

static int clean(struct trip *t, struct err *e)
{
	static const char *const keep[] = {"keep", NULL};

	return box_ask(&t->box, "clean", t->conf->keep ? keep : NULL, e);
}

static int tidy(struct trip *t, struct err *e)
{
	int r = clean(t, e);

	if (!r)
		r = same_settings(t, e);
	if (!r)
		r = box_ask(&t->box, "unlock", NULL, e);
	if (!r)
		t->locked = false;
	return r;
}

/* Nobody waits for it: the next boot will see whether it came back. */
static int leave_it(struct trip *t, struct err *e)
{
	const char *const way[] = {"reboot", t->now.boot_id, NULL};
	int r = clean(t, e);

	trip_take_list(t, "restored", "restored");
	t->to = box_console_len(&t->box);
	if (!r)
		r = box_ask(&t->box, "unlock", NULL, e);
	if (!r)
		r = box_ask(&t->box, "go", way, e);
	return r;
}

int trip_home(struct trip *t, struct err *e)
{
	int r = 0;

	box_insist(&t->box);
	if (!t->locked)
		return 0;
	if (t->left && !t->conf->check_back && t->end == END_AGENT)
		return leave_it(t, e);
	if (t->left)
		r = come_back(t, e);
	if (!r && t->left)
		box_say(&t->box, "back under %s", t->now.release);
	return r ? r : tidy(t, e);
}

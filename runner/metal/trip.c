#include "metal/trip.h"

#include "base/err.h"
#include "base/file.h"
#include "base/str.h"
#include "metal/console.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define COPY_MS (15 * 60 * 1000)
#define INITRD_MS (15 * 60 * 1000)
#define POLL_MS 500
/* What has not left its kernel by then does not. */
#define LEAVE_MS 120000
#define VALUE_CAP 4000

/* ---- answers ---- */

char *trip_answer(const struct trip *t, const char *key)
{
	const char *line = t->box.result.out.buf;
	size_t n = strlen(key);
	char *value;

	for (; line; line = strchr(line, '\n'), line = line ? line + 1 : NULL) {
		if (strncmp(line, key, n) || line[n] != ' ')
			continue;
		line += n + 1;
		n = strcspn(line, "\n");
		value = xstrndup(line, n < VALUE_CAP ? n : VALUE_CAP);
		str_plain(value);
		return value;
	}
	return NULL;
}

static void copy_answer(const struct trip *t, const char *key, char *buf,
			size_t size)
{
	char *value = trip_answer(t, key);

	snprintf(buf, size, "%s", value ? value : "");
	free(value);
}

int trip_who(struct trip *t, struct err *e)
{
	struct ident *id = &t->now;
	char *notes, *cmdline;
	int r = box_ask(&t->box, "hello", NULL, e);

	if (r)
		return r;
	*id = (struct ident){0};
	copy_answer(t, "boot_id", id->boot_id, sizeof(id->boot_id));
	copy_answer(t, "release", id->release, sizeof(id->release));
	notes = trip_answer(t, "notes");
	cmdline = trip_answer(t, "cmdline");
	if (notes && !buildid_of_base64(notes, id->build_id))
		id->build_id[0] = '\0';
	id->ours = cmdline && strstr(cmdline, TRIP_MARK);
	free(notes);
	free(cmdline);
	if (!*id->boot_id)
		return err_lab(e, "box '%s' does not tell its boot_id",
			       t->conf->machine);
	return 0;
}

/* ---- waiting ---- */

/* One try; -EAGAIN if it is to be repeated. */
static int try_once(struct trip *t, const char *old_boot_id, struct err *e)
{
	int r = box_try(&t->box, e);

	if (r == -ENOLINK)
		return -EAGAIN;
	if (!r)
		r = trip_who(t, e);
	if (r == -ENOLINK || r == -ETIMEDOUT || r == -EIO)
		return -EAGAIN;
	if (!r && !strcmp(old_boot_id, t->now.boot_id)) {
		box_disconnect(&t->box);
		return -EBUSY;
	}
	return r;
}

/* Firmware may be silent for long, a kernel that has begun to speak not. */
static bool silent(struct trip *t, uint64_t since)
{
	uint64_t limit = (uint64_t)t->conf->hang_s * 1000;

	return t->box.console && box_now(&t->box) - since > limit &&
	       box_console_silent_ms(&t->box) > limit &&
	       (t->conf->start == START_KEXEC ||
		console_has_banner(BOX_SERIAL, t->from, t->conf->release));
}

/* Some console commands end when the power does. */
static void keep_listening(struct trip *t)
{
	struct err ignored;

	if (t->conf->console && !t->box.console)
		console_start(&t->box, &ignored);
}

int trip_wait(struct trip *t, const char *old_boot_id, enum trip_wait *how,
	      struct err *e)
{
	uint64_t begin = box_now(&t->box), took = 0;
	char old[sizeof(t->now.boot_id)] = ""; /* t->now changes here */
	int r;

	if (old_boot_id)
		snprintf(old, sizeof(old), "%s", old_boot_id);
	while (took < (uint64_t)t->conf->boot_timeout_s * 1000) {
		*how = CAME;
		r = try_once(t, old, e);
		took = box_now(&t->box) - begin;
		if (r == -EBUSY && took > LEAVE_MS) {
			err_lab(e,
				"box '%s' was told to restart and is still up "
				"as it was",
				t->conf->machine);
			return -EBUSY;
		}
		if (r != -EAGAIN && r != -EBUSY)
			return r;
		*how = SILENT;
		if (t->left && !t->to && silent(t, begin))
			return 0;
		keep_listening(t);
		r = box_sleep(&t->box, POLL_MS, e);
		if (r)
			return r;
	}
	*how = LATE;
	return 0;
}

void trip_hangs(struct trip *t, const char *why)
{
	t->end = END_HANG;
	snprintf(t->hang, sizeof(t->hang), "no sign of life: %s", why);
	box_say(&t->box, "%s", t->hang);
}

/* ---- there ---- */

/* This host, by a name that no other has. */
static void host_name(char *buf, size_t size)
{
	char host[65] = "";
	struct str id = STR_INIT;
	struct err ignored;

	gethostname(host, sizeof(host) - 1);
	if (file_read("/etc/machine-id", 100, &id, &ignored))
		str_adds(&id, "");
	snprintf(buf, size, "%s/%.8s", host, id.buf ? id.buf : "");
	str_release(&id);
}

/* Does the lock belong to a klab that is gone?  One of this host is, because
 * the claim is ours. */
static bool stale(const struct trip *t, const char *owner)
{
	char *expires = trip_answer(t, "expires"), *now = trip_answer(t, "now");
	long long end = 0, clock = 0;
	char host[100];
	size_t n;

	if (expires && now) {
		str_to_ll(expires, 0, INT64_MAX, &end);
		str_to_ll(now, 0, INT64_MAX, &clock);
	}
	free(expires);
	free(now);
	host_name(host, sizeof(host));
	n = strlen(host);
	return clock > end || (!strncmp(owner, host, n) && owner[n] == ' ');
}

static int take_lock(struct trip *t, struct err *e)
{
	const struct metal_conf *c = t->conf;
	unsigned long long limit = 4ull * (unsigned)c->boot_timeout_s + 1800 +
				   metal_job_ms(c) / 1000;
	char who[128], seconds[32], host[100];
	const char *const words[] = {who, seconds, t->home.build_id, NULL};
	int r;

	host_name(host, sizeof(host));
	snprintf(who, sizeof(who), "%s %d", host, (int)getpid());
	snprintf(seconds, sizeof(seconds), "%llu", limit);
	r = box_ask(&t->box, "lock", words, e);
	t->locked = !r;
	return r;
}

/* What a klab that was killed has left there. */
static int clear_up(struct trip *t, struct err *e)
{
	int r;

	box_say(&t->box, "cleaning up after a klab that is gone");
	t->locked = true;
	t->left = t->now.ours;
	r = trip_home(t, e);
	t->left = false;
	t->to = 0;
	t->box.insist = false;
	return r ? r : trip_who(t, e);
}

/* Boots of this host wait for each other here, where that does not disturb the
 * box; the name goes with the process. */
static int claim(struct trip *t, struct err *e)
{
	const struct metal_conf *c = t->conf;
	struct sockaddr_un name = {.sun_family = AF_UNIX};
	char *text = xasprintf("klab box %s:%d", c->ssh, c->ssh_port);
	bool told = false;
	int r = 0;

	mem_sha256(text, strlen(text), name.sun_path + 1);
	free(text);
	t->claim = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (t->claim < 0)
		return err_sys(e, errno, "cannot make a socket");
	while (!r && bind(t->claim, (struct sockaddr *)&name, sizeof(name))) {
		if (errno != EADDRINUSE)
			return err_sys(e, errno, "cannot name a socket");
		if (!told)
			box_say(&t->box, "waiting for the boot before");
		told = true;
		r = box_sleep(&t->box, 1000, e);
	}
	return r;
}

static int reach(struct trip *t, struct err *e)
{
	struct box *b = &t->box;
	uint64_t ms = (uint64_t)t->conf->boot_timeout_s * 1000;
	int r = box_connect(b, ms, e);

	/* Nobody restarts it any more: so it is no one's. */
	if (r == -ENOLINK && t->conf->power_cycle &&
	    !strstr(e->text, "erification failed") &&
	    !strstr(e->text, "ermission denied")) {
		box_say(b, "%s", e->text);
		r = box_power_cycle(b, e);
		if (!r)
			r = box_connect(b, ms, e);
	}
	return r ? r : trip_who(t, e);
}

int trip_arrive(struct trip *t, struct err *e)
{
	char *owner;
	int r = claim(t, e);

	if (!r && t->conf->console)
		r = console_start(&t->box, e);
	if (!r)
		r = reach(t, e);
	if (r)
		return r;
	owner = trip_answer(t, "owner");
	if (owner && !stale(t, owner))
		r = err_lab(e, "box '%s' is in use by klab on %s",
			    t->conf->machine, owner);
	else if (owner || t->now.ours)
		r = clear_up(t, e);
	free(owner);
	if (r)
		return r;
	t->home = t->now;
	box_say(&t->box, "the box is up under %s", t->home.release);
	r = buildid_of_image(BOOT_IMAGE, t->want, e);
	if (!r)
		r = take_lock(t, e);
	if (!r)
		r = box_ask(&t->box, "settings", NULL, e);
	if (!r)
		t->before = xstrdup(
			t->box.result.out.buf ? t->box.result.out.buf : "");
	return r;
}

static int bring(struct trip *t, const char *verb, const char *word,
		 const char *path, struct err *e)
{
	const char *const words[] = {word, NULL};
	int fd = open(path, O_RDONLY | O_CLOEXEC), r;

	if (fd < 0)
		return err_sys(e, errno, "cannot open '%s'", path);
	box_say(&t->box, "%s: %s", verb, word);
	r = box_do(&t->box, verb, words, fd, COPY_MS, e);
	close(fd);
	return r;
}

static int bring_all(struct trip *t, struct err *e)
{
	const char *const release[] = {t->conf->release, NULL};
	int r = bring(t, "put", "kernel", BOOT_IMAGE, e);

	if (!r && file_exists(BOOT_MODULES)) {
		r = bring(t, "modules", t->conf->release, BOOT_MODULES, e);
		trip_take_list(t, "modules", "modules");
	}
	if (!r && t->conf->initrd && file_exists(BOOT_CONFIG))
		r = bring(t, "put", BOOT_CONFIG, BOOT_CONFIG, e);
	if (!r && t->conf->initrd) {
		box_say(&t->box, "initrd");
		r = box_do(&t->box, "initrd", release, 0, INITRD_MS, e);
	}
	return r;
}

/* All that belongs to the kernel, unless an earlier boot has kept it there. */
static int pack(struct trip *t, struct err *e)
{
	char key[BUILDID_HEX + 8], *have;
	const char *const words[] = {key, NULL};
	int r;

	snprintf(key, sizeof(key), "%s-%d%d", t->want,
		 file_exists(BOOT_MODULES), t->conf->initrd);
	r = box_ask(&t->box, "have", words, e);
	if (r)
		return r;
	have = trip_answer(t, "have");
	if (have) {
		box_say(&t->box, "the kernel is there already");
		free(have);
		return 0;
	}
	r = bring_all(t, e);
	return r ? r : box_ask(&t->box, "complete", words, e);
}

static int start(struct trip *t, struct err *e)
{
	bool kexec = t->conf->start == START_KEXEC;
	char *append = xasprintf(
		"%s%s%s%s", TRIP_MARK,
		t->conf->watchdog ? " nmi_watchdog=panic softlockup_panic=1"
				    " hung_task_panic=1"
				  : "",
		*t->conf->append ? " " : "", t->conf->append);
	const char *const words[] = {append, NULL};
	const char *const way[] = {kexec ? "kexec" : "reboot", t->home.boot_id,
				   NULL};
	int r;

	box_say(&t->box, "loading the kernel");
	r = box_do(&t->box, metal_start_verb(t->conf->start), words, 0, COPY_MS,
		   e);
	free(append);
	if (r)
		return r;
	keep_listening(t);
	t->from = box_console_len(&t->box);
	t->left = true;
	r = box_ask(&t->box, "go", way, e);
	box_disconnect(&t->box);
	return r;
}

/* Was it the kernel, or did its boot loader not take it? */
static int judge(struct trip *t, enum trip_wait how, struct err *e)
{
	if (how != CAME) {
		trip_hangs(t, how == SILENT ? "nothing on the console, no ssh"
					    : "no ssh in boot_timeout_s");
		return 0;
	}
	if (!t->now.ours) {
		box_say(&t->box, "the box came back under %s", t->now.release);
		t->to = box_console_len(&t->box);
		t->end = END_REBOOT;
		return 0;
	}
	if (strcmp(t->now.build_id, t->want))
		return err_lab(e,
			       "box '%s' runs another kernel than it was to: "
			       "build id %s, not %s",
			       t->conf->machine,
			       *t->now.build_id ? t->now.build_id : "unknown",
			       t->want);
	t->up = true;
	box_say(&t->box, "up under %s, build id %s", t->now.release, t->want);
	return 0;
}

int trip_leave(struct trip *t, struct err *e)
{
	enum trip_wait how;
	int r = pack(t, e);

	if (!r)
		r = start(t, e);
	if (!r)
		r = trip_wait(t, t->home.boot_id, &how, e);
	return r ? r : judge(t, how, e);
}

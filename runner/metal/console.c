#include "metal/console.h"

#include "base/err.h"
#include "base/file.h"
#include "base/str.h"
#include "metal/box.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

/* A command that cannot reach its console says so in that time. */
#define SETTLE_MS 700
#define SERIAL_CAP (16u << 20)
#define BANNER "Linux version "

static void on_console(const struct job_result *r, void *arg)
{
	struct box *b = arg;
	char how[80];

	b->console = NULL;
	if (!r->stopped)
		box_say(b, "the console command ended: %s",
			job_describe(r, how, sizeof(how)));
}

static int open_pty(int *ours, int *theirs, struct err *e)
{
	struct termios t;
	char name[64];

	*ours = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (*ours < 0 || grantpt(*ours) || unlockpt(*ours) ||
	    ptsname_r(*ours, name, sizeof(name)))
		return err_sys(e, errno, "cannot make a terminal");
	*theirs = open(name, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (*theirs < 0 || tcgetattr(*theirs, &t))
		return err_sys(e, errno, "cannot open terminal '%s'", name);
	cfmakeraw(&t);
	tcsetattr(*theirs, TCSANOW, &t);
	fcntl(*ours, F_SETFL, O_NONBLOCK);
	return 0;
}

/* The last line of what it said, for a message. */
static void last_line(char *buf, size_t size)
{
	struct str text = STR_INIT;
	struct err ignored;
	char *at = NULL;

	if (!file_read(BOX_SERIAL, 65536, &text, &ignored) && text.len) {
		while (text.len && strchr("\r\n", text.buf[text.len - 1]))
			text.buf[--text.len] = '\0';
		at = strrchr(text.buf, '\n');
		at = at ? at + 1 : text.buf;
	}
	snprintf(buf, size, "%s", at ? at : "");
	str_plain(buf);
	str_release(&text);
}

int console_start(struct box *b, struct err *e)
{
	const char *const argv[] = {"sh", "-c", b->conf->console, NULL};
	struct job_spec spec = {.argv = argv,
				.log_path = BOX_SERIAL,
				.file_cap = SERIAL_CAP,
				.done = on_console,
				.arg = b};
	int theirs = -1, r;
	char words[200];

	console_hang_up(b);
	r = open_pty(&b->pty, &theirs, e);
	if (!r) {
		spec.in = theirs;
		r = job_start(&b->loop, &spec, &b->console, e);
	}
	if (theirs >= 0)
		close(theirs);
	if (!r)
		r = box_sleep(b, SETTLE_MS, e);
	if (!r && !b->console) {
		last_line(words, sizeof(words));
		r = err_lab(e,
			    "box '%s': the console command '%s' ended at once: "
			    "%s",
			    b->conf->machine, b->conf->console, words);
	}
	return r;
}

void console_hang_up(struct box *b)
{
	if (b->pty >= 0)
		close(b->pty);
	b->pty = -1;
}

uint64_t box_console_len(const struct box *b)
{
	struct stat st;

	return b->conf->console && !stat(BOX_SERIAL, &st) ? (uint64_t)st.st_size
							  : 0;
}

uint64_t box_console_silent_ms(const struct box *b)
{
	struct timespec now;
	struct stat st;
	int64_t ms;

	if (!b->conf->console || stat(BOX_SERIAL, &st))
		return UINT64_MAX;
	clock_gettime(CLOCK_REALTIME, &now);
	ms = (int64_t)(now.tv_sec - st.st_mtim.tv_sec) * 1000 +
	     (now.tv_nsec - st.st_mtim.tv_nsec) / 1000000;
	return ms > 0 ? (uint64_t)ms : 0;
}

bool box_type(struct box *b, const char *text)
{
	size_t len = strlen(text);

	return b->console && write(b->pty, text, len) == (ssize_t)len;
}

bool box_type_sysrq(struct box *b, char letter)
{
	const char one[] = {letter, '\0'};
	struct err ignored;

	/* A moment between the two: some consoles take BREAK out of line. */
	return b->conf->break_text && box_type(b, b->conf->break_text) &&
	       !box_sleep(b, 300, &ignored) && box_type(b, one) &&
	       !box_sleep(b, 300, &ignored);
}

/* Where in text a banner of that release starts, or NULL. */
static const char *banner_of(const char *text, const char *end,
			     const char *release)
{
	size_t n = release ? strlen(release) : 0;

	while ((text = memmem(text, (size_t)(end - text), BANNER,
			      strlen(BANNER)))) {
		const char *at = text + strlen(BANNER);

		if (!release || ((size_t)(end - at) > n &&
				 !memcmp(at, release, n) && at[n] == ' '))
			return text;
		text = at;
	}
	return NULL;
}

/* The start of the line that `at` is in. */
static const char *line_of(const char *text, const char *at)
{
	while (at > text && at[-1] != '\n')
		at--;
	return at;
}

bool console_has_banner(const char *path, uint64_t from, const char *release)
{
	struct str all = STR_INIT;
	struct err ignored;
	bool has = !file_read(path, SERIAL_CAP, &all, &ignored) &&
		   from < all.len &&
		   banner_of(all.buf + from, all.buf + all.len, release);

	str_release(&all);
	return has;
}

int console_cut(const char *path, uint64_t from, uint64_t to,
		const char *release, const char *home_release, struct str *out,
		struct err *e)
{
	struct str all = STR_INIT;
	const char *begin, *end, *own, *other;
	int r = file_read(path, SERIAL_CAP, &all, e);

	if (r || !all.len)
		goto out;
	begin = all.buf + (from < all.len ? from : all.len);
	end = all.buf + (to < all.len ? to : all.len);
	if (begin >= end)
		goto out;
	own = banner_of(begin, end, release);
	other = banner_of(own ? own + 1 : begin, end, home_release);
	if (other)
		end = line_of(begin, other);
	str_add(out, begin, (size_t)(end - begin));
out:
	str_release(&all);
	return r;
}

/* The client of QEMU's monitor and what it takes stacks with, against a monitor
 * that does what a test wants. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "a_folder.h"

#include "base/err.h"
#include "base/file.h"
#include "base/str.h"
#include "machine/qmp.h"
#include "machine/stacks.h"
#include "machine/symbols.h"

#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>
#include <uv.h>

#define MAP                                                                    \
	"ffffffff81000000 T _text\n"                                           \
	"ffffffff81000000 T first\n"                                           \
	"ffffffff81000100 t second.isra.0\n"                                   \
	"not a line\n"                                                         \
	"ffffffff81000180 T third\n"                                           \
	"ffffffff81000200 T _etext\n"                                          \
	"ffffffff81000300 D data\n"                                            \
	"ffffffff81800000 T _sinittext\n"                                      \
	"ffffffff81800000 T start_kernel\n"                                    \
	"ffffffff81800080 T _einittext\n"                                      \
	"0000000000000400 A small\n"

/* ---- a monitor ---- */

static int listener(void)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX, .sun_path = QMP_SOCKET};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
	assert_int_equal(listen(fd, 1), 0);
	return fd;
}

static void say(int fd, const char *text)
{
	if (write(fd, text, strlen(text)) < 0)
		_exit(1);
}

static bool has(const char *line, const char *what)
{
	return strstr(line, what) != NULL;
}

/* One page of stack: two return addresses, and words that are none. */
static void save_memory(void)
{
	static const uint64_t words[] = {0xffffffff81000123, 0,
					 0xffffffff81000180, /* its begin */
					 0xffffffff81000208, /* behind code */
					 0xffffffff81800010, 42};
	struct err e;

	file_put("stack.bin", words, sizeof(words), &e);
}

static void reply(int fd, const char *line, const char *play, int *saved)
{
	if (has(line, "info registers"))
		say(fd, "{\"return\": \"\\r\\nCPU#0\\r\\nRAX=0 RSP="
			"ffffc90000003f00\\r\\nRIP=ffffffff81000190 RFL=2 "
			"CPL=0 HLT=0\\r\\nCPU#1\\r\\nRSP=00007fff00000000\\r\\n"
			"RIP=0000000000401000 CPL=3 HLT=0\\r\\n\"}\n");
	else if (has(line, "memsave") && !(*saved)++)
		save_memory(), say(fd, "{\"return\": {}}\n");
	else if (has(line, "memsave"))
		say(fd, "{\"error\": {\"class\": \"GenericError\", \"desc\": "
			"\"Invalid addr\"}}\n");
	else if (!strcmp(play, "die") && has(line, "stop"))
		_exit(0);
	else if (!strcmp(play, "mute") && has(line, "stop"))
		pause();
	else
		say(fd, "{\"event\": \"STOP\"}\n{\"return\": {\"n\": 7}}\n");
}

static pid_t monitor(const char *play)
{
	int fd = listener(), saved = 0;
	char line[4096];
	pid_t pid = fork();
	FILE *f;

	if (pid) {
		close(fd);
		return pid;
	}
	fd = accept(fd, NULL, NULL);
	f = fdopen(fd, "r");
	say(fd, "{\"QMP\": {\"version\": {}}}\r\n");
	while (f && fgets(line, sizeof(line), f))
		reply(fd, line, play, &saved);
	_exit(0);
}

static void end_monitor(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	unlink(QMP_SOCKET);
}

/* ---- questions ---- */

struct asked {
	struct qmp *q;
	int n, nulls;
	json_int_t value;
};

static void on_answer(const json_t *value, void *arg)
{
	struct asked *a = arg;

	a->n++;
	a->nulls += !value;
	a->value = json_integer_value(json_object_get(value, "n"));
	if (a->n == 3)
		qmp_close(a->q);
}

static void ask(const char *play, struct asked *a)
{
	pid_t pid = play ? monitor(play) : 0;
	uv_loop_t loop;

	uv_loop_init(&loop);
	*a = (struct asked){.q = qmp_open(&loop, ".")};
	qmp_ask(a->q, "query-status", NULL, on_answer, a);
	qmp_ask(a->q, "stop", json_pack("{s:i}", "x", 1), on_answer, a);
	qmp_ask(a->q, "query-status", NULL, on_answer, a);
	uv_run(&loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&loop), 0);
	if (pid)
		end_monitor(pid);
}

static void test_ask(void **state)
{
	struct asked a;

	(void)state;
	ask("ok", &a);
	assert_int_equal(a.n, 3);
	assert_int_equal(a.nulls, 0);
	assert_int_equal(a.value, 7);
}

static void test_qemu_dies(void **state)
{
	struct asked a;

	(void)state;
	ask("die", &a);
	assert_int_equal(a.n, 3);
	assert_int_equal(a.nulls, 2);
}

static void test_there_is_no_qemu(void **state)
{
	struct asked a;

	(void)state;
	ask(NULL, &a);
	assert_int_equal(a.n, 3);
	assert_int_equal(a.nulls, 3);
}

/* ---- stacks ---- */

static void on_stacks(void *arg)
{
	uv_stop(arg);
}

static char *stacks(const char *play, uint64_t limit_ms)
{
	pid_t pid = monitor(play);
	struct str text = STR_INIT;
	struct stacks *s;
	struct qmp *q;
	uv_loop_t loop;
	struct err e;

	assert_int_equal(file_put("System.map", MAP, strlen(MAP), &e), 0);
	uv_loop_init(&loop);
	q = qmp_open(&loop, ".");
	s = stacks_take(&loop, q, ".", ".", "it hung", limit_ms, on_stacks,
			&loop);
	uv_run(&loop, UV_RUN_DEFAULT);
	stacks_free(s);
	qmp_close(q);
	uv_run(&loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&loop), 0);
	end_monitor(pid);
	assert_int_equal(file_read("stacks.txt", 65536, &text, &e), 0);
	assert_false(file_exists("stack.bin"));
	return str_detach(&text);
}

static void test_stacks(void **state)
{
	char *text = stacks("ok", 20000);

	(void)state;
	assert_true(str_starts(text, "it hung\n"));
	assert_non_null(strstr(text,
			       "CPU 0: in the kernel, RIP: third+0x10/0x80\n"));
	assert_non_null(strstr(text, "  ? second.isra.0+0x23/0x80\n"
				     "  ? start_kernel+0x10/0x80\n"
				     " registers:\n"));
	assert_non_null(strstr(text, "CPU 1: in a program, RIP: 0x401000\n"));
	free(text);
}

static void test_stacks_of_a_qemu_that_does_not_answer(void **state)
{
	char *text = stacks("mute", 300);

	(void)state;
	assert_non_null(strstr(text, "QEMU did not tell"));
	free(text);
}

static void test_stacks_of_a_qemu_that_dies(void **state)
{
	char *text = stacks("die", 20000);

	(void)state;
	assert_non_null(strstr(text, "QEMU did not tell"));
	free(text);
}

/* ---- symbols ---- */

static void test_symbols(void **state)
{
	struct symbols *s;
	char buf[300];
	struct err e;

	(void)state;
	assert_int_equal(file_put("System.map", MAP, strlen(MAP), &e), 0);
	assert_int_equal(symbols_of(".", &s, &e), 0);
	assert_string_equal(symbols_name(s, 0xffffffff810001ff, buf, 300),
			    "third+0x7f/0x80");
	assert_string_equal(symbols_name(s, 0xffffffff81000200, buf, 300),
			    "0xffffffff81000200");
	assert_string_equal(symbols_name(s, 0xffffffff80ffffff, buf, 300),
			    "0xffffffff80ffffff");
	assert_string_equal(symbols_name(NULL, 16, buf, 300), "0x10");
	assert_false(symbols_called_from(s, 0xffffffff81000180));
	assert_true(symbols_called_from(s, 0xffffffff81000181));
	assert_false(symbols_called_from(s, 0xffffffff81000300));
	assert_false(symbols_called_from(s, 0xffffffff81800080));
	assert_false(symbols_called_from(NULL, 0xffffffff81000181));
	symbols_free(s);
	assert_int_equal(file_put("System.map", "\n\n", 2, &e), 0);
	assert_true(symbols_of(".", &s, &e) < 0);
	unlink("System.map");
	assert_true(symbols_of(".", &s, &e) < 0);
	assert_int_equal(file_put("vmlinux", "no ELF", 6, &e), 0);
	assert_true(symbols_of(".", &s, &e) < 0);
	unlink("vmlinux");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ask),
		cmocka_unit_test(test_qemu_dies),
		cmocka_unit_test(test_there_is_no_qemu),
		cmocka_unit_test(test_stacks),
		cmocka_unit_test(test_stacks_of_a_qemu_that_does_not_answer),
		cmocka_unit_test(test_stacks_of_a_qemu_that_dies),
		cmocka_unit_test(test_symbols),
	};

	return cmocka_run_group_tests_name("qmp", tests, enter_folder,
					   leave_folder);
}

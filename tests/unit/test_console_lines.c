/* The console watch by single lines: prefixes, openers, limits, patterns. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "a_console.h"
#include "console/blame.h"
#include "console/line.h"

#ifdef __SANITIZE_ADDRESS__
size_t __sanitizer_get_current_allocated_bytes(void);
#else
#include <malloc.h>
#endif

static size_t allocated(void)
{
#ifdef __SANITIZE_ADDRESS__
	return __sanitizer_get_current_allocated_bytes();
#else
	return mallinfo2().uordblks;
#endif
}

static struct slice slice(const char *text)
{
	return (struct slice){text, strlen(text)};
}

/* A console with this text, at its end. */
static struct console *console_of(const char *text)
{
	struct str s = {(char *)text, strlen(text), 0};

	return watch(&s, NULL, NULL);
}

/* ---- prefixes ---- */

static void check_prefix(const char *line, const char *text, int64_t us,
			 bool has_caller)
{
	struct message m = {.line = 1};

	line_read(slice(line), &m);
	assert_int_equal(m.text.n, strlen(text));
	assert_memory_equal(m.text.p, text, m.text.n);
	assert_int_equal(m.us, us);
	assert_int_equal(m.caller != 0, has_caller);
}

static void test_prefix(void **state)
{
	(void)state;
	check_prefix("[    0.000000] x", "x", 0, false);
	check_prefix("[12345.678901] x y ", "x y", 12345678901, false);
	check_prefix("<6>[    1.500000] x", "x", 1500000, false);
	check_prefix("[    1.500000][   T12] x", "x", 1500000, true);
	check_prefix("[    1.500000][    C0]  x", "x", 1500000, true);
	check_prefix("[   T12] x", "x", -1, true);
	check_prefix("[ BUG: x ]", "[ BUG: x ]", -1, false);
	check_prefix("[1.5] x", "[1.5] x", -1, false);
	check_prefix("[    1.500000", "[    1.500000", -1, false);
	check_prefix("[    1.500000]", "", 1500000, false);
	check_prefix("<7", "<7", -1, false);
	check_prefix("", "", -1, false);
	check_prefix("[99999999999999.000000] x", "[99999999999999.000000] x",
		     -1, false);
}

static void test_cut(void **state)
{
	static const char *const line = "[    1.000000] a[b] [    2.000000] c";

	(void)state;
	assert_int_equal(line_cut(slice(line)), 20);
	assert_int_equal(line_cut(slice("<4>[    1.000000] a")), 19);
	assert_int_equal(line_cut(slice("a [1.000000] b")), 2);
	assert_int_equal(line_cut(slice("a [1.00000] b")), 13);
	assert_int_equal(line_cut(slice("a")), 1);
}

static void check_clean(const char *line, size_t n, const char *clean)
{
	char out[100];
	struct slice s = {line, n};

	assert_int_equal(line_clean(s, out), strlen(clean));
	assert_memory_equal(out, clean, strlen(clean));
	assert_int_equal(line_dirty(s),
			 n != strlen(clean) || memcmp(line, clean, n));
}

static void test_clean(void **state)
{
	(void)state;
	check_clean("plain text ~", 12, "plain text ~");
	check_clean("a\tb", 3, "a b");
	check_clean("a\0b\x01", 4, "ab");
	check_clean("eight by\x7f te", 12, "eight by? te");
	check_clean("caf\xc3\xa9 and some more", 20, "caf?? and some more");
	check_clean("\x1b[1;31mred\x1b[0m", 14, "red");
	check_clean("\x1b]0;title\x07x", 11, "x");
	check_clean("\x1b]0;title\x1b\\x", 12, "x");
	check_clean("\x1b"
		    "7x\x1b",
		    4, "x");
	check_clean("x\x1b[1;3", 6, "x");
}

/* ---- symbols ---- */

static void test_symbols(void **state)
{
	struct symbol f;

	(void)state;
	assert_true(symbol_find(slice("in a+b foo+0x1f/0x20 [m]"), &f));
	assert_string_equal(f.name, "foo");
	assert_int_equal(f.offset, 0x1f);
	assert_true(symbol_frame(slice(" foo.isra.0.cold+0x1/0x2 [m]"), &f));
	assert_string_equal(f.name, "foo");
	assert_true(symbol_frame(slice("[<ffffffff81>] foo+0x1/0x2"), &f));
	assert_false(symbol_frame(slice("? foo+0x1/0x2"), &f));
	assert_false(symbol_frame(slice("foo+0x1/0x2 and more"), &f));
	assert_false(symbol_find(slice("foo+0x1"), &f));
	assert_false(symbol_find(slice("foo+0x/0x2"), &f));
	assert_false(symbol_find(slice("+0x1/0x2"), &f));
	assert_false(symbol_find(slice("foo+"), &f));
	assert_false(symbol_find(slice(""), &f));
}

static void test_blame(void **state)
{
	struct blame *b = blame_new();

	(void)state;
	assert_true(blame_skips(b, "dump_stack_lvl", SKIP_REPORT));
	assert_true(blame_skips(b, "mutex_lock_nested", SKIP_LOCK));
	assert_false(blame_skips(b, "mutex_lock_nested", SKIP_REPORT));
	assert_true(blame_skips(b, "down", SKIP_LOCK));
	assert_false(blame_skips(b, "downgrade", SKIP_LOCK));
	assert_false(blame_skips(b, "panicky", SKIP_REPORT));
	assert_false(blame_skips(b, "", ~0u));
	assert_false(blame_skips(b, "\xff", ~0u));
	blame_free(b);
}

/* ---- what starts a report ---- */

static void test_openers(void **state)
{
	static const struct {
		const char *line, *kind;
	} openers[] = {
		{"Kernel panic - not syncing: x", "panic"},
		{"Kernel panic - not syncing: VFS: Unable to mount root fs on "
		 "unknown-block(0,0)",
		 "no-root"},
		{"kernel BUG at mm/slub.c:1!", "bug"},
		{"Oops: 0002 [#1] SMP", "oops"},
		{"Oops: general protection fault, x: 0000 [#1]", "gpf"},
		{"general protection fault, maybe: 0000 [#1]", "gpf"},
		{"invalid opcode: 0000 [#1] SMP", "oops"},
		{"BUG: unable to handle page fault for address: 0", "oops"},
		{"BUG: unable to handle kernel paging request at 0", "oops"},
		{"BUG: spinlock bad magic on CPU#0, x/1", "bug"},
		{"BUG: using smp_processor_id() in preemptible", "bug"},
		{"BUG: scheduling while atomic: x/1/0x2", "sleeping-in-atomic"},
		{"BUG: MAX_LOCKDEP_ENTRIES too low!", "lockdep"},
		{"[ BUG: Invalid wait context ]", "lockdep"},
		{"WARNING: CPU: 0 PID: 1 at a.c:1 f+0x1/0x2", "warning"},
		{"WARNING: CPU: 0 PID: 1 at f+0x1/0x2", "warning"},
		{"WARNING: possible recursive locking detected",
		 "lockdep-circular"},
		{"WARNING: SOFTIRQ-safe -> SOFTIRQ-unsafe lock order detected",
		 "lockdep-inconsistent"},
		{"WARNING: x/1 still has locks held!", "lockdep"},
		{"INFO: trying to register non-static key.", "lockdep"},
		{"INFO: rcu_sched self-detected stall on CPU", "rcu-stall"},
		{"rcu: INFO: rcu_preempt detected expedited stalls on CPUs",
		 "rcu-stall"},
		{"NMI watchdog: Watchdog detected hard LOCKUP on cpu 0",
		 "hard-lockup"},
		{"NMI watchdog: BUG: soft lockup - CPU#0 stuck", "soft-lockup"},
		{"INFO: task a b:1 blocked in I/O wait for more than 1 s",
		 "hung-task"},
		{"my prog invoked oom-killer: gfp_mask=0", "oom-kill"},
		{"Out of memory: Killed process 1 (x)", "oom-kill"},
		{"x: page allocation failure: order:0", "alloc-failure"},
		{"irq 9: nobody cared (try booting with irqpoll)", "warning"},
		{"unchecked MSR access error: RDMSR from 0x1", "warning"},
		{"VFS: Cannot open root device \"x\"", "no-root"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(openers) / sizeof(*openers); i++) {
		char *line = xasprintf("[    1.000000] %s\n", openers[i].line);
		struct console *c = console_of(line);
		const struct finding *list;

		if (console_findings(c, &list) != 1 ||
		    strcmp(finding_kind_name(list->kind), openers[i].kind))
			fail_msg("'%s' is no %s", line, openers[i].kind);
		console_free(c);
		free(line);
	}
}

static void test_kind_names(void **state)
{
	(void)state;
	for (int i = 0; i < FINDING_KINDS; i++)
		assert_int_equal(finding_kind_find(finding_kind_name(i)), i);
	assert_int_equal(finding_kind_find("nothing"), -1);
}

/* ---- what belongs together ---- */

static void test_groups(void **state)
{
	static const char *const text =
		"WARNING: CPU: 0 PID: 7 at a.c:1 f.isra.0+0x1/0x20\n"
		"---[ end trace 1 ]---\n"
		"WARNING: CPU: 1 PID: 8 at b.c:2 g+0x1/0x20\n"
		"---[ end trace 2 ]---\n"
		"WARNING: CPU: 1 PID: 9 at a.c:3 f+0x5/0x30\n"
		"---[ end trace 3 ]---\n";
	struct console *c = console_of(text);
	const struct finding *list;

	(void)state;
	assert_int_equal(console_findings(c, &list), 2);
	assert_string_equal(list[0].function, "f");
	assert_int_equal(list[0].count, 2);
	assert_int_equal(list[0].line, 1);
	assert_string_equal(list[1].function, "g");
	console_free(c);
}

/* nbcon consoles are stopped in a line and print it anew. */
static void test_replayed(void **state)
{
	static const char *const text =
		"[    1.000000] BUG: KASAN: slab-use-after"
		"** replaying previous printk message **\n"
		"[    1.000000] BUG: KASAN: slab-use-after-free in f+0x1/0x2\n";
	struct console *c = console_of(text);
	const struct finding *list;

	(void)state;
	assert_int_equal(console_findings(c, &list), 1);
	assert_string_equal(list->function, "f");
	console_free(c);
}

/* A panic long after a warning is none of its consequences. */
static void test_panic_alone(void **state)
{
	static const char *const text =
		"WARNING: CPU: 0 PID: 7 at a.c:1 f+0x1/0x20\n"
		"---[ end trace 1 ]---\n"
		"Kernel panic - not syncing: Attempted to kill init! exit\n"
		"Call Trace:\n"
		" dump_stack_lvl+0x1/0x2\n panic+0x1/0x2\n do_exit+0x3/0x4\n";
	struct console *c = console_of(text);
	const struct finding *list;

	(void)state;
	assert_int_equal(console_findings(c, &list), 2);
	assert_false(list[0].fatal);
	assert_true(list[1].fatal);
	assert_false(list[1].consequence);
	assert_string_equal(list[1].function, "do_exit");
	console_free(c);
}

/* A report long after the last line of another does not go on with it. */
static void test_pause(void **state)
{
	static const char *const text =
		"[    1.000000] BUG: scheduling while atomic: x/1/0x2\n"
		"[    9.000000]  late+0x1/0x20\n";
	struct console *c = console_of(text);
	const struct finding *list;

	(void)state;
	assert_int_equal(console_findings(c, &list), 1);
	assert_string_equal(list->function, "");
	assert_null(strstr(list->excerpt, "late"));
	console_free(c);
}

static void test_signature(void **state)
{
	char a[FINDING_SIGNATURE], b[FINDING_SIGNATURE];

	(void)state;
	finding_signature(FINDING_GPF, "kmem_cache_alloc", "one", a);
	finding_signature(FINDING_GPF, "kmem_cache_alloc", "other", b);
	assert_string_equal(a, b);
	/* Labs keep it: it must not change from version to version. */
	assert_string_equal(a, "7e1464b1a342e4fa");
	finding_signature(FINDING_OOPS, "kmem_cache_alloc", "one", b);
	assert_string_not_equal(a, b);
	finding_signature(FINDING_PANIC, "", "at 0xffff12 after 17 s", a);
	finding_signature(FINDING_PANIC, "", "at 0x0 after 4 s", b);
	assert_string_equal(a, b);
	finding_signature(FINDING_PANIC, "", "at 0x0 before 4 s", b);
	assert_string_not_equal(a, b);
}

/* ---- patterns ---- */

static void test_harmless(void **state)
{
	static const char *const text =
		"WARNING: CPU: 0 PID: 7 at a.c:1 f+0x1/0x20\n"
		"---[ end trace 1 ]---\n"
		"WARNING: CPU: 0 PID: 7 at b.c:1 g+0x1/0x20\n";
	struct strv patterns = STRV_INIT;
	struct console_options o = {.harmless = &patterns};
	const struct finding *list;
	struct console *c;
	struct err e;

	(void)state;
	strv_add(&patterns, "at (a|c)\\.c:");
	assert_int_equal(console_new(&o, &c, &e), 0);
	console_feed(c, text, strlen(text));
	console_end(c);
	console_end(c);
	assert_int_equal(console_findings(c, &list), 2);
	assert_true(list[0].harmless);
	assert_false(list[1].harmless);
	console_free(c);
	strv_add(&patterns, "at (");
	assert_true(console_new(&o, &c, &e) < 0);
	assert_int_equal(e.kind, ERR_USER);
	assert_non_null(strstr(e.text, "'at ('"));
	strv_release(&patterns);
	assert_int_equal(console_check_pattern("a+", &e), 0);
	assert_true(console_check_pattern("", &e) < 0);
	assert_true(console_check_pattern("[", &e) < 0);
}

/* ---- limits ---- */

static void test_caps(void **state)
{
	struct console_options o = {.max_findings = 2, .excerpt_cap = 300};
	const struct finding *list;
	struct console *c;
	struct str s = STR_INIT;
	struct err e;

	(void)state;
	assert_int_equal(console_new(&o, &c, &e), 0);
	for (int i = 0; i < 5; i++) {
		str_addf(&s, "BUG: KASAN: x in f%c+0x1/0x2\n", 'a' + i);
		for (int k = 0; k < 100; k++)
			str_addf(&s, " g%d+0x1/0x2\n", k);
	}
	console_feed(c, s.buf, s.len);
	console_end(c);
	assert_int_equal(console_findings(c, &list), 2);
	assert_int_equal(console_dropped(c), 3);
	assert_true(strlen(list->excerpt) <= 340);
	assert_non_null(strstr(list->excerpt, "more lines)\n"));
	console_free(c);
	str_release(&s);
}

static void test_long_names(void **state)
{
	struct str s = STR_INIT;
	const struct finding *list;
	struct console *c;

	(void)state;
	str_adds(&s, "BUG: KASAN: x in ");
	for (int i = 0; i < 1500; i++)
		str_adds(&s, "n");
	str_adds(&s, "+0x1/0x2\n");
	c = watch(&s, NULL, NULL);
	assert_int_equal(console_findings(c, &list), 1);
	assert_int_equal(strlen(list->first_line), 240);
	assert_int_equal(strlen(list->function), SYMBOL_CAP - 1);
	console_free(c);
	str_release(&s);
}

/* Every kind of trouble for the memory: no line ends, reports that never end,
 * and always new ones. */
static void feed_trouble(struct console *c, int i)
{
	struct str s = STR_INIT;

	for (int k = 0; k < 4000; k++)
		str_adds(&s, "no line end \x1b[ [    1.0000");
	str_addf(&s, "\n[    2.0000%02d] BUG: f%d[    2.000001] cut\nand on\n",
		 i % 100, i);
	str_addf(&s,
		 "[    2.000002][  T%d] WARNING: possible circular locking\n",
		 i % 50);
	for (int k = 0; k < 300; k++)
		str_addf(&s, "[    2.000003][  T%d]  f%d+0x1/0x2\n", k % 50, k);
	console_feed(c, s.buf, s.len);
	str_release(&s);
}

static void test_memory(void **state)
{
	struct console *c;
	size_t before;
	struct err e;

	(void)state;
	assert_int_equal(console_new(NULL, &c, &e), 0);
	for (int i = 0; i < 100; i++)
		feed_trouble(c, i);
	before = allocated();
	for (int i = 0; i < 300; i++)
		feed_trouble(c, i * 7);
	/* The open reports come and go, with 16 KiB each. */
	assert_true(allocated() < before + (160 << 10));
	assert_true(allocated() < 4 << 20);
	console_end(c);
	console_free(c);
}

static void test_nothing(void **state)
{
	const struct finding *list;
	struct console *c = console_of("");

	(void)state;
	assert_int_equal(console_findings(c, &list), 0);
	assert_int_equal(console_dropped(c), 0);
	console_free(c);
	console_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_prefix),
		cmocka_unit_test(test_cut),
		cmocka_unit_test(test_clean),
		cmocka_unit_test(test_symbols),
		cmocka_unit_test(test_blame),
		cmocka_unit_test(test_openers),
		cmocka_unit_test(test_kind_names),
		cmocka_unit_test(test_groups),
		cmocka_unit_test(test_replayed),
		cmocka_unit_test(test_panic_alone),
		cmocka_unit_test(test_pause),
		cmocka_unit_test(test_signature),
		cmocka_unit_test(test_harmless),
		cmocka_unit_test(test_caps),
		cmocka_unit_test(test_long_names),
		cmocka_unit_test(test_memory),
		cmocka_unit_test(test_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

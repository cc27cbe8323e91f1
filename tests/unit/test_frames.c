/* Frames from a port that may hold anything. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/str.h"
#include "guest/frame.h"
#include "lab/frames.h"

#define SECRET "0123456789abcdef0123456789abcdef"
#define COUNT(a) (sizeof(a) / sizeof(*(a)))

static void add(struct str *port, unsigned seq, const char *json)
{
	str_addf(port, "klab1 " SECRET " %u %zu %08x %s\n", seq, strlen(json),
		 (unsigned)frame_crc32(json, strlen(json)), json);
}

static void test_good(void **state)
{
	struct str port = STR_INIT;
	struct frames f;

	(void)state;
	add(&port, 0, "{\"t\":\"hello\",\"ns\":5}");
	add(&port, 1, "{\"t\":\"end\",\"step\":\"a\",\"exit\":0}");
	add(&port, 2, "{\"t\":\"end\",\"step\":\"b\",\"exit\":1}");
	add(&port, 3, "{\"t\":\"end\",\"step\":\"a\",\"exit\":2}");
	frames_read(&f, port.buf, port.len, SECRET);
	assert_int_equal(f.bad, 0);
	assert_int_equal(json_array_size(f.list), 4);
	assert_string_equal(f.text.buf,
			    "{\"t\":\"hello\",\"ns\":5}\n"
			    "{\"t\":\"end\",\"step\":\"a\",\"exit\":0}\n"
			    "{\"t\":\"end\",\"step\":\"b\",\"exit\":1}\n"
			    "{\"t\":\"end\",\"step\":\"a\",\"exit\":2}\n");
	assert_int_equal(frame_num(frames_last(&f, "end", "a"), "exit"), 2);
	assert_int_equal(frame_num(frames_last(&f, "end", "b"), "exit"), 1);
	assert_int_equal(frame_num(frames_last(&f, "end", NULL), "exit"), 2);
	assert_null(frames_last(&f, "bye", NULL));
	assert_null(frames_last(&f, "end", "c"));
	assert_int_equal(frame_num(NULL, "x"), 0);
	assert_string_equal(frame_text(NULL, "x"), "");
	assert_int_equal(frame_num(frames_last(&f, "end", NULL), "step"), 0);
	frames_release(&f);
	str_release(&port);
}

static void test_nothing(void **state)
{
	struct str out = STR_INIT;
	struct frames f;

	(void)state;
	frames_read(&f, NULL, 0, SECRET);
	assert_int_equal(f.bad, 0);
	assert_int_equal(json_array_size(f.list), 0);
	frames_output(&f, "run", "out", NULL, &out);
	assert_string_equal(out.buf, "");
	str_release(&out);
	frames_release(&f);
}

/* A line between a good first and a good second frame. */
static const struct {
	const char *line, *why;
} bad[] = {
	{"", "not a frame"},
	{"x", "not a frame"},
	{"klab1 ", "not a frame"},
	{"klab1 " SECRET, "not a frame"},
	{"klab1 " SECRET " ", "not a frame"},
	{"klab1 " SECRET " 1", "not a frame"},
	{"klab1 " SECRET " 1 ", "not a frame"},
	{"klab1 " SECRET " 1 9", "not a frame"},
	{"klab1 " SECRET " 1 9 ", "not a frame"},
	{"klab1 " SECRET " 1 9 00000000", "not a frame"},
	{"klab1 " SECRET " 1 9 00000000 ", "not a frame"},
	{"klab1 " SECRET " 1 9 00000000 {\"t\":\"x\"", "not a frame"},
	{"klab1 " SECRET " 1 9 00000000 {\"t\":\"x\"}}", "not a frame"},
	{"klab1 " SECRET " 1 9  00000000 {\"t\":\"x\"}", "not a frame"},
	{"klab1 " SECRET " -1 9 00000000 {\"t\":\"x\"}", "not a frame"},
	{"klab1 " SECRET " 1 +9 00000000 {\"t\":\"x\"}", "not a frame"},
	{"klab1 " SECRET " 1 9 0x000000 {\"t\":\"x\"}", "not a frame"},
	{"klab1 " SECRET " 1 9 0000000G {\"t\":\"x\"}", "not a frame"},
	{"klab1 " SECRET " 99999999999999999999999999 9 0 {\"t\":\"x\"}",
	 "not a frame"},
	{"klab1 " SECRET " 1 18446744073709551615 0 {\"t\":\"x\"}",
	 "not a frame"},
	{"klab1 " SECRET " 1 4097 0 {}", "not a frame"},
	{"klab2 " SECRET " 1 9 00000000 {\"t\":\"x\"}", "not a frame"},
	{" klab1 " SECRET " 1 9 00000000 {\"t\":\"x\"}", "not a frame"},
	{"klab1 1123456789abcdef0123456789abcdef 1 9 00000000 {\"t\":\"x\"}",
	 "a frame that this boot's agent did not write"},
	{"klab1 " SECRET " 2 9 00000000 {\"t\":\"x\"}",
	 "a frame out of sequence"},
	{"klab1 " SECRET " 0 9 00000000 {\"t\":\"x\"}",
	 "a frame out of sequence"},
	{"klab1 " SECRET " 1 9 00000000 {\"t\":\"x\"}",
	 "a frame with a wrong checksum"},
};

static void test_bad(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++) {
		struct str port = STR_INIT;
		struct frames f;

		add(&port, 0, "{\"t\":\"a\"}");
		str_addf(&port, "%s\n", bad[i].line);
		add(&port, 1, "{\"t\":\"b\"}");
		frames_read(&f, port.buf, port.len, SECRET);
		assert_int_equal(f.bad, 1);
		assert_int_equal(f.bad_line, 2);
		assert_string_equal(f.why, bad[i].why);
		assert_int_equal(json_array_size(f.list), 2);
		frames_release(&f);
		str_release(&port);
	}
}

/* With the right checksum, but not what the agent writes. */
static void test_no_flat_object(void **state)
{
	static const char *const json[] = {
		"", "{", "[]", "\"t\"", "null", "1", "{}", "{\"x\":1}",
		"{\"t\":1}", "{\"t\":null}", "{\"t\":\"a\",\"t\":\"b\"}",
		"{\"t\":\"a\"} ", "{\"t\":\"a\"}x", "{\"t\":\"a\",\"b\":[]}",
		"{\"t\":\"a\",\"b\":{}}", "{\"t\":\"\xff\"}",
		"{\"t\":\"a\",\"n\":99999999999999999999}",
		"{\"t\":\"a\",\"n\":1e999}", "{\"t\":\"\\ud800\"}",
		"{'t':'a'}", "{\"t\":\"a\",}", "{\"t\":\"\t\"}",
	};
	struct str many = STR_INIT;

	(void)state;
	for (size_t i = 0; i < COUNT(json); i++) {
		struct str port = STR_INIT;
		struct frames f;

		add(&port, 0, json[i]);
		frames_read(&f, port.buf, port.len, SECRET);
		/* White space around an object is JSON's freedom. */
		assert_int_equal(f.bad, strcmp(json[i], "{\"t\":\"a\"} ") != 0);
		frames_release(&f);
		str_release(&port);
	}
	for (int members = 32; members <= 33; members++) {
		struct str port = STR_INIT;
		struct frames f;

		str_release(&many);
		str_adds(&many, "{\"t\":\"a\"");
		for (int i = 1; i < members; i++)
			str_addf(&many, ",\"m%d\":1", i);
		str_adds(&many, "}");
		add(&port, 0, many.buf);
		frames_read(&f, port.buf, port.len, SECRET);
		assert_int_equal(f.bad, members > 32);
		frames_release(&f);
		str_release(&port);
	}
	str_release(&many);
}

static void test_last_line_is_cut(void **state)
{
	struct str port = STR_INIT;

	(void)state;
	add(&port, 0, "{\"t\":\"a\"}");
	add(&port, 1, "{\"t\":\"b\"}");
	for (size_t len = 0; len <= port.len; len++) {
		/* Of its own size, so that a sanitizer sees a byte too far. */
		char *copy = xcalloc(1, len);
		struct frames f;

		memcpy(copy, port.buf, len);
		frames_read(&f, copy, len, SECRET);
		assert_int_equal(json_array_size(f.list), len * 2 / port.len);
		assert_int_equal(f.bad, len % (port.len / 2) != 0);
		if (f.bad)
			assert_string_equal(f.why, "a line without an end");
		frames_release(&f);
		free(copy);
	}
	str_release(&port);
}

static void test_nul_bytes(void **state)
{
	struct str port = STR_INIT;
	struct frames f;

	(void)state;
	add(&port, 0, "{\"t\":\"a\"}");
	str_add(&port, "\0\0\n", 3);
	add(&port, 1, "{\"t\":\"b\"}");
	port.buf[port.len - 3] = '\0';
	frames_read(&f, port.buf, port.len, SECRET);
	assert_int_equal(f.bad, 2);
	assert_int_equal(f.bad_line, 2);
	assert_int_equal(json_array_size(f.list), 1);
	frames_release(&f);
	str_release(&port);
}

/* What the agent's own code writes is read, each byte of it. */
static void test_all_bytes_come_back(void **state)
{
	unsigned char bytes[256];
	struct str out = STR_INIT, port = STR_INIT;
	char line[FRAME_MAX];
	struct json j;
	struct frames f;

	(void)state;
	for (int i = 0; i < 256; i++)
		bytes[i] = (unsigned char)i;
	json_open(&j, "out");
	json_text(&j, "step", "run");
	json_text(&j, "stream", "file");
	json_text(&j, "path", "/p");
	assert_int_equal(json_data(&j, "data", bytes, 256), 256);
	json_close(&j);
	str_add(&port, line, frame_format(line, SECRET, 0, &j));
	frames_read(&f, port.buf, port.len, SECRET);
	assert_int_equal(f.bad, 0);
	frames_output(&f, "run", "file", "/p", &out);
	assert_int_equal(out.len, 256);
	assert_memory_equal(out.buf, bytes, 256);
	frames_release(&f);
	str_release(&out);
	str_release(&port);
}

static void test_output_is_picked(void **state)
{
	struct str out = STR_INIT, port = STR_INIT;
	struct frames f;

	(void)state;
	add(&port, 0, "{\"t\":\"out\",\"step\":\"a\",\"stream\":\"out\","
		      "\"data\":\"1\"}");
	add(&port, 1, "{\"t\":\"out\",\"step\":\"b\",\"stream\":\"out\","
		      "\"data\":\"2\"}");
	add(&port, 2, "{\"t\":\"out\",\"step\":\"a\",\"stream\":\"err\","
		      "\"data\":\"3\"}");
	add(&port, 3, "{\"t\":\"out\",\"step\":\"a\",\"stream\":\"out\","
		      "\"data\":\"4\"}");
	add(&port, 4, "{\"t\":\"out\",\"step\":\"a\",\"stream\":\"out\","
		      "\"data\":5}");
	add(&port, 5, "{\"t\":\"x\",\"step\":\"a\",\"stream\":\"out\","
		      "\"data\":\"6\"}");
	add(&port, 6, "{\"t\":\"out\",\"step\":\"a\",\"stream\":\"file\","
		      "\"path\":\"/a\",\"data\":\"7\"}");
	add(&port, 7, "{\"t\":\"out\",\"step\":\"a\",\"stream\":\"out\","
		      "\"data\":\"\\u0100\\u4e00\"}");
	frames_read(&f, port.buf, port.len, SECRET);
	assert_int_equal(f.bad, 0);
	frames_output(&f, "a", "out", NULL, &out);
	/* Beyond the agent's mapping it is just not an error. */
	assert_memory_equal(out.buf, "14", 2);
	str_release(&out);
	frames_output(&f, "a", "file", "/b", &out);
	assert_string_equal(out.buf, "");
	str_release(&out);
	frames_output(&f, "a", "file", "/a", &out);
	assert_string_equal(out.buf, "7");
	str_release(&out);
	frames_release(&f);
	str_release(&port);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_nothing),
		cmocka_unit_test(test_bad),
		cmocka_unit_test(test_no_flat_object),
		cmocka_unit_test(test_last_line_is_cut),
		cmocka_unit_test(test_nul_bytes),
		cmocka_unit_test(test_all_bytes_come_back),
		cmocka_unit_test(test_output_is_picked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

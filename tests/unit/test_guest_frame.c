/*
 * The agent's frames: escaping, limits, checksum, and what a reader sees.
 * Links runner/guest/frame.c (and jansson, to read what it wrote).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "guest/frame.h"

#include <errno.h>
#include <jansson.h>
#include <unistd.h>

#define SECRET "0123456789abcdef0123456789abcdef"

static const char *text_of(struct json *j)
{
	static char text[JSON_MAX + 1];

	json_close(j);
	memcpy(text, j->buf, j->len);
	text[j->len] = '\0';
	return text;
}

static void crc32_has_its_check_value(void **state)
{
	(void)state;
	assert_int_equal(frame_crc32("123456789", 9), 0xcbf43926);
	assert_int_equal(frame_crc32("", 0), 0);
}

static void members_follow_each_other(void **state)
{
	struct json j;

	(void)state;
	json_open(&j, "hello");
	json_num(&j, "n", UINT64_MAX);
	json_bool(&j, "yes", true);
	json_bool(&j, "no", false);
	json_text(&j, "s", "a b");
	assert_string_equal(text_of(&j),
			    "{\"t\":\"hello\",\"n\":18446744073709551615,"
			    "\"yes\":true,\"no\":false,\"s\":\"a b\"}");
	assert_false(j.cut);
}

static void bytes_are_escaped_to_ascii(void **state)
{
	struct json j;

	(void)state;
	json_open(&j, "x");
	assert_int_equal(json_data(&j, "d", "\"\\\n\t\0\x7f\xff~", 8), 8);
	assert_string_equal(text_of(&j),
			    "{\"t\":\"x\",\"d\":\"\\\"\\\\\\n\\u0009\\u0000"
			    "\\u007f\\u00ff~\"}");
}

/* A JSON reader gets back every byte value, as the code point of its number. */
static void every_byte_survives(void **state)
{
	unsigned char all[256];
	json_error_t why;
	const char *p;
	struct json j;
	json_t *root;

	(void)state;
	for (int i = 0; i < 256; i++)
		all[i] = (unsigned char)i;
	json_open(&j, "out");
	assert_int_equal(json_data(&j, "data", all, sizeof(all)), 256);
	json_close(&j);
	root = json_loadb(j.buf, j.len, JSON_ALLOW_NUL, &why);
	assert_non_null(root);
	p = json_string_value(json_object_get(root, "data"));
	for (int i = 0; i < 256; i++) {
		unsigned c = (unsigned char)*p++;

		if (c >= 0x80)
			c = (c & 0x1f) << 6 | ((unsigned char)*p++ & 0x3f);
		assert_int_equal(c, i);
	}
	json_decref(root);
}

/* Whatever the data, each piece fits a frame, and together they are it. */
static void long_data_is_cut_into_valid_frames(void **state)
{
	static unsigned char data[20000];
	size_t done = 0, frames = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = i % 3 ? 0xff : '"';
	while (done < sizeof(data)) {
		struct json j;
		json_t *root;
		size_t n;

		json_open(&j, "out");
		json_text(&j, "step", "run");
		n = json_data(&j, "data", data + done, sizeof(data) - done);
		assert_true(n > 0);
		json_close(&j);
		assert_true(j.len <= JSON_MAX);
		root = json_loadb(j.buf, j.len, 0, NULL);
		assert_non_null(root);
		json_decref(root);
		done += n;
		frames++;
	}
	assert_true(frames > 15);
}

/* What does not fit is left out as a whole; the object stays an object. */
static void full_object_stays_valid(void **state)
{
	static char text[3 * JSON_MAX];

	(void)state;
	memset(text, 'x', sizeof(text) - 1);
	for (size_t room = 0; room < 64; room++) {
		struct json j;
		json_t *root;

		json_open(&j, "error");
		json_data(&j, "what", text, JSON_MAX - 80 + room);
		json_num(&j, "n", INT64_MAX);
		json_bool(&j, "b", true);
		json_text(&j, "more", text);
		json_text(&j, "more2", text);
		assert_true(j.cut);
		json_close(&j);
		assert_true(j.len <= JSON_MAX);
		root = json_loadb(j.buf, j.len, 0, NULL);
		assert_non_null(root);
		json_decref(root);
	}
}

static void frame_is_one_line(void **state)
{
	char line[FRAME_MAX + 1];
	struct json j;
	size_t len;

	(void)state;
	json_open(&j, "bye");
	json_close(&j);
	len = frame_format(line, SECRET, 7, &j);
	line[len] = '\0';
	assert_string_equal(line, "klab1 " SECRET " 7 11 9f989734 "
				  "{\"t\":\"bye\"}\n");
}

/* The longest secret, number and object fill the buffer and no more. */
static void longest_frame_fits(void **state)
{
	static char text[JSON_MAX];
	char *line = malloc(FRAME_MAX);
	struct json j;
	size_t len;

	(void)state;
	memset(text, 'x', sizeof(text) - 1);
	json_open(&j, "error");
	json_text(&j, "what", text);
	json_close(&j);
	assert_int_equal(j.len, JSON_MAX);
	len = frame_format(line, SECRET, UINT64_MAX, &j);
	assert_int_equal(len, FRAME_MAX);
	assert_int_equal(line[len - 1], '\n');
	free(line);
}

static void port_counts_frames(void **state)
{
	struct port p = {.secret = SECRET};
	char got[2 * FRAME_MAX];
	struct json j;
	int fds[2];
	ssize_t n;

	(void)state;
	assert_int_equal(pipe(fds), 0);
	p.fd = fds[1];
	for (int i = 0; i < 2; i++) {
		json_open(&j, "bye");
		assert_int_equal(port_send(&p, &j), 0);
	}
	n = read(fds[0], got, sizeof(got) - 1);
	assert_true(n > 0);
	got[n] = '\0';
	assert_non_null(strstr(got, SECRET " 0 11 "));
	assert_non_null(strstr(got, SECRET " 1 11 "));
	close(fds[0]);
	close(fds[1]);
}

static void port_tells_of_a_failed_write(void **state)
{
	struct port p = {.fd = -1, .secret = SECRET};
	struct json j;

	(void)state;
	json_open(&j, "bye");
	assert_int_equal(port_send(&p, &j), -EBADF);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(crc32_has_its_check_value),
		cmocka_unit_test(members_follow_each_other),
		cmocka_unit_test(bytes_are_escaped_to_ascii),
		cmocka_unit_test(every_byte_survives),
		cmocka_unit_test(long_data_is_cut_into_valid_frames),
		cmocka_unit_test(full_object_stays_valid),
		cmocka_unit_test(frame_is_one_line),
		cmocka_unit_test(longest_frame_fits),
		cmocka_unit_test(port_counts_frames),
		cmocka_unit_test(port_tells_of_a_failed_write),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

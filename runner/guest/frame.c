#include "guest/frame.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Room for members: the closing brace is kept free. */
#define ROOM (JSON_MAX - 1)

static void put(struct json *j, const char *text)
{
	size_t len = strlen(text);

	memcpy(j->buf + j->len, text, len);
	j->len += len;
}

/* Writes ,"key": if that and `more` bytes fit; else the member is left out. */
static bool put_key(struct json *j, const char *key, size_t more)
{
	if (j->len + strlen(key) + 4 + more > ROOM) {
		j->cut = true;
		return false;
	}
	put(j, ",\"");
	put(j, key);
	put(j, "\":");
	return true;
}

static void put_value(struct json *j, const char *key, const char *value)
{
	if (put_key(j, key, strlen(value)))
		put(j, value);
}

static void escape(char esc[8], unsigned char c)
{
	if (c == '"' || c == '\\')
		snprintf(esc, 8, "\\%c", c);
	else if (c == '\n')
		snprintf(esc, 8, "\\n");
	else if (c < 0x20 || c > 0x7e)
		snprintf(esc, 8, "\\u%04x", c);
	else
		snprintf(esc, 8, "%c", c);
}

void json_open(struct json *j, const char *type)
{
	j->len = 0;
	j->cut = false;
	put(j, "{\"t\":\"");
	put(j, type);
	put(j, "\"");
}

void json_num(struct json *j, const char *key, uint64_t n)
{
	char digits[24];

	snprintf(digits, sizeof(digits), "%llu", (unsigned long long)n);
	put_value(j, key, digits);
}

void json_bool(struct json *j, const char *key, bool value)
{
	put_value(j, key, value ? "true" : "false");
}

size_t json_data(struct json *j, const char *key, const void *data, size_t len)
{
	const unsigned char *p = data;
	char esc[8];
	size_t n;

	if (!put_key(j, key, 2))
		return 0;
	put(j, "\"");
	for (n = 0; n < len; n++) {
		escape(esc, p[n]);
		if (j->len + strlen(esc) + 1 > ROOM) {
			j->cut = true;
			break;
		}
		put(j, esc);
	}
	put(j, "\"");
	return n;
}

void json_text(struct json *j, const char *key, const char *text)
{
	json_data(j, key, text, strlen(text));
}

void json_close(struct json *j)
{
	j->buf[j->len++] = '}';
}

uint32_t frame_crc32(const void *data, size_t len)
{
	const unsigned char *p = data;
	uint32_t crc = 0xffffffff;

	while (len--) {
		crc ^= *p++;
		for (int bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? 0xedb88320 : 0);
	}
	return ~crc;
}

size_t frame_format(char buf[FRAME_MAX], const char *secret, uint64_t seq,
		    const struct json *j)
{
	int head = snprintf(buf, FRAME_MAX, "klab1 %.*s %llu %zu %08x ",
			    SECRET_LEN, secret, (unsigned long long)seq, j->len,
			    (unsigned)frame_crc32(j->buf, j->len));

	memcpy(buf + head, j->buf, j->len);
	buf[(size_t)head + j->len] = '\n';
	return (size_t)head + j->len + 1;
}

int port_send(struct port *p, struct json *j)
{
	char line[FRAME_MAX];
	size_t len, done = 0;

	json_close(j);
	len = frame_format(line, p->secret, p->seq++, j);
	while (done < len) {
		ssize_t n = write(p->fd, line + done, len - done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		done += (size_t)n;
	}
	return 0;
}

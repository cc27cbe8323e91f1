#include "lab/frames.h"

#include "guest/frame.h"

#include <inttypes.h>

#define TAG "klab1 "
#define MEMBERS_MAX 32 /* twice what the agent's largest frame has */

/* The header of a line: secret, seq, len, crc, each ended by one space. */
struct head {
	const char *secret;
	uint64_t seq;
	size_t len;
	uint32_t crc;
	const char *json;
};

static bool number(const char **p, const char *end, int base, uint64_t *out)
{
	uint64_t v = 0;
	int digits = 0;

	for (; *p < end && **p != ' '; (*p)++, digits++) {
		const char *all = "0123456789abcdef";
		const char *at = memchr(all, **p, (size_t)base);

		if (!at || digits >= 19)
			return false;
		v = v * (uint64_t)base + (uint64_t)(at - all);
	}
	if (!digits || *p == end)
		return false;
	(*p)++;
	*out = v;
	return true;
}

static bool read_head(const char *p, const char *end, struct head *h)
{
	uint64_t len, crc;

	if ((size_t)(end - p) < strlen(TAG) + SECRET_LEN + 1 ||
	    memcmp(p, TAG, strlen(TAG)))
		return false;
	p += strlen(TAG);
	h->secret = p;
	p += SECRET_LEN;
	if (*p++ != ' ')
		return false;
	if (!number(&p, end, 10, &h->seq) || !number(&p, end, 10, &len) ||
	    !number(&p, end, 16, &crc) || len > JSON_MAX)
		return false;
	h->len = (size_t)len;
	h->crc = (uint32_t)crc;
	h->json = p;
	return (size_t)(end - p) == h->len;
}

/* An object of few plain members, as the agent's are: anything else takes a
 * multiple of its length in memory. */
static bool flat(const json_t *o)
{
	const char *key;
	json_t *member;

	if (!json_is_string(json_object_get(o, "t")) ||
	    json_object_size(o) > MEMBERS_MAX)
		return false;
	json_object_foreach((json_t *)o, key,
			    member) if (json_is_object(member) ||
					json_is_array(member)) return false;
	return true;
}

static const char *take(struct frames *f, const char *line, const char *end,
			const char *secret)
{
	struct head h;
	json_error_t ignored;
	json_t *o;

	if (!read_head(line, end, &h))
		return "not a frame";
	if (memcmp(h.secret, secret, SECRET_LEN))
		return "a frame that this boot's agent did not write";
	if (h.seq != json_array_size(f->list))
		return "a frame out of sequence";
	if (frame_crc32(h.json, h.len) != h.crc)
		return "a frame with a wrong checksum";
	o = json_loadb(h.json, h.len, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL,
		       &ignored);
	if (!flat(o)) {
		json_decref(o);
		return "a frame that holds no flat object";
	}
	json_array_append_new(f->list, o);
	str_add(&f->text, h.json, h.len);
	str_adds(&f->text, "\n");
	return NULL;
}

void frames_read(struct frames *f, const char *data, size_t len,
		 const char *secret)
{
	const char *end = data + len;
	size_t line = 1;

	*f = (struct frames){.list = json_array()};
	for (const char *next; data < end; data = next, line++) {
		const char *stop = memchr(data, '\n', (size_t)(end - data));
		const char *why;

		next = stop ? stop + 1 : end;
		why = stop ? take(f, data, stop, secret)
			   : "a line without an end";
		if (why && f->bad++ == 0) {
			f->bad_line = line;
			f->why = why;
		}
	}
}

void frames_release(struct frames *f)
{
	json_decref(f->list);
	str_release(&f->text);
	*f = (struct frames){0};
}

const char *frame_text(const json_t *frame, const char *key)
{
	const char *text = json_string_value(json_object_get(frame, key));

	return text ? text : "";
}

long long frame_num(const json_t *frame, const char *key)
{
	return json_integer_value(json_object_get(frame, key));
}

bool frame_is(const json_t *frame, const char *type)
{
	return !strcmp(frame_text(frame, "t"), type);
}

const json_t *frames_last(const struct frames *f, const char *type,
			  const char *step)
{
	for (size_t i = json_array_size(f->list); i-- > 0;) {
		const json_t *frame = json_array_get(f->list, i);

		if (frame_is(frame, type) &&
		    (!step || !strcmp(frame_text(frame, "step"), step)))
			return frame;
	}
	return NULL;
}

/* Each byte of the guest's came as one character below 256. */
static void add_bytes(struct str *out, const json_t *text)
{
	const unsigned char *p = (const void *)json_string_value(text);
	size_t n = json_string_length(text);

	for (size_t i = 0; i < n; i++) {
		char byte = (char)p[i];

		if ((p[i] & 0xfc) == 0xc0 && i + 1 < n) {
			byte = (char)((p[i] & 3) << 6 | (p[i + 1] & 0x3f));
			i++;
		}
		str_add(out, &byte, 1);
	}
}

void frames_output(const struct frames *f, const char *step, const char *stream,
		   const char *path, struct str *out)
{
	size_t i;
	json_t *frame;

	str_add(out, "", 0);
	json_array_foreach(f->list, i, frame)
	{
		if (!frame_is(frame, "out") ||
		    strcmp(frame_text(frame, "step"), step) ||
		    strcmp(frame_text(frame, "stream"), stream) ||
		    (path && strcmp(frame_text(frame, "path"), path)))
			continue;
		if (json_is_string(json_object_get(frame, "data")))
			add_bytes(out, json_object_get(frame, "data"));
	}
}

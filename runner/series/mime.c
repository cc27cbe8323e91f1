/*
 * One mail, taken apart by GMime: its headers and the part that has the patch.
 *
 * GMime is started at each mail and never stopped: it cannot start again.
 */
#include "series/mail.h"

#include "base/err.h"
#include "series/diff.h"

#include <ctype.h>
#include <gmime/gmime.h>
#include <strings.h>

#define PARTS_CAP 200

/* ---- headers ---- */

char *mail_date(const char *text, long long *time)
{
	GDateTime *date = g_mime_utils_header_decode_date(text);
	char *iso, *out;

	if (!date)
		return NULL;
	*time = g_date_time_to_unix(date);
	iso = g_date_time_format(date, "%Y-%m-%dT%H:%M:%S%:z");
	g_date_time_unref(date);
	out = iso ? xstrdup(iso) : NULL;
	g_free(iso);
	return out;
}

static char *without(const char *text, const char *chars)
{
	char *s = text_one_line(text, strlen(text), NULL);

	for (char *p = s; *p; p++)
		if (strchr(chars, *p))
			*p = '?';
	return s;
}

static char *author_of(const char *name, const char *address)
{
	char *a, *n, *out;

	if (!address || !*address)
		return NULL;
	a = without(address, "<> ");
	n = without(name && *name ? name : address, "<>");
	out = xasprintf("%s <%s>", n, a);
	free(a);
	free(n);
	return out;
}

static char *first_author(InternetAddressList *list)
{
	InternetAddress *a;

	for (int i = 0; i < internet_address_list_length(list); i++) {
		a = internet_address_list_get_address(list, i);
		if (INTERNET_ADDRESS_IS_MAILBOX(a))
			return author_of(internet_address_get_name(a),
					 internet_address_mailbox_get_addr(
						 INTERNET_ADDRESS_MAILBOX(a)));
	}
	return NULL;
}

char *mail_author(const char *text)
{
	InternetAddressList *list;
	char *out;

	g_mime_init();
	list = internet_address_list_parse(NULL, text);
	if (!list)
		return NULL;
	out = first_author(list);
	g_object_unref(list);
	return out;
}

static void add_ids(struct strv *refs, const char *text)
{
	while (text && (text = strchr(text, '<'))) {
		size_t n = strcspn(++text, "> \t\r\n");

		if (n && text[n] == '>' && refs->n < 100) {
			char *id = xstrndup(text, n);

			strv_add(refs, id);
			free(id);
		}
		text += n;
	}
}

static const char *header(GMimeMessage *message, const char *name)
{
	return g_mime_object_get_header(GMIME_OBJECT(message), name);
}

static char *one_line(const char *s)
{
	return text_one_line(s ? s : "", s ? strlen(s) : 0, NULL);
}

static void read_headers(GMimeMessage *message, struct mail *m)
{
	const char *subject = g_mime_message_get_subject(message);
	const char *id = g_mime_message_get_message_id(message);
	const char *date = header(message, "Date");
	const char *author = header(message, "Author");

	m->author = first_author(g_mime_message_get_from(message));
	/* People who keep patches in a tree's own folder write these. */
	if (!m->author && author)
		m->author = mail_author(author);
	if (!subject)
		subject = header(message, "Description");
	m->subject = one_line(subject);
	m->date = date ? mail_date(date, &m->time) : NULL;
	m->id = id ? one_line(id) : NULL;
	add_ids(&m->refs, header(message, "References"));
	add_ids(&m->refs, header(message, "In-Reply-To"));
}

/* ---- parts ---- */

struct part {
	struct str text;
	char *charset;
	bool patch; /* its type or name says so */
	bool plain; /* neither encoded nor behind other parts */
};

static bool named_patch(GMimePart *p)
{
	const char *name = g_mime_part_get_filename(p);

	return name && (str_ends(name, ".patch") || str_ends(name, ".diff") ||
			str_ends(name, ".patch.txt"));
}

static bool is_text(GMimePart *p, bool *patch)
{
	GMimeContentType *t = g_mime_object_get_content_type(GMIME_OBJECT(p));

	*patch = named_patch(p) ||
		 g_mime_content_type_is_type(t, "text", "x-patch") ||
		 g_mime_content_type_is_type(t, "text", "x-diff");
	return *patch || g_mime_content_type_is_type(t, "text", "plain");
}

static void decode(GMimePart *p, struct str *out)
{
	GMimeDataWrapper *content = g_mime_part_get_content(p);
	GMimeStream *to = g_mime_stream_mem_new();
	GByteArray *bytes;

	if (content)
		g_mime_data_wrapper_write_to_stream(content, to);
	bytes = g_mime_stream_mem_get_byte_array(GMIME_STREAM_MEM(to));
	str_add(out, bytes->data, bytes->len);
	g_object_unref(to);
}

/* RFC 3676 puts a space before each line that starts with one. */
static void unstuff(struct str *s)
{
	struct str out = STR_INIT;
	struct lines in = {s->buf, s->buf + s->len, 0};
	struct line l;

	while (lines_next(&in, &l)) {
		size_t skip = line_starts(&l, " ");

		str_add(&out, l.text + skip, l.len - skip);
		str_adds(&out, "\n");
	}
	str_release(s);
	*s = out;
}

static bool is_flowed(GMimePart *p)
{
	const char *format = g_mime_object_get_content_type_parameter(
		GMIME_OBJECT(p), "format");

	return format && !strcasecmp(format, "flowed");
}

static bool is_encoded(GMimePart *p)
{
	GMimeContentEncoding c = g_mime_part_get_content_encoding(p);

	return c != GMIME_CONTENT_ENCODING_DEFAULT &&
	       c != GMIME_CONTENT_ENCODING_7BIT &&
	       c != GMIME_CONTENT_ENCODING_8BIT &&
	       c != GMIME_CONTENT_ENCODING_BINARY;
}

struct parts {
	struct part at[PARTS_CAP];
	size_t n;
};

static void take_part(GMimeObject *parent, GMimeObject *o, gpointer arg)
{
	struct parts *all = arg;
	struct part *p = &all->at[all->n];
	const char *charset;

	(void)parent;
	if (!GMIME_IS_PART(o) || all->n >= PARTS_CAP)
		return;
	*p = (struct part){.patch = false};
	if (!is_text(GMIME_PART(o), &p->patch))
		return;
	all->n++;
	decode(GMIME_PART(o), &p->text);
	str_add(&p->text, "", 0);
	text_drop_crlf(&p->text);
	if (is_flowed(GMIME_PART(o)))
		unstuff(&p->text);
	charset = g_mime_object_get_content_type_parameter(o, "charset");
	p->charset = charset ? xstrdup(charset) : NULL;
	p->plain = !is_encoded(GMIME_PART(o)) && !parent;
}

/* The part with the diff, else the first. */
static size_t best_part(const struct parts *p)
{
	for (size_t i = 0; i < p->n; i++)
		if (text_find_diff(p->at[i].text.buf, p->at[i].text.len))
			return i;
	return 0;
}

static bool has_headers(const struct str *s)
{
	return str_starts(s->buf, "From ") || str_starts(s->buf, "From: ");
}

/* An attached diff that says nothing of itself is explained by the mail. */
static void take_body(struct parts *p, struct mail *m)
{
	size_t best = best_part(p);
	struct part *one = &p->at[best];

	if (best && !has_headers(&one->text)) {
		str_add(&m->body, p->at[0].text.buf, p->at[0].text.len);
		str_adds(&m->body, "\n---\n");
	}
	str_add(&m->body, one->text.buf, one->text.len);
	m->charset = one->charset;
	one->charset = NULL;
	if (!one->plain)
		m->at.line = 0;
}

static void read_body(GMimeMessage *message, struct mail *m)
{
	GMimeObject *top = g_mime_message_get_mime_part(message);
	struct parts *p = xcalloc(1, sizeof(*p));

	if (top && GMIME_IS_MULTIPART(top))
		g_mime_multipart_foreach(GMIME_MULTIPART(top), take_part, p);
	else if (top)
		take_part(NULL, top, p);
	if (p->n)
		take_body(p, m);
	str_add(&m->body, "", 0);
	for (size_t i = 0; i < p->n; i++) {
		str_release(&p->at[i].text);
		free(p->at[i].charset);
	}
	free(p);
}

static GMimeMessage *parse(const char *text, size_t len)
{
	GMimeStream *from = g_mime_stream_mem_new_with_buffer(text, len);
	GMimeParser *parser = g_mime_parser_new_with_stream(from);
	GMimeMessage *message = g_mime_parser_construct_message(parser, NULL);

	g_object_unref(parser);
	g_object_unref(from);
	return message;
}

/* ---- one file ---- */

static bool is_header(const struct line *l)
{
	size_t n = 0;

	while (n < l->len &&
	       (isalnum((unsigned char)l->text[n]) || l->text[n] == '-'))
		n++;
	return n && n < l->len && l->text[n] == ':';
}

static bool is_telling(const struct line *l)
{
	static const char *const names[] = {
		"From:", "Subject:", "Description:"};

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (l->len > strlen(names[i]) &&
		    !strncasecmp(l->text, names[i], strlen(names[i])))
			return true;
	return false;
}

/* Headers from the first line on, with one that tells what this is. */
bool mail_is(const char *text, size_t len)
{
	struct lines in = {text, text + len, 0};
	struct line l;
	bool telling = false;

	if (lines_peek(&in, &l) && line_starts(&l, "From "))
		lines_next(&in, &l);
	while (lines_next(&in, &l) && !line_is_blank(&l)) {
		if (!is_header(&l) &&
		    (in.number == 1 || !l.len || !strchr(" \t", *l.text)))
			return false;
		telling |= is_telling(&l);
	}
	return telling;
}

static size_t lines_of_header(const char *text, size_t len)
{
	struct lines in = {text, text + len, 0};
	struct line l;

	while (lines_next(&in, &l) && !line_is_blank(&l))
		;
	return in.number;
}

/* The first line of a description is its subject; one that is a header is read
 * with the text. */
static void add_plain(struct mail *m, const char *text, size_t len)
{
	struct lines in = {text, text + len, 0};
	const char *start = text;
	struct line l = {text, 0};

	m->bare = true;
	m->at.line = 1;
	while (lines_next(&in, &l) && line_is_blank(&l))
		;
	if (l.len && !line_is_blank(&l) && !diff_starts(&l, &in) &&
	    !is_telling(&l)) {
		m->subject = text_one_line(l.text, l.len, NULL);
		m->at.line = in.number + 1;
		start = in.at;
	} else {
		m->subject = xstrdup("");
	}
	str_add(&m->body, start, (size_t)(text + len - start));
}

int mail_read(const char *name, const char *text, size_t len, struct mails *all,
	      struct err *e)
{
	struct mail *m = mails_add(all, name, e);
	GMimeMessage *message;

	if (!m)
		return -EINVAL;
	g_mime_init();
	if (!mail_is(text, len)) {
		add_plain(m, text, len);
		subject_parse(m->subject, &m->head);
		return 0;
	}
	if (len > 5 && !memcmp(text, "From ", 5)) {
		const char *stop = memchr(text, '\n', len);

		m->at.line++;
		len -= stop ? (size_t)(stop + 1 - text) : len;
		text = stop ? stop + 1 : text;
	}
	m->at.line += lines_of_header(text, len) + 1;
	message = parse(text, len);
	if (!message)
		return err_user(e, "%s: this is not a mail", name);
	read_headers(message, m);
	read_body(message, m);
	g_object_unref(message);
	subject_parse(m->subject, &m->head);
	return 0;
}

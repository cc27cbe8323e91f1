#include "kernel/bzimage.h"

#include "base/err.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <unistd.h>

/* Offsets of the boot header: Documentation/arch/x86/boot.rst of the kernel. */
enum {
	SETUP_SECTS = 0x1f1,
	BOOT_FLAG = 0x1fe,
	MAGIC = 0x202,
	PROTOCOL = 0x206,
	KERNEL_VERSION = 0x20e,
	PAYLOAD_OFFSET = 0x248,
	PAYLOAD_LENGTH = 0x24c,
	HEADER_END = 0x250,
	SECTOR = 512,
};

#define PROTOCOL_WITH_PAYLOAD 0x208

static uint16_t le16(const void *data, size_t at)
{
	const uint8_t *p = (const uint8_t *)data + at;

	return (uint16_t)(p[0] | p[1] << 8);
}

static uint32_t le32(const void *data, size_t at)
{
	return le16(data, at) | (uint32_t)le16(data, at + 2) << 16;
}

bool bzimage_is(const void *data, size_t len)
{
	return len >= HEADER_END && le16(data, BOOT_FLAG) == 0xaa55 &&
	       !memcmp((const char *)data + MAGIC, "HdrS", 4);
}

static bool release_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (c >= '0' && c <= '9') || (c && strchr("._+~-", c));
}

bool banner_parse(const char *text, size_t len, char release[RELEASE_MAX],
		  char banner[BANNER_MAX])
{
	size_t n = 0, k = 0;

	while (n < len && n < RELEASE_MAX - 1 && release_char(text[n]))
		n++;
	if (!n || text[0] < '0' || text[0] > '9' || n == len || text[n] != ' ')
		return false;
	memcpy(release, text, n);
	release[n] = '\0';
	while (k < len && k < BANNER_MAX - 1 && text[k] >= ' ' && text[k] < 127)
		k++;
	memcpy(banner, text, k);
	banner[k] = '\0';
	return true;
}

static size_t setup_size(const void *data)
{
	uint8_t sects = ((const uint8_t *)data)[SETUP_SECTS];

	return ((sects ? sects : 4u) + 1u) * SECTOR;
}

static int parse_payload(const void *data, size_t len, struct bzimage *b,
			 struct err *e)
{
	size_t at = setup_size(data), off = le32(data, PAYLOAD_OFFSET),
	       n = le32(data, PAYLOAD_LENGTH);

	if (le16(data, PROTOCOL) < PROTOCOL_WITH_PAYLOAD || !n)
		return 0;
	if (at > len || off > len - at || n > len - at - off)
		return err_user(e, "the file ends before its payload does: "
				   "truncated");
	b->payload = at + off;
	b->payload_len = n;
	return 0;
}

int bzimage_parse(const void *data, size_t len, struct bzimage *b,
		  struct err *e)
{
	size_t at;

	*b = (struct bzimage){0};
	if (!bzimage_is(data, len))
		return err_user(e, "not a bzImage: no boot header");
	at = le16(data, KERNEL_VERSION);
	if (!at)
		return err_user(e, "its boot header has no version string");
	at += SECTOR;
	if (at >= len || !banner_parse((const char *)data + at, len - at,
				       b->release, b->banner))
		return err_user(e, "its version string is damaged");
	return parse_payload(data, len, b, e);
}

/* One filter and no guessing: libarchive would go on through layer after layer,
 * and would run programs for formats it does not know itself. */
static int payload_filter(const uint8_t *p, size_t len)
{
	static const struct {
		const char *magic;
		size_t len;
		int filter;
	} formats[] = {
		{"\x1f\x8b", 2, ARCHIVE_FILTER_GZIP},
		{"BZh", 3, ARCHIVE_FILTER_BZIP2},
		{"\xfd"
		 "7zXZ\0",
		 6, ARCHIVE_FILTER_XZ},
		{"\x5d\0\0", 3, ARCHIVE_FILTER_LZMA},
		{"\x02\x21\x4c\x18", 4, ARCHIVE_FILTER_LZ4},
		{"\x28\xb5\x2f\xfd", 4, ARCHIVE_FILTER_ZSTD},
	};

	for (size_t i = 0; i < sizeof(formats) / sizeof(*formats); i++)
		if (len > formats[i].len &&
		    !memcmp(p, formats[i].magic, formats[i].len))
			return formats[i].filter;
	return -1;
}

static int write_all(int fd, const char *data, size_t len, struct err *e)
{
	while (len) {
		ssize_t n = write(fd, data, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_sys(e, errno, "cannot write the vmlinux");
		data += n;
		len -= (size_t)n;
	}
	return 0;
}

static int copy_out(struct archive *a, size_t want, int fd, struct err *e)
{
	char chunk[65536];
	size_t total = 0;
	la_ssize_t n;
	int r = 0;

	while (!r && (n = archive_read_data(a, chunk, sizeof(chunk))) > 0) {
		total += (size_t)n;
		if (total > want)
			break;
		r = write_all(fd, chunk, (size_t)n, e);
	}
	if (!r && n < 0)
		return err_user(e, "its payload is damaged: %s",
				archive_error_string(a));
	if (!r && total != want)
		return err_user(e,
				"its payload is damaged: %s than the %zu "
				"bytes it is said to have",
				total > want ? "longer" : "shorter", want);
	return r;
}

static int decompress(const uint8_t *p, size_t len, int filter, size_t want,
		      int fd, struct err *e)
{
	struct archive *a = archive_read_new();
	struct archive_entry *entry;
	int r;

	archive_read_support_format_raw(a);
	if (archive_read_append_filter(a, filter) != ARCHIVE_OK ||
	    archive_read_open_memory(a, p, len) != ARCHIVE_OK ||
	    archive_read_next_header(a, &entry) != ARCHIVE_OK)
		r = err_user(e, "its payload is damaged: %s",
			     archive_error_string(a));
	else
		r = copy_out(a, want, fd, e);
	archive_read_free(a);
	return r;
}

int bzimage_extract(const void *data, size_t len, const struct bzimage *b,
		    int fd, struct err *e)
{
	const uint8_t *p = (const uint8_t *)data + b->payload;
	size_t n = b->payload_len, want;
	int filter;

	BUG(b->payload > len || n > len - b->payload);
	filter = payload_filter(p, n);
	if (n < 8 || filter < 0) {
		err_user(e, "its payload is in a format klab cannot read");
		return -ENOTSUP;
	}
	want = le32(p, n - 4);
	if (want > BZIMAGE_CAP)
		return err_user(e, "its payload of %zu bytes is too large",
				want);
	/* The size at the end is gzip's own; behind other formats it was added
	 * by the kernel build. */
	if (filter != ARCHIVE_FILTER_GZIP)
		n -= 4;
	return decompress(p, n, filter, want, fd, e);
}

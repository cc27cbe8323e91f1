/* What a box says of itself: notes in base64, and its console. */
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/file.h"
#include "base/str.h"
#include "metal/buildid.h"
#include "metal/console.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static const char path[] = "/dev/shm/klab-fuzz-serial";
	char *text = xstrndup((const char *)data, len), hex[BUILDID_HEX];
	struct str out = STR_INIT;
	struct err e;

	BUG(buildid_of_notes(data, len, hex) && strlen(hex) >= BUILDID_HEX);
	BUG(buildid_of_base64(text, hex) && strlen(hex) >= BUILDID_HEX);
	if (len > 2 && !file_put(path, data + 2, len - 2, &e) &&
	    !console_cut(path, data[0], data[1] ? data[1] * 16u : UINT64_MAX,
			 "6.12", "6.1", &out, &e))
		BUG(out.len > len);
	str_release(&out);
	free(text);
	return 0;
}

#include "build/build_int.h"

static bool is_set(const struct str *config, const char *line)
{
	const char *at = strstr(config->buf, line);

	while (at && at != config->buf && at[-1] != '\n')
		at = strstr(at + 1, line);
	return at;
}

int build_config_read(const char *path, struct build_config *c, struct err *e)
{
	int r;

	*c = (struct build_config){0};
	r = file_read(path, BUILD_CONFIG_CAP, &c->text, e);
	if (r) {
		str_release(&c->text);
		return r;
	}
	mem_sha256(c->text.buf, c->text.len, c->sha256);
	c->pvh = is_set(&c->text, "CONFIG_PVH=y\n");
	c->modules = is_set(&c->text, "CONFIG_MODULES=y\n");
	return 0;
}

void build_config_release(struct build_config *c)
{
	str_release(&c->text);
}

void build_key_of(const struct build_request *rq, const struct build_config *c,
		  const struct build_kmods *m, char key[17])
{
	const struct toolchain *t = rq->tools;
	struct str s = STR_INIT;
	char hex[SHA256_HEX];

	str_addf(&s, "environment %d\narch x86_64\ntree %s\nconfig %s\n",
		 BUILD_ENVIRONMENT, rq->tree, c->sha256);
	str_addf(&s, "toolchain %s\nllvm %d\nsandboxed %d\n",
		 t->version ? t->version : "unknown", t->llvm, !rq->box->off);
	for (size_t i = 0; i < t->make_args.n; i++)
		str_addf(&s, "arg %s\n", t->make_args.v[i]);
	build_kmods_digest(m, &s);
	mem_sha256(s.buf, s.len, hex);
	str_release(&s);
	memcpy(key, hex, 16);
	key[16] = '\0';
}

int build_key(const struct build_request *rq, char key[17], struct err *e)
{
	struct build_config c;
	struct build_kmods m;
	int r = build_kmods_read(rq->kmods, &m, e);

	if (r)
		return r;
	r = build_config_read(rq->config, &c, e);
	if (!r) {
		build_key_of(rq, &c, &m, key);
		build_config_release(&c);
	}
	build_kmods_release(&m);
	return r;
}

/* The next line that sets an option, or says that one is not set. */
static const char *next_option(const char *p)
{
	while (*p && !str_starts(p, "CONFIG_") && !str_starts(p, "# CONFIG_")) {
		p += strcspn(p, "\n");
		p += *p == '\n';
	}
	return p;
}

bool build_config_same(const char *a, const char *b, char where[160])
{
	for (;;) {
		size_t n, k;

		a = next_option(a);
		b = next_option(b);
		n = strcspn(a, "\n");
		k = strcspn(b, "\n");
		if (n != k || memcmp(a, b, n)) {
			snprintf(where, 160, "%.*s", (int)(k ? k : n),
				 k ? b : a);
			str_plain(where);
			return false;
		}
		if (!*a)
			return true;
		a += n;
		b += k;
	}
}

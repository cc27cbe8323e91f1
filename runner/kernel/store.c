#include "kernel/store.h"

#include "base/err.h"
#include "base/file.h"
#include "base/str.h"
#include "kernel/bzimage.h"
#include "kernel/elf.h"
#include "kernel/exact.h"
#include "kernel/manifest.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAP_CAP (64u << 20)
#define CONFIG_CAP (4u << 20)

void kernel_release(struct kernel *k)
{
	free(k->release);
	free(k->banner);
	free(k->source);
	free(k->package);
	free(k->version);
	free(k->suite);
	free(k->sha256);
	free(k->identity);
	free(k->commit);
	free(k->tree);
	free(k->dir);
	free(k->boot_path);
	free(k->exact_path);
	free(k->exact_sha256);
	free(k->config_path);
	free(k->map_path);
	*k = (struct kernel){0};
}

void kernel_deb_release(struct kernel_deb *deb)
{
	free(deb->part);
	free(deb->name);
	free(deb->version);
	free(deb->arch);
	free(deb->sha256);
	*deb = (struct kernel_deb){0};
}

int kernel_store_stage(const char *lab, char **stage, struct err *e)
{
	char *kernels = xasprintf("%s/kernels", lab);
	char *path = xasprintf("%s/.new.XXXXXX", kernels);
	int r = file_mkdirs(kernels, e);

	if (!r && (!mkdtemp(path) || chmod(path, 0755)))
		r = err_sys(e, errno, "cannot make a folder in '%s'", kernels);
	if (r)
		free(path);
	else
		*stage = path;
	free(kernels);
	return r;
}

void kernel_store_drop(const char *stage)
{
	struct err ignored;

	file_remove(stage, &ignored);
}

/* A file of the stage in memory: the stage is ours, so it stays as it is. */
struct view {
	void *data;
	size_t len;
};

static int view_open(struct view *v, const char *path, size_t cap,
		     struct err *e)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), r = 0;
	struct stat st;

	*v = (struct view){0};
	if (fd < 0)
		return err_sys(e, errno, "cannot open '%s'", path);
	if (fstat(fd, &st))
		r = err_sys(e, errno, "cannot read '%s'", path);
	else if (!S_ISREG(st.st_mode) || st.st_size == 0)
		r = err_user(e, "the image is empty");
	else if ((uint64_t)st.st_size > cap)
		r = err_user(e, "the image is larger than %zu bytes", cap);
	if (!r) {
		v->len = (size_t)st.st_size;
		v->data = mmap(NULL, v->len, PROT_READ, MAP_PRIVATE, fd, 0);
		if (v->data == MAP_FAILED)
			r = err_sys(e, errno, "cannot map '%s'", path);
	}
	close(fd);
	return r;
}

static void view_close(struct view *v)
{
	munmap(v->data, v->len);
}

/* Unpacks the vmlinux of a bzImage; it stays only if QEMU can start it. */
static int add_vmlinux(const char *stage, const struct view *v,
		       const struct bzimage *b, bool *pvh, struct err *e)
{
	char *path = xasprintf("%s/vmlinux", stage);
	int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666), r;

	*pvh = false;
	if (fd < 0) {
		r = err_sys(e, errno, "cannot create '%s'", path);
		goto out;
	}
	r = bzimage_extract(v->data, v->len, b, fd, e);
	if (!r)
		*pvh = elf_has_pvh(fd);
	close(fd);
	if (!*pvh)
		unlink(path);
	if (r == -ENOTSUP) /* QEMU can still start the bzImage */
		r = 0;
out:
	free(path);
	return r;
}

static int adopt_bzimage(const char *stage, const struct view *v,
			 struct kernel *k, struct err *e)
{
	struct bzimage b;
	int r = bzimage_parse(v->data, v->len, &b, e);

	if (r)
		return r;
	k->release = xstrdup(b.release);
	k->banner = xstrdup(b.banner);
	if (!b.payload_len)
		return 0;
	return add_vmlinux(stage, v, &b, &k->pvh, e);
}

static int adopt_vmlinux(const char *image, struct kernel *k, struct err *e)
{
	char release[RELEASE_MAX], banner[BANNER_MAX];
	int fd = open(image, O_RDONLY | O_CLOEXEC), r;

	if (fd < 0)
		return err_sys(e, errno, "cannot open '%s'", image);
	if (!elf_is_x86_64(fd))
		r = err_user(e, "neither a bzImage nor a vmlinux for x86-64");
	else if (!elf_has_pvh(fd))
		r = err_user(e, "this vmlinux has no PVH entry, QEMU cannot "
				"start it: set CONFIG_PVH=y, or give the "
				"bzImage");
	else
		r = elf_banner(fd, release, banner, e);
	close(fd);
	if (r)
		return r;
	k->release = xstrdup(release);
	k->banner = xstrdup(banner);
	k->pvh = true;
	return 0;
}

/* Looks at the image, and gives it the name of what it is. */
static int adopt_image(const char *stage, struct kernel *k, struct err *e)
{
	char *image = xasprintf("%s/%s", stage, STAGE_IMAGE), *to = NULL;
	char hex[SHA256_HEX];
	struct view v;
	bool bz;
	int r = view_open(&v, image, VMLINUX_CAP, e);

	if (r)
		goto out;
	bz = bzimage_is(v.data, v.len);
	r = bz ? adopt_bzimage(stage, &v, k, e) : adopt_vmlinux(image, k, e);
	view_close(&v);
	if (!r)
		r = file_sha256(image, hex, e);
	if (!r)
		k->sha256 = xstrdup(hex);
	to = xasprintf("%s/%s", stage, bz ? "bzImage" : "vmlinux");
	if (!r && rename(image, to))
		r = err_sys(e, errno, "cannot rename '%s'", image);
out:
	free(to);
	free(image);
	return r;
}

/* Debian ships a System.map of one line that says where the real one is. */
static bool map_is_real(const char *text, size_t len)
{
	return memmem(text, len, " _text\n", 7);
}

static int drop_unreal_map(const char *stage, struct err *e)
{
	char *path = xasprintf("%s/%s", stage, STAGE_MAP);
	struct str text = STR_INIT;
	int r = 0;

	if (file_exists(path)) {
		r = file_read(path, MAP_CAP, &text, e);
		if (!r && !map_is_real(text.buf, text.len))
			unlink(path);
	}
	str_release(&text);
	free(path);
	return r;
}

static char *path_if_there(const char *dir, const char *name)
{
	char *path = xasprintf("%s/%s", dir, name);

	if (file_exists(path))
		return path;
	free(path);
	return NULL;
}

static void set_key(struct kernel *k, const char *key)
{
	memcpy(k->key, key, sizeof(k->key) - 1);
	k->key[sizeof(k->key) - 1] = '\0';
}

/* CONFIG_HZ of a config, or 0. */
static int config_hz(const char *path)
{
	struct str text = STR_INIT;
	struct err ignored;
	const char *at;
	long hz = 0;

	if (path && !file_read(path, CONFIG_CAP, &text, &ignored) &&
	    (at = strstr(text.buf, "\nCONFIG_HZ=")))
		hz = strtol(at + strlen("\nCONFIG_HZ="), NULL, 10);
	str_release(&text);
	return hz > 0 && hz <= 10000 ? (int)hz : 0;
}

/* Where the kernel does not let itself be preset, the exact clock boots what
 * the others boot. */
static int add_exact(const char *stage, struct kernel *k, struct err *e)
{
	char *from = xasprintf("%s/vmlinux", stage);
	char *to = xasprintf("%s/" EXACT_IMAGE, stage), hex[SHA256_HEX];
	int r = k->pvh && k->hz ? exact_copy(from, k->hz, to, e) : -ENOTSUP;

	if (!r)
		r = file_sha256(to, hex, e);
	if (!r)
		k->exact_sha256 = xstrdup(hex);
	free(to);
	free(from);
	return r == -ENOTSUP ? 0 : r;
}

static int make_key(struct kernel *k, struct err *e)
{
	char config[SHA256_HEX] = "none", hex[SHA256_HEX], *text;
	int r = 0;

	if (k->config_path)
		r = file_sha256(k->config_path, config, e);
	if (r)
		return r;
	text = xasprintf("%s\n%s\n%s\n", k->sha256, config, k->source);
	mem_sha256(text, strlen(text), hex);
	free(text);
	set_key(k, hex);
	return 0;
}

/* The folder is renamed into place; if another klab was first, its folder has
 * the same content and ours is not needed. */
static int publish(const char *lab, const char *stage, const char *key,
		   struct err *e)
{
	char *dir = xasprintf("%s/kernels/%s", lab, key);
	struct kernel there = {0};
	struct err why;
	int r = kernel_store_find(lab, key, &there, &why);

	if (r) {
		/* What is left of a folder that lost a file makes room. */
		r = file_remove(dir, e);
		if (!r)
			r = file_publish(stage, dir, e);
		if (r && !kernel_store_find(lab, key, &there, &why))
			r = 0;
	}
	kernel_release(&there);
	free(dir);
	return r;
}

static int prepare(const char *stage, const struct kernel_origin *from,
		   struct kernel *k, struct err *e)
{
	int r = adopt_image(stage, k, e);

	if (!r)
		r = drop_unreal_map(stage, e);
	if (r)
		return r;
	k->source = xstrdup(from->source);
	k->config_path = path_if_there(stage, STAGE_CONFIG);
	k->map_path = path_if_there(stage, STAGE_MAP);
	k->hz = config_hz(k->config_path);
	r = add_exact(stage, k, e);
	if (r)
		return r;
	if (from->build)
		set_key(k, from->build->key);
	else
		r = make_key(k, e);
	if (r)
		return r;
	return manifest_write(stage, k, from, e);
}

int kernel_store_add(const char *lab, const char *stage,
		     const struct kernel_origin *from, struct kernel *k,
		     struct err *e)
{
	struct kernel fresh = {0};
	int r = prepare(stage, from, &fresh, e);

	if (!r)
		r = publish(lab, stage, fresh.key, e);
	if (!r)
		r = kernel_store_find(lab, fresh.key, k, e);
	kernel_release(&fresh);
	kernel_store_drop(stage);
	return r;
}

static bool key_is_valid(const char *key)
{
	return strlen(key) == 16 && strspn(key, "0123456789abcdef") == 16;
}

int kernel_store_add_built(const char *lab, const char *stage,
			   const struct kernel_origin *from, struct kernel *k,
			   struct err *e)
{
	BUG(!from->build || !key_is_valid(from->build->key));
	return kernel_store_add(lab, stage, from, k, e);
}

int kernel_store_find(const char *lab, const char *key, struct kernel *k,
		      struct err *e)
{
	struct kernel found = {0};
	int r;

	if (!key_is_valid(key))
		return err_user(e, "'%s' is not the key of a kernel", key);
	found.dir = xasprintf("%s/kernels/%s", lab, key);
	if (!file_exists(found.dir)) {
		err_lab(e, "the lab has no kernel '%s'", key);
		kernel_release(&found);
		return -ENOENT;
	}
	memcpy(found.key, key, sizeof(found.key));
	r = manifest_read(&found, e);
	if (r) {
		kernel_release(&found);
		return r;
	}
	found.boot_path = xasprintf("%s/%s", found.dir,
				    found.pvh ? "vmlinux" : "bzImage");
	found.config_path = path_if_there(found.dir, STAGE_CONFIG);
	found.map_path = path_if_there(found.dir, STAGE_MAP);
	if (found.exact_sha256)
		found.exact_path = xasprintf("%s/" EXACT_IMAGE, found.dir);
	if (!found.hz)
		found.hz = config_hz(found.config_path);
	if (!file_exists(found.boot_path) ||
	    (found.exact_path && !file_exists(found.exact_path))) {
		err_lab(e, "the image of kernel '%s' is gone from '%s'", key,
			found.dir);
		kernel_release(&found);
		return -ENOENT;
	}
	*k = found;
	return 0;
}

int kernel_store_deb(const struct kernel *k, const char *part,
		     struct kernel_deb *deb, struct err *e)
{
	return manifest_read_deb(k->dir, part, deb, e);
}

/*
 * An error as a value: what went wrong, whose fault it is, in one sentence.
 *
 * A function that can fail takes a struct err * as its last argument, returns 0
 * or a negative errno, and fills the struct only when it fails.  Whoever gets
 * the error may put context in front of it with err_prefix().  Only main.c and
 * cmd/ print it.
 */
#ifndef KLAB_ERR_H
#define KLAB_ERR_H

/* Whose fault; also the exit code of a verb that ends with this error. */
enum err_kind {
	ERR_NONE = 0,
	ERR_USER = 2,   /* usage or study file */
	ERR_KERNEL = 3, /* the kernel under test did not build or boot */
	ERR_LAB = 4,    /* klab, its tools or this host */
};

struct err {
	enum err_kind kind;
	char text[1024];
};

/* Each formats the sentence and returns -EINVAL, -EIO or -errnum. */
int err_user(struct err *e, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
int err_kernel(struct err *e, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
int err_lab(struct err *e, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* As err_lab(), with ": " and the text of errnum added; returns -errnum. */
int err_sys(struct err *e, int errnum, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* Puts "context: " in front of an error already set. */
void err_prefix(struct err *e, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* A broken promise of our own: says where, and aborts. */
#define BUG(cond)                                                              \
	do {                                                                   \
		if (cond)                                                      \
			err_bug(__FILE__, __LINE__, #cond);                    \
	} while (0)
_Noreturn void err_bug(const char *file, int line, const char *what);

#endif

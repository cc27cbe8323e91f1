/*
 * What a metal boot must know, out of its spec.json.
 */
#ifndef KLAB_METAL_CONF_H
#define KLAB_METAL_CONF_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

struct err;

/* How the kernel under test is started, one time only. */
enum metal_start { START_KEXEC, START_GRUB, START_SYSTEMD_BOOT };

/* Strings belong to the spec. */
struct metal_conf {
	json_t *spec;
	const char *machine;
	const char *release; /* uname -r of the kernel under test */
	/* ---- how to reach the box ---- */
	const char *ssh;         /* user@host */
	int ssh_port;            /* 0: ssh's own choice */
	const char *identity;    /* key file, or NULL */
	const char *known_hosts; /* file, or NULL: the user's own */
	const json_t *options;   /* list of -o options, or NULL */
	const char *console;     /* command, or NULL */
	const char *break_text;  /* what sends BREAK in there, or NULL */
	const char *power_cycle; /* command, or NULL */
	int boot_timeout_s, ssh_timeout_s, hang_s;
	bool keep;       /* the kernel's files stay on the box */
	bool check_back; /* wait until it is under its own kernel again */
	/* ---- what is part of the boot ---- */
	enum metal_start start;
	const char *append; /* "" if none */
	bool initrd;        /* made on the box */
	bool watchdog;
	const json_t *quiesce; /* object of texts, or NULL */
};

/* Reads and checks DIR/spec.json; ERR_LAB if it is not a metal boot's. */
int metal_conf_load(const char *dir, struct metal_conf *c, struct err *e);
void metal_conf_release(struct metal_conf *c);
/* The verb of target.sh: "kexec", "grub", "systemd_boot". */
const char *metal_start_verb(enum metal_start s);
/* -1 if the word of a machine file means none. */
int metal_start_parse(const char *word);
/* All that the job may take on the box, by the deadlines of its steps. */
uint64_t metal_job_ms(const struct metal_conf *c);

#endif

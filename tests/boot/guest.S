/*
 * A guest of a few bytes that does one thing, by PLAY: what a kernel may do that
 * no test can wait for.  QEMU enters it by the PVH note, in 32 bits.
 *
 *     gcc -nostdlib -static -no-pie -Wl,--build-id=none -DPLAY=SPIN \
 *         -Wl,-Ttext-segment=0x100000 -o spin guest.S
 */
#define NOTE_PHYS32_ENTRY 18
#define COM1 0x3f8

#define SPIN 1	/* interrupts off, for ever */
#define HALT 2	/* waits for an interrupt that cannot come */
#define PANIC 3	/* says so after 50 ms, and restarts */
#define CHATTER 4 /* never ends to write to its console */

	.section .note.pvh, "a", @note
	.balign 4
	.long 4, 8, NOTE_PHYS32_ENTRY
	.asciz "Xen"
	.long _start, 0

	.text
	.code32
	.globl _start
_start:
	cli
	movl $stack, %esp
	movl $banner, %esi
	call say
#if PLAY == SPIN
1:	jmp 1b
#elif PLAY == HALT
1:	hlt
	jmp 1b
#elif PLAY == CHATTER
1:	movl $banner, %esi
	call say
	jmp 1b
#elif PLAY == PANIC
	/* Some time of the exact clock: two instructions a round. */
	movl $25000000, %ecx
1:	decl %ecx
	jnz 1b
	movl $panic, %esi
	call say
	/* Reset by way of the port of PCI boards. */
	movw $0xcf9, %dx
	movb $6, %al
	outb %al, %dx
2:	hlt
	jmp 2b
#endif

/* The text at %esi, to the console. */
say:
	movw $COM1 + 5, %dx
1:	inb %dx, %al
	testb $0x20, %al
	jz 1b
	lodsb
	testb %al, %al
	jz 2f
	movw $COM1, %dx
	outb %al, %dx
	jmp say
2:	ret

/* What klab looks for in a vmlinux. */
banner:
	.asciz "Linux version 6.99.0-play (nobody@nowhere)\n"
panic:
	.asciz "[    0.050000] Kernel panic - not syncing: as was to be\n"

	.bss
	.balign 16
	.space 256
stack:

	.section .note.GNU-stack, "", @progbits

/*
 * The probe: the smallest guest that shows that an accelerator runs code.
 * An openable /dev/kvm is no proof: on some hosts a guest then hangs, or runs a
 * thousand times slower than without; so the time it takes counts too.
 *
 * It counts down from four million, reads the time stamp counter, writes
 * "klab-probe ok\n" to COM1 and ends QEMU by writing 0x10 to port 0x501, which
 * isa-debug-exit makes into exit status (0x10 << 1) | 1 = 33.
 *
 *     gcc -m32 -nostdlib -static -no-pie -Wl,--build-id=none \
 *         -Wl,-Ttext-segment=0x100000 -o probe probe.S
 *     qemu-system-x86_64 -nodefaults -no-user-config -display none \
 *         -no-reboot -machine pc -m 32M -nic none -accel tcg \
 *         -serial file:probe.log \
 *         -device isa-debug-exit,iobase=0x501,iosize=1 -kernel probe
 *
 * For the exact clock add -icount shift=0,sleep=off; for KVM say -accel kvm.
 * QEMU enters it through the note below: 32-bit protected mode, flat segments,
 * no paging, interrupts off.  It uses no stack and no memory but its text.
 */
#define NOTE_PHYS32_ENTRY 18 /* XEN_ELFNOTE_PHYS32_ENTRY */
#define COM1 0x3f8
#define COM1_LINE_STATUS (COM1 + 5)
#define LINE_CAN_SEND 0x20
#define EXIT_PORT 0x501
#define EXIT_VALUE 0x10

	.section .note.pvh, "a", @note
	.balign 4
	.long 4, 8, NOTE_PHYS32_ENTRY
	.asciz "Xen"
	/* 8 bytes: QEMU reads a size_t, whatever the length above says. */
	.long _start, 0

	.text
	.globl _start
_start:
	movl $4000000, %ecx
1:	decl %ecx
	jnz 1b

	rdtsc

	movl $message, %esi
2:	movw $COM1_LINE_STATUS, %dx
3:	inb %dx, %al
	testb $LINE_CAN_SEND, %al
	jz 3b
	movb (%esi), %al
	movw $COM1, %dx
	outb %al, %dx
	incl %esi
	cmpl $message_end, %esi
	jne 2b

	movb $EXIT_VALUE, %al
	movw $EXIT_PORT, %dx
	outb %al, %dx
4:	hlt
	jmp 4b

message:
	.ascii "klab-probe ok\n"
message_end:

	.section .note.GNU-stack, "", @progbits

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * guests/linux/entry.S - looks like a Linux kernel to a boot loader; says when it was entered.
 *
 * The time-stamp counter at the first instruction, in hexadecimal, on COM1. Padded to the size
 * of a real kernel and loaded with the same initial RAM disk, it tells what firmware and loader
 * took: the rest of the time until init is the kernel's own boot (tools/bench).
 * Source   Linux, Documentation/x86/boot.rst, "The Real-Mode Kernel Header"; "32-bit Boot
 *	    Protocol". A loader enters the 16-bit code with DS = its segment, or the 32-bit code
 *	    with flat segments and ESI = boot_params, which says where that code lies.
 */
#define COM1	      0x3f8
#define COM1_LCR      0x3fb
#define COM1_LSR      0x3fd
#define LCR_8N1	      3
#define LSR_THR_EMPTY 0x20
#define LSR_IDLE      0x60
#define SECTOR	      512
#define LOAD_AT	      0x100000
#define PROTOCOL      0x020a
#define BOOT_PARAMS_CODE32_START 0x214
#define LOADED_HIGH   1

/* Sends the byte in AL; BL and EDX change. */
.macro send
	movb	%al, %bl
	movw	$COM1_LSR, %dx
7:	inb	%dx, %al
	testb	$LSR_THR_EMPTY, %al
	jz	7b
	movw	$COM1, %dx
	movb	%bl, %al
	outb	%al, %dx
.endm

/* Sends the NUL-terminated text at file offset `at`; ESI, EAX, EBX and EDX change. */
.macro send_text at
	leal	\at(%esp), %esi
1:	movb	(%esi), %al
	testb	%al, %al
	jz	2f
	send
	incl	%esi
	jmp	1b
2:
.endm

/* Sends the eight digits of EBP; EBP turns once round; EAX, EBX, ECX and EDX change. */
.macro send_hex
	movl	$8, %ecx
3:	roll	$4, %ebp
	movl	%ebp, %eax
	andb	$0xf, %al
	addb	$'0', %al
	cmpb	$'9', %al
	jbe	4f
	addb	$'a' - '0' - 10, %al
4:	send
	decl	%ecx
	jnz	3b
.endm

/* EDI = low half of the counter, EBP = high half, ESP = where the file's first byte would lie.
 * The texts are here because a loader puts the two parts of a file far apart. */
.macro tell
	movw	$COM1_LCR, %dx	/* not every firmware sets the port up */
	movb	$LCR_8N1, %al
	outb	%al, %dx
	send_text before_\@
	send_hex
	movl	%edi, %ebp
	send_hex
	send_text after_\@
	movw	$COM1_LSR, %dx
5:	inb	%dx, %al
	andb	$LSR_IDLE, %al
	cmpb	$LSR_IDLE, %al
	jne	5b
6:	hlt
	jmp	6b
before_\@:
	.asciz	"@{\"event\":\"end\",\"ok\":true,\"entry_tsc_hex\":\""
after_\@:
	.asciz	"\"}\r\n"
.endm

	.code16
	.section .text, "ax"
	.globl _start
_start:
	.org	0x1f1
	.byte	2		/* setup_sects: what follows this sector, before the 32-bit code */
	.word	0
	.long	0		/* syssize: loaders take it from the file */
	.word	0, 0xffff, 0
	.word	0xaa55
	jmp	setup		/* offset 0x200: two bytes */
	.org	0x202
	.ascii	"HdrS"
	.word	PROTOCOL
	.long	0
	.word	0, 0
	.byte	0
	.byte	LOADED_HIGH
	.word	0x8000
	.long	LOAD_AT		/* code32_start */
	.long	0, 0, 0
	.word	0
	.byte	0, 0
	.long	0		/* cmd_line_ptr */
	.long	0x7fffffff	/* initrd_addr_max */
	.long	0x200000	/* kernel_alignment */
	.byte	0, 21
	.word	0
	.long	2047		/* cmdline_size */
	.long	0
	.quad	0
	.long	0, 0
	.quad	0
	.quad	LOAD_AT		/* pref_address */
	.long	0x4000000	/* init_size: as much as real ones want */
setup:
	rdtsc
	movl	%eax, %edi
	movl	%edx, %ebp
	xorl	%esp, %esp	/* relative to DS */
	tell
	.org	3 * SECTOR
	.code32
	rdtsc
	movl	%eax, %edi
	movl	%edx, %ebp
	movl	BOOT_PARAMS_CODE32_START(%esi), %esp	/* where the loader put it */
	subl	$3 * SECTOR, %esp
	tell

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * arch/x86/boot_entry.S - the image's 64-bit entry, where all boot paths meet.
 *
 * State at boot_entry64: long mode, interrupts off, the low 4 GiB mapped one to one, the image
 * mapped at IMAGE_VIRT. RDI = physical address of a struct boot_info (UEFI loader).
 * boot_enter_high: the same with RAX = C function to call; RDI, RSI = its arguments.
 */
#include "arch/x86/layout.h"

	.code64
	.section .text, "ax", @progbits

	.globl	boot_entry64
	.type	boot_entry64, @function
boot_entry64:
	movq	$boot_enter, %rax

	.globl	boot_enter_high
boot_enter_high:
	cli
	cld
	lgdt	boot_gdt_pointer
	movl	$(boot_gdt_data - boot_gdt), %ecx
	movl	%ecx, %ds
	movl	%ecx, %es
	movl	%ecx, %fs
	movl	%ecx, %gs
	movl	%ecx, %ss
	movq	$boot_stack_top, %rsp
	xorl	%ebp, %ebp
	pushq	$(boot_gdt_code - boot_gdt)
	pushq	$1f
	lretq
1:	call	*%rax
	/* Not reached: the C functions do not return. */
2:	hlt
	jmp	2b

	/*
	 * Segments for the way up. Their "accessed" bits are set: the processor would otherwise
	 * write them, and this page is read-only. SDM Vol. 3A, "Segment Descriptors".
	 */
	.section .rodata, "a", @progbits
	.balign	16
	.globl	boot_gdt
boot_gdt:
	.quad	0
boot_gdt_code:
	.quad	0x00af9b000000ffff	/* 64-bit code */
boot_gdt_data:
	.quad	0x00cf93000000ffff	/* data */
boot_gdt_end:
	.globl	boot_gdt_pointer
boot_gdt_pointer:
	.word	boot_gdt_end - boot_gdt - 1
	.quad	boot_gdt

	.section .bss.stack, "aw", @nobits
	.balign	4096
	.globl	boot_stack_guard
boot_stack_guard:
	.skip	4096
	.skip	BOOT_STACK_BYTES
	.globl	boot_stack_top
boot_stack_top:

	.section .note.GNU-stack, "", @progbits

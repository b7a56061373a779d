/* SPDX-License-Identifier: Apache-2.0 */
/*
 * guests/rt/smp_entry.S - from a start-up IPI (real mode) to C in 64-bit mode: smp_entry.h.
 *
 * Source   SDM Vol. 3A, "Switching to Protected Mode" and "Initializing IA-32e Mode".
 */
#include "guests/rt/cpu.h"

	.section .rodata.trampoline, "a"
	.code16
	.globl smp_trampoline
smp_trampoline:
	cli
	cld
	movw	%cs, %ax
	movw	%ax, %ds
	lgdtl	gdt_pointer - smp_trampoline
	movl	$CR0_ET + CR0_PE, %eax	/* caches on: INIT leaves CD and NW set */
	movl	%eax, %cr0
	ljmpl	$SELECTOR_CODE32, $smp_entry32

	.balign 4
gdt_pointer:
	.word	SELECTOR_TSS + CPUS_MAX * TSS_STRIDE - 1
	.long	rt_gdt
	.globl smp_trampoline_end
smp_trampoline_end:

	.section .text.smp, "ax"
	.code32
smp_entry32:
	movl	$SELECTOR_DATA, %eax
	movw	%ax, %ds
	movw	%ax, %es
	movw	%ax, %ss
	movl	smp_page_table, %eax
	movl	%eax, %cr3
	movl	$CR4_PAE + CR4_OSFXSR + CR4_OSXMMEXCPT, %eax
	movl	%eax, %cr4
	movl	$MSR_EFER, %ecx
	rdmsr
	orl	$EFER_LME + EFER_NXE, %eax
	wrmsr
	movl	$CR0_PG + CR0_WP + CR0_NE + CR0_ET + CR0_MP + CR0_PE, %eax
	movl	%eax, %cr0
	ljmp	$SELECTOR_CODE, $smp_entry64

	.code64
smp_entry64:
	xorl	%eax, %eax
	movw	%ax, %fs
	movw	%ax, %gs
	movq	smp_stack_top, %rsp
	xorl	%ebp, %ebp
	call	smp_entered
	ud2

	.section .note.GNU-stack, "", @progbits

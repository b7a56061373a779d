/* SPDX-License-Identifier: Apache-2.0 */
/*
 * guests/rt/crt0.S - from the entry of guests/abi.h (flat 32-bit, paging off) to C in 64-bit mode.
 *
 * The tables made here map the first GiB, readable, writable and executable: just enough to
 * run C. guests/rt/paging.c replaces them by strict ones at once.
 * Source   SDM Vol. 3A, "Initializing IA-32e Mode".
 */
#include "guests/rt/cpu.h"
#include "guests/rt/start.h"

#define TABLE_ENTRIES	  512
#define TABLE_ENTRY_BYTES 8
#define STACK_BYTES	  0x10000

	.section .text.entry, "ax"
	.code32
	.globl guest_entry
guest_entry:
	cli
	cld
	cmpl	$START_MAGIC, %eax
	jne	stop
	lgdt	rt_gdt_pointer
	movl	$SELECTOR_DATA, %eax
	movw	%ax, %ds
	movw	%ax, %es
	movw	%ax, %ss

	/*
	 * The loader cleared .bss; a boot loader that did not must not cost us a day. Not by a string instruction: in
	 * Bochs with several CPUs nothing interrupts one, and its time is everybody's (docs/emulators.md).
	 */
	movl	$image_bss_start, %edi
	xorl	%eax, %eax
1:	movl	%eax, (%edi)
	addl	$4, %edi
	cmpl	$image_end, %edi
	jb	1b

	movl	$boot_pdpt + PTE_P + PTE_RW, boot_pml4
	movl	$boot_pd + PTE_P + PTE_RW, boot_pdpt
	movl	$boot_pd, %edi
	movl	$PTE_P + PTE_RW + PTE_PS, %eax
	movl	$TABLE_ENTRIES, %ecx
1:	movl	%eax, (%edi)
	addl	$LARGE_PAGE_SIZE, %eax
	addl	$TABLE_ENTRY_BYTES, %edi
	decl	%ecx
	jnz	1b

	movl	$boot_pml4, %eax
	movl	%eax, %cr3
	movl	$CR4_PAE + CR4_OSFXSR + CR4_OSXMMEXCPT, %eax
	movl	%eax, %cr4
	movl	$MSR_EFER, %ecx
	rdmsr
	orl	$EFER_LME + EFER_NXE, %eax
	wrmsr
	movl	$CR0_PG + CR0_WP + CR0_NE + CR0_ET + CR0_MP + CR0_PE, %eax
	movl	%eax, %cr0
	ljmp	$SELECTOR_CODE, $entry64

stop:	hlt			/* not our loader: there is nobody to tell */
	jmp	stop

	.code64
entry64:
	xorl	%eax, %eax
	movw	%ax, %fs
	movw	%ax, %gs
	movl	%ebx, %edi	/* struct guest_info; clears the upper half */
	movl	$rt_stack_top, %esp
	xorl	%ebp, %ebp
	call	rt_start
	ud2

	.section .rodata.gdt, "a"
	.balign 8
	.globl rt_gdt_pointer
rt_gdt_pointer:
	.word	rt_gdt_end - rt_gdt - 1
	.long	rt_gdt

	/* In .data: LTR marks the TSS descriptor busy, and trap.c fills it in. */
	.section .data.gdt, "aw"
	.balign 8
	.globl rt_gdt
rt_gdt:	.quad	0
	.quad	0x00af9b000000ffff	/* code: 64-bit, present, accessed, ring 0 */
	.quad	0x00cf93000000ffff	/* data: present, writable, accessed, ring 0 */
	.quad	0x00cf9b000000ffff	/* code: 32-bit, present, accessed, ring 0 */
	.rept	CPUS_MAX
	.quad	0, 0			/* TSS */
	.endr
rt_gdt_end:

	.section .bss.tables, "aw", @nobits
	.balign PAGE_SIZE
boot_pml4:
	.skip	PAGE_SIZE
boot_pdpt:
	.skip	PAGE_SIZE
boot_pd:
	.skip	PAGE_SIZE
	/* paging.c unmaps the guard: a stack that overflows faults instead of corrupting. */
	.globl rt_stack_guard
rt_stack_guard:
	.skip	PAGE_SIZE
	.skip	STACK_BYTES
rt_stack_top:

	.section .note.GNU-stack, "", @progbits

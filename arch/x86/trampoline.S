/* SPDX-License-Identifier: Apache-2.0 */
/*
 * arch/x86/trampoline.S - what a started processor runs first, from a page below 640 KiB.
 *
 * mp.c copies [trampoline_start, trampoline_end) there and fills in the words at the end. The
 * page is mapped read-only and executable at its physical address, which EBX holds throughout.
 * Source   SDM Vol. 3A, "Multiple-Processor (MP) Initialization", "Switching to Protected
 *	    Mode", "Initializing IA-32e Mode".
 * Entry    Real mode, CS = page >> 4, IP = 0, caches off (CR0.CD, CR0.NW are set).
 */
#define OFFSET(symbol) ((symbol) - trampoline_start)

#define CR0_PE (1 << 0)
#define CR0_ET (1 << 4)
#define CR4_PAE (1 << 5)
#define MSR_EFER 0xc0000080
#define EFER_LME (1 << 8)
#define EFER_NXE (1 << 11)	/* the tables say "no execute" */

#define SEL_CODE32 8
#define SEL_DATA32 16
#define SEL_CODE64 24

	.section .rodata, "a", @progbits
	.balign	16
	.globl	trampoline_start, trampoline_end
	.globl	trampoline_gdt_base, trampoline_far32, trampoline_far64
	.globl	trampoline_gdt, trampoline_32, trampoline_64
	.globl	trampoline_cr0, trampoline_cr3, trampoline_stack, trampoline_entry, trampoline_self

	.code16
trampoline_start:
	cli
	cld
	xorl	%ebx, %ebx
	movw	%cs, %bx
	movw	%bx, %ds
	shll	$4, %ebx
	lgdtl	OFFSET(trampoline_gdt_limit)
	movl	$(CR0_PE | CR0_ET), %eax
	movl	%eax, %cr0
	ljmpl	*OFFSET(trampoline_far32)

	.code32
trampoline_32:
	movl	$SEL_DATA32, %eax
	movl	%eax, %ds
	movl	%eax, %es
	movl	%eax, %ss
	movl	%cr4, %eax
	orl	$CR4_PAE, %eax
	movl	%eax, %cr4
	movl	OFFSET(trampoline_cr3)(%ebx), %eax
	movl	%eax, %cr3
	movl	$MSR_EFER, %ecx
	rdmsr
	orl	$(EFER_LME | EFER_NXE), %eax
	wrmsr
	movl	OFFSET(trampoline_cr0)(%ebx), %eax
	movl	%eax, %cr0
	ljmpl	*OFFSET(trampoline_far64)(%ebx)

	.code64
trampoline_64:
	movl	%ebx, %ebx		/* the upper half is undefined after the switch */
	movq	OFFSET(trampoline_stack)(%rbx), %rsp
	movq	OFFSET(trampoline_self)(%rbx), %rdi
	movq	OFFSET(trampoline_entry)(%rbx), %rax
	xorl	%ebp, %ebp
	call	*%rax			/* does not return */

	.balign	8
trampoline_gdt:
	.quad	0
	.quad	0x00cf9b000000ffff	/* SEL_CODE32, accessed: the page is read-only */
	.quad	0x00cf93000000ffff	/* SEL_DATA32 */
	.quad	0x00af9b000000ffff	/* SEL_CODE64 */
trampoline_gdt_limit:
	.word	trampoline_gdt_limit - trampoline_gdt - 1
trampoline_gdt_base:
	.long	0
trampoline_far32:
	.long	0
	.word	SEL_CODE32
trampoline_far64:
	.long	0
	.word	SEL_CODE64
	.balign	8
trampoline_cr0:
	.long	0
trampoline_cr3:
	.long	0
trampoline_stack:
	.quad	0
trampoline_entry:
	.quad	0
trampoline_self:
	.quad	0
trampoline_end:

	.section .note.GNU-stack, "", @progbits

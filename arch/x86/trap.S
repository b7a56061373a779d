/* SPDX-License-Identifier: Apache-2.0 */
/*
 * arch/x86/trap.S - one entry stub per vector, and going to sleep.
 *
 * Stack    SDM Vol. 3A, "64-Bit Mode Stack Frame": SS, RSP, RFLAGS, CS, RIP, aligned to 16, for
 *	    some vectors an error code; here below it the vector and the registers that C may
 *	    change. Together struct trap_frame of trap.c: 16 quadwords, so C finds RSP aligned.
 */
#define TRAP_STUB_BYTES 8	/* trap.c: the same */
#define X2APIC_EOI 0x80b	/* apic_regs.h: the same */

/* #DF, #TS, #NP, #SS, #GP, #PF, #AC, #CP, #VC, #SX push an error code. */
#define HAS_ERROR_CODE ((1 << 8) | (0x1f << 10) | (1 << 17) | (1 << 21) | (3 << 29))

	.section .text, "ax", @progbits
	.balign	16
	.globl	trap_stubs
trap_stubs:
	.set	vector, 0
	.rept	256
	.balign	TRAP_STUB_BYTES
	.byte	0x6a, vector & 0xff	/* push imm8, sign-extended: trap_handle() takes 8 bits */
	.if	(vector < 32) && ((HAS_ERROR_CODE >> (vector & 31)) & 1)
	jmp	trap_common
	.else
	jmp	trap_no_error
	.endif
	.set	vector, vector + 1
	.endr

	.balign	16
trap_no_error:
	pushq	(%rsp)			/* the vector moves down, and 0 stands for the error */
	movq	$0, 8(%rsp)
trap_common:
	pushq	%rax
	pushq	%rcx
	pushq	%rdx
	pushq	%rsi
	pushq	%rdi
	pushq	%r8
	pushq	%r9
	pushq	%r10
	pushq	%r11
	cld
	movq	%rsp, %rdi
	call	trap_handle
	popq	%r11
	popq	%r10
	popq	%r9
	popq	%r8
	popq	%rdi
	popq	%rsi
	popq	%rdx
	popq	%rcx
	popq	%rax
	addq	$16, %rsp		/* vector and error code */
	iretq

/* An interrupt of the local APIC, in x2APIC mode, that nobody wants: EOI, and back. */
	.balign	16
	.globl	trap_discard
trap_discard:
	pushq	%rax
	pushq	%rcx
	pushq	%rdx
	movl	$X2APIC_EOI, %ecx
	xorl	%eax, %eax
	xorl	%edx, %edx
	wrmsr
	popq	%rdx
	popq	%rcx
	popq	%rax
	iretq

/*
 * void cpu_idle(void): sleeps until an interrupt has been served.
 * STI holds interrupts off until after the next instruction, so one that is pending already
 * ends the HLT. An NMI may come between the two and use that protection up: trap_handle()
 * therefore moves a return address of cpu_idle_hlt to cpu_idle_woken.
 */
	.balign	16
	.globl	cpu_idle, cpu_idle_hlt, cpu_idle_woken
cpu_idle:
	sti
cpu_idle_hlt:
	hlt
cpu_idle_woken:
	cli
	ret

	.section .note.GNU-stack, "", @progbits

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * guests/rt/trap_entry.S - saves and restores struct trap_frame of guests/rt/trap.h.
 *
 * The CPU aligns the stack to 16 before it pushes; 5 words of its own, error code, vector
 * and 15 registers keep it so, as FXSAVE and the C calling convention both need.
 */
#define STUB_BYTES   16
#define FXSAVE_BYTES 512
#define HAS_ERROR_CODE 0x60227d00 /* vectors 8, 10-14, 17, 21, 29, 30 push one */

	.section .text.trap, "ax"
	.globl trap_stubs
	.balign STUB_BYTES
trap_stubs:
	vector = 0
	.rept 256
	.balign STUB_BYTES
	.if vector >= 32
	pushq	$0
	.elseif !((HAS_ERROR_CODE >> vector) & 1)
	pushq	$0
	.endif
	pushq	$vector
	jmp	trap_common
	vector = vector + 1
	.endr

trap_common:
	pushq	%rax
	pushq	%rbx
	pushq	%rcx
	pushq	%rdx
	pushq	%rbp
	pushq	%rsi
	pushq	%rdi
	pushq	%r8
	pushq	%r9
	pushq	%r10
	pushq	%r11
	pushq	%r12
	pushq	%r13
	pushq	%r14
	pushq	%r15
	subq	$FXSAVE_BYTES, %rsp
	fxsave64 (%rsp)
	cld
	movq	%rsp, %rdi
	call	trap_dispatch
	movq	%rax, %rsp
	fxrstor64 (%rsp)
	addq	$FXSAVE_BYTES, %rsp
	popq	%r15
	popq	%r14
	popq	%r13
	popq	%r12
	popq	%r11
	popq	%r10
	popq	%r9
	popq	%r8
	popq	%rdi
	popq	%rsi
	popq	%rbp
	popq	%rdx
	popq	%rcx
	popq	%rbx
	popq	%rax
	addq	$16, %rsp		/* vector and error code */
	iretq

	.section .note.GNU-stack, "", @progbits

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * arch/x86/vmx/entry.S - into the guest and back.
 *
 * HOST_RSP is the address of the struct vcpu, so that after an exit RSP alone says where the
 * guest's registers go, without a free register. Nothing is pushed there: interrupts are off,
 * and NMI, #DF and #MC have stacks of their own (IST). The real stack pointer waits in the
 * slot of RSP, which the VMCS holds for the guest.
 *
 * R12 to R15 are not here: no code of the hypervisor uses them (Makefile: -ffixed-r12 and so
 * on; what libgcc uses it restores), so the guest's values stay in the CPU, like the vector
 * registers, until another vCPU is loaded.
 *
 * Offsets are enum gpr * 8; vmx.c asserts them.
 */
#define RAX 0x00
#define RCX 0x08
#define RDX 0x10
#define RBX 0x18
#define RSP 0x20
#define RBP 0x28
#define RSI 0x30
#define RDI 0x38
#define R8  0x40
#define R9  0x48
#define R10 0x50
#define R11 0x58

	.text

/* RDI = struct vcpu. RAX to R11 are lost: the caller says so. */
	.globl vmx_run
	.type vmx_run, @function
vmx_run:
	mov	%rsp, RSP(%rdi)
	mov	RAX(%rdi), %rax
	mov	RCX(%rdi), %rcx
	mov	RDX(%rdi), %rdx
	mov	RBX(%rdi), %rbx
	mov	RBP(%rdi), %rbp
	mov	RSI(%rdi), %rsi
	mov	R8(%rdi), %r8
	mov	R9(%rdi), %r9
	mov	R10(%rdi), %r10
	mov	R11(%rdi), %r11
	mov	RDI(%rdi), %rdi
	vmresume
	/* The first time, VMRESUME refuses a VMCS whose launch state is clear, changing nothing. */
	vmlaunch
	call	vmx_entry_refused
	.size vmx_run, . - vmx_run

	.globl vmx_exit_point
	.type vmx_exit_point, @function
vmx_exit_point:
	mov	%rax, RAX(%rsp)
	mov	%rcx, RCX(%rsp)
	mov	%rdx, RDX(%rsp)
	mov	%rbx, RBX(%rsp)
	mov	%rbp, RBP(%rsp)
	mov	%rsi, RSI(%rsp)
	mov	%rdi, RDI(%rsp)
	mov	%r8, R8(%rsp)
	mov	%r9, R9(%rsp)
	mov	%r10, R10(%rsp)
	mov	%r11, R11(%rsp)
	mov	RSP(%rsp), %rsp
	ret
	.size vmx_exit_point, . - vmx_exit_point

	.section .note.GNU-stack, "", @progbits

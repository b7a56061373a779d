/* SPDX-License-Identifier: Apache-2.0 */
/*
 * arch/x86/boot/efi_handoff.S - the hypervisor's file, and the jump into it.
 *
 * Firmware may run with 5-level paging, which can be left with paging off only; and with its
 * own tables, which need not map what ours map. So: out of long mode, and in again.
 * Source   SDM Vol. 3A, "Switching Out of IA-32e Mode Operation", "Initializing IA-32e Mode".
 */
#ifndef BULKHEAD_ELF
#define BULKHEAD_ELF "bulkhead.elf"	/* found through the assembler's -I */
#endif

#define CR4_PAE (1 << 5)
#define CR4_PCIDE (1 << 17)
#define CR4_CET (1 << 23)
#define CR0_PE (1 << 0)
#define CR0_WP (1 << 16)
#define CR0_PG (1 << 31)
#define MSR_EFER 0xc0000080
#define EFER_LME (1 << 8)

	.section .rodata, "a", @progbits
	.balign	16
	.globl	efi_image, efi_image_end
efi_image:
	.incbin	BULKHEAD_ELF
efi_image_end:

/*
 * void efi_handoff(uint64_t boot_info, uint64_t cr3, uint64_t entry, uint64_t here)
 * Runs as a copy at `here`, a page below 4 GiB that is mapped one to one, executable and
 * writable; nothing in it depends on where it is linked. boot_info and cr3 are below 4 GiB.
 */
	.section .data, "aw", @progbits
	.balign	16
	.globl	efi_handoff, efi_handoff_end
	.code64
efi_handoff:
	cli
	cld
	movq	%rdx, (entry - efi_handoff)(%rcx)
	leaq	(gdt - efi_handoff)(%rcx), %rax
	movq	%rax, (gdt_pointer - efi_handoff + 2)(%rcx)
	leaq	(long_mode - efi_handoff)(%rcx), %rax
	movl	%eax, (long_pointer - efi_handoff)(%rcx)
	leaq	(legacy_mode - efi_handoff)(%rcx), %rax
	movl	%eax, (legacy_pointer - efi_handoff)(%rcx)
	movq	%cr4, %rax		/* both forbid what comes */
	andq	$~(CR4_PCIDE | CR4_CET), %rax
	movq	%rax, %cr4
	lgdt	(gdt_pointer - efi_handoff)(%rcx)
	ljmp	*(legacy_pointer - efi_handoff)(%rcx)

	.code32
legacy_mode:
	movl	%ecx, %ebx
	movl	$(gdt_data - gdt), %eax
	movl	%eax, %ds
	movl	%eax, %es
	movl	%eax, %ss
	movl	%cr0, %eax
	andl	$~CR0_PG, %eax
	movl	%eax, %cr0
	movl	$CR4_PAE, %eax
	movl	%eax, %cr4
	movl	%esi, %cr3
	movl	$MSR_EFER, %ecx
	rdmsr
	orl	$EFER_LME, %eax
	wrmsr
	movl	%cr0, %eax
	orl	$(CR0_PG | CR0_WP | CR0_PE), %eax
	movl	%eax, %cr0
	ljmp	*(long_pointer - efi_handoff)(%ebx)

	.code64
long_mode:
	movl	%edi, %edi
	movl	%ebx, %ebx
	jmp	*(entry - efi_handoff)(%rbx)

	.balign	8
entry:
	.quad	0
gdt:
	.quad	0
gdt_code32:
	.quad	0x00cf9b000000ffff
gdt_code64:
	.quad	0x00af9b000000ffff
gdt_data:
	.quad	0x00cf93000000ffff
gdt_end:
gdt_pointer:
	.word	gdt_end - gdt - 1
	.quad	0
legacy_pointer:
	.long	0
	.word	gdt_code32 - gdt
long_pointer:
	.long	0
	.word	gdt_code64 - gdt
efi_handoff_end:

	.section .note.GNU-stack, "", @progbits

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * arch/x86/boot/multiboot2.S - multiboot2 header and 32-bit entry.
 *
 * Source   Multiboot2 Specification version 2.0, "Multiboot2 header", "I386 machine state".
 *	    SDM Vol. 3A, "Initializing IA-32e Mode".
 * State    EAX = MULTIBOOT2_MAGIC, EBX = address of the information, flat 32-bit segments, paging
 *	    off, no stack. The image lies at IMAGE_LOAD: the header asks for no relocation.
 */
#include "arch/x86/layout.h"

#define PHYS(symbol) ((symbol) - IMAGE_VIRT + IMAGE_LOAD)

#define HEADER_MAGIC 0xe85250d6
#define HEADER_I386 0
#define TAG_END 0
#define TAG_ENTRY_ADDRESS 3
#define TAG_FRAMEBUFFER 5
#define FRAMEBUFFER_WIDTH 1024
#define FRAMEBUFFER_HEIGHT 768
#define FRAMEBUFFER_BITS 32
#define TAG_MODULE_ALIGN 6
#define TAG_OPTIONAL 1

#define EFLAGS_ID (1 << 21)
#define CPUID_EXTENDED 0x80000000
#define CPUID_FEATURES 0x80000001
#define CPUID_EDX_LM (1 << 29)
#define MSR_EFER 0xc0000080
#define EFER_LME (1 << 8)
#define CR4_PAE (1 << 5)
#define CR0_PE (1 << 0)
#define CR0_WP (1 << 16)
#define CR0_PG (1 << 31)

#define PTE_TABLE 0x3	/* present, writable */
#define PTE_2M 0x83	/* present, writable, page size */
#define LARGE_SHIFT 21

#define COM1 0x3f8
#define COM1_LSR 0x3fd
#define LSR_THRE 0x20

	.section .multiboot2, "a", @progbits
	.balign	8
header:
	.long	HEADER_MAGIC
	.long	HEADER_I386
	.long	header_end - header
	.long	0x100000000 - (HEADER_MAGIC + HEADER_I386 + (header_end - header))

	.balign	8
	.word	TAG_ENTRY_ADDRESS, 0
	.long	12
	.long	PHYS(multiboot2_entry)

	.balign	8
	.word	TAG_FRAMEBUFFER, TAG_OPTIONAL
	.long	20
	/* A wish; without a size GRUB ignores the 32 bits a pixel, too. */
	.long	FRAMEBUFFER_WIDTH, FRAMEBUFFER_HEIGHT, FRAMEBUFFER_BITS

	.balign	8
	.word	TAG_MODULE_ALIGN, TAG_OPTIONAL
	.long	8

	.balign	8
	.word	TAG_END, 0
	.long	8
header_end:

	.section .text, "ax", @progbits
	.code32
	.type	multiboot2_entry, @function
multiboot2_entry:
	cli
	cld
	movl	$PHYS(boot_stack_top), %esp
	movl	%eax, %edi		/* arguments of multiboot2_enter() */
	movl	%ebx, %esi
	call	check_long_mode
	call	build_tables

	movl	%cr4, %eax
	orl	$CR4_PAE, %eax
	movl	%eax, %cr4
	movl	$PHYS(boot_pml4), %eax
	movl	%eax, %cr3
	movl	$MSR_EFER, %ecx
	rdmsr
	orl	$EFER_LME, %eax
	wrmsr
	movl	%cr0, %eax
	orl	$(CR0_PG | CR0_WP | CR0_PE), %eax
	movl	%eax, %cr0

	lgdt	PHYS(low_gdt_pointer)
	ljmp	$8, $PHYS(1f)		/* boot_gdt's 64-bit code segment */

	.code64
1:	movl	%edi, %edi		/* upper halves are undefined after the switch */
	movl	%esi, %esi
	movq	$multiboot2_enter, %rax
	movq	$boot_enter_high, %rcx
	jmp	*%rcx
	.code32

/* Returns if the processor has 64-bit mode; else says so and stops. Clobbers EAX..EDX. */
check_long_mode:
	pushfl
	popl	%eax
	movl	%eax, %ecx
	xorl	$EFLAGS_ID, %eax
	pushl	%eax
	popfl
	pushfl
	popl	%eax
	xorl	%ecx, %eax
	testl	$EFLAGS_ID, %eax
	jz	no_long_mode
	movl	$CPUID_EXTENDED, %eax
	cpuid
	cmpl	$CPUID_FEATURES, %eax
	jb	no_long_mode
	movl	$CPUID_FEATURES, %eax
	cpuid
	testl	$CPUID_EDX_LM, %edx
	jz	no_long_mode
	ret

no_long_mode:
	movl	$PHYS(no_long_mode_text), %esi
1:	movb	(%esi), %bl
	testb	%bl, %bl
	jz	3f
	movl	$0x10000, %ecx		/* no UART: give up waiting */
2:	movw	$COM1_LSR, %dx
	inb	%dx, %al
	testb	$LSR_THRE, %al
	loopz	2b
	movb	%bl, %al
	movw	$COM1, %dx
	outb	%al, %dx
	incl	%esi
	jmp	1b
3:	hlt
	jmp	3b

/*
 * Low 4 GiB one to one, and IMAGE_MAX bytes of image at IMAGE_VIRT, in 2 MiB pages. The tables
 * are in .bss, zeroed by the loader. Keeps EDI and ESI.
 */
build_tables:
	movl	$(PHYS(boot_pdpt_low) + PTE_TABLE), PHYS(boot_pml4)
	movl	$(PHYS(boot_pdpt_high) + PTE_TABLE), PHYS(boot_pml4) + 511 * 8
	movl	$(PHYS(boot_pd_high) + PTE_TABLE), PHYS(boot_pdpt_high) + 510 * 8

	xorl	%ecx, %ecx
1:	movl	%ecx, %eax
	shll	$12, %eax
	addl	$(PHYS(boot_pd_low) + PTE_TABLE), %eax
	movl	%eax, PHYS(boot_pdpt_low)(, %ecx, 8)
	incl	%ecx
	cmpl	$4, %ecx
	jb	1b

	xorl	%ecx, %ecx
2:	movl	%ecx, %eax
	shll	$LARGE_SHIFT, %eax
	orl	$PTE_2M, %eax
	movl	%eax, PHYS(boot_pd_low)(, %ecx, 8)
	incl	%ecx
	cmpl	$2048, %ecx
	jb	2b

	xorl	%ecx, %ecx
3:	movl	%ecx, %eax
	shll	$LARGE_SHIFT, %eax
	addl	$(IMAGE_LOAD + PTE_2M), %eax
	movl	%eax, PHYS(boot_pd_high)(, %ecx, 8)
	incl	%ecx
	cmpl	$(IMAGE_MAX >> LARGE_SHIFT), %ecx
	jb	3b
	ret

	.section .rodata, "a", @progbits
no_long_mode_text:
	.asciz	"Bulkhead: this processor has no 64-bit mode.\r\n"
	.balign	4
low_gdt_pointer:
	.word	3 * 8 - 1
	.long	PHYS(boot_gdt)

	.section .bss, "aw", @nobits
	.balign	4096
boot_pml4:
	.skip	4096
boot_pdpt_low:
	.skip	4096
boot_pdpt_high:
	.skip	4096
boot_pd_high:
	.skip	4096
boot_pd_low:
	.skip	4 * 4096

	.section .note.GNU-stack, "", @progbits

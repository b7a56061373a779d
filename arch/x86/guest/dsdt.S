/* SPDX-License-Identifier: Apache-2.0 */
/* arch/x86/guest/dsdt.S - the guests' DSDT, compiled from dsdt.asl: the Makefile's dsdt.aml. */
	.section .rodata.guest_dsdt, "a", @progbits
	.balign	4
	.globl	guest_dsdt, guest_dsdt_end
guest_dsdt:
	.incbin	"dsdt.aml"
guest_dsdt_end:

	.section .note.GNU-stack, "", @progbits

/* SPDX-License-Identifier: Apache-2.0 */
/* tools/launch/start.S - where a Multiboot loader enters; and how a guest is: guests/abi.h. */
#define MAGIC 0x1badb002
#define FLAGS 0x00000003 /* modules on pages; memory sizes */

	.section .head, "a"
	.align 4
	.long MAGIC, FLAGS, -(MAGIC + FLAGS)

	.text
	.globl start
start:
	cli
	movl $stack_top, %esp
	pushl %ebx
	call launch
1:	hlt
	jmp 1b

/* enter_guest(entry, magic, info) */
	.globl enter_guest
enter_guest:
	movl 4(%esp), %ecx
	movl 8(%esp), %eax
	movl 12(%esp), %ebx
	jmp *%ecx

	.bss
	.align 16
	.skip 16384
stack_top:
	.section .note.GNU-stack, "", @progbits

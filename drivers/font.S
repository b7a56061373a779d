/* SPDX-License-Identifier: Apache-2.0 */
/* drivers/font.S - the console font. build/font.psf: tools/deps. */
	.section .rodata.font, "a", @progbits
	.balign	4
	.globl	font, font_end
font:
	.incbin	"build/font.psf"
font_end:

	.section .note.GNU-stack, "", @progbits

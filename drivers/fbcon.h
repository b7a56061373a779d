/* SPDX-License-Identifier: Apache-2.0 */
/*
 * drivers/fbcon.h - text on a linear frame buffer of 32 bits a pixel.
 *
 * Model    Cells of the font's size. At the bottom the text goes on at the top: a frame buffer
 *	    is far too slow to be scrolled. The line below the one being written is empty, which
 *	    shows where the newest text ends. A line too long goes on in the next one.
 *	    Bytes outside the printable ASCII range show as '?'.
 * Work     fbcon_put() of n bytes changes at most n cells; clearing a line is done cell by
 *	    cell within that.
 * Source   PSF1 and PSF2 headers as in the kbd project's "psf.h" description of the formats.
 * Errors   ERR_INVAL: a font that is cut off or of a size other than 1..32 by 1..64 pixels, or a
 *	    frame buffer too small for 16 by 4 characters.
 * Sharing  One caller at a time (core/log.c's drain lock).
 */
#pragma once
#include "core/lib/base.h"
#include "arch/boot_info.h"

/* Plausible: neither too small nor too large, and lines do not overlap. */
bool fbcon_can_show(const struct boot_framebuffer *fb);

/* `pixels`: where the frame buffer is mapped. Clears it all: boot only. */
MUST_CHECK enum err fbcon_init(const struct boot_framebuffer *fb, void *pixels, const uint8_t *font,
			       size_t font_bytes);
bool fbcon_is_present(void);

/* How many bytes were taken; fewer than given while a line is being cleared. */
size_t fbcon_put(const char *text, size_t bytes);

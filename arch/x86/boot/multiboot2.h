/* SPDX-License-Identifier: Apache-2.0 */
/*
 * arch/x86/boot/multiboot2.h - the boot information of a multiboot2 loader.
 *
 * Model    The information is a list of tags in memory, written by the loader. It is not
 *	    trusted to be well-formed: every length is checked against the whole, an unknown
 *	    tag is skipped, a short one is ignored, and a missing end tag ends the list.
 * Source   Multiboot2 Specification version 2.0, "Boot information format".
 * Errors   ERR_INVAL: not even a header, or no usable memory at all.
 *	    ERR_NOMEM: more memory ranges than struct boot_info holds.
 * Pure.
 */
#pragma once
#include "arch/boot_info.h"

#define MULTIBOOT2_MAGIC 0x36d76289u

/* What the parser cannot know from the tags. */
struct multiboot2_source {
	const uint8_t *info; /* the information, wherever the caller sees it */
	uint64_t limit;      /* how many bytes of it may be read at most */
	uint64_t info_hpa;   /* where it is in physical memory */
	uint64_t image_base; /* the hypervisor's image */
	uint64_t image_bytes;
};

MUST_CHECK enum err multiboot2_parse(const struct multiboot2_source *source, struct boot_info *out);

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * arch/x86/guest/walk.h - a guest's own page tables, read as its CPU would.
 *
 * Model    Linear to guest-physical in every paging mode: none, 32-bit (with PSE), PAE, 4-level.
 *	    Checks present, writable, user, no-execute with CR0.WP, EFER.NXE, CR4.SMEP and SMAP as
 *	    the CPU does; accessed and dirty bits are not set (the CPU set them when it made the
 *	    access that brought us here; other operands are read as they stand). Guest memory is
 *	    hostile: each entry is read once, and an address that is not RAM ends the walk.
 *	    At most four levels: bounded.
 * Source   SDM Vol. 3A, "Paging"; "Access Rights"; "Page-Fault Exceptions".
 * Errors   ERR_INVAL: a page fault; `fault` has its error code. ERR_RANGE: a table or the
 *	    result lies outside RAM (the result may then be a device register: see `gpa`).
 * Sharing  Pure over guest memory.
 */
#pragma once
#include "arch/x86/backend.h"

enum walk_access { WALK_READ, WALK_WRITE, WALK_EXECUTE };

struct walk_result {
	uint64_t gpa;
	uint32_t fault; /* page-fault error code */
};

MUST_CHECK enum err guest_walk(const struct guest_ram *ram, const struct guest_context *c,
			       uint64_t linear, enum walk_access access, struct walk_result *out);

/* The bytes at CS:RIP, at most `max`, over a page boundary if need be. *count may be less. */
MUST_CHECK enum err guest_fetch(const struct guest_ram *ram, const struct guest_context *c,
				uint8_t *bytes, uint32_t max, uint32_t *count,
				struct walk_result *fault);

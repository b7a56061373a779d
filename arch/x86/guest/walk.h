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
 * Choices  Linear addresses have 48 bits (LA57 is not offered); that they are canonical is for the
 *	    caller to see. MAXPHYADDR counts as 52: no address bit of a table is reserved that
 *	    could not be one somewhere; such an address is not RAM. 1-GiB pages exist. PAE: the
 *	    four PDPTEs are read from memory, as AMD's nested paging does; Intel's CPUs keep those
 *	    of the last MOV to CR3. Protection keys are not looked at: the access that brought us
 *	    here has passed them.
 * Source   SDM Vol. 3A, "Paging"; "Access Rights"; "Page-Fault Exceptions".
 * Errors   ERR_INVAL: a page fault, told in `out`. ERR_RANGE: a table lies outside RAM (gpa is
 *	    WALK_NOWHERE), or the result does (gpa says where: it may be a device register).
 * Sharing  Pure over guest memory.
 */
#pragma once
#include "arch/x86/backend.h"

enum walk_access { WALK_READ, WALK_WRITE, WALK_EXECUTE };

#define WALK_NOWHERE UINT64_MAX

struct walk_result {
	uint64_t gpa;
	uint64_t address; /* after a page fault: the linear address, for CR2 */
	uint32_t fault;   /* and its error code */
	bool is_fault;
};

MUST_CHECK enum err guest_walk(const struct guest_ram *ram, const struct guest_context *c,
			       uint64_t linear, enum walk_access access, struct walk_result *out);

/*
 * The bytes at CS:RIP, at most `max`, at most a page, over a page boundary if need be. One walk but
 * near the end of a page. OK: *count >= 1; if it is less than `max`, the segment ends there or the
 * next page cannot be read, and `out` says why: a decoder that needs more bytes makes it a page
 * fault if out->is_fault. Errors, for the first byte, as of guest_walk(); ERR_RANGE too if RIP is
 * beyond the limit of CS.
 */
MUST_CHECK enum err guest_fetch(const struct guest_ram *ram, const struct guest_context *c,
				uint8_t *bytes, uint32_t max, uint32_t *count,
				struct walk_result *out);

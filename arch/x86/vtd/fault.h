/* SPDX-License-Identifier: Apache-2.0 */
/*
 * arch/x86/vtd/fault.h - what a unit has blocked, from its fault recording registers.
 *
 * Model    Hardware records in a ring of CAP.NFR registers and, once a fault finds its register
 *	    occupied, sets an overflow flag and records nothing until software has emptied the ring
 *	    and cleared the flag. How many were lost then is not known: each overflow counts as one.
 * Source   VT-d, "Primary Fault Logging", "Fault Recording Registers", "Fault Conditions".
 * Sharing  One core takes faults; it needs no lock, since nobody else touches these registers.
 */
#pragma once
#include "arch/x86/vtd/unit.h"

struct vtd_fault_record {
	uint16_t requester;
	uint8_t reason;
	bool is_interrupt, is_write;
	uint64_t address; /* of an interrupt: the entry's index */
};

/*
 * The oldest fault that is recorded, and its register is free again; or false. Adds overflows to
 * *lost, also where there is no record. Looks at each register once at most.
 */
bool vtd_fault_take(struct vtd_unit *u, struct vtd_fault_record *f, uint32_t *lost);
/* Empties the ring: what was recorded is firmware's. */
void vtd_fault_forget(struct vtd_unit *u);
/* In words; never NULL. */
const char *vtd_fault_text(uint8_t reason);

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * arch/x86/vtd/table.h - which requester is in which domain: a unit's root and context entries.
 *
 * Model    What is not present is blocked. A requester's entry names the domain's page tables
 *	    (nested_table.h) and lets through untranslated requests only: what a device says it
 *	    has translated itself is blocked.
 * Source   VT-d, "Root Entry", "Context Entry", "Caching Mode", "Write Buffer Flushing".
 * Errors   ERR_NOMEM: no frame for the context table of a bus that had none (boot only).
 *	    ERR_TIMEOUT: no confirmation by hardware.
 * Sharing  As struct vtd_unit.
 */
#pragma once
#include "arch/x86/nested_table.h"
#include "arch/x86/vtd/unit.h"

/* The requester was blocked; from return on it reaches the domain. On failure it is blocked, as
 * long as vtd_table_block() succeeds. */
MUST_CHECK enum err vtd_table_attach(struct vtd_unit *u, uint16_t requester, uint16_t did,
				     const struct nested_space *space);
/* `did`: the domain that it was in, or 0. */
MUST_CHECK enum err vtd_table_block(struct vtd_unit *u, uint16_t requester, uint16_t did);
/* More was mapped in a domain that requesters may be attached to. */
MUST_CHECK enum err vtd_table_mapped(struct vtd_unit *u, uint16_t did);

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * arch/x86/vtd/queue.h - telling a unit to forget what it has cached of our tables.
 *
 * Model    Each call returns when hardware has confirmed: requests that used what is forgotten have
 *	    arrived, where the unit can drain (CAP.DRD, DWD), and interrupts have reached
 *	    their processors. By the invalidation queue with a wait descriptor, or by registers where
 *	    there is no queue (interrupts have none of their own: no queue, no remapping).
 *	    No page is ever unmapped from a domain that devices are attached to, so translations
 *	    are forgotten by domains; page-selective invalidation is not used.
 * Source   VT-d, "Invalidation of Translation Caches", "Queued Invalidation Interface".
 * Errors   ERR_TIMEOUT: no confirmation within VTD_WAIT_NS, or an error instead; the queue begins
 *	    anew with the next call.
 * Sharing  As struct vtd_unit.
 */
#pragma once
#include "arch/x86/vtd/unit.h"

/* Empties the queue and turns it on; nothing to do where there is none. */
MUST_CHECK enum err vtd_queue_start(struct vtd_unit *u);

MUST_CHECK enum err vtd_invalidate_contexts(struct vtd_unit *u);     /* all of them */
MUST_CHECK enum err vtd_invalidate_translations(struct vtd_unit *u); /* all of them */
MUST_CHECK enum err vtd_invalidate_interrupts(struct vtd_unit *u);   /* all of them */
/* The context of one requester that was in domain `did`. */
MUST_CHECK enum err vtd_invalidate_context(struct vtd_unit *u, uint16_t requester, uint16_t did);
MUST_CHECK enum err vtd_invalidate_domain(struct vtd_unit *u, uint16_t did);
MUST_CHECK enum err vtd_invalidate_interrupt(struct vtd_unit *u, uint32_t index);

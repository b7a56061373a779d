/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core/lib/lock.h - a ticket lock, for what several cores share at run time.
 *
 * Model    First come, first served. Critical sections are bounded and run with interrupts off.
 *	    So a core waits at most for one such section of every other core.
 *	    Each partition has locks of its own: its cores wait for nobody else's. The IOMMU's
 *	    alone is everybody's, and taken within a partition's, where a guest moves a
 *	    device's interrupt. Within either, and by the handler of a device's interrupt, an
 *	    MSI-X entry's is taken (arch/x86/irq_source.h), and nothing within that. No others
 *	    nest.
 */
#pragma once
#include "core/lib/base.h"

struct lock {
	uint32_t next;    /* atomic: the ticket that the next taker gets */
	uint32_t serving; /* atomic: the ticket whose turn it is */
};

static inline void lock_take(struct lock *l)
{
	const uint32_t ticket = __atomic_fetch_add(&l->next, 1, __ATOMIC_RELAXED);

	while (__atomic_load_n(&l->serving, __ATOMIC_ACQUIRE) != ticket)
		__builtin_ia32_pause();
}

static inline void lock_give(struct lock *l)
{
	__atomic_store_n(&l->serving, l->serving + 1, __ATOMIC_RELEASE);
}

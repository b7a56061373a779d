/* SPDX-License-Identifier: Apache-2.0 */
/*
 * io/vmsix.h - the MSI-X table and pending bits that a guest sees of a function it owns.
 *
 * Model    The page with the real table is never mapped: accesses come here. What the guest writes
 *	    decides where an entry's message goes, or that it waits; the real entry holds what the
 *	    IOMMU gave for it. Each operation says which entries' routes are different from before,
 *	    and which messages that have waited are to be delivered now.
 *	    A message that is sent while its entry, or the function, is masked becomes pending; it
 *	    is delivered, once, when both are open. With MSI-X off messages are lost, and so
 *	    are those that wait when it goes off.
 * Source   PCI Express Base Specification, "MSI-X Table Structure", "MSI-X PBA Structure",
 *	    "Accessing the MSI-X Table and MSI-X PBA", "Per-vector Masking and Function Masking".
 * Errors   None: accesses that the specification leaves undefined (neither 4 nor 8 bytes, not
 *	    aligned, beyond the table; writes to pending bits) read as all ones and write nothing.
 * Sharing  The caller's lock.
 */
#pragma once
#include "core/lib/base.h"

#define VMSIX_ENTRY_MAX   64u
#define VMSIX_ENTRY_BYTES 16u

struct vmsix_entry {
	uint64_t address;
	uint32_t data;
	bool is_masked;
};

struct vmsix {
	uint32_t count;
	bool is_enabled, is_masked; /* Message Control */
	uint64_t pending;
	struct vmsix_entry entries[VMSIX_ENTRY_MAX];
};

struct vmsix_effect {     /* a bit for each entry */
	uint64_t changed; /* vmsix_route() says something else now */
	uint64_t fire;    /* deliver its message, along the new route */
};

/* After a reset: off, every entry masked. ERR_RANGE: `count` is 0 or above VMSIX_ENTRY_MAX. */
MUST_CHECK enum err vmsix_init(struct vmsix *m, uint32_t count);
/* Message Control as vpci_msix_control() shows it. */
struct vmsix_effect vmsix_set_control(struct vmsix *m, bool is_enabled, bool is_masked);

/* `offset` from the table's begin. */
uint64_t vmsix_read(const struct vmsix *m, uint64_t offset, uint32_t width);
struct vmsix_effect vmsix_write(struct vmsix *m, uint64_t offset, uint32_t width, uint64_t value);
/* `offset` from the pending bits' begin; `device`: those that the real function has itself. */
uint64_t vmsix_read_pending(const struct vmsix *m, uint64_t offset, uint32_t width,
			    uint64_t device);

/* `i` is below `count`. */
static inline bool vmsix_is_open(const struct vmsix *m, uint32_t i)
{
	return m->is_enabled && !m->is_masked && !m->entries[i].is_masked;
}

/* False: entry `i` delivers nothing now. */
static inline bool vmsix_route(const struct vmsix *m, uint32_t i, uint64_t *address, uint32_t *data)
{
	if (i >= m->count || !vmsix_is_open(m, i))
		return false;
	*address = m->entries[i].address;
	*data = m->entries[i].data;
	return true;
}

/* The function has sent message `i`. True: deliver it along its route. */
static inline bool vmsix_post(struct vmsix *m, uint32_t i)
{
	if (i >= m->count || !m->is_enabled)
		return false;
	if (vmsix_is_open(m, i))
		return true;
	m->pending |= BIT64(i);
	return false;
}

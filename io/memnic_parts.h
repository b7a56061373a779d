/* SPDX-License-Identifier: Apache-2.0 */
/*
 * io/memnic_parts.h - what the files of io/memnic.h have in common.
 *
 * Model    Words of a port's page. Orders are taken by an exchange, so that none is lost between two looks.
 * Source   As io/memnic.h.
 * Units    Bytes.
 * Errors   None.
 * Sharing  As io/memnic.h; private to it.
 */
#pragma once
#include "io/memnic.h"
#include "io/memnic_regs.h"

static inline uint32_t memnic_get(const struct memnic_vf *v, uint32_t reg)
{
	return gmem_load32(v->page + reg);
}

static inline void memnic_put(struct memnic_vf *v, uint32_t reg, uint32_t value)
{
	gmem_store32(v->page + reg, value);
}

/* An exchange costs more than a look. */
static inline uint32_t memnic_take(struct memnic_vf *v, uint32_t reg)
{
	if (memnic_get(v, reg) == 0)
		return 0;
	return __atomic_exchange_n((gmem_aligned_u32 *)(void *)(v->page + reg), 0,
				   __ATOMIC_SEQ_CST);
}

/*
 * EIMS is taken before EIMC: whoever masked and then unmasked finds it unmasked. The other way round it
 * may stay so until the next message.
 */
static inline void memnic_note_mask(struct memnic_vf *v)
{
	const uint32_t set = memnic_take(v, REG_EIMS);

	v->mask = (v->mask & ~memnic_take(v, REG_EIMC)) | set;
}

/* The next of them, in turn. */
static inline uint32_t memnic_after(uint32_t set, uint32_t last)
{
	const uint32_t later = set & ~(BIT32(last) | (BIT32(last) - 1));

	return (uint32_t)__builtin_ctz(later ? later : set);
}

/* A cause of the vector that IVAR names for it. */
static inline void memnic_cause(struct memnic *m, uint32_t i, uint32_t ivar)
{
	struct memnic_vf *const v = &m->vfs[i];
	const uint32_t entry = gmem_load8(v->page + REG_IVAR + ivar);
	const uint32_t vector = BIT32(IVAR_VECTOR(entry));

	if (!(entry & IVAR_VALID) || IVAR_VECTOR(entry) >= MEMNIC_VECTORS)
		return;
	v->counts.raised++;
	v->counts.merged += (v->causes & vector) != 0;
	v->causes |= vector;
	m->waiting |= BIT32(i);
}

/* memnic_wire.c: what the link has carried, and begins to carry. */
void memnic_move(struct memnic *m, uint64_t now_ns);
/* A queue of it is on, or off. */
void memnic_note_queues(struct memnic *m, uint32_t i);

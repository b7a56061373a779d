/* SPDX-License-Identifier: Apache-2.0 */
/*
 * io/gmem.h - a guest's memory for models of devices, which believe nothing that lies there.
 *
 * Model    RAM is at most three pieces of guest-physical memory. gmem_at() gives a place only if it
 *	    is wholly in one of them; numbers that wrap lead nowhere. What is checked is loaded once,
 *	    into the caller's own variable: each gmem_load*() is exactly one load that compilers
 *	    neither repeat nor leave out, and nobody looks at the same word again to decide by it.
 * Order    gmem_load*() and gmem_store*() have none. gmem_take16() is an acquire: what the guest
 *	    wrote before its own release is seen by later loads. gmem_give*() is a release: stores
 *	    before it are seen by whoever sees it. gmem_fence() keeps loads after it behind stores
 *	    before it, which neither does.
 * Units    Bytes; little-endian words. gmem_take16(), gmem_give16() and gmem_give32() want aligned
 *	    places, and pieces of memory at page boundaries, so that guest and host agree on that.
 * Sharing  The struct is constant; the memory is the guest's.
 */
#pragma once
#include "core/lib/base.h"

#define GMEM_RANGE_MAX 3u

struct gmem_range {
	uint64_t gpa, bytes; /* below 2^63 */
	uint8_t *at;
};

struct gmem {
	uint32_t range_count;
	struct gmem_range ranges
		[GMEM_RANGE_MAX]; /* do not overlap; unused: 0 bytes. The first is found fastest */
};

/* In any but the first piece. */
uint8_t *gmem_at_rest(const struct gmem *m, uint64_t gpa, uint64_t bytes);

static inline uint8_t *gmem_at_range(const struct gmem_range *r, uint64_t gpa, uint64_t bytes)
{
	const uint64_t offset = gpa - r->gpa; /* below its begin: huge */

	return offset < r->bytes && bytes <= r->bytes - offset ? r->at + offset : NULL;
}

/* NULL: not wholly RAM. */
static inline uint8_t *gmem_at(const struct gmem *m, uint64_t gpa, uint64_t bytes)
{
	uint8_t *const at = gmem_at_range(&m->ranges[0], gpa, bytes);

	return __builtin_expect(at != NULL, 1) ? at : gmem_at_rest(m, gpa, bytes);
}

/* Of any alignment; one instruction on x86. */
typedef uint16_t gmem_u16 __attribute__((aligned(1), may_alias));
typedef uint32_t gmem_u32 __attribute__((aligned(1), may_alias));
typedef uint64_t gmem_u64 __attribute__((aligned(1), may_alias));
typedef uint16_t gmem_aligned_u16 __attribute__((may_alias));
typedef uint32_t gmem_aligned_u32 __attribute__((may_alias));

static inline uint8_t gmem_load8(const uint8_t *at)
{
	return *(const volatile uint8_t *)at;
}

static inline uint16_t gmem_load16(const uint8_t *at)
{
	return *(const volatile gmem_u16 *)at;
}

static inline uint32_t gmem_load32(const uint8_t *at)
{
	return *(const volatile gmem_u32 *)at;
}

static inline uint64_t gmem_load64(const uint8_t *at)
{
	return *(const volatile gmem_u64 *)at;
}

static inline void gmem_store8(uint8_t *at, uint8_t value)
{
	*(volatile uint8_t *)at = value;
}

static inline void gmem_store16(uint8_t *at, uint16_t value)
{
	*(volatile gmem_u16 *)at = value;
}

static inline void gmem_store32(uint8_t *at, uint32_t value)
{
	*(volatile gmem_u32 *)at = value;
}

static inline void gmem_store64(uint8_t *at, uint64_t value)
{
	*(volatile gmem_u64 *)at = value;
}

static inline uint16_t gmem_take16(const uint8_t *at)
{
	return __atomic_load_n((const gmem_aligned_u16 *)(const void *)at, __ATOMIC_ACQUIRE);
}

static inline void gmem_give16(uint8_t *at, uint16_t value)
{
	__atomic_store_n((gmem_aligned_u16 *)(void *)at, value, __ATOMIC_RELEASE);
}

static inline void gmem_give32(uint8_t *at, uint32_t value)
{
	__atomic_store_n((gmem_aligned_u32 *)(void *)at, value, __ATOMIC_RELEASE);
}

static inline void gmem_fence(void)
{
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
}

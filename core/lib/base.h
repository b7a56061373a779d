/* SPDX-License-Identifier: Apache-2.0 */
/* core/lib/base.h - types, errors, units and bit helpers that every layer may use. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MUST_CHECK                      __attribute__((warn_unused_result))
#define NORETURN                        __attribute__((noreturn))
#define PRINTF(format_index, first_arg) __attribute__((format(printf, format_index, first_arg)))

#define BIT32(n)                        (UINT32_C(1) << (n))
#define BIT64(n)                        (UINT64_C(1) << (n))

#define ARRAY_SIZE(a)                   (sizeof(a) / sizeof((a)[0]))

/* Sizes in bytes, times in nanoseconds: configurations are written with these. */
#define KIB(n)           ((uint64_t)(n) << 10)
#define MIB(n)           ((uint64_t)(n) << 20)
#define GIB(n)           ((uint64_t)(n) << 30)
#define US(n)            ((uint64_t)(n)*1000u)
#define MS(n)            ((uint64_t)(n)*1000000u)
#define SEC(n)           ((uint64_t)(n)*1000000000u)

#define PAGE_BYTES       4096u
#define LARGE_PAGE_BYTES MIB(2)

/* A point in time that is never reached. */
#define TSC_NEVER UINT64_MAX

/* One closed set for the whole image. Callers test `!= OK`. */
enum err {
	OK = 0,
	ERR_INVAL,       /* malformed argument or input */
	ERR_RANGE,       /* a number does not fit where it must go */
	ERR_NOMEM,       /* a capacity is exhausted */
	ERR_NODEV,       /* hardware or table is absent */
	ERR_UNSUPPORTED, /* hardware is present but lacks a required feature */
	ERR_BUSY,
	ERR_TIMEOUT,
	ERR_COUNT
};

/* Distinct types so that a guest address cannot be passed as a host one. */
typedef struct {
	uint64_t v;
} gpa_t; /* guest-physical address */
typedef struct {
	uint64_t v;
} hpa_t; /* host-physical address */

typedef uint32_t part_id_t; /* index of a partition in the configuration */
typedef uint64_t vcpu_id_t; /* index of a virtual CPU, over all partitions; register-wide */
typedef uint32_t core_id_t; /* index of a logical processor; 0 is the boot processor */

/* Capacities. Every table in the image is sized by one of these or by the plan. */
#define MAX_CORES      16u
#define MAX_PARTITIONS 32u
#define MAX_VCPUS      64u

static inline uint64_t min_u64(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static inline uint64_t max_u64(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

/* x rounded up to a multiple of `unit`, a power of two. The caller knows that it fits. */
static inline uint64_t align_up(uint64_t x, uint64_t unit)
{
	return (x + unit - 1) & ~(unit - 1);
}

static inline uint64_t align_down(uint64_t x, uint64_t unit)
{
	return x & ~(unit - 1);
}

/* a * b / c, rounded down, without losing the upper half of the product. The quotient fits. */
static inline uint64_t mul_div(uint64_t a, uint64_t b, uint64_t c)
{
	return (uint64_t)((unsigned __int128)a * b / c);
}

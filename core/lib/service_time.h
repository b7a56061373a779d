/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core/lib/service_time.h - how long a disk takes: a model, in virtual time.
 *
 * Model    `parallel` units serve requests in the order in which they come, each request one unit
 *	    without interruption: the one that is free first. A request takes
 *
 *	      fixed + bytes * per KiB + jitter     (READ and WRITE each have their own; FUA adds fua)
 *	      flush                                (FLUSH)
 *	      trim                                 (DISCARD, WRITE_ZEROES)
 *
 *	    Jitter is drawn for each read and write: none, uniform, or by a table of quantiles,
 *	    linear between them, as long as its tail may be.
 *	    Stalls stop all units at once: `stall_ns` of every `stall_every_ns`, beginning somewhere
 *	    in the first that the seed decides. Nothing goes on during a stall; then everything
 *	    goes on where it stopped.
 *	    The same configuration, seed and submissions give the same times.
 * Source   The units are a G/G/k queue, first come first served. Random numbers: SplitMix64 (Steele,
 *	    Lea, Flood, "Fast Splittable Pseudorandom Number Generators").
 * Units    ns in the configuration, TSC ticks since any epoch else.
 * Errors   ERR_INVAL: parts of the configuration that contradict each other. ERR_RANGE: numbers
 *	    beyond the limits below.
 * Sharing  Pure; the owner's.
 */
#pragma once
#include "core/lib/block.h"

#define SERVICE_UNIT_MAX     64u
#define SERVICE_QUANTILE_MAX 64u
#define SERVICE_MILLION      1000000u
#define SERVICE_NS_MAX       SEC(100) /* every time of the configuration */

enum service_jitter { SERVICE_STEADY, SERVICE_UNIFORM, SERVICE_QUANTILES };

struct service_quantile { /* so many of a million take at most so long */
	uint32_t ppm;
	uint64_t ns;
};

struct service_cost {
	uint64_t fixed_ns, ns_per_kib;
};

struct service_time_config {
	struct service_cost read, write;
	uint64_t fua_ns, flush_ns, trim_ns;
	uint32_t parallel; /* 1 to SERVICE_UNIT_MAX */
	enum service_jitter jitter;
	uint64_t uniform_ns; /* UNIFORM: from 0 to this */
	/* QUANTILES: from 0 to 1,000,000 ppm, increasing; lives as long as the model */
	const struct service_quantile *quantiles;
	uint32_t quantile_count;
	uint64_t stall_every_ns, stall_ns; /* 0, 0: none; else the first is larger */
	uint64_t seed;
};

struct service_time {
	const struct service_time_config *config;
	uint64_t ticks_per_ns; /* 32 bits after the point */
	uint64_t random;
	uint64_t stall_every_tsc, stall_tsc, stall_origin_tsc;
	uint64_t free_tsc[SERVICE_UNIT_MAX]; /* a heap: the unit that is free first comes first */
};

MUST_CHECK enum err service_time_check(const struct service_time_config *config);
/* Nothing is submitted before `now_tsc`. tsc_hz: 1 MHz to 1 THz. */
MUST_CHECK enum err service_time_init(struct service_time *s,
				      const struct service_time_config *config, uint64_t tsc_hz,
				      uint64_t now_tsc);
/* A request comes: when it will be complete. */
uint64_t service_time_submit(struct service_time *s, enum block_op op, bool is_fua, uint64_t bytes,
			     uint64_t now_tsc);

/* For plans: the longest that a request is served, without waiting and without stalls. */
uint64_t service_time_most_ns(const struct service_time_config *config, enum block_op op,
			      bool is_fua, uint64_t bytes);
/* .. and the longest in which `work_ns` of service are done, stalls included. */
uint64_t service_time_stalled_ns(const struct service_time_config *config, uint64_t work_ns);

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core/config.h - what a user writes: one `const struct config config` per system.
 *
 * Sizes, names and times only, never a host address. Compiled into the image, the UEFI
 * loader, and `make plan`; validated by core/plan.c on the host before the build and again
 * at boot. Zero means "not given" everywhere.
 * Units    *_ns nanoseconds, *_bytes bytes: write MS(50), MIB(256).
 */
#pragma once
#include "core/lib/base.h"

#define CONFIG_NAME_MAX          31u
#define PARTITION_NAME_MAX       15u
#define CONFIG_TRACE_RECORDS_MAX 65536u /* 1 MiB a core */

enum cpu_claim_kind {
	CPU_NONE = 0,
	CPU_OWNED,       /* a whole core: no timer, no scheduler */
	CPU_RESERVED,    /* a hard reservation (Q, P) on a shared core */
	CPU_BEST_EFFORT, /* what reservations leave over, by priority. No promise: for comparison */
};

struct cpu_claim {
	enum cpu_claim_kind kind;
	core_id_t core;
	uint64_t budget_ns; /* Q */
	uint64_t period_ns; /* P */
	uint32_t priority;  /* CPU_BEST_EFFORT: from 1, higher first, each once per core */
};

#define OWN_CORE(n) \
	{ \
		.kind = CPU_OWNED, .core = (n) \
	}
#define RESERVATION(n, q, p) \
	{ \
		.kind = CPU_RESERVED, .core = (n), .budget_ns = (q), .period_ns = (p) \
	}
#define BEST_EFFORT(n, prio) \
	{ \
		.kind = CPU_BEST_EFFORT, .core = (n), .priority = (prio) \
	}

struct partition_config {
	const char *name; /* 1 to 15 characters of [a-z0-9_-], unique */
	struct cpu_claim cpu;
	uint64_t memory_bytes; /* a multiple of 2 MiB, at least 2 MiB */
	const char *image;     /* file name on the boot volume: an ELF64 for now */
	const char *args;      /* handed to the guest; at most 255 characters */
};

/* The least board the system needs; make plan checks against it, boot against the real one. */
struct board_config {
	uint32_t core_count;
	uint64_t memory_bytes;
	uint64_t switch_overhead_ns; /* published bound of one server switch on this board */
	uint64_t timer_resolution_ns;
};

enum end_action { END_POWER_OFF = 0, END_HALT, END_RESET };

struct config {
	const char *name; /* 1 to 31 characters of [a-z0-9_-] */
	struct board_config board;
	const struct partition_config *partitions;
	uint32_t partition_count;
	uint64_t run_limit_ns; /* stop everything then; 0: run until all partitions have ended */
	enum end_action at_end;
	uint32_t trace_records; /* per core, a power of two; 0: no trace. Dumped at the end */
};

extern const struct config config;

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core/plan.h - configuration + board facts -> a plan, or a list of refusals.
 *
 * Pure: the same code and answer in `make plan`, before the build, and at boot. It looks at
 * everything and reports every refusal, not only the first.
 * Memory   One contiguous range a partition, 2 MiB aligned, never overlapping: the largest first
 *	    (of equal ones, the first in the configuration), each at the lowest address that
 *	    holds it. Simple and the same everywhere, not optimal: where the board's memory is
 *	    in pieces, it can refuse what a cleverer packing would fit.
 * Lists    Of a list nothing is read beyond its maximum (CONFIG_*_MAX, MAX_PARTITIONS), however many it is said
 *	    to have: a count above it is refused. Up to it, the list must have as many as its count. Of a
 *	    text nothing is read beyond what its field may have, and 25 characters for a refusal.
 * Time     Bounded, whatever the numbers are: DEMAND_STEP_MAX steps a question about tasks, refused where that is
 *	    not enough; DISK_OPTIMIZER_PREDICTIONS() a disk with .tuning. tests/fuzz/fuzz_plan.c counts.
 * Units    as named; *_tsc on the board's clock. Budgets and the overhead are rounded up to
 *	    ticks, periods down: "at least Q in every P" holds, and less than one tick each is
 *	    reserved in excess. Admission is of the rounded values.
 * Errors   ERR_INVAL: refused; `refusals` says why, at least one.
 */
#pragma once
#include "core/config.h"

#define BOARD_RANGE_MAX 64u

/*
 * What is there. On the host, taken from config.board with one tick a nanosecond, and without
 * the 16 MiB at the bottom of memory that hypervisor and firmware are thought to hold. At boot,
 * from firmware and clock.
 */
struct board {
	uint32_t core_count;
	uint64_t tsc_hz;
	uint64_t switch_overhead_tsc;
	uint64_t timer_resolution_tsc;
	/* Free memory, sorted, page-aligned, without the hypervisor's own. On the host: one range.
	 */
	struct board_range {
		uint64_t base;
		uint64_t bytes;
	} memory[BOARD_RANGE_MAX];
	uint32_t memory_count;
	/* Names of the files on the boot volume; file_count 0: not known (checked by the build). */
	const char *files[32];
	uint32_t file_count;
};

#define PLAN_REFUSAL_MAX   32u
#define PLAN_REFUSAL_BYTES 320u

/* "partition 'rt0': cpu.budget = 60 ms: a budget must not exceed its period of 50 ms; ..." */
struct plan_refusals {
	uint32_t count; /* may exceed PLAN_REFUSAL_MAX: the rest is counted, not kept */
	char text[PLAN_REFUSAL_MAX][PLAN_REFUSAL_BYTES];
};

/* Of the hypervisor's own reservation, config.service: a virtual CPU without a guest. */
#define PLAN_SERVICE_PART MAX_PARTITIONS
/*
 * One step of the service, which nothing interrupts: the 256 register accesses of drivers/igb/igb.h,
 * about 1 us each where PCI Express is slow. None is begun with less of the budget left.
 */
#define PLAN_SERVICE_STEP_NS US(300)
/*
 * The longest that the hypervisor does not look at the clock, and whoever should run now waits: such a step, or
 * an exit. The longest exits are a kick of 8 requests and the end of a long line, 0.2 ms in the slowest rig.
 */
#define PLAN_BLOCKING_NS PLAN_SERVICE_STEP_NS

/* One per virtual CPU, in the partitions' order: its index is its vcpu_id_t. */
struct plan_vcpu {
	part_id_t part;
	uint32_t index;         /* within its partition */
	struct cpu_claim claim; /* as given; for CPU_ENOUGH the RESERVATION that was found */
	enum cpu_claim_kind kind;
	core_id_t core;
	uint64_t budget_tsc;
	uint64_t period_tsc;
	uint32_t priority;
};

struct plan_partition {
	uint32_t vcpu_first; /* plan.vcpus[vcpu_first .. vcpu_first + vcpu_count - 1] */
	uint32_t vcpu_count;
	bool has_pc;
	uint64_t memory_base; /* host-physical, 2 MiB aligned, contiguous */
	uint64_t memory_bytes;
};

struct plan_core {
	bool is_used;
	bool is_owned;
	uint32_t server_count;
	uint64_t utilization_ppm; /* sum of (Q + overhead) / P, rounded up */
	/* What would be beyond 1 if each guest's budget ended in the longest exit; 0: there is room for that. */
	uint64_t overrun_ppm;
};

struct disk_tuned; /* core/plan_disk.h */
struct disk_rates;
struct plan_disk {
	uint64_t memory_base;  /* DISK_MEMORY: host-physical, 2 MiB aligned, contiguous */
	uint32_t client_count; /* shares, in the partitions' order */
	/* What .tuning found, or NULL: as given. Of the last plan that was built. */
	const struct disk_tuned *tuning;
	const struct disk_rates *rates; /* likewise: what bytes_per_s have become, or NULL */
};

struct plan {
	uint32_t partition_count;
	struct plan_partition partitions[MAX_PARTITIONS + 1]; /* [PLAN_SERVICE_PART] */
	bool has_service;                                     /* the last virtual CPU is it */
	uint32_t vcpu_count;                                  /* with the service */
	struct plan_vcpu vcpus[MAX_VCPUS];
	struct plan_core cores[MAX_CORES];
	struct plan_disk disks[CONFIG_DISK_MAX];
	uint64_t memory_free_bytes; /* left over, in whole aligned 2 MiB */
};

MUST_CHECK enum err plan_build(const struct config *system, const struct board *board,
			       struct plan *plan, struct plan_refusals *refusals);

/* The board that config.board promises, for use where the real one is not at hand. */
void plan_board_from_config(const struct config *system, struct board *board);

/* Writes the plan as text, line by line through `put`; the same at boot and on the host. */
void plan_print(const struct config *system, const struct board *board, const struct plan *plan,
		void (*put)(const char *line));

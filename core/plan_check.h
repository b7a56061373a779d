/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core/plan_check.h - the rules behind plan_build(), for core/plan*.c only.
 *
 * Model    Each check_*() looks at one part of the configuration, refuses what breaks a rule and
 *	    fills in struct plan where it did not. They run in the order in which they stand
 *	    here; what an earlier one found unusable, later ones leave out.
 * Errors   None: a refusal is text. It names partition, field, value, rule and fix.
 */
#pragma once
#include <string.h>
#include "core/disk_config.h"
#include "core/plan.h"
#include "core/plan_text.h"

#define PLAN_TICKS_MAX (BIT64(62) - 1) /* sched/cbs.h: what periods may be */

/*
 * What the bottom of a board's memory is thought to hold where no real memory map is at hand:
 * the hypervisor (at most 8 MiB), the legacy first megabyte, firmware tables and boot files.
 */
#define PLAN_BOARD_TAKEN_BYTES MIB(16)

/* Room on one line for three or four servers. */
#define PLAN_INEQUALITY_BYTES 120u
#define PLAN_BLOCKED_BYTES    80u /* a part of it, before a longer sentence */

/* arch/guest.h cuts guest RAM at 3 GiB and goes on at 4 GiB: addresses below 2^40. */
#define CHECK_MEMORY_MAX_BYTES GIB(512)
/* What is placed in memory: partitions by their numbers, and memory disks from here on. */
#define CHECK_ITEM_DISK  (MAX_PARTITIONS + 1)
#define CHECK_ITEM_COUNT (CHECK_ITEM_DISK + CONFIG_DISK_MAX)

struct check {
	const struct config *config;
	const struct board *board;
	struct plan *plan;
	struct plan_refusals *refusals;
	uint32_t partition_count;              /* that there is room to look at */
	bool has_label[MAX_PARTITIONS + 1];    /* well-formed name, nobody else's before */
	struct partition_config service;       /* [PLAN_SERVICE_PART] of the partitions */
	uint32_t vcpu_count;                   /* of plan->vcpus[], which check_vcpus() lays out */
	uint64_t need_ns[MAX_VCPUS];           /* what its tasks need; 0: not known, or nothing */
	bool has_core[MAX_VCPUS];              /* kind and core of its claim make sense */
	bool has_memory_map;                   /* there are ranges, and in order */
	bool has_memory_tuple[MAX_PARTITIONS]; /* .. that makes sense */
	bool is_placeable[CHECK_ITEM_COUNT];   /* its size makes sense */
	uint32_t disk_count;                   /* that there is room to look at */
};

void check_system(struct check *k);
void check_names(struct check *k);
void check_vcpus(struct check *k);
/* core/plan_tasks.c, linked only into images whose configuration has CPU_TASKS(). Chooses claims. */
void check_cpu_tasks(struct check *k) __attribute__((weak));
void check_cpu(struct check *k);
/*
 * core/plan_tuple_*.c, linked only where there are resource tuples. Are they sensible? Then what is given
 * is noted in the plan; false: it has refused.
 */
void check_tuples(struct check *k) __attribute__((weak));
void check_memory_tuples(struct check *k);
void grant_cpu(struct check *k) __attribute__((weak));
bool grant_memory(struct check *k) __attribute__((weak));
void check_cores(struct check *k);
bool check_core_fits(const struct check *k, core_id_t core);
void check_memory(struct check *k);
/* What is to be placed, with the sizes that the plan has now: is there a place for all of it? */
bool check_memory_fits(struct check *k);
uint64_t check_item_bytes(const struct check *k, uint32_t item);
/* Less is no memory for such a guest. */
uint64_t check_memory_least(const struct check *k, part_id_t part);
struct check_room { /* in whole 2 MiB */
	uint64_t bytes, largest;
	uint32_t pieces;
};
struct check_room check_memory_room(const struct check *k);
void check_guests(struct check *k);
void check_files(struct check *k);
/*
 * core/plan_device.c is linked only into images whose configuration has devices or disks, which this has
 * found sound before the build; likewise core/plan_rate.c and irq_rate or qos.
 */
void check_devices(struct check *k) __attribute__((weak));
/* Of a device that has one of them; NULL: it is no VF. */
void check_rate(struct check *k, part_id_t part, uint32_t n, const struct pf_config *f)
	__attribute__((weak));
/* Its VFs' shares of its link. */
void check_link(struct check *k, const struct pf_config *f) __attribute__((weak));
/*
 * core/plan_disk.c is linked only into images whose configuration has disks, which this has found
 * sound before the build. Of check_memory(): the disk's size is sound, and RAM is to be found for it.
 * "disk 'd0'".
 */
void check_disks(struct check *k) __attribute__((weak));
bool check_disk_memory(struct check *k, uint32_t disk) __attribute__((weak));
struct short_text check_disk_label(const struct check *k, uint32_t disk) __attribute__((weak));
/*
 * core/plan_disk_tune.c; after everything else about disks was looked at. Nothing is computed if anything was
 * refused since there were `before` refusals.
 */
void check_disk_tuning(struct check *k, uint32_t disk, uint32_t before) __attribute__((weak));
/* core/plan_disk_rate.c: likewise; shares with bytes_per_s. */
void check_disk_rates(struct check *k, uint32_t disk, uint32_t before) __attribute__((weak));
bool check_is_name(const char *name, uint32_t max);

/* What has virtual CPUs: a partition, or the service, as if it were one. */
static inline const struct partition_config *check_config_of(const struct check *k, part_id_t part)
{
	return part == PLAN_SERVICE_PART ? &k->service : &k->config->partitions[part];
}
void check_note_service(struct check *k);

/* "<who>: <text>", "system: <text>" and "partition 'rt0': <text>". */
void refuse(struct check *k, const char *who, const char *format, ...) PRINTF(3, 4);
void refuse_system(struct check *k, const char *format, ...) PRINTF(2, 3);
void refuse_partition(struct check *k, part_id_t part, const char *format, ...) PRINTF(3, 4);
/* "partition 'rt0'", or "partitions[3]" where the name cannot tell. */
struct short_text check_label(const struct check *k, part_id_t part);
/* "rt0", or "partitions[3]". */
struct short_text check_short_name(const struct check *k, part_id_t part);

/* `vcpu` counts over all partitions: an index of plan->vcpus[], as everywhere in core/plan*.c. */
static inline const struct cpu_claim *check_claim_of(const struct check *k, uint32_t vcpu)
{
	return &k->plan->vcpus[vcpu].claim;
}

static inline bool check_has_several(const struct check *k, uint32_t vcpu)
{
	return k->plan->partitions[k->plan->vcpus[vcpu].part].vcpu_count > 1;
}

/* Its field in the configuration: "cpu" or "cpus[1]". */
struct short_text check_claim_field(const struct check *k, uint32_t vcpu);
/* "partition 'rt0'", or "partition 'linux0' vCPU 1" where it has several. */
struct short_text check_vcpu_label(const struct check *k, uint32_t vcpu);
/* "rt0", or "linux0.1" where it has several. */
struct short_text check_vcpu_name(const struct check *k, uint32_t vcpu);
void refuse_vcpu(struct check *k, uint32_t vcpu, const char *format, ...) PRINTF(3, 4);

/* Is the virtual PC of arch/pc.h around it? */
static inline bool check_has_pc(const struct partition_config *p)
{
	return p->platform == PLATFORM_PC || p->boot != BOOT_GUEST;
}

/* core/plan_nic.c: config.pfs[i] is PF_MEMORY. */
void check_pf_in_memory(struct check *k, uint32_t i) __attribute__((weak));

/* The least budget that is worth a switch, and that a timer can measure. */
uint64_t check_min_budget_ns(const struct board *b);
/* Budget and switch, alone on a core: nothing else is ever admitted. */
bool check_fits_period(const struct board *b, uint64_t budget_ns, uint64_t period_ns);

/*
 * Nanoseconds in ticks, up and down; false: more than PLAN_TICKS_MAX. Budgets and overhead go
 * up, periods down: the promise "at least Q in every P" holds, and reserves < 1 tick too much.
 */
bool ticks_up(uint64_t ns, uint64_t tsc_hz, uint64_t *ticks);
bool ticks_down(uint64_t ns, uint64_t tsc_hz, uint64_t *ticks);
/* And back, up: the least time that is not shorter. UINT64_MAX where it does not fit. */
uint64_t ticks_to_ns(uint64_t ticks, uint64_t tsc_hz);

/*
 * "rt0 (28 + 0.03)/50 + load0 (20 + 0.03)/50": the reservations of `core` in ms, as many as fit
 * whole. Returns the virtual CPU to go on with, or the number of them.
 */
uint32_t plan_add_inequality(struct text *t, const struct check *k, core_id_t core, uint32_t from);

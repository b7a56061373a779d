/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core/plan_disk.h - what the plan says about disks; linked where there are any, and what it says about
 * their tuning, where there is any.
 */
#pragma once
#include "core/disk_config.h"
#include "core/plan.h"
#include "io/disk_optimizer.h"

/* Of a disk with .tuning. Guests are the disk's shares in the partitions' order. */
struct disk_tuned {
	struct disk_load start; /* what the configuration asks for, with the usual settings */
	struct disk_optimum optimum;
	uint64_t predicted_ns[LATENCY_MODEL_COUNT][DISK_CLIENT_MAX][DISK_QUEUE_MAX];
	/* What the configuration has; start and optimum, what it was relaxed to. */
	uint64_t wanted_ns[DISK_CLIENT_MAX][DISK_QUEUE_MAX];
};

/* Of a disk whose shares have bytes_per_s; they are numbered in the partitions' order. */
struct disk_rates {
	uint32_t weights[DISK_CLIENT_MAX];
	uint64_t given[DISK_CLIENT_MAX];   /* bytes a second */
	uint64_t byte_ps[DISK_CLIENT_MAX]; /* what a byte of it takes of the disk's time */
	uint64_t second_ps;                /* of each second, what is not stalls */
};

/* What a disk is set to: as the configuration says, or its tuning. */
static inline uint64_t plan_slice_idle_ns(const struct disk_config *d, const struct disk_tuned *t)
{
	return t ? t->optimum.load.slice_idle_ns : disk_slice_idle_ns(d);
}

static inline uint64_t plan_timeout_ns(const struct disk_config *d, const struct disk_tuned *t)
{
	if (t)
		return t->optimum.load.timeout_ns;
	return d->timeout_sync_ns ? d->timeout_sync_ns : DISK_TIMEOUT_SYNC_NS;
}

/* Of the disk's share number `guest`. */
static inline uint32_t plan_weight(const struct disk_share *s, const struct plan_disk *d,
				   uint32_t guest)
{
	if (d->tuning)
		return d->tuning->optimum.load.guests[guest].weight;
	return d->rates ? d->rates->weights[guest] : disk_default(s->weight, DISK_WEIGHT);
}

static inline uint32_t plan_queue_weight(const struct disk_share *s, const struct disk_tuned *t,
					 uint32_t guest, uint32_t queue)
{
	return t ? t->optimum.load.guests[guest].tasks[queue].weight
		 : disk_default(s->queue_weights[queue], DISK_WEIGHT);
}

/* The promise to a share of disks[disk]: nanoseconds; UINT64_MAX: there is none. */
uint64_t plan_disk_bound_ns(const struct config *c, const struct plan *plan, uint32_t disk,
			    part_id_t part, uint32_t share) __attribute__((weak));
void plan_print_disks(const struct config *c, const struct plan *plan,
		      void (*put)(const char *text)) __attribute__((weak));
void plan_print_tuning(const struct disk_config *d, const struct disk_tuned *t,
		       void (*put)(const char *text)) __attribute__((weak));
/* core/plan_disk_bound.c: the longest that the service takes to look. */
uint64_t plan_disk_service_ns(const struct config *c, const struct disk_config *d);
/* core/plan_disk_rate.c: a line of share number `guest`. */
void plan_print_disk_rate(const struct config *c, const struct plan *plan, uint32_t disk,
			  part_id_t part, uint32_t share, uint32_t guest,
			  void (*put)(const char *text)) __attribute__((weak));
/*
 * core/plan_disk_relax.c: not all targets of *t can be met: those of the least critical become longer first,
 * at most target_max. What it finds replaces *t's start and optimum.
 */
MUST_CHECK enum err plan_relax_targets(const struct config *c, uint32_t disk,
				       enum latency_model model, struct disk_tuned *t);
void plan_print_tasks(const struct disk_config *d, const struct disk_tuned *t, uint32_t guest,
		      void (*put)(const char *text)) __attribute__((weak));

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core/disk_config.h - what a disk's configuration means where it says nothing: for core/plan_disk.c
 * and core/disk.c, which must agree.
 */
#pragma once
#include <string.h>
#include "core/config.h"
#include "core/lib/block.h"

/* Limits that the planner tells of, and io/ holds. */
#define DISK_CLIENT_MAX        32u
#define DISK_QUEUE_MAX         8u
#define DISK_WEIGHT_MAX        1000u
#define DISK_REQUEST_MAX_BYTES MIB(1)

/*
 * Requests done in one step of the service, and in a stretch of a kick: 8 take it a tenth of a millisecond at 100 MIPS. One of
 * more segments than that is so much more work.
 */
#define DISK_STEP_MAX      8u
#define DISK_STEP_SEGMENTS 8u
/* Requests of a share that are on their way at a time. */
#define DISK_REQUESTS_MAX     256u

#define DISK_DEPTH            8u
#define DISK_WEIGHT           100u
#define DISK_QUEUE_SIZE       128u
#define DISK_SLICE_IDLE_NS    MS(8)
#define DISK_TIMEOUT_SYNC_NS  MS(125)
#define DISK_MAX_BUDGET_BYTES MIB(8)
#define DISK_POLL_NS          US(100)
#define DISK_READ_EXPIRE_NS   MS(500) /* DISK_DEADLINE */
#define DISK_WRITE_EXPIRE_NS  SEC(5)

static inline uint32_t disk_default(uint32_t given, uint32_t otherwise)
{
	return given != 0 ? given : otherwise;
}

/* Names of PFs and disks, which may be endless: what is longer than a name is refused, not compared. */
static inline bool config_is_same_name(const char *a, const char *b)
{
	return a && b && strncmp(a, b, DEVICE_NAME_MAX + 1) == 0;
}

static inline bool disk_is_on(const struct disk_share *s, const struct disk_config *d)
{
	return config_is_same_name(s->disk, d->name);
}

static inline uint64_t disk_max_budget_bytes(const struct disk_config *d)
{
	return d->max_budget_bytes ? d->max_budget_bytes : DISK_MAX_BUDGET_BYTES;
}

static inline uint32_t disk_queue_count(const struct disk_share *s)
{
	return disk_default(s->queue_count, disk_default(s->task_count, 1));
}

static inline uint32_t disk_queue_size(const struct disk_share *s)
{
	return disk_default(s->queue_size, DISK_QUEUE_SIZE);
}

static inline uint32_t disk_request_max(const struct disk_share *s)
{
	return disk_default(s->request_max_bytes, DISK_REQUEST_MAX_BYTES);
}

static inline uint64_t disk_slice_idle_ns(const struct disk_config *d)
{
	if (d->slice_idle_ns == DISK_NO_IDLE)
		return 0;
	if (d->slice_idle_ns == 0 && d->scheduler == DISK_BFQ)
		return DISK_SLICE_IDLE_NS;
	return d->slice_idle_ns;
}

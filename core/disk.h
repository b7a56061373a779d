/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core/disk.h - shared disks: what core/disk.c (boot), core/disk_service.c (afterwards) and
 * core/disk_stats.c share.
 *
 * Model    A unit is a disk with its scheduler; a client is a share of it, which is a virtio block
 *	    device of one partition. A request goes: guest's ring -> vblk_take() -> iosched -> the
 *	    disk's driver -> vblk_end() -> guest's ring. The guest's kick does the first three in its
 *	    own time, DISK_STEP_MAX requests an exit, and is made again while there are more; the service
 *	    does the last, and what a kick or a reset has left.
 * Sharing  [I] constant after start(), [L] under the unit's lock: which is taken with the PC's lock of
 *	    one partition held, or with none; nothing but the IOMMU's is taken under it.
 */
#pragma once
#include "core/disk_config.h"
#include "core/lib/lock.h"
#include "core/service.h"
#include "drivers/disk.h"
#include "io/histogram.h"
#include "io/iosched_state.h"
#include "io/vblk.h"

/* [L] What a client had; since the last report, and in all. */
struct disk_count {
	uint64_t requests, bytes, errors;
};

struct disk_client {
	struct disk_unit *unit;            /* [I] */
	const struct partition *partition; /* [I] */
	part_id_t part;                    /* [I] its number */
	const struct disk_share *share;    /* [I] */
	uint32_t pc_index;                 /* [I] in its PC */
	uint32_t index;                    /* [I] in the unit, and of its requests */
	uint32_t request_count;            /* [I] */
	struct gmem memory;                /* [I] */
	struct vblk vblk;                  /* [L], as are all below */
	struct block_request *free;
	uint32_t more;     /* queues in which something may be left: a bit each */
	uint32_t touched;  /* .. that vblk_show() has to be called for */
	uint64_t vectors;  /* to be sent when the lock is given back */
	bool is_master;    /* the guest lets its device reach memory */
	bool is_cut;       /* its partition restarts or has ended: nothing is taken */
	uint64_t sent;     /* [C] of the service's core: the messages of the step at hand, */
	bool is_quiet;     /* .. and that it ended the last request that somebody waited for */
	bool wants_quiet;  /* .. and waits for what is in flight */
	uint64_t kicks;    /* exits for them */
	uint64_t messages; /* interrupts sent */
	struct disk_count done[BLOCK_OP_COUNT];
	struct histogram latency; /* ticks from the ring to the ring */
	/* Of the last report. */
	uint64_t told_requests, told_bytes;
};

#define DISK_QUANTILE_COUNT 3u /* 50, 99, 99.99 % */
/* One of so many is looked at: looking costs, too. A power of two. */
#define DISK_SAMPLE 16u

/* [L] Where the hypervisor's ticks for this disk went; they are charged as docs/disk.md says. */
struct disk_ticks {
	uint64_t kick;    /* within exits of guests: taking, ordering, submitting */
	uint64_t service; /* within the service's steps for it */
	uint64_t sched;   /* of both: inside the scheduler */
	uint64_t
		device; /* .. inside the driver, where a memory disk computes its times, and copies */
};

struct disk_unit {
	const struct disk_config *config; /* [I] */
	struct disk *disk;                /* [I] */
	const struct disk_driver *driver; /* [I]; NULL: a disk in memory */
	char tag[24];                     /* [I] "disk NAME" */
	uint32_t number;                  /* [I] config.disks[number] */
	uint64_t ns_per_tick;             /* [I] 32 bits after the point */
	bool is_polled;                   /* [I] by a side core: nobody is to kick */
	uint32_t client_count;            /* [I] */
	struct disk_client *clients;      /* [I] */
	struct iosched_client_config claims[DISK_CLIENT_MAX]; /* [I] */
	struct lock lock;
	struct iosched sched; /* [L], as are all below */
	bool is_sampled;      /* what it costs is looked at now */
	uint32_t kick_number, step_number;
	uint32_t touched;             /* clients with something to be shown: a bit each */
	uint32_t waiting;             /* .. with `more`, or old requests; and some without */
	struct block_request *held;   /* the driver had no room for it */
	struct block_request *failed; /* .. would not take it: the service ends them */
	uint64_t due_tsc;     /* written under the lock, read without: the service's next look */
	uint64_t serve_tsc;   /* the driver's own next step */
	uint64_t report_tsc;  /* the next line for each share is due then */
	uint32_t report_turn; /* .. for this one */
	uint32_t report_step;
	uint64_t report_quantiles[DISK_QUANTILE_COUNT]; /* ns */
	uint32_t turn; /* client whose rings are looked at next, if it is polled */
	struct disk_ticks ticks;
	struct iosched_audit *audit; /* [I] or NULL */
};
_Static_assert(DISK_CLIENT_MAX == IOSCHED_CLIENT_MAX && DISK_QUEUE_MAX == IOSCHED_QUEUE_MAX &&
		       DISK_QUEUE_MAX == VBLK_QUEUE_MAX && DISK_WEIGHT_MAX == IOSCHED_WEIGHT_MAX,
	       "the planner tells of limits that io/ has");

struct disks {
	uint32_t count;                           /* [I] */
	struct disk_unit *units[CONFIG_DISK_MAX]; /* [I] */
	uint32_t turn;                            /* [C] of the service's core */
};
extern struct disks disks;

static inline uint32_t disk_request_count(const struct disk_share *s)
{
	return (uint32_t)min_u64(disk_queue_count(s) * disk_queue_size(s), DISK_REQUESTS_MAX);
}

/* core/disk_service.c */
extern const struct pc_model_ops disk_model;
uint64_t disk_serve(uint64_t now_tsc);
void disk_cut_off(const struct partition *p);
bool disk_is_quiet(const struct partition *p);
/* core/disk_gpt.c: where the GPT has it. NULL, or why it has not. Boot only: it waits for the disk. */
const char *disk_find_partition(struct disk_unit *u, const char *name, uint64_t *first,
				uint64_t *count) __attribute__((weak));
/* core/disk_stats.c */
void disk_count(struct disk_client *c, const struct block_request *r, uint64_t now_tsc);
/* The next line that is due, if any is: what is printed takes the place of a step. */
bool disk_report(struct disk_unit *u, uint64_t now_tsc);
void disk_summary(void);

/*
 * Drivers of the machine's disks; absent where not linked. The disk comes up in serve(): the driver's
 * own, and what its device then asks of configuration space and the IOMMU. `reason` says why there is
 * none.
 */
struct disk_driver {
	struct disk *(*begin)(const struct disk_config *c, uint32_t index, const char **reason);
	enum disk_state (*serve)(struct disk *d, uint64_t now_tsc, uint64_t *again_tsc);
};
extern const struct disk_driver disk_nvme __attribute__((weak));
extern const struct disk_driver disk_virtio __attribute__((weak));

/* Its next step, as of `now_tsc`. *again_tsc: as disk_ops.serve() says. */
static inline void disk_step(struct disk_unit *u, uint64_t now_tsc, uint64_t *again_tsc)
{
	struct disk *const d = u->disk;

	d->state = u->driver ? u->driver->serve(d, now_tsc, again_tsc)
			     : d->ops->serve(d, now_tsc, again_tsc);
}

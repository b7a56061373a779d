/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/fake/nvme.h - an NVMe controller in software, by the specification, and its bad relatives.
 *
 * Model    Registers answer at once; doorbells only note. fake_nvme_run() is the device's time: it
 *	    gets ready, fetches, executes, and completes commands in any order. It reaches memory
 *	    only where a region says so. What a host may not do is counted in `host_errors`, and
 *	    the first is kept in words. Its numbers are its own: the driver's header is not used.
 *	    `trick` makes it misbehave at one completion, from `trick_at` (counted from 0) on.
 * Source   NVM Express Base Specification 2.1; NVM Command Set Specification 1.1.
 */
#pragma once
#include "core/lib/base.h"

#define FAKE_NVME_QUEUES      17u
#define FAKE_NVME_SECONDARIES 8u
#define FAKE_NVME_NAMESPACES  20u
#define FAKE_NVME_REGIONS     8u
#define FAKE_NVME_PENDING     512u

enum fake_nvme_trick {
	FAKE_NVME_HONEST,
	FAKE_NVME_LOSE,      /* no completion */
	FAKE_NVME_DUPLICATE, /* twice */
	FAKE_NVME_WRONG_CID, /* of a command that was never sent */
	FAKE_NVME_OLD_CID,   /* of a command that has been completed before */
	FAKE_NVME_WRONG_QUEUE,
	FAKE_NVME_HEAD_BEYOND,  /* SQHD past what was submitted */
	FAKE_NVME_HEAD_OUTSIDE, /* SQHD not an index of the queue */
	FAKE_NVME_HEAD_BEFORE,  /* SQHD says that the command was not fetched */
	FAKE_NVME_FATAL,        /* CSTS.CFS instead */
	FAKE_NVME_GONE,         /* all registers read as ones */
	FAKE_NVME_ERROR,        /* completed with `trick_status` */
	FAKE_NVME_TRICK_COUNT
};

struct fake_nvme_region {
	uint64_t hpa, bytes;
	uint8_t *at;
};

struct fake_nvme_command {
	uint32_t dw[16];
	uint16_t queue;
	uint32_t position; /* in its submission queue */
};

struct fake_nvme_sq {
	bool exists;
	uint64_t base;
	uint32_t size, head, tail;
	uint16_t cq;
};

struct fake_nvme_cq {
	bool exists;
	uint64_t base;
	uint32_t size, head, tail;
	uint32_t phase;
};

struct fake_nvme_namespace {
	uint64_t blocks;
	uint8_t shift, metadata, protection;
	bool is_shared;
	uint8_t *data;     /* NULL: reads as zeroes, swallows */
	uint8_t *medium;   /* NULL: `data` is it; else what survives without power */
	uint32_t attached; /* bit: controller identifier */
};

struct fake_nvme_secondary {
	bool is_online, is_reset; /* by FLR since resources were assigned */
	uint16_t vq, vi;
};

struct fake_nvme {
	/* What it is; fake_nvme_init() sets a usable one */
	uint16_t mqes;
	uint8_t timeout_units, dstrd, mpsmin, mdts, sqes, cqes, type;
	uint32_t css, version, crto; /* css: CAP 44:37; crto 0: no such register */
	uint16_t oacs, oncs, cntlid;
	uint32_t nn, queue_limit;
	uint64_t tick_hz;
	uint64_t ready_tsc, disable_tsc; /* delays */
	bool never_ready, never_disabled, cfs_when_enabled;
	struct fake_nvme_namespace ns[FAKE_NVME_NAMESPACES]; /* nsid - 1 */
	uint32_t ns_count;
	uint8_t format; /* that all of them use, of four */
	bool list_is_unsorted, pages_are_noise;
	bool has_no_smart, lacks_opcodes; /* .. of DSM and Write Zeroes, whatever `oncs` says */
	uint64_t power_cycles;
	uint32_t secondary_count;
	uint32_t total[2], own[2], most[2];
	/* Virtualization that does not do as told; types of which it gives one less */
	bool ignores_primary;
	bool lists_foreigners; /* secondaries of another primary come first */
	uint32_t gives_less;   /* bit 0: VQ, bit 1: VI */
	struct fake_nvme_region regions[FAKE_NVME_REGIONS];
	uint32_t region_count;
	uint64_t seed; /* of the order of completions; 0: as fetched */
	enum fake_nvme_trick trick;
	uint32_t trick_at, trick_times; /* times 0: for ever */
	uint16_t trick_status, trick_queue_least;

	/* What it does */
	uint64_t now;
	uint32_t cc, aqa, csts;
	uint64_t asq, acq;
	uint64_t change_at; /* RDY follows EN then */
	bool is_gone, shutdown_seen, vfs_enabled;
	struct fake_nvme_sq sq[FAKE_NVME_QUEUES];
	struct fake_nvme_cq cq[FAKE_NVME_QUEUES];
	struct fake_nvme_command pending[FAKE_NVME_PENDING];
	uint32_t pending_count, pending_max;
	uint32_t primary[2], primary_next[2];
	struct fake_nvme_secondary secondary[FAKE_NVME_SECONDARIES];
	uint16_t last_cid;
	uint32_t queues_granted;

	/* What it saw */
	uint32_t completions, commands, io_commands, flushes, fua_writes, resets, flrs, log_reads;
	uint32_t host_errors, online_without_reset;
	char host_error[96];
};

void fake_nvme_init(struct fake_nvme *f);
void fake_nvme_region(struct fake_nvme *f, uint64_t hpa, void *at, uint64_t bytes);
uint32_t fake_nvme_read(void *context, uint32_t offset);
void fake_nvme_write(void *context, uint32_t offset, uint32_t value);
/* Time is `now`; at most `budget` completions. */
void fake_nvme_run(struct fake_nvme *f, uint64_t now, uint32_t budget);
void fake_nvme_flr(struct fake_nvme *f);
/* .. and back: it was reset, and forgot what no flush and no FUA has brought to the medium. */
void fake_nvme_lose_power(struct fake_nvme *f);
void fake_nvme_enable_vfs(struct fake_nvme *f);
void fake_nvme_vf_flr(struct fake_nvme *f, uint32_t number);

/* --- between its two files --------------------------------------------------------------------- */

void fake_nvme_blame(struct fake_nvme *f, const char *what);
uint8_t *fake_nvme_at(struct fake_nvme *f, uint64_t hpa, uint64_t bytes);
uint16_t fake_nvme_execute(struct fake_nvme *f, const struct fake_nvme_command *c,
			   uint32_t *result);
void fake_nvme_take_offline(struct fake_nvme *f);

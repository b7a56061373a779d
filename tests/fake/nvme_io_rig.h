/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/fake/nvme_io_rig.h - nvme_rig.h with I/O queues, a disk, and owners that poll them.
 *
 * The owners count by tag what comes back, and note what came back as lost too early.
 */
#pragma once
#include <stdio.h>
#include "drivers/nvme/nvme_io.h"
#include "tests/fake/nvme_rig.h"
#include "tests/test.h"

#define QUEUES       3u
#define SLOTS        20u
#define PAGES        16u /* of a transfer */
#define BLOCKS       4096u
#define TAGS         4096u
#define BUFFER       (SLOTS * 2 * 2 * (PAGES + 1) * PAGE_BYTES)
#define BUFFER_HPA   UINT64_C(0x300000000)
#define QUEUE_HPA(i) (UINT64_C(0x80000000) + (i)*UINT64_C(0x1000000))

static struct nvme_io_queue queues[QUEUES];
static struct nvme_slot *slots[QUEUES]; /* exactly as many as there shall be */
static uint8_t *queue_memory[QUEUES];
static uint8_t *buffer;
static uint8_t disk[BLOCKS * 512];
static uint32_t queue_count, poll_max, try_queue;
static bool owners_sleep;

/* By tag: how often it came back, and how. */
static struct {
	uint32_t count;
	uint16_t status;
} seen[TAGS];
static uint32_t done_count, lost_count;
static bool lost_too_early;

static inline bool is_honest(void)
{
	if (rig.f.host_errors)
		printf("the host: %s\n", rig.f.host_error);
	return rig.f.host_errors == 0;
}

static inline void owners(struct nvme_rig *r)
{
	struct nvme_done done[64];

	for (uint32_t i = 0; i < queue_count && !owners_sleep; i++) {
		const uint32_t n = nvme_io_poll(&queues[i], r->now, done, poll_max);

		CHECK(n <= poll_max);
		for (uint32_t k = 0; k < n; k++) {
			CHECK(done[k].tag < TAGS);
			seen[done[k].tag].count++;
			seen[done[k].tag].status = done[k].status;
			done_count++;
			if (done[k].status != NVME_STATUS_LOST)
				continue;
			lost_count++;
			lost_too_early |= !r->f.is_gone && ((r->f.cc & 1) || (r->f.csts & 1));
		}
	}
}

static inline void init(void)
{
	rig_init();
	memset(seen, 0, sizeof(seen));
	memset(disk, 0, sizeof(disk));
	done_count = lost_count = 0;
	lost_too_early = owners_sleep = false;
	poll_max = 64;
	try_queue = 1;
	queue_count = QUEUES;
	rig.each_turn = owners;
	rig.f.ns[0].data = disk;
	fake_nvme_region(&rig.f, BUFFER_HPA, buffer, BUFFER);
}

static inline void start_with(uint16_t slot_count, uint32_t page_count)
{
	CHECK(rig_start() == OK);
	for (uint32_t i = 0; i < queue_count; i++) {
		const uint64_t bytes = nvme_io_memory_bytes(slot_count, page_count);

		free(slots[i]);
		slots[i] = malloc(slot_count * sizeof(*slots[i]));
		const struct nvme_io_config c = {
			.memory = { queue_memory[i], { QUEUE_HPA(i) }, bytes },
			.slots = slots[i],
			.slot_count = slot_count,
			.page_count = page_count,
		};

		/* No byte more than was asked for is reached by the device. */
		fake_nvme_region(&rig.f, QUEUE_HPA(i), queue_memory[i], bytes);
		CHECK(nvme_io_add(&rig.d, &queues[i], &c) == OK);
	}
}

static inline void start(void)
{
	start_with(SLOTS, PAGES);
	CHECK(rig_run(NVME_READY) && rig.d.io_granted_count == QUEUES && is_honest());
}

static inline void turns(uint32_t n)
{
	while (n--)
		rig_turn();
}

static inline struct nvme_request request(enum nvme_op op, uint64_t lba, uint32_t blocks,
					  const struct nvme_piece *pieces, uint32_t piece_count)
{
	return (struct nvme_request){ .op = op,
				      .nsid = 1,
				      .lba = lba,
				      .block_count = blocks,
				      .pieces = pieces,
				      .piece_count = piece_count };
}
/* `blocks` on queue `try_queue`, not rung. */
static inline enum err try(enum nvme_op op, uint64_t lba, uint32_t blocks)
{
	const struct nvme_piece p = { { BUFFER_HPA }, (uint64_t)blocks * 512 };
	const bool has_data = op == NVME_READ || op == NVME_WRITE;
	const struct nvme_request r = request(op, lba, blocks, &p, has_data);

	return nvme_io_submit(&queues[try_queue], &r, rig.now);
}

static inline void io_rig_begin(void)
{
	for (uint32_t i = 0; i < QUEUES; i++)
		queue_memory[i] = aligned_alloc(PAGE_BYTES, MIB(4));
	buffer = aligned_alloc(PAGE_BYTES, BUFFER);
}

static inline void io_rig_end(void)
{
	for (uint32_t i = 0; i < QUEUES; i++) {
		free(queue_memory[i]);
		free(slots[i]);
	}
	free(buffer);
}

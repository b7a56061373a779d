/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/fake/nvme_disk_rig.h - the NVMe disk, the fake controller, an arena of memory, and time.
 *
 * The caller's part of nvme_disk.h is played as it asks: function level resets (unless `no_flr`),
 * blocking. Addresses of the arena as the device sees it are nothing like pointers.
 */
#pragma once
#include <stdlib.h>
#include <string.h>
#include "arch/mem.h"
#include "drivers/nvme/nvme_disk.h"
#include "tests/fake/nvme.h"
#include "tests/test.h"

#define DISK_HZ     UINT64_C(1000000000)
#define DISK_BLOCKS 8192u /* of 512 bytes */
#define ARENA_BYTES MIB(10)
#define ARENA_HPA   UINT64_C(0x640000000)
#define DISK_HPA    UINT64_C(0x91230000)
#define DISK_TURN   US(20)

static struct {
	struct fake_nvme f;
	struct nvme_disk n;
	struct nvme_hook hook;
	struct nvme_disk_config config;
	uint64_t now, again;
	uint32_t budget, poll_max;
	bool no_flr;
	uint32_t blocks_done;
	void (*each_done)(struct block_request *r);
} dr;

static uint8_t *arena, *disk_memory;
static uint8_t disk_data[DISK_BLOCKS * 512], disk_medium[DISK_BLOCKS * 512];

hpa_t arch_mem_hpa(const void *at)
{
	return (hpa_t){ ARENA_HPA + (uint64_t)((const uint8_t *)at - arena) };
}

/* An obedient controller with a write cache; change dr.f and dr.config before disk_start(). */
static inline void disk_init(void)
{
	memset(&dr, 0, sizeof(dr));
	memset(disk_data, 0, sizeof(disk_data));
	memset(disk_medium, 0, sizeof(disk_medium));
	fake_nvme_init(&dr.f);
	dr.f.cntlid = 5;
	dr.f.ns[0].blocks = DISK_BLOCKS;
	dr.f.ns[0].data = disk_data;
	dr.f.ns[0].medium = disk_medium;
	dr.hook = (struct nvme_hook){ fake_nvme_read, fake_nvme_write, &dr.f };
	dr.config = (struct nvme_disk_config){
		.controller = { .register_bytes = 0x4000,
				.hook = &dr.hook,
				.tsc_hz = DISK_HZ,
				.admin_timeout_ns = SEC(1),
				.io_timeout_ns = MS(100),
				.poll_ns = US(100),
				.watch_ns = MS(10),
				.fault_limit = 4 },
		.queue_count = 2,
		.depth = 16,
		.request_max_bytes = (uint32_t)MIB(1),
	};
	dr.now = 4321;
	dr.budget = UINT32_MAX;
	dr.poll_max = 64;
}

static inline enum err disk_begin(void)
{
	const uint64_t bytes = nvme_disk_memory_bytes(dr.config.queue_count, dr.config.depth);

	dr.config.memory = (struct nvme_memory){ disk_memory, { DISK_HPA }, bytes };
	fake_nvme_region(&dr.f, DISK_HPA, disk_memory, bytes);
	fake_nvme_region(&dr.f, ARENA_HPA, arena, ARENA_BYTES);
	return nvme_disk_begin(&dr.n, &dr.config, dr.now);
}

static inline void disk_serve(void)
{
	switch (nvme_disk_needs(&dr.n)) {
	case NVME_DISK_FLR:
		if (dr.no_flr) {
			dr.f.is_gone = true;
			nvme_disk_after_block(&dr.n);
		} else {
			fake_nvme_flr(&dr.f);
			nvme_disk_after_flr(&dr.n, dr.now);
		}
		break;
	case NVME_DISK_BLOCK:
		nvme_disk_after_block(&dr.n);
		break;
	default:
		break;
	}
	(void)dr.n.disk.ops->serve(&dr.n.disk, dr.now, &dr.again);
}

/* Polls once; true: all that is there was taken. */
static inline void disk_poll(void)
{
	struct block_request *done[64];
	uint64_t again;
	const uint32_t count = dr.n.disk.ops->poll(&dr.n.disk, dr.now, done, dr.poll_max, &again);

	CHECK(count <= dr.poll_max);
	CHECK(dr.n.disk.in_flight == 0 ? again == TSC_NEVER : again >= dr.now);
	for (uint32_t i = 0; i < count; i++) {
		dr.blocks_done++;
		if (dr.each_done)
			dr.each_done(done[i]);
	}
}

static inline void disk_turn(void)
{
	if (dr.now >= dr.again || nvme_disk_needs(&dr.n) != NVME_DISK_NOTHING)
		disk_serve();
	fake_nvme_run(&dr.f, dr.now, dr.budget);
	disk_poll();
	dr.now += dr.n.disk.state == DISK_UP ? DISK_TURN : US(200);
}

/* Until it is so, or for that many turns. */
static inline bool disk_run(enum disk_state until, uint32_t turns)
{
	while (turns-- && dr.n.disk.state != until)
		disk_turn();
	return dr.n.disk.state == until;
}

static inline void disk_turns(uint32_t turns)
{
	while (turns--)
		disk_turn();
}

static inline void disk_start(void)
{
	CHECK(disk_begin() == OK && dr.n.disk.state == DISK_COMING_UP);
	CHECK(disk_run(DISK_UP, 10000));
}

static inline bool disk_is_honest(void)
{
	if (dr.f.host_errors)
		printf("the host: %s\n", dr.f.host_error);
	return dr.f.host_errors == 0;
}

static inline enum err disk_submit(struct block_request *r)
{
	const enum err e = dr.n.disk.ops->submit(&dr.n.disk, r, dr.now);

	dr.n.disk.ops->kick(&dr.n.disk);
	return e;
}

static inline void disk_rig_begin(void)
{
	arena = aligned_alloc(PAGE_BYTES, ARENA_BYTES);
	disk_memory = aligned_alloc(PAGE_BYTES, MIB(4));
}

static inline void disk_rig_end(void)
{
	free(arena);
	free(disk_memory);
}

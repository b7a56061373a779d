/* SPDX-License-Identifier: Apache-2.0 */
/*
 * configs/rtvirtio.h - guests with tasks at a rate on one disk, as in paper 000 (RT-VirtIO), section VII:
 * the disk of configs/ssd.h, tasks of 100 (L), 500 (M) and 1,500 (H) requests of 4 KiB a second, half
 * of them writes, one under way each, a virtqueue each.
 *
 * All on one core, whose clock counts instructions; guests and service sleep most of the time, and whoever
 * wakes is served at once. What the software takes for a request is to be little beside what the
 * disk takes, as on machines of today: these run at 1,000 million instructions a second, not at the 50 million
 * that Bochs has otherwise (tools/rig --ips). The board is that machine: switch overheads are a
 * twentieth of those in configs/boards.h.
 *
 * RTVIRTIO_GUEST(name, index, args, ..)  has the share number `index`; more of its fields follow
 * RTVIRTIO_TASKS(iops, seed, stream, seconds)  texts: the arguments of such a guest; the stream is
 *					  8 times its index, so that tools/sim/ has the same requests
 * RTVIRTIO_SYSTEM(name, seconds, ..)	  partitions[] is given before; more of the disk's fields follow
 */
#pragma once
#include "configs/blk.h"
#include "configs/ssd.h"

#define RTVIRTIO_BOARD \
	{ \
		.core_count = 1, .memory_bytes = MIB(256), .switch_overhead_ns = US(5), \
		.timer_resolution_ns = US(1), \
	}

#define RTVIRTIO_CPU     RESERVATION(0, US(250), MS(2))
#define RTVIRTIO_SERVICE RESERVATION(0, US(400), MS(1))

/* The device's random numbers that tools/sim/ has for its seed 1. */
#define RTVIRTIO_DEVICE_SEED UINT64_C(5967011716909498425)

/* Guests are up by then. */
#define RTVIRTIO_TASKS(iops, seed, stream, seconds) \
	"mode=tasks tasks=" iops " seed=" seed " stream=" stream " seconds=" seconds " start_ms=200"

#define RTVIRTIO_GUEST(part_name, index, guest_args, ...) \
	BLK_GUEST(part_name, index, RTVIRTIO_CPU, guest_args, .request_max_bytes = KIB(4), \
		  __VA_ARGS__)

#define RTVIRTIO_SYSTEM(system, seconds, times, ...) \
	static const struct disk_config disks[] = { \
		{ .name = "disk", \
		  .kind = DISK_MEMORY, \
		  .bytes = 4 * BLK_SHARE_BYTES, \
		  .time = times, \
		  .depth = SSD_DEPTH, \
		  .is_strict = true, \
		  .max_budget_bytes = SSD_MAX_BUDGET_BYTES, \
		  __VA_ARGS__ }, \
	}; \
	BLK_SYSTEM(system, RTVIRTIO_BOARD, SEC((seconds) + 10), RTVIRTIO_SERVICE)

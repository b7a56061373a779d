/* SPDX-License-Identifier: Apache-2.0 */
/*
 * configs/net_restart.h - a partition with a device restarts again and again, under traffic, beside
 * two whose traffic must not notice: "send" pings "echo" all the time.
 *
 * All on one core: in QEMU only that has a clock worth a comparison (docs/emulators.md). The one that
 * restarts has the longest period, so that it stands behind the others.
 */
#pragma once
#include "configs/boards.h"

#define NET_GUEST(guest_name, guest_cpu, vf, ...) \
	{ \
		.name = guest_name, .cpu = guest_cpu, .memory_bytes = GUEST_MEMORY, \
		.platform = PLATFORM_PC, .image = "net.elf", \
		.DEVICES({ .kind = DEVICE_VF, \
			   .name = "nic", \
			   .index = vf, \
			   .mac = "02:00:00:00:00:0" #vf }), \
		__VA_ARGS__ \
	}

#define NET_RESTART_SYSTEM(system, pings, life, limit_ns) \
	static const struct partition_config partitions[] = { \
		NET_GUEST("echo", RESERVATION(0, MS(2), MS(10)), 1, .args = "mode=echo peers=0"), \
		NET_GUEST( \
			"send", RESERVATION(0, MS(2), MS(10)), 2, \
			.args = "mode=send peer=02:00:00:00:00:01 gap_us=2800 stream=1 count=" pings), \
		NET_GUEST("life", RESERVATION(0, MS(8), MS(40)), 3, .on_reset = LIFE_RESTART, \
			  .args = "mode=life peer=02:00:00:00:00:01" life), \
	}; \
	static const struct pf_config pfs[] = { \
		{ .name = "nic", .driver = PF_IGB, .vf_count = 4 }, \
	}; \
	const struct config config = { \
		.name = system, \
		.board = BOARD_RIG(1), \
		.partitions = partitions, \
		.partition_count = ARRAY_SIZE(partitions), \
		.pfs = pfs, \
		.pf_count = ARRAY_SIZE(pfs), \
		.service = RESERVATION(0, MS(1), MS(10)), \
		.run_limit_ns = limit_ns, \
	}

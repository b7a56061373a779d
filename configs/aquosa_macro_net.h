/* SPDX-License-Identifier: Apache-2.0 */
/*
 * configs/aquosa_macro_net.h - the experiment aquosa-macro-net: the web server of configs/aquosa_macro.h, its
 * clients in another guest, and a network between them that has a speed.
 *
 * Model    "web" and "clients" are Debian's kernel and programs, each with a virtual function of one 82576
 *	    (guests/linux/web_net). What "web" may send is limited by the VF's tuple: that is the wire.
 *	    Conditions, for each speed in Mbit/s, or "free", without a limit:
 *	      alone	web best effort, no load
 *	      reserved	web (3 ms, 5 ms), load
 *	    "clients" has the same reservation in both.
 * Speeds   Chosen from the page, before there was any result: 103 KB and 22 ms of CPU, so that the wire takes as
 *	    long as the CPU at 37 Mbit/s, and as long as the CPU in (3 ms, 5 ms) at 22 Mbit/s. 8 and 16 are
 *	    below both, 24 and 32 between them, 64 and none above.
 * One core The clients should be another machine. But in QEMU several CPUs have no common instruction clock, and
 *	    Bochs has no such card (docs/emulators.md): they share the web server's core, in a reservation whose
 *	    deadlines are nearer. What they take of it is in the web guest's steal time.
 * Board    A switch is at most 10 us in QEMU under the instruction clock, 10,000 instructions.
 * Kernel   The generic one: Debian's cloud kernel has no igbvf.
 */
#pragma once
#include "configs/aquosa_macro.h"

#define MBIT(n) ((n)*UINT64_C(125000)) /* bytes */

/* The claim comes last: its commas separate arguments. send_bytes_per_s: 0: no limit */
#define NET_LINUX(part_name, memory, test, vf, send_bytes_per_s, ...) \
	{ \
		.name = part_name, .cpu = __VA_ARGS__, .boot = BOOT_LINUX, \
		.memory_bytes = (memory), .image = "linux-generic", \
		.MODULES({ .name = "initrd-web-net" }), \
		.args = "console=ttyS0,115200 quiet bulkhead.test=" test, \
		.DEVICES({ .kind = DEVICE_VF, \
			   .name = "nic", \
			   .index = (vf), \
			   .qos = { .tx_bytes_per_s = EXACTLY(send_bytes_per_s) } }), \
	}

#define NET_WEB(send_bytes_per_s, ...) \
	NET_LINUX("web", MIB(256), "webserver,10.0.0.1,250", 0, send_bytes_per_s, __VA_ARGS__)
#define NET_CLIENTS \
	NET_LINUX("clients", MIB(192), "webclients,10.0.0.2,10.0.0.1,5,10,100", 1, 0, \
		  RESERVATION(0, MS(1), MS(4)))

/* The load never ends: where it runs, the limit is the end. Clients take 25 s to get ready, then five rounds. */
#define NET_SYSTEM(condition, limit_s) \
	static const struct pf_config pfs[] = { \
		{ .name = "nic", .driver = PF_IGB, .vf_count = 2 }, \
	}; \
	const struct config config = { \
		.name = "aquosa_macro_net_" condition, \
		.board = { .core_count = 1, \
			   .memory_bytes = MIB(768), \
			   .switch_overhead_ns = US(10), \
			   .timer_resolution_ns = US(1), \
			   .console_bytes_per_second = MIB(1) }, \
		.partitions = partitions, \
		.partition_count = ARRAY_SIZE(partitions), \
		.pfs = pfs, \
		.pf_count = ARRAY_SIZE(pfs), \
		.service = RESERVATION(0, US(320), MS(4)), \
		.run_limit_ns = SEC(limit_s), \
	}

#define NET_ALONE(speed, send_bytes_per_s) \
	static const struct partition_config partitions[] = { \
		NET_WEB(send_bytes_per_s, BEST_EFFORT(0, 1)), \
		NET_CLIENTS, \
	}; \
	NET_SYSTEM(speed "_alone", 300)

#define NET_RESERVED(speed, send_bytes_per_s, limit_s) \
	static const struct partition_config partitions[] = { \
		NET_WEB(send_bytes_per_s, RESERVATION(0, MS(3), MS(5))), \
		NET_CLIENTS, \
		MACRO_LOAD(BEST_EFFORT(0, 1)), \
	}; \
	NET_SYSTEM(speed "_reserved", limit_s)

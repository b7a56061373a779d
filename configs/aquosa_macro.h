/* SPDX-License-Identifier: Apache-2.0 */
/*
 * configs/aquosa_macro.h - the experiment aquosa-macro: paper 002, section 4.2, on one core.
 *
 * Model    "web" is Debian's kernel with Debian's Apache: 10 clients ask it for 100 pages a round, each an
 *	    image that pnmrotate turns by 20 degrees (guests/linux/web). Conditions, one file each:
 *	      alone	      web best effort, no load	      (the paper's Table 1, "Guest (unloaded)")
 *	      loaded	      web best effort below load      ("Guest (loaded)")
 *	      reserved	      web (3 ms, 5 ms), load	      ("Guest-rsv (loaded)")
 *	      reserved_alone  web (3 ms, 5 ms), no load
 *	    "load" wants 90 ms in every 100 ms: the paper says of its load that it tends to saturate the CPU,
 *	    and its guest without a reservation was 9.3 times slower.
 * Scale    The image has 250 x 250 pixels, 1/64 of the paper's. In QEMU under the instruction clock, where
 *	    a core has 1,000 million instructions a second, a page needs 22 ms of it.
 * Rounds   20, as in the paper, of the two whose maxima are compared; of the others one, which takes 25 s under load
 *	    without a reservation.
 * Time     The load begins when Linux has nearly booted: in every condition it is there before the first client.
 */
#pragma once
#include "configs/boards.h"

#define MACRO_WEB(test, claim) \
	{ \
		.name = "web", .cpu = claim, .boot = BOOT_LINUX, .memory_bytes = MIB(256), \
		.image = "linux-cloud", .MODULES({ .name = "initrd-web" }), \
		.args = "console=ttyS0,115200 quiet bulkhead.test=web," test, \
	}

#define MACRO_LOAD(claim) \
	{ \
		.name = "load", .cpu = claim, .memory_bytes = GUEST_MEMORY, .image = "tasks.elf", \
		.args = "tasks=load:90:100 jobs=0 epoch=1500", \
	}

#define MACRO_TEST   "250,1,10,100"
#define MACRO_ROUNDS "250,20,10,100" /* as many as the paper's simulations */

#define MACRO_SYSTEM(condition, limit_ns) \
	const struct config config = { \
		.name = "aquosa_macro_" condition, \
		.board = BOARD_RIG_MEMORY(1, MIB(512)), \
		.partitions = partitions, \
		.partition_count = ARRAY_SIZE(partitions), \
		.run_limit_ns = limit_ns, \
	}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * configs/memnic_busy.c - a receiver that gets more than it has time for, and never sleeps: what arrives, and the
 * interrupts that tell of it, take no exit. For tools/rig --ips 200000000.
 */
#include "configs/memnic_pair.h"

static const struct partition_config partitions[] = {
	{ .name = "sink",
	  .cpu = OWN_CORE(0),
	  .memory_bytes = GUEST_MEMORY,
	  .platform = PLATFORM_PC,
	  .image = "net.elf",
	  .args = "mode=sink work_ns=120000 from_ms=150 to_ms=350",
	  .DEVICES({ .kind = DEVICE_VF,
		     .name = "nic",
		     .index = 0,
		     .mac = "02:00:00:00:01:00",
		     .irq_rate = { .kind = IRQ_FIR, .per_second = 4000 } }) },
	MEMNIC_GUEST(
		"gen", OWN_CORE(1),
		"mode=generate to=02:00:00:00:01:00 rate=20000 size=512 start_ms=100 stop_ms=400",
		1, "02:00:00:00:02:00"),
};
static const struct pf_config pfs[] = {
	{ .name = "nic", .driver = PF_MEMORY, .vf_count = 2 },
};
const struct config config = {
	.name = "memnic_busy",
	.board = BOARD_RIG(3),
	.partitions = partitions,
	.partition_count = ARRAY_SIZE(partitions),
	.pfs = pfs,
	.pf_count = ARRAY_SIZE(pfs),
	.service = OWN_CORE(2),
	.run_limit_ns = SEC(5),
};

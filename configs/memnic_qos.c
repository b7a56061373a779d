/* SPDX-License-Identifier: Apache-2.0 */
/*
 * configs/memnic_qos.c - one guest sends 20,000 frames of 1,000 bytes a second to each of two; the first may
 * receive 5,000 a second, the second has a fixed interrupt rate of 2,000 a second. For tools/rig --ips 200000000.
 */
#include "configs/memnic_pair.h"

#define SINK(name_, n, ...) \
	{ \
		.name = name_, .cpu = RESERVATION(0, MS(4), MS(10)), .memory_bytes = GUEST_MEMORY, \
		.platform = PLATFORM_PC, .image = "net.elf", \
		.args = "mode=sink from_ms=150 to_ms=1150", \
		.DEVICES({ .kind = DEVICE_VF, \
			   .name = "nic", \
			   .index = n, \
			   .mac = "02:00:00:00:01:0" #n, \
			   __VA_ARGS__ }), \
	}

static const struct partition_config partitions[] = {
	SINK("limited", 0, .qos.rx_packets_per_s = EXACTLY(5000)),
	SINK("paced", 1, .irq_rate = { .kind = IRQ_FIR, .per_second = 2000 }),
	MEMNIC_GUEST(
		"gen", OWN_CORE(1),
		"mode=generate to=02:00:00:00:01:00 peers=2 rate=20000 size=1000 start_ms=100 stop_ms=1250",
		2, "02:00:00:00:02:00"),
};
static const struct pf_config pfs[] = {
	{ .name = "nic", .driver = PF_MEMORY, .vf_count = 3 },
};
const struct config config = {
	.name = "memnic_qos",
	.board = BOARD_RIG(3),
	.partitions = partitions,
	.partition_count = ARRAY_SIZE(partitions),
	.pfs = pfs,
	.pf_count = ARRAY_SIZE(pfs),
	.service = OWN_CORE(2),
	.run_limit_ns = SEC(10),
};

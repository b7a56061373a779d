/* SPDX-License-Identifier: Apache-2.0 */
/*
 * configs/rate_restart.c - a guest of 500 interrupts a second that restarts again and again, its rings full and
 * interrupts held back: guests/net/life.c.
 */
#include "configs/rate.h"

static const struct partition_config partitions[] = {
	TRAFFIC_GUEST("echo", .cpu = RESERVATION(0, MS(2), MS(10)), 0, 1, "mode=echo peers=0"),
	{
		.name = "life",
		.cpu = RESERVATION(0, MS(8), MS(40)),
		.memory_bytes = GUEST_MEMORY,
		.platform = PLATFORM_PC,
		.image = "net.elf",
		.args = "mode=life peer=02:00:00:00:00:01 count=20",
		.on_reset = LIFE_RESTART,
		.DEVICES({ .kind = DEVICE_VF,
			   .name = "nic",
			   .index = 1,
			   .irq_rate = { .kind = IRQ_FIR, .per_second = 500 } }),
	},
};

RATE_SYSTEM("rate_restart", 2, MS(10), 6);

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * configs/memnic_restart.c - a partition with a port of a network controller in memory restarts again and again,
 * under traffic, beside two whose traffic must not notice. tests/boot/test_l_memnic.py
 */
#include "configs/memnic.h"

static const struct partition_config partitions[] = {
	MEMNIC_GUEST("echo", RESERVATION(0, MS(4), MS(10)), "mode=echo peers=0", 0,
		     "02:00:00:00:00:01"),
	MEMNIC_GUEST("send", OWN_CORE(1),
		     "mode=send peer=02:00:00:00:00:01 gap_us=500 stream=1 count=1000", 1,
		     "02:00:00:00:00:02"),
	{ .name = "life",
	  .cpu = RESERVATION(0, MS(4), MS(10)),
	  .memory_bytes = GUEST_MEMORY,
	  .platform = PLATFORM_PC,
	  .on_reset = LIFE_RESTART,
	  .image = "net.elf",
	  .args = "mode=life peer=02:00:00:00:00:01",
	  .DEVICES({ .kind = DEVICE_VF, .name = "nic", .index = 2, .mac = "02:00:00:00:00:03" }) },
};

MEMNIC_SYSTEM("memnic_restart", BOARD_RIG(3), 3, 2);

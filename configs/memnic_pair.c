/* SPDX-License-Identifier: Apache-2.0 */
/*
 * configs/memnic_pair.c - a short exchange of frames: "send" on core 1 pings "echo" on core 0 and streams data to
 * it. Nothing of that takes an exit.
 */
#include "configs/memnic.h"

static const struct partition_config partitions[] = {
	MEMNIC_GUEST("echo", OWN_CORE(0), "mode=echo", 0, "02:00:00:00:00:01"),
	MEMNIC_GUEST("send", OWN_CORE(1),
		     "mode=send peer=02:00:00:00:00:01 count=200 stream=2000 size=1000", 1,
		     "02:00:00:00:00:02"),
};

MEMNIC_SYSTEM("memnic_pair", BOARD_RIG(3), 2, 20);

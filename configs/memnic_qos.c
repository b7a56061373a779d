/* SPDX-License-Identifier: Apache-2.0 */
/*
 * configs/memnic_qos.c - one guest sends 20,000 frames of 1,000 bytes a second to each of two; the first may
 * receive 5,000 a second, the second has a fixed interrupt rate of 2,000 a second.
 */
#include "configs/memnic.h"

#define SINK(name, n, ...) \
	MEMNIC_GUEST(name, RESERVATION(0, MS(4), MS(10)), "mode=sink from_ms=150 to_ms=1150", n, \
		     "02:00:00:00:01:0" #n, __VA_ARGS__)

static const struct partition_config partitions[] = {
	SINK("limited", 0, .qos.rx_packets_per_s = EXACTLY(5000)),
	SINK("paced", 1, .irq_rate = { .kind = IRQ_FIR, .per_second = 2000 }),
	MEMNIC_GUEST(
		"gen", OWN_CORE(1),
		"mode=generate to=02:00:00:00:01:00 peers=2 rate=20000 size=1000 start_ms=100 stop_ms=1250",
		2, "02:00:00:00:02:00"),
};

MEMNIC_SYSTEM("memnic_qos", BOARD_RIG(3), 3, 10);

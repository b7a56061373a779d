/* SPDX-License-Identifier: Apache-2.0 */
/*
 * configs/rate.h - a flood, and guests whose VFs may interrupt them only so often: in QEMU, where all of them
 * share one core. configs/traffic.h has the guests' addresses.
 */
#pragma once
#include "configs/traffic.h"

/* What a sink receives, at several rates of interrupts; the generator has VF `vfs` - 1. */
#define RATE_SYSTEM(system, vfs, service_period, limit_s) \
	static const struct pf_config pfs[] = { \
		{ .name = "nic", .driver = PF_IGB, .vf_count = (vfs), .report_ns = SEC(1) }, \
	}; \
	const struct config config = { \
		.name = system, \
		.board = BOARD_RIG(1), \
		.partitions = partitions, \
		.partition_count = ARRAY_SIZE(partitions), \
		.pfs = pfs, \
		.pf_count = ARRAY_SIZE(pfs), \
		.service = RESERVATION(0, US(500), service_period), \
		.run_limit_ns = SEC(limit_s), \
	}

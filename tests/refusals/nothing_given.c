/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Everything that a partition must be given is missing; all of it is told at once.
 * expect: refused: 9 reasons
 * expect: system: name = ''
 * expect: system: board.core_count = 0
 * expect: system: board.memory = 0
 * expect: system: board.switch_overhead = 0
 * expect: system: board.timer_resolution = 0
 * expect: partitions[0]: name = ''
 * expect: partitions[0]: memory_bytes is not given
 * expect: partitions[0]: image is not given
 * expect: system: trace_records = 3: not a power of two
 */
#include "core/config.h"

static const struct partition_config partitions[] = {
	{ .cpu = { .kind = CPU_RESERVED } },
};

const struct config config = {
	.partitions = partitions,
	.partition_count = ARRAY_SIZE(partitions),
	.trace_records = 3,
};

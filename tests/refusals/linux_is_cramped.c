/* SPDX-License-Identifier: Apache-2.0 */
/*
 * expect: partition 'linux0': memory_bytes = 8 MiB: a Linux kernel unpacks itself behind its first MiB
 * expect: partition 'linux0': module_count = 2: too many; Linux takes one, its initial RAM disk
 * expect: partition 'linux0': image_sha256 = 'abcd': a SHA-256 is 64 hexadecimal digits
 * expect: partition 'linux0': modules[0].name = 'initrd.none': no such file on the boot volume
 */
#include "configs/boards.h"

static const struct partition_config partitions[] = {
	{
		.name = "linux0",
		.cpu = OWN_CORE(0),
		.memory_bytes = MIB(8),
		.boot = BOOT_LINUX,
		.image = "compute.elf",
		.image_sha256 = "abcd",
		.MODULES({ .name = "initrd.none" }, { .name = "tasks.elf" }),
	},
};

const struct config config = {
	.name = "linux_is_cramped",
	.board = BOARD_RIG(1),
	.partitions = partitions,
	.partition_count = ARRAY_SIZE(partitions),
};

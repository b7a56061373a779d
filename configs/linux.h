/* SPDX-License-Identifier: Apache-2.0 */
/*
 * configs/linux.h - Debian's kernels as packaged, with the initial RAM disk of guests/linux.
 *
 * Kernels  "cloud" is compressed by LZ4 and boots fastest in an emulator; "generic" and "rt"
 *	    need three times as many instructions to unpack themselves (XZ).
 * Tests    guests/linux/init lists them. The command line has a console and the test: nothing
 *	    in it works around the virtual platform. "quiet" because a serial line is slow; what
 *	    the kernel warned of is in the test "dmesg".
 */
#pragma once
#include "configs/boards.h"

#define LINUX_CONSOLE "console=ttyS0,115200 quiet"

/* The claims are .cpu = .. or .CPUS(..); more fields may follow. */
#define LINUX(part_name, kernel, test, ...) \
	{ \
		.name = part_name, .boot = BOOT_LINUX, .memory_bytes = LINUX_MEMORY, \
		.image = "linux-" kernel, .MODULES({ .name = "initrd-linux" }), \
		.args = LINUX_CONSOLE " bulkhead.test=" test, __VA_ARGS__ \
	}

#define LINUX_SYSTEM(system, cores, limit_ns) \
	const struct config config = { \
		.name = system, \
		.board = BOARD_RIG_MEMORY(cores, MIB(512)), \
		.partitions = partitions, \
		.partition_count = ARRAY_SIZE(partitions), \
		.run_limit_ns = limit_ns, \
	}

/* One Linux, nothing else. Bochs has 50 million instructions a second: a boot takes a minute. */
#define LINUX_ALONE(system, kernel, test, cores, ...) \
	static const struct partition_config partitions[] = { \
		LINUX("linux", kernel, test, __VA_ARGS__), \
	}; \
	LINUX_SYSTEM(system, cores, SEC(600))

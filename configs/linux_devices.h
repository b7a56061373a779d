/* SPDX-License-Identifier: Apache-2.0 */
/*
 * configs/linux_devices.h - two Linux guests with devices of their own, and a guest with deadlines.
 *
 * Each Linux owns a virtual function of one network card (in-tree driver igbvf) and one of one NVMe
 * controller (nvme): tools/rig --devices. They talk to each other through the card's switch, and
 * each writes a range of its own of the disk and reads it back; guests/linux/devices says what the
 * arguments of the tests mean. The generic kernel, because Debian's cloud kernel has no igbvf.
 *
 * linux_devices_rt_*: on one core, beside "rt" of configs/linux_mixed.h, whose worst responses must be
 * within 1 % of those alone. For that reason Linux' periods are long against rt's here, too, and its
 * shares small: in the 350 ms before a task of rt arrives, rt can have had 218 ms, and the service
 * 36 ms; the rest is enough for both Linux to have used up their budgets.
 * One core, because only one has an instruction clock in QEMU (docs/emulators.md).
 */
#pragma once
#include "configs/linux_mixed.h"

/* `index`: which virtual function of both. */
#define LINUX_DEVICES(part_name, index, test, ...) \
	{ \
		.name = part_name, .boot = BOOT_LINUX, .memory_bytes = LINUX_MEMORY, \
		.image = "linux-generic", .MODULES({ .name = "initrd-net" }), \
		.args = LINUX_CONSOLE " bulkhead.test=" test, \
		.DEVICES(PCI_VF("nic", index), PCI_VF("ssd", index)), __VA_ARGS__ \
	}

#define DEVICES_SYSTEM(system, cores, service_claim, limit_s) \
	static const struct pf_config pfs[] = { \
		{ .name = "nic", .driver = PF_IGB, .vf_count = 4 }, \
		{ .name = "ssd", .driver = PF_NVME, .vf_count = 4 }, \
	}; \
	const struct config config = { \
		.name = system, \
		.board = BOARD_RIG_MEMORY(cores, MIB(768)), \
		.partitions = partitions, \
		.partition_count = ARRAY_SIZE(partitions), \
		.pfs = pfs, \
		.pf_count = ARRAY_SIZE(pfs), \
		.service = service_claim, \
		.run_limit_ns = SEC(limit_s), \
	}

#define DEVICES_RT_JOBS  "2200"
#define DEVICES_RT_LIMIT 442

#define DEVICES_BESIDE_RT(system, test0, test1) \
	static const struct partition_config partitions[] = { \
		MIXED_RT(DEVICES_RT_JOBS), \
		LINUX_DEVICES("linux0", 0, test0, .cpu = RESERVATION(0, MS(45), MS(400))), \
		LINUX_DEVICES("linux1", 1, test1, .cpu = RESERVATION(0, MS(45), MS(400))), \
	}; \
	DEVICES_SYSTEM(system, 1, RESERVATION(0, MS(1), MS(10)), DEVICES_RT_LIMIT)

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * configs/linux_devices.h - two Linux guests with devices of their own, and a guest with deadlines.
 *
 * Each Linux owns a virtual function of one network card (in-tree driver igbvf) and one of one NVMe
 * controller (nvme): tools/rig --devices. They talk to each other through the card's switch, and
 * each writes a range of its own of the disk and reads it back; guests/linux/devices says what the
 * arguments of the tests mean. The generic kernel, because Debian's cloud kernel has no igbvf.
 *
 * On one core "rt", of configs/linux_mixed.h, is beside them: the shares there are such that their
 * periods are long against rt's. The hypervisor serves the physical functions in 0.2 of 10 ms.
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

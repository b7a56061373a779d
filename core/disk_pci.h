/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core/disk_pci.h - disks that are PCI functions of the machine: found, taken, and kept to the memory that
 * is theirs to reach. For core/disk_nvme.c and core/disk_virtio.c.
 *
 * Sharing  Boot core.
 */
#pragma once
#include "core/disk.h"
#include "drivers/pci_reset.h"

struct disk_pci {
	struct pci_table *table;
	uint32_t function; /* in the table */
	pci_addr_t addr;
};

/*
 * By its address, or the first that the driver serves and nobody has: it is attached to IOMMU_DISKS, with
 * memory decoding and bus mastering on, and interrupts off.
 */
MUST_CHECK enum err disk_pci_claim(struct disk_pci *d, const struct disk_config *c,
				   bool (*serves)(const struct pci_function *f),
				   const char **reason);
/* At most *bytes of a BAR, whose length is left there; NULL: it cannot be. */
volatile void *disk_pci_map(const struct disk_pci *d, uint32_t bar, uint64_t *bytes,
			    const char **reason);
/* Zeroed frames that the disk reaches at their host-physical addresses; NULL: there are none. */
void *disk_pci_take_memory(uint64_t bytes, hpa_t *hpa);
/* The RAM of all partitions with a share of this disk. */
MUST_CHECK enum err disk_pci_map_clients(const struct disk_config *c, const char **reason);
/* Memory decoding and bus mastering, as after disk_pci_claim(). */
void disk_pci_enable(const struct disk_pci *d);
/* It reaches nothing any more. */
void disk_pci_block(const struct disk_pci *d);

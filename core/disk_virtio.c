/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core/disk_virtio.c - a virtio block device as a shared disk, on a machine that is virtual itself: what
 * the driver asks of configuration space and the IOMMU is done here.
 */
#include "arch/clock.h"
#include "arch/mem.h"
#include "core/disk_pci.h"
#include "drivers/virtio_blk/virtio_blk.h"

#define VENDOR_VIRTIO   0x1af4u
#define DEVICE_BLOCK    0x1042u /* 1040H + 2; "PCI Device Discovery" */
#define DEVICE_LEGACY   0x1001u /* transitional: it has the modern interface, too */
#define IO_NS           SEC(30)
#define RESET_NS        SEC(1)
#define FAULTS_IN_A_ROW 4u

struct virtio_unit {
	struct virtio_blk disk; /* first: operations get this */
	struct disk_pci pci;
	bool is_cut_off;
};

static struct virtio_unit *of(struct disk *d)
{
	return (struct virtio_unit *)(void *)d;
}

static bool serves(const struct pci_function *f)
{
	return f->vendor == VENDOR_VIRTIO &&
	       (f->device == DEVICE_BLOCK || f->device == DEVICE_LEGACY);
}

static enum disk_state serve(struct disk *d, uint64_t now_tsc, uint64_t *again_tsc)
{
	struct virtio_unit *const u = of(d);
	const enum disk_state state = d->ops->serve(d, now_tsc, again_tsc);

	if (!virtio_blk_wants_block(&u->disk))
		return state;
	if (!u->is_cut_off)
		disk_pci_block(&u->pci);
	u->is_cut_off = true;
	virtio_blk_after_block(&u->disk);
	*again_tsc = now_tsc;
	return d->state;
}

static bool map_bars(const struct disk_pci *pci, struct virtio_blk_config *wanted,
		     const char **reason)
{
	for (uint32_t i = 0; i < PCI_BAR_COUNT; i++) {
		uint64_t bytes = wanted->layout.bar_bytes[i];

		if (!(wanted->layout.bars & BIT32(i)))
			continue;
		wanted->bars[i] = disk_pci_map(pci, i, &bytes, reason);
		if (!wanted->bars[i] || bytes < wanted->layout.bar_bytes[i])
			return false;
	}
	return true;
}

static struct disk *begin(const struct disk_config *c, uint32_t index, const char **reason)
{
	struct virtio_unit *const u =
		arch_mem_take_pages(align_up(sizeof(*u), PAGE_BYTES) / PAGE_BYTES);
	struct virtio_blk_config wanted = { .tsc_hz = arch_clock_tsc_hz(),
					    .io_timeout_ns = IO_NS,
					    .reset_timeout_ns = RESET_NS,
					    .fault_limit = FAULTS_IN_A_ROW,
					    .request_max_bytes = DISK_REQUEST_MAX_BYTES };

	*reason = "no frames for it";
	if (!u || disk_pci_claim(&u->pci, c, serves, reason) != OK ||
	    disk_pci_map_clients(c, reason) != OK)
		return NULL;
	*reason = "it has no modern interface";
	if (virtio_blk_find(u->pci.addr, &wanted.layout) != OK)
		return NULL;
	if (!map_bars(&u->pci, &wanted, reason))
		return NULL;
	*reason = "no frames for its queue";
	wanted.memory = disk_pci_take_memory(VIRTIO_BLK_MEMORY_BYTES, &wanted.memory_hpa);
	if (!wanted.memory)
		return NULL;
	*reason = "it is no device that its driver can use";
	if (virtio_blk_begin(&u->disk, &wanted) != OK)
		return NULL;
	return &u->disk.disk;
}

const struct disk_driver disk_virtio = { begin, serve };

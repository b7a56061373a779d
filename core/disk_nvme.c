/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core/disk_nvme.c - a namespace of an NVM Express controller as a shared disk: what the driver asks of
 * configuration space and the IOMMU is done here.
 */
#include "arch/clock.h"
#include "core/disk_pci.h"
#include "arch/mem.h"
#include "core/log.h"
#include "drivers/nvme/nvme_disk.h"

#define CLASS_NVME      0x010802u /* mass storage, NVM, NVMe I/O controller */
#define REGISTER_BYTES  KIB(32)   /* with the doorbells of a few queues, at any stride */
#define QUEUE_COUNT     1u        /* one lock around the disk: drivers/nvme/nvme_disk.h, "Queues" */
#define ADMIN_NS        SEC(5)
#define IO_NS           SEC(30)
#define POLL_NS         US(100)
#define WATCH_NS        MS(100)
#define FAULTS_IN_A_ROW 4u

struct nvme_unit {
	struct nvme_disk disk; /* first: operations get this */
	struct disk_pci pci;
	struct pci_reset reset;
	bool is_resetting;
	bool is_cut_off;
};

static struct nvme_unit *of(struct disk *d)
{
	return (struct nvme_unit *)(void *)d;
}

static bool serves(const struct pci_function *f)
{
	return f->class_code == CLASS_NVME && !f->is_vf;
}

static void cut_off(struct nvme_unit *u)
{
	if (!u->is_cut_off)
		disk_pci_block(&u->pci);
	u->is_cut_off = true;
	nvme_disk_after_block(&u->disk);
}

static void begin_reset(struct nvme_unit *u)
{
	u->is_resetting = pci_reset_begin(&u->reset, u->pci.table, u->pci.function,
					  arch_clock_tsc_hz()) == OK;
	if (!u->is_resetting)
		cut_off(u);
}

static void step_reset(struct nvme_unit *u, uint64_t now_tsc, uint64_t *again_tsc)
{
	const enum err e = pci_reset_step(&u->reset, now_tsc, again_tsc);

	if (e == ERR_BUSY)
		return;
	u->is_resetting = false;
	*again_tsc = now_tsc;
	if (e != OK) {
		cut_off(u);
		return;
	}
	disk_pci_enable(&u->pci);
	nvme_disk_after_flr(&u->disk, now_tsc);
}

static enum disk_state serve(struct disk *d, uint64_t now_tsc, uint64_t *again_tsc)
{
	struct nvme_unit *const u = of(d);
	enum disk_state state;

	if (u->is_resetting) {
		step_reset(u, now_tsc, again_tsc);
		return d->state;
	}
	state = d->ops->serve(d, now_tsc, again_tsc);
	switch (nvme_disk_needs(&u->disk)) {
	case NVME_DISK_FLR:
		begin_reset(u);
		*again_tsc = now_tsc;
		break;
	case NVME_DISK_BLOCK:
		cut_off(u);
		*again_tsc = now_tsc;
		break;
	default:
		break;
	}
	return state;
}

static struct disk *begin(const struct disk_config *c, uint32_t index, const char **reason)
{
	struct nvme_unit *const u =
		arch_mem_take_pages(align_up(sizeof(*u), PAGE_BYTES) / PAGE_BYTES);
	const uint16_t depth =
		(uint16_t)min_u64(2 * disk_default(c->depth, DISK_DEPTH), NVME_DISK_DEPTH_MAX);
	struct nvme_disk_config wanted = {
		.controller = { .tsc_hz = arch_clock_tsc_hz(),
				.admin_timeout_ns = ADMIN_NS,
				.io_timeout_ns = IO_NS,
				.poll_ns = POLL_NS,
				.watch_ns = WATCH_NS,
				.fault_limit = FAULTS_IN_A_ROW },
		.nsid = c->nsid,
		.queue_count = QUEUE_COUNT,
		.depth = depth,
		.request_max_bytes = DISK_REQUEST_MAX_BYTES,
	};

	*reason = "no frames for it";
	if (!u || disk_pci_claim(&u->pci, c, serves, reason) != OK ||
	    disk_pci_map_clients(c, reason) != OK)
		return NULL;
	wanted.controller.register_bytes = REGISTER_BYTES;
	wanted.controller.registers =
		disk_pci_map(&u->pci, 0, &wanted.controller.register_bytes, reason);
	if (!wanted.controller.registers)
		return NULL;
	wanted.memory.bytes = nvme_disk_memory_bytes(QUEUE_COUNT, depth);
	*reason = "no frames for its queues";
	wanted.memory.at = disk_pci_take_memory(wanted.memory.bytes, &wanted.memory.hpa);
	if (!wanted.memory.at)
		return NULL;
	*reason = "it is no controller that its driver can use";
	if (nvme_disk_begin(&u->disk, &wanted, arch_clock_now_tsc()) != OK)
		return NULL;
	return &u->disk.disk;
}

const struct disk_driver disk_nvme = { begin, serve };

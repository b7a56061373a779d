/* SPDX-License-Identifier: Apache-2.0 */
#include "core/memory.h"
#include <string.h>
#include "arch/iommu.h"
#include "arch/pci.h"
#include "core/disk.h"
#include "drivers/memdisk/memdisk.h"
#include "sched/trace.h"

/* The hypervisor's own tables; per core: stacks, descriptor tables, the back-end's page. */
#define POOL_BASE_BYTES KIB(512)
#define POOL_CORE_BYTES KIB(64)
/*
 * Each range of PCI configuration space is mapped with 2 MiB pages: a directory, the table above
 * it, and a page table at either end that is no multiple of 2 MiB.
 */
#define POOL_PCI_BYTES (PCI_SEGMENT_RANGE_MAX * 4 * PAGE_BYTES)
/*
 * A virtual CPU: its state, control structure, virtual-APIC page, posted-interrupt descriptor on
 * a frame of its own, permission maps for MSRs and ports (MSRs: where it has its core's APIC), and
 * an XSAVE area: 11 KiB with every state component defined so far. SDM Vol. 1, "Managing State
 * Using the XSAVE Feature Set".
 */
#define POOL_VCPU_BYTES KIB(64)
/*
 * A partition's nested tables, those of which there is a fixed number: the root; a PDPT for each
 * 512 GiB below 1 TiB; page tables for the first 2 MiB, which the hole cuts, and for those with
 * the APIC page, which has a directory of its own.
 */
#define POOL_PARTITION_BYTES (6 * PAGE_BYTES)
#define POOL_PC_BYTES        KIB(32) /* its virtual PC's devices */

/*
 * Devices: page tables around the registers that guests see, and those that we do, for each a few
 * of 2 MiB; tables of the IOMMU for their buses; what is kept of each. A domain has directories
 * and tables as the partition's address space.
 */
#define POOL_DEVICE_BYTES KIB(96)
#define POOL_PF_BYTES     KIB(160)
#define POOL_DISK_BYTES   KIB(512) /* a real disk: queues, lists of pages, tables of the IOMMU */

/* A directory for each GiB begun, where leaves are at most 2 MiB. */
static uint64_t directory_bytes(uint64_t ram_bytes)
{
	return (ram_bytes / GIB(1) + (ram_bytes % GIB(1) != 0)) * PAGE_BYTES;
}

/* The plan is not made yet. */
static uint64_t most_bytes(const struct partition_config *p)
{
	return max_u64(p->memory_bytes, p->memory_max_bytes);
}

static uint64_t device_bytes(const struct partition_config *p)
{
	if (p->device_count == 0)
		return 0;
	return POOL_PARTITION_BYTES + directory_bytes(most_bytes(p)) +
	       min_u64(p->device_count, CONFIG_DEVICE_MAX) * POOL_DEVICE_BYTES;
}

static uint64_t partition_bytes(const struct partition_config *p)
{
	const uint64_t cpus = p->cpu_count != 0 ? p->cpu_count : 1;

	const bool has_pc = p->platform == PLATFORM_PC || p->boot != BOOT_GUEST;

	return POOL_PARTITION_BYTES + (has_pc ? POOL_PC_BYTES : 0) + cpus * POOL_VCPU_BYTES +
	       directory_bytes(most_bytes(p)) + device_bytes(p);
}

static uint64_t share_bytes(const struct disk_share *s)
{
	return sizeof(struct disk_client) + 2 * PAGE_BYTES +
	       align_up(disk_request_count(s) * sizeof(struct block_request), PAGE_BYTES);
}

/* Of a disk: its driver's, its scheduler's, and its shares'. */
static uint64_t disk_bytes(const struct config *wanted, const struct disk_config *d)
{
	uint64_t bytes = align_up(sizeof(struct disk_unit), PAGE_BYTES) +
			 align_up(d->audit_records * sizeof(struct iosched_audit), PAGE_BYTES) +
			 (d->kind == DISK_MEMORY ? align_up(sizeof(struct memdisk), PAGE_BYTES)
						 : POOL_DISK_BYTES);

	for (uint32_t i = 0; i < wanted->partition_count; i++)
		for (uint32_t n = 0; n < wanted->partitions[i].disk_count; n++) {
			const struct disk_share *const s = &wanted->partitions[i].disks[n];

			if (s->disk && d->name && strcmp(s->disk, d->name) == 0)
				bytes += share_bytes(s);
		}
	return align_up(bytes, PAGE_BYTES);
}

uint64_t memory_pool_bytes(const struct config *wanted)
{
	uint64_t bytes =
		POOL_BASE_BYTES + POOL_PCI_BYTES + IOMMU_INIT_BYTES + MAX_CORES * POOL_CORE_BYTES;

	for (uint32_t i = 0; i < wanted->partition_count; i++)
		bytes += partition_bytes(&wanted->partitions[i]);
	bytes += min_u64(wanted->pf_count, CONFIG_PF_MAX) * POOL_PF_BYTES;
	for (uint32_t i = 0; i < wanted->disk_count; i++)
		bytes += disk_bytes(wanted, &wanted->disks[i]);
	bytes += (uint64_t)wanted->board.core_count * wanted->trace_records *
		 sizeof(struct trace_record);
	return align_up(bytes, PAGE_BYTES);
}

/* The AP trampoline and real-mode tables live below; nothing of ours or a guest's does. */
static uint64_t usable_base(const struct boot_mem *m)
{
	return max_u64(m->base, MIB(1));
}

/* Lowest first, and below 4 GiB: an application processor loads CR3 in 32-bit mode. */
enum err memory_choose_pool(const struct boot_info *boot, uint64_t bytes, hpa_t *pool)
{
	for (uint32_t i = 0; i < boot->mem_count; i++) {
		const struct boot_mem *m = &boot->mem[i];
		uint64_t base = align_up(max_u64(usable_base(m), boot->image_base), PAGE_BYTES);
		uint64_t end = m->base + m->bytes;

		if (m->type != BOOT_MEM_USABLE || base >= end || end - base < bytes)
			continue;
		if (base + bytes > GIB(4))
			break;
		*pool = (hpa_t){ base };
		return OK;
	}
	return ERR_NOMEM;
}

static void offer(struct board *board, uint64_t base, uint64_t end)
{
	if (base < end && board->memory_count < ARRAY_SIZE(board->memory))
		board->memory[board->memory_count++] = (struct board_range){ base, end - base };
}

void memory_offer(const struct boot_info *boot, hpa_t pool, uint64_t pool_bytes,
		  struct board *board)
{
	uint64_t pool_end = pool.v + pool_bytes;

	board->memory_count = 0;
	for (uint32_t i = 0; i < boot->mem_count; i++) {
		const struct boot_mem *m = &boot->mem[i];
		uint64_t base = usable_base(m);
		uint64_t end = m->base + m->bytes;

		if (m->type != BOOT_MEM_USABLE)
			continue;
		if (pool.v >= base && pool_end <= end) {
			offer(board, base, pool.v);
			base = pool_end;
		}
		offer(board, base, end);
	}
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "core/memory.h"
#include "sched/trace.h"

/* Per core: stacks, descriptor tables, the back-end's page. Per partition: its vCPU's control
 * structure, permission maps, FPU area, and the nested tables down to the first 4 KiB level. */
#define POOL_BASE_BYTES      KIB(512)
#define POOL_CORE_BYTES      KIB(64)
#define POOL_PARTITION_BYTES KIB(96)

uint64_t memory_pool_bytes(const struct config *wanted)
{
	uint64_t bytes = POOL_BASE_BYTES + MAX_CORES * POOL_CORE_BYTES;

	for (uint32_t i = 0; i < wanted->partition_count; i++)
		bytes += POOL_PARTITION_BYTES +
			 wanted->partitions[i].memory_bytes / GIB(1) * PAGE_BYTES;
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

/* SPDX-License-Identifier: Apache-2.0 */
#include "core/partition_memory.h"
#include "arch/mem.h"

static struct gmem *at_hand; /* guest_ram_map() takes a plain function */

static enum err add_range(part_id_t part, gpa_t gpa, hpa_t hpa, uint64_t bytes, uint32_t rights)
{
	uint32_t i = at_hand->range_count++;

	if (i == GMEM_RANGE_MAX)
		return ERR_NOMEM;
	for (; i > 0 && at_hand->ranges[i - 1].bytes < bytes; i--) /* the largest first */
		at_hand->ranges[i] = at_hand->ranges[i - 1];
	at_hand->ranges[i] = (struct gmem_range){ gpa.v, bytes, arch_mem_at(hpa) };
	return OK;
}

enum err partition_describe_memory(const struct partition *p, struct gmem *memory)
{
	at_hand = memory;
	return guest_ram_map(&p->ram, (part_id_t)(p - partitions), (hpa_t){ p->plan->memory_base },
			     SPACE_READ | SPACE_WRITE, add_range);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* tests/fake/space.c - partitions of the fake machine have no memory. */
#include "arch/mem.h"
#include "core/lib/assert.h"

void *arch_mem_at(hpa_t at)
{
	PANIC("the fake machine has no memory");
}

enum err arch_space_create(part_id_t part)
{
	return ERR_NOMEM;
}

enum err arch_space_map(part_id_t part, gpa_t gpa, hpa_t hpa, uint64_t bytes, uint32_t rights)
{
	return ERR_NOMEM;
}

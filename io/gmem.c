/* SPDX-License-Identifier: Apache-2.0 */
#include "io/gmem.h"

uint8_t *gmem_at_rest(const struct gmem *m, uint64_t gpa, uint64_t bytes)
{
	for (uint32_t i = 1; i < m->range_count; i++) {
		uint8_t *const at = gmem_at_range(&m->ranges[i], gpa, bytes);

		if (at)
			return at;
	}
	return NULL;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/disk.h"

enum err disk_check(const struct disk_facts *f, const struct block_request *r)
{
	const uint32_t part_mask = f->block_bytes / BLOCK_SECTOR_BYTES - 1;
	uint64_t sum = 0;

	if (r->op >= BLOCK_OP_COUNT || (r->op == BLOCK_DISCARD && !f->has_discard) ||
	    (r->op == BLOCK_WRITE_ZEROES && !f->has_write_zeroes))
		return ERR_UNSUPPORTED;
	if (r->op == BLOCK_FLUSH)
		return OK;
	if (r->sector > f->sector_count || r->sector_count > f->sector_count - r->sector ||
	    ((r->sector | r->sector_count) & part_mask))
		return ERR_RANGE;
	if (r->op != BLOCK_READ && r->op != BLOCK_WRITE)
		return OK;
	if (block_bytes(r) > f->request_max_bytes || r->segment_count > BLOCK_SEGMENT_MAX)
		return ERR_RANGE;
	for (uint32_t i = 0; i < r->segment_count; i++)
		sum += r->segments[i].bytes;
	return sum == block_bytes(r) ? OK : ERR_RANGE;
}

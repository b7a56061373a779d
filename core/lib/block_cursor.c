/* SPDX-License-Identifier: Apache-2.0 */
/* core/lib/block_cursor.c - a place in a request's data. */
#include "core/lib/block_cursor.h"
#include <string.h>

void block_advance(struct block_cursor *c, const struct block_request *r, uint64_t bytes)
{
	c->done += bytes;
	while (bytes > 0 && c->segment < r->segment_count) {
		const uint64_t here =
			min_u64(bytes, r->segments[c->segment].bytes - c->segment_done);

		c->segment_done += here;
		bytes -= here;
		if (c->segment_done == r->segments[c->segment].bytes) {
			c->segment++;
			c->segment_done = 0;
		}
	}
}

struct block_cursor block_cursor_at(const struct block_request *r, uint64_t offset)
{
	struct block_cursor c = { 0 };

	block_advance(&c, r, offset);
	return c;
}

void block_copy(const struct block_request *r, struct block_cursor from, uint8_t *buffer,
		uint64_t bytes)
{
	while (bytes > 0 && from.segment < r->segment_count) {
		const struct block_segment *s = &r->segments[from.segment];
		const uint64_t here = min_u64(bytes, s->bytes - from.segment_done);

		if (r->op == BLOCK_READ)
			memcpy(s->at + from.segment_done, buffer, here);
		else
			memcpy(buffer, s->at + from.segment_done, here);
		buffer += here;
		bytes -= here;
		if (here == 0) /* an empty segment: advancing by nothing would stay */
			from.segment++;
		else
			block_advance(&from, r, here);
	}
}

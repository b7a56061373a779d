/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core/lib/block_cursor.h - a place in a request's data, for drivers that cut requests.
 *
 * Sharing  Pure. What lies in the segments is read and written, and nothing decided by it.
 */
#pragma once
#include "core/lib/block.h"

struct block_cursor {
	uint64_t done;         /* bytes before it */
	uint32_t segment;      /* .. and where it is: this segment, */
	uint64_t segment_done; /* so many bytes into it, less than all */
};

/* So many bytes on; it stops at the end of the last segment. */
void block_advance(struct block_cursor *c, const struct block_request *r, uint64_t bytes);
struct block_cursor block_cursor_at(const struct block_request *r, uint64_t offset);
/* READ: from the buffer to the segments; else the other way. */
void block_copy(const struct block_request *r, struct block_cursor from, uint8_t *buffer,
		uint64_t bytes);

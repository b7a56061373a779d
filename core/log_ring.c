/* SPDX-License-Identifier: Apache-2.0 */
#include "core/log_ring.h"
#include <string.h>

#define LOG_MAGIC UINT64_C(0x31676f6c6b6c7562) /* "bulklog1", little endian */

/* A bijective mix in each argument: a changed head, start or size changes it. */
static uint64_t check_of(const struct log_header *h, const struct log_mark *m)
{
	uint64_t x = LOG_MAGIC;
	const uint64_t words[] = { h->bytes, m->head, m->start };

	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		x = (x ^ words[i]) * UINT64_C(0x9e3779b97f4a7c15); /* 2^64 / golden ratio */
		x ^= x >> 29;
	}
	return x;
}

static bool is_mark_valid(const struct log_header *h, const struct log_mark *m)
{
	return m->check == check_of(h, m) && m->start <= m->head;
}

/* The check value goes first and comes last: the mark is invalid while it changes. */
static void write_mark(struct log_ring *r)
{
	struct log_mark *const m = &r->header->marks[r->turn];

	__atomic_store_n(&m->check, 0, __ATOMIC_RELEASE);
	__atomic_store_n(&m->head, r->head, __ATOMIC_RELEASE);
	__atomic_store_n(&m->start, r->start, __ATOMIC_RELEASE);
	__atomic_store_n(&m->check, check_of(r->header, m), __ATOMIC_RELEASE);
	r->turn ^= 1;
}

/* The newer of the marks that are whole; NULL: none is. */
static const struct log_mark *newest_mark(const struct log_header *h)
{
	const struct log_mark *best = NULL;

	for (size_t i = 0; i < ARRAY_SIZE(h->marks); i++) {
		if (is_mark_valid(h, &h->marks[i]) &&
		    (best == NULL || h->marks[i].head > best->head))
			best = &h->marks[i];
	}
	return best;
}

static uint64_t largest_power(uint64_t bytes)
{
	uint64_t power = 1;

	while (power <= bytes / 2)
		power *= 2;
	return power;
}

enum err log_ring_open(struct log_ring *r, void *memory, uint64_t memory_bytes,
		       struct log_span *previous)
{
	struct log_header *const h = memory;
	const struct log_mark *mark = NULL;
	uint64_t bytes;

	*previous = (struct log_span){ 0, 0 };
	if (memory_bytes <= LOG_RING_HEADER_BYTES || (uintptr_t)memory % sizeof(uint64_t) != 0)
		return ERR_INVAL;
	bytes = largest_power(memory_bytes - LOG_RING_HEADER_BYTES);
	if (h->magic == LOG_MAGIC && h->bytes == bytes)
		mark = newest_mark(h);
	*r = (struct log_ring){ .header = h,
				.text = (char *)memory + LOG_RING_HEADER_BYTES,
				.bytes = bytes };
	if (mark != NULL) {
		previous->to = mark->head;
		previous->from = max_u64(mark->start, mark->head > bytes ? mark->head - bytes : 0);
		r->head = mark->head;
		r->start = mark->start;
		return OK;
	}
	h->magic = LOG_MAGIC;
	h->bytes = bytes;
	memset(h->marks, 0, sizeof(h->marks));
	write_mark(r);
	return OK;
}

void log_ring_restart(struct log_ring *r)
{
	r->start = r->head;
	/* Both: the older one still tells of the text before. */
	write_mark(r);
	write_mark(r);
}

void log_ring_append(struct log_ring *r, const char *text, size_t bytes)
{
	const size_t at = r->head & (r->bytes - 1);
	const size_t first = min_u64(bytes, r->bytes - at);

	memcpy(r->text + at, text, first);
	memcpy(r->text, text + first, bytes - first);
	/* Readers without the lock, and the mark, must not see the head before the text. */
	__atomic_store_n(&r->head, r->head + bytes, __ATOMIC_RELEASE);
	write_mark(r);
}

uint64_t log_ring_head(const struct log_ring *r)
{
	return __atomic_load_n(&r->head, __ATOMIC_ACQUIRE);
}

size_t log_ring_piece(const struct log_ring *r, uint64_t from, uint64_t to, const char **at)
{
	const size_t offset = from & (r->bytes - 1);

	*at = r->text + offset;
	return min_u64(to - from, r->bytes - offset);
}

static char char_at(const struct log_ring *r, uint64_t position)
{
	return r->text[position & (r->bytes - 1)];
}

struct log_span log_ring_last_lines(const struct log_ring *r, struct log_span span, uint32_t lines,
				    uint64_t bytes)
{
	const uint64_t least = max_u64(span.from, span.to > bytes ? span.to - bytes : 0);
	uint64_t from = span.to;
	uint64_t whole = span.to; /* where a line is known to begin */

	while (from > least && lines > 0) {
		from--;
		if (from == span.from || char_at(r, from - 1) == '\n') {
			whole = from;
			lines--;
		}
	}
	return (struct log_span){ whole, span.to };
}

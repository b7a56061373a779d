/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core/log_ring.h - text in memory that a warm reset leaves alone.
 *
 * Model    A header page, then a ring of a power of two bytes. Positions count all bytes ever
 *	    appended and never wrap; [head - bytes, head) is in the ring. `start` is where this
 *	    boot's text begins. Head and start are kept in one of two marks by turns, each with
 *	    a check value, so that a reset at any store leaves one that is whole.
 *	    A cold boot finds noise; it passes for a previous log once in 2^64.
 * Units    Bytes; positions are uint64_t.
 * Errors   ERR_INVAL: memory too small or not 8-byte aligned.
 * Sharing  Appending: one at a time, the caller's lock. Reading below a head that was read with
 *	    log_ring_head() needs no lock, for as long as nobody appends a ring's worth.
 * Pure.
 */
#pragma once
#include "core/lib/base.h"

#define LOG_RING_HEADER_BYTES PAGE_BYTES

struct log_mark {
	uint64_t head;
	uint64_t start;
	uint64_t check;
};

struct log_header {
	uint64_t magic;
	uint64_t bytes;
	struct log_mark marks[2];
};

struct log_ring {
	struct log_header *header; /* [I] */
	char *text;                /* [I] */
	uint64_t bytes;            /* [I] a power of two */
	uint64_t head;             /* [L] released after the text */
	uint64_t start;            /* [I] */
	uint32_t turn;             /* [L] the mark that is written next */
};

struct log_span {
	uint64_t from;
	uint64_t to;
};

/*
 * Takes the memory over. *previous is the text of the boot before, empty if there is none; it
 * stays in place until overwritten.
 */
MUST_CHECK enum err log_ring_open(struct log_ring *r, void *memory, uint64_t memory_bytes,
				  struct log_span *previous);

/* Everything appended until now was another boot's, or not worth keeping for the next one. */
void log_ring_restart(struct log_ring *r);

/* Overwrites the oldest text. At most a ring's worth. */
void log_ring_append(struct log_ring *r, const char *text, size_t bytes);

uint64_t log_ring_head(const struct log_ring *r);

/* The text at `from`, as far as it lies in one piece before `to`: *at, and how much. */
size_t log_ring_piece(const struct log_ring *r, uint64_t from, uint64_t to, const char **at);

/* The last lines of `span`, at most `lines` and `bytes`; the first one is whole. */
struct log_span log_ring_last_lines(const struct log_ring *r, struct log_span span, uint32_t lines,
				    uint64_t bytes);

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Oracle: everything ever appended, in one long string; and, for a reset at any store, memory
 * as it was after each store, found by replaying the words in the order they were written.
 */
#include <stdlib.h>
#include <string.h>
#include "core/log_ring.h"
#include "tests/property/random.h"
#include "tests/test.h"

#define RING_BYTES   1024u
#define MEMORY_BYTES (LOG_RING_HEADER_BYTES + RING_BYTES)
#define ALL_BYTES    KIB(256)
#define BOOTS        300u

static uint64_t memory[MEMORY_BYTES / sizeof(uint64_t)];
static char all[ALL_BYTES];
static uint64_t all_bytes;

static void cold_boot(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(memory); i++)
		memory[i] = random_u64();
	all_bytes = 0;
}

static void append_random_line(struct log_ring *r)
{
	char line[120];
	const size_t n = random_between(1, sizeof(line));

	for (size_t i = 0; i + 1 < n; i++)
		line[i] = (char)random_between('a', 'z');
	line[n - 1] = '\n';
	log_ring_append(r, line, n);
	if (all_bytes + n <= ALL_BYTES)
		memcpy(all + all_bytes, line, n);
	all_bytes += n;
}

static bool holds_what_was_appended(const struct log_ring *r, struct log_span span)
{
	uint64_t at = span.from;

	while (at < span.to) {
		const char *text;
		const size_t n = log_ring_piece(r, at, span.to, &text);

		if (n == 0 || memcmp(text, all + at, n) != 0)
			return false;
		at += n;
	}
	return at == span.to;
}

static void a_reset_keeps_the_last_ring_of_this_boots_text(void)
{
	struct log_ring r;
	struct log_span previous;
	uint64_t start = 0;

	cold_boot();
	CHECK(log_ring_open(&r, memory, sizeof(memory), &previous) == OK);
	CHECK(previous.from == previous.to);
	for (uint32_t boot = 0; boot < BOOTS && all_bytes < ALL_BYTES - KIB(8); boot++) {
		const uint64_t lines = random_below(40);

		for (uint64_t i = 0; i < lines; i++)
			append_random_line(&r);
		CHECK(log_ring_head(&r) == all_bytes);
		memset(&r, 0xa5, sizeof(r)); /* all but the memory is lost */
		CHECK(log_ring_open(&r, memory, sizeof(memory), &previous) == OK);
		CHECK(previous.to == all_bytes);
		CHECK(previous.from ==
		      max_u64(start, all_bytes > RING_BYTES ? all_bytes - RING_BYTES : 0));
		CHECK(holds_what_was_appended(&r, previous));
		if (random_below(4) != 0) { /* else: another reset before it is told again */
			log_ring_restart(&r);
			start = all_bytes;
		}
	}
}

/* Slow: the spans of the lines, from the long string. */
static void the_last_lines_are_the_last_lines(void)
{
	struct log_ring r;
	struct log_span previous;

	for (uint32_t round = 0; round < 500; round++) {
		const uint32_t lines = (uint32_t)random_below(12);
		const uint64_t bytes = random_below(RING_BYTES);
		struct log_span all_of_it, last;
		uint64_t expected, count = 0;

		cold_boot();
		CHECK(log_ring_open(&r, memory, sizeof(memory), &previous) == OK);
		while (all_bytes < random_below(RING_BYTES - 120))
			append_random_line(&r);
		all_of_it = (struct log_span){ 0, all_bytes };
		last = log_ring_last_lines(&r, all_of_it, lines, bytes);
		expected = all_bytes;
		for (uint64_t at = all_bytes; at-- > 0 && count < lines;) {
			if ((at == 0 || all[at - 1] == '\n') && all_bytes - at <= bytes) {
				expected = at;
				count++;
			}
		}
		CHECK(last.to == all_bytes && last.from == expected);
	}
}

/*
 * One append changes the text, then one mark, in this order: check = 0, head, start, check.
 * Whatever prefix of these stores reached memory, the head found is the old one or the new.
 */
static void a_reset_at_any_store_leaves_a_whole_mark(void)
{
	static uint64_t before[ARRAY_SIZE(memory)], after[ARRAY_SIZE(memory)];
	struct log_ring r;
	struct log_span previous;

	cold_boot();
	CHECK(log_ring_open(&r, memory, sizeof(memory), &previous) == OK);
	for (uint32_t i = 0; i < 300; i++) {
		struct log_header *const h = (struct log_header *)(void *)memory;
		const uint64_t old_head = r.head;
		struct log_mark mark;
		const uint32_t turn = r.turn;

		memcpy(before, memory, sizeof(memory));
		append_random_line(&r);
		memcpy(after, memory, sizeof(memory));
		mark = h->marks[turn];
		for (uint32_t stores = 0; stores <= 4; stores++) {
			struct log_ring again;

			memcpy(memory, after, sizeof(memory));
			memcpy(memory, before, sizeof(struct log_header));
			if (stores > 0)
				h->marks[turn].check = 0;
			if (stores > 1)
				h->marks[turn].head = mark.head;
			if (stores > 2)
				h->marks[turn].start = mark.start;
			if (stores > 3)
				h->marks[turn].check = mark.check;
			CHECK(log_ring_open(&again, memory, sizeof(memory), &previous) == OK);
			CHECK(previous.to == (stores > 3 ? mark.head : old_head));
		}
		memcpy(memory, after, sizeof(memory));
	}
}

static void damaged_or_foreign_memory_is_no_log(void)
{
	static uint64_t good[ARRAY_SIZE(memory)];
	struct log_ring r;
	struct log_span previous;

	cold_boot();
	CHECK(log_ring_open(&r, memory, sizeof(memory), &previous) == OK);
	append_random_line(&r);
	append_random_line(&r);
	memcpy(good, memory, sizeof(memory));
	for (uint32_t bit = 0; bit < sizeof(struct log_header) * 8; bit++) {
		memcpy(memory, good, sizeof(memory));
		memory[bit / 64] ^= BIT64(bit % 64);
		CHECK(log_ring_open(&r, memory, sizeof(memory), &previous) == OK);
		/* The other mark may still be whole; what it says is then true. */
		CHECK(previous.to == 0 || previous.to <= all_bytes);
		CHECK(holds_what_was_appended(&r, previous));
	}
	memcpy(memory, good, sizeof(memory));
	CHECK(log_ring_open(&r, memory, LOG_RING_HEADER_BYTES + RING_BYTES / 2, &previous) == OK);
	CHECK(previous.to == 0);
}

static void memory_too_small_is_refused(void)
{
	struct log_ring r;
	struct log_span previous;

	CHECK(log_ring_open(&r, memory, 0, &previous) == ERR_INVAL);
	CHECK(log_ring_open(&r, memory, LOG_RING_HEADER_BYTES, &previous) == ERR_INVAL);
	CHECK(log_ring_open(&r, (char *)memory + 1, MEMORY_BYTES - 8, &previous) == ERR_INVAL);
	CHECK(log_ring_open(&r, memory, LOG_RING_HEADER_BYTES + 1, &previous) == OK);
	CHECK(r.bytes == 1);
	CHECK(log_ring_open(&r, memory, LOG_RING_HEADER_BYTES + 1000, &previous) == OK);
	CHECK(r.bytes == 512);
}

int main(int argc, char **argv)
{
	random_seed(argc, argv);
	RUN(a_reset_keeps_the_last_ring_of_this_boots_text);
	RUN(the_last_lines_are_the_last_lines);
	RUN(a_reset_at_any_store_leaves_a_whole_mark);
	RUN(damaged_or_foreign_memory_is_no_log);
	RUN(memory_too_small_is_refused);
	return test_failed;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* tests/unit/test_guest_blk.c - what guests/blk counts and writes with: percentiles, records. */
#include <string.h>
#include "guests/blk/spread.h"
#include "guests/blk/record.h"
#include "guests/rt/stats.h"
#include "tests/test.h"

#define VALUES 20000u

static struct spread h;
static uint64_t values[VALUES];

static uint64_t rnd(void)
{
	static uint64_t state = 4711;

	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state;
}

/* Against all values, sorted: never below, at most 1/64 above. */
static void percentiles_are_those_of_the_values(void)
{
	static const uint32_t at[] = { 1, 50, 99, 100 };

	for (uint32_t bits = 1; bits <= 64; bits += 7) {
		memset(&h, 0, sizeof(h));
		for (uint32_t i = 0; i < VALUES; i++) {
			values[i] = rnd() >> (64 - bits) >> rnd() % bits;
			spread_add(&h, values[i]);
		}
		stats_sort(values, VALUES);
		CHECK(h.count == VALUES && h.min == values[0] && h.max == values[VALUES - 1]);
		for (uint32_t i = 0; i < 4; i++) {
			const uint64_t exact = stats_percentile(values, VALUES, at[i]);
			const uint64_t told = spread_at(&h, at[i], 100);

			CHECK(told >= exact && told - exact <= exact / 64);
		}
	}
}

static void small_values_are_exact(void)
{
	memset(&h, 0, sizeof(h));
	CHECK(spread_at(&h, 50, 100) == 0);
	for (uint64_t v = 0; v < 128; v++)
		spread_add(&h, v);
	for (uint64_t v = 0; v < 128; v++)
		CHECK(spread_at(&h, v + 1, 128) == v);
	spread_add(&h, UINT64_MAX);
	CHECK(spread_at(&h, 1, 1) == UINT64_MAX);
}

/* No sector belongs to two pieces of the records that the disk has room for, or to the noise. */
static void every_piece_has_a_sector_of_its_own(void)
{
	const uint64_t sectors = 1000, slots = record_slots(sectors);
	static uint8_t seen[1000];

	CHECK(slots * RECORD_PIECES <= sectors / 2);
	for (uint64_t n = 77; n < 77 + slots; n++) {
		for (uint32_t p = 0; p < RECORD_PIECES; p++) {
			const uint64_t s = record_sector(slots, n, p);

			CHECK(s < record_noise_sector(slots) && !seen[s]++);
		}
	}
	CHECK(record_sector(slots, 5, 3) == record_sector(slots, 5 + slots, 3));
}

static void pieces_of_different_records_differ(void)
{
	uint64_t good[RECORD_WORDS], other[RECORD_WORDS], sum = 0;

	record_fill(good, 12345, 6);
	CHECK(good[0] == RECORD_MAGIC && good[1] == 12345 && good[2] == 6);
	CHECK(memcmp(good, "k-record", 8) == 0);
	for (uint32_t i = 0; i < RECORD_WORDS - 1; i++)
		sum += good[i] * (2 * i + 1);
	CHECK(sum == good[RECORD_WORDS - 1]);
	for (uint64_t n = 1; n < 200; n++) {
		for (uint32_t p = 0; p < RECORD_PIECES; p++) {
			record_fill(other, n, p);
			CHECK(other[3] != good[3] &&
			      other[RECORD_WORDS - 2] != good[RECORD_WORDS - 2]);
		}
	}
}

int main(void)
{
	RUN(percentiles_are_those_of_the_values);
	RUN(small_values_are_exact);
	RUN(every_piece_has_a_sector_of_its_own);
	RUN(pieces_of_different_records_differ);
	return test_failed;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "guests/blk/record.h"

#define FACTOR UINT64_C(0x9e3779b97f4a7c15) /* odd: each word of each piece is another */

uint64_t record_slots(uint64_t sector_count)
{
	return sector_count / 2 / RECORD_PIECES;
}

/* Pieces of a record are `slots` sectors apart: no two of them in one request or page. */
uint64_t record_sector(uint64_t slots, uint64_t number, uint32_t piece)
{
	return piece * slots + number % slots;
}

uint64_t record_noise_sector(uint64_t slots)
{
	return slots * RECORD_PIECES;
}

void record_fill(uint64_t *words, uint64_t number, uint32_t piece)
{
	uint64_t sum = 0;

	words[0] = RECORD_MAGIC;
	words[1] = number;
	words[2] = piece;
	for (uint32_t i = 3; i < RECORD_WORDS - 1; i++)
		words[i] = (number * RECORD_PIECES + piece) * FACTOR + i;
	for (uint32_t i = 0; i < RECORD_WORDS - 1; i++)
		sum += words[i] * (2 * i + 1);
	words[RECORD_WORDS - 1] = sum;
}

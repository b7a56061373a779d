/* SPDX-License-Identifier: Apache-2.0 */
/*
 * guests/blk/record.h - records that must be on the disk once their flush was acknowledged. Pure.
 *
 * Model    Record n, from 1, has RECORD_PIECES sectors, `slots` sectors apart, at
 *	    record_sector(); the disk has room for `slots` of them, so record n + slots takes the
 *	    place of n. Each piece has the same number, its own index, words that follow from both,
 *	    and a sum. The rest of the disk, from record_noise_sector() on, is written without
 *	    order. tools/power_cut.py reads what is left of them.
 * Units    Sectors of 512 bytes.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#define RECORD_PIECES       8u
#define RECORD_MAGIC        UINT64_C(0x64726f6365722d6b) /* "k-record" in memory */
#define RECORD_SECTOR_BYTES 512u
#define RECORD_WORDS        (RECORD_SECTOR_BYTES / 8u)

/* Of a disk of that size: half of it, in whole records. */
uint64_t record_slots(uint64_t sector_count);
uint64_t record_sector(uint64_t slots, uint64_t number, uint32_t piece);
uint64_t record_noise_sector(uint64_t slots);
/* RECORD_WORDS words: magic, number, piece, .., sum. */
void record_fill(uint64_t *words, uint64_t number, uint32_t piece);

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * drivers/gpt/gpt.h - where a partition of a disk lies, by its name in the GUID Partition Table.
 *
 * Model    Reads nothing by itself: gpt_next() says which sectors are wanted, gpt_take() is given
 *	    them, until it has the answer: header, entries, and where one of them is not as it
 *	    should be, header and entries of the backup at the end of the disk.
 *	    A table counts only as a whole. Refused are those with a checksum, a number or a place
 *	    that is wrong, with a partition outside of the usable blocks, or with two that overlap:
 *	    whoever wrote such a table, nobody knows what it means. A name that two partitions
 *	    have is refused, too.
 *	    The protective MBR is not looked at.
 * Bounds   Tables of at most GPT_READ_MAX bytes: 128 entries of the usual size. All of the data are
 *	    in the caller's buffer of that size; they must not change while gpt_take() looks.
 * Units    Sectors of 512 bytes outside; blocks of the disk inside.
 * Source   UEFI Specification 2.10, "GUID Partition Table (GPT) Disk Layout".
 * Errors   gpt_begin(): ERR_INVAL: no such block size, no name or one that is too long.
 *	    gpt_take(): ERR_BUSY: it wants more. OK: the range is there. ERR_NODEV: there is a good
 *	    table, without that name. ERR_INVAL: neither table is good; `why` says what is wrong
 *	    with the first.
 * Sharing  Pure; the caller's.
 */
#pragma once
#include "core/lib/base.h"

#define GPT_READ_MAX   KIB(16)
#define GPT_NAME_CHARS 36u

struct gpt_table { /* of the header that was taken */
	uint64_t first_usable, last_usable, entries_block;
	uint32_t entry_count, entry_bytes, entries_crc;
};

struct gpt {
	const char *name; /* ASCII; lives as long as this */
	uint64_t block_count;
	uint32_t block_bytes;
	uint32_t phase;
	struct gpt_table table;
	const char *why;
	/* The answer */
	bool is_backup;
	uint64_t first_sector, sector_count;
};

struct gpt_read {
	uint64_t first_sector;
	uint32_t bytes; /* whole blocks, at most GPT_READ_MAX */
};

MUST_CHECK enum err gpt_begin(struct gpt *g, const char *name, uint64_t sector_count,
			      uint32_t block_bytes);
struct gpt_read gpt_next(const struct gpt *g);
/* What gpt_next() wanted; NULL: it could not be read. */
MUST_CHECK enum err gpt_take(struct gpt *g, const uint8_t *data);

/* SPDX-License-Identifier: Apache-2.0 */
/* drivers/gpt/gpt.c - GUID Partition Tables: header, backup, entries. */
#include "drivers/gpt/gpt.h"
#include <string.h>

enum phase { HEADER, ENTRIES, BACKUP_HEADER, BACKUP_ENTRIES };

#define SECTOR_BYTES 512u

/* "GPT Header", byte offsets */
#define H_SIGNATURE    0u
#define H_REVISION     8u  /* 32 */
#define H_BYTES        12u /* 32 */
#define H_CRC          16u /* 32: of H_BYTES bytes, itself as 0 */
#define H_MY_LBA       24u /* 64, as all that are blocks */
#define H_FIRST_USABLE 40u
#define H_LAST_USABLE  48u
#define H_ENTRIES_LBA  72u
#define H_ENTRY_COUNT  80u /* 32 */
#define H_ENTRY_BYTES  84u /* 32: 128 << n */
#define H_ENTRIES_CRC  88u /* 32 */
#define H_BYTES_LEAST  92u
#define SIGNATURE      "EFI PART"
#define REVISION_1     0x00010000u
#define PRIMARY_BLOCK  1u

/* "GPT Partition Entry" */
#define E_TYPE        0u  /* 128; 0: not used */
#define E_FIRST       32u /* 64 */
#define E_LAST        40u /* 64, inclusive */
#define E_NAME        56u /* 36 characters of UTF-16, ended by 0 unless it is full */
#define E_BYTES_LEAST 128u

static uint32_t get32(const uint8_t *at)
{
	return at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

static uint64_t get64(const uint8_t *at)
{
	return get32(at) | (uint64_t)get32(at + 4) << 32;
}

/* CRC-32 of ISO/IEC/IEEE 802-3, four bits at a time: what each value of them adds. */
static uint32_t crc32(uint32_t crc, const uint8_t *data, uint64_t bytes)
{
	static const uint32_t added[16] = {
		0x00000000, 0x1db71064, 0x3b6e20c8, 0x26d930ac, 0x76dc4190, 0x6b6b51f4,
		0x4db26158, 0x5005713c, 0xedb88320, 0xf00f9344, 0xd6d6a3e8, 0xcb61b38c,
		0x9b64c2b0, 0x86d3d2d4, 0xa00ae278, 0xbdbdf21c,
	};

	crc = ~crc;
	for (uint64_t i = 0; i < bytes; i++) {
		crc ^= data[i];
		crc = crc >> 4 ^ added[crc & 15];
		crc = crc >> 4 ^ added[crc & 15];
	}
	return ~crc;
}

/* --- header -------------------------------------------------------------------------------------- */

static bool is_backup_phase(const struct gpt *g)
{
	return g->phase == BACKUP_HEADER || g->phase == BACKUP_ENTRIES;
}

static uint64_t header_block(const struct gpt *g)
{
	return is_backup_phase(g) ? g->block_count - 1 : PRIMARY_BLOCK;
}

static bool is_checksum_right(const uint8_t *h, uint32_t bytes)
{
	static const uint8_t zero[4];
	uint32_t crc = crc32(0, h, H_CRC);

	crc = crc32(crc, zero, sizeof(zero));
	crc = crc32(crc, h + H_CRC + 4, bytes - H_CRC - 4);
	return crc == get32(h + H_CRC);
}

static uint64_t entries_bytes(const struct gpt_table *t)
{
	return (uint64_t)t->entry_count * t->entry_bytes;
}

static uint64_t entries_blocks(const struct gpt *g)
{
	return align_up(entries_bytes(&g->table), g->block_bytes) / g->block_bytes;
}

/* NULL: its numbers go together, and fit the disk. */
static const char *check_table(const struct gpt *g)
{
	const struct gpt_table *t = &g->table;
	uint64_t end;

	if (t->entry_bytes < E_BYTES_LEAST || (t->entry_bytes & (t->entry_bytes - 1)))
		return "entries of a size that there is not";
	if (t->entry_count == 0 || entries_bytes(t) > GPT_READ_MAX)
		return "no entries, or more than 16 KiB of them";
	if (t->first_usable > t->last_usable || t->last_usable >= g->block_count)
		return "usable blocks beyond the end of the disk";
	if (t->entries_block <= PRIMARY_BLOCK || t->entries_block >= g->block_count)
		return "entries outside of the disk";
	end = t->entries_block + entries_blocks(g);
	if (end > g->block_count || (t->entries_block <= t->last_usable && end > t->first_usable))
		return "entries among the usable blocks";
	return NULL;
}

static const char *take_header(struct gpt *g, const uint8_t *h)
{
	const uint32_t bytes = get32(h + H_BYTES);

	if (memcmp(h + H_SIGNATURE, SIGNATURE, 8) != 0)
		return "no GUID Partition Table";
	if (get32(h + H_REVISION) != REVISION_1 || bytes < H_BYTES_LEAST || bytes > g->block_bytes)
		return "a header of another revision or size";
	if (!is_checksum_right(h, bytes))
		return "a header with a wrong checksum";
	if (get64(h + H_MY_LBA) != header_block(g))
		return "a header that belongs elsewhere";
	g->table = (struct gpt_table){ .first_usable = get64(h + H_FIRST_USABLE),
				       .last_usable = get64(h + H_LAST_USABLE),
				       .entries_block = get64(h + H_ENTRIES_LBA),
				       .entry_count = get32(h + H_ENTRY_COUNT),
				       .entry_bytes = get32(h + H_ENTRY_BYTES),
				       .entries_crc = get32(h + H_ENTRIES_CRC) };
	return check_table(g);
}

/* --- entries --------------------------------------------------------------------------------------- */

static bool is_used(const uint8_t *entry)
{
	return (get64(entry + E_TYPE) | get64(entry + E_TYPE + 8)) != 0;
}

static bool has_name(const uint8_t *entry, const char *name)
{
	for (uint32_t i = 0; i < GPT_NAME_CHARS; i++) {
		const uint32_t c = entry[E_NAME + 2 * i] | (uint32_t)entry[E_NAME + 2 * i + 1] << 8;

		if (c != (uint8_t)name[i])
			return false;
		if (c == 0)
			return true;
	}
	return name[GPT_NAME_CHARS] == '\0';
}

static const uint8_t *entry_at(const struct gpt *g, const uint8_t *data, uint32_t i)
{
	return data + (uint64_t)i * g->table.entry_bytes;
}

static const char *check_entry(const struct gpt *g, const uint8_t *data, uint32_t i)
{
	const uint8_t *e = entry_at(g, data, i);
	const uint64_t first = get64(e + E_FIRST), last = get64(e + E_LAST);

	if (first > last || first < g->table.first_usable || last > g->table.last_usable)
		return "a partition outside of the usable blocks";
	for (uint32_t k = 0; k < i; k++) {
		const uint8_t *other = entry_at(g, data, k);

		if (is_used(other) && first <= get64(other + E_LAST) &&
		    get64(other + E_FIRST) <= last)
			return "partitions that overlap";
	}
	return NULL;
}

/* NULL: the table is good; *found is its entry with the name, or NULL. */
static const char *take_entries(const struct gpt *g, const uint8_t *data, const uint8_t **found)
{
	const char *why;

	if (crc32(0, data, entries_bytes(&g->table)) != g->table.entries_crc)
		return "entries with a wrong checksum";
	for (uint32_t i = 0; i < g->table.entry_count; i++) {
		const uint8_t *e = entry_at(g, data, i);

		if (!is_used(e))
			continue;
		why = check_entry(g, data, i);
		if (why)
			return why;
		if (!has_name(e, g->name))
			continue;
		if (*found)
			return "two partitions of that name";
		*found = e;
	}
	return NULL;
}

static enum err answer(struct gpt *g, const uint8_t *found)
{
	const uint32_t sectors = g->block_bytes / SECTOR_BYTES;

	if (!found) {
		g->why = "no partition of that name";
		return ERR_NODEV;
	}
	g->is_backup = is_backup_phase(g);
	g->first_sector = get64(found + E_FIRST) * sectors;
	g->sector_count = (get64(found + E_LAST) - get64(found + E_FIRST) + 1) * sectors;
	return OK;
}

/* --- the sequence ------------------------------------------------------------------------------------ */

struct gpt_read gpt_next(const struct gpt *g)
{
	const uint32_t sectors = g->block_bytes / SECTOR_BYTES;

	if (g->phase == HEADER || g->phase == BACKUP_HEADER)
		return (struct gpt_read){ header_block(g) * sectors, g->block_bytes };
	return (struct gpt_read){ g->table.entries_block * sectors,
				  (uint32_t)entries_blocks(g) * g->block_bytes };
}

enum err gpt_take(struct gpt *g, const uint8_t *data)
{
	const bool is_header = g->phase == HEADER || g->phase == BACKUP_HEADER;
	const uint8_t *found = NULL;
	const char *why;

	if (!data)
		why = "it cannot be read";
	else if (is_header)
		why = take_header(g, data);
	else
		why = take_entries(g, data, &found);
	if (!why && !is_header)
		return answer(g, found);
	if (!why) {
		g->phase++; /* to its entries */
		return ERR_BUSY;
	}
	if (is_backup_phase(g)) /* `why` tells of the first */
		return ERR_INVAL;
	g->why = why;
	g->phase = BACKUP_HEADER;
	return ERR_BUSY;
}

enum err gpt_begin(struct gpt *g, const char *name, uint64_t sector_count, uint32_t block_bytes)
{
	const size_t length = name ? strlen(name) : 0;

	*g = (struct gpt){ .name = name, .block_bytes = block_bytes };
	if (length == 0 || length > GPT_NAME_CHARS || block_bytes < SECTOR_BYTES ||
	    block_bytes > PAGE_BYTES || (block_bytes & (block_bytes - 1)))
		return ERR_INVAL;
	g->block_count = sector_count / (block_bytes / SECTOR_BYTES);
	/* Protective MBR, header, entries, a block to use, and the backups. */
	return g->block_count < 6 ? ERR_INVAL : OK;
}

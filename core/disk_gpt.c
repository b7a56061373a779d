/* SPDX-License-Identifier: Apache-2.0 */
/* core/disk_gpt.c - at boot: where a disk's GPT has a partition. Reads, and waits for the disk. */
#include "arch/clock.h"
#include "arch/mp.h"
#include "core/disk.h"
#include "core/disk_pci.h"
#include "drivers/gpt/gpt.h"

#define LIMIT_SEC 30u /* for one read */

static bool has_ended(struct disk_unit *u)
{
	struct disk *const d = u->disk;
	struct block_request *done;
	uint64_t again_tsc;

	disk_step(u, arch_clock_now_tsc(), &again_tsc);
	return d->ops->poll(d, arch_clock_now_tsc(), &done, 1, &again_tsc) == 1;
}

/* What does not come back in time may still write here: the boot ends then. */
static bool read_sectors(struct disk_unit *u, const struct gpt_read *what, uint8_t *at)
{
	static struct block_request r;
	struct disk *const d = u->disk;
	const uint64_t limit_tsc = arch_clock_now_tsc() + LIMIT_SEC * arch_clock_tsc_hz();

	r = (struct block_request){ .op = BLOCK_READ,
				    .sector = what->first_sector,
				    .sector_count = what->bytes / BLOCK_SECTOR_BYTES,
				    .segment_count = 1,
				    .segments = { { at, what->bytes } } };
	if (d->ops->submit(d, &r, arch_clock_now_tsc()) != OK)
		return false;
	d->ops->kick(d);
	while (!has_ended(u)) {
		if (arch_clock_now_tsc() > limit_tsc)
			return false;
		arch_mp_relax();
	}
	return r.status == BLOCK_OK;
}

const char *disk_find_partition(struct disk_unit *u, const char *name, uint64_t *first,
				uint64_t *count)
{
	const struct disk_facts *const f = &u->disk->facts;
	static uint8_t *buffer;
	struct gpt_read what;
	struct gpt g;
	hpa_t at;
	enum err e;

	if (!buffer)
		buffer = disk_pci_take_memory(GPT_READ_MAX, &at);
	if (!buffer)
		return "there are no frames to read its GPT into";
	if (gpt_begin(&g, name, f->sector_count, f->block_bytes) != OK)
		return "no GPT can have such a name";
	do {
		what = gpt_next(&g);
		e = gpt_take(&g, read_sectors(u, &what, buffer) ? buffer : NULL);
	} while (e == ERR_BUSY);
	*first = g.first_sector;
	*count = g.sector_count;
	if (e == OK)
		return NULL;
	return e == ERR_NODEV ? "its GPT has no partition of this name" : g.why;
}

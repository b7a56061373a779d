/* SPDX-License-Identifier: Apache-2.0 */
/* The driver of virtio block devices: finding one, bringing it up, what it does not put up with. */
#include "drivers/pci_regs.h"
#include "tests/fake/virtio_blk_rig.h"

/* --- configuration space ------------------------------------------------------------------------------ */

static uint8_t space[256];

uint32_t arch_pci_read(pci_addr_t function, uint32_t offset, uint32_t width)
{
	uint32_t value = 0;

	CHECK(offset % width == 0 && offset + width <= sizeof(space));
	memcpy(&value, space + offset, width);
	return value;
}

static void put(uint32_t at, uint32_t bytes, uint64_t value)
{
	memcpy(space + at, &value, bytes);
}

static void put_capability(uint32_t at, uint32_t next, uint32_t type, uint32_t bar, uint32_t offset,
			   uint32_t bytes)
{
	put(at, 1, 9);
	put(at + 1, 1, next);
	put(at + 2, 1, type == 2 ? 20 : 16);
	put(at + 3, 1, type);
	put(at + 4, 1, bar);
	put(at + 8, 4, offset);
	put(at + 12, 4, bytes);
	if (type == 2)
		put(at + 16, 4, 4);
}

/* As QEMU has it: MSI-X first, all in BAR 4; an older format of the common structure comes later. */
static void put_device(void)
{
	memset(space, 0, sizeof(space));
	put(0, 2, 0x1af4);
	put(2, 2, 0x1042);
	put(6, 2, 0x10);
	put(0x34, 1, 0x98);
	put(0x98, 1, 0x11);
	put(0x99, 1, 0x84);
	put_capability(0x84, 0x70, 5, 0, 0, 0);
	put_capability(0x70, 0x60, 2, 4, 0x3000, 0x1000);
	put_capability(0x60, 0x50, 4, 4, 0x2000, 0x1000);
	put_capability(0x50, 0x40, 3, 4, 0x1000, 0x1000);
	put_capability(0x40, 0xb0, 1, 4, 0, 0x1000);
	put_capability(0xb0, 0, 1, 1, 0x10, 0x1000);
}

static void its_structures_are_found(void)
{
	struct virtio_layout l;

	put_device();
	CHECK(virtio_blk_find(0, &l) == OK);
	CHECK(l.common.bar == 4 && l.common.offset == 0 && l.notify.offset == 0x3000 &&
	      l.device.offset == 0x2000 && l.notify_multiplier == 4);
	CHECK(l.bars == BIT32(4) && l.bar_bytes[4] == 0x4000);
	put(2, 2, 0x1001);
	CHECK(virtio_blk_find(0, &l) == OK);
	put(2, 2, 0x1041);
	CHECK(virtio_blk_find(0, &l) == ERR_NODEV);
	put(2, 2, 0x1042);
	put(0, 2, 0x8086);
	CHECK(virtio_blk_find(0, &l) == ERR_NODEV);
}

static void malformed_lists_are_refused(void)
{
	struct virtio_layout l;

	put_device();
	put(6, 2, 0);
	CHECK(virtio_blk_find(0, &l) == ERR_UNSUPPORTED);
	put_device();
	put(0x71, 1, 0x70); /* a loop: what follows is not found */
	CHECK(virtio_blk_find(0, &l) == ERR_UNSUPPORTED);
	put_device();
	put(0x40 + 4, 1, 6); /* no such BAR: the next one is taken */
	CHECK(virtio_blk_find(0, &l) == OK && l.common.bar == 1 && l.bars == 0x12);
	put(0xb0 + 12, 4, 0x37); /* too short */
	CHECK(virtio_blk_find(0, &l) == ERR_UNSUPPORTED);
	put_device();
	put(0x70 + 8, 4, 0xfffff000);
	put(0x70 + 12, 4, 0x2000); /* wraps */
	CHECK(virtio_blk_find(0, &l) == ERR_UNSUPPORTED);
	put_device();
	put(0x70 + 2, 1, 16); /* without its multiplier */
	CHECK(virtio_blk_find(0, &l) == ERR_UNSUPPORTED);
	put_device();
	put(0x61, 1, 0xf0); /* ends beyond the space */
	put_capability(0xf0, 0, 1, 4, 0, 0x1000);
	put(0xf2, 1, 32);
	CHECK(virtio_blk_find(0, &l) == ERR_UNSUPPORTED);
}

/* --- requests ------------------------------------------------------------------------------------------- */

static struct block_request write_at(uint64_t sector, uint64_t bytes)
{
	return (struct block_request){ .op = BLOCK_WRITE,
				       .sector = sector,
				       .sector_count = (uint32_t)(bytes / 512),
				       .segment_count = 1,
				       .segments = { { vrig_arena, bytes } } };
}

static bool does(struct block_request *r)
{
	if (vrig_submit(r) != OK)
		return false;
	for (uint32_t i = 0; i < 100000 && vr.v.disk.in_flight; i++)
		vrig_turn();
	return vr.v.disk.in_flight == 0 && r->status == BLOCK_OK;
}

static void fua_is_a_write_and_a_flush(void)
{
	struct block_request r = write_at(8, 4096);

	vrig_init();
	vrig_start();
	memset(vrig_arena, 0x33, 4096);
	CHECK(does(&r) && vr.requests == 1 && vr.flushes == 0);
	r.is_fua = true;
	CHECK(does(&r) && vr.requests == 3 && vr.flushes == 1);
	CHECK(memcmp(vrig_medium + 4096, vrig_arena, 4096) == 0);
	/* The flush comes after the write, and the request completes after both. */
	vr.budget = 0;
	vr.done_count = 0;
	CHECK(vrig_submit(&r) == OK);
	vrig_turns(3);
	CHECK(vr.pending_count == 1 && vr.pending[0]->op == BLOCK_WRITE);
	vr.budget = 1;
	vrig_turn();
	vr.budget = 0;
	vrig_turn();
	CHECK(vr.pending_count == 1 && vr.pending[0]->op == BLOCK_FLUSH && vr.done_count == 0);
	vr.budget = 1;
	vrig_turns(2);
	CHECK(vr.done_count == 1 && vr.v.disk.in_flight == 0);
	/* A device without a cache has nothing to flush. */
	vrig_init();
	vr.features_hidden = VIRTIO_BLK_F_FLUSH;
	vrig_start();
	CHECK(!vr.v.disk.facts.has_cache && does(&r) && vr.requests == 1);
	r = (struct block_request){ .op = BLOCK_FLUSH };
	CHECK(does(&r) && vr.requests == 1);
}

static void a_flush_that_a_reset_interrupts_is_done_again(void)
{
	struct block_request flush = { .op = BLOCK_FLUSH };

	vrig_init();
	vrig_start();
	vr.budget = 0;
	CHECK(vrig_submit(&flush) == OK);
	vrig_turn();
	vr.needs_reset = true;
	CHECK(vrig_run(DISK_RECOVERING) && vrig_submit(&flush) == ERR_BUSY);
	CHECK(vrig_run(DISK_UP) && vr.done_count == 0 && vr.flushes == 0 && vr.resets == 2);
	vr.budget = 1;
	vrig_turns(3);
	CHECK(vr.done_count == 1 && vr.flushes == 1 && flush.status == BLOCK_OK);
	/* Lost three times: it is an error, not a success. */
	vr.budget = 0;
	CHECK(vrig_submit(&flush) == OK);
	for (uint32_t i = 0; i < 3; i++) {
		vr.v.faults_in_row = 0;
		vr.needs_reset = true;
		CHECK(vrig_run(DISK_RECOVERING) && vrig_run(DISK_UP));
	}
	vrig_turns(3);
	CHECK(vr.done_count == 2 && flush.status == BLOCK_IO_ERROR && vr.flushes == 1);
}

static void what_does_not_fit_waits(void)
{
	struct block_request r[VIRTIO_BLK_SLOT_MAX + 1], big = write_at(0, MIB(1));

	vrig_init();
	vrig_start();
	CHECK(vr.v.slot_count == VIRTIO_BLK_SLOT_MAX);
	vr.budget = 0;
	for (uint32_t i = 0; i <= VIRTIO_BLK_SLOT_MAX; i++) {
		r[i] = write_at(i, 512);
		CHECK(vrig_submit(&r[i]) == (i < VIRTIO_BLK_SLOT_MAX ? OK : ERR_BUSY));
	}
	vr.budget = UINT32_MAX;
	vrig_turns(2);
	CHECK(vr.done_count == VIRTIO_BLK_SLOT_MAX && does(&r[VIRTIO_BLK_SLOT_MAX]));
	/* One segment of which every block is two pieces: more than all slots at a time. */
	vrig_init();
	vr.seg_max = 1;
	vr.size_max = 4096;
	vr.queue_size = 16;
	vrig_start();
	CHECK(vrig_submit(&big) == OK && vr.v.cutting && vrig_submit(&r[0]) == ERR_BUSY);
	vrig_turns(100);
	CHECK(vr.done_count == 1 && vr.requests == 256 && does(&r[0]));
	/* Whoever is not told looks by himself. */
	vr.notifications = 0;
	vblk_refuse_kicks(&vr.d, 0);
	CHECK(does(&r[0]) && vr.notifications == 0);
}

static void what_is_beyond_its_limits_is_refused(void)
{
	struct block_request r;

	vrig_init();
	vr.device.block_bytes = 4096;
	vr.device.has_discard = vr.device.has_write_zeroes = false;
	vrig_start();
	r = write_at(VRIG_SECTORS, 4096);
	CHECK(vrig_submit(&r) == ERR_RANGE);
	r = write_at(UINT64_MAX - 7, 4096);
	CHECK(vrig_submit(&r) == ERR_RANGE);
	r = write_at(4, 4096);
	CHECK(vrig_submit(&r) == ERR_RANGE);
	r = write_at(0, MIB(1) + 4096);
	CHECK(vrig_submit(&r) == ERR_RANGE);
	r = write_at(0, 4096);
	r.segments[0].bytes++;
	CHECK(vrig_submit(&r) == ERR_RANGE);
	r.op = BLOCK_DISCARD;
	CHECK(vrig_submit(&r) == ERR_UNSUPPORTED);
	r.op = BLOCK_WRITE_ZEROES;
	CHECK(vrig_submit(&r) == ERR_UNSUPPORTED);
	vrig_init();
	vr.device.is_read_only = true;
	vrig_start();
	r = write_at(0, 4096);
	CHECK(vrig_submit(&r) == ERR_UNSUPPORTED);
	r.op = BLOCK_READ;
	CHECK(does(&r));
}

/* --- bring-up ---------------------------------------------------------------------------------------------- */

static bool is_refused(void)
{
	vrig_begin();
	return vrig_run(DISK_GONE) && vr.v.disk.why && !virtio_blk_wants_block(&vr.v);
}

static void what_cannot_be_used_is_refused(void)
{
	vrig_init();
	vr.features_hidden = VIRTIO_F_VERSION_1;
	CHECK(is_refused());
	vrig_init();
	vr.breaks_features = true;
	CHECK(is_refused());
	vrig_init();
	vr.queue_size = 3;
	CHECK(is_refused());
	vrig_init();
	vr.size_max = 4095;
	CHECK(is_refused());
	vrig_init();
	vr.config.layout.notify.bytes = 1;
	CHECK(is_refused());
	vrig_init();
	vr.config.layout.notify_multiplier = 0; /* all at one place */
	vrig_start();
	vrig_init();
	vr.is_gone = true;
	vrig_begin();
	CHECK(vrig_run(DISK_GONE));
	vrig_init();
	vr.config.bars[VRIG_BAR] = NULL;
	vr.config.hook = NULL;
	CHECK(virtio_blk_begin(&vr.v, &vr.config) == ERR_INVAL && vr.v.disk.state == DISK_GONE);
}

/* With an IOMMU, and with a platform's own order, the features are taken. */
static void platform_features_are_accepted(void)
{
	vrig_init();
	vr.features_added = VIRTIO_F_ACCESS_PLATFORM | VIRTIO_F_ORDER_PLATFORM;
	vrig_start();
	CHECK(vr.v.features & VIRTIO_F_ACCESS_PLATFORM);
	CHECK(vr.v.features & VIRTIO_F_ORDER_PLATFORM);
	CHECK(!(vr.v.features & (VIRTIO_F_RING_PACKED | VIRTIO_F_EVENT_IDX)));
}

static void another_device_is_not_taken_for_this_one(void)
{
	vrig_init();
	vrig_start();
	vr.features_hidden = VIRTIO_BLK_F_DISCARD;
	vr.needs_reset = true;
	CHECK(vrig_run(DISK_GONE));
	vrig_init();
	vrig_start();
	vr.queue_size = 64;
	vr.needs_reset = true;
	CHECK(vrig_run(DISK_GONE));
	/* Faults in a row end it; a good spell between them does not count them. */
	vrig_init();
	vrig_start();
	for (uint32_t i = 0; i < 6; i++) {
		vr.now += SEC(11);
		vrig_turns(5);
		vr.now += MS(101);
		vrig_turns(5);
		vr.needs_reset = true;
		CHECK(vrig_run(DISK_RECOVERING) && vrig_run(DISK_UP));
	}
	for (uint32_t i = 0; i < 4 && vr.v.disk.state != DISK_GONE; i++) {
		vr.needs_reset = true;
		for (uint32_t k = 0; k < 6000; k++)
			vrig_turn();
	}
	CHECK(vr.v.disk.state == DISK_GONE);
}

int main(void)
{
	vrig_open();
	RUN(its_structures_are_found);
	RUN(malformed_lists_are_refused);
	RUN(fua_is_a_write_and_a_flush);
	RUN(a_flush_that_a_reset_interrupts_is_done_again);
	RUN(what_does_not_fit_waits);
	RUN(what_is_beyond_its_limits_is_refused);
	RUN(what_cannot_be_used_is_refused);
	RUN(platform_features_are_accepted);
	RUN(another_device_is_not_taken_for_this_one);
	vrig_close();
	return test_failed;
}

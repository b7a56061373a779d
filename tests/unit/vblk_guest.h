/* SPDX-License-Identifier: Apache-2.0 */
/* tests/unit/vblk_guest.h - a guest in front of a virtio block device: memory, registers, one ring. */
#pragma once
#include <string.h>
#include "io/vblk.h"
#include "tests/test.h"

#define GUEST_DESC     0x1000u
#define GUEST_AVAIL    0x2000u
#define GUEST_USED     0x3000u
#define GUEST_HEADER   0x4000u
#define GUEST_STATUS   0x4100u
#define GUEST_DATA     0x5000u
#define GUEST_BYTES    KIB(128)

#define F_FLUSH        BIT64(9)
#define F_CONFIG_WCE   BIT64(11)
#define F_DISCARD      BIT64(13)
#define F_WRITE_ZEROES BIT64(14)

static struct vblk d;
static uint8_t *ram; /* GUEST_BYTES of it, page-aligned */
static struct gmem memory;
static bool is_packed;
static uint32_t place, avail_index; /* the next descriptor; split: chains */
static struct block_request r;

static const struct vblk_config usual_config = {
	.first_sector = 1000,
	.sector_count = 800,
	.block_bytes = 512,
	.request_max_bytes = KIB(64),
	.queue_count = 1,
	.queue_size = 128,
	.has_discard = true,
	.has_write_zeroes = true,
	.has_cache = true,
	.client = 5,
	.serial = "BULKHEAD-0123456789A",
};

static inline struct vblk_effect write_at(uint64_t offset, uint32_t width, uint64_t value)
{
	return vblk_write(&d, offset, width, value);
}

static inline uint64_t read_at(uint64_t offset, uint32_t width)
{
	return vblk_read(&d, offset, width);
}

static inline void enable_queue(uint32_t q)
{
	write_at(0x16, 2, q);
	write_at(0x1a, 2, q + 1);
	write_at(0x20, 8, GUEST_DESC);
	write_at(0x28, 8, GUEST_AVAIL);
	write_at(0x30, 8, GUEST_USED);
	write_at(0x1c, 2, 1);
}

/* Ends with DRIVER_OK: what is offered, less `refused`. */
static inline struct vblk_effect drive(uint64_t refused)
{
	const uint64_t features =
		d.pci.config.features & ~refused & ~(is_packed ? 0 : VIRTIO_F_RING_PACKED);

	memset(ram, 0, GUEST_BYTES);
	place = avail_index = 0;
	write_at(0x14, 1, 3);
	for (uint32_t i = 0; i < 2; i++) {
		write_at(0x08, 4, i);
		write_at(0x0c, 4, (uint32_t)(features >> 32 * i));
	}
	write_at(0x10, 2, 0);
	write_at(0x14, 1, 11);
	enable_queue(0);
	return write_at(0x14, 1, 15);
}

static inline void start_device(const struct vblk_config *config, uint64_t refused)
{
	CHECK(vblk_init(&d, config, &memory) == OK);
	drive(refused);
	CHECK(vblk_is_live(&d) && vblk_taken_count(&d) == 0);
}

/* The next descriptor. Flags: 1 next, 2 write, 4 table. Packed: for one lap of the ring. */
static inline void put_desc(uint8_t *at, uint32_t i, uint64_t gpa, uint32_t bytes, uint32_t flags)
{
	const uint16_t words[2] = { (uint16_t)(is_packed ? i : flags),
				    (uint16_t)(is_packed ? flags | 0x80 : i + 1) };

	memcpy(at, &gpa, 8);
	memcpy(at + 8, &bytes, 4);
	memcpy(at + 12, words, 4);
}

static inline void add_desc(uint64_t gpa, uint32_t bytes, uint32_t flags)
{
	put_desc(ram + GUEST_DESC + 16 * place, place, gpa, bytes, flags);
	place++;
}

static inline void make_available(uint32_t head)
{
	const uint16_t word = (uint16_t)head;

	if (is_packed)
		return;
	memcpy(ram + GUEST_AVAIL + 4 + 2 * (avail_index++ % 128), &word, 2);
	memcpy(ram + GUEST_AVAIL + 2, &avail_index, 2);
}

static inline void put_header(uint32_t type, uint64_t sector)
{
	const uint32_t words[2] = { type, 0x12345678 /* reserved */ };

	memcpy(ram + GUEST_HEADER, words, 8);
	memcpy(ram + GUEST_HEADER + 8, &sector, 8);
	ram[GUEST_STATUS] = 0xee;
}

/* A request as drivers make it; data_flags: 2 for those that the device writes. */
static inline void request(uint32_t type, uint64_t sector, uint32_t bytes, uint32_t data_flags)
{
	const uint32_t head = place;

	put_header(type, sector);
	add_desc(GUEST_HEADER, 16, 1);
	if (bytes != 0)
		add_desc(GUEST_DATA, bytes, 1 | data_flags);
	add_desc(GUEST_STATUS, 1, 2);
	make_available(head);
}

static inline enum err take(void)
{
	return vblk_take(&d, 0, &r);
}

/* The used chain's length, as the driver sees it; it is the nth. */
static inline uint32_t used_bytes(uint32_t n)
{
	uint32_t bytes;

	memcpy(&bytes, ram + (is_packed ? GUEST_DESC + 16 * n + 8 : GUEST_USED + 8 + 8 * n), 4);
	return bytes;
}

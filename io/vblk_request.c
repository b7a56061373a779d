/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a chain of descriptors to a request.
 *
 * No layout is assumed ("Message Framing"): header, data and status are bytes of the chain, wherever
 * descriptors begin and end. What is decided by is copied out of the guest's memory once.
 */
#include <string.h>
#include "io/vblk_parts.h"

/* "Device Operation": struct virtio_blk_req. */
#define HEADER_BYTES      16u /* type 32, reserved 32, sector 64 */
#define TYPE_IN           0u
#define TYPE_OUT          1u
#define TYPE_FLUSH        4u
#define TYPE_GET_ID       8u
#define TYPE_DISCARD      11u
#define TYPE_WRITE_ZEROES 13u

#define STATUS_OK         0u
#define STATUS_IOERR      1u
#define STATUS_UNSUPP     2u

/* struct virtio_blk_discard_write_zeroes */
#define RANGE_BYTES   16u /* sector 64, num_sectors 32, flags 32 */
#define RANGE_F_UNMAP 1u

/* What its status byte is to say now; or it is to be carried out. */
enum verdict { SAY_OK = STATUS_OK, SAY_IOERR = STATUS_IOERR, SAY_UNSUPP = STATUS_UNSUPP, TO_DO };

struct range {
	uint64_t sector;
	uint64_t bytes;
};

/* ---- Bytes of a chain ---- */

/*
 * `bytes` of the chain's readable memory from `skip` on, as two words; there are that many. Most
 * drivers have each of them in a descriptor of its own.
 */
static void copy_out(const struct virtqueue_chain *c, uint64_t skip, uint64_t words[2])
{
	const struct virtqueue_segment *s = c->segments;

	while (skip >= s->bytes)
		skip -= s++->bytes;
	if (s->bytes - skip >= 16) {
		words[0] = gmem_load64(s->at + skip);
		words[1] = gmem_load64(s->at + skip + 8);
		return;
	}
	words[0] = words[1] = 0;
	for (uint32_t i = 0; i < 16; i++, skip++) {
		while (skip == s->bytes) {
			skip = 0;
			s++;
		}
		words[i / 8] |= (uint64_t)gmem_load8(s->at + skip) << 8 * (i % 8);
	}
}

/* The request's data: `bytes` from `skip` on of these segments. False: more than it can have. */
static bool set_data(struct block_request *r, const struct virtqueue_segment *s, uint64_t skip,
		     uint64_t bytes)
{
	uint32_t count = 0;

	for (; bytes != 0; s++) {
		const uint64_t here = s->bytes - skip;

		if (s->bytes <= skip) {
			skip -= s->bytes;
			continue;
		}
		if (count == BLOCK_SEGMENT_MAX)
			return false;
		r->segments[count].at = s->at + skip;
		r->segments[count].bytes = min_u64(here, bytes);
		bytes -= r->segments[count++].bytes;
		skip = 0;
	}
	r->segment_count = count;
	return true;
}

/* ---- Operations ---- */

static bool is_agreed(const struct vblk *d, uint64_t feature)
{
	return (d->pci.features & feature) != 0;
}

/* Whole blocks, all of them the client's. */
static enum verdict set_range(const struct vblk *d, struct block_request *r, struct range at)
{
	const struct vblk_config *c = &d->config;
	const uint64_t sectors = at.bytes / BLOCK_SECTOR_BYTES;

	if (at.bytes > c->request_max_bytes || at.sector > c->sector_count ||
	    sectors > c->sector_count - at.sector ||
	    ((at.bytes | at.sector * BLOCK_SECTOR_BYTES) & (c->block_bytes - 1)) != 0)
		return SAY_IOERR;
	r->sector = c->first_sector + at.sector;
	r->sector_count = (uint32_t)sectors;
	return sectors == 0 ? SAY_OK : TO_DO;
}

/*
 * "Device Operation", when "a write becomes stable": with no FLUSH negotiated, or writeback 0, once
 * it is completed.
 */
static bool is_fua(const struct vblk *d)
{
	return d->config.has_cache && (!d->writeback || !is_agreed(d, VBLK_F_FLUSH));
}

static enum verdict make_read(const struct vblk *d, const struct virtqueue_chain *c,
			      struct block_request *r, uint64_t sector)
{
	const struct range at = { sector, c->writable_bytes - 1 };
	const enum verdict v = set_range(d, r, at);

	r->op = BLOCK_READ;
	if (v == SAY_IOERR ||
	    (v == TO_DO && !set_data(r, c->segments + c->readable_count, 0, at.bytes)))
		return SAY_IOERR;
	r->vblk.written_bytes = (uint32_t)c->writable_bytes;
	return v;
}

static enum verdict make_write(const struct vblk *d, const struct virtqueue_chain *c,
			       struct block_request *r, uint64_t sector)
{
	const struct range at = { sector, c->readable_bytes - HEADER_BYTES };
	const enum verdict v = d->config.is_read_only ? SAY_IOERR : set_range(d, r, at);

	r->op = BLOCK_WRITE;
	r->is_fua = is_fua(d);
	if (v == TO_DO && !set_data(r, c->segments, HEADER_BYTES, at.bytes))
		return SAY_IOERR;
	return v;
}

static enum verdict make_flush(const struct vblk *d, struct block_request *r)
{
	if (!is_agreed(d, VBLK_F_FLUSH))
		return SAY_UNSUPP;
	r->op = BLOCK_FLUSH;
	r->sector = 0;
	r->sector_count = 0;
	return d->config.has_cache ? TO_DO : SAY_OK;
}

/* DISCARD, WRITE_ZEROES: one range of sectors, as was told. */
static enum verdict make_ranged(const struct vblk *d, const struct virtqueue_chain *c,
				struct block_request *r, uint32_t type)
{
	const bool is_discard = type == TYPE_DISCARD;
	uint64_t words[2];
	uint32_t flags;

	if (d->config.is_read_only)
		return SAY_IOERR;
	if (!is_agreed(d, is_discard ? VBLK_F_DISCARD : VBLK_F_WRITE_ZEROES))
		return SAY_UNSUPP;
	if (c->readable_bytes != HEADER_BYTES + RANGE_BYTES)
		return SAY_IOERR;
	copy_out(c, HEADER_BYTES, words);
	flags = (uint32_t)(words[1] >> 32);
	if (flags & (is_discard ? UINT32_MAX : ~RANGE_F_UNMAP))
		return SAY_UNSUPP;
	r->op = is_discard ? BLOCK_DISCARD : BLOCK_WRITE_ZEROES;
	r->may_unmap = (flags & RANGE_F_UNMAP) != 0;
	r->is_fua = !is_discard && is_fua(d);
	return set_range(d, r,
			 (struct range){ words[0], (words[1] & UINT32_MAX) * BLOCK_SECTOR_BYTES });
}

/* As many bytes of it as there is room for; NULs behind it. */
static enum verdict tell_id(const struct vblk *d, const struct virtqueue_chain *c,
			    struct block_request *r)
{
	const struct virtqueue_segment *s = c->segments + c->readable_count;
	const uint64_t bytes = min_u64(c->writable_bytes - 1, VBLK_SERIAL_BYTES);
	uint64_t at = 0;

	for (uint64_t i = 0; i < bytes; i++, at++) {
		while (at == s->bytes) {
			at = 0;
			s++;
		}
		gmem_store8(s->at + at, (uint8_t)d->config.serial[i]);
	}
	r->vblk.written_bytes = (uint32_t)(bytes + (bytes == c->writable_bytes - 1));
	return SAY_OK;
}

static enum verdict make(const struct vblk *d, const struct virtqueue_chain *c,
			 struct block_request *r)
{
	uint64_t words[2];
	uint32_t type;

	copy_out(c, 0, words);
	type = (uint32_t)words[0];
	switch (type) {
	case TYPE_IN:
		return make_read(d, c, r, words[1]);
	case TYPE_OUT:
		return make_write(d, c, r, words[1]);
	case TYPE_FLUSH:
		return make_flush(d, r);
	case TYPE_GET_ID:
		return tell_id(d, c, r);
	case TYPE_DISCARD:
	case TYPE_WRITE_ZEROES:
		return make_ranged(d, c, r, type);
	default:
		return SAY_UNSUPP;
	}
}

/* ---- Answers ---- */

static void answer(struct vblk *d, const struct block_request *r, uint8_t status)
{
	/*
	 * "The device MUST write at least len bytes .. beginning at the first device-writable": of
	 * one that failed, the status byte if it is the first.
	 */
	const uint32_t bytes =
		status == STATUS_OK || r->vblk.written_bytes == 1 ? r->vblk.written_bytes : 0;

	gmem_store8(r->vblk.status_at, status);
	virtqueue_push(&d->pci.queues[r->queue].ring, r->vblk.chain_id, r->vblk.chain_descs, bytes);
}

void vblk_answer(struct vblk *d, const struct block_request *r)
{
	static const uint8_t says[] = { [BLOCK_OK] = STATUS_OK,
					[BLOCK_IO_ERROR] = STATUS_IOERR,
					[BLOCK_UNSUPPORTED] = STATUS_UNSUPP };

	answer(d, r, r->status < ARRAY_SIZE(says) ? says[r->status] : STATUS_IOERR);
}

/* What all have: whose it is, and the last writable byte, which is the status. */
static void begin(const struct vblk *d, const struct virtqueue_chain *c, uint32_t queue,
		  struct block_request *r)
{
	const struct virtqueue_segment *last = &c->segments[c->segment_count - 1];

	r->is_fua = false;
	r->may_unmap = false;
	r->status = BLOCK_OK;
	r->client = d->config.client;
	r->queue = (uint16_t)queue;
	r->segment_count = 0;
	r->next = NULL;
	r->vblk.status_at = last->at + last->bytes - 1;
	r->vblk.written_bytes = c->writable_bytes == 1;
	r->vblk.chain_id = c->id;
	r->vblk.chain_descs = c->desc_count;
	r->vblk.life = d->life;
}

enum err vblk_take(struct vblk *d, uint32_t queue, struct block_request *r)
{
	struct virtqueue_chain c;
	enum verdict v;
	enum err e;

	if (!vblk_is_live(d))
		return d->pci.status & VIRTIO_DEVICE_NEEDS_RESET ? ERR_INVAL : ERR_BUSY;
	e = virtqueue_pop(&d->pci.queues[queue].ring, &c);
	if (e == ERR_BUSY)
		return e;
	if (e != OK || c.readable_bytes < HEADER_BYTES || c.writable_bytes == 0) {
		virtio_pci_break(&d->pci);
		return ERR_INVAL;
	}
	begin(d, &c, queue, r);
	v = make(d, &c, r);
	if (v == TO_DO) {
		d->taken_count++;
		return OK;
	}
	answer(d, r, (uint8_t)v);
	return ERR_RANGE;
}

struct vblk_effect vblk_show(struct vblk *d, uint32_t queue)
{
	if (virtqueue_publish(&d->pci.queues[queue].ring))
		virtio_pci_interrupt(&d->pci, queue);
	return (struct vblk_effect){ .vectors = virtio_pci_take_vectors(&d->pci) };
}

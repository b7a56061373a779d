/* SPDX-License-Identifier: Apache-2.0 */
/*
 * drivers/virtio_blk/virtio_blk.c - bring-up, recovery, operations.
 *
 *	RESET --> RESETTING --device_status is 0--> NEGOTIATE --> QUEUE --> RUN
 *	  ^                                                                  |
 *	  +------- a fault, as long as there are not too many in a row -------+
 */
#include "drivers/virtio_blk/virtio_blk_priv.h"
#include <string.h>

#define POLL_NS          US(10)  /* between looks while something is in flight */
#define RESET_POLL_NS    US(100) /* .. while it is being reset */
#define WATCH_NS         MS(100)
#define GOOD_NS          SEC(10)
#define GENERATION_TRIES 4u
#define BLOCK_BYTES_MAX  4096u
#define ENTRIES_LEAST    4u
/* Where it has no tables: header, status, and a few pieces. */
#define SLOT_DESCS 10u

enum phase { RESET, RESETTING, NEGOTIATE, QUEUE, RUN, FAILED };

#define FEATURES_NEEDED VIRTIO_F_VERSION_1
#define FEATURES_USED \
	(FEATURES_NEEDED | VIRTIO_BLK_F_SIZE_MAX | VIRTIO_BLK_F_SEG_MAX | VIRTIO_BLK_F_RO | \
	 VIRTIO_BLK_F_BLK_SIZE | VIRTIO_BLK_F_FLUSH | VIRTIO_BLK_F_DISCARD | \
	 VIRTIO_BLK_F_WRITE_ZEROES | VIRTIO_F_INDIRECT_DESC | VIRTIO_F_ACCESS_PLATFORM | \
	 VIRTIO_F_ORDER_PLATFORM)

static struct virtio_blk *of(struct disk *d)
{
	return (struct virtio_blk *)(void *)d;
}

static uint64_t to_tsc(const struct virtio_blk *v, uint64_t ns)
{
	return mul_div(ns, v->config.tsc_hz, SEC(1));
}

/* --- registers ----------------------------------------------------------------------------------------- */

static uint32_t common(const struct virtio_blk *v, uint32_t offset, uint32_t width)
{
	return virtio_read(v, &v->config.layout.common, offset, width);
}

static void set_common(const struct virtio_blk *v, uint32_t offset, uint32_t width, uint32_t value)
{
	virtio_write(v, &v->config.layout.common, offset, width, value);
}

/* 64-bit fields are written by halves. */
static void set_common64(const struct virtio_blk *v, uint32_t offset, uint64_t value)
{
	set_common(v, offset, 4, (uint32_t)value);
	set_common(v, offset + 4, 4, (uint32_t)(value >> 32));
}

static uint32_t status(const struct virtio_blk *v)
{
	return common(v, VIRTIO_DEVICE_STATUS, 1);
}

/* A field beyond what the device has of its configuration: it is not there. */
static uint32_t device(const struct virtio_blk *v, uint32_t offset, uint32_t width)
{
	const struct virtio_region *r = &v->config.layout.device;

	return offset + width <= r->bytes ? virtio_read(v, r, offset, width) : 0;
}

/* --- into and out of trouble ------------------------------------------------------------------------------ */

static void give_up(struct virtio_blk *v, const char *why)
{
	v->phase = FAILED;
	v->disk.state = DISK_GONE;
	v->disk.why = why;
	virtio_parts_fail(v);
}

/* It holds nothing: a reset was seen to be complete, and no queue is enabled. */
static void refuse(struct virtio_blk *v, const char *why)
{
	set_common(v, VIRTIO_DEVICE_STATUS, 1, VIRTIO_STATUS_FAILED);
	v->is_blocked = true;
	give_up(v, why);
}

static void recover(struct virtio_blk *v, const char *why)
{
	v->fault = NULL;
	v->disk.why = why;
	v->disk.reset_count++;
	if (status(v) == VIRTIO_STATUS_GONE || ++v->faults_in_row >= v->config.fault_limit) {
		give_up(v, why);
		return;
	}
	v->disk.state = DISK_RECOVERING;
	v->phase = RESET;
}

/* --- bring-up ----------------------------------------------------------------------------------------------- */

static void begin_reset(struct virtio_blk *v, uint64_t now_tsc)
{
	if (status(v) == VIRTIO_STATUS_GONE) {
		give_up(v, "its registers read as all ones");
		return;
	}
	set_common(v, VIRTIO_DEVICE_STATUS, 1, 0);
	v->deadline_tsc = now_tsc + to_tsc(v, v->config.reset_timeout_ns);
	v->phase = RESETTING;
}

/* A reset is complete when the status reads 0, not when it was written. */
static void end_reset(struct virtio_blk *v, uint64_t now_tsc)
{
	if (status(v) == 0) {
		virtio_parts_lose(v);
		v->phase = NEGOTIATE;
	} else if (now_tsc >= v->deadline_tsc) {
		give_up(v, "it does not come out of its reset");
	}
}

static uint64_t offered(const struct virtio_blk *v)
{
	uint64_t features;

	set_common(v, VIRTIO_DEVICE_FEATURE_SELECT, 4, 0);
	features = common(v, VIRTIO_DEVICE_FEATURE, 4);
	set_common(v, VIRTIO_DEVICE_FEATURE_SELECT, 4, 1);
	return features | (uint64_t)common(v, VIRTIO_DEVICE_FEATURE, 4) << 32;
}

static void accept(const struct virtio_blk *v, uint64_t features)
{
	set_common(v, VIRTIO_DRIVER_FEATURE_SELECT, 4, 0);
	set_common(v, VIRTIO_DRIVER_FEATURE, 4, (uint32_t)features);
	set_common(v, VIRTIO_DRIVER_FEATURE_SELECT, 4, 1);
	set_common(v, VIRTIO_DRIVER_FEATURE, 4, (uint32_t)(features >> 32));
}

/* Of one generation: the device may change it between two reads. */
static bool get_capacity(const struct virtio_blk *v, uint64_t *sectors)
{
	for (uint32_t i = 0; i < GENERATION_TRIES; i++) {
		const uint32_t before = common(v, VIRTIO_CONFIG_GENERATION, 1);

		*sectors = device(v, VIRTIO_BLK_CAPACITY, 4);
		*sectors |= (uint64_t)device(v, VIRTIO_BLK_CAPACITY + 4, 4) << 32;
		if (common(v, VIRTIO_CONFIG_GENERATION, 1) == before)
			return true;
	}
	return false;
}

static uint32_t field(const struct virtio_blk *v, uint64_t feature, uint32_t offset,
		      uint32_t otherwise)
{
	return v->features & feature ? device(v, offset, 4) : otherwise;
}

static uint32_t whole_blocks(uint32_t sectors, uint32_t block)
{
	return sectors & ~(block / BLOCK_SECTOR_BYTES - 1);
}

/* NULL: it is a disk that we can use, and the same as before if there was one. */
static const char *read_limits(struct virtio_blk *v)
{
	const uint32_t block =
		field(v, VIRTIO_BLK_F_BLK_SIZE, VIRTIO_BLK_BLK_SIZE, BLOCK_SECTOR_BYTES);
	struct disk_facts *f = &v->disk.facts;
	uint64_t sectors;

	/* Where it does not say how many pieces, one is all that can be relied on. */
	v->piece_max = (uint32_t)max_u64(field(v, VIRTIO_BLK_F_SEG_MAX, VIRTIO_BLK_SEG_MAX, 1), 1);
	v->piece_max_bytes = field(v, VIRTIO_BLK_F_SIZE_MAX, VIRTIO_BLK_SIZE_MAX, INT32_MAX);
	v->may_unmap = device(v, VIRTIO_BLK_MAY_UNMAP, 1) & 1;
	if (block < BLOCK_SECTOR_BYTES || block > BLOCK_BYTES_MAX || (block & (block - 1)))
		return "its blocks are neither of 512 nor up to 4096 bytes";
	if (v->piece_max_bytes < PAGE_BYTES)
		return "it takes pieces of less than a page only";
	if (!get_capacity(v, &sectors))
		return "its configuration does not come to rest";
	sectors &= ~(uint64_t)(block / BLOCK_SECTOR_BYTES - 1);
	if (sectors > UINT64_MAX / BLOCK_SECTOR_BYTES)
		return "its capacity is beyond what bytes can count";
	if (v->was_up && (block != f->block_bytes || sectors < f->sector_count))
		return "it has changed with its reset";
	v->discard_max_sectors =
		whole_blocks(field(v, VIRTIO_BLK_F_DISCARD, VIRTIO_BLK_DISCARD_MAX, 0), block);
	v->zeroes_max_sectors = whole_blocks(
		field(v, VIRTIO_BLK_F_WRITE_ZEROES, VIRTIO_BLK_WRITE_ZEROES_MAX, 0), block);
	if (v->was_up)
		return NULL;
	*f = (struct disk_facts){ .sector_count = sectors,
				  .block_bytes = block,
				  .request_max_bytes = v->config.request_max_bytes,
				  .has_cache = v->features & VIRTIO_BLK_F_FLUSH,
				  .has_discard = v->discard_max_sectors != 0,
				  .has_write_zeroes = v->zeroes_max_sectors != 0,
				  .model = "virtio-blk" };
	return NULL;
}

static void negotiate(struct virtio_blk *v)
{
	const uint32_t seen = VIRTIO_STATUS_ACKNOWLEDGE | VIRTIO_STATUS_DRIVER;
	uint64_t features;
	const char *why;

	set_common(v, VIRTIO_DEVICE_STATUS, 1, VIRTIO_STATUS_ACKNOWLEDGE);
	set_common(v, VIRTIO_DEVICE_STATUS, 1, seen);
	features = offered(v) & FEATURES_USED;
	if (!(features & VIRTIO_F_VERSION_1)) {
		refuse(v, "it lacks VIRTIO_F_VERSION_1");
		return;
	}
	/* Requests wait that were made for what it offered then. */
	if (v->was_up && features != v->features) {
		refuse(v, "it offers other features after its reset");
		return;
	}
	v->features = features;
	accept(v, features);
	set_common(v, VIRTIO_DEVICE_STATUS, 1, seen | VIRTIO_STATUS_FEATURES_OK);
	if (!(status(v) & VIRTIO_STATUS_FEATURES_OK)) {
		refuse(v, "it does not take the features that it offers");
		return;
	}
	why = read_limits(v);
	if (why)
		refuse(v, why);
	else
		v->phase = QUEUE;
}

/* NULL: the ring is as long as it can be; slots are as many as they were. */
static const char *size_ring(struct virtio_blk *v)
{
	uint32_t entries = common(v, VIRTIO_QUEUE_SIZE, 2);

	while (entries & (entries - 1)) /* down to a power of two */
		entries &= entries - 1;
	entries = (uint32_t)min_u64(entries, VIRTIO_BLK_QUEUE_MAX);
	if (entries < ENTRIES_LEAST)
		return "its queue is too short";
	if (v->was_up)
		return entries < v->entries ? "its queue is shorter after its reset" : NULL;
	v->entries = (uint16_t)entries;
	v->slot_descs =
		(uint16_t)(v->features & VIRTIO_F_INDIRECT_DESC ? 1 : min_u64(SLOT_DESCS, entries));
	v->slot_count = (uint32_t)min_u64(VIRTIO_BLK_SLOT_MAX, entries / v->slot_descs);
	virtio_parts_init(v);
	return NULL;
}

static void set_up_queue(struct virtio_blk *v, uint64_t now_tsc)
{
	const struct virtio_layout *l = &v->config.layout;
	const char *why;

	set_common(v, VIRTIO_QUEUE_SELECT, 2, 0);
	why = size_ring(v);
	/* No chain is to be longer than the queue, in a table neither. */
	v->piece_max = (uint32_t)min_u64(v->piece_max, v->entries - 2u);
	v->notify_offset = common(v, VIRTIO_QUEUE_NOTIFY_OFF, 2) * l->notify_multiplier;
	if (!why && (l->notify.bytes < 2 || v->notify_offset > l->notify.bytes - 2))
		why = "its doorbell is outside of its registers";
	if (why) {
		refuse(v, why);
		return;
	}
	virtio_ring_init(v);
	set_common(v, VIRTIO_QUEUE_SIZE, 2, v->entries);
	set_common64(v, VIRTIO_QUEUE_DESC, virtio_hpa(v, VIRTIO_DESCS_AT));
	set_common64(v, VIRTIO_QUEUE_DRIVER, virtio_hpa(v, VIRTIO_AVAIL_AT));
	set_common64(v, VIRTIO_QUEUE_DEVICE, virtio_hpa(v, VIRTIO_USED_AT));
	set_common(v, VIRTIO_QUEUE_ENABLE, 2, 1);
	set_common(v, VIRTIO_DEVICE_STATUS, 1,
		   VIRTIO_STATUS_ACKNOWLEDGE | VIRTIO_STATUS_DRIVER | VIRTIO_STATUS_FEATURES_OK |
			   VIRTIO_STATUS_DRIVER_OK);
	v->phase = RUN;
	v->was_up = true;
	v->watch_tsc = now_tsc + to_tsc(v, WATCH_NS);
	v->good_tsc = now_tsc + to_tsc(v, GOOD_NS);
	v->disk.state = DISK_UP;
	v->disk.why = NULL;
}

/* --- serve() -------------------------------------------------------------------------------------------------- */

static void watch(struct virtio_blk *v, uint64_t now_tsc)
{
	if (v->fault) {
		recover(v, v->fault);
		return;
	}
	if (now_tsc < v->watch_tsc)
		return;
	v->watch_tsc = now_tsc + to_tsc(v, WATCH_NS);
	if (status(v) & VIRTIO_STATUS_NEEDS_RESET) /* or all ones: recover() looks */
		recover(v, "it needs a reset (DEVICE_NEEDS_RESET)");
	else if (virtio_parts_are_late(v, now_tsc))
		recover(v, "a request is not completed");
	else if (now_tsc >= v->good_tsc)
		v->faults_in_row = 0;
}

static enum disk_state serve(struct disk *d, uint64_t now_tsc, uint64_t *again_tsc)
{
	struct virtio_blk *const v = of(d);

	*again_tsc = now_tsc;
	switch (v->phase) {
	case RESET:
		begin_reset(v, now_tsc);
		break;
	case RESETTING:
		end_reset(v, now_tsc);
		*again_tsc = now_tsc + to_tsc(v, RESET_POLL_NS);
		break;
	case NEGOTIATE:
		negotiate(v);
		break;
	case QUEUE:
		set_up_queue(v, now_tsc);
		virtio_parts_go_on(v, now_tsc); /* what was lost */
		break;
	case RUN:
		watch(v, now_tsc);
		if (v->phase == RUN)
			*again_tsc = v->watch_tsc;
		break;
	default:
		*again_tsc = TSC_NEVER;
	}
	return d->state;
}

bool virtio_blk_wants_block(const struct virtio_blk *v)
{
	return v->phase == FAILED && !v->is_blocked;
}

void virtio_blk_after_block(struct virtio_blk *v)
{
	v->is_blocked = true;
	virtio_parts_lose(v);
	give_up(v, v->disk.why);
}

/* --- the other operations ---------------------------------------------------------------------------------------- */

static enum err check(const struct virtio_blk *v, const struct block_request *r)
{
	if (r->op != BLOCK_READ && (v->features & VIRTIO_BLK_F_RO))
		return ERR_UNSUPPORTED;
	return disk_check(&v->disk.facts, r);
}

static enum err submit(struct disk *d, struct block_request *r, uint64_t now_tsc)
{
	struct virtio_blk *const v = of(d);
	enum err e;

	/* Without a cache there is nothing to flush, and the device knows no such request. */
	if (d->state == DISK_GONE || (r->op == BLOCK_FLUSH && v->was_up && !d->facts.has_cache)) {
		r->status = d->state == DISK_GONE ? BLOCK_IO_ERROR : BLOCK_OK;
		virtio_parts_finish(v, r);
		d->in_flight++;
		return OK;
	}
	if (d->state != DISK_UP)
		return ERR_BUSY;
	e = check(v, r);
	if (e == OK)
		e = virtio_parts_begin(v, r, now_tsc);
	d->in_flight += e == OK;
	return e;
}

static void kick(struct disk *d)
{
	if (d->state == DISK_UP)
		virtio_ring_notify(of(d));
}

static uint32_t poll(struct disk *d, uint64_t now_tsc, struct block_request *done[], uint32_t max,
		     uint64_t *again_tsc)
{
	struct virtio_blk *const v = of(d);
	uint32_t count = 0;

	virtio_parts_go_on(v, now_tsc);
	while (count < max && v->done_first) {
		done[count++] = v->done_first;
		v->done_first = v->done_first->next;
	}
	d->in_flight -= count;
	*again_tsc = d->in_flight == 0 ? TSC_NEVER : now_tsc + (v->done_first ? 0 : d->poll_tsc);
	return count;
}

static const struct disk_ops ops = { "virtio-blk", serve, submit, kick, poll };

static bool is_config_valid(const struct virtio_blk_config *c)
{
	for (uint32_t i = 0; i < ARRAY_SIZE(c->bars); i++)
		if ((c->layout.bars & BIT32(i)) && !c->bars[i] && !c->hook)
			return false;
	return c->layout.bars && c->memory && (c->memory_hpa.v & (PAGE_BYTES - 1)) == 0 &&
	       c->tsc_hz && c->io_timeout_ns && c->reset_timeout_ns && c->fault_limit &&
	       c->request_max_bytes >= PAGE_BYTES && c->request_max_bytes % PAGE_BYTES == 0;
}

enum err virtio_blk_begin(struct virtio_blk *v, const struct virtio_blk_config *config)
{
	memset(v, 0, sizeof(*v));
	v->disk = (struct disk){ .ops = &ops, .state = DISK_GONE, .why = "its configuration" };
	v->phase = FAILED;
	v->is_blocked = true;
	v->free_slot = v->lost_first = v->lost_last = VIRTIO_SLOT_NONE;
	if (!is_config_valid(config))
		return ERR_INVAL;
	v->config = *config;
	v->disk.poll_tsc = to_tsc(v, POLL_NS);
	v->disk.state = DISK_COMING_UP;
	v->disk.why = NULL;
	v->phase = RESET;
	v->is_blocked = false;
	return OK;
}

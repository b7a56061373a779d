/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A guest at random in front of a virtio block device: registers, rings and descriptors as the input's
 * bytes say, and requests that end whenever they say so. One execution is a life of a device; inputs
 * begin with what it is, and then are steps. What must hold is checked all the time:
 *
 *	- no byte of the hypervisor's, or beyond the guest's memory, is touched (the sanitizers)
 *	- a request lies in the client's range of the disk, in whole blocks, and its pieces in RAM;
 *	  they are as long as it is, and no more than it can have
 *	- none is given out while the device is not live, or beyond what a ring holds; split: none
 *	  whose chain is in use
 *	- what comes back after a reset changes nothing in the guest's memory; device_status is 0
 *	  when the last has, and not before
 *	- a broken device stays broken until it is reset, and says so in device_status
 *	- kicks and messages are of queues and vectors that there are
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "io/vblk.h"
#include "tests/fuzz/fuzz_vblk.h"

#define LOW_BYTES  8192u
#define HIGH_BYTES 4096u
#define HIGH       UINT64_C(0x100000000)

#define MUST(x) \
	do { \
		if (!(x)) \
			found(#x, __LINE__); \
	} while (0)

uint64_t fuzz_vblk_taken, fuzz_vblk_answered, fuzz_vblk_broken;

/* Two arrays, so that the sanitizer sees what leaves one. */
static uint8_t low[LOW_BYTES] __attribute__((aligned(4096)));
static uint8_t high[HIGH_BYTES] __attribute__((aligned(4096)));
static uint8_t before[LOW_BYTES + HIGH_BYTES];
static const struct gmem memory = {
	.range_count = 2,
	.ranges = { { 0, LOW_BYTES, low }, { HIGH, HIGH_BYTES, high } },
};

static struct vblk d;
static struct vblk_config config;
static bool is_packed, has_event_idx;

/* Where the guest's rings are if it does as it should: queue 1's behind queue 0's. */
#define QUEUE_SIZE 16u
#define RING(q)    (0x400u * (q))
#define AVAIL(q)   (RING(q) + 0x100)
#define USED(q)    (RING(q) + 0x200)
#define DATA       0x800u
static uint16_t avail_index[2]; /* split: the index; packed: the place */
static bool avail_wrap[2];

/* Given out: old lives', too. */
#define FLIGHT_MAX (2u * QUEUE_SIZE)
static struct block_request pool[FLIGHT_MAX];
static uint32_t flight[FLIGHT_MAX], flight_count, free_list[FLIGHT_MAX], free_count;

static const uint8_t *input;
static size_t left;

static void found(const char *what, int line)
{
	fprintf(stderr, "fuzz_vblk.c:%d: %s\n", line, what);
	abort();
}

static uint32_t get8(void)
{
	if (left == 0)
		return 0;
	left--;
	return *input++;
}

static uint32_t get16(void)
{
	const uint32_t b = get8();

	return b | get8() << 8;
}

static uint64_t get64(void)
{
	const uint64_t value = get16();

	switch (value & 3) {
	case 0:
		return value >> 2;
	case 1:
		return ~(value >> 2);
	case 2:
		return value << (value >> 2 & 63);
	default:
		return value | (uint64_t)get16() << 16 | (uint64_t)get16() << 32 |
		       (uint64_t)get16() << 48;
	}
}

/* Mostly RAM; sometimes just behind it, or anything. */
static uint64_t get_gpa(void)
{
	const uint32_t v = get16();

	if (v >> 13 < 4)
		return v & (LOW_BYTES - 1);
	if (v >> 13 < 6)
		return HIGH + (v & (HIGH_BYTES - 1));
	return v >> 13 == 6 ? (v & 1 ? HIGH + HIGH_BYTES : LOW_BYTES) - (v >> 1 & 31) : get64();
}

static uint8_t *ram(uint64_t gpa, uint64_t bytes)
{
	return gmem_at(&memory, gpa, bytes);
}

static void put(uint64_t gpa, uint32_t bytes, uint64_t value)
{
	uint8_t *at = ram(gpa, bytes);

	if (at)
		memcpy(at, &value, bytes);
}

static uint64_t peek(uint64_t gpa, uint32_t bytes)
{
	uint64_t value = 0;

	if (ram(gpa, bytes))
		memcpy(&value, ram(gpa, bytes), bytes);
	return value;
}

/* ---- The device's side ---- */

static uint32_t status(void)
{
	return (uint32_t)vblk_read(&d, 0x14, 1);
}

static void check_effect(struct vblk_effect e)
{
	MUST(e.kicked >> config.queue_count == 0);
	MUST(e.vectors >> (config.queue_count + 1) == 0);
	MUST(vblk_is_live(&d) || e.kicked == 0);
}

static bool lies_in(const uint8_t *at, uint64_t bytes)
{
	for (uint32_t i = 0; i < memory.range_count; i++) {
		const uint8_t *begin = memory.ranges[i].at;

		if (at >= begin && at < begin + memory.ranges[i].bytes)
			return bytes <= (uint64_t)(begin + memory.ranges[i].bytes - at);
	}
	return false;
}

static void check_request(const struct block_request *r)
{
	uint64_t bytes = 0;

	MUST(r->op < BLOCK_OP_COUNT && r->queue < config.queue_count && r->client == 7);
	MUST(r->vblk.status_at && lies_in(r->vblk.status_at, 1));
	MUST(r->segment_count <= BLOCK_SEGMENT_MAX);
	MUST(block_bytes(r) <= config.request_max_bytes);
	MUST(block_bytes(r) % config.block_bytes == 0);
	for (uint32_t i = 0; i < r->segment_count; i++) {
		MUST(r->segments[i].bytes != 0);
		MUST(lies_in(r->segments[i].at, r->segments[i].bytes));
		bytes += r->segments[i].bytes;
	}
	if (r->op == BLOCK_FLUSH) {
		MUST(config.has_cache && bytes == 0 && r->sector_count == 0);
		return;
	}
	MUST(bytes == (r->op == BLOCK_READ || r->op == BLOCK_WRITE ? block_bytes(r) : 0));
	MUST(r->op == BLOCK_READ || !config.is_read_only);
	MUST(r->sector >= config.first_sector && r->sector_count != 0);
	MUST(r->sector + r->sector_count <= config.first_sector + config.sector_count);
	MUST(r->sector % (config.block_bytes / 512) == 0);
}

/* Beside the others of its queue, and of its life. */
static void check_room(const struct block_request *r)
{
	uint32_t descs = r->vblk.chain_descs;

	for (uint32_t i = 0; i < flight_count; i++) {
		const struct block_request *other = &pool[flight[i]];

		MUST(other->vblk.life == r->vblk.life);
		if (other->queue != r->queue)
			continue;
		MUST(is_packed || other->vblk.chain_id != r->vblk.chain_id);
		descs += other->vblk.chain_descs;
	}
	MUST(descs <= QUEUE_SIZE);
}

static void take(uint32_t queue, uint32_t count)
{
	while (count-- > 0 && free_count > 0) {
		const uint32_t slot = free_list[free_count - 1];
		const bool was_live = vblk_is_live(&d);
		const enum err e = vblk_take(&d, queue, &pool[slot]);

		if (e == ERR_BUSY)
			return;
		if (e == ERR_INVAL) {
			MUST(status() & VIRTIO_DEVICE_NEEDS_RESET);
			fuzz_vblk_broken += was_live;
			return;
		}
		MUST(was_live);
		if (e == ERR_RANGE) {
			fuzz_vblk_answered++;
			continue;
		}
		MUST(e == OK);
		check_request(&pool[slot]);
		check_room(&pool[slot]);
		free_count--;
		flight[flight_count++] = slot;
		fuzz_vblk_taken++;
		MUST(vblk_taken_count(&d) == flight_count);
	}
	MUST(free_count > 0 || flight_count == FLIGHT_MAX);
}

/* As a disk does: the ends of every piece are read, or written. */
static void carry_out(const struct block_request *r)
{
	for (uint32_t i = 0; i < r->segment_count; i++) {
		uint8_t *const first = r->segments[i].at, *last = first + r->segments[i].bytes - 1;

		if (r->op == BLOCK_READ) {
			*first ^= 0x55;
			*last ^= 0xaa;
		} else {
			(void)(gmem_load8(first) + gmem_load8(last));
		}
	}
}

static void end(uint32_t which, uint32_t how)
{
	struct block_request *r;
	bool is_old;

	if (flight_count == 0)
		return;
	which %= flight_count;
	r = &pool[flight[which]];
	is_old = r->vblk.life != d.life;
	carry_out(r);
	r->status = (uint8_t)(how % 4);
	if (is_old) {
		memcpy(before, low, LOW_BYTES);
		memcpy(before + LOW_BYTES, high, HIGH_BYTES);
		MUST(!vblk_is_live(&d));
	}
	vblk_end(&d, r);
	if (is_old) {
		MUST(memcmp(before, low, LOW_BYTES) == 0);
		MUST(memcmp(before + LOW_BYTES, high, HIGH_BYTES) == 0);
	}
	free_list[free_count++] = flight[which];
	flight[which] = flight[--flight_count];
	MUST(vblk_taken_count(&d) == flight_count);
	if (is_old)
		MUST(d.pci.is_resetting == (flight_count != 0) && (flight_count || status() == 0));
}

static void write_register(uint64_t offset, uint32_t width, uint64_t value)
{
	const bool was_broken = (status() & VIRTIO_DEVICE_NEEDS_RESET) != 0;
	const struct vblk_effect e = vblk_write(&d, offset, width, value);

	check_effect(e);
	if (was_broken && !e.was_reset)
		MUST((status() & VIRTIO_DEVICE_NEEDS_RESET) && !vblk_is_live(&d));
	if (e.was_reset)
		MUST(flight_count != 0 || status() == 0);
}

/* ---- The guest's ---- */

static void set_up_queue(uint32_t q)
{
	write_register(0x16, 2, q);
	write_register(0x18, 2, QUEUE_SIZE);
	write_register(0x1a, 2, q + 1);
	write_register(0x20, 8, RING(q));
	write_register(0x28, 8, AVAIL(q));
	write_register(0x30, 8, USED(q));
	write_register(0x1c, 2, 1);
	avail_index[q] = 0;
	avail_wrap[q] = true;
}

/* From a reset on; if all have come back. */
static void set_up(uint32_t features)
{
	const uint64_t mine = d.pci.config.features & ~(is_packed ? 0 : VIRTIO_F_RING_PACKED) &
			      ~(has_event_idx ? 0 : VIRTIO_F_EVENT_IDX) &
			      ~((features & 1 ? 0 : VIRTIO_F_INDIRECT_DESC) |
				(features & 2 ? 0 : BIT64(9)) | (features & 4 ? 0 : BIT64(11)));

	write_register(0x14, 1, 0);
	for (uint32_t n = features & 8 ? 0 : flight_count; n > 0; n--)
		end(0, 0);
	memset(low, 0, DATA);
	write_register(0x14, 1, 3);
	for (uint32_t i = 0; i < 2; i++) {
		write_register(8, 4, i);
		write_register(0xc, 4, (uint32_t)(mine >> 32 * i));
	}
	write_register(0x10, 2, 0);
	write_register(0x14, 1, 11);
	for (uint32_t q = 0; q < config.queue_count; q++)
		set_up_queue(q);
	write_register(0x14, 1, 15);
}

static uint16_t packed_flags(uint32_t flags, bool wrap)
{
	return (uint16_t)((flags & 7) | (wrap ? 0x80 : 0x8000));
}

static void put_desc(uint64_t table, uint32_t i, uint64_t gpa, uint64_t rest)
{
	put(table + 16 * i, 8, gpa);
	put(table + 16 * i + 8, 8, rest);
}

/* Of a descriptor that is in no packed ring: length, flags, and what comes next if there is such. */
static uint64_t rest_of(uint32_t bytes, uint32_t flags, uint32_t next)
{
	return bytes | (is_packed ? (uint64_t)(flags & 7) << 48
				  : (uint64_t)(flags & 7) << 32 | (uint64_t)(uint16_t)next << 48);
}

/* Where the descriptor goes next: split: `i`; packed: the ring's next place, made available. */
static void add_desc(uint32_t q, uint32_t i, uint64_t gpa, uint32_t bytes, uint32_t flags)
{
	if (!is_packed) {
		put_desc(RING(q), i % QUEUE_SIZE, gpa, rest_of(bytes, flags, i + 1));
		return;
	}
	put_desc(RING(q), avail_index[q] % QUEUE_SIZE, gpa,
		 bytes | (uint64_t)i << 32 | (uint64_t)packed_flags(flags, avail_wrap[q]) << 48);
	avail_index[q] = (uint16_t)((avail_index[q] + 1) % QUEUE_SIZE);
	avail_wrap[q] ^= avail_index[q] == 0;
}

static void make_available(uint32_t q, uint32_t head)
{
	if (is_packed)
		return;
	put(AVAIL(q) + 4 + 2 * (avail_index[q] % QUEUE_SIZE), 2, head);
	put(AVAIL(q) + 2, 2, ++avail_index[q]);
}

/* A request as it should be, in so many pieces; its header where the data are. */
static void whole_request(uint32_t q)
{
	static const uint8_t types[] = { 0, 1, 4, 8, 11, 13, 0, 1 };
	const uint32_t shape = get8(), head = get8() % QUEUE_SIZE;
	const uint32_t type = types[shape & 7], pieces = 1u << (shape >> 6 & 1);
	const uint64_t header = DATA + 32 * (get8() & 63);
	const uint32_t sector = get8() & ~(config.block_bytes / 512 - 1), where = get8();
	const uint32_t blocks = config.block_bytes == 512 ? where & 7 : where & 1;
	const uint32_t bytes = type == 11 || type == 13 ? 16 : blocks * config.block_bytes / pieces;
	const uint32_t write = type == 0 || type == 8 ? 2 : 0;
	uint32_t i = head;

	put(header, 8, type);
	put(header + 8, 8, sector);
	if (shape & 8) { /* a header in two */
		add_desc(q, i++, header, 5, 1);
		add_desc(q, i++, header + 5, 11, 1);
	} else {
		add_desc(q, i++, header, 16, 1);
	}
	for (uint32_t n = 0; n < pieces && bytes != 0 && type != 4; n++)
		add_desc(q, i++, where & 0x80 ? get_gpa() : HIGH + 16 * (where >> 3), bytes,
			 1 | write);
	add_desc(q, i, header + 17, 1, 2);
	make_available(q, head);
}

/* A table of descriptors, and the one that points to it. */
static void with_table(uint32_t q)
{
	const uint32_t shape = get8(), count = shape & 15, head = get8() % QUEUE_SIZE;
	const uint64_t table = get_gpa();

	for (uint32_t i = 0; i < count; i++) {
		const uint64_t gpa = get_gpa();
		const uint32_t bytes = get8(), flags = get8();

		put_desc(table, i, gpa, rest_of(bytes * (flags & 8 ? 16 : 1), flags, i + 1));
	}
	add_desc(q, head, table, 16 * count + (shape >> 4 == 15), 4 | (shape >> 4 == 14));
	make_available(q, head);
}

/* As long as can be, and a little longer: 59 to 74 descriptors, most of them half a sector's. */
static void long_table(uint32_t q)
{
	const uint32_t shape = get8(), count = 59 + (shape & 15), head = get8() % QUEUE_SIZE;
	const uint64_t table = LOW_BYTES - 16 * 80;
	const uint32_t write = shape & 16 ? 2 : 0;

	put(DATA, 8, write ? 0 : 1);
	put(DATA + 8, 8, 8);
	put_desc(table, 0, DATA, rest_of(16, 1, 1));
	for (uint32_t i = 1; i + 1 < count; i++)
		put_desc(table, i, HIGH + 16 * i, rest_of(256, 1 | write, i + 1));
	put_desc(table, count - 1, HIGH, rest_of(shape & 32 ? 513 : 1, 2, 0));
	add_desc(q, head, table, 16 * count, 4);
	make_available(q, head);
}

static void any_desc(uint32_t q)
{
	const uint32_t i = get8(), flags = get8();
	const uint64_t gpa = get_gpa();

	add_desc(q, i, gpa, flags & 0x80 ? (uint32_t)get64() : get8() * 16, flags);
	if (flags & 0x40)
		make_available(q, i);
}

static void any_write(void)
{
	uint64_t at = get_gpa();

	for (uint32_t n = get8() & 31; n > 0; n--)
		put(at++, 1, get8());
}

/* A word of a ring as it is, and a little more or less. */
static void nudge(uint32_t q)
{
	const uint32_t where = get8(), by = get8();
	const uint64_t at = RING(q) + 2 * where + (where & 0x80 ? 0x100 : 0);

	put(at, 2, peek(at, 2) + by - 128);
}

static void any_register(void)
{
	const uint32_t where = get8(), width = 1u << (where >> 6);
	uint64_t offset = where & 63;

	if (offset >= 0x38)
		offset = offset == 0x38   ? 0x800
			 : offset == 0x39 ? 0xc20
			 : offset == 0x3a ? get64()
					  : 0x1000 + 4 * (offset - 0x3b);
	if (get8() & 3)
		write_register(offset, width, get64());
	else
		(void)vblk_read(&d, offset, width);
}

/* One in four of these, so that a device lives for a while. */
static void hostile_step(uint32_t op, uint32_t q)
{
	switch (op & 7) {
	case 3:
		if (op & 0x40)
			long_table(q);
		else
			with_table(q);
		break;
	case 4:
		any_desc(q);
		break;
	case 5:
		any_write();
		break;
	case 6:
		nudge(q);
		break;
	default:
		any_register();
		break;
	}
}

static void step(void)
{
	const uint32_t op = get8(), q = op >> 7 & (config.queue_count - 1);

	if ((op & 15) < 8) {
		if ((op & 15) < 3 || (op & 0x30))
			whole_request(q);
		else
			hostile_step(op, q);
		return;
	}
	switch (op & 15) {
	case 8:
		if (op & 0x40)
			check_effect(vblk_reset(&d));
		else
			set_up(get8());
		break;
	case 9:
		if (op & 0x40)
			(void)vblk_want_kicks(&d, q);
		else
			vblk_refuse_kicks(&d, q);
		break;
	case 10:
	case 11:
		end(get8(), op >> 4);
		break;
	case 12:
		check_effect(vblk_show(&d, q));
		break;
	default:
		take(q, 1 + (op >> 4 & 7));
		break;
	}
}

/* All come back; then a reset is at once. */
static void finish(void)
{
	while (flight_count > 0)
		end(0, 0);
	for (uint32_t q = 0; q < config.queue_count; q++)
		check_effect(vblk_show(&d, q));
	check_effect(vblk_reset(&d));
	MUST(status() == 0 && vblk_taken_count(&d) == 0);
}

/* Every execution begins with a device that is set up: made once for each kind. */
static void begin_life(uint32_t shape, uint32_t features)
{
	static struct vblk ready[256][8];
	struct vblk *const r = &ready[shape][features];

	if (r->config.queue_count != 0) {
		d = *r;
		avail_index[0] = avail_index[1] = 0;
		avail_wrap[0] = avail_wrap[1] = true;
		return;
	}
	MUST(vblk_init(&d, &config, &memory) == OK);
	set_up(features);
	*r = d;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint32_t shape;

	input = data;
	left = size;
	shape = get8();
	is_packed = shape & 1;
	has_event_idx = shape & 2;
	config = (struct vblk_config){ .first_sector = 64,
				       .sector_count = 256,
				       .block_bytes = shape & 4 ? 4096 : 512,
				       .request_max_bytes = KIB(32),
				       .queue_count = shape & 8 ? 2 : 1,
				       .queue_size = QUEUE_SIZE,
				       .is_read_only = (shape & 0xc0) == 0xc0,
				       .has_discard = true,
				       .has_write_zeroes = true,
				       .is_writethrough = shape & 16,
				       .has_cache = shape & 32,
				       .client = 7,
				       .serial = "fuzz" };
	memset(low, 0, LOW_BYTES);
	memset(high, 0, HIGH_BYTES);
	flight_count = 0;
	free_count = FLIGHT_MAX;
	for (uint32_t i = 0; i < FLIGHT_MAX; i++)
		free_list[i] = i;
	begin_life(shape, get8() & 7);
	while (left > 0)
		step();
	finish();
	return 0;
}

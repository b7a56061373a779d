/* SPDX-License-Identifier: Apache-2.0 */
/* Virtqueues: when they can be enabled, and drivers that break the rules, one rule at a time. */
#include <string.h>
#include "io/virtqueue.h"
#include "tests/test.h"

#define LOW_BYTES  KIB(64)
#define HIGH       GIB(4)
#define HIGH_BYTES KIB(8)
#define SIZE       128u
#define DESC       0x1000u
#define AVAIL      0x2000u
#define USED       0x3000u
#define TABLE      0x4000u

#define NEXT       1u
#define WRITE      2u
#define INDIRECT   4u

static uint8_t low[LOW_BYTES] __attribute__((aligned(4096)));
static uint8_t high[HIGH_BYTES] __attribute__((aligned(4096)));
static const struct gmem memory = { 2, { { 0, LOW_BYTES, low }, { HIGH, HIGH_BYTES, high } } };
static struct virtqueue q;
static struct virtqueue_chain c;
static bool is_packed;

static const struct virtqueue_config usual = { .size = SIZE,
					       .has_event_idx = true,
					       .has_indirect = true,
					       .desc = DESC,
					       .driver = AVAIL,
					       .device = USED };

static void put(uint64_t gpa, uint32_t bytes, uint64_t value)
{
	memcpy(gmem_at(&memory, gpa, bytes), &value, bytes);
}

static void start_with(struct virtqueue_config config)
{
	config.is_packed = is_packed;
	memset(low, 0, sizeof(low));
	memset(high, 0, sizeof(high));
	CHECK(virtqueue_enable(&q, &memory, &config) == OK);
}

static void start(void)
{
	start_with(usual);
}

/* `next`: split only. In a packed ring `i` is the place, and all is available in the first lap. */
static void desc(uint64_t table, uint32_t i, uint64_t gpa, uint32_t bytes, uint32_t flags,
		 uint32_t next)
{
	put(table + 16 * i, 8, gpa);
	put(table + 16 * i + 8, 4, bytes);
	put(table + 16 * i + 12, 2, is_packed ? 0x1000 + i : flags);
	put(table + 16 * i + 14, 2, is_packed ? flags | 0x80 : next);
}

static void show(uint32_t count)
{
	put(AVAIL + 2, 2, count);
}

static enum err pop(void)
{
	return virtqueue_pop(&q, &c);
}

/* One chain from descriptor 0 on, or place 0: it is refused. */
static void refused(void)
{
	if (!is_packed)
		show(1);
	CHECK(pop() == ERR_INVAL);
}

static void both(void (*test)(void))
{
	is_packed = false;
	test();
	is_packed = true;
	test();
}

static void areas_lie_in_ram_and_are_aligned(void)
{
	static const struct {
		uint64_t desc, driver, device;
		uint16_t size;
		bool is_packed, is_right;
	} cases[] = {
		{ DESC, AVAIL, USED, 256, false, true },
		{ DESC, AVAIL, USED, 1, false, true },
		{ DESC, AVAIL, USED, 0, false, false },
		{ DESC, AVAIL, USED, 48, false, false },
		{ DESC, AVAIL, USED, 48, true, true },
		{ DESC, AVAIL, USED, 512, false, false },
		{ DESC, AVAIL, USED, 257, true, false },
		{ DESC + 8, AVAIL, USED, 16, false, false },
		{ DESC, AVAIL + 1, USED, 16, false, false },
		{ DESC, AVAIL + 2, USED, 16, false, true },
		{ DESC, AVAIL, USED + 2, 16, false, false },
		{ DESC, AVAIL, USED + 4, 16, false, true },
		{ DESC, AVAIL + 2, USED, 16, true, false },
		{ DESC, AVAIL, USED + 2, 16, true, false },
		/* The last byte of each area. */
		{ LOW_BYTES - 256, AVAIL, USED, 16, false, true },
		{ LOW_BYTES - 240, AVAIL, USED, 16, false, false },
		{ DESC, LOW_BYTES - 38, USED, 16, false, true },
		{ DESC, LOW_BYTES - 36, USED, 16, false, false },
		{ DESC, AVAIL, LOW_BYTES - 136, 16, false, true },
		{ DESC, AVAIL, LOW_BYTES - 132, 16, false, false },
		{ DESC, LOW_BYTES - 4, USED, 16, true, true },
		{ DESC, AVAIL, LOW_BYTES, 16, true, false },
		{ HIGH, HIGH + 256, HIGH + 512, 16, false, true },
		{ HIGH - 16, AVAIL, USED, 16, false, false },
		{ UINT64_MAX - 255, AVAIL, USED, 16, false, false },
		{ UINT64_MAX - 15, AVAIL, USED, 16, false, false },
		{ DESC, UINT64_MAX - 37, USED, 16, false, false },
	};

	for (uint32_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct virtqueue_config config = { .size = cases[i].size,
							 .is_packed = cases[i].is_packed,
							 .desc = cases[i].desc,
							 .driver = cases[i].driver,
							 .device = cases[i].device };
		const enum err e = virtqueue_enable(&q, &memory, &config);

		CHECK(e == (cases[i].is_right ? OK : ERR_INVAL));
		CHECK(virtqueue_is_enabled(&q) == cases[i].is_right);
	}
	virtqueue_disable(&q);
	CHECK(pop() == ERR_BUSY && !virtqueue_publish(&q) && !virtqueue_want_kicks(&q));
	virtqueue_refuse_kicks(&q);
}

static void memory_that_is_none(void)
{
	static const struct {
		uint64_t gpa;
		uint32_t bytes;
		bool is_ram;
	} cases[] = {
		{ 0, LOW_BYTES, true },
		{ 0, LOW_BYTES + 1, false },
		{ 1, LOW_BYTES, false },
		{ LOW_BYTES - 1, 1, true },
		{ LOW_BYTES, 1, false },
		{ HIGH - 1, 2, false },
		{ HIGH, HIGH_BYTES, true },
		{ HIGH + HIGH_BYTES - 1, 2, false },
		{ UINT64_MAX, 1, false },
		{ UINT64_MAX, 2, false },
		{ UINT64_MAX - 0xfff, 0x2000, false },
		{ 16, UINT32_MAX, false },
		{ HIGH - 0x1000, 0x2000, false },
	};

	for (uint32_t i = 0; i < ARRAY_SIZE(cases); i++) {
		start();
		desc(DESC, 0, cases[i].gpa, cases[i].bytes, i & 1 ? WRITE : 0, 0);
		if (!cases[i].is_ram) {
			refused();
			continue;
		}
		show(1);
		CHECK(pop() == OK && c.segment_count == 1 &&
		      c.segments[0].at == gmem_at(&memory, cases[i].gpa, 1) &&
		      c.segments[0].bytes == cases[i].bytes);
	}
}

/* `count` descriptors from 0 on, each of which leads to the next, all readable. */
static void line(uint64_t table, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		desc(table, i, 0x8000 + i, 1, i + 1 < count ? NEXT : 0, i + 1);
}

static void as_long_as_can_be_and_longer(void)
{
	start();
	line(DESC, VIRTQUEUE_SEGMENT_MAX);
	show(1);
	CHECK(pop() == OK && c.segment_count == VIRTQUEUE_SEGMENT_MAX && c.readable_bytes == 66);
	start();
	line(DESC, VIRTQUEUE_SEGMENT_MAX + 1);
	refused();
	start();
	desc(DESC, 0, TABLE, 16 * VIRTQUEUE_SEGMENT_MAX, INDIRECT, 0);
	line(TABLE, VIRTQUEUE_SEGMENT_MAX);
	show(1);
	CHECK(pop() == OK && c.segment_count == VIRTQUEUE_SEGMENT_MAX);
	start();
	desc(DESC, 0, TABLE, 16 * (VIRTQUEUE_SEGMENT_MAX + 1), INDIRECT, 0);
	line(TABLE, VIRTQUEUE_SEGMENT_MAX + 1);
	refused();
}

/* Pieces of no byte are no pieces, but steps: loops of them end, too. */
static void loops(void)
{
	start();
	for (uint32_t i = 0; i < SIZE; i++)
		desc(DESC, i, 0x8000, i & 1, NEXT, (i + 1) % SIZE);
	refused();
	start();
	desc(DESC, 0, 0x8000, 0, NEXT, 0);
	for (uint32_t i = 1; i < SIZE; i++)
		desc(DESC, i, 0, 0, NEXT, 0);
	refused();
	if (is_packed)
		return;
	start();
	desc(DESC, 0, TABLE, 32, INDIRECT, 0);
	desc(TABLE, 0, 0x8000, 4, NEXT, 1);
	desc(TABLE, 1, 0x8000, 0, NEXT, 0);
	refused();
}

static void directions(void)
{
	start();
	desc(DESC, 0, 0x8000, 4, WRITE | NEXT, 1);
	desc(DESC, 1, 0x8000, 4, 0, 0);
	refused();
	start();
	desc(DESC, 0, TABLE, 48, INDIRECT, 0);
	desc(TABLE, 0, 0x8000, 4, NEXT, 1);
	desc(TABLE, 1, 0x8000, 4, WRITE | NEXT, 2);
	desc(TABLE, 2, 0x8000, 4, 0, 0);
	refused();
	start();
	desc(DESC, 0, 0x8000, 4, NEXT, 1);
	desc(DESC, 1, 0x9000, 0, WRITE | NEXT, 2); /* no byte, no direction */
	desc(DESC, 2, 0xa000, 4, NEXT, 3);
	desc(DESC, 3, 0xb000, 5, WRITE, 0);
	show(1);
	CHECK(pop() == OK && c.readable_count == 2 && c.segment_count == 3);
	CHECK(c.readable_bytes == 8 && c.writable_bytes == 5 && c.segments[2].at == low + 0xb000);
}

static void tables(void)
{
	static const struct {
		uint64_t gpa;
		uint32_t bytes, flags;
	} wrong[] = {
		{ TABLE, 0, 0 },      { TABLE, 8, 0 },
		{ TABLE, 17, 0 },     { TABLE, 31, 0 },
		{ TABLE, 16, NEXT },  { LOW_BYTES - 16, 32, 0 },
		{ LOW_BYTES, 16, 0 }, { UINT64_MAX - 15, 16, 0 },
	};
	struct virtqueue_config without = usual;

	for (uint32_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		start();
		line(TABLE, 1);
		desc(DESC, 0, wrong[i].gpa, wrong[i].bytes, INDIRECT | wrong[i].flags, 1);
		desc(DESC, 1, 0x8000, 1, 0, 0);
		refused();
	}
	start();
	desc(DESC, 0, TABLE, 16, INDIRECT | WRITE, 0);
	line(TABLE, 1);
	show(1);
	CHECK(pop() == OK && c.readable_bytes == 1);
	start();
	desc(DESC, 0, TABLE + 3, 16, INDIRECT, 0); /* of any alignment */
	line(TABLE + 3, 1);
	show(1);
	CHECK(pop() == OK && c.readable_bytes == 1);
	without.has_indirect = false;
	start_with(without);
	desc(DESC, 0, TABLE, 16, INDIRECT, 0);
	line(TABLE, 1);
	refused();
}

static void a_table_within_a_table(void)
{
	start();
	desc(DESC, 0, TABLE, 16, INDIRECT, 0);
	desc(TABLE, 0, TABLE + 0x100, 16, INDIRECT, 0);
	line(TABLE + 0x100, 1);
	show(1);
	/* Packed: WRITE is "the only valid flag for descriptors in the indirect table". */
	CHECK(pop() == (is_packed ? OK : ERR_INVAL));
	start();
	desc(DESC, 0, 0x8000, 3, NEXT, 1);
	desc(DESC, 1, TABLE, 32, INDIRECT, 0);
	desc(TABLE, 0, 0x9000, 4, NEXT, 1);
	desc(TABLE, 1, 0xa000, 5, WRITE, 0);
	show(1);
	CHECK(pop() == (is_packed ? ERR_INVAL : OK));
	CHECK(is_packed || (c.segment_count == 3 && c.readable_bytes == 7));
}

static void indices_out_of_the_ring(void)
{
	struct virtqueue_config largest = usual;

	is_packed = false;
	largest.size = VIRTQUEUE_SIZE_MAX;
	start_with(largest);
	put(AVAIL + 4, 2, VIRTQUEUE_SIZE_MAX);
	refused();
	start();
	put(AVAIL + 4, 2, SIZE);
	refused();
	start();
	put(AVAIL + 4, 2, UINT16_MAX);
	refused();
	start();
	desc(DESC, 0, 0x8000, 1, NEXT, SIZE);
	refused();
	start();
	desc(DESC, 0, TABLE, 32, INDIRECT, 0);
	desc(TABLE, 0, 0x8000, 1, NEXT, 2);
	desc(TABLE, 2, 0x8000, 1, 0, 0);
	refused();
}

static void more_than_there_is_room_for(void)
{
	is_packed = false;
	start();
	show(SIZE + 1);
	CHECK(pop() == ERR_INVAL);
	start();
	show(UINT16_MAX); /* backwards */
	CHECK(pop() == ERR_INVAL);
	start();
	for (uint32_t i = 0; i < SIZE; i++) {
		desc(DESC, i, 0x8000, 1, 0, 0);
		put(AVAIL + 4 + 2 * i, 2, i);
	}
	show(SIZE);
	for (uint32_t i = 0; i < SIZE; i++)
		CHECK(pop() == OK && c.id == i);
	CHECK(pop() == ERR_BUSY);
	/* One that is in use, although there would be room for it in the ring. */
	virtqueue_push(&q, 5, 1, 0);
	put(AVAIL + 4, 2, 6);
	show(SIZE + 1);
	CHECK(pop() == ERR_INVAL);
	put(AVAIL + 4, 2, 5);
	CHECK(pop() == OK && c.id == 5);
	is_packed = true;
	start();
	line(DESC, 60);
	CHECK(pop() == OK && c.desc_count == 60 && c.id == 0x103b);
	line(DESC + 60 * 16, 60);
	CHECK(pop() == OK && c.desc_count == 60);
	line(DESC + 120 * 16, 8);
	put(DESC + 127 * 16 + 14, 2, NEXT | 0x80);
	for (uint32_t i = 0; i < 8; i++) /* in the second lap, and nothing was used */
		desc(DESC, i, 0x8000, 1, i < 7 ? NEXT : 0, 0);
	CHECK(pop() == ERR_INVAL);
}

static void flags_of_no_lap_are_nothing(void)
{
	is_packed = true;
	for (uint32_t flags = 0; flags < 4; flags++) {
		start();
		desc(DESC, 0, 0x8000, 1, 0, 0);
		put(DESC + 14, 2, (flags & 1 ? 0x80 : 0) | (flags & 2 ? 0x8000 : 0));
		CHECK(pop() == (flags == 1 ? OK : ERR_BUSY));
	}
}

/* "Used Buffer Notification Suppression" without EVENT_IDX: flags; the event's value means nothing. */
static void flags_suppress_where_events_do_not(void)
{
	struct virtqueue_config without = usual;
	const uint32_t flags_at = is_packed ? AVAIL + 2 : AVAIL;
	const uint32_t kicks_at = is_packed ? USED + 2 : USED;

	without.has_event_idx = false;
	for (uint32_t refused = 0; refused < 2; refused++) {
		start_with(without);
		desc(DESC, 0, 0x8000, 1, WRITE, 0);
		show(1);
		if (is_packed)
			put(AVAIL, 4, 0x7f);
		else
			put(AVAIL + 4 + 2 * SIZE, 2, 77);
		CHECK(pop() == OK);
		put(flags_at, 2, refused);
		virtqueue_push(&q, c.id, c.desc_count, 1);
		CHECK(virtqueue_publish(&q) == !refused);
		CHECK(!virtqueue_publish(&q));
		virtqueue_refuse_kicks(&q);
		CHECK(gmem_load16(low + kicks_at) == 1);
		CHECK(!virtqueue_want_kicks(&q) && gmem_load16(low + kicks_at) == 0);
	}
}

static void malformed_chains(void)
{
	both(memory_that_is_none);
	both(as_long_as_can_be_and_longer);
	both(loops);
	both(directions);
	both(tables);
	both(a_table_within_a_table);
}

static void suppression_by_flags(void)
{
	both(flags_suppress_where_events_do_not);
}

int main(void)
{
	RUN(areas_lie_in_ram_and_are_aligned);
	RUN(malformed_chains);
	RUN(indices_out_of_the_ring);
	RUN(more_than_there_is_room_for);
	RUN(flags_of_no_lap_are_nothing);
	RUN(suppression_by_flags);
	return test_failed;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Blows against the descriptors and the rings of queue 0. The device has just been started. */
#include <string.h>
#include "guests/blk/hostile.h"

#define NEXT     RING_DESC_NEXT
#define WRITE    RING_DESC_WRITE
#define INDIRECT RING_DESC_INDIRECT

static void set(struct hostile *h, uint32_t i, uint64_t address, uint32_t bytes, uint32_t flags,
		uint32_t next)
{
	hostile_set(h, (uint16_t)i,
		    (struct ring_desc){ address, bytes, (uint16_t)flags, (uint16_t)next });
}

static uint64_t scratch(const struct hostile *h)
{
	return (uintptr_t)h->scratch;
}

static uint16_t size(const struct hostile *h)
{
	return h->d->queues[0].ring.size;
}

static uint32_t offer(struct hostile *h, uint16_t head)
{
	hostile_offer(h, head);
	return 1;
}

/* Changes a good chain at one place, and offers it. */
static struct ring_desc *good(struct hostile *h, uint32_t i)
{
	hostile_good_chain(h, 0);
	return &h->d->queues[0].ring.desc[i];
}

static uint32_t loop_of_one(struct hostile *h)
{
	set(h, 0, scratch(h), 16, NEXT, 0);
	return offer(h, 0);
}

static uint32_t loop_of_two(struct hostile *h)
{
	set(h, 0, scratch(h), 16, NEXT, 1);
	set(h, 1, scratch(h), 512, NEXT | WRITE, 0);
	return offer(h, 0);
}

static uint32_t loop_at_the_end(struct hostile *h)
{
	struct ring_desc *last = good(h, 2);

	last->flags = WRITE | NEXT;
	last->next = 1;
	return offer(h, 0);
}

static uint32_t whole_ring(struct hostile *h)
{
	for (uint32_t i = 0; i < size(h); i++)
		set(h, i, scratch(h), i ? 512 : 16, (i + 1u < size(h) ? NEXT : 0) | (i ? WRITE : 0),
		    i + 1);
	return offer(h, 0);
}

static uint32_t out_of_ram(struct hostile *h)
{
	const uint32_t i = (uint32_t)(hostile_random(h) % 3);

	good(h, i)->address = h->ram_end + (hostile_random(h) << (hostile_random(h) % 40));
	return offer(h, 0);
}

static uint32_t over_the_end_of_ram(struct hostile *h)
{
	good(h, 1)->address = h->ram_end - 1;
	return offer(h, 0);
}

static uint32_t wraps_around(struct hostile *h)
{
	good(h, 1)->address = UINT64_MAX - hostile_random(h) % 4096;
	return offer(h, 0);
}

static uint32_t huge(struct hostile *h)
{
	good(h, 1)->bytes = UINT32_MAX - (uint32_t)(hostile_random(h) % 1024);
	return offer(h, 0);
}

static uint32_t header_is_written(struct hostile *h)
{
	good(h, 0)->flags = NEXT | WRITE;
	return offer(h, 0);
}

static uint32_t status_is_read(struct hostile *h)
{
	good(h, 2)->flags = 0;
	return offer(h, 0);
}

static uint32_t status_of_no_bytes(struct hostile *h)
{
	good(h, 2)->bytes = 0;
	return offer(h, 0);
}

static uint32_t header_too_short(struct hostile *h)
{
	good(h, 0)->bytes = (uint32_t)(hostile_random(h) % 16);
	return offer(h, 0);
}

static uint32_t written_before_read(struct hostile *h)
{
	good(h, 0);
	set(h, 1, scratch(h) + 512, 512, NEXT | WRITE, 2);
	set(h, 2, scratch(h) + 1024, 512, NEXT, 3);
	set(h, 3, scratch(h), 1, WRITE, 0);
	return offer(h, 0);
}

static uint32_t one_descriptor(struct hostile *h)
{
	set(h, 0, scratch(h), 16, hostile_random(h) & 1 ? WRITE : 0, 0);
	return offer(h, 0);
}

static uint32_t next_outside(struct hostile *h)
{
	good(h, 0)->next = (uint16_t)(size(h) + hostile_random(h) % 0x8000);
	return offer(h, 0);
}

static uint32_t head_outside(struct hostile *h)
{
	good(h, 0);
	return offer(h, (uint16_t)(size(h) + hostile_random(h) % 0x8000));
}

static uint32_t index_jumps(struct hostile *h)
{
	struct ring *r = &h->d->queues[0].ring;

	good(h, 0);
	r->added = (uint16_t)(r->added + r->size + hostile_random(h) % 0x4000);
	return offer(h, 0);
}

static uint32_t index_goes_back(struct hostile *h)
{
	struct ring *r = &h->d->queues[0].ring;

	good(h, 0);
	r->added = (uint16_t)(r->added - 2 - hostile_random(h) % 100);
	return offer(h, 0);
}

static uint32_t same_head_often(struct hostile *h)
{
	struct ring *r = &h->d->queues[0].ring;

	good(h, 0);
	for (uint32_t i = 0; i + 1 < HOSTILE_CHAINS; i++)
		r->avail[2u + r->added++ % r->size] = 0;
	offer(h, 0);
	return HOSTILE_CHAINS;
}

/* --- tables beside the ring -------------------------------------------------------------- */

static struct ring_desc *table(struct hostile *h, uint32_t bytes, uint32_t flags)
{
	struct ring_desc *t = (struct ring_desc *)(h->scratch + SCRATCH_BYTES / 2);

	hostile_good_chain(h, 0);
	memcpy(t, h->d->queues[0].ring.desc, 3 * sizeof(*t));
	set(h, 0, (uintptr_t)t, bytes, flags, 1);
	return t;
}

static uint32_t table_in_a_table(struct hostile *h)
{
	struct ring_desc *t = table(h, 48, INDIRECT);

	t[1] = (struct ring_desc){ (uintptr_t)t, 48, INDIRECT, 0 };
	return offer(h, 0);
}

static uint32_t table_of_no_length(struct hostile *h)
{
	static const uint32_t lengths[] = { 0, 1, 15, 17, 47, 49, UINT32_MAX, 0x80000000u };

	table(h, lengths[hostile_random(h) % (sizeof(lengths) / sizeof(lengths[0]))], INDIRECT);
	return offer(h, 0);
}

static uint32_t table_goes_on(struct hostile *h)
{
	table(h, 48, INDIRECT | NEXT);
	return offer(h, 0);
}

static uint32_t table_is_written(struct hostile *h)
{
	table(h, 48, INDIRECT | WRITE);
	return offer(h, 0);
}

static uint32_t table_elsewhere(struct hostile *h)
{
	set(h, 0, h->ram_end | hostile_random(h) << 12, 48, INDIRECT, 0);
	return offer(h, 0);
}

static uint32_t table_loops(struct hostile *h)
{
	table(h, 48, INDIRECT)[1].next = 0;
	return offer(h, 0);
}

static uint32_t table_leads_outside(struct hostile *h)
{
	table(h, 48, INDIRECT)[1].next = (uint16_t)(3 + hostile_random(h) % 1000);
	return offer(h, 0);
}

static uint32_t long_table(struct hostile *h)
{
	struct ring_desc *t = table(h, SCRATCH_BYTES / 2, INDIRECT);
	const uint32_t count = SCRATCH_BYTES / 2 / sizeof(*t);

	for (uint32_t i = 1; i < count; i++)
		t[i] = (struct ring_desc){ scratch(h), 1, (uint16_t)(NEXT | WRITE),
					   (uint16_t)((i + 1) % count) };
	return offer(h, 0);
}

/* --- anything ---------------------------------------------------------------------------- */

static uint32_t anything(struct hostile *h)
{
	struct ring *r = &h->d->queues[0].ring;

	for (uint16_t i = 0; i < 64; i++)
		hostile_set(h, i,
			    (struct ring_desc){ hostile_address(h), hostile_length(h),
						(uint16_t)(hostile_random(h) & 7),
						(uint16_t)(hostile_random(h) % 80) });
	for (uint32_t i = 0; i + 1 < HOSTILE_CHAINS; i++)
		r->avail[2u + r->added++ % r->size] = (uint16_t)(hostile_random(h) % 80);
	offer(h, (uint16_t)(hostile_random(h) % 80));
	return HOSTILE_CHAINS;
}

/* Without a second CPU: good requests. */
static uint32_t changed_while_read(struct hostile *h)
{
	struct ring *r = &h->d->queues[0].ring;

	for (uint32_t i = 0; i < HOSTILE_CHAINS; i++) {
		hostile_good_chain(h, (uint16_t)(3 * i));
		r->avail[2u + i] = (uint16_t)(3 * i);
	}
	r->added = HOSTILE_CHAINS - 1;
	hostile_tamper(true);
	offer(h, 3 * (HOSTILE_CHAINS - 1));
	return HOSTILE_CHAINS;
}

static uint32_t reset_in_flight(struct hostile *h)
{
	changed_while_read(h);
	hostile_tamper(false);
	device_write(h->d, COMMON_STATUS, 1, 0);
	return HOSTILE_CHAINS;
}

const struct blow ring_blows[] = {
	{ "loop-of-one", loop_of_one },
	{ "loop-of-two", loop_of_two },
	{ "loop-at-the-end", loop_at_the_end },
	{ "whole-ring", whole_ring },
	{ "out-of-ram", out_of_ram },
	{ "over-the-end-of-ram", over_the_end_of_ram },
	{ "wraps-around", wraps_around },
	{ "huge", huge },
	{ "header-is-written", header_is_written },
	{ "status-is-read", status_is_read },
	{ "status-of-no-bytes", status_of_no_bytes },
	{ "header-too-short", header_too_short },
	{ "written-before-read", written_before_read },
	{ "one-descriptor", one_descriptor },
	{ "next-outside", next_outside },
	{ "head-outside", head_outside },
	{ "index-jumps", index_jumps },
	{ "index-goes-back", index_goes_back },
	{ "same-head-often", same_head_often },
	{ "table-in-a-table", table_in_a_table },
	{ "table-of-no-length", table_of_no_length },
	{ "table-goes-on", table_goes_on },
	{ "table-is-written", table_is_written },
	{ "table-elsewhere", table_elsewhere },
	{ "table-loops", table_loops },
	{ "table-leads-outside", table_leads_outside },
	{ "long-table", long_table },
	{ "anything", anything },
	{ "changed-while-read", changed_while_read },
	{ "reset-in-flight", reset_in_flight },
};
const uint32_t ring_blow_count = sizeof(ring_blows) / sizeof(ring_blows[0]);

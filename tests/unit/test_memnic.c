/* SPDX-License-Identifier: Apache-2.0 */
/* The controller in memory: frames, the link, the switch, hostile rings. tests/unit/memnic_rig.h */
#include "tests/unit/memnic_rig.h"

static const struct memnic_counts *counts(uint32_t port)
{
	return &rig.m.vfs[port].counts;
}

/* ---- Coming up ---- */

static void the_driver_of_our_guests_comes_up(void)
{
	const uint8_t mac[6] = { 2, 0, 0, 0, 0, 2 }, other[6] = { 2, 0, 0, 0, 0, 9 };

	rig_begin(RIG_LINK);
	rig_add(1, 0, 0);
	CHECK(!memnic_has_link(&rig.m.vfs[1]));
	rig_open(1);
	CHECK(memnic_has_link(&rig.m.vfs[1]));
	CHECK(memcmp(rig.ports[1].driver.mac, mac, sizeof(mac)) == 0);
	CHECK(igbvf_set_mac(&rig.ports[1].driver, mac) == IGBVF_OK);
	CHECK(igbvf_set_mac(&rig.ports[1].driver, other) == IGBVF_REFUSED);
	CHECK(!igbvf_pf_was_reset(&rig.ports[1].driver));
	CHECK(rig.ports[1].messages[0] == 0);
}

static void other_messages_are_refused(void)
{
	rig_with(1, RIG_LINK);
	for (uint32_t what = 0; what < 32; what++) {
		*rig_reg(0, REG_VMBMEM) = what;
		*rig_reg(0, REG_VMBMEM + 4) = 0;
		*rig_reg(0, REG_MAILBOX) = MAILBOX_REQ;
		rig_pass(US(20));
		CHECK(*rig_reg(0, REG_MAILBOX) == (MAILBOX_PFSTS | MAILBOX_PFACK));
		CHECK((*rig_reg(0, REG_VMBMEM) & MESSAGE_WHAT) == what);
		CHECK(!!(*rig_reg(0, REG_VMBMEM) & MESSAGE_NACK) == (what != MESSAGE_RESET));
		*rig_reg(0, REG_MAILBOX) = MAILBOX_ACK;
		rig_pass(US(20));
		CHECK(*rig_reg(0, REG_MAILBOX) == 0);
	}
}

/* ---- Frames ---- */

static void frames_arrive_once_in_order_and_unchanged(void)
{
	const uint32_t count = 3 * IGBVF_RING + 17;
	uint32_t sent = 0, got = 0;

	rig_with(2, RIG_LINK);
	while (got < count) {
		for (uint32_t i = 0; i < 9 && sent < count; i++)
			sent += rig_send(0, 1, 61 + sent % 1453, sent);
		rig_pass(US(30));
		for (uint32_t i = got; i < sent && rig_got(1, 0, 61 + got % 1453, got); i++)
			got++;
	}
	CHECK(got == count && rig_drop_all(1) == 0 && rig_drop_all(0) == 0);
	CHECK(counts(0)->tx_packets == count && counts(1)->rx_packets == count);
	CHECK(counts(0)->tx_bytes == counts(1)->rx_bytes && counts(1)->no_room == 0);
	CHECK(rig_is_untouched(0) && rig_is_untouched(1));
}

static void short_frames_are_filled_up(void)
{
	rig_with(2, RIG_LINK);
	memset(rig.ports[1].memory.rx_buffer, 0x77, sizeof(rig.ports[1].memory.rx_buffer));
	CHECK(rig_send(0, 1, 14, 1) && rig_send(0, 1, 59, 2) && rig_send(0, 1, 1514, 3));
	rig_pass(US(50));
	CHECK(rig_got(1, 0, 14, 1) && rig_got(1, 0, 59, 2) && rig_got(1, 0, 1514, 3));
	CHECK(counts(1)->rx_bytes == 60 + 60 + 1514);
}

/* ---- The switch ---- */

static void a_frame_goes_where_its_address_says(void)
{
	rig_with(4, RIG_LINK);
	CHECK(rig_send(0, 2, 100, 1) && rig_send(0, 9, 100, 2) && rig_send(0, 0, 100, 3));
	rig_pass(US(20));
	CHECK(rig_got(2, 0, 100, 1));
	CHECK(rig_send(3, RIG_ALL, 200, 4));
	rig_pass(US(20));
	for (uint32_t i = 0; i < 3; i++)
		CHECK(rig_got(i, 3, 200, 4));
	for (uint32_t i = 0; i < 4; i++)
		CHECK(rig_drop_all(i) == 0);
	CHECK(counts(0)->tx_packets == 3 && rig.m.frame_count == 4);
}

static void vlans_do_not_meet(void)
{
	rig_begin(RIG_LINK);
	for (uint32_t i = 0; i < 4; i++)
		rig_add(i, i < 2 ? 5 : 6, 0);
	for (uint32_t i = 0; i < 4; i++)
		rig_open(i);
	CHECK(rig_send(0, 2, 100, 1) && rig_send(0, 1, 100, 2) && rig_send(3, RIG_ALL, 100, 3));
	rig_pass(US(20));
	CHECK(rig_got(1, 0, 100, 2) && rig_got(2, 3, 100, 3));
	for (uint32_t i = 0; i < 4; i++)
		CHECK(rig_drop_all(i) == 0);
}

static void nobody_sends_in_anothers_name(void)
{
	rig_with(3, RIG_LINK);
	CHECK(rig_send_from(0, 1, 2, 100, 1) && rig_send(0, 2, 100, 2));
	rig_pass(US(20));
	CHECK(rig_got(2, 0, 100, 2) && rig_drop_all(2) == 0);
	CHECK(counts(0)->refused == 1 && counts(0)->tx_packets == 1);
}

/* ---- The link ---- */

/*
 * All that one port can send in this time or a bit more, at looks so far apart: not a frame more than the link
 * carries, and but the one that is under way less.
 */
static void saturate(uint64_t link, uint32_t bytes, uint64_t step_ns, uint64_t ns)
{
	uint64_t begin_ns, fits;

	rig_with(2, link);
	rig.step_ns = step_ns;
	begin_ns = rig.now_ns;
	while (rig.now_ns < begin_ns + ns) {
		while (rig_send(0, 1, bytes, 0))
			;
		rig_poll();
		rig_drop_all(1);
	}
	fits = mul_div(link, rig.now_ns - begin_ns, SEC(1)) / (bytes + RIG_WIRE);
	CHECK(rig.m.frame_count <= fits && rig.m.frame_count + 1 >= fits);
}

static void the_link_has_its_rate_however_often_it_is_looked_at(void)
{
	saturate(RIG_LINK, 1514, 300, MS(200));
	saturate(RIG_LINK, 1514, 5000, MS(200));
	saturate(RIG_LINK, 1514, 90000, MS(200));
	saturate(RIG_LINK, 60, 2000, MS(200));
	saturate(7654321, 1000, 700, MS(200));
	saturate(UINT64_C(1250000000), 700, 800, MS(200));
}

static void over_a_second_not_a_frame_is_missing(void)
{
	saturate(RIG_LINK, 1514, 2000, SEC(1));
}

static void an_idle_link_saves_nothing_up(void)
{
	uint64_t begin_ns;

	rig_with(2, RIG_LINK);
	rig_pass(MS(50));
	begin_ns = rig.now_ns;
	for (uint32_t i = 0; i < 100; i++)
		CHECK(rig_send(0, 1, 1226, i));
	while (counts(1)->rx_packets < 100)
		rig_poll();
	/* 10 us each */
	CHECK(rig.now_ns - begin_ns >= US(1000) - RIG_POLL_NS &&
	      rig.now_ns - begin_ns <= US(1000) + 2 * RIG_POLL_NS);
}

static void share(uint32_t senders, uint64_t ns)
{
	const uint64_t until_ns = rig.now_ns + ns;

	while (rig.now_ns < until_ns) {
		for (uint32_t i = 0; i < senders; i++)
			while (rig_send(i, 3, 500, i))
				;
		rig_poll();
		rig_drop_all(3);
	}
}

static void ports_take_turns_frame_by_frame(void)
{
	rig_with(4, RIG_LINK);
	share(3, MS(10));
	for (uint32_t i = 0; i < 3; i++)
		CHECK(counts(i)->tx_packets + 1 >= rig.m.frame_count / 3 &&
		      counts(i)->tx_packets <= rig.m.frame_count / 3 + 1);
}

static void higher_priorities_go_first(void)
{
	rig_begin(RIG_LINK);
	for (uint32_t i = 0; i < 4; i++)
		rig_add(i, 0, i == 1 ? 7 : i == 3 ? 9 : 2);
	for (uint32_t i = 0; i < 4; i++)
		rig_open(i);
	share(3, MS(10));
	CHECK(counts(1)->tx_packets == rig.m.frame_count && rig.m.frame_count > 2000);
	memnic_set_gate(&rig.m, 1, true, false);
	share(3, MS(10));
	CHECK(counts(0)->tx_packets > 1000 && counts(0)->tx_packets <= counts(2)->tx_packets + 1 &&
	      counts(2)->tx_packets <= counts(0)->tx_packets + 1);
}

/* ---- Receivers ---- */

static void without_a_descriptor_a_frame_is_dropped(void)
{
	uint32_t n = 0;

	rig_with(2, RIG_LINK);
	for (uint32_t i = 0; i < 2 * IGBVF_RING; i++) {
		CHECK(rig_send(0, 1, 100, i));
		rig_pass(US(2));
	}
	CHECK(counts(1)->rx_packets == IGBVF_RING - 1 && counts(1)->no_room == IGBVF_RING + 1);
	for (; n < IGBVF_RING - 1 && rig_got(1, 0, 100, n); n++)
		;
	CHECK(n == IGBVF_RING - 1);
	CHECK(rig_send(0, 1, 100, 77));
	rig_pass(US(5));
	CHECK(rig_got(1, 0, 100, 77) && rig_drop_all(1) == 0);
}

static void what_its_buffer_does_not_hold_is_dropped(void)
{
	rig_with(2, RIG_LINK);
	rig_open(1);
	*rig_reg(1, REG_RX + QUEUE_SRRCTL) = 1; /* KiB: when it is opened next */
	*rig_reg(1, REG_RX + QUEUE_DCTL) = 0;
	rig_pass(US(20));
	*rig_reg(1, REG_RX + QUEUE_DCTL) = DCTL_ENABLE;
	rig_pass(US(20));
	CHECK(rig_send(0, 1, 1025, 1) && rig_send(0, 1, 1024, 2));
	rig_pass(US(40));
	CHECK(counts(1)->no_room == 1 && counts(1)->rx_packets == 1 && rig_got(1, 0, 1024, 2));
}

static void a_closed_gate_costs_its_port_nothing(void)
{
	rig_with(2, RIG_LINK);
	memnic_set_gate(&rig.m, 1, false, true);
	CHECK(rig_send(0, 1, 100, 1));
	rig_pass(US(20));
	CHECK(counts(1)->shaped == 1 && counts(1)->no_room == 0 && rig.m.vfs[1].rx.head == 0);
	CHECK(rig.ports[1].messages[0] == 0 && rig_drop_all(1) == 0);
	memnic_set_gate(&rig.m, 1, true, false);
	CHECK(rig_send(0, 1, 100, 2) && rig_send(1, 0, 100, 3));
	rig_pass(US(20));
	CHECK(rig_got(1, 0, 100, 2) && rig_drop_all(0) == 0 && counts(1)->tx_packets == 0);
	memnic_set_gate(&rig.m, 1, true, true);
	rig_pass(US(20));
	CHECK(rig_got(0, 1, 100, 3)); /* it has waited */
}

/* ---- Shaping: io/shaper.h ---- */

static struct shaper shapers[2];

static void shape(uint64_t link, const struct shaper_claim *rx, const struct shaper_claim *tx)
{
	for (uint32_t i = 0; i < 2; i++)
		shaper_init(&shapers[i], link, MS(5), rig.now_ns);
	for (uint32_t i = 0; i < 3; i++) {
		const struct memnic_shaping s = { &shapers[0], &shapers[1],
						  shaper_add(&shapers[0], &rx[i]),
						  shaper_add(&shapers[1], &tx[i]) };

		memnic_shape(&rig.m, i, &s);
	}
}

#define ONLY(n) \
	{ \
		.usual = (n), .min = (n), .max = (n) \
	}

static bool is_within(uint64_t value, uint64_t wanted, uint64_t permille)
{
	return value * 1000 >= wanted * (1000 - permille) &&
	       value * 1000 <= wanted * (1000 + permille);
}

/* Port 0 sends to 1 and 2 in turn, as much as it can, for a second. */
static void flood(uint32_t bytes)
{
	const uint64_t until_ns = rig.now_ns + SEC(1);

	rig.step_ns = 4000;
	for (uint32_t n = 0; rig.now_ns < until_ns;) {
		while (rig_send(0, 1 + n % 2, bytes, n))
			n++;
		rig_poll();
		rig_drop_all(1);
		rig_drop_all(2);
	}
}

static void a_receivers_rate_is_kept(void)
{
	const struct shaper_claim free = { 0 };
	const struct shaper_claim rx[3] = { free, { .packets = ONLY(9500) }, free };
	const struct shaper_claim tx[3] = { free, free, free };

	rig_with(3, RIG_LINK);
	shape(RIG_LINK, rx, tx);
	flood(1000);
	CHECK(is_within(counts(1)->rx_packets, 9500, 10));
	CHECK(counts(1)->shaped > 40000 && counts(1)->no_room == 0);
	CHECK(counts(2)->shaped == 0 && counts(2)->rx_packets > 60000);
}

static void a_senders_rate_is_kept_and_nothing_is_lost(void)
{
	const struct shaper_claim free = { 0 };
	const struct shaper_claim rx[3] = { free, free, free };
	const struct shaper_claim tx[3] = { { .bytes = ONLY(30000000) }, free, free };

	rig_with(3, RIG_LINK);
	shape(RIG_LINK, rx, tx);
	flood(1500);
	CHECK(is_within(counts(0)->tx_bytes, 30000000, 10));
	CHECK(counts(1)->rx_packets + counts(2)->rx_packets == counts(0)->tx_packets);
	CHECK(counts(1)->shaped + counts(2)->shaped == 0);
}

/* ---- Hostile rings: docs/devices.md ---- */

static void open_tx(uint64_t base, uint32_t bytes, uint32_t head, uint32_t tail)
{
	*rig_reg(0, REG_TX + QUEUE_DCTL) = 0;
	rig_pass(US(20));
	*rig_reg(0, REG_TX + QUEUE_BAL) = (uint32_t)base;
	*rig_reg(0, REG_TX + QUEUE_BAH) = (uint32_t)(base >> 32);
	*rig_reg(0, REG_TX + QUEUE_LEN) = bytes;
	*rig_reg(0, REG_TX + QUEUE_HEAD) = head;
	*rig_reg(0, REG_TX + QUEUE_TAIL) = tail;
	*rig_reg(0, REG_TX + QUEUE_DCTL) = DCTL_ENABLE;
	rig_pass(US(20));
}

static void rings_that_lead_nowhere_stay_off(void)
{
	const uint64_t ring = (uint64_t)(uintptr_t)rig.ports[0].memory.tx;
	const uint64_t end = (uint64_t)(uintptr_t)(&rig.ports[0].memory + 1);
	static const uint32_t lengths[] = { 0, 16, 127, 129, 4096 + 64, 1 << 20, UINT32_MAX };

	rig_with(2, RIG_LINK);
	for (uint32_t i = 0; i < ARRAY_SIZE(lengths); i++) {
		open_tx(ring, lengths[i], 0, 1);
		CHECK(!rig.m.vfs[0].tx.at);
	}
	open_tx(ring, 4096, 256, 1);
	CHECK(!rig.m.vfs[0].tx.at);
	open_tx(end - 2048, 4096, 0, 1);
	CHECK(!rig.m.vfs[0].tx.at);
	open_tx(0, 4096, 0, 1);
	CHECK(!rig.m.vfs[0].tx.at);
	open_tx(UINT64_MAX - 127, 4096, 0, 1);
	CHECK(!rig.m.vfs[0].tx.at);
	CHECK(rig.m.frame_count == 0);
	open_tx(end - 4096, 4096, 3, 3);
	CHECK(rig.m.vfs[0].tx.at && rig.m.vfs[0].tx.head == 3);
}

static void tails_beyond_the_ring_are_none(void)
{
	static const uint32_t tails[] = { IGBVF_RING, IGBVF_RING + 1, 65535, UINT32_MAX };

	rig_with(2, RIG_LINK);
	for (uint32_t i = 0; i < ARRAY_SIZE(tails); i++) {
		*rig_reg(0, REG_TX + QUEUE_TAIL) = tails[i];
		*rig_reg(1, REG_RX + QUEUE_TAIL) = tails[i];
		rig_pass(US(50));
		CHECK(rig.m.frame_count == 0 && counts(0)->refused == 0);
	}
	*rig_reg(0, REG_TX + QUEUE_TAIL) = 0;
	rig.m.vfs[1].rx.head = rig.m.vfs[1].rx.tail;
	CHECK(rig_send(0, 1, 100, 1));
	rig_pass(US(20));
	CHECK(counts(1)->no_room == 1);
}

static void descriptors_that_are_none_are_given_back(void)
{
	const uint64_t good = TX_ADVANCED | TX_DATA | TX_LAST | TX_REPORT;
	const uint64_t buffer = (uint64_t)(uintptr_t)rig.ports[0].memory.tx_buffer;
	const uint64_t end = (uint64_t)(uintptr_t)(&rig.ports[0].memory + 1);
	const struct {
		uint64_t lo, hi;
	} bad[] = { { buffer, good | 12 },
		    { buffer, good },
		    { buffer, good | 1515 },
		    { buffer, good | 65535 },
		    { end - 99, good | 100 },
		    { 0, good | 100 },
		    { UINT64_MAX - 50, good | 100 },
		    { buffer, (good & ~TX_LAST) | 100 },
		    { buffer, (good & ~TX_ADVANCED) | 100 },
		    { buffer, (good ^ (UINT64_C(1) << 20)) | 100 } };

	rig_with(2, RIG_LINK);
	for (uint32_t i = 0; i < ARRAY_SIZE(bad); i++) {
		rig.ports[0].memory.tx[i].lo = bad[i].lo;
		rig.ports[0].memory.tx[i].hi = bad[i].hi;
	}
	*rig_reg(0, REG_TX + QUEUE_TAIL) = ARRAY_SIZE(bad);
	rig_pass(US(50));
	CHECK(counts(0)->refused == ARRAY_SIZE(bad) && rig.m.frame_count == 0);
	CHECK(*rig_reg(0, REG_TX + QUEUE_HEAD) == ARRAY_SIZE(bad));
	for (uint32_t i = 0; i < ARRAY_SIZE(bad); i++)
		CHECK(rig.ports[0].memory.tx[i].hi >> 32 & 1);
	CHECK(rig.now_ns > 0 && rig.m.end_ns <= rig.now_ns); /* they have cost the link nothing */
}

static void buffers_that_are_none_are_the_receivers_loss(void)
{
	rig_with(2, RIG_LINK);
	rig.ports[1].memory.rx[0].lo = 0;
	rig.ports[1].memory.rx[1].lo = (uint64_t)(uintptr_t)(&rig.ports[1].memory + 1) - 99;
	rig.ports[1].memory.rx[2].lo = UINT64_MAX - 9;
	for (uint32_t i = 0; i < 4; i++)
		CHECK(rig_send(0, 1, 100, i));
	rig_pass(US(40));
	CHECK(counts(1)->no_room == 3 && counts(1)->rx_packets == 1);
	CHECK(rig.ports[1].memory.rx[3].hi & 1 && !(rig.ports[1].memory.rx[2].hi & 1));
	CHECK(rig_is_untouched(1));
}

/* A sender that changes its frame after it was looked at changes what is in it, not where it goes. */
static void the_header_that_was_checked_is_the_one_that_arrives(void)
{
	uint8_t *frame;
	uint32_t bytes;
	const uint8_t *got;

	rig_with(3, RIG_LINK);
	CHECK(rig_send(0, 1, 1000, 1));
	frame = rig.ports[0].memory.tx_buffer[0];
	rig_poll(); /* it is on the link, for 8 us */
	frame[5] = 3;
	frame[11] = 3;
	frame[500] ^= 0xff;
	rig_pass(US(20));
	got = igbvf_receive(&rig.ports[1].driver, &bytes);
	CHECK(got && got[5] == 2 && got[11] == 1 && got[500] == frame[500]);
	CHECK(rig_drop_all(2) == 0);
}

static void one_poll_moves_a_bounded_number_of_frames(void)
{
	rig_with(2, UINT64_C(12500000000));
	for (uint32_t i = 0; i < 100; i++)
		CHECK(rig_send(0, 1, 60, i));
	rig.now_ns += SEC(1);
	for (uint32_t left = memnic_poll(&rig.m, rig.now_ns); left; left &= left - 1)
		(void)memnic_take_vectors(&rig.m, (uint32_t)__builtin_ctz(left));
	CHECK(rig.m.frame_count <= MEMNIC_POLL_FRAMES);
	rig.ports[0].memory.tx[50].lo = 0;
	rig_pass(US(100));
	CHECK(counts(0)->tx_packets == 99 && counts(0)->refused == 1);
}

int main(void)
{
	RUN(the_driver_of_our_guests_comes_up);
	RUN(other_messages_are_refused);
	RUN(frames_arrive_once_in_order_and_unchanged);
	RUN(short_frames_are_filled_up);
	RUN(a_frame_goes_where_its_address_says);
	RUN(vlans_do_not_meet);
	RUN(nobody_sends_in_anothers_name);
	RUN(the_link_has_its_rate_however_often_it_is_looked_at);
	RUN(over_a_second_not_a_frame_is_missing);
	RUN(an_idle_link_saves_nothing_up);
	RUN(ports_take_turns_frame_by_frame);
	RUN(higher_priorities_go_first);
	RUN(without_a_descriptor_a_frame_is_dropped);
	RUN(what_its_buffer_does_not_hold_is_dropped);
	RUN(a_closed_gate_costs_its_port_nothing);
	RUN(a_receivers_rate_is_kept);
	RUN(a_senders_rate_is_kept_and_nothing_is_lost);
	RUN(rings_that_lead_nowhere_stay_off);
	RUN(tails_beyond_the_ring_are_none);
	RUN(descriptors_that_are_none_are_given_back);
	RUN(buffers_that_are_none_are_the_receivers_loss);
	RUN(the_header_that_was_checked_is_the_one_that_arrives);
	RUN(one_poll_moves_a_bounded_number_of_frames);
	return test_failed;
}

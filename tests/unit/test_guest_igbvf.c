/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/unit/test_guest_igbvf.c - the guests' VF driver against the model of an 82576, with our PF
 * driver at its other end.
 */
#include <string.h>
#include "guests/net/igbvf.h"
#include "tests/model/igb_rig.h"
#include "tests/model/igbvf_model.h"
#include "tests/test.h"

#define PATIENCE MS(100)

static struct rig rig;
static struct igbvf_model model;
static struct igbvf_memory memory[8];
static struct igbvf vf[8];
static bool pf_sleeps;
static uint32_t slow_pf; /* steps that a PF has made which reads first and answers later; 0: ours */

struct end {
	uint32_t vf;
};
static struct end ends[8];

static uint32_t io_read(void *context, uint32_t reg)
{
	return igbvf_model_read(&model, ((struct end *)context)->vf, reg);
}

static void io_write(void *context, uint32_t reg, uint32_t value)
{
	igbvf_model_write(&model, ((struct end *)context)->vf, reg, value);
}

/* VF 0's message is acknowledged at one time, and answered at another. */
static void step_slow_pf(void)
{
	const uint32_t answer[3] = { VF_RESET | ACK, 0x44332202, 0x6655 };

	slow_pf++;
	if (slow_pf == 4)
		rig.m.vfmailbox[0] |= 0x20; /* PFACK */
	if (slow_pf != 8)
		return;
	for (uint32_t i = 0; i < 3; i++)
		*igb_model_reg(&rig.m, 0x800 + 4 * i) = answer[i];
	rig.m.vfmailbox[0] |= 0x10; /* PFSTS */
}

/* Time passes while a driver waits, and the PF works meanwhile. */
static uint64_t io_now(void *context)
{
	if (slow_pf)
		step_slow_pf();
	if (pf_sleeps || slow_pf)
		rig.now += RIG_POLL;
	else
		rig_poll(&rig);
	return rig.now;
}

static void start(const struct igb_config *config)
{
	CHECK(rig_start_up(&rig, config) == OK);
	memset(&model, 0, sizeof(model));
	model.m = &rig.m;
	model.enable_reads = 2;
	pf_sleeps = false;
	slow_pf = 0;
	for (uint32_t i = 0; i < 8; i++) {
		const struct igbvf_io io = { io_read, io_write, io_now, &ends[i] };

		ends[i].vf = i;
		igbvf_init(&vf[i], &io, &memory[i], PATIENCE);
	}
}

static void start_two(void)
{
	const struct igb_config config = rig_config(2);

	start(&config);
	for (uint32_t i = 0; i < 2; i++) {
		CHECK(igbvf_reset(&vf[i]) == IGBVF_OK);
		CHECK(igbvf_start(&vf[i]) == IGBVF_OK);
	}
}

static uint8_t byte_of(uint32_t frame, uint32_t at)
{
	return (uint8_t)(frame * 31 + at * 7 + (at >> 8));
}

static bool send(uint32_t from, const uint8_t *to, uint32_t number, uint32_t bytes)
{
	uint8_t *room = igbvf_send_buffer(&vf[from]);

	if (!room)
		return false;
	memcpy(room, to, 6);
	memcpy(room + 6, vf[from].mac, 6);
	for (uint32_t i = 12; i < bytes; i++)
		room[i] = byte_of(number, i);
	igbvf_send(&vf[from], bytes);
	return true;
}

static bool arrives(uint32_t at, uint32_t number, uint32_t bytes)
{
	uint32_t got = 0, same = 12;
	const uint8_t *data = igbvf_receive(&vf[at], &got);

	if (!data)
		return false;
	while (same < got && data[same] == byte_of(number, same))
		same++;
	igbvf_receive_done(&vf[at]);
	return got == bytes && same == bytes;
}

/* --- mailbox ---------------------------------------------------------------------------------- */

static void it_has_the_address_that_the_pf_gives_it(void)
{
	struct igb_config config = rig_config(2);
	const struct igb_mac mac = { { 0x02, 0x12, 0x34, 0x56, 0x78, 0x9a } };

	config.vfs[1].mac = mac;
	start(&config);
	CHECK(igbvf_reset(&vf[1]) == IGBVF_OK && memcmp(vf[1].mac, mac.byte, 6) == 0);
	CHECK(igbvf_reset(&vf[0]) == IGBVF_OK && memcmp(vf[0].mac, mac.byte, 6) != 0);
	CHECK(vf[0].mac[0] & 2 && !(vf[0].mac[0] & 1));
	CHECK(rig.told[IGB_VF_READY] == 2 && rig.m.wrongs == 0);
}

static void another_address_is_asked_for_and_may_be_refused(void)
{
	struct igb_config config = rig_config(2);
	const uint8_t wanted[6] = { 0x02, 1, 2, 3, 4, 5 };
	uint8_t before[6];

	config.vfs[0].flags = IGB_VF_MAY_SET_MAC;
	start(&config);
	CHECK(igbvf_reset(&vf[0]) == IGBVF_OK && igbvf_reset(&vf[1]) == IGBVF_OK);
	CHECK(igbvf_set_mac(&vf[0], wanted) == IGBVF_OK && memcmp(vf[0].mac, wanted, 6) == 0);
	memcpy(before, vf[1].mac, 6);
	CHECK(igbvf_set_mac(&vf[1], (const uint8_t[6]){ 0x02, 9, 9, 9, 9, 9 }) == IGBVF_REFUSED);
	CHECK(memcmp(vf[1].mac, before, 6) == 0);
}

static void an_answer_may_come_after_its_acknowledgement(void)
{
	const struct igb_config config = rig_config(1);
	const uint8_t mac[6] = { 0x02, 0x22, 0x33, 0x44, 0x55, 0x66 };

	start(&config);
	slow_pf = 1;
	CHECK(igbvf_reset(&vf[0]) == IGBVF_OK && memcmp(vf[0].mac, mac, 6) == 0);
}

static void no_wait_is_without_end(void)
{
	const struct igb_config config = rig_config(2);

	start(&config);
	pf_sleeps = true;
	CHECK(igbvf_reset(&vf[0]) == IGBVF_NO_ANSWER);
	*igb_model_reg(&rig.m, 0xc00) |= 8; /* PFU */
	CHECK(igbvf_reset(&vf[0]) == IGBVF_NO_MAILBOX);
	*igb_model_reg(&rig.m, 0xc00) &= ~8u;
	rig.m.vfmailbox[0] |= 0x40; /* RSTI */
	CHECK(igbvf_reset(&vf[0]) == IGBVF_PF_DOWN);
	rig.m.is_gone = true;
	CHECK(igbvf_reset(&vf[0]) == IGBVF_GONE && !igbvf_link_is_up(&vf[0]));
	rig.m.is_gone = false;
	pf_sleeps = false;
	rig.m.vfmailbox[0] &= ~0x40u;
	CHECK(igbvf_reset(&vf[0]) == IGBVF_OK);
	model.enable_reads = UINT32_MAX;
	CHECK(igbvf_start(&vf[0]) == IGBVF_STUCK);
}

static void a_vf_that_is_cut_off_gets_no_answer(void)
{
	start_two();
	igb_vf_isolate(&rig.d, 0, 0, &rig.events);
	CHECK(igbvf_reset(&vf[0]) == IGBVF_NO_ANSWER);
	CHECK(igbvf_reset(&vf[1]) == IGBVF_OK);
}

static void a_reset_of_the_pf_is_noticed_and_survived(void)
{
	start_two();
	CHECK(!igbvf_pf_was_reset(&vf[0]));
	igb_restart(&rig.d);
	CHECK(rig_up(&rig) == OK);
	CHECK(igbvf_pf_was_reset(&vf[0]));
	for (uint32_t i = 0; i < 2; i++)
		CHECK(igbvf_reset(&vf[i]) == IGBVF_OK && igbvf_start(&vf[i]) == IGBVF_OK);
	CHECK(!igbvf_pf_was_reset(&vf[0]));
	CHECK(send(0, vf[1].mac, 1, 60) && arrives(1, 1, 60));
}

static void the_link_is_seen(void)
{
	start_two();
	CHECK(igbvf_link_is_up(&vf[0]));
	igb_model_link(&rig.m, false);
	CHECK(!igbvf_link_is_up(&vf[0]));
}

/* --- queues ----------------------------------------------------------------------------------- */

static void frames_of_every_size_arrive_unchanged(void)
{
	const uint32_t count = 5 * IGBVF_RING + 3;

	start_two();
	for (uint32_t bytes = IGBVF_FRAME_MIN; bytes <= IGBVF_FRAME_MAX; bytes++)
		CHECK(send(0, vf[1].mac, bytes, bytes) && arrives(1, bytes, bytes));
	for (uint32_t i = 0; i < count; i++) {
		const uint32_t burst = 1 + random_below(IGBVF_RING - 1);

		for (uint32_t n = 0; n < burst; n++)
			CHECK(send(i & 1, vf[!(i & 1)].mac, i + n, 60 + n));
		for (uint32_t n = 0; n < burst; n++)
			CHECK(arrives(!(i & 1), i + n, 60 + n));
		CHECK(!arrives(0, 0, 0) && !arrives(1, 0, 0));
	}
	CHECK(model.dropped == 0 && model.wrongs == 0);
}

static void a_full_receive_ring_loses_what_is_new(void)
{
	start_two();
	for (uint32_t i = 0; i < IGBVF_RING + 10; i++)
		CHECK(send(0, vf[1].mac, i, 64));
	CHECK(model.delivered == IGBVF_RING - 1 && model.dropped == 11);
	for (uint32_t i = 0; i < IGBVF_RING - 1; i++)
		CHECK(arrives(1, i, 64));
	CHECK(!arrives(1, 0, 0));
	CHECK(send(0, vf[1].mac, 77, 64) && arrives(1, 77, 64));
}

static void a_full_transmit_ring_says_so(void)
{
	uint32_t sent = 0;

	start_two();
	*igb_model_reg(&rig.m, 0xc90) &= ~1u; /* VFTE: nothing leaves */
	while (send(0, vf[1].mac, sent, 60) && sent <= IGBVF_RING)
		sent++;
	CHECK(sent == IGBVF_RING - 1);
	*igb_model_reg(&rig.m, 0xc90) |= 1;
	igbvf_model_write(&model, 0, 0x3818, vf[0].tx_next);
	CHECK(send(0, vf[1].mac, sent, 60));
	CHECK(arrives(1, 0, 60));
}

static void a_damaged_frame_has_no_bytes(void)
{
	uint32_t bytes = 1;

	start_two();
	model.receive_status = BIT32(31); /* RXE */
	CHECK(send(0, vf[1].mac, 1, 60));
	CHECK(igbvf_receive(&vf[1], &bytes) && bytes == 0);
	igbvf_receive_done(&vf[1]);
	model.receive_status = 0;
	CHECK(send(0, vf[1].mac, 2, 60) && arrives(1, 2, 60));
}

static void one_interrupt_until_it_is_rearmed(void)
{
	start_two();
	CHECK(send(0, vf[1].mac, 1, 60) && model.raised[1] == 0);
	igbvf_interrupt(&vf[1]);
	for (uint32_t i = 0; i < 5; i++)
		CHECK(send(0, vf[1].mac, i, 60));
	CHECK(model.raised[1] == 1);
	igbvf_rearm(&vf[1]);
	CHECK(send(0, vf[1].mac, 9, 60) && model.raised[1] == 2);
	CHECK(model.raised[0] == 0);
}

/* Buffers that are kept, and frames that are taken out before the device is told. */
static void a_received_buffer_can_be_kept_in_exchange_for_another(void)
{
	static uint8_t others[IGBVF_RING * 2][IGBVF_BUFFER_BYTES];
	static struct igbvf_frame frames[IGBVF_RING];
	uint32_t sent = 0, n = 0, count;

	start_two();
	igbvf_use_buffers(&vf[1], others[0]);
	CHECK(igbvf_reset(&vf[1]) == IGBVF_OK && igbvf_start(&vf[1]) == IGBVF_OK);
	for (uint32_t round = 0; round < 3; round++) {
		while (sent < IGBVF_RING * 2 * (round + 1) / 3 &&
		       send(0, vf[1].mac, sent, 60 + sent % 99))
			sent++;
		count = igbvf_receive_many(&vf[1], frames, IGBVF_RING);
		for (uint32_t i = 0; i < count; i++, n++) {
			/* The first IGBVF_RING frames are where the ring was, the rest in exchange. */
			CHECK(frames[i].data == others[n % (IGBVF_RING * 2)]);
			CHECK(frames[i].bytes == 60 + n % 99);
			CHECK(frames[i].data[20] == byte_of(n, 20));
			frames[i].instead = others[(n + IGBVF_RING) % (IGBVF_RING * 2)];
		}
		CHECK(n == sent || n == IGBVF_RING - 1);
		igbvf_receive_swap(&vf[1], frames, count);
	}
	CHECK(n > IGBVF_RING && rig.m.wrongs == 0);
}

int main(void)
{
	RUN(a_received_buffer_can_be_kept_in_exchange_for_another);
	RUN(it_has_the_address_that_the_pf_gives_it);
	RUN(another_address_is_asked_for_and_may_be_refused);
	RUN(an_answer_may_come_after_its_acknowledgement);
	RUN(no_wait_is_without_end);
	RUN(a_vf_that_is_cut_off_gets_no_answer);
	RUN(a_reset_of_the_pf_is_noticed_and_survived);
	RUN(the_link_is_seen);
	RUN(frames_of_every_size_arrive_unchanged);
	RUN(a_full_receive_ring_loses_what_is_new);
	RUN(a_full_transmit_ring_says_so);
	RUN(a_damaged_frame_has_no_bytes);
	RUN(one_interrupt_until_it_is_rearmed);
	return test_failed;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* VFs of the 82576: resets in the middle of anything, behaviour, counters, throttles. */
#include <string.h>
#include "tests/model/igb_rig.h"
#include "tests/test.h"

static struct rig r;

static uint32_t reg(uint32_t at)
{
	return *igb_model_reg(&r.m, at);
}

/* --- resets in the middle of anything --------------------------------------------------------- */

static uint32_t countdown;
static uint32_t faults, late[3];

/* The invariants that hold at every access: who may be enabled, and which addresses answer. */
static void watch(struct igb_model *m, void *context)
{
	if (countdown && --countdown == 0)
		igb_model_vf_reset(m, 0);
	/* The driver's next access takes away what its state says has ended. */
	for (uint32_t vf = 0; vf < 3; vf++) {
		if (*igb_model_reg(m, 0xc8c) & BIT32(vf) && r.d.vfs[vf].state != IGB_VF_IS_READY)
			faults += late[vf]++;
		else
			late[vf] = 0;
	}
	if (r.d.vfs[1].state == IGB_VF_IS_READY &&
	    rig_frame(&r, MODEL_WIRE, &r.mac[1], &stranger, -1, 10, 64) != 2)
		faults++;
}

static bool converse(void)
{
	static const struct igb_mac mac = { { 2, 7, 7, 7, 7, 7 } };

	return rig_vf_init(&r, 0) && rig_ask_mac(&r, 0, VF_SET_MAC, &mac) >> 31 &&
	       rig_ask_mac(&r, 0, VF_SET_MAC | 2 << 16, &stranger) >> 31 &&
	       rig_ask2(&r, 0, VF_SET_MULTICAST | 1 << 16, GROUP_HASH) >> 31 &&
	       rig_ask2(&r, 0, VF_SET_VLAN | 1 << 16, 11) >> 31 &&
	       rig_ask2(&r, 0, VF_SET_LPE, 1500) >> 31 && rig_receives(&r, 0);
}

static void a_vf_may_reset_itself_at_any_moment(void)
{
	struct igb_config c = rig_config(3);
	uint32_t at = 1, completed = 0;

	c.vfs[0] = (struct igb_vf_config){ .flags = IGB_VF_MAY_SET_MAC,
					   .extra_mac_count = 1,
					   .tagged = { 11 } };
	c.vfs[1].vlan = 10;
	for (; at < 2000; at++) {
		CHECK(rig_start_up(&r, &c) == OK && rig_vf_init(&r, 1));
		faults = 0;
		r.m.hook = watch;
		countdown = at;
		completed += converse();
		if (countdown)
			break; /* the whole conversation was shorter */
		/* The driver begins again, whatever state the reset left it in. */
		r.sticky[0] = 0;
		CHECK(converse());
		CHECK(faults == 0);
		CHECK(rig_receives(&r, 1) && !r.m.wrongs && !r.m.unknown);
		rig_poll_for(&r, MS(30));
		CHECK(r.d.vfs[0].state == IGB_VF_IS_READY && rig_receives(&r, 0));
	}
	printf("# reset at each of %u accesses\n", at - 1);
	CHECK(at > 80 && completed > 0);
}

/* Its reset and its message arrive in the same look: the reset belongs to the message. */
static void a_reset_that_came_before_the_message_is_not_one_after_it(void)
{
	struct igb_config c = rig_config(1);

	CHECK(rig_start_up(&r, &c) == OK && rig_vf_init(&r, 0));
	igb_model_vf_reset(&r.m, 0);
	CHECK(rig_send(&r, 0, (uint32_t[]){ VF_RESET }, 1));
	rig_poll(&r);
	CHECK(r.told[IGB_VF_GONE] == 1 && r.told[IGB_VF_READY] == 2 && rig_receives(&r, 0));
	rig_poll_for(&r, MS(5));
	CHECK(rig_receives(&r, 0) && r.told[IGB_VF_GONE] == 1);
}

static bool has_begun_again;

static void begin_again(struct igb_model *m, void *context)
{
	if (!countdown || --countdown)
		return;
	igb_model_vf_reset(m, 0);
	has_begun_again = rig_send(&r, 0, (uint32_t[]){ VF_RESET }, 1);
}

/* A driver that gives up and begins again while its first message is being served. */
static void a_driver_may_begin_again_at_any_moment(void)
{
	struct igb_config c = rig_config(1);
	uint32_t times = 0;

	for (uint32_t at = 1; at < 30; at++) {
		CHECK(rig_start_up(&r, &c) == OK);
		igb_model_vf_reset(&r.m, 0);
		CHECK(rig_send(&r, 0, (uint32_t[]){ VF_RESET }, 1));
		r.m.hook = begin_again;
		countdown = at;
		has_begun_again = false;
		rig_poll_for(&r, MS(10));
		/* Either it is clear to send and receives, or it is neither. */
		CHECK(rig_receives(&r, 0) == (r.d.vfs[0].state == IGB_VF_IS_READY));
		if (has_begun_again) {
			times++;
			CHECK((rig_mailbox(&r, 0) & 0x30) == 0x30 && rig_receives(&r, 0));
		}
		CHECK(rig_vf_init(&r, 0) && rig_receives(&r, 0));
	}
	CHECK(times > 5);
}

/* --- life ------------------------------------------------------------------------------------- */

static void closed_vfs_leave_nothing_behind(void)
{
	struct igb_config c = rig_config(3);
	const struct igb_mac mac = { { 2, 7, 7, 7, 7, 7 } };

	c.vfs[2].vlan = 12;
	c.vfs[0] = (struct igb_vf_config){ .flags = IGB_VF_MAY_SET_MAC,
					   .extra_mac_count = 2,
					   .tagged = { 11 } };
	CHECK(rig_start_up(&r, &c) == OK && rig_vf_init(&r, 0) && rig_vf_init(&r, 1));
	CHECK(igb_vf_open(&r.d, 0) == ERR_BUSY && igb_vf_open(&r.d, 3) == ERR_RANGE);
	CHECK(rig_ask_mac(&r, 0, VF_SET_MAC, &mac) >> 31);
	CHECK(rig_ask_mac(&r, 0, VF_SET_MAC | 2 << 16, &stranger) >> 31);
	CHECK(rig_ask2(&r, 0, VF_SET_VLAN | 1 << 16, 11) >> 31);
	CHECK(rig_ask2(&r, 0, VF_SET_VLAN | 1 << 16, 0) >> 31);
	CHECK(rig_send(&r, 0, (uint32_t[]){ VF_SET_LPE, 1500 }, 2));
	*igb_model_reg(&r.m, 0x3558) = 0x101; /* MDFB: both its queues */
	igb_vf_close(&r.d, 0);
	CHECK(!r.m.queues[0] && !(reg(0xc8c) & 1) && !(reg(0xc90) & 1) && !reg(0x3558));
	CHECK(!reg(0xc80) && !reg(0xc88));
	igb_vf_close(&r.d, 2);
	for (uint32_t i = 0; i < 24; i++)
		CHECK(i == 1 || !(reg(i < 16 ? 0x5404 + 8 * i : 0x54e4 + 8 * (i - 16)) >> 31));
	for (uint32_t i = 0; i < 32; i++)
		CHECK(!reg(0x5d00 + 4 * i));
	for (uint32_t i = 0; i < 128; i++)
		CHECK(!reg(0x5600 + 4 * i));
	CHECK(!rig_vf_init(&r, 0));
	rig_poll_for(&r, MS(10));
	CHECK(igb_vf_open(&r.d, 0) == OK && rig_vf_init(&r, 0));
	CHECK(!memcmp(&r.mac[0], &r.d.vfs[0].home, 6));
}

static void gates_hold_who_is_ready(void)
{
	struct igb_config c = rig_config(2);

	CHECK(rig_start_up(&r, &c) == OK);
	igb_vf_set_gate(&r.d, 0, IGB_RECEIVE);
	CHECK(!reg(0xc8c));
	CHECK(rig_vf_init(&r, 0) && rig_vf_init(&r, 1));
	CHECK(reg(0xc8c) == 3 && reg(0xc90) == 2);
	igb_vf_set_gate(&r.d, 1, 0);
	CHECK(reg(0xc8c) == 1 && reg(0xc90) == 0);
	CHECK(rig_vf_init(&r, 1) && reg(0xc8c) == 1);
	igb_vf_set_gate(&r.d, 1, IGB_TRANSMIT | IGB_RECEIVE);
	CHECK(reg(0xc8c) == 3 && reg(0xc90) == 2);
	igb_vf_set_gate(&r.d, 9, 3);
}

/* --- behaviour -------------------------------------------------------------------------------- */

static void spoofers_are_counted_and_cut_off(void)
{
	struct igb_config c = rig_config(3);
	struct igb_vf_stats s;

	c.spoof_max = 10;
	CHECK(rig_start_up(&r, &c) == OK && rig_vf_init(&r, 0) && rig_vf_init(&r, 2));
	for (uint32_t i = 0; i < 200; i++) {
		(void)rig_frame(&r, 2, &everybody, &stranger, -1, -1, 64);
		rig_poll(&r);
	}
	CHECK(r.told[IGB_VF_SPOOFED] == 1 && r.told[IGB_VF_ISOLATED] == 1);
	CHECK(r.last[IGB_VF_ISOLATED].vf == 2 && r.last[IGB_VF_ISOLATED].detail == IGB_SPOOFS);
	CHECK(reg(0xc8c) == 1 && reg(0xc90) == 1);
	igb_vf_read_stats(&r.d, 2, &s);
	CHECK(s.spoofed == 11);
}

static void queues_that_the_device_blocked_cut_their_vf_off(void)
{
	struct igb_config c = rig_config(8);
	char text[100];

	for (uint32_t queue = 0; queue < 16; queue++) {
		const uint32_t vf = queue % 8;

		CHECK(rig_start_up(&r, &c) == OK);
		for (uint32_t i = 0; i < 8; i++)
			CHECK(rig_vf_init(&r, i));
		*igb_model_reg(&r.m, 0x3558) = BIT32(queue);
		*igb_model_reg(&r.m, 0x3548) = 0xabc;
		rig_poll_for(&r, MS(30));
		CHECK(r.told[IGB_VF_ISOLATED] == 1 && r.last[IGB_VF_ISOLATED].vf == vf);
		CHECK(r.last[IGB_VF_ISOLATED].code == 0xabc);
		CHECK(reg(0xc8c) == (0xff & ~BIT32(vf)));
		CHECK(reg(0x3558) == BIT32(queue));
		igb_event_text(&r.last[IGB_VF_ISOLATED], text, sizeof(text));
		CHECK(strstr(text, "cut off") && strstr(text, "0x00000abc"));
	}
}

static void every_event_has_words(void)
{
	char text[100];

	for (uint32_t kind = 0; kind <= IGB_DEVICE_LOST; kind++)
		for (uint32_t offence = 0; offence <= IGB_IS_CONDEMNED; offence++) {
			const struct igb_event e = { (enum igb_event_kind)kind, 3, offence, 9 };

			igb_event_text(&e, text, sizeof(text));
			CHECK(strlen(text) > 4 && strlen(text) < 80);
			CHECK(kind < IGB_VF_READY || kind == IGB_DEVICE_LOST ||
			      strstr(text, "VF 3"));
		}
}

/* --- counters and throttles ------------------------------------------------------------------- */

static void counters_go_on_where_32_bits_end(void)
{
	struct igb_config c = rig_config(8);
	uint64_t octets[8] = { 0 }, packets[8] = { 0 };
	struct igb_vf_stats s;

	CHECK(rig_start_up(&r, &c) == OK);
	for (uint32_t ms = 0; ms < 60000; ms++) {
		for (uint32_t vf = 0; vf < 8; vf++) {
			const uint32_t n = random_below(400000), base = 0x10000 + 0x100 * vf;

			*igb_model_reg(&r.m, base + 0x18) += n;
			*igb_model_reg(&r.m, base + 0x34) += n / 2;
			*igb_model_reg(&r.m, base + 0x10) += n / 1000;
			octets[vf] += n;
			packets[vf] += n / 1000;
		}
		rig_poll(&r);
		if (ms == 30000) {
			igb_restart(&r.d);
			CHECK(rig_up(&r) == OK && !reg(0x10018));
		}
	}
	for (uint32_t vf = 0; vf < 8; vf++) {
		igb_vf_read_stats(&r.d, vf, &s);
		CHECK(s.rx_octets == octets[vf] && s.rx_packets == packets[vf]);
		CHECK(s.rx_octets > UINT64_C(0x200000000) && s.tx_octets && !s.tx_packets);
	}
	igb_vf_close(&r.d, 5);
	CHECK(igb_vf_open(&r.d, 5) == OK);
	igb_vf_read_stats(&r.d, 5, &s);
	CHECK(s.rx_octets == 0);
	igb_vf_read_stats(&r.d, 8, &s);
	CHECK(s.rx_octets == 0);
}

/* Every VF and vector its own register, and none of them vector 0's. */
static void throttles_are_where_the_vf_sees_them(void)
{
	struct igb_config c = rig_config(8);
	uint32_t seen = 0;

	CHECK(rig_start_up(&r, &c) == OK);
	for (uint32_t vf = 0; vf < 8; vf++)
		for (uint32_t vector = 0; vector < 3; vector++) {
			const uint32_t at = 0x1680 + 4 * (22 - 3 * vf + vector);

			igb_vf_set_throttle(&r.d, vf, vector, 0x10004 + 8 * vf);
			CHECK(reg(at) == (BIT32(31) | (4 + 8 * vf)));
			CHECK(igb_vf_throttle(&r.d, vf, vector) == 4 + 8 * vf);
			seen |= BIT32((at - 0x1680) / 4);
		}
	CHECK(seen == 0x1fffffe);
	igb_vf_set_throttle(&r.d, 8, 0, 4);
	igb_vf_set_throttle(&r.d, 0, 3, 4);
	CHECK(igb_vf_throttle(&r.d, 8, 0) == 0 && igb_vf_throttle(&r.d, 0, 3) == 0);
	CHECK(!reg(0x1680) && !r.m.unknown);
}

/* The most that can come together: all from everybody, after all have asked for all there is. */
static void a_round_is_bounded(void)
{
	struct igb_config c = rig_config(8);
	uint32_t words[16], answer[3];

	for (uint32_t vf = 0; vf < 8; vf++) {
		c.vfs[vf] =
			(struct igb_vf_config){ .flags = IGB_VF_MAY_SET_MAC, .extra_mac_count = 2 };
		for (uint32_t i = 0; i < 3; i++)
			c.vfs[vf].tagged[i] = (uint16_t)(100 + 40 * (3 * vf + i));
	}
	for (uint32_t round = 0; round < 40; round++) {
		CHECK(rig_start_up(&r, &c) == OK);
		for (uint32_t vf = 0; vf < 8; vf++) {
			struct igb_mac mac = { { 2, 9, 9, 9, 9, (uint8_t)(3 * vf) } };

			CHECK(rig_vf_init(&r, vf));
			CHECK(rig_ask_mac(&r, vf, VF_SET_MAC, &mac) >> 31);
			for (uint32_t i = 0; i < 2; i++) {
				mac.byte[5]++;
				CHECK(rig_ask_mac(&r, vf, VF_SET_MAC | 2 << 16, &mac) >> 31);
			}
			for (uint32_t i = 0; i < 3; i++)
				CHECK(rig_ask2(&r, vf, VF_SET_VLAN | 1 << 16,
					       100 + 40 * (3 * vf + i)) >>
				      31);
			words[0] = VF_SET_MULTICAST | 30 << 16;
			for (uint32_t i = 1; i < 16; i++)
				words[i] = random_below(0x1000) | random_below(0x1000) << 16;
			CHECK(rig_ask(&r, vf, words, 16, answer) >> 31);
		}
		rig_poll_for(&r, SEC(3));
		igb_model_link(&r.m, round & 1);
		*igb_model_reg(&r.m, 0x3554) = 0xffff;
		*igb_model_reg(&r.m, 0x3558) = round & 2 ? 0xff : 0;
		for (uint32_t vf = 0; vf < 8; vf++) {
			CHECK(rig_vf_reads(&r, vf));
			if (round & 4)
				igb_model_vf_reset(&r.m, vf);
			for (uint32_t i = 1; i < 16; i++)
				words[i] = random_below(0x1000) | random_below(0x1000) << 16;
			CHECK(rig_send(&r, vf, words, round & 4 ? 1 : 16));
		}
		rig_poll_for(&r, MS(20));
	}
	printf("# most register accesses in a poll: %u\n", r.poll_most);
	CHECK(r.poll_most <= IGB_POLL_ACCESS_MAX);
	igb_restart(&r.d);
	CHECK(rig_up(&r) == OK && r.step_most <= IGB_STEP_ACCESS_MAX);
	printf("# and in a step: %u\n", r.step_most);
}

int main(void)
{
	RUN(a_vf_may_reset_itself_at_any_moment);
	RUN(a_driver_may_begin_again_at_any_moment);
	RUN(a_reset_that_came_before_the_message_is_not_one_after_it);
	RUN(closed_vfs_leave_nothing_behind);
	RUN(gates_hold_who_is_ready);
	RUN(spoofers_are_counted_and_cut_off);
	RUN(queues_that_the_device_blocked_cut_their_vf_off);
	RUN(every_event_has_words);
	RUN(counters_go_on_where_32_bits_end);
	RUN(throttles_are_where_the_vf_sees_them);
	RUN(a_round_is_bounded);
	return test_failed;
}

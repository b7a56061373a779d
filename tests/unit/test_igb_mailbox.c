/* SPDX-License-Identifier: Apache-2.0 */
/* Mailboxes of the 82576's VFs: drivers that keep to the protocol, and guests that do not. */
#include <string.h>
#include "tests/model/igb_rig.h"
#include "tests/test.h"

#define ADD    (UINT32_C(1) << 16) /* "how" 1 */
#define HOW(n) ((uint32_t)(n) << 16)

static struct rig r;
static const struct igb_mac other = { { 0x02, 0xaa, 0, 0, 0, 0x01 } };

static uint32_t reg(uint32_t at)
{
	return *igb_model_reg(&r.m, at);
}

/* VF 0: whatever there is; VF 1: port VLAN; VF 2 and 3: nothing. */
static void start(void)
{
	struct igb_config c = rig_config(4);

	c.vfs[0] = (struct igb_vf_config){ .extra_mac_count = 2,
					   .tagged = { 10, 11 },
					   .frame_max_bytes = 9018,
					   .flags = IGB_VF_MAY_SET_MAC | IGB_VF_ALL_MULTICAST };
	c.vfs[1].vlan = 10;
	c.vfs[3].flags = IGB_VF_NO_MULTICAST;
	c.message_max = 1000;
	CHECK(rig_start_up(&r, &c) == OK);
	rig_poll(&r);
	for (uint32_t vf = 0; vf < 4; vf++)
		CHECK(rig_vf_init(&r, vf));
}

/* In the order that Linux 6.1 does it: probe, open, VLAN device, close. */
static void the_whole_conversation_of_igbvf(void)
{
	uint32_t answer[3], multicast[16] = { VF_SET_MULTICAST | HOW(3), 0x01230abc, 0xfff };

	start();
	CHECK(rig_vf_init(&r, 2));
	CHECK(!memcmp(&r.mac[2], &r.d.vfs[2].home, 6));
	CHECK(rig_vf_init(&r, 2));
	CHECK(rig_ask_mac(&r, 2, VF_SET_MAC, &r.mac[2]) == (VF_SET_MAC | ACK | CTS));
	CHECK(rig_ask(&r, 2, multicast, 16, answer) == (multicast[0] | ACK | CTS));
	CHECK(reg(0x5200 + 4 * (0xabc >> 5)) == BIT32(0xabc & 31));
	CHECK(reg(0x5200 + 4 * (0x123 >> 5)) == BIT32(0x123 & 31));
	CHECK(reg(0x5200 + 4 * 127) == BIT32(31));
	CHECK(rig_ask(&r, 2, (uint32_t[]){ VF_SET_MAC | HOW(1), 0, 0 }, 3, answer) ==
	      (VF_SET_MAC | HOW(1) | ACK | CTS));
	CHECK(rig_ask2(&r, 2, VF_SET_VLAN | ADD, 0) == (VF_SET_VLAN | ADD | ACK | CTS));
	CHECK(rig_ask2(&r, 2, VF_SET_LPE, 1522) == (VF_SET_LPE | ACK | CTS));
	/* check_for_link: what lies in the mailbox says CTS. */
	CHECK(rig_vf_reads(&r, 2) & CTS);
	rig_poll(&r);
	CHECK(rig_ask2(&r, 2, VF_SET_VLAN, 0) == (VF_SET_VLAN | ACK | CTS));
	CHECK(rig_vf_init(&r, 2)); /* down */
	CHECK(reg(0x5200 + 4 * 127) == 0);
	CHECK(!r.m.wrongs && !r.m.unknown && r.d.vfs[2].stats.refused == 0);
}

static void a_new_driver_gets_everything_that_it_is_allowed(void)
{
	start();
	CHECK(rig_ask_mac(&r, 0, VF_SET_MAC, &other) == (VF_SET_MAC | ACK | CTS));
	CHECK(rig_ask_mac(&r, 0, VF_SET_MAC | HOW(2), &r.mac[0]) ==
	      (VF_SET_MAC | HOW(2) | ACK | CTS));
	CHECK(rig_ask2(&r, 0, VF_SET_VLAN | ADD, 11) == (VF_SET_VLAN | ADD | ACK | CTS));
	CHECK(rig_ask2(&r, 0, VF_SET_LPE, 9018) == (VF_SET_LPE | ACK | CTS));
	CHECK(rig_ask2(&r, 0, VF_SET_PROMISC | HOW(2), 0) == (VF_SET_PROMISC | HOW(2) | ACK | CTS));
	CHECK(rig_ask2(&r, 0, VF_SET_PROMISC, 0) == (VF_SET_PROMISC | ACK | CTS));
	/* VF_RESET takes all of it back, and gives the first address again. */
	CHECK(rig_vf_init(&r, 0) && !memcmp(&r.mac[0], &r.d.vfs[0].home, 6));
	CHECK((reg(0x5ad0) & 0x3fff) == 1522);
	CHECK(!reg(0x5444) && !(reg(0x5d00 + 4 * 2) >> 31)); /* RAH 8; VLAN 11 */
}

static const struct {
	uint32_t vf, words[3];
} refused[] = {
	{ 2, { 0 } },
	{ 2, { 7 } },
	{ 2, { 0x100 } },
	{ 2, { 0xffff } },
	{ 2, { VF_RESET | HOW(1) } },
	{ 2, { VF_SET_PROMISC | HOW(1) } }, /* all unicast: never */
	{ 0, { VF_SET_PROMISC | HOW(1) } },
	{ 0, { VF_SET_PROMISC | HOW(3) } },
	{ 0, { VF_SET_PROMISC | HOW(0xff) } },
	{ 2, { VF_SET_PROMISC | HOW(2) } },
	{ 2, { VF_SET_LPE, 63 } },
	{ 2, { VF_SET_LPE, 1523 } },
	{ 2, { VF_SET_LPE, UINT32_MAX } },
	{ 0, { VF_SET_LPE, 9019 } },
	{ 0, { VF_SET_LPE | HOW(1), 1522 } },
	{ 2, { VF_SET_VLAN | ADD, 10 } },
	{ 2, { VF_SET_VLAN, 10 } },
	{ 0, { VF_SET_VLAN | ADD, 12 } },
	{ 0, { VF_SET_VLAN | ADD, 4095 } },
	{ 0, { VF_SET_VLAN | ADD, 0x1000a } }, /* 10 in the lower half */
	{ 0, { VF_SET_VLAN | ADD, 4096 } },    /* 0 in the lower 12 bits */
	{ 0, { VF_SET_VLAN | HOW(2), 10 } },
	{ 1, { VF_SET_VLAN | ADD, 11 } },
	{ 1, { VF_SET_VLAN, 10 } }, /* its own port VLAN, to leave it */
	{ 2, { VF_SET_MULTICAST | HOW(31) } },
	{ 2, { VF_SET_MULTICAST | HOW(255) } },
	{ 2, { VF_SET_MULTICAST | HOW(1), 0x1000 } },
	{ 2, { VF_SET_MULTICAST | HOW(2), 0x10000000 } },
	{ 3, { VF_SET_MULTICAST | HOW(1), 5 } },
	{ 2, { VF_SET_MAC, 0x0000aa02, 0x0200 } }, /* may not */
	{ 0, { VF_SET_MAC, 0, 0 } },
	{ 0, { VF_SET_MAC, 0xffffffff, 0xffff } },
	{ 0, { VF_SET_MAC, 0x00005e01, 0x0100 } },
	{ 0, { VF_SET_MAC, 0x0000aa02, 0x10200 } }, /* more than an address */
	{ 0, { VF_SET_MAC | HOW(3), 0x0000aa02, 0x0200 } },
	{ 2, { VF_SET_MAC | HOW(2), 0x0000aa02, 0x0200 } },
	{ 0, { VF_SET_MAC | HOW(2), 0, 0 } },
	{ 0, { VF_SET_MAC | HOW(2), 0x00005e01, 0x0100 } },
	{ 0, { VF_SET_MAC | ACK, 0x0000aa02, 0x0200 } },
	{ 0, { VF_SET_MAC | CTS, 0x0000aa02, 0x0200 } },
	{ 0, { VF_SET_LPE | NACK, 1500 } },
	{ 0, { VF_SET_LPE | BIT32(24), 1500 } },
};

/* Everything but mailboxes and their causes. */
static uint32_t saved[(0x10000 - 0xc8c) / 4];

static void save(void)
{
	memcpy(saved, igb_model_reg(&r.m, 0xc8c), sizeof(saved));
}

static bool is_as_saved(void)
{
	return !memcmp(saved, igb_model_reg(&r.m, 0xc8c), sizeof(saved));
}

static void what_is_refused_changes_nothing(void)
{
	start();
	for (uint32_t i = 0; i < ARRAY_SIZE(refused); i++) {
		const uint32_t first = refused[i].words[0], vf = refused[i].vf;
		uint32_t answer[3], expected = (first & 0xffffff) | NACK | CTS;

		save();
		if ((first & 0xffff) == VF_SET_VLAN)
			expected &= ~HOW(0xff);
		if (rig_ask(&r, vf, refused[i].words, 3, answer) != expected)
			printf("case %u: %08x\n", i, answer[0]);
		CHECK(answer[0] == expected);
		CHECK(is_as_saved());
	}
	CHECK(r.told[IGB_VF_REFUSED] == 4); /* one line per VF and interval */
	CHECK(!r.m.wrongs && !r.m.unknown);
}

/* Any message: answered, and where it was not accepted nothing has changed. */
static void random_messages_are_answered(void)
{
	uint64_t seed = 88172645463325252u;
	uint32_t accepted = 0;

	start();
	r.d.config.message_max = UINT32_MAX;
	for (uint32_t i = 0; i < 40000; i++) {
		uint32_t words[16], answer[3];

		save();
		for (uint32_t n = 0; n < 16; n++) {
			rig_random(&seed);
			words[n] = (uint32_t)(seed >> 20) & (seed & 1 ? 0x0fff0fff : UINT32_MAX);
		}
		if (seed & 6)
			words[0] = (words[0] & HOW(seed & 0x80 ? 0x1f : 3)) | (words[0] & 7);
		if (seed & 8)
			words[1] = seed & 16 ? words[1] % 16 : words[1] % 2000;
		if (seed & 0x60)
			words[2] &= 0xffff;
		answer[0] = 0;
		if (!rig_ask(&r, i % 4, words, 16, answer)) {
			CHECK(!"answered");
			break;
		}
		accepted += answer[0] >> 31;
		CHECK((answer[0] >> 31) != (answer[0] >> 30 & 1));
		if (answer[0] & NACK)
			CHECK(is_as_saved());
	}
	CHECK(accepted > 2000 && accepted < 38000);
	printf("# of 40000 messages %u accepted; most register accesses in a poll: %u\n", accepted,
	       r.poll_most);
	CHECK(r.poll_most <= IGB_POLL_ACCESS_MAX && !r.m.wrongs && !r.m.unknown);
}

static void nothing_but_reset_before_reset(void)
{
	start();
	igb_model_vf_reset(&r.m, 0);
	rig_poll(&r);
	for (uint32_t what = 2; what < 9; what++)
		CHECK(rig_ask2(&r, 0, what, 0) == (what | NACK));
	CHECK(!rig_receives(&r, 0));
	CHECK(rig_vf_init(&r, 0) && rig_receives(&r, 0));
}

/* --- addresses of others ---------------------------------------------------------------------- */

static void steals(const struct igb_mac *mac)
{
	CHECK(rig_ask_mac(&r, 0, VF_SET_MAC, mac) == (VF_SET_MAC | NACK | CTS));
	CHECK(rig_ask_mac(&r, 0, VF_SET_MAC | HOW(2), mac) == (VF_SET_MAC | HOW(2) | NACK | CTS));
}

static void nobody_gets_an_address_that_is_anothers(void)
{
	struct igb_config c = rig_config(4);
	struct igb_mac pf, first = { { 2, 1, 1, 1, 1, 1 } }, second = { { 2, 1, 1, 1, 1, 2 } };

	for (uint32_t vf = 0; vf < 4; vf++)
		c.vfs[vf] =
			(struct igb_vf_config){ .extra_mac_count = 4, .flags = IGB_VF_MAY_SET_MAC };
	CHECK(rig_start_up(&r, &c) == OK);
	for (uint32_t vf = 0; vf < 3; vf++)
		CHECK(rig_vf_init(&r, vf));
	memcpy(&pf, r.m.mac, 6);
	igb_vf_close(&r.d, 3);
	CHECK(rig_ask_mac(&r, 1, VF_SET_MAC, &first) == (VF_SET_MAC | ACK | CTS));
	CHECK(rig_ask_mac(&r, 1, VF_SET_MAC | HOW(2), &second) ==
	      (VF_SET_MAC | HOW(2) | ACK | CTS));
	steals(&pf);
	steals(&r.mac[1]); /* VF 1 does not use it now: it is still its own */
	steals(&first);
	steals(&second);
	steals(&r.mac[2]);
	steals(&r.d.vfs[3].home); /* closed */
	igb_vf_isolate(&r.d, 2, 0, &r.events);
	steals(&r.mac[2]);
	/* Given up, they are free; and one's own address is always one's own. */
	CHECK(rig_ask_mac(&r, 1, VF_SET_MAC | HOW(1), &second) ==
	      (VF_SET_MAC | HOW(1) | ACK | CTS));
	CHECK(rig_ask_mac(&r, 0, VF_SET_MAC | HOW(2), &second) ==
	      (VF_SET_MAC | HOW(2) | ACK | CTS));
	CHECK(rig_ask_mac(&r, 1, VF_SET_MAC, &r.mac[1]) == (VF_SET_MAC | ACK | CTS));
	CHECK(rig_ask_mac(&r, 0, VF_SET_MAC, &first) == (VF_SET_MAC | ACK | CTS));
}

/* The guest rewrites its message while it is read, at each access in turn. */
static uint32_t countdown;
static struct igb_mac stolen;

static void rewrite(struct igb_model *m, void *context)
{
	if (countdown && --countdown == 0)
		memcpy(igb_model_reg(m, 0x804), stolen.byte, 6);
}

static void a_message_that_changes_while_it_is_read(void)
{
	for (uint32_t at = 1; at < 30; at++) {
		const struct igb_mac *mac = &r.d.vfs[0].mac;
		uint32_t answer;

		start();
		stolen = r.mac[2];
		r.m.hook = rewrite;
		countdown = at;
		answer = rig_ask_mac(&r, 0, VF_SET_MAC, &other);
		CHECK(answer == (VF_SET_MAC | ACK | CTS) || answer == (VF_SET_MAC | NACK | CTS));
		CHECK(memcmp(mac, &stolen, 6));
		CHECK(rig_frame(&r, MODEL_WIRE, &stolen, &other, -1, -1, 64) == BIT32(2));
	}
}

/* --- floods, and mailboxes that are not let go ---------------------------------------------- */

static void a_flood_ends_with_the_one_who_makes_it(void)
{
	uint32_t sent = 0, served = 0;
	struct igb_vf_stats s;

	start();
	r.d.config.message_max = 256;
	rig_poll_for(&r, SEC(2));
	r.poll_most = 0;
	/* VF 3 asks for more the moment it is answered, and resets itself at every turn. */
	for (uint32_t i = 0; i < 900; i++) {
		sent += rig_send(&r, 3, (uint32_t[]){ VF_SET_LPE, 1522 }, 2);
		if (i % 4 == 0)
			igb_model_vf_reset(&r.m, 3);
		if (i % 100 == 50)
			served += rig_ask2(&r, 0, VF_SET_LPE, 1500) == (VF_SET_LPE | ACK | CTS);
		rig_poll(&r);
	}
	CHECK(served == 9 && sent > 256);
	CHECK(r.told[IGB_VF_ISOLATED] == 1 && r.last[IGB_VF_ISOLATED].vf == 3);
	CHECK(r.last[IGB_VF_ISOLATED].detail == IGB_FLOODS && r.last[IGB_VF_ISOLATED].code == 257);
	CHECK(!rig_receives(&r, 3) && rig_receives(&r, 0) && !(reg(0xc90) & 8));
	CHECK(!rig_vf_init(&r, 3) && !rig_receives(&r, 3));
	igb_vf_read_stats(&r.d, 3, &s);
	CHECK(s.messages <= 256);
	CHECK(r.poll_most <= 100);
	igb_vf_close(&r.d, 3);
	CHECK(igb_vf_open(&r.d, 3) == OK && rig_vf_init(&r, 3));
}

static void a_lot_over_time_is_not_a_flood(void)
{
	start();
	r.d.config.message_max = 20;
	rig_poll_for(&r, SEC(1));
	for (uint32_t second = 0; second < 5; second++) {
		for (uint32_t i = 0; i < 20; i++)
			CHECK(rig_ask2(&r, 0, VF_SET_LPE, 1500));
		rig_poll_for(&r, SEC(1));
	}
	CHECK(!r.told[IGB_VF_ISOLATED]);
	for (uint32_t i = 0; i < 20; i++)
		CHECK(rig_ask2(&r, 0, VF_SET_LPE, 1500));
	CHECK(!rig_ask2(&r, 0, VF_SET_LPE, 1500) && r.told[IGB_VF_ISOLATED] == 1);
}

static void everybody_has_a_turn_while_all_shout(void)
{
	uint32_t answered[8] = { 0 };
	struct igb_config c = rig_config(8);

	c.message_max = 100000;
	CHECK(rig_start_up(&r, &c) == OK);
	for (uint32_t vf = 0; vf < 8; vf++)
		CHECK(rig_vf_init(&r, vf));
	for (uint32_t i = 0; i < 400; i++) {
		for (uint32_t vf = 0; vf < 8; vf++) {
			answered[vf] += (rig_mailbox(&r, vf) & 0x30) == 0x30;
			if (rig_mailbox(&r, vf) & 0x30 || i == 0)
				rig_send(&r, vf, (uint32_t[]){ VF_SET_LPE, 1522 }, 2);
		}
		rig_poll(&r);
		CHECK(r.events.has_more);
	}
	for (uint32_t vf = 0; vf < 8; vf++)
		CHECK(answered[vf] >= 98 && answered[vf] <= 101);
}

static void a_mailbox_that_is_kept_is_taken_away(void)
{
	start();
	igb_model_vf_write(&r.m, 2, 0xc40, 4 | 1); /* a message, and the lock for ever */
	rig_poll_for(&r, MS(40));
	CHECK(r.told[IGB_VF_STUCK] == 0);
	CHECK(rig_ask2(&r, 0, VF_SET_LPE, 1500));
	rig_poll_for(&r, MS(40));
	CHECK(r.told[IGB_VF_STUCK] == 1 && !(reg(0xc08) & 4));
	CHECK(rig_vf_init(&r, 2));
	/* Who does it all the time is told of once per interval, and costs two accesses a round. */
	r.poll_most = 0;
	for (uint32_t i = 0; i < 900; i++) {
		igb_model_vf_write(&r.m, 2, 0xc40, 4 | 1);
		rig_poll(&r);
	}
	CHECK(r.told[IGB_VF_STUCK] <= 2 && r.poll_most <= 20);
}

/* --- word from the PF ------------------------------------------------------------------------- */

static void who_reads_without_leave_is_told_to_begin_again(void)
{
	start();
	igb_model_vf_reset(&r.m, 0);
	rig_poll(&r);
	(void)rig_vf_reads(&r, 0);
	rig_poll_for(&r, MS(20));
	CHECK(!(rig_vf_reads(&r, 0) & NACK)); /* it may be about to */
	rig_poll_for(&r, SEC(2));
	(void)rig_vf_reads(&r, 0);
	rig_poll_for(&r, MS(20));
	CHECK(rig_vf_reads(&r, 0) == NACK);
	CHECK(rig_vf_init(&r, 0));
}

static void link_changes_are_told_to_who_is_ready(void)
{
	start();
	rig_poll_for(&r, MS(30));
	CHECK(r.told[IGB_LINK_UP] == 1);
	igb_model_vf_reset(&r.m, 2);
	rig_poll(&r);
	(void)rig_mailbox(&r, 0);
	r.sticky[0] = 0;
	igb_model_link(&r.m, false);
	rig_poll_for(&r, MS(30));
	CHECK(r.told[IGB_LINK_DOWN] == 1 && r.d.is_link_up == false);
	CHECK(rig_mailbox(&r, 0) & 0x10 && rig_vf_reads(&r, 0) == (0x100 | CTS));
	CHECK(rig_vf_reads(&r, 2) != (0x100 | CTS));
}

/* What is told must not take the place of an answer, whenever the VF gets to reading it. */
static void answers_are_not_overwritten(void)
{
	static const uint32_t message[2] = { VF_SET_LPE, 1500 };

	for (uint32_t wait = 0; wait < 60; wait++) {
		start();
		CHECK(rig_send(&r, 0, message, 2));
		for (uint32_t i = 0; i < 40; i++) {
			if (i == 10)
				igb_model_link(&r.m, wait & 1);
			rig_poll(&r);
		}
		rig_poll_for(&r, wait * RIG_POLL);
		CHECK(rig_vf_reads(&r, 0) == (VF_SET_LPE | ACK | CTS));
	}
}

/* Another VF starts its request at each access of the driver, while one is being served. */
static void ask_in_between(struct igb_model *m, void *context)
{
	if (countdown && --countdown == 0)
		(void)rig_send(&r, 2, (uint32_t[]){ VF_SET_LPE, 1400 }, 2);
}

static void requests_in_the_middle_of_requests_are_not_lost(void)
{
	for (uint32_t at = 1; at < 40; at++) {
		start();
		r.m.hook = ask_in_between;
		countdown = at;
		CHECK(rig_ask2(&r, 0, VF_SET_LPE, 1500) == (VF_SET_LPE | ACK | CTS));
		rig_poll_for(&r, MS(30));
		CHECK((rig_mailbox(&r, 2) & 0x30) == 0x30);
		CHECK(rig_vf_reads(&r, 2) == (VF_SET_LPE | ACK | CTS));
		CHECK((reg(0x5ad8) & 0x3fff) == 1400);
	}
}

int main(void)
{
	RUN(the_whole_conversation_of_igbvf);
	RUN(a_new_driver_gets_everything_that_it_is_allowed);
	RUN(what_is_refused_changes_nothing);
	RUN(random_messages_are_answered);
	RUN(nothing_but_reset_before_reset);
	RUN(nobody_gets_an_address_that_is_anothers);
	RUN(a_message_that_changes_while_it_is_read);
	RUN(a_flood_ends_with_the_one_who_makes_it);
	RUN(a_lot_over_time_is_not_a_flood);
	RUN(everybody_has_a_turn_while_all_shout);
	RUN(a_mailbox_that_is_kept_is_taken_away);
	RUN(who_reads_without_leave_is_told_to_begin_again);
	RUN(link_changes_are_told_to_who_is_ready);
	RUN(answers_are_not_overwritten);
	RUN(requests_in_the_middle_of_requests_are_not_lost);
	return test_failed;
}

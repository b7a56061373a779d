/* SPDX-License-Identifier: Apache-2.0 */
/* The controller in memory: messages, how often they come, and the lives of its ports. */
#include "tests/unit/memnic_rig.h"

static const struct memnic_counts *counts(uint32_t port)
{
	return &rig.m.vfs[port].counts;
}

static uint64_t messages(uint32_t port)
{
	return rig.ports[port].messages[0] + rig.ports[port].messages[1] +
	       rig.ports[port].messages[2];
}

/* As many as there is room for, for so long: some 80,000 frames of 1514 bytes a second. */
static void keep_busy(uint64_t ns)
{
	const uint64_t until_ns = rig.now_ns + ns;

	while (rig.now_ns < until_ns) {
		while (rig_send(0, 1, 1514, 0))
			;
		rig_poll();
		rig_drop_all(1);
	}
}

static void one_frame(void)
{
	CHECK(rig_send(0, 1, 100, 0));
	rig_pass(US(10));
	CHECK(rig_drop_all(1) == 1);
}

/* ---- Causes and masks ---- */

static void each_frame_interrupts_where_nothing_is_throttled(void)
{
	rig_with(2, RIG_LINK);
	for (uint32_t i = 0; i < 50; i++)
		one_frame();
	CHECK(messages(1) == 50 && messages(0) == 0);
	CHECK(counts(1)->raised == 50 && counts(1)->delivered == 50 && counts(1)->merged == 0);
}

/* EIAM: after a message the vector is masked, until the guest sets EIMS again. */
static void what_comes_while_it_is_masked_is_told_once(void)
{
	rig_with(2, RIG_LINK);
	rig.ports[1].rearms = false;
	for (uint32_t i = 0; i < 5; i++)
		one_frame();
	CHECK(messages(1) == 1);
	igbvf_rearm(&rig.ports[1].driver);
	rig_pass(US(5));
	CHECK(messages(1) == 2);
	igbvf_rearm(&rig.ports[1].driver);
	rig_pass(US(5));
	CHECK(messages(1) == 2 && counts(1)->raised == 5 && counts(1)->merged == 3);
	one_frame();
	CHECK(messages(1) == 3);
}

static void without_automask_it_stays_open(void)
{
	rig_with(2, RIG_LINK);
	rig.ports[1].rearms = false;
	*rig_reg(1, REG_EIAM) = 0;
	for (uint32_t i = 0; i < 5; i++)
		one_frame();
	CHECK(messages(1) == 5);
	*rig_reg(1, REG_EIMC) = 1;
	rig_pass(US(20));
	CHECK(*rig_reg(1, REG_EIMC) == 0);
	one_frame();
	CHECK(messages(1) == 5);
	*rig_reg(1, REG_EIMC) = 1; /* and in the same moment: it is not lost */
	*rig_reg(1, REG_EIMS) = 1;
	rig_pass(US(20));
	CHECK(messages(1) == 6 && *rig_reg(1, REG_EIMS) == 0);
}

/* EIAC: or a cause stays until EICR is written, and no message follows. */
static void a_cause_that_is_not_cleared_is_told_once(void)
{
	rig_with(2, RIG_LINK);
	*rig_reg(1, REG_EIAC) = 0;
	one_frame();
	one_frame();
	CHECK(messages(1) == 1);
	*rig_reg(1, REG_EICR) = 1;
	rig_pass(US(20));
	CHECK(messages(1) == 2);
}

static void the_vector_is_ivars(void)
{
	rig_with(2, RIG_LINK);
	*rig_reg(1, REG_IVAR) = 0x82;
	*rig_reg(1, REG_EIMS) = 7;
	*rig_reg(0, REG_IVAR) = 0x8180; /* what was sent, too */
	*rig_reg(0, REG_EIMS) = 7;
	one_frame();
	CHECK(rig.ports[1].messages[2] == 1 && messages(1) == 1);
	CHECK(rig.ports[0].messages[1] == 1 && messages(0) == 1);
	*rig_reg(1, REG_IVAR) = 0x83; /* there is no such vector */
	one_frame();
	*rig_reg(1, REG_IVAR) = 0x00;
	one_frame();
	CHECK(messages(1) == 1);
}

static void a_guest_may_interrupt_itself(void)
{
	rig_with(1, RIG_LINK);
	*rig_reg(0, REG_EIMS) = 5;
	*rig_reg(0, REG_EICS) = UINT32_MAX;
	rig_pass(US(20));
	CHECK(rig.ports[0].messages[0] == 1 && rig.ports[0].messages[2] == 1);
	CHECK(rig.ports[0].messages[1] == 0 && counts(0)->raised == 3);
	*rig_reg(0, REG_EIMS) = 2;
	rig_pass(US(20));
	CHECK(rig.ports[0].messages[1] == 1);
}

/* ---- Intervals ---- */

/* For `ns` busy, then the messages that there were in it. */
static uint64_t busy_messages(uint64_t interval_ns, uint32_t eitr, uint64_t step_ns, uint64_t ns)
{
	uint64_t before;

	rig_with(2, RIG_LINK);
	rig.step_ns = step_ns;
	memnic_set_interval(&rig.m, 1, interval_ns);
	*rig_reg(1, REG_EITR(0)) = eitr;
	keep_busy(MS(1)); /* the guest's own counts from the first message on */
	rig.ports[1].closest_ns = UINT64_MAX;
	rig.ports[1].messages[0] = 0;
	before = rig.now_ns;
	keep_busy(ns);
	CHECK(rig.now_ns - before <= ns + step_ns);
	return messages(1);
}

/* Not earlier than the interval but for one look; over a second as many as have room in it. */
static void is_throttled_to(uint64_t interval_ns, uint32_t eitr, uint64_t effective_ns)
{
	const uint64_t had = busy_messages(interval_ns, eitr, 1000, SEC(1));

	CHECK(had + 2 >= SEC(1) / effective_ns && had <= SEC(1) / effective_ns + 2);
	CHECK(rig.ports[1].closest_ns + 1000 >= effective_ns);
	CHECK(counts(1)->raised <= counts(1)->delivered + counts(1)->merged + 1);
	CHECK(counts(1)->raised >= counts(1)->delivered + counts(1)->merged);
}

static void the_interval_is_kept_and_used(void)
{
	is_throttled_to(US(125), 0, US(125));
	is_throttled_to(US(50), 0, US(50));
	is_throttled_to(333333, 0, 333333);
}

static void the_guests_own_throttle_only_slows_it_down(void)
{
	is_throttled_to(US(125), 200 << 2, US(200));
	is_throttled_to(US(125), 50 << 2, US(125));
	is_throttled_to(0, 100 << 2, US(100));
}

static void coarse_looks_do_not_change_the_rate(void)
{
	const uint64_t had = busy_messages(US(100), 0, US(30), MS(500));

	CHECK(had + 2 >= 5000 && had <= 5002);
}

static void after_a_pause_the_first_one_is_not_late(void)
{
	rig_with(2, RIG_LINK);
	memnic_set_interval(&rig.m, 1, MS(10));
	one_frame();
	CHECK(messages(1) == 1);
	one_frame();
	CHECK(messages(1) == 1);
	rig_pass(MS(10));
	CHECK(messages(1) == 2);
	rig_pass(MS(30));
	one_frame();
	CHECK(messages(1) == 3); /* at once: nothing was saved up, nothing is owed */
	one_frame();
	CHECK(messages(1) == 3);
}

/* ---- Lives ---- */

static void a_port_that_is_cut_off_moves_nothing(void)
{
	static struct igbvf_memory before;

	rig_with(2, RIG_LINK);
	CHECK(rig_send(0, 1, 1514, 1) && rig_send(1, 0, 1514, 2));
	rig_poll();
	memnic_cut(&rig.m, 1);
	memcpy(&before, &rig.ports[1].memory, sizeof(before));
	CHECK(rig_send(0, RIG_ALL, 100, 3));
	rig_pass(US(100));
	CHECK(memcmp(&before, &rig.ports[1].memory, sizeof(before)) == 0);
	*rig_reg(1, REG_VMBMEM) = MESSAGE_RESET;
	*rig_reg(1, REG_MAILBOX) = MAILBOX_REQ;
	*rig_reg(1, REG_EICS) = 1;
	rig_pass(US(100));
	CHECK(*rig_reg(1, REG_MAILBOX) == MAILBOX_REQ && messages(1) == 0);
	CHECK(memcmp(&before, &rig.ports[1].memory, sizeof(before)) == 0);
	CHECK(!memnic_has_link(&rig.m.vfs[1]) && counts(1)->tx_packets == 0);
}

static void a_frame_whose_sender_is_gone_does_not_arrive(void)
{
	rig_with(2, RIG_LINK);
	CHECK(rig_send(0, 1, 1514, 1));
	rig_poll();
	CHECK(rig.m.is_busy);
	memnic_cut(&rig.m, 0);
	rig_pass(US(50));
	CHECK(rig_drop_all(1) == 0 && rig.m.frame_count == 0);
	CHECK(rig_send(1, 0, 100, 2)); /* the link goes on */
	rig_pass(US(50));
	CHECK(rig.m.frame_count == 1);
}

/* Those of io/memnic_regs.h; what is between them is no register. */
static void check_registers(uint32_t i, uint32_t mailbox)
{
	static const uint32_t zero[] = { REG_CTRL, REG_EICS, REG_EIMS, REG_EIMC,
					 REG_EIAC, REG_EIAM, REG_EICR, REG_IVAR };

	for (uint32_t n = 0; n < ARRAY_SIZE(zero); n++)
		CHECK(*rig_reg(i, zero[n]) == 0);
	for (uint32_t n = 0; n < MEMNIC_VECTORS; n++)
		CHECK(*rig_reg(i, REG_EITR(n)) == 0);
	for (uint32_t reg = 0; reg <= QUEUE_DCTL; reg += 4)
		CHECK(*rig_reg(i, REG_RX + reg) == 0 && *rig_reg(i, REG_TX + reg) == 0);
	CHECK(*rig_reg(i, REG_MAILBOX) == mailbox);
	CHECK(*rig_reg(i, REG_STATUS) == (STATUS_FD | STATUS_LU | STATUS_1000));
}

/* Whatever it wrote, and wherever. */
static void a_reset_by_its_guest_clears_its_registers(void)
{
	rig_with(2, RIG_LINK);
	for (uint32_t reg = 0; reg < MEMNIC_BAR_BYTES; reg += 4)
		if (reg != REG_MAILBOX)
			*rig_reg(1, reg) = ~0u;
	rig_pass(US(50));
	check_registers(1, 0);
	rig_open(1);
	one_frame();
}

static void who_restarts_finds_a_port_as_after_power_on(void)
{
	const uint32_t before = (rig_with(2, RIG_LINK), counts(1)->generation);

	one_frame();
	*rig_reg(1, REG_EITR(1)) = 77;
	*rig_reg(1, REG_VMBMEM + 60) = 5;
	memnic_cut(&rig.m, 1);
	memnic_reset(&rig.m, 1);
	CHECK(counts(1)->generation != before && !memnic_has_link(&rig.m.vfs[1]));
	check_registers(1, 0);
	rig_pass(US(50));
	CHECK(igbvf_reset(&rig.ports[1].driver) == IGBVF_OK);
	CHECK(igbvf_start(&rig.ports[1].driver) == IGBVF_OK);
	igbvf_interrupt(&rig.ports[1].driver);
	CHECK(rig_send(0, 1, 100, 1)); /* it is no bus master yet */
	rig_pass(US(50));
	CHECK(rig_drop_all(1) == 0 && counts(1)->no_room == 1);
	memnic_set_master(&rig.m, 1, true);
	rig_pass(US(50));
	one_frame();
	memnic_set_master(&rig.m, 1, false);
	CHECK(rig_send(0, 1, 100, 1));
	rig_pass(US(50));
	CHECK(rig_drop_all(1) == 0 && counts(1)->no_room == 2);
}

/* Its driver starts over while frames are under way; nobody else notices. */
static void a_reset_by_its_guest_is_its_own_matter(void)
{
	rig_with(3, RIG_LINK);
	for (uint32_t i = 0; i < 20; i++)
		CHECK(rig_send(0, 1, 1514, i) && rig_send(2, 0, 1514, i));
	rig_pass(US(50));
	*rig_reg(0, REG_CTRL) = CTRL_RST;
	rig_pass(US(20));
	CHECK(*rig_reg(0, REG_CTRL) == 0 && *rig_reg(0, REG_TX + QUEUE_DCTL) == 0);
	CHECK(!memnic_has_link(&rig.m.vfs[0]) && memnic_has_link(&rig.m.vfs[2]));
	rig_pass(MS(1));
	CHECK(counts(2)->tx_packets == 20 && counts(0)->tx_packets < 20);
	rig_drop_all(1);
	rig_open(0);
	one_frame();
	CHECK(counts(0)->rx_packets < 20);
}

static void a_reset_ends_what_is_under_way_at_once(void)
{
	rig_with(2, RIG_LINK);
	CHECK(rig_send(1, 0, 1514, 1) && rig_send(1, 0, 1514, 2));
	rig_poll();
	CHECK(rig.m.is_busy && rig.m.rx_on == 3 && rig.m.tx_on == 3);
	memnic_reset(&rig.m, 1);
	CHECK(!rig.m.is_busy && rig.m.rx_on == 1 && rig.m.tx_on == 1 && rig.m.filled == 0);
	rig_pass(US(100));
	CHECK(rig_drop_all(0) == 0 && counts(1)->tx_packets == 0);
}

static void there_is_each_port_once(void)
{
	const struct memnic_port port = { .page = rig.ports[0].page, .memory = &rig.ports[0].ram };

	rig_begin(RIG_LINK);
	CHECK(memnic_add(&rig.m, 15, &port) == OK);
	CHECK(memnic_add(&rig.m, 15, &port) == ERR_INVAL);
	CHECK(memnic_add(&rig.m, 16, &port) == ERR_INVAL);
}

int main(void)
{
	RUN(each_frame_interrupts_where_nothing_is_throttled);
	RUN(what_comes_while_it_is_masked_is_told_once);
	RUN(without_automask_it_stays_open);
	RUN(a_cause_that_is_not_cleared_is_told_once);
	RUN(the_vector_is_ivars);
	RUN(a_guest_may_interrupt_itself);
	RUN(the_interval_is_kept_and_used);
	RUN(the_guests_own_throttle_only_slows_it_down);
	RUN(coarse_looks_do_not_change_the_rate);
	RUN(after_a_pause_the_first_one_is_not_late);
	RUN(a_port_that_is_cut_off_moves_nothing);
	RUN(a_frame_whose_sender_is_gone_does_not_arrive);
	RUN(who_restarts_finds_a_port_as_after_power_on);
	RUN(a_reset_by_its_guest_is_its_own_matter);
	RUN(a_reset_by_its_guest_clears_its_registers);
	RUN(a_reset_ends_what_is_under_way_at_once);
	RUN(there_is_each_port_once);
	return test_failed;
}

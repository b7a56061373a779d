/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The simulator of paper 003's receivers, against what can be computed by hand: eq. (1) to (3) of the paper, the
 * ring, senders that wait, and what interrupts cost.
 */
#include "tools/sim/nic_sim.h"
#include "tests/test.h"

static struct nic_sim_result r;

/* A core of 1 GHz, no costs but of packets, a long ring. */
static struct nic_sim_config plain(enum nic_load load)
{
	return (struct nic_sim_config){ .guests = 1,
					.cores = 1,
					.hz = 1000000000,
					.link_bits = 100000000000,
					.size = 1000,
					.ring = NIC_RING_MAX,
					.load = load,
					.offered = 100000,
					.window = 1,
					.way_ns = US(10),
					.masks = true,
					.costs = { .packet = 1000 },
					.rate = irq_rate_defaults(IRQ_RATE_FIXED),
					.window_ns = MS(10),
					.warm_up_ns = MS(50),
					.duration_ns = MS(200),
					.seed = 3 };
}

static void run(const struct nic_sim_config *c)
{
	CHECK(nic_sim_run(c, &r) == OK);
}

static bool is_near(uint64_t value, uint64_t wanted)
{
	uint64_t difference = value > wanted ? value - wanted : wanted - value;

	return difference * 50 <= wanted;
}

static void a_packet_costs_what_it_costs(void)
{
	struct nic_sim_config c = plain(NIC_OPEN);

	run(&c);
	CHECK(is_near(r.received, 20000) && r.lost == 0);
	CHECK(is_near(r.cpu_permille, 100));
	CHECK(is_near(r.bits, 800000000));
}

static void an_interrupt_costs_host_and_guest(void)
{
	struct nic_sim_config c = plain(NIC_OPEN);

	/* 8,000 of them, 5,000 cycles each: 40 permille. And a wake for each: 80 more. */
	c.costs.host = 2000;
	c.costs.guest = 3000;
	run(&c);
	CHECK(is_near(r.interrupt_rate, 8000) && is_near(r.cpu_permille, 140));
	c.costs.wake = 10000;
	run(&c);
	CHECK(is_near(r.cpu_permille, 220));
}

/* Eq. (1): no more than a ring for each interrupt. */
static void a_ring_takes_as_many_as_it_has(void)
{
	struct nic_sim_config c = plain(NIC_OPEN);

	c.ring = 8;
	c.rate.fixed = 4000;
	run(&c);
	/* What arrives while the first are taken finds room again. */
	CHECK(is_near(r.lost + r.received, 20000));
	CHECK(r.received >= 200 * 4 * 8 && r.received <= 200 * 4 * 10);
}

/* Eq. (3): what interrupts take is not there for packets. */
static void a_busy_core_loses_what_interrupts_take(void)
{
	struct nic_sim_config c = plain(NIC_OPEN);

	c.offered = 2000000;
	run(&c);
	CHECK(is_near(r.received, 200000) && is_near(r.cpu_permille, 1000));
	/* A driver that masks them while it is busy pays for none. */
	CHECK(r.interrupts == 0);
	c.costs.host = 50000;
	run(&c);
	CHECK(is_near(r.received, 200000));
	c.masks = false;
	run(&c);
	CHECK(is_near(r.received, 200000 - 200 * 8 * 50) && is_near(r.interrupt_rate, 8000));
}

/* One request at a time: two ways, the wire, the interrupt, the packet. */
static void a_request_takes_its_ways(void)
{
	struct nic_sim_config c = plain(NIC_REQUESTS);
	uint64_t wire = (1000 + 66) * 8 / 100;

	c.rate.fixed = 100000;
	c.costs.host = 700;
	c.costs.guest = 300;
	c.answer = 4000;
	run(&c);
	CHECK(is_near(r.mean_ns, 2 * US(10) + wire + 1000 + 5000));
	/* And if it has to wait for its interrupt, the time between two. */
	c.rate.fixed = 8000;
	run(&c);
	CHECK(is_near(r.mean_ns, 125000));
}

static void senders_that_wait_get_a_window_for_each_interrupt(void)
{
	struct nic_sim_config c = plain(NIC_CLOSED);

	c.window = 20;
	c.rate.fixed = 2000;
	run(&c);
	CHECK(is_near(r.received, 20 * 2000 / 5));
	/* Until the core is busy. */
	c.window = 1000;
	run(&c);
	CHECK(is_near(r.received, 200000) && r.lost == 0);
	/* Or the link. */
	c.link_bits = 1000000000;
	run(&c);
	CHECK(is_near(r.bits, 1000000000 / 1066 * 1000));
}

static void a_lost_packet_halves_the_window(void)
{
	struct nic_sim_config c = plain(NIC_CLOSED);

	c.window = 1000;
	c.ring = 64;
	run(&c);
	CHECK(r.lost > 0 && r.lost < r.received / 20);
	CHECK(is_near(r.received, 200000));
}

static void guests_on_a_core_share_it(void)
{
	struct nic_sim_config c = plain(NIC_OPEN);

	c.guests = 5;
	c.cores = 2;
	c.offered = 400000;
	c.costs.packet = 10000;
	c.costs.change = 20000;
	c.duration_ns = MS(2000);
	run(&c);
	/* Three on one, two on the other; a change in each slice of 8 and of 12 ms. */
	CHECK(is_near(r.received, 2 * 200000) && is_near(r.cpu_permille, 2000));
	CHECK(is_near(r.least_received, 200000 / 3) && is_near(r.most_received, 100000));
	CHECK(is_near(r.changes, 2000 / 8 + 2000 / 12));
}

static void bursts_are_as_much_in_a_quarter_of_the_time(void)
{
	struct nic_sim_config c = plain(NIC_OPEN);

	c.guests = 4;
	c.offered = 200000;
	c.burst_ns = MS(5);
	run(&c);
	CHECK(is_near(r.received, 40000) && r.lost == 0);
	/* One after the other: as if it were one. Together they would be too much. */
	CHECK(is_near(r.cpu_permille, 200));
}

static void the_same_seed_is_the_same_run(void)
{
	struct nic_sim_config c = nic_paper_config(16, 1472, NIC_OPEN);
	struct nic_sim_result first;

	c.warm_up_ns = c.duration_ns = MS(20);
	run(&c);
	first = r;
	run(&c);
	CHECK(first.received == r.received && first.interrupts == r.interrupts &&
	      first.mean_ns == r.mean_ns);
}

/* What tools/sim/nic_paper.c derives its costs from. */
static void the_papers_numbers_come_out_again(void)
{
	struct nic_sim_config c = nic_paper_config(1, 1472, NIC_CLOSED);
	uint64_t fir, cgr;

	/* "About 6 Gbps", and 5.6 at 48,000 if each is paid for. */
	c.warm_up_ns = c.duration_ns = MS(100);
	run(&c);
	CHECK(is_near(r.bits, 6000000000) && r.cpu_permille > 990);
	nic_paper_costs(&c, 3155);
	c.rate.fixed = 48000;
	run(&c);
	CHECK(r.bits > 5500000000 && r.bits < 6000000000 && r.cpu_permille > 990);
	/* 1.23 cores at 12 guests. */
	c = nic_paper_config(12, 1472, NIC_OPEN);
	c.warm_up_ns = c.duration_ns = MS(100);
	run(&c);
	fir = r.cpu_permille;
	c.rate.fixed = 4000;
	run(&c);
	cgr = r.cpu_permille;
	CHECK(is_near(fir - cgr, 1230));
}

/* The bars of the controllers, in the cells that they are nearest in. */
static void air_is_where_it_should_be(void)
{
	static const uint32_t windows[] = { 10, 44 };
	uint64_t cgr, latency;

	for (uint32_t i = 0; i < ARRAY_SIZE(windows); i++) {
		struct nic_sim_config c = nic_paper_config(8, 1472, NIC_CLOSED);

		c.window = windows[i];
		c.warm_up_ns = MS(300);
		c.duration_ns = MS(100);
		nic_sim_set_scheme(&c, IRQ_RATE_COARSE);
		run(&c);
		cgr = r.bits;
		nic_sim_set_scheme(&c, IRQ_RATE_ADAPTIVE);
		run(&c);
		CHECK(r.bits >= cgr / 100 * 98);
	}
	for (uint32_t guests = 1; guests <= 16; guests *= 16) {
		struct nic_sim_config c = nic_paper_config(guests, 50, NIC_REQUESTS);

		c.duration_ns = MS(200);
		c.rate.fixed = 100000;
		run(&c);
		latency = r.mean_ns;
		nic_sim_set_scheme(&c, IRQ_RATE_ADAPTIVE);
		run(&c);
		CHECK(r.mean_ns * 10 <= latency * 11);
	}
}

static void what_is_no_machine_is_refused(void)
{
	struct nic_sim_config c = plain(NIC_OPEN);

	c.guests = 0;
	CHECK(nic_sim_run(&c, &r) == ERR_INVAL);
	c = plain(NIC_OPEN);
	c.offered = 0;
	CHECK(nic_sim_run(&c, &r) == ERR_INVAL);
	c = plain(NIC_CLOSED);
	c.window = 0;
	CHECK(nic_sim_run(&c, &r) == ERR_INVAL);
	c = plain(NIC_OPEN);
	c.ring = NIC_RING_MAX + 1;
	CHECK(nic_sim_run(&c, &r) == ERR_INVAL);
}

int main(void)
{
	RUN(a_packet_costs_what_it_costs);
	RUN(an_interrupt_costs_host_and_guest);
	RUN(a_ring_takes_as_many_as_it_has);
	RUN(a_busy_core_loses_what_interrupts_take);
	RUN(a_request_takes_its_ways);
	RUN(senders_that_wait_get_a_window_for_each_interrupt);
	RUN(a_lost_packet_halves_the_window);
	RUN(guests_on_a_core_share_it);
	RUN(bursts_are_as_much_in_a_quarter_of_the_time);
	RUN(the_same_seed_is_the_same_run);
	RUN(the_papers_numbers_come_out_again);
	RUN(air_is_where_it_should_be);
	RUN(what_is_no_machine_is_refused);
	return test_failed;
}

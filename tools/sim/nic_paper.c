/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tools/sim/nic_paper.c - the machine of paper 003 ("When I/O Interrupt Becomes System Bottleneck"), section
 * 5.1, and what its text says of costs.
 *
 * C_pkt    One function "saturates the CPU it runs on at a throughput of about 6 Gbps" (section 4.4), when
 *	    interrupts are few: 2.27e9 cycles / (6e9 / 8 / 1472 packets) = 4,455 cycles.
 * C_int    of a guest that runs all the time: at 48,000 interrupts a second 5.6 Gbps saturate it (sections 3.2,
 *	    3.3): 2.27e9 = 4,455 * 475,543 + 48,000 C_int; C_int = 3,155 cycles. Both numbers are rounded
 *	    in the text: 0 to 6,000 would be as good. Half of it is taken as the host's, whoever runs.
 * Change   With 12 guests that receive the same, CGR costs 1.23 cores less than FIR (section 5.2.1, Fig. 8c). TCP
 *	    makes full packets of 50-byte writes, so CGR is at 4,000 and FIR at 8,000: 48,000 interrupts
 *	    less are 1.23 * 2.27e9 cycles less; 58,169 each. What is beyond C_int, 55,014 cycles, is
 *	    what running a guest costs after somebody else (exits, the host's scheduler, cold caches).
 *	    A guest that sleeps pays it at each interrupt if there are more vCPUs than cores, two
 *	    for each guest: from 5 guests on; that is also where the paper's throughput begins to fall and
 *	    its CPU to rise (section 3.3, Fig. 5). With fewer it does not: Fig. 4's 48,000 would be
 *	    impossible. AIR's 1.44 cores would then be 3,317 interrupts a second of each guest.
 * Senders  Another such machine; sending costs at least what receiving does not: as many packets as
 *	    8 cores can receive.
 * Ring     256, the driver's default. TCP window: 64 KiB of full packets.
 */
#include "tools/sim/nic_sim.h"

#define HZ          UINT64_C(2270000000)
#define CORES       8u
#define LINK_BITS   UINT64_C(10000000000)
#define PACKET_COST 4455u
#define INTERRUPT   3155u
#define CHANGE      (NIC_PAPER_INTERRUPT - INTERRUPT)
#define VCPUS       2u
#define WIRE_BYTES  66u

struct nic_sim_config nic_paper_config(uint32_t guests, uint32_t size, enum nic_load load)
{
	struct nic_sim_config c = {
		.guests = guests,
		.cores = CORES,
		.hz = HZ,
		.link_bits = LINK_BITS,
		.size = size,
		.ring = 256,
		.load = load,
		.window = load == NIC_REQUESTS ? 1 : 44,
		.way_ns = US(10),
		.answer = 2 * PACKET_COST,
		.masks = true,
		.costs = { PACKET_COST, INTERRUPT / 2, INTERRUPT - INTERRUPT / 2, CHANGE,
			   VCPUS * guests > CORES ? CHANGE : 0 },
		.window_ns = MS(10),
		.warm_up_ns = MS(300),
		.duration_ns = MS(700),
		.seed = 1,
	};

	c.offered = min_u64(LINK_BITS / 8 / (size + WIRE_BYTES), CORES * HZ / PACKET_COST);
	nic_sim_set_scheme(&c, IRQ_RATE_FIXED);
	return c;
}

void nic_paper_costs(struct nic_sim_config *c, uint64_t interrupt_cost)
{
	c->masks = false;
	c->costs.host = interrupt_cost;
	c->costs.guest = c->costs.change = c->costs.wake = 0;
}

void nic_sim_set_scheme(struct nic_sim_config *c, enum irq_rate_scheme scheme)
{
	c->rate = irq_rate_defaults(scheme);
	c->rate.capacity = c->hz * min_u64(c->cores, c->guests) / c->guests;
	c->rate.packet_cost = c->costs.packet;
	c->rate.interrupt_cost = c->costs.host + c->costs.guest + c->costs.wake;
	c->window_ns = scheme == IRQ_RATE_COARSE ? MS(100) : MS(10);
}

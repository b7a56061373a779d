/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tools/sim/nic_sim.h - receivers behind virtual functions of one network controller, as in paper 003.
 *
 * Model    A host of some cores under a fair scheduler, without reservations, and guests that receive;
 *	    guest i's driver runs on core i modulo their number. A packet arrives in a guest's ring; if
 *	    that is full, it is lost. The function interrupts at most once in an interval, which an
 *	    io/irq_rate.c decides on, the same source as in the image. An interrupt costs its core a
 *	    host's part, whoever runs; then the guest is woken, and preempts who has run for longer; to be
 *	    run after another one costs a change, and after sleeping a waking; then the guest's part,
 *	    and a cost for each packet until the ring is empty. A driver that masks its interrupt until then
 *	    (NAPI) takes no other one meanwhile.
 *	    Senders: open (UDP: so many a second, whatever happens; steadily, or each guest's in a
 *	    quarter of the time), closed (TCP: a window of
 *	    packets, halved at a loss, one more at each round), or requests (so many waiting for their answer).
 *	    The link carries one packet at a time.
 * Source   Scheduler: CFS of Linux 2.6.32 on 8 CPUs: latency 24 ms, a waking task is put half of that before
 *	    the others, and preempts at a lead of 4 ms.
 * Units    Time in cycles of a core. Rates a second.
 * Errors   nic_sim_run(): ERR_INVAL: nothing to simulate. ERR_NOMEM.
 * Sharing  None. The same configuration gives the same result.
 */
#pragma once
#include "core/lib/base.h"
#include "io/irq_rate.h"

#define NIC_GUEST_MAX 64u
#define NIC_CORE_MAX  16u
#define NIC_RING_MAX  4096u

enum nic_load { NIC_OPEN, NIC_CLOSED, NIC_REQUESTS };

struct nic_costs {
	uint64_t packet;
	uint64_t host, guest;  /* of an interrupt: on its core; in its guest */
	uint64_t change, wake; /* a core runs it after another guest; the same one after a sleep */
};

struct nic_sim_config {
	uint32_t guests, cores;
	uint64_t hz, link_bits;
	uint32_t size, ring; /* bytes of a packet's payload; packets */
	enum nic_load load;
	uint64_t offered; /* open: packets a second, of all guests */
	uint64_t
		burst_ns; /* open: for so long a guest has its packets of four times as long; 0: steady */
	uint32_t window; /* closed: packets; requests: how many wait */
	uint64_t way_ns; /* from a sender to a ring, and back */
	uint64_t answer; /* requests: cycles of a guest, beside the packet */
	bool masks;      /* NAPI */
	struct nic_costs costs;
	struct irq_rate_settings rate;
	uint64_t window_ns; /* the controller's */
	uint64_t warm_up_ns, duration_ns;
	uint64_t seed;
};

struct nic_sim_result {
	uint64_t sent, received, lost, interrupts, changes;
	uint64_t bits;           /* of payload, a second */
	uint64_t interrupt_rate; /* a second, of all guests */
	uint64_t loss_ppm;
	uint64_t cpu_permille;                  /* of one core: 8000 are 8 cores */
	uint64_t mean_ns, p99_ns;               /* requests: from being sent to its answer */
	uint64_t least_received, most_received; /* of a guest */
	uint64_t last_rate;                     /* that guest 0 may be interrupted at, at the end */
};

/* Cycles: what an interrupt costs if more vCPUs than cores share the machine (tools/sim/nic_paper.c). */
#define NIC_PAPER_INTERRUPT 58169u

/* The paper's machine, with costs that its text gives (tools/sim/nic_paper.c says how). */
struct nic_sim_config nic_paper_config(uint32_t guests, uint32_t size, enum nic_load load);
/* The same, and an interrupt costs so much whenever it comes, as in the paper's eq. (2). */
void nic_paper_costs(struct nic_sim_config *c, uint64_t interrupt_cost);
/* AIR and CGR need costs and the capacity: what the planner and calibration give in the image. */
void nic_sim_set_scheme(struct nic_sim_config *c, enum irq_rate_scheme scheme);

MUST_CHECK enum err nic_sim_run(const struct nic_sim_config *config, struct nic_sim_result *result);

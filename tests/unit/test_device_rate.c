/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core/device_rate.c with a controller that only notes what it is told: windows, throttles, buckets and
 * gates, costs, and what is reported.
 */
#include <stdio.h>
#include <string.h>
#include "core/device_rate_parts.h"
#include "core/plan_rate.h"
#include "tests/test.h"
#include "tests/unit/device_rig.h"

#define VF_COUNT 4u
#define TICK     (FAKE_PCI_HZ / 1000) /* a millisecond */

/* ---- The controller ---- */

static struct {
	struct vf_traffic traffic[VF_COUNT];
	struct irq_counts counts[VF_COUNT];
	uint64_t interval_ns[VF_COUNT];
	bool may_receive[VF_COUNT], may_send[VF_COUNT];
	struct pf_buckets buckets[VF_COUNT];
	uint32_t reads, intervals, gates, resumed;
} nic;

static void read_traffic(struct pf *p, uint32_t vf, struct vf_traffic *traffic)
{
	nic.reads++;
	*traffic = nic.traffic[vf];
}

static void set_interval(struct pf *p, uint32_t vf, uint64_t interval_ns)
{
	nic.intervals++;
	nic.interval_ns[vf] = interval_ns;
}

static void set_gate(struct pf *p, uint32_t vf, bool may_receive, bool may_send)
{
	nic.gates++;
	nic.may_receive[vf] = may_receive;
	nic.may_send[vf] = may_send;
}

static void resume_send(struct pf *p, uint32_t vf)
{
	nic.resumed |= BIT32(vf);
}

static void set_buckets(struct pf *p, uint32_t vf, const struct pf_buckets *buckets)
{
	nic.buckets[vf] = *buckets;
}

static void count_interrupts(struct pf *p, uint32_t vf, struct irq_counts *counts)
{
	*counts = nic.counts[vf];
}

static struct pf_ops ops;
static struct pf pf;
static struct pf_config pf_config;
static struct config sys;
static struct plan_vcpu claims[MAX_VCPUS];
static struct device_config *devices_of[VF_COUNT];

/* ---- The system: VF n is partition n's ---- */

static void clear(void)
{
	rig_clear();
	memset(&nic, 0, sizeof(nic));
	ops = (struct pf_ops){ .read_traffic = read_traffic,
			       .set_interval = set_interval,
			       .set_gate = set_gate,
			       .resume_send = resume_send,
			       .count_interrupts = count_interrupts };
	pf_config = (struct pf_config){ .name = "nic", .driver = PF_IGB, .vf_count = VF_COUNT };
	pf = (struct pf){ .config = &pf_config, .ops = &ops, .function = PCI_NO_FUNCTION };
	sys = (struct config){ .name = "sys", .service = RESERVATION(0, MS(1), MS(10)) };
	for (uint32_t i = 0; i < VF_COUNT; i++) {
		static const char *const names[] = { "a", "b", "c", "d" };
		const struct device_config d = { .kind = DEVICE_VF, .name = "nic", .index = i };
		struct partition *const p = rig_partition(names[i], MIB(2), &d, 1);

		claims[i] = (struct plan_vcpu){ .kind = CPU_RESERVED,
						.budget_tsc = 4 * TICK,
						.period_tsc = 10 * TICK };
		p->vcpus[0].plan = &claims[i];
		pf.vfs[i] = p->config->devices;
		devices_of[i] = (struct device_config *)(uintptr_t)p->config->devices;
		nic.traffic[i].has_link = true;
	}
	sys.partitions = partitions[0].config;
	sys.partition_count = VF_COUNT;
}

/* A round of the service now; traffic before it is the caller's. */
static void round_at(uint64_t now_tsc)
{
	device_rate_serve(&pf, now_tsc);
}

static void receive(uint32_t vf, uint64_t packets, uint64_t bytes)
{
	nic.traffic[vf].rx_packets += packets;
	nic.traffic[vf].rx_bytes += packets * bytes;
}

static const struct rate_vf *of(uint32_t vf)
{
	return &rate_pfs[0].vfs[vf];
}

/* ---- Rates ---- */

static void a_fixed_rate_is_in_force_from_the_start_and_again_each_round(void)
{
	clear();
	devices_of[1]->irq_rate = (struct irq_rate_config){ .kind = IRQ_FIR, .per_second = 7000 };
	device_rate_start(&pf, &sys);
	CHECK(rate_pfs[0].count == VF_COUNT);
	/* Rounded up: never above the rate. */
	CHECK(nic.interval_ns[1] == 142858 && nic.intervals == 1 && nic.interval_ns[0] == 0);
	for (uint32_t i = 0; i < 50; i++) {
		nic.interval_ns[1] = 0; /* its guest has written to it */
		round_at(i * 10 * TICK);
		CHECK(nic.interval_ns[1] == 142858);
	}
	CHECK(nic.intervals == 51 && nic.gates == 0 && of(1)->rate_changes == 0);
	/* A look at the beginning, and one at the end of each window of 100 ms. */
	CHECK(nic.reads == 1 + 4);
	CHECK(rig.throttle_count == 0); /* no IOMMU is in between */
}

static void the_gate_gets_the_interval_in_ticks_and_who_is_urgent(void)
{
	static struct pci_table table;

	clear();
	table.functions[1] = (struct pci_function){ .addr = PCI_ADDR(0, 1, 0x10, 0),
						    .is_vf = true,
						    .is_usable = true };
	table.count = 2;
	pf.table = &table;
	pf.function = 0;
	ops.count_interrupts = NULL;
	rig.irq_counts = (struct irq_counts){ 5, 4, 3, 2 };
	devices_of[0]->irq_rate =
		(struct irq_rate_config){ .kind = IRQ_FIR, .per_second = 3000, .urgent = 6 };
	rate_pfs[0] = (struct rate_pf){ 0 };
	device_rate_start(&pf, &sys);
	CHECK(rig.throttle_count == 1 && rig.throttle_urgent == 6);
	CHECK(rig.throttled == PCI_ADDR(0, 1, 0x10, 0));
	CHECK(rig.throttle_tsc == (FAKE_PCI_HZ + 2999) / 3000);
	device_rate_summarize(&pf);
	CHECK(strstr(rig.machine[0], "\"raised\":5,\"delivered\":4,\"merged\":3,\"masked\":2"));
}

/* Windows end at whole multiples after the first round, however late the rounds are. */
static void windows_are_at_absolute_times(void)
{
	clear();
	devices_of[0]->irq_rate = (struct irq_rate_config){ .kind = IRQ_CGR, .window_ns = MS(20) };
	device_rate_start(&pf, &sys);
	round_at(3 * TICK);
	CHECK(of(0)->due_tsc == 23 * TICK && of(0)->windows == 0);
	round_at(22 * TICK);
	CHECK(of(0)->windows == 0);
	round_at(23 * TICK);
	CHECK(of(0)->windows == 1 && of(0)->due_tsc == 43 * TICK);
	round_at(59 * TICK); /* late */
	CHECK(of(0)->windows == 2 && of(0)->due_tsc == 63 * TICK);
	round_at(110 * TICK); /* one was missed */
	CHECK(of(0)->windows == 3 && of(0)->due_tsc == 123 * TICK);
}

/* The classes of the paper by what came within the window; the elapsed time is the true one. */
static void the_controller_sees_the_traffic_of_its_window(void)
{
	clear();
	devices_of[2]->irq_rate = (struct irq_rate_config){ .kind = IRQ_CGR };
	device_rate_start(&pf, &sys);
	round_at(0);
	receive(2, 2000, 1400);
	round_at(100 * TICK); /* the first sample has nothing before it */
	receive(2, 2000, 1400);
	round_at(200 * TICK);
	CHECK(of(2)->rate.rate == 4000 && nic.interval_ns[2] == 250000);
	receive(2, 2000, 600);
	round_at(300 * TICK);
	CHECK(of(2)->rate.rate == 8000 && nic.interval_ns[2] == 125000);
	/* 150 in 50 ms would be many; in the 150 ms that it were they are not. */
	receive(2, 450, 60);
	round_at(450 * TICK);
	CHECK(of(2)->rate.rate == 100000);
	CHECK(of(2)->rate_changes == 3 && of(2)->rate_min == 4000 && of(2)->rate_max == 100000);
	/* A reset begins a new window, and changes nothing. */
	nic.traffic[2] = (struct vf_traffic){ .generation = 1, .has_link = true };
	receive(2, 2000, 1400);
	round_at(500 * TICK);
	CHECK(of(2)->rate.rate == 100000);
	receive(2, 2000, 1400);
	round_at(600 * TICK);
	CHECK(of(2)->rate.rate == 4000);
}

/* ---- Costs ---- */

static void work(uint32_t vf, uint64_t packets, uint64_t interrupts, uint64_t guest, uint64_t host)
{
	struct vcpu_ledger *const l = &partitions[vf].vcpus[0].ledger;

	receive(vf, packets, 554);
	nic.counts[vf].delivered += interrupts;
	l->guest += guest;
	l->hypervisor[EXIT_IRQ] += host / 2;
	l->hypervisor[LEDGER_SWITCH] += host - host / 2;
	l->hypervisor[EXIT_CPUID] += 12345; /* none of its interrupts' */
	l->hypervisor[LEDGER_LOAD] += 12345;
}

static void costs_are_measured_in_windows_with_traffic(void)
{
	uint64_t now_tsc = 0;

	clear();
	devices_of[0]->irq_rate = (struct irq_rate_config){ .kind = IRQ_AIR };
	device_rate_start(&pf, &sys);
	CHECK(of(0)->rate.settings.capacity == FAKE_PCI_HZ * 4 / 10);
	round_at(now_tsc);
	for (uint32_t i = 0; i < 3; i++) { /* too little of each */
		work(0, i == 0 ? 15 : 100, i == 1 ? 3 : 10, i == 2 ? 0 : 1000, 1000);
		round_at(now_tsc += 10 * TICK);
		CHECK(of(0)->costs.windows == 0);
	}
	for (uint32_t i = 0; i < 12; i++) {
		work(0, 100, 10, 300 + 100 * (i & 1), 70);
		round_at(now_tsc += 10 * TICK);
		CHECK(of(0)->costs.windows == min_u64(i + 1, 8));
	}
	/* Sums, not a lucky window: 8 of 300 and 400 by turns for 100 packets each. */
	CHECK(of(0)->rate.settings.packet_cost == 3 && of(0)->rate.settings.interrupt_cost == 7);
	CHECK(of(0)->costs.guest_tsc == 8 * 350);
}

/* At first the guest is never idle; then it sleeps, and each interrupt wakes it; then as before. */
static void an_interrupt_costs_what_it_costs_when_its_guest_sleeps(void)
{
	static const struct {
		uint64_t host, cost;
	} windows[] = { { 70, 7 }, { 900, 90 }, { 70, 90 }, { 800, 90 }, { 950, 95 } };
	uint64_t now_tsc = 0;

	clear();
	devices_of[0]->irq_rate = (struct irq_rate_config){ .kind = IRQ_AIR };
	device_rate_start(&pf, &sys);
	round_at(now_tsc);
	for (uint32_t phase = 0; phase < ARRAY_SIZE(windows); phase++)
		for (uint32_t i = 0; i < 10; i++) {
			work(0, 100, 10, 300, windows[phase].host);
			round_at(now_tsc += 10 * TICK);
			CHECK((phase == 0 && i == 0) ||
			      of(0)->rate.settings.interrupt_cost == windows[phase].cost);
		}
	CHECK(of(0)->rate.settings.packet_cost == 3);
}

static void what_is_given_is_not_measured(void)
{
	clear();
	devices_of[0]->irq_rate = (struct irq_rate_config){ .kind = IRQ_AIR,
							    .packet_ns = US(40),
							    .batch = 5,
							    .offset = 11,
							    .threshold = 12,
							    .min_per_second = 13 };
	claims[0].kind = CPU_OWNED;
	device_rate_start(&pf, &sys);
	CHECK(of(0)->rate.settings.batch == 5 && of(0)->rate.settings.offset == 11);
	CHECK(of(0)->rate.settings.threshold == 12 && of(0)->rate.settings.min == 13);
	CHECK(of(0)->rate.settings.capacity == FAKE_PCI_HZ);
	round_at(0);
	work(0, 100, 10, 300, 70);
	round_at(10 * TICK);
	work(0, 100, 10, 300, 70);
	round_at(20 * TICK);
	CHECK(of(0)->rate.settings.packet_cost == FAKE_PCI_HZ / 25000);
	CHECK(of(0)->rate.settings.interrupt_cost == 7);
}

/* ---- Shares ---- */

/* A source that sends `offered` bytes a second in frames, of which the VF gets what comes while it may. */
static uint64_t flood_for(uint32_t vf, uint64_t *now_tsc, uint32_t ms, uint64_t offered,
			  uint64_t *most_in_a_second)
{
	static uint64_t history[100000];
	uint64_t sum = 0;

	for (uint32_t i = 0; i < ms; i++) {
		if (nic.may_receive[vf] || nic.gates == 0) {
			receive(vf, offered / 1000000, 1000);
			sum += offered / 1000;
		}
		*now_tsc += TICK;
		if (*now_tsc % (2 * TICK) == 0)
			round_at(*now_tsc);
		history[i] = sum;
		if (i >= 1000)
			*most_in_a_second =
				max_u64(*most_in_a_second, history[i] - history[i - 1000]);
	}
	return sum;
}

static void a_rate_is_kept_over_any_second(void)
{
	uint64_t now_tsc = 0, most = 0, got;

	clear();
	sys.service = (struct cpu_claim)RESERVATION(0, US(500), MS(2));
	devices_of[0]->qos.rx_bytes_per_s = (struct tuple)EXACTLY(4000000);
	device_rate_start(&pf, &sys);
	for (uint32_t i = 0; i < VF_COUNT; i++)
		nic.may_receive[i] = nic.may_send[i] = true;
	round_at(0);
	(void)flood_for(0, &now_tsc, 1000, 8000000, &most);
	most = 0;
	got = flood_for(0, &now_tsc, 10000, 8000000, &most);
	CHECK(got > 39600000 && got < 40400000);
	CHECK(most <= 4040000);
	printf("# of 4000000 bytes a second at most %llu in one\n", (unsigned long long)most);
	CHECK(nic.may_receive[1] && nic.may_send[1]); /* others are left alone */
	CHECK(nic.may_send[0] && nic.resumed == 0);
}

static void who_may_send_again_is_set_going_where_his_guest_cannot_run(void)
{
	clear();
	for (uint32_t i = 0; i < 2; i++)
		devices_of[i]->qos.tx_packets_per_s = (struct tuple)EXACTLY(1000);
	partitions[1].vcpus[0].core = 3; /* the service is on core 0 */
	device_rate_start(&pf, &sys);
	round_at(TICK);
	for (uint32_t i = 0; i < 2; i++) {
		nic.traffic[i].tx_packets = 100;
		nic.traffic[i].tx_bytes = 6000;
	}
	round_at(2 * TICK);
	CHECK(nic.gates == 2 && !nic.may_send[0] && !nic.may_send[1] && nic.may_receive[0]);
	CHECK(nic.resumed == 0);
	round_at(95 * TICK);
	CHECK(nic.gates == 4 && nic.may_send[0] && nic.may_send[1] && nic.resumed == BIT32(0));
	round_at(105 * TICK);
	CHECK(nic.gates == 4);
}

/* Counters that start again are no traffic. */
static void a_reset_is_not_charged(void)
{
	clear();
	devices_of[0]->qos.rx_bytes_per_s = (struct tuple)EXACTLY(1000000);
	device_rate_start(&pf, &sys);
	nic.traffic[0].rx_bytes = 50000000; /* before the first look */
	round_at(0);
	CHECK(nic.gates == 0);
	nic.traffic[0] = (struct vf_traffic){ .rx_bytes = 90000000, .generation = 1 };
	round_at(10 * TICK);
	CHECK(nic.gates == 0);
	nic.traffic[0].rx_bytes = 5;
	round_at(20 * TICK);
	CHECK(nic.gates == 0);
	nic.traffic[0].rx_bytes = 5000000;
	round_at(30 * TICK);
	CHECK(nic.gates == 1 && !nic.may_receive[0]);
}

/* What the planner shrank is what is enforced. */
static void what_is_granted_is_enforced(void)
{
	clear();
	pf_config.link_bytes_per_s = 1000000;
	devices_of[0]->qos =
		(struct net_qos){ .rx_bytes_per_s = { 900000, 100000, 900000 }, .priority = 1 };
	devices_of[1]->qos =
		(struct net_qos){ .rx_bytes_per_s = { 900000, 100000, 900000 }, .priority = 2 };
	sys.partitions = partitions[0].config;
	device_rate_start(&pf, &sys);
	CHECK(rate_pfs[0].shapers[RATE_RECEIVE].clients[0].bytes.assured == 100000);
	CHECK(rate_pfs[0].shapers[RATE_RECEIVE].clients[1].bytes.assured == 900000);
	CHECK(rate_pfs[0].shapers[RATE_RECEIVE].count == VF_COUNT);
	CHECK(rate_pfs[0].shapers[RATE_SEND].count == 0);
}

static void a_device_with_buckets_gets_them_and_is_not_watched(void)
{
	clear();
	ops.set_buckets = set_buckets;
	devices_of[2]->qos.tx_bytes_per_s.max = 1000;
	sys.service = (struct cpu_claim)OWN_CORE(1);
	device_rate_start(&pf, &sys);
	CHECK(nic.buckets[2].send == &rate_pfs[0].shapers[RATE_SEND] && !nic.buckets[2].receive);
	CHECK(nic.buckets[2].send_client == 2 && nic.buckets[3].send_client == 3);
	round_at(0);
	nic.traffic[2].tx_bytes = 1000000;
	round_at(TICK);
	CHECK(nic.gates == 0 && nic.reads == 0);
}

/* ---- Reports ---- */

static void each_second_and_at_the_end_there_is_a_line_for_each(void)
{
	clear();
	pf_config.report_ns = SEC(1);
	devices_of[0]->irq_rate = (struct irq_rate_config){ .kind = IRQ_FIR, .per_second = 100 };
	device_rate_start(&pf, &sys);
	for (uint32_t i = 0; i <= 250; i++)
		round_at(i * 10 * TICK);
	CHECK(rig.machine_count == 2 * VF_COUNT);
	CHECK(strstr(rig.machine[0], "\"vf\":\"nic.0\",\"partition\":\"a\",\"when\":\"live\""));
	nic.traffic[0].rx_packets = 1000;
	nic.counts[0] = (struct irq_counts){ .raised = 300, .delivered = 250, .merged = 40 };
	rig.machine_count = rig.line_count = 0;
	device_rate_summarize(&pf);
	CHECK(rig.machine_count == 2 * VF_COUNT && rig.line_count == VF_COUNT);
	CHECK(strstr(rig.machine[0], "\"scheme\":\"fir\",\"rate\":100,"));
	CHECK(strstr(rig.machine[0], "\"raised\":300,\"delivered\":250,\"merged\":40,"));
	/* Had each packet interrupted, it had been 1000. */
	CHECK(strstr(rig.machine[0], "\"exits_saved\":750,\"rx_packets\":1000,"));
	CHECK(rig_lines("", "VF 0 of 'a': 1000 packets received") == 1);
}

/* Nothing of it where there is no network: an NVMe controller's VFs. */
static void controllers_without_traffic_are_left_alone(void)
{
	clear();
	ops.read_traffic = NULL;
	device_rate_start(&pf, &sys);
	CHECK(rate_pfs[0].count == 0);
	round_at(0);
	device_rate_summarize(&pf);
	CHECK(rig.machine_count == 0);
}

int main(void)
{
	RUN(a_fixed_rate_is_in_force_from_the_start_and_again_each_round);
	RUN(the_gate_gets_the_interval_in_ticks_and_who_is_urgent);
	RUN(windows_are_at_absolute_times);
	RUN(the_controller_sees_the_traffic_of_its_window);
	RUN(costs_are_measured_in_windows_with_traffic);
	RUN(an_interrupt_costs_what_it_costs_when_its_guest_sleeps);
	RUN(what_is_given_is_not_measured);
	RUN(a_rate_is_kept_over_any_second);
	RUN(who_may_send_again_is_set_going_where_his_guest_cannot_run);
	RUN(a_reset_is_not_charged);
	RUN(what_is_granted_is_enforced);
	RUN(a_device_with_buckets_gets_them_and_is_not_watched);
	RUN(each_second_and_at_the_end_there_is_a_line_for_each);
	RUN(controllers_without_traffic_are_left_alone);
	return test_failed;
}

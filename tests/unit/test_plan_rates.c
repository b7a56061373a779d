/* SPDX-License-Identifier: Apache-2.0 */
/* Rates of interrupts and shares of a link in the configuration: every rule, and what is granted. */
#include <stdio.h>
#include <string.h>
#include "core/plan_rate.h"
#include "tests/unit/plan_rig.h"

#define LINK UINT64_C(125000000)

static struct device_config first[2], second[1], third[1];
static struct partition_config parts[3];
static struct pf_config pfs[2];

static struct device_config vf(uint32_t index)
{
	struct device_config d;

	memset(&d, 0, sizeof(d));
	d.kind = DEVICE_VF;
	d.name = "net";
	d.index = index;
	return d;
}

void good_system(void)
{
	static struct device_config *const lists[] = { first, second, third };
	static const char *const names[] = { "one", "two", "three" };

	first[0] = vf(0);
	first[0].irq_rate = (struct irq_rate_config){ .kind = IRQ_FIR, .per_second = 8000 };
	first[1] = (struct device_config)PCI_VF("disk", 1);
	second[0] = vf(1);
	second[0].irq_rate = (struct irq_rate_config){ .kind = IRQ_AIR, .urgent = 4 };
	third[0] = vf(2);
	third[0].irq_rate = (struct irq_rate_config){ .kind = IRQ_CGR };
	pfs[0] = (struct pf_config){ .name = "net", .driver = PF_IGB, .vf_count = 3 };
	pfs[1] = (struct pf_config){ .name = "disk", .driver = PF_NVME, .vf_count = 4 };
	for (uint32_t i = 0; i < ARRAY_SIZE(parts); i++)
		parts[i] = (struct partition_config){ .name = names[i],
						      .cpu = OWN_CORE(i),
						      .memory_bytes = MIB(16),
						      .platform = PLATFORM_PC,
						      .image = "x.elf",
						      .devices = lists[i],
						      .device_count = i == 0 ? 2 : 1 };
	sys = (struct config){ .name = "good",
			       .board = TEST_BOARD(4, US(10)),
			       .partitions = parts,
			       .partition_count = 3,
			       .pfs = pfs,
			       .pf_count = 2,
			       .service = RESERVATION(3, US(310), MS(10)) };
}

static char text[4096];

static void put(const char *line)
{
	const size_t length = strlen(text);

	snprintf(text + length, sizeof(text) - length, "%s\n", line);
}

/* Does the plan say this? It is built, and its text kept, by the first question after a change. */
static bool says(const char *words)
{
	if (text[0] == '\0' && build() == OK)
		plan_print(&sys, &board, &plan, put);
	if (strstr(text, words))
		return true;
	printf("not '%s' in:\n%s", words, text);
	for (uint32_t i = 0; i < no.count; i++)
		printf("  %s\n", no.text[i]);
	return false;
}

static void forget(void)
{
	text[0] = '\0';
	good_system();
}

/* ---- Rates of interrupts ---- */

static void each_rule_of_a_rate_names_its_field(void)
{
	static const struct {
		struct irq_rate_config c;
		const char *field, *fix;
	} wrong[] = {
		{ { .kind = IRQ_FIR }, "irq_rate.per_second = 0", "give 1 to 1000000" },
		{ { .kind = IRQ_FIR, .per_second = 1000001 },
		  "per_second = 1000001",
		  "1 to 1000000" },
		{ { .kind = IRQ_CGR, .per_second = 1 }, "irq_rate.per_second = 1", "leave it out" },
		{ { .kind = IRQ_AIR, .per_second = 1 }, "irq_rate.per_second = 1", "leave it out" },
		{ { .kind = IRQ_FIR, .per_second = 1, .batch = 1 },
		  "irq_rate.batch = 1",
		  "leave it" },
		{ { .kind = IRQ_CGR, .min_per_second = 1 },
		  "irq_rate.min_per_second = 1",
		  "leave it out" },
		{ { .kind = IRQ_CGR, .packet_ns = 1 }, "irq_rate.packet_ns = 1", "leave it out" },
		{ { .kind = IRQ_AIR, .offset = 1000001 },
		  "irq_rate.offset = 1000001",
		  "at most 1000000" },
		{ { .kind = IRQ_AIR, .interrupt_ns = SEC(1) + 1 },
		  "interrupt_ns = 1000000001",
		  "at most" },
		{ { .kind = IRQ_AIR, .urgent = 8 }, "irq_rate.urgent = 0x8", "entries 0 to 2" },
		{ { .kind = IRQ_AIR, .window_ns = MS(1) - 1 },
		  "window_ns = 999.999 us",
		  "1 ms to 100" },
		{ { .kind = IRQ_CGR, .window_ns = MS(100) + 1 },
		  "window_ns = 100.000001 ms",
		  "100 ms" },
		{ { .kind = IRQ_CGR, .window_ns = MS(10) - 1 },
		  "window_ns = 9.999999 ms",
		  "comes once in 10 ms; give at least that" },
		{ { .kind = (enum irq_rate_kind)4 }, "irq_rate.kind = 4", "IRQ_FIR, IRQ_CGR or" },
		{ { .window_ns = MS(20) }, "irq_rate.kind is not given", "give IRQ_FIR" },
		{ { .urgent = 1 }, "irq_rate.kind is not given", "give IRQ_FIR" },
	};

	for (uint32_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		second[0].irq_rate = wrong[i].c;
		CHECK(refuses("partition 'two': devices[0].", wrong[i].field, wrong[i].fix));
	}
}

static void bounds_are_inside(void)
{
	second[0].irq_rate = (struct irq_rate_config){ .kind = IRQ_FIR, .per_second = 1000000 };
	CHECK(accepts());
	second[0].irq_rate = (struct irq_rate_config){ .kind = IRQ_FIR, .per_second = 1 };
	CHECK(accepts());
	second[0].irq_rate = (struct irq_rate_config){ .kind = IRQ_CGR, .window_ns = MS(100) };
	CHECK(accepts());
	second[0].irq_rate = (struct irq_rate_config){ .kind = IRQ_AIR,
						       .window_ns = MS(10),
						       .batch = 1,
						       .offset = 1000000,
						       .threshold = 1000000,
						       .min_per_second = 1000000,
						       .packet_ns = SEC(1),
						       .interrupt_ns = SEC(1),
						       .urgent = 7 };
	CHECK(accepts());
	/* A core of its own looks all the time. */
	sys.service = (struct cpu_claim)OWN_CORE(3);
	second[0].irq_rate = (struct irq_rate_config){ .kind = IRQ_AIR, .window_ns = MS(1) };
	CHECK(accepts());
}

static void only_network_vfs_have_rates(void)
{
	first[1].irq_rate = (struct irq_rate_config){ .kind = IRQ_AIR };
	CHECK(refuses("partition 'one': devices[1].", "are for network VFs, and 'disk'", "leave"));
	first[1].qos.rx_packets_per_s.max = 1;
	CHECK(refuses("partition 'one': devices[1].", "are for network VFs, and 'disk'", "leave"));
	first[1] = (struct device_config)PCI_AT("03:00.0");
	first[1].qos.priority = 7; /* says nothing by itself */
	CHECK(accepts());
	first[1] = (struct device_config)PCI_AT("03:00.0");
	first[1].irq_rate.kind = IRQ_AIR;
	CHECK(refuses("partition 'one': devices[1].", "are for network VFs, and '03:00.0'",
		      "leave"));
	pfs[1].link_bytes_per_s = 1;
	CHECK(refuses("system", "pfs[1].link_bytes_per_s = 1", "leave it out"));
	pfs[1].report_ns = 1;
	CHECK(refuses("system", "pfs[1].report = 1 ns", "leave it out"));
}

/* ---- Shares ---- */

static void tuples_are_in_order(void)
{
	static const struct {
		size_t at;
		const char *name;
	} tuples[] = { { offsetof(struct net_qos, rx_bytes_per_s), "qos.rx_bytes_per_s: " },
		       { offsetof(struct net_qos, tx_bytes_per_s), "qos.tx_bytes_per_s: " },
		       { offsetof(struct net_qos, rx_packets_per_s), "qos.rx_packets_per_s: " },
		       { offsetof(struct net_qos, tx_packets_per_s), "qos.tx_packets_per_s: " } };

	for (uint32_t i = 0; i < ARRAY_SIZE(tuples); i++) {
		struct tuple *const t =
			(struct tuple *)(void *)((char *)&second[0].qos + tuples[i].at);

		*t = (struct tuple){ .usual = 5, .min = 6 };
		CHECK(refuses("partition 'two': devices[0].", tuples[i].name, "lower min"));
		*t = (struct tuple){ .usual = 5, .max = 4 };
		CHECK(refuses("partition 'two': devices[0].", tuples[i].name, "raise max"));
		*t = (struct tuple){ .min = 1, .max = 4 };
		CHECK(refuses("partition 'two': devices[0].", "min = 1 is above usual = 0",
			      "raise"));
		*t = (struct tuple)EXACTLY(5);
		CHECK(accepts());
		*t = (struct tuple){ .max = 5 };
		CHECK(accepts());
	}
}

static struct net_qos granted(const struct device_config *d)
{
	return plan_grant(&sys, &pfs[0], d);
}

static void minima_must_fit_the_link(void)
{
	first[0].qos.rx_bytes_per_s = (struct tuple)EXACTLY(LINK / 2);
	second[0].qos.rx_bytes_per_s = (struct tuple)EXACTLY(LINK - LINK / 2);
	CHECK(accepts());
	first[0].qos.rx_bytes_per_s = (struct tuple)EXACTLY(80000000);
	first[0].qos.priority = 2;
	second[0].qos.rx_bytes_per_s = (struct tuple)EXACTLY(60000000);
	second[0].qos.priority = 1;
	CHECK(refuses("system",
		      "qos.rx_bytes_per_s.min of 'net': one 80000000 + two 60000000 = "
		      "140000000 > 125000000, its link",
		      "lower that of partition 'two' devices[0] to at most 45000000"));
	/* The least critical has not that much to give. */
	first[0].qos.tx_bytes_per_s = (struct tuple)EXACTLY(LINK);
	first[0].qos.priority = 2;
	second[0].qos.tx_bytes_per_s = (struct tuple)EXACTLY(1000);
	third[0].qos.tx_bytes_per_s = (struct tuple)EXACTLY(2000);
	CHECK(refuses("system", "one 125000000 + two 1000 + three 2000 = 125003000 > 125000000",
		      "lower that of partition 'one' devices[0] to at most 124997000"));
	pfs[0].link_bytes_per_s = 999;
	for (uint32_t i = 0; i < 3; i++)
		(i == 0   ? first
		 : i == 1 ? second
			  : third)[0]
			.qos.tx_bytes_per_s = (struct tuple)EXACTLY(1000);
	CHECK(refuses("system", "one 1000 + two 1000 + three 1000 = 3000 > 999", "by 2001 in all"));
	first[0].qos.rx_bytes_per_s = (struct tuple)EXACTLY(BIT64(40));
	second[0].qos.rx_bytes_per_s = (struct tuple)EXACTLY(BIT64(40));
	CHECK(refuses("system", "one 1099511627776 + two 1099511627776 = 2199023255552 > 125000000",
		      "lower them by 2198898255552 in all"));
}

/* What is far beyond any link takes part in sums and products, and nothing wraps. */
static void too_large_rates_are_refused_and_the_largest_are_shrunk_to_the_link(void)
{
	struct tuple *const all[] = { &first[0].qos.rx_bytes_per_s, &second[0].qos.rx_bytes_per_s,
				      &third[0].qos.rx_bytes_per_s };
	uint64_t sum = 0;

	good_system();
	for (uint32_t i = 0; i < 3; i++)
		*all[i] = (struct tuple)EXACTLY(UINT64_MAX);
	/* Of each, and nothing of their sum, which is beyond 64 bits. */
	CHECK(build() == ERR_INVAL && no.count == 3);
	for (uint32_t i = 0; i < 3; i++)
		*all[i] = (struct tuple){ BIT64(40), i, 0 };
	CHECK(build() == OK);
	sum = granted(&first[0]).rx_bytes_per_s.usual + granted(&second[0]).rx_bytes_per_s.usual +
	      granted(&third[0]).rx_bytes_per_s.usual;
	CHECK(sum <= LINK && sum > LINK - 3);
}

/* The least critical first, down to its min; then the next. */
static void what_is_usual_is_shrunk_by_priority(void)
{
	good_system();
	first[0].qos =
		(struct net_qos){ .rx_bytes_per_s = { 100000000, 50000000, 0 }, .priority = 9 };
	second[0].qos =
		(struct net_qos){ .rx_bytes_per_s = { 50000000, 20000000, 0 }, .priority = 5 };
	CHECK(build() == OK);
	CHECK(granted(&first[0]).rx_bytes_per_s.usual == 100000000);
	CHECK(granted(&second[0]).rx_bytes_per_s.usual == 25000000);
	third[0].qos =
		(struct net_qos){ .rx_bytes_per_s = { 10000000, 9000000, 0 }, .priority = 1 };
	CHECK(build() == OK);
	CHECK(granted(&third[0]).rx_bytes_per_s.usual == 9000000);
	CHECK(granted(&second[0]).rx_bytes_per_s.usual == 20000000);
	CHECK(granted(&first[0]).rx_bytes_per_s.usual == 96000000);
	/* The other way is another link. */
	CHECK(granted(&first[0]).tx_bytes_per_s.usual == 0);
	CHECK(granted(&first[0]).rx_bytes_per_s.min == 50000000);
	good_system();
}

static void criticality_comes_before_priority(void)
{
	good_system();
	first[0].qos =
		(struct net_qos){ .rx_bytes_per_s = { 100000000, 50000000, 0 }, .priority = 9 };
	second[0].qos =
		(struct net_qos){ .rx_bytes_per_s = { 50000000, 20000000, 0 }, .priority = 5 };
	parts[1].criticality = 1;
	CHECK(build() == OK);
	CHECK(granted(&first[0]).rx_bytes_per_s.usual == 75000000);
	CHECK(granted(&second[0]).rx_bytes_per_s.usual == 50000000);
	first[0].qos.rx_bytes_per_s.min = 90000000;
	second[0].qos.rx_bytes_per_s.min = 40000000;
	CHECK(refuses("system", "= 130000000 > 125000000",
		      "lower that of partition 'one' devices[0] to at most 85000000"));
	good_system();
}

/* Oracle: one byte after the other from whoever of the lowest priority has most, relative to what he had. */
static void equal_ones_lose_in_proportion_and_the_sum_fits(void)
{
	struct device_config *const all[] = { first, second, third };
	uint64_t state = 88172645463325252u;

	for (uint32_t round = 0; round < 20000; round++) {
		uint64_t sum = 0, minima = 0, usual = 0, got = 0;
		uint32_t priority[3];

		good_system();
		pfs[0].link_bytes_per_s = 3000;
		for (uint32_t i = 0; i < 3; i++) {
			struct tuple *const t = &all[i][0].qos.tx_bytes_per_s;

			state ^= state << 13;
			state ^= state >> 7;
			state ^= state << 17;
			t->min = state % 1000;
			t->usual = t->min + (state >> 20) % 2000;
			all[i][0].qos.priority = priority[i] = (uint32_t)(state >> 40) % 3;
			minima += t->min;
			usual += t->usual;
		}
		for (uint32_t i = 0; i < 3; i++) {
			const struct tuple *const was = &all[i][0].qos.tx_bytes_per_s;
			const uint64_t is = granted(all[i]).tx_bytes_per_s.usual;

			CHECK(is >= was->min && is <= was->usual);
			got += is;
			/* Who lost something: nobody less critical has anything to give. */
			for (uint32_t k = 0; k < 3 && is < was->usual; k++)
				if (priority[k] < priority[i])
					CHECK(granted(all[k]).tx_bytes_per_s.usual ==
					      all[k][0].qos.tx_bytes_per_s.min);
			sum += was->usual - is;
		}
		CHECK(minima > 3000 || got <= 3000);
		CHECK(usual > 3000 ? got + 3 > 3000 || minima > 3000 : sum == 0);
	}
	good_system();
}

/* ---- Words ---- */

static void the_plan_says_what_holds(void)
{
	forget();
	CHECK(says("network net: 125 MB/s each way, looked at every 10 ms"));
	CHECK(says("one             VF 0: FIR: 8000 interrupts a second"));
	CHECK(says("two             VF 1: AIR, decides every 10 ms"));
	CHECK(says("costs measured, entries 0x4 at once"));
	CHECK(says("three           VF 2: CGR, decides every 100 ms"));
	forget();
	first[0].irq_rate = (struct irq_rate_config){ 0 };
	first[0].qos = (struct net_qos){ .rx_bytes_per_s = { 100000000, 1500, 0 },
					 .tx_packets_per_s = { .max = 1234 },
					 .priority = 3 };
	second[0].irq_rate = (struct irq_rate_config){
		.kind = IRQ_AIR, .batch = 5, .min_per_second = 77, .packet_ns = 1, .interrupt_ns = 2
	};
	second[0].qos.rx_bytes_per_s = (struct tuple){ 50000000, 20000000, 60000000 };
	CHECK(says("VF 0: interrupts as often as the device likes"));
	CHECK(says("  receives 100 MB/s; sends at most 1234 packets/s; priority 3"));
	CHECK(says("5 packets on each interrupt, at least 77 a second, costs as given"));
	CHECK(says(
		"  receives 25 MB/s (shrunk from 50 MB/s: the link has no more), at most 60 MB/s; "
		"priority 0"));
	forget();
	sys.service = (struct cpu_claim)OWN_CORE(3);
	pfs[0].link_bytes_per_s = 1250;
	CHECK(says("network net: 1250 B/s each way, looked at all the time"));
	forget();
}

int main(void)
{
	good_system();
	RUN(each_rule_of_a_rate_names_its_field);
	RUN(bounds_are_inside);
	RUN(only_network_vfs_have_rates);
	RUN(tuples_are_in_order);
	RUN(minima_must_fit_the_link);
	RUN(too_large_rates_are_refused_and_the_largest_are_shrunk_to_the_link);
	RUN(what_is_usual_is_shrunk_by_priority);
	RUN(criticality_comes_before_priority);
	RUN(equal_ones_lose_in_proportion_and_the_sum_fits);
	RUN(the_plan_says_what_holds);
	return test_failed;
}

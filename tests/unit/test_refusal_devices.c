/* SPDX-License-Identifier: Apache-2.0 */
/* Wrong PFs, devices, rates, shares of a link, and a wrong service: each with the sentence that its user needs. */
#include "tests/unit/refusal_rig.h"

static struct device_config first[CONFIG_DEVICE_MAX + 1], second[2];
static struct partition_config parts[2];
static struct pf_config pfs[CONFIG_PF_MAX + 1];

void good_system(void)
{
	memset(first, 0, sizeof(first));
	for (uint32_t i = 0; i <= CONFIG_DEVICE_MAX; i++)
		first[i] = (struct device_config){ .kind = DEVICE_VF, .name = "nvme", .index = i };
	first[0] = (struct device_config){ .kind = DEVICE_VF,
					   .name = "net",
					   .mac = "02:00:00:00:00:01",
					   .irq_rate = { .kind = IRQ_AIR } };
	second[0] = (struct device_config){ .kind = DEVICE_VF, .name = "net", .index = 1 };
	second[1] = (struct device_config)PCI_AT("03:1f.7");
	for (uint32_t i = 0; i <= CONFIG_PF_MAX; i++)
		pfs[i] = (struct pf_config){ .name = &"abcdef"[i],
					     .driver = PF_NVME,
					     .vf_count = 1 };
	pfs[2].name = "c";
	pfs[3].name = "d";
	pfs[4].name = "e";
	pfs[0] = (struct pf_config){ .name = "net", .driver = PF_IGB, .vf_count = 2 };
	pfs[1] = (struct pf_config){
		.name = "nvme", .driver = PF_NVME, .address = "02:00.0", .vf_count = 12
	};
	for (uint32_t i = 0; i < 2; i++)
		parts[i] = (struct partition_config){ .name = i == 0 ? "one" : "two",
						      .cpu = OWN_CORE(i),
						      .memory_bytes = MIB(16),
						      .platform = PLATFORM_PC,
						      .image = "x.elf",
						      .devices = i == 0 ? first : second,
						      .device_count = 2 };
	sys = (struct config){ .name = "good",
			       .board = TEST_BOARD(3, US(10)),
			       .partitions = parts,
			       .partition_count = 2,
			       .pfs = pfs,
			       .pf_count = 2,
			       .service = RESERVATION(2, MS(1), MS(10)) };
}

static const struct row pf_rows[] = {
	{ "a count of PFs without a list",
	  { SET(sys.pfs, NULL), SET(parts[0].device_count, 0), SET(parts[1].device_count, 0),
	    SET(parts[0].devices, NULL) },
	  "system: pf_count = 2, but pfs is not given; give both or neither",
	  { SET(sys.pfs, pfs) } },
	{ "five PFs",
	  { SET(sys.pf_count, 5) },
	  "system: pf_count = 5: at most 4 PFs are driven; take 1 out",
	  { SET(sys.pf_count, 4) } },
	{ "a PF without a name",
	  { SET(pfs[1].name, NULL), SET(parts[0].device_count, 1) },
	  "system: pfs[1].name = '': a VF names its PF by 1 to 15 characters of [a-z0-9_-]; give one",
	  { SET(pfs[1].name, "nvme") } },
	{ "a PF's name that a VF has as well",
	  { SET(pfs[1].name, "NVMe"), SET(first[1].name, "NVMe") },
	  "system: pfs[1].name = 'NVMe': a VF names its PF by 1 to 15 characters of [a-z0-9_-]; give one",
	  { SET(pfs[1].name, "ssd"), SET(first[1].name, "ssd") } },
	{ "two PFs of one name",
	  { SET(pfs[1].name, "net"), SET(parts[0].device_count, 1) },
	  "system: pfs[1].name = 'net': pfs[0] has it already; a VF names its PF by it: give another",
	  { SET(pfs[1].name, "net2") } },
	{ "a PF at no address",
	  { SET(pfs[1].address, "02:00") },
	  "system: pfs[1].address = '02:00': not the address of a PCI function; write bus, device and function in "
	  "hexadecimal, as in \"02:00.0\"",
	  { SET(pfs[1].address, "02:00.0") } },
	{ "two PFs at one address",
	  { SET(pfs[0].address, "0000:02:00.0") },
	  "system: pfs[1].address = '02:00.0': pfs[0] has it already; a function is one PF: correct it, or take "
	  "one of the two out",
	  { SET(pfs[1].address, "02:00.1") } },
	{ "a driver that is none",
	  { SET(pfs[0].driver, PF_NONE), SET(first[0].irq_rate.kind, IRQ_RATE_UNSET),
	    SET(first[0].mac, NULL) },
	  "system: pfs[0].driver = 0: not a choice; give PF_IGB, PF_NVME or PF_MEMORY",
	  { SET(pfs[0].driver, PF_IGB) } },
	{ "more VFs than an 82576 has",
	  { SET(pfs[0].vf_count, 9) },
	  "system: pfs[0].vf_count = 9: this driver has 1 to 8 VFs; give one of these",
	  { SET(pfs[0].vf_count, 8) } },
	{ "the link of a disk",
	  { SET(pfs[1].link_bytes_per_s, 1) },
	  "system: pfs[1].link_bytes_per_s = 1: it is for network controllers, and PF_NVME is none; leave it out",
	  { SET(pfs[1].link_bytes_per_s, 0) } },
	{ "the report of a disk",
	  { SET(pfs[1].report_ns, SEC(1)) },
	  "system: pfs[1].report = 1 s: it is for network controllers, and PF_NVME is none; leave it out",
	  { SET(pfs[1].report_ns, 0) } },
	{ "a controller in memory that nobody plays",
	  { SET(pfs[0].driver, PF_MEMORY) },
	  "system: pfs[0].driver = PF_MEMORY: a core plays it that does nothing else; give service = "
	  "OWN_CORE(core)",
	  { CLAIM(sys.service, OWN_CORE(2)) } },
	{ "a controller in memory at an address",
	  { SET(pfs[0].driver, PF_MEMORY), CLAIM(sys.service, OWN_CORE(2)),
	    SET(pfs[0].address, "05:00.0") },
	  "system: pfs[0].address = '05:00.0': PF_MEMORY is no function of the machine; leave it out",
	  { SET(pfs[0].address, NULL) } },
	{ "a link that no core can play",
	  { SET(pfs[0].driver, PF_MEMORY), CLAIM(sys.service, OWN_CORE(2)),
	    SET(pfs[0].link_bytes_per_s, 1) },
	  "system: pfs[0].link_bytes_per_s = 1: a link that a core plays has 125000 to 12500000000; give one of "
	  "these, or 0 for 125000000",
	  { SET(pfs[0].link_bytes_per_s, 125000) } },
};

static const struct row device_rows[] = {
	{ "a count of devices without a list",
	  { SET(parts[0].devices, NULL) },
	  "partition 'one': device_count = 2, but devices is not given; give both, by .DEVICES(), or neither",
	  { SET(parts[0].device_count, 0) } },
	{ "nine devices",
	  { SET(parts[0].device_count, 9) },
	  "partition 'one': device_count = 9: a PC has room for 8; take 1 out",
	  { SET(parts[0].device_count, 8) } },
	{ "devices without a PC",
	  { SET(parts[1].platform, PLATFORM_AUTO) },
	  "partition 'two': devices: there is no PC around this guest for a PCI bus to be in; give .platform = "
	  "PLATFORM_PC",
	  { SET(parts[1].platform, PLATFORM_PC) } },
	{ "a device that is none",
	  { SET(first[1].kind, DEVICE_NONE) },
	  "partition 'one': devices[1].kind = 0: not a choice; give PCI_AT() or PCI_VF()",
	  { SET(first[1].kind, DEVICE_VF) } },
	{ "a function at no address",
	  { SET(second[1].name, "3:1f.7") },
	  "partition 'two': devices[1].name = '3:1f.7': not the address of a PCI function; write bus, device and "
	  "function in hexadecimal, as in \"02:00.0\"",
	  { SET(second[1].name, "03:1f.7") } },
	{ "a function in a VLAN",
	  { SET(second[1].vlan, 7) },
	  "partition 'two': devices[1].vlan = 7: it is for network VFs, and a whole function is its guest's to set "
	  "up; leave it out, or give PCI_VF()",
	  { SET(second[1].vlan, 0) } },
	{ "a function with a MAC",
	  { SET(second[1].mac, "02:00:00:00:00:09") },
	  "partition 'two': devices[1].mac = '02:00:00:00:00:09': it is for network VFs, and a whole function is "
	  "its guest's to set up; leave it out, or give PCI_VF()",
	  { SET(second[1].mac, NULL) } },
	{ "a function with a number",
	  { SET(second[1].index, 2) },
	  "partition 'two': devices[1].index = 2: a whole function has none; leave it out, or give PCI_VF()",
	  { SET(second[1].index, 0) } },
	{ "a PF given whole",
	  { SET(second[1].name, "02:00.0") },
	  "partition 'two': devices[1].name = '02:00.0': pfs[1] is this function, and the hypervisor's; give the "
	  "guest a VF of it: PCI_VF()",
	  { SET(second[1], .kind = DEVICE_VF, .name = "nvme") } },
	{ "a function given twice",
	  { SET(first[1], .kind = DEVICE_FUNCTION, .name = "0000:03:1f.7") },
	  "partition 'two': devices[1].name = '03:1f.7': partition 'one' has it already, as its devices[1]; a "
	  "function belongs to one guest: take it from one of the two",
	  { SET(parts[1].device_count, 1) } },
	{ "a VF given twice",
	  { SET(second[0].index, 0) },
	  "partition 'two': devices[0].index = 0: partition 'one' has this VF of 'net' already, as its "
	  "devices[0]; a VF belongs to one guest: give another",
	  { SET(second[0].index, 1) } },
	{ "a VF of no PF",
	  { SET(first[1].name, "nmve") },
	  "partition 'one': devices[1].name = 'nmve': no PF has this name; correct it, or add it to .pfs of the "
	  "system",
	  { SET(first[1].name, "nvme") } },
	{ "a VF that its PF does not have",
	  { SET(second[0].index, 2) },
	  "partition 'two': devices[0].index = 2: PF 'net' has VFs 0 to 1; take one of these, or raise its "
	  "vf_count",
	  { SET(pfs[0].vf_count, 3) } },
	{ "a VF of a disk in a VLAN",
	  { SET(first[1].vlan, 5) },
	  "partition 'one': devices[1].vlan = 5: it is for network VFs, and PF_NVME has none; leave it out",
	  { SET(first[1].vlan, 0) } },
	{ "a VLAN that is none",
	  { SET(first[0].vlan, 4095) },
	  "partition 'one': devices[0].vlan = 4095: IEEE 802.1Q has 1 to 4094; give one of these, or 0 for none",
	  { SET(first[0].vlan, 4094) } },
	{ "a MAC of many",
	  { SET(first[0].mac, "03:00:00:00:00:01") },
	  "partition 'one': devices[0].mac = '03:00:00:00:00:01': not the address of one interface; give six bytes "
	  "with bit 0 of the first clear, as in \"02:00:00:00:00:01\"",
	  { SET(first[0].mac, "02:00:00:00:00:02") } },
	{ "a MAC given twice",
	  { SET(second[0].mac, "02:00:00:00:00:01") },
	  "partition 'two': devices[0].mac = '02:00:00:00:00:01': partition 'one' has it already, as its "
	  "devices[0]; an address belongs to one interface: give another",
	  { SET(second[0].mac, "02:00:00:00:00:02") } },
};

#define IRQ first[0].irq_rate
#define RX  qos.rx_bytes_per_s

static const struct row rate_rows[] = {
	{ "a fixed rate of nothing",
	  { SET(IRQ, .kind = IRQ_FIR) },
	  "partition 'one': devices[0].irq_rate.per_second = 0: IRQ_FIR is this rate, always; give 1 to 1000000",
	  { SET(IRQ.per_second, 1) } },
	{ "a rate for who finds it",
	  { SET(IRQ.per_second, 8000) },
	  "partition 'one': devices[0].irq_rate.per_second = 8000: it is the rate of IRQ_FIR, and this kind finds "
	  "its own; leave it out, or give that",
	  { SET(IRQ.kind, IRQ_FIR) } },
	{ "a batch for who has none",
	  { SET(IRQ, .kind = IRQ_CGR, .batch = 4) },
	  "partition 'one': devices[0].irq_rate.batch = 4: it is for IRQ_AIR; leave it out, or give that",
	  { SET(IRQ.kind, IRQ_AIR) } },
	{ "an interrupt that costs two seconds",
	  { SET(IRQ.interrupt_ns, SEC(2)) },
	  "partition 'one': devices[0].irq_rate.interrupt_ns = 2000000000: at most 1000000000; give that, or less",
	  { SET(IRQ.interrupt_ns, 1000) } },
	{ "an entry that is not there",
	  { SET(IRQ.urgent, 8) },
	  "partition 'one': devices[0].irq_rate.urgent = 0x8: a VF has MSI-X entries 0 to 2; clear the others",
	  { SET(IRQ.urgent, 4) } },
	{ "a window too long",
	  { SET(IRQ.window_ns, MS(101)) },
	  "partition 'one': devices[0].irq_rate.window_ns = 101 ms: from one decision to the next it is 1 ms to "
	  "100 ms; give one of these",
	  { SET(IRQ.window_ns, MS(100)) } },
	{ "a window that nobody sees",
	  { SET(IRQ.window_ns, MS(5)) },
	  "partition 'one': devices[0].irq_rate.window_ns = 5 ms: the service, which decides, comes once in 10 ms; "
	  "give at least that, or the service a shorter period",
	  { SET(sys.service.period_ns, MS(5)) } },
	{ "a rate of no kind",
	  { SET(IRQ, .urgent = 1) },
	  "partition 'one': devices[0].irq_rate.kind is not given, but other fields of it are; give IRQ_FIR, "
	  "IRQ_CGR or IRQ_AIR",
	  { SET(IRQ.kind, IRQ_CGR) } },
	{ "a kind of rate that is none",
	  { SET(IRQ.kind, (enum irq_rate_kind)4) },
	  "partition 'one': devices[0].irq_rate.kind = 4: not a choice; give IRQ_FIR, IRQ_CGR or IRQ_AIR",
	  { SET(IRQ.kind, IRQ_CGR) } },
	{ "a rate of a disk's interrupts",
	  { SET(first[1].irq_rate.kind, IRQ_AIR) },
	  "partition 'one': devices[1].irq_rate and qos are for network VFs, and 'nvme' is not one; leave them out",
	  { SET(first[1].irq_rate.kind, IRQ_RATE_UNSET) } },
	{ "a least above what is usual",
	  { SET(first[0].RX, .usual = 5, .min = 6) },
	  "partition 'one': devices[0].qos.rx_bytes_per_s: min = 6 is above usual = 5; what is usual is at least "
	  "what it can be shrunk to: raise usual, or lower min",
	  { SET(first[0].RX.min, 5) } },
	{ "more than the most",
	  { SET(first[0].qos.tx_packets_per_s, .usual = 5, .max = 4) },
	  "partition 'one': devices[0].qos.tx_packets_per_s: usual = 5 is above max = 4; it never has more than "
	  "max: raise max, or lower usual",
	  { SET(first[0].qos.tx_packets_per_s.max, 5) } },
	{ "more than any link has",
	  { SET(first[0].RX, .usual = UINT64_MAX) },
	  "partition 'one': devices[0].qos.rx_bytes_per_s.usual = 18446744073709551615: no link has that; give at "
	  "most 1099511627776",
	  { SET(first[0].RX.usual, UINT64_C(1099511627776)) } },
	{ "more of a link than there is",
	  { SET(first[0].RX, 80000000, 80000000, 0), SET(second[0].RX, 60000000, 60000000, 0),
	    SET(first[0].qos.priority, 1) },
	  "system: qos.rx_bytes_per_s.min of 'net': one 80000000 + two 60000000 = 140000000 > 125000000, its link; "
	  "lower that of partition 'two' devices[0] to at most 45000000",
	  { SET(second[0].RX.min, 45000000) } },
	{ "more of a link, and nobody alone can mend it",
	  { SET(first[0].RX, 80, 80, 0), SET(second[0].RX, 80, 80, 0),
	    SET(pfs[0].link_bytes_per_s, 70) },
	  "system: qos.rx_bytes_per_s.min of 'net': one 80 + two 80 = 160 > 70, its link; lower them by 90 in all",
	  { SET(first[0].RX.min, 35), SET(second[0].RX.min, 35) } },
};

static const struct row service_rows[] = {
	{ "no service",
	  { SET(sys.service, .kind = CPU_NONE) },
	  "system: service is not given; somebody serves PFs and disks, resets devices and reports their faults: "
	  "give RESERVATION(core, budget, period)",
	  { CLAIM(sys.service, RESERVATION(2, MS(1), MS(10))) } },
	{ "a service of nobody",
	  { SET(sys.pf_count, 0), SET(sys.pfs, NULL), SET(parts[0].device_count, 0),
	    SET(parts[1].device_count, 0) },
	  "system: service is given, but no partition has devices and no PF or disk is driven; leave it out",
	  { SET(sys.service, .kind = CPU_NONE) } },
	{ "a service at best effort",
	  { CLAIM(sys.service, BEST_EFFORT(2, 1)) },
	  "system: service = BEST_EFFORT(2): guests must not keep it from its work, nor it them; give "
	  "RESERVATION(2, budget, period), or OWN_CORE(2)",
	  { CLAIM(sys.service, OWN_CORE(2)) } },
	{ "a service that can do no step",
	  { SET(sys.service.budget_ns, US(309)) },
	  "system: service.budget = 309 us: one round of a PF's driver takes up to 300 us and is not interrupted, "
	  "after a switch of 10 us; give at least 310 us",
	  { SET(sys.service.budget_ns, US(310)) } },
	{ "a service that comes too seldom",
	  { SET(sys.service.period_ns, MS(101)), SET(IRQ.kind, IRQ_RATE_UNSET) },
	  "system: service.period = 101 ms: VFs wait that long for an answer, and faults to be told; give at most "
	  "100 ms",
	  { SET(sys.service.period_ns, MS(100)) } },
	{ "a service in the way of a guest",
	  { CLAIM(parts[1].cpu, RESERVATION(2, MS(1), MS(5))) },
	  "system: service.period = 10 ms: partition 'two' on core 2 has 5 ms, and would wait for the service's "
	  "steps; give at most that, or another core",
	  { SET(sys.service.period_ns, MS(5)) } },
	{ "enough for a service",
	  { SET(sys.service, .kind = CPU_ENOUGH, .core = 2) },
	  "system: service = ENOUGH_FOR_TASKS(2): the service has no tasks; give RESERVATION(2, budget, period), or "
	  "OWN_CORE(2)",
	  { CLAIM(sys.service, OWN_CORE(2)) } },
};

static void wrong_pfs_are_told_what_is_wrong(void)
{
	CHECK_ROWS(pf_rows);
}

static void wrong_devices_are_told_what_is_wrong(void)
{
	CHECK_ROWS(device_rows);
}

static void wrong_rates_are_told_what_is_wrong(void)
{
	CHECK_ROWS(rate_rows);
}

static void wrong_services_are_told_what_is_wrong(void)
{
	CHECK_ROWS(service_rows);
}

int main(void)
{
	RUN(wrong_pfs_are_told_what_is_wrong);
	RUN(wrong_devices_are_told_what_is_wrong);
	RUN(wrong_rates_are_told_what_is_wrong);
	RUN(wrong_services_are_told_what_is_wrong);
	return test_failed;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Devices in the configuration: every rule, what its refusal names, and addresses as text. */
#include <stdlib.h>
#include <string.h>
#include "core/device_name.h"
#include "tests/unit/plan_rig.h"

static struct device_config first[CONFIG_DEVICE_MAX + 1], second[2];
static struct partition_config parts[2];
static struct pf_config pfs[CONFIG_PF_MAX + 1];

void good_system(void)
{
	memset(first, 0, sizeof(first));
	first[0] = (struct device_config){ .kind = DEVICE_VF,
					   .name = "net",
					   .index = 0,
					   .mac = "02:00:00:00:00:01",
					   .vlan = 4094 };
	first[1] = (struct device_config)PCI_VF("disk", 1);
	second[0] = (struct device_config)PCI_VF("net", 1);
	second[1] = (struct device_config)PCI_AT("0000:03:1f.7");
	pfs[0] = (struct pf_config){ .name = "net", .driver = PF_IGB, .vf_count = 2 };
	pfs[1] = (struct pf_config){
		.name = "disk", .driver = PF_NVME, .address = "02:00.0", .vf_count = 4
	};
	for (uint32_t i = 0; i < ARRAY_SIZE(parts); i++)
		parts[i] = (struct partition_config){ .name = i == 0 ? "one" : "two",
						      .cpu = OWN_CORE(0),
						      .memory_bytes = MIB(16),
						      .platform = PLATFORM_PC,
						      .image = "x.elf",
						      .devices = i == 0 ? first : second,
						      .device_count = 2 };
	parts[1].cpu.core = 1;
	sys = (struct config){ .name = "good",
			       .board = TEST_BOARD(3, US(10)),
			       .partitions = parts,
			       .partition_count = 2,
			       .pfs = pfs,
			       .pf_count = 2,
			       .service = RESERVATION(2, US(310), MS(100)) };
}

static void a_good_system_is_accepted(void)
{
	good_system();
	CHECK(build() == OK);
	for (uint32_t i = 0; i < CONFIG_DEVICE_MAX; i++) {
		first[i] = (struct device_config)PCI_VF("disk", i);
		first[i].index = i;
	}
	pfs[1].vf_count = 127;
	parts[0].device_count = CONFIG_DEVICE_MAX;
	CHECK(build() == OK);
	good_system();
}

/* Every text that differs from a good one in one character, or ends early, is another or none. */
static void addresses_have_one_form(void)
{
	static const char good[] = "12ab:cd:1e.7";
	char text[sizeof(good)], back[DEVICE_PCI_TEXT_BYTES];
	pci_addr_t a = 0, b = 0;

	CHECK(device_parse_pci(good, &a) && a == PCI_ADDR(0x12abu, 0xcdu, 0x1eu, 7u));
	CHECK(device_parse_pci(good + 5, &a) && a == PCI_ADDR(0u, 0xcdu, 0x1eu, 7u));
	for (uint32_t at = 0; at < sizeof(good); at++) {
		for (uint32_t c = 0; c < 256; c++) {
			memcpy(text, good, sizeof(good));
			text[at] = (char)c;
			if (at == sizeof(good) - 1 && c != 0)
				continue;
			if (!device_parse_pci(text, &b))
				continue;
			device_write_pci(b, back);
			for (char *p = text; *p; p++)
				*p = (char)(*p >= 'A' && *p <= 'F' ? *p + 32 : *p);
			CHECK(strcmp(text, back) == 0);
		}
	}
	CHECK(!device_parse_pci("", &b) && !device_parse_pci(NULL, &b));
	CHECK(!device_parse_pci("00:20.0", &b) && !device_parse_pci("00:00.8", &b));
	CHECK(!device_parse_pci("00:00.0 ", &b) && !device_parse_pci("0000:00:00", &b));
}

static void interfaces_have_six_bytes(void)
{
	uint8_t mac[6] = { 0 };

	CHECK(device_parse_mac("0a:1B:2c:3d:4e:ff", mac));
	CHECK(memcmp(mac, "\x0a\x1b\x2c\x3d\x4e\xff", 6) == 0 && device_is_unicast(mac));
	CHECK(!device_parse_mac("0a:1b:2c:3d:4e", mac) && !device_parse_mac(NULL, mac));
	CHECK(!device_parse_mac("0a:1b:2c:3d:4e:ff:", mac));
	CHECK(!device_parse_mac("0a-1b:2c:3d:4e:ff", mac));
	CHECK(!device_parse_mac("0a:1b:2c:3d:4e:f", mac));
	CHECK(mac[5] == 0xff);
}

static void the_service_is_checked(void)
{
	CHECK(build() == OK);
	CHECK(plan.has_service && plan.vcpu_count == 3);
	CHECK(plan.vcpus[2].core == 2 && plan.vcpus[2].period_tsc == MS(100));
	CHECK(plan.cores[2].is_used && plan.cores[2].server_count == 1);
	sys.service.budget_ns--;
	CHECK(refuses("system", "service.budget = 309.999 us", "at least 310 us"));
	sys.service.period_ns++;
	CHECK(refuses("system", "service.period = 100.000001 ms", "at most 100 ms"));
	sys.service = (struct cpu_claim)OWN_CORE(2);
	CHECK(build() == OK && plan.cores[2].is_owned);
	sys.service = (struct cpu_claim)BEST_EFFORT(2, 1);
	CHECK(refuses("system", "service = BEST_EFFORT(2):", "RESERVATION(2, budget, period)"));
	sys.service = (struct cpu_claim){ 0 };
	CHECK(refuses("system", "service is not given", "RESERVATION(core, budget, period)"));
	sys.service.core = 3;
	CHECK(refuses("system", "service.core = 3", "at most 2"));
	sys.service.core = 1;
	CHECK(refuses("system", "service = RESERVATION(1): partition 'two' owns that core",
		      "core 2 is free"));
	sys.service.budget_ns = MS(101);
	CHECK(refuses("system", "service.budget = 101 ms: with a switch", "at most 99.99 ms"));
	parts[1].cpu = (struct cpu_claim)RESERVATION(2, MS(1), MS(100) - 1);
	CHECK(refuses("system",
		      "service.period = 100 ms: partition 'two' on core 2 has 99.999999 ms",
		      "at most that"));
	sys.pf_count = parts[0].device_count = parts[1].device_count = 0;
	CHECK(refuses("system", "service is given", "leave it out"));
	sys.pf_count = parts[0].device_count = parts[1].device_count = 0;
	sys.service = (struct cpu_claim){ 0 };
	CHECK(build() == OK && !plan.has_service);
}

/* Its share counts like a guest's. */
static void the_service_is_admitted(void)
{
	parts[1].cpu = (struct cpu_claim)RESERVATION(2, MS(99), MS(100));
	CHECK(build() == OK);
	good_system();
	parts[1].cpu = (struct cpu_claim)RESERVATION(2, US(99690), MS(100));
	CHECK(refuses("core 2", "service (0.31 + 0.01)/100", "do not fit"));
}

int main(void)
{
	RUN(a_good_system_is_accepted);
	RUN(the_service_is_checked);
	RUN(the_service_is_admitted);
	RUN(addresses_have_one_form);
	RUN(interfaces_have_six_bytes);
	return test_failed;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Groups: each rule of drivers/pci.h on a machine where it decides, and each way to break it. */
#include <string.h>
#include "drivers/pci.h"
#include "tests/fake/pci.h"
#include "tests/test.h"

static struct pci_table t;

static void form(void)
{
	memset(&t, 0, sizeof(t));
	pci_scan(&t);
	pci_form_groups(&t);
}

static uint32_t group(uint32_t bus, uint32_t device, uint32_t function)
{
	const struct pci_function *f = pci_find(&t, PCI_ADDR(0, bus, device, function));

	CHECK(f != NULL);
	return f ? f->group : 0;
}

static uint32_t group_size(uint32_t bus, uint32_t device, uint32_t function)
{
	const uint32_t g = group(bus, device, function);
	uint32_t n = 0;

	for (uint32_t i = 0; i < t.count; i++)
		n += t.functions[i].group == g;
	return n;
}

static void q35_endpoints_below_root_ports_are_alone(void)
{
	fake_pci_q35();
	form();
	for (uint32_t bus = 1; bus <= 3; bus++)
		CHECK(group_size(bus, 0, 0) == 1);
	CHECK(group_size(0, 0, 0) == 1 && group_size(0, 1, 0) == 1);
	CHECK(group_size(0, 0x1f, 0) == 3 && group(0, 0x1f, 2) == group(0, 0x1f, 3));
	for (uint32_t i = 0; i < t.count; i++)
		CHECK(t.functions[i].group < 8);
}

static void acs_is_turned_on_where_it_is_offered(void)
{
	const struct fake_q35 m = fake_pci_q35();

	fake_pci_set(m.port[0], 0x14e, 2, 0x40, 0x5d); /* Direct Translated P2P is not ours */
	form();
	CHECK(fake_pci_get(m.port[0], 0x14e, 2) == 0x5d);
	CHECK(fake_pci_get(m.port[1], 0x14e, 2) == 0x1d);
}

static void a_root_port_without_acs_is_one_with_what_is_below(void)
{
	const struct fake_q35 m = fake_pci_q35();

	fake_pci_set(m.port[0], 0x148, 2, 0xb, 0); /* another capability */
	form();
	CHECK(group(1, 0, 0) == group(0, 1, 0) && group_size(1, 0, 0) == 2);
	CHECK(group_size(2, 0, 0) == 1);
	for (uint32_t bit = 0; bit <= 4; bit++) { /* offered, and does not go on */
		fake_pci_q35();
		fake_pci_set(m.port[0], 0x14e, 2, 0, 0x1du & ~(1u << bit));
		form();
		CHECK((group(1, 0, 0) == group(0, 1, 0)) == (bit != 1));
	}
	fake_pci_q35(); /* no request ever goes to another port: redirects are not needed */
	fake_pci_set(m.port[0], 0x14c, 2, 0x01, 0);
	form();
	CHECK(group_size(1, 0, 0) == 1);
	fake_pci_set(m.port[0], 0x14c, 2, 0x1c, 0); /* but Source Validation is */
	fake_pci_set(m.port[0], 0x14e, 2, 0, 0x1c);
	form();
	CHECK(group(1, 0, 0) == group(0, 1, 0));
}

static void server_groups(void)
{
	fake_pci_server();
	form();
	CHECK(group_size(3, 0, 0) == 1 && group_size(4, 0, 0) == 1);
	CHECK(group(5, 0, 0) == group(5, 0, 1) && group_size(5, 0, 0) == 2); /* GPU and sound */
	CHECK(group(9, 0, 0) == group(9, 0, 1) && group_size(9, 0, 0) == 2); /* NIC, no ACS */
	CHECK(group(11, 1, 0) == group(11, 2, 0) && group(11, 1, 0) == group(10, 0, 0));
	CHECK(group_size(11, 1, 0) == 3);
	CHECK(group(0x80, 4, 0) == group(0x80, 4, 1) && group_size(0x80, 0, 0) == 1);
	CHECK(group_size(2, 0, 0) == 1 && group(3, 0, 0) != group(2, 0, 0));
}

/* Rule 3, for each port and each of the four. */
static void one_leaky_downstream_port_opens_the_switch(void)
{
	for (uint32_t port = 0; port < 3; port++)
		for (uint32_t bit = 0; bit <= 4; bit++) {
			const struct fake_server m = fake_pci_server();

			if (bit == 1)
				continue;
			fake_pci_set(m.downstream[port], 0x14c, 2, 0x1du & ~(1u << bit), 0);
			form();
			CHECK(group(3, 0, 0) == group(4, 0, 0) && group(4, 0, 0) == group(5, 0, 1));
			CHECK(group(3, 0, 0) == group(1, 0, 0) && group_size(3, 0, 0) == 8);
			CHECK(group(3, 0, 0) == group(2, 2, 0));
			CHECK(group_size(9, 0, 0) == 2 && group_size(0, 1, 0) == 1);
		}
}

static void a_leaky_root_port_takes_the_whole_switch(void)
{
	const struct fake_server m = fake_pci_server();

	fake_pci_set(m.port[0], 0x148, 2, 0xb, 0);
	form();
	CHECK(group(3, 0, 0) == group(0, 1, 0) && group_size(3, 0, 0) == 9);
}

/* Rule 4 above a link: one function of the root ports' device leaks. */
static void a_leaky_sibling_opens_a_multifunction_root_port(void)
{
	const struct fake_server m = fake_pci_server();

	fake_pci_set(m.port[2], 0x148, 2, 0xb, 0);
	form();
	CHECK(group(0, 2, 0) == group(0, 2, 1) && group(9, 0, 0) == group(0, 2, 1));
	CHECK(group(11, 1, 0) == group(9, 0, 1) && group_size(9, 0, 0) == 7);
	CHECK(group_size(3, 0, 0) == 1);
}

static void functions_with_acs_are_apart(void)
{
	const struct fake_server m = fake_pci_server();

	fake_pci_acs(m.nic[0], 0x100, 0x0c);
	form();
	CHECK(group(9, 0, 0) == group(9, 0, 1)); /* the other one has none */
	fake_pci_acs(m.nic[1], 0x100, 0x00);     /* has it, and never asks others */
	form();
	CHECK(group(9, 0, 0) != group(9, 0, 1) && group_size(9, 0, 0) == 1);
	fake_pci_set(m.nic[0], 0x106, 2, 0, 0x04); /* Completion Redirect stays off */
	form();
	CHECK(group(9, 0, 0) == group(9, 0, 1));
}

/* Functions 0 and 8 below a link are one device, however their numbers look. */
static void an_ari_device_is_one_device(void)
{
	int port, f[2];

	fake_pci_clear();
	port = fake_pci_add_bridge(FAKE_PCI_NONE, 0x18, 0x56781234, 1, 1);
	fake_pci_pcie(port, 0x40, 4, false);
	fake_pci_acs(port, 0x100, 0x1d);
	fake_pci_set(port, 0x68, 2, 0x20, 0x20);
	for (int i = 0; i < 2; i++) {
		f[i] = fake_pci_add(port, (uint8_t)(i * 9), 0x56781234, 0xff0000);
		fake_pci_pcie(f[i], 0x40, 0, true);
		fake_pci_extended(f[i], 0xe, 0x100);
	}
	fake_pci_set(f[0], 0x105, 1, 9, 0);
	form();
	CHECK(t.count == 3 && t.functions[1].group == t.functions[2].group);
}

/* Slow and obvious: what the rules say can reach what, closed under that. */
static void groups_are_closed_and_numbered(void)
{
	fake_pci_server();
	form();
	for (uint32_t i = 0; i < t.count; i++) {
		bool is_first = true, lower_exists = t.functions[i].group == 0;

		for (uint32_t j = 0; j < i; j++) {
			is_first &= t.functions[j].group != t.functions[i].group;
			lower_exists |= t.functions[j].group + 1 == t.functions[i].group;
		}
		CHECK(!is_first || lower_exists);
	}
}

int main(void)
{
	RUN(q35_endpoints_below_root_ports_are_alone);
	RUN(acs_is_turned_on_where_it_is_offered);
	RUN(a_root_port_without_acs_is_one_with_what_is_below);
	RUN(server_groups);
	RUN(one_leaky_downstream_port_opens_the_switch);
	RUN(a_leaky_root_port_takes_the_whole_switch);
	RUN(a_leaky_sibling_opens_a_multifunction_root_port);
	RUN(functions_with_acs_are_apart);
	RUN(an_ari_device_is_one_device);
	RUN(groups_are_closed_and_numbered);
	return test_failed;
}

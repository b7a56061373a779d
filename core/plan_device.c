/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Devices as the configuration names them: what the machine really has is seen at boot only
 * (core/device.c).
 */
#include <string.h>
#include "core/device_name.h"
#include "core/plan_check.h"
#include "core/plan_rate.h"

/* Intel 82576: "eight VFs"; NVM Express: as many as a secondary controller list has. */
#define IGB_VF_MAX            8u
#define MEMORY_VF_MAX         16u /* io/memnic.h */
#define VLAN_MAX              4094u

#define SERVICE_PERIOD_MAX_NS MS(100)

#define NO_ADDRESS \
	"not the address of a PCI function; write bus, device and function in hexadecimal, as in " \
	"\"02:00.0\""

static uint32_t vf_max(enum pf_driver driver)
{
	if (driver == PF_MEMORY)
		return MEMORY_VF_MAX;
	return driver == PF_IGB ? IGB_VF_MAX : CONFIG_VF_MAX;
}

/* ---- PFs ---- */

/* That there is room to look at. */
static uint32_t pf_count(const struct check *k)
{
	return k->config->pfs ? (uint32_t)min_u64(k->config->pf_count, CONFIG_PF_MAX) : 0;
}

static const struct pf_config *find_pf(const struct check *k, const char *name)
{
	for (uint32_t i = 0; i < pf_count(k); i++)
		if (config_is_same_name(k->config->pfs[i].name, name))
			return &k->config->pfs[i];
	return NULL;
}

static void check_pf_name(struct check *k, uint32_t i)
{
	const struct pf_config *f = &k->config->pfs[i];

	if (!check_is_name(f->name, DEVICE_NAME_MAX))
		refuse_system(k,
			      "pfs[%u].name = %s: a VF names its PF by 1 to %u characters of "
			      "[a-z0-9_-]; give one",
			      i, text_quoted(f->name).s, DEVICE_NAME_MAX);
	else if (find_pf(k, f->name) != f)
		refuse_system(k,
			      "pfs[%u].name = '%s': pfs[%u] has it already; a VF names its PF by "
			      "it: give another",
			      i, f->name, (uint32_t)(find_pf(k, f->name) - k->config->pfs));
}

static void check_pf_address(struct check *k, uint32_t i)
{
	const struct pf_config *f = &k->config->pfs[i];
	pci_addr_t mine, other;

	if (!f->address)
		return;
	if (!device_parse_pci(f->address, &mine)) {
		refuse_system(k, "pfs[%u].address = %s: " NO_ADDRESS, i, text_quoted(f->address).s);
		return;
	}
	for (uint32_t n = 0; n < i; n++)
		if (device_parse_pci(k->config->pfs[n].address, &other) && other == mine)
			refuse_system(
				k,
				"pfs[%u].address = '%s': pfs[%u] has it already; a function is "
				"one PF: correct it, or take one of the two out",
				i, f->address, n);
}

static void check_network(struct check *k, uint32_t i)
{
	const struct pf_config *f = &k->config->pfs[i];

	if (!rate_is_network(f->driver) && f->link_bytes_per_s != 0)
		refuse_system(k,
			      "pfs[%u].link_bytes_per_s = %llu: it is for network controllers, and "
			      "PF_NVME is none; leave it out",
			      i, (unsigned long long)f->link_bytes_per_s);
	if (!rate_is_network(f->driver) && f->report_ns != 0)
		refuse_system(k,
			      "pfs[%u].report = %s: it is for network controllers, and PF_NVME is "
			      "none; leave it out",
			      i, text_time(f->report_ns).s);
}

static void check_pf(struct check *k, uint32_t i)
{
	const struct pf_config *f = &k->config->pfs[i];

	check_pf_name(k, i);
	check_pf_address(k, i);
	if (f->driver != PF_IGB && f->driver != PF_NVME && f->driver != PF_MEMORY) {
		refuse_system(
			k, "pfs[%u].driver = %u: not a choice; give PF_IGB, PF_NVME or PF_MEMORY",
			i, (uint32_t)f->driver);
		return;
	}
	if (f->vf_count == 0 || f->vf_count > vf_max(f->driver))
		refuse_system(
			k, "pfs[%u].vf_count = %u: this driver has 1 to %u VFs; give one of these",
			i, f->vf_count, vf_max(f->driver));
	check_network(k, i);
}

static void check_pfs(struct check *k)
{
	const struct config *c = k->config;

	if (!c->pfs && c->pf_count != 0)
		refuse_system(k, "pf_count = %u, but pfs is not given; give both or neither",
			      c->pf_count);
	else if (c->pf_count > CONFIG_PF_MAX)
		refuse_system(k, "pf_count = %u: at most %u PFs are driven; take %u out",
			      c->pf_count, CONFIG_PF_MAX, c->pf_count - CONFIG_PF_MAX);
	for (uint32_t i = 0; i < pf_count(k); i++) {
		check_pf(k, i);
		if (c->pfs[i].driver == PF_MEMORY && check_pf_in_memory)
			check_pf_in_memory(k, i);
	}
}

/* ---- Devices of partitions ---- */

static uint32_t device_count(const struct partition_config *p)
{
	return p->devices ? (uint32_t)min_u64(p->device_count, CONFIG_DEVICE_MAX) : 0;
}

static bool is_same_function(const struct device_config *a, const struct device_config *b)
{
	pci_addr_t one, two;

	if (a->kind != b->kind || !a->name || !b->name)
		return false;
	if (a->kind == DEVICE_VF)
		return a->index == b->index && config_is_same_name(a->name, b->name);
	return device_parse_pci(a->name, &one) && device_parse_pci(b->name, &two) && one == two;
}

static bool is_same_mac(const struct device_config *a, const struct device_config *b)
{
	uint8_t one[6], two[6];

	return a->mac && b->mac && device_parse_mac(a->mac, one) && device_parse_mac(b->mac, two) &&
	       memcmp(one, two, sizeof(one)) == 0;
}

static void refuse_same_function(struct check *k, part_id_t part, uint32_t n, part_id_t other,
				 uint32_t m)
{
	const struct device_config *d = &k->config->partitions[part].devices[n];

	if (d->kind == DEVICE_VF)
		refuse_partition(k, part,
				 "devices[%u].index = %u: %s has this VF of %s already, as its "
				 "devices[%u]; a VF belongs to one guest: give another",
				 n, d->index, check_label(k, other).s, text_quoted(d->name).s, m);
	else
		refuse_partition(k, part,
				 "devices[%u].name = '%s': %s has it already, as its devices[%u]; "
				 "a function belongs to one guest: take it from one of the two",
				 n, d->name, check_label(k, other).s, m);
}

/* Against all that stand before it in the configuration. */
static void check_device_is_alone(struct check *k, part_id_t part, uint32_t n)
{
	const struct device_config *d = &k->config->partitions[part].devices[n];

	for (part_id_t i = 0; i <= part; i++) {
		const struct partition_config *p = &k->config->partitions[i];

		for (uint32_t m = 0; m < device_count(p) && (i < part || m < n); m++) {
			if (is_same_function(d, &p->devices[m]))
				refuse_same_function(k, part, n, i, m);
			if (is_same_mac(d, &p->devices[m]))
				refuse_partition(
					k, part,
					"devices[%u].mac = '%s': %s has it already, as its "
					"devices[%u]; an address belongs to one interface: give "
					"another",
					n, d->mac, check_label(k, i).s, m);
		}
	}
}

/* What only network VFs have. */
static void refuse_network_fields(struct check *k, part_id_t part, uint32_t n, const char *why,
				  const char * or)
{
	const struct device_config *d = &k->config->partitions[part].devices[n];

	if (d->mac)
		refuse_partition(k, part,
				 "devices[%u].mac = %s: it is for network VFs, and %s; leave it "
				 "out%s",
				 n, text_quoted(d->mac).s, why, or);
	if (d->vlan != 0)
		refuse_partition(k, part,
				 "devices[%u].vlan = %u: it is for network VFs, and %s; leave it "
				 "out%s",
				 n, d->vlan, why, or);
}

static void check_function(struct check *k, part_id_t part, uint32_t n)
{
	const struct device_config *d = &k->config->partitions[part].devices[n];
	pci_addr_t mine, pf;

	refuse_network_fields(k, part, n, "a whole function is its guest's to set up",
			      ", or give PCI_VF()");
	if (d->index != 0)
		refuse_partition(k, part,
				 "devices[%u].index = %u: a whole function has none; leave it out, "
				 "or give PCI_VF()",
				 n, d->index);
	if (!device_parse_pci(d->name, &mine)) {
		refuse_partition(k, part, "devices[%u].name = %s: " NO_ADDRESS, n,
				 text_quoted(d->name).s);
		return;
	}
	for (uint32_t i = 0; i < pf_count(k); i++)
		if (device_parse_pci(k->config->pfs[i].address, &pf) && pf == mine)
			refuse_partition(
				k, part,
				"devices[%u].name = '%s': pfs[%u] is this function, and the "
				"hypervisor's; give the guest a VF of it: PCI_VF()",
				n, d->name, i);
}

static void check_interface(struct check *k, part_id_t part, uint32_t n, enum pf_driver driver)
{
	const struct device_config *d = &k->config->partitions[part].devices[n];
	uint8_t mac[6];

	if (driver == PF_NVME) {
		refuse_network_fields(k, part, n, "PF_NVME has none", "");
		return;
	}
	if (d->mac && (!device_parse_mac(d->mac, mac) || !device_is_unicast(mac)))
		refuse_partition(k, part,
				 "devices[%u].mac = %s: not the address of one interface; give six "
				 "bytes with bit 0 of the first clear, as in \"02:00:00:00:00:01\"",
				 n, text_quoted(d->mac).s);
	if (d->vlan > VLAN_MAX)
		refuse_partition(
			k, part,
			"devices[%u].vlan = %u: IEEE 802.1Q has 1 to %u; give one of these, or "
			"0 for none",
			n, d->vlan, VLAN_MAX);
}

static void check_vf(struct check *k, part_id_t part, uint32_t n)
{
	const struct device_config *d = &k->config->partitions[part].devices[n];
	const struct pf_config *f = find_pf(k, d->name);

	if (!f) {
		refuse_partition(
			k, part,
			"devices[%u].name = %s: no PF has this name; correct it, or add it to "
			".pfs of the system",
			n, text_quoted(d->name).s);
		return;
	}
	if (f->vf_count != 0 && d->index >= f->vf_count)
		refuse_partition(
			k, part,
			"devices[%u].index = %u: PF '%s' has VFs 0 to %u; take one of these, "
			"or raise its vf_count",
			n, d->index, f->name, f->vf_count - 1);
	check_interface(k, part, n, f->driver);
}

static void check_shares(struct check *k, part_id_t part, uint32_t n)
{
	const struct device_config *d = &k->config->partitions[part].devices[n];

	if (check_rate && (rate_is_given(&d->irq_rate) || rate_has_qos(&d->qos)))
		check_rate(k, part, n, d->kind == DEVICE_VF ? find_pf(k, d->name) : NULL);
}

static void check_device(struct check *k, part_id_t part, uint32_t n)
{
	switch (k->config->partitions[part].devices[n].kind) {
	case DEVICE_FUNCTION:
		check_function(k, part, n);
		break;
	case DEVICE_VF:
		check_vf(k, part, n);
		break;
	default:
		refuse_partition(k, part,
				 "devices[%u].kind = %u: not a choice; give PCI_AT() or "
				 "PCI_VF()",
				 n, (uint32_t)k->config->partitions[part].devices[n].kind);
		return;
	}
	check_device_is_alone(k, part, n);
	check_shares(k, part, n);
}

static void check_list(struct check *k, part_id_t part)
{
	const struct partition_config *p = &k->config->partitions[part];

	if (!p->devices && p->device_count != 0)
		refuse_partition(k, part,
				 "device_count = %u, but devices is not given; give both, by "
				 ".DEVICES(), or neither",
				 p->device_count);
	if (p->device_count > CONFIG_DEVICE_MAX)
		refuse_partition(k, part, "device_count = %u: a PC has room for %u; take %u out",
				 p->device_count, CONFIG_DEVICE_MAX,
				 p->device_count - CONFIG_DEVICE_MAX);
	if (device_count(p) > 0 && !check_has_pc(p))
		refuse_partition(k, part,
				 "devices: there is no PC around this guest for a PCI bus to be "
				 "in; give .platform = PLATFORM_PC");
	for (uint32_t n = 0; n < device_count(p); n++)
		check_device(k, part, n);
}

/* ---- The service ---- */

static bool has_devices(const struct check *k)
{
	for (part_id_t i = 0; i < k->partition_count; i++)
		if (device_count(&k->config->partitions[i]) > 0)
			return true;
	return k->config->pf_count != 0 || k->config->disk_count != 0;
}

static void refuse_service_time(struct check *k)
{
	const struct cpu_claim *c = &k->config->service;

	/* What the switch to it took is off its budget when it looks. */
	if (c->budget_ns < PLAN_SERVICE_STEP_NS + k->config->board.switch_overhead_ns)
		refuse_system(
			k,
			"service.budget = %s: one round of a PF's driver takes up to %s and is "
			"not interrupted, after a switch of %s; give at least %s",
			text_time(c->budget_ns).s, text_time(PLAN_SERVICE_STEP_NS).s,
			text_time(k->config->board.switch_overhead_ns).s,
			text_time(PLAN_SERVICE_STEP_NS + k->config->board.switch_overhead_ns).s);
	if (c->period_ns > SERVICE_PERIOD_MAX_NS)
		refuse_system(k,
			      "service.period = %s: VFs wait that long for an answer, and faults "
			      "to be told; give at most %s",
			      text_time(c->period_ns).s, text_time(SERVICE_PERIOD_MAX_NS).s);
}

/*
 * By EDF only what has a later deadline can be in the way of a guest whose turn it is, and of those
 * that began before it only what has a longer period: with the shortest one the service never is.
 */
static void check_service_is_shortest(struct check *k)
{
	const uint32_t service = k->vcpu_count - 1;

	for (uint32_t i = 0; i < service; i++) {
		const struct cpu_claim *c = check_claim_of(k, i);

		if (c->kind != CPU_RESERVED || c->core != k->config->service.core ||
		    c->period_ns >= k->config->service.period_ns)
			continue;
		refuse_system(k,
			      "service.period = %s: %s on core %u has %s, and would wait for the "
			      "service's steps; give at most that, or another core",
			      text_time(k->config->service.period_ns).s, check_vcpu_label(k, i).s,
			      c->core, text_time(c->period_ns).s);
		return;
	}
}

static void check_service(struct check *k)
{
	const struct cpu_claim *c = &k->config->service;

	if (c->kind == CPU_NONE && has_devices(k))
		refuse_system(k, "service is not given; somebody serves PFs and disks, resets "
				 "devices and reports their faults: give RESERVATION(core, budget, "
				 "period)");
	if (!k->plan->has_service)
		return;
	if (!has_devices(k))
		refuse_system(k, "service is given, but no partition has devices and no PF or disk "
				 "is driven; leave it out");
	if (c->kind == CPU_RESERVED) {
		refuse_service_time(k);
		check_service_is_shortest(k);
	} else if (c->kind == CPU_BEST_EFFORT)
		refuse_system(k,
			      "service = BEST_EFFORT(%u): guests must not keep it from its work, "
			      "nor it them; give RESERVATION(%u, budget, period), or OWN_CORE(%u)",
			      c->core, c->core, c->core);
}

void check_devices(struct check *k)
{
	check_pfs(k);
	for (part_id_t i = 0; i < k->partition_count; i++)
		check_list(k, i);
	for (uint32_t i = 0; check_link && i < pf_count(k); i++)
		if (rate_is_network(k->config->pfs[i].driver))
			check_link(k, &k->config->pfs[i]);
	check_service(k);
}

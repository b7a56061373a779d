/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core/device.c - at boot: each function that the configuration names is found,
 * looked at, and put into its guest's domain and PC. Whatever does not fit ends the boot, with the
 * partition, the device and what would help.
 */
#include "core/device.h"
#include <string.h>
#include "arch/clock.h"
#include "arch/iommu.h"
#include "arch/mp.h"
#include "arch/pc.h"
#include "core/device_name.h"
#include "core/device_parts.h"
#include "core/device_rate.h"
#include "core/lib/fmt.h"
#include "core/log.h"
#include "drivers/pci_regs.h"
#include "io/vmsix.h"

#define TAG                 "bulkhead"
#define OWNER_NOBODY        UINT32_MAX

#define SIDE_CORE_PERIOD_NS MS(1)

struct devices devices;
static char reason_text[320]; /* one thing at a time is at fault, and boot stops there */

enum err device_refuse(const char **reason, enum err e, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	fmt_text_v(reason_text, sizeof(reason_text), format, args);
	va_end(args);
	*reason = reason_text;
	return e;
}

static void put_remark(const char *line)
{
	log_line("pci", "%s", line);
}

static const struct pci_function *function_of(const struct device *d)
{
	return &devices.table.functions[d->function];
}

void device_wait_until(uint64_t tsc)
{
	while (arch_clock_now_tsc() < tsc)
		arch_mp_relax();
}

/*
 * Requests with No Snoop would pass the caches by: where a unit cannot enforce snooping, a guest would
 * see stale memory of its own. Guests' writes to Device Control never reach the function.
 */
void device_forbid_no_snoop(const struct pci_function *f)
{
	if (f->caps.pcie != 0)
		arch_pci_write(f->addr, f->caps.pcie + PCIE_DEVCTL, 2,
			       arch_pci_read(f->addr, f->caps.pcie + PCIE_DEVCTL, 2) &
				       ~DEVCTL_NO_SNOOP);
}

/* ---- Which function ---- */

static uint32_t find_function(const struct device_config *c)
{
	pci_addr_t wanted;

	if (c->kind == DEVICE_VF) {
		for (uint32_t i = 0; i < devices.pf_count; i++)
			if (strcmp(devices.pfs[i].config->name, c->name) == 0)
				return sriov_vf(&devices.table, devices.pfs[i].function, c->index);
		return PCI_NO_FUNCTION;
	}
	if (!device_parse_pci(c->name, &wanted))
		return PCI_NO_FUNCTION;
	for (uint32_t i = 0; i < devices.table.count; i++)
		if (devices.table.functions[i].addr == wanted)
			return i;
	return PCI_NO_FUNCTION;
}

static enum err refuse_device(const struct device *d, const char **reason, enum err e,
			      const char *what)
{
	return device_refuse(reason, e, "partition '%s': device '%s'%s%s: %s",
			     d->partition->config->name, d->config->name,
			     d->config->kind == DEVICE_VF ? " VF at " : "",
			     d->config->kind == DEVICE_VF ? d->name : "", what);
}

/* Whose it is: a partition's number, or MAX_PARTITIONS: the hypervisor's. */
static uint32_t owner_of(uint32_t function)
{
	for (uint32_t i = 0; i < devices.count; i++)
		if (devices.list[i].function == function)
			return (uint32_t)(devices.list[i].partition - partitions);
	return device_is_pf(function) ? MAX_PARTITIONS : OWNER_NOBODY;
}

bool device_is_free(uint32_t function, const char **why)
{
	const struct pci_function *const all = devices.table.functions;

	*why = all[function].why;
	if (!all[function].is_usable || all[function].is_bridge)
		return false;
	for (uint32_t i = 0; i < devices.table.count; i++)
		if (all[i].group == all[function].group && owner_of(i) != OWNER_NOBODY) {
			*why = "it, or a function that it cannot be kept apart from, is somebody's";
			return false;
		}
	return true;
}

static enum err note_device(struct partition *p, const struct device_config *c, const char **reason)
{
	struct device *const d = &devices.list[devices.count];
	uint32_t owner;

	if (devices.count == DEVICE_COUNT_MAX)
		return device_refuse(reason, ERR_NOMEM, "more than %u devices", DEVICE_COUNT_MAX);
	*d = (struct device){ .config = c, .partition = p, .function = find_function(c) };
	if (d->function == PCI_NO_FUNCTION)
		return refuse_device(
			d, reason, ERR_NODEV,
			c->kind == DEVICE_VF
				? "its PF has no such VF, or it is out of order: see above"
				: "this machine has no such function; correct its name");
	device_write_pci(function_of(d)->addr, d->name);
	if (!function_of(d)->is_usable)
		return refuse_device(d, reason, ERR_INVAL, function_of(d)->why);
	owner = owner_of(d->function);
	if (function_of(d)->is_bridge || owner == MAX_PARTITIONS)
		return refuse_device(d, reason, ERR_INVAL,
				     "it is a bridge, or a PF of the hypervisor's; leave it out");
	if (owner != OWNER_NOBODY) /* a VF by its PF's name, and by its address */
		return device_refuse(
			reason, ERR_INVAL,
			"partition '%s': device '%s' is the function %s, which partition '%s' "
			"has already; leave it out of one of them",
			p->config->name, c->name, d->name, partitions[owner].config->name);
	devices.count++;
	return OK;
}

/* Then it is no function of the machine: core/nic.c. */
static bool is_in_memory(const struct device_config *c)
{
	for (uint32_t i = 0; i < devices.pf_count; i++)
		if (devices.pfs[i].config->driver == PF_MEMORY && c->kind == DEVICE_VF &&
		    strcmp(devices.pfs[i].config->name, c->name) == 0)
			return true;
	return false;
}

static enum err note_devices(const char **reason)
{
	enum err e = OK;

	for (part_id_t i = 0; i < partition_count; i++)
		for (uint32_t n = 0; n < partitions[i].config->device_count && e == OK; n++)
			if (!is_in_memory(&partitions[i].config->devices[n]))
				e = note_device(&partitions[i], &partitions[i].config->devices[n],
						reason);
	return e;
}

/* ---- Groups ---- */

static void list_group(uint32_t group, char *text, size_t bytes)
{
	size_t length = 0;

	text[0] = '\0';
	for (uint32_t i = 0; i < devices.table.count; i++) {
		const struct pci_function *const f = &devices.table.functions[i];
		char at[DEVICE_PCI_TEXT_BYTES];

		if (f->group != group || (f->is_vf && !f->is_usable) || length + 20 > bytes)
			continue;
		device_write_pci(f->addr, at);
		length += (size_t)fmt_text(text + length, bytes - length, "%s%s",
					   length == 0 ? "" : ", ", at);
	}
}

static enum err check_group(const struct device *d, const char **reason)
{
	const uint32_t mine = owner_of(d->function), group = function_of(d)->group;
	char others[128];

	for (uint32_t i = 0; i < devices.table.count; i++) {
		const struct pci_function *const f = &devices.table.functions[i];
		const uint32_t owner = owner_of(i);

		if (f->group != group || (f->is_vf && !f->is_usable) || owner == mine ||
		    owner == OWNER_NOBODY)
			continue;
		list_group(group, others, sizeof(others));
		return device_refuse(
			reason, ERR_INVAL,
			"partition '%s': device %s cannot be kept apart from others: %s are one "
			"group, and part of it is %s%s%s; give all of them to one partition",
			d->partition->config->name, d->name, others,
			owner == MAX_PARTITIONS ? "the hypervisor's" : "partition '",
			owner == MAX_PARTITIONS ? "" : partitions[owner].config->name,
			owner == MAX_PARTITIONS ? "" : "'s");
	}
	return OK;
}

/* Below a bridge that is no PCI Express port requests carry the bridge's requester ID. */
static bool is_behind_conventional(const struct pci_function *f)
{
	for (uint32_t up = f->parent; up != PCI_NO_FUNCTION;
	     up = devices.table.functions[up].parent) {
		const uint8_t type = devices.table.functions[up].pcie_type;

		if (type != PCIE_ROOT_PORT && type != PCIE_UPSTREAM && type != PCIE_DOWNSTREAM)
			return true;
	}
	return false;
}

/* ---- Hand-over ---- */

static enum err make_domain(const struct partition *p)
{
	const part_id_t id = (part_id_t)(p - partitions);
	const enum err e = arch_iommu_domain_create(id);

	if (e != OK)
		return e;
	return guest_ram_map(&p->ram, id, (hpa_t){ p->plan->memory_base }, SPACE_READ | SPACE_WRITE,
			     arch_iommu_map);
}

static void fill_bars(const struct pci_function *f, struct pc_function *to)
{
	for (uint32_t i = 0; i < PCI_BAR_COUNT; i++) {
		const struct pci_bar *const bar = &f->bars[i];

		if (!device_is_memory(bar))
			continue;
		to->bars[i] = bar->base;
		to->facts.bars[i] =
			(struct vpci_bar){ .kind = bar->kind == PCI_BAR_MEM64 ? VPCI_BAR_MEM64
									      : VPCI_BAR_MEM32,
					   .is_prefetchable = bar->is_prefetchable,
					   .bytes = bar->bytes };
	}
}

static void fill_messages(const struct pci_function *f, struct pc_function *to)
{
	to->msix = f->msix_count != 0 ? f->caps.msix : 0;
	to->table_count = f->msix_count;
	to->msi = to->msix == 0 ? f->caps.msi : 0;
	if (to->msix != 0) {
		to->facts.msix_count = (uint16_t)min_u64(f->msix_count, VMSIX_ENTRY_MAX);
		to->facts.msix_table_bar = f->msix_table_bar;
		to->facts.msix_table_offset = f->msix_table_offset;
		to->facts.msix_pba_bar = f->msix_pba_bar;
		to->facts.msix_pba_offset = f->msix_pba_offset;
	} else if (to->msi != 0) {
		to->facts.msi_count = 1;
		to->facts.msi_is_64 = arch_pci_read(f->addr, f->caps.msi + MSI_CONTROL, 2) & MSI_64;
	}
}

static void describe(const struct pci_function *f, struct pc_function *to)
{
	*to = (struct pc_function){ .addr = f->addr,
				    .facts = { .vendor = f->vendor,
					       .device = f->device,
					       .subsystem_vendor = f->subsystem_vendor,
					       .subsystem_device = f->subsystem_device,
					       .class_code = f->class_code,
					       .revision = f->revision,
					       .is_pcie = f->caps.pcie != 0 } };
	if (f->caps.pcie != 0) {
		to->facts.device_capabilities =
			arch_pci_read(f->addr, f->caps.pcie + PCIE_DEVCAP, 4);
		to->facts.device_control =
			(uint16_t)arch_pci_read(f->addr, f->caps.pcie + PCIE_DEVCTL, 2);
	}
	fill_bars(f, to);
	fill_messages(f, to);
}

/* A page of its own is the least that can be given. NULL: all of them can. */
static const char *bars_fault(const struct pci_function *f)
{
	for (uint32_t i = 0; i < PCI_BAR_COUNT; i++) {
		const struct pci_bar *const bar = &f->bars[i];

		if (!device_is_memory(bar))
			continue;
		if (bar->base == 0)
			return "firmware has not placed one of its BARs; nobody here does";
		if (bar->bytes < PAGE_BYTES)
			return "one of its BARs is smaller than a page, which it shares with others";
	}
	return NULL;
}

/*
 * Whatever firmware, or another system before us, left it doing. VFs have just come into being. NULL, or
 * why it cannot be.
 */
static const char *reset_before(const struct device *d)
{
	struct pci_reset r;
	uint64_t again_tsc = 0;
	enum err e;

	if (function_of(d)->is_vf)
		return NULL;
	e = pci_reset_begin(&r, &devices.table, d->function, arch_clock_tsc_hz());
	if (e == OK)
		e = ERR_BUSY;
	while (e == ERR_BUSY) {
		device_wait_until(again_tsc);
		e = pci_reset_step(&r, arch_clock_now_tsc(), &again_tsc);
	}
	return e == OK ? NULL : r.why;
}

static bool shares_a_core(const struct partition *p)
{
	bool any = false;

	for (uint32_t i = 0; i < p->plan->vcpu_count; i++)
		any |= p->vcpus[i].plan->kind != CPU_OWNED;
	return any;
}

static enum err hand_over(struct device *d, const char **reason)
{
	const part_id_t id = (part_id_t)(d->partition - partitions);
	struct pc_function in_pc;
	const char *why;
	enum err e;

	if (is_behind_conventional(function_of(d)))
		return refuse_device(d, reason, ERR_UNSUPPORTED,
				     "it is behind a conventional bridge, whose requests cannot be "
				     "told from its own; leave it out");
	if (bars_fault(function_of(d)))
		return refuse_device(d, reason, ERR_UNSUPPORTED, bars_fault(function_of(d)));
	pci_open_path(&devices.table, d->function);
	device_forbid_no_snoop(function_of(d));
	why = reset_before(d);
	if (why)
		return device_refuse(
			reason, ERR_UNSUPPORTED,
			"partition '%s': device %s cannot be reset, so that no guest would get "
			"it without what was there before: %s; leave it out",
			d->partition->config->name, d->name, why);
	describe(function_of(d), &in_pc);
	if (in_pc.msi != 0 && shares_a_core(d->partition))
		return refuse_device(
			d, reason, ERR_UNSUPPORTED,
			"it has MSI and no MSI-X, so that its interrupts cannot be held "
			"back while others run; give the partition OWN_CORE() only");
	e = arch_iommu_attach(function_of(d)->addr, id);
	if (e != OK)
		return refuse_device(
			d, reason, e,
			e == ERR_UNSUPPORTED
				? "firmware shares memory with it (RMRR), or its IOMMU does not remap "
				  "interrupts"
				: "the IOMMU does not cover it, or has no frames");
	e = arch_pc_add_function(id, &in_pc);
	if (e != OK)
		return refuse_device(d, reason, e,
				     "its PC has no place, frames or interrupts for it");
	return OK;
}

static bool has_device(const struct partition *p)
{
	for (uint32_t i = 0; i < devices.count; i++)
		if (devices.list[i].partition == p)
			return true;
	return false;
}

static enum err hand_over_all(struct partition *p, const char **reason)
{
	uint32_t index = 0;
	enum err e;

	if (!has_device(p))
		return OK;
	e = make_domain(p);
	if (e != OK)
		return device_refuse(reason, e,
				     "partition '%s': no frames for its devices' tables, or its "
				     "memory is beyond what the IOMMU reaches",
				     p->config->name);
	for (uint32_t i = 0; i < devices.count && e == OK; i++) {
		struct device *const d = &devices.list[i];

		if (d->partition != p)
			continue;
		d->pc_index = index++;
		e = hand_over(d, reason);
		if (e == OK)
			log_line(p->tag, "has %04x:%04x at %s", function_of(d)->vendor,
				 function_of(d)->device, d->name);
	}
	return e;
}

/* Of the machine: not what is played in memory. */
static bool wants_functions(const struct config *c)
{
	bool any = false;

	for (uint32_t i = 0; i < c->pf_count; i++)
		any |= c->pfs[i].driver != PF_MEMORY;
	for (uint32_t i = 0; i < c->disk_count; i++)
		any |= c->disks[i].kind != DISK_MEMORY;
	for (part_id_t i = 0; i < c->partition_count; i++)
		for (uint32_t n = 0; n < c->partitions[i].device_count; n++)
			any |= c->partitions[i].devices[n].kind == DEVICE_FUNCTION ||
			       c->pf_count == 0;
	return any;
}

static enum err start_pfs(const struct config *system, const char **reason)
{
	enum err e = OK;

	for (uint32_t i = 0; i < system->pf_count && e == OK; i++)
		e = device_start_pf(system, i, reason);
	return e;
}

/* Of VFs that have their interrupts: nothing can be throttled before. */
static void control_rates(const struct config *system)
{
	for (uint32_t i = 0; device_rate_start && i < devices.pf_count; i++)
		device_rate_start(&devices.pfs[i], system);
}

static void summarize(void)
{
	for (uint32_t i = 0; device_rate_summarize && i < devices.pf_count; i++)
		device_rate_summarize(&devices.pfs[i]);
}

static enum err start(const struct config *system, const struct plan *plan, const char **reason)
{
	/* A core of its own has no period. */
	const uint64_t period_ns = system->service.kind == CPU_RESERVED ? system->service.period_ns
									: SIDE_CORE_PERIOD_NS;
	enum err e = OK;

	devices.period_tsc = mul_div(period_ns, arch_clock_tsc_hz(), SEC(1));
	if (!wants_functions(system)) {
		e = start_pfs(system, reason);
		control_rates(system);
		return e;
	}
	if (!arch_iommu_is_present())
		return device_refuse(
			reason, ERR_NODEV,
			"no device can be handed over without an IOMMU; see above, and turn "
			"VT-d on in firmware");
	devices.table.remark = put_remark;
	pci_scan(&devices.table);
	if (system->pf_count != 0)
		e = arch_iommu_domain_create(IOMMU_HYPERVISOR);
	if (e != OK)
		return device_refuse(reason, e, "no frames for the IOMMU's tables");
	e = start_pfs(system, reason);
	pci_form_groups(&devices.table);
	if (e == OK)
		e = note_devices(reason);
	for (uint32_t i = 0; i < devices.count && e == OK; i++)
		e = check_group(&devices.list[i], reason);
	for (part_id_t i = 0; i < partition_count && e == OK; i++)
		e = hand_over_all(&partitions[i], reason);
	control_rates(system);
	return e;
}

const struct service_ops device_service = { .start = start,
					    .serve = device_serve,
					    .cut_off = device_cut_off,
					    .is_quiet = device_is_quiet,
					    .summarize = summarize };

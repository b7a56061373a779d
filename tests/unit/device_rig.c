/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/device_rig.h"
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include "arch/clock.h"
#include "arch/mp.h"
#include "core/lib/assert.h"
#include "core/log.h"
#include "core/run.h"

#define RELAX_TICKS 50u

struct device_rig rig;
struct partition partitions[MAX_PARTITIONS];
uint32_t partition_count;
struct vcpu_state vcpu_states[MAX_VCPUS];

static struct partition_config part_configs[RIG_PART_MAX];
static struct device_config part_devices[RIG_PART_MAX][RIG_DEVICE_MAX];
static const struct plan no_plan;
static struct plan_partition part_plans[RIG_PART_MAX];
static struct pf_config pf_configs[CONFIG_PF_MAX];
static struct config sys;
static struct {
	pci_addr_t addr;
	uint32_t part;
} owners[FAKE_PCI_MAX];
static uint32_t owner_count;

/* ---- Building ---- */

void rig_clear(void)
{
	memset(&rig, 0, sizeof(rig));
	memset(&devices, 0, sizeof(devices));
	memset(partitions, 0, sizeof(partitions));
	memset(part_configs, 0, sizeof(part_configs));
	partition_count = owner_count = 0;
	sys = (struct config){ .name = "sys",
			       .partitions = part_configs,
			       .pfs = pf_configs,
			       .service = RESERVATION(0, US(1000), RIG_PERIOD) };
}

void rig_pf(const struct pf_config *pf)
{
	pf_configs[sys.pf_count++] = *pf;
}

struct partition *rig_partition(const char *name, uint64_t bytes, const struct device_config *list,
				uint32_t count)
{
	const uint32_t i = partition_count++;
	struct partition *const p = &partitions[i];
	static const struct plan_vcpu reserved = { .kind = CPU_RESERVED,
						   .budget_tsc = 1,
						   .period_tsc = 1 };

	ASSERT(i < RIG_PART_MAX && count <= RIG_DEVICE_MAX);
	for (uint32_t n = 0; n < count; n++)
		part_devices[i][n] = list[n];
	part_configs[i] = (struct partition_config){ .name = name,
						     .devices = part_devices[i],
						     .device_count = count };
	part_plans[i] = (struct plan_partition){ .vcpu_first = i,
						 .vcpu_count = 1,
						 .has_pc = true,
						 .memory_base = GIB(64) * (i + 1),
						 .memory_bytes = bytes };
	vcpu_states[i] = (struct vcpu_state){ .id = i, .partition = p, .plan = &reserved };
	*p = (struct partition){ .config = &part_configs[i],
				 .plan = &part_plans[i],
				 .vcpus = &vcpu_states[i],
				 .ram = { .bytes = bytes, .has_pc = true },
				 .state = PARTITION_RUNNING };
	snprintf(p->tag, sizeof(p->tag), "part %.15s", name);
	sys.partition_count = partition_count;
	return p;
}

void rig_own_core(struct partition *p)
{
	static const struct plan_vcpu owned = { .kind = CPU_OWNED };

	p->vcpus[0].plan = &owned;
}

enum err rig_boot(const char **reason)
{
	*reason = NULL;
	return service_start(&sys, &no_plan, reason);
}

/* ---- Looking ---- */

uint32_t rig_owner(pci_addr_t addr)
{
	for (uint32_t i = 0; i < owner_count; i++)
		if (owners[i].addr == addr)
			return owners[i].part;
	return RIG_NOBODY;
}

/* A mark that software sees, put into each function in turn; at a time when all of them answer. */
int rig_fake(pci_addr_t addr)
{
	const uint64_t now_tsc = fake_pci.now_tsc;
	int found = FAKE_PCI_NONE;

	fake_pci.now_tsc = UINT64_MAX;
	for (uint32_t i = 0; i < fake_pci.count && found == FAKE_PCI_NONE; i++) {
		uint8_t *const line = &fake_pci.functions[i].config[0x3c];
		const uint8_t before = *line;

		*line = (uint8_t)~arch_pci_read(addr, 0x3c, 1);
		if (*line != before && arch_pci_read(addr, 0x3c, 1) == *line)
			found = (int)i;
		*line = before;
	}
	fake_pci.now_tsc = now_tsc;
	return found;
}

uint32_t rig_count(enum rig_what what)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < rig.event_count; i++)
		count += rig.events[i].what == what;
	return count;
}

const struct rig_event *rig_find(enum rig_what what, pci_addr_t addr)
{
	for (uint32_t i = 0; i < rig.event_count; i++)
		if (rig.events[i].what == what && rig.events[i].addr == addr)
			return &rig.events[i];
	return NULL;
}

uint32_t rig_lines(const char *one, const char *two)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < rig.line_count; i++)
		count += strstr(rig.lines[i], one) != NULL && strstr(rig.lines[i], two) != NULL;
	return count;
}

static void note(enum rig_what what, uint32_t part, pci_addr_t addr)
{
	const int f = addr == PCI_NOWHERE ? FAKE_PCI_NONE : rig_fake(addr);

	ASSERT(rig.event_count < RIG_EVENT_MAX);
	rig.events[rig.event_count++] =
		(struct rig_event){ .what = what,
				    .part = part,
				    .addr = addr,
				    .command = f >= 0 ? fake_pci_get(f, 4, 2) : 0,
				    .resets = f >= 0 ? fake_pci.functions[f].resets : 0,
				    .map_count = rig.map_count };
}

/* ---- IOMMU ---- */

static void set_owner(pci_addr_t addr, uint32_t part)
{
	uint32_t i = 0;

	while (i < owner_count && owners[i].addr != addr)
		i++;
	owner_count += i == owner_count;
	owners[i].addr = addr;
	owners[i].part = part;
}

bool arch_iommu_is_present(void)
{
	return !rig.has_no_iommu;
}

enum err arch_iommu_domain_create(part_id_t domain)
{
	note(RIG_DOMAIN, domain, PCI_NOWHERE);
	return rig.domain_error;
}

enum err arch_iommu_map(part_id_t domain, gpa_t at, hpa_t hpa, uint64_t bytes, uint32_t rights)
{
	ASSERT(rig.map_count < ARRAY_SIZE(rig.maps));
	rig.maps[rig.map_count++] = (struct rig_map){ domain, at.v, hpa.v, bytes, rights };
	return rig.map_error;
}

/* As arch/iommu.h has it: no domain gets what another has. */
enum err arch_iommu_attach(pci_addr_t addr, part_id_t domain)
{
	note(RIG_ATTACH, domain, addr);
	if (rig_owner(addr) != RIG_NOBODY && rig_owner(addr) != domain)
		return ERR_INVAL;
	if (domain != IOMMU_HYPERVISOR && rig.attach_error != OK)
		return rig.attach_error;
	set_owner(addr, domain);
	return OK;
}

enum err arch_iommu_block(pci_addr_t addr)
{
	note(RIG_BLOCK, rig_owner(addr), addr);
	set_owner(addr, RIG_NOBODY);
	return rig.block_error;
}

bool arch_iommu_take_fault(struct iommu_fault *fault)
{
	if (rig.fault_for_ever)
		rig.fault_at = 0;
	if (rig.fault_at == rig.fault_count)
		return false;
	*fault = rig.faults[rig.fault_at++];
	rig.faults_taken++;
	return true;
}

const char *arch_iommu_fault_text(uint8_t reason)
{
	return reason == 5 ? "no write permission" : "something else";
}

bool arch_iommu_can_post(void)
{
	return rig.can_post;
}

void arch_iommu_throttle(pci_addr_t device, uint64_t interval_tsc, uint32_t urgent)
{
	rig.throttle_count++;
	rig.throttled = device;
	rig.throttle_tsc = interval_tsc;
	rig.throttle_urgent = urgent;
}

void arch_iommu_irq_counts(pci_addr_t device, struct irq_counts *counts)
{
	*counts = rig.irq_counts;
}

/* ---- PCs ---- */

enum err arch_pc_add_function(part_id_t part, const struct pc_function *function)
{
	note(RIG_ADD, part, function->addr);
	rig.functions[part][rig.function_count[part]++] = *function;
	return rig.add_error;
}

enum err arch_pc_place_functions(part_id_t part)
{
	note(RIG_PLACE, part, PCI_NOWHERE);
	return rig.place_error;
}

void arch_pc_function_was_reset(part_id_t part, uint32_t index)
{
	ASSERT(index < rig.function_count[part]);
	note(RIG_AGAIN, part, rig.functions[part][index].addr);
}

/* ---- Time, the scheduler, device memory, the log ---- */

uint64_t arch_clock_now_tsc(void)
{
	return ++fake_pci.now_tsc;
}

uint64_t arch_clock_tsc_hz(void)
{
	return FAKE_PCI_HZ;
}

void arch_mp_relax(void)
{
	fake_pci.now_tsc += RELAX_TICKS;
}

void run_poke(vcpu_set_t set)
{
	note(RIG_POKE, (uint32_t)__builtin_ctzll(set), PCI_NOWHERE);
}

void partition_make_service(const struct config *system, const struct plan *with)
{
}

void run_wake_service(uint64_t at_tsc)
{
}

void __wrap_service_want(enum service_kind kind, uint64_t at_tsc);
void __wrap_service_want(enum service_kind kind, uint64_t at_tsc)
{
	note(RIG_POKE_SERVICE, 0, PCI_NOWHERE);
}

void *arch_mem_map_device(hpa_t at, uint64_t bytes)
{
	static uint8_t registers[KIB(128)];

	rig.mapped_at = at.v;
	rig.mapped_bytes = bytes;
	return bytes <= sizeof(registers) ? registers : NULL;
}

void log_line(const char *source, const char *format, ...)
{
	char text[RIG_LINE_BYTES - 32];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	if (rig.line_count < RIG_LINE_MAX)
		snprintf(rig.lines[rig.line_count++], RIG_LINE_BYTES, "%.24s: %s", source, text);
}

void log_machine(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	if (rig.machine_count < RIG_LINE_MAX)
		vsnprintf(rig.machine[rig.machine_count++], RIG_LINE_BYTES, format, args);
	va_end(args);
}

void log_flush(void)
{
}

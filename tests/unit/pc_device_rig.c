/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/pc_device_rig.h"
#include <stdlib.h>
#include <string.h>
#include "arch/x86/pc/map.h"
#include "arch/x86/pc/pc.h"
#include "core/lib/assert.h"

struct pc_rig rig;
struct vcpu *vcpus[MAX_VCPUS];

vcpu_set_t pc_end_of_interrupt(part_id_t part, uint8_t vector)
{
	return 0;
}

static struct vcpu vcpu_list[RIG_VCPUS];
static uint32_t apic_pages[RIG_VCPUS][PAGE_BYTES / 4];
static uint8_t frames[16][PAGE_BYTES] __attribute__((aligned(4096)));
static uint32_t frames_taken;

/* ---- Building ---- */

static void make_vcpu(uint32_t i)
{
	struct vcpu *const v = &vcpu_list[i];
	struct vlapic_effect effect;

	memset(v, 0, sizeof(*v));
	v->id = RIG_FIRST + i;
	v->core = RIG_CORE + RIG_FIRST + i;
	vlapic_init(&v->lapic, apic_pages[i], i, VLAPIC_XAPIC);
	vlapic_write(&v->lapic, APIC_SVR, 0x1ff, 0, &effect);
	vlapic_write(&v->lapic, APIC_LDR, BIT32(24 + i), 0, &effect);
	vcpus[v->id] = v;
}

/* Firmware has left it a bus master; core/device.c has reset it. */
void rig_start(void)
{
	memset(&rig, 0, sizeof(rig));
	memset(frames, 0, sizeof(frames));
	frames_taken = 0;
	rig.function = fake_pci_q35().plain;
	fake_pci_set(rig.function, 4, 2, 0x400, 0x547);
	for (uint32_t i = 0; i < RIG_IRQS; i++)
		rig.routes[i].to = RIG_UNROUTED;
	for (uint32_t i = 0; i < RIG_VCPUS; i++)
		make_vcpu(i);
	rig.pc.setup =
		(struct pc_setup){ .part = RIG_PART, .first = RIG_FIRST, .vcpu_count = RIG_VCPUS };
	vpci_init(&rig.pc.pci);
}

static struct pc_function plain(void)
{
	struct pc_function f = { .addr = RIG_AT,
				 .facts = { .vendor = 0x8086,
					    .device = 0x10d3,
					    .class_code = 0x020000,
					    .is_pcie = true } };

	f.bars[0] = RIG_BAR;
	f.facts.bars[0] = (struct vpci_bar){ .kind = VPCI_BAR_MEM32, .bytes = RIG_BAR_BYTES };
	return f;
}

struct pc_function rig_msix(void)
{
	struct pc_function f = plain();

	f.msix = RIG_MSIX;
	f.facts.msix_count = f.table_count = RIG_COUNT;
	f.facts.msix_table_offset = RIG_TABLE;
	f.facts.msix_pba_offset = RIG_PENDING;
	return f;
}

struct pc_function rig_msi(bool is_64)
{
	struct pc_function f = plain();

	f.msi = RIG_MSI;
	f.facts.msi_count = 1;
	f.facts.msi_is_64 = is_64;
	return f;
}

/* Its MSI capability, as "MSI Capability Structures" has it: what fake_pci_msi() leaves out. */
static void make_real_msi(bool is_64)
{
	fake_pci_msi(rig.function, RIG_MSI, 2, is_64, false);
	fake_pci_set(rig.function, RIG_MSI + 4, 4, 0, 0xfffffffc);
	fake_pci_set(rig.function, RIG_MSI + 8, 4, 0, is_64 ? UINT32_MAX : 0xffff);
	fake_pci_set(rig.function, RIG_MSI + 12, 2, 0, is_64 ? 0xffff : 0);
}

void rig_with(const struct pc_function *function)
{
	enum err e;

	rig_start();
	if (function->msi != 0)
		make_real_msi(function->facts.msi_is_64);
	e = arch_pc_add_function(RIG_PART, function);
	ASSERT(e == OK);
	e = arch_pc_place_functions(RIG_PART);
	ASSERT(e == OK);
}

/* ---- The guest ---- */

void rig_config(uint32_t index, uint32_t offset, uint32_t width, uint32_t value)
{
	pc_device_configured(&rig.pc, vpci_ecam_write(&rig.pc.pci, (uint64_t)index << 15 | offset,
						      width, value));
}

static uint64_t bar_of_guest(void)
{
	return rig.pc.pci.functions[1].placed[0];
}

void rig_write(uint64_t offset, uint32_t width, uint64_t value)
{
	pc_device_write(&rig.pc, bar_of_guest() + offset, width, value);
}

uint64_t rig_read(uint64_t offset, uint32_t width)
{
	return pc_device_read(&rig.pc, bar_of_guest() + offset, width);
}

void rig_entry(uint32_t i, uint64_t address, uint32_t data, uint32_t control)
{
	const uint64_t at = RIG_TABLE + 16 * i;

	rig_write(at, 4, (uint32_t)address);
	rig_write(at + 4, 4, address >> 32);
	rig_write(at + 8, 4, data);
	rig_write(at + 12, 4, control);
}

/* ---- The real function ---- */

uint32_t rig_real(uint32_t i, uint32_t word)
{
	uint32_t value;

	memcpy(&value, &rig.bar[RIG_TABLE + 16 * i + 4 * word], 4);
	return value;
}

bool rig_is_open(uint32_t i)
{
	return !(rig_real(i, 3) & 1);
}

bool rig_leads_to(uint32_t i, uint32_t vcpu, uint8_t vector)
{
	const struct irq_msi msi = arch_iommu_irq_msi(RIG_IRQ_FIRST + i);

	return rig_is_open(i) && rig.routes[i].to == ((RIG_FIRST + vcpu) << 8 | vector) &&
	       rig_real(i, 0) == (uint32_t)msi.address &&
	       rig_real(i, 1) == (uint32_t)(msi.address >> 32) && rig_real(i, 2) == msi.data;
}

/* ---- The IOMMU ---- */

enum err arch_iommu_irq_create(pci_addr_t device, uint32_t count, irq_id_t *first)
{
	*first = RIG_IRQ_FIRST + rig.irq_count;
	rig.irq_count += count;
	ASSERT(rig.irq_count <= RIG_IRQS);
	return rig.irq_error;
}

/* Asked for before each write to a table. */
struct irq_msi arch_iommu_irq_msi(irq_id_t irq)
{
	rig.blind_writes += !(fake_pci_get(rig.function, 4, 2) & 2);
	return (struct irq_msi){ UINT64_C(0x7700000000) + 16 * irq, 0xc0de0000 + irq };
}

enum err arch_iommu_irq_route(irq_id_t irq, vcpu_id_t vcpu, core_id_t core, uint8_t vector)
{
	const uint32_t i = irq - RIG_IRQ_FIRST;

	ASSERT(i < rig.irq_count);
	rig.route_calls++;
	rig.wrong_cores += core != RIG_CORE + vcpu;
	rig.routes[i].has_failed = rig.route_error != OK;
	rig.routes[i].to = rig.route_error == OK ? (uint32_t)vcpu << 8 | vector : RIG_UNROUTED;
	return rig.route_error;
}

enum err arch_iommu_irq_mask(irq_id_t irq)
{
	ASSERT(irq - RIG_IRQ_FIRST < rig.irq_count);
	rig.mask_calls++;
	rig.routes[irq - RIG_IRQ_FIRST].to = RIG_UNROUTED;
	return OK;
}

/* ---- Memory ---- */

struct pc *pc_of(part_id_t part)
{
	ASSERT(part == RIG_PART);
	return &rig.pc;
}

void *arch_mem_take_pages(uint64_t page_count)
{
	void *const at = frames[frames_taken];

	frames_taken += (uint32_t)page_count;
	return rig.has_no_pages || frames_taken > ARRAY_SIZE(frames) ? NULL : at;
}

/* "MSI-X Table Structure": after a reset entries are masked; some come up otherwise. */
void *arch_mem_map_device(hpa_t at, uint64_t bytes)
{
	ASSERT(at.v >= RIG_BAR && at.v + bytes <= RIG_BAR + RIG_BAR_BYTES);
	return rig.has_no_device_pages ? NULL : &rig.bar[at.v - RIG_BAR];
}

enum err arch_space_map(part_id_t part, gpa_t gpa, hpa_t hpa, uint64_t bytes, uint32_t rights)
{
	ASSERT(part == RIG_PART && rig.map_count < ARRAY_SIZE(rig.maps));
	rig.maps[rig.map_count].gpa = gpa.v;
	rig.maps[rig.map_count].hpa = hpa.v;
	rig.maps[rig.map_count].bytes = bytes;
	rig.maps[rig.map_count++].rights = rights;
	return OK;
}

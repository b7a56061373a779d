/* SPDX-License-Identifier: Apache-2.0 */
/* arch/x86/vtd/vtd.c - the contract of arch/iommu.h over all units of the machine. */
#include <string.h>
#include "arch/iommu.h"
#include "arch/x86/init.h"
#include "arch/x86/vtd/fault.h"
#include "arch/x86/vtd/irq.h"
#include "arch/x86/vtd/scope.h"
#include "arch/x86/vtd/table.h"
#include "core/lib/fmt.h"
#include "core/lib/lock.h"

#define REASON_BYTES  160u
#define DEVICE_MAX    256u
#define DOMAIN_COUNT  (IOMMU_DISKS + 1)
#define DOMAIN_NOBODY UINT32_MAX

/* Interrupt messages: no address that is translated, on either side, may look like one. */
#define MESSAGE_BASE UINT64_C(0xfee00000)
#define MESSAGE_END  UINT64_C(0xfef00000)

/* To map registers: a page table for each unit, directories for four different GiB, one above. */
_Static_assert(DMAR_UNIT_MAX *(VTD_UNIT_PAGES + 1) * PAGE_BYTES + 5 * PAGE_BYTES <=
		       IOMMU_INIT_BYTES,
	       "core/memory.c sets so much aside");

struct domain {
	struct nested_space space; /* root 0: not created */
	uint16_t did;              /* from 1 on: 0 is hardware's, "Caching Mode" */
};

struct device {
	pci_addr_t addr;       /* [I] */
	struct vtd_unit *unit; /* [I] */
	bool has_reserved;     /* [I] */
	bool is_unsure;        /* [L] hardware did not confirm that it forgot the last domain */
	uint16_t did;          /* [L] of the last domain, 0: none yet */
	uint32_t domain;       /* [L] atomic: or DOMAIN_NOBODY */
};

static struct {
	struct lock lock;
	bool is_present;                         /* [I] */
	struct dmar dmar;                        /* [I] */
	struct vtd_place places[DMAR_SCOPE_MAX]; /* [I] */
	struct vtd_unit units[DMAR_UNIT_MAX];
	struct nested_space model;    /* [I] what every domain's space is like */
	uint32_t device_address_bits; /* [I] */
	struct domain domains[DOMAIN_COUNT];
	uint16_t did_count;
	uint32_t device_count; /* atomic: devices are complete before they count */
	struct device devices[DEVICE_MAX];
	uint32_t lost, fault_unit; /* of the core that takes faults */
	char reason[REASON_BYTES];
} iommu;

/* ---- Initialization ---- */

static enum err explain(const char **missing, enum err e, const struct dmar_unit *u,
			const char *what)
{
	fmt_text(iommu.reason, REASON_BYTES, "DMAR+0x%x: the unit at 0x%llx lacks %s", u->offset,
		 (unsigned long long)u->base, what);
	*missing = iommu.reason;
	return e;
}

static enum err open_units(const char **missing)
{
	const enum vtd_apic_mode mode = apic_is_x2apic() ? VTD_X2APIC : VTD_XAPIC;

	for (uint32_t i = 0; i < iommu.dmar.unit_count; i++) {
		const struct dmar_unit *const d = &iommu.dmar.units[i];
		const char *what = NULL;
		const enum err e = vtd_unit_open(&iommu.units[i], d->base, d->segment, &what);

		if (e != OK)
			return explain(missing, e, d, what);
		vtd_unit_choose(&iommu.units[i], iommu.dmar.can_remap_interrupts, mode);
	}
	return OK;
}

/* What all units have in common, so that any device may be attached to any domain. */
static enum err choose_model(const char **missing)
{
	uint64_t cap = UINT64_MAX, ecap = UINT64_MAX;
	uint32_t bits = UINT32_MAX;

	for (uint32_t i = 0; i < iommu.dmar.unit_count; i++) {
		cap &= iommu.units[i].cap;
		ecap &= iommu.units[i].ecap;
		bits = (uint32_t)min_u64(bits, VTD_CAP_MGAW(iommu.units[i].cap));
	}
	*missing = "remapping units whose page tables may have the same number of levels";
	if (!(cap & (VTD_CAP_SAGAW_39 | VTD_CAP_SAGAW_48)))
		return ERR_UNSUPPORTED;
	iommu.device_address_bits = bits;
	iommu.model = (struct nested_space){ .format = NESTED_VTD,
					     .largest = NESTED_4K,
					     .level_count = cap & VTD_CAP_SAGAW_48 ? 4 : 3,
					     .physical_address_bits = iommu.dmar.address_bits,
					     .leaf_bits = ecap & VTD_ECAP_SC ? VTD_SL_SNP : 0,
					     .written = ecap & VTD_ECAP_C ? NULL : vtd_flush };
	if (cap & VTD_CAP_SLLPS_2M)
		iommu.model.largest = cap & VTD_CAP_SLLPS_1G ? NESTED_1G : NESTED_2M;
	return OK;
}

static enum err start_units(const char **missing)
{
	for (uint32_t i = 0; i < iommu.dmar.unit_count; i++) {
		const char *what = NULL;
		const enum err e = vtd_unit_start(&iommu.units[i], &what);

		if (e != OK)
			return explain(missing, e, &iommu.dmar.units[i], what);
	}
	return OK;
}

enum err arch_iommu_init(const char **missing)
{
	const struct acpi_info *const acpi = acpi_facts();
	enum err e;

	memset(&iommu, 0, sizeof(iommu));
	vtd_irq_init();
	*missing = "an IOMMU: firmware has no DMAR table";
	if (acpi->dmar == 0)
		return ERR_NODEV;
	*missing = iommu.reason;
	e = dmar_read(arch_mem_at((hpa_t){ acpi->dmar }), acpi->dmar_bytes, &iommu.dmar,
		      iommu.reason);
	if (e != OK)
		return e;
	vtd_scope_resolve(&iommu.dmar, iommu.places);
	e = open_units(missing);
	if (e == OK)
		e = choose_model(missing);
	if (e == OK)
		e = start_units(missing);
	iommu.is_present = e == OK;
	return e;
}

/* ---- What there is ---- */

bool arch_iommu_is_present(void)
{
	return iommu.is_present;
}

static bool all_units(uint64_t cap)
{
	for (uint32_t i = 0; i < iommu.dmar.unit_count; i++) {
		if (!(iommu.units[i].cap & cap))
			return false;
	}
	return iommu.is_present;
}

bool arch_iommu_can_post(void)
{
	return all_units(VTD_CAP_PI);
}

static uint32_t count_remapping(void)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < iommu.dmar.unit_count; i++)
		count += iommu.units[i].can_remap;
	return count;
}

void arch_iommu_describe(char *text, size_t bytes)
{
	static const char *const pages[] = { "4 KiB", "2 MiB", "1 GiB" };
	const uint32_t count = iommu.dmar.unit_count;

	if (!iommu.is_present) {
		fmt_text(text, bytes, "none");
		return;
	}
	fmt_text(text, bytes,
		 "VT-d: %u unit%s, %u-bit addresses, pages up to %s, %u remap%s interrupts%s%s%s%s",
		 count, count == 1 ? "" : "s", iommu.device_address_bits,
		 pages[iommu.model.largest], count_remapping(), count_remapping() == 1 ? "s" : "",
		 apic_is_x2apic() ? " to x2APICs" : "", arch_iommu_can_post() ? ", posting" : "",
		 iommu.model.leaf_bits ? ", snooping enforced" : "",
		 iommu.model.written ? ", tables flushed" : "");
}

/* ---- Domains ---- */

static struct domain *domain_at(part_id_t id)
{
	return iommu.is_present && id < DOMAIN_COUNT && iommu.domains[id].space.root.v != 0
		       ? &iommu.domains[id]
		       : NULL;
}

enum err arch_iommu_domain_create(part_id_t id)
{
	struct domain d = { .space = iommu.model };
	enum err e;

	if (!iommu.is_present)
		return ERR_NODEV;
	if (id >= DOMAIN_COUNT || domain_at(id))
		return ERR_INVAL;
	e = nested_space_create(&d.space);
	if (e != OK)
		return e;
	d.did = ++iommu.did_count;
	iommu.domains[id] = d;
	return OK;
}

static bool meets_messages(uint64_t at, uint64_t bytes)
{
	return at < MESSAGE_END && bytes > 0 && at + bytes > MESSAGE_BASE;
}

enum err arch_iommu_map(part_id_t id, gpa_t at, hpa_t hpa, uint64_t bytes, uint32_t rights)
{
	const struct domain *const d = domain_at(id);
	uint64_t end, hpa_end;
	enum err e;

	if (!iommu.is_present)
		return ERR_NODEV;
	if (!d || __builtin_add_overflow(at.v, bytes, &end) ||
	    __builtin_add_overflow(hpa.v, bytes, &hpa_end))
		return ERR_INVAL;
	if (meets_messages(at.v, bytes) || meets_messages(hpa.v, bytes))
		return ERR_INVAL;
	if (end > BIT64(iommu.device_address_bits))
		return ERR_RANGE;
	e = nested_space_map(&d->space, at.v, hpa.v, bytes, rights);
	for (uint32_t i = 0; i < iommu.dmar.unit_count && e == OK; i++)
		e = vtd_table_mapped(&iommu.units[i], d->did);
	return e;
}

/* ---- Devices ---- */

static struct device *find_device(pci_addr_t addr)
{
	const uint32_t count = __atomic_load_n(&iommu.device_count, __ATOMIC_ACQUIRE);

	for (uint32_t i = 0; i < count; i++) {
		if (iommu.devices[i].addr == addr)
			return &iommu.devices[i];
	}
	return NULL;
}

static enum err make_device(pci_addr_t addr, struct device **device)
{
	struct device *d = find_device(addr);
	uint32_t unit;

	*device = d;
	if (!iommu.is_present)
		return ERR_NODEV;
	if (d)
		return OK;
	unit = vtd_scope_unit(&iommu.dmar, iommu.places, addr);
	if (unit == VTD_NO_UNIT)
		return ERR_NODEV;
	if (iommu.device_count == DEVICE_MAX)
		return ERR_NOMEM;
	d = &iommu.devices[iommu.device_count];
	*d = (struct device){ .addr = addr,
			      .unit = &iommu.units[unit],
			      .has_reserved =
				      vtd_scope_has_reserved(&iommu.dmar, iommu.places, addr),
			      .domain = DOMAIN_NOBODY };
	__atomic_store_n(&iommu.device_count, iommu.device_count + 1, __ATOMIC_RELEASE);
	*device = d;
	return OK;
}

static enum err block(struct device *d)
{
	const enum err e = vtd_table_block(d->unit, PCI_REQUESTER(d->addr), d->did);

	__atomic_store_n(&d->domain, DOMAIN_NOBODY, __ATOMIC_RELAXED);
	d->is_unsure = e != OK;
	return e;
}

/* A partition's device could forge interrupts if its messages were not remapped. */
static enum err may_attach(const struct device *d, part_id_t id)
{
	const struct domain *const to = domain_at(id);

	if (!to || d->domain != DOMAIN_NOBODY)
		return ERR_INVAL;
	if (d->has_reserved || (id < IOMMU_HYPERVISOR && !d->unit->can_remap))
		return ERR_UNSUPPORTED;
	return to->did < BIT32(VTD_CAP_ND(d->unit->cap)) ? OK : ERR_NOMEM;
}

static enum err attach(struct device *d, part_id_t id)
{
	const struct domain *const to = domain_at(id);
	enum err e = d->is_unsure ? block(d) : OK;

	if (e != OK)
		return e;
	d->did = to->did;
	e = vtd_table_attach(d->unit, PCI_REQUESTER(d->addr), to->did, &to->space);
	if (e == OK)
		__atomic_store_n(&d->domain, id, __ATOMIC_RELAXED);
	else
		(void)block(d); /* the first failure is the one to report */
	return e;
}

enum err arch_iommu_attach(pci_addr_t addr, part_id_t id)
{
	struct device *d;
	enum err e;

	lock_take(&iommu.lock);
	e = make_device(addr, &d);
	if (e == OK && d->domain != id) {
		e = may_attach(d, id);
		if (e == OK)
			e = attach(d, id);
	}
	lock_give(&iommu.lock);
	return e;
}

enum err arch_iommu_block(pci_addr_t addr)
{
	struct device *d;
	enum err e;

	lock_take(&iommu.lock);
	e = make_device(addr, &d);
	if (e == OK && (d->domain != DOMAIN_NOBODY || d->is_unsure))
		e = block(d);
	lock_give(&iommu.lock);
	return e;
}

/* ---- Interrupts ---- */

enum err arch_iommu_irq_create(pci_addr_t addr, uint32_t count, irq_id_t *first)
{
	struct device *d;
	const enum err e = make_device(addr, &d);

	return e == OK ? vtd_irq_create(d->unit, addr, count, first) : e;
}

struct irq_msi arch_iommu_irq_msi(irq_id_t irq)
{
	return vtd_irq_msi(irq);
}

enum err arch_iommu_irq_route(irq_id_t irq, vcpu_id_t vcpu, core_id_t core, uint8_t vector)
{
	enum err e;

	lock_take(&iommu.lock);
	e = vtd_irq_route(irq, vcpu, core, vector);
	lock_give(&iommu.lock);
	return e;
}

enum err arch_iommu_irq_mask(irq_id_t irq)
{
	enum err e;

	lock_take(&iommu.lock);
	e = vtd_irq_mask(irq);
	lock_give(&iommu.lock);
	return e;
}

/* ---- Faults ---- */

static void describe_fault(const struct vtd_unit *u, const struct vtd_fault_record *r,
			   struct iommu_fault *fault)
{
	const struct device *d;

	*fault = (struct iommu_fault){ .kind = r->is_interrupt ? IOMMU_FAULT_INTERRUPT
					       : r->is_write   ? IOMMU_FAULT_WRITE
							       : IOMMU_FAULT_READ,
				       .device = PCI_ADDR((pci_addr_t)u->segment, 0u, 0u, 0u) |
						 r->requester,
				       .domain = DOMAIN_NOBODY,
				       .address = r->address,
				       .reason = r->reason,
				       .lost = iommu.lost };
	iommu.lost = 0;
	d = find_device(fault->device);
	if (d)
		fault->domain = __atomic_load_n(&d->domain, __ATOMIC_RELAXED);
}

/* Units take turns, so that one that is flooded does not hide another. */
bool arch_iommu_take_fault(struct iommu_fault *fault)
{
	if (!iommu.is_present)
		return false;
	for (uint32_t i = 0; i < iommu.dmar.unit_count; i++) {
		struct vtd_unit *const u = &iommu.units[iommu.fault_unit];
		struct vtd_fault_record r;

		iommu.fault_unit = (iommu.fault_unit + 1) % iommu.dmar.unit_count;
		if (vtd_fault_take(u, &r, &iommu.lost)) {
			describe_fault(u, &r, fault);
			return true;
		}
	}
	return false;
}

const char *arch_iommu_fault_text(uint8_t reason)
{
	return vtd_fault_text(reason);
}

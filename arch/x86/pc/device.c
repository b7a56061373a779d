/* SPDX-License-Identifier: Apache-2.0 */
/*
 * arch/x86/pc/device.c - functions of the machine on a guest's PCI bus.
 *
 * io/vpci.h and io/vmsix.h say what the guest has written; here the real function follows. Entries
 * of its MSI-X table hold what the IOMMU gave, and are masked unless the guest's entry leads to
 * somebody: what it sends meanwhile waits in the function's own pending bits.
 */
#include "arch/mem.h"
#include "arch/x86/pc/state.h"
#include "arch/x86/pc/map.h"
#include "arch/x86/post.h"
#include "arch/x86/vtd/gate.h"
#include "core/lib/assert.h"
#include "io/vmsi.h"
#include "io/vmsix.h"

/* PCI Local Bus Specification 3.0, "Device Control", "MSI Capability Structure", "MSI-X .." */
#define CONFIG_COMMAND   0x04u
#define COMMAND_MEMORY   BIT32(1)
#define COMMAND_MASTER   BIT32(2)
#define COMMAND_INTX_OFF BIT32(10)
#define MESSAGE_CONTROL  0x02u
#define MSI_ENABLE       BIT32(0)
#define MSI_ENABLED      (BIT32(6) | BIT32(5) | BIT32(4)) /* Multiple Message Enable: 0 is one */
#define MSI_IS_64        BIT32(7)
#define MSI_ADDRESS      0x04u
#define MSIX_MASK        BIT32(14)
#define MSIX_ENABLE      BIT32(15)

/* "MSI-X Table Structure", in words of 32 bits. */
enum { ENTRY_ADDRESS, ENTRY_ADDRESS_HIGH, ENTRY_DATA, ENTRY_CONTROL, ENTRY_WORDS };

#define ROUTE_NONE        UINT32_MAX
#define ROUTE(to, vector) ((uint32_t)(to) << 8 | (vector))
_Static_assert(ENTRY_WORDS * 4 == VMSIX_ENTRY_BYTES, "MSI-X Table Structure");

struct pc_device {
	struct pc_function real;          /* [I] */
	irq_id_t irq;                     /* [I] the first; one for each message */
	uint32_t irq_count;               /* [I] */
	volatile uint32_t *table;         /* [I] the real MSI-X table, or NULL */
	volatile uint64_t *waiting;       /* [I] its pending bits */
	struct vmsix msix;                /* [L], as are those below */
	uint32_t routes[VMSIX_ENTRY_MAX]; /* as the IOMMU has them */
	struct irq_source sources[VMSIX_ENTRY_MAX];
};

/* ---- Routes ---- */

static const struct vcpu *find_target(const struct pc *pc, const struct vmsi_message *m)
{
	const struct irq_message message = { .vector = m->vector,
					     .delivery = m->delivery,
					     .is_logical = m->is_logical,
					     .destination = m->destination };
	const struct vcpu *found = NULL;

	for (uint32_t i = 0; i < pc->setup.vcpu_count; i++) {
		const struct vcpu *const v = vcpu_at(pc->setup.first + i);

		if (!v || !vlapic_matches(&v->lapic, &message))
			continue;
		if (!found || (m->delivery == VMSI_LOWEST &&
			       vlapic_priority(&v->lapic) < vlapic_priority(&found->lapic)))
			found = v;
	}
	return found;
}
_Static_assert((int)VMSI_FIXED == (int)IRQ_FIXED && (int)VMSI_LOWEST == (int)IRQ_LOWEST &&
		       VMSI_BROADCAST == IRQ_BROADCAST,
	       "messages of devices and of APICs are the same");

/* False: such a message leads to nobody. */
static bool route(struct pc *pc, struct pc_device *d, uint32_t i, uint64_t address, uint32_t data)
{
	const struct vcpu *to;
	struct vmsi_message m;

	if (!vmsi_decode(address, data, &m) || m.is_level || m.vector < IRQ_FIRST_VECTOR ||
	    (m.delivery != VMSI_FIXED && m.delivery != VMSI_LOWEST))
		return false;
	to = find_target(pc, &m);
	if (!to)
		return false;
	if (d->routes[i] == ROUTE(to->id, m.vector))
		return true;
	d->routes[i] = ROUTE_NONE;
	if (arch_iommu_irq_route(d->irq + i, to->id, to->core, m.vector) != OK)
		return false;
	d->routes[i] = ROUTE(to->id, m.vector);
	return true;
}

/* ---- The real function ---- */

static void write_command(const struct pc *pc, uint32_t function)
{
	arch_pci_write(pc->devices[function]->real.addr, CONFIG_COMMAND, 2,
		       COMMAND_MEMORY | COMMAND_INTX_OFF |
			       (vpci_is_master(&pc->pci, function) ? COMMAND_MASTER : 0));
}

/* Who else may unmask it does not while the guest holds it: what is written is seen as a whole. */
static void write_entry(struct pc_device *d, uint32_t i, bool is_open)
{
	volatile uint32_t *const entry = &d->table[(uint64_t)i * ENTRY_WORDS];
	const struct irq_msi msi = arch_iommu_irq_msi(d->irq + i);

	irq_source_hold(&d->sources[i], IRQ_GUEST);
	if (!is_open)
		return;
	entry[ENTRY_ADDRESS] = (uint32_t)msi.address;
	entry[ENTRY_ADDRESS_HIGH] = (uint32_t)(msi.address >> 32);
	entry[ENTRY_DATA] = msi.data;
	irq_source_let_go(&d->sources[i], IRQ_GUEST);
}

static void follow_entry(struct pc *pc, struct pc_device *d, uint32_t i)
{
	const struct vmsix_entry *const e = &d->msix.entries[i];

	write_entry(d, i, !e->is_masked && route(pc, d, i, e->address, e->data));
}

static void follow_vectors(struct pc *pc, uint32_t function)
{
	struct pc_device *const d = pc->devices[function];
	bool is_enabled, is_masked;

	vpci_msix_control(&pc->pci, function, &is_enabled, &is_masked);
	/* Pending bits are the function's own: none of ours ever waits. */
	(void)vmsix_set_control(&d->msix, is_enabled, is_masked);
	arch_pci_write(d->real.addr, d->real.msix + MESSAGE_CONTROL, 2,
		       (is_enabled ? MSIX_ENABLE : 0) | (is_masked ? MSIX_MASK : 0));
}

/* One message: see arch/pc.h. */
static void follow_message(struct pc *pc, uint32_t function)
{
	struct pc_device *const d = pc->devices[function];
	const uint32_t at = d->real.msi;
	const struct irq_msi msi = arch_iommu_irq_msi(d->irq);
	const uint32_t control =
		arch_pci_read(d->real.addr, at + MESSAGE_CONTROL, 2) & ~(MSI_ENABLE | MSI_ENABLED);
	const uint32_t data_at = at + MSI_ADDRESS + (control & MSI_IS_64 ? 8u : 4u);
	uint64_t address;
	uint32_t data;

	arch_pci_write(d->real.addr, at + MESSAGE_CONTROL, 2, control);
	if (!vpci_msi(&pc->pci, function, 0, &address, &data) || !route(pc, d, 0, address, data))
		return;
	arch_pci_write(d->real.addr, at + MSI_ADDRESS, 4, (uint32_t)msi.address);
	if (control & MSI_IS_64)
		arch_pci_write(d->real.addr, at + MSI_ADDRESS + 4, 4,
			       (uint32_t)(msi.address >> 32));
	arch_pci_write(d->real.addr, data_at, 2, msi.data);
	arch_pci_write(d->real.addr, at + MESSAGE_CONTROL, 2, control | MSI_ENABLE);
}

void pc_device_configured(struct pc *pc, struct vpci_effect effect)
{
	if (effect.changes == 0 || !pc->devices[effect.function])
		return;
	if (effect.changes & VPCI_MASTER)
		write_command(pc, effect.function);
	if (effect.changes & VPCI_VECTORS)
		follow_vectors(pc, effect.function);
	if ((effect.changes & VPCI_MESSAGES) && pc->devices[effect.function]->real.msi != 0)
		follow_message(pc, effect.function);
}

/* ---- Registers in trapped pages ---- */

struct place {
	struct pc_device *device; /* NULL: nothing is here */
	bool is_pending;
	uint64_t offset;
};

static uint64_t pending_bytes(const struct vpci_facts *f)
{
	return align_up(f->msix_count, 64) / 8;
}

static struct place find_place(const struct pc *pc, uint64_t gpa)
{
	for (uint32_t i = 1; i < pc->pci.function_count; i++) {
		const struct vpci_facts *f;
		const uint64_t *const placed = pc->pci.functions[i].placed;
		uint64_t offset;

		if (!pc->devices[i] || pc->devices[i]->real.facts.msix_count == 0)
			continue;
		f = &pc->devices[i]->real.facts;
		offset = gpa - placed[f->msix_table_bar] - f->msix_table_offset;
		if (offset < (uint64_t)f->msix_count * VMSIX_ENTRY_BYTES)
			return (struct place){ pc->devices[i], false, offset };
		offset = gpa - placed[f->msix_pba_bar] - f->msix_pba_offset;
		if (offset < pending_bytes(f))
			return (struct place){ pc->devices[i], true, offset };
	}
	return (struct place){ NULL, false, 0 };
}

uint64_t pc_device_read(struct pc *pc, uint64_t gpa, uint32_t width)
{
	const struct place p = find_place(pc, gpa);

	if (!p.device)
		return UINT64_MAX;
	if (p.is_pending)
		return vmsix_read_pending(&p.device->msix, p.offset, width, *p.device->waiting);
	return vmsix_read(&p.device->msix, p.offset, width);
}

void pc_device_write(struct pc *pc, uint64_t gpa, uint32_t width, uint64_t value)
{
	const struct place p = find_place(pc, gpa);

	if (!p.device || p.is_pending)
		return;
	(void)vmsix_write(&p.device->msix, p.offset, width, value);
	follow_entry(pc, p.device, (uint32_t)(p.offset / VMSIX_ENTRY_BYTES));
}

/* ---- Life ---- */

/* Of a unit that does not answer: whatever it still lets through, nobody is posted to. */
static void end_route(struct pc_device *d, uint32_t i)
{
	enum err e = OK;

	if (d->routes[i] != ROUTE_NONE)
		e = arch_iommu_irq_mask(d->irq + i);
	(void)e;
	d->routes[i] = ROUTE_NONE;
}

void pc_device_restart(struct pc *pc)
{
	for (uint32_t i = 1; i < pc->pci.function_count; i++) {
		struct pc_device *const d = pc->devices[i];
		enum err e = OK;

		if (!d)
			continue;
		if (d->msix.count != 0)
			e = vmsix_init(&d->msix, d->msix.count);
		ASSERT(e == OK);
		for (uint32_t n = 0; n < d->irq_count; n++)
			end_route(d, n);
		/* So are the real ones, by the reset. */
		for (uint32_t n = 0; n < d->msix.count; n++)
			irq_source_was_reset(&d->sources[n]);
		write_command(pc, i);
	}
}

void arch_pc_function_was_reset(part_id_t part, uint32_t index)
{
	struct pc *const pc = pc_of(part);
	struct pc_device *const d = pc->devices[index + 1];

	pc_take(pc);
	write_command(pc, index + 1);
	for (uint32_t i = 0; i < d->msix.count; i++)
		follow_entry(pc, d, i);
	if (d->msix.count != 0)
		follow_vectors(pc, index + 1);
	if (d->real.msi != 0)
		follow_message(pc, index + 1);
	pc_give(pc);
}

/* ---- Creation ---- */

static enum err map_table(struct pc_device *d)
{
	const struct vpci_facts *const f = &d->real.facts;
	const uint64_t table = d->real.bars[f->msix_table_bar] + f->msix_table_offset;
	const uint64_t waiting = d->real.bars[f->msix_pba_bar] + f->msix_pba_offset;

	d->table =
		arch_mem_map_device((hpa_t){ table }, (uint64_t)f->msix_count * VMSIX_ENTRY_BYTES);
	d->waiting = arch_mem_map_device((hpa_t){ waiting }, pending_bytes(f));
	if (!d->table || !d->waiting)
		return ERR_NOMEM;
	for (uint32_t i = 0; i < f->msix_count; i++) {
		d->sources[i].control = &d->table[(uint64_t)i * ENTRY_WORDS + ENTRY_CONTROL];
		d->sources[i].waiting = &d->waiting[i / 64];
		d->sources[i].bit = BIT64(i % 64);
		write_entry(d, i, false);
		if (vtd_gate_set_source)
			vtd_gate_set_source(d->irq + i, &d->sources[i]);
	}
	return vmsix_init(&d->msix, f->msix_count);
}

enum err arch_pc_add_function(part_id_t part, const struct pc_function *function)
{
	struct pc *const pc = pc_of(part);
	struct pc_device *const d =
		arch_mem_take_pages(align_up(sizeof(*d), PAGE_BYTES) / PAGE_BYTES);
	uint32_t index;
	enum err e;

	if (!d)
		return ERR_NOMEM;
	d->real = *function;
	d->irq_count = function->facts.msix_count + function->facts.msi_count;
	for (uint32_t i = 0; i < VMSIX_ENTRY_MAX; i++)
		d->routes[i] = ROUTE_NONE;
	if ((function->facts.msix_count != 0 && function->facts.msi_count != 0) ||
	    function->table_count < function->facts.msix_count)
		return ERR_INVAL;
	e = vpci_add(&pc->pci, &function->facts, &index);
	if (e == OK && d->irq_count != 0)
		e = arch_iommu_irq_create(function->addr, d->irq_count, &d->irq);
	/* After its reset it decodes nothing, and what is written to its table would be lost. */
	arch_pci_write(function->addr, CONFIG_COMMAND, 2, COMMAND_MEMORY | COMMAND_INTX_OFF);
	if (e == OK && function->facts.msix_count != 0)
		e = map_table(d);
	if (e == OK)
		pc->devices[index] = d;
	return e;
}

/* Does [page, + 4 KiB) of the BAR hold some of these bytes? */
static bool holds(uint64_t page, uint64_t offset, uint64_t bytes)
{
	return page < offset + bytes && offset < page + PAGE_BYTES;
}

/* The real table, of which the guest may see a part only. */
static bool is_trapped(const struct pc_function *real, uint32_t bar, uint64_t page)
{
	const struct vpci_facts *const f = &real->facts;
	const uint64_t count = real->table_count;

	if (f->msix_count == 0)
		return false;
	return (bar == f->msix_table_bar &&
		holds(page, f->msix_table_offset, count * VMSIX_ENTRY_BYTES)) ||
	       (bar == f->msix_pba_bar && holds(page, f->msix_pba_offset, align_up(count, 64) / 8));
}

/* In as few pieces as there are between trapped pages, so that large pages are used. */
static enum err map_bar(const struct pc *pc, uint32_t function, uint32_t bar)
{
	const struct pc_device *const d = pc->devices[function];
	const uint64_t gpa = pc->pci.functions[function].placed[bar];
	const uint64_t end = d->real.facts.bars[bar].bytes;
	enum err e = OK;

	for (uint64_t from = 0, at = 0; e == OK && at <= end; at += PAGE_BYTES) {
		if (at < end && !is_trapped(&d->real, bar, at))
			continue;
		if (at > from)
			e = arch_space_map(pc->setup.part, (gpa_t){ gpa + from },
					   (hpa_t){ d->real.bars[bar] + from }, at - from,
					   SPACE_READ | SPACE_WRITE | SPACE_DEVICE);
		from = at + PAGE_BYTES;
	}
	return e;
}

enum err arch_pc_place_functions(part_id_t part)
{
	struct pc *const pc = pc_of(part);
	enum err e = vpci_place(&pc->pci, PC_MMIO, PC_MMIO_END);

	for (uint32_t i = 1; i < pc->pci.function_count && e == OK; i++) {
		if (!pc->devices[i]) {
			e = pc_map_model(pc, i);
			continue;
		}
		write_command(pc, i);
		for (uint32_t k = 0; k < VPCI_BAR_COUNT && e == OK; k++)
			if (pc->devices[i]->real.facts.bars[k].kind != VPCI_BAR_NONE)
				e = map_bar(pc, i, k);
	}
	return e;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * arch/x86/pc/model.c - functions made by software on a guest's PCI bus; and the one place that knows
 * which functions are real.
 *
 * A model's registers are in one BAR. Its MSI-X table and pending bits lie there, too, and are kept here:
 * a message that it sends is posted as one of a device would be.
 */
#include "arch/mem.h"
#include "arch/x86/pc/map.h"
#include "arch/x86/pc/state.h"
#include "arch/x86/post.h"
#include "core/lib/assert.h"
#include "io/vmsi.h"
#include "io/vmsix.h"

struct pc_slot {
	struct pc_model model; /* [I] */
	struct vmsix msix;     /* [L] */
};

/* ---- Messages ---- */

static vcpu_set_t send_message(const struct pc *pc, uint64_t address, uint32_t data)
{
	struct vmsi_message from;
	struct irq_message m;

	if (!vmsi_decode(address, data, &from))
		return 0;
	m = (struct irq_message){ .vector = from.vector,
				  .delivery = from.delivery,
				  .is_logical = from.is_logical,
				  .is_level = from.is_level,
				  .destination = from.destination };
	return post_message(NULL, pc->setup.first, pc->setup.vcpu_count, &m);
}

static inline vcpu_set_t send_entry(const struct pc *pc, const struct pc_slot *s, uint32_t i)
{
	uint64_t address;
	uint32_t data;

	return vmsix_route(&s->msix, i, &address, &data) ? send_message(pc, address, data) : 0;
}

/* Bits of `fire` are entries whose messages go out now. */
static vcpu_set_t send_all(const struct pc *pc, const struct pc_slot *s, uint64_t fire)
{
	vcpu_set_t posted = 0;

	for (; fire; fire &= fire - 1)
		posted |= send_entry(pc, s, (uint32_t)__builtin_ctzll(fire));
	return posted;
}

/* The model sends these; those of masked entries wait. */
static vcpu_set_t raise(const struct pc *pc, struct pc_slot *s, uint64_t vectors)
{
	vcpu_set_t posted = 0;

	for (; vectors; vectors &= vectors - 1) {
		const uint32_t i = (uint32_t)__builtin_ctzll(vectors);

		if (vmsix_post(&s->msix, i))
			posted |= send_entry(pc, s, i);
	}
	return posted;
}

vcpu_set_t arch_pc_send(part_id_t part, uint32_t index, uint64_t vectors)
{
	struct pc *const pc = pc_of(part);
	vcpu_set_t posted;

	pc_take(pc);
	posted = raise(pc, pc->slots[index], vectors);
	pc_give(pc);
	return posted;
}

/* ---- Accesses ---- */

static bool is_in_table(const struct vpci_facts *f, uint64_t offset)
{
	return offset - f->msix_table_offset < (uint64_t)f->msix_count * VMSIX_ENTRY_BYTES;
}

static bool is_in_pending(const struct vpci_facts *f, uint64_t offset)
{
	return offset - f->msix_pba_offset < align_up(f->msix_count, 64) / 8;
}

static uint64_t read_slot(struct pc_slot *s, uint64_t offset, uint32_t width)
{
	const struct vpci_facts *const f = &s->model.facts;

	if (is_in_table(f, offset))
		return vmsix_read(&s->msix, offset - f->msix_table_offset, width);
	if (is_in_pending(f, offset))
		return vmsix_read_pending(&s->msix, offset - f->msix_pba_offset, width, 0);
	return s->model.ops->read(s->model.context, offset, width);
}

static vcpu_set_t write_slot(struct pc *pc, struct pc_slot *s, uint64_t offset, uint32_t width,
			     uint64_t value)
{
	const struct vpci_facts *const f = &s->model.facts;

	if (is_in_table(f, offset))
		return send_all(
			pc, s,
			vmsix_write(&s->msix, offset - f->msix_table_offset, width, value).fire);
	if (is_in_pending(f, offset))
		return 0;
	return raise(pc, s, s->model.ops->write(s->model.context, offset, width, value));
}

/* BARs stay where they were placed: arch/pc.h. NULL: no model's. */
static struct pc_slot *find_slot(const struct pc *pc, uint64_t gpa, uint64_t *offset)
{
	for (uint32_t i = 1; i < pc->pci.function_count; i++) {
		uint32_t bar;

		if (!pc->slots[i])
			continue;
		bar = pc->slots[i]->model.bar;
		*offset = gpa - pc->pci.functions[i].placed[bar];
		if (*offset < pc->slots[i]->model.facts.bars[bar].bytes)
			return pc->slots[i];
	}
	return NULL;
}

uint64_t pc_window_read(struct pc *pc, uint64_t gpa, uint32_t width)
{
	uint64_t offset;
	struct pc_slot *const s = find_slot(pc, gpa, &offset);

	return s ? read_slot(s, offset, width) : pc_device_read(pc, gpa, width);
}

vcpu_set_t pc_window_write(struct pc *pc, uint64_t gpa, uint32_t width, uint64_t value)
{
	uint64_t offset;
	struct pc_slot *const s = find_slot(pc, gpa, &offset);

	if (s)
		return write_slot(pc, s, offset, width, value);
	pc_device_write(pc, gpa, width, value);
	return 0;
}

static vcpu_set_t configured(struct pc *pc, struct vpci_effect effect)
{
	struct pc_slot *s;
	bool is_enabled, is_masked;

	if (effect.changes == 0)
		return 0;
	s = pc->slots[effect.function];
	if (!s) {
		pc_device_configured(pc, effect);
		return 0;
	}
	if (effect.changes & VPCI_MASTER)
		s->model.ops->set_master(s->model.context,
					 vpci_is_master(&pc->pci, effect.function));
	if (!(effect.changes & VPCI_VECTORS))
		return 0;
	vpci_msix_control(&pc->pci, effect.function, &is_enabled, &is_masked);
	return send_all(pc, s, vmsix_set_control(&s->msix, is_enabled, is_masked).fire);
}

vcpu_set_t pc_ports_write(struct pc *pc, uint16_t port, uint32_t width, uint32_t value, bool *again)
{
	for (uint32_t i = 1; i < pc->pci.function_count; i++) {
		struct pc_slot *const s = pc->slots[i];
		uint64_t offset;

		if (!s || s->model.io_bar == 0)
			continue;
		offset = port - pc->pci.functions[i].placed[s->model.io_bar];
		if (offset < s->model.facts.bars[s->model.io_bar].bytes) {
			const uint64_t vectors = s->model.ops->write_port(s->model.context, offset,
									  width, value, again);

			return vectors ? raise(pc, s, vectors) : 0; /* a kick has none as a rule */
		}
	}
	return 0;
}

/* ---- Configuration space, and windows in it that lead to a model's registers ---- */

static void look_through(struct pc *pc, const struct vpci_window *w)
{
	struct pc_slot *const s = pc->slots[w->function];

	if (s && w->bar == 0)
		vpci_fill(&pc->pci, w, (uint32_t)read_slot(s, w->offset, w->width));
}

static vcpu_set_t reach_through(struct pc *pc, const struct vpci_window *w)
{
	struct pc_slot *const s = pc->slots[w->function];

	if (!s || (w->bar != 0 && w->bar != s->model.io_bar))
		return 0;
	if (w->bar == 0)
		return write_slot(pc, s, w->offset, w->width, w->value);
	return raise(
		pc, s,
		s->model.ops->write_port(s->model.context, w->offset, w->width, w->value, NULL));
}

uint32_t pc_ecam_read(struct pc *pc, uint64_t offset, uint32_t width)
{
	struct vpci_window w;

	if (vpci_ecam_window(&pc->pci, offset, width, &w))
		look_through(pc, &w);
	return vpci_ecam_read(&pc->pci, offset, width);
}

vcpu_set_t pc_ecam_write(struct pc *pc, uint64_t offset, uint32_t width, uint32_t value)
{
	struct vpci_window w;
	const vcpu_set_t posted = configured(pc, vpci_ecam_write(&pc->pci, offset, width, value));

	return vpci_ecam_window(&pc->pci, offset, width, &w) ? posted | reach_through(pc, &w)
							     : posted;
}

uint32_t pc_config_read(struct pc *pc, uint16_t port, uint32_t width)
{
	struct vpci_window w;

	if (vpci_port_window(&pc->pci, port, width, &w))
		look_through(pc, &w);
	return vpci_port_read(&pc->pci, port, width);
}

vcpu_set_t pc_config_write(struct pc *pc, uint16_t port, uint32_t width, uint32_t value)
{
	struct vpci_window w;
	const vcpu_set_t posted = configured(pc, vpci_port_write(&pc->pci, port, width, value));

	return vpci_port_window(&pc->pci, port, width, &w) ? posted | reach_through(pc, &w)
							   : posted;
}

/* ---- Life ---- */

void pc_restart_functions(struct pc *pc)
{
	vpci_reset(&pc->pci);
	pc_device_restart(pc);
	for (uint32_t i = 1; i < pc->pci.function_count; i++) {
		struct pc_slot *const s = pc->slots[i];
		enum err e;

		if (!s)
			continue;
		e = vmsix_init(&s->msix, s->model.facts.msix_count);
		ASSERT(e == OK);
		s->model.ops->reset(s->model.context);
	}
}

/* Of BAR 0 the guest has the memory, and nothing around it. */
enum err pc_map_model(const struct pc *pc, uint32_t function)
{
	const struct pc_model *const m = &pc->slots[function]->model;

	if (m->bar == 0)
		return OK;
	return arch_space_map(pc->setup.part, (gpa_t){ pc->pci.functions[function].placed[0] },
			      m->memory, m->facts.bars[0].bytes, SPACE_READ | SPACE_WRITE);
}

enum err arch_pc_add_model(part_id_t part, const struct pc_model *model, uint32_t *index)
{
	struct pc *const pc = pc_of(part);
	struct pc_slot *const s =
		arch_mem_take_pages(align_up(sizeof(*s), PAGE_BYTES) / PAGE_BYTES);
	enum err e;

	if (!s)
		return ERR_NOMEM;
	s->model = *model;
	e = vmsix_init(&s->msix, model->facts.msix_count);
	if (e == OK)
		e = vpci_add(&pc->pci, &model->facts, index);
	if (e == OK)
		pc->slots[*index] = s;
	return e;
}

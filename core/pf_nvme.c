/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core/pf_nvme.c - an NVM Express controller with SR-IOV as core/pf.h wants it.
 *
 * One machine, at boot and ever after: the controller (nvme.h), its secondaries (nvme_virt.h), and
 * what those two ask of configuration space, one thing at a time: VFs on or off, a Function Level
 * Reset of the controller or of a VF.
 */
#include "arch/clock.h"
#include "arch/iommu.h"
#include "arch/mem.h"
#include "core/lib/fmt.h"
#include "core/log.h"
#include "core/pf.h"
#include "drivers/nvme/nvme.h"
#include "drivers/nvme/nvme_virt.h"
#include "drivers/pci_regs.h"

#define CLASS_NVME      0x010802u /* mass storage, NVM, NVMe I/O controller */
#define BAR_BYTES       KIB(16)
#define ADMIN_NS        SEC(5)
#define IO_NS           SEC(30)
#define POLL_NS         US(100)
#define WATCH_NS        MS(100)
#define FAULTS_IN_A_ROW 4u

/* What a VF gets: the admin queues and two pairs, an interrupt for each; or the least there is. */
#define VF_VQ 3u
#define VF_VI 2u

enum { CONTROLLER, VFS_OFF, VFS_ON, RESETS_PF, RESETS_VF };

static struct controller {
	struct nvme d;
	struct nvme_virt virt;
	struct nvme_vf_want wants[NVME_VF_MAX];
	uint32_t want_count;
	uint32_t vf; /* index of the want whose VF is being reset */
	bool are_vfs_on;
	bool is_least; /* VFs have the least resources */
	uint32_t told; /* want i: its failure was reported */
} controllers[CONFIG_PF_MAX];
_Static_assert(NVME_VF_MAX <= 32, "a bit each in `told`");

static bool serves(const struct pci_function *f)
{
	return f->class_code == CLASS_NVME && !f->is_vf && f->caps.sriov != 0;
}

static enum err give_wants(const struct pf *p, struct controller *c, uint16_t vq, uint16_t vi)
{
	c->want_count = 0;
	for (uint32_t i = 0; i < p->config->vf_count; i++) {
		if (!p->vfs[i])
			continue;
		if (c->want_count == NVME_VF_MAX)
			return ERR_INVAL;
		c->wants[c->want_count++] =
			(struct nvme_vf_want){ .number = (uint16_t)(i + 1), .vq = vq, .vi = vi };
	}
	return nvme_virt_init(&c->virt, &c->d, c->wants, c->want_count);
}

static enum err make_memory(struct nvme_memory *m)
{
	enum err e;

	m->bytes = NVME_MEMORY_BYTES;
	m->at = arch_mem_take_pages(NVME_MEMORY_BYTES / PAGE_BYTES);
	if (!m->at)
		return ERR_NOMEM;
	m->hpa = arch_mem_hpa(m->at);
	e = arch_iommu_map(IOMMU_HYPERVISOR, (gpa_t){ m->hpa.v }, m->hpa, m->bytes,
			   SPACE_READ | SPACE_WRITE);
	return e;
}

static enum err begin(struct pf *p, uint64_t now_tsc)
{
	struct controller *const c = &controllers[p->index];
	struct nvme_config wanted = { .registers = pf_map(p, BAR_BYTES),
				      .register_bytes = BAR_BYTES,
				      .tsc_hz = arch_clock_tsc_hz(),
				      .admin_timeout_ns = ADMIN_NS,
				      .io_timeout_ns = IO_NS,
				      .poll_ns = POLL_NS,
				      .watch_ns = WATCH_NS,
				      .fault_limit = FAULTS_IN_A_ROW };
	enum err e;

	*c = (struct controller){ .are_vfs_on = false };
	p->why = "its registers cannot be mapped";
	if (!wanted.registers)
		return ERR_NOMEM;
	p->why = "no frames for its queues";
	e = make_memory(&wanted.memory);
	if (e != OK)
		return e;
	p->why = "the IOMMU does not take it";
	e = arch_iommu_attach(p->table->functions[p->function].addr, IOMMU_HYPERVISOR);
	if (e != OK)
		return e;
	p->phase = CONTROLLER;
	e = nvme_init(&c->d, &wanted, now_tsc);
	p->why = nvme_fault_text(c->d.fault);
	if (e != OK)
		return e;
	p->why = pf_used_count(p) == 0 ? "none of its VFs is anybody's; leave it out"
				       : "more of its VFs are used than this driver has room for";
	return give_wants(p, c, VF_VQ, VF_VI);
}

/* ---- What configuration space is needed for ---- */

static enum err begin_vfs(struct pf *p, bool on, uint64_t now_tsc)
{
	const enum err e = sriov_begin(&p->sriov, p->table, p->function,
				       on ? p->config->vf_count : 0, arch_clock_tsc_hz());

	p->why = p->sriov.why;
	p->phase = on ? VFS_ON : VFS_OFF;
	return e == OK ? ERR_BUSY : e;
}

static enum err begin_reset(struct pf *p, uint32_t function, uint32_t phase)
{
	const enum err e = pci_reset_begin(&p->reset, p->table, function, arch_clock_tsc_hz());

	p->why = p->reset.why;
	p->phase = phase;
	return e == OK ? ERR_BUSY : e;
}

/* One VF is out of order: the others, and their PF, go on. */
static enum err lose_vf(struct pf *p, struct controller *c, const char *why)
{
	const uint32_t number = c->wants[c->vf].number;
	const uint32_t function = sriov_vf(p->table, p->function, number - 1);

	log_line(p->tag, "VF %u does not come back from its reset: %s", number, why);
	if (function != PCI_NO_FUNCTION) { /* nobody is to be given it */
		p->table->functions[function].is_usable = false;
		p->table->functions[function].why = why;
	}
	nvme_virt_vf_take_down(&c->virt, c->vf);
	p->phase = CONTROLLER;
	return ERR_BUSY;
}

static enum err reset_vf(struct pf *p, struct controller *c, uint32_t i)
{
	uint32_t function;

	c->vf = i;
	function = sriov_vf(p->table, p->function, c->wants[i].number - 1u);
	if (function == PCI_NO_FUNCTION)
		return lose_vf(p, c, "its configuration space is malformed");
	return begin_reset(p, function, RESETS_VF) == ERR_BUSY ? ERR_BUSY
							       : lose_vf(p, c, p->reset.why);
}

static enum err end_vfs(struct pf *p, struct controller *c)
{
	c->are_vfs_on = p->phase == VFS_ON;
	if (!c->are_vfs_on)
		return begin_reset(p, p->function, RESETS_PF);
	nvme_virt_vfs_enabled(&c->virt);
	p->phase = CONTROLLER;
	return ERR_BUSY;
}

static enum err end_reset(struct pf *p, struct controller *c, uint64_t now_tsc)
{
	const uint32_t function = p->reset.functions[0];

	if (p->phase == RESETS_PF) {
		pf_enable(p);
		nvme_after_flr(&c->d, now_tsc);
	} else if (!pci_read_again(p->table, function)) {
		return lose_vf(p, c, p->table->functions[function].why);
	} else {
		nvme_virt_vf_was_reset(&c->virt, c->vf);
		if (p->vf_was_reset)
			p->vf_was_reset(p, c->wants[c->vf].number - 1u);
	}
	p->phase = CONTROLLER;
	return ERR_BUSY;
}

/* ---- The controller and its secondaries ---- */

static void report(struct pf *p, struct controller *c, uint32_t i)
{
	char line[96];

	if (c->told & BIT32(i))
		return;
	c->told |= BIT32(i);
	nvme_virt_vf_failure(&c->virt, i, line, sizeof(line));
	log_line(p->tag, "%s", line);
}

/* OK: every VF is up, or was reported to be lost. */
static enum err look_at_vfs(struct pf *p, struct controller *c)
{
	enum err e = OK;

	for (uint32_t i = 0; i < c->want_count; i++) {
		switch (nvme_virt_vf(&c->virt, i)) {
		case NVME_VF_UP:
		case NVME_VF_DOWN:
			break;
		case NVME_VF_FAILED:
			report(p, c, i);
			break;
		case NVME_VF_WANTS_RESET:
			return reset_vf(p, c, i);
		default:
			e = ERR_BUSY;
		}
	}
	return e;
}

/* Not as much as it was asked for: then the least, once. */
static enum err refused(struct pf *p, struct controller *c)
{
	p->why = nvme_virt_why(&c->virt);
	if (c->is_least)
		return ERR_UNSUPPORTED;
	c->is_least = true;
	return give_wants(p, c, NVME_VQ_MIN, NVME_VI_MIN) == OK ? ERR_BUSY : ERR_INVAL;
}

static enum err step_controller(struct pf *p, struct controller *c, uint64_t now_tsc,
				uint64_t *again_tsc)
{
	uint64_t virt_tsc;

	switch (nvme_step(&c->d, now_tsc, again_tsc)) {
	case NVME_WANTS_FLR:
		return c->are_vfs_on ? begin_vfs(p, false, now_tsc)
				     : begin_reset(p, p->function, RESETS_PF);
	case NVME_FAILED:
		p->why = nvme_fault_text(c->d.fault);
		return ERR_NODEV;
	case NVME_READY:
		break;
	default:
		return ERR_BUSY;
	}
	switch (nvme_virt_step(&c->virt, now_tsc, &virt_tsc)) {
	case NVME_VIRT_REFUSED:
		return refused(p, c);
	case NVME_VIRT_WANTS_VFS:
		return begin_vfs(p, true, now_tsc);
	case NVME_VIRT_RUN:
		*again_tsc = min_u64(*again_tsc, virt_tsc);
		return look_at_vfs(p, c);
	default:
		*again_tsc = min_u64(*again_tsc, virt_tsc);
		return ERR_BUSY;
	}
}

static enum err step_phase(struct pf *p, uint64_t now_tsc, uint64_t *again_tsc)
{
	struct controller *const c = &controllers[p->index];
	enum err e;

	switch (p->phase) {
	case VFS_OFF:
	case VFS_ON:
		e = sriov_step(&p->sriov, now_tsc, again_tsc);
		p->why = p->sriov.why;
		return e == OK ? end_vfs(p, c) : e;
	case RESETS_PF:
	case RESETS_VF:
		e = pci_reset_step(&p->reset, now_tsc, again_tsc);
		p->why = p->reset.why;
		if (e == OK)
			return end_reset(p, c, now_tsc);
		return e == ERR_BUSY || p->phase == RESETS_PF ? e : lose_vf(p, c, p->why);
	default:
		return step_controller(p, c, now_tsc, again_tsc);
	}
}

static enum err step(struct pf *p, uint64_t now_tsc, uint64_t *again_tsc)
{
	const uint32_t phase = p->phase;
	const enum err e = step_phase(p, now_tsc, again_tsc);

	if (p->phase != phase) /* the next one begins at once */
		*again_tsc = now_tsc;
	return e;
}

/* Given up: whatever it was doing, it reaches no memory any more. */
static void give_up(struct pf *p, struct controller *c)
{
	const enum err e = arch_iommu_block(p->table->functions[p->function].addr);

	if (e != OK) /* arch/iommu.h, "Errors" */
		arch_pci_write(p->table->functions[p->function].addr, CFG_COMMAND, 2,
			       COMMAND_INTX_OFF);
	log_line(p->tag, "given up: %s%s", p->why ? p->why : "no further reason",
		 e == OK ? "" : "; the IOMMU has not confirmed that it is cut off");
	if (c->d.state == NVME_FAILED)
		nvme_after_block(&c->d);
	p->is_given_up = true;
}

static void serve(struct pf *p, uint64_t now_tsc)
{
	uint64_t again_tsc;
	enum err e;

	if (p->is_given_up)
		return;
	e = step(p, now_tsc, &again_tsc);
	if (e != OK && e != ERR_BUSY)
		give_up(p, &controllers[p->index]);
}

const struct pf_ops pf_nvme = { .serves = serves, .begin = begin, .step = step, .serve = serve };

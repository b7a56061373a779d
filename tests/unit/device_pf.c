/* SPDX-License-Identifier: Apache-2.0 */
/* PFs that have nothing to do but to enable their VFs: for tests of whoever calls their drivers. */
#include "tests/unit/device_pf.h"

struct device_pf device_pf;

static bool is_igb(const struct pci_function *f)
{
	return f->vendor == 0x8086 && f->device == 0x10c9;
}

static bool is_nvme(const struct pci_function *f)
{
	return f->class_code == 0x010802 && f->caps.sriov != 0 && !f->is_vf;
}

static enum err begin(struct pf *p, uint64_t now_tsc)
{
	const enum err e =
		sriov_begin(&p->sriov, p->table, p->function, p->config->vf_count, FAKE_PCI_HZ);

	device_pf.command = arch_pci_read(p->table->functions[p->function].addr, 4, 2);
	device_pf.used_count = pf_used_count(p);
	p->why = p->sriov.why;
	return e;
}

static enum err step(struct pf *p, uint64_t now_tsc, uint64_t *again_tsc)
{
	enum err e;

	if (device_pf.never_comes_up) {
		*again_tsc = now_tsc + FAKE_PCI_HZ;
		p->why = "it takes its time";
		return ERR_BUSY;
	}
	e = sriov_step(&p->sriov, now_tsc, again_tsc);
	p->why = p->sriov.why;
	return e;
}

static void serve(struct pf *p, uint64_t now_tsc)
{
	device_pf.served[p->index]++;
	device_pf.served_tsc[p->index] = now_tsc;
}

const struct pf_ops pf_igb = { .serves = is_igb, .begin = begin, .step = step, .serve = serve };
const struct pf_ops pf_nvme = { .serves = is_nvme, .begin = begin, .step = step, .serve = serve };

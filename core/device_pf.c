/* SPDX-License-Identifier: Apache-2.0 */
/* core/device_pf.c - at boot: PFs are found, and come up with their VFs. */
#include <string.h>
#include "arch/clock.h"
#include "arch/mem.h"
#include "core/device_parts.h"
#include "core/lib/fmt.h"
#include "core/log.h"
#include "drivers/pci_regs.h"

#define PF_LIMIT_SEC 60u /* until a PF is up, with all its VFs */

uint32_t pf_used_count(const struct pf *p)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < ARRAY_SIZE(p->vfs); i++)
		count += p->vfs[i] != NULL;
	return count;
}

void *pf_map(const struct pf *p, uint64_t bytes)
{
	const struct pci_bar *const bar = &p->table->functions[p->function].bars[0];

	if (!device_is_memory(bar) || bar->base == 0 || bar->bytes < bytes)
		return NULL;
	return arch_mem_map_device((hpa_t){ bar->base }, bytes);
}

void pf_enable(const struct pf *p)
{
	arch_pci_write(p->table->functions[p->function].addr, CFG_COMMAND, 2,
		       COMMAND_MEMORY | COMMAND_MASTER | COMMAND_INTX_OFF);
}

static const struct pf_ops *ops_of(enum pf_driver kind)
{
	if (kind == PF_MEMORY)
		return &pf_memory;
	return kind == PF_IGB ? &pf_igb : &pf_nvme;
}

bool device_is_pf(uint32_t function)
{
	for (uint32_t i = 0; i < devices.pf_count; i++)
		if (devices.pfs[i].function == function)
			return true;
	return false;
}

/* By its address, or the first that the driver serves and no PF before it has. */
static uint32_t find_pf(const struct pf_config *c, const struct pf_ops *ops)
{
	pci_addr_t wanted = PCI_NOWHERE;

	if (c->address && !device_parse_pci(c->address, &wanted))
		return PCI_NO_FUNCTION;
	for (uint32_t i = 0; i < devices.table.count; i++) {
		const struct pci_function *const f = &devices.table.functions[i];

		if (f->is_usable && ops->serves(f) && !device_is_pf(i) &&
		    (!c->address || f->addr == wanted))
			return i;
	}
	return PCI_NO_FUNCTION;
}

static void note_vfs(struct pf *p, const struct config *system)
{
	for (part_id_t i = 0; i < system->partition_count; i++) {
		const struct partition_config *const c = &system->partitions[i];

		for (uint32_t n = 0; n < c->device_count; n++)
			if (c->devices[n].kind == DEVICE_VF &&
			    strcmp(c->devices[n].name, p->config->name) == 0)
				p->vfs[c->devices[n].index] = &c->devices[n];
	}
}

static enum err wait_for(struct pf *p)
{
	const uint64_t limit_tsc = arch_clock_now_tsc() + PF_LIMIT_SEC * arch_clock_tsc_hz();
	uint64_t again_tsc = 0;
	enum err e;

	do {
		device_wait_until(again_tsc);
		e = p->ops->step(p, arch_clock_now_tsc(), &again_tsc);
	} while (e == ERR_BUSY && min_u64(again_tsc, arch_clock_now_tsc()) < limit_tsc);
	return e;
}

static enum err find_and_open(struct pf *p, const char **reason)
{
	const struct pf_config *const c = p->config;

	p->function = PCI_NO_FUNCTION;
	if (c->driver == PF_MEMORY)
		return OK;
	p->function = find_pf(c, p->ops);
	if (p->function == PCI_NO_FUNCTION)
		return device_refuse(
			reason, ERR_NODEV,
			"PF '%s': no function %s%s is one that its driver serves; correct "
			"pfs[%u].address, or its driver",
			c->name, c->address ? "at " : "of this machine",
			c->address ? c->address : "", p->index);
	pci_open_path(p->table, p->function);
	device_forbid_no_snoop(&p->table->functions[p->function]); /* its VFs have its setting */
	pf_enable(p);
	return OK;
}

static void say_pf(const struct pf *p)
{
	char at[DEVICE_PCI_TEXT_BYTES] = "no address";

	if (p->function != PCI_NO_FUNCTION)
		device_write_pci(p->table->functions[p->function].addr, at);
	log_line(p->tag, "up at %s with %u VF%s, %u of them in use", at, p->config->vf_count,
		 p->config->vf_count == 1 ? "" : "s", pf_used_count(p));
}

enum err device_start_pf(const struct config *system, uint32_t i, const char **reason)
{
	struct pf *const p = &devices.pfs[i];
	const struct pf_config *const c = &system->pfs[i];
	enum err e;

	*p = (struct pf){ .config = c,
			  .ops = ops_of(c->driver),
			  .table = &devices.table,
			  .index = i,
			  .vf_was_reset = device_vf_was_reset };
	fmt_text(p->tag, sizeof(p->tag), "pf %s", c->name);
	note_vfs(p, system);
	e = find_and_open(p, reason);
	if (e != OK)
		return e;
	e = p->ops->begin(p, arch_clock_now_tsc());
	if (e == OK)
		e = wait_for(p);
	if (e != OK)
		return device_refuse(reason, e, "PF '%s': it does not come up: %s", c->name,
				     p->why ? p->why : "no further reason");
	devices.pf_count++;
	say_pf(p);
	return OK;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "core/disk_pci.h"
#include <string.h>
#include "arch/iommu.h"
#include "arch/mem.h"
#include "core/device_parts.h"
#include "core/log.h"
#include "drivers/pci_regs.h"

static bool has_domain;
static uint32_t mapped; /* partitions, a bit each */
static uint32_t taken_count;
static uint32_t taken[CONFIG_DISK_MAX];

static bool is_taken(uint32_t function)
{
	for (uint32_t i = 0; i < taken_count; i++)
		if (taken[i] == function)
			return true;
	return false;
}

static uint32_t find(const struct disk_config *c, bool (*serves)(const struct pci_function *f),
		     const char **reason)
{
	const struct pci_table *const t = &devices.table;
	pci_addr_t wanted = PCI_NOWHERE;
	const char *why;

	*reason = "its address is none";
	if (c->address && !device_parse_pci(c->address, &wanted))
		return PCI_NO_FUNCTION;
	*reason = c->address ? "no function is there that its driver serves; correct its address"
			     : "this machine has none that its driver serves";
	for (uint32_t i = 0; i < t->count; i++) {
		if ((c->address && t->functions[i].addr != wanted) || !serves(&t->functions[i]))
			continue;
		if (!is_taken(i) && device_is_free(i, &why))
			return i;
		*reason = is_taken(i) ? "another disk is it" : why;
	}
	return PCI_NO_FUNCTION;
}

void disk_pci_enable(const struct disk_pci *d)
{
	arch_pci_write(d->addr, CFG_COMMAND, 2, COMMAND_MEMORY | COMMAND_MASTER | COMMAND_INTX_OFF);
}

void disk_pci_block(const struct disk_pci *d)
{
	if (arch_iommu_block(d->addr) != OK) /* arch/iommu.h, "Errors" */
		arch_pci_write(d->addr, CFG_COMMAND, 2, COMMAND_INTX_OFF);
}

volatile void *disk_pci_map(const struct disk_pci *d, uint32_t bar, uint64_t *bytes,
			    const char **reason)
{
	const struct pci_bar *const b = &d->table->functions[d->function].bars[bar];

	*reason = "firmware has not placed its registers, or no frames for them";
	if ((b->kind != PCI_BAR_MEM32 && b->kind != PCI_BAR_MEM64) || b->base == 0)
		return NULL;
	*bytes = min_u64(b->bytes, *bytes);
	return arch_mem_map_device((hpa_t){ b->base }, *bytes);
}

enum err disk_pci_claim(struct disk_pci *d, const struct disk_config *c,
			bool (*serves)(const struct pci_function *f), const char **reason)
{
	enum err e = OK;

	*d = (struct disk_pci){ .table = &devices.table, .function = find(c, serves, reason) };
	if (d->function == PCI_NO_FUNCTION)
		return ERR_NODEV;
	d->addr = devices.table.functions[d->function].addr;
	if (!has_domain)
		e = arch_iommu_domain_create(IOMMU_DISKS);
	*reason = "no frames for the IOMMU's tables";
	if (e != OK)
		return e;
	has_domain = true;
	*reason = "the IOMMU does not take it";
	e = arch_iommu_attach(d->addr, IOMMU_DISKS);
	if (e != OK)
		return e;
	taken[taken_count++] = d->function;
	pci_open_path(d->table, d->function);
	disk_pci_enable(d);
	return OK;
}

static enum err map_here(part_id_t part, gpa_t gpa, hpa_t hpa, uint64_t bytes, uint32_t rights)
{
	return arch_iommu_map(IOMMU_DISKS, (gpa_t){ hpa.v }, hpa, bytes, rights);
}

void *disk_pci_take_memory(uint64_t bytes, hpa_t *hpa)
{
	void *const at = arch_mem_take_pages(align_up(bytes, PAGE_BYTES) / PAGE_BYTES);

	if (!at)
		return NULL;
	*hpa = arch_mem_hpa(at);
	if (map_here(0, (gpa_t){ 0 }, *hpa, align_up(bytes, PAGE_BYTES),
		     SPACE_READ | SPACE_WRITE) != OK)
		return NULL;
	return at;
}

static bool has_share(const struct partition *p, const struct disk_config *c)
{
	for (uint32_t i = 0; i < p->config->disk_count; i++)
		if (strcmp(p->config->disks[i].disk, c->name) == 0)
			return true;
	return false;
}

enum err disk_pci_map_clients(const struct disk_config *c, const char **reason)
{
	enum err e = OK;

	*reason = "no frames for the IOMMU's tables, or guests' memory beyond what it reaches";
	for (part_id_t i = 0; i < partition_count && e == OK; i++) {
		const struct partition *const p = &partitions[i];

		if (!has_share(p, c) || (mapped & BIT32(i)))
			continue;
		mapped |= BIT32(i);
		e = guest_ram_map(&p->ram, i, (hpa_t){ p->plan->memory_base },
				  SPACE_READ | SPACE_WRITE, map_here);
	}
	return e;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * arch/x86/vtd/scope.h - which remapping unit a PCI function's requests go through.
 *
 * Model    A scope of the DMAR table is a path of device numbers from a bus on; below bridges the
 *	    bus is the one that firmware gave to the bridge, read once from its configuration space.
 *	    A function's unit is the one that names it; else the one that names the nearest bridge
 *	    above it; else, if it is a virtual function, its physical function's; else the
 *	    one with INCLUDE_PCI_ALL in its segment; else there is none.
 *	    A path that leads nowhere covers nothing: what it meant stays blocked.
 * Source   VT-d, "Device Scope Structure", "DMA Remapping Hardware Unit Definition Structure";
 *	    PCI-to-PCI Bridge Architecture Specification, "Secondary Bus Number Register";
 *	    PCI Express Base Specification, "Single Root I/O Virtualization".
 * Sharing  Resolved on the boot core, constant afterwards.
 */
#pragma once
#include "arch/pci.h"
#include "arch/x86/vtd/dmar.h"

#define VTD_NO_UNIT UINT32_MAX

struct vtd_place {
	bool is_there;
	pci_addr_t at;
	/* A bridge's scope: everything on these buses, too. Else first_bus > last_bus. */
	uint8_t first_bus, last_bus;
};

/* Where d->scopes[i] lead to. */
void vtd_scope_resolve(const struct dmar *d, struct vtd_place places[DMAR_SCOPE_MAX]);

/* Index in d->units, or VTD_NO_UNIT. Reads configuration space for virtual functions. */
uint32_t vtd_scope_unit(const struct dmar *d, const struct vtd_place places[DMAR_SCOPE_MAX],
			pci_addr_t function);

/* True: firmware wants this function to reach memory that it reserved (RMRR). */
bool vtd_scope_has_reserved(const struct dmar *d, const struct vtd_place places[DMAR_SCOPE_MAX],
			    pci_addr_t function);

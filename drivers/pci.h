/* SPDX-License-Identifier: Apache-2.0 */
/*
 * drivers/pci.h - the functions that this machine has: enumeration, capabilities, BARs, groups.
 *
 * Model    One scan at boot over arch/pci.h fills a table; firmware has numbered the buses and
 *	    placed the BARs, which are read and checked, not moved. What is malformed
 *	    (a capability list that loops, a bridge whose bus range lies outside its parent's) makes
 *	    that function unusable, with a remark, and nothing else.
 *	    A group is the set of functions that the IOMMU cannot tell apart or that can reach each
 *	    other without passing it: those below a bridge or in a multi-function device without
 *	    ACS source validation, request redirection, completion redirection and upstream
 *	    forwarding; aliases of conventional bridges. A group goes to one partition as a whole.
 *	    VFs come in when their PF enables them (drivers/sriov.h).
 * Source   PCI Express Base Specification, "Configuration Space", "Access Control Services (ACS)",
 *	    "Single Root I/O Virtualization"; PCI-to-PCI Bridge Architecture Specification.
 * Sharing  Boot core; constant afterwards.
 */
#pragma once
#include "arch/pci.h"

#define PCI_FUNCTION_MAX 256u
#define PCI_BAR_COUNT    6u
#define PCI_REMARK_BYTES 112u

enum pci_bar_kind { PCI_BAR_NONE, PCI_BAR_IO, PCI_BAR_MEM32, PCI_BAR_MEM64 };
struct pci_bar { /* a 64-bit BAR takes two registers: the second is PCI_BAR_NONE */
	enum pci_bar_kind kind;
	bool is_prefetchable;
	uint64_t base, bytes; /* base 0: firmware has not placed it */
};

/* Offsets in configuration space; 0: does not have it. */
struct pci_caps {
	uint16_t pm, msi, msix, pcie, af, vpd;
	uint16_t aer, acs, ari, sriov, ats, pasid, pri, dpc, serial;
};

struct pci_function {
	pci_addr_t addr;
	uint16_t vendor, device, subsystem_vendor, subsystem_device;
	uint32_t class_code; /* 23:16 base, 15:8 sub, 7:0 programming interface */
	uint8_t revision, header_type;
	uint8_t pcie_type; /* PCI Express Capabilities Register, "Device/Port Type"; FFH: conventional */
	bool is_bridge, is_multifunction, is_usable, is_vf;
	uint8_t secondary_bus, subordinate_bus; /* bridges */
	uint32_t parent;                        /* index of the bridge above it; UINT32_MAX: root bus */
	uint32_t group;                         /* pci_form_groups() */
	struct pci_bar bars[PCI_BAR_COUNT];
	struct pci_caps caps;
	uint16_t msix_count; /* table entries; 0: no MSI-X */
	uint8_t msix_table_bar, msix_pba_bar;
	uint32_t msix_table_offset, msix_pba_offset;
	uint8_t msi_count; /* messages it is capable of */
	bool has_flr;
};

struct pci_table {
	uint32_t count;
	uint32_t left_out; /* more than PCI_FUNCTION_MAX */
	struct pci_function functions[PCI_FUNCTION_MAX];
	void (*remark)(const char *line); /* or NULL */
};

/* Every function behind every range. Bounded by the number of functions there can be. */
void pci_scan(struct pci_table *t);
void pci_form_groups(struct pci_table *t);
/* NULL: there is none. */
struct pci_function *pci_find(struct pci_table *t, pci_addr_t addr);
/* Reads one function into `f`; false: nothing there. Sizes BARs with decoding off, and puts both back. */
bool pci_read_function(pci_addr_t addr, struct pci_function *f);

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * drivers/pci.h - the functions that this machine has: enumeration, capabilities, BARs, groups.
 *
 * Model    One scan at boot over arch/pci.h fills a table; firmware has numbered the buses and
 *	    placed the BARs, which are read and checked, not moved. What is malformed
 *	    (a capability list that loops, a bridge whose bus range lies outside its parent's) makes
 *	    that function unusable, with a remark, and nothing else.
 *	    VFs come in when their PF enables them (drivers/sriov.h).
 * Groups   A group is the set of functions that the IOMMU cannot tell apart, or of which one
 *	    reaches another without passing it. It goes to one partition as a whole.
 *	    pci_form_groups() first turns on Source Validation, P2P Request Redirect, P2P
 *	    Completion Redirect and Upstream Forwarding wherever they are offered. Then:
 *	    1. What is below a bridge that is not a PCI Express port is one group with it: its
 *	       requests carry the bridge's requester ID, or nobody's, and its bus is shared.
 *	    2. What is below a root port that lacks ACS is one group with the port: it has none,
 *	       has no Source Validation, or one of the four that it offers is not on. Root ports
 *	       of different devices are apart: one that does pass requests to another must
 *	       offer Request Redirect.
 *	    3. Downstream ports of a switch must offer all four. If one of them lacks any, the
 *	       switch is one group from its upstream port down: neither can what is below this
 *	       port be kept from the others, nor the others be told from it.
 *	    4. The functions of one device, if there are several and one of them lacks ACS, are one
 *	       group, with all below them. Below a port, all functions of the bus are one device.
 *	    5. A VF is apart from its PF and its siblings: a function that reaches others of its
 *	       device inside of it must offer Request Redirect, VFs included. Where it does offer
 *	       it, it must be on, or the VF is one group with its PF.
 *	    What is integrated in the root complex and stands on a root bus is apart from other
 *	    devices there: all its requests pass the IOMMU.
 *	    Linux (drivers/iommu, "pci_device_group") has 1, 2 and 5 too; of 3 and 4 it puts those
 *	    together that lack ACS themselves, not those that they reach.
 * Source   PCI Express Base Specification, "Configuration Space", "Access Control Services (ACS)":
 *	    "ACS Downstream Ports", "ACS Functions in SR-IOV Capable and Multi-Function Devices";
 *	    "Single Root I/O Virtualization", "Alternative Routing-ID Interpretation (ARI)";
 *	    PCI-to-PCI Bridge Architecture Specification; PCI Express to PCI/PCI-X Bridge
 *	    Specification, "Transaction Ownership"; VT-d, "Handling Requests from Devices Behind
 *	    PCI Express to PCI/PCI-X Bridges".
 * Sharing  Boot core; constant afterwards.
 */
#pragma once
#include "arch/pci.h"

#define PCI_FUNCTION_MAX 256u
#define PCI_BAR_COUNT    6u
#define PCI_REMARK_BYTES 112u
#define PCI_NO_FUNCTION  UINT32_MAX /* an index: none */
#define PCI_CONVENTIONAL 0xffu      /* pcie_type */

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
	uint8_t pcie_type; /* "Device/Port Type"; PCI_CONVENTIONAL: not PCI Express */
	bool is_bridge, is_multifunction, is_vf;
	bool is_usable;  /* nothing malformed was found in it; a VF: it is enabled */
	const char *why; /* not usable: what is wrong, in words; else NULL */
	uint8_t secondary_bus, subordinate_bus; /* bridges */
	uint32_t parent;   /* index of the bridge above it; UINT32_MAX: root bus */
	uint32_t group;    /* pci_form_groups(): 0, 1, ..  */
	uint32_t pf;       /* VFs: index of the PF; else UINT32_MAX */
	uint16_t vf_index; /* VFs: 0, 1, .. of this PF */
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
	void (*remark)(const char *line); /* or NULL; the caller sets it before the scan */
};

/*
 * Every function behind every range. Bounded by the number of functions there can be. Below a root
 * or downstream port there is device 0 alone, with more than 8 functions if ARI is on.
 */
void pci_scan(struct pci_table *t);
/* Again after VFs came or went. */
void pci_form_groups(struct pci_table *t);
/* NULL: there is none. */
struct pci_function *pci_find(struct pci_table *t, pci_addr_t addr);
/*
 * Reads one function into `f`; false: nothing there. Sizes BARs with decoding off, and puts both
 * back. A host bridge's BARs are left alone: memory may be behind its decoding.
 */
bool pci_read_function(pci_addr_t addr, struct pci_function *f);
/*
 * Capabilities once more, MSI-X tables above all: an NVMe VF's has as many entries as Virtualization
 * Management gave it meanwhile. False: it does not answer, or is malformed: not usable then.
 */
bool pci_read_again(struct pci_table *t, uint32_t function);
/* At any depth below that bridge. */
bool pci_is_below(const struct pci_table *t, uint32_t function, uint32_t bridge);
/* Bridges above forward its requests and accesses to it: firmware need not have turned that on. */
void pci_open_path(const struct pci_table *t, uint32_t function);

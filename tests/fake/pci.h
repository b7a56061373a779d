/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/fake/pci.h - a machine's PCI functions, as the specifications say that they behave.
 *
 * Model    arch/pci.h over functions made of bytes and write masks. What happens by itself: routing
 *	    through bridges by their bus numbers and link states, ARI Forwarding, BAR sizing, Function
 *	    Level Reset, secondary bus reset and D3hot-to-D0 reset with their times and RRS, VF
 *	    Enable. Time is fake_pci.now_tsc, 1000 ticks a millisecond; no access moves it.
 *	    `violations` counts what software must not do: accesses within 100 ms of a reset or of
 *	    VF Enable, BARs changed while they are decoded, SR-IOV settings changed while VFs are.
 */
#pragma once
#include "arch/pci.h"

#define FAKE_PCI_MAX  320
#define FAKE_PCI_NONE (-1)
#define FAKE_PCI_HZ   1000000u
#define FAKE_PCI_MS   1000u

struct fake_pci_function {
	bool exists;
	int parent; /* index of the bridge, or FAKE_PCI_NONE: on `root_bus` */
	uint8_t root_bus, devfn;
	uint16_t segment;
	uint8_t config[4096], mask[4096], reset[4096]; /* reset: after power-on */
	uint16_t last_cap, last_extended;
	uint16_t pcie, pm, af, sriov;
	/* behaviour */
	uint32_t silent_ms;  /* after a reset: all ones */
	uint32_t rrs_ms;     /* after a reset: Request Retry Status */
	uint32_t pending_ms; /* Transactions Pending after bus mastering ended */
	bool never_returns, changes_identity, forgets_bars;
	uint16_t offset_plain, stride_plain, offset_ari, stride_ari; /* PFs */
	int vf_of;                                                   /* VFs: index of the PF */
	int vf_index;
	/* state */
	uint64_t silent_until, rrs_until, forbidden_until, pending_until;
	uint32_t resets;
};

struct fake_pci_machine {
	uint64_t now_tsc;
	bool has_rrs_visibility;
	uint32_t count;
	uint32_t violations;
	uint32_t writes; /* all of them */
	uint32_t range_count;
	struct pci_bus_range ranges[PCI_SEGMENT_RANGE_MAX];
	struct fake_pci_function functions[FAKE_PCI_MAX];
};

extern struct fake_pci_machine fake_pci;

/* --- building ------------------------------------------------------------------------------- */

/* An empty machine with one range: segment 0, all buses, 4 KiB a function. */
void fake_pci_clear(void);
int fake_pci_add(int parent, uint8_t devfn, uint32_t id, uint32_t class_code);
int fake_pci_add_bridge(int parent, uint8_t devfn, uint32_t id, uint8_t secondary,
			uint8_t subordinate);
void fake_pci_multifunction(int f);
/* `config` low bits: type; 64-bit ones take two. `base` as firmware placed it; 0: not. */
void fake_pci_bar(int f, uint32_t index, uint32_t type, uint64_t bytes, uint64_t base);
/* Linked to the end of the list; contents zero and read-only. Returns `at`. */
uint32_t fake_pci_cap(int f, uint8_t id, uint32_t at);
uint32_t fake_pci_extended(int f, uint16_t id, uint32_t at);
void fake_pci_pcie(int f, uint32_t at, uint32_t type, bool has_flr);
void fake_pci_acs(int f, uint32_t at, uint16_t offered);
void fake_pci_msi(int f, uint32_t at, uint32_t log2_count, bool is_64, bool has_masks);
void fake_pci_msix(int f, uint32_t at, uint32_t count, uint32_t table_bar, uint32_t table,
		   uint32_t pba_bar, uint32_t pba);
void fake_pci_pm(int f, uint32_t at, bool no_soft_reset);
void fake_pci_af(int f, uint32_t at);
void fake_pci_window(int f, uint32_t base, uint32_t end);
void fake_pci_prefetch(int f, uint64_t base, uint64_t end);
/* VFs are functions of their own, there once enabled; `bytes`: of VF BARs 0 and, if not 0, 3. */
void fake_pci_sriov(int pf, uint32_t at, uint32_t total, uint16_t vf_device, uint64_t bytes0,
		    uint64_t bytes3);
/* Bytes, read-only to software but for `mask`. They survive resets. */
void fake_pci_set(int f, uint32_t offset, uint32_t width, uint32_t value, uint32_t mask);
uint32_t fake_pci_get(int f, uint32_t offset, uint32_t width);

/* --- machines; each begins with fake_pci_clear() -------------------------------------------- */

struct fake_q35 {
	int host, isa, sata, smbus, port[3], igb, nvme, plain;
};
/* As QEMU has it: root ports with ACS, igb and NVMe with SR-IOV, an endpoint without any. */
struct fake_q35 fake_pci_q35(void);

struct fake_server {
	int host, port[3], upstream, downstream[3], nic[2], disk[2], gpu, sound, bridge, legacy[2];
	int uncore[2], second_host;
};
/* Two root buses; a switch with ACS; a NIC of two functions; a conventional bus. */
struct fake_server fake_pci_server(void);

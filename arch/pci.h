/* SPDX-License-Identifier: Apache-2.0 */
/*
 * arch/pci.h - the machine's PCI configuration space.
 *
 * Model    ECAM where the firmware describes it (MCFG), mapped at boot; otherwise configuration
 *	    mechanism #1, which reaches segment 0 and the first 256 bytes of each function.
 *	    Knows no bridge and no capability: drivers/pci.h does.
 * Source   PCI Express Base Specification, "PCI Express Enhanced Configuration Access Mechanism";
 *	    PCI Local Bus Specification 3.0, "Configuration Mechanism #1"; PCI Firmware
 *	    Specification, "MCFG Table".
 * Errors   Reads of what is not there are all ones, writes to it are lost.
 * Sharing  Any core: mechanism #1 takes a lock of its own.
 */
#pragma once
#include "core/lib/base.h"

/* segment << 16 | bus << 8 | device << 3 | function: the low half is the requester ID. */
typedef uint32_t pci_addr_t;
#define PCI_ADDR(segment, bus, device, function) \
	((pci_addr_t)((segment) << 16 | (bus) << 8 | (device) << 3 | (function)))
#define PCI_SEGMENT(a)        ((a) >> 16)
#define PCI_BUS(a)            ((a) >> 8 & 0xffu)
#define PCI_DEVICE(a)         ((a) >> 3 & 0x1fu)
#define PCI_FUNCTION(a)       ((a)&7u)
#define PCI_REQUESTER(a)      ((uint16_t)(a))
#define PCI_NOWHERE           UINT32_MAX

#define PCI_CONFIG_BYTES      256u
#define PCI_EXTENDED_BYTES    4096u
#define PCI_SEGMENT_RANGE_MAX 4u

/* Buses first_bus..last_bus of a segment can be reached. */
struct pci_bus_range {
	uint16_t segment;
	uint8_t first_bus, last_bus;
	bool is_extended; /* 4 KiB of configuration space a function */
};

/* Boot core, after arch_init(). On failure `missing` says what. */
MUST_CHECK enum err arch_pci_init(const char **missing);
/* How many ranges there are; `ranges` may be NULL. */
uint32_t arch_pci_ranges(struct pci_bus_range ranges[PCI_SEGMENT_RANGE_MAX]);

/* width 1, 2, 4; `offset` is a multiple of it. */
uint32_t arch_pci_read(pci_addr_t function, uint32_t offset, uint32_t width);
void arch_pci_write(pci_addr_t function, uint32_t offset, uint32_t width, uint32_t value);

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * guests/rt/pci.h - the PCI functions that a guest with a virtual PC owns.
 *
 * Model    Bus 0 only, function 0 of each device, by ECAM. BARs are where the machine placed them.
 *	    An MSI-X entry is aimed at one vector of this guest's CPU 0 (APIC ID 0).
 * Source   PCI Express Base Specification, "PCI Express Enhanced Configuration Access Mechanism
 *	    (ECAM)", "Type 0 Configuration Space Header", "MSI Capability Structures", "MSI-X Capability and Table Structure";
 *	    SDM Vol. 3A, "Message Address Register Format".
 * Errors   false: there is none, or it says of itself what cannot be.
 * Sharing  One caller at a time.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#define PCI_DEVICE_MAX        32u
#define PCI_COMMAND           0x04u
#define PCI_COMMAND_IO        0x0001u
#define PCI_COMMAND_MEMORY    0x0002u
#define PCI_COMMAND_MASTER    0x0004u
#define PCI_CAPABILITY_MSI    0x05u
#define PCI_CAPABILITY_VENDOR 0x09u
#define PCI_CAPABILITY_MSIX   0x11u
#define PCI_MSIX_ENTRY_WORDS  4u

/* Maps the configuration space of bus 0. */
bool pci_init(void);

/* The first from device `*device` on that has both IDs; *device becomes its number. */
bool pci_find(uint16_t vendor, uint16_t id, uint32_t *device);

uint32_t pci_read(uint32_t device, uint32_t offset); /* 32 bits, aligned */
void pci_write(uint32_t device, uint32_t offset, uint32_t value);
void pci_set_command(uint32_t device, uint32_t bits); /* the status bits stay */

/* The next capability with this ID behind the one at `after` (0: the first); 0: there is none. */
uint32_t pci_next_capability(uint32_t device, uint8_t id, uint32_t after);

/* Where it begins; 0: no memory BAR, or not where this guest can map it. Mapped, uncached. */
uint64_t pci_map_bar(uint32_t device, uint32_t bar, uint64_t bytes);

/* The first of its ports; 0: no I/O BAR. */
uint16_t pci_port_bar(uint32_t device, uint32_t bar);

/* The table, mapped, PCI_MSIX_ENTRY_WORDS words for each of *count entries; NULL: there is none. */
volatile uint32_t *pci_msix_table(uint32_t device, uint32_t *count);
/* A fixed, edge-triggered interrupt, not masked; then lets the function use its entries. */
void pci_msix_aim(volatile uint32_t *table, uint32_t entry, uint8_t vector);
bool pci_msix_enable(uint32_t device);
/* One message, likewise. */
bool pci_msi_aim(uint32_t device, uint8_t vector);

/* SPDX-License-Identifier: Apache-2.0 */
#include <stddef.h>
#include "guests/rt/paging.h"
#include "guests/rt/pci.h"

#define ECAM_GPA            UINT64_C(0xe0000000) /* guests/abi.h: Devices */
#define ECAM_BYTES          UINT64_C(0x100000)   /* bus 0 */
#define DEVICE_BYTES        0x8000u
#define CONFIG_STATUS       0x04u /* upper half */
#define STATUS_CAPABILITIES (1u << 20)
#define CONFIG_BAR(n)       (0x10u + 4u * (n))
#define BAR_COUNT           6u
#define BAR_FLAGS_IO        0x3u
#define BAR_IS_IO           1u
#define BAR_IS_64_BIT       4u
#define BAR_FLAGS           0xfu
#define CONFIG_CAPABILITIES 0x34u
#define CAPABILITY_MAX      48u /* so many have room behind the header */
#define MSI_ENABLE          0x10000u
#define MSI_COUNT           0x700000u /* Multiple Message Enable: 0 is one */
#define MSI_IS_64           0x800000u
#define MSIX_ENABLE         (1u << 31)
#define MSIX_MASK_ALL       (1u << 30)
#define MSIX_LAST(word)     ((word) >> 16 & 0x7ffu)
#define MSIX_BAR(word)      ((word)&7u)
#define MSIX_OFFSET(word)   ((word) & ~7u)
#define MSIX_ENTRY_BYTES    (4u * PCI_MSIX_ENTRY_WORDS)
#define MESSAGE_ADDRESS     0xfee00000u /* to APIC ID 0, physical */
#define WORD_ADDRESS_LOW    0u
#define WORD_ADDRESS_HIGH   1u
#define WORD_DATA           2u
#define WORD_CONTROL        3u

bool pci_init(void)
{
	return paging_map_device(ECAM_GPA, ECAM_BYTES);
}

static volatile uint32_t *config(uint32_t device, uint32_t offset)
{
	return (volatile uint32_t *)(ECAM_GPA + (uint64_t)device * DEVICE_BYTES + (offset & ~3u));
}

uint32_t pci_read(uint32_t device, uint32_t offset)
{
	return *config(device, offset);
}

void pci_write(uint32_t device, uint32_t offset, uint32_t value)
{
	*config(device, offset) = value;
}

/* Status bits are cleared by writing 1: written as 0. */
void pci_set_command(uint32_t device, uint32_t bits)
{
	pci_write(device, PCI_COMMAND, (pci_read(device, PCI_COMMAND) & 0xffffu) | bits);
}

bool pci_find(uint16_t vendor, uint16_t id, uint32_t *device)
{
	for (; *device < PCI_DEVICE_MAX; (*device)++)
		if (pci_read(*device, 0) == ((uint32_t)id << 16 | vendor))
			return true;
	return false;
}

uint64_t pci_map_bar(uint32_t device, uint32_t bar, uint64_t bytes)
{
	uint32_t low;
	uint64_t base;

	if (bar >= BAR_COUNT)
		return 0;
	low = pci_read(device, CONFIG_BAR(bar));
	base = low & ~BAR_FLAGS;
	if (low & BAR_IS_IO)
		return 0;
	if (low & BAR_IS_64_BIT && bar + 1 < BAR_COUNT)
		base |= (uint64_t)pci_read(device, CONFIG_BAR(bar + 1)) << 32;
	return base && paging_map_device(base, bytes) ? base : 0;
}

uint16_t pci_port_bar(uint32_t device, uint32_t bar)
{
	const uint32_t low = bar < BAR_COUNT ? pci_read(device, CONFIG_BAR(bar)) : 0;

	return low & BAR_IS_IO ? (uint16_t)(low & ~BAR_FLAGS_IO) : 0;
}

uint32_t pci_next_capability(uint32_t device, uint8_t id, uint32_t after)
{
	uint32_t at, n = 0;

	if (!(pci_read(device, CONFIG_STATUS) & STATUS_CAPABILITIES))
		return 0;
	at = after ? pci_read(device, after) >> 8 : pci_read(device, CONFIG_CAPABILITIES);
	for (at &= 0xfcu; at && n < CAPABILITY_MAX; n++) {
		const uint32_t word = pci_read(device, at);

		if ((word & 0xffu) == id)
			return at;
		at = word >> 8 & 0xfcu;
	}
	return 0;
}

static uint32_t find_capability(uint32_t device, uint8_t id)
{
	return pci_next_capability(device, id, 0);
}

volatile uint32_t *pci_msix_table(uint32_t device, uint32_t *count)
{
	const uint32_t at = find_capability(device, PCI_CAPABILITY_MSIX);
	uint32_t where;
	uint64_t base;

	if (!at)
		return NULL;
	*count = MSIX_LAST(pci_read(device, at)) + 1;
	where = pci_read(device, at + 4);
	base = pci_map_bar(device, MSIX_BAR(where),
			   MSIX_OFFSET(where) + (uint64_t)*count * MSIX_ENTRY_BYTES);
	return base ? (volatile uint32_t *)(base + MSIX_OFFSET(where)) : NULL;
}

void pci_msix_aim(volatile uint32_t *table, uint32_t entry, uint8_t vector)
{
	volatile uint32_t *e = table + (size_t)entry * PCI_MSIX_ENTRY_WORDS;

	e[WORD_ADDRESS_LOW] = MESSAGE_ADDRESS;
	e[WORD_ADDRESS_HIGH] = 0;
	e[WORD_DATA] = vector;
	e[WORD_CONTROL] = 0;
}

bool pci_msix_enable(uint32_t device)
{
	const uint32_t at = find_capability(device, PCI_CAPABILITY_MSIX);

	if (!at)
		return false;
	pci_write(device, at, (pci_read(device, at) & ~MSIX_MASK_ALL) | MSIX_ENABLE);
	return true;
}

bool pci_msi_aim(uint32_t device, uint8_t vector)
{
	const uint32_t at = find_capability(device, PCI_CAPABILITY_MSI);
	uint32_t control;

	if (!at)
		return false;
	control = pci_read(device, at) & ~(MSI_ENABLE | MSI_COUNT);
	pci_write(device, at, control);
	pci_write(device, at + 4, MESSAGE_ADDRESS);
	if (control & MSI_IS_64)
		pci_write(device, at + 8, 0);
	pci_write(device, at + (control & MSI_IS_64 ? 12u : 8u), vector);
	pci_write(device, at, control | MSI_ENABLE);
	return true;
}

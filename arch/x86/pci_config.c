/* SPDX-License-Identifier: Apache-2.0 */
/*
 * arch/x86/pci_config.c - arch/pci.h: ECAM as the MCFG table describes it, or mechanism #1.
 *
 * A range is mapped whole: device memory gets 2 MiB pages, so that 256 MiB cost one directory and,
 * where the range begins or ends at an odd bus, two page tables. core/memory.c counts them.
 */
#include "arch/mem.h"
#include "arch/pci.h"
#include "arch/x86/cpu.h"
#include "arch/x86/init.h"
#include "core/lib/assert.h"
#include "core/lib/lock.h"

/* PCI Local Bus Specification, "Configuration Mechanism #1". */
#define PORT_ADDRESS   0xcf8u
#define PORT_DATA      0xcfcu
#define ADDRESS_ENABLE BIT32(31)

/* "PCI Express Enhanced Configuration Address Mapping". */
#define ECAM_BUS_SHIFT      20u
#define ECAM_FUNCTION_SHIFT 12u

_Static_assert(PCI_SEGMENT_RANGE_MAX >= ACPI_ECAM_MAX, "every range of the MCFG has a place");

struct range {
	struct pci_bus_range buses;
	volatile uint8_t *ecam; /* of first_bus; NULL: mechanism #1 */
};

static struct {
	uint32_t count;                             /* [I] after arch_pci_init() */
	struct range ranges[PCI_SEGMENT_RANGE_MAX]; /* [I] likewise */
	struct lock ports;                          /* the pair of address and data */
} pci;

static bool overlaps(const struct acpi_ecam *e)
{
	for (uint32_t i = 0; i < pci.count; i++) {
		const struct pci_bus_range *b = &pci.ranges[i].buses;

		if (b->segment == e->segment && b->first_bus <= e->last_bus &&
		    e->first_bus <= b->last_bus)
			return true;
	}
	return false;
}

/* MCFG: "Base address" is that of bus 0, whatever the first bus is. */
static void add_ecam(const struct acpi_ecam *e)
{
	const uint64_t at = e->base + ((uint64_t)e->first_bus << ECAM_BUS_SHIFT);
	const uint64_t bytes = (uint64_t)(e->last_bus - e->first_bus + 1) << ECAM_BUS_SHIFT;
	volatile uint8_t *ecam;

	if (overlaps(e)) {
		remark("PCI: segment %u, buses %u to %u: described twice, ignored", e->segment,
		       e->first_bus, e->last_bus);
		return;
	}
	ecam = at < e->base ? NULL : arch_mem_map_device((hpa_t){ at }, bytes);
	if (ecam == NULL) {
		remark("PCI: configuration space at 0x%llx is no device memory: ignored",
		       (unsigned long long)at);
		return;
	}
	pci.ranges[pci.count++] =
		(struct range){ { e->segment, e->first_bus, e->last_bus, true }, ecam };
}

static bool has_segment_0(void)
{
	for (uint32_t i = 0; i < pci.count; i++)
		if (pci.ranges[i].buses.segment == 0)
			return true;
	return false;
}

/* The address register is one that keeps what it is given. */
static bool has_mechanism_1(void)
{
	const uint32_t before = cpu_in32(PORT_ADDRESS);
	bool keeps;

	cpu_out32(PORT_ADDRESS, ADDRESS_ENABLE);
	keeps = cpu_in32(PORT_ADDRESS) == ADDRESS_ENABLE;
	cpu_out32(PORT_ADDRESS, before);
	return keeps;
}

enum err arch_pci_init(const char **missing)
{
	const struct acpi_info *acpi = acpi_facts();

	pci.count = 0;
	for (uint32_t i = 0; i < acpi->ecam_count; i++)
		add_ecam(&acpi->ecams[i]);
	if (pci.count < PCI_SEGMENT_RANGE_MAX && !has_segment_0() && has_mechanism_1())
		pci.ranges[pci.count++] = (struct range){ { 0, 0, UINT8_MAX, false }, NULL };
	*missing = "PCI configuration space: no MCFG table that can be used, no ports CF8H/CFCH";
	return pci.count > 0 ? OK : ERR_NODEV;
}

uint32_t arch_pci_ranges(struct pci_bus_range ranges[PCI_SEGMENT_RANGE_MAX])
{
	for (uint32_t i = 0; ranges != NULL && i < pci.count; i++)
		ranges[i] = pci.ranges[i].buses;
	return pci.count;
}

/* NULL: nothing reaches it. */
static const struct range *range_of(pci_addr_t function, uint32_t offset)
{
	for (uint32_t i = 0; i < pci.count; i++) {
		const struct range *r = &pci.ranges[i];

		if (r->buses.segment == PCI_SEGMENT(function) &&
		    r->buses.first_bus <= PCI_BUS(function) &&
		    r->buses.last_bus >= PCI_BUS(function))
			return offset < (r->buses.is_extended ? PCI_EXTENDED_BYTES
							      : PCI_CONFIG_BYTES)
				       ? r
				       : NULL;
	}
	return NULL;
}

static volatile uint8_t *register_at(const struct range *r, pci_addr_t function, uint32_t offset)
{
	const uint32_t bus = PCI_BUS(function) - r->buses.first_bus;

	return r->ecam + ((bus << ECAM_BUS_SHIFT) |
			  (PCI_REQUESTER(function) & 0xffu) << ECAM_FUNCTION_SHIFT | offset);
}

/*
 * AMD family 10H takes accesses through EAX only: BIOS and Kernel Developer's Guide, "MMIO
 * Configuration Coding Requirements". It costs nothing elsewhere.
 */
static uint32_t read_ecam(const volatile uint8_t *at, uint32_t width)
{
	uint32_t value = 0;

	if (width == 1)
		__asm__ volatile("movb %1, %b0" : "+a"(value) : "m"(*at) : "memory");
	else if (width == 2)
		__asm__ volatile("movw %1, %w0"
				 : "+a"(value)
				 : "m"(*(const volatile uint16_t *)at)
				 : "memory");
	else
		__asm__ volatile("movl %1, %0"
				 : "=a"(value)
				 : "m"(*(const volatile uint32_t *)at)
				 : "memory");
	return value;
}

static void write_ecam(volatile uint8_t *at, uint32_t width, uint32_t value)
{
	if (width == 1)
		__asm__ volatile("movb %b1, %0" : "=m"(*at) : "a"(value) : "memory");
	else if (width == 2)
		__asm__ volatile("movw %w1, %0"
				 : "=m"(*(volatile uint16_t *)at)
				 : "a"(value)
				 : "memory");
	else
		__asm__ volatile("movl %1, %0"
				 : "=m"(*(volatile uint32_t *)at)
				 : "a"(value)
				 : "memory");
}

static uint32_t address_of(pci_addr_t function, uint32_t offset)
{
	return ADDRESS_ENABLE | (uint32_t)PCI_REQUESTER(function) << 8 | (offset & ~3u);
}

static uint32_t read_ports(pci_addr_t function, uint32_t offset, uint32_t width)
{
	const uint16_t port = (uint16_t)(PORT_DATA + (offset & 3));
	uint32_t value;

	lock_take(&pci.ports);
	cpu_out32(PORT_ADDRESS, address_of(function, offset));
	value = width == 1 ? cpu_in8(port) : width == 2 ? cpu_in16(port) : cpu_in32(port);
	lock_give(&pci.ports);
	return value;
}

static void write_ports(pci_addr_t function, uint32_t offset, uint32_t width, uint32_t value)
{
	const uint16_t port = (uint16_t)(PORT_DATA + (offset & 3));

	lock_take(&pci.ports);
	cpu_out32(PORT_ADDRESS, address_of(function, offset));
	if (width == 1)
		cpu_out8(port, (uint8_t)value);
	else if (width == 2)
		cpu_out16(port, (uint16_t)value);
	else
		cpu_out32(port, value);
	lock_give(&pci.ports);
}

static bool is_access(uint32_t offset, uint32_t width)
{
	return (width == 1 || width == 2 || width == 4) && (offset & (width - 1)) == 0;
}

uint32_t arch_pci_read(pci_addr_t function, uint32_t offset, uint32_t width)
{
	const struct range *r = range_of(function, offset);

	ASSERT(is_access(offset, width));
	if (r == NULL)
		return UINT32_MAX >> (32 - 8 * width);
	return r->ecam != NULL ? read_ecam(register_at(r, function, offset), width)
			       : read_ports(function, offset, width);
}

void arch_pci_write(pci_addr_t function, uint32_t offset, uint32_t width, uint32_t value)
{
	const struct range *r = range_of(function, offset);

	ASSERT(is_access(offset, width));
	if (r == NULL)
		return;
	if (r->ecam != NULL)
		write_ecam(register_at(r, function, offset), width, value);
	else
		write_ports(function, offset, width, value);
}

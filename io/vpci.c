/* SPDX-License-Identifier: Apache-2.0 */
#include "io/vpci.h"

/* "Configuration Mechanism #1". */
#define PORT_ADDRESS     0xcf8u
#define PORT_DATA        0xcfcu
#define ADDRESS_ENABLE   BIT32(31)
#define ADDRESS_BUS      UINT32_C(0x00ff0000)
#define ADDRESS_KEPT     UINT32_C(0x80fffffc) /* "reserved, read-only, must return 0's" */
#define ADDRESS_REGISTER UINT32_C(0xfc)
#define ADDRESS_DEVFN(a) ((uint8_t)((a) >> 8))

/* "PCI Express Enhanced Configuration Address Mapping". */
#define ECAM_DEVFN(o)    ((uint8_t)((o) >> 12))
#define ECAM_REGISTER(o) ((uint32_t)(o)&0xfff)

/* "Configuration Space Header". */
#define CONFIG_VENDOR 0x00u
#define CONFIG_DEVICE 0x02u
#define CONFIG_CLASS  0x0au /* subclass, base class */
#define CLASS_BRIDGE  0x06u

static uint32_t all_ones(uint32_t width)
{
	return UINT32_MAX >> (32 - 8 * width);
}

/* Its index, or function_count. */
static uint32_t find(const struct vpci *p, uint8_t devfn)
{
	uint32_t i = 0;

	while (i < p->function_count && p->functions[i].devfn != devfn)
		i++;
	return i;
}

static bool is_config(uint32_t reg, uint32_t width)
{
	return reg + width <= VPCI_CONFIG_BYTES && (reg & (width - 1)) == 0;
}

static uint32_t read_config(const struct vpci *p, uint8_t devfn, uint32_t reg, uint32_t width)
{
	const uint32_t found = find(p, devfn);
	uint32_t value = 0;

	if (found == p->function_count || !is_config(reg, width))
		return all_ones(width);
	for (uint32_t i = 0; i < width; i++)
		value |= (uint32_t)p->functions[found].config[reg + i] << 8 * i;
	return value;
}

static void write_config(struct vpci *p, uint8_t devfn, uint32_t reg, uint32_t width,
			 uint32_t value)
{
	const uint32_t found = find(p, devfn);
	struct vpci_function *f;

	if (found == p->function_count || !is_config(reg, width))
		return;
	f = &p->functions[found];
	for (uint32_t i = 0; i < width; i++) {
		const uint8_t mask = f->writable[reg + i];
		const uint8_t byte = (uint8_t)(value >> 8 * i);

		f->config[reg + i] = (uint8_t)((f->config[reg + i] & ~mask) | (byte & mask));
	}
}

static void set_word(struct vpci_function *f, uint32_t reg, uint32_t value)
{
	f->config[reg] = (uint8_t)value;
	f->config[reg + 1] = (uint8_t)(value >> 8);
}

void vpci_init(struct vpci *p)
{
	*p = (struct vpci){ .function_count = 1 };
	set_word(&p->functions[0], CONFIG_VENDOR, VPCI_BRIDGE_VENDOR);
	set_word(&p->functions[0], CONFIG_DEVICE, VPCI_BRIDGE_DEVICE);
	set_word(&p->functions[0], CONFIG_CLASS, CLASS_BRIDGE << 8);
}

uint32_t vpci_ecam_read(const struct vpci *p, uint64_t offset, uint32_t width)
{
	if (offset >= VPCI_ECAM_BYTES)
		return all_ones(width);
	return read_config(p, ECAM_DEVFN(offset), ECAM_REGISTER(offset), width);
}

void vpci_ecam_write(struct vpci *p, uint64_t offset, uint32_t width, uint32_t value)
{
	if (offset < VPCI_ECAM_BYTES)
		write_config(p, ECAM_DEVFN(offset), ECAM_REGISTER(offset), width, value);
}

/*
 * Does the data port show a register of bus 0? Narrower accesses choose bytes within it; one that
 * leaves it is not aligned.
 */
static bool selects_register(const struct vpci *p, uint16_t port)
{
	return port >= PORT_DATA && (p->address & ADDRESS_ENABLE) && !(p->address & ADDRESS_BUS);
}

/* The address register is there for 32-bit accesses only; others pass it by. */
uint32_t vpci_port_read(const struct vpci *p, uint16_t port, uint32_t width)
{
	if (port == PORT_ADDRESS && width == 4)
		return p->address;
	if (!selects_register(p, port))
		return all_ones(width);
	return read_config(p, ADDRESS_DEVFN(p->address),
			   (p->address & ADDRESS_REGISTER) + (port & 3u), width);
}

void vpci_port_write(struct vpci *p, uint16_t port, uint32_t width, uint32_t value)
{
	if (port == PORT_ADDRESS && width == 4)
		p->address = value & ADDRESS_KEPT;
	else if (selects_register(p, port))
		write_config(p, ADDRESS_DEVFN(p->address),
			     (p->address & ADDRESS_REGISTER) + (port & 3u), width, value);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * io/vpci_parts.h - what the files of io/vpci.h have in common.
 *
 * Model    Registers of a function, as bytes; which function and register an access means.
 * Source   As io/vpci.h.
 * Units    Bytes.
 * Errors   None.
 * Sharing  As io/vpci.h; private to it.
 */
#pragma once
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

/* "Type 0 Configuration Space Header". */
#define CONFIG_COMMAND 0x04u
#define COMMAND_MEMORY BIT32(1)
#define CONFIG_BAR(n)  (0x10u + 4 * (n))
#define BAR_ADDRESS    UINT32_C(0xfffffff0)

/* Of memory. */
static inline uint64_t vpci_bar_bytes(const struct vpci_bar *bar)
{
	return bar->kind == VPCI_BAR_NONE || bar->kind == VPCI_BAR_IO
		       ? 0
		       : max_u64(bar->bytes, PAGE_BYTES);
}

/* Its index, or function_count. */
static inline uint32_t vpci_find(const struct vpci *p, uint8_t devfn)
{
	uint32_t i = 0;

	while (i < p->function_count && p->functions[i].devfn != devfn)
		i++;
	return i;
}

static inline uint32_t vpci_get(const struct vpci_function *f, uint32_t reg, uint32_t width)
{
	uint32_t value = 0;

	for (uint32_t i = 0; i < width; i++)
		value |= (uint32_t)f->config[reg + i] << 8 * i;
	return value;
}

static inline void vpci_put(struct vpci_function *f, uint32_t reg, uint32_t width, uint32_t value)
{
	for (uint32_t i = 0; i < width; i++)
		f->config[reg + i] = (uint8_t)(value >> 8 * i);
}

/*
 * Does the data port show a register of bus 0? Narrower accesses choose bytes within it; one that
 * leaves it is not aligned.
 */
static inline bool vpci_selects_register(const struct vpci *p, uint16_t port)
{
	return port >= PORT_DATA && (p->address & ADDRESS_ENABLE) && !(p->address & ADDRESS_BUS);
}

static inline uint32_t vpci_selected_register(const struct vpci *p, uint16_t port)
{
	return (p->address & ADDRESS_REGISTER) + (port & 3u);
}

/* "PCI configuration access capability": registers of a window. */
#define WINDOW_BYTES  20u
#define WINDOW_BAR    4u
#define WINDOW_OFFSET 8u
#define WINDOW_LENGTH 12u
#define WINDOW_DATA   16u

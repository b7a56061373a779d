/* SPDX-License-Identifier: Apache-2.0 */
#include "arch/mem.h"
#include "arch/x86/vtd/io.h"

static uint64_t mmio_read(void *context, uint32_t reg, uint32_t width)
{
	const volatile uint8_t *const at = (const volatile uint8_t *)context + reg;

	return width == 8 ? *(const volatile uint64_t *)at : *(const volatile uint32_t *)at;
}

/* Uncached stores leave in program order, after every store before them has become visible. */
static void mmio_write(void *context, uint32_t reg, uint32_t width, uint64_t value)
{
	volatile uint8_t *const at = (volatile uint8_t *)context + reg;

	if (width == 8)
		*(volatile uint64_t *)at = value;
	else
		*(volatile uint32_t *)at = (uint32_t)value;
}

enum err vtd_io_open(uint64_t base, uint32_t bytes, struct vtd_io *io)
{
	void *const at = arch_mem_map_device((hpa_t){ base }, bytes);

	*io = (struct vtd_io){ mmio_read, mmio_write, at };
	return at ? OK : ERR_NOMEM;
}

/* SDM Vol. 2A, "CLFLUSH": ordered with stores to the line before it, and with all stores after. */
void vtd_flush(const void *at, uint64_t bytes)
{
	arch_mem_write_back(at, bytes);
}

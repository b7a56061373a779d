/* SPDX-License-Identifier: Apache-2.0 */
/*
 * arch/x86/vtd/io.h - how the registers of a unit, and the memory that it reads, are reached.
 *
 * The image maps the registers and flushes cache lines (mmio.c); host tests put a unit in
 * software behind the same functions.
 */
#pragma once
#include "core/lib/base.h"

struct vtd_io {
	/* width 4 or 8; `reg` is a multiple of it. */
	uint64_t (*read)(void *context, uint32_t reg, uint32_t width);
	void (*write)(void *context, uint32_t reg, uint32_t width, uint64_t value);
	void *context;
};

/*
 * The registers at host-physical `base`. Boot only; called again with more bytes, it reaches more.
 * ERR_NOMEM: the pool is empty; or there is memory, not a device.
 */
MUST_CHECK enum err vtd_io_open(uint64_t base, uint32_t bytes, struct vtd_io *io);

/* Makes hardware see what was stored there, where its walks do not look into the caches. */
void vtd_flush(const void *at, uint64_t bytes);

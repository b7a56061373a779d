/* SPDX-License-Identifier: Apache-2.0 */
/* Where BARs are seen, when several may claim the same place. */
#include "io/vpci_parts.h"

static uint64_t bar_address(const struct vpci_function *f, uint32_t bar)
{
	uint64_t at = vpci_get(f, CONFIG_BAR(bar), 4) & BAR_ADDRESS;

	if (f->facts.bars[bar].kind == VPCI_BAR_MEM64)
		at |= (uint64_t)vpci_get(f, CONFIG_BAR(bar + 1), 4) << 32;
	return at;
}

static bool is_in_window(const struct vpci *p, uint64_t at, uint64_t bytes)
{
	return at >= p->window_base && at < p->window_end && bytes <= p->window_end - at;
}

/* BARs are aligned to their size: two of them meet only if one holds the other's first byte. */
static bool meets(uint64_t a, uint64_t a_bytes, uint64_t b, uint64_t b_bytes)
{
	return a - b < b_bytes || b - a < a_bytes;
}

/*
 * In the order of functions and BARs: one in the way of another is one of those that are decoded.
 * 48 BARs at most, so that the list of those before is short.
 */
bool vpci_decodes(const struct vpci *p, uint32_t function, uint32_t bar, uint64_t *gpa)
{
	uint64_t bases[VPCI_FUNCTION_MAX * VPCI_BAR_COUNT];
	uint64_t sizes[VPCI_FUNCTION_MAX * VPCI_BAR_COUNT];
	uint32_t count = 0;

	for (uint32_t i = 1; i < p->function_count && i <= function; i++) {
		const struct vpci_function *f = &p->functions[i];

		for (uint32_t k = 0; k < VPCI_BAR_COUNT; k++) {
			const uint64_t bytes = vpci_bar_bytes(&f->facts.bars[k]);
			const uint64_t at = bytes ? bar_address(f, k) : 0;
			bool is_seen = bytes != 0 && is_in_window(p, at, bytes) &&
				       (vpci_get(f, CONFIG_COMMAND, 2) & COMMAND_MEMORY);

			for (uint32_t n = 0; n < count && is_seen; n++)
				is_seen = !meets(at, bytes, bases[n], sizes[n]);
			*gpa = at;
			if (i == function && k == bar)
				return is_seen;
			bases[count] = at;
			sizes[count] = bytes;
			count += is_seen;
		}
	}
	return false;
}

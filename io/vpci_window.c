/* SPDX-License-Identifier: Apache-2.0 */
/* Capabilities through which a BAR is reached from configuration space. */
#include "io/vpci_parts.h"

/* Where its registers lead: wholly into a BAR, aligned as a driver must. */
static bool aim(const struct vpci_function *f, struct vpci_window *w)
{
	w->bar = vpci_get(f, f->window + WINDOW_BAR, 1);
	w->offset = vpci_get(f, f->window + WINDOW_OFFSET, 4);
	w->width = vpci_get(f, f->window + WINDOW_LENGTH, 4);
	w->value = vpci_get(f, f->window + WINDOW_DATA, 4);
	if (w->width != 1 && w->width != 2 && w->width != 4)
		return false;
	w->value &= UINT32_MAX >> (32 - 8 * w->width);
	return w->bar < VPCI_BAR_COUNT && f->facts.bars[w->bar].kind != VPCI_BAR_NONE &&
	       (w->offset & (w->width - 1)) == 0 &&
	       w->offset + w->width <= f->facts.bars[w->bar].bytes;
}

static bool find_window(const struct vpci *p, uint8_t devfn, uint32_t reg, uint32_t width,
			struct vpci_window *w)
{
	const struct vpci_function *f;

	w->function = vpci_find(p, devfn);
	if (w->function == p->function_count || (reg & (width - 1)) != 0)
		return false;
	f = &p->functions[w->function];
	if (f->window == 0 || reg - (f->window + WINDOW_DATA) >= WINDOW_BYTES - WINDOW_DATA)
		return false;
	return aim(f, w);
}

bool vpci_ecam_window(const struct vpci *p, uint64_t offset, uint32_t width,
		      struct vpci_window *window)
{
	return offset < VPCI_ECAM_BYTES &&
	       find_window(p, ECAM_DEVFN(offset), ECAM_REGISTER(offset), width, window);
}

bool vpci_port_window(const struct vpci *p, uint16_t port, uint32_t width,
		      struct vpci_window *window)
{
	return vpci_selects_register(p, port) &&
	       find_window(p, ADDRESS_DEVFN(p->address), vpci_selected_register(p, port), width,
			   window);
}

/* "Store the first cap.length bytes in pci_cfg_data." */
void vpci_fill(struct vpci *p, const struct vpci_window *window, uint32_t value)
{
	struct vpci_function *const f = &p->functions[window->function];

	vpci_put(f, f->window + WINDOW_DATA, window->width, value);
}

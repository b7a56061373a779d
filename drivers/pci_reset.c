/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/pci_reset.h"
#include "drivers/pci_parts.h"

enum state { QUIET, DRAIN, TRIGGER, HOLD, LINK, SETTLE, POLL, ENDED };

#define POWER_MS   10u   /* "State Transition Recovery Time Requirements": D3hot to D0 */
#define DRAIN_MS   1000u /* beyond any completion timeout in use */
#define HOLD_MS    2u    /* "Conventional Reset": Trst is 1 ms at least */
#define LINK_MS    1000u
#define SETTLE_MS  100u  /* FLR completes within; after a link came up no access within */
#define PCI_MS     1100u /* "Reset": Trhfa, 2^25 clocks of 33 MHz */
#define ANSWER_MS  1000u /* from the reset on */
#define BETWEEN_MS 10u   /* two looks */

static uint64_t ticks(const struct pci_reset *r, uint64_t ms)
{
	return mul_div(r->tsc_hz, ms, 1000) + 1;
}

static const struct pci_function *function_of(const struct pci_reset *r, uint32_t i)
{
	return &r->table->functions[r->functions[i]];
}

/* --- choosing ------------------------------------------------------------------------------- */

/* Those that a reset below `bridge` reaches; 0: not all of them are this group's, or plain. */
static uint32_t functions_below(const struct pci_table *t, uint32_t bridge, uint32_t group,
				uint32_t found[PCI_RESET_FUNCTION_MAX])
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < t->count; i++) {
		const struct pci_function *f = &t->functions[i];

		if (!pci_is_below(t, i, bridge) || (f->is_vf && !f->is_usable))
			continue;
		if (f->is_bridge || f->is_vf || !f->is_usable || f->group != group ||
		    count == PCI_RESET_FUNCTION_MAX)
			return 0;
		found[count++] = i;
	}
	return count;
}

static bool has_pm_reset(const struct pci_function *f)
{
	return f->caps.pm != 0 && !f->is_vf &&
	       !(arch_pci_read(f->addr, f->caps.pm + PM_CONTROL, 2) & PM_NO_SOFT_RESET);
}

static bool has_pcie_flr(const struct pci_function *f)
{
	return f->caps.pcie != 0 &&
	       (arch_pci_read(f->addr, f->caps.pcie + PCIE_DEVCAP, 4) & DEVCAP_FLR);
}

enum pci_reset_method pci_reset_choose(const struct pci_table *t, uint32_t function)
{
	const struct pci_function *f = &t->functions[function];
	uint32_t found[PCI_RESET_FUNCTION_MAX];

	if (has_pcie_flr(f))
		return PCI_RESET_FLR;
	if (f->has_flr)
		return PCI_RESET_AF;
	if (f->parent != PCI_NO_FUNCTION && functions_below(t, f->parent, f->group, found) != 0)
		return PCI_RESET_BUS;
	return has_pm_reset(f) ? PCI_RESET_PM : PCI_RESET_NONE;
}

const char *pci_reset_name(enum pci_reset_method method)
{
	static const char *const names[] = { "none", "function level reset",
					     "function level reset (AF)", "secondary bus reset",
					     "D3hot and back" };

	return names[method];
}

/* --- what a reset loses --------------------------------------------------------------------- */

static bool has_pcie_v2(const struct pci_function *f)
{
	const uint32_t at = f->caps.pcie;

	return at != 0 && at + PCIE_V2_BYTES <= PCI_CONFIG_BYTES &&
	       PCIE_VERSION(arch_pci_read(f->addr, at + PCIE_FLAGS, 2)) >= 2;
}

/* Endpoints integrated in the root complex have no link. */
static bool has_link(const struct pci_function *f)
{
	return f->caps.pcie != 0 && f->pcie_type != PCIE_INTEGRATED && !f->is_vf;
}

static void save(const struct pci_function *f, struct pci_saved *s)
{
	const uint32_t pcie = f->caps.pcie;

	*s = (struct pci_saved){ 0 };
	for (uint32_t i = 0; i < PCI_BAR_COUNT && !f->is_vf; i++)
		s->bars[i] = arch_pci_read(f->addr, CFG_BAR(i), 4);
	s->cache_line = (uint8_t)arch_pci_read(f->addr, CFG_CACHE_LINE, 1);
	s->latency = (uint8_t)arch_pci_read(f->addr, CFG_LATENCY, 1);
	s->interrupt_line = (uint8_t)arch_pci_read(f->addr, CFG_INTERRUPT_LINE, 1);
	if (pcie != 0)
		s->device_control =
			(uint16_t)(arch_pci_read(f->addr, pcie + PCIE_DEVCTL, 2) & ~DEVCTL_FLR);
	if (has_link(f))
		s->link_control = (uint16_t)arch_pci_read(f->addr, pcie + PCIE_LNKCTL, 2);
	if (has_pcie_v2(f))
		s->device_control_2 = (uint16_t)arch_pci_read(f->addr, pcie + PCIE_DEVCTL2, 2);
	if (f->caps.acs != 0)
		s->acs_control = (uint16_t)arch_pci_read(f->addr, f->caps.acs + ACS_CONTROL, 2);
}

static void restore_capabilities(const struct pci_function *f, const struct pci_saved *s)
{
	const uint32_t pcie = f->caps.pcie;

	if (pcie != 0)
		arch_pci_write(f->addr, pcie + PCIE_DEVCTL, 2, s->device_control);
	if (has_link(f))
		arch_pci_write(f->addr, pcie + PCIE_LNKCTL, 2, s->link_control);
	if (has_pcie_v2(f))
		arch_pci_write(f->addr, pcie + PCIE_DEVCTL2, 2, s->device_control_2);
	if (f->caps.acs != 0)
		arch_pci_write(f->addr, f->caps.acs + ACS_CONTROL, 2, s->acs_control);
	if (f->caps.msi != 0)
		arch_pci_write(f->addr, f->caps.msi + MSI_CONTROL, 2, 0);
	if (f->caps.msix != 0)
		arch_pci_write(f->addr, f->caps.msix + MSIX_CONTROL, 2, 0);
}

/* False: it did not take its BARs back. */
static bool restore(const struct pci_function *f, const struct pci_saved *s)
{
	bool holds = true;

	arch_pci_write(f->addr, CFG_COMMAND, 2, COMMAND_INTX_OFF);
	restore_capabilities(f, s);
	for (uint32_t i = 0; i < PCI_BAR_COUNT && !f->is_vf; i++) {
		arch_pci_write(f->addr, CFG_BAR(i), 4, s->bars[i]);
		holds &= arch_pci_read(f->addr, CFG_BAR(i), 4) == s->bars[i];
	}
	arch_pci_write(f->addr, CFG_CACHE_LINE, 1, s->cache_line);
	arch_pci_write(f->addr, CFG_LATENCY, 1, s->latency);
	arch_pci_write(f->addr, CFG_INTERRUPT_LINE, 1, s->interrupt_line);
	return holds;
}

/* --- the steps ------------------------------------------------------------------------------ */

static enum err go(struct pci_reset *r, enum state state, uint64_t due_tsc)
{
	r->state = (uint8_t)state;
	r->due_tsc = due_tsc;
	return ERR_BUSY;
}

static enum err end(struct pci_reset *r, enum err result, const char *why)
{
	r->state = ENDED;
	r->result = result;
	r->why = why;
	return result;
}

static void set_power(const struct pci_function *f, uint32_t state)
{
	const uint32_t at = f->caps.pm + PM_CONTROL;
	const uint32_t control = arch_pci_read(f->addr, at, 2);

	arch_pci_write(f->addr, at, 2, (control & ~(PM_STATE | PM_STATUS)) | state);
}

static enum err quiet(struct pci_reset *r, uint64_t now_tsc)
{
	uint64_t due_tsc = now_tsc;

	for (uint32_t i = 0; i < r->function_count; i++) {
		const struct pci_function *f = function_of(r, i);

		if (f->caps.pm != 0 &&
		    (arch_pci_read(f->addr, f->caps.pm + PM_CONTROL, 2) & PM_STATE) != PM_D0) {
			set_power(f, PM_D0);
			due_tsc = now_tsc + ticks(r, POWER_MS);
		}
		arch_pci_write(f->addr, CFG_COMMAND, 2, COMMAND_INTX_OFF);
	}
	r->limit_tsc = now_tsc + ticks(r, DRAIN_MS);
	return go(r, DRAIN, due_tsc);
}

static bool is_pending(const struct pci_function *f)
{
	if (f->caps.pcie != 0)
		return arch_pci_read(f->addr, f->caps.pcie + PCIE_DEVSTA, 2) & DEVSTA_PENDING;
	if (f->caps.af != 0)
		return arch_pci_read(f->addr, f->caps.af + AF_STATUS, 1) & AF_IS_PENDING;
	return false;
}

static enum err drain(struct pci_reset *r, uint64_t now_tsc)
{
	bool pending = false;

	for (uint32_t i = 0; i < r->function_count; i++)
		pending |= is_pending(function_of(r, i));
	if (pending && now_tsc < r->limit_tsc)
		return go(r, DRAIN, now_tsc + ticks(r, BETWEEN_MS));
	r->left_pending = pending;
	return go(r, TRIGGER, now_tsc);
}

static const struct pci_function *bridge_of(const struct pci_reset *r)
{
	return &r->table->functions[function_of(r, 0)->parent];
}

static void set_bus_reset(const struct pci_function *bridge, bool on)
{
	const uint32_t control = arch_pci_read(bridge->addr, CFG_BRIDGE_CONTROL, 2);

	arch_pci_write(bridge->addr, CFG_BRIDGE_CONTROL, 2,
		       on ? control | BRIDGE_RESET : control & ~BRIDGE_RESET);
}

static bool is_link_active(const struct pci_function *port)
{
	return (arch_pci_read(port->addr, port->caps.pcie + PCIE_LNKCAP, 4) & LNKCAP_REPORTS) &&
	       (arch_pci_read(port->addr, port->caps.pcie + PCIE_LNKSTA, 2) & LNKSTA_ACTIVE);
}

static enum err trigger(struct pci_reset *r, uint64_t now_tsc)
{
	const struct pci_function *f = function_of(r, 0);
	const uint32_t pcie = f->caps.pcie;

	r->limit_tsc = now_tsc + ticks(r, ANSWER_MS);
	switch (r->method) {
	case PCI_RESET_FLR:
		arch_pci_write(f->addr, pcie + PCIE_DEVCTL, 2,
			       arch_pci_read(f->addr, pcie + PCIE_DEVCTL, 2) | DEVCTL_FLR);
		return go(r, SETTLE, now_tsc + ticks(r, SETTLE_MS));
	case PCI_RESET_AF:
		arch_pci_write(f->addr, f->caps.af + AF_CONTROL, 1, AF_RESET);
		return go(r, SETTLE, now_tsc + ticks(r, SETTLE_MS));
	case PCI_RESET_BUS:
		r->awaits_link =
			pci_is_port_above_link(bridge_of(r)) && is_link_active(bridge_of(r));
		set_bus_reset(bridge_of(r), true);
		return go(r, HOLD, now_tsc + ticks(r, HOLD_MS));
	default:
		set_power(f, PM_D3HOT);
		return go(r, HOLD, now_tsc + ticks(r, POWER_MS));
	}
}

static enum err release(struct pci_reset *r, uint64_t now_tsc)
{
	r->limit_tsc = now_tsc + ticks(r, LINK_MS);
	if (r->method == PCI_RESET_BUS) {
		set_bus_reset(bridge_of(r), false);
		return go(r, LINK, now_tsc);
	}
	set_power(function_of(r, 0), PM_D0);
	return go(r, SETTLE, now_tsc + ticks(r, POWER_MS));
}

static enum err settle_after(struct pci_reset *r, uint64_t now_tsc, uint64_t ms)
{
	r->limit_tsc = now_tsc + ticks(r, ms + ANSWER_MS);
	return go(r, SETTLE, now_tsc + ticks(r, ms));
}

/*
 * "Conventional Reset": where the port reports it, time counts from when the link is active. A port
 * that reported none with the device there (QEMU's, above a conventional one) never will.
 */
static enum err wait_for_link(struct pci_reset *r, uint64_t now_tsc)
{
	const struct pci_function *b = bridge_of(r);

	if (!pci_is_port_above_link(b))
		return settle_after(r, now_tsc, PCI_MS);
	if (!r->awaits_link || is_link_active(b))
		return settle_after(r, now_tsc, SETTLE_MS);
	if (now_tsc < r->limit_tsc)
		return go(r, LINK, now_tsc + ticks(r, BETWEEN_MS));
	return end(r, ERR_TIMEOUT, "the link did not come up again");
}

/*
 * All ones: no answer, or RRS without Software Visibility. A VF's vendor ID is all ones anyway, but
 * its command and status are not.
 */
static bool answers(const struct pci_function *f)
{
	const uint32_t id = arch_pci_read(f->addr, CFG_VENDOR, 4);

	if ((id & 0xffff) == VENDOR_NOT_READY)
		return false;
	if (f->is_vf)
		return arch_pci_read(f->addr, CFG_COMMAND, 4) != UINT32_MAX;
	return id != UINT32_MAX;
}

static enum err poll(struct pci_reset *r, uint64_t now_tsc)
{
	for (uint32_t i = 0; i < r->function_count; i++) {
		if (answers(function_of(r, i)))
			continue;
		if (now_tsc >= r->limit_tsc)
			return end(r, ERR_TIMEOUT, "it does not answer after its reset");
		return go(r, POLL, now_tsc + ticks(r, BETWEEN_MS));
	}
	for (uint32_t i = 0; i < r->function_count; i++) {
		const struct pci_function *f = function_of(r, i);

		if (!f->is_vf && arch_pci_read(f->addr, CFG_VENDOR, 4) !=
					 (f->vendor | (uint32_t)f->device << 16))
			return end(r, ERR_INVAL, "it is another device after its reset");
		if (!restore(f, &r->saved[i]))
			return end(r, ERR_INVAL, "it does not take its BARs back");
	}
	return end(r, OK, NULL);
}

static enum err step(struct pci_reset *r, uint64_t now_tsc)
{
	switch (r->state) {
	case QUIET:
		return quiet(r, now_tsc);
	case DRAIN:
		return drain(r, now_tsc);
	case TRIGGER:
		return trigger(r, now_tsc);
	case HOLD:
		return release(r, now_tsc);
	case LINK:
		return wait_for_link(r, now_tsc);
	case SETTLE:
	case POLL:
		return poll(r, now_tsc);
	default:
		return r->result;
	}
}

enum err pci_reset_step(struct pci_reset *r, uint64_t now_tsc, uint64_t *again_tsc)
{
	enum err e = ERR_BUSY;

	if (r->state == ENDED || now_tsc >= r->due_tsc)
		e = step(r, now_tsc);
	*again_tsc = e == ERR_BUSY ? r->due_tsc : TSC_NEVER;
	return e;
}

static enum err refuse(struct pci_reset *r, enum err e, const char *why)
{
	return end(r, e, why);
}

enum err pci_reset_begin(struct pci_reset *r, const struct pci_table *t, uint32_t function,
			 uint64_t tsc_hz)
{
	const struct pci_function *f = &t->functions[function];

	*r = (struct pci_reset){ .table = t, .tsc_hz = tsc_hz, .function_count = 1 };
	r->functions[0] = function;
	if (!f->is_usable)
		return refuse(r, ERR_INVAL, f->why);
	if (f->is_bridge)
		return refuse(r, ERR_INVAL, "a bridge");
	r->method = pci_reset_choose(t, function);
	if (r->method == PCI_RESET_NONE)
		return refuse(r, ERR_UNSUPPORTED, "it has no way to be reset");
	if (r->method == PCI_RESET_BUS)
		r->function_count = functions_below(t, f->parent, f->group, r->functions);
	for (uint32_t i = 0; i < r->function_count; i++) {
		f = function_of(r, i);
		if (f->caps.sriov != 0 &&
		    (arch_pci_read(f->addr, f->caps.sriov + SRIOV_CONTROL, 2) & SRIOV_ENABLE))
			return refuse(r, ERR_INVAL, "its VFs are enabled");
		save(f, &r->saved[i]);
	}
	return OK;
}

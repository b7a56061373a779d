/* SPDX-License-Identifier: Apache-2.0 */
#include "arch/x86/vtd/unit.h"
#include "arch/clock.h"
#include "arch/mp.h"
#include "arch/x86/vtd/fault.h"
#include "arch/x86/vtd/queue.h"

/* ---- Registers and commands ---- */

uint64_t vtd_deadline_tsc(void)
{
	return arch_clock_now_tsc() + mul_div(arch_clock_tsc_hz(), VTD_WAIT_NS, SEC(1));
}

enum err vtd_unit_wait(const struct vtd_unit *u, uint32_t reg, uint32_t width, uint64_t mask,
		       uint64_t value)
{
	const uint64_t deadline_tsc = vtd_deadline_tsc();

	while ((vtd_unit_read(u, reg, width) & mask) != value) {
		if (arch_clock_now_tsc() > deadline_tsc)
			return ERR_TIMEOUT;
		arch_mp_relax();
	}
	return OK;
}

/*
 * "Global Command Register": a write gives the state of every switch; of the one-shot commands,
 * whose status says whether they were ever given, only the new one may be in it.
 */
enum err vtd_unit_command(const struct vtd_unit *u, uint32_t bit, enum vtd_switch to)
{
	uint32_t state = (uint32_t)vtd_unit_read(u, VTD_GSTS, 4) & ~VTD_G_ONE_SHOT;
	uint32_t done = to == VTD_ON ? bit : 0;

	state = to == VTD_ON ? state | bit : state & ~bit;
	if (bit == VTD_G_WBF) /* its status says that it is going on */
		done = 0;
	vtd_unit_write(u, VTD_GCMD, 4, state);
	return vtd_unit_wait(u, VTD_GSTS, 4, bit, done);
}

void vtd_unit_wrote(const struct vtd_unit *u, const void *at, uint64_t bytes)
{
	if (!vtd_unit_is_coherent(u))
		vtd_flush(at, bytes);
}

/* "Write Buffer Flushing" */
enum err vtd_unit_flush_writes(const struct vtd_unit *u)
{
	return u->cap & VTD_CAP_RWBF ? vtd_unit_command(u, VTD_G_WBF, VTD_ON) : OK;
}

/* ---- Opening ---- */

/* The first page has everything but what the capabilities place elsewhere. */
static uint32_t register_bytes(const struct vtd_unit *u)
{
	const uint32_t faults = VTD_CAP_FRO(u->cap) + VTD_CAP_NFR(u->cap) * VTD_FRCD_BYTES;
	const uint32_t iotlb = VTD_ECAP_IRO(u->ecap) + VTD_IOTLB_BYTES;

	return (uint32_t)max_u64(PAGE_BYTES, max_u64(faults, iotlb));
}

enum err vtd_unit_open(struct vtd_unit *u, uint64_t base, uint16_t segment, const char **missing)
{
	*u = (struct vtd_unit){ .base = base, .segment = segment };
	*missing = "memory to map its registers";
	if (vtd_io_open(base, PAGE_BYTES, &u->io) != OK)
		return ERR_NOMEM;
	*missing = "registers: there is nothing at this address";
	if (vtd_unit_read(u, VTD_VER, 4) == UINT32_MAX || vtd_unit_read(u, VTD_VER, 4) == 0)
		return ERR_UNSUPPORTED;
	u->cap = vtd_unit_read(u, VTD_CAP, 8);
	u->ecap = vtd_unit_read(u, VTD_ECAP, 8);
	*missing = "page tables of three or four levels";
	if (!(u->cap & (VTD_CAP_SAGAW_39 | VTD_CAP_SAGAW_48)))
		return ERR_UNSUPPORTED;
	*missing = "memory to map its registers";
	return vtd_io_open(base, register_bytes(u), &u->io);
}

/* "Interrupt Remapping" needs queued invalidation: its cache has no register of its own. */
void vtd_unit_choose(struct vtd_unit *u, bool platform_remaps, enum vtd_apic_mode mode)
{
	u->has_x2apic_targets = mode == VTD_X2APIC && (u->ecap & VTD_ECAP_EIM);
	u->can_remap = platform_remaps && (u->ecap & VTD_ECAP_IR) && (u->ecap & VTD_ECAP_QI) &&
		       (mode == VTD_XAPIC || u->has_x2apic_targets);
}

/* ---- Starting ---- */

static void *take(const struct vtd_unit *u, uint64_t pages)
{
	void *const at = arch_mem_take_pages(pages);

	if (at)
		vtd_unit_wrote(u, at, pages * PAGE_BYTES);
	return at;
}

static enum err take_tables(struct vtd_unit *u)
{
	u->root = take(u, 1);
	u->queue = take(u, 1);
	u->status = take(u, 1);
	if (!u->root || !u->queue || !u->status)
		return ERR_NOMEM;
	if (!u->can_remap)
		return OK;
	u->interrupts = take(u, VTD_IRT_ENTRIES * sizeof(struct vtd_entry) / PAGE_BYTES);
	return u->interrupts ? OK : ERR_NOMEM;
}

/*
 * What firmware left on. Its queue is drained, then stopped. Its translation goes on until ours
 * is in its place; only a table of another mode must be switched off before ("Root Table Address
 * Register").
 */
static enum err quiet_firmware(const struct vtd_unit *u)
{
	const uint32_t state = (uint32_t)vtd_unit_read(u, VTD_GSTS, 4);
	enum err e = OK;

	vtd_unit_write(u, VTD_FECTL, 4, VTD_EVENT_IM);
	if (u->ecap & VTD_ECAP_QI)
		vtd_unit_write(u, VTD_IECTL, 4, VTD_EVENT_IM);
	if (state & VTD_G_QIE)
		e = vtd_unit_wait(u, VTD_IQH, 8, UINT64_MAX, vtd_unit_read(u, VTD_IQT, 8));
	if (e == OK && (state & VTD_G_QIE))
		e = vtd_unit_command(u, VTD_G_QIE, VTD_OFF);
	if (e == OK && (state & VTD_G_TE) && (vtd_unit_read(u, VTD_RTADDR, 8) & VTD_RTADDR_TTM))
		e = vtd_unit_command(u, VTD_G_TE, VTD_OFF);
	if (e == OK && (state & VTD_G_IRE) && !u->can_remap)
		e = vtd_unit_command(u, VTD_G_IRE, VTD_OFF);
	if (e == OK && (state & VTD_G_CFI))
		e = vtd_unit_command(u, VTD_G_CFI, VTD_OFF);
	return e;
}

static enum err set_root(struct vtd_unit *u)
{
	enum err e = vtd_unit_flush_writes(u);

	vtd_unit_write(u, VTD_RTADDR, 8, arch_mem_hpa(u->root).v);
	if (e == OK)
		e = vtd_unit_command(u, VTD_G_SRTP, VTD_ON);
	if (e == OK)
		e = vtd_invalidate_contexts(u);
	if (e == OK)
		e = vtd_invalidate_translations(u);
	return e;
}

static enum err set_interrupts(struct vtd_unit *u)
{
	const uint64_t eime = u->has_x2apic_targets ? VTD_IRTA_EIME : 0;
	enum err e;

	vtd_unit_write(u, VTD_IRTA, 8,
		       arch_mem_hpa(u->interrupts).v | eime | VTD_IRTA_S(VTD_IRT_LOG2));
	e = vtd_unit_command(u, VTD_G_SIRTP, VTD_ON);
	if (e == OK)
		e = vtd_invalidate_interrupts(u);
	if (e == OK)
		e = vtd_unit_command(u, VTD_G_IRE, VTD_ON);
	return e;
}

/* "Protected Memory Enable Register": needed no more, once everything is blocked. */
static enum err open_protected_memory(const struct vtd_unit *u)
{
	if (!(u->cap & (VTD_CAP_PLMR | VTD_CAP_PHMR)))
		return OK;
	vtd_unit_write(u, VTD_PMEN, 4, 0);
	return vtd_unit_wait(u, VTD_PMEN, 4, VTD_PMEN_PRS, 0);
}

enum err vtd_unit_start(struct vtd_unit *u, const char **missing)
{
	enum err e = take_tables(u);

	*missing = "memory for its tables";
	if (e != OK)
		return e;
	*missing = "an answer while firmware's use of it was ended";
	e = quiet_firmware(u);
	if (e != OK)
		return e;
	*missing = "an answer when its invalidation queue was set up";
	e = vtd_queue_start(u);
	if (e != OK)
		return e;
	*missing = "an answer when its root table was set";
	e = set_root(u);
	if (e != OK)
		return e;
	vtd_fault_forget(u);
	*missing = "an answer when interrupt remapping was turned on";
	e = u->can_remap ? set_interrupts(u) : OK;
	if (e != OK)
		return e;
	*missing = "an answer when translation was turned on";
	e = vtd_unit_command(u, VTD_G_TE, VTD_ON);
	if (e == OK)
		e = open_protected_memory(u);
	return e;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "arch/x86/vtd/queue.h"
#include "arch/clock.h"
#include "arch/mp.h"
#include "core/lib/assert.h"

static bool has_queue(const struct vtd_unit *u)
{
	return u->ecap & VTD_ECAP_QI;
}

/* ---- The queue. "Extended Capability Register", C: its memory is coherent in any case ---- */

/* Disabling resets the head: "Invalidation Queue Head Register". */
enum err vtd_queue_start(struct vtd_unit *u)
{
	enum err e = OK;

	if (!has_queue(u))
		return OK;
	if (vtd_unit_read(u, VTD_GSTS, 4) & VTD_G_QIE)
		e = vtd_unit_command(u, VTD_G_QIE, VTD_OFF);
	if (e != OK)
		return e;
	vtd_unit_write(u, VTD_FSTS, 4, VTD_FSTS_QUEUE);
	u->queue_tail = 0;
	vtd_unit_write(u, VTD_IQT, 8, 0);
	vtd_unit_write(u, VTD_IQA, 8, arch_mem_hpa(u->queue).v);
	return vtd_unit_command(u, VTD_G_QIE, VTD_ON);
}

static void put(struct vtd_unit *u, struct vtd_entry descriptor)
{
	u->queue[u->queue_tail] = descriptor;
	u->queue_tail = (u->queue_tail + 1) % VTD_QUEUE_ENTRIES;
}

/* Each submission waits for its end, so the queue never fills up. */
static void put_wait(struct vtd_unit *u)
{
	u->sequence++;
	put(u, (struct vtd_entry){ VTD_IQ_WAIT | VTD_IQ_WAIT_SW |
					   (uint64_t)u->sequence << VTD_IQ_WAIT_DATA_SHIFT,
				   arch_mem_hpa(u->status).v });
}

/* Hardware writes the status after everything before the wait descriptor is done. */
static enum err wait_for_status(const struct vtd_unit *u)
{
	const uint64_t deadline_tsc = vtd_deadline_tsc();

	while (__atomic_load_n(u->status, __ATOMIC_ACQUIRE) != u->sequence) {
		if (vtd_unit_read(u, VTD_FSTS, 4) & VTD_FSTS_QUEUE)
			return ERR_TIMEOUT;
		if (arch_clock_now_tsc() > deadline_tsc)
			return ERR_TIMEOUT;
		arch_mp_relax();
	}
	return vtd_unit_read(u, VTD_FSTS, 4) & VTD_FSTS_QUEUE ? ERR_TIMEOUT : OK;
}

static enum err submit(struct vtd_unit *u, struct vtd_entry descriptor)
{
	enum err e = OK;

	/* A queue that could not be started again after an error is tried once more. */
	if (!(vtd_unit_read(u, VTD_GSTS, 4) & VTD_G_QIE))
		e = vtd_queue_start(u);
	if (e != OK)
		return e;
	put(u, descriptor);
	put_wait(u);
	__atomic_thread_fence(__ATOMIC_SEQ_CST); /* descriptors before the tail that shows them */
	vtd_unit_write(u, VTD_IQT, 8, (uint64_t)u->queue_tail << VTD_IQ_SHIFT);
	e = wait_for_status(u);
	if (e != OK && vtd_queue_start(u) != OK)
		return ERR_TIMEOUT; /* it is off: the next submission begins with turning it on */
	return e;
}

/* ---- Registers: "Register-based Invalidation Interface" ---- */

static enum err command_contexts(const struct vtd_unit *u, uint64_t command)
{
	enum err e;

	vtd_unit_write(u, VTD_CCMD, 8, command | VTD_CCMD_ICC);
	e = vtd_unit_wait(u, VTD_CCMD, 8, VTD_CCMD_ICC, 0);
	if (e == OK && VTD_CCMD_CAIG(vtd_unit_read(u, VTD_CCMD, 8)) == 0)
		e = ERR_TIMEOUT;
	return e;
}

static enum err command_translations(const struct vtd_unit *u, uint64_t command)
{
	const uint32_t reg = VTD_ECAP_IRO(u->ecap) + VTD_IOTLB;
	enum err e;

	if (u->cap & VTD_CAP_DRD)
		command |= VTD_IOTLB_DR;
	if (u->cap & VTD_CAP_DWD)
		command |= VTD_IOTLB_DW;
	vtd_unit_write(u, reg, 8, command | VTD_IOTLB_IVT);
	e = vtd_unit_wait(u, reg, 8, VTD_IOTLB_IVT, 0);
	if (e == OK && VTD_IOTLB_IAIG(vtd_unit_read(u, reg, 8)) == 0)
		e = ERR_TIMEOUT;
	return e;
}

/* ---- Either ---- */

static uint64_t drain_bits(const struct vtd_unit *u)
{
	return (u->cap & VTD_CAP_DRD ? VTD_IQ_IOTLB_DR : 0) |
	       (u->cap & VTD_CAP_DWD ? VTD_IQ_IOTLB_DW : 0);
}

enum err vtd_invalidate_contexts(struct vtd_unit *u)
{
	if (!has_queue(u))
		return command_contexts(u, VTD_CCMD_GLOBAL);
	return submit(u, (struct vtd_entry){ VTD_IQ_CONTEXT | VTD_IQ_GLOBAL, 0 });
}

enum err vtd_invalidate_context(struct vtd_unit *u, uint16_t requester, uint16_t did)
{
	if (!has_queue(u))
		return command_contexts(u, VTD_CCMD_DEVICE |
						   (uint64_t)requester << VTD_CCMD_SID_SHIFT | did);
	return submit(u,
		      (struct vtd_entry){ VTD_IQ_CONTEXT | VTD_IQ_DEVICE |
						  (uint64_t)did << VTD_IQ_DID_SHIFT |
						  (uint64_t)requester << VTD_IQ_CONTEXT_SID_SHIFT,
					  0 });
}

enum err vtd_invalidate_translations(struct vtd_unit *u)
{
	if (!has_queue(u))
		return command_translations(u, VTD_IOTLB_GLOBAL);
	return submit(u, (struct vtd_entry){ VTD_IQ_IOTLB | VTD_IQ_GLOBAL | drain_bits(u), 0 });
}

enum err vtd_invalidate_domain(struct vtd_unit *u, uint16_t did)
{
	if (!has_queue(u))
		return command_translations(u, VTD_IOTLB_DOMAIN | (uint64_t)did
									  << VTD_IOTLB_DID_SHIFT);
	return submit(u, (struct vtd_entry){ VTD_IQ_IOTLB | VTD_IQ_DOMAIN | drain_bits(u) |
						     (uint64_t)did << VTD_IQ_DID_SHIFT,
					     0 });
}

enum err vtd_invalidate_interrupts(struct vtd_unit *u)
{
	ASSERT(u->can_remap);
	return submit(u, (struct vtd_entry){ VTD_IQ_INTERRUPT, 0 });
}

enum err vtd_invalidate_interrupt(struct vtd_unit *u, uint32_t index)
{
	ASSERT(u->can_remap && index < VTD_IRT_ENTRIES);
	return submit(u, (struct vtd_entry){ VTD_IQ_INTERRUPT | VTD_IQ_INTERRUPT_INDEX |
						     (uint64_t)index << VTD_IQ_INTERRUPT_IIDX_SHIFT,
					     0 });
}

/* SPDX-License-Identifier: Apache-2.0 */
/* What a write to a register sets in motion: "Register Descriptions". */
#include "tests/model/vtd_state.h"

/* ---- "Global Command Register" ---- */

static bool is_on(const struct vtdm *m, uint32_t bit)
{
	return m->word[R_GSTS / 4] & bit;
}

static bool any_invalidation(const struct vtdm *m)
{
	return m->busy[C_CONTEXT] || m->busy[C_IOTLB];
}

/* Bits that this unit has nothing behind; a write-buffer flush that none needs does no harm. */
static uint32_t absent_commands(const struct vtdm_caps *c)
{
	uint32_t absent = 0x007fffff | BIT32(29) | BIT32(28);

	absent |= c->queue ? 0 : G_QIE;
	absent |= c->interrupts ? 0 : G_IRE | G_SIRTP | G_CFI;
	return absent;
}

static void check_enables(struct vtdm *m, uint32_t on)
{
	if ((on & G_TE) && !m->root_set)
		vtdm_complain(m, "TE without SRTP before");
	if ((on & G_TE) && m->root_set && !m->iotlb_clean)
		vtdm_complain(m, "TE before contexts, then the IOTLB, were invalidated globally");
	if ((on & G_IRE) && !m->irt_set)
		vtdm_complain(m, "IRE without SIRTP before");
	if ((on & G_IRE) && m->irt_set && !m->entries_clean)
		vtdm_complain(m, "IRE before interrupt entries were invalidated globally");
	if ((on & G_QIE) && reg64(m, R_IQT))
		vtdm_complain(m, "QIE with a tail that is not 0");
	if ((on & G_QIE) && any_invalidation(m))
		vtdm_complain(m, "QIE while an invalidation by register is pending");
}

static void global_command(struct vtdm *m, uint32_t value)
{
	const uint32_t changed = (value ^ m->word[R_GSTS / 4]) & G_STICKY;
	const uint32_t once = value & G_ONCE;

	if (m->busy[C_GLOBAL]) {
		vtdm_complain(m, "GCMD written before the last command was done");
		return;
	}
	if (value & absent_commands(&m->caps))
		vtdm_complain(m, "GCMD: reserved, or not supported");
	if (__builtin_popcount(changed) + __builtin_popcount(once) > 1)
		vtdm_complain(m, "GCMD: several fields modified by one write");
	check_enables(m, changed & value);
	if ((changed & ~value & G_QIE) && reg64(m, R_IQH) != reg64(m, R_IQT))
		vtdm_complain(m, "QIE cleared while the queue is not empty");
	m->command = value & ~absent_commands(&m->caps);
	if (once & G_WBF)
		m->word[R_GSTS / 4] |= m->caps.write_buffer ? G_WBF : 0;
	m->word[R_GSTS / 4] &= ~(once & (G_SRTP | G_SIRTP));
	if (changed | once)
		vtdm_start(m, C_GLOBAL);
}

static void set_root(struct vtdm *m)
{
	const uint64_t rtaddr = reg64(m, R_RTADDR);

	if (rtaddr & 0xfff)
		vtdm_complain(m, "SRTP: the root table's mode is not legacy");
	m->root = rtaddr & span(m->caps.host_bits - 1, 12);
	m->root_set = true;
	m->context_clean = m->iotlb_clean = m->caps.root_invalidates;
	if (!m->caps.root_invalidates)
		return;
	vtdm_cache_free(&m->contexts);
	vtdm_forget_translations(m);
}

static void set_interrupt_table(struct vtdm *m)
{
	const uint64_t irta = reg64(m, R_IRTA);

	m->irt = irta & span(m->caps.host_bits - 1, 12);
	m->irt_entries = 2u << field(irta, 3, 0);
	m->is_extended = m->caps.extended && (irta & BIT64(11));
	m->irt_set = true;
	m->entries_clean = m->caps.irt_invalidates;
	if (m->caps.irt_invalidates)
		vtdm_cache_free(&m->entries);
}

static void complete_global(struct vtdm *m)
{
	const uint32_t was = m->word[R_GSTS / 4], command = m->command;

	if (command & G_SRTP)
		set_root(m);
	if (command & G_SIRTP)
		set_interrupt_table(m);
	if (command & G_WBF) {
		vtdm_drain_write_buffer(m);
		m->counts.write_buffer++;
	}
	m->word[R_GSTS / 4] =
		(was & ~(G_STICKY | G_WBF)) | (command & G_STICKY) | (command & (G_SRTP | G_SIRTP));
	/* "Set Root Table Pointer": again before remapping is enabled again. */
	if (was & ~command & G_TE)
		m->root_set = false;
	if (was & ~command & G_IRE)
		m->irt_set = false;
	if ((was ^ command) & G_QIE)
		set_reg64(m, R_IQH, 0);
	if (~was & command & G_QIE)
		vtdm_start(m, C_QUEUE);
}

/* ---- Invalidation by registers ---- */

static void context_command(struct vtdm *m, uint32_t old)
{
	if (m->busy[C_CONTEXT]) {
		vtdm_complain(m, "CCMD written while ICC was set");
		return;
	}
	if (!(m->word[R_CCMD / 4 + 1] & BIT32(31)))
		return;
	if (any_invalidation(m))
		vtdm_complain(m, "CCMD: an IOTLB invalidation is pending");
	if (is_on(m, G_QIE)) {
		vtdm_complain(m, "CCMD while queued invalidation is enabled");
		m->word[R_CCMD / 4 + 1] = old & ~BIT32(31);
		return;
	}
	vtdm_start(m, C_CONTEXT);
}

static void complete_context(struct vtdm *m)
{
	const uint64_t ccmd = reg64(m, R_CCMD);
	const uint32_t granularity = (uint32_t)field(ccmd, 62, 61);

	if (granularity)
		vtdm_invalidate_contexts(m, granularity, vtdm_domain(m, ccmd & 0xffff),
					 (uint32_t)field(ccmd, 31, 16),
					 (uint32_t)field(ccmd, 33, 32));
	else
		vtdm_complain(m, "CCMD: granularity 00b");
	set_reg64(m, R_CCMD, (ccmd & ~(BIT64(63) | span(60, 59))) | (uint64_t)granularity << 59);
}

void vtdm_iotlb_written(struct vtdm *m)
{
	if (!(m->iotlb & BIT64(63)))
		return;
	if (any_invalidation(m))
		vtdm_complain(m, "IOTLB: a context-cache invalidation is pending");
	if (is_on(m, G_QIE)) {
		vtdm_complain(m, "IOTLB while queued invalidation is enabled");
		m->iotlb &= ~BIT64(63);
		return;
	}
	vtdm_start(m, C_IOTLB);
}

static void complete_iotlb(struct vtdm *m)
{
	uint64_t granularity = field(m->iotlb, 61, 60);

	if (granularity == 3 && field(m->iva, 5, 0) > m->caps.max_address_mask &&
	    m->caps.page_selective)
		granularity = 0;
	if (!granularity)
		vtdm_complain(m, "IOTLB: granularity 00b, or an address mask beyond CAP.MAMV");
	else
		vtdm_invalidate_translations(m, (uint32_t)granularity,
					     vtdm_domain(m, field(m->iotlb, 47, 32)), m->iva);
	m->counts.iotlb_drain_write += granularity && (m->iotlb & BIT64(48));
	m->counts.iotlb_drain_read += granularity && (m->iotlb & BIT64(49));
	if (granularity == 3 && !m->caps.page_selective)
		granularity = 2;
	m->iotlb = (m->iotlb & ~(BIT64(63) | span(58, 57))) | granularity << 57;
}

/* ---- The queue, regions, faults ---- */

static void tail_written(struct vtdm *m)
{
	if (is_on(m, G_QIE))
		vtdm_start(m, C_QUEUE);
	else if (reg64(m, R_IQT))
		vtdm_complain(m, "IQT written while queued invalidation is disabled");
}

static void complete_region(struct vtdm *m)
{
	m->word[R_PMEN / 4] = (m->word[R_PMEN / 4] & ~1u) | m->word[R_PMEN / 4] >> 31;
}

void vtdm_complete(struct vtdm *m, enum vtdm_command command)
{
	static void (*const complete[C_COUNT])(struct vtdm *) = {
		[C_GLOBAL] = complete_global, [C_CONTEXT] = complete_context,
		[C_IOTLB] = complete_iotlb,   [C_QUEUE] = vtdm_queue_run,
		[C_REGION] = complete_region,
	};

	m->busy[command] = false;
	complete[command](m);
}

static void fault_status_written(struct vtdm *m, uint32_t value, uint32_t old)
{
	m->word[R_FSTS / 4] = old & ~(value & FSTS_W1C);
	vtdm_fault_serviced(m);
	/* An error stops the queue until software has cleared it. */
	if ((old & value & FSTS_IQE) && is_on(m, G_QIE))
		vtdm_start(m, C_QUEUE);
}

static void completion_status_written(struct vtdm *m, uint32_t value, uint32_t old)
{
	m->word[R_ICS / 4] = old & ~(value & 1);
	if (!m->word[R_ICS / 4])
		m->word[R_IECTL / 4] &= ~EVENT_PENDING;
}

void vtdm_register_written(struct vtdm *m, uint32_t reg, uint32_t old)
{
	const uint32_t value = m->word[reg / 4];

	switch (reg) {
	case R_GCMD:
		global_command(m, value);
		break;
	case R_CCMD + 4:
		context_command(m, old);
		break;
	case R_FSTS:
		fault_status_written(m, value, old);
		break;
	case R_ICS:
		completion_status_written(m, value, old);
		break;
	case R_FECTL:
	case R_IECTL:
		vtdm_event_deliver(m, reg);
		break;
	case R_PMEN:
		vtdm_start(m, C_REGION);
		break;
	case R_IQT:
		tail_written(m);
		break;
	case R_IQA:
	case R_IQA + 4:
		if (is_on(m, G_QIE))
			vtdm_complain(m, "IQA written while queued invalidation is enabled");
		break;
	default:
		break;
	}
}

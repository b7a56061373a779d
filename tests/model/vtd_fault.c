/* SPDX-License-Identifier: Apache-2.0 */
/*
 * "Fault Reporting": primary fault logging, the fault event and the completion event.
 * Advanced fault logging is not modelled: CAP.AFL is 0.
 */
#include "tests/model/vtd_state.h"

#define RECORD_F BIT64(63)

static bool any_record(const struct vtdm *m)
{
	for (uint32_t i = 0; i < m->caps.fault_records; i++) {
		if (m->record[i].hi & RECORD_F)
			return true;
	}
	return false;
}

uint32_t vtdm_fault_status(const struct vtdm *m)
{
	return m->word[R_FSTS / 4] | (any_record(m) ? FSTS_PPF : 0);
}

static bool any_status(const struct vtdm *m)
{
	return vtdm_fault_status(m) & (FSTS_W1C | FSTS_PPF);
}

void vtdm_event_deliver(struct vtdm *m, uint32_t control)
{
	uint32_t *const w = &m->word[control / 4];

	if ((w[0] & EVENT_MASK) || !(w[0] & EVENT_PENDING))
		return;
	w[0] &= ~EVENT_PENDING;
	/* Data, address and upper address follow FECTL and IECTL. */
	if (m->platform.message)
		m->platform.message(m->platform.context, w[2] | (uint64_t)w[3] << 32, w[1]);
}

static void raise_event(struct vtdm *m, uint32_t control)
{
	m->word[control / 4] |= EVENT_PENDING;
	vtdm_event_deliver(m, control);
}

/* "Fault Event Control Register", IP: not a new condition while a status field is set. */
void vtdm_fault_event(struct vtdm *m, uint32_t status)
{
	const bool is_new = !any_status(m);

	m->word[R_FSTS / 4] |= status;
	if (is_new)
		raise_event(m, R_FECTL);
}

void vtdm_fault_serviced(struct vtdm *m)
{
	if (!any_status(m))
		m->word[R_FECTL / 4] &= ~EVENT_PENDING;
}

void vtdm_completion_event(struct vtdm *m)
{
	if (m->word[R_ICS / 4] & 1)
		return;
	m->word[R_ICS / 4] |= 1;
	raise_event(m, R_IECTL);
}

static void record(struct vtdm *m, const struct vtdm_report *r)
{
	const uint32_t at = m->record_next;
	const bool is_new = !any_status(m);
	uint64_t hi = RECORD_F | (uint64_t)r->reason << 32 | r->source;

	if (!r->is_interrupt) {
		hi |= (uint64_t)r->is_read << 62;
		hi |= m->caps.device_tlb && r->is_translated ? 2ull << 60 : 0;
	}
	if (!any_record(m))
		m->word[R_FSTS / 4] = (m->word[R_FSTS / 4] & 0xff) | at << 8;
	m->record[at].lo = r->info;
	m->record[at].hi = hi;
	m->record_next = (at + 1) % m->caps.fault_records;
	if (is_new)
		raise_event(m, R_FECTL);
}

void vtdm_report(struct vtdm *m, const struct vtdm_report *r)
{
	m->counts.faults++;
	m->counts.faults_unrecorded++;
	if (r->is_disabled || (m->word[R_FSTS / 4] & FSTS_PFO))
		return;
	if (m->record[m->record_next].hi & RECORD_F) {
		vtdm_fault_event(m, FSTS_PFO);
		return;
	}
	m->counts.faults_unrecorded--;
	record(m, r);
}

/* `offset` from the first record, a multiple of 4. */
uint32_t vtdm_record_read(const struct vtdm *m, uint32_t offset)
{
	const uint64_t half = offset & 8 ? m->record[offset / 16].hi : m->record[offset / 16].lo;

	return (uint32_t)(offset & 4 ? half >> 32 : half);
}

void vtdm_record_write(struct vtdm *m, uint32_t offset, uint32_t value)
{
	if (offset % 16 != 12 || !(value & BIT32(31)))
		return;
	m->record[offset / 16].hi &= ~RECORD_F;
	vtdm_fault_serviced(m);
}

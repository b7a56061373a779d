/* SPDX-License-Identifier: Apache-2.0 */
/* "Queued Invalidation Interface": the descriptors, and what is an error in them. */
#include <string.h>
#include "tests/model/vtd_state.h"

/* "Invalidation Queue Error Record Register", IQEI */
enum iq_error {
	IQ_OK = 0,
	IQ_TAIL = 1,
	IQ_FETCH = 2,
	IQ_TYPE = 3,
	IQ_RESERVED = 4,
};

static enum iq_error context_cache(struct vtdm *m, const uint64_t d[2])
{
	const uint32_t granularity = (uint32_t)field(d[0], 5, 4);

	if ((d[0] & (span(8, 6) | span(15, 12) | span(63, 50))) || d[1] || !granularity)
		return IQ_RESERVED;
	vtdm_invalidate_contexts(m, granularity, vtdm_domain(m, field(d[0], 31, 16)),
				 (uint32_t)field(d[0], 47, 32), (uint32_t)field(d[0], 49, 48));
	return IQ_OK;
}

static enum iq_error iotlb(struct vtdm *m, const uint64_t d[2])
{
	const uint32_t granularity = (uint32_t)field(d[0], 5, 4);

	if ((d[0] & (BIT64(8) | span(15, 12) | span(63, 32))) || (d[1] & span(11, 7)) ||
	    !granularity)
		return IQ_RESERVED;
	if (granularity == 3 && field(d[1], 5, 0) > m->caps.max_address_mask)
		return IQ_RESERVED;
	m->counts.iotlb_drain_write += !!(d[0] & BIT64(6));
	m->counts.iotlb_drain_read += !!(d[0] & BIT64(7));
	vtdm_invalidate_translations(m, granularity, vtdm_domain(m, field(d[0], 31, 16)), d[1]);
	return IQ_OK;
}

static enum iq_error device_tlb(struct vtdm *m, const uint64_t d[2])
{
	if (!m->caps.device_tlb)
		return IQ_TYPE;
	if ((d[0] & (span(8, 4) | span(15, 12) | span(31, 21) | span(63, 48))) ||
	    (d[1] & span(11, 1)))
		return IQ_RESERVED;
	m->counts.device_tlb++;
	return IQ_OK;
}

static enum iq_error interrupt_entry_cache(struct vtdm *m, const uint64_t d[2])
{
	const uint32_t mask = (uint32_t)field(d[0], 31, 27);
	const bool is_selective = d[0] & BIT64(4);

	if (!m->caps.interrupts)
		return IQ_TYPE;
	if ((d[0] & (span(8, 5) | span(26, 12) | span(63, 48))) || d[1])
		return IQ_RESERVED;
	if (is_selective && mask > m->caps.max_handle_mask)
		return IQ_RESERVED;
	vtdm_invalidate_entries(m, !is_selective, (uint32_t)field(d[0], 47, 32), mask);
	return IQ_OK;
}

static enum iq_error wait(struct vtdm *m, const uint64_t d[2])
{
	const uint32_t status = (uint32_t)(d[0] >> 32);
	uint32_t *at;

	if ((d[0] & (span(8, 7) | span(31, 12))) || (d[1] & span(1, 0)))
		return IQ_RESERVED;
	m->counts.wait++;
	if (d[0] & BIT64(5)) {
		at = vtdm_memory(m, d[1], sizeof(*at));
		if (at)
			__atomic_store_n(at, status, __ATOMIC_SEQ_CST);
		else
			vtdm_complain(m, "wait descriptor: status address without memory");
	}
	if (d[0] & BIT64(4))
		vtdm_completion_event(m);
	return IQ_OK;
}

static enum iq_error serve(struct vtdm *m, const uint64_t d[2])
{
	switch (field(d[0], 3, 0) | field(d[0], 11, 9) << 4) {
	case 1:
		return context_cache(m, d);
	case 2:
		return iotlb(m, d);
	case 3:
		return device_tlb(m, d);
	case 4:
		return interrupt_entry_cache(m, d);
	case 5:
		return wait(m, d);
	default:
		return IQ_TYPE;
	}
}

static enum iq_error serve_head(struct vtdm *m, uint64_t base, uint64_t head)
{
	const uint64_t *const at = vtdm_memory(m, base + head, 16);
	uint64_t d[2];

	if (!at)
		return IQ_FETCH;
	memcpy(d, at, sizeof(d));
	return serve(m, d);
}

/* Until the tail, or the first error: the head then stays at the descriptor that is wrong. */
void vtdm_queue_run(struct vtdm *m)
{
	const uint64_t iqa = reg64(m, R_IQA), tail = reg64(m, R_IQT);
	const uint64_t bytes = 4096ull << field(iqa, 2, 0);
	enum iq_error error = tail >= bytes ? IQ_TAIL : IQ_OK;

	while (!error && !(m->word[R_FSTS / 4] & FSTS_IQE) && reg64(m, R_IQH) != tail) {
		error = serve_head(m, iqa & span(63, 12), reg64(m, R_IQH));
		if (!error)
			set_reg64(m, R_IQH, (reg64(m, R_IQH) + 16) % bytes);
	}
	if (error) {
		m->word[R_IQERCD / 4] = error;
		vtdm_fault_event(m, FSTS_IQE);
	}
}

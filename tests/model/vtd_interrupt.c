/* SPDX-License-Identifier: Apache-2.0 */
/*
 * "Interrupt Remapping" and "Interrupt Posting": request formats, table entries, source
 * validation, and what hardware does to a posted-interrupt descriptor.
 */
#include "tests/model/vtd_state.h"

#define IRTE_P   BIT64(0)
#define IRTE_FPD BIT64(1)
#define IRTE_IM  BIT64(15) /* posted format */

struct message {
	uint16_t source;
	uint32_t index;
	uint64_t entry[2];
};

/* The descriptor, as the figure in "Posted Interrupt Descriptor" has it. */
struct descriptor {
	uint64_t requests[4];
	uint64_t control; /* 0 ON, 1 SN, 23:16 NV, 63:32 NDST */
	uint64_t reserved[3];
};

static struct vtdm_interrupt blocked(struct vtdm *m, const struct message *q, enum vtdm_fault fault)
{
	/* Qualified by FPD are the conditions that are found in an entry or behind it. */
	const bool is_qualified = fault == VTDM_IR_NOT_PRESENT || fault == VTDM_IR_RESERVED ||
				  fault == VTDM_IR_SOURCE || fault == VTDM_IR_DESCRIPTOR_ACCESS ||
				  fault == VTDM_IR_DESCRIPTOR_RESERVED;
	const bool has_index = fault != VTDM_IR_REQUEST_RESERVED && fault != VTDM_IR_COMPATIBILITY;

	vtdm_report(m, &(struct vtdm_report){ .source = q->source,
					      .reason = fault,
					      .info = has_index ? (uint64_t)q->index << 48 : 0,
					      .is_interrupt = true,
					      .is_disabled =
						      is_qualified && (q->entry[0] & IRTE_FPD) });
	return (struct vtdm_interrupt){ .delivery = VTDM_BLOCKED, .fault = fault };
}

/* SDM Vol. 3A, "Message Address Register Format" and "Message Data Register Format". */
static struct vtdm_interrupt as_written(uint64_t address, uint32_t data)
{
	return (struct vtdm_interrupt){
		.delivery = VTDM_PASSED,
		.destination = (uint32_t)field(address, 19, 12),
		.vector = (uint8_t)data,
		.mode = (uint8_t)field(data, 10, 8),
		.is_logical = address & 4,
		.is_redirectable = address & 8,
		.is_level = data & BIT32(15),
	};
}

/* ---- Table entries ---- */

static uint64_t reserved_of_low(const struct vtdm *m, uint64_t low)
{
	if (low & IRTE_IM)
		return span(7, 2) | span(13, 12) | span(37, 24);
	/* "xAPIC mode": the destination is in 15:8 of DST, the rest of it reserved. */
	return span(14, 12) | span(31, 24) | (m->is_extended ? 0 : span(39, 32) | span(63, 48));
}

static bool is_mode_reserved(uint64_t low)
{
	const uint64_t mode = field(low, 7, 5);

	return !(low & IRTE_IM) && (mode == 3 || mode == 6);
}

/* "Source Validation": SVT, SQ and SID of the entry against the request. */
static bool is_source_valid(const struct message *q)
{
	static const uint16_t compared[4] = { 0xffff, 0xfffb, 0xfff9, 0xfff8 };
	const uint64_t high = q->entry[1];
	const uint32_t bus = q->source >> 8;

	switch (field(high, 19, 18)) {
	case 0:
		return true;
	case 1:
		return !((q->source ^ high) & compared[field(high, 17, 16)]);
	case 2:
		return bus >= field(high, 15, 8) && bus <= field(high, 7, 0);
	default:
		return false;
	}
}

static enum vtdm_fault check_entry(const struct vtdm *m, const struct message *q)
{
	const uint64_t low = q->entry[0];
	const uint64_t reserved = low & IRTE_IM ? span(31, 20) : span(63, 20);

	if (!(low & IRTE_P))
		return VTDM_IR_NOT_PRESENT;
	if ((low & IRTE_IM) && !m->caps.posting)
		return VTDM_IR_RESERVED;
	if ((low & reserved_of_low(m, low)) || (q->entry[1] & reserved) || is_mode_reserved(low))
		return VTDM_IR_RESERVED;
	return is_source_valid(q) ? VTDM_OK : VTDM_IR_SOURCE;
}

/* Fills q->entry. Source validation is per request: an entry that fails it is kept all the same. */
static enum vtdm_fault fetch_entry(struct vtdm *m, struct message *q)
{
	struct vtdm_line *line = vtdm_cache_find(&m->entries, q->index, 0);
	enum vtdm_fault fault;

	if (line) {
		q->entry[0] = line->word[0];
		q->entry[1] = line->word[1];
		return check_entry(m, q);
	}
	if (!vtdm_table_read(m, m->irt + 16ull * q->index, q->entry, sizeof(q->entry)))
		return VTDM_IR_ACCESS;
	fault = check_entry(m, q);
	if (m->caps.caching_mode || !fault || fault == VTDM_IR_SOURCE) {
		line = vtdm_cache_put(&m->entries, q->index, 0);
		line->word[0] = q->entry[0];
		line->word[1] = q->entry[1];
	}
	return fault;
}

/* ---- Delivery ---- */

static struct vtdm_interrupt remapped(const struct vtdm *m, uint64_t low)
{
	return (struct vtdm_interrupt){
		.delivery = VTDM_REMAPPED,
		.destination = (uint32_t)(m->is_extended ? low >> 32 : field(low, 47, 40)),
		.vector = (uint8_t)field(low, 23, 16),
		.mode = (uint8_t)field(low, 7, 5),
		.is_logical = low & BIT64(2),
		.is_redirectable = low & BIT64(3),
		.is_level = low & BIT64(4),
	};
}

static bool is_descriptor_reserved(const struct vtdm *m, const struct descriptor *d)
{
	const uint64_t control = __atomic_load_n(&d->control, __ATOMIC_SEQ_CST);
	const uint64_t reserved =
		span(15, 2) | span(31, 24) | (m->is_extended ? 0 : span(39, 32) | span(63, 48));

	return (control & reserved) || d->reserved[0] || d->reserved[1] || d->reserved[2];
}

/*
 * "Interrupt-Posting Hardware Operation": the bit of the vector; then, if no notification is
 * outstanding, and none is suppressed or the entry is urgent, ON - and the notification follows.
 */
static struct vtdm_interrupt posted(struct vtdm *m, const struct message *q)
{
	const uint64_t low = q->entry[0], vector = field(low, 23, 16);
	const uint64_t at = (q->entry[1] & span(63, 32)) | (field(low, 63, 38) << 6);
	struct descriptor *const d = vtdm_memory(m, at, sizeof(*d));
	struct vtdm_interrupt i = { .delivery = VTDM_POSTED, .descriptor = at };
	uint64_t old, new;

	if (!d)
		return blocked(m, q, VTDM_IR_DESCRIPTOR_ACCESS);
	if (is_descriptor_reserved(m, d))
		return blocked(m, q, VTDM_IR_DESCRIPTOR_RESERVED);
	__atomic_fetch_or(&d->requests[vector / 64], BIT64(vector % 64), __ATOMIC_SEQ_CST);
	old = __atomic_load_n(&d->control, __ATOMIC_SEQ_CST);
	do {
		i.notified = !(old & 1) && (!(old & 2) || (low & BIT64(14)));
		new = old | i.notified;
	} while (!__atomic_compare_exchange_n(&d->control, &old, new, false, __ATOMIC_SEQ_CST,
					      __ATOMIC_SEQ_CST));
	i.vector = (uint8_t)field(old, 23, 16);
	i.destination = (uint32_t)(m->is_extended ? old >> 32 : field(old, 47, 40));
	return i;
}

static struct vtdm_interrupt remappable(struct vtdm *m, struct message *q, uint64_t address,
					uint32_t data)
{
	const bool has_subhandle = address & 8;
	enum vtdm_fault fault;

	/* Without a subhandle the data is ignored. */
	if (has_subhandle && data >> 16)
		return blocked(m, q, VTDM_IR_REQUEST_RESERVED);
	q->index = (uint32_t)(field(address, 19, 5) | field(address, 2, 2) << 15);
	q->index += has_subhandle ? data : 0;
	if (q->index >= m->irt_entries)
		return blocked(m, q, VTDM_IR_INDEX);
	fault = fetch_entry(m, q);
	if (fault)
		return blocked(m, q, fault);
	return q->entry[0] & IRTE_IM ? posted(m, q) : remapped(m, q->entry[0]);
}

struct vtdm_interrupt vtdm_interrupt(struct vtdm *m, uint16_t requester, uint64_t address,
				     uint32_t data)
{
	struct message q = { .source = requester };

	ASSERT(in_interrupt_range(address));
	if (!(m->word[R_GSTS / 4] & G_IRE))
		return as_written(address, data);
	if (address & 0x10)
		return remappable(m, &q, address, data);
	if (m->is_extended || !(m->word[R_GSTS / 4] & G_CFI))
		return blocked(m, &q, VTDM_IR_COMPATIBILITY);
	return as_written(address, data);
}

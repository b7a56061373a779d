/* SPDX-License-Identifier: Apache-2.0 */
#include "arch/x86/vtd/fault.h"

static uint32_t record_at(const struct vtd_unit *u, uint32_t index)
{
	return VTD_CAP_FRO(u->cap) + index * VTD_FRCD_BYTES;
}

static bool is_recorded(const struct vtd_unit *u, uint32_t index)
{
	return vtd_unit_read(u, record_at(u, index) + VTD_FRCD_TOP, 4) & VTD_FRCD_F;
}

static void release(const struct vtd_unit *u, uint32_t index)
{
	vtd_unit_write(u, record_at(u, index) + VTD_FRCD_TOP, 4, VTD_FRCD_F);
}

/* An atomic operation (T1 and T2) needs the right to write, too. */
static void read_record(const struct vtd_unit *u, uint32_t index, struct vtd_fault_record *f)
{
	const uint64_t lo = vtd_unit_read(u, record_at(u, index), 8);
	const uint64_t hi = vtd_unit_read(u, record_at(u, index) + VTD_FRCD_HIGH, 8);

	*f = (struct vtd_fault_record){ .requester = VTD_FRCD_HI_SID(hi),
					.reason = VTD_FRCD_HI_FR(hi) };
	f->is_interrupt =
		f->reason >= VTD_REASON_INTERRUPT && f->reason <= VTD_REASON_INTERRUPT_LAST;
	f->is_write = !(hi & VTD_FRCD_HI_T1) || (hi & VTD_FRCD_HI_T2);
	f->address = f->is_interrupt ? lo >> VTD_FRCD_INDEX_SHIFT : align_down(lo, PAGE_BYTES);
}

/* Every record that there is has been read: recording goes on only now. */
static void end_overflow(const struct vtd_unit *u, uint32_t *lost)
{
	vtd_unit_write(u, VTD_FSTS, 4, VTD_FSTS_PFO);
	(*lost)++;
}

bool vtd_fault_take(struct vtd_unit *u, struct vtd_fault_record *f, uint32_t *lost)
{
	const uint32_t status = (uint32_t)vtd_unit_read(u, VTD_FSTS, 4);
	const uint32_t count = VTD_CAP_NFR(u->cap);
	const uint32_t first = VTD_FSTS_FRI(status);

	if (!(status & (VTD_FSTS_PFO | VTD_FSTS_PPF)))
		return false;
	for (uint32_t i = 0; (status & VTD_FSTS_PPF) && i < count; i++) {
		const uint32_t index = (first + i) % count;

		if (!is_recorded(u, index))
			continue;
		read_record(u, index, f);
		release(u, index);
		return true;
	}
	if (status & VTD_FSTS_PFO)
		end_overflow(u, lost);
	return false;
}

void vtd_fault_forget(struct vtd_unit *u)
{
	for (uint32_t i = 0; i < VTD_CAP_NFR(u->cap); i++)
		release(u, i);
	vtd_unit_write(u, VTD_FSTS, 4, VTD_FSTS_PFO);
}

static const char *const dma_texts[] = {
	[0x01] = "its bus has no device with memory",
	[0x02] = "it has no memory: not attached",
	[0x03] = "invalid context entry",
	[0x04] = "beyond the address width",
	[0x05] = "no right to write there",
	[0x06] = "no right to read there",
	[0x07] = "page table cannot be read",
	[0x08] = "root table cannot be read",
	[0x09] = "context table cannot be read",
	[0x0a] = "reserved bit in root entry",
	[0x0b] = "reserved bit in context entry",
	[0x0c] = "reserved bit in page table",
	[0x0d] = "translated or translation request",
	[0x0e] = "would reach the interrupt range",
};

static const char *const interrupt_texts[] = {
	"reserved bit in interrupt request",
	"interrupt index beyond the table",
	"no such interrupt",
	"interrupt table cannot be read",
	"reserved bit in interrupt entry",
	"interrupt not in remappable format",
	"another device's interrupt",
	"posted-interrupt descriptor cannot be reached",
	"reserved bit in posted-interrupt descriptor",
};
_Static_assert(ARRAY_SIZE(interrupt_texts) == VTD_REASON_INTERRUPT_LAST - VTD_REASON_INTERRUPT + 1,
	       "a text for each reason");

const char *vtd_fault_text(uint8_t reason)
{
	const char *text = NULL;

	if (reason < ARRAY_SIZE(dma_texts))
		text = dma_texts[reason];
	else if (reason >= VTD_REASON_INTERRUPT && reason <= VTD_REASON_INTERRUPT_LAST)
		text = interrupt_texts[reason - VTD_REASON_INTERRUPT];
	return text ? text : "reason unknown";
}

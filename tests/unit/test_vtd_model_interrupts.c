/* SPDX-License-Identifier: Apache-2.0 */
/* The VT-d model's interrupt remapping and posting, and how it records faults. */
#include "tests/test.h"
#include "tests/unit/vtd_rig.h"

/* Remappable format: bit 4; handle 14:0 in 19:5, handle 15 in 2; SHV 3. */
static uint64_t address_of(uint32_t handle)
{
	return 0xfee00010 | (handle & 0x7fff) << 5 | (handle >> 15) << 2;
}

static struct vtdm_interrupt message(uint32_t handle)
{
	return vtdm_interrupt(unit, DEVICE, address_of(handle), 0);
}

/* Entries 0 to 255; xAPIC or x2APIC destinations. */
static void enable_remapping(uint64_t eime)
{
	w64(0xb8, IRT | eime << 11 | 7);
	command(0x01000000);
	INVALIDATE_ENTRIES;
	command(0x02000000);
}

static void start(const struct vtdm_caps *caps, uint64_t eime)
{
	rig_start(caps);
	enable_remapping(eime);
}

static void entry(uint32_t index, uint64_t low, uint64_t high)
{
	put2(IRT + 16 * index, low, high);
	INVALIDATE_ENTRIES;
}

/* ---- Formats of requests ---- */

static void without_remapping_messages_pass_as_written(void)
{
	const struct vtdm_caps caps = vtdm_caps_full();
	struct vtdm_interrupt i;

	rig_start(&caps);
	i = vtdm_interrupt(unit, DEVICE, 0xfeeab00c, 0x8431);
	CHECK(i.delivery == VTDM_PASSED && i.destination == 0xab && i.vector == 0x31);
	CHECK(i.mode == 4 && i.is_level && i.is_logical && i.is_redirectable);
	i = vtdm_interrupt(unit, DEVICE, 0xfee01000, 0x0042);
	CHECK(i.delivery == VTDM_PASSED && i.destination == 1 && i.vector == 0x42);
	CHECK(i.mode == 0 && !i.is_level && !i.is_logical && !i.is_redirectable);
	rig_end();
}

static void compatibility_format_passes_only_where_it_is_enabled(void)
{
	const struct vtdm_caps caps = vtdm_caps_full();

	for (uint32_t eime = 0; eime < 2; eime++) {
		struct vtdm_interrupt i;

		start(&caps, eime);
		i = vtdm_interrupt(unit, DEVICE, 0xfee01000, 0x42);
		CHECK(i.delivery == VTDM_BLOCKED && i.fault == VTDM_IR_COMPATIBILITY);
		CHECK(r64(0x408) == 0x8000002500001234);
		command(0x00800000);
		i = vtdm_interrupt(unit, DEVICE, 0xfee01000, 0x42);
		CHECK(i.delivery == (eime ? VTDM_BLOCKED : VTDM_PASSED));
	}
	rig_end();
}

static void handle_and_subhandle_make_the_index(void)
{
	const struct vtdm_caps caps = vtdm_caps_full();
	struct vtdm_interrupt i;

	rig_start(&caps);
	for (uint32_t size = 0; size < 16; size++) {
		w64(0xb8, AT(256) | size);
		command(0x01000000);
		command(0x02000000);
		for (uint32_t bit = 0; bit <= 16; bit++) {
			const uint32_t index = BIT32(bit) - 1, entries = 2u << size;

			memset(ram + 0x100000, 0, 0x100000);
			put2(AT(256) + 16ull * index, 0x00410001, 0);
			INVALIDATE_ENTRIES;
			i = message(index);
			CHECK(index < entries ? i.vector == 0x41 : i.fault == VTDM_IR_INDEX);
			if (bit > 1) {
				i = vtdm_interrupt(unit, DEVICE, address_of(index - 2) | 8, 2);
				CHECK(index < entries ? i.vector == 0x41
						      : i.fault == VTDM_IR_INDEX);
			}
			/* Without SHV the data does not matter. */
			i = vtdm_interrupt(unit, DEVICE, address_of(index), UINT32_MAX);
			CHECK(index < entries ? i.vector == 0x41 : i.fault == VTDM_IR_INDEX);
		}
	}
	i = vtdm_interrupt(unit, DEVICE, address_of(0xffff) | 8, 1); /* no wrapping around */
	CHECK(i.fault == VTDM_IR_INDEX);
	for (uint32_t bit = 16; bit < 32; bit++) {
		i = vtdm_interrupt(unit, DEVICE, address_of(0) | 8, BIT32(bit));
		CHECK(i.fault == VTDM_IR_REQUEST_RESERVED);
	}
	CHECK(!vtdm_complaint(unit));
	rig_end();
}

/* ---- Entries ---- */

static void every_field_of_a_remapped_entry_arrives(void)
{
	const struct vtdm_caps caps = vtdm_caps_full();

	for (uint32_t eime = 0; eime < 2; eime++) {
		start(&caps, eime);
		for (uint32_t flags = 0; flags < 64; flags++) {
			const uint32_t mode = flags & 7;
			struct vtdm_interrupt i;

			entry(3,
			      0x0000120000670001 | (uint64_t)mode << 5 |
				      (uint64_t)(flags >> 3) << 2,
			      0);
			i = message(3);
			if (mode == 3 || mode == 6) {
				CHECK(i.fault == VTDM_IR_RESERVED);
				continue;
			}
			CHECK(i.delivery == VTDM_REMAPPED && i.vector == 0x67 && i.mode == mode);
			CHECK(i.destination == (eime ? 0x1200u : 0x12u));
			CHECK(i.is_logical == !!(flags & 8));
			CHECK(i.is_redirectable == !!(flags & 16));
			CHECK(i.is_level == !!(flags & 32));
		}
	}
	entry(3, 0xfedcba9800670001, 0);
	CHECK(message(3).destination == 0xfedcba98);
	rig_end();
}

static void every_bit_of_an_entry(void)
{
	/* Remapped: 14:12, 31:24, 127:84; xAPIC: 39:32, 63:48. Posted: 7:2, 13:12, 37:24, 95:84. */
	static const struct {
		uint64_t eime, low, high, bad_low, bad_high;
	} rows[] = {
		{ 0, 0x0000120000670001, 0, 0xffff00ffff007000, 0xfffffffffff00000 },
		{ 1, 0x0000120000670001, 0, 0x00000000ff007000, 0xfffffffffff00000 },
		{ 0, POSTED << 32 | 0x00678001, 0, 0x0000003fff0030fc, 0x00000000fff00000 },
		{ 1, POSTED << 32 | 0x00678001, 0, 0x0000003fff0030fc, 0x00000000fff00000 },
	};
	const struct vtdm_caps caps = vtdm_caps_full();

	for (uint32_t row = 0; row < ARRAY_SIZE(rows); row++) {
		start(&caps, rows[row].eime);
		for (uint32_t bit = 1; bit < 128; bit++) {
			const uint64_t low = bit < 64 ? BIT64(bit) : 0;
			const uint64_t high = bit < 64 ? 0 : BIT64(bit - 64);
			const bool is_bad =
				(rows[row].bad_low & low) || (rows[row].bad_high & high);
			enum vtdm_fault fault;

			if (bit == 15)
				continue;
			entry(3, rows[row].low ^ low, rows[row].high ^ high);
			fault = message(3).fault;
			/* Another descriptor may have no memory; SVT may refuse. */
			CHECK(is_bad ? fault == VTDM_IR_RESERVED : fault != VTDM_IR_RESERVED);
			if (!is_bad && bit < 32)
				CHECK(fault == VTDM_OK);
		}
		entry(3, rows[row].low & ~(uint64_t)1, UINT64_MAX);
		CHECK(message(3).fault == VTDM_IR_NOT_PRESENT);
	}
	w64(0xb8, NOWHERE | 7);
	command(0x01000000);
	CHECK(message(3).fault == VTDM_IR_ACCESS);
	rig_end();
}

static void posted_entries_need_the_capability(void)
{
	struct vtdm_caps caps = vtdm_caps_full();

	caps.posting = false;
	start(&caps, 0);
	entry(3, POSTED << 32 | 0x00678001, 0);
	CHECK(message(3).fault == VTDM_IR_RESERVED);
	rig_end();
}

static void every_requester_against_every_validation(void)
{
	static const uint16_t ignored[4] = { 0, 4, 6, 7 };
	const struct vtdm_caps caps = vtdm_caps_full();

	for (uint32_t svt = 0; svt < 4; svt++) {
		for (uint32_t sq = 0; sq < 4; sq++) {
			/* As a range: buses 12H to 34H. */
			start(&caps, 0);
			entry(3, 0x0000120000670001, svt << 18 | sq << 16 | DEVICE);
			for (uint32_t id = 0; id < 0x10000; id++) {
				const uint32_t bus = id >> 8;
				const bool is_valid =
					svt == 0 ||
					(svt == 1 &&
					 (id | ignored[sq]) == (DEVICE | ignored[sq])) ||
					(svt == 2 && bus >= 0x12 && bus <= 0x34);
				const struct vtdm_interrupt i =
					vtdm_interrupt(unit, (uint16_t)id, address_of(3), 0);

				CHECK(is_valid ? i.delivery == VTDM_REMAPPED
					       : i.fault == VTDM_IR_SOURCE);
			}
		}
	}
	rig_end();
}

static void entries_are_kept_until_invalidated(void)
{
	for (uint32_t mode = 0; mode < 2; mode++) {
		struct vtdm_caps caps = vtdm_caps_full();

		caps.caching_mode = mode;
		start(&caps, 0);
		CHECK(message(3).fault == VTDM_IR_NOT_PRESENT);
		put(IRT + 16 * 3, 0x00410001);
		CHECK(message(3).fault == (mode ? VTDM_IR_NOT_PRESENT : VTDM_OK));
		submit(0x0000000300000014, 0);
		CHECK(message(3).vector == 0x41);
		put(IRT + 16 * 3, 0);
		submit(0x0000000200000014, 0);
		CHECK(message(3).vector == 0x41);
		submit(0x0000000108000014, 0); /* 0 and 1 */
		CHECK(message(3).vector == 0x41);
		submit(0x0000000008000014, 0);
		CHECK(message(3).vector == 0x41);
		submit(0x0000000008000014 | 2ull << 32, 0); /* 2 and 3 */
		CHECK(message(3).fault == VTDM_IR_NOT_PRESENT);
	}
	rig_end();
}

/* ---- Posting ---- */

static void posting_follows_on_sn_and_urgent(void)
{
	const struct vtdm_caps caps = vtdm_caps_full();

	for (uint32_t flags = 0; flags < 16; flags++) {
		const uint64_t on = flags & 1, sn = flags >> 1 & 1, urgent = flags >> 2 & 1;
		const uint64_t eime = flags >> 3;
		const bool notifies = !on && (!sn || urgent);
		struct vtdm_interrupt i;

		start(&caps, eime);
		put(POSTED + 32, 0x0000340000f20000 | sn << 1 | on);
		put(POSTED + 16, 0x100);
		entry(3, POSTED << 32 | 0x00918001 | urgent << 14, 0);
		i = message(3);
		CHECK(i.delivery == VTDM_POSTED && i.descriptor == POSTED);
		CHECK(i.notified == notifies && i.vector == 0xf2);
		CHECK(i.destination == (eime ? 0x3400u : 0x34u));
		CHECK(get(POSTED + 16) == 0x20100 && get(POSTED) == 0 && get(POSTED + 24) == 0);
		CHECK(get(POSTED + 32) == (0x0000340000f20000 | sn << 1 | (on | notifies)));
		CHECK(!message(3).notified);
	}
	rig_end();
}

static void every_vector_has_its_bit(void)
{
	const struct vtdm_caps caps = vtdm_caps_full();

	start(&caps, 1);
	put(POSTED + 32, 0xfedcba9800f20000);
	for (uint32_t vector = 0; vector < 256; vector++) {
		struct vtdm_interrupt i;

		entry(3, POSTED << 32 | 0x8001 | vector << 16, 0);
		i = message(3);
		CHECK(i.delivery == VTDM_POSTED && i.destination == 0xfedcba98);
		CHECK(get(POSTED + vector / 64 * 8) == BIT64(vector % 64));
		memset(ram + (POSTED - RAM_AT), 0, 32);
	}
	rig_end();
}

static void every_bit_of_a_descriptor(void)
{
	const struct vtdm_caps caps = vtdm_caps_full();

	for (uint32_t eime = 0; eime < 2; eime++) {
		start(&caps, eime);
		entry(3, POSTED << 32 | 0x00918001, 0);
		for (uint32_t bit = 0; bit < 512; bit++) {
			const bool is_high_id =
				(bit >= 288 && bit < 296) || (bit >= 304 && bit < 320);
			const bool is_bad = (bit >= 258 && bit < 272) ||
					    (bit >= 280 && bit < 288) || bit >= 320 ||
					    (!eime && is_high_id);

			memset(ram + (POSTED - RAM_AT), 0, 64);
			put(POSTED + bit / 64 * 8, BIT64(bit % 64));
			CHECK(message(3).fault == (is_bad ? VTDM_IR_DESCRIPTOR_RESERVED : VTDM_OK));
		}
	}
	entry(3, NOWHERE << 32 | 0x00918001, 0);
	CHECK(message(3).fault == VTDM_IR_DESCRIPTOR_ACCESS);
	entry(3, POSTED << 32 | 0x00918001, 0x100000000); /* above 4 GiB: no memory */
	CHECK(message(3).fault == VTDM_IR_DESCRIPTOR_ACCESS);
	rig_end();
}

/* ---- Fault recording ---- */

static void faults_are_recorded_field_by_field(void)
{
	struct vtdm_caps caps = vtdm_caps_full();

	caps.fault_records = 8;
	start(&caps, 0);
	CHECK(vtdm_dma(unit, DEVICE, 0x123456789abc, 4, VTDM_READ).fault == VTDM_NO_READ);
	CHECK(vtdm_dma(unit, 0x00ff, 0xabc, 4, VTDM_WRITE).fault == VTDM_ROOT_NOT_PRESENT);
	CHECK(vtdm_dma_translated(unit, DEVICE, 0x7000, 8, VTDM_READ).fault ==
	      VTDM_TRANSLATED_BLOCKED);
	CHECK(message(0xab).fault == VTDM_IR_NOT_PRESENT);
	CHECK(message(0x8123).fault == VTDM_IR_INDEX);
	CHECK(vtdm_dma(unit, DEVICE, 0x8000123456789abc, 4, VTDM_READ).fault ==
	      VTDM_ADDRESS_TOO_WIDE);
	CHECK(r64(0x400) == 0x0000123456789000 && r64(0x408) == 0xc000000600001234);
	CHECK(r64(0x410) == 0x0000000000000000 && r64(0x418) == 0x80000001000000ff);
	CHECK(r64(0x420) == 0x0000000000007000 && r64(0x428) == 0xe000000d00001234);
	CHECK(r64(0x430) == 0x00ab000000000000 && r64(0x438) == 0x8000002200001234);
	CHECK(r64(0x440) == 0x8123000000000000 && r64(0x448) == 0x8000002100001234);
	CHECK(r64(0x450) == 0x0000123456789000 && r64(0x458) == 0xc000000400001234);
	CHECK(r32(0x34) == 0x0002 && vtdm_counts(unit)->faults == 6);
	rig_end();
}

static void records_fill_overflow_and_wrap(void)
{
	for (uint32_t records = 1; records <= 5; records++) {
		struct vtdm_caps caps = vtdm_caps_full();

		caps.fault_records = records;
		rig_start(&caps);
		for (uint64_t n = 0; n < records; n++) {
			dma_fault((n + 16) << 12, VTDM_READ);
			CHECK(r32(0x34) == 2);
		}
		dma_fault(0x99000, VTDM_READ);
		CHECK(r32(0x34) == 3);
		/* Freed, but PFO keeps everything out until it is cleared. */
		w32(0x40c, 0x80000000);
		dma_fault(0x99000, VTDM_READ);
		CHECK(r64(0x408) >> 63 == 0 && vtdm_counts(unit)->faults_unrecorded == 2);
		w32(0x34, 1);
		CHECK(r32(0x34) == (records > 1 ? 2 : 0));
		dma_fault(0x55000, VTDM_READ);
		CHECK(r64(0x400) == 0x55000 && r64(0x408) >> 63);
		service_faults(&caps);
		CHECK(r32(0x34) == 0);
		/* FRI: where the first of the pending ones is. */
		dma_fault(0x66000, VTDM_READ);
		CHECK(r32(0x34) == (2 | 1 % records << 8));
		CHECK(r64(0x400 + 16 * (1 % records)) == 0x66000);
	}
	rig_end();
}

static void a_fault_event_is_sent_once_until_serviced(void)
{
	struct vtdm_caps caps = vtdm_caps_full();

	caps.fault_records = 2;
	rig_start(&caps);
	w32(0x3c, 0x37);
	w32(0x40, 0xfee0b004);
	w32(0x44, 0x1);
	CHECK(r32(0x38) == 0x80000000);
	dma_fault(0x8000, VTDM_READ);
	CHECK(r32(0x38) == 0xc0000000 && !sent.count);
	w32(0x38, 0);
	CHECK(r32(0x38) == 0 && sent.count == 1);
	CHECK(sent.address == 0x1fee0b004 && sent.data == 0x37);
	dma_fault(0x8000, VTDM_READ);
	dma_fault(0x8000, VTDM_READ); /* overflow is no new condition either */
	CHECK(r32(0x34) == 3 && sent.count == 1);
	service_faults(&caps);
	dma_fault(0x8000, VTDM_READ);
	CHECK(sent.count == 2);
	/* Serviced while masked: nothing is pending any more. */
	service_faults(&caps);
	w32(0x38, 0x80000000);
	dma_fault(0x8000, VTDM_READ);
	CHECK(r32(0x38) == 0xc0000000);
	service_faults(&caps);
	CHECK(r32(0x38) == 0x80000000);
	w32(0x38, 0);
	CHECK(sent.count == 2);
	rig_end();
}

static void fpd_keeps_what_it_qualifies_unrecorded(void)
{
	const struct vtdm_caps caps = vtdm_caps_full();

	start(&caps, 0);
	put(CONTEXT + 16 * 0x34, L4 | 3);
	CHECK(fresh_read() == VTDM_OK && dma_fault(0x8000, VTDM_READ) == VTDM_NO_READ);
	put(CONTEXT + 16 * 0x34, 2); /* regardless of P */
	CHECK(fresh_read() == VTDM_CONTEXT_NOT_PRESENT);
	entry(3, 2, 0);
	CHECK(message(3).fault == VTDM_IR_NOT_PRESENT);
	entry(3, 0x00417003, 0);
	CHECK(message(3).fault == VTDM_IR_RESERVED);
	entry(3, 0x00410003, 0x41111);
	CHECK(message(3).fault == VTDM_IR_SOURCE);
	CHECK(r32(0x34) == 0 && vtdm_counts(unit)->faults_unrecorded == 5);
	put(ROOT + 16 * 0x12, 2);
	CHECK(fresh_read() == VTDM_ROOT_NOT_PRESENT && r32(0x34) == 2);
	rig_end();
}

int main(void)
{
	RUN(without_remapping_messages_pass_as_written);
	RUN(compatibility_format_passes_only_where_it_is_enabled);
	RUN(handle_and_subhandle_make_the_index);
	RUN(every_field_of_a_remapped_entry_arrives);
	RUN(every_bit_of_an_entry);
	RUN(posted_entries_need_the_capability);
	RUN(every_requester_against_every_validation);
	RUN(entries_are_kept_until_invalidated);
	RUN(posting_follows_on_sn_and_urgent);
	RUN(every_vector_has_its_bit);
	RUN(every_bit_of_a_descriptor);
	RUN(faults_are_recorded_field_by_field);
	RUN(records_fill_overflow_and_wrap);
	RUN(a_fault_event_is_sent_once_until_serviced);
	RUN(fpd_keeps_what_it_qualifies_unrecorded);
	return test_failed;
}

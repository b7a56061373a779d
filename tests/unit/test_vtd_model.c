/* SPDX-License-Identifier: Apache-2.0 */
/* The VT-d model's walk: every bit of every table format, every right, every width. */
#include "tests/test.h"
#include "tests/unit/vtd_rig.h"

static void capabilities_read_as_worked_out_by_hand(void)
{
	/* What QEMU's unit reports with eim, device-iotlb and 48 bits. */
	const struct vtdm_caps qemu = {
		.host_bits = 39,
		.guest_bits = 48,
		.level3 = true,
		.level4 = true,
		.page_2m = true,
		.page_1g = true,
		.domain_bits = 16,
		.fault_records = 1,
		.fault_offset = 0x220,
		.iotlb_offset = 0xf0,
		.max_address_mask = 18,
		.max_handle_mask = 15,
		.page_selective = true,
		.drain_read = true,
		.drain_write = true,
		.queue = true,
		.device_tlb = true,
		.interrupts = true,
		.extended = true,
		.pass_through = true,
	};
	struct vtdm_caps caps = vtdm_caps_full();

	rig_unit(&caps);
	CHECK(r64(0x08) == 0xc8d2008c406f0666);
	CHECK(r64(0x10) == 0xf050df);
	CHECK(r32(0x08) == 0x406f0666 && r32(0x0c) == 0xc8d2008c);
	rig_unit(&qemu);
	CHECK(r64(0x08) == 0xd2008c222f0606);
	CHECK(r64(0x10) == 0xf00f5e);
	caps = vtdm_caps_least();
	caps.caching_mode = caps.write_buffer = true;
	caps.fault_records = 256;
	rig_unit(&caps);
	CHECK(r64(0x08) == 0x0000ff0020260290);
	CHECK(r64(0x10) == 0x1000);
	CHECK(!vtdm_complaint(unit));
	rig_end();
}

static void one_page_and_nothing_else_is_reached(void)
{
	const struct vtdm_caps caps = vtdm_caps_full();

	rig_start(&caps);
	for (uint64_t at = 0; at < 0x200000; at += 8) {
		const struct vtdm_dma d = vtdm_dma(unit, DEVICE, at, 8, VTDM_WRITE);

		if (at >> 12 == 7)
			CHECK(!d.fault && d.host == PAGE + at % 4096);
		else
			CHECK(d.fault == VTDM_NO_WRITE);
	}
	for (uint32_t bit = 21; bit < 48; bit++)
		CHECK(dma_fault(0x7000 | BIT64(bit), VTDM_READ) == VTDM_NO_READ);
	for (uint32_t id = 0; id < 0x10000; id++) {
		const enum vtdm_fault f = vtdm_dma(unit, (uint16_t)id, 0x7000, 8, VTDM_READ).fault;

		if (id >> 8 != 0x12)
			CHECK(f == VTDM_ROOT_NOT_PRESENT);
		else
			CHECK(f == (id == DEVICE ? VTDM_OK : VTDM_CONTEXT_NOT_PRESENT));
	}
	CHECK(!vtdm_complaint(unit));
	rig_end();
}

static void every_index_selects_its_entry(void)
{
	const struct vtdm_caps caps = vtdm_caps_full();

	rig_start(&caps);
	for (uint32_t i = 0; i < 512; i++) {
		memset(ram + (L4 - RAM_AT), 0, 0x4000);
		put(L4 + 8 * i, L3 | 3);
		put(L3 + 8 * (i ^ 1), L2 | 3);
		put(L2 + 8 * (i ^ 2), L1 | 3);
		put(L1 + 8 * (i ^ 4), PAGE | 3);
		INVALIDATE_IOTLB;
		const uint64_t at =
			(uint64_t)i << 39 | (uint64_t)(i ^ 1) << 30 | (i ^ 2) << 21 | (i ^ 4) << 12;

		CHECK(vtdm_dma(unit, DEVICE, at | 0xabc, 4, VTDM_READ).host == (PAGE | 0xabc));
		for (uint32_t bit = 12; bit < 48; bit++)
			CHECK(dma_fault(at ^ BIT64(bit), VTDM_READ) == VTDM_NO_READ);
	}
	rig_end();
}

/* ---- Every bit of every format ---- */

static void every_bit_of_a_root_entry(void)
{
	const struct vtdm_caps caps = vtdm_caps_full(); /* 46-bit host addresses */

	rig_start(&caps);
	for (uint32_t bit = 1; bit < 128; bit++) {
		const uint64_t low = bit < 64 ? BIT64(bit) : 0,
			       high = bit < 64 ? 0 : BIT64(bit - 64);
		const bool is_address = bit >= 12 && bit <= 45;
		enum vtdm_fault fault;

		put2(ROOT + 16 * 0x12, (CONTEXT | 1) ^ low, high);
		fault = fresh_read();
		/* Another address leads to zeros, to page tables, or to no memory. */
		CHECK(is_address ? fault != VTDM_ROOT_RESERVED && fault != VTDM_OK
				 : fault == VTDM_ROOT_RESERVED);
	}
	put2(ROOT + 16 * 0x12, 0xfffffffffffffffe, UINT64_MAX);
	CHECK(fresh_read() == VTDM_ROOT_NOT_PRESENT);
	put2(ROOT + 16 * 0x12, NOWHERE | 1, 0);
	CHECK(fresh_read() == VTDM_CONTEXT_ACCESS);
	w64(0x20, NOWHERE);
	command(0x40000000);
	CHECK(fresh_read() == VTDM_ROOT_ACCESS);
	rig_end();
}

static void every_bit_of_a_context_entry(void)
{
	const struct vtdm_caps caps = vtdm_caps_full();

	rig_start(&caps);
	for (uint32_t bit = 4; bit < 128; bit++) {
		const uint64_t low = bit < 64 ? BIT64(bit) : 0,
			       high = bit < 64 ? 0 : BIT64(bit - 64);
		const bool is_address = bit >= 12 && bit <= 45, is_width = bit >= 64 && bit <= 66;
		const bool is_free = (bit >= 67 && bit <= 70) || (bit >= 72 && bit <= 87);
		enum vtdm_fault fault;

		put2(CONTEXT + 16 * 0x34, (L4 | 1) ^ low, (DOMAIN << 8 | 2) ^ high);
		fault = fresh_read();
		if (is_address)
			CHECK(fault == VTDM_NO_READ || fault == VTDM_PAGING_ACCESS ||
			      fault == VTDM_PAGING_RESERVED);
		else if (is_width)
			CHECK(fault == VTDM_CONTEXT_INVALID);
		else
			CHECK(fault == (is_free ? VTDM_OK : VTDM_CONTEXT_RESERVED));
	}
	put2(CONTEXT + 16 * 0x34, 0xfffffffffffffffc, UINT64_MAX);
	CHECK(fresh_read() == VTDM_CONTEXT_NOT_PRESENT);
	rig_end();
}

static void every_translation_type_and_width(void)
{
	for (uint32_t variant = 0; variant < 16; variant++) {
		struct vtdm_caps caps = vtdm_caps_full();

		caps.pass_through = variant & 1;
		caps.device_tlb = variant & 2;
		caps.level3 = !(variant & 4) || (variant & 8);
		caps.level4 = !(variant & 8);
		rig_start(&caps);
		for (uint32_t type = 0; type < 4; type++) {
			for (uint32_t width = 0; width < 8; width++) {
				const bool has =
					(width == 1 && caps.level3) || (width == 2 && caps.level4);
				bool is_legal = has;

				is_legal &= type != 3;
				is_legal &= type != 1 || caps.device_tlb;
				is_legal &= type != 2 ||
					    (caps.pass_through && width == (caps.level4 ? 2 : 1));
				put2(CONTEXT + 16 * 0x34, (width == 1 ? L3 : L4) | type << 2 | 1,
				     DOMAIN << 8 | width);
				CHECK(fresh_read() == (is_legal ? VTDM_OK : VTDM_CONTEXT_INVALID));
				if (is_legal)
					CHECK(vtdm_dma(unit, DEVICE, 0x7008, 8, VTDM_READ).host ==
					      (type == 2 ? 0x7008 : PAGE + 8));
			}
		}
	}
	rig_end();
}

/* Flips each bit of a working entry: `reserved` fault, `ignored` change nothing. */
static void check_bits(uint64_t entry, uint64_t reserved, uint64_t ignored)
{
	const uint64_t working = get(entry);

	CHECK(fresh_read() == VTDM_OK);
	for (uint32_t bit = 0; bit < 64; bit++) {
		put(entry, working ^ BIT64(bit));
		if (reserved & BIT64(bit))
			CHECK(fresh_read() == VTDM_PAGING_RESERVED);
		else if (ignored & BIT64(bit))
			CHECK(fresh_read() == VTDM_OK);
		else if (bit == 0)
			CHECK(fresh_read() == VTDM_NO_READ);
		/* Not present: nothing else counts. */
		put(entry, BIT64(bit) & ~(uint64_t)3);
		CHECK(fresh_read() == VTDM_NO_READ);
	}
	put(entry, working);
	CHECK(fresh_read() == VTDM_OK);
}

static void every_bit_of_every_paging_entry(void)
{
	/* 61:52 and 63 are ignored in all; 51:46 are beyond 46 bits of host address. */
	const uint64_t free_high = 0xbff0000000000000, beyond = 0x000fc00000000000;

	for (uint32_t variant = 0; variant < 4; variant++) {
		struct vtdm_caps caps = vtdm_caps_full();
		uint64_t leaf = beyond, leaf_free = free_high;

		caps.snoop = variant & 1;
		caps.device_tlb = variant & 2;
		*(caps.snoop ? &leaf_free : &leaf) |= 0x800;
		*(caps.device_tlb ? &leaf_free : &leaf) |= 0x4000000000000000;
		rig_start(&caps);
		/* W, X, then what is ignored between the rights and the address. */
		check_bits(L4, beyond | 0x4000000000000880, free_high | 0x77e);
		check_bits(L3, beyond | 0x4000000000000800, free_high | 0x77e);
		check_bits(L2, beyond | 0x4000000000000800, free_high | 0x77e);
		check_bits(L1 + 8 * 7, leaf, leaf_free | 0x7fe);
		put(L2, (PAGE & ~UINT64_C(0x1fffff)) | 0x83);
		check_bits(L2, leaf | 0x1ff000, leaf_free | 0x77e);
		put(L3, 0x83);
		check_bits(L3, leaf | 0x3ffff000, leaf_free | 0x77e);
		CHECK(!vtdm_complaint(unit));
	}
	rig_end();
}

static void page_sizes_and_where_they_lead(void)
{
	for (uint32_t variant = 0; variant < 4; variant++) {
		struct vtdm_caps caps = vtdm_caps_full();

		caps.page_2m = variant & 1;
		caps.page_1g = variant & 2;
		rig_start(&caps);
		put(L2, 0x12345700083); /* not aligned to 2 MiB */
		CHECK(fresh_read() == VTDM_PAGING_RESERVED);
		put(L2, 0x12345600083);
		CHECK(fresh_read() == (caps.page_2m ? VTDM_OK : VTDM_PAGING_RESERVED));
		if (caps.page_2m)
			CHECK(vtdm_dma(unit, DEVICE, 0x1fe123, 1, VTDM_READ).host == 0x123457fe123);
		put(L3, 0x12340000083);
		CHECK(fresh_read() == (caps.page_1g ? VTDM_OK : VTDM_PAGING_RESERVED));
		if (caps.page_1g)
			CHECK(vtdm_dma(unit, DEVICE, 0x3ffe1234, 1, VTDM_READ).host ==
			      0x1237ffe1234);
	}
	rig_end();
}

/* ---- Rights, widths, kinds of requests ---- */

static void rights_are_those_of_all_levels_together(void)
{
	const uint64_t entry[] = { L4, L3, L2, L1 + 8 * 7 };
	uint64_t word[4];

	for (uint32_t zlr = 0; zlr < 2; zlr++) {
		struct vtdm_caps caps = vtdm_caps_full();

		caps.zero_length_read = zlr;
		rig_start(&caps);
		for (uint32_t i = 0; i < 4; i++)
			word[i] = get(entry[i]) & ~(uint64_t)3;
		for (uint32_t rights = 0; rights < 256; rights++) {
			const uint32_t all = rights & rights >> 2 & rights >> 4 & rights >> 6 & 3;
			struct vtdm_dma zero;

			for (uint32_t i = 0; i < 4; i++)
				put(entry[i], word[i] | (rights >> 2 * i & 3));
			CHECK(fresh_read() == (all & 1 ? VTDM_OK : VTDM_NO_READ));
			INVALIDATE_IOTLB;
			CHECK(dma_fault(0x7000, VTDM_WRITE) == (all & 2 ? VTDM_OK : VTDM_NO_WRITE));
			INVALIDATE_IOTLB;
			zero = vtdm_dma(unit, DEVICE, 0x7000, 0, VTDM_READ);
			CHECK(zero.fault == ((zlr ? all : all & 1) ? VTDM_OK : VTDM_NO_READ));
		}
	}
	rig_end();
}

static void addresses_end_where_width_and_mgaw_end(void)
{
	static const struct {
		uint32_t guest_bits, width;
		uint32_t limit;
	} rows[] = { { 39, 1, 39 }, { 48, 1, 39 }, { 48, 2, 48 }, { 39, 2, 39 }, { 42, 2, 42 } };

	for (uint32_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct vtdm_caps caps = vtdm_caps_full();

		caps.guest_bits = rows[i].guest_bits;
		rig_start(&caps);
		put2(CONTEXT + 16 * 0x34, (rows[i].width == 1 ? L3 : L4) | 1,
		     DOMAIN << 8 | rows[i].width);
		CHECK(dma_fault(0x7000, VTDM_READ) == VTDM_OK);
		CHECK(dma_fault(BIT64(rows[i].limit) - 8, VTDM_READ) == VTDM_NO_READ);
		for (uint32_t bit = rows[i].limit; bit < 64; bit++)
			CHECK(dma_fault(BIT64(bit) | 0x7000, VTDM_READ) == VTDM_ADDRESS_TOO_WIDE);
	}
	rig_end();
}

static void tables_without_memory_are_errors_of_their_own(void)
{
	const uint64_t entry[] = { L4, L3, L2 };
	struct vtdm_caps caps = vtdm_caps_full();

	rig_start(&caps);
	for (uint32_t i = 0; i < 3; i++) {
		const uint64_t working = get(entry[i]);

		put(entry[i], NOWHERE | 3);
		CHECK(fresh_read() == VTDM_PAGING_ACCESS);
		put(entry[i], working);
	}
	CHECK(fresh_read() == VTDM_OK);
	rig_end();
}

static void translated_requests_need_a_device_tlb_context(void)
{
	const struct vtdm_caps caps = vtdm_caps_full();

	for (uint32_t type = 0; type < 3; type++) {
		struct vtdm_dma d;

		rig_start(&caps);
		put2(CONTEXT + 16 * 0x34, L4 | type << 2 | 1, DOMAIN << 8 | 2);
		d = vtdm_dma_translated(unit, DEVICE, 0x1234000, 8, VTDM_WRITE);
		CHECK(type == 1 ? !d.fault && d.host == 0x1234000
				: d.fault == VTDM_TRANSLATED_BLOCKED);
	}
	rig_end();
}

static void the_interrupt_range_is_not_memory(void)
{
	const struct vtdm_caps caps = vtdm_caps_full();

	rig_start(&caps);
	put(L1 + 8 * 7, 0xfee00003);
	put(L1 + 8 * 8, 0xfeeff003);
	put(L1 + 8 * 9, 0xfef00003);
	put(L1 + 8 * 10, 0xfedff003);
	CHECK(dma_fault(0x7000, VTDM_WRITE) == VTDM_TO_INTERRUPT_RANGE);
	CHECK(dma_fault(0x8ff8, VTDM_READ) == VTDM_TO_INTERRUPT_RANGE);
	CHECK(dma_fault(0x9000, VTDM_READ) == VTDM_OK && dma_fault(0xaff8, VTDM_READ) == VTDM_OK);
	CHECK(vtdm_dma(unit, DEVICE, 0xfee00000, 4, VTDM_WRITE).is_message);
	CHECK(vtdm_dma(unit, DEVICE, 0xfeefffff, 1, VTDM_WRITE).fault == VTDM_INTERRUPT_RANGE);
	CHECK(vtdm_dma(unit, DEVICE, 0xfee00000, 8, VTDM_WRITE).fault == VTDM_INTERRUPT_RANGE);
	CHECK(vtdm_dma(unit, DEVICE, 0xfee00002, 4, VTDM_WRITE).fault == VTDM_INTERRUPT_RANGE);
	CHECK(vtdm_dma(unit, DEVICE, 0xfee00000, 4, VTDM_READ).fault == VTDM_INTERRUPT_RANGE);
	CHECK(!vtdm_dma(unit, DEVICE, 0x1fee00000, 4, VTDM_WRITE).is_message);
	rig_end();
}

static void snoop_is_what_the_entry_says(void)
{
	const struct vtdm_caps caps = vtdm_caps_full();

	rig_start(&caps);
	CHECK(!vtdm_dma(unit, DEVICE, 0x7000, 8, VTDM_READ).snoop);
	put(L1 + 8 * 7, PAGE | 0x803);
	CHECK(fresh_read() == VTDM_OK);
	CHECK(vtdm_dma(unit, DEVICE, 0x7000, 8, VTDM_READ).snoop);
	rig_end();
}

int main(void)
{
	RUN(capabilities_read_as_worked_out_by_hand);
	RUN(one_page_and_nothing_else_is_reached);
	RUN(every_index_selects_its_entry);
	RUN(every_bit_of_a_root_entry);
	RUN(every_bit_of_a_context_entry);
	RUN(every_translation_type_and_width);
	RUN(every_bit_of_every_paging_entry);
	RUN(page_sizes_and_where_they_lead);
	RUN(rights_are_those_of_all_levels_together);
	RUN(addresses_end_where_width_and_mgaw_end);
	RUN(tables_without_memory_are_errors_of_their_own);
	RUN(translated_requests_need_a_device_tlb_context);
	RUN(the_interrupt_range_is_not_memory);
	RUN(snoop_is_what_the_entry_says);
	return test_failed;
}

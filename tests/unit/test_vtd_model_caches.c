/* SPDX-License-Identifier: Apache-2.0 */
/* The VT-d model's caches, its views of memory, and the protocols of its commands. */
#include "tests/test.h"
#include "tests/unit/vtd_rig.h"

static struct vtdm_caps with_registers_only(void)
{
	struct vtdm_caps caps = vtdm_caps_full();

	caps.queue = caps.interrupts = caps.extended = caps.posting = false;
	return caps;
}

static const char *complaint(void)
{
	const char *const what = vtdm_complaint(unit);

	return what ? what : "";
}

/* ---- Stale until invalidated ---- */

static void a_forgotten_invalidation_is_a_stale_answer(void)
{
	const struct vtdm_caps caps = vtdm_caps_full();

	rig_start(&caps);
	CHECK(dma_fault(0x7000, VTDM_READ) == VTDM_OK);
	memset(ram, 0, sizeof(ram));
	CHECK(dma_fault(0x7ff8, VTDM_WRITE) == VTDM_OK);
	CHECK(dma_fault(0x8000, VTDM_WRITE) == VTDM_NO_WRITE); /* from the stale page table */
	INVALIDATE_IOTLB;
	CHECK(dma_fault(0x7000, VTDM_READ) == VTDM_NO_READ); /* the context is stale still */
	INVALIDATE_CONTEXTS;
	CHECK(dma_fault(0x7000, VTDM_READ) == VTDM_ROOT_NOT_PRESENT);
	rig_end();
}

static void not_present_is_kept_in_caching_mode_only(void)
{
	for (uint32_t mode = 0; mode < 2; mode++) {
		struct vtdm_caps caps = vtdm_caps_full();
		const enum vtdm_fault stale = mode ? VTDM_NO_READ : VTDM_OK;

		caps.caching_mode = mode;
		rig_start(&caps);
		CHECK(dma_fault(0x8000, VTDM_READ) == VTDM_NO_READ);
		put(L1 + 8 * 8, PAGE | 3);
		CHECK(dma_fault(0x8000, VTDM_READ) == stale);
		submit(0x32 | DOMAIN << 16, 0x8000);
		CHECK(dma_fault(0x8000, VTDM_READ) == VTDM_OK);
		/* A context that was not present is tagged with domain 0, whatever it holds. */
		put2(CONTEXT + 16 * 0x35, 0, DOMAIN << 8 | 2);
		CHECK(vtdm_dma(unit, DEVICE + 1, 0x7000, 8, VTDM_READ).fault ==
		      VTDM_CONTEXT_NOT_PRESENT);
		put2(CONTEXT + 16 * 0x35, L4 | 1, DOMAIN << 8 | 2);
		submit(0x31 | DOMAIN << 16 | (uint64_t)(DEVICE + 1) << 32, 0);
		CHECK(vtdm_dma(unit, DEVICE + 1, 0x7000, 8, VTDM_READ).fault ==
		      (mode ? VTDM_CONTEXT_NOT_PRESENT : VTDM_OK));
		submit(0x31 | (uint64_t)(DEVICE + 1) << 32, 0);
		CHECK(vtdm_dma(unit, DEVICE + 1, 0x7000, 8, VTDM_READ).fault == VTDM_OK);
		CHECK(!vtdm_complaint(unit));
	}
	rig_end();
}

static void a_context_leaves_by_its_device_and_domain(void)
{
	static const struct {
		uint64_t descriptor;
		bool leaves;
	} rows[] = {
		{ 0x11, true },
		{ 0x21 | DOMAIN << 16, true },
		{ 0x21 | 6 << 16, false },
		{ 0x31 | DOMAIN << 16 | (uint64_t)DEVICE << 32, true },
		{ 0x31 | 6 << 16 | (uint64_t)DEVICE << 32, false },
		{ 0x31 | DOMAIN << 16 | (uint64_t)(DEVICE ^ 8) << 32, false },
		/* FM: function 4 is 100b; bit 2 does not count, then 2:1, then 2:0. */
		{ 0x31 | DOMAIN << 16 | (uint64_t)(DEVICE ^ 4) << 32, false },
		{ 0x31 | DOMAIN << 16 | (uint64_t)(DEVICE ^ 4) << 32 | 1ull << 48, true },
		{ 0x31 | DOMAIN << 16 | (uint64_t)(DEVICE ^ 6) << 32 | 1ull << 48, false },
		{ 0x31 | DOMAIN << 16 | (uint64_t)(DEVICE ^ 6) << 32 | 2ull << 48, true },
		{ 0x31 | DOMAIN << 16 | (uint64_t)(DEVICE ^ 7) << 32 | 2ull << 48, false },
		{ 0x31 | DOMAIN << 16 | (uint64_t)(DEVICE ^ 7) << 32 | 3ull << 48, true },
	};
	const struct vtdm_caps caps = vtdm_caps_full();

	for (uint32_t i = 0; i < ARRAY_SIZE(rows); i++) {
		rig_start(&caps);
		CHECK(dma_fault(0x7000, VTDM_READ) == VTDM_OK);
		CHECK(dma_fault(0x8000, VTDM_READ) == VTDM_NO_READ);
		put2(CONTEXT + 16 * 0x34, 0, 0);
		submit(rows[i].descriptor, 0);
		CHECK(dma_fault(0x8000, VTDM_READ) ==
		      (rows[i].leaves ? VTDM_CONTEXT_NOT_PRESENT : VTDM_NO_READ));
		/* Translations may be tagged with what was in the context: they stay. */
		CHECK(dma_fault(0x7000, VTDM_READ) == VTDM_OK);
		submit(0x22 | DOMAIN << 16, 0);
		CHECK(dma_fault(0x7000, VTDM_READ) ==
		      (rows[i].leaves ? VTDM_CONTEXT_NOT_PRESENT : VTDM_OK));
	}
	rig_end();
}

static void a_translation_leaves_by_its_domain_and_page(void)
{
	static const struct {
		uint64_t low, high;
		bool leaves;
	} rows[] = {
		{ 0x12, 0, true },
		{ 0x22 | DOMAIN << 16, 0, true },
		{ 0x22 | 6 << 16, 0, false },
		{ 0x32 | DOMAIN << 16, 0x7000, true },
		{ 0x32 | DOMAIN << 16, 0x6000, false },
		{ 0x32 | DOMAIN << 16, 0x8000, false },
		{ 0x32 | 6 << 16, 0x7000, false },
		{ 0x32 | DOMAIN << 16, 0x6001, true }, /* two pages */
		{ 0x32 | DOMAIN << 16, 0x0003, true }, /* eight */
		{ 0x32 | DOMAIN << 16, 0x0002, false },
		{ 0x32 | DOMAIN << 16, 0x7040, true }, /* hint: leaf only */
		{ 0xf2 | DOMAIN << 16, 0x7000, true }, /* draining */
	};
	const struct vtdm_caps caps = vtdm_caps_full();

	for (uint32_t i = 0; i < ARRAY_SIZE(rows); i++) {
		rig_start(&caps);
		CHECK(dma_fault(0x7000, VTDM_READ) == VTDM_OK);
		put(L1 + 8 * 7, 0);
		submit(rows[i].low, rows[i].high);
		CHECK(dma_fault(0x7000, VTDM_READ) == (rows[i].leaves ? VTDM_NO_READ : VTDM_OK));
	}
	CHECK(vtdm_counts(unit)->iotlb_drain_read == 1);
	CHECK(vtdm_counts(unit)->iotlb_drain_write == 1);
	rig_end();
}

static void without_page_selection_the_domain_leaves(void)
{
	struct vtdm_caps caps = vtdm_caps_full();

	caps.page_selective = false;
	rig_start(&caps);
	CHECK(dma_fault(0x7000, VTDM_READ) == VTDM_OK);
	put(L1 + 8 * 7, 0);
	submit(0x32 | DOMAIN << 16, 0x9000);
	CHECK(dma_fault(0x7000, VTDM_READ) == VTDM_NO_READ);
	caps = with_registers_only();
	caps.page_selective = false;
	rig_start(&caps);
	CHECK(dma_fault(0x7000, VTDM_READ) == VTDM_OK);
	put(L1 + 8 * 7, 0);
	w64(0x500, 0x9000);
	w64(0x508, 0xb000000500000000);
	CHECK(dma_fault(0x7000, VTDM_READ) == VTDM_NO_READ && r64(0x508) >> 56 == 0x34);
	rig_end();
}

static void a_large_page_leaves_by_a_range_that_holds_it(void)
{
	const struct vtdm_caps caps = vtdm_caps_full();

	for (uint64_t mask = 0; mask <= 18; mask++) {
		rig_start(&caps);
		put(L2, 0x83);
		CHECK(dma_fault(0x7000, VTDM_READ) == VTDM_OK);
		put(L2, 0);
		submit(0x32 | DOMAIN << 16, mask);
		CHECK(dma_fault(0x7000, VTDM_READ) == (mask >= 9 ? VTDM_NO_READ : VTDM_OK));
	}
	rig_end();
}

static void the_hint_keeps_page_tables(void)
{
	const struct vtdm_caps caps = vtdm_caps_full();

	for (uint64_t hint = 0; hint < 2; hint++) {
		rig_start(&caps);
		CHECK(dma_fault(0x7000, VTDM_READ) == VTDM_OK);
		put(AT(20) + 8 * 7, PAGE + 0x1003);
		put(L2, AT(20) | 3); /* another table */
		submit(0x32 | DOMAIN << 16, 0x7000 | hint << 6);
		CHECK(vtdm_dma(unit, DEVICE, 0x7000, 8, VTDM_READ).host ==
		      (hint ? PAGE : PAGE + 0x1000));
	}
	rig_end();
}

static void registers_invalidate_as_descriptors_do(void)
{
	const struct vtdm_caps caps = with_registers_only();

	rig_start(&caps);
	CHECK(dma_fault(0x7000, VTDM_READ) == VTDM_OK);
	put(L1 + 8 * 7, 0);
	w64(0x508, 0xa000000600000000); /* domain 6 */
	CHECK(dma_fault(0x7000, VTDM_READ) == VTDM_OK && r64(0x508) >> 56 == 0x24);
	w64(0x500, 0x6001);
	w64(0x508, 0xb003000500000000); /* page, drained */
	CHECK(dma_fault(0x7000, VTDM_READ) == VTDM_NO_READ && r64(0x508) >> 56 == 0x36);
	put2(CONTEXT + 16 * 0x34, 0, 0);
	w64(0x28, 0xe000000012350005); /* another device */
	CHECK(dma_fault(0x7000, VTDM_READ) == VTDM_NO_READ && r64(0x28) >> 56 == 0x78);
	w32(0x28, 0x12340005);
	w32(0x2c, 0xe0000000);
	CHECK(dma_fault(0x7000, VTDM_READ) == VTDM_CONTEXT_NOT_PRESENT);
	CHECK(!vtdm_complaint(unit));
	w64(0x500, 19); /* beyond CAP.MAMV */
	w64(0x508, 0xb000000500000000);
	CHECK(r64(0x508) >> 56 == 0x30 && *complaint());
	w64(0x28, 0x8000000000000000);
	CHECK(r64(0x28) >> 56 == 0 && *complaint());
	rig_end();
}

/* ---- What hardware sees of memory ---- */

static void only_flushed_bytes_are_seen_without_coherency(void)
{
	struct vtdm_caps caps = vtdm_caps_full();

	caps.coherent = false;
	tables_of_one_page();
	rig_unit(&caps);
	vtdm_track(unit, ROOT, 6 * 4096);
	rig_enable(&caps);
	/* All ones: reserved bits. */
	CHECK(fresh_read() == VTDM_ROOT_RESERVED);
	vtdm_flushed(unit, ram + 16 * 0x12, 1); /* a line at a time */
	CHECK(fresh_read() == VTDM_CONTEXT_RESERVED);
	vtdm_flushed(unit, ram + 0x1000, 0x1000);
	CHECK(fresh_read() == VTDM_PAGING_RESERVED);
	vtdm_flushed(unit, ram + 0x2000, 0x4000 - 0x1000);
	CHECK(fresh_read() == VTDM_PAGING_RESERVED); /* the last table is missing */
	vtdm_flushed(unit, ram + 0x5000 + 63, 1);    /* the end of the line of entry 7 */
	CHECK(fresh_read() == VTDM_OK);
	put(L1 + 8 * 7, 0);
	CHECK(fresh_read() == VTDM_OK);
	vtdm_flushed(unit, ram + 0x5000 + 64, 64); /* the next line */
	CHECK(fresh_read() == VTDM_OK);
	vtdm_flushed(unit, ram + 0x5000 + 56, 8);
	CHECK(fresh_read() == VTDM_NO_READ);
	put(L1 + 8 * 8, PAGE | 3);
	vtdm_flushed(unit, ram + 0x5000 + 56, 16); /* into the next line */
	CHECK(dma_fault(0x8000, VTDM_READ) == VTDM_OK);
	CHECK(!vtdm_complaint(unit));
	rig_end();
}

static void a_write_buffer_holds_what_is_not_flushed_from_it(void)
{
	for (uint32_t coherent = 0; coherent < 2; coherent++) {
		struct vtdm_caps caps = with_registers_only();

		caps.coherent = coherent;
		caps.write_buffer = true;
		rig_start(&caps);
		CHECK(dma_fault(0x7000, VTDM_READ) == VTDM_OK);
		vtdm_track(unit, L1, 4096);
		put(L1 + 8 * 8, PAGE | 3);
		vtdm_flushed(unit, ram + 0x5000, 4096);
		CHECK(dma_fault(0x8000, VTDM_READ) == VTDM_PAGING_RESERVED);
		command(0x08000000);
		CHECK(!(r32(0x1c) & 0x08000000));
		CHECK(dma_fault(0x8000, VTDM_READ) == VTDM_OK);
		put(L1 + 8 * 9, PAGE | 3);
		CHECK(dma_fault(0x9000, VTDM_READ) == VTDM_NO_READ);
		vtdm_flushed(unit, ram + 0x5000, 4096);
		w64(0x508, 0x9000000000000000); /* implies it */
		CHECK(dma_fault(0x9000, VTDM_READ) == VTDM_OK);
		CHECK(vtdm_counts(unit)->write_buffer == 1 && !vtdm_complaint(unit));
	}
	rig_end();
}

/* ---- The queue ---- */

static void a_wait_descriptor_writes_its_status(void)
{
	const struct vtdm_caps caps = vtdm_caps_full();

	rig_start(&caps);
	w32(0xa4, 0x4041);
	w32(0xa8, 0xfee00000);
	w32(0xac, 0x100);
	submit(0x12345678u * 0x100000000 | 0x25, STATUS + 4);
	CHECK(get(STATUS) == 0x1234567800000000);
	submit(0x15, 0);
	CHECK(r32(0x9c) == 1 && r32(0xa0) == 0xc0000000 && !sent.count); /* masked */
	w32(0xa0, 0);
	CHECK(sent.count == 1 && sent.address == 0x100fee00000 && sent.data == 0x4041);
	CHECK(r32(0xa0) == 0);
	submit(0x15, 0); /* not serviced yet: no new event */
	CHECK(sent.count == 1);
	w32(0x9c, 1);
	submit(0x15, 0);
	CHECK(sent.count == 2 && r32(0x9c) == 1);
	CHECK(r64(0x80) == r64(0x88) && vtdm_counts(unit)->wait == 4);
	rig_end();
}

static void every_bit_of_every_descriptor(void)
{
	/* Reserved bits; and those that make a granularity 00b, a mask beyond MAMV or MHMV. */
	static const struct {
		uint64_t low, high, bad_low, bad_high;
	} rows[] = {
		{ 0x0000000000050011, 0, 0xfffc00000000f1d0, UINT64_MAX },
		{ 0x0000000000050012, 0, 0xffffffff0000f110, 0xf80 },
		{ 0x0000000000050032, 0x7000, 0xffffffff0000f100, 0xfa0 },
		{ 0x0000123400000003, 0x7001, 0xffff0000ffe0f1f0, 0xffe },
		{ 0x0000000000000004, 0, 0xffff000007fff1e0, UINT64_MAX },
		{ 0x0000000700000014, 0, 0xffff000087fff1e0, UINT64_MAX },
		{ 0x0000000100000025, STATUS, 0x00000000fffff180, 3 },
	};
	const struct vtdm_caps caps = vtdm_caps_full();

	for (uint32_t row = 0; row < ARRAY_SIZE(rows); row++) {
		for (uint32_t bit = 0; bit < 128; bit++) {
			const uint64_t low = bit < 64 ? BIT64(bit) : 0;
			const uint64_t high = bit < 64 ? 0 : BIT64(bit - 64);
			const bool is_bad =
				(rows[row].bad_low & low) || (rows[row].bad_high & high);

			if (bit < 4 || (bit >= 9 && bit < 12))
				continue;
			rig_start(&caps);
			submit(rows[row].low ^ low, rows[row].high ^ high);
			CHECK(is_bad ? r32(0x34) == 0x10 && r32(0xb0) == 4 && r64(0x80) == 0x20
				     : r32(0x34) == 0);
		}
		rig_start(&caps);
		submit(rows[row].low, rows[row].high);
		CHECK(r32(0x34) == 0 && r64(0x80) == 0x30);
	}
	for (uint64_t type = 0; type < 128; type++) {
		rig_start(&caps);
		submit((type & 15) | (type & 0x70) << 5 | (type == 1 || type == 2 ? 0x10 : 0), 0);
		CHECK(r32(0x34) == (type >= 1 && type <= 5 ? 0 : 0x10));
		CHECK(r32(0x34) == 0 || r32(0xb0) == 3);
	}
	rig_end();
}

static void an_error_stops_the_queue_until_it_is_cleared(void)
{
	const struct vtdm_caps caps = vtdm_caps_full();

	rig_start(&caps);
	w32(0x3c, 0x51);
	w32(0x40, 0xfee01000);
	w32(0x38, 0);
	submit(0x0f, 0);
	CHECK(r32(0x34) == 0x10 && sent.count == 1 && sent.address == 0xfee01000);
	CHECK(r64(0x80) == 0x20 && sent.data == 0x51);
	submit(0x100000025, STATUS);
	CHECK(get(STATUS) == 0);
	put2(QUEUE + 0x20, 0x11, 0); /* mended */
	w32(0x34, 0x10);
	CHECK(get(STATUS) == 1 && r64(0x80) == r64(0x88) && r32(0x34) == 0);
	w64(0x88, 0x1000); /* beyond the queue */
	CHECK(r32(0x34) == 0x10 && r32(0xb0) == 1);
	rig_end();
}

static void the_queue_wraps_and_has_its_size(void)
{
	struct vtdm_caps caps = vtdm_caps_full();

	for (uint32_t size = 0; size < 8; size++) {
		rig_unit(&caps);
		memset(ram, 0, sizeof(ram));
		w64(0x90, AT(256) | size);
		command(0x04000000);
		for (uint32_t i = 0; i < (256u << size) + 3; i++) {
			const uint64_t tail = r64(0x88), bytes = 4096ull << size;

			put2(AT(256) + tail, (uint64_t)(i + 1) << 32 | 0x25, STATUS);
			w64(0x88, (tail + 16) % bytes);
			CHECK(get(STATUS) == i + 1 && r32(0x34) == 0);
		}
		CHECK(r64(0x80) == 0x30);
	}
	rig_end();
}

/* ---- Protocols ---- */

static void misuse_is_remembered(void)
{
	struct vtdm_caps caps = vtdm_caps_full();

	caps.root_invalidates = caps.irt_invalidates = false;
	tables_of_one_page();
	rig_unit(&caps);
	command(0x80000000);
	CHECK(!strcmp(complaint(), "TE without SRTP before"));
	command_off(0x80000000);
	command(0x40000000);
	command(0x80000000);
	CHECK(strstr(complaint(), "invalidated globally"));
	rig_unit(&caps);
	w32(0x18, 0xc0000000);
	CHECK(strstr(complaint(), "several"));
	w32(0x18, 0x10000000);
	CHECK(strstr(complaint(), "not supported"));
	rig_unit(&caps);
	rig_enable(&caps);
	CHECK(!*complaint());
	w64(0x28, 0xa000000000000000);
	CHECK(strstr(complaint(), "queued invalidation is enabled"));
	w64(0x90, QUEUE);
	CHECK(strstr(complaint(), "queued invalidation is enabled"));
	command(0x02000000);
	CHECK(strstr(complaint(), "IRE without SIRTP"));
	command_off(0x02000000);
	command(0x01000000);
	command(0x02000000);
	CHECK(strstr(complaint(), "interrupt entries"));
	r32(0x0c4);
	CHECK(strstr(complaint(), "does not exist"));
	vtdm_read(unit, 0x18, 8);
	CHECK(strstr(complaint(), "width"));
	vtdm_read(unit, 0x1e, 4);
	CHECK(strstr(complaint(), "width"));
	put2(CONTEXT + 16 * 0x35, L3 | 1, DOMAIN << 8 | 1);
	CHECK(dma_fault(0x7000, VTDM_READ) == VTDM_OK);
	CHECK(!vtdm_dma(unit, DEVICE + 1, 0x7000, 8, VTDM_READ).fault);
	CHECK(strstr(complaint(), "two page tables"));
	rig_end();
}

static void commands_take_their_time(void)
{
	struct vtdm_caps caps = with_registers_only();

	caps.latency = 3;
	tables_of_one_page();
	rig_unit(&caps);
	w64(0x20, ROOT);
	w32(0x18, 0x40000000);
	CHECK(r32(0x1c) == 0 && r32(0x1c) == 0 && r32(0x1c) == 0x40000000);
	w32(0x18, 0x80000000);
	w32(0x18, 0x80000000);
	CHECK(strstr(complaint(), "before the last"));
	CHECK(dma_fault(0x7000, VTDM_READ) == VTDM_OK); /* off still */
	vtdm_step(unit);
	vtdm_step(unit);
	CHECK(r32(0x1c) == 0xc0000000);
	CHECK(vtdm_dma(unit, DEVICE, 0x7000, 8, VTDM_READ).host == PAGE);
	put(L1 + 8 * 7, 0);
	w64(0x508, 0x9000000000000000);
	CHECK(dma_fault(0x7000, VTDM_READ) == VTDM_OK && r64(0x508) >> 63);
	w64(0x500, 0);
	CHECK(strstr(complaint(), "while IVT was set"));
	CHECK(r64(0x508) >> 63 == 0 && dma_fault(0x7000, VTDM_READ) == VTDM_NO_READ);
	vtdm_set_latency(unit, VTDM_NEVER);
	w64(0x28, 0xa000000000000000);
	for (uint32_t i = 0; i < 1000; i++)
		CHECK(r64(0x28) >> 63);
	rig_end();
}

static void the_root_table_is_what_srtp_latched(void)
{
	struct vtdm_caps caps = vtdm_caps_full();

	for (uint32_t invalidates = 0; invalidates < 2; invalidates++) {
		caps.root_invalidates = invalidates;
		rig_start(&caps);
		CHECK(dma_fault(0x7000, VTDM_READ) == VTDM_OK);
		w64(0x20, AT(30));
		INVALIDATE_CONTEXTS;
		CHECK(dma_fault(0x7000, VTDM_READ) == VTDM_OK);
		command(0x40000000);
		CHECK(dma_fault(0x7000, VTDM_READ) ==
		      (invalidates ? VTDM_ROOT_NOT_PRESENT : VTDM_OK));
		CHECK(fresh_read() == VTDM_ROOT_NOT_PRESENT);
		command_off(0x80000000);
		CHECK(vtdm_dma(unit, DEVICE, 0x7000, 8, VTDM_READ).host == 0x7000);
		CHECK(r32(0x1c) == 0x44000000);
	}
	rig_end();
}

static void protected_regions_block_and_report_nothing(void)
{
	struct vtdm_caps caps = vtdm_caps_full();

	tables_of_one_page();
	rig_unit(&caps);
	w32(0x68, 0x10000000);
	w32(0x6c, 0x10200000);
	w64(0x70, 0x200000000);
	w64(0x78, 0x200000000);
	CHECK(dma_fault(0x10000000, VTDM_READ) == VTDM_OK);
	w32(0x64, 0x80000000);
	CHECK(r32(0x64) == 0x80000001);
	CHECK(dma_fault(0x0fffff00, VTDM_READ) == VTDM_OK);
	CHECK(dma_fault(0x10000000, VTDM_READ) == VTDM_PROTECTED_REGION);
	CHECK(dma_fault(0x103ffff8, VTDM_WRITE) == VTDM_PROTECTED_REGION);
	CHECK(dma_fault(0x10400000, VTDM_READ) == VTDM_OK);
	CHECK(dma_fault(0x2001ffff8, VTDM_READ) == VTDM_PROTECTED_REGION);
	CHECK(dma_fault(0x200200000, VTDM_READ) == VTDM_OK);
	rig_enable(&caps);
	CHECK(dma_fault(0x7000, VTDM_READ) == VTDM_PROTECTED_REGION); /* it may */
	w32(0x64, 0);
	CHECK(r32(0x64) == 0 && dma_fault(0x7000, VTDM_READ) == VTDM_OK);
	CHECK(r32(0x34) == 0 && vtdm_counts(unit)->faults == 0 && !vtdm_complaint(unit));
	rig_end();
}

int main(void)
{
	RUN(a_forgotten_invalidation_is_a_stale_answer);
	RUN(not_present_is_kept_in_caching_mode_only);
	RUN(a_context_leaves_by_its_device_and_domain);
	RUN(a_translation_leaves_by_its_domain_and_page);
	RUN(without_page_selection_the_domain_leaves);
	RUN(a_large_page_leaves_by_a_range_that_holds_it);
	RUN(the_hint_keeps_page_tables);
	RUN(registers_invalidate_as_descriptors_do);
	RUN(only_flushed_bytes_are_seen_without_coherency);
	RUN(a_write_buffer_holds_what_is_not_flushed_from_it);
	RUN(a_wait_descriptor_writes_its_status);
	RUN(every_bit_of_every_descriptor);
	RUN(an_error_stops_the_queue_until_it_is_cleared);
	RUN(the_queue_wraps_and_has_its_size);
	RUN(misuse_is_remembered);
	RUN(commands_take_their_time);
	RUN(the_root_table_is_what_srtp_latched);
	RUN(protected_regions_block_and_report_nothing);
	return test_failed;
}

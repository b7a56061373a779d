/* SPDX-License-Identifier: Apache-2.0 */
/* Vendor-specific capabilities, and a window into a BAR among them. */
#include <string.h>
#include "io/vpci.h"
#include "tests/test.h"

static struct vpci p;
static uint32_t index_of;

/* Without MSI the first is at 90H: 16 bytes, and then the window. */
#define WINDOW 0xa0u
#define BAR    (WINDOW + 4)
#define OFFSET (WINDOW + 8)
#define LENGTH (WINDOW + 12)
#define DATA   (WINDOW + 16)

static struct vpci_facts usual(void)
{
	struct vpci_facts f = { .vendor = 0x1af4,
				.device = 0x1042,
				.class_code = 0x018000,
				.bars = { { VPCI_BAR_MEM64, false, KIB(16) } },
				.vendor_count = 2 };

	f.vendors[0] = (struct vpci_vendor){ .bytes = 16, .data = { 1, 2, 16, 7, 5, 6 } };
	f.vendors[1] = (struct vpci_vendor){ .bytes = 20, .is_window = true };
	return f;
}

static void start(void)
{
	const struct vpci_facts f = usual();

	vpci_init(&p);
	CHECK(vpci_add(&p, &f, &index_of) == OK);
	CHECK(vpci_place(&p, 0xe0000000, 0xe0100000) == OK);
}

static uint64_t at(uint32_t reg)
{
	return (uint64_t)index_of << 15 | reg;
}

static void aim(uint32_t bar, uint32_t offset, uint32_t length)
{
	CHECK(vpci_ecam_write(&p, at(BAR), 1, bar).changes == 0);
	vpci_ecam_write(&p, at(OFFSET), 4, offset);
	vpci_ecam_write(&p, at(LENGTH), 4, length);
}

static void they_are_listed_in_order(void)
{
	start();
	CHECK(vpci_ecam_read(&p, at(0x34), 1) == 0x90 && vpci_ecam_read(&p, at(6), 2) == 0x10);
	CHECK(vpci_ecam_read(&p, at(0x90), 4) == 0x0710a009);
	CHECK(vpci_ecam_read(&p, at(0x94), 4) == 0x0605 && vpci_ecam_read(&p, at(WINDOW), 2) == 9);
	vpci_ecam_write(&p, at(0x94), 4, UINT32_MAX);
	CHECK(vpci_ecam_read(&p, at(0x94), 4) == 0x0605);
}

static void a_window_leads_where_its_registers_say(void)
{
	static const struct {
		uint32_t bar, offset, length;
		bool leads;
	} cases[] = {
		{ 0, 0, 4, true },           { 0, 0x14, 1, true },
		{ 0, 0x1002, 2, true },      { 0, 0x3ffc, 4, true },
		{ 0, 0x3fff, 1, true },      { 0, 0x4000, 1, false },
		{ 0, 0x4000, 4, false },     { 0, 2, 4, false },
		{ 0, 1, 2, false },          { 0, 0, 0, false },
		{ 0, 0, 3, false },          { 0, 0, 8, false },
		{ 0, 0, UINT32_MAX, false }, { 1, 0, 4, false },
		{ 5, 0, 4, false },          { 6, 0, 4, false },
		{ 255, 0, 4, false },        { 0, UINT32_MAX, 1, false },
		{ 0, 0xfffffffc, 4, false }, { 0, 0xfffffffe, 2, false },
	};
	struct vpci_window w;

	for (uint32_t i = 0; i < ARRAY_SIZE(cases); i++) {
		start();
		aim(cases[i].bar, cases[i].offset, cases[i].length);
		CHECK(vpci_ecam_window(&p, at(DATA), 4, &w) == cases[i].leads);
		if (cases[i].leads)
			CHECK(w.function == index_of && w.bar == 0 && w.offset == cases[i].offset &&
			      w.width == cases[i].length);
	}
}

static void only_its_data_are_a_window(void)
{
	struct vpci_window w;

	start();
	aim(0, 0x10, 2);
	for (uint32_t reg = 0; reg < 4096; reg++)
		for (uint32_t width = 1; width <= 4; width *= 2) {
			const bool is_data = reg >= DATA && reg < DATA + 4 && reg % width == 0;

			CHECK(vpci_ecam_window(&p, at(reg), width, &w) == is_data);
			vpci_port_write(&p, 0xcf8, 4, 0x80000000 | index_of << 11 | (reg & 0xfc));
			if (reg < 256)
				CHECK(vpci_port_window(&p, (uint16_t)(0xcfc + reg % 4), width,
						       &w) == is_data);
		}
	CHECK(!vpci_ecam_window(&p, DATA, 4, &w)); /* the host bridge's */
	CHECK(!vpci_ecam_window(&p, at(DATA) + (UINT64_C(8) << 15), 4, &w));
	CHECK(!vpci_ecam_window(&p, at(DATA) + MIB(1), 4, &w));
	vpci_port_write(&p, 0xcf8, 4, index_of << 11 | DATA); /* not enabled */
	CHECK(!vpci_port_window(&p, 0xcfc, 4, &w));
	vpci_port_write(&p, 0xcf8, 4, 0x80010000 | index_of << 11 | DATA);
	CHECK(!vpci_port_window(&p, 0xcfc, 4, &w));
	vpci_port_write(&p, 0xcf8, 4, 0x80000000 | index_of << 11 | DATA);
	CHECK(vpci_port_window(&p, 0xcfc, 4, &w) && !vpci_port_window(&p, 0xcf8, 4, &w));
}

/* As the caller does it: reads are filled before, writes are carried out after. */
static void reads_and_writes_through_it(void)
{
	struct vpci_window w;

	start();
	aim(0, 0x16, 2);
	vpci_ecam_write(&p, at(DATA), 4, 0xaabbccdd);
	CHECK(vpci_ecam_window(&p, at(DATA), 4, &w) && w.width == 2 && w.value == 0xccdd);
	vpci_fill(&p, &w, 0x12345678);
	CHECK(vpci_ecam_read(&p, at(DATA), 4) == 0xaabb5678); /* "the first cap.length bytes" */
	aim(0, 0x17, 1);
	CHECK(vpci_ecam_window(&p, at(DATA + 2), 2, &w) && w.width == 1 && w.value == 0x78);
	vpci_reset(&p);
	CHECK(vpci_ecam_read(&p, at(DATA), 4) == 0 && !vpci_ecam_window(&p, at(DATA), 4, &w));
	aim(0, 0, 1);
	CHECK(vpci_ecam_window(&p, at(DATA), 1, &w));
}

static void facts_that_none_has(void)
{
	struct vpci_facts f;

#define REFUSED(change) \
	do { \
		vpci_init(&p); \
		f = usual(); \
		change; \
		CHECK(vpci_add(&p, &f, &index_of) == ERR_INVAL); \
	} while (0)
	REFUSED(f.vendor_count = 7);
	REFUSED(f.vendors[0].bytes = 0);
	REFUSED(f.vendors[0].bytes = 18);
	REFUSED(f.vendors[0].bytes = 24);
	REFUSED(f.vendors[0].is_window = true);
	REFUSED(f.vendors[0] = f.vendors[1]);
	REFUSED(f.vendor_count = 6; f.vendors[2] = f.vendors[3] = f.vendors[4] = f.vendors[5] =
					    (struct vpci_vendor){ .bytes = 20 });
	vpci_init(&p);
	f = usual();
	f.vendor_count = 5; /* 16 + 20 + 3 * 20 = 96 of the 112 from 90H on */
	f.vendors[2] = f.vendors[3] = f.vendors[4] = (struct vpci_vendor){ .bytes = 20 };
	CHECK(vpci_add(&p, &f, &index_of) == OK);
	f.msi_count = 1; /* .. but not of the 88 behind MSI */
	CHECK(vpci_add(&p, &f, &index_of) == ERR_INVAL);
	f.vendors[4].bytes = 12;
	CHECK(vpci_add(&p, &f, &index_of) == OK);
}

int main(void)
{
	RUN(they_are_listed_in_order);
	RUN(a_window_leads_where_its_registers_say);
	RUN(only_its_data_are_a_window);
	RUN(reads_and_writes_through_it);
	RUN(facts_that_none_has);
	return test_failed;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* A function that the guest owns: what it sees of it, and what its writes mean outside. */
#include <string.h>
#include "io/vpci.h"
#include "tests/test.h"

static struct vpci p;
static uint32_t igbvf, nvme, old;

#define WINDOW     UINT64_C(0xe0100000)
#define WINDOW_END UINT64_C(0xfec00000)

static const struct vpci_facts igbvf_facts = {
	.vendor = 0x8086,
	.device = 0x10ca,
	.subsystem_vendor = 0x8086,
	.subsystem_device = 0xa03c,
	.class_code = 0x020000,
	.revision = 1,
	.is_pcie = true,
	.device_capabilities = 0x10008fe2, /* FLR, and what else there may be */
	.device_control = 0x2810,
	.msix_count = 3,
	.msix_table_bar = 3,
	.msix_pba_bar = 3,
	.msix_pba_offset = 0x2000,
	.bars = { { VPCI_BAR_MEM64, true, KIB(16) },
		  { 0 },
		  { 0 },
		  { VPCI_BAR_MEM64, true, KIB(16) } },
};

static const struct vpci_facts nvme_facts = {
	.vendor = 0x1b36,
	.device = 0x0010,
	.class_code = 0x010802,
	.revision = 2,
	.msi_count = 8,
	.msi_is_64 = true,
	.msi_has_masks = true,
	.bars = { { VPCI_BAR_MEM64, false, KIB(16) } },
};

/* 32-bit addresses, no masks, a BAR below a page. */
static const struct vpci_facts old_facts = {
	.vendor = 0x1234,
	.device = 0x5678,
	.class_code = 0xff0000,
	.msi_count = 4,
	.bars = { { 0 }, { VPCI_BAR_MEM32, false, 256 }, { VPCI_BAR_MEM32, false, MIB(1) } },
};

static void start(void)
{
	vpci_init(&p);
	CHECK(vpci_add(&p, &igbvf_facts, &igbvf) == OK && vpci_add(&p, &nvme_facts, &nvme) == OK);
	CHECK(vpci_add(&p, &old_facts, &old) == OK);
	CHECK(vpci_place(&p, WINDOW, WINDOW_END) == OK);
}

static uint32_t read(uint32_t function, uint32_t reg, uint32_t width)
{
	return vpci_ecam_read(&p, (uint64_t)function << 15 | reg, width);
}

static struct vpci_effect write(uint32_t function, uint32_t reg, uint32_t width, uint32_t value)
{
	return vpci_ecam_write(&p, (uint64_t)function << 15 | reg, width, value);
}

static void the_header_is_the_functions(void)
{
	start();
	CHECK(igbvf == 1 && nvme == 2 && old == 3);
	CHECK(read(1, 0, 4) == 0x10ca8086 && read(1, 8, 4) == 0x02000001);
	CHECK(read(1, 0x2c, 4) == 0xa03c8086 && read(1, 0x0c, 4) == 0);
	CHECK(read(1, 4, 4) == 0x00100000 && read(1, 0x3c, 4) == 0 && read(1, 0x30, 4) == 0);
	CHECK(read(2, 0, 4) == 0x00101b36 && read(2, 8, 4) == 0x01080202);
	CHECK(read(4, 0, 4) == UINT32_MAX && vpci_ecam_read(&p, 0x9000, 4) == UINT32_MAX);
	CHECK(read(1, 0x100, 4) == 0 && read(1, 0xffc, 4) == 0);
	CHECK(read(2, 0x100, 4) == UINT32_MAX && read(0, 0x100, 4) == UINT32_MAX);
	CHECK(read(1, 0x102, 4) == UINT32_MAX);
}

/* The list has what was said and nothing else. */
static void capabilities_are_those_few(void)
{
	start();
	CHECK(read(1, 0x34, 1) == 0x40 && read(1, 0x40, 2) == 0x8010 && read(1, 0x80, 2) == 0x11);
	CHECK(read(2, 0x34, 1) == 0x90 && read(2, 0x90, 2) == 0x05);
	CHECK(read(1, 0x42, 2) == 0x92);   /* version 2, integrated */
	CHECK(read(1, 0x44, 4) == 0x8022); /* no FLR, no power, no latencies */
	CHECK(read(1, 0x48, 2) == 0x2810 && read(1, 0x4c, 4) == 0 && read(1, 0x64, 4) == 0);
	CHECK(read(1, 0x82, 2) == 2 && read(1, 0x84, 4) == 3 && read(1, 0x88, 4) == 0x2003);
	CHECK(read(2, 0x92, 2) == (3u << 1 | 0x80 | 0x100) && read(3, 0x92, 2) == 2u << 1);
	CHECK(read(1, 0x90, 4) == 0 && read(2, 0x40, 4) == 0 && read(2, 0x80, 4) == 0);
}

static uint64_t place_of(uint32_t function, uint32_t bar)
{
	uint64_t gpa = 0;

	CHECK(vpci_decodes(&p, function, bar, &gpa));
	return gpa;
}

static void bars_have_places_that_do_not_meet(void)
{
	start();
	for (uint32_t i = 1; i <= 3; i++)
		CHECK(write(i, 4, 2, 2).changes == VPCI_DECODING);
	CHECK(place_of(old, 2) == 0xe0100000 && place_of(igbvf, 0) == 0xe0200000);
	CHECK(place_of(igbvf, 3) == 0xe0204000 && place_of(nvme, 0) == 0xe0208000);
	CHECK(place_of(old, 1) == 0xe020c000);
	CHECK(read(1, 0x10, 4) == 0xe020000c && read(1, 0x14, 4) == 0 &&
	      read(3, 0x14, 4) == 0xe020c000);
	CHECK(!vpci_decodes(&p, igbvf, 1, &(uint64_t){ 0 }) &&
	      !vpci_decodes(&p, 0, 0, &(uint64_t){ 0 }));
}

/* "software writes a value of all 1's": as Linux does it, decoding off. */
static void sizing_shows_sizes_and_changes_nothing_outside(void)
{
	start();
	CHECK(write(1, 0x10, 4, UINT32_MAX).changes == 0 && read(1, 0x10, 4) == 0xffffc00c);
	CHECK(write(1, 0x14, 4, UINT32_MAX).changes == 0 && read(1, 0x14, 4) == UINT32_MAX);
	CHECK(write(3, 0x14, 4, UINT32_MAX).changes == 0 && read(3, 0x14, 4) == 0xfffff000);
	CHECK(write(3, 0x18, 4, UINT32_MAX).changes == 0 && read(3, 0x18, 4) == 0xfff00000);
	CHECK(write(3, 0x10, 4, UINT32_MAX).changes == 0 && read(3, 0x10, 4) == 0);
	CHECK(write(1, 0x30, 4, UINT32_MAX).changes == 0 && read(1, 0x30, 4) == 0);
}

static void a_bar_moves_and_the_caller_hears_of_it(void)
{
	uint64_t gpa;

	start();
	write(1, 4, 2, 2);
	CHECK(write(1, 0x10, 4, 0xe8000000).changes == VPCI_DECODING);
	CHECK(place_of(igbvf, 0) == 0xe8000000);
	CHECK(write(1, 0x10, 4, 0xe8000000).changes == 0);
	write(1, 0x14, 4, 1); /* beyond the window */
	CHECK(!vpci_decodes(&p, igbvf, 0, &gpa));
	write(1, 0x14, 4, 0);
	write(1, 0x10, 4, 0xe0000000); /* the ECAM region, RAM, the local APIC */
	CHECK(!vpci_decodes(&p, igbvf, 0, &gpa));
	write(1, 0x10, 4, 0x1000);
	CHECK(!vpci_decodes(&p, igbvf, 0, &gpa));
	write(1, 0x10, 4, 0xfee00000);
	CHECK(!vpci_decodes(&p, igbvf, 0, &gpa));
	write(1, 0x10, 4, 0xfebfc000);
	CHECK(place_of(igbvf, 0) == 0xfebfc000);
	CHECK(write(1, 4, 2, 0).changes == VPCI_DECODING && !vpci_decodes(&p, igbvf, 0, &gpa));
}

static void of_bars_that_meet_the_first_is_seen(void)
{
	uint64_t gpa;

	start();
	write(1, 4, 2, 2);
	write(3, 4, 2, 2);
	write(3, 0x18, 4, 0xe0200000); /* 1 MiB over both of function 1 */
	CHECK(place_of(igbvf, 0) == 0xe0200000 && !vpci_decodes(&p, old, 2, &gpa));
	write(1, 4, 2, 0);
	CHECK(place_of(old, 1) == 0xe020c000 && !vpci_decodes(&p, old, 2, &gpa)); /* its own */
	write(3, 0x14, 4, 0xe0400000);
	CHECK(place_of(old, 1) == 0xe0400000 && place_of(old, 2) == 0xe0200000);
}

static void the_command_register_has_effects(void)
{
	start();
	CHECK(write(1, 4, 2, 4).changes == VPCI_MASTER && vpci_is_master(&p, igbvf));
	CHECK(write(1, 4, 2, 4).changes == 0 && !vpci_is_master(&p, nvme));
	CHECK(write(1, 4, 4, UINT32_MAX).changes == VPCI_DECODING && read(1, 4, 4) == 0x00100546);
	CHECK(write(1, 5, 1, 0).changes == 0 && read(1, 4, 2) == 0x46);
	CHECK(write(1, 4, 1, 0).changes == (VPCI_DECODING | VPCI_MASTER));
	CHECK(write(1, 4, 1, 0).function == 1 && !vpci_is_master(&p, igbvf));
}

static void device_control_keeps_flr_and_sizes(void)
{
	start();
	CHECK(write(1, 0x48, 2, 0xffff).changes == 0 && read(1, 0x48, 2) == 0x281f);
	CHECK(write(1, 0x48, 2, 0).changes == 0 && read(1, 0x48, 2) == 0x2000);
	write(1, 0x68, 2, 0xffff);
	CHECK(read(1, 0x68, 2) == 0);
}

static void msix_control_is_shown(void)
{
	bool enabled, masked;

	start();
	vpci_msix_control(&p, igbvf, &enabled, &masked);
	CHECK(!enabled && !masked);
	CHECK(write(1, 0x82, 2, 0xffff).changes == VPCI_VECTORS && read(1, 0x82, 2) == 0xc002);
	vpci_msix_control(&p, igbvf, &enabled, &masked);
	CHECK(enabled && masked);
	CHECK(write(1, 0x83, 1, 0x80).changes == VPCI_VECTORS);
	vpci_msix_control(&p, igbvf, &enabled, &masked);
	CHECK(enabled && !masked);
	CHECK(write(1, 0x84, 4, 0).changes == 0 && read(1, 0x84, 4) == 3);
	vpci_msix_control(&p, nvme, &enabled, &masked);
	CHECK(!enabled && !masked);
}

/* Slow and obvious, over every number of messages and each of them. */
static void msi_messages_are_as_programmed(void)
{
	for (uint32_t log2 = 0; log2 < 8; log2++) {
		const uint32_t count = log2 > 3 ? 8 : 1u << log2;

		start();
		write(nvme, 0x94, 4, 0xfee01007);
		write(nvme, 0x98, 4, 0x12345678);
		write(nvme, 0x9c, 2, 0x4057);
		for (uint32_t i = 0; i < 40; i++)
			CHECK(!vpci_msi(&p, nvme, i, &(uint64_t){ 0 }, &(uint32_t){ 0 }));
		CHECK(write(nvme, 0x92, 2, 1 | log2 << 4).changes == VPCI_MESSAGES);
		for (uint32_t i = 0; i < 40; i++) {
			uint64_t address = 0;
			uint32_t data = 0;

			CHECK(vpci_msi(&p, nvme, i, &address, &data) == (i < count));
			CHECK(i >= count || (address == 0x12345678fee01004 &&
					     data == ((0x4057 & ~(count - 1)) | i)));
		}
	}
}

static void masked_messages_wait_and_come_once(void)
{
	start();
	write(nvme, 0x92, 2, 0x31);
	CHECK(write(nvme, 0xa0, 4, 0xffffffff).fire == 0 && read(nvme, 0xa0, 4) == 0xff);
	CHECK(!vpci_msi_post(&p, nvme, 3) && !vpci_msi_post(&p, nvme, 5) &&
	      read(nvme, 0xa4, 4) == 0x28);
	write(nvme, 0xa4, 4, 0);
	CHECK(read(nvme, 0xa4, 4) == 0x28); /* read-only */
	CHECK(write(nvme, 0xa0, 4, 0xf7).fire == 8 && read(nvme, 0xa4, 4) == 0x20);
	CHECK(vpci_msi_post(&p, nvme, 3) && read(nvme, 0xa4, 4) == 0x20);
	CHECK(write(nvme, 0xa0, 1, 0).fire == 0x20 && read(nvme, 0xa4, 4) == 0);
	CHECK(write(nvme, 0xa0, 1, 0xff).fire == 0);
	CHECK(!vpci_msi_post(&p, nvme, 0) && !vpci_msi_post(&p, nvme, 8));
	write(nvme, 0x92, 2, 0x30); /* off: what waits is lost */
	CHECK(read(nvme, 0xa4, 4) == 0 && write(nvme, 0xa0, 4, 0).fire == 0);
	CHECK(!vpci_msi_post(&p, nvme, 0));
}

static void without_masks_messages_are_32_bits_and_never_wait(void)
{
	uint64_t address;
	uint32_t data;

	start();
	write(old, 0x94, 4, 0xfee00000);
	write(old, 0x98, 4, 0xffff4021); /* 16 bits of data; behind it nothing */
	CHECK(read(old, 0x98, 4) == 0x4021);
	write(old, 0x9c, 4, UINT32_MAX);
	CHECK(read(old, 0x9c, 4) == 0 && !vpci_msi_post(&p, old, 0));
	write(old, 0x92, 2, 0x11);
	CHECK(vpci_msi_post(&p, old, 1) && !vpci_msi_post(&p, old, 2));
	CHECK(vpci_msi(&p, old, 1, &address, &data) && address == 0xfee00000 && data == 0x4021);
}

static void a_reset_is_as_the_beginning(void)
{
	static struct vpci before;

	start();
	before = p;
	for (uint32_t i = 0; i < 4; i++)
		for (uint32_t reg = 0; reg < 256; reg += 4)
			write(i, reg, 4, 0xa5a5a5a5);
	vpci_port_write(&p, 0xcf8, 4, 0x80001234);
	CHECK(memcmp(&before, &p, sizeof(p)) != 0);
	vpci_reset(&p);
	CHECK(memcmp(&before, &p, sizeof(p)) == 0);
}

static enum err add(const struct vpci_facts *facts)
{
	uint32_t index;

	vpci_init(&p);
	return vpci_add(&p, facts, &index);
}

static void impossible_facts_are_refused(void)
{
	struct vpci_facts f = nvme_facts;

	CHECK(add(&f) == OK);
	f.bars[5] = (struct vpci_bar){ VPCI_BAR_MEM64, false, KIB(16) };
	CHECK(add(&f) == ERR_INVAL);
	f.bars[5] = (struct vpci_bar){ VPCI_BAR_MEM32, false, GIB(4) };
	CHECK(add(&f) == ERR_INVAL);
	f.bars[5] = (struct vpci_bar){ VPCI_BAR_MEM32, false, KIB(12) };
	CHECK(add(&f) == ERR_INVAL);
	f.bars[5] = (struct vpci_bar){ VPCI_BAR_MEM32, false, 0 };
	CHECK(add(&f) == ERR_INVAL);
	f.bars[5] = (struct vpci_bar){ 0 };
	f.bars[1] = (struct vpci_bar){ VPCI_BAR_MEM32, false, KIB(4) };
	CHECK(add(&f) == ERR_INVAL);
	f = nvme_facts;
	f.msi_count = 3;
	CHECK(add(&f) == ERR_INVAL);
	f.msi_count = 64;
	CHECK(add(&f) == ERR_INVAL);
	f = igbvf_facts;
	f.msix_table_offset = KIB(16) - 40;
	CHECK(add(&f) == ERR_INVAL);
	f = igbvf_facts;
	f.msix_pba_bar = 4;
	CHECK(add(&f) == ERR_INVAL);
	f.msix_pba_bar = 6;
	CHECK(add(&f) == ERR_INVAL);
	f = igbvf_facts;
	f.msix_pba_offset = 0x2004;
	CHECK(add(&f) == ERR_INVAL);
}

static void there_is_room_for_eight(void)
{
	uint32_t index;

	vpci_init(&p);
	for (uint32_t i = 1; i < VPCI_FUNCTION_MAX; i++)
		CHECK(vpci_add(&p, &igbvf_facts, &index) == OK && index == i);
	CHECK(vpci_add(&p, &igbvf_facts, &index) == ERR_NOMEM);
	CHECK(vpci_place(&p, 0xe0100000, 0xe0100000 + 16 * KIB(16) - 1) == ERR_NOMEM);
	CHECK(vpci_place(&p, 2, 1) == ERR_INVAL && vpci_place(&p, 0, 1) == ERR_INVAL);
}

static void windows_are_used_to_the_last_page(void)
{
	uint32_t index;

	vpci_init(&p);
	for (uint32_t i = 1; i < VPCI_FUNCTION_MAX; i++)
		CHECK(vpci_add(&p, &igbvf_facts, &index) == OK);
	CHECK(vpci_place(&p, 0xe0100000, 0xe0100000 + 16 * KIB(16)) == OK);
	for (uint32_t i = 1; i < VPCI_FUNCTION_MAX; i++) {
		write(i, 4, 2, 2);
		(void)place_of(i, 0), (void)place_of(i, 3);
	}
	vpci_init(&p); /* 32 bits must stay below 4 GiB */
	CHECK(vpci_add(&p, &old_facts, &index) == OK);
	CHECK(vpci_place(&p, GIB(4) - KIB(4), GIB(5)) == ERR_NOMEM);
}

int main(void)
{
	RUN(the_header_is_the_functions);
	RUN(capabilities_are_those_few);
	RUN(bars_have_places_that_do_not_meet);
	RUN(sizing_shows_sizes_and_changes_nothing_outside);
	RUN(a_bar_moves_and_the_caller_hears_of_it);
	RUN(of_bars_that_meet_the_first_is_seen);
	RUN(the_command_register_has_effects);
	RUN(device_control_keeps_flr_and_sizes);
	RUN(msix_control_is_shown);
	RUN(msi_messages_are_as_programmed);
	RUN(masked_messages_wait_and_come_once);
	RUN(without_masks_messages_are_32_bits_and_never_wait);
	RUN(a_reset_is_as_the_beginning);
	RUN(impossible_facts_are_refused);
	RUN(there_is_room_for_eight);
	RUN(windows_are_used_to_the_last_page);
	return test_failed;
}

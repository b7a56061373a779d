/* SPDX-License-Identifier: Apache-2.0 */
/* Words of interrupt remapping against the specification's figures, by hand. */
#include "arch/x86/vtd/irte.h"
#include "tests/test.h"

static bool equal(struct vtd_entry e, uint64_t lo, uint64_t hi)
{
	return e.lo == lo && e.hi == hi;
}

/* P 0, DM 2, RH 3, TM 4, DLM 7:5, IM 15, V 23:16, DST 63:32; SID 79:64, SQ 81:80, SVT 83:82. */
static void remapped_entries_have_the_figures_bits(void)
{
	CHECK(equal(vtd_irte_remapped(0x0108, 0x12345678, VTD_X2APIC, 0x31), 0x1234567800310001,
		    0x40108));
	/* xAPIC: 47:40 */
	CHECK(equal(vtd_irte_remapped(0xfffe, 0xab, VTD_XAPIC, 0xdf), 0x0000ab0000df0001, 0x4fffe));
}

/* P 0, URG 14, IM 15, V 23:16, address 31:6 at 63:38 and 63:32 at 127:96. */
static void posted_entries_have_the_figures_bits(void)
{
	CHECK(equal(vtd_irte_posted(0x0108, 0x0000001234567fc0, 0x41), 0x34567fc000418001,
		    0x0000001200040108));
	CHECK(equal(vtd_irte_posted(0, UINT64_MAX - 63, 0xff), 0xffffffc000ff8001,
		    0xffffffff00040000));
}

/* FEEH, index 14:0 at 19:5, format 1 at 4, SHV at 3, index 15 at 2. */
static void messages_carry_the_index(void)
{
	CHECK(vtd_irte_msi(0).address == 0xfee00018 && vtd_irte_msi(0).data == 0);
	CHECK(vtd_irte_msi(1).address == 0xfee00038);
	CHECK(vtd_irte_msi(0x7fff).address == 0xfeeffff8);
	CHECK(vtd_irte_msi(0x8000).address == 0xfee0001c);
	CHECK(vtd_irte_msi(0xffff).address == 0xfeeffffc && vtd_irte_msi(0xffff).data == 0);
}

static void an_entry_is_stored_whole(void)
{
	static struct vtd_entry at[3] __attribute__((aligned(16)));

	vtd_irte_store(&at[1], (struct vtd_entry){ 0x123456789abcdef0, 0xfedcba9876543210 });
	CHECK(equal(at[1], 0x123456789abcdef0, 0xfedcba9876543210));
	vtd_irte_store(&at[1], (struct vtd_entry){ 1, 2 });
	CHECK(equal(at[1], 1, 2) && equal(at[0], 0, 0) && equal(at[2], 0, 0));
}

int main(void)
{
	RUN(remapped_entries_have_the_figures_bits);
	RUN(posted_entries_have_the_figures_bits);
	RUN(messages_carry_the_index);
	RUN(an_entry_is_stored_whole);
	return test_failed;
}

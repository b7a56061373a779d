/* SPDX-License-Identifier: Apache-2.0 */
/*
 * MSR bitmaps. Oracle: SDM Vol. 3C, "MSR-Bitmap Address" (four kilobytes: reads of 0..1FFFH,
 * reads of C0000000H..C0001FFFH, writes likewise), and what may be let through, by number.
 */
#include <string.h>
#include "arch/x86/vmx/msr_bitmap.h"
#include "tests/test.h"

static uint8_t bitmap[PAGE_BYTES];

static bool exits(uint32_t msr, bool is_write)
{
	const uint32_t low = msr & 0x1fff;
	const uint32_t at = (is_write ? 2048u : 0) + (msr >> 30 ? 1024u : 0) + low / 8;

	return bitmap[at] >> low % 8 & 1;
}

static bool is_one_of(const uint32_t *list, uint32_t count, uint32_t msr)
{
	for (uint32_t i = 0; i < count; i++)
		if (list[i] == msr)
			return true;
	return false;
}

/* SYSENTER, PAT, STAR to FMASK, FS, GS and kernel GS base: switched with the vCPU. */
static const uint32_t switched[] = { 0x174,      0x175,      0x176,      0x277,
				     0xc0000081, 0xc0000082, 0xc0000083, 0xc0000084,
				     0xc0000100, 0xc0000101, 0xc0000102 };
static const uint32_t hardware_writes[] = { 0x808, 0x80b, 0x83f };

static bool hardware_reads(uint32_t msr)
{
	const uint32_t single[] = { 0x802, 0x803, 0x808, 0x80a, 0x80d,
				    0x80f, 0x828, 0x830, 0x838, 0x83e };

	return is_one_of(single, ARRAY_SIZE(single), msr) || (msr >= 0x810 && msr <= 0x827) ||
	       (msr >= 0x832 && msr <= 0x837);
}

/* Not the ID, ICR, SVR, LVT, counters, TMR, ESR: those are the virtual APIC's. */
static bool lent_reads(uint32_t msr)
{
	return msr == 0x808 || msr == 0x80a || (msr >= 0x810 && msr <= 0x817) ||
	       (msr >= 0x820 && msr <= 0x827);
}

static void check_all(enum vmx_msr_bitmap kind)
{

	vmx_msr_bitmap_build(bitmap, kind);
	for (uint32_t i = 0; i < 0x4000; i++) {
		const uint32_t msr = i < 0x2000 ? i : 0xc0000000 + i - 0x2000;
		const bool is_free = is_one_of(switched, ARRAY_SIZE(switched), msr);
		const bool reads = kind == VMX_MSRS_LENT
					   ? lent_reads(msr)
					   : kind == VMX_MSRS_X2APIC && hardware_reads(msr);
		const bool writes = kind != VMX_MSRS_PLAIN &&
				    is_one_of(hardware_writes, ARRAY_SIZE(hardware_writes), msr);

		CHECK(exits(msr, false) == !(is_free || reads));
		CHECK(exits(msr, true) == !(is_free || writes));
	}
}

static void only_switched_msrs_are_free(void)
{
	check_all(VMX_MSRS_PLAIN);
}

/* EOI (80BH) and SELF IPI cannot be read; the current count (839H) is not in the page. */
static void with_a_virtual_x2apic_its_page_is_free_too(void)
{
	check_all(VMX_MSRS_X2APIC);
}

static void with_a_cores_own_apic_only_what_running_takes_is_free(void)
{
	check_all(VMX_MSRS_LENT);
}

/* In either half, for reading and for writing, and back: and no other bit. */
static void a_choice_changes_one_bit(void)
{
	static const uint32_t some[] = { 0, 0x6e0, 0x80b, 0x1fff, 0xc0000000, 0xc0001fff };
	uint8_t before[PAGE_BYTES];

	for (uint32_t n = 0; n < 2 * ARRAY_SIZE(some); n++) {
		const uint32_t msr = some[n / 2];
		const enum vmx_msr_access access = n % 2 ? VMX_MSR_WRITES : VMX_MSR_READS;
		uint32_t changed = 0;

		vmx_msr_bitmap_build(bitmap, VMX_MSRS_LENT);
		vmx_msr_bitmap_choose(bitmap, msr, access, VMX_MSR_EXITS);
		memcpy(before, bitmap, sizeof(before));
		vmx_msr_bitmap_choose(bitmap, msr, access, VMX_MSR_IS_FREE);
		CHECK(!exits(msr, n % 2));
		for (uint32_t i = 0; i < PAGE_BYTES; i++)
			changed += (uint32_t)__builtin_popcount(before[i] ^ bitmap[i]);
		CHECK(changed == 1);
		vmx_msr_bitmap_choose(bitmap, msr, access, VMX_MSR_EXITS);
		CHECK(memcmp(before, bitmap, sizeof(before)) == 0);
	}
}

/* TSC, TSC_ADJUST, APIC base, SPEC_CTRL, PRED_CMD, TSC deadline, EFER, TSC_AUX, XSS, DEBUGCTL. */
static void what_is_the_hosts_always_exits(void)
{
	const uint32_t hosts[] = { 0x10,  0x3b,  0x1b,  0x48,       0x49,
				   0x6e0, 0xda0, 0x1d9, 0xc0000080, 0xc0000103 };

	for (uint32_t kind = 0; kind < VMX_MSR_BITMAP_COUNT; kind++) {
		vmx_msr_bitmap_build(bitmap, (enum vmx_msr_bitmap)kind);
		for (uint32_t i = 0; i < ARRAY_SIZE(hosts); i++)
			CHECK(exits(hosts[i], false) && exits(hosts[i], true));
	}
}

int main(void)
{
	RUN(only_switched_msrs_are_free);
	RUN(with_a_virtual_x2apic_its_page_is_free_too);
	RUN(with_a_cores_own_apic_only_what_running_takes_is_free);
	RUN(a_choice_changes_one_bit);
	RUN(what_is_the_hosts_always_exits);
	return test_failed;
}

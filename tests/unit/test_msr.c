/* SPDX-License-Identifier: Apache-2.0 */
/* MSRs: everything not on the list is refused, and what is on it follows the manual. */
#include <stdlib.h>
#include <string.h>
#include "arch/x86/cpuid.h"
#include "arch/x86/msr.h"
#include "tests/test.h"

/* ---- A back-end of plain memory ---- */

static uint64_t sysregs[32];
static struct vcpu v;
static struct vlapic_ipi ipi;

static uint64_t fake_read(struct vcpu *at, enum guest_sysreg reg)
{
	return sysregs[reg];
}

static void fake_write(struct vcpu *at, enum guest_sysreg reg, uint64_t value)
{
	CHECK(reg != SYSREG_CR0 && reg != SYSREG_CR4);
	sysregs[reg] = value;
}

static const struct backend backend = { .name = "fake",
					.read_sysreg = fake_read,
					.write_sysreg = fake_write };

static struct cpuid_regs host(uint32_t leaf, uint32_t subleaf)
{
	if (leaf == 0)
		return (struct cpuid_regs){ 0x1f, 0x756e6547, 0x6c65746e, 0x49656e69 };
	if (leaf == 0x80000000)
		return (struct cpuid_regs){ 0x80000008, 0, 0, 0 };
	if (leaf == 0xd && subleaf == 0)
		return (struct cpuid_regs){ 0xe7, 0, 0, 0 };
	return (struct cpuid_regs){ ~0u, ~0u, ~0u, ~0u };
}

static void fresh(void)
{
	cpuid_init(host, cpuid_xcr0_offered(host), 1000000000);
	memset(&v, 0, sizeof(v));
	memset(sysregs, 0, sizeof(sysregs));
	vlapic_init(&v.lapic, 0);
	v.tsc_offset = 0 - 5000ull;
	v.xcr0 = 1;
}

static bool reads(uint32_t msr)
{
	uint64_t value;

	return msr_read(&v, &backend, msr, 9000, &value) == OK;
}

static bool writes(uint32_t msr, uint64_t value)
{
	return msr_write(&v, &backend, msr, value, 9000, &ipi) == OK;
}

static uint64_t value_of(uint32_t msr)
{
	uint64_t value = ~0ull;

	CHECK(msr_read(&v, &backend, msr, 9000, &value) == OK);
	return value;
}

/* ---- Properties ---- */

/* But for the x2APIC range, which test_vlapic walks. */
static const uint32_t readable[] = { 0x10,       0x17,       0x1b,       0x8b,       0x174,
				     0x175,      0x176,      0x1a0,      0x277,      0x6e0,
				     0xc0000080, 0xc0000081, 0xc0000082, 0xc0000083, 0xc0000084,
				     0xc0000100, 0xc0000101, 0xc0000102, 0xc0000103 };

static bool is_listed(uint32_t msr)
{
	for (size_t i = 0; i < ARRAY_SIZE(readable); i++)
		if (readable[i] == msr)
			return true;
	return false;
}

static void check_one(uint32_t msr)
{
	const bool listed = is_listed(msr);

	if (msr >= 0x800 && msr <= 0x8ff)
		return;
	CHECK(reads(msr) == listed);
	if (!listed) {
		CHECK(!writes(msr, 0));
		CHECK(!writes(msr, ~0ull));
	}
}

static void what_is_not_listed_is_refused(void)
{
	static const uint32_t first[] = { 0, 0x40000000, 0x80000000, 0xc0000000, 0xc0010000 };

	fresh();
	for (size_t i = 0; i < ARRAY_SIZE(first); i++)
		for (uint32_t msr = first[i]; msr < first[i] + 0x3000; msr++)
			check_one(msr);
	srand(4);
	for (int i = 0; i < 100000; i++)
		check_one((uint32_t)rand() << 1 ^ (uint32_t)rand());
}

static void addresses_must_be_canonical(void)
{
	static const uint32_t msrs[] = { 0x175,      0x176,      0xc0000082, 0xc0000083,
					 0xc0000100, 0xc0000101, 0xc0000102 };

	fresh();
	for (size_t i = 0; i < ARRAY_SIZE(msrs); i++) {
		CHECK(writes(msrs[i], 0xffff800012345678));
		CHECK(value_of(msrs[i]) == 0xffff800012345678);
		CHECK(!writes(msrs[i], 0x0000800000000000));
		CHECK(!writes(msrs[i], 0xfffe800000000000));
		CHECK(value_of(msrs[i]) == 0xffff800012345678);
		CHECK(writes(msrs[i], 0x00007fffffffffff));
	}
}

static void reserved_upper_halves_are_refused(void)
{
	static const uint32_t msrs[] = { 0x174, 0xc0000084, 0xc0000103 };

	fresh();
	for (size_t i = 0; i < ARRAY_SIZE(msrs); i++) {
		CHECK(writes(msrs[i], 0xfffffff8) && value_of(msrs[i]) == 0xfffffff8);
		CHECK(!writes(msrs[i], 1ull << 32) && value_of(msrs[i]) == 0xfffffff8);
	}
	CHECK(writes(0xc0000081, ~0ull) && value_of(0xc0000081) == ~0ull);
}

/* SDM Vol. 3A, "Page Attribute Table (PAT)": encodings 2, 3 and 8..255 are reserved. */
static void pat_takes_legal_types_only(void)
{
	fresh();
	CHECK(writes(0x277, 0x0007040600070406));
	for (uint32_t entry = 0; entry < 8; entry++)
		for (uint64_t type = 0; type < 256; type++)
			CHECK(writes(0x277, type << 8 * entry) ==
			      (type == 0 || type == 1 || (type >= 4 && type <= 7)));
}

static void efer_follows_the_manual(void)
{
	fresh();
	CHECK(writes(0xc0000080, 0x901) && sysregs[SYSREG_EFER] == 0x901);
	for (uint32_t b = 0; b < 64; b++)
		CHECK(writes(0xc0000080, 0x100 | 1ull << b) ==
		      (b == 0 || b == 8 || b == 10 || b == 11));
	sysregs[SYSREG_EFER] = 0x500;     /* LME, LMA */
	sysregs[SYSREG_CR0] = 0x80000001; /* paging is on */
	CHECK(!writes(0xc0000080, 0));
	CHECK(writes(0xc0000080, 0x901));
	CHECK(sysregs[SYSREG_EFER] == 0xd01); /* LMA stays: it is read only */
	sysregs[SYSREG_EFER] = 0;
	CHECK(!writes(0xc0000080, 0x100));
	sysregs[SYSREG_CR0] = 1;
	CHECK(writes(0xc0000080, 0x500) && sysregs[SYSREG_EFER] == 0x100);
}

static void constants_take_only_themselves(void)
{
	fresh();
	CHECK(value_of(0x1b) == 0xfee00d00);
	CHECK(writes(0x1b, 0xfee00d00));
	CHECK(!writes(0x1b, 0xfee00900)); /* leave x2APIC mode */
	CHECK(!writes(0x1b, 0xfee00000)); /* disable */
	CHECK(!writes(0x1b, 0xfed00d00)); /* move */
	CHECK(writes(0x1a0, value_of(0x1a0)) && !writes(0x1a0, 0));
	CHECK(!(value_of(0x1a0) & 1u << 18)); /* no MONITOR */
	CHECK(writes(0x8b, 0) && !writes(0x17, 0));
}

static void time_reads_offset_and_cannot_be_set(void)
{
	fresh();
	CHECK(value_of(0x10) == 4000);
	CHECK(!writes(0x10, 4000) && !writes(0x3b, 0) && !reads(0x3b));
	CHECK(writes(0x80f, 0x1ff) && writes(0x832, 2u << 17 | 0x40));
	CHECK(writes(0x6e0, 4500) && value_of(0x6e0) == 4500);
	CHECK(vlapic_timer_tsc(&v.lapic) == 9500);
}

/* SDM Vol. 1, chapter on XSAVE: all 2^10 combinations against its sentences. */
static void xcr0_takes_legal_combinations_only(void)
{
	fresh();
	for (uint64_t x = 0; x < 1024; x++) {
		const bool x87 = x & 1, sse = x & 2, avx = x & 4;
		const uint64_t avx512 = x >> 5 & 7;
		const bool legal = x87 && (!avx || sse) && (avx512 == 0 || (avx512 == 7 && avx)) &&
				   !(x & 0x318);

		v.xcr0 = 1;
		CHECK((msr_xsetbv(&v, 0, x) == OK) == legal);
		CHECK(v.xcr0 == (legal ? x : 1));
	}
	CHECK(msr_xsetbv(&v, 1, 1) == ERR_INVAL && msr_xsetbv(&v, 0, 1ull << 62 | 1) == ERR_INVAL);
}

int main(void)
{
	RUN(what_is_not_listed_is_refused);
	RUN(addresses_must_be_canonical);
	RUN(reserved_upper_halves_are_refused);
	RUN(pat_takes_legal_types_only);
	RUN(efer_follows_the_manual);
	RUN(constants_take_only_themselves);
	RUN(time_reads_offset_and_cannot_be_set);
	RUN(xcr0_takes_legal_combinations_only);
	return test_failed;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* MSRs: everything not on the list is refused, and what is on it follows the manual. */
#include <stdlib.h>
#include <string.h>
#include "arch/guest.h"
#include "arch/x86/cpuid.h"
#include "arch/x86/msr.h"
#include "arch/x86/msr_host.h"
#include "tests/test.h"

/* ---- A back-end of plain memory, and a CPU below ---- */

static uint64_t sysregs[32];
static struct vcpu v;
static uint32_t apic_page[1024];
static struct vlapic_effect effect;
static int offset_changes, barriers;

static uint64_t fake_read(struct vcpu *at, enum guest_sysreg reg)
{
	return sysregs[reg];
}

static void fake_write(struct vcpu *at, enum guest_sysreg reg, uint64_t value)
{
	CHECK(reg != SYSREG_CR0 && reg != SYSREG_CR3 && reg != SYSREG_CR4);
	sysregs[reg] = value;
}

static void fake_offset_changed(struct vcpu *at)
{
	CHECK(at == &v);
	offset_changes++;
}

static const struct backend backend = { .name = "fake",
					.read_sysreg = fake_read,
					.write_sysreg = fake_write,
					.tsc_offset_changed = fake_offset_changed };

uint64_t msr_host_arch_capabilities(void)
{
	return ~0ull;
}

void msr_host_predictor_barrier(void)
{
	barriers++;
}

/* A host with every feature there is. */
static struct cpuid_regs intel(uint32_t leaf, uint32_t subleaf)
{
	if (leaf == 0)
		return (struct cpuid_regs){ 0x1f, 0x756e6547, 0x6c65746e, 0x49656e69 };
	if (leaf == 0x80000000)
		return (struct cpuid_regs){ 0x80000021, 0, 0, 0 };
	if (leaf == 0x80000008)
		return (struct cpuid_regs){ 48 << 8 | 40, ~0u, 0, 0 };
	if (leaf == 0xd && subleaf == 0)
		return (struct cpuid_regs){ 0xe7, 0, 0, 0 };
	return (struct cpuid_regs){ ~0u, ~0u, ~0u, ~0u };
}

static struct cpuid_regs amd(uint32_t leaf, uint32_t subleaf)
{
	if (leaf == 0)
		return (struct cpuid_regs){ 0x10, 0x68747541, 0x444d4163, 0x69746e65 };
	return intel(leaf, subleaf);
}

/* Like Intel's first ones with VT-x: no answer to any speculation. */
static struct cpuid_regs plain(uint32_t leaf, uint32_t subleaf)
{
	struct cpuid_regs r = intel(leaf, subleaf);

	if (leaf == 7)
		r.edx = 0;
	if (leaf == 0x80000008)
		r.ebx = 0;
	return r;
}

enum pc { WITHOUT_PC, WITH_PC };

static void fresh_on(cpuid_read_fn *host, enum pc pc)
{
	cpuid_init(host, cpuid_xcr0_offered(host), 1000000000);
	memset(&v, 0, sizeof(v));
	memset(sysregs, 0, sizeof(sysregs));
	v.has_pc = pc == WITH_PC;
	v.vcpu_count = 1;
	v.apic_mode_at_entry = VLAPIC_X2APIC;
	vlapic_init(&v.lapic, apic_page, 0, VLAPIC_X2APIC);
	msr_reset(&v);
	v.tsc_offset = 0 - 5000ull;
	v.xcr0 = 1;
	offset_changes = barriers = 0;
}

static void fresh(void)
{
	fresh_on(intel, WITH_PC);
}

static bool reads(uint32_t msr)
{
	uint64_t value;

	return msr_read(&v, &backend, msr, 9000, &value) == OK;
}

static bool writes(uint32_t msr, uint64_t value)
{
	memset(&effect, 0xff, sizeof(effect));
	return msr_write(&v, &backend, msr, value, 9000, &effect) == OK;
}

static uint64_t value_of(uint32_t msr)
{
	uint64_t value = ~0ull;

	CHECK(msr_read(&v, &backend, msr, 9000, &value) == OK);
	return value;
}

/* ---- What exists ---- */

#define ALWAYS     0u
#define ON_INTEL   1u
#define ON_AMD     2u
#define ON_PC      4u
#define WRITE_ONLY 8u
#define LISTED     16u

/* But for the x2APIC range, which test_vlapic walks. Numbers from SDM Vol. 4, AMD's PPR, Linux. */
static const struct {
	uint32_t first, last;
	uint32_t exists;
} listed[] = {
	{ 0x10, 0x10, ALWAYS },
	{ 0x17, 0x17, ON_INTEL },
	{ 0x1b, 0x1b, ALWAYS },
	{ 0x3a, 0x3a, ON_INTEL | ON_PC },
	{ 0x3b, 0x3b, ON_PC },
	{ 0x49, 0x49, WRITE_ONLY },
	{ 0x8b, 0x8b, ALWAYS },
	{ 0xfe, 0xfe, ON_PC },
	{ 0x10a, 0x10a, ON_INTEL },
	{ 0x174, 0x176, ALWAYS },
	{ 0x179, 0x17a, ALWAYS },
	{ 0x1a0, 0x1a0, ON_INTEL },
	{ 0x1d9, 0x1d9, ON_PC },
	{ 0x200, 0x20f, ON_PC },
	{ 0x250, 0x250, ON_PC },
	{ 0x258, 0x259, ON_PC },
	{ 0x268, 0x26f, ON_PC },
	{ 0x277, 0x277, ALWAYS },
	{ 0x2ff, 0x2ff, ON_PC },
	{ 0x6e0, 0x6e0, ALWAYS },
	{ 0x4b564d03, 0x4b564d03, ALWAYS },
	{ 0x4b564d05, 0x4b564d05, ALWAYS },
	{ 0xc0000080, 0xc0000084, ALWAYS },
	{ 0xc0000100, 0xc0000103, ALWAYS },
	{ 0xc0010000, 0xc0010007, ON_AMD | ON_PC },
	{ 0xc0010010, 0xc0010010, ON_AMD | ON_PC },
	{ 0xc0010015, 0xc0010015, ON_AMD | ON_PC },
	{ 0xc001001f, 0xc001001f, ON_AMD | ON_PC },
	{ 0xc0010055, 0xc0010055, ON_AMD | ON_PC },
	{ 0xc0010058, 0xc0010058, ON_AMD | ON_PC },
	{ 0xc0011029, 0xc0011029, ON_AMD | ON_PC },
};

/* `has`: what is true of the vCPU. */
static uint32_t listed_as(uint32_t msr, uint32_t has)
{
	for (size_t i = 0; i < ARRAY_SIZE(listed); i++)
		if (msr >= listed[i].first && msr <= listed[i].last)
			return (listed[i].exists & ~WRITE_ONLY & ~has) == 0
				       ? LISTED | listed[i].exists
				       : 0;
	return 0;
}

static void check_one(uint32_t msr, uint32_t has)
{
	const uint32_t as = listed_as(msr, has);
	const bool is_readable = as != 0 && !(as & WRITE_ONLY);

	if (msr >= 0x800 && msr <= 0x8ff)
		return;
	if (reads(msr) != is_readable)
		printf("MSR %x: listed as %x\n", msr, as);
	CHECK(reads(msr) == is_readable);
	if (as == 0) {
		CHECK(!writes(msr, 0));
		CHECK(!writes(msr, 1));
		CHECK(!writes(msr, ~0ull));
	}
}

static void check_all(uint32_t has)
{
	static const uint32_t first[] = { 0,          0x40000000, 0x4b564000,
					  0x80000000, 0xc0000000, 0xc0010000 };

	for (size_t i = 0; i < ARRAY_SIZE(first); i++)
		for (uint32_t msr = first[i]; msr < first[i] + 0x3000; msr++)
			check_one(msr, has);
	srand(4);
	for (int i = 0; i < 100000; i++)
		check_one((uint32_t)rand() << 1 ^ (uint32_t)rand(), has);
}

static void what_is_not_listed_is_refused(void)
{
	fresh_on(intel, WITHOUT_PC);
	check_all(ON_INTEL);
	fresh_on(intel, WITH_PC);
	check_all(ON_INTEL | ON_PC);
	fresh_on(amd, WITHOUT_PC);
	check_all(ON_AMD);
	fresh_on(amd, WITH_PC);
	check_all(ON_AMD | ON_PC);
}

/* What tests/boot asks of a running guest: our own guests see few. */
static void a_guest_without_a_pc_sees_at_most_64(void)
{
	static cpuid_read_fn *const hosts[] = { intel, amd };

	for (int i = 0; i < 2; i++) {
		int count = 0;

		fresh_on(hosts[i], WITHOUT_PC);
		for (uint32_t msr = 0; msr < 0x2000; msr++)
			count += reads(msr) + reads(0xc0000000 + msr) + reads(0xc0010000 + msr);
		CHECK(count > 40 && count <= 64);
	}
}

/* ---- What it does ---- */

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

static void constants_take_only_themselves_and_what_is_lost(void)
{
	static const struct {
		uint32_t msr;
		uint64_t value, lost;
	} on_intel[] = { { 0x8b, 0, 0 },
			 { 0x1a0, 0x1801, 0 },
			 { 0x1d9, 0, 3 },
			 { 0x4b564d05, 1, 1 } },
	  on_amd[] = { { 0x8b, 0, 0 },
		       { 0xc0010000, 0, ~0ull },
		       { 0xc0010007, 0, ~0ull },
		       { 0xc0010010, 0, 0 },
		       { 0xc0010015, 1 << 24, 0x148 },
		       { 0xc001001f, 0, 1ull << 46 },
		       { 0xc0010055, 0, 0 },
		       { 0xc0010058, 0, 0 },
		       { 0xc0011029, 2, 0 } };

	for (int is_amd = 0; is_amd < 2; is_amd++) {
		fresh_on(is_amd ? amd : intel, WITH_PC);
		for (size_t i = 0; i < (is_amd ? ARRAY_SIZE(on_amd) : ARRAY_SIZE(on_intel)); i++) {
			const uint32_t msr = is_amd ? on_amd[i].msr : on_intel[i].msr;
			const uint64_t is = is_amd ? on_amd[i].value : on_intel[i].value;
			const uint64_t lost = is_amd ? on_amd[i].lost : on_intel[i].lost;

			CHECK(value_of(msr) == is && writes(msr, is));
			for (uint32_t b = 0; b < 64; b++)
				CHECK(writes(msr, is ^ 1ull << b) == (lost >> b & 1));
			CHECK(value_of(msr) == is);
		}
	}
	fresh();
	CHECK(value_of(0x3a) == 1 && !writes(0x3a, 1) && !writes(0x3a, 5)); /* locked: #GP */
	CHECK(!writes(0x17, 0) && !writes(0xfe, value_of(0xfe)));
}

/* ---- Time ---- */

/* SDM Vol. 3B, "Time-Stamp Counter Adjustment": both move by the same. */
static void tsc_and_its_adjustment_move_together(void)
{
	uint64_t tsc = 4000, adjust = 0; /* as the guest sees them at host TSC 9000 */

	fresh();
	CHECK(value_of(0x10) == tsc && value_of(0x3b) == 0);
	srand(1);
	for (int i = 0; i < 1000; i++) {
		const uint64_t to = i % 7 == 0 ? ~0ull - (uint32_t)rand()
					       : (uint64_t)rand() << 20 ^ (uint32_t)rand();
		const bool to_tsc = rand() & 1;
		const uint64_t by = to - (to_tsc ? tsc : adjust);

		CHECK(writes(to_tsc ? 0x10 : 0x3b, to));
		tsc += by;
		adjust += by;
		CHECK(value_of(0x10) == tsc && value_of(0x3b) == adjust);
		CHECK(v.tsc_offset == tsc - 9000 && offset_changes == i + 1);
	}
	fresh_on(intel, WITHOUT_PC);
	CHECK(value_of(0x10) == 4000 && !writes(0x10, 4000) && !writes(0x3b, 0));
	CHECK(v.tsc_offset == 0 - 5000ull && offset_changes == 0);
}

/* A deadline is one of the guest's TSC, however that is moved. */
static void an_armed_deadline_follows_the_guests_tsc(void)
{
	fresh();
	CHECK(writes(0x80f, 0x1ff) && writes(0x832, 2u << 17 | 0x40));
	CHECK(writes(0x6e0, 4500) && value_of(0x6e0) == 4500);
	CHECK(vlapic_timer_tsc(&v.lapic) == 9500);
	CHECK(writes(0x3b, 0 - 1000ull)); /* guest TSC 3000 */
	CHECK(value_of(0x6e0) == 4500 && vlapic_timer_tsc(&v.lapic) == 10500);
	CHECK(writes(0x10, 4400));
	CHECK(value_of(0x6e0) == 4500 && vlapic_timer_tsc(&v.lapic) == 9100);
	CHECK(writes(0x6e0, 0) && writes(0x10, 0));
	CHECK(value_of(0x6e0) == 0 && vlapic_timer_tsc(&v.lapic) == TSC_NEVER);
}

/* ---- The APIC ---- */

/* SDM Vol. 3A, "x2APIC State Transitions": every mode to every value of the two bits. */
static void apic_base_follows_the_state_transitions(void)
{
	/* [from][to], each disabled, xAPIC, x2APIC, invalid */
	static const bool legal[3][4] = { { true, true, false, false },
					  { true, true, true, false },
					  { true, false, true, false } };
	static const uint64_t bits[] = { 0, 0x800, 0xc00, 0x400 };

	for (uint32_t from = 0; from < 3; from++)
		for (uint32_t to = 0; to < 4; to++) {
			fresh();
			v.lapic.mode = (uint8_t)from;
			CHECK(value_of(0x1b) == (0xfee00100 | bits[from]));
			CHECK(writes(0x1b, 0xfee00100 | bits[to]) == legal[from][to]);
			CHECK(v.lapic.mode == (legal[from][to] ? to : from));
			CHECK(reads(0x802) == (v.lapic.mode == VLAPIC_X2APIC));
			CHECK(writes(0x80b, 0) == (v.lapic.mode == VLAPIC_X2APIC));
		}
	fresh();
	CHECK(!writes(0x1b, 0xfee00c00)); /* not the bootstrap processor */
	CHECK(!writes(0x1b, 0xfed00d00)); /* moved */
}

static void only_the_apic_has_effects(void)
{
	static const uint32_t msrs[] = { 0x1b, 0x10, 0x6e0, 0xc0000080, 0xc0000100, 0x4b564d03 };

	fresh();
	for (size_t i = 0; i < ARRAY_SIZE(msrs); i++) {
		CHECK(writes(msrs[i], value_of(msrs[i])));
		CHECK(!effect.has_message && !effect.has_level_eoi);
	}
	CHECK(writes(0x80b, 0) && !effect.has_message && !effect.has_level_eoi);
	CHECK(writes(0x80f, 0x1ff) && writes(0x830, 3ull << 32 | 0x55) && effect.has_message);
	CHECK(effect.message.destination == 3 && effect.message.vector == 0x55);
}

/* ---- Memory types ---- */

static bool is_mtrr_type(uint64_t type)
{
	return type == 0 || type == 1 || (type >= 4 && type <= 6);
}

/* "Memory Type Range Registers (MTRRs)": what each register calls reserved, bit by bit. */
static void mtrrs_refuse_what_is_reserved(void)
{
	fresh(); /* 40 bits of physical address */
	for (uint64_t type = 0; type < 256; type++) {
		CHECK(writes(0x2ff, type) == is_mtrr_type(type));
		for (uint32_t msr = 0x200; msr < 0x210; msr += 2)
			CHECK(writes(msr, type) == is_mtrr_type(type));
		for (uint32_t msr = 0x250; msr < 0x270; msr++)
			for (int at = 0; at < 64 && listed_as(msr, ON_PC); at += 8)
				CHECK(writes(msr, type << at) == is_mtrr_type(type));
	}
	for (uint32_t b = 8; b < 64; b++) {
		CHECK(writes(0x2ff, 6 | 1ull << b) == (b == 10 || b == 11));
		for (uint32_t msr = 0x200; msr < 0x210; msr += 2) {
			CHECK(writes(msr, 6 | 1ull << b) == (b >= 12 && b < 40));
			CHECK(writes(msr + 1, 1ull << b) == (b >= 11 && b < 40));
		}
	}
	for (uint32_t b = 0; b < 8; b++)
		CHECK(!writes(0x201, 1ull << b));
	CHECK(value_of(0xfe) == 0x508);
}

/* A legal value of its own for every register: fixed ones have their number in types 0 and 1. */
static uint64_t mtrr_value(uint32_t msr)
{
	uint64_t types = 0;

	if (msr == 0x2ff)
		return 0xc01;
	if (msr < 0x210)
		return (uint64_t)msr << 12 | (msr & 1 ? 0x800 : 1);
	for (uint32_t i = 0; i < 8; i++)
		types |= (uint64_t)(msr >> i & 1) << 8 * i;
	return types;
}

static void mtrrs_keep_what_was_written_each_its_own(void)
{
	fresh();
	for (uint32_t msr = 0x200; msr < 0x300; msr++)
		if (msr != 0x277 && listed_as(msr, ON_PC))
			CHECK(writes(msr, mtrr_value(msr)));
	for (uint32_t msr = 0x200; msr < 0x300; msr++)
		if (msr != 0x277 && listed_as(msr, ON_PC))
			CHECK(value_of(msr) == mtrr_value(msr));
	msr_reset(&v);
	CHECK(value_of(0x2ff) == 0xc06);
}

/* The type of an address, as the manual says to find it: fixed ranges, variable ones, default. */
static uint64_t type_at(uint64_t at)
{
	const uint64_t def = value_of(0x2ff);

	if ((def & 0x400) && at < 0x80000)
		return value_of(0x250) >> at / 0x10000 * 8 & 0xff;
	if ((def & 0x400) && at < 0xc0000)
		return value_of(0x258 + (uint32_t)(at - 0x80000) / 0x20000) >>
			       (at / 0x4000 % 8 * 8) &
		       0xff;
	if ((def & 0x400) && at < 0x100000)
		return value_of(0x268 + (uint32_t)(at - 0xc0000) / 0x8000) >>
			       (at / 0x1000 % 8 * 8) &
		       0xff;
	for (uint32_t i = 0x200; i < 0x210; i += 2) {
		const uint64_t mask = value_of(i + 1);

		if ((mask & 0x800) && (at & mask & ~0xfffull) == (value_of(i) & mask & ~0xfffull))
			return value_of(i) & 0xff;
	}
	return def & 0xff;
}

static void at_power_on_ram_is_cached_and_devices_are_not(void)
{
	fresh();
	CHECK(value_of(0x2ff) & 0x800);
	for (uint64_t at = 0; at < 6 * GIB(1); at += at < MIB(2) ? 0x1000 : MIB(1) - 0x1000) {
		const bool is_ram = at < GUEST_HOLE_FIRST ||
				    (at >= GUEST_ROM_FIRST && at < GUEST_LOW_MAX) ||
				    at >= GUEST_HIGH;

		CHECK(type_at(at) == (is_ram ? 6 : 0));
	}
	CHECK(type_at(0xfee00000) == 0 && type_at(0xfffff000) == 0 && type_at(GUEST_HIGH) == 6);
	CHECK(type_at(GUEST_LOW_MAX - 0x1000) == 6 && type_at(GUEST_LOW_MAX) == 0);
}

/* ---- Speculation, and Linux's paravirtual interface ---- */

static void a_predictor_barrier_reaches_the_cpu(void)
{
	fresh_on(amd, WITHOUT_PC);
	CHECK(writes(0x49, 1) && barriers == 1);
	CHECK(writes(0x49, 0) && barriers == 1);
	for (uint32_t b = 1; b < 64; b++)
		CHECK(!writes(0x49, 1ull << b) && !writes(0x49, 1ull << b | 1));
	CHECK(barriers == 1);
	fresh_on(plain, WITH_PC);
	CHECK(!writes(0x49, 1) && !writes(0x49, 0) && barriers == 0);
	CHECK(!reads(0x10a));
}

/* Bits that come with a register to write are not passed: IBRS_ALL 1, TSX_CTRL 7, ... */
static void capabilities_are_facts_only(void)
{
	static const uint32_t controls[] = { 1, 2, 7, 9, 10, 11, 12, 16, 18, 19, 21, 22, 23, 25 };

	fresh();
	for (size_t i = 0; i < ARRAY_SIZE(controls); i++)
		CHECK(!(value_of(0x10a) >> controls[i] & 1));
	CHECK(value_of(0x10a) & 1); /* RDCL_NO */
	CHECK(!writes(0x10a, value_of(0x10a)));
}

/* Linux, "KVM-specific MSRs": bits 5:1 are reserved. SDM Vol. 3B, "IA32_MCG_STATUS MSR": 63:3. */
static void steal_time_and_machine_check_status_keep_all_but_reserved_bits(void)
{
	fresh();
	CHECK(value_of(0x4b564d03) == 0 && value_of(0x17a) == 0 && value_of(0x179) == 0);
	for (uint32_t b = 0; b < 64; b++) {
		const bool legal[] = { b == 0 || b >= 6, b < 3 };

		CHECK(writes(0x4b564d03, 0) && writes(0x17a, 0));
		CHECK(writes(0x4b564d03, 1ull << b) == legal[0]);
		CHECK(writes(0x17a, 1ull << b) == legal[1]);
		CHECK(v.steal_msr == (legal[0] ? 1ull << b : 0));
		CHECK(value_of(0x17a) == (legal[1] ? 1ull << b : 0));
	}
	CHECK(writes(0x4b564d03, 0x123441) && value_of(0x4b564d03) == 0x123441);
	CHECK(!writes(0x179, 0));
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
	RUN(a_guest_without_a_pc_sees_at_most_64);
	RUN(addresses_must_be_canonical);
	RUN(reserved_upper_halves_are_refused);
	RUN(pat_takes_legal_types_only);
	RUN(efer_follows_the_manual);
	RUN(constants_take_only_themselves_and_what_is_lost);
	RUN(tsc_and_its_adjustment_move_together);
	RUN(an_armed_deadline_follows_the_guests_tsc);
	RUN(apic_base_follows_the_state_transitions);
	RUN(only_the_apic_has_effects);
	RUN(mtrrs_refuse_what_is_reserved);
	RUN(mtrrs_keep_what_was_written_each_its_own);
	RUN(at_power_on_ram_is_cached_and_devices_are_not);
	RUN(a_predictor_barrier_reaches_the_cpu);
	RUN(capabilities_are_facts_only);
	RUN(steal_time_and_machine_check_status_keep_all_but_reserved_bits);
	RUN(xcr0_takes_legal_combinations_only);
	return test_failed;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* CPUID for guests, on hosts that have everything, little, or are like real ones. */
#include <string.h>
#include "arch/x86/cpuid.h"
#include "tests/test.h"

/* ---- Hosts ---- */

static uint64_t guest_cr4;

static uint64_t fake_sysreg(struct vcpu *v, enum guest_sysreg reg)
{
	CHECK(reg == SYSREG_CR4);
	return guest_cr4;
}

static const struct backend backend = { .name = "fake", .read_sysreg = fake_sysreg };
static struct vcpu v;

/* XSAVE components of a host with AVX-512 and PKU: size, offset, as every such CPU has them. */
static struct cpuid_regs host_xsave(uint32_t subleaf)
{
	switch (subleaf) {
	case 0:
		return (struct cpuid_regs){ 0x2e7, 2696, 2696, 0 };
	case 1:
		return (struct cpuid_regs){ 0x1f, 2696, 0x100, 0 };
	case 2:
		return (struct cpuid_regs){ 256, 576, 0, 0 };
	case 5:
		return (struct cpuid_regs){ 64, 1088, 0, 0 };
	case 6:
		return (struct cpuid_regs){ 512, 1152, 2, 0 };
	case 7:
		return (struct cpuid_regs){ 1024, 1664, 0, 0 };
	case 9:
		return (struct cpuid_regs){ 8, 2688, 0, 0 };
	default:
		return (struct cpuid_regs){ 0 };
	}
}

/* Every feature bit set, every leaf there. */
static struct cpuid_regs everything(uint32_t leaf, uint32_t subleaf)
{
	if (leaf == 0)
		return (struct cpuid_regs){ 0x23, 0x756e6547, 0x6c65746e, 0x49656e69 };
	if (leaf == 0x80000000)
		return (struct cpuid_regs){ 0x80000028, 0, 0, 0 };
	if (leaf == 0xd)
		return host_xsave(subleaf);
	return (struct cpuid_regs){ ~0u, ~0u, ~0u, ~0u };
}

static struct cpuid_regs everything_amd(uint32_t leaf, uint32_t subleaf)
{
	if (leaf == 0)
		return (struct cpuid_regs){ 0x10, 0x68747541, 0x444d4163, 0x69746e65 };
	return everything(leaf, subleaf);
}

/* Same, but without XSAVE (01H:ECX.26). */
static struct cpuid_regs no_xsave(uint32_t leaf, uint32_t subleaf)
{
	struct cpuid_regs r = everything(leaf, subleaf);

	if (leaf == 1)
		r.ecx &= ~(1u << 26);
	return r;
}

static struct cpuid_regs oldest(uint32_t leaf, uint32_t subleaf)
{
	if (leaf == 0)
		return (struct cpuid_regs){ 1, 0x756e6547, 0x6c65746e, 0x49656e69 };
	return (struct cpuid_regs){ 0 };
}

static void boot_on(cpuid_read_fn *host)
{
	cpuid_init(host, cpuid_xcr0_offered(host), 2000000000);
	memset(&v, 0, sizeof(v));
	v.xcr0 = 1;
	guest_cr4 = 0;
}

static struct cpuid_regs ask(uint32_t leaf, uint32_t subleaf)
{
	v.gpr[GPR_RAX] = 0xdeadbeef00000000 | leaf;
	v.gpr[GPR_RCX] = 0xdeadbeef00000000 | subleaf;
	v.gpr[GPR_RBX] = v.gpr[GPR_RDX] = ~0ull;
	cpuid_emulate(&v, &backend);
	/* 64-bit mode: upper halves are cleared. */
	CHECK((v.gpr[GPR_RAX] | v.gpr[GPR_RBX] | v.gpr[GPR_RCX] | v.gpr[GPR_RDX]) >> 32 == 0);
	return (struct cpuid_regs){ (uint32_t)v.gpr[GPR_RAX], (uint32_t)v.gpr[GPR_RBX],
				    (uint32_t)v.gpr[GPR_RCX], (uint32_t)v.gpr[GPR_RDX] };
}

static bool is_zero(struct cpuid_regs r)
{
	return (r.eax | r.ebx | r.ecx | r.edx) == 0;
}

static bool same(struct cpuid_regs a, struct cpuid_regs b)
{
	return a.eax == b.eax && a.ebx == b.ebx && a.ecx == b.ecx && a.edx == b.edx;
}

/* ---- Properties ---- */

/* Bit names from SDM Vol. 2A and APM Vol. 3; `reg` 0..3 is EAX..EDX. */
static const struct {
	uint32_t leaf, subleaf, reg, bit;
} hidden[] = {
	{ 1, 0, 2, 2 },           { 1, 0, 2, 3 },           { 1, 0, 2, 5 },
	{ 1, 0, 2, 6 },           { 1, 0, 2, 7 },           { 1, 0, 2, 8 },
	{ 1, 0, 2, 11 },          { 1, 0, 2, 15 },          { 1, 0, 2, 18 },
	{ 1, 0, 2, 27 },          { 1, 0, 3, 7 },           { 1, 0, 3, 12 },
	{ 1, 0, 3, 14 },          { 1, 0, 3, 18 },          { 1, 0, 3, 21 },
	{ 1, 0, 3, 22 },          { 1, 0, 3, 28 },          { 1, 0, 3, 29 },
	{ 1, 0, 3, 31 },          { 7, 0, 1, 1 },           { 7, 0, 1, 2 },
	{ 7, 0, 1, 4 },           { 7, 0, 1, 11 },          { 7, 0, 1, 12 },
	{ 7, 0, 1, 14 },          { 7, 0, 1, 15 },          { 7, 0, 1, 25 },
	{ 7, 0, 2, 5 },           { 7, 0, 2, 7 },           { 7, 0, 2, 13 },
	{ 7, 0, 2, 16 },          { 7, 0, 2, 23 },          { 7, 0, 2, 30 },
	{ 7, 0, 2, 31 },          { 7, 0, 3, 18 },          { 7, 0, 3, 20 },
	{ 7, 0, 3, 22 },          { 7, 0, 3, 24 },          { 7, 0, 3, 26 },
	{ 7, 0, 3, 27 },          { 7, 0, 3, 28 },          { 7, 0, 3, 29 },
	{ 7, 0, 3, 31 },          { 0x80000001, 0, 2, 2 },  { 0x80000001, 0, 2, 10 },
	{ 0x80000001, 0, 2, 12 }, { 0x80000001, 0, 2, 22 }, { 0x80000001, 0, 2, 23 },
	{ 0x80000001, 0, 2, 29 }, { 0x80000001, 0, 3, 12 }, { 0x80000001, 0, 3, 25 },
	{ 0xd, 1, 0, 3 },         { 0xd, 1, 0, 4 },
};

static uint32_t reg_of(struct cpuid_regs r, uint32_t reg)
{
	return reg == 0 ? r.eax : reg == 1 ? r.ebx : reg == 2 ? r.ecx : r.edx;
}

static void what_a_guest_must_not_use_is_hidden(void)
{
	boot_on(everything);
	for (size_t i = 0; i < ARRAY_SIZE(hidden); i++)
		CHECK(!(reg_of(ask(hidden[i].leaf, hidden[i].subleaf), hidden[i].reg) >>
				hidden[i].bit &
			1));
	/* MONITOR, DCA, PMU, RDT, SGX, PT, AMX, key locker, SVM, IBS, SEV, ... */
	static const uint32_t empty[] = {
		3,    5,    8,    9,          0xa,        0xc,        0xe,        0xf,       0x10,
		0x11, 0x12, 0x13, 0x14,       0x17,       0x18,       0x19,       0x1a,      0x1b,
		0x1c, 0x1d, 0x1e, 0x80000009, 0x8000000a, 0x8000001b, 0x8000001e, 0x8000001f
	};
	for (size_t i = 0; i < ARRAY_SIZE(empty); i++)
		for (uint32_t sub = 0; sub < 3; sub++)
			CHECK(is_zero(ask(empty[i], sub)));
}

static void no_bit_is_passed_that_no_host_has(void)
{
	struct cpuid_regs r;

	boot_on(oldest);
	r = ask(1, 0);
	CHECK(r.ecx == (1u << 21 | 1u << 24 | 1u << 31)); /* x2APIC, TSC-deadline, hypervisor */
	CHECK(r.edx == 1u << 9);                          /* APIC */
	CHECK(is_zero(ask(7, 0)) && is_zero(ask(4, 0)));
	CHECK(ask(0, 0).eax >= 0xb);
	CHECK(cpuid_guest_xcr0() == 0 && cpuid_efer_bits() == (1 | 1 << 8));
}

static void the_guest_is_told_its_apic_id_and_its_own_cr4(void)
{
	boot_on(everything);
	v.lapic.apic_id = 5;
	CHECK(ask(1, 0).ebx >> 24 == 5 && (ask(1, 0).ebx >> 16 & 0xff) == 1);
	CHECK(!(ask(1, 0).ecx >> 27 & 1) && !(ask(7, 0).ecx >> 4 & 1));
	guest_cr4 = 1u << 18 | 1u << 22;
	CHECK((ask(1, 0).ecx >> 27 & 1) && (ask(7, 0).ecx >> 4 & 1));
}

/* "Extended Topology Enumeration Leaf": levels SMT and core of one logical processor. */
static void topology_is_one_thread_in_one_core(void)
{
	static const uint32_t leaves[] = { 0xb, 0x1f };

	boot_on(everything);
	v.lapic.apic_id = 5;
	for (int i = 0; i < 2; i++) {
		CHECK(same(ask(leaves[i], 0), (struct cpuid_regs){ 0, 1, 0x100, 5 }));
		CHECK(same(ask(leaves[i], 1), (struct cpuid_regs){ 0, 1, 0x201, 5 }));
		CHECK(same(ask(leaves[i], 2), (struct cpuid_regs){ 0, 0, 2, 5 }));
		CHECK(same(ask(leaves[i], 0x1ff), (struct cpuid_regs){ 0, 0, 0xff, 5 }));
	}
	CHECK((ask(4, 0).eax & 0xffffc000) == 0); /* nobody shares the caches */
}

static void xsave_sizes_follow_the_enabled_state(void)
{
	boot_on(everything);
	CHECK(cpuid_guest_xcr0() == 0x2e7);
	CHECK(same(ask(0xd, 0), (struct cpuid_regs){ 0x2e7, 576, 2696, 0 }));
	v.xcr0 = 7;
	CHECK(ask(0xd, 0).ebx == 832);
	v.xcr0 = 0xe7;
	CHECK(ask(0xd, 0).ebx == 2688);
	/* Compacted: AVX 576..832, opmask ..896, ZMM_Hi256 at 896 (64-aligned) ..1408, ..2432. */
	CHECK(ask(0xd, 1).ebx == 2432 && ask(0xd, 1).eax == 7 && ask(0xd, 1).ecx == 0);
	CHECK(same(ask(0xd, 2), (struct cpuid_regs){ 256, 576, 0, 0 }));
	CHECK(is_zero(ask(0xd, 3)) && is_zero(ask(0xd, 8)) && is_zero(ask(0xd, 63)));
	boot_on(no_xsave);
	CHECK(cpuid_guest_xcr0() == 0 && is_zero(ask(0xd, 0)) && is_zero(ask(0xd, 1)));
	CHECK(!(ask(1, 0).ecx & (1u << 26 | 1u << 28 | 1u << 12 | 1u << 29))); /* AVX, FMA, F16C */
	CHECK(!(ask(7, 0).ebx & (1u << 5 | 1u << 16)));
}

/* SDM Vol. 2A, "CPUID": the highest basic leaf's data. APM Vol. 3: zero. */
static void leaves_out_of_range_are_as_the_vendor_says(void)
{
	static const uint32_t out[] = { 0x20,       0x23,       0x1000,     0x3fffffff, 0x40000100,
					0x7fffffff, 0x80000020, 0x80000028, 0xffffffff };

	boot_on(everything);
	v.lapic.apic_id = 9;
	for (size_t i = 0; i < ARRAY_SIZE(out); i++)
		CHECK(same(ask(out[i], 1), ask(0x1f, 1)));
	boot_on(everything_amd);
	CHECK(ask(0, 0).eax == 0x10);
	for (size_t i = 0; i < ARRAY_SIZE(out); i++)
		CHECK(is_zero(ask(out[i], 1)));
	CHECK(is_zero(ask(0x11, 0)) && is_zero(ask(0x1f, 0)));
}

static void the_hypervisor_names_itself_and_its_clock(void)
{
	char name[13] = { 0 };
	struct cpuid_regs r;

	boot_on(everything);
	r = ask(0x40000000, 0);
	memcpy(name, &r.ebx, 12);
	CHECK(r.eax == 0x40000010 && strcmp(name, "BulkheadBHV1") == 0);
	CHECK(ask(0x40000001, 0).eax == 1 && ask(0x40000010, 0).eax == 2000000);
	CHECK(is_zero(ask(0x40000002, 0)) && is_zero(ask(0x400000ff, 0)));
	CHECK(same(ask(0x15, 0), (struct cpuid_regs){ 1, 1, 2000000000, 0 }));
	CHECK(ask(0x16, 0).eax == 2000);
	cpuid_init(everything, 0, 5000000000); /* does not fit 15H:ECX */
	CHECK(is_zero(ask(0x15, 0)));
}

/* Four nested levels and no LA57: 48 bits, physical and linear. */
static void addresses_have_48_bits(void)
{
	boot_on(everything);
	CHECK((ask(0x80000008, 0).eax & 0xffff) == (48 | 48 << 8));
	CHECK(cpuid_is_canonical(0) && cpuid_is_canonical(0x00007fffffffffff));
	CHECK(!cpuid_is_canonical(0x0000800000000000) && !cpuid_is_canonical(0xffff7fffffffffff));
	CHECK(cpuid_is_canonical(0xffff800000000000) && cpuid_is_canonical(~0ull));
}

int main(void)
{
	RUN(what_a_guest_must_not_use_is_hidden);
	RUN(no_bit_is_passed_that_no_host_has);
	RUN(the_guest_is_told_its_apic_id_and_its_own_cr4);
	RUN(topology_is_one_thread_in_one_core);
	RUN(xsave_sizes_follow_the_enabled_state);
	RUN(leaves_out_of_range_are_as_the_vendor_says);
	RUN(the_hypervisor_names_itself_and_its_clock);
	RUN(addresses_have_48_bits);
	return test_failed;
}

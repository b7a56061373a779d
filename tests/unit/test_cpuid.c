/* SPDX-License-Identifier: Apache-2.0 */
/* CPUID for guests, on hosts that have everything, little, or are like real ones. */
#include <string.h>
#include "arch/x86/cpuid.h"
#include "arch/x86/msr.h"
#include "arch/x86/msr_host.h"
#include "tests/test.h"

/* ---- Hosts ---- */

static uint64_t guest_cr4;

static uint64_t fake_sysreg(struct vcpu *v, enum guest_sysreg reg)
{
	return reg == SYSREG_CR4 ? guest_cr4 : 0;
}

uint64_t msr_host_arch_capabilities(void)
{
	return 0;
}

void msr_host_predictor_barrier(void)
{
}

static const struct backend backend = { .name = "fake", .read_sysreg = fake_sysreg };
static struct vcpu v;
static uint32_t apic_page[1024];

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

/* Like Intel's first ones with VT-x: no answer to any speculation. */
static struct cpuid_regs plain(uint32_t leaf, uint32_t subleaf)
{
	struct cpuid_regs r = everything(leaf, subleaf);

	if (leaf == 7)
		r.edx = 0;
	if (leaf == 0x80000008)
		r = (struct cpuid_regs){ 48 << 8 | 39, 0, 0, 0 };
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
	vlapic_init(&v.lapic, apic_page, 0, VLAPIC_X2APIC);
	v.xcr0 = 1;
	v.vcpu_count = 1;
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
	{ 1, 0, 2, 27 },          { 1, 0, 3, 12 },          { 1, 0, 3, 18 },
	{ 1, 0, 3, 21 },          { 1, 0, 3, 22 },          { 1, 0, 3, 28 },
	{ 1, 0, 3, 29 },          { 1, 0, 3, 31 },          { 7, 0, 1, 1 },
	{ 7, 0, 1, 2 },           { 7, 0, 1, 4 },           { 7, 0, 1, 11 },
	{ 7, 0, 1, 12 },          { 7, 0, 1, 14 },          { 7, 0, 1, 15 },
	{ 7, 0, 1, 25 },          { 7, 0, 2, 5 },           { 7, 0, 2, 7 },
	{ 7, 0, 2, 13 },          { 7, 0, 2, 16 },          { 7, 0, 2, 23 },
	{ 7, 0, 2, 30 },          { 7, 0, 2, 31 },          { 7, 0, 3, 18 },
	{ 7, 0, 3, 20 },          { 7, 0, 3, 22 },          { 7, 0, 3, 24 },
	{ 7, 0, 3, 26 },          { 7, 0, 3, 27 },          { 7, 0, 3, 28 },
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
	CHECK(ask(0, 0).eax == 0x16 && ask(0x15, 0).ecx == 2000000000); /* our clock */
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
static void one_vcpu_is_one_thread_in_one_core(void)
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

/* "Deterministic Cache Parameters" of a common CPU: L1 data and code, L2, L3 of 16 threads. */
static struct cpuid_regs with_caches(uint32_t leaf, uint32_t subleaf)
{
	static const uint32_t eax[] = { 0x3c004121, 0x3c004122, 0x3c004143, 0x3c03c163 };

	if (leaf != 4)
		return everything(leaf, subleaf);
	if (subleaf >= ARRAY_SIZE(eax))
		return (struct cpuid_regs){ 0 };
	return (struct cpuid_regs){ eax[subleaf], 0x01c0003f, 0x3f, subleaf };
}

/* 2^bits IDs hold `n` of them, and 2^(bits - 1) would not. */
static bool is_smallest(uint32_t bits, uint32_t n)
{
	return bits < 8 && 1u << bits >= n && (bits == 0 || 1u << (bits - 1) < n);
}

/* As a system finds package, core and thread of an APIC ID: from 0BH or 1FH. */
static void check_levels(uint32_t leaf, uint32_t n, uint32_t id)
{
	const struct cpuid_regs thread = ask(leaf, 0), core = ask(leaf, 1), end = ask(leaf, 2);

	CHECK(thread.edx == id && core.edx == id && end.edx == id);
	CHECK((thread.ecx >> 8 & 0xff) == 1 && (core.ecx >> 8 & 0xff) == 2);
	CHECK((end.ecx >> 8 & 0xff) == 0 && end.eax == 0 && end.ebx == 0);
	CHECK(thread.eax == 0 && thread.ebx == 1); /* one thread: a core's number is the ID */
	CHECK(is_smallest(core.eax, n) && core.ebx == n);
	CHECK(id >> core.eax == 0); /* all in package 0 */
}

/* From 01H and 04H, as systems did before. */
static void check_legacy_intel(uint32_t n)
{
	const uint32_t bits = ask(0xb, 1).eax;

	for (uint32_t i = 0; i < 4; i++) {
		const uint32_t eax = ask(4, i).eax;

		CHECK((eax >> 26) + 1 == 1u << bits);
		CHECK((eax >> 14 & 0xfff) + 1 == (i == 3 ? 1u << bits : 1));
		CHECK((eax & 0x3fff) == (with_caches(4, i).eax & 0x3fff));
		CHECK(ask(4, i).ebx == 0x01c0003f);
	}
	CHECK(is_zero(ask(4, 4)) && is_zero(ask(4, 8)) && is_zero(ask(4, ~0u)));
	CHECK(ask(0x80000008, 0).ecx == 0 && !(ask(0x80000001, 0).ecx >> 1 & 1));
}

/* APM Vol. 3, "Legacy Method": HTT with CmpLegacy, and how many cores. */
static void check_legacy_amd(uint32_t n)
{
	const uint32_t ecx = ask(0x80000008, 0).ecx;

	CHECK((ecx & 0xff) == n - 1 && (ecx >> 12 & 15) == ask(0xb, 1).eax);
	CHECK((ask(0x80000001, 0).ecx >> 1 & 1) == (n > 1));
	CHECK(!(ask(0x80000001, 0).ecx >> 22 & 1)); /* TOPOEXT, as 8000001EH is not there */
}

static void vcpus_are_the_cores_of_one_package_by_every_leaf(void)
{
	for (int is_amd = 0; is_amd < 2; is_amd++) {
		boot_on(is_amd ? everything_amd : with_caches);
		for (uint32_t n = 1; n <= MAX_VCPUS; n++)
			for (uint32_t id = 0; id < n; id++) {
				v.vcpu_count = n;
				v.lapic.apic_id = id;
				CHECK(ask(1, 0).ebx >> 24 == id);
				CHECK((ask(1, 0).ebx >> 16 & 0xff) == n);
				CHECK((ask(1, 0).edx >> 28 & 1) == (n > 1));
				check_levels(0xb, n, id);
				if (is_amd) {
					check_legacy_amd(n);
				} else {
					check_levels(0x1f, n, id);
					check_legacy_intel(n);
				}
			}
	}
}

/* SDM Vol. 3A, "Local APIC Status and Location". */
static void a_disabled_apic_is_not_there(void)
{
	boot_on(everything_amd);
	for (uint8_t mode = VLAPIC_DISABLED; mode <= VLAPIC_X2APIC; mode++) {
		v.lapic.mode = mode;
		CHECK((ask(1, 0).edx >> 9 & 1) == (mode != VLAPIC_DISABLED));
		CHECK((ask(0x80000001, 0).edx >> 9 & 1) == (mode != VLAPIC_DISABLED));
	}
}

static void what_belongs_to_a_pc_comes_with_a_pc(void)
{
	boot_on(everything_amd);
	CHECK(!(ask(1, 0).edx >> 12 & 1) && !(ask(7, 0).ebx >> 1 & 1)); /* MTRR, TSC_ADJUST */
	v.has_pc = true;
	CHECK((ask(1, 0).edx >> 12 & 1) && (ask(7, 0).ebx >> 1 & 1));
	CHECK(ask(0x80000001, 0).edx >> 12 & 1);
	boot_on(oldest);
	v.has_pc = true;
	CHECK((ask(1, 0).edx >> 12 & 1) && (ask(7, 0).ebx >> 1 & 1));
}

/* Bits of CPUID and an MSR that a system uses, unchecked, where it finds the bit. */
static const struct {
	uint32_t leaf, reg, bit, msr;
} promised[] = {
	{ 1, 3, 5, 0x10 },
	{ 1, 3, 7, 0x179 },                /* MCE */
	{ 1, 3, 9, 0x1b },                 /* APIC */
	{ 1, 3, 11, 0x174 },               /* SEP */
	{ 1, 3, 12, 0xfe },                /* MTRR */
	{ 1, 3, 14, 0x179 },               /* MCA */
	{ 1, 3, 16, 0x277 },               /* PAT */
	{ 1, 3, 21, 0x600 },               /* DS */
	{ 1, 3, 22, 0x19c },               /* ACPI */
	{ 1, 2, 5, 0x480 },                /* VMX */
	{ 1, 2, 7, 0x199 },                /* EIST */
	{ 1, 2, 15, 0x345 },               /* PDCM */
	{ 1, 2, 21, 0x802 },               /* x2APIC */
	{ 1, 2, 24, 0x6e0 },               /* TSC-deadline */
	{ 6, 0, 0, 0x19c },                /* DTHERM */
	{ 6, 0, 7, 0x770 },                /* HWP */
	{ 6, 2, 0, 0xe7 },                 /* APERFMPERF */
	{ 6, 2, 3, 0x1b0 },                /* EPB */
	{ 7, 1, 1, 0x3b },                 /* TSC_ADJUST */
	{ 7, 1, 12, 0xc8d },               /* RDT */
	{ 7, 1, 14, 0xd90 },               /* MPX */
	{ 7, 1, 25, 0x570 },               /* PT */
	{ 7, 2, 5, 0xe1 },                 /* WAITPKG */
	{ 7, 2, 7, 0x6a2 },                /* CET */
	{ 7, 2, 13, 0x982 },               /* TME */
	{ 7, 2, 31, 0x6e1 },               /* PKS */
	{ 7, 3, 9, 0x123 },                /* SRBDS_CTRL */
	{ 7, 3, 11, 0x10f },               /* RTM_FORCE_ABORT */
	{ 7, 3, 26, 0x48 },                /* IBRS */
	{ 7, 3, 27, 0x48 },                /* STIBP */
	{ 7, 3, 28, 0x10b },               /* L1D_FLUSH */
	{ 7, 3, 29, 0x10a },               /* ARCH_CAPABILITIES */
	{ 7, 3, 30, 0xcf },                /* CORE_CAPABILITIES */
	{ 7, 3, 31, 0x48 },                /* SSBD */
	{ 0xa, 0, 0, 0x38f },              /* performance counters */
	{ 0x80000001, 3, 11, 0xc0000082 }, /* SYSCALL */
	{ 0x80000001, 3, 27, 0xc0000103 }, /* RDTSCP */
	{ 0x80000001, 2, 2, 0xc0010114 },  /* SVM */
	{ 0x80000001, 2, 9, 0xc0010140 },  /* OSVW */
	{ 0x80000001, 2, 10, 0xc0011030 }, /* IBS */
	{ 0x80000001, 2, 15, 0xc0000105 }, /* LWP */
	{ 0x80000001, 2, 19, 0xc001100c }, /* NODEID */
	{ 0x80000001, 2, 23, 0xc0010200 }, /* PERFCTR_CORE */
	{ 0x80000001, 2, 24, 0xc0010240 }, /* PERFCTR_NB */
	{ 0x80000001, 2, 28, 0xc0010230 }, /* PERFCTR_LLC */
	{ 0x80000007, 3, 7, 0xc0010062 },  /* HW_PSTATE */
	{ 0x80000008, 1, 1, 0xc00000e9 },  /* IRPERF */
	{ 0x80000008, 1, 14, 0x48 },       /* IBRS */
	{ 0x80000008, 1, 15, 0x48 },       /* STIBP */
	{ 0x80000008, 1, 24, 0x48 },       /* SSBD */
	{ 0x80000008, 1, 25, 0xc001011f }, /* VIRT_SSBD */
	{ 0x80000021, 0, 8, 0x48 },        /* AUTOIBRS: EFER bit 21 */
	{ 0x40000101, 0, 0, 0x11 },        /* kvmclock */
	{ 0x40000101, 0, 3, 0x4b564d01 },  /* kvmclock */
	{ 0x40000101, 0, 4, 0x4b564d02 },  /* asynchronous page faults */
	{ 0x40000101, 0, 5, 0x4b564d03 },  /* steal time */
	{ 0x40000101, 0, 6, 0x4b564d04 },  /* PV EOI */
	{ 0x40000101, 0, 12, 0x4b564d05 }, /* poll control */
	{ 0x40000101, 0, 14, 0x4b564d06 }, /* asynchronous page faults by interrupt */
	{ 0x40000101, 0, 17, 0x4b564d08 }, /* migration control */
};

static bool reads(uint32_t msr)
{
	uint64_t value;

	return msr_read(&v, &backend, msr, 0, &value) == OK;
}

static bool takes_ibpb(void)
{
	struct vlapic_effect effect;

	return msr_write(&v, &backend, 0x49, 1, 0, &effect) == OK;
}

/* Above the highest extended leaf Intel answers with another leaf's data. */
static bool is_promised(uint32_t leaf, uint32_t reg, uint32_t bit)
{
	return (leaf < 0x80000000 || leaf <= ask(0x80000000, 0).eax) &&
	       (reg_of(ask(leaf, 0), reg) >> bit & 1);
}

static void every_feature_offered_has_its_msr(void)
{
	static cpuid_read_fn *const hosts[] = { everything, everything_amd, plain, oldest };

	for (uint32_t h = 0; h < 2 * ARRAY_SIZE(hosts); h++) {
		int offered = 0;

		boot_on(hosts[h / 2]);
		v.has_pc = h % 2;
		for (size_t i = 0; i < ARRAY_SIZE(promised); i++)
			if (is_promised(promised[i].leaf, promised[i].reg, promised[i].bit)) {
				offered++;
				CHECK(reads(promised[i].msr));
			}
		CHECK(offered >= 5);
		CHECK(takes_ibpb() == (ask(0x80000008, 0).ebx >> 12 & 1)); /* a command */
	}
	boot_on(everything);
	CHECK((ask(7, 0).edx >> 29 & 1) && (ask(7, 0).edx >> 10 & 1)); /* facts, MD_CLEAR */
	CHECK((ask(1, 0).edx & 0x4080) == 0x4080);                     /* MCE, MCA */
	boot_on(everything_amd);
	CHECK(!(ask(7, 0).edx >> 29 & 1)); /* an MSR of Intel's */
}

/* Intel's one bit for IBRS and IBPB is not passed, but what is left of it is. */
static struct cpuid_regs intel_with_ibpb(uint32_t leaf, uint32_t subleaf)
{
	struct cpuid_regs r = plain(leaf, subleaf);

	if (leaf == 7)
		r.edx = 1u << 26;
	return r;
}

static void ibpb_is_offered_without_ibrs(void)
{
	boot_on(intel_with_ibpb);
	CHECK(ask(0x80000008, 0).ebx == 1u << 12 && ask(7, 0).edx == 0 && takes_ibpb());
	boot_on(plain);
	CHECK(ask(0x80000008, 0).ebx == 0 && !takes_ibpb());
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
	static const uint32_t out[] = { 0x20,       0x23,       0x1000,     0x3fffffff, 0x40000200,
					0x7fffffff, 0x80000022, 0x80000028, 0xffffffff };

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

/* Linux, "KVM CPUID bits": found at the second place where systems look. */
static void linux_finds_the_interface_it_knows(void)
{
	struct cpuid_regs r;

	boot_on(everything_amd);
	r = ask(0x40000100, 0);
	CHECK(r.eax == 0x40000101 && memcmp(&r.ebx, "KVMKVMKVM\0\0\0", 12) == 0);
	r = ask(0x40000101, 0);
	CHECK(r.eax == (1u << 1 | 1u << 5 | 1u << 12)); /* no I/O delay, steal time, poll control */
	CHECK(r.ebx == 0 && r.ecx == 0 && r.edx == 0);
	v.is_dedicated = true;
	CHECK(ask(0x40000101, 0).edx == 1);
	for (uint32_t leaf = 0x40000102; leaf < 0x40000200; leaf++)
		CHECK(is_zero(ask(leaf, 0)));
}

/* Nothing of the host's number of cores or of other partitions: the same with any host's. */
static struct cpuid_regs busy_host(uint32_t leaf, uint32_t subleaf)
{
	struct cpuid_regs r = with_caches(leaf, subleaf);

	if (leaf == 1)
		r.ebx = 0x5a770800 | (r.ebx & 0xff);
	if (leaf == 4)
		r.eax ^= 0x3c03c000;
	if (leaf == 0xb || leaf == 0x1f)
		r = (struct cpuid_regs){ subleaf + 3, 11, subleaf, 0x5a };
	if (leaf == 0x80000008)
		r.ecx = 0x7077;
	if (leaf == 0x8000001e)
		r = (struct cpuid_regs){ 0x5a, 0x105, 0x203, 0 };
	return r;
}

static struct cpuid_regs calm_host(uint32_t leaf, uint32_t subleaf)
{
	struct cpuid_regs r = with_caches(leaf, subleaf);

	if (leaf == 1)
		r.ebx = 0x00010800 | (r.ebx & 0xff);
	return r;
}

static void the_hosts_topology_does_not_show(void)
{
	static struct cpuid_regs seen[0x40][4], extended[0x30];

	boot_on(calm_host);
	for (uint32_t i = 0; i < 0x100; i++)
		seen[i / 4][i % 4] = ask(i / 4, i % 4);
	for (uint32_t i = 0; i < 0x30; i++)
		extended[i] = ask(0x80000000 + i, 0);
	boot_on(busy_host);
	for (uint32_t i = 0; i < 0x100; i++)
		CHECK(same(seen[i / 4][i % 4], ask(i / 4, i % 4)));
	for (uint32_t i = 0; i < 0x30; i++)
		CHECK(same(extended[i], ask(0x80000000 + i, 0)));
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
	CHECK(cpuid_physical_bits() == 48);
	boot_on(plain);
	CHECK(cpuid_physical_bits() == 39 && (ask(0x80000008, 0).eax & 0xff) == 39);
	boot_on(oldest); /* SDM Vol. 2A, "CPUID": without the leaf, 36 */
	CHECK(cpuid_physical_bits() == 36 && (ask(0x80000008, 0).eax & 0xff) == 36);
}

int main(void)
{
	RUN(what_a_guest_must_not_use_is_hidden);
	RUN(no_bit_is_passed_that_no_host_has);
	RUN(the_guest_is_told_its_apic_id_and_its_own_cr4);
	RUN(one_vcpu_is_one_thread_in_one_core);
	RUN(vcpus_are_the_cores_of_one_package_by_every_leaf);
	RUN(a_disabled_apic_is_not_there);
	RUN(what_belongs_to_a_pc_comes_with_a_pc);
	RUN(every_feature_offered_has_its_msr);
	RUN(ibpb_is_offered_without_ibrs);
	RUN(linux_finds_the_interface_it_knows);
	RUN(the_hosts_topology_does_not_show);
	RUN(xsave_sizes_follow_the_enabled_state);
	RUN(leaves_out_of_range_are_as_the_vendor_says);
	RUN(the_hypervisor_names_itself_and_its_clock);
	RUN(addresses_have_48_bits);
	return test_failed;
}

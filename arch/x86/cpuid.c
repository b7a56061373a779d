/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>
#include "arch/x86/cpuid.h"
#include "core/lib/assert.h"

/* ---- The policy: one row per leaf. A register becomes (host & pass) | set. ---- */

struct rule {
	uint32_t pass;
	uint32_t set;
};

/* clang-format off */
#define ALL	   { .pass = UINT32_MAX }
#define ONLY(mask) { .pass = (mask) }
#define CONST(c)   { .set = (c) }
#define ZERO	   { .pass = 0 }
/* clang-format on */
#define B(n) BIT32(n)

struct policy {
	uint32_t leaf;
	struct rule eax, ebx, ecx, edx;
};

/*
 * 01H:ECX. Not offered: DTES64, MONITOR, DS-CPL, VMX, SMX, EIST, TM2, CNXT-ID, SDBG, xTPR, PDCM,
 * DCA. OSXSAVE is added per call.
 */
#define F1_SSE3       B(0)
#define F1_PCLMUL     B(1)
#define F1_SSSE3      B(9)
#define F1_FMA        B(12)
#define F1_CX16       B(13)
#define F1_PCID       B(17)
#define F1_SSE41      B(19)
#define F1_SSE42      B(20)
#define F1_X2APIC     B(21)
#define F1_MOVBE      B(22)
#define F1_POPCNT     B(23)
#define F1_DEADLINE   B(24)
#define F1_AES        B(25)
#define F1_XSAVE      B(26)
#define F1_OSXSAVE    B(27)
#define F1_AVX        B(28)
#define F1_F16C       B(29)
#define F1_RDRAND     B(30)
#define F1_HYPERVISOR B(31)
#define F1_ECX_PASS \
	(F1_SSE3 | F1_PCLMUL | F1_SSSE3 | F1_FMA | F1_CX16 | F1_PCID | F1_SSE41 | F1_SSE42 | \
	 F1_MOVBE | F1_POPCNT | F1_AES | F1_XSAVE | F1_AVX | F1_F16C | F1_RDRAND)
#define F1_ECX_SET   (F1_X2APIC | F1_DEADLINE | F1_HYPERVISOR)
#define F1_NEEDS_AVX (F1_FMA | F1_AVX | F1_F16C)

/*
 * 01H:EDX, and 80000001H:EDX of AMD, which repeats it. Offered: FPU VME DE PSE TSC MSR PAE CX8 SEP
 * PGE CMOV PAT PSE36 CLFSH MMX FXSR SSE SSE2 SS. Not: MCE MTRR MCA PSN DS ACPI HTT TM PBE.
 */
#define F1_APIC B(9)
#define F1_COMMON \
	(B(0) | B(1) | B(2) | B(3) | B(4) | B(5) | B(6) | B(8) | B(13) | B(15) | B(16) | B(17) | \
	 B(23) | B(24))
#define F1_EDX_PASS (F1_COMMON | B(11) | B(19) | B(25) | B(26) | B(27))

/*
 * 07H.0:EBX. Offered: FSGSBASE BMI1 AVX2 FDP_EXCPTN SMEP BMI2 ERMS INVPCID FCS_FDS RDSEED ADX
 * SMAP CLFLUSHOPT CLWB SHA and AVX-512. Not: TSC_ADJUST SGX HLE RTM RDT MPX PT.
 */
#define F7_AVX2       B(5)
#define F7_EBX_AVX512 (B(16) | B(17) | B(21) | B(26) | B(27) | B(28) | B(30) | B(31))
#define F7_EBX_PASS \
	(B(0) | B(3) | F7_AVX2 | B(6) | B(7) | B(8) | B(9) | B(10) | B(13) | B(18) | B(19) | \
	 B(20) | B(23) | B(24) | B(29) | F7_EBX_AVX512)
/*
 * 07H.0:ECX. Offered: PREFETCHWT1 UMIP PKU GFNI VAES VPCLMULQDQ RDPID CLDEMOTE MOVDIRI MOVDIR64B
 * and AVX-512. Not: WAITPKG CET TME LA57 MPX KL BUS_LOCK ENQCMD SGX_LC PKS.
 */
#define F7_PKU        B(3)
#define F7_OSPKE      B(4)
#define F7_ECX_AVX    (B(9) | B(10))
#define F7_ECX_AVX512 (B(1) | B(6) | B(11) | B(12) | B(14))
#define F7_ECX_PASS \
	(B(0) | B(2) | F7_PKU | B(8) | B(22) | B(25) | B(27) | B(28) | F7_ECX_AVX | F7_ECX_AVX512)
/*
 * 07H.0:EDX. Offered: FSRM SERIALIZE and AVX-512. Not: what needs IA32_SPEC_CTRL and the like,
 * for these MSRs would have to be switched; HYBRID, CET, AMX, PCONFIG, TSXLDTRK.
 */
#define F7_EDX_AVX512 (B(2) | B(3) | B(8) | B(23))
#define F7_EDX_PASS   (B(4) | B(14) | F7_EDX_AVX512)
/* 07H.1:EAX. Offered: AVX-VNNI, AVX512_BF16, fast short REP forms. */
#define F71_AVX      B(4)
#define F71_AVX512   B(5)
#define F71_EAX_PASS (F71_AVX | F71_AVX512 | B(10) | B(11) | B(12))

/*
 * 80000001H. ECX offered: LAHF64 ABM SSE4A MISALIGNSSE PREFETCHW XOP FMA4 TBM. Not: CMPLEGACY SVM
 * EXTAPIC ALTMOVCR8 OSVW IBS SKINIT WDT LWP TCE NODEID TOPOLOGY PERF* MONITORX.
 * EDX offered: SYSCALL NX MMXEXT 1GB RDTSCP LM 3DNOW. Not: FFXSR.
 */
#define X1_NX       B(20)
#define X1_ECX_AVX  (B(11) | B(16))
#define X1_ECX_PASS (B(0) | B(5) | B(6) | B(7) | B(8) | B(21) | X1_ECX_AVX)
#define X1_EDX_PASS \
	(F1_COMMON | F1_APIC | B(11) | X1_NX | B(22) | B(26) | B(27) | B(29) | B(30) | B(31))

#define F4_EAX_PASS      UINT32_C(0x00003fff) /* not how many share it, 25:14, 31:26 */
#define F6_ARAT          B(2)                 /* the timer never stops */
#define FD1_XSAVEOPT     B(0)
#define FD1_XSAVEC       B(1)
#define FD1_XGETBV1      B(2)
#define FD1_PASS         (FD1_XSAVEOPT | FD1_XSAVEC | FD1_XGETBV1) /* not XSAVES, XFD */
#define X7_INVARIANT_TSC B(8)
#define X8_CLZERO        B(0)
#define X8_XSAVEERPTR    B(2)
#define X8_LINEAR        (UINT32_C(48) << 8) /* LA57 is not offered */
#define X8_PHYSICAL      UINT32_C(0xff)
#define X8_PHYSICAL_MAX  48u /* four levels of nested tables */

static const struct policy policy[] = {
	/* leaf		  EAX		    EBX		   ECX			EDX */
	{ 0x00000000, ALL, ALL, ALL, ALL },
	{ 0x00000001,
	  ALL,
	  { 0xffff, B(16) },
	  { F1_ECX_PASS, F1_ECX_SET },
	  { F1_EDX_PASS, F1_APIC } },
	{ 0x00000002, ALL, ALL, ALL, ALL },
	{ 0x00000006, CONST(F6_ARAT), ZERO, ZERO, ZERO },
	{ 0x00000007, ZERO, ONLY(F7_EBX_PASS), ONLY(F7_ECX_PASS), ONLY(F7_EDX_PASS) },
	{ 0x80000000, ALL, ALL, ALL, ALL },
	{ 0x80000001, ALL, ZERO, ONLY(X1_ECX_PASS), ONLY(X1_EDX_PASS) },
	{ 0x80000002, ALL, ALL, ALL, ALL },
	{ 0x80000003, ALL, ALL, ALL, ALL },
	{ 0x80000004, ALL, ALL, ALL, ALL },
	{ 0x80000005, ALL, ALL, ALL, ALL },
	{ 0x80000006, ALL, ALL, ALL, ALL },
	{ 0x80000007, ZERO, ZERO, ZERO, CONST(X7_INVARIANT_TSC) },
	{ 0x80000008, { X8_PHYSICAL, X8_LINEAR }, ONLY(X8_CLZERO | X8_XSAVEERPTR), ZERO, ZERO },
	{ 0x8000001a, ONLY(7), ZERO, ZERO, ZERO },
};

/* ---- What the table became ---- */

#define LEAF_COUNT         0x20u
#define EXTENDED           UINT32_C(0x80000000)
#define HYPERVISOR         UINT32_C(0x40000000)
#define HYPERVISOR_RANGE   0x100u
#define HYPERVISOR_TIMING  UINT32_C(0x40000010)
#define BASIC_MIN          0xbu /* x2APIC is offered, so its topology leaf is */

#define LEAF_FEATURES      0x1u
#define LEAF_CACHES        0x4u
#define LEAF_MORE_FEATURES 0x7u
#define LEAF_TOPOLOGY      0xbu
#define LEAF_XSAVE         0xdu
#define LEAF_TSC           0x15u
#define LEAF_FREQUENCY     0x16u
#define LEAF_TOPOLOGY_V2   0x1fu

#define CACHE_COUNT        8u
#define COMPONENT_COUNT    10u  /* XCR0 bits 9:0 */
#define XSAVE_LEGACY_BYTES 576u /* SDM Vol. 1, "XSAVE Area": legacy region and header */

/* XCR0: SDM Vol. 1, "Extended Control Registers". */
#define XCR0_X87    BIT64(0)
#define XCR0_SSE    BIT64(1)
#define XCR0_AVX    BIT64(2)
#define XCR0_AVX512 (BIT64(5) | BIT64(6) | BIT64(7))
#define XCR0_PKRU   BIT64(9)

#define CR4_PKE     BIT64(22)

static struct {
	struct cpuid_regs basic[LEAF_COUNT];
	struct cpuid_regs extended[LEAF_COUNT];
	const struct cpuid_regs *fixed[LEAF_COUNT]; /* basic leaves that depend on nothing else */
	struct cpuid_regs caches[CACHE_COUNT];      /* 04H.n */
	struct cpuid_regs more_features_1;          /* 07H.1 */
	struct cpuid_regs components[COMPONENT_COUNT]; /* 0DH.n */
	uint64_t xcr0;
	uint64_t tsc_hz;
	bool is_intel;
} cpuid;

static uint32_t apply(uint32_t host, struct rule r)
{
	return (host & r.pass) | r.set;
}

static struct cpuid_regs *leaf_at(uint32_t number)
{
	return number & EXTENDED ? &cpuid.extended[number - EXTENDED] : &cpuid.basic[number];
}

static void apply_policy(cpuid_read_fn *read, uint32_t basic_max, uint32_t extended_max)
{
	for (size_t i = 0; i < ARRAY_SIZE(policy); i++) {
		const struct policy *const p = &policy[i];
		struct cpuid_regs host = { 0 };

		if (p->leaf <= (p->leaf & EXTENDED ? extended_max : basic_max))
			host = read(p->leaf, 0);
		*leaf_at(p->leaf) =
			(struct cpuid_regs){ apply(host.eax, p->eax), apply(host.ebx, p->ebx),
					     apply(host.ecx, p->ecx), apply(host.edx, p->edx) };
	}
}

/* Instructions on state that XCR0 cannot enable are not offered. */
static void drop_features_without_state(void)
{
	struct cpuid_regs *const f1 = &cpuid.basic[LEAF_FEATURES];
	struct cpuid_regs *const f7 = &cpuid.basic[LEAF_MORE_FEATURES];
	struct cpuid_regs *const x1 = &cpuid.extended[1];

	if (!(f1->ecx & F1_XSAVE))
		cpuid.xcr0 = 0;
	if (!(cpuid.xcr0 & XCR0_AVX)) {
		f1->ecx &= ~F1_NEEDS_AVX;
		f7->ebx &= ~F7_AVX2;
		f7->ecx &= ~F7_ECX_AVX;
		x1->ecx &= ~X1_ECX_AVX;
		cpuid.more_features_1.eax &= ~F71_AVX;
	}
	if ((cpuid.xcr0 & XCR0_AVX512) != XCR0_AVX512) {
		f7->ebx &= ~F7_EBX_AVX512;
		f7->ecx &= ~F7_ECX_AVX512;
		f7->edx &= ~F7_EDX_AVX512;
		cpuid.more_features_1.eax &= ~F71_AVX512;
	}
	if (!(cpuid.xcr0 & XCR0_PKRU))
		f7->ecx &= ~F7_PKU;
}

static void read_subleaves(cpuid_read_fn *read, uint32_t basic_max)
{
	for (uint32_t i = 0; basic_max >= LEAF_CACHES && i < CACHE_COUNT; i++) {
		cpuid.caches[i] = read(LEAF_CACHES, i);
		cpuid.caches[i].eax &= F4_EAX_PASS;
	}
	if (basic_max >= LEAF_MORE_FEATURES && read(LEAF_MORE_FEATURES, 0).eax >= 1) {
		cpuid.more_features_1.eax = read(LEAF_MORE_FEATURES, 1).eax & F71_EAX_PASS;
		cpuid.basic[LEAF_MORE_FEATURES].eax = 1;
	}
	for (uint32_t i = 1; basic_max >= LEAF_XSAVE && i < COMPONENT_COUNT; i++)
		if (i == 1 || (cpuid.xcr0 >> i & 1))
			cpuid.components[i] = read(LEAF_XSAVE, i);
	cpuid.components[1].eax &= FD1_PASS;
}

/*
 * "Determining the Processor Frequency": TSC = crystal (ECX) * EBX / EAX. Ours, not the host's,
 * which may be wrong and concerns another APIC timer. 32 bits hold up to 4.29 GHz.
 */
static void set_frequencies(void)
{
	const uint32_t mhz = (uint32_t)(cpuid.tsc_hz / 1000000);

	if (cpuid.tsc_hz <= UINT32_MAX)
		cpuid.basic[LEAF_TSC] = (struct cpuid_regs){ 1, 1, (uint32_t)cpuid.tsc_hz, 0 };
	cpuid.basic[LEAF_FREQUENCY] = (struct cpuid_regs){ mhz, mhz, 0, 0 };
}

static uint32_t clamp(uint32_t x, uint32_t low, uint32_t high)
{
	return x < low ? low : x > high ? high : x;
}

void cpuid_init(cpuid_read_fn *read, uint64_t xcr0_offered, uint64_t tsc_hz)
{
	static const uint32_t depending[] = { LEAF_FEATURES, LEAF_CACHES, LEAF_MORE_FEATURES,
					      LEAF_TOPOLOGY, LEAF_XSAVE,  LEAF_TOPOLOGY_V2 };
	const struct cpuid_regs vendor = read(0, 0);
	const uint32_t extended_max = read(EXTENDED, 0).eax;
	uint32_t *const x8 = &cpuid.extended[8].eax;

	memset(&cpuid, 0, sizeof(cpuid));
	cpuid.xcr0 = xcr0_offered;
	cpuid.tsc_hz = tsc_hz;
	cpuid.is_intel = memcmp(&vendor.ebx, "Genu", 4) == 0;
	apply_policy(read, vendor.eax, extended_max);
	cpuid.basic[0].eax = clamp(vendor.eax, BASIC_MIN, LEAF_COUNT - 1);
	cpuid.extended[0].eax = clamp(extended_max, EXTENDED + 8, EXTENDED + LEAF_COUNT - 1);
	if ((*x8 & X8_PHYSICAL) > X8_PHYSICAL_MAX)
		*x8 = X8_LINEAR | X8_PHYSICAL_MAX;
	read_subleaves(read, vendor.eax);
	drop_features_without_state();
	set_frequencies();
	for (uint32_t leaf = 0; leaf <= cpuid.basic[0].eax; leaf++)
		cpuid.fixed[leaf] = &cpuid.basic[leaf];
	for (size_t i = 0; i < ARRAY_SIZE(depending); i++)
		cpuid.fixed[depending[i]] = NULL;
}

uint64_t cpuid_xcr0_offered(cpuid_read_fn *read)
{
	const struct cpuid_regs features = read(LEAF_FEATURES, 0);
	uint64_t all, xcr0;

	if (!(features.ecx & F1_XSAVE) || read(0, 0).eax < LEAF_XSAVE)
		return 0;
	all = (uint64_t)read(LEAF_XSAVE, 0).edx << 32 | read(LEAF_XSAVE, 0).eax;
	xcr0 = all & (XCR0_X87 | XCR0_SSE | XCR0_AVX | XCR0_PKRU);
	if ((all & (XCR0_AVX | XCR0_AVX512)) == (XCR0_AVX | XCR0_AVX512))
		xcr0 |= XCR0_AVX512;
	return xcr0;
}

/* ---- Per call ---- */

/* Bytes of a standard-format XSAVE area for `xcr0`: up to its last component's end. */
static uint32_t standard_bytes(uint64_t xcr0)
{
	uint32_t end = XSAVE_LEGACY_BYTES;

	for (uint32_t i = 2; i < COMPONENT_COUNT; i++) {
		const struct cpuid_regs *const c = &cpuid.components[i];

		if ((xcr0 >> i & 1) && c->ebx + c->eax > end)
			end = c->ebx + c->eax;
	}
	return end;
}

/* "Compacted Format": in order, each aligned to 64 bytes where ECX bit 1 says so. */
static uint32_t compacted_bytes(uint64_t xcr0)
{
	uint32_t end = XSAVE_LEGACY_BYTES;

	for (uint32_t i = 2; i < COMPONENT_COUNT; i++) {
		const struct cpuid_regs *const c = &cpuid.components[i];

		if (!(xcr0 >> i & 1))
			continue;
		if (c->ecx & B(1))
			end = (uint32_t)align_up(end, 64);
		end += c->eax;
	}
	return end;
}

static struct cpuid_regs xsave(uint32_t subleaf, uint64_t guest_xcr0)
{
	struct cpuid_regs r = { 0 };

	if (cpuid.xcr0 == 0 || subleaf >= COMPONENT_COUNT)
		return r;
	if (subleaf == 0)
		return (struct cpuid_regs){ (uint32_t)cpuid.xcr0, standard_bytes(guest_xcr0),
					    standard_bytes(cpuid.xcr0),
					    (uint32_t)(cpuid.xcr0 >> 32) };
	r = cpuid.components[subleaf];
	if (subleaf == 1)
		return (struct cpuid_regs){ r.eax,
					    r.eax & FD1_XSAVEC ? compacted_bytes(guest_xcr0) : 0, 0,
					    0 };
	r.edx = 0;
	return r;
}

/* One thread in one core in one package: no level needs any bit of the APIC ID. */
static struct cpuid_regs topology(uint32_t subleaf, uint32_t apic_id)
{
	const uint32_t level_type = subleaf < 2 ? subleaf + 1 : 0; /* 1 SMT, 2 core, 0 invalid */

	return (struct cpuid_regs){ 0, level_type != 0, (subleaf & 0xff) | level_type << 8,
				    apic_id };
}

static struct cpuid_regs finish(const struct vcpu *v, const struct backend *b, uint32_t leaf,
				uint32_t subleaf)
{
	struct cpuid_regs r = cpuid.basic[leaf];

	switch (leaf) {
	case LEAF_FEATURES:
		r.ebx |= v->lapic.apic_id << 24;
		if (b->read_sysreg((struct vcpu *)v, SYSREG_CR4) & CR4_OSXSAVE)
			r.ecx |= F1_OSXSAVE;
		return r;
	case LEAF_CACHES:
		return subleaf < CACHE_COUNT ? cpuid.caches[subleaf] : (struct cpuid_regs){ 0 };
	case LEAF_MORE_FEATURES:
		if (subleaf != 0)
			return subleaf == 1 ? cpuid.more_features_1 : (struct cpuid_regs){ 0 };
		if ((r.ecx & F7_PKU) && (b->read_sysreg((struct vcpu *)v, SYSREG_CR4) & CR4_PKE))
			r.ecx |= F7_OSPKE;
		return r;
	case LEAF_TOPOLOGY:
	case LEAF_TOPOLOGY_V2:
		return topology(subleaf, v->lapic.apic_id);
	case LEAF_XSAVE:
		return xsave(subleaf, v->xcr0);
	default:
		return r;
	}
}

static struct cpuid_regs hypervisor(uint32_t leaf)
{
	const uint32_t khz = (uint32_t)(cpuid.tsc_hz / 1000);
	struct cpuid_regs r = { 0 };

	switch (leaf) {
	case HYPERVISOR:
		r.eax = HYPERVISOR_TIMING;
		memcpy(&r.ebx, &CPUID_HV_SIGNATURE[0], 4);
		memcpy(&r.ecx, &CPUID_HV_SIGNATURE[4], 4);
		memcpy(&r.edx, &CPUID_HV_SIGNATURE[8], 4);
		return r;
	case HYPERVISOR + 1:
		r.eax = CPUID_HV_INTERFACE;
		return r;
	case HYPERVISOR_TIMING:
		return (struct cpuid_regs){ khz, khz, 0, 0 };
	default:
		return r;
	}
}

/* Not in the two ranges, or above their highest leaf, or depending on more than the leaf. */
static struct cpuid_regs look_up(const struct vcpu *v, const struct backend *b, uint32_t leaf,
				 uint32_t subleaf)
{
	const uint32_t highest = cpuid.basic[0].eax;

	if (leaf - HYPERVISOR < HYPERVISOR_RANGE)
		return hypervisor(leaf);
	if (leaf > highest && !(leaf >= EXTENDED && leaf <= cpuid.extended[0].eax)) {
		/* SDM: "the data for the highest basic information leaf is returned". AMD: 0. */
		if (!cpuid.is_intel)
			return (struct cpuid_regs){ 0 };
		leaf = highest;
	}
	if (leaf & EXTENDED)
		return cpuid.extended[leaf - EXTENDED];
	return finish(v, b, leaf, subleaf);
}

static void set_registers(struct vcpu *v, const struct cpuid_regs *r)
{
	v->gpr[GPR_RAX] = r->eax;
	v->gpr[GPR_RBX] = r->ebx;
	v->gpr[GPR_RCX] = r->ecx;
	v->gpr[GPR_RDX] = r->edx;
}

static __attribute__((noinline)) void emulate_dependent(struct vcpu *v, const struct backend *b)
{
	const struct cpuid_regs r =
		look_up(v, b, (uint32_t)v->gpr[GPR_RAX], (uint32_t)v->gpr[GPR_RCX]);

	set_registers(v, &r);
}

/* The frequent case is straight: a basic leaf that depends on nothing else. */
void cpuid_emulate(struct vcpu *v, const struct backend *b)
{
	/* With something in bits 63:32 it takes the long way, which looks at EAX only. */
	const uint64_t leaf = v->gpr[GPR_RAX];
	const struct cpuid_regs *const fixed = leaf < LEAF_COUNT ? cpuid.fixed[leaf] : NULL;

	if (__builtin_expect(fixed != NULL, 1))
		set_registers(v, fixed);
	else
		emulate_dependent(v, b);
}

/* ---- For MSR emulation ---- */

uint64_t cpuid_efer_bits(void)
{
	return EFER_SCE | EFER_LME | (cpuid.extended[1].edx & X1_NX ? EFER_NXE : 0);
}

uint64_t cpuid_guest_xcr0(void)
{
	return cpuid.xcr0;
}

/* LA57 is not offered, so 48 bits: bits 63:47 are equal. */
bool cpuid_is_canonical(uint64_t address)
{
	const int64_t upper = (int64_t)address >> 47;

	return upper == 0 || upper == -1;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>
#include "arch/x86/cpuid.h"
#include "arch/x86/cpuid_bits.h"
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

struct policy {
	uint32_t leaf;
	struct rule eax, ebx, ecx, edx;
};

static const struct policy policy[] = {
	/* leaf		  EAX		    EBX		   ECX			EDX */
	{ 0x00000000, ALL, ALL, ALL, ALL },
	{ 0x00000001, ALL, ONLY(0xffff), { F1_ECX_PASS, F1_ECX_SET }, { F1_EDX_PASS, F1_APIC } },
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
	{ 0x80000008,
	  { X8_PHYSICAL, X8_LINEAR },
	  ONLY(X8_CLZERO | X8_XSAVEERPTR | X8_IBPB | X8_FACTS),
	  ZERO,
	  ZERO },
	{ 0x8000001a, ONLY(7), ZERO, ZERO, ZERO },
	{ 0x80000021, ONLY(X21_FACTS), ZERO, ZERO, ZERO },
};

/* ---- What the table became ---- */

static struct {
	struct cpuid_regs basic[LEAF_COUNT];
	struct cpuid_regs extended[EXTENDED_COUNT];
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

/*
 * Intel tells of IBPB only together with IBRS. AMD's bit for IBPB alone means the same MSR, and
 * systems look at it whoever made the CPU. ARCH_CAPABILITIES is an MSR of Intel's.
 */
static void offer_predictor_barrier(cpuid_read_fn *read, uint32_t basic_max)
{
	if (basic_max >= LEAF_MORE_FEATURES && (read(LEAF_MORE_FEATURES, 0).edx & F7_SPEC_CTRL))
		cpuid.extended[8].ebx |= X8_IBPB;
	if (!cpuid.is_intel)
		cpuid.basic[LEAF_MORE_FEATURES].edx &= ~F7_ARCH_CAPS;
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
	cpuid.basic[0].eax =
		clamp(vendor.eax, cpuid.is_intel ? BASIC_MIN_INTEL : BASIC_MIN, LEAF_COUNT - 1);
	cpuid.extended[0].eax =
		clamp(extended_max, EXTENDED + EXTENDED_MIN, EXTENDED + EXTENDED_COUNT - 1);
	*x8 = X8_LINEAR | clamp(*x8 & X8_PHYSICAL, X8_PHYSICAL_MIN, X8_PHYSICAL_MAX);
	offer_predictor_barrier(read, vendor.eax);
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

/* ---- Topology: a partition's vCPUs are the cores of one package, with one thread each ---- */

/* Bits of the APIC ID that tell the package's cores apart. */
static uint32_t core_bits(const struct vcpu *v)
{
	return v->vcpu_count > 1 ? 32 - (uint32_t)__builtin_clz(v->vcpu_count - 1) : 0;
}

/* "Extended Topology Enumeration": the level of threads, that of cores, and no more. */
static struct cpuid_regs topology(const struct vcpu *v, uint32_t subleaf)
{
	const uint32_t level_type = subleaf < 2 ? subleaf + 1 : 0; /* 1 SMT, 2 core, 0 invalid */
	const uint32_t count = subleaf == 0 ? 1 : subleaf == 1 ? v->vcpu_count : 0;

	return (struct cpuid_regs){ subleaf == 1 ? core_bits(v) : 0, count,
				    (subleaf & 0xff) | level_type << 8, v->lapic.apic_id };
}

/* "Deterministic Cache Parameters": level 3 is the package's, the others are a core's own. */
static struct cpuid_regs cache(const struct vcpu *v, uint32_t subleaf)
{
	const uint32_t highest_id = BIT32(core_bits(v)) - 1;
	struct cpuid_regs r = { 0 };

	if (subleaf < CACHE_COUNT)
		r = cpuid.caches[subleaf];
	if ((r.eax & F4_TYPE) == 0)
		return (struct cpuid_regs){ 0 };
	if (F4_LEVEL(r.eax) == 3)
		r.eax |= highest_id << F4_SHARING_AT;
	r.eax |= highest_id << F4_CORES_AT;
	return r;
}

/* ---- What depends on the vCPU ---- */

static struct cpuid_regs features(const struct vcpu *v, const struct backend *b)
{
	struct cpuid_regs r = cpuid.basic[LEAF_FEATURES];

	r.ebx |= v->lapic.apic_id << 24 | v->vcpu_count << 16;
	if (b->read_sysreg((struct vcpu *)v, SYSREG_CR4) & CR4_OSXSAVE)
		r.ecx |= F1_OSXSAVE;
	/* "Local APIC Status and Location": a disabled one is as if it were not there. */
	if (v->lapic.mode == VLAPIC_DISABLED)
		r.edx &= ~F1_APIC;
	if (v->has_pc)
		r.edx |= F1_MTRR;
	if (v->vcpu_count > 1)
		r.edx |= F1_HTT;
	return r;
}

static struct cpuid_regs more_features(const struct vcpu *v, const struct backend *b,
				       uint32_t subleaf)
{
	struct cpuid_regs r = cpuid.basic[LEAF_MORE_FEATURES];

	if (subleaf != 0)
		return subleaf == 1 ? cpuid.more_features_1 : (struct cpuid_regs){ 0 };
	if ((r.ecx & F7_PKU) && (b->read_sysreg((struct vcpu *)v, SYSREG_CR4) & CR4_PKE))
		r.ecx |= F7_OSPKE;
	if (v->has_pc)
		r.ebx |= F7_TSC_ADJUST;
	return r;
}

static struct cpuid_regs finish(const struct vcpu *v, const struct backend *b, uint32_t leaf,
				uint32_t subleaf)
{
	switch (leaf) {
	case LEAF_FEATURES:
		return features(v, b);
	case LEAF_CACHES:
		return cache(v, subleaf);
	case LEAF_MORE_FEATURES:
		return more_features(v, b, subleaf);
	case LEAF_TOPOLOGY:
	case LEAF_TOPOLOGY_V2:
		return topology(v, subleaf);
	case LEAF_XSAVE:
		return xsave(subleaf, v->xcr0);
	default:
		return cpuid.basic[leaf];
	}
}

/* APM Vol. 3, "Legacy Method" of "Multiple Processor Calculation": HTT, CmpLegacy, NC, sizes. */
static struct cpuid_regs extended(const struct vcpu *v, uint32_t leaf)
{
	struct cpuid_regs r = cpuid.extended[leaf - EXTENDED];

	if (cpuid.is_intel)
		return r;
	if (leaf == LEAF_EXTENDED_1) {
		if (v->vcpu_count > 1)
			r.ecx |= X1_CMPLEGACY;
		if (v->lapic.mode == VLAPIC_DISABLED)
			r.edx &= ~F1_APIC;
		if (v->has_pc)
			r.edx |= F1_MTRR;
	}
	if (leaf == LEAF_EXTENDED_8 && v->vcpu_count > 1)
		r.ecx = (v->vcpu_count - 1) | core_bits(v) << X8_ID_SIZE_AT;
	return r;
}

static struct cpuid_regs named(uint32_t eax, const char name[12])
{
	struct cpuid_regs r = { .eax = eax };

	memcpy(&r.ebx, &name[0], 4);
	memcpy(&r.ecx, &name[4], 4);
	memcpy(&r.edx, &name[8], 4);
	return r;
}

/* Two interfaces: our own, and the one that Linux knows, where it looks next. */
static struct cpuid_regs hypervisor(const struct vcpu *v, uint32_t leaf)
{
	const uint32_t khz = (uint32_t)(cpuid.tsc_hz / 1000);

	switch (leaf) {
	case HYPERVISOR:
		return named(HYPERVISOR_TIMING, CPUID_HV_SIGNATURE);
	case HYPERVISOR + 1:
		return (struct cpuid_regs){ CPUID_HV_INTERFACE, 0, 0, 0 };
	case HYPERVISOR_TIMING:
		return (struct cpuid_regs){ khz, khz, 0, 0 };
	case HYPERVISOR_KVM:
		return named(HYPERVISOR_KVM + 1, CPUID_KVM_SIGNATURE);
	case HYPERVISOR_KVM + 1:
		return (struct cpuid_regs){ KVM_NOP_IO_DELAY | KVM_STEAL_TIME | KVM_POLL_CONTROL, 0,
					    0, v->is_dedicated ? KVM_HINT_REALTIME : 0 };
	default:
		return (struct cpuid_regs){ 0 };
	}
}

/* Not in the two ranges, or above their highest leaf, or depending on more than the leaf. */
static struct cpuid_regs look_up(const struct vcpu *v, const struct backend *b, uint32_t leaf,
				 uint32_t subleaf)
{
	const uint32_t highest = cpuid.basic[0].eax;

	if (leaf - HYPERVISOR < HYPERVISOR_RANGE)
		return hypervisor(v, leaf);
	if (leaf > highest && !(leaf >= EXTENDED && leaf <= cpuid.extended[0].eax)) {
		/* SDM: "the data for the highest basic information leaf is returned". AMD: 0. */
		if (!cpuid.is_intel)
			return (struct cpuid_regs){ 0 };
		leaf = highest;
	}
	if (leaf & EXTENDED)
		return extended(v, leaf);
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

/* SDM Vol. 3A, "Control Registers": "CPU Qualification of Control Register Flags". */
uint64_t cpuid_cr4_bits(void)
{
	const struct cpuid_regs *const f1 = &cpuid.basic[LEAF_FEATURES];
	const struct cpuid_regs *const f7 = &cpuid.basic[LEAF_MORE_FEATURES];
	const struct {
		uint32_t feature;
		uint64_t bits;
	} needs[] = {
		{ f1->edx & B(1), CR4_VME | CR4_PVI }, { f1->edx & B(2), CR4_DE },
		{ f1->edx & B(3), CR4_PSE },           { f1->edx & B(4), CR4_TSD },
		{ f1->edx & B(6), CR4_PAE },           { f1->edx & B(13), CR4_PGE },
		{ f1->edx & B(24), CR4_OSFXSR },       { f1->edx & B(25), CR4_OSXMMEXCPT },
		{ f1->ecx & F1_PCID, CR4_PCIDE },      { f1->ecx & F1_XSAVE, CR4_OSXSAVE },
		{ f7->ebx & B(0), CR4_FSGSBASE },      { f7->ebx & B(7), CR4_SMEP },
		{ f7->ebx & B(20), CR4_SMAP },         { f7->ecx & B(2), CR4_UMIP },
		{ f7->ecx & F7_PKU, CR4_PKE },
	};
	uint64_t bits = CR4_PCE | CR4_MCE; /* which a guest may find set as the CPU has it */

	for (size_t i = 0; i < ARRAY_SIZE(needs); i++)
		bits |= needs[i].feature ? needs[i].bits : 0;
	return bits;
}

uint64_t cpuid_guest_xcr0(void)
{
	return cpuid.xcr0;
}

bool cpuid_is_intel(void)
{
	return cpuid.is_intel;
}

bool cpuid_has_arch_capabilities(void)
{
	return cpuid.basic[LEAF_MORE_FEATURES].edx & F7_ARCH_CAPS;
}

bool cpuid_has_ibpb(void)
{
	return cpuid.extended[8].ebx & X8_IBPB;
}

uint32_t cpuid_physical_bits(void)
{
	return cpuid.extended[8].eax & X8_PHYSICAL;
}

/* LA57 is not offered, so 48 bits: bits 63:47 are equal. */
bool cpuid_is_canonical(uint64_t address)
{
	const int64_t upper = (int64_t)address >> 47;

	return upper == 0 || upper == -1;
}

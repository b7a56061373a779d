/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>
#include "arch/x86/msr.h"
#include "arch/guest.h"
#include "arch/x86/cpu.h"
#include "arch/x86/cpuid.h"
#include "arch/x86/msr_host.h"

/* SDM Vol. 4, "Architectural MSRs". */
#define MSR_PLATFORM_ID          0x017u
#define MSR_BIOS_SIGN_ID         0x08bu /* AMD: PATCH_LEVEL */
#define MSR_MTRR_CAP             0x0feu
#define MSR_ARCH_CAPABILITIES    0x10au
#define MSR_MCG_CAP              0x179u
#define MSR_MCG_STATUS           0x17au
#define MSR_DEBUGCTL             0x1d9u
#define MSR_MTRR_PHYS_FIRST      0x200u /* base 0, mask 0, base 1, ... */
#define MSR_MTRR_FIX64K          0x250u
#define MSR_MTRR_FIX16K          0x258u /* 2 of them */
#define MSR_MTRR_FIX4K           0x268u /* 8 of them */
#define MSR_MTRR_DEF_TYPE        0x2ffu
#define FEATURE_CONTROL_LOCKED   BIT64(0)
#define MISC_ENABLE_FAST_STRINGS BIT64(0)
#define MISC_ENABLE_NO_BTS       BIT64(11)
#define MISC_ENABLE_NO_PEBS      BIT64(12)
#define MISC_ENABLE_VALUE        (MISC_ENABLE_FAST_STRINGS | MISC_ENABLE_NO_BTS | MISC_ENABLE_NO_PEBS)
#define DEBUGCTL_LBR             BIT64(0)
#define DEBUGCTL_BTF             BIT64(1)
#define PRED_CMD_IBPB            BIT64(0)
/*
 * Facts about the CPU that need no switch: RDCL_NO, SKIP_L1DFL_VMENTRY, SSB_NO, MDS_NO,
 * IF_PSCHANGE_MC_NO, TAA_NO, SBDR_SSDP_NO, FBSDP_NO, PSDP_NO, FB_CLEAR, BHI_NO, PBRSB_NO, GDS_NO,
 * RFDS_NO, RFDS_CLEAR. Not IBRS_ALL, TSX_CTRL and others that come with a register to write.
 */
#define ARCH_CAPABILITIES_PASS \
	(BIT64(0) | BIT64(3) | BIT64(4) | BIT64(5) | BIT64(6) | BIT64(8) | BIT64(13) | BIT64(14) | \
	 BIT64(15) | BIT64(17) | BIT64(20) | BIT64(24) | BIT64(26) | BIT64(27) | BIT64(28))

/*
 * SDM Vol. 3B, "IA32_MCG_CAP MSR": no banks, so nothing to read after a machine check; and none
 * comes, they are the hypervisor's. "IA32_MCG_STATUS MSR": "software can set or clear" MCIP.
 */
#define MCG_CAP_VALUE   0u
#define MCG_STATUS_BITS UINT64_C(7) /* RIPV, EIPV, MCIP */

/* AMD's processor programming references. */
#define MSR_SYSCFG         0xc0010010u
#define MSR_PERF_CTL       0xc0010000u /* "PERF_LEGACY_CTL", and four counters behind */
#define MSR_HWCR           0xc0010015u
#define MSR_NB_CFG         0xc001001fu
#define MSR_INT_PENDING    0xc0010055u
#define MSR_MMIO_CONF_BASE 0xc0010058u
#define MSR_DE_CFG         0xc0011029u
#define HWCR_IGNORED       (BIT64(3) | BIT64(6) | BIT64(8)) /* TlbCacheDis, FFDIS, IgnneEm */
#define HWCR_TSC_FREQ_SEL  BIT64(24)                        /* the TSC counts at P0's frequency */
#define NB_CFG_CF8_EXT     BIT64(46)
#define DE_CFG_LFENCE      BIT64(1) /* LFENCE serializes */

/* Linux, "KVM-specific MSRs". */
#define MSR_KVM_STEAL_TIME   0x4b564d03u
#define MSR_KVM_POLL_CONTROL 0x4b564d05u
#define STEAL_TIME_RESERVED  UINT64_C(0x3e) /* 5:1; 0 enables, 63:6 is where */

/* SDM Vol. 1, "Extended Control Registers". */
#define XCR0_AVX    BIT64(2)
#define XCR0_AVX512 (BIT64(5) | BIT64(6) | BIT64(7))

/* SDM Vol. 3A, "Memory Type Range Registers (MTRRs)". */
#define MTRR_COUNT       8u
#define MTRR_CAP_VALUE   (MTRR_COUNT | BIT64(8) | BIT64(10)) /* fixed ranges, WC */
#define MTRR_DEF_FIXED   BIT64(10)
#define MTRR_DEF_ENABLED BIT64(11)
#define MTRR_VALID       BIT64(11)
#define TYPE_UC          0u
#define TYPE_WC          1u
#define TYPE_WT          4u
#define TYPE_WP          5u
#define TYPE_WB          6u
#define TYPE_UC_MINUS    7u /* PAT only */
#define MTRR_TYPES \
	(BIT32(TYPE_UC) | BIT32(TYPE_WC) | BIT32(TYPE_WT) | BIT32(TYPE_WP) | BIT32(TYPE_WB))
#define PAT_TYPES (MTRR_TYPES | BIT32(TYPE_UC_MINUS))

/* ---- The table ---- */

/* Which vCPUs have it: all that is said must be true. */
enum who { ANY = 0, INTEL = 1, AMD = 2, PC = 4 };

enum kind {
	HELD,     /* by the back-end, as `reg` */
	CONSTANT, /* reads as `value` */
	EMULATED, /* read_emulated(), write_emulated() */
};

/* What may be written. Every check is on the whole value; nothing changes if it fails. */
enum rule {
	NEVER,     /* read only */
	CANONICAL, /* an address: non-canonical is #GP */
	BITS_64,   /* anything */
	LOW_HALF,  /* bits 63:32 are reserved */
	PAT,       /* eight memory types */
	SAME,      /* a constant takes itself; bits in `lost` may be anything, and stay */
};

struct row {
	uint32_t msr, more; /* and so many after it */
	uint8_t who, kind, rule;
	uint8_t reg;
	uint64_t value, lost;
};

/* clang-format off */
#define E(who, msr)		       { (msr), 0, (who), EMULATED, NEVER, 0, 0, 0 }
#define E_RANGE(who, msr, more)	       { (msr), (more), (who), EMULATED, NEVER, 0, 0, 0 }
#define H(msr, reg, rule)	       { (msr), 0, ANY, HELD, (rule), (reg), 0, 0 }
#define C(who, msr, value, rule, lost) { (msr), 0, (who), CONSTANT, (rule), 0, (value), (lost) }
#define C_RANGE(who, msr, more, lost)  { (msr), (more), (who), CONSTANT, SAME, 0, 0, (lost) }

/* x2APIC's range and IA32_TSC_DEADLINE exist too: msr_read() and msr_write() begin with them. */
static const struct row table[] = {
	E(ANY,		MSR_TSC),
	E(ANY,		MSR_APIC_BASE),
	E(ANY,		MSR_EFER),
	E(ANY,		MSR_PRED_CMD),
	E(INTEL,	MSR_ARCH_CAPABILITIES),
	E(ANY,		MSR_KVM_STEAL_TIME),
	E(ANY,		MSR_MCG_STATUS),
	E(PC,		MSR_TSC_ADJUST),
	E(PC,		MSR_MTRR_DEF_TYPE),
	E_RANGE(PC,	MSR_MTRR_PHYS_FIRST, 2 * MTRR_COUNT - 1),
	E_RANGE(PC,	MSR_MTRR_FIX64K, 0),
	E_RANGE(PC,	MSR_MTRR_FIX16K, 1),
	E_RANGE(PC,	MSR_MTRR_FIX4K, 7),

	H(MSR_FS_BASE,		SYSREG_FS_BASE,		CANONICAL),
	H(MSR_GS_BASE,		SYSREG_GS_BASE,		CANONICAL),
	H(MSR_KERNEL_GS_BASE,	SYSREG_KERNEL_GS_BASE,	CANONICAL),
	H(MSR_STAR,		SYSREG_STAR,		BITS_64),
	H(MSR_LSTAR,		SYSREG_LSTAR,		CANONICAL),
	H(MSR_CSTAR,		SYSREG_CSTAR,		CANONICAL),
	H(MSR_FMASK,		SYSREG_FMASK,		LOW_HALF),
	H(MSR_SYSENTER_CS,	SYSREG_SYSENTER_CS,	LOW_HALF),
	H(MSR_SYSENTER_ESP,	SYSREG_SYSENTER_ESP,	CANONICAL),
	H(MSR_SYSENTER_EIP,	SYSREG_SYSENTER_EIP,	CANONICAL),
	H(MSR_TSC_AUX,		SYSREG_TSC_AUX,		LOW_HALF),
	H(MSR_PAT,		SYSREG_PAT,		PAT),

	C(ANY,		MSR_BIOS_SIGN_ID,	0, SAME, 0), /* zeroed before it is asked for */
	C(ANY,		MSR_MCG_CAP,		MCG_CAP_VALUE, NEVER, 0),
	C(INTEL,	MSR_PLATFORM_ID,	0, NEVER, 0),
	C(INTEL,	MSR_MISC_ENABLE,	MISC_ENABLE_VALUE, SAME, 0),
	C(INTEL | PC,	MSR_FEATURE_CONTROL,	FEATURE_CONTROL_LOCKED, NEVER, 0),
	C(PC,		MSR_MTRR_CAP,		MTRR_CAP_VALUE, NEVER, 0),
	C(PC,		MSR_DEBUGCTL,		0, SAME, DEBUGCTL_LBR | DEBUGCTL_BTF),
	C(AMD | PC,	MSR_SYSCFG,		0, SAME, 0),
	C(AMD | PC,	MSR_HWCR,		HWCR_TSC_FREQ_SEL, SAME, HWCR_IGNORED),
	C(AMD | PC,	MSR_NB_CFG,		0, SAME, NB_CFG_CF8_EXT),
	C(AMD | PC,	MSR_INT_PENDING,	0, SAME, 0),
	C(AMD | PC,	MSR_MMIO_CONF_BASE,	0, SAME, 0),
	C(AMD | PC,	MSR_DE_CFG,		DE_CFG_LFENCE, SAME, 0), /* msr_host.h sees to it */
	/* Every AMD CPU has these four, without a CPUID bit; ours count nothing. */
	C_RANGE(AMD | PC, MSR_PERF_CTL,		7, UINT64_MAX),
	C(ANY,		MSR_KVM_POLL_CONTROL,	1, SAME, BIT64(0)), /* nobody polls for it */
};
#undef C_RANGE
#undef E
#undef E_RANGE
#undef H
#undef C
/* clang-format on */

static const struct row *find(const struct vcpu *v, uint32_t msr)
{
	uint32_t who = cpuid_is_intel() ? INTEL : AMD;

	if (v->has_pc)
		who |= PC;
	for (size_t i = 0; i < ARRAY_SIZE(table); i++)
		if (msr - table[i].msr <= table[i].more)
			return (table[i].who & ~who) == 0 ? &table[i] : NULL;
	return NULL;
}

/* ---- Memory types ---- */

static bool types_are_legal(uint64_t value, uint32_t legal)
{
	for (uint32_t i = 0; i < 8; i++) {
		const uint32_t type = (uint32_t)(value >> 8 * i) & 0xff;

		if (type > 7 || !(legal >> type & 1))
			return false;
	}
	return true;
}

static uint64_t *mtrr_at(struct vcpu *v, uint32_t msr)
{
	struct vcpu_mtrr *const m = &v->mtrr;
	const uint32_t n = msr - MSR_MTRR_PHYS_FIRST;

	if (n < 2 * MTRR_COUNT)
		return n % 2 ? &m->mask[n / 2] : &m->base[n / 2];
	switch (msr) {
	case MSR_MTRR_DEF_TYPE:
		return &m->def_type;
	case MSR_MTRR_FIX64K:
		return &m->fixed[0];
	case MSR_MTRR_FIX16K:
	case MSR_MTRR_FIX16K + 1:
		return &m->fixed[1 + msr - MSR_MTRR_FIX16K];
	default:
		return &m->fixed[3 + msr - MSR_MTRR_FIX4K];
	}
}

/* Frames that an address may name. */
static uint64_t physical_frames(void)
{
	return (BIT64(cpuid_physical_bits()) - 1) & ~UINT64_C(0xfff);
}

static bool type_is_legal(uint64_t value)
{
	const uint32_t type = (uint32_t)value & 0xff;

	return type < 8 && (MTRR_TYPES >> type & 1);
}

/* "IA32_MTRR_DEF_TYPE MSR", "Fixed Range MTRRs", "Variable Range MTRRs": reserved is #GP. */
static enum err write_mtrr(struct vcpu *v, uint32_t msr, uint64_t value)
{
	const uint32_t n = msr - MSR_MTRR_PHYS_FIRST;
	bool is_legal;

	if (n < 2 * MTRR_COUNT)
		is_legal = n % 2 ? !(value & ~(physical_frames() | MTRR_VALID))
				 : !(value & ~(physical_frames() | 0xff)) && type_is_legal(value);
	else if (msr == MSR_MTRR_DEF_TYPE)
		is_legal = !(value & ~(MTRR_DEF_ENABLED | MTRR_DEF_FIXED | 0xff)) &&
			   type_is_legal(value);
	else
		is_legal = types_are_legal(value, MTRR_TYPES);
	if (!is_legal)
		return ERR_INVAL;
	*mtrr_at(v, msr) = value;
	return OK;
}

void msr_reset(struct vcpu *v)
{
	const uint64_t cached = TYPE_WB * UINT64_C(0x0101010101010101);

	v->mcg_status = 0;
	memset(&v->mtrr, 0, sizeof(v->mtrr));
	v->mtrr.def_type = MTRR_DEF_ENABLED | MTRR_DEF_FIXED | TYPE_WB;
	for (uint32_t i = 0; i < ARRAY_SIZE(v->mtrr.fixed); i++)
		v->mtrr.fixed[i] = cached;
	*mtrr_at(v, MSR_MTRR_FIX16K + 1) = 0; /* A0000H to BFFFFH: UC */
	v->mtrr.base[0] = GUEST_LOW_MAX | TYPE_UC;
	v->mtrr.mask[0] = (physical_frames() & ~(GUEST_HIGH - GUEST_LOW_MAX - 1)) | MTRR_VALID;
}

/* ---- Emulated ---- */

/* SDM Vol. 3A, "Initializing IA-32e Mode": LME while paging is on is #GP. LMA is read only. */
static enum err write_efer(struct vcpu *v, const struct backend *b, uint64_t value)
{
	const uint64_t old = b->read_sysreg(v, SYSREG_EFER);

	if (value & ~(cpuid_efer_bits() | EFER_LMA))
		return ERR_INVAL;
	if (((old ^ value) & EFER_LME) && (b->read_sysreg(v, SYSREG_CR0) & CR0_PG))
		return ERR_INVAL;
	b->write_sysreg(v, SYSREG_EFER, (value & ~EFER_LMA) | (old & EFER_LMA));
	return OK;
}

/*
 * "Time-Stamp Counter Adjustment": what is added to one of the two is added to the other. A
 * deadline that is armed is one of the guest's TSC: it comes sooner or later now.
 */
static void move_tsc(struct vcpu *v, const struct backend *b, uint64_t by, uint64_t now_tsc)
{
	const uint64_t deadline = vlapic_read_tsc_deadline(&v->lapic, now_tsc);

	v->tsc_offset += by;
	v->tsc_adjust += by;
	if (deadline != 0)
		vlapic_write_tsc_deadline(&v->lapic, deadline, v->tsc_offset, now_tsc);
	b->tsc_offset_changed(v);
}

static enum err predictor_barrier(uint64_t value)
{
	if (!cpuid_has_ibpb() || (value & ~PRED_CMD_IBPB))
		return ERR_INVAL;
	if (value & PRED_CMD_IBPB)
		msr_host_predictor_barrier();
	return OK;
}

static enum err read_emulated(struct vcpu *v, const struct backend *b, uint32_t msr,
			      uint64_t now_tsc, uint64_t *value)
{
	switch (msr) {
	case MSR_TSC:
		*value = now_tsc + v->tsc_offset;
		return OK;
	case MSR_TSC_ADJUST:
		*value = v->tsc_adjust;
		return OK;
	case MSR_APIC_BASE:
		*value = vlapic_base(&v->lapic);
		return OK;
	case MSR_EFER:
		*value = b->read_sysreg(v, SYSREG_EFER);
		return OK;
	case MSR_KVM_STEAL_TIME:
		*value = v->steal_msr;
		return OK;
	case MSR_MCG_STATUS:
		*value = v->mcg_status;
		return OK;
	case MSR_ARCH_CAPABILITIES:
		if (!cpuid_has_arch_capabilities())
			return ERR_INVAL;
		*value = msr_host_arch_capabilities() & ARCH_CAPABILITIES_PASS;
		return OK;
	case MSR_PRED_CMD: /* a command: write only */
		return ERR_INVAL;
	default:
		*value = *mtrr_at(v, msr);
		return OK;
	}
}

static enum err write_emulated(struct vcpu *v, const struct backend *b, uint32_t msr,
			       uint64_t value, uint64_t now_tsc)
{
	switch (msr) {
	case MSR_TSC:
		if (!v->has_pc)
			return ERR_INVAL;
		move_tsc(v, b, value - (now_tsc + v->tsc_offset), now_tsc);
		return OK;
	case MSR_TSC_ADJUST:
		move_tsc(v, b, value - v->tsc_adjust, now_tsc);
		return OK;
	case MSR_APIC_BASE:
		return vlapic_set_base(&v->lapic, value);
	case MSR_EFER:
		return write_efer(v, b, value);
	case MSR_KVM_STEAL_TIME:
		if (value & STEAL_TIME_RESERVED)
			return ERR_INVAL;
		v->steal_msr = value;
		return OK;
	case MSR_MCG_STATUS:
		if (value & ~MCG_STATUS_BITS)
			return ERR_INVAL;
		v->mcg_status = value;
		return OK;
	case MSR_PRED_CMD:
		return predictor_barrier(value);
	case MSR_ARCH_CAPABILITIES:
		return ERR_INVAL;
	default:
		return write_mtrr(v, msr, value);
	}
}

/* ---- All of them ---- */

static bool rule_allows(const struct row *row, uint64_t value)
{
	switch ((enum rule)row->rule) {
	case CANONICAL:
		return cpuid_is_canonical(value);
	case BITS_64:
		return true;
	case LOW_HALF:
		return value >> 32 == 0;
	case PAT:
		return types_are_legal(value, PAT_TYPES);
	case SAME:
		return ((value ^ row->value) & ~row->lost) == 0;
	case NEVER:
		break;
	}
	return false;
}

static __attribute__((noinline)) enum err read_listed(struct vcpu *v, const struct backend *b,
						      uint32_t msr, uint64_t now_tsc,
						      uint64_t *value)
{
	const struct row *const row = find(v, msr);

	if (!row)
		return ERR_INVAL;
	if (row->kind == EMULATED)
		return read_emulated(v, b, msr, now_tsc, value);
	*value = row->kind == HELD ? b->read_sysreg(v, row->reg) : row->value;
	return OK;
}

static __attribute__((noinline)) enum err write_listed(struct vcpu *v, const struct backend *b,
						       uint32_t msr, uint64_t value,
						       uint64_t now_tsc)
{
	const struct row *const row = find(v, msr);

	if (!row)
		return ERR_INVAL;
	if (row->kind == EMULATED)
		return write_emulated(v, b, msr, value, now_tsc);
	if (!rule_allows(row, value))
		return ERR_INVAL;
	if (row->kind == HELD)
		b->write_sysreg(v, row->reg, value);
	return OK;
}

enum err msr_read(struct vcpu *v, const struct backend *b, uint32_t msr, uint64_t now_tsc,
		  uint64_t *value)
{
	if (msr - MSR_X2APIC_FIRST <= MSR_X2APIC_LAST - MSR_X2APIC_FIRST)
		return vlapic_read_msr(&v->lapic, msr, now_tsc, value);
	if (msr == MSR_TSC_DEADLINE) {
		*value = vlapic_read_tsc_deadline(&v->lapic, now_tsc);
		return OK;
	}
	return read_listed(v, b, msr, now_tsc, value);
}

/* An end of interrupt and the next deadline are what running guests write all the time. */
enum err msr_write(struct vcpu *v, const struct backend *b, uint32_t msr, uint64_t value,
		   uint64_t now_tsc, struct vlapic_effect *effect)
{
	if (msr - MSR_X2APIC_FIRST <= MSR_X2APIC_LAST - MSR_X2APIC_FIRST)
		return vlapic_write_msr(&v->lapic, msr, value, now_tsc, effect);
	/* No more of it is looked at when both are false. */
	effect->has_message = false;
	effect->has_level_eoi = false;
	if (msr == MSR_TSC_DEADLINE) {
		vlapic_write_tsc_deadline(&v->lapic, value, v->tsc_offset, now_tsc);
		return OK;
	}
	return write_listed(v, b, msr, value, now_tsc);
}

/*
 * SDM Vol. 1, "Enabling the XSAVE Feature Set and XSAVE-Enabled Features": x87 always; AVX needs
 * SSE; AVX-512's three components come together, and with AVX.
 */
enum err msr_xsetbv(struct vcpu *v, uint32_t xcr, uint64_t value)
{
	if (xcr != 0 || !(value & XCR0_X87) || (value & ~cpuid_guest_xcr0()))
		return ERR_INVAL;
	if ((value & XCR0_AVX) && !(value & XCR0_SSE))
		return ERR_INVAL;
	if ((value & XCR0_AVX512) && ((value & XCR0_AVX512) != XCR0_AVX512 || !(value & XCR0_AVX)))
		return ERR_INVAL;
	v->xcr0 = value;
	return OK;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "arch/x86/msr.h"
#include "arch/x86/cpu.h"
#include "arch/x86/cpuid.h"

/* SDM Vol. 4, "Architectural MSRs". */
#define MSR_PLATFORM_ID  0x017u
#define MSR_BIOS_SIGN_ID 0x08bu
/* IA32_APIC_BASE: bootstrap processor, x2APIC, enabled, at its architectural address. */
#define APIC_BASE_VALUE          (UINT64_C(0xfee00000) | BIT64(8) | BIT64(10) | BIT64(11))
#define MISC_ENABLE_FAST_STRINGS BIT64(0)
#define MISC_ENABLE_NO_BTS       BIT64(11)
#define MISC_ENABLE_NO_PEBS      BIT64(12)
#define MISC_ENABLE_VALUE        (MISC_ENABLE_FAST_STRINGS | MISC_ENABLE_NO_BTS | MISC_ENABLE_NO_PEBS)

/* SDM Vol. 1, "Extended Control Registers". */
#define XCR0_X87    BIT64(0)
#define XCR0_SSE    BIT64(1)
#define XCR0_AVX    BIT64(2)
#define XCR0_AVX512 (BIT64(5) | BIT64(6) | BIT64(7))

/* What may be written. Every check is on the whole value; nothing changes if it fails. */
enum rule {
	RULE_CANONICAL, /* an address: non-canonical is #GP */
	RULE_ANY,       /* 64 bits */
	RULE_LOW_HALF,  /* bits 63:32 are reserved */
	RULE_PAT,       /* eight memory types */
};

/* clang-format off */
/* Registers that the back-end holds. */
static const struct {
	uint32_t msr;
	enum guest_sysreg reg;
	enum rule rule;
} sysregs[] = {
	{ MSR_FS_BASE,	      SYSREG_FS_BASE,	     RULE_CANONICAL },
	{ MSR_GS_BASE,	      SYSREG_GS_BASE,	     RULE_CANONICAL },
	{ MSR_KERNEL_GS_BASE, SYSREG_KERNEL_GS_BASE, RULE_CANONICAL },
	{ MSR_STAR,	      SYSREG_STAR,	     RULE_ANY },
	{ MSR_LSTAR,	      SYSREG_LSTAR,	     RULE_CANONICAL },
	{ MSR_CSTAR,	      SYSREG_CSTAR,	     RULE_CANONICAL },
	{ MSR_FMASK,	      SYSREG_FMASK,	     RULE_LOW_HALF },
	{ MSR_SYSENTER_CS,    SYSREG_SYSENTER_CS,    RULE_LOW_HALF },
	{ MSR_SYSENTER_ESP,   SYSREG_SYSENTER_ESP,   RULE_CANONICAL },
	{ MSR_SYSENTER_EIP,   SYSREG_SYSENTER_EIP,   RULE_CANONICAL },
	{ MSR_TSC_AUX,	      SYSREG_TSC_AUX,	     RULE_LOW_HALF },
	{ MSR_PAT,	      SYSREG_PAT,	     RULE_PAT },
};

/*
 * Read as these constants. Writable, where a system writes what it read, with that value only:
 * the microcode signature is zeroed before it is asked for.
 */
static const struct {
	uint32_t msr;
	uint64_t value;
	bool writable;
} constants[] = {
	{ MSR_APIC_BASE,       APIC_BASE_VALUE,	  true },
	{ MSR_MISC_ENABLE,     MISC_ENABLE_VALUE, true },
	{ MSR_BIOS_SIGN_ID,    0,		  true },
	{ MSR_PLATFORM_ID,     0,		  false },
};
/* clang-format on */

/* SDM Vol. 3A, "Page Attribute Table (PAT)": UC 0, WC 1, WT 4, WP 5, WB 6, UC- 7. */
static bool pat_is_legal(uint64_t value)
{
	const uint32_t legal = BIT32(0) | BIT32(1) | BIT32(4) | BIT32(5) | BIT32(6) | BIT32(7);

	for (uint32_t i = 0; i < 8; i++) {
		const uint32_t type = (uint32_t)(value >> 8 * i) & 0xff;

		if (type > 7 || !(legal >> type & 1))
			return false;
	}
	return true;
}

static bool rule_allows(enum rule rule, uint64_t value)
{
	switch (rule) {
	case RULE_CANONICAL:
		return cpuid_is_canonical(value);
	case RULE_LOW_HALF:
		return value >> 32 == 0;
	case RULE_PAT:
		return pat_is_legal(value);
	default:
		return true;
	}
}

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

enum err msr_read(struct vcpu *v, const struct backend *b, uint32_t msr, uint64_t now_tsc,
		  uint64_t *value)
{
	if (msr >= MSR_X2APIC_FIRST && msr <= MSR_X2APIC_LAST)
		return vlapic_read(&v->lapic, msr, now_tsc, value);
	switch (msr) {
	case MSR_TSC_DEADLINE:
		*value = vlapic_read_tsc_deadline(&v->lapic, now_tsc);
		return OK;
	case MSR_TSC:
		*value = now_tsc + v->tsc_offset;
		return OK;
	case MSR_EFER:
		*value = b->read_sysreg(v, SYSREG_EFER);
		return OK;
	default:
		break;
	}
	for (size_t i = 0; i < ARRAY_SIZE(sysregs); i++)
		if (sysregs[i].msr == msr) {
			*value = b->read_sysreg(v, sysregs[i].reg);
			return OK;
		}
	for (size_t i = 0; i < ARRAY_SIZE(constants); i++)
		if (constants[i].msr == msr) {
			*value = constants[i].value;
			return OK;
		}
	return ERR_INVAL;
}

enum err msr_write(struct vcpu *v, const struct backend *b, uint32_t msr, uint64_t value,
		   uint64_t now_tsc, struct vlapic_ipi *ipi)
{
	*ipi = (struct vlapic_ipi){ .has_others = false };
	if (msr >= MSR_X2APIC_FIRST && msr <= MSR_X2APIC_LAST)
		return vlapic_write(&v->lapic, msr, value, now_tsc, ipi);
	switch (msr) {
	case MSR_TSC_DEADLINE:
		vlapic_write_tsc_deadline(&v->lapic, value, v->tsc_offset, now_tsc);
		return OK;
	case MSR_EFER:
		return write_efer(v, b, value);
	default:
		break;
	}
	for (size_t i = 0; i < ARRAY_SIZE(sysregs); i++) {
		if (sysregs[i].msr != msr)
			continue;
		if (!rule_allows(sysregs[i].rule, value))
			return ERR_INVAL;
		b->write_sysreg(v, sysregs[i].reg, value);
		return OK;
	}
	for (size_t i = 0; i < ARRAY_SIZE(constants); i++)
		if (constants[i].msr == msr)
			return constants[i].writable && constants[i].value == value ? OK
										    : ERR_INVAL;
	return ERR_INVAL;
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

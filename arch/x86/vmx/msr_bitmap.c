/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>
#include "arch/x86/cpu.h"
#include "arch/x86/vlapic.h"
#include "arch/x86/vmx/msr_bitmap.h"
#include "arch/x86/vmx/regs.h"

static const uint32_t own_msrs[] = {
	MSR_SYSENTER_CS, MSR_SYSENTER_ESP, MSR_SYSENTER_EIP,   MSR_PAT,
	MSR_STAR,        MSR_LSTAR,        MSR_CSTAR,          MSR_FMASK,
	MSR_FS_BASE,     MSR_GS_BASE,      MSR_KERNEL_GS_BASE,
};

/*
 * Offsets in the page. Not the current count, which only the clock knows; not what does not
 * exist or cannot be read, for reads of it are #GP.
 */
static const struct {
	uint16_t first, count;
} readable[] = {
	{ APIC_ID, 1 },
	{ APIC_VERSION, 1 },
	{ APIC_TPR, 1 },
	{ APIC_PPR, 1 },
	{ APIC_LDR, 1 },
	{ APIC_SVR, 1 },
	{ APIC_ISR, 8 },
	{ APIC_TMR, 8 },
	{ APIC_IRR, 8 },
	{ APIC_ESR, 1 },
	{ APIC_ICR, 1 },
	{ APIC_LVT_TIMER, 6 },
	{ APIC_INITIAL_COUNT, 1 },
	{ APIC_DIVIDE_CONFIG, 1 },
};

/* "Virtualizing WRMSR": a write that is let through to any other one would be the host's. */
static const uint16_t writable[] = { APIC_TPR, APIC_EOI, APIC_SELF_IPI };

static void allow(uint8_t *bitmap, uint32_t low_part, uint32_t msr)
{
	bool is_high = msr >= MSR_BITMAP_HIGH_FIRST;
	uint32_t bit = is_high ? msr - MSR_BITMAP_HIGH_FIRST : msr;
	uint32_t part = low_part + (is_high ? MSR_BITMAP_READ_HIGH : MSR_BITMAP_READ_LOW);

	bitmap[part + bit / 8] &= (uint8_t)~BIT32(bit % 8);
}

static uint32_t apic_msr(uint32_t offset)
{
	return MSR_X2APIC_FIRST + offset / 16;
}

static void allow_x2apic(uint8_t *bitmap)
{
	for (uint32_t i = 0; i < ARRAY_SIZE(readable); i++)
		for (uint32_t n = 0; n < readable[i].count; n++)
			allow(bitmap, MSR_BITMAP_READ_LOW, apic_msr(readable[i].first) + n);
	for (uint32_t i = 0; i < ARRAY_SIZE(writable); i++)
		allow(bitmap, MSR_BITMAP_WRITE_LOW, apic_msr(writable[i]));
}

void vmx_msr_bitmap_build(uint8_t *bitmap, enum vmx_msr_bitmap kind)
{
	memset(bitmap, 0xff, PAGE_BYTES);
	for (uint32_t i = 0; i < ARRAY_SIZE(own_msrs); i++) {
		allow(bitmap, MSR_BITMAP_READ_LOW, own_msrs[i]);
		allow(bitmap, MSR_BITMAP_WRITE_LOW, own_msrs[i]);
	}
	if (kind == VMX_MSRS_X2APIC)
		allow_x2apic(bitmap);
}

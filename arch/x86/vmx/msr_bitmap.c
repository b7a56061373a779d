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
static const struct register_range {
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

/* TMR is not here: level-triggered vectors reach a lent APIC as edges. Nor is ESR: it has more. */
static const struct register_range lent_readable[] = {
	{ APIC_TPR, 1 },
	{ APIC_PPR, 1 },
	{ APIC_ISR, 8 },
	{ APIC_IRR, 8 },
};

void vmx_msr_bitmap_choose(uint8_t *bitmap, uint32_t msr, enum vmx_msr_access access,
			   enum vmx_msr_answer answer)
{
	const bool is_high = msr >= MSR_BITMAP_HIGH_FIRST;
	const uint32_t bit = is_high ? msr - MSR_BITMAP_HIGH_FIRST : msr;
	uint8_t *const at =
		bitmap + (access == VMX_MSR_WRITES ? MSR_BITMAP_WRITE_LOW : MSR_BITMAP_READ_LOW) +
		(is_high ? MSR_BITMAP_READ_HIGH : MSR_BITMAP_READ_LOW) + bit / 8;

	if (answer == VMX_MSR_IS_FREE)
		*at &= (uint8_t)~BIT32(bit % 8);
	else
		*at |= (uint8_t)BIT32(bit % 8);
}

static uint32_t apic_msr(uint32_t offset)
{
	return MSR_X2APIC_FIRST + offset / 16;
}

static void free_reads(uint8_t *bitmap, const struct register_range *list, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		for (uint32_t n = 0; n < list[i].count; n++)
			vmx_msr_bitmap_choose(bitmap, apic_msr(list[i].first) + n, VMX_MSR_READS,
					      VMX_MSR_IS_FREE);
}

static void free_x2apic_writes(uint8_t *bitmap)
{
	for (uint32_t i = 0; i < ARRAY_SIZE(writable); i++)
		vmx_msr_bitmap_choose(bitmap, apic_msr(writable[i]), VMX_MSR_WRITES,
				      VMX_MSR_IS_FREE);
}

void vmx_msr_bitmap_build(uint8_t *bitmap, enum vmx_msr_bitmap kind)
{
	memset(bitmap, 0xff, PAGE_BYTES);
	for (uint32_t i = 0; i < ARRAY_SIZE(own_msrs); i++) {
		vmx_msr_bitmap_choose(bitmap, own_msrs[i], VMX_MSR_READS, VMX_MSR_IS_FREE);
		vmx_msr_bitmap_choose(bitmap, own_msrs[i], VMX_MSR_WRITES, VMX_MSR_IS_FREE);
	}
	if (kind == VMX_MSRS_PLAIN)
		return;
	if (kind == VMX_MSRS_X2APIC)
		free_reads(bitmap, readable, ARRAY_SIZE(readable));
	else
		free_reads(bitmap, lent_readable, ARRAY_SIZE(lent_readable));
	free_x2apic_writes(bitmap);
}

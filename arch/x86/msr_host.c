/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>
#include "arch/x86/msr_host.h"
#include "arch/x86/cpu.h"

#define MSR_ARCH_CAPABILITIES 0x10au
#define PRED_CMD_IBPB         BIT64(0)
#define MSR_DE_CFG            0xc0011029u
#define DE_CFG_LFENCE         BIT64(1)
#define FAMILY_K8             0xfu
#define FAMILY_11H            0x11u

uint64_t msr_host_arch_capabilities(void)
{
	return cpu_rdmsr(MSR_ARCH_CAPABILITIES);
}

void msr_host_predictor_barrier(void)
{
	cpu_wrmsr(MSR_PRED_CMD, PRED_CMD_IBPB);
}

/* APM Vol. 3, "CPUID Fn0000_0001_EAX": base family 0FH is extended by bits 27:20. */
static uint32_t family(void)
{
	const uint32_t eax = cpu_cpuid(1, 0).eax;
	const uint32_t base = eax >> 8 & 0xf;

	return base == 0xf ? base + (eax >> 20 & 0xff) : base;
}

/* Families 0FH and 11H have no such MSR, and no need: their LFENCE serializes always. */
void msr_host_serialize_lfence(void)
{
	const struct cpuid_regs vendor = cpu_cpuid(0, 0);

	if (memcmp(&vendor.ebx, "Auth", 4) != 0 || family() <= FAMILY_K8 || family() == FAMILY_11H)
		return;
	if (!(cpu_rdmsr(MSR_DE_CFG) & DE_CFG_LFENCE))
		cpu_wrmsr(MSR_DE_CFG, cpu_rdmsr(MSR_DE_CFG) | DE_CFG_LFENCE);
}

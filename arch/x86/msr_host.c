/* SPDX-License-Identifier: Apache-2.0 */
#include "arch/x86/msr_host.h"
#include "arch/x86/cpu.h"

#define MSR_ARCH_CAPABILITIES 0x10au
#define PRED_CMD_IBPB         BIT64(0)

uint64_t msr_host_arch_capabilities(void)
{
	return cpu_rdmsr(MSR_ARCH_CAPABILITIES);
}

void msr_host_predictor_barrier(void)
{
	cpu_wrmsr(MSR_PRED_CMD, PRED_CMD_IBPB);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * arch/x86/msr_host.h - what a guest's MSR gets from the CPU below it. msr.c is pure but for these
 * two; tests bring their own.
 *
 * Source   SDM Vol. 4, "Architectural MSRs": IA32_ARCH_CAPABILITIES, IA32_PRED_CMD.
 */
#pragma once
#include "core/lib/base.h"

/* Only where CPUID has it: cpuid_has_arch_capabilities(). */
uint64_t msr_host_arch_capabilities(void);
/* IBPB: branches trained before do not steer what comes after. Only where cpuid_has_ibpb(). */
void msr_host_predictor_barrier(void);

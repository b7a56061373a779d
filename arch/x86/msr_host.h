/* SPDX-License-Identifier: Apache-2.0 */
/*
 * arch/x86/msr_host.h - what a guest's MSR gets from the CPU below it. msr.c is pure but for the
 * first two; tests bring their own.
 *
 * Source   SDM Vol. 4, "Architectural MSRs": IA32_ARCH_CAPABILITIES, IA32_PRED_CMD. APM Vol. 3,
 *	    "LFENCE", and AMD's processor programming references: DE_CFG.
 */
#pragma once
#include "core/lib/base.h"

/* Only where CPUID has it: cpuid_has_arch_capabilities(). */
uint64_t msr_host_arch_capabilities(void);
/* IBPB: branches trained before do not steer what comes after. Only where cpuid_has_ibpb(). */
void msr_host_predictor_barrier(void);
/* On each core, before guests: AMD's LFENCE serializes, as guests' DE_CFG says. */
void msr_host_serialize_lfence(void);

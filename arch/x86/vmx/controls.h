/* SPDX-License-Identifier: Apache-2.0 */
/*
 * arch/x86/vmx/controls.h - which VT-x controls we run with, from what the CPU offers.
 *
 * Model    Every control is required, wanted if offered, or unwanted. A required one that the
 *	    CPU lacks, and an unwanted one that it cannot switch off, is a refusal with the
 *	    manual's name for it. Bits in none of these sets take the CPU's default.
 * Source   SDM Vol. 3D, "VMX Capability Reporting Facility"; Vol. 3C, "Restrictions on VMX
 *	    Operation"; Vol. 3C, "Guest/Host Masks and Read Shadows for CR0 and CR4".
 * Errors   ERR_UNSUPPORTED: `missing` names the first control that decides it.
 * Sharing  Pure.
 */
#pragma once
#include "core/lib/base.h"

/* The capability MSRs as read. pin..entry are the TRUE ones where the CPU has them. */
struct vmx_caps {
	uint64_t feature_control;
	uint64_t basic;
	uint64_t pin, proc, proc2, exit, entry;
	uint64_t misc;
	uint64_t ept_vpid;
	uint64_t cr0_fixed0, cr0_fixed1, cr4_fixed0, cr4_fixed1;
	bool switches_pkru; /* PKRU is among the state that we switch with the FPU */
};

struct vmx_controls {
	uint32_t revision; /* first word of a VMXON region and of a VMCS */
	uint32_t pin, proc, proc2, exit, entry;
	uint32_t timer_shift; /* the preemption timer counts TSC ticks >> timer_shift */
	bool has_1g_pages;
	/* APICv, all of it, and posted interrupts; those of a vCPU that uses it. */
	bool has_apicv;
	uint32_t apicv_proc, apicv_proc2;
	/* A core's local APIC can be its guest's: what is cleared then. */
	bool can_lend;
	uint32_t lent_pin_off, lent_proc_off;
	/* Bits a guest cannot change by itself, and those that are set whatever it believes. */
	uint64_t cr0_mask, cr0_set;
	uint64_t cr4_mask, cr4_set;
};

MUST_CHECK enum err vmx_controls_plan(const struct vmx_caps *caps, struct vmx_controls *out,
				      const char **missing);

/* Bits of CR4 that a guest may set; the rest is #GP. */
uint64_t vmx_cr4_allowed(const struct vmx_caps *caps);

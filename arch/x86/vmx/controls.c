/* SPDX-License-Identifier: Apache-2.0 */
#include "arch/x86/control_registers.h"
#include "arch/x86/cpu.h"
#include "arch/x86/vmx/controls.h"
#include "arch/x86/vmx/regs.h"

struct named_bit {
	uint32_t bit;
	const char *name;
};

/* What one capability MSR is measured against. Lists end with bit 0. */
struct demand {
	const struct named_bit *required;
	const struct named_bit *unwanted;
	uint32_t wanted;
};

static const struct named_bit none[] = { { 0, NULL } };

/* Switched on and off while guests run. */
static const struct named_bit pin_unwanted[] = {
	{ PIN_ACTIVATE_PREEMPTION_TIMER, "VT-x: preemption timer cannot be switched off" },
	{ 0, NULL },
};

static const struct named_bit entry_unwanted[] = {
	{ ENTRY_IA32E_GUEST, "VT-x: guests outside IA-32e mode" },
	{ 0, NULL },
};

static const struct named_bit pin_required[] = {
	{ PIN_EXTERNAL_INTERRUPT_EXITING, "VT-x: external-interrupt exiting" },
	{ PIN_NMI_EXITING, "VT-x: NMI exiting" },
	{ PIN_VIRTUAL_NMIS, "VT-x: virtual NMIs" },
	{ PIN_ACTIVATE_PREEMPTION_TIMER, "VT-x: preemption timer" },
	{ 0, NULL },
};

static const struct named_bit proc_required[] = {
	{ PROC_INTERRUPT_WINDOW_EXITING, "VT-x: interrupt-window exiting" },
	{ PROC_USE_TSC_OFFSETTING, "VT-x: TSC offsetting" },
	{ PROC_NMI_WINDOW_EXITING, "VT-x: NMI-window exiting" },
	{ PROC_HLT_EXITING, "VT-x: HLT exiting" },
	{ PROC_MWAIT_EXITING, "VT-x: MWAIT exiting" },
	{ PROC_RDPMC_EXITING, "VT-x: RDPMC exiting" },
	{ PROC_CR8_LOAD_EXITING, "VT-x: CR8-load exiting" },
	{ PROC_CR8_STORE_EXITING, "VT-x: CR8-store exiting" },
	{ PROC_UNCONDITIONAL_IO_EXITING, "VT-x: unconditional I/O exiting" },
	{ PROC_USE_MSR_BITMAPS, "VT-x: MSR bitmaps" },
	{ PROC_MONITOR_EXITING, "VT-x: MONITOR exiting" },
	{ PROC_ACTIVATE_SECONDARY, "VT-x: secondary controls" },
	{ 0, NULL },
};

/* Without the TRUE capability MSRs, CR3 exits cannot be switched off. */
static const struct named_bit proc_unwanted[] = {
	{ PROC_INTERRUPT_WINDOW_EXITING, "VT-x: interrupt-window exiting cannot be cleared" },
	{ PROC_NMI_WINDOW_EXITING, "VT-x: NMI-window exiting cannot be cleared" },
	{ PROC_CR3_LOAD_EXITING, "VT-x: TRUE control MSRs (CR3-load exiting cannot be cleared)" },
	{ PROC_CR3_STORE_EXITING, "VT-x: TRUE control MSRs (CR3-store exiting cannot be cleared)" },
	{ PROC_INVLPG_EXITING, "VT-x: INVLPG exiting cannot be cleared" },
	{ PROC_RDTSC_EXITING, "VT-x: RDTSC exiting cannot be cleared" },
	{ PROC_MOV_DR_EXITING, "VT-x: MOV-DR exiting cannot be cleared" },
	{ PROC_PAUSE_EXITING, "VT-x: PAUSE exiting cannot be cleared" },
	{ 0, NULL },
};

static const struct named_bit proc2_required[] = {
	{ PROC2_ENABLE_EPT, "VT-x: EPT" },
	{ PROC2_ENABLE_VPID, "VT-x: VPID" },
	{ PROC2_UNRESTRICTED_GUEST, "VT-x: unrestricted guest" },
	{ PROC2_WBINVD_EXITING, "VT-x: WBINVD exiting" },
	{ 0, NULL },
};

static const struct named_bit exit_required[] = {
	{ EXIT_SAVE_DEBUG_CONTROLS, "VT-x: save debug controls" },
	{ EXIT_HOST_64BIT, "VT-x: 64-bit host" },
	{ EXIT_ACK_INTERRUPT, "VT-x: acknowledge interrupt on exit" },
	{ EXIT_SAVE_PAT, "VT-x: save IA32_PAT" },
	{ EXIT_LOAD_PAT, "VT-x: load IA32_PAT" },
	{ EXIT_SAVE_EFER, "VT-x: save IA32_EFER" },
	{ EXIT_LOAD_EFER, "VT-x: load IA32_EFER" },
	{ 0, NULL },
};

static const struct named_bit entry_required[] = {
	{ ENTRY_LOAD_DEBUG_CONTROLS, "VT-x: load debug controls" },
	{ ENTRY_LOAD_PAT, "VT-x: load IA32_PAT at entry" },
	{ ENTRY_LOAD_EFER, "VT-x: load IA32_EFER at entry" },
	{ ENTRY_IA32E_GUEST, "VT-x: IA-32e mode guests" },
	{ 0, NULL },
};

static const struct demand pin_demand = { pin_required, pin_unwanted, 0 };
static const struct demand proc_demand = { proc_required, proc_unwanted, 0 };
/* ENCLS exits, where there is SGX: what CPUID does not offer must not work either. */
static const struct demand proc2_demand = {
	proc2_required, none, PROC2_ENABLE_RDTSCP | PROC2_ENABLE_INVPCID | PROC2_ENCLS_EXITING
};
static const struct demand exit_demand = { exit_required, none, 0 };
static const struct demand entry_demand = { entry_required, entry_unwanted, 0 };

/* Low half of `cap`: bits that must be 1. High half: bits that may be 1. */
static enum err adjust(uint64_t cap, const struct demand *d, uint32_t *out, const char **missing)
{
	uint32_t must = (uint32_t)cap;
	uint32_t may = (uint32_t)(cap >> 32);

	*out = must | (d->wanted & may);
	for (const struct named_bit *b = d->required; b->bit; b++) {
		*missing = b->name;
		if (!(may & b->bit))
			return ERR_UNSUPPORTED;
		*out |= b->bit;
	}
	for (const struct named_bit *b = d->unwanted; b->bit; b++) {
		*missing = b->name;
		if (must & b->bit)
			return ERR_UNSUPPORTED;
	}
	return OK;
}

static enum err check_basic(const struct vmx_caps *c, const char **missing)
{
	*missing = "VT-x: IA32_FEATURE_CONTROL is locked with VMX off: enable it in firmware setup";
	if ((c->feature_control & FEATURE_CONTROL_LOCK) &&
	    !(c->feature_control & FEATURE_CONTROL_VMX_NO_SMX))
		return ERR_UNSUPPORTED;
	*missing = "VT-x: a VMCS of at most 4 KiB";
	if (VMX_BASIC_BYTES(c->basic) == 0 || VMX_BASIC_BYTES(c->basic) > PAGE_BYTES)
		return ERR_UNSUPPORTED;
	*missing = "VT-x: a write-back VMCS";
	if (VMX_BASIC_MEMORY_TYPE(c->basic) != VMX_MEMORY_TYPE_WB)
		return ERR_UNSUPPORTED;
	return OK;
}

static enum err check_ept(const struct vmx_caps *c, const char **missing)
{
	static const struct {
		uint64_t bits;
		const char *name;
	} required[] = {
		{ EPT_CAP_WALK_4, "VT-x: EPT page walks of length 4" },
		{ EPT_CAP_MEMORY_WB, "VT-x: write-back EPT tables" },
		{ EPT_CAP_2M, "VT-x: EPT pages of 2 MiB" },
		{ EPT_CAP_INVEPT | EPT_CAP_INVEPT_CONTEXT | EPT_CAP_INVEPT_ALL, "VT-x: INVEPT" },
		{ VPID_CAP_INVVPID | VPID_CAP_INVVPID_CONTEXT | VPID_CAP_INVVPID_ALL,
		  "VT-x: INVVPID" },
	};

	for (uint32_t i = 0; i < ARRAY_SIZE(required); i++) {
		*missing = required[i].name;
		if ((c->ept_vpid & required[i].bits) != required[i].bits)
			return ERR_UNSUPPORTED;
	}
	return OK;
}

uint64_t vmx_cr4_allowed(const struct vmx_caps *caps)
{
	const uint64_t unswitched = caps->switches_pkru ? 0 : CR4_PKE;

	return CR4_GUEST & ~unswitched & caps->cr4_fixed1;
}

/* High half of a capability MSR: bits that may be 1. */
static bool may_set(uint64_t cap, uint32_t bits)
{
	return ((uint32_t)(cap >> 32) & bits) == bits;
}

/* CR8 is the page's TPR then: no exits. The mode's own bit comes with the mode. */
static void plan_apicv(const struct vmx_caps *c, struct vmx_controls *out)
{
	const uint32_t cr8 = PROC_CR8_LOAD_EXITING | PROC_CR8_STORE_EXITING;
	const uint32_t always =
		PROC2_APIC_REGISTER_VIRTUALIZATION | PROC2_VIRTUAL_INTERRUPT_DELIVERY;
	const uint32_t modes = PROC2_VIRTUALIZE_APIC_ACCESSES | PROC2_VIRTUALIZE_X2APIC_MODE;

	out->has_apicv = may_set(c->pin, PIN_PROCESS_POSTED_INTERRUPTS) &&
			 may_set(c->proc, PROC_USE_TPR_SHADOW) && !((uint32_t)c->proc & cr8) &&
			 may_set(c->proc2, always | modes) && !((uint32_t)c->proc2 & modes);
	if (!out->has_apicv)
		return;
	out->apicv_proc = (out->proc & ~cr8) | PROC_USE_TPR_SHADOW;
	out->apicv_proc2 = out->proc2 | always;
}

/* Interrupts, HLT and CR8 are the guest's own: each must be one that can be cleared. */
static void plan_lending(const struct vmx_caps *c, struct vmx_controls *out)
{
	const uint32_t pin = PIN_EXTERNAL_INTERRUPT_EXITING;
	const uint32_t proc = PROC_HLT_EXITING | PROC_CR8_LOAD_EXITING | PROC_CR8_STORE_EXITING;

	out->can_lend = !((uint32_t)c->pin & pin) && !((uint32_t)c->proc & proc);
	out->lent_pin_off = pin;
	out->lent_proc_off = proc;
}

/*
 * CR0: FIXED0 has PE, PG and NE; unrestricted guests may clear PE and PG. NE stays set, and
 * caches stay on: CD and NW exist in the read shadow only. The undefined bits of the low half
 * are the guest's: writes to them are ignored ("MOV - Move to/from Control Registers").
 * CR4: VMXE stays set and hidden. MCE stays set, or a machine check in the guest would be a
 * shutdown of the processor.
 */
static void plan_control_registers(const struct vmx_caps *c, struct vmx_controls *out)
{
	out->cr0_set = c->cr0_fixed0 & ~(CR0_PE | CR0_PG);
	out->cr0_mask = out->cr0_set | ~c->cr0_fixed1 | CR0_CD | CR0_NW;
	out->cr4_set = c->cr4_fixed0 | (CR4_MCE & c->cr4_fixed1);
	out->cr4_mask = ~vmx_cr4_allowed(c) | out->cr4_set;
}

enum err vmx_controls_plan(const struct vmx_caps *caps, struct vmx_controls *out,
			   const char **missing)
{
	enum err e = check_basic(caps, missing);

	*out = (struct vmx_controls){ 0 };
	if (e == OK)
		e = adjust(caps->pin, &pin_demand, &out->pin, missing);
	if (e == OK)
		e = adjust(caps->proc, &proc_demand, &out->proc, missing);
	if (e == OK)
		e = adjust(caps->proc2, &proc2_demand, &out->proc2, missing);
	if (e == OK)
		e = adjust(caps->exit, &exit_demand, &out->exit, missing);
	if (e == OK)
		e = adjust(caps->entry, &entry_demand, &out->entry, missing);
	if (e == OK)
		e = check_ept(caps, missing);
	if (e != OK)
		return e;
	/* Set only while a deadline is armed, an interrupt waits, or the guest is there. */
	out->pin &= ~PIN_ACTIVATE_PREEMPTION_TIMER;
	out->proc &= ~(PROC_INTERRUPT_WINDOW_EXITING | PROC_NMI_WINDOW_EXITING);
	out->entry &= ~ENTRY_IA32E_GUEST;
	out->revision = VMX_BASIC_REVISION(caps->basic);
	out->timer_shift = VMX_MISC_TIMER_SHIFT(caps->misc);
	out->has_1g_pages = (caps->ept_vpid & EPT_CAP_1G) != 0;
	plan_control_registers(caps, out);
	plan_apicv(caps, out);
	plan_lending(caps, out);
	*missing = NULL;
	return OK;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * VT-x controls from capability MSRs. Oracle: bit numbers as printed in SDM Vol. 3C, "VM-Execution
 * Control Fields", "VM-Exit Controls", "VM-Entry Controls", and the rule of Vol. 3D, "VMX
 * Capability Reporting Facility": low half = bits that must be 1, high half = bits that may be.
 */
#include <stdlib.h>
#include <string.h>
#include "arch/x86/vmx/controls.h"
#include "tests/test.h"

#define B(n) (UINT64_C(1) << (n))

/* A processor that may do everything and must do what the default1 class says. */
static const struct vmx_caps everything = {
	.feature_control = B(0) | B(2),
	.basic = B(55) | UINT64_C(6) << 50 | UINT64_C(0x1000) << 32 | 0x12345678,
	.pin = UINT64_C(0xffffffff00000016),
	.proc = UINT64_C(0xffffffff04006172),
	.proc2 = UINT64_C(0xffffffff00000000),
	.exit = UINT64_C(0xffffffff00036dfb),
	.entry = UINT64_C(0xffffffff000011fb),
	.misc = 5,
	.ept_vpid = UINT64_C(0x00000f0106714141),
	.cr0_fixed0 = UINT64_C(0x80000021),
	.cr0_fixed1 = UINT64_C(0xffffffff),
	.cr4_fixed0 = UINT64_C(0x2000),
	.cr4_fixed1 = UINT64_C(0x7767ff),
};

enum group { PIN, PROC, PROC2, EXIT, ENTRY, EPT, GROUP_COUNT };

static uint64_t *cap_of(struct vmx_caps *c, enum group g)
{
	uint64_t *const of[GROUP_COUNT] = { &c->pin,  &c->proc,  &c->proc2,
					    &c->exit, &c->entry, &c->ept_vpid };

	return of[g];
}

/* What the design cannot do without; group, bit in the manual, a word of the refusal. */
static const struct {
	enum group group;
	uint32_t bit;
	const char *word;
} needed[] = {
	{ PIN, 0, "external-interrupt exiting" },
	{ PIN, 3, "NMI exiting" },
	{ PIN, 5, "virtual NMIs" },
	{ PIN, 6, "preemption timer" },
	{ PROC, 2, "interrupt-window exiting" },
	{ PROC, 3, "TSC offsetting" },
	{ PROC, 7, "HLT exiting" },
	{ PROC, 10, "MWAIT exiting" },
	{ PROC, 11, "RDPMC exiting" },
	{ PROC, 19, "CR8-load exiting" },
	{ PROC, 20, "CR8-store exiting" },
	{ PROC, 22, "NMI-window exiting" },
	{ PROC, 24, "unconditional I/O exiting" },
	{ PROC, 28, "MSR bitmaps" },
	{ PROC, 29, "MONITOR exiting" },
	{ PROC, 31, "secondary controls" },
	{ PROC2, 1, "EPT" },
	{ PROC2, 5, "VPID" },
	{ PROC2, 6, "WBINVD exiting" },
	{ PROC2, 7, "unrestricted guest" },
	{ EXIT, 2, "save debug controls" },
	{ EXIT, 9, "64-bit host" },
	{ EXIT, 15, "acknowledge interrupt" },
	{ EXIT, 18, "save IA32_PAT" },
	{ EXIT, 19, "load IA32_PAT" },
	{ EXIT, 20, "save IA32_EFER" },
	{ EXIT, 21, "load IA32_EFER" },
	{ ENTRY, 2, "load debug controls" },
	{ ENTRY, 9, "IA-32e mode" },
	{ ENTRY, 14, "IA32_PAT at entry" },
	{ ENTRY, 15, "IA32_EFER at entry" },
	{ EPT, 6, "length 4" },
	{ EPT, 14, "write-back EPT" },
	{ EPT, 16, "2 MiB" },
	{ EPT, 20, "INVEPT" },
	{ EPT, 25, "INVEPT" },
	{ EPT, 26, "INVEPT" },
	{ EPT, 32, "INVVPID" },
	{ EPT, 41, "INVVPID" },
	{ EPT, 42, "INVVPID" },
};

static void a_complete_processor_is_taken(void)
{
	struct vmx_controls out;
	const char *missing = "?";

	CHECK(vmx_controls_plan(&everything, &out, &missing) == OK);
	CHECK(missing == NULL);
	CHECK(out.revision == 0x12345678);
	CHECK(out.timer_shift == 5);
	CHECK(!out.has_1g_pages);
	/* On from the start: everything needed but what is switched while guests run. */
	for (uint32_t i = 0; i < ARRAY_SIZE(needed); i++) {
		const uint32_t of[] = { out.pin, out.proc, out.proc2, out.exit, out.entry };
		bool is_switched =
			(needed[i].group == PIN && needed[i].bit == 6) ||
			(needed[i].group == PROC && (needed[i].bit == 2 || needed[i].bit == 22)) ||
			(needed[i].group == ENTRY && needed[i].bit == 9);

		if (needed[i].group != EPT)
			CHECK((of[needed[i].group] >> needed[i].bit & 1) == !is_switched);
	}
}

static void each_missing_control_is_named(void)
{
	for (uint32_t i = 0; i < ARRAY_SIZE(needed); i++) {
		struct vmx_caps c = everything;
		struct vmx_controls out;
		const char *missing = NULL;
		uint32_t bit = needed[i].bit + (needed[i].group == EPT ? 0 : 32);

		*cap_of(&c, needed[i].group) &= ~B(bit);
		CHECK(vmx_controls_plan(&c, &out, &missing) == ERR_UNSUPPORTED);
		CHECK(missing && strncmp(missing, "VT-x: ", 6) == 0);
		CHECK(missing && strstr(missing, needed[i].word) != NULL);
	}
}

/* Exits that nobody would serve, and what must be switchable. */
static void a_control_that_cannot_be_cleared_is_refused(void)
{
	static const struct {
		enum group group;
		uint32_t bit;
	} unwanted[] = { { PIN, 6 },   { PROC, 2 },  { PROC, 9 },  { PROC, 12 }, { PROC, 15 },
			 { PROC, 16 }, { PROC, 22 }, { PROC, 23 }, { PROC, 30 }, { ENTRY, 9 } };

	for (uint32_t i = 0; i < ARRAY_SIZE(unwanted); i++) {
		struct vmx_caps c = everything;
		struct vmx_controls out;
		const char *missing = NULL;

		*cap_of(&c, unwanted[i].group) |= B(unwanted[i].bit);
		CHECK(vmx_controls_plan(&c, &out, &missing) == ERR_UNSUPPORTED);
		CHECK(missing != NULL);
	}
}

static uint64_t random64(void)
{
	uint64_t r = 0;

	for (int i = 0; i < 5; i++)
		r = r << 15 | (uint64_t)(rand() & 0x7fff);
	return r;
}

/* "Each bit X: if allowed-0 bit X is 1, control X must be 1; allowed-1 bit X 0: must be 0." */
static void what_is_planned_is_what_the_cpu_allows(void)
{
	uint32_t taken = 0;

	for (int i = 0; i < 200000; i++) {
		struct vmx_caps c = everything;
		struct vmx_controls out;
		const char *missing;

		for (enum group g = PIN; g <= ENTRY; g++) {
			uint64_t may = random64() | random64() | random64() | random64();
			uint64_t must = random64() & random64() & random64() & random64();
			uint64_t *cap = cap_of(&c, g);

			must = (uint32_t)(*cap | must);
			*cap = must | (uint32_t)(may | must) * B(32);
		}
		if (vmx_controls_plan(&c, &out, &missing) != OK)
			continue;
		taken++;
		const uint32_t of[] = { out.pin, out.proc, out.proc2, out.exit, out.entry };

		for (enum group g = PIN; g <= ENTRY; g++) {
			uint64_t cap = *cap_of(&c, g);

			CHECK((of[g] & (uint32_t)cap) == (uint32_t)cap);
			CHECK((of[g] & ~(uint32_t)(cap >> 32)) == 0);
		}
	}
	CHECK(taken > 0);
}

static void firmware_that_locked_vmx_off_is_named(void)
{
	/* Lock (bit 0) and "enable VMX outside SMX" (bit 2): only 01 is final and off. */
	for (uint32_t bits = 0; bits < 4; bits++) {
		struct vmx_caps c = everything;
		struct vmx_controls out;
		const char *missing = NULL;
		bool is_locked = bits & 1, is_on = bits & 2;

		c.feature_control = (is_locked ? B(0) : 0) | (is_on ? B(2) : 0);
		if (is_locked && !is_on) {
			CHECK(vmx_controls_plan(&c, &out, &missing) == ERR_UNSUPPORTED);
			CHECK(missing && strstr(missing, "firmware setup") != NULL);
		} else {
			CHECK(vmx_controls_plan(&c, &out, &missing) == OK);
		}
	}
}

static void a_vmcs_that_does_not_fit_is_refused(void)
{
	const uint64_t sizes[] = { 0, 1, 4096, 4097, 0x1fff };

	for (uint32_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		struct vmx_caps c = everything;
		struct vmx_controls out;
		const char *missing;

		c.basic = (c.basic & ~(UINT64_C(0x1fff) << 32)) | sizes[i] << 32;
		CHECK((vmx_controls_plan(&c, &out, &missing) == OK) ==
		      (sizes[i] >= 1 && sizes[i] <= 4096));
	}
}

/* SDM Vol. 3A, "Control Registers": a guest must never own these. */
static void dangerous_control_bits_are_the_hosts(void)
{
	struct vmx_controls out;
	const char *missing;
	/* clang-format off */
	const uint32_t cr4_host[] = { 6 /* MCE */,   12 /* LA57 */, 13 /* VMXE */, 14 /* SMXE */,
				      19 /* KL */,   23 /* CET */,  24 /* PKS */,  25 /* UINTR */,
				      15, 26, 31, 32, 63 };
	const uint32_t cr4_guest[] = { 2 /* TSD */,	 3 /* DE */,	    4 /* PSE */,
				       5 /* PAE */,	 7 /* PGE */,	    9 /* OSFXSR */,
				       16 /* FSGSBASE */, 18 /* OSXSAVE */, 20 /* SMEP */ };
	/* clang-format on */

	CHECK(vmx_controls_plan(&everything, &out, &missing) == OK);
	for (uint32_t i = 0; i < ARRAY_SIZE(cr4_host); i++)
		CHECK(out.cr4_mask >> cr4_host[i] & 1);
	for (uint32_t i = 0; i < ARRAY_SIZE(cr4_guest); i++)
		CHECK(!(out.cr4_mask >> cr4_guest[i] & 1));
	CHECK(out.cr4_set == (B(13) | B(6)));
	/* NE stays set; CD and NW are never real; PE, MP, TS, WP, PG are the guest's. */
	CHECK(out.cr0_set == B(5));
	CHECK((out.cr0_mask & 0xffffffff) == (B(5) | B(29) | B(30)));
	CHECK(out.cr0_mask >> 32 == 0xffffffff);
}

static void features_that_the_cpu_lacks_stay_reserved_in_cr4(void)
{
	struct vmx_caps c = everything;
	struct vmx_controls out;
	const char *missing;

	c.cr4_fixed1 &= ~(B(20) | B(21));
	CHECK(vmx_controls_plan(&c, &out, &missing) == OK);
	CHECK(out.cr4_mask >> 20 & 1);
	CHECK(out.cr4_mask >> 21 & 1);
	/* Protection keys only where PKRU is switched with the other state. */
	c.cr4_fixed1 |= B(22);
	CHECK(!(vmx_cr4_allowed(&c) >> 22 & 1));
	c.switches_pkru = true;
	CHECK(vmx_cr4_allowed(&c) >> 22 & 1);
}

/* TPR shadow; APIC accesses, x2APIC mode, registers, delivery; posting. All, or software. */
static void apicv_is_used_only_if_it_is_complete(void)
{
	static const struct {
		enum group group;
		uint32_t bit;
	} parts[] = { { PIN, 7 },   { PROC, 21 }, { PROC2, 0 },
		      { PROC2, 4 }, { PROC2, 8 }, { PROC2, 9 } };
	struct vmx_controls out;
	const char *missing;

	CHECK(vmx_controls_plan(&everything, &out, &missing) == OK);
	CHECK(out.has_apicv);
	/* CR8 exits only without it; the modes' bits come later. */
	CHECK(out.apicv_proc == ((out.proc & ~(B(19) | B(20))) | B(21)));
	CHECK(out.apicv_proc2 == (out.proc2 | B(8) | B(9)));
	for (uint32_t i = 0; i < ARRAY_SIZE(parts); i++) {
		struct vmx_caps c = everything;

		*cap_of(&c, parts[i].group) &= ~B(parts[i].bit + 32);
		CHECK(vmx_controls_plan(&c, &out, &missing) == OK);
		CHECK(!out.has_apicv);
		CHECK(out.pin == (out.pin & (uint32_t)(c.pin >> 32)));
	}
}

/* External interrupts, HLT, CR8 loads and stores: nothing else changes, and nothing is refused. */
static void an_apic_is_lent_only_where_its_exits_can_be_cleared(void)
{
	static const struct {
		enum group group;
		uint32_t bit;
	} parts[] = { { PIN, 0 }, { PROC, 7 }, { PROC, 19 }, { PROC, 20 } };
	struct vmx_controls out;
	const char *missing;

	CHECK(vmx_controls_plan(&everything, &out, &missing) == OK);
	CHECK(out.can_lend);
	CHECK(out.lent_pin_off == B(0) && out.lent_proc_off == (B(7) | B(19) | B(20)));
	for (uint32_t i = 0; i < ARRAY_SIZE(parts); i++) {
		struct vmx_caps c = everything;

		*cap_of(&c, parts[i].group) |= B(parts[i].bit);
		CHECK(vmx_controls_plan(&c, &out, &missing) == OK);
		CHECK(!out.can_lend);
	}
}

int main(void)
{
	RUN(a_complete_processor_is_taken);
	RUN(each_missing_control_is_named);
	RUN(a_control_that_cannot_be_cleared_is_refused);
	RUN(what_is_planned_is_what_the_cpu_allows);
	RUN(firmware_that_locked_vmx_off_is_named);
	RUN(a_vmcs_that_does_not_fit_is_refused);
	RUN(dangerous_control_bits_are_the_hosts);
	RUN(features_that_the_cpu_lacks_stay_reserved_in_cr4);
	RUN(apicv_is_used_only_if_it_is_complete);
	RUN(an_apic_is_lent_only_where_its_exits_can_be_cleared);
	return test_failed;
}

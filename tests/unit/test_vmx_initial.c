/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Registers of a virtual CPU that begins. Oracles: the table of SDM Vol. 3A, "Processor State
 * After Reset", the two boot protocols, and the checks of Vol. 3C, "Checks on the Guest State
 * Area", written down again with bare numbers.
 */
#include "arch/x86/vmx/initial.h"
#include "tests/test.h"

#define B(n) (UINT64_C(1) << (n))

enum { ES, CS, SS, DS, FS, GS, LDTR, TR };

/* NE (5) always on; VMXE (13) and MCE (6) of CR4 likewise. */
static const struct vmx_controls controls = { .cr0_set = B(5), .cr4_set = B(13) | B(6) };

static const struct vcpu_entry entries[] = {
	{ .mode = VCPU_FLAT32, .gdt = 0x9000, .gdt_limit = 0x1f, .rip = 0x100000, .rsp = 0x8000 },
	{ .mode = VCPU_LONG64,
	  .gdt = 0x9000,
	  .gdt_limit = 0x1f,
	  .rip = UINT64_C(0x123456200),
	  .rsp = 0x8000,
	  .page_table = 0x7000 },
	{ .mode = VCPU_REAL16, .sipi_vector = 0x9a, .rip = 1, .rsp = 2, .page_table = 3 },
};

static struct vmx_initial state_of(uint32_t i, uint64_t cr0_shadow)
{
	struct vmx_initial s;

	vmx_initial_state(&entries[i], &controls, cr0_shadow, &s);
	return s;
}

/* Type 3:0, S 4, DPL 6:5, P 7, reserved 11:8, L 13, D/B 14, G 15, unusable 16. */
static void every_state_passes_the_checks_of_vm_entry(void)
{
	for (uint32_t i = 0; i < ARRAY_SIZE(entries); i++) {
		struct vmx_initial s = state_of(i, 0x60000010);
		bool has_paging = s.cr0 >> 31 & 1;

		CHECK(s.cr0 >> 5 & 1 && s.cr4 >> 13 & 1);
		CHECK(!(s.cr0 & (B(29) | B(30)))); /* caches stay on */
		CHECK(!has_paging || (s.cr0 & 1));
		CHECK(((s.efer >> 10 & 1) != 0) == s.is_ia32e);
		CHECK(((s.efer >> 8 & 1) && has_paging) == s.is_ia32e);
		CHECK(!s.is_ia32e || (s.cr4 >> 5 & 1));
		for (uint32_t g = ES; g <= GS; g++) {
			uint32_t ar = s.segments[g].access;

			CHECK((ar & 0x90) == 0x90 && (ar & 0xf60) == 0); /* P, S, DPL 0 */
			CHECK((ar & 0xf) == (g == CS ? 11 : 3));         /* accessed */
			/* G: "if any bit in the limit field in the range 31:20 is 1" */
			CHECK(((ar >> 15 & 1) != 0) == (s.segments[g].limit >> 20 != 0));
			CHECK(!(ar >> 16));
		}
		CHECK(!((s.segments[CS].access >> 13 & 1) && (s.segments[CS].access >> 14 & 1)));
		CHECK((s.segments[TR].access & 0x1008f) == 0x8b);
		CHECK(!(s.segments[TR].selector & 4));
		CHECK((s.segments[LDTR].access >> 16 & 1) ||
		      (s.segments[LDTR].access & 0x9f) == 0x82);
	}
}

static void flat_protected_mode_is_the_multiboot_machine_state(void)
{
	struct vmx_initial s = state_of(0, 0);

	CHECK((s.cr0_shadow & (B(31) | 1)) == 1); /* PG off, PE on */
	CHECK(s.cr0 == s.cr0_shadow + B(5));
	for (uint32_t g = ES; g <= GS; g++) {
		CHECK(s.segments[g].base == 0 && s.segments[g].limit == 0xffffffff);
		CHECK(s.segments[g].access >> 14 & 1); /* 32 bits */
	}
	CHECK(s.rip == 0x100000 && s.rsp == 0x8000);
	CHECK(s.gdt == 0x9000 && s.gdt_limit == 0x1f);
	CHECK(s.efer == 0 && s.cr4_shadow == 0);
}

/* "__BOOT_CS(0x10) ..., __BOOT_DS(0x18) ...; CS must be __BOOT_CS and DS, ES, SS __BOOT_DS" */
static void long_mode_is_that_of_the_linux_protocol(void)
{
	struct vmx_initial s = state_of(1, 0);

	CHECK(s.segments[CS].selector == 0x10 && s.segments[CS].access >> 13 & 1);
	CHECK(s.segments[DS].selector == 0x18 && s.segments[ES].selector == 0x18 &&
	      s.segments[SS].selector == 0x18);
	CHECK((s.cr0_shadow & (B(31) | 1)) == (B(31) | 1));
	CHECK(s.cr4_shadow == B(5) && s.cr4 == (B(5) | B(6) | B(13)));
	CHECK(s.efer == (B(8) | B(10)));
	CHECK(s.cr3 == 0x7000 && s.rip == UINT64_C(0x123456200));
}

/* "the CS segment base is vector << 12, selector vector << 8, IP 0" */
static void a_start_up_ipi_begins_at_its_page_whatever_else_is_said(void)
{
	for (uint32_t vector = 0; vector < 256; vector++) {
		struct vcpu_entry e = entries[2];
		struct vmx_initial s;

		e.sipi_vector = (uint8_t)vector;
		vmx_initial_state(&e, &controls, 0x60000010, &s);
		CHECK(s.segments[CS].base == vector * 0x1000);
		CHECK(s.segments[CS].selector == vector * 0x100);
		CHECK(s.rip == 0 && s.rsp == 0 && s.cr3 == 0 && s.efer == 0 && !s.is_ia32e);
		CHECK(!(s.cr0 & (B(31) | 1)));
	}
	struct vmx_initial s = state_of(2, 0);

	for (uint32_t g = ES; g <= GS; g++)
		CHECK(s.segments[g].limit == 0xffff);
	CHECK(s.segments[DS].base == 0 && s.segments[DS].selector == 0);
	CHECK(s.gdt == 0 && s.gdt_limit == 0xffff && s.idt_limit == 0xffff);
}

/* INIT: CR0 is 60000010H, "the CD and NW flags are unchanged, bit 4 is set to 1". */
static void init_leaves_the_cache_bits_alone(void)
{
	const uint64_t before[] = { 0, 0x60000010, 0x40000010, UINT64_C(0xe005003b) };

	for (uint32_t i = 0; i < ARRAY_SIZE(before); i++) {
		struct vmx_initial s = state_of(2, before[i]);

		CHECK(s.cr0_shadow == ((before[i] & 0x60000000) | 0x10));
		CHECK(s.cr0 == 0x30);
	}
}

int main(void)
{
	RUN(every_state_passes_the_checks_of_vm_entry);
	RUN(flat_protected_mode_is_the_multiboot_machine_state);
	RUN(long_mode_is_that_of_the_linux_protocol);
	RUN(a_start_up_ipi_begins_at_its_page_whatever_else_is_said);
	RUN(init_leaves_the_cache_bits_alone);
	return test_failed;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * VM-exit words. Oracle: the tables of SDM Vol. 3C, "Exit Qualification ..." and of Vol. 3D, "VMX
 * Basic Exit Reasons", written down again with the manual's bare numbers.
 */
#include "arch/x86/vmx/decode.h"
#include "tests/test.h"

#define B(n) (UINT64_C(1) << (n))

/* clang-format off */
static const struct {
	uint32_t reason;
	enum exit_kind kind;
} expected[] = {
	{ 1, EXIT_IRQ },	 { 2, EXIT_TRIPLE_FAULT }, { 10, EXIT_CPUID },
	{ 11, EXIT_UNDEFINED },	 { 12, EXIT_HLT },	   { 13, EXIT_CACHE },
	{ 15, EXIT_PRIVILEGED }, { 18, EXIT_HYPERCALL },   { 19, EXIT_UNDEFINED },
	{ 20, EXIT_UNDEFINED },	 { 21, EXIT_UNDEFINED },   { 22, EXIT_UNDEFINED },
	{ 23, EXIT_UNDEFINED },	 { 24, EXIT_UNDEFINED },   { 25, EXIT_UNDEFINED },
	{ 26, EXIT_UNDEFINED },	 { 27, EXIT_UNDEFINED },   { 30, EXIT_PIO },
	{ 31, EXIT_MSR_READ },	 { 32, EXIT_MSR_WRITE },   { 33, EXIT_INIT },
	{ 34, EXIT_INIT },	 { 36, EXIT_UNDEFINED },   { 39, EXIT_UNDEFINED },
	{ 41, EXIT_INIT },	 { 48, EXIT_MEMORY },	   { 50, EXIT_UNDEFINED },
	{ 52, EXIT_DEADLINE },	 { 53, EXIT_UNDEFINED },   { 54, EXIT_CACHE },
	{ 55, EXIT_XSETBV },	 { 59, EXIT_UNDEFINED },   { 60, EXIT_UNDEFINED },
	/* The back-end looks closer: exception or NMI, windows, control registers. */
	{ 0, EXIT_CONTROL },	 { 7, EXIT_CONTROL },	   { 8, EXIT_CONTROL },
	{ 28, EXIT_CONTROL },	 { 44, EXIT_CONTROL },	   { 45, EXIT_APIC },
	{ 56, EXIT_APIC },
};
/* clang-format on */

static enum exit_kind kind_in_the_manual(uint32_t basic)
{
	for (uint32_t i = 0; i < ARRAY_SIZE(expected); i++)
		if (expected[i].reason == basic)
			return expected[i].kind;
	return EXIT_OTHER;
}

static void every_reason_has_its_kind_and_the_rest_is_other(void)
{
	for (uint32_t reason = 0; reason <= 0xffff; reason++)
		CHECK(vmx_kind(reason) == kind_in_the_manual(reason));
}

static void a_failed_entry_is_bad_guest_state_whatever_else_it_says(void)
{
	for (uint32_t reason = 0; reason <= 0xffff; reason++)
		CHECK(vmx_kind(UINT32_C(1) << 31 | reason) == EXIT_INIT);
}

static void io_is_decoded_field_by_field(void)
{
	const uint32_t ports[] = { 0, 1, 0x80, 0x3f8, 0xcf8, 0xfffe, 0xffff };
	const uint64_t rax = UINT64_C(0xfedcba9876543210);

	for (uint32_t p = 0; p < ARRAY_SIZE(ports); p++)
		for (uint32_t size = 1; size <= 4; size += size)
			for (uint32_t flags = 0; flags < 16; flags++) {
				bool is_in = flags & 1, is_string = flags & 2;
				/* REP (bit 5) and "operand encoding" (bit 6) change nothing. */
				uint64_t q = (size - 1) | (is_in ? B(3) : 0) |
					     (is_string ? B(4) : 0) | (flags & 4 ? B(5) : 0) |
					     (flags & 8 ? B(6) : 0) | (uint64_t)ports[p] << 16;
				uint64_t low = size == 1 ? 0x10 : size == 2 ? 0x3210 : 0x76543210;
				struct exit_info e = { 0 };

				vmx_decode_io(q, rax, &e);
				CHECK(e.kind == (is_string ? EXIT_PIO_STRING : EXIT_PIO));
				CHECK(e.width == size);
				CHECK(e.write == !is_in);
				CHECK(e.addr == ports[p]);
				CHECK(e.value == (is_in || is_string ? 0 : low));
			}
}

static void ept_violations_tell_write_from_read_and_fetch(void)
{
	const uint64_t gpa = UINT64_C(0xfee00123);

	for (uint64_t q = 0; q < 0x2000; q++) {
		struct exit_info e = { 0 };

		vmx_decode_ept(q, gpa, &e);
		CHECK(e.kind == EXIT_MEMORY);
		CHECK(e.addr == gpa);
		CHECK(e.write == ((q & 2) != 0));
	}
}

static void control_register_accesses_are_decoded(void)
{
	for (uint32_t cr = 0; cr < 16; cr++)
		for (uint32_t type = 0; type < 4; type++)
			for (uint32_t gpr = 0; gpr < 16; gpr++) {
				uint64_t lmsw = 0xabcd;
				struct vmx_cr d =
					vmx_decode_cr(cr | type << 4 | gpr << 8 | lmsw << 16);

				CHECK(d.number == cr && d.gpr == gpr);
				CHECK(d.access == (type == 0   ? CR_WRITE
						   : type == 1 ? CR_READ
							       : CR_OTHER));
			}
}

/* "MOV - Move to/from Control Registers": #GP for NW without CD, and for any bit above 31. */
static void cr0_values_that_fault_are_told_from_those_that_do_not(void)
{
	for (uint32_t i = 0; i < 4; i++) {
		bool cd = i & 1, nw = i & 2;
		uint64_t v = 0x80000031 | (cd ? B(30) : 0) | (nw ? B(29) : 0);

		CHECK(vmx_cr0_is_valid(v) == (cd || !nw));
	}
	for (uint32_t bit = 0; bit < 64; bit++)
		if (bit != 29)
			CHECK(vmx_cr0_is_valid(B(bit)) == (bit < 32));
}

static void cr4_takes_allowed_bits_only(void)
{
	const uint64_t allowed = UINT64_C(0x3707ff);

	CHECK(vmx_cr4_is_valid(0, allowed));
	CHECK(vmx_cr4_is_valid(allowed, allowed));
	for (uint32_t bit = 0; bit < 64; bit++)
		CHECK(vmx_cr4_is_valid(B(bit), allowed) == ((allowed >> bit & 1) != 0));
}

/* DR6: B0..B3 as reported; BD (13) and BS (14) sticky; RTM (16) is 0 inside a region. */
static void dr6_is_what_delivery_would_have_left(void)
{
	CHECK(vmx_debug_dr6(0xffff0ff0, B(14)) == 0xffff4ff0);
	CHECK(vmx_debug_dr6(0xffff4ff0, B(0)) == 0xffff4ff1);
	CHECK(vmx_debug_dr6(0xffff0ff3, B(2)) == 0xffff0ff4);
	CHECK(vmx_debug_dr6(0xffff0ff0, B(13)) == 0xffff2ff0);
	CHECK(vmx_debug_dr6(0xffff0ff0, B(16) | B(1)) == 0xfffe0ff2);
	/* Bit 12 of the qualification, "enabled breakpoint", is no bit of DR6. */
	CHECK(vmx_debug_dr6(0xffff0ff0, B(12)) == 0xffff0ff0);
}

/* Oracle: the TSC moves tick by tick, the timer counts the changes of bit `shift`. */
static uint64_t expiry(uint64_t now, uint64_t value, uint32_t shift)
{
	while (value) {
		uint64_t before = now++;

		value -= (before ^ now) >> shift & 1;
	}
	return now;
}

static void the_timer_expires_at_the_deadline_or_less_than_a_tick_late(void)
{
	for (uint32_t shift = 0; shift <= 6; shift++)
		for (uint64_t now = 1000; now < 1100; now += 7)
			for (uint64_t deadline = now + 1; deadline < now + 300; deadline++) {
				uint64_t at =
					expiry(now, vmx_timer_value(now, deadline, shift), shift);

				CHECK(at >= deadline);
				CHECK(at - deadline < B(shift));
			}
}

static void the_timer_never_wraps_near_the_end_of_time(void)
{
	for (uint32_t shift = 0; shift <= 31; shift++) {
		uint64_t deadline = UINT64_MAX - 1;

		CHECK(vmx_timer_value(deadline - 1, deadline, shift) <= 1);
		CHECK(vmx_timer_value(deadline - B(shift) * 3, deadline, shift) >= 3);
		CHECK(vmx_timer_value(deadline - B(shift) * 3, deadline, shift) <= 4);
	}
}

/* "Format of the IDT-Vectoring Information Field" against that of the entry's: bit 12 differs. */
static void only_valid_vectoring_is_injected_again(void)
{
	CHECK(vmx_reinjection(0x0000030e) == 0);
	CHECK(vmx_reinjection(0x80000b0e) == 0x80000b0e); /* #PF with error code */
	CHECK(vmx_reinjection(0x80000040) == 0x80000040); /* external interrupt 40H */
	CHECK(vmx_reinjection(0x80001202) == 0x80000202); /* NMI, bit 12 undefined */
}

/* Offset 11:0, type 15:12: 0 read, 1 write, 2 fetch, 3 during delivery; 10, 15 not linear. */
static void accesses_to_the_apic_page_look_like_refused_memory(void)
{
	for (uint32_t type = 0; type < 16; type++)
		for (uint32_t offset = 0; offset < 4096; offset++) {
			struct exit_info e = { 0 };

			vmx_decode_apic_access(offset | type << 12, &e);
			CHECK(e.kind == (type <= 3 ? EXIT_MEMORY : EXIT_OTHER));
			CHECK(e.addr == UINT64_C(0xfee00000) + offset);
			CHECK(e.write == (type == 1));
		}
}

/* Reason 56: offset, the write is done. Reason 45: vector, the EOI is done. */
static void apic_writes_and_ends_of_interrupt_are_told_apart(void)
{
	for (uint32_t q = 0; q < 4096; q++) {
		struct exit_info e = { 0 };

		vmx_decode_apic(56, q, &e);
		CHECK(e.kind == EXIT_APIC && e.write && e.addr == q);
		if (q > 255)
			continue;
		vmx_decode_apic(45, q, &e);
		CHECK(e.kind == EXIT_APIC && !e.write && e.value == q);
	}
}

/* SDM Vol. 1, "EFLAGS Register": CF 0, PF 2, AF 4, ZF 6, SF 7, OF 11; RF 16 ends with it. */
static void an_emulated_instruction_changes_arithmetic_flags_only(void)
{
	const uint32_t arithmetic[] = { 0, 2, 4, 6, 7, 11 };

	for (uint32_t bit = 0; bit < 64; bit++) {
		bool is_arithmetic = false;

		for (uint32_t i = 0; i < ARRAY_SIZE(arithmetic); i++)
			is_arithmetic |= arithmetic[i] == bit;
		CHECK(vmx_retired_rflags(0, B(bit)) == (is_arithmetic ? B(bit) : 0));
		CHECK(vmx_retired_rflags(B(bit), 0) == (is_arithmetic || bit == 16 ? 0 : B(bit)));
	}
	CHECK(vmx_retired_rflags(0x10202, 0x8d7) == 0xad7);
}

/* Bit 13 of the access rights is CS.L. */
static void outside_64_bit_mode_rip_has_32_bits(void)
{
	const uint64_t high = UINT64_C(0xffffffff80000000);

	CHECK(vmx_next_rip(high, 15, 0xa09b) == high + 15);
	CHECK(vmx_next_rip(UINT64_C(0xfffffffe), 3, 0xa09b) == UINT64_C(0x100000001));
	CHECK(vmx_next_rip(UINT64_C(0xfffffffe), 3, 0xc09b) == 1);
	CHECK(vmx_next_rip(0x7c00, 1, 0x009b) == 0x7c01);
}

int main(void)
{
	RUN(every_reason_has_its_kind_and_the_rest_is_other);
	RUN(a_failed_entry_is_bad_guest_state_whatever_else_it_says);
	RUN(io_is_decoded_field_by_field);
	RUN(ept_violations_tell_write_from_read_and_fetch);
	RUN(control_register_accesses_are_decoded);
	RUN(cr0_values_that_fault_are_told_from_those_that_do_not);
	RUN(cr4_takes_allowed_bits_only);
	RUN(dr6_is_what_delivery_would_have_left);
	RUN(the_timer_expires_at_the_deadline_or_less_than_a_tick_late);
	RUN(the_timer_never_wraps_near_the_end_of_time);
	RUN(only_valid_vectoring_is_injected_again);
	RUN(accesses_to_the_apic_page_look_like_refused_memory);
	RUN(apic_writes_and_ends_of_interrupt_are_told_apart);
	RUN(an_emulated_instruction_changes_arithmetic_flags_only);
	RUN(outside_64_bit_mode_rip_has_32_bits);
	return test_failed;
}

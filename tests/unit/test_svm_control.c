/* SPDX-License-Identifier: Apache-2.0 */
/*
 * AMD-V: writes to CR0 and CR4 that exit, by the rules of "MOV - Move to/from Control Registers",
 * bit by bit, and instructions as bytes in a guest's memory.
 */
#include <string.h>
#include "arch/x86/cpuid.h"
#include "arch/x86/guest/insn_control.h"
#include "arch/x86/svm/svm.h"
#include "tests/test.h"

#define B(n)      BIT64(n)
#define PE        B(0)
#define PG        B(31)
#define CACHES    (B(29) | B(30))
#define LME       B(8)
#define LMA       B(10)
#define MCE       B(6)
#define PAE       B(5)
#define RIP       0x1000u
#define RAM_BYTES 0x10000u
#define SEL_WRITE 0x65u
#define INVALID   0xffffffffu
#define GP_EVENT  (B(31) | B(11) | 3u << 8 | 13u)

bool svm_has_decode_assists;
static struct vcpu v;
static struct svm_vcpu s;
static struct vmcb vmcb;
static uint8_t ram[RAM_BYTES];
static uint8_t page[4096] __attribute__((aligned(4096)));
static const struct guest_ram guest_ram = { .at = ram, .bytes = RAM_BYTES };
static bool host_has_pku;

uint64_t svm_read_gpr(struct vcpu *of, uint32_t gpr)
{
	return of->gpr[gpr];
}

void svm_write_gpr(struct vcpu *of, uint32_t gpr, uint64_t value)
{
	of->gpr[gpr] = value;
}

uint8_t vcpu_extint_take(struct vcpu *to)
{
	return 0;
}

/* A CPU that has everything. */
static struct cpuid_regs everything(uint32_t leaf, uint32_t subleaf)
{
	if (leaf == 0)
		return (struct cpuid_regs){ 0x1f, 0x68747541, 0x444d4163, 0x69746e65 };
	if (leaf == 0x80000000)
		return (struct cpuid_regs){ 0x80000021, 0, 0, 0 };
	if (leaf == 0x80000008)
		return (struct cpuid_regs){ 0x3028, 0, 0, 0 };
	if (leaf == 7)
		return (struct cpuid_regs){ 0, UINT32_MAX, UINT32_MAX, UINT32_MAX };
	return (struct cpuid_regs){ UINT32_MAX, UINT32_MAX, UINT32_MAX, UINT32_MAX };
}

/* Outside 64-bit mode; page tables for it at 8000H map the first 2 MiB to themselves. */
static void fresh(void)
{
	const uint64_t pml4 = 0x9003, pdpt = 0xa003, pd = 0x83;

	cpuid_init(everything, host_has_pku ? 0x207 : 7, 1000000000);
	memset(&v, 0, sizeof(v));
	memset(&s, 0, sizeof(s));
	memset(&vmcb, 0, sizeof(vmcb));
	memset(ram, 0, sizeof(ram));
	v.control = &vmcb;
	v.backend = &s;
	v.ram = &guest_ram;
	v.entry.mode = VCPU_FLAT32;
	vlapic_init(&v.lapic, page, 0, VLAPIC_X2APIC);
	memcpy(ram + 0x8000, &pml4, 8);
	memcpy(ram + 0x9000, &pdpt, 8);
	memcpy(ram + 0xa000, &pd, 8);
	vmcb.cr3 = 0x8000;
	vmcb.rip = RIP;
	vmcb.rflags = 2;
	vmcb.cr0 = PE | B(4);
	vmcb.efer = B(12);
	vmcb.cs = (struct vmcb_segment){ 8, 0xc9b, UINT32_MAX, 0 }; /* 32 bits */
	vmcb.tr.attributes = 0x8b;
	svm_reset_events(&v);
	svm_reset_control(&v);
	s.has_rare = v.lapic.changed = false;
	s.flush = TLB_KEEP;
}

static void fresh64(void)
{
	fresh();
	vmcb.cr0 |= PG;
	vmcb.cr4 |= PAE;
	vmcb.efer |= LME | LMA;
	vmcb.cs.attributes = 0xa9b;
}

/* The instruction lies at RIP. */
static bool exits(const char *code, uint32_t bytes, uint32_t exit_code)
{
	vmcb.event_injection = 0;
	vmcb.rip = RIP;
	memcpy(ram + RIP, code, bytes);
	return svm_control_exit(&v, exit_code);
}

/* MOV CRn, EAX or RAX. True: done; false: #GP, and nothing has changed. */
static bool loads(uint32_t number, uint64_t value)
{
	const char code[3] = { 0x0f, 0x22, (char)(0xc0 | number << 3) };
	const uint64_t cr0 = svm_cr0(&v), cr4 = svm_cr4(&v), efer = vmcb.efer;

	v.gpr[GPR_RAX] = value;
	CHECK(exits(code, 3, number == 0 ? SEL_WRITE : 0x14));
	if (vmcb.event_injection == GP_EVENT) {
		CHECK(vmcb.rip == RIP && svm_cr0(&v) == cr0 && svm_cr4(&v) == cr4);
		CHECK(vmcb.efer == efer);
		return false;
	}
	CHECK(vmcb.event_injection == 0 && vmcb.rip == RIP + 3);
	CHECK(v.lapic.changed); /* the entry looks at intercepts and flushes */
	return true;
}

static void cr4_takes_what_cpuid_offers_and_no_other_bit(void)
{
	/* VME PVI TSD DE PSE PAE MCE PGE PCE OSFXSR OSXMMEXCPT UMIP FSGSBASE PCIDE OSXSAVE SMEP
	 * SMAP, and PKE as CPUID says. Not LA57, VMXE, SMXE, CET, PKS, UINTR. */
	static const uint8_t offered[] = { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 16, 18, 20, 21 };
	uint64_t legal = 0;

	for (uint32_t i = 0; i < ARRAY_SIZE(offered); i++)
		legal |= B(offered[i]);
	for (host_has_pku = false;; host_has_pku = true) {
		for (uint32_t bit = 0; bit < 64; bit++) {
			bool is_legal = legal >> bit & 1;

			fresh64();
			if (bit == 17) /* PCIDE: CR3 names no PCID here */
				is_legal = true;
			if (bit == 22)
				is_legal = host_has_pku;
			CHECK(loads(4, PAE | B(bit)) == is_legal);
			if (is_legal)
				CHECK(svm_cr4(&v) == (PAE | B(bit)));
		}
		if (host_has_pku)
			break;
	}
}

static void outside_64_bit_mode_the_upper_half_of_the_register_does_not_count(void)
{
	fresh();
	CHECK(loads(4, B(5) | B(40)));
	CHECK(svm_cr4(&v) == B(5));
	CHECK(loads(0, PE | B(33)));
	fresh64();
	CHECK(!loads(4, B(5) | B(40)));
	CHECK(!loads(0, PE | PG | B(33)));
}

static void the_guest_reads_what_it_wrote_and_machine_checks_stay_on(void)
{
	fresh();
	CHECK(svm_cr4(&v) == 0 && (vmcb.cr4 & MCE));
	CHECK(s.cr_intercepts & B(4)); /* reads show another value */
	CHECK(loads(4, PAE));
	CHECK(svm_cr4(&v) == PAE && vmcb.cr4 == (PAE | MCE));
	v.gpr[GPR_RBX] = UINT64_MAX;
	CHECK(exits("\x0f\x20\xe3", 3, 4)); /* MOV EBX, CR4 */
	CHECK(v.gpr[GPR_RBX] == PAE && vmcb.rip == RIP + 3);
	CHECK(loads(4, PAE | MCE));
	CHECK(svm_cr4(&v) == (PAE | MCE) && !(s.cr_intercepts & B(4)));
	CHECK(s.cr_intercepts & B(20)); /* writes always */
}

static void caches_stay_on_and_the_guest_believes_what_it_has_set(void)
{
	fresh();
	CHECK(!(s.cr_intercepts & B(0)));
	CHECK(loads(0, PE | CACHES));
	CHECK(vmcb.cr0 == (PE | B(4)) && svm_cr0(&v) == (PE | B(4) | CACHES));
	CHECK(s.cr_intercepts & B(0));
	v.gpr[GPR_RCX] = UINT64_MAX;
	CHECK(exits("\x0f\x20\xc1", 3, 0)); /* MOV ECX, CR0 */
	CHECK(v.gpr[GPR_RCX] == (PE | B(4) | CACHES));
	v.gpr[GPR_RCX] = UINT64_MAX;
	CHECK(exits("\x0f\x01\xe1", 3, 0)); /* SMSW ECX */
	CHECK(v.gpr[GPR_RCX] == (PE | B(4) | CACHES));
	v.gpr[GPR_RCX] = UINT64_MAX;
	CHECK(exits("\x66\x0f\x01\xe1", 4, 0)); /* SMSW CX */
	CHECK(v.gpr[GPR_RCX] == ((UINT64_MAX & ~UINT64_C(0xffff)) | PE | B(4)));
	CHECK(vmcb.rip == RIP + 4);
	CHECK(loads(0, PE));
	CHECK(svm_cr0(&v) == (PE | B(4)) && !(s.cr_intercepts & B(0)));
}

/* "INIT": CD and NW are unchanged; power-on: caches on. MCE is off for the guest. */
static void caches_survive_init(void)
{
	fresh();
	CHECK(loads(0, PE | B(30)));
	v.entry.mode = VCPU_REAL16;
	vmcb.cr0 = B(4);
	vmcb.cr4 = 0;
	svm_reset_control(&v);
	CHECK(svm_cr0(&v) == (B(4) | B(30)) && vmcb.cr0 == B(4) && (s.cr_intercepts & B(0)));
	CHECK(svm_cr4(&v) == 0 && vmcb.cr4 == MCE);
	v.entry.mode = VCPU_FLAT32;
	svm_reset_control(&v);
	CHECK(svm_cr0(&v) == B(4) && !(s.cr_intercepts & B(0)));
}

static void reserved_bits_of_cr0_fault_above_and_vanish_below(void)
{
	static const uint8_t defined[] = { 0, 1, 2, 3, 4, 5, 16, 18, 29, 30, 31 };
	uint64_t known = 0;

	for (uint32_t i = 0; i < ARRAY_SIZE(defined); i++)
		known |= B(defined[i]);
	for (uint32_t bit = 0; bit < 64; bit++) {
		const uint64_t value = PE | PG | B(30) | B(bit);

		fresh64();
		CHECK(loads(0, value) == (bit < 32));
		if (bit < 32)
			CHECK(svm_cr0(&v) == ((value & known) | B(4)));
	}
	fresh64();
	CHECK(!loads(0, PE | PG | B(29))); /* NW without CD */
	CHECK(!loads(0, PG));              /* PG without PE */
}

/* SDM Vol. 3A, "Initializing IA-32e Mode". */
static void long_mode_begins_and_ends_with_paging(void)
{
	fresh();
	CHECK(loads(0, PE | PG));
	CHECK(!(vmcb.efer & LMA)); /* without LME */
	fresh();
	vmcb.efer |= LME;
	CHECK(!loads(0, PE | PG)); /* without PAE */
	vmcb.cr4 |= PAE;
	vmcb.cs.attributes |= 0x200; /* L */
	CHECK(!loads(0, PE | PG));
	vmcb.cs.attributes &= 0xdff;
	vmcb.tr.attributes = 0x83; /* busy, 16 bits */
	CHECK(!loads(0, PE | PG));
	vmcb.tr.attributes = 0x8b;
	CHECK(loads(0, PE | PG));
	CHECK((vmcb.efer & LMA) && s.flush == TLB_FLUSH_ALL && s.has_rare);
	CHECK(!loads(4, 0)); /* PAE must stay */
	CHECK(loads(0, PE)); /* from compatibility mode */
	CHECK(!(vmcb.efer & LMA) && (vmcb.efer & LME));
	CHECK(loads(4, 0));
	fresh64();
	CHECK(!loads(0, PE)); /* not from 64-bit mode */
	vmcb.cs.attributes = 0xc9b;
	vmcb.cr4 |= B(17);
	CHECK(!loads(0, PE)); /* nor with PCIDs */
}

static void pcids_are_for_long_mode_and_begin_with_0(void)
{
	fresh();
	CHECK(!loads(4, B(17)));
	fresh64();
	vmcb.cr3 |= 1;
	CHECK(!loads(4, PAE | B(17)));
	vmcb.cr3 &= ~UINT64_C(1);
	CHECK(loads(4, PAE | B(17)));
	vmcb.cr3 |= 1;
	CHECK(loads(4, PAE | B(17)));
}

static void only_what_translations_depend_on_flushes_them(void)
{
	static const uint8_t flush4[] = { 4, 5, 7, 17, 20, 21, 22 };
	uint64_t flushing = 0;

	host_has_pku = true;
	for (uint32_t i = 0; i < ARRAY_SIZE(flush4); i++)
		flushing |= B(flush4[i]);
	for (uint32_t bit = 0; bit < 32; bit++) {
		fresh();
		if (loads(4, B(bit)))
			CHECK((s.flush == TLB_FLUSH_ALL) == (flushing >> bit & 1));
		fresh();
		if (bit != 29 && bit != 0)
			CHECK(loads(0, PE | B(bit)));
		CHECK((s.flush == TLB_FLUSH_ALL) == (bit == 16 || bit == 31));
	}
}

static void decode_assists_need_no_instruction(void)
{
	fresh();
	svm_has_decode_assists = true;
	vmcb.exit_info1 = B(63) | GPR_RSI;
	vmcb.next_rip = RIP + 5;
	v.gpr[GPR_RSI] = PAE;
	CHECK(svm_control_exit(&v, 0x14) && svm_cr4(&v) == PAE && vmcb.rip == RIP + 5);
	vmcb.rip = RIP;
	v.gpr[GPR_RSI] = B(12);
	CHECK(svm_control_exit(&v, 0x14) && vmcb.event_injection == GP_EVENT && vmcb.rip == RIP);
	vmcb.event_injection = 0;
	v.gpr[GPR_RSI] = PE | B(16);
	CHECK(svm_control_exit(&v, SEL_WRITE) && vmcb.cr0 == (PE | B(4) | B(16)));
	vmcb.rip = RIP;
	CHECK(svm_control_exit(&v, 4) && v.gpr[GPR_RSI] == PAE);
	vmcb.exit_info1 = 0; /* LMSW: its bytes say so */
	CHECK(exits("\x0f\x01\xf0", 3, SEL_WRITE) && s.wants_step && s.is_at_msw);
	svm_has_decode_assists = false;
}

/* The step is without the intercept that led to it, and with all others. */
static void lmsw_is_the_cpus(void)
{
	fresh();
	CHECK(loads(0, PE | B(30)));
	CHECK(exits("\x0f\x01\x30", 3, SEL_WRITE)); /* LMSW [EAX] */
	CHECK(s.wants_step && vmcb.rip == RIP && vmcb.event_injection == 0);
	CHECK(!svm_show_events(&v));
	CHECK(s.is_stepping && !(vmcb.intercept & B(5)) && vmcb.intercept_cr == (B(20) | B(4)));
	vmcb.rip += 3;
	vmcb.dr6 |= B(14);
	CHECK(svm_event_exit(&v, 0x41)); /* #DB: the step is done */
	CHECK(!svm_show_events(&v));
	CHECK((vmcb.intercept & B(5)) && vmcb.intercept_cr == (B(20) | B(4) | B(0)));
}

static void a_step_over_a_shadow_lets_no_write_through(void)
{
	fresh();
	vmcb.interrupt_shadow = 1;
	v.nmi_pending = v.lapic.changed = true;
	CHECK(!svm_show_events(&v));
	CHECK(s.is_stepping && (vmcb.intercept & B(5)) && (vmcb.intercept_cr & B(20)));
	CHECK(loads(4, PAE)); /* done here: the step is over */
	CHECK(!s.is_stepping && !(vmcb.rflags & B(8)));
}

static void code_that_is_not_there_is_a_page_fault(void)
{
	fresh64();
	vmcb.rip = 0x200000; /* not mapped */
	vmcb.event_injection = 0;
	CHECK(svm_control_exit(&v, 0x14));
	CHECK((vmcb.event_injection & 0xfff) == (B(11) | 3u << 8 | 14) && vmcb.cr2 == 0x200000);
	fresh();
	vmcb.rip = RAM_BYTES + 5; /* no RAM */
	CHECK(!svm_control_exit(&v, 0x14) && vmcb.event_injection == 0);
	fresh();
	CHECK(exits("\x90\x90\x90", 3, 0x14)); /* another CPU has written there: goes on */
	CHECK(vmcb.rip == RIP && vmcb.event_injection == 0);
	CHECK(!exits("\x0f\x22\xc0", 3, 0x12) && !exits("\x0f\x22\xc0", 3, 0x78));
}

/* QEMU: VMEXIT_INVALID at MOV to CR3. Everything else of that name stays one. */
static void reserved_bits_of_cr3_fault(void)
{
	fresh64();
	v.gpr[GPR_RAX] = B(55);
	CHECK(exits("\x0f\x22\xd8", 3, INVALID) && vmcb.event_injection == GP_EVENT);
	v.gpr[GPR_RAX] = 0x8000;
	CHECK(!exits("\x0f\x22\xd8", 3, INVALID));
	v.gpr[GPR_RAX] = B(55);
	CHECK(!exits("\x0f\x22\xe0", 3, INVALID)); /* CR4 */
	CHECK(!exits("\x90\x90\x90", 3, INVALID));
	vmcb.cs.attributes = 0xc9b;
	CHECK(!exits("\x0f\x22\xd8", 3, INVALID));
}

/* ---- The decoder ---- */

static enum err decode(const char *code, uint32_t count, enum insn_mode mode,
		       struct insn_control *i)
{
	return insn_decode_control((const uint8_t *)code, count, mode, i);
}

static void every_register_of_both_directions_decodes(void)
{
	struct insn_control i;

	for (uint32_t rex = 0; rex < 16; rex++)
		for (uint32_t modrm = 0; modrm < 256; modrm++)
			for (uint32_t opcode = 0x20; opcode <= 0x22; opcode += 2) {
				const char code[] = { (char)(0x40 | rex), 0x0f, (char)opcode,
						      (char)modrm };

				CHECK(decode(code, 4, INSN_64, &i) == OK);
				CHECK(i.op == (opcode == 0x20 ? INSN_MOV_FROM_CR : INSN_MOV_TO_CR));
				CHECK(i.length == 4 && i.width == 8 && !i.has_memory);
				CHECK(i.number == (modrm >> 3) % 8 + (rex & 4 ? 8 : 0));
				CHECK(i.gpr == modrm % 8 + (rex & 1 ? 8 : 0));
				CHECK(decode(code + 1, 3, INSN_32, &i) == OK && i.width == 4);
				CHECK(i.gpr == modrm % 8 && i.length == 3);
			}
}

static void prefixes_come_before(void)
{
	struct insn_control i;

	CHECK(decode("\x66\x67\x2e\xf2\x0f\x22\xe0", 7, INSN_32, &i) == OK && i.length == 7);
	CHECK(i.width == 4 && i.number == 4);
	CHECK(decode("\x44\x66\x0f\x22\xe0", 5, INSN_64, &i) == OK && i.number == 4);
	CHECK(decode("\x44\x0f\x22\xe0", 4, INSN_32, &i) == ERR_UNSUPPORTED); /* INC ESP */
	CHECK(decode("\xf0\x0f\x20\xc0", 4, INSN_32, &i) == OK && i.number == 8);
	CHECK(decode("\x48\x0f\x01\xe0", 4, INSN_64, &i) == OK && i.width == 8);
	CHECK(decode("\x0f\x01\xe0", 3, INSN_16, &i) == OK && i.width == 2);
	CHECK(decode("\x66\x0f\x01\xe0", 4, INSN_16, &i) == OK && i.width == 4);
	CHECK(decode("\x0f\x01\xf0", 3, INSN_16, &i) == OK && i.op == INSN_LMSW);
	CHECK(decode("\x0f\x01\xc8", 3, INSN_64, &i) == ERR_UNSUPPORTED); /* MONITOR */
	CHECK(decode("\x0f\x06\x00", 3, INSN_64, &i) == ERR_UNSUPPORTED); /* CLTS */
}

static void bytes_that_end_early_ask_for_more(void)
{
	static const char code[] = "\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x0f\x22\xe0";
	struct insn_control i;

	for (uint32_t n = 0; n < 15; n++)
		CHECK(decode(code, n, INSN_64, &i) == ERR_RANGE);
	CHECK(decode(code, 15, INSN_64, &i) == OK && i.length == 15);
	CHECK(decode("\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x0f\x22\xe0", 16,
		     INSN_64, &i) == ERR_UNSUPPORTED);
}

int main(void)
{
	RUN(cr4_takes_what_cpuid_offers_and_no_other_bit);
	RUN(outside_64_bit_mode_the_upper_half_of_the_register_does_not_count);
	RUN(the_guest_reads_what_it_wrote_and_machine_checks_stay_on);
	RUN(caches_stay_on_and_the_guest_believes_what_it_has_set);
	RUN(caches_survive_init);
	RUN(reserved_bits_of_cr0_fault_above_and_vanish_below);
	RUN(long_mode_begins_and_ends_with_paging);
	RUN(pcids_are_for_long_mode_and_begin_with_0);
	RUN(only_what_translations_depend_on_flushes_them);
	RUN(decode_assists_need_no_instruction);
	RUN(lmsw_is_the_cpus);
	RUN(a_step_over_a_shadow_lets_no_write_through);
	RUN(code_that_is_not_there_is_a_page_fault);
	RUN(reserved_bits_of_cr3_fault);
	RUN(every_register_of_both_directions_decodes);
	RUN(prefixes_come_before);
	RUN(bytes_that_end_early_ask_for_more);
	return test_failed;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* AMD-V: exit codes and their operands, the MSR permission map, the state a guest starts in. */
#include <stdlib.h>
#include <string.h>
#include "arch/x86/svm/decode.h"
#include "tests/test.h"

static struct vcpu v;
static struct vmcb vmcb;
static struct exit_info out;

static uint64_t random64(void)
{
	return (uint64_t)rand() << 62 ^ (uint64_t)rand() << 31 ^ (uint64_t)rand();
}

static void fresh(uint64_t code)
{
	memset(&v, 0, sizeof(v));
	memset(&vmcb, 0, sizeof(vmcb));
	memset(&out, 0xff, sizeof(out));
	for (int i = 0; i < GPR_COUNT; i++)
		v.gpr[i] = random64();
	vmcb.exit_code = code;
	vmcb.rip = 0x1000;
}

/* APM Vol. 2, "SVM Intercept Exit Codes"; lengths from APM Vol. 3, each instruction's opcode. */
static const struct {
	uint32_t code, kind, length;
} expected[] = {
	{ 0x6f, EXIT_PRIVILEGED, 0 },   /* RDPMC */
	{ 0x72, EXIT_CPUID, 2 },        /* 0F A2 */
	{ 0x76, EXIT_CACHE, 2 },        /* INVD, 0F 08 */
	{ 0x78, EXIT_HLT, 1 },          /* F4 */
	{ 0x7a, EXIT_UNDEFINED, 0 },    /* INVLPGA */
	{ 0x7c, EXIT_MSR_READ, 2 },     /* 0F 32 */
	{ 0x7f, EXIT_TRIPLE_FAULT, 0 }, /* shutdown */
	{ 0x80, EXIT_UNDEFINED, 0 },    /* VMRUN */
	{ 0x81, EXIT_HYPERCALL, 3 },    /* 0F 01 D9 */
	{ 0x82, EXIT_UNDEFINED, 0 },    /* VMLOAD */
	{ 0x83, EXIT_UNDEFINED, 0 },    /* VMSAVE */
	{ 0x84, EXIT_UNDEFINED, 0 },    /* STGI */
	{ 0x85, EXIT_UNDEFINED, 0 },    /* CLGI */
	{ 0x86, EXIT_UNDEFINED, 0 },    /* SKINIT */
	{ 0x89, EXIT_CACHE, 2 },        /* WBINVD, 0F 09 */
	{ 0x8a, EXIT_UNDEFINED, 0 },    /* MONITOR */
	{ 0x8b, EXIT_UNDEFINED, 0 },    /* MWAIT */
	{ 0x8d, EXIT_XSETBV, 3 },       /* 0F 01 D1 */
	{ 0x400, EXIT_MEMORY, 0 },      { 0xffffffff, EXIT_INIT, 0 },
};

static void every_exit_code_has_its_kind(void)
{
	for (uint64_t code = 0; code <= 0x500; code++) {
		uint32_t kind = EXIT_OTHER, length = 0;

		if (code == 0x7b)
			continue; /* I/O: below */
		for (size_t i = 0; i < ARRAY_SIZE(expected); i++)
			if (expected[i].code == code) {
				kind = expected[i].kind;
				length = expected[i].length;
			}
		fresh(code);
		vmcb.cr4 = 1u << 18; /* OSXSAVE */
		svm_decode(&v, &vmcb, &out);
		CHECK(out.kind == kind && v.skip_bytes == length);
		if (kind == EXIT_OTHER)
			CHECK(out.value == code);
	}
	/* VMEXIT_INVALID is -1; QEMU leaves the upper half zero. */
	fresh(~0ull);
	svm_decode(&v, &vmcb, &out);
	CHECK(out.kind == EXIT_INIT);
	fresh(0xffffffff);
	svm_decode(&v, &vmcb, &out);
	CHECK(out.kind == EXIT_INIT && out.value == 0xffffffff);
}

/* "I/O Intercepts": EXITINFO1 = port 31:16, size 6:4, REP 3, STR 2, IN 0; EXITINFO2 = next. */
static void ports_come_with_direction_width_and_value(void)
{
	static const uint64_t mask[] = { 0, 0xff, 0xffff, 0, 0xffffffff };

	for (uint32_t width = 1; width <= 4; width *= 2)
		for (uint32_t in = 0; in < 2; in++)
			for (uint32_t strings = 0; strings < 4; strings++) {
				fresh(0x7b);
				vmcb.exit_info1 = 0xcf8u << 16 | width << 4 | strings << 2 | in;
				vmcb.exit_info2 = 0x1002;
				svm_decode(&v, &vmcb, &out);
				CHECK(out.kind == (strings & 1 ? EXIT_PIO_STRING : EXIT_PIO));
				CHECK(out.addr == 0xcf8 && out.width == width && out.write == !in);
				if (!in)
					CHECK(out.value == (v.gpr[GPR_RAX] & mask[width]));
				CHECK(v.skip_bytes == 2);
			}
}

/* EXIT_HLT: "value: RFLAGS.IF, for a halt that no interrupt can end". */
static void a_halt_says_whether_an_interrupt_may_end_it(void)
{
	for (uint64_t rflags = 0; rflags < 1024; rflags++) {
		fresh(0x78);
		vmcb.rflags = rflags;
		svm_decode(&v, &vmcb, &out);
		CHECK(out.kind == EXIT_HLT && out.value == (rflags >> 9 & 1));
	}
}

/* Those of event.c must not be among them. */
static void frequent_exits_are_instructions_and_nested_faults(void)
{
	for (uint32_t code = 0; code < 0x500; code++) {
		fresh(code);
		CHECK(svm_decode_frequent(&v, &vmcb, &out) ==
		      (code == 0x400 || code == 0x78 || code == 0x7b || code == 0x7c));
	}
}

static void msrs_come_with_number_and_value(void)
{
	for (uint32_t write = 0; write < 2; write++) {
		fresh(0x7c);
		vmcb.exit_info1 = write;
		svm_decode(&v, &vmcb, &out);
		CHECK(out.kind == (write ? EXIT_MSR_WRITE : EXIT_MSR_READ));
		CHECK(out.addr == (v.gpr[GPR_RCX] & 0xffffffff));
		CHECK(out.value == (v.gpr[GPR_RDX] << 32 | (v.gpr[GPR_RAX] & 0xffffffff)));
	}
}

/* guests/abi.h: "From ring 0 only, else #UD". */
static void hypercalls_are_ring_0s(void)
{
	for (uint8_t cpl = 0; cpl < 4; cpl++) {
		fresh(0x81);
		vmcb.cpl = cpl;
		svm_decode(&v, &vmcb, &out);
		CHECK(out.kind == (cpl == 0 ? EXIT_HYPERCALL : EXIT_UNDEFINED));
		CHECK(out.addr == v.gpr[GPR_RAX] && out.arg[0] == v.gpr[GPR_RBX] &&
		      out.arg[1] == v.gpr[GPR_RCX] && out.arg[2] == v.gpr[GPR_RDX] &&
		      out.arg[3] == v.gpr[GPR_RSI]);
	}
}

/* APM Vol. 4, "XSETBV": #UD without CR4.OSXSAVE, then #GP above CPL 0. */
static void xsetbv_checks_in_order(void)
{
	fresh(0x8d);
	vmcb.cpl = 3;
	svm_decode(&v, &vmcb, &out);
	CHECK(out.kind == EXIT_UNDEFINED);
	vmcb.cr4 = 1u << 18;
	svm_decode(&v, &vmcb, &out);
	CHECK(out.kind == EXIT_PRIVILEGED);
	vmcb.cpl = 0;
	svm_decode(&v, &vmcb, &out);
	CHECK(out.kind == EXIT_XSETBV && out.addr == (uint32_t)v.gpr[GPR_RCX]);
	CHECK(out.value == (v.gpr[GPR_RDX] << 32 | (uint32_t)v.gpr[GPR_RAX]));
}

static void nested_faults_come_with_address_and_direction(void)
{
	for (uint64_t info = 0; info < 32; info++) {
		fresh(0x400);
		vmcb.exit_info1 = 1ull << 32 | info;
		vmcb.exit_info2 = 0xfee00020;
		svm_decode(&v, &vmcb, &out);
		CHECK(out.kind == EXIT_MEMORY && out.addr == 0xfee00020);
		CHECK(out.write == ((info & 2) != 0));
	}
}

/* "MSR Intercepts": ranges at 000H, 800H, 1000H of the map; even bit read, odd bit write. */
static void allowing_an_msr_clears_its_two_bits_only(void)
{
	static const uint32_t first[] = { 0, 0xc0000000, 0xc0010000 };
	static uint8_t map[8192], want[8192];

	for (uint32_t range = 0; range < 3; range++)
		for (uint32_t n = 0; n < 0x2000; n += 7) {
			const uint32_t bit = range * 0x800 * 8 + 2 * n;

			memset(map, 0xff, sizeof(map));
			memset(want, 0xff, sizeof(want));
			want[bit / 8] &= (uint8_t) ~(1u << bit % 8);
			want[(bit + 1) / 8] &= (uint8_t) ~(1u << (bit + 1) % 8);
			CHECK(svm_msrpm_allow(map, first[range] + n));
			CHECK(memcmp(map, want, sizeof(map)) == 0);
		}
	memset(map, 0xff, sizeof(map));
	memset(want, 0xff, sizeof(want));
	CHECK(!svm_msrpm_allow(map, 0x2000) && !svm_msrpm_allow(map, 0x40000000));
	CHECK(!svm_msrpm_allow(map, 0xc0002000) && !svm_msrpm_allow(map, 0xc0012000));
	CHECK(memcmp(map, want, sizeof(map)) == 0);
}

/* A vCPU that has run: nothing of it may be left but what INIT leaves. */
static void used(void)
{
	uint8_t *bytes = (uint8_t *)&vmcb;

	fresh(0);
	for (size_t i = offsetof(struct vmcb, es); i < sizeof(vmcb); i++)
		bytes[i] = (uint8_t)rand();
	vmcb.cr0 = 1u << 30 | 1u << 31 | 1;
}

/* "VMRUN", "Canonicalization and Consistency Checks": what holds for every legal state. */
static void check_common(const struct vcpu_entry *e)
{
	CHECK(vmcb.efer & 1u << 12); /* SVME */
	CHECK(vmcb.cr0 >> 32 == 0 && vmcb.cr4 >> 32 == 0 && vmcb.cr0 & 1u << 4);
	CHECK(vmcb.dr6 == 0xffff0ff0 && vmcb.dr7 == 0x400 && vmcb.rflags == 2 && vmcb.cpl == 0);
	CHECK(vmcb.rip == e->rip && vmcb.rsp == e->rsp && vmcb.cr2 == 0);
	CHECK(memcmp(&vmcb.ds, &vmcb.ss, sizeof(vmcb.ds)) == 0);
	CHECK(memcmp(&vmcb.es, &vmcb.ss, sizeof(vmcb.es)) == 0);
	CHECK(memcmp(&vmcb.fs, &vmcb.ss, sizeof(vmcb.fs)) == 0);
	CHECK(memcmp(&vmcb.gs, &vmcb.ss, sizeof(vmcb.gs)) == 0);
	CHECK(vmcb.ldtr.selector == 0 && vmcb.ldtr.attributes == 0x82);
	CHECK(vmcb.tr.attributes == 0x8b);
}

static void after_power_on(void)
{
	CHECK(vmcb.g_pat == 0x0007040600070406 && vmcb.star == 0 && vmcb.sysenter_eip == 0);
	CHECK((vmcb.cr0 & 0x60000000) == 0); /* caches on */
	CHECK(vmcb.idtr.limit == 0);
}

static void a_guest_starts_in_flat_protected_mode(void)
{
	const struct vcpu_entry e = {
		.mode = VCPU_FLAT32, .rip = 0x100000, .rsp = 0x7000, .gdt = 0x1234, .gdt_limit = 31
	};

	used();
	svm_initial_state(&vmcb, &e);
	check_common(&e);
	after_power_on();
	CHECK(vmcb.efer == 1u << 12);        /* no long mode */
	CHECK((vmcb.cr0 & 0x80000001) == 1); /* PE, no PG */
	CHECK(vmcb.cr4 == 0 && vmcb.cr3 == 0);
	CHECK(vmcb.cs.base == 0 && vmcb.cs.limit == 0xffffffff);
	/* Descriptor bits 55:52, 47:40: G D 0 0, P DPL S type. */
	CHECK(vmcb.cs.attributes == (0xc << 8 | 0x9b));
	CHECK(vmcb.ss.attributes == (0xc << 8 | 0x93) && vmcb.ss.limit == 0xffffffff);
	CHECK(vmcb.gdtr.base == 0x1234 && vmcb.gdtr.limit == 31);
}

/* Linux, "64-bit Boot Protocol": CS 10H, DS, ES, SS 18H, paging on. */
static void a_guest_starts_in_64_bit_mode(void)
{
	const struct vcpu_entry e = { .mode = VCPU_LONG64,
				      .rip = 0x1000200,
				      .rsp = 0x8000,
				      .gdt = 0x9000,
				      .gdt_limit = 31,
				      .page_table = 0xa000 };

	used();
	svm_initial_state(&vmcb, &e);
	check_common(&e);
	after_power_on();
	CHECK(vmcb.efer == (1u << 12 | 1u << 10 | 1u << 8)); /* SVME, LMA, LME */
	CHECK((vmcb.cr0 & 0x80000001) == 0x80000001);
	CHECK(vmcb.cr4 == 1u << 5 && vmcb.cr3 == 0xa000);
	CHECK(vmcb.cs.selector == 0x10 && vmcb.cs.attributes == (0xa << 8 | 0x9b)); /* L, no D */
	CHECK(vmcb.ds.selector == 0x18 && vmcb.ds.attributes == (0xc << 8 | 0x93));
	CHECK(vmcb.gdtr.base == 0x9000 && vmcb.gdtr.limit == 31);
}

/* "Processor State After Reset" with the vector of the start-up IPI; MSRs and caches stay. */
static void a_start_up_vector_is_a_page_in_real_mode(void)
{
	for (uint32_t vector = 0; vector < 256; vector++) {
		const struct vcpu_entry e = { .mode = VCPU_REAL16, .sipi_vector = (uint8_t)vector };
		struct vmcb before;

		used();
		before = vmcb;
		svm_initial_state(&vmcb, &e);
		check_common(&e);
		CHECK(vmcb.efer == 1u << 12);
		CHECK(vmcb.cr0 == 1u << 4); /* ET; CD and NW: test_svm_control.c */
		CHECK(vmcb.cr4 == 0 && vmcb.cr3 == 0);
		CHECK(vmcb.cs.base == vector * 0x1000 && vmcb.cs.selector == vector * 0x100);
		CHECK(vmcb.cs.limit == 0xffff && vmcb.cs.attributes == 0x9b);
		CHECK(vmcb.ss.base == 0 && vmcb.ss.selector == 0 && vmcb.ss.limit == 0xffff);
		CHECK(vmcb.ss.attributes == 0x93);
		CHECK(vmcb.gdtr.base == 0 && vmcb.gdtr.limit == 0xffff);
		CHECK(vmcb.idtr.base == 0 && vmcb.idtr.limit == 0xffff);
		CHECK(vmcb.g_pat == before.g_pat && vmcb.star == before.star);
		CHECK(vmcb.lstar == before.lstar && vmcb.sfmask == before.sfmask);
		CHECK(vmcb.kernel_gs_base == before.kernel_gs_base);
		CHECK(vmcb.sysenter_cs == before.sysenter_cs);
		CHECK(vmcb.sysenter_esp == before.sysenter_esp);
		CHECK(vmcb.sysenter_eip == before.sysenter_eip);
	}
}

/* Bit by bit: VMCB 7:0 and 11:8 are the access rights' 7:0 and 15:12. */
static void segments_come_in_the_layout_of_access_rights(void)
{
	static const uint8_t to[] = { 0, 1, 2, 3, 4, 5, 6, 7, 12, 13, 14, 15 };
	const struct vmcb_segment *from[SEG_COUNT] = { &vmcb.es, &vmcb.cs, &vmcb.ss,
						       &vmcb.ds, &vmcb.fs, &vmcb.gs };
	struct guest_context c;

	for (uint32_t n = 0; n < 1000; n++) {
		used();
		vmcb.cpl = (uint8_t)(n & 3);
		svm_context(&vmcb, 0x1234, 0x5678, &c);
		CHECK(c.rip == vmcb.rip && c.rflags == vmcb.rflags && c.cpl == (n & 3));
		CHECK(c.cr0 == 0x1234 && c.cr3 == vmcb.cr3 && c.cr4 == 0x5678);
		CHECK(c.efer == (vmcb.efer & ~(1ull << 12)));
		for (uint32_t i = 0; i < SEG_COUNT; i++) {
			struct guest_segment s;
			uint32_t want = 0;

			for (uint32_t bit = 0; bit < ARRAY_SIZE(to); bit++)
				want |= (uint32_t)(from[i]->attributes >> bit & 1) << to[bit];
			svm_segment(&vmcb, (enum guest_segment_name)i, &s);
			CHECK(s.access == want && s.is_unusable == !(want & 0x80));
			CHECK(s.base == from[i]->base && s.limit == from[i]->limit);
			CHECK(s.selector == from[i]->selector);
			if (i == SEG_CS)
				CHECK(c.segments[i].base == s.base &&
				      c.segments[i].limit == s.limit &&
				      c.segments[i].access == want &&
				      c.segments[i].selector == s.selector &&
				      c.segments[i].is_unusable == s.is_unusable);
		}
	}
}

int main(void)
{
	srand(5);
	RUN(every_exit_code_has_its_kind);
	RUN(ports_come_with_direction_width_and_value);
	RUN(a_halt_says_whether_an_interrupt_may_end_it);
	RUN(frequent_exits_are_instructions_and_nested_faults);
	RUN(msrs_come_with_number_and_value);
	RUN(hypercalls_are_ring_0s);
	RUN(xsetbv_checks_in_order);
	RUN(nested_faults_come_with_address_and_direction);
	RUN(allowing_an_msr_clears_its_two_bits_only);
	RUN(a_guest_starts_in_flat_protected_mode);
	RUN(a_guest_starts_in_64_bit_mode);
	RUN(a_start_up_vector_is_a_page_in_real_mode);
	RUN(segments_come_in_the_layout_of_access_rights);
	return test_failed;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The decoder's answers to what is not an instruction of ours, and the semantics that the CPU
 * under this test (64-bit mode) cannot show: 16- and 32-bit modes, worked out by hand from the
 * manual. Everything else: tests/property/test_insn_cpu.c, test_insn_zydis.c.
 */
#include <string.h>
#include "arch/x86/backend.h"
#include "arch/x86/guest/insn.h"
#include "arch/x86/guest/insn_flags.h"
#include "arch/x86/guest/insn_memo.h"
#include "tests/test.h"

static enum err decode(const char *bytes, uint32_t count, enum insn_mode mode, struct insn *out)
{
	return insn_decode((const uint8_t *)bytes, count, mode, out);
}

/* ---- What is refused, and how ---- */

static void bytes_that_end_early_ask_for_more(void)
{
	static const char code[] = "\x67\x48\xc7\x84\xcb\x11\x22\x33\x44\x55\x66\x77\x88";
	struct insn i;

	for (uint32_t count = 0; count < 13; count++)
		CHECK(decode(code, count, INSN_64, &i) == ERR_RANGE);
	CHECK(decode(code, 13, INSN_64, &i) == OK);
	CHECK(i.length == 13 && i.displacement == 0x44332211 && i.immediate == (int32_t)0x88776655);
}

static void more_than_15_bytes_are_no_instruction(void)
{
	static const char code[] =
		"\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x8b\x07";
	struct insn i;

	CHECK(decode(code + 1, 16, INSN_64, &i) == ERR_INVAL);
	CHECK(decode(code + 1, 15, INSN_64, &i) == ERR_INVAL);
	CHECK(decode(code + 1, 14, INSN_64, &i) == ERR_RANGE);
	CHECK(decode(code + 2, 15, INSN_64, &i) == OK && i.length == 15);
	CHECK(decode(code + 2, 99, INSN_64, &i) == OK && i.length == 15);
	CHECK(decode(code, 15, INSN_64, &i) == ERR_INVAL); /* prefixes alone */
}

static void lock_is_for_those_that_write(void)
{
	struct insn i;

	CHECK(decode("\xf0\x01\x07", 3, INSN_64, &i) == OK);                /* ADD [RDI], EAX */
	CHECK(decode("\xf0\x03\x07", 3, INSN_64, &i) == ERR_INVAL);         /* ADD EAX, [RDI] */
	CHECK(decode("\xf0\x39\x07", 3, INSN_64, &i) == ERR_INVAL);         /* CMP */
	CHECK(decode("\xf0\x89\x07", 3, INSN_64, &i) == ERR_INVAL);         /* MOV */
	CHECK(decode("\xf0\x0f\xa3\x07", 4, INSN_64, &i) == ERR_INVAL);     /* BT */
	CHECK(decode("\xf0\x0f\xb1\x07", 4, INSN_64, &i) == OK);            /* CMPXCHG */
	CHECK(decode("\xf0\xff\x37", 3, INSN_64, &i) == ERR_INVAL);         /* PUSH */
	CHECK(decode("\xf0\xff\x07", 3, INSN_64, &i) == OK);                /* INC */
	CHECK(decode("\xf0\x0f\xba\x2f\x01", 5, INSN_64, &i) == OK);        /* BTS */
	CHECK(decode("\xf0\x0f\xba\x27\x01", 5, INSN_64, &i) == ERR_INVAL); /* BT */
}

static void other_instructions_are_not_ours(void)
{
	struct insn i;

	CHECK(decode("\x8b\xc7", 2, INSN_64, &i) == ERR_UNSUPPORTED); /* MOV EAX, EDI */
	CHECK(decode("\x0f\xa2", 2, INSN_64, &i) == ERR_UNSUPPORTED); /* CPUID */
	CHECK(decode("\x8c\x07", 2, INSN_64, &i) == ERR_UNSUPPORTED); /* MOV [RDI], ES */
	CHECK(decode("\xf2\x0f\x38\xf1\x07", 5, INSN_64, &i) == ERR_UNSUPPORTED); /* CRC32 */
	CHECK(decode("\x0f\x38\xf1\x07", 4, INSN_64, &i) == OK);                  /* MOVBE */
	CHECK(decode("\x66\x0f\xc3\x07", 4, INSN_64, &i) == ERR_UNSUPPORTED);     /* no MOVNTI */
	CHECK(decode("\xc4\xe2\x79\x18", 4, INSN_64, &i) == ERR_UNSUPPORTED);     /* VEX */
	CHECK(decode("\x82\x07\x01", 3, INSN_64, &i) == ERR_UNSUPPORTED);
	CHECK(decode("\x82\x07\x01", 3, INSN_32, &i) == OK);
	CHECK(decode("\x63\x07", 2, INSN_32, &i) == ERR_UNSUPPORTED);     /* ARPL */
	CHECK(decode("\x63\x07", 2, INSN_64, &i) == OK);                  /* MOVSXD */
	CHECK(decode("\x40\x8b\x07", 3, INSN_32, &i) == ERR_UNSUPPORTED); /* INC EAX */
}

/* ---- Modes of 16 and 32 bits ---- */

static struct cpu {
	uint64_t gpr[GPR_COUNT];
	uint64_t rflags;
	uint64_t memory;     /* what every read finds */
	uint32_t fail_write; /* writes are refused */
	char log[200];       /* "r4 3:12345678 w2 2:fffe=abcd " */
} cpu;

static uint64_t read_register(void *context, uint32_t reg)
{
	return cpu.gpr[reg];
}

static void write_register(void *context, uint32_t reg, uint64_t value)
{
	cpu.gpr[reg] = value;
}

static enum err read_memory(void *context, uint32_t segment, uint64_t offset, uint32_t width,
			    uint64_t *value)
{
	const size_t n = strlen(cpu.log);

	snprintf(cpu.log + n, sizeof(cpu.log) - n, "r%u %u:%lx ", width, segment,
		 (unsigned long)offset);
	*value = cpu.memory;
	return OK;
}

static enum err write_memory(void *context, uint32_t segment, uint64_t offset, uint32_t width,
			     uint64_t value)
{
	const size_t n = strlen(cpu.log);

	snprintf(cpu.log + n, sizeof(cpu.log) - n, "w%u %u:%lx=%lx ", width, segment,
		 (unsigned long)offset, (unsigned long)value);
	return cpu.fail_write ? ERR_INVAL : OK;
}

static bool again;

/* Segments in the log: ES 0, CS 1, SS 2, DS 3, FS 4, GS 5. */
static bool does(enum insn_mode mode, const char *code, uint32_t count, const char *accesses)
{
	const struct insn_cpu calls = { .rip = 0x1000,
					.rflags = &cpu.rflags,
					.stack_width = mode == INSN_16 ? 2 : 4,
					.read_register = read_register,
					.write_register = write_register,
					.read_memory = read_memory,
					.write_memory = write_memory };
	struct insn i;
	enum err e;

	cpu.log[0] = 0;
	if (decode(code, count, mode, &i) != OK || i.length != count)
		return false;
	e = insn_run(&i, &calls, &again);
	if (strcmp(cpu.log, accesses) != 0)
		printf("did: %s\n", cpu.log);
	return strcmp(cpu.log, accesses) == 0 && (e == OK) == !cpu.fail_write;
}

static void begin(void)
{
	memset(&cpu, 0, sizeof(cpu));
	for (uint64_t r = 0; r < GPR_COUNT; r++)
		cpu.gpr[r] = 0x1111111100000000 * r;
	cpu.memory = UINT64_C(0x8877665544332211);
}

static void addresses_of_16_bits_wrap(void)
{
	begin();
	cpu.gpr[GPR_RBX] = 0x7fff0;
	cpu.gpr[GPR_RSI] = 0x20;
	cpu.gpr[GPR_RBP] = 0xfffe;
	cpu.gpr[GPR_RDI] = 0x20;
	cpu.gpr[GPR_RAX] = 0xaabbccdd;
	CHECK(does(INSN_16, "\x89\x40\x10", 3, "w2 3:20=ccdd "));        /* [BX+SI+10H], AX */
	CHECK(does(INSN_16, "\x66\x89\x40\xf0", 4, "w4 3:0=aabbccdd ")); /* [BX+SI-10H], EAX */
	CHECK(does(INSN_16, "\x88\x46\x04", 3, "w1 2:2=dd "));           /* [BP+4], AL */
	CHECK(does(INSN_16, "\x3e\x88\x46\x04", 4, "w1 3:2=dd "));       /* DS:[BP+4] */
	CHECK(does(INSN_16, "\x88\x06\x34\x92", 4, "w1 3:9234=dd "));    /* [9234H] */
	CHECK(does(INSN_16, "\x64\xa3\x34\x92", 4, "w2 4:9234=ccdd "));  /* FS:[9234H], AX */
	CHECK(does(INSN_16, "\x67\x88\x43\x10", 4, "w1 3:80000=dd "));   /* [EBX+10H], AL */
	CHECK(does(INSN_16, "\x88\x23", 2, "w1 2:1e=cc "));              /* [BP+DI], AH */
	CHECK(does(INSN_32, "\x67\x88\x01", 3, "w1 3:10=dd "));          /* [BX+DI], AL */
}

static void addresses_of_32_bits_wrap(void)
{
	begin();
	cpu.gpr[GPR_RAX] = 0x5fffffff0;
	cpu.gpr[GPR_RCX] = 0x30;
	CHECK(does(INSN_32, "\x8a\x14\x48", 3, "r1 3:50 ")); /* DL, [EAX+ECX*2] */
	CHECK(does(INSN_32, "\x8a\x15\x78\x56\x34\x92", 6,
		   "r1 3:92345678 "));                                    /* no RIP in 32 bits */
	CHECK(does(INSN_64, "\x8a\x15\xf0\xff\xff\xff", 6, "r1 3:ff6 ")); /* RIP-relative */
	CHECK(does(INSN_64, "\x67\x8a\x15\xf0\xef\xff\xff", 7, "r1 3:fffffff7 "));
}

static void registers_keep_what_is_not_written(void)
{
	begin();
	cpu.gpr[GPR_RAX] = UINT64_C(0xaaaaaaaaaaaaaaaa);
	CHECK(does(INSN_16, "\xa1\x00\x01", 3, "r2 3:100 "));
	CHECK(cpu.gpr[GPR_RAX] == UINT64_C(0xaaaaaaaaaaaa2211));
	CHECK(does(INSN_16, "\x8a\x26\x00\x01", 4, "r1 3:100 ")); /* AH */
	CHECK(cpu.gpr[GPR_RAX] == UINT64_C(0xaaaaaaaaaaaa1111));
	CHECK(does(INSN_32, "\xa1\x00\x01\x00\x00", 5, "r4 3:100 "));
	CHECK(cpu.gpr[GPR_RAX] == 0x44332211);
}

static void stacks_are_as_wide_as_they_are(void)
{
	begin();
	cpu.gpr[GPR_RSP] = 0x70000;
	CHECK(does(INSN_16, "\xff\x37", 2, "r2 3:0 w2 2:fffe=2211 ")); /* PUSH word [BX] */
	CHECK(cpu.gpr[GPR_RSP] == 0x7fffe);
	CHECK(does(INSN_16, "\x66\x8f\x07", 3, "r4 2:fffe w4 3:0=44332211 ")); /* POP dword [BX] */
	CHECK(cpu.gpr[GPR_RSP] == 0x70002);
	cpu.gpr[GPR_RSP] = 0x1000;
	CHECK(does(INSN_32, "\x8f\x44\x24\x08", 4, "r4 2:1000 w4 2:100c=44332211 ")); /* [ESP+8] */
	CHECK(cpu.gpr[GPR_RSP] == 0x1004);
	CHECK(does(INSN_32, "\xff\x74\x24\x08", 4, "r4 2:100c w4 2:1000=44332211 "));
	CHECK(cpu.gpr[GPR_RSP] == 0x1000);
	/* SP wraps, but ESP addresses: the increment shows as it is in ESP. */
	cpu.gpr[GPR_RSP] = 0x7fffe;
	CHECK(does(INSN_16, "\x67\x8f\x04\x24", 4, "r2 2:fffe w2 2:70000=2211 "));
}

static void strings_step_through_their_segments(void)
{
	begin();
	cpu.gpr[GPR_RCX] = 0x50002;
	cpu.gpr[GPR_RDI] = 0x6ffff;
	cpu.gpr[GPR_RSI] = 0x60000;
	cpu.gpr[GPR_RAX] = 0xaabbccdd;
	CHECK(does(INSN_16, "\x26\xf3\xab", 3, "w2 0:ffff=ccdd ")); /* REP STOSW */
	CHECK(again && cpu.gpr[GPR_RCX] == 0x50001 && cpu.gpr[GPR_RDI] == 0x60001);
	CHECK(does(INSN_16, "\x64\xf3\xab", 3, "w2 0:1=ccdd ")); /* ES, whatever the prefix */
	CHECK(!again && cpu.gpr[GPR_RCX] == 0x50000 && cpu.gpr[GPR_RDI] == 0x60003);
	CHECK(does(INSN_16, "\xf3\xab", 2, ""));
	CHECK(!again && cpu.gpr[GPR_RCX] == 0x50000 && cpu.gpr[GPR_RDI] == 0x60003);
	cpu.rflags = FLAG_DF;
	CHECK(does(INSN_16, "\x64\x66\xa5", 3, "r4 4:0 w4 0:3=44332211 ")); /* MOVSD, FS */
	CHECK(!again && cpu.gpr[GPR_RSI] == 0x6fffc && cpu.gpr[GPR_RDI] == 0x6ffff);
	CHECK(does(INSN_32, "\xac", 1, "r1 3:6fffc ")); /* LODSB */
	CHECK(cpu.gpr[GPR_RAX] == 0xaabbcc11 && cpu.gpr[GPR_RSI] == 0x6fffb);
}

static void bit_offsets_reach_below_the_address(void)
{
	begin();
	cpu.gpr[GPR_RAX] = (uint64_t)(int64_t)-33;
	cpu.gpr[GPR_RDI] = 0x100;
	CHECK(does(INSN_32, "\x0f\xa3\x07", 3, "r4 3:f8 ")); /* bit 31 of the dword at -8 */
	CHECK(!(cpu.rflags & FLAG_CF));
	CHECK(does(INSN_32, "\x66\x0f\xab\x07", 4, "r2 3:fa w2 3:fa=a211 ")); /* bit 15 at -6 */
	CHECK(does(INSN_32, "\x0f\xba\x27\xe5", 4, "r4 3:100 "));             /* BT 229: bit 5 */
	CHECK(!(cpu.rflags & FLAG_CF));
	CHECK(does(INSN_32, "\x0f\xba\x37\xe4", 4, "r4 3:100 w4 3:100=44332201 ")); /* BTR 228 */
	CHECK(cpu.rflags & FLAG_CF);
}

/* "The destination operand is written back if the comparison fails" */
static void cmpxchg_always_writes(void)
{
	begin();
	cpu.gpr[GPR_RDI] = 0x100;
	cpu.gpr[GPR_RCX] = 0x12345678;
	CHECK(does(INSN_32, "\xf0\x0f\xb1\x0f", 4, "r4 3:100 w4 3:100=44332211 "));
	CHECK(cpu.gpr[GPR_RAX] == 0x44332211 && !(cpu.rflags & FLAG_ZF));
	CHECK(does(INSN_32, "\xf0\x0f\xb1\x0f", 4, "r4 3:100 w4 3:100=12345678 "));
	CHECK(cpu.gpr[GPR_RAX] == 0x44332211 && (cpu.rflags & FLAG_ZF));
}

static void a_fault_leaves_everything(void)
{
	static const struct {
		const char *code;
		uint32_t count;
		const char *accesses;
	} cases[] = {
		{ "\x01\x07", 2, "r4 3:100 w4 3:100=66554433 " }, /* ADD */
		{ "\x87\x07", 2, "r4 3:100 w4 3:100=22222222 " }, /* XCHG */
		{ "\x0f\xc1\x07", 3, "r4 3:100 w4 3:100=66554433 " },
		{ "\xf3\xa5", 2, "r4 3:200 w4 0:100=44332211 " },
		{ "\xff\x37", 2, "r4 3:100 w4 2:2fc=44332211 " },
		{ "\x8f\x07", 2, "r4 2:300 w4 3:100=44332211 " },
		{ "\xff\x07", 2, "r4 3:100 w4 3:100=44332212 " },
		{ "\x0f\xb3\x07", 3, "r4 3:4444544 w4 3:4444544=44332211 " },
	};
	struct cpu before;

	begin();
	cpu.gpr[GPR_RAX] = 0x22222222;
	cpu.gpr[GPR_RCX] = 7;
	cpu.gpr[GPR_RDI] = 0x100;
	cpu.gpr[GPR_RSI] = 0x200;
	cpu.gpr[GPR_RSP] = 0x300;
	cpu.fail_write = 1;
	before = cpu;
	for (size_t n = 0; n < ARRAY_SIZE(cases); n++) {
		CHECK(does(INSN_32, cases[n].code, cases[n].count, cases[n].accesses));
		CHECK(memcmp(cpu.gpr, before.gpr, sizeof(cpu.gpr)) == 0);
		CHECK(cpu.rflags == before.rflags && !again);
	}
}

/* ---- insn_memo_decode() ---- */

static uint32_t seed = 1;

static uint32_t draw(uint32_t below)
{
	seed = seed * 1664525u + 1013904223u;
	return (uint32_t)((uint64_t)(seed >> 8) * below >> 24);
}

/* Few opcodes, few operands, few places: the same code comes again, and other code at its place. */
static void draw_code(struct insn_code *code)
{
	static const uint8_t opcodes[] = { 0x8b, 0x89, 0x88, 0xc7, 0x0f, 0x66, 0x48 };

	*code = (struct insn_code){ .count = draw(INSN_BYTES_MAX + 1) };
	for (uint32_t i = 0; i < code->count; i++)
		code->bytes[i] = draw(3) ? opcodes[draw(ARRAY_SIZE(opcodes))] : (uint8_t)draw(8);
	if (draw(2)) /* as if more of the same could be fetched: zeroes */
		code->count = INSN_BYTES_MAX;
}

static void a_memory_of_answers_changes_none(void)
{
	static struct insn_memo memo;
	static struct insn_code pool[16];
	uint32_t decoded = 0, kept = 0;

	for (uint32_t i = 0; i < 300000; i++) {
		struct insn_code *const c = &pool[draw(ARRAY_SIZE(pool))];
		const enum insn_mode mode = draw(4) ? INSN_64 : (enum insn_mode)draw(2);
		const uint64_t rip = draw(16);
		struct insn_memo_place *const p = &memo.places[rip % INSN_MEMO_PLACES];
		const struct insn_memo_place before = *p;
		const struct insn *got;
		struct insn want;
		enum err e;

		if (draw(16) == 0)
			draw_code(c);
		memset(&want, 0, sizeof(want));
		e = insn_decode(c->bytes, c->count, mode, &want);
		CHECK(insn_memo_decode(&memo, rip, c, mode, &got) == e);
		if (e != OK)
			continue;
		CHECK(got->op == want.op && got->length == want.length && got->width == want.width);
		CHECK(got->displacement == want.displacement && got->immediate == want.immediate);
		CHECK(got->base == want.base && got->reg == want.reg);
		CHECK(got->address_width == want.address_width && got->is_store == want.is_store);
		decoded++;
		kept += memcmp(&before, p, sizeof(before)) == 0;
	}
	CHECK(decoded > 10000 && kept > 1000 && kept < decoded);
}

int main(void)
{
	RUN(bytes_that_end_early_ask_for_more);
	RUN(more_than_15_bytes_are_no_instruction);
	RUN(lock_is_for_those_that_write);
	RUN(other_instructions_are_not_ours);
	RUN(addresses_of_16_bits_wrap);
	RUN(addresses_of_32_bits_wrap);
	RUN(registers_keep_what_is_not_written);
	RUN(stacks_are_as_wide_as_they_are);
	RUN(strings_step_through_their_segments);
	RUN(bit_offsets_reach_below_the_address);
	RUN(cmpxchg_always_writes);
	RUN(a_fault_leaves_everything);
	RUN(a_memory_of_answers_changes_none);
	return test_failed;
}

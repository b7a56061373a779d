/* SPDX-License-Identifier: Apache-2.0 */
/*
 * insn_decode() against an independent disassembler, Zydis (Debian's libzydis-dev).
 *
 * Both ways: what we take must be, to the reference, that operation with the same length, widths,
 * address, registers and immediate; what is one of our forms to the reference, we must take.
 *
 *	test_insn_zydis         every opcode, prefix set, REX, ModRM and SIB byte; not each with each
 *	test_insn_zydis full    each with each: minutes
 */
#include <stdlib.h>
#include <string.h>
#include <Zydis/Zydis.h>
#include "arch/x86/backend.h"
#include "arch/x86/guest/insn.h"
#include "tests/property/random.h"
#include "tests/test.h"

static ZydisDecoder decoders[3]; /* by enum insn_mode */
static bool is_full;
static uint64_t compared, taken, taken_of[3][INSN_OP_COUNT];

/* ---- What the reference says, in our words ---- */

static const struct {
	ZydisMnemonic mnemonic;
	enum insn_op op;
} operations[] = {
	{ ZYDIS_MNEMONIC_MOV, INSN_MOV },         { ZYDIS_MNEMONIC_MOVNTI, INSN_MOV },
	{ ZYDIS_MNEMONIC_MOVZX, INSN_MOVZX },     { ZYDIS_MNEMONIC_MOVSX, INSN_MOVSX },
	{ ZYDIS_MNEMONIC_MOVSXD, INSN_MOVSX },    { ZYDIS_MNEMONIC_MOVBE, INSN_MOVBE },
	{ ZYDIS_MNEMONIC_STOSB, INSN_STOS },      { ZYDIS_MNEMONIC_STOSW, INSN_STOS },
	{ ZYDIS_MNEMONIC_STOSD, INSN_STOS },      { ZYDIS_MNEMONIC_STOSQ, INSN_STOS },
	{ ZYDIS_MNEMONIC_MOVSB, INSN_MOVS },      { ZYDIS_MNEMONIC_MOVSW, INSN_MOVS },
	{ ZYDIS_MNEMONIC_MOVSD, INSN_MOVS },      { ZYDIS_MNEMONIC_MOVSQ, INSN_MOVS },
	{ ZYDIS_MNEMONIC_LODSB, INSN_LODS },      { ZYDIS_MNEMONIC_LODSW, INSN_LODS },
	{ ZYDIS_MNEMONIC_LODSD, INSN_LODS },      { ZYDIS_MNEMONIC_LODSQ, INSN_LODS },
	{ ZYDIS_MNEMONIC_AND, INSN_AND },         { ZYDIS_MNEMONIC_OR, INSN_OR },
	{ ZYDIS_MNEMONIC_XOR, INSN_XOR },         { ZYDIS_MNEMONIC_ADD, INSN_ADD },
	{ ZYDIS_MNEMONIC_SUB, INSN_SUB },         { ZYDIS_MNEMONIC_ADC, INSN_ADC },
	{ ZYDIS_MNEMONIC_SBB, INSN_SBB },         { ZYDIS_MNEMONIC_CMP, INSN_CMP },
	{ ZYDIS_MNEMONIC_TEST, INSN_TEST },       { ZYDIS_MNEMONIC_XCHG, INSN_XCHG },
	{ ZYDIS_MNEMONIC_CMPXCHG, INSN_CMPXCHG }, { ZYDIS_MNEMONIC_XADD, INSN_XADD },
	{ ZYDIS_MNEMONIC_NOT, INSN_NOT },         { ZYDIS_MNEMONIC_NEG, INSN_NEG },
	{ ZYDIS_MNEMONIC_INC, INSN_INC },         { ZYDIS_MNEMONIC_DEC, INSN_DEC },
	{ ZYDIS_MNEMONIC_BT, INSN_BT },           { ZYDIS_MNEMONIC_BTS, INSN_BTS },
	{ ZYDIS_MNEMONIC_BTR, INSN_BTR },         { ZYDIS_MNEMONIC_BTC, INSN_BTC },
	{ ZYDIS_MNEMONIC_PUSH, INSN_PUSH },       { ZYDIS_MNEMONIC_POP, INSN_POP },
};

static uint8_t op_of[ZYDIS_MNEMONIC_MAX_VALUE + 1];

static void set_up(void)
{
	memset(op_of, INSN_OP_COUNT, sizeof(op_of));
	for (size_t i = 0; i < ARRAY_SIZE(operations); i++)
		op_of[operations[i].mnemonic] = (uint8_t)operations[i].op;
	ZydisDecoderInit(&decoders[INSN_16], ZYDIS_MACHINE_MODE_LEGACY_16, ZYDIS_STACK_WIDTH_16);
	ZydisDecoderInit(&decoders[INSN_32], ZYDIS_MACHINE_MODE_LEGACY_32, ZYDIS_STACK_WIDTH_32);
	ZydisDecoderInit(&decoders[INSN_64], ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64);
}

struct reference {
	ZydisDecodedInstruction i;
	ZydisDecodedOperand operands[ZYDIS_MAX_OPERAND_COUNT];
	ZyanStatus status;
};

static bool is_string(uint32_t op)
{
	return op == INSN_STOS || op == INSN_MOVS || op == INSN_LODS;
}

static bool is_general(ZydisRegister r)
{
	const ZydisRegisterClass class = ZydisRegisterGetClass(r);

	return class == ZYDIS_REGCLASS_GPR8 || class == ZYDIS_REGCLASS_GPR16 ||
	       class == ZYDIS_REGCLASS_GPR32 || class == ZYDIS_REGCLASS_GPR64;
}

static bool is_high_byte(ZydisRegister r)
{
	return r >= ZYDIS_REGISTER_AH && r <= ZYDIS_REGISTER_BH;
}

/* Its number, 0 .. 15. */
static uint8_t number_of(ZydisRegister r)
{
	if (r == ZYDIS_REGISTER_NONE || r == ZYDIS_REGISTER_RIP || r == ZYDIS_REGISTER_EIP)
		return INSN_NO_REGISTER;
	if (is_high_byte(r))
		return (uint8_t)(r - ZYDIS_REGISTER_AH);
	if (r >= ZYDIS_REGISTER_SPL && r <= ZYDIS_REGISTER_R15B)
		return (uint8_t)(r - ZYDIS_REGISTER_SPL + 4);
	return (uint8_t)ZydisRegisterGetId(r);
}

static uint8_t segment_of(ZydisRegister r)
{
	switch (r) {
	case ZYDIS_REGISTER_ES:
		return SEG_ES;
	case ZYDIS_REGISTER_CS:
		return SEG_CS;
	case ZYDIS_REGISTER_SS:
		return SEG_SS;
	case ZYDIS_REGISTER_FS:
		return SEG_FS;
	case ZYDIS_REGISTER_GS:
		return SEG_GS;
	default:
		return SEG_DS;
	}
}

/* The memory operand: of MOVS the source, as in struct insn. */
static const ZydisDecodedOperand *memory_of(const struct reference *r, uint32_t op)
{
	const ZydisDecodedOperand *found = NULL;

	for (uint32_t n = 0; n < r->i.operand_count; n++) {
		const ZydisDecodedOperand *const o = &r->operands[n];

		if (o->type != ZYDIS_OPERAND_TYPE_MEMORY)
			continue;
		if (!is_string(op) && o->visibility == ZYDIS_OPERAND_VISIBILITY_HIDDEN)
			continue;
		if (!found || op == INSN_MOVS)
			found = o;
	}
	return found;
}

/* True: one of the forms of insn.h. */
static bool is_ours(const struct reference *r)
{
	const uint32_t op = op_of[r->i.mnemonic];

	if (!ZYAN_SUCCESS(r->status) || op == INSN_OP_COUNT || !memory_of(r, op))
		return false;
	if (r->i.encoding != ZYDIS_INSTRUCTION_ENCODING_LEGACY)
		return false;
	for (uint32_t n = 0; n < r->i.operand_count_visible; n++) {
		if (r->operands[n].type == ZYDIS_OPERAND_TYPE_REGISTER &&
		    !is_general(r->operands[n].reg.value))
			return false; /* segment, control and vector registers */
	}
	return true;
}

static void translate_other(const ZydisDecodedOperand *o, struct insn *out)
{
	if (o->type == ZYDIS_OPERAND_TYPE_REGISTER) {
		out->reg = number_of(o->reg.value);
		out->has_high_byte = is_high_byte(o->reg.value);
		if (out->op == INSN_MOVZX || out->op == INSN_MOVSX)
			out->to_width = (uint8_t)(o->size / 8);
	} else if (o->type == ZYDIS_OPERAND_TYPE_IMMEDIATE) {
		out->has_immediate = true;
		out->immediate = o->imm.value.s;
	}
}

/*
 * Where the reference is wrong: docs/decoder.md.
 *
 * SIB with base 5 and ModRM.mod 0 has no base, whatever REX.B ("Special Encodings": "Base register
 * number 5, mod 00: REX.B don't care"); with a 32-bit address size in 64-bit mode, Zydis up to
 * release 4.1 reads R13D there (its issue 592).
 * MOVSXD with a 16-bit register reads 16 bits: "MOVSXD r16, r/m16".
 * The bit number of BT forms: unsigned there, sign-extended here, masked before its use.
 */
static void correct(const struct reference *r, struct insn *out)
{
	if (out->address_width == 4 && r->i.raw.modrm.mod == 0 && r->i.raw.modrm.rm == 4 &&
	    r->i.raw.sib.base == 5 && r->i.machine_mode == ZYDIS_MACHINE_MODE_LONG_64) {
		out->base = INSN_NO_REGISTER;
		out->displacement = r->i.raw.disp.value;
	}
	if (r->i.mnemonic == ZYDIS_MNEMONIC_MOVSXD && out->to_width == 2)
		out->width = 2;
	if (out->op >= INSN_BT && out->op <= INSN_BTC)
		out->immediate = (int8_t)out->immediate;
}

static void translate(const struct reference *r, struct insn *out)
{
	const uint32_t op = op_of[r->i.mnemonic];
	const ZydisDecodedOperand *const m = memory_of(r, op);

	*out = (struct insn){ .op = (uint8_t)op, .length = r->i.length, .reg = INSN_NO_REGISTER };
	out->width = out->to_width = (uint8_t)(m->size / 8);
	out->address_width = r->i.address_width / 8;
	out->segment = segment_of(m->mem.segment);
	out->base = out->index = INSN_NO_REGISTER;
	out->scale = 1;
	if (!is_string(op)) {
		out->base = number_of(m->mem.base);
		out->index = number_of(m->mem.index);
		out->scale = out->index == INSN_NO_REGISTER ? 1 : m->mem.scale;
		out->is_rip_relative =
			m->mem.base == ZYDIS_REGISTER_RIP || m->mem.base == ZYDIS_REGISTER_EIP;
		out->displacement = m->mem.disp.value;
	}
	out->is_store = op != INSN_PUSH && r->operands[0].type == ZYDIS_OPERAND_TYPE_MEMORY;
	out->has_rep = is_string(op) &&
		       (r->i.attributes & (ZYDIS_ATTRIB_HAS_REP | ZYDIS_ATTRIB_HAS_REPNE));
	for (uint32_t n = 0; n < r->i.operand_count_visible; n++)
		translate_other(&r->operands[n], out);
	if (op == INSN_STOS || op == INSN_LODS)
		out->reg = GPR_RAX;
	correct(r, out);
}

/* ---- Comparison ---- */

/* Displacements count modulo the address size. */
static uint64_t mod_address(int64_t displacement, uint32_t address_width)
{
	return (uint64_t)displacement & UINT64_MAX >> (64 - 8 * address_width);
}

static bool is_same(const struct insn *a, const struct insn *b)
{
	return a->op == b->op && a->length == b->length && a->width == b->width &&
	       a->to_width == b->to_width && a->address_width == b->address_width &&
	       a->segment == b->segment && a->base == b->base && a->index == b->index &&
	       a->scale == b->scale && a->is_rip_relative == b->is_rip_relative &&
	       a->is_store == b->is_store && a->has_immediate == b->has_immediate &&
	       a->has_high_byte == b->has_high_byte && a->has_rep == b->has_rep &&
	       a->reg == b->reg && a->immediate == b->immediate &&
	       mod_address(a->displacement, a->address_width) ==
		       mod_address(b->displacement, b->address_width);
}

static void print_insn(const char *who, const struct insn *i)
{
	printf("  %s op %u length %u width %u/%u address %u seg %u base %u index %u scale %u rip %d "
	       "store %d imm %d high %d rep %d reg %u disp %lx imm %lx\n",
	       who, i->op, i->length, i->width, i->to_width, i->address_width, i->segment, i->base,
	       i->index, i->scale, i->is_rip_relative, i->is_store, i->has_immediate,
	       i->has_high_byte, i->has_rep, i->reg, (unsigned long)i->displacement,
	       (unsigned long)i->immediate);
}

static void print_bytes(const uint8_t *bytes, enum insn_mode mode, enum err e,
			const struct reference *r)
{
	printf("mode %u:", mode);
	for (uint32_t n = 0; n < INSN_BYTES_MAX; n++)
		printf(" %02x", bytes[n]);
	printf(": ours %u, reference %x %s\n", e, r->status,
	       ZYAN_SUCCESS(r->status) ? ZydisMnemonicGetString(r->i.mnemonic) : "");
}

static bool agree(const uint8_t *bytes, enum insn_mode mode, enum err e, const struct insn *ours,
		  const struct reference *r)
{
	struct insn theirs;

	if (!is_ours(r)) {
		if (e == ERR_INVAL)
			return r->status == ZYDIS_STATUS_ILLEGAL_LOCK ||
			       r->status == ZYDIS_STATUS_INSTRUCTION_TOO_LONG;
		return e == ERR_UNSUPPORTED;
	}
	if (e != OK)
		return false;
	translate(r, &theirs);
	if (is_same(ours, &theirs))
		return true;
	print_insn("ours     ", ours);
	print_insn("reference", &theirs);
	return false;
}

/* Of fewer bytes than the instruction has, we must ask for more; of just enough, not. */
static bool asks_for_more(const uint8_t *bytes, enum insn_mode mode, uint32_t length)
{
	struct insn again;

	return insn_decode(bytes, length, mode, &again) == OK &&
	       insn_decode(bytes, (uint32_t)random_below(length), mode, &again) == ERR_RANGE;
}

static void compare(const uint8_t *bytes, enum insn_mode mode)
{
	static struct reference r;
	struct insn ours;
	const enum err e = insn_decode(bytes, INSN_BYTES_MAX, mode, &ours);
	bool is_good;

	r.status = ZydisDecoderDecodeFull(&decoders[mode], bytes, INSN_BYTES_MAX, &r.i, r.operands);
	is_good = agree(bytes, mode, e, &ours, &r);
	compared++;
	if (e == OK) {
		is_good = is_good && asks_for_more(bytes, mode, ours.length);
		taken++;
		taken_of[mode][ours.op]++;
	}
	CHECK(is_good);
	if (!is_good)
		print_bytes(bytes, mode, e, &r);
}

/* ---- Enumeration ---- */

/* None, or one of each group, in the order in which assemblers write them. */
#define PREFIX_SETS (2u * 2 * 2 * 3 * 7)

static uint32_t put_prefix_set(uint8_t *bytes, uint32_t set)
{
	static const uint8_t segments[7] = { 0, 0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65 };
	static const uint8_t repeats[3] = { 0, 0xf2, 0xf3 };
	const uint8_t all[5] = { set & 1 ? 0x66 : 0, set & 2 ? 0x67 : 0, set & 4 ? 0xf0 : 0,
				 repeats[set / 8 % 3], segments[set / 24] };
	uint32_t n = 0;

	for (uint32_t i = 0; i < sizeof(all); i++) {
		if (all[i])
			bytes[n++] = all[i];
	}
	return n;
}

struct shape {
	enum insn_mode mode;
	uint32_t prefix_set, rex; /* 0: none; 1 .. 16: 40H .. 4FH */
	uint32_t map, opcode, modrm, sib;
};

static void compare_shape(const struct shape *s)
{
	uint8_t bytes[INSN_BYTES_MAX + 8];
	uint64_t tail = random_u64();
	uint32_t n = put_prefix_set(bytes, s->prefix_set);

	if (s->rex)
		bytes[n++] = (uint8_t)(0x3f + s->rex);
	if (s->map)
		bytes[n++] = 0x0f;
	if (s->map == 2)
		bytes[n++] = 0x38;
	bytes[n++] = (uint8_t)s->opcode;
	bytes[n++] = (uint8_t)s->modrm;
	bytes[n++] = (uint8_t)s->sib;
	memcpy(bytes + n, &tail, 8);
	n += 8;
	tail = random_u64();
	if (n < INSN_BYTES_MAX)
		memcpy(bytes + n, &tail, 8);
	compare(bytes, s->mode);
}

/* Every prefix set, REX and ModRM: in full, or every so many with a random one in between. */
static void compare_opcode(enum insn_mode mode, uint32_t map, uint32_t opcode)
{
	struct shape s = { .mode = mode, .map = map, .opcode = opcode };
	const uint32_t rex_count = mode == INSN_64 ? 17 : 1, step = is_full ? 1 : 37;

	for (s.prefix_set = 0; s.prefix_set < PREFIX_SETS; s.prefix_set++) {
		for (s.rex = 0; s.rex < rex_count; s.rex++) {
			s.modrm = is_full ? 0 : (uint32_t)random_below(step);
			for (; s.modrm < 256; s.modrm += step) {
				s.sib = (uint32_t)random_below(256);
				compare_shape(&s);
			}
		}
	}
}

/* Every ModRM byte with every SIB byte and REX. */
static void compare_addresses(enum insn_mode mode, uint32_t map, uint32_t opcode)
{
	struct shape s = { .mode = mode, .map = map, .opcode = opcode };
	const uint32_t rex_count = mode == INSN_64 ? 17 : 1, step = is_full ? 1 : 29;

	for (s.rex = 0; s.rex < rex_count; s.rex++) {
		for (s.modrm = 0; s.modrm < 256; s.modrm++) {
			if ((s.modrm & 7) != 4)
				continue;
			s.sib = is_full ? 0 : (uint32_t)random_below(step);
			for (; s.sib < 256; s.sib += step) {
				s.prefix_set = (uint32_t)random_below(4);
				compare_shape(&s);
			}
		}
	}
}

static void forms_agree(enum insn_mode mode)
{
	for (uint32_t map = 0; map < 3; map++) {
		for (uint32_t opcode = 0; opcode < 256; opcode++) {
			compare_opcode(mode, map, opcode);
			compare_addresses(mode, map, opcode);
		}
	}
}

static void forms_of_16_bit_mode_agree(void)
{
	forms_agree(INSN_16);
}

static void forms_of_32_bit_mode_agree(void)
{
	forms_agree(INSN_32);
}

static void forms_of_64_bit_mode_agree(void)
{
	forms_agree(INSN_64);
}

/* Prefixes many times and in any order, REX not before the opcode, more than 15 bytes. */
static void heaps_of_prefixes_agree(void)
{
	static const uint8_t prefixes[] = { 0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65, 0x66,
					    0x67, 0xf0, 0xf2, 0xf3, 0x40, 0x48, 0x4f };

	for (uint32_t round = 0; round < (is_full ? 100000000u : 2000000u); round++) {
		uint8_t bytes[INSN_BYTES_MAX];
		const uint64_t count = random_below(14);
		uint64_t n = 0;

		for (; n < count; n++)
			bytes[n] = prefixes[random_below(sizeof(prefixes))];
		for (; n < sizeof(bytes); n++)
			bytes[n] = (uint8_t)(random_u64() >> 32);
		if (round & 1)
			bytes[count] = 0x0f;
		compare(bytes, (enum insn_mode)random_below(3));
	}
}

static void every_operation_was_met(void)
{
	for (uint32_t op = 0; op < INSN_OP_COUNT; op++) {
		CHECK(taken_of[INSN_16][op] > 100);
		CHECK(taken_of[INSN_32][op] > 100);
		CHECK(taken_of[INSN_64][op] > 1000);
	}
	printf("%lu compared, %lu of them our forms\n", (unsigned long)compared,
	       (unsigned long)taken);
}

int main(int argc, char **argv)
{
	is_full = argc > 1 && strcmp(argv[1], "full") == 0;
	random_seed(argc - is_full, argv + is_full);
	set_up();
	RUN(forms_of_16_bit_mode_agree);
	RUN(forms_of_32_bit_mode_agree);
	RUN(forms_of_64_bit_mode_agree);
	RUN(heaps_of_prefixes_agree);
	RUN(every_operation_was_met);
	return test_failed;
}

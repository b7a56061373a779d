/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Instruction decoder for accesses to device registers: tables by opcode, then ModRM, SIB,
 * displacement and immediate as the table says.
 *
 * The bytes are copied in front of zeros, and everything is read from there without looking
 * where they end; that is looked at once, afterwards: an answer that needed more bytes than
 * there are is none.
 */
#include "arch/x86/backend.h"
#include "arch/x86/guest/insn.h"

/* What follows an opcode, and how its operands are meant. No flag at all: not one of our forms. */
#define F_STORE  BIT32(0)  /* memory is the first operand */
#define F_BYTE   BIT32(1)  /* operands of 8 bits */
#define F_MODRM  BIT32(2)  /* memory operand, and a register unless F_ALONE */
#define F_IMM8   BIT32(3)  /* a byte, sign-extended */
#define F_IMM    BIT32(4)  /* of the operand's width, at most 4 bytes, sign-extended */
#define F_LOCK   BIT32(5)  /* LOCK is allowed */
#define F_ALONE  BIT32(6)  /* no register: ModRM.reg is part of the opcode, or not looked at */
#define F_RARE   BIT32(7)  /* one of the following: see adjust() */
#define F_GROUP  BIT32(8)  /* `op` is an enum group */
#define F_MOFFS  BIT32(9)  /* no ModRM, an absolute offset */
#define F_STRING BIT32(10) /* no ModRM, implied registers */
#define F_FROM8  BIT32(11) /* memory of 8 bits, register of the operand's width */
#define F_FROM16 BIT32(12) /* 16 bits */
#define F_FROM32 BIT32(13) /* 32 bits, or 16 with a 16-bit register */
#define F_STACK  BIT32(14) /* 64 bits in 64-bit mode, never 32 */
#define F_ONLY64 BIT32(15) /* in 64-bit mode only */
#define F_NOT64  BIT32(16) /* elsewhere only */
#define F_PLAIN  BIT32(17) /* 66H, F2H, F3H before it make another instruction, or none */
#define F_BE     BIT32(18) /* F2H before it makes another instruction, F3H none */
#define F_PREFIX BIT32(19) /* `op` is a PREFIX_* */
#define F_ESCAPE BIT32(20) /* 0FH */

enum group { GROUP_1, GROUP_1A, GROUP_3, GROUP_4, GROUP_5, GROUP_8, GROUP_11, GROUP_COUNT };

/* Prefixes met. Of the segments the last one, plus 1. */
#define MET_OPERAND     BIT32(0) /* 66H */
#define MET_ADDRESS     BIT32(1) /* 67H */
#define MET_SIZES       (MET_OPERAND | MET_ADDRESS)
#define MET_LOCK        BIT32(2)
#define MET_REPEAT      BIT32(3) /* F2H, F3H */
#define MET_SEGMENT(s)  (((s) + 1u) << 8)
#define MET_SEGMENTS    0xff00u
#define SEGMENT_OF(met) ((uint8_t)(((met) >> 8) - 1))

/* REX, or MET_*. */
#define PREFIX_REX 0u

struct opcode {
	uint32_t form;
	uint32_t op;
};

#define PREFIX(kind) \
	{ \
		F_PREFIX, (kind) \
	}
#define REX4 PREFIX(PREFIX_REX), PREFIX(PREFIX_REX), PREFIX(PREFIX_REX), PREFIX(PREFIX_REX)
/* Eb,Gb; Ev,Gv; Gb,Eb; Gv,Ev */
#define ALU(op, lock) \
	{ F_MODRM | F_BYTE | F_STORE | (lock), (op) }, { F_MODRM | F_STORE | (lock), (op) }, \
		{ F_MODRM | F_BYTE, (op) }, \
	{ \
		F_MODRM, (op) \
	}
#define GROUP(g, flags) \
	{ \
		F_MODRM | F_STORE | F_ALONE | F_RARE | F_GROUP | (flags), (g) \
	}
#define STRING(op, flags) \
	{ \
		F_RARE | F_STRING | (flags), (op) \
	}

/* clang-format off */
/* SDM Vol. 2D, "One-byte Opcode Map". */
static const struct opcode one_byte[256] = {
	[0x00] = ALU(INSN_ADD, F_LOCK), [0x08] = ALU(INSN_OR, F_LOCK),
	[0x10] = ALU(INSN_ADC, F_LOCK), [0x18] = ALU(INSN_SBB, F_LOCK),
	[0x20] = ALU(INSN_AND, F_LOCK), [0x28] = ALU(INSN_SUB, F_LOCK),
	[0x30] = ALU(INSN_XOR, F_LOCK), [0x38] = ALU(INSN_CMP, 0),
	[0x0f] = { F_ESCAPE, 0 },
	[0x26] = PREFIX(MET_SEGMENT(SEG_ES)), [0x2e] = PREFIX(MET_SEGMENT(SEG_CS)),
	[0x36] = PREFIX(MET_SEGMENT(SEG_SS)), [0x3e] = PREFIX(MET_SEGMENT(SEG_DS)),
	[0x64] = PREFIX(MET_SEGMENT(SEG_FS)), [0x65] = PREFIX(MET_SEGMENT(SEG_GS)),
	[0x40] = REX4, REX4, REX4, REX4,
	[0x66] = PREFIX(MET_OPERAND), [0x67] = PREFIX(MET_ADDRESS),
	[0xf0] = PREFIX(MET_LOCK), [0xf2] = PREFIX(MET_REPEAT), [0xf3] = PREFIX(MET_REPEAT),
	[0x63] = { F_MODRM | F_RARE | F_ONLY64 | F_FROM32, INSN_MOVSX },
	[0x80] = GROUP(GROUP_1, F_BYTE | F_IMM8), GROUP(GROUP_1, F_IMM),
		 GROUP(GROUP_1, F_BYTE | F_IMM8 | F_NOT64), GROUP(GROUP_1, F_IMM8),
	[0x84] = { F_MODRM | F_BYTE | F_STORE, INSN_TEST }, { F_MODRM | F_STORE, INSN_TEST },
	[0x86] = { F_MODRM | F_BYTE | F_STORE | F_LOCK, INSN_XCHG },
		 { F_MODRM | F_STORE | F_LOCK, INSN_XCHG },
	[0x88] = ALU(INSN_MOV, 0),
	[0x8f] = GROUP(GROUP_1A, F_STACK),
	[0xa0] = { F_RARE | F_MOFFS | F_BYTE, INSN_MOV }, { F_RARE | F_MOFFS, INSN_MOV },
		 { F_RARE | F_MOFFS | F_BYTE | F_STORE, INSN_MOV },
		 { F_RARE | F_MOFFS | F_STORE, INSN_MOV },
	[0xa4] = STRING(INSN_MOVS, F_STORE | F_ALONE | F_BYTE),
		 STRING(INSN_MOVS, F_STORE | F_ALONE),
	[0xaa] = STRING(INSN_STOS, F_STORE | F_BYTE), STRING(INSN_STOS, F_STORE),
	[0xac] = STRING(INSN_LODS, F_BYTE), STRING(INSN_LODS, 0),
	[0xc6] = GROUP(GROUP_11, F_BYTE | F_IMM8), GROUP(GROUP_11, F_IMM),
	[0xf6] = GROUP(GROUP_3, F_BYTE), GROUP(GROUP_3, 0),
	[0xfe] = GROUP(GROUP_4, F_BYTE), GROUP(GROUP_5, 0),
};

#define BIT_OP(op, lock) { F_MODRM | F_STORE | (lock), (op) }

/* "Two-byte Opcode Map". */
static const struct opcode two_byte[256] = {
	[0xa3] = BIT_OP(INSN_BT, 0), [0xab] = BIT_OP(INSN_BTS, F_LOCK),
	[0xb3] = BIT_OP(INSN_BTR, F_LOCK), [0xbb] = BIT_OP(INSN_BTC, F_LOCK),
	[0xb0] = { F_MODRM | F_BYTE | F_STORE | F_LOCK, INSN_CMPXCHG },
		 { F_MODRM | F_STORE | F_LOCK, INSN_CMPXCHG },
	[0xb6] = { F_MODRM | F_RARE | F_FROM8, INSN_MOVZX },
		 { F_MODRM | F_RARE | F_FROM16, INSN_MOVZX },
	[0xba] = GROUP(GROUP_8, F_IMM8),
	[0xbe] = { F_MODRM | F_RARE | F_FROM8, INSN_MOVSX },
		 { F_MODRM | F_RARE | F_FROM16, INSN_MOVSX },
	[0xc0] = { F_MODRM | F_BYTE | F_STORE | F_LOCK, INSN_XADD },
		 { F_MODRM | F_STORE | F_LOCK, INSN_XADD },
	[0xc3] = { F_MODRM | F_STORE | F_RARE | F_PLAIN, INSN_MOV },
	[0x38] = { F_ESCAPE, 0 },
};

/* "Three-byte Opcode Map: 08H-FFH (First Two Bytes are 0F 38H)": F0H, F1H. */
static const struct opcode movbe[2] = {
	{ F_MODRM | F_RARE | F_BE, INSN_MOVBE }, { F_MODRM | F_STORE | F_RARE | F_BE, INSN_MOVBE },
};

#define ONE(op, flags) { F_MODRM | (flags), (op) }

/* "Opcode Extensions for One- and Two-byte Opcodes by Group Number", for memory operands. */
static const struct opcode groups[GROUP_COUNT][8] = {
	[GROUP_1] = { ONE(INSN_ADD, F_LOCK), ONE(INSN_OR, F_LOCK), ONE(INSN_ADC, F_LOCK),
		      ONE(INSN_SBB, F_LOCK), ONE(INSN_AND, F_LOCK), ONE(INSN_SUB, F_LOCK),
		      ONE(INSN_XOR, F_LOCK), ONE(INSN_CMP, 0) },
	[GROUP_1A] = { ONE(INSN_POP, 0) },
	[GROUP_3] = { ONE(INSN_TEST, F_IMM), ONE(INSN_TEST, F_IMM), ONE(INSN_NOT, F_LOCK),
		      ONE(INSN_NEG, F_LOCK) },
	[GROUP_4] = { ONE(INSN_INC, F_LOCK), ONE(INSN_DEC, F_LOCK) },
	[GROUP_5] = { ONE(INSN_INC, F_LOCK), ONE(INSN_DEC, F_LOCK),
		      [6] = ONE(INSN_PUSH, F_STACK) },
	[GROUP_8] = { [4] = ONE(INSN_BT, 0), ONE(INSN_BTS, F_LOCK), ONE(INSN_BTR, F_LOCK),
		      ONE(INSN_BTC, F_LOCK) },
	[GROUP_11] = { ONE(INSN_MOV, 0) },
};
/* clang-format on */

#define REX_W 8u
#define REX_R 4u
#define REX_X 2u
#define REX_B 1u

/* "Operand-Size and Address-Size Attributes": by mode, MET_SIZES and REX.W (as 4). */
static const struct size {
	uint8_t operand, address;
} sizes[3][8] = {
	[INSN_16] = { { 2, 2 }, { 4, 2 }, { 2, 4 }, { 4, 4 } },
	[INSN_32] = { { 4, 4 }, { 2, 4 }, { 4, 2 }, { 2, 2 } },
	[INSN_64] = { { 4, 8 },
		      { 2, 8 },
		      { 4, 4 },
		      { 2, 4 },
		      { 8, 8 },
		      { 8, 8 },
		      { 8, 4 },
		      { 8, 4 } },
};

/* Zeros are no prefix: after 15 bytes there are at most an opcode, ModRM, SIB, 8 more. */
#define WINDOW (INSN_BYTES_MAX + 1 + 16)

struct decoding {
	const uint8_t *at; /* the next byte */
	enum insn_mode mode;
	uint32_t form, op;
	uint32_t rex; /* the whole byte, or 0 */
	uint32_t met; /* MET_* */
};

/* Little-endian, sign-extended; 1, 2 or 4 bytes. */
static int64_t take_signed(struct decoding *d, uint32_t width)
{
	const uint32_t unused = 32 - 8 * width;
	uint32_t value;

	__builtin_memcpy(&value, d->at, sizeof(value));
	d->at += width;
	return (int32_t)(value << unused) >> unused;
}

/* "Instruction Prefixes". A REX prefix counts only immediately before the opcode. */
static enum err take_prefix(struct decoding *d, uint32_t byte, uint32_t prefix)
{
	if (prefix == PREFIX_REX) {
		d->rex = byte;
		return d->mode == INSN_64 ? OK : ERR_UNSUPPORTED; /* INC, DEC of a register */
	}
	d->rex = 0;
	if (!(prefix & MET_SEGMENTS))
		d->met |= prefix;
	else if (d->mode != INSN_64 || prefix >= MET_SEGMENT(SEG_FS))
		d->met = (d->met & ~MET_SEGMENTS) | prefix;
	return OK;
}

static const struct opcode *take_escaped(struct decoding *d)
{
	static const struct opcode none;
	const struct opcode *const o = &two_byte[*d->at++];
	uint32_t byte;

	if (!(o->form & F_ESCAPE))
		return o;
	byte = *d->at++;
	return (byte & 0xfe) == 0xf0 ? &movbe[byte & 1] : &none;
}

static enum err take_opcode(struct decoding *d)
{
	const struct opcode *o;
	uint32_t byte;
	enum err e;

	for (;;) {
		byte = *d->at++;
		o = &one_byte[byte];
		if (!(o->form & F_PREFIX))
			break;
		e = take_prefix(d, byte, o->op);
		if (e != OK)
			return e;
	}
	if (o->form & F_ESCAPE)
		o = take_escaped(d);
	d->form = o->form;
	d->op = o->op;
	return o->form ? OK : ERR_UNSUPPORTED;
}

/* "16-Bit Addressing Forms with the ModR/M Byte": two of BX, BP, SI, DI. */
static void take_address_16(struct decoding *d, struct insn *out, uint32_t modrm)
{
	static const uint8_t bases[8] = { GPR_RBX, GPR_RBX, GPR_RBP, GPR_RBP,
					  GPR_RSI, GPR_RDI, GPR_RBP, GPR_RBX };
	const uint32_t mod = modrm >> 6, rm = modrm & 7;

	out->base = bases[rm];
	if (rm < 4)
		out->index = rm & 1 ? GPR_RDI : GPR_RSI;
	if (mod == 0 && rm == 6)
		out->base = INSN_NO_REGISTER;
	if (mod == 2 || out->base == INSN_NO_REGISTER)
		out->displacement = take_signed(d, 2);
	else if (mod == 1)
		out->displacement = take_signed(d, 1);
	if (out->base == GPR_RBP)
		out->segment = SEG_SS;
}

/* "32-Bit Addressing Forms with the SIB Byte". The value of SIB.base. */
static uint32_t take_sib(struct decoding *d, struct insn *out)
{
	const uint32_t sib = *d->at++;
	const uint32_t index = (sib >> 3 & 7) | (d->rex & REX_X) << 2;

	if (index != GPR_RSP) {
		out->index = (uint8_t)index;
		out->scale = (uint8_t)(1u << (sib >> 6));
	}
	return sib & 7;
}

/* "32-Bit Addressing Forms with the ModR/M Byte", "Special Encodings of REX Prefixes". */
static void take_address(struct decoding *d, struct insn *out, uint32_t modrm)
{
	const bool has_sib = (modrm & 7) == GPR_RSP;
	uint32_t base = has_sib ? take_sib(d, out) : modrm & 7;

	if (modrm < 0x40 && base == GPR_RBP) { /* no base, but a displacement */
		out->is_rip_relative = !has_sib && d->mode == INSN_64;
		out->displacement = take_signed(d, 4);
		return;
	}
	base |= (d->rex & REX_B) << 3;
	out->base = (uint8_t)base;
	if ((base & ~1u) == GPR_RSP) /* or RBP */
		out->segment = SEG_SS;
	if (modrm >= 0x40)
		out->displacement = take_signed(d, modrm < 0x80 ? 1 : 4);
}

/* Members of groups; prefixes that make something else of an opcode; widths. */
static enum err adjust(struct decoding *d, struct insn *out)
{
	const struct opcode *o;

	if (d->form & F_GROUP) {
		o = &groups[d->op][*d->at >> 3 & 7];
		if (!o->form) {
			d->at++; /* this byte has decided it */
			return ERR_UNSUPPORTED;
		}
		d->op = o->op;
		d->form |= o->form;
		if (o->op == INSN_PUSH)
			d->form &= ~F_STORE;
	}
	if (d->mode == INSN_64 ? d->form & F_NOT64 : d->form & F_ONLY64)
		return ERR_UNSUPPORTED;
	if (d->form & F_PLAIN) {
		if (d->met & (MET_OPERAND | MET_REPEAT))
			return ERR_UNSUPPORTED;
		if (out->width == 2) /* MOVNTI: 32 bits in 16-bit mode too */
			out->width = 4;
	}
	if ((d->form & F_BE) && (d->met & MET_REPEAT))
		return ERR_UNSUPPORTED;
	if ((d->form & F_STACK) && d->mode == INSN_64 && out->width == 4)
		out->width = 8;
	out->to_width = out->width;
	if (d->form & F_FROM8)
		out->width = 1;
	else if (d->form & F_FROM16)
		out->width = 2;
	else if ((d->form & F_FROM32) && out->to_width != 2)
		out->width = 4;
	return OK;
}

/* Strings and A0H-A3H. */
static void take_implied(struct decoding *d, struct insn *out)
{
	uint64_t offset;

	if (!(d->form & F_ALONE))
		out->reg = GPR_RAX;
	if (d->form & F_STRING) {
		out->has_rep = (d->met & MET_REPEAT) != 0;
		if (d->op == INSN_STOS) { /* to ES:rDI, whatever the prefix */
			d->met &= ~MET_SEGMENTS;
			out->segment = SEG_ES;
		}
		return;
	}
	/* Unsigned: "... an offset relative to the segment base". */
	__builtin_memcpy(&offset, d->at, sizeof(offset));
	d->at += out->address_width;
	out->displacement = (int64_t)(offset & UINT64_MAX >> (64 - 8 * out->address_width));
}

static enum err take_modrm(struct decoding *d, struct insn *out)
{
	const uint32_t modrm = *d->at++;
	uint32_t reg;

	if (modrm >= 0xc0)
		return ERR_UNSUPPORTED; /* no memory operand */
	if (!(d->form & F_ALONE)) {
		reg = modrm >> 3 & 7;
		if (d->rex) {
			reg |= (d->rex & REX_R) << 1;
		} else if (reg >= 4 && out->to_width == 1) {
			out->has_high_byte = true;
			reg -= 4;
		}
		out->reg = (uint8_t)reg;
	}
	if (out->address_width == 2)
		take_address_16(d, out, modrm);
	else
		take_address(d, out, modrm);
	return OK;
}

static void take_immediate(struct decoding *d, struct insn *out)
{
	const uint32_t width = d->form & F_IMM8 ? 1 : out->width == 8 ? 4 : out->width;

	out->has_immediate = true;
	out->immediate = take_signed(d, width);
}

static enum err decode(struct decoding *d, struct insn *out)
{
	enum err e = take_opcode(d);
	const struct size *size;

	if (e != OK)
		return e;
	size = &sizes[d->mode][(d->met & MET_SIZES) | (d->rex & REX_W) >> 1];
	*out = (struct insn){ .width = d->form & F_BYTE ? 1 : size->operand,
			      .address_width = size->address,
			      .is_store = (d->form & F_STORE) != 0,
			      .segment = SEG_DS,
			      .base = INSN_NO_REGISTER,
			      .index = INSN_NO_REGISTER,
			      .scale = 1,
			      .reg = INSN_NO_REGISTER };
	out->to_width = out->width;
	if (d->form & F_RARE) {
		e = adjust(d, out);
		if (e != OK)
			return e;
		out->is_store = (d->form & F_STORE) != 0;
	}
	if (!(d->form & F_MODRM)) {
		take_implied(d, out);
	} else {
		e = take_modrm(d, out);
		if (e != OK)
			return e;
	}
	if (d->form & (F_IMM | F_IMM8))
		take_immediate(d, out);
	/* "#UD: the LOCK prefix is used with an instruction not listed ..., or when the
	 * destination operand is not a memory operand". */
	if ((d->met & MET_LOCK) && !(d->form & F_LOCK))
		return ERR_INVAL;
	if (d->met & MET_SEGMENTS)
		out->segment = SEGMENT_OF(d->met);
	out->op = (uint8_t)d->op;
	return OK;
}

enum err insn_decode(const uint8_t *bytes, uint32_t count, enum insn_mode mode, struct insn *out)
{
	uint8_t window[WINDOW];
	struct decoding d = { .at = window, .mode = mode };
	uint32_t length;
	enum err e;

	if (count >= INSN_BYTES_MAX) {
		count = INSN_BYTES_MAX;
		__builtin_memcpy(window, bytes, 8);
		__builtin_memcpy(window + 7, bytes + 7, 8);
	} else {
		__builtin_memset(window, 0, INSN_BYTES_MAX);
		__builtin_memcpy(window, bytes, count);
	}
	__builtin_memset(window + INSN_BYTES_MAX, 0, WINDOW - INSN_BYTES_MAX);
	e = decode(&d, out);
	length = (uint32_t)(d.at - window);
	/* More than 15 bytes is #GP; fewer are for the caller to fetch. */
	if (length > count)
		return count < INSN_BYTES_MAX ? ERR_RANGE : ERR_INVAL;
	out->length = (uint8_t)length;
	return e;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Instruction decoder for accesses to device registers: tables by opcode, then ModRM, SIB,
 * displacement and immediate as the table says.
 */
#include <string.h>
#include "arch/x86/backend.h"
#include "arch/x86/guest/insn.h"

/* What follows an opcode, and how its operands are meant. No flag at all: not one of our forms. */
#define F_MODRM  BIT32(0)  /* memory operand, and a register unless F_ALONE */
#define F_BYTE   BIT32(1)  /* operands of 8 bits */
#define F_STORE  BIT32(2)  /* memory is the first operand */
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
#define F_PREFIX BIT32(19) /* `op` is an enum prefix */
#define F_ESCAPE BIT32(20) /* 0FH */

enum group { GROUP_1, GROUP_1A, GROUP_3, GROUP_4, GROUP_5, GROUP_8, GROUP_11, GROUP_COUNT };
enum prefix {
	PREFIX_REX,
	PREFIX_LOCK,
	PREFIX_REP,
	PREFIX_REPNE,
	PREFIX_OPERAND,
	PREFIX_ADDRESS,
	PREFIX_SEGMENT /* + enum guest_segment_name */
};

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
	[0x26] = PREFIX(PREFIX_SEGMENT + SEG_ES), [0x2e] = PREFIX(PREFIX_SEGMENT + SEG_CS),
	[0x36] = PREFIX(PREFIX_SEGMENT + SEG_SS), [0x3e] = PREFIX(PREFIX_SEGMENT + SEG_DS),
	[0x64] = PREFIX(PREFIX_SEGMENT + SEG_FS), [0x65] = PREFIX(PREFIX_SEGMENT + SEG_GS),
	[0x40] = REX4, REX4, REX4, REX4,
	[0x66] = PREFIX(PREFIX_OPERAND), [0x67] = PREFIX(PREFIX_ADDRESS),
	[0xf0] = PREFIX(PREFIX_LOCK), [0xf2] = PREFIX(PREFIX_REPNE), [0xf3] = PREFIX(PREFIX_REP),
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

struct decoding {
	const uint8_t *bytes;
	uint32_t at, limit; /* the next byte; bytes that may be looked at */
	enum insn_mode mode;
	uint32_t form, op;
	uint32_t rex;
	uint32_t segment; /* by prefix, or SEG_COUNT */
	uint32_t repeat;  /* the last of F2H, F3H, or 0 */
	bool has_operand, has_address, has_lock;
};

/* "The instruction-size limit of 15 bytes": more is #GP, fewer is for the caller to fetch. */
static enum err runs_out(const struct decoding *d)
{
	return d->limit < INSN_BYTES_MAX ? ERR_RANGE : ERR_INVAL;
}

/* The caller has seen that they are there. */
static int64_t take_signed(struct decoding *d, uint32_t width)
{
	const uint8_t *const p = d->bytes + d->at;
	int64_t v64;
	int32_t v32;
	int16_t v16;

	d->at += width;
	if (width == 1)
		return (int8_t)p[0];
	if (width == 4) {
		memcpy(&v32, p, sizeof(v32));
		return v32;
	}
	if (width == 2) {
		memcpy(&v16, p, sizeof(v16));
		return v16;
	}
	memcpy(&v64, p, sizeof(v64));
	return v64;
}

/* "Instruction Prefixes". A REX prefix counts only immediately before the opcode. */
static enum err take_prefix(struct decoding *d, uint32_t byte, uint32_t prefix)
{
	if (prefix == PREFIX_REX) {
		d->rex = byte;
		return d->mode == INSN_64 ? OK : ERR_UNSUPPORTED; /* INC, DEC of a register */
	}
	d->rex = 0;
	if (prefix == PREFIX_LOCK)
		d->has_lock = true;
	else if (prefix == PREFIX_OPERAND)
		d->has_operand = true;
	else if (prefix == PREFIX_ADDRESS)
		d->has_address = true;
	else if (prefix < PREFIX_SEGMENT)
		d->repeat = byte;
	else if (d->mode != INSN_64 || prefix >= PREFIX_SEGMENT + SEG_FS)
		d->segment = prefix - PREFIX_SEGMENT;
	return OK;
}

static enum err take_escaped(struct decoding *d, struct opcode *o)
{
	if (d->at == d->limit)
		return runs_out(d);
	*o = two_byte[d->bytes[d->at++]];
	if (!(o->form & F_ESCAPE))
		return OK;
	if (d->at == d->limit)
		return runs_out(d);
	if ((d->bytes[d->at] & 0xfe) != 0xf0)
		return ERR_UNSUPPORTED;
	*o = movbe[d->bytes[d->at++] & 1];
	return OK;
}

static enum err take_opcode(struct decoding *d)
{
	struct opcode o;
	uint32_t byte;
	enum err e;

	for (;;) {
		if (d->at == d->limit)
			return runs_out(d);
		byte = d->bytes[d->at++];
		o = one_byte[byte];
		if (!(o.form & F_PREFIX))
			break;
		e = take_prefix(d, byte, o.op);
		if (e != OK)
			return e;
	}
	if (o.form & F_ESCAPE) {
		e = take_escaped(d, &o);
		if (e != OK)
			return e;
	}
	d->form = o.form;
	d->op = o.op;
	return o.form ? OK : ERR_UNSUPPORTED;
}

/* "16-Bit Addressing Forms with the ModR/M Byte": two of BX, BP, SI, DI. */
static void set_address_16(struct insn *out, uint32_t rm)
{
	static const uint8_t base[8] = { GPR_RBX, GPR_RBX, GPR_RBP, GPR_RBP,
					 GPR_RSI, GPR_RDI, GPR_RBP, GPR_RBX };

	out->base = base[rm];
	if (rm < 4)
		out->index = rm & 1 ? GPR_RDI : GPR_RSI;
}

/* "32-Bit Addressing Forms with the SIB Byte". */
static void set_address_sib(const struct decoding *d, struct insn *out, uint32_t sib)
{
	const uint32_t index = (sib >> 3 & 7) | (d->rex & REX_X ? 8 : 0);

	out->base = (uint8_t)((sib & 7) | (d->rex & REX_B ? 8 : 0));
	if (index != GPR_RSP) {
		out->index = (uint8_t)index;
		out->scale = (uint8_t)(1u << (sib >> 6));
	}
}

/* ModRM has been looked at: it is a memory operand. Base, index, displacement, segment. */
static enum err take_address(struct decoding *d, struct insn *out, uint32_t modrm)
{
	const uint32_t mod = modrm >> 6, rm = modrm & 7;
	uint32_t displacement = mod == 1 ? 1 : mod == 2 ? 4 : 0;
	/* Without a base if mod is 0: this value of ModRM.rm, or of SIB.base. */
	uint32_t low = rm, none = GPR_RBP;

	if (out->address_width == 2) {
		set_address_16(out, rm);
		none = 6;
		displacement = mod == 2 ? 2 : mod;
	} else if (rm == GPR_RSP) {
		if (d->at == d->limit)
			return runs_out(d);
		low = d->bytes[d->at] & 7u;
		set_address_sib(d, out, d->bytes[d->at++]);
	} else {
		out->base = (uint8_t)(rm | (d->rex & REX_B ? 8 : 0));
		out->is_rip_relative = (modrm & 0xc7) == 5 && d->mode == INSN_64;
	}
	if (mod == 0 && low == none) {
		out->base = INSN_NO_REGISTER;
		displacement = out->address_width == 2 ? 2 : 4;
	}
	if (displacement != 0) {
		if (d->limit - d->at < displacement)
			return runs_out(d);
		out->displacement = take_signed(d, displacement);
	}
	if (out->base == GPR_RBP || out->base == GPR_RSP)
		out->segment = SEG_SS;
	return OK;
}

/* The form of a group's member; prefixes that make something else of an opcode; widths. */
static enum err adjust(struct decoding *d, struct insn *out)
{
	struct opcode o;

	if (d->form & F_GROUP) {
		if (d->at == d->limit)
			return runs_out(d);
		o = groups[d->op][d->bytes[d->at] >> 3 & 7];
		if (!o.form)
			return ERR_UNSUPPORTED;
		d->op = o.op;
		d->form |= o.form;
		if (o.op == INSN_PUSH)
			d->form &= ~F_STORE;
	}
	if (d->mode == INSN_64 ? d->form & F_NOT64 : d->form & F_ONLY64)
		return ERR_UNSUPPORTED;
	if (d->form & F_PLAIN) {
		if (d->has_operand || d->repeat)
			return ERR_UNSUPPORTED;
		if (out->width == 2) /* MOVNTI: 32 bits in 16-bit mode too */
			out->width = 4;
	}
	if ((d->form & F_BE) && d->repeat)
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
static enum err take_implied(struct decoding *d, struct insn *out)
{
	if (!(d->form & F_ALONE))
		out->reg = GPR_RAX;
	if (d->form & F_STRING) {
		out->has_rep = d->repeat != 0;
		return OK;
	}
	if (d->limit - d->at < out->address_width)
		return runs_out(d);
	out->displacement = take_signed(d, out->address_width);
	/* An offset is unsigned: "Values are displacements from the segment's base". */
	if (out->address_width != 8)
		out->displacement &= (int64_t)(BIT64(8 * out->address_width) - 1);
	return OK;
}

static enum err take_modrm(struct decoding *d, struct insn *out)
{
	uint32_t modrm, reg;

	if (d->at == d->limit)
		return runs_out(d);
	modrm = d->bytes[d->at++];
	if (modrm >= 0xc0)
		return ERR_UNSUPPORTED; /* no memory operand */
	if (!(d->form & F_ALONE)) {
		reg = modrm >> 3 & 7;
		if (d->rex)
			reg |= d->rex & REX_R ? 8 : 0;
		else if (reg >= 4 && out->to_width == 1) {
			out->has_high_byte = true;
			reg -= 4;
		}
		out->reg = (uint8_t)reg;
	}
	return take_address(d, out, modrm);
}

static enum err take_immediate(struct decoding *d, struct insn *out)
{
	const uint32_t width = d->form & F_IMM8 ? 1 : out->width == 8 ? 4 : out->width;

	if (d->limit - d->at < width)
		return runs_out(d);
	out->has_immediate = true;
	out->immediate = take_signed(d, width);
	return OK;
}

/* "Operand-Size and Address-Size Attributes". */
static void set_widths(const struct decoding *d, struct insn *out)
{
	if (d->mode == INSN_64)
		out->address_width = d->has_address ? 4 : 8;
	else
		out->address_width = (d->mode == INSN_32) != d->has_address ? 4 : 2;
	if (d->form & F_BYTE)
		out->width = 1;
	else if (d->rex & REX_W)
		out->width = 8;
	else
		out->width = (d->mode == INSN_16) != d->has_operand ? 2 : 4;
	out->to_width = out->width;
}

static enum err finish(struct decoding *d, struct insn *out)
{
	enum err e;

	if (d->form & (F_IMM | F_IMM8)) {
		e = take_immediate(d, out);
		if (e != OK)
			return e;
	}
	/* "#UD: the LOCK prefix is used with an instruction not listed ..., or when the
	 * destination operand is not a memory operand". */
	if (d->has_lock && !(d->form & F_LOCK))
		return ERR_INVAL;
	/* The destination of a string instruction is ES:rDI, whatever the prefix. */
	if (d->segment != SEG_COUNT && d->op != INSN_STOS)
		out->segment = (uint8_t)d->segment;
	else if (d->op == INSN_STOS)
		out->segment = SEG_ES;
	out->op = (uint8_t)d->op;
	out->is_store = (d->form & F_STORE) != 0;
	out->length = (uint8_t)d->at;
	return OK;
}

enum err insn_decode(const uint8_t *bytes, uint32_t count, enum insn_mode mode, struct insn *out)
{
	struct decoding d = {
		.bytes = bytes,
		.limit = count < INSN_BYTES_MAX ? count : INSN_BYTES_MAX,
		.mode = mode,
		.segment = SEG_COUNT,
	};
	enum err e = take_opcode(&d);

	if (e != OK)
		return e;
	*out = (struct insn){ .segment = SEG_DS,
			      .base = INSN_NO_REGISTER,
			      .index = INSN_NO_REGISTER,
			      .scale = 1,
			      .reg = INSN_NO_REGISTER };
	set_widths(&d, out);
	if (d.form & F_RARE) {
		e = adjust(&d, out);
		if (e != OK)
			return e;
	}
	e = d.form & F_MODRM ? take_modrm(&d, out) : take_implied(&d, out);
	return e == OK ? finish(&d, out) : e;
}

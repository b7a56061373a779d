/* SPDX-License-Identifier: Apache-2.0 */
#include "arch/x86/guest/insn_control.h"

#define REX_W 8u
#define REX_R 4u
#define REX_B 1u

struct prefixes {
	uint32_t rex; /* the whole byte, or 0 */
	bool has_operand_size, has_lock;
};

/* "Instruction Prefixes". False: the opcode begins here. A REX counts just before it only. */
static bool take_prefix(struct prefixes *p, uint8_t byte, enum insn_mode mode)
{
	switch (byte) {
	case 0x40 ... 0x4f:
		if (mode != INSN_64)
			return false;
		p->rex = byte;
		return true;
	case 0x66:
		p->has_operand_size = true;
		break;
	case 0xf0:
		p->has_lock = true;
		break;
	case 0x26:
	case 0x2e:
	case 0x36:
	case 0x3e:
	case 0x64:
	case 0x65:
	case 0x67:
	case 0xf2:
	case 0xf3:
		break;
	default:
		return false;
	}
	p->rex = 0;
	return true;
}

static uint8_t operand_width(const struct prefixes *p, enum insn_mode mode)
{
	if (p->rex & REX_W)
		return 8;
	return p->has_operand_size == (mode == INSN_16) ? 4 : 2;
}

static void decode_mov(const struct prefixes *p, uint32_t modrm, enum insn_mode mode,
		       struct insn_control *out)
{
	out->number = (uint8_t)((modrm >> 3 & 7) | (p->rex & REX_R) << 1);
	if (p->has_lock && out->number == 0)
		out->number = 8;
	out->width = mode == INSN_64 ? 8 : 4;
}

/* "Opcode Extensions for One- and Two-byte Opcodes by Group Number": group 7. */
static enum err decode_msw(const struct prefixes *p, uint32_t modrm, enum insn_mode mode,
			   struct insn_control *out)
{
	const uint32_t smsw = 4, lmsw = 6, extension = modrm >> 3 & 7;

	if (extension != smsw && extension != lmsw)
		return ERR_UNSUPPORTED;
	out->op = extension == smsw ? INSN_SMSW : INSN_LMSW;
	out->number = 0;
	out->width = extension == smsw ? operand_width(p, mode) : 2;
	out->has_memory = modrm < 0xc0;
	return OK;
}

enum err insn_decode_control(const uint8_t *bytes, uint32_t count, enum insn_mode mode,
			     struct insn_control *out)
{
	const uint32_t limit = count < INSN_BYTES_MAX ? count : INSN_BYTES_MAX;
	struct prefixes p = { 0 };
	uint32_t at = 0, modrm;
	uint8_t opcode;

	while (at < limit && take_prefix(&p, bytes[at], mode))
		at++;
	if (at + 3 > limit)
		return count < INSN_BYTES_MAX ? ERR_RANGE : ERR_UNSUPPORTED;
	opcode = bytes[at + 1];
	modrm = bytes[at + 2];
	*out = (struct insn_control){
		.length = (uint8_t)(at + 3),
		.gpr = (uint8_t)((modrm & 7) | (p.rex & REX_B) << 3),
	};
	if (bytes[at] != 0x0f)
		return ERR_UNSUPPORTED;
	if (opcode == 0x01)
		return decode_msw(&p, modrm, mode, out);
	if (opcode != 0x20 && opcode != 0x22)
		return ERR_UNSUPPORTED;
	out->op = opcode == 0x20 ? INSN_MOV_FROM_CR : INSN_MOV_TO_CR;
	decode_mov(&p, modrm, mode, out);
	return OK;
}

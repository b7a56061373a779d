/* SPDX-License-Identifier: Apache-2.0 */
/*
 * arch/x86/guest/insn_flags.h - results and flags of integer instructions, 8 to 64 bits wide.
 *
 * Model    Operands come zero-extended from their width, results go so. Each function returns the
 *	    result and puts CF, PF, AF, ZF, SF and OF into *flags; other bits of it stay.
 * Choices  Flags that the manuals call undefined are as Intel's and AMD's CPUs leave them: AF is
 *	    clear after AND, OR, XOR, TEST; BT forms change CF only (the SDM: "The ZF flag is
 *	    unaffected. The OF, SF, AF, and PF flags are undefined").
 * Source   SDM Vol. 1, "Status Flags"; Vol. 2, "Flags Affected" of each instruction.
 * Sharing  Pure.
 */
#pragma once
#include "core/lib/base.h"

#define FLAG_CF     BIT64(0)
#define FLAG_PF     BIT64(2)
#define FLAG_AF     BIT64(4)
#define FLAG_ZF     BIT64(6)
#define FLAG_SF     BIT64(7)
#define FLAG_DF     BIT64(10)
#define FLAG_OF     BIT64(11)
#define FLAGS_ARITH (FLAG_CF | FLAG_PF | FLAG_AF | FLAG_ZF | FLAG_SF | FLAG_OF)

/* By width in bytes: a table, as this is on the path of every access. */
static const uint64_t insn_masks[] = {
	0, UINT8_MAX, UINT16_MAX, 0, UINT32_MAX, 0, 0, 0, UINT64_MAX
};

static inline uint64_t insn_truncate(uint64_t value, uint32_t width)
{
	return value & insn_masks[width];
}

static inline uint64_t insn_sign_extend(uint64_t value, uint32_t width)
{
	const uint32_t unused = 64 - 8 * width;

	return (uint64_t)((int64_t)(value << unused) >> unused);
}

/* PF, ZF and SF follow the result alone. PF: the low byte has an even number of ones. */
static inline uint64_t insn_flags_of(uint64_t result, uint32_t width)
{
	const uint64_t nibble = (result ^ result >> 4) & 15;
	uint64_t flags = result >> (8 * width - 8) & FLAG_SF;

	flags |= (UINT64_C(0x9669) >> nibble & 1) * FLAG_PF;
	return result == 0 ? flags | FLAG_ZF : flags;
}

static inline void insn_put_flags(uint64_t *flags, uint64_t value)
{
	*flags = (*flags & ~FLAGS_ARITH) | value;
}

static inline uint64_t insn_logic(uint64_t result, uint32_t width, uint64_t *flags)
{
	insn_put_flags(flags, insn_flags_of(result, width));
	return result;
}

/* `carries`: bit n is the carry, or borrow, out of bit n. OF: into and out of the top differ. */
static inline uint64_t insn_carry_flags(uint64_t carries, uint32_t width)
{
	const uint32_t top = 8 * width - 1;
	const uint64_t carry = carries >> top & 1;

	return carry | (carries << 1 & FLAG_AF) | (carry ^ (carries >> (top - 1) & 1)) * FLAG_OF;
}

/* a + b + carry: ADD, ADC, INC, XADD. */
static inline uint64_t insn_add(uint64_t a, uint64_t b, uint64_t carry, uint32_t width,
				uint64_t *flags)
{
	const uint64_t sum = insn_truncate(a + b + carry, width);
	const uint64_t carries = (a & b) | ((a | b) & ~sum);

	insn_put_flags(flags, insn_flags_of(sum, width) | insn_carry_flags(carries, width));
	return sum;
}

/* a - b - borrow: SUB, SBB, CMP, NEG, DEC, CMPXCHG. */
static inline uint64_t insn_subtract(uint64_t a, uint64_t b, uint64_t borrow, uint32_t width,
				     uint64_t *flags)
{
	const uint64_t difference = insn_truncate(a - b - borrow, width);
	const uint64_t borrows = (~a & b) | ((~a | b) & difference);

	insn_put_flags(flags, insn_flags_of(difference, width) | insn_carry_flags(borrows, width));
	return difference;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * arch/x86/guest/insn_memo.h - insn_decode() with a memory of its last answers.
 *
 * Model    Decoding is a function of bytes and mode, and a driver touches its device at few places:
 *	    an answer is kept for each place, and given again where all bytes and the mode are the
 *	    same. Never a guess: a miss decodes.
 * Sharing  Belongs to one vCPU's core. All zero: empty.
 */
#pragma once
#include "arch/x86/guest/insn.h"

/* Bytes at RIP, as many as could be fetched. */
struct insn_code {
	union {
		uint8_t bytes[INSN_BYTES_MAX]; /* 0 from `count` on */
		uint64_t words[2];             /* the sixteenth byte is 0 */
	};
	uint32_t count;
};

#define INSN_MEMO_PLACES 8u
struct insn_memo {
	struct insn_memo_place {
		uint64_t words[2]; /* with the mode plus one in the last byte; 0 there: empty */
		struct insn insn;
	} places[INSN_MEMO_PLACES];
};

/* Errors of insn_decode(); `insn` stays good until the next call. */
MUST_CHECK static inline enum err insn_memo_decode(struct insn_memo *memo, uint64_t rip,
						   const struct insn_code *code,
						   enum insn_mode mode, const struct insn **insn)
{
	struct insn_memo_place *const p = &memo->places[rip % INSN_MEMO_PLACES];
	const uint64_t last = code->words[1] | (uint64_t)(mode + 1) << 56;
	enum err e;

	_Static_assert(INSN_BYTES_MAX == 15, "a byte is left for the mode");
	*insn = &p->insn;
	/* Zeroes after a short fetch are not code: what is kept may have needed them. */
	if (p->words[0] == code->words[0] && p->words[1] == last && p->insn.length <= code->count)
		return OK;
	e = insn_decode(code->bytes, code->count, mode, &p->insn);
	p->words[0] = code->words[0];
	p->words[1] = e == OK ? last : 0;
	return e;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * arch/x86/guest/insn_control.h - decode the instruction that touched a control register.
 *
 * Model    MOV to and from control registers (0FH 20H, 22H), SMSW, LMSW. Of the latter two with a
 *	    memory operand only that is said; `length` is then not to be used.
 * Source   SDM Vol. 2B, "MOV - Move to/from Control Registers": ModRM.mod is ignored, and an
 *	    operand-size prefix changes nothing. APM Vol. 3, "MOV CRn": LOCK before a MOV of CR0 is
 *	    one of CR8.
 * Errors   ERR_RANGE: the bytes end within the instruction. ERR_UNSUPPORTED: another one.
 * Sharing  Pure.
 */
#pragma once
#include "arch/x86/guest/insn.h"

enum insn_control_op { INSN_MOV_TO_CR, INSN_MOV_FROM_CR, INSN_SMSW, INSN_LMSW };

struct insn_control {
	uint8_t op;     /* enum insn_control_op */
	uint8_t length; /* bytes */
	uint8_t number; /* of the control register */
	uint8_t gpr;    /* as in enum gpr */
	uint8_t width;  /* of that register, bytes: 2, 4, 8 */
	bool has_memory;
};

MUST_CHECK enum err insn_decode_control(const uint8_t *bytes, uint32_t count, enum insn_mode mode,
					struct insn_control *out);

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * arch/x86/guest/insn.h - decode the instruction that touched a device register, and carry it out.
 *
 * Model    insn_decode() turns bytes into struct insn; insn_run() carries it out over callbacks
 *	    that read and write registers and memory. Both are pure: the same code runs under the
 *	    fuzzer and against a disassembler on the host.
 *	    Forms: MOV (88-8B, A0-A3, C6, C7), MOVZX, MOVSX, MOVSXD, MOVNTI, MOVBE, STOS, MOVS,
 *	    LODS, AND, OR, XOR, ADD, SUB, ADC, SBB, CMP, TEST, XCHG, CMPXCHG, XADD, NOT, NEG, INC,
 *	    DEC, BT, BTS, BTR, BTC, PUSH and POP with a memory operand; 16-, 32- and 64-bit modes,
 *	    all legal prefixes, REX, RIP-relative. String forms: one element each time, with REP
 *	    counting RCX down; the caller enters the guest again for the next.
 *	    LOCK is taken and means nothing more: device registers are used under a lock.
 * Choices  Where the manuals say "undefined", what CPUs do: of several prefixes of a kind the
 *	    last counts, but in 64-bit mode CS, DS, ES and SS prefixes are as if not there; REPNE
 *	    before MOVS, STOS, LODS is REP; flags: see insn_flags.h.
 * Source   SDM Vol. 2A, "Instruction Format"; Vol. 2D, "Opcode Map". At most 15 bytes.
 * Errors   insn_decode(): ERR_RANGE: the bytes end within the instruction. ERR_UNSUPPORTED: not
 *	    one of the forms. ERR_INVAL: #UD (LOCK where it must not be), or #GP (more than 15
 *	    bytes). On error `out` is not to be used.
 * Sharing  Pure.
 */
#pragma once
#include "core/lib/base.h"

#define INSN_BYTES_MAX 15u

enum insn_mode { INSN_16, INSN_32, INSN_64 }; /* default operand and address size */

enum insn_op {
	INSN_MOV,
	INSN_MOVZX,
	INSN_MOVSX, /* MOVSXD too */
	INSN_MOVBE,
	INSN_STOS,
	INSN_MOVS,
	INSN_LODS,
	INSN_AND,
	INSN_OR,
	INSN_XOR,
	INSN_ADD,
	INSN_SUB,
	INSN_ADC,
	INSN_SBB,
	INSN_CMP,
	INSN_TEST,
	INSN_XCHG,
	INSN_CMPXCHG,
	INSN_XADD,
	INSN_NOT,
	INSN_NEG,
	INSN_INC,
	INSN_DEC,
	INSN_BT,
	INSN_BTS,
	INSN_BTR,
	INSN_BTC,
	INSN_PUSH,
	INSN_POP,
	INSN_OP_COUNT
};

#define INSN_NO_REGISTER 0xffu

struct insn {
	uint8_t op;            /* enum insn_op */
	uint8_t length;        /* bytes */
	uint8_t width;         /* of the memory operand, bytes: 1, 2, 4, 8 */
	uint8_t to_width;      /* MOVZX, MOVSX: of the register; otherwise = width */
	uint8_t address_width; /* 2, 4, 8 */
	uint8_t segment;       /* SEG_* of arch/x86/backend.h, after overrides and defaults */
	uint8_t base, index;   /* register numbers, or INSN_NO_REGISTER */
	uint8_t scale;         /* 1, 2, 4, 8 */
	bool is_rip_relative;
	/* Memory is the first operand, the destination (of CMP, TEST, BT: only read). Always so for
	 * STOS, MOVS, POP and whatever has one operand; never for LODS, PUSH. */
	bool is_store;
	bool has_immediate; /* the other operand is `immediate`, else register `reg` */
	bool has_high_byte; /* it is AH, CH, DH or BH: bits 15:8 of register `reg`, 0..3 */
	bool has_rep;
	uint8_t reg;          /* 0..15 as in enum gpr; or INSN_NO_REGISTER */
	int64_t displacement; /* sign-extended; A0-A3: the offset itself */
	int64_t immediate;    /* sign-extended to 64 bits */
};

MUST_CHECK enum err insn_decode(const uint8_t *bytes, uint32_t count, enum insn_mode mode,
				struct insn *out);

/* What insn_run() needs of the CPU. A callback that fails ends the run with nothing written. */
struct insn_cpu {
	void *context;
	uint64_t rip;        /* of the instruction */
	uint64_t *rflags;    /* arithmetic flags are changed here */
	uint8_t stack_width; /* PUSH, POP: 8 in 64-bit mode, else by SS.B: 4, 2 */
	/* Registers of which bit n in `gpr_valid` is set are gpr[n]; the others have callbacks. */
	uint64_t *gpr;
	uint32_t gpr_valid;
	uint64_t (*read_register)(void *context, uint32_t reg);
	void (*write_register)(void *context, uint32_t reg, uint64_t value);
	/*
	 * Memory at segment:offset. ERR_INVAL, ERR_RANGE: a fault was, or is to be, injected by the
	 * callee; insn_run() returns the same at once.
	 */
	enum err (*read_memory)(void *context, uint32_t segment, uint64_t offset, uint32_t width,
				uint64_t *value);
	enum err (*write_memory)(void *context, uint32_t segment, uint64_t offset, uint32_t width,
				 uint64_t value);
};

/* The effective address of its memory operand, truncated to the address width, without base of
 * the segment. Not for string forms, and for BT forms with a register before the bit offset. */
uint64_t insn_effective_address(const struct insn *i, const struct insn_cpu *cpu);

/*
 * `*again`: a repeated string instruction goes on: RIP must stay where it is. Memory is touched at
 * most twice: one read, then one write. Registers and flags change after that, or not at all.
 */
MUST_CHECK enum err insn_run(const struct insn *i, const struct insn_cpu *cpu, bool *again);

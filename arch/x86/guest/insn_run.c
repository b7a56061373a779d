/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Carries out what insn_decode() understood. Each form reads all it needs, writes memory, and only
 * then changes registers and flags: a fault leaves everything as it was.
 */
#include "arch/x86/backend.h"
#include "arch/x86/guest/insn.h"
#include "arch/x86/guest/insn_flags.h"

static uint64_t load_register(const struct insn_cpu *cpu, uint32_t reg)
{
	if (cpu->gpr_valid >> reg & 1)
		return cpu->gpr[reg];
	return cpu->read_register(cpu->context, reg);
}

static void store_register(const struct insn_cpu *cpu, uint32_t reg, uint64_t value)
{
	if (cpu->gpr_valid >> reg & 1)
		cpu->gpr[reg] = value;
	else
		cpu->write_register(cpu->context, reg, value);
}

/* Of how many bits of a register addresses are made, or strings step through. */
static uint64_t get_register(const struct insn_cpu *cpu, uint32_t reg, uint32_t width)
{
	return insn_truncate(load_register(cpu, reg), width);
}

/* SDM Vol. 1, "General-Purpose Registers in 64-Bit Mode": 32 bits zero-extend, fewer merge. */
static uint64_t merge(uint64_t old, uint32_t width, uint64_t value)
{
	const uint64_t kept = width < 4 ? old & ~insn_truncate(UINT64_MAX, width) : 0;

	return kept | insn_truncate(value, width);
}

static void put_register(const struct insn_cpu *cpu, uint32_t reg, uint32_t width, uint64_t value)
{
	const uint64_t old = width < 4 ? load_register(cpu, reg) : 0;

	store_register(cpu, reg, merge(old, width, value));
}

/* The register operand, AH to BH too. */
static uint64_t get_operand(const struct insn *i, const struct insn_cpu *cpu)
{
	const uint64_t value = load_register(cpu, i->reg);

	return insn_truncate(i->has_high_byte ? value >> 8 : value, i->to_width);
}

static void put_operand(const struct insn *i, const struct insn_cpu *cpu, uint64_t value)
{
	uint64_t old;

	if (!i->has_high_byte) {
		put_register(cpu, i->reg, i->to_width, value);
		return;
	}
	old = load_register(cpu, i->reg);
	store_register(cpu, i->reg, (old & ~UINT64_C(0xff00)) | insn_truncate(value, 1) << 8);
}

/* The operand that is not memory, if there is one. */
static uint64_t get_other(const struct insn *i, const struct insn_cpu *cpu)
{
	return i->has_immediate ? insn_truncate((uint64_t)i->immediate, i->width)
				: get_operand(i, cpu);
}

/* Inlined where loads and stores are carried out: nearly all accesses are those. */
static inline __attribute__((always_inline)) uint64_t address_of(const struct insn *i,
								 const struct insn_cpu *cpu)
{
	uint64_t at = (uint64_t)i->displacement;

	if (i->base != INSN_NO_REGISTER)
		at += load_register(cpu, i->base);
	if (i->index != INSN_NO_REGISTER)
		at += load_register(cpu, i->index) * i->scale;
	if (i->is_rip_relative)
		at += cpu->rip + i->length;
	return insn_truncate(at, i->address_width);
}

uint64_t insn_effective_address(const struct insn *i, const struct insn_cpu *cpu)
{
	return address_of(i, cpu);
}

static enum err read_at(const struct insn *i, const struct insn_cpu *cpu, uint64_t at,
			uint64_t *value)
{
	const enum err e = cpu->read_memory(cpu->context, i->segment, at, i->width, value);

	*value = insn_truncate(*value, i->width);
	return e;
}

static enum err write_at(const struct insn *i, const struct insn_cpu *cpu, uint64_t at,
			 uint64_t value)
{
	return cpu->write_memory(cpu->context, i->segment, at, i->width,
				 insn_truncate(value, i->width));
}

/* ---- MOV and its relatives ---- */

static uint64_t swap_bytes(uint64_t value, uint32_t width)
{
	return __builtin_bswap64(value) >> (64 - 8 * width);
}

static enum err run_store(const struct insn *i, const struct insn_cpu *cpu)
{
	const uint64_t value = get_other(i, cpu);

	return write_at(i, cpu, address_of(i, cpu),
			i->op == INSN_MOVBE ? swap_bytes(value, i->width) : value);
}

static enum err run_load(const struct insn *i, const struct insn_cpu *cpu)
{
	uint64_t value = 0;
	const enum err e = read_at(i, cpu, address_of(i, cpu), &value);

	if (e != OK)
		return e;
	if (i->op == INSN_MOVSX)
		value = insn_truncate(insn_sign_extend(value, i->width), i->to_width);
	else if (i->op == INSN_MOVBE)
		value = swap_bytes(value, i->width);
	if (i->to_width >= 4)
		store_register(cpu, i->reg, value);
	else
		put_operand(i, cpu, value);
	return OK;
}

/* ---- Arithmetic ---- */

static uint64_t compute(uint32_t op, uint64_t a, uint64_t b, uint32_t width, uint64_t *flags)
{
	switch (op) {
	case INSN_AND:
	case INSN_TEST:
		return insn_logic(a & b, width, flags);
	case INSN_OR:
		return insn_logic(a | b, width, flags);
	case INSN_XOR:
		return insn_logic(a ^ b, width, flags);
	case INSN_ADD:
		return insn_add(a, b, 0, width, flags);
	case INSN_ADC:
		return insn_add(a, b, *flags & FLAG_CF, width, flags);
	case INSN_SBB:
		return insn_subtract(a, b, *flags & FLAG_CF, width, flags);
	default: /* SUB, CMP */
		return insn_subtract(a, b, 0, width, flags);
	}
}

static enum err run_arithmetic(const struct insn *i, const struct insn_cpu *cpu)
{
	const bool is_kept = i->op != INSN_CMP && i->op != INSN_TEST;
	const uint64_t at = insn_effective_address(i, cpu);
	const uint64_t other = get_other(i, cpu);
	uint64_t flags = *cpu->rflags, memory = 0, result;
	enum err e = read_at(i, cpu, at, &memory);

	if (e != OK)
		return e;
	if (i->is_store)
		result = compute(i->op, memory, other, i->width, &flags);
	else
		result = compute(i->op, other, memory, i->width, &flags);
	if (is_kept && i->is_store) {
		e = write_at(i, cpu, at, result);
		if (e != OK)
			return e;
	} else if (is_kept) {
		put_operand(i, cpu, result);
	}
	*cpu->rflags = flags;
	return OK;
}

/* NOT, NEG, INC, DEC. */
static enum err run_unary(const struct insn *i, const struct insn_cpu *cpu)
{
	const uint64_t at = insn_effective_address(i, cpu), old_flags = *cpu->rflags;
	uint64_t flags = old_flags, value = 0;
	enum err e = read_at(i, cpu, at, &value);

	if (e != OK)
		return e;
	if (i->op == INSN_NOT)
		value = ~value;
	else if (i->op == INSN_NEG)
		value = insn_subtract(0, value, 0, i->width, &flags);
	else if (i->op == INSN_INC)
		value = insn_add(value, 1, 0, i->width, &flags);
	else
		value = insn_subtract(value, 1, 0, i->width, &flags);
	e = write_at(i, cpu, at, value);
	if (e != OK)
		return e;
	if (i->op != INSN_NEG) /* INC, DEC: "The CF flag is not affected" */
		flags = (flags & ~FLAG_CF) | (old_flags & FLAG_CF);
	*cpu->rflags = flags;
	return OK;
}

/* ---- Exchange ---- */

/* XCHG, XADD. */
static enum err run_exchange(const struct insn *i, const struct insn_cpu *cpu)
{
	const uint64_t at = insn_effective_address(i, cpu), other = get_operand(i, cpu);
	uint64_t flags = *cpu->rflags, memory = 0, value = other;
	enum err e = read_at(i, cpu, at, &memory);

	if (e != OK)
		return e;
	if (i->op == INSN_XADD)
		value = insn_add(memory, other, 0, i->width, &flags);
	e = write_at(i, cpu, at, value);
	if (e != OK)
		return e;
	put_operand(i, cpu, memory);
	*cpu->rflags = flags;
	return OK;
}

/*
 * "The destination operand receives a write cycle without regard to the result of the comparison.
 * The destination operand is written back if the comparison fails".
 */
static enum err run_cmpxchg(const struct insn *i, const struct insn_cpu *cpu)
{
	const uint64_t at = insn_effective_address(i, cpu);
	const uint64_t expected = get_register(cpu, GPR_RAX, i->width);
	uint64_t flags = *cpu->rflags, memory = 0;
	enum err e = read_at(i, cpu, at, &memory);

	if (e != OK)
		return e;
	insn_subtract(expected, memory, 0, i->width, &flags);
	e = write_at(i, cpu, at, expected == memory ? get_operand(i, cpu) : memory);
	if (e != OK)
		return e;
	if (expected != memory)
		put_register(cpu, GPR_RAX, i->width, memory);
	*cpu->rflags = flags;
	return OK;
}

/* ---- Bits ---- */

/*
 * SDM Vol. 2A, "BT": an immediate selects within the operand; a register reaches beyond it, the
 * operand at address + width * floor(offset / bits).
 */
static enum err run_bit(const struct insn *i, const struct insn_cpu *cpu)
{
	const uint32_t bits = 8u * i->width;
	uint64_t at = insn_effective_address(i, cpu), offset = (uint64_t)i->immediate;
	uint64_t memory = 0, bit, old;
	enum err e;

	if (!i->has_immediate) {
		offset = insn_sign_extend(get_operand(i, cpu), i->width);
		at += (uint64_t)((int64_t)offset >> 3) & ~(uint64_t)(i->width - 1u);
		at = insn_truncate(at, i->address_width);
	}
	e = read_at(i, cpu, at, &memory);
	if (e != OK)
		return e;
	bit = BIT64(offset & (bits - 1));
	old = memory;
	if (i->op == INSN_BTS)
		memory |= bit;
	else if (i->op == INSN_BTR)
		memory &= ~bit;
	else if (i->op == INSN_BTC)
		memory ^= bit;
	if (i->op != INSN_BT) {
		e = write_at(i, cpu, at, memory);
		if (e != OK)
			return e;
	}
	*cpu->rflags = old & bit ? *cpu->rflags | FLAG_CF : *cpu->rflags & ~FLAG_CF;
	return OK;
}

/* ---- Strings ---- */

static void step(const struct insn *i, const struct insn_cpu *cpu, uint32_t reg)
{
	const uint64_t by = *cpu->rflags & FLAG_DF ? -(uint64_t)i->width : i->width;

	put_register(cpu, reg, i->address_width, get_register(cpu, reg, i->address_width) + by);
}

/* One element: of rSI, to ES:rDI. */
static enum err run_element(const struct insn *i, const struct insn_cpu *cpu)
{
	const uint64_t to = get_register(cpu, GPR_RDI, i->address_width);
	uint64_t value = 0;
	enum err e;

	if (i->op == INSN_STOS) {
		value = get_register(cpu, GPR_RAX, i->width);
	} else {
		e = read_at(i, cpu, get_register(cpu, GPR_RSI, i->address_width), &value);
		if (e != OK)
			return e;
	}
	if (i->op == INSN_LODS) {
		put_register(cpu, GPR_RAX, i->width, value);
	} else {
		e = cpu->write_memory(cpu->context, SEG_ES, to, i->width, value);
		if (e != OK)
			return e;
		step(i, cpu, GPR_RDI);
	}
	if (i->op != INSN_STOS)
		step(i, cpu, GPR_RSI);
	return OK;
}

/* "REP": RCX, ECX or CX by the address size counts elements; 0: none at all. */
static enum err run_string(const struct insn *i, const struct insn_cpu *cpu, bool *again)
{
	uint64_t count;
	enum err e;

	if (!i->has_rep)
		return run_element(i, cpu);
	count = get_register(cpu, GPR_RCX, i->address_width);
	if (count == 0)
		return OK;
	e = run_element(i, cpu);
	if (e != OK)
		return e;
	put_register(cpu, GPR_RCX, i->address_width, count - 1);
	*again = count != 1;
	return OK;
}

/* ---- Stack ---- */

static enum err run_push(const struct insn *i, const struct insn_cpu *cpu)
{
	const uint64_t top = load_register(cpu, GPR_RSP) - i->width;
	uint64_t value = 0;
	enum err e = read_at(i, cpu, insn_effective_address(i, cpu), &value);

	if (e != OK)
		return e;
	e = cpu->write_memory(cpu->context, SEG_SS, insn_truncate(top, cpu->stack_width), i->width,
			      value);
	if (e == OK)
		put_register(cpu, GPR_RSP, cpu->stack_width, top);
	return e;
}

/*
 * SDM Vol. 2B, "POP": "If the ESP register is used as a base register for addressing a destination
 * operand in memory, the POP instruction computes the effective address of the operand after it
 * increments the ESP register."
 */
static enum err run_pop(const struct insn *i, const struct insn_cpu *cpu)
{
	const uint64_t old = load_register(cpu, GPR_RSP);
	const uint64_t new = merge(old, cpu->stack_width, old + i->width);
	uint64_t at = insn_effective_address(i, cpu), value = 0;
	enum err e = cpu->read_memory(cpu->context, SEG_SS, insn_truncate(old, cpu->stack_width),
				      i->width, &value);

	if (e != OK)
		return e;
	if (i->base == GPR_RSP)
		at = insn_truncate(at + new - old, i->address_width);
	e = write_at(i, cpu, at, value);
	if (e == OK)
		store_register(cpu, GPR_RSP, new);
	return e;
}

enum err insn_run(const struct insn *i, const struct insn_cpu *cpu, bool *again)
{
	*again = false;
	switch (i->op) {
	case INSN_MOV:
	case INSN_MOVBE:
		return i->is_store ? run_store(i, cpu) : run_load(i, cpu);
	case INSN_MOVZX:
	case INSN_MOVSX:
		return run_load(i, cpu);
	case INSN_STOS:
	case INSN_MOVS:
	case INSN_LODS:
		return run_string(i, cpu, again);
	case INSN_XCHG:
	case INSN_XADD:
		return run_exchange(i, cpu);
	case INSN_CMPXCHG:
		return run_cmpxchg(i, cpu);
	case INSN_NOT:
	case INSN_NEG:
	case INSN_INC:
	case INSN_DEC:
		return run_unary(i, cpu);
	case INSN_BT:
	case INSN_BTS:
	case INSN_BTR:
	case INSN_BTC:
		return run_bit(i, cpu);
	case INSN_PUSH:
		return run_push(i, cpu);
	case INSN_POP:
		return run_pop(i, cpu);
	default:
		return run_arithmetic(i, cpu);
	}
}

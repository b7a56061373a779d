/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Accesses to device registers in memory, and string I/O: the instruction is fetched from the
 * guest, decoded, and carried out on the devices' models.
 *
 * What made the CPU exit is `faulted`: an instruction with one memory operand gets that address
 * without another walk of the guest's tables. A guest that changes its code or its tables in
 * between reaches registers of its own PC and its own RAM only.
 */
#include <string.h>
#include "arch/x86/guest/insn_memo.h"
#include "arch/x86/guest/walk.h"
#include "arch/x86/pc/pc.h"
#include "arch/x86/pc/state.h"
#include "arch/x86/post.h"

#define CS_LONG            BIT32(13)
#define SEGMENT_DEFAULT_32 BIT32(14)
#define RFLAGS_DF          BIT64(10)
#define EFER_LMA_BIT       BIT64(10)

/* See arch/x86/backend.h: RSP is in the control structure, R12 to R15 are in the CPU. */
#define GPRS_IN_MEMORY ((BIT32(GPR_R12) - 1) & ~BIT32(GPR_RSP))

enum outcome { GOES_ON, PAGE_FAULT, PROTECTION };

struct access {
	struct vcpu *v;
	const struct backend *b;
	struct pc *pc;
	struct guest_context context; /* CS of the segments */
	enum insn_mode mode;
	uint64_t faulted_gpa;
	uint64_t now_tsc;
	bool has_one_operand; /* its address is faulted_gpa */
	enum outcome outcome;
	uint64_t fault_address;
	uint32_t fault_code;
	struct pc_effect *effect;
};

/* ---- Registers of devices ---- */

static bool is_in(uint64_t gpa, uint64_t base, uint64_t bytes)
{
	return gpa - base < bytes;
}

/* "Local APIC Register Address Map": 32-bit registers at 16-byte boundaries. */
static uint64_t read_lapic(struct access *a, uint64_t gpa)
{
	struct vlapic *const l = &a->v->lapic;
	const uint32_t offset = (uint32_t)(gpa - PC_LAPIC);
	uint64_t value;

	if (l->mode != VLAPIC_XAPIC)
		return UINT64_MAX;
	a->effect->apic_changed = true;
	value = vlapic_read(l, offset & ~3u, a->now_tsc);
	vcpu_note_interrupts(a->v, vcpu_backend()); /* its timer may have gone off */
	return value >> 8 * (offset & 3);
}

static uint64_t read_pc(struct access *a, uint64_t gpa, uint32_t width)
{
	struct pc *const pc = a->pc;
	uint64_t value = UINT64_MAX;

	pc_take(pc);
	if (is_in(gpa, PC_IOAPIC, PC_IOAPIC_BYTES)) {
		value = vioapic_read(&pc->ioapic, (uint32_t)(gpa - PC_IOAPIC));
	} else if (is_in(gpa, PC_ECAM, PC_ECAM_BYTES)) {
		value = pc_ecam_read(pc, gpa - PC_ECAM, width < 4 ? width : 4);
		if (width == 8)
			value |= (uint64_t)pc_ecam_read(pc, gpa - PC_ECAM + 4, 4) << 32;
	} else if (is_in(gpa, PC_MMIO, PC_MMIO_END - PC_MMIO)) {
		value = pc_window_read(pc, gpa, width);
	}
	pc_give(pc);
	return value;
}

static uint64_t read_device(struct access *a, uint64_t gpa, uint32_t width)
{
	const uint64_t value =
		is_in(gpa, PC_LAPIC, PC_LAPIC_BYTES) ? read_lapic(a, gpa) : read_pc(a, gpa, width);

	return width == 8 ? value : value & (BIT64(8 * width) - 1);
}

static vcpu_set_t write_ecam(struct pc *pc, uint64_t offset, uint32_t width, uint64_t value)
{
	const vcpu_set_t posted = pc_ecam_write(pc, offset, width < 4 ? width : 4, (uint32_t)value);

	return width < 8 ? posted
			 : posted | pc_ecam_write(pc, offset + 4, 4, (uint32_t)(value >> 32));
}

static void write_pc(struct access *a, uint64_t gpa, uint32_t width, uint64_t value)
{
	struct pc *const pc = a->pc;

	pc_take(pc);
	if (is_in(gpa, PC_IOAPIC, PC_IOAPIC_BYTES)) {
		a->effect->posted |= pc_expire_pit(pc, a->now_tsc);
		vioapic_write(&pc->ioapic, (uint32_t)(gpa - PC_IOAPIC), (uint32_t)value);
		a->effect->posted |= pc_after_interrupts(pc);
		pc_note_next(pc, a->now_tsc, a->effect);
	} else if (is_in(gpa, PC_ECAM, PC_ECAM_BYTES)) {
		a->effect->posted |= write_ecam(pc, gpa - PC_ECAM, width, value);
	} else if (is_in(gpa, PC_MMIO, PC_MMIO_END - PC_MMIO)) {
		a->effect->posted |= pc_window_write(pc, gpa, width, value);
	}
	pc_give(pc);
}

static void write_device(struct access *a, uint64_t gpa, uint32_t width, uint64_t value)
{
	if (!is_in(gpa, PC_LAPIC, PC_LAPIC_BYTES)) {
		write_pc(a, gpa, width, value);
	} else if (a->v->lapic.mode == VLAPIC_XAPIC && (gpa & 3) == 0 && width >= 4) {
		a->effect->apic_changed = true;
		a->effect->posted |=
			vcpu_write_apic(a->v, (uint32_t)(gpa - PC_LAPIC), (uint32_t)value);
	}
}

/* ---- Memory as the instruction sees it ---- */

static enum insn_mode mode_of(const struct guest_context *c)
{
	const uint32_t access = c->segments[SEG_CS].access;

	if ((c->efer & EFER_LMA_BIT) && (access & CS_LONG))
		return INSN_64;
	return access & SEGMENT_DEFAULT_32 ? INSN_32 : INSN_16;
}

static uint64_t linear_of(const struct access *a, uint32_t name, uint64_t offset)
{
	struct guest_segment s;

	if (a->mode == INSN_64 && name != SEG_FS && name != SEG_GS)
		return offset;
	a->b->read_segment(a->v, (enum guest_segment_name)name, &s);
	return a->mode == INSN_64 ? s.base + offset : (uint32_t)(s.base + offset);
}

static enum err page_fault(struct access *a, const struct walk_result *found)
{
	a->outcome = PAGE_FAULT;
	a->fault_address = found->address;
	a->fault_code = found->fault;
	return ERR_INVAL;
}

/* Where an operand is; one that crosses a page is nothing that devices have. */
static enum err locate(struct access *a, uint32_t segment, uint64_t offset, uint32_t width,
		       enum walk_access kind, uint64_t *gpa)
{
	struct walk_result found;
	uint64_t linear;
	enum err e;

	if (a->has_one_operand) {
		*gpa = a->faulted_gpa;
	} else {
		linear = linear_of(a, segment, offset);
		e = guest_walk(&a->pc->setup.ram, &a->context, linear, kind, &found);
		if (e == ERR_INVAL)
			return page_fault(a, &found);
		*gpa = found.gpa;
	}
	if ((*gpa & (PAGE_BYTES - 1)) + width <= PAGE_BYTES)
		return OK;
	a->outcome = PROTECTION;
	return ERR_INVAL;
}

/* What made the CPU exit is not RAM. */
static void *ram_of(const struct access *a, uint64_t gpa, uint32_t width)
{
	return a->has_one_operand ? NULL : guest_ram_at(&a->pc->setup.ram, gpa, width);
}

static enum err read_memory(void *context, uint32_t segment, uint64_t offset, uint32_t width,
			    uint64_t *value)
{
	struct access *const a = context;
	const void *ram;
	uint64_t gpa;
	enum err e = locate(a, segment, offset, width, WALK_READ, &gpa);

	if (e != OK)
		return e;
	*value = 0;
	ram = ram_of(a, gpa, width);
	if (ram)
		memcpy(value, ram, width);
	else
		*value = read_device(a, gpa, width);
	return OK;
}

static enum err write_memory(void *context, uint32_t segment, uint64_t offset, uint32_t width,
			     uint64_t value)
{
	struct access *const a = context;
	void *ram;
	uint64_t gpa;
	enum err e = locate(a, segment, offset, width, WALK_WRITE, &gpa);

	if (e != OK)
		return e;
	ram = ram_of(a, gpa, width);
	if (ram)
		memcpy(ram, &value, width);
	else
		write_device(a, gpa, width, value);
	return OK;
}

static uint64_t read_register(void *context, uint32_t reg)
{
	struct access *const a = context;

	return a->b->read_gpr(a->v, reg);
}

static void write_register(void *context, uint32_t reg, uint64_t value)
{
	struct access *const a = context;

	a->b->write_gpr(a->v, reg, value);
}

/* ---- The instruction ---- */

static uint8_t stack_width_of(const struct access *a)
{
	struct guest_segment s;

	if (a->mode == INSN_64)
		return 8;
	a->b->read_segment(a->v, SEG_SS, &s);
	return s.access & SEGMENT_DEFAULT_32 ? 4 : 2;
}

static enum pc_access inject(struct access *a)
{
	if (a->outcome == PAGE_FAULT)
		a->b->inject_page_fault(a->v, a->fault_address, a->fault_code);
	else
		a->b->inject(a->v, VCPU_FAULT_GP);
	return PC_FAULTED;
}

static void begin(struct access *a, vcpu_id_t vcpu, const struct exit_info *e,
		  struct pc_effect *effect)
{
	struct vcpu *const v = vcpu_at(vcpu);

	*effect = (struct pc_effect){ 0 };
	a->v = v;
	a->b = vcpu_backend();
	a->pc = pc_of(v->part);
	a->faulted_gpa = e->addr;
	a->now_tsc = e->exit_tsc;
	a->has_one_operand = false;
	a->outcome = GOES_ON;
	a->effect = effect;
	a->b->read_context(v, &a->context);
	a->mode = mode_of(&a->context);
}

static struct insn_memo memos[MAX_VCPUS]; /* [C] */

struct code {
	struct insn_code insn;
	struct walk_result end; /* why there are no more */
};

/* What lies behind CS:RIP. ERR_INVAL: a fault is to be injected. ERR_RANGE: it is nowhere. */
static enum err fetch(struct access *a, struct code *code)
{
	enum err e;

	code->insn.words[0] = code->insn.words[1] = 0;
	e = guest_fetch(&a->pc->setup.ram, &a->context, code->insn.bytes, INSN_BYTES_MAX,
			&code->insn.count, &code->end);
	return e == ERR_INVAL ? page_fault(a, &code->end) : e;
}

static bool has_two_operands(const struct insn *i)
{
	return i->op == INSN_MOVS || i->op == INSN_PUSH || i->op == INSN_POP;
}

static enum pc_access carry_out(struct access *a, const struct insn *i)
{
	uint64_t rflags = a->context.rflags;
	const struct insn_cpu cpu = {
		.context = a,
		.rip = a->context.rip,
		.rflags = &rflags,
		.stack_width = stack_width_of(a),
		.gpr = a->v->gpr,
		.gpr_valid = GPRS_IN_MEMORY,
		.read_register = read_register,
		.write_register = write_register,
		.read_memory = read_memory,
		.write_memory = write_memory,
	};
	bool again;

	a->has_one_operand = !has_two_operands(i);
	if (insn_run(i, &cpu, &again) != OK)
		return inject(a);
	if (again)
		return PC_AGAIN;
	a->b->retire(a->v, i->length, rflags);
	return PC_DONE;
}

/* What the decoder says of code that it does not take. */
static enum pc_access refuse(struct access *a, enum err why, const struct code *code)
{
	if (why == ERR_INVAL) {
		a->b->inject(a->v, VCPU_FAULT_UD);
		return PC_FAULTED;
	}
	if (why == ERR_RANGE && code->end.is_fault) {
		(void)page_fault(a, &code->end);
		return inject(a);
	}
	return PC_UNKNOWN;
}

enum pc_access arch_pc_memory(vcpu_id_t vcpu, const struct exit_info *e, struct pc_effect *effect)
{
	struct access a;
	const struct insn *insn;
	struct code code;
	enum err r;

	begin(&a, vcpu, e, effect);
	r = fetch(&a, &code);
	if (r != OK)
		return r == ERR_INVAL ? inject(&a) : PC_UNKNOWN;
	r = insn_memo_decode(&memos[vcpu], a.context.rip, &code.insn, a.mode, &insn);
	return r == OK ? carry_out(&a, insn) : refuse(&a, r, &code);
}

/* ---- INS and OUTS: "Input from Port to String", "Output String to Port" ---- */

struct string_io {
	uint32_t length; /* of the instruction */
	uint32_t segment;
	uint32_t address_width;
	bool has_rep;
};

static uint32_t segment_of_prefix(uint8_t byte)
{
	switch (byte) {
	case 0x26:
		return SEG_ES;
	case 0x2e:
		return SEG_CS;
	case 0x36:
		return SEG_SS;
	case 0x3e:
		return SEG_DS;
	case 0x64:
		return SEG_FS;
	case 0x65:
		return SEG_GS;
	default:
		return SEG_COUNT;
	}
}

/* The CPU has checked that it is one of 6CH..6FH: only prefixes are of interest. */
static bool decode_string_io(const uint8_t *bytes, uint32_t count, enum insn_mode mode,
			     struct string_io *s)
{
	bool is_short = false;

	*s = (struct string_io){ .segment = SEG_DS };
	for (uint32_t i = 0; i < count; i++) {
		const uint8_t byte = bytes[i];

		if (byte >= 0x6c && byte <= 0x6f) {
			s->length = i + 1;
			s->address_width = mode == INSN_64                 ? (is_short ? 4 : 8)
					   : (mode == INSN_32) != is_short ? 4
									   : 2;
			return true;
		}
		if (segment_of_prefix(byte) != SEG_COUNT)
			s->segment = segment_of_prefix(byte);
		is_short |= byte == 0x67;
		s->has_rep |= byte == 0xf2 || byte == 0xf3;
	}
	return false;
}

/* Of RCX, RSI and RDI the instruction uses, and changes, as many bits as addresses have. */
static void add_to_register(struct access *a, uint32_t reg, int64_t n, uint32_t address_width)
{
	const uint64_t old = a->b->read_gpr(a->v, reg);
	const uint64_t sum = old + (uint64_t)n;

	if (address_width == 8)
		a->b->write_gpr(a->v, reg, sum);
	else if (address_width == 4)
		a->b->write_gpr(a->v, reg, (uint32_t)sum);
	else
		a->b->write_gpr(a->v, reg, (old & ~UINT64_C(0xffff)) | (sum & 0xffff));
}

static uint64_t register_part(struct access *a, uint32_t reg, uint32_t address_width)
{
	const uint64_t value = a->b->read_gpr(a->v, reg);

	return address_width == 8 ? value : value & (BIT64(8 * address_width) - 1);
}

/* One element; false: a fault is to be injected. */
static bool move_element(struct access *a, const struct exit_info *e, const struct string_io *s)
{
	const uint32_t index = e->write ? GPR_RSI : GPR_RDI;
	const uint32_t segment = e->write ? s->segment : SEG_ES;
	const uint64_t offset = register_part(a, index, s->address_width);
	uint64_t value = 0;

	if (e->write && read_memory(a, segment, offset, e->width, &value) != OK)
		return false;
	/* A destination that cannot be written must not take anything out of the device. */
	if (!e->write && read_memory(a, segment, offset, e->width, &value) != OK)
		return false;
	value = pc_access_port(a->pc, e, (uint32_t)value, a->effect);
	if (!e->write && write_memory(a, segment, offset, e->width, value) != OK)
		return false;
	if (a->effect->event == PC_REPEAT)
		return true;
	add_to_register(a, index, a->context.rflags & RFLAGS_DF ? -(int64_t)e->width : e->width,
			s->address_width);
	return true;
}

enum pc_access arch_pc_port_string(vcpu_id_t vcpu, const struct exit_info *e,
				   struct pc_effect *effect)
{
	struct access a;
	struct string_io s;
	struct code code;
	enum err r;

	begin(&a, vcpu, e, effect);
	r = fetch(&a, &code);
	if (r == ERR_INVAL)
		return inject(&a);
	if (r != OK || !decode_string_io(code.insn.bytes, code.insn.count, a.mode, &s))
		return PC_UNKNOWN;
	if (!s.has_rep || register_part(&a, GPR_RCX, s.address_width) != 0) {
		if (!move_element(&a, e, &s))
			return inject(&a);
		if (effect->event == PC_REPEAT)
			return PC_AGAIN;
		if (s.has_rep)
			add_to_register(&a, GPR_RCX, -1, s.address_width);
		if (s.has_rep && register_part(&a, GPR_RCX, s.address_width) != 0)
			return PC_AGAIN;
	}
	a.b->retire(a.v, s.length, a.context.rflags);
	return PC_DONE;
}

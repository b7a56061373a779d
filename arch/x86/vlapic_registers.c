/* SPDX-License-Identifier: Apache-2.0 */
/* The register interfaces of a virtual local APIC: WRMSR and RDMSR, its page, and APICv's. */
#include "arch/x86/vlapic_registers.h"
#include "arch/x86/vlapic_timer.h"

/* SDM Vol. 3A, "Interrupt Command Register (ICR)", "ICR Operation in x2APIC Mode". */
#define ICR_LOGICAL      BIT32(11)
#define ICR_ASSERT       BIT32(14)
#define ICR_LEVEL        BIT32(15)
#define ICR_SELF         ((uint32_t)IRQ_TO_SELF << 18)
#define ICR_WRITABLE_LOW UINT32_C(0x000ccfff) /* without 12, 13, 17:16, 31:20 */
#define ICR_WRITABLE     (UINT64_C(0xffffffff00000000) | ICR_WRITABLE_LOW)
/* x2APIC: the high half is where APICv has it, behind the low one. */
#define X2APIC_ICR_HIGH (APIC_ICR + 4)

#define TPR_WRITABLE    UINT64_C(0xff)
#define DIVIDE_WRITABLE UINT64_C(0xb)        /* bits 3, 1, 0 */
#define DFR_FIXED       UINT32_C(0x0fffffff) /* "Destination Format Register (DFR)" */
#define HIGH_BYTE       (UINT32_C(0xff) << ID_SHIFT)
#define BROADCAST_8     0xffu
#define MSR_FIRST       0x800u

/* ---- Sending ---- */

/* "Receive illegal vector" is also for one that comes "via a self IPI". */
static void refuse_vector(struct vlapic *l, const struct irq_message *m)
{
	vlapic_error(l, m->shorthand == IRQ_TO_SELF
				? ESR_SEND_ILLEGAL_VECTOR | ESR_RECEIVE_ILLEGAL_VECTOR
				: ESR_SEND_ILLEGAL_VECTOR);
}

/* What is for the sender arrives here; one physical destination is one APIC. */
static void send_fixed(struct vlapic *l, struct vlapic_effect *effect)
{
	const struct irq_message *const m = &effect->message;
	bool is_for_itself = m->shorthand != IRQ_TO_OTHERS;

	effect->has_message = m->shorthand != IRQ_TO_SELF;
	if (m->shorthand == IRQ_TO_DESTINATION) {
		if (m->is_logical || m->destination == IRQ_BROADCAST) {
			is_for_itself = vlapic_matches(l, m);
		} else {
			is_for_itself = m->destination == l->apic_id;
			effect->has_message = !is_for_itself;
		}
	}
	if (is_for_itself)
		vlapic_accept_in_irr(l, m->vector);
}

static void send(struct vlapic *l, uint32_t icr, uint32_t destination, struct vlapic_effect *effect)
{
	struct irq_message *const m = &effect->message;

	*m = (struct irq_message){ .vector = (uint8_t)icr,
				   .delivery = icr >> 8 & 7,
				   .shorthand = icr >> 18 & 3,
				   .is_logical = icr & ICR_LOGICAL,
				   .destination = destination };
	/* "INIT Level De-assert": of no effect on any processor since the Pentium 4. */
	if (m->delivery == IRQ_INIT && (icr & ICR_LEVEL) && !(icr & ICR_ASSERT))
		return;
	if (m->delivery <= IRQ_LOWEST && m->vector < IRQ_FIRST_VECTOR) {
		refuse_vector(l, m);
		return;
	}
	if (m->delivery == IRQ_FIXED)
		send_fixed(l, effect);
	else
		effect->has_message = true;
}

/* In xAPIC mode: 8 bits, of which all ones are a broadcast. */
static void send_xapic(struct vlapic *l, uint32_t icr, struct vlapic_effect *effect)
{
	const uint32_t to = REG(l, APIC_ICR_HIGH) >> ID_SHIFT;

	REG(l, APIC_ICR) = icr & ICR_WRITABLE_LOW;
	send(l, icr, to == BROADCAST_8 ? IRQ_BROADCAST : to, effect);
}

static void send_x2apic(struct vlapic *l, uint64_t icr, struct vlapic_effect *effect)
{
	REG(l, APIC_ICR) = (uint32_t)icr;
	REG(l, X2APIC_ICR_HIGH) = (uint32_t)(icr >> 32);
	send(l, (uint32_t)icr, (uint32_t)(icr >> 32), effect);
}

/* "SELF IPI Register": the same as ICR with the self shorthand. */
static void send_to_itself(struct vlapic *l, uint32_t vector, struct vlapic_effect *effect)
{
	send(l, (vector & LVT_VECTOR) | ICR_SELF, 0, effect);
}

/* ---- Registers ---- */

static void write_svr(struct vlapic *l, uint32_t value)
{
	REG(l, APIC_SVR) = value & SVR_WRITABLE;
	if (vlapic_software_enabled(l))
		return;
	/* "Local APIC State After It Has Been Software Disabled": all mask bits are set. */
	for (uint32_t lvt = APIC_LVT_TIMER; lvt <= APIC_LVT_ERROR; lvt += 16)
		REG(l, lvt) |= LVT_MASKED;
	vlapic_timer_set_lvt(l, REG(l, APIC_LVT_TIMER));
}

#define PIN_LVT       (LVT_VECTOR | LVT_DELIVERY_MODE | LVT_POLARITY | LVT_TRIGGER | LVT_MASKED)
#define PIN_READ_ONLY (LVT_STATUS | LVT_REMOTE_IRR)

/* In the order of their offsets: timer, thermal, performance counters, LINT0, LINT1, error. */
static const uint32_t lvt_writable[] = {
	LVT_VECTOR | LVT_MASKED | LVT_TIMER_MODE,
	LVT_VECTOR | LVT_DELIVERY_MODE | LVT_MASKED,
	LVT_VECTOR | LVT_DELIVERY_MODE | LVT_MASKED,
	PIN_LVT,
	PIN_LVT,
	LVT_VECTOR | LVT_MASKED,
};
static const uint32_t lvt_read_only[] = { LVT_STATUS,    LVT_STATUS,    LVT_STATUS,
					  PIN_READ_ONLY, PIN_READ_ONLY, LVT_STATUS };

static void write_lvt(struct vlapic *l, uint32_t offset, uint32_t value)
{
	value &= lvt_writable[(offset - APIC_LVT_TIMER) / 16];
	if (!vlapic_software_enabled(l))
		value |= LVT_MASKED;
	REG(l, offset) = value;
	if (offset == APIC_LVT_TIMER)
		vlapic_timer_set_lvt(l, value);
}

/*
 * Common to both modes; reserved bits were refused, or are dropped here. False: no such register,
 * or it cannot be written.
 */
static bool write_register(struct vlapic *l, uint32_t offset, uint32_t value, uint64_t now_tsc,
			   struct vlapic_effect *effect)
{
	switch (offset) {
	case APIC_EOI:
		vlapic_end_of_interrupt(l, effect);
		return true;
	case APIC_TPR:
		vlapic_set_tpr(l, value & TPR_WRITABLE);
		return true;
	case APIC_SVR:
		write_svr(l, value);
		return true;
	case APIC_ESR: /* a write shows, and forgets, what was collected */
		REG(l, APIC_ESR) = l->esr_collected;
		l->esr_collected = 0;
		return true;
	case APIC_LVT_TIMER ... APIC_LVT_ERROR:
		write_lvt(l, offset, value);
		return true;
	case APIC_INITIAL_COUNT:
		vlapic_timer_set_count(l, value, now_tsc);
		return true;
	case APIC_DIVIDE_CONFIG:
		REG(l, offset) = value & DIVIDE_WRITABLE;
		vlapic_timer_set_divide(l, REG(l, offset), now_tsc);
		return true;
	default:
		return false;
	}
}

static uint32_t read_register(struct vlapic *l, uint32_t offset, uint64_t now_tsc)
{
	if (offset == APIC_CURRENT_COUNT)
		return vlapic_timer_count(l, now_tsc);
	if (offset == APIC_PPR)
		return vlapic_compute_priority(l);
	return REG(l, offset);
}

static bool is_readable(uint32_t offset)
{
	switch (offset) {
	case APIC_ID:
	case APIC_VERSION:
	case APIC_TPR:
	case APIC_PPR:
	case APIC_LDR:
	case APIC_SVR:
	case APIC_ISR ... APIC_IRR + 7 * 16:
	case APIC_ESR:
	case APIC_ICR:
	case APIC_LVT_TIMER ... APIC_LVT_ERROR:
	case APIC_INITIAL_COUNT:
	case APIC_CURRENT_COUNT:
	case APIC_DIVIDE_CONFIG:
		return true;
	default:
		return false;
	}
}

static void begin(struct vlapic_effect *effect)
{
	effect->has_message = false;
	effect->has_level_eoi = false;
}

/* ---- x2APIC ---- */

enum err vlapic_read_msr(struct vlapic *l, uint32_t msr, uint64_t now_tsc, uint64_t *value)
{
	const uint32_t offset = (msr - MSR_FIRST) * 16;

	if (l->mode != VLAPIC_X2APIC || !is_readable(offset))
		return ERR_INVAL;
	vlapic_timer_expire(l, now_tsc);
	*value = read_register(l, offset, now_tsc);
	if (offset == APIC_ICR)
		*value |= (uint64_t)REG(l, X2APIC_ICR_HIGH) << 32;
	return OK;
}

/* The bits a write may set; 0: only zero may be written, or the register cannot be. */
static uint64_t writable_bits(uint32_t offset)
{
	switch (offset) {
	case APIC_TPR:
	case APIC_SELF_IPI:
		return TPR_WRITABLE;
	case APIC_SVR:
		return SVR_WRITABLE;
	case APIC_LVT_TIMER ... APIC_LVT_ERROR:
		return lvt_writable[(offset - APIC_LVT_TIMER) / 16] |
		       lvt_read_only[(offset - APIC_LVT_TIMER) / 16];
	case APIC_INITIAL_COUNT:
		return UINT32_MAX;
	case APIC_DIVIDE_CONFIG:
		return DIVIDE_WRITABLE;
	default:
		return 0;
	}
}

static __attribute__((noinline)) enum err write_other_msr(struct vlapic *l, uint32_t offset,
							  uint64_t value, uint64_t now_tsc,
							  struct vlapic_effect *effect)
{
	if (value & ~writable_bits(offset))
		return ERR_INVAL;
	if (offset == APIC_LVT_TIMER && (value & LVT_TIMER_MODE) == TIMER_RESERVED)
		return ERR_INVAL;
	vlapic_timer_expire(l, now_tsc);
	if (offset == APIC_SELF_IPI) {
		send_to_itself(l, (uint32_t)value, effect);
		return OK;
	}
	return write_register(l, offset, (uint32_t)value, now_tsc, effect) ? OK : ERR_INVAL;
}

/* Ends of interrupts and messages are what running guests write all the time. */
enum err vlapic_write_msr(struct vlapic *l, uint32_t msr, uint64_t value, uint64_t now_tsc,
			  struct vlapic_effect *effect)
{
	const uint32_t offset = (msr - MSR_FIRST) * 16;

	begin(effect);
	if (l->mode != VLAPIC_X2APIC)
		return ERR_INVAL;
	if (offset == APIC_EOI && value == 0) {
		vlapic_end_of_interrupt(l, effect);
		return OK;
	}
	if (offset == APIC_ICR && !(value & ~ICR_WRITABLE)) {
		send_x2apic(l, value, effect);
		return OK;
	}
	return write_other_msr(l, offset, value, now_tsc, effect);
}

/* ---- xAPIC ---- */

/* "Local APIC Register Address Map": what it does not list is reserved. */
static bool is_reserved_in_xapic(uint32_t offset)
{
	return !is_readable(offset) && offset != APIC_DFR && offset != APIC_ICR_HIGH &&
	       offset != APIC_EOI && offset != APIC_APR && offset != APIC_RRD;
}

uint32_t vlapic_read(struct vlapic *l, uint32_t offset, uint64_t now_tsc)
{
	if (offset & 15)
		return 0;
	vlapic_timer_expire(l, now_tsc);
	if (is_reserved_in_xapic(offset)) {
		vlapic_error(l, ESR_ILLEGAL_REGISTER);
		return 0;
	}
	return read_register(l, offset, now_tsc);
}

static void write_xapic(struct vlapic *l, uint32_t offset, uint32_t value, uint64_t now_tsc,
			struct vlapic_effect *effect)
{
	switch (offset) {
	case APIC_ID: /* ours cannot be changed: "Local APIC ID" lets a model do so */
		REG(l, APIC_ID) = l->apic_id << ID_SHIFT;
		return;
	case APIC_LDR:
		REG(l, APIC_LDR) = value & HIGH_BYTE;
		return;
	case APIC_DFR:
		REG(l, APIC_DFR) = value | DFR_FIXED;
		return;
	case APIC_ICR:
		send_xapic(l, value, effect);
		return;
	case APIC_ICR_HIGH:
		REG(l, APIC_ICR_HIGH) = value & HIGH_BYTE;
		return;
	default: /* to a register that can only be read, a write is lost */
		if (!write_register(l, offset, value, now_tsc, effect) &&
		    is_reserved_in_xapic(offset))
			vlapic_error(l, ESR_ILLEGAL_REGISTER);
	}
}

void vlapic_write(struct vlapic *l, uint32_t offset, uint32_t value, uint64_t now_tsc,
		  struct vlapic_effect *effect)
{
	begin(effect);
	if (offset & 15)
		return;
	vlapic_timer_expire(l, now_tsc);
	write_xapic(l, offset, value, now_tsc, effect);
}

/* ---- APICv ---- */

void vlapic_written(struct vlapic *l, uint32_t offset, uint64_t now_tsc,
		    struct vlapic_effect *effect)
{
	begin(effect);
	offset &= ~UINT32_C(15);
	vlapic_timer_expire(l, now_tsc);
	if (l->mode != VLAPIC_X2APIC)
		write_xapic(l, offset, REG(l, offset), now_tsc, effect);
	else if (offset == APIC_ICR)
		send(l, REG(l, APIC_ICR), REG(l, X2APIC_ICR_HIGH), effect);
	else if (offset == APIC_SELF_IPI)
		send_to_itself(l, REG(l, APIC_SELF_IPI), effect);
	else
		(void)write_register(l, offset, REG(l, offset), now_tsc, effect);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>
#include "arch/x86/vlapic.h"
#include "arch/x86/vlapic_timer.h"
#include "core/lib/assert.h"

/* SDM Vol. 3A, "Local APIC Version Register": integrated APIC, highest LVT entry 5. */
#define LVT_COUNT     6u
#define VERSION_VALUE (UINT32_C(0x14) | (LVT_COUNT - 1u) << 16)

/* "Spurious-Interrupt Vector Register (SVR)". Bits 9 and 12 are for features not offered. */
#define SVR_ENABLED  BIT32(8)
#define SVR_WRITABLE UINT32_C(0x1ff)
#define SVR_RESET    UINT32_C(0xff)
#define SVR_FIRMWARE UINT32_C(0x1ff)

#define LVT_EXTINT   (UINT32_C(7) << 8)
#define LVT_NMI      (UINT32_C(4) << 8)

/* "Error Status Register (ESR)". */
#define ESR_SEND_ILLEGAL_VECTOR    BIT32(5)
#define ESR_RECEIVE_ILLEGAL_VECTOR BIT32(6)
#define ESR_ILLEGAL_REGISTER       BIT32(7)

/* "Interrupt Command Register (ICR)", "ICR Operation in x2APIC Mode". */
#define ICR_LOGICAL      BIT32(11)
#define ICR_ASSERT       BIT32(14)
#define ICR_LEVEL        BIT32(15)
#define ICR_WRITABLE_LOW UINT32_C(0x000ccfff) /* without 12, 13, 17:16, 31:20 */
#define ICR_WRITABLE     (UINT64_C(0xffffffff00000000) | ICR_WRITABLE_LOW)

#define TPR_WRITABLE     UINT64_C(0xff)
#define DIVIDE_WRITABLE  UINT64_C(0xb)        /* bits 3, 1, 0 */
#define DFR_FIXED        UINT32_C(0x0fffffff) /* "Destination Format Register (DFR)" */
#define DFR_FLAT         UINT32_C(0xf)
#define ID_SHIFT         24u /* xAPIC: ID and LDR are in bits 31:24 */
#define BROADCAST_8      0xffu
#define FIRST_VECTOR     16u /* 0..15 are reserved: "Valid Interrupt Vectors" */
#define MSR_FIRST        0x800u

#define REG(l, offset)   ((l)->registers[(offset) / 4])

/* ---- Vectors and priorities ---- */

static uint32_t *word_of(const struct vlapic *l, uint32_t set, uint32_t vector)
{
	return &REG(l, set + vector / 32 * 16);
}

static bool vector_is_in(const struct vlapic *l, uint32_t set, uint32_t vector)
{
	return *word_of(l, set, vector) >> vector % 32 & 1;
}

/* The highest vector of a set whose words other than those of `words` are 0, or -1. */
static int32_t highest(const struct vlapic *l, uint32_t set, uint32_t words)
{
	while (words) {
		const uint32_t i = 31 - (uint32_t)__builtin_clz(words);
		const uint32_t word = REG(l, set + i * 16);

		if (word)
			return (int32_t)(i * 32 + 31) - __builtin_clz(word);
		words &= ~BIT32(i);
	}
	return -1;
}

int vlapic_highest_irr(const struct vlapic *l)
{
	return highest(l, APIC_IRR, UINT8_MAX);
}

int vlapic_highest_isr(const struct vlapic *l)
{
	return highest(l, APIC_ISR, UINT8_MAX);
}

/* "Task and Processor Priorities": in equal classes TPR's low bits count (our model's choice). */
static uint32_t processor_priority(const struct vlapic *l, int32_t in_service)
{
	const uint32_t tpr = REG(l, APIC_TPR);
	const uint32_t vector = in_service < 0 ? 0 : (uint32_t)in_service;

	return tpr >> 4 >= vector >> 4 ? tpr : vector & 0xf0;
}

static void compute_deliverable(struct vlapic *l)
{
	const int32_t vector = highest(l, APIC_IRR, l->irr_words);
	const uint32_t ppr = processor_priority(l, highest(l, APIC_ISR, l->isr_words));

	REG(l, APIC_PPR) = ppr;
	l->deliverable = vector >= 0 && (uint32_t)vector >> 4 > ppr >> 4 ? vector : -1;
	l->changed = true;
}

static void update_deliverable(struct vlapic *l)
{
	if (l->is_virtualized)
		l->changed = true;
	else
		compute_deliverable(l);
}

void vlapic_refresh(struct vlapic *l)
{
	l->irr_words = l->isr_words = UINT8_MAX;
	compute_deliverable(l);
}

uint32_t vlapic_priority(const struct vlapic *l)
{
	return REG(l, APIC_PPR);
}

static bool software_enabled(const struct vlapic *l)
{
	return REG(l, APIC_SVR) & SVR_ENABLED;
}

/* A legal vector arrives. "Local APIC State After It Has Been Software Disabled": ignored. */
static void accept_in_irr(struct vlapic *l, uint32_t vector)
{
	if (!software_enabled(l) || l->mode == VLAPIC_DISABLED)
		return;
	*word_of(l, APIC_IRR, vector) |= BIT32(vector % 32);
	*word_of(l, APIC_TMR, vector) &= ~BIT32(vector % 32);
	l->irr_words |= (uint8_t)BIT32(vector / 32);
	update_deliverable(l);
}

/* An error within the error interrupt's own vector is collected, but raises nothing more. */
static void error_detected(struct vlapic *l, uint32_t bit)
{
	const uint32_t lvt = REG(l, APIC_LVT_ERROR);

	l->esr_collected |= bit;
	if (lvt & LVT_MASKED)
		return;
	if ((lvt & LVT_VECTOR) >= FIRST_VECTOR)
		accept_in_irr(l, lvt & LVT_VECTOR);
	else
		l->esr_collected |= ESR_RECEIVE_ILLEGAL_VECTOR;
}

void vlapic_post(struct vlapic *l, uint8_t vector)
{
	if (vector >= FIRST_VECTOR)
		accept_in_irr(l, vector);
	else
		error_detected(l, ESR_RECEIVE_ILLEGAL_VECTOR);
}

void vlapic_merge(struct vlapic *l, const uint64_t vectors[4], const uint64_t level[4])
{
	if (!software_enabled(l) || l->mode == VLAPIC_DISABLED)
		return;
	for (uint32_t i = 0; i < 8; i++) {
		const uint32_t arrived = (uint32_t)(vectors[i / 2] >> 32 * (i % 2));
		const uint32_t by_level = (uint32_t)(level[i / 2] >> 32 * (i % 2));
		uint32_t *const tmr = &REG(l, APIC_TMR + i * 16);

		if (!arrived)
			continue;
		REG(l, APIC_IRR + i * 16) |= arrived;
		*tmr = (*tmr & ~arrived) | (by_level & arrived);
		l->irr_words |= (uint8_t)BIT32(i);
	}
	update_deliverable(l);
}

void vlapic_accept(struct vlapic *l, uint8_t vector)
{
	ASSERT(vector_is_in(l, APIC_IRR, vector));
	*word_of(l, APIC_IRR, vector) &= ~BIT32(vector % 32);
	*word_of(l, APIC_ISR, vector) |= BIT32(vector % 32);
	l->isr_words |= (uint8_t)BIT32(vector / 32);
	update_deliverable(l);
}

void vlapic_unaccept(struct vlapic *l, uint8_t vector)
{
	*word_of(l, APIC_ISR, vector) &= ~BIT32(vector % 32);
	*word_of(l, APIC_IRR, vector) |= BIT32(vector % 32);
	l->irr_words |= (uint8_t)BIT32(vector / 32);
	update_deliverable(l);
}

int vlapic_waiting(const struct vlapic *l)
{
	const int32_t vector = highest(l, APIC_IRR, l->irr_words);

	return vector >= 0 && vector >> 4 > highest(l, APIC_ISR, l->isr_words) >> 4 ? vector : -1;
}

void vlapic_eoi_done(struct vlapic *l, uint8_t vector, struct vlapic_effect *effect)
{
	memset(effect, 0, sizeof(*effect));
	effect->has_level_eoi = vector_is_in(l, APIC_TMR, vector);
	effect->eoi_vector = vector;
}

static void end_of_interrupt(struct vlapic *l, struct vlapic_effect *effect)
{
	const int32_t vector = highest(l, APIC_ISR, l->isr_words);

	if (vector >= 0) {
		uint32_t *const word = word_of(l, APIC_ISR, (uint32_t)vector);

		*word &= ~BIT32(vector % 32);
		if (!*word)
			l->isr_words &= (uint8_t)~BIT32(vector / 32);
		effect->has_level_eoi = vector_is_in(l, APIC_TMR, (uint32_t)vector);
		effect->eoi_vector = (uint8_t)vector;
	}
	update_deliverable(l);
}

static void set_tpr(struct vlapic *l, uint32_t tpr)
{
	REG(l, APIC_TPR) = tpr;
	update_deliverable(l);
}

void vlapic_set_cr8(struct vlapic *l, uint64_t cr8)
{
	set_tpr(l, (uint32_t)(cr8 & 0xf) << 4);
}

uint64_t vlapic_cr8(const struct vlapic *l)
{
	return REG(l, APIC_TPR) >> 4;
}

/* ---- Destinations ---- */

/* "Logical Destination Mode in x2APIC Mode". */
static uint32_t x2apic_logical_id(const struct vlapic *l)
{
	return (l->apic_id >> 4) << 16 | BIT32(l->apic_id & 0xf);
}

static bool matches_logical(const struct vlapic *l, uint32_t to)
{
	uint32_t own;

	if (l->mode == VLAPIC_X2APIC) {
		own = x2apic_logical_id(l);
		return to >> 16 == own >> 16 && (to & own & 0xffff) != 0;
	}
	own = REG(l, APIC_LDR) >> ID_SHIFT;
	if (REG(l, APIC_DFR) >> 28 == DFR_FLAT)
		return (to & own) != 0;
	return (to & 0xf0) == (own & 0xf0) && (to & own & 0xf) != 0; /* "cluster model" */
}

bool vlapic_matches(const struct vlapic *l, const struct irq_message *m)
{
	if (l->mode == VLAPIC_DISABLED)
		return false;
	if (m->destination == IRQ_BROADCAST)
		return true;
	return m->is_logical ? matches_logical(l, m->destination) : m->destination == l->apic_id;
}

bool vlapic_passes_extint(const struct vlapic *l)
{
	const uint32_t lvt = REG(l, APIC_LVT_LINT0);

	if (!l->is_bsp)
		return false;
	return l->mode == VLAPIC_DISABLED ||
	       (!(lvt & LVT_MASKED) && (lvt & LVT_DELIVERY_MODE) == LVT_EXTINT);
}

/* ---- Sending ---- */

/* One physical destination, and it is the sender: nobody else can match. */
static bool is_for_itself_only(const struct vlapic *l, const struct irq_message *m)
{
	return m->shorthand == IRQ_TO_SELF || (m->shorthand == IRQ_TO_DESTINATION &&
					       !m->is_logical && m->destination == l->apic_id);
}

static bool is_for_itself(const struct vlapic *l, const struct irq_message *m)
{
	switch (m->shorthand) {
	case IRQ_TO_SELF:
	case IRQ_TO_ALL:
		return true;
	case IRQ_TO_OTHERS:
		return false;
	default:
		return vlapic_matches(l, m);
	}
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
	if ((m->delivery == IRQ_FIXED || m->delivery == IRQ_LOWEST) && m->vector < FIRST_VECTOR) {
		error_detected(l, ESR_SEND_ILLEGAL_VECTOR);
		return;
	}
	effect->has_message = m->delivery != IRQ_FIXED || !is_for_itself_only(l, m);
	if (m->delivery == IRQ_FIXED && is_for_itself(l, m))
		accept_in_irr(l, m->vector);
}

/* In xAPIC mode: 8 bits, of which all ones are a broadcast. */
static void send_xapic(struct vlapic *l, uint32_t icr, struct vlapic_effect *effect)
{
	const uint32_t to = REG(l, APIC_ICR_HIGH) >> ID_SHIFT;

	send(l, icr, to == BROADCAST_8 ? IRQ_BROADCAST : to, effect);
}

/* ---- Registers ---- */

static void write_svr(struct vlapic *l, uint32_t value)
{
	REG(l, APIC_SVR) = value & SVR_WRITABLE;
	if (software_enabled(l))
		return;
	/* "Local APIC State After It Has Been Software Disabled": all mask bits are set. */
	for (uint32_t lvt = APIC_LVT_TIMER; lvt <= APIC_LVT_ERROR; lvt += 16)
		REG(l, lvt) |= LVT_MASKED;
	vlapic_timer_set_lvt(l, REG(l, APIC_LVT_TIMER));
}

#define PIN_LVT (LVT_VECTOR | LVT_DELIVERY_MODE | LVT_POLARITY | LVT_TRIGGER | LVT_MASKED)

/* In the order of their offsets: timer, thermal, performance counters, LINT0, LINT1, error. */
static const uint32_t lvt_writable[LVT_COUNT] = {
	LVT_VECTOR | LVT_MASKED | LVT_TIMER_MODE,
	LVT_VECTOR | LVT_DELIVERY_MODE | LVT_MASKED,
	LVT_VECTOR | LVT_DELIVERY_MODE | LVT_MASKED,
	PIN_LVT,
	PIN_LVT,
	LVT_VECTOR | LVT_MASKED,
};
static const uint32_t lvt_read_only[LVT_COUNT] = {
	LVT_STATUS,
	LVT_STATUS,
	LVT_STATUS,
	LVT_STATUS | LVT_REMOTE_IRR,
	LVT_STATUS | LVT_REMOTE_IRR,
	LVT_STATUS,
};

static void write_lvt(struct vlapic *l, uint32_t offset, uint32_t value)
{
	value &= lvt_writable[(offset - APIC_LVT_TIMER) / 16];
	if (!software_enabled(l))
		value |= LVT_MASKED;
	REG(l, offset) = value;
	if (offset == APIC_LVT_TIMER)
		vlapic_timer_set_lvt(l, value);
}

/* Common to both modes; reserved bits were refused, or are dropped here. False: no such register,
 * or it cannot be written. */
static bool write_register(struct vlapic *l, uint32_t offset, uint32_t value, uint64_t now_tsc,
			   struct vlapic_effect *effect)
{
	switch (offset) {
	case APIC_EOI:
		end_of_interrupt(l, effect);
		return true;
	case APIC_TPR:
		set_tpr(l, value & TPR_WRITABLE);
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
		return processor_priority(l, vlapic_highest_isr(l));
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

/* ---- x2APIC ---- */

enum err vlapic_read_msr(struct vlapic *l, uint32_t msr, uint64_t now_tsc, uint64_t *value)
{
	const uint32_t offset = (msr - MSR_FIRST) * 16;

	if (l->mode != VLAPIC_X2APIC || !is_readable(offset))
		return ERR_INVAL;
	vlapic_timer_expire(l, now_tsc);
	*value = read_register(l, offset, now_tsc);
	if (offset == APIC_ICR)
		*value |= (uint64_t)REG(l, APIC_ICR_HIGH) << 32;
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
	case APIC_ICR:
		return ICR_WRITABLE;
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

enum err vlapic_write_msr(struct vlapic *l, uint32_t msr, uint64_t value, uint64_t now_tsc,
			  struct vlapic_effect *effect)
{
	const uint32_t offset = (msr - MSR_FIRST) * 16;

	memset(effect, 0, sizeof(*effect));
	if (l->mode != VLAPIC_X2APIC || (value & ~writable_bits(offset)))
		return ERR_INVAL;
	if (offset == APIC_LVT_TIMER && (value & LVT_TIMER_MODE) == TIMER_RESERVED)
		return ERR_INVAL;
	vlapic_timer_expire(l, now_tsc);
	switch (offset) {
	case APIC_ICR:
		REG(l, APIC_ICR) = (uint32_t)value;
		REG(l, APIC_ICR_HIGH) = (uint32_t)(value >> 32);
		send(l, (uint32_t)value, (uint32_t)(value >> 32), effect);
		return OK;
	case APIC_SELF_IPI: /* "SELF IPI Register": the same as ICR with the self shorthand */
		send(l, (uint32_t)value | (uint32_t)IRQ_TO_SELF << 18, 0, effect);
		return OK;
	default:
		return write_register(l, offset, (uint32_t)value, now_tsc, effect) ? OK : ERR_INVAL;
	}
}

/* ---- xAPIC ---- */

uint32_t vlapic_read(struct vlapic *l, uint32_t offset, uint64_t now_tsc)
{
	offset &= ~UINT32_C(15);
	vlapic_timer_expire(l, now_tsc);
	if (is_readable(offset) || offset == APIC_DFR || offset == APIC_ICR_HIGH)
		return read_register(l, offset, now_tsc);
	if (offset != APIC_EOI && offset != APIC_APR && offset != APIC_RRD)
		error_detected(l, ESR_ILLEGAL_REGISTER);
	return 0;
}

static void write_xapic(struct vlapic *l, uint32_t offset, uint32_t value, uint64_t now_tsc,
			struct vlapic_effect *effect)
{
	switch (offset) {
	case APIC_ID: /* read only on every CPU that has x2APIC */
		REG(l, APIC_ID) = l->apic_id << ID_SHIFT;
		return;
	case APIC_LDR:
		REG(l, APIC_LDR) = value & ~UINT32_C(0) << ID_SHIFT;
		return;
	case APIC_DFR:
		REG(l, APIC_DFR) = value | DFR_FIXED;
		return;
	case APIC_ICR:
		REG(l, APIC_ICR) = value & ICR_WRITABLE_LOW;
		send_xapic(l, value, effect);
		return;
	case APIC_ICR_HIGH:
		REG(l, APIC_ICR_HIGH) = value & ~UINT32_C(0) << ID_SHIFT;
		return;
	default:
		if (!write_register(l, offset, value, now_tsc, effect))
			error_detected(l, ESR_ILLEGAL_REGISTER);
	}
}

/* "APIC Register Address Map": the timer's reserved mode is as if disarmed; we keep it one-shot. */
void vlapic_write(struct vlapic *l, uint32_t offset, uint32_t value, uint64_t now_tsc,
		  struct vlapic_effect *effect)
{
	memset(effect, 0, sizeof(*effect));
	if (offset & 15)
		return;
	vlapic_timer_expire(l, now_tsc);
	write_xapic(l, offset, value, now_tsc, effect);
}

void vlapic_written(struct vlapic *l, uint32_t offset, uint64_t now_tsc,
		    struct vlapic_effect *effect)
{
	memset(effect, 0, sizeof(*effect));
	offset &= ~UINT32_C(15);
	vlapic_timer_expire(l, now_tsc);
	if (l->mode == VLAPIC_X2APIC && offset == APIC_ICR)
		send(l, REG(l, APIC_ICR), REG(l, APIC_ICR + 4), effect);
	else
		write_xapic(l, offset, REG(l, offset), now_tsc, effect);
}

/* ---- Modes ---- */

/* What INIT and reset have in common. */
static void reset_registers(struct vlapic *l)
{
	memset(l->registers, 0, PAGE_BYTES);
	REG(l, APIC_VERSION) = VERSION_VALUE;
	REG(l, APIC_SVR) = SVR_RESET;
	REG(l, APIC_DFR) = UINT32_MAX;
	for (uint32_t lvt = APIC_LVT_TIMER; lvt <= APIC_LVT_ERROR; lvt += 16)
		REG(l, lvt) = LVT_MASKED;
	l->irr_words = l->isr_words = 0;
	l->esr_collected = 0;
	l->divide_config = 0;
	l->lvt_timer = LVT_MASKED;
	vlapic_timer_stop(l);
	update_deliverable(l);
}

static void show_ids(struct vlapic *l)
{
	if (l->mode == VLAPIC_X2APIC) {
		REG(l, APIC_ID) = l->apic_id;
		REG(l, APIC_LDR) = x2apic_logical_id(l);
	} else {
		REG(l, APIC_ID) = l->apic_id << ID_SHIFT;
	}
}

void vlapic_init(struct vlapic *l, void *page, uint32_t apic_id, enum vlapic_mode mode)
{
	*l = (struct vlapic){
		.registers = page, .apic_id = apic_id, .is_bsp = apic_id == 0, .mode = (uint8_t)mode
	};
	reset_registers(l);
	show_ids(l);
	if (l->is_bsp && mode == VLAPIC_XAPIC) {
		REG(l, APIC_SVR) = SVR_FIRMWARE;
		REG(l, APIC_LVT_LINT0) = LVT_EXTINT;
		REG(l, APIC_LVT_LINT1) = LVT_NMI;
	}
}

void vlapic_receive_init(struct vlapic *l)
{
	reset_registers(l);
	show_ids(l);
}

uint64_t vlapic_base(const struct vlapic *l)
{
	return APIC_BASE_ADDRESS | (l->is_bsp ? APIC_BASE_BSP : 0) |
	       (l->mode != VLAPIC_DISABLED ? APIC_BASE_ENABLE : 0) |
	       (l->mode == VLAPIC_X2APIC ? APIC_BASE_EXTD : 0);
}

/* "x2APIC State Transitions": from x2APIC only to disabled, from disabled only to xAPIC. */
enum err vlapic_set_base(struct vlapic *l, uint64_t value)
{
	enum vlapic_mode to;

	if ((value & ~(APIC_BASE_EXTD | APIC_BASE_ENABLE)) !=
	    (APIC_BASE_ADDRESS | (l->is_bsp ? APIC_BASE_BSP : 0)))
		return ERR_INVAL;
	if (!(value & APIC_BASE_ENABLE)) {
		if (value & APIC_BASE_EXTD)
			return ERR_INVAL;
		to = VLAPIC_DISABLED;
	} else {
		to = value & APIC_BASE_EXTD ? VLAPIC_X2APIC : VLAPIC_XAPIC;
	}
	if (to == l->mode)
		return OK;
	if ((l->mode == VLAPIC_X2APIC && to == VLAPIC_XAPIC) ||
	    (l->mode == VLAPIC_DISABLED && to == VLAPIC_X2APIC))
		return ERR_INVAL;
	l->mode = (uint8_t)to;
	if (to == VLAPIC_DISABLED)
		reset_registers(l); /* "prior initialization to the APIC may be lost" */
	show_ids(l);
	return OK;
}

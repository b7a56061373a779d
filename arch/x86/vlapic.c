/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>
#include "arch/x86/vlapic_registers.h"
#include "arch/x86/vlapic_timer.h"
#include "core/lib/assert.h"

/* SDM Vol. 3A, "Local APIC Version Register": integrated APIC, highest LVT entry 5. */
#define LVT_COUNT     6u
#define VERSION_VALUE (UINT32_C(0x14) | (LVT_COUNT - 1u) << 16)

#define SVR_RESET     UINT32_C(0xff)
#define SVR_FIRMWARE  UINT32_C(0x1ff)
#define LVT_EXTINT    (UINT32_C(7) << 8)
#define LVT_NMI       (UINT32_C(4) << 8)
#define DFR_FLAT      UINT32_C(0xf) /* "Destination Format Register (DFR)", bits 31:28 */

/* ---- Vectors and priorities ---- */

/* A set is eight registers: its vectors 32i to 32i + 31. */
static uint32_t *word_at(const struct vlapic *l, uint32_t set, uint32_t i)
{
	return &l->registers[set / 4 + i * 4];
}

static uint32_t *word_of(const struct vlapic *l, uint32_t set, uint32_t vector)
{
	return word_at(l, set, vector / 32);
}

static bool vector_is_in(const struct vlapic *l, uint32_t set, uint32_t vector)
{
	return *word_of(l, set, vector) >> vector % 32 & 1;
}

/* `words` tells which words of the set may not be 0. */
static void put(struct vlapic *l, uint32_t set, uint8_t *words, uint32_t vector)
{
	*word_of(l, set, vector) |= BIT32(vector % 32);
	*words |= (uint8_t)BIT32(vector / 32);
}

static void take_out(struct vlapic *l, uint32_t set, uint8_t *words, uint32_t vector)
{
	uint32_t *const word = word_of(l, set, vector);

	*word &= ~BIT32(vector % 32);
	if (!*word)
		*words &= (uint8_t)~BIT32(vector / 32);
}

static uint32_t bsr(uint32_t word)
{
	return 31 ^ (uint32_t)__builtin_clz(word);
}

/* The highest vector of a set whose words other than those of `words` are 0, or -1. */
static inline __attribute__((always_inline)) int32_t highest(const struct vlapic *l, uint32_t set,
							     uint32_t words)
{
	while (words) {
		const uint32_t i = bsr(words);
		const uint32_t word = *word_at(l, set, i);

		if (word)
			return (int32_t)(i * 32 + bsr(word));
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

uint32_t vlapic_compute_priority(const struct vlapic *l)
{
	return processor_priority(l, vlapic_highest_isr(l));
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

/*
 * "Local APIC State After It Has Been Software Disabled": what arrives then is ignored. One that
 * is disabled as a whole is in its reset state, and so disabled by software too.
 */
static bool takes_vectors(const struct vlapic *l)
{
	return vlapic_software_enabled(l);
}

void vlapic_accept_in_irr(struct vlapic *l, uint32_t vector)
{
	if (!takes_vectors(l))
		return;
	put(l, APIC_IRR, &l->irr_words, vector);
	*word_of(l, APIC_TMR, vector) &= ~BIT32(vector % 32);
	update_deliverable(l);
}

/*
 * Only the first error raises the error interrupt: a write to ESR "rearms" it. That its own
 * vector is illegal is one more error, and raises nothing.
 */
void vlapic_error(struct vlapic *l, uint32_t esr_bits)
{
	const uint32_t lvt = REG(l, APIC_LVT_ERROR);
	const bool is_armed = l->esr_collected == 0;

	l->esr_collected |= esr_bits;
	if (!is_armed || (lvt & LVT_MASKED))
		return;
	if ((lvt & LVT_VECTOR) >= IRQ_FIRST_VECTOR)
		vlapic_accept_in_irr(l, lvt & LVT_VECTOR);
	else
		l->esr_collected |= ESR_RECEIVE_ILLEGAL_VECTOR;
}

void vlapic_post(struct vlapic *l, uint8_t vector)
{
	if (vector >= IRQ_FIRST_VECTOR)
		vlapic_accept_in_irr(l, vector);
	else
		vlapic_error(l, ESR_RECEIVE_ILLEGAL_VECTOR);
}

static void merge_word(struct vlapic *l, uint32_t i, uint32_t arrived, uint32_t by_level)
{
	uint32_t *const tmr = word_at(l, APIC_TMR, i);

	*word_at(l, APIC_IRR, i) |= arrived;
	*tmr = (*tmr & ~arrived) | (by_level & arrived);
	l->irr_words |= (uint8_t)BIT32(i);
}

void vlapic_merge(struct vlapic *l, const uint64_t vectors[4], const uint64_t level[4])
{
	if (!takes_vectors(l))
		return;
	for (uint32_t i = 0; i < 4; i++) {
		const uint64_t arrived = vectors[i];

		if (!arrived)
			continue;
		if ((uint32_t)arrived)
			merge_word(l, 2 * i, (uint32_t)arrived, (uint32_t)level[i]);
		if (arrived >> 32)
			merge_word(l, 2 * i + 1, (uint32_t)(arrived >> 32),
				   (uint32_t)(level[i] >> 32));
	}
	update_deliverable(l);
}

void vlapic_accept(struct vlapic *l, uint8_t vector)
{
	ASSERT(vector_is_in(l, APIC_IRR, vector));
	take_out(l, APIC_IRR, &l->irr_words, vector);
	put(l, APIC_ISR, &l->isr_words, vector);
	update_deliverable(l);
}

void vlapic_note_in_service(struct vlapic *l, uint8_t vector)
{
	put(l, APIC_ISR, &l->isr_words, vector);
	update_deliverable(l);
}

void vlapic_unaccept(struct vlapic *l, uint8_t vector)
{
	take_out(l, APIC_ISR, &l->isr_words, vector);
	put(l, APIC_IRR, &l->irr_words, vector);
	update_deliverable(l);
}

int vlapic_waiting(const struct vlapic *l)
{
	const int32_t vector = highest(l, APIC_IRR, l->irr_words);

	return vector >= 0 && vector >> 4 > highest(l, APIC_ISR, l->isr_words) >> 4 ? vector : -1;
}

void vlapic_eoi_done(struct vlapic *l, uint8_t vector, struct vlapic_effect *effect)
{
	effect->has_message = false;
	effect->has_level_eoi = vector_is_in(l, APIC_TMR, vector);
	effect->eoi_vector = vector;
}

void vlapic_end_of_interrupt(struct vlapic *l, struct vlapic_effect *effect)
{
	const int32_t vector = highest(l, APIC_ISR, l->isr_words);

	if (vector < 0)
		return;
	take_out(l, APIC_ISR, &l->isr_words, (uint32_t)vector);
	effect->has_level_eoi = vector_is_in(l, APIC_TMR, (uint32_t)vector);
	effect->eoi_vector = (uint8_t)vector;
	update_deliverable(l);
}

void vlapic_set_tpr(struct vlapic *l, uint32_t tpr)
{
	REG(l, APIC_TPR) = tpr;
	update_deliverable(l);
}

void vlapic_set_cr8(struct vlapic *l, uint64_t cr8)
{
	vlapic_set_tpr(l, (uint32_t)(cr8 & 0xf) << 4);
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
	return to >> 4 == own >> 4 && (to & own & 0xf) != 0; /* "cluster model" */
}

/*
 * "Local APIC State After It Has Been Software Disabled": NMI, INIT and start-up still arrive,
 * vectors do not. So none that is for the lowest priority is lost in one that ignores it.
 */
bool vlapic_takes(const struct vlapic *l, const struct irq_message *m)
{
	return l->mode != VLAPIC_DISABLED && (m->delivery > IRQ_LOWEST || takes_vectors(l));
}

bool vlapic_matches(const struct vlapic *l, const struct irq_message *m)
{
	if (!vlapic_takes(l, m))
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
	vlapic_timer_reset(l);
	compute_deliverable(l);
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

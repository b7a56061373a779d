/* SPDX-License-Identifier: Apache-2.0 */
#include "arch/x86/pc/vpm.h"
#include "arch/x86/pc/ticks.h"
#include "core/lib/assert.h"

/* "PM1 Status Registers", "PM1 Enable Registers", "PM1 Control Registers". */
#define TMR_STS          0x0001u
#define TMR_EN           0x0001u
#define EN_WRITABLE      0x0721u /* TMR, GBL, PWRBTN, SLPBTN, RTC */
#define EN_SHIFT         16      /* within the event block */
#define SCI_EN           0x0001u /* hardware's: ACPI mode is on and stays on */
#define CONTROL_WRITABLE 0x1c02u /* BM_RLD, SLP_TYP */
#define SLP_TYP_SHIFT    10
#define SLP_TYP_BITS     7u
#define SLP_EN           0x2000u /* w, reads 0 */

/* The highest bit of a 32-bit timer changes that often: every 2^31 ticks. */
#define CARRY_SHIFT 31

static uint64_t ticks(const struct vpm *p, uint64_t now_tsc)
{
	return ticks_at(p->epoch_tsc, now_tsc, PC_PM_TIMER_HZ, p->tsc_hz);
}

static bool has_carry(const struct vpm *p, uint64_t now_tsc)
{
	return ticks(p, now_tsc) >> CARRY_SHIFT > p->carries_cleared;
}

void vpm_init(struct vpm *p, uint64_t tsc_hz, uint64_t epoch_tsc)
{
	ASSERT(tsc_hz >= PC_PM_TIMER_HZ);
	*p = (struct vpm){ .tsc_hz = tsc_hz, .epoch_tsc = epoch_tsc, .control = SCI_EN };
}

/* The 32 bits of the register block at `port`. */
static uint32_t read_block(const struct vpm *p, uint32_t port, uint64_t now_tsc)
{
	switch (port) {
	case PC_PM1_EVENT:
		return (has_carry(p, now_tsc) ? TMR_STS : 0) | (uint32_t)p->enable << EN_SHIFT;
	case PC_PM1_CONTROL:
		return p->control;
	default:
		return (uint32_t)ticks(p, now_tsc);
	}
}

uint32_t vpm_read(const struct vpm *p, uint16_t port, uint32_t width, uint64_t now_tsc)
{
	uint32_t value;

	if (port == PC_PM_TIMER && width == 4) /* what clock sources do */
		return (uint32_t)ticks(p, now_tsc);
	value = read_block(p, port & ~3u, now_tsc) >> (port & 3) * 8;
	return width == 4 ? value : value & (BIT32(width * 8) - 1);
}

static void write_event(struct vpm *p, uint32_t mask, uint32_t value, uint64_t now_tsc)
{
	const uint32_t enable_mask = mask >> EN_SHIFT & EN_WRITABLE;

	if (value & mask & TMR_STS)
		p->carries_cleared = ticks(p, now_tsc) >> CARRY_SHIFT;
	p->enable = (uint16_t)((p->enable & ~enable_mask) | (value >> EN_SHIFT & enable_mask));
}

/* SLP_TYP counts as written together with SLP_EN, or before it. */
static bool write_control(struct vpm *p, uint32_t mask, uint32_t value)
{
	const uint32_t writable = mask & CONTROL_WRITABLE;

	p->control = (uint16_t)((p->control & ~writable) | (value & writable));
	return (value & mask & SLP_EN) &&
	       (p->control >> SLP_TYP_SHIFT & SLP_TYP_BITS) == PC_S5_TYPE;
}

bool vpm_write(struct vpm *p, uint16_t port, uint32_t width, uint32_t value, uint64_t now_tsc)
{
	const uint32_t shift = (port & 3u) * 8;
	const uint32_t mask = (width == 4 ? UINT32_MAX : BIT32(width * 8) - 1) << shift;

	switch (port & ~3u) {
	case PC_PM1_EVENT:
		write_event(p, mask, value << shift, now_tsc);
		return false;
	case PC_PM1_CONTROL:
		return write_control(p, mask, value << shift);
	default:
		return false;
	}
}

bool vpm_sci(const struct vpm *p, uint64_t now_tsc)
{
	return (p->enable & TMR_EN) && has_carry(p, now_tsc);
}

uint64_t vpm_next_tsc(const struct vpm *p, uint64_t now_tsc)
{
	uint64_t carries;

	if (!(p->enable & TMR_EN))
		return TSC_NEVER;
	carries = ticks(p, now_tsc) >> CARRY_SHIFT;
	if (carries > p->carries_cleared)
		return TSC_NEVER;
	return ticks_to_tsc(p->epoch_tsc, (carries + 1) << CARRY_SHIFT, PC_PM_TIMER_HZ, p->tsc_hz);
}

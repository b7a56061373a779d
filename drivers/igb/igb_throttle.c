/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How long a unit of EITR is. The data sheet and an emulator differ by a factor of four, so it is
 * measured once, with the PF's own vector, which nobody listens to: "Interrupt Throttle" holds a cause back
 * until the interval that the last message began is over, and "Auto-Clear" takes it away when its message
 * goes out. A cause that is found set was held back; one that is not, was sent.
 */
#include "drivers/igb/igb_internal.h"

#define MEASURED_UNITS 0x1000u
#define MEASURE_NS     MS(20) /* longer than any unit that would be believed */

/* What is believed: a half of the data sheet's unit, to eight of it. */
#define PS_MIN (IGB_THROTTLE_PS / 2)
#define PS_MAX (IGB_THROTTLE_PS * 8)

/* Raises the PF's cause. True: it was held back. Reading clears it. */
static bool probe(const struct igb *d)
{
	igb_write(d, IGB_EICS, BIT32(IGB_PF_VECTOR));
	return igb_read(d, IGB_EICR) & BIT32(IGB_PF_VECTOR);
}

static bool end(struct igb *d, uint32_t ps)
{
	d->throttle_is_measured = ps != 0;
	d->throttle_ps = ps != 0 ? ps : IGB_THROTTLE_PS;
	igb_write(d, IGB_EIMC, BIT32(IGB_PF_VECTOR));
	igb_write(d, IGB_EIAC, 0);
	igb_write(d, IGB_EITR(IGB_PF_VECTOR), 0);
	(void)igb_read(d, IGB_EICR);
	return true;
}

static bool begin(struct igb *d, uint64_t now_tsc)
{
	igb_write(d, IGB_EIAC, BIT32(IGB_PF_VECTOR));
	igb_write(d, IGB_EITR(IGB_PF_VECTOR), MEASURED_UNITS);
	igb_write(d, IGB_EIMS, BIT32(IGB_PF_VECTOR));
	d->measure_tsc = now_tsc;
	/* The first one goes out at once, or nothing of this kind can be seen. */
	return probe(d) && end(d, 0);
}

bool igb_throttle_measure(struct igb *d, uint64_t now_tsc)
{
	const uint64_t passed_tsc = now_tsc - d->measure_tsc;
	uint64_t ps;

	if (d->throttle_ps != 0)
		return true;
	if (d->measure_tsc == 0)
		return begin(d, now_tsc);
	if (probe(d))
		return passed_tsc >= igb_ticks(d, MEASURE_NS) && end(d, 0);
	ps = mul_div(passed_tsc, SEC(1000), d->config.tsc_hz) / MEASURED_UNITS;
	return end(d, ps >= PS_MIN && ps <= PS_MAX ? (uint32_t)ps : 0);
}

uint32_t igb_throttle_of(const struct igb *d, uint64_t interval_ns, enum igb_rounding rounding)
{
	const uint64_t step_ps =
		(uint64_t)(d->throttle_ps ? d->throttle_ps : IGB_THROTTLE_PS) * IGB_THROTTLE_STEP;
	const uint64_t ps = min_u64(interval_ns, SEC(1)) * 1000;
	const uint64_t steps = (rounding == IGB_ROUND_UP ? ps + step_ps - 1 : ps) / step_ps;

	return (uint32_t)min_u64(steps * IGB_THROTTLE_STEP, IGB_THROTTLE_MAX);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "arch/x86/pc/vpit.h"
#include "arch/x86/pc/ticks.h"
#include "core/lib/assert.h"

#define PORT_CONTROL 3u /* of PC_PIT */

/* "Control Word Format". */
#define CONTROL_BCD          0x01u
#define CONTROL_MODE_SHIFT   1
#define CONTROL_ACCESS_SHIFT 4
#define CONTROL_KEPT         0x3fu
#define CONTROL_SELECT_SHIFT 6
#define CONTROL_SELECT_BACK  3u /* "Read-Back Command" */
#define ACCESS_LATCH         0u /* "Counter Latch Command" */
#define ACCESS_LOW           1u
#define ACCESS_HIGH          2u
#define ACCESS_BOTH          3u
#define BACK_NO_COUNT        0x20u
#define BACK_NO_STATUS       0x10u
#define STATUS_OUT           0x80u
#define STATUS_NULL          0x40u

/* "NMI_SC". */
#define P61_GATE_2       0x01u
#define P61_WRITABLE     0x0fu
#define P61_REFRESH      0x10u
#define P61_OUT_2        0x20u
#define REFRESH_TICKS    18u

#define COUNT_MAX_BINARY 0x10000u
#define COUNT_MAX_BCD    10000u

static uint64_t tick_of(const struct vpit *t, uint64_t now_tsc)
{
	return ticks_at(t->epoch_tsc, now_tsc, PC_PIT_HZ, t->tsc_hz);
}

static uint32_t access_of(const struct vpit_counter *c)
{
	return c->control >> CONTROL_ACCESS_SHIFT & 3;
}

/* 110b and 111b are 2 and 3. */
static uint32_t mode_of(const struct vpit_counter *c)
{
	const uint32_t mode = c->control >> CONTROL_MODE_SHIFT & 7;

	return mode > 5 ? mode - 4 : mode;
}

/* Modes 2 and 3, as 110b and 111b too. */
static bool is_periodic(const struct vpit_counter *c)
{
	return c->control & 2u << CONTROL_MODE_SHIFT;
}

/* In modes 1 and 5 the gate only triggers. */
static bool is_triggered(const struct vpit_counter *c)
{
	return mode_of(c) == 1 || mode_of(c) == 5;
}

static uint32_t count_max(const struct vpit_counter *c)
{
	return c->control & CONTROL_BCD ? COUNT_MAX_BCD : COUNT_MAX_BINARY;
}

static uint32_t from_bcd(uint32_t v)
{
	return (v & 15) + (v >> 4 & 15) * 10 + (v >> 8 & 15) * 100 + (v >> 12 & 15) * 1000;
}

static uint32_t to_bcd(uint32_t v)
{
	return v % 10 | v / 10 % 10 << 4 | v / 100 % 10 << 8 | v / 1000 % 10 << 12;
}

/* Ticks counted since `start`. Another core's TSC may be a little behind ours. */
static uint64_t elapsed(const struct vpit_counter *c, uint64_t tick)
{
	if (c->is_halted)
		return c->counted;
	return tick > c->start ? tick - c->start : 0;
}

/* Mode 3: the length of the half cycle that begins at `start`; odd counts are high for longer. */
static uint32_t first_half(const struct vpit_counter *c)
{
	return c->starts_high ? (c->count + 1) / 2 : c->count / 2;
}

static bool square_wave(const struct vpit_counter *c, uint64_t tick)
{
	return (elapsed(c, tick) % c->count < first_half(c)) == c->starts_high;
}

/* OUT between `tick` and the next one. */
static bool output(const struct vpit_counter *c, uint64_t tick)
{
	switch (mode_of(c)) {
	case 0:
	case 1:
		return tick >= c->expiry;
	case 2: /* "If GATE goes low during an output pulse, OUT is set high immediately" */
		return !c->is_loaded || c->is_halted || elapsed(c, tick) % c->count != c->count - 1;
	case 3:
		return !c->is_loaded || c->is_halted || square_wave(c, tick);
	default:
		return tick != c->expiry;
	}
}

/* Modes 2 and 3 wait for a trigger, mode 0 also for the second half of its count. */
static bool is_stopped(const struct vpit_counter *c)
{
	return !is_triggered(c) && (!c->gate || (mode_of(c) == 0 && c->has_low));
}

/* The pending load takes place: "New counts are loaded and Counters are decremented". */
static __attribute__((noinline)) void load_count(struct vpit_counter *c)
{
	c->starts_high = c->is_halted || !c->is_loaded || !output(c, c->load - 1);
	c->is_halted = is_stopped(c);
	c->start = c->load;
	c->load = TSC_NEVER;
	c->counted = 0;
	c->count = c->reload;
	c->is_loaded = true;
	c->is_null = false;
	c->expiry = c->is_halted ? TSC_NEVER : c->start + c->count;
}

static void settle(struct vpit_counter *c, uint64_t tick)
{
	if (c->load <= tick)
		load_count(c);
}

/* The end of the cycle (mode 3: half cycle) that `tick` is in. */
static uint64_t cycle_end(const struct vpit_counter *c, uint64_t tick)
{
	const uint64_t passed = elapsed(c, tick) % c->count;
	const uint32_t half = first_half(c);

	if (mode_of(c) == 3 && passed < half)
		return tick + half - passed;
	return tick + c->count - passed;
}

/* "Gate Operations": from now on nothing is counted. No cycle ends; the next trigger loads. */
static void halt(struct vpit_counter *c, uint64_t tick)
{
	if (c->is_halted || is_triggered(c))
		return;
	c->counted = (uint32_t)(elapsed(c, tick) %
				(c->is_loaded && is_periodic(c) ? c->count : count_max(c)));
	if (c->is_loaded && is_periodic(c))
		c->load = TSC_NEVER;
	c->is_halted = true;
	if (c->expiry > tick)
		c->expiry = TSC_NEVER;
}

/* Modes 0 and 4 count on. A load that is pending will set the expiry. */
static void resume(struct vpit_counter *c, uint64_t tick)
{
	if (!c->is_halted || is_stopped(c))
		return;
	c->is_halted = false;
	c->start = tick - c->counted;
	if (c->is_loaded && c->expiry == TSC_NEVER && c->load == TSC_NEVER)
		c->expiry = c->start + c->count;
}

static void set_gate(struct vpit_counter *c, bool gate, uint64_t tick)
{
	if (gate == c->gate)
		return;
	settle(c, tick);
	c->gate = gate;
	if (!gate)
		halt(c, tick);
	else if (!is_triggered(c) && !is_periodic(c))
		resume(c, tick);
	else if (c->is_written)
		c->load = tick + 1;
}

/* "Write Operations": the mode's output at once, and nothing is counted before a count comes. */
static void write_control(struct vpit_counter *c, uint8_t value)
{
	*c = (struct vpit_counter){
		.control = value & CONTROL_KEPT,
		.gate = c->gate,
		.load = TSC_NEVER,
		.is_null = true,
	};
	c->expiry = mode_of(c) == 1 ? 0 : TSC_NEVER;
	c->is_halted = is_stopped(c);
}

/* Both halves are there. Mode 0: "OUT remains low until the Counter reaches zero". */
static void write_reload(struct vpit_counter *c, uint32_t value, uint64_t tick)
{
	const uint32_t count = c->control & CONTROL_BCD ? from_bcd(value) % COUNT_MAX_BCD : value;

	c->reload = count == 0 ? count_max(c) : count;
	c->is_written = true;
	c->is_null = true;
	if (is_triggered(c))
		return;
	if (!is_periodic(c) || !c->is_loaded)
		c->load = tick + 1;
	else if (!c->is_halted)
		c->load = cycle_end(c, tick);
	if (mode_of(c) == 0) {
		c->expiry = TSC_NEVER;
		resume(c, tick);
	}
}

/* Mode 0: "Writing the first byte disables counting. OUT is set low immediately". */
static void write_first_half(struct vpit_counter *c, uint8_t value, uint64_t tick)
{
	c->low = value;
	c->has_low = true;
	if (mode_of(c) == 0) {
		halt(c, tick);
		c->expiry = TSC_NEVER;
	}
}

static void write_count(struct vpit_counter *c, uint8_t value, uint64_t tick)
{
	settle(c, tick);
	switch (access_of(c)) {
	case ACCESS_LOW:
		write_reload(c, value, tick);
		break;
	case ACCESS_HIGH:
		write_reload(c, (uint32_t)value << 8, tick);
		break;
	default:
		if (!c->has_low) {
			write_first_half(c, value, tick);
			break;
		}
		c->has_low = false;
		write_reload(c, c->low | (uint32_t)value << 8, tick);
		break;
	}
}

/* Mode 3 counts by two, odd counts from one less. */
static uint32_t periodic_count(const struct vpit_counter *c, uint64_t passed)
{
	const uint32_t position = (uint32_t)(passed % c->count);

	if (mode_of(c) == 2)
		return c->count - position;
	if (position < first_half(c))
		return (c->count & ~1u) - 2 * position;
	return (c->count & ~1u) - 2 * (position - first_half(c));
}

/* The counting element; where it does not count in decades its 16 bits wrap by themselves. */
static inline __attribute__((always_inline)) uint16_t current_count(const struct vpit_counter *c,
								    uint64_t tick)
{
	const uint64_t passed = elapsed(c, tick);
	uint32_t value;

	if (!c->is_loaded)
		return 0;
	value = is_periodic(c) ? periodic_count(c, passed) : c->count - (uint32_t)passed;
	if (!(c->control & CONTROL_BCD))
		return (uint16_t)value;
	if (!is_periodic(c))
		value = c->count + COUNT_MAX_BCD - (uint32_t)(passed % COUNT_MAX_BCD);
	return (uint16_t)to_bcd(value % COUNT_MAX_BCD);
}

static void latch_count(struct vpit_counter *c, uint64_t tick)
{
	settle(c, tick);
	if (c->is_latched)
		return;
	c->latched = current_count(c, tick);
	c->is_latched = true;
}

static void latch_status(struct vpit_counter *c, uint64_t tick)
{
	settle(c, tick);
	if (c->is_status_latched)
		return;
	c->latched_status = (uint8_t)(c->control | (output(c, tick) ? STATUS_OUT : 0) |
				      (c->is_null ? STATUS_NULL : 0));
	c->is_status_latched = true;
}

/* The half whose turn it is. A latched count has been read with the last of them. */
static uint8_t take_half(struct vpit_counter *c, uint16_t value)
{
	const uint32_t access = access_of(c);

	if (access == ACCESS_BOTH) {
		c->reads_high = !c->reads_high;
		if (c->reads_high)
			return (uint8_t)value;
	}
	c->is_latched = false;
	return (uint8_t)(access == ACCESS_LOW ? value : value >> 8);
}

static __attribute__((noinline)) uint8_t read_latched(struct vpit_counter *c, uint64_t tick)
{
	settle(c, tick);
	if (c->is_status_latched) {
		c->is_status_latched = false;
		return c->latched_status;
	}
	return take_half(c, c->is_latched ? c->latched : current_count(c, tick));
}

/* Guests that wait for a time to pass do it with these. */
static __attribute__((noinline)) uint8_t read_counter(struct vpit_counter *c, uint64_t tick)
{
	if (__builtin_expect(c->load <= tick || c->is_latched || c->is_status_latched, 0))
		return read_latched(c, tick);
	return take_half(c, current_count(c, tick));
}

static void read_back(struct vpit *t, uint8_t command, uint64_t tick)
{
	for (uint32_t i = 0; i < 3; i++) {
		if (!(command >> (i + 1) & 1))
			continue;
		if (!(command & BACK_NO_COUNT))
			latch_count(&t->counters[i], tick);
		if (!(command & BACK_NO_STATUS))
			latch_status(&t->counters[i], tick);
	}
}

/* ---- Counter 0's rises ---- */

/* The next rise in a periodic mode. Some are left out where they are too close to each other. */
static uint64_t next_periodic_rise(const struct vpit_counter *c, uint64_t tick)
{
	const uint64_t offset = mode_of(c) == 2 || c->starts_high ? c->count : first_half(c);
	const uint64_t first = c->start + offset;

	if (c->count == 1) /* illegal: the output never changes */
		return TSC_NEVER;
	if (c->count < VPIT_PERIODIC_MIN_TICKS)
		tick += VPIT_PERIODIC_MIN_TICKS - 1;
	return tick < first ? first : first + ((tick - first) / c->count + 1) * c->count;
}

/* On a copy: a load that is pending is carried out. */
static uint64_t next_rise(struct vpit_counter c, uint64_t tick)
{
	if (c.load != TSC_NEVER) {
		const bool was_low = !output(&c, c.load - 1);

		tick = c.load;
		settle(&c, tick);
		if (was_low && output(&c, tick))
			return tick;
	}
	if (!c.is_loaded || c.is_halted)
		return TSC_NEVER;
	if (is_periodic(&c))
		return next_periodic_rise(&c, tick);
	if (mode_of(&c) >= 4)
		return c.expiry != TSC_NEVER && c.expiry >= tick ? c.expiry + 1 : TSC_NEVER;
	return c.expiry > tick ? c.expiry : TSC_NEVER;
}

static void rearm(struct vpit *t, uint64_t tick)
{
	t->next_rise = next_rise(t->counters[0], tick);
	t->next_tsc = t->next_rise == TSC_NEVER
			      ? TSC_NEVER
			      : ticks_to_tsc(t->epoch_tsc, t->next_rise, PC_PIT_HZ, t->tsc_hz);
}

/* All rises up to now are one. */
static void advance(struct vpit *t, uint64_t tick)
{
	if (tick < t->next_rise)
		return;
	t->has_risen = true;
	t->irq0 = true;
	settle(&t->counters[0], tick);
}

bool vpit_expire(struct vpit *t, uint64_t now_tsc)
{
	const uint64_t tick = tick_of(t, now_tsc);

	advance(t, tick);
	if (!t->has_risen)
		return false;
	t->has_risen = false;
	rearm(t, tick);
	return true;
}

/* ---- Ports ---- */

void vpit_init(struct vpit *t, uint64_t tsc_hz, uint64_t now_tsc)
{
	ASSERT(tsc_hz >= PC_PIT_HZ);
	*t = (struct vpit){ .tsc_hz = tsc_hz, .epoch_tsc = now_tsc };
	for (uint32_t i = 0; i < 3; i++) {
		t->counters[i].gate = i != 2;
		write_control(&t->counters[i],
			      ACCESS_BOTH << CONTROL_ACCESS_SHIFT | 3 << CONTROL_MODE_SHIFT);
	}
	write_reload(&t->counters[0], 0, 0);
	write_reload(&t->counters[1], REFRESH_TICKS, 0);
	t->irq0 = true;
	rearm(t, 0);
}

static uint8_t read_port_61(struct vpit *t, uint64_t tick)
{
	uint32_t value = t->port_61;

	settle(&t->counters[2], tick);
	if (output(&t->counters[2], tick))
		value |= P61_OUT_2;
	if (tick / REFRESH_TICKS & 1)
		value |= P61_REFRESH;
	return (uint8_t)value;
}

uint8_t vpit_read(struct vpit *t, uint16_t port, uint64_t now_tsc)
{
	const uint64_t tick = tick_of(t, now_tsc);

	if (port - PC_PIT < PORT_CONTROL)
		return read_counter(&t->counters[port - PC_PIT], tick);
	if (port == PC_PORT_61)
		return read_port_61(t, tick);
	return 0xff; /* "No-Operation (3-State)" */
}

/* Latch commands change no output. */
static bool is_latch(uint8_t control_word)
{
	return control_word >> CONTROL_SELECT_SHIFT == CONTROL_SELECT_BACK ||
	       (control_word >> CONTROL_ACCESS_SHIFT & 3) == ACCESS_LATCH;
}

static void latch(struct vpit *t, uint8_t control_word, uint64_t tick)
{
	const uint32_t select = control_word >> CONTROL_SELECT_SHIFT;

	if (select == CONTROL_SELECT_BACK)
		read_back(t, control_word, tick);
	else
		latch_count(&t->counters[select], tick);
}

static void write_register(struct vpit_counter *c, bool is_control, uint8_t value, uint64_t tick)
{
	if (is_control)
		write_control(c, value);
	else
		write_count(c, value, tick);
}

/* Counter 0's output may change at once, and its next rise. */
static void write_counter_0(struct vpit *t, bool is_control, uint8_t value, uint64_t tick)
{
	struct vpit_counter *const c = &t->counters[0];
	bool was_high, is_high;

	advance(t, tick);
	settle(c, tick);
	was_high = output(c, tick);
	write_register(c, is_control, value, tick);
	is_high = output(c, tick);
	if (was_high != is_high)
		t->irq0 = is_high;
	t->has_risen |= is_high && !was_high;
	rearm(t, tick);
}

void vpit_write(struct vpit *t, uint16_t port, uint8_t value, uint64_t now_tsc)
{
	const uint64_t tick = tick_of(t, now_tsc);
	const bool is_control = port == PC_PIT + PORT_CONTROL;
	uint32_t counter;

	if (port == PC_PORT_61) {
		t->port_61 = value & P61_WRITABLE;
		set_gate(&t->counters[2], value & P61_GATE_2, tick);
		return;
	}
	if (is_control && is_latch(value)) {
		latch(t, value, tick);
		return;
	}
	counter = is_control ? value >> CONTROL_SELECT_SHIFT : port & 3u;
	if (counter != 0) {
		write_register(&t->counters[counter], is_control, value, tick);
		return;
	}
	write_counter_0(t, is_control, value, tick);
	if (t->has_risen)
		t->next_tsc = now_tsc;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* io/irq_rate.c - see io/irq_rate.h. */
#include "io/irq_rate.h"

#define NS_PER_S 1000000000u
/* Quiet is left at so many times the traffic at which it is entered. */
#define QUIET_LEAVE 2u

/*
 * CGR: section 4.2. It has no number for "occasional"; below the rarest class's own rate, an interrupt
 * for each costs no more than any class may.
 *
 * AIR: the paper has no numbers. k is a quarter of a ring of 256: traffic may grow to four times what the
 * last window had before the ring is full at the rate it asked for. The offset is what a stream of full
 * frames needs to be received at 3 Gbit/s, whatever was before, and costs little on any machine;
 * the threshold is half of it, so that what is in force is never below B / (k S). I_min: nobody
 * waits longer than a millisecond. A quarter of the capacity is what a request/response exchange may
 * spend on interrupts before it is taken for a stream.
 */
struct irq_rate_settings irq_rate_defaults(enum irq_rate_scheme scheme)
{
	return (struct irq_rate_settings){
		.scheme = scheme,
		.fixed = scheme == IRQ_RATE_FIXED ? 8000 : 100000,
		.classes = { [IRQ_RATE_FULL_BULK] = 4000,
			     [IRQ_RATE_INTERMEDIATE_BULK] = 8000,
			     [IRQ_RATE_SENSITIVE] = 20000,
			     [IRQ_RATE_CRITICAL] = 100000 },
		.occasional = 4000,
		.batch = 64,
		.offset = 1000,
		.threshold = 500,
		.min = 1000,
		.max = 100000,
		.quiet_permille = 250,
	};
}

static uint32_t limit_u32(uint64_t value, uint32_t limit)
{
	return value < limit ? (uint32_t)value : limit;
}

/* No rate of a second is 0: its interval would have no end. */
static uint32_t legal(uint32_t rate)
{
	return rate == 0 ? 1 : limit_u32(rate, IRQ_RATE_LIMIT);
}

void irq_rate_set_costs(struct irq_rate *r, uint64_t capacity, uint64_t packet_cost,
			uint64_t interrupt_cost)
{
	struct irq_rate_settings *s = &r->settings;
	unsigned __int128 cost = (unsigned __int128)packet_cost * s->batch + interrupt_cost;
	uint64_t quiet =
		capacity / 1000 * s->quiet_permille + capacity % 1000 * s->quiet_permille / 1000;

	s->capacity = capacity;
	s->packet_cost = packet_cost;
	s->interrupt_cost = interrupt_cost;
	/* Eq. (5). What the hardware cannot do (I_min) goes before what would be best. */
	r->bound = s->max;
	if (capacity != 0 && cost != 0)
		r->bound = cost > capacity ? 0 : limit_u32(capacity / (uint64_t)cost, s->max);
	if (r->bound < s->min)
		r->bound = s->min;
	/* Without costs: as many as the offset grants anyway. */
	r->quiet_below = s->offset;
	if (capacity != 0 && interrupt_cost != 0)
		r->quiet_below = limit_u32(quiet / interrupt_cost, s->max);
}

void irq_rate_init(struct irq_rate *r, const struct irq_rate_settings *settings)
{
	struct irq_rate_settings s = *settings;

	s.fixed = legal(s.fixed);
	for (uint32_t i = 0; i < IRQ_RATE_CLASS_COUNT; i++)
		s.classes[i] = legal(s.classes[i]);
	s.max = legal(s.max);
	s.min = limit_u32(legal(s.min), s.max);
	s.offset = limit_u32(s.offset, IRQ_RATE_LIMIT);
	s.threshold = limit_u32(s.threshold, IRQ_RATE_LIMIT);
	s.quiet_permille = limit_u32(s.quiet_permille, 1000);
	if (s.batch == 0)
		s.batch = 1;
	*r = (struct irq_rate){ .settings = s, .rate = s.fixed, .is_quiet = true };
	irq_rate_set_costs(r, s.capacity, s.packet_cost, s.interrupt_cost);
}

static bool set_rate(struct irq_rate *r, uint32_t rate)
{
	bool is_new = rate != r->rate;

	r->rate = rate;
	return is_new;
}

static bool be_quiet(struct irq_rate *r)
{
	r->is_quiet = true;
	return set_rate(r, r->settings.scheme == IRQ_RATE_COARSE
				   ? r->settings.classes[IRQ_RATE_CRITICAL]
				   : r->settings.max);
}

/* What a window had: its packets, its bytes, and packets a second. */
struct window {
	uint64_t packets, bytes, rate;
};

static enum irq_rate_class class_of(const struct irq_rate *r, const struct window *w)
{
	if (w->bytes >= (unsigned __int128)w->packets * 1200)
		return IRQ_RATE_FULL_BULK;
	if (w->bytes >= (unsigned __int128)w->packets * 300)
		return IRQ_RATE_INTERMEDIATE_BULK;
	return w->rate < r->settings.occasional ? IRQ_RATE_CRITICAL : IRQ_RATE_SENSITIVE;
}

/*
 * Algorithm 1. S is the mean of the window that B is measured in: B / S are its packets a second, and
 * bytes cancel out.
 */
static bool adapt(struct irq_rate *r, uint64_t packet_rate)
{
	const struct irq_rate_settings *s = &r->settings;
	uint32_t wanted = limit_u32(packet_rate / s->batch, IRQ_RATE_LIMIT) + s->offset;
	uint32_t change;

	if (wanted > r->bound)
		wanted = r->bound;
	else if (wanted < s->min)
		wanted = s->min;
	change = wanted > r->rate ? wanted - r->rate : r->rate - wanted;
	return change >= s->threshold && set_rate(r, wanted);
}

static bool decide(struct irq_rate *r, const struct window *w)
{
	if (w->packets == 0) {
		r->idle = r->idle < IRQ_RATE_IDLE_WINDOWS ? r->idle + 1 : r->idle;
		return r->idle == IRQ_RATE_IDLE_WINDOWS && be_quiet(r);
	}
	r->idle = 0;
	if (r->settings.scheme == IRQ_RATE_COARSE)
		return set_rate(r, r->settings.classes[class_of(r, w)]);
	if (w->rate < (uint64_t)r->quiet_below * (r->is_quiet ? QUIET_LEAVE : 1))
		return be_quiet(r);
	r->is_quiet = false;
	return adapt(r, w->rate);
}

static uint64_t per_second(uint64_t count, uint64_t ns)
{
	unsigned __int128 scaled = (unsigned __int128)count * NS_PER_S;

	return scaled >> 64 >= ns ? UINT64_MAX : (uint64_t)(scaled / ns);
}

bool irq_rate_tick(struct irq_rate *r, const struct irq_rate_sample *s)
{
	struct window w = { s->packets - r->last_packets, s->bytes - r->last_bytes, 0 };
	bool is_whole = r->has_last && s->generation == r->generation &&
			s->packets >= r->last_packets && s->bytes >= r->last_bytes;

	if (r->settings.scheme == IRQ_RATE_FIXED || s->elapsed_ns == 0)
		return false;
	r->has_last = s->has_link;
	r->last_packets = s->packets;
	r->last_bytes = s->bytes;
	r->generation = s->generation;
	if (!s->has_link) {
		r->idle = 0;
		return be_quiet(r);
	}
	if (!is_whole)
		return false;
	w.rate = per_second(w.packets, s->elapsed_ns);
	return decide(r, &w);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* io/irq_rate.c - see io/irq_rate.h. */
#include "io/irq_rate.h"

#define NS_PER_S 1000000000u
/* Quiet is left at so many times the traffic at which it is entered. */
#define QUIET_LEAVE 2u
#define PACKETS_MAX (UINT64_C(1) << 40) /* a second; more than any link has */

/* A trial has made a difference from 1/32 on, and from twice what windows differ by anyhow. */
#define GAIN_SHIFT 5
#define NOISE_GAIN 2u
/* Windows to the next trial: after one that was worth it; after others, twice as many each time. */
#define PAUSE_SHORT 2u
#define PAUSE_LEAST 8u
#define PAUSE_MOST  64u

/*
 * CGR: section 4.2. It has no number for "occasional"; below the rarest class's own rate, an interrupt
 * for each costs no more than any class may.
 *
 * AIR: the paper has no numbers. k is a quarter of a ring of 256: traffic may grow to four times what the
 * last window had before the ring is full at the rate it asked for. The offset is what a stream of full
 * frames needs to be received at 3 Gbit/s, whatever was before, and costs little on any machine;
 * the threshold is half of it, so that what is in force is never below B / (k S). I_min: nobody
 * waits longer than a millisecond. A tenth of the capacity is what thin traffic may spend on
 * interrupts: less than what merging it would save anybody.
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
		.quiet_permille = 100,
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

/* k, where it was found to be smaller than the ring allows. */
static uint32_t batch_of(const struct irq_rate_settings *s, uint32_t shift)
{
	uint32_t batch = s->batch >> shift;

	return batch == 0 ? 1 : batch;
}

/* Eq. (5) */
static uint32_t bound_of(const struct irq_rate_settings *s, uint32_t shift)
{
	unsigned __int128 cost =
		(unsigned __int128)s->packet_cost * batch_of(s, shift) + s->interrupt_cost;
	uint32_t bound = s->max;

	if (s->capacity != 0 && cost != 0)
		bound = cost > s->capacity ? 0 : limit_u32(s->capacity / (uint64_t)cost, s->max);
	return bound;
}

void irq_rate_set_costs(struct irq_rate *r, uint64_t capacity, uint64_t packet_cost,
			uint64_t interrupt_cost)
{
	struct irq_rate_settings *s = &r->settings;
	uint64_t quiet =
		capacity / 1000 * s->quiet_permille + capacity % 1000 * s->quiet_permille / 1000;

	s->capacity = capacity;
	s->packet_cost = packet_cost;
	s->interrupt_cost = interrupt_cost;
	for (uint32_t shift = 0; shift < IRQ_RATE_SHIFTS; shift++)
		r->bounds[shift] = bound_of(s, shift);
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
	*r = (struct irq_rate){
		.settings = s, .rate = s.fixed, .is_quiet = true, .pause_next = PAUSE_LEAST
	};
	irq_rate_set_costs(r, s.capacity, s.packet_cost, s.interrupt_cost);
}

static bool set_rate(struct irq_rate *r, uint32_t rate)
{
	bool is_new = rate != r->rate;

	r->rate = rate;
	return is_new;
}

/* Where k is 1, or as small as it may become. */
static uint32_t last_shift(const struct irq_rate *r)
{
	uint32_t shift = 0;

	while (shift + 1 < IRQ_RATE_SHIFTS && r->settings.batch >> (shift + 1) != 0)
		shift++;
	return shift;
}

/* A trial ends without an answer, or with the wrong one. */
static void end_trial(struct irq_rate *r)
{
	if (r->trial == IRQ_RATE_NO_TRIAL)
		return;
	r->trial = IRQ_RATE_NO_TRIAL;
	r->shift = r->kept_shift;
	r->pause = r->pause_next;
	r->pause_next = r->pause_next < PAUSE_MOST ? 2 * r->pause_next : PAUSE_MOST;
}

static bool be_quiet(struct irq_rate *r)
{
	end_trial(r);
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
 * bytes cancel out. With a smaller k, the offset grows as well: else a sender with one packet under way
 * would see no difference.
 */
static uint32_t wanted(const struct irq_rate *r, uint64_t packet_rate, uint32_t shift)
{
	const struct irq_rate_settings *s = &r->settings;
	uint64_t rate = limit_u32(packet_rate / s->batch, IRQ_RATE_LIMIT) + s->offset;

	/* What the hardware cannot do (I_min) goes before what would be best. */
	rate = limit_u32(rate << shift, r->bounds[shift]);
	return rate < s->min ? s->min : (uint32_t)rate;
}

static bool adapt(struct irq_rate *r, uint64_t packet_rate)
{
	uint32_t rate = wanted(r, packet_rate, r->shift);
	uint32_t change = rate > r->rate ? rate - r->rate : r->rate - rate;

	return change >= r->settings.threshold && set_rate(r, rate);
}

/* With this k for a window; it is judged by the traffic of that. */
static bool try(struct irq_rate *r, enum irq_rate_trial trial, uint32_t shift, uint64_t packet_rate)
{
	r->trial = trial;
	r->kept_shift = r->shift;
	r->shift = shift;
	r->base = packet_rate;
	return set_rate(r, wanted(r, packet_rate, shift));
}

/* Twice k, or as many times as make a difference, if any do. */
static bool try_less(struct irq_rate *r, uint64_t packet_rate)
{
	uint32_t shift = r->shift, rate = r->rate;

	while (shift > 0 && rate > r->rate - r->rate / 4)
		rate = wanted(r, packet_rate, --shift);
	r->tries_less = rate <= r->rate - r->rate / 4;
	return r->tries_less ? try(r, IRQ_RATE_TRIAL_LESS, shift, packet_rate)
			     : adapt(r, packet_rate);
}

/* More interrupts, or fewer, by a quarter at least; in turns, but on in the direction that was good. */
static bool begin_trial(struct irq_rate *r, uint64_t packet_rate)
{
	const uint32_t more = r->shift + 1;

	if (!r->tries_less && r->shift < last_shift(r) &&
	    wanted(r, packet_rate, more) >= r->rate + r->rate / 4)
		return try(r, IRQ_RATE_TRIAL_MORE, more, packet_rate);
	return try_less(r, packet_rate);
}

/* Traffic that a trial has brought, or taken, is of senders that wait for what they sent. */
static bool judge(struct irq_rate *r, uint64_t packet_rate)
{
	uint64_t margin = max_u64(r->base >> GAIN_SHIFT, NOISE_GAIN * r->noise);
	bool is_more = r->trial == IRQ_RATE_TRIAL_MORE;
	bool is_good = is_more ? packet_rate > r->base + margin : packet_rate + margin >= r->base;

	r->last_packet_rate = is_good ? packet_rate : r->base;
	if (is_good) {
		r->trial = IRQ_RATE_NO_TRIAL;
		r->pause = is_more ? PAUSE_SHORT : 0;
		r->pause_next = PAUSE_LEAST;
		return packet_rate < r->quiet_below ? be_quiet(r) : adapt(r, packet_rate);
	}
	if (r->trial == IRQ_RATE_TRIAL_MERGING)
		r->kept_shift = last_shift(r);
	end_trial(r);
	r->tries_less = is_more;
	return set_rate(r, wanted(r, r->base, r->shift));
}

/* How much a window differs from the one before, if nothing was tried: the mean of some. */
static void note_noise(struct irq_rate *r, uint64_t packet_rate)
{
	uint64_t last = r->last_packet_rate;
	uint64_t change = packet_rate > last ? packet_rate - last : last - packet_rate;

	r->noise = r->noise - r->noise / 4 + change / 4;
	r->last_packet_rate = packet_rate;
}

static bool merge(struct irq_rate *r, uint64_t packet_rate)
{
	if (r->settings.keeps_batch) {
		r->is_quiet = false;
		return adapt(r, packet_rate);
	}
	if (r->is_quiet) {
		r->is_quiet = false;
		return try(r, IRQ_RATE_TRIAL_MERGING, r->shift, packet_rate);
	}
	if (r->pause > 0) {
		r->pause--;
		return adapt(r, packet_rate);
	}
	return begin_trial(r, packet_rate);
}

static bool adaptive(struct irq_rate *r, uint64_t packet_rate)
{
	uint64_t thin = (uint64_t)r->quiet_below * (r->is_quiet ? QUIET_LEAVE : 1);

	if (r->trial != IRQ_RATE_NO_TRIAL)
		return judge(r, packet_rate);
	note_noise(r, packet_rate);
	return packet_rate < thin ? be_quiet(r) : merge(r, packet_rate);
}

static bool decide(struct irq_rate *r, const struct window *w)
{
	if (w->packets == 0) {
		end_trial(r);
		r->idle = r->idle < IRQ_RATE_IDLE_WINDOWS ? r->idle + 1 : r->idle;
		return r->idle == IRQ_RATE_IDLE_WINDOWS && be_quiet(r);
	}
	r->idle = 0;
	if (r->settings.scheme == IRQ_RATE_COARSE)
		return set_rate(r, r->settings.classes[class_of(r, w)]);
	return adaptive(r, w->rate);
}

static uint64_t per_second(uint64_t count, uint64_t ns)
{
	unsigned __int128 scaled = (unsigned __int128)count * NS_PER_S;

	return scaled >> 64 >= ns ? PACKETS_MAX : min_u64((uint64_t)(scaled / ns), PACKETS_MAX);
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
	if (!is_whole) {
		end_trial(r);
		return false;
	}
	w.rate = per_second(w.packets, s->elapsed_ns);
	return decide(r, &w);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/property/test_irq_rate_reference.c - FIR, CGR and AIR against another implementation, on
 * recorded traffic.
 *
 * The other one is written from paper 003, section 4 ("Coarse Grained Interrupt Rate Control",
 * Algorithm 1 with eq. (5), (8), (9)) and from what io/irq_rate.h promises beyond it; in fractions, so that it
 * is exact where B, S and the capacity are, and divides only for a whole rate. It is slow, keeps every
 * sample that it has seen, and undoes a trial by taking up what it knew before.
 */
#include "io/irq_rate.h"
#include "tests/test.h"
#include "tests/unit/rate_trace.h"

typedef unsigned __int128 wide;

/* top / bottom, of numbers that stay below 2^127. */
struct fraction {
	wide top, bottom;
};

static struct fraction divide(struct fraction a, struct fraction b)
{
	return (struct fraction){ a.top * b.bottom, a.bottom * b.top };
}

static struct fraction times(struct fraction a, uint64_t n)
{
	return (struct fraction){ a.top * n, a.bottom };
}

static bool is_less(struct fraction a, uint64_t n)
{
	return a.top < a.bottom * n;
}

static uint64_t whole(struct fraction a)
{
	return (uint64_t)(a.top / a.bottom);
}

enum doing { RESTING, SETTLED, HALVED_K, DOUBLED_K, JUST_MERGED };

/* What AIR has found out. */
struct search {
	enum doing doing;
	uint32_t halvings; /* of k */
	uint64_t until_trial, after_failure;
	bool larger_k_is_next;
};

struct reference {
	struct irq_rate_settings set;
	const struct irq_rate_sample *seen; /* from the first on */
	uint64_t current;
	struct search now, before_trial;
	uint64_t traffic, noise; /* packets a second: of the last window; what windows differ by */
};

/* Traffic of the window that ended with sample i, if that says anything. */
static bool window_of(const struct irq_rate_sample *seen, uint32_t i, struct irq_rate_sample *w)
{
	const struct irq_rate_sample *before = NULL;

	/* What took no time was no sample. */
	for (uint32_t j = i; j-- > 0 && !before;)
		before = seen[j].elapsed_ns ? &seen[j] : NULL;
	if (!before || !before->has_link || before->generation != seen[i].generation ||
	    before->packets > seen[i].packets || before->bytes > seen[i].bytes)
		return false;
	*w = seen[i];
	w->packets -= before->packets;
	w->bytes -= before->bytes;
	return true;
}

/* The last windows, sample i's included, are all empty ones, and enough of them. */
static bool has_been_idle(const struct irq_rate_sample *seen, uint32_t i)
{
	uint32_t windows = 0;
	struct irq_rate_sample w;

	for (uint32_t j = i + 1; j-- > 0 && windows < IRQ_RATE_IDLE_WINDOWS;) {
		if (seen[j].elapsed_ns == 0)
			continue;
		if (!seen[j].has_link)
			return false;
		if (!window_of(seen, j, &w))
			continue;
		if (w.packets != 0)
			return false;
		windows++;
	}
	return windows == IRQ_RATE_IDLE_WINDOWS;
}

static uint64_t coarse(const struct irq_rate_settings *set, const struct irq_rate_sample *w)
{
	struct fraction size = { w->bytes, w->packets };
	struct fraction rate = { (wide)w->packets * SEC(1), w->elapsed_ns };

	if (!is_less(size, 1200))
		return set->classes[IRQ_RATE_FULL_BULK];
	if (!is_less(size, 300))
		return set->classes[IRQ_RATE_INTERMEDIATE_BULK];
	return set
		->classes[is_less(rate, set->occasional) ? IRQ_RATE_CRITICAL : IRQ_RATE_SENSITIVE];
}

static uint64_t smaller_k(const struct irq_rate_settings *set, uint32_t halvings)
{
	uint64_t k = set->batch;

	while (halvings-- > 0)
		k /= 2;
	return k;
}

/* Eq. (5), within what may be set at all. */
static uint64_t upper_bound(const struct irq_rate_settings *set, uint64_t k)
{
	wide cost = (wide)set->packet_cost * k + set->interrupt_cost;
	uint64_t bound = set->max;

	if (set->capacity && cost && set->capacity / cost < bound)
		bound = (uint64_t)(set->capacity / cost);
	return bound < set->min ? set->min : bound;
}

/* Algorithm 1 as far as the rate; all of it twice as large for each time that k is halved. */
static uint64_t calculated(const struct reference *r, uint64_t packets_per_s, uint64_t size,
			   uint32_t halvings)
{
	struct fraction b = { (wide)packets_per_s * size, 1 };
	struct fraction s = { size, 1 };
	uint64_t rate = whole(divide(b, times(s, r->set.batch))) + r->set.offset;
	uint64_t bound = upper_bound(&r->set, smaller_k(&r->set, halvings));

	while (halvings-- > 0)
		rate *= 2;
	if (rate > bound)
		return bound;
	return rate < r->set.min ? r->set.min : rate;
}

static void follow(struct reference *r, uint64_t packets_per_s)
{
	uint64_t rate = calculated(r, packets_per_s, 1000, r->now.halvings);
	uint64_t change = rate > r->current ? rate - r->current : r->current - rate;

	if (change >= r->set.threshold)
		r->current = rate;
}

static void try_for_a_window(struct reference *r, enum doing trial, uint32_t halvings,
			     uint64_t packets_per_s)
{
	r->before_trial = r->now;
	r->now.doing = trial;
	r->now.halvings = halvings;
	r->traffic = packets_per_s;
	r->current = calculated(r, packets_per_s, 777, halvings);
}

static bool may_halve(const struct reference *r)
{
	return r->now.halvings < IRQ_RATE_SHIFTS - 1 && smaller_k(&r->set, r->now.halvings + 1) > 0;
}

static void next_trial(struct reference *r, uint64_t packets_per_s)
{
	uint64_t more = r->current + r->current / 4, less = r->current - r->current / 4;
	uint32_t n = r->now.halvings;

	if (!r->now.larger_k_is_next && may_halve(r) &&
	    calculated(r, packets_per_s, 1, n + 1) >= more) {
		try_for_a_window(r, HALVED_K, n + 1, packets_per_s);
		return;
	}
	r->now.larger_k_is_next = false;
	while (n-- > 0)
		if (calculated(r, packets_per_s, 1, n) <= less) {
			r->now.larger_k_is_next = true;
			try_for_a_window(r, DOUBLED_K, n, packets_per_s);
			return;
		}
	follow(r, packets_per_s);
}

/* r->traffic is what there was before the trial. */
static bool was_worth_it(const struct reference *r, uint64_t packets_per_s)
{
	uint64_t little = r->traffic / 32;

	if (2 * r->noise > little)
		little = 2 * r->noise;
	if (r->now.doing == HALVED_K)
		return packets_per_s > r->traffic + little;
	return packets_per_s >= r->traffic || r->traffic - packets_per_s <= little;
}

/* Nobody will know; but it is not to be tried again soon. */
static void forget_trial(struct reference *r)
{
	if (r->now.doing == RESTING || r->now.doing == SETTLED)
		return;
	r->now.halvings = r->before_trial.halvings;
	r->now.doing = SETTLED;
	r->now.until_trial = r->now.after_failure;
	r->now.after_failure = r->now.after_failure > 32 ? 64 : r->now.after_failure * 2;
}

/* An interrupt for every packet, at so many packets, would cost less than the part of C. */
static bool is_thin(const struct reference *r, const struct irq_rate_sample *w)
{
	const struct irq_rate_settings *set = &r->set;
	uint64_t at_most = set->offset;

	if (set->capacity && set->interrupt_cost)
		at_most = whole((struct fraction){ (wide)set->capacity * set->quiet_permille,
						   (wide)1000 * set->interrupt_cost });
	if (at_most > set->max)
		at_most = set->max;
	return is_less((struct fraction){ (wide)w->packets * SEC(1), w->elapsed_ns },
		       r->now.doing == RESTING ? 2 * at_most : at_most);
}

static void rest(struct reference *r)
{
	forget_trial(r);
	r->now.doing = RESTING;
	r->current =
		r->set.scheme == IRQ_RATE_COARSE ? r->set.classes[IRQ_RATE_CRITICAL] : r->set.max;
}

static void end_of_trial(struct reference *r, const struct irq_rate_sample *w,
			 uint64_t packets_per_s)
{
	enum doing trial = r->now.doing;

	if (was_worth_it(r, packets_per_s)) {
		r->now.doing = SETTLED;
		r->now.until_trial = trial == HALVED_K ? 2 : 0;
		r->now.after_failure = 8;
		r->traffic = packets_per_s;
		if (is_thin(r, w))
			rest(r);
		else
			follow(r, packets_per_s);
		return;
	}
	r->now = r->before_trial;
	r->now.doing = SETTLED;
	r->now.larger_k_is_next = trial == HALVED_K;
	while (trial == JUST_MERGED && may_halve(r))
		r->now.halvings++;
	r->now.until_trial = r->now.after_failure;
	r->now.after_failure = r->now.after_failure > 32 ? 64 : r->now.after_failure * 2;
	r->current = calculated(r, r->traffic, 1500, r->now.halvings);
}

static void adaptive(struct reference *r, const struct irq_rate_sample *w)
{
	uint64_t p = whole((struct fraction){ (wide)w->packets * SEC(1), w->elapsed_ns });
	uint64_t change = p > r->traffic ? p - r->traffic : r->traffic - p;

	if (r->now.doing != RESTING && r->now.doing != SETTLED) {
		end_of_trial(r, w, p);
		return;
	}
	r->noise = r->noise - r->noise / 4 + change / 4;
	r->traffic = p;
	if (is_thin(r, w)) {
		rest(r);
	} else if (r->set.keeps_batch) {
		r->now.doing = SETTLED;
		follow(r, p);
	} else if (r->now.doing == RESTING) {
		try_for_a_window(r, JUST_MERGED, r->now.halvings, p);
	} else if (r->now.until_trial > 0) {
		r->now.until_trial--;
		follow(r, p);
	} else {
		next_trial(r, p);
	}
}

static uint64_t reference_rate(struct reference *r, uint32_t i)
{
	struct irq_rate_sample w;

	if (r->set.scheme == IRQ_RATE_FIXED || r->seen[i].elapsed_ns == 0)
		return r->current;
	if (!r->seen[i].has_link || has_been_idle(r->seen, i))
		rest(r);
	else if (!window_of(r->seen, i, &w) || w.packets == 0)
		forget_trial(r);
	else if (r->set.scheme == IRQ_RATE_COARSE)
		r->current = coarse(&r->set, &w);
	else
		adaptive(r, &w);
	return r->current;
}

/* The paper's machine, a slow one, no costs known, and settings at the ends of their ranges. */
static const struct irq_rate_settings changes[] = {
	{ .capacity = 2270000000, .packet_cost = 4000, .interrupt_cost = 12000 },
	{ .capacity = 50000000, .packet_cost = 3000, .interrupt_cost = 1700, .batch = 32 },
	{ .batch = 256, .offset = 10, .threshold = 1, .min = 31 },
	{ .capacity = 2270000000,
	  .packet_cost = 4000,
	  .interrupt_cost = 12000,
	  .keeps_batch = true },
	{ .capacity = 1000000, .packet_cost = 90000, .interrupt_cost = 1, .batch = 1 },
	{ .capacity = UINT64_C(1) << 63, .packet_cost = 1, .interrupt_cost = 1 },
};

static struct irq_rate_settings settings_of(enum irq_rate_scheme scheme, uint32_t change)
{
	struct irq_rate_settings s = irq_rate_defaults(scheme);
	const struct irq_rate_settings *c = &changes[change];

	s.capacity = c->capacity;
	s.packet_cost = c->packet_cost;
	s.interrupt_cost = c->interrupt_cost;
	s.keeps_batch = c->keeps_batch;
	if (c->batch)
		s.batch = c->batch;
	if (c->offset) {
		s.offset = c->offset;
		s.threshold = c->threshold;
		s.min = c->min;
	}
	return s;
}

static uint32_t changed_count;

/* Senders that have so many packets under way, and no more than so many packets a second. */
struct waiting {
	uint64_t packets, most;
};

/* What a trace says next, if senders wait for their receiver: each interrupt lets them send again. */
static void send_as_they_wait(struct trace *t, uint32_t i, uint64_t rate, const struct waiting *w)
{
	struct irq_rate_sample last = i > 0 ? t->samples[i - 1] : (struct irq_rate_sample){ 0 };
	uint64_t sent = min_u64(w->packets * rate, i % 97 < 80 ? w->most : w->most / 9);

	sent += i * 7919 % 13 * sent / 1000;
	t->samples[i] = (struct irq_rate_sample){ .packets = last.packets + sent / 100,
						  .bytes = last.bytes + sent / 100 * 1500,
						  .elapsed_ns = MS(10),
						  .has_link = true };
}

static bool agrees(struct trace *t, const struct irq_rate_settings *set, const struct waiting *w)
{
	struct reference ref = {
		.set = *set, .seen = t->samples, .current = set->fixed, .now.after_failure = 8
	};
	struct irq_rate r;

	irq_rate_init(&r, set);
	for (uint32_t i = 0; i < TRACE_SAMPLES; i++) {
		uint32_t before = r.rate;
		bool is_new;

		if (w)
			send_as_they_wait(t, i, r.rate, w);
		is_new = irq_rate_tick(&r, &t->samples[i]);
		if (reference_rate(&ref, i) != r.rate || is_new != (before != r.rate)) {
			printf("sample %u: %u, and the reference %u\n", i, r.rate,
			       (uint32_t)ref.current);
			return false;
		}
		changed_count += is_new;
	}
	return true;
}

static void scheme_agrees(enum irq_rate_scheme scheme)
{
	static const uint64_t windows[] = { MS(1), MS(10), MS(100) };

	for (uint32_t w = 0; w < ARRAY_SIZE(windows); w++)
		for (uint32_t kind = 0; kind < TRACE_COUNT; kind++)
			for (uint32_t c = 0; c < ARRAY_SIZE(changes); c++) {
				struct irq_rate_settings set = settings_of(scheme, c);
				struct trace t;

				trace_make(&t, (enum trace_kind)kind, windows[w]);
				CHECK(agrees(&t, &set, NULL));
			}
}

static void fir_is_the_reference(void)
{
	scheme_agrees(IRQ_RATE_FIXED);
	CHECK(changed_count == 0);
}

static void cgr_is_the_reference(void)
{
	scheme_agrees(IRQ_RATE_COARSE);
	CHECK(changed_count > 1000);
	changed_count = 0;
}

static void air_is_the_reference(void)
{
	scheme_agrees(IRQ_RATE_ADAPTIVE);
	CHECK(changed_count > 1000);
}

static void air_is_the_reference_where_senders_wait(void)
{
	static const struct waiting waiting[] = { { 1, 20000 },   { 1, 9000 },    { 4, 60000 },
						  { 10, 400000 }, { 44, 500000 }, { 44, 90000 },
						  { 90, 812743 }, { 300, 30000 } };

	changed_count = 0;
	for (uint32_t w = 0; w < ARRAY_SIZE(waiting); w++)
		for (uint32_t c = 0; c < ARRAY_SIZE(changes); c++) {
			struct irq_rate_settings set = settings_of(IRQ_RATE_ADAPTIVE, c);
			struct trace t;

			CHECK(agrees(&t, &set, &waiting[w]));
		}
	CHECK(changed_count > 1000);
}

int main(void)
{
	RUN(fir_is_the_reference);
	RUN(cgr_is_the_reference);
	RUN(air_is_the_reference);
	RUN(air_is_the_reference_where_senders_wait);
	return test_failed;
}

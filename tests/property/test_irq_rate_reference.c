/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/property/test_irq_rate_reference.c - FIR, CGR and AIR against another implementation, on
 * recorded traffic.
 *
 * The other one is written from paper 003, section 4 ("Coarse Grained Interrupt Rate Control",
 * Algorithm 1 with eq. (5), (8), (9)) and from what io/irq_rate.h promises beyond it; in fractions, so that it
 * is exact where B, S and the capacity are, and divides only to print a whole rate. It is slow,
 * and it keeps every sample that it has seen.
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

struct reference {
	struct irq_rate_settings set;
	const struct irq_rate_sample *seen; /* from the first on */
	uint64_t current;
	bool merges; /* AIR: not quiet */
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

/* Eq. (5), within what may be set at all. */
static uint64_t upper_bound(const struct irq_rate_settings *set)
{
	wide cost = (wide)set->packet_cost * set->batch + set->interrupt_cost;
	uint64_t bound = set->max;

	if (set->capacity && cost && set->capacity / cost < bound)
		bound = (uint64_t)(set->capacity / cost);
	return bound < set->min ? set->min : bound;
}

static uint64_t algorithm_1(const struct reference *r, const struct irq_rate_sample *w)
{
	struct fraction b = { (wide)w->bytes * SEC(1), w->elapsed_ns };
	struct fraction s = { w->bytes, w->packets };
	uint64_t rate = whole(divide(b, times(s, r->set.batch))) + r->set.offset;
	uint64_t change;

	if (rate > upper_bound(&r->set))
		rate = upper_bound(&r->set);
	else if (rate < r->set.min)
		rate = r->set.min;
	change = rate > r->current ? rate - r->current : r->current - rate;
	return change >= r->set.threshold ? rate : r->current;
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
		       r->merges ? at_most : 2 * at_most);
}

static void adaptive(struct reference *r, const struct irq_rate_sample *w)
{
	r->merges = !is_thin(r, w);
	r->current = r->merges ? algorithm_1(r, w) : r->set.max;
}

static void rest(struct reference *r)
{
	r->merges = false;
	r->current =
		r->set.scheme == IRQ_RATE_COARSE ? r->set.classes[IRQ_RATE_CRITICAL] : r->set.max;
}

static uint64_t reference_rate(struct reference *r, uint32_t i)
{
	struct irq_rate_sample w;

	if (r->set.scheme == IRQ_RATE_FIXED || r->seen[i].elapsed_ns == 0)
		return r->current;
	if (!r->seen[i].has_link || has_been_idle(r->seen, i))
		rest(r);
	else if (!window_of(r->seen, i, &w) || w.packets == 0)
		return r->current;
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

static bool agrees(const struct trace *t, const struct irq_rate_settings *set)
{
	struct reference ref = { .set = *set, .seen = t->samples, .current = set->fixed };
	struct irq_rate r;

	irq_rate_init(&r, set);
	for (uint32_t i = 0; i < TRACE_SAMPLES; i++) {
		uint32_t before = r.rate;
		bool is_new = irq_rate_tick(&r, &t->samples[i]);

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
				CHECK(agrees(&t, &set));
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

int main(void)
{
	RUN(fir_is_the_reference);
	RUN(cgr_is_the_reference);
	RUN(air_is_the_reference);
	return test_failed;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/unit/rate_trace.h - recorded traffic for rate controllers: the same samples every time.
 *
 * Model    A trace is what a function's counters said once in a window of 10 or 100 ms, written down by
 *	    trace_make(). One of each sort of traffic that the controllers tell apart, and of what can
 *	    happen to counters: reset, wrap, a link that comes and goes, windows of uneven length.
 */
#pragma once
#include "io/irq_rate.h"
#include <string.h>

#define TRACE_SAMPLES 400u

enum trace_kind {
	TRACE_CBR_SMALL,
	TRACE_CBR_LARGE,
	TRACE_ON_OFF,
	TRACE_RAMP,
	TRACE_REQUESTS, /* thin, small, and at times none */
	TRACE_MIX,      /* sizes and rates change from window to window */
	TRACE_AROUND_QUIET,
	TRACE_RESETS,
	TRACE_LINK,
	TRACE_UNEVEN,
	TRACE_FLOOD,
	TRACE_COUNT
};

struct trace {
	struct irq_rate_sample samples[TRACE_SAMPLES];
};

static uint64_t trace_draw(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state * UINT64_C(0x2545f4914f6cdd1d) >> 20;
}

/* Packets a second, and bytes of each, in window i. */
struct trace_traffic {
	uint64_t rate, size;
};

static struct trace_traffic trace_traffic(enum trace_kind kind, uint32_t i, uint64_t *random)
{
	switch (kind) {
	case TRACE_CBR_SMALL:
		return (struct trace_traffic){ 120000, 64 };
	case TRACE_CBR_LARGE:
		return (struct trace_traffic){ 812743, 1514 };
	case TRACE_ON_OFF:
		return (struct trace_traffic){ i % 11 < 4 ? 300000 : 0, 1514 };
	case TRACE_RAMP:
		return (struct trace_traffic){ 500 + i * 2503, 64 + i * 4 };
	case TRACE_REQUESTS:
		return (struct trace_traffic){ i % 50 < 9 ? 0 : 900 + i % 7 * 130, 130 };
	case TRACE_AROUND_QUIET:
		return (struct trace_traffic){ 10000 + trace_draw(random) % 60000, 200 };
	case TRACE_FLOOD:
		return (struct trace_traffic){ 14880952, 64 };
	default:
		return (struct trace_traffic){ trace_draw(random) % (i % 3 ? 900000 : 9000),
					       60 + trace_draw(random) % 1455 };
	}
}

static __attribute__((unused)) void trace_make(struct trace *t, enum trace_kind kind,
					       uint64_t window_ns)
{
	uint64_t random = UINT64_C(0x9e3779b97f4a7c15) + kind, packets = 0, bytes = 0;

	for (uint32_t i = 0; i < TRACE_SAMPLES; i++) {
		struct irq_rate_sample *s = &t->samples[i];
		struct trace_traffic now = trace_traffic(kind, i, &random);

		*s = (struct irq_rate_sample){ .elapsed_ns = window_ns, .has_link = true };
		if (kind == TRACE_UNEVEN)
			s->elapsed_ns = trace_draw(&random) % (3 * window_ns);
		if (kind == TRACE_LINK)
			s->has_link = i % 23 < 17;
		if (kind == TRACE_RESETS)
			s->generation = i / 29;
		if (kind == TRACE_RESETS && i % 17 == 3)
			packets = bytes = 0;
		packets += now.rate * s->elapsed_ns / SEC(1);
		bytes += now.rate * s->elapsed_ns / SEC(1) * now.size;
		s->packets = packets;
		s->bytes = bytes;
	}
}

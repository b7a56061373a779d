/* SPDX-License-Identifier: Apache-2.0 */
/* core/lib/service_time.c - how long a disk takes: costs, jitter, stalls, units. */
#include "core/lib/service_time.h"
#include <string.h>

#define HZ_MIN UINT64_C(1000000)
#define HZ_MAX UINT64_C(1000000000000)

/* --- configuration -------------------------------------------------------------------------------- */

static enum err check_quantiles(const struct service_time_config *c)
{
	const struct service_quantile *q = c->quantiles;

	if (!q || c->quantile_count < 2 || c->quantile_count > SERVICE_QUANTILE_MAX ||
	    q[0].ppm != 0 || q[c->quantile_count - 1].ppm != SERVICE_MILLION)
		return ERR_INVAL;
	for (uint32_t i = 0; i < c->quantile_count; i++) {
		if (q[i].ns > SERVICE_NS_MAX)
			return ERR_RANGE;
		if (i > 0 && (q[i].ppm <= q[i - 1].ppm || q[i].ns < q[i - 1].ns))
			return ERR_INVAL;
	}
	return OK;
}

enum err service_time_check(const struct service_time_config *c)
{
	const uint64_t times[] = { c->read.fixed_ns,    c->read.ns_per_kib, c->write.fixed_ns,
				   c->write.ns_per_kib, c->fua_ns,          c->flush_ns,
				   c->trim_ns,          c->uniform_ns,      c->stall_every_ns,
				   c->stall_ns };

	for (uint32_t i = 0; i < ARRAY_SIZE(times); i++)
		if (times[i] > SERVICE_NS_MAX)
			return ERR_RANGE;
	if (c->parallel == 0 || c->parallel > SERVICE_UNIT_MAX)
		return ERR_RANGE;
	if (c->stall_ns ? c->stall_every_ns <= c->stall_ns : c->stall_every_ns != 0)
		return ERR_INVAL;
	if ((uint32_t)c->jitter > SERVICE_QUANTILES)
		return ERR_INVAL;
	return c->jitter == SERVICE_QUANTILES ? check_quantiles(c) : OK;
}

/* --- random numbers -------------------------------------------------------------------------------- */

static uint64_t draw(struct service_time *s)
{
	uint64_t z = s->random += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

/* 0 to `most`, each as often. */
static uint64_t draw_below(struct service_time *s, uint64_t most)
{
	return (uint64_t)((unsigned __int128)draw(s) * (most + 1) >> 64);
}

/* Between two quantiles everything is equally likely. */
static uint64_t draw_quantile(struct service_time *s)
{
	const struct service_quantile *q = s->config->quantiles;
	/* Millionths, with 32 bits after the point. */
	const uint64_t at = (draw(s) >> 32) * SERVICE_MILLION;

	while (at >= (uint64_t)q[1].ppm << 32)
		q++;
	return q->ns + mul_div(q[1].ns - q->ns, at - ((uint64_t)q->ppm << 32),
			       (uint64_t)(q[1].ppm - q->ppm) << 32);
}

static uint64_t jitter_ns(struct service_time *s)
{
	switch (s->config->jitter) {
	case SERVICE_UNIFORM:
		return draw_below(s, s->config->uniform_ns);
	case SERVICE_QUANTILES:
		return draw_quantile(s);
	default:
		return 0;
	}
}

/* --- costs ----------------------------------------------------------------------------------------- */

static uint64_t cost_ns(const struct service_time_config *c, enum block_op op, bool is_fua,
			uint64_t bytes)
{
	const struct service_cost *cost = op == BLOCK_READ ? &c->read : &c->write;

	if (op == BLOCK_FLUSH)
		return c->flush_ns;
	if (op != BLOCK_READ && op != BLOCK_WRITE)
		return c->trim_ns + (is_fua ? c->fua_ns : 0);
	return cost->fixed_ns + bytes * cost->ns_per_kib / 1024 +
	       (is_fua && op == BLOCK_WRITE ? c->fua_ns : 0);
}

static bool has_jitter(enum block_op op)
{
	return op == BLOCK_READ || op == BLOCK_WRITE;
}

static uint64_t to_tsc(const struct service_time *s, uint64_t ns)
{
	return (uint64_t)((unsigned __int128)ns * s->ticks_per_ns >> 32);
}

/* --- stalls ---------------------------------------------------------------------------------------- */

/*
 * When `work_tsc` that begin at `start_tsc` are done. Counted from the origin, every period begins
 * with its stall.
 */
static uint64_t finish(const struct service_time *s, uint64_t start_tsc, uint64_t work_tsc)
{
	const uint64_t working = s->stall_every_tsc - s->stall_tsc;
	uint64_t at, period, into, total;

	if (s->stall_tsc == 0)
		return start_tsc + work_tsc;
	at = start_tsc - s->stall_origin_tsc;
	period = at / s->stall_every_tsc;
	into = at % s->stall_every_tsc;
	total = (into > s->stall_tsc ? into - s->stall_tsc : 0) + work_tsc;
	/* What ends with the period is done before the stall of the next. */
	if (total > working) {
		period += (total - 1) / working;
		total = (total - 1) % working + 1;
	}
	return s->stall_origin_tsc + period * s->stall_every_tsc + s->stall_tsc + total;
}

/* --- units ----------------------------------------------------------------------------------------- */

/* The first unit is free later now: down to where it belongs. */
static void sink(uint64_t *heap, uint32_t count, uint64_t free_tsc)
{
	uint32_t at = 0;

	for (uint32_t child = 1; child < count; child = 2 * at + 1) {
		child += child + 1 < count && heap[child + 1] < heap[child];
		if (heap[child] >= free_tsc)
			break;
		heap[at] = heap[child];
		at = child;
	}
	heap[at] = free_tsc;
}

uint64_t service_time_submit(struct service_time *s, enum block_op op, bool is_fua, uint64_t bytes,
			     uint64_t now_tsc)
{
	uint64_t ns = cost_ns(s->config, op, is_fua, bytes), done_tsc;

	if (has_jitter(op))
		ns += jitter_ns(s);
	done_tsc = finish(s, max_u64(now_tsc, s->free_tsc[0]), to_tsc(s, ns));
	sink(s->free_tsc, s->config->parallel, done_tsc);
	return done_tsc;
}

enum err service_time_init(struct service_time *s, const struct service_time_config *config,
			   uint64_t tsc_hz, uint64_t now_tsc)
{
	const enum err e = service_time_check(config);
	uint64_t phase_tsc;

	if (e != OK)
		return e;
	if (tsc_hz < HZ_MIN || tsc_hz > HZ_MAX)
		return ERR_RANGE;
	memset(s, 0, sizeof(*s));
	s->config = config;
	s->random = config->seed;
	s->ticks_per_ns = mul_div(tsc_hz, BIT64(32), SEC(1));
	s->stall_every_tsc = mul_div(config->stall_every_ns, tsc_hz, SEC(1));
	s->stall_tsc = mul_div(config->stall_ns, tsc_hz, SEC(1));
	if (s->stall_tsc && s->stall_every_tsc == s->stall_tsc)
		return ERR_RANGE; /* less than a tick between stalls */
	/* The first stall begins within one period from now: the origin is one period before it. */
	phase_tsc = s->stall_tsc ? draw_below(s, s->stall_every_tsc - 1) : 0;
	s->stall_origin_tsc = now_tsc + phase_tsc - s->stall_every_tsc;
	for (uint32_t i = 0; i < config->parallel; i++)
		s->free_tsc[i] = now_tsc;
	return OK;
}

/* --- for plans -------------------------------------------------------------------------------------- */

uint64_t service_time_most_ns(const struct service_time_config *c, enum block_op op, bool is_fua,
			      uint64_t bytes)
{
	const uint64_t ns = cost_ns(c, op, is_fua, bytes);

	if (!has_jitter(op) || c->jitter == SERVICE_STEADY)
		return ns;
	return ns + (c->jitter == SERVICE_UNIFORM ? c->uniform_ns
						  : c->quantiles[c->quantile_count - 1].ns);
}

/* Worst: it begins with a stall, and with another after each full stretch of work. */
uint64_t service_time_stalled_ns(const struct service_time_config *c, uint64_t work_ns)
{
	const uint64_t working = c->stall_every_ns - c->stall_ns;

	if (c->stall_ns == 0)
		return work_ns;
	return work_ns + max_u64(1, (work_ns + working - 1) / working) * c->stall_ns;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "io/latency.h"
#include "io/latency_math.h"
#include "io/latency_table.h"

#define ONE_32     BIT64(32) /* 1 with 32 bits after the point, as the coefficients */
#define EFFECT_MIN ((uint64_t)(LATENCY_EFFECT_MIN * ONE_32))

static void sum_guest(const struct disk_load *load, struct latency_sums *sums, uint32_t guest)
{
	const struct disk_load_guest *g = &load->guests[guest];
	uint32_t weight = 0;

	for (uint32_t j = 0; j < g->task_count; j++)
		weight += g->tasks[j].weight;
	sums->guest_weight[guest] = weight;
}

void latency_sum_settings(const struct disk_load *load, struct latency_sums *sums, uint32_t guests)
{
	uint32_t weight = 0, awaited = 0, awaited_count = 0, awaited_weight = 0;

	for (; guests; guests &= guests - 1)
		sum_guest(load, sums, (uint32_t)__builtin_ctz(guests));
	for (uint32_t i = 0; i < load->guest_count; i++) {
		uint32_t own = load->guests[i].weight;

		weight += own;
		if (latency_mul(sums->guest_iops[i], load->slice_idle_ns) >= SEC(1)) {
			awaited |= BIT32(i);
			awaited_count++;
			awaited_weight += own;
		}
	}
	sums->weight = weight;
	sums->awaited = awaited;
	sums->awaited_count = awaited_count;
	sums->awaited_weight = awaited_weight;
}

void latency_sum(const struct disk_load *load, struct latency_sums *sums)
{
	sums->task_count = 0;
	sums->iops = 0;
	for (uint32_t i = 0; i < load->guest_count; i++) {
		const struct disk_load_guest *g = &load->guests[i];

		sums->guest_iops[i] = 0;
		for (uint32_t j = 0; j < g->task_count; j++)
			sums->guest_iops[i] += g->tasks[j].iops;
		sums->iops += sums->guest_iops[i];
		sums->task_count += g->task_count;
	}
	latency_sum_settings(load, sums, (uint32_t)(BIT64(load->guest_count) - 1));
}

/* --- paper 000, eq. (1) to (5) ------------------------------------------------------------ */

/* Bytes that are asked for in a second and what a turn may hold, less the request itself. */
static uint64_t bytes_ahead(const struct disk_load *load, uint64_t iops, uint64_t own_bytes)
{
	uint64_t bytes =
		latency_add(latency_mul(iops, load->request_bytes), load->max_budget_bytes);

	return bytes - min_u64(bytes, own_bytes);
}

/* .. in ns, at 1 / (slowness / share) of the disk's rate. */
static uint64_t time_of(const struct disk_load *load, uint64_t bytes, uint64_t slowness,
			uint64_t share)
{
	return latency_scale(bytes, latency_mul(SEC(1), slowness),
			     latency_mul(load->bytes_per_s, share));
}

void latency_make_terms(const struct disk_load *load, const struct latency_sums *sums,
			uint32_t guest, uint32_t task, struct latency_terms *terms)
{
	const struct disk_load_guest *g = &load->guests[guest];
	const struct disk_load_task *t = &g->tasks[task];
	uint64_t iops = sums->guest_iops[guest];
	uint64_t slowness = (uint64_t)sums->weight * sums->guest_weight[guest];

	*terms = (struct latency_terms){
		.task_count = sums->task_count + g->task_count,
		.host_own = time_of(load, bytes_ahead(load, iops, load->request_bytes),
				    sums->weight, g->weight),
		.host_others = time_of(load, bytes_ahead(load, sums->iops - iops, 0), 1, 1),
		.guest_own = time_of(load, bytes_ahead(load, t->iops, load->request_bytes),
				     slowness, (uint64_t)g->weight * t->weight),
		.guest_others = time_of(load, bytes_ahead(load, iops - t->iops, 0), sums->weight,
					g->weight),
		.slice_idle = load->slice_idle_ns,
		.timeout = load->timeout_ns ? load->timeout_ns : LATENCY_NO_TIMEOUT_NS,
	};
}

/* 1 - lambda x SI / default, 32 bits after the point. See latency.h, "Reading". */
static uint64_t throughput_left(uint64_t slice_idle_ns, uint64_t lambda)
{
	uint64_t lost = latency_scale(slice_idle_ns, lambda, LATENCY_SLICE_IDLE_DEFAULT_NS);

	return lost < ONE_32 - EFFECT_MIN ? ONE_32 - lost : EFFECT_MIN;
}

uint64_t latency_analytic(const struct latency_coefficients *c, const struct latency_terms *t)
{
	uint64_t host = latency_add(latency_scale(t->host_own, ONE_32, c->phi), t->host_others);
	uint64_t guest = latency_add(latency_scale(t->guest_own, ONE_32, c->phi), t->guest_others);
	uint64_t sum = latency_mul(t->task_count, c->switch_ns);

	guest = latency_scale(guest, ONE_32, c->phi);
	sum = latency_add(sum,
			  latency_scale(host, ONE_32, throughput_left(t->slice_idle, c->si_host)));
	sum = latency_add(
		sum, latency_scale(guest, ONE_32, throughput_left(t->slice_idle, c->si_guest)));
	sum = latency_add(sum, latency_scale(t->timeout, c->ts_host, ONE_32));
	return latency_add(sum, latency_scale(t->timeout, c->ts_guest, ONE_32));
}

/* --- either model ------------------------------------------------------------------------- */

static uint64_t analytic_of(const struct disk_load *load, const struct latency_sums *sums,
			    uint32_t guest, uint32_t task)
{
	struct latency_terms terms;

	latency_make_terms(load, sums, guest, task, &terms);
	return latency_analytic(&latency_table.analytic, &terms);
}

static int32_t mlp_of(const struct disk_load *load, const struct latency_sums *sums, uint32_t guest,
		      uint32_t task)
{
	int32_t features[LATENCY_FEATURE_COUNT];

	latency_features(load, sums, guest, task, features);
	return latency_mlp(&latency_table, features);
}

uint64_t latency_estimate_ns(enum latency_model model, const struct disk_load *load,
			     const struct latency_sums *sums, uint32_t guest, uint32_t task)
{
	if (model == LATENCY_ANALYTIC)
		return analytic_of(load, sums, guest, task);
	return latency_exp2(mlp_of(load, sums, guest, task));
}

static uint64_t margin_of(const struct disk_load *load, int32_t margin, int32_t margin_no_idle)
{
	return (uint64_t)(load->slice_idle_ns == 0 && margin_no_idle > 0 ? margin_no_idle : margin);
}

uint64_t latency_predict_ns(enum latency_model model, const struct disk_load *load,
			    const struct latency_sums *sums, uint32_t guest, uint32_t task)
{
	const struct latency_table *t = &latency_table;

	if (model == LATENCY_ANALYTIC)
		return latency_scale(
			analytic_of(load, sums, guest, task),
			margin_of(load, t->analytic.margin, t->analytic.margin_no_idle),
			LATENCY_ONE);
	return latency_exp2(mlp_of(load, sums, guest, task) +
			    (int64_t)margin_of(load, t->mlp_margin, t->mlp_margin_no_idle));
}

static bool is_between(uint64_t x, uint64_t low, uint64_t high)
{
	return x >= low && x <= high;
}

static bool is_guest_within(const struct disk_load_guest *g, const struct latency_domain *d)
{
	if (!is_between(g->task_count, 1, d->task_max) ||
	    !is_between(g->weight, d->weight_min, d->weight_max))
		return false;
	for (uint32_t j = 0; j < g->task_count; j++) {
		if (!is_between(g->tasks[j].iops, d->iops_min, d->iops_max) ||
		    !is_between(g->tasks[j].weight, d->weight_min, d->weight_max))
			return false;
	}
	return true;
}

bool latency_is_within(const struct disk_load *load)
{
	const struct latency_domain *d = &latency_table.domain;

	for (uint32_t i = 0; i < load->guest_count; i++) {
		if (!is_guest_within(&load->guests[i], d))
			return false;
	}
	return is_between(load->guest_count, 1, d->guest_max) &&
	       is_between(load->slice_idle_ns, d->slice_idle_min_ns, d->slice_idle_max_ns) &&
	       is_between(load->timeout_ns, d->timeout_min_ns, d->timeout_max_ns) &&
	       load->request_bytes == d->request_bytes &&
	       load->max_budget_bytes == d->max_budget_bytes && load->bytes_per_s == d->bytes_per_s;
}

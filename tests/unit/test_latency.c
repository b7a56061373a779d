/* SPDX-License-Identifier: Apache-2.0 */
/* io/latency.h: the equations against the paper's, in double; the networks against plain ones. */
#include <math.h>
#include <string.h>
#include "io/latency_math.h"
#include "io/latency_table.h"
#include "tests/property/random.h"
#include "tests/test.h"

#define FIXED(x) ((double)(x) / LATENCY_ONE)
#define COUNT    LATENCY_FEATURE_COUNT
#define NUMBERS  (LATENCY_NETWORKS * sizeof(struct latency_network) / sizeof(int32_t))

static bool is_near(double a, double b, double part)
{
	return fabs(a - b) <= part * fabs(b);
}

/* --- the equations ------------------------------------------------------------------------ */

static struct disk_load empty_load(uint32_t guest_count)
{
	return (struct disk_load){ .guest_count = guest_count,
				   .request_bytes = 4096,
				   .slice_idle_ns = MS(8),
				   .timeout_ns = MS(125),
				   .max_budget_bytes = MIB(8),
				   .bytes_per_s = 245000000 };
}

/* Paper 000, Table III; SW is ours. */
static const struct latency_coefficients table_iii = {
	.phi = 1546188227, /* 0.36 x 2^32 */
	.ts_guest = 4295,  /* 1e-6 */
	.si_guest = 4295,
	.ts_host = 3006477107,    /* 0.7 */
	.si_host = BIT64(32) / 2, /* 0.5 */
	.switch_ns = 5000,
};

static uint64_t by_table_iii(const struct disk_load *load, uint32_t guest, uint32_t task)
{
	struct latency_sums sums;
	struct latency_terms terms;

	latency_sum(load, &sums);
	latency_make_terms(load, &sums, guest, task, &terms);
	return latency_analytic(&table_iii, &terms);
}

/*
 * Done with a calculator, from the printed equations. (A term's nanosecond, cut off, is up to 8 of the
 * latency.)
 * One guest, one task of 100 IOPS: A = 409,600; A + B_max - L_min = 8,794,112; T^G = 0.36 x 245e6 =
 * 88.2e6; T^tau = 0.36 x 88.2e6 = 31.752e6; E(SI^H) = 0.5, E(SI^G) = 0.999999.
 *	host	8,794,112 / 44.1e6 + 8,388,608 / 122.5e6 + 0.7 x 0.125 = 0.199412971 + 0.068478433 + 0.0875
 *	guest	8,794,112 / 31.752e6 + 8,388,608 / 88.2e6 = (0.276962459 + 0.095108934) / 0.999999 + 1.25e-7
 * Two guests of weights 100 and 300; the first has tasks of 500 and 1500 IOPS with weights 1 and 3, the
 * second one of 100. Of the first's first task, SI 2 ms (E = 0.875), TS 32 ms:
 *	A^G 8,192,000; T^G = 0.36 x 61.25e6 = 22.05e6; T^tau = 0.36 x 5.5125e6 = 1.9845e6
 *	host	(8,192,000 + 8,384,512) / 19.29375e6 + (409,600 + 8,388,608) / 214.375e6 + 0.0224
 *	guest	(2,048,000 + 8,384,512) / 1.9845e6 + (6,144,000 + 8,388,608) / 22.05e6 + 3.2e-8
 */
static void equations_give_what_a_calculator_gives(void)
{
	struct disk_load one = empty_load(1), two = empty_load(2);

	one.guests[0] = (struct disk_load_guest){ .weight = 100,
						  .task_count = 1,
						  .tasks = { { .iops = 100, .weight = 100 } } };
	CHECK(is_near((double)by_table_iii(&one, 0, 0),
		      2 * 5e3 + (0.199412971 + 0.068478433 + 0.0875) * 1e9 +
			      (0.276962459 + 0.095108934) / 0.99999900 * 1e9 + 125,
		      1e-7));
	two.slice_idle_ns = MS(2);
	two.timeout_ns = MS(32);
	two.guests[0] = (struct disk_load_guest){ .weight = 100,
						  .task_count = 2,
						  .tasks = { { .iops = 500, .weight = 1 },
							     { .iops = 1500, .weight = 3 } } };
	two.guests[1] = (struct disk_load_guest){ .weight = 300,
						  .task_count = 1,
						  .tasks = { { .iops = 100, .weight = 7 } } };
	CHECK(is_near((double)by_table_iii(&two, 0, 0),
		      5 * 5e3 + (0.859164859 + 0.041041203 + 0.0224) * 1e9 +
			      (5.256997733 + 0.659075193) / 0.99999975 * 1e9 + 32,
		      1e-7));
}

/* The paper's formula, term by term, over the whole load each time. */
static double plain_equations(const struct disk_load *load, const struct latency_coefficients *c,
			      uint32_t guest, uint32_t task)
{
	const struct disk_load_guest *g = &load->guests[guest];
	double one = 4294967296.0, phi = (double)c->phi / one, t_host = (double)load->bytes_per_s;
	double size = load->request_bytes, budget = (double)load->max_budget_bytes;
	double si = (double)load->slice_idle_ns / 8e6, ts = (double)load->timeout_ns;
	double e_host = 1 - (double)c->si_host / one * si,
	       e_guest = 1 - (double)c->si_guest / one * si;
	double all = 0, weights = 0, own = 0, task_weights = 0, tasks = g->task_count;
	double t_guest, t_task, a_task = g->tasks[task].iops * size, host, inside;

	for (uint32_t i = 0; i < load->guest_count; i++) {
		weights += load->guests[i].weight;
		tasks += load->guests[i].task_count;
		for (uint32_t j = 0; j < load->guests[i].task_count; j++)
			all += load->guests[i].tasks[j].iops * size;
	}
	for (uint32_t j = 0; j < g->task_count; j++) {
		own += g->tasks[j].iops * size;
		task_weights += g->tasks[j].weight;
	}
	t_guest = phi * g->weight / weights * t_host;
	t_task = phi * g->tasks[task].weight / task_weights * t_guest;
	host = (own + budget - size) / (e_host * t_guest) +
	       (all - own + budget) / (e_host * t_host);
	inside = (a_task + budget - size) / (e_guest * t_task) +
		 (own - a_task + budget) / (e_guest * t_guest);
	return tasks * (double)c->switch_ns + (host + inside) * 1e9 +
	       ((double)c->ts_host + (double)c->ts_guest) / one * ts;
}

static struct disk_load random_load(uint32_t guest_max, uint32_t task_max)
{
	static const uint64_t slice_idles[] = { 0, MS(1), MS(2), MS(4), MS(6), MS(8) };
	struct disk_load load = empty_load((uint32_t)random_between(1, guest_max));

	load.slice_idle_ns = slice_idles[random_below(6)];
	load.timeout_ns = MS(random_between(8, 125));
	for (uint32_t i = 0; i < load.guest_count; i++) {
		struct disk_load_guest *g = &load.guests[i];

		g->weight = (uint32_t)random_between(1, 1000);
		g->task_count = (uint32_t)random_between(1, task_max);
		for (uint32_t j = 0; j < g->task_count; j++) {
			g->tasks[j].iops = (uint32_t)random_between(50, 3000);
			g->tasks[j].weight = (uint32_t)random_between(1, 1000);
		}
	}
	return load;
}

/* Terms lose a nanosecond, and are multiplied by 8 at most; coefficients have 32 bits. */
static bool is_rounded(double integer, double plain)
{
	return fabs(integer - plain) <= 40 + 2e-9 * plain;
}

static void integers_agree_with_the_papers_formula(void)
{
	for (uint32_t n = 0; n < 3000; n++) {
		struct disk_load load = random_load(8, 8);
		uint32_t guest = (uint32_t)random_below(load.guest_count);
		uint32_t task = (uint32_t)random_below(load.guests[guest].task_count);
		struct latency_sums sums;

		latency_sum(&load, &sums);
		CHECK(is_rounded((double)by_table_iii(&load, guest, task),
				 plain_equations(&load, &table_iii, guest, task)));
		CHECK(is_rounded(
			(double)latency_estimate_ns(LATENCY_ANALYTIC, &load, &sums, guest, task),
			plain_equations(&load, &latency_table.analytic, guest, task)));
	}
}

static uint64_t analytic(const struct disk_load *load)
{
	struct latency_sums sums;

	latency_sum(load, &sums);
	return latency_estimate_ns(LATENCY_ANALYTIC, load, &sums, 0, 0);
}

/* Of the first task; `index` of the things that can only make it worse. */
static void make_worse(struct disk_load *load, uint32_t index)
{
	uint32_t last = load->guest_count - 1;

	switch (index) {
	case 0:
		load->slice_idle_ns += random_below(MS(4));
		break;
	case 1:
		load->timeout_ns += random_below(MS(200));
		break;
	case 2:
		load->guests[last].tasks[0].iops += (uint32_t)random_below(2000);
		break;
	case 3:
		load->guests[0].tasks[load->guests[0].task_count - 1].iops += 500;
		break;
	case 4:
		load->guests[0].weight = (uint32_t)random_between(1, load->guests[0].weight);
		break;
	case 5:
		load->guests[0].tasks[0].weight =
			(uint32_t)random_between(1, load->guests[0].tasks[0].weight);
		break;
	case 6:
		if (last > 0)
			load->guests[last].weight += 100;
		break;
	default:
		load->guests[last + 1] = load->guests[last];
		load->guest_count++;
	}
}

/* Rounding may take a nanosecond off each of the parts. */
static void worse_conditions_never_predict_less(void)
{
	for (uint32_t n = 0; n < 20000; n++) {
		struct disk_load load = random_load(6, 4);
		uint64_t before = analytic(&load);

		make_worse(&load, n % 8);
		CHECK(analytic(&load) + 8 >= before);
	}
}

/* What is left of the throughput does not reach 0. */
static void long_waits_have_a_limit(void)
{
	struct latency_terms terms = { .host_own = 36000000, .slice_idle = SEC(1000) };

	/* 0.036 s / 0.36 / 0.0625 */
	CHECK(is_near((double)latency_analytic(&table_iii, &terms), 1.6e9, 1e-8));
	terms.slice_idle = US(15500); /* 0.03125 would be left */
	CHECK(is_near((double)latency_analytic(&table_iii, &terms), 1.6e9, 1e-8));
	terms.slice_idle = UINT64_MAX;
	CHECK(is_near((double)latency_analytic(&table_iii, &terms), 1.6e9, 1e-8));
	terms.timeout = UINT64_MAX;
	terms.host_own = UINT64_MAX;
	CHECK(latency_analytic(&table_iii, &terms) == UINT64_MAX);
}

/* --- the networks ------------------------------------------------------------------------- */

static double relu(double x)
{
	return x < 0 ? 0 : fmin(x, FIXED(LATENCY_NEURON_MAX));
}

static double plain_network(const struct latency_network *n, const int32_t *features)
{
	double in[COUNT], out[LATENCY_NEURONS], last = FIXED(n->last_bias);
	uint32_t in_count = COUNT;

	for (uint32_t i = 0; i < COUNT; i++)
		in[i] = FIXED(features[i]);
	for (uint32_t layer = 0; layer < LATENCY_HIDDEN; layer++) {
		for (uint32_t o = 0; o < LATENCY_NEURONS; o++) {
			out[o] = FIXED(n->bias[layer][o]);
			for (uint32_t i = 0; i < in_count; i++)
				out[o] += in[i] * FIXED(layer == 0 ? n->first[i][o]
								   : n->hidden[layer - 1][i][o]);
		}
		for (uint32_t o = 0; o < LATENCY_NEURONS; o++)
			in[o] = relu(out[o]);
		in_count = LATENCY_NEURONS;
	}
	for (uint32_t i = 0; i < LATENCY_NEURONS; i++)
		last += in[i] * FIXED(n->last[i]);
	return last;
}

static double plain_mlp(const struct latency_table *table, const int32_t *features)
{
	double sum = 0;

	for (uint32_t i = 0; i < LATENCY_NETWORKS; i++)
		sum += plain_network(&table->networks[i], features) / LATENCY_NETWORKS;
	return fmin(fmax(sum, FIXED(table->mlp_min)), FIXED(table->mlp_max));
}

static void integers_agree_with_plain_networks(void)
{
	double furthest = 0;

	for (uint32_t n = 0; n < 3000; n++) {
		struct disk_load load = random_load(4, 3);
		uint32_t guest = (uint32_t)random_below(load.guest_count);
		uint32_t task = (uint32_t)random_below(load.guests[guest].task_count);
		struct latency_sums sums;
		int32_t features[COUNT];
		double plain, off;

		latency_sum(&load, &sums);
		latency_features(&load, &sums, guest, task, features);
		plain = plain_mlp(&latency_table, features);
		off = fabs(FIXED(latency_mlp(&latency_table, features)) - plain);
		furthest = off > furthest ? off : furthest;
		CHECK(is_near((double)latency_estimate_ns(LATENCY_MLP, &load, &sums, guest, task),
			      exp2(plain), 0.002));
	}
	printf("furthest: %g of log2\n", furthest);
	CHECK(furthest < 0.002);
}

static struct latency_table random_table;

static void fill(int32_t *numbers, size_t bytes, int32_t most)
{
	for (size_t i = 0; i < bytes / sizeof(*numbers); i++)
		numbers[i] = (int32_t)random_below(2 * (uint64_t)most + 1) - most;
}

static void any_table_agrees_with_plain_networks(void)
{
	int32_t features[COUNT];

	for (uint32_t n = 0; n < 300; n++) {
		fill((int32_t *)random_table.networks, sizeof(random_table.networks), LATENCY_ONE);
		random_table.mlp_min = -100 * LATENCY_ONE;
		random_table.mlp_max = (int32_t)random_between(1, 500) * LATENCY_ONE;
		fill(features, sizeof(features), 12 * LATENCY_ONE);
		/* 15 neurons' rounding by a half, through two layers of 15 weights below 1. */
		CHECK(fabs(FIXED(latency_mlp(&random_table, features)) -
			   plain_mlp(&random_table, features)) <
		      0.5 / 65536 * (15 * 15 * 15 + 15 * 15));
	}
}

/* 2^-16 x 0.5, in each layer. */
static void halves_are_rounded_up(void)
{
	const int32_t features[COUNT] = { 1 }, half = LATENCY_ONE / 2;

	random_table = (struct latency_table){ .mlp_max = LATENCY_ONE };
	for (uint32_t i = 0; i < LATENCY_NETWORKS; i++) {
		random_table.networks[i].first[0][0] = random_table.networks[i].last[0] = half;
		random_table.networks[i].hidden[0][0][0] = half;
		random_table.networks[i].hidden[1][0][0] = half;
	}
	CHECK(latency_mlp(&random_table, features) == 1);
	random_table.networks[4].last[0] = half - 1;
	CHECK(latency_mlp(&random_table, features) == 0); /* the mean, down */
}

/* Whatever the weights and the features: UBSan sees an overflow. */
static void no_sum_overflows(void)
{
	static const int32_t ends[2] = { -LATENCY_WEIGHT_MAX + 1, LATENCY_WEIGHT_MAX - 1 };
	int32_t *numbers = (int32_t *)random_table.networks, features[COUNT], out;

	random_table.mlp_min = INT32_MIN;
	random_table.mlp_max = INT32_MAX;
	for (uint32_t n = 0; n < 64; n++) {
		for (size_t i = 0; i < NUMBERS; i++)
			numbers[i] = n < 2 ? ends[n] : ends[random_below(2)];
		for (uint32_t i = 0; i < COUNT; i++)
			features[i] = n % 4 < 2 ? LATENCY_NEURON_MAX : ends[random_below(2)] * 2;
		out = latency_mlp(&random_table, features);
		CHECK(out >= random_table.mlp_min && out <= random_table.mlp_max);
		if (n < 2)
			CHECK(out == (n == 0 ? random_table.networks[0].last_bias : INT32_MAX));
	}
}

static void the_table_keeps_its_limits(void)
{
	const int32_t *numbers = (const int32_t *)latency_table.networks;

	for (size_t i = 0; i < NUMBERS; i++)
		CHECK(numbers[i] > -LATENCY_WEIGHT_MAX && numbers[i] < LATENCY_WEIGHT_MAX);
	CHECK(latency_table.mlp_min > 0 && latency_table.mlp_min < latency_table.mlp_max);
	CHECK(latency_table.mlp_max + (int64_t)latency_table.mlp_margin < 60 * LATENCY_ONE);
	CHECK(latency_table.mlp_margin >= 0 && latency_table.analytic.margin >= LATENCY_ONE);
	CHECK(latency_table.analytic.phi > 0);
	CHECK(latency_table.disk[0] != 0 && latency_table.record[0] != 0);
}

/* With slice_idle 0 another one, if the table has it. */
static void predictions_are_estimates_with_their_margin(void)
{
	const struct latency_table *t = &latency_table;

	for (uint32_t n = 0; n < 500; n++) {
		struct disk_load load = random_load(4, 3);
		bool is_idle = load.slice_idle_ns > 0;
		int32_t by_equations = is_idle || !t->analytic.margin_no_idle
					       ? t->analytic.margin
					       : t->analytic.margin_no_idle;
		int32_t mlp =
			is_idle || !t->mlp_margin_no_idle ? t->mlp_margin : t->mlp_margin_no_idle;
		struct latency_sums sums;

		latency_sum(&load, &sums);
		CHECK(is_near((double)latency_predict_ns(LATENCY_ANALYTIC, &load, &sums, 0, 0),
			      (double)latency_estimate_ns(LATENCY_ANALYTIC, &load, &sums, 0, 0) *
				      FIXED(by_equations),
			      1e-6));
		CHECK(is_near((double)latency_predict_ns(LATENCY_MLP, &load, &sums, 0, 0),
			      (double)latency_estimate_ns(LATENCY_MLP, &load, &sums, 0, 0) *
				      exp2(FIXED(mlp)),
			      1e-5));
	}
}

/* --- features ----------------------------------------------------------------------------- */

/*
 * SI 4 ms. Guest 0: 100 + 200 IOPS, 1.2 in 4 ms: awaited, weight 50. Guest 1: 100, 0.4: not, 700.
 * Guest 2: 1500, 6: awaited, 150. Guest 3: 250, 1: awaited, just, 400.
 */
static struct disk_load four_guests(void)
{
	struct disk_load load = empty_load(4);

	load.slice_idle_ns = MS(4);
	load.timeout_ns = MS(32);
	load.guests[0] = (struct disk_load_guest){ .weight = 50,
						   .task_count = 2,
						   .tasks = { { .iops = 100, .weight = 100 },
							      { .iops = 200, .weight = 300 } } };
	load.guests[1].weight = 700;
	load.guests[2].weight = 150;
	load.guests[3].weight = 400;
	for (uint32_t i = 1; i < 4; i++) {
		static const uint32_t iops[4] = { 0, 100, 1500, 250 };

		load.guests[i].task_count = 1;
		load.guests[i].tasks[0] = (struct disk_load_task){ .iops = iops[i], .weight = 100 };
	}
	return load;
}

static bool are_features(const struct disk_load *load, uint32_t guest, uint32_t task,
			 const double expected[COUNT])
{
	struct latency_sums sums;
	int32_t features[COUNT];
	bool is_equal = true;

	latency_sum(load, &sums);
	latency_features(load, &sums, guest, task, features);
	for (uint32_t i = 0; i < COUNT; i++) {
		if (fabs(FIXED(features[i]) - expected[i]) > 2.5 / 65536) {
			printf("%s: %f, not %f\n", latency_feature_names[i], FIXED(features[i]),
			       expected[i]);
			is_equal = false;
		}
	}
	return is_equal;
}

static void features_say_what_matters(void)
{
	struct disk_load load = four_guests();

	CHECK(are_features(&load, 0, 0,
			   (double[COUNT]){ 2, log2(5), 1, log2(100), log2(300), log2(2150),
					    log2(1300.0 / 50), 2, 4, 5, log2(1.2), 2,
					    log2(1 + 550.0 / 50), log2(1 + 400.0 / 50), 0,
					    log2(0.4) }));
	CHECK(are_features(&load, 1, 0,
			   (double[COUNT]){ 2, log2(5), 0, log2(100), log2(100), log2(2150),
					    log2(1300.0 / 700), 0, 4, 5, log2(0.4), 3,
					    log2(1 + 600.0 / 700), log2(1 + 400.0 / 700), 0, 0 }));
	/* In its own guest, one that is awaited; and nobody is if all weights are equal. */
	load.guests[0].tasks[1].iops = 250;
	CHECK(are_features(&load, 0, 0,
			   (double[COUNT]){ 2, log2(5), 1, log2(100), log2(350), log2(2200),
					    log2(1300.0 / 50), 2, 4, 5, log2(1.4), 2,
					    log2(1 + 550.0 / 50), log2(1 + 400.0 / 50), 2,
					    log2(0.4) }));
	CHECK(are_features(&load, 0, 1,
			   (double[COUNT]){ 2, log2(5), 1, log2(250), log2(350), log2(2200),
					    log2(26), log2(4.0 / 3), 4, 5, log2(1.4), 2, log2(12),
					    log2(9), 0, 0 }));
	load.guests[0].tasks[1].weight = 100;
	load.slice_idle_ns = 0;
	CHECK(are_features(&load, 0, 0,
			   (double[COUNT]){ 2, log2(5), 1, log2(100), log2(350), log2(2200),
					    log2(1300.0 / 50), 1, 0, 5, -4, 0, 0, 0, 0, 0 }));
	/* No timeout is as one of a second. */
	load.timeout_ns = 0;
	CHECK(are_features(&load, 2, 0,
			   (double[COUNT]){ 2, log2(5), 0, log2(1500), log2(1500), log2(2200),
					    log2(1300.0 / 150), 0, 0, log2(1000), -4, 0, 0, 0, 0,
					    0 }));
}

static void what_was_not_learned_is_marked(void)
{
	const struct latency_domain *d = &latency_table.domain;
	struct disk_load load = empty_load(1), inside;

	load.request_bytes = d->request_bytes;
	load.max_budget_bytes = d->max_budget_bytes;
	load.bytes_per_s = d->bytes_per_s;
	load.slice_idle_ns = d->slice_idle_max_ns;
	load.timeout_ns = d->timeout_min_ns;
	load.guests[0].weight = d->weight_max;
	load.guests[0].task_count = d->task_max;
	for (uint32_t j = 0; j < d->task_max; j++)
		load.guests[0].tasks[j] = (struct disk_load_task){ d->iops_min, d->weight_min, 0 };
	inside = load;
	CHECK(latency_is_within(&inside));
#define CHECK_OUTSIDE(change) \
	do { \
		load = inside; \
		load.change; \
		CHECK(!latency_is_within(&load)); \
	} while (0)
	CHECK_OUTSIDE(guest_count = 0);
	CHECK_OUTSIDE(request_bytes++);
	CHECK_OUTSIDE(max_budget_bytes--);
	CHECK_OUTSIDE(bytes_per_s++);
	CHECK_OUTSIDE(slice_idle_ns++);
	CHECK_OUTSIDE(timeout_ns--);
	CHECK_OUTSIDE(timeout_ns = d->timeout_max_ns + 1);
	CHECK_OUTSIDE(guests[0].weight++);
	CHECK_OUTSIDE(guests[0].weight = d->weight_min - 1);
	CHECK_OUTSIDE(guests[0].task_count = 0);
	CHECK_OUTSIDE(guests[0].task_count++);
	CHECK_OUTSIDE(guests[0].tasks[0].iops--);
	CHECK_OUTSIDE(guests[0].tasks[0].iops = d->iops_max + 1);
	CHECK_OUTSIDE(guests[0].tasks[d->task_max - 1].weight--);
	load = inside;
	for (load.guest_count = 1; load.guest_count <= d->guest_max; load.guest_count++)
		load.guests[load.guest_count] = load.guests[0];
	CHECK(!latency_is_within(&load));
	load.guest_count--;
	CHECK(latency_is_within(&load));
}

/* --- extremes ----------------------------------------------------------------------------- */

static struct disk_load extreme_load(uint32_t iops, uint32_t weight, uint64_t times)
{
	struct disk_load load = { .guest_count = IOSCHED_CLIENT_MAX,
				  .request_bytes = iops,
				  .slice_idle_ns = times,
				  .timeout_ns = times,
				  .max_budget_bytes = times,
				  .bytes_per_s = times };

	for (uint32_t i = 0; i < load.guest_count; i++) {
		load.guests[i].weight = weight;
		load.guests[i].task_count = IOSCHED_QUEUE_MAX;
		for (uint32_t j = 0; j < IOSCHED_QUEUE_MAX; j++)
			load.guests[i].tasks[j] = (struct disk_load_task){ iops, weight, 0 };
	}
	return load;
}

static void extremes_do_not_overflow(void)
{
	static const uint64_t times[] = { 0, 1, SEC(1), UINT64_MAX };
	static const uint32_t numbers[] = { 0, 1, 1000, UINT32_MAX };
	struct latency_sums sums;

	for (uint32_t n = 0; n < 4 * 3 * 4; n++) {
		struct disk_load load =
			extreme_load(numbers[n % 4], numbers[n / 4 % 3], times[n / 12]);

		latency_sum(&load, &sums);
		CHECK(sums.task_count == 256);
		for (enum latency_model m = 0; m < LATENCY_MODEL_COUNT; m++) {
			uint64_t ns = latency_predict_ns(m, &load, &sums, 31, 7);

			if (m == LATENCY_MLP)
				CHECK(ns > 0 && ns < UINT64_MAX);
			else if (numbers[n / 4 % 3] == 0 || times[n / 12] == 0)
				CHECK(ns == UINT64_MAX);
		}
	}
}

int main(int argc, char **argv)
{
	random_seed(argc, argv);
	RUN(equations_give_what_a_calculator_gives);
	RUN(integers_agree_with_the_papers_formula);
	RUN(worse_conditions_never_predict_less);
	RUN(long_waits_have_a_limit);
	RUN(integers_agree_with_plain_networks);
	RUN(any_table_agrees_with_plain_networks);
	RUN(halves_are_rounded_up);
	RUN(no_sum_overflows);
	RUN(the_table_keeps_its_limits);
	RUN(predictions_are_estimates_with_their_margin);
	RUN(features_say_what_matters);
	RUN(what_was_not_learned_is_marked);
	RUN(extremes_do_not_overflow);
	return test_failed;
}

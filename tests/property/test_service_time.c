/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How long a disk takes: against a disk that is served tick by tick, and against the distributions
 * that the configuration asks for.
 */
#include <string.h>
#include "core/lib/service_time.h"
#include "tests/property/random.h"
#include "tests/test.h"

#define GHZ       UINT64_C(1000000000) /* a tick is a nanosecond */
#define DRAWS     200000u
#define REQUESTS  400u
#define UNITS_MAX 5u

static struct service_time model;

/* --- tick by tick ------------------------------------------------------------------------------------ */

struct job {
	uint64_t came, work, done;
	enum block_op op;
	bool is_fua;
	uint64_t bytes;
};
static struct job jobs[REQUESTS];

static uint64_t work_of(const struct service_time_config *c, const struct job *j)
{
	switch (j->op) {
	case BLOCK_FLUSH:
		return c->flush_ns;
	case BLOCK_READ:
		return c->read.fixed_ns + j->bytes * c->read.ns_per_kib / 1024;
	case BLOCK_WRITE:
		return c->write.fixed_ns + j->bytes * c->write.ns_per_kib / 1024 +
		       (j->is_fua ? c->fua_ns : 0);
	default:
		return c->trim_ns + (j->is_fua ? c->fua_ns : 0);
	}
}

/* One tick after the other; a unit takes the next request when it has none. `phase`: of stalls. */
static void serve_slowly(const struct service_time_config *c, uint32_t count, uint64_t phase)
{
	uint32_t unit_job[UNITS_MAX], next = 0, done = 0;
	uint64_t left[UNITS_MAX];

	memset(unit_job, 0xff, sizeof(unit_job));
	for (uint64_t t = 0; done < count; t++) {
		const uint64_t in_period =
			c->stall_ns ? (t + c->stall_every_ns - phase) % c->stall_every_ns : 0;
		const bool is_stalled = c->stall_ns && in_period < c->stall_ns;

		for (uint32_t u = 0; u < c->parallel; u++) {
			if (unit_job[u] == UINT32_MAX && next < count && jobs[next].came <= t &&
			    !is_stalled) {
				unit_job[u] = next;
				left[u] = jobs[next++].work;
			}
			if (unit_job[u] == UINT32_MAX || is_stalled)
				continue;
			if (--left[u] == 0) {
				jobs[unit_job[u]].done = t + 1;
				unit_job[u] = UINT32_MAX;
				done++;
			}
		}
	}
}

/* Which phase a seed gives is not ours to know: there must be exactly one that explains all. */
static bool is_explained(const struct service_time_config *c, uint32_t count, const uint64_t *got)
{
	for (uint64_t phase = 0; phase < max_u64(c->stall_every_ns, 1); phase++) {
		bool same = true;

		serve_slowly(c, count, phase);
		for (uint32_t i = 0; i < count && same; i++)
			same = jobs[i].done == got[i];
		if (same)
			return true;
	}
	return false;
}

static void make_jobs(const struct service_time_config *c, uint32_t count)
{
	uint64_t t = 0;

	for (uint32_t i = 0; i < count; i++) {
		struct job *j = &jobs[i];

		t += random_below(2) ? random_below(60) : 0;
		*j = (struct job){ .came = t,
				   .op = (enum block_op)random_below(BLOCK_OP_COUNT),
				   .is_fua = random_below(4) == 0,
				   .bytes = 512 * random_between(1, 8) };
		j->work = work_of(c, j);
	}
}

static void it_agrees_with_a_disk_served_tick_by_tick(void)
{
	uint64_t got[REQUESTS];

	for (uint32_t round = 0; round < 300; round++) {
		struct service_time_config c = { .read = { random_between(1, 30), random_below(9) },
						 .write = { random_between(1, 30),
							    random_below(9) },
						 .fua_ns = random_below(20),
						 .flush_ns = random_between(1, 50),
						 .trim_ns = random_between(1, 20),
						 .parallel = (uint32_t)random_between(1, UNITS_MAX),
						 .seed = random_u64() };
		const uint32_t count = (uint32_t)random_between(1, 40);

		if (random_below(3)) {
			c.stall_every_ns = random_between(2, 120);
			c.stall_ns = random_between(1, c.stall_every_ns - 1);
		}
		make_jobs(&c, count);
		CHECK(service_time_init(&model, &c, GHZ, 0) == OK);
		for (uint32_t i = 0; i < count; i++)
			got[i] = service_time_submit(&model, jobs[i].op, jobs[i].is_fua,
						     jobs[i].bytes, jobs[i].came);
		CHECK(is_explained(&c, count, got));
	}
}

/* --- distributions ------------------------------------------------------------------------------------ */

/* Alone on the disk, at a time when it is free: what one request takes. */
static uint64_t one(uint64_t *t, enum block_op op, uint64_t bytes)
{
	const uint64_t done = service_time_submit(&model, op, false, bytes, *t);
	const uint64_t took = done - *t;

	*t = done;
	return took;
}

static void uniform_jitter_is_uniform(void)
{
	const struct service_time_config c = { .read = { 1000, 0 },
					       .parallel = 1,
					       .jitter = SERVICE_UNIFORM,
					       .uniform_ns = 99,
					       .seed = random_u64() };
	uint32_t counts[100] = { 0 };
	uint64_t t = 5;

	CHECK(service_time_init(&model, &c, GHZ, t) == OK);
	for (uint32_t i = 0; i < DRAWS; i++) {
		const uint64_t took = one(&t, BLOCK_READ, 4096) - 1000;

		CHECK(took < 100);
		counts[took % 100]++;
	}
	/* 2000 of each, standard deviation 45 */
	for (uint32_t i = 0; i < 100; i++)
		CHECK(counts[i] > 1700 && counts[i] < 2300);
	CHECK(service_time_most_ns(&c, BLOCK_READ, false, 4096) == 1099);
	CHECK(service_time_most_ns(&c, BLOCK_FLUSH, false, 0) == 0);
}

/* A tail a thousand times as long as the median, of one in a thousand. */
static const struct service_quantile tail[] = {
	{ 0, 50 }, { 500000, 100 }, { 990000, 200 }, { 999000, 10000 }, { 1000000, 100000 },
};

static void quantiles_are_where_the_table_has_them(void)
{
	const struct service_time_config c = { .write = { 7, 0 },
					       .parallel = 1,
					       .jitter = SERVICE_QUANTILES,
					       .quantiles = tail,
					       .quantile_count = ARRAY_SIZE(tail),
					       .seed = random_u64() };
	uint32_t at_most[ARRAY_SIZE(tail)] = { 0 }, half = 0;
	uint64_t t = 0;

	CHECK(service_time_init(&model, &c, GHZ, t) == OK);
	for (uint32_t i = 0; i < DRAWS; i++) {
		const uint64_t took = one(&t, BLOCK_WRITE, 512) - 7;

		for (uint32_t q = 0; q < ARRAY_SIZE(tail); q++)
			at_most[q] += took <= tail[q].ns;
		half += took < 75;
		CHECK(took >= 50 && took <= 100000);
	}
	for (uint32_t q = 1; q < ARRAY_SIZE(tail); q++) {
		const double wanted = tail[q].ppm / 1e6, got = at_most[q] / (double)DRAWS;

		CHECK(got > wanted - 0.01 && got < wanted + 0.012);
		CHECK((1 - got) < 1.5 * (1 - wanted) + 1e-9 && (1 - got) >= 0.6 * (1 - wanted));
	}
	CHECK(half > DRAWS / 4 - 1000 && half < DRAWS / 4 + 1000);
	CHECK(service_time_most_ns(&c, BLOCK_WRITE, true, 512) == 100007);
}

static void the_same_seed_gives_the_same_times(void)
{
	struct service_time_config c = { .read = { 10, 100 },
					 .write = { 20, 100 },
					 .parallel = 3,
					 .jitter = SERVICE_QUANTILES,
					 .quantiles = tail,
					 .quantile_count = ARRAY_SIZE(tail),
					 .stall_every_ns = 5000,
					 .stall_ns = 700,
					 .seed = random_u64() };
	static struct service_time other;
	uint32_t differ = 0;

	CHECK(service_time_init(&model, &c, GHZ, 0) == OK);
	CHECK(service_time_init(&other, &c, GHZ, 0) == OK);
	for (uint32_t i = 0; i < 10000; i++)
		CHECK(service_time_submit(&model, BLOCK_READ, false, 4096, 90 * i) ==
		      service_time_submit(&other, BLOCK_READ, false, 4096, 90 * i));
	CHECK(service_time_init(&model, &c, GHZ, 0) == OK);
	c.seed++;
	CHECK(service_time_init(&other, &c, GHZ, 0) == OK);
	for (uint32_t i = 0; i < 1000; i++)
		differ += service_time_submit(&model, BLOCK_READ, false, 4096, 9000 * i) !=
			  service_time_submit(&other, BLOCK_READ, false, 4096, 9000 * i);
	CHECK(differ > 500);
}

/* --- units, limits ------------------------------------------------------------------------------------- */

static void ticks_of_any_frequency(void)
{
	static const uint64_t hz[] = { 1000000, 50000000, 2400000000, 3579545, 1000000000000 };
	const struct service_time_config c = { .read = { US(80), 250 }, .parallel = 1 };

	for (uint32_t i = 0; i < ARRAY_SIZE(hz); i++) {
		const uint64_t wanted = mul_div(US(80) + 4 * 250, hz[i], SEC(1));
		uint64_t t = UINT64_C(1) << 60, took;

		CHECK(service_time_init(&model, &c, hz[i], t) == OK);
		took = one(&t, BLOCK_READ, 4096);
		CHECK(took <= wanted && took + 1 >= wanted);
	}
	CHECK(service_time_init(&model, &c, 999999, 0) == ERR_RANGE);
	CHECK(service_time_init(&model, &c, 1000000000001, 0) == ERR_RANGE);
}

/* The longest that the plan says is reached, and never exceeded. */
static void the_plans_bound_is_the_worst_case(void)
{
	for (uint32_t round = 0; round < 200; round++) {
		struct service_time_config c = { .read = { random_between(1, 300), 0 },
						 .parallel = 1,
						 .stall_every_ns = random_between(2, 100),
						 .seed = random_u64() };
		uint64_t most = 0, bound;

		c.stall_ns = random_between(1, c.stall_every_ns - 1);
		bound = service_time_stalled_ns(&c,
						service_time_most_ns(&c, BLOCK_READ, false, 512));
		CHECK(service_time_init(&model, &c, GHZ, 0) == OK);
		for (uint64_t at = 0; at < 2 * c.stall_every_ns; at++) {
			struct service_time fresh = model;

			most = max_u64(most, service_time_submit(&fresh, BLOCK_READ, false, 512,
								 at + 1000) -
						     at - 1000);
		}
		CHECK(most == bound);
	}
}

static void contradictions_are_refused(void)
{
	static const struct service_quantile late[] = { { 1, 0 }, { 1000000, 1 } };
	static const struct service_quantile early[] = { { 0, 0 }, { 999999, 1 } };
	static const struct service_quantile falls[] = { { 0, 5 }, { 1000000, 4 } };
	static const struct service_quantile twice[] = { { 0, 5 }, { 0, 6 }, { 1000000, 7 } };
	static const struct service_quantile *const bad[] = { late, early, falls, twice, NULL };
	struct service_time_config c = { .parallel = 1 };

	CHECK(service_time_check(&c) == OK);
	c.parallel = 0;
	CHECK(service_time_check(&c) == ERR_RANGE);
	c.parallel = SERVICE_UNIT_MAX + 1;
	CHECK(service_time_check(&c) == ERR_RANGE);
	c.parallel = SERVICE_UNIT_MAX;
	CHECK(service_time_check(&c) == OK);
	c.stall_every_ns = c.stall_ns = 10;
	CHECK(service_time_check(&c) == ERR_INVAL);
	c.stall_ns = 0;
	CHECK(service_time_check(&c) == ERR_INVAL);
	c.stall_ns = 9;
	CHECK(service_time_check(&c) == OK);
	c.flush_ns = SERVICE_NS_MAX + 1;
	CHECK(service_time_check(&c) == ERR_RANGE);
	c.flush_ns = 0;
	c.jitter = SERVICE_QUANTILES;
	for (uint32_t i = 0; i < ARRAY_SIZE(bad); i++) {
		c.quantiles = bad[i];
		c.quantile_count = bad[i] == twice ? 3 : 2;
		CHECK(service_time_check(&c) == ERR_INVAL);
	}
	c.quantiles = tail;
	c.quantile_count = ARRAY_SIZE(tail);
	CHECK(service_time_check(&c) == OK);
	/* A stall that ends in the tick in which the next begins. */
	c = (struct service_time_config){ .parallel = 1, .stall_every_ns = 1001, .stall_ns = 1000 };
	CHECK(service_time_init(&model, &c, 1000000, 0) == ERR_RANGE);
}

int main(int argc, char **argv)
{
	random_seed(argc, argv);
	RUN(it_agrees_with_a_disk_served_tick_by_tick);
	RUN(uniform_jitter_is_uniform);
	RUN(quantiles_are_where_the_table_has_them);
	RUN(the_same_seed_gives_the_same_times);
	RUN(ticks_of_any_frequency);
	RUN(the_plans_bound_is_the_worst_case);
	RUN(contradictions_are_refused);
	return test_failed;
}

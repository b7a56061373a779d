/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The simulator of shared disks, against what can be computed by hand: tasks alone, two that fill the disk,
 * stalls, weights, waiting, phases.
 */
#include "tools/sim/disk_sim.h"
#include <stdlib.h>
#include "tests/test.h"
#include "tests/property/random.h"
#include "tools/sim/quantile.h"

#define SEND   1000u
#define RETURN 2000u

/* 100 us, whatever it is. */
static const struct service_time_config steady = { .read = { US(100), 0 },
						   .write = { US(100), 0 },
						   .parallel = 1 };
static const struct service_time_config stalling = { .read = { US(100), 0 },
						     .write = { US(100), 0 },
						     .parallel = 1,
						     .stall_every_ns = SEC(1),
						     .stall_ns = MS(50) };

static struct condition_result result;
static struct iosched_client_config clients[IOSCHED_CLIENT_MAX];

static struct disk_load load_of(const char *text)
{
	struct disk_load load;

	CHECK(condition_parse_load(&load, text) == NULL);
	load.slice_idle_ns = MS(8);
	load.timeout_ns = MS(125);
	return load;
}

static struct disk_sim *sim_of(const struct service_time_config *time, uint64_t seed)
{
	return disk_sim_new(&(struct disk_sim_config){
		.time = time, .seed = seed, .send_ns = SEND, .return_ns = RETURN });
}

static void run(const struct service_time_config *time, uint64_t seed, const struct disk_load *load,
		enum iosched_kind kind, uint64_t duration_ns)
{
	struct disk_sim *const s = sim_of(time, seed);
	struct iosched_config sched = disk_sim_bfq(load, 4, clients);

	sched.kind = kind;
	CHECK(s && disk_sim_phase(s, load, &sched, duration_ns, &result) == OK);
	disk_sim_free(s);
}

static void a_task_alone_takes_its_service_and_the_ways(void)
{
	const struct disk_load load = load_of("100:100*100");
	const struct condition_task *const t = &result.tasks[0][0];

	for (uint32_t kind = 0; kind < IOSCHED_PRIORITY; kind++) {
		run(&steady, 1, &load, kind, SEC(10));
		CHECK(t->requests == 1000);
		CHECK(t->p50_ns == US(100) + SEND + RETURN);
		CHECK(t->max_ns == t->p50_ns && t->p99_ns == t->p50_ns);
	}
}

/* 3000 a second: 333,333 1/3 ns each. Three of them are a thousandth of a second, without a rest. */
static void a_rate_that_no_nanosecond_divides_is_kept(void)
{
	const struct disk_load load = load_of("100:3000*100");

	run(&steady, 3, &load, IOSCHED_NONE, SEC(100));
	CHECK(result.tasks[0][0].requests == 300000);
}

/*
 * Each always has a request in the disk or in its queue: A is done at t, known and sent at t + RETURN, and
 * begins when B's is done, at t + 100 us; it is known at t + 200 us + RETURN.
 */
static void two_that_want_more_than_all_have_every_other(void)
{
	const struct disk_load load = load_of("100:20000*100;100:20000*100");

	run(&steady, 1, &load, IOSCHED_NONE, SEC(1));
	for (uint32_t g = 0; g < 2; g++) {
		CHECK(result.tasks[g][0].p50_ns == US(200) && result.tasks[g][0].p99_ns == US(200));
		CHECK(result.tasks[g][0].max_ns == US(200));
		CHECK(result.tasks[g][0].requests >= 4998 && result.tasks[g][0].requests <= 5002);
	}
}

/*
 * A stall meets one request of a synchronous task, and what is due during it is made up for: as many as
 * without. 20 stalls in 20 s; the longest is seen nearly from its beginning.
 */
static void a_stall_delays_one_request_and_the_rest_is_caught_up_with(void)
{
	const struct disk_load load = load_of("100:500*100");
	const struct iosched_config sched = disk_sim_bfq(&load, 4, clients);
	struct disk_sim *const s = sim_of(&stalling, 7);
	const uint64_t base_ns = US(100) + SEND + RETURN;
	size_t count, late = 0;
	const uint64_t *samples;

	CHECK(disk_sim_phase(s, &load, &sched, SEC(20), &result) == OK);
	samples = disk_sim_samples(s, 0, 0, &count);
	CHECK(count == 10000 && result.tasks[0][0].requests == 10000);
	for (size_t i = 0; i < count; i++) {
		CHECK(samples[i] >= base_ns);
		late += samples[i] > base_ns;
	}
	CHECK(late == 20);
	CHECK(result.tasks[0][0].max_ns <= MS(50) + base_ns);
	CHECK(result.tasks[0][0].max_ns > MS(50) - MS(2));
	disk_sim_free(s);
}

/* Of guests that always have more requests than the disk takes: 8 tasks, and it takes 4. */
static void weights_are_shares(void)
{
#define EIGHT "9999*100+9999*100+9999*100+9999*100+9999*100+9999*100+9999*100+9999*100"
	const struct disk_load load = load_of("300:" EIGHT ";100:" EIGHT);
	uint64_t requests[2] = { 0 };

	run(&steady, 1, &load, IOSCHED_BFQ, SEC(40));
	for (uint32_t g = 0; g < 2; g++) {
		for (uint32_t t = 0; t < 8; t++)
			requests[g] += result.tasks[g][t].requests;
	}
	CHECK(requests[0] + requests[1] > 399900);
	CHECK(requests[0] > 290 * requests[1] / 100 && requests[0] < 310 * requests[1] / 100);
}

/* Who pauses 2 ms is waited for if slice_idle is longer: a turn lasts up to TS. Else nobody waits. */
static void slice_idle_is_what_the_others_wait_for(void)
{
	struct disk_load load = load_of("100:500*100;100:500*100");

	run(&steady, 1, &load, IOSCHED_BFQ, SEC(20));
	CHECK(result.tasks[0][0].p9999_ns > MS(100) && result.tasks[0][0].p9999_ns < MS(250));
	load.slice_idle_ns = 0;
	run(&steady, 1, &load, IOSCHED_BFQ, SEC(20));
	CHECK(result.tasks[0][0].max_ns <= US(200) + SEND + RETURN);
	CHECK(result.tasks[1][0].max_ns <= US(200) + SEND + RETURN);
}

static void the_same_seed_is_the_same_run(void)
{
	const struct disk_load load = load_of("300:1500*100+500*700;100:100*100+1500*50;50:500*1");
	struct condition_result first;
	uint32_t differ = 0;

	run(&stalling, 5, &load, IOSCHED_BFQ, SEC(5));
	first = result;
	run(&stalling, 5, &load, IOSCHED_BFQ, SEC(5));
	for (uint32_t g = 0; g < 3; g++) {
		for (uint32_t t = 0; t < load.guests[g].task_count; t++) {
			CHECK(first.tasks[g][t].requests == result.tasks[g][t].requests);
			CHECK(first.tasks[g][t].p50_ns == result.tasks[g][t].p50_ns);
			CHECK(first.tasks[g][t].max_ns == result.tasks[g][t].max_ns);
		}
	}
	run(&stalling, 6, &load, IOSCHED_BFQ, SEC(5));
	for (uint32_t g = 0; g < 3; g++)
		differ += first.tasks[g][0].max_ns != result.tasks[g][0].max_ns;
	CHECK(differ == 3);
}

/* The second phase has what its own load asks for, on the same device: its stalls go on. */
static void a_phase_goes_on_where_the_last_one_ended(void)
{
	const struct disk_load one = load_of("100:500*100"),
			       two = load_of("100:100*100;100:1000*1");
	struct iosched_config sched = disk_sim_bfq(&two, 4, clients);
	struct disk_sim *const s = sim_of(&stalling, 9);
	size_t count, late = 0;
	const uint64_t *samples;

	CHECK(disk_sim_phase(s, &one, NULL, SEC(1), &result) == ERR_INVAL);
	CHECK(disk_sim_phase(s, &one, &sched, SEC(4), &result) == OK);
	CHECK(result.tasks[0][0].requests == 2000);
	CHECK(disk_sim_phase(s, &two, NULL, SEC(10), &result) == OK);
	/* What is due when a phase ends within a stall is not sent. */
	CHECK(result.tasks[0][0].requests >= 995 && result.tasks[0][0].requests <= 1000);
	CHECK(result.tasks[1][0].requests >= 9950 && result.tasks[1][0].requests <= 10000);
	sched.kind = IOSCHED_NONE;
	CHECK(disk_sim_phase(s, &one, &sched, SEC(4), &result) == OK);
	samples = disk_sim_samples(s, 0, 0, &count);
	for (size_t i = 0; i < count; i++)
		late += samples[i] > MS(1);
	CHECK(count == 2000 && late == 4);
	CHECK(disk_sim_samples(s, 1, 0, &count) == NULL && count == 0);
	disk_sim_free(s);
}

static void the_scheduler_is_set_as_the_load_says(void)
{
	const struct disk_load load = load_of("300:100*1;20:100*7+500*9");
	const struct iosched_config c = disk_sim_bfq(&load, 3, clients);

	CHECK(c.kind == IOSCHED_BFQ && c.is_strict && c.depth == 3 && c.client_count == 2);
	CHECK(c.slice_idle_tsc == MS(8) && c.timeout_tsc == MS(125) &&
	      c.max_budget_bytes == MIB(8));
	CHECK(clients[0].weight == 300 && clients[0].queue_count == 1);
	CHECK(clients[0].queue_weights[0] == 1);
	CHECK(clients[1].weight == 20 && clients[1].queue_count == 2);
	CHECK(clients[1].queue_weights[0] == 7 && clients[1].queue_weights[1] == 9);
}

static void what_cannot_be_simulated_is_refused(void)
{
	const struct service_time_config nothing = { .parallel = 0 };
	const struct disk_load good = load_of("100:100*100");
	struct iosched_config sched = disk_sim_bfq(&good, 4, clients);
	struct disk_sim *const s = sim_of(&steady, 1);
	struct disk_load bad = good;

	CHECK(sim_of(&nothing, 1) == NULL);
	CHECK(disk_sim_phase(s, &good, &sched, 0, &result) == ERR_INVAL);
	bad.guest_count = 0;
	CHECK(disk_sim_phase(s, &bad, &sched, SEC(1), &result) == ERR_INVAL);
	bad.guest_count = 2;
	CHECK(disk_sim_phase(s, &bad, &sched, SEC(1), &result) == ERR_INVAL);
	bad = good;
	bad.guests[0].tasks[0].iops = 0;
	CHECK(disk_sim_phase(s, &bad, &sched, SEC(1), &result) == ERR_INVAL);
	bad = good;
	bad.guests[0].task_count = 2;
	CHECK(disk_sim_phase(s, &bad, &sched, SEC(1), &result) == ERR_INVAL);
	bad = good;
	bad.request_bytes = 100;
	CHECK(disk_sim_phase(s, &bad, &sched, SEC(1), &result) == ERR_INVAL);
	sched.depth = 0;
	CHECK(disk_sim_phase(s, &good, &sched, SEC(1), &result) == ERR_INVAL);
	disk_sim_free(s);
}

static int by_size(const void *a, const void *b)
{
	const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

/* Oracle: sorting. Few different values: many are equal. */
static void quantiles_are_those_of_the_sorted_samples(void)
{
	uint64_t samples[300], sorted[300];

	for (uint32_t round = 0; round < 3000; round++) {
		const size_t count = 1 + random_below(ARRAY_SIZE(samples)),
			     low = random_below(count);
		const size_t at = low + random_below(count - low),
			     later = at + random_below(count - at);
		const uint64_t values = 1 + random_below(1 + random_below(1000));

		for (size_t i = 0; i < count; i++)
			sorted[i] = samples[i] = random_below(values);
		qsort(sorted, count, sizeof(*sorted), by_size);
		CHECK(quantile_select(samples, 0, count, low) == sorted[low]);
		CHECK(quantile_select(samples, low, count, at) == sorted[at]);
		CHECK(quantile_select(samples, at, count, later) == sorted[later]);
		CHECK(quantile_select(samples, at, count, count - 1) == sorted[count - 1]);
	}
}

/* The rank is the smallest k with k / n >= p. */
static void ranks_are_the_nearest(void)
{
	CHECK(quantile_index(1, 500000) == 0 && quantile_index(1, 999900) == 0);
	CHECK(quantile_index(2, 500000) == 0 && quantile_index(3, 500000) == 1);
	CHECK(quantile_index(10000, 999900) == 9998 && quantile_index(10001, 999900) == 9999);
	CHECK(quantile_index(9999, 999900) == 9998);
	CHECK(quantile_index(100, 990000) == 98 && quantile_index(101, 990000) == 99);
}

int main(int argc, char **argv)
{
	random_seed(argc, argv);
	RUN(a_task_alone_takes_its_service_and_the_ways);
	RUN(a_rate_that_no_nanosecond_divides_is_kept);
	RUN(two_that_want_more_than_all_have_every_other);
	RUN(a_stall_delays_one_request_and_the_rest_is_caught_up_with);
	RUN(weights_are_shares);
	RUN(slice_idle_is_what_the_others_wait_for);
	RUN(the_same_seed_is_the_same_run);
	RUN(a_phase_goes_on_where_the_last_one_ended);
	RUN(the_scheduler_is_set_as_the_load_says);
	RUN(what_cannot_be_simulated_is_refused);
	RUN(quantiles_are_those_of_the_sorted_samples);
	RUN(ranks_are_the_nearest);
	return test_failed;
}

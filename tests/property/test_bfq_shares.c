/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Clients with BFQ before a simulated device: shares follow weights, and every decision passes the
 * independent checker (tests/model/disk_audit.h), lag included.
 */
#include "tests/model/disk_sim.h"
#include "tests/property/random.h"
#include "tests/test.h"

static struct disk_sim s;
static struct iosched_client_config clients[IOSCHED_CLIENT_MAX];

static const struct sim_device fast = { .lanes = 1, .fixed_ns = 10000, .sector_ns = 200 };

static struct iosched_config config_of(uint32_t client_count, uint32_t depth)
{
	for (uint32_t i = 0; i < IOSCHED_CLIENT_MAX; i++)
		clients[i] = (struct iosched_client_config){ .weight = i + 1,
							     .queue_count = 1,
							     .queue_weights = { 1, 1, 1, 1, 1, 1, 1,
										1 } };
	return (struct iosched_config){ .kind = IOSCHED_BFQ,
					.client_count = client_count,
					.clients = clients,
					.depth = depth,
					.max_budget_bytes = MIB(1),
					.tsc_hz = 1000000000 };
}

static struct sim_client flood(uint32_t outstanding, uint32_t min, uint32_t max)
{
	return (struct sim_client){ .pattern = SIM_FLOOD,
				    .outstanding = outstanding,
				    .sectors_min = min,
				    .sectors_max = max,
				    .write_percent = 50 };
}

/* Of those that are on, each within 2 % of weight / sum of weights. */
static bool shares_follow_weights(const uint64_t before[4])
{
	uint64_t sum = 0, weights = 0;
	bool is_fair = true;

	for (uint32_t i = 0; i < 4; i++) {
		if (s.clients[i].pattern == SIM_OFF)
			continue;
		sum += sim_served(&s, i) - before[i];
		weights += clients[i].weight;
	}
	for (uint32_t i = 0; i < 4; i++) {
		uint64_t fair = sum * clients[i].weight / weights;
		uint64_t had = sim_served(&s, i) - before[i];

		if (s.clients[i].pattern == SIM_OFF)
			continue;
		if (had * 100 < fair * 98 || had * 100 > fair * 102) {
			printf("client %u: %llu of %llu\n", i, (unsigned long long)had,
			       (unsigned long long)fair);
			is_fair = false;
		}
	}
	return is_fair && sum > 0;
}

static void print_lag(const char *what, uint32_t depth)
{
	for (uint32_t i = 0; i < 4; i++) {
		const struct audit_child *c = &s.audit.root.children[i];

		printf("%s depth %u client %u: lag %.0Lf of %.0Lf\n", what, depth, i, c->lag_max,
		       c->lag_bound);
	}
}

static const uint32_t depths[] = { 1, 4, 32 };

static void four_backlogged_clients_get_their_shares(uint32_t outstanding, uint32_t min,
						     uint32_t max, uint64_t slice_idle)
{
	for (uint32_t d = 0; d < ARRAY_SIZE(depths); d++) {
		struct iosched_config c = config_of(4, depths[d]);
		uint64_t before[4] = { 0 };

		c.slice_idle_tsc = slice_idle;
		sim_init(&s, &c, &fast);
		for (uint32_t i = 0; i < 4; i++)
			s.clients[i] = flood(outstanding, min, max);
		sim_run(&s, MS(1500));
		CHECK(!s.wrong);
		CHECK(shares_follow_weights(before));
		CHECK(slice_idle > 0 || s.idle_kept == 0);
		print_lag("flood", depths[d]);
		/* One falls silent: its share goes to the others, in proportion. */
		s.clients[2].pattern = SIM_OFF;
		sim_run(&s, MS(1700));
		for (uint32_t i = 0; i < 4; i++)
			before[i] = sim_served(&s, i);
		sim_run(&s, MS(3200));
		CHECK(!s.wrong);
		CHECK(shares_follow_weights(before));
		CHECK(s.audit.choices > 100);
	}
}

static void deep_queues_of_random_requests(void)
{
	four_backlogged_clients_get_their_shares(64, 1, 256, 0);
}

static void deep_queues_of_small_requests(void)
{
	four_backlogged_clients_get_their_shares(40, 8, 8, MS(1));
}

/* One request at a time: without waiting they would all get the same. */
static void one_request_at_a_time_needs_waiting(void)
{
	four_backlogged_clients_get_their_shares(1, 8, 64, US(500));
}

/* Who sends large requests gets no more than who sends small ones. */
static void large_requests_gain_nothing(void)
{
	struct iosched_config c = config_of(4, 4);
	uint64_t before[4] = { 0 };

	sim_init(&s, &c, &fast);
	for (uint32_t i = 0; i < 4; i++) {
		clients[i].weight = 5;
		s.clients[i] = flood(32, 1u << (3 * i), 1u << (3 * i));
	}
	sim_init(&s, &c, &fast);
	for (uint32_t i = 0; i < 4; i++)
		s.clients[i] = flood(32, 1u << (3 * i), 1u << (3 * i));
	sim_run(&s, SEC(3));
	CHECK(!s.wrong && shares_follow_weights(before));
}

/* Virtqueues 1:2:4 within a client, clients 1:3. */
static void queues_share_what_their_client_gets(void)
{
	for (uint32_t d = 0; d < ARRAY_SIZE(depths); d++) {
		struct iosched_config c = config_of(2, depths[d]);
		uint64_t sum;

		clients[1].weight = 3;
		clients[1].queue_count = clients[0].queue_count = 3;
		for (uint32_t q = 0; q < 3; q++)
			clients[1].queue_weights[q] = 1u << q;
		sim_init(&s, &c, &fast);
		s.clients[0] = flood(64, 8, 32);
		s.clients[1] = flood(64, 8, 32);
		sim_run(&s, SEC(3));
		CHECK(!s.wrong && s.idle_kept == 0);
		sum = sim_served(&s, 1);
		CHECK(sum * 100 > 3 * sim_served(&s, 0) * 98);
		CHECK(sum * 100 < 3 * sim_served(&s, 0) * 102);
		for (uint32_t q = 0; q < 3; q++) {
			CHECK(s.clients[1].served[q] * 700 > (sum << q) * 98);
			CHECK(s.clients[1].served[q] * 700 < (sum << q) * 102);
			CHECK(s.clients[0].served[q] * 300 > sim_served(&s, 0) * 98);
			CHECK(s.clients[0].served[q] * 300 < sim_served(&s, 0) * 102);
		}
	}
}

/* Virtual time is modulo 2^64: here it goes around many times. */
static void shares_last_when_virtual_time_wraps(void)
{
	struct iosched_config c = config_of(4, 8);
	uint64_t before[4] = { 0 };
	static const struct sim_device huge = { .lanes = 8, .fixed_ns = 1, .sector_ns = 1 };

	c.max_budget_bytes = MIB(64);
	sim_init(&s, &c, &huge);
	for (uint32_t i = 0; i < 4; i++)
		s.clients[i] = flood(8, 1u << 13, 1u << 16);
	sim_run(&s, MS(1000));
	CHECK(!s.wrong && shares_follow_weights(before));
	CHECK(s.audit.root.vtime >> 64 >= 10);
	/* .. while one sleeps, and comes back. */
	s.clients[3].pattern = SIM_OFF;
	sim_run(&s, MS(1300));
	s.clients[3].pattern = SIM_FLOOD;
	sim_run(&s, MS(1400));
	CHECK(!s.wrong);
}

/* --- anything ----------------------------------------------------------------------------- */

static void random_client(struct sim_client *c)
{
	uint64_t kind = random_below(8);

	c->pattern = kind == 0 ? SIM_OFF : kind < 5 ? SIM_FLOOD : SIM_PERIODIC;
	c->outstanding = 1 + (uint32_t)random_below(random_below(2) ? 2 : 24);
	c->sectors_min = 1 + (uint32_t)random_below(64);
	c->sectors_max = c->sectors_min + (uint32_t)random_below(random_below(3) ? 64 : 2048);
	c->think_ns = random_below(2) ? random_below(US(300)) : 0;
	c->period_ns = random_between(US(20), MS(2));
	c->write_percent = (uint32_t)random_below(100);
	c->flush_percent = random_below(4) ? 0 : (uint32_t)random_below(30);
	c->is_sequential = random_below(2);
}

static struct iosched_config random_config(void)
{
	struct iosched_config c =
		config_of((uint32_t)random_between(1, 8), (uint32_t)random_between(1, 32));

	for (uint32_t i = 0; i < c.client_count; i++) {
		bool are_equal = random_below(3) == 0;

		clients[i].weight = are_equal ? 7 : (uint32_t)random_between(1, 1000);
		clients[i].queue_count = (uint32_t)random_between(1, random_below(2) ? 1 : 8);
		clients[i].has_async_writes = random_below(2);
		for (uint32_t q = 0; q < 8; q++)
			clients[i].queue_weights[q] =
				are_equal ? 9 : (uint32_t)random_between(1, 99);
	}
	c.max_budget_bytes = random_below(4) ? 512 * random_between(1, 16384) : 0;
	c.has_fixed_budgets = random_below(3) == 0;
	c.slice_idle_tsc = random_below(2) ? random_between(US(1), MS(2)) : 0;
	c.timeout_tsc = random_below(2) ? random_between(US(100), MS(20)) : 0;
	return c;
}

static void every_decision_of_any_system_passes_the_checker(void)
{
	uint64_t choices = 0;
	long double part = 0;

	for (uint32_t game = 0; game < 60; game++) {
		struct iosched_config c = random_config();
		struct sim_device device = { .lanes = (uint32_t)random_between(1, 8),
					     .fixed_ns = random_between(100, 50000),
					     .sector_ns = random_between(10, 1000),
					     .stall_every = (uint32_t)random_below(200),
					     .stall_ns = random_below(MS(3)) };

		sim_init(&s, &c, &device);
		for (uint32_t step = 0; step < 12 && !s.wrong; step++) {
			uint32_t i = (uint32_t)random_below(c.client_count);

			for (uint32_t k = 0; step == 0 && k < c.client_count; k++)
				random_client(&s.clients[k]);
			random_client(&s.clients[i]);
			if (random_below(4) == 0)
				sim_reset_client(&s, i);
			sim_run(&s, s.now_ns + random_between(MS(1), MS(12)));
		}
		if (s.wrong)
			printf("game %u\n", game);
		CHECK(!s.wrong);
		CHECK(c.slice_idle_tsc > 0 || s.idle_kept == 0);
		choices += s.audit.choices;
		for (uint32_t i = 0; i < c.client_count; i++) {
			if (s.audit.root.children[i].lag_part > part)
				part = s.audit.root.children[i].lag_part;
		}
	}
	printf("%llu choices, lag up to %.2Lf of its bound\n", (unsigned long long)choices, part);
	CHECK(choices > 1000);
	CHECK(part > 0.3L); /* a bound that nothing comes near says little */
}

int main(int argc, char **argv)
{
	random_seed(argc, argv);
	sim_seed(random_u64());
	RUN(deep_queues_of_random_requests);
	RUN(deep_queues_of_small_requests);
	RUN(one_request_at_a_time_needs_waiting);
	RUN(large_requests_gain_nothing);
	RUN(queues_share_what_their_client_gets);
	RUN(shares_last_when_virtual_time_wraps);
	RUN(every_decision_of_any_system_passes_the_checker);
	return test_failed;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* The rules of sched/cbs.h one by one, at their boundaries. */
#include "sched/cbs.h"
#include "tests/test.h"

static struct cbs c;

static uint32_t reserve(uint64_t budget, uint64_t period)
{
	uint32_t server = CBS_NONE;

	CHECK(cbs_add_reservation(&c, budget, period, &server) == OK);
	return server;
}

static uint32_t background(uint32_t priority)
{
	uint32_t server = CBS_NONE;

	CHECK(cbs_add_background(&c, priority, &server) == OK);
	return server;
}

static bool picks(uint64_t now, uint32_t server, uint64_t until)
{
	struct cbs_pick p = cbs_pick(&c, now);

	if (p.server != server || p.until_tsc != until)
		printf("at %llu: server %u until %llu\n", (unsigned long long)now, p.server,
		       (unsigned long long)p.until_tsc);
	return p.server == server && p.until_tsc == until;
}

static bool is(uint32_t server, enum cbs_state state, uint64_t left, uint64_t deadline)
{
	const struct cbs_server *s = &c.servers[server];

	if (s->state != state || s->left_tsc != left || s->deadline_tsc != deadline)
		printf("server %u: state %d, q = %llu, d = %llu\n", server, (int)s->state,
		       (unsigned long long)s->left_tsc, (unsigned long long)s->deadline_tsc);
	return s->state == state && s->left_tsc == left && s->deadline_tsc == deadline;
}

static void an_empty_core_idles_for_ever(void)
{
	cbs_init(&c);
	CHECK(picks(0, CBS_NONE, TSC_NEVER));
	reserve(1, 2);
	CHECK(picks(5, CBS_NONE, TSC_NEVER));
}

static void malformed_servers_are_refused(void)
{
	uint32_t server = 77;

	cbs_init(&c);
	CHECK(cbs_add_reservation(&c, 0, 10, &server) == ERR_INVAL);
	CHECK(cbs_add_reservation(&c, 11, 10, &server) == ERR_INVAL);
	CHECK(cbs_add_reservation(&c, 1, BIT64(62), &server) == ERR_RANGE);
	CHECK(cbs_add_reservation(&c, 10, 10, &server) == OK && server == 0);
	CHECK(cbs_add_reservation(&c, 1, BIT64(62) - 1, &server) == OK && server == 1);
	CHECK(cbs_add_background(&c, 3, &server) == OK && server == 2);
	CHECK(cbs_add_background(&c, 3, &server) == ERR_INVAL);
	CHECK(cbs_add_background(&c, 4, &server) == OK && server == 3);
}

static void the_capacity_is_64_servers_of_both_kinds(void)
{
	uint32_t server;

	cbs_init(&c);
	for (uint32_t i = 0; i < 32; i++) {
		reserve(1, 100);
		background(i);
	}
	CHECK(cbs_add_reservation(&c, 1, 100, &server) == ERR_NOMEM);
	CHECK(cbs_add_background(&c, 99, &server) == ERR_NOMEM);
}

static void the_first_wake_begins_a_period_then(void)
{
	uint32_t a;

	cbs_init(&c);
	a = reserve(3, 10);
	cbs_wake(&c, a, 1000);
	CHECK(is(a, CBS_READY, 3, 1010));
	CHECK(picks(1000, a, 1003));
	CHECK(c.servers[a].replenish_count == 1);
}

static void at_time_zero_a_wake_begins_a_period_too(void)
{
	uint32_t a;

	cbs_init(&c);
	a = reserve(10, 10);
	cbs_wake(&c, a, 0);
	CHECK(is(a, CBS_READY, 10, 10));
	CHECK(picks(0, a, 10));
}

static void a_used_up_budget_throttles_until_the_deadline(void)
{
	uint32_t a;

	cbs_init(&c);
	a = reserve(3, 10);
	cbs_wake(&c, a, 100);
	cbs_charge(&c, a, 2);
	CHECK(is(a, CBS_READY, 1, 110));
	CHECK(picks(102, a, 103));
	cbs_charge(&c, a, 1);
	CHECK(is(a, CBS_THROTTLED, 0, 110));
	CHECK(picks(103, CBS_NONE, 110));
	CHECK(picks(109, CBS_NONE, 110));
	CHECK(c.replenished == 0);
	CHECK(picks(110, a, 113));
	CHECK(c.replenished == BIT64(a));
	CHECK(is(a, CBS_READY, 3, 120));
	CHECK(c.servers[a].late_count == 0 && c.servers[a].overrun_max_tsc == 0);
}

static void a_late_timer_moves_no_deadline(void)
{
	uint32_t a;

	cbs_init(&c);
	a = reserve(3, 10);
	cbs_wake(&c, a, 100);
	cbs_charge(&c, a, 3);
	CHECK(picks(119, a, 120)); /* 9 late: d = 120, not 129; and its time is up then */
	CHECK(is(a, CBS_READY, 3, 120));
	CHECK(c.servers[a].replenish_count == 2 && c.servers[a].late_count == 0);
}

static void a_period_that_passed_unseen_is_counted_and_lost(void)
{
	uint32_t a;

	cbs_init(&c);
	a = reserve(3, 10);
	cbs_wake(&c, a, 100);
	cbs_charge(&c, a, 3);
	CHECK(picks(120, a, 123)); /* due at 110 and 120 */
	CHECK(is(a, CBS_READY, 3, 130));
	CHECK(c.servers[a].replenish_count == 3 && c.servers[a].late_count == 1);
	/* However long the core was away: a loop over 2^50 periods would not come back. */
	CHECK(picks(120 + 10 * BIT64(50) + 9, a, 130 + 10 * BIT64(50)));
	CHECK(c.servers[a].late_count == 1 + BIT64(50));
}

static void a_ready_server_at_its_deadline_is_late(void)
{
	uint32_t a;

	cbs_init(&c);
	a = reserve(3, 10);
	cbs_wake(&c, a, 0);
	cbs_charge(&c, a, 2);
	CHECK(picks(9, a, 10));
	CHECK(c.servers[a].late_count == 0);
	CHECK(picks(10, a, 13));
	CHECK(is(a, CBS_READY, 3, 20));
	CHECK(c.servers[a].late_count == 1);
}

static void an_overrun_is_recorded_but_not_carried_over(void)
{
	uint32_t a;

	cbs_init(&c);
	a = reserve(3, 10);
	cbs_wake(&c, a, 0);
	cbs_charge(&c, a, 5);
	CHECK(is(a, CBS_THROTTLED, 0, 10));
	CHECK(c.servers[a].overrun_max_tsc == 2);
	CHECK(picks(10, a, 13));
	cbs_charge(&c, a, 4);
	CHECK(c.servers[a].overrun_max_tsc == 2);
	cbs_charge(&c, a, 7); /* throttled already: all of it is beyond */
	CHECK(is(a, CBS_THROTTLED, 0, 20));
	CHECK(c.servers[a].overrun_max_tsc == 7);
}

/* q * P >= (d - t) * Q: with Q/P = 3/10 and q = 2 the boundary is d - t = 20/3. */
static void a_wake_keeps_what_is_within_the_bandwidth(void)
{
	uint32_t a;

	cbs_init(&c);
	a = reserve(3, 10);
	cbs_wake(&c, a, 0);
	cbs_charge(&c, a, 1);
	cbs_block(&c, a);
	cbs_wake(&c, a, 3); /* 20 < 21 */
	CHECK(is(a, CBS_READY, 2, 10));
	cbs_block(&c, a);
	cbs_wake(&c, a, 4); /* 20 >= 18 */
	CHECK(is(a, CBS_READY, 3, 14));
}

static void at_the_exact_boundary_a_wake_renews(void)
{
	uint32_t a;

	cbs_init(&c);
	a = reserve(2, 10);
	cbs_wake(&c, a, 0);
	cbs_charge(&c, a, 1);
	cbs_block(&c, a);
	cbs_wake(&c, a, 4); /* 10 < 12 */
	CHECK(is(a, CBS_READY, 1, 10));
	cbs_block(&c, a);
	cbs_wake(&c, a, 5); /* 10 == 10 */
	CHECK(is(a, CBS_READY, 2, 15));
}

static void a_wake_at_or_after_the_deadline_renews(void)
{
	uint32_t a;

	cbs_init(&c);
	a = reserve(2, 10);
	for (uint64_t t = 0; t < 3; t++) {
		uint64_t start = 1000 * t;

		cbs_wake(&c, a, start);
		cbs_charge(&c, a, 2);
		cbs_block(&c, a);
		cbs_wake(&c, a, start + 9 + t);
		if (t == 0)
			CHECK(is(a, CBS_THROTTLED, 0, 10));
		else
			CHECK(is(a, CBS_READY, 2, start + 9 + t + 10));
		cbs_block(&c, a);
	}
}

static void waking_with_nothing_left_throttles_until_the_deadline(void)
{
	uint32_t a;

	cbs_init(&c);
	a = reserve(3, 10);
	cbs_wake(&c, a, 0);
	cbs_charge(&c, a, 3);
	cbs_block(&c, a);
	CHECK(picks(5, CBS_NONE, TSC_NEVER)); /* a sleeper is not replenished */
	CHECK(c.replenished == 0);
	cbs_wake(&c, a, 5);
	CHECK(is(a, CBS_THROTTLED, 0, 10));
	CHECK(picks(5, CBS_NONE, 10));
	CHECK(picks(10, a, 13));
	CHECK(is(a, CBS_READY, 3, 20));
}

static void waking_twice_changes_nothing(void)
{
	uint32_t a;

	cbs_init(&c);
	a = reserve(3, 10);
	cbs_wake(&c, a, 0);
	cbs_wake(&c, a, 7);
	CHECK(is(a, CBS_READY, 3, 10));
	cbs_charge(&c, a, 3);
	cbs_wake(&c, a, 8);
	CHECK(is(a, CBS_THROTTLED, 0, 10));
	CHECK(picks(8, CBS_NONE, 10));
}

static void blocking_twice_changes_nothing(void)
{
	uint32_t a, b;

	cbs_init(&c);
	a = reserve(3, 10);
	b = reserve(3, 20);
	cbs_wake(&c, a, 0);
	cbs_wake(&c, b, 0);
	cbs_block(&c, a);
	cbs_block(&c, a);
	CHECK(picks(0, b, 3));
	cbs_block(&c, b);
	CHECK(picks(0, CBS_NONE, TSC_NEVER));
}

static void a_charge_counts_against_a_sleeper(void)
{
	uint32_t a;

	cbs_init(&c);
	a = reserve(4, 20);
	cbs_wake(&c, a, 0);
	cbs_block(&c, a);
	cbs_charge(&c, a, 3);
	CHECK(is(a, CBS_BLOCKED, 1, 20));
	cbs_charge(&c, a, 3);
	CHECK(is(a, CBS_BLOCKED, 0, 20));
	CHECK(c.servers[a].overrun_max_tsc == 2);
	cbs_wake(&c, a, 10);
	CHECK(is(a, CBS_THROTTLED, 0, 20));
}

static void the_earliest_deadline_runs_and_ties_go_by_index(void)
{
	uint32_t a, b, d;

	cbs_init(&c);
	a = reserve(2, 20);
	b = reserve(2, 10);
	d = reserve(2, 10);
	cbs_wake(&c, a, 0);
	CHECK(picks(0, a, 2));
	cbs_wake(&c, d, 0);
	CHECK(picks(0, d, 2));
	cbs_wake(&c, b, 0);
	CHECK(picks(0, b, 2));
	cbs_charge(&c, b, 2);
	CHECK(picks(2, d, 4));
	cbs_charge(&c, d, 2);
	CHECK(picks(4, a, 6));
	cbs_charge(&c, a, 1);
	/* A deadline of 20 all three: the index decides again. */
	CHECK(picks(10, a, 11));
	cbs_charge(&c, a, 1);
	CHECK(picks(11, b, 13));
}

static void a_pick_holds_until_budget_deadline_or_a_replenishment(void)
{
	uint32_t a, b;

	cbs_init(&c);
	a = reserve(30, 40);
	b = reserve(1, 10);
	cbs_wake(&c, b, 0);
	cbs_charge(&c, b, 1);
	cbs_wake(&c, a, 1);
	CHECK(picks(1, a, 10)); /* b comes back, with the earlier deadline 20 */
	cbs_charge(&c, a, 9);
	CHECK(picks(10, b, 11));
	cbs_block(&c, b);
	CHECK(picks(10, a, 31)); /* its budget: 21 are left */
	CHECK(picks(25, a, 41)); /* its deadline: 25 + 21 is beyond */
}

static void background_runs_where_nothing_reserved_is_ready(void)
{
	uint32_t low, high, a;

	cbs_init(&c);
	low = background(1);
	high = background(UINT32_MAX);
	a = reserve(3, 10);
	cbs_wake(&c, low, 0);
	CHECK(picks(0, low, TSC_NEVER));
	cbs_wake(&c, high, 0);
	CHECK(picks(0, high, TSC_NEVER));
	cbs_charge(&c, high, 1000);
	CHECK(c.servers[high].state == CBS_READY && c.servers[high].overrun_max_tsc == 0);
	cbs_wake(&c, a, 0);
	CHECK(picks(0, a, 3));
	cbs_charge(&c, a, 3);
	CHECK(picks(3, high, 10));
	cbs_block(&c, high);
	CHECK(picks(3, low, 10));
	CHECK(picks(10, a, 13));
	cbs_block(&c, a);
	cbs_block(&c, low);
	CHECK(picks(12, CBS_NONE, TSC_NEVER));
	cbs_wake(&c, high, 13);
	CHECK(picks(13, high, TSC_NEVER));
}

static void the_largest_numbers_do_not_overflow(void)
{
	const uint64_t period = BIT64(62) - 1, now = BIT64(63) - 1;
	uint32_t a, b;

	cbs_init(&c);
	a = reserve(period, period);
	b = reserve(period - 1, period);
	cbs_wake(&c, a, now);
	cbs_wake(&c, b, now);
	CHECK(is(a, CBS_READY, period, now + period));
	CHECK(picks(now, a, now + period));
	cbs_block(&c, b);
	cbs_charge(&c, b, 1);
	cbs_wake(&c, b, now); /* (P - 2) * P < P * (P - 1), by 62-bit products */
	CHECK(is(b, CBS_READY, period - 2, now + period));
	cbs_charge(&c, a, UINT64_MAX);
	CHECK(is(a, CBS_THROTTLED, 0, now + period));
	CHECK(c.servers[a].overrun_max_tsc == UINT64_MAX - period);
}

static void all_64_replenished_at_once_run_in_order(void)
{
	cbs_init(&c);
	for (uint32_t i = 0; i < CBS_SERVER_MAX; i++) {
		reserve(1, 1000 - i);
		cbs_wake(&c, i, 0);
		cbs_charge(&c, i, 1);
	}
	CHECK(picks(0, CBS_NONE, 1000 - 63));
	for (uint32_t i = CBS_SERVER_MAX; i-- > 0;) {
		struct cbs_pick p = cbs_pick(&c, 1000);

		/* d = 2 * (1000 - i): the last has the earliest. */
		CHECK(p.server == i && p.until_tsc == 1001);
		cbs_charge(&c, i, 1);
		CHECK(c.replenished == (i == 63 ? UINT64_MAX : 0));
	}
}

int main(void)
{
	RUN(an_empty_core_idles_for_ever);
	RUN(malformed_servers_are_refused);
	RUN(the_capacity_is_64_servers_of_both_kinds);
	RUN(the_first_wake_begins_a_period_then);
	RUN(at_time_zero_a_wake_begins_a_period_too);
	RUN(a_used_up_budget_throttles_until_the_deadline);
	RUN(a_late_timer_moves_no_deadline);
	RUN(a_period_that_passed_unseen_is_counted_and_lost);
	RUN(a_ready_server_at_its_deadline_is_late);
	RUN(an_overrun_is_recorded_but_not_carried_over);
	RUN(a_wake_keeps_what_is_within_the_bandwidth);
	RUN(at_the_exact_boundary_a_wake_renews);
	RUN(a_wake_at_or_after_the_deadline_renews);
	RUN(waking_with_nothing_left_throttles_until_the_deadline);
	RUN(waking_twice_changes_nothing);
	RUN(blocking_twice_changes_nothing);
	RUN(a_charge_counts_against_a_sleeper);
	RUN(the_earliest_deadline_runs_and_ties_go_by_index);
	RUN(a_pick_holds_until_budget_deadline_or_a_replenishment);
	RUN(background_runs_where_nothing_reserved_is_ready);
	RUN(the_largest_numbers_do_not_overflow);
	RUN(all_64_replenished_at_once_run_in_order);
	return test_failed;
}

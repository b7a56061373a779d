/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A core is played: it picks, runs, is interrupted at random, charges, wakes and blocks. At
 * every step cbs.c must do as the slow model does, and what it did must pass the trace checker:
 * with no tolerance at all where the timer is exact, and a total utilization of exactly 1.
 */
#include "sched/cbs.h"
#include "sched/trace_check.h"
#include "tests/property/random.h"
#include "tests/property/slow_cbs.h"
#include "tests/test.h"

#define HYPERPERIOD 5040u /* has many divisors, so that sums of fractions are exactly 1 */
#define LATE_MAX    3u    /* ticks, of a late timer */

enum play { PLAY_EXACT, PLAY_LATE, PLAY_OVERLOADED };

struct game {
	enum play play;
	uint64_t now, scale;
	struct cbs cbs;
	struct slow_cbs model;
	struct trace_check check;
	uint32_t running;
	/* How often each server gives up the core or gets work, in 1/256: 0 is for ever. */
	uint32_t block_rate[CBS_SERVER_MAX], wake_rate[CBS_SERVER_MAX];
	bool is_broken;
};

static uint64_t event_count, window_count, backlogged_count, full_games;

static void fail(struct game *g, const char *what)
{
	if (!g->is_broken)
		printf("at %llu after %llu events: %s\n", (unsigned long long)g->now,
		       (unsigned long long)event_count, what);
	g->is_broken = true;
}

static void trace(struct game *g, enum trace_kind kind, uint32_t server, uint64_t deadline)
{
	int64_t arg = deadline == 0 ? 0 : (int64_t)(deadline - g->now);
	const struct trace_violation *v = &g->check.violation;

	if (g->is_broken || g->play == PLAY_OVERLOADED)
		return;
	if (trace_check_record(&g->check, trace_record_make(g->now, kind, server, arg)))
		return;
	printf("server %u %s: %llu, allowed %llu\n", v->server, v->rule,
	       (unsigned long long)v->found, (unsigned long long)v->allowed);
	fail(g, "the trace breaks a promise");
}

static void after_event(struct game *g)
{
	event_count++;
	if (!g->is_broken && !slow_agrees(&g->model, &g->cbs))
		fail(g, "the state differs from the model's");
}

static void add(struct game *g, uint64_t budget, uint64_t period, uint32_t priority)
{
	uint32_t server = CBS_NONE, expected = g->model.count;
	enum err err;

	if (budget > 0)
		err = cbs_add_reservation(&g->cbs, budget, period, &server);
	else
		err = cbs_add_background(&g->cbs, priority, &server);
	CHECK(err == OK && server == expected);
	slow_add(&g->model, budget, period, priority);
	g->block_rate[server] = random_below(3) ? 0 : (uint32_t)random_below(256);
	g->wake_rate[server] = 1 + (uint32_t)random_below(255);
}

static uint64_t random_divisor(void)
{
	static const uint64_t divisors[] = { 2,  3,  4,  5,  6,  7,  8,   9,   10,  12,  14,
					     15, 16, 18, 20, 21, 24, 28,  30,  35,  36,  40,
					     42, 45, 60, 63, 72, 80, 120, 180, 240, 1008 };

	return divisors[random_below(ARRAY_SIZE(divisors))];
}

/* Reservations of total utilization 1, or nearly; late timers take their ticks from Q. */
static void add_reservations(struct game *g, uint32_t count)
{
	uint64_t free_share = HYPERPERIOD, overhead = g->play == PLAY_LATE ? LATE_MAX : 0;

	for (uint32_t i = 0; i < count && free_share > 0; i++) {
		uint64_t period = random_divisor();
		uint64_t weight = HYPERPERIOD / period;
		uint64_t most = min_u64(free_share / weight, period);
		uint64_t share;

		if (i + 1 == count || most == 0) {
			period = HYPERPERIOD;
			weight = 1;
			most = free_share;
		}
		share = i + 1 == count ? most : random_between(1, most);
		if (random_below(2))
			share = (share + 3) / 4;
		free_share -= share * weight;
		if (share * g->scale > overhead)
			add(g, share * g->scale - overhead, period * g->scale, 0);
	}
	full_games += free_share == 0;
}

static void add_overload(struct game *g, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		uint64_t period = 1 + random_below(BIT64(random_below(12)));

		add(g, random_between(1, period) * g->scale, period * g->scale, 0);
	}
}

static void start_check(struct game *g)
{
	const uint64_t late = g->play == PLAY_LATE ? LATE_MAX : 0;
	/* Short: blocked once by a late preemption, and once more by a late replenishment. */
	const struct trace_limits limits = { .overrun_tsc = late,
					     .shortfall_tsc = 2 * late,
					     .reaction_tsc = late };
	struct trace_server servers[CBS_SERVER_MAX];

	for (uint32_t i = 0; i < g->model.count; i++) {
		const struct slow_server *s = &g->model.s[i];

		servers[i] = (struct trace_server){ s->budget, s->period, s->priority };
	}
	trace_check_init(&g->check, servers, g->model.count, &limits);
}

static void setup(struct game *g)
{
	uint32_t count = 1 + (uint32_t)random_below(random_below(8) ? 12 : CBS_SERVER_MAX - 3);

	memset(g, 0, sizeof(*g));
	g->play = (enum play)random_below(3);
	g->now = random_below(2) ? random_below(100) : random_below(BIT64(62));
	g->scale = g->play == PLAY_LATE ? 100 : random_below(2) ? 1 : BIT64(random_below(38));
	g->running = CBS_NONE;
	cbs_init(&g->cbs);
	if (g->play == PLAY_OVERLOADED)
		add_overload(g, count);
	else
		add_reservations(g, count);
	for (uint32_t i = (uint32_t)random_below(4); i-- > 0;)
		add(g, 0, 0, (uint32_t)random_below(BIT64(30)) * 4 + i);
	start_check(g);
}

static void pick(struct game *g, uint64_t *until)
{
	uint64_t who = slow_replenish(&g->model, g->now);
	struct cbs_pick expected = slow_pick(&g->model, g->now);
	struct cbs_pick p = cbs_pick(&g->cbs, g->now);

	if (who != g->cbs.replenished)
		fail(g, "the set of replenished servers differs");
	if (p.server != expected.server || p.until_tsc != expected.until_tsc)
		fail(g, "the pick differs");
	for (uint32_t i = 0; i < g->model.count; i++) {
		if (who & BIT64(i))
			trace(g, TRACE_REPLENISH, i, g->cbs.servers[i].deadline_tsc);
	}
	if (p.server == CBS_NONE && g->running != CBS_NONE)
		trace(g, TRACE_STOP, g->running, 0);
	if (p.server != CBS_NONE && p.server != g->running)
		trace(g, TRACE_RUN, p.server, g->cbs.servers[p.server].deadline_tsc);
	g->running = p.server;
	*until = p.until_tsc;
	after_event(g);
}

static void charge(struct game *g, uint32_t server, uint64_t ticks)
{
	enum cbs_state before = g->cbs.servers[server].state;

	cbs_charge(&g->cbs, server, ticks);
	slow_charge(&g->model, server, ticks);
	if (before != CBS_THROTTLED && g->cbs.servers[server].state == CBS_THROTTLED) {
		trace(g, TRACE_THROTTLE, server, 0);
		if (g->running == server)
			g->running = CBS_NONE;
	}
	after_event(g);
}

static void wake(struct game *g, uint32_t server)
{
	bool was_blocked = g->cbs.servers[server].state == CBS_BLOCKED;

	cbs_wake(&g->cbs, server, g->now);
	slow_wake(&g->model, server, g->now);
	if (was_blocked)
		trace(g, TRACE_WAKE, server, g->cbs.servers[server].deadline_tsc);
	if (was_blocked && g->cbs.servers[server].state == CBS_THROTTLED)
		trace(g, TRACE_THROTTLE, server, 0);
	after_event(g);
}

static void block(struct game *g, uint32_t server)
{
	bool was_blocked = g->cbs.servers[server].state == CBS_BLOCKED;

	cbs_block(&g->cbs, server);
	slow_block(&g->model, server);
	if (!was_blocked)
		trace(g, TRACE_BLOCK, server, 0);
	if (g->running == server)
		g->running = CBS_NONE;
	after_event(g);
}

/* The core runs what was picked, to the timer, an interrupt, or somewhat beyond. */
static void run(struct game *g, uint64_t until)
{
	uint64_t event = g->now + random_below(random_below(4) ? 20 * g->scale : 2 * g->scale);
	uint64_t end = min_u64(until, event);

	if (g->play == PLAY_OVERLOADED && random_below(16) == 0)
		end += random_below(BIT64(random_below(16))) * g->scale;
	if (g->play == PLAY_LATE)
		end += random_below(LATE_MAX + 1);
	/* A late timer is late by LATE_MAX at most, however it came about. */
	if (g->play == PLAY_LATE && until != TSC_NEVER)
		end = min_u64(end, until + LATE_MAX);
	if (g->running != CBS_NONE) {
		uint64_t used = end - g->now;

		g->now = end;
		charge(g, g->running, used);
	}
	g->now = end;
}

/* Work for one server while another runs. It may use up what is left, but nothing more. */
static void charge_another(struct game *g)
{
	uint32_t server = (uint32_t)random_below(g->model.count);
	uint64_t left = g->cbs.servers[server].left_tsc;

	if (server == g->running || left == 0)
		return;
	left = random_between(1, left);
	trace(g, TRACE_CHARGE, server, g->now + left);
	charge(g, server, left);
}

static void disturb(struct game *g)
{
	for (uint32_t i = 0; i < g->model.count; i++) {
		if (g->cbs.servers[i].state == CBS_BLOCKED) {
			if (random_below(256) < g->wake_rate[i])
				wake(g, i);
		} else if (random_below(256) < g->block_rate[i]) {
			block(g, i);
		}
	}
	if (random_below(64) == 0)
		charge_another(g);
	if (random_below(64) == 0)
		wake(g, (uint32_t)random_below(g->model.count));
}

static void play(uint64_t rounds)
{
	static struct game g;

	setup(&g);
	if (g.model.count == 0)
		return;
	for (uint64_t i = 0; i < rounds && !g.is_broken; i++) {
		uint64_t until;

		disturb(&g);
		pick(&g, &until);
		run(&g, until);
		/* No more than a few periods from the end of time. */
		if (g.now >= BIT64(63))
			break;
	}
	CHECK(!g.is_broken);
	for (uint32_t i = 0; i < g.model.count; i++) {
		window_count += g.check.seen[i].window_count;
		backlogged_count += g.check.seen[i].backlogged_count;
		CHECK(g.play != PLAY_EXACT || g.cbs.servers[i].overrun_max_tsc == 0);
		CHECK(g.play != PLAY_EXACT || g.cbs.servers[i].late_count == 0);
	}
}

static void random_schedules_agree_with_the_model_and_keep_every_promise(void)
{
	while (event_count < 3000000 && !test_failed)
		play(random_between(10, 3000));
}

/* Else the test above says nothing. */
static void enough_was_tried(void)
{
	printf("%llu events, %llu windows, %llu backlogged, %llu games with utilization 1\n",
	       (unsigned long long)event_count, (unsigned long long)window_count,
	       (unsigned long long)backlogged_count, (unsigned long long)full_games);
	CHECK(event_count >= 1000000);
	CHECK(window_count >= 100000);
	CHECK(backlogged_count >= 20000);
	CHECK(full_games >= 50);
}

int main(int argc, char **argv)
{
	random_seed(argc, argv);
	RUN(random_schedules_agree_with_the_model_and_keep_every_promise);
	RUN(enough_was_tried);
	return test_failed;
}

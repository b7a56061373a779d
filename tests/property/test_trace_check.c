/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The checker catches what it is there for: by hand, rule by rule and at the limits, and by
 * breaking each record of a good trace in every way that matters.
 */
#include <string.h>
#include "sched/cbs.h"
#include "sched/trace_check.h"
#include "tests/test.h"

#define RUN_(t, s, d) \
	{ \
		t, TRACE_RUN, s, d \
	}
#define STOP_(t, s) \
	{ \
		t, TRACE_STOP, s, 0 \
	}
#define WAKE_(t, s, d) \
	{ \
		t, TRACE_WAKE, s, d \
	}
#define BLOCK_(t, s) \
	{ \
		t, TRACE_BLOCK, s, 0 \
	}
#define THROTTLE_(t, s) \
	{ \
		t, TRACE_THROTTLE, s, 0 \
	}
#define REPLENISH_(t, s, d) \
	{ \
		t, TRACE_REPLENISH, s, d \
	}
#define CHARGE_(t, s, n) \
	{ \
		t, TRACE_CHARGE, s, (t) + (n) \
	}

struct event {
	uint64_t tsc;
	enum trace_kind kind;
	uint32_t server;
	uint64_t deadline; /* 0: none */
};

/* Q = 3, P = 10; Q = 4, P = 20; two in the background. */
static const struct trace_server servers[] = {
	{ 3, 10, 0 }, { 4, 20, 0 }, { 0, 0, 1 }, { 0, 0, 2 }
};
static struct trace_check check;

static struct trace_record record_of(const struct event *e)
{
	int64_t arg = e->deadline == 0 ? 0 : (int64_t)(e->deadline - e->tsc);

	return trace_record_make(e->tsc, e->kind, e->server, arg);
}

/* Index of the first violation; `count` if there is none. */
static uint64_t judge(const struct event *events, uint32_t count, struct trace_limits limits)
{
	uint32_t i = 0;

	trace_check_init(&check, servers, ARRAY_SIZE(servers), &limits);
	while (i < count && trace_check_record(&check, record_of(&events[i])))
		i++;
	CHECK((i == count) == (check.violation.rule == NULL));
	CHECK(i == count || check.violation.record_index == i);
	return i;
}

static bool is_about(const char *word)
{
	bool is_found = check.violation.rule != NULL && strstr(check.violation.rule, word) != NULL;

	if (!is_found)
		printf("violation: %s\n", check.violation.rule ? check.violation.rule : "none");
	return is_found;
}

static const struct trace_limits strict = { 0, 0, 0 };

#define GOOD(events, limits) CHECK(judge(events, ARRAY_SIZE(events), limits) == ARRAY_SIZE(events))
/* The last record breaks a rule, and none before it does. */
#define BAD(events, limits, word) \
	do { \
		CHECK(judge(events, ARRAY_SIZE(events), limits) == ARRAY_SIZE(events) - 1); \
		CHECK(is_about(word)); \
	} while (0)

static void a_record_holds_what_was_put_in(void)
{
	const int64_t args[] = { 0, 1, -1, TRACE_ARG_MAX - 1, -TRACE_ARG_MAX, 123456789012345 };

	for (uint32_t kind = 0; kind <= TRACE_KIND_MAX; kind++) {
		for (uint32_t i = 0; i < ARRAY_SIZE(args); i++) {
			struct trace_record r = trace_record_make(
				UINT64_MAX - i, (enum trace_kind)kind, 255 - i, args[i]);

			CHECK(r.tsc == UINT64_MAX - i && trace_kind(r) == kind);
			CHECK(trace_server(r) == 255 - i && trace_arg(r) == args[i]);
		}
	}
	CHECK(trace_arg(trace_record_make(0, TRACE_RUN, 0, INT64_MAX)) == TRACE_ARG_MAX - 1);
	CHECK(trace_arg(trace_record_make(0, TRACE_RUN, 0, INT64_MIN)) == -TRACE_ARG_MAX);
}

static void a_whole_period_is_good(void)
{
	const struct event e[] = { WAKE_(100, 0, 110),      RUN_(100, 0, 110), THROTTLE_(103, 0),
				   REPLENISH_(110, 0, 120), RUN_(110, 0, 120), BLOCK_(112, 0) };

	GOOD(e, strict);
	CHECK(check.seen[0].window_count == 1 && check.seen[0].backlogged_count == 1);
	CHECK(check.seen[0].run_max_tsc == 3 && check.seen[0].late_max_tsc == 0);
}

static void one_tick_beyond_the_overrun_is_caught(void)
{
	const struct event e[] = { WAKE_(0, 0, 10), RUN_(0, 0, 10), STOP_(5, 0) };

	BAD(e, strict, "longer than Q");
	BAD(e, ((struct trace_limits){ 1, 0, 9 }), "longer than Q");
	GOOD(e, ((struct trace_limits){ 2, 0, 9 }));
}

static void runs_of_one_window_add_up(void)
{
	const struct event e[] = { WAKE_(0, 0, 10), RUN_(0, 0, 10),  BLOCK_(2, 0),
				   WAKE_(3, 0, 10), /* 1 * 10 < 7 * 3 */
				   RUN_(3, 0, 10),  THROTTLE_(4, 0), REPLENISH_(10, 0, 20),
				   RUN_(10, 0, 20), THROTTLE_(13, 0) };
	const struct event more[] = { WAKE_(0, 0, 10), RUN_(0, 0, 10), BLOCK_(2, 0),
				      WAKE_(3, 0, 10), RUN_(3, 0, 10), STOP_(5, 0) };

	GOOD(e, strict);
	BAD(more, strict, "longer than Q");
}

static void work_done_for_a_server_counts(void)
{
	const struct event e[] = { WAKE_(0, 0, 10), RUN_(0, 0, 10), CHARGE_(2, 0, 1),
				   THROTTLE_(2, 0) };
	const struct event more[] = { WAKE_(0, 0, 10), RUN_(0, 0, 10), CHARGE_(2, 0, 2) };
	const struct event asleep[] = { WAKE_(0, 0, 10), RUN_(0, 0, 10), BLOCK_(2, 0),
					CHARGE_(10, 0, 9) };

	GOOD(e, strict);
	BAD(more, strict, "longer than Q");
	GOOD(asleep, strict);
}

static void a_missing_budget_is_caught(void)
{
	/* Backlogged, its 3 never given. */
	const struct event e[] = { WAKE_(0, 0, 10), RUN_(0, 0, 10), STOP_(2, 0),
				   REPLENISH_(10, 0, 20) };
	/* Throttled after 2. */
	const struct event early[] = { WAKE_(0, 0, 10), RUN_(0, 0, 10), THROTTLE_(2, 0) };
	/* Throttled, and forgotten. */
	const struct event lost[] = { WAKE_(0, 0, 10), RUN_(0, 0, 10), THROTTLE_(3, 0),
				      WAKE_(11, 1, 31) };

	BAD(e, ((struct trace_limits){ 0, 0, 8 }), "less than Q");
	GOOD(e, ((struct trace_limits){ 0, 1, 8 }));
	BAD(early, strict, "before it had used Q");
	GOOD(early, ((struct trace_limits){ 0, 1, 0 }));
	BAD(lost, strict, "not replenished");
	GOOD(lost, ((struct trace_limits){ 0, 0, 1 }));
}

static void a_sleeper_is_owed_nothing(void)
{
	const struct event e[] = { WAKE_(0, 0, 10), RUN_(0, 0, 10),  BLOCK_(1, 0),
				   WAKE_(2, 0, 10), /* 2 * 10 < 8 * 3 */
				   RUN_(2, 0, 10),  BLOCK_(3, 0),    WAKE_(5, 0, 10),
				   RUN_(5, 0, 10),  THROTTLE_(6, 0), BLOCK_(7, 0) };

	GOOD(e, strict);
	CHECK(check.seen[0].window_count == 0);
}

static void the_wrong_order_is_caught(void)
{
	const struct event e[] = { WAKE_(0, 0, 10), WAKE_(0, 1, 20), RUN_(0, 1, 20), STOP_(1, 1) };
	const struct event passed[] = { WAKE_(0, 1, 20), RUN_(0, 1, 20), WAKE_(2, 0, 12),
					THROTTLE_(4, 1) };
	const struct event idle[] = { WAKE_(0, 1, 20), RUN_(1, 1, 20) };

	BAD(e, strict, "kept waiting");
	GOOD(e, ((struct trace_limits){ 0, 0, 1 }));
	CHECK(judge(passed, 4, (struct trace_limits){ 0, 9, 1 }) == 3 && is_about("waiting"));
	CHECK(judge(passed, 4, (struct trace_limits){ 0, 9, 2 }) == 4);
	/* A core that has been idle since before the trace began. */
	CHECK(judge(idle, 2, strict) == 2);
}

static void an_idle_core_with_work_is_caught(void)
{
	const struct event e[] = { WAKE_(0, 2, 0), RUN_(0, 2, 0), STOP_(5, 2), WAKE_(6, 3, 0) };
	const struct event low[] = { WAKE_(0, 2, 0), WAKE_(0, 3, 0), RUN_(0, 2, 0), STOP_(5, 2) };
	const struct event last[] = { WAKE_(0, 2, 0), WAKE_(0, 0, 10), RUN_(0, 2, 0), STOP_(5, 2) };
	const struct event fine[] = { WAKE_(0, 2, 0), WAKE_(0, 3, 0),   RUN_(0, 3, 0),
				      BLOCK_(5, 3),   RUN_(5, 2, 0),    WAKE_(8, 0, 18),
				      RUN_(8, 0, 18), THROTTLE_(11, 0), RUN_(11, 2, 0) };

	BAD(e, strict, "kept waiting");
	BAD(low, strict, "kept waiting");
	BAD(last, strict, "kept waiting");
	GOOD(fine, strict);
}

static void a_drifting_deadline_is_caught(void)
{
	const struct event late[] = { WAKE_(0, 0, 10), RUN_(0, 0, 10), THROTTLE_(3, 0),
				      REPLENISH_(11, 0, 21) };
	const struct event fine[] = { WAKE_(0, 0, 10), RUN_(0, 0, 10), THROTTLE_(3, 0),
				      REPLENISH_(11, 0, 20), RUN_(11, 0, 20) };
	const struct event far[] = { WAKE_(0, 0, 10), RUN_(0, 0, 10), THROTTLE_(3, 0),
				     REPLENISH_(20, 0, 20) };
	const struct event skip[] = { WAKE_(0, 0, 10), RUN_(0, 0, 10), THROTTLE_(3, 0),
				      REPLENISH_(20, 0, 30) };
	const struct event run[] = { WAKE_(0, 0, 10), RUN_(0, 0, 11) };
	const struct event early[] = { WAKE_(0, 0, 10), RUN_(0, 0, 10), THROTTLE_(3, 0),
				       REPLENISH_(9, 0, 20) };
	const struct trace_limits loose = { 0, 0, 10 };

	BAD(late, loose, "drifted");
	GOOD(fine, loose);
	BAD(far, loose, "drifted");
	GOOD(skip, loose);
	BAD(run, loose, "nothing gave it");
	BAD(early, loose, "before its deadline");
}

static void a_wrong_wake_is_caught(void)
{
	/* Ran 1 of 3: at 3, 2 * 10 < 7 * 3 keeps d = 10; at 4, 2 * 10 >= 6 * 3 makes it 14. */
	const struct event keeps[] = { WAKE_(0, 0, 10), RUN_(0, 0, 10), BLOCK_(1, 0),
				       WAKE_(3, 0, 10) };
	const struct event renews[] = { WAKE_(0, 0, 10), RUN_(0, 0, 10), BLOCK_(1, 0),
					WAKE_(4, 0, 14) };
	const struct event stale[] = { WAKE_(0, 0, 10), RUN_(0, 0, 10), BLOCK_(1, 0),
				       WAKE_(4, 0, 10) };
	const struct event greedy[] = { WAKE_(0, 0, 10), RUN_(0, 0, 10), BLOCK_(1, 0),
					WAKE_(3, 0, 13) };
	const struct event odd[] = { WAKE_(0, 0, 10), RUN_(0, 0, 10), BLOCK_(1, 0),
				     WAKE_(4, 0, 13) };
	const struct event past[] = { WAKE_(0, 0, 10), RUN_(0, 0, 10),   THROTTLE_(3, 0),
				      BLOCK_(3, 0),    WAKE_(10, 0, 20), RUN_(10, 0, 20) };

	GOOD(keeps, strict);
	GOOD(renews, strict);
	BAD(stale, strict, "stale");
	BAD(greedy, strict, "before its time");
	BAD(odd, strict, "neither");
	GOOD(past, strict);
	/* Where consumption is known to a tick only, either is believed. */
	GOOD(stale, ((struct trace_limits){ 0, 1, 0 }));
	GOOD(greedy, ((struct trace_limits){ 1, 0, 0 }));
}

static void impossible_sequences_are_caught(void)
{
	const struct event throttled[] = { WAKE_(0, 0, 10), RUN_(0, 0, 10), THROTTLE_(3, 0),
					   RUN_(3, 0, 10) };
	const struct event asleep[] = { WAKE_(0, 0, 10), BLOCK_(0, 0), RUN_(0, 0, 10) };
	const struct event twice[] = { WAKE_(0, 0, 10), RUN_(0, 0, 10), WAKE_(1, 0, 11) };
	const struct event blocks[] = { WAKE_(0, 0, 10), BLOCK_(0, 0), BLOCK_(0, 0) };
	const struct event stops[] = { WAKE_(0, 0, 10), RUN_(0, 0, 10), STOP_(1, 1) };
	const struct event backwards[] = { WAKE_(5, 0, 15), RUN_(4, 0, 15) };
	const struct event nobody[] = { WAKE_(5, 4, 15) };
	const struct event blank[] = { { 0, (enum trace_kind)0, 0, 0 } };
	const struct event gift[] = { WAKE_(0, 0, 10), BLOCK_(0, 0), REPLENISH_(10, 0, 20) };

	BAD(throttled, strict, "blocked or throttled");
	BAD(asleep, strict, "blocked or throttled");
	BAD(twice, strict, "not blocked");
	BAD(blocks, strict, "twice");
	BAD(stops, strict, "did not run");
	BAD(backwards, strict, "backwards");
	BAD(nobody, strict, "no server");
	BAD(blank, strict, "never written");
	BAD(gift, strict, "while blocked");
}

/* --- a long good trace, and every way to break it ---------------------------------------- */

#define LONG_MAX 2000u

static struct event good[LONG_MAX], broken[LONG_MAX];
static uint32_t good_count;

static void note(uint64_t tsc, enum trace_kind kind, uint32_t server, uint64_t deadline)
{
	if (good_count < LONG_MAX)
		good[good_count++] = (struct event){ tsc, kind, server, deadline };
}

static struct cbs cbs;

static void wake(uint64_t now, uint32_t server)
{
	cbs_wake(&cbs, server, now);
	note(now, TRACE_WAKE, server, cbs.servers[server].deadline_tsc);
}

/* Runs what is to run until `end`, as cbs.c has it, on an exact timer. */
static uint64_t run_until(uint64_t now, uint64_t end)
{
	while (now < end) {
		struct cbs_pick p = cbs_pick(&cbs, now);
		uint64_t until = min_u64(p.until_tsc, end);

		for (uint32_t i = 0; i < 2; i++) {
			if (cbs.replenished & BIT64(i))
				note(now, TRACE_REPLENISH, i, cbs.servers[i].deadline_tsc);
		}
		note(now, TRACE_RUN, p.server, cbs.servers[p.server].deadline_tsc);
		cbs_charge(&cbs, p.server, until - now);
		now = until;
		if (cbs.servers[p.server].state == CBS_THROTTLED)
			note(now, TRACE_THROTTLE, p.server, 0);
	}
	return now;
}

/* Servers 0, 1 and a background one, with work for ever. */
static void play(uint64_t end)
{
	uint32_t server;
	uint64_t now;

	cbs_init(&cbs);
	for (uint32_t i = 0; i < 2; i++)
		CHECK(cbs_add_reservation(&cbs, servers[i].budget_tsc, servers[i].period_tsc,
					  &server) == OK);
	CHECK(cbs_add_background(&cbs, 1, &server) == OK && server == 2);
	wake(0, server);
	wake(0, 0);
	now = run_until(0, 7);
	wake(now, 1);
	run_until(now, end);
}

static bool is_caught(uint32_t count)
{
	return judge(broken, count, strict) < count;
}

static void drop(uint32_t index)
{
	memcpy(broken, good, sizeof(good[0]) * index);
	memcpy(broken + index, good + index + 1, sizeof(good[0]) * (good_count - index - 1));
}

static void a_long_trace_is_good(void)
{
	play(2000);
	CHECK(good_count > 600 && good_count < LONG_MAX);
	memcpy(broken, good, sizeof(good));
	CHECK(!is_caught(good_count));
	CHECK(check.seen[0].backlogged_count > 190 && check.seen[1].backlogged_count > 90);
	CHECK(check.seen[0].short_max_tsc == 0 && check.seen[1].wait_max_tsc == 0);
	CHECK(trace_check_is_conclusive(&check, 90));
	CHECK(!trace_check_is_conclusive(&check, 150));
}

static void every_missing_record_is_caught(void)
{
	uint32_t tried = 0;

	/* First wakes may lie before the trace, and the last records have none to contradict. */
	for (uint32_t i = 0; i + 20 < good_count; i++) {
		if (good[i].kind == TRACE_WAKE)
			continue;
		drop(i);
		tried++;
		CHECK(is_caught(good_count - 1));
	}
	CHECK(tried > 500);
}

static void every_shifted_deadline_is_caught(void)
{
	for (uint32_t i = 0; i < good_count; i++) {
		if (good[i].deadline == 0)
			continue;
		memcpy(broken, good, sizeof(good));
		broken[i].deadline += i % 2 ? 1 : UINT64_MAX;
		CHECK(is_caught(good_count));
	}
}

static void every_swapped_server_is_caught(void)
{
	for (uint32_t i = 0; i + 20 < good_count; i++) {
		memcpy(broken, good, sizeof(good));
		broken[i].server = (good[i].server + 1) % 3;
		CHECK(is_caught(good_count));
	}
}

static void every_throttling_a_tick_late_or_early_is_caught(void)
{
	for (uint32_t i = 0; i < good_count; i++) {
		if (good[i].kind != TRACE_THROTTLE)
			continue;
		memcpy(broken, good, sizeof(good));
		broken[i].tsc--;
		CHECK(is_caught(good_count));
		/* The rest of the trace moves along, so that time does not run backwards. */
		memcpy(broken, good, sizeof(good));
		for (uint32_t k = i; k < good_count; k++)
			broken[k].tsc++;
		CHECK(is_caught(good_count));
	}
}

static void a_trace_may_begin_anywhere(void)
{
	for (uint32_t i = 0; i + 100 < good_count; i++)
		CHECK(judge(good + i, good_count - i, strict) == good_count - i);
}

static void kinds_of_others_are_skipped(void)
{
	const struct event e[] = { WAKE_(100, 0, 110),
				   { 100, TRACE_KIND_FREE, 0, 0 },
				   RUN_(100, 0, 110),
				   { 101, (enum trace_kind)15, 200, 0 },
				   THROTTLE_(103, 0) };

	GOOD(e, strict);
}

int main(void)
{
	RUN(a_record_holds_what_was_put_in);
	RUN(a_whole_period_is_good);
	RUN(one_tick_beyond_the_overrun_is_caught);
	RUN(runs_of_one_window_add_up);
	RUN(work_done_for_a_server_counts);
	RUN(a_missing_budget_is_caught);
	RUN(a_sleeper_is_owed_nothing);
	RUN(the_wrong_order_is_caught);
	RUN(an_idle_core_with_work_is_caught);
	RUN(a_drifting_deadline_is_caught);
	RUN(a_wrong_wake_is_caught);
	RUN(impossible_sequences_are_caught);
	RUN(a_long_trace_is_good);
	RUN(every_missing_record_is_caught);
	RUN(every_shifted_deadline_is_caught);
	RUN(every_swapped_server_is_caught);
	RUN(every_throttling_a_tick_late_or_early_is_caught);
	RUN(a_trace_may_begin_anywhere);
	RUN(kinds_of_others_are_skipped);
	return test_failed;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "sched/trace_check.h"
#include "core/lib/assert.h"

typedef unsigned __int128 product_t;

void trace_check_init(struct trace_check *t, const struct trace_server *servers,
		      uint32_t server_count, const struct trace_limits *limits)
{
	ASSERT(server_count <= TRACE_SERVER_MAX);
	*t = (struct trace_check){ .server_count = server_count,
				   .limits = *limits,
				   .running = TRACE_NO_SERVER };
	for (uint32_t i = 0; i < server_count; i++)
		t->servers[i] = servers[i];
}

/* Keeps the first. */
static void refuse(struct trace_check *t, uint32_t server, const char *rule, uint64_t found,
		   uint64_t allowed)
{
	if (t->violation.rule != NULL)
		return;
	t->violation = (struct trace_violation){ rule,   t->record_count, t->now_tsc,
						 server, found,           allowed };
}

static bool is_reserved(const struct trace_check *t, uint32_t server)
{
	return t->servers[server].budget_tsc > 0;
}

static void account(struct trace_check *t, uint32_t server, uint64_t ticks)
{
	struct trace_track *k = &t->track[server];
	struct trace_seen *seen = &t->seen[server];
	uint64_t limit = t->servers[server].budget_tsc + t->limits.overrun_tsc;

	if (!is_reserved(t, server))
		return;
	k->run_tsc += ticks;
	seen->run_max_tsc = max_u64(seen->run_max_tsc, k->run_tsc);
	if (k->run_tsc > limit)
		refuse(t, server, "ran longer than Q + overrun between two replenishments",
		       k->run_tsc, limit);
}

/* Everything that a passage of time alone can break. */
static void advance(struct trace_check *t, uint64_t tsc)
{
	if (t->record_count > 0 && tsc < t->now_tsc)
		refuse(t, TRACE_NO_SERVER, "time runs backwards", tsc, t->now_tsc);
	if (t->running != TRACE_NO_SERVER)
		account(t, t->running, tsc - t->now_tsc);
	t->now_tsc = tsc;
	for (uint32_t i = 0; i < t->server_count; i++) {
		const struct trace_track *k = &t->track[i];
		struct trace_seen *seen = &t->seen[i];

		if (k->is_waiting) {
			seen->wait_max_tsc = max_u64(seen->wait_max_tsc, tsc - k->wait_tsc);
			if (tsc - k->wait_tsc > t->limits.reaction_tsc)
				refuse(t, i, "was first in order, but kept waiting",
				       tsc - k->wait_tsc, t->limits.reaction_tsc);
		}
		if (k->state < TRACE_STATE_READY || !k->has_deadline || tsc < k->deadline_tsc)
			continue;
		seen->late_max_tsc = max_u64(seen->late_max_tsc, tsc - k->deadline_tsc);
		if (tsc - k->deadline_tsc > t->limits.reaction_tsc)
			refuse(t, i, "was not replenished at its deadline", tsc - k->deadline_tsc,
			       t->limits.reaction_tsc);
	}
}

static void begin_window(struct trace_check *t, uint32_t server, uint64_t deadline_tsc)
{
	struct trace_track *k = &t->track[server];

	if (k->has_window) {
		t->seen[server].window_count++;
		t->seen[server].backlogged_count += k->is_backlogged;
	}
	k->state = TRACE_STATE_READY;
	k->has_deadline = true;
	k->has_window = true;
	k->is_backlogged = true;
	k->deadline_tsc = deadline_tsc;
	k->run_tsc = 0;
}

/* It is known from here on, but not what it did before in this window. */
static void begin_unknown(struct trace_track *k, uint64_t deadline_tsc)
{
	k->state = TRACE_STATE_READY;
	k->has_deadline = true;
	k->deadline_tsc = deadline_tsc;
}

static void on_run(struct trace_check *t, uint32_t server, uint64_t deadline_tsc)
{
	struct trace_track *k = &t->track[server];

	if (is_reserved(t, server) && !k->has_deadline)
		begin_unknown(k, deadline_tsc);
	if (k->state == TRACE_STATE_UNKNOWN)
		k->state = TRACE_STATE_READY;
	if (k->state != TRACE_STATE_READY)
		refuse(t, server, "ran while it was blocked or throttled", k->state,
		       TRACE_STATE_READY);
	if (is_reserved(t, server) && k->deadline_tsc != deadline_tsc)
		refuse(t, server, "ran under a deadline that nothing gave it", deadline_tsc,
		       k->deadline_tsc);
	t->running = server;
	t->has_running = true;
}

static void on_stop(struct trace_check *t, uint32_t server)
{
	if (t->has_running && t->running != server)
		refuse(t, server, "stopped, but did not run", server, t->running);
	t->running = TRACE_NO_SERVER;
	t->has_running = true;
}

static void stop_if_running(struct trace_check *t, uint32_t server)
{
	if (t->running == server)
		t->running = TRACE_NO_SERVER;
}

/* May the wake rule have kept d? May it have renewed it? Within what the trace cannot know. */
static void check_wake(struct trace_check *t, uint32_t server, uint64_t deadline_tsc)
{
	const struct trace_server *s = &t->servers[server];
	const struct trace_track *k = &t->track[server];
	uint64_t left = s->budget_tsc - min_u64(k->run_tsc, s->budget_tsc);
	uint64_t left_min = left - min_u64(left, t->limits.shortfall_tsc);
	uint64_t left_max = min_u64(s->budget_tsc, left + t->limits.overrun_tsc);
	uint64_t ahead = k->deadline_tsc - min_u64(k->deadline_tsc, t->now_tsc);
	product_t fair = (product_t)ahead * s->budget_tsc;

	if (!k->has_window) {
		left_min = 0;
		left_max = s->budget_tsc;
	}
	if (deadline_tsc == k->deadline_tsc) {
		/* At the instant at which the window began, kept and renewed are the same. */
		if (ahead == s->period_tsc)
			return;
		if (ahead == 0 || (product_t)left_min * s->period_tsc >= fair)
			refuse(t, server, "woke with a stale budget and kept it", left, ahead);
	} else if (deadline_tsc == t->now_tsc + s->period_tsc) {
		if (ahead > 0 && (product_t)left_max * s->period_tsc < fair)
			refuse(t, server, "woke and got a new budget before its time", left, ahead);
	} else {
		refuse(t, server, "woke with a deadline that is neither its own nor t + P",
		       deadline_tsc, k->deadline_tsc);
	}
}

static void on_wake(struct trace_check *t, uint32_t server, uint64_t deadline_tsc)
{
	struct trace_track *k = &t->track[server];
	bool is_kept = k->has_deadline && deadline_tsc == k->deadline_tsc;

	if (k->state > TRACE_STATE_BLOCKED)
		refuse(t, server, "woke, but was not blocked", k->state, TRACE_STATE_BLOCKED);
	k->state = TRACE_STATE_READY;
	if (!is_reserved(t, server))
		return;
	if (k->has_deadline)
		check_wake(t, server, deadline_tsc);
	if (!is_kept && deadline_tsc == t->now_tsc + t->servers[server].period_tsc)
		begin_window(t, server, deadline_tsc);
	else
		begin_unknown(k, deadline_tsc);
}

static void on_block(struct trace_check *t, uint32_t server)
{
	struct trace_track *k = &t->track[server];

	if (k->state == TRACE_STATE_BLOCKED)
		refuse(t, server, "blocked twice", k->state, TRACE_STATE_READY);
	k->state = TRACE_STATE_BLOCKED;
	k->is_backlogged = false;
	stop_if_running(t, server);
}

/* Judges what it got where it was owed Q: at its throttling, and at its deadline. */
static void check_served(struct trace_check *t, uint32_t server, const char *rule)
{
	uint64_t budget_tsc = t->servers[server].budget_tsc;
	uint64_t got_tsc = min_u64(t->track[server].run_tsc, budget_tsc);
	struct trace_seen *seen = &t->seen[server];

	if (!t->track[server].has_window)
		return;
	seen->short_max_tsc = max_u64(seen->short_max_tsc, budget_tsc - got_tsc);
	if (budget_tsc - got_tsc > t->limits.shortfall_tsc)
		refuse(t, server, rule, got_tsc, budget_tsc);
}

static void on_throttle(struct trace_check *t, uint32_t server)
{
	struct trace_track *k = &t->track[server];

	if (k->state != TRACE_STATE_READY && k->state != TRACE_STATE_UNKNOWN)
		refuse(t, server, "was throttled while it was not ready", k->state,
		       TRACE_STATE_READY);
	if (!is_reserved(t, server))
		refuse(t, server, "was throttled, but has no budget", 0, 0);
	check_served(t, server, "was throttled before it had used Q");
	k->state = TRACE_STATE_THROTTLED;
	stop_if_running(t, server);
}

static void on_replenish(struct trace_check *t, uint32_t server, uint64_t deadline_tsc)
{
	const struct trace_server *s = &t->servers[server];
	struct trace_track *k = &t->track[server];
	uint64_t expected;

	if (!is_reserved(t, server) || k->state == TRACE_STATE_BLOCKED) {
		refuse(t, server, "was replenished while blocked, or has no budget", k->state,
		       TRACE_STATE_THROTTLED);
		return;
	}
	if (k->has_deadline) {
		if (t->now_tsc < k->deadline_tsc) {
			refuse(t, server, "was replenished before its deadline", t->now_tsc,
			       k->deadline_tsc);
			return;
		}
		expected = k->deadline_tsc + s->period_tsc;
		expected += (t->now_tsc - k->deadline_tsc) / s->period_tsc * s->period_tsc;
		if (deadline_tsc != expected)
			refuse(t, server, "its deadline drifted: it is not d + k * P", deadline_tsc,
			       expected);
	}
	if (k->is_backlogged)
		check_served(t, server, "was backlogged, but got less than Q by its deadline");
	begin_window(t, server, deadline_tsc);
}

static void on_charge(struct trace_check *t, uint32_t server, int64_t ticks)
{
	const struct trace_track *k = &t->track[server];

	if (ticks < 0) {
		refuse(t, server, "was charged a negative time", (uint64_t)ticks, 0);
		return;
	}
	/* A window that is over while it sleeps has nothing left to exceed. */
	if (k->state == TRACE_STATE_BLOCKED && t->now_tsc >= k->deadline_tsc)
		return;
	account(t, server, (uint64_t)ticks);
}

static void apply(struct trace_check *t, struct trace_record r)
{
	uint32_t server = trace_server(r);

	switch (trace_kind(r)) {
	case TRACE_RUN:
		on_run(t, server, trace_deadline(r));
		break;
	case TRACE_STOP:
		on_stop(t, server);
		break;
	case TRACE_WAKE:
		on_wake(t, server, trace_deadline(r));
		break;
	case TRACE_BLOCK:
		on_block(t, server);
		break;
	case TRACE_THROTTLE:
		on_throttle(t, server);
		break;
	case TRACE_REPLENISH:
		on_replenish(t, server, trace_deadline(r));
		break;
	case TRACE_CHARGE:
		on_charge(t, server, trace_arg(r));
		break;
	default:
		refuse(t, server, "is named by a record that was never written", 0, 0);
	}
}

/* Is `i` to run before `j`? Equal deadlines may go either way. */
static bool precedes(const struct trace_check *t, uint32_t i, uint32_t j)
{
	if (is_reserved(t, i) != is_reserved(t, j))
		return is_reserved(t, i);
	if (is_reserved(t, i))
		return t->track[i].deadline_tsc < t->track[j].deadline_tsc;
	return t->servers[i].priority > t->servers[j].priority;
}

static uint32_t first_in_order(const struct trace_check *t)
{
	uint32_t first = TRACE_NO_SERVER;

	for (uint32_t i = 0; i < t->server_count; i++) {
		if (t->track[i].state != TRACE_STATE_READY)
			continue;
		if (first == TRACE_NO_SERVER || precedes(t, i, first))
			first = i;
	}
	return first;
}

static void note_waiting(struct trace_check *t)
{
	uint32_t first = first_in_order(t);

	for (uint32_t i = 0; i < t->server_count; i++) {
		struct trace_track *k = &t->track[i];
		bool is_passed = i == first && t->has_running && i != t->running;

		if (is_passed && t->running != TRACE_NO_SERVER)
			is_passed = precedes(t, i, t->running);
		if (is_passed && !k->is_waiting)
			k->wait_tsc = t->now_tsc;
		k->is_waiting = is_passed;
	}
}

bool trace_check_record(struct trace_check *t, struct trace_record r)
{
	uint32_t server = trace_server(r);

	if (t->violation.rule != NULL)
		return false;
	advance(t, r.tsc);
	if (trace_kind(r) < TRACE_KIND_FREE) {
		if (server >= t->server_count) {
			refuse(t, server, "is no server of this core", server, t->server_count);
			return false;
		}
		apply(t, r);
		note_waiting(t);
		t->seen[server].record_count++;
	}
	t->record_count++;
	return t->violation.rule == NULL;
}

bool trace_check_is_conclusive(const struct trace_check *t, uint64_t window_count)
{
	for (uint32_t i = 0; i < t->server_count; i++) {
		if (is_reserved(t, i) && t->seen[i].window_count < window_count)
			return false;
	}
	return t->record_count > 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * All schedules of small servers, of any length.
 *
 * In each tick every server has work or has none, in every combination. States that differ
 * only in when they happen are one state, so a search visits every reachable one: what holds
 * in all of them holds in every schedule that there is, not only up to a horizon.
 */
#include <stdlib.h>
#include "sched/cbs.h"
#include "tests/property/slow_cbs.h"
#include "tests/test.h"

#define SERVER_MAX 3u
#define PERIOD_MAX 7u
#define TABLE_BITS 21

/* What the future depends on, and what the promises speak of. */
struct node {
	struct server_node {
		uint8_t state, left, ahead; /* ahead: d - now, 0: over */
		uint8_t ran;                /* since it last got a budget */
		uint8_t is_backlogged;      /* never blocked since */
	} s[SERVER_MAX];
};

struct params {
	uint32_t count;
	uint64_t budget[SERVER_MAX], period[SERVER_MAX];
	bool is_admitted;
};

static struct node *queue;
static uint32_t *table; /* index into the queue + 1 */
static uint32_t queue_count, set_count, admitted_count;
static uint64_t step_count;

static void add_node(const struct node *n)
{
	uint64_t hash = 0;
	uint32_t slot;

	for (uint32_t i = 0; i < sizeof(*n); i++)
		hash = (hash + ((const uint8_t *)n)[i] + 1) * UINT64_C(0x9e3779b97f4a7c15);
	slot = (uint32_t)(hash >> (64 - TABLE_BITS));
	for (; table[slot] != 0; slot = (slot + 1) & (BIT32(TABLE_BITS) - 1)) {
		if (memcmp(&queue[table[slot] - 1], n, sizeof(*n)) == 0)
			return;
	}
	if (queue_count == BIT32(TABLE_BITS) / 2) {
		printf("more states than the table holds\n");
		exit(1);
	}
	queue[queue_count] = *n;
	table[slot] = ++queue_count;
}

/* Winners, from the leaves' keys: the smallest key of all that a node has below it. */
static void hold_tournament(struct cbs_tree *t, uint32_t leaf_count)
{
	for (uint32_t width = 2; width <= leaf_count; width *= 2) {
		for (uint32_t first = 0; first < leaf_count; first += width) {
			uint32_t best = first;

			for (uint32_t i = first; i < first + width; i++)
				best = t->key[i] < t->key[best] ? i : best;
			t->winner[(leaf_count + first) / width] = (uint8_t)best;
		}
	}
}

/* The state as it is at time `now`, in cbs.c's terms. */
static void unpack(const struct params *p, const struct node *n, uint64_t now, struct cbs *c,
		   struct slow_cbs *m)
{
	cbs_init(c);
	m->count = 0;
	for (uint32_t i = 0; i < p->count; i++) {
		uint32_t server;

		CHECK(cbs_add_reservation(c, p->budget[i], p->period[i], &server) == OK);
		slow_add(m, p->budget[i], p->period[i], 0);
		c->servers[i].left_tsc = m->s[i].left = n->s[i].left;
		c->servers[i].deadline_tsc = m->s[i].deadline = now + n->s[i].ahead;
		c->servers[i].state = m->s[i].state = (enum cbs_state)n->s[i].state;
	}
	for (uint32_t i = 0; i < p->count; i++) {
		if (n->s[i].state == CBS_READY)
			c->ready.key[i] = now + n->s[i].ahead;
		else if (n->s[i].state == CBS_THROTTLED)
			c->throttled.key[i] = now + n->s[i].ahead;
	}
	hold_tournament(&c->ready, c->leaf_count);
	hold_tournament(&c->throttled, c->leaf_count);
}

static void renew(struct server_node *s)
{
	s->ran = 0;
	s->is_backlogged = 1;
}

/* One tick: wakes and blocks as `work` says, a choice, a tick of running, its charge. */
static bool step(const struct params *p, const struct node *from, uint32_t work)
{
	static struct cbs c;
	static struct slow_cbs m;
	const uint64_t now = 1000;
	struct node n = *from;
	struct cbs_pick a, b;
	uint64_t who;

	unpack(p, from, now, &c, &m);
	for (uint32_t i = 0; i < p->count; i++) {
		uint64_t before = m.s[i].replenished;

		if (work & BIT32(i)) {
			cbs_wake(&c, i, now);
			slow_wake(&m, i, now);
		} else {
			cbs_block(&c, i);
			slow_block(&m, i);
			n.s[i].is_backlogged = 0;
		}
		if (m.s[i].replenished != before)
			renew(&n.s[i]);
	}
	/* The promise: when a deadline comes, who was never blocked has had its Q. */
	for (uint32_t i = 0; i < p->count; i++) {
		if (p->is_admitted && m.s[i].state != CBS_BLOCKED && m.s[i].deadline <= now &&
		    (m.s[i].left > 0 || (n.s[i].is_backlogged && n.s[i].ran < p->budget[i])))
			return false;
	}
	who = slow_replenish(&m, now);
	a = cbs_pick(&c, now);
	b = slow_pick(&m, now);
	if (a.server != b.server || a.until_tsc != b.until_tsc || c.replenished != who)
		return false;
	for (uint32_t i = 0; i < p->count; i++) {
		if (who & BIT64(i))
			renew(&n.s[i]);
	}
	if (a.server != CBS_NONE) {
		/* Nothing is to be done before until, and there is something to be had. */
		if (a.until_tsc <= now || n.s[a.server].ran >= p->budget[a.server])
			return false;
		n.s[a.server].ran++;
		cbs_charge(&c, a.server, 1);
		slow_charge(&m, a.server, 1);
	}
	for (uint32_t i = 0; i < p->count; i++) {
		n.s[i].state = (uint8_t)m.s[i].state;
		n.s[i].left = (uint8_t)m.s[i].left;
		n.s[i].ahead = (uint8_t)(m.s[i].deadline > now ? m.s[i].deadline - now - 1 : 0);
		/* Once its time is over, a sleeper's past is of no account. */
		if (n.s[i].ahead == 0 && n.s[i].state == CBS_BLOCKED)
			n.s[i].left = n.s[i].ran = 0;
	}
	add_node(&n);
	return slow_agrees(&m, &c);
}

static void search(const struct params *p)
{
	struct node start = { 0 };

	queue_count = 0;
	memset(table, 0, sizeof(*table) << TABLE_BITS);
	add_node(&start);
	for (uint32_t next = 0; next < queue_count && !test_failed; next++) {
		for (uint32_t work = 0; work < BIT32(p->count); work++) {
			struct node from = queue[next];
			bool is_right = step(p, &from, work);

			step_count++;
			CHECK(is_right);
			if (is_right)
				continue;
			for (uint32_t i = 0; i < p->count; i++)
				printf("Q %u P %u: state %u q %u d-t %u ran %u work %u\n",
				       (unsigned)p->budget[i], (unsigned)p->period[i],
				       from.s[i].state, from.s[i].left, from.s[i].ahead,
				       from.s[i].ran, work >> i & 1);
			return;
		}
	}
	set_count++;
	admitted_count += p->is_admitted;
}

static bool is_admitted(const struct params *p)
{
	uint64_t sum = 0;
	const uint64_t whole = 420; /* lcm of 1 .. 7 */

	for (uint32_t i = 0; i < p->count; i++)
		sum += p->budget[i] * (whole / p->period[i]);
	return sum <= whole;
}

/* Every Q <= P <= period_max for the servers from `index` on. */
static void for_all(struct params *p, uint32_t index, uint64_t period_max, bool only_admitted)
{
	if (index == p->count) {
		p->is_admitted = is_admitted(p);
		if ((p->is_admitted || !only_admitted) && !test_failed)
			search(p);
		return;
	}
	for (p->period[index] = 1; p->period[index] <= period_max; p->period[index]++) {
		for (p->budget[index] = 1; p->budget[index] <= p->period[index]; p->budget[index]++)
			for_all(p, index + 1, period_max, only_admitted);
	}
}

static void two_servers_with_periods_up_to_5_in_every_schedule(void)
{
	struct params p = { .count = 2 };

	for_all(&p, 0, 5, false);
	CHECK(set_count == 225);
}

static void two_admitted_servers_with_periods_up_to_7_in_every_schedule(void)
{
	struct params p = { .count = 2 };

	for_all(&p, 0, 7, true);
}

static void three_admitted_servers_with_periods_up_to_5_in_every_schedule(void)
{
	struct params p = { .count = 3 };

	for_all(&p, 0, 5, true);
}

static void three_servers_with_periods_up_to_3_in_every_schedule(void)
{
	struct params p = { .count = 3 };

	for_all(&p, 0, 3, false);
}

static void enough_was_tried(void)
{
	printf("%u sets, %u of them admitted, %llu steps\n", set_count, admitted_count,
	       (unsigned long long)step_count);
	CHECK(admitted_count > 100 && step_count > 1000000);
}

int main(void)
{
	queue = malloc(sizeof(*queue) << (TABLE_BITS - 1));
	table = malloc(sizeof(*table) << TABLE_BITS);
	if (queue == NULL || table == NULL)
		return 1;
	RUN(two_servers_with_periods_up_to_5_in_every_schedule);
	RUN(two_admitted_servers_with_periods_up_to_7_in_every_schedule);
	RUN(three_admitted_servers_with_periods_up_to_5_in_every_schedule);
	RUN(three_servers_with_periods_up_to_3_in_every_schedule);
	RUN(enough_was_tried);
	free(queue);
	free(table);
	return test_failed;
}

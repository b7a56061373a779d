/* SPDX-License-Identifier: Apache-2.0 */
/* tests/unit/test_wakeq.c - the queue of wake-up times, against a plain table. */
#include "sched/wakeq.h"
#include "tests/test.h"

static uint64_t oracle[WAKEQ_MAX];

static uint32_t oracle_next(void)
{
	uint32_t best = WAKEQ_NONE;

	for (uint32_t i = 0; i < WAKEQ_MAX; i++)
		if (oracle[i] != TSC_NEVER && (best == WAKEQ_NONE || oracle[i] < oracle[best]))
			best = i;
	return best;
}

static void an_empty_queue_wakes_nobody(void)
{
	struct wakeq q;

	wakeq_init(&q);
	CHECK(wakeq_next_tsc(&q) == TSC_NEVER);
	CHECK(wakeq_take_due(&q, UINT64_MAX) == WAKEQ_NONE);
	wakeq_set(&q, 3, TSC_NEVER);
	CHECK(wakeq_next_tsc(&q) == TSC_NEVER);
}

static void due_means_at_its_time_and_not_before(void)
{
	struct wakeq q;

	wakeq_init(&q);
	wakeq_set(&q, WAKEQ_MAX - 1, 100);
	CHECK(wakeq_take_due(&q, 99) == WAKEQ_NONE);
	CHECK(wakeq_take_due(&q, 100) == WAKEQ_MAX - 1);
	CHECK(wakeq_take_due(&q, 100) == WAKEQ_NONE);
}

static void equal_times_come_in_the_order_of_owners(void)
{
	struct wakeq q;

	wakeq_init(&q);
	for (uint32_t i = WAKEQ_MAX; i-- > 0;)
		wakeq_set(&q, i, 7);
	for (uint32_t i = 0; i < WAKEQ_MAX; i++)
		CHECK(wakeq_take_due(&q, 7) == i);
}

static void random_operations_agree_with_a_table(void)
{
	struct wakeq q;
	uint64_t random = 1;
	uint64_t now = 0;

	wakeq_init(&q);
	for (uint32_t i = 0; i < WAKEQ_MAX; i++)
		oracle[i] = TSC_NEVER;
	for (int step = 0; step < 200000; step++) {
		uint32_t owner, next;

		random = random * 6364136223846793005u + 1442695040888963407u;
		owner = (uint32_t)(random >> 33) % WAKEQ_MAX;
		if (random >> 60 < 10) {
			uint64_t at = random >> 63 ? TSC_NEVER : now + (random >> 40) % 50;

			wakeq_set(&q, owner, at);
			oracle[owner] = at;
		} else {
			now += (random >> 50) % 4;
			next = oracle_next();
			if (next != WAKEQ_NONE && oracle[next] > now)
				next = WAKEQ_NONE;
			CHECK(wakeq_take_due(&q, now) == next);
			if (next != WAKEQ_NONE)
				oracle[next] = TSC_NEVER;
		}
		next = oracle_next();
		CHECK(wakeq_next_tsc(&q) == (next == WAKEQ_NONE ? TSC_NEVER : oracle[next]));
		if (test_failed)
			return;
	}
}

int main(void)
{
	RUN(an_empty_queue_wakes_nobody);
	RUN(due_means_at_its_time_and_not_before);
	RUN(equal_times_come_in_the_order_of_owners);
	RUN(random_operations_agree_with_a_table);
	return test_failed;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* BFQ by hand: who is waited for, how budgets learn, what a slow turn costs. */
#include <string.h>
#include "io/iosched_state.h"
#include "tests/test.h"

static struct iosched s;
static struct iosched_client_config clients[4];
static struct iosched_audit trail[256];
static struct block_request pool[512];
static uint32_t pool_used;
static uint64_t again, now;

/* Two clients of weights 1 and 2; waits 100 ticks; budgets up to 1 MiB. */
static struct iosched_config usual(void)
{
	for (uint32_t i = 0; i < 4; i++)
		clients[i] = (struct iosched_client_config){ .weight = 1 + i,
							     .queue_count = 1,
							     .queue_weights = { 1, 1, 1 } };
	return (struct iosched_config){ .kind = IOSCHED_BFQ,
					.client_count = 2,
					.clients = clients,
					.depth = 8,
					.slice_idle_tsc = 100,
					.max_budget_bytes = MIB(1),
					.tsc_hz = 1000000,
					.audit = trail,
					.audit_mask = 255 };
}

static void begin(const struct iosched_config *c)
{
	pool_used = 0;
	now = 1000;
	memset(trail, 0, sizeof(trail));
	CHECK(iosched_init(&s, c) == OK);
}

static struct block_request *add_at(uint16_t client, uint16_t queue, enum block_op op,
				    uint64_t sector, uint32_t sectors)
{
	struct block_request *r = &pool[pool_used++ % ARRAY_SIZE(pool)];

	*r = (struct block_request){ .client = client,
				     .queue = queue,
				     .op = (uint8_t)op,
				     .sector = sector,
				     .sector_count = sectors };
	iosched_add(&s, r, now);
	return r;
}

static struct block_request *add(uint16_t client, enum block_op op)
{
	return add_at(client, 0, op, 8 * pool_used, 8);
}

static struct block_request *next(void)
{
	return iosched_next(&s, now, &again);
}

/* The last record of that kind, from the end. */
static const struct iosched_audit *last(enum iosched_event event, uint16_t client, uint16_t queue)
{
	for (uint64_t i = s.trail.count; i-- > 0;) {
		const struct iosched_audit *r = &trail[i % ARRAY_SIZE(trail)];

		if (r->event == event && r->client == client && r->queue == queue)
			return r;
	}
	return NULL;
}

static bool expired(uint16_t client, enum bfq_expiry reason, uint32_t bytes)
{
	const struct iosched_audit *r = last(IOSCHED_EXPIRED, client, IOSCHED_NO_QUEUE);

	return r && r->reason == reason && r->bytes == bytes;
}

static void a_reader_is_waited_for_while_its_request_is_in_flight_and_then_a_little(void)
{
	struct iosched_config c = usual();
	struct block_request *r;

	begin(&c);
	r = add(0, BLOCK_READ);
	CHECK(next() == r);
	add(1, BLOCK_READ);
	CHECK(next() == NULL && again == TSC_NEVER); /* its completion is what is waited for */
	now = 5000;
	iosched_done(&s, r, now);
	CHECK(next() == NULL && again == 5100);
	now = 5099;
	CHECK(next() == NULL && again == 5100);
	r = add(0, BLOCK_READ);
	CHECK(next() == r);
	iosched_done(&s, r, now);
	now += 100;
	CHECK(next() == &pool[1]);
	CHECK(expired(0, BFQ_TOO_IDLE, 8192));
}

static void nobody_waits_where_that_was_not_asked_for(void)
{
	struct iosched_config c = usual();

	c.slice_idle_tsc = 0;
	begin(&c);
	add(0, BLOCK_READ);
	add(1, BLOCK_READ);
	CHECK(next() == &pool[1]); /* the larger weight: the earlier finish */
	CHECK(next() == &pool[0]);
	CHECK(expired(1, BFQ_NO_BACKLOG, 4096));
}

static void nobody_waits_for_asynchronous_writes(void)
{
	struct iosched_config c = usual();
	struct block_request *r;

	clients[0].has_async_writes = true;
	begin(&c);
	r = add(0, BLOCK_WRITE);
	CHECK(next() == r);
	add(1, BLOCK_READ);
	CHECK(next() == &pool[1]);
	CHECK(expired(0, BFQ_NO_BACKLOG, 4096));
	/* A read of the same client is waited for, and so is a flush. */
	begin(&c);
	r = add(0, BLOCK_FLUSH);
	CHECK(next() == r);
	add(1, BLOCK_READ);
	CHECK(next() == NULL);
	/* And so are writes of a client that says nothing. */
	clients[0].has_async_writes = false;
	begin(&c);
	r = add(0, BLOCK_WRITE);
	CHECK(next() == r);
	add(1, BLOCK_READ);
	CHECK(next() == NULL);
}

/* Ten turns of one read each, and `think` ticks before the next: is client 0 waited for after them? */
static bool is_waited_for_after_thinking(uint64_t think)
{
	struct block_request *r;

	for (uint32_t i = 0; i < 20; i++) {
		r = add(0, BLOCK_READ);
		CHECK(next() == r);
		now += 10;
		iosched_done(&s, r, now);
		now += think;
	}
	r = add(0, BLOCK_READ);
	CHECK(next() == r);
	iosched_done(&s, r, now);
	add(1, BLOCK_READ);
	r = next();
	return r == NULL;
}

static void who_thinks_for_long_is_not_waited_for(void)
{
	struct iosched_config c = usual();

	begin(&c);
	CHECK(is_waited_for_after_thinking(50));
	begin(&c);
	CHECK(is_waited_for_after_thinking(90));
	begin(&c);
	CHECK(!is_waited_for_after_thinking(130));
	begin(&c);
	CHECK(!is_waited_for_after_thinking(100000));
}

/* Twelve reads `distance` sectors from each other, one at a time: is client 0 waited for then? */
static bool is_waited_for_when_reading_at(uint64_t distance)
{
	struct block_request *r;

	for (uint32_t i = 0; i < 12; i++) {
		r = add_at(0, 0, BLOCK_READ, 1000000 + i * (8 + distance), 8);
		CHECK(next() == r);
		iosched_done(&s, r, now);
		now += 10;
	}
	add(1, BLOCK_READ);
	return next() == NULL;
}

static void who_reads_here_and_there_is_waited_for_if_weights_differ(void)
{
	struct iosched_config c = usual();

	begin(&c);
	CHECK(is_waited_for_when_reading_at(BFQ_FAR_SECTORS + 1));
	clients[1].weight = clients[0].weight;
	begin(&c);
	CHECK(!is_waited_for_when_reading_at(BFQ_FAR_SECTORS + 1));
	begin(&c);
	CHECK(is_waited_for_when_reading_at(BFQ_FAR_SECTORS));
	begin(&c);
	CHECK(is_waited_for_when_reading_at(0));
	begin(&c);
	CHECK(!is_waited_for_when_reading_at((uint64_t)0 - BFQ_FAR_SECTORS - 1));
	begin(&c);
	CHECK(is_waited_for_when_reading_at((uint64_t)0 - BFQ_FAR_SECTORS));
}

/* So many requests of 4 KiB, all at once, and then nothing: the budgets of the turns. */
static uint32_t budget_after(uint32_t requests)
{
	struct block_request *r;

	for (uint32_t i = 0; i < requests; i++)
		add(0, BLOCK_READ);
	while ((r = next()) != NULL)
		iosched_done(&s, r, now);
	now += 1000;
	r = add(0, BLOCK_READ); /* its turn ended long ago */
	CHECK(next() == r);
	iosched_done(&s, r, now);
	now += 1000;
	return last(IOSCHED_SELECTED, 0, IOSCHED_NO_QUEUE)->bytes;
}

static void budgets_grow_when_used_up_and_shrink_to_what_was_used(void)
{
	struct iosched_config c = usual();

	begin(&c);
	CHECK(budget_after(1) == KIB(32)); /* the least, and where it begins */
	CHECK(budget_after(8) == KIB(32)); /* used up just so; nothing more was wanted */
	CHECK(budget_after(9) == KIB(32)); /* 32, of 64 only 4: the least again */
	CHECK(budget_after(8 + 12) == KIB(48));
	CHECK(budget_after(200) == KIB(512) || budget_after(200) > KIB(256));
	CHECK(budget_after(1) == KIB(32));
	/* Not beyond the largest: 32, 64, .. 1024, 1024 KiB. */
	for (uint32_t i = 0; i < 256 * 6; i++) {
		struct block_request *r = add(0, BLOCK_READ);

		CHECK(next() == r);
		iosched_done(&s, r, now);
	}
	CHECK(last(IOSCHED_SELECTED, 0, IOSCHED_NO_QUEUE)->bytes == MIB(1));
}

/* Something is in flight: whether it wants more is not known yet. */
static void budgets_shrink_by_half_while_something_is_in_flight(void)
{
	struct iosched_config c = usual();
	struct block_request *r;

	c.slice_idle_tsc = 0;
	begin(&c);
	for (uint32_t i = 0; i < 100; i++)
		add(0, BLOCK_READ);
	while ((r = next()) != NULL)
		iosched_done(&s, r, now);
	/* 32, 64, 128 and, of 256, 176 KiB: that is over when the next comes. */
	r = add(0, BLOCK_READ);
	CHECK(next() == r);
	CHECK(last(IOSCHED_SELECTED, 0, IOSCHED_NO_QUEUE)->bytes == KIB(176));
	add(1, BLOCK_READ);
	CHECK(next() != NULL);
	CHECK(expired(0, BFQ_NO_BACKLOG, KIB(4)));
	add(0, BLOCK_READ);
	CHECK(last(IOSCHED_ACTIVATED, 0, IOSCHED_NO_QUEUE)->bytes == KIB(88));
}

static void fixed_budgets_stay(void)
{
	struct iosched_config c = usual();

	c.has_fixed_budgets = true;
	begin(&c);
	CHECK(budget_after(1) == MIB(1));
	CHECK(budget_after(300) == MIB(1));
}

static void a_budget_is_never_less_than_the_longest_request(void)
{
	struct iosched_config c = usual();
	struct block_request *small, *large;

	c.max_budget_bytes = KIB(64);
	begin(&c);
	small = add_at(0, 0, BLOCK_READ, 0, 8);
	CHECK(last(IOSCHED_ACTIVATED, 0, IOSCHED_NO_QUEUE)->bytes == KIB(32));
	large = add_at(0, 0, BLOCK_WRITE, 0, 1024);
	CHECK(next() == small);
	CHECK(next() == large); /* a new turn, as 512 KiB are not in this one's budget */
	CHECK(expired(0, BFQ_EXHAUSTED, KIB(4)));
	CHECK(last(IOSCHED_SELECTED, 0, IOSCHED_NO_QUEUE)->bytes == KIB(512));
}

static void a_turn_that_takes_too_long_pays_for_its_whole_budget(void)
{
	struct iosched_config c = usual();
	struct block_request *r;

	c.timeout_tsc = 500;
	begin(&c);
	r = add(0, BLOCK_READ);
	add(0, BLOCK_READ);
	CHECK(next() == r);
	add(1, BLOCK_READ);
	now += 499;
	CHECK(next() == &pool[1]);
	add(0, BLOCK_READ);
	now += 1;
	CHECK(next() == &pool[2]);
	CHECK(expired(0, BFQ_TIMED_OUT, KIB(32)));
	CHECK(last(IOSCHED_ACTIVATED, 0, IOSCHED_NO_QUEUE)->bytes == KIB(64));
	/* While it waits for a completion, the limit is when to ask again. */
	CHECK(next() == NULL && again == now + 500);
}

static void who_slept_while_nobody_else_was_there_does_not_pay(void)
{
	struct iosched_config c = usual();
	struct block_request *r;

	c.timeout_tsc = 500;
	begin(&c);
	r = add(0, BLOCK_READ);
	CHECK(next() == r);
	iosched_done(&s, r, now);
	CHECK(next() == NULL && again == TSC_NEVER);
	now += 10000;
	r = add(0, BLOCK_READ);
	CHECK(next() == r);
	CHECK(expired(0, BFQ_TOO_IDLE, 4096));
}

/* The other core read its clock before it waited for the lock: that is no long sleep. */
static void a_time_that_has_passed_is_now(void)
{
	struct iosched_config c = usual();
	struct block_request *r;

	begin(&c);
	now = 5000;
	r = add(0, BLOCK_READ);
	CHECK(next() == r);
	iosched_done(&s, r, now);
	now = 4999;
	add(1, BLOCK_READ);
	CHECK(next() == NULL && again == 5100);
	r = add(0, BLOCK_READ);
	CHECK(next() == r);
	CHECK(s.bfq.clients[0].flow.think_tsc == 0);
}

static void flushes_are_not_free(void)
{
	struct iosched_config c = usual();

	c.max_budget_bytes = KIB(32);
	begin(&c);
	for (uint32_t i = 0; i < 20; i++) {
		add(0, BLOCK_FLUSH);
		add(1, BLOCK_FLUSH);
	}
	for (uint32_t i = 0; i < 8; i++)
		CHECK(next() != NULL);
	CHECK(next() == NULL); /* the device's depth */
	for (uint16_t i = 0; i < 2; i++)
		CHECK(last(IOSCHED_ADDED, i, 0)->bytes == KIB(4));
	iosched_done(&s, &pool[0], now);
	CHECK(next() != NULL);
	CHECK(expired(0, BFQ_EXHAUSTED, KIB(32)) || expired(1, BFQ_EXHAUSTED, KIB(32)));
}

/* Three queues; the first has one request at a time, the others are full. */
static void a_queue_is_waited_for_only_if_its_client_weighs_queues(void)
{
	struct iosched_config c = usual();
	struct block_request *r;

	for (uint32_t is_weighed = 0; is_weighed < 2; is_weighed++) {
		clients[0].queue_count = 3;
		clients[0].queue_weights[0] = 1 + is_weighed;
		begin(&c);
		r = add_at(0, 0, BLOCK_READ, 0, 8);
		CHECK(next() == r);
		add_at(0, 1, BLOCK_READ, 8, 8);
		add_at(0, 2, BLOCK_READ, 16, 8);
		CHECK((next() == NULL) == is_weighed);
	}
}

/*
 * Budgets are 8 requests. Client 1 (weight 2) gets 8; client 0's turn is 3 of queue 0 and 5 of queue
 * 1; client 1 gets 16; and then the 3 come that are left of queue 1's turn, before queue 0's new ones.
 */
static const char turns[] = "11111111000aaaaa1111111111111111aaa00000";

/* Up to the first `count` of those; `ticks` pass after each of queue 1. */
static void play_turns(const struct iosched_config *c, uint32_t count, uint64_t ticks)
{
	clients[0].queue_count = 2;
	begin(c);
	for (uint32_t i = 0; i < 24; i++) {
		if (i < 3)
			add_at(0, 0, BLOCK_READ, 0, 8);
		if (i < 16)
			add_at(0, 1, BLOCK_READ, 0, 8);
		add_at(1, 0, BLOCK_READ, 0, 8);
	}
	for (uint32_t i = 0; i < count; i++) {
		struct block_request *r = next();

		CHECK(r && (r->client == 1 ? '1' : r->queue ? 'a' : '0') == turns[i]);
		for (uint32_t k = 0; i == 15 && k < 5; k++)
			add_at(0, 0, BLOCK_READ, 0, 8);
		now += turns[i] == 'a' ? ticks : 0;
	}
}

static void a_queues_turn_goes_on_in_its_clients_next(void)
{
	struct iosched_config c = usual();

	c.max_budget_bytes = KIB(32);
	c.depth = 64;
	play_turns(&c, sizeof(turns) - 1, 0);
}

/* 5 times 50 in one turn, 260 in the next: too long, though neither turn of the client's was. */
static void a_queues_time_is_that_of_all_parts_of_its_turn(void)
{
	struct iosched_config c = usual();
	const struct iosched_audit *e;

	c.max_budget_bytes = KIB(32);
	c.depth = 64;
	c.timeout_tsc = 500;
	play_turns(&c, 33, 50);
	now += 199;
	CHECK(next() != NULL);
	CHECK(last(IOSCHED_EXPIRED, 0, 1) == NULL);
	now += 1;
	CHECK(next() != NULL);
	e = last(IOSCHED_EXPIRED, 0, 1);
	CHECK(e && e->reason == BFQ_TIMED_OUT && e->bytes == KIB(32));
	CHECK(!expired(0, BFQ_TIMED_OUT, KIB(32)));
}

static void what_is_removed_leaves_no_trace(void)
{
	struct iosched_config c = usual();
	struct block_request *r;

	clients[0].queue_count = 3;
	begin(&c);
	for (uint16_t i = 0; i < 6; i++)
		add_at(0, i % 3, BLOCK_READ, 0, 8);
	r = add(1, BLOCK_READ);
	for (uint32_t i = 0; i < 6; i++)
		CHECK(iosched_remove(&s, 0) != NULL);
	CHECK(iosched_remove(&s, 0) == NULL);
	CHECK(iosched_queued(&s) == 1);
	CHECK(next() == r && next() == NULL);
	CHECK(expired(0, BFQ_REMOVED, 0));
	iosched_done(&s, r, now);
	/* In service, and waited for: the same. */
	r = add_at(0, 1, BLOCK_READ, 0, 8);
	now += 1000;
	CHECK(next() == r);
	add_at(0, 1, BLOCK_READ, 0, 8);
	CHECK(iosched_remove(&s, 0) != NULL);
	add(1, BLOCK_READ);
	CHECK(next() == NULL);
	iosched_done(&s, r, now);
	now += 100;
	CHECK(next() != NULL);
}

/* Twice as fast as the default budget allows in a timeout: the budget becomes twice as large. */
static void the_largest_budget_is_measured_where_none_is_given(void)
{
	struct iosched_config c = usual();

	c.max_budget_bytes = 0;
	c.timeout_tsc = 100000;
	c.depth = 1;
	begin(&c);
	CHECK(s.bfq.budget_max == BFQ_DEFAULT);
	add_at(0, 0, BLOCK_READ, 0, 256);
	for (uint32_t i = 0; i < 20000; i++) {
		struct block_request *r = next();

		add_at(0, 0, BLOCK_READ, 0, 256); /* 128 KiB in 781 ticks: 16 MiB in 100000 */
		now += 781;
		iosched_done(&s, r, now);
	}
	CHECK(s.bfq.budget_max > 2 * BFQ_DEFAULT * 99 / 100);
	CHECK(s.bfq.budget_max < 2 * BFQ_DEFAULT * 101 / 100);
	/* A pause is not slowness. */
	now += 10000000;
	for (uint32_t i = 0; i < 2000; i++) {
		struct block_request *r = next();

		now += 781;
		iosched_done(&s, r, now);
		now += 1000000;
		add_at(0, 0, BLOCK_READ, 0, 256);
	}
	CHECK(s.bfq.budget_max > 2 * BFQ_DEFAULT * 95 / 100);
}

int main(void)
{
	RUN(a_reader_is_waited_for_while_its_request_is_in_flight_and_then_a_little);
	RUN(nobody_waits_where_that_was_not_asked_for);
	RUN(nobody_waits_for_asynchronous_writes);
	RUN(who_thinks_for_long_is_not_waited_for);
	RUN(who_reads_here_and_there_is_waited_for_if_weights_differ);
	RUN(budgets_grow_when_used_up_and_shrink_to_what_was_used);
	RUN(budgets_shrink_by_half_while_something_is_in_flight);
	RUN(fixed_budgets_stay);
	RUN(a_budget_is_never_less_than_the_longest_request);
	RUN(a_turn_that_takes_too_long_pays_for_its_whole_budget);
	RUN(who_slept_while_nobody_else_was_there_does_not_pay);
	RUN(a_time_that_has_passed_is_now);
	RUN(flushes_are_not_free);
	RUN(a_queue_is_waited_for_only_if_its_client_weighs_queues);
	RUN(a_queues_turn_goes_on_in_its_clients_next);
	RUN(a_queues_time_is_that_of_all_parts_of_its_turn);
	RUN(what_is_removed_leaves_no_trace);
	RUN(the_largest_budget_is_measured_where_none_is_given);
	return test_failed;
}

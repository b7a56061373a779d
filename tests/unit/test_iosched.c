/* SPDX-License-Identifier: Apache-2.0 */
/* The five schedulers by hand: small cases whose order can be said in a sentence. */
#include "io/iosched_state.h"
#include "tests/test.h"

static struct iosched s;
static struct block_request pool[64];
static uint32_t pool_used;
static uint64_t again;
static struct iosched_client_config clients[4];

static struct iosched_config config_of(enum iosched_kind kind, uint32_t client_count)
{
	for (uint32_t i = 0; i < 4; i++)
		clients[i] = (struct iosched_client_config){ .weight = 1,
							     .queue_count = 1,
							     .queue_weights = { 1, 1 },
							     .priority = i,
							     .budget_bytes = 8192,
							     .period_tsc = 100 };
	pool_used = 0;
	return (struct iosched_config){ .kind = kind,
					.client_count = client_count,
					.clients = clients,
					.depth = 4,
					.max_budget_bytes = KIB(64),
					.has_fixed_budgets = true,
					.read_expire_tsc = 50,
					.write_expire_tsc = 200,
					.tsc_hz = 1000 };
}

static struct block_request *add(uint16_t client, uint16_t queue, enum block_op op,
				 uint32_t sectors, uint64_t now)
{
	struct block_request *r = &pool[pool_used++];

	*r = (struct block_request){ .client = client,
				     .queue = queue,
				     .op = (uint8_t)op,
				     .sector = 1000u * client,
				     .sector_count = sectors };
	iosched_add(&s, r, now);
	return r;
}

static struct block_request *serve(uint64_t now)
{
	struct block_request *r = iosched_next(&s, now, &again);

	if (r)
		iosched_done(&s, r, now);
	return r;
}

static void configurations_that_make_no_sense_are_refused(void)
{
	struct iosched_config c = config_of(IOSCHED_BFQ, 2);

	CHECK(iosched_init(&s, &c) == OK);
	c.depth = 0;
	CHECK(iosched_init(&s, &c) == ERR_INVAL);
	c = config_of(IOSCHED_BFQ, 0);
	CHECK(iosched_init(&s, &c) == ERR_INVAL);
	c = config_of(IOSCHED_BFQ, IOSCHED_CLIENT_MAX + 1);
	CHECK(iosched_init(&s, &c) == ERR_INVAL);
	c = config_of(IOSCHED_KIND_COUNT, 1);
	CHECK(iosched_init(&s, &c) == ERR_INVAL);
	c = config_of(IOSCHED_BFQ, 1);
	c.max_budget_bytes = MIB(64);
	CHECK(iosched_init(&s, &c) == OK);
	c.max_budget_bytes += BLOCK_SECTOR_BYTES;
	CHECK(iosched_init(&s, &c) == ERR_INVAL);
	c.max_budget_bytes = 511;
	CHECK(iosched_init(&s, &c) == ERR_INVAL);
	c.max_budget_bytes = 0;
	CHECK(iosched_init(&s, &c) == OK);
	clients[0].weight = 0;
	CHECK(iosched_init(&s, &c) == ERR_INVAL);
	clients[0].weight = IOSCHED_WEIGHT_MAX;
	CHECK(iosched_init(&s, &c) == OK);
	clients[0].weight++;
	CHECK(iosched_init(&s, &c) == ERR_INVAL);
	c = config_of(IOSCHED_BFQ, 1);
	clients[0].queue_count = 3;
	CHECK(iosched_init(&s, &c) == ERR_INVAL);
	clients[0].queue_weights[2] = 7;
	CHECK(iosched_init(&s, &c) == OK);
	clients[0].queue_count = 0;
	CHECK(iosched_init(&s, &c) == ERR_INVAL);
	clients[0].queue_count = IOSCHED_QUEUE_MAX + 1;
	CHECK(iosched_init(&s, &c) == ERR_INVAL);
	c = config_of(IOSCHED_BUDGET, 1);
	CHECK(iosched_init(&s, &c) == OK);
	clients[0].period_tsc = 0;
	CHECK(iosched_init(&s, &c) == ERR_INVAL);
}

static void every_kind_gives_back_what_it_got_and_no_more_than_depth(void)
{
	for (enum iosched_kind k = 0; k < IOSCHED_KIND_COUNT; k++) {
		struct iosched_config c = config_of(k, 4);
		struct block_request *out[8];

		for (uint32_t i = 0; i < 4; i++)
			clients[i].budget_bytes = MIB(1);
		CHECK(iosched_init(&s, &c) == OK);
		CHECK(iosched_next(&s, 1, &again) == NULL && again == TSC_NEVER);
		for (uint16_t i = 0; i < 8; i++)
			add(i % 4, 0, i < 4 ? BLOCK_READ : BLOCK_WRITE, 8, 1);
		CHECK(iosched_queued(&s) == 8);
		for (uint32_t i = 0; i < 4; i++)
			CHECK((out[i] = iosched_next(&s, 2, &again)) != NULL);
		CHECK(iosched_next(&s, 2, &again) == NULL && again == TSC_NEVER);
		iosched_done(&s, out[0], 3);
		CHECK((out[4] = iosched_next(&s, 3, &again)) != NULL);
		CHECK(iosched_queued(&s) == 3);
		for (uint32_t i = 0; i < 4; i++) {
			while (iosched_remove(&s, i))
				;
		}
		CHECK(iosched_queued(&s) == 0);
		for (uint32_t i = 1; i < 5; i++) {
			iosched_done(&s, out[i], 4);
			for (uint32_t j = 0; j < i; j++)
				CHECK(out[i] != out[j]);
		}
	}
}

static void names_are_those_of_configurations(void)
{
	CHECK(iosched_name(IOSCHED_BFQ)[0] == 'b' && iosched_name(IOSCHED_NONE)[0] == 'n');
	CHECK(iosched_name(IOSCHED_KIND_COUNT)[0] == '?');
}

static void none_serves_in_the_order_of_arrival(void)
{
	struct iosched_config c = config_of(IOSCHED_NONE, 3);
	static const uint16_t order[] = { 2, 0, 0, 1, 2, 1 };

	CHECK(iosched_init(&s, &c) == OK);
	for (uint32_t i = 0; i < ARRAY_SIZE(order); i++)
		add(order[i], 0, i % 2 ? BLOCK_WRITE : BLOCK_READ, 8, 5);
	for (uint32_t i = 0; i < ARRAY_SIZE(order); i++)
		CHECK(serve(6) == &pool[i]);
	CHECK(serve(6) == NULL);
}

static void deadline_serves_reads_first_until_a_write_is_overdue(void)
{
	struct iosched_config c = config_of(IOSCHED_DEADLINE, 2);
	struct block_request *write, *read, *late;

	CHECK(iosched_init(&s, &c) == OK);
	write = add(0, 0, BLOCK_WRITE, 8, 10); /* due at 210 */
	read = add(1, 0, BLOCK_READ, 8, 11);
	CHECK(serve(12) == read);
	late = add(1, 0, BLOCK_READ, 8, 150);
	CHECK(serve(209) == late); /* overdue itself, and the write is not */
	late = add(1, 0, BLOCK_READ, 8, 170);
	CHECK(serve(209) == late); /* due later than the write, which is not overdue */
	late = add(1, 0, BLOCK_READ, 8, 171);
	add(1, 0, BLOCK_READ, 8, 205);
	CHECK(serve(210) == write); /* due at 210; the reads at 220 and later */
	CHECK(serve(211) == late);
	write = add(0, 0, BLOCK_WRITE, 8, 212);
	CHECK(serve(900) == &pool[5]); /* both overdue: the read for longer */
	CHECK(serve(900) == write);
}

static void a_flush_is_waited_for_like_a_read(void)
{
	struct iosched_config c = config_of(IOSCHED_DEADLINE, 1);
	struct block_request *flush;

	CHECK(iosched_init(&s, &c) == OK);
	add(0, 0, BLOCK_WRITE, 8, 1);
	flush = add(0, 0, BLOCK_FLUSH, 0, 2);
	CHECK(serve(3) == flush);
}

static void priority_serves_the_highest_and_only_then_others(void)
{
	struct iosched_config c = config_of(IOSCHED_PRIORITY, 3);

	CHECK(iosched_init(&s, &c) == OK);
	add(0, 0, BLOCK_READ, 8, 1);
	add(1, 0, BLOCK_READ, 8, 1);
	add(2, 0, BLOCK_WRITE, 8, 2);
	add(2, 0, BLOCK_READ, 8, 2);
	CHECK(serve(3) == &pool[2]);
	CHECK(serve(3) == &pool[3]);
	CHECK(serve(3) == &pool[1]);
	CHECK(serve(3) == &pool[0]);
}

/* The holder answers a completion after 5 ticks, which is within slice_idle: the others see `timeout`. */
static void priority_waits_for_who_was_served_last(void)
{
	struct iosched_config c = config_of(IOSCHED_PRIORITY, 3);

	c.slice_idle_tsc = 10;
	c.timeout_tsc = 40;
	CHECK(iosched_init(&s, &c) == OK);
	add(1, 0, BLOCK_READ, 8, 100);
	CHECK(serve(100) == &pool[0]);
	add(0, 0, BLOCK_READ, 8, 101);
	CHECK(serve(101) == NULL && again == 110);
	add(1, 0, BLOCK_READ, 8, 105);
	CHECK(serve(105) == &pool[2]);
	CHECK(serve(106) == NULL && again == 115);
	/* A higher one does not wait for a lower one; then the others wait for it. */
	add(2, 0, BLOCK_READ, 8, 107);
	CHECK(serve(107) == &pool[3]);
	CHECK(serve(116) == NULL && again == 117);
	CHECK(serve(117) == &pool[1]);
	/* In flight counts like a request that may come; timeout ends both. */
	add(2, 0, BLOCK_READ, 8, 200);
	add(0, 0, BLOCK_READ, 8, 200);
	CHECK(iosched_next(&s, 200, &again) == &pool[4]);
	CHECK(iosched_next(&s, 239, &again) == NULL && again == 240);
	CHECK(iosched_next(&s, 240, &again) == &pool[5]);
}

/* Whose requests come 20 ticks after the last is not waited for, once that is known. */
static void priority_does_not_wait_in_vain(void)
{
	struct iosched_config c = config_of(IOSCHED_PRIORITY, 2);
	uint64_t now = 100;

	c.slice_idle_tsc = 10;
	CHECK(iosched_init(&s, &c) == OK);
	for (uint32_t i = 0; i < 12; i++, now += 20) {
		add(1, 0, BLOCK_READ, 8, now);
		CHECK(serve(now) == &pool[i]);
	}
	add(0, 0, BLOCK_READ, 8, now - 19);
	CHECK(serve(now - 19) == &pool[12]);
}

/* 8192 bytes every 100 ticks from the first request on. */
static void budgets_are_spent_by_priority_and_come_back_at_the_period(void)
{
	struct iosched_config c = config_of(IOSCHED_BUDGET, 2);

	CHECK(iosched_init(&s, &c) == OK);
	for (uint32_t i = 0; i < 4; i++)
		add(1, 0, BLOCK_READ, 12, 1000); /* 6144 bytes: two of them are 4096 too many */
	add(0, 0, BLOCK_READ, 8, 1000);
	CHECK(serve(1000) == &pool[0]);
	CHECK(serve(1000) == &pool[1]);
	CHECK(serve(1001) == &pool[4]); /* the other client's, which has its own */
	CHECK(serve(1001) == NULL && again == 1100);
	CHECK(serve(1099) == NULL && again == 1100);
	CHECK(serve(1100) == &pool[2]); /* 8192 - 4096 */
	CHECK(serve(1100) == NULL && again == 1200);
	/* Five periods later it is one budget all the same, less what was too much: 6144. */
	CHECK(serve(1650) == &pool[3]);
	add(1, 0, BLOCK_READ, 1, 1650);
	CHECK(serve(1650) == NULL && again == 1700);
	CHECK(serve(1700) == &pool[5]);
	/* What is left is not saved: 8192 again, after 512 of it. */
	for (uint32_t i = 0; i < 3; i++)
		add(1, 0, BLOCK_READ, 16, 1700);
	CHECK(serve(1800) == &pool[6]);
	CHECK(serve(1800) == NULL && again == 1900);
}

int main(void)
{
	RUN(configurations_that_make_no_sense_are_refused);
	RUN(every_kind_gives_back_what_it_got_and_no_more_than_depth);
	RUN(names_are_those_of_configurations);
	RUN(none_serves_in_the_order_of_arrival);
	RUN(deadline_serves_reads_first_until_a_write_is_overdue);
	RUN(a_flush_is_waited_for_like_a_read);
	RUN(priority_serves_the_highest_and_only_then_others);
	RUN(priority_waits_for_who_was_served_last);
	RUN(priority_does_not_wait_in_vain);
	RUN(budgets_are_spent_by_priority_and_come_back_at_the_period);
	return test_failed;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* tests/unit/test_shaper.c - token buckets of functions that share a link, rule by rule. */
#include "io/shaper.h"
#include "tests/test.h"

#define LINK  125000000u
#define BURST MS(4)

static struct shaper s;
static uint64_t now;
static uint64_t sent[SHAPER_CLIENT_MAX]; /* bytes */

static void begin(uint64_t link)
{
	now = SEC(5);
	shaper_init(&s, link, BURST, now);
	for (uint32_t i = 0; i < SHAPER_CLIENT_MAX; i++)
		sent[i] = 0;
}

static uint32_t add(uint64_t usual, uint64_t most, uint32_t priority)
{
	struct shaper_claim c = { .bytes = { usual, usual / 2, most }, .priority = priority };

	return shaper_add(&s, &c);
}

/* Watched frame by frame: each of them sends whenever it may; ticks are `step` apart. */
static void all_send(uint64_t wanting, uint64_t step, uint64_t duration)
{
	for (uint64_t end = now + duration; now < end;) {
		now += step;
		shaper_tick(&s, now);
		for (uint32_t i = 0; i < s.count; i++)
			while ((wanting >> i & 1) && shaper_is_open(&s, i)) {
				shaper_take(&s, i, 1, 1500);
				sent[i] += 1500;
			}
	}
}

/* Within a part in `parts` of what it should be. */
static bool is_near(uint64_t value, uint64_t wanted, uint64_t parts)
{
	uint64_t difference = value > wanted ? value - wanted : wanted - value;

	return difference * parts <= wanted;
}

static void one_has_exactly_its_rate(void)
{
	begin(0);
	add(1000000, 1000000, 0);
	all_send(1, MS(1), SEC(10));
	CHECK(is_near(sent[0], 10000000, 1000));
}

static void packets_are_limited_too(void)
{
	struct shaper_claim c = { .packets = { 150, 150, 150 } };
	uint64_t packets = 0;

	begin(LINK);
	shaper_add(&s, &c);
	for (uint32_t i = 0; i < 20000; i++) {
		now += MS(1) / 2;
		shaper_tick(&s, now);
		for (; shaper_is_open(&s, 0); packets++)
			shaper_take(&s, 0, 1, 60);
	}
	CHECK(packets >= 1499 && packets <= 1501);
	CHECK(s.clients[0].closed_count == 20000);
}

static void without_a_tuple_and_a_link_there_is_no_limit(void)
{
	begin(0);
	add(0, 0, 0);
	for (uint32_t i = 0; i < 1000; i++) {
		CHECK(shaper_is_open(&s, 0));
		shaper_take(&s, 0, UINT64_MAX, UINT64_MAX);
	}
	shaper_tick(&s, now + SEC(1000));
	CHECK(shaper_is_open(&s, 0));
}

/* Found out 10 ms later: it has taken 40 ms' worth, and waits them out. */
static void a_debt_is_waited_out(void)
{
	uint32_t closed = 0;

	begin(0);
	add(1000000, 1000000, 0);
	all_send(1, MS(1), SEC(1));
	shaper_take(&s, 0, 27, 40000);
	while (!shaper_is_open(&s, 0)) {
		now += MS(1);
		shaper_tick(&s, now);
		closed++;
	}
	CHECK(closed >= 39 && closed <= 42);
}

static void what_is_not_used_is_kept_for_a_burst_only(void)
{
	begin(0);
	add(1000000, 1000000, 0);
	all_send(0, MS(1), SEC(10));
	all_send(1, MS(1), MS(1));
	CHECK(sent[0] >= 4000 && sent[0] <= 4000 + 1500);
}

static void the_rest_goes_to_who_wants_more(void)
{
	begin(LINK);
	add(25000000, 25000000, 0); /* a fifth, sends nothing */
	add(25000000, 0, 0);
	add(0, 0, 0);
	all_send(6, MS(1), SEC(4));
	CHECK(sent[0] == 0);
	CHECK(is_near(sent[1] + sent[2], 4ull * LINK, 100));
	/* What client 0 leaves and what nobody counts on, in halves: 50 and 50 MB/s. */
	CHECK(is_near(sent[2], 200000000, 50));
	CHECK(is_near(sent[1], 300000000, 50));
}

static void who_counts_on_it_has_it_back_at_once(void)
{
	begin(LINK);
	add(100000000, 0, 0);
	add(0, 0, 0);
	all_send(2, MS(1), SEC(2));
	CHECK(is_near(sent[1], 2ull * LINK, 100));
	sent[1] = 0;
	all_send(3, MS(1), SEC(1));
	CHECK(sent[0] >= 100000000 / 1000 * 990);
	CHECK(is_near(sent[0] + sent[1], LINK, 100));
}

static void nobody_gets_more_than_its_max(void)
{
	begin(LINK);
	add(10000000, 30000000, 0);
	add(10000000, 20000000, 0);
	all_send(3, MS(1), SEC(4));
	CHECK(is_near(sent[0], 120000000, 100));
	CHECK(is_near(sent[1], 80000000, 100));
}

static void priority_decides_who_gets_the_rest(void)
{
	begin(LINK);
	add(25000000, 0, 1);
	add(25000000, 45000000, 7);
	add(25000000, 0, 3);
	all_send(7, MS(1), SEC(4));
	CHECK(is_near(sent[1], 4ull * 45000000, 100));
	CHECK(is_near(sent[2], 4ull * 55000000, 100));
	CHECK(is_near(sent[0], 4ull * 25000000, 100));
}

static void sixty_four_share_equally(void)
{
	begin(LINK);
	for (uint32_t i = 0; i < SHAPER_CLIENT_MAX; i++)
		add(0, 0, 0);
	all_send(UINT64_MAX, MS(1), SEC(4));
	for (uint32_t i = 0; i < SHAPER_CLIENT_MAX; i++)
		CHECK(is_near(sent[i], 4ull * LINK / 64, 50));
	/* And one of them alone has it all. */
	sent[3] = 0;
	all_send(8, MS(1), SEC(4));
	CHECK(is_near(sent[3], 4ull * LINK, 50));
}

/* While nobody sent, the link has not been saved up. */
static void a_quiet_link_is_no_reserve(void)
{
	begin(LINK);
	for (uint32_t i = 0; i < 3; i++)
		add(0, 0, 0);
	all_send(0, MS(1), SEC(10));
	all_send(7, MS(1), SEC(1));
	CHECK(sent[0] + sent[1] + sent[2] <= LINK / 1000 * 1010);
}

/* The planner would have refused it: who counts on something has it, and nobody has anything beyond. */
static void a_link_that_is_promised_twice_gives_nothing_away(void)
{
	begin(LINK);
	add(LINK, LINK, 0);
	add(LINK / 2, LINK / 2, 0);
	add(0, 0, 0);
	CHECK(s.clients[2].bytes.room == 1);
	all_send(7, MS(1), SEC(1));
	CHECK(is_near(sent[0], LINK, 100) && is_near(sent[1], LINK / 2, 100) &&
	      sent[2] <= LINK / 1000);
}

static void time_that_stands_still_or_goes_back_gives_nothing(void)
{
	begin(LINK);
	add(1000000, 1000000, 0);
	all_send(1, MS(1), MS(10));
	sent[0] = 0;
	for (uint32_t i = 0; i < 1000; i++)
		shaper_tick(&s, now - i % 2);
	CHECK(!shaper_is_open(&s, 0));
	/* And after a very long time, a burst. */
	shaper_tick(&s, UINT64_MAX);
	CHECK(s.clients[0].bytes.tokens <= (INT64_C(4001) << 16));
}

/* Ticks of a few ns add up to what one tick of their sum is. */
static void short_ticks_lose_nothing(void)
{
	uint64_t once;

	begin(LINK);
	add(1000000, 1000000, 0);
	shaper_take(&s, 0, 0, 100000);
	shaper_tick(&s, now + MS(10));
	once = s.clients[0].bytes.filled;
	begin(LINK);
	add(1000000, 1000000, 0);
	shaper_take(&s, 0, 0, 100000);
	for (uint64_t t = 3; t <= MS(10); t += 7)
		shaper_tick(&s, now + t);
	CHECK(is_near(s.clients[0].bytes.filled, once, 1000));
}

int main(void)
{
	RUN(one_has_exactly_its_rate);
	RUN(packets_are_limited_too);
	RUN(without_a_tuple_and_a_link_there_is_no_limit);
	RUN(a_debt_is_waited_out);
	RUN(what_is_not_used_is_kept_for_a_burst_only);
	RUN(the_rest_goes_to_who_wants_more);
	RUN(who_counts_on_it_has_it_back_at_once);
	RUN(nobody_gets_more_than_its_max);
	RUN(priority_decides_who_gets_the_rest);
	RUN(sixty_four_share_equally);
	RUN(a_quiet_link_is_no_reserve);
	RUN(a_link_that_is_promised_twice_gives_nothing_away);
	RUN(time_that_stands_still_or_goes_back_gives_nothing);
	RUN(short_ticks_lose_nothing);
	return test_failed;
}

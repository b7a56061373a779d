/* SPDX-License-Identifier: Apache-2.0 */
/* The checker of disks' trails: a trail made by hand passes, and nothing that breaks a rule does. */
#include "tests/model/disk_audit.h"
#include "tests/test.h"

/* Weights 1 and 3; budgets of 8 sectors: turns are 8 long for client 0, 8/3 for client 1. */
static struct disk_audit a;

static void begin(uint32_t second_weight)
{
	static struct iosched_client_config clients[3] = {
		{ .weight = 1, .queue_count = 1, .queue_weights = { 1 } },
		{ .weight = 3, .queue_count = 1, .queue_weights = { 1 } },
		{ .weight = 4, .queue_count = 1, .queue_weights = { 1 } }
	};

	clients[1].weight = second_weight;
	disk_audit_init(&a, &(struct iosched_config){ .kind = IOSCHED_BFQ,
						      .client_count = 3,
						      .clients = clients,
						      .depth = 1000 });
}

static bool say(enum iosched_event event, uint16_t who, uint32_t sectors, uint8_t reason)
{
	bool is_turn = event >= IOSCHED_ACTIVATED;

	return disk_audit_record(&a,
				 &(struct iosched_audit){ .event = (uint8_t)event,
							  .reason = reason,
							  .client = who,
							  .queue = is_turn ? IOSCHED_NO_QUEUE : 0,
							  .bytes = sectors * 512 });
}

/* So many requests, and it waits with a budget of 8 sectors. */
static bool comes(uint16_t who, uint32_t requests)
{
	bool ok = true;

	while (requests-- > 0)
		ok = say(IOSCHED_ADDED, who, 8, 0) && ok;
	return say(IOSCHED_ACTIVATED, who, 8, 0) && ok;
}

/* A turn of one request of so many sectors; the client waits again if it has more. */
static bool turn(uint16_t who, uint32_t sectors, bool has_more)
{
	return say(IOSCHED_SELECTED, who, 8, 0) && say(IOSCHED_DISPATCHED, who, sectors, 0) &&
	       say(IOSCHED_EXPIRED, who, sectors, 0) &&
	       (!has_more || say(IOSCHED_ACTIVATED, who, 8, 0));
}

static void a_fair_trail_passes(void)
{
	begin(3);
	CHECK(comes(0, 9) && comes(1, 9));
	for (uint32_t i = 0; i < 2; i++) { /* by F: 8/3; 16/3 when V is 2 2/3: not yet */
		CHECK(turn(1, 8, true));
		CHECK(turn(0, 8, true));
		CHECK(turn(1, 8, true));
		CHECK(turn(1, 8, true));
	}
	CHECK(!a.wrong && a.choices == 8);
	CHECK(a.root.vtime == (unsigned __int128)16 * ((uint64_t)1 << 41) / 1);
	CHECK(a.root.children[0].lag_max > 0 && a.root.children[0].lag_max <= 8 * 512);
}

static void a_later_finish_does_not_pass(void)
{
	begin(3);
	CHECK(comes(0, 9) && comes(1, 9));
	CHECK(!turn(0, 8, true) && a.wrong);
}

static void a_start_to_come_does_not_pass(void)
{
	begin(3);
	CHECK(comes(0, 9) && comes(1, 9));
	/* V = 2, and client 1 begins at 2 2/3. Its F of 5 1/3 is the earliest all the same. */
	CHECK(turn(1, 8, true) && !turn(1, 8, true));
}

static void of_equals_the_one_that_waits_for_longer_is_first(void)
{
	begin(1);
	CHECK(comes(0, 9) && comes(1, 9));
	CHECK(!turn(1, 8, true));
	begin(1);
	CHECK(comes(0, 9) && comes(1, 9));
	CHECK(turn(0, 8, true) && turn(1, 8, true));
}

static void turns_do_not_overlap(void)
{
	begin(3);
	CHECK(comes(0, 9) && comes(1, 9));
	CHECK(say(IOSCHED_SELECTED, 1, 8, 0) && !say(IOSCHED_SELECTED, 0, 8, 0));
	begin(3);
	CHECK(comes(0, 9) && comes(1, 9));
	CHECK(say(IOSCHED_SELECTED, 1, 8, 0) && !say(IOSCHED_DISPATCHED, 0, 8, 0));
}

static void budgets_and_charges_are_what_they_are(void)
{
	begin(3);
	CHECK(comes(0, 9) && say(IOSCHED_SELECTED, 0, 8, 0));
	CHECK(say(IOSCHED_DISPATCHED, 0, 7, 0) && !say(IOSCHED_DISPATCHED, 0, 2, 0));
	begin(3);
	CHECK(comes(0, 9) && say(IOSCHED_SELECTED, 0, 8, 0) && say(IOSCHED_DISPATCHED, 0, 7, 0));
	CHECK(!say(IOSCHED_EXPIRED, 0, 8, 0));
	begin(3);
	CHECK(comes(0, 9) && say(IOSCHED_SELECTED, 0, 8, 0) && say(IOSCHED_DISPATCHED, 0, 7, 0));
	CHECK(say(IOSCHED_EXPIRED, 0, 8, 1)); /* it timed out */
	begin(3);
	CHECK(comes(0, 9) && !say(IOSCHED_SELECTED, 0, 9, 0));
}

/*
 * Client 2 (weight 4) gets a turn at once and leaves, at V = 1, with F = 2. Until V is there, 8 sectors
 * still move V by 1; and when it comes back before, it begins at 2.
 */
static void who_has_left_counts_until_its_finish(void)
{
	begin(3);
	CHECK(comes(0, 9) && comes(1, 9) && comes(2, 1));
	CHECK(turn(2, 8, false)); /* V = 1 */
	CHECK(a.root.children[2].state == AUDIT_LINGERING);
	CHECK(comes(2, 1));
	CHECK(a.root.children[2].start == (unsigned __int128)2 * ((uint64_t)1 << 41));
	CHECK(turn(1, 8, true)); /* V = 2 */
	CHECK(turn(2, 8, false));
	CHECK(a.root.vtime == (unsigned __int128)3 * ((uint64_t)1 << 41));
	CHECK(turn(1, 8, true)); /* S = 2 2/3 */
	CHECK(a.root.vtime == (unsigned __int128)4 * ((uint64_t)1 << 41));
	CHECK(a.root.children[2].state == AUDIT_AWAY);
}

static void lag_has_a_bound(void)
{
	struct iosched_audit dispatched = { .event = IOSCHED_DISPATCHED, .bytes = 8 * 512 };
	bool ok = true;

	begin(3);
	CHECK(comes(0, 999) && comes(1, 999));
	CHECK(say(IOSCHED_SELECTED, 1, 8, 0));
	/* The budget that nobody has: else this would be found out by the other rules at once. */
	a.root.children[1].budget = 1u << 30;
	dispatched.client = 1;
	for (uint32_t i = 0; i < 900 && ok; i++)
		ok = disk_audit_record(&a, &dispatched);
	CHECK(!ok && a.root.children[0].lag > 8 * 512);
}

static void what_is_not_there_does_not_pass(void)
{
	begin(3);
	CHECK(!say(IOSCHED_ACTIVATED, 0, 8, 0));
	begin(3);
	CHECK(!say(IOSCHED_DISPATCHED, 0, 8, 0));
	begin(3);
	CHECK(!say(IOSCHED_COMPLETED, 0, 8, 0));
	begin(3);
	CHECK(!say(IOSCHED_ADDED, 3, 8, 0));
	begin(3);
	CHECK(!say(IOSCHED_EXPIRED, 0, 0, 0));
	begin(3);
	a.depth = 2;
	CHECK(comes(0, 9) && say(IOSCHED_SELECTED, 0, 8, 0));
	CHECK(say(IOSCHED_DISPATCHED, 0, 1, 0) && say(IOSCHED_DISPATCHED, 0, 1, 0));
	CHECK(!say(IOSCHED_DISPATCHED, 0, 1, 0));
}

int main(void)
{
	RUN(a_fair_trail_passes);
	RUN(a_later_finish_does_not_pass);
	RUN(a_start_to_come_does_not_pass);
	RUN(of_equals_the_one_that_waits_for_longer_is_first);
	RUN(turns_do_not_overlap);
	RUN(budgets_and_charges_are_what_they_are);
	RUN(who_has_left_counts_until_its_finish);
	RUN(lag_has_a_bound);
	RUN(what_is_not_there_does_not_pass);
	return test_failed;
}

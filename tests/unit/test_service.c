/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core/service.c: steps in the order in which they are due, wishes of others that are never lost, and
 * no wake that is for nothing.
 */
#include <pthread.h>
#include <string.h>
#include "arch/pc.h"
#include "core/run.h"
#include "core/service.h"
#include "tests/test.h"

#define WISHES 200000u

struct partition partitions[MAX_PARTITIONS];
uint32_t partition_count;

/* What is served: when each wants its next step, and the order in which they got theirs. */
static uint64_t next_tsc[SERVICE_KIND_COUNT];
static char order[64];
static uint32_t wakes, summaries, cuts;
static uint64_t woken_at_tsc;
static bool devices_are_quiet, disks_are_quiet;
static enum err start_error, place_error;
static uint32_t places;
static void (*during_step)(void);

static uint64_t serve(enum service_kind kind, char name)
{
	if (strlen(order) + 1 < sizeof(order))
		order[strlen(order)] = name;
	if (during_step)
		during_step();
	return next_tsc[kind];
}

static uint64_t serve_disks(uint64_t now_tsc)
{
	return serve(SERVICE_DISKS, 'k');
}

static uint64_t serve_devices(uint64_t now_tsc)
{
	return serve(SERVICE_DEVICES, 'v');
}

static enum err start_disks(const struct config *system, const struct plan *plan,
			    const char **reason)
{
	order[strlen(order)] = 'K';
	return start_error;
}

static enum err start_devices(const struct config *system, const struct plan *plan,
			      const char **reason)
{
	order[strlen(order)] = 'V';
	return OK;
}

static void cut_off(const struct partition *p)
{
	cuts++;
}

static bool disks_quiet(const struct partition *p)
{
	cuts += 10;
	return disks_are_quiet;
}

static bool devices_quiet(const struct partition *p)
{
	cuts += 100;
	return devices_are_quiet;
}

static void summarize(void)
{
	summaries++;
}

const struct service_ops disk_service = { start_disks, serve_disks, cut_off, disks_quiet,
					  summarize };
const struct service_ops device_service = { start_devices, serve_devices, cut_off, devices_quiet,
					    NULL };

void partition_make_service(const struct config *system, const struct plan *plan)
{
}

enum err arch_pc_place_functions(part_id_t part)
{
	places |= BIT32(part);
	return place_error;
}

void run_wake_service(uint64_t at_tsc)
{
	__atomic_fetch_add(&wakes, 1, __ATOMIC_SEQ_CST);
	woken_at_tsc = at_tsc;
}

/* Both have had a first step, and want the next at these times. */
static void start_with(uint64_t disks_tsc, uint64_t devices_tsc)
{
	const char *reason;

	partition_count = 0;
	CHECK(service_start(NULL, NULL, &reason) == OK);
	next_tsc[SERVICE_DISKS] = disks_tsc;
	next_tsc[SERVICE_DEVICES] = devices_tsc;
	(void)service_step(1);
	CHECK(service_step(2) == min_u64(disks_tsc, devices_tsc));
	memset(order, 0, sizeof(order));
	wakes = 0;
}

static void all_are_started_and_placed(void)
{
	static const struct partition_config configs[] = { { .name = "none" },
							   { .name = "disks", .disk_count = 1 },
							   { .name = "both", .device_count = 1 } };
	const char *reason = NULL;

	memset(order, 0, sizeof(order));
	for (partition_count = 0; partition_count < ARRAY_SIZE(configs); partition_count++)
		partitions[partition_count].config = &configs[partition_count];
	CHECK(service_start(NULL, NULL, &reason) == OK && strcmp(order, "VK") == 0);
	CHECK(places == 6);
	places = 0;
	place_error = ERR_NOMEM;
	CHECK(service_start(NULL, NULL, &reason) == ERR_NOMEM && strstr(reason, "'disks'"));
	start_error = ERR_NODEV;
	places = 0;
	CHECK(service_start(NULL, NULL, &reason) == ERR_NODEV && places == 0);
	start_error = place_error = OK;
}

static void a_step_is_of_whoever_is_due_first(void)
{
	start_with(100, 200);
	CHECK(service_step(99) == 100 && strcmp(order, "") == 0);
	next_tsc[SERVICE_DISKS] = 300;
	CHECK(service_step(500) == 200 && strcmp(order, "k") == 0);
	next_tsc[SERVICE_DEVICES] = 301;
	CHECK(service_step(500) == 500 && strcmp(order, "kv") == 0);
	next_tsc[SERVICE_DISKS] = TSC_NEVER;
	CHECK(service_step(500) == 500 && strcmp(order, "kvk") == 0);
	next_tsc[SERVICE_DEVICES] = TSC_NEVER;
	CHECK(service_step(500) == TSC_NEVER && strcmp(order, "kvkv") == 0);
	CHECK(service_step(TSC_NEVER - 1) == TSC_NEVER && strcmp(order, "kvkv") == 0);
}

/* As a side core is that polls. */
static void who_is_always_due_leaves_others_their_turn(void)
{
	start_with(100, 200);
	next_tsc[SERVICE_DISKS] = 0;
	next_tsc[SERVICE_DEVICES] = 250;
	CHECK(service_step(100) == 100 && service_step(199) == 199);
	CHECK(strcmp(order, "kk") == 0);
	CHECK(service_step(210) == 200 && service_step(220) == 210);
	CHECK(service_step(230) == 230 && strcmp(order, "kkkvk") == 0);
	next_tsc[SERVICE_DEVICES] = 0; /* both of them, then in turns */
	for (uint64_t t = 260; t < 300; t += 10)
		CHECK(service_step(t) <= t);
	CHECK(strstr(order, "kvkv") || strstr(order, "vkvk"));
}

static void a_wish_comes_at_its_time_and_once(void)
{
	start_with(TSC_NEVER, TSC_NEVER);
	service_want(SERVICE_DISKS, 50);
	CHECK(wakes == 1 && woken_at_tsc == 50);
	CHECK(service_step(40) == 50 && strcmp(order, "") == 0);
	CHECK(service_step(50) == TSC_NEVER && strcmp(order, "k") == 0);
	CHECK(service_step(60) == TSC_NEVER && strcmp(order, "k") == 0);
	service_want(SERVICE_DEVICES, 0);
	service_want(SERVICE_DISKS, 70);
	CHECK(service_step(61) == 70 && strcmp(order, "kv") == 0);
	CHECK(service_step(70) == TSC_NEVER && strcmp(order, "kvk") == 0);
}

/* A later wish never puts an earlier one off, nor what is due anyway. */
static void the_earliest_wish_counts(void)
{
	start_with(100, TSC_NEVER);
	service_want(SERVICE_DISKS, 150);
	CHECK(wakes == 0 && service_step(10) == 100);
	service_want(SERVICE_DISKS, 80);
	service_want(SERVICE_DISKS, 90);
	CHECK(wakes == 1 && woken_at_tsc == 80 && service_step(10) == 80);
	service_want(SERVICE_DISKS, TSC_NEVER);
	CHECK(wakes == 1 && service_step(10) == 80);
}

static void nobody_wakes_it_for_nothing(void)
{
	start_with(100, 200);
	service_want(SERVICE_DISKS, 50);
	service_want(SERVICE_DISKS, 50);
	service_want(SERVICE_DISKS, 60);
	service_want(SERVICE_DEVICES, 50);
	CHECK(wakes == 1 && woken_at_tsc == 50);
	service_want(SERVICE_DEVICES, 49);
	CHECK(wakes == 2 && woken_at_tsc == 49);
	service_want(SERVICE_DISKS, 0);
	CHECK(wakes == 3 && woken_at_tsc == 0);
	service_want(SERVICE_DISKS, 0);
	CHECK(wakes == 3);
	CHECK(service_step(10) == 49);
	service_want(SERVICE_DISKS, 49);
	CHECK(wakes == 3);
}

/* While it steps it looks at wishes by itself before it sleeps. */
static void wish(void)
{
	service_want(SERVICE_DEVICES, 30);
}

static void a_wish_during_a_step_is_seen_in_it(void)
{
	start_with(10, 200);
	next_tsc[SERVICE_DISKS] = TSC_NEVER;
	during_step = wish;
	CHECK(service_step(10) == 30);
	during_step = NULL;
	CHECK(wakes == 0 && strcmp(order, "k") == 0);
	service_want(SERVICE_DISKS, 30);
	CHECK(wakes == 0); /* it is awake then anyway */
	service_want(SERVICE_DISKS, 29);
	CHECK(wakes == 1);
}

static void it_is_not_woken_before_it_has_a_budget(void)
{
	start_with(10, 200);
	service_wait_until(1000);
	service_want(SERVICE_DISKS, 0);
	service_want(SERVICE_DEVICES, 999);
	CHECK(wakes == 0);
	next_tsc[SERVICE_DISKS] = TSC_NEVER;
	CHECK(service_step(1000) == 200 && strcmp(order, "k") == 0);
	next_tsc[SERVICE_DEVICES] = TSC_NEVER;
	CHECK(service_step(1001) == TSC_NEVER && strcmp(order, "kv") == 0);
	wakes = 0;
	service_want(SERVICE_DISKS, 1100);
	CHECK(wakes == 1 && woken_at_tsc == 1100);
	service_want(SERVICE_DISKS, 0);
	CHECK(wakes == 2 && woken_at_tsc == 1000); /* gone by: at once */
}

static void everybody_hears_of_an_end(void)
{
	const struct partition p = { 0 };

	cuts = summaries = 0;
	service_cut_off(&p);
	CHECK(cuts == 2);
	for (uint32_t i = 0; i < 4; i++) {
		cuts = 0;
		disks_are_quiet = i & 1;
		devices_are_quiet = i & 2;
		CHECK(service_is_quiet(&p) == (i == 3) && cuts == 110);
	}
	service_summarize();
	CHECK(summaries == 1);
}

/* ---- Threads ---- */

static uint64_t asked, served;

static void *wisher(void *context)
{
	for (uint32_t i = 0; i < WISHES; i++) {
		__atomic_store_n(&asked, i + 1, __ATOMIC_SEQ_CST);
		service_want(i & 1 ? SERVICE_DISKS : SERVICE_DEVICES, 0);
		/* It goes on when it was served: half of the time at once. */
		while ((i & 2) && __atomic_load_n(&served, __ATOMIC_SEQ_CST) <= i)
			;
	}
	return NULL;
}

static void note_asked(void)
{
	__atomic_store_n(&served, __atomic_load_n(&asked, __ATOMIC_SEQ_CST), __ATOMIC_SEQ_CST);
}

/* It sleeps when nothing is due, and only a wake ends that: a lost one shows as a standstill. */
static void no_wish_of_another_core_is_lost(void)
{
	uint64_t idle = 0;
	uint32_t seen = 0, now = 0;
	pthread_t thread;

	start_with(TSC_NEVER, TSC_NEVER);
	during_step = note_asked;
	seen = __atomic_load_n(&wakes, __ATOMIC_SEQ_CST);
	CHECK(pthread_create(&thread, NULL, wisher, NULL) == 0);
	while (__atomic_load_n(&served, __ATOMIC_SEQ_CST) < WISHES && idle < 2000000000) {
		if (service_step(1) <= 1)
			continue;
		for (idle = 0; idle < 2000000000; idle++) {
			now = __atomic_load_n(&wakes, __ATOMIC_SEQ_CST);
			if (now != seen || __atomic_load_n(&served, __ATOMIC_SEQ_CST) == WISHES)
				break;
		}
		seen = now;
	}
	during_step = NULL;
	CHECK(served == WISHES && idle < 2000000000);
	if (idle < 2000000000)
		pthread_join(thread, NULL);
	CHECK(wakes <= WISHES);
}

int main(void)
{
	RUN(all_are_started_and_placed);
	RUN(a_step_is_of_whoever_is_due_first);
	RUN(who_is_always_due_leaves_others_their_turn);
	RUN(a_wish_comes_at_its_time_and_once);
	RUN(the_earliest_wish_counts);
	RUN(nobody_wakes_it_for_nothing);
	RUN(a_wish_during_a_step_is_seen_in_it);
	RUN(it_is_not_woken_before_it_has_a_budget);
	RUN(everybody_hears_of_an_end);
	RUN(no_wish_of_another_core_is_lost);
	return test_failed;
}

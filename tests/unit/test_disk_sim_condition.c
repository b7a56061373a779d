/* SPDX-License-Identifier: Apache-2.0 */
/* Conditions of the data set: how they are drawn, printed and read; what is no condition. */
#include "tools/sim/condition.h"
#include <string.h>
#include "tests/test.h"

#define SEED  1u
#define DRAWN 4000u /* a tenth of all */

static char line[CONDITION_LINE_BYTES];

static bool is_in(uint32_t value, const uint32_t *table, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		if (table[i] == value)
			return true;
	}
	return false;
}

/* Paper 000, Table II. */
static bool is_paper_weight(uint32_t weight)
{
	return is_in(weight, (const uint32_t[]){ 50, 100, 150, 250, 300, 500, 700 }, 7);
}

static bool is_paper_iops(uint32_t iops)
{
	return is_in(iops, (const uint32_t[]){ 100, 500, 1500 }, 3);
}

static bool is_paper_setting(const struct disk_load *load)
{
	return is_in((uint32_t)(load->slice_idle_ns / MS(1)), (const uint32_t[]){ 1, 2, 4, 6, 8 },
		     5) &&
	       is_in((uint32_t)(load->timeout_ns / MS(1)), (const uint32_t[]){ 32, 64, 124 }, 3);
}

/* Weights, IOPS and equal weights of tasks as in the table. */
static bool is_paper_load(const struct disk_load *load)
{
	for (uint32_t g = 0; g < load->guest_count; g++) {
		const struct disk_load_guest *guest = &load->guests[g];

		if (!is_paper_weight(guest->weight))
			return false;
		for (uint32_t t = 0; t < guest->task_count; t++) {
			if (!is_paper_iops(guest->tasks[t].iops) || guest->tasks[t].weight != 100)
				return false;
		}
	}
	return true;
}

static void the_sets_have_the_conditions_that_they_are_said_to_have(void)
{
	uint32_t counts[CONDITION_SET_COUNT] = { 0 }, of_paper = 0, guests[5] = { 0 }, idle_0 = 0;

	for (uint32_t i = 0; i < DRAWN; i++) {
		struct condition c;

		condition_draw(&c, SEED, i);
		CHECK(c.number == counts[c.set]++);
		guests[c.load.guest_count]++;
		idle_0 += c.load.slice_idle_ns == 0;
		if (c.set == CONDITION_OUT_OF_GRID)
			continue;
		if (c.number % 9 < 7)
			CHECK(is_paper_load(&c.load) && is_paper_setting(&c.load));
		of_paper += c.set == CONDITION_FIT && is_paper_load(&c.load) &&
			    is_paper_setting(&c.load);
	}
	CHECK(counts[CONDITION_FIT] == DRAWN / 20 * 18 && counts[CONDITION_HELD_OUT] == DRAWN / 20);
	/* So that all 40,000 have the 28,000 of the paper. */
	CHECK(of_paper * (CONDITION_COUNT / DRAWN) >= 28000);
	for (uint32_t n = 1; n <= 4; n++)
		CHECK(guests[n] > (n * 10 - 2) * DRAWN / 100 &&
		      guests[n] < (n * 10 + 2) * DRAWN / 100);
	CHECK(idle_0 > DRAWN / 20);
}

static void out_of_grid_has_nothing_of_table_2_in_its_loads(void)
{
	uint32_t iops_low = UINT32_MAX, iops_high = 0;

	for (uint32_t i = 1; i < DRAWN; i += 20) {
		struct condition c;

		condition_draw(&c, SEED, i);
		CHECK(c.set == CONDITION_OUT_OF_GRID);
		for (uint32_t g = 0; g < c.load.guest_count; g++) {
			const struct disk_load_guest *guest = &c.load.guests[g];

			CHECK(guest->weight >= 10 && guest->weight <= 1000);
			CHECK(!is_paper_weight(guest->weight));
			for (uint32_t t = 0; t < guest->task_count; t++) {
				const uint32_t iops = guest->tasks[t].iops;

				CHECK(iops >= 50 && iops <= 3000);
				iops_low = iops < iops_low ? iops : iops_low;
				iops_high = iops > iops_high ? iops : iops_high;
				CHECK(guest->tasks[t].weight == 100 ||
				      !is_paper_weight(guest->tasks[t].weight));
			}
		}
	}
	CHECK(iops_low < 60 && iops_high > 2700);
}

static void fill(const struct disk_load *load, struct condition_result *r)
{
	uint64_t v = UINT64_MAX;

	memset(r, 0, sizeof(*r));
	for (uint32_t g = 0; g < load->guest_count; g++) {
		for (uint32_t t = 0; t < load->guests[g].task_count; t++, v /= 7)
			r->tasks[g][t] = (struct condition_task){ v, v / 2, v / 3, v / 5, v - 1 };
	}
}

static void what_is_printed_is_read_again(void)
{
	for (uint32_t i = 0; i < DRAWN; i++) {
		struct condition_result result, again;
		struct condition c, d;
		size_t length;

		condition_draw(&c, 77, i);
		fill(&c.load, &result);
		memset(&again, 0, sizeof(again));
		length = condition_print(line, sizeof(line), &c, &result);
		CHECK(length == strlen(line) && length < 2000 && line[length - 1] == '\n');
		CHECK(condition_parse(&d, &again, line) == NULL);
		CHECK(d.set == c.set && d.number == c.number);
		CHECK(memcmp(&again, &result, sizeof(again)) == 0);
		CHECK(memcmp(&d.load, &c.load, sizeof(d.load)) == 0);
		CHECK(condition_print(line, length, &c, &result) == 0);
		CHECK(condition_print(line, sizeof(line), &c, NULL) > 0);
		CHECK(condition_parse(&d, NULL, line) == NULL);
	}
}

static void seeds_and_lines_differ(void)
{
	uint32_t same = 0;

	for (uint32_t i = 0; i < 1000; i++) {
		struct condition a, b, c;

		condition_draw(&a, 1, i);
		condition_draw(&b, 2, i);
		condition_draw(&c, 1, i);
		same += memcmp(&a.load, &b.load, sizeof(a.load)) == 0;
		CHECK(memcmp(&a, &c, sizeof(a)) == 0);
	}
	CHECK(same < 20);
}

static void what_is_no_condition_is_told_why(void)
{
	static const char *const wrong[] = {
		"",
		"fitting,1,0,0,100:1*1,1/1/1/1/1",
		"fit,,0,0,100:1*1,1/1/1/1/1",
		"fit,1,-1,0,100:1*1,1/1/1/1/1",
		"fit,1,0,99999999,100:1*1,1/1/1/1/1",
		"fit,1,0,0,0:1*1,1/1/1/1/1",
		"fit,1,0,0,1001:1*1,1/1/1/1/1",
		"fit,1,0,0,100:0*1,1/1/1/1/1",
		"fit,1,0,0,100:1*0,1/1/1/1/1",
		"fit,1,0,0,100:1,1/1/1/1/1",
		"fit,1,0,0,100:,1/1/1/1/1",
		"fit,1,0,0,100:1*1;,1/1/1/1/1",
		"fit,1,0,0,100:1*1+,1/1/1/1/1",
		"fit,1,0,0,100:1*1,",
		"fit,1,0,0,100:1*1,1/1/1/1",
		"fit,1,0,0,100:1*1,1/1/1/1/1/1",
		"fit,1,0,0,100:1*1,1/1/1/1/1+1/1/1/1/1",
		"fit,1,0,0,100:1*1+1*1,1/1/1/1/1",
		"fit,1,0,0,100:1*1;1:1*1,1/1/1/1/1",
		"fit,1,0,0,100:1*1,1/1/1/1/99999999999999999999",
		"fit,1,0,0,1:1*1+1*1+1*1+1*1+1*1+1*1+1*1+1*1+1*1,1/1/1/1/1",
	};
	struct condition_result result;
	struct condition c;

	CHECK(condition_parse(&c, &result, "fit,1,0,0,100:1*1,1/1/1/1/1") == NULL);
	for (uint32_t i = 0; i < ARRAY_SIZE(wrong); i++)
		CHECK(condition_parse(&c, &result, wrong[i]) != NULL);
	for (uint32_t g = 0; g <= IOSCHED_CLIENT_MAX; g++)
		memcpy(line + 6 * g, "1:1*1;", 6);
	line[6 * (IOSCHED_CLIENT_MAX + 1) - 1] = '\0';
	CHECK(condition_parse_load(&c.load, line) != NULL);
	line[6 * IOSCHED_CLIENT_MAX - 1] = '\0';
	CHECK(condition_parse_load(&c.load, line) == NULL && c.load.guest_count == 32);
	CHECK(condition_parse_load(&c.load, "1:1*1x") != NULL);
}

int main(void)
{
	RUN(the_sets_have_the_conditions_that_they_are_said_to_have);
	RUN(out_of_grid_has_nothing_of_table_2_in_its_loads);
	RUN(what_is_printed_is_read_again);
	RUN(seeds_and_lines_differ);
	RUN(what_is_no_condition_is_told_why);
	return test_failed;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* tests/unit/test_guest_args.c - a guest's arguments and task sets, good and bad. */
#include <string.h>
#include "guests/rt/args.h"
#include "guests/tasks/taskset.h"
#include "tests/test.h"

static struct taskset set;

static void first_word_with_the_key_counts(void)
{
	char v[8];

	CHECK(args_find("a=1 b=two  c=", "b", v, sizeof(v)) && strcmp(v, "two") == 0);
	CHECK(args_find("b=1 b=2", "b", v, sizeof(v)) && strcmp(v, "1") == 0);
	CHECK(args_find("a=1 c=", "c", v, sizeof(v)) && strcmp(v, "") == 0);
	CHECK(args_is("mode=spin x=1", "mode", "spin"));
	CHECK(!args_is("mode=spin x=1", "mode", "spi"));
}

static void part_of_a_key_is_not_the_key(void)
{
	char v[8] = "x";

	CHECK(!args_find("ab=1 b", "b", v, sizeof(v)) && v[0] == '\0');
	CHECK(!args_find("ab=1", "a", v, sizeof(v)));
	CHECK(!args_find("", "a", v, sizeof(v)));
	CHECK(!args_find("   ", "a", v, sizeof(v)));
}

static void value_that_does_not_fit_is_refused(void)
{
	char v[4];

	CHECK(args_find("a=123", "a", v, sizeof(v)));
	CHECK(!args_find("a=1234", "a", v, sizeof(v)) && v[0] == '\0');
}

static void numbers_are_whole_values(void)
{
	CHECK(args_number("n=300 m=4", "n", 7) == 300);
	CHECK(args_number("n=", "n", 7) == 7);
	CHECK(args_number("n=12x", "n", 7) == 7);
	CHECK(args_number("n=-1", "n", 7) == 7);
	CHECK(args_number("n=18446744073709551615", "n", 7) == UINT64_MAX);
	CHECK(args_number("n=18446744073709551616", "n", 7) == 7);
	CHECK(args_number("n=99999999999999999999", "n", 7) == 7);
}

static void digits_stop_at_the_maximum(void)
{
	for (uint64_t max = 0; max < 130; max++) {
		for (uint64_t n = 0; n < 150; n++) {
			char text[8];
			const char *p = text;
			uint64_t got = UINT64_MAX;

			snprintf(text, sizeof(text), "%u:", (unsigned)n);
			CHECK(args_digits(&p, max, &got) == (n <= max));
			CHECK(n > max ? p == text : (got == n && *p == ':'));
		}
	}
}

static void task_set_is_sorted_by_period(void)
{
	CHECK(!taskset_parse("slow:50:200,mid1:1:150,fast:0.125:2.5,mid2:2:150", &set));
	CHECK(set.count == 4);
	CHECK(strcmp(set.entry[0].name, "fast") == 0);
	CHECK(set.entry[0].work_us == 125 && set.entry[0].period_us == 2500);
	CHECK(strcmp(set.entry[1].name, "mid1") == 0);
	CHECK(strcmp(set.entry[2].name, "mid2") == 0);
	CHECK(strcmp(set.entry[3].name, "slow") == 0);
	CHECK(set.entry[3].work_us == 50000 && set.entry[3].period_us == 200000);
	CHECK(set.entry[3].offset_us == 0 && set.entry[3].jitter_us == 0);
	CHECK(!taskset_parse("a:1:2:30,b:1:3:0.5:0.25", &set) && set.count == 2);
	CHECK(set.entry[0].offset_us == 30000 && set.entry[0].jitter_us == 0);
	CHECK(set.entry[1].offset_us == 500 && set.entry[1].jitter_us == 250);
}

static void malformed_task_sets_are_refused(void)
{
	static const char *const bad[] = {
		"",
		",",
		"a",
		"a:",
		"a:1",
		"a:1:",
		":1:2",
		"a:1:2,",
		"a:1:2;b:1:2",
		"a:x:2",
		"a:1:x",
		"a:1.:2",
		"a:1.0001:2",
		"a:0:2",
		"a:1:0",
		"a:1:2:",
		"a:1:2:x",
		"a:1:2:3:",
		"a:1:2:3:4:5",
		"a:-1:2",
		"a:1:99999999999",
		"abcdefghijklmnop:1:2",
		"a:.5:2",
		"a:1:2 ",
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		CHECK(taskset_parse(bad[i], &set));
	CHECK(!taskset_parse("abcdefghijklmno:1:2", &set));
}

static void as_many_tasks_as_the_runner_takes(void)
{
	char text[RM_TASK_MAX * 8 + 16];
	size_t at = 0;

	for (uint32_t i = 0; i < RM_TASK_MAX; i++)
		at += (size_t)snprintf(text + at, sizeof(text) - at, "%st:1:9", i ? "," : "");
	CHECK(!taskset_parse(text, &set) && set.count == RM_TASK_MAX);
	snprintf(text + at, sizeof(text) - at, ",t:1:9");
	CHECK(taskset_parse(text, &set));
}

/* A missed epoch moves by whole hyperperiods: found here by looking at every one. */
static void late_start_keeps_the_phase(void)
{
	const uint64_t hyper = 600000; /* of 150 and 200 ms */

	CHECK(!taskset_parse("a:30:150,b:50:200", &set));
	for (uint64_t earliest = 0; earliest < 3000000; earliest += 777) {
		uint64_t want = 100000;

		while (want < earliest)
			want += hyper;
		CHECK(taskset_epoch_us(&set, 100000, earliest) == want);
	}
	CHECK(taskset_epoch_us(&set, 100000, 100001) == 700000);
	CHECK(taskset_epoch_us(&set, 100000, 700000) == 700000);
}

static void sets_without_a_common_rhythm_start_at_once(void)
{
	CHECK(!taskset_parse("a:1:86399999.999,b:1:86399999.997,c:1:86399999.989", &set));
	CHECK(taskset_epoch_us(&set, 0, 12345) == 12345);
	CHECK(taskset_epoch_us(&set, 20000, 12345) == 20000);
}

int main(void)
{
	RUN(first_word_with_the_key_counts);
	RUN(part_of_a_key_is_not_the_key);
	RUN(value_that_does_not_fit_is_refused);
	RUN(numbers_are_whole_values);
	RUN(digits_stop_at_the_maximum);
	RUN(task_set_is_sorted_by_period);
	RUN(malformed_task_sets_are_refused);
	RUN(as_many_tasks_as_the_runner_takes);
	RUN(late_start_keeps_the_phase);
	RUN(sets_without_a_common_rhythm_start_at_once);
	return test_failed;
}

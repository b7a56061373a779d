/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Resource tuples of CPU time and memory: who is shrunk, who grows, what is refused and how it can be mended. All
 * numbers follow from the rules of docs/configuration.md, "Resource tuples".
 */
#include "core/plan_grant.h"
#include "tests/unit/plan_rig.h"

static struct partition_config parts[4];
static struct cpu_claim claims[2];
static struct cpu_task tasks[1];

/* A switch costs 0.1 ms: 49.9 of each 50 ms, less for each further server, and 240 MiB. */
void good_system(void)
{
	static const char *const names[] = { "one", "two", "three", "four" };

	for (uint32_t i = 0; i < 4; i++)
		parts[i] = (struct partition_config){ .name = names[i],
						      .cpu = RESERVATION(0, MS(10), MS(50)),
						      .memory_bytes = MIB(16),
						      .image = "x.elf" };
	tasks[0] = (struct cpu_task){ .wcet_ns = MS(10), .period_ns = MS(100) };
	sys = (struct config){ .name = "good",
			       .board = TEST_BOARD(2, US(100)),
			       .partitions = parts,
			       .partition_count = 3 };
}

static void between(uint32_t i, uint64_t usual_us, uint64_t min_us, uint64_t max_us)
{
	parts[i].cpu = (struct cpu_claim)RESERVATION_BETWEEN(0, US(usual_us), US(min_us),
							     US(max_us), MS(50));
}

static void memory(uint32_t i, uint64_t usual, uint64_t min, uint64_t max)
{
	parts[i].memory_bytes = MIB(usual);
	parts[i].memory_min_bytes = MIB(min);
	parts[i].memory_max_bytes = MIB(max);
}

static uint64_t budget_us(uint32_t i)
{
	return plan.vcpus[i].claim.budget_ns / US(1);
}

static uint64_t mib(uint32_t i)
{
	return plan.partitions[i].memory_bytes / MIB(1);
}

static bool has_budgets(uint64_t a, uint64_t b, uint64_t c)
{
	const bool is_ok = build() == OK && budget_us(0) == a && budget_us(1) == b &&
			   budget_us(2) == c && plan.vcpus[0].budget_tsc == US(a);

	if (!is_ok)
		printf("  %llu %llu %llu\n", (unsigned long long)budget_us(0),
		       (unsigned long long)budget_us(1), (unsigned long long)budget_us(2));
	return or_say_why(is_ok);
}

static bool has_memory(uint64_t a, uint64_t b, uint64_t c)
{
	const bool is_ok = build() == OK && mib(0) == a && mib(1) == b && mib(2) == c;

	if (!is_ok)
		printf("  %llu %llu %llu\n", (unsigned long long)mib(0), (unsigned long long)mib(1),
		       (unsigned long long)mib(2));
	return or_say_why(is_ok);
}

static char printed[16384];

static void put(const char *line)
{
	strncat(printed, line, sizeof(printed) - strlen(printed) - 2);
	strcat(printed, "\n");
}

static bool prints(const char *text)
{
	const bool is_built = build() == OK;
	bool is_there;

	printed[0] = '\0';
	if (is_built)
		plan_print(&sys, &board, &plan, put);
	is_there = is_built && strstr(printed, text);
	if (!is_there)
		printf("  wanted %s\n%s", text, printed);
	return or_say_why(is_there);
}

static void what_fits_is_given_as_it_is_wanted(void)
{
	good_system();
	between(0, 20000, 5000, 0);
	between(1, 10000, 5000, 10000);
	CHECK(has_budgets(20000, 10000, 10000));
	memory(0, 100, 16, 100);
	memory(1, 100, 16, 0);
	CHECK(has_memory(100, 100, 16));
	between(0, 20000, 5000, 0);
	CHECK(build() == OK && plan_budget_tuple(&sys, &plan, 0).max == MS(20));
	CHECK(plan_budget_tuple(&sys, &plan, 1).usual == 0 &&
	      plan_memory_tuple(&sys, 0).usual == 0);
	good_system();
}

/* 49.7 ms are there for three. */
static void the_least_critical_is_shrunk_first(void)
{
	between(0, 30000, 10000, 0);
	between(1, 20000, 5000, 0);
	parts[0].criticality = 1;
	CHECK(has_budgets(30000, 9700, 10000)); /* 10 is what three has, exactly */
	between(0, 30000, 10000, 0);
	between(1, 20000, 5000, 0);
	parts[1].criticality = 7;
	CHECK(has_budgets(19700, 20000, 10000));
	/* Two does not have enough to give. */
	between(0, 40000, 10000, 0);
	between(1, 20000, 5000, 0);
	parts[0].criticality = 1;
	CHECK(has_budgets(34700, 5000, 10000));
	/* 240 MiB. */
	memory(0, 200, 100, 0);
	memory(1, 100, 50, 0);
	parts[0].criticality = 1;
	CHECK(has_memory(174, 50, 16));
	memory(0, 200, 100, 0);
	memory(1, 100, 50, 0);
	parts[1].criticality = 1;
	CHECK(has_memory(124, 100, 16));
}

/* 10 ms lack: of slacks of 20 and 10, 2/3 of each remain of 30; in whole us, and nothing is left over. */
static void equals_are_shrunk_in_proportion(void)
{
	between(0, 30000, 10000, 0);
	between(1, 19700, 9700, 0);
	CHECK(has_budgets(23334, 16366, 10000));
	memory(0, 180, 100, 0);
	memory(1, 120, 80, 0);
	/* 76 MiB lack of 120. 80 * 44 / 120 = 29.3, 40 * 44 / 120 = 14.7: even ones, and what is left. */
	CHECK(has_memory(130, 94, 16));
}

static void what_is_left_goes_to_the_most_critical(void)
{
	between(0, 10000, 5000, 20000);
	between(1, 10000, 0, 40000);
	parts[1].criticality = 1;
	CHECK(has_budgets(10000, 29700, 10000));
	between(0, 10000, 5000, 20000);
	between(1, 10000, 0, 25000);
	parts[1].criticality = 1;
	CHECK(has_budgets(14700, 25000, 10000));
	memory(0, 16, 0, 64);
	memory(2, 16, 0, 256);
	parts[2].criticality = 1;
	CHECK(has_memory(16, 16, 208));
	memory(0, 16, 0, 64);
	memory(2, 16, 0, 256);
	parts[0].criticality = 1;
	CHECK(has_memory(64, 16, 160));
}

static void nobody_grows_while_somebody_is_shrunk(void)
{
	between(0, 40000, 10000, 45000);
	between(1, 20000, 5000, 0);
	parts[1].criticality = 1;
	CHECK(has_budgets(19700, 20000, 10000));
	between(0, 20000, 0, 30000);
	between(1, 40000, 5000, 0);
	parts[0].criticality = 1;
	CHECK(has_budgets(20000, 19700, 10000));
}

static void cores_are_parted_one_by_one(void)
{
	between(0, 45000, 5000, 0);
	between(1, 45000, 5000, 0);
	parts[1].cpu.core = 1;
	CHECK(has_budgets(39800, 45000, 10000));
	/* Both virtual CPUs of a partition are as critical as it is. */
	claims[0] = (struct cpu_claim)RESERVATION_BETWEEN(0, MS(30), MS(10), 0, MS(50));
	claims[1] = (struct cpu_claim)RESERVATION_BETWEEN(1, MS(30), MS(10), MS(49), MS(50));
	parts[0].cpu = (struct cpu_claim){ 0 };
	parts[0].cpus = claims;
	parts[0].cpu_count = 2;
	parts[1].cpu = (struct cpu_claim)RESERVATION_BETWEEN(0, MS(20), MS(1), 0, MS(50));
	parts[0].criticality = 3;
	CHECK(build() == OK && budget_us(0) == 30000 && budget_us(1) == 49000 &&
	      budget_us(2) == 9700 && budget_us(3) == 10000);
	good_system();
}

/* 10 ms of 100, P = 50 ms: nothing for 2 (P - Q), then Q. With less than 10, a third period is needed. */
static void tasks_keep_what_they_need(void)
{
	parts[1].cpu_tasks = tasks;
	parts[1].cpu_task_count = 1;
	between(0, 35000, 0, 0);
	between(1, 20000, 1000, 0);
	parts[2].cpu.core = 1;
	CHECK(build() == OK && budget_us(1) == 14800);
	between(0, 41000, 0, 0);
	parts[0].criticality = 1; /* and yet it is the one that has anything to give */
	CHECK(build() == ERR_INVAL && no.count == 1 && strstr(no.text[0], "two (10 + 0.1)/50"));
	CHECK(!strstr(no.text[0], "of partition 'two'") &&
	      strstr(no.text[0], "lower cpu.budget of partition 'one' to at most 39.8 ms"));
	good_system();
}

static void minima_that_do_not_fit_are_refused_with_the_smallest_change(void)
{
	between(0, 40000, 30000, 0);
	between(1, 20000, 15000, 0);
	parts[0].criticality = 1;
	CHECK(refuses(
		"core 0: one (30 + 0.1)/50 + two (15 + 0.1)/50 + three (10 + 0.1)/50 = 1.106 > 1: "
		"even the minima do not fit;",
		"lower cpu.budget_min of partition 'two' to at most 9.7 ms", "or move a"));
	between(0, 40000, 30000, 0);
	between(1, 20000, 15000, 0);
	parts[0].criticality = parts[1].criticality = 1;
	CHECK(refuses("core 0", "lower cpu.budget of partition 'three' to at most 4.7 ms",
		      "or move"));
	/* Two alone cannot give that much, and three not either. */
	between(0, 49000, 45000, 0);
	between(1, 20000, 5000, 0);
	parts[0].criticality = 2;
	CHECK(refuses("core 0", "lower cpu.budget_min of partition 'one' to at most 34.7 ms",
		      "or move"));
	memory(0, 200, 150, 0);
	memory(1, 100, 90, 0);
	parts[0].criticality = 1;
	CHECK(refuses(
		"system: memory, shrunk to the minima: one 150 MiB + two 90 MiB + three 16 MiB = "
		"256 MiB > 240 MiB that there are",
		"lower memory_min of partition 'two' to at most 74 MiB",
		"or take a board with 16 MiB more"));
	/* Both of the others could: the one with more. */
	memory(0, 200, 150, 0);
	memory(1, 100, 70, 0);
	memory(2, 100, 40, 0);
	parts[0].criticality = 1;
	CHECK(refuses("system: memory", "lower memory_min of partition 'two' to at most 50 MiB",
		      "20 MiB more"));
	memory(0, 300, 250, 0);
	memory(1, 100, 10, 0);
	parts[0].criticality = 1;
	CHECK(refuses("system: memory", "lower memory_min of partition 'one' to at most 214 MiB",
		      "or take a board with 36 MiB more"));
	memory(0, 300, 250, 0);
	memory(1, 280, 0, 0);
	CHECK(refuses("system: memory", "280 MiB", "; take a board with 306 MiB more"));
}

static void memory_in_pieces_is_given_as_it_lies(void)
{
	good_system();
	memory(0, 100, 20, 0);
	memory(1, 60, 40, 200);
	plan_board_from_config(&sys, &board);
	board.memory[0] = (struct board_range){ MIB(16), MIB(64) };
	board.memory[1] = (struct board_range){ MIB(128), MIB(96) };
	board.memory_count = 2;
	CHECK(plan_build(&sys, &board, &plan, &no) == OK);
	/* One in the second piece, two and three beside it and in the first; all as large as it goes. */
	CHECK(mib(0) >= 20 && mib(1) >= 40 && mib(2) == 16 && mib(0) + mib(1) + mib(2) <= 160);
	CHECK(mib(1) == 60 ? mib(0) >= 80 : mib(0) < 100);
	memory(0, 150, 120, 0);
	CHECK(plan_build(&sys, &board, &plan, &no) == ERR_INVAL && no.count == 1);
	CHECK(strstr(no.text[0], "in pieces, and each lies in one") ||
	      strstr(no.text[0], "> 160 MiB that there are"));
	CHECK(strstr(no.text[0], "lower memory_min of partition 'one' to at most 96 MiB"));
	good_system();
}

static void nonsense_is_refused(void)
{
	between(0, 10000, 11000, 0);
	CHECK(refuses("partition 'one': cpu.budget_min = 11 ms", "above its budget of 10 ms",
		      "give at most"));
	between(0, 10000, 0, 9000);
	CHECK(refuses("partition 'one': cpu.budget_max = 9 ms", "below its budget of 10 ms",
		      "at least"));
	between(0, 10000, 0, 50001);
	CHECK(refuses("partition 'one': cpu.budget_max = 50.001 ms", "its period of 50 ms",
		      "at most"));
	between(0, 10000, 99, 0);
	CHECK(refuses("partition 'one': cpu.budget_min = 99 us", "a switch costs",
		      "at least 100 us"));
	parts[0].cpu = (struct cpu_claim){ .kind = CPU_OWNED, .core = 1, .budget_max_ns = MS(1) };
	CHECK(refuses("partition 'one': cpu", "only a reservation has a budget",
		      "RESERVATION_BETWEEN"));
	parts[0].cpu = (struct cpu_claim){ .kind = CPU_ENOUGH, .budget_min_ns = MS(1) };
	parts[0].cpu_tasks = tasks;
	parts[0].cpu_task_count = 1;
	CHECK(refuses("partition 'one': cpu", "what the tasks need", "leave it out"));
	sys.service = (struct cpu_claim)RESERVATION_BETWEEN(1, MS(1), US(500), 0, MS(10));
	CHECK(refuses("system: service", "the service serves all", "leave it out"));
	memory(0, 16, 18, 0);
	CHECK(refuses("partition 'one'", "memory_min_bytes = 18 MiB is above", "lower it"));
	memory(0, 16, 0, 14);
	CHECK(refuses("partition 'one'", "memory_max_bytes = 14 MiB is below", "raise it"));
	memory(0, 16, 3, 0);
	CHECK(refuses("partition 'one'", "memory_min_bytes = 3 MiB: not a multiple", "give 2 MiB"));
	memory(0, 16, 0, 1024 * 1024);
	CHECK(refuses("partition 'one'", "memory_max_bytes = 1024 GiB", "512 GiB"));
	memory(0, 32, 8, 0);
	parts[0].boot = BOOT_LINUX;
	CHECK(refuses("partition 'one'", "memory_min_bytes = 8 MiB", "at least that"));
}

static void the_plan_says_what_was_done(void)
{
	between(0, 30000, 10000, 0);
	between(1, 20000, 5000, 0);
	parts[0].criticality = 1;
	CHECK(prints(
		"shrunk from 20 ms (at least 5 ms): there is no more of core 0; criticality 0"));
	between(1, 10000, 0, 40000);
	parts[1].criticality = 4;
	CHECK(prints("grown from 10 ms (at most 40 ms): others leave it of core 0; criticality 4"));
	memory(0, 300, 100, 0);
	CHECK(prints(
		"shrunk from 300 MiB (at least 100 MiB): there is no more of the board's memory; "
		"criticality 0"));
	memory(0, 16, 0, 64);
	CHECK(prints("grown from 16 MiB (at most 64 MiB): others leave it of the board's memory; "
		     "criticality 0"));
}

int main(void)
{
	RUN(what_fits_is_given_as_it_is_wanted);
	RUN(the_least_critical_is_shrunk_first);
	RUN(equals_are_shrunk_in_proportion);
	RUN(what_is_left_goes_to_the_most_critical);
	RUN(nobody_grows_while_somebody_is_shrunk);
	RUN(cores_are_parted_one_by_one);
	RUN(tasks_keep_what_they_need);
	RUN(minima_that_do_not_fit_are_refused_with_the_smallest_change);
	RUN(memory_in_pieces_is_given_as_it_lies);
	RUN(nonsense_is_refused);
	RUN(the_plan_says_what_was_done);
	return test_failed;
}

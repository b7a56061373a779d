/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tasks of guests in the plan: each wrong declaration with the sentence that a user needs, the paper's
 * numbers, and reservations that the planner finds. Texts are written from the rules.
 */
#include "core/plan_tasks.h"
#include "tests/unit/plan_rig.h"

static struct cpu_task tasks[CONFIG_TASK_MAX + 1];
static struct partition_config parts[2];

/* Paper 002, section 4.1: {(30, 150), (50, 200)} ms. */
void good_system(void)
{
	memset(tasks, 0, sizeof(tasks));
	tasks[0] = (struct cpu_task){ .name = "tau1", .wcet_ns = MS(30), .period_ns = MS(150) };
	tasks[1] = (struct cpu_task){ .name = "tau2", .wcet_ns = MS(50), .period_ns = MS(200) };
	parts[0] = (struct partition_config){ .name = "rt0",
					      .cpu = RESERVATION(0, MS(32), MS(50)),
					      .memory_bytes = MIB(16),
					      .image = "tasks.elf",
					      .cpu_tasks = tasks,
					      .cpu_task_count = 2 };
	parts[1] = (struct partition_config){ .name = "load0",
					      .cpu = RESERVATION(0, MS(10), MS(50)),
					      .memory_bytes = MIB(16),
					      .image = "tasks.elf" };
	sys = (struct config){ .name = "paper",
			       .board = TEST_BOARD(2, US(30)),
			       .partitions = parts,
			       .partition_count = 2 };
}

static char printed[8192];

static void put(const char *line)
{
	strncat(printed, line, sizeof(printed) - strlen(printed) - 2);
	strcat(printed, "\n");
}

static bool prints(const char *text)
{
	printed[0] = '\0';
	plan_print(&sys, &board, &plan, put);
	if (strstr(printed, text))
		return true;
	printf("  wanted %s\n  got\n%s", text, printed);
	return false;
}

static uint64_t bound_ms(uint32_t task)
{
	uint64_t ns = 0;

	CHECK(plan_task_bound(&sys, &plan, 0, task, &ns));
	return ns / MS(1);
}

static void the_papers_tasks_have_bounds(void)
{
	good_system();
	CHECK(build() == OK);
	/* Nothing for 2 * 18 ms, then 30. 110 ms by then: three whole budgets, and 14 of the fourth. */
	CHECK(bound_ms(0) == 36 + 30 && bound_ms(1) == 36 + 3 * 50 + 14);
	CHECK(prints(
		"task 'tau1': 30 ms in every 150 ms, done within 66 ms; deadline 150 ms: kept"));
	CHECK(!strstr(printed, "from idle"));
}

static void the_papers_reservation_is_too_small_in_the_worst_case(void)
{
	good_system();
	parts[0].cpu = (struct cpu_claim)RESERVATION(0, MS(28), MS(50));
	CHECK(refused(
		"partition 'rt0': cpu = RESERVATION(0, 28 ms, 50 ms): task 'tau2' (50 ms in 200 ms) "
		"may not be done by its deadline of 200 ms; give a budget of at least 32 ms, or RESERVATION(0, "));
	parts[0].cpu = (struct cpu_claim)RESERVATION(0, MS(28), MS(50));
	parts[0].task_supply = TASKS_FROM_IDLE;
	CHECK(build() == OK);
	CHECK(bound_ms(0) == 74 && bound_ms(1) == 146);
	CHECK(prints("from idle: true only while"));
}

/* The tasks are not all that is wrong: without the board's part their user would look in the wrong place. */
static void a_board_that_is_not_told_of_is_asked_for_with_enough(void)
{
	good_system();
	parts[0].cpu = (struct cpu_claim)ENOUGH_FOR_TASKS(0);
	parts[1].cpu = (struct cpu_claim)BEST_EFFORT(0, 1);
	sys.board.switch_overhead_ns = BIT64(63);
	CHECK(build() == ERR_INVAL && no.count == 2);
	CHECK(strstr(no.text[1], "give board.switch_overhead_ns as published"));
	good_system();
}

/* What is found is enough, and no more than the least of the same period, by a microsecond. */
static void the_planner_finds_a_reservation(void)
{
	uint64_t found, period;

	good_system();
	parts[0].cpu = (struct cpu_claim)ENOUGH_FOR_TASKS(0);
	CHECK(build() == OK && plan.vcpus[0].kind == CPU_RESERVED);
	found = plan.vcpus[0].claim.budget_ns;
	period = plan.vcpus[0].claim.period_ns;
	CHECK(bound_ms(0) <= 150 && bound_ms(1) <= 200);
	/* Cheaper than (32, 50) with its switch; never less than the tasks take: 45 %. */
	CHECK((found + US(30)) * MS(50) <= (MS(32) + US(30)) * period);
	CHECK(found * 100 >= period * 45);
	parts[0].cpu = (struct cpu_claim)RESERVATION(0, found - US(1), period);
	CHECK(refused("may not be done by its deadline"));
	parts[0].cpu = (struct cpu_claim){ .kind = CPU_ENOUGH, .period_ns = MS(50) };
	CHECK(build() == OK);
	CHECK(plan.vcpus[0].claim.budget_ns == MS(32) && plan.vcpus[0].claim.period_ns == MS(50));
	CHECK(prints("rt0             Q = 32 ms in every P = 50 ms"));
	parts[0].task_supply = TASKS_FROM_IDLE;
	CHECK(build() == OK);
	CHECK(plan.vcpus[0].claim.budget_ns == US(26667)); /* 80 / 3 */
}

static void an_owned_core_supplies_all_the_time(void)
{
	good_system();
	parts[0].cpu = (struct cpu_claim)OWN_CORE(1);
	CHECK(build() == OK && bound_ms(0) == 30 && bound_ms(1) == 80);
	tasks[1].wcet_ns = MS(130);
	tasks[1].jitter_ns = MS(20);
	CHECK(refused("task 'tau2' (130 ms in 200 ms) may not be done by its deadline of 200 ms; "
		      "no reservation does: take tasks out"));
}

static void edf_is_a_choice(void)
{
	good_system();
	tasks[0] = (struct cpu_task){ .wcet_ns = MS(3), .period_ns = MS(6) };
	tasks[1] = (struct cpu_task){ .wcet_ns = MS(4), .period_ns = MS(9) };
	parts[0].cpu = (struct cpu_claim)OWN_CORE(1);
	CHECK(refused("task 1 (4 ms in 9 ms) may not be done by its deadline of 9 ms"));
	tasks[0] = (struct cpu_task){ .wcet_ns = MS(3), .period_ns = MS(6) };
	tasks[1] = (struct cpu_task){ .wcet_ns = MS(4), .period_ns = MS(9) };
	parts[0].cpu = (struct cpu_claim)OWN_CORE(1);
	parts[0].task_policy = TASKS_EDF;
	CHECK(build() == OK && bound_ms(0) <= 6 && bound_ms(1) <= 9);
}

/* What was found is admitted like any other: what does not fit is refused with the inequality. */
static void a_found_reservation_is_admitted_or_refused(void)
{
	good_system();
	parts[0].cpu = (struct cpu_claim){ .kind = CPU_ENOUGH, .period_ns = MS(50) };
	parts[1].cpu = (struct cpu_claim)RESERVATION(0, MS(20), MS(50));
	CHECK(refused("core 0: rt0 (32 + 0.03)/50 + load0 (20 + 0.03)/50 = 1.0412 > 1"));
}

int main(void)
{
	RUN(the_papers_tasks_have_bounds);
	RUN(the_papers_reservation_is_too_small_in_the_worst_case);
	RUN(a_board_that_is_not_told_of_is_asked_for_with_enough);
	RUN(the_planner_finds_a_reservation);
	RUN(an_owned_core_supplies_all_the_time);
	RUN(edf_is_a_choice);
	RUN(a_found_reservation_is_admitted_or_refused);
	return test_failed;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Wrong claims of CPUs, and tasks that do not fit them: each with the sentence that its user needs. */
#include "tests/unit/refusal_rig.h"

static struct cpu_claim claims[CONFIG_VCPU_MAX + 1];
static struct cpu_claim many[4][CONFIG_VCPU_MAX];
static struct cpu_task tasks[CONFIG_TASK_MAX + 1];
static struct partition_config parts[6];

/* rt0 has tasks, and shares core 0; smp0 has a core and a half; core 3 is free. */
void good_system(void)
{
	static const char *const names[] = { "rt0", "load0", "smp0", "a", "b", "c" };

	for (uint32_t i = 0; i <= CONFIG_VCPU_MAX; i++)
		claims[i] = (struct cpu_claim)BEST_EFFORT(2, i);
	claims[0] = (struct cpu_claim)RESERVATION(1, MS(20), MS(50));
	claims[1] = (struct cpu_claim)OWN_CORE(2);
	for (uint32_t i = 0; i <= CONFIG_TASK_MAX; i++)
		tasks[i] = (struct cpu_task){ .wcet_ns = 1000, .period_ns = SEC(1) };
	tasks[0] = (struct cpu_task){ .name = "tau1", .wcet_ns = MS(30), .period_ns = MS(150) };
	tasks[1] = (struct cpu_task){ .name = "tau2", .wcet_ns = MS(50), .period_ns = MS(200) };
	for (uint32_t i = 0; i < ARRAY_SIZE(parts); i++) {
		for (uint32_t n = 0; i >= 2 && n < CONFIG_VCPU_MAX; n++)
			many[i - 2][n] = (struct cpu_claim)BEST_EFFORT(3, 1 + i * 100 + n);
		parts[i] = (struct partition_config){ .name = names[i],
						      .memory_bytes = MIB(2),
						      .image = "x.elf",
						      .cpus = i >= 2 ? many[i - 2] : NULL,
						      .cpu_count = i >= 2 ? CONFIG_VCPU_MAX : 0 };
	}
	parts[0].cpu = (struct cpu_claim)RESERVATION(0, MS(32), MS(50));
	parts[0].cpu_tasks = tasks;
	parts[0].cpu_task_count = 2;
	parts[1].cpu = (struct cpu_claim)RESERVATION(0, MS(10), MS(50));
	parts[2].cpus = claims;
	parts[2].cpu_count = 2;
	sys = (struct config){ .name = "good",
			       .board = TEST_BOARD(4, US(30)),
			       .partitions = parts,
			       .partition_count = 3 };
}

#define LOAD parts[1].cpu

static const struct row claim_rows[] = {
	{ "no claim",
	  { SET(LOAD, .kind = CPU_NONE) },
	  "partition 'load0': cpu is not given; a virtual CPU claims OWN_CORE(core), RESERVATION(core, "
	  "budget, period) or BEST_EFFORT(core, priority), or .CPUS() of them: give one",
	  { CLAIM(LOAD, OWN_CORE(3)) } },
	{ "a claim that is none",
	  { SET(LOAD.kind, (enum cpu_claim_kind)7) },
	  "partition 'load0': cpu.kind = 7: not a claim; give OWN_CORE, RESERVATION or BEST_EFFORT",
	  { SET(LOAD.kind, CPU_RESERVED) } },
	{ "a core that is not there",
	  { SET(LOAD.core, 4) },
	  "partition 'load0': cpu.core = 4: there is no core 4 on a board of 4; cores are numbered from 0: "
	  "give at most 3, or a larger board",
	  { SET(LOAD.core, 3) } },
	{ "the board is not as large",
	  { SET(LOAD.core, 5) },
	  "partition 'load0': cpu.core = 5: there is no core 5 on a board of 4; cores are numbered from 0: "
	  "give at most 3, or a larger board",
	  { SET(sys.board.core_count, 6) } },
	{ "an owned core with a budget",
	  { SET(LOAD, .kind = CPU_OWNED, .core = 3, .budget_ns = MS(5)) },
	  "partition 'load0': cpu.budget = 5 ms: OWN_CORE has no budget; leave it out, or claim "
	  "RESERVATION(3, budget, period)",
	  { CLAIM(LOAD, RESERVATION(3, MS(5), MS(50))) } },
	{ "best effort with a period",
	  { SET(LOAD, .kind = CPU_BEST_EFFORT, .priority = 1, .period_ns = MS(50)) },
	  "partition 'load0': cpu.period = 50 ms: BEST_EFFORT has no period; leave it out, or claim "
	  "RESERVATION(0, budget, period)",
	  { CLAIM(LOAD, BEST_EFFORT(0, 1)) } },
	{ "a reservation with a priority",
	  { SET(LOAD.priority, 7) },
	  "partition 'load0': cpu.priority = 7: RESERVATION has no priority; leave it out, or claim "
	  "BEST_EFFORT(0, 7)",
	  { CLAIM(LOAD, BEST_EFFORT(0, 7)) } },
	{ "best effort without a priority",
	  { CLAIM(LOAD, BEST_EFFORT(0, 0)) },
	  "partition 'load0': cpu.priority = 0: best effort has a priority; give at least 1, higher first",
	  { SET(LOAD.priority, 1) } },
	{ "two of one priority",
	  { CLAIM(LOAD, BEST_EFFORT(0, 3)), CLAIM(parts[0].cpu, BEST_EFFORT(0, 3)),
	    SET(parts[0].cpu_task_count, 0), SET(parts[0].cpu_tasks, NULL) },
	  "partition 'load0': cpu.priority = 3: partition 'rt0' has the same on core 0; best-effort "
	  "priorities are distinct on a core: give another",
	  { SET(LOAD.priority, 4) } },
	{ "an owned core that is shared",
	  { CLAIM(LOAD, OWN_CORE(0)) },
	  "partition 'load0': cpu = OWN_CORE(0): partition 'rt0' has a share of that core; an owned core has "
	  "one virtual CPU: move one of the two (core 3 is free)",
	  { CLAIM(LOAD, OWN_CORE(3)) } },
	{ "a share of an owned core, and none free",
	  { CLAIM(claims[1], RESERVATION(0, US(100), MS(50))), SET(sys.board.core_count, 2),
	    CLAIM(LOAD, OWN_CORE(1)) },
	  "partition 'smp0': cpus[0] = RESERVATION(1): partition 'load0' owns that core; an owned core has "
	  "one virtual CPU: move one of the two (no core is free: share one by RESERVATION)",
	  { CLAIM(LOAD, RESERVATION(1, MS(10), MS(50))) } },
	{ "two of one guest at one core",
	  { CLAIM(claims[0], OWN_CORE(2)) },
	  "partition 'smp0': cpus[1] = OWN_CORE(2): partition 'smp0' vCPU 0 owns that core; an owned core "
	  "has one virtual CPU: move one of the two (core 1 is free)",
	  { SET(claims[0].core, 1) } },
	{ "no budget",
	  { SET(LOAD.budget_ns, 0) },
	  "partition 'load0': cpu.budget = 0: a reservation has a budget; give at least 30 us on this board",
	  { SET(LOAD.budget_ns, US(30)) } },
	{ "no period",
	  { SET(LOAD.period_ns, 0) },
	  "partition 'load0': cpu.period = 0: a reservation has a period, with room for its budget and a switch; "
	  "give at least 10.03 ms on this board",
	  { SET(LOAD, .kind = CPU_RESERVED, .core = 3, .budget_ns = MS(10),
		.period_ns = US(10030)) } },
	{ "a budget above its period",
	  { SET(LOAD.budget_ns, MS(60)), SET(LOAD.core, 3) },
	  "partition 'load0': cpu.budget = 60 ms: with a switch of 30 us it exceeds its period of 50 ms; give at "
	  "most 49.97 ms, or OWN_CORE(3)",
	  { SET(LOAD.budget_ns, US(49970)) } },
	{ "a budget that leaves no time for a switch",
	  { CLAIM(LOAD, RESERVATION(3, MS(50), MS(50))) },
	  "partition 'load0': cpu.budget = 50 ms: with a switch of 30 us it exceeds its period of 50 ms; give at "
	  "most 49.97 ms, or OWN_CORE(3)",
	  { CLAIM(LOAD, OWN_CORE(3)) } },
	{ "a period too short for a switch",
	  { CLAIM(LOAD, RESERVATION(3, US(30), US(60) - 1)) },
	  "partition 'load0': cpu.period = 59.999 us: the least budget on this board is 30 us, and a switch takes 30 "
	  "us; give at least 60 us",
	  { SET(LOAD.period_ns, US(60)) } },
	{ "a period beyond the clock",
	  { SET(board.tsc_hz, UINT64_C(4000000000)), SET(LOAD.period_ns, BIT64(60)) },
	  "partition 'load0': cpu.period = 1152921504.606846976 s: more than 2^62 ticks of this board's clock "
	  "of 4000000000 Hz; give less",
	  { SET(LOAD.period_ns, BIT64(60) - 1) } },
	{ "a budget beyond the clock, by rounding",
	  { SET(board.tsc_hz, 1000000001),
	    CLAIM(LOAD,
		  RESERVATION(3, UINT64_C(4611686013815701890), UINT64_C(4611686013815701890))) },
	  "partition 'load0': cpu.budget = 4611686013.81570189 s: more than 2^62 ticks of this board's clock of "
	  "1000000001 Hz; give less",
	  { SET(LOAD.budget_ns, SEC(1)) } },
	{ "times shorter than the timer's",
	  { SET(sys.board.timer_resolution_ns, MS(10)), SET(LOAD.budget_ns, MS(10) - 1) },
	  "partition 'load0': cpu.budget = 9.999999 ms is below the timer's resolution on this board; give "
	  "at least 10 ms",
	  { SET(LOAD.budget_ns, MS(10)) } },
	{ "a period shorter than the timer's, by rounding",
	  { SET(board.tsc_hz, 333333333), SET(board.timer_resolution_tsc, 334),
	    SET(board.switch_overhead_tsc, 1), CLAIM(LOAD, RESERVATION(3, US(1), US(1))) },
	  "partition 'load0': cpu.period = 1 us: the least budget on this board is 1.003 us, and a switch takes 4 "
	  "ns; give at least 1.007 us",
	  { SET(LOAD, .kind = CPU_RESERVED, .core = 3, .budget_ns = US(1), .period_ns = 1007) } },
	{ "a budget that a switch uses up",
	  { SET(LOAD.budget_ns, US(30) - 1) },
	  "partition 'load0': cpu.budget = 29.999 us is less than a server switch costs, 30 us; give at least "
	  "that",
	  { SET(LOAD.budget_ns, US(30)) } },
	{ "a core that is promised twice",
	  { SET(LOAD.budget_ns, MS(20)) },
	  "core 0: rt0 (32 + 0.03)/50 + load0 (20 + 0.03)/50 = 1.0412 > 1: the reservations do not fit; lower "
	  "cpu.budget of partition 'load0' to at most 17.94 ms, or move a partition to another core",
	  { SET(LOAD.budget_ns, US(17940)) } },
	{ "one guest's CPUs do not fit a core",
	  { CLAIM(claims[1], RESERVATION(1, MS(40), MS(50))) },
	  "core 1: smp0.0 (20 + 0.03)/50 + smp0.1 (40 + 0.03)/50 = 1.2012 > 1: the reservations do not fit; "
	  "lower cpus[1].budget of partition 'smp0' to at most 29.94 ms, or move a virtual CPU to another core",
	  { SET(claims[1].budget_ns, US(29940)) } },
	{ "two that want all of a core",
	  { CLAIM(LOAD, RESERVATION(3, US(49970), MS(50))),
	    CLAIM(claims[0], RESERVATION(3, US(49970), MS(50))) },
	  "core 3: load0 (49.97 + 0.03)/50 + smp0.0 (49.97 + 0.03)/50 = 2 > 1: the reservations do not fit; "
	  "move a virtual CPU to another core",
	  { SET(LOAD.core, 1) } },
	{ "a period that has no room for another's exit",
	  { CLAIM(LOAD, RESERVATION(0, US(100), US(400))) },
	  "core 0: load0 (0.1 + 0.03)/0.4 + 0.3/0.4 = 1.075 > 1: load0 may have to wait 300 us for another's exit "
	  "or step, which nothing interrupts; lower cpu.budget of partition 'load0' to at most 70 us, or move a "
	  "partition to another core",
	  { SET(LOAD.budget_ns, US(70)) } },
	{ "the same, of one that has what is left over",
	  { CLAIM(claims[0], RESERVATION(1, US(200), US(500))),
	    CLAIM(claims[1], BEST_EFFORT(1, 1)) },
	  "core 1: smp0.0 (0.2 + 0.03)/0.5 + 0.3/0.5 = 1.06 > 1: smp0.0 may have to wait 300 us for another's "
	  "exit or step, which nothing interrupts; lower cpus[0].budget of partition 'smp0' to at most 170 us, or "
	  "move a virtual CPU to another core",
	  { SET(claims[0].budget_ns, US(170)) } },
};

static const struct row list_rows[] = {
	{ "a list of CPUs without a count",
	  { SET(parts[2].cpu_count, 0) },
	  "partition 'smp0': cpus is given, but cpu_count = 0; a list of virtual CPUs is both: give .CPUS() of "
	  "claims",
	  { SET(parts[2].cpu_count, 2) } },
	{ "a count of CPUs without a list",
	  { SET(parts[2].cpus, NULL) },
	  "partition 'smp0': cpu_count = 2, but cpus is not given; a list of virtual CPUs is both: give "
	  ".CPUS() of claims",
	  { SET(parts[2].cpus, claims) } },
	{ "a CPU and a list of CPUs",
	  { CLAIM(parts[2].cpu, OWN_CORE(3)) },
	  "partition 'smp0': cpu and cpus are both given; a partition has one list of virtual CPUs: leave one "
	  "of the two out",
	  { SET(parts[2].cpus, NULL), SET(parts[2].cpu_count, 0) } },
	{ "17 CPUs of one guest",
	  { SET(parts[2].cpu_count, 17) },
	  "partition 'smp0': cpu_count = 17: a partition has at most 16 virtual CPUs; give at most that",
	  { SET(parts[2].cpus, many[0]), SET(parts[2].cpu_count, 16) } },
	{ "65 CPUs in all",
	  { SET(parts[2].cpus, many[0]), SET(parts[2].cpu_count, 15), SET(sys.partition_count, 6) },
	  "system: 65 virtual CPUs: at most 64 are supported, all partitions together; remove 1",
	  { SET(parts[5].cpu_count, 15) } },
};

#define RT parts[0]
static const struct cpu_claim two[] = { OWN_CORE(0), OWN_CORE(3) };

static const struct row task_rows[] = {
	{ "a count of tasks without a list",
	  { SET(RT.cpu_tasks, NULL) },
	  "partition 'rt0': cpu_task_count = 2, but cpu_tasks is not given; give both, by .CPU_TASKS(), or "
	  "neither",
	  { SET(RT.cpu_task_count, 0) } },
	{ "17 tasks",
	  { SET(RT.cpu_task_count, 17) },
	  "partition 'rt0': cpu_task_count = 17: at most 16 are analysed; leave out those of the longest "
	  "periods, and take their time from a budget larger than needed",
	  { SET(RT.cpu_task_count, 16) } },
	{ "tasks of a guest with two CPUs",
	  { SET(RT.cpu, .kind = CPU_NONE), SET(RT.cpus, two), SET(RT.cpu_count, 2),
	    SET(LOAD.core, 1) },
	  "partition 'rt0': cpu_tasks: 2 virtual CPUs, and the analysis is of one; give its tasks a partition "
	  "with one, or leave them out",
	  { SET(RT.cpu_count, 1) } },
	{ "a task's name that is none",
	  { SET(tasks[1].name, "tau \"2\"") },
	  "partition 'rt0': cpu_tasks[1].name = 'tau \"2\"': a task's name is 1 to 15 characters of [a-z0-9_-]; give "
	  "one, or leave it out",
	  { SET(tasks[1].name, NULL) } },
	{ "a task that does nothing",
	  { SET(tasks[1].wcet_ns, 0) },
	  "partition 'rt0': cpu_tasks[1].wcet = 0: a task has both; give its worst-case execution time, and the "
	  "least time between two arrivals",
	  { SET(tasks[1].wcet_ns, MS(50)) } },
	{ "a task that comes all the time",
	  { SET(tasks[0].period_ns, 0) },
	  "partition 'rt0': cpu_tasks[0].period = 0: a task has both; give its worst-case execution time, and "
	  "the least time between two arrivals",
	  { SET(tasks[0].period_ns, MS(150)) } },
	{ "a deadline behind the period",
	  { SET(tasks[0].deadline_ns, MS(151)) },
	  "partition 'rt0': cpu_tasks[0].deadline = 151 ms exceeds its period of 150 ms: the analysis is for "
	  "deadlines up to the period; give at most that",
	  { SET(tasks[0].deadline_ns, MS(150)) } },
	{ "more work than there is time",
	  { SET(tasks[0].deadline_ns, MS(20)) },
	  "partition 'rt0': cpu_tasks[0].deadline = 20 ms: released 0 ns late, 30 ms of work are not done by "
	  "then on any processor; give a later deadline, or less work",
	  { SET(tasks[0].wcet_ns, MS(2)), SET(RT.cpu, .kind = CPU_OWNED, .core = 3) } },
	{ "a release too late",
	  { SET(tasks[0].jitter_ns, MS(121)) },
	  "partition 'rt0': cpu_tasks[0].deadline = 150 ms: released 121 ms late, 30 ms of work are not done by "
	  "then on any processor; give a later deadline, or less work",
	  { SET(tasks[0].wcet_ns, MS(2)), CLAIM(RT.cpu, OWN_CORE(3)) } },
	{ "a time that is none",
	  { SET(tasks[1].jitter_ns, UINT64_MAX) },
	  "partition 'rt0': cpu_tasks[1].jitter = 18446744073.709551615 s: no time is above 2^61 ns; correct it",
	  { SET(tasks[1].jitter_ns, 0) } },
	{ "a period that is none",
	  { SET(tasks[1].period_ns, UINT64_MAX) },
	  "partition 'rt0': cpu_tasks[1].period = 18446744073.709551615 s: no time is above 2^61 ns; correct it",
	  { SET(tasks[1].period_ns, MS(200)) } },
	{ "a policy that is none",
	  { SET(RT.task_policy, (enum task_policy)2) },
	  "partition 'rt0': task_policy = 2: not a choice; give TASKS_RATE_MONOTONIC or TASKS_EDF",
	  { SET(RT.task_policy, TASKS_EDF) } },
	{ "a supply that is none",
	  { SET(RT.task_supply, (enum task_supply)9) },
	  "partition 'rt0': task_supply = 9: not a choice; give TASKS_WORST_CASE or TASKS_FROM_IDLE",
	  { SET(RT.task_supply, TASKS_FROM_IDLE) } },
	{ "tasks at best effort",
	  { CLAIM(RT.cpu, BEST_EFFORT(0, 1)) },
	  "partition 'rt0': cpu = BEST_EFFORT(0, 1): no task has a bound there; give ENOUGH_FOR_TASKS(0), or "
	  "leave cpu_tasks out",
	  { CLAIM(RT.cpu, ENOUGH_FOR_TASKS(0)) } },
	{ "enough for no tasks",
	  { CLAIM(RT.cpu, ENOUGH_FOR_TASKS(0)), SET(RT.cpu_tasks, NULL),
	    SET(RT.cpu_task_count, 0) },
	  "partition 'rt0': cpu = ENOUGH_FOR_TASKS(0): there are no tasks; give .CPU_TASKS(), or RESERVATION(0, "
	  "budget, period)",
	  { SET(RT.cpu_tasks, tasks), SET(RT.cpu_task_count, 1) } },
	{ "enough, with a budget",
	  { SET(RT.cpu, .kind = CPU_ENOUGH, .budget_ns = MS(28)) },
	  "partition 'rt0': cpu.budget = 28 ms: ENOUGH_FOR_TASKS finds it; leave it out, or claim "
	  "RESERVATION(0, budget, period)",
	  { SET(RT.cpu.budget_ns, 0) } },
	{ "enough, but nothing is",
	  { CLAIM(RT.cpu, ENOUGH_FOR_TASKS(0)), SET(tasks[0].wcet_ns, MS(140)), SET(LOAD.core, 3) },
	  "partition 'rt0': cpu = ENOUGH_FOR_TASKS(0): no reservation serves these tasks; take tasks out, or "
	  "lengthen their periods or deadlines",
	  { SET(RT.cpu_task_count, 1) } },
	{ "a reservation too small: the paper's, in the worst case",
	  { SET(RT.cpu.budget_ns, MS(28)) },
	  "partition 'rt0': cpu = RESERVATION(0, 28 ms, 50 ms): task 'tau2' (50 ms in 200 ms) may not be done "
	  "by its deadline of 200 ms; give a budget of at least 32 ms, or RESERVATION(0, 3.45 ms, 6.25 ms)",
	  { SET(RT.cpu.budget_ns, MS(32)) } },
	{ "enough, but only a whole core is",
	  { CLAIM(RT.cpu, ENOUGH_FOR_TASKS(3)), SET(tasks[0].wcet_ns, MS(150)),
	    SET(RT.cpu_task_count, 1) },
	  "partition 'rt0': cpu = ENOUGH_FOR_TASKS(3): no reservation serves these tasks; give OWN_CORE(3), take "
	  "tasks out, or lengthen their periods or deadlines",
	  { CLAIM(RT.cpu, OWN_CORE(3)) } },
	{ "enough, in a period that is too short",
	  { SET(RT.cpu, .kind = CPU_ENOUGH, .period_ns = 1) },
	  "partition 'rt0': cpu.period = 1 ns: no budget that fits in it with a switch serves these tasks; leave it "
	  "out, or give 6.25 ms",
	  { SET(RT.cpu.period_ns, US(6250)) } },
	{ "a budget that is too small, in a period that is too short",
	  { CLAIM(RT.cpu, RESERVATION(3, US(30), US(60))) },
	  "partition 'rt0': cpu = RESERVATION(3, 30 us, 60 us): task 'tau2' (50 ms in 200 ms) may not be done by its "
	  "deadline of 200 ms; give RESERVATION(3, 3.45 ms, 6.25 ms)",
	  { CLAIM(RT.cpu, RESERVATION(3, US(3450), US(6250))) } },
	{ "an owned core too slow",
	  { CLAIM(RT.cpu, OWN_CORE(3)), SET(tasks[1].wcet_ns, MS(130)),
	    SET(tasks[1].jitter_ns, MS(20)) },
	  "partition 'rt0': cpu = OWN_CORE(3): task 'tau2' (130 ms in 200 ms) may not be done by its deadline "
	  "of 200 ms; no reservation does: take tasks out, or lengthen their periods or deadlines",
	  { SET(RT.cpu_task_count, 1) } },
	{ "tasks too far apart to tell",
	  { SET(tasks[0], .wcet_ns = 10, .period_ns = 20),
	    SET(tasks[1], .wcet_ns = SEC(1), .period_ns = SEC(3)), CLAIM(RT.cpu, OWN_CORE(3)),
	    SET(RT.task_policy, TASKS_EDF) },
	  "partition 'rt0': cpu = OWN_CORE(3): whether task 0 (10 ns in 20 ns) is done by its deadline of 20 ns "
	  "takes more than 200000 steps to tell: the periods are too far apart; take the longest ones out, or "
	  "lengthen the shortest",
	  { SET(RT.cpu_task_count, 1) } },
	{ "a core that is promised twice, and what one needs of it takes too long to find",
	  { SET(tasks[0], .wcet_ns = MS(20), .period_ns = MS(200)),
	    SET(tasks[1], .wcet_ns = SEC(400), .period_ns = SEC(4000)),
	    CLAIM(RT.cpu, RESERVATION(0, MS(40), MS(50))), SET(RT.task_policy, TASKS_EDF) },
	  "core 0: rt0 (40 + 0.03)/50 + load0 (10 + 0.03)/50 = 1.0012 > 1: the reservations do not fit; lower "
	  "cpu.budget of partition 'load0' to at most 9.94 ms, or move a partition to another core",
	  { SET(LOAD.budget_ns, US(9940)) } },
	{ "enough, for tasks too far apart",
	  { SET(tasks[0], .wcet_ns = US(1), .period_ns = US(100)),
	    CLAIM(RT.cpu, ENOUGH_FOR_TASKS(3)),
	    SET(tasks[1], .wcet_ns = SEC(100), .period_ns = SEC(300)),
	    SET(RT.task_policy, TASKS_EDF) },
	  "partition 'rt0': cpu = ENOUGH_FOR_TASKS(3): to find it takes more than 200000 steps: the periods are "
	  "too far apart; take the longest ones out, or lengthen the shortest, or give RESERVATION(3, budget, "
	  "period)",
	  { SET(tasks[0].period_ns, SEC(100)) } },
};

static void wrong_claims_are_told_what_is_wrong(void)
{
	CHECK_ROWS(claim_rows);
}

static void wrong_lists_are_told_what_is_wrong(void)
{
	CHECK_ROWS(list_rows);
}

static void wrong_tasks_are_told_what_is_wrong(void)
{
	CHECK_ROWS(task_rows);
}

int main(void)
{
	RUN(wrong_claims_are_told_what_is_wrong);
	RUN(wrong_lists_are_told_what_is_wrong);
	RUN(wrong_tasks_are_told_what_is_wrong);
	return test_failed;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Partitions with several virtual CPUs: where each runs, who may share a core with whom, and that
 * a refusal names the one that is meant. Expected texts are written from the rules.
 */
#include "tests/unit/plan_rig.h"

static struct cpu_claim claims[CONFIG_VCPU_MAX + 1];
static struct partition_config parts[MAX_PARTITIONS];

/* rt0 shares core 0 with the first CPU of smp0, whose second owns core 1; core 2 is free. */
void good_system(void)
{
	memset(parts, 0, sizeof(parts));
	claims[0] = (struct cpu_claim)RESERVATION(0, MS(20), MS(50));
	claims[1] = (struct cpu_claim)OWN_CORE(1);
	parts[0] = (struct partition_config){ .name = "rt0",
					      .cpu = RESERVATION(0, MS(28), MS(50)),
					      .memory_bytes = MIB(16),
					      .image = "tasks.elf" };
	parts[1] = (struct partition_config){ .name = "smp0",
					      .cpus = claims,
					      .cpu_count = 2,
					      .memory_bytes = MIB(16),
					      .image = "tasks.elf" };
	sys = (struct config){ .name = "good",
			       .board = TEST_BOARD(3, US(30)),
			       .partitions = parts,
			       .partition_count = 2 };
	plan_board_from_config(&sys, &board);
}

static void virtual_cpus_are_planned_in_the_partitions_order(void)
{
	good_system();
	CHECK(build_on_board() == OK && plan.vcpu_count == 3);
	CHECK(plan.partitions[0].vcpu_first == 0 && plan.partitions[0].vcpu_count == 1);
	CHECK(plan.partitions[1].vcpu_first == 1 && plan.partitions[1].vcpu_count == 2);
	CHECK(plan.vcpus[0].part == 0 && plan.vcpus[0].index == 0 && plan.vcpus[0].core == 0);
	CHECK(plan.vcpus[1].part == 1 && plan.vcpus[1].index == 0 && plan.vcpus[1].core == 0);
	CHECK(plan.vcpus[2].part == 1 && plan.vcpus[2].index == 1 && plan.vcpus[2].core == 1);
	CHECK(plan.vcpus[1].kind == CPU_RESERVED && plan.vcpus[1].budget_tsc == MS(20) &&
	      plan.vcpus[1].period_tsc == MS(50));
	CHECK(plan.vcpus[2].kind == CPU_OWNED && plan.vcpus[2].period_tsc == 0);
	CHECK(plan.cores[0].server_count == 2 && plan.cores[0].utilization_ppm == 961200);
	CHECK(plan.cores[1].is_owned && !plan.cores[2].is_used);
}

static void virtual_cpus_of_one_guest_may_share_a_core_by_reservation_only(void)
{
	good_system();
	parts[0].cpu = (struct cpu_claim)OWN_CORE(2);
	claims[1] = (struct cpu_claim)RESERVATION(0, MS(25), MS(50));
	CHECK(build_on_board() == OK && plan.cores[0].server_count == 2);
	claims[0] = (struct cpu_claim)BEST_EFFORT(0, 2);
	claims[1] = (struct cpu_claim)BEST_EFFORT(0, 1);
	CHECK(build_on_board() == OK && plan.vcpus[1].priority == 2 && plan.vcpus[2].priority == 1);
	claims[1].priority = 2;
	CHECK(refused_on_board(
		"partition 'smp0': cpus[1].priority = 2: partition 'smp0' vCPU 0 has the same "
		"on core 0"));
	claims[1].core = 0;
	CHECK(refused_on_board(
		"partition 'smp0': cpus[1] = OWN_CORE(0): partition 'rt0' has a share of that "
		"core; an owned core has one virtual CPU: move one of the two (core 1 is "
		"free)"));
	claims[0] = (struct cpu_claim)OWN_CORE(1);
	CHECK(refused_on_board(
		"partition 'smp0': cpus[1] = OWN_CORE(1): partition 'smp0' vCPU 0 owns that "
		"core; an owned core has one virtual CPU"));
}

static char printed[8192];

static void put_line(const char *line)
{
	CHECK(strlen(printed) + strlen(line) + 2 < sizeof(printed) && strlen(line) < 300);
	strcat(printed, line);
	strcat(printed, "\n");
}

static void the_printed_plan_shows_every_virtual_cpu(void)
{
	good_system();
	CHECK(build_on_board() == OK);
	printed[0] = '\0';
	plan_print(&sys, &board, &plan, put_line);
	CHECK(strstr(printed, "core 0: shared, 2 servers\n"
			      "  rt0             Q = 28 ms in every P = 50 ms: share 56 %, with "
			      "overhead 56.06 %\n"
			      "  smp0.0          Q = 20 ms in every P = 50 ms: share 40 %, with "
			      "overhead 40.06 %\n"
			      "  rt0 (28 + 0.03)/50 + smp0.0 (20 + 0.03)/50 = 0.9612 <= 1: "
			      "admitted\n"
			      "core 1: owned\n"
			      "  smp0.1          owns it: no timer, no scheduler\n"));
	CHECK(strstr(printed, "                  2 CPUs, no PC\n"));
}

int main(void)
{
	RUN(virtual_cpus_are_planned_in_the_partitions_order);
	RUN(virtual_cpus_of_one_guest_may_share_a_core_by_reservation_only);
	RUN(the_printed_plan_shows_every_virtual_cpu);
	return test_failed;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every rule of the planner, one refusal each, with the text that a user needs; and the plan of
 * a system that breaks none. Expected texts are written from the rules, numbers by hand.
 */
#include <string.h>
#include "arch/boot_info.h"
#include "core/plan.h"
#include "guests/abi.h"
#include "tests/test.h"

static struct partition_config parts[MAX_PARTITIONS + 1];
static struct config sys;
static struct board board;
static struct plan plan;
static struct plan_refusals no;

/* Two reservations on core 0, an owner of core 1, nothing on core 2: accepted. */
static void good_system(void)
{
	memset(parts, 0, sizeof(parts));
	parts[0] = (struct partition_config){ .name = "rt0",
					      .cpu = RESERVATION(0, MS(28), MS(50)),
					      .memory_bytes = MIB(16),
					      .image = "tasks.elf",
					      .args = "jobs=1" };
	parts[1] = (struct partition_config){ .name = "load0",
					      .cpu = RESERVATION(0, MS(20), MS(50)),
					      .memory_bytes = MIB(32),
					      .image = "tasks.elf" };
	parts[2] = (struct partition_config){
		.name = "calc0", .cpu = OWN_CORE(1), .memory_bytes = MIB(16), .image = "compute.elf"
	};
	sys = (struct config){ .name = "good",
			       .board = { .core_count = 3,
					  .memory_bytes = MIB(256),
					  .switch_overhead_ns = US(30),
					  .timer_resolution_ns = US(1) },
			       .partitions = parts,
			       .partition_count = 3,
			       .run_limit_ns = SEC(20),
			       .trace_records = 1024 };
	plan_board_from_config(&sys, &board);
}

static enum err build(void)
{
	memset(&no, 0xaa, sizeof(no));
	memset(&plan, 0xaa, sizeof(plan));
	return plan_build(&sys, &board, &plan, &no);
}

/* Refused with exactly one refusal, which reads like this; nothing is left of the plan. */
static bool refused(const char *text)
{
	static const struct plan nothing;
	bool is_refused = build() == ERR_INVAL && no.count == 1 && strstr(no.text[0], text) &&
			  !strstr(no.text[0], "...") && memcmp(&plan, &nothing, sizeof(plan)) == 0;

	if (!is_refused) {
		printf("  wanted %s\n", text);
		for (uint32_t i = 0; i < no.count && i < PLAN_REFUSAL_MAX; i++)
			printf("  got    %s\n", no.text[i]);
	}
	good_system();
	return is_refused;
}

static void a_good_system_is_planned(void)
{
	good_system();
	CHECK(build() == OK && no.count == 0);
	CHECK(plan.partition_count == 3 && plan.vcpu_count == 3);
	CHECK(plan.vcpus[0].kind == CPU_RESERVED && plan.vcpus[0].core == 0);
	CHECK(plan.vcpus[0].budget_tsc == MS(28) && plan.vcpus[0].period_tsc == MS(50));
	CHECK(plan.vcpus[2].kind == CPU_OWNED && plan.vcpus[2].core == 1);
	CHECK(plan.vcpus[2].budget_tsc == 0 && plan.vcpus[2].period_tsc == 0);
	/* (28 + 0.03)/50 + (20 + 0.03)/50 = 48.06/50 */
	CHECK(plan.cores[0].utilization_ppm == 961200);
	CHECK(plan.cores[0].is_used && !plan.cores[0].is_owned && plan.cores[0].server_count == 2);
	CHECK(plan.cores[1].is_used && plan.cores[1].is_owned && plan.cores[1].server_count == 0);
	CHECK(!plan.cores[2].is_used);
	/* The largest first, then in order, from 16 MiB up. */
	CHECK(plan.partitions[1].memory_base == MIB(16));
	CHECK(plan.partitions[0].memory_base == MIB(48));
	CHECK(plan.partitions[2].memory_base == MIB(64));
	CHECK(plan.memory_free_bytes == MIB(256 - 16 - 64));
}

static char printed[8192];

static void put_line(const char *line)
{
	CHECK(strlen(printed) + strlen(line) + 2 < sizeof(printed));
	strcat(printed, line);
	strcat(printed, "\n");
}

/* Each guest of core 0 may use 0.3 ms more than its budget, and a switch, in each period of 50 ms. */
static void who_leaves_no_room_for_exits_at_the_end_of_budgets_is_told(void)
{
	good_system();
	parts[0].cpu.budget_ns = MS(28);
	parts[1].cpu.budget_ns = US(21340); /* 28.33 + 21.67 = 50 */
	CHECK(build() == OK && plan.cores[0].overrun_ppm == 0);
	parts[1].cpu.budget_ns = US(21341);
	CHECK(build() == OK && plan.cores[0].overrun_ppm == 20); /* 0.001/50 */
	printed[0] = '\0';
	plan_print(&sys, &board, &plan, put_line);
	CHECK(strstr(
		printed,
		"warning: core 0: guests that end their budgets in their longest exits, of 300 us, "
		"could make each other late; reserve 0.002 % less of it and they cannot\n"));
	/* Nobody to be late. */
	good_system();
	sys.partition_count = 1;
	parts[0].cpu.budget_ns = US(49960);
	CHECK(build() == OK && plan.cores[0].overrun_ppm == 0);
	good_system();
}

/* The service begins no step that its budget would end in; whoever waits for one must have room for that. */
static void the_service_overruns_nothing(void)
{
	good_system();
	sys.service = (struct cpu_claim){
		.kind = CPU_RESERVED, .core = 0, .budget_ns = MS(1), .period_ns = MS(50)
	};
	parts[0].cpu.budget_ns = MS(28);
	parts[1].cpu.budget_ns = US(20310); /* 28.33 + 20.64 + 1.03 = 50 */
	CHECK(build() == OK && plan.cores[0].overrun_ppm == 0);
	parts[1].cpu.budget_ns = US(20311);
	CHECK(build() == OK && plan.cores[0].overrun_ppm == 20);
	good_system();
}

static void cores_are_on_the_board(void)
{
	good_system();
	parts[2].cpu.core = 3;
	CHECK(refused(
		"partition 'calc0': cpu.core = 3: there is no core 3 on a board of 3; cores are "
		"numbered from 0: give at most 2"));
	parts[2].cpu.core = UINT32_MAX;
	CHECK(refused("partition 'calc0': cpu.core = 4294967295: there is no core"));
	/* The real board decides, not the promised one. */
	board.core_count = 1;
	CHECK(refused("partition 'calc0': cpu.core = 1: there is no core 1 on a board of 1;"));
	board.core_count = 64;
	CHECK(build() == OK);
}

static void times_convert_to_ticks(void)
{
	good_system();
	/* At 4 GHz a period of 2^60 ns is 2^62 ticks: one too many. */
	board.tsc_hz = UINT64_C(4000000000);
	parts[0].cpu = (struct cpu_claim)RESERVATION(0, MS(1), BIT64(60));
	CHECK(refused(
		"partition 'rt0': cpu.period = 1152921504.606846976 s: more than 2^62 ticks"));
	board.tsc_hz = UINT64_C(4000000000);
	parts[0].cpu = (struct cpu_claim)RESERVATION(0, MS(1), BIT64(60) - 1);
	CHECK(build() == OK && plan.vcpus[0].period_tsc == BIT64(62) - 4);
	good_system();
	sys.run_limit_ns = UINT64_MAX;
	CHECK(refused("system: run_limit = 18446744073.709551615 s: more than 2^62 ticks"));
	/* 1/3 ns a tick: 10 ns are 30 ticks. 3 ns a tick and odd times: up and down. */
	board.tsc_hz = UINT64_C(333333333);
	CHECK(build() == OK);
	CHECK(plan.vcpus[0].budget_tsc == 9333334 && plan.vcpus[0].period_tsc == 16666666);
	good_system();
}

static void a_core_is_not_promised_twice(void)
{
	good_system();
	parts[1].cpu.budget_ns = MS(25);
	/* 28 + 25 + 2 * 0.03 = 53.06; 50 - 25 - 0.06 = 24.94 */
	CHECK(refused(
		"core 0: rt0 (28 + 0.03)/50 + load0 (25 + 0.03)/50 = 1.0612 > 1: the reservations "
		"do not fit; lower cpu.budget of partition 'rt0' to at most 24.94 ms, or move a "
		"partition to another core"));
	parts[1].cpu.budget_ns = MS(22) - US(60);
	CHECK(build() == OK && plan.cores[0].utilization_ppm == 1000000);
	parts[1].cpu.budget_ns = MS(22) - US(60) + 1;
	CHECK(refused("load0 (21.940001 + 0.03)/50 = 1.000001 > 1"));
	/* Each wants all of it: no lower budget of one helps the other. */
	parts[0].cpu = (struct cpu_claim)RESERVATION(0, US(49970), MS(50));
	parts[1].cpu = (struct cpu_claim)RESERVATION(0, US(49970), MS(50));
	CHECK(refused("= 2 > 1: the reservations do not fit; move a partition to another core"));
}

static void long_inequalities_are_counted_not_cut(void)
{
	static char names[MAX_PARTITIONS][16];

	good_system();
	for (uint32_t i = 0; i < MAX_PARTITIONS; i++) {
		snprintf(names[i], sizeof(names[i]), "partition-no-%02u", i);
		parts[i] = (struct partition_config){ .name = names[i],
						      .cpu = RESERVATION(0, 9999999 + i, 99999999),
						      .memory_bytes = MIB(2),
						      .image = "a.elf" };
	}
	sys.partition_count = MAX_PARTITIONS;
	CHECK(refused("core 0: partition-no-00 (9.999999 + 0.03)/99.999999 + "));
}

static void memory_that_does_not_fit_is_refused_with_what_is_left(void)
{
	good_system();
	/* 240 MiB on the board, 232 for load0 leaves 8. */
	parts[1].memory_bytes = MIB(232);
	parts[2].memory_bytes = MIB(2);
	CHECK(refused(
		"partition 'rt0': memory_bytes = 16 MiB does not fit: a partition's memory is "
		"contiguous, and 8 MiB are left in all, 8 MiB in one piece; give at most 8 MiB"));
	board.memory_count = 3;
	board.memory[0] = (struct board_range){ MIB(1), MIB(1) + MIB(48) + PAGE_BYTES };
	board.memory[1] = (struct board_range){ MIB(64) + PAGE_BYTES, MIB(11) };
	board.memory[2] = (struct board_range){ GIB(1), MIB(6) + PAGE_BYTES };
	/* Holes of whole 2 MiB: 48 (load0, rt0 fill it), 66..74 = 8, 6. */
	CHECK(refused(
		"partition 'calc0': memory_bytes = 16 MiB does not fit: a partition's memory is "
		"contiguous, and 14 MiB are left in all, 8 MiB in one piece; give at most 8 MiB"));
	sys.board.memory_bytes = MIB(16) + MIB(2);
	parts[0].memory_bytes = parts[1].memory_bytes = parts[2].memory_bytes = MIB(2);
	plan_board_from_config(&sys, &board);
	CHECK(build() == ERR_INVAL && no.count == 2);
	CHECK(strstr(no.text[0],
		     "partition 'load0': memory_bytes = 2 MiB does not fit: nothing is left"));
	good_system();
}

static void images_are_names_of_files_that_are_there(void)
{
	char name[BOOT_NAME_BYTES + 1];

	good_system();
	parts[2].image = NULL;
	CHECK(refused("partition 'calc0': image is not given"));
	parts[2].image = "";
	CHECK(refused("partition 'calc0': image is not given"));
	parts[2].image = "boot/compute.elf";
	CHECK(refused(
		"partition 'calc0': image = 'boot/compute.elf': a file name in the boot volume's "
		"root is 1 to 63 characters of [A-Za-z0-9._-]"));
	parts[2].image = "..";
	CHECK(refused("partition 'calc0': image = '..'"));
	memset(name, 'a', sizeof(name));
	name[BOOT_NAME_BYTES] = '\0';
	parts[2].image = name;
	(void)build();
	CHECK(no.count == 1 &&
	      strstr(no.text[0], "image = 'aaaaaaaaaaaaaaaaaaaaaaaa...': a file name"));
	name[BOOT_NAME_BYTES - 1] = '\0';
	CHECK(build() == OK);
	good_system();
	board.files[0] = "tasks.elf";
	board.files[1] = NULL;
	board.file_count = 2;
	CHECK(refused("partition 'calc0': image = 'compute.elf': no such file on the boot volume"));
	board.files[0] = "tasks.elf";
	board.files[1] = "compute.elf";
	board.file_count = 2;
	CHECK(build() == OK);
}

static void every_refusal_is_reported_and_the_rest_counted(void)
{
	good_system();
	for (uint32_t i = 0; i < MAX_PARTITIONS; i++)
		parts[i] = (struct partition_config){ 0 };
	sys.partition_count = MAX_PARTITIONS;
	CHECK(build() == ERR_INVAL);
	/* name, cpu, memory and image of each are missing. */
	CHECK(no.count == 4 * MAX_PARTITIONS);
	for (uint32_t i = 0; i < PLAN_REFUSAL_MAX; i++)
		CHECK(memchr(no.text[i], '\0', PLAN_REFUSAL_BYTES) && strlen(no.text[i]) > 20);
}

static void the_printed_plan_says_what_was_promised(void)
{
	good_system();
	parts[2].cpu = (struct cpu_claim)BEST_EFFORT(2, 3);
	parts[1].cpu = (struct cpu_claim)RESERVATION(0, US(100), MS(50));
	CHECK(build() == OK);
	printed[0] = '\0';
	plan_print(&sys, &board, &plan, put_line);
	CHECK(strstr(printed, "system good: 3 partitions on a board of 3 cores\n"));
	CHECK(strstr(printed, "core 1: not used\n"));
	CHECK(strstr(printed, "Q = 28 ms in every P = 50 ms: share 56 %, with overhead 56.06 %"));
	/* 28.03/50 + 0.13/50 */
	CHECK(strstr(printed,
		     "rt0 (28 + 0.03)/50 + load0 (0.1 + 0.03)/50 = 0.5632 <= 1: admitted\n"));
	CHECK(strstr(printed, "16 MiB at 0x3000000, image tasks.elf\n"));
	CHECK(strstr(printed, "args jobs=1\n"));
	CHECK(strstr(printed, "warning: calc0: best effort on core 2 has no promise"));
	CHECK(strstr(printed, "warning: load0: one switch costs up to 30 % of its budget"));
}

int main(void)
{
	RUN(a_good_system_is_planned);
	RUN(who_leaves_no_room_for_exits_at_the_end_of_budgets_is_told);
	RUN(the_service_overruns_nothing);
	RUN(cores_are_on_the_board);
	RUN(times_convert_to_ticks);
	RUN(a_core_is_not_promised_twice);
	RUN(long_inequalities_are_counted_not_cut);
	RUN(memory_that_does_not_fit_is_refused_with_what_is_left);
	RUN(images_are_names_of_files_that_are_there);
	RUN(every_refusal_is_reported_and_the_rest_counted);
	RUN(the_printed_plan_says_what_was_promised);
	return test_failed;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Disks with .tuning in the configuration: what is refused, and why; what is found is what is used. */
#include "configs/ssd.h"
#include "core/plan_disk.h"
#include "tests/unit/plan_rig.h"

#define SECTORS(bytes) ((bytes) / BLOCK_SECTOR_BYTES)

static struct disk_task tasks[2][DISK_QUEUE_MAX + 1];
static struct disk_share shares[2];
static struct disk_config disk[1];
static struct partition_config parts[2];

void good_system(void)
{
	memset(shares, 0, sizeof(shares));
	disk[0] = (struct disk_config){ .name = "ssd",
					.kind = DISK_MEMORY,
					.bytes = MIB(8),
					.time = SSD_TIMES(.seed = 1),
					.tuning = DISK_TUNE_ANALYTIC };
	tasks[0][0] = (struct disk_task){ .iops = 100, .target_ns = SEC(20) };
	tasks[0][1] = (struct disk_task){ .iops = 500, .target_ns = SEC(30) };
	tasks[1][0] = (struct disk_task){ .iops = 1500 };
	for (uint32_t i = 0; i < 2; i++) {
		shares[i] = (struct disk_share){ .disk = "ssd",
						 .first_sector = i * SECTORS(MIB(4)),
						 .sector_count = SECTORS(MIB(4)),
						 .tasks = tasks[i],
						 .task_count = 2 - i };
		parts[i] = (struct partition_config){ .name = i == 0 ? "one" : "two",
						      .cpu = OWN_CORE(0),
						      .memory_bytes = MIB(16),
						      .platform = PLATFORM_PC,
						      .image = "x.elf",
						      .disks = &shares[i],
						      .disk_count = 1 };
		parts[i].cpu.core = i;
	}
	sys = (struct config){ .name = "good",
			       .board = TEST_BOARD(3, US(10)),
			       .partitions = parts,
			       .partition_count = 2,
			       .disks = disk,
			       .disk_count = 1,
			       .service = RESERVATION(2, US(400), MS(100)) };
}

static void what_the_optimizer_finds_is_the_plans(void)
{
	const struct disk_tuned *t;
	struct disk_optimum optimum;

	CHECK(build() == OK);
	t = plan.disks[0].tuning;
	CHECK(t && t->start.guest_count == 2 && t->start.guests[0].task_count == 2);
	CHECK(t->start.guests[0].tasks[1].iops == 500 && t->start.guests[1].tasks[0].iops == 1500);
	CHECK(t->start.bytes_per_s == SSD_BYTES_PER_S);
	CHECK(disk_optimize(&t->start, LATENCY_ANALYTIC, &disk_optimizer_range, &optimum) == OK);
	CHECK(plan_slice_idle_ns(&disk[0], t) == optimum.load.slice_idle_ns);
	CHECK(plan_timeout_ns(&disk[0], t) == optimum.load.timeout_ns);
	for (uint32_t g = 0; g < 2; g++) {
		CHECK(plan_weight(&shares[g], &plan.disks[0], g) == optimum.load.guests[g].weight);
		for (uint32_t i = 0; i < shares[g].task_count; i++) {
			CHECK(plan_queue_weight(&shares[g], t, g, i) ==
			      optimum.load.guests[g].tasks[i].weight);
			CHECK(t->predicted_ns[LATENCY_ANALYTIC][g][i] ==
			      optimum.predicted_ns[g][i]);
		}
	}
	disk[0].tuning = DISK_TUNE_MLP;
	CHECK(build() == OK);
	CHECK(disk_optimize(&t->start, LATENCY_MLP, &disk_optimizer_range, &optimum) == OK);
	CHECK(plan.disks[0].tuning->predicted_ns[LATENCY_MLP][0][0] == optimum.predicted_ns[0][0]);
	good_system();
}

static void settings_are_as_given_without_tuning(void)
{
	disk[0].tuning = DISK_AS_GIVEN;
	tasks[0][0].target_ns = tasks[0][1].target_ns = 0;
	shares[1].weight = 7;
	CHECK(build() == OK && !plan.disks[0].tuning);
	CHECK(plan_slice_idle_ns(&disk[0], NULL) == MS(8));
	CHECK(plan_timeout_ns(&disk[0], NULL) == MS(125));
	CHECK(plan_weight(&shares[0], &plan.disks[0], 0) == 100 &&
	      plan_weight(&shares[1], &plan.disks[0], 1) == 7);
	CHECK(disk_queue_count(&shares[0]) == 2); /* a task is a virtqueue all the same */
	good_system();
}

/* What cannot be met is refused to a critical share, and told to another. */
static void criticality_decides_what_an_unmet_target_is(void)
{
	tasks[0][0].target_ns = MS(1);
	CHECK(accepts());
	tasks[0][0].target_ns = MS(1);
	shares[0].is_critical = true;
	CHECK(refuses("partition 'one'", "disks[0].tasks[0].target = 1 ms: with the best settings",
		      "give at least that"));
}

static uint64_t target_of(uint32_t guest, uint32_t task)
{
	return plan.disks[0].tuning->optimum.load.guests[guest].tasks[task].target_ns;
}

/* By as little as it takes, in 32 steps: one less is not met. */
static bool is_least(uint32_t guest, uint32_t task, uint64_t step_ns)
{
	struct disk_load load = plan.disks[0].tuning->start;
	struct disk_optimum optimum;

	load.guests[guest].tasks[task].target_ns -= step_ns;
	return plan.disks[0].tuning->optimum.is_met &&
	       disk_optimize(&load, LATENCY_ANALYTIC, &disk_optimizer_range, &optimum) == OK &&
	       !optimum.is_met;
}

static char printed[16384];

static void put(const char *line)
{
	strncat(printed, line, sizeof(printed) - strlen(printed) - 2);
	strcat(printed, "\n");
}

static void targets_of_the_least_critical_are_relaxed_first(void)
{
	const uint64_t most_ns = MS(1) + 32 * MS(100);

	/* Nobody gets 1 ms; the others can keep theirs. */
	tasks[1][0] =
		(struct disk_task){ .iops = 1500, .target_ns = MS(1), .target_max_ns = most_ns };
	tasks[0][0].target_max_ns = SEC(52);
	parts[0].criticality = 1;
	CHECK(build() == OK && target_of(0, 0) == SEC(20) && target_of(0, 1) == SEC(30));
	CHECK(target_of(1, 0) > MS(1) && target_of(1, 0) < most_ns && is_least(1, 0, MS(100)));
	plan_print(&sys, &board, &plan, put);
	CHECK(strstr(printed, " (relaxed from 1 ms: not all can be met); 99.99 % within"));
	/* The other is the first to give, all it has; that is not enough. */
	parts[0].criticality = 0;
	parts[1].criticality = 1;
	CHECK(build() == OK && target_of(0, 0) == SEC(52) && target_of(0, 1) == SEC(30));
	CHECK(target_of(1, 0) > MS(1) && target_of(1, 0) < most_ns && is_least(1, 0, MS(100)));
	/* Not beyond the most that he can live with. */
	tasks[1][0].target_max_ns = MS(2);
	CHECK(build() == OK && target_of(1, 0) == MS(2) && !plan.disks[0].tuning->optimum.is_met);
	shares[1].is_critical = true;
	CHECK(refuses("partition 'two'", "disks[0].tasks[0].target_max = 2 ms: with the best",
		      "give at least that"));
	tasks[0][0].target_max_ns = SEC(1);
	CHECK(refuses("partition 'one'", "target_max = 1 s", "0 for the target itself"));
	tasks[0][0].target_max_ns = SEC(30);
	tasks[0][0].target_ns = 0;
	CHECK(refuses("partition 'one'", "target_max = 30 s, but there is no target", "give one"));
}

/* The same system with the settings that were found, written down. */
static void promises_are_those_of_the_settings_that_are_found(void)
{
	struct disk_load found;
	uint64_t bound_ns[2];

	CHECK(build() == OK);
	found = plan.disks[0].tuning->optimum.load;
	for (uint32_t g = 0; g < 2; g++)
		bound_ns[g] = plan_disk_bound_ns(&sys, &plan, 0, g, 0);
	disk[0].tuning = DISK_AS_GIVEN;
	disk[0].slice_idle_ns = found.slice_idle_ns ? found.slice_idle_ns : DISK_NO_IDLE;
	disk[0].timeout_sync_ns = found.timeout_ns;
	for (uint32_t g = 0; g < 2; g++) {
		shares[g].weight = found.guests[g].weight;
		shares[g].queue_count = shares[g].task_count;
		shares[g].tasks = NULL;
		shares[g].task_count = 0;
	}
	CHECK(build() == OK && !plan.disks[0].tuning);
	for (uint32_t g = 0; g < 2; g++)
		CHECK(plan_disk_bound_ns(&sys, &plan, 0, g, 0) == bound_ns[g]);
	good_system();
}

int main(void)
{
	good_system();
	RUN(what_the_optimizer_finds_is_the_plans);
	RUN(promises_are_those_of_the_settings_that_are_found);
	RUN(settings_are_as_given_without_tuning);
	RUN(criticality_decides_what_an_unmet_target_is);
	RUN(targets_of_the_least_critical_are_relaxed_first);
	return test_failed;
}

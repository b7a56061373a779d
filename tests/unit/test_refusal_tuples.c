/* SPDX-License-Identifier: Apache-2.0 */
/* Wrong resource tuples of CPU time, memory and disks: each with the sentence that its user needs. */
#include "tests/unit/refusal_rig.h"
#include "tests/unit/rated_disk.h"

static struct cpu_task tasks[1];
static struct disk_task disk_tasks[1];
static struct disk_share shares[3];
static struct disk_config disk[1];
static struct partition_config parts[3];

/* Three at core 0; the first two have bytes of a disk, which takes 60 us, and 1 us for each KiB. */
void good_system(void)
{
	static const char *const names[] = { "one", "two", "three" };

	memset(shares, 0, sizeof(shares));
	tasks[0] = (struct cpu_task){ .wcet_ns = MS(1), .period_ns = MS(100) };
	disk_tasks[0] = (struct disk_task){ .iops = 100, .target_ns = SEC(20) };
	disk[0] = (struct disk_config)RATED_DISK;
	for (uint32_t i = 0; i < 3; i++) {
		shares[i] = (struct disk_share)RATED_SHARE(i);
		parts[i] = (struct partition_config){ .name = names[i],
						      .cpu = RESERVATION(0, MS(10), MS(50)),
						      .memory_bytes = MIB(16),
						      .platform = PLATFORM_PC,
						      .image = "x.elf",
						      .disks = i < 2 ? &shares[i] : NULL,
						      .disk_count = i < 2 };
	}
	sys = (struct config){ .name = "good",
			       .board = { .core_count = 3,
					  .memory_bytes = MIB(264), /* 240 for guests */
					  .switch_overhead_ns = US(100),
					  .timer_resolution_ns = US(1) },
			       .partitions = parts,
			       .partition_count = 3,
			       .disks = disk,
			       .disk_count = 1,
			       .service = OWN_CORE(2) };
}

#define ONE parts[0]
/* A question about them takes some 20,000 deadlines to answer, and the least budget some 25 questions. */
static const struct cpu_task far[] = { { .wcet_ns = MS(20), .period_ns = MS(200) },
				       { .wcet_ns = SEC(400), .period_ns = SEC(4000) } };

static const struct row cpu_rows[] = {
	{ "a least above the budget",
	  { SET(ONE.cpu.budget_min_ns, MS(11)) },
	  "partition 'one': cpu.budget_min = 11 ms is above its budget of 10 ms; it is shrunk to it, never raised: "
	  "give at most the budget, or raise that",
	  { SET(ONE.cpu.budget_ns, MS(11)) } },
	{ "a most below the budget",
	  { SET(ONE.cpu.budget_max_ns, MS(9)) },
	  "partition 'one': cpu.budget_max = 9 ms is below its budget of 10 ms; it never has more than max: give at "
	  "least the budget, or lower that",
	  { SET(ONE.cpu.budget_max_ns, MS(10)) } },
	{ "a most above the period",
	  { SET(ONE.cpu.budget_max_ns, MS(51)) },
	  "partition 'one': cpu.budget_max = 51 ms exceeds its period of 50 ms; a budget is at most the period: give "
	  "at most that",
	  { SET(ONE.cpu.budget_max_ns, MS(50)) } },
	{ "a least that a switch uses up",
	  { SET(ONE.cpu.budget_min_ns, US(99)) },
	  "partition 'one': cpu.budget_min = 99 us is less than a switch costs on this board, or its timer resolves; "
	  "give at least 100 us",
	  { SET(ONE.cpu.budget_min_ns, US(100)) } },
	{ "a most of an owned core",
	  { SET(ONE.cpu, .kind = CPU_OWNED, .core = 1, .budget_max_ns = MS(1)) },
	  "partition 'one': cpu.budget_max = 1 ms: only a reservation has a budget; leave it out, or claim "
	  "RESERVATION_BETWEEN(1, budget, min, max, period)",
	  { CLAIM(ONE.cpu, OWN_CORE(1)) } },
	{ "a least of what is enough",
	  { SET(ONE.cpu, .kind = CPU_ENOUGH, .budget_min_ns = MS(1)), SET(ONE.cpu_tasks, tasks),
	    SET(ONE.cpu_task_count, 1) },
	  "partition 'one': cpu.budget_min = 1 ms: ENOUGH_FOR_TASKS finds what the tasks need, and that exactly; leave "
	  "it out, or claim RESERVATION_BETWEEN(0, budget, min, max, period)",
	  { SET(ONE.cpu.budget_min_ns, 0) } },
	{ "a least that leaves no time for a switch",
	  { CLAIM(ONE.cpu, RESERVATION_BETWEEN(1, MS(50), MS(50), 0, MS(50))) },
	  "core 1: one (50 + 0.1)/50 = 1.002 > 1: even the minima do not fit; lower cpu.budget_min of partition "
	  "'one' to at most 49.9 ms, or give it OWN_CORE(1)",
	  { SET(ONE.cpu.budget_min_ns, US(49900)) } },
	{ "a least, and tasks too far apart to tell whether it is enough",
	  { CLAIM(ONE.cpu, RESERVATION_BETWEEN(0, MS(25), MS(5), 0, MS(50))),
	    SET(ONE.cpu_tasks, far), SET(ONE.cpu_task_count, 2), SET(ONE.task_policy, TASKS_EDF) },
	  "partition 'one': cpu.budget_min = 5 ms: to find what its tasks need of it takes more than 200000 steps: the "
	  "periods are too far apart; take the longest ones out, or lengthen the shortest, or leave it out",
	  { SET(ONE.cpu.budget_min_ns, 0) } },
	{ "a least of the service",
	  { CLAIM(sys.service, RESERVATION_BETWEEN(2, MS(1), US(500), 0, MS(10))) },
	  "system: service.budget_min = 500 us: the service serves all, and has exactly its budget; leave it out",
	  { SET(sys.service.budget_min_ns, 0) } },
};

static const struct row memory_rows[] = {
	{ "a least above what is usual",
	  { SET(ONE.memory_min_bytes, MIB(18)) },
	  "partition 'one': memory_min_bytes = 18 MiB is above memory_bytes = 16 MiB; it is shrunk to it, never "
	  "raised: lower it, or give more memory_bytes",
	  { SET(ONE.memory_bytes, MIB(18)) } },
	{ "a most below what is usual",
	  { SET(ONE.memory_max_bytes, MIB(14)) },
	  "partition 'one': memory_max_bytes = 14 MiB is below memory_bytes = 16 MiB; it never has more than max: "
	  "raise it, or give less memory_bytes",
	  { SET(ONE.memory_max_bytes, MIB(32)) } },
	{ "a least of odd size",
	  { SET(ONE.memory_min_bytes, MIB(3)) },
	  "partition 'one': memory_min_bytes = 3 MiB: not a multiple of 2 MiB; give 2 MiB",
	  { SET(ONE.memory_min_bytes, MIB(2)) } },
	{ "a least of less than a guest has",
	  { SET(ONE.memory_min_bytes, MIB(1)) },
	  "partition 'one': memory_min_bytes = 1 MiB: such a guest does not start in less than 2 MiB; give at least "
	  "that",
	  { SET(ONE.memory_min_bytes, MIB(2)) } },
	{ "a most of odd size beyond what guests have",
	  { SET(ONE.memory_max_bytes, GIB(513) + 1) },
	  "partition 'one': memory_max_bytes = 550829555713 bytes: guest RAM is laid out for 512 GiB; give at most "
	  "that",
	  { SET(ONE.memory_max_bytes, GIB(512)) } },
	{ "a most beyond what guests have",
	  { SET(ONE.memory_max_bytes, GIB(1024)) },
	  "partition 'one': memory_max_bytes = 1024 GiB: guest RAM is laid out for 512 GiB; give at most that",
	  { SET(ONE.memory_max_bytes, GIB(512)) } },
	{ "a least in which Linux does not start",
	  { SET(ONE.boot, BOOT_LINUX), SET(ONE.memory_min_bytes, MIB(8)) },
	  "partition 'one': memory_min_bytes = 8 MiB: such a guest does not start in less than 16 MiB; give at least "
	  "that",
	  { SET(ONE.memory_min_bytes, MIB(16)) } },
	{ "least ones that do not fit",
	  { SET(ONE.memory_bytes, MIB(200)), SET(ONE.memory_min_bytes, MIB(190)),
	    SET(parts[1].memory_bytes, MIB(100)), SET(parts[1].memory_min_bytes, MIB(50)) },
	  /* 190 + 50 + 16 + 8 = 264, and 248 there are */
	  "system: memory, shrunk to the minima: one 190 MiB + two 50 MiB + three 16 MiB + disk 'ssd' 8 MiB = 264 MiB "
	  "> 248 MiB that there are; lower memory_min of partition 'one' to at most 174 MiB, or take a board with 16 "
	  "MiB more",
	  { SET(ONE.memory_min_bytes, MIB(174)) } },
};

static const struct row disk_rows[] = {
	{ "a most that nothing keeps",
	  { SET(shares[0].bytes_per_s.max, 20 * MB) },
	  "partition 'one': disks[0].bytes_per_s.max = 20000000: nothing holds a share back where others leave it "
	  "time; leave it out, or give the disk DISK_BUDGET and the share a budget",
	  { SET(shares[0].bytes_per_s.max, 0) } },
	{ "a least above what is usual",
	  { SET(shares[0].bytes_per_s.min, 30 * MB) },
	  "partition 'one': disks[0].bytes_per_s: min = 30000000 is above usual = 20000000; what is usual is at least "
	  "what it can be shrunk to: raise usual, or lower min",
	  { SET(shares[0].bytes_per_s.usual, 30 * MB) } },
	{ "more than any disk has",
	  { SET(shares[0].bytes_per_s.usual, BIT64(41)) },
	  "partition 'one': disks[0].bytes_per_s.usual = 2199023255552: no disk has that; give at most 1099511627776",
	  { SET(shares[0].bytes_per_s.usual, BIT64(40)) } },
	{ "requests of odd length",
	  { SET(shares[0].request_bytes, 5000) },
	  "partition 'one': disks[0].request_bytes = 5000: a multiple of 4 KiB, at most its request_max of 1 MiB; give "
	  "that, or 0 for 4 KiB",
	  { SET(shares[0].request_bytes, KIB(64)) } },
	{ "a length for no promise",
	  { SET(shares[0].bytes_per_s.usual, 0), SET(shares[1].bytes_per_s.usual, 0),
	    SET(shares[1].request_bytes, 0) },
	  "partition 'one': disks[0].request_bytes = 65536: it is what bytes_per_s is promised for; give that, or leave "
	  "it out",
	  { SET(shares[0].request_bytes, 0) } },
	{ "bytes, and a weight",
	  { SET(shares[0].weight, 5) },
	  "partition 'one': disks[0].weight = 5: its weight is made of bytes_per_s; leave one of the two out",
	  { SET(shares[0].weight, 0) } },
	{ "bytes for one of two",
	  { SET(shares[0].bytes_per_s.usual, 0), SET(shares[0].request_bytes, 0) },
	  "disk 'ssd': bytes_per_s: 1 of 2 shares have it, and the others' weights do not say what they leave; give it "
	  "to all, or to none",
	  { SET(shares[0].bytes_per_s.usual, 10 * MB), SET(shares[0].request_bytes, KIB(64)) } },
	{ "bytes of a scheduler that does not part them",
	  { SET(disk[0].scheduler, DISK_FIFO) },
	  "disk 'ssd': bytes_per_s of its shares: only the budget-fair scheduler parts it so; give DISK_BFQ, or leave "
	  "them out",
	  { SET(disk[0].scheduler, DISK_BFQ) } },
	{ "bytes of a disk that is tuned",
	  { SET(disk[0].tuning, DISK_TUNE_ANALYTIC), SET(shares[0].tasks, disk_tasks),
	    SET(shares[0].task_count, 1),
	    SET(shares[1], .disk = "ssd", .first_sector = SECTORS(MIB(2)), .sector_count = 8,
		.tasks = disk_tasks, .task_count = 1, .outstanding = 8, .request_bytes = KIB(64),
		.bytes_per_s = { .usual = MB }) },
	  "disk 'ssd': bytes_per_s of its shares: tuning finds their weights; leave them out, or it",
	  { SET(disk[0].tuning, DISK_AS_GIVEN), SET(disk_tasks[0].target_ns, 0) } },
	{ "bytes of a disk that nobody knows",
	  { SET(disk[0], .name = "ssd", .kind = DISK_NVME) },
	  "disk 'ssd': time is not given; how many bytes a second there are follows from the times that the disk takes: "
	  "give it, or leave bytes_per_s out",
	  { SET(disk[0].time, .read = { US(60), US(1) }, .write = { US(50), US(1) },
		.parallel = 1) } },
	{ "a most below the target",
	  { SET(disk[0].tuning, DISK_TUNE_ANALYTIC), SET(disk_tasks[0].target_max_ns, SEC(10)),
	    SET(shares[0], .disk = "ssd", .sector_count = 8, .tasks = disk_tasks, .task_count = 1),
	    SET(parts[1].disk_count, 0) },
	  "partition 'one': disks[0].tasks[0].target_max = 10 s: what its target of 20 s may become is that at least, and "
	  "at most 100 s; give that, or 0 for the target itself",
	  { SET(disk_tasks[0].target_max_ns, SEC(20)) } },
	{ "a most without a target",
	  { SET(disk[0].tuning, DISK_TUNE_ANALYTIC),
	    SET(disk_tasks[0], .iops = 100, .target_max_ns = SEC(10)),
	    SET(shares[0], .disk = "ssd", .sector_count = 8, .tasks = disk_tasks, .task_count = 1),
	    SET(parts[1].disk_count, 0) },
	  "partition 'one': disks[0].tasks[0].target_max = 10 s, but there is no target; give one, or leave it out",
	  { SET(disk_tasks[0].target_ns, SEC(10)) } },
};

static void wrong_cpu_tuples_are_told_what_is_wrong(void)
{
	CHECK_ROWS(cpu_rows);
}

static void wrong_memory_tuples_are_told_what_is_wrong(void)
{
	CHECK_ROWS(memory_rows);
}

static void wrong_disk_tuples_are_told_what_is_wrong(void)
{
	CHECK_ROWS(disk_rows);
}

int main(void)
{
	RUN(wrong_cpu_tuples_are_told_what_is_wrong);
	RUN(wrong_memory_tuples_are_told_what_is_wrong);
	RUN(wrong_disk_tuples_are_told_what_is_wrong);
	return test_failed;
}

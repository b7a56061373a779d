/* SPDX-License-Identifier: Apache-2.0 */
/* Wrong disks, shares, times and tuning: each with the sentence that its user needs. */
#include "core/lib/block.h"
#include "tests/unit/refusal_rig.h"

#define SECTORS(bytes) ((bytes) / BLOCK_SECTOR_BYTES)

enum { FAST, REAL, SSD, DISKS };
static struct disk_config disk[CONFIG_DISK_MAX + 1];
static struct disk_share first[CONFIG_SHARE_MAX + 1], second[CONFIG_SHARE_MAX + 1];
static struct disk_task tasks[9];
static struct service_quantile quantiles[2];
static struct device_config function[8];
static struct pf_config pf;
static struct partition_config parts[10];
static struct disk_share crowd[10][CONFIG_SHARE_MAX];

static bool is_tuned; /* which takes its time */

/* Two on 'fast'; 'real' by GPT; 'ssd' is the second's. Behind them, who only reads 'more'. */
void good_system(void)
{
	static const char *const names[] = { "one", "two", "c", "d", "e", "f", "g", "h", "i", "j" };

	memset(disk, 0, sizeof(disk));
	memset(first, 0, sizeof(first));
	memset(second, 0, sizeof(second));
	memset(function, 0, sizeof(function));
	disk[FAST] = (struct disk_config){
		.name = "fast", .kind = DISK_MEMORY, .bytes = MIB(4), .time = { .parallel = 1 }
	};
	disk[REAL] =
		(struct disk_config){ .name = "real", .kind = DISK_NVME, .address = "02:00.0" };
	disk[SSD] = (struct disk_config){
		.name = "ssd",
		.kind = DISK_MEMORY,
		.bytes = MIB(4),
		.time = { .read = { US(60), 4180 }, .write = { US(80), 4180 }, .parallel = 1 },
		.tuning = is_tuned ? DISK_TUNE_ANALYTIC : DISK_AS_GIVEN
	};
	for (uint32_t i = DISKS; i <= CONFIG_DISK_MAX; i++)
		disk[i] = disk[FAST];
	disk[3].name = "more";
	first[0] = (struct disk_share){ .disk = "fast", .sector_count = SECTORS(MIB(2)) };
	first[1] = (struct disk_share){ .disk = "real", .partition = "data" };
	for (uint32_t i = 2; i <= CONFIG_SHARE_MAX; i++)
		first[i] = (struct disk_share){ .disk = "real",
						.first_sector = 8 * i,
						.sector_count = 8 };
	second[0] = (struct disk_share){ .disk = "fast",
					 .first_sector = SECTORS(MIB(2)),
					 .sector_count = SECTORS(MIB(2)) };
	second[1] = (struct disk_share){
		.disk = "ssd", .sector_count = 8, .tasks = tasks, .task_count = 1
	};
	for (uint32_t i = 0; i < ARRAY_SIZE(tasks); i++)
		tasks[i] = (struct disk_task){ .iops = 100, .target_ns = is_tuned ? SEC(20) : 0 };
	quantiles[0] = (struct service_quantile){ 0, 0 };
	quantiles[1] = (struct service_quantile){ 1000000, US(100) };
	pf = (struct pf_config){
		.name = "net", .driver = PF_IGB, .address = "05:00.0", .vf_count = 1
	};
	for (uint32_t i = 0; i < ARRAY_SIZE(parts); i++) {
		for (uint32_t n = 0; n < CONFIG_SHARE_MAX; n++)
			crowd[i][n] = (struct disk_share){ .disk = "more",
							   .is_read_only = true,
							   .sector_count = 8 };
		parts[i] = (struct partition_config){ .name = names[i],
						      .cpu = BEST_EFFORT(1, i + 1),
						      .memory_bytes = MIB(2),
						      .platform = PLATFORM_PC,
						      .image = "x.elf",
						      .disks = crowd[i],
						      .disk_count = CONFIG_SHARE_MAX };
	}
	parts[0].disks = first;
	parts[1].disks = second;
	parts[0].disk_count = parts[1].disk_count = 2;
	sys = (struct config){ .name = "good",
			       .board = TEST_BOARD(3, US(10)),
			       .partitions = parts,
			       .partition_count = 2,
			       .disks = disk,
			       .disk_count = DISKS,
			       .service = RESERVATION(2, MS(1), MS(10)) };
}

static const struct row disk_rows[] = {
	{ "a count of disks without a list",
	  { SET(sys.disks, NULL), SET(parts[0].disk_count, 0), SET(parts[1].disk_count, 0) },
	  "system: disk_count = 3, but disks is not given; give both, or neither",
	  { SET(sys.disk_count, 0), SET(sys.service, .kind = CPU_NONE) } },
	{ "five disks",
	  { SET(sys.disk_count, 5), SET(parts[0].disk_count, 3), SET(first[2].disk, "more") },
	  "system: disk_count = 5: at most 4 are supported; take 1 out",
	  { SET(sys.disk_count, 4) } },
	{ "a disk without a name",
	  { SET(disk[REAL].name, NULL), SET(parts[0].disk_count, 1) },
	  "disks[1]: name = '': a share names its disk by 1 to 15 characters of [a-z0-9_-]; give one",
	  { SET(disk[REAL].name, "real"), SET(parts[0].disk_count, 2) } },
	{ "a disk's name that its share has as well",
	  { SET(disk[REAL].name, "Real"), SET(first[1].disk, "Real") },
	  "disks[1]: name = 'Real': a share names its disk by 1 to 15 characters of [a-z0-9_-]; give one",
	  { SET(disk[REAL].name, "real"), SET(first[1].disk, "real") } },
	{ "two disks of one name",
	  { SET(sys.disk_count, 4), SET(disk[3].name, "fast"),
	    SET(disk[3].tuning, DISK_TUNE_ANALYTIC) },
	  "disks[3]: name = 'fast': disks[0] has it already; a share names its disk by it: give another",
	  { SET(disk[3].name, "slow"), SET(disk[3].tuning, DISK_AS_GIVEN),
	    SET(parts[0].disk_count, 3), SET(first[2].disk, "slow") } },
	{ "a disk that is none",
	  { SET(disk[REAL].kind, (enum disk_kind)4) },
	  "disk 'real': kind = 4: not a choice; give DISK_MEMORY, DISK_NVME or DISK_VIRTIO",
	  { SET(disk[REAL].kind, DISK_VIRTIO) } },
	{ "the size of a real disk",
	  { SET(disk[REAL].bytes, MIB(2)) },
	  "disk 'real': bytes = 2 MiB: this disk says itself how large it is; leave it out",
	  { SET(disk[REAL].bytes, 0) } },
	{ "RAM in odd pieces",
	  { SET(disk[FAST].bytes, MIB(5)) },
	  "disk 'fast': bytes = 5 MiB: RAM for a disk comes in pieces of 2 MiB, at most 512 GiB; give 6 MiB",
	  { SET(disk[FAST].bytes, MIB(6)) } },
	{ "more RAM than there is",
	  { SET(disk[FAST].bytes, MIB(512)) },
	  "disk 'fast': bytes = 512 MiB does not fit: a disk's memory is contiguous, and 240 MiB are left in all, "
	  "240 MiB in one piece; give at most 240 MiB, shrink others, or use a larger board",
	  { SET(sys.board.memory_bytes, GIB(1)) } },
	{ "no RAM left for a disk",
	  { SET(parts[0].memory_bytes, MIB(232)), SET(parts[1].memory_bytes, MIB(4)) },
	  "disk 'ssd': bytes = 4 MiB does not fit: nothing is left after the larger ones; shrink those, or use a "
	  "larger board",
	  { SET(parts[0].memory_bytes, MIB(228)) } },
	{ "RAM at an address",
	  { SET(disk[FAST].address, "03:00.0") },
	  "disk 'fast': address = '03:00.0': this disk is RAM, which has none; leave it out",
	  { SET(disk[FAST].address, NULL) } },
	{ "RAM with a namespace",
	  { SET(disk[FAST].nsid, 1) },
	  "disk 'fast': nsid = 1: only NVMe disks have namespaces; leave it out",
	  { SET(disk[FAST].nsid, 0) } },
	{ "a disk at no address",
	  { SET(disk[REAL].address, "2:0.0") },
	  "disk 'real': address = '2:0.0': not the address of a PCI function; write bus, device and function in "
	  "hexadecimal, as in \"02:00.0\"",
	  { SET(disk[REAL].address, "02:00.0") } },
	{ "two disks at one address",
	  { SET(sys.disk_count, 4),
	    SET(disk[3], .name = "more", .kind = DISK_VIRTIO, .address = "0000:02:00.0"),
	    SET(parts[0].disk_count, 3), SET(first[2].disk, "more") },
	  "disk 'more': address = '0000:02:00.0': disk 'real' is this function, too; a function is one disk, PF or "
	  "device: correct it, or take one of the two out",
	  { SET(disk[3].address, "02:00.1") } },
	{ "a disk that is a PF",
	  { SET(sys.pfs, &pf), SET(sys.pf_count, 1), SET(pf.address, "02:00.0") },
	  "disk 'real': address = '02:00.0': pfs[0] is this function, too; a function is one disk, PF or device: "
	  "correct it, or take one of the two out",
	  { SET(pf.address, NULL) } },
	{ "a disk that a guest has whole",
	  { SET(parts[1].devices, function), SET(parts[1].device_count, 1),
	    SET(function[0], .kind = DEVICE_FUNCTION, .name = "02:00.0") },
	  "disk 'real': address = '02:00.0': devices[0] of partition 'two' is this function, too; a function is "
	  "one disk, PF or device: correct it, or take one of the two out",
	  { SET(function[0].name, "02:00.1") } },
	{ "a disk that nobody has",
	  { SET(parts[0].disk_count, 1) },
	  "disk 'real': .DISKS() of no partition has a share of it; give one, or leave the disk out",
	  { SET(parts[0].disk_count, 2) } },
	{ "a disk that too many have", /* eight partitions, four shares each, and one */
	  { SET(sys.disk_count, 4), SET(sys.partition_count, 10), SET(parts[0].disk_count, 3),
	    SET(first[2], .disk = "more", .sector_count = 8, .is_read_only = true) },
	  "disk 'more': .DISKS() of all partitions have 33 shares of it; a disk has at most 32: take 1 out",
	  { SET(parts[0].disk_count, 2) } },
};

static const struct row order_rows[] = {
	{ "an order that is none",
	  { SET(disk[REAL].scheduler, (enum disk_scheduler)5) },
	  "disk 'real': scheduler = 5: not a choice; give DISK_BFQ, DISK_FIFO, DISK_DEADLINE, DISK_PRIORITY or "
	  "DISK_BUDGET",
	  { SET(disk[REAL].scheduler, DISK_FIFO) } },
	{ "too many at a time",
	  { SET(disk[FAST].depth, 129) },
	  "disk 'fast': depth = 129: a device is given at most 128 requests at a time; give at most that, or 0 for "
	  "8",
	  { SET(disk[FAST].depth, 128) } },
	{ "a turn without room for a request",
	  { SET(disk[FAST].max_budget_bytes, KIB(512)) },
	  "disk 'fast': max_budget = 512 KiB: a turn holds one request of 1 MiB at least, and 64 MiB at most; give "
	  "that, or 0 for 8 MiB",
	  { SET(disk[FAST].max_budget_bytes, MIB(1)) } },
	{ "an audit of 3",
	  { SET(disk[FAST].audit_records, 3) },
	  "disk 'fast': audit_records = 3: a power of two, at most 65536; give one, or 0 for none",
	  { SET(disk[FAST].audit_records, 4) } },
	{ "a wait of 11 s",
	  { SET(disk[FAST].slice_idle_ns, SEC(11)) },
	  "disk 'fast': slice_idle = 11 s: nobody waits that long for a guest's next request; give at most 10 s, "
	  "or DISK_NO_IDLE",
	  { SET(disk[FAST].slice_idle_ns, DISK_NO_IDLE) } },
	{ "a turn of 11 s",
	  { SET(disk[FAST].timeout_sync_ns, SEC(11)) },
	  "disk 'fast': timeout_sync = 11 s: a turn that long starves all others; give at most 10 s",
	  { SET(disk[FAST].timeout_sync_ns, SEC(10)) } },
	{ "looking all the time",
	  { SET(disk[FAST].poll_ns, 1) },
	  "disk 'fast': poll = 1 ns: more often is nothing but looking, more seldom nothing but waiting; give 10 us "
	  "to 100 ms, or 0 for 100 us",
	  { SET(disk[FAST].poll_ns, US(10)) } },
	{ "a disk that serves nobody",
	  { SET(disk[FAST].time.parallel, 0) },
	  "disk 'fast': time.parallel = 0: a disk serves 1 to 64 requests at a time; give one of these",
	  { SET(disk[FAST].time.parallel, 64) } },
	{ "a real disk's times in part",
	  { SET(disk[REAL].time.read.fixed_ns, US(60)) },
	  "disk 'real': time.parallel = 0: a disk serves 1 to 64 requests at a time; give one of these",
	  { SET(disk[REAL].time.parallel, 4) } },
	{ "a disk that takes forever",
	  { SET(disk[FAST].time.write.ns_per_kib, SEC(101)) },
	  "disk 'fast': time.write.ns_per_kib = 101 s: no disk takes that long; give at most 100 s",
	  { SET(disk[FAST].time.write.ns_per_kib, 4000) } },
	{ "nothing but stalls",
	  { SET(disk[FAST].time.stall_ns, MS(5)), SET(disk[FAST].time.stall_every_ns, MS(5)) },
	  "disk 'fast': time.stall = 5 ms in every 5 ms: a stall is shorter than what it recurs in; give stall and "
	  "a larger stall_every, or neither",
	  { SET(disk[FAST].time.stall_every_ns, MS(6)) } },
	{ "a jitter that is none",
	  { SET(disk[FAST].time.jitter, (enum service_jitter)3) },
	  "disk 'fast': time.jitter = 3: not a choice; give SERVICE_STEADY, SERVICE_UNIFORM or SERVICE_QUANTILES",
	  { SET(disk[FAST].time.jitter, SERVICE_UNIFORM) } },
	{ "quantiles that end early",
	  { SET(disk[FAST].time.jitter, SERVICE_QUANTILES),
	    SET(disk[FAST].time.quantiles, quantiles), SET(disk[FAST].time.quantile_count, 2),
	    SET(quantiles[1].ppm, 999999) },
	  "disk 'fast': time.quantile_count = 2: 2 to 64 quantiles lead from 0 to 1000000 ppm, ppm increasing, "
	  "times not decreasing and at most 100 s; correct time.quantiles",
	  { SET(quantiles[1].ppm, 1000000) } },
};

static const struct row share_rows[] = {
	{ "a count of shares without a list",
	  { SET(parts[1].disks, NULL), SET(sys.disk_count, 2) },
	  "partition 'two': disk_count = 2, but disks is not given; give both, by .DISKS(), or neither",
	  { SET(parts[1].disk_count, 0) } },
	{ "five shares",
	  { SET(parts[0].disk_count, 5) },
	  "partition 'one': disk_count = 5, device_count = 0: a PC has room for 8 in all, of which at most 4 are "
	  "disks; take some out",
	  { SET(parts[0].disk_count, 4) } },
	{ "shares without a PC",
	  { SET(parts[0].platform, PLATFORM_AUTO) },
	  "partition 'one': disks: there is no PC around this guest for a PCI bus to be in; give .platform = "
	  "PLATFORM_PC",
	  { SET(parts[0].platform, PLATFORM_PC) } },
	{ "a share of no disk",
	  { SET(first[0].disk, "fats") },
	  "partition 'one': disks[0].disk = 'fats': no disk has this name; correct it, or add it to .disks of the "
	  "system",
	  { SET(first[0].disk, "fast") } },
	{ "a GPT partition of RAM",
	  { SET(first[0].partition, "x") },
	  "partition 'one': disks[0].partition = 'x': disk 'fast' is RAM, which begins without partitions; give "
	  "first_sector and sector_count instead",
	  { SET(first[0].partition, NULL) } },
	{ "a name and a range",
	  { SET(first[1].sector_count, 8) },
	  "partition 'one': disks[1].partition = 'data': sectors from 0, 8 of them, are given, too; give one of the "
	  "two",
	  { SET(first[1].partition, NULL) } },
	{ "a GPT name too long",
	  { SET(first[1].partition, "1234567890123456789012345678901234567") },
	  "partition 'one': disks[1].partition = '123456789012345678901234...': GPT names have 1 to 36 characters; "
	  "correct it",
	  { SET(first[1].partition, "123456789012345678901234567890123456") } },
	{ "no sectors",
	  { SET(first[0].sector_count, 0) },
	  "partition 'one': disks[0].first_sector = 0, sector_count = 0: not a range; give both, or the name of a "
	  "GPT partition",
	  { SET(first[0].sector_count, 8) } },
	{ "sectors within blocks",
	  { SET(second[0].first_sector, 4097), SET(second[0].sector_count, 4089) },
	  "partition 'two': disks[0].first_sector = 4097, sector_count = 4089: both are multiples of 8 (4 KiB), "
	  "whatever blocks the disk has; give 4096 and 4088",
	  { SET(second[0].first_sector, 4096), SET(second[0].sector_count, 4088) } },
	{ "the last sectors, within a block",
	  { SET(second[0].first_sector, 8185), SET(second[0].sector_count, 7) },
	  "partition 'two': disks[0].first_sector = 8185, sector_count = 7: both are multiples of 8 (4 KiB), "
	  "whatever blocks the disk has; give 8184 and 8",
	  { SET(second[0].first_sector, 8184), SET(second[0].sector_count, 8) } },
	{ "sectors behind the end",
	  { SET(second[0].sector_count, 4104) },
	  "partition 'two': disks[0].first_sector = 4096, sector_count = 4104: disk 'fast' has 8192; end there, or "
	  "make it larger",
	  { SET(disk[FAST].bytes, MIB(6)) } },
	{ "sectors given twice",
	  { SET(second[0].first_sector, 4088) },
	  "partition 'two': disks[0].first_sector = 4088, sector_count = 4096: partition 'one' has some of these "
	  "already, as its disks[0]; only readers share: give others, or both .is_read_only",
	  { SET(second[0].is_read_only, true), SET(first[0].is_read_only, true) } },
	{ "a GPT partition given twice",
	  { SET(parts[0].disk_count, 3),
	    SET(first[2], .disk = "real", .partition = "data", .is_read_only = true) },
	  "partition 'one': disks[2].partition = 'data': partition 'one' has it already, as its disks[1]; only "
	  "readers share: give another, or both .is_read_only",
	  { SET(first[2].partition, "rest") } },
	{ "nine queues",
	  { SET(first[0].queue_count, 9) },
	  "partition 'one': disks[0].queue_count = 9: a device has at most 8; give at most that",
	  { SET(first[0].queue_count, 8) } },
	{ "nine tasks, each with a queue",
	  { SET(second[1].task_count, 9) },
	  "partition 'two': disks[1].task_count = 9: a task is a virtqueue, and a device has at most 8; take 1 out",
	  { SET(second[1].task_count, 8) } },
	{ "a count of tasks without a list",
	  { SET(first[0].task_count, 2) },
	  "partition 'one': disks[0].task_count = 2, but tasks is not given; give both, by .TASKS(), or neither",
	  { SET(first[0].task_count, 0) } },
	{ "a queue of 48",
	  { SET(first[0].queue_size, 48) },
	  "partition 'one': disks[0].queue_size = 48: a power of two from 16 to 256; give one, or 0 for 128",
	  { SET(first[0].queue_size, 64) } },
	{ "a queue that weighs too much",
	  { SET(first[0].queue_weights[0], 1001) },
	  "partition 'one': disks[0].queue_weights[0] = 1001: weights are 1 to 1000; give one of these, or 0 for "
	  "100",
	  { SET(first[0].queue_weights[0], 1000) } },
	{ "the weight of no queue",
	  { SET(first[0].queue_weights[1], 5) },
	  "partition 'one': disks[0].queue_weights[1] = 5: there is no such queue; leave it out, or give "
	  "queue_count = 2",
	  { SET(first[0].queue_count, 2) } },
	{ "a share that weighs too much",
	  { SET(first[0].weight, 1001) },
	  "partition 'one': disks[0].weight = 1001: weights are 1 to 1000; give one of these, or 0 for 100",
	  { SET(first[0].weight, 1000) } },
	{ "requests of half a page",
	  { SET(first[0].request_max_bytes, 2048) },
	  "partition 'one': disks[0].request_max = 2 KiB: a multiple of 4 KiB, at most 1 MiB; give one, or 0 for "
	  "the most",
	  { SET(first[0].request_max_bytes, 4096) } },
	{ "too many requests",
	  { SET(first[0].outstanding, 257) },
	  "partition 'one': disks[0].outstanding = 257: a share has at most 256 requests; give at most that",
	  { SET(first[0].outstanding, 256) } },
	{ "a budget that nobody heeds",
	  { SET(first[0].budget_bytes, KIB(64)), SET(first[0].budget_period_ns, MS(1)) },
	  "partition 'one': disks[0].budget = 64 KiB in 1 ms: the scheduler of disk 'fast' has no budgets of this "
	  "kind; leave it out, or give the disk DISK_BUDGET",
	  { SET(first[0].budget_bytes, 0), SET(first[0].budget_period_ns, 0) } },
	{ "budgets, but none is given",
	  { SET(disk[REAL].scheduler, DISK_BUDGET) },
	  "partition 'one': disks[1].budget is not given; DISK_BUDGET serves by it: give budget_bytes and "
	  "budget_period_ns",
	  { SET(first[1].budget_bytes, KIB(64)), SET(first[1].budget_period_ns, MS(1)) } },
	{ "a budget for an hour",
	  { SET(disk[REAL].scheduler, DISK_BUDGET), SET(first[1].budget_bytes, KIB(64)),
	    SET(first[1].budget_period_ns, SEC(3600)) },
	  "partition 'one': disks[1].budget = 64 KiB in 3600 s: at least 4 KiB, in every 1 ms to 10 s; give that",
	  { SET(first[1].budget_period_ns, SEC(10)) } },
};

static const struct row tuning_rows[] = {
	{ "a tuning that is none",
	  { SET(disk[SSD].tuning, (enum disk_tuning)3) },
	  "disk 'ssd': tuning = 3: not a choice; give DISK_TUNE_ANALYTIC, DISK_TUNE_MLP, or leave it out",
	  { SET(disk[SSD].tuning, DISK_TUNE_ANALYTIC) } },
	{ "what cannot be tuned",
	  { SET(disk[SSD].scheduler, DISK_FIFO) },
	  "disk 'ssd': tuning = 1: what is tuned is the budget-fair scheduler, and this disk has another; give "
	  "DISK_BFQ, or leave tuning out",
	  { SET(disk[SSD].scheduler, DISK_BFQ) } },
	{ "a wait that is to be found",
	  { SET(disk[SSD].slice_idle_ns, MS(1)) },
	  "disk 'ssd': slice_idle = 1 ms: tuning finds it; leave it out, or tuning",
	  { SET(disk[SSD].slice_idle_ns, 0) } },
	{ "a turn that is to be found",
	  { SET(disk[SSD].timeout_sync_ns, MS(16)) },
	  "disk 'ssd': timeout_sync = 16 ms: tuning finds it; leave it out, or tuning",
	  { SET(disk[SSD].timeout_sync_ns, 0) } },
	{ "nothing to predict from",
	  { SET(disk[REAL].tuning, DISK_TUNE_ANALYTIC), SET(first[1].tasks, &tasks[1]),
	    SET(first[1].task_count, 1) },
	  "disk 'real': time is not given; tuning predicts from the times that the disk takes: give it, or leave "
	  "tuning out",
	  { SET(disk[REAL].time, .read = { US(60), 4180 }, .write = { US(80), 4180 },
		.parallel = 1) } },
	{ "a share that does not say what it asks for",
	  { SET(second[1].task_count, 0), SET(second[1].tasks, NULL) },
	  "partition 'two': disks[1].task_count = 0: disk 'ssd' is tuned, which needs to know what each share asks "
	  "for; give 1 to 8, by .TASKS()",
	  { SET(second[1].tasks, tasks), SET(second[1].task_count, 8) } },
	{ "more queues than tasks",
	  { SET(second[1].queue_count, 2) },
	  "partition 'two': disks[1].queue_count = 2: a task is a virtqueue, and there are 1; leave it out, or give "
	  "as many (a guest with one queue: its tasks as one)",
	  { SET(second[1].queue_count, 1) } },
	{ "a weight that is to be found",
	  { SET(second[1].weight, 7) },
	  "partition 'two': disks[1].weight = 7: tuning finds it; leave it out",
	  { SET(second[1].weight, 0) } },
	{ "a queue's weight that is to be found",
	  { SET(second[1].task_count, 2), SET(second[1].queue_weights[1], 7) },
	  "partition 'two': disks[1].queue_weights[1] = 7: tuning finds it; leave it out",
	  { SET(second[1].queue_weights[1], 0) } },
	{ "a task that asks for nothing",
	  { SET(tasks[0].iops, 0) },
	  "partition 'two': disks[1].tasks[0].iops = 0: how many requests a second the task sends at most decides "
	  "what it can be promised; give 1 to 100000",
	  { SET(tasks[0].iops, 1) } },
	{ "a target in two minutes",
	  { SET(tasks[0].target_ns, SEC(120)) },
	  "partition 'two': disks[1].tasks[0].target = 120 s: beyond 100 s nothing is predicted; give at most that, "
	  "or 0 for none",
	  { SET(tasks[0].target_ns, SEC(100)) } },
	{ "a target that the disk cannot meet",
	  { SET(tasks[0].target_ns, US(70)) },
	  /* 60 us and 4 KiB at 4.18 us each */
	  "partition 'two': disks[1].tasks[0].target = 70 us: disk 'ssd' by itself takes 76.72 us for 4 KiB; give "
	  "more than that, or 0 for none",
	  { SET(tasks[0].target_ns, MS(100)) } },
	{ "no target at all",
	  { SET(tasks[0].target_ns, 0) },
	  "disk 'ssd': tuning: no task has a target; give a task of .TASKS() a target, or leave tuning out",
	  { SET(tasks[0].target_ns, SEC(1)) } },
	{ "a target without tuning",
	  { SET(disk[SSD].tuning, DISK_AS_GIVEN) },
	  "partition 'two': disks[1].tasks[0].target = 20 s: its disk has no tuning; give the disk .tuning, or leave "
	  "the target out",
	  { SET(disk[SSD].tuning, DISK_TUNE_ANALYTIC) } },
	{ "critical without tuning",
	  { SET(first[0].is_critical, true) },
	  "partition 'one': disks[0].is_critical: its disk has no tuning, and keeps no targets; give the disk "
	  ".tuning, or leave it out",
	  { SET(first[0].is_critical, false) } },
};

static void wrong_disks_are_told_what_is_wrong(void)
{
	CHECK_ROWS(disk_rows);
}

static void wrong_orders_and_times_are_told_what_is_wrong(void)
{
	CHECK_ROWS(order_rows);
}

static void wrong_shares_are_told_what_is_wrong(void)
{
	CHECK_ROWS(share_rows);
}

static void wrong_tuning_is_told_what_is_wrong(void)
{
	is_tuned = true;
	CHECK_ROWS(tuning_rows);
}

int main(void)
{
	RUN(wrong_disks_are_told_what_is_wrong);
	RUN(wrong_orders_and_times_are_told_what_is_wrong);
	RUN(wrong_shares_are_told_what_is_wrong);
	RUN(wrong_tuning_is_told_what_is_wrong);
	return test_failed;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Shared disks in the configuration: every rule, what its refusal names, and what the plan gives. */
#include <stdlib.h>
#include <string.h>
#include "core/disk.h"
#include "core/memory.h"
#include "drivers/memdisk/memdisk.h"
#include "tests/unit/plan_rig.h"

#define SECTORS(bytes) ((bytes) / BLOCK_SECTOR_BYTES)

static struct disk_share first[CONFIG_SHARE_MAX + 1], second[CONFIG_SHARE_MAX];
static struct disk_config disk[CONFIG_DISK_MAX + 1];
static struct partition_config parts[2];

void good_system(void)
{
	memset(first, 0, sizeof(first));
	memset(second, 0, sizeof(second));
	memset(disk, 0, sizeof(disk));
	disk[0] = (struct disk_config){
		.name = "fast", .kind = DISK_MEMORY, .bytes = MIB(4), .time = { .parallel = 1 }
	};
	disk[1] = (struct disk_config){ .name = "real", .kind = DISK_NVME, .address = "02:00.0" };
	first[0] = (struct disk_share){ .disk = "fast", .sector_count = SECTORS(MIB(2)) };
	first[1] = (struct disk_share){ .disk = "real", .partition = "data" };
	second[0] = (struct disk_share){ .disk = "fast",
					 .first_sector = SECTORS(MIB(2)),
					 .sector_count = SECTORS(MIB(2)) };
	for (uint32_t i = 0; i < ARRAY_SIZE(parts); i++)
		parts[i] = (struct partition_config){ .name = i == 0 ? "one" : "two",
						      .cpu = OWN_CORE(0),
						      .memory_bytes = MIB(16),
						      .platform = PLATFORM_PC,
						      .image = "x.elf",
						      .disks = i == 0 ? first : second,
						      .disk_count = i == 0 ? 2 : 1 };
	parts[1].cpu.core = 1;
	sys = (struct config){ .name = "good",
			       .board = TEST_BOARD(3, US(10)),
			       .partitions = parts,
			       .partition_count = 2,
			       .disks = disk,
			       .disk_count = 2,
			       .service = RESERVATION(2, US(310), MS(100)) };
}

static void a_good_system_gets_its_places(void)
{
	uint64_t base, end;

	CHECK(build() == OK);
	end = board.memory[0].base + board.memory[0].bytes;
	base = plan.disks[0].memory_base;
	CHECK(plan.disks[0].client_count == 2 && plan.disks[1].client_count == 1);
	CHECK(base % MIB(2) == 0 && base >= board.memory[0].base && base + MIB(4) <= end);
	for (uint32_t i = 0; i < 2; i++)
		CHECK(base + MIB(4) <= plan.partitions[i].memory_base ||
		      plan.partitions[i].memory_base + MIB(16) <= base);
	CHECK(plan.disks[1].memory_base == 0);
	disk[0].bytes = MIB(512);
	CHECK(refuses("disk 'fast'", "bytes = 512 MiB does not fit", "larger board"));
}

/* One of the refusals does. */
static bool says(const char *one, const char *two)
{
	bool is = false;

	for (uint32_t i = 0; i < no.count; i++)
		is |= strstr(no.text[i], one) && strstr(no.text[i], two);
	return is;
}

static void sizes_of_memory_disks_are_checked(void)
{
	static const uint64_t wrong[] = { 0, KIB(4), MIB(3), GIB(512) + MIB(2), UINT64_MAX };

	for (uint32_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		disk[0].bytes = wrong[i];
		first[0].sector_count = second[0].first_sector = second[0].sector_count = 8;
		CHECK(build() == ERR_INVAL);
		CHECK(says("disk 'fast'", "in pieces of 2 MiB"));
		good_system();
	}
	disk[0].bytes = MIB(6);
	CHECK(accepts());
}

#define REFUSED(disk_or_share, name, value, who, text, fix) \
	do { \
		(disk_or_share).name = (value); \
		CHECK(refuses(who, text, fix)); \
	} while (0)
#define ACCEPTED(disk_or_share, name, value) \
	do { \
		(disk_or_share).name = (value); \
		CHECK(accepts()); \
	} while (0)

static void orders_are_checked(void)
{
	static const char who[] = "disk 'fast'";

	REFUSED(disk[0], scheduler, (enum disk_scheduler)(DISK_BUDGET + 1), who, "scheduler = 5",
		"DISK_BFQ, DISK_FIFO");
	ACCEPTED(disk[0], scheduler, DISK_PRIORITY);
	REFUSED(disk[0], depth, 129, who, "depth = 129", "at most 128");
	ACCEPTED(disk[0], depth, 128);
	REFUSED(disk[0], max_budget_bytes, MIB(1) - 1, who, "max_budget = ", "0 for 8 MiB");
	REFUSED(disk[0], max_budget_bytes, MIB(64) + 1, who, "max_budget = ", "64 MiB at most");
	ACCEPTED(disk[0], max_budget_bytes, MIB(1));
	ACCEPTED(disk[0], max_budget_bytes, MIB(64));
	REFUSED(disk[0], audit_records, 3, who, "audit_records = 3", "a power of two");
	REFUSED(disk[0], audit_records, 131072, who, "audit_records = 131072", "at most 65536");
	ACCEPTED(disk[0], audit_records, 65536);
	ACCEPTED(disk[0], audit_records, 1);
	REFUSED(disk[0], slice_idle_ns, SEC(10) + 1, who, "slice_idle = ", "DISK_NO_IDLE");
	ACCEPTED(disk[0], slice_idle_ns, SEC(10));
	ACCEPTED(disk[0], slice_idle_ns, DISK_NO_IDLE);
	REFUSED(disk[0], timeout_sync_ns, SEC(10) + 1, who, "timeout_sync = ", "at most 10 s");
	ACCEPTED(disk[0], timeout_sync_ns, SEC(10));
	REFUSED(disk[0], poll_ns, US(10) - 1, who, "poll = ", "10 us to 100 ms");
	REFUSED(disk[0], poll_ns, MS(100) + 1, who, "poll = ", "0 for 100 us");
	ACCEPTED(disk[0], poll_ns, US(10));
	ACCEPTED(disk[0], poll_ns, MS(100));
	REFUSED(disk[0], time.parallel, 0, who, "time.parallel = 0", "1 to 64");
	REFUSED(disk[0], time.parallel, 65, who, "time.parallel = 65", "1 to 64");
	ACCEPTED(disk[0], time.parallel, 64);
	REFUSED(disk[0], time.read.fixed_ns, SEC(100) + 1, who,
		"time.read.fixed = ", "at most 100 s");
	REFUSED(disk[0], time.stall_ns, 5, who, "time.stall = 5 ns in every 0 ns", "or neither");
}

static void ranges_are_checked(void)
{
	static const char who[] = "partition 'two'";

	REFUSED(second[0], sector_count, 0, who, "disks[0].first_sector = 4096, sector_count = 0",
		"a GPT partition");
	REFUSED(second[0], sector_count, UINT64_MAX - 4095, who, "not a range", "give both");
	REFUSED(second[0], sector_count, 4088 + 1, who, "sector_count = 4089", "multiples of 8");
	REFUSED(second[0], first_sector, 4097, who, "first_sector = 4097", "give 4096 and 4096");
	REFUSED(second[0], sector_count, 4104, who, "disk 'fast' has 8192", "make it larger");
	second[0].sector_count = 8;
	REFUSED(second[0], first_sector, 8192, who, "disk 'fast' has 8192", "end there");
	second[0].sector_count = 8;
	ACCEPTED(second[0], first_sector, 8184);
	REFUSED(first[1], sector_count, 8, "partition 'one'",
		"disks[1].partition = 'data': sectors", "one of the two");
	second[0] = (struct disk_share){ .disk = "fast" };
	REFUSED(second[0], partition, "x", who, "disk 'fast' is RAM", "give first_sector");
	REFUSED(first[1], partition, "", "partition 'one'", "disks[1].partition = ", "1 to 36");
	REFUSED(first[1], partition, "1234567890123456789012345678901234567", "partition 'one'",
		"disks[1].partition = ", "1 to 36");
	ACCEPTED(first[1], partition, "123456789012345678901234567890123456");
}

static void only_readers_share_sectors(void)
{
	second[0].first_sector = SECTORS(MIB(2)) - 8;
	second[0].sector_count = 16;
	CHECK(refuses("partition 'two'",
		      "partition 'one' has some of these already, as its "
		      "disks[0]",
		      "only read"));
	second[0].first_sector = 0;
	second[0].is_read_only = true;
	CHECK(refuses("partition 'two'", "has some of these already", "only read"));
	second[0].first_sector = 0;
	second[0].is_read_only = first[0].is_read_only = true;
	CHECK(accepts());
	second[0] = first[1];
	CHECK(refuses("partition 'two'", "as its disks[1]", "only read"));
	second[0] = first[1];
	second[0].partition = "Data";
	CHECK(accepts());
	first[1] = first[0];
	first[1].first_sector = 8;
	first[1].sector_count = 8;
	sys.disk_count = 1;
	CHECK(refuses("partition 'one'",
		      "disks[1].first_sector = 8, sector_count = 8: partition 'one' has",
		      "as its disks[0]"));
}

static void claims_are_checked(void)
{
	static const char who[] = "partition 'two'";

	REFUSED(second[0], queue_count, 9, who, "disks[0].queue_count = 9", "at most 8");
	ACCEPTED(second[0], queue_count, 8);
	REFUSED(second[0], queue_size, 8, who, "disks[0].queue_size = 8", "16 to 256");
	REFUSED(second[0], queue_size, 48, who, "disks[0].queue_size = 48", "a power of two");
	REFUSED(second[0], queue_size, 512, who, "disks[0].queue_size = 512", "0 for 128");
	ACCEPTED(second[0], queue_size, 16);
	ACCEPTED(second[0], queue_size, 256);
	REFUSED(second[0], queue_weights[0], 1001, who, "disks[0].queue_weights[0] = 1001",
		"1 to 1000");
	REFUSED(second[0], queue_weights[1], 1, who, "disks[0].queue_weights[1] = 1",
		"give queue_count = 2");
	second[0].queue_count = 8;
	ACCEPTED(second[0], queue_weights[7], 1000);
	REFUSED(second[0], weight, 1001, who, "disks[0].weight = 1001", "0 for 100");
	ACCEPTED(second[0], weight, 1000);
	REFUSED(second[0], request_max_bytes, 512, who,
		"disks[0].request_max = ", "multiple of 4 KiB");
	REFUSED(second[0], request_max_bytes, MIB(1) + 4096, who,
		"disks[0].request_max = ", "at most 1 MiB");
	ACCEPTED(second[0], request_max_bytes, 4096);
	ACCEPTED(second[0], request_max_bytes, MIB(1));
	REFUSED(second[0], outstanding, 257, who, "disks[0].outstanding = 257", "at most 256");
	ACCEPTED(second[0], outstanding, 256);
}

static void give_budget(uint64_t bytes, uint64_t period_ns)
{
	disk[0].scheduler = DISK_BUDGET;
	first[0].budget_bytes = KIB(64);
	first[0].budget_period_ns = MS(1);
	second[0].budget_bytes = bytes;
	second[0].budget_period_ns = period_ns;
}

static void budgets_go_with_their_scheduler(void)
{
	static const char who[] = "partition 'two'";
	static const struct {
		uint64_t bytes, period_ns;
	} wrong[] = {
		{ 4095, MS(1) }, { 4096, MS(1) - 1 }, { 4096, SEC(10) + 1 }, { 4096, 0 }, { 0, 1 }
	};

	REFUSED(second[0], budget_bytes, 4096, who, "disks[0].budget", "DISK_BUDGET");
	REFUSED(second[0], budget_period_ns, MS(1), who, "disks[0].budget", "leave it out");
	give_budget(0, 0);
	CHECK(refuses(who, "disks[0].budget", "give budget_bytes and budget_period"));
	for (uint32_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		give_budget(wrong[i].bytes, wrong[i].period_ns);
		CHECK(refuses(who, "disks[0].budget = ", "at least 4 KiB"));
	}
	give_budget(4096, MS(1));
	CHECK(accepts());
	give_budget(4096, SEC(10));
	CHECK(accepts());
}

/* What core/disk.c takes, counted as it takes it; and 1 frame of the PC for each share's slot. */
static uint64_t frames_of(const struct disk_share *s)
{
	const uint64_t requests =
		min_u64(disk_queue_count(s) * disk_queue_size(s), DISK_REQUESTS_MAX);

	return align_up(requests * sizeof(struct block_request), PAGE_BYTES) + PAGE_BYTES;
}

static void the_pool_holds_what_disks_take(void)
{
	const struct disk_share shares[] = {
		{ .disk = "fast", .sector_count = 8 },
		{ .disk = "fast", .queue_size = 16 },
		{ .disk = "fast", .queue_count = 8, .queue_size = 256 }
	};

	for (uint32_t i = 0; i < ARRAY_SIZE(shares); i++) {
		uint64_t without, with, least;

		parts[1].disk_count = 0;
		without = memory_pool_bytes(&sys);
		parts[1].disk_count = 1;
		second[0] = shares[i];
		with = memory_pool_bytes(&sys);
		CHECK(with - without >= frames_of(&shares[i]) + sizeof(struct disk_client));
		sys.disk_count = 0;
		without = memory_pool_bytes(&sys);
		sys.disk_count = 1;
		disk[0].audit_records = 1024;
		with = memory_pool_bytes(&sys);
		least = align_up(sizeof(struct disk_unit), PAGE_BYTES) +
			align_up(sizeof(struct memdisk), PAGE_BYTES) +
			align_up(1024 * sizeof(struct iosched_audit), PAGE_BYTES) +
			align_up(2 * sizeof(struct disk_client), PAGE_BYTES) +
			frames_of(&first[0]) + frames_of(&second[0]);
		CHECK(with - without >= least);
		good_system();
	}
}

int main(void)
{
	good_system();
	RUN(a_good_system_gets_its_places);
	RUN(sizes_of_memory_disks_are_checked);
	RUN(orders_are_checked);
	RUN(ranges_are_checked);
	RUN(only_readers_share_sectors);
	RUN(claims_are_checked);
	RUN(budgets_go_with_their_scheduler);
	RUN(the_pool_holds_what_disks_take);
	return test_failed;
}

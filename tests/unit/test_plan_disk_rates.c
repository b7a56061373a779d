/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Shares of a disk as bytes a second: what fits, which weights it is, and what is refused. The disk takes 60 us
 * and 1 us for each KiB, the service at most 300 us to look at 8 requests, and to copy 64 KiB.
 */
#include "core/plan_disk.h"
#include "tests/unit/plan_rig.h"
#include "tests/unit/rated_disk.h"

static struct disk_share shares[3];
static struct disk_config disk[1];
static struct partition_config parts[3];

void good_system(void)
{
	static const char *const names[] = { "one", "two", "three" };

	memset(shares, 0, sizeof(shares));
	disk[0] = (struct disk_config)RATED_DISK;
	for (uint32_t i = 0; i < 3; i++) {
		shares[i] = (struct disk_share)RATED_SHARE(i);
		parts[i] = (struct partition_config){ .name = names[i],
						      .cpu = OWN_CORE(0),
						      .memory_bytes = MIB(16),
						      .platform = PLATFORM_PC,
						      .image = "x.elf",
						      .disks = &shares[i],
						      .disk_count = 1 };
		parts[i].cpu.core = i;
	}
	sys = (struct config){ .name = "good",
			       .board = TEST_BOARD(4, US(10)),
			       .partitions = parts,
			       .partition_count = 2,
			       .disks = disk,
			       .disk_count = 1,
			       .service = OWN_CORE(3) };
}

static void rate(uint32_t i, uint64_t usual, uint64_t min)
{
	shares[i].bytes_per_s = (struct tuple){ .usual = usual, .min = min };
}

static bool has(uint64_t a, uint64_t b, uint32_t a_weight, uint32_t b_weight)
{
	const bool is_built = build() == OK;
	const struct disk_rates *const r = plan.disks[0].rates;
	const bool is_ok = is_built && r && r->given[0] == a && r->given[1] == b &&
			   r->weights[0] == a_weight && r->weights[1] == b_weight;

	if (is_built && r && !is_ok)
		printf("  %llu %llu, %u %u\n", (unsigned long long)r->given[0],
		       (unsigned long long)r->given[1], r->weights[0], r->weights[1]);
	return or_say_why(is_ok);
}

/* 8 x 124 us, 300 us to look, 8 x 300 us to copy: 3.692 ms for 512 KiB, 7042 ps for a byte, 142.005 MB/s. */
static void rates_become_weights(void)
{
	good_system();
	rate(0, 80 * MB, 0);
	rate(1, 40 * MB, 0);
	CHECK(has(80 * MB, 40 * MB, 1000, 500));
	rate(0, 30 * MB, 0);
	rate(1, 90 * MB, 10 * MB);
	CHECK(has(30 * MB, 90 * MB, 334, 1000)); /* not less than its part */
	rate(0, 80 * MB, 0);
	rate(1, 40 * MB, 0);
	CHECK(build() == OK && plan_weight(&shares[0], &plan.disks[0], 0) == 1000);
	CHECK(plan_weight(&shares[1], &plan.disks[0], 1) == 500);
	CHECK(plan.disks[0].rates->byte_ps[0] == 7042 &&
	      plan.disks[0].rates->second_ps == 1000000000000);
	good_system();
	/* One at a time, of 4 KiB: 64 + 300 + 300 us; 160 ms of each 1 s are stalls. */
	shares[0].outstanding = shares[0].request_bytes = 0;
	disk[0].time.stall_every_ns = SEC(2);
	disk[0].time.stall_ns = MS(320);
	disk[0].time.jitter = SERVICE_UNIFORM;
	disk[0].time.uniform_ns = US(20);
	disk[0].max_budget_bytes = MIB(1);
	disk[0].timeout_sync_ns = SEC(1);
	rate(0, MB, 0);
	CHECK(build() == OK && plan.disks[0].rates->byte_ps[0] == (674 * MB + 4095) / 4096 &&
	      plan.disks[0].rates->second_ps == 840000000000);
	good_system();
}

/* Whole weights part it to a few ppm; grants are whole kB/s. */
static bool is_just_below(uint64_t given, uint64_t all)
{
	return given <= all && given % 1000 == 0 && all - given < all / 10000;
}

static void the_least_critical_is_shrunk_first(void)
{
	const struct disk_rates *r;

	rate(0, 100 * MB, 0);
	rate(1, 80 * MB, 20 * MB);
	parts[0].criticality = 1;
	CHECK(build() == OK);
	r = plan.disks[0].rates;
	CHECK(r->given[0] == 100 * MB && is_just_below(r->given[1], 42005112));
	parts[0].criticality = 0;
	parts[1].criticality = 1;
	CHECK(build() == OK && r->given[1] == 80 * MB && is_just_below(r->given[0], 62005112));
	/* Equals: of slacks of 80 and 60 MB, 102.005 of 140 MB. */
	parts[1].criticality = 0;
	rate(0, 100 * MB, 20 * MB);
	CHECK(build() == OK && is_just_below(r->given[0], 78288635 + 1000) &&
	      is_just_below(r->given[1], 63716477 + 1000) &&
	      r->given[0] + r->given[1] <= 142005112);
	good_system();
}

static void minima_that_do_not_fit_are_refused(void)
{
	rate(0, 100 * MB, 100 * MB);
	rate(1, 80 * MB, 60 * MB);
	CHECK(refuses(
		"disk 'ssd': bytes_per_s, shrunk to the minima: one 100000000 x 7042 ps + two "
		"60000000 x 7042 ps = 1.12672 s > 1 s of each",
		"lower that of partition 'one'", "to at most 8200"));
	rate(0, 100 * MB, 100 * MB);
	rate(1, 80 * MB, 60 * MB);
	parts[0].criticality = 1;
	CHECK(refuses("disk 'ssd'", "lower that of partition 'two'", "to at most 4200"));
	rate(0, 200 * MB, 200 * MB);
	rate(1, 200 * MB, 200 * MB);
	CHECK(refuses("disk 'ssd'", "2.8168 s > 1 s", "take a faster disk"));
}

static void nonsense_is_refused(void)
{
	shares[0].bytes_per_s = (struct tuple)EXACTLY(MB);
	CHECK(refuses("partition 'one'", "disks[0].bytes_per_s.max = 1000000", "leave it out"));
	rate(0, MB, 2 * MB);
	CHECK(refuses("partition 'one'", "min = 2000000 is above usual", "lower min"));
	rate(0, BIT64(41), 0);
	CHECK(refuses("partition 'one'", "no disk has that", "at most"));
	shares[0].request_bytes = 5000;
	CHECK(refuses("partition 'one'", "request_bytes = 5000", "0 for 4 KiB"));
	shares[0].request_max_bytes = KIB(32);
	CHECK(refuses("partition 'one'", "request_max of 32 KiB", "0 for 4 KiB"));
	shares[0].weight = 5;
	CHECK(refuses("partition 'one'", "weight = 5", "leave one of the two out"));
	shares[0].bytes_per_s.usual = 0;
	shares[0].request_bytes = 0;
	CHECK(refuses("disk 'ssd'", "1 of 2 shares have it", "to all, or to none"));
	disk[0].scheduler = DISK_FIFO;
	CHECK(refuses("disk 'ssd'", "only the budget-fair", "give DISK_BFQ"));
	disk[0].kind = DISK_NVME;
	disk[0].bytes = 0;
	disk[0].time = (struct service_time_config){ 0 };
	CHECK(refuses("disk 'ssd'", "time is not given; how many", "give it"));
	/* 32 requests of 4 KiB for one of the other's: 8 MiB of these take longer than 125 ms. */
	shares[0].request_bytes = KIB(4);
	CHECK(refuses("disk 'ssd'", "bytes do not cost the same", "give a max_budget of at most"));
	rate(0, 0, 0);
	rate(1, 0, 0);
	shares[0].request_bytes = KIB(4);
	shares[1].request_bytes = 0;
	CHECK(refuses("partition 'one'", "request_bytes = 4096", "bytes_per_s"));
}

static char printed[16384];

static void put(const char *line)
{
	strncat(printed, line, sizeof(printed) - strlen(printed) - 2);
	strcat(printed, "\n");
}

static void the_plan_says_what_was_done(void)
{
	rate(0, 100 * MB, 0);
	rate(1, 80 * MB, 20 * MB);
	parts[0].criticality = 1;
	CHECK(build() == OK);
	plan_print(&sys, &board, &plan, put);
	CHECK(strstr(printed, "100 MB/s while 8 requests of it always wait, of 64 KiB or longer"));
	CHECK(strstr(printed,
		     " kB/s while 8 requests of it always wait, of 64 KiB or longer, as all "
		     "shares have their own; shrunk from 80 MB/s (at least 20 MB/s): the disk "
		     "does no more"));
	good_system();
}

int main(void)
{
	RUN(rates_become_weights);
	RUN(the_least_critical_is_shrunk_first);
	RUN(minima_that_do_not_fit_are_refused);
	RUN(nonsense_is_refused);
	RUN(the_plan_says_what_was_done);
	return test_failed;
}

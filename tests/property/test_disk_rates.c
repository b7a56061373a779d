/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Disks' bytes a second: random shares are planned, and then play against each other in simulated time, with the
 * real scheduler, all always wanting more: everybody has what the plan gives him, though the disk has no more than the
 * model says (what the service adds is a part of each request's time).
 *
 * Lag	    After T seconds a share may lack some turns: docs/disk.md, "Guarantees". 1 % of 5 s are more than that.
 */
#include <string.h>
#include "core/plan_disk.h"
#include "tests/model/disk_sim.h"
#include "tests/property/random.h"
#include "tests/test.h"

#define SYSTEMS   40u
#define SHARE_MAX 4u
#define AT_A_TIME 8u
#define SERVICE_NS \
	(US(300) + US(10)) /* a step, and how often a core that polls looks at a real disk */
#define PLAY_NS SEC(5)

static struct disk_share shares[SHARE_MAX];
static struct partition_config parts[SHARE_MAX];
static struct disk_config disk[1];
static struct config sys;
static struct board board;
static struct plan plan;
static struct plan_refusals no;
static struct disk_sim sim;
static struct iosched_client_config claims[IOSCHED_CLIENT_MAX];
static char names[SHARE_MAX][16];

static void make_system(bool is_uniform)
{
	const uint32_t same = (uint32_t)(KIB(16) << random_below(4));

	disk[0] = (struct disk_config){
		.name = "d",
		.kind = DISK_NVME,
		.poll_ns = US(10),
		.depth = AT_A_TIME,
		.slice_idle_ns = DISK_NO_IDLE,
		.max_budget_bytes = MIB(1),
		.time = { .read = { US(random_between(5, 100)), random_between(200, 2000) },
			  .parallel = 1 },
	};
	for (uint32_t i = 0; i < sys.partition_count; i++) {
		snprintf(names[i], sizeof(names[i]), "p%u", i);
		shares[i] = (struct disk_share){
			.disk = "d",
			.partition = names[i],
			.outstanding = AT_A_TIME,
			.is_read_only = true,
			.request_bytes = is_uniform ? same : (uint32_t)(KIB(16) << random_below(4)),
			.bytes_per_s = { .usual = random_between(1, 400) * 1000000 }
		};
		shares[i].bytes_per_s.min = shares[i].bytes_per_s.usual / random_between(1, 20);
		parts[i] = (struct partition_config){ .name = names[i],
						      .cpu = OWN_CORE(0),
						      .memory_bytes = MIB(16),
						      .platform = PLATFORM_PC,
						      .criticality = (uint32_t)random_below(3),
						      .image = "x.elf",
						      .disks = &shares[i],
						      .disk_count = 1 };
		parts[i].cpu.core = i;
	}
}

/* Nanoseconds of each second that the minima need; a request and its part of the service's look. */
static long double need_of_minima(void)
{
	long double ns = 0;

	for (uint32_t i = 0; i < sys.partition_count; i++) {
		const long double bytes = shares[i].request_bytes;
		const long double each = (long double)disk[0].time.read.fixed_ns +
					 bytes / 1024 * (long double)disk[0].time.read.ns_per_kib +
					 (long double)SERVICE_NS / AT_A_TIME;

		ns += (long double)shares[i].bytes_per_s.min * each / bytes;
	}
	return ns;
}

/* Bytes are parted by weights, and cost what they cost: has everybody his rate, to the byte? */
static bool is_enough(const struct disk_rates *r)
{
	bool is_good = true;
	long double all_ps = 0;

	for (uint32_t i = 0; i < sys.partition_count; i++)
		all_ps += (long double)r->weights[i] * (long double)r->byte_ps[i];
	for (uint32_t i = 0; i < sys.partition_count; i++)
		is_good &= 1e12L * (long double)r->weights[i] / all_ps * (1 + 1e-15L) >=
			   (long double)r->given[i];
	return is_good;
}

static void play(void)
{
	const struct disk_rates *const r = plan.disks[0].rates;
	const struct sim_device device = {
		.lanes = 1,
		.fixed_ns = disk[0].time.read.fixed_ns + SERVICE_NS / AT_A_TIME,
		.sector_ns = disk[0].time.read.ns_per_kib / 2,
	};
	const struct iosched_config wanted = { .kind = IOSCHED_BFQ,
					       .client_count = sys.partition_count,
					       .clients = claims,
					       .depth = AT_A_TIME,
					       .max_budget_bytes = MIB(1),
					       .timeout_tsc = plan_timeout_ns(&disk[0], NULL),
					       .tsc_hz = 1000000000 };

	for (uint32_t i = 0; i < sys.partition_count; i++)
		claims[i] = (struct iosched_client_config){ .weight = plan_weight(
								    &shares[i], &plan.disks[0], i),
							    .queue_count = 1,
							    .queue_weights = { 1 } };
	sim_init(&sim, &wanted, &device);
	for (uint32_t i = 0; i < sys.partition_count; i++)
		sim.clients[i] =
			(struct sim_client){ .pattern = SIM_FLOOD,
					     .outstanding = 2 * AT_A_TIME,
					     .sectors_min = shares[i].request_bytes / 512,
					     .sectors_max = shares[i].request_bytes / 512 };
	sim_run(&sim, PLAY_NS);
	CHECK(!sim.wrong);
	for (uint32_t i = 0; i < sys.partition_count; i++) {
		const uint64_t had = sim.clients[i].done_bytes / (PLAY_NS / SEC(1));

		CHECK(had >= r->given[i] - r->given[i] / 100 - KIB(200));
		if (test_failed)
			printf("  share %u: %llu of %llu\n", i, (unsigned long long)had,
			       (unsigned long long)r->given[i]);
	}
}

static void shares_have_what_the_plan_gives_them(void)
{
	uint32_t accepted = 0, full = 0, refused = 0;

	sys = (struct config){ .name = "random",
			       .board = { .core_count = SHARE_MAX + 1,
					  .memory_bytes = MIB(256),
					  .switch_overhead_ns = US(10),
					  .timer_resolution_ns = US(1) },
			       .partitions = parts,
			       .disks = disk,
			       .disk_count = 1,
			       .service = OWN_CORE(SHARE_MAX) };
	while (accepted < SYSTEMS && !test_failed) {
		bool is_accepted;

		sys.partition_count = (uint32_t)random_between(1, SHARE_MAX);
		make_system(random_below(2));
		plan_board_from_config(&sys, &board);
		is_accepted = plan_build(&sys, &board, &plan, &no) == OK;
		/* Whole weights part it to less than 1 %. */
		if (is_accepted)
			CHECK(need_of_minima() <= 1e9L * 1.0001L);
		else if (!strstr(no.text[0], "max_budget"))
			CHECK(need_of_minima() > 1e9L * 0.99L);
		refused += !is_accepted;
		if (!is_accepted)
			continue;
		accepted++;
		CHECK(is_enough(plan.disks[0].rates));
		for (uint32_t i = 0; i < sys.partition_count; i++) {
			const struct tuple *const t = &shares[i].bytes_per_s;
			const uint64_t given = plan.disks[0].rates->given[i];

			CHECK(given >= t->min && given <= t->usual);
			full += given < t->usual;
		}
		play();
	}
	printf("%u accepted, %u refused, %u shares were shrunk\n", accepted, refused, full);
	CHECK(refused > 0 && full > SYSTEMS / 4);
}

int main(int argc, char **argv)
{
	random_seed(argc, argv);
	RUN(shares_have_what_the_plan_gives_them);
	return test_failed;
}

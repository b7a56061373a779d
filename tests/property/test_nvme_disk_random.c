/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The NVMe disk: requests of every shape against a plain array, with a controller that misbehaves
 * now and then: every request comes back once, and what it said is so.
 */
#include "tests/fake/nvme_disk_rig.h"
#include "tests/property/disk_jobs.h"

_Static_assert(JOBS_ARENA == ARENA_BYTES && JOBS_SECTORS == DISK_BLOCKS, "one rig");

struct disk *jobs_disk(void)
{
	return &dr.n.disk;
}

uint64_t jobs_now(void)
{
	return dr.now;
}

void jobs_turn(void)
{
	dr.budget = 8;
	disk_turn();
}

uint8_t *jobs_arena(void)
{
	return arena;
}

const uint8_t *jobs_data(void)
{
	return disk_data;
}

const uint8_t *jobs_medium(void)
{
	return disk_medium;
}

static void start(uint8_t shift, uint8_t mdts)
{
	disk_init();
	dr.f.ns[0].shift = shift;
	dr.f.ns[0].blocks = DISK_BLOCKS >> (shift - 9);
	dr.f.mdts = mdts;
	dr.f.seed = random_u64();
	dr.each_done = jobs_end;
	jobs_start(1u << (shift - 9));
	disk_start();
	CHECK(dr.n.disk.facts.sector_count == DISK_BLOCKS);
	CHECK(dr.n.disk.facts.block_bytes == 1u << shift);
}

static void step(void)
{
	const uint32_t at = (uint32_t)random_below(JOBS_MAX);

	nvme_disk_use_queue(&dr.n, (uint32_t)random_below(5));
	if (!jobs[at].is_out)
		jobs_begin(at);
	dr.budget = (uint32_t)random_below(12);
	dr.poll_max = (uint32_t)random_between(1, 8);
	if (random_below(3) == 0)
		disk_turn();
}

static void finish(void)
{
	dr.poll_max = 64;
	jobs_finish();
	CHECK(dr.n.bounce_used == 0 && disk_is_honest());
}

static void data_goes_where_it_belongs(void)
{
	static const uint8_t shifts[] = { 9, 12, 9, 10 }, mdts[] = { 7, 5, 1, 0 };

	for (uint32_t i = 0; i < ARRAY_SIZE(shifts); i++) {
		start(shifts[i], mdts[i]);
		for (uint32_t k = 0; k < 1500; k++)
			step();
		finish();
		CHECK(jobs_ended > 300 && jobs_failed == 0 && dr.n.d.fault_count == 0);
		CHECK(jobs_data_agree());
	}
}

/* One fault, at some completion; then the controller is good again. */
static void what_is_lost_is_done_again(void)
{
	uint32_t faults = 0;

	for (uint32_t round = 0; round < 60; round++) {
		start(9, 5);
		for (uint32_t k = 0; k < 60; k++)
			step();
		dr.f.trick = (enum fake_nvme_trick)random_between(FAKE_NVME_LOSE, FAKE_NVME_FATAL);
		dr.f.trick_at = dr.f.completions + (uint32_t)random_below(30);
		dr.f.trick_times = 1;
		dr.f.trick_queue_least = 1;
		for (uint32_t k = 0; k < 120; k++)
			step();
		finish();
		CHECK(jobs_failed == 0 && jobs_data_agree());
		faults += dr.n.d.fault_count;
	}
	CHECK(faults > 40);
}

/* A command that fails is tried again where that may help: twice, and there are two errors. */
static void passing_errors_pass(void)
{
	for (uint32_t round = 0; round < 20; round++) {
		start(9, 5);
		dr.f.trick = FAKE_NVME_ERROR;
		dr.f.trick_status = 0x0281;
		dr.f.trick_times = 2;
		dr.f.trick_at = dr.f.completions + (uint32_t)random_below(100);
		dr.f.trick_queue_least = 1;
		for (uint32_t k = 0; k < 60; k++)
			step();
		finish();
		CHECK(dr.f.completions > dr.f.trick_at + 2);
		CHECK(jobs_failed == 0 && dr.n.d.fault_count == 0 && jobs_data_agree());
	}
}

/* It dies under load: everything comes back, with an error; so does what comes later. */
static void a_dead_controller_gives_everything_back(void)
{
	for (uint32_t round = 0; round < 20; round++) {
		struct block_request late = { .op = BLOCK_FLUSH };

		start(9, 5);
		for (uint32_t k = 0; k < 60; k++)
			step();
		dr.no_flr = round & 1;
		if (round & 1) {
			dr.f.never_disabled = true;
			dr.f.csts |= 2; /* CFS */
		} else {
			dr.f.is_gone = true;
		}
		CHECK(disk_run(DISK_GONE, 100000));
		finish();
		dr.each_done = NULL;
		CHECK(disk_submit(&late) == OK && late.status == BLOCK_IO_ERROR);
		disk_turns(2);
		CHECK(dr.n.disk.in_flight == 0);
	}
}

int main(int argc, char **argv)
{
	random_seed(argc, argv);
	disk_rig_begin();
	jobs_shadow = malloc(JOBS_ARENA);
	RUN(data_goes_where_it_belongs);
	RUN(what_is_lost_is_done_again);
	RUN(passing_errors_pass);
	RUN(a_dead_controller_gives_everything_back);
	free(jobs_shadow);
	disk_rig_end();
	return test_failed;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The driver of virtio block devices against our own device: requests of every shape, limits of
 * every size, and a device that misbehaves now and then.
 */
#include "tests/fake/virtio_blk_rig.h"
#include "tests/property/disk_jobs.h"

_Static_assert(JOBS_ARENA == VRIG_ARENA && JOBS_SECTORS == VRIG_SECTORS, "one rig");

struct disk *jobs_disk(void)
{
	return &vr.v.disk;
}

uint64_t jobs_now(void)
{
	return vr.now;
}

void jobs_turn(void)
{
	vr.budget = 8;
	vrig_turn();
}

uint8_t *jobs_arena(void)
{
	return vrig_arena;
}

const uint8_t *jobs_data(void)
{
	return vrig_data;
}

const uint8_t *jobs_medium(void)
{
	return vrig_medium;
}

static void start(void)
{
	vr.each_done = jobs_end;
	jobs_start(vr.device.block_bytes / 512);
	vrig_start();
	CHECK(vr.v.disk.facts.sector_count == JOBS_SECTORS && vr.v.disk.facts.has_cache);
}

static void step(void)
{
	const uint32_t at = (uint32_t)random_below(JOBS_MAX);

	if (!jobs[at].is_out)
		jobs_begin(at);
	vr.budget = (uint32_t)random_below(12);
	vr.poll_max = (uint32_t)random_between(1, 8);
	if (random_below(3) == 0)
		vrig_turn();
}

static void finish(void)
{
	vr.poll_max = 64;
	jobs_finish();
	CHECK(vr.v.bounce_used == 0 && !vr.is_broken);
}

static void data_goes_where_it_belongs(void)
{
	static const struct {
		uint64_t hidden;
		uint32_t block, seg_max, size_max, queue_size;
	} cases[] = {
		{ 0, 512, 0, 0, 0 },
		{ VIRTIO_F_INDIRECT_DESC, 512, 0, 0, 0 },
		{ VIRTIO_F_INDIRECT_DESC, 4096, 0, 4096, 0 },
		{ 0, 4096, 3, 0, 0 },
		{ VIRTIO_BLK_F_SEG_MAX, 512, 0, 0, 0 },
		{ 0, 1024, 1, 4096, 0 },
		{ VIRTIO_F_INDIRECT_DESC, 512, 0, 0, 23 },
		{ 0, 512, 0, 0, 4 },
	};

	for (uint32_t i = 0; i < ARRAY_SIZE(cases); i++) {
		vrig_init();
		vr.device.block_bytes = cases[i].block;
		vr.features_hidden = cases[i].hidden;
		vr.seg_max = cases[i].seg_max;
		vr.size_max = cases[i].size_max;
		vr.queue_size = cases[i].queue_size;
		start();
		for (uint32_t k = 0; k < 500; k++)
			step();
		finish();
		CHECK(jobs_ended > 80 && jobs_failed == 0 && vr.v.disk.reset_count == 0);
		CHECK(jobs_data_agree() && vr.resets == 1);
	}
}

static void what_is_lost_is_done_again(void)
{
	uint32_t resets = 0;

	for (uint32_t round = 0; round < 40; round++) {
		vrig_init();
		vr.features_hidden = round & 1 ? VIRTIO_F_INDIRECT_DESC : 0;
		start();
		for (uint32_t k = 0; k < 60; k++)
			step();
		vr.trick = (enum vrig_trick)random_between(VRIG_LOSE, VRIG_TRICK_COUNT - 1);
		for (uint32_t k = 0; k < 80; k++)
			step();
		finish();
		for (uint32_t k = 0; k < 10000 && vr.needs_reset; k++)
			vrig_turn();
		CHECK(jobs_failed == 0 && jobs_data_agree());
		CHECK(vr.v.disk.reset_count == vr.tricks);
		resets += vr.v.disk.reset_count;
	}
	CHECK(resets > 35);
}

static void a_dead_device_gives_everything_back(void)
{
	for (uint32_t round = 0; round < 20; round++) {
		struct block_request late = { .op = BLOCK_FLUSH };

		vrig_init();
		start();
		for (uint32_t k = 0; k < 60; k++)
			step();
		vr.is_gone = round % 3 == 0;
		vr.never_resets = vr.needs_reset = round % 3 == 1;
		if (round % 3 == 2)
			vr.v.config.fault_limit = 1;
		if (round % 3 == 2)
			vr.needs_reset = true;
		CHECK(vrig_run(DISK_GONE));
		finish();
		vr.each_done = NULL;
		CHECK(vrig_submit(&late) == OK && late.status == BLOCK_IO_ERROR);
		vrig_turns(2);
		CHECK(vr.v.disk.in_flight == 0 && !virtio_blk_wants_block(&vr.v));
	}
}

/*
 * It writes anything anywhere in the memory that it shares with the driver, time and again. What it
 * is asked for need not be right then; but all of it ends, once, and in bounded time.
 */
static void note_end(struct block_request *r)
{
	struct job *const j = (struct job *)(void *)r;

	CHECK(j->is_out && r->status <= BLOCK_UNSUPPORTED);
	j->is_out = false;
	jobs_ended++;
}

/* The used index, the used ring, headers and status bytes; or anywhere. */
static void scribble(void)
{
	const uint32_t places[] = { (uint32_t)(2 * PAGE_BYTES + 2 + random_below(2)),
				    (uint32_t)(2 * PAGE_BYTES + 4 + random_below(1024)),
				    (uint32_t)(3 * PAGE_BYTES + random_below(PAGE_BYTES)),
				    (uint32_t)random_below(VIRTIO_BLK_MEMORY_BYTES) };
	uint8_t *const at = vrig_memory + places[random_below(4)];

	*at = (uint8_t)(random_below(2) ? random_u64() : *at + random_below(4));
}

static void whatever_it_writes_all_ends(void)
{
	uint32_t resets = 0;

	for (uint32_t round = 0; round < 30; round++) {
		vrig_init();
		vr.features_hidden = round & 1 ? VIRTIO_F_INDIRECT_DESC : 0;
		vr.config.fault_limit = 20;
		vr.config.io_timeout_ns = MS(5);
		vrig_start();
		jobs_start(1);
		vr.each_done = note_end;
		for (uint32_t k = 0; k < 100; k++) {
			step();
			for (uint32_t n = (uint32_t)random_below(4); n > 0; n--)
				scribble();
		}
		vr.poll_max = 64;
		jobs_finish();
		resets += vr.v.disk.reset_count;
	}
	CHECK(resets > 30);
}

int main(int argc, char **argv)
{
	random_seed(argc, argv);
	vrig_open();
	jobs_shadow = malloc(JOBS_ARENA);
	RUN(data_goes_where_it_belongs);
	RUN(what_is_lost_is_done_again);
	RUN(whatever_it_writes_all_ends);
	RUN(a_dead_device_gives_everything_back);
	free(jobs_shadow);
	vrig_close();
	return test_failed;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The NVMe disk: segments of every shape against a plain array, with a controller that misbehaves
 * now and then: every request comes back once, and what it said is so.
 */
#include "tests/fake/nvme_disk_rig.h"
#include "tests/property/random.h"

#define JOBS        24u
#define SLICE       KIB(400)
#define SECTORS_MAX 128u

static uint8_t model[DISK_BLOCKS * 512];
static uint8_t *shadow; /* of the arena: what must lie there */

struct job {
	struct block_request r;
	bool is_out;
};
static struct job jobs[JOBS];
static uint32_t ended, failed, block_sectors;

static bool overlaps(uint64_t sector, uint64_t count)
{
	for (uint32_t i = 0; i < JOBS; i++)
		if (jobs[i].is_out && sector < jobs[i].r.sector + jobs[i].r.sector_count &&
		    jobs[i].r.sector < sector + count)
			return true;
	return false;
}

/* Where the next segment begins, at or after `at`, and how long it is. */
static uint64_t place(uint64_t at, uint32_t style, uint64_t *bytes)
{
	switch (style) {
	case 0:
		*bytes = random_between(1, 3) * PAGE_BYTES;
		return align_up(at, PAGE_BYTES);
	case 1:
		*bytes = random_between(1, 9) * 512;
		return align_up(at, 512) + 512 * random_below(3);
	case 2:
		*bytes = random_between(1, 800) * 4;
		return align_up(at, 4) + 4 * random_below(100);
	case 3:
		*bytes = random_between(1, 3000);
		return at + random_below(50);
	default: /* right behind the one before */
		*bytes = random_between(1, 9000);
		return at;
	}
}

static void make_segments(struct job *j, uint8_t *slice)
{
	uint64_t left = block_bytes(&j->r), at = random_below(PAGE_BYTES);
	const uint32_t style = (uint32_t)random_below(7); /* from 5 on: each its own */

	while (left) {
		const bool is_last = j->r.segment_count == BLOCK_SEGMENT_MAX - 1;
		uint64_t bytes;

		at = place(at, style < 5 ? style : (uint32_t)random_below(5), &bytes);
		bytes = is_last ? left : min_u64(bytes, left);
		j->r.segments[j->r.segment_count++] = (struct block_segment){ slice + at, bytes };
		at += bytes;
		left -= bytes;
	}
	CHECK(at <= SLICE);
}

static void fill(const struct block_request *r)
{
	uint64_t to = r->sector * 512;

	for (uint32_t i = 0; i < r->segment_count; i++) {
		const struct block_segment *s = &r->segments[i];

		for (uint64_t k = 0; k < s->bytes; k++)
			s->at[k] = (uint8_t)random_u64();
		memcpy(shadow + (s->at - arena), s->at, s->bytes);
		memcpy(model + to, s->at, s->bytes);
		to += s->bytes;
	}
}

static void expect(const struct block_request *r)
{
	uint64_t from = r->sector * 512;

	for (uint32_t i = 0; i < r->segment_count; i++) {
		const struct block_segment *s = &r->segments[i];

		memcpy(shadow + (s->at - arena), model + from, s->bytes);
		from += s->bytes;
	}
}

static void begin_job(uint32_t at)
{
	const uint32_t blocks = (uint32_t)random_between(1, SECTORS_MAX / block_sectors);
	const uint64_t sector =
		random_below(DISK_BLOCKS / block_sectors - blocks + 1) * block_sectors;
	struct job *const j = &jobs[at];

	if (overlaps(sector, blocks * block_sectors))
		return;
	j->r = (struct block_request){ .op = (uint8_t)random_below(BLOCK_OP_COUNT),
				       .is_fua = random_below(2),
				       .sector = sector,
				       .sector_count = blocks * block_sectors };
	if (random_below(3))
		j->r.op = random_below(2) ? BLOCK_READ : BLOCK_WRITE;
	if (j->r.op == BLOCK_FLUSH)
		j->r.sector = j->r.sector_count = 0;
	if (j->r.op == BLOCK_READ || j->r.op == BLOCK_WRITE)
		make_segments(j, arena + at * SLICE);
	nvme_disk_use_queue(&dr.n, (uint32_t)random_below(5));
	if (j->r.op == BLOCK_WRITE)
		fill(&j->r);
	while (disk_submit(&j->r) == ERR_BUSY) {
		dr.budget = 8;
		disk_turn();
	}
	j->is_out = true;
}

static void end_job(struct block_request *r)
{
	struct job *const j = (struct job *)(void *)r;
	const uint64_t slice = (uint64_t)(j - jobs) * SLICE;

	CHECK(j->is_out);
	j->is_out = false;
	ended++;
	if (r->status != BLOCK_OK) {
		failed++;
		return;
	}
	if (r->op == BLOCK_READ)
		expect(r);
	if (r->op == BLOCK_DISCARD || r->op == BLOCK_WRITE_ZEROES)
		memset(model + r->sector * 512, 0, block_bytes(r));
	CHECK(memcmp(arena + slice, shadow + slice, SLICE) == 0);
	if (r->op != BLOCK_FLUSH)
		CHECK(memcmp(disk_data + r->sector * 512, model + r->sector * 512,
			     block_bytes(r)) == 0);
	if ((r->op == BLOCK_WRITE || r->op == BLOCK_WRITE_ZEROES) && r->is_fua)
		CHECK(memcmp(disk_medium + r->sector * 512, model + r->sector * 512,
			     block_bytes(r)) == 0);
}

static void start(uint8_t shift, uint8_t mdts)
{
	disk_init();
	memset(model, 0, sizeof(model));
	memset(jobs, 0, sizeof(jobs));
	for (uint64_t i = 0; i < ARENA_BYTES; i += 8)
		memcpy(arena + i, &(uint64_t){ random_u64() }, 8);
	memcpy(shadow, arena, ARENA_BYTES);
	dr.f.ns[0].shift = shift;
	dr.f.ns[0].blocks = DISK_BLOCKS >> (shift - 9);
	dr.f.mdts = mdts;
	dr.f.seed = random_u64();
	block_sectors = 1u << (shift - 9);
	dr.each_done = end_job;
	ended = failed = 0;
	disk_start();
	CHECK(dr.n.disk.facts.sector_count == DISK_BLOCKS);
	CHECK(dr.n.disk.facts.block_bytes == 1u << shift);
}

static void step(void)
{
	const uint32_t at = (uint32_t)random_below(JOBS);

	if (!jobs[at].is_out)
		begin_job(at);
	dr.budget = (uint32_t)random_below(12);
	dr.poll_max = (uint32_t)random_between(1, 8);
	if (random_below(3) == 0)
		disk_turn();
}

static void finish(void)
{
	dr.budget = UINT32_MAX;
	dr.poll_max = 64;
	for (uint32_t i = 0; i < 100000 && dr.n.disk.in_flight; i++)
		disk_turn();
	CHECK(dr.n.disk.in_flight == 0 && dr.n.bounce_used == 0 && disk_is_honest());
	for (uint32_t i = 0; i < JOBS; i++)
		CHECK(!jobs[i].is_out);
}

static void data_goes_where_it_belongs(void)
{
	static const uint8_t shifts[] = { 9, 12, 9, 10 }, mdts[] = { 7, 5, 1, 0 };

	for (uint32_t i = 0; i < ARRAY_SIZE(shifts); i++) {
		start(shifts[i], mdts[i]);
		for (uint32_t k = 0; k < 1500; k++)
			step();
		finish();
		CHECK(ended > 300 && failed == 0 && dr.n.d.fault_count == 0);
		CHECK(memcmp(disk_data, model, sizeof(model)) == 0);
	}
}

/* A fault every so often; the good spell between two keeps it from being given up. */
static void what_is_lost_is_done_again(void)
{
	uint32_t faults = 0;

	for (uint32_t round = 0; round < 60; round++) {
		start(9, 5);
		dr.config.controller.io_timeout_ns = MS(20);
		for (uint32_t k = 0; k < 60; k++)
			step();
		dr.f.trick = (enum fake_nvme_trick)random_between(FAKE_NVME_LOSE, FAKE_NVME_FATAL);
		dr.f.trick_at = dr.f.completions + (uint32_t)random_below(30);
		dr.f.trick_times = 1;
		dr.f.trick_queue_least = 1;
		for (uint32_t k = 0; k < 120; k++)
			step();
		finish();
		CHECK(failed == 0);
		CHECK(memcmp(disk_data, model, sizeof(model)) == 0);
		faults += dr.n.d.fault_count;
	}
	CHECK(faults > 40);
}

/* A command that fails is tried again where that may help: here it always does. */
static void passing_errors_pass(void)
{
	start(9, 5);
	for (uint32_t k = 0; k < 1000; k++) {
		if (dr.f.trick == FAKE_NVME_HONEST || dr.f.completions >= dr.f.trick_at + 1) {
			dr.f.trick = FAKE_NVME_ERROR;
			dr.f.trick_status = 0x0281;
			dr.f.trick_times = 1;
			dr.f.trick_at = dr.f.completions + 3 + (uint32_t)random_below(20);
			dr.f.trick_queue_least = 1;
		}
		step();
	}
	finish();
	CHECK(ended > 150 && failed == 0 && dr.n.d.fault_count == 0);
	CHECK(memcmp(disk_data, model, sizeof(model)) == 0);
}

/* It dies under load: everything comes back, with an error, and nothing is touched afterwards. */
static void a_dead_controller_gives_everything_back(void)
{
	for (uint32_t round = 0; round < 20; round++) {
		start(9, 5);
		for (uint32_t k = 0; k < 60; k++)
			step();
		dr.no_flr = round & 1;
		if (round & 1)
			dr.f.never_disabled = true;
		else
			dr.f.is_gone = true;
		if (round & 1)
			dr.f.csts |= 2;
		CHECK(disk_run(DISK_GONE, 100000));
		finish();
		struct block_request late = { .op = BLOCK_FLUSH };
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
	shadow = malloc(ARENA_BYTES);
	RUN(data_goes_where_it_belongs);
	RUN(what_is_lost_is_done_again);
	RUN(passing_errors_pass);
	RUN(a_dead_controller_gives_everything_back);
	free(shadow);
	disk_rig_end();
	return test_failed;
}

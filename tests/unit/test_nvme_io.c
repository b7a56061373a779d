/* SPDX-License-Identifier: Apache-2.0 */
/* NVMe I/O: data against a plain array, every shape of pieces, and what is refused. */
#include "tests/fake/nvme_io_rig.h"

static uint8_t model[BLOCKS * 512];

/* --- data ---------------------------------------------------------------------------------------- */

/* Cuts `bytes` at random page boundaries; begins and ends where it wants. Pages are not in order. */
static uint32_t make_pieces(struct nvme_piece *pieces, uint64_t base, uint64_t bytes)
{
	uint64_t at = base + 4 * rig_random(1024), left = bytes;
	uint32_t n = 0;

	if (rig_random(3) == 0)
		at = base;
	while (left) {
		uint64_t part = (1 + rig_random(4)) * PAGE_BYTES - (at & 0xfff);

		part = min_u64(part, left);
		pieces[n++] = (struct nvme_piece){ { at }, part };
		left -= part;
		at = (at + part + 0xfff) & ~UINT64_C(0xfff);
	}
	/* Whole pages may lie anywhere: exchange two of the middle. */
	if (n >= 4 && pieces[1].bytes == pieces[2].bytes) {
		const struct nvme_piece p = pieces[1];

		pieces[1] = pieces[2];
		pieces[2] = p;
	}
	return n;
}

static void copy(const struct nvme_piece *pieces, uint32_t n, uint8_t *data, bool to_host)
{
	for (uint32_t i = 0; i < n; i++) {
		uint8_t *host = buffer + (pieces[i].at.v - BUFFER_HPA);

		memcpy(to_host ? host : data, to_host ? data : host, pieces[i].bytes);
		data += pieces[i].bytes;
	}
}

struct job {
	struct nvme_piece pieces[PAGES + 2];
	uint32_t piece_count;
	struct nvme_request r;
	bool is_out;
	uint64_t tag;
};

static bool overlaps(const struct job *jobs, uint32_t count, uint64_t lba, uint64_t blocks)
{
	for (uint32_t i = 0; i < count; i++)
		if (jobs[i].is_out && lba < jobs[i].r.lba + jobs[i].r.block_count &&
		    jobs[i].r.lba < lba + blocks)
			return true;
	return false;
}

static void begin_job(struct job *jobs, uint32_t at, uint32_t count, uint64_t tag)
{
	static const enum nvme_op ops[] = { NVME_READ,  NVME_READ,         NVME_WRITE,
					    NVME_WRITE, NVME_WRITE_ZEROES, NVME_DEALLOCATE };
	const uint32_t blocks = 1 + (uint32_t)rig_random(PAGES * 8);
	const uint64_t lba = rig_random(BLOCKS - blocks + 1);
	const uint64_t base = BUFFER_HPA + at * (PAGES + 1) * 2 * PAGE_BYTES;
	struct job *j = &jobs[at];
	uint8_t *data = model + lba * 512;

	if (overlaps(jobs, count, lba, blocks))
		return;
	j->r = request(ops[rig_random(ARRAY_SIZE(ops))], lba, blocks, j->pieces, 0);
	j->r.is_fua = rig_random(2);
	j->r.tag = j->tag = tag;
	if (j->r.op == NVME_READ || j->r.op == NVME_WRITE) {
		j->piece_count = j->r.piece_count = make_pieces(j->pieces, base, blocks * 512);
		for (uint64_t i = 0; i < 2 * (PAGES + 1) * PAGE_BYTES; i += 8)
			memcpy(buffer + (base - BUFFER_HPA) + i, &rig_seed, 8);
		for (uint32_t i = 0; j->r.op == NVME_WRITE && i < blocks * 512; i++)
			data[i] = (uint8_t)rig_random(256);
		if (j->r.op == NVME_WRITE)
			copy(j->pieces, j->piece_count, data, true);
	} else {
		memset(data, 0, blocks * 512);
	}
	CHECK(nvme_io_submit(&queues[at % QUEUES], &j->r, rig.now) == OK);
	nvme_io_kick(&queues[at % QUEUES]);
	j->is_out = true;
}

static void end_job(struct job *j)
{
	static uint8_t got[PAGES * PAGE_BYTES];

	CHECK(seen[j->tag].count == 1 && seen[j->tag].status == 0);
	if (j->r.op == NVME_READ) {
		copy(j->pieces, j->piece_count, got, false);
		CHECK(memcmp(got, model + j->r.lba * 512, j->r.block_count * 512) == 0);
	}
	j->is_out = false;
}

/* Thousands of requests on three queues, completed in any order and a few at a time. */
static void data_goes_where_it_belongs(void)
{
	static struct job jobs[SLOTS * 2];

	init();
	memset(model, 0, sizeof(model));
	memset(jobs, 0, sizeof(jobs));
	start();
	rig.f.seed = 99;
	for (uint64_t tag = 0; tag < TAGS; tag++) {
		const uint32_t at = (uint32_t)rig_random(ARRAY_SIZE(jobs));

		if (!jobs[at].is_out)
			begin_job(jobs, at, ARRAY_SIZE(jobs), tag);
		if (tag % 8)
			continue;
		rig.budget = (uint32_t)rig_random(4);
		poll_max = 1 + (uint32_t)rig_random(4);
		turns(1);
		for (uint32_t i = 0; i < ARRAY_SIZE(jobs); i++)
			if (jobs[i].is_out && seen[jobs[i].tag].count)
				end_job(&jobs[i]);
	}
	rig.budget = poll_max = 64;
	turns(100);
	for (uint32_t i = 0; i < ARRAY_SIZE(jobs); i++)
		if (jobs[i].is_out)
			end_job(&jobs[i]);
	CHECK(memcmp(disk, model, sizeof(disk)) == 0);
	CHECK(is_honest() && rig.d.fault_count == 0 && rig.f.fua_writes > 100);
	CHECK(rig.f.pending_max > SLOTS);
}

/* --- refusals -------------------------------------------------------------------------------------- */

static void only_what_a_prp_list_can_say_is_taken(void)
{
	const uint64_t b = BUFFER_HPA;
	static const struct {
		struct nvme_piece pieces[3];
		uint32_t count, blocks;
		enum err e;
	} cases[] = {
		{ { { { 0 }, 512 } }, 1, 1, OK },
		{ { { { 4092 }, 4 }, { { 8192 }, 508 } }, 2, 1, OK },
		{ { { { 4 }, 4092 }, { { 4096 }, 4 } }, 2, 8, OK },
		{ { { { 2 }, 512 } }, 1, 1, ERR_INVAL },
		{ { { { 0 }, 511 } }, 1, 1, ERR_INVAL },
		{ { { { 0 }, 513 } }, 1, 1, ERR_INVAL },
		{ { { { 0 }, 512 } }, 1, 2, ERR_INVAL },
		{ { { { 0 }, 256 }, { { 4096 }, 256 } }, 2, 1, ERR_INVAL },
		{ { { { 3840 }, 256 }, { { 4100 }, 256 } }, 2, 1, ERR_INVAL },
		{ { { { 0 }, 0 }, { { 0 }, 512 } }, 2, 1, ERR_INVAL },
		{ { { { 0 }, 4096 }, { { 8192 }, 0 } }, 2, 8, ERR_INVAL },
		{ { { { 0 }, 4096 }, { { 8192 }, 2048 }, { { 12288 }, 2048 } }, 3, 16, ERR_INVAL },
		{ { { { 0 }, 4096 }, { { 8192 }, UINT64_MAX } }, 2, 16, ERR_INVAL },
		{ { { { 0 }, 0 } }, 0, 1, ERR_INVAL },
	};

	init();
	start();
	for (uint32_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct nvme_piece pieces[3];
		struct nvme_request r;

		for (uint32_t k = 0; k < 3; k++) {
			pieces[k] = cases[i].pieces[k];
			pieces[k].at.v += b;
		}
		r = request(NVME_WRITE, 0, cases[i].blocks, pieces, cases[i].count);
		CHECK(nvme_io_submit(&queues[0], &r, rig.now) == cases[i].e);
	}
	struct nvme_piece wraps = { { UINT64_MAX - 3 }, 512 };
	struct nvme_request r = request(NVME_READ, 0, 1, &wraps, 1);
	CHECK(nvme_io_submit(&queues[0], &r, rig.now) == ERR_INVAL);
	nvme_io_kick(&queues[0]);
	turns(3);
	CHECK(done_count == 3 && is_honest());
}

static void nothing_outside_the_namespace_is_reached(void)
{
	static const enum nvme_op ops[] = { NVME_READ, NVME_WRITE, NVME_WRITE_ZEROES,
					    NVME_DEALLOCATE };

	init();
	start();
	for (uint32_t i = 0; i < ARRAY_SIZE(ops); i++) {
		CHECK(try(ops[i], BLOCKS - 1, 1) == OK && try(ops[i], BLOCKS - 128, 128) == OK);
		CHECK(try(ops[i], BLOCKS, 1) == ERR_RANGE &&
		      try(ops[i], BLOCKS - 1, 2) == ERR_RANGE);
		CHECK(try(ops[i], UINT64_MAX, 1) == ERR_RANGE &&
		      try(ops[i], UINT64_MAX, 2) == ERR_RANGE);
		CHECK(try(ops[i], 0, 0) == ERR_INVAL && try(ops[i], 0, 65537) == ERR_INVAL);
	}
	/* Without data, a command's own limit is the only one. */
	CHECK(try(NVME_WRITE_ZEROES, 0, BLOCKS) == OK && try(NVME_DEALLOCATE, 0, BLOCKS) == OK);
	/* The list has PAGES entries: 64 KiB. */
	CHECK(try(NVME_READ, 0, PAGES * 8) == OK && try(NVME_READ, 0, PAGES * 8 + 1) == ERR_RANGE);
	struct nvme_request r = request(NVME_FLUSH, 0, 1, NULL, 0);
	CHECK(nvme_io_submit(&queues[0], &r, rig.now) == ERR_INVAL);
	r.block_count = 0;
	CHECK(nvme_io_submit(&queues[0], &r, rig.now) == OK);
	r.nsid = 2;
	CHECK(nvme_io_submit(&queues[0], &r, rig.now) == ERR_NODEV);
	nvme_io_kick(&queues[0]);
	nvme_io_kick(&queues[1]);
	turns(3);
	CHECK(done_count == 12 && is_honest() && rig.f.flushes == 1);
	for (uint32_t i = 0; i < TAGS; i++)
		CHECK(seen[i].count == 0 || seen[i].status == 0);
}

static void the_controllers_limits_are_respected(void)
{
	init();
	rig.f.mdts = 2; /* 16 KiB */
	rig.f.oncs = 0;
	start();
	CHECK(try(NVME_READ, 0, 32) == OK && try(NVME_READ, 0, 33) == ERR_RANGE);
	CHECK(try(NVME_WRITE_ZEROES, 0, 1) == ERR_UNSUPPORTED);
	CHECK(try(NVME_DEALLOCATE, 0, 1) == ERR_UNSUPPORTED);
	/* The largest transfer that begins off a page fills the list to its last entry. */
	init();
	rig.f.mdts = 0;
	rig.f.ns[0].data = NULL;
	rig.f.ns[0].blocks = 1u << 20;
	queue_count = 1;
	start_with(2, 512);
	CHECK(rig_run(NVME_READY));
	struct nvme_piece odd = { { BUFFER_HPA + 4092 }, MIB(2) };
	struct nvme_request r = request(NVME_WRITE, 7, 4096, &odd, 1);
	CHECK(nvme_io_submit(&queues[0], &r, rig.now) == OK);
	CHECK(nvme_io_submit(&queues[0], &r, rig.now) == OK);
	CHECK(nvme_io_submit(&queues[0], &r, rig.now) == ERR_BUSY);
	nvme_io_kick(&queues[0]);
	turns(3);
	CHECK(done_count == 2 && is_honest());
}

static void no_more_than_its_slots_are_in_flight(void)
{
	uint32_t taken = 0;

	init();
	start();
	rig.budget = 0;
	while (try(NVME_READ, taken, 1) == OK)
		taken++;
	CHECK(taken == SLOTS);
	/* Nothing was rung: nothing happens. */
	rig.budget = UINT32_MAX;
	turns(5);
	CHECK(done_count == 0);
	nvme_io_kick(&queues[1]);
	rig.budget = 1;
	turns(1);
	CHECK(done_count == 1 && try(NVME_READ, 0, 1) == OK && try(NVME_READ, 0, 1) == ERR_BUSY);
	rig.budget = UINT32_MAX;
	nvme_io_kick(&queues[1]);
	turns(3);
	CHECK(done_count == SLOTS + 1 && is_honest());
}

int main(void)
{
	io_rig_begin();
	RUN(data_goes_where_it_belongs);
	RUN(only_what_a_prp_list_can_say_is_taken);
	RUN(nothing_outside_the_namespace_is_reached);
	RUN(the_controllers_limits_are_respected);
	RUN(no_more_than_its_slots_are_in_flight);
	io_rig_end();
	return test_failed;
}

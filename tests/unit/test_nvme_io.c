/* SPDX-License-Identifier: Apache-2.0 */
/* NVMe I/O queues: data against a plain array, every shape of pieces, and who gets what back. */
#include <stdio.h>
#include "drivers/nvme/nvme_io.h"
#include "tests/fake/nvme_rig.h"
#include "tests/test.h"

#define QUEUES       3u
#define SLOTS        20u
#define PAGES        16u /* of a transfer */
#define BLOCKS       4096u
#define TAGS         4096u
#define BUFFER       (SLOTS * 2 * 2 * (PAGES + 1) * PAGE_BYTES)
#define BUFFER_HPA   UINT64_C(0x300000000)
#define QUEUE_HPA(i) (UINT64_C(0x80000000) + (i)*UINT64_C(0x1000000))

static struct nvme_io_queue queues[QUEUES];
static struct nvme_slot *slots[QUEUES]; /* exactly as many as there shall be */
static uint8_t *queue_memory[QUEUES];
static uint8_t *buffer;
static uint8_t disk[BLOCKS * 512], model[BLOCKS * 512];
static uint32_t queue_count, poll_max, try_queue;
static bool owners_sleep;

/* By tag: how often it came back, and how. */
static struct {
	uint32_t count;
	uint16_t status;
} seen[TAGS];
static uint32_t done_count, lost_count;
static bool lost_too_early;

static bool is_honest(void)
{
	if (rig.f.host_errors)
		printf("the host: %s\n", rig.f.host_error);
	return rig.f.host_errors == 0;
}

static void owners(struct nvme_rig *r)
{
	struct nvme_done done[64];

	for (uint32_t i = 0; i < queue_count && !owners_sleep; i++) {
		const uint32_t n = nvme_io_poll(&queues[i], r->now, done, poll_max);

		CHECK(n <= poll_max);
		for (uint32_t k = 0; k < n; k++) {
			CHECK(done[k].tag < TAGS);
			seen[done[k].tag].count++;
			seen[done[k].tag].status = done[k].status;
			done_count++;
			if (done[k].status != NVME_STATUS_LOST)
				continue;
			lost_count++;
			lost_too_early |= !r->f.is_gone && ((r->f.cc & 1) || (r->f.csts & 1));
		}
	}
}

static void init(void)
{
	rig_init();
	memset(seen, 0, sizeof(seen));
	memset(disk, 0, sizeof(disk));
	memset(model, 0, sizeof(model));
	done_count = lost_count = 0;
	lost_too_early = owners_sleep = false;
	poll_max = 64;
	try_queue = 1;
	queue_count = QUEUES;
	rig.each_turn = owners;
	rig.f.ns[0].data = disk;
	fake_nvme_region(&rig.f, BUFFER_HPA, buffer, BUFFER);
}

static void start_with(uint16_t slot_count, uint32_t page_count)
{
	CHECK(rig_start() == OK);
	for (uint32_t i = 0; i < queue_count; i++) {
		const uint64_t bytes = nvme_io_memory_bytes(slot_count, page_count);

		free(slots[i]);
		slots[i] = malloc(slot_count * sizeof(*slots[i]));
		const struct nvme_io_config c = {
			.memory = { queue_memory[i], { QUEUE_HPA(i) }, bytes },
			.slots = slots[i],
			.slot_count = slot_count,
			.page_count = page_count,
		};

		/* No byte more than was asked for is reached by the device. */
		fake_nvme_region(&rig.f, QUEUE_HPA(i), queue_memory[i], bytes);
		CHECK(nvme_io_add(&rig.d, &queues[i], &c) == OK);
	}
}

static void start(void)
{
	start_with(SLOTS, PAGES);
	CHECK(rig_run(NVME_READY) && rig.d.io_granted_count == QUEUES && is_honest());
}

static void turns(uint32_t n)
{
	while (n--)
		rig_turn();
}

static struct nvme_request request(enum nvme_op op, uint64_t lba, uint32_t blocks,
				   const struct nvme_piece *pieces, uint32_t piece_count)
{
	return (struct nvme_request){ .op = op,
				      .nsid = 1,
				      .lba = lba,
				      .block_count = blocks,
				      .pieces = pieces,
				      .piece_count = piece_count };
}

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

static enum err try(enum nvme_op op, uint64_t lba, uint32_t blocks)
{
	const struct nvme_piece p = { { BUFFER_HPA }, (uint64_t)blocks * 512 };
	const bool has_data = op == NVME_READ || op == NVME_WRITE;
	const struct nvme_request r = request(op, lba, blocks, &p, has_data);

	return nvme_io_submit(&queues[try_queue], &r, rig.now);
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

/* --- queues ------------------------------------------------------------------------------------------ */

static void short_and_few_queues_are_lived_with(void)
{
	uint32_t taken = 0;

	init();
	rig.f.mqes = 8; /* nine entries: eight are the power of two */
	rig.f.queue_limit = 2;
	start_with(SLOTS, PAGES);
	CHECK(rig_run(NVME_READY) && rig.d.io_granted_count == 2 && is_honest());
	while (try(NVME_READ, 0, 1) == OK)
		taken++;
	CHECK(taken == 7);
	struct nvme_request r = request(NVME_FLUSH, 0, 0, NULL, 0);
	CHECK(nvme_io_submit(&queues[2], &r, rig.now) == ERR_BUSY);
	nvme_io_kick(&queues[1]);
	turns(3);
	CHECK(done_count == 7 && is_honest());
	for (uint32_t i = 0; i < 5000; i++) {
		CHECK(try(NVME_READ, 0, 1) == OK);
		nvme_io_kick(&queues[1]);
		turns(1 + (uint32_t)rig_random(2));
	}
	turns(4);
	CHECK(done_count == 5007 && is_honest() && rig.d.fault_count == 0);
}

static void a_queue_is_as_long_as_the_controller_allows(void)
{
	for (uint16_t mqes = 1; mqes < 40; mqes++) {
		init();
		rig.f.mqes = mqes;
		start_with(SLOTS, PAGES);
		CHECK(rig_run(NVME_READY) && is_honest() && rig.d.fault_count == 0);
		CHECK(queues[0].queue.entries <= mqes + 1u && queues[0].queue.entries * 2 > mqes);
		CHECK(queues[0].queue.slot_count < queues[0].queue.entries);
	}
}

static void bad_configurations_are_refused(void)
{
	struct nvme_slot four[4];
	struct nvme_io_config c = { { queue_memory[0], { QUEUE_HPA(0) }, 0 }, four, 4, 16 };
	struct nvme_io_config bad;

	init();
	CHECK(rig_start() == OK);
	c.memory.bytes = nvme_io_memory_bytes(4, 16) - 1;
	CHECK(nvme_io_add(&rig.d, &queues[0], &c) == ERR_NOMEM);
	c.memory.bytes++;
	bad = c;
	bad.page_count = 12;
	CHECK(nvme_io_add(&rig.d, &queues[0], &bad) == ERR_INVAL);
	bad.page_count = 1024;
	CHECK(nvme_io_add(&rig.d, &queues[0], &bad) == ERR_INVAL);
	bad = c;
	bad.slot_count = 255;
	CHECK(nvme_io_add(&rig.d, &queues[0], &bad) == ERR_INVAL);
	bad = c;
	bad.memory.hpa.v += 512;
	CHECK(nvme_io_add(&rig.d, &queues[0], &bad) == ERR_INVAL);
	rig.d.config.register_bytes = 0x1000 + 8 * 3; /* doorbells of queues 0 to 2 */
	CHECK(nvme_io_add(&rig.d, &queues[0], &c) == OK &&
	      nvme_io_add(&rig.d, &queues[1], &c) == OK);
	CHECK(nvme_io_add(&rig.d, &queues[2], &c) == ERR_NOMEM);
}

/* --- recovery ---------------------------------------------------------------------------------------- */

static void submit_some(uint32_t each)
{
	static uint64_t tag;

	for (uint32_t i = 0; i < QUEUES * each; i++) {
		const struct nvme_piece p = { { BUFFER_HPA }, 512 };
		struct nvme_request r = request(NVME_READ, i, 1, &p, 1);

		tag = i;
		r.tag = tag;
		CHECK(nvme_io_submit(&queues[i % QUEUES], &r, rig.now) == OK);
	}
	for (uint32_t i = 0; i < QUEUES; i++)
		nvme_io_kick(&queues[i]);
}

/* Each trick on an I/O queue: everything comes back exactly once, lost only when it is disabled. */
static void every_command_comes_back_exactly_once(void)
{
	for (uint32_t trick = FAKE_NVME_LOSE; trick < FAKE_NVME_ERROR; trick++) {
		for (uint32_t at = 0; at < 3 * QUEUES; at++) {
			init();
			start();
			rig.f.trick = (enum fake_nvme_trick)trick;
			rig.f.trick_at = rig.f.completions + at;
			rig.f.trick_times = 1;
			rig.f.trick_queue_least = 1;
			rig.budget = 2;
			submit_some(5);
			for (uint32_t i = 0; i < 60000 && done_count < QUEUES * 5; i++) {
				rig_turn();
				if (rig.d.state == NVME_FAILED)
					nvme_after_block(&rig.d);
			}
			turns(300);
			CHECK(done_count == QUEUES * 5);
			for (uint32_t i = 0; i < QUEUES * 5; i++)
				CHECK(seen[i].count == 1 &&
				      (seen[i].status == 0 || seen[i].status == NVME_STATUS_LOST));
			CHECK(!lost_too_early && is_honest());
			CHECK(rig.d.fault_count == 1);
			if (trick == FAKE_NVME_GONE)
				continue;
			/* And it works again. */
			rig.budget = UINT32_MAX;
			CHECK(rig_run(NVME_READY));
			lost_count = done_count = 0;
			submit_some(5);
			turns(5);
			CHECK(done_count == QUEUES * 5 && lost_count == 0);
		}
	}
}

static void silence_ends_with_the_deadline(void)
{
	uint64_t began;

	init();
	start();
	rig.f.trick = FAKE_NVME_LOSE;
	rig.f.trick_times = 1;
	rig.f.trick_at = rig.f.completions;
	submit_some(1);
	began = rig.now;
	try_queue = 0;
	/* Its queue goes on: what is overdue is seen all the same. */
	while (rig.d.fault_count == 0 && rig.now < began + SEC(10)) {
		(void)try(NVME_READ, 0, 1);
		nvme_io_kick(&queues[0]);
		rig_turn();
	}
	CHECK(rig.d.fault == NVME_FAULT_IO_TIMEOUT);
	CHECK(rig.now - began >= SEC(2) && rig.now - began < SEC(2) + MS(20));
}

/* An owner that sleeps holds the reset up: its commands are still its own. */
static void a_reset_waits_for_the_owners(void)
{
	init();
	start();
	rig.budget = 0;
	submit_some(3);
	owners_sleep = true;
	nvme_reset(&rig.d, NVME_RESET_CONTROLLER, rig.now);
	turns(3000);
	CHECK(rig.d.state == NVME_COLLECTING && done_count == 0);
	CHECK(try(NVME_READ, 0, 1) == ERR_BUSY);
	owners_sleep = false;
	poll_max = 1;
	rig.budget = UINT32_MAX;
	CHECK(rig_run(NVME_READY) && lost_count == QUEUES * 3 && is_honest() && !lost_too_early);
	/* A second reset while they have not collected loses nothing either. */
	done_count = lost_count = 0;
	rig.budget = 0;
	submit_some(3);
	owners_sleep = true;
	nvme_reset(&rig.d, NVME_RESET_CONTROLLER, rig.now);
	turns(3000);
	nvme_reset(&rig.d, NVME_RESET_FUNCTION, rig.now);
	turns(3000);
	owners_sleep = false;
	rig.budget = UINT32_MAX;
	CHECK(rig_run(NVME_READY) && lost_count == QUEUES * 3 && is_honest());
}

static void who_was_given_up_gives_back_when_it_is_blocked(void)
{
	init();
	start();
	rig.budget = 0;
	submit_some(2);
	rig.f.is_gone = true;
	turns(300);
	CHECK(rig.d.state == NVME_FAILED && done_count == 0);
	nvme_after_block(&rig.d);
	turns(3);
	CHECK(lost_count == QUEUES * 2 && try(NVME_READ, 0, 1) == ERR_BUSY);
}

static void an_error_is_passed_on(void)
{
	init();
	start();
	rig.f.trick = FAKE_NVME_ERROR;
	rig.f.trick_at = rig.f.completions;
	rig.f.trick_status = 0x0281; /* unrecovered read error, may be retried */
	submit_some(1);
	turns(3);
	for (uint32_t i = 0; i < QUEUES; i++)
		CHECK(seen[i].count == 1 && seen[i].status == 0x0281);
	CHECK(rig.d.fault_count == 0 && rig.d.state == NVME_READY);
}

int main(void)
{
	for (uint32_t i = 0; i < QUEUES; i++)
		queue_memory[i] = aligned_alloc(PAGE_BYTES, MIB(4));
	buffer = aligned_alloc(PAGE_BYTES, BUFFER);
	RUN(data_goes_where_it_belongs);
	RUN(only_what_a_prp_list_can_say_is_taken);
	RUN(nothing_outside_the_namespace_is_reached);
	RUN(the_controllers_limits_are_respected);
	RUN(no_more_than_its_slots_are_in_flight);
	RUN(short_and_few_queues_are_lived_with);
	RUN(a_queue_is_as_long_as_the_controller_allows);
	RUN(bad_configurations_are_refused);
	RUN(every_command_comes_back_exactly_once);
	RUN(silence_ends_with_the_deadline);
	RUN(a_reset_waits_for_the_owners);
	RUN(who_was_given_up_gives_back_when_it_is_blocked);
	RUN(an_error_is_passed_on);
	for (uint32_t i = 0; i < QUEUES; i++) {
		free(queue_memory[i]);
		free(slots[i]);
	}
	free(buffer);
	return test_failed;
}

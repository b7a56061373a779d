/* SPDX-License-Identifier: Apache-2.0 */
/* The NVMe disk: how requests are cut, what a flush says after a reset, and what it is not. */
#include "tests/fake/nvme_disk_rig.h"

static struct block_request *last_done;

static void note_done(struct block_request *r)
{
	last_done = r;
}

static struct block_request write_at(uint64_t sector, uint8_t *at, uint64_t bytes)
{
	return (struct block_request){ .op = BLOCK_WRITE,
				       .sector = sector,
				       .sector_count = (uint32_t)(bytes / 512),
				       .segment_count = 1,
				       .segments = { { at, bytes } } };
}

static bool does(struct block_request *r)
{
	if (disk_submit(r) != OK)
		return false;
	for (uint32_t i = 0; i < 100000 && dr.n.disk.in_flight; i++)
		disk_turn();
	return dr.n.disk.in_flight == 0 && r->status == BLOCK_OK;
}

static bool does_flush(uint16_t client)
{
	struct block_request r = { .op = BLOCK_FLUSH, .client = client };

	return does(&r);
}

static bool does_write(uint16_t client, bool is_fua)
{
	struct block_request r = write_at(8, arena, 4096);

	r.client = client;
	r.is_fua = is_fua;
	return does(&r);
}

/* --- cutting ------------------------------------------------------------------------------------------ */

static uint32_t commands_of(struct block_request *r)
{
	const uint32_t before = dr.f.io_commands;

	CHECK(does(r) && disk_is_honest());
	return dr.f.io_commands - before;
}

static void a_command_takes_as_much_as_it_can(void)
{
	struct block_request r = write_at(0, arena, MIB(1));

	disk_init();
	dr.f.mdts = 7; /* 512 KiB: the lists have 256 */
	disk_start();
	CHECK(commands_of(&r) == 4);
	r = write_at(0, arena + 8, KIB(64));
	CHECK(commands_of(&r) == 1);
	/* Whole pages, in any order. */
	r = write_at(0, arena, 0);
	r.sector_count = 64 * 8;
	r.segment_count = 64;
	for (uint32_t i = 0; i < 64; i++)
		r.segments[i] =
			(struct block_segment){ arena + (i * 7 % 64) * 2 * PAGE_BYTES, PAGE_BYTES };
	CHECK(commands_of(&r) == 1);
	/* Neighbours are one. */
	for (uint32_t i = 0; i < 64; i++)
		r.segments[i] = (struct block_segment){ arena + 512 * i, 512 };
	r.sector_count = 64;
	CHECK(commands_of(&r) == 1);
	/* Apart, and off a page: each its own. */
	for (uint32_t i = 0; i < 64; i++)
		r.segments[i] = (struct block_segment){ arena + 1024 * i, 512 };
	CHECK(commands_of(&r) == 64);
	/* At odd addresses, by pages of the bounce buffer. */
	r = write_at(0, arena + 1, KIB(64));
	CHECK(commands_of(&r) == 16);
	/* A header of 256 bytes: one page of it is copied, the rest goes as it is. */
	r = write_at(0, arena + PAGE_BYTES, 256);
	r.sector_count = 64;
	r.segment_count = 2;
	r.segments[1] = (struct block_segment){ arena + 4 * PAGE_BYTES + 256, KIB(32) - 256 };
	CHECK(commands_of(&r) == 2);
	/* No data: 65536 blocks each. */
	dr.f.ns[0].data = dr.f.ns[0].medium = NULL;
	r = (struct block_request){ .op = BLOCK_WRITE_ZEROES, .sector_count = DISK_BLOCKS };
	CHECK(commands_of(&r) == 1);
}

/* One request takes every bounce page and every slot, and goes on as they come back. */
static void a_request_may_need_more_than_there_is(void)
{
	struct block_request r = write_at(0, arena + 3, MIB(1)), other = write_at(4000, arena, 512);
	uint32_t turns = 0;

	disk_init();
	dr.config.queue_count = 1;
	dr.config.depth = 8;
	disk_start();
	for (uint32_t i = 0; i < MIB(1); i++)
		arena[3 + i] = (uint8_t)(i * 7 + i / 251);
	dr.budget = 3;
	CHECK(disk_submit(&r) == OK && disk_submit(&other) == ERR_BUSY);
	while (dr.n.cutting) {
		disk_turn();
		CHECK(dr.f.pending_count <= 8 && turns++ < 1000);
	}
	CHECK(disk_submit(&other) == OK || disk_submit(&other) == ERR_BUSY);
	disk_turns(10);
	CHECK(r.status == BLOCK_OK && memcmp(disk_data, arena + 3, MIB(1)) == 0);
	CHECK(disk_is_honest() && dr.n.bounce_used == 0);
}

static void the_queue_of_the_core_is_used(void)
{
	struct block_request r[4] = { write_at(0, arena, 512), write_at(8, arena, 512),
				      write_at(16, arena, 512), write_at(24, arena, 512) };

	disk_init();
	dr.config.queue_count = 16;
	dr.f.queue_limit = 3;
	disk_start();
	CHECK(dr.n.d.io_granted_count == 3);
	dr.budget = 0;
	for (uint32_t core = 0; core < 4; core++) {
		nvme_disk_use_queue(&dr.n, core);
		CHECK(disk_submit(&r[core]) == OK);
	}
	CHECK(dr.n.queues[0].queue.in_flight == 2 && dr.n.queues[1].queue.in_flight == 1 &&
	      dr.n.queues[2].queue.in_flight == 1 && dr.n.queues[3].queue.in_flight == 0);
	dr.budget = UINT32_MAX;
	disk_turns(3);
	CHECK(dr.n.disk.in_flight == 0 && dr.blocks_done == 4 && disk_is_honest());
}

/* After a reset there is one queue less: what its commands were goes to others, the rest follows. */
static void fewer_queues_after_a_reset_will_do(void)
{
	struct block_request r = write_at(0, arena + 1, MIB(1)), other = write_at(4000, arena, 512);

	disk_init();
	dr.config.queue_count = 2;
	dr.config.depth = 4;
	disk_start();
	nvme_disk_use_queue(&dr.n, 1);
	dr.budget = 0;
	CHECK(disk_submit(&r) == OK && dr.n.queues[1].queue.in_flight == 4 && dr.n.cutting == &r);
	nvme_reset(&dr.n.d, NVME_RESET_CONTROLLER, dr.now);
	dr.f.queue_limit = 1;
	dr.again = dr.now;
	dr.budget = UINT32_MAX;
	disk_turns(1);
	CHECK(disk_run(DISK_UP, 10000) && dr.n.d.io_granted_count == 1);
	disk_turns(100);
	CHECK(dr.n.disk.in_flight == 0 && r.status == BLOCK_OK && disk_is_honest());
	CHECK(does(&other));
}

static void a_full_queue_takes_no_request(void)
{
	struct block_request r[5];

	disk_init();
	dr.config.depth = 4;
	disk_start();
	dr.budget = 0;
	for (uint32_t i = 0; i < 5; i++) {
		r[i] = write_at(8 * i, arena, 512);
		CHECK(disk_submit(&r[i]) == (i < 4 ? OK : ERR_BUSY));
	}
	CHECK(!dr.n.cutting && dr.n.disk.in_flight == 4);
	dr.budget = UINT32_MAX;
	disk_turns(2);
	CHECK(does(&r[4]) && dr.blocks_done == 5);
}

/* --- flushes and resets -------------------------------------------------------------------------------- */

static void reset(void)
{
	nvme_reset(&dr.n.d, NVME_RESET_CONTROLLER, dr.now);
	dr.again = dr.now;
	disk_turn();
	CHECK(dr.n.disk.state == DISK_RECOVERING);
}

/* A reset without loss of power loses nothing: the flush is carried out, by the controller. */
static void a_flush_that_a_reset_interrupts_is_done_again(void)
{
	struct block_request flush = { .op = BLOCK_FLUSH };

	disk_init();
	disk_start();
	dr.each_done = note_done;
	memset(arena, 0x5a, 4096);
	CHECK(does_write(0, false) && memcmp(disk_medium + 4096, arena, 4096) != 0);
	dr.budget = 0;
	last_done = NULL;
	CHECK(disk_submit(&flush) == OK);
	disk_turn();
	reset();
	CHECK(!last_done && dr.f.flushes == 0 && disk_submit(&flush) == ERR_BUSY);
	dr.budget = UINT32_MAX;
	CHECK(disk_run(DISK_UP, 10000));
	disk_turns(3);
	CHECK(last_done == &flush && flush.status == BLOCK_OK && dr.f.flushes == 1);
	CHECK(memcmp(disk_medium + 4096, arena, 4096) == 0 && dr.n.disk.reset_count == 1);
}

static void lose_power(void)
{
	fake_nvme_lose_power(&dr.f);
	reset();
	CHECK(disk_run(DISK_UP, 10000));
}

/* Who had writes acknowledged is told once, by the next flush; nobody else is. */
static void lost_power_fails_the_flushes_that_it_concerns(void)
{
	disk_init();
	disk_start();
	CHECK(does_write(2, false) && does_flush(3) && does_write(1, false) &&
	      does_write(2, true) && does_write(3, false));
	lose_power();
	CHECK(does_flush(2));
	CHECK(!does_flush(1) && does_flush(1));
	CHECK(!does_flush(3) && does_flush(3));
	/* All was flushed. */
	CHECK(does_write(1, false) && does_flush(2));
	lose_power();
	CHECK(does_flush(1) && does_flush(2) && does_flush(3));
	CHECK(dr.n.disk.error_count == 2);
}

/* The flush was on its way: it cannot cover any more what it was sent for. */
static void a_flush_that_lost_power_interrupts_fails(void)
{
	struct block_request flush = { .op = BLOCK_FLUSH, .client = 4 };

	disk_init();
	disk_start();
	CHECK(does_write(4, false));
	dr.budget = 0;
	CHECK(disk_submit(&flush) == OK);
	disk_turn();
	dr.budget = UINT32_MAX;
	lose_power();
	disk_turns(3);
	CHECK(dr.n.disk.in_flight == 0 && flush.status == BLOCK_IO_ERROR);
	CHECK(does_flush(4));
}

/* Two flushes, a write acknowledged between them: the first one's success does not cover it. */
static void the_first_of_two_flushes_does_not_speak_for_the_second(void)
{
	struct block_request w = write_at(0, arena, 512);
	struct block_request first = { .op = BLOCK_FLUSH }, second = { .op = BLOCK_FLUSH };

	disk_init();
	disk_start();
	w.client = 6;
	first.client = second.client = 6;
	dr.budget = 0;
	CHECK(disk_submit(&first) == OK && disk_submit(&w) == OK);
	/* The write is completed first, the first flush next. */
	dr.f.seed = 2;
	for (uint32_t i = 0; i < 100 && dr.n.dirty == 0; i++) {
		disk_turn();
		if (dr.f.pending_count == 2) {
			const struct fake_nvme_command c = dr.f.pending[0];

			dr.f.pending[0] = dr.f.pending[1];
			dr.f.pending[1] = c;
			dr.f.seed = 0;
			dr.budget = 1;
		}
	}
	CHECK(dr.n.disk.in_flight == 1);
	dr.budget = 0;
	CHECK(disk_submit(&second) == OK);
	disk_turn();
	dr.budget = 1;
	disk_turn();
	dr.budget = 0;
	CHECK(dr.n.disk.in_flight == 1);
	dr.budget = UINT32_MAX;
	lose_power();
	disk_turns(3);
	CHECK(second.status == BLOCK_IO_ERROR && first.status == BLOCK_OK);
}

/* It had a log, and has none after the reset: nobody can say that nothing was lost. */
static void a_log_that_is_refused_after_a_reset_is_no_proof(void)
{
	disk_init();
	disk_start();
	CHECK(does_write(1, false));
	dr.f.has_no_smart = true;
	reset();
	CHECK(disk_run(DISK_UP, 10000) && !does_flush(1) && does_flush(1));
}

/* --- SMART ------------------------------------------------------------------------------------------------ */

static void its_health_is_read_once_a_minute(void)
{
	const struct nvme_smart *smart;
	uint64_t tsc;

	disk_init();
	CHECK(disk_begin() == OK && !nvme_disk_smart(&dr.n, &tsc));
	CHECK(disk_run(DISK_UP, 10000) && dr.f.log_reads == 1);
	smart = nvme_disk_smart(&dr.n, &tsc);
	CHECK(smart && smart->temperature_kelvin == 300 && smart->power_cycles == 7 && tsc > 0);
	dr.now += SEC(59);
	disk_turns(5);
	CHECK(dr.f.log_reads == 1);
	dr.now += SEC(2);
	disk_turns(20);
	CHECK(dr.f.log_reads == 2 && dr.n.smart_tsc > tsc + SEC(59));
	/* Without one it is a disk all the same. */
	disk_init();
	dr.f.has_no_smart = true;
	disk_start();
	CHECK(!nvme_disk_smart(&dr.n, &tsc) && does_write(0, false) && does_flush(0));
	reset();
	CHECK(disk_run(DISK_UP, 10000) && does_flush(0));
}

/* --- errors --------------------------------------------------------------------------------------------- */

static bool ends(uint8_t op, uint16_t status, uint32_t times, uint8_t wanted)
{
	struct block_request r = write_at(0, arena, 4096);
	const uint32_t before = dr.f.io_commands;

	r.op = op;
	if (op != BLOCK_WRITE && op != BLOCK_READ)
		r.segment_count = 0;
	dr.f.trick = FAKE_NVME_ERROR;
	dr.f.trick_status = status;
	dr.f.trick_at = dr.f.completions;
	dr.f.trick_times = times;
	dr.f.trick_queue_least = 1;
	(void)does(&r);
	return r.status == wanted && dr.f.io_commands - before <= 3 && disk_is_honest();
}

static void errors_are_what_they_are(void)
{
	disk_init();
	disk_start();
	CHECK(ends(BLOCK_READ, 0x0281, 2, BLOCK_OK));
	CHECK(ends(BLOCK_READ, 0x0281, 3, BLOCK_IO_ERROR));
	CHECK(ends(BLOCK_WRITE, 0x4280, 1, BLOCK_IO_ERROR));
	CHECK(ends(BLOCK_DISCARD, 0x4001, 1, BLOCK_UNSUPPORTED));
	CHECK(ends(BLOCK_WRITE_ZEROES, 0x4002, 1, BLOCK_UNSUPPORTED));
	CHECK(ends(BLOCK_WRITE, 0x4002, 1, BLOCK_IO_ERROR));
	CHECK(dr.n.disk.error_count == 5 && dr.n.d.fault_count == 0);
	dr.f.trick = FAKE_NVME_HONEST;
	/* The first of its parts fails: it fails once, when the last is back. */
	struct block_request r = write_at(0, arena, MIB(1));
	dr.f.trick = FAKE_NVME_ERROR;
	dr.f.trick_status = 0x4281;
	dr.f.trick_at = dr.f.completions + 1;
	dr.f.trick_times = 1;
	dr.blocks_done = 0;
	CHECK(!does(&r) && r.status == BLOCK_IO_ERROR && dr.blocks_done == 1);
}

/* A command that kills its controller time and again is not given to it for ever. */
static void three_losses_are_enough(void)
{
	struct block_request r = write_at(0, arena, 4096);

	disk_init();
	dr.config.controller.fault_limit = 100;
	disk_start();
	dr.f.trick = FAKE_NVME_LOSE;
	dr.f.trick_queue_least = 1;
	CHECK(disk_submit(&r) == OK);
	for (uint32_t i = 0; i < 3; i++) {
		disk_turns(3);
		CHECK(dr.n.disk.in_flight == 1);
		reset();
		CHECK(disk_run(DISK_UP, 10000));
	}
	disk_turns(3);
	CHECK(r.status == BLOCK_IO_ERROR && dr.n.disk.in_flight == 0 && dr.f.io_commands == 3);
}

static void what_is_beyond_its_limits_is_refused(void)
{
	struct block_request r;

	disk_init();
	dr.f.ns[0].shift = 12;
	dr.f.ns[0].blocks = DISK_BLOCKS / 8;
	dr.f.oncs = 0;
	disk_start();
	CHECK(dr.n.disk.facts.sector_count == DISK_BLOCKS && dr.n.disk.facts.has_cache);
	CHECK(strcmp(dr.n.disk.facts.model, "Fake NVMe, obedient") == 0 &&
	      strcmp(dr.n.disk.facts.serial, "S123") == 0);
	r = write_at(DISK_BLOCKS, arena, 4096);
	CHECK(disk_submit(&r) == ERR_RANGE);
	r = write_at(UINT64_MAX - 7, arena, 4096);
	CHECK(disk_submit(&r) == ERR_RANGE);
	r = write_at(DISK_BLOCKS - 8, arena, 8192);
	CHECK(disk_submit(&r) == ERR_RANGE);
	r = write_at(4, arena, 4096);
	CHECK(disk_submit(&r) == ERR_RANGE);
	r = write_at(8, arena, 2048);
	CHECK(disk_submit(&r) == ERR_RANGE);
	r = write_at(0, arena, MIB(1) + 4096);
	CHECK(disk_submit(&r) == ERR_RANGE);
	r = write_at(0, arena, 4096);
	r.segments[0].bytes = 4095;
	CHECK(disk_submit(&r) == ERR_RANGE);
	r.op = BLOCK_DISCARD;
	CHECK(disk_submit(&r) == ERR_UNSUPPORTED);
	r.op = BLOCK_WRITE_ZEROES;
	CHECK(disk_submit(&r) == ERR_UNSUPPORTED);
	r.op = BLOCK_OP_COUNT;
	CHECK(disk_submit(&r) == ERR_UNSUPPORTED);
	r = write_at(DISK_BLOCKS - 8, arena, 4096);
	CHECK(does(&r) && disk_is_honest());
}

/* --- bring-up and end --------------------------------------------------------------------------------------- */

static void another_disk_is_not_taken_for_this_one(void)
{
	disk_init();
	dr.config.nsid = 2;
	CHECK(disk_begin() == OK && disk_run(DISK_GONE, 10000) && dr.n.disk.why);
	disk_init();
	disk_start();
	dr.f.ns[0].blocks--;
	reset();
	CHECK(disk_run(DISK_GONE, 10000));
	disk_turn();
	CHECK(nvme_disk_needs(&dr.n) == NVME_DISK_NOTHING && dr.n.is_blocked);
	disk_init();
	disk_start();
	dr.f.ns[0].blocks++;
	reset();
	CHECK(disk_run(DISK_UP, 10000) && dr.n.disk.facts.sector_count == DISK_BLOCKS);
}

static void a_shutdown_is_orderly(void)
{
	struct block_request r = write_at(0, arena, 512);

	disk_init();
	disk_start();
	dr.budget = 0;
	CHECK(disk_submit(&r) == OK && nvme_disk_shutdown(&dr.n, dr.now) == ERR_BUSY);
	dr.budget = UINT32_MAX;
	disk_turns(2);
	CHECK(nvme_disk_shutdown(&dr.n, dr.now) == OK);
	dr.again = dr.now;
	CHECK(disk_run(DISK_GONE, 10000) && dr.f.shutdown_seen && !(dr.f.cc & 1));
	CHECK(strcmp(dr.n.disk.why, "it was shut down") == 0);
}

static void bad_configurations_are_refused(void)
{
	disk_init();
	dr.config.queue_count = 17;
	CHECK(disk_begin() == ERR_INVAL);
	disk_init();
	dr.config.depth = 65;
	CHECK(disk_begin() == ERR_INVAL);
	disk_init();
	dr.config.request_max_bytes = 2048;
	CHECK(disk_begin() == ERR_INVAL);
	disk_init();
	CHECK(disk_begin() == OK);
	dr.config.memory.bytes--;
	CHECK(nvme_disk_begin(&dr.n, &dr.config, 0) == ERR_NOMEM);
	CHECK(dr.n.disk.state == DISK_GONE);
	/* Doorbells of two queues fit, and no more. */
	disk_init();
	dr.config.queue_count = 4;
	dr.config.controller.register_bytes = 0x2000;
	dr.f.dstrd = 8; /* every KiB */
	CHECK(disk_begin() == OK && dr.n.queue_count == 1);
}

int main(void)
{
	disk_rig_begin();
	RUN(a_command_takes_as_much_as_it_can);
	RUN(a_request_may_need_more_than_there_is);
	RUN(the_queue_of_the_core_is_used);
	RUN(fewer_queues_after_a_reset_will_do);
	RUN(a_full_queue_takes_no_request);
	RUN(a_flush_that_a_reset_interrupts_is_done_again);
	RUN(lost_power_fails_the_flushes_that_it_concerns);
	RUN(a_flush_that_lost_power_interrupts_fails);
	RUN(the_first_of_two_flushes_does_not_speak_for_the_second);
	RUN(a_log_that_is_refused_after_a_reset_is_no_proof);
	RUN(its_health_is_read_once_a_minute);
	RUN(errors_are_what_they_are);
	RUN(three_losses_are_enough);
	RUN(what_is_beyond_its_limits_is_refused);
	RUN(another_disk_is_not_taken_for_this_one);
	RUN(a_shutdown_is_orderly);
	RUN(bad_configurations_are_refused);
	disk_rig_end();
	return test_failed;
}

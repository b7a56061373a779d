/* SPDX-License-Identifier: Apache-2.0 */
/* NVMe I/O queues: their lengths, and who gets what back when the controller misbehaves. */
#include "tests/fake/nvme_io_rig.h"

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

/* --- recovery ---------------------------------------------------------------------------------------- */

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
	io_rig_begin();
	RUN(short_and_few_queues_are_lived_with);
	RUN(a_queue_is_as_long_as_the_controller_allows);
	RUN(bad_configurations_are_refused);
	RUN(every_command_comes_back_exactly_once);
	RUN(silence_ends_with_the_deadline);
	RUN(a_reset_waits_for_the_owners);
	RUN(who_was_given_up_gives_back_when_it_is_blocked);
	RUN(an_error_is_passed_on);
	io_rig_end();
	return test_failed;
}

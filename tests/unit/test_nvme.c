/* SPDX-License-Identifier: Apache-2.0 */
/* NVMe controllers: bring-up, what they say about themselves, and every way to misbehave. */
#include <stdio.h>
#include "tests/fake/nvme_rig.h"
#include "tests/test.h"

static bool is_honest(void)
{
	if (rig.f.host_errors)
		printf("the host: %s\n", rig.f.host_error);
	return rig.f.host_errors == 0;
}

static void a_controller_gets_ready_and_is_known(void)
{
	rig_init();
	CHECK(rig_start() == OK && rig_run(NVME_READY) && is_honest());
	CHECK(!strcmp(rig.d.id.serial, "S123") && !strcmp(rig.d.id.firmware, "1.0?"));
	CHECK(!strcmp(rig.d.id.model, "Fake NVMe, obedient"));
	CHECK(rig.d.id.cntlid == 5 && rig.d.id.transfer_max_bytes == KIB(512));
	CHECK(rig.d.id.has_virtualization && rig.d.id.has_dsm && rig.d.id.has_write_zeroes);
	CHECK(rig.d.namespace_count == 1 && nvme_namespace(&rig.d, 1)->block_count == 4096);
	CHECK(nvme_namespace(&rig.d, 1)->block_shift == 9 && !nvme_namespace(&rig.d, 2));
	CHECK(rig.d.fault_count == 0 && rig.f.resets == 0 && rig.f.flrs == 0);
}

static void doorbells_are_where_the_stride_puts_them(void)
{
	for (uint8_t dstrd = 0; dstrd < 8; dstrd++) {
		rig_init();
		rig.f.dstrd = dstrd;
		CHECK(rig_start() == OK && rig_run(NVME_READY) && is_honest());
	}
	rig_init();
	rig.f.dstrd = 15; /* the second doorbell lies at 132 KiB */
	CHECK(rig_start() == ERR_UNSUPPORTED);
}

/* In turn: left ready, left on its way, left failed, left stuck. */
static void what_firmware_left_on_is_turned_off_first(void)
{
	for (uint32_t how = 0; how < 4; how++) {
		rig_init();
		rig.f.cc = 1;
		rig.f.csts = how == 0 ? 1 : how == 2 ? 2 : 0;
		rig.f.change_at = how == 1 ? rig.now + MS(700) : 0;
		rig.f.never_ready = how == 3;
		CHECK(rig_start() == OK);
		if (how == 3) {
			while (rig.now < SEC(3))
				rig_turn();
			rig.f.never_ready = false;
		}
		CHECK(rig_run(NVME_READY) && is_honest());
		CHECK(rig.f.resets == 1 && rig.d.fault_count == 0);
	}
}

/* CAP.TO and CRTO: not given up before, not waited for much longer. */
static void readiness_is_waited_for_as_long_as_it_says(void)
{
	static const struct {
		uint8_t to;
		uint32_t crto;
		uint64_t ns;
	} cases[] = { { 0, 0, MS(500) },        { 1, 0, MS(500) },    { 9, 0, MS(4500) },
		      { 255, 0, MS(127500) },   { 2, 40, MS(20000) }, { 8, 3, MS(4000) },
		      { 2, 0xffff, MS(127500) } };

	for (uint32_t i = 0; i < ARRAY_SIZE(cases); i++) {
		uint64_t began;

		rig_init();
		rig.f.timeout_units = cases[i].to;
		rig.f.crto = cases[i].crto;
		rig.f.never_ready = true;
		CHECK(rig_start() == OK && rig_run(NVME_ENABLING));
		began = rig.now;
		while (rig.d.fault_count == 0 && rig.now < began + SEC(200))
			rig_turn();
		CHECK(rig.d.fault == NVME_FAULT_READY_TIMEOUT);
		CHECK(rig.now - began >= cases[i].ns && rig.now - began < cases[i].ns + MS(5));
		/* Ready at the last moment is ready. */
		rig_init();
		rig.f.timeout_units = cases[i].to;
		rig.f.crto = cases[i].crto;
		rig.f.ready_tsc = cases[i].ns - MS(3);
		CHECK(rig_start() == OK && rig_run(NVME_READY) && rig.d.fault_count == 0);
	}
}

static void who_never_gets_ready_is_reset_then_function_reset_then_given_up(void)
{
	rig_init();
	rig.f.never_ready = true;
	CHECK(rig_start() == OK && rig_run(NVME_FAILED));
	CHECK(rig.d.fault_count == RIG_FAULTS && rig.f.flrs == RIG_FAULTS - 2);
	CHECK(rig.d.reset_count == RIG_FAULTS - 1 && is_honest());
	rig_turn();
	CHECK(rig.again == TSC_NEVER && (rig.f.cc & 1) == 0);
	nvme_reset(&rig.d, NVME_RESET_CONTROLLER, rig.now);
	CHECK(rig.d.state == NVME_FAILED);
}

static void who_cannot_be_disabled_is_function_reset(void)
{
	rig_init();
	CHECK(rig_start() == OK && rig_run(NVME_READY));
	rig.f.never_disabled = true;
	rig.no_flr = true;
	nvme_reset(&rig.d, NVME_RESET_CONTROLLER, rig.now);
	CHECK(rig_run(NVME_WANTS_FLR) && rig.d.fault == NVME_FAULT_DISABLE_TIMEOUT);
	rig_turn();
	CHECK(rig.again == TSC_NEVER && rig.d.state == NVME_WANTS_FLR);
	rig.f.never_disabled = rig.no_flr = false;
	CHECK(rig_run(NVME_READY) && rig.f.flrs == 1);
}

static const enum nvme_fault expected[FAKE_NVME_TRICK_COUNT] = {
	[FAKE_NVME_LOSE] = NVME_FAULT_ADMIN_TIMEOUT,
	[FAKE_NVME_DUPLICATE] = NVME_FAULT_COMMAND_ID,
	[FAKE_NVME_WRONG_CID] = NVME_FAULT_COMMAND_ID,
	[FAKE_NVME_OLD_CID] = NVME_FAULT_COMMAND_ID,
	[FAKE_NVME_WRONG_QUEUE] = NVME_FAULT_QUEUE_ID,
	[FAKE_NVME_HEAD_BEYOND] = NVME_FAULT_QUEUE_HEAD,
	[FAKE_NVME_HEAD_OUTSIDE] = NVME_FAULT_QUEUE_HEAD,
	[FAKE_NVME_HEAD_BEFORE] = NVME_FAULT_QUEUE_HEAD,
	[FAKE_NVME_FATAL] = NVME_FAULT_FATAL_STATUS,
	[FAKE_NVME_GONE] = NVME_FAULT_GONE,
	[FAKE_NVME_ERROR] = NVME_FAULT_COMMAND,
};

/* Each trick at each command of the bring-up, once: noticed for what it is, then overcome. */
static void one_trick_costs_one_reset(void)
{
	for (uint32_t trick = FAKE_NVME_LOSE; trick < FAKE_NVME_TRICK_COUNT; trick++) {
		for (uint32_t at = 0; at < 3; at++) {
			rig_init();
			rig.f.trick = (enum fake_nvme_trick)trick;
			rig.f.trick_at = at;
			rig.f.trick_times = 1;
			rig.f.trick_status = 0x4006;
			CHECK(rig_start() == OK);
			CHECK(rig_run(NVME_READY) == (trick != FAKE_NVME_GONE));
			/* The second of a pair may come after the last command was taken. */
			for (uint32_t i = 0; i < 500; i++)
				rig_turn();
			CHECK(rig.d.fault == expected[trick] && rig.d.fault_count == 1);
			CHECK(rig.d.state == (trick == FAKE_NVME_GONE ? NVME_FAILED : NVME_READY));
			CHECK(rig.f.flrs == 0 && is_honest());
		}
	}
}

static void a_trick_for_ever_ends_it(void)
{
	for (uint32_t trick = FAKE_NVME_LOSE; trick < FAKE_NVME_TRICK_COUNT; trick++) {
		rig_init();
		rig.f.trick = (enum fake_nvme_trick)trick;
		rig.f.trick_status = 6;
		CHECK(rig_start() == OK && rig_run(NVME_FAILED) && is_honest());
		CHECK(rig.d.fault == expected[trick]);
		CHECK(rig.d.fault_count == (trick == FAKE_NVME_GONE ? 1 : RIG_FAULTS));
		CHECK(!strcmp(nvme_state_text(rig.d.state), "given up"));
	}
}

static void a_good_spell_ends_a_row_of_faults(void)
{
	rig_init();
	CHECK(rig_start() == OK);
	for (uint32_t i = 0; i < 3 * RIG_FAULTS; i++) {
		CHECK(rig_run(NVME_READY));
		rig.now += NVME_GOOD_NS + MS(1);
		rig_turn();
		rig.f.csts |= 2;
		rig_turn();
		CHECK(rig.d.fault == NVME_FAULT_FATAL_STATUS && rig.d.faults_in_row == 1);
	}
	CHECK(rig_run(NVME_READY) && rig.f.flrs == 0 && is_honest());
	for (uint32_t i = 0; i < RIG_FAULTS; i++) {
		(void)rig_run(NVME_READY);
		rig.f.csts |= 2;
		rig_turn();
	}
	CHECK(rig.d.state == NVME_FAILED);
}

/* nvme_step() asks to be called often enough that a fatal status is seen within watch_ns. */
static void ready_ones_are_watched(void)
{
	uint64_t again;

	rig_init();
	CHECK(rig_start() == OK && rig_run(NVME_READY));
	CHECK(nvme_step(&rig.d, rig.now, &again) == NVME_READY);
	CHECK(again > rig.now && again <= rig.now + MS(10) + 1);
	rig.f.csts |= 2;
	CHECK(nvme_step(&rig.d, again, &again) == NVME_DISABLING);
	CHECK(rig_run(NVME_READY) && rig.f.flrs == 0);
	rig.f.is_gone = true;
	rig_turn();
	CHECK(rig.d.state == NVME_FAILED && rig.d.fault == NVME_FAULT_GONE);
}

static void what_we_cannot_drive_is_refused(void)
{
	for (uint32_t what = 0; what < 8; what++) {
		rig_init();
		if (what == 0)
			rig.f.mpsmin = 1;
		if (what == 1)
			rig.f.css = 0x80; /* no I/O command set */
		if (what == 2)
			rig.f.mqes = 0;
		if (what == 3)
			rig.f.is_gone = true;
		if (what == 4)
			rig.f.sqes = 0x77;
		if (what == 5)
			rig.f.cqes = 0x33;
		if (what == 6)
			rig.f.type = 2; /* a discovery controller */
		if (what == 7)
			rig.config.memory.hpa.v += 64;
		if (what < 4)
			CHECK(rig_start() == (what == 3 ? ERR_NODEV : ERR_UNSUPPORTED));
		else if (what == 7)
			CHECK(rig_start() == ERR_INVAL);
		else
			CHECK(rig_start() == OK && rig_run(NVME_FAILED));
		if (what < 7)
			CHECK(rig.d.fault ==
			      (what == 3 ? NVME_FAULT_GONE : NVME_FAULT_UNSUPPORTED));
		CHECK(rig.d.state == NVME_FAILED && is_honest());
	}
	rig_init();
	rig.f.css = 0x40; /* only "one or more I/O command sets" */
	CHECK(rig_start() == OK && rig_run(NVME_READY) && is_honest());
}

static void only_namespaces_of_plain_blocks_are_usable(void)
{
	static const struct fake_nvme_namespace kinds[] = {
		{ .blocks = 8, .shift = 9 },
		{ .blocks = 8, .shift = 12 },
		{ .blocks = 8, .shift = 8 },
		{ .blocks = 8, .shift = 13 },
		{ .blocks = 8, .shift = 9, .metadata = 8 },
		{ .blocks = 8, .shift = 9, .protection = 1 },
		{ .blocks = 0, .shift = 9 },
	};

	rig_init();
	rig.f.ns_count = ARRAY_SIZE(kinds);
	memcpy(rig.f.ns, kinds, sizeof(kinds));
	for (uint32_t i = 0; i < rig.f.ns_count; i++)
		rig.f.ns[i].is_shared = true;
	CHECK(rig_start() == OK && rig_run(NVME_READY) && is_honest());
	CHECK(rig.d.namespace_count == ARRAY_SIZE(kinds));
	for (uint32_t i = 0; i < ARRAY_SIZE(kinds); i++)
		CHECK((nvme_namespace(&rig.d, i + 1) != NULL) == (i < 2));
}

static void namespaces_are_those_of_the_list(void)
{
	rig_init();
	rig.f.ns_count = FAKE_NVME_NAMESPACES;
	for (uint32_t i = 0; i < FAKE_NVME_NAMESPACES; i++)
		rig.f.ns[i] = (struct fake_nvme_namespace){ .blocks = i + 1,
							    .shift = 9,
							    .is_shared = i != 3 };
	CHECK(rig_start() == OK && rig_run(NVME_READY));
	CHECK(!nvme_namespace(&rig.d, 4) && nvme_namespace(&rig.d, 17)->block_count == 17);
	CHECK(rig.d.namespace_count == 16 && rig.d.namespaces_left_out == 3);
	/* A reset in between does not double them. */
	rig_init();
	CHECK(rig_start() == OK && rig_run(NVME_READY));
	nvme_reset(&rig.d, NVME_RESET_CONTROLLER, rig.now);
	rig_turn();
	CHECK(rig_run(NVME_READY) && rig.d.namespace_count == 1 && rig.d.fault_count == 0);
	/* No list before 1.1: all that there may be. */
	rig_init();
	rig.f.version = 0x00010000;
	rig.f.nn = 3;
	CHECK(rig_start() == OK && rig_run(NVME_READY));
	CHECK(rig.d.namespace_count == 3 && nvme_namespace(&rig.d, 1) &&
	      !nvme_namespace(&rig.d, 3));
	rig_init();
	rig.f.list_is_unsorted = true;
	CHECK(rig_start() == OK && rig_run(NVME_FAILED) && rig.d.fault == NVME_FAULT_DATA);
	rig_init();
	rig.f.nn = 1;
	rig.f.ns_count = 2;
	rig.f.ns[1] = rig.f.ns[0];
	CHECK(rig_start() == OK && rig_run(NVME_FAILED) && rig.d.fault == NVME_FAULT_DATA);
	rig_init();
	rig.f.format = 4; /* of 0 to 3 */
	CHECK(rig_start() == OK && rig_run(NVME_FAILED) && rig.d.fault == NVME_FAULT_DATA);
	rig_init();
	rig.f.ns[0].blocks = UINT64_MAX / 256;
	CHECK(rig_start() == OK && rig_run(NVME_FAILED) && rig.d.fault == NVME_FAULT_DATA);
}

/* Whatever it says: it is used within its meaning, or given up. */
static void noise_is_no_description(void)
{
	uint32_t failed_count = 0;

	for (uint64_t seed = 1; seed <= 3000; seed++) {
		rig_init();
		rig.f.pages_are_noise = true;
		rig.f.seed = seed;
		CHECK(rig_start() == OK);
		failed_count += !rig_run(NVME_READY);
		CHECK(is_honest() && rig.d.namespace_count <= NVME_NAMESPACE_MAX);
		for (const char *c = rig.d.id.model; *c; c++)
			CHECK(*c >= 0x20 && *c < 0x7f);
		for (uint32_t i = 0; i < rig.d.namespace_count; i++) {
			const struct nvme_namespace *n = &rig.d.namespaces[i];

			if (n->is_usable)
				CHECK(n->block_shift >= 9 && n->block_shift <= 12 &&
				      n->block_count << n->block_shift >> n->block_shift ==
					      n->block_count);
		}
	}
	CHECK(failed_count > 2900);
}

static void admin_commands_are_one_at_a_time_and_have_an_owner(void)
{
	const int a = 0, b = 0;
	struct nvme_done done;
	struct nvme_sqe c = { .cdw0 = 0x7f };

	rig_init();
	CHECK(rig_start() == OK);
	CHECK(nvme_admin_start(&rig.d, &a, &c, rig.now) == ERR_BUSY);
	CHECK(rig_run(NVME_READY));
	CHECK(nvme_admin_start(&rig.d, &a, &c, rig.now) == OK);
	CHECK(nvme_admin_start(&rig.d, &b, &c, rig.now) == ERR_BUSY);
	CHECK(!nvme_admin_take(&rig.d, &a, &done));
	rig_turn();
	rig_turn();
	CHECK(nvme_admin_start(&rig.d, &b, &c, rig.now) == ERR_BUSY);
	CHECK(!nvme_admin_take(&rig.d, &b, &done) && nvme_admin_take(&rig.d, &a, &done));
	CHECK(done.status == 0x4001 && !nvme_admin_take(&rig.d, &a, &done));
	/* What a reset drops is not pending any more. */
	CHECK(nvme_admin_start(&rig.d, &b, &c, rig.now) == OK && nvme_admin_is_pending(&rig.d, &b));
	nvme_reset(&rig.d, NVME_RESET_CONTROLLER, rig.now);
	rig_turn();
	CHECK(rig_run(NVME_READY) && !nvme_admin_is_pending(&rig.d, &b));
	CHECK(!nvme_admin_take(&rig.d, &b, &done) && is_honest());
}

static void identifiers_go_round_without_repeating_early(void)
{
	const struct nvme_sqe c = { .cdw0 = 0x7f };
	struct nvme_done done;

	rig_init();
	CHECK(rig_start() == OK && rig_run(NVME_READY));
	for (uint32_t i = 0; i < 3000; i++) {
		CHECK(nvme_admin_start(&rig.d, &c, &c, rig.now) == OK);
		rig_turn();
		rig_turn();
		CHECK(nvme_admin_take(&rig.d, &c, &done) && done.status == 0x4001);
	}
	CHECK(is_honest() && rig.d.fault_count == 0);
}

static void its_health_is_read(void)
{
	struct nvme_smart s;

	rig_init();
	CHECK(rig_start() == OK && nvme_smart_start(&rig.d, rig.now) == ERR_BUSY);
	CHECK(nvme_smart_take(&rig.d, &s) == ERR_NODEV);
	CHECK(rig_run(NVME_READY) && nvme_smart_start(&rig.d, rig.now) == OK);
	CHECK(nvme_smart_take(&rig.d, &s) == ERR_BUSY);
	rig_turn();
	rig_turn();
	CHECK(nvme_smart_take(&rig.d, &s) == OK && nvme_smart_take(&rig.d, &s) == ERR_NODEV);
	CHECK(s.warning == 0 && s.temperature_kelvin == 300 && s.spare_percent == 97);
	CHECK(s.spare_threshold_percent == 10 && s.used_percent == 3);
	CHECK(s.units_read == 123456789012 && s.units_written == UINT64_MAX);
	CHECK(s.power_cycles == 7 && s.power_on_hours == 8 && s.unsafe_shutdowns == 9);
	CHECK(s.media_errors == 10 && rig.f.log_reads == 1);
	CHECK(nvme_smart_start(&rig.d, rig.now) == OK);
	nvme_reset(&rig.d, NVME_RESET_CONTROLLER, rig.now);
	rig_turn();
	CHECK(rig_run(NVME_READY) && nvme_smart_take(&rig.d, &s) == ERR_NODEV && is_honest());
}

static void it_is_shut_down_before_it_is_stopped(void)
{
	uint64_t began;

	rig_init();
	CHECK(rig_start() == OK && nvme_shutdown(&rig.d, rig.now) == ERR_BUSY);
	CHECK(rig_run(NVME_READY) && nvme_shutdown(&rig.d, rig.now) == OK);
	CHECK(rig_run(NVME_STOPPED) && rig.f.shutdown_seen && !(rig.f.cc & 1) && is_honest());
	nvme_reset(&rig.d, NVME_RESET_CONTROLLER, rig.now);
	CHECK(rig_run(NVME_READY) && rig.d.fault_count == 0);
	/* RTD3E is two seconds: then it is stopped all the same. */
	CHECK(nvme_shutdown(&rig.d, rig.now) == OK);
	rig.f.csts &= ~12u;
	began = rig.now;
	CHECK(rig_run(NVME_STOPPED) && rig.now - began >= SEC(2) && rig.now - began < SEC(3));
}

static void a_function_reset_can_be_asked_for(void)
{
	rig_init();
	CHECK(rig_start() == OK && rig_run(NVME_READY));
	rig.no_flr = true;
	nvme_reset(&rig.d, NVME_RESET_FUNCTION, rig.now);
	CHECK(rig_run(NVME_WANTS_FLR) && !(rig.f.cc & 1));
	nvme_after_block(&rig.d); /* has a meaning in FAILED only */
	CHECK(rig.d.state == NVME_WANTS_FLR);
	rig.no_flr = false;
	CHECK(rig_run(NVME_READY) && rig.f.flrs == 1 && rig.d.fault_count == 0 && is_honest());
}

int main(void)
{
	RUN(a_controller_gets_ready_and_is_known);
	RUN(doorbells_are_where_the_stride_puts_them);
	RUN(what_firmware_left_on_is_turned_off_first);
	RUN(readiness_is_waited_for_as_long_as_it_says);
	RUN(who_never_gets_ready_is_reset_then_function_reset_then_given_up);
	RUN(who_cannot_be_disabled_is_function_reset);
	RUN(one_trick_costs_one_reset);
	RUN(a_trick_for_ever_ends_it);
	RUN(a_good_spell_ends_a_row_of_faults);
	RUN(ready_ones_are_watched);
	RUN(what_we_cannot_drive_is_refused);
	RUN(only_namespaces_of_plain_blocks_are_usable);
	RUN(namespaces_are_those_of_the_list);
	RUN(noise_is_no_description);
	RUN(admin_commands_are_one_at_a_time_and_have_an_owner);
	RUN(identifiers_go_round_without_repeating_early);
	RUN(its_health_is_read);
	RUN(it_is_shut_down_before_it_is_stopped);
	RUN(a_function_reset_can_be_asked_for);
	return test_failed;
}

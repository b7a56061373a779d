/* SPDX-License-Identifier: Apache-2.0 */
/* NVMe virtualization management: VFs come online in the order that the specification asks for. */
#include <stdio.h>
#include "drivers/nvme/nvme_virt.h"
#include "tests/fake/nvme_rig.h"
#include "tests/test.h"

static struct nvme_virt v;
static const struct nvme_vf_want four[] = {
	{ 1, 3, 1, 0 }, { 2, 3, 1, 0 }, { 3, 2, 1, 0 }, { 4, 3, 1, 0 }
};
static uint32_t vf_resets;

/* The caller's part: enabling VFs, resetting them. */
static void turn(void)
{
	uint64_t again;

	rig_turn();
	if (nvme_virt_step(&v, rig.now, &again) == NVME_VIRT_WANTS_VFS) {
		fake_nvme_enable_vfs(&rig.f);
		nvme_virt_vfs_enabled(&v);
	}
	for (uint32_t i = 0; i < v.vf_count; i++) {
		if (nvme_virt_vf(&v, i) != NVME_VF_WANTS_RESET)
			continue;
		fake_nvme_vf_flr(&rig.f, v.vfs[i].want.number);
		nvme_virt_vf_was_reset(&v, i);
		vf_resets++;
	}
}

static bool are_settled(void)
{
	for (uint32_t i = 0; i < v.vf_count; i++) {
		const enum nvme_vf_state s = nvme_virt_vf(&v, i);

		if (s == NVME_VF_WORKING || s == NVME_VF_WANTS_RESET)
			return false;
	}
	return v.stage == NVME_VIRT_RUN && rig.d.state == NVME_READY;
}

static void run(void)
{
	for (uint32_t i = 0; i < 100000; i++) {
		if (are_settled() || v.stage == NVME_VIRT_REFUSED || rig.d.state == NVME_FAILED)
			return;
		turn();
	}
}

static void begin(const struct nvme_vf_want *wants, uint32_t count)
{
	vf_resets = 0;
	rig.config.admin_timeout_ns = MS(20);
	CHECK(rig_start() == OK && nvme_virt_init(&v, &rig.d, wants, count) == OK);
}

static bool is_honest(void)
{
	if (rig.f.host_errors)
		printf("the host: %s\n", rig.f.host_error);
	return rig.f.host_errors == 0 && rig.f.online_without_reset == 0;
}

/* The controller's own view is what counts. */
static bool is_up(uint32_t i)
{
	const struct fake_nvme_secondary *s = &rig.f.secondary[v.vfs[i].want.number - 1];

	return nvme_virt_vf(&v, i) == NVME_VF_UP && s->is_online && s->vq == v.vfs[i].want.vq &&
	       s->vi == v.vfs[i].want.vi;
}

static bool are_all_up(void)
{
	for (uint32_t i = 0; i < v.vf_count; i++)
		if (!is_up(i))
			return false;
	return true;
}

static void all_vfs_come_online(void)
{
	rig_init();
	begin(four, 4);
	run();
	CHECK(are_all_up() && is_honest() && vf_resets == 4);
	/* The primary had everything: one Function Level Reset, before the VFs were enabled. */
	CHECK(rig.f.flrs == 1 && rig.f.primary[0] == 0 && rig.f.primary[1] == 0);
	CHECK(rig.d.fault_count == 0);
}

static void only_its_own_secondaries_count(void)
{
	rig_init();
	rig.f.lists_foreigners = true;
	begin(four, 4);
	run();
	CHECK(are_all_up() && is_honest() && v.vfs[0].scid == 6);
}

static void a_primary_that_leaves_enough_is_left_alone(void)
{
	rig_init();
	rig.f.primary[0] = rig.f.primary_next[0] = 1;
	rig.f.primary[1] = rig.f.primary_next[1] = 2;
	begin(four, 4);
	run();
	CHECK(are_all_up() && is_honest() && rig.f.flrs == 0 && rig.f.primary[0] == 1);
	/* One more, and it does not. */
	rig_init();
	rig.f.primary[0] = rig.f.primary_next[0] = 2;
	rig.f.primary[1] = rig.f.primary_next[1] = 2;
	begin(four, 4);
	run();
	CHECK(are_all_up() && rig.f.flrs == 1 && rig.f.primary[0] == 0);
}

/* Without private resources, its admin queues and one interrupt must be flexible ones. */
static void a_primary_keeps_what_it_cannot_do_without(void)
{
	rig_init();
	rig.f.own[0] = rig.f.own[1] = 0;
	begin(four, 4);
	run();
	CHECK(are_all_up() && rig.f.primary[0] == 1 && rig.f.primary[1] == 1 && is_honest());
	rig_init();
	rig.f.own[1] = 0;
	memset(rig.f.primary, 0, sizeof(rig.f.primary));
	memset(rig.f.primary_next, 0, sizeof(rig.f.primary_next));
	begin(four, 4);
	run();
	CHECK(are_all_up() && rig.f.primary[1] == 1 && rig.f.flrs == 1 && is_honest());
	rig_init();
	rig.f.own[0] = 0;
	rig.f.total[0] = rig.f.primary[0] = rig.f.primary_next[0] = 11;
	begin(four, 4);
	run();
	CHECK(v.stage == NVME_VIRT_REFUSED &&
	      !strcmp(nvme_virt_why(&v),
		      "11 queue resources for VFs and 1 for the primary, there are 11"));
}

static void refused(const struct nvme_vf_want *wants, uint32_t count, const char *why)
{
	begin(wants, count);
	run();
	CHECK(v.stage == NVME_VIRT_REFUSED && !strcmp(nvme_virt_why(&v), why) && is_honest());
	if (strcmp(nvme_virt_why(&v), why))
		printf("it says: %s\n", nvme_virt_why(&v));
	/* And nothing was taken from anybody. */
	CHECK(rig.f.secondary[0].vq == 0 && v.stage == NVME_VIRT_REFUSED);
}

static void what_cannot_be_is_refused_in_words(void)
{
	static const struct nvme_vf_want greedy[] = { { 2, 4, 1, 0 } };
	static const struct nvme_vf_want absent[] = { { 1, 2, 1, 0 }, { 5, 2, 1, 0 } };
	static const struct nvme_vf_want attached[] = { { 1, 2, 1, 1 } };

	rig_init();
	refused(greedy, 1, "VF 2 wants 4 queue resources, may have 3");
	rig_init();
	rig.f.total[0] = 10;
	refused(four, 4, "11 queue resources for VFs and 0 for the primary, there are 10");
	rig_init();
	rig.f.total[1] = 3;
	refused(four, 4, "4 interrupt resources for VFs and 0 for the primary, there are 3");
	rig_init();
	refused(absent, 2, "VF 5 is not in the list of 4 secondaries");
	rig_init();
	rig.f.oacs = 8;
	refused(four, 4, "it lacks the Virtualization Management command");
	rig_init();
	rig.f.oacs = 0x80;
	refused(attached, 1, "it lacks the Namespace Attachment command");
	rig_init();
	rig.f.ignores_primary = true;
	refused(four, 4, "the primary keeps 12 queue and 6 interrupt resources after its reset");
	CHECK(rig.f.flrs == 1);
	rig_init();
	rig.f.trick = FAKE_NVME_ERROR;
	rig.f.trick_status = 0x4002;
	rig.f.trick_at = 3; /* after the bring-up */
	refused(four, 4, "the controller answers with status 002");
}

static void malformed_wishes_are_refused(void)
{
	static const struct nvme_vf_want twice[] = { { 1, 2, 1, 0 }, { 1, 2, 1, 0 } };
	static const struct nvme_vf_want none[] = { { 0, 2, 1, 0 } };
	static const struct nvme_vf_want no_io[] = { { 1, 1, 1, 0 } };
	static const struct nvme_vf_want mute[] = { { 1, 2, 0, 0 } };

	rig_init();
	CHECK(rig_start() == OK);
	CHECK(nvme_virt_init(&v, &rig.d, twice, 2) == ERR_INVAL);
	CHECK(nvme_virt_init(&v, &rig.d, none, 1) == ERR_INVAL);
	CHECK(nvme_virt_init(&v, &rig.d, no_io, 1) == ERR_INVAL);
	CHECK(nvme_virt_init(&v, &rig.d, mute, 1) == ERR_INVAL);
	CHECK(nvme_virt_init(&v, &rig.d, four, 0) == ERR_INVAL);
	CHECK(nvme_virt_init(&v, &rig.d, four, NVME_VF_MAX + 1) == ERR_INVAL);
}

/* Status "success", but one resource less: read back, not believed. */
static void what_was_assigned_is_verified(void)
{
	static const struct nvme_vf_want two[] = { { 1, 3, 2, 0 }, { 2, 3, 2, 0 } };
	char text[128];

	for (uint32_t type = 0; type < 2; type++) {
		rig_init();
		rig.f.gives_less = 1u << type;
		rig.f.most[1] = 2;
		rig.f.total[1] = 12;
		begin(two, 2);
		run();
		CHECK(nvme_virt_vf(&v, 0) == NVME_VF_FAILED);
		CHECK(nvme_virt_vf(&v, 1) == NVME_VF_FAILED);
		nvme_virt_vf_failure(&v, 0, text, sizeof(text));
		CHECK(!strcmp(
			text,
			"VF 1 (controller 6) is not seen to be online with what it was given"));
		rig.f.gives_less = 0;
		nvme_virt_vf_bring_up(&v, 0);
		run();
		CHECK(is_up(0) && nvme_virt_vf(&v, 1) == NVME_VF_FAILED && is_honest());
	}
}

/* The caller has not reset the VF, has not enabled VFs: nothing goes past it. */
static void the_callers_part_is_waited_for(void)
{
	uint64_t again;

	rig_init();
	begin(four, 4);
	for (uint32_t i = 0; i < 3000; i++) {
		rig_turn();
		(void)nvme_virt_step(&v, rig.now, &again);
	}
	CHECK(v.stage == NVME_VIRT_WANTS_VFS && again == TSC_NEVER);
	fake_nvme_enable_vfs(&rig.f);
	nvme_virt_vfs_enabled(&v);
	for (uint32_t i = 0; i < 3000; i++) {
		rig_turn();
		(void)nvme_virt_step(&v, rig.now, &again);
	}
	for (uint32_t i = 0; i < 4; i++)
		CHECK(nvme_virt_vf(&v, i) == NVME_VF_WANTS_RESET && !rig.f.secondary[i].is_online);
	run();
	CHECK(are_all_up() && is_honest());
}

/* Any misbehaviour, once, at any command: the controller is reset, and all VFs come up. */
static void one_trick_keeps_nobody_down(void)
{
	uint32_t command_count;

	rig_init();
	begin(four, 4);
	run();
	command_count = rig.f.completions;
	CHECK(command_count > 30);
	for (uint32_t trick = FAKE_NVME_LOSE; trick < FAKE_NVME_GONE; trick++) {
		for (uint32_t at = 0; at < command_count; at++) {
			rig_init();
			rig.f.trick = (enum fake_nvme_trick)trick;
			rig.f.trick_at = at;
			rig.f.trick_times = 1;
			begin(four, 4);
			run();
			for (uint32_t i = 0; i < 500; i++)
				turn();
			run();
			CHECK(are_all_up() && is_honest() && rig.d.fault_count == 1);
		}
	}
}

/* An error status costs that VF, until it is asked for again, or refuses all of it. */
static void an_error_costs_one_vf_or_all(void)
{
	char text[128];

	for (uint32_t at = 3; at < 40; at++) {
		uint32_t up_count = 0;

		rig_init();
		rig.f.trick = FAKE_NVME_ERROR;
		rig.f.trick_at = at;
		rig.f.trick_times = 1;
		rig.f.trick_status = 0x4120;
		begin(four, 4);
		run();
		if (v.stage == NVME_VIRT_REFUSED || rig.d.fault_count)
			continue;
		for (uint32_t i = 0; i < 4; i++) {
			up_count += is_up(i);
			if (nvme_virt_vf(&v, i) != NVME_VF_FAILED)
				continue;
			nvme_virt_vf_failure(&v, i, text, sizeof(text));
			CHECK(strstr(text, "status 120") != NULL);
			nvme_virt_vf_bring_up(&v, i);
		}
		CHECK(up_count >= 3);
		run();
		CHECK(are_all_up() && is_honest());
	}
}

/* A reset of the primary, of either kind, after any number of turns. */
static void vfs_survive_resets_of_their_primary(void)
{
	for (uint32_t kind = 0; kind < 2; kind++) {
		for (uint32_t after = 0; after < 400; after++) {
			uint32_t lost_count = 0, up_count = 0;

			rig_init();
			begin(four, 4);
			for (uint32_t i = 0; i < after; i++)
				turn();
			for (uint32_t i = 0; i < 4; i++)
				up_count += nvme_virt_vf(&v, i) == NVME_VF_UP;
			nvme_reset(&rig.d, kind ? NVME_RESET_FUNCTION : NVME_RESET_CONTROLLER,
				   rig.now);
			turn();
			run();
			CHECK(are_all_up() && is_honest() && rig.d.fault_count == 0);
			for (uint32_t i = 0; i < 4; i++)
				lost_count += v.vfs[i].lost_count;
			CHECK(lost_count == up_count);
		}
	}
}

/* VFs are taken down and brought up at random; when all is quiet, each is as it was last asked. */
static void each_vf_ends_as_it_was_last_asked(void)
{
	bool wants_up[4];

	for (uint32_t round = 0; round < 300; round++) {
		rig_init();
		begin(four, 4);
		for (uint32_t i = 0; i < 4; i++)
			wants_up[i] = true;
		for (uint32_t i = 0; i < 60; i++) {
			const uint32_t vf = (uint32_t)rig_random(4);

			for (uint64_t n = rig_random(12); n > 0; n--)
				turn();
			if (i % 20 == 19 && rig_random(2))
				nvme_reset(&rig.d, NVME_RESET_CONTROLLER, rig.now);
			wants_up[vf] = rig_random(2);
			if (wants_up[vf])
				nvme_virt_vf_bring_up(&v, vf);
			else
				nvme_virt_vf_take_down(&v, vf);
		}
		run();
		for (uint32_t i = 0; i < 4; i++) {
			CHECK(wants_up[i] ? is_up(i) : nvme_virt_vf(&v, i) == NVME_VF_DOWN);
			CHECK(rig.f.secondary[i].is_online == wants_up[i]);
			CHECK(wants_up[i] || rig.f.secondary[i].vq == 0);
		}
		CHECK(is_honest() && rig.d.fault_count == 0);
	}
}

static void each_vf_gets_its_namespace(void)
{
	static const struct nvme_vf_want wants[] = { { 1, 2, 1, 2 },
						     { 2, 2, 1, 3 },
						     { 3, 2, 1, 3 } };
	char text[128];

	rig_init();
	rig.f.ns_count = 3;
	rig.f.ns[1] = rig.f.ns[2] = (struct fake_nvme_namespace){ .blocks = 64, .shift = 12 };
	begin(wants, 3);
	run();
	CHECK(is_up(0) && rig.f.ns[1].attached == 1u << 6 && rig.f.ns[2].attached == 1u << 7);
	/* A private namespace has one owner. */
	CHECK(is_up(1) && nvme_virt_vf(&v, 2) == NVME_VF_FAILED);
	nvme_virt_vf_failure(&v, 2, text, sizeof(text));
	CHECK(!strcmp(text, "VF 3 (controller 8) is refused its namespace: status 119"));
	/* It stays attached: the second time is no failure. */
	nvme_virt_vf_take_down(&v, 0);
	run();
	nvme_virt_vf_bring_up(&v, 0);
	run();
	CHECK(is_up(0) && is_honest());
}

/* Descriptions of noise lead to nothing but a refusal. */
static void noise_is_refused(void)
{
	for (uint64_t seed = 1; seed < 500; seed++) {
		rig_init();
		begin(four, 4);
		(void)rig_run(NVME_READY);
		rig.f.pages_are_noise = true;
		rig.f.seed = seed;
		run();
		CHECK(v.stage == NVME_VIRT_REFUSED && is_honest());
	}
}

int main(void)
{
	RUN(all_vfs_come_online);
	RUN(only_its_own_secondaries_count);
	RUN(a_primary_that_leaves_enough_is_left_alone);
	RUN(a_primary_keeps_what_it_cannot_do_without);
	RUN(what_cannot_be_is_refused_in_words);
	RUN(malformed_wishes_are_refused);
	RUN(what_was_assigned_is_verified);
	RUN(the_callers_part_is_waited_for);
	RUN(one_trick_keeps_nobody_down);
	RUN(an_error_costs_one_vf_or_all);
	RUN(vfs_survive_resets_of_their_primary);
	RUN(each_vf_ends_as_it_was_last_asked);
	RUN(each_vf_gets_its_namespace);
	RUN(noise_is_refused);
	return test_failed;
}

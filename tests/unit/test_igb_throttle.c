/* SPDX-License-Identifier: Apache-2.0 */
/* The 82576's interrupt throttle in nanoseconds, and what else whoever controls rates asks of its driver. */
#include "tests/model/igb_rig.h"
#include "tests/test.h"

static struct rig r;

static uint32_t *reg(uint32_t at)
{
	return igb_model_reg(&r.m, at);
}

/* Up with a device of this kind. */
static enum err come_up(uint32_t unit_ps, bool never_clears, bool sends_twice)
{
	const struct igb_io io = { igb_model_read, igb_model_write, &r.m };
	const struct igb_config c = rig_config(4);

	rig_start(&r);
	r.m.throttle_ps = unit_ps;
	r.m.never_clears = never_clears;
	r.m.sends_twice = sends_twice;
	return igb_init(&r.d, &c, &io) == OK ? rig_up(&r) : ERR_INVAL;
}

/* As exact as what lies between two looks: a microsecond, of 1,024 at least. */
static void a_unit_is_measured_whatever_it_is(void)
{
	static const uint32_t units[] = { 125000, 250000, 256000, 1000000, 1024000, 2000000 };

	for (uint32_t twice = 0; twice < 2; twice++)
		for (uint32_t i = 0; i < ARRAY_SIZE(units); i++) {
			CHECK(come_up(units[i], false, twice) == OK);
			CHECK(r.d.throttle_is_measured);
			CHECK(r.d.throttle_ps * UINT64_C(1000) >= units[i] * UINT64_C(995));
			CHECK(r.d.throttle_ps * UINT64_C(1000) <= units[i] * UINT64_C(1005));
			CHECK(!r.m.unknown && !r.m.wrongs);
		}
}

/* Units that nothing has, and causes that stay: the data sheet's, said to be so. */
static void what_cannot_be_measured_is_the_data_sheets(void)
{
	static const struct {
		uint32_t unit_ps;
		bool never_clears;
	} strange[] = { { 250000, true }, { 10000, false }, { 9000000, false } };

	for (uint32_t i = 0; i < ARRAY_SIZE(strange); i++) {
		const uint64_t begin = SEC(5);

		CHECK(come_up(strange[i].unit_ps, strange[i].never_clears, false) == OK);
		CHECK(r.d.throttle_ps == 250000 && !r.d.throttle_is_measured);
		CHECK(r.now - begin < MS(30));
	}
}

static void nothing_is_left_of_it(void)
{
	CHECK(come_up(1024000, false, true) == OK);
	CHECK(*reg(0x1524) == 0 && *reg(0x1680) == 0 && *reg(0x152c) == 0 && *reg(0x1580) == 0);
	/* Once is enough. */
	r.m.messages = 0;
	igb_restart(&r.d);
	CHECK(rig_up(&r) == OK && r.m.messages == 0 && r.d.throttle_is_measured);
}

/* Oracle: all values that the register can hold. */
static void intervals_become_the_next_units(void)
{
	static const uint32_t units[] = { 250000, 1024000, 999000 };

	for (uint32_t i = 0; i < ARRAY_SIZE(units); i++) {
		r.d.throttle_ps = units[i];
		for (uint64_t ns = 0; ns < MS(40); ns = ns * 5 / 4 + 1) {
			uint32_t below = 0, above = 0x7ffc;

			for (uint32_t v = 0; v <= 0x7ffc; v += 4) {
				const uint64_t ps = (uint64_t)v * units[i];

				if (ps <= ns * 1000)
					below = v;
				if (ps >= ns * 1000) {
					above = v;
					break;
				}
			}
			CHECK(igb_throttle_of(&r.d, ns, IGB_ROUND_DOWN) == below);
			CHECK(igb_throttle_of(&r.d, ns, IGB_ROUND_UP) == above);
		}
	}
	CHECK(igb_throttle_of(&r.d, UINT64_MAX, IGB_ROUND_UP) == 0x7ffc);
	r.d.throttle_ps = 0;
	CHECK(igb_throttle_of(&r.d, US(125), IGB_ROUND_UP) == 500);
}

static struct igb_model *watched;
static uint32_t writes[2]; /* of any tail, and the last value */

/* Before each access: has a tail changed since the test put its mark there? */
static void mark(uint32_t vf, uint32_t head, uint32_t tail)
{
	*igb_model_reg(watched, 0xe010 + 64 * vf) = head;
	*igb_model_reg(watched, 0xe018 + 64 * vf) = tail;
}

static void count_writes(void *model, uint32_t at, uint32_t value)
{
	if (at >= 0xe000 && at < 0xe200) {
		writes[0]++;
		writes[1] = at;
	}
	igb_model_write(model, at, value);
}

static void a_queue_goes_on_by_its_own_tail(void)
{
	CHECK(come_up(250000, false, false) == OK);
	watched = &r.m;
	igb_model_link(&r.m, true);
	for (uint32_t vf = 0; vf < 3; vf++)
		CHECK(igb_vf_open(&r.d, vf) == OK);
	CHECK(rig_vf_init(&r, 1) && rig_vf_init(&r, 2));
	r.d.io.write = count_writes;
	mark(1, 7, 12);
	mark(2, 9, 9);
	igb_vf_resume_transmit(&r.d, 1);
	CHECK(writes[0] == 1 && writes[1] == 0xe018 + 64 && *reg(0xe018 + 64) == 12);
	igb_vf_resume_transmit(&r.d, 2); /* nothing waits */
	mark(0, 1, 2);
	igb_vf_resume_transmit(&r.d, 0); /* no driver */
	igb_vf_resume_transmit(&r.d, 9); /* no VF */
	CHECK(writes[0] == 1 && !r.m.unknown && !r.m.wrongs);
}

static void resets_begin_another_generation(void)
{
	uint32_t last;

	CHECK(come_up(250000, false, false) == OK);
	igb_model_link(&r.m, true);
	CHECK(igb_vf_open(&r.d, 1) == OK && !igb_vf_has_link(&r.d, 1));
	last = r.d.vfs[1].generation;
	CHECK(rig_vf_init(&r, 1));
	CHECK(r.d.vfs[1].generation != last);
	rig_poll_for(&r, MS(50));
	CHECK(igb_vf_has_link(&r.d, 1) && !igb_vf_has_link(&r.d, 8));
	last = r.d.vfs[1].generation;
	rig_poll_for(&r, MS(50));
	CHECK(r.d.vfs[1].generation == last);
	igb_model_vf_reset(&r.m, 1);
	rig_poll_for(&r, MS(5));
	CHECK(r.d.vfs[1].generation != last && !igb_vf_has_link(&r.d, 1));
	CHECK(rig_vf_init(&r, 1));
	last = r.d.vfs[1].generation;
	igb_restart(&r.d);
	CHECK(rig_up(&r) == OK && r.d.vfs[1].generation != last);
	igb_model_link(&r.m, false);
	rig_poll_for(&r, MS(50));
	CHECK(!igb_vf_has_link(&r.d, 1));
}

int main(void)
{
	RUN(a_unit_is_measured_whatever_it_is);
	RUN(what_cannot_be_measured_is_the_data_sheets);
	RUN(nothing_is_left_of_it);
	RUN(intervals_become_the_next_units);
	RUN(a_queue_goes_on_by_its_own_tail);
	RUN(resets_begin_another_generation);
	return test_failed;
}

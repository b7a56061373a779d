/* SPDX-License-Identifier: Apache-2.0 */
/* The 82576's switch as the PF driver sets it: who hears whom. */
#include <string.h>
#include "tests/model/igb_rig.h"
#include "tests/test.h"

static struct rig r;
static const struct igb_mac group = { { 0x01, 0x00, 0x5e, 1, 0x70, 0x5a } };

static uint32_t reg(uint32_t at)
{
	return *igb_model_reg(&r.m, at);
}

/* --- the switch, against what the configuration promises ------------------------------------- */

/* What a test knows of a VF: not from the driver, but from what it did. */
struct guest {
	enum { AWAY, BOOTING, RUNNING, CUT_OFF } is;
	uint32_t vlan, tagged[3]; /* 10 + n: may tag, has joined */
	bool may_tag[3], has_group, hears_broadcast;
	struct igb_mac mac;
};
static struct guest guests[8];

static struct igb_config random_config(uint32_t count)
{
	struct igb_config c = rig_config(count);

	c.message_max = 10000;
	for (uint32_t vf = 0; vf < count; vf++) {
		struct igb_vf_config *v = &c.vfs[vf];
		struct guest *g = &guests[vf];
		uint32_t at = 0;

		*g = (struct guest){ .hears_broadcast = random_below(4) };
		v->flags = g->hears_broadcast ? 0 : IGB_VF_NO_BROADCAST;
		if (random_below(2)) {
			g->vlan = 10 + random_below(3);
			v->vlan = (uint16_t)g->vlan;
			v->priority = (uint8_t)random_below(8);
			continue;
		}
		for (uint32_t i = 0; i < 3; i++) {
			g->may_tag[i] = random_below(2);
			if (g->may_tag[i])
				v->tagged[at++] = (uint16_t)(10 + i);
		}
	}
	return c;
}

static void random_life(uint32_t vf)
{
	struct guest *g = &guests[vf];

	switch (random_below(8)) {
	case 0:
		g->is = AWAY;
		igb_vf_close(&r.d, vf);
		return;
	case 1:
		g->is = BOOTING;
		return;
	case 2:
		g->is = CUT_OFF;
		CHECK(rig_vf_init(&r, vf));
		igb_vf_isolate(&r.d, vf, 1, &r.events);
		return;
	}
	g->is = RUNNING;
	CHECK(rig_vf_init(&r, vf));
	for (uint32_t i = 0; i < 3; i++) {
		const bool wants = random_below(2);
		const uint32_t answer =
			rig_ask2(&r, vf, VF_SET_VLAN | (uint32_t)wants << 16, 10 + i);

		CHECK((answer >> 31) == g->may_tag[i]);
		g->tagged[i] = wants && g->may_tag[i];
	}
	g->has_group = random_below(2);
	if (g->has_group)
		CHECK(rig_ask2(&r, vf, VF_SET_MULTICAST | 1 << 16, GROUP_HASH) >> 31);
}

static void addresses(uint32_t count)
{
	for (uint32_t vf = 0; vf < count; vf++)
		guests[vf].mac = r.d.vfs[vf].home;
}

static bool is_in(const struct guest *g, int32_t vlan)
{
	if (vlan < 0)
		return !g->vlan;
	if (g->vlan)
		return g->vlan == (uint32_t)vlan;
	return vlan >= 10 && vlan < 13 && g->tagged[vlan - 10];
}

/* Should guest b get a frame to `to`, in `vlan` (-1: none)? */
static bool hears(const struct guest *b, const struct igb_mac *to, int32_t vlan)
{
	if (b->is != RUNNING || !is_in(b, vlan))
		return false;
	if (to == &everybody)
		return b->hears_broadcast;
	return to == &group ? b->has_group : !memcmp(to, &b->mac, 6);
}

static void check_frame(uint32_t count, uint32_t source, const struct igb_mac *to, int32_t vlan,
			int32_t descriptor)
{
	const bool is_wire = source == MODEL_WIRE;
	const struct guest *a = is_wire ? NULL : &guests[source];
	const int32_t tag = is_wire ? vlan : -1;
	uint32_t expected = 0, got;
	bool is_sent = true, is_here = false;

	if (a) {
		is_sent = a->is == RUNNING && (a->vlan || descriptor < 0 || is_in(a, descriptor) ||
					       !(a->may_tag[0] | a->may_tag[1] | a->may_tag[2]));
		vlan = a->vlan ? (int32_t)a->vlan : descriptor;
		if (!a->vlan && !(a->may_tag[0] | a->may_tag[1] | a->may_tag[2]))
			vlan = -1; /* what its descriptors say of VLANs is not looked at */
	}
	for (uint32_t b = 0; b < count; b++) {
		if (is_sent && b != source && hears(&guests[b], to, vlan))
			expected |= BIT32(b);
		if ((guests[b].is == RUNNING || guests[b].is == BOOTING) &&
		    !memcmp(to, &guests[b].mac, 6))
			is_here = true;
	}
	if (a && is_sent && !is_here)
		expected |= BIT32(MODEL_WIRE);
	got = rig_frame(&r, source, to, a ? &a->mac : &stranger, a ? descriptor : -1, tag, 200);
	if (got != expected)
		printf("from %u vlan %d descriptor %d: %x, not %x\n", source, vlan, descriptor, got,
		       expected);
	CHECK(got == expected);
}

static void frames_reach_whom_they_should_and_nobody_else(void)
{
	uint32_t frames = 0;

	for (uint32_t round = 0; round < 150; round++) {
		const uint32_t count = 2 + random_below(7);
		const struct igb_config c = random_config(count);

		CHECK(rig_start_up(&r, &c) == OK);
		for (uint32_t vf = 0; vf < count; vf++)
			random_life(vf);
		addresses(count);
		for (uint32_t a = 0; a <= count; a++) {
			const uint32_t source = a == count ? MODEL_WIRE : a;

			for (uint32_t b = 0; b < count + 3; b++) {
				const struct igb_mac *to = b < count        ? &guests[b].mac
							   : b == count     ? &everybody
							   : b == count + 1 ? &group
									    : &stranger;

				for (int32_t vlan = 8; vlan <= 14; vlan++) {
					const int32_t tag = vlan == 9 ? -1 : vlan;

					check_frame(count, source, to, tag, tag);
					frames++;
				}
			}
		}
		CHECK(!r.m.wrongs && !r.m.unknown);
	}
	printf("# %u frames\n", frames);
}

/* A sender with another's address, or with a tag put into the frame by hand. */
static void lies_do_not_leave_the_pool(void)
{
	struct igb_config c = rig_config(4);

	c.vfs[1].vlan = 10;
	c.vfs[2].tagged[0] = 11;
	CHECK(rig_start_up(&r, &c) == OK);
	for (uint32_t vf = 0; vf < 4; vf++)
		CHECK(rig_vf_init(&r, vf));
	CHECK(rig_frame(&r, 0, &r.mac[3], &r.mac[0], -1, -1, 64) == 8);
	CHECK(rig_frame(&r, 0, &r.mac[3], &r.mac[2], -1, -1, 64) == 0);
	CHECK(rig_frame(&r, 0, &everybody, &stranger, -1, -1, 64) == 0);
	CHECK(rig_frame(&r, 0, &r.mac[1], &r.mac[0], -1, 10, 64) == 0);
	CHECK(rig_frame(&r, 0, &r.mac[1], &r.mac[0], 10, -1, 64) == 0); /* never inserted */
	CHECK(rig_frame(&r, 2, &r.mac[1], &r.mac[2], 10, -1, 64) == 0);
	CHECK(rig_frame(&r, 2, &everybody, &r.mac[2], 11, -1, 64) == 0); /* not joined yet */
	CHECK(reg(0x3554) == 5);
}

/* Neither an unknown address, nor the PF's, has a home here. */
static void what_nobody_asked_for_is_dropped(void)
{
	struct igb_config c = rig_config(8);
	struct igb_mac pf;

	CHECK(rig_start_up(&r, &c) == OK);
	for (uint32_t vf = 0; vf < 8; vf++)
		CHECK(rig_vf_init(&r, vf));
	memcpy(&pf, r.m.mac, 6);
	CHECK(rig_frame(&r, MODEL_WIRE, &stranger, &pf, -1, -1, 64) == 0);
	CHECK(rig_frame(&r, MODEL_WIRE, &pf, &stranger, -1, -1, 64) == 0);
	CHECK(rig_frame(&r, MODEL_WIRE, &group, &stranger, -1, -1, 64) == 0);
	CHECK(rig_frame(&r, MODEL_WIRE, &everybody, &stranger, -1, 5, 64) == 0);
	CHECK(rig_frame(&r, MODEL_WIRE, &everybody, &stranger, -1, -1, 64) == 0xff);
	CHECK(rig_frame(&r, 3, &everybody, &r.mac[3], -1, -1, 64) == 0x1f7);
}

static void long_frames_reach_who_asked_for_them(void)
{
	struct igb_config c = rig_config(3);

	c.vfs[0].frame_max_bytes = 9728;
	c.vfs[1].vlan = 10;
	CHECK(rig_start_up(&r, &c) == OK);
	for (uint32_t vf = 0; vf < 3; vf++)
		CHECK(rig_vf_init(&r, vf));
	CHECK(rig_frame(&r, MODEL_WIRE, &everybody, &stranger, -1, -1, 1518) == 5);
	CHECK(rig_frame(&r, MODEL_WIRE, &everybody, &stranger, -1, 10, 1518) == 2);
	CHECK(rig_frame(&r, MODEL_WIRE, &everybody, &stranger, -1, -1, 1523) == 0);
	CHECK(rig_ask2(&r, 0, VF_SET_LPE, 9728) >> 31);
	CHECK(rig_frame(&r, MODEL_WIRE, &everybody, &stranger, -1, -1, 9728) == 1);
	CHECK(rig_ask2(&r, 1, VF_SET_LPE, 1000) >> 31); /* of the guest's; the tag is ours */
	CHECK(rig_frame(&r, MODEL_WIRE, &everybody, &stranger, -1, 10, 1000) == 2);
	CHECK(rig_frame(&r, MODEL_WIRE, &everybody, &stranger, -1, 10, 1001) == 0);
}

/* The hash table is one for all: a bit goes when the last one that wants it goes. */
static void multicast_hashes_are_counted(void)
{
	struct igb_config c = rig_config(3);

	CHECK(rig_start_up(&r, &c) == OK);
	for (uint32_t vf = 0; vf < 3; vf++)
		CHECK(rig_vf_init(&r, vf));
	CHECK(rig_ask2(&r, 0, VF_SET_MULTICAST | 1 << 16, GROUP_HASH) >> 31);
	CHECK(rig_ask2(&r, 1, VF_SET_MULTICAST | 2 << 16, GROUP_HASH | 7 << 16) >> 31);
	CHECK(rig_frame(&r, MODEL_WIRE, &group, &stranger, -1, -1, 64) == 3);
	CHECK(rig_ask2(&r, 0, VF_SET_MULTICAST, 0) >> 31);
	CHECK(rig_frame(&r, MODEL_WIRE, &group, &stranger, -1, -1, 64) == 2);
	igb_vf_close(&r.d, 1);
	CHECK(rig_frame(&r, MODEL_WIRE, &group, &stranger, -1, -1, 64) == 0);
	CHECK(!reg(0x5200 + 4 * (GROUP_HASH >> 5)) && !reg(0x5200));
}

int main(void)
{
	RUN(frames_reach_whom_they_should_and_nobody_else);
	RUN(lies_do_not_leave_the_pool);
	RUN(what_nobody_asked_for_is_dropped);
	RUN(long_frames_reach_who_asked_for_them);
	RUN(multicast_hashes_are_counted);
	return test_failed;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* The 82576's PF driver, from nothing to up and through a reset: every way that can go wrong. */
#include <string.h>
#include "tests/model/igb_rig.h"
#include "tests/test.h"

static struct rig r;

static uint32_t reg(uint32_t at)
{
	return *igb_model_reg(&r.m, at);
}

static enum err init(const struct igb_config *c)
{
	const struct igb_io io = { igb_model_read, igb_model_write, &r.m };

	return igb_init(&r.d, c, &io);
}

static void comes_up_with_every_table_in_place(void)
{
	struct igb_config c = rig_config(8);

	CHECK(rig_start_up(&r, &c) == OK);
	CHECK(igb_is_up(&r.d) && r.m.resets == 1 && r.m.autonegotiations == 1);
	CHECK(!r.m.unknown && !r.m.wrongs);
	CHECK(reg(0x5818) == 3 && reg(0x581c) == 0x60000000); /* MRQC, VT_CTL */
	CHECK(reg(0x3500) == 0x8000ffff); /* DTXSWC: nothing back to the sender */
	CHECK((reg(0x100) & 0x04048022) == 0x04048022 && !(reg(0x100) & 0x3018));
	CHECK((reg(0x400) & 2) && (reg(0x0) & 0x40) && !(reg(0x0) & 0xc));
	CHECK(reg(0x18) & 1 << 14); /* PFRSTD */
	CHECK((reg(0x1514) & 0x10) && reg(0x2408) == 0xffff && (reg(0x3590) & 0x28) == 0x28);
	CHECK(!reg(0xc8c) && !reg(0xc90) && !reg(0xd0) && !reg(0x1524));
	CHECK(!(reg(0x5b50) & 3) && !reg(0x5b5c)); /* semaphores given back */
	CHECK(r.step_most && r.step_most <= IGB_STEP_ACCESS_MAX);
	for (uint32_t vf = 0; vf < 8; vf++)
		CHECK((igb_model_vf_read(&r.m, vf, 0xc40) & 0xc0) == 0x80); /* RSTD, not RSTI */
	printf("# most register accesses in a step: %u\n", r.step_most);
}

static void vfs_are_off_until_they_have_said_reset(void)
{
	struct igb_config c = rig_config(7);

	CHECK(rig_start_up(&r, &c) == OK);
	for (uint32_t vf = 0; vf < 7; vf++) {
		CHECK(reg(0xc8c) == BIT32(vf) - 1 && reg(0xc90) == BIT32(vf) - 1);
		CHECK(rig_vf_init(&r, vf));
	}
	CHECK(reg(0xc8c) == 0x7f && reg(0xc90) == 0x7f);
}

/* After a reset the device has everybody enabled: that must be over before traffic can be. */
static void watch_enables(struct igb_model *m, void *context)
{
	uint32_t *bad = context;

	if (*igb_model_reg(m, 0x100) & 2 && *igb_model_reg(m, 0xc8c) & ~0x7fu)
		++*bad;
	if (*igb_model_reg(m, 0x400) & 2 && *igb_model_reg(m, 0xc90) & ~0x7fu)
		++*bad;
	if (*igb_model_reg(m, 0x18) & 1 << 14 && !(*igb_model_reg(m, 0x100) & 2))
		++*bad;
}

static void nothing_moves_before_the_switch_is_set(void)
{
	struct igb_config c = rig_config(7);
	uint32_t bad = 0;

	rig_start(&r);
	CHECK(init(&c) == OK);
	r.m.hook = watch_enables;
	r.m.context = &bad;
	*igb_model_reg(&r.m, 0xc8c) = 0;
	CHECK(rig_up(&r) == OK && bad == 0);
}

static void every_silly_configuration_is_refused(void)
{
	static const struct {
		const char *why;
		struct igb_config c;
	} cases[] = {
		{ "frequency", { .vf_count = 1 } },
		{ "1 to 8", { .tsc_hz = 1 } },
		{ "1 to 8", { .tsc_hz = 1, .vf_count = 9 } },
		{ "unicast", { .tsc_hz = 1, .vf_count = 1, .vfs = { { .mac = { { 1 } } } } } },
		{ "1 to 4094", { .tsc_hz = 1, .vf_count = 1, .vfs = { { .vlan = 4095 } } } },
		{ "priority", { .tsc_hz = 1, .vf_count = 1, .vfs = { { .priority = 8 } } } },
		{ "tag, too",
		  { .tsc_hz = 1, .vf_count = 1, .vfs = { { .vlan = 5, .tagged = { 6 } } } } },
		{ "to tag", { .tsc_hz = 1, .vf_count = 1, .vfs = { { .tagged = { 4095 } } } } },
		{ "frame", { .tsc_hz = 1, .vf_count = 1, .vfs = { { .frame_max_bytes = 1521 } } } },
		{ "frame", { .tsc_hz = 1, .vf_count = 1, .vfs = { { .frame_max_bytes = 9729 } } } },
		{ "addresses",
		  { .tsc_hz = 1,
		    .vf_count = 2,
		    .vfs = { { .extra_mac_count = 9 }, { .extra_mac_count = 8 } } } },
	};

	for (uint32_t i = 0; i < ARRAY_SIZE(cases); i++) {
		uint64_t again;

		rig_start(&r);
		CHECK(init(&cases[i].c) == ERR_INVAL);
		CHECK(r.d.why && strstr(r.d.why, cases[i].why));
		igb_restart(&r.d);
		CHECK(igb_step(&r.d, r.now, &again) == ERR_INVAL && again == TSC_NEVER);
		CHECK(r.m.accesses == 0);
	}
}

static void as_many_vlans_as_there_are_filters(void)
{
	struct igb_config c = rig_config(8);

	for (uint32_t i = 0; i < 31; i++)
		c.vfs[i / 8].tagged[i % 8] = (uint16_t)(100 + i);
	CHECK(rig_start_up(&r, &c) == OK);
	CHECK(rig_vf_init(&r, 3));
	CHECK(rig_ask2(&r, 3, VF_SET_VLAN | 1 << 16, 130) == (VF_SET_VLAN | 1 << 16 | ACK | CTS));
	c.vfs[4].vlan = 100;
	CHECK(rig_start_up(&r, &c) == OK);
	c.vfs[4].vlan = 99;
	CHECK(rig_start_up(&r, &c) == ERR_INVAL && strstr(r.d.why, "VLANs"));
}

static void addresses_are_checked_against_the_pfs(void)
{
	struct igb_config c = rig_config(2);

	rig_start(&r);
	memcpy(c.vfs[1].mac.byte, r.m.mac, 6);
	CHECK(rig_start_up(&r, &c) == ERR_INVAL && strstr(r.d.why, "PF"));
	c = rig_config(2);
	c.vfs[0].mac = c.vfs[1].mac = (struct igb_mac){ { 2, 0, 0, 0, 0, 1 } };
	CHECK(rig_start_up(&r, &c) == ERR_INVAL && strstr(r.d.why, "same"));
}

/* Whatever the PF's address is: local, distinct, unicast, and not the PF's. */
static void derived_addresses_never_collide(void)
{
	struct igb_config c = rig_config(8);

	for (uint32_t first = 0; first < 256; first += 2) {
		rig_start(&r);
		r.m.mac[0] = (uint8_t)first;
		CHECK(init(&c) == OK);
		CHECK(rig_up(&r) == OK);
		for (uint32_t vf = 0; vf < 8; vf++) {
			CHECK((r.d.vfs[vf].home.byte[0] & 3) == 2);
			CHECK(memcmp(r.d.vfs[vf].home.byte, r.m.mac, 6));
			for (uint32_t other = 0; other < vf; other++)
				CHECK(memcmp(r.d.vfs[vf].home.byte, r.d.vfs[other].home.byte, 6));
		}
	}
}

static enum err try(void (*with)(struct igb_model *))
{
	struct igb_config c = rig_config(2);

	rig_start(&r);
	with(&r.m);
	igb_model_start(&r.m);
	CHECK(init(&c) == OK);
	return rig_up(&r);
}

static void gone(struct igb_model *m)
{
	m->is_gone = true;
}

static void stays_in_reset(struct igb_model *m)
{
	m->reset_reads = 1000;
}

static void fiber(struct igb_model *m)
{
	m->link_mode = 2;
}

static void no_eeprom(struct igb_model *m)
{
	m->has_no_eeprom = true;
}

static void busy_bus(struct igb_model *m)
{
	m->master_reads = 1u << 30;
}

static void smbi_left_behind(struct igb_model *m)
{
	m->smbi_reads = 150; /* beyond the first deadline */
}

static void firmware_keeps_the_phy(struct igb_model *m)
{
	m->firmware_has_swsm = true;
}

static void silent_phy(struct igb_model *m)
{
	m->mdic_reads = 1u << 30;
}

static void second_port(struct igb_model *m)
{
	m->port = 1;
}

static void failures_end_in_time_and_with_a_reason(void)
{
	static const struct {
		void (*with)(struct igb_model *);
		enum err error;
		uint32_t autonegotiations;
		uint64_t at_most_ns;
	} cases[] = {
		{ gone, ERR_NODEV, 0, MS(1) },
		{ stays_in_reset, ERR_TIMEOUT, 0, MS(30) },
		{ fiber, ERR_UNSUPPORTED, 0, MS(30) },
		{ no_eeprom, OK, 1, MS(40) },
		{ busy_bus, OK, 1, MS(130) },
		{ smbi_left_behind, OK, 1, MS(230) },
		{ firmware_keeps_the_phy, OK, 0, MS(240) },
		{ silent_phy, OK, 1, MS(40) },
		{ second_port, OK, 1, MS(30) },
	};

	for (uint32_t i = 0; i < ARRAY_SIZE(cases); i++) {
		CHECK(try(cases[i].with) == cases[i].error);
		CHECK((r.d.why != NULL) == (cases[i].error != OK));
		CHECK(igb_is_up(&r.d) == (cases[i].error == OK));
		CHECK(r.m.autonegotiations == cases[i].autonegotiations);
		CHECK(r.now - SEC(5) <= cases[i].at_most_ns);
		CHECK(!r.m.wrongs && !r.m.unknown);
	}
}

static void it_can_be_tried_again(void)
{
	uint64_t again;

	CHECK(try(gone) == ERR_NODEV);
	CHECK(igb_step(&r.d, r.now, &again) == ERR_NODEV && again == TSC_NEVER);
	r.m.is_gone = false;
	igb_restart(&r.d);
	CHECK(rig_up(&r) == OK && igb_is_up(&r.d));
}

static void too_early_a_call_touches_nothing(void)
{
	struct igb_config c = rig_config(1);
	uint64_t again;
	uint32_t before;

	rig_start(&r);
	r.m.master_reads = 5;
	CHECK(init(&c) == OK);
	for (uint32_t i = 0; i < 2; i++)
		CHECK(igb_step(&r.d, r.now, &again) == ERR_BUSY);
	CHECK(again > r.now);
	before = r.m.accesses;
	CHECK(igb_step(&r.d, again - 1, &again) == ERR_BUSY && r.m.accesses == before);
	igb_poll(&r.d, r.now, &r.events);
	CHECK(r.m.accesses == before);
}

static void the_interrupt_is_the_pfs_own(void)
{
	struct igb_config c = rig_config(8);

	c.has_interrupt = true;
	CHECK(rig_start_up(&r, &c) == OK);
	CHECK(reg(0xd0) == 0x10000104 && reg(0x1524) == 1 && reg(0x1740) == 0x8000);
	CHECK(rig_vf_init(&r, 0));
	*igb_model_reg(&r.m, 0x1524) = 0; /* masked itself */
	rig_poll(&r);
	CHECK(!reg(0xc0) && reg(0x1524) == 1 && !r.m.unknown);
}

/* --- reset of the PF while VFs live ---------------------------------------------------------- */

static void vfs_come_back_after_a_reset_of_the_pf(void)
{
	struct igb_config c = rig_config(4);
	struct igb_vf_stats before, after;
	struct igb_mac mac;

	c.vfs[1].vlan = 7;
	CHECK(rig_start_up(&r, &c) == OK);
	for (uint32_t vf = 0; vf < 3; vf++)
		CHECK(rig_vf_init(&r, vf));
	mac = r.mac[1];
	igb_vf_set_throttle(&r.d, 2, 1, 0x500);
	*igb_model_reg(&r.m, 0x10018) = 5000;
	igb_vf_read_stats(&r.d, 0, &before);
	igb_restart(&r.d);
	CHECK(rig_up(&r) == OK && r.m.resets == 2);
	CHECK(!reg(0xc8c) && !reg(0xc90) && !rig_receives(&r, 0));
	rig_poll(&r); /* tells those that were ready to begin again, and nobody else */
	CHECK(rig_vf_reads(&r, 0) == NACK && rig_vf_reads(&r, 1) == NACK);
	CHECK(rig_vf_reads(&r, 3) == 0);
	CHECK(rig_ask2(&r, 0, VF_SET_LPE, 1522) == (VF_SET_LPE | NACK));
	for (uint32_t vf = 0; vf < 3; vf++) {
		CHECK(rig_mailbox(&r, vf) & 0x80); /* RSTD: igbvf looks at its link again */
		CHECK(rig_vf_init(&r, vf) && rig_receives(&r, vf));
	}
	CHECK(!memcmp(&r.mac[1], &mac, 6));
	CHECK(igb_vf_throttle(&r.d, 2, 1) == 0x500);
	igb_vf_read_stats(&r.d, 0, &after);
	CHECK(after.rx_octets == before.rx_octets && after.rx_octets == 5000);
	CHECK(!r.m.wrongs && !r.m.unknown);
}

static void vfs_are_told_before_and_see_it_in_between(void)
{
	struct igb_config c = rig_config(2);
	uint64_t again;

	CHECK(rig_start_up(&r, &c) == OK && rig_vf_init(&r, 1));
	igb_restart(&r.d);
	CHECK(!igb_is_up(&r.d));
	CHECK(igb_step(&r.d, r.now, &again) == ERR_BUSY);
	CHECK(!reg(0xc8c) && !reg(0xc90));
	CHECK(rig_mailbox(&r, 1) & 0x10); /* a message, and not one that says CTS */
	CHECK(rig_vf_reads(&r, 1) == 0x100);
	CHECK(!rig_vf_init(&r, 1)); /* answered by nobody */
	while (r.m.resets < 2)
		CHECK(igb_step(&r.d, again, &again) == ERR_BUSY);
	CHECK(rig_mailbox(&r, 1) & 0x40); /* RSTI */
	CHECK(!rig_vf_init(&r, 1));
	r.now = again;
	CHECK(rig_up(&r) == OK && rig_vf_init(&r, 1));
}

static void isolated_vfs_stay_so_through_a_reset_of_the_pf(void)
{
	struct igb_config c = rig_config(3);

	CHECK(rig_start_up(&r, &c) == OK && rig_vf_init(&r, 0) && rig_vf_init(&r, 2));
	igb_vf_isolate(&r.d, 2, 77, &r.events);
	CHECK(rig_receives(&r, 0) && !rig_receives(&r, 2));
	igb_restart(&r.d);
	CHECK(rig_up(&r) == OK);
	rig_poll(&r);
	CHECK(rig_vf_init(&r, 0) && !rig_vf_init(&r, 2) && !rig_receives(&r, 2));
}

static void a_device_that_vanishes_is_noticed_once(void)
{
	struct igb_config c = rig_config(2);
	struct igb_vf_stats s;
	uint64_t again;

	CHECK(rig_start_up(&r, &c) == OK && rig_vf_init(&r, 0));
	r.m.is_gone = true;
	rig_poll(&r);
	rig_poll(&r);
	CHECK(r.told[IGB_DEVICE_LOST] == 1 && !igb_is_up(&r.d));
	CHECK(igb_step(&r.d, r.now, &again) == ERR_NODEV);
	igb_vf_read_stats(&r.d, 0, &s);
	CHECK(s.rx_octets == 0);
	igb_vf_close(&r.d, 0);
	r.m.is_gone = false;
	igb_restart(&r.d);
	CHECK(rig_up(&r) == OK && igb_vf_open(&r.d, 0) == OK && rig_vf_init(&r, 0));
}

int main(void)
{
	RUN(comes_up_with_every_table_in_place);
	RUN(vfs_are_off_until_they_have_said_reset);
	RUN(nothing_moves_before_the_switch_is_set);
	RUN(every_silly_configuration_is_refused);
	RUN(as_many_vlans_as_there_are_filters);
	RUN(addresses_are_checked_against_the_pfs);
	RUN(derived_addresses_never_collide);
	RUN(failures_end_in_time_and_with_a_reason);
	RUN(it_can_be_tried_again);
	RUN(too_early_a_call_touches_nothing);
	RUN(the_interrupt_is_the_pfs_own);
	RUN(vfs_come_back_after_a_reset_of_the_pf);
	RUN(vfs_are_told_before_and_see_it_in_between);
	RUN(isolated_vfs_stay_so_through_a_reset_of_the_pf);
	RUN(a_device_that_vanishes_is_noticed_once);
	return test_failed;
}

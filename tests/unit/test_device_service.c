/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The service after boot: its rounds, what it tells of faults, who is cut off, and how devices go
 * from one life of a partition to the next. One machine for all tests, as there is one service.
 */
#include <string.h>
#include "tests/test.h"
#include "tests/unit/device_pf.h"
#include "tests/unit/device_rig.h"

#define PERIOD     5000u
#define PF_COUNT   2u
#define STEP_MAX   10000u /* until everything that was asked for is done */
#define VF_PCIE    0x40u  /* of tests/fake/pci.c */
#define FAULT_NONE UINT32_MAX

enum { FIRST, SECOND, ENDS, STOPS, PLAIN, PART_COUNT };

static void boot(void)
{
	const char *reason;

	(void)fake_pci_q35();
	rig_clear();
	rig_pf(&(struct pf_config){ .name = "nic", .driver = PF_IGB, .vf_count = 8 });
	rig_pf(&(struct pf_config){ .name = "disk", .driver = PF_NVME, .vf_count = 4 });
	rig_partition("first", MIB(64), RIG_DEVICES(PCI_VF("nic", 0), PCI_VF("disk", 0)));
	rig_partition("second", MIB(64),
		      RIG_DEVICES(PCI_VF("nic", 1), PCI_AT("03:00.0"), PCI_VF("nic", 2)));
	rig_partition("ends", MIB(64), RIG_DEVICES(PCI_VF("disk", 1), PCI_VF("nic", 3)));
	rig_partition("stops", MIB(64), RIG_DEVICES(PCI_VF("nic", 5), PCI_VF("nic", 4)));
	rig_partition("plain", MIB(64), NULL, 0);
	CHECK(rig_boot(&reason) == OK && devices.count == 9 && devices.pf_count == PF_COUNT);
}

static void forget(void)
{
	rig.event_count = rig.line_count = rig.machine_count = 0;
	rig.fault_count = rig.fault_at = rig.faults_taken = 0;
}

/* ---- Time ---- */

/* All steps of one round, from `now_tsc` on. When the service wants the next. */
static uint64_t serve_round(uint64_t now_tsc)
{
	uint64_t next_tsc = now_tsc;
	uint32_t steps = 0;

	fake_pci.now_tsc = max_u64(fake_pci.now_tsc, now_tsc);
	while (next_tsc <= now_tsc && steps <= PF_COUNT + 2) {
		next_tsc = device_service.serve(now_tsc);
		steps++;
	}
	CHECK(steps == PF_COUNT + 2);
	return next_tsc;
}

/* As the run loop does: rounds at the times that it asks for. */
static void serve_for(uint64_t ticks)
{
	const uint64_t end_tsc = fake_pci.now_tsc + ticks;
	uint64_t next_tsc = fake_pci.now_tsc;

	while (next_tsc < end_tsc)
		next_tsc = serve_round(next_tsc);
	fake_pci.now_tsc = max_u64(fake_pci.now_tsc, end_tsc);
}

static void rounds_are_at_absolute_times(void)
{
	uint64_t due_tsc, now_tsc;

	due_tsc = serve_round(fake_pci.now_tsc);
	for (uint32_t i = 0; i < 200; i++) { /* late by anything less than a period */
		CHECK(serve_round(due_tsc + i * 7919 % PERIOD) == due_tsc + PERIOD);
		due_tsc += PERIOD;
	}
	for (uint32_t i = 1; i < 20; i++) { /* periods that are missed are left out */
		now_tsc = due_tsc + i * PERIOD + i * 211;
		due_tsc += (i + 1) * PERIOD;
		CHECK(serve_round(now_tsc) == due_tsc);
	}
	for (uint32_t i = 0; i < 10; i++) /* what is poked comes earlier, and moves nothing */
		CHECK(serve_round(due_tsc - PERIOD + 1 + i * 400) == due_tsc);
	CHECK(serve_round(due_tsc) == due_tsc + PERIOD);
}

static void each_pf_has_its_step_in_each_round(void)
{
	uint64_t next_tsc = fake_pci.now_tsc + PERIOD;

	memset(&device_pf, 0, sizeof(device_pf));
	for (uint32_t i = 1; i <= 10; i++) {
		const uint64_t now_tsc = next_tsc;

		next_tsc = serve_round(now_tsc);
		for (uint32_t n = 0; n < PF_COUNT; n++)
			CHECK(device_pf.served[n] == i && device_pf.served_tsc[n] == now_tsc);
	}
}

/* ---- Faults ---- */

static void fault(uint32_t domain, uint64_t address, uint32_t lost)
{
	rig.faults[rig.fault_count++] = (struct iommu_fault){ .kind = IOMMU_FAULT_WRITE,
							      .device = PCI_ADDR(0, 1, 0x10, 2),
							      .domain = domain,
							      .address = address,
							      .reason = 5,
							      .lost = lost };
}

/* After a second without any, so that the next may be told at once. */
static void after_a_quiet_second(void)
{
	serve_for(FAKE_PCI_HZ + 2 * PERIOD);
	forget();
}

static void a_fault_is_told_with_all_that_is_known(void)
{
	after_a_quiet_second();
	fault(SECOND, 0xabc000, 0);
	serve_for(PERIOD);
	CHECK(rig.line_count == 1 && rig.machine_count == 1);
	CHECK(rig_lines("part second: blocked: device 0000:01:10.2 writes 0xabc000: "
			"no write permission",
			"(1 since the last line)") == 1);
	CHECK(strstr(rig.machine[0], "\"blocked\":\"write\",\"partition\":\"second\"") &&
	      strstr(rig.machine[0], "\"device\":\"0000:01:10.2\",\"address\":11255808,"));
}

static void the_kinds_have_words(void)
{
	static const struct {
		enum iommu_fault_kind kind;
		const char *words, *name;
	} kinds[] = { { IOMMU_FAULT_READ, "reads 0x5", "\"read\"" },
		      { IOMMU_FAULT_WRITE, "writes 0x5", "\"write\"" },
		      { IOMMU_FAULT_INTERRUPT, "interrupts by entry 0x5", "\"interrupt\"" } };

	for (uint32_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		after_a_quiet_second();
		fault(FIRST, 5, 0);
		rig.faults[0].kind = kinds[i].kind;
		serve_for(PERIOD);
		CHECK(rig_lines("part first", kinds[i].words) == 1);
		CHECK(strstr(rig.machine[0], kinds[i].name));
	}
}

/* However many: the rest is counted, and told a second later, with the latest. */
static void one_line_a_second_and_partition(void)
{
	uint64_t begin_tsc;

	after_a_quiet_second();
	begin_tsc = fake_pci.now_tsc;
	for (uint32_t i = 0; i < 10; i++)
		fault(FIRST, 0x1000 + i, 0);
	serve_for(PERIOD);
	CHECK(rig.line_count == 1 && rig_lines("0x1009", "(10 since the last line)") == 1);
	for (uint32_t i = 0; i < 5; i++) {
		fault(FIRST, 0x2000 + i, 0);
		serve_for(PERIOD);
	}
	fault(SECOND, 0x3000, 0); /* another's is told at once */
	serve_for(PERIOD);
	CHECK(rig.line_count == 2 && rig_lines("part second", "(1 since the last line)") == 1);
	serve_for(begin_tsc + FAKE_PCI_HZ - PERIOD - fake_pci.now_tsc);
	CHECK(rig.line_count == 2);
	serve_for(3 * PERIOD);
	CHECK(rig.line_count == 3 && rig_lines("part first", "0x2004") == 1);
	CHECK(rig_lines("part first", "(5 since the last line)") == 1);
	serve_for(3 * FAKE_PCI_HZ); /* nothing new: nothing is told */
	CHECK(rig.line_count == 3);
}

static void what_was_lost_is_counted(void)
{
	after_a_quiet_second();
	fault(FIRST, 0x1000, 7);
	fault(FIRST, 0x2000, 0);
	fault(FIRST, 0x3000, 30);
	serve_for(PERIOD);
	CHECK(rig_lines("part first", "(40 since the last line)") == 1);
}

/* Of what is blocked, and of the hypervisor's: an account of their own. */
static void nobodys_are_counted_apart(void)
{
	after_a_quiet_second();
	fault(FAULT_NONE, 0x1000, 0);
	fault(IOMMU_HYPERVISOR, 0x2000, 0);
	fault(PART_COUNT, 0x3000, 0); /* no partition has this number */
	fault(FIRST, 0x4000, 0);
	serve_for(PERIOD);
	CHECK(rig.line_count == 2);
	CHECK(rig_lines("iommu: blocked", "0x3000: no write permission (3 since") == 1);
	CHECK(rig_lines("part first: blocked", "(1 since") == 1);
	CHECK(strstr(rig.machine[0], "\"partition\":\"first\"") &&
	      strstr(rig.machine[1], "\"partition\":\"\""));
}

/* A device that never stops does not keep the service from the rest of its round. */
static void a_step_takes_so_many_and_no_more(void)
{
	after_a_quiet_second();
	fault(FIRST, 0x1000, 0);
	rig.fault_for_ever = true;
	(void)serve_round(fake_pci.now_tsc);
	CHECK(rig.faults_taken == 16);
	(void)serve_round(fake_pci.now_tsc);
	CHECK(rig.faults_taken == 32 && rig.line_count == 1);
	rig.fault_for_ever = false;
}

/* ---- Devices ---- */

static pci_addr_t addr_of(const struct device *d)
{
	return devices.table.functions[d->function].addr;
}

static bool is_of(const struct device *d, uint32_t part)
{
	return d->partition == &partitions[part];
}

static struct fake_pci_function *fake_of(const struct device *d)
{
	return &fake_pci.functions[rig_fake(addr_of(d))];
}

static bool are_all_owned_by(uint32_t part, uint32_t owner)
{
	for (uint32_t i = 0; i < devices.count; i++)
		if (is_of(&devices.list[i], part) && rig_owner(addr_of(&devices.list[i])) != owner)
			return false;
	return true;
}

/* As running guests have them. */
static void all_are_masters(void)
{
	for (uint32_t i = 0; i < devices.count; i++)
		arch_pci_write(addr_of(&devices.list[i]), 4, 2, 6);
}

static uint32_t resets_before[16];

static void count_resets(void)
{
	for (uint32_t i = 0; i < devices.count; i++)
		resets_before[i] = fake_of(&devices.list[i])->resets;
}

/* Each of this partition's, so often since count_resets(). */
static bool were_reset(uint32_t part, uint32_t times)
{
	for (uint32_t i = 0; i < devices.count; i++)
		if (is_of(&devices.list[i], part) &&
		    fake_of(&devices.list[i])->resets != resets_before[i] + times)
			return false;
	return true;
}

/* A reset takes 100 ms and a look every 5 ms; there are three devices at most. */
static void serve_until_all_is_done(void)
{
	serve_for(FAKE_PCI_HZ);
	CHECK(fake_pci.violations == 0);
}

static void start_over(uint32_t part)
{
	partitions[part].state = PARTITION_RESTARTING;
}

static void runs_again(uint32_t part)
{
	partitions[part].life++;
	partitions[part].state = PARTITION_RUNNING;
}

/* ---- Restart ---- */

/* Step by step: quiet is what is blocked, then reset, then attached without bus mastering. */
static void a_life_begins_with_devices_that_are_reset(uint32_t part)
{
	uint32_t steps = 0;

	forget();
	all_are_masters();
	count_resets();
	start_over(part);
	while (!device_service.is_quiet(&partitions[part]) && steps++ < STEP_MAX) {
		const uint64_t next_tsc = device_service.serve(fake_pci.now_tsc);

		fake_pci.now_tsc = max_u64(fake_pci.now_tsc, next_tsc);
	}
	CHECK(steps > 0 && steps < STEP_MAX && fake_pci.violations == 0);
	CHECK(are_all_owned_by(part, part) && were_reset(part, 1));
	CHECK(rig_count(RIG_POKE_SERVICE) == 1);
	CHECK(rig_count(RIG_POKE) == 1 && rig.event_count > 0);
	if (rig.event_count > 0) {
		CHECK(rig.events[rig.event_count - 1].what == RIG_POKE);
		CHECK(rig.events[rig.event_count - 1].part == part);
	}
	for (uint32_t i = 0; i < devices.count; i++) {
		const pci_addr_t at = addr_of(&devices.list[i]);
		const struct rig_event *const block = rig_find(RIG_BLOCK, at);
		const struct rig_event *const attach = rig_find(RIG_ATTACH, at);

		if (!is_of(&devices.list[i], part)) {
			CHECK(!block && !attach);
			continue;
		}
		CHECK(block && attach && block < attach);
		if (!block || !attach)
			continue;
		CHECK(block->resets == resets_before[i] && attach->resets == resets_before[i] + 1);
		CHECK(!(attach->command & 4));
	}
	serve_until_all_is_done();
	CHECK(device_service.is_quiet(&partitions[part]) && were_reset(part, 1));
	runs_again(part);
}

static void lives_begin_with_devices_that_are_reset(void)
{
	for (uint32_t i = 0; i < 3; i++) {
		a_life_begins_with_devices_that_are_reset(FIRST);
		a_life_begins_with_devices_that_are_reset(SECOND);
	}
}

static void who_has_no_devices_waits_for_none(void)
{
	forget();
	start_over(PLAIN);
	CHECK(device_service.is_quiet(&partitions[PLAIN]));
	device_service.cut_off(&partitions[PLAIN]);
	CHECK(rig.event_count == 0);
	runs_again(PLAIN);
}

/* The second asks while the first one's are at hand: each waits for its own, and only for them. */
static void two_may_restart_at_once(void)
{
	forget();
	count_resets();
	all_are_masters();
	start_over(FIRST);
	CHECK(!device_service.is_quiet(&partitions[FIRST]));
	serve_for(20 * PERIOD);
	start_over(SECOND);
	CHECK(!device_service.is_quiet(&partitions[SECOND]));
	for (uint32_t i = 0; i < 400; i++) {
		const bool first = device_service.is_quiet(&partitions[FIRST]);
		const bool second = device_service.is_quiet(&partitions[SECOND]);

		CHECK(!first || (were_reset(FIRST, 1) && are_all_owned_by(FIRST, FIRST)));
		CHECK(!second || (were_reset(SECOND, 1) && are_all_owned_by(SECOND, SECOND)));
		serve_for(PERIOD);
	}
	CHECK(device_service.is_quiet(&partitions[FIRST]));
	CHECK(device_service.is_quiet(&partitions[SECOND]));
	CHECK(were_reset(FIRST, 1) && were_reset(SECOND, 1) && were_reset(ENDS, 0));
	CHECK(rig_count(RIG_POKE) == 2 && rig_count(RIG_POKE_SERVICE) == 2);
	runs_again(FIRST);
	runs_again(SECOND);
}

/* ---- What does not come back ---- */

static void restart(uint32_t part)
{
	forget();
	start_over(part);
	CHECK(!device_service.is_quiet(&partitions[part]));
	serve_for(5 * FAKE_PCI_HZ);
	CHECK(device_service.is_quiet(&partitions[part]) && rig_count(RIG_POKE) == 1);
	runs_again(part);
}

/* The partition goes on without it; the others of its devices are there. */
static void is_missing(uint32_t index, const char *words)
{
	for (uint32_t i = 0; i < devices.count; i++)
		if (is_of(&devices.list[i], SECOND))
			CHECK(rig_owner(addr_of(&devices.list[i])) ==
			      (i == index ? RIG_NOBODY : (uint32_t)SECOND));
	CHECK(rig_lines("part second", words) == 1);
	CHECK(rig_lines("", devices.list[index].name) == 1);
}

static void what_does_not_come_back_stays_blocked(void)
{
	struct fake_pci_function *const f = fake_of(&devices.list[2]);

	f->never_returns = true;
	restart(SECOND);
	is_missing(2, "does not come back from its reset: it does not answer");
	f->never_returns = false; /* in its next life it may */
	f->silent_until = 0;
	restart(SECOND);
	CHECK(are_all_owned_by(SECOND, SECOND) && rig.line_count == 0);
}

static void what_cannot_be_reset_stays_blocked(void)
{
	struct pci_function *const f = &devices.table.functions[devices.list[4].function];

	f->is_usable = false;
	f->why = "its PF has it disabled";
	restart(SECOND);
	is_missing(4, "cannot be reset: its PF has it disabled");
	f->is_usable = true;
	f->why = NULL;
}

static void what_the_iommu_does_not_take_stays_blocked(void)
{
	rig.attach_error = ERR_TIMEOUT;
	restart(SECOND);
	CHECK(are_all_owned_by(SECOND, RIG_NOBODY));
	CHECK(rig_lines("does not come back", "the IOMMU does not answer") == 3);
	rig.attach_error = OK;
	restart(SECOND);
	CHECK(are_all_owned_by(SECOND, SECOND));
}

/* ---- The end ---- */

static void the_end_blocks_all_of_ones_devices_at_once(void)
{
	forget();
	all_are_masters();
	count_resets();
	partitions[ENDS].state = PARTITION_ENDED;
	device_service.cut_off(&partitions[ENDS]);
	CHECK(are_all_owned_by(ENDS, RIG_NOBODY) && rig_count(RIG_BLOCK) == 2);
	CHECK(are_all_owned_by(FIRST, FIRST) && are_all_owned_by(SECOND, SECOND));
	CHECK(rig_count(RIG_POKE_SERVICE) == 1);
	serve_until_all_is_done();
	CHECK(were_reset(ENDS, 1) && were_reset(FIRST, 0) && were_reset(SECOND, 0));
	CHECK(are_all_owned_by(ENDS, RIG_NOBODY));
	CHECK(rig_count(RIG_ATTACH) == 0 && rig_count(RIG_POKE) == 0);
}

/* Others' lives are none of its business. */
static void an_end_beside_a_restart(void)
{
	forget();
	count_resets();
	start_over(FIRST);
	CHECK(!device_service.is_quiet(&partitions[FIRST]));
	serve_for(10 * PERIOD);
	device_service.cut_off(&partitions[ENDS]);
	serve_for(2 * FAKE_PCI_HZ);
	CHECK(device_service.is_quiet(&partitions[FIRST]) && are_all_owned_by(FIRST, FIRST));
	CHECK(are_all_owned_by(ENDS, RIG_NOBODY) && were_reset(FIRST, 1));
	runs_again(FIRST);
}

/* arch/iommu.h: what hardware did not confirm is no bus master any more. */
static void what_is_not_confirmed_loses_bus_mastering(void)
{
	forget();
	all_are_masters();
	rig.block_error = ERR_TIMEOUT;
	device_service.cut_off(&partitions[ENDS]);
	for (uint32_t i = 0; i < devices.count; i++)
		CHECK((fake_of(&devices.list[i])->config[4] & 4) ==
		      (is_of(&devices.list[i], ENDS) ? 0 : 4));
	CHECK(rig_lines("iommu", "hardware has not confirmed") == 2);
	rig.block_error = OK;
	serve_until_all_is_done();
}

/* Some of its devices have been reset and attached by then. */
static void whoever_is_stopped_meanwhile_stays_blocked(void)
{
	forget();
	start_over(STOPS);
	CHECK(!device_service.is_quiet(&partitions[STOPS]));
	for (uint32_t i = 0; i < STEP_MAX && rig_count(RIG_ATTACH) == 0; i++)
		serve_for(PERIOD);
	partitions[STOPS].state = PARTITION_STOPPED;
	device_service.cut_off(&partitions[STOPS]);
	CHECK(are_all_owned_by(STOPS, RIG_NOBODY));
	serve_for(2 * FAKE_PCI_HZ);
	CHECK(are_all_owned_by(STOPS, RIG_NOBODY) && rig_count(RIG_ATTACH) == 1);
	CHECK(rig_count(RIG_POKE) == 0 && !device_service.is_quiet(&partitions[STOPS]));
}

/* ---- VFs that a PF resets ---- */

static void a_vf_reset_beside_its_guest_is_set_up_again(void)
{
	forget();
	device_vf_was_reset(&devices.pfs[0], 2);
	CHECK(rig.event_count == 1 && rig.events[0].what == RIG_AGAIN);
	CHECK(rig.events[0].part == SECOND && rig.events[0].addr == PCI_ADDR(0, 1, 0x10, 4));
	device_vf_was_reset(&devices.pfs[1], 0);
	CHECK(rig.event_count == 2 && rig.events[1].part == FIRST);
	CHECK(rig.events[1].addr == PCI_ADDR(0, 2, 0, 1));
	device_vf_was_reset(&devices.pfs[0], 7); /* nobody's */
	CHECK(rig.event_count == 2);
}

int main(void)
{
	boot();
	RUN(rounds_are_at_absolute_times);
	RUN(each_pf_has_its_step_in_each_round);
	RUN(a_fault_is_told_with_all_that_is_known);
	RUN(the_kinds_have_words);
	RUN(one_line_a_second_and_partition);
	RUN(what_was_lost_is_counted);
	RUN(nobodys_are_counted_apart);
	RUN(a_step_takes_so_many_and_no_more);
	RUN(lives_begin_with_devices_that_are_reset);
	RUN(who_has_no_devices_waits_for_none);
	RUN(two_may_restart_at_once);
	RUN(what_does_not_come_back_stays_blocked);
	RUN(what_cannot_be_reset_stays_blocked);
	RUN(what_the_iommu_does_not_take_stays_blocked);
	RUN(the_end_blocks_all_of_ones_devices_at_once);
	RUN(an_end_beside_a_restart);
	RUN(what_is_not_confirmed_loses_bus_mastering);
	RUN(whoever_is_stopped_meanwhile_stays_blocked);
	RUN(a_vf_reset_beside_its_guest_is_set_up_again);
	return test_failed;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Resets: the right method, the times of the specifications, nothing lost, nobody else touched. */
#include <string.h>
#include "drivers/pci.h"
#include "drivers/pci_reset.h"
#include "drivers/sriov.h"
#include "tests/fake/pci.h"
#include "tests/test.h"

static struct pci_table t;
static struct pci_reset r;

static void scan(void)
{
	memset(&t, 0, sizeof(t));
	pci_scan(&t);
	pci_form_groups(&t);
}

static uint32_t index_of(uint32_t bus, uint32_t device, uint32_t function)
{
	return (uint32_t)(pci_find(&t, PCI_ADDR(0, bus, device, function)) - t.functions);
}

/* Comes when told, now and then too early. Each step has few accesses: `most_writes`. */
static uint32_t most_writes, step_count;
static enum err run(void)
{
	uint64_t again_tsc = 0;
	enum err e;

	most_writes = step_count = 0;
	do {
		const uint32_t writes = fake_pci.writes;

		e = pci_reset_step(&r, fake_pci.now_tsc, &again_tsc);
		if (fake_pci.writes - writes > most_writes)
			most_writes = fake_pci.writes - writes;
		if (e != ERR_BUSY)
			break;
		CHECK(again_tsc >= fake_pci.now_tsc);
		if (again_tsc > fake_pci.now_tsc + 1) { /* a call that is too early does nothing */
			const uint32_t before = fake_pci.writes;

			fake_pci.now_tsc = again_tsc - 1;
			CHECK(pci_reset_step(&r, fake_pci.now_tsc, &again_tsc) == ERR_BUSY);
			CHECK(fake_pci.writes == before);
		}
		fake_pci.now_tsc = again_tsc;
	} while (++step_count < 1000);
	CHECK(step_count < 300);
	CHECK(pci_reset_step(&r, fake_pci.now_tsc, &again_tsc) == e && again_tsc == TSC_NEVER);
	return e;
}

static enum err reset(uint32_t function)
{
	const enum err e = pci_reset_begin(&r, &t, function, FAKE_PCI_HZ);

	return e == OK ? run() : e;
}

static void use(int f)
{
	fake_pci_set(f, 4, 2, fake_pci_get(f, 4, 2), 0x0547);
	fake_pci.functions[f].config[4] = 6;
	fake_pci.functions[f].config[fake_pci.functions[f].pcie + 8] = 0x5f;
}

static void flr_gives_everything_back(void)
{
	const struct fake_q35 m = fake_pci_q35();
	static uint8_t before[4096];
	struct fake_pci_function *f = &fake_pci.functions[m.igb];

	scan();
	use(m.igb);
	f->config[0x73] = 0x80; /* MSI-X on */
	f->config[0xc] = 0x10;
	memcpy(before, f->config, sizeof(before));
	CHECK(pci_reset_choose(&t, index_of(1, 0, 0)) == PCI_RESET_FLR);
	CHECK(reset(index_of(1, 0, 0)) == OK && f->resets == 1 && fake_pci.violations == 0);
	before[4] = 0; /* the command register: INTx Disable alone */
	before[5] = 4;
	before[0x73] = 0;
	CHECK(memcmp(before, f->config, sizeof(before)) == 0);
	CHECK(fake_pci.now_tsc >= 100 * FAKE_PCI_MS && fake_pci.now_tsc < 110 * FAKE_PCI_MS);
	CHECK(most_writes < 24 && !r.left_pending);
	for (uint32_t i = 0; i < fake_pci.count; i++)
		CHECK(fake_pci.functions[i].resets == ((int)i == m.igb));
}

static void pending_transactions_are_waited_for(void)
{
	const struct fake_q35 m = fake_pci_q35();

	scan();
	use(m.igb);
	fake_pci.functions[m.igb].pending_ms = 300;
	CHECK(reset(index_of(1, 0, 0)) == OK && !r.left_pending);
	CHECK(fake_pci.now_tsc >= 400 * FAKE_PCI_MS && fake_pci.now_tsc < 420 * FAKE_PCI_MS);
	(void)fake_pci_q35();
	use(m.igb);
	fake_pci.functions[m.igb].pending_ms = 5000;
	CHECK(reset(index_of(1, 0, 0)) == OK && r.left_pending);
	CHECK(fake_pci.now_tsc >= 1100 * FAKE_PCI_MS && fake_pci.now_tsc < 1120 * FAKE_PCI_MS);
}

/* It may answer late, with RRS that is visible or not; 1 s after the reset it must. */
static void an_answer_may_take_a_second_and_no_longer(void)
{
	for (uint32_t ms = 0; ms <= 1400; ms += 50)
		for (uint32_t kind = 0; kind < 3; kind++) {
			const struct fake_q35 m = fake_pci_q35();
			enum err e;

			scan();
			fake_pci.has_rrs_visibility = kind == 1;
			if (kind == 0)
				fake_pci.functions[m.nvme].silent_ms = ms;
			else
				fake_pci.functions[m.nvme].rrs_ms = ms;
			e = reset(index_of(2, 0, 0));
			CHECK(e == (ms <= 1000 ? OK : ERR_TIMEOUT) && fake_pci.violations == 0);
			CHECK(e == OK || (r.why && strstr(r.why, "answer")));
			CHECK(fake_pci.now_tsc < 1020 * FAKE_PCI_MS);
		}
}

static void what_comes_back_wrong_is_nobodys(void)
{
	struct fake_q35 m = fake_pci_q35();

	scan();
	fake_pci.functions[m.nvme].never_returns = true;
	CHECK(reset(index_of(2, 0, 0)) == ERR_TIMEOUT);
	m = fake_pci_q35();
	fake_pci.functions[m.nvme].changes_identity = true;
	CHECK(reset(index_of(2, 0, 0)) == ERR_INVAL && strstr(r.why, "another device"));
	m = fake_pci_q35();
	fake_pci.functions[m.nvme].forgets_bars = true;
	CHECK(reset(index_of(2, 0, 0)) == ERR_INVAL && strstr(r.why, "BARs"));
}

static void a_sleeping_function_is_woken_first(void)
{
	const struct fake_q35 m = fake_pci_q35();

	scan();
	fake_pci.functions[m.nvme].config[0x64] |= 3;
	CHECK(reset(index_of(2, 0, 0)) == OK && fake_pci.functions[m.nvme].resets == 1);
	CHECK(fake_pci.now_tsc >= 110 * FAKE_PCI_MS);
}

static void af_resets_conventional_functions(void)
{
	int f;

	fake_pci_clear();
	f = fake_pci_add(FAKE_PCI_NONE, 0x18, 0x56781234, 0xff0000);
	fake_pci_bar(f, 0, 0, KIB(4), 0x80000000);
	fake_pci_af(f, 0x98);
	scan();
	CHECK(pci_reset_choose(&t, 0) == PCI_RESET_AF && reset(0) == OK);
	CHECK(fake_pci.functions[f].resets == 1 && fake_pci.violations == 0);
	CHECK(fake_pci_get(f, 0x10, 4) == 0x80000000);
	fake_pci_set(f, 0x9b, 1, 2, 0); /* it could not be waited for */
	scan();
	CHECK(pci_reset_choose(&t, 0) == PCI_RESET_NONE && reset(0) == ERR_UNSUPPORTED && r.why);
}

static void a_lone_function_is_reset_by_its_bus(void)
{
	const struct fake_q35 m = fake_pci_q35();
	const struct fake_pci_function *port = &fake_pci.functions[m.port[2]];
	const uint32_t base = 0xfe400000;

	scan();
	use(m.plain);
	CHECK(pci_reset_choose(&t, index_of(3, 0, 0)) == PCI_RESET_BUS);
	CHECK(reset(index_of(3, 0, 0)) == OK && fake_pci.functions[m.plain].resets == 1);
	CHECK(fake_pci_get(m.plain, 0x10, 4) == base && fake_pci_get(m.plain, 4, 2) == 0x400);
	CHECK((port->config[0x3e] & 0x40) == 0);
}

/* Both functions of a group go together, and both come back whole. */
static void a_group_is_reset_as_a_whole(void)
{
	const struct fake_server m = fake_pci_server();

	scan();
	CHECK(pci_reset_choose(&t, index_of(5, 0, 1)) == PCI_RESET_BUS);
	CHECK(reset(index_of(5, 0, 1)) == OK && r.function_count == 2);
	CHECK(fake_pci.functions[m.gpu].resets == 1 && fake_pci.functions[m.sound].resets == 1);
	CHECK(fake_pci_get(m.gpu, 0x14, 4) == 0xc && fake_pci_get(m.gpu, 0x18, 4) == 16);
	CHECK(fake_pci_get(m.sound, 0x10, 4) == 0x92000000);
	CHECK(fake_pci.functions[m.disk[0]].resets == 0);
}

static void a_bus_with_others_is_not_reset(void)
{
	const struct fake_q35 m = fake_pci_q35();
	const int other = fake_pci_add(m.port[2], 1, 0x56781234, 0xff0000);

	fake_pci_multifunction(m.plain);
	fake_pci_pcie(other, 0x40, 0, false);
	fake_pci_extended(m.plain, 0xd, 0x100);
	fake_pci_extended(other, 0xd, 0x100); /* both with ACS: two groups */
	scan();
	CHECK(t.functions[index_of(3, 0, 0)].group != t.functions[index_of(3, 0, 1)].group);
	CHECK(reset(index_of(3, 0, 0)) == ERR_UNSUPPORTED);
	CHECK(fake_pci.functions[m.plain].resets == 0);
}

static void conventional_buses_get_a_second(void)
{
	const struct fake_server m = fake_pci_server();

	scan();
	CHECK(pci_reset_choose(&t, index_of(11, 1, 0)) == PCI_RESET_BUS);
	CHECK(reset(index_of(11, 1, 0)) == OK && fake_pci.violations == 0);
	CHECK(r.function_count == 2 && fake_pci.functions[m.legacy[1]].resets == 1);
	CHECK(fake_pci.now_tsc >= 1000 * FAKE_PCI_MS);
}

static void d3hot_is_the_last_resort(void)
{
	int f;

	fake_pci_clear();
	f = fake_pci_add(FAKE_PCI_NONE, 0x18, 0x56781234, 0xff0000);
	fake_pci_bar(f, 0, 0, KIB(4), 0x80000000);
	fake_pci_pm(f, 0x98, false);
	scan();
	CHECK(pci_reset_choose(&t, 0) == PCI_RESET_PM && reset(0) == OK);
	CHECK(fake_pci.functions[f].resets == 1 && fake_pci.violations == 0);
	CHECK(fake_pci_get(f, 0x10, 4) == 0x80000000 && fake_pci_get(f, 0x9c, 2) == 0);
	fake_pci_pm(f, 0x98, true);
	CHECK(pci_reset_choose(&t, 0) == PCI_RESET_NONE);
}

static void a_link_that_stays_down_is_said(void)
{
	const struct fake_q35 m = fake_pci_q35();

	uint64_t again_tsc = 0;
	enum err e;

	scan();
	CHECK(pci_reset_begin(&r, &t, index_of(3, 0, 0), FAKE_PCI_HZ) == OK);
	do {
		e = pci_reset_step(&r, fake_pci.now_tsc = again_tsc, &again_tsc);
		if (fake_pci_get(m.port[2], 0x3e, 2) & 0x40) /* the bus is in reset */
			fake_pci_set(m.port[2], 0x54 + 0x12, 2, 0, 0);
	} while (e == ERR_BUSY);
	CHECK(e == ERR_TIMEOUT && strstr(r.why, "link"));
}

/* A port above a conventional function, as emulators have it, never says that its link is active. */
static void a_link_that_never_was_is_not_waited_for(void)
{
	const struct fake_q35 m = fake_pci_q35();

	scan();
	fake_pci_set(m.port[2], 0x54 + 0x12, 2, 0, 0);
	CHECK(reset(index_of(3, 0, 0)) == OK);
}

static void bridges_and_pfs_with_vfs_are_refused(void)
{
	const struct fake_q35 m = fake_pci_q35();

	scan();
	CHECK(reset(index_of(0, 1, 0)) == ERR_INVAL && strstr(r.why, "bridge"));
	fake_pci.functions[m.igb].config[0x168] |= 1;
	CHECK(reset(index_of(1, 0, 0)) == ERR_INVAL && strstr(r.why, "VFs"));
	CHECK(fake_pci.functions[m.igb].resets == 0);
	t.functions[0].is_usable = false;
	t.functions[0].why = "because";
	CHECK(reset(0) == ERR_INVAL && strcmp(r.why, "because") == 0);
}

static void a_vf_is_reset_alone(void)
{
	const struct fake_q35 m = fake_pci_q35();
	struct sriov s;
	uint64_t again;
	uint32_t vf;
	enum err e;

	scan();
	CHECK(sriov_begin(&s, &t, index_of(1, 0, 0), 4, FAKE_PCI_HZ) == OK);
	while ((e = sriov_step(&s, fake_pci.now_tsc, &again)) == ERR_BUSY)
		fake_pci.now_tsc = again;
	CHECK(e == OK);
	pci_form_groups(&t);
	vf = sriov_vf(&t, index_of(1, 0, 0), 2);
	CHECK(pci_reset_choose(&t, vf) == PCI_RESET_FLR);
	for (uint32_t i = 0; i < fake_pci.count; i++)
		if (fake_pci.functions[i].vf_of == m.igb)
			fake_pci.functions[i].rrs_ms = 400;
	CHECK(reset(vf) == OK && fake_pci.violations == 0);
	for (uint32_t i = 0; i < fake_pci.count; i++)
		CHECK(fake_pci.functions[i].resets == (fake_pci.functions[i].vf_of == m.igb &&
						       fake_pci.functions[i].vf_index == 2));
}

int main(void)
{
	RUN(flr_gives_everything_back);
	RUN(pending_transactions_are_waited_for);
	RUN(an_answer_may_take_a_second_and_no_longer);
	RUN(what_comes_back_wrong_is_nobodys);
	RUN(a_sleeping_function_is_woken_first);
	RUN(af_resets_conventional_functions);
	RUN(a_lone_function_is_reset_by_its_bus);
	RUN(a_group_is_reset_as_a_whole);
	RUN(a_bus_with_others_is_not_reset);
	RUN(conventional_buses_get_a_second);
	RUN(d3hot_is_the_last_resort);
	RUN(a_link_that_stays_down_is_said);
	RUN(a_link_that_never_was_is_not_waited_for);
	RUN(bridges_and_pfs_with_vfs_are_refused);
	RUN(a_vf_is_reset_alone);
	return test_failed;
}

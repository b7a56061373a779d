/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core/pf_nvme.c over a controller of tests/fake/nvme.h, whose configuration space is that of
 * tests/fake/pci.h: up at boot, recovery beside guests, VFs that are lost, and a controller that is
 * given up.
 */
#include <string.h>
#include "tests/fake/nvme.h"
#include "tests/test.h"
#include "tests/unit/device_rig.h"
#include "drivers/nvme/nvme.h"

#define SRIOV 0x120u /* of tests/fake/pci_machines.c */
#define PF_AT PCI_ADDR(0, 2, 0, 0)
#define HPA   UINT64_C(0x71234000)

static struct fake_q35 q35;
static struct fake_nvme nvme;
static uint8_t memory[NVME_MEMORY_BYTES] __attribute__((aligned(4096)));
static uint32_t pf_resets, vf_resets[4];
static bool vfs_were_on, has_no_memory;
static void (*when_vfs_come)(void);
static const char *reason;

/* ---- One device out of two halves ---- */

static int vf_of(uint32_t index)
{
	for (uint32_t i = 0; i < fake_pci.count; i++)
		if (fake_pci.functions[i].vf_of == q35.nvme &&
		    fake_pci.functions[i].vf_index == (int)index)
			return (int)i;
	return FAKE_PCI_NONE;
}

static void follow_vfs(void)
{
	const bool are_on = fake_pci_get(q35.nvme, SRIOV + 8, 2) & 1;

	if (are_on && !vfs_were_on) {
		fake_nvme_enable_vfs(&nvme);
		memset(vf_resets, 0, sizeof(vf_resets));
		if (when_vfs_come)
			when_vfs_come();
	}
	vfs_were_on = are_on;
	for (uint32_t i = 0; i < 4; i++) {
		const uint32_t resets = fake_pci.functions[vf_of(i)].resets;

		if (resets > vf_resets[i])
			fake_nvme_vf_flr(&nvme, i + 1);
		vf_resets[i] = resets;
	}
}

/* What configuration space has seen meanwhile. It does DMA where the IOMMU lets it. */
static void follow(void)
{
	struct fake_pci_function *const pf = &fake_pci.functions[q35.nvme];

	if (pf->resets != pf_resets)
		fake_nvme_flr(&nvme);
	pf_resets = pf->resets;
	follow_vfs();
	nvme.region_count = 0;
	if ((pf->config[4] & 4) && rig_owner(PF_AT) == IOMMU_HYPERVISOR)
		fake_nvme_region(&nvme, HPA, memory, sizeof(memory));
	fake_nvme_run(&nvme, fake_pci.now_tsc, UINT32_MAX);
}

static uint32_t read(void *context, uint32_t offset)
{
	follow();
	return fake_nvme_read(&nvme, offset);
}

static void write(void *context, uint32_t offset, uint32_t value)
{
	follow();
	fake_nvme_write(&nvme, offset, value);
}

static const struct nvme_hook hook = { read, write, NULL };

/* The linker's --wrap: the driver knows nothing of it. */
enum err __real_nvme_init(struct nvme *d, const struct nvme_config *wanted, uint64_t now_tsc);
enum err __wrap_nvme_init(struct nvme *d, const struct nvme_config *wanted, uint64_t now_tsc);
enum err __wrap_nvme_init(struct nvme *d, const struct nvme_config *wanted, uint64_t now_tsc)
{
	struct nvme_config hooked = *wanted;

	hooked.hook = &hook;
	return __real_nvme_init(d, &hooked, now_tsc);
}

enum nvme_state __real_nvme_step(struct nvme *d, uint64_t now_tsc, uint64_t *again_tsc);
enum nvme_state __wrap_nvme_step(struct nvme *d, uint64_t now_tsc, uint64_t *again_tsc);
enum nvme_state __wrap_nvme_step(struct nvme *d, uint64_t now_tsc, uint64_t *again_tsc)
{
	follow();
	return __real_nvme_step(d, now_tsc, again_tsc);
}

void *arch_mem_take_pages(uint64_t page_count)
{
	CHECK(page_count * PAGE_BYTES == sizeof(memory));
	return has_no_memory ? NULL : memory;
}

hpa_t arch_mem_hpa(const void *at)
{
	CHECK(at == memory);
	return (hpa_t){ HPA };
}

/* ---- Boot ---- */

/* Partitions with VF 0, with VFs 2 and 1; VF 3 is left over. */
static void machine(void)
{
	const uint64_t now_tsc = fake_pci.now_tsc; /* the service's time goes on */

	q35 = fake_pci_q35();
	fake_pci.now_tsc = now_tsc;
	rig_clear();
	memset(memory, 0, sizeof(memory));
	fake_nvme_init(&nvme);
	nvme.tick_hz = FAKE_PCI_HZ;
	nvme.ready_tsc = 1000;
	nvme.disable_tsc = 500;
	nvme.most[1] = 2;
	nvme.total[1] = nvme.primary[1] = nvme.primary_next[1] = 8;
	pf_resets = 0;
	vfs_were_on = has_no_memory = false;
	when_vfs_come = NULL;
	rig_pf(&(struct pf_config){ .name = "disk", .driver = PF_NVME, .vf_count = 4 });
	rig_partition("a", MIB(64), RIG_DEVICES(PCI_VF("disk", 0)));
	rig_partition("b", MIB(64), RIG_DEVICES(PCI_VF("disk", 2), PCI_VF("disk", 1)));
}

static bool is_honest(void)
{
	if (nvme.host_errors != 0)
		printf("the host: %s\n", nvme.host_error);
	return nvme.host_errors == 0 && nvme.online_without_reset == 0 && fake_pci.violations == 0;
}

static bool are_online(uint32_t set, uint16_t vq, uint16_t vi)
{
	for (uint32_t i = 0; i < 4; i++) {
		const struct fake_nvme_secondary *const s = &nvme.secondary[i];

		if (s->is_online != (set >> i & 1) ||
		    (s->is_online && (s->vq != vq || s->vi != vi)))
			return false;
	}
	return true;
}

static bool boots(void)
{
	if (rig_boot(&reason) == OK)
		return true;
	printf("refused: %s\n", reason);
	return false;
}

static bool is_refused(enum err e, const char *words)
{
	const enum err got = rig_boot(&reason);

	if (got == e && reason && strstr(reason, words))
		return true;
	printf("got %d: %s\n", (int)got, reason ? reason : "(no reason)");
	return false;
}

static void serve_for(uint64_t ticks)
{
	const uint64_t end_tsc = fake_pci.now_tsc + ticks;

	while (fake_pci.now_tsc < end_tsc) {
		const uint64_t next_tsc = device_service.serve(fake_pci.now_tsc);

		fake_pci.now_tsc = max_u64(fake_pci.now_tsc, next_tsc);
	}
}

static void it_comes_up_with_the_vfs_that_are_used(void)
{
	uint32_t mapped = 0;

	machine();
	CHECK(boots() && is_honest() && are_online(7, 3, 2));
	CHECK(rig_owner(PF_AT) == IOMMU_HYPERVISOR);
	for (uint32_t i = 0; i < rig.map_count; i++) {
		if (rig.maps[i].part != IOMMU_HYPERVISOR)
			continue;
		mapped++;
		CHECK(rig.maps[i].gpa == HPA && rig.maps[i].hpa == HPA);
		CHECK(rig.maps[i].bytes == sizeof(memory) && rig.maps[i].rights == 3);
	}
	CHECK(mapped == 1);
	CHECK(rig.mapped_at == 0xfe600000 && rig.mapped_bytes == KIB(16));
	for (uint32_t i = 0; i < 4; i++)
		CHECK(fake_pci.functions[vf_of(i)].resets == (i < 3));
	CHECK(rig.function_count[0] == 1 && rig.function_count[1] == 2);
	serve_for(2 * FAKE_PCI_HZ);
	CHECK(are_online(7, 3, 2) && is_honest() && rig_count(RIG_AGAIN) == 0);
}

/* Where there is less, each has the least that works. */
static void it_does_with_the_least(void)
{
	machine();
	nvme.most[0] = 2;
	nvme.most[1] = 1;
	CHECK(boots() && is_honest() && are_online(7, 2, 1));
	machine();
	nvme.most[0] = 1;
	CHECK(is_refused(ERR_UNSUPPORTED, "VF 1 wants 2 queue resources, may have 1"));
}

static void what_is_missing_is_said(void)
{
	machine();
	has_no_memory = true;
	CHECK(is_refused(ERR_NOMEM, "no frames for its queues"));
	machine();
	nvme.is_gone = true;
	CHECK(is_refused(ERR_NODEV, "PF 'disk'"));
	machine();
	fake_pci_bar(q35.nvme, 0, 4, KIB(16), 0); /* firmware has not placed it */
	CHECK(is_refused(ERR_NOMEM, "registers cannot be mapped"));
	machine();
	rig_clear();
	rig_pf(&(struct pf_config){ .name = "disk", .driver = PF_NVME, .vf_count = 4 });
	CHECK(is_refused(ERR_INVAL, "none of its VFs is anybody's"));
}

static void a_controller_that_never_gets_ready_is_given_up(void)
{
	uint64_t begin_tsc;

	machine();
	nvme.never_ready = true;
	begin_tsc = fake_pci.now_tsc;
	CHECK(is_refused(ERR_NODEV, "PF 'disk': it does not come up"));
	CHECK(fake_pci.now_tsc - begin_tsc < 60 * FAKE_PCI_HZ);
}

/* ---- VFs that are lost ---- */

/* The table of VF 1 leaves its BAR when the resources are there. */
static void move_table(void)
{
	fake_pci_set(vf_of(1), 0x84, 4, 0x4000, 0);
}

static void never_back(void)
{
	fake_pci.functions[vf_of(1)].never_returns = true;
}

static void a_vf_that_is_lost_at_boot_is_given_to_nobody(void)
{
	static const struct {
		void (*spoil)(void);
		const char *words;
	} ways[] = { { never_back, "VF 2 does not come back from its reset: it does not answer" },
		     { move_table, "VF 2 does not come back from its reset: MSI-X: the table" } };

	for (uint32_t i = 0; i < ARRAY_SIZE(ways); i++) {
		machine();
		when_vfs_come = ways[i].spoil;
		CHECK(is_refused(ERR_NODEV, "partition 'b': device 'disk'"));
		CHECK(reason && strstr(reason, "out of order") &&
		      rig_lines("pf disk", ways[i].words) == 1);
		CHECK(are_online(5, 3, 2));
	}
}

/* Malformed when its PF enables it again, after a reset of the function. */
static void a_vf_may_come_back_malformed(void)
{
	machine();
	CHECK(boots());
	move_table();
	nvme.never_disabled = true; /* nothing less than a Function Level Reset helps */
	nvme.csts |= 2;
	for (uint32_t i = 0; i < 4000 && nvme.flrs < 2; i++)
		serve_for(FAKE_PCI_HZ / 100);
	nvme.never_disabled = false;
	serve_for(20 * FAKE_PCI_HZ);
	CHECK(nvme.flrs >= 2 && are_online(5, 3, 2) && !devices.pfs[0].is_given_up);
	CHECK(rig_lines("pf disk", "VF 2 does not come back from its reset: its configuration") ==
	      1);
}

/* Told once; the others' guests get theirs back. */
static void a_vf_that_is_lost_later_is_lost_alone(void)
{
	static void (*const ways[])(void) = { never_back, move_table };

	for (uint32_t i = 0; i < ARRAY_SIZE(ways); i++) {
		machine();
		CHECK(boots());
		rig.event_count = 0;
		ways[i]();
		nvme.csts |= 2; /* "Controller Fatal Status" */
		serve_for(20 * FAKE_PCI_HZ);
		CHECK(are_online(5, 3, 2) && is_honest() && !devices.pfs[0].is_given_up);
		CHECK(rig_count(RIG_AGAIN) == 2 && !rig_find(RIG_AGAIN, PCI_ADDR(0, 2, 0, 2)));
		CHECK(rig_lines("pf disk", "VF 2 does not come back") == 1);
	}
}

static void a_vf_that_is_refused_is_told_of_once(void)
{
	machine();
	nvme.gives_less = 1;
	CHECK(boots() && rig_lines("pf disk", "VF 1 (controller") == 1);
	serve_for(5 * FAKE_PCI_HZ);
	CHECK(rig_lines("pf disk", "VF 1 (controller") == 1);
}

/* ---- Recovery ---- */

/* Its guests' VFs are online again, and set up as the guests had them. */
static void after_a_failure_all_are_back(void)
{
	machine();
	CHECK(boots());
	for (uint32_t i = 1; i <= 3; i++) {
		rig.event_count = 0;
		nvme.csts |= 2;
		serve_for(20 * FAKE_PCI_HZ);
		CHECK(are_online(7, 3, 2) && is_honest() && rig_count(RIG_AGAIN) == 3);
		CHECK(rig_find(RIG_AGAIN, PCI_ADDR(0, 2, 0, 1)) &&
		      rig_find(RIG_AGAIN, PCI_ADDR(0, 2, 0, 1))->part == 0);
		CHECK(rig_owner(PF_AT) == IOMMU_HYPERVISOR);
		CHECK(rig_owner(PCI_ADDR(0, 2, 0, 3)) == 1 && !devices.pfs[0].is_given_up);
	}
}

/* Registers that read as all ones, for good: it is cut off from memory, and told once. */
static void what_is_gone_is_given_up_and_cut_off(void)
{
	machine();
	CHECK(boots());
	rig.event_count = rig.line_count = 0;
	nvme.is_gone = true;
	serve_for(60 * FAKE_PCI_HZ);
	CHECK(devices.pfs[0].is_given_up && rig_owner(PF_AT) == RIG_NOBODY);
	CHECK(rig_lines("pf disk", "given up") == 1 && rig_count(RIG_BLOCK) == 1);
	CHECK(rig_owner(PCI_ADDR(0, 2, 0, 1)) == 0); /* guests keep theirs */
}

int main(void)
{
	RUN(it_comes_up_with_the_vfs_that_are_used);
	RUN(it_does_with_the_least);
	RUN(what_is_missing_is_said);
	RUN(a_controller_that_never_gets_ready_is_given_up);
	RUN(a_vf_that_is_lost_at_boot_is_given_to_nobody);
	RUN(a_vf_may_come_back_malformed);
	RUN(a_vf_that_is_lost_later_is_lost_alone);
	RUN(a_vf_that_is_refused_is_told_of_once);
	RUN(after_a_failure_all_are_back);
	RUN(what_is_gone_is_given_up_and_cut_off);
	return test_failed;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core/pf_igb.c over the 82576 of tests/model/igb_model.h: up at boot with its VFs, who may speak
 * to it, and what becomes of one that is gone.
 */
#include <string.h>
#include "drivers/igb/igb.h"
#include "tests/model/igb_model.h"
#include "tests/test.h"
#include "tests/unit/device_rig.h"

/* "VF Mailbox", and messages of Linux's igbvf. */
#define VFMAILBOX 0xc40u
#define VMBMEM    0x800u
#define REQ       1u
#define ACKED     2u
#define VFU       4u
#define VF_RESET  1u
#define ACK       UINT32_C(0x80000000)

static struct fake_q35 q35;
static struct igb_model model;
static const char *reason;

/* The linker's --wrap: the driver knows nothing of it. */
struct igb_io __wrap_igb_io_mapped(volatile void *bar);
struct igb_io __wrap_igb_io_mapped(volatile void *bar)
{
	return (struct igb_io){ igb_model_read, igb_model_write, &model };
}

/* VF 1 with an address, VF 3 without, in two partitions; VFs 0 and 2 are left over. */
static void machine(void)
{
	static const uint8_t mac[6] = { 0x00, 0x1b, 0x21, 0x10, 0x20, 0x30 };
	static const struct device_config first = {
		.kind = DEVICE_VF, .name = "nic", .index = 1, .mac = "02:11:22:33:44:55", .vlan = 7
	};
	const uint64_t now_tsc = fake_pci.now_tsc; /* the service's time goes on */

	q35 = fake_pci_q35();
	fake_pci.now_tsc = now_tsc;
	rig_clear();
	memset(&model, 0, sizeof(model));
	memcpy(model.mac, mac, sizeof(mac));
	model.reset_reads = 3;
	igb_model_start(&model);
	rig_pf(&(struct pf_config){ .name = "nic", .driver = PF_IGB, .vf_count = 4 });
	rig_partition("a", MIB(64), &first, 1);
	rig_partition("b", MIB(64), RIG_DEVICES(PCI_VF("nic", 3)));
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

/* A guest's driver begins. The first word of the answer, and the address that follows it. */
static uint32_t answer_to_reset(uint32_t vf, uint8_t mac[6])
{
	uint32_t words[3];

	igb_model_vf_reset(&model, vf);
	serve_for(4 * 5000);
	igb_model_vf_write(&model, vf, VFMAILBOX, VFU);
	igb_model_vf_write(&model, vf, VMBMEM, VF_RESET);
	igb_model_vf_write(&model, vf, VFMAILBOX, REQ);
	serve_for(10 * 5000);
	igb_model_vf_write(&model, vf, VFMAILBOX, VFU);
	for (uint32_t i = 0; i < 3; i++)
		words[i] = igb_model_vf_read(&model, vf, VMBMEM + 4 * i);
	igb_model_vf_write(&model, vf, VFMAILBOX, ACKED);
	memcpy(mac, &words[1], 6);
	return words[0];
}

static void it_comes_up_with_the_vfs_that_are_used(void)
{
	machine();
	CHECK(rig_boot(&reason) == OK && fake_pci.violations == 0);
	CHECK(model.unknown == 0 && model.wrongs == 0 && model.resets >= 1);
	CHECK(rig.mapped_at == 0xfe800000 && rig.mapped_bytes == KIB(128));
	CHECK(fake_pci_get(q35.igb, 0x160 + 0x10, 2) == 4);
	CHECK(rig.functions[0][0].addr == PCI_ADDR(0, 1, 0x10, 2));
	CHECK(rig.functions[1][0].addr == PCI_ADDR(0, 1, 0x10, 6));
	/* It does no DMA: no domain has it. */
	CHECK(rig_owner(PCI_ADDR(0, 1, 0, 0)) == RIG_NOBODY);
}

static void guests_get_their_addresses(void)
{
	static const uint8_t wanted[6] = { 0x02, 0x11, 0x22, 0x33, 0x44, 0x55 };
	uint8_t mac[6];

	machine();
	CHECK(rig_boot(&reason) == OK);
	CHECK(answer_to_reset(1, mac) == (VF_RESET | ACK) && memcmp(mac, wanted, 6) == 0);
	CHECK(answer_to_reset(3, mac) == (VF_RESET | ACK) && memcmp(mac, wanted, 6) != 0);
	CHECK((mac[0] & 3) == 2); /* one of ours: locally administered */
	CHECK(!(answer_to_reset(0, mac) & ACK) && !(answer_to_reset(2, mac) & ACK));
	CHECK(model.wrongs == 0 && model.unknown == 0);
}

static void what_is_missing_is_said(void)
{
	machine();
	model.is_gone = true;
	CHECK(is_refused(ERR_NODEV, "PF 'nic': it does not come up: "));
	machine();
	fake_pci_bar(q35.igb, 0, 0, KIB(64), 0xfe800000);
	CHECK(is_refused(ERR_NOMEM, "its registers cannot be mapped"));
	machine();
	for (uint32_t i = 0; i < fake_pci.count; i++)
		fake_pci.functions[i].never_returns = fake_pci.functions[i].vf_of == q35.igb;
	CHECK(is_refused(ERR_TIMEOUT, "a VF does not answer"));
	machine();
	fake_pci_set(q35.igb, 0, 4, 0x10d38086, 0); /* another Intel NIC */
	CHECK(is_refused(ERR_NODEV, "no function of this machine"));
}

/* Told once, and then left alone; the guests' other devices are served. */
static void what_is_gone_is_given_up(void)
{
	uint32_t accesses;

	machine();
	CHECK(rig_boot(&reason) == OK);
	rig.line_count = 0;
	model.is_gone = true;
	serve_for(30 * FAKE_PCI_HZ);
	CHECK(rig_lines("pf nic", "given up") == 1 && devices.pfs[0].is_given_up);
	accesses = model.accesses;
	serve_for(5 * FAKE_PCI_HZ);
	CHECK(model.accesses == accesses && rig_lines("pf nic", "given up") == 1);
}

/* The link is an event of its own, in the words of the driver. */
static void events_are_told(void)
{
	machine();
	CHECK(rig_boot(&reason) == OK);
	rig.line_count = 0;
	igb_model_link(&model, true);
	serve_for(3 * FAKE_PCI_HZ);
	CHECK(rig_lines("pf nic", "link") == 1 && rig_lines("pf nic", "") == 1);
}

/* ---- Rates ---- */

static uint32_t eitr(uint32_t vf, uint32_t vector)
{
	return *igb_model_reg(&model, 0x1680 + 4 * (22 - 3 * vf + vector)) & 0x7ffe;
}

static uint64_t model_ns;

static void follow_clock(struct igb_model *m, void *context)
{
	model_ns = fake_pci.now_tsc * (SEC(1) / FAKE_PCI_HZ);
}

/* VF 1 of 8,000 interrupts a second with entry 2 urgent; VF 3 of a megabyte a second. */
static void with_rates(void)
{
	static struct device_config limited = { .kind = DEVICE_VF, .name = "nic", .index = 3 };
	static struct device_config fixed = {
		.kind = DEVICE_VF,
		.name = "nic",
		.index = 1,
		.irq_rate = { .kind = IRQ_FIR, .per_second = 8000, .urgent = 4 }
	};

	limited.qos.rx_bytes_per_s = (struct tuple)EXACTLY(1000000);
	machine();
	rig_clear();
	rig_pf(&(struct pf_config){ .name = "nic", .driver = PF_IGB, .vf_count = 4 });
	rig_partition("a", MIB(64), &fixed, 1);
	rig_partition("b", MIB(64), &limited, 1);
	model.hook = follow_clock;
	model.clock = &model_ns;
}

/* 125 us are 500 quarters; where hardware posts, nothing else keeps the rate, and it is not shorter. */
static void throttles_are_written_each_round(void)
{
	with_rates();
	model.throttle_ps = 264000; /* 473.5 units: between 472 and 476 */
	CHECK(rig_boot(&reason) == OK && rig_lines("pf nic", "measured") == 1);
	CHECK(eitr(1, 0) == 472 && eitr(1, 1) == 472 && eitr(1, 2) == 0 && eitr(3, 0) == 0);
	CHECK(rig.throttled == PCI_ADDR(0, 1, 0x10, 2) && rig.throttle_urgent == 4);
	CHECK(rig.throttle_tsc == FAKE_PCI_HZ / 8000);
	*igb_model_reg(&model, 0x1680 + 4 * 19) = 0; /* its guest has written to it */
	rig.can_post = true;
	serve_for(2 * 5000);
	CHECK(eitr(1, 0) == 476 && eitr(1, 2) == 0 && model.unknown == 0);
}

/* Octets are counted with the CRC. 600 frames of 1,000 bytes at once: closed until they are paid. */
static void who_overdraws_does_not_receive(void)
{
	uint8_t mac[6];

	with_rates();
	CHECK(rig_boot(&reason) == OK);
	CHECK(answer_to_reset(3, mac) == (VF_RESET | ACK));
	serve_for(10 * 5000);
	CHECK(*igb_model_reg(&model, 0xc8c) == BIT32(3) &&
	      *igb_model_reg(&model, 0xc90) == BIT32(3));
	*igb_model_reg(&model, 0x10310) += 600;
	*igb_model_reg(&model, 0x10318) += 600 * 1004;
	serve_for(2 * 5000);
	CHECK(*igb_model_reg(&model, 0xc8c) == 0 && *igb_model_reg(&model, 0xc90) == BIT32(3));
	serve_for(FAKE_PCI_HZ * 58 / 100);
	CHECK(*igb_model_reg(&model, 0xc8c) == 0);
	serve_for(FAKE_PCI_HZ * 2 / 100);
	CHECK(*igb_model_reg(&model, 0xc8c) == BIT32(3));
	device_service.summarize();
	CHECK(strstr(rig.machine[rig.machine_count - 2],
		     "\"rx_packets\":600,\"rx_bytes\":600000,"));
}

int main(void)
{
	RUN(it_comes_up_with_the_vfs_that_are_used);
	RUN(guests_get_their_addresses);
	RUN(what_is_missing_is_said);
	RUN(what_is_gone_is_given_up);
	RUN(events_are_told);
	RUN(throttles_are_written_each_round);
	RUN(who_overdraws_does_not_receive);
	return test_failed;
}

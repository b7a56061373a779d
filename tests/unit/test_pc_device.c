/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Functions of the machine in a PC: what a guest writes to configuration space and to MSI-X tables,
 * and what becomes of the real function. Its messages are the IOMMU's, never the guest's.
 */
#include <string.h>
#include "arch/x86/pc/map.h"
#include "arch/x86/vtd/gate.h"
#include "tests/test.h"
#include "tests/unit/pc_device_rig.h"

#define MASTER     0x004u
#define COMMAND    0x402u /* what the real function always has: decoding, no INTx */
#define FIXED(v)   (v)
#define LOWEST(v)  (0x100u | (v))
#define TO(id)     (0xfee00000u | (uint32_t)(id) << 12)
#define LOGICAL    0x4u
#define REDIRECTED 0x8u
#define NOBODY     UINT32_MAX

static struct pc_function f;

static void with_msix(void)
{
	f = rig_msix();
	rig_with(&f);
}

static uint32_t real_config(uint32_t offset, uint32_t width)
{
	return fake_pci_get(rig.function, offset, width);
}

/* ---- The table ---- */

static const struct {
	uint64_t address;
	uint32_t data;
	uint32_t to; /* vCPU, or NOBODY */
} messages[] = {
	{ TO(0), FIXED(0x30), 0 },
	{ TO(1), FIXED(0x31), 1 },
	{ TO(2), FIXED(0xff), 2 },
	{ TO(2), FIXED(16), 2 },
	{ TO(1), 0x4000 | FIXED(0x31), 1 }, /* edge: the level bit means nothing */
	{ TO(1) | REDIRECTED, FIXED(0x31), 1 },
	{ TO(0xff), FIXED(0x30), 0 }, /* everybody: the first */
	{ TO(1) | LOGICAL, FIXED(0x30), 0 },
	{ TO(4) | LOGICAL, FIXED(0x30), 2 },
	{ TO(6) | LOGICAL, FIXED(0x30), 1 },
	{ TO(6) | LOGICAL, LOWEST(0x30), 2 }, /* vCPU 1 is busy: see below */
	{ TO(6) | LOGICAL | REDIRECTED, FIXED(0x30), 2 },
	{ TO(1), LOWEST(0x30), 1 },
	/* illegal vectors */
	{ TO(1), FIXED(0), NOBODY },
	{ TO(1), FIXED(15), NOBODY },
	{ TO(1), LOWEST(15), NOBODY },
	/* SMI, reserved, NMI, INIT, reserved, ExtINT */
	{ TO(1), 0x230, NOBODY },
	{ TO(1), 0x330, NOBODY },
	{ TO(1), 0x430, NOBODY },
	{ TO(1), 0x530, NOBODY },
	{ TO(1), 0x630, NOBODY },
	{ TO(1), 0x730, NOBODY },
	/* levels */
	{ TO(1), 0xc000 | FIXED(0x31), NOBODY },
	{ TO(1), 0x8000 | FIXED(0x31), NOBODY },
	/* nobody */
	{ TO(3), FIXED(0x30), NOBODY },
	{ TO(0xfe), FIXED(0x30), NOBODY },
	{ TO(8) | LOGICAL, FIXED(0x30), NOBODY },
	{ TO(0) | LOGICAL, FIXED(0x30), NOBODY },
	/* no interrupt at all */
	{ 0xfed01000, FIXED(0x30), NOBODY },
	{ 0xfef01000, FIXED(0x30), NOBODY },
	{ 0x00001000, FIXED(0x30), NOBODY },
	{ BIT64(32) | TO(1), FIXED(0x30), NOBODY },
	{ BIT64(63) | TO(1), FIXED(0x30), NOBODY },
};

static void busy(uint32_t vcpu)
{
	struct vlapic_effect effect;

	vlapic_write(&vcpus[RIG_FIRST + vcpu]->lapic, APIC_TPR, 0x80, 0, &effect);
}

static void an_entry_is_open_only_to_somebody(void)
{
	for (uint32_t i = 0; i < ARRAY_SIZE(messages); i++)
		for (uint32_t n = 0; n < RIG_COUNT; n++) {
			const uint32_t to = messages[i].to;

			with_msix();
			busy(1);
			rig_entry(n, messages[i].address, messages[i].data, 1);
			CHECK(!rig_is_open(n) && rig.route_calls == 0);
			rig_entry(n, messages[i].address, messages[i].data, 0);
			CHECK(rig_is_open(n) == (to != NOBODY));
			CHECK(to == NOBODY || rig_leads_to(n, to, (uint8_t)messages[i].data));
			CHECK(rig.wrong_cores == 0 && rig.route_calls <= 1);
			for (uint32_t other = 0; other < RIG_COUNT; other++)
				CHECK(other == n || !rig_is_open(other));
			rig_write(RIG_TABLE + 16 * n + 12, 4, 1);
			CHECK(!rig_is_open(n));
		}
}

/* What was open is closed by whatever takes its receiver away, and opened by the next one. */
static void an_open_entry_follows_each_write(void)
{
	with_msix();
	rig_entry(2, TO(1), FIXED(0x40), 0);
	CHECK(rig_leads_to(2, 1, 0x40));
	rig_write(RIG_TABLE + 32 + 8, 4, FIXED(0x41));
	CHECK(rig_leads_to(2, 1, 0x41));
	rig_write(RIG_TABLE + 32, 4, TO(2));
	CHECK(rig_leads_to(2, 2, 0x41));
	rig_write(RIG_TABLE + 32 + 4, 4, 1);
	CHECK(!rig_is_open(2));
	rig_write(RIG_TABLE + 32, 8, TO(0));
	CHECK(rig_leads_to(2, 0, 0x41));
	rig_write(RIG_TABLE + 32 + 8, 8, 0x430); /* NMI, not masked */
	CHECK(!rig_is_open(2));
	rig_write(RIG_TABLE + 32 + 8, 8, FIXED(0x50));
	CHECK(rig_leads_to(2, 0, 0x50));
	rig_write(RIG_TABLE + 32 + 8, 8, BIT64(32) | FIXED(0x50));
	CHECK(!rig_is_open(2));
}

/* The same again is not asked of the IOMMU again. */
static void a_route_is_set_when_it_changes(void)
{
	with_msix();
	rig_entry(0, TO(1), FIXED(0x40), 0);
	CHECK(rig.route_calls == 1);
	for (uint32_t i = 0; i < 5; i++) {
		rig_write(RIG_TABLE + 12, 4, 1);
		rig_write(RIG_TABLE + 12, 4, 0);
	}
	CHECK(rig.route_calls == 1 && rig_leads_to(0, 1, 0x40));
}

static void a_route_that_fails_leaves_the_entry_masked(void)
{
	with_msix();
	rig_entry(0, TO(1), FIXED(0x40), 0);
	rig.route_error = ERR_UNSUPPORTED;
	rig_write(RIG_TABLE, 4, TO(2));
	CHECK(!rig_is_open(0));
	rig_write(RIG_TABLE, 4, TO(1)); /* the old one is no longer there */
	CHECK(!rig_is_open(0) && rig.route_calls == 3);
	rig.route_error = OK;
	rig_write(RIG_TABLE, 4, TO(1));
	CHECK(rig_leads_to(0, 1, 0x40));
}

/* ---- With a gate ---- */

static struct irq_source *sources[RIG_COUNT];

void vtd_gate_set_source(irq_id_t irq, struct irq_source *source)
{
	if (irq - RIG_IRQ_FIRST < RIG_COUNT)
		sources[irq - RIG_IRQ_FIRST] = source;
}

/* It is open when both want it open; each changes his mind when he likes. */
static void a_gate_and_a_guest_mask_the_same_entry(void)
{
	with_msix();
	rig_entry(1, TO(1), FIXED(0x40), 0);
	irq_source_hold(sources[1], IRQ_GATE);
	CHECK(!rig_is_open(1) && rig_read(RIG_TABLE + 28, 4) == 0); /* the guest sees its own */
	rig_write(RIG_TABLE + 28, 4, 1);
	irq_source_let_go(sources[1], IRQ_GATE);
	CHECK(!rig_is_open(1));
	irq_source_hold(sources[1], IRQ_GATE);
	rig_write(RIG_TABLE + 28, 4, 0);
	CHECK(!rig_is_open(1));
	irq_source_let_go(sources[1], IRQ_GATE);
	CHECK(rig_leads_to(1, 1, 0x40));
	irq_source_let_go(sources[1], IRQ_GATE); /* once more: nobody holds it */
	CHECK(rig_leads_to(1, 1, 0x40));
	rig_write(RIG_TABLE + 28, 4, 1);
	irq_source_let_go(sources[1], IRQ_GATE);
	CHECK(!rig_is_open(1));
	for (uint32_t i = 0; i < RIG_COUNT; i++)
		CHECK(i == 1 || !rig_is_open(i));
}

static void a_gate_knows_what_waits_in_its_entry(void)
{
	static const uint64_t bits = UINT64_C(0xfedcba9876543210) | 0x15;

	with_msix();
	memcpy(&rig.bar[RIG_PENDING], &bits, 8);
	for (uint32_t i = 0; i < RIG_COUNT; i++)
		CHECK(irq_source_is_waiting(sources[i]) == (0x15 >> i & 1));
}

/* The guest's new life begins with masked entries, whatever a gate of the old one does later. */
static void a_gate_of_the_old_life_opens_nothing(void)
{
	with_msix();
	rig_entry(1, TO(1), FIXED(0x40), 0);
	irq_source_hold(sources[1], IRQ_GATE);
	memset(&rig.bar[RIG_TABLE + 16], 0, 16);
	rig.bar[RIG_TABLE + 16 + 12] = 1;
	pc_restart_functions(&rig.pc);
	irq_source_let_go(sources[1], IRQ_GATE);
	CHECK(!rig_is_open(1));
	rig_entry(1, TO(1), FIXED(0x40), 0);
	CHECK(rig_leads_to(1, 1, 0x40));
}

static void a_guest_reads_what_it_wrote(void)
{
	with_msix();
	for (uint32_t i = 0; i < RIG_COUNT; i++)
		CHECK(rig_read(RIG_TABLE + 16 * i + 12, 4) == 1);
	rig_entry(3, BIT64(40) | TO(77), 0xdeadbeef, 0);
	CHECK(rig_read(RIG_TABLE + 48, 8) == (BIT64(40) | TO(77)));
	CHECK(rig_read(RIG_TABLE + 56, 4) == 0xdeadbeef && rig_read(RIG_TABLE + 60, 4) == 0);
	rig_entry(3, TO(1), FIXED(0x40), 0);
	CHECK(rig_read(RIG_TABLE + 48, 4) == TO(1) && rig_real(3, 0) != TO(1));
}

/* The function's own, as many as there are entries. */
static void pending_bits_are_the_functions(void)
{
	static const uint64_t bits = UINT64_C(0xfedcba9876543210) | 0x15;

	with_msix();
	memcpy(&rig.bar[RIG_PENDING], &bits, 8);
	CHECK(rig_read(RIG_PENDING, 8) == 0x15 && rig_read(RIG_PENDING, 4) == 0x15);
	CHECK(rig_read(RIG_PENDING + 4, 4) == 0);
	rig_write(RIG_PENDING, 8, 0);
	rig_write(RIG_PENDING, 4, UINT64_MAX);
	CHECK(memcmp(&rig.bar[RIG_PENDING], &bits, 8) == 0);
	CHECK(rig_read(RIG_TABLE, 8) == 0 && rig_read(RIG_TABLE + 8, 4) == 0);
}

static void what_else_is_in_trapped_pages_is_not_there(void)
{
	static const uint64_t places[] = { RIG_TABLE + 16 * RIG_COUNT,
					   RIG_TABLE + 0xff0,
					   RIG_PENDING - 8,
					   RIG_PENDING + 8,
					   0x6ff8,
					   0 };

	with_msix();
	memset(&rig.bar[RIG_TABLE + 16 * RIG_COUNT], 0x55,
	       RIG_PENDING - RIG_TABLE - 16 * RIG_COUNT);
	for (uint32_t i = 0; i < ARRAY_SIZE(places); i++) {
		uint8_t before[RIG_BAR_BYTES];

		CHECK(rig_read(places[i], 8) == UINT64_MAX);
		CHECK((uint32_t)rig_read(places[i], 4) == UINT32_MAX);
		memcpy(before, rig.bar, sizeof(before));
		rig_write(places[i], 8, 0x1234);
		CHECK(memcmp(before, rig.bar, sizeof(before)) == 0);
	}
	CHECK(pc_device_read(&rig.pc, PC_MMIO_END - 8, 4) == UINT64_MAX);
}

/* ---- BARs ---- */

/* Page by page: all of it but the pages that hold a byte of the table or of the pending bits. */
static void check_pages(uint64_t bar, uint64_t bytes, uint64_t table_bytes)
{
	const uint64_t placed = rig.pc.pci.functions[1].placed[bar];

	CHECK(placed >= PC_MMIO && placed + bytes <= PC_MMIO_END);
	for (uint64_t at = 0; at < bytes; at += PAGE_BYTES) {
		bool is_trapped = false, is_mapped = false;

		for (uint64_t b = at; b < at + PAGE_BYTES; b++)
			is_trapped |= (b >= f.facts.msix_table_offset &&
				       b < f.facts.msix_table_offset + table_bytes) ||
				      (table_bytes != 0 && b >= f.facts.msix_pba_offset &&
				       b < f.facts.msix_pba_offset + 8);
		for (uint32_t m = 0; m < rig.map_count; m++) {
			if (placed + at - rig.maps[m].gpa >= rig.maps[m].bytes)
				continue;
			CHECK(!is_mapped);
			is_mapped = true;
			CHECK(rig.maps[m].hpa + (placed + at - rig.maps[m].gpa) ==
			      f.bars[bar] + at);
		}
		CHECK(is_mapped == !is_trapped);
	}
	for (uint32_t m = 0; m < rig.map_count; m++) {
		CHECK(rig.maps[m].gpa >= placed &&
		      rig.maps[m].gpa + rig.maps[m].bytes <= placed + bytes);
		CHECK(rig.maps[m].rights == (SPACE_READ | SPACE_WRITE | SPACE_DEVICE));
	}
}

static void bars_are_mapped_but_for_trapped_pages(void)
{
	static const uint32_t places[][2] = { { 0x4000, 0x6008 },   { 0, 0x1000 },
					      { 0x1f000, 0x1eff8 }, { 0x4fc8, 0x4000 },
					      { 0x4000, 0x4800 },   { 0x0ff0, 0x1fff8 } };

	for (uint32_t i = 0; i < ARRAY_SIZE(places); i++) {
		f = rig_msix();
		f.facts.msix_table_offset = places[i][0] & ~7u;
		f.facts.msix_pba_offset = places[i][1];
		rig_with(&f);
		check_pages(0, RIG_BAR_BYTES, 16 * RIG_COUNT);
	}
	f = rig_msi(true);
	rig_with(&f);
	check_pages(0, RIG_BAR_BYTES, 0);
	CHECK(rig.map_count == 1); /* in one piece */
}

static void each_bar_is_its_own(void)
{
	const uint64_t high = GIB(40);
	uint32_t pieces = 0;

	f = rig_msix();
	f.bars[2] = high;
	f.facts.bars[2] = (struct vpci_bar){ VPCI_BAR_MEM64, true, MIB(2) };
	rig_with(&f);
	for (uint32_t m = 0; m < rig.map_count; m++) {
		if (rig.maps[m].hpa < high)
			continue;
		pieces++;
		CHECK(rig.maps[m].hpa == high && rig.maps[m].bytes == MIB(2));
		CHECK(rig.maps[m].gpa == rig.pc.pci.functions[1].placed[2]);
		CHECK(rig.maps[m].gpa % MIB(2) == 0);
	}
	CHECK(pieces == 1);
}

/* ---- Configuration space ---- */

static void bus_mastering_follows(void)
{
	with_msix();
	CHECK(real_config(4, 2) == COMMAND);
	rig_config(1, 4, 2, 0x0006);
	CHECK(real_config(4, 2) == (COMMAND | MASTER));
	rig_config(1, 4, 2, 0x0004); /* decoding: the real one stays where it is */
	CHECK(real_config(4, 2) == (COMMAND | MASTER));
	rig_config(1, 4, 2, 0x0147); /* INTx wanted, parity, SERR: none of the real one's */
	CHECK(real_config(4, 2) == (COMMAND | MASTER));
	rig_config(1, 4, 1, 0x03);
	CHECK(real_config(4, 2) == COMMAND);
	rig_config(0, 4, 2, 0xffff); /* the host bridge; nobody */
	rig_config(2, 4, 2, 0xffff);
	CHECK(real_config(4, 2) == COMMAND);
}

static void msix_control_follows(void)
{
	with_msix();
	for (uint32_t i = 0; i < 8; i++) {
		const uint32_t control = i << 13; /* mask, enable; and a reserved bit */

		rig_config(1, VPCI_MSIX + 2, 2, control);
		CHECK((real_config(RIG_MSIX + 2, 2) & 0xc000) == (control & 0xc000));
	}
	CHECK(real_config(RIG_MSIX + 2, 2) == (0xc000 | (RIG_COUNT - 1)));
}

static void write_msi(bool is_64, uint64_t address, uint32_t data, uint32_t control)
{
	rig_config(1, VPCI_MSI + 4, 4, (uint32_t)address);
	if (is_64)
		rig_config(1, VPCI_MSI + 8, 4, (uint32_t)(address >> 32));
	rig_config(1, VPCI_MSI + (is_64 ? 12 : 8), 2, data);
	rig_config(1, VPCI_MSI + 2, 2, control);
}

static bool real_msi_is(bool is_64, uint32_t vcpu, uint8_t vector)
{
	const struct irq_msi msi = arch_iommu_irq_msi(RIG_IRQ_FIRST);

	return rig.routes[0].to == ((RIG_FIRST + vcpu) << 8 | vector) &&
	       real_config(RIG_MSI + 4, 4) == (uint32_t)msi.address &&
	       (!is_64 || real_config(RIG_MSI + 8, 4) == msi.address >> 32) &&
	       real_config(RIG_MSI + (is_64 ? 12 : 8), 2) == (msi.data & 0xffff) &&
	       (real_config(RIG_MSI + 2, 2) & 0x71) == 1; /* on, one message */
}

static void msi_follows(void)
{
	for (uint32_t is_64 = 0; is_64 < 2; is_64++) {
		f = rig_msi(is_64 != 0);
		rig_with(&f);
		fake_pci_set(rig.function, RIG_MSI + 2, 2, real_config(RIG_MSI + 2, 2) | 0x20,
			     0x71); /* 4 were on before */
		for (uint32_t i = 0; i < ARRAY_SIZE(messages); i++) {
			const uint32_t to = messages[i].to;

			busy(1);
			if (!is_64 && messages[i].address >> 32 != 0)
				continue;
			write_msi(is_64 != 0, messages[i].address, messages[i].data, 0);
			CHECK(!(real_config(RIG_MSI + 2, 2) & 1));
			write_msi(is_64 != 0, messages[i].address, messages[i].data, 1);
			CHECK((real_config(RIG_MSI + 2, 2) & 1) == (to != NOBODY));
			CHECK(to == NOBODY ||
			      real_msi_is(is_64 != 0, to, (uint8_t)messages[i].data));
		}
		CHECK(rig.wrong_cores == 0);
	}
}

/* ---- Life ---- */

static void a_new_life_knows_nothing_of_the_old(void)
{
	with_msix();
	rig_config(1, 4, 2, 0x0006);
	rig_config(1, VPCI_MSIX + 2, 2, 0x8000);
	rig_entry(0, TO(1), FIXED(0x40), 0);
	rig_entry(4, TO(2), FIXED(0x41), 0);
	fake_pci_set(rig.function, 4, 2, 0x400, 0x547); /* core/device_service.c resets it */
	pc_restart_functions(&rig.pc);
	CHECK(rig.mask_calls == 2);
	for (uint32_t i = 0; i < RIG_COUNT; i++) {
		CHECK(rig.routes[i].to == RIG_UNROUTED);
		CHECK(rig_read(RIG_TABLE + 16 * i + 12, 4) == 1);
		CHECK(rig_read(RIG_TABLE + 16 * i, 8) == 0);
	}
	CHECK(real_config(4, 2) == COMMAND && !vpci_is_master(&rig.pc.pci, 1));
	CHECK(vpci_ecam_read(&rig.pc.pci, 0x8000 | (VPCI_MSIX + 2), 2) == RIG_COUNT - 1);
	rig_entry(0, TO(1), FIXED(0x40), 0); /* the same as before is a new route */
	CHECK(rig_leads_to(0, 1, 0x40) && rig.route_calls == 3);
	pc_restart_functions(&rig.pc);
	CHECK(rig.mask_calls == 3);
}

/* As "Function Level Reset (FLR)" leaves it. */
static void reset_real(void)
{
	fake_pci_set(rig.function, 4, 2, 0x400, 0x547);
	if (f.msix != 0)
		fake_pci_set(rig.function, RIG_MSIX + 2, 2, RIG_COUNT - 1, 0xc000);
	else
		fake_pci_set(rig.function, RIG_MSI + 2, 2, f.facts.msi_is_64 ? 0x84 : 4, 0x71);
	for (uint32_t i = 0; i < RIG_COUNT && f.msix != 0; i++) {
		memset(&rig.bar[RIG_TABLE + 16 * i], 0, 16);
		rig.bar[RIG_TABLE + 16 * i + 12] = 1;
	}
}

static void a_reset_beside_the_guest_is_made_good(void)
{
	with_msix();
	rig_config(1, 4, 2, 0x0006);
	rig_config(1, VPCI_MSIX + 2, 2, 0x8000);
	rig_entry(1, TO(1), FIXED(0x40), 0);
	rig_entry(2, TO(2), FIXED(0x41), 1);
	rig_entry(3, TO(9), FIXED(0x42), 0);
	reset_real();
	arch_pc_function_was_reset(RIG_PART, 0);
	CHECK(real_config(4, 2) == (COMMAND | MASTER) && rig.blind_writes == 0);
	CHECK((real_config(RIG_MSIX + 2, 2) & 0xc000) == 0x8000 && rig_leads_to(1, 1, 0x40));
	for (uint32_t i = 0; i < RIG_COUNT; i++)
		CHECK(rig_is_open(i) == (i == 1));
	f = rig_msi(true);
	rig_with(&f);
	write_msi(true, TO(2), FIXED(0x40), 1);
	reset_real();
	arch_pc_function_was_reset(RIG_PART, 0);
	CHECK(real_msi_is(true, 2, 0x40) && real_config(4, 2) == COMMAND);
}

/* ---- Creation ---- */

static void tables_are_masked_at_first(void)
{
	f = rig_msix();
	rig_start();
	CHECK(arch_pc_add_function(RIG_PART, &f) == OK && rig.irq_count == RIG_COUNT);
	for (uint32_t i = 0; i < RIG_COUNT; i++)
		CHECK(!rig_is_open(i));
	CHECK(rig.blind_writes == 0 && real_config(4, 2) == COMMAND);
}

/* Of a real table of 1,024 entries a guest is shown five: it must not reach the others either. */
static void a_table_is_trapped_beyond_what_is_shown(void)
{
	const uint64_t from = 0x8000, end = from + 1024 * 16;

	f = rig_msix();
	f.facts.msix_table_offset = (uint32_t)from;
	f.facts.msix_pba_offset = 0x3000;
	f.table_count = 1024;
	rig_with(&f);
	CHECK(rig.map_count != 0);
	for (uint32_t i = 0; i < rig.map_count; i++)
		CHECK(rig.maps[i].hpa + rig.maps[i].bytes <= RIG_BAR + from ||
		      rig.maps[i].hpa >= RIG_BAR + end);
	rig_start();
	f.table_count = RIG_COUNT - 1;
	CHECK(arch_pc_add_function(RIG_PART, &f) == ERR_INVAL);
}

static void what_cannot_be_shown_is_refused(void)
{
	f = rig_msix();
	rig_start();
	f.facts.msi_count = 1;
	CHECK(arch_pc_add_function(RIG_PART, &f) == ERR_INVAL);
	f = rig_msix();
	f.facts.msix_table_offset = RIG_BAR_BYTES;
	CHECK(arch_pc_add_function(RIG_PART, &f) == ERR_INVAL);
	f = rig_msix();
	rig_start();
	rig.has_no_pages = true;
	CHECK(arch_pc_add_function(RIG_PART, &f) == ERR_NOMEM);
	rig_start();
	rig.has_no_device_pages = true;
	CHECK(arch_pc_add_function(RIG_PART, &f) == ERR_NOMEM);
	rig_start();
	rig.irq_error = ERR_UNSUPPORTED;
	CHECK(arch_pc_add_function(RIG_PART, &f) == ERR_UNSUPPORTED);
	f.facts.msix_count = 0; /* no messages: none are asked for */
	rig_start();
	rig.irq_error = ERR_UNSUPPORTED;
	CHECK(arch_pc_add_function(RIG_PART, &f) == OK && rig.irq_count == 0);
	rig_start();
	f.facts.bars[0].bytes = GIB(1); /* no room below the I/O APIC */
	CHECK(arch_pc_add_function(RIG_PART, &f) == OK);
	CHECK(arch_pc_place_functions(RIG_PART) == ERR_NOMEM && rig.map_count == 0);
}

/* Each has its table, its irqs, and its place. */
static void eight_functions_are_apart(void)
{
	f = rig_msix();
	f.facts.msix_count = 3;
	rig_start();
	for (uint32_t i = 0; i < 8; i++)
		CHECK(arch_pc_add_function(RIG_PART, &f) == OK);
	CHECK(arch_pc_add_function(RIG_PART, &f) == ERR_NOMEM);
	CHECK(arch_pc_place_functions(RIG_PART) == OK && rig.irq_count == 24);
	for (uint32_t i = 1; i <= 8; i++) {
		const uint64_t table = rig.pc.pci.functions[i].placed[0] + RIG_TABLE;

		pc_device_write(&rig.pc, table + 16, 8, TO(2));
		pc_device_write(&rig.pc, table + 24, 8, FIXED(0x30 + i));
	}
	for (uint32_t i = 0; i < 24; i++)
		CHECK(rig.routes[i].to ==
		      (i % 3 == 1 ? (RIG_FIRST + 2) << 8 | (0x31 + i / 3) : RIG_UNROUTED));
}

int main(void)
{
	RUN(an_entry_is_open_only_to_somebody);
	RUN(an_open_entry_follows_each_write);
	RUN(a_route_is_set_when_it_changes);
	RUN(a_route_that_fails_leaves_the_entry_masked);
	RUN(a_gate_and_a_guest_mask_the_same_entry);
	RUN(a_gate_knows_what_waits_in_its_entry);
	RUN(a_gate_of_the_old_life_opens_nothing);
	RUN(a_guest_reads_what_it_wrote);
	RUN(pending_bits_are_the_functions);
	RUN(what_else_is_in_trapped_pages_is_not_there);
	RUN(bars_are_mapped_but_for_trapped_pages);
	RUN(each_bar_is_its_own);
	RUN(bus_mastering_follows);
	RUN(msix_control_follows);
	RUN(msi_follows);
	RUN(a_new_life_knows_nothing_of_the_old);
	RUN(a_reset_beside_the_guest_is_made_good);
	RUN(tables_are_masked_at_first);
	RUN(a_table_is_trapped_beyond_what_is_shown);
	RUN(what_cannot_be_shown_is_refused);
	RUN(eight_functions_are_apart);
	return test_failed;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* tests/unit/test_guest_acpi.c - guests' ACPI tables: field by field, and as iasl reads them. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "arch/guest.h"
#include "arch/x86/pc/map.h"
#include "tests/test.h"

#define FIRST 0xe0000u

static uint8_t memory[MIB(1) + 1];
static const struct guest_ram ram = { memory, MIB(1), true };

static uint64_t get(uint64_t at, uint32_t bytes)
{
	uint64_t v = 0;

	memcpy(&v, memory + at, bytes);
	return v;
}

static void write_for(uint32_t vcpu_count)
{
	memset(memory, 0xee, sizeof(memory));
	arch_guest_write_acpi(&ram, vcpu_count);
}

static bool sums_to_zero(uint64_t at, uint64_t bytes)
{
	uint8_t sum = 0;

	for (uint64_t i = 0; i < bytes; i++)
		sum = (uint8_t)(sum + memory[at + i]);
	return sum == 0;
}

static uint64_t xsdt_at(void)
{
	return get(FIRST + 24, 8);
}

/* 0: not there. */
static uint64_t find(const char *signature)
{
	const uint64_t xsdt = xsdt_at();

	for (uint64_t at = xsdt + 36; at < xsdt + get(xsdt + 4, 4); at += 8) {
		if (memcmp(memory + get(at, 8), signature, 4) == 0)
			return get(at, 8);
	}
	return 0;
}

static void the_root_pointer_is_where_guests_look(void)
{
	write_for(1);
	CHECK(memcmp(memory + FIRST, "RSD PTR ", 8) == 0);
	CHECK(get(FIRST + 15, 1) == 2);
	CHECK(get(FIRST + 20, 4) == 36);
	CHECK(sums_to_zero(FIRST, 20));
	CHECK(sums_to_zero(FIRST, 36));
	CHECK(memcmp(memory + xsdt_at(), "XSDT", 4) == 0);
	CHECK(memcmp(memory + get(FIRST + 16, 4), "RSDT", 4) == 0);
}

static bool is_table(uint64_t at)
{
	const uint64_t bytes = get(at + 4, 4);

	return at >= FIRST && at < MIB(1) && bytes >= 36 && bytes <= MIB(1) - at &&
	       sums_to_zero(at, bytes);
}

static void every_table_is_whole_and_both_roots_agree(void)
{
	for (uint32_t n = 1; n <= MAX_VCPUS; n++) {
		uint64_t xsdt, rsdt;

		write_for(n);
		xsdt = xsdt_at();
		rsdt = get(FIRST + 16, 4);
		CHECK(is_table(xsdt) && is_table(rsdt));
		CHECK(get(xsdt + 4, 4) == 36 + 3 * 8 && get(rsdt + 4, 4) == 36 + 3 * 4);
		for (uint32_t i = 0; i < 3; i++) {
			CHECK(get(xsdt + 36 + 8 * i, 8) == get(rsdt + 36 + 4 * i, 4));
			CHECK(is_table(get(xsdt + 36 + 8 * i, 8)));
		}
		CHECK(is_table(get(find("FACP") + 40, 4)));
		CHECK(memory[MIB(1)] == 0xee && memory[FIRST - 1] == 0xee);
	}
}

static bool is_port(uint64_t at, uint32_t port, uint32_t bits, uint32_t access)
{
	return get(at, 1) == 1 && get(at + 1, 1) == bits && get(at + 2, 1) == 0 &&
	       get(at + 3, 1) == access && get(at + 4, 8) == port;
}

static void the_fadt_says_what_the_pc_has(void)
{
	uint64_t f;

	write_for(1);
	f = find("FACP");
	CHECK(get(f + 4, 4) == 276 && get(f + 8, 1) == 6);
	CHECK(get(f + 46, 2) == PC_IRQ_SCI);
	CHECK(get(f + 48, 4) == 0); /* SMI_CMD */
	CHECK(get(f + 56, 4) == PC_PM1_EVENT && get(f + 88, 1) == 4);
	CHECK(get(f + 64, 4) == PC_PM1_CONTROL && get(f + 89, 1) == 2);
	CHECK(get(f + 76, 4) == PC_PM_TIMER && get(f + 91, 1) == 4);
	CHECK(is_port(f + 148, PC_PM1_EVENT, 32, 2));
	CHECK(is_port(f + 172, PC_PM1_CONTROL, 16, 2));
	CHECK(is_port(f + 208, PC_PM_TIMER, 32, 3));
	CHECK(is_port(f + 116, PC_RESET_PORT, 8, 1) && get(f + 128, 1) == PC_RESET_VALUE);
	CHECK(get(f + 96, 2) > 100 && get(f + 98, 2) > 1000); /* no C2, no C3 */
	CHECK(get(f + 108, 1) == 0x32);
	CHECK(get(f + 109, 2) == 0x05);
	/* WBINVD, PROC_C1, no fixed buttons, no fixed RTC, 32-bit timer, reset, headless */
	CHECK(get(f + 112, 4) == 0x1575);
	CHECK(get(f + 140, 8) == get(f + 40, 4));
	CHECK(get(f + 132, 8) == 0);          /* X_FIRMWARE_CTRL: FIRMWARE_CTRL is used */
	for (uint32_t at = 80; at < 88; at++) /* GPE0, GPE1 */
		CHECK(get(f + at, 1) == 0);
}

static void the_facs_is_aligned(void)
{
	uint64_t facs;

	write_for(1);
	facs = get(find("FACP") + 36, 4);
	CHECK(facs % 64 == 0);
	CHECK(memcmp(memory + facs, "FACS", 4) == 0);
	CHECK(get(facs + 4, 4) == 64 && get(facs + 32, 1) == 2);
	for (uint32_t at = 8; at < 32; at++)
		CHECK(get(facs + at, 1) == 0);
}

static void the_madt_has_every_processor_once(void)
{
	for (uint32_t n = 1; n <= MAX_VCPUS; n++) {
		uint64_t madt, at;

		write_for(n);
		madt = find("APIC");
		CHECK(get(madt + 36, 4) == PC_LAPIC && get(madt + 40, 4) == 1);
		at = madt + 44;
		for (uint32_t i = 0; i < n; i++, at += 8)
			CHECK(get(at, 8) == (0x0000000100000800 | i << 16 | (uint64_t)i << 24));
		CHECK(get(at, 2) == 0x0c01 && get(at + 2, 1) == PC_IOAPIC_ID);
		CHECK(get(at + 4, 4) == PC_IOAPIC && get(at + 8, 4) == 0);
		at += 12;
		/* 0 is at pin 2, edge as on ISA; 9 at pin 9, level, active high. */
		CHECK(memcmp(memory + at, "\2\12\0\0\2\0\0\0\0\0", 10) == 0);
		CHECK(memcmp(memory + at + 10, "\2\12\0\11\11\0\0\0\15\0", 10) == 0);
		CHECK(at + 20 == madt + get(madt + 4, 4));
	}
}

static void the_mcfg_has_bus_0(void)
{
	uint64_t m;

	write_for(1);
	m = find("MCFG");
	CHECK(get(m + 4, 4) == 60);
	CHECK(get(m + 44, 8) == PC_ECAM);
	CHECK(get(m + 52, 8) == 0);
	CHECK(PC_ECAM_BYTES == MIB(1));
}

static bool dsdt_has(const void *bytes, uint64_t count)
{
	const uint64_t dsdt = get(find("FACP") + 40, 4);
	const uint64_t end = dsdt + get(dsdt + 4, 4);

	for (uint64_t at = dsdt + 36; at + count <= end; at++) {
		if (memcmp(memory + at, bytes, count) == 0)
			return true;
	}
	return false;
}

/* "I/O Port Descriptor" */
static bool dsdt_has_ports(uint32_t port, uint32_t count)
{
	const uint8_t d[8] = { 0x47,
			       1,
			       (uint8_t)port,
			       (uint8_t)(port >> 8),
			       (uint8_t)port,
			       (uint8_t)(port >> 8),
			       1,
			       (uint8_t)count };

	return dsdt_has(d, sizeof(d));
}

/* "IRQ Descriptor", edge, active high */
static bool dsdt_has_irq(uint32_t irq)
{
	const uint16_t mask = (uint16_t)(1u << irq);
	const uint8_t d[3] = { 0x22, (uint8_t)mask, (uint8_t)(mask >> 8) };

	return dsdt_has(d, sizeof(d));
}

static void the_dsdt_names_the_addresses_of_the_map(void)
{
	const uint32_t ecam[2] = { (uint32_t)PC_ECAM, (uint32_t)PC_ECAM_BYTES };
	const uint32_t window[4] = { (uint32_t)PC_MMIO, (uint32_t)PC_MMIO_END - 1, 0,
				     (uint32_t)(PC_MMIO_END - PC_MMIO) };
	/* Name, package of 4: a byte, three zeros. */
	const uint8_t s5[12] = { '_', 'S', '5', '_', 0x12, 7, 4, 0x0a, PC_S5_TYPE, 0, 0, 0 };

	write_for(1);
	CHECK(dsdt_has(ecam, sizeof(ecam)));
	CHECK(dsdt_has(window, sizeof(window)));
	CHECK(dsdt_has(s5, sizeof(s5)));
	CHECK(dsdt_has_ports(PC_COM1, 8) && dsdt_has_irq(PC_IRQ_COM1));
	CHECK(dsdt_has_ports(PC_RTC, 2) && dsdt_has_irq(PC_IRQ_RTC));
	CHECK(dsdt_has_ports(PC_PIT, 4) && dsdt_has_irq(PC_IRQ_PIT));
	CHECK(dsdt_has_ports(PC_PIC_MASTER, 2) && dsdt_has_ports(PC_PIC_SLAVE, 2));
	CHECK(dsdt_has_ports(PC_PORT_61, 1) && dsdt_has_ports(PC_PORT_92, 1));
	CHECK(dsdt_has_ports(PC_ELCR, 2) && dsdt_has_ports(PC_PCI_ADDRESS, 8));
	CHECK(dsdt_has_ports(PC_PM1_EVENT, PC_PM_TIMER + 4 - PC_PM1_EVENT));
}

/* ---- iasl, which reads and writes these tables by its own idea of the specification ---- */

static void write_file(const char *folder, const char *name, uint64_t at)
{
	char path[200];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s.dat", folder, name);
	f = fopen(path, "wb");
	CHECK(f && fwrite(memory + at, get(at + 4, 4), 1, f) == 1);
	if (f)
		fclose(f);
}

/*
 * Takes the table apart and puts it together again: nothing to complain about, and the same
 * bytes but for checksum and compiler, which iasl fills in itself.
 */
static bool iasl_agrees(const char *folder, const char *name, uint64_t at)
{
	char command[700];

	write_file(folder, name, at);
	snprintf(
		command, sizeof(command),
		"cd %s && iasl -d %s.dat >log 2>&1 && iasl -p new %s.dsl >>log 2>&1 && "
		"! grep -iE 'warning|error|invalid|mismatch|unknown' log | grep -v '0 Errors, 0 Warnings' && "
		"cmp -i 36 new.aml %s.dat && cmp -n 9 new.aml %s.dat || { cat log; false; }",
		folder, name, name, name, name);
	return system(command) == 0;
}

static void iasl_reads_and_rebuilds_every_table(void)
{
	static const uint32_t counts[] = { 1, 2, MAX_VCPUS };
	char folder[] = "/tmp/test_guest_acpi.XXXXXX";
	char command[64];

	CHECK(mkdtemp(folder) != NULL);
	for (uint32_t i = 0; i < ARRAY_SIZE(counts); i++) {
		uint64_t fadt;

		write_for(counts[i]);
		fadt = find("FACP");
		CHECK(iasl_agrees(folder, "apic", find("APIC")));
		if (i > 0)
			continue; /* the others do not depend on it */
		CHECK(iasl_agrees(folder, "facp", fadt));
		CHECK(iasl_agrees(folder, "mcfg", find("MCFG")));
		CHECK(iasl_agrees(folder, "xsdt", xsdt_at()));
		CHECK(iasl_agrees(folder, "rsdt", get(FIRST + 16, 4)));
		CHECK(iasl_agrees(folder, "facs", get(fadt + 36, 4)));
		CHECK(iasl_agrees(folder, "dsdt", get(fadt + 40, 4)));
	}
	snprintf(command, sizeof(command), "rm -r %s", folder);
	CHECK(system(command) == 0);
}

int main(void)
{
	RUN(the_root_pointer_is_where_guests_look);
	RUN(every_table_is_whole_and_both_roots_agree);
	RUN(the_fadt_says_what_the_pc_has);
	RUN(the_facs_is_aligned);
	RUN(the_madt_has_every_processor_once);
	RUN(the_mcfg_has_bus_0);
	RUN(the_dsdt_names_the_addresses_of_the_map);
	RUN(iasl_reads_and_rebuilds_every_table);
	return test_failed;
}

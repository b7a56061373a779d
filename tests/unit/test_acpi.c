/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/unit/test_acpi.c - firmware's tables, right and broken.
 *
 * Physical memory here is a handful of heap blocks, each exactly as long as what lies in it, so
 * that ASan sees every read beyond a table's end. Layouts are the ACPI Specification's.
 */
#include <stdlib.h>
#include <string.h>
#include "arch/x86/acpi.h"
#include "tests/test.h"

#define BLOCK_MAX 16u
#define HEADER    36u

static struct block {
	uint64_t physical;
	size_t bytes;
	uint8_t *data;
} blocks[BLOCK_MAX];
static uint32_t block_count;

static const void *block_at(void *context, uint64_t physical, uint64_t bytes)
{
	for (uint32_t i = 0; i < block_count; i++) {
		const struct block *b = &blocks[i];

		if (physical >= b->physical && physical - b->physical <= b->bytes &&
		    bytes <= b->bytes - (physical - b->physical))
			return b->data + (physical - b->physical);
	}
	return NULL;
}

static const struct acpi_memory memory = { block_at, NULL };

static void forget_all(void)
{
	while (block_count > 0)
		free(blocks[--block_count].data);
}

static uint8_t *place(uint64_t physical, const void *data, size_t bytes)
{
	struct block *b = &blocks[block_count++];

	*b = (struct block){ physical, bytes, malloc(bytes > 0 ? bytes : 1) };
	memcpy(b->data, data, bytes);
	return b->data;
}

static void put32(uint8_t *at, uint32_t v)
{
	memcpy(at, &v, sizeof(v));
}

static void put64(uint8_t *at, uint64_t v)
{
	memcpy(at, &v, sizeof(v));
}

/* Makes [0, bytes) sum to zero by the byte at `where`. */
static void fix_sum(uint8_t *data, size_t bytes, size_t where)
{
	uint8_t sum = 0;

	data[where] = 0;
	for (size_t i = 0; i < bytes; i++)
		sum = (uint8_t)(sum + data[i]);
	data[where] = (uint8_t)-sum;
}

static void fix_table(uint8_t *data, size_t bytes)
{
	put32(data + 4, (uint32_t)bytes);
	fix_sum(data, bytes, 9);
}

/* A table: 36 bytes of header in front of `body`. */
static uint8_t *place_table(uint64_t physical, const char *signature, const void *body,
			    size_t body_bytes)
{
	uint8_t *raw = calloc(1, HEADER + body_bytes);
	uint8_t *placed;

	memcpy(raw, signature, 4);
	memcpy(raw + HEADER, body, body_bytes);
	fix_table(raw, HEADER + body_bytes);
	placed = place(physical, raw, HEADER + body_bytes);
	free(raw);
	return placed;
}

#define AT_RSDP 0xf0000u
#define AT_RSDT 0x10000u
#define AT_XSDT 0x11000u
#define AT_MADT 0x20000u
#define AT_FADT 0x30000u
#define AT_DSDT 0x40000u
#define AT_ELSE 0x50000u

static void place_rsdp(uint8_t revision, uint32_t rsdt, uint64_t xsdt)
{
	uint8_t raw[36] = "RSD PTR ";

	raw[15] = revision;
	put32(raw + 16, rsdt);
	put32(raw + 20, 36);
	put64(raw + 24, xsdt);
	fix_sum(raw, 20, 8);
	fix_sum(raw, 36, 32);
	place(AT_RSDP, raw, revision < 2 ? 20 : 36);
}

/* The usual frame: RSDP, XSDT with up to four tables. */
static void place_root(const uint64_t *tables, size_t count)
{
	uint8_t entries[4 * 8];

	for (size_t i = 0; i < count; i++)
		put64(entries + 8 * i, tables[i]);
	place_table(AT_XSDT, "XSDT", entries, 8 * count);
	place_rsdp(2, 0, AT_XSDT);
}

static void place_root_to(uint64_t table)
{
	place_root(&table, 1);
}

static bool has_note(const struct acpi_info *info, const char *text)
{
	for (uint32_t i = 0; i < info->note_count && i < ACPI_NOTE_MAX; i++)
		if (strstr(info->notes[i], text) != NULL)
			return true;
	return false;
}

/* MADT body: LAPIC address and flags, then entries. */
#define MADT_FIXED         0, 0, 0xe0, 0xfe, 1, 0, 0, 0
#define LAPIC(id, flags)   0, 8, 0, (id), (flags), 0, 0, 0
#define X2APIC(id, flags)  9, 16, 0, 0, (id), 0, 0, 0, (flags), 0, 0, 0, 0, 0, 0, 0
#define IOAPIC(id, gsi)    1, 12, (id), 0, 0, 0, 0xc0, 0xfe, (gsi), 0, 0, 0
#define OVERRIDE(irq, gsi) 2, 10, 0, (irq), (gsi), 0, 0, 0, 0x0d, 0

static const uint8_t good_madt[] = {
	MADT_FIXED,     LAPIC(2, 1),  LAPIC(0, 1),  LAPIC(7, 0),    IOAPIC(1, 24),
	OVERRIDE(0, 2), X2APIC(0, 1), X2APIC(9, 1), LAPIC(0xff, 1),
};

static struct acpi_info info;

static void no_rsdp_is_no_acpi(void)
{
	CHECK(acpi_read(&memory, 0, &info) == ERR_NODEV);
	CHECK(info.cpu_count == 0 && info.pm_timer_port == 0 && info.note_count == 0);
}

static void an_rsdp_that_is_not_one_is_refused(void)
{
	CHECK(acpi_read(&memory, AT_RSDP, &info) == ERR_INVAL); /* nothing there */
	CHECK(has_note(&info, "RSDP"));
	for (size_t i = 0; i < 36; i++) { /* every byte matters */
		place_table(AT_XSDT, "XSDT", "", 0);
		place_rsdp(2, 0, AT_XSDT);
		blocks[block_count - 1].data[i] ^= 0x40;
		CHECK(acpi_read(&memory, AT_RSDP, &info) == ERR_INVAL);
		forget_all();
	}
}

static void an_rsdp_of_any_broken_length_is_refused(void)
{
	static const uint32_t lengths[] = { 0, 19, 35, 37, 4097, UINT32_MAX };

	for (size_t i = 0; i < ARRAY_SIZE(lengths); i++) {
		place_table(AT_XSDT, "XSDT", "", 0);
		place_rsdp(2, 0, AT_XSDT);
		put32(blocks[1].data + 20, lengths[i]);
		fix_sum(blocks[1].data, 36, 32);
		CHECK(acpi_read(&memory, AT_RSDP, &info) == ERR_INVAL);
		forget_all();
	}
}

static void revision_decides_between_rsdt_and_xsdt(void)
{
	static const uint8_t one[] = { MADT_FIXED, LAPIC(1, 1) };
	static const uint8_t two[] = { MADT_FIXED, LAPIC(2, 1) };
	uint8_t entry[8];

	for (uint8_t revision = 0; revision <= 2; revision++) {
		place_table(AT_MADT, "APIC", one, sizeof(one));
		place_table(AT_ELSE, "APIC", two, sizeof(two));
		put32(entry, AT_MADT);
		place_table(AT_RSDT, "RSDT", entry, 4);
		put64(entry, AT_ELSE);
		place_table(AT_XSDT, "XSDT", entry, 8);
		place_rsdp(revision, AT_RSDT, AT_XSDT);
		CHECK(acpi_read(&memory, AT_RSDP, &info) == OK);
		CHECK(info.cpu_count == 1 && info.apic_ids[0] == (revision < 2 ? 1u : 2u));
		forget_all();
	}
}

static void a_broken_xsdt_falls_back_to_the_rsdt(void)
{
	uint8_t entry[4];

	place_table(AT_MADT, "APIC", good_madt, sizeof(good_madt));
	put32(entry, AT_MADT);
	place_table(AT_RSDT, "RSDT", entry, 4);
	place_table(AT_XSDT, "XSDT", "", 0)[9]++;
	place_rsdp(2, AT_RSDT, AT_XSDT);
	CHECK(acpi_read(&memory, AT_RSDP, &info) == OK);
	CHECK(info.cpu_count == 3 && has_note(&info, "XSDT+0x0: checksum"));
	blocks[1].data[9]++; /* the RSDT too */
	CHECK(acpi_read(&memory, AT_RSDP, &info) == ERR_INVAL);
	forget_all();
}

static void processors_come_once_enabled_and_in_order(void)
{
	place_table(AT_MADT, "APIC", good_madt, sizeof(good_madt));
	place_root_to(AT_MADT);
	CHECK(acpi_read(&memory, AT_RSDP, &info) == OK);
	CHECK(info.has_madt && info.cpu_count == 3 && info.note_count == 0);
	CHECK(info.apic_ids[0] == 2 && info.apic_ids[1] == 0 && info.apic_ids[2] == 9);
	CHECK(info.ioapic_count == 1 && info.ioapics[0].base == 0xfec00000);
	CHECK(info.ioapics[0].id == 1 && info.ioapics[0].gsi_base == 24);
	CHECK(info.override_count == 1 && info.overrides[0].source == 0);
	CHECK(info.overrides[0].gsi == 2 && info.overrides[0].flags == 0x0d);
	forget_all();
}

static void what_does_not_fit_is_counted(void)
{
	uint8_t body[8 + 100 * 16] = { MADT_FIXED };

	for (uint8_t i = 0; i < 100; i++)
		memcpy(body + 8 + i * 16, (uint8_t[]){ X2APIC(i, 1) }, 16);
	place_table(AT_MADT, "APIC", body, sizeof(body));
	place_root_to(AT_MADT);
	CHECK(acpi_read(&memory, AT_RSDP, &info) == OK);
	CHECK(info.cpu_count == ACPI_CPU_MAX && info.cpu_left_out == 100 - ACPI_CPU_MAX);
	for (uint32_t i = 0; i < ACPI_CPU_MAX; i++)
		CHECK(info.apic_ids[i] == i);
	forget_all();
}

/* Whatever the length says, the walk ends, keeps what came before, and tells where. */
static void an_entry_of_impossible_length_ends_the_walk(void)
{
	static const uint8_t lengths[] = { 0, 1, 200 };

	for (size_t i = 0; i < ARRAY_SIZE(lengths); i++) {
		const uint8_t body[] = { MADT_FIXED, LAPIC(1, 1), 0, lengths[i], LAPIC(3, 1) };

		place_table(AT_MADT, "APIC", body, sizeof(body));
		place_root_to(AT_MADT);
		CHECK(acpi_read(&memory, AT_RSDP, &info) == OK);
		CHECK(info.cpu_count == 1 && info.apic_ids[0] == 1);
		CHECK(has_note(&info, "MADT+0x34: entry of impossible length"));
		forget_all();
	}
}

static void an_entry_too_short_for_its_type_is_skipped(void)
{
	static const uint8_t body[] = {
		MADT_FIXED, 0, 4, 0, 5, 9, 8, 0, 0, 0, 0, 0, 1, 1, 2, 2, 2, LAPIC(3, 1),
	};

	place_table(AT_MADT, "APIC", body, sizeof(body));
	place_root_to(AT_MADT);
	CHECK(acpi_read(&memory, AT_RSDP, &info) == OK);
	CHECK(info.cpu_count == 1 && info.apic_ids[0] == 3 && info.ioapic_count == 0);
	CHECK(info.note_count == 4 && has_note(&info, "MADT+0x2c: entry too short"));
	forget_all();
}

/* Cut off anywhere, a MADT yields a prefix of what the whole one yields. */
static void a_truncated_madt_yields_a_prefix(void)
{
	struct acpi_info whole;

	place_table(AT_MADT, "APIC", good_madt, sizeof(good_madt));
	place_root_to(AT_MADT);
	CHECK(acpi_read(&memory, AT_RSDP, &whole) == OK);
	forget_all();
	for (size_t bytes = 0; bytes < sizeof(good_madt); bytes++) {
		place_table(AT_MADT, "APIC", good_madt, bytes);
		place_root_to(AT_MADT);
		CHECK(acpi_read(&memory, AT_RSDP, &info) == OK);
		CHECK(info.cpu_count <= whole.cpu_count);
		for (uint32_t i = 0; i < info.cpu_count; i++)
			CHECK(info.apic_ids[i] == whole.apic_ids[i]);
		forget_all();
	}
}

static void a_table_that_lies_about_itself_is_as_if_absent(void)
{
	static const uint32_t lengths[] = { 0, 35, 36 + sizeof(good_madt) + 1, MIB(1) + 1,
					    UINT32_MAX };

	for (size_t i = 0; i < ARRAY_SIZE(lengths); i++) {
		put32(place_table(AT_MADT, "APIC", good_madt, sizeof(good_madt)) + 4, lengths[i]);
		place_root_to(AT_MADT);
		CHECK(acpi_read(&memory, AT_RSDP, &info) == OK);
		CHECK(!info.has_madt && info.cpu_count == 0 && has_note(&info, "APIC+0x4"));
		forget_all();
	}
	place_table(AT_MADT, "APIC", good_madt, sizeof(good_madt))[50] ^= 1;
	place_root_to(AT_MADT);
	CHECK(acpi_read(&memory, AT_RSDP, &info) == OK);
	CHECK(!info.has_madt && has_note(&info, "APIC+0x0: checksum"));
	forget_all();
}

static void a_root_entry_to_nowhere_does_not_hide_the_others(void)
{
	const uint64_t tables[] = { 0, 0x66666000, UINT64_MAX - 3, AT_MADT };

	place_table(AT_MADT, "APIC", good_madt, sizeof(good_madt));
	place_root(tables, 4);
	CHECK(acpi_read(&memory, AT_RSDP, &info) == OK);
	CHECK(info.cpu_count == 3 && info.note_count == 3 && has_note(&info, "0x66666000"));
	forget_all();
}

static void the_second_madt_is_refused(void)
{
	static const uint8_t other[] = { MADT_FIXED, LAPIC(5, 1) };
	const uint64_t tables[] = { AT_MADT, AT_ELSE };

	place_table(AT_MADT, "APIC", good_madt, sizeof(good_madt));
	place_table(AT_ELSE, "APIC", other, sizeof(other));
	place_root(tables, 2);
	CHECK(acpi_read(&memory, AT_RSDP, &info) == OK);
	CHECK(info.cpu_count == 3 && has_note(&info, "MADT+0x0: second"));
	forget_all();
}

/* --- FADT ----------------------------------------------------------------------------- */

#define FADT_V6_BYTES 276u

/* Offsets count from the table's start, as in the specification's table. */
struct fadt {
	uint8_t raw[FADT_V6_BYTES];
};

static struct fadt usual_fadt(void)
{
	struct fadt f;

	memset(&f, 0, sizeof(f));
	put32(f.raw + 40, AT_DSDT);
	put32(f.raw + 48, 0xb2);
	f.raw[52] = 0xa0;
	put32(f.raw + 64, 0x604);
	put32(f.raw + 68, 0x704);
	put32(f.raw + 76, 0x608);
	f.raw[91] = 4;
	return f;
}

static void put_gas(uint8_t *at, uint8_t space, uint64_t address)
{
	at[0] = space;
	put64(at + 4, address);
}

static void read_fadt(const struct fadt *f, size_t bytes)
{
	place_table(AT_FADT, "FACP", f->raw + HEADER, bytes - HEADER);
	place_root_to(AT_FADT);
	CHECK(acpi_read(&memory, AT_RSDP, &info) == OK);
	forget_all();
}

static void a_revision_1_fadt_has_the_short_fields(void)
{
	struct fadt f = usual_fadt();

	put32(f.raw + 112, BIT32(10)); /* claims a reset register that it is too short for */
	read_fadt(&f, 116);
	CHECK(info.pm_timer_port == 0x608 && info.pm_timer_mask == 0xffffff);
	CHECK(info.pm1a_control_port == 0x604 && info.pm1b_control_port == 0x704);
	CHECK(info.smi_command_port == 0xb2 && info.acpi_enable == 0xa0);
	CHECK(info.reset_port == 0);
	read_fadt(&f, 115);
	CHECK(info.pm_timer_port == 0 && has_note(&info, "FADT+0x4: too short"));
}

static void the_long_fields_win_where_they_name_ports(void)
{
	struct fadt f = usual_fadt();

	put32(f.raw + 112, BIT32(8) | BIT32(10));
	put_gas(f.raw + 116, 1, 0xcf9);
	f.raw[128] = 6;
	put_gas(f.raw + 172, 1, 0x1804);
	put_gas(f.raw + 184, 0, 0xfed00000); /* memory space: not ours */
	put_gas(f.raw + 208, 1, 0x1808);
	read_fadt(&f, FADT_V6_BYTES);
	CHECK(info.pm_timer_port == 0x1808 && info.pm_timer_mask == UINT32_MAX);
	CHECK(info.pm1a_control_port == 0x1804 && info.pm1b_control_port == 0x704);
	CHECK(info.reset_port == 0xcf9 && info.reset_value == 6);
}

static void what_is_no_port_is_no_port(void)
{
	struct fadt f = usual_fadt();

	put32(f.raw + 76, 0x10608);
	put32(f.raw + 112, BIT32(10));
	put_gas(f.raw + 116, 0, 0xfed00000);
	read_fadt(&f, FADT_V6_BYTES);
	CHECK(info.pm_timer_port == 0 && has_note(&info, "FADT+0x4c: not an I/O port"));
	CHECK(info.reset_port == 0 && has_note(&info, "FADT+0x74: reset register"));
	f = usual_fadt();
	f.raw[91] = 0; /* PM_TMR_LEN: no timer */
	read_fadt(&f, FADT_V6_BYTES);
	CHECK(info.pm_timer_port == 0 && info.pm1a_control_port == 0x604);
}

static void reduced_hardware_has_no_ports(void)
{
	struct fadt f = usual_fadt();

	put32(f.raw + 112, BIT32(20));
	read_fadt(&f, FADT_V6_BYTES);
	CHECK(info.pm_timer_port == 0 && info.pm1a_control_port == 0);
	CHECK(info.smi_command_port == 0);
}

/* --- \_S5 ------------------------------------------------------------------------------ */

static void read_dsdt(const uint8_t *aml, size_t bytes)
{
	struct fadt f = usual_fadt();

	place_table(AT_DSDT, "DSDT", aml, bytes);
	read_fadt(&f, FADT_V6_BYTES);
}

static void s5_is_found_in_every_spelling(void)
{
	static const struct {
		uint8_t aml[24], bytes, a, b;
	} cases[] = {
		/* Name (_S5, Package (4) { 5, 3, 0, 0 }) */
		{ { 0, 0x08, '_', 'S', '5', '_', 0x12, 8, 4, 0x0a, 5, 0x0a, 3, 0, 0 }, 15, 5, 3 },
		{ { 0, 0x08, '\\', '_', 'S', '5', '_', 0x12, 6, 4, 0, 1, 0, 0 }, 14, 0, 1 },
		/* word and double word constants; package length in two, three and four bytes */
		{ { 8, '_', 'S', '5', '_', 0x12, 0x49, 0, 2, 0x0b, 7, 0, 0x0b, 6, 0 }, 15, 7, 6 },
		{ { 8, '_', 'S', '5', '_', 0x12, 0x86, 0, 0, 2, 1, 0 }, 12, 1, 0 },
		{ { 8, '_', 'S', '5', '_', 0x12, 0xcb, 0, 0, 0, 2, 0x0c, 5, 0, 0, 0, 1 },
		  17,
		  5,
		  1 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		read_dsdt(cases[i].aml, cases[i].bytes);
		CHECK(info.has_s5 && info.s5_type_a == cases[i].a && info.s5_type_b == cases[i].b);
		/* Cut off anywhere, it is not found, and nothing is read beyond the end. */
		for (size_t bytes = 0; bytes < cases[i].bytes; bytes++) {
			read_dsdt(cases[i].aml, bytes);
			CHECK(!info.has_s5);
		}
	}
}

static void only_a_definition_of_s5_counts(void)
{
	static const uint8_t reference[] = { 0x70, '_', 'S', '5', '_', 0x12, 4, 2, 0, 0, 0 };
	static const uint8_t method[] = { 8, '_', 'S', '5', '_', 0x0d, 'x', 0, 0, 0 };
	static const uint8_t strings[] = { 8, '_', 'S', '5', '_', 0x12, 6, 2, 0x0d, 'x', 0, 0, 0 };

	read_dsdt(reference, sizeof(reference));
	CHECK(!info.has_s5 && info.note_count == 0);
	read_dsdt(method, sizeof(method));
	CHECK(!info.has_s5 && has_note(&info, "DSDT+0x25"));
	read_dsdt(strings, sizeof(strings));
	CHECK(!info.has_s5 && has_note(&info, "DSDT+0x25"));
}

/* --- the small ones ---------------------------------------------------------------------- */

static void hpet_mcfg_and_dmar_are_noted(void)
{
	uint8_t hpet[56 - HEADER] = { 0 };
	uint8_t mcfg[8 + 2 * 16] = { 0 };
	const uint64_t tables[] = { AT_MADT, AT_FADT, AT_ELSE };

	put_gas(hpet + 4, 0, 0xfed00000);
	put64(mcfg + 8, 0xb0000000);
	mcfg[8 + 11] = 0xff;
	put64(mcfg + 24, 0xc0000000);
	mcfg[24 + 10] = 9; /* first bus 9, last bus 0 */
	for (uint8_t space = 0; space < 2; space++) {
		hpet[4] = space;
		place_table(AT_MADT, "HPET", hpet, sizeof(hpet));
		place_table(AT_FADT, "MCFG", mcfg, sizeof(mcfg));
		place_table(AT_ELSE, "DMAR", mcfg, 12);
		place_root(tables, 3);
		CHECK(acpi_read(&memory, AT_RSDP, &info) == OK);
		CHECK(info.hpet_base == (space == 0 ? 0xfed00000 : 0));
		CHECK(info.ecam_count == 1 && info.ecams[0].base == 0xb0000000);
		CHECK(info.ecams[0].first_bus == 0 && info.ecams[0].last_bus == 0xff);
		CHECK(has_note(&info, "MCFG+0x3c"));
		CHECK(info.dmar == AT_ELSE && info.dmar_bytes == HEADER + 12);
		forget_all();
	}
}

static void a_truncated_mcfg_yields_its_whole_entries(void)
{
	uint8_t mcfg[8 + 2 * 16] = { 0 };

	put64(mcfg + 8, 0xb0000000);
	put64(mcfg + 24, 0xc0000000);
	for (size_t bytes = 0; bytes <= sizeof(mcfg); bytes++) {
		place_table(AT_ELSE, "MCFG", mcfg, bytes);
		place_root_to(AT_ELSE);
		CHECK(acpi_read(&memory, AT_RSDP, &info) == OK);
		CHECK(info.ecam_count == (bytes < 24 ? 0u : bytes < 40 ? 1u : 2u));
		forget_all();
	}
}

/* Any bytes at all, with right checksums: capacities hold, and ASan has nothing to say. */
static void random_damage_is_survived(void)
{
	static const uint8_t aml[] = { 8, '_', 'S', '5', '_', 0x12, 8, 4, 0x0a, 5, 0x0a, 3, 0, 0 };
	const uint64_t tables[] = { AT_MADT, AT_FADT };

	srand(1);
	for (uint32_t round = 0; round < 50000; round++) {
		struct fadt f = usual_fadt();
		uint32_t hits = (uint32_t)rand() % 6;

		place_table(AT_MADT, "APIC", good_madt, sizeof(good_madt));
		place_table(AT_FADT, "FACP", f.raw + HEADER, FADT_V6_BYTES - HEADER);
		place_table(AT_DSDT, "DSDT", aml, sizeof(aml));
		place_root(tables, 2);
		while (hits-- > 0) {
			struct block *b = &blocks[(uint32_t)rand() % 3];

			b->data[HEADER + (size_t)rand() % (b->bytes - HEADER)] = (uint8_t)rand();
			fix_sum(b->data, b->bytes, 9);
		}
		CHECK(acpi_read(&memory, AT_RSDP, &info) == OK);
		CHECK(info.cpu_count <= ACPI_CPU_MAX && info.ioapic_count <= ACPI_IOAPIC_MAX);
		CHECK(info.s5_type_a <= 7 && info.s5_type_b <= 7);
		forget_all();
	}
}

int main(void)
{
	RUN(no_rsdp_is_no_acpi);
	RUN(an_rsdp_that_is_not_one_is_refused);
	RUN(an_rsdp_of_any_broken_length_is_refused);
	RUN(revision_decides_between_rsdt_and_xsdt);
	RUN(a_broken_xsdt_falls_back_to_the_rsdt);
	RUN(processors_come_once_enabled_and_in_order);
	RUN(what_does_not_fit_is_counted);
	RUN(an_entry_of_impossible_length_ends_the_walk);
	RUN(an_entry_too_short_for_its_type_is_skipped);
	RUN(a_truncated_madt_yields_a_prefix);
	RUN(a_table_that_lies_about_itself_is_as_if_absent);
	RUN(a_root_entry_to_nowhere_does_not_hide_the_others);
	RUN(the_second_madt_is_refused);
	RUN(a_revision_1_fadt_has_the_short_fields);
	RUN(the_long_fields_win_where_they_name_ports);
	RUN(what_is_no_port_is_no_port);
	RUN(reduced_hardware_has_no_ports);
	RUN(s5_is_found_in_every_spelling);
	RUN(only_a_definition_of_s5_counts);
	RUN(hpet_mcfg_and_dmar_are_noted);
	RUN(a_truncated_mcfg_yields_its_whole_entries);
	RUN(random_damage_is_survived);
	return test_failed;
}

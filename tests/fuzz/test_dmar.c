/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Hostile DMAR tables and hostile bridges, under AddressSanitizer and UndefinedBehaviorSanitizer.
 *
 *	test_dmar [EXECUTIONS [SEED]]
 *
 * An execution builds a table of random structures, most of them nearly right, changes some of it,
 * mostly mends length and checksum, and reads it from a buffer of exactly so many bytes. What must
 * hold is checked each time:
 *
 *	- no byte beyond the table is looked at (the sanitizer), nothing grows beyond its room
 *	- a refusal says "DMAR+0x<offset>: <what>", with an offset in the table or just behind it
 *	- what is taken has a unit; every unit's registers are at a page of their own, at most one unit
 *	  a segment has the rest; every scope lies in exactly one structure
 *	- resolving its scopes ends, whatever configuration space says, and each function has at
 *	  most one unit, which is one of its segment
 */
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "arch/x86/vtd/scope.h"
#include "tests/property/random.h"
#include "tests/test.h"

#define SHORT_RUN  300000u
#define TABLE_MAX  512u
#define STOP_AFTER 10

#define MUST(x) \
	do { \
		if (!(x)) \
			found(#x, __LINE__); \
	} while (0)

static uint64_t executions, execution, taken;
static uint8_t table[TABLE_MAX];
static uint8_t *exact[TABLE_MAX + 1];
static uint32_t length;
static struct dmar d;
static struct vtd_place places[DMAR_SCOPE_MAX];
static char reason[DMAR_REASON_BYTES];
static int findings;
static uint64_t config_seed;

static void found(const char *what, int line)
{
	printf("execution %lu, line %d: %s (%s)\n", (unsigned long)execution, line, what, reason);
	test_failed = 1;
	if (++findings == STOP_AFTER)
		exit(1);
}

/* Any device may say anything, but the same each time; most are bridges to a higher bus. */
uint32_t arch_pci_read(pci_addr_t a, uint32_t offset, uint32_t width)
{
	uint64_t z = (config_seed ^ ((uint64_t)a << 12 | offset)) * UINT64_C(0x9e3779b97f4a7c15);

	z ^= z >> 29;
	if (offset == 0x0e && (z >> 8 & 3) != 0)
		return 1;
	if (offset == 0x19 && (z >> 8 & 3) != 0)
		return (PCI_BUS(a) + 1 + (z & 3)) & 0xff;
	if (offset >= 0x100 && offset % 4 == 0 && width == 4)
		return (uint32_t)(z & 1 ? 0x10 : z & 0xffff) | (uint32_t)(z >> 20 & 0xfff) << 20;
	return (uint32_t)z & (uint32_t)(BIT64(8 * width) - 1);
}

/* ---- Input ---- */

static void put(uint32_t width, uint64_t value)
{
	if (length + width > TABLE_MAX)
		return;
	memcpy(table + length, &value, width);
	length += width;
}

static void put_scope(uint64_t r)
{
	const uint32_t hops = 1 + (r & 15 ? r >> 4 & 1 : r >> 4 & 7);

	put(1, r >> 8 & 7 ? 1 + (r >> 11 & 1) : r >> 12 & 0xff);
	put(1, 6 + 2 * hops);
	put(3, 0);
	put(1, r >> 20 & 7);
	for (uint32_t i = 0; i < hops; i++) {
		const uint64_t step = random_u64();

		put(1, step & 63 ? step >> 6 & 31 : step >> 6);
		put(1, step >> 16 & 63 ? step >> 22 & 7 : step >> 22);
	}
}

static void put_structure(void)
{
	const uint64_t r = random_u64();
	const uint32_t at = length, kind = r & 15;
	uint16_t bytes;

	put(2, kind < 8 ? 0 : kind < 11 ? 1 : r >> 4 & (kind == 11 ? 0xffff : 7));
	put(2, 0);
	if (kind < 8) {
		put(1, (r >> 20 & 7) == 0);
		put(1, 0);
		put(2, r >> 23 & 15 ? 0 : r >> 27 & 3);
		put(8, r >> 32 & 31 ? 0xfed00000 + (r >> 37 & 255) * 0x1000 : random_u64());
	} else {
		put(2, 0);
		put(2, r >> 23 & 1);
		put(8, random_u64());
		put(8, random_u64());
	}
	for (uint32_t n = r >> 48 & 3; n > 0; n--)
		put_scope(random_u64());
	bytes = (uint16_t)(length - at);
	if (length - at >= 4)
		memcpy(table + at + 2, &bytes, 2);
}

static void mend(uint64_t r)
{
	uint8_t sum = 0;

	if (r & 15)
		memcpy(table + 4, &length, 4);
	if (r >> 4 & 15) {
		table[9] = 0;
		for (uint32_t i = 0; i < length; i++)
			sum = (uint8_t)(sum + table[i]);
		table[9] = (uint8_t)-sum;
	}
}

static void new_table(void)
{
	uint64_t r = random_u64();

	memset(table, 0, 48);
	memcpy(table, "DMAR", 4);
	table[36] = (uint8_t)(r & 7 ? 38 : r >> 3);
	table[37] = (uint8_t)(r >> 11);
	length = 48;
	for (uint32_t n = r >> 20 & 7; n > 0; n--)
		put_structure();
	for (uint32_t n = r >> 24 & 1 ? r >> 25 & 3 : 0; n > 0; n--) {
		const uint64_t c = random_u64();

		table[c % length] =
			(uint8_t)(c >> 16 & 1 ? c >> 24 : table[c % length] ^ BIT32(c >> 24 & 7));
	}
	if ((r >> 32 & 31) == 0)
		length = (uint32_t)random_below(length + 1);
	mend(random_u64());
}

/* ---- What must hold ---- */

static void check_refusal(enum err e)
{
	char *end;
	uint64_t offset;

	MUST(e == ERR_INVAL || e == ERR_NOMEM);
	MUST(strncmp(reason, "DMAR+0x", 7) == 0);
	offset = strtoull(reason + 7, &end, 16);
	MUST(end[0] == ':' && end[1] == ' ' && strlen(end) > 10);
	MUST(offset <= length || length < 48);
}

static void check_units(void)
{
	uint32_t scopes = 0;

	MUST(d.unit_count > 0 && d.unit_count <= DMAR_UNIT_MAX);
	MUST(d.address_bits >= 32 && d.address_bits <= 52);
	for (uint32_t i = 0; i < d.unit_count; i++) {
		const struct dmar_unit *u = &d.units[i];

		MUST(u->base != 0 && u->base % PAGE_BYTES == 0 && u->base < BIT64(52));
		scopes += u->scope_count;
		MUST(u->first_scope + u->scope_count <= d.scope_count);
		for (uint32_t k = 0; k < i; k++) {
			MUST(d.units[k].base != u->base);
			MUST(!u->has_rest || !d.units[k].has_rest ||
			     d.units[k].segment != u->segment);
		}
		for (uint32_t k = 0; k < u->scope_count; k++)
			MUST(d.scopes[u->first_scope + k].segment == u->segment);
	}
	for (uint32_t i = 0; i < d.reserved_count; i++)
		scopes += d.reserved[i].scope_count;
	MUST(scopes == d.scope_count && d.scope_count <= DMAR_SCOPE_MAX);
	for (uint32_t i = 0; i < d.scope_count; i++)
		MUST(d.scopes[i].hop_count >= 1 && d.scopes[i].hop_count <= DMAR_HOP_MAX &&
		     d.scopes[i].offset < length);
}

static void check_places(void)
{
	config_seed = random_u64();
	vtd_scope_resolve(&d, places);
	for (uint32_t i = 0; i < 4; i++) {
		const uint64_t r = random_u64();
		const pci_addr_t f = (pci_addr_t)(r & (r >> 40 & 1 ? 0x7ff : 0x3ffff));
		const uint32_t unit = vtd_scope_unit(&d, places, f);

		MUST(unit == VTD_NO_UNIT || unit < d.unit_count);
		MUST(unit == VTD_NO_UNIT || d.units[unit].segment == PCI_SEGMENT(f));
		(void)vtd_scope_has_reserved(&d, places, f);
	}
}

static void execute(void)
{
	enum err e;

	new_table();
	memcpy(exact[length], table, length);
	e = dmar_read(exact[length], length, &d, reason);
	if (e != OK) {
		check_refusal(e);
		return;
	}
	MUST(reason[0] == '\0');
	taken++;
	check_units();
	check_places();
}

static void hostile_tables_do_no_harm(void)
{
	const clock_t begun = clock();

	for (execution = 0; execution < executions; execution++)
		execute();
	printf("%lu executions, %lu taken, %.0f s, %d findings\n", (unsigned long)executions,
	       (unsigned long)taken, (double)(clock() - begun) / CLOCKS_PER_SEC, findings);
	CHECK(findings == 0);
	CHECK(taken > executions / 8 && taken < executions * 7 / 8);
}

int main(int argc, char **argv)
{
	executions = argc > 1 ? strtoull(argv[1], NULL, 0) : SHORT_RUN;
	random_seed(argc - (argc > 1), argv + (argc > 1));
	for (uint32_t n = 0; n <= TABLE_MAX; n++)
		exact[n] = malloc(n);
	RUN(hostile_tables_do_no_harm);
	return test_failed;
}

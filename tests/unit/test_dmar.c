/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The DMAR table, right and broken, and where its scopes lead. Tables are heap blocks of exactly
 * their length, so that ASan sees every read beyond. Layouts are the specification's.
 */
#include <stdlib.h>
#include <string.h>
#include "arch/x86/vtd/scope.h"
#include "tests/test.h"

#define TABLE_MAX 4096u

static uint8_t bytes[TABLE_MAX];
static uint32_t length;
static struct dmar d;
static char reason[DMAR_REASON_BYTES];

static void put(uint32_t width, uint64_t value)
{
	memcpy(bytes + length, &value, width);
	length += width;
}

static void begin(uint8_t width_less_one, uint8_t flags)
{
	memset(bytes, 0, sizeof(bytes));
	memcpy(bytes, "DMAR", 4);
	length = 36;
	put(1, width_less_one);
	put(1, flags);
	length = 48;
}

static uint32_t structure_at;

static void begin_structure(uint16_t type)
{
	structure_at = length;
	put(2, type);
	put(2, 0);
}

static void end_structure(void)
{
	const uint16_t bytes_of_it = (uint16_t)(length - structure_at);

	memcpy(bytes + structure_at + 2, &bytes_of_it, 2);
}

static void put_unit(uint8_t flags, uint16_t segment, uint64_t base)
{
	begin_structure(0);
	put(1, flags);
	put(1, 0);
	put(2, segment);
	put(8, base);
}

static void put_scope(uint8_t type, uint8_t bus, uint32_t hops, uint64_t path)
{
	put(1, type);
	put(1, 6 + 2 * hops);
	put(3, 0);
	put(1, bus);
	put(2 * hops, path);
}

/* Device and function of each hop, first hop in the low half-word. */
#define HOP(device, function) ((uint64_t)(device) | (uint64_t)(function) << 8)

static enum err read_bytes(uint32_t count)
{
	uint8_t *const exact = malloc(count > 0 ? count : 1);
	enum err e;

	memcpy(exact, bytes, count);
	memset(&d, 0xee, sizeof(d));
	e = dmar_read(exact, count, &d, reason);
	free(exact);
	CHECK((e == OK) == (reason[0] == '\0'));
	CHECK(e == OK || strncmp(reason, "DMAR+0x", 7) == 0);
	return e;
}

static void finish(void)
{
	uint8_t sum = 0;

	memcpy(bytes + 4, &length, 4);
	bytes[9] = 0;
	for (uint32_t i = 0; i < length; i++)
		sum = (uint8_t)(sum + bytes[i]);
	bytes[9] = (uint8_t)-sum;
}

static enum err read(void)
{
	finish();
	return read_bytes(length);
}

static bool is_refused(const char *why)
{
	const bool is = read() == ERR_INVAL && strcmp(reason, why) == 0;

	if (!is)
		printf("got: %s\n", reason);
	return is;
}

/* ---- Tables as firmware gives them ---- */

/* A desktop: graphics have a unit, the rest another; reserved memory, ATSR, RHSA, ANDD, SATC. */
static void make_desktop(void)
{
	begin(38, 5);
	put_unit(0, 0, 0xfed90000);
	put_scope(1, 0, 1, HOP(2, 0));
	end_structure();
	put_unit(1, 0, 0xfed91000);
	put_scope(3, 0xf0, 1, HOP(0x1f, 0)); /* I/O APIC */
	put_scope(4, 0, 1, HOP(0x1f, 0));    /* HPET */
	end_structure();
	begin_structure(1);
	put(4, 0);
	put(8, 0x8a000000);
	put(8, 0x8a0fffff);
	put_scope(1, 0, 1, HOP(0x14, 0));
	end_structure();
	begin_structure(2);
	put(4, 0);
	put_scope(2, 0, 1, HOP(0x1c, 0));
	end_structure();
	begin_structure(3);
	put(8, 0);
	put(8, 0xfed90000);
	end_structure();
	begin_structure(4);
	put(4, 0x01000000);
	put(8, 0x3056535c5c);
	end_structure();
	begin_structure(5);
	put(4, 0);
	put_scope(1, 0, 1, HOP(2, 0));
	end_structure();
	begin_structure(0x77); /* yet to be defined */
	put(6, UINT64_MAX);
	end_structure();
}

static void a_desktops_table_is_understood(void)
{
	make_desktop();
	CHECK(read() == OK);
	CHECK(d.address_bits == 39 && d.can_remap_interrupts && !d.is_x2apic_unwanted);
	CHECK(d.unit_count == 2 && d.reserved_count == 1 && d.scope_count == 2);
	CHECK(d.units[0].base == 0xfed90000 && !d.units[0].has_rest && d.units[0].scope_count == 1);
	CHECK(d.units[1].base == 0xfed91000 && d.units[1].has_rest && d.units[1].scope_count == 0);
	CHECK(d.scopes[0].devfns[0] == 0x10 && d.scopes[0].hop_count == 1);
	CHECK(!d.scopes[0].is_bridge && d.units[0].offset == 48);
	CHECK(d.reserved[0].first_scope == 1 && d.scopes[1].devfns[0] == 0xa0);
}

static void every_cut_and_every_changed_length_is_refused_or_harmless(void)
{
	uint32_t all;

	make_desktop();
	finish();
	all = length;
	for (uint32_t cut = 0; cut < all; cut++)
		CHECK(read_bytes(cut) == ERR_INVAL);
	for (uint32_t at = 0; at < all; at++) {
		for (uint32_t value = 0; value < 256; value++) {
			make_desktop();
			bytes[at] = (uint8_t)value;
			if (at != 9)
				finish();
			if (at >= 4 && at < 8)
				memcpy(bytes + 4, &(uint32_t){ length ^ value }, 4);
			(void)read_bytes(length);
		}
	}
}

/* ---- Broken tables ---- */

static void what_is_wrong_is_named(void)
{
	begin(38, 1);
	CHECK(is_refused("DMAR+0x30: it names no remapping unit"));
	make_desktop();
	bytes[0] = 'X';
	CHECK(is_refused("DMAR+0x0: not a DMAR table"));
	make_desktop();
	finish();
	bytes[9]++;
	CHECK(read_bytes(length) == ERR_INVAL);
	CHECK(strcmp(reason, "DMAR+0x0: the checksum is wrong") == 0);
	CHECK(read_bytes(length - 1) == ERR_INVAL);
	CHECK(strcmp(reason, "DMAR+0x4: the table has another length") == 0);
	make_desktop();
	bytes[36] = 60;
	CHECK(is_refused("DMAR+0x24: no machine has such addresses"));

	make_desktop();
	put(2, 0);
	CHECK(is_refused("DMAR+0xd6: a structure is cut off"));
	make_desktop();
	put(4, 0);
	CHECK(is_refused("DMAR+0xd6: a structure of impossible length"));
	make_desktop();
	put(4, 2 | 5 << 16);
	CHECK(is_refused("DMAR+0xd6: a structure overruns the table"));
}

static void units_are_checked(void)
{
	begin(38, 1);
	put_unit(1, 0, 0);
	end_structure();
	CHECK(is_refused("DMAR+0x38: no registers can lie at this address"));
	begin(38, 1);
	put_unit(1, 0, 0xfed90800);
	end_structure();
	CHECK(is_refused("DMAR+0x38: no registers can lie at this address"));
	begin(38, 1);
	put_unit(1, 0, UINT64_C(0xfff0000000000000));
	end_structure();
	CHECK(is_refused("DMAR+0x38: no registers can lie at this address"));
	begin(38, 1);
	put_unit(1, 0, 0xfed90000);
	end_structure();
	put_unit(1, 0, 0xfed91000);
	end_structure();
	CHECK(is_refused("DMAR+0x44: a second INCLUDE_PCI_ALL in its segment"));
	begin(38, 1);
	put_unit(1, 0, 0xfed90000);
	end_structure();
	put_unit(1, 1, 0xfed91000);
	end_structure();
	CHECK(read() == OK);
	begin(38, 1);
	put_unit(1, 0, 0xfed90000);
	end_structure();
	put_unit(1, 1, 0xfed90000);
	end_structure();
	CHECK(is_refused("DMAR+0x48: another unit has its registers here"));
	begin(38, 1);
	begin_structure(0);
	put(8, 0);
	end_structure();
	CHECK(is_refused("DMAR+0x30: a DRHD is cut off"));
}

static void scopes_are_checked(void)
{
	static const struct {
		uint8_t scope[12];
		uint32_t count;
		const char *why;
	} cases[] = {
		{ { 1, 8, 0, 0, 0, 0, 2 }, 7, "a device scope overruns its structure" },
		{ { 1, 8, 0, 0, 0 }, 5, "a device scope is cut off" },
		{ { 1, 0, 0, 0, 0, 0, 2, 0 }, 8, "a device scope of impossible length" },
		{ { 1, 6, 0, 0, 0, 0, 2, 0 }, 8, "a device scope of impossible length" },
		{ { 1, 9, 0, 0, 0, 0, 2, 0, 0, 0 }, 10, "a device scope of impossible length" },
		{ { 1, 10, 0, 0, 0, 0, 2, 0 }, 8, "a device scope overruns its structure" },
		{ { 1, 8, 0, 0, 0, 0, 32, 0 }, 8, "no PCI function has such a number" },
		{ { 2, 8, 0, 0, 0, 0, 2, 8 }, 8, "no PCI function has such a number" },
		{ { 9, 0, 0, 0, 0, 0, 2, 8 }, 8, "a device scope of impossible length" },
	};

	for (uint32_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char why[DMAR_REASON_BYTES];

		snprintf(why, sizeof(why), "DMAR+0x40: %s", cases[i].why);
		begin(38, 1);
		put_unit(0, 0, 0xfed90000);
		memcpy(bytes + length, cases[i].scope, cases[i].count);
		length += cases[i].count;
		end_structure();
		CHECK(is_refused(why));
	}
	begin(38, 1);
	put_unit(0, 0, 0xfed90000);
	put_scope(1, 0, 1, HOP(2, 0));
	end_structure();
	put_unit(0, 0, 0xfed91000);
	put_scope(1, 0, 1, HOP(3, 0));
	put_scope(1, 0, 1, HOP(2, 0));
	end_structure();
	CHECK(is_refused("DMAR+0x60: another unit has this device, too"));
	begin(38, 1);
	put_unit(0, 0, 0xfed90000);
	put(2, 1 | 20 << 8); /* seven hops */
	put(4, 0);
	put(8, 0);
	put(6, 0);
	end_structure();
	CHECK(read() == ERR_NOMEM);
}

static void there_is_room_for_so_much_and_no_more(void)
{
	begin(45, 1);
	for (uint32_t i = 0; i < DMAR_UNIT_MAX; i++) {
		put_unit(0, 0, 0xfed00000 + i * 0x1000);
		end_structure();
	}
	CHECK(read() == OK && d.unit_count == DMAR_UNIT_MAX);
	put_unit(0, 0, 0xfec00000);
	end_structure();
	CHECK(read() == ERR_NOMEM);
	for (uint32_t more = 0; more < 2; more++) {
		begin(45, 1);
		put_unit(0, 0, 0xfed00000);
		for (uint32_t i = 0; i < DMAR_SCOPE_MAX + more; i++)
			put_scope(1, (uint8_t)(i / 32), 1, HOP(i % 32, 0));
		end_structure();
		CHECK(read() == (more ? ERR_NOMEM : OK));
		begin(45, 1);
		put_unit(0, 0, 0xfed00000);
		end_structure();
		for (uint32_t i = 0; i < DMAR_RESERVED_MAX + more; i++) {
			begin_structure(1);
			put(4, 0);
			put(8, 0);
			put(8, 0);
			end_structure();
		}
		CHECK(read() == (more ? ERR_NOMEM : OK));
	}
}

/* ---- Where scopes lead: a server with bridges below bridges ---- */

struct function {
	pci_addr_t at;
	uint8_t header, secondary, subordinate;
	uint16_t vfs, offset, stride;
};

/* clang-format off */
static const struct function machine[] = {
	{ PCI_ADDR(0u, 0x00u, 0x02u, 0u), 0x80, 0, 0, 0, 0, 0 },
	{ PCI_ADDR(0u, 0x00u, 0x03u, 0u), 0x00, 0, 0, 8, 0x80, 2 }, /* integrated, with VFs */
	{ PCI_ADDR(0u, 0x00u, 0x1cu, 0u), 0x81, 0x10, 0x1f, 0, 0, 0 },
	{ PCI_ADDR(0u, 0x10u, 0x00u, 0u), 0x01, 0x11, 0x1f, 0, 0, 0 }, /* switch, upstream */
	{ PCI_ADDR(0u, 0x11u, 0x04u, 0u), 0x01, 0x12, 0x14, 0, 0, 0 },
	{ PCI_ADDR(0u, 0x11u, 0x05u, 0u), 0x01, 0x15, 0x15, 0, 0, 0 },
	{ PCI_ADDR(0u, 0x15u, 0x00u, 0u), 0x00, 0, 0, 0, 0, 0 },
	{ PCI_ADDR(0u, 0x00u, 0x1du, 0u), 0x01, 0x00, 0x00, 0, 0, 0 }, /* not numbered */
	{ PCI_ADDR(1u, 0x80u, 0x01u, 0u), 0x01, 0x81, 0x8f, 0, 0, 0 },
};
/* clang-format on */

uint32_t arch_pci_read(pci_addr_t a, uint32_t offset, uint32_t width)
{
	const struct function *f = NULL;

	for (uint32_t i = 0; i < ARRAY_SIZE(machine); i++) {
		if (machine[i].at == a)
			f = &machine[i];
	}
	if (!f)
		return (uint32_t)(BIT64(8 * width) - 1);
	switch (offset) {
	case 0x00:
		return 0x8086;
	case 0x0e:
		return f->header;
	case 0x19:
		return f->secondary;
	case 0x1a:
		return f->subordinate;
	case 0x100: /* device serial number, then SR-IOV; or a list that never ends */
		return f->vfs ? 0x14010003 : 0x10010003;
	case 0x140:
		return 0x00010010;
	case 0x150:
		return f->vfs;
	case 0x154:
		return f->offset;
	case 0x156:
		return f->stride;
	default:
		return 0;
	}
}

static struct vtd_place places[DMAR_SCOPE_MAX];

static void make_server(void)
{
	begin(45, 1);
	put_unit(0, 0, 0xfed90000); /* 0 */
	put_scope(1, 0, 1, HOP(2, 0));
	put_scope(1, 0, 1, HOP(3, 0));
	put_scope(1, 0, 1, HOP(9, 0)); /* is not there */
	end_structure();
	put_unit(0, 0, 0xfed91000); /* 1: below the root port */
	put_scope(2, 0, 1, HOP(0x1c, 0));
	end_structure();
	put_unit(0, 0, 0xfed92000); /* 2: but one port of the switch is another's */
	put_scope(2, 0, 3, HOP(0x1c, 0) | HOP(0, 0) << 16 | HOP(4, 0) << 32);
	put_scope(1, 0, 4, HOP(0x1c, 0) | HOP(0, 0) << 16 | HOP(5, 0) << 32 | HOP(0, 0) << 48);
	put_scope(2, 0, 2, HOP(0x1d, 0) | HOP(1, 0) << 16); /* leads nowhere */
	end_structure();
	put_unit(0, 1, 0xfed93000); /* 3 */
	put_scope(2, 0x80, 1, HOP(1, 0));
	end_structure();
	put_unit(1, 0, 0xfed94000); /* 4 */
	end_structure();
	begin_structure(1);
	put(2, 0);
	put(2, 0);
	put(8, 0x8a000000);
	put(8, 0x8a0fffff);
	put_scope(2, 0, 3, HOP(0x1c, 0) | HOP(0, 0) << 16 | HOP(4, 0) << 32);
	end_structure();
	CHECK(read() == OK);
	vtd_scope_resolve(&d, places);
}

static uint32_t unit_of(uint32_t segment, uint32_t bus, uint32_t device, uint32_t function)
{
	return vtd_scope_unit(&d, places, PCI_ADDR(segment, bus, device, function));
}

static void each_function_has_the_unit_that_names_it_best(void)
{
	make_server();
	CHECK(unit_of(0, 0, 2, 0) == 0);
	CHECK(unit_of(0, 0, 2, 1) == 4);
	CHECK(unit_of(0, 0, 9, 0) == 4);
	CHECK(unit_of(0, 0, 0x1c, 0) == 1);
	CHECK(unit_of(0, 0, 0x1c, 1) == 4);
	CHECK(unit_of(0, 0x10, 0, 0) == 1);
	CHECK(unit_of(0, 0x11, 4, 0) == 2);
	CHECK(unit_of(0, 0x11, 5, 0) == 1);
	for (uint32_t bus = 0x12; bus <= 0x14; bus++)
		CHECK(unit_of(0, bus, 7, 7) == 2);
	CHECK(unit_of(0, 0x15, 0, 0) == 2);
	CHECK(unit_of(0, 0x15, 0, 1) == 1);
	CHECK(unit_of(0, 0x1f, 31, 7) == 1);
	CHECK(unit_of(0, 0x20, 0, 0) == 4);
	CHECK(unit_of(1, 0x80, 1, 0) == 3);
	CHECK(unit_of(1, 0x8f, 1, 0) == 3);
	CHECK(unit_of(1, 0x90, 0, 0) == VTD_NO_UNIT);
	CHECK(unit_of(2, 0, 2, 0) == VTD_NO_UNIT);
}

/* 00:03.0 has 8 VFs: at 18H + 80H = 98H, 9AH, .. A6H. */
static void virtual_functions_go_with_their_physical_one(void)
{
	make_server();
	for (uint32_t devfn = 0x90; devfn < 0xb0; devfn++)
		CHECK(unit_of(0, 0, devfn >> 3, devfn & 7) ==
		      (devfn >= 0x98 && devfn <= 0xa6 && devfn % 2 == 0 ? 0u : 4u));
}

static void reserved_memory_is_found(void)
{
	make_server();
	CHECK(vtd_scope_has_reserved(&d, places, PCI_ADDR(0u, 0x13u, 0u, 0u)));
	CHECK(vtd_scope_has_reserved(&d, places, PCI_ADDR(0u, 0x11u, 4u, 0u)));
	CHECK(!vtd_scope_has_reserved(&d, places, PCI_ADDR(0u, 0x15u, 0u, 0u)));
	CHECK(!vtd_scope_has_reserved(&d, places, PCI_ADDR(1u, 0x13u, 0u, 0u)));
}

int main(void)
{
	RUN(a_desktops_table_is_understood);
	RUN(every_cut_and_every_changed_length_is_refused_or_harmless);
	RUN(what_is_wrong_is_named);
	RUN(units_are_checked);
	RUN(scopes_are_checked);
	RUN(there_is_room_for_so_much_and_no_more);
	RUN(each_function_has_the_unit_that_names_it_best);
	RUN(virtual_functions_go_with_their_physical_one);
	RUN(reserved_memory_is_found);
	return test_failed;
}

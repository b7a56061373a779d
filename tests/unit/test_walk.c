/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The walk through a guest's page tables, against a slow one that follows the manual's figures bit
 * by bit, over random and hostile tables in every paging mode; and fetching instructions.
 */
#include <string.h>
#include "arch/x86/guest/walk.h"
#include "tests/property/random.h"
#include "tests/test.h"

#define RAM_PAGES 512u /* with the hole below 1 MiB */

static _Alignas(4096) uint8_t memory[RAM_PAGES * PAGE_BYTES];
static const struct guest_ram ram = { .at = memory, .bytes = sizeof(memory) };

/* ---- The slow walk ---- */

enum paging { NONE, NARROW, PAE, LONG };

struct slow {
	const struct guest_context *c;
	enum walk_access access;
	bool user, writable, executable; /* in every entry so far */
	enum err result;
	uint32_t fault;
	uint64_t gpa;
};

static uint64_t bits(uint64_t x, uint32_t high, uint32_t low)
{
	uint64_t r = 0;

	for (uint32_t b = low; b <= high; b++) {
		if (x >> b & 1)
			r += BIT64(b - low);
	}
	return r;
}

static bool bit(uint64_t x, uint32_t n)
{
	return bits(x, n, n) == 1;
}

static bool has_pae(const struct guest_context *c)
{
	return bit(c->cr4, 5);
}

static bool has_nxe(const struct guest_context *c)
{
	return bit(c->efer, 11);
}

/* "Page-Fault Error Code": P, W/R, U/S, RSVD, I/D. */
static void slow_fault(struct slow *s, bool p, bool rsvd)
{
	s->result = ERR_INVAL;
	s->fault = p ? 1 : 0;
	if (s->access == WALK_WRITE)
		s->fault += 2;
	if (s->c->cpl == 3)
		s->fault += 4;
	if (rsvd)
		s->fault += 8;
	if (s->access == WALK_EXECUTE && (bit(s->c->cr4, 20) || (has_pae(s->c) && has_nxe(s->c))))
		s->fault += 16;
}

static bool slow_is_ram(uint64_t at, uint64_t bytes)
{
	return at + bytes <= 0xa0000 || (at >= 0x100000 && at + bytes <= sizeof(memory));
}

/* The entry, or a result is set. */
static bool slow_entry(struct slow *s, uint64_t at, uint32_t bytes, uint64_t *entry)
{
	*entry = 0;
	if (!slow_is_ram(at, bytes)) {
		s->result = ERR_RANGE;
		s->gpa = WALK_NOWHERE;
		return false;
	}
	for (uint32_t i = 0; i < bytes; i++)
		*entry += (uint64_t)memory[at + i] << 8 * i;
	if (!bit(*entry, 0)) {
		slow_fault(s, false, false);
		return false;
	}
	return true;
}

static void slow_take_rights(struct slow *s, uint64_t entry)
{
	s->writable = s->writable && bit(entry, 1);
	s->user = s->user && bit(entry, 2);
	s->executable = s->executable && !bit(entry, 63);
}

/* "Determination of Access Rights", sentence by sentence. */
static bool slow_allows(const struct slow *s)
{
	const struct guest_context *const c = s->c;
	const bool wp = bit(c->cr0, 16), smap = bit(c->cr4, 21), ac = bit(c->rflags, 18);
	const bool nx_stops = s->access == WALK_EXECUTE && has_nxe(c) && !s->executable;

	if (c->cpl == 3) { /* user-mode accesses */
		if (s->access == WALK_READ)
			return s->user;
		if (s->access == WALK_WRITE)
			return s->user && s->writable;
		return s->user && !nx_stops;
	}
	if (!s->user) { /* supervisor-mode access to a supervisor-mode address */
		if (s->access == WALK_READ)
			return true;
		if (s->access == WALK_WRITE)
			return wp ? s->writable : true;
		return !nx_stops;
	}
	/* supervisor-mode access to a user-mode address */
	if (s->access == WALK_READ)
		return smap ? ac : true;
	if (s->access == WALK_WRITE) {
		if (!wp)
			return smap ? ac : true;
		return s->writable && (smap ? ac : true);
	}
	return bit(c->cr4, 20) ? false : !nx_stops;
}

static void slow_arrive(struct slow *s, uint64_t gpa)
{
	s->gpa = gpa;
	s->result = slow_is_ram(gpa, 1) ? OK : ERR_RANGE;
}

static void slow_finish(struct slow *s, uint64_t gpa)
{
	if (slow_allows(s))
		slow_arrive(s, gpa);
	else
		slow_fault(s, true, false);
}

/* "Use of CR3 with 32-Bit Paging", "Format of a 32-Bit Page-Directory Entry ..." */
static void slow_narrow(struct slow *s, uint64_t linear)
{
	uint64_t pde, pte;

	if (!slow_entry(s, bits(s->c->cr3, 31, 12) * 4096 + bits(linear, 31, 22) * 4, 4, &pde))
		return;
	slow_take_rights(s, pde);
	if (bit(s->c->cr4, 4) && bit(pde, 7)) {
		if (bit(pde, 21))
			slow_fault(s, true, true);
		else
			slow_finish(s, (bits(pde, 20, 13) << 32) + (bits(pde, 31, 22) << 22) +
					       bits(linear, 21, 0));
		return;
	}
	if (!slow_entry(s, bits(pde, 31, 12) * 4096 + bits(linear, 21, 12) * 4, 4, &pte))
		return;
	slow_take_rights(s, pte);
	slow_finish(s, bits(pte, 31, 12) * 4096 + bits(linear, 11, 0));
}

/* A page directory of 512 entries and what is below it; PAE and 4-level. */
static void slow_directory(struct slow *s, uint64_t directory, uint64_t linear, bool is_pae)
{
	uint64_t pde, pte;

	if (!slow_entry(s, directory + bits(linear, 29, 21) * 8, 8, &pde))
		return;
	if ((is_pae && bits(pde, 62, 52) != 0) || (!has_nxe(s->c) && bit(pde, 63)) ||
	    (bit(pde, 7) && bits(pde, 20, 13) != 0)) {
		slow_fault(s, true, true);
		return;
	}
	slow_take_rights(s, pde);
	if (bit(pde, 7)) {
		slow_finish(s, (bits(pde, 51, 21) << 21) + bits(linear, 20, 0));
		return;
	}
	if (!slow_entry(s, bits(pde, 51, 12) * 4096 + bits(linear, 20, 12) * 8, 8, &pte))
		return;
	if ((is_pae && bits(pte, 62, 52) != 0) || (!has_nxe(s->c) && bit(pte, 63))) {
		slow_fault(s, true, true);
		return;
	}
	slow_take_rights(s, pte);
	slow_finish(s, bits(pte, 51, 12) * 4096 + bits(linear, 11, 0));
}

static void slow_pae(struct slow *s, uint64_t linear)
{
	uint64_t pdpte;

	if (!slow_entry(s, bits(s->c->cr3, 31, 5) * 32 + bits(linear, 31, 30) * 8, 8, &pdpte))
		return;
	if (bits(pdpte, 2, 1) != 0 || bits(pdpte, 8, 5) != 0 || bits(pdpte, 63, 52) != 0)
		slow_fault(s, true, true);
	else
		slow_directory(s, bits(pdpte, 51, 12) * 4096, linear, true);
}

static void slow_long(struct slow *s, uint64_t linear)
{
	uint64_t pml4e, pdpte;

	if (!slow_entry(s, bits(s->c->cr3, 51, 12) * 4096 + bits(linear, 47, 39) * 8, 8, &pml4e))
		return;
	if (bit(pml4e, 7) || (!has_nxe(s->c) && bit(pml4e, 63))) {
		slow_fault(s, true, true);
		return;
	}
	slow_take_rights(s, pml4e);
	if (!slow_entry(s, bits(pml4e, 51, 12) * 4096 + bits(linear, 38, 30) * 8, 8, &pdpte))
		return;
	if ((!has_nxe(s->c) && bit(pdpte, 63)) || (bit(pdpte, 7) && bits(pdpte, 29, 13) != 0)) {
		slow_fault(s, true, true);
		return;
	}
	slow_take_rights(s, pdpte);
	if (bit(pdpte, 7))
		slow_finish(s, (bits(pdpte, 51, 30) << 30) + bits(linear, 29, 0));
	else
		slow_directory(s, bits(pdpte, 51, 12) * 4096, linear, false);
}

static void slow_walk(struct slow *s, enum paging paging, uint64_t linear)
{
	s->user = s->writable = s->executable = true;
	if (paging == NARROW)
		slow_narrow(s, linear);
	else if (paging == PAE)
		slow_pae(s, linear);
	else if (paging == LONG)
		slow_long(s, linear);
	else
		slow_arrive(s, bits(linear, 31, 0));
}

/* ---- Random tables ---- */

/* Seldom in the hole. */
static uint64_t random_page(void)
{
	const uint64_t page = random_below(RAM_PAGES);

	return (page >= 160 && page < 256 && random_below(8) ? page + 200 : page) * PAGE_BYTES;
}

static uint64_t random_entry(enum paging paging)
{
	static const uint8_t low[] = { 0x07, 0x07, 0x07, 0x03, 0x05, 0x01, 0x67, 0x87, 0x06, 0xe7 };
	const uint64_t kind = random_below(32);
	uint64_t entry = random_page() + low[random_below(sizeof(low))];

	if (paging == PAE && random_below(2)) /* also as a PDPTE */
		entry &= ~UINT64_C(0x1e6);
	if (kind == 0)
		return random_u64();
	if (kind == 1)
		entry ^= BIT64(random_below(64));
	if (kind < 4 && paging != NARROW)
		entry |= BIT64(63);
	if (kind == 5 && paging == NARROW)
		entry |= BIT64(21);
	if (entry & 0x80) /* a large page, often of low memory */
		entry &= random_below(4) ? ~UINT64_C(0x1fe000) : ~UINT64_C(0x1ee000);
	return entry;
}

static void fill(enum paging paging)
{
	const uint32_t width = paging == NARROW ? 4 : 8;

	for (uint32_t at = 0; at < sizeof(memory); at += width) {
		const uint64_t entry = random_entry(paging);

		memcpy(memory + at, &entry, width);
	}
}

static void random_context(enum paging paging, struct guest_context *c)
{
	memset(c, 0, sizeof(*c));
	c->cr0 = 1 | (paging == NONE ? 0 : BIT64(31)) | random_below(2) << 16;
	c->cr3 = random_page() + random_below(PAGE_BYTES);
	if (random_below(64) == 0)
		c->cr3 = sizeof(memory);
	c->cr4 = random_below(2) << 20 | random_below(2) << 21 | random_below(2) << 4;
	if (paging == PAE || paging == LONG || (paging == NONE && random_below(2)))
		c->cr4 |= BIT64(5);
	c->efer = (paging == LONG ? BIT64(8) | BIT64(10) : 0) | (random_below(4) ? BIT64(11) : 0);
	c->rflags = 2 | random_below(2) << 18;
	c->cpl = random_below(2) ? 3 : 0;
}

static bool is_same(const struct slow *slow, enum err e, const struct walk_result *found,
		    uint64_t linear)
{
	if (e != slow->result)
		return false;
	if (e == ERR_INVAL)
		return found->is_fault && found->fault == slow->fault && found->address == linear;
	return !found->is_fault && found->gpa == slow->gpa;
}

static uint32_t outcomes[3], reserved_faults;

static void walk_once(enum paging paging)
{
	struct guest_context c;
	struct slow slow = { .c = &c, .access = (enum walk_access)random_below(3) };
	struct walk_result found;
	uint64_t linear = random_u64();
	enum err e;

	random_context(paging, &c);
	linear = paging == LONG ? (uint64_t)((int64_t)(linear << 16) >> 16) : (uint32_t)linear;
	slow_walk(&slow, paging, linear);
	e = guest_walk(&ram, &c, linear, slow.access, &found);
	CHECK(is_same(&slow, e, &found, linear));
	outcomes[e == OK ? 0 : e == ERR_INVAL ? 1 : 2]++;
	reserved_faults += e == ERR_INVAL && (found.fault & 8);
}

static void walk_often(enum paging paging)
{
	outcomes[0] = outcomes[1] = outcomes[2] = reserved_faults = 0;
	for (uint32_t round = 0; round < 10; round++) {
		fill(paging);
		for (uint32_t n = 0; n < 20000; n++)
			walk_once(paging);
	}
	CHECK(outcomes[2] > 1000);
	CHECK(paging == NONE || (outcomes[0] > 1000 && outcomes[1] > 1000));
	CHECK(paging == NONE || reserved_faults > 500);
}

static void without_paging_linear_is_physical(void)
{
	walk_often(NONE);
}

static void paging_of_32_bits_agrees_with_the_manual(void)
{
	walk_often(NARROW);
}

static void pae_paging_agrees_with_the_manual(void)
{
	walk_often(PAE);
}

static void paging_of_4_levels_agrees_with_the_manual(void)
{
	walk_often(LONG);
}

/* Bits of a linear address beyond 32 do not exist outside IA-32e mode. */
static void addresses_wrap_at_4_gib(void)
{
	struct guest_context c = { .cr0 = 1 };
	struct walk_result found;

	CHECK(guest_walk(&ram, &c, GIB(4) + 0x1234, WALK_READ, &found) == OK);
	CHECK(found.gpa == 0x1234);
}

/* ---- Fetching ---- */

/* 64-bit mode: 0 and 1000H are mapped as they are, 2000H to 5000H, 3000H is not there, 4000H is
 * outside RAM, 5000H may not be executed. */
static void map_code(struct guest_context *c)
{
	static const uint64_t entries[] = { 0x0001, 0x1001,     0x5001,
					    0,      GIB(1) + 1, 0x5001 | BIT64(63) };

	memset(memory, 0, sizeof(memory));
	for (uint64_t i = 0; i < 0x8000; i++)
		memory[i] = (uint8_t)(i * 7 + (i >> 8));
	for (uint64_t level = 0; level < 3; level++) {
		const uint64_t next = 0x10000 + (level + 1) * PAGE_BYTES + 3;

		memset(memory + 0x10000 + level * PAGE_BYTES, 0, PAGE_BYTES);
		memcpy(memory + 0x10000 + level * PAGE_BYTES, &next, 8);
	}
	memcpy(memory + 0x13000, entries, sizeof(entries));
	*c = (struct guest_context){ .cr0 = BIT64(31) | 1,
				     .cr3 = 0x10000,
				     .cr4 = BIT64(5),
				     .efer = BIT64(8) | BIT64(10) | BIT64(11) };
	c->segments[SEG_CS].access = BIT32(13) | 0x9b;
	c->segments[SEG_CS].base = 0xdead0000; /* does not count */
}

struct fetched {
	enum err e;
	uint8_t bytes[15];
	uint32_t count;
	struct walk_result found;
};

static struct fetched fetch(struct guest_context *c, uint64_t rip)
{
	struct fetched f;

	c->rip = rip;
	memset(&f, 0xee, sizeof(f));
	f.e = guest_fetch(&ram, c, f.bytes, sizeof(f.bytes), &f.count, &f.found);
	return f;
}

static void code_is_fetched_over_a_page_boundary(void)
{
	struct guest_context c;
	struct fetched f;

	map_code(&c);
	for (uint64_t rip = 0x1ff0; rip < 0x2010; rip++) {
		f = fetch(&c, rip);
		CHECK(f.e == OK && f.count == 15 && !f.found.is_fault);
		for (uint64_t i = 0; i < 15; i++) {
			const uint64_t at = rip + i;

			CHECK(f.bytes[i] == memory[at < 0x2000 ? at : at + 0x3000]);
		}
	}
}

static void what_lies_behind_a_bad_page_is_not_fetched(void)
{
	struct guest_context c;
	struct fetched f;

	map_code(&c);
	f = fetch(&c, 0x2ffa);
	CHECK(f.e == OK && f.count == 6 && memcmp(f.bytes, memory + 0x5ffa, 6) == 0);
	CHECK(f.bytes[6] == 0xee);
	CHECK(f.found.is_fault && f.found.address == 0x3000 && f.found.fault == 0x10);
	f = fetch(&c, 0x2ff1); /* fits exactly */
	CHECK(f.e == OK && f.count == 15 && !f.found.is_fault);
	f = fetch(&c, 0x3008);
	CHECK(f.e == ERR_INVAL && f.found.is_fault && f.found.address == 0x3008);
	f = fetch(&c, 0x4000);
	CHECK(f.e == ERR_RANGE && f.count == 0 && f.found.gpa == GIB(1));
	f = fetch(&c, 0x5123);
	CHECK(f.e == ERR_INVAL && f.found.fault == 0x11);
}

static void code_ends_where_its_segment_ends(void)
{
	struct guest_context c;
	struct fetched f;

	map_code(&c);
	c.cr0 = 1;
	c.efer = 0;
	c.segments[SEG_CS] =
		(struct guest_segment){ .base = 0x1000, .limit = 0xfff, .access = 0x9b };
	f = fetch(&c, 0xff8);
	CHECK(f.e == OK && f.count == 8 && !f.found.is_fault);
	CHECK(memcmp(f.bytes, memory + 0x1ff8, 8) == 0);
	f = fetch(&c, 0xfff);
	CHECK(f.e == OK && f.count == 1);
	f = fetch(&c, 0x1000);
	CHECK(f.e == ERR_RANGE && !f.found.is_fault);
	c.segments[SEG_CS].limit = UINT32_MAX;
	f = fetch(&c, 0xfffff123); /* base + RIP wraps */
	CHECK(f.e == OK && f.count == 15 && memcmp(f.bytes, memory + 0x123, 15) == 0);
	c.segments[SEG_CS].base = 0;
	f = fetch(&c, 0xfffffffa); /* outside RAM, and the segment ends */
	CHECK(f.e == ERR_RANGE && f.found.gpa == 0xfffffffa);
}

/* No wrap from the lower half of the address space into what is not canonical. */
static void code_ends_where_canonical_addresses_end(void)
{
	struct guest_context c;
	struct fetched f;
	const uint64_t next = 0x11003, page = 0x1001;

	map_code(&c);
	for (uint64_t level = 0; level < 4; level++) /* the last entry of each, and the 256th */
		memcpy(memory + 0x10ff8 + level * PAGE_BYTES, memory + 0x10000 + level * PAGE_BYTES,
		       8);
	memcpy(memory + 0x107f8, &next, 8);
	memcpy(memory + 0x10800, &next, 8);
	memcpy(memory + 0x13ff8, &page, 8);
	f = fetch(&c, 0x7ffffffffffb);
	CHECK(f.e == OK && f.count == 5 && !f.found.is_fault);
	CHECK(memcmp(f.bytes, memory + 0x1ffb, 5) == 0);
}

int main(int argc, char **argv)
{
	random_seed(argc, argv);
	RUN(without_paging_linear_is_physical);
	RUN(paging_of_32_bits_agrees_with_the_manual);
	RUN(pae_paging_agrees_with_the_manual);
	RUN(paging_of_4_levels_agrees_with_the_manual);
	RUN(addresses_wrap_at_4_gib);
	RUN(code_is_fetched_over_a_page_boundary);
	RUN(what_lies_behind_a_bad_page_is_not_fetched);
	RUN(code_ends_where_its_segment_ends);
	RUN(code_ends_where_canonical_addresses_end);
	return test_failed;
}

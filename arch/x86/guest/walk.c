/* SPDX-License-Identifier: Apache-2.0 */
/* The walk through a guest's page tables. */
#include <string.h>
#include "arch/x86/guest/walk.h"

/* Same place in entries of 4 and 8 bytes: SDM Vol. 3A, "Paging-Structure Entry Formats". */
#define ENTRY_PRESENT BIT64(0)
#define ENTRY_WRITE   BIT64(1)
#define ENTRY_USER    BIT64(2)
#define ENTRY_LARGE   BIT64(7) /* page size; in the last level the PAT bit */
#define ENTRY_NX      BIT64(63)
#define ADDRESS_52    (BIT64(52) - PAGE_BYTES)
#define PAE_RESERVED  (BIT64(63) - BIT64(52)) /* "Format of a PAE Page-Directory Entry ..." */
#define PDPTE_RESERVED \
	(BIT64(63) | PAE_RESERVED | BIT64(8) | BIT64(7) | BIT64(6) | BIT64(5) | BIT64(2) | BIT64(1))
#define PSE36_RESERVED BIT64(21)

/* "Page-Fault Error Code" */
#define FAULT_PRESENT  BIT32(0)
#define FAULT_WRITE    BIT32(1)
#define FAULT_USER     BIT32(2)
#define FAULT_RESERVED BIT32(3)
#define FAULT_FETCH    BIT32(4)

#define CR0_WP         BIT64(16)
#define CR0_PG         BIT64(31)
#define CR4_PSE        BIT64(4)
#define CR4_PAE        BIT64(5)
#define CR4_SMEP       BIT64(20)
#define CR4_SMAP       BIT64(21)
#define EFER_LMA       BIT64(10)
#define EFER_NXE       BIT64(11)
#define RFLAGS_AC      BIT64(18)
#define CS_LONG        BIT32(13)

struct walk {
	const struct guest_ram *ram;
	const struct guest_context *c;
	uint64_t linear;
	enum walk_access access;
	struct walk_result *out;
	uint64_t plain_bytes; /* see at() */
};

#define PLAIN_ACCESS_MAX 16u

/* How much RAM lies from 1 MiB on without a hole, less what an access may reach beyond. */
static uint64_t plain_bytes(const struct guest_ram *ram)
{
	const uint64_t low = ram->bytes < GUEST_LOW_MAX ? ram->bytes : GUEST_LOW_MAX;

	return low < GUEST_HOLE_END + PLAIN_ACCESS_MAX
		       ? 0
		       : low - GUEST_HOLE_END - PLAIN_ACCESS_MAX + 1;
}

static __attribute__((noinline)) const void *at_any(const struct guest_ram *ram, uint64_t gpa,
						    uint32_t bytes)
{
	return guest_ram_at(ram, gpa, bytes);
}

/* Where guests' tables and code nearly always are: RAM, with few bytes more behind it. */
static inline bool is_plain(const struct walk *w, uint64_t gpa)
{
	return gpa - GUEST_HOLE_END < w->plain_bytes;
}

static inline const void *at(const struct walk *w, uint64_t gpa, uint32_t bytes)
{
	if (is_plain(w, gpa))
		return w->ram->at + gpa;
	return at_any(w->ram, gpa, bytes);
}

/* "Page-Fault Exceptions": bits 4:0 of the error code. */
static enum err fault(const struct walk *w, uint32_t code)
{
	const struct guest_context *const c = w->c;
	const bool has_nx = (c->cr4 & CR4_PAE) && (c->efer & EFER_NXE);

	if (w->access == WALK_WRITE)
		code |= FAULT_WRITE;
	if (c->cpl == 3)
		code |= FAULT_USER;
	if (w->access == WALK_EXECUTE && (has_nx || (c->cr4 & CR4_SMEP)))
		code |= FAULT_FETCH;
	w->out->is_fault = true;
	w->out->fault = code;
	w->out->address = w->linear;
	return ERR_INVAL;
}

static enum err outside_ram(const struct walk *w, uint64_t gpa)
{
	w->out->gpa = gpa;
	return ERR_RANGE;
}

/* "Determination of Access Rights". `all`: bits set in every entry, `any`: in at least one. */
static bool is_allowed(const struct walk *w, uint64_t all, uint64_t any)
{
	const struct guest_context *const c = w->c;
	const bool is_user_page = all & ENTRY_USER;

	if (w->access == WALK_EXECUTE) {
		if (any & ENTRY_NX)
			return false;
		return c->cpl == 3 ? is_user_page : !is_user_page || !(c->cr4 & CR4_SMEP);
	}
	if (c->cpl == 3)
		return is_user_page && (w->access == WALK_READ || (all & ENTRY_WRITE));
	if (is_user_page && (c->cr4 & CR4_SMAP) && !(c->rflags & RFLAGS_AC))
		return false;
	return w->access == WALK_READ || (all & ENTRY_WRITE) || !(c->cr0 & CR0_WP);
}

static inline enum err finish(const struct walk *w, uint64_t all, uint64_t any, uint64_t gpa)
{
	if (!is_allowed(w, all, any))
		return fault(w, FAULT_PRESENT);
	w->out->gpa = gpa;
	return is_plain(w, gpa) || at_any(w->ram, gpa, 1) ? OK : ERR_RANGE;
}

/*
 * Tables of 512 entries of 8 bytes, from the one at `table` that is indexed by bits shift + 8 to
 * shift of the linear address down to the page.
 */
static enum err walk_wide(const struct walk *w, uint64_t table, uint32_t shift, uint64_t reserved)
{
	uint64_t all = UINT64_MAX, any = 0, entry, in_page, entry_at;
	const uint64_t *p;

	for (;; shift -= 9, table = entry & ADDRESS_52) {
		entry_at = table + (w->linear >> shift & 511) * 8;
		if (__builtin_expect(is_plain(w, entry_at), 1)) {
			p = (const uint64_t *)(const void *)(w->ram->at + entry_at);
		} else {
			p = at_any(w->ram, entry_at, 8);
			if (!p)
				return outside_ram(w, WALK_NOWHERE);
		}
		entry = __atomic_load_n(p, __ATOMIC_RELAXED);
		if (__builtin_expect((entry & ENTRY_PRESENT) == 0 || (entry & reserved), 0))
			return fault(w, entry & ENTRY_PRESENT ? FAULT_PRESENT | FAULT_RESERVED : 0);
		all &= entry;
		any |= entry;
		if (shift == 12)
			break;
		if (!(entry & ENTRY_LARGE))
			continue;
		/* PML4E: reserved. 1 GiB and 2 MiB: so are the address bits below the page's,
		 * but for bit 12, the PAT bit. */
		if (shift == 39 || (entry & ADDRESS_52 & (BIT64(shift) - 1) & ~BIT64(12)))
			return fault(w, FAULT_PRESENT | FAULT_RESERVED);
		break;
	}
	in_page = BIT64(shift) - 1;
	return finish(w, all, any, (entry & ADDRESS_52 & ~in_page) | (w->linear & in_page));
}

static enum err walk_pae(const struct walk *w, uint64_t reserved)
{
	const uint64_t table = w->c->cr3 & 0xffffffe0;
	const uint64_t *const p = at(w, table + (w->linear >> 30) * 8, 8);
	uint64_t entry;

	if (!p)
		return outside_ram(w, WALK_NOWHERE);
	entry = __atomic_load_n(p, __ATOMIC_RELAXED);
	if (!(entry & ENTRY_PRESENT))
		return fault(w, 0);
	if (entry & PDPTE_RESERVED)
		return fault(w, FAULT_PRESENT | FAULT_RESERVED);
	return walk_wide(w, entry & ADDRESS_52, 21, reserved | PAE_RESERVED);
}

static enum err load_narrow(const struct walk *w, uint64_t table, uint32_t index, uint64_t *entry)
{
	const uint32_t *const p = at(w, table + index * 4u, 4);

	if (!p)
		return outside_ram(w, WALK_NOWHERE);
	*entry = __atomic_load_n(p, __ATOMIC_RELAXED);
	return *entry & ENTRY_PRESENT ? OK : fault(w, 0);
}

/* "32-Bit Paging": everything may be executed. */
static enum err walk_32bit(const struct walk *w)
{
	const uint32_t linear = (uint32_t)w->linear;
	uint64_t directory, entry, gpa;
	enum err e = load_narrow(w, w->c->cr3 & 0xfffff000, linear >> 22, &directory);

	if (e != OK)
		return e;
	if ((directory & ENTRY_LARGE) && (w->c->cr4 & CR4_PSE)) {
		if (directory & PSE36_RESERVED)
			return fault(w, FAULT_PRESENT | FAULT_RESERVED);
		/* PSE-36: bits 20:13 are bits 39:32 of the address. */
		gpa = (directory & 0xffc00000) | (directory >> 13 & 0xff) << 32;
		return finish(w, directory, 0, gpa | (linear & 0x3fffff));
	}
	e = load_narrow(w, directory & 0xfffff000, linear >> 12 & 1023, &entry);
	if (e != OK)
		return e;
	return finish(w, directory & entry, 0, (entry & 0xfffff000) | (linear & 0xfff));
}

static enum err walk(const struct walk *w)
{
	const struct guest_context *const c = w->c;
	const uint64_t reserved = c->efer & EFER_NXE ? 0 : ENTRY_NX;

	w->out->is_fault = false;
	if (!(c->cr0 & CR0_PG)) {
		w->out->gpa = w->linear;
		return at(w, w->linear, 1) ? OK : ERR_RANGE;
	}
	if (c->efer & EFER_LMA)
		return walk_wide(w, c->cr3 & ADDRESS_52, 39, reserved);
	return c->cr4 & CR4_PAE ? walk_pae(w, reserved) : walk_32bit(w);
}

enum err guest_walk(const struct guest_ram *ram, const struct guest_context *c, uint64_t linear,
		    enum walk_access access, struct walk_result *out)
{
	const struct walk w = { .ram = ram,
				.c = c,
				.linear = c->efer & EFER_LMA ? linear : (uint32_t)linear,
				.access = access,
				.out = out,
				.plain_bytes = plain_bytes(ram) };

	return walk(&w);
}

/* Within one page. */
static enum err fetch_page(const struct walk *w, uint8_t *bytes, uint32_t count)
{
	const enum err e = walk(w);
	const uint8_t *from;

	if (e != OK)
		return e;
	if (count != PLAIN_ACCESS_MAX - 1) {
		from = guest_ram_at(w->ram, w->out->gpa, count);
		if (!from)
			return ERR_RANGE;
		memcpy(bytes, from, count);
		return OK;
	}
	/* All that an instruction can be, and nearly always so: without a call. */
	from = at(w, w->out->gpa, PLAIN_ACCESS_MAX - 1);
	if (!from)
		return ERR_RANGE;
	__builtin_memcpy(bytes, from, 8);
	__builtin_memcpy(bytes + 7, from + 7, 8);
	return OK;
}

/* The first byte of the next page; false: there is none, "Canonical Addressing". */
static bool next_page(uint64_t linear, bool is_64bit, uint64_t *next)
{
	*next = (linear | (PAGE_BYTES - 1)) + 1;
	if (!is_64bit)
		*next = (uint32_t)*next;
	return *next != BIT64(47);
}

enum err guest_fetch(const struct guest_ram *ram, const struct guest_context *c, uint8_t *bytes,
		     uint32_t max, uint32_t *count, struct walk_result *out)
{
	const struct guest_segment *const cs = &c->segments[SEG_CS];
	const bool is_64bit = (c->efer & EFER_LMA) && (cs->access & CS_LONG);
	struct walk w = { .ram = ram,
			  .c = c,
			  .linear = is_64bit ? c->rip : (uint32_t)(cs->base + c->rip),
			  .access = WALK_EXECUTE,
			  .out = out,
			  .plain_bytes = plain_bytes(ram) };
	uint32_t first = PAGE_BYTES - (uint32_t)(w.linear & (PAGE_BYTES - 1));
	enum err e;

	*count = 0;
	out->is_fault = false;
	if (!is_64bit) {
		if (c->rip > cs->limit)
			return ERR_RANGE;
		max = (uint32_t)min_u64(max, cs->limit - c->rip + 1);
	}
	if (first > max)
		first = max;
	e = fetch_page(&w, bytes, first);
	if (e != OK)
		return e;
	*count = first;
	if (first < max && next_page(w.linear, is_64bit, &w.linear) &&
	    fetch_page(&w, bytes + first, max - first) == OK)
		*count = max;
	return OK;
}

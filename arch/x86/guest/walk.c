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
};

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

/* "Determination of Access Rights". `rights` are those of all entries: the NX bit is set where
 * execution is allowed. */
static bool is_allowed(const struct walk *w, uint64_t rights)
{
	const struct guest_context *const c = w->c;
	const bool is_user_page = rights & ENTRY_USER;

	if (w->access == WALK_EXECUTE) {
		if (!(rights & ENTRY_NX))
			return false;
		return c->cpl == 3 ? is_user_page : !is_user_page || !(c->cr4 & CR4_SMEP);
	}
	if (c->cpl == 3)
		return is_user_page && (w->access == WALK_READ || (rights & ENTRY_WRITE));
	if (is_user_page && (c->cr4 & CR4_SMAP) && !(c->rflags & RFLAGS_AC))
		return false;
	return w->access == WALK_READ || (rights & ENTRY_WRITE) || !(c->cr0 & CR0_WP);
}

static enum err finish(const struct walk *w, uint64_t rights, uint64_t gpa)
{
	if (!is_allowed(w, rights))
		return fault(w, FAULT_PRESENT);
	w->out->gpa = gpa;
	return guest_ram_at(w->ram, gpa, 1) ? OK : ERR_RANGE;
}

/*
 * Tables of 512 entries of 8 bytes, from the one at `table` that is indexed by bits shift + 8 to
 * shift of the linear address down to the page.
 */
static enum err walk_wide(const struct walk *w, uint64_t table, uint32_t shift, uint64_t reserved)
{
	uint64_t rights = ENTRY_WRITE | ENTRY_USER | ENTRY_NX, entry, in_page;
	const uint64_t *at;

	for (;; shift -= 9, table = entry & ADDRESS_52) {
		at = guest_ram_at(w->ram, table + (w->linear >> shift & 511) * 8, 8);
		if (!at)
			return outside_ram(w, WALK_NOWHERE);
		entry = __atomic_load_n(at, __ATOMIC_RELAXED);
		if (!(entry & ENTRY_PRESENT))
			return fault(w, 0);
		if (entry & reserved)
			return fault(w, FAULT_PRESENT | FAULT_RESERVED);
		rights &= entry ^ ENTRY_NX;
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
	return finish(w, rights, (entry & ADDRESS_52 & ~in_page) | (w->linear & in_page));
}

static enum err walk_pae(const struct walk *w, uint64_t reserved)
{
	const uint64_t table = w->c->cr3 & 0xffffffe0;
	const uint64_t *const at = guest_ram_at(w->ram, table + (w->linear >> 30) * 8, 8);
	uint64_t entry;

	if (!at)
		return outside_ram(w, WALK_NOWHERE);
	entry = __atomic_load_n(at, __ATOMIC_RELAXED);
	if (!(entry & ENTRY_PRESENT))
		return fault(w, 0);
	if (entry & PDPTE_RESERVED)
		return fault(w, FAULT_PRESENT | FAULT_RESERVED);
	return walk_wide(w, entry & ADDRESS_52, 21, reserved | PAE_RESERVED);
}

static enum err load_narrow(const struct walk *w, uint64_t table, uint32_t index, uint64_t *entry)
{
	const uint32_t *const at = guest_ram_at(w->ram, table + index * 4u, 4);

	if (!at)
		return outside_ram(w, WALK_NOWHERE);
	*entry = __atomic_load_n(at, __ATOMIC_RELAXED);
	return *entry & ENTRY_PRESENT ? OK : fault(w, 0);
}

/* "32-Bit Paging": everything may be executed. */
static enum err walk_32bit(const struct walk *w)
{
	const uint32_t linear = (uint32_t)w->linear;
	uint64_t directory, entry, rights, gpa;
	enum err e = load_narrow(w, w->c->cr3 & 0xfffff000, linear >> 22, &directory);

	if (e != OK)
		return e;
	rights = directory | ENTRY_NX;
	if ((directory & ENTRY_LARGE) && (w->c->cr4 & CR4_PSE)) {
		if (directory & PSE36_RESERVED)
			return fault(w, FAULT_PRESENT | FAULT_RESERVED);
		/* PSE-36: bits 20:13 are bits 39:32 of the address. */
		gpa = (directory & 0xffc00000) | (directory >> 13 & 0xff) << 32;
		return finish(w, rights, gpa | (linear & 0x3fffff));
	}
	e = load_narrow(w, directory & 0xfffff000, linear >> 12 & 1023, &entry);
	if (e != OK)
		return e;
	return finish(w, rights & (entry | ENTRY_NX), (entry & 0xfffff000) | (linear & 0xfff));
}

enum err guest_walk(const struct guest_ram *ram, const struct guest_context *c, uint64_t linear,
		    enum walk_access access, struct walk_result *out)
{
	const bool is_long = c->efer & EFER_LMA;
	const struct walk w = { ram, c, is_long ? linear : (uint32_t)linear, access, out };
	const uint64_t reserved = c->efer & EFER_NXE ? 0 : ENTRY_NX;

	out->is_fault = false;
	if (!(c->cr0 & CR0_PG)) {
		out->gpa = w.linear;
		return guest_ram_at(ram, w.linear, 1) ? OK : ERR_RANGE;
	}
	if (is_long)
		return walk_wide(&w, c->cr3 & ADDRESS_52, 39, reserved);
	return c->cr4 & CR4_PAE ? walk_pae(&w, reserved) : walk_32bit(&w);
}

/* Within one page. */
static enum err fetch_page(const struct guest_ram *ram, const struct guest_context *c,
			   uint64_t linear, uint8_t *bytes, uint32_t count, struct walk_result *out)
{
	const enum err e = guest_walk(ram, c, linear, WALK_EXECUTE, out);
	const void *from;

	if (e != OK)
		return e;
	from = guest_ram_at(ram, out->gpa, count);
	if (!from)
		return ERR_RANGE;
	memcpy(bytes, from, count);
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
	const uint64_t linear = is_64bit ? c->rip : (uint32_t)(cs->base + c->rip);
	uint32_t first = PAGE_BYTES - (uint32_t)(linear & (PAGE_BYTES - 1));
	uint64_t next;
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
	e = fetch_page(ram, c, linear, bytes, first, out);
	if (e != OK)
		return e;
	*count = first;
	if (first < max && next_page(linear, is_64bit, &next) &&
	    fetch_page(ram, c, next, bytes + first, max - first, out) == OK)
		*count = max;
	return OK;
}

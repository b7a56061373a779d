/* SPDX-License-Identifier: Apache-2.0 */
#include "arch/x86/vtd/table.h"
#include "arch/x86/vtd/queue.h"

#define TABLE_ADDRESS UINT64_C(0x000ffffffffff000)

static uint64_t context_lo(const struct nested_space *s)
{
	return s->root.v | VTD_CONTEXT_LO_P;
}

static uint64_t context_hi(const struct nested_space *s, uint16_t did)
{
	return VTD_CONTEXT_HI_AW(s->level_count) | (uint64_t)did << VTD_CONTEXT_HI_DID_SHIFT;
}

/* NULL: its bus has no context table. */
static struct vtd_entry *context_of(const struct vtd_unit *u, uint16_t requester)
{
	const struct vtd_entry *const root = &u->root[requester >> 8];
	struct vtd_entry *table;

	if (!(root->lo & VTD_ROOT_P))
		return NULL;
	table = arch_mem_at((hpa_t){ root->lo & TABLE_ADDRESS });
	return &table[requester & 0xff];
}

static struct vtd_entry *make_context(const struct vtd_unit *u, uint16_t requester)
{
	struct vtd_entry *const root = &u->root[requester >> 8];
	void *table;

	if (root->lo & VTD_ROOT_P)
		return context_of(u, requester);
	if (arch_mem_is_sealed())
		return NULL;
	table = arch_mem_take_pages(1);
	if (!table)
		return NULL;
	vtd_unit_wrote(u, table, PAGE_BYTES);
	root->lo = arch_mem_hpa(table).v | VTD_ROOT_P;
	vtd_unit_wrote(u, root, sizeof(*root));
	return context_of(u, requester);
}

/* The half with the present bit is the last to come and the first to go. */
static void write_context(const struct vtd_unit *u, struct vtd_entry *at, struct vtd_entry entry)
{
	if (entry.lo & VTD_CONTEXT_LO_P)
		__atomic_store_n(&at->hi, entry.hi, __ATOMIC_RELEASE);
	__atomic_store_n(&at->lo, entry.lo, __ATOMIC_RELEASE);
	if (!(entry.lo & VTD_CONTEXT_LO_P))
		__atomic_store_n(&at->hi, entry.hi, __ATOMIC_RELEASE);
	vtd_unit_wrote(u, at, sizeof(*at));
}

/* "Caching Mode": entries that were not present may be cached, as domain 0's. */
static enum err forget_absent(struct vtd_unit *u)
{
	enum err e = OK;

	if (u->cap & VTD_CAP_CM) {
		e = vtd_invalidate_contexts(u);
		if (e == OK)
			e = vtd_invalidate_translations(u);
	}
	return e;
}

enum err vtd_table_attach(struct vtd_unit *u, uint16_t requester, uint16_t did,
			  const struct nested_space *space)
{
	struct vtd_entry *const at = make_context(u, requester);
	enum err e;

	if (!at)
		return ERR_NOMEM;
	write_context(u, at, (struct vtd_entry){ context_lo(space), context_hi(space, did) });
	e = vtd_unit_flush_writes(u);
	if (e == OK)
		e = forget_absent(u);
	return e;
}

/* Contexts first: a request that comes in between would bring the translation back. */
enum err vtd_table_block(struct vtd_unit *u, uint16_t requester, uint16_t did)
{
	struct vtd_entry *const at = context_of(u, requester);
	enum err e;

	if (!at)
		return OK;
	write_context(u, at, (struct vtd_entry){ 0, 0 });
	e = vtd_unit_flush_writes(u);
	if (e == OK)
		e = vtd_invalidate_context(u, requester, did);
	if (e == OK)
		e = vtd_invalidate_domain(u, did);
	return e;
}

enum err vtd_table_mapped(struct vtd_unit *u, uint16_t did)
{
	enum err e = vtd_unit_flush_writes(u);

	if (e == OK && (u->cap & VTD_CAP_CM))
		e = vtd_invalidate_domain(u, did);
	return e;
}

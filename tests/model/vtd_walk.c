/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DMA: "Root Entry", "Context Entry", "Second-Level Paging Entries", and which fault condition
 * each failure is ("Fault Conditions", legacy mode).
 */
#include "tests/model/vtd_state.h"

/* Rights, as the low bits of a second-level entry. */
#define PERM_R    1u
#define PERM_W    2u
#define ENTRY_PS  BIT64(7)
#define ENTRY_SNP BIT64(11)

struct request {
	uint16_t source;
	uint64_t address;
	uint64_t wanted; /* PERM_R, PERM_W, or both: either will do (a zero-length read) */
	bool is_read, is_translated;
};

struct context {
	enum vtdm_fault fault;
	bool is_disabled; /* FPD, where it qualifies the fault */
	uint32_t type;    /* TT */
	uint32_t levels, domain;
	uint64_t table;
};

struct page {
	enum vtdm_fault fault;
	uint64_t base, rights;
	uint32_t kind; /* KEY_4K.. */
	bool snoop;
};

/* ---- Root and context entries ---- */

static uint64_t address_field(const struct vtdm *m)
{
	return span(m->caps.host_bits - 1, 12);
}

/* Words of the context entry, or the fault that getting them was. */
static enum vtdm_fault read_context(struct vtdm *m, uint16_t source, uint64_t entry[2])
{
	uint64_t root[2];

	if (!vtdm_table_read(m, m->root + 16u * (source >> 8), root, sizeof(root)))
		return VTDM_ROOT_ACCESS;
	if (!(root[0] & 1))
		return VTDM_ROOT_NOT_PRESENT;
	if ((root[0] & ~(1 | address_field(m))) || root[1])
		return VTDM_ROOT_RESERVED;
	if (!vtdm_table_read(m, (root[0] & address_field(m)) + 16u * (source & 0xff), entry, 16))
		return VTDM_CONTEXT_ACCESS;
	return VTDM_OK;
}

static bool is_width_supported(const struct vtdm_caps *caps, uint64_t aw)
{
	return (aw == 1 && caps->level3) || (aw == 2 && caps->level4);
}

static enum vtdm_fault check_context(const struct vtdm *m, const uint64_t entry[2])
{
	const uint64_t type = field(entry[0], 3, 2), aw = field(entry[1], 2, 0);
	const uint64_t largest = m->caps.level4 ? 2 : 1;

	if (!(entry[0] & 1))
		return VTDM_CONTEXT_NOT_PRESENT;
	if ((entry[0] & ~(span(3, 0) | address_field(m))) ||
	    (entry[1] & ~(span(6, 0) | span(23, 8))))
		return VTDM_CONTEXT_RESERVED;
	if (type == 3 || (type == 2 && !m->caps.pass_through) || (type == 1 && !m->caps.device_tlb))
		return VTDM_CONTEXT_INVALID;
	/* TT of 10b: AW is programmed with the largest width that is supported. */
	if (!is_width_supported(&m->caps, aw) || (type == 2 && aw != largest))
		return VTDM_CONTEXT_INVALID;
	return VTDM_OK;
}

/* Entries of one domain refer to the same second-level tables: caches are tagged by domain. */
static void check_domain(struct vtdm *m, const uint64_t entry[2])
{
	const uint64_t id = field(entry[1], 23, 8);

	if (id >> m->caps.domain_bits)
		vtdm_complain(m, "context entry: domain-id beyond CAP.ND");
	if (m->caps.caching_mode && id == 0)
		vtdm_complain(m, "context entry: domain-id 0 is reserved in caching mode");
	if (field(entry[0], 3, 2) == 2)
		return;
	for (size_t i = 0; i < m->contexts.capacity; i++) {
		const struct vtdm_line *const line = &m->contexts.lines[i];

		if (!line->used || line->word[2] || field(line->word[0], 3, 2) == 2 ||
		    field(line->word[1], 23, 8) != id)
			continue;
		if ((line->word[0] ^ entry[0]) & address_field(m))
			vtdm_complain(m, "context entries: one domain-id, two page tables");
	}
}

static struct context decode_context(const struct vtdm *m, const uint64_t word[3])
{
	const enum vtdm_fault fault = (enum vtdm_fault)word[2];
	const bool has_entry = fault != VTDM_ROOT_ACCESS && fault != VTDM_ROOT_NOT_PRESENT &&
			       fault != VTDM_ROOT_RESERVED && fault != VTDM_CONTEXT_ACCESS;

	return (struct context){
		.fault = fault,
		.is_disabled = has_entry && (word[0] & 2),
		.type = (uint32_t)field(word[0], 3, 2),
		.levels = (uint32_t)field(word[1], 2, 0) + 2,
		.domain = vtdm_domain(m, field(word[1], 23, 8)),
		.table = word[0] & address_field(m),
	};
}

static struct context context_of(struct vtdm *m, uint16_t source)
{
	struct vtdm_line *line = vtdm_cache_find(&m->contexts, source, 0);
	uint64_t word[3] = { 0 };

	if (line)
		return decode_context(m, line->word);
	word[2] = read_context(m, source, word);
	if (!word[2])
		word[2] = check_context(m, word);
	if (!word[2])
		check_domain(m, word);
	if (!word[2] || m->caps.caching_mode) {
		line = vtdm_cache_put(&m->contexts, source, 0);
		line->word[0] = word[0];
		line->word[1] = word[1];
		line->word[2] = word[2];
	}
	return decode_context(m, word);
}

/* ---- Second-level tables ---- */

static uint64_t reserved_bits(const struct vtdm *m, uint32_t level, bool is_leaf)
{
	uint64_t reserved = span(51, m->caps.host_bits);

	if (!is_leaf)
		return reserved | BIT64(62) | BIT64(11) | (level == 4 ? ENTRY_PS : 0);
	reserved |= m->caps.device_tlb ? 0 : BIT64(62); /* TM */
	reserved |= m->caps.snoop ? 0 : ENTRY_SNP;
	return reserved | (level > 1 ? span(11 + 9 * (level - 1), 12) : 0);
}

static bool is_leaf(uint64_t entry, uint32_t level)
{
	return level == 1 || (level < 4 && (entry & ENTRY_PS));
}

static bool is_size_supported(const struct vtdm_caps *caps, uint32_t level)
{
	return level == 1 || (level == 2 ? caps->page_2m : caps->page_1g);
}

static enum vtdm_fault check_entry(const struct vtdm *m, uint64_t entry, uint32_t level,
				   const struct request *q)
{
	if (!(entry & q->wanted))
		return q->is_read ? VTDM_NO_READ : VTDM_NO_WRITE;
	if (entry & reserved_bits(m, level, is_leaf(entry, level)))
		return VTDM_PAGING_RESERVED;
	if (is_leaf(entry, level) && !is_size_supported(&m->caps, level))
		return VTDM_PAGING_RESERVED;
	return VTDM_OK;
}

/* Where the walk begins: at the lowest level whose table a paging-structure cache knows. */
static uint32_t first_level(struct vtdm *m, const struct context *c, uint64_t address,
			    uint64_t *table, uint64_t *rights)
{
	for (uint32_t level = 2; level <= c->levels; level++) {
		const struct vtdm_line *const line =
			vtdm_cache_find(&m->structures, vtdm_key(c->domain, level),
					address >> (12 + 9 * (level - 1)));

		if (line) {
			*table = line->word[0];
			*rights = line->word[1];
			return level - 1;
		}
	}
	*table = c->table;
	*rights = PERM_R | PERM_W;
	return c->levels;
}

static void keep_structure(struct vtdm *m, const struct context *c, uint64_t address,
			   uint32_t level, uint64_t table, uint64_t rights)
{
	struct vtdm_line *const line = vtdm_cache_put(&m->structures, vtdm_key(c->domain, level),
						      address >> (12 + 9 * (level - 1)));

	line->word[0] = table;
	line->word[1] = rights;
}

static struct page walk(struct vtdm *m, const struct context *c, const struct request *q)
{
	uint64_t table, rights, entry;
	uint32_t level = first_level(m, c, q->address, &table, &rights);

	m->counts.walks++;
	if (!(rights & q->wanted))
		return (struct page){ .fault = q->is_read ? VTDM_NO_READ : VTDM_NO_WRITE };
	for (;; level--) {
		const uint32_t shift = 12 + 9 * (level - 1);
		const uint64_t index = q->address >> shift & 511;
		enum vtdm_fault fault;

		if (!vtdm_table_read(m, table + 8 * index, &entry, sizeof(entry)))
			return (struct page){ .fault = VTDM_PAGING_ACCESS };
		fault = check_entry(m, entry, level, q);
		if (fault)
			return (struct page){ .fault = fault };
		rights &= entry;
		if (!(rights & q->wanted))
			return (struct page){ .fault = q->is_read ? VTDM_NO_READ : VTDM_NO_WRITE };
		table = entry & address_field(m);
		if (is_leaf(entry, level))
			return (struct page){ .base = table,
					      .rights = rights & (PERM_R | PERM_W),
					      .kind = level,
					      .snoop = entry & ENTRY_SNP };
		keep_structure(m, c, q->address, level, table, rights);
	}
}

/* ---- IOTLB ---- */

static uint32_t refusal_kind(const struct request *q)
{
	return q->is_read ? KEY_NO_READ : KEY_NO_WRITE;
}

/* `tag`: a domain-id or, by source, a source-id. */
static bool find_in(const struct vtdm_cache *cache, uint32_t tag, uint64_t address,
		    struct page *page)
{
	for (uint32_t kind = KEY_4K; kind <= KEY_1G; kind++) {
		const struct vtdm_line *const line = vtdm_cache_find(
			cache, vtdm_key(tag, kind), address >> (12 + 9 * (kind - 1)));

		if (line) {
			*page = (struct page){ .base = line->word[0],
					       .rights = line->word[1] & (PERM_R | PERM_W),
					       .kind = kind,
					       .snoop = line->word[1] & ENTRY_SNP };
			return true;
		}
	}
	return false;
}

static bool find_page(struct vtdm *m, uint32_t domain, const struct request *q, struct page *page)
{
	const struct vtdm_line *line;

	if (find_in(&m->translations, domain, q->address, page))
		return true;
	line = vtdm_cache_find(&m->translations, vtdm_key(domain, refusal_kind(q)),
			       q->address >> 12);
	if (line)
		*page = (struct page){ .fault = (enum vtdm_fault)line->word[2] };
	return line;
}

static void keep_in(struct vtdm_cache *cache, uint32_t tag, uint32_t domain, uint64_t address,
		    const struct page *page)
{
	struct vtdm_line *const line = vtdm_cache_put(cache, vtdm_key(tag, page->kind),
						      address >> (12 + 9 * (page->kind - 1)));

	line->word[0] = page->base;
	line->word[1] = page->rights | (page->snoop ? ENTRY_SNP : 0);
	line->word[2] = domain;
}

static void keep_page(struct vtdm *m, uint32_t domain, const struct request *q,
		      const struct page *page)
{
	if (page->fault && m->caps.caching_mode)
		vtdm_cache_put(&m->translations, vtdm_key(domain, refusal_kind(q)),
			       q->address >> 12)
			->word[2] = page->fault;
	if (page->fault)
		return;
	keep_in(&m->translations, domain, domain, q->address, page);
}

static struct page page_of(struct vtdm *m, const struct context *c, const struct request *q)
{
	struct page page;

	if (!find_page(m, c->domain, q, &page)) {
		page = walk(m, c, q);
		keep_page(m, c->domain, q, &page);
	}
	if (!page.fault)
		keep_in(&m->by_source, q->source, c->domain, q->address, &page);
	/* A cached entry without the right is as good as one in memory. */
	if (!page.fault && !(page.rights & q->wanted))
		page.fault = q->is_read ? VTDM_NO_READ : VTDM_NO_WRITE;
	return page;
}

/* ---- Requests ---- */

/* "Protected Memory Enable Register": with remapping on, hardware may block translated requests
 * to the regions as well, and software must not care: so it does. */
static bool is_protected(const struct vtdm *m, uint64_t host)
{
	/* What decides: base and limit have the low 21 bits as 0 and 1 here ("PLMLIMIT_REG"). */
	const uint64_t low = m->word[R_PLMBASE / 4] & ~0x1fffffu;
	const uint64_t low_end = m->word[R_PLMLIMIT / 4] | 0x1fffffu;
	const uint64_t high = reg64(m, R_PHMBASE) & ~(uint64_t)0x1fffff;
	const uint64_t high_end = reg64(m, R_PHMLIMIT) | 0x1fffff;

	if (!(m->word[R_PMEN / 4] & 1))
		return false;
	return (m->caps.low_region && host >= low && host <= low_end) ||
	       (m->caps.high_region && host >= high && host <= high_end);
}

static struct vtdm_dma pass(const struct vtdm *m, uint64_t host, bool snoop)
{
	if (is_protected(m, host))
		return (struct vtdm_dma){ .fault = VTDM_PROTECTED_REGION };
	return (struct vtdm_dma){ .host = host, .snoop = snoop };
}

static struct vtdm_dma reach(const struct vtdm *m, const struct page *page, uint64_t address)
{
	const uint64_t in_page = ((uint64_t)1 << (12 + 9 * (page->kind - 1))) - 1;
	const uint64_t host = page->base | (address & in_page);

	if (in_interrupt_range(host))
		return (struct vtdm_dma){ .fault = VTDM_TO_INTERRUPT_RANGE };
	return pass(m, host, page->snoop);
}

static struct vtdm_dma translate(struct vtdm *m, const struct context *c, const struct request *q)
{
	const uint32_t width = 12 + 9 * c->levels;
	const uint32_t limit = width < m->caps.guest_bits ? width : m->caps.guest_bits;
	struct page page;

	if (q->address >> limit)
		return (struct vtdm_dma){ .fault = VTDM_ADDRESS_TOO_WIDE };
	page = page_of(m, c, q);
	if (page.fault)
		return (struct vtdm_dma){ .fault = page.fault };
	return reach(m, &page, q->address);
}

static struct vtdm_dma remap(struct vtdm *m, const struct context *c, const struct request *q)
{
	if (c->fault)
		return (struct vtdm_dma){ .fault = c->fault };
	if (q->is_translated && c->type != 1)
		return (struct vtdm_dma){ .fault = VTDM_TRANSLATED_BLOCKED };
	if (!q->is_translated && c->type != 2)
		return translate(m, c, q);
	if (q->address >> m->caps.host_bits)
		return (struct vtdm_dma){ .fault = VTDM_ADDRESS_TOO_WIDE };
	return pass(m, q->address, false);
}

static struct vtdm_dma do_request(struct vtdm *m, const struct request *q)
{
	struct context c;
	struct vtdm_dma done;
	struct page page;

	if (!(m->word[R_GSTS / 4] & G_TE))
		return pass(m, q->address, false);
	if (!q->is_translated && find_in(&m->by_source, q->source, q->address, &page) &&
	    (page.rights & q->wanted)) {
		done = reach(m, &page, q->address);
		if (done.fault != VTDM_TO_INTERRUPT_RANGE)
			return done;
	}
	c = context_of(m, q->source);
	done = remap(m, &c, q);
	if (done.fault && done.fault < VTDM_PROTECTED_REGION)
		vtdm_report(m, &(struct vtdm_report){ .source = q->source,
						      .reason = done.fault,
						      .info = q->address &
							      span(m->caps.guest_bits - 1, 12),
						      .is_read = q->is_read,
						      .is_translated = q->is_translated,
						      .is_disabled = c.is_disabled });
	return done;
}

static struct vtdm_dma dma(struct vtdm *m, struct request *q, uint32_t bytes,
			   enum vtdm_access access)
{
	ASSERT((q->address & 4095) + bytes <= 4096);
	q->is_read = access == VTDM_READ;
	q->wanted = access == VTDM_READ ? PERM_R : PERM_W;
	/* "Capability Register", ZLR: a zero-length read of a page that may only be written. */
	if (!bytes && access == VTDM_READ && m->caps.zero_length_read)
		q->wanted = PERM_R | PERM_W;
	return do_request(m, q);
}

struct vtdm_dma vtdm_dma(struct vtdm *m, uint16_t requester, uint64_t address, uint32_t bytes,
			 enum vtdm_access access)
{
	struct request q = { .source = requester, .address = address };

	/* "Handling Requests to Interrupt Address Range": never subject to DMA remapping. */
	if (in_interrupt_range(address) || in_interrupt_range(address + bytes - !!bytes)) {
		if (access == VTDM_WRITE && bytes == 4 && address % 4 == 0)
			return (struct vtdm_dma){ .is_message = true };
		return (struct vtdm_dma){ .fault = VTDM_INTERRUPT_RANGE };
	}
	return dma(m, &q, bytes, access);
}

struct vtdm_dma vtdm_dma_translated(struct vtdm *m, uint16_t requester, uint64_t address,
				    uint32_t bytes, enum vtdm_access access)
{
	struct request q = { .source = requester, .address = address, .is_translated = true };

	return dma(m, &q, bytes, access);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The VT-d model against a slow list of mappings: three domains whose tables change all the time,
 * devices that move between them, on units of many kinds. The encoder is this file's own and knows
 * only the figures. Then the same with one duty forgotten: the list must notice every time.
 */
#include <string.h>
#include "tests/model/vtd_device.h"
#include "tests/property/random.h"
#include "tests/test.h"

#define RAM_AT    UINT64_C(0x10000000)
#define RAM_BYTES 0x800000u
#define DATA      0x400000u /* tables below, what devices may reach above */
#define DOMAINS   3u
#define DEVICES   4u
#define MAPPINGS  64u
#define BLOCKED   UINT32_MAX

static _Alignas(4096) uint8_t ram[RAM_BYTES];
static uint32_t pages_taken;

struct mapping {
	uint64_t at, host, bytes;
	uint32_t rights; /* 0: free slot */
};

static struct {
	struct mapping list[MAPPINGS];
	uint64_t root; /* of the second-level table */
} domain[DOMAINS];

static struct {
	struct vtdd device;
	uint32_t domain;
} owned[DEVICES];

/* What software forgets. */
enum lapse {
	NONE,
	NO_FLUSH,
	NO_UNMAP_INVALIDATION,
	NO_MAP_INVALIDATION,
	NO_CONTEXT_INVALIDATION,
	NO_DOMAIN_INVALIDATION,
	WRONG_DOMAIN,
	LAPSES,
};

static struct vtdm_caps caps;
static struct vtdm *unit;
static enum lapse lapse;
static uint32_t levels, wrong;

static void *memory(void *context, uint64_t address, uint64_t bytes)
{
	if (address < RAM_AT || bytes > RAM_BYTES || address - RAM_AT > RAM_BYTES - bytes)
		return NULL;
	return ram + (address - RAM_AT);
}

/* ---- Software: writes, commands ---- */

static void put(uint64_t address, uint64_t value)
{
	uint8_t *const at = memory(NULL, address, 8);

	memcpy(at, &value, 8);
	if (lapse != NO_FLUSH)
		vtdm_flushed(unit, at, 8);
}

static uint64_t get(uint64_t address)
{
	uint64_t value;

	memcpy(&value, memory(NULL, address, 8), 8);
	return value;
}

static uint64_t take_page(void)
{
	const uint64_t at = RAM_AT + 4096ull * pages_taken++;

	CHECK(pages_taken <= DATA / 4096);
	for (uint32_t i = 0; i < 512; i++)
		put(at + 8 * i, 0);
	return at;
}

#define FLUSH_WRITE_BUFFER 0x08000000u /* its status bit is set while it goes on */

static void command(uint32_t bit)
{
	const uint32_t done = bit == FLUSH_WRITE_BUFFER ? 0 : bit;

	vtdm_write(unit, 0x18, 4, (vtdm_read(unit, 0x1c, 4) & 0x96ffffff) | bit);
	for (uint32_t i = 0; i < 10 && (vtdm_read(unit, 0x1c, 4) & bit) != done; i++)
		;
}

static uint64_t queue;

static void submit(uint64_t low, uint64_t high)
{
	const uint64_t tail = vtdm_read(unit, 0x88, 8), next = (tail + 16) % 4096;

	memcpy(memory(NULL, queue + tail, 8), &low, 8);
	memcpy(memory(NULL, queue + tail + 8, 8), &high, 8);
	vtdm_write(unit, 0x88, 8, next);
	for (uint32_t i = 0; i < 10 && vtdm_read(unit, 0x80, 8) != next; i++)
		;
}

static void register_command(uint32_t reg, uint64_t value)
{
	vtdm_write(unit, reg, 8, value);
	for (uint32_t i = 0; i < 10 && vtdm_read(unit, reg, 8) >> 63; i++)
		;
}

/* Granularity 1 global, 2 domain, 3 device. */
static void invalidate_context(uint64_t granularity, uint64_t id, uint64_t source)
{
	if (caps.queue)
		submit(1 | granularity << 4 | id << 16 | source << 32, 0);
	else
		register_command(0x28, BIT64(63) | granularity << 61 | source << 16 | id);
}

/* Granularity 1 global, 2 domain, 3 pages. */
static void invalidate_iotlb(uint64_t granularity, uint64_t id, uint64_t pages)
{
	if (caps.queue) {
		submit(2 | granularity << 4 | id << 16, pages);
		return;
	}
	vtdm_write(unit, caps.iotlb_offset, 8, pages);
	register_command(caps.iotlb_offset + 8, BIT64(63) | granularity << 60 | id << 32);
}

/* Domain-ids; 0 is the one that caching mode reserves. */
static uint64_t id_of(uint32_t d)
{
	return d + 1;
}

static void invalidate_mapping(uint32_t d, const struct mapping *m)
{
	const uint64_t id = lapse == WRONG_DOMAIN ? id_of((d + 1) % DOMAINS) : id_of(d);
	const uint64_t mask = m->bytes == 4096 ? 0 : 9;

	if (caps.page_selective && mask <= caps.max_address_mask && random_below(4))
		invalidate_iotlb(3, id, m->at | mask);
	else
		invalidate_iotlb(2, id, 0);
}

/* ---- Software: tables ---- */

/* Address of the entry for `at` at `level`; makes the tables above it. 0: a large page is there. */
static uint64_t entry_of(uint32_t d, uint64_t at, uint32_t level)
{
	uint64_t table = domain[d].root;

	for (uint32_t l = levels; l > level; l--) {
		const uint64_t entry = table + 8 * (at >> (12 + 9 * (l - 1)) & 511);

		if (!(get(entry) & 3))
			put(entry, take_page() | 3);
		if (get(entry) & 0x80)
			return 0;
		table = get(entry) & 0xffffffffff000;
	}
	return table + 8 * (at >> (12 + 9 * (level - 1)) & 511);
}

static struct mapping *find(uint32_t d, uint64_t at)
{
	for (uint32_t i = 0; i < MAPPINGS; i++) {
		struct mapping *const m = &domain[d].list[i];

		if (m->rights && at >= m->at && at - m->at < m->bytes)
			return m;
	}
	return NULL;
}

/* Few indices at each level, so that tables are shared and edges met. */
static uint64_t random_page(void)
{
	static const uint64_t index[] = { 0, 1, 255, 511 };
	uint64_t at = 0;

	for (uint32_t l = 1; l <= levels; l++)
		at |= index[random_below(l > 2 ? 2 : 4)] << (12 + 9 * (l - 1));
	return at;
}

/* Domain 0 owns 2 MiB, the others 1 MiB each. */
static uint64_t random_host(uint32_t d)
{
	static const uint32_t first[] = { 0, 512, 768 }, count[] = { 512, 256, 256 };

	return RAM_AT + DATA + 4096ull * (first[d] + random_below(count[d]));
}

static void map_random(void)
{
	const uint32_t d = (uint32_t)random_below(DOMAINS);
	const bool is_large = caps.page_2m && d == 0 && !random_below(4);
	struct mapping *const m = &domain[d].list[random_below(MAPPINGS)];
	const uint64_t at = random_page();
	uint64_t entry;

	if (m->rights || find(d, at))
		return;
	entry = entry_of(d, at, is_large ? 2 : 1);
	if (!entry || (get(entry) & 3))
		return;
	*m = (struct mapping){ at, random_host(d), 4096, (uint32_t)random_between(1, 3) };
	if (is_large) {
		m->at &= ~UINT64_C(0x1fffff);
		m->host = RAM_AT + DATA;
		m->bytes = 0x200000;
	}
	put(entry, m->host | m->rights | (is_large ? 0x80 : 0));
	if (caps.caching_mode && lapse != NO_MAP_INVALIDATION)
		/* The tables that entry_of() made were not present before, for all they cover. */
		invalidate_iotlb(2, lapse == WRONG_DOMAIN ? 77 : id_of(d), 0);
	else if (caps.write_buffer && lapse != NO_FLUSH)
		command(FLUSH_WRITE_BUFFER);
}

static void unmap_random(void)
{
	const uint32_t d = (uint32_t)random_below(DOMAINS);
	struct mapping *const m = &domain[d].list[random_below(MAPPINGS)];

	if (!m->rights)
		return;
	m->rights = (uint32_t)random_below(3);
	put(entry_of(d, m->at, m->bytes == 4096 ? 1 : 2),
	    m->rights ? m->host | m->rights | (m->bytes == 4096 ? 0 : 0x80) : 0);
	if (lapse != NO_UNMAP_INVALIDATION)
		invalidate_mapping(d, m);
}

/* ---- Devices ---- */

static uint64_t context_table;

static void move_random(void)
{
	const uint32_t i = (uint32_t)random_below(DEVICES), from = owned[i].domain;
	const uint32_t to = random_below(3) ? (uint32_t)random_below(DOMAINS) : BLOCKED;
	const uint16_t source = owned[i].device.requester;
	const uint64_t at = context_table + 16 * (source & 0xff);

	put(at, 0);
	put(at + 8, to == BLOCKED ? 0 : id_of(to) << 8 | (levels - 2));
	put(at, to == BLOCKED ? 0 : domain[to].root | 1);
	owned[i].domain = to;
	if (lapse == NO_CONTEXT_INVALIDATION)
		return;
	if (from != BLOCKED || caps.caching_mode)
		invalidate_context(3, from == BLOCKED ? 0 : id_of(from), source);
	else if (caps.write_buffer && lapse != NO_FLUSH)
		command(FLUSH_WRITE_BUFFER);
	if (from != BLOCKED && lapse != NO_DOMAIN_INVALIDATION)
		invalidate_iotlb(2, id_of(from), 0);
}

/* What the list says about a request. */
static enum vtdm_fault expected(uint32_t d, uint64_t at, enum vtdm_access access, uint64_t *host)
{
	const struct mapping *m;
	const uint32_t width = levels == 3 ? 39 : 48;

	if (d == BLOCKED)
		return VTDM_CONTEXT_NOT_PRESENT;
	if (at >> (width < caps.guest_bits ? width : caps.guest_bits))
		return VTDM_ADDRESS_TOO_WIDE;
	m = find(d, at);
	if (!m || !(m->rights & (access == VTDM_READ ? 1 : 2)))
		return access == VTDM_READ ? VTDM_NO_READ : VTDM_NO_WRITE;
	*host = m->host + (at - m->at);
	return VTDM_OK;
}

static void probe(uint32_t i, uint64_t at)
{
	const enum vtdm_access access = random_below(2) ? VTDM_READ : VTDM_WRITE;
	uint64_t host = 0;
	const enum vtdm_fault fault = expected(owned[i].domain, at, access, &host);
	const struct vtdm_dma d = vtdm_dma(unit, owned[i].device.requester, at, 1, access);

	if (d.is_message || d.fault == VTDM_INTERRUPT_RANGE)
		return;
	wrong += d.fault != fault || (!fault && d.host != host);
}

static void probe_random(void)
{
	const uint32_t i = (uint32_t)random_below(DEVICES);
	const uint32_t d = owned[i].domain == BLOCKED ? 0 : owned[i].domain;
	const struct mapping *const m = &domain[d].list[random_below(MAPPINGS)];
	uint64_t at = random_page() + random_below(4096);

	probe(i, at);
	/* Where something is mapped, or was. */
	if (m->bytes)
		at = m->at + random_below(m->bytes);
	probe(i, at);
	probe(i, at ^ BIT64(random_below(64)));
	probe(i, at + 4096);
	probe(i, random_u64() >> random_below(52));
}

/* ---- Worlds ---- */

static void random_caps(void)
{
	caps = random_below(2) ? vtdm_caps_full() : vtdm_caps_least();
	caps.caching_mode = random_below(2);
	caps.coherent = random_below(2);
	caps.write_buffer = !random_below(3);
	caps.page_2m = random_below(2);
	caps.page_selective = random_below(2);
	caps.max_address_mask = random_below(2) ? 9 : 0;
	caps.latency = (uint32_t)random_below(3);
	if (lapse == NO_FLUSH)
		caps.coherent = false;
	if (lapse == NO_MAP_INVALIDATION)
		caps.caching_mode = true;
	levels = caps.level4 && random_below(2) ? 4 : 3;
}

static void enable(uint64_t root)
{
	vtdm_write(unit, 0x20, 8, root);
	if (caps.queue) {
		vtdm_write(unit, 0x90, 8, queue);
		command(0x04000000);
	}
	command(0x40000000);
	invalidate_context(1, 0, 0);
	invalidate_iotlb(1, 0, 0);
	command(0x80000000);
}

static void new_world(void)
{
	static const struct vtdm_platform platform = { memory, NULL, NULL };
	uint64_t root;

	memset(ram, 0, sizeof(ram));
	memset(domain, 0, sizeof(domain));
	pages_taken = 0;
	random_caps();
	unit = vtdm_create(&caps, &platform);
	vtdm_track(unit, RAM_AT, DATA);
	queue = take_page();
	root = take_page();
	context_table = take_page();
	put(root + 16 * 0x12, context_table | 1);
	for (uint32_t d = 0; d < DOMAINS; d++)
		domain[d].root = take_page();
	for (uint32_t i = 0; i < DEVICES; i++) {
		vtdd_init(&owned[i].device, unit, (uint16_t)(0x1200 + 9 * i), 0, random_u64());
		owned[i].device.is_master = true;
		owned[i].domain = BLOCKED;
	}
	enable(root);
}

static void live(uint32_t steps)
{
	for (uint32_t n = 0; n < steps; n++) {
		const uint64_t what = random_below(16);

		if (what < 4 && pages_taken < DATA / 4096 - 8)
			map_random();
		else if (what < 6)
			unmap_random();
		else if (what == 6)
			move_random();
		else
			probe_random();
	}
}

static void every_request_goes_where_the_list_says(void)
{
	lapse = NONE;
	wrong = 0;
	for (uint32_t world = 0; world < 24; world++) {
		new_world();
		live(1500);
		CHECK(!vtdm_complaint(unit));
		CHECK(vtdm_read(unit, 0x34, 4) <= 0xffff && !(vtdm_read(unit, 0x34, 4) & 0x70));
		vtdm_destroy(unit);
	}
	CHECK(wrong == 0);
}

static void whatever_is_forgotten_is_noticed(void)
{
	for (lapse = NONE + 1; lapse < LAPSES; lapse++) {
		uint32_t noticed = 0;

		for (uint32_t world = 0; world < 4; world++) {
			wrong = 0;
			new_world();
			live(4000);
			noticed += wrong > 0;
			vtdm_destroy(unit);
		}
		CHECK(noticed >= 3);
	}
}

/* Each domain's memory holds zeros and what its own devices wrote; tables hold what we wrote. */
static bool is_memory_apart(const uint8_t *tables)
{
	static const uint32_t end[] = { 0x200000, 0x300000, 0x400000 };

	for (uint32_t i = 0, d = 0; i < RAM_BYTES - DATA; i++) {
		d += i == end[d];
		if (ram[DATA + i] != 0 && ram[DATA + i] != 0x40 + d)
			return false;
	}
	return !memcmp(ram, tables, DATA);
}

static void a_device_writes_into_its_own_domain_only(void)
{
	static uint8_t tables[DATA];
	uint32_t arrived = 0;

	lapse = NONE;
	for (uint32_t world = 0; world < 8; world++) {
		new_world();
		for (uint32_t round = 0; round < 20; round++) {
			live(100);
			memcpy(tables, ram, DATA);
			for (uint32_t n = 0; n < 200; n++) {
				const uint32_t i = n % DEVICES, d = owned[i].domain;
				const struct vtdd_step s =
					vtdd_random(&owned[i].device, n % 8 < 4 ? 0x2000 : 0x400000,
						    (uint8_t)(d == BLOCKED ? 0xee : 0x40 + d));

				arrived += s.kind == VTDD_WRITE && s.transfer.bytes;
			}
			CHECK(is_memory_apart(tables));
		}
		vtdm_destroy(unit);
	}
	CHECK(arrived > 100);
}

int main(int argc, char **argv)
{
	random_seed(argc, argv);
	RUN(every_request_goes_where_the_list_says);
	RUN(whatever_is_forgotten_is_noticed);
	RUN(a_device_writes_into_its_own_domain_only);
	return test_failed;
}

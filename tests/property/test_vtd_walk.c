/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What arch/x86/vtd/ writes, read by the VT-d model: random maps and attachments on every kind
 * of unit, each address against a slow list. The model knows the specification only; it also
 * notices what is not flushed, not invalidated, or done in an order that is forbidden.
 */
#include <string.h>
#include "arch/clock.h"
#include "arch/mp.h"
#include "arch/x86/vtd/fault.h"
#include "arch/x86/vtd/table.h"
#include "tests/model/vtd_model.h"
#include "tests/property/random.h"
#include "tests/test.h"

/* ---- A machine: one pool, one unit ---- */

#define POOL_AT    UINT64_C(0x10000000)
#define POOL_PAGES 512u

static _Alignas(4096) uint8_t pool[POOL_PAGES][4096];
static uint64_t pool_used, now;
static struct vtdm *model;

void *arch_mem_at(hpa_t at)
{
	return &pool[0][0] + (at.v - POOL_AT);
}

hpa_t arch_mem_hpa(const void *at)
{
	return (hpa_t){ POOL_AT + (uint64_t)((const uint8_t *)at - &pool[0][0]) };
}

void *arch_mem_take_pages(uint64_t page_count)
{
	void *const at = pool[pool_used];

	if (pool_used + page_count > POOL_PAGES)
		return NULL;
	pool_used += page_count;
	return at;
}

bool arch_mem_is_sealed(void)
{
	return false;
}

/* Time passes for the unit, too, when it is looked at. */
uint64_t arch_clock_now_tsc(void)
{
	vtdm_step(model);
	return now++;
}

uint64_t arch_clock_tsc_hz(void)
{
	return 1000000000;
}

void arch_mp_relax(void)
{
}

enum err vtd_io_open(uint64_t base, uint32_t bytes, struct vtd_io *io)
{
	*io = (struct vtd_io){ vtdm_read, vtdm_write, model };
	return OK;
}

void vtd_flush(const void *at, uint64_t bytes)
{
	vtdm_flushed(model, at, bytes);
}

static void *memory(void *context, uint64_t address, uint64_t bytes)
{
	if (address < POOL_AT || bytes > sizeof(pool) || address - POOL_AT > sizeof(pool) - bytes)
		return NULL;
	return arch_mem_at((hpa_t){ address });
}

/* ---- The list ---- */

#define DOMAINS 3u
#define DEVICES 4u
#define RANGES  24u
#define NOBODY  UINT32_MAX

struct range {
	uint64_t gpa, hpa, bytes;
	uint32_t rights;
};

static struct {
	struct nested_space space;
	struct range range[RANGES];
	uint32_t count;
} domain[DOMAINS];

static uint32_t owner[DEVICES], last_did[DEVICES];
static struct vtd_unit unit;
static struct vtdm_caps caps;
static uint32_t width;

static uint16_t requester_of(uint32_t device)
{
	static const uint16_t id[DEVICES] = { 0x0000, 0x0108, 0x01ff, 0xff07 };

	return id[device];
}

static uint16_t did_of(uint32_t d)
{
	return (uint16_t)(d + 1);
}

static const struct range *find(uint32_t d, uint64_t at)
{
	for (uint32_t i = 0; i < domain[d].count; i++) {
		const struct range *const r = &domain[d].range[i];

		if (at >= r->gpa && at - r->gpa < r->bytes)
			return r;
	}
	return NULL;
}

static bool meets(uint32_t d, const struct range *r)
{
	for (uint32_t i = 0; i < domain[d].count; i++) {
		const struct range *const o = &domain[d].range[i];

		if (r->gpa < o->gpa + o->bytes && o->gpa < r->gpa + r->bytes)
			return true;
	}
	return false;
}

static bool meets_messages(uint64_t at, uint64_t bytes)
{
	return at < 0xfef00000 && at + bytes > 0xfee00000;
}

/* ---- Probes ---- */

static enum vtdm_fault expected(uint32_t d, uint64_t at, enum vtdm_access access, uint64_t *host)
{
	const struct range *r;

	if (d == NOBODY)
		return VTDM_CONTEXT_NOT_PRESENT;
	if (at >> width)
		return VTDM_ADDRESS_TOO_WIDE;
	r = find(d, at);
	if (!r || !(r->rights & (access == VTDM_READ ? SPACE_READ : SPACE_WRITE)))
		return access == VTDM_READ ? VTDM_NO_READ : VTDM_NO_WRITE;
	*host = r->hpa + (at - r->gpa);
	return VTDM_OK;
}

/* A bus that no device was attached on yet has no context table. */
static bool is_fault_right(enum vtdm_fault got, enum vtdm_fault want)
{
	return got == want || (want == VTDM_CONTEXT_NOT_PRESENT && got == VTDM_ROOT_NOT_PRESENT);
}

static void check_record(uint32_t device, uint64_t at, enum vtdm_access access,
			 enum vtdm_fault fault)
{
	const uint64_t mask = ((uint64_t)1 << caps.guest_bits) - 4096;
	struct vtd_fault_record f;
	uint32_t lost = 0;

	CHECK(vtd_fault_take(&unit, &f, &lost) && lost == 0);
	CHECK(f.requester == requester_of(device) && f.reason == fault && !f.is_interrupt);
	CHECK(f.is_write == (access == VTDM_WRITE) && f.address == (at & mask));
	CHECK(!vtd_fault_take(&unit, &f, &lost) && lost == 0);
}

static void probe(uint32_t device, uint64_t at)
{
	const enum vtdm_access access = random_below(2) ? VTDM_READ : VTDM_WRITE;
	uint64_t host = 0;
	enum vtdm_fault want;
	struct vtdm_dma d;

	if (meets_messages(at, 1))
		return;
	want = expected(owner[device], at, access, &host);
	d = vtdm_dma(model, requester_of(device), at, 1, access);
	CHECK(is_fault_right(d.fault, want));
	if (d.fault)
		check_record(device, at, access, d.fault);
	else
		CHECK(d.host == host && d.snoop == caps.snoop);
}

/* Edges, the boundaries of large pages, and anywhere; every page of a small range. */
static void probe_range(uint32_t device, const struct range *r)
{
	const uint64_t last = r->gpa + r->bytes - 1;

	probe(device, r->gpa - 1);
	probe(device, r->gpa);
	probe(device, last);
	probe(device, last + 1);
	probe(device, r->gpa + random_below(r->bytes));
	for (uint32_t shift = 21; shift <= 39; shift += 9) {
		const uint64_t boundary = align_up(r->gpa + 1, (uint64_t)1 << shift);

		probe(device, boundary - 1);
		probe(device, boundary);
		probe(device, align_down(last, (uint64_t)1 << shift) - 1);
	}
	for (uint64_t at = r->gpa; r->bytes <= 16 * 4096 && at < last; at += 4096)
		probe(device, at + random_below(4096));
}

static void probe_all(void)
{
	for (uint32_t device = 0; device < DEVICES; device++) {
		for (uint32_t d = 0; d < DOMAINS; d++) {
			for (uint32_t i = 0; i < domain[d].count; i++)
				probe_range(device, &domain[d].range[i]);
		}
	}
}

/* ---- Changes ---- */

/* At most a level above the largest page: more would take tables without end. */
static struct range random_range(uint32_t d)
{
	const uint32_t largest = (uint32_t)domain[d].space.largest;
	const uint32_t shift = 12 + 9 * (uint32_t)random_below(largest == NESTED_4K ? 2 : 3);
	const uint64_t pages = random_between(1, 6);
	const uint64_t low = align_down(random_u64() >> (64 - width), (uint64_t)1 << shift);
	const uint64_t host = align_down(random_u64() >> (64 - caps.host_bits), 1ull << shift);
	const uint64_t odd = random_below(2) ? 4096 * random_below(600) : 0;

	return (struct range){ low + odd, host + odd, (pages << shift) + (odd & 0x7000),
			       SPACE_READ | (random_below(2) ? SPACE_WRITE : 0) };
}

static void map_random(void)
{
	const uint32_t d = (uint32_t)random_below(DOMAINS);
	const struct range r = random_range(d);

	if (domain[d].count == RANGES || meets(d, &r) || meets_messages(r.gpa, r.bytes) ||
	    meets_messages(r.hpa, r.bytes) || (r.gpa + r.bytes) >> width ||
	    (r.hpa + r.bytes) >> caps.host_bits || POOL_PAGES - pool_used < 64)
		return;
	CHECK(nested_space_map(&domain[d].space, r.gpa, r.hpa, r.bytes, r.rights) == OK);
	CHECK(vtd_table_mapped(&unit, did_of(d)) == OK);
	domain[d].range[domain[d].count++] = r;
}

static void move_random(void)
{
	const uint32_t device = (uint32_t)random_below(DEVICES);
	const uint32_t to = (uint32_t)random_below(DOMAINS);

	if (owner[device] != NOBODY) {
		CHECK(vtd_table_block(&unit, requester_of(device), (uint16_t)last_did[device]) ==
		      OK);
		owner[device] = NOBODY;
		return;
	}
	CHECK(vtd_table_attach(&unit, requester_of(device), did_of(to), &domain[to].space) == OK);
	owner[device] = to;
	last_did[device] = did_of(to);
}

/* ---- Worlds ---- */

static struct nested_space space_of(uint32_t levels, enum nested_page largest)
{
	return (struct nested_space){ .format = NESTED_VTD,
				      .largest = largest,
				      .level_count = levels,
				      .physical_address_bits = caps.host_bits,
				      .leaf_bits = caps.snoop ? BIT64(11) : 0,
				      .written = caps.coherent ? NULL : vtd_flush };
}

static void new_world(uint32_t levels, enum nested_page largest)
{
	static const struct vtdm_platform platform = { memory, NULL, NULL };
	const char *missing = NULL;

	memset(pool, 0, sizeof(pool));
	memset(domain, 0, sizeof(domain));
	pool_used = 0;
	model = vtdm_create(&caps, &platform);
	vtdm_track(model, POOL_AT, sizeof(pool));
	width = levels == 3 ? 39 : 48;
	unit = (struct vtd_unit){ 0 };
	CHECK(vtd_unit_open(&unit, 0xfed90000, 0, &missing) == OK);
	vtd_unit_choose(&unit, true, VTD_X2APIC);
	CHECK(vtd_unit_start(&unit, &missing) == OK);
	for (uint32_t d = 0; d < DOMAINS; d++) {
		domain[d].space = space_of(levels, largest);
		CHECK(nested_space_create(&domain[d].space) == OK);
	}
	for (uint32_t i = 0; i < DEVICES; i++) {
		owner[i] = NOBODY;
		last_did[i] = 0;
	}
}

static void live(void)
{
	for (uint32_t n = 0; n < 32; n++) {
		if (random_below(3))
			map_random();
		else
			move_random();
		probe((uint32_t)random_below(DEVICES), random_u64() >> random_below(52));
		if (n % 8 == 7)
			probe_all();
	}
	CHECK(vtdm_complaint(model) == NULL);
	CHECK(!(vtdm_read(model, 0x34, 4) & 0x71)); /* no overflow, no error of the queue */
}

static void choose_caps(uint32_t kind, uint32_t levels, enum nested_page largest)
{
	const bool has_queue = kind & 1;

	caps = has_queue ? vtdm_caps_full() : vtdm_caps_least();
	caps.level3 = levels == 3;
	caps.level4 = levels == 4;
	caps.guest_bits = levels == 3 ? 39 : 48;
	caps.page_2m = largest >= NESTED_2M;
	caps.page_1g = largest >= NESTED_1G;
	caps.coherent = kind & 2;
	caps.snoop = kind & 4;
	caps.caching_mode = kind & 8;
	caps.write_buffer = kind & 16;
	caps.root_invalidates = caps.irt_invalidates = caps.page_selective = kind & 32;
	caps.latency = (uint32_t)random_below(4);
}

static void every_address_on_every_kind_of_unit(void)
{
	for (uint32_t kind = 0; kind < 64; kind++) {
		for (uint32_t levels = 3; levels <= 4; levels++) {
			for (uint32_t largest = NESTED_4K; largest <= NESTED_1G; largest++) {
				choose_caps(kind, levels, largest);
				new_world(levels, largest);
				live();
				vtdm_destroy(model);
			}
		}
	}
}

static void before_anything_is_attached_nothing_is_reached(void)
{
	struct vtd_fault_record f;
	uint32_t lost = 0;

	choose_caps(1 | 2 | 4, 4, NESTED_1G);
	new_world(4, NESTED_1G);
	for (uint32_t id = 0; id < 0x10000; id++) {
		CHECK(vtdm_dma(model, (uint16_t)id, 0x1000, 8, VTDM_WRITE).fault ==
		      VTDM_ROOT_NOT_PRESENT);
		CHECK(vtdm_interrupt(model, (uint16_t)id, 0xfee00000, 0x41).delivery ==
		      VTDM_BLOCKED);
		CHECK(vtdm_interrupt(model, (uint16_t)id, 0xfee00018, 0).delivery == VTDM_BLOCKED);
		while (vtd_fault_take(&unit, &f, &lost))
			;
	}
	CHECK(vtdm_complaint(model) == NULL);
	vtdm_destroy(model);
}

int main(int argc, char **argv)
{
	random_seed(argc, argv);
	RUN(before_anything_is_attached_nothing_is_reached);
	RUN(every_address_on_every_kind_of_unit);
	return test_failed;
}

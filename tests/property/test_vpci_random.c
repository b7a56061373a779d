/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Guests at random over functions at random, beside slow models: configuration space as single bits,
 * decoding as pages of the window with owners, MSI-X as one lock after the other. No write
 * leaves its mask; whatever an answer of the model says differently afterwards, the effect said.
 */
#include <string.h>
#include "io/vmsix.h"
#include "io/vpci.h"
#include "tests/property/random.h"
#include "tests/test.h"

#define WINDOW UINT64_C(0xe0100000)
#define PAGES  256u

static struct vpci p;

/* ---- Configuration space, bit by bit ---- */

struct bits {
	bool value[2048], writable[2048];
};
static struct bits bits[VPCI_FUNCTION_MAX];
static struct vpci_facts facts[VPCI_FUNCTION_MAX];

static void bits_set(struct bits *b, uint32_t byte, uint32_t width, uint32_t value,
		     uint32_t writable)
{
	for (uint32_t i = 0; i < 8 * width; i++) {
		b->value[8 * byte + i] = value >> i & 1;
		b->writable[8 * byte + i] = writable >> i & 1;
	}
}

static uint32_t bits_get(const struct bits *b, uint32_t byte, uint32_t width)
{
	uint32_t value = 0;

	for (uint32_t i = 0; i < 8 * width; i++)
		value |= (uint32_t)b->value[8 * byte + i] << i;
	return value;
}

static uint64_t size_of(const struct vpci_bar *bar)
{
	return bar->kind == VPCI_BAR_NONE ? 0 : bar->bytes < 4096 ? 4096 : bar->bytes;
}

static void model_bars(struct bits *b, const struct vpci_facts *f, const uint64_t *placed)
{
	for (uint32_t i = 0; i < 6; i++) {
		const uint64_t base = placed[i], bytes = size_of(&f->bars[i]);

		if (bytes == 0)
			continue;
		for (uint32_t bit = 0; bit < (f->bars[i].kind == VPCI_BAR_MEM64 ? 64 : 32); bit++) {
			b->value[8 * (0x10 + 4 * i) + bit] = base >> bit & 1;
			b->writable[8 * (0x10 + 4 * i) + bit] = BIT64(bit) >= bytes;
		}
		b->value[8 * (0x10 + 4 * i) + 2] = f->bars[i].kind == VPCI_BAR_MEM64;
		b->value[8 * (0x10 + 4 * i) + 3] = f->bars[i].is_prefetchable;
	}
}

/* Behind one another; where the first is, or 0. */
static uint32_t model_vendors(struct bits *b, const struct vpci_facts *f)
{
	const uint32_t first = f->msi_count ? 0xa8 : 0x90;
	uint32_t at = first;

	for (uint32_t i = 0; i < f->vendor_count; i++) {
		const uint32_t end = at + f->vendors[i].bytes;

		bits_set(b, at, 2, 9 | (i + 1 < f->vendor_count ? end << 8 : 0), 0);
		for (uint32_t n = 2; at + n < end; n++)
			bits_set(b, at + n, 1, f->vendors[i].data[n],
				 f->vendors[i].is_window && (n == 4 || n >= 8) ? 0xff : 0);
		at = end;
	}
	return f->vendor_count ? first : 0;
}

/* From the specification's figures; the list in the order of addresses. */
static void model_function(struct bits *b, const struct vpci_facts *f, const uint64_t *placed)
{
	uint32_t next;

	memset(b, 0, sizeof(*b));
	bits_set(b, 0, 4, f->vendor | (uint32_t)f->device << 16, 0);
	bits_set(b, 4, 2, 0, 0x0546);
	bits_set(b, 8, 4, f->class_code << 8 | f->revision, 0);
	bits_set(b, 0x2c, 4, f->subsystem_vendor | (uint32_t)f->subsystem_device << 16, 0);
	model_bars(b, f, placed);
	next = model_vendors(b, f);
	if (f->msi_count) {
		const uint32_t at = f->msi_is_64 ? 0x9c : 0x98;

		bits_set(b, 0x90, 4,
			 5 | next << 8 | (uint32_t)__builtin_ctz(f->msi_count) << 17 |
				 (uint32_t)f->msi_is_64 << 23 | (uint32_t)f->msi_has_masks << 24,
			 0x00710000);
		bits_set(b, 0x94, 4, 0, 0xfffffffc);
		if (f->msi_is_64)
			bits_set(b, 0x98, 4, 0, UINT32_MAX);
		bits_set(b, at, 2, 0, 0xffff);
		for (uint32_t i = 0; f->msi_has_masks && i < f->msi_count; i++)
			b->writable[8 * (at + 4) + i] = true;
		next = 0x90;
	}
	if (f->msix_count) {
		bits_set(b, 0x80, 4, 0x11 | next << 8 | (f->msix_count - 1u) << 16, 0xc0000000);
		bits_set(b, 0x84, 4, f->msix_table_offset | f->msix_table_bar, 0);
		bits_set(b, 0x88, 4, f->msix_pba_offset | f->msix_pba_bar, 0);
		next = 0x80;
	}
	if (f->is_pcie) {
		bits_set(b, 0x40, 4, 0x10 | next << 8 | 0x920000, 0);
		bits_set(b, 0x44, 4, (f->device_capabilities & 0x27) | 0x8000, 0);
		bits_set(b, 0x48, 2, f->device_control & 0x79ff, 0x081f);
		next = 0x40;
	}
	if (next)
		bits_set(b, 6, 2, 0x10, 0);
	bits_set(b, 0x34, 1, next, 0);
}

static uint32_t all_ones(uint32_t width)
{
	return width == 4 ? UINT32_MAX : (1u << 8 * width) - 1;
}

static uint32_t model_read(uint32_t function, uint32_t reg, uint32_t width)
{
	if (function >= p.function_count || reg % width)
		return all_ones(width);
	if (reg >= 256)
		return facts[function].is_pcie ? 0 : all_ones(width);
	return bits_get(&bits[function], reg, width);
}

static void model_write(uint32_t function, uint32_t reg, uint32_t width, uint32_t value)
{
	if (function >= p.function_count || reg % width || reg >= 256)
		return;
	for (uint32_t i = 0; i < 8 * width; i++)
		if (bits[function].writable[8 * reg + i])
			bits[function].value[8 * reg + i] = value >> i & 1;
}

/* ---- Decoding: each page of the window has the first owner that comes ---- */

struct answers {
	bool decodes[VPCI_FUNCTION_MAX][6];
	uint64_t at[VPCI_FUNCTION_MAX][6];
	bool master[VPCI_FUNCTION_MAX];
	bool msi[VPCI_FUNCTION_MAX][32];
	uint64_t message[VPCI_FUNCTION_MAX][32];
	uint32_t control[VPCI_FUNCTION_MAX];
};

static void model_decoding(struct answers *a)
{
	static bool owned[PAGES];

	memset(owned, 0, sizeof(owned));
	for (uint32_t i = 1; i < p.function_count; i++)
		for (uint32_t k = 0; k < 6; k++) {
			const uint64_t pages = size_of(&facts[i].bars[k]) / 4096;
			uint64_t at = bits_get(&bits[i], 0x10 + 4 * k, 4) & ~15u;
			bool free = pages && bits[i].value[8 * 4 + 1];

			if (facts[i].bars[k].kind == VPCI_BAR_MEM64)
				at |= (uint64_t)bits_get(&bits[i], 0x14 + 4 * k, 4) << 32;
			for (uint64_t n = 0; free && n < pages; n++)
				free = at >= WINDOW && (at - WINDOW) / 4096 + n < PAGES &&
				       !owned[(at - WINDOW) / 4096 + n];
			for (uint64_t n = 0; free && n < pages; n++)
				owned[(at - WINDOW) / 4096 + n] = true;
			a->decodes[i][k] = free;
			a->at[i][k] = free ? at : 0;
		}
}

static void model_messages(struct answers *a, uint32_t i)
{
	const struct bits *b = &bits[i];
	const uint32_t data_at = facts[i].msi_is_64 ? 0x9c : 0x98;
	uint32_t count = 1u << bits_get(b, 0x92, 2) / 16 % 8;

	if (count > facts[i].msi_count)
		count = facts[i].msi_count;
	if (facts[i].msi_count == 0 || !b->value[8 * 0x92] ||
	    (facts[i].msix_count && b->value[8 * 0x83 + 7]))
		count = 0;
	for (uint32_t n = 0; n < count; n++) {
		uint64_t address = bits_get(b, 0x94, 4);
		uint32_t data = bits_get(b, data_at, 2);

		if (facts[i].msi_is_64)
			address |= (uint64_t)bits_get(b, 0x98, 4) << 32;
		for (uint32_t bit = 0; 1u << bit < count; bit++)
			data = (data & ~(1u << bit)) | (n & 1u << bit);
		a->msi[i][n] = !facts[i].msi_has_masks || !b->value[8 * (data_at + 4) + n];
		a->message[i][n] = a->msi[i][n] ? address ^ (uint64_t)data << 32 ^ data : 0;
	}
}

static void model_answers(struct answers *a)
{
	memset(a, 0, sizeof(*a));
	model_decoding(a);
	for (uint32_t i = 1; i < p.function_count; i++) {
		a->master[i] = bits[i].value[8 * 4 + 2];
		model_messages(a, i);
		a->control[i] = facts[i].msix_count ? bits_get(&bits[i], 0x83, 1) >> 6 : 0;
	}
}

static void check_answers(const struct answers *a)
{
	for (uint32_t i = 1; i < p.function_count; i++) {
		bool enabled, masked;

		for (uint32_t k = 0; k < 6; k++) {
			uint64_t at = 0;
			const bool decodes = vpci_decodes(&p, i, k, &at);

			CHECK(decodes == a->decodes[i][k] && (!decodes || at == a->at[i][k]));
		}
		CHECK(vpci_is_master(&p, i) == a->master[i]);
		for (uint32_t n = 0; n < 32; n++) {
			uint64_t address;
			uint32_t data;
			const bool is_on = vpci_msi(&p, i, n, &address, &data);

			CHECK(is_on == a->msi[i][n]);
			CHECK(!is_on ||
			      (address ^ (uint64_t)data << 32 ^ data) == a->message[i][n]);
		}
		vpci_msix_control(&p, i, &enabled, &masked);
		CHECK(((uint32_t)enabled << 1 | masked) == a->control[i]);
	}
}

/* Nothing is different of which the effect did not speak. */
static void check_effect(struct vpci_effect e, const struct answers *was, const struct answers *is)
{
	const uint32_t i = e.function;

	if (!(e.changes & VPCI_DECODING))
		CHECK(memcmp(was->at, is->at, sizeof(was->at)) == 0);
	for (uint32_t n = 1; n < VPCI_FUNCTION_MAX; n++) {
		const uint32_t changes = n == i ? e.changes : 0;

		CHECK((changes & VPCI_MASTER) || was->master[n] == is->master[n]);
		CHECK((changes & VPCI_VECTORS) || was->control[n] == is->control[n]);
		CHECK((changes & VPCI_MESSAGES) ||
		      memcmp(was->message[n], is->message[n], sizeof(was->message[n])) == 0);
	}
}

/* ---- Functions and guests at random ---- */

static void random_bars(struct vpci_facts *f)
{
	for (uint32_t i = 0; i < 6; i++) {
		if (random_below(2))
			continue;
		f->bars[i].kind = i < 5 && random_below(2) ? VPCI_BAR_MEM64 : VPCI_BAR_MEM32;
		f->bars[i].is_prefetchable = random_below(2);
		f->bars[i].bytes = BIT64(random_between(8, 14));
		if (f->bars[i].kind == VPCI_BAR_MEM64)
			i++;
	}
}

static void random_vendors(struct vpci_facts *f)
{
	f->vendor_count = (uint8_t)random_below(5);
	for (uint32_t i = 0; i < f->vendor_count; i++) {
		f->vendors[i].is_window = i == 2;
		f->vendors[i].bytes = (uint8_t)(i == 2 ? 20 : 4 * random_between(1, 5));
		for (uint32_t n = 0; n < VPCI_VENDOR_BYTES; n++)
			f->vendors[i].data[n] = (uint8_t)random_u64();
	}
}

static void random_function(struct vpci_facts *f)
{
	*f = (struct vpci_facts){ .vendor = (uint16_t)random_u64(),
				  .device = (uint16_t)random_u64(),
				  .class_code = (uint32_t)random_below(1 << 24),
				  .revision = (uint8_t)random_u64(),
				  .subsystem_vendor = (uint16_t)random_u64(),
				  .is_pcie = random_below(2),
				  .msi_is_64 = random_below(2),
				  .msi_has_masks = random_below(2),
				  .device_capabilities = (uint32_t)random_u64(),
				  .device_control = (uint16_t)random_u64() };
	random_bars(f);
	random_vendors(f);
	if (random_below(2))
		f->msi_count = (uint8_t)(1u << random_below(6));
	for (uint8_t i = 0; i < 6 && !f->msix_count; i++)
		if (f->bars[i].kind != VPCI_BAR_NONE && f->bars[i].bytes >= 1024) {
			f->msix_count = (uint16_t)random_between(1, 32);
			f->msix_table_bar = f->msix_pba_bar = i;
			f->msix_pba_offset = 512;
		}
}

static void random_machine(void)
{
	const uint64_t count = random_between(1, 8);
	uint32_t index;

	vpci_init(&p);
	memset(facts, 0, sizeof(facts));
	for (uint64_t i = 1; i <= count; i++) {
		random_function(&facts[i]);
		CHECK(vpci_add(&p, &facts[i], &index) == OK && index == i);
	}
	CHECK(vpci_place(&p, WINDOW, WINDOW + PAGES * 4096ull) == OK);
	memset(&bits[0], 0, sizeof(bits[0]));
	bits_set(&bits[0], 0, 4, 0x00081b36, 0);
	bits_set(&bits[0], 8, 4, 0x06000000, 0);
	for (uint32_t i = 1; i < p.function_count; i++)
		model_function(&bits[i], &facts[i], p.functions[i].placed);
}

static uint32_t random_value(void)
{
	switch (random_below(5)) {
	case 0:
		return UINT32_MAX;
	case 1:
		return 0;
	case 2: /* in the window, or nearly */
		return (uint32_t)(WINDOW + 4096 * random_below(PAGES + 8)) - 4096;
	case 3: /* commands, controls */
		return (uint32_t)random_below(256) | (uint32_t)random_below(4) << 30;
	default:
		return (uint32_t)random_u64();
	}
}

static uint32_t random_register(void)
{
	static const uint32_t often[] = { 4,    0x10, 0x14, 0x18, 0x1c, 0x20, 0x24, 0x48,
					  0x80, 0x82, 0x90, 0x92, 0x94, 0x98, 0x9c, 0xa0 };

	if (random_below(4))
		return often[random_below(ARRAY_SIZE(often))] + (uint32_t)random_below(2);
	return (uint32_t)random_below(random_below(8) ? 256 : 4096);
}

static struct vpci_effect random_write(uint32_t function, uint32_t reg, uint32_t width,
				       uint32_t value)
{
	if (reg >= 256 || random_below(2))
		return vpci_ecam_write(&p, (uint64_t)function << 15 | reg, width, value);
	vpci_port_write(&p, 0xcf8, 4, 0x80000000 | function << 11 | (reg & 0xfc));
	return vpci_port_write(&p, (uint16_t)(0xcfc + reg % 4), width, value);
}

static void no_write_leaves_its_mask_and_effects_say_all(void)
{
	struct answers was, is;

	for (uint32_t n = 0; n < 150; n++) {
		random_machine();
		model_answers(&is);
		for (uint32_t step = 0; step < 300; step++) {
			const uint32_t function = (uint32_t)random_below(p.function_count + 1);
			const uint32_t reg = random_register(), width = 1u << random_below(3);
			const uint32_t value = random_value();
			struct vpci_effect e;

			if ((reg & 3) + width > 4 && reg % width)
				continue; /* the ports cannot say that */
			was = is;
			e = random_write(function, reg, width, value);
			model_write(function, reg, width, value);
			model_answers(&is);
			check_effect(e, &was, &is);
			CHECK(e.fire == 0);
			CHECK(vpci_ecam_read(&p, (uint64_t)function << 15 | reg, width) ==
			      model_read(function, reg, width));
		}
		check_answers(&is);
		for (uint32_t i = 0; i < p.function_count; i++)
			for (uint32_t reg = 0; reg < 256; reg += 4)
				CHECK(vpci_ecam_read(&p, (uint64_t)i << 15 | reg, 4) ==
				      model_read(i, reg, 4));
	}
}

/* ---- MSI-X: messages are counted; what is sent arrives once, merged while it waits ---- */

struct slow_entry {
	uint32_t dword[4];
	bool waits;
};

static bool slow_open(const struct slow_entry *e, bool enabled, bool masked)
{
	return enabled && !masked && !(e->dword[3] & 1);
}

static void messages_arrive_as_the_table_says(void)
{
	static struct slow_entry slow[64], old[64];
	struct vmsix m;

	for (uint32_t n = 0; n < 400; n++) {
		const uint32_t count = (uint32_t)random_between(1, 64);
		bool enabled = false, masked = false;

		CHECK(vmsix_init(&m, count) == OK);
		memset(slow, 0, sizeof(slow));
		for (uint32_t i = 0; i < 64; i++)
			slow[i].dword[3] = 1;
		for (uint32_t step = 0; step < 300; step++) {
			const uint32_t i = (uint32_t)random_below(count + 1);
			const bool was_enabled = enabled, was_masked = masked;
			struct vmsix_effect e = { 0, 0 }, expected = { 0, 0 };

			memcpy(old, slow, sizeof(old));
			if (random_below(8) == 0) {
				enabled = random_below(4) != 0;
				masked = random_below(3) == 0;
				e = vmsix_set_control(&m, enabled, masked);
				for (uint32_t k = 0; k < count; k++)
					slow[k].waits &= enabled;
			} else if (random_below(2)) {
				const bool open = i < count && slow_open(&slow[i], enabled, masked);

				CHECK(vmsix_post(&m, i) == open);
				if (i < count && enabled && !open)
					slow[i].waits = true;
			} else {
				const uint32_t width = random_below(2) ? 8 : 4;
				const uint32_t at =
					(uint32_t)random_below(4) & (width == 8 ? 2u : 3u);
				const uint64_t value =
					random_below(2) ? random_u64() : random_below(3);

				e = vmsix_write(&m, i * 16 + at * 4, width, value);
				for (uint32_t k = 0; i < count && k < width / 4; k++) {
					const uint32_t mask = at + k == 0   ? ~3u
							      : at + k == 3 ? 1
									    : UINT32_MAX;

					slow[i].dword[at + k] = (uint32_t)(value >> 32 * k) & mask;
				}
			}
			for (uint32_t k = 0; k < count; k++) {
				const bool was = slow_open(&old[k], was_enabled, was_masked);
				const bool is = slow_open(&slow[k], enabled, masked);
				uint64_t address;
				uint32_t data;

				if (was != is ||
				    (is && memcmp(old[k].dword, slow[k].dword, 12) != 0))
					expected.changed |= BIT64(k);
				if (is && slow[k].waits) {
					expected.fire |= BIT64(k);
					slow[k].waits = false;
				}
				CHECK(vmsix_route(&m, k, &address, &data) == is);
				CHECK(!is || (data == slow[k].dword[2] &&
					      address == (slow[k].dword[0] |
							  (uint64_t)slow[k].dword[1] << 32)));
				CHECK((vmsix_read_pending(&m, 0, 8, 0) >> k & 1) == slow[k].waits);
			}
			CHECK(e.changed == expected.changed && e.fire == expected.fire);
		}
	}
}

int main(int argc, char **argv)
{
	random_seed(argc, argv);
	RUN(no_write_leaves_its_mask_and_effects_say_all);
	RUN(messages_arrive_as_the_table_says);
	return test_failed;
}

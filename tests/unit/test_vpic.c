/* SPDX-License-Identifier: Apache-2.0 */
/* The two 8259As against a pair that keeps its priorities as a list, over random operations. */
#include <stdlib.h>
#include <string.h>
#include "arch/x86/pc/vpic.h"
#include "tests/test.h"

static uint64_t seed = 1;

static uint32_t random_below(uint32_t limit)
{
	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)((seed >> 33) % limit);
}

static struct vpic p;

/* ---- The slow pair ---- */

struct chip {
	bool line[8], edge[8], level[8], in_service[8], masked[8];
	int order[8]; /* highest priority first */
	int base, icw;
	bool icw3, icw4, aeoi, aeoi_rotates, smm, polled, show_isr, sfnm;
};
static struct chip chips[2];

static void order_from(struct chip *c, int lowest)
{
	for (int i = 0; i < 8; i++)
		c->order[i] = (lowest + 1 + i) % 8;
}

static void model_reset(void)
{
	memset(chips, 0, sizeof(chips));
	for (int k = 0; k < 2; k++) {
		order_from(&chips[k], 7);
		memset(chips[k].masked, 1, 8);
	}
	chips[0].base = 0x08;
	chips[1].base = 0x70;
	chips[1].level[1] = true;
}

static int model_winner(int k);

static bool requests(int k, int i)
{
	const struct chip *c = &chips[k];

	if (k == 0 && i == 2)
		return model_winner(1) >= 0;
	return c->level[i] ? c->line[i] : c->edge[i];
}

/* The list from the top: the first that asks, unless one in service comes before it. */
static int model_winner(int k)
{
	const struct chip *c = &chips[k];

	if (c->icw)
		return -1;
	for (int n = 0; n < 8; n++) {
		const int i = c->order[n];
		const bool asks = requests(k, i) && !c->masked[i];
		const bool holds = c->in_service[i] && !(c->smm && c->masked[i]);

		if (asks && holds && k == 0 && i == 2 && c->sfnm)
			return i;
		if (holds)
			return -1;
		if (asks)
			return i;
	}
	return -1;
}

static int model_take(int k)
{
	struct chip *c = &chips[k];
	const int i = model_winner(k);

	if (i < 0)
		return -1;
	c->edge[i] = false;
	if (!c->aeoi)
		c->in_service[i] = true;
	else if (c->aeoi_rotates)
		order_from(c, i);
	return i;
}

static int model_acknowledge(void)
{
	const int i = model_take(0);
	int s;

	if (i < 0)
		return chips[0].base + 7;
	if (i != 2)
		return chips[0].base + i;
	s = model_take(1);
	return chips[1].base + (s < 0 ? 7 : s);
}

static void model_line(int irq, bool level)
{
	struct chip *c = &chips[irq / 8];
	const int i = irq % 8;

	if (level && !c->line[i])
		c->edge[i] = true;
	if (!level)
		c->edge[i] = false;
	c->line[i] = level;
}

static int to_bits(const bool *set)
{
	int v = 0;

	for (int i = 0; i < 8; i++)
		v |= set[i] << i;
	return v;
}

static int model_read(int k, int a0)
{
	struct chip *c = &chips[k];
	int v = 0;

	if (c->polled) {
		c->polled = false;
		v = model_take(k);
		return v < 0 ? 7 : 0x80 | v;
	}
	if (a0)
		return to_bits(c->masked);
	if (c->show_isr)
		return to_bits(c->in_service);
	for (int i = 0; i < 8; i++)
		v |= requests(k, i) << i;
	return v;
}

static void model_icw(struct chip *c, int v)
{
	if (c->icw == 2) {
		c->base = v & ~7;
		c->icw = c->icw3 ? 3 : c->icw4 ? 4 : 0;
	} else if (c->icw == 3) {
		c->icw = c->icw4 ? 4 : 0;
	} else {
		c->aeoi = v >> 1 & 1;
		c->sfnm = v >> 4 & 1;
		c->icw = 0;
	}
}

static void model_ocw2(struct chip *c, int v)
{
	int i = -1;

	switch (v >> 5) {
	case 1: /* non-specific EOI */
	case 5: /* and rotate */
		for (int n = 7; n >= 0; n--)
			if (c->in_service[c->order[n]] && !(c->smm && c->masked[c->order[n]]))
				i = c->order[n];
		break;
	case 3: /* specific EOI */
	case 7: /* and rotate */
		i = v & 7;
		break;
	case 6:
		order_from(c, v & 7);
		return;
	case 0:
	case 4:
		c->aeoi_rotates = v >> 7;
		return;
	default:
		return;
	}
	if (i < 0)
		return;
	c->in_service[i] = false;
	if (v >> 7)
		order_from(c, i);
}

static void model_write(int k, int a0, int v)
{
	struct chip *c = &chips[k];
	struct chip fresh = { .base = c->base };

	if (a0 && c->icw) {
		model_icw(c, v);
	} else if (a0) {
		for (int i = 0; i < 8; i++)
			c->masked[i] = v >> i & 1;
	} else if (v & 0x10) {
		memcpy(fresh.line, c->line, 8);
		memcpy(fresh.level, c->level, 8);
		*c = fresh;
		order_from(c, 7);
		c->icw = 2;
		c->icw3 = !(v & 2);
		c->icw4 = v & 1;
	} else if (v & 0x08) {
		if (v & 0x40)
			c->smm = v >> 5 & 1;
		if (v & 2)
			c->show_isr = v & 1;
		c->polled = v >> 2 & 1;
	} else {
		model_ocw2(c, v);
	}
}

static void model_elcr(int k, int v)
{
	v &= k ? 0xde : 0xf8;
	for (int i = 0; i < 8; i++) {
		if (chips[k].level[i] != (v >> i & 1))
			chips[k].edge[i] = false;
		chips[k].level[i] = v >> i & 1;
	}
}

/* ---- Both ---- */

static const uint16_t ports[2] = { 0x20, 0xa0 };

static void both_write(int k, int a0, uint32_t v)
{
	vpic_write(&p, (uint16_t)(ports[k] + a0), (uint8_t)v);
	model_write(k, a0, (int)v);
}

static void compare(void)
{
	CHECK(vpic_output(&p) == (model_winner(0) >= 0));
	for (int k = 0; k < 2; k++) {
		if (chips[k].polled)
			continue;
		CHECK(vpic_read(&p, (uint16_t)(ports[k] + 1)) == model_read(k, 1));
		CHECK(vpic_read(&p, ports[k]) == model_read(k, 0));
		CHECK(vpic_read(&p, (uint16_t)(0x4d0 + k)) == to_bits(chips[k].level));
	}
}

static void random_write(void)
{
	const int k = (int)random_below(2);

	switch (random_below(8)) {
	case 0: /* initialization, at times left unfinished */
		if (random_below(6))
			break;
		both_write(k, 0, 0x10 | random_below(16));
		for (int i = 0; i < 3 && random_below(10); i++)
			both_write(k, 1, random_below(256));
		break;
	case 1:
		both_write(k, 1, random_below(256));
		break;
	case 2:
		both_write(k, 1, 0);
		break;
	case 3:
		both_write(k, 0, 0x08 | (random_below(256) & 0x67));
		break;
	case 4:
		if (random_below(4) == 0) {
			const uint32_t v = random_below(256);

			vpic_write(&p, (uint16_t)(0x4d0 + k), (uint8_t)v);
			model_elcr(k, (int)v);
		}
		break;
	default:
		both_write(k, 0, random_below(8) << 5 | random_below(8));
		break;
	}
}

static void random_operations_agree_with_the_list(void)
{
	for (uint32_t run = 0; run < 1500 && !test_failed; run++) {
		vpic_init(&p);
		model_reset();
		for (uint32_t n = 0; n < 300 && !test_failed; n++) {
			const uint32_t what = random_below(8), irq = random_below(16);
			const bool level = random_below(2);

			if (what < 3 && irq != 2) {
				vpic_set_line(&p, irq, level);
				model_line((int)irq, level);
			} else if (what < 5) {
				CHECK(vpic_acknowledge(&p) == model_acknowledge());
			} else if (what == 5 && random_below(3) == 0) {
				const int k = (int)random_below(2), a0 = (int)random_below(2);

				CHECK(vpic_read(&p, (uint16_t)(ports[k] + a0)) ==
				      model_read(k, a0));
			} else {
				random_write();
			}
			compare();
		}
	}
}

/* ---- Facts ---- */

/* Linux, init_8259A(): vectors 30H and 38H, slave at IR2, 8086 mode. */
static void linux_init(void)
{
	vpic_init(&p);
	vpic_write(&p, 0x20, 0x11);
	vpic_write(&p, 0x21, 0x30);
	vpic_write(&p, 0x21, 0x04);
	vpic_write(&p, 0x21, 0x01);
	vpic_write(&p, 0xa0, 0x11);
	vpic_write(&p, 0xa1, 0x38);
	vpic_write(&p, 0xa1, 0x02);
	vpic_write(&p, 0xa1, 0x01);
}

/* Linux, probe_8259A(): is there something that keeps the mask? */
static void the_probe_finds_it(void)
{
	vpic_init(&p);
	CHECK(!vpic_output(&p) && vpic_read(&p, 0x21) == 0xff && vpic_read(&p, 0xa1) == 0xff);
	vpic_write(&p, 0xa1, 0xff);
	vpic_write(&p, 0x21, 0xfb);
	CHECK(vpic_read(&p, 0x21) == 0xfb);
}

static void every_irq_arrives_at_its_vector(void)
{
	linux_init();
	for (uint32_t irq = 0; irq < 16; irq++) {
		if (irq == 2)
			continue;
		vpic_set_line(&p, irq, true);
		CHECK(vpic_output(&p) && vpic_acknowledge(&p) == 0x30 + irq && !vpic_output(&p));
		vpic_set_line(&p, irq, false);
		if (irq >= 8)
			vpic_write(&p, 0xa0, 0x20);
		vpic_write(&p, 0x20, 0x20);
		CHECK(vpic_read(&p, 0x20) == 0);
	}
}

static void a_line_that_falls_too_early_is_a_spurious_7(void)
{
	linux_init();
	vpic_set_line(&p, 3, true);
	vpic_set_line(&p, 3, false);
	CHECK(!vpic_output(&p) && vpic_acknowledge(&p) == 0x37);
	vpic_write(&p, 0x20, 0x0b);
	CHECK(vpic_read(&p, 0x20) == 0); /* how software tells it from a real one */
	vpic_set_line(&p, 12, true);
	vpic_set_line(&p, 12, false);
	CHECK(vpic_acknowledge(&p) == 0x37);
}

/* Linux looks here for an edge that the masked I/O APIC has lost. */
static void a_masked_edge_waits_in_irr(void)
{
	linux_init();
	vpic_write(&p, 0x21, 0xff);
	vpic_set_line(&p, 0, true);
	CHECK(!vpic_output(&p) && vpic_read(&p, 0x20) == 1);
	CHECK(!vpic_listens(&p, 0));
	vpic_write(&p, 0x21, 0xfe);
	CHECK(vpic_output(&p) && vpic_listens(&p, 0) && vpic_acknowledge(&p) == 0x30);
	vpic_write(&p, 0x20, 0x60);
	vpic_set_line(&p, 0, true); /* it stayed high: no edge */
	CHECK(!vpic_output(&p));
}

static void a_level_asks_again_after_its_eoi(void)
{
	linux_init();
	vpic_write(&p, 0x4d0, 0xff);
	CHECK(vpic_read(&p, 0x4d0) == 0xf8);
	vpic_set_line(&p, 5, true);
	CHECK(vpic_acknowledge(&p) == 0x35 && !vpic_output(&p));
	vpic_write(&p, 0x20, 0x65);
	CHECK(vpic_output(&p) && vpic_acknowledge(&p) == 0x35);
	vpic_set_line(&p, 5, false);
	vpic_write(&p, 0x20, 0x65);
	CHECK(!vpic_output(&p));
}

int main(void)
{
	RUN(the_probe_finds_it);
	RUN(every_irq_arrives_at_its_vector);
	RUN(a_line_that_falls_too_early_is_a_spurious_7);
	RUN(a_masked_edge_waits_in_irr);
	RUN(a_level_asks_again_after_its_eoi);
	RUN(random_operations_agree_with_the_list);
	return test_failed;
}

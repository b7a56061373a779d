/* SPDX-License-Identifier: Apache-2.0 */
/*
 * io/pi.h, alone: the layout that VT-x and VT-d read, and what each operation leaves of every
 * state, beside a model of plain assignments. Who disturbs whom is tests/model's.
 */
#include <string.h>
#include "io/pi.h"
#include "tests/test.h"

static const uint8_t vectors[] = { 0x10, 0x3f, 0x40, 0x7f, 0x80, 0xbf, 0xc0, 0xff };
static const uint8_t notifications[] = { 0x00, 0xe3, 0xf0, 0xff };
static const uint32_t destinations[] = { 0, 1, 0xff00, 0x80000000, 0xffffffff };

/* VT-d, "Posted Interrupt Descriptor": byte by byte. */
static void fields_lie_where_hardware_looks(void)
{
	struct pi_descriptor d;
	uint8_t bytes[64];

	memset(&d, 0xff, sizeof(d));
	pi_init(&d, 0xe3, 0x01020304);
	(void)pi_post(&d, 0x83);
	pi_suppress(&d);
	memcpy(bytes, &d, sizeof(bytes));
	for (uint32_t i = 0; i < sizeof(bytes); i++) {
		const uint8_t expected = i == 0x83 / 8 ? 1 << 0x83 % 8
					 : i == 32     ? 3
						       : /* ON, SN */
                                                 i == 34     ? 0xe3
					     : i >= 36 && i < 40 ? (uint8_t)(40 - i)
								 : 0;
		CHECK(bytes[i] == expected);
	}
}

static void destinations_are_as_the_apics_are_addressed(void)
{
	CHECK(pi_destination(0, PI_XAPIC) == 0 && pi_destination(0, PI_X2APIC) == 0);
	CHECK(pi_destination(0x12, PI_XAPIC) == 0x1200 && pi_destination(0xff, PI_XAPIC) == 0xff00);
	CHECK(pi_destination(0x12, PI_X2APIC) == 0x12);
	CHECK(pi_destination(0xfffffffe, PI_X2APIC) == 0xfffffffe);
}

/* --- every state, every operation ------------------------------------------------------------ */

struct model {
	bool posted[256];
	bool on, sn;
	uint8_t nv;
	uint32_t ndst;
};

static bool agree(const struct pi_descriptor *d, const struct model *m)
{
	for (uint32_t v = 0; v < 256; v++) {
		if ((d->pir[v / 64] >> v % 64 & 1) != m->posted[v])
			return false;
	}
	return d->control == (m->on | m->sn * 2u | m->nv * UINT64_C(0x10000) |
			      m->ndst * UINT64_C(0x100000000)) &&
	       !(d->reserved[0] | d->reserved[1] | d->reserved[2]);
}

static bool is_notice(struct pi_notice n, bool is_due, const struct model *m)
{
	if (!is_due)
		return !n.is_due;
	return n.is_due && n.vector == m->nv && n.destination == m->ndst;
}

static bool any_posted(const struct model *m)
{
	for (uint32_t v = 0; v < 256; v++) {
		if (m->posted[v])
			return true;
	}
	return false;
}

static void check_posts(const struct pi_descriptor *d0, const struct model *m0, uint8_t vector)
{
	struct pi_descriptor d = *d0;
	struct model m = *m0;

	m.posted[vector] = true;
	m.on = true;
	CHECK(pi_post(&d, vector) == !m0->on);
	CHECK(agree(&d, &m));

	d = *d0;
	m.on = m0->on || !m0->sn;
	CHECK(is_notice(pi_post_gated(&d, vector), !m0->on && !m0->sn, &m));
	CHECK(agree(&d, &m));

	d = *d0;
	m = *m0;
	m.posted[vector] = false;
	pi_forget(&d, vector);
	CHECK(agree(&d, &m));
}

static void check_receiver(const struct pi_descriptor *d0, const struct model *m0)
{
	struct pi_descriptor d = *d0;
	struct model m = *m0;
	uint64_t got[4];

	CHECK(pi_is_empty(&d) == !m.on);
	CHECK(pi_take(&d, got) == m.on);
	if (m.on) {
		CHECK(memcmp(got, d0->pir, sizeof(got)) == 0);
		m.on = false;
		memset(m.posted, 0, sizeof(m.posted));
	}
	CHECK(agree(&d, &m));

	d = *d0;
	m.on = false;
	memset(m.posted, 0, sizeof(m.posted));
	pi_clear(&d);
	CHECK(agree(&d, &m));
}

static void check_aim(const struct pi_descriptor *d0, const struct model *m0)
{
	for (uint32_t i = 0; i < ARRAY_SIZE(notifications) * ARRAY_SIZE(destinations); i++) {
		struct pi_descriptor d = *d0;
		struct model m = *m0;

		m.nv = notifications[i % ARRAY_SIZE(notifications)];
		m.ndst = destinations[i / ARRAY_SIZE(notifications)];
		CHECK(pi_aim(&d, m.nv, m.ndst) == m.on);
		CHECK(agree(&d, &m));
	}
}

static void check_gate(const struct pi_descriptor *d0, const struct model *m0)
{
	struct pi_descriptor d = *d0;
	struct model m = *m0;
	const bool is_due = !m.on && any_posted(&m);

	m.sn = true;
	pi_suppress(&d);
	CHECK(agree(&d, &m));
	m.sn = false;
	m.on |= is_due;
	CHECK(is_notice(pi_release(&d), is_due, &m));
	CHECK(agree(&d, &m));
	/* And no second one. */
	CHECK(is_notice(pi_release(&d), false, &m));
	CHECK(agree(&d, &m));
}

static void check_state(struct model *m)
{
	struct pi_descriptor d;

	pi_init(&d, m->nv, m->ndst);
	d.control |= m->on | m->sn * 2u;
	for (uint32_t v = 0; v < 256; v++)
		d.pir[v / 64] |= (uint64_t)m->posted[v] << v % 64;
	CHECK(agree(&d, m));
	for (uint32_t i = 0; i < ARRAY_SIZE(vectors); i++)
		check_posts(&d, m, vectors[i]);
	check_receiver(&d, m);
	check_aim(&d, m);
	check_gate(&d, m);
}

static void every_operation_does_its_part_and_no_more(void)
{
	for (uint32_t posted = 0; posted < 1u << ARRAY_SIZE(vectors); posted++) {
		for (uint32_t i = 0; i < 4 * ARRAY_SIZE(notifications); i++) {
			struct model m = { .on = i & 1, .sn = i >> 1 & 1 };

			m.nv = notifications[i / 4];
			m.ndst = destinations[(i / 4 + posted) % ARRAY_SIZE(destinations)];
			for (uint32_t v = 0; v < ARRAY_SIZE(vectors); v++)
				m.posted[vectors[v]] = posted >> v & 1;
			check_state(&m);
		}
	}
}

/* However many, there is one notification, and everything is in it. */
static void a_closed_gate_merges(void)
{
	struct pi_descriptor d;
	uint64_t got[4];

	pi_init(&d, 0xe3, 7);
	pi_suppress(&d);
	for (uint32_t v = 16; v < 256; v++)
		CHECK(!pi_post_gated(&d, (uint8_t)v).is_due);
	CHECK(pi_is_empty(&d) && !pi_take(&d, got));
	CHECK(pi_release(&d).is_due && !pi_is_empty(&d));
	CHECK(!pi_post_gated(&d, 16).is_due);
	CHECK(pi_take(&d, got) && !pi_take(&d, got));
	CHECK(got[0] == UINT64_MAX << 16 && got[1] == UINT64_MAX && got[3] == UINT64_MAX);
}

/* Another vCPU's IPI does not wait for a device's throttle; what has collected comes with it. */
static void what_is_urgent_passes_a_closed_gate(void)
{
	struct pi_descriptor d;
	uint64_t got[4];

	pi_init(&d, 0xf0, 7);
	pi_suppress(&d);
	CHECK(!pi_post_gated(&d, 0x40).is_due);
	CHECK(pi_post(&d, 0x41));
	CHECK(pi_take(&d, got) && got[1] == 3);
	CHECK(!pi_release(&d).is_due);
}

int main(void)
{
	RUN(fields_lie_where_hardware_looks);
	RUN(destinations_are_as_the_apics_are_addressed);
	RUN(every_operation_does_its_part_and_no_more);
	RUN(a_closed_gate_merges);
	RUN(what_is_urgent_passes_a_closed_gate);
	return test_failed;
}

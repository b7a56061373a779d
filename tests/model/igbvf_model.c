/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/model/igbvf_model.h"
#include <string.h>

enum {
	CTRL = 0x0,
	STATUS = 0x8,
	VMBMEM = 0x800,
	MAILBOX = 0xc40,
	EIMS = 0x1524,
	EIMC = 0x1528,
	EIAC = 0x152c,
	EIAM = 0x1530,
	IVAR = 0x1700,
	RDBAL = 0x2800,
	RDBAH = 0x2804,
	RDLEN = 0x2808,
	SRRCTL = 0x280c,
	RDH = 0x2810,
	RDT = 0x2818,
	RXDCTL = 0x2828,
	TDBAL = 0x3800,
	TDBAH = 0x3804,
	TDLEN = 0x3808,
	TDH = 0x3810,
	TDT = 0x3818,
	TXDCTL = 0x3828,
	TDWBAL = 0x3838,
	TDWBAH = 0x383c,
};
#define R(v, vf, at) ((v)->reg[vf][(at) / 4])
#define FRAME_MOST   9728u

struct descriptor {
	uint64_t lo, hi;
};

static void wrong(struct igbvf_model *v, const char *what)
{
	v->wrongs++;
	v->wrong = what;
}

static bool is_known(uint32_t reg)
{
	static const uint16_t known[] = {
		EIMS,  EIMC,  EIAC,  EIAM, IVAR, RDBAL,  RDBAH,  RDLEN,  SRRCTL, RDH,
		TDBAL, TDBAH, TDLEN, TDH,  TDT,  TXDCTL, TDWBAL, TDWBAH, RDT,    RXDCTL,
	};

	for (uint32_t i = 0; i < ARRAY_SIZE(known); i++)
		if (known[i] == reg)
			return true;
	return false;
}

static bool is_shared(uint32_t reg)
{
	return reg == STATUS || reg == CTRL || reg == MAILBOX ||
	       (reg >= VMBMEM && reg < VMBMEM + 64);
}

static struct descriptor *descriptor(struct igbvf_model *v, uint32_t vf, uint32_t base_reg,
				     uint32_t index)
{
	const uint64_t base = (uint64_t)R(v, vf, base_reg + 4) << 32 | R(v, vf, base_reg);

	if (base & 127)
		wrong(v, "a ring that is not aligned to 128 bytes");
	return (struct descriptor *)base + index;
}

static bool is_on(struct igbvf_model *v, uint32_t vf, uint32_t dctl)
{
	return R(v, vf, dctl) & BIT32(25) && !v->busy[vf][dctl == TXDCTL];
}

static void raise(struct igbvf_model *v, uint32_t vf, uint32_t shift)
{
	const uint32_t entry = R(v, vf, IVAR) >> shift & 0xff;

	if (!(entry & 0x80) || !(R(v, vf, EIMS) & BIT32(entry & 3)))
		return;
	v->raised[vf]++;
	R(v, vf, EIMS) &= ~R(v, vf, EIAM);
}

static void receive(struct igbvf_model *v, uint32_t vf, const uint8_t *data, uint32_t bytes)
{
	const uint32_t count = R(v, vf, RDLEN) / 16, srrctl = R(v, vf, SRRCTL);
	struct descriptor *d;

	if (!is_on(v, vf, RXDCTL) || R(v, vf, RDH) == R(v, vf, RDT)) {
		v->dropped++;
		return;
	}
	if ((srrctl >> 25 & 7) != 1 || bytes > (srrctl & 127) * 1024)
		wrong(v, "a frame that does not fit into one buffer");
	d = descriptor(v, vf, RDBAL, R(v, vf, RDH));
	memcpy((void *)d->lo, data, bytes);
	d->lo = UINT64_C(0x5a5a5a5a00000000); /* RSS hash and packet type: junk to us */
	d->hi = (uint64_t)bytes << 32 | 3 | v->receive_status;
	R(v, vf, RDH) = (R(v, vf, RDH) + 1) % count;
	v->delivered++;
	raise(v, vf, 0);
}

static void transmit_one(struct igbvf_model *v, uint32_t vf)
{
	const uint64_t command = (UINT64_C(3) << 20) | (UINT64_C(1) << 29);
	struct descriptor *d = descriptor(v, vf, TDBAL, R(v, vf, TDH));
	const uint32_t bytes = d->hi & 0xffff;
	uint8_t data[FRAME_MOST];
	struct model_frame f = { .tag = -1, .descriptor = -1, .bytes = bytes + 4 };
	uint32_t pools;

	R(v, vf, TDH) = (R(v, vf, TDH) + 1) % (R(v, vf, TDLEN) / 16);
	if ((d->hi & command) != command || !(d->hi & BIT32(24)) || d->hi >> 46 != bytes ||
	    bytes > sizeof(data) || bytes < 14) {
		wrong(v, "not a frame in one advanced descriptor");
		return;
	}
	memcpy(data, (void *)d->lo, bytes);
	memcpy(f.to, data, 6);
	memcpy(f.from, data + 6, 6);
	pools = igb_model_switch(v->m, vf, &f);
	if (d->hi & BIT32(27))
		d->hi = UINT64_C(1) << 32;
	for (uint32_t i = 0; i < 8; i++)
		if (pools & BIT32(i))
			receive(v, i, data, bytes);
	raise(v, vf, 8);
}

static void transmit(struct igbvf_model *v, uint32_t vf)
{
	while (is_on(v, vf, TXDCTL) && *igb_model_reg(v->m, 0xc90) & BIT32(vf) &&
	       R(v, vf, TDH) != R(v, vf, TDT))
		transmit_one(v, vf);
}

uint32_t igbvf_model_read(struct igbvf_model *v, uint32_t vf, uint32_t reg)
{
	uint32_t *busy = &v->busy[vf][reg == TXDCTL];

	if (v->m->is_gone)
		return UINT32_MAX;
	if (is_shared(reg))
		return igb_model_vf_read(v->m, vf, reg);
	if (!is_known(reg))
		wrong(v, "reads what no VF has");
	if ((reg == RXDCTL || reg == TXDCTL) && *busy) {
		if (*busy != UINT32_MAX)
			--*busy;
		return R(v, vf, reg) & ~BIT32(25);
	}
	return R(v, vf, reg);
}

void igbvf_model_write(struct igbvf_model *v, uint32_t vf, uint32_t reg, uint32_t value)
{
	if (is_shared(reg)) {
		if (reg == CTRL && value & BIT32(26))
			memset(v->reg[vf], 0, sizeof(v->reg[vf]));
		igb_model_vf_write(v->m, vf, reg, value);
		return;
	}
	if (!is_known(reg))
		wrong(v, "writes what no VF has");
	if (reg == EIMC) {
		R(v, vf, EIMS) &= ~value;
		return;
	}
	if ((reg == RDH || reg == RDBAL) && is_on(v, vf, RXDCTL))
		wrong(v, "changes a queue that is on");
	if ((reg == RXDCTL || reg == TXDCTL) && value & ~R(v, vf, reg) & BIT32(25))
		v->busy[vf][reg == TXDCTL] = v->enable_reads;
	R(v, vf, reg) = value;
	if (reg == TDT)
		transmit(v, vf);
}

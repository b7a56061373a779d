/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/model/igb_model.h"
#include <string.h>

#define R(m, at) ((m)->reg[(at) / 4])
enum {
	CTRL = 0x0,
	STATUS = 0x8,
	EECD = 0x10,
	CTRL_EXT = 0x18,
	MDIC = 0x20,
	ICR = 0xc0,
	IMS = 0xd0,
	IMC = 0xd8,
	RCTL = 0x100,
	TCTL = 0x400,
	VMBMEM = 0x800,
	PFMAILBOX = 0xc00,
	VFMAILBOX = 0xc40,
	MBVFICR = 0xc80,
	MBVFIMR = 0xc84,
	VFLRE = 0xc88,
	VFRE = 0xc8c,
	VFTE = 0xc90,
	GPIE = 0x1514,
	EICS = 0x1520,
	EIMS = 0x1524,
	EIMC = 0x1528,
	EIAC = 0x152c,
	EICR = 0x1580,
	EITR = 0x1680,
	DTXSWC = 0x3500,
	LVMMC = 0x3548,
	WVBR = 0x3554,
	MDFB = 0x3558,
	VMVIR = 0x3700,
	RLPML = 0x5004,
	MTA = 0x5200,
	RAL = 0x5400,
	RAL16 = 0x54e0,
	VFTA = 0x5600,
	VT_CTL = 0x581c,
	VMOLR = 0x5ad0,
	SWSM = 0x5b50,
	SW_FW_SYNC = 0x5b5c,
	VLVF = 0x5d00,
};

static void wrong(struct igb_model *m, const char *what)
{
	m->wrongs++;
	m->wrong = what;
}

uint32_t *igb_model_reg(struct igb_model *m, uint32_t reg)
{
	return &R(m, reg);
}

/* First and last register, distance. Those with a meaning of their own are further below. */
static const struct {
	uint32_t first, last, step;
} known[] = {
	{ 0x0, 0x0, 4 },           { 0x8, 0x8, 4 },           { 0x10, 0x10, 4 },
	{ 0x18, 0x18, 4 },         { 0x20, 0x20, 4 },         { 0xc0, 0xc0, 4 },
	{ 0xd0, 0xd0, 4 },         { 0xd8, 0xd8, 4 },         { 0x100, 0x100, 4 },
	{ 0x400, 0x400, 4 },       { 0x800, 0x9fc, 4 },       { 0xc00, 0xc1c, 4 },
	{ 0xc80, 0xc90, 4 },       { 0x1514, 0x1514, 4 },     { 0x1520, 0x1530, 4 },
	{ 0x1680, 0x16e0, 4 },     { 0x1740, 0x1740, 4 },     { 0x2408, 0x2408, 4 },
	{ 0x3500, 0x3500, 4 },     { 0x3548, 0x3548, 4 },     { 0x3554, 0x3558, 4 },
	{ 0x3590, 0x3590, 4 },     { 0x3700, 0x371c, 4 },     { 0x5004, 0x5004, 4 },
	{ 0x5200, 0x53fc, 4 },     { 0x5400, 0x547c, 4 },     { 0x54e0, 0x551c, 4 },
	{ 0x5600, 0x57fc, 4 },     { 0x5818, 0x581c, 4 },     { 0x5ad0, 0x5aec, 4 },
	{ 0x5af0, 0x5af0, 4 },     { 0x5b50, 0x5b50, 4 },     { 0x5b5c, 0x5b5c, 4 },
	{ 0x5d00, 0x5d7c, 4 },     { 0xa000, 0xa1fc, 4 },     { 0x10000, 0x10700, 256 },
	{ 0x1580, 0x1580, 4 },     { 0xe010, 0xe1d0, 64 },    { 0xe018, 0xe1d8, 64 },
	{ 0x10010, 0x10710, 256 }, { 0x10014, 0x10714, 256 }, { 0x10018, 0x10718, 256 },
	{ 0x10034, 0x10734, 256 }, { 0x1003c, 0x1073c, 256 },
};

static bool is_known(struct igb_model *m, uint32_t reg)
{
	for (uint32_t i = 0; i < ARRAY_SIZE(known); i++)
		if (reg >= known[i].first && reg <= known[i].last &&
		    (reg - known[i].first) % known[i].step == 0)
			return true;
	m->unknown++;
	m->unknown_reg = reg;
	return false;
}

/* --- resets ----------------------------------------------------------------------------------- */

static void reset(struct igb_model *m)
{
	const uint32_t link = R(m, STATUS) & 2;
	uint32_t eitr[25];

	memcpy(eitr, &R(m, EITR), sizeof(eitr));
	memset(m->reg, 0, sizeof(m->reg));
	memset(m->queues, 0, sizeof(m->queues));
	memcpy(&R(m, EITR), eitr, sizeof(eitr));
	R(m, STATUS) = link | m->port << 2 | 1 << 19 | 1;
	R(m, CTRL) = 1 | 1 << 3;
	R(m, CTRL_EXT) = m->link_mode << 22;
	R(m, TCTL) = 0xf0 | 8 | 0x40 << 12;
	R(m, 0x3590) = 4 | 0x40;
	R(m, VFRE) = R(m, VFTE) = 0xff;
	R(m, MBVFIMR) = 0xff;
	for (uint32_t i = 0; i < 8; i++) {
		R(m, VMOLR + 4 * i) = 0x80002600;
		m->vfmailbox[i] = 0x40; /* RSTI */
	}
	R(m, RAL) = (uint32_t)m->mac[0] | (uint32_t)m->mac[1] << 8 | (uint32_t)m->mac[2] << 16 |
		    (uint32_t)m->mac[3] << 24;
	R(m, RAL + 4) = BIT32(31) | (uint32_t)m->mac[4] | (uint32_t)m->mac[5] << 8;
	m->busy_ctrl = m->reset_reads;
	m->resets++;
}

void igb_model_start(struct igb_model *m)
{
	reset(m);
	m->resets = 0;
	m->busy_ctrl = 0;
	R(m, EECD) = m->has_no_eeprom ? 0 : 1 << 9;
}

void igb_model_link(struct igb_model *m, bool is_up)
{
	R(m, STATUS) = (R(m, STATUS) & ~2u) | (is_up ? 2 : 0);
}

void igb_model_vf_reset(struct igb_model *m, uint32_t vf)
{
	m->queues[vf] = 0;
	R(m, VFRE) &= ~BIT32(vf);
	R(m, VFTE) &= ~BIT32(vf);
	R(m, VFLRE) |= BIT32(vf);
	R(m, ICR) |= 1 << 8;
}

/* --- mailboxes -------------------------------------------------------------------------------- */

static void pfmailbox_write(struct igb_model *m, uint32_t vf, uint32_t value)
{
	uint32_t *pf = &R(m, PFMAILBOX + 4 * vf);

	if (value & 1)
		m->vfmailbox[vf] |= 0x10; /* PFSTS */
	if (value & 2)
		m->vfmailbox[vf] |= 0x20; /* PFACK */
	if (value & 3 && !(*pf & 8))
		wrong(m, "a message without the lock");
	if (!(value & 8))
		*pf &= ~8u;
	else if (!(*pf & 4))
		*pf |= 8;
	if (value & 0x10) { /* RVFU */
		*pf &= ~4u;
		R(m, MBVFICR) &= ~(BIT32(vf) | BIT32(16 + vf));
	}
}

static void vfmailbox_write(struct igb_model *m, uint32_t vf, uint32_t value)
{
	uint32_t *pf = &R(m, PFMAILBOX + 4 * vf);

	if (value & 1)
		R(m, MBVFICR) |= BIT32(vf);
	if (value & 2)
		R(m, MBVFICR) |= BIT32(16 + vf);
	if (value & 3)
		R(m, ICR) |= 1 << 8;
	if (!(value & 4))
		*pf &= ~4u;
	else if (!(*pf & 8))
		*pf |= 4;
}

uint32_t igb_model_vf_read(struct igb_model *m, uint32_t vf, uint32_t reg)
{
	uint32_t value;

	if (reg == STATUS)
		return R(m, STATUS);
	if (reg >= VMBMEM && reg < VMBMEM + 64)
		return R(m, reg + 64 * vf);
	if (reg != VFMAILBOX)
		return 0;
	value = m->vfmailbox[vf] | (R(m, PFMAILBOX + 4 * vf) & 12);
	m->vfmailbox[vf] &= ~0xb0u;
	return value;
}

void igb_model_vf_write(struct igb_model *m, uint32_t vf, uint32_t reg, uint32_t value)
{
	if (reg == CTRL && value & 1 << 26)
		igb_model_vf_reset(m, vf);
	else if (reg >= VMBMEM && reg < VMBMEM + 64)
		R(m, reg + 64 * vf) = value;
	else if (reg == VFMAILBOX)
		vfmailbox_write(m, vf, value);
}

/* --- the PF's registers ----------------------------------------------------------------------- */

static uint64_t now_ns(const struct igb_model *m)
{
	return m->clock ? *m->clock : m->accesses * UINT64_C(1000);
}

/* "Interrupt Moderation", for vector 0: whether its cause becomes a message now. */
static void moderate(struct igb_model *m, bool is_held_back)
{
	const uint64_t ps = m->throttle_ps ? m->throttle_ps : 250000;

	if (!(R(m, EICR) & R(m, EIMS) & 1) || !(R(m, GPIE) & 1 << 4) || now_ns(m) < m->free_ns)
		return;
	m->messages++;
	if (!m->sends_twice || !is_held_back)
		m->free_ns = now_ns(m) + (R(m, EITR) & 0x7ffc) * ps / 1000;
	if (!m->never_clears)
		R(m, EICR) &= ~(R(m, EIAC) & 1);
}

static void before(struct igb_model *m)
{
	m->accesses++;
	moderate(m, true);
	if (!m->hook || m->is_in_hook)
		return;
	m->is_in_hook = true;
	m->hook(m, m->context);
	m->is_in_hook = false;
}

static uint32_t read_and_clear(struct igb_model *m, uint32_t reg)
{
	const uint32_t value = R(m, reg);

	R(m, reg) = 0;
	return value;
}

static uint32_t read_swsm(struct igb_model *m)
{
	const uint32_t value = R(m, SWSM);

	if (m->smbi_reads) {
		m->smbi_reads--;
		return value | 1;
	}
	R(m, SWSM) |= 1;
	return value;
}

uint32_t igb_model_read(void *model, uint32_t reg)
{
	struct igb_model *m = model;

	before(m);
	if (m->is_gone || !is_known(m, reg))
		return UINT32_MAX;
	switch (reg) {
	case CTRL:
		if (m->busy_ctrl && --m->busy_ctrl)
			return R(m, CTRL) | 1 << 26;
		R(m, EECD) |= m->has_no_eeprom ? 0 : 1 << 9;
		break;
	case STATUS:
		if (R(m, CTRL) & 4 && (!m->busy_master || !--m->busy_master))
			R(m, STATUS) &= ~BIT32(19);
		break;
	case MDIC:
		if (!m->busy_mdic || !--m->busy_mdic)
			R(m, MDIC) |= 1 << 28;
		break;
	case SWSM:
		return read_swsm(m);
	case ICR:
	case EICR:
	case WVBR:
	case LVMMC:
		return read_and_clear(m, reg);
	}
	if (reg >= VMBMEM && reg < VMBMEM + 512 && !(R(m, PFMAILBOX + (reg - VMBMEM) / 64 * 4) & 8))
		wrong(m, "reads a mailbox without the lock");
	return R(m, reg);
}

static void write_ctrl(struct igb_model *m, uint32_t value)
{
	R(m, CTRL) = value & ~BIT32(26);
	if (value & 4 && R(m, STATUS) & BIT32(19))
		m->busy_master = m->master_reads;
	if (!(value & 4))
		R(m, STATUS) |= BIT32(19);
	if (!(value & BIT32(26)))
		return;
	reset(m);
	R(m, EECD) &= ~BIT32(9);
}

static void write_mdic(struct igb_model *m, uint32_t value)
{
	if (!(R(m, SW_FW_SYNC) & BIT32(1 + m->port)))
		wrong(m, "the PHY without its lock");
	if ((value >> 21 & 31) != 1 || (value >> 26 & 3) != 1 || (value >> 16 & 31))
		wrong(m, "not PHY 1, register 0, write");
	if ((value & 0x1200) == 0x1200)
		m->autonegotiations++;
	R(m, MDIC) = value & ~BIT32(28);
	m->busy_mdic = m->mdic_reads;
}

/* Returns false: an ordinary one. */
static bool write_special(struct igb_model *m, uint32_t reg, uint32_t value)
{
	switch (reg) {
	case CTRL:
		write_ctrl(m, value);
		return true;
	case CTRL_EXT:
		R(m, CTRL_EXT) = value;
		for (uint32_t vf = 0; vf < 8 && value & 1 << 14; vf++)
			m->vfmailbox[vf] = (m->vfmailbox[vf] & ~0x40u) | 0x80;
		return true;
	case MDIC:
		write_mdic(m, value);
		return true;
	case IMS:
	case EIMS:
		R(m, reg) |= value;
		return true;
	case IMC:
	case EIMC:
		R(m, reg == IMC ? IMS : EIMS) &= ~value;
		return true;
	case MBVFICR:
	case VFLRE:
	case MDFB:
		R(m, reg) &= ~value;
		return true;
	case EICS:
		R(m, EICR) |= value;
		moderate(m, false);
		return true;
	case SWSM:
		R(m, SWSM) = m->firmware_has_swsm ? value & ~2u : value;
		return true;
	case STATUS:
		return true;
	}
	return false;
}

void igb_model_write(void *model, uint32_t reg, uint32_t value)
{
	struct igb_model *m = model;

	before(m);
	if (m->is_gone || !is_known(m, reg) || write_special(m, reg, value))
		return;
	if (reg >= PFMAILBOX && reg < PFMAILBOX + 32) {
		pfmailbox_write(m, (reg - PFMAILBOX) / 4, value);
		return;
	}
	if (reg >= VMBMEM && reg < VMBMEM + 512 && !(R(m, PFMAILBOX + (reg - VMBMEM) / 64 * 4) & 8))
		wrong(m, "writes a mailbox without the lock");
	if (reg >= 0x10000) {
		if ((reg & 0xff) == 0 && value & BIT32(26))
			igb_model_vf_reset(m, reg >> 8 & 7);
		return;
	}
	R(m, reg) = value;
}

/* --- the switch ------------------------------------------------------------------------------- */

static uint32_t pools_of_address(struct igb_model *m, const uint8_t *mac)
{
	uint32_t pools = 0;

	for (uint32_t i = 0; i < 24; i++) {
		const uint32_t at = i < 16 ? RAL + 8 * i : RAL16 + 8 * (i - 16);
		const uint32_t low = R(m, at), high = R(m, at + 4);
		const uint8_t its[6] = { (uint8_t)low,         (uint8_t)(low >> 8),
					 (uint8_t)(low >> 16), (uint8_t)(low >> 24),
					 (uint8_t)high,        (uint8_t)(high >> 8) };

		if (high >> 31 && !memcmp(its, mac, 6))
			pools |= high >> 18 & 0xff;
	}
	return pools;
}

static uint32_t pools_of_vlan(struct igb_model *m, uint32_t vlan)
{
	uint32_t pools = 0;

	for (uint32_t i = 0; i < 32; i++) {
		const uint32_t filter = R(m, VLVF + 4 * i);

		if (filter >> 31 && (filter & 0xfff) == vlan)
			pools |= filter >> 12 & 0xff;
	}
	return pools;
}

static uint32_t pools_with(struct igb_model *m, uint32_t vmolr_bit)
{
	uint32_t pools = 0;

	for (uint32_t i = 0; i < 8; i++)
		if (R(m, VMOLR + 4 * i) & vmolr_bit)
			pools |= BIT32(i);
	return pools;
}

static uint32_t pools_of_multicast(struct igb_model *m, const uint8_t *mac)
{
	const uint32_t hash = (uint32_t)mac[4] >> 4 | (uint32_t)mac[5] << 4;
	uint32_t pools = pools_of_address(m, mac) | pools_with(m, BIT32(28));

	if (R(m, RCTL) & 3 << 12)
		return 0; /* another part of the address: not what VFs hash */
	if (R(m, MTA + 4 * (hash >> 5)) & BIT32(hash & 31))
		pools |= pools_with(m, BIT32(25));
	return pools;
}

/* "Receive Packet Switching" */
static uint32_t receive(struct igb_model *m, const struct model_frame *f, int32_t tag)
{
	static const uint8_t everybody[6] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };
	uint32_t pools, length = f->bytes + (tag >= 0 ? 4 : 0);

	if (!(R(m, RCTL) & 2) || (R(m, 0x5818) & 7) != 3)
		return 0;
	if (length > 1522 && (!(R(m, RCTL) & 0x20) || length > R(m, RLPML)))
		return 0;
	if (tag >= 0 && R(m, RCTL) & BIT32(18) &&
	    !(R(m, VFTA + 4 * ((uint32_t)tag >> 5)) & BIT32(tag & 31)))
		return 0;
	if (!memcmp(f->to, everybody, 6))
		pools = pools_with(m, BIT32(27));
	else
		pools = f->to[0] & 1 ? pools_of_multicast(m, f->to) : pools_of_address(m, f->to);
	if (R(m, RCTL) & BIT32(18))
		pools &= tag >= 0 ? pools_of_vlan(m, (uint32_t)tag) : pools_with(m, BIT32(24));
	if (!pools && !(R(m, VT_CTL) & BIT32(29)))
		pools = BIT32(R(m, VT_CTL) >> 7 & 7);
	for (uint32_t i = 0; i < 8; i++) {
		const uint32_t vmolr = R(m, VMOLR + 4 * i);

		if (length > (vmolr & BIT32(16) ? vmolr & 0x3fff : 1522))
			pools &= ~BIT32(i);
	}
	return pools & R(m, VFRE);
}

/* What the port does with a frame that it is to send: the tag that it has afterwards. */
static int32_t tag_of(struct igb_model *m, uint32_t pool, const struct model_frame *f)
{
	const uint32_t insert = R(m, VMVIR + 4 * pool);

	if (insert >> 30 == 1)
		return (int32_t)(insert & 0xfff);
	return insert >> 30 == 0 && f->descriptor >= 0 ? f->descriptor : f->tag;
}

uint32_t igb_model_switch(struct igb_model *m, uint32_t source, const struct model_frame *f)
{
	const uint32_t dtxswc = R(m, DTXSWC);
	int32_t tag = f->tag;
	uint32_t pools, exact;

	if (source == MODEL_WIRE)
		return receive(m, f, tag);
	if (!(R(m, TCTL) & 2) || !(R(m, VFTE) & BIT32(source)))
		return 0;
	tag = tag_of(m, source, f);
	if ((dtxswc & BIT32(source) && !(pools_of_address(m, f->from) & BIT32(source))) ||
	    (dtxswc & BIT32(8 + source) && tag >= 0 &&
	     !(pools_of_vlan(m, (uint32_t)tag) & BIT32(source)))) {
		R(m, WVBR) |= BIT32(source);
		return 0;
	}
	if (!(dtxswc & BIT32(31)))
		return BIT32(MODEL_WIRE);
	pools = receive(m, f, tag);
	exact = f->to[0] & 1 ? 0 : pools_of_address(m, f->to);
	if (!(dtxswc & BIT32(16 + source)))
		pools &= ~BIT32(source);
	return pools | (exact ? 0 : BIT32(MODEL_WIRE));
}

/* SPDX-License-Identifier: Apache-2.0 */
/* The unit as a whole: capabilities, the register file, time. */
#include <stdlib.h>
#include "tests/model/vtd_state.h"

/* ---- Capabilities ---- */

struct vtdm_caps vtdm_caps_least(void)
{
	return (struct vtdm_caps){
		.host_bits = 39,
		.guest_bits = 39,
		.level3 = true,
		.domain_bits = 4,
		.fault_records = 1,
		.fault_offset = 0x200,
		.iotlb_offset = 0x100,
	};
}

struct vtdm_caps vtdm_caps_full(void)
{
	return (struct vtdm_caps){
		.host_bits = 46,
		.guest_bits = 48,
		.level3 = true,
		.level4 = true,
		.page_2m = true,
		.page_1g = true,
		.domain_bits = 16,
		.fault_records = 1,
		.fault_offset = 0x400,
		.iotlb_offset = 0x500,
		.max_address_mask = 18,
		.max_handle_mask = 15,
		.page_selective = true,
		.drain_read = true,
		.drain_write = true,
		.zero_length_read = true,
		.low_region = true,
		.high_region = true,
		.posting = true,
		.root_invalidates = true,
		.irt_invalidates = true,
		.coherent = true,
		.queue = true,
		.device_tlb = true,
		.interrupts = true,
		.extended = true,
		.pass_through = true,
		.snoop = true,
	};
}

static uint64_t bit(bool value, uint32_t at)
{
	return (uint64_t)value << at;
}

/* "Capability Register" */
static uint64_t capability(const struct vtdm_caps *c)
{
	return (c->domain_bits - 4) / 2 | bit(c->write_buffer, 4) | bit(c->low_region, 5) |
	       bit(c->high_region, 6) | bit(c->caching_mode, 7) | bit(c->level3, 9) |
	       bit(c->level4, 10) | (uint64_t)(c->guest_bits - 1) << 16 |
	       bit(c->zero_length_read, 22) | (uint64_t)(c->fault_offset / 16) << 24 |
	       bit(c->page_2m, 34) | bit(c->page_1g, 35) | bit(c->page_selective, 39) |
	       (uint64_t)(c->fault_records - 1) << 40 | (uint64_t)c->max_address_mask << 48 |
	       bit(c->drain_write, 54) | bit(c->drain_read, 55) | bit(c->posting, 59) |
	       bit(c->irt_invalidates, 62) | bit(c->root_invalidates, 63);
}

/* "Extended Capability Register" */
static uint64_t extended_capability(const struct vtdm_caps *c)
{
	return bit(c->coherent, 0) | bit(c->queue, 1) | bit(c->device_tlb, 2) |
	       bit(c->interrupts, 3) | bit(c->extended, 4) | bit(c->pass_through, 6) |
	       bit(c->snoop, 7) | (uint64_t)(c->iotlb_offset / 16) << 8 |
	       (uint64_t)c->max_handle_mask << 20;
}

static bool is_possible(const struct vtdm_caps *c)
{
	const uint32_t records_end = c->fault_offset + 16 * c->fault_records;

	return c->host_bits >= 32 && c->host_bits <= 52 && c->guest_bits >= 39 &&
	       c->guest_bits <= 57 && (c->level3 || c->level4) && c->domain_bits >= 4 &&
	       c->domain_bits <= 16 && c->domain_bits % 2 == 0 && c->fault_records >= 1 &&
	       c->fault_records <= 256 && c->max_handle_mask <= 15 && c->max_address_mask <= 51 &&
	       c->fault_offset % 16 == 0 && c->iotlb_offset % 16 == 0 && c->fault_offset >= 0x100 &&
	       c->iotlb_offset >= R_FILE_BYTES && c->fault_offset <= 0x3ff0 &&
	       c->iotlb_offset <= 0x3ff0 &&
	       (c->iotlb_offset >= records_end || c->iotlb_offset + 16 <= c->fault_offset) &&
	       (!c->interrupts || c->queue) && (!c->extended || c->interrupts) &&
	       (!c->posting || c->interrupts);
}

/* ---- Life ---- */

struct vtdm *vtdm_create(const struct vtdm_caps *caps, const struct vtdm_platform *platform)
{
	struct vtdm *const m = calloc(1, sizeof(*m));

	ASSERT(m && platform->memory && is_possible(caps));
	m->caps = *caps;
	m->platform = *platform;
	m->cap = capability(caps);
	m->ecap = extended_capability(caps);
	m->latency = caps->latency;
	m->word[R_VER / 4] = 0x10;
	set_reg64(m, R_CAP, m->cap);
	set_reg64(m, R_ECAP, m->ecap);
	m->word[R_FECTL / 4] = EVENT_MASK;
	m->word[R_IECTL / 4] = EVENT_MASK;
	return m;
}

void vtdm_destroy(struct vtdm *m)
{
	vtdm_cache_free(&m->contexts);
	vtdm_forget_translations(m);
	vtdm_cache_free(&m->entries);
	vtdm_memory_free(m);
	free(m);
}

void vtdm_complain(struct vtdm *m, const char *what)
{
	if (!m->complaint)
		m->complaint = what;
}

const char *vtdm_complaint(struct vtdm *m)
{
	const char *const what = m->complaint;

	m->complaint = NULL;
	return what;
}

const struct vtdm_counts *vtdm_counts(const struct vtdm *m)
{
	return &m->counts;
}

/* "Capability Register", ND: hardware does not implement the other bits. */
uint32_t vtdm_domain(const struct vtdm *m, uint64_t id)
{
	return (uint32_t)(id & (BIT32(m->caps.domain_bits) - 1));
}

/* ---- Time ---- */

void vtdm_set_latency(struct vtdm *m, uint32_t latency)
{
	m->latency = latency;
}

void vtdm_start(struct vtdm *m, enum vtdm_command command)
{
	m->busy[command] = true;
	m->left[command] = m->latency;
	if (!m->latency)
		vtdm_complete(m, command);
}

void vtdm_step(struct vtdm *m)
{
	for (uint32_t i = 0; i < C_COUNT; i++) {
		if (m->busy[i] && m->left[i] != VTDM_NEVER && !--m->left[i])
			vtdm_complete(m, i);
	}
}

/* ---- Registers ---- */

/* Bits of a doubleword that software can change; those cleared by writing 1 included. */
static uint32_t writable(const struct vtdm *m, uint32_t reg)
{
	const struct vtdm_caps *const c = &m->caps;
	const bool has_regions = c->low_region || c->high_region;
	const uint32_t host_high = (uint32_t)(span(c->host_bits - 1, 32) >> 32);

	switch (reg) {
	case R_GCMD:
		return UINT32_MAX;
	case R_RTADDR:
		return 0xfffffc00;
	case R_RTADDR + 4:
		return host_high;
	case R_CCMD:
		return UINT32_MAX;
	case R_CCMD + 4:
		return BIT32(31) | BIT32(30) | BIT32(29) | 3;
	case R_FSTS:
		return FSTS_W1C;
	case R_FECTL:
		return EVENT_MASK;
	case R_FEDATA:
		return UINT32_MAX;
	case R_FEADDR:
		return ~3u;
	case R_FEUADDR:
		return c->extended ? UINT32_MAX : 0;
	case R_PMEN:
		return has_regions ? BIT32(31) : 0;
	case R_PLMBASE:
	case R_PLMLIMIT:
		return c->low_region ? ~0x1fffffu : 0;
	case R_PHMBASE:
	case R_PHMLIMIT:
		return c->high_region ? ~0x1fffffu : 0;
	case R_PHMBASE + 4:
	case R_PHMLIMIT + 4:
		return c->high_region ? host_high : 0;
	case R_IQT:
		return c->queue ? 0x7fff0 : 0;
	case R_IQA:
		return c->queue ? 0xfffff007 : 0;
	case R_IQA + 4:
		return c->queue ? host_high : 0;
	case R_ICS:
		return c->queue ? 1 : 0;
	case R_IECTL:
		return c->queue ? EVENT_MASK : 0;
	case R_IEDATA:
		return c->queue ? UINT32_MAX : 0;
	case R_IEADDR:
		return c->queue ? ~3u : 0;
	case R_IEUADDR:
		return c->queue && c->extended ? UINT32_MAX : 0;
	case R_IRTA:
		return c->interrupts ? 0xfffff00f | (c->extended ? BIT32(11) : 0) : 0;
	case R_IRTA + 4:
		return c->interrupts ? host_high : 0;
	default:
		return 0;
	}
}

static bool is_queue_register(const struct vtdm *m, uint32_t reg)
{
	return !m->caps.queue && reg >= R_IQH && reg < R_IRTA;
}

/* IVA and IOTLB: `offset` from the former. */
static void iotlb_write(struct vtdm *m, uint32_t offset, uint32_t value)
{
	uint64_t *const reg = offset & 8 ? &m->iotlb : &m->iva;
	const uint32_t shift = offset & 4 ? 32 : 0;
	const uint32_t keep = offset == 12 ? 3u << 25 : 0; /* IAIG */
	const uint32_t old = (uint32_t)(*reg >> shift);

	if (m->busy[C_IOTLB]) {
		vtdm_complain(m, "IOTLB or IVA written while IVT was set");
		return;
	}
	value = (value & ~keep) | (old & keep);
	*reg = (*reg & ~(0xffffffffull << shift)) | (uint64_t)value << shift;
	if (offset == 12)
		vtdm_iotlb_written(m);
}

static void file_write(struct vtdm *m, uint32_t reg, uint32_t value)
{
	const uint32_t mask = writable(m, reg), old = m->word[reg / 4];

	if ((reg == R_CCMD || reg == R_CCMD + 4) && m->busy[C_CONTEXT]) {
		vtdm_complain(m, "CCMD written while ICC was set");
		return;
	}
	if (reg == R_PMEN && m->busy[C_REGION])
		vtdm_complain(m, "PMEN written before PRS followed");
	if (reg == R_GCMD) {
		m->word[reg / 4] = value;
		vtdm_register_written(m, reg, old);
		m->word[reg / 4] = 0;
		return;
	}
	m->word[reg / 4] = (old & ~mask) | (value & mask);
	if (mask)
		vtdm_register_written(m, reg, old);
}

static void write_word(struct vtdm *m, uint32_t reg, uint32_t value)
{
	if (reg < R_FILE_BYTES)
		file_write(m, reg, value);
	else if (reg - m->caps.iotlb_offset < 16)
		iotlb_write(m, reg - m->caps.iotlb_offset, value);
	else if (reg - m->caps.fault_offset < 16 * m->caps.fault_records)
		vtdm_record_write(m, reg - m->caps.fault_offset, value);
	else
		vtdm_complain(m, "a register that does not exist was written");
}

static uint32_t read_word(struct vtdm *m, uint32_t reg)
{
	const uint32_t iotlb = reg - m->caps.iotlb_offset;

	if (reg == R_FSTS)
		return vtdm_fault_status(m);
	if (reg < R_FILE_BYTES)
		return is_queue_register(m, reg) ? 0 : m->word[reg / 4];
	if (iotlb < 16)
		return (uint32_t)((iotlb & 8 ? m->iotlb : m->iva) >> (iotlb & 4 ? 32 : 0));
	if (reg - m->caps.fault_offset < 16 * m->caps.fault_records)
		return vtdm_record_read(m, reg - m->caps.fault_offset);
	vtdm_complain(m, "a register that does not exist was read");
	return 0;
}

static bool is_64_bit(const struct vtdm *m, uint32_t reg)
{
	static const uint32_t wide[] = { R_CAP, R_ECAP, R_RTADDR, R_CCMD,   R_PHMBASE, R_PHMLIMIT,
					 R_IQH, R_IQT,  R_IQA,    R_IQERCD, R_IRTA };

	for (size_t i = 0; i < ARRAY_SIZE(wide); i++) {
		if (reg == wide[i])
			return true;
	}
	return reg >= R_FILE_BYTES;
}

/* "Register Location": 32 and 64 bits, aligned; 64 only where the register has them. */
static bool is_access_legal(struct vtdm *m, uint32_t reg, uint32_t width)
{
	if ((width == 4 && reg % 4 == 0) || (width == 8 && reg % 8 == 0 && is_64_bit(m, reg)))
		return true;
	vtdm_complain(m, "a register was accessed with a wrong width or alignment");
	return false;
}

uint64_t vtdm_read(void *model, uint32_t reg, uint32_t width)
{
	struct vtdm *const m = model;

	vtdm_step(m);
	if (!is_access_legal(m, reg, width))
		return UINT64_MAX;
	return read_word(m, reg) | (width == 8 ? (uint64_t)read_word(m, reg + 4) << 32 : 0);
}

void vtdm_write(void *model, uint32_t reg, uint32_t width, uint64_t value)
{
	struct vtdm *const m = model;

	vtdm_step(m);
	if (!is_access_legal(m, reg, width))
		return;
	write_word(m, reg, (uint32_t)value);
	if (width == 8)
		write_word(m, reg + 4, (uint32_t)(value >> 32));
}

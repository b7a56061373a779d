/* SPDX-License-Identifier: Apache-2.0 */
/* tests/model/vtd_state.h - what the parts of the VT-d model share. Tests include vtd_model.h. */
#pragma once
#include "core/lib/assert.h"
#include "tests/model/vtd_model.h"

/* "Remapping Hardware Software Interface", registers: offsets. */
enum {
	R_VER = 0x000,
	R_CAP = 0x008,
	R_ECAP = 0x010,
	R_GCMD = 0x018,
	R_GSTS = 0x01c,
	R_RTADDR = 0x020,
	R_CCMD = 0x028,
	R_FSTS = 0x034,
	R_FECTL = 0x038,
	R_FEDATA = 0x03c,
	R_FEADDR = 0x040,
	R_FEUADDR = 0x044,
	R_PMEN = 0x064,
	R_PLMBASE = 0x068,
	R_PLMLIMIT = 0x06c,
	R_PHMBASE = 0x070,
	R_PHMLIMIT = 0x078,
	R_IQH = 0x080,
	R_IQT = 0x088,
	R_IQA = 0x090,
	R_ICS = 0x09c,
	R_IECTL = 0x0a0,
	R_IEDATA = 0x0a4,
	R_IEADDR = 0x0a8,
	R_IEUADDR = 0x0ac,
	R_IQERCD = 0x0b0,
	R_IRTA = 0x0b8,
	R_FILE_BYTES =
		0x0c0, /* beyond: fault records and IOTLB registers, where CAP and ECAP say */
};

/* "Global Command Register" and, at the same places, "Global Status Register". */
#define G_TE     BIT32(31)
#define G_SRTP   BIT32(30)
#define G_WBF    BIT32(27)
#define G_QIE    BIT32(26)
#define G_IRE    BIT32(25)
#define G_SIRTP  BIT32(24)
#define G_CFI    BIT32(23)
#define G_STICKY (G_TE | G_QIE | G_IRE | G_CFI)
#define G_ONCE   (G_SRTP | G_WBF | G_SIRTP)

/* "Fault Status Register" */
#define FSTS_PFO BIT32(0)
#define FSTS_PPF BIT32(1)
#define FSTS_IQE BIT32(4)
#define FSTS_ICE BIT32(5)
#define FSTS_ITE BIT32(6)
#define FSTS_W1C (FSTS_PFO | FSTS_IQE | FSTS_ICE | FSTS_ITE)

/* FECTL and IECTL */
#define EVENT_MASK    BIT32(31)
#define EVENT_PENDING BIT32(30)

/* Commands that take time, each with its own countdown. */
enum vtdm_command { C_GLOBAL, C_CONTEXT, C_IOTLB, C_QUEUE, C_REGION, C_COUNT };

struct vtdm_line { /* of a cache */
	bool used;
	uint64_t key[2];
	uint64_t word[3];
};
struct vtdm_cache {
	struct vtdm_line *lines;
	size_t capacity, count;
};

struct vtdm_range { /* tracked memory */
	uint64_t start, bytes;
	uint8_t *cpu;     /* the processor's view */
	uint8_t *flushed; /* what has left its caches */
	uint8_t *seen;    /* what hardware's walks read */
};
#define VTDM_RANGES 32u

struct vtdm {
	struct vtdm_caps caps;
	struct vtdm_platform platform;
	uint64_t cap, ecap;
	uint32_t word[R_FILE_BYTES / 4]; /* the registers as software last saw or wrote them */
	uint64_t iva, iotlb;
	struct {
		uint64_t lo, hi;
	} record[256];
	uint32_t record_next;

	/* What commands latched. */
	uint64_t root, irt;
	uint32_t irt_entries;
	bool is_extended; /* EIME */
	uint32_t command; /* GCMD in progress */
	bool root_set, irt_set, context_clean, iotlb_clean, entries_clean;

	uint32_t latency, left[C_COUNT];
	bool busy[C_COUNT];

	struct vtdm_cache contexts, translations, by_source, structures, entries;
	struct vtdm_range range[VTDM_RANGES];
	uint32_t range_count;
	struct vtdm_counts counts;
	const char *complaint;
};

static inline uint64_t reg64(const struct vtdm *m, uint32_t reg)
{
	return m->word[reg / 4] | (uint64_t)m->word[reg / 4 + 1] << 32;
}

static inline void set_reg64(struct vtdm *m, uint32_t reg, uint64_t value)
{
	m->word[reg / 4] = (uint32_t)value;
	m->word[reg / 4 + 1] = (uint32_t)(value >> 32);
}

/* Bits low..high, both included, at their places. */
static inline uint64_t span(uint32_t high, uint32_t low)
{
	return high < low ? 0 : (UINT64_MAX >> (63 - high)) & (UINT64_MAX << low);
}

static inline uint64_t field(uint64_t value, uint32_t high, uint32_t low)
{
	return (value & span(high, low)) >> low;
}

static inline bool in_interrupt_range(uint64_t address)
{
	return address >> 20 == 0xfee;
}

/* vtd_model.c */
void vtdm_complain(struct vtdm *m, const char *what);
/* Starts a command's countdown; completes it now where the latency is 0. */
void vtdm_start(struct vtdm *m, enum vtdm_command command);
uint32_t vtdm_domain(const struct vtdm *m, uint64_t id); /* the bits that are implemented */

/* vtd_command.c: a register was written (its last doubleword, where it has two). */
void vtdm_register_written(struct vtdm *m, uint32_t reg, uint32_t old);
void vtdm_complete(struct vtdm *m, enum vtdm_command command);
void vtdm_iotlb_written(struct vtdm *m);

/* vtd_memory.c */
bool vtdm_table_read(struct vtdm *m, uint64_t address, void *into, uint64_t bytes);
void vtdm_drain_write_buffer(struct vtdm *m);
void vtdm_memory_free(struct vtdm *m);

/* vtd_cache.c */
struct vtdm_line *vtdm_cache_find(const struct vtdm_cache *c, uint64_t key0, uint64_t key1);
struct vtdm_line *vtdm_cache_put(struct vtdm_cache *c, uint64_t key0, uint64_t key1);
typedef bool vtdm_match(const struct vtdm_line *line, const uint64_t *what);
void vtdm_cache_drop(struct vtdm_cache *c, vtdm_match *match, const uint64_t *what);
void vtdm_cache_free(struct vtdm_cache *c);
/* Granularities as CCMD, IOTLB and the descriptors encode them: 1 global, 2 domain, 3 finest. */
void vtdm_invalidate_contexts(struct vtdm *m, uint32_t granularity, uint32_t domain,
			      uint32_t source, uint32_t function_mask);
void vtdm_invalidate_translations(struct vtdm *m, uint32_t granularity, uint32_t domain,
				  uint64_t page_hint_mask); /* as in IVA_REG */
void vtdm_invalidate_entries(struct vtdm *m, bool all, uint32_t index, uint32_t mask);
void vtdm_forget_translations(struct vtdm *m); /* all of them, with the paging structures */
/*
 * Keys of translations: domain and kind, address in units of the kind's size. Hardware may tag
 * them with what it took from the context as well: `by_source` has each once more, with the
 * source-id for the domain, and is asked before the context is. Its third word is the domain.
 */
enum { KEY_4K = 1, KEY_2M = 2, KEY_1G = 3, KEY_NO_READ = 16, KEY_NO_WRITE = 17 };
static inline uint64_t vtdm_key(uint32_t domain, uint32_t kind)
{
	return (uint64_t)domain << 8 | kind;
}

/* vtd_queue.c */
void vtdm_queue_run(struct vtdm *m);

/* vtd_fault.c */
struct vtdm_report {
	uint16_t source;
	enum vtdm_fault reason;
	uint64_t info; /* FI at its place */
	bool is_read, is_translated, is_interrupt;
	bool is_disabled; /* FPD, where it qualifies this condition */
};
void vtdm_report(struct vtdm *m, const struct vtdm_report *report);
uint32_t vtdm_fault_status(const struct vtdm *m);
/* Sets a status bit of FSTS, with the event that this is. */
void vtdm_fault_event(struct vtdm *m, uint32_t status);
void vtdm_fault_serviced(struct vtdm *m);
void vtdm_completion_event(struct vtdm *m);
/* Sends what is pending and not masked; `control` is FECTL or IECTL. */
void vtdm_event_deliver(struct vtdm *m, uint32_t control);
uint32_t vtdm_record_read(const struct vtdm *m, uint32_t offset);
void vtdm_record_write(struct vtdm *m, uint32_t offset, uint32_t value);

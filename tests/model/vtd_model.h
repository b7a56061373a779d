/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/model/vtd_model.h - a remapping unit in software: what VT-d hardware does with our tables.
 *
 * Model    One unit in legacy mode, as strict as the specification lets hardware be. Software
 *	    drives it by its registers (vtdm_read, vtdm_write) and by tables in memory; devices
 *	    drive it by vtdm_dma() and vtdm_interrupt(). Written from the specification alone; its
 *	    names begin with vtdm because those of the code under test begin with vtd.
 *	    Caches: contexts, translations, paging structures and interrupt entries are kept from
 *	    the first walk that used them until they are invalidated, by no more than what the
 *	    invalidation must cover: a forgotten one shows as a stale answer. In caching mode
 *	    entries that are not present or in error are kept too.
 *	    Memory: walks see a tracked range (vtdm_track) only as far as it was flushed. Where
 *	    walks are coherent and no write buffer needs flushing they see memory as it is.
 *	    Where the specification leaves the behaviour undefined, the model does something
 *	    harmless and remembers a complaint: a test of software ends with vtdm_complaint() NULL.
 *	    Not modelled: scalable mode, advanced fault logs, page requests, requests in flight.
 * Source   Intel Virtualization Technology for Directed I/O, Architecture Specification.
 * Errors   A request that is blocked says by which fault condition; see enum vtdm_fault.
 * Sharing  One thread; posted-interrupt descriptors are updated atomically.
 */
#pragma once
#include "core/lib/base.h"

struct vtdm;

/* --- what kind of unit ---------------------------------------------------------------- */

struct vtdm_caps {
	uint32_t host_bits;           /* physical addresses; 39 to 52 */
	uint32_t guest_bits;          /* MGAW: addresses of devices; 39 to 57 */
	bool level3, level4;          /* SAGAW: 39-bit with three levels, 48-bit with four */
	bool page_2m, page_1g;        /* SLLPS */
	uint32_t domain_bits;         /* ND: 4, 6, .. 16 */
	uint32_t fault_records;       /* NFR: 1 to 256 */
	uint32_t fault_offset;        /* FRO: bytes, a multiple of 16, from 0x100 */
	uint32_t iotlb_offset;        /* IRO: bytes, likewise, from 0xc0 */
	uint32_t max_address_mask;    /* MAMV */
	uint32_t max_handle_mask;     /* MHMV: 0 to 15 */
	bool page_selective;          /* PSI */
	bool caching_mode;            /* CM */
	bool write_buffer;            /* RWBF: software must flush it */
	bool drain_read, drain_write; /* DRD, DWD */
	bool zero_length_read;        /* ZLR */
	bool low_region, high_region; /* PLMR, PHMR */
	bool posting;                 /* PI */
	bool root_invalidates;     /* ESRTPS: setting the root table pointer empties the caches */
	bool irt_invalidates;      /* ESIRTPS: likewise the interrupt table pointer */
	bool coherent;             /* C */
	bool queue;                /* QI */
	bool device_tlb;           /* DT */
	bool interrupts, extended; /* IR, EIM */
	bool pass_through;         /* PT */
	bool snoop;                /* SC */
	/* Register accesses, or vtdm_step()s, that a command takes. VTDM_NEVER: it hangs. */
	uint32_t latency;
};
#define VTDM_NEVER UINT32_MAX

/* Everything present and coherent, 48 bits, one fault record, no caching mode, latency 0. */
struct vtdm_caps vtdm_caps_full(void);
/* As little as an implementation may have: register-based invalidation, nothing optional. */
struct vtdm_caps vtdm_caps_least(void);

/* --- the platform around it ---------------------------------------------------------------- */

struct vtdm_platform {
	/* `bytes` of physical memory, or NULL: nothing is there. Contiguous for what is tracked. */
	void *(*memory)(void *context, uint64_t address, uint64_t bytes);
	/* Messages that the unit itself sends: fault events, completions. May be NULL. */
	void (*message)(void *context, uint64_t address, uint32_t data);
	void *context;
};

/* Panics on impossible capabilities and when the host's memory is exhausted. */
struct vtdm *vtdm_create(const struct vtdm_caps *caps, const struct vtdm_platform *platform);
void vtdm_destroy(struct vtdm *m);

/* --- software's side ---------------------------------------------------------------- */

/* As struct vtd_io has them: `width` 4 or 8 bytes, `reg` a multiple of it. `model`: the context. */
uint64_t vtdm_read(void *model, uint32_t reg, uint32_t width);
void vtdm_write(void *model, uint32_t reg, uint32_t width, uint64_t value);
/* Time passes: pending commands come closer to completion. */
void vtdm_step(struct vtdm *m);
/* Commands given from now on take so long. */
void vtdm_set_latency(struct vtdm *m, uint32_t latency);

/* From now on hardware's walks see of this range what vtdm_flushed() names, before that 0xff. A
 * unit that is coherent and needs no write-buffer flush ignores both. */
void vtdm_track(struct vtdm *m, uint64_t address, uint64_t bytes);
/* What CLFLUSH of each line from `at` to `at + bytes - 1` does. `at` is in the processor's view:
 * what platform->memory() gave. Elsewhere than in tracked ranges: nothing. */
void vtdm_flushed(struct vtdm *m, const void *at, uint64_t bytes);

/* What software did that the specification forbids or leaves undefined: the first such thing, or
 * NULL. Cleared by asking. */
const char *vtdm_complaint(struct vtdm *m);

struct vtdm_counts { /* since creation */
	uint32_t context_global, context_domain, context_device;
	uint32_t iotlb_global, iotlb_domain, iotlb_page, iotlb_drain_read, iotlb_drain_write;
	uint32_t device_tlb, entry_global, entry_index, wait, write_buffer;
	uint32_t walks; /* translations that no cache had */
	uint32_t faults,
		faults_unrecorded; /* blocked; those that FPD or overflow kept unrecorded */
};
const struct vtdm_counts *vtdm_counts(const struct vtdm *m);

/* --- a device's side ---------------------------------------------------------------- */

/* "Fault Conditions": the encodings of legacy mode and of interrupt remapping. */
enum vtdm_fault {
	VTDM_OK = 0,
	VTDM_ROOT_NOT_PRESENT = 0x01,
	VTDM_CONTEXT_NOT_PRESENT = 0x02,
	VTDM_CONTEXT_INVALID = 0x03, /* address width or translation type unsupported */
	VTDM_ADDRESS_TOO_WIDE = 0x04,
	VTDM_NO_WRITE = 0x05,
	VTDM_NO_READ = 0x06,
	VTDM_PAGING_ACCESS = 0x07, /* the table cannot be read */
	VTDM_ROOT_ACCESS = 0x08,
	VTDM_CONTEXT_ACCESS = 0x09,
	VTDM_ROOT_RESERVED = 0x0a,
	VTDM_CONTEXT_RESERVED = 0x0b,
	VTDM_PAGING_RESERVED = 0x0c,
	VTDM_TRANSLATED_BLOCKED = 0x0d, /* a translated or translation request */
	VTDM_TO_INTERRUPT_RANGE = 0x0e, /* translated to FEEx_xxxxH */
	VTDM_IR_REQUEST_RESERVED = 0x20,
	VTDM_IR_INDEX = 0x21, /* beyond the table */
	VTDM_IR_NOT_PRESENT = 0x22,
	VTDM_IR_ACCESS = 0x23, /* the table cannot be read */
	VTDM_IR_RESERVED = 0x24,
	VTDM_IR_COMPATIBILITY = 0x25,
	VTDM_IR_SOURCE = 0x26,
	VTDM_IR_DESCRIPTOR_ACCESS = 0x27,
	VTDM_IR_DESCRIPTOR_RESERVED = 0x28,
	/* Not fault conditions: blocked, and nothing is recorded. */
	VTDM_PROTECTED_REGION = 0x100,
	VTDM_INTERRUPT_RANGE = 0x101, /* anything but a doubleword written to FEEx_xxxxH */
};

enum vtdm_access { VTDM_READ, VTDM_WRITE };

struct vtdm_dma {
	enum vtdm_fault fault; /* VTDM_OK: it reaches `host` */
	uint64_t host;
	bool is_message; /* a doubleword written to FEEx_xxxxH: an interrupt request instead */
	bool snoop;      /* forced by the entry (SNP) */
};

/* An untranslated request within one 4 KiB page; bytes 0: a zero-length read. */
struct vtdm_dma vtdm_dma(struct vtdm *m, uint16_t requester, uint64_t address, uint32_t bytes,
			 enum vtdm_access access);
/* Physical memory as the platform has it, within the host address width; NULL: nothing there. */
void *vtdm_memory(struct vtdm *m, uint64_t address, uint64_t bytes);

/* A request that claims to be translated already (AT = 10b). */
struct vtdm_dma vtdm_dma_translated(struct vtdm *m, uint16_t requester, uint64_t address,
				    uint32_t bytes, enum vtdm_access access);

enum vtdm_delivery {
	VTDM_BLOCKED,
	VTDM_PASSED,   /* as the device wrote it: not remapped */
	VTDM_REMAPPED, /* delivered as in `destination` and so on */
	VTDM_POSTED,   /* left in a descriptor; `notified`: a notification as in `destination`.. */
};

struct vtdm_interrupt {
	enum vtdm_delivery delivery;
	enum vtdm_fault fault; /* of VTDM_BLOCKED */
	uint32_t destination;  /* APIC ID: 8 bits, or 32 with EIME */
	uint8_t vector;
	uint8_t mode; /* delivery: 0 fixed, 1 lowest priority, 2 SMI, 4 NMI, 5 INIT, 7 ExtINT */
	bool is_logical, is_redirectable, is_level;
	bool notified;       /* VTDM_POSTED: ON was 0, and SN was 0 or the entry urgent */
	uint64_t descriptor; /* VTDM_POSTED: its physical address */
};

/* A doubleword `data` written to `address` in FEEx_xxxxH, legacy PCI's and PCIe's MSI alike. */
struct vtdm_interrupt vtdm_interrupt(struct vtdm *m, uint16_t requester, uint64_t address,
				     uint32_t data);

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * drivers/nvme/nvme.h - an NVM Express controller: bring-up, admin commands, recovery.
 *
 * Model    A state machine that never waits: nvme_step() looks at the controller once, does what
 *	    is due, and says when to call again. All times are absolute TSC ticks.
 *
 *	      nvme_init --> DISABLING --> COLLECTING --> ENABLING --> IDENTIFYING --> READY
 *			     ^   |                                                  |
 *			     |   +--> WANTS_FLR --nvme_after_flr()--> DISABLING     |
 *			     +---------- fault, or nvme_reset() from any state -----+
 *	      READY --nvme_shutdown()--> SHUTTING_DOWN --> STOPPED
 *	      too many faults --> FAILED --nvme_after_block()--> commands come back as lost
 *
 *	    A fault is whatever a controller by the specification does not do: fatal status, a
 *	    completion of a command that it was not given, silence beyond a bound. It is answered
 *	    with a Controller Reset; the second fault in a row with a Function Level Reset, which
 *	    the caller performs (WANTS_FLR). After `fault_limit` in a row the controller is given up.
 *	    A good spell of NVME_GOOD_NS in READY ends a row.
 *	    Commands that were in flight are reported lost only when the controller is disabled or
 *	    blocked: until then it may still write the memory that they name.
 *	    Every reset of a primary controller takes its secondaries (VFs) offline: nvme_virt.h.
 * Memory   The caller gives frames that the device reaches at their host-physical address. What
 *	    the device writes there is untrusted: read once, checked, then used. A controller may
 *	    report success for a transfer that the IOMMU has blocked (QEMU's does): only the
 *	    IOMMU's faults tell.
 * Source   NVM Express Base Specification 2.1, "Controller Initialization", "Controller Level
 *	    Reset", "Command Submission and Completion Mechanism".
 * Errors   ERR_BUSY: not READY, or the one admin command at a time is taken; try later.
 *	    ERR_UNSUPPORTED, ERR_NODEV: the controller cannot be used; nvme_fault_text() says why.
 * Sharing  Everything here: one core, the one that steps this controller. I/O queues belong to
 *	    one core each (nvme_io.h); what both sides touch is atomic, and marked [A].
 * The caller has set bus mastering and memory decode, attached the function to IOMMU_HYPERVISOR,
 * and disabled its interrupts: completions are polled.
 */
#pragma once
#include "core/lib/base.h"
#include "drivers/nvme/nvme_regs.h"

#define NVME_NAMESPACE_MAX 16u
#define NVME_IO_QUEUE_MAX  16u
#define NVME_ADMIN_ENTRIES 16u
#define NVME_ADMIN_SLOTS   4u
#define NVME_SLOT_MAX      254u
/* Admin submission queue, admin completion queue, a page for data. */
#define NVME_MEMORY_BYTES (3u * PAGE_BYTES)
#define NVME_GOOD_NS      SEC(10)
/* The longest that CAP.TO can say; what CRTO says beyond it is not waited for. */
#define NVME_READY_NS_MAX (255u * MS(500))
/* A status that no controller reports: 15 bits are all it has. */
#define NVME_STATUS_LOST 0xffffu

enum nvme_state {
	NVME_DISABLING,   /* until CSTS.RDY is 0 */
	NVME_WANTS_FLR,   /* caller: VFs off, Function Level Reset, then nvme_after_flr() */
	NVME_COLLECTING,  /* until the cores have taken back what was in flight */
	NVME_ENABLING,    /* until CSTS.RDY is 1 */
	NVME_IDENTIFYING, /* bring-up commands */
	NVME_READY,
	NVME_SHUTTING_DOWN,
	NVME_STOPPED, /* its caches are on the medium; it is disabled */
	NVME_FAILED,  /* caller: arch_iommu_block(), then nvme_after_block() */
	NVME_STATE_COUNT
};

enum nvme_fault {
	NVME_FAULT_NONE,
	NVME_FAULT_GONE,            /* registers read as all ones */
	NVME_FAULT_FATAL_STATUS,    /* CSTS.CFS */
	NVME_FAULT_READY_TIMEOUT,   /* enabled, not ready within CAP.TO */
	NVME_FAULT_DISABLE_TIMEOUT, /* disabled, still ready after CAP.TO */
	NVME_FAULT_ADMIN_TIMEOUT,
	NVME_FAULT_IO_TIMEOUT,
	NVME_FAULT_QUEUE_ID,    /* a completion names a queue that it does not belong to */
	NVME_FAULT_COMMAND_ID,  /* .. a command that is not in flight */
	NVME_FAULT_QUEUE_HEAD,  /* .. a position that was not submitted, or before its command */
	NVME_FAULT_COMMAND,     /* a command of the bring-up failed */
	NVME_FAULT_DATA,        /* what it says about itself contradicts the specification */
	NVME_FAULT_UNSUPPORTED, /* page size, command set or queue entry sizes */
	NVME_FAULT_REQUESTED,   /* nvme_reset() */
	NVME_FAULT_COUNT
};
const char *nvme_fault_text(enum nvme_fault fault);
const char *nvme_state_text(enum nvme_state state);

/* For host tests; NULL in the image, where registers are a mapped page. */
struct nvme_hook {
	uint32_t (*read)(void *context, uint32_t offset);
	void (*write)(void *context, uint32_t offset, uint32_t value);
	void *context;
};

struct nvme_memory { /* page-aligned */
	void *at;
	hpa_t hpa;
	uint64_t bytes;
};

struct nvme_config {
	volatile void *registers; /* BAR0, uncached */
	uint64_t register_bytes;
	const struct nvme_hook *hook;
	struct nvme_memory memory; /* NVME_MEMORY_BYTES */
	uint64_t tsc_hz;
	uint64_t admin_timeout_ns, io_timeout_ns;
	uint64_t poll_ns;     /* between looks while something is awaited */
	uint64_t watch_ns;    /* between looks at CSTS otherwise */
	uint32_t fault_limit; /* faults in a row after which it is given up */
};

/* --- queues (nvme_queue.c) -------------------------------------------------------------------- */

#define NVME_SLOT_NONE 255u

struct nvme_slot { /* a command in flight, or free */
	uint64_t deadline_tsc;
	uint64_t tag;
	uint32_t sequence;  /* its number in the submission queue */
	uint8_t generation; /* 15:8 of its command identifier: a late or second completion differs */
	bool is_sent;
	uint8_t older, newer; /* in flight, by submission; free ones by `newer` */
};

struct nvme_queue { /* a submission queue and its completion queue, of the same size */
	struct nvme_sqe *sq;
	const struct nvme_cqe *cq; /* written by the device */
	struct nvme_slot *slots;   /* not reachable for the device */
	hpa_t sq_hpa, cq_hpa;
	uint32_t submitted, fetched, rung; /* sequence numbers; index: modulo `entries` */
	uint32_t cq_head;                  /* sequence number of completions taken */
	uint16_t id;
	uint16_t entries; /* power of two */
	uint16_t slot_count, in_flight;
	uint8_t free, oldest, newest;
};

struct nvme_done {
	uint64_t tag;
	uint32_t result; /* DW0 */
	uint16_t
		status; /* NVME_STATUS_LOST: a reset came between; it may or may not have been done */
};

/* --- controller --------------------------------------------------------------------------------- */

struct nvme_namespace {
	uint32_t nsid;
	uint64_t block_count;
	uint8_t block_shift;
	bool is_usable; /* blocks of 512 to 4096 bytes, no metadata, no protection information */
};

struct nvme_identity {
	char serial[21], model[41], firmware[9]; /* printable, trailing blanks cut */
	uint32_t version;
	uint16_t cntlid;
	uint32_t namespace_limit;    /* NN */
	uint64_t transfer_max_bytes; /* UINT64_MAX: no limit */
	bool has_virtualization, has_ns_management, has_dsm, has_write_zeroes, has_cache;
	uint32_t shutdown_us;
};

struct nvme_admin {
	struct nvme_queue queue;
	struct nvme_slot slots[NVME_ADMIN_SLOTS];
	const void *owner; /* of the command in flight or done; NULL: free */
	bool is_done;
	struct nvme_done done;
};

struct nvme_io_queue;

struct nvme {
	struct nvme_config config;
	enum nvme_state state;
	enum nvme_fault fault;  /* the latest */
	uint32_t pending_fault; /* [A] enum nvme_fault, found by the owner of an I/O queue */
	uint32_t faults_in_row;
	uint32_t fault_count, reset_count, flr_count;
	uint32_t epoch; /* increases whenever the controller was disabled */
	bool is_en_cleared, wants_flr, is_stopping;
	uint64_t cap;
	uint64_t deadline_tsc, good_tsc;
	uint64_t ready_tsc, poll_tsc, watch_tsc, admin_timeout_tsc, io_timeout_tsc;
	uint32_t dstrd;
	uint32_t bringup, bringup_index;
	struct nvme_admin admin;
	volatile uint8_t *page; /* untrusted */
	hpa_t page_hpa;
	struct nvme_identity id;
	struct nvme_namespace namespaces[NVME_NAMESPACE_MAX];
	uint32_t namespace_count, namespaces_left_out;
	struct nvme_io_queue *io[NVME_IO_QUEUE_MAX];
	uint32_t io_count;         /* given by the caller */
	uint32_t io_granted_count; /* by the controller */
};

/* Reads what the controller is capable of; changes nothing of it. */
MUST_CHECK enum err nvme_init(struct nvme *d, const struct nvme_config *config, uint64_t now_tsc);
/* One look, bounded work. Call again at *again_tsc at the latest, or TSC_NEVER: nothing to do. */
enum nvme_state nvme_step(struct nvme *d, uint64_t now_tsc, uint64_t *again_tsc);

enum nvme_reset { NVME_RESET_CONTROLLER, NVME_RESET_FUNCTION };
/* Deliberate: does not count as a fault. NVME_RESET_FUNCTION disables, then WANTS_FLR. */
void nvme_reset(struct nvme *d, enum nvme_reset kind, uint64_t now_tsc);
/* The function was reset, its configuration space restored, bus mastering is on again. */
void nvme_after_flr(struct nvme *d, uint64_t now_tsc);
/* The caller knows better, or could not reset the function: FAILED, from any state. */
void nvme_give_up(struct nvme *d);
/* The device reaches no memory any more (arch_iommu_block()): FAILED gives back what it held. */
void nvme_after_block(struct nvme *d);
/* From READY, with no command in flight: caches to the medium, then disabled. nvme_reset() from
 * STOPPED starts it again. */
MUST_CHECK enum err nvme_shutdown(struct nvme *d, uint64_t now_tsc);

/* --- admin commands: one at a time, from READY on ------------------------------------------------- */

/* CID is filled in. ERR_BUSY: not ready, or another owner's command has not been taken yet. */
MUST_CHECK enum err nvme_admin_start(struct nvme *d, const void *owner, const struct nvme_sqe *c,
				     uint64_t now_tsc);
/* True: this owner's command is done, and the way is free for the next. nvme_step() polls. */
bool nvme_admin_take(struct nvme *d, const void *owner, struct nvme_done *done);
/* False: a reset has dropped it, unless it was taken. */
bool nvme_admin_is_pending(const struct nvme *d, const void *owner);
/* With PRP1 set to the data page. */
struct nvme_sqe nvme_identify_command(const struct nvme *d, uint32_t cns, uint32_t nsid,
				      uint32_t cntid);
/* NULL: no such namespace, or unusable. */
const struct nvme_namespace *nvme_namespace(const struct nvme *d, uint32_t nsid);

struct nvme_smart {
	uint8_t warning; /* "Critical Warning": 0 is well */
	uint8_t spare_percent, spare_threshold_percent, used_percent;
	uint16_t temperature_kelvin;
	uint64_t units_read, units_written; /* of 512,000 bytes; saturated */
	uint64_t power_cycles, power_on_hours, unsafe_shutdowns, media_errors;
};
/* Asks, then takes: ERR_BUSY until the answer is there. ERR_UNSUPPORTED: the controller refused.
 * ERR_NODEV: not asked, or a reset came between. */
MUST_CHECK enum err nvme_smart_start(struct nvme *d, uint64_t now_tsc);
MUST_CHECK enum err nvme_smart_take(struct nvme *d, struct nvme_smart *smart);

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core/partition.h - partitions and their vCPUs: loading, life, end.
 *
 * States   created -> running -> ended      (by its own wish)
 *		      |  ^  \-> stopped    (misbehaved; `stop_reason` says how)
 *		      v  |
 *		    restarting
 *	    created	partition_create()	running	    run_init(), load_step()
 *	    ended	partition_end()		stopped	    partition_stop()
 *	    restarting	partition_reset() where the configuration says so: every vCPU parks
 *			on its own core; then the first vCPU's core loads the guest again, in that
 *			vCPU's own time and in bounded steps, and starts it.
 * Sharing  [I] constant after creation, [A] atomic, [L] under the partition's lock, [C] written
 *	    by the vCPU's own core only, read by core 0 once that core has stopped.
 */
#pragma once
#include "arch/boot_info.h"
#include "arch/guest.h"
#include "core/ledger.h"
#include "core/lib/lock.h"
#include "core/plan.h"

enum partition_state {
	PARTITION_CREATED,
	PARTITION_RUNNING,
	PARTITION_RESTARTING,
	PARTITION_ENDED,
	PARTITION_STOPPED
};

#define CONSOLE_LINE_BYTES 256u

/* Beside its APIC's timer: the PC's; the gate in front of its devices' interrupts. */
#define CLOCK_PC   BIT32(0)
#define CLOCK_GATE BIT32(1)

/* What a guest prints, until its line is complete. */
struct guest_console {
	uint32_t length;       /* [L] */
	uint64_t tokens;       /* [L] bytes it may print now, in ticks: see core/console.c */
	uint64_t refilled_tsc; /* [L] */
	char line[CONSOLE_LINE_BYTES];
};

struct partition;

struct vcpu_state {
	vcpu_id_t id;                 /* [I] its index in vcpu_states[] and plan.vcpus[] */
	struct partition *partition;  /* [I] */
	const struct plan_vcpu *plan; /* [I] */
	core_id_t core;               /* [I] */
	uint32_t server;              /* [I] its CBS server on that core */
	uint8_t clocks;               /* [I] CLOCK_*: its core serves these timers, too */
	uint64_t has_no_calls;        /* [I] 1: a guest of somebody else's; 0: one of ours */
	bool is_service;              /* [I] no guest: core/service.h */
	bool is_blocked;              /* [C], read by who pokes: waits for an interrupt */
	bool has_finished;            /* [C] never runs again */
	bool is_parked;               /* [C] its partition restarts */
	bool is_dead;                 /* [L] halted with interrupts off */
	uint32_t life;                /* [C] how often its partition had restarted when it began */
	uint32_t fruitless; /* [C], read by who pokes: looks in a row that did not wake it */
	/* What run_guest() keeps its eyes on: here, and not in registers or on the stack. */
	uint64_t timer_tsc;    /* [C] cached: its virtual timer's, or its PC's, next expiry */
	uint64_t until_tsc;    /* [C] while it runs: when the core wants to choose again */
	uint64_t deadline_tsc; /* [C] while it runs: the earlier of the two */
	uint64_t last_tsc;     /* [C] while it runs: stands for its core's ledger.last_tsc */
	struct exit_info exit; /* [C] the last one */
	uint64_t debt_tsc;     /* [C] scheduling done for it, to be charged when it wakes */
	uint64_t switches;     /* [C] */
	uint64_t ready_tsc;    /* [C] since when it wants to run and does not */
	uint64_t steal_tsc;    /* [C] how long it has wanted to run and did not */
	uint64_t exits[EXIT_KIND_COUNT]; /* [C] */
	struct vcpu_ledger ledger;       /* [C] */
};

struct partition {
	const struct partition_config *config; /* [I] */
	const struct plan_partition *plan;     /* [I] */
	char tag[24];                          /* [I] "part NAME", for the log */
	struct vcpu_state *vcpus;              /* [I] plan->vcpu_count of them */
	struct guest_ram ram;                  /* [I] */
	struct guest_image image;              /* [I] files as they lie in host memory */
	struct guest_load load;                /* [I] what goes where */
	uint64_t start_tsc;    /* [I] when it was created: time 0 of the PC's clock */
	uint64_t epoch_tsc;    /* [A] when the guest's TSC read 0 */
	uint32_t state;        /* [A] enum partition_state */
	uint32_t life;         /* [A] restarts so far */
	uint32_t parked_count; /* [A] while it restarts */
	uint64_t loaded_bytes; /* [C] of its first vCPU: how far loading has come */
	struct lock lock;
	uint64_t exit_status;                    /* [C] of whoever ended it */
	char stop_reason[96];                    /* [C] of whoever stopped it */
	uint64_t jobs, misses, response_max_tsc; /* [L] as the guest reported them */
	struct guest_console console;
};

extern struct partition partitions[MAX_PARTITIONS];
extern uint32_t partition_count; /* [I] */
extern struct vcpu_state vcpu_states[MAX_VCPUS];
extern uint32_t vcpu_count; /* [I] */

static inline enum partition_state partition_state(const struct partition *p)
{
	return (enum partition_state)__atomic_load_n(&p->state, __ATOMIC_ACQUIRE);
}

/*
 * Address space, RAM, PC and vCPUs; loads the image. `files` are those of the boot volume.
 * `reason` says what is wrong with which file, or what was missing.
 */
MUST_CHECK enum err partition_create(part_id_t id, const struct partition_config *wanted,
				     const struct plan *plan, const struct boot_info *boot,
				     const char **reason);

/* What carries the service as if it were a partition's: a name, and its virtual CPU. */
void partition_make_service(const struct config *system, const struct plan *plan);

/* By its own wish; by ours, in one line on the log. Both leave the neighbours alone. */
void partition_end(struct partition *p, uint64_t status);
void partition_stop(struct vcpu_state *v, const char *format, ...) PRINTF(2, 3);
/* Begins its life again, at the wish of this vCPU. */
void partition_reset(struct vcpu_state *v);

/* Copies from guest-physical memory. ERR_RANGE: not wholly inside its RAM, or in the hole. */
MUST_CHECK enum err partition_read(const struct partition *p, gpa_t from, void *to, uint64_t bytes);

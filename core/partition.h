/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core/partition.h - partitions: their life, and the one vCPU each has.
 *
 * States   created -> running -> ended   (guest called GUEST_CALL_EXIT)
 *			      \-> stopped (misbehaved; `stop_reason` says how)
 *	    created	partition_create()	running	  partitions_start()
 *	    ended	partition_end()		stopped	  partition_stop()
 * Sharing  [I] constant after creation, [C] written by the vCPU's own core only, read by core 0
 *	    once that core has stopped.
 */
#pragma once
#include "core/ledger.h"
#include "core/plan.h"

enum partition_state { PARTITION_CREATED, PARTITION_RUNNING, PARTITION_ENDED, PARTITION_STOPPED };

#define CONSOLE_LINE_BYTES 256u

/* What a guest prints, until its line is complete. */
struct guest_console {
	uint32_t length;       /* [C] */
	uint64_t tokens;       /* [C] bytes it may print now, in ticks: see core/console.c */
	uint64_t refilled_tsc; /* [C] */
	char line[CONSOLE_LINE_BYTES];
};

struct vcpu_state {
	vcpu_id_t id;      /* [I] */
	part_id_t part;    /* [I] */
	core_id_t core;    /* [I] */
	uint32_t server;   /* [I] its CBS server on that core */
	bool is_blocked;   /* [C] waits for an interrupt */
	bool has_finished; /* [C] never runs again */
	/* What run_guest() keeps its eyes on: here, and not in registers or on the stack. */
	uint64_t timer_tsc;    /* [C] cached arch_vcpu_timer_tsc() */
	uint64_t until_tsc;    /* [C] while it runs: when the core wants to choose again */
	uint64_t deadline_tsc; /* [C] while it runs: the earlier of the two */
	uint64_t last_tsc;     /* [C] while it runs: stands for its core's ledger.last_tsc */
	struct exit_info exit; /* [C] the last one */
	uint64_t debt_tsc;     /* [C] scheduling done for it, to be charged when it wakes */
	uint64_t switches;     /* [C] */
	uint64_t exits[EXIT_KIND_COUNT]; /* [C] */
	struct vcpu_ledger ledger;       /* [C] */
};

struct partition {
	const struct partition_config *config;   /* [I] */
	const struct plan_partition *plan;       /* [I] */
	char tag[24];                            /* [I] "part NAME", for the log */
	uint64_t epoch_tsc;                      /* [I] when the guest's TSC read 0 */
	enum partition_state state;              /* [C] */
	uint64_t exit_status;                    /* [C] */
	char stop_reason[96];                    /* [C] */
	uint64_t jobs, misses, response_max_tsc; /* [C] as the guest reported them */
	struct guest_console console;
	struct vcpu_state vcpu;
};

/* Its virtual timer was set, or went off. */
static inline void vcpu_note_timer(struct vcpu_state *v)
{
	v->timer_tsc = arch_vcpu_timer_tsc(v->id);
	v->deadline_tsc = min_u64(v->until_tsc, v->timer_tsc);
}

extern struct partition partitions[MAX_PARTITIONS];
extern uint32_t partition_count; /* [I] */

/* RAM, image, vCPU. `reason` says what is wrong with the image or what was missing. */
MUST_CHECK enum err partition_create(part_id_t id, const struct partition_config *wanted,
				     const struct plan_partition *plan, const void *file,
				     uint64_t file_bytes, uint64_t epoch_tsc, const char **reason);

/* By its own wish; by ours, in one line on the log. Both leave the neighbours alone. */
void partition_end(struct partition *p, uint64_t status);
void partition_stop(struct partition *p, const char *format, ...) PRINTF(2, 3);

/* Copies from guest-physical memory. ERR_RANGE: not wholly inside its RAM, or in the hole. */
MUST_CHECK enum err partition_read(const struct partition *p, gpa_t from, void *to, uint64_t bytes);

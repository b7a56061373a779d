/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core/run.h - one loop per core: wake, choose, run, account.
 *
 *	 clock -> sched picks (vCPU, absolute deadline) -> arch enters guest -> exit, decoded
 *	       -> core dispatches -> again
 *
 * Accounting  Ticks between entry and exit are the guest's. Ticks from an exit to the next
 *	       entry are the hypervisor's for that guest, by exit kind. Both are charged to its
 *	       server. A pass of the scheduler belongs to the vCPU that caused it by blocking or
 *	       by waking, and is charged to its server when it wakes next
 *	       (`debt_tsc`); so does a pass for an interrupt of a device of its own,
 *	       wherever it finds its vCPU; a pass due to exhaustion or replenishment, or a look at a sleeper
 *	       that sleeps on (a few in a row, then at most one in a period), is the scheduler's own, and is what the admission
 *	       test's overhead stands for.
 * Units       TSC ticks, absolute.
 * Sharing     struct run_core belongs to its core until `is_done`; core 0 reads it afterwards.
 */
#pragma once
#include "core/partition.h"
#include "core/trace.h"
#include "sched/cbs.h"
#include "sched/wakeq.h"

struct run_core {
	core_id_t id;                         /* [I] */
	bool is_used;                         /* [I] some partition has a claim on it */
	bool is_owned;                        /* [I] by vCPU server_vcpu[0] */
	uint32_t server_vcpu[CBS_SERVER_MAX]; /* [I] the vCPU that a server runs */
	struct cbs cbs;                       /* [C] */
	struct wakeq wakeq;                   /* [C] blocked vCPUs' timers, by vCPU */
	vcpu_set_t poked;           /* atomic: vCPUs of this core that others have something for */
	struct vcpu_state *running; /* [C], read by who pokes: inside run_guest(), or NULL */
	struct vcpu_state *causer;  /* [C] for whom the pass at hand is made; or NULL */
	struct ledger ledger;       /* [C] */
	struct trace trace;         /* [C] */
	uint64_t passes;            /* [C] */
	uint64_t pass_tsc;          /* [C] the last pass: exit to choice made */
	uint32_t last_server;       /* [C] who ran before; CBS_NONE: the core was idle */
	uint64_t switch_max_tsc;    /* [C] longest way from one guest's exit to another's entry */
	uint64_t service_step_tsc;  /* [I] the longest step of the service */
	uint64_t switch_overhead_tsc; /* [I] what the admission test takes a switch for */
	uint32_t is_done;             /* atomic; written by its core, read by core 0 */
};

extern struct run_core run_cores[MAX_CORES];

/* Servers of all planned partitions, in the partitions' order. Boot core, before run_loop(). */
MUST_CHECK enum err run_init(const struct plan *plan, const struct board *board, uint64_t end_tsc);
void run_trace_init(core_id_t core, struct trace_record *ring, uint64_t record_count);

/* Returns when everything has ended or the run limit has come. */
void run_loop(core_id_t core);
/* Core 0, after its own loop: until all have left theirs. */
void run_wait_for_all(void);

/*
 * Their partition's state has changed, or a clock of theirs: their cores look at it soon, leaving
 * a guest that runs. Any core.
 */
void run_poke(vcpu_set_t set);
/* After host interrupts were taken on the calling core: those that they were for are poked. */
void run_take_interrupts(void);
/* The service is to run at that time, 0: at once, if it would not earlier. core/service.c. Any core. */
void run_wake_service(uint64_t at_tsc);
/* Interrupts for these were posted, by no exit of theirs. */
void run_notify(vcpu_set_t set);
/* Interrupts for these were posted in an exit of `from`, which takes in its own at once. */
void run_deliver(struct vcpu_state *from, vcpu_set_t set);

/* Its virtual timer, or its PC's, was set or went off. */
void run_note_timer(struct vcpu_state *v);
/* The time has come for one of them. */
void run_expire(struct vcpu_state *v, uint64_t now_tsc);

/* A partition of this core has ended or was stopped; the last one ends the run. */
void run_partition_finished(void);

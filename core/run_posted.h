/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core/run_posted.h - between run.c and run_posted.c: what reaches a vCPU from elsewhere.
 *
 * Model    A bit per vCPU in its core's `poked` says that something waits for it: interrupts, or
 *	    the end or restart of its partition. run_posted.c sets the bits and says what they
 *	    lead to; run.c knows who runs, sleeps and is charged.
 * Sharing  The core's own, but for what run.h says.
 */
#pragma once
#include "core/run.h"

/* How often in a row a sleeping vCPU may be looked at in vain. */
#define FRUITLESS_MAX 16u

/* run.c: it has work; it has none. */
void run_wake(struct run_core *c, struct vcpu_state *v, uint64_t now_tsc);
void run_block(struct run_core *c, struct vcpu_state *v, uint64_t now_tsc);
/* run.c: what was done for it while it did not run. It is ready, or has just woken. */
void run_pay_debt(struct run_core *c, struct vcpu_state *v, uint64_t now_tsc);
/* run.c: it sleeps on, until its next timer. */
void run_queue_timer(struct run_core *c, struct vcpu_state *v, uint64_t now_tsc);

/* run_posted.c: each vCPU of the core that was poked is looked at once. */
void run_look_at_poked(struct run_core *c, uint64_t now_tsc);
